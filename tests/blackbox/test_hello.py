#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Hello, versions, sessions and roles; docs/protocol.md §3, §10."""

import os
import re

import wire
from peer import Closed, Daemon, Peer, refused, run


def hello_is_refused(daemon, status, **fields):
    try:
        Peer(daemon, **fields)
    except Closed as closed:
        assert closed.status == wire.STATUS[status], f"{closed}, expected {status}"
        assert closed.sentence
        return closed.sentence
    raise AssertionError("taken")


def welcome_says_versions_adapters_and_limits(daemon):
    with Peer(daemon) as peer:
        welcome = peer.welcome
        assert (welcome.major, welcome.minor, welcome.isa_version) == (1, 0, 1)
        assert welcome.session_high or welcome.session_low
        assert not welcome.resumed and welcome.lease_s == 0 and welcome.last_serial == 0
        assert welcome.principal == f"uid:{os.getuid()}", welcome.principal
        assert welcome.pitch_alignment == 64
        assert welcome.max_message_bytes == 65536 and welcome.max_payload_bytes == 64 << 20
        assert welcome.held_submissions > 0 and welcome.held_bytes > 0
        assert len(welcome.adapters) == 1 and welcome.adapters[0].node_count == 2
        assert not welcome.adapters[0].test_instructions


def B1_hello_describes_both_segments(daemon):
    with Peer(daemon) as peer:
        segments = {segment.id: segment for segment in peer.welcome.adapters[0].segments}
        assert sorted(segments) == [1, 2]
        assert segments[1].flags & 0x1 == 0 and segments[2].flags & 0x1 == 1
        for segment in segments.values():
            assert segment.size_bytes > 0 and segment.base_address % 65536 == 0
        first, second = segments[1], segments[2]
        assert first.base_address + first.size_bytes <= second.base_address


def the_example_of_the_document_is_answered_as_it_says(daemon):
    text = (wire.SOURCE / "docs" / "protocol.md").read_text()
    blocks = re.findall(r"```\n(.*?)```", text[text.index("## 13."):], re.S)
    sent, answer = [bytes.fromhex("".join(re.findall(r"^((?:[0-9a-f]{2} +)*[0-9a-f]{2})(?:\s|$)",
                                                     block, re.M))) for block in blocks]
    with Peer(daemon, hello=False) as peer:
        peer.send(sent)
        peer.take_welcome()
        assert peer.receive(24) == answer


def requests_may_follow_hello_without_waiting(daemon):
    with Peer(daemon, hello=False) as peer:
        peer.send(wire.frame("HELLO", 0, major=1, isa_version=1))
        device = peer.device()
        peer.context(device)
        pending = peer.request("SYNC")
        peer.take_welcome()
        peer.wait(pending)


def another_major_is_a_driver_mismatch(daemon):
    for major in (0, 2, 0xffffffff):
        hello_is_refused(daemon, "GRAPHICS_DRIVER_MISMATCH", major=major)


def another_instruction_set_is_a_driver_mismatch(daemon):
    for version in (0, 2, 0xffffffff):
        hello_is_refused(daemon, "GRAPHICS_DRIVER_MISMATCH", isa_version=version)


def a_newer_minor_and_unknown_features_are_taken(daemon):
    with Peer(daemon, minor=7, features=0xfffffffffffffff0) as peer:
        assert peer.welcome.minor == 0 and peer.welcome.features == 0
        peer.sync()


def a_first_frame_that_is_no_hello_is_malformed(daemon):
    for name in ("SYNC", "GOODBYE", "ADMIN_STATUS", "CREATE_DEVICE"):
        with Peer(daemon, hello=False) as peer:
            peer.send(wire.frame(name, 1))
            peer.expect_closing("MALFORMED_FRAME")


def a_second_hello_is_malformed(daemon):
    with Peer(daemon) as peer:
        peer.send(wire.frame("HELLO", 0, major=1, isa_version=1))
        peer.expect_closing("MALFORMED_FRAME")


