#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""What is no frame, no message, or a lie about its own length; docs/protocol.md §2, §4, §7."""

import random
import struct

import wire
from peer import Closed, Daemon, Peer, refused, run

SEED = random.SystemRandom().randrange(1 << 32)


def served(daemon):
    """Somebody else is served as if nothing had happened."""
    daemon.check_alive()
    with Peer(daemon) as peer:
        peer.device()
        peer.sync()


def closes(daemon, status, data, hello=True):
    with Peer(daemon, hello=hello) as peer:
        peer.send(data)
        peer.expect_closing(status)


def a_wrong_magic_is_malformed(daemon):
    for magic in (b"PNS2", b"pns1", b"\0\0\0\0", b"GET "):
        closes(daemon, "MALFORMED_FRAME", wire.header(0x0d, 0, 0, 1, magic=magic))
    closes(daemon, "MALFORMED_FRAME", wire.header(0x0d, 0, 0, 1, zero=1))


def a_type_that_is_no_request_is_malformed(daemon):
    for number in (0x00, 0x3e, 0x3f, 0x7f, 0x80, 0x81, 0x88, 0xc0, 0xffff):
        closes(daemon, "MALFORMED_FRAME", wire.header(number, 0, 0, 1))


def a_payload_where_the_table_has_none_is_malformed(daemon):
    closes(daemon, "MALFORMED_FRAME", wire.header(0x0d, 0, 1, 1) + b"x")
    closes(daemon, "MALFORMED_FRAME", wire.frame("CREATE_DEVICE", 1, b"x" * 100, name=1))
    closes(daemon, "MALFORMED_FRAME",
           wire.header(0x01, 0, 8, 0) + b"x" * 8, hello=False)


def A5_a_length_over_the_limit_is_refused_before_anything_follows_it(daemon):
    for message, payload in ((65537, 0), (0xffffffff, 0), (0, (64 << 20) + 1), (0, 0xffffffff),
                             (0xffffffff, 0xffffffff), (0x80000000, 0x80000000)):
        for number in (0x08, 0x09, 0x02):
            closes(daemon, "MALFORMED_FRAME", wire.header(number, message, payload, 1))
        closes(daemon, "MALFORMED_FRAME", wire.header(0x01, message, payload, 0), hello=False)


def a_large_length_alone_costs_the_daemon_nothing(daemon):
    """A legal length of 64 MiB that never comes, many times at once."""
    def resident():
        with open(f"/proc/{daemon.process.pid}/statm", encoding="ascii") as file:
            return int(file.read().split()[1]) * 4096

    with Peer(daemon) as first:
        first.sync()
    before = resident()
    peers = [Peer(daemon) for _ in range(64)]
    for peer in peers:
        peer.send(wire.header(0x08, 2, 64 << 20, 1) + wire.encode("Submit", count=1))
    served(daemon)
    assert resident() - before < 256 << 20, resident() - before
    for peer in peers:
        peer.reset()
    served(daemon)


def a_serial_that_is_not_the_next_ends_the_connection(daemon):
    for serial in (0, 2, 7, 1 << 63, (1 << 64) - 1):
        closes(daemon, "WRONG_SERIAL", wire.frame("SYNC", serial))
    with Peer(daemon) as peer:
        peer.sync()
        peer.sync()
        peer.send(wire.frame("SYNC", 2))
        peer.expect_closing("WRONG_SERIAL")
    with Peer(daemon) as peer:
        context = peer.context(peer.device())
        peer.submit(wire.submission(context, wire.nop()), wire.submission(context, wire.nop()))
        peer.send(wire.frame("SYNC", peer.serial))
        peer.expect_closing("WRONG_SERIAL")


def a_bad_message_is_refused_and_uses_up_its_serial(daemon):
    with Peer(daemon) as peer:
        for name in ("CREATE_DEVICE", "CREATE_CONTEXT", "CREATE_ALLOCATION", "SHARE_ALLOCATION",
                     "OPEN_ALLOCATION", "DESTROY", "READ_BACK", "QUERY_DEVICE", "QUERY_CONTEXT"):
            for raw in (b"\x08", b"\xff" * 11, b"\x0a\xff\xff\xff\xff\x0f", b"\x00\x00",
                        b"\x09\x01\x02"):
                refused(peer, peer.request(name, raw=raw), "MALFORMED_MESSAGE")
        peer.device()
        peer.sync()
        refused(peer, peer.request("UPLOAD", b"payload", raw=b"\x09"), "MALFORMED_MESSAGE")
        peer.sync()


