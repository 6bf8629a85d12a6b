#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Sizes of a context, its queue, and submissions that are not executed; docs/protocol.md §6, §7."""

import pathlib
import re
import select
import struct

import wire
from peer import Daemon, Peer, refused, run

RESIZE_COMMAND_BUFFER, RESIZE_ALLOCATION_LIST, RESIZE_PATCH_LIST, NULL_RENDERING = 1, 2, 4, 8
GUARANTEED = 0x10000
FOR_EVER = 0xffffffff
CONTEXT_SUBMISSIONS = 4096


class Bench:
    """A context and an allocation."""

    def __init__(self, daemon, **fields):
        self.peer = Peer(daemon)
        self.device = self.peer.device()
        self.context = self.peer.context(self.device, **fields)
        self.memory = self.peer.allocation(self.device, 1 << 20)

    def submission(self, command, flags=0, record=None):
        return wire.submission(self.context, command, [(self.memory, True)], flags, record=record)

    def resize(self, dma=None, elements=None, patches=None):
        """A submission of one fill that asks for these sizes."""
        flags = 0
        record = {}
        for bit, index, value in ((1, 7, dma), (2, 8, elements), (4, 9, patches)):
            if value is not None:
                flags |= bit
                record[index] = value
        return self.submission(fills(1), flags, record)

    def sizes(self):
        state = self.state()
        return state.dma_buffer_bytes, state.allocation_list, state.patch_location_list

    def state(self):
        return self.peer.wait(self.peer.request("QUERY_CONTEXT", name=self.context)).answer

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.peer.close()


def fills(count):
    return b"".join(wire.fill(0, 4 * i, 4, i + 1) for i in range(count))


def spin(microseconds):
    return wire.instruction(6, struct.pack("<I", microseconds))


# ---------------------------------------------------------------- resize flags


def A16_sizes_grow_shrink_and_are_cut_at_their_bounds(daemon):
    for flags in (0, GUARANTEED):
        with Bench(daemon, flags=flags, dma_buffer_bytes=8192, allocation_list=100,
                   patch_location_list=200) as bench:
            assert bench.sizes() == (8192, 100, 200)
            bench.peer.submit(bench.resize(dma=1 << 20, elements=1000, patches=5000))
            assert bench.sizes() == (1 << 20, 1000, 5000)
            bench.peer.submit(bench.resize(dma=4096, patches=64))  # the list as it was
            assert bench.sizes() == (4096, 1000, 64)
            bench.peer.submit(bench.resize(dma=1, elements=1, patches=1))
            assert bench.sizes() == (4096, 64, 64)  # below the smallest
            bench.peer.submit(bench.resize(dma=4097))
            assert bench.sizes() == (8192, 64, 64)  # whole pages
            bench.peer.submit(bench.resize(dma=FOR_EVER, elements=FOR_EVER))
            assert bench.sizes() == (16 << 20, 65536, 64)  # above the largest


def A16_a_refused_submission_resizes_nothing(daemon):
    with Bench(daemon, dma_buffer_bytes=8192) as bench:
        before = bench.sizes()
        flags = RESIZE_COMMAND_BUFFER | RESIZE_ALLOCATION_LIST | RESIZE_PATCH_LIST
        refused(bench.peer, bench.peer.submit(
            bench.submission(wire.fill(7, 0, 4, 1), flags, {7: 1 << 20, 8: 100, 9: 100})),
                "INVALID_HANDLE")
        assert bench.sizes() == before


def A16_the_older_sizes_hold_for_what_was_sent_with_them(daemon):
    """In one frame: the submission that resizes still has the older sizes, the next has not."""
    with Bench(daemon, flags=GUARANTEED, dma_buffer_bytes=8192, patch_location_list=128) as bench:
        record = {7: 8192, 9: 64}
        frame = bench.peer.submit(
            bench.submission(fills(128)),
            bench.submission(fills(128), RESIZE_COMMAND_BUFFER | RESIZE_PATCH_LIST, record),
            bench.submission(fills(64)))
        late = bench.peer.submit(bench.submission(fills(65)))
        refusal = refused(bench.peer, late, "INVALID_USER_BUFFER")
        assert refusal.byte_offset == 64 * 32, refusal
        assert bench.peer.wait_fence(bench.context, frame[-1].serial) == 0
        assert bench.sizes() == (8192, 4096, 64)


