#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""penstockctl capture, and ADMIN_CAPTURE behind it: what a client's surface shows, behind the work
so far, without the client's noticing; docs/protocol.md §10."""

import os
import pathlib
import struct
import tempfile
import zlib

import wire
from peer import Daemon, Peer, refused, run
from test_operator import context_row, logged, until
from tools import NOBODY, control, expect, report

A8R8G8B8, X8R8G8B8, A8B8G8R8, A8 = 1, 2, 3, 5
WIDTH, HEIGHT = 8, 4


def read_png(path):
    """(width, height, rows of tuples of channels): no filter but those that libpng chooses."""
    data = pathlib.Path(path).read_bytes()
    assert data[:8] == b"\x89PNG\r\n\x1a\n", data[:8]
    at, packed = 8, b""
    while at < len(data):
        size, kind = struct.unpack(">I4s", data[at:at + 8])
        body = data[at + 8:at + 8 + size]
        if kind == b"IHDR":
            width, height, depth, color, *_ = struct.unpack(">IIBBBBB", body)
        packed += body if kind == b"IDAT" else b""
        at += 12 + size
    channels = {2: 3, 6: 4}[color]
    assert depth == 8
    return width, height, unfilter(zlib.decompress(packed), width, height, channels)


def paeth(a, b, c):
    distances = [abs(b - c), abs(a - c), abs(a + b - 2 * c)]
    return (a, b, c)[distances.index(min(distances))]


def unfilter(data, width, height, channels):
    stride = width * channels
    before, rows = bytes(stride), []
    for y in range(height):
        kind, line = data[y * (stride + 1)], bytearray(data[y * (stride + 1) + 1:
                                                            (y + 1) * (stride + 1)])
        for x in range(stride):
            a = line[x - channels] if x >= channels else 0
            c = before[x - channels] if x >= channels else 0
            line[x] = line[x] + (0, a, before[x], (a + before[x]) // 2,
                                 paeth(a, before[x], c))[kind] & 0xff
        rows.append([tuple(line[x:x + channels]) for x in range(0, stride, channels)])
        before = line
    return rows


class Painter:
    """A client with a surface, a context and a synchronisation object that stops its context."""

    def __init__(self, daemon, surface_format=A8R8G8B8, width=WIDTH, height=HEIGHT):
        self.daemon = daemon
        self.peer = Peer(daemon)
        self.device = self.peer.device()
        self.context = self.peer.context(self.device)
        self.surface = self.peer.allocation(self.device, 0, width=width, height=height,
                                            format=surface_format)
        self.object = self.peer.name()
        self.peer.request("CREATE_SYNC_OBJECT", name=self.object, device=self.device)
        self.peer.sync()
        # of all that there are, the latest is ours
        self.id = max(row["id"] for row in report(daemon, "allocations")["allocations"])
        row, = [row for row in report(daemon, "allocations")["allocations"] if row["id"] == self.id]
        self.pitch = row["pitch"]
        self.bytes = self.pitch * height

    @property
    def context_id(self):
        return context_row(self.daemon, self).id

    def stop(self):
        """What is submitted from here on waits until go."""
        self.peer.request("WAIT", context=self.context, object=self.object, value=1)

    def go(self):
        self.peer.wait(self.peer.request("SIGNAL", object=self.object, value=1))

    def fill(self, pattern):
        return self.peer.submit(wire.submission(
            self.context, wire.fill(0, 0, self.bytes, pattern), [(self.surface, True)]))

    def ask(self, operator, context=None, allocation=None):
        return operator.request("ADMIN_CAPTURE", context=context or self.context_id,
                                allocation=allocation or self.id)


def captured(daemon, context, allocation, *options):
    """The picture that penstockctl writes."""
    with tempfile.TemporaryDirectory(prefix="penstock-capture-") as folder:
        path = f"{folder}/out.png"
        result = control(daemon, "capture", context, allocation, "-o", path, *options)
        assert result.returncode == 0 and not result.stderr and not result.stdout, result
        return read_png(path)


# ---------------------------------------------------------------- the picture


