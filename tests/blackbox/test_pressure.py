#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Floods, slow readers and writers, churn; nobody else pays. docs/protocol.md §6."""

import random
import select
import socket
import struct

import wire
from peer import Daemon, Peer, run

SEED = random.SystemRandom().randrange(1 << 32)


def push(peer, data):
    """Sends as long as the daemon takes it, without ever reading; returns how much it took. It
    has stopped when the socket stays full while somebody else is served three times."""
    peer.socket.setblocking(False)
    sent = 0
    full = 0
    while sent < len(data) and full < 3:
        if not select.select([], [peer.socket], [], 0)[1]:
            full += 1
            serve(peer.daemon)
            continue
        try:
            sent += peer.socket.send(data[sent:sent + (1 << 18)])
            full = 0
        except BlockingIOError:
            continue
    peer.socket.settimeout(30)
    return sent


def serve(daemon):
    with Peer(daemon) as peer:
        device = peer.device()
        context = peer.context(device)
        allocation = peer.allocation(device, 4096)
        peer.submit(wire.submission(context, wire.fill(0, 0, 4096, 0x600d), [(allocation, True)]))
        assert peer.read(allocation, 4096) == struct.pack("<I", 0x600d) * 1024


def flooded(daemon):
    peer = Peer(daemon)
    peer.daemon = daemon
    peer.dev = peer.device()
    peer.ctx = peer.context(peer.dev)
    peer.mem = peer.allocation(peer.dev, 1 << 20)
    peer.sync()
    return peer


def A17_a_flood_of_submissions_that_never_reads_stalls_only_itself(daemon):
    peer = flooded(daemon)
    one = wire.submission(peer.ctx, wire.fill(0, 0, 64, 1), [(peer.mem, True)])
    count = 60000
    data = b"".join(wire.frame("SUBMIT", peer.serial + 1 + i, one,
                               raw=wire.encode("Submit", count=1)) for i in range(count))
    data += wire.frame("SYNC", peer.serial + 1 + count)
    sent = push(peer, data)
    serve(daemon)
    # and it loses nothing: once it reads, all of it is answered
    rest = memoryview(data)[sent:]
    last = 0
    while last != peer.serial + 1 + count:
        ready = select.select([peer.socket], [peer.socket] if rest else [], [],
                              0 if peer.received else 30)
        assert ready[0] or ready[1] or peer.received, "stuck"
        if ready[1]:
            peer.socket.setblocking(False)
            try:
                rest = rest[peer.socket.send(rest[:1 << 16]):]
            except BlockingIOError:
                pass
            peer.socket.settimeout(30)
        if ready[0] or peer.received:
            frame = peer.frame()
            assert frame.type in ("ACK", "FENCE"), frame
            last = max(last, frame.serial)
    peer.close()


def read_backs_that_nobody_reads_are_bounded(daemon):
    def resident():
        with open(f"/proc/{daemon.process.pid}/statm", encoding="ascii") as file:
            fields = file.read().split()
            return (int(fields[1]) - int(fields[2])) * 4096

    peer = flooded(daemon)
    before = resident()
    data = b"".join(wire.frame("READ_BACK", peer.serial + 1 + i, allocation=peer.mem,
                               size_bytes=1 << 20) for i in range(20000))
    sent = push(peer, data)
    assert sent < len(data), "20 GiB of answers were not enough to stop the daemon reading"
    serve(daemon)
    assert resident() - before < 128 << 20, resident() - before
    for _ in range(100):
        frame = peer.frame()
        assert frame.type == "READ_DATA" and len(frame.payload) == 1 << 20
    peer.reset()
    serve(daemon)


def a_flood_of_refusals_is_bounded(daemon):
    peer = flooded(daemon)
    data = b"".join(wire.frame("DESTROY", peer.serial + 1 + i, name=77) for i in range(200000))
    push(peer, data)
    serve(daemon)
    peer.reset()
    serve(daemon)


def a_slow_writer_holds_up_nobody(daemon):
    peer = flooded(daemon)
    frame = wire.frame("UPLOAD", peer.serial + 1, b"s" * 2000, allocation=peer.mem)
    for i in range(len(frame)):
        peer.send(frame[i:i + 1])
        if i % 500 == 0:
            serve(daemon)
    peer.serial += 1
    assert peer.read(peer.mem, 2000) == b"s" * 2000
    peer.close()


