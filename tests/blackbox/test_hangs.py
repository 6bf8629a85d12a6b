#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Work that never ends, as its sender and everybody else see it; docs/protocol.md, DeviceState."""

import re
import pathlib

import wire
from peer import STATUS, Daemon, Peer, refused, run
from test_priorities import Lane, fills
from test_sizes import FOR_EVER, spin
from tools import control, expect, report

HUNG = 3
TDR_DELAY = "--tdr-delay=3000"
OPTIONS = ("--test-instructions", "--listen=127.0.0.1:0", TDR_DELAY, "--tdr-limit-count=63")
MIB = 1 << 20
LOCAL_ONLY = 1


def tcp_address(daemon):
    log = pathlib.Path(daemon.log).read_text()
    return "127.0.0.1", int(re.search(r"listening address='[^']*' port=(\d+)", log).group(1))


def state(lane):
    return lane.peer.wait(lane.peer.request("QUERY_DEVICE", name=lane.device)).answer


def is_lost_and_named(lane, serial):
    assert lane.peer.wait_fence(lane.context, serial) == \
        STATUS["GRAPHICS_GPU_EXCEPTION_ON_DEVICE"]
    found = state(lane)
    assert found.execution_state == HUNG, found
    assert found.reason.startswith("spin at byte 0x80: hang: node 0"), found.reason
    assert found.fault_fence == serial and found.fault_command_offset == 0x80, found
    refused(lane.peer, lane.peer.submit(lane.submission(fills(1, 1))), "DEVICE_REMOVED")


def E1_E2_work_that_never_ends_costs_its_own_device_and_names_the_instruction(daemon):
    """Another device of the same principal is reset with it, and loses nothing."""
    with Peer(daemon) as peer:
        stuck, other = Lane(peer, 0), Lane(peer, 0)
        serial = stuck.submit(fills(1, 4) + spin(FOR_EVER) + fills(5, 4))
        later = [other.submit(fills(100 * i, 16)) for i in range(20)]
        is_lost_and_named(stuck, serial)
        other.ends(later[-1])
        assert other.holds(1900, 16)
        again = Lane(peer, 0)
        again.ends(again.submit(fills(7, 4)))
        assert again.holds(7, 4)


def E2_no_other_principal_loses_anything_or_waits_for_it(daemon):
    with Peer(daemon, address=tcp_address(daemon)) as hog, Peer(daemon) as peer:
        stuck, other = Lane(hog, 0), Lane(peer, 0)
        serial = stuck.submit(fills(1, 4) + spin(FOR_EVER))
        hog.sync()
        for i in range(200):
            other.ends(other.submit(fills(i, 16)))
            assert other.holds(i, 16), i
        is_lost_and_named(stuck, serial)
        other.ends(other.submit(fills(7, 16)))
        assert other.holds(7, 16)


def E2_a_node_full_of_it_is_free_again(daemon):
    """More of it than the hardware queue has places, of as many devices."""
    with Peer(daemon, address=tcp_address(daemon)) as hog, Peer(daemon) as peer:
        stuck = [Lane(hog, 0) for _ in range(3)]
        serials = [lane.submit(fills(1, 4) + spin(FOR_EVER)) for lane in stuck]
        hog.sync()
        other = Lane(peer, 0)
        other.ends(other.submit(fills(7, 16)))
        assert other.holds(7, 16)
        for lane, serial in zip(stuck, serials):
            is_lost_and_named(lane, serial)


def E1_E2_a_hang_inside_of_a_part_costs_its_own_device_and_names_the_instruction(_daemon):
    """It is split, its first part is done and it hangs in its second; its offset is that in its
    command buffer. Another device of the same principal and another principal go on."""
    with Daemon(*OPTIONS, "--local-memory=2M") as daemon, \
            Peer(daemon, address=tcp_address(daemon)) as hog, Peer(daemon) as peer:
        device = hog.device()
        context = hog.context(device)
        surfaces = [hog.allocation(device, MIB, segment_set=LOCAL_ONLY) for _ in range(5)]
        draws = [wire.fill(i, 0, 4096, i) for i in range(5)]
        sibling, other = Lane(hog, 0), Lane(peer, 0)
        pending = hog.submit(wire.submission(
            context, b"".join(draws[:3]) + spin(FOR_EVER) + b"".join(draws[3:]),
            [(surface, True) for surface in surfaces]))
        later = sibling.submit(fills(50, 16))
        hog.sync()
        for i in range(50):
            other.ends(other.submit(fills(i, 16)))
            assert other.holds(i, 16), i
        assert hog.wait_fence(context, pending.serial) == \
            STATUS["GRAPHICS_GPU_EXCEPTION_ON_DEVICE"]
        found = hog.wait(hog.request("QUERY_DEVICE", name=device)).answer
        at = sum(map(len, draws[:3]))
        assert found.execution_state == HUNG and found.fault_fence == pending.serial, found
        assert (found.fault_instruction, found.fault_command_offset) == ("spin", at), found
        assert found.reason.startswith(f"spin at byte {at:#x}: hang: node 0"), found.reason
        row, = [row for row in report(daemon, "contexts")["contexts"]
                if row["state"] == "hung"]
        assert (row["splits"], row["parts"]) == (1, 1), row
        refused(hog, hog.submit(wire.submission(context, draws[0], [(surfaces[0], True)])),
                "DEVICE_REMOVED")
        sibling.ends(later)
        assert sibling.holds(50, 16)
        other.ends(other.submit(fills(7, 16)))
        assert other.holds(7, 16)


def E7_a_report_shows_the_looping_instruction(daemon):
    with Peer(daemon) as peer:
        stuck = Lane(peer, 0)
        serial = stuck.submit(fills(1, 4) + spin(FOR_EVER) + fills(5, 4))
        is_lost_and_named(stuck, serial)
        last = report(daemon, "reports")["reports"][-1]
        assert last["event"] == "hung" and last["instruction"] == "spin", last
        assert last["fence"] == serial and last["command_offset"] == 0x80, last
        whole = report(daemon, "report", last["id"])
        facts = whole["report"]
        assert facts["dma_offset_known"] and facts["dma_offset"] == last["dma_offset"], facts
        marked = [line for line in whole["disassembly"].splitlines() if line.startswith("> ")]
        assert len(marked) == 1 and marked[0].startswith(f"> spin microseconds={FOR_EVER}"), whole
        assert f"{facts['dma_offset']:#x}" in marked[0], marked
        assert len([line for line in whole["disassembly"].splitlines() if "fill" in line]) == 8
        assert "node=0 outstanding=1" in whole["engine_state"], whole
        assert "running=" in whole["engine_state"], whole
        assert [row["write"] for row in whole["allocation_list"]] == [True], whole
        missing = control(daemon, "report", str(last["id"] + 1000))
        expect(missing, 1, "there is no report of that id")
        shown = control(daemon, "report", str(last["id"]))
        assert shown.returncode == 0 and "> spin" in shown.stdout, shown


if __name__ == "__main__":
    run([E1_E2_work_that_never_ends_costs_its_own_device_and_names_the_instruction,
         E2_no_other_principal_loses_anything_or_waits_for_it,
         E2_a_node_full_of_it_is_free_again,
         E1_E2_a_hang_inside_of_a_part_costs_its_own_device_and_names_the_instruction,
         E7_a_report_shows_the_looping_instruction],
        lambda: Daemon(*OPTIONS))