def a_hello_that_does_not_unpack_or_has_a_serial_is_malformed(daemon):
    for frame in (wire.frame("HELLO", 0, raw=b"\x08"), wire.frame("HELLO", 0, raw=b"\xff" * 40),
                  wire.frame("HELLO", 1, major=1, isa_version=1)):
        with Peer(daemon, hello=False) as peer:
            peer.send(frame)
            peer.expect_closing("MALFORMED_FRAME")


def a_client_name_of_any_length_and_bytes_is_taken(daemon):
    for name in ("", "n" * 64, "n" * 100, "line\nbreak\tand\x1b[31mred"):
        with Peer(daemon, client=name) as peer:
            peer.sync()


def an_unknown_session_cannot_be_resumed(daemon):
    hello_is_refused(daemon, "NOT_FOUND", session_high=1, session_low=2)


def resuming_without_a_session_is_invalid(daemon):
    hello_is_refused(daemon, "INVALID_PARAMETER", session_high=1, session_low=2, features=1)


def without_a_session_only_sync_goodbye_and_reports_are_allowed(daemon):
    with Peer(daemon, features=1) as peer:
        assert peer.welcome.features == 1
        peer.sync()
        refused(peer, peer.request("CREATE_DEVICE", name=1), "ACCESS_DENIED")
        refused(peer, peer.request("READ_BACK", allocation=1, size_bytes=1), "ACCESS_DENIED")
        report = peer.wait(peer.request("ADMIN_STATUS")).answer
        assert report.connections >= 1
        peer.request("GOODBYE")
        peer.expect_closing("SUCCESS")


def goodbye_ends_the_session(daemon):
    with Peer(daemon, lease_s=60) as peer:
        session = peer.id
        peer.device()
        peer.request("GOODBYE")
        peer.expect_closing("SUCCESS")
    hello_is_refused(daemon, "NOT_FOUND", **session)


def a_lease_is_cut_to_what_is_granted(daemon):
    with Peer(daemon, lease_s=0xffffffff) as peer:
        assert peer.welcome.lease_s == 60
        peer.request("GOODBYE")
        peer.expect_closing("SUCCESS")


def A1_a_system_device_and_an_unknown_adapter_are_refused(daemon):
    with Peer(daemon) as peer:
        refused(peer, peer.request("CREATE_DEVICE", name=1, flags=1), "NOT_SUPPORTED")
        refused(peer, peer.request("CREATE_DEVICE", name=1, adapter=1), "NOT_FOUND")
        peer.device(name=1)
        peer.sync()


def reports_are_for_the_daemons_user_and_root_only(daemon):
    """A child of another user: root is needed to become one."""
    if os.getuid() != 0:
        from peer import Skip
        raise Skip("only root can become another user")
    os.chmod(daemon.socket, 0o666)
    child = os.fork()
    if child == 0:
        code = 1
        try:
            os.setgid(65534)
            os.setuid(65534)
            with Peer(daemon) as peer:
                assert peer.welcome.principal == "uid:65534"
                for name in ("ADMIN_STATUS", "ADMIN_CONTEXTS", "ADMIN_CONTEXT", "ADMIN_METRICS",
                             "ADMIN_ALLOCATIONS", "ADMIN_SEGMENTS", "ADMIN_QUEUES", "ADMIN_DUMP",
                             "ADMIN_SESSIONS", "ADMIN_KILL", "ADMIN_EVICT",
                             "ADMIN_TRACE", "ADMIN_PLACES"):
                    refused(peer, peer.request(name), "ACCESS_DENIED")
                    refused(peer, peer.request(name, raw=b"\xff\xff"), "ACCESS_DENIED")
                peer.sync()
            code = 0
        finally:
            os._exit(code)
    assert os.waitpid(child, 0)[1] == 0


def an_idle_first_client_does_not_starve_the_second(daemon):
    with Peer(daemon, hello=False), Peer(daemon) as idle, Peer(daemon) as peer:
        idle.device()
        peer.device()
        peer.sync()


