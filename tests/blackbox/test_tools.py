#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""The programs as a person uses them, against the real daemon: what a script's refusal says, what
penstockctl shows, how each of them names a fault, and exit codes."""

import json
import os
import pathlib
import re
import signal
import tempfile

import wire
from peer import Daemon, Peer, refused, run
from tools import NOBODY, control, expect, penstock, report, run_script, run_tool, script

SPIN = wire.instruction(6, b"\xff" * 4)  # for ever
COMMANDS = ("status", "sessions", "contexts", "allocations", "segments", "queues")


START = "device gpu\ncontext work\nallocation data size=4096\n"


# ---------------------------------------------------------------- penstock run


def A7_a_refusal_says_status_byte_instruction_operand_and_sentence(daemon):
    result = run_script(daemon, START + """
submit work {
	list data:w
	nop
	fill destination=@data offset=4096 size=4 pattern=1
}
submit work {
	list data:w
	fill destination=@data size=8 pattern=0x01020304
}
expect SUCCESS
expect bytes data hex=[04 03 02 01 04 03 02 01 00 00 00 00]
print "and on"
""")
    assert result.returncode == 1 and "and on" in result.stdout, result
    lines = result.stderr.splitlines()
    assert len(lines) == 1, result
    for word in ("script.pasm:5", "INVALID_PARAMETER", "0x4", "instruction fill", "operand size"):
        assert word in lines[0], (word, lines)
    assert re.search(r"[a-z]+ [a-z]+ [a-z]+", lines[0]), f"no sentence: {lines}"


def A7_a_refusal_that_is_expected_is_no_failure(daemon):
    result = run_script(daemon, START + """
submit work {
	list data:w
	nop
	.dword 0x00027777 0
}
expect ILLEGAL_INSTRUCTION at 0x4
submit work {
	list data:w
	fill destination=@data size=4 pattern=7
}
expect SUCCESS
expect bytes data hex=[07 00 00 00 00]
""")
    assert result.returncode == 0 and result.stderr == "", result


def a_failed_expectation_is_exit_code_1(daemon):
    for text, words in (
            ("expect bytes data hex=[01]\n", ("script.pasm:4",)),
            ("submit work {\n\tnop\n}\nexpect INVALID_HANDLE\n", ("script.pasm:7",)),
            ("submit work {\n\tnop\n\t.dword 0x00027777 0\n}\n"
             "expect ILLEGAL_INSTRUCTION at 0x0\n", ("script.pasm:8",))):
        expect(run_script(daemon, START + text), 1, *words)


def faults_of_a_script_name_file_line_and_fault(daemon):
    for text, words in (
            (START + "fly\n", ("script.pasm:4", "fly")),
            (START + "submit nowhere {\n}\n", ("script.pasm:4", "nowhere")),
            (START + "submit work {\n\tfill destination=@data size=x\n}\n", ("script.pasm:5",)),
            (START + "submit work {\n\tnop\n", ("script.pasm:",)),
            (START + "allocation more size=\n", ("script.pasm:4",)),
            (START + "allocation picture png=\"script.pasm\"\n", ("script.pasm:4", "PNG")),
            (START + "allocation file file=\"none.bin\"\n", ("script.pasm:4", "none.bin")),
            (START + "device gpu\n", ("script.pasm:4", "gpu")),
            (START + "\0\n", ("script.pasm:4",))):
        expect(run_script(daemon, text), 2, *words)
    expect(penstock(daemon, "run", "/nonexistent/script.pasm"), 2, "/nonexistent/script.pasm")


def damaged_pngs_are_faults_of_the_script(daemon):
    sample = bytes.fromhex(
        "89504e470d0a1a0a0000000d49484452000000010000000108060000001f15c489"
        "0000000d49444154789c63f8cfc0f01f00050001ff56c72f0d0000000049454e44ae426082")
    with tempfile.TemporaryDirectory(prefix="penstock-tools-") as folder:
        path = pathlib.Path(folder, "script.pasm")
        path.write_text(START + "allocation picture png=\"picture.png\"\n")
        for data in (b"", sample[:8], sample[:20], sample[:45], sample[:-20],
                     sample[:16] + b"\x7f\xff\xff\xff" * 2 + sample[24:], b"GIF89a" + sample):
            pathlib.Path(folder, "picture.png").write_bytes(data)
            result = penstock(daemon, "run", path)
            expect(result, 2, "script.pasm:4", "picture.png")


def options_that_are_none_are_exit_code_2(daemon):
    for arguments, word in ((("run", "--fly", "x"), "--fly"), (("fly",), "fly"), ((), "command"),
                            (("info", "more"), "more"), (("run",), "script"),
                            (("run", "a", "b"), "script"),
                            (("run", "--timeout", "soon", "x"), "soon")):
        expect(penstock(daemon, *arguments), 2, word)
    for arguments, word in ((("--fly",), "--fly"), (("fly",), "fly"), ((), "command"),
                            (("dump",), "dump"), (("dump", "x"), "x"), (("dump", "0"), "0"),
                            (("status", "1"), "status"), (("context", "1", "2"), "context")):
        expect(control(daemon, *arguments), 2, word)
    for tool, command in (("penstock", "info"), ("penstock", "bench"), ("penstockctl", "status")):
        expect(run_tool(tool, "--server=ftp://host", command), 2, "ftp://host")


def a_server_that_is_not_there_is_exit_code_1(daemon):
    nowhere = f"{daemon.directory}/nowhere"
    for tool, command in (("penstock", "info"), ("penstockctl", "status")):
        expect(run_tool(tool, f"--server=unix:{nowhere}", command), 1, nowhere)


def info_tells_what_the_server_offers(daemon):
    table = penstock(daemon, "info")
    assert table.returncode == 0 and "uid:" in table.stdout, table
    info = json.loads(penstock(daemon, "info", "--json").stdout)
    assert info, info


# ---------------------------------------------------------------- penstockctl


class Drawer:
    """A peer with a context and two allocations, of which the last submission copies."""

    def __init__(self, daemon):
        self.peer = Peer(daemon)
        self.device = self.peer.device()
        self.context = self.peer.context(self.device)
        self.source = self.peer.allocation(self.device, 65536)
        self.target = self.peer.allocation(self.device, 65536)

    def copy(self):
        """One submission, ended."""
        pending = self.peer.submit(wire.submission(
            self.context, wire.nop() + wire.copy(0, 16, 1, 32, 64),
            [(self.source, False), (self.target, True)]))
        self.peer.wait(self.peer.request("SYNC"))
        assert self.peer.wait_fence(self.context, pending.serial) == 0

    def row(self, daemon):
        rows = [row for row in report(daemon, "contexts")["contexts"] if row["id"] == self.id(daemon)]
        assert len(rows) == 1, rows
        return rows[0]

    def id(self, daemon):
        """The operator's number of our context: the newest."""
        return max(row["id"] for row in report(daemon, "contexts")["contexts"])


