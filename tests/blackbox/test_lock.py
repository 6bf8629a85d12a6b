#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Uploads and read-backs of what the GPU is using; docs/protocol.md §9, `flags`."""

import contextlib
import struct
import time

import wire
from peer import PATIENCE_S, STATUS, Daemon, Peer, refused, run
from test_sizes import spin

DONOT_WAIT, IGNORE_SYNC, DISCARD, IGNORE_READ_SYNC = 0x4, 0x8, 0x80, 0x400
WORD = struct.Struct("<I")
LONG_US = 600000000


class Bench:
    """Two contexts of a device: one that can be kept busy, and two allocations."""

    def __init__(self, daemon, size=4096, **hello):
        self.peer = Peer(daemon, **hello)
        self.device = self.peer.device()
        self.context = self.peer.context(self.device)
        self.source = self.peer.allocation(self.device, size)
        self.copies = self.peer.allocation(self.device, 65536)
        self.made = 0

    def copy_word(self, context=None):
        """Submits a copy of the source's first word behind those before it."""
        pending = self.peer.submit(wire.submission(
            context or self.context, wire.copy(0, 0, 1, self.made * 4, 4),
            [(self.source, False), (self.copies, True)]))
        self.made += 1
        return pending

    def upload(self, value, flags, offset=0):
        return self.peer.request("UPLOAD", WORD.pack(value), allocation=self.source,
                                 offset=offset, flags=flags)

    def words(self):
        data = self.peer.read(self.copies, self.made * 4)
        return list(struct.unpack(f"<{self.made}I", data))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.peer.close()


def B11_every_submission_reads_the_instance_of_its_place(daemon):
    """Nobody waits, and each copy gives what was uploaded right before it."""
    with Bench(daemon) as bench:
        count = 400
        for i in range(count):
            bench.upload(i + 1, DISCARD)
            bench.copy_word()
        bench.peer.sync()
        assert bench.words() == list(range(1, count + 1))


@contextlib.contextmanager
def busy_for_good():
    """A daemon of one's own, whose GPU may be given work that does not end before it is killed."""
    with Daemon("--test-instructions") as daemon:
        yield daemon
        daemon.kill()
        daemon.start()


def B11_discard_is_acknowledged_while_the_gpu_holds_the_instance(_daemon):
    with busy_for_good() as daemon, Bench(daemon) as bench:
        bench.peer.wait(bench.upload(1, 0))
        # the context spins, and its list has the source: all behind it waits
        busy = bench.peer.submit(wire.submission(bench.context, spin(LONG_US),
                                                 [(bench.source, False), (bench.copies, True)]))
        first = bench.copy_word()
        refused(bench.peer, bench.upload(9, DONOT_WAIT), "GRAPHICS_ALLOCATION_BUSY")
        refused(bench.peer, bench.peer.request("READ_BACK", allocation=bench.source, size_bytes=4,
                                               flags=DONOT_WAIT), "GRAPHICS_ALLOCATION_BUSY")
        assert bench.peer.wait(bench.upload(2, DISCARD)).status == STATUS["SUCCESS"]
        assert bench.peer.read(bench.source, 4) == WORD.pack(2)  # of the new one: at once
        assert not bench.peer.fences
        # another context of the device is not held up: it reads the new one
        other = bench.peer.context(bench.device)
        elsewhere = bench.peer.allocation(bench.device, 4096)
        pending = bench.peer.submit(wire.submission(other, wire.nop(), [(bench.source, False),
                                                                        (elsewhere, True)]))
        bench.peer.sync()
        assert busy.status == first.status == pending.status == STATUS["SUCCESS"]


def B11_a_flood_of_discards_of_a_large_allocation_is_bounded(daemon):
    size = 8 << 20
    with Bench(daemon, size) as bench:
        for i in range(40):
            bench.upload(i, DISCARD)
            bench.copy_word()
        bench.peer.sync()
        assert bench.words() == list(range(40))
        rows = bench.peer.wait(bench.peer.request("ADMIN_STATUS")).answer.principals
        held = max(row.memory_bytes for row in rows)
        assert held <= 8 * size + (1 << 20), held
        bench.peer.wait(bench.peer.request("DESTROY", name=bench.source))
        deadline = time.monotonic() + PATIENCE_S
        while max(row.memory_bytes for row in rows) >= size:
            assert time.monotonic() < deadline, rows
            rows = bench.peer.wait(bench.peer.request("ADMIN_STATUS")).answer.principals


def B11_ignore_sync_appends_behind_what_the_gpu_reads(daemon):
    """The way of a vertex buffer: each part is written once, and drawn from at once."""
    with Bench(daemon, 65536) as bench:
        count = 500
        for i in range(count):
            bench.upload(i + 1, IGNORE_SYNC, offset=i * 4)
            bench.peer.submit(wire.submission(
                bench.context, wire.copy(0, i * 4, 1, i * 4, 4),
                [(bench.source, False), (bench.copies, True)]))
        bench.made = count
        assert bench.words() == list(range(1, count + 1))


def B11_ignore_read_sync_reads_beside_a_reader(_daemon):
    with busy_for_good() as daemon, Bench(daemon) as bench:
        bench.peer.wait(bench.upload(5, 0))
        bench.peer.submit(wire.submission(bench.context, spin(LONG_US), [(bench.source, False)]))
        answer = bench.peer.wait(bench.peer.request("READ_BACK", allocation=bench.source,
                                                    size_bytes=4, flags=IGNORE_READ_SYNC))
        assert answer.payload == WORD.pack(5)
        assert not bench.peer.fences


