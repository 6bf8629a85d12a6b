#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Synchronisation objects: in the streams of contexts, of several clients and nodes, and waited for
by the clients themselves; docs/protocol.md §5."""

import struct

import wire
from peer import STATUS, Closed, Daemon, Peer, refused, run
from test_sizes import FOR_EVER, spin

END = (1 << 64) - 1
SLOT = 64


class Bench:
    """A device with a context, and memory of SLOT bytes each."""

    def __init__(self, peer, node=0, memory=None):
        self.peer = peer
        self.device = peer.device()
        self.context = peer.context(self.device, node_ordinal=node)
        if memory is None:
            self.memory = peer.allocation(self.device, 65536)
        else:
            self.memory, opened = peer.open(self.device, memory)
            peer.wait(opened)

    def submit(self, command):
        return self.peer.submit(wire.submission(self.context, command, [(self.memory, True)]))

    def step(self, slot):
        """What stands in a slot goes on to the next."""
        return self.submit(wire.copy(0, slot * SLOT, 0, (slot + 1) * SLOT, SLOT))

    def signal(self, name, value):
        return self.peer.signal(name, value, self.context)

    def wait_for(self, name, value):
        return self.peer.wait_for(name, value, self.context)

    def ended(self, pending):
        return self.peer.wait_fence(self.context, pending.serial)


def D3_two_clients_play_ping_pong(daemon):
    """What one writes the other carries on: it arrives only if every step was in its turn."""
    with Peer(daemon) as peer, Peer(daemon) as other:
        ping = Bench(peer)
        sync = peer.sync_object(ping.device)
        pong = Bench(other, memory=peer.share(ping.memory))
        theirs, opened = other.open_sync(pong.device, peer.share_sync(sync))
        other.wait(opened)
        peer.upload(ping.memory, b"\x5a" * SLOT)
        for i in range(0, 200, 2):
            pong.wait_for(theirs, i + 1)
            pong.step(i + 1)
            last = pong.signal(theirs, i + 2)
        other.sync()
        for i in range(0, 200, 2):
            ping.wait_for(sync, i)
            ping.step(i)
            ping.signal(sync, i + 1)
        peer.wait_for(sync, 200)
        assert pong.ended(last) == STATUS["SUCCESS"]
        assert peer.told(sync).value == 200
        assert peer.read(ping.memory, SLOT, 200 * SLOT) == b"\x5a" * SLOT


def D3_a_wait_holds_its_context_and_no_other(daemon):
    with Peer(daemon) as peer:
        held, free = Bench(peer), Bench(peer)
        sync = peer.sync_object(held.device)
        wait = held.wait_for(sync, 1)
        behind = held.submit(wire.fill(0, 0, 4096, 0x11111111))
        assert free.ended(free.submit(wire.fill(0, 0, 4096, 0x22222222))) == STATUS["SUCCESS"]
        state = peer.wait(peer.request("QUERY_CONTEXT", name=held.context)).answer
        assert state.queued_buffer_count == 2 and state.completed_fence == 0, state
        peer.signal(sync, 1)
        assert held.ended(behind) == STATUS["SUCCESS"]
        assert [fence.fence for fence in peer.fences if fence.context == held.context][0] >= \
            wait.serial
        assert peer.read(held.memory, 4) == b"\x11" * 4


def D3_a_dead_lock_by_a_clients_own_bug_hits_its_contexts_only(daemon):
    with Peer(daemon) as innocent:
        bench = Bench(innocent)
        with Peer(daemon) as peer:
            one, two = Bench(peer), Bench(peer)
            a, b = peer.sync_object(one.device), peer.sync_object(two.device)
            theirs, opened = peer.open_sync(two.device, peer.share_sync(a))
            mine, opened_too = peer.open_sync(one.device, peer.share_sync(b))
            peer.wait(opened)
            peer.wait(opened_too)
            for bench_of, waits, signals in ((one, mine, a), (two, theirs, b)):
                bench_of.wait_for(waits, 1)
                bench_of.submit(wire.nop())
                bench_of.signal(signals, 1)
            peer.sync()
            assert not peer.fences
            assert bench.ended(bench.submit(wire.fill(0, 0, 64, 7))) == STATUS["SUCCESS"]
            # a device that goes takes its packets along, and the other's wait is over
            peer.request("DESTROY", name=one.device)
            assert two.ended(two.submit(wire.nop())) == STATUS["SUCCESS"]
            assert peer.value(b) == 1
        assert bench.ended(bench.submit(wire.fill(0, 0, 64, 8))) == STATUS["SUCCESS"]


def D3_a_client_that_dies_lets_those_go_who_wait_for_its_signal(daemon):
    with Peer(daemon) as peer:
        bench = Bench(peer)
        sync = peer.sync_object(bench.device)
        token = peer.share_sync(sync)
        with Peer(daemon) as dying:
            theirs = Bench(dying)
            opened, pending = dying.open_sync(theirs.device, token)
            never = dying.sync_object(theirs.device)
            dying.wait(pending)
            theirs.wait_for(never, 1)
            theirs.signal(opened, 5)
            dying.sync()
            bench.wait_for(sync, 5)
            last = bench.submit(wire.nop())
            peer.wait_for(sync, 5)
            peer.sync()
            assert not peer.fences and not peer.values
        assert bench.ended(last) == STATUS["SUCCESS"]
        told = peer.told(sync)
        assert told.value == END and told.status == STATUS["SUCCESS"], told


def D3_values_are_64_bits_and_only_grow(daemon):
    with Peer(daemon) as peer:
        bench = Bench(peer)
        sync = peer.sync_object(bench.device, END - 2)
        assert peer.value(sync) == END - 2
        peer.signal(sync, 5)
        assert bench.ended(bench.signal(sync, 6)) == STATUS["SUCCESS"]
        assert peer.value(sync) == END - 2
        assert bench.ended(bench.wait_for(sync, END - 2)) == STATUS["SUCCESS"]
        last = bench.wait_for(sync, END)
        peer.signal(sync, END - 1)
        assert peer.value(sync) == END - 1
        assert not peer.fences or peer.fences[-1].fence < last.serial
        peer.signal(sync, END)
        assert bench.ended(last) == STATUS["SUCCESS"]


def D3_a_client_is_told_once_of_the_latest_that_it_waits_for(daemon):
    with Peer(daemon) as peer:
        device = peer.device()
        sync, other = peer.sync_object(device), peer.sync_object(device)
        peer.wait_for(sync, 0)  # reached already
        assert peer.told(sync).value == 0
        peer.wait_for(sync, 10)
        peer.wait_for(sync, 20)  # takes its place
        peer.wait_for(other, 1)
        peer.signal(sync, 15)
        peer.signal(other, 1)
        assert peer.told(other).value == 1
        peer.sync()
        assert not peer.values
        peer.signal(sync, 25)
        assert peer.told(sync).value == 25
        peer.wait_for(sync, 30)
        peer.request("DESTROY", name=sync)
        peer.sync()
        assert not peer.values


def D3_what_is_destroyed_ends_the_waits_for_it(daemon):
    with Peer(daemon) as peer:
        bench = Bench(peer)
        sync = peer.sync_object(bench.device)
        last = bench.wait_for(sync, 1)
        peer.request("DESTROY", name=sync)
        assert bench.ended(last) == STATUS["SUCCESS"]
        refused(peer, bench.wait_for(sync, 1), "INVALID_HANDLE")
        # but not while a signal of it is on its way
        held, released = peer.sync_object(bench.device), peer.sync_object(bench.device)
        other = Bench(peer)
        theirs, opened = peer.open_sync(other.device, peer.share_sync(released))
        peer.wait(opened)
        last = bench.wait_for(released, 1)
        behind = bench.signal(released, 2)
        gate = peer.sync_object(other.device)
        other.wait_for(gate, 1)
        other.signal(theirs, 1)
        peer.request("DESTROY", name=released)
        peer.request("DESTROY", name=theirs)
        peer.request("DESTROY", name=held)
        peer.sync()
        assert all(fence.fence < last.serial for fence in peer.fences)
        peer.signal(gate, 1)
        assert bench.ended(behind) == STATUS["SUCCESS"]


def D3_what_names_no_object_of_the_device_is_refused(daemon):
    with Peer(daemon) as peer, Peer(daemon) as stranger:
        bench, other = Bench(peer), Bench(peer)
        sync = peer.sync_object(bench.device)
        peer.sync()
        for name in (0, 99, bench.memory, bench.context, bench.device, sync | 7 << 32):
            refused(peer, bench.signal(name, 1), "INVALID_HANDLE")
            refused(peer, peer.wait_for(name, 1), "INVALID_HANDLE")
            refused(peer, peer.request("QUERY_SYNC_OBJECT", name=name), "INVALID_HANDLE")
            refused(peer, peer.request("SHARE_SYNC_OBJECT", name=name), "INVALID_HANDLE")
        refused(peer, peer.signal(sync, 1, bench.memory), "INVALID_HANDLE")
        refused(peer, peer.signal(sync, 1, sync), "INVALID_HANDLE")
        refused(peer, peer.read_back(sync, 4), "INVALID_HANDLE")
        refused(peer, peer.submit(wire.submission(bench.context, wire.nop(), [(sync, True)])),
                "INVALID_HANDLE")
        refused(peer, other.wait_for(sync, 1), "GRAPHICS_WRONG_ALLOCATION_DEVICE")
        refused(peer, peer.request("CREATE_SYNC_OBJECT", name=peer.name(), device=bench.context),
                "INVALID_HANDLE")
        refused(peer, peer.request("CREATE_SYNC_OBJECT", name=sync, device=bench.device),
                "INVALID_PARAMETER")
        device, name = stranger.device(), stranger.name()
        _, opened = stranger.open_sync(device, (1, 2), name)
        refused(stranger, opened, "NOT_FOUND")
        _, opened = stranger.open_sync(device, peer.share(bench.memory), name)
        refused(stranger, opened, "NOT_FOUND")
        _, opened = stranger.open(device, peer.share_sync(sync), name=name)
        refused(stranger, opened, "NOT_FOUND")
        refused(stranger, stranger.wait_for(sync, 1), "INVALID_HANDLE")
        assert peer.value(sync) == 0


def D3_an_object_lives_as_long_as_somebody_has_it_open(daemon):
    with Peer(daemon) as peer:
        with Peer(daemon) as maker:
            sync = maker.sync_object(maker.device(), 3)
            token = maker.share_sync(sync)
            assert maker.share_sync(sync) == token
            theirs, opened = peer.open_sync(peer.device(), token)
            peer.wait(opened)
        peer.signal(theirs, 4)
        assert peer.value(theirs) == 4
        again, opened = peer.open_sync(peer.device(), token)
        peer.wait(opened)
        assert peer.value(again) == 4
        peer.request("DESTROY", name=again)
        peer.request("DESTROY", name=theirs)
        _, opened = peer.open_sync(peer.device(), token)
        refused(peer, opened, "NOT_FOUND")


def D3_behind_a_wait_the_credit_bounds_what_is_held(daemon):
    with Peer(daemon) as peer:
        bench = Bench(peer)
        sync = peer.sync_object(bench.device)
        bench.wait_for(sync, 1)
        peer.sync()
        peer.socket.settimeout(2)
        sent = 0
        try:
            while sent < 20000:
                bench.wait_for(sync, 1)
                sent += 1
        except OSError:
            pass  # the daemon reads nothing more
        with Peer(daemon) as admin:
            held = admin.wait(admin.request("ADMIN_STATUS")).answer.submissions_held
            assert held <= peer.welcome.held_submissions, held
    with Peer(daemon) as peer:
        bench = Bench(peer)
        assert bench.ended(bench.submit(wire.nop())) == STATUS["SUCCESS"]


def D4_both_nodes_are_busy_at_once(daemon):
    """Node 0 is busy for ever; the copy on node 1 ends all the same, and does so first."""
    with Daemon("--test-instructions", "--drain=1") as own, Peer(own) as peer:
        spinning, copying = Bench(peer), Bench(peer, node=1)
        peer.upload(copying.memory, b"\x42" * SLOT)
        endless = spinning.submit(spin(FOR_EVER))
        for i in range(100):
            last = copying.step(i)
        assert copying.ended(last) == STATUS["SUCCESS"]
        assert all(fence.context != spinning.context for fence in peer.fences)
        assert peer.read(copying.memory, SLOT, 100 * SLOT) == b"\x42" * SLOT
        state = peer.wait(peer.request("QUERY_CONTEXT", name=spinning.context)).answer
        assert state.queued_buffer_count == 1 and state.completed_fence < endless.serial, state


def D4_a_node_waits_for_what_the_other_has_to_do(daemon):
    with Peer(daemon) as peer:
        device = peer.device()
        render = peer.context(device)
        copy = peer.context(device, node_ordinal=1)
        memory = peer.allocation(device, 65536)
        there, back = peer.sync_object(device), peer.sync_object(device)
        both = [(memory, True)]
        for i in range(20):
            peer.wait_for(there, i + 1, copy)
            peer.submit(wire.submission(copy, wire.copy(0, 0, 0, 4096 + i * 64, 64), both))
            last = peer.signal(back, i + 1, copy)
            peer.submit(wire.submission(render, spin(500) + wire.fill(0, 0, 64, i), both))
            peer.signal(there, i + 1, render)
            peer.wait_for(back, i + 1, render)
        assert peer.wait_fence(copy, last.serial) == STATUS["SUCCESS"]
        data = peer.read(memory, 20 * 64, 4096)
        assert data == b"".join(struct.pack("<I", i) * 16 for i in range(20))


def D3_what_a_leased_session_signalled_is_there_after_kill_9(daemon):
    with Daemon() as own:
        with Peer(own) as other:
            peer = Peer(own, lease_s=60)
            bench, idle = Bench(peer), Bench(peer)
            sync, shared = peer.sync_object(bench.device), peer.sync_object(idle.device)
            token = peer.share_sync(shared)
            done = bench.signal(sync, 7)
            assert bench.ended(done) == STATUS["SUCCESS"]
            peer.signal(sync, 8)
            peer.signal(shared, END - 1)
            theirs, opened = other.open_sync(other.device(), token)
            other.wait(opened)
            gone = peer.sync_object(bench.device)
            peer.request("DESTROY", name=gone)
            last = peer.sync().serial
            own.kill()
            peer.close()
        own.start()
        with Peer(own, **peer.id) as again:
            assert again.welcome.last_serial == last
            again.indices = peer.indices
            assert again.value(sync) == 8
            assert again.value(shared) == END - 1
            refused(again, again.wait_for(gone, 1), "INVALID_HANDLE")
            bench.peer = again
            assert bench.ended(bench.wait_for(sync, 8)) == STATUS["SUCCESS"]
            held = bench.wait_for(sync, 9)
            again.signal(sync, 9)
            assert bench.ended(held) == STATUS["SUCCESS"]
            assert again.share_sync(shared) == token
            with Peer(own) as other:
                theirs, opened = other.open_sync(other.device(), token)
                other.wait(opened)
                other.signal(theirs, END)
            assert again.value(shared) == END
            again.request("GOODBYE")
            again.expect_closing("SUCCESS")


def D3_a_signal_that_a_kill_overtook_lets_go_who_waits(daemon):
    with Daemon() as own:
        peer = Peer(own, lease_s=60)
        bench, idle = Bench(peer), Bench(peer)
        sync, never = peer.sync_object(idle.device), peer.sync_object(bench.device)
        theirs, opened = peer.open_sync(bench.device, peer.share_sync(sync))
        peer.wait(opened)
        bench.wait_for(never, 1)
        bench.signal(theirs, 5)
        peer.sync()
        own.kill()
        peer.close()
        own.start()
        with Peer(own, **peer.id) as again:
            state = again.wait(again.request("QUERY_DEVICE", name=bench.device)).answer
            assert state.execution_state == 2, state
            state = again.wait(again.request("QUERY_DEVICE", name=idle.device)).answer
            assert state.execution_state == 1, state
            assert again.value(sync) == END
            again.wait_for(sync, 5)
            assert again.told(sync).value == END
            again.request("GOODBYE")
            again.expect_closing("SUCCESS")


def D3_what_was_not_executed_before_a_kill_is_executed_once_after_it(daemon):
    """Signals are sent again under their serials; one that ran already changes nothing."""
    for after in (3, 11, 40):
        with Daemon() as own:
            peer = Peer(own, lease_s=60)
            device = peer.device()
            context = peer.context(device)
            sync = peer.sync_object(device)
            frames = {}
            for i in range(100):
                serial = peer.serial + 1
                which = context if i % 2 else 0
                frames[serial] = wire.frame("SIGNAL", serial, context=which, object=sync,
                                            value=i + 1)
                peer.serial += 1
            for serial, frame in frames.items():
                peer.send(frame)
                if serial == 3 + after:
                    try:
                        peer.take()
                    except Closed:
                        pass
            own.kill()
            peer.close()
            own.start()
            with Peer(own, **peer.id) as again:
                again.indices = peer.indices
                first = again.welcome.last_serial + 1
                if first <= 3:
                    for name, kind, fields in ((device, "CREATE_DEVICE", {}),
                                               (context, "CREATE_CONTEXT", {"device": device}),
                                               (sync, "CREATE_SYNC_OBJECT", {"device": device})):
                        if name & 0xffffffff >= first:  # its index is its serial
                            again.wait(again.request(kind, name=name, **fields))
                state = again.wait(again.request("QUERY_DEVICE", name=device)).answer
                if state.execution_state != 1:
                    refused(again, again.request("QUERY_SYNC_OBJECT", name=sync),
                            "DEVICE_REMOVED")
                    continue
                value = again.value(sync)
                assert first - 4 <= value <= 100, (first, value)
                again.signal(sync, 100)
                assert again.value(sync) == 100


if __name__ == "__main__":
    run([test for name, test in globals().items() if name.startswith(("D3_", "D4_"))],
        lambda: Daemon("--test-instructions"))
