#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""The daemon's start, and leased sessions, while every call of the store (memory, disk) fails, one
after the other. The store fails once and for good and the daemon ends, saying why; nothing that was
acknowledged is missing after the next start, and what is sent again is executed once. The same with a
disk that is full from a write on: what the memory directory has no room for is refused.

PENSTOCK_FAULT_STEP says how many calls lie between two failures; `make faults` fails them all."""

import os
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "blackbox"))

from fault import DISK, FILE, MEMORY, SPACE, STORE, FaultyDaemon  # noqa: E402
import wire  # noqa: E402
from peer import PATIENCE_S, Closed, Peer, refused, run, shader  # noqa: E402

STEP = int(os.environ.get("PENSTOCK_FAULT_STEP") or 0)
STORE_STEP, START_STEP, SPACE_STEP = STEP or 11, STEP or 61, STEP or 5
CALLS_MAX = 100000
STORED_ANSWERS = 2
UNKNOWN = 0x7000 | 1 << 32
LARGE = 300000  # bytes: pages of its own are reserved for it
REFUSED_FULL = {wire.STATUS["NO_MEMORY"], wire.STATUS["INVALID_HANDLE"], wire.STATUS["DISK_FULL"]}


class Leased:
    """A leased session that makes allocations, and knows what each must hold; and a pipeline, again
    and again, where its adapter has them."""

    def __init__(self, daemon):
        self.daemon = daemon
        self.peer = Peer(daemon, lease_s=60)
        self.id = self.peer.id
        self.device = self.peer.device()
        self.peer.sync()
        self.contents = {}
        self.count = 0
        self.pipeline = None
        if self.peer.welcome.adapters[0].pipelines:
            self.pipeline, pending = self.peer.pipeline(self.device, shader("invert.comp"))
            self.peer.wait(pending)
            self.count = 1

    def next_pipeline(self):
        old, self.pipeline = self.pipeline, self.pipeline + (1 << 32)
        module = shader("invert.comp")
        return [("DESTROY", b"", {"name": old}),
                ("CREATE_PIPELINE", module, {
                    "name": self.pipeline, "device": self.device, "stages": [
                        {"stage": wire.GLCOMPUTE, "entry_point": "main",
                         "spirv_bytes": len(module)}]})]

    def requests(self, size=300, pipeline=False):
        """(kind, payload, fields) each: an allocation comes, and an older one goes."""
        self.count += 1
        name, data = self.count + 1 | 1 << 32, os.urandom(size)
        self.contents[name] = data
        found = [("CREATE_ALLOCATION", b"", {"name": name, "device": self.device,
                                             "size_bytes": size}),
                 ("UPLOAD", data, {"allocation": name})]
        if len(self.contents) > 3:
            oldest = min(self.contents)
            del self.contents[oldest]
            found.append(("DESTROY", b"", {"name": oldest}))
        if pipeline and self.pipeline is not None:
            found += self.next_pipeline()
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

    def make_up_for_refusals(self, requests, pending):
        """What was refused, or perhaps was where that was not heard, is not there; it is made now.
        What was acknowledged is there."""
        (_, _, create), (_, data, upload) = requests[:2]
        read = self.peer.settle(self.peer.read_back(create["name"], len(data)))
        assert read.status in (0, wire.STATUS["INVALID_HANDLE"]), read
        assert read.status == 0 or not pending or pending[0].status != 0, "it was acknowledged"
        if read.status != 0:
            self.peer.request("CREATE_ALLOCATION", **create)
        self.peer.wait(self.peer.upload(upload["allocation"], data))

    def compare(self):
        for name, data in self.contents.items():
            assert self.peer.read(name, len(data)) == data, f"{name:#x}"
        if self.pipeline is not None:
            refused(self.peer, self.peer.read_back(self.pipeline, 1),
                    "GRAPHICS_INVALID_ALLOCATION_USAGE")


def ended_for_its_store(daemon):
    code = daemon.process.wait(PATIENCE_S)
    assert code == 1, f"exit status {code}\n{daemon.tail()}"
    assert "store: failed status=" in daemon.tail(), daemon.tail()


def nothing_acknowledged_is_lost_whatever_call_of_the_store_fails():
    failures = ends = 0
    with FaultyDaemon() as daemon:
        client = Leased(daemon)
        for n in range(1, CALLS_MAX, STORE_STEP):
            requests, first = client.requests(pipeline=True), client.peer.serial + 1
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


def outcome(client, requests):
    """What came of the requests, and whether the daemon ended."""
    pending = []
    try:
        pending += client.send(requests)
        for one in pending:
            client.peer.settle(one)
        return pending, False
    except (Closed, ConnectionError):
        return pending, True


def full_from(daemon, client, n, kinds):
    """The n-th write finds no space, nor does any behind it. Returns whether it came to that,
    whether something was refused, and whether the daemon ended."""
    requests, first = client.requests(LARGE), client.peer.serial + 1
    daemon.fault.arm(n, kinds)
    pending, ended = outcome(client, requests)
    reached = daemon.fault.disarm()
    refused = {one.status for one in pending} - {None, 0}
    assert refused <= REFUSED_FULL, refused
    if ended:
        assert kinds & DISK, "without space for memory the daemon goes on"
        ended_for_its_store(daemon)
        assert "status=DISK_FULL" in daemon.tail(), daemon.tail()
        daemon.start()
        done = [one.serial for one in pending if one.status is not None]
        client.resume(requests, first, max(done, default=first - 1))
    client.make_up_for_refusals(requests, pending)
    client.compare()
    return reached, len(refused) > 0, ended


def nothing_acknowledged_is_lost_when_space_runs_out_at_any_write():
    times, refusals, ends = 0, 0, 0
    with FaultyDaemon() as daemon:
        client = Leased(daemon)
        for kinds, step in ((SPACE, 1), (DISK, SPACE_STEP), (SPACE | DISK, SPACE_STEP)):
            for n in range(1, CALLS_MAX, step):
                reached, refused, ended = full_from(daemon, client, n, kinds)
                times, refusals, ends = times + reached, refusals + refused, ends + ended
                if not reached:
                    break
        client.peer.close()
    print(f"# {times} times full, {refusals} times refused, the daemon ended {ends} times")
    assert ends > 0 and refusals > 0


def resume_once(daemon, client, n):
    """A connection lost with something unheard, and the n-th call of its resumption fails. Returns
    whether it came to that, and whether the daemon ended."""
    refused = client.peer.request("DESTROY", name=UNKNOWN)
    first = refused.serial
    client.peer.sync()
    client.peer.close()
    daemon.fault.arm(n, MEMORY | FILE)
    try:
        peer = Peer(daemon, **client.id, features=STORED_ANSWERS, answered=first - 1)
        peer.serial = peer.welcome.last_serial
        peer.take()
        peer.close()
    except Closed as closed:
        assert closed.status in (None, wire.STATUS["NO_MEMORY"]), closed
    except ConnectionError:
        pass
    reached = daemon.fault.disarm()
    ended = daemon.process.poll() is not None
    if ended:
        ended_for_its_store(daemon)
        daemon.start()
    client.peer = Peer(daemon, **client.id, features=STORED_ANSWERS, answered=first - 1)
    return reached, ended, client.peer.frame()


def a_resume_survives_the_failure_of_every_call():
    """Whatever failed of it, the next one tells what was not heard, and nothing is missing."""
    ends = 0
    with FaultyDaemon() as daemon:
        client = Leased(daemon)
        for pending in client.send(client.requests()):
            client.peer.wait(pending)
        for n in range(1, CALLS_MAX):
            reached, ended, told = resume_once(daemon, client, n)
            ends += ended
            assert told.type == "REFUSAL" and told.message.status == \
                wire.STATUS["INVALID_HANDLE"], told
            client.compare()
            if not reached:
                break
        client.peer.close()
    print(f"# {n - 1} calls failed, the daemon ended {ends} times")
    assert n > 3


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
                code = daemon.stop()  # the first row may be what there was no memory for
                assert code == 0 or (code == 1 and "store: failed status=" in daemon.tail()), \
                    f"{daemon.fault.last}: {daemon.tail()}"
                if not reached:
                    break
        daemon.start()
    print(f"# {failures} calls failed, {refusals} of them ended the start")
    assert refusals > 0


if __name__ == "__main__":
    run([nothing_acknowledged_is_lost_whatever_call_of_the_store_fails,
         nothing_acknowledged_is_lost_when_space_runs_out_at_any_write,
         a_resume_survives_the_failure_of_every_call,
         every_failure_at_the_start_is_a_sentence_and_no_crash])
