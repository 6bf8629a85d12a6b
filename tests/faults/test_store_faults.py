#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""The daemon's start, and leased sessions, while every call of the store (memory, disk) fails, one
after the other. The store fails once and for good and the daemon ends, saying why; nothing that was
acknowledged is missing after the next start, and what is sent again is executed once.

PENSTOCK_FAULT_STEP says how many calls lie between two failures; `make faults` fails them all."""

import os
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "blackbox"))

from fault import FILE, MEMORY, STORE, FaultyDaemon  # noqa: E402
from peer import PATIENCE_S, Closed, Peer, run  # noqa: E402

STEP = int(os.environ.get("PENSTOCK_FAULT_STEP") or 0)
STORE_STEP, START_STEP = STEP or 11, STEP or 61
CALLS_MAX = 100000


class Leased:
    """A leased session that makes allocations, and knows what each must hold."""

    def __init__(self, daemon):
        self.daemon = daemon
        self.peer = Peer(daemon, lease_s=60)
        self.id = self.peer.id
        self.device = self.peer.device()
        self.peer.sync()
        self.contents = {}
        self.count = 0

    def requests(self):
        """(kind, payload, fields) each: an allocation comes, and an older one goes."""
        self.count += 1
        name, data = self.count + 1 | 1 << 32, os.urandom(300)
        self.contents[name] = data
        found = [("CREATE_ALLOCATION", b"", {"name": name, "device": self.device,
                                             "size_bytes": 300}),
                 ("UPLOAD", data, {"allocation": name})]
        if len(self.contents) > 3:
            oldest = min(self.contents)
            del self.contents[oldest]
            found.append(("DESTROY", b"", {"name": oldest}))
        return found + [("SYNC", b"", {})]

    def send(self, requests):
        return [self.peer.request(kind, payload, **fields) for kind, payload, fields in requests]

    def resume(self, requests, first_serial, acknowledged):
        """On the daemon's next run; sends what it has not executed, as it was."""
        self.peer.close()
        self.peer = Peer(self.daemon, **self.id)
        last = self.peer.welcome.last_serial
        assert self.peer.welcome.resumed and last >= acknowledged, (last, acknowledged)
        rest = requests[max(0, last - first_serial + 1):]
        for pending in self.send(rest):
            self.peer.wait(pending)

    def compare(self):
        for name, data in self.contents.items():
            assert self.peer.read(name, 300) == data, f"{name:#x}"


def ended_for_its_store(daemon):
    code = daemon.process.wait(PATIENCE_S)
    assert code == 1, f"exit status {code}\n{daemon.tail()}"
    assert "store: failed status=" in daemon.tail(), daemon.tail()


def nothing_acknowledged_is_lost_whatever_call_of_the_store_fails():
    failures = ends = 0
    with FaultyDaemon() as daemon:
        client = Leased(daemon)
        for n in range(1, CALLS_MAX, STORE_STEP):
            requests, first = client.requests(), client.peer.serial + 1
            daemon.fault.arm(n, STORE)
            pending = []
            try:
                pending = client.send(requests)
                client.peer.wait(pending[-1])
                ended = False
            except (Closed, ConnectionError):
                ended = True
            reached = daemon.fault.disarm()
            failures += reached
            if ended:
                ends += 1
                ended_for_its_store(daemon)
                daemon.start()
                done = [one.serial for one in pending if one.status == 0]
                client.resume(requests, first, max(done, default=first - 1))
            client.compare()
            if not reached:
                break
        client.peer.close()
    print(f"# {failures} calls failed, the daemon ended {ends} times")
    assert ends > 0 and failures >= ends


def every_failure_at_the_start_is_a_sentence_and_no_crash():
    failures = refusals = 0
    with FaultyDaemon() as daemon:
        Leased(daemon).peer.close()
        assert daemon.stop() == 0
        for n in range(1, CALLS_MAX, START_STEP):
            os.truncate(daemon.log, 0)
            daemon.fault.arm(n, MEMORY | FILE | STORE)
            try:
                daemon.start()
                started = True
            except AssertionError:
                started = False
                assert daemon.process.returncode in (1, 2), \
                    f"{daemon.process.returncode} when {daemon.fault.last} failed: {daemon.tail()}"
                assert daemon.tail().strip(), f"not a word when {daemon.fault.last} failed"
                refusals += 1
            reached = daemon.fault.disarm()
            failures += reached
            if started:
                assert daemon.stop() == 0, f"{daemon.fault.last}: {daemon.tail()}"
                if not reached:
                    break
        daemon.start()
    print(f"# {failures} calls failed, {refusals} of them ended the start")
    assert refusals > 0


if __name__ == "__main__":
    run([nothing_acknowledged_is_lost_whatever_call_of_the_store_fails,
         every_failure_at_the_start_is_a_sentence_and_no_crash])
