#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""One submission of several contexts; docs/protocol.md §7."""

import struct

import wire
from peer import STATUS, Daemon, Peer, refused, run

FURTHER_MAX = 64


class Choir:
    """A device with many contexts, and an allocation that they write."""

    def __init__(self, daemon, contexts=1 + FURTHER_MAX, **hello):
        self.peer = Peer(daemon, **hello)
        self.device = self.peer.device()
        self.contexts = [self.peer.context(self.device) for _ in range(contexts)]
        self.memory = self.peer.allocation(self.device, 65536)

    def submit(self, command, contexts, flags=0, **more):
        return self.peer.submit(wire.submission(contexts[0], command, [(self.memory, True)], flags,
                                                broadcast=contexts[1:], **more))

    def all_end(self, pending, contexts, status="SUCCESS"):
        for context in contexts:
            assert self.peer.wait_fence(context, pending.serial) == STATUS[status], context

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.peer.close()


def A15_sixty_five_contexts_run_a_buffer_and_the_sixty_sixth_is_refused(daemon):
    with Choir(daemon) as choir:
        first = choir.submit(wire.fill(0, 0, 4, 0x01020304), choir.contexts[:1])
        choir.all_end(first, choir.contexts[:1])
        pending = choir.submit(wire.fill(0, 4, 4, 0x05060708), choir.contexts)
        choir.all_end(pending, choir.contexts)
        told = [fence.context for fence in choir.peer.fences if fence.fence == pending.serial]
        assert sorted(told) == sorted(choir.contexts), told
        assert choir.peer.read(choir.memory, 8) == struct.pack("<2I", 0x01020304, 0x05060708)
        one_more = choir.peer.context(choir.device)
        refusal = refused(choir.peer, choir.submit(wire.fill(0, 0, 4, 9),
                                                   choir.contexts + [one_more]), "LIMIT_EXCEEDED")
        assert "65" in refusal.sentence and "64" in refusal.sentence, refusal
        assert choir.peer.read(choir.memory, 4) == struct.pack("<I", 0x01020304)


def A15_every_context_really_executes(daemon):
    """An inversion shows how often it ran, where it is of contexts one after the other."""
    with Peer(daemon) as peer:
        device = peer.device()
        contexts = [peer.context(device, flags=2) for _ in range(3)]
        surface = peer.allocation(device, 0, width=16, height=1, format=1, surface_type=1)
        invert = wire.colorfill(0, (0, 0, 1, 1), 0xffffffff, rop=wire.PATINVERT)
        for count in (1, 2, 3):
            before = peer.read(surface, 4)
            pending = peer.submit(wire.submission(contexts[0], invert, [(surface, True)],
                                                  wire.RENDER_KM, broadcast=contexts[1:count]))
            for context in contexts[:count]:
                assert peer.wait_fence(context, pending.serial) == STATUS["SUCCESS"]
            after = peer.read(surface, 4)
            assert after == (before if count % 2 == 0 else bytes(255 - b for b in before)), count


def A15_one_refused_context_refuses_it_all(daemon):
    with Choir(daemon, contexts=3) as choir, Choir(daemon, contexts=5) as other:
        peer = choir.peer
        command = wire.fill(0, 0, 4, 7)
        another = peer.context(peer.device())
        copies = peer.context(choir.device, node_ordinal=1)
        cases = [
            (0, "INVALID_HANDLE"),
            (other.contexts[4], "INVALID_HANDLE"),
            (choir.memory, "INVALID_HANDLE"),
            (choir.contexts[2] + (1 << 32), "INVALID_HANDLE"),
            (choir.contexts[0], "INVALID_PARAMETER"),
            (choir.contexts[1], "INVALID_PARAMETER"),
            (another, "INVALID_PARAMETER"),
            (copies, "INVALID_PARAMETER"),
        ]
        for wrong, status in cases:
            refusal = refused(peer, choir.submit(command, choir.contexts[:2] + [wrong]), status)
            assert refusal.sentence, refusal
        refused(peer, choir.submit(command + wire.instruction(0x7777, b""), choir.contexts),
                "ILLEGAL_INSTRUCTION")
        assert peer.read(choir.memory, 4) == bytes(4)
        assert not [fence for fence in peer.fences if fence.context in choir.contexts]
        for context in choir.contexts[:2]:  # a refusal counts in each of them
            refused(peer, choir.submit(command, [context], wire.IF_PREDECESSOR_RAN),
                    "PREDECESSOR_FAILED")
        choir.all_end(choir.submit(command, choir.contexts), choir.contexts)
        assert peer.read(choir.memory, 4) == struct.pack("<I", 7)


def A15_a_large_buffer_is_rendered_for_all(daemon):
    with Choir(daemon, contexts=4) as choir:
        command = b"".join(wire.fill(0, i % 16384 * 4, 4, i) for i in range(8192))
        pending = choir.submit(command, choir.contexts)
        choir.all_end(pending, choir.contexts)
        assert choir.peer.read(choir.memory, 32768) == struct.pack("<8192I", *range(8192))
        refused(choir.peer, choir.submit(command + wire.fill(0, 65536, 4, 1), choir.contexts),
                "INVALID_PARAMETER")
        choir.all_end(choir.submit(command, choir.contexts), choir.contexts)


def A15_a_lie_about_the_count_is_a_malformed_frame(daemon):
    for lie in (1, 1 << 29, 0xffffffff):
        with Choir(daemon, contexts=2) as choir:
            choir.submit(wire.fill(0, 0, 4, 1), choir.contexts[:1], record={6: lie})
            choir.peer.expect_closing("MALFORMED_FRAME")


def A15_a_client_that_goes_leaves_nothing(daemon):
    for _ in range(4):
        choir = Choir(daemon)
        for _ in range(64):
            choir.submit(wire.fill(0, 0, 65536, 1), choir.contexts)
        choir.peer.close()
    with Choir(daemon, contexts=2) as choir:
        choir.all_end(choir.submit(wire.fill(0, 0, 4, 3), choir.contexts), choir.contexts)
        assert choir.peer.read(choir.memory, 4) == struct.pack("<I", 3)


def A15_after_kill_9_each_context_knows_its_fence(_daemon):
    with Daemon() as daemon:
        choir = Choir(daemon, contexts=5, lease_s=60)
        pending = choir.submit(wire.fill(0, 0, 64, 0x11111111), choir.contexts)
        choir.all_end(pending, choir.contexts)
        choir.peer.sync()
        session = choir.peer.id
        daemon.kill()
        choir.peer.reset()
        daemon.start()
        with Peer(daemon, **session) as again:
            for context in choir.contexts:
                state = again.wait(again.request("QUERY_CONTEXT", name=context)).answer
                assert state.completed_fence == pending.serial, state
            assert again.read(choir.memory, 64) == b"\x11" * 64


if __name__ == "__main__":
    run([A15_sixty_five_contexts_run_a_buffer_and_the_sixty_sixth_is_refused,
         A15_every_context_really_executes,
         A15_one_refused_context_refuses_it_all,
         A15_a_large_buffer_is_rendered_for_all,
         A15_a_lie_about_the_count_is_a_malformed_frame,
         A15_a_client_that_goes_leaves_nothing,
         A15_after_kill_9_each_context_knows_its_fence], Daemon)
