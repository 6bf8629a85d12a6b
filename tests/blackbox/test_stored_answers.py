#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""A connection is lost at any byte of what its client sends: resumed, the session has executed
everything once, and its client knows of every request what it would have known without the loss;
docs/protocol.md §3, Leases and resume."""

import random
import struct

import wire
from peer import Closed, Daemon, Peer, run

STORED_ANSWERS = 2
REGISTER = 256  # bytes that are shifted by four with every good submission


class Script:
    """A session's requests as bytes, and what became of each: the same client over all of its
    connections."""

    def __init__(self, daemon):
        self.daemon = daemon
        self.peer = Peer(daemon, lease_s=60)
        self.frames = []    # (first serial, bytes)
        self.serial = 0
        self.outcome = {}   # serial -> (status, place and sentence)
        self.answered = 0
        self.ended = {}     # serial -> status of its fence
        self.heard = {}     # context -> highest fence
        self.submissions = {}  # serial -> context
        self.write()

    # -- the requests

    def add(self, kind, payload=b"", /, *, raw=None, count=1, **fields):
        self.frames.append((self.serial + 1, wire.frame(kind, self.serial + 1, payload, raw=raw,
                                                        **fields)))
        self.serial += count

    def submit(self, context, *commands):
        records = []
        for i, command in enumerate(commands):
            records.append(wire.submission(context, command, [(3, True), (4, True)]))
            self.submissions[self.serial + 1 + i] = context
        self.add("SUBMIT", b"".join(records), count=len(records),
                 raw=wire.encode("Submit", count=len(records)))

    def write(self):
        shift = wire.copy(0, 0, 1, 4, REGISTER - 4) + wire.copy(1, 4, 0, 4, REGISTER - 4)
        bad = shift + wire.copy(0, 0, 1, 60000, REGISTER) + b""
        self.add("CREATE_DEVICE", name=1)
        self.add("CREATE_CONTEXT", name=2, device=1)
        self.add("CREATE_ALLOCATION", name=3, device=1, size_bytes=4096)
        self.add("CREATE_ALLOCATION", name=4, device=1, size_bytes=4096)
        self.add("CREATE_CONTEXT", name=5, device=1, priority=100)    # refused
        for i in range(6):
            self.add("UPLOAD", struct.pack("<I", i + 1), allocation=3, offset=0)
            self.submit(2, shift)
            self.submit(2, shift, bad, shift, b"\xff" * 8)            # two of four refused
            self.add("DESTROY", name=77 + i)                          # refused
            self.add("UPLOAD", b"too far", allocation=3, offset=4096)  # refused
        self.add("SYNC")

    # -- a connection

    def note(self, frame):
        if frame.type == "FENCE":
            fence = frame.message
            before = self.heard.get(fence.context, 0)
            if fence.fence > before:
                self.heard[fence.context] = fence.fence
                for serial, context in self.submissions.items():
                    if context == fence.context and before < serial <= fence.fence:
                        self.ended.setdefault(serial, fence.status)
            return
        assert frame.serial > self.answered, f"{frame} after {self.answered}"
        for serial in range(self.answered + 1, frame.serial + 1):
            self.outcome[serial] = (wire.STATUS["SUCCESS"],)
        if frame.type == "REFUSAL":
            told = frame.message
            self.outcome[frame.serial] = (told.status, told.at_instruction, told.byte_offset,
                                          told.instruction, told.operand, told.sentence)
        self.answered = frame.serial

    def refused(self, serial):
        return self.outcome.get(serial, (0,))[0] != 0

    def oldest_held(self):
        return min((serial for serial in self.submissions
                    if serial not in self.ended and not self.refused(serial)), default=0)

    def send(self, first, cut=None):
        """What is behind the serial `first`, or only `cut` bytes of it."""
        data = b"".join(frame for serial, frame in self.frames if serial > first)
        self.peer.send(data if cut is None else data[:cut])

    def resume(self):
        session = self.peer.id
        self.peer.close()
        self.peer = Peer(self.daemon, features=STORED_ANSWERS, answered=self.answered,
                         oldest_held=self.oldest_held(), **session)
        welcome = self.peer.welcome
        assert welcome.features == STORED_ANSWERS and welcome.forgotten == 0
        assert welcome.last_serial >= self.answered
        return welcome.last_serial

    def send_rest(self, last):
        """Frames with some of their submissions executed are cut."""
        for serial, data in self.frames:
            if serial > last:
                self.peer.send(data)
            elif data[4] == 0x08 and serial + self.count(data) - 1 > last:
                self.peer.send(self.tail(serial, data, last))

    @staticmethod
    def count(data):
        _, _, _, message_bytes, _, _ = wire.HEADER.unpack(data[:24])
        return wire.decode("Submit", data[24:24 + message_bytes]).count

    def tail(self, serial, data, last):
        _, _, _, message_bytes, _, _ = wire.HEADER.unpack(data[:24])
        payload = data[24 + message_bytes:]
        count = self.count(data)
        for _ in range(last + 1 - serial):
            fields = struct.unpack("<QIIIII", payload[:28])
            size = 48 + 16 * fields[4] + 24 * fields[5] + (fields[3] + 7) // 8 * 8
            payload = payload[size:]
            count -= 1
        return wire.frame("SUBMIT", last + 1, payload, raw=wire.encode("Submit", count=count))

    def finish(self):
        """Everything is answered and ended."""
        while self.answered < self.serial or self.oldest_held() != 0:
            self.note(self.peer.frame())

    def result(self):
        self.peer.serial = self.serial
        self.peer.order = []
        data = self.peer.read(3, REGISTER)
        self.peer.request("GOODBYE")
        self.peer.expect_closing("SUCCESS")
        self.peer.close()
        return data, self.outcome, self.ended


def undisturbed(daemon):
    script = Script(daemon)
    script.send(0)
    script.finish()
    data, outcome, ended = script.result()
    refusals = [serial for serial, told in outcome.items() if told[0] != 0]
    assert len(refusals) == 1 + 6 * 4, refusals
    assert data[:4] == struct.pack("<I", 6) and data[4:8] != bytes(4)
    return data, outcome, ended


def compare(result, expected, where):
    data, outcome, ended = result
    for serial, told in expected[1].items():
        assert outcome[serial] == told, f"{where}: {serial}: {outcome[serial]}, expected {told}"
    assert ended == expected[2], where
    assert data == expected[0], f"{where}: {data[:64].hex()}, expected {expected[0][:64].hex()}"


def cuts(script):
    """Every boundary of a frame, in its header, at its end, and somewhere in between."""
    at = 0
    for _, frame in script.frames:
        yield from sorted({at, at + 10, at + 24, at + len(frame) // 2, at + len(frame) - 1})
        at += len(frame)
    yield at


def A19_what_is_told_after_a_loss_at_any_byte_is_what_was_told_without(daemon):
    expected = undisturbed(daemon)
    for cut in list(cuts(Script(daemon))):
        script = Script(daemon)
        script.send(0, cut)
        script.send_rest(script.resume())
        script.finish()
        compare(script.result(), expected, f"cut at byte {cut}")


def A19_answers_that_were_not_read_to_the_end_are_told_again(daemon):
    expected = undisturbed(daemon)
    for read in range(0, 60, 3):
        script = Script(daemon)
        script.send(0)
        try:
            for _ in range(read):
                script.note(script.peer.frame())
                if script.answered == script.serial:
                    break
        except Closed:
            raise AssertionError("closed") from None
        for _ in range(3):  # lost again before anything of the rest is read
            last = script.resume()
        script.send_rest(last)
        script.finish()
        compare(script.result(), expected, f"{read} frames read")


def A19_a_kill_of_the_daemon_anywhere_contradicts_nothing(daemon):
    expected = undisturbed(daemon)
    chance = random.Random(19)
    places = list(cuts(Script(daemon)))
    daemon_options = daemon.options
    for cut in chance.sample(places, 12):
        script = Script(daemon)
        script.send(0, cut)
        for _ in range(chance.randrange(8)):
            if script.answered < 4 and cut > 400:
                script.note(script.peer.frame())
        told = dict(script.outcome)
        daemon.kill()
        assert daemon.options is daemon_options
        daemon.start()
        last = script.resume()
        script.send_rest(last)
        script.finish()
        for serial, before in told.items():
            assert script.outcome[serial] == before, (cut, serial)
        # What was refused stays refused with the same words, unless the device was lost with work
        # in flight: then what follows is refused for that. Nothing refused became a success.
        lost = wire.STATUS["DEVICE_REMOVED"]
        removed = any(told[0] == lost for told in script.outcome.values()) or \
            lost in script.ended.values()
        for serial, before in expected[1].items():
            now = script.outcome[serial]
            assert now == before or (removed and now[0] == lost), (cut, serial, now, before)
        if not removed:
            compare(script.result(), expected, f"killed at byte {cut}")
        else:
            script.peer.close()


def a_client_that_has_heard_everything_is_told_nothing(daemon):
    script = Script(daemon)
    script.send(0)
    script.finish()
    script.resume()
    serial = script.serial
    script.peer.send(wire.frame("SYNC", serial + 1))
    frame = script.peer.frame()
    assert frame.type == "ACK" and frame.serial == serial + 1, frame
    script.peer.close()


def what_is_forgotten_is_said(daemon):
    peer = Peer(daemon, lease_s=60)
    count = 4096
    # sent in one go and read late: more refusals than a session keeps
    peer.send(b"".join(wire.frame("DESTROY", i, name=9) for i in range(1, count + 101)))
    session = peer.id
    peer.wait_serial = count + 100
    while not peer.order or peer.order[-1] < count + 100:
        peer.take()
    peer.close()
    with Peer(daemon, features=STORED_ANSWERS, answered=50, **session) as again:
        assert again.welcome.last_serial == count + 100
        assert again.welcome.forgotten == 100, again.welcome
        frame = again.frame()
        assert frame.type == "REFUSAL" and frame.serial == 101, frame
        for serial in range(102, count + 101):
            assert again.frame().serial == serial
        again.wait(again.request("SYNC"))
        again.request("GOODBYE")
        again.expect_closing("SUCCESS")


TESTS = [
    A19_what_is_told_after_a_loss_at_any_byte_is_what_was_told_without,
    A19_answers_that_were_not_read_to_the_end_are_told_again,
    A19_a_kill_of_the_daemon_anywhere_contradicts_nothing,
    a_client_that_has_heard_everything_is_told_nothing,
    what_is_forgotten_is_said,
]

if __name__ == "__main__":
    run(TESTS, Daemon)
