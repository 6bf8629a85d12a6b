#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""A state directory that is damaged: the daemon refuses to start with one message that names the
file, and does not touch it; it never crashes, and is never half there. A memory directory that is
not the one that the database speaks of: contents are lost and said to be lost."""

import contextlib
import ctypes
import os
import pathlib
import random
import shutil
import sqlite3
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "blackbox"))

import wire  # noqa: E402
from peer import Daemon, Peer, Skip, die_with_us, run  # noqa: E402

SEED = int(os.environ.get("PENSTOCK_DAMAGE_SEED") or 1)
FLIPS = int(os.environ.get("PENSTOCK_DAMAGE_FLIPS") or 12)
SAMPLES = 6
PR_CAPBSET_DROP = 24


def without_capabilities():
    """Permissions hold for root too; after the exec, since nothing is left to inherit."""
    die_with_us()
    for capability in range(64):
        ctypes.CDLL(None).prctl(PR_CAPBSET_DROP, capability, 0, 0, 0)


class OrdinaryDaemon(Daemon):
    before_exec = staticmethod(without_capabilities)


class Kept:
    """A daemon that was stopped, with a leased session in its state."""

    def __init__(self):
        self.daemon = OrdinaryDaemon()
        with Peer(self.daemon, lease_s=60) as peer:
            self.id = peer.id
            self.device = peer.device()
            self.context = peer.context(self.device)
            self.allocation = peer.allocation(self.device, 4096)
            peer.upload(self.allocation, b"kept" * 1024)
            peer.sync()
        assert self.daemon.stop() == 0
        self.path = pathlib.Path(self.daemon.directory) / "state" / "penstock.db"
        with contextlib.closing(sqlite3.connect(self.path)) as database:
            database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            database.execute("PRAGMA journal_mode = DELETE")
        self.bytes = self.path.read_bytes()

    def put(self, data):
        for path in self.path.parent.glob("penstock.db*"):
            if path.is_dir() and not path.is_symlink():
                path.rmdir()
            else:
                path.unlink()
        if data is not None:
            self.path.write_bytes(data)

    def start(self):
        """None: it runs. Otherwise the one line that it said, when it ended as it should."""
        os.truncate(self.daemon.log, 0)
        try:
            self.daemon.start()
            return None
        except AssertionError:
            code = self.daemon.process.returncode
            text = pathlib.Path(self.daemon.log).read_text(encoding="utf-8")
            faults = [line for line in text.splitlines() if "cannot start" in line]
            assert code == 1, f"exit status {code}: {text}"
            assert len(faults) == 1, text
            return faults[0]

    def look(self):
        """Of all that is in the state directory: what it is, and its bytes."""
        return {path.name: (path.lstat().st_mode,
                            path.read_bytes() if path.is_file() and os.access(path, os.R_OK) else b"")
                for path in [self.path.parent, *self.path.parent.iterdir()]}

    def refuses(self, *words):
        before = self.look()
        line = self.start()
        if line is None:
            self.daemon.stop()
            raise AssertionError(f"it starts: {words}")
        assert all(word in line for word in words), (words, line)
        assert self.look() == before, "it changed something"

    def works_again(self):
        self.put(self.bytes)
        assert self.start() is None
        with Peer(self.daemon, **self.id) as peer:
            assert peer.welcome.resumed
            assert peer.read(self.allocation, 4096) == b"kept" * 1024
        assert self.daemon.stop() == 0

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.daemon.process.poll() is None:
            self.daemon.stop()
        shutil.rmtree(self.daemon.directory, ignore_errors=True)


def a_torn_database_is_refused():
    """Cut at each page, and at a few places inside one."""
    with Kept() as kept:
        page = int.from_bytes(kept.bytes[16:18], "big")
        generator = random.Random(SEED)
        ends = [*range(page, len(kept.bytes), page), 1, 99, len(kept.bytes) - 1,
                *(generator.randrange(1, len(kept.bytes)) for _ in range(SAMPLES))]
        for end in ends:
            kept.put(kept.bytes[:end])
            kept.refuses()
        kept.works_again()


def a_flipped_bit_is_refused_or_does_no_harm():
    """It may be one that nobody reads, or the text of a name; then the daemon runs, and stops."""
    with Kept() as kept:
        generator = random.Random(SEED)
        for _ in range(FLIPS):
            at, bit = generator.randrange(len(kept.bytes)), generator.randrange(8)
            data = bytearray(kept.bytes)
            data[at] ^= 1 << bit
            kept.put(data)
            if kept.start() is None:
                with Peer(kept.daemon) as peer:
                    peer.device()
                    peer.sync()
                kept.daemon.check_alive()
                assert kept.daemon.stop() == 0, f"bit {bit} of byte {at}"
        kept.works_again()


def a_wrong_file_is_refused_by_name():
    with Kept() as kept:
        kept.put(b"this is somebody's letter\n" * 1000)
        kept.refuses()
        kept.put(None)
        with contextlib.closing(sqlite3.connect(kept.path)) as database:
            database.execute("CREATE TABLE recipe (name TEXT)")
            database.commit()
        kept.refuses()
        kept.works_again()


def what_is_no_file_is_refused_by_name():
    with Kept() as kept:
        kept.put(None)
        kept.path.mkdir()
        kept.refuses("penstock.db: is no file")
        kept.put(None)
        os.mkfifo(kept.path)
        kept.refuses("penstock.db: is no file")
        kept.put(None)
        kept.path.symlink_to("/dev/null")
        kept.refuses("penstock.db: is no file")
        kept.put(kept.bytes)
        kept.path.with_name("penstock.db-wal").mkdir()
        kept.refuses("penstock.db-wal: is no file")
        kept.works_again()


def what_may_not_be_read_or_written_is_refused_by_name():
    with Kept() as kept:
        if os.geteuid() == 0 and not bounding_set_can_be_dropped():
            raise Skip("root, and its capabilities cannot be dropped")
        for mode in (0o000, 0o400, 0o200):
            kept.put(kept.bytes)
            kept.path.chmod(mode)
            kept.refuses("penstock.db: cannot be read and written: Permission denied")
        for data in (kept.bytes, None):
            kept.put(data)
            kept.path.parent.chmod(0o500)
            try:
                kept.refuses("/state' is no folder that can be written")
            finally:
                kept.path.parent.chmod(0o700)
        kept.works_again()


def bounding_set_can_be_dropped():
    with subprocess.Popen(["cat", "/proc/self/status"], stdout=subprocess.PIPE, text=True,
                          preexec_fn=without_capabilities) as process:
        return "CapEff:\t0000000000000000" in process.stdout.read()


def a_newer_schema_is_refused():
    with Kept() as kept:
        with contextlib.closing(sqlite3.connect(kept.path)) as database:
            database.execute("PRAGMA user_version = 9999")
        kept.refuses("9999")
        kept.works_again()


def contents_of_another_memory_directory_are_said_to_be_lost():
    """As after a power loss, which tmpfs does not survive: the device is lost, its session is not."""
    with Kept() as kept:
        kept.put(kept.bytes)
        memory = pathlib.Path(kept.daemon.directory) / "memory"
        shutil.rmtree(memory)
        memory.mkdir(mode=0o700)
        assert kept.start() is None
        with Peer(kept.daemon, **kept.id) as peer:
            assert peer.welcome.resumed
            state = peer.wait(peer.request("QUERY_DEVICE", name=kept.device)).answer
            assert state.execution_state != 1, "the device goes on without its contents"
            read = peer.settle(peer.read_back(kept.allocation, 4096))
            assert read.status != 0, "bytes that nobody has"
            peer.request("DESTROY", name=kept.device)
            device = peer.device(name=kept.device + (1 << 32))
            new = peer.allocation(device, 4096, name=kept.allocation + (1 << 32))
            assert peer.read(new, 4096) == bytes(4096)
        assert kept.daemon.stop() == 0


if __name__ == "__main__":
    run([a_torn_database_is_refused, a_flipped_bit_is_refused_or_does_no_harm,
         a_wrong_file_is_refused_by_name, what_is_no_file_is_refused_by_name,
         what_may_not_be_read_or_written_is_refused_by_name, a_newer_schema_is_refused,
         contents_of_another_memory_directory_are_said_to_be_lost])
