#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Submissions, refusals and fences; docs/protocol.md §4, §5, §7."""

import struct

import wire
from peer import Daemon, Peer, refused, run


class Bench:
    """A device, a context and two allocations."""

    def __init__(self, daemon, size=8192, **context):
        self.peer = Peer(daemon)
        self.device = self.peer.device()
        self.context = self.peer.context(self.device, **context)
        self.a = self.peer.allocation(self.device, size)
        self.b = self.peer.allocation(self.device, size)
        self.list = [(self.a, True), (self.b, True)]

    def submit(self, command, flags=0, allocations=None, **more):
        return self.peer.submit(wire.submission(
            self.context, command, self.list if allocations is None else allocations, flags,
            **more))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.peer.close()


def fill_copy_and_update_do_what_they_say(daemon):
    with Bench(daemon) as bench:
        bench.submit(wire.fill(0, 64, 128, 0x11223344) + wire.copy(0, 60, 1, 1, 100) +
                     wire.update(0, 4096, [1, 2, 0xffffffff]))
        first = bytes(64) + struct.pack("<I", 0x11223344) * 32 + bytes(8192 - 192)
        first = first[:4096] + struct.pack("<3I", 1, 2, 0xffffffff) + first[4108:]
        assert bench.peer.read(bench.a, 8192) == first
        assert bench.peer.read(bench.b, 8192) == bytes(1) + first[60:160] + bytes(8192 - 101)


def both_nodes_execute(daemon):
    for node in (0, 1):
        with Bench(daemon, node_ordinal=node) as bench:
            bench.submit(wire.fill(0, 0, 8192, node + 7) + wire.copy(0, 0, 1, 0, 8192))
            assert bench.peer.read(bench.b, 8192) == struct.pack("<I", node + 7) * 2048


def A12_a_null_element_is_legal_until_it_is_used(daemon):
    with Bench(daemon) as bench:
        null = [(0, False), (bench.a, True)]
        bench.submit(wire.fill(1, 0, 64, 9), allocations=null)
        assert bench.peer.read(bench.a, 64) == struct.pack("<I", 9) * 16
        for command, operand in ((wire.fill(0, 0, 64, 1), "destination"),
                                 (wire.copy(0, 0, 1, 0, 64), "source"),
                                 (wire.copy(1, 0, 0, 0, 64), "destination"),
                                 (wire.fill(1, 0, 4, 1) + wire.update(0, 0, [1]), "destination")):
            refusal = refused(bench.peer, bench.submit(command, allocations=null), "INVALID_HANDLE")
            assert refusal.operand == operand and "NULL element" in refusal.sentence, refusal
        assert bench.peer.read(bench.a, 64) == struct.pack("<I", 9) * 16


def A12_a_slot_that_goes_out_of_use_is_told_by_a_null_entry(daemon):
    with Bench(daemon) as bench:
        bench.submit(wire.copy(0, 0, 1, 0, 64) + wire.fill(0, 0, 64, 1) + wire.fill(0, 64, 64, 1))
        bench.peer.read(bench.a, 64)
        rows = bench.peer.wait(bench.peer.request("ADMIN_CONTEXTS")).answer.contexts
        number = max(row.id for row in rows)
        patches = bench.peer.wait(bench.peer.request("ADMIN_DUMP", context=number)).answer.patches
        seen = [(row.slot, row.allocation_index, row.split_offset) for row in patches]
        # copy: 32 bytes, slots 0 and 1; the fill behind it leaves slot 1, once
        assert seen == [(0, 0, 0), (1, 1, 0), (1, 0xffffffff, 32), (0, 0, 32), (0, 0, 56)], seen


def A14_a_gdi_context_fills_a_rectangle(daemon):
    with Peer(daemon) as peer:
        device = peer.device()
        context = peer.context(device, flags=2)
        surface = peer.allocation(device, 0, width=16, height=8, format=1, surface_type=1)
        peer.submit(wire.submission(context, wire.colorfill(0, (2, 1, 5, 3), 0xff102030),
                                    [(surface, True)], wire.RENDER_KM))
        rows = peer.read(surface, 64 * 8)
        for y in range(8):
            for x in range(16):
                inside = 2 <= x < 5 and 1 <= y < 3
                pixel = rows[y * 64 + x * 4:y * 64 + x * 4 + 4]
                assert pixel == (b"\x30\x20\x10\xff" if inside else bytes(4)), (x, y, pixel)


def a_refusal_says_byte_instruction_operand_and_a_sentence(daemon):
    with Bench(daemon) as bench:
        good = wire.fill(0, 0, 64, 5)
        refusal = refused(bench.peer, bench.submit(good + wire.nop() +
                                                   wire.copy(0, 0, 1, 4096, 8192)),
                          "INVALID_PARAMETER")
        assert refusal.at_instruction and refusal.byte_offset == len(good) + 4
        assert refusal.instruction == "copy" and refusal.operand
        assert "copy" in refusal.sentence and "0x24" in refusal.sentence, refusal.sentence


