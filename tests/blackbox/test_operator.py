#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""What an administrator does, and who sees it: penstockctl sessions, kill and evict, and what the
daemon counts of the nodes; docs/protocol.md §10."""

import os
import pathlib
import re
import signal
import time

import wire
from peer import PATIENCE_S, Closed, Daemon, Peer, refused, run
from test_hangs import tcp_address
from test_priorities import Lane, fills, overtakes
from test_sizes import FOR_EVER, spin
from tools import NOBODY, control, expect, report

STOPPED = 4
SIZE = 1 << 20


def until(condition):
    """Asks until it holds; returns what it returned."""
    end = time.monotonic() + PATIENCE_S
    while True:
        found = condition()
        if found:
            return found
        assert time.monotonic() < end, "it never came to be"


def sessions(daemon, **wanted):
    return [row for row in report(daemon, "sessions")["sessions"]
            if all(row[key] == value for key, value in wanted.items())]


def context_row(daemon, lane):
    """The operator's row of that context, whose name is the only one that a peer knows."""
    with Peer(daemon) as observer:
        rows = [row for row in observer.wait(observer.request("ADMIN_CONTEXTS")).answer.contexts
                if row.name == lane.context and row.session == lane.peer.welcome.session_high >> 32]
    assert len(rows) == 1, rows
    return rows[0]


def logged(daemon, *words):
    return [line for line in pathlib.Path(daemon.log).read_text().splitlines()
            if all(word in line for word in words)]


def kill_gpu_processes(daemon):
    """And the daemon knows of it: what comes next does not go to one that is dead."""
    def processes():
        return {row["gpu_process"] for row in report(daemon, "status")["principals"]} - {0}

    killed = processes()
    for process in killed:
        os.kill(process, signal.SIGKILL)
    until(lambda: not killed & processes())


# ---------------------------------------------------------------- sessions


def sessions_are_listed_with_what_they_have(daemon):
    with Peer(daemon, client="first \x1b[31mred", lease_s=30) as peer:
        lane = Lane(peer, 0)
        row, = sessions(daemon, session=peer.welcome.session_high >> 32)
        assert (row["devices"], row["contexts"], row["connected"]) == (1, 1, True), row
        assert (row["lease_s"], row["client"]) == (30, "first ?[31mred"), row
        assert row["last_serial"] == peer.serial and lane.device
        table = control(daemon, "sessions").stdout
        assert "first ?[31mred" in table and "\x1b" not in table, table
        peer.close()
        number = row["id"]
        until(lambda: sessions(daemon, id=number, connected=False))
    result = report(daemon, "kill", "session", number)
    assert result["killed"] == {"sessions": 1, "devices": 1}, result
    assert not sessions(daemon, id=number)


# ---------------------------------------------------------------- kill


def a_device_that_is_killed_is_stopped_and_its_client_is_told(daemon):
    with Peer(daemon) as peer, Peer(daemon) as other:
        lane, second, bystander = Lane(peer, 0), Lane(peer, 0), Lane(other, 0)
        lane.submit(spin(FOR_EVER))
        last = [lane.submit(fills(i, 4)) for i in range(100)][-1]
        peer.sync()
        device = context_row(daemon, lane).device
        assert report(daemon, "kill", "device", device)["killed"] == {"sessions": 0, "devices": 1}
        state = peer.wait(peer.request("QUERY_DEVICE", name=lane.device)).answer
        assert state.execution_state == STOPPED and "administrator" in state.reason, state
        refused(peer, peer.submit(lane.submission(fills(1, 1))), "DEVICE_REMOVED")
        kill_gpu_processes(daemon)  # what the GPU had begun would not end by itself
        assert peer.wait_fence(lane.context, last) == wire.STATUS["DEVICE_REMOVED"]
        # who had nothing to do with it goes on
        for good in (second, bystander):
            good.ends(good.submit(fills(7, 4)))
            assert good.holds(7, 4)
        again = report(daemon, "kill", "device", device)
        assert again["killed"] == {"sessions": 0, "devices": 0}, again
        assert logged(daemon, "device killed", "by_uid=", f"device={device}")
        row, = [row for row in report(daemon, "contexts")["contexts"]
                if row["device"] == device]
        assert row["state"] == "stopped" and "administrator" in row["reason"], row


def a_context_that_is_killed_costs_its_device(daemon):
    with Peer(daemon) as peer:
        lane, other = Lane(peer, 0), Lane(peer, 0)
        number = context_row(daemon, lane).id
        assert control(daemon, "kill", "context", number).stdout.split() == \
            ["sessions", "0", "devices", "1"]
        state = peer.wait(peer.request("QUERY_DEVICE", name=lane.device)).answer
        assert state.execution_state == STOPPED, state
        other.ends(other.submit(fills(7, 4)))


