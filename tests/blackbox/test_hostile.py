#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""What a hostile client leaves behind: nothing. Each run of hostility is done once, so that caches
are as large as it makes them, and again: then the daemon has no object left, and its memory comes
back to within 10 % of what it was between the two. How much a flood gets in, up to the limits, is a
matter of luck, and so is what the allocator keeps of it: a run after which memory is larger is done
again, a few times. What leaks grows each time."""

import pathlib
import random
import time

import test_frames
import test_pressure
import wire
from peer import BUILD, PATIENCE_S, Closed, Daemon, Peer, run

ROUNDS = 6
# Freed memory is kept aside by a sanitizer, whatever the daemon does.
SANITIZERS = "#define PENSTOCK_SANITIZERS 1" in (BUILD / "config.h").read_text()


def resident_bytes(daemon):
    """The daemon's own pages: not the files that it shares with GPU processes."""
    for line in pathlib.Path(f"/proc/{daemon.process.pid}/status").read_text().splitlines():
        if line.startswith("RssAnon:"):
            return int(line.split()[1]) * 1024
    raise AssertionError("no RssAnon")


def lying_lengths(daemon):
    for message_bytes, payload_bytes in ((0xffffffff, 0), (0, 0xffffffff), (65537, 0), (8, 1 << 26),
                                         (65536, 1 << 26), (0, 1 << 33 & 0xffffffff)):
        for kind in ("UPLOAD", "SUBMIT", "SYNC", "READ_BACK", "ADMIN_STATUS"):
            with Peer(daemon) as liar:
                liar.send(wire.header(wire.TYPES[kind][0], message_bytes, payload_bytes, 1))
                liar.send(b"\0" * 5000)
                liar.socket.settimeout(0.01)
                try:
                    liar.frame()
                except (Closed, OSError):
                    pass


def thousands_of_connections(daemon):
    generator = random.Random(2)
    for i in range(3000):
        # hello=False: gone before it has said anything, or with half a hello
        with Peer(daemon, hello=i % 3 == 0) as one:
            if i % 3 == 0:
                one.request("CREATE_DEVICE", name=one.name())
            elif i % 3 == 1:
                one.send(generator.randbytes(generator.randrange(24)))
            if i % 5 == 0:
                one.reset()


def leased_sessions_that_never_come_back(daemon):
    for _ in range(50):
        with Peer(daemon, lease_s=1) as one:
            device = one.device()
            one.allocation(device, 65536)
            one.context(device)
            one.sync()


def names_of_others(daemon):
    with Peer(daemon) as owner:
        device = owner.device()
        theirs = [device, owner.context(device), owner.allocation(device, 4096)]
        owner.sync()
        with Peer(daemon) as thief:
            generator = random.Random(3)
            for i in range(3000):
                name = theirs[i % 3] + (generator.randrange(1 << 20) if i % 2 else 0)
                for kind in ("DESTROY", "QUERY_DEVICE", "QUERY_CONTEXT", "SHARE_ALLOCATION"):
                    thief.request(kind, name=name)
                thief.read_back(name, 64)
                thief.upload(name, b"mine")
                thief.submit(wire.submission(name, wire.fill(0, 0, 64, i), [(name, True)]))
                if i % 100 == 99:
                    thief.request("SYNC")
                    while thief.pending:
                        thief.take()
        assert owner.read(theirs[2], 4096) == bytes(4096)


def slow_readers_and_writers(daemon):
    test_pressure.a_slow_writer_holds_up_nobody(daemon)
    test_pressure.a_slow_reader_gets_every_byte(daemon)


RUNS = [
    test_frames.garbage_is_refused_and_harms_nobody,
    test_frames.flipped_bits_in_good_frames_harm_nobody,
    test_frames.half_frames_and_resets_at_every_byte_harm_nobody,
    test_frames.a_message_that_would_blow_up_is_bounded,
    test_pressure.A17_a_flood_of_submissions_that_never_reads_stalls_only_itself,
    test_pressure.read_backs_that_nobody_reads_are_bounded,
    test_pressure.a_flood_of_refusals_is_bounded,
    test_pressure.resets_in_the_middle_of_work_harm_nobody,
    test_pressure.many_connections_at_once_are_served,
    lying_lengths, thousands_of_connections, leased_sessions_that_never_come_back, names_of_others,
    slow_readers_and_writers,
]


def nothing_is_left(observer, what):
    """Until the daemon has seen every end: leases run out, GPU processes stop."""
    start = time.monotonic()
    while True:
        counted = test_pressure.counts(observer)
        if counted[1:] == (0,) * (len(counted) - 1) and counted[0] == 1:
            return
        assert time.monotonic() - start < 2 * PATIENCE_S, f"{what} left {counted}"
        time.sleep(0.05)


def memory_comes_back(daemon, observer, most):
    """A round trip each time: what is freed late is freed on a turn. The bytes that are left."""
    for _ in range(100):
        left = resident_bytes(daemon)
        if left <= most:
            break
        test_pressure.counts(observer)
        time.sleep(0.02)
    return left


def leaves_nothing(hostility):
    def test(daemon):
        with Peer(daemon) as observer:
            observer.sync()
            left = [1]
            while len(left) < 2 + ROUNDS:
                hostility(daemon)
                nothing_is_left(observer, hostility.__name__)
                left.append(memory_comes_back(daemon, observer, left[-1] * 1.1))
                if len(left) > 2 and (SANITIZERS or left[-1] <= max(left[:-1]) * 1.1):
                    return
            raise AssertionError(f"{hostility.__name__}: {left[1:]} bytes")
    test.__name__ = f"nothing_is_left_of_{hostility.__name__}"
    return test


if __name__ == "__main__":
    run([leaves_nothing(hostility) for hostility in RUNS], Daemon)
