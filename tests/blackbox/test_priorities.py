#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Who gets the node, as clients see it; docs/protocol.md, CreateContext. Nothing here asks how long
anything takes, only what ends before what."""

import wire
from peer import STATUS, Daemon, Peer, refused, run
from test_sizes import spin

LONG_US = 2000000


def fills(first, count, place=0):
    return b"".join(wire.fill(0, (place + i) * 64, 64, first + i) for i in range(count))


class Lane:
    """A context of a device, with an allocation that it writes."""

    def __init__(self, peer, priority):
        self.peer = peer
        self.device = peer.device()
        self.context = peer.context(self.device, priority=priority)
        self.memory = peer.allocation(self.device, 65536)
        peer.sync()

    def submission(self, command):
        return wire.submission(self.context, command, [(self.memory, True)])

    def submit(self, command):
        return self.peer.submit(self.submission(command)).serial

    def is_ended(self, serial):
        return any(fence.context == self.context and fence.fence >= serial
                   for fence in self.peer.fences)

    def ends(self, serial):
        assert self.peer.wait_fence(self.context, serial) == STATUS["SUCCESS"]

    def holds(self, first, count):
        wanted = b"".join((first + i).to_bytes(4, "little") * 16 for i in range(count))
        return self.peer.read(self.memory, len(wanted)) == wanted


def overtakes(low, high):
    """What `low` has on the node stands there for seconds if nobody makes room."""
    first = low.submit(fills(100, 8) + spin(LONG_US // 4) + fills(108, 8, 8))
    last = [low.submit(spin(LONG_US)) for _ in range(2)][-1]
    low.peer.sync()
    high.ends(high.submit(fills(7, 16)))
    low.peer.sync()
    assert not low.is_ended(last)
    assert high.holds(7, 16)
    low.ends(first)
    assert low.holds(100, 16)
    low.ends(last)


def D2_D5_a_high_priority_overtakes_a_long_low_one_of_its_own_process(daemon):
    with Peer(daemon) as peer:
        low, high = Lane(peer, -1), Lane(peer, 5)
        overtakes(low, high)


def D2_D5_a_high_priority_overtakes_another_session(daemon):
    with Peer(daemon) as peer, Peer(daemon) as other:
        overtakes(Lane(other, 0), Lane(peer, 1))


def D5_contexts_of_one_priority_take_turns(daemon):
    """The second has short buffers only: they do not wait for all of the first."""
    with Peer(daemon) as peer:
        first, second = Lane(peer, 0), Lane(peer, 0)
        last = [first.submit(spin(LONG_US)) for _ in range(3)][-1]
        second.ends([second.submit(fills(i, 4)) for i in range(4)][-1])
        peer.sync()
        assert not first.is_ended(last)
        assert second.holds(3, 4)
        first.ends(last)


def D2_a_priority_is_no_higher_than_the_principal_may_have(_daemon):
    with Daemon("--max-priority=2") as daemon, Peer(daemon) as peer:
        device = peer.device()
        peer.context(device, priority=2)
        name = peer.name()
        refusal = refused(peer, peer.request("CREATE_CONTEXT", name=name, device=device,
                                             priority=3), "ACCESS_DENIED")
        assert "priority 3 is above 2" in refusal.sentence, refusal


if __name__ == "__main__":
    run([D2_D5_a_high_priority_overtakes_a_long_low_one_of_its_own_process,
         D2_D5_a_high_priority_overtakes_another_session,
         D5_contexts_of_one_priority_take_turns,
         D2_a_priority_is_no_higher_than_the_principal_may_have],
        lambda: Daemon("--test-instructions"))
