#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""OfferAllocations, ReclaimAllocations, SetAllocationPriority; docs/protocol.md §9."""

import wire
from peer import STATUS, Daemon, Peer, refused, run
from tools import expect, run_script

LOW, NORMAL, HIGH, AUTO = range(1, 5)
UNUSABLE = "GRAPHICS_INVALID_ALLOCATION_USAGE"


class Bench:
    def __init__(self, daemon, **hello):
        self.peer = Peer(daemon, **hello)
        self.device = self.peer.device()
        self.context = self.peer.context(self.device)
        self.a = self.peer.allocation(self.device, 65536)
        self.b = self.peer.allocation(self.device, 65536)

    def fill(self, value, allocation=None):
        return self.peer.submit(wire.submission(
            self.context, wire.fill(0, 0, 65536, value * 0x01010101),
            [(allocation or self.a, True)]))

    def offer(self, *names, priority=LOW):
        return self.peer.request("OFFER_ALLOCATIONS", allocations=list(names), priority=priority)

    def reclaim(self, *names):
        return self.peer.wait(self.peer.request("RECLAIM_ALLOCATIONS",
                                                allocations=list(names))).answer.discarded

    def set_priority(self, priority, *names):
        return self.peer.request("SET_ALLOCATION_PRIORITY", allocations=list(names),
                                 priority=priority)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.peer.close()


def B13_offered_it_is_refused_and_reclaimed_it_is_there(daemon):
    with Bench(daemon) as bench:
        for priority in (LOW, NORMAL, HIGH, AUTO):
            bench.fill(priority)
            assert bench.peer.wait(bench.offer(bench.a, bench.b, priority=priority)).status == 0
            refused(bench.peer, bench.fill(9), UNUSABLE)
            refusal = refused(bench.peer, bench.peer.upload(bench.a, b"x"), UNUSABLE)
            assert "reclaimed" in refusal.sentence, refusal
            refused(bench.peer, bench.peer.read_back(bench.a, 4), UNUSABLE)
            refused(bench.peer, bench.peer.request("SHARE_ALLOCATION", name=bench.a), UNUSABLE)
            assert bench.reclaim(bench.b, bench.a) == [False, False]
            assert bench.peer.read(bench.a, 65536) == bytes([priority]) * 65536


def offered_by_a_script(count, becomes):
    """Offers a surface, draws into `count` more in local memory, and reclaims it."""
    lines = ["device gpu", "context draw"]
    lines += [f"allocation s{i} size=1048576 segments=1" for i in range(count + 1)]
    lines += ["submit draw {", "list s0:w",
              "fill destination=@s0 size=1048576 pattern=0x11111111", "}", "sync", "offer s0"]
    for i in range(1, count + 1):
        lines += ["submit draw {", f"list s{i}:w",
                  f"fill destination=@s{i} size=1048576 pattern={i}", "}"]
    pattern = {"kept": "11111111", "lost": "00000000"}[becomes]
    lines += ["sync", f"reclaim s0 {becomes}", "expect SUCCESS",
              f"expect bytes s0 offset=1048572 hex={pattern}"]
    lines += [f"expect bytes s{i} offset=4096 hex={i.to_bytes(4, 'little').hex()}"
              for i in range(1, count + 1)]
    return "\n".join(lines) + "\n"


def B13_a_script_offers_and_sees_what_became_of_the_content(daemon):
    with Daemon("--local-memory=2M") as small:
        for count, becomes in ((1, "kept"), (2, "lost")):
            result = run_script(small, offered_by_a_script(count, becomes))
            assert result.returncode == 0 and result.stderr == "", (becomes, result)
    # the same where nobody wants its memory, and what the script does not expect is a fault
    assert run_script(daemon, offered_by_a_script(2, "kept")).returncode == 0
    result = run_script(daemon, "device gpu\nallocation a size=64\noffer a\nreclaim a lost\n")
    expect(result, 1, ":4: the content of 'a' is kept")
    result = run_script(daemon, "device gpu\nallocation a size=64\nreclaim a lost kept\n")
    expect(result, 2, ":3:1: only one of kept and lost can be expected")


