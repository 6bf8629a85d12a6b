#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""What penstockctl contexts says that a context waits for; docs/protocol.md §10, ContextRow."""

import contextlib

import wire
from peer import Daemon, Peer, run
from test_hangs import tcp_address
from test_lock import DISCARD, Bench
from test_operator import until
from test_priorities import Lane, fills
from test_sizes import FOR_EVER, spin
from tools import control, report

NEVER = "--tdr-delay=3600000"


@contextlib.contextmanager
def busy_for_good(*options):
    """A daemon of which something may spin when it ends, without waiting for that."""
    with Daemon("--test-instructions", NEVER, *options) as daemon:
        yield daemon
        daemon.kill()
        daemon.start()


def rows(daemon):
    return {row["id"]: row for row in report(daemon, "contexts")["contexts"]}


def waits(daemon, context, what):
    """Until it waits for that; its row."""
    return until(lambda: (row := rows(daemon)[context])["waits_for"] == what and row)


def new_lane(peer, daemon):
    """A lane, and the operator's number of its context, which is the highest."""
    lane = Lane(peer, 0)
    return lane, max(rows(daemon))


def a_context_says_for_which_value_of_which_object_it_waits(daemon):
    with Peer(daemon) as peer:
        lane, number = new_lane(peer, daemon)
        assert rows(daemon)[number]["waits_for"] == ""
        objects = []
        for _ in range(2):
            objects.append(peer.name())
            peer.request("CREATE_SYNC_OBJECT", name=objects[-1], device=lane.device)
        wait = peer.request("WAIT", context=lane.context, object=objects[1], value=7)
        serial = lane.submit(fills(1, 4))
        row = waits(daemon, number, "sync-object")
        assert (row["waits_serial"], row["waits_value"]) == (wait.serial, 7), row
        first = row["waits_object"]
        assert first > 0 and row["queued"] == 2, row
        peer.request("SIGNAL", object=objects[1], value=7)
        lane.ends(serial)
        assert rows(daemon)[number]["waits_for"] == ""
        wait = peer.request("WAIT", context=lane.context, object=objects[0], value=1)
        row = waits(daemon, number, "sync-object")
        assert row["waits_object"] != first and row["waits_value"] == 1, row
        assert "sync-object" in control(daemon, "contexts").stdout
        peer.request("SIGNAL", object=objects[0], value=1)
        peer.wait_fence(lane.context, wait.serial)


def others_wait_for_a_node_and_a_signal_for_what_is_before_it(_daemon):
    with busy_for_good("--listen=127.0.0.1:0") as daemon, \
            Peer(daemon, address=tcp_address(daemon)) as hog, Peer(daemon) as peer:
        lane, number = new_lane(peer, daemon)
        stuck = [new_lane(hog, daemon) for _ in range(2)]
        signalled = hog.name()
        hog.request("CREATE_SYNC_OBJECT", name=signalled, device=stuck[0][0].device)
        for each, _ in stuck:
            each.submit(fills(1, 4) + spin(FOR_EVER))
        hog.sync()
        until(lambda: all(rows(daemon)[context]["on_hardware"] for _, context in stuck))
        signal = hog.request("SIGNAL", context=stuck[0][0].context, object=signalled, value=1)
        lane.submit(fills(1, 4))
        peer.sync()
        row = waits(daemon, stuck[0][1], "predecessor")
        assert row["waits_serial"] == signal.serial, row
        row = waits(daemon, number, "node")
        assert row["on_hardware"] == 0 and row["queued"] == 1, row
        # the second packet of that process is asked to make room, and nothing goes on its ring
        late, late_number = new_lane(hog, daemon)
        late.submit(fills(1, 4))
        hog.sync()
        waits(daemon, late_number, "preemption")


def B11_the_instances_of_a_renamed_allocation_are_listed_and_on_the_map(_daemon):
    with busy_for_good() as daemon, Bench(daemon) as bench:
        bench.peer.sync()
        before = {row["id"]: row for row in report(daemon, "allocations")["allocations"]}
        assert [row["instances"] for row in before.values()] == [1, 1], before
        other = bench.peer.context(bench.device)
        bench.copy_word(other)
        bench.peer.submit(wire.submission(other, spin(FOR_EVER), [(bench.source, False)]))
        bench.peer.wait(bench.upload(2, DISCARD))
        bench.copy_word()
        until(lambda: any(row["on_hardware"] for row in rows(daemon).values()))
        listed = until(lambda: (found := report(daemon, "allocations"))["instances"] and found)
        renamed, = [row for row in listed["allocations"] if row["instances"] == 2]
        left, = listed["instances"]
        assert left["id"] == renamed["id"] and not left["spare"], listed
        # the GPU holds the one that was left
        assert left["references"] == 1 and left["segment"] == 1, listed
        assert left["address"] != renamed["address"], listed
        places = [row for row in report(daemon, "segments")["map"] if row["id"] == renamed["id"]]
        assert {(row["address"], row["instance"]) for row in places} >= {(left["address"], True)}, \
            places
        assert all(row["instance"] == (row["address"] == left["address"]) for row in places), places


if __name__ == "__main__":
    run([a_context_says_for_which_value_of_which_object_it_waits,
         others_wait_for_a_node_and_a_signal_for_what_is_before_it,
         B11_the_instances_of_a_renamed_allocation_are_listed_and_on_the_map],
        lambda: Daemon("--test-instructions"))