def A7_the_next_good_submission_works_after_every_refusal(daemon):
    command = wire.fill(0, 0, 64, 5)
    cases = [
        (wire.instruction(0x7777, b""), "ILLEGAL_INSTRUCTION"),
        (wire.instruction(6, struct.pack("<I", 1)), "ILLEGAL_INSTRUCTION"),  # spin: not offered
        (wire.instruction(0x85, bytes(12)), "PRIVILEGED_INSTRUCTION"),
        (wire.fill(0, 0, 8196, 0), "INVALID_PARAMETER"),
        (wire.fill(0, 0, 6, 0), "INVALID_PARAMETER"),
        (wire.fill(0, 2, 4, 0), "INVALID_PARAMETER"),
        (wire.fill(0, (1 << 64) - 4, 8, 0), "INVALID_PARAMETER"),
        (wire.fill(0, 4, (1 << 64) - 4, 0), "INVALID_PARAMETER"),
        (wire.fill(2, 0, 4, 0), "INVALID_HANDLE"),
        (wire.fill(0xffff, 0, 4, 0), "INVALID_HANDLE"),
        (wire.copy(0, 0, 0, 32, 64), "INVALID_PARAMETER"),
        (wire.copy(0, 8000, 1, 0, 193), "INVALID_PARAMETER"),
        (wire.fill(0, 0, 4, 0)[:-4], "INVALID_USER_BUFFER"),
        (struct.pack("<HH", 2, 0), "INVALID_USER_BUFFER"),
        (struct.pack("<HH", 0, 0xffff), "INVALID_USER_BUFFER"),
        (b"\0", "INVALID_USER_BUFFER"),
    ]
    with Bench(daemon) as bench:
        for number, (bad, status) in enumerate(cases):
            pending = bench.peer.settle(bench.submit(wire.fill(1, 0, 64, 0xbad) + bad))
            names = (status, "INVALID_PARAMETER") if status == "INVALID_HANDLE" else (status,)
            assert pending.status in [wire.STATUS[name] for name in names], \
                (number, status, pending, pending.answer)
            bench.peer.wait(bench.submit(command))
        assert bench.peer.read(bench.a, 64) == struct.pack("<I", 5) * 16
        assert bench.peer.read(bench.b, 8192) == bytes(8192), "a refused prefix was executed"
        state = bench.peer.wait(bench.peer.request("QUERY_DEVICE", name=bench.device)).answer
        assert state.execution_state == 1


def A6_every_privileged_instruction_is_told_apart_from_an_unknown_one(daemon):
    with Bench(daemon) as bench:
        for opcode in range(0x80, 0x86):
            for size in (4, 8, 12, 16, 24, 28, 32):
                pending = bench.peer.settle(bench.submit(wire.instruction(opcode, bytes(size))))
                assert pending.status in (wire.STATUS["PRIVILEGED_INSTRUCTION"],
                                          wire.STATUS["INVALID_USER_BUFFER"]), (opcode, pending)
        for opcode in (0x0008, 0x0040, 0x0048, 0x007f, 0x0086, 0x0100, 0xffff):
            refused(bench.peer, bench.submit(wire.instruction(opcode, bytes(12))),
                    "ILLEGAL_INSTRUCTION")
        for opcode in range(0x41, 0x48):
            refused(bench.peer, bench.submit(wire.instruction(opcode, bytes(80))),
                    "ILLEGAL_INSTRUCTION")


def A4_null_elements_are_legal_until_they_are_used(daemon):
    with Bench(daemon) as bench:
        with_null = [(0, False), (bench.a, True), (0, True)]
        bench.peer.wait(bench.submit(wire.fill(1, 0, 64, 9), allocations=with_null))
        pending = bench.peer.settle(bench.submit(wire.fill(0, 0, 64, 9), allocations=with_null))
        assert pending.status in (wire.STATUS["INVALID_PARAMETER"],
                                  wire.STATUS["INVALID_HANDLE"]), pending
        twice = [(bench.a, False), (bench.a, True)]
        bench.peer.wait(bench.submit(wire.copy(0, 0, 1, 64, 64), allocations=twice))
        assert bench.peer.read(bench.a, 128) == struct.pack("<I", 9) * 32


def A4_writing_without_write_operation_is_refused(daemon):
    with Bench(daemon) as bench:
        pending = bench.peer.settle(bench.submit(wire.fill(0, 0, 64, 9),
                                                 allocations=[(bench.a, False)]))
        assert pending.status not in (None, 0), pending
        assert bench.peer.read(bench.a, 64) == bytes(64)