def dump(daemon, drawer):
    return report(daemon, "dump", drawer.id(daemon))


def C1_what_has_not_moved_is_not_patched_again(daemon):
    drawer = Drawer(daemon)
    with drawer.peer:
        drawer.copy()
        first = dump(daemon, drawer)["patch_location_list"]
        patched = drawer.row(daemon)["patched"]
        drawer.copy()
        second = dump(daemon, drawer)["patch_location_list"]
        assert drawer.row(daemon)["patched"] == patched == 2
    assert [row["changed"] for row in first] == [True, True]
    assert [row["changed"] for row in second] == [False, False]


def A11_a_dump_shows_addresses_before_and_after_patching(daemon):
    drawer = Drawer(daemon)
    with drawer.peer:
        drawer.copy()
        first = dump(daemon, drawer)
        drawer.copy()
        second = dump(daemon, drawer)
        table = control(daemon, "dump", drawer.id(daemon)).stdout
    for index, (name, offset) in enumerate((("source", 16), ("destination", 32))):
        address = second["allocation_list"][index]["address"] + offset
        once = first["patch_location_list"][index]
        again = second["patch_location_list"][index]
        assert (once["before"], once["after"]) == (offset, address), (first, second)
        assert again["before"] == again["after"] == address, (first, second)
        assert (once["allocation_index"], once["allocation_offset"]) == (index, offset), first
        assert f"{name}={offset:#x} " in first["dma_buffer_rendered"], first
        for text in (first["dma_buffer_submitted"], second["dma_buffer_rendered"],
                     second["dma_buffer_submitted"], table):
            assert f"{name}={address:#x} " in text, (text, address)