def unknown_fields_are_ignored(daemon):
    known = wire.encode("CreateDevice", name=1 | 1 << 32)
    unknown = (wire.varint(100 << 3) + wire.varint(5) + wire.varint(101 << 3 | 2) +
               wire.varint(3) + b"abc" + wire.varint(102 << 3 | 1) + bytes(8))
    with Peer(daemon) as peer:
        peer.wait(peer.request("CREATE_DEVICE", raw=known + unknown))
        peer.wait(peer.request("QUERY_DEVICE", name=1 | 1 << 32))


def a_message_that_would_blow_up_is_bounded(daemon):
    """64 KiB of unknown fields, two bytes each, are 32768 heap blocks for a careless reader."""
    bomb = (wire.varint(15 << 3) + b"\0") * 30000
    with Peer(daemon) as peer:
        refused(peer, peer.request("CREATE_DEVICE", raw=bomb), "MALFORMED_MESSAGE")
        peer.device()
        peer.sync()


def half_frames_and_resets_at_every_byte_harm_nobody(daemon):
    stream = (wire.frame("HELLO", 0, major=1, isa_version=1) +
              wire.frame("CREATE_DEVICE", 1, name=1) +
              wire.frame("CREATE_ALLOCATION", 2, name=2, device=1, size_bytes=65536) +
              wire.frame("UPLOAD", 3, b"u" * 64, allocation=2) +
              wire.frame("SUBMIT", 4, wire.submission(3, wire.nop()),
                         raw=wire.encode("Submit", count=1)))
    for size in range(len(stream)):
        peer = Peer(daemon, hello=False)
        peer.send(stream[:size])
        if size % 2:
            peer.reset()
        else:
            peer.close()
    served(daemon)


def frames_may_come_in_any_pieces(daemon):
    with Peer(daemon, hello=False) as peer:
        stream = (wire.frame("HELLO", 0, major=1, isa_version=1) +
                  wire.frame("CREATE_DEVICE", 1, name=1) +
                  wire.frame("CREATE_ALLOCATION", 2, name=2, device=1, size_bytes=4096) +
                  wire.frame("UPLOAD", 3, b"abcdefgh", allocation=2, offset=8) +
                  wire.frame("READ_BACK", 4, allocation=2, offset=6, size_bytes=12))
        for i in range(len(stream)):
            peer.send(stream[i:i + 1])
        peer.take_welcome()
        frame = peer.frame()
        while frame.type == "ACK":
            frame = peer.frame()
        assert frame.type == "READ_DATA" and frame.payload == b"\0\0abcdefgh\0\0", frame


def garbage_is_refused_and_harms_nobody(daemon):
    print(f"seed {SEED}")
    generator = random.Random(SEED)
    for round_number in range(200):
        data = generator.randbytes(generator.randrange(1, 3000))
        if round_number % 4 == 1:
            data = wire.MAGIC + data
        elif round_number % 4 == 2:
            data = wire.header(generator.randrange(256), generator.randrange(64),
                               generator.randrange(64), generator.randrange(3)) + data
        with Peer(daemon, hello=round_number % 2 == 0) as peer:
            try:
                peer.send(data)
                peer.socket.shutdown(1)
                while True:
                    peer.frame()
            except (Closed, OSError):
                pass
    served(daemon)


def flipped_bits_in_good_frames_harm_nobody(daemon):
    print(f"seed {SEED}")
    generator = random.Random(SEED)
    good = (wire.frame("CREATE_DEVICE", 1, name=1) +
            wire.frame("CREATE_CONTEXT", 2, name=2, device=1) +
            wire.frame("CREATE_ALLOCATION", 3, name=3, device=1, size_bytes=4096) +
            wire.frame("SUBMIT", 4, wire.submission(2, wire.fill(0, 0, 64, 7), [(3, True)]),
                       raw=wire.encode("Submit", count=1)) +
            wire.frame("READ_BACK", 5, allocation=3, size_bytes=64))
    for _ in range(300):
        data = bytearray(good)
        for _ in range(generator.randrange(1, 4)):
            data[generator.randrange(len(data))] ^= 1 << generator.randrange(8)
        with Peer(daemon) as peer:
            try:
                peer.send(data)
                peer.socket.shutdown(1)
                while True:
                    peer.frame()
            except (Closed, OSError):
                pass
    served(daemon)


