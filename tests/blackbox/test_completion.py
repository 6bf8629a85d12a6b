#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Completion from a GPU that lies, forgets and fails, as clients and an operator see it;
docs/protocol.md §5, §9, docs/invariants.md."""

import pathlib

import wire
from peer import STATUS, Daemon, Peer, refused, run
from tools import expect, report, run_script

WRAP = 0xfffffff0


class Bench:
    """A device, a context and an allocation of a client."""

    def __init__(self, daemon, **more):
        self.peer = Peer(daemon)
        self.device = self.peer.device()
        self.context = self.peer.context(self.device, **more)
        self.memory = self.peer.allocation(self.device, 65536)
        self.peer.sync()

    def fill(self, pattern, offset=0, size=4096):
        return self.peer.submit(wire.submission(
            self.context, wire.fill(0, offset, size, pattern), [(self.memory, True)]))

    def ended(self, pending):
        return self.peer.wait_fence(self.context, pending.serial)

    def state(self):
        return self.peer.wait(self.peer.request("QUERY_DEVICE", name=self.device)).answer

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.peer.close()


def faulty(faults):
    return Daemon(f"--faults={faults}", backend="faulty")


def log_lines(daemon, *words):
    lines = pathlib.Path(daemon.log).read_text().splitlines()
    return [line for line in lines if all(word in line for word in words)]


# ---------------------------------------------------------------- order


def C4_fences_wrap_under_a_client_and_every_byte_is_right():
    with Daemon(f"--first-fence={WRAP}") as daemon, Bench(daemon) as one, \
            Bench(daemon, node_ordinal=1) as other:
        pending = []
        for i in range(200):
            pending.append((one, one.fill(i, i % 16 * 4096)))
            pending.append((other, other.fill(1000 + i, i % 16 * 4096)))
        for bench, submission in pending:
            assert bench.ended(submission) == STATUS["SUCCESS"]
        for bench, base in ((one, 0), (other, 1000)):
            serials = [fence.fence for fence in bench.peer.fences]
            assert serials == sorted(set(serials)), serials
            data = bench.peer.read(bench.memory, 65536)
            for page in range(16):
                last = base + max(i for i in range(200) if i % 16 == page)
                assert data[page * 4096:page * 4096 + 4096] == last.to_bytes(4, "little") * 1024
        for node in report(daemon, "queues")["nodes"]:
            assert node["fence_submitted"] == node["fence_completed"] < 1000, node
            assert node["packets"] == 200, node


# ---------------------------------------------------------------- lost notifications


def C7_lost_notifications_cost_patience_and_nothing_else():
    lost = ",".join(f"{packet}:lost" for packet in range(64))
    with faulty(lost) as daemon, Bench(daemon) as bench:
        for i in range(3):
            assert bench.ended(bench.fill(i)) == STATUS["SUCCESS"]
        status = report(daemon, "status")["status"]
        assert status["adapter"] == "running" and status["submissions_held"] == 0, status


def C7_a_gpu_that_hangs_is_asked_and_holds_nobody_up():
    with faulty("2:hang") as daemon, Bench(daemon) as stuck:
        hanging = stuck.fill(1)
        with Bench(daemon) as other:
            other.peer.sync()
            assert other.state().execution_state == 1
        status = report(daemon, "status")["status"]
        assert status["adapter"] == "running" and status["submissions_held"] == 1, status
        stuck.peer.sync()
        assert not stuck.peer.fences and hanging.status == STATUS["SUCCESS"]


# ---------------------------------------------------------------- lies


def impossible(fault, before=0):
    """A GPU that tells it: its adapter stops, and says so to everybody; nothing else does."""
    with faulty(fault) as daemon, Bench(daemon) as bench, Bench(daemon) as idle:
        for i in range(before):
            assert bench.ended(bench.fill(i)) == STATUS["SUCCESS"]
        submission = bench.fill(1)
        assert bench.ended(submission) == STATUS["DEVICE_REMOVED"]
        for client in (bench, idle):
            state = client.state()
            assert state.execution_state == 4, state
            assert "the adapter has stopped: 0x119/1: " in state.reason, state
            refusal = refused(client.peer, client.fill(2), "DEVICE_REMOVED")
            assert "0x119/1" in refusal.sentence, refusal
            refusal = refused(client.peer, client.peer.request(
                "CREATE_DEVICE", name=client.peer.name()), "DEVICE_REMOVED")
            assert "the adapter has stopped: 0x119/1: " in refusal.sentence, refusal
            client.peer.sync()
        with Peer(daemon) as late:
            refused(late, late.request("CREATE_DEVICE", name=late.name()), "DEVICE_REMOVED")
        status = report(daemon, "status")["status"]
        assert status["adapter"] == "failed" and status["failure"].startswith("0x119/1: "), status
        assert status["devices"] == status["devices_lost"] == 2, status
        contexts = report(daemon, "contexts")["contexts"]
        assert [row["state"] for row in contexts] == ["stopped"] * 2, contexts
        assert all("0x119/1" in row["reason"] for row in contexts), contexts
        for command in ("queues", "segments", "allocations"):
            report(daemon, command)
        report(daemon, "dump", str(contexts[0]["id"]))
        assert len(log_lines(daemon, "adapter failed", "0x119/1: ")) == 1
        bench.peer.wait(bench.peer.request("DESTROY", name=bench.device))
        daemon.check_alive()


def C8_a_fence_that_was_never_submitted_stops_the_adapter():
    for distance in (1, 1000, 0x7fffffff, 0x80000000, 0xfffff000):
        impossible(f"2:invented:{distance}")


def C8_a_fence_of_another_node_stops_the_adapter():
    # node 0 is far ahead of node 1, which has paged only
    impossible("22:misplaced", before=20)


def C8_a_repeated_fence_is_ignored():
    repeated = ",".join(f"{packet}:repeated" for packet in range(16))
    with faulty(repeated) as daemon, Bench(daemon) as bench:
        for i in range(6):
            assert bench.ended(bench.fill(i)) == STATUS["SUCCESS"]
        assert report(daemon, "status")["status"]["adapter"] == "running"


# ---------------------------------------------------------------- faults


def C6_a_fault_is_told_to_its_client_its_operator_and_the_log():
    cases = (("illegal:0", 6, "dma-fault", "illegal DMA instruction, node 0", 0, "fill"),
             ("page-fault:0", 7, "dma-page-fault", "page fault: read of address 0x0, node 0", 0,
              "fill"),
             ("page-fault:4096", 7, "dma-page-fault", "DMA offset 0x1000", 4096, ""),
             ("death:9", 6, "dma-fault", "was killed by signal 9 while node 0", 0, ""))
    for fault, number, name, words, offset, instruction in cases:
        with faulty(f"2:{fault}") as daemon, Bench(daemon) as bench, Bench(daemon) as other:
            assert bench.ended(bench.fill(1)) == STATUS["GRAPHICS_GPU_EXCEPTION_ON_DEVICE"]
            state = bench.state()
            assert state.execution_state == number and state.fault_node == 0, state
            assert state.fault_dma_offset == offset and state.fault_address == 0, state
            assert words in state.reason and instruction in state.reason, state
            refusal = refused(bench.peer, bench.fill(2), "DEVICE_REMOVED")
            assert words in refusal.sentence, refusal
            rows = report(daemon, "contexts")["contexts"]
            assert sorted(row["state"] for row in rows) == sorted([name, "active"]), rows
            assert {row["reason"] for row in rows} == {state.reason, ""}, rows
            status = report(daemon, "status")["status"]
            assert status["devices_lost"] == 1 and status["adapter"] == "running", status
            lines = log_lines(daemon, "device lost", "node=0", "address=0x0",
                              f"dma_offset={offset:#x}", f"reason='{state.reason}'")
            assert len(lines) == 1, daemon.tail()
            assert other.ended(other.fill(3)) == STATUS["SUCCESS"]
            assert other.state().execution_state == 1


NOP_AND_FILL = wire.nop() + wire.fill(0, 0, 64, 1)  # 36 bytes, 24 of them in the DMA buffer


def A13_a_fault_names_the_byte_of_the_command_buffer():
    """The packet after two that page is the submission's, or pass 0 of its chain."""
    cases = (("2:page-fault:48", 3, {}, 2 * 36 + 4),       # rendered on the loop
             ("2:page-fault:71976", 3000, {}, 2999 * 36 + 4),  # by a worker
             ("5:page-fault:240", 1000, {"dma_buffer_bytes": 4096}, None))  # in pass 3
    for fault, fills, sizes, byte in cases:
        with faulty(fault) as daemon, Bench(daemon, **sizes) as bench:
            submission = bench.peer.submit(wire.submission(
                bench.context, NOP_AND_FILL * fills, [(bench.memory, True)]))
            assert bench.ended(submission) == STATUS["GRAPHICS_GPU_EXCEPTION_ON_DEVICE"]
            state = bench.state()
            if byte is None:  # private data ends the pass: 4 bytes, 2 for each fill but the first
                byte = (3 * ((4096 // 16 - 4) // 2 + 1) + 10) * 36 + 4
            assert state.fault_fence == submission.serial, state
            assert state.fault_instruction == "fill", state
            assert state.fault_command_offset == byte, (state, byte)
            assert state.reason.startswith(f"fill at byte {byte:#x}: page fault: "), state
            assert {row["reason"] for row in report(daemon, "contexts")["contexts"]} == {
                state.reason}


def A13_a_place_that_is_no_instruction_names_no_byte():
    for fault in ("2:page-fault:4096", "2:page-fault:25", "2:death:9"):
        with faulty(fault) as daemon, Bench(daemon) as bench:
            submission = bench.fill(1)
            assert bench.ended(submission) == STATUS["GRAPHICS_GPU_EXCEPTION_ON_DEVICE"]
            state = bench.state()
            assert state.fault_instruction == "" and state.fault_command_offset == 0, state
            assert state.fault_fence == submission.serial and "at byte" not in state.reason, state


SCRIPT = """device gpu
context work
allocation data size=4096
submit work {
	list data:w
	fill destination=@data size=64 pattern=1
	nop
	fill destination=@data size=64 pattern=2
}
"""


def A13_the_tool_names_the_line_of_a_fault():
    with faulty("2:page-fault:24") as daemon:
        expect(run_script(daemon, SCRIPT), 1, "script.pasm:4: submit: ",
               "GRAPHICS_GPU_EXCEPTION_ON_DEVICE at byte 0x24 (line 8), instruction fill: ",
               "page fault: ")
    with faulty("2:page-fault:24") as daemon:
        result = run_script(daemon, SCRIPT + "expect GRAPHICS_GPU_EXCEPTION_ON_DEVICE at 0x24\n")
        assert result.returncode == 0 and result.stderr == "", result


if __name__ == "__main__":
    run([C4_fences_wrap_under_a_client_and_every_byte_is_right,
         C7_lost_notifications_cost_patience_and_nothing_else,
         C7_a_gpu_that_hangs_is_asked_and_holds_nobody_up,
         C8_a_fence_that_was_never_submitted_stops_the_adapter,
         C8_a_fence_of_another_node_stops_the_adapter,
         C8_a_repeated_fence_is_ignored,
         C6_a_fault_is_told_to_its_client_its_operator_and_the_log,
         A13_a_fault_names_the_byte_of_the_command_buffer,
         A13_a_place_that_is_no_instruction_names_no_byte,
         A13_the_tool_names_the_line_of_a_fault])