def B13_what_was_submitted_before_runs_on_the_content(daemon):
    with Bench(daemon) as bench:
        fences = []
        for i in range(50):
            fences.append(bench.fill(i + 1))
            bench.offer(bench.a)
            refused(bench.peer, bench.fill(99), UNUSABLE)
            assert bench.reclaim(bench.a) == [False]
        assert bench.peer.read(bench.a, 65536) == bytes([50]) * 65536
        for pending in fences:
            assert pending.status == STATUS["SUCCESS"]


def B13_all_of_the_names_or_none(daemon):
    with Bench(daemon) as bench, Bench(daemon) as other:
        extra = [other.peer.allocation(other.device, 4096) for _ in range(4)]
        other.peer.sync()
        for wrong in (0, bench.context, bench.a + (1 << 32), extra[3], 1 << 63):
            refused(bench.peer, bench.offer(bench.a, wrong), "INVALID_HANDLE")
            refused(bench.peer, bench.set_priority(0x50000000, bench.a, wrong), "INVALID_HANDLE")
            refused(bench.peer, bench.peer.request("RECLAIM_ALLOCATIONS",
                                                   allocations=[bench.a, wrong]), "INVALID_HANDLE")
        for priority in (0, 5, 0xffffffff):
            refused(bench.peer, bench.offer(bench.a, priority=priority), "INVALID_PARAMETER")
        for priority in (0, 0x27ffffff, 0xc8000001):
            refused(bench.peer, bench.set_priority(priority, bench.a), "INVALID_PARAMETER")
        many = [bench.a] * 4097
        refused(bench.peer, bench.offer(*many), "LIMIT_EXCEEDED")
        refused(bench.peer, bench.peer.request("RECLAIM_ALLOCATIONS", allocations=many),
                "LIMIT_EXCEEDED")
        bench.fill(1)
        assert bench.peer.read(bench.a, 4) == bytes([1]) * 4
        for priority in (0x28000000, 0x28000001, 0x78000000, 0xc8000000):
            assert bench.peer.wait(bench.set_priority(priority, *many[:4096])).status == 0
        assert bench.peer.wait(bench.offer(*many[:4096])).status == 0
        assert bench.reclaim(*many[:4096]) == [False] * 4096


def B13_a_flood_of_offers_and_a_client_that_goes(daemon):
    for _ in range(3):
        bench = Bench(daemon)
        for i in range(300):
            bench.fill(i % 255)
            bench.offer(bench.a, bench.b, priority=i % 4 + 1)
            if i % 3:
                bench.peer.request("RECLAIM_ALLOCATIONS", allocations=[bench.a])
        bench.peer.close()
    with Bench(daemon) as bench:
        bench.fill(7)
        assert bench.peer.read(bench.a, 4) == bytes([7]) * 4


def B13_a_restart_reclaims_and_loses_nothing(_daemon):
    with Daemon() as daemon:
        bench = Bench(daemon, lease_s=60)
        last = bench.fill(0x5a)
        bench.peer.wait_fence(bench.context, last.serial)
        bench.peer.wait(bench.set_priority(0xa0000000, bench.a))
        bench.peer.wait(bench.offer(bench.a, bench.b))
        bench.peer.sync()
        daemon.kill()
        bench.peer.reset()
        daemon.start()
        session = bench.peer.id
        with Peer(daemon, **session) as again:
            answer = again.wait(again.request("RECLAIM_ALLOCATIONS",
                                              allocations=[bench.a, bench.b])).answer
            assert answer.discarded == [False, False]
            assert again.read(bench.a, 65536) == b"\x5a" * 65536


if __name__ == "__main__":
    run([B13_offered_it_is_refused_and_reclaimed_it_is_there,
         B13_a_script_offers_and_sees_what_became_of_the_content,
         B13_what_was_submitted_before_runs_on_the_content,
         B13_all_of_the_names_or_none,
         B13_a_flood_of_offers_and_a_client_that_goes,
         B13_a_restart_reclaims_and_loses_nothing], Daemon)