def a_slow_reader_gets_every_byte(daemon):
    peer = flooded(daemon)
    peer.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    pattern = bytes(i * 7 & 0xff for i in range(1 << 20))
    peer.wait(peer.upload(peer.mem, pattern))
    pending = peer.read_back(peer.mem, 1 << 20)
    while len(peer.received) < (1 << 20) + 24:
        data = peer.socket.recv(5000)
        assert data
        peer.received += data
        if len(peer.received) % 50 == 0:
            serve(daemon)
    assert peer.wait(pending).payload == pattern
    peer.close()


def counts(observer):
    report = observer.wait(observer.request("ADMIN_STATUS")).answer
    memory = sum(row.memory_bytes for row in report.principals)
    return (report.sessions, report.devices, report.contexts, report.allocations,
            report.openings, report.submissions_held, memory)


def wait_for(observer, before):
    """The daemon sees an end of file in its own time; each round trip gives it a turn."""
    for _ in range(100000):
        after = counts(observer)
        if after == before:
            return
    raise AssertionError(f"{before} became {after}")


def A9_a_chain_cut_by_the_end_of_its_client_leaves_nothing_behind(daemon):
    command = b"".join(wire.fill(0, 4 * i, 4, i) for i in range(32768))
    with Peer(daemon) as observer:
        observer.sync()
        before = counts(observer)
        for i in range(20):
            peer = Peer(daemon)
            device = peer.device()
            context = peer.context(device, dma_buffer_bytes=4096)
            allocation = peer.allocation(device, 1 << 20)
            for _ in range(3):
                peer.submit(wire.submission(context, command, [(allocation, True)]))
            if i % 2:
                peer.sync()
            peer.reset()
        wait_for(observer, before)
    serve(daemon)


def churn_leaves_nothing_behind(daemon):
    with Peer(daemon) as observer:
        observer.sync()
        before = counts(observer)
        for i in range(150):
            peer = Peer(daemon)
            device = peer.device()
            context = peer.context(device)
            allocation = peer.allocation(device, 100000)
            for _ in range(10):
                peer.submit(wire.submission(context, wire.fill(0, 0, 100000, i),
                                            [(allocation, True)]))
            peer.read_back(allocation, 100000)
            if i % 3 == 0:
                peer.sync()
            if i % 2:
                peer.reset()
            else:
                peer.close()
        wait_for(observer, before)


def resets_in_the_middle_of_work_harm_nobody(daemon):
    print(f"seed {SEED}")
    generator = random.Random(SEED)
    for _ in range(60):
        peer = flooded(daemon)
        stream = b""
        for i in range(20):
            stream += wire.frame("UPLOAD", peer.serial + 1 + 3 * i, b"u" * 5000,
                                 allocation=peer.mem)
            stream += wire.frame("SUBMIT", peer.serial + 2 + 3 * i,
                                 wire.submission(peer.ctx, wire.fill(0, 0, 1 << 20, i),
                                                 [(peer.mem, True)]),
                                 raw=wire.encode("Submit", count=1))
            stream += wire.frame("READ_BACK", peer.serial + 3 + 3 * i, allocation=peer.mem,
                                 size_bytes=1 << 16)
        peer.send(stream[:generator.randrange(len(stream))])
        if generator.randrange(2):
            peer.reset()
        else:
            peer.close()
    serve(daemon)


def many_connections_at_once_are_served(daemon):
    peers = [Peer(daemon) for _ in range(200)]
    for peer in peers:
        peer.last = peer.read_back(peer.allocation(peer.device(), 4096), 4096)
    for peer in peers:
        assert peer.wait(peer.last).payload == bytes(4096)
        peer.close()


TESTS = [value for name, value in list(globals().items())
         if callable(value) and getattr(value, "__module__", "") == "__main__" and
         hasattr(value, "__code__") and value.__code__.co_varnames[:1] == ("daemon",) and
         name not in ("serve", "flooded")]

if __name__ == "__main__":
    run(TESTS, Daemon)
