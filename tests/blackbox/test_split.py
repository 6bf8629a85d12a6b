#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""One DMA buffer that references more than local memory holds: it runs in parts, the pixels are the
same, and what can never fit costs its device. docs/protocol.md §7."""

import struct

import wire
from peer import Daemon, Peer, refused, run
from test_principals import wait_until_empty
from tools import report, run_script

MIB = 1 << 20
LOCAL_ONLY = 1
SURFACES = 12
WIDTH, HEIGHT = 512, 256  # half a MiB each: three times 2 MiB


def scene():
    """Surfaces that are drawn into each other, by one submission of a 1 MiB DMA buffer."""
    lines = ["device gpu", "context draw gdi dma_buffer=1048576"]
    lines += [f"allocation s{i} width={WIDTH} height={HEIGHT} format=A8R8G8B8 segments={LOCAL_ONLY}"
              for i in range(SURFACES)]
    lines += ["submit draw km {", "list " + " ".join(f"s{i}:w" for i in range(SURFACES))]
    whole = f"(0,0,{WIDTH},{HEIGHT})"
    for i in range(SURFACES):
        lines.append(f"colorfill destination=@s{i} destination_rect={whole} "
                     f"color={0xff000000 | i * 0x13579b & 0xffffff:#x} rop=1 sub_rects=[{whole}]")
    for turn in range(3):
        for i in range(SURFACES):
            source, destination = i, (i * 5 + turn + 1) % SURFACES
            if source == destination:
                continue
            left, top = 8 * i + 16 * turn, 4 * i
            rect = f"({left},{top},{left + 200},{top + 100})"
            lines.append(f"bitblt source=@s{source} source_rect={rect} destination=@s{destination} "
                         f"destination_rect=({left + 40},{top + 20},{left + 240},{top + 120}) "
                         f"rop={2 if turn == 1 else 1} "
                         f"sub_rects=[({left + 40},{top + 20},{left + 240},{top + 120})]")
    lines += ["}", "expect SUCCESS"]
    lines += [f"print hash s{i}" for i in range(SURFACES)]
    return "\n".join(lines) + "\n"


def draw(daemon):
    result = run_script(daemon, scene())
    assert result.returncode == 0 and result.stderr == "", result
    hashes = result.stdout.splitlines()
    assert len(hashes) == SURFACES and len(set(hashes)) == SURFACES, hashes
    return hashes


def B15_one_dma_buffer_of_three_times_local_memory_gives_the_same_pixels(daemon):
    with Daemon("--local-memory=64M", "--paranoid") as roomy:
        wanted = draw(roomy)
    assert draw(daemon) == wanted


def submit(peer, context, allocations, command):
    pending = peer.submit(wire.submission(context, command, [(a, True) for a in allocations]))
    peer.settle(pending)
    return pending.status or peer.wait_fence(context, pending.serial)


def B15_the_parts_are_counted_and_only_where_there_are_any(daemon):
    with Peer(daemon) as peer:
        device = peer.device()
        context = peer.context(device)
        row = lambda: report(daemon, "contexts")["contexts"][-1]
        allocations = [peer.allocation(device, MIB, segment_set=LOCAL_ONLY) for _ in range(6)]
        fills = b"".join(wire.fill(i, 0, 4096, i) for i in range(6))
        assert submit(peer, context, allocations[:2], fills[:2 * len(wire.fill(0, 0, 4, 0))]) == 0
        assert (row()["splits"], row()["parts"]) == (0, 0), row()
        # two of them fit at once, and the next part begins with the third
        assert submit(peer, context, allocations, fills) == 0
        assert (row()["submitted"], row()["dma_buffers"]) == (2, 2), row()
        assert (row()["splits"], row()["parts"]) == (1, 3), row()
        for i, allocation in enumerate(allocations):
            assert peer.read(allocation, 4096) == struct.pack("<I", i) * 1024


def B15_what_can_never_fit_ends_its_device_out_of_memory_and_no_other(daemon):
    with Peer(daemon) as peer, Peer(daemon) as neighbour:
        device, other = peer.device(), peer.device()
        context, other_context = peer.context(device), peer.context(other)
        fits = peer.allocation(device, MIB, segment_set=LOCAL_ONLY)
        large = peer.allocation(device, 3 * MIB, segment_set=LOCAL_ONLY)
        mine = peer.allocation(other, MIB, segment_set=LOCAL_ONLY)
        status = submit(peer, context, [fits, large],
                        wire.fill(0, 0, 64, 1) + wire.fill(1, 0, 64, 2))
        assert status == wire.STATUS["GRAPHICS_NO_VIDEO_MEMORY"], hex(status)
        state = peer.wait(peer.request("QUERY_DEVICE", name=device)).answer
        assert state.execution_state == 5, state  # D3DKMT_DEVICEEXECUTION_ERROR_OUTOFMEMORY
        assert (state.fault_instruction, state.fault_command_offset) == ("fill", len(wire.fill(0, 0, 64, 1))), state
        assert "3145728 bytes are needed at once in segment 1, which has 2097152" in state.reason
        refused(peer, peer.submit(wire.submission(context, wire.nop())), "DEVICE_REMOVED")
        # everybody else goes on, in the same memory
        assert submit(peer, other_context, [mine], wire.fill(0, 0, 4096, 7)) == 0
        assert peer.read(mine, 4096) == struct.pack("<I", 7) * 1024
        device = neighbour.device()
        context = neighbour.context(device)
        theirs = neighbour.allocation(device, 2 * MIB, segment_set=LOCAL_ONLY)
        assert submit(neighbour, context, [theirs], wire.fill(0, 0, 4096, 9)) == 0
        assert neighbour.read(theirs, 4096) == struct.pack("<I", 9) * 1024


def B15_a_client_that_leaves_between_parts_leaves_nothing(daemon):
    with Peer(daemon) as peer:
        device = peer.device()
        context = peer.context(device)
        allocations = [peer.allocation(device, MIB, segment_set=LOCAL_ONLY) for _ in range(6)]
        command = b"".join(wire.fill(i % 6, 0, MIB, i) for i in range(600))
        for _ in range(4):
            peer.submit(wire.submission(context, command, [(a, True) for a in allocations]))
        peer.sync()
        peer.reset()
    wait_until_empty(daemon)


TESTS = [
    B15_one_dma_buffer_of_three_times_local_memory_gives_the_same_pixels,
    B15_the_parts_are_counted_and_only_where_there_are_any,
    B15_what_can_never_fit_ends_its_device_out_of_memory_and_no_other,
    B15_a_client_that_leaves_between_parts_leaves_nothing,
]


def small():
    return Daemon("--local-memory=2M", "--paranoid")


if __name__ == "__main__":
    run(TESTS, small)