def several_submissions_of_a_frame_are_answered_each(daemon):
    with Bench(daemon) as bench:
        def one(command):
            return wire.submission(bench.context, command, bench.list)
        pending = bench.peer.submit(one(wire.fill(0, 0, 4, 1)), one(wire.fill(0, 8192, 4, 2)),
                                    one(wire.fill(0, 4, 4, 3)), one(b"\0\0\0\0"),
                                    one(wire.fill(0, 8, 4, 4)))
        bench.peer.sync()
        assert [p.status == 0 for p in pending] == [True, False, True, False, True], pending
        assert bench.peer.read(bench.a, 12) == struct.pack("<3I", 1, 3, 4)


def a_context_executes_in_order(daemon):
    with Bench(daemon) as bench:
        for i in range(500):
            bench.submit(wire.fill(0, 0, 8192, i))
        bench.submit(wire.copy(0, 0, 1, 0, 8192))
        for i in range(500):
            bench.submit(wire.fill(0, 0, 8192, i ^ 0xffff))
        assert bench.peer.read(bench.b, 8192) == struct.pack("<I", 499) * 2048
        assert bench.peer.read(bench.a, 8192) == struct.pack("<I", 499 ^ 0xffff) * 2048


def uploads_and_read_backs_stand_in_session_order(daemon):
    with Bench(daemon) as bench:
        reads = []
        for i in range(40):
            bench.peer.upload(bench.a, struct.pack("<I", i) * 16)
            bench.submit(wire.copy(0, 0, 1, i * 64, 64))
            reads.append(bench.peer.read_back(bench.b, 64, i * 64))
            bench.submit(wire.fill(1, i * 64, 64, 0xdead))
        for i, read in enumerate(reads):
            assert bench.peer.wait(read).payload == struct.pack("<I", i) * 16, i
        assert bench.peer.read(bench.b, 40 * 64) == struct.pack("<I", 0xdead) * 640


def C5_fences_grow_and_later_implies_earlier(daemon):
    with Bench(daemon) as bench:
        serials = [bench.submit(wire.fill(0, 0, 64, i)).serial for i in range(200)]
        assert bench.peer.wait_fence(bench.context, serials[-1]) == 0
        fences = [fence.fence for fence in bench.peer.fences]
        assert fences == sorted(set(fences)) and fences[-1] == serials[-1]
        assert set(fences) <= set(serials) and len(fences) <= len(serials)
        state = bench.peer.wait(bench.peer.request("QUERY_CONTEXT", name=bench.context)).answer
        assert state.completed_fence == serials[-1] and state.queued_buffer_count == 0


def a_refused_submission_has_no_fence(daemon):
    with Bench(daemon) as bench:
        good = bench.submit(wire.fill(0, 0, 64, 1))
        bad = bench.submit(wire.fill(0, 8192, 64, 1))
        last = bench.submit(wire.fill(0, 0, 64, 1))
        bench.peer.wait_fence(bench.context, last.serial)
        bench.peer.sync()
        assert bad.status != 0 and good.status == 0
        assert bad.serial not in [fence.fence for fence in bench.peer.fences]


def a_submission_may_ask_that_its_predecessor_ran(daemon):
    with Bench(daemon) as bench:
        last = bench.submit(wire.fill(0, 0, 64, 1), wire.IF_PREDECESSOR_RAN)
        assert bench.peer.wait_fence(bench.context, last.serial) == 0
        bench.peer.settle(bench.submit(wire.fill(0, 8192, 64, 1)))
        pending = bench.submit(wire.fill(0, 0, 64, 2), wire.IF_PREDECESSOR_RAN)
        bench.peer.settle(pending)
        status = pending.status or bench.peer.wait_fence(bench.context, pending.serial)
        assert status == wire.STATUS["PREDECESSOR_FAILED"], hex(status)
        assert bench.peer.read(bench.a, 4) == b"\1\0\0\0"
        bench.peer.wait(bench.submit(wire.fill(0, 0, 64, 3)))
        assert bench.peer.read(bench.a, 4) == b"\3\0\0\0"


def what_is_in_use_may_be_destroyed(daemon):
    for _ in range(10):
        with Bench(daemon, size=1 << 20) as bench:
            for i in range(20):
                bench.submit(wire.fill(0, 0, 1 << 20, i) + wire.copy(0, 0, 1, 0, 1 << 20))
            bench.peer.request("DESTROY", name=bench.a)
            refused(bench.peer, bench.submit(wire.fill(0, 0, 4, 0)), "INVALID_HANDLE")
            assert bench.peer.read(bench.b, 1 << 20) == struct.pack("<I", 19) * (1 << 18)
            bench.submit(wire.fill(0, 0, 1 << 20, 0), allocations=[(bench.b, True)])
            bench.peer.request("DESTROY", name=bench.context)
            bench.submit(wire.nop(), allocations=[])
            bench.peer.request("DESTROY", name=bench.device)
            bench.peer.sync()