def every_report_answers(daemon):
    with Peer(daemon) as peer:
        context = peer.context(peer.device())
        allocation = peer.allocation(peer.pending[0].serial and 1 | 1 << 32, 4096)
        peer.sync()
        report = peer.wait(peer.request("ADMIN_CONTEXTS")).answer
        mine = [row for row in report.contexts if row.name == context]
        assert mine, report
        peer.wait(peer.request("ADMIN_CONTEXT", id=mine[0].id))
        refused(peer, peer.request("ADMIN_CONTEXT", id=1 << 40), "NOT_FOUND")
        assert peer.wait(peer.request("ADMIN_ALLOCATIONS")).answer.allocations
        assert len(peer.wait(peer.request("ADMIN_SEGMENTS")).answer.segments) == 2
        assert len(peer.wait(peer.request("ADMIN_QUEUES")).answer.nodes) == 2
        refused(peer, peer.request("ADMIN_DUMP", context=1 << 40), "NOT_FOUND")
        assert peer.wait(peer.request("ADMIN_METRICS")).answer.text.startswith("#")
        assert allocation


def mapped(pid):
    """Where the daemon has something: heap, stacks, programs. All of it is high up; what lies below
    is a sanitizer's shadow memory, where any duration in nanoseconds may look like an address."""
    lines = open(f"/proc/{pid}/maps", encoding="ascii", errors="replace").read().splitlines()
    ranges = [line.split()[0].split("-") for line in lines if line.split()[1][0] == "r"]
    return [(int(first, 16), int(last, 16)) for first, last in ranges if int(first, 16) >= 1 << 46]


def numbers(value):
    if isinstance(value, int):
        return [value]
    if isinstance(value, list):
        return [number for each in value for number in numbers(each)]
    if isinstance(value, wire.Message):
        return numbers([each for name, each in vars(value).items() if name != "kind"])
    return []


def reports_have_no_address_of_the_daemon(daemon):
    with Peer(daemon) as peer:
        context = peer.context(peer.device())
        peer.sync()
        rows = peer.wait(peer.request("ADMIN_CONTEXTS")).answer.contexts
        mine = [row.id for row in rows if row.name == context][-1]
        reports = [peer.wait(peer.request("ADMIN_" + name)).answer for name in
                   ("STATUS", "CONTEXTS", "ALLOCATIONS", "SEGMENTS", "QUEUES", "SESSIONS",
                    "PLACES")]
        reports.append(peer.wait(peer.request("ADMIN_CONTEXT", id=mine)).answer)
        reports.append(peer.wait(peer.request("QUERY_CONTEXT", name=context)).answer)
        reports.append(peer.welcome)
        found = numbers(reports)
        ranges = mapped(daemon.process.pid)
        assert len(found) > 30 and len(ranges) > 10, (found, ranges)
        secrets = (peer.welcome.session_high, peer.welcome.session_low)
        for number in found:
            assert number in secrets or not any(first <= number < last
                                                for first, last in ranges), hex(number)


TESTS = [
    welcome_says_versions_adapters_and_limits,
    B1_hello_describes_both_segments,
    the_example_of_the_document_is_answered_as_it_says,
    requests_may_follow_hello_without_waiting,
    another_major_is_a_driver_mismatch,
    another_instruction_set_is_a_driver_mismatch,
    a_newer_minor_and_unknown_features_are_taken,
    a_first_frame_that_is_no_hello_is_malformed,
    a_second_hello_is_malformed,
    a_hello_that_does_not_unpack_or_has_a_serial_is_malformed,
    a_client_name_of_any_length_and_bytes_is_taken,
    an_unknown_session_cannot_be_resumed,
    resuming_without_a_session_is_invalid,
    without_a_session_only_sync_goodbye_and_reports_are_allowed,
    goodbye_ends_the_session,
    a_lease_is_cut_to_what_is_granted,
    A1_a_system_device_and_an_unknown_adapter_are_refused,
    reports_are_for_the_daemons_user_and_root_only,
    an_idle_first_client_does_not_starve_the_second,
    every_report_answers,
    reports_have_no_address_of_the_daemon,
]

if __name__ == "__main__":
    run(TESTS, Daemon)