def a_session_that_is_killed_ends_whatever_its_lease(daemon):
    with Peer(daemon, lease_s=60) as peer:
        Lane(peer, 0)
        row, = sessions(daemon, session=peer.welcome.session_high >> 32)
        result = report(daemon, "kill", "session", row["id"])
        assert result["killed"] == {"sessions": 1, "devices": 1}, result
        try:
            while True:
                peer.take()
        except Closed as closed:
            assert closed.status == wire.STATUS["CANCELLED"], closed
            assert "administrator" in str(closed), closed
        identity = peer.id
    try:
        Peer(daemon, **identity)
        raise AssertionError("it was resumed")
    except Closed as closed:
        assert closed.status == wire.STATUS["NOT_FOUND"], closed
    assert logged(daemon, "session killed", "by_uid=", f"session={row['id']} ")


def a_principal_that_is_killed_loses_its_sessions_and_nobody_else(daemon):
    with Peer(daemon) as first, Peer(daemon, lease_s=60) as second, \
            Peer(daemon, address=tcp_address(daemon)) as other:
        lanes = [Lane(peer, 0) for peer in (first, second, other)]
        principal = first.welcome.principal
        assert other.welcome.principal != principal
        result = report(daemon, "kill", "principal", principal)
        assert result["killed"] == {"sessions": 2, "devices": 2}, result
        for peer in (first, second):
            peer.expect_closing("CANCELLED")
        lanes[2].ends(lanes[2].submit(fills(7, 4)))
        assert not sessions(daemon, principal=principal)
        row, = [row for row in report(daemon, "status")["principals"]
                if row["principal"] == principal]
        assert row["sessions"] == 0 and row["memory"] == 0, row
    with Peer(daemon) as again:
        lane = Lane(again, 0)
        lane.ends(lane.submit(fills(7, 4)))


def a_session_does_not_kill_itself(daemon):
    with Peer(daemon) as peer, Peer(daemon) as other:
        row, = sessions(daemon, session=peer.welcome.session_high >> 32)
        refused(peer, peer.request("ADMIN_KILL", kind=1, id=row["id"]), "INVALID_PARAMETER")
        answer = peer.wait(peer.request("ADMIN_KILL", kind=4,
                                        principal=peer.welcome.principal)).answer
        assert (answer.sessions, answer.devices) == (1, 0), answer
        other.expect_closing("CANCELLED")
        peer.sync()


def what_is_not_there_is_neither_killed_nor_evicted(daemon):
    for words in (("kill", "session", 1 << 40), ("kill", "context", 1 << 40),
                  ("kill", "device", 1 << 40), ("kill", "principal", "nobody"),
                  ("evict", 1 << 40), ("evict", "--principal", "nobody")):
        expect(control(daemon, *words), 1, "there is no")
    with Peer(daemon, features=1) as peer:
        for kind in (0, 5, 6, 1 << 31):
            refused(peer, peer.request("ADMIN_KILL", kind=kind, id=1), "INVALID_PARAMETER")
        refused(peer, peer.request("ADMIN_EVICT"), "NOT_FOUND")


def only_the_administrator_kills_and_evicts(daemon):
    with Peer(daemon) as peer:
        lane = Lane(peer, 0)
        lane.ends(lane.submit(fills(7, 4)))
        for words in (("kill", "principal", peer.welcome.principal), ("kill", "device", 1),
                      ("evict", "1"), ("evict", "--principal", peer.welcome.principal),
                      ("sessions",)):
            expect(control(daemon, *words, uid=NOBODY), 1, "uid 0")
        lane.ends(lane.submit(fills(9, 4)))


def command_lines_that_are_none_are_exit_code_2(daemon):
    for words, word in ((("kill",), "kind"), (("kill", "session"), "kind"),
                        (("kill", "session", "x"), "x"), (("kill", "session", "0"), "0"),
                        (("kill", "dog", "1"), "dog"), (("evict",), "--principal"),
                        (("evict", "x"), "x"), (("evict", "--principal", "a", "1"), "evict"),
                        (("status", "--principal", "a"), "status")):
        expect(control(daemon, *words), 2, word)


# ---------------------------------------------------------------- evict


def rows_of(daemon, lane):
    return [row for row in report(daemon, "allocations")["allocations"]
            if row["principal"] == lane.peer.welcome.principal and row["size"] == SIZE]


def placed(peer):
    """A lane whose allocation was written, and so is in a segment."""
    lane = Lane(peer, 0)
    lane.memory = peer.allocation(lane.device, SIZE)
    lane.ends(lane.submit(fills(3, 16)))
    return lane