def a_context_that_is_destroyed_sends_no_more_fences(daemon):
    with Bench(daemon) as bench:
        for i in range(50):
            bench.submit(wire.fill(0, 0, 8192, i))
        gone = bench.peer.wait(bench.peer.request("DESTROY", name=bench.context))
        count = len(bench.peer.fences)
        for _ in range(5):
            bench.peer.sync()
        assert gone.status == 0 and len(bench.peer.fences) == count


def A5_a_client_buffer_changed_after_sending_has_no_effect(daemon):
    """What is validated is what was received: a torn frame executes nothing."""
    with Peer(daemon, lease_s=60) as peer:
        device = peer.device()
        context = peer.context(device)
        allocation = peer.allocation(device, 4096)
        peer.sync()
        whole = wire.frame("SUBMIT", peer.serial + 1,
                           wire.submission(context, wire.fill(0, 0, 64, 7), [(allocation, True)]),
                           raw=wire.encode("Submit", count=1))
        peer.send(whole[:-1])
        session = peer.id
        peer.close()
    with Peer(daemon, **session) as peer:
        assert peer.welcome.last_serial == 4
        assert peer.read(allocation, 64) == bytes(64)
        peer.request("GOODBYE")


def a_torn_upload_is_not_executed_and_shows_nobodys_bytes(daemon):
    with Peer(daemon, lease_s=60) as peer:
        device = peer.device()
        allocation = peer.allocation(device, 1 << 20)
        peer.sync()
        peer.upload(allocation, b"A" * (1 << 20))
        peer.sync()
        torn = wire.frame("UPLOAD", peer.serial + 1, b"B" * (1 << 20), allocation=allocation)
        peer.send(torn[:len(torn) // 2])
        session = peer.id
        peer.close()
    with Peer(daemon, **session) as peer:
        assert peer.welcome.last_serial == 5
        assert set(peer.read(allocation, 1 << 20)) <= set(b"AB")
        peer.request("GOODBYE")


def resizes_count_from_the_next_submission_on(daemon):
    with Peer(daemon) as peer:
        device = peer.device()
        context = peer.context(device)
        allocation = peer.allocation(device, 4096)
        before = peer.wait(peer.request("QUERY_CONTEXT", name=context)).answer.dma_buffer_bytes
        peer.wait(peer.submit(wire.submission(context, wire.fill(0, 0, 4, 1), [(allocation, True)],
                                              wire.RESIZE_COMMAND_BUFFER,
                                              new_command_bytes=before * 2)))
        state = peer.wait(peer.request("QUERY_CONTEXT", name=context)).answer
        assert state.dma_buffer_bytes >= before
        peer.wait(peer.submit(wire.submission(context, wire.fill(0, 4, 4, 2),
                                              [(allocation, True)])))
        assert peer.read(allocation, 8) == struct.pack("<2I", 1, 2)


def A7_a_submission_over_a_limit_is_refused(daemon):
    with Peer(daemon) as peer:
        device = peer.device()
        context = peer.context(device)
        refused(peer, peer.submit(wire.submission(context, wire.nop() * (5 << 20))),
                "LIMIT_EXCEEDED")
        refused(peer, peer.submit(wire.submission(context, wire.nop(), [(0, False)] * 65537)),
                "LIMIT_EXCEEDED")
        refused(peer, peer.submit(wire.submission(context, wire.nop(),
                                                  flags=wire.IF_PREDECESSOR_RAN)),
                "PREDECESSOR_FAILED")
        peer.wait(peer.submit(wire.submission(context, wire.nop())))


def A10_a_patch_list_that_disagrees_is_refused(daemon):
    def patch(allocation_offset=64, index=0, slot=0, driver=0, at=8, split=0):
        return struct.pack("<QIIII", allocation_offset, index, slot | driver << 24, at, split)

    with Bench(daemon) as bench:
        command = wire.fill(0, 64, 64, 5)
        bench.peer.wait(bench.submit(command, patches=patch()))
        for bad in (patch(allocation_offset=63), patch(index=1), patch(slot=1), patch(driver=1),
                    patch(at=9), patch(at=30), patch(at=0xfffffffc), patch(split=4),
                    patch(index=0xffffffff), patch() + patch()):
            refused(bench.peer, bench.submit(command, patches=bad), "INVALID_PARAMETER")
        bench.peer.wait(bench.submit(command))


TESTS = [value for name, value in list(globals().items())
         if callable(value) and getattr(value, "__module__", "") == "__main__" and
         hasattr(value, "__code__") and value.__code__.co_varnames[:1] == ("daemon",)]

if __name__ == "__main__":
    run(TESTS, Daemon)