def B11_contradictions_and_wrong_names_are_refused(daemon):
    with Bench(daemon) as bench, Bench(daemon) as other:
        other.peer.sync()
        for flags in (1, 2, 0x20, 1 << 31, DISCARD | IGNORE_SYNC, DISCARD | IGNORE_READ_SYNC,
                      IGNORE_SYNC | IGNORE_READ_SYNC):
            refusal = refused(bench.peer, bench.upload(1, flags), "INVALID_PARAMETER")
            assert f"0x{flags:x}" in refusal.sentence, refusal
        for flags in (DISCARD, IGNORE_SYNC, 0x40):
            refused(bench.peer, bench.peer.request("READ_BACK", allocation=bench.source,
                                                   size_bytes=4, flags=flags),
                    "INVALID_PARAMETER")
        for name in (0, bench.context, bench.source + (1 << 32), 77):
            refused(bench.peer, bench.peer.request("UPLOAD", b"1234", allocation=name,
                                                   flags=DISCARD), "INVALID_HANDLE")
        refused(bench.peer, bench.peer.request("UPLOAD", b"1234", allocation=bench.source,
                                               offset=4094, flags=DISCARD), "INVALID_PARAMETER")
        bench.copy_word()
        bench.peer.wait(bench.peer.request("DESTROY", name=bench.source))
        refused(bench.peer, bench.upload(1, DISCARD), "INVALID_HANDLE")


def B11_a_connection_that_ends_inside_a_discard_changes_nothing(daemon):
    with Bench(daemon, lease_s=60) as bench:
        bench.peer.wait(bench.upload(0x11111111, 0))
        bench.peer.submit(wire.submission(bench.context, wire.fill(1, 0, 4, 1),
                                          [(bench.source, False), (bench.copies, True)]))
        bench.peer.sync()
        serial = bench.peer.serial
        data = wire.frame("UPLOAD", serial + 1, bytes(4096), allocation=bench.source,
                          flags=DISCARD)
        for cut in (1, 2048):
            bench.peer.send(data[:-cut])
            bench.peer.reset()
            bench.peer = Peer(daemon, **bench.peer.id)
            assert bench.peer.welcome.last_serial == serial
            assert bench.peer.read(bench.source, 4) == b"\x11" * 4
            serial = bench.peer.serial
            data = wire.frame("UPLOAD", serial + 1, bytes(4096), allocation=bench.source,
                              flags=DISCARD)


def B11_an_acknowledged_discard_is_back_after_kill_9(_daemon):
    with Daemon("--test-instructions") as daemon:
        bench = Bench(daemon, lease_s=60)
        for i in range(50):
            bench.upload(i + 1, DISCARD)
            bench.copy_word()
        last = bench.upload(1000, DISCARD)
        bench.peer.wait(last)
        assert bench.peer.wait_fence(bench.context, last.serial - 1) == STATUS["SUCCESS"]
        bench.peer.sync()
        daemon.kill()
        bench.peer.reset()
        for _ in range(2):
            daemon.start()
            with Peer(daemon, **bench.peer.id) as again:
                assert again.read(bench.source, 4) == WORD.pack(1000)
                data = again.read(bench.copies, 200)
                assert struct.unpack("<50I", data) == tuple(range(1, 51))
            daemon.kill()
        daemon.start()


def transfers_under_way(watcher):
    text = watcher.wait(watcher.request("ADMIN_METRICS")).answer.text
    return sum(int(float(line.split()[-1])) for line in text.splitlines()
               if line.startswith("penstock_transfers"))


def B12_a_slow_no_overwrite_upload_meets_its_own_submission(daemon):
    """A submission waits for a read-back that its client does not read; its other allocation, which
    has no place yet, is under an upload that dribbles when its turn comes. In the aperture it runs,
    without one it ends so."""
    size = 32 << 20
    for segments, status in ((0, "SUCCESS"), (1, "GRAPHICS_CANT_RENDER_LOCKED_ALLOCATION")):
        with Peer(daemon) as watcher, Peer(daemon) as peer:
            device = peer.device()
            context = peer.context(device)
            locked = peer.allocation(device, 65536, segment_set=segments)
            held = peer.allocation(device, size)
            peer.sync()
            read = peer.read_back(held, size)
            pending = peer.submit(wire.submission(context, wire.fill(0, 0, 4, 7),
                                                  [(locked, True), (held, False)]))
            frame = wire.frame("UPLOAD", peer.serial + 1, b"\x33" * 32768, allocation=locked,
                               offset=32768, flags=IGNORE_SYNC)
            peer.send(frame[:1000])
            while transfers_under_way(watcher) < 2:
                pass
            assert peer.wait(read).payload == bytes(size)
            assert peer.wait_fence(context, pending.serial) == STATUS[status], segments
            peer.send(frame[1000:])
            peer.serial += 1
            word = peer.read(locked, 4)
            assert word == (WORD.pack(7) if status == "SUCCESS" else bytes(4))
            assert peer.read(locked, 32768, 32768) == b"\x33" * 32768
            last = peer.submit(wire.submission(context, wire.fill(0, 0, 4, 8), [(locked, True)]))
            assert peer.wait_fence(context, last.serial) == STATUS["SUCCESS"]


if __name__ == "__main__":
    run([B11_every_submission_reads_the_instance_of_its_place,
         B11_discard_is_acknowledged_while_the_gpu_holds_the_instance,
         B11_a_flood_of_discards_of_a_large_allocation_is_bounded,
         B11_ignore_sync_appends_behind_what_the_gpu_reads,
         B11_ignore_read_sync_reads_beside_a_reader,
         B11_contradictions_and_wrong_names_are_refused,
         B11_a_connection_that_ends_inside_a_discard_changes_nothing,
         B11_an_acknowledged_discard_is_back_after_kill_9,
         B12_a_slow_no_overwrite_upload_meets_its_own_submission],
        lambda: Daemon("--test-instructions"))
