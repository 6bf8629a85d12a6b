#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Clients that go at any byte of what they send: with full queues, waits pending, uploads half done,
on objects of their own and of others. Nothing is left of them. ENDINGS_CLIENTS says how many,
ENDINGS_SEED repeats a run."""

import os
import random
import socket
import time

import wire
from peer import PATIENCE_S, STATUS, Daemon, Peer, run
from test_sizes import spin

CLIENTS = int(os.environ.get("ENDINGS_CLIENTS", 100))
SEED = int(os.environ.get("ENDINGS_SEED", random.randrange(1 << 32)))
AT_ONCE = 25  # so many are there before the first of them goes
ZERO = ("devices", "contexts", "allocations", "openings", "submissions_held", "sync_objects",
        "leased_sessions")


class Script:
    """The bytes of a client that fills its queues: names are 1, 2, ..., serials too."""

    def __init__(self, rng, memory, sync):
        self.rng = rng
        self.serial = 0
        self.names = 0
        self.parts = [wire.frame("HELLO", 0, major=1, minor=0, isa_version=1, client="ending")]
        device = self.create("CREATE_DEVICE")
        self.contexts = [self.create("CREATE_CONTEXT", device=device, node_ordinal=i % 2)
                         for i in range(rng.randrange(1, 5))]
        self.syncs = [self.create("CREATE_SYNC_OBJECT", device=device) for _ in range(2)]
        self.syncs.append(self.create("OPEN_SYNC_OBJECT", device=device, token_high=sync[0],
                                      token_low=sync[1]))
        self.memories = [self.create("CREATE_ALLOCATION", device=device, size_bytes=65536)
                         for _ in range(3)]
        self.memories.append(self.create("OPEN_ALLOCATION", device=device, token_high=memory[0],
                                         token_low=memory[1]))
        for _ in range(rng.randrange(20, 120)):
            self.step()

    def add(self, kind, payload=b"", /, **fields):
        self.serial += 1
        self.parts.append(wire.frame(kind, self.serial, payload, **fields))

    def create(self, kind, **fields):
        self.names += 1
        name = self.names | 1 << 32
        self.add(kind, name=name, **fields)
        return name

    def step(self):
        rng = self.rng
        context = rng.choice(self.contexts + [0])
        if rng.random() < 0.1:
            self.add("UPLOAD", rng.randbytes(rng.choice((64, 65536))),
                     allocation=rng.choice(self.memories))
        elif rng.random() < 0.1:
            self.add("READ_BACK", allocation=rng.choice(self.memories), size_bytes=4096)
        elif rng.random() < 0.3:
            self.add(rng.choice(("SIGNAL", "WAIT")), context=context,
                     object=rng.choice(self.syncs), value=rng.randrange(1, 8))
        elif rng.random() < 0.05:
            self.add("DESTROY", name=rng.choice(self.syncs + self.memories + self.contexts))
        elif context != 0:
            command = wire.fill(0, 0, 4096, 7)
            if context == self.contexts[0] and rng.random() < 0.3:
                command = spin(rng.randrange(2000)) + command
            self.add("SUBMIT", wire.submission(context, command,
                                               [(rng.choice(self.memories), True)]), count=1)


def facts(peer):
    return peer.wait(peer.request("ADMIN_STATUS")).answer


def left(peer, zero):
    """What is there beside `zero`, when everything has had its time to go."""
    end = time.monotonic() + PATIENCE_S
    while True:
        status = facts(peer)
        found = [getattr(status, name) - zero[name] for name in ZERO]
        memory = [row.memory_bytes for row in status.principals]
        if not any(found) and status.connections == 1 and memory == [zero["memory"]]:
            return None
        if time.monotonic() > end:
            return found, memory, status
        time.sleep(0.01)


def E11_clients_that_go_at_any_byte_leave_nothing(daemon):
    print(f"ENDINGS_SEED={SEED} ENDINGS_CLIENTS={CLIENTS}")
    rng = random.Random(SEED)
    with Peer(daemon) as peer:
        device = peer.device()
        memory = peer.allocation(device, 65536)
        sync = peer.sync_object(device)
        context = peer.context(device)
        tokens = peer.share(memory), peer.share_sync(sync)
        status = facts(peer)
        zero = {name: getattr(status, name) for name in ZERO}
        zero["memory"] = status.principals[0].memory_bytes
        for first in range(0, CLIENTS, AT_ONCE):
            sockets = []
            for _ in range(min(AT_ONCE, CLIENTS - first)):
                data = b"".join(Script(rng, *tokens).parts)
                client = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
                client.settimeout(0.2)
                client.connect(daemon.socket)
                try:
                    client.sendall(data[:rng.randrange(len(data) + 1)])
                except socket.timeout:
                    pass  # it is not read any more: its queues are full
                sockets.append(client)
            rng.shuffle(sockets)
            for client in sockets:
                client.close()
        found = left(peer, zero)
        assert found is None, found
        # and who stayed has lost nothing: what he shared works, whatever value they left
        pending = peer.submit(wire.submission(context, wire.fill(0, 0, 64, 0x5a5a5a5a),
                                              [(memory, True)]))
        assert peer.wait_fence(context, pending.serial) == STATUS["SUCCESS"]
        assert peer.read(memory, 64) == b"\x5a" * 64
        peer.request("DESTROY", name=device)
        assert left(peer, {name: 0 for name in (*ZERO, "memory")}) is None


if __name__ == "__main__":
    run([E11_clients_that_go_at_any_byte_leave_nothing], lambda: Daemon("--test-instructions"))