def an_allocation_that_is_evicted_comes_back_with_its_bytes(daemon):
    with Peer(daemon) as peer:
        lane = placed(peer)
        row, = rows_of(daemon, lane)
        assert row["segment"] != 0, row
        result = report(daemon, "evict", row["id"])["evicted"]
        assert result["evicted"] + result["pending"] == 1 and result["bytes"] == SIZE, result
        until(lambda: rows_of(daemon, lane)[0]["segment"] == 0)
        again = report(daemon, "evict", row["id"])["evicted"]
        assert (again["absent"], again["bytes"]) == (1, 0), again
        assert lane.holds(3, 16)
        lane.ends(lane.submit(fills(19, 16, 16)))
        assert lane.holds(3, 32)
        assert rows_of(daemon, lane)[0]["segment"] != 0
        assert logged(daemon, "evicted", "by_uid=", f"allocation={row['id']} ")


def all_that_a_principal_has_is_evicted(daemon):
    with Peer(daemon) as peer:
        lanes = [placed(peer) for _ in range(4)]
        result = report(daemon, "evict", "--principal", peer.welcome.principal)["evicted"]
        assert result["evicted"] + result["pending"] >= 4, result
        until(lambda: all(row["segment"] == 0 for row in rows_of(daemon, lanes[0])))
        for lane in lanes:
            assert lane.holds(3, 16)
        assert logged(daemon, "evicted", f"principal='{peer.welcome.principal}'")


def what_the_gpu_uses_is_busy(daemon):
    with Peer(daemon) as peer:
        lane = placed(peer)
        row, = rows_of(daemon, lane)
        lane.submit(fills(5, 4) + spin(FOR_EVER))
        until(lambda: any(queue["on_hardware"] for queue in report(daemon, "queues")["nodes"]))
        result = report(daemon, "evict", row["id"])["evicted"]
        assert result["busy"] == 1 and result["bytes"] == 0, result
        kill_gpu_processes(daemon)


# ---------------------------------------------------------------- what is counted


def gpu_time_is_shown_while_a_submission_runs(daemon):
    with Peer(daemon) as peer:
        lane, idle = Lane(peer, 0), Lane(peer, 0)
        lane.submit(spin(FOR_EVER))
        peer.sync()
        first = until(lambda: context_row(daemon, lane).gpu_ns)
        until(lambda: context_row(daemon, lane).gpu_ns > first)
        assert context_row(daemon, idle).gpu_ns == 0
        shown, = [row for row in report(daemon, "status")["principals"]
                  if row["principal"] == peer.welcome.principal]
        assert shown["gpu_ns"] > first and shown["held"] == 1, shown
        kill_gpu_processes(daemon)
        peer.wait_fence(lane.context, 1)
        assert context_row(daemon, lane).gpu_ns > first  # and stays
        assert sum(row["gpu_ns"] for row in report(daemon, "queues")["nodes"]) > first


def D5_preemptions_are_counted_where_they_happened(daemon):
    def counted():
        with Peer(daemon) as observer:
            text = observer.wait(observer.request("ADMIN_METRICS")).answer.text
        return int(re.search(r'^penstock_node_preemptions_total{adapter="0",node="0"} (\d+)$',
                             text, re.M).group(1))

    with Peer(daemon) as peer:
        low, high = Lane(peer, -1), Lane(peer, 5)
        before = counted()
        overtakes(low, high)
        assert context_row(daemon, low).preemptions > 0
        assert context_row(daemon, high).preemptions == 0
        assert counted() > before
        shown, = [row for row in report(daemon, "status")["principals"]
                  if row["principal"] == peer.welcome.principal]
        assert shown["preemptions"] > 0, shown


def a_context_shows_gpu_time_for_people_and_for_programs(daemon):
    with Peer(daemon) as peer:
        lane = Lane(peer, 0)
        lane.ends(lane.submit(spin(2000)))
        row = report(daemon, "context", context_row(daemon, lane).id)["context"]
        assert isinstance(row["gpu_ns"], int) and row["gpu_ns"] > 0, row
        text = control(daemon, "context", context_row(daemon, lane).id).stdout
        assert re.search(r"^gpu_ns +\d+\.\d{3} m?s$", text, re.M), text


if __name__ == "__main__":
    run([sessions_are_listed_with_what_they_have,
         a_device_that_is_killed_is_stopped_and_its_client_is_told,
         a_context_that_is_killed_costs_its_device,
         a_session_that_is_killed_ends_whatever_its_lease,
         a_principal_that_is_killed_loses_its_sessions_and_nobody_else,
         a_session_does_not_kill_itself,
         what_is_not_there_is_neither_killed_nor_evicted,
         only_the_administrator_kills_and_evicts,
         command_lines_that_are_none_are_exit_code_2,
         an_allocation_that_is_evicted_comes_back_with_its_bytes,
         all_that_a_principal_has_is_evicted,
         what_the_gpu_uses_is_busy,
         gpu_time_is_shown_while_a_submission_runs,
         D5_preemptions_are_counted_where_they_happened,
         a_context_shows_gpu_time_for_people_and_for_programs],
        lambda: Daemon("--test-instructions", "--listen=127.0.0.1:0"))
