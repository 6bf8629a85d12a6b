#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Leases, resume, restart; docs/protocol.md §3, §4."""

import os
import struct

import wire
from peer import Closed, Daemon, Peer, Skip, refused, run


def not_found(daemon, session):
    try:
        Peer(daemon, **session).close()
    except Closed as closed:
        assert closed.status == wire.STATUS["NOT_FOUND"], closed
        return
    raise AssertionError("resumed")


def leased(daemon):
    peer = Peer(daemon, lease_s=60)
    assert peer.welcome.lease_s == 60
    peer.dev = peer.device()
    peer.ctx = peer.context(peer.dev)
    peer.mem = peer.allocation(peer.dev, 65536)
    peer.upload(peer.mem, b"kept")
    peer.submit(wire.submission(peer.ctx, wire.fill(0, 4096, 4096, 0x5a5a5a5a),
                                [(peer.mem, True)]))
    peer.sync()
    peer.wait_fence(peer.ctx, 5)
    return peer


def goodbye(peer):
    peer.request("GOODBYE")
    peer.expect_closing("SUCCESS")
    peer.close()


def is_all_there(peer, old):
    assert peer.read(old.mem, 4) == b"kept"
    assert peer.read(old.mem, 4096, 4096) == b"\x5a" * 4096
    assert peer.wait(peer.request("QUERY_DEVICE", name=old.dev)).answer.execution_state == 1
    state = peer.wait(peer.request("QUERY_CONTEXT", name=old.ctx)).answer
    assert state.completed_fence == 5, state
    last = peer.submit(wire.submission(old.ctx, wire.fill(0, 0, 4, 0x31313131), [(old.mem, True)]))
    assert peer.read(old.mem, 4) == b"1111"
    assert last.status == 0


def a_session_without_a_lease_is_gone_with_its_connection(daemon):
    peer = Peer(daemon)
    peer.device()
    peer.sync()
    session = peer.id
    with Peer(daemon) as second:
        peer.close()
        for _ in range(1000):
            report = second.wait(second.request("ADMIN_STATUS")).answer
            if report.sessions == 1:
                break
        else:
            raise AssertionError(report)
    not_found(daemon, session)


def a_leased_session_is_resumed_with_its_objects_and_bytes(daemon):
    old = leased(daemon)
    old.close()
    with Peer(daemon, **old.id) as peer:
        assert peer.welcome.resumed and peer.welcome.last_serial == old.serial
        assert peer.id == old.id
        is_all_there(peer, old)
        goodbye(peer)


def a_resume_takes_the_session_from_the_older_connection(daemon):
    old = leased(daemon)
    with Peer(daemon, **old.id) as peer:
        old.expect_closing("CANCELLED")
        is_all_there(peer, old)
        goodbye(peer)


def A19_the_rest_is_sent_again_and_executed_once(daemon):
    old = leased(daemon)
    first = old.serial + 1
    frames = [wire.frame("SUBMIT", first + i,
                         wire.submission(old.ctx, wire.copy(0, 4 * i, 0, 4 * (i + 1), 4) +
                                         wire.update(0, 32768 + 4 * i, [i + 1]),
                                         [(old.mem, True)]),
                         raw=wire.encode("Submit", count=1)) for i in range(300)]
    old.send(b"".join(frames[:200]))
    old.send(frames[200][:50])
    old.close()
    with Peer(daemon, **old.id) as peer:
        executed = peer.welcome.last_serial
        assert first - 1 <= executed < first + 200, executed
        peer.send(b"".join(frames[executed + 1 - first:]))
        peer.serial = first + 299
        expected = b"kept" * 300
        assert peer.read(old.mem, 1200) == expected[:1200]
        assert peer.read(old.mem, 1200, 32768) == struct.pack("<300I", *range(1, 301))
        goodbye(peer)


def a_serial_of_before_the_resume_ends_the_connection(daemon):
    old = leased(daemon)
    old.close()
    for serial in (1, old.serial, old.serial + 2):
        with Peer(daemon, **old.id) as peer:
            peer.send(wire.frame("SYNC", serial))
            peer.expect_closing("WRONG_SERIAL")
    with Peer(daemon, **old.id) as peer:
        peer.sync()
        goodbye(peer)


def another_principal_cannot_resume(daemon):
    if os.getuid() != 0:
        raise Skip("only root can become another user")
    old = leased(daemon)
    os.chmod(daemon.socket, 0o666)
    child = os.fork()
    if child == 0:
        code = 1
        try:
            os.setgid(65534)
            os.setuid(65534)
            not_found(daemon, old.id)
            code = 0
        finally:
            os._exit(code)
    assert os.waitpid(child, 0)[1] == 0
    old.sync()
    goodbye(old)


def a_session_survives_kill_and_restart(daemon):
    old = leased(daemon)
    session = old.id
    for _ in range(3):
        daemon.kill()
        try:
            while True:
                old.take()
        except (Closed, OSError):
            pass
        old.close()
        daemon.start()
    with Peer(daemon, **session) as peer:
        assert peer.welcome.resumed and peer.welcome.last_serial == old.serial
        is_all_there(peer, old)
        goodbye(peer)


def a_session_survives_stop_and_restart(daemon):
    old = leased(daemon)
    assert daemon.stop() == 0
    try:
        while True:
            old.take()
    except Closed as closed:
        assert closed.status in (None, wire.STATUS["CONNECTION_DISCONNECTED"]), closed
    daemon.start()
    with Peer(daemon, **old.id) as peer:
        assert peer.welcome.last_serial == old.serial
        is_all_there(peer, old)
        goodbye(peer)


def destroyed_names_stay_destroyed_over_a_restart(daemon):
    peer = leased(daemon)
    gone = peer.allocation(peer.dev, 4096)
    peer.wait(peer.request("DESTROY", name=gone))
    daemon.kill()
    peer.close()
    daemon.start()
    with Peer(daemon, **peer.id) as again:
        refused(again, again.read_back(gone, 1), "INVALID_HANDLE")
        refused(again, again.request("CREATE_ALLOCATION", name=gone, device=peer.dev,
                                     size_bytes=4096), "INVALID_PARAMETER")
        again.wait(again.request("CREATE_ALLOCATION", name=gone + (1 << 32), device=peer.dev,
                                 size_bytes=4096))
        assert again.read(gone + (1 << 32), 4096) == bytes(4096)
        goodbye(again)


def a_session_without_a_lease_does_not_come_back_after_a_restart(daemon):
    peer = Peer(daemon)
    peer.device()
    peer.sync()
    daemon.kill()
    peer.close()
    daemon.start()
    not_found(daemon, peer.id)


def a_shared_allocation_survives_a_restart(daemon):
    first, second = leased(daemon), leased(daemon)
    token = first.share(first.mem)
    opening, pending = second.open(second.dev, token)
    second.wait(pending)
    daemon.kill()
    first.close()
    second.close()
    daemon.start()
    with Peer(daemon, **first.id) as one, Peer(daemon, **second.id) as two:
        two.wait(two.upload(opening, b"over"))
        assert one.read(first.mem, 4) == b"over"
        goodbye(one)
        assert two.read(opening, 4) == b"over"
        name, pending = two.open(second.dev, token, name=second.name())
        two.wait(pending)
        assert two.read(name, 4) == b"over"
        goodbye(two)


TESTS = [value for name, value in list(globals().items())
         if callable(value) and getattr(value, "__module__", "") == "__main__" and
         hasattr(value, "__code__") and value.__code__.co_varnames[:1] == ("daemon",) and
         name not in ("not_found", "leased")]

if __name__ == "__main__":
    run(TESTS, Daemon)