def A9_a_chain_is_one_submission_of_several_dma_buffers(daemon):
    drawer = Drawer(daemon)
    with drawer.peer as peer:
        context = peer.context(drawer.device, dma_buffer_bytes=4096)
        allocation = peer.allocation(drawer.device, 4096)
        number = max(row["id"] for row in report(daemon, "contexts")["contexts"])
        # 170 fills of 24 bytes are a DMA buffer
        peer.submit(wire.submission(context, wire.fill(0, 0, 4, 1) * 400, [(allocation, True)]))
        peer.read(allocation, 4)
        row = report(daemon, "context", number)["context"]
        shown = report(daemon, "dump", number)
    assert (row["submitted"], row["dma_buffers"], row["queued"]) == (1, 3, 0), row
    assert row["dma_bytes"] == 400 * 24 and row["patch_locations"] == 400, row
    assert shown["submission"]["pass"] == 2, shown["submission"]
    assert len(shown["patch_location_list"]) == 400 - 2 * 170


def a_dump_of_what_is_not_there_is_refused(daemon):
    for command in ("dump", "context"):
        expect(control(daemon, command, "999999999"), 1, "context")


def every_report_is_a_table_and_json(daemon):
    drawer = Drawer(daemon)
    with drawer.peer:
        drawer.copy()
        number = str(drawer.id(daemon))
        for command in [(name,) for name in COMMANDS] + [("context", number), ("dump", number)]:
            table = control(daemon, *command)
            assert table.returncode == 0 and table.stderr == "" and table.stdout.strip(), table
            document = report(daemon, *command)
            assert isinstance(document, dict) and document, document
        for name in ("contexts", "allocations"):
            rows = report(daemon, name)[name]
            shown = control(daemon, name).stdout
            header = [line for line in shown.splitlines() if line.strip()]
            more = 1 if name == "allocations" else 0  # that no instances are left
            assert len(header) == len(rows) + 1 + more, (name, rows, header)
        assert report(daemon, "allocations")["instances"] == []
        document = report(daemon, "status")
        assert any(row["dma_pool"] > 0 for row in document["principals"]), document
        status = document["status"]
        assert status["contexts"] >= 1
        assert os.path.exists(f"/proc/{status['system_process']}/fd"), status


def a_report_says_when_there_is_more(daemon):
    with Peer(daemon) as peer:
        device = peer.device()
        context = peer.context(device, dma_buffer_bytes=4 << 20, patch_location_list=80000)
        memory = peer.allocation(device, 4096)
        peer.submit(wire.submission(context, SPIN))
        peer.wait(peer.submit(wire.submission(context, wire.fill(0, 0, 4, 1) * 70000,
                                              [(memory, True)])))
        number = max(row["id"] for row in report(daemon, "contexts")["contexts"])
        assert report(daemon, "dump", number)["truncated"] is True
        assert control(daemon, "dump", number).stdout.endswith("\nthere is more than is shown\n")
        for row in report(daemon, "status")["principals"]:
            if row["gpu_process"]:
                os.kill(row["gpu_process"], signal.SIGKILL)
        for command in (("contexts",), ("allocations",)):
            assert report(daemon, *command)["truncated"] is False
            assert "more than" not in control(daemon, *command).stdout


def A1_a_thousand_contexts_are_shown(daemon):
    with Peer(daemon) as peer:
        device = peer.device()
        for _ in range(1000):
            peer.context(device)
        peer.sync()
        assert len(report(daemon, "contexts")["contexts"]) == 1000
        assert len(control(daemon, "contexts").stdout.splitlines()) == 1001
        peer.request("GOODBYE")
        peer.expect_closing("SUCCESS")


def an_empty_report_says_so(daemon):
    while report(daemon, "contexts")["contexts"]:
        pass  # of the peers that have just gone
    assert control(daemon, "contexts").stdout == "contexts: none\n"


def another_user_is_refused_every_report(daemon):
    for command in [(name,) for name in COMMANDS] + [("context", "1"), ("dump", "1")]:
        for form in ((), ("--json",)):
            result = control(daemon, *form, *command, uid=NOBODY)
            expect(result, 1, "penstockctl:")
            assert result.stdout == "", result


def another_user_may_draw(daemon):
    folder, path = script(START + "submit work {\n\tlist data:w\n"
                          "\tfill destination=@data size=4 pattern=0x41424344\n}\n"
                          "expect bytes data hex=[44 43 42 41]\n")
    with folder:
        os.chmod(folder.name, 0o755)
        result = penstock(daemon, "run", path, uid=NOBODY)
        assert result.returncode == 0, result


TESTS = [value for name, value in list(globals().items())
         if callable(value) and getattr(value, "__module__", "") == "__main__" and
         hasattr(value, "__code__") and value.__code__.co_varnames[:1] == ("daemon",) and
         value.__code__.co_argcount == 1]

if __name__ == "__main__":
    run(TESTS, lambda: Daemon("--test-instructions"))
