#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Quotas and limits of a small daemon, and TCP; docs/protocol.md §1, §10, §11."""

import os
import pathlib
import struct

import wire
from peer import Closed, Daemon, Peer, refused, run


def small():
    return Daemon("--principal-memory=64M", "--principal-sessions=8", "--connections=24",
                  "--local-memory=16M", "--aperture-memory=32M", "--listen=127.0.0.1:0",
                  "--max-lease=30", "--test-instructions=yes")


def tcp(daemon):
    """The port that the daemon listens on: it was asked for any."""
    inodes = set()
    for link in pathlib.Path(f"/proc/{daemon.process.pid}/fd").iterdir():
        try:
            target = os.readlink(link)
        except FileNotFoundError:  # a connection that has just ended
            continue
        if target.startswith("socket:["):
            inodes.add(target[8:-1])
    for line in pathlib.Path("/proc/net/tcp").read_text().splitlines()[1:]:
        fields = line.split()
        if fields[3] == "0A" and fields[9] in inodes:
            return "127.0.0.1", int(fields[1].split(":")[1], 16)
    raise AssertionError("no listening socket")


def A2_a_quota_is_answered_and_given_back(daemon):
    with Peer(daemon) as peer:
        device = peer.device()
        names = []
        while True:
            name = peer.name()
            pending = peer.settle(peer.request("CREATE_ALLOCATION", name=name, device=device,
                                               size_bytes=10 << 20))
            if pending.status != 0:
                break
            names.append(name)
        assert 4 <= len(names) <= 6 and pending.status == wire.STATUS["NO_MEMORY"], pending
        peer.wait(peer.request("DESTROY", name=names.pop()))
        peer.wait(peer.request("CREATE_ALLOCATION", name=name, device=device,
                               size_bytes=10 << 20))
        peer.request("GOODBYE")
        peer.expect_closing("SUCCESS")


def sessions_of_a_principal_are_limited(daemon):
    peers = []
    try:
        while len(peers) < 20:
            peers.append(Peer(daemon))
    except Closed as closed:
        assert closed.status == wire.STATUS["QUOTA_EXCEEDED"], closed
    assert len(peers) == 8, len(peers)
    with Peer(daemon, features=1) as admin:
        admin.sync()
    with Peer(daemon, address=tcp(daemon)) as other:
        other.device()
        other.sync()
    for peer in peers:
        peer.request("GOODBYE")
        peer.expect_closing("SUCCESS")
        peer.close()
    Peer(daemon).close()


def connections_are_limited_and_a_principal_has_half(daemon):
    peers = []
    try:
        while len(peers) < 40:
            peers.append(Peer(daemon, features=1))
    except Closed as closed:
        assert closed.status == wire.STATUS["LIMIT_EXCEEDED"], closed
    assert len(peers) == 12, len(peers)
    with Peer(daemon, address=tcp(daemon)) as other:
        other.device()
        other.sync()
    for peer in peers:
        peer.request("GOODBYE")
        peer.expect_closing("SUCCESS")
        peer.close()


def a_lease_is_cut_to_what_the_operator_grants(daemon):
    with Peer(daemon, lease_s=60) as peer:
        assert peer.welcome.lease_s == 30
        peer.request("GOODBYE")
        peer.expect_closing("SUCCESS")


def B1_segments_have_the_sizes_that_were_asked_for(daemon):
    with Peer(daemon) as peer:
        sizes = {segment.id: segment.size_bytes for segment in peer.welcome.adapters[0].segments}
        assert sizes == {1: 16 << 20, 2: 32 << 20}, sizes


def A7_a_submission_that_no_segment_can_hold_has_no_video_memory(daemon):
    with Peer(daemon) as peer:
        device = peer.device()
        context = peer.context(device)
        large = peer.allocation(device, 20 << 20, segment_set=1)
        other = peer.device()
        small_one = peer.allocation(other, 4096)
        pending = peer.submit(wire.submission(context, wire.fill(0, 0, 64, 1), [(large, True)]))
        peer.settle(pending)
        status = pending.status or peer.wait_fence(context, pending.serial)
        assert status == wire.STATUS["GRAPHICS_NO_VIDEO_MEMORY"], hex(status)
        peer.wait(peer.submit(wire.submission(peer.context(other), wire.fill(0, 0, 64, 2),
                                              [(small_one, True)])))
        assert peer.read(small_one, 64) == struct.pack("<I", 2) * 16


def loopback_tcp_is_a_principal_without_reports(daemon):
    with Peer(daemon, address=tcp(daemon)) as peer:
        assert peer.welcome.principal == "loopback"
        device = peer.device()
        context = peer.context(device)
        allocation = peer.allocation(device, 4096)
        peer.submit(wire.submission(context, wire.fill(0, 0, 4096, 3), [(allocation, True)]))
        assert peer.read(allocation, 4096) == struct.pack("<I", 3) * 1024
        refused(peer, peer.request("ADMIN_STATUS"), "ACCESS_DENIED")
        refused(peer, peer.request("ADMIN_DUMP", raw=b"\xff"), "ACCESS_DENIED")
        peer.sync()


def A3_another_principals_session_is_not_found(daemon):
    owner = Peer(daemon, lease_s=30)
    owner.device()
    owner.sync()
    try:
        Peer(daemon, address=tcp(daemon), **owner.id)
    except Closed as closed:
        assert closed.status == wire.STATUS["NOT_FOUND"], closed
    else:
        raise AssertionError("resumed")
    owner.sync()
    owner.request("GOODBYE")
    owner.expect_closing("SUCCESS")
    owner.close()


def resets_of_tcp_connections_harm_nobody(daemon):
    address = tcp(daemon)
    stream = (wire.frame("HELLO", 0, major=1, isa_version=1) +
              wire.frame("CREATE_DEVICE", 1, name=1) + wire.frame("SYNC", 2) * 4)
    with Peer(daemon) as observer:
        for size in range(0, len(stream), 3):
            peer = Peer(daemon, hello=False, address=address)
            peer.send(stream[:size])
            peer.reset()
            for _ in range(5):  # turns in which the daemon sees the reset
                observer.sync()
    with Peer(daemon, address=address) as peer:
        peer.device()
        peer.sync()


def C9_others_run_while_one_keeps_the_gpu_busy(daemon):
    """`spin` is offered by this daemon."""
    with Peer(daemon) as busy, Peer(daemon) as other:
        device = busy.device()
        context = busy.context(device)
        spin = wire.instruction(6, struct.pack("<I", 20000))
        last = [busy.submit(wire.submission(context, spin)) for _ in range(10)][-1]
        mine = other.device()
        ours = other.context(mine)
        allocation = other.allocation(mine, 4096)
        done = other.submit(wire.submission(ours, wire.fill(0, 0, 64, 5), [(allocation, True)]))
        assert other.wait_fence(ours, done.serial) == 0
        state = busy.wait(busy.request("QUERY_CONTEXT", name=context)).answer
        assert state.completed_fence < last.serial, "it waited for all of the other's work"
        assert busy.wait_fence(context, last.serial) == 0


TESTS = [value for name, value in list(globals().items())
         if callable(value) and getattr(value, "__module__", "") == "__main__" and
         hasattr(value, "__code__") and value.__code__.co_varnames[:1] == ("daemon",) and
         name != "tcp"]

if __name__ == "__main__":
    run(TESTS, small)