def A16_what_cannot_be_reserved_is_not_granted(daemon):
    with Bench(daemon, flags=GUARANTEED, dma_buffer_bytes=8192, patch_location_list=64) as bench:
        before = bench.sizes()
        others = []
        while True:  # others of this principal take what may be promised
            name = bench.peer.name()
            pending = bench.peer.request("CREATE_CONTEXT", name=name, device=bench.device,
                                         flags=GUARANTEED, dma_buffer_bytes=1 << 20,
                                         patch_location_list=1 << 19)
            bench.peer.settle(pending)
            if pending.status:
                break
            others.append(name)
            assert len(others) < 100
        assert pending.status == wire.STATUS["NO_MEMORY"], pending
        bench.peer.submit(bench.resize(dma=1 << 20, patches=1 << 20))
        assert bench.sizes() == before
        bench.peer.request("DESTROY", name=others.pop())
        bench.peer.submit(bench.resize(dma=1 << 20, patches=1000))
        assert bench.sizes() == (1 << 20, before[1], 1000)


# ---------------------------------------------------------------- QueuedBufferCount


def resident(daemon):
    """Bytes of the daemon's own memory: heap, not its mapped files."""
    text = pathlib.Path(f"/proc/{daemon.process.pid}/status").read_text()
    return int(re.search(r"RssAnon:\s+(\d+) kB", text).group(1)) * 1024


def queued(observer):
    report = observer.wait(observer.request("ADMIN_CONTEXTS")).answer
    return max(row.queued for row in report.contexts)


def A17_the_queue_of_a_slow_gpu_rises_to_its_cap_and_memory_stays_flat(_daemon):
    with offering() as daemon:  # its GPU never ends
        slow_gpu(daemon)


def slow_gpu(daemon):
    bench = Bench(daemon)
    with Peer(daemon) as observer:
        for i in range(100):
            bench.peer.submit(bench.submission(spin(FOR_EVER) if i == 0 else fills(1)))
        assert bench.state().queued_buffer_count == 100
        one = bench.submission(fills(1))
        serial = bench.peer.serial
        data = b"".join(wire.frame("SUBMIT", serial + 1 + i, one, raw=wire.encode("Submit", count=1))
                        for i in range(20000))
        sent = 0
        full = None
        patience = 0
        bench.peer.socket.setblocking(False)
        while patience < 20:
            count = queued(observer)
            if full is None and count == CONTEXT_SUBMISSIONS:
                full = resident(daemon)
            if not select.select([], [bench.peer.socket], [], 0.05)[1]:
                patience += count == CONTEXT_SUBMISSIONS
                continue
            sent += bench.peer.socket.send(data[sent:sent + (1 << 16)])
            assert sent < len(data), "the daemon takes everything"
        assert queued(observer) == CONTEXT_SUBMISSIONS
        assert full is not None and resident(daemon) < full + (1 << 20), (full, resident(daemon))
    bench.peer.reset()


# ---------------------------------------------------------------- NullRendering


def A18_null_rendering_is_the_same_trace_without_execution(daemon):
    command = fills(300)
    traces = []
    with Peer(daemon) as observer:
        for flags in (0, NULL_RENDERING):
            with Bench(daemon, dma_buffer_bytes=4096) as bench:
                for _ in range(2):  # the second is pre-patched
                    pending = bench.peer.submit(bench.submission(command, flags))
                    assert bench.peer.wait_fence(bench.context, pending.serial) == 0
                rows = observer.wait(observer.request("ADMIN_CONTEXTS")).answer.contexts
                row = max(rows, key=lambda row: row.id)
                dump = observer.wait(observer.request("ADMIN_DUMP", context=row.id)).answer
                traces.append((row.submitted, row.dma_buffers, row.command_bytes, row.dma_bytes,
                               row.patch_locations, row.patched, len(dump.patches),
                               [patch.split_offset for patch in dump.patches],
                               re.sub("address=0x[0-9a-f]+", "", dump.disassembly_after)))
                written = struct.pack("<300I", *range(1, 301)) if flags == 0 else bytes(1200)
                assert bench.peer.read(bench.memory, 1200) == written
    assert traces[0] == traces[1], traces
    assert traces[0][:2] == (2, 4), traces[0]


def offering():
    return Daemon("--test-instructions")


TESTS = [value for name, value in sorted(globals().items())
         if name.startswith(("A16_", "A17_", "A18_"))]

if __name__ == "__main__":
    run(TESTS, offering)
