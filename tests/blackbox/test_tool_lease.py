#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""penstock run and bench --lease: a connection that is lost on the way is not noticed."""

import pathlib
import select
import socket
import tempfile
import threading

from peer import Daemon, run
from tools import expect, run_tool

SCRIPT = """device gpu
context work
allocation data size=4096
allocation copy size=4096
""" + """
submit work {
	list data:w copy:w
	fill destination=@data size=4096 pattern=0x01020304
	copy source=@data destination=@copy size=4096
}
expect SUCCESS
expect bytes copy hex=[04 03 02 01 04 03 02 01]
""" * 8


class Cutter:
    """A socket in front of the daemon's. Its first connection is cut when `left` bytes have gone
    to the daemon; the others are not."""

    def __init__(self, daemon, left):
        self.folder = tempfile.TemporaryDirectory(prefix="penstock-cutter-")
        self.path = f"{self.folder.name}/s"
        self.daemon = daemon
        self.left = left
        self.cuts = 0
        self.connections = 0
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(self.path)
        self.listener.listen()
        self.wake, self.woken = socket.socketpair()
        self.thread = threading.Thread(target=self.serve)

    def serve(self):
        while self.woken not in select.select([self.listener, self.woken], [], [])[0]:
            client, _ = self.listener.accept()
            self.connections += 1
            with client, socket.socket(socket.AF_UNIX) as daemon:
                daemon.connect(self.daemon.socket)
                self.carry(client, daemon)

    def carry(self, client, daemon):
        while True:
            ready = select.select([client, daemon, self.woken], [], [])[0]
            if self.woken in ready:
                return
            try:
                for source, other in ((client, daemon), (daemon, client)):
                    if source not in ready:
                        continue
                    limit = self.left if source is client and self.cuts == 0 else 65536
                    data = source.recv(min(limit, 65536))
                    if not data:
                        return
                    other.sendall(data)
                    if source is client and self.cuts == 0:
                        self.left -= len(data)
                        if self.left == 0:
                            self.cuts = 1
                            return
            except OSError:
                return

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.wake.send(b"x")
        self.thread.join()
        for each in (self.listener, self.wake, self.woken):
            each.close()
        self.folder.cleanup()


def through(daemon, left, *arguments):
    with Cutter(daemon, left) as cutter:
        result = run_tool("penstock", f"--server=unix:{cutter.path}", *arguments)
    assert cutter.cuts == 1, cutter.left
    return result, cutter.connections


def script_path(folder):
    path = pathlib.Path(folder, "script.pasm")
    path.write_text(SCRIPT)
    return path


def A19_a_script_with_a_lease_goes_on_after_a_lost_connection(daemon):
    with tempfile.TemporaryDirectory(prefix="penstock-lease-") as folder:
        for left in range(150, 2000, 185):
            result, connections = through(daemon, left, "run", "--lease", "60",
                                          script_path(folder))
            assert result.returncode == 0 and result.stderr == "", (left, result)
            assert connections == 2, connections


def a_script_without_a_lease_ends_with_its_connection(daemon):
    with tempfile.TemporaryDirectory(prefix="penstock-lease-") as folder:
        result, connections = through(daemon, 700, "run", script_path(folder))
        assert result.returncode == 1 and connections == 1, result


def a_measurement_with_a_lease_goes_on_too(daemon):
    result, connections = through(daemon, 5000, "bench", "--lease", "60", "--seconds", "0.01")
    assert result.returncode == 0 and connections == 2, result


def a_lease_that_is_none_is_exit_code_2(_daemon):
    for command in ("run", "bench"):
        for lease in ("soon", "61", "-1", ""):
            expect(run_tool("penstock", command, "--lease", lease), 2, "no number of seconds")


TESTS = [
    A19_a_script_with_a_lease_goes_on_after_a_lost_connection,
    a_script_without_a_lease_ends_with_its_connection,
    a_measurement_with_a_lease_goes_on_too,
    a_lease_that_is_none_is_exit_code_2,
]

if __name__ == "__main__":
    run(TESTS, Daemon)
