#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""kill -9 of penstockd at random moments, with leased clients creating and uploading: nothing that
was acknowledged is missing afterwards, neither objects nor bytes, and no GPU process of the dead
daemon runs beside the new one's.

PENSTOCK_CRASH_ROUNDS says how often (15), PENSTOCK_CRASH_SEED repeats a run's decisions.

Each client keeps a model: what every allocation holds once everything that it sent was executed.
After a restart it resumes its session, sends what was not executed again, as it was, and compares
everything: what was acknowledged and is missing would not be sent again."""

import os
import pathlib
import random
import select
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "blackbox"))

import wire  # noqa: E402
from peer import PATIENCE_S, Closed, Daemon, Peer, run  # noqa: E402

ROUNDS = int(os.environ.get("PENSTOCK_CRASH_ROUNDS") or 15)
SEED = int(os.environ.get("PENSTOCK_CRASH_SEED") or random.SystemRandom().randrange(1 << 32))
CLIENTS = 3
BURST = 40
ALLOCATIONS_MAX = 24


class Request:
    """Something sent, to be sent again."""

    def __init__(self, serial, kind, payload, fields, raw=None):
        self.serial = serial
        self.frame = wire.frame(kind, serial, payload, raw=raw, **fields)
        self.kind = kind

    def __repr__(self):
        return f"{self.kind} {self.serial}"


class Client:
    """A leased session with an idle device, whose contents come by upload, and one that computes."""

    def __init__(self, daemon, generator):
        self.generator = generator
        self.peer = Peer(daemon, lease_s=60)
        self.id = self.peer.id
        self.serial = 0
        self.unacknowledged = []
        self.contents = {}  # name -> bytearray: everything that was sent, applied
        self.gone = []      # destroyed names
        self.free = []      # names whose index may be used again
        self.count = 0      # entries of the name table
        self.acknowledged = 0
        self.device = self.new_name()
        self.send("CREATE_DEVICE", name=self.device)
        self.start_computing()

    def new_name(self):
        if self.free:
            return self.free.pop() + (1 << 32)
        self.count += 1
        return self.count | 1 << 32

    def send(self, kind, payload=b"", /, *, raw=None, **fields):
        self.serial += 1
        request = Request(self.serial, kind, payload, fields, raw)
        self.unacknowledged.append(request)
        self.peer.send(request.frame)

    def start_computing(self):
        self.computer = self.new_name()
        self.context = self.new_name()
        self.scratch = self.new_name()
        self.send("CREATE_DEVICE", name=self.computer)
        self.send("CREATE_CONTEXT", name=self.context, device=self.computer)
        self.send("CREATE_ALLOCATION", name=self.scratch, device=self.computer, size_bytes=65536)

    # -- what a client does

    def create(self):
        name = self.new_name()
        size = self.generator.randrange(1, 20000)
        self.contents[name] = bytearray(size)
        self.send("CREATE_ALLOCATION", name=name, device=self.device, size_bytes=size)
        self.upload(name, 0, size)

    def upload(self, name, start, size):
        data = self.generator.randbytes(size)
        self.contents[name][start:start + size] = data
        self.send("UPLOAD", data, allocation=name, offset=start)

    def upload_somewhere(self):
        name = self.generator.choice(list(self.contents))
        start = self.generator.randrange(len(self.contents[name]))
        self.upload(name, start, self.generator.randrange(1, len(self.contents[name]) - start + 1))

    def destroy(self):
        name = self.generator.choice(list(self.contents))
        del self.contents[name]
        self.gone.append(name)
        self.free.append(name)
        self.send("DESTROY", name=name)

    def compute(self):
        record = wire.submission(self.context, wire.fill(0, 0, 65536, self.serial),
                                 [(self.scratch, True)])
        self.send("SUBMIT", record, raw=wire.encode("Submit", count=1))

    def act(self):
        what = self.generator.random()
        if not self.contents or (what < 0.4 and len(self.contents) < ALLOCATIONS_MAX):
            self.create()
        elif what < 0.7:
            self.upload_somewhere()
        elif what < 0.85:
            self.destroy()
        else:
            self.compute()

    # -- what it is told

    def take(self):
        frame = self.peer.frame()
        assert frame.type in ("ACK", "FENCE", "REFUSAL"), frame
        if frame.type == "REFUSAL":
            kinds = {request.serial: request.kind for request in self.unacknowledged}
            assert kinds.get(frame.serial) == "SUBMIT", f"{kinds.get(frame.serial)}: {frame}"
        if frame.type != "FENCE":
            self.acknowledge(frame.serial)

    def acknowledge(self, serial):
        self.acknowledged = max(self.acknowledged, serial)
        while self.unacknowledged and self.unacknowledged[0].serial <= serial:
            self.unacknowledged.pop(0)

    def take_what_left_before_the_kill(self):
        try:
            while True:
                self.take()
        except (Closed, ConnectionError):
            pass
        self.peer.close()

    # -- after the restart

    def resume(self, daemon):
        self.peer = Peer(daemon, **self.id)
        last = self.peer.welcome.last_serial
        assert self.peer.welcome.resumed
        assert self.acknowledged <= last <= self.serial, \
            f"acknowledged {self.acknowledged}, executed {last}, sent {self.serial}"
        return last

    def send_the_rest(self, last):
        """Exactly the requests behind `last`, as they were, whatever of them was executed."""
        self.acknowledge(last)
        for request in self.unacknowledged:
            self.peer.send(request.frame)
        self.send("SYNC")
        while self.unacknowledged:
            self.take()

    def compare(self):
        """Everything that was ever sent has been executed, once."""
        self.peer.serial = self.serial
        reads = [(name, self.peer.read_back(name, len(expected)))
                 for name, expected in self.contents.items()]
        for name, read in reads:
            data, expected = self.peer.wait(read).payload, bytes(self.contents[name])
            assert data == expected, \
                f"allocation {name:#x} differs at {first_difference(data, expected)}"
        gone = [self.peer.read_back(name, 1) for name in self.gone[-100:]]
        for read in gone:
            self.peer.settle(read)
            assert read.status == wire.STATUS["INVALID_HANDLE"], read
        self.serial = self.peer.serial

    def replace_lost_device(self):
        """Work in flight at the kill may have cost the device that computes, and no other."""
        self.peer.serial = self.serial
        state = self.peer.wait(self.peer.request("QUERY_DEVICE", name=self.device)).answer
        assert state.execution_state == 1, f"the idle device was lost: {state}"
        state = self.peer.wait(self.peer.request("QUERY_DEVICE", name=self.computer)).answer
        self.serial = self.peer.serial
        if state.execution_state == 1:
            return
        self.send("DESTROY", name=self.computer)
        self.free += [self.computer, self.context, self.scratch]
        self.start_computing()

    def recover(self, daemon):
        self.send_the_rest(self.resume(daemon))
        self.compare()
        self.replace_lost_device()


def first_difference(data, expected):
    return next(i for i, (a, b) in enumerate(zip(data, expected)) if a != b)


def readable(clients):
    """Those that have received something, waiting for it where none has."""
    ready = [client for client in clients if client.peer.received]
    if not ready:
        sockets = select.select([client.peer.socket for client in clients], [], [], PATIENCE_S)[0]
        ready = [client for client in clients if client.peer.socket in sockets]
    assert ready, f"no answer to {[client.unacknowledged[:1] for client in clients]}"
    return ready


def work_until(clients, generator):
    """A burst from each client, read up to a random answer; the daemon is somewhere in the rest."""
    actions = generator.randrange(1, BURST)
    for _ in range(actions):
        for client in clients:
            client.act()
    for _ in range(generator.randrange(2 * actions)):
        if not any(client.unacknowledged for client in clients):
            break
        generator.choice(readable(clients)).take()


def users_of(directory):
    """Processes that map a file of the memory directory."""
    users = set()
    for path in pathlib.Path("/proc").glob("[0-9]*/maps"):
        try:
            if f"{directory}/memory" in path.read_text():
                users.add(int(path.parent.name))
        except OSError:
            pass
    return users


def nothing_acknowledged_is_missing_and_no_old_gpu_process_survives(daemon):
    print(f"PENSTOCK_CRASH_SEED={SEED} PENSTOCK_CRASH_ROUNDS={ROUNDS}", flush=True)
    generator = random.Random(SEED)
    clients = [Client(daemon, generator) for _ in range(CLIENTS)]
    for number in range(ROUNDS):
        try:
            work_until(clients, generator)
            old = {daemon.process.pid, *daemon.children()}
            daemon.kill()
            for client in clients:
                client.take_what_left_before_the_kill()
            daemon.start()
            assert not old & users_of(daemon.directory), \
                "a process of the dead daemon maps the memory that the new one serves"
            for client in clients:
                client.recover(daemon)
            own = {daemon.process.pid, *daemon.children()}
            assert users_of(daemon.directory) <= own, (users_of(daemon.directory), own)
        except BaseException:
            print(f"round {number}, PENSTOCK_CRASH_SEED={SEED}", file=sys.stderr)
            raise
    for client in clients:
        client.peer.close()


if __name__ == "__main__":
    run([nothing_acknowledged_is_missing_and_no_old_gpu_process_survives], Daemon)