def a_capture_is_the_surface_as_it_is(daemon):
    for number, (kind, channels) in {A8R8G8B8: ("bgra", 4), X8R8G8B8: ("bgrx", 3),
                                     A8B8G8R8: ("rgba", 4), A8: ("a", 3)}.items():
        painter = Painter(daemon, number)
        size = len(kind)
        data = bytearray(os.urandom(painter.bytes))
        painter.peer.wait(painter.peer.upload(painter.surface, bytes(data)))
        width, height, rows = captured(daemon, painter.context_id, painter.id)
        assert (width, height) == (WIDTH, HEIGHT)
        for y in range(height):
            for x in range(width):
                pixel = data[y * painter.pitch + x * size:y * painter.pitch + x * size + size]
                named = dict(zip(kind, pixel))
                expected = (tuple(named[c] for c in "rgba"[:channels]) if size == 4
                            else (pixel[0],) * 3)
                assert rows[y][x] == expected, (kind, x, y, rows[y][x], expected)
        painter.peer.close()


def a_capture_of_another_size_is_scaled(daemon):
    painter = Painter(daemon, X8R8G8B8)
    row = b"".join(bytes([30 * x, 0, 255 - 20 * x, 0]) for x in range(WIDTH))
    data = (row + bytes(painter.pitch - len(row))) * HEIGHT
    painter.peer.wait(painter.peer.upload(painter.surface, data))
    width, height, rows = captured(daemon, painter.context_id, painter.id, "--size=4x2")
    assert (width, height) == (4, 2)
    for x in range(4):
        assert rows[1][x] == (255 - 20 * (2 * x) - 10, 0, 60 * x + 15), rows
    width, height, rows = captured(daemon, painter.context_id, painter.id, "--size=16x4")
    assert (width, height) == (16, 4)
    assert [pixel[2] for pixel in rows[3]] == [30 * (x // 2) for x in range(16)], rows[3]
    painter.peer.close()


# ---------------------------------------------------------------- order


def a_capture_sees_the_work_before_it_and_none_behind(daemon):
    painter = Painter(daemon)
    operator = Peer(daemon, features=0x1)
    painter.stop()
    before = painter.fill(0x11111111)
    painter.peer.sync()
    pending = painter.ask(operator)
    # it is under way once another one is refused
    until(lambda: logged(daemon, "captured", f"allocation={painter.id}"))
    behind = painter.fill(0x22222222)
    painter.peer.sync()
    assert pending.status is None
    painter.go()
    answer = operator.wait(pending)
    assert answer.payload == b"\x11" * painter.bytes
    painter.peer.wait_fence(painter.context, behind.serial)
    assert painter.peer.read(painter.surface, painter.bytes) == b"\x22" * painter.bytes
    assert before.serial < behind.serial
    operator.close()
    painter.peer.close()


def the_client_goes_on_while_a_capture_waits(daemon):
    painter = Painter(daemon)
    operator = Peer(daemon, features=0x1)
    painter.stop()
    painter.fill(0x33333333)
    painter.peer.sync()
    pending = painter.ask(operator)
    until(lambda: logged(daemon, "captured", f"allocation={painter.id}"))
    other = painter.peer.context(painter.device)
    memory = painter.peer.allocation(painter.device, 4096)
    done = painter.peer.submit(wire.submission(other, wire.fill(0, 0, 4096, 7), [(memory, True)]))
    painter.peer.wait_fence(other, done.serial)
    assert painter.peer.read(memory, 4) == b"\x07\0\0\0"
    painter.go()
    assert operator.wait(pending).payload == b"\x33" * painter.bytes
    operator.close()
    painter.peer.close()


def a_shared_surface_is_captured_from_each_side(daemon):
    painter, other = Painter(daemon), Peer(daemon)
    painter.peer.wait(painter.peer.upload(painter.surface, b"\x55" * painter.bytes))
    token = painter.peer.wait(painter.peer.request("SHARE_ALLOCATION",
                                                   name=painter.surface)).answer
    viewer = Painter(daemon)
    viewer.surface = viewer.peer.name()
    viewer.peer.request("OPEN_ALLOCATION", name=viewer.surface, device=viewer.device,
                        token_high=token.token_high, token_low=token.token_low, read_only=True)
    viewer.peer.sync()
    for context in (painter.context_id, viewer.context_id):
        rows = captured(daemon, context, painter.id)[2]
        assert rows[0][0] == (0x55,) * 4, rows
    for peer in (painter.peer, viewer.peer, other):
        peer.close()


# ---------------------------------------------------------------- what is refused


def only_what_the_contexts_device_has_opened_is_captured(daemon):
    painter, other = Painter(daemon), Painter(daemon)
    for context, allocation, word in ((999999, painter.id, "no context 999999"),
                                      (other.context_id, painter.id, "has not opened"),
                                      (painter.context_id, 999999, "no allocation 999999")):
        expect(control(daemon, "capture", context, allocation, "-o", "/dev/null"), 1, word)
    with Peer(daemon, features=0x1) as operator:
        for fields in ({}, {"context": painter.context_id},
                       {"context": 1 << 63, "allocation": painter.id},
                       {"context": other.context_id, "allocation": painter.id}):
            refused(operator, operator.request("ADMIN_CAPTURE", **fields), "NOT_FOUND")
    painter.peer.close()
    other.peer.close()


def what_is_no_surface_or_too_large_is_refused(daemon):
    painter = Painter(daemon)
    large = Painter(daemon, width=5000, height=4000)
    painter.peer.allocation(painter.device, 4096)
    painter.peer.sync()
    plain = max(row["id"] for row in report(daemon, "allocations")["allocations"])
    expect(control(daemon, "capture", painter.context_id, plain, "-o", "/dev/null"), 1,
           "no surface")
    expect(control(daemon, "capture", large.context_id, large.id, "-o", "/dev/null"), 1,
           "too large")
    with Peer(daemon, features=0x1) as operator:
        assert "no surface" in refused(operator, painter.ask(operator, allocation=plain),
                                       "INVALID_PARAMETER").sentence
        assert f"{large.bytes} bytes" in refused(operator, large.ask(operator),
                                           "LIMIT_EXCEEDED").sentence
    painter.peer.close()
    large.peer.close()


def an_offered_surface_is_refused(daemon):
    painter = Painter(daemon)
    painter.peer.wait(painter.peer.request("OFFER_ALLOCATIONS", allocations=[painter.surface],
                                           priority=2))
    with Peer(daemon, features=0x1) as operator:
        refused(operator, painter.ask(operator), "GRAPHICS_INVALID_ALLOCATION_USAGE")
    painter.peer.close()


def a_surface_that_is_destroyed_meanwhile_is_not_shown(daemon):
    painter = Painter(daemon)
    operator = Peer(daemon, features=0x1)
    painter.stop()
    painter.fill(0x44444444)
    painter.peer.sync()
    pending = painter.ask(operator)
    until(lambda: logged(daemon, "captured", f"allocation={painter.id}"))
    painter.peer.wait(painter.peer.request("DESTROY", name=painter.surface))
    painter.go()
    assert "destroyed meanwhile" in refused(operator, pending, "INVALID_HANDLE").sentence
    operator.close()
    painter.peer.close()


def a_session_that_ends_meanwhile_ends_the_capture(daemon):
    painter = Painter(daemon)
    operator = Peer(daemon, features=0x1)
    painter.stop()
    painter.fill(0x44444444)
    painter.peer.sync()
    pending = painter.ask(operator)
    until(lambda: logged(daemon, "captured", f"allocation={painter.id}"))
    painter.peer.close()
    refused(operator, pending, "INVALID_HANDLE")
    operator.close()


def one_capture_is_under_way_at_a_time(daemon):
    painter = Painter(daemon)
    operator, second = Peer(daemon, features=0x1), Peer(daemon, features=0x1)
    painter.stop()
    painter.fill(0x66666666)
    painter.peer.sync()
    pending = painter.ask(operator)
    until(lambda: logged(daemon, "captured", f"allocation={painter.id}"))
    assert "another capture" in refused(second, painter.ask(second),
                                        "GRAPHICS_TRY_AGAIN_LATER").sentence
    painter.go()
    operator.wait(pending)
    until(lambda: second.settle(painter.ask(second)).status == 0)
    for peer in (operator, second, painter.peer):
        peer.close()


def an_operator_who_leaves_holds_nobody_up(daemon):
    painter = Painter(daemon)
    painter.stop()
    painter.fill(0x77777777)
    painter.peer.sync()
    operator = Peer(daemon, features=0x1)
    painter.ask(operator)
    until(lambda: logged(daemon, "captured", f"allocation={painter.id}"))
    operator.close()
    with Peer(daemon, features=0x1) as second:
        other = Painter(daemon)
        until(lambda: second.settle(other.ask(second)).status == 0)
        other.peer.close()
    painter.go()
    assert painter.peer.read(painter.surface, painter.bytes) == b"\x77" * painter.bytes
    painter.peer.close()


def a_daemon_that_stops_does_not_wait_for_a_capture(_):
    with Daemon() as daemon:
        painter = Painter(daemon)
        painter.stop()
        painter.fill(0x77777777)
        painter.peer.sync()
        operator = Peer(daemon, features=0x1)
        painter.ask(operator)
        until(lambda: logged(daemon, "captured", f"allocation={painter.id}"))


def an_operator_with_a_session_captures_too(daemon):
    painter = Painter(daemon)
    painter.peer.wait(painter.peer.upload(painter.surface, b"\x12" * painter.bytes))
    with Peer(daemon) as operator:
        operator.device()
        assert operator.wait(painter.ask(operator)).payload == b"\x12" * painter.bytes
        refused(operator, painter.ask(operator, context=424242), "NOT_FOUND")
        operator.sync()
    painter.peer.close()


def only_operators_capture(daemon):
    painter = Painter(daemon)
    os.chmod(daemon.socket, 0o666)
    os.chmod(daemon.directory, 0o755)
    result = control(daemon, "capture", painter.context_id, painter.id, "-o", "/dev/null",
                     uid=NOBODY)
    expect(result, 1, "admin requests are for uid 0")
    painter.peer.close()


def the_command_line_is_looked_at_first(daemon):
    for words in (("1", "2"), ("-o", "x"), ("1", "-o", "x"), ("1", "2", "3", "-o", "x"),
                  ("a", "2", "-o", "x"), ("1", "0", "-o", "x"),
                  *(("1", "2", "-o", "x", f"--size={size}")
                    for size in ("", "4", "4x", "x4", "0x4", "4x0", "4x4x", "-4x4", "4x20000"))):
        expect(control(daemon, "capture", *words), 2)
    expect(control(daemon, "status", "--size=4x4"), 2, "another command's")
    assert "capture CONTEXT ALLOCATION" in control(daemon, "--help").stdout


def a_file_that_cannot_be_written_is_told(daemon):
    painter = Painter(daemon)
    expect(control(daemon, "capture", painter.context_id, painter.id, "-o",
                   "/nonexistent/out.png"), 1, "/nonexistent/out.png")
    painter.peer.close()


if __name__ == "__main__":
    run([a_capture_is_the_surface_as_it_is,
         a_capture_of_another_size_is_scaled,
         a_capture_sees_the_work_before_it_and_none_behind,
         the_client_goes_on_while_a_capture_waits,
         a_shared_surface_is_captured_from_each_side,
         only_what_the_contexts_device_has_opened_is_captured,
         what_is_no_surface_or_too_large_is_refused,
         an_offered_surface_is_refused,
         a_surface_that_is_destroyed_meanwhile_is_not_shown,
         a_session_that_ends_meanwhile_ends_the_capture,
         one_capture_is_under_way_at_a_time,
         an_operator_who_leaves_holds_nobody_up,
         a_daemon_that_stops_does_not_wait_for_a_capture,
         an_operator_with_a_session_captures_too,
         only_operators_capture,
         the_command_line_is_looked_at_first,
         a_file_that_cannot_be_written_is_told], Daemon)