def A5_submit_frames_that_do_not_add_up_are_malformed(daemon):
    command = wire.nop() * 2
    whole = wire.submission(2, command, [(0, False)])

    def frame(payload, count=1):
        return wire.frame("SUBMIT", 3, payload, raw=wire.encode("Submit", count=count))

    lies = [
        frame(whole, count=0), frame(whole, count=2), frame(whole, count=4097),
        frame(whole, count=0xffffffff), frame(b""), frame(whole[:40]), frame(whole[:-8]),
        frame(whole + bytes(8)), frame(whole + b"\0"),
        wire.frame("SUBMIT", 3, whole, raw=b"\x08"), wire.frame("SUBMIT", 3, whole, raw=b"\xff"),
        frame(wire.submission(2, wire.nop())[:-4] + b"\0\0\0\1"),
    ]
    for index in (3, 4, 5):
        for value in (0xffffffff, 0x80000000, 0x0fffffff, 0x10000000, 1000):
            lies.append(frame(wire.submission(2, command, [(0, False)], record={index: value})))
    for lie in lies:
        with Peer(daemon) as peer:
            peer.context(peer.device(1), 2)
            peer.send(lie)
            peer.expect_closing("MALFORMED_FRAME")
    served(daemon)


def A5_a_malformed_submit_frame_executes_none_of_its_submissions(daemon):
    with Peer(daemon, lease_s=60) as peer:
        device = peer.device()
        context = peer.context(device)
        allocation = peer.allocation(device, 4096)
        peer.sync()
        good = wire.submission(context, wire.fill(0, 0, 64, 0x55555555), [(allocation, True)])
        bad = wire.submission(context, wire.nop(), record={3: 4096})
        peer.send(wire.frame("SUBMIT", peer.serial + 1, good + bad,
                             raw=wire.encode("Submit", count=2)))
        peer.expect_closing("MALFORMED_FRAME")
        session = peer.id
    with Peer(daemon, **session) as peer:
        assert peer.read(allocation, 64) == bytes(64)
        peer.request("GOODBYE")
        peer.expect_closing("SUCCESS")


def a_reserved_field_of_a_submission_is_looked_at(daemon):
    with Peer(daemon) as peer:
        device = peer.device()
        context = peer.context(device)
        allocation = peer.allocation(device, 4096)
        good = wire.submission(context, wire.fill(0, 0, 64, 1), [(allocation, True)])
        element = bytearray(good)
        struct.pack_into("<I", element, 48 + 12, 1)
        for lie in (wire.submission(context, wire.nop(), record={10: 1}),
                    bytes(element),
                    wire.submission(context, wire.nop(), flags=0x80000000),
                    wire.submission(context, wire.nop(), record={2: 2}),
                    wire.submission(context, wire.nop(), record={2: 8})):
            pending = peer.settle(peer.submit(lie))
            assert pending.status in (wire.STATUS["INVALID_PARAMETER"],
                                      wire.STATUS["INVALID_USER_BUFFER"]), pending
        peer.wait(peer.submit(good))


TESTS = [
    a_wrong_magic_is_malformed,
    a_type_that_is_no_request_is_malformed,
    a_payload_where_the_table_has_none_is_malformed,
    A5_a_length_over_the_limit_is_refused_before_anything_follows_it,
    a_large_length_alone_costs_the_daemon_nothing,
    a_serial_that_is_not_the_next_ends_the_connection,
    a_bad_message_is_refused_and_uses_up_its_serial,
    unknown_fields_are_ignored,
    a_message_that_would_blow_up_is_bounded,
    half_frames_and_resets_at_every_byte_harm_nobody,
    frames_may_come_in_any_pieces,
    garbage_is_refused_and_harms_nobody,
    flipped_bits_in_good_frames_harm_nobody,
    A5_submit_frames_that_do_not_add_up_are_malformed,
    A5_a_malformed_submit_frame_executes_none_of_its_submissions,
    a_reserved_field_of_a_submission_is_looked_at,
]

if __name__ == "__main__":
    run(TESTS, Daemon)
