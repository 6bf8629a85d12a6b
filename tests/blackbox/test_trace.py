#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""penstockctl trace: what its file says of work that is known, and who may have it; docs/protocol.md
§10. Order and nesting are looked at, never how long anything took."""

import contextlib
import json
import os
import pathlib
import signal
import subprocess
import tempfile

import wire
from peer import PATIENCE_S, Daemon, Peer, die_with_us, program, refused, run
from test_hangs import TDR_DELAY
from test_hostile_gpu import hostile, try_both
from test_operator import context_row, kill_gpu_processes, until
from test_priorities import Lane, fills, overtakes
from test_sizes import FOR_EVER, spin
from tools import NOBODY, control, expect, report
from trace_format import Trace, lane_of

START, READ, STOP = 1, 2, 3
LOST = 1
RING_EVENTS = 131072
LARGE_FILLS = 4096  # of 32 bytes: a worker renders them


@contextlib.contextmanager
def tracing(daemon):
    """Traces while it is open; `trace` is the file that was written, afterwards."""

    class Result:
        trace = None
        said = None

    result = Result()
    with tempfile.TemporaryDirectory(prefix="penstock-trace-") as folder:
        path = f"{folder}/trace.json"
        tool = subprocess.Popen(
            [program("penstockctl"), f"--server=unix:{daemon.socket}", "--json", "trace", "-o", path],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, preexec_fn=die_with_us)
        assert "tracing" in tool.stderr.readline()
        yield result
        tool.send_signal(signal.SIGINT)
        out, err = tool.communicate(timeout=PATIENCE_S)
        assert tool.returncode == 0 and err == "", (tool.returncode, err)
        result.said = json.loads(out)["trace"]
        result.trace = Trace(path)


def large(lane, microseconds):
    """A command buffer that a worker renders and the GPU is busy with."""
    return lane.submission(fills(1, 8) * (LARGE_FILLS // 8) + spin(microseconds))


# ---------------------------------------------------------------- what it shows


def a_trace_has_a_lane_for_each_queue_and_each_node(daemon):
    with Peer(daemon) as peer:
        lanes = [Lane(peer, 0), Lane(peer, 0)]
        numbers = [context_row(daemon, lane).id for lane in lanes]
        with tracing(daemon) as result:
            for lane in lanes:
                lane.ends([lane.submit(fills(i, 4)) for i in range(10)][-1])
                assert lane.holds(9, 4)
    trace = result.trace
    assert result.said["events"] > 0 and result.said["events_lost"] == 0, result.said
    principal = peer.welcome.principal
    names = set(trace.processes.values())
    assert {"penstockd", f"contexts of {principal}",
            f"adapter 0, GPU process of {principal}", "adapter 0, system GPU process"} <= names, names
    for number in numbers:
        executed = trace.bars_called("execute", context=number)
        assert len(executed) == 10 and len({bar.lane for bar in executed}) == 1, executed
        assert trace.lanes[executed[0].lane] == "node 0 (render)"
        queued = trace.bars_called("queued", context=number)
        assert {trace.lanes[bar.lane] for bar in queued} == {f"context {number}"}, queued
        assert len(trace.bars_called("render", context=number)) == 10
        serials = [bar.args["serial"] for bar in executed]
        assert serials == sorted(serials), serials
    # what was written first had to be brought into a segment: that was paged, and waited for
    assert trace.bars_called("paging") and trace.bars_called("waits for memory")
    flows = [event["ph"] for event in trace.events if event["ph"] in "sf"]
    assert flows.count("s") == flows.count("f") == 20, flows


def C9_rendering_the_next_overlaps_executing_this(daemon):
    """Of large command buffers of one context, which workers render."""
    with Peer(daemon) as peer:
        lane = Lane(peer, 0)
        number = context_row(daemon, lane).id

        def overlaps():
            with tracing(daemon) as result:
                peer.submit(*[large(lane, 100000) for _ in range(3)])
                lane.ends(peer.submit(large(lane, 0)).serial)
            executed = result.trace.bars_called("execute", context=number)
            rendered = {bar.args["serial"]: bar
                        for bar in result.trace.bars_called("render", context=number)}
            assert len(executed) == len(rendered) == 4, (executed, rendered)
            for bar in executed:  # each was rendered before it was executed
                assert rendered[bar.args["serial"]].end <= bar.begin, (bar, rendered)
            return [bar for bar in executed
                    if bar.args["serial"] + 1 in rendered and
                    bar.overlaps(rendered[bar.args["serial"] + 1])]

        until(overlaps)


def D5_preemptions_are_in_the_trace(daemon):
    with Peer(daemon) as peer:
        low, high = Lane(peer, -1), Lane(peer, 5)
        numbers = [context_row(daemon, lane).id for lane in (low, high)]
        with tracing(daemon) as result:
            overtakes(low, high)
    trace = result.trace
    assert trace.points("preempt") and trace.points("preempted")
    parts = trace.bars_called("execute (preempted)", context=numbers[0])
    assert parts and not trace.bars_called("execute (preempted)", context=numbers[1])
    # the one that was stopped goes on behind the one that it made room for
    stopped = parts[0]
    after = [bar for bar in trace.bars if bar.args.get("context") == numbers[0] and
             bar.args.get("serial") == stopped.args["serial"] and bar.begin >= stopped.end and
             bar.name.startswith("execute")]
    assert after, trace.bars
    assert any(stopped.end <= bar.begin and bar.end <= after[-1].end
               for bar in trace.bars_called("execute", context=numbers[1])), trace.bars


def B15_the_parts_of_a_split_submission_are_in_the_trace(_daemon):
    """Of five allocations of 1 MiB, where two fit at once: three parts, one after the other."""
    with Daemon("--local-memory=2M") as small, Peer(small) as peer:
        lane = Lane(peer, 0)
        number = context_row(small, lane).id
        allocations = [peer.allocation(lane.device, 1 << 20, segment_set=1) for _ in range(5)]
        command = b"".join(wire.fill(i, 0, 4096, i + 1) for i in range(5))
        with tracing(small) as result:
            lane.ends(peer.submit(wire.submission(lane.context, command,
                                                  [(a, True) for a in allocations])).serial)
            for i, allocation in enumerate(allocations):
                assert peer.read(allocation, 4096) == (i + 1).to_bytes(4, "little") * 1024
    parts = sorted(result.trace.bars_called("execute part", context=number) +
                   result.trace.bars_called("execute", context=number), key=lambda bar: bar.begin)
    assert len(parts) == 3 and len({bar.args["serial"] for bar in parts}) == 1, parts
    ends = [bar.args["dma_end"] for bar in parts]
    assert ends == sorted(set(ends)), parts
    for part, following in zip(parts, parts[1:]):  # memory makes room between two
        assert part.end <= following.begin, parts
    assert result.trace.bars_called("paging")


def B7_what_is_moved_is_in_the_trace_with_its_allocation(_daemon):
    """Five allocations of 1 MiB by turns where two fit: each is filled, and written it comes back."""
    with Daemon("--local-memory=2M") as small, Peer(small) as peer:
        lane = Lane(peer, 0)
        known = {row["id"] for row in report(small, "allocations")["allocations"]}
        allocations = [peer.allocation(lane.device, 1 << 20, segment_set=1) for _ in range(5)]
        numbers = sorted({row["id"] for row in report(small, "allocations")["allocations"]} - known)
        with tracing(small) as result:
            for _ in range(2):
                for allocation in allocations:
                    lane.ends(peer.submit(wire.submission(lane.context, wire.fill(0, 0, 4096, 7),
                                                          [(allocation, True)])).serial)

    def moved(name):
        return sorted(event["args"]["allocation"] for event in result.trace.points(name))

    assert len(numbers) == 5 and moved("fill") == numbers, (numbers, moved("fill"))
    assert moved("transfer in") == numbers, moved("transfer in")
    assert set(moved("transfer out")) == set(numbers), moved("transfer out")


def E2_a_hang_and_its_reset_are_in_the_trace(_daemon):
    with Daemon("--test-instructions", TDR_DELAY) as daemon, Peer(daemon) as peer:
        stuck, other = Lane(peer, 0), Lane(peer, 0)
        number = context_row(daemon, stuck).id
        with tracing(daemon) as result:
            serial = stuck.submit(fills(1, 4) + spin(FOR_EVER))
            peer.wait_fence(stuck.context, serial)
            other.ends(other.submit(fills(7, 4)))
    trace = result.trace
    bar, = trace.bars_called("execute (lost)", context=number)
    assert bar.args["serial"] == serial, bar
    assert {event["args"]["serial"] for event in trace.points("hang")} == {serial}
    assert trace.points("engine reset")


def E4_an_adapter_reset_is_in_the_trace_in_all_lanes_of_its_gpu(_daemon):
    with hostile("quit", 0) as daemon:
        with tracing(daemon) as result:
            until(lambda: try_both(daemon) or report(daemon, "status")["adapters"][0]["resets"])
            until(lambda: report(daemon, "status")["status"]["adapter"] == "running")
        log = pathlib.Path(daemon.log).read_text()
    trace = result.trace
    for name in ("adapter reset", "adapter restarted"):
        lanes = {lane_of(event) for event in trace.points(name)}
        processes = {process for process, _ in lanes}
        assert lanes and lanes == {(process, node) for process in processes for node in (1, 2)}, lanes
    assert "adapter reset adapter=0 reason='" in log and "adapter restarted adapter=0" in log, log


def E1_a_fault_is_in_the_trace_with_its_offset(daemon):
    with Peer(daemon) as peer:
        lane = Lane(peer, 0)
        number = context_row(daemon, lane).id
        with tracing(daemon) as result:
            serial = lane.submit(fills(1, 4) + spin(FOR_EVER))
            peer.sync()
            until(lambda: context_row(daemon, lane).on_hardware)
            kill_gpu_processes(daemon)
            peer.wait_fence(lane.context, serial)
    bar, = result.trace.bars_called("execute (lost)", context=number)
    assert bar.args["serial"] == serial, bar
    assert result.trace.points("fault"), result.trace.events


def what_is_cancelled_is_dropped_in_the_trace(daemon):
    with Peer(daemon) as peer:
        lane = Lane(peer, 0)
        row = context_row(daemon, lane)
        with tracing(daemon) as result:
            serials = [lane.submit(spin(50000)) for _ in range(40)]
            peer.sync()
            assert control(daemon, "kill", "device", row.device).returncode == 0
            peer.wait_fence(lane.context, serials[-1])
    dropped = {event["args"]["serial"] for event in result.trace.points("dropped")}
    executed = {bar.args["serial"] for bar in result.trace.bars_called("execute", context=row.id)}
    assert serials[-1] in dropped and not dropped & executed, (dropped, executed)


# ---------------------------------------------------------------- who has it, and how much


def a_trace_is_one_connections(daemon):
    with Peer(daemon, features=1) as first, Peer(daemon, features=1) as second:
        refused(second, second.request("ADMIN_TRACE", action=READ), "NOT_FOUND")
        refused(second, second.request("ADMIN_TRACE", action=STOP), "NOT_FOUND")
        for action in (0, 4, 1 << 31):
            refused(second, second.request("ADMIN_TRACE", action=action), "INVALID_PARAMETER")
        first.wait(first.request("ADMIN_TRACE", action=START))
        refused(first, first.request("ADMIN_TRACE", action=START), "GRAPHICS_TRY_AGAIN_LATER")
        refused(second, second.request("ADMIN_TRACE", action=START), "GRAPHICS_TRY_AGAIN_LATER")
        refused(second, second.request("ADMIN_TRACE", action=READ), "NOT_FOUND")
        with tempfile.TemporaryDirectory() as folder:
            expect(control(daemon, "trace", "-t", "1", "-o", f"{folder}/x"), 1, "another connection")
        answer = first.wait(first.request("ADMIN_TRACE", action=STOP)).answer
        assert not answer.more, answer
        refused(first, first.request("ADMIN_TRACE", action=READ), "NOT_FOUND")
        second.wait(second.request("ADMIN_TRACE", action=START))
        second.reset()
        until(lambda: first.settle(first.request("ADMIN_TRACE", action=START)).status == 0)


def a_reader_that_is_slow_loses_events_and_holds_nobody_up(daemon):
    with Peer(daemon) as peer, Peer(daemon, features=1) as reader:
        lane = Lane(peer, 0)
        reader.wait(reader.request("ADMIN_TRACE", action=START))
        frame = [lane.submission(wire.nop())] * 4096
        for _ in range(RING_EVENTS // (3 * 4096) + 2):
            last = peer.submit(*frame)[-1].serial
        lane.ends(last)
        events, lost = [], 0
        while True:
            answer = reader.wait(reader.request("ADMIN_TRACE", action=READ)).answer
            assert len(answer.events) <= 4096, len(answer.events)
            events += answer.events
            lost = answer.lost
            if not answer.more:
                break
        assert len(events) == RING_EVENTS and lost > 0, (len(events), lost)
        times = [event.time_ns for event in events]
        assert times == sorted(times)
        lane.ends(lane.submit(fills(1, 4)))
        more = reader.wait(reader.request("ADMIN_TRACE", action=STOP)).answer
        assert more.events[0].kind == LOST and more.events[0].value == lost == more.lost, more
        assert {event.serial for event in more.events[1:]} == {peer.serial}, more


def nobody_else_traces(daemon):
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o777)
        expect(control(daemon, "trace", "-t", "1", "-o", f"{folder}/x", uid=NOBODY), 1, "uid 0")


def a_trace_ends_by_itself_after_its_time(daemon):
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder, "trace.json")
        result = control(daemon, "trace", "--time", "0.2", "--output", path)
        assert result.returncode == 0 and result.stderr == "", result
        assert "events_lost" in result.stdout and str(path) in result.stdout, result
        Trace(path)


def faults_of_a_trace_are_told(daemon):
    with tempfile.TemporaryDirectory() as folder:
        for words, word in ((("trace",), "--output"), (("trace", "-o", "x", "1"), "trace"),
                            (("trace", "-o", "x", "-t", "soon"), "soon"),
                            (("trace", "-o", "x", "-t", "0"), "0"),
                            (("status", "-o", "x"), "status"), (("status", "-t", "1"), "status")):
            expect(control(daemon, *words, cwd=folder), 2, word)
        expect(control(daemon, "trace", "-t", "1", "-o", "nowhere/x", cwd=folder), 1, "nowhere/x")
        expect(control(daemon, "trace", "-t", "0.01", "-o", "/dev/full", cwd=folder), 1, "/dev/full")
        assert not list(pathlib.Path(folder).iterdir())


def what_was_traced_is_there_when_the_daemon_goes_away(_daemon):
    with tempfile.TemporaryDirectory() as folder, Daemon() as daemon, Peer(daemon) as peer:
        lane = Lane(peer, 0)
        path = f"{folder}/trace.json"
        tool = subprocess.Popen(
            [program("penstockctl"), f"--server=unix:{daemon.socket}", "trace", "-o", path],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, preexec_fn=die_with_us)
        assert "tracing" in tool.stderr.readline()
        lane.ends(lane.submit(fills(1, 4)))
        # it has them when it has asked once more: then the next is not there any more
        with Peer(daemon, features=1) as observer:
            frames = lambda: int(next(
                line.split()[1] for line in
                observer.wait(observer.request("ADMIN_METRICS")).answer.text.splitlines()
                if line.startswith("penstock_frames_total ")))
            before, own = frames(), 1
            while frames() < before + own + 3:
                own += 1
        peer.close()
        daemon.stop()
        out, err = tool.communicate(timeout=PATIENCE_S)
        assert tool.returncode == 1 and err, (out, err)
        assert Trace(path).bars_called("execute"), out
        daemon.start()


if __name__ == "__main__":
    run([a_trace_has_a_lane_for_each_queue_and_each_node,
         C9_rendering_the_next_overlaps_executing_this,
         D5_preemptions_are_in_the_trace,
    B15_the_parts_of_a_split_submission_are_in_the_trace,
         B7_what_is_moved_is_in_the_trace_with_its_allocation,
         E2_a_hang_and_its_reset_are_in_the_trace,
         E4_an_adapter_reset_is_in_the_trace_in_all_lanes_of_its_gpu,
         E1_a_fault_is_in_the_trace_with_its_offset,
         what_is_cancelled_is_dropped_in_the_trace,
         a_trace_is_one_connections,
         a_reader_that_is_slow_loses_events_and_holds_nobody_up,
         nobody_else_traces,
         a_trace_ends_by_itself_after_its_time,
         faults_of_a_trace_are_told,
         what_was_traced_is_there_when_the_daemon_goes_away],
        lambda: Daemon("--test-instructions"))
