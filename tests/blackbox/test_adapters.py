#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Several adapters in one daemon: what one loses the others keep; each has its own memory,
queues and rows; a session spans them; a restart brings them back, or with others than before."""

import contextlib
import itertools
import json
import os
import pathlib
import re
import signal
import tempfile

import wire
from peer import PATIENCE_S, STATUS, Daemon, Peer, refused, run
from tools import control, expect, penstock, report, run_tool, wait_for_end

SMALL = "local-memory = 32M\naperture-memory = 32M\n"


class Adapters(Daemon):
    """A daemon with a configuration file of its own, which may be another at the next start."""

    def __init__(self, *sections, options=()):
        self.folder = tempfile.TemporaryDirectory(prefix="penstock-adapters-")
        self.file = pathlib.Path(self.folder.name, "penstockd.conf")
        self.configure(*sections)
        super().__init__(f"--config={self.file}", *options)

    def configure(self, *sections):
        """The further adapters."""
        text = f"[adapter]\n{SMALL}"
        for number, section in enumerate(sections, 1):
            text += f"[adapter {number}]\n{section}"
        self.file.write_text(text)

    def __exit__(self, *reason):
        super().__exit__(*reason)
        self.folder.cleanup()


class Bench:
    """A device, a context and an allocation on one adapter."""

    def __init__(self, peer, adapter):
        self.peer, self.adapter = peer, adapter
        self.device = peer.device(adapter=adapter)
        self.context = peer.context(self.device)
        self.memory = peer.allocation(self.device, 65536)

    def fill(self, pattern):
        return self.peer.submit(wire.submission(
            self.context, wire.fill(0, 0, 65536, pattern), [(self.memory, True)]))

    def ended(self, pending):
        """How it ended: by its fence, or by a refusal where the adapter was faster."""
        while pending.status in (None, STATUS["SUCCESS"]):
            for fence in self.peer.fences:
                if fence.context == self.context and fence.fence >= pending.serial:
                    return fence.status
            self.peer.take()
        return pending.status

    def works(self, pattern):
        assert self.ended(self.fill(pattern)) == STATUS["SUCCESS"]
        self.holds(pattern)

    def holds(self, pattern):
        data = self.peer.read(self.memory, 65536)
        assert data == pattern.to_bytes(4, "little") * 16384, data[:16]

    def state(self):
        return self.peer.wait(self.peer.request("QUERY_DEVICE", name=self.device)).answer

    def on(self, peer):
        """The same objects over another connection of the session."""
        self.peer = peer
        return self


def no_device(peer, adapter, status):
    """None can be made there; the name is free for what is made next."""
    index = next(peer.indices)
    peer.indices = itertools.chain((index,), peer.indices)
    return refused(peer, peer.request("CREATE_DEVICE", name=index | 1 << 32, adapter=adapter),
                   status)


def adapters(daemon):
    return report(daemon, "status")["adapters"]


def reports(daemon, adapter, failure):
    """The adapter has stopped and says why; nobody else has."""
    for row in adapters(daemon):
        if row["adapter"] == adapter:
            assert row["state"] == "failed" and failure in row["failure"], row
        else:
            assert row["state"] == "running" and row["failure"] == "", row
            assert row["devices_lost"] == 0, row
    lines = [line for line in pathlib.Path(daemon.log).read_text().splitlines()
             if "adapter failed" in line]
    assert len(lines) == 1 and f"adapter={adapter} " in lines[0] and failure in lines[0], lines


# ---------------------------------------------------------------- failure


def C8_an_impossible_fence_stops_its_adapter_and_the_other_goes_on():
    with Adapters("backend = faulty\nfaults = 2:invented:1000\n") as daemon, \
            Peer(daemon) as peer, Peer(daemon) as idle:
        good, bad = Bench(peer, 0), Bench(peer, 1)
        other = Bench(idle, 1)
        good.works(1)
        under_way = good.fill(2)
        assert bad.ended(bad.fill(3)) == STATUS["DEVICE_REMOVED"]
        assert good.ended(under_way) == STATUS["SUCCESS"]
        good.holds(2)
        reports(daemon, 1, "0x119/1: ")
        for lost in (bad, other):
            state = lost.state()
            assert state.execution_state == 4 and "0x119/1: " in state.reason, state
            refused(lost.peer, lost.fill(4), "DEVICE_REMOVED")
        refusal = no_device(idle, 1, "DEVICE_REMOVED")
        assert "the adapter has stopped: 0x119/1: " in refusal.sentence, refusal
        # the session of who was on the failed one works on the other
        Bench(idle, 0).works(5)
        good.works(6)
        with Peer(daemon) as late:
            Bench(late, 0).works(7)
        rows = report(daemon, "contexts")["contexts"]
        assert {row["adapter"]: row["state"] for row in rows} == {0: "active", 1: "stopped"}, rows


def E10_a_burst_on_one_adapter_ends_in_order_while_the_other_stops():
    with Adapters("backend = faulty\nfaults = 9:adapter\n") as daemon, \
            Peer(daemon) as peer, Peer(daemon) as victim:
        good, bad = Bench(peer, 0), Bench(victim, 1)
        burst = [good.fill(i) for i in range(200)]
        doomed = [bad.fill(i) for i in range(50)]
        ends = [bad.ended(pending) for pending in doomed]
        assert ends[-1] == STATUS["DEVICE_REMOVED"], ends
        assert good.ended(burst[-1]) == STATUS["SUCCESS"]
        good.holds(199)
        fences = [fence.fence for fence in peer.fences]
        assert fences == sorted(fences) and all(
            fence.status == STATUS["SUCCESS"] for fence in peer.fences), peer.fences
        reports(daemon, 1, "on order")


def E10_the_gpu_processes_of_one_adapter_die_and_those_of_the_other_do_not():
    with Adapters("") as daemon, Peer(daemon) as peer:
        benches = [Bench(peer, 0), Bench(peer, 1)]
        for bench in benches:
            bench.works(1)
        systems = [row["system_process"] for row in adapters(daemon)]
        assert len(set(systems)) == 2 and all(systems), systems
        os.kill(systems[1], signal.SIGKILL)
        wait_for_end(systems[1])
        for bench in benches:
            bench.works(2)
            # pages again, which is what a system process is for
            fresh = Bench(peer, bench.adapter)
            fresh.works(3)
        rows = adapters(daemon)
        assert [row["state"] for row in rows] == ["running"] * 2, rows
        assert rows[0]["system_process"] == systems[0], rows
        assert rows[1]["system_process"] != systems[1], rows


# ---------------------------------------------------------------- what is of one adapter


def each_adapter_has_its_own_memory_and_queues():
    with Adapters("local-memory = 16M\n", "backend = null\n") as daemon, Peer(daemon) as peer:
        welcome = peer.welcome.adapters
        assert [adapter.index for adapter in welcome] == [0, 1, 2], welcome
        sizes = [adapter.segments[0].size_bytes for adapter in welcome]
        assert sizes == [32 << 20, 16 << 20, 32 << 20], sizes
        # where the GPU can be taken away: between draws and dispatches, or DMA buffers
        for field in ("graphics_preemption", "compute_preemption"):
            assert [getattr(adapter, field) for adapter in welcome] == [200, 200, 100], welcome
        benches = [Bench(peer, adapter) for adapter in range(3)]
        for bench in benches:
            assert bench.ended(bench.fill(7 + bench.adapter)) == STATUS["SUCCESS"]
        benches[0].holds(7)
        benches[1].holds(8)
        for command, table, per_adapter in (("segments", "segments", 2), ("queues", "nodes", 2),
                                            ("contexts", "contexts", 1),
                                            ("allocations", "allocations", 1)):
            rows = [row["adapter"] for row in report(daemon, command)[table]]
            assert sorted(rows) == sorted([0, 1, 2] * per_adapter), (command, rows)
        segments = [row for row in report(daemon, "segments")["segments"]
                    if row["kind"] == "local"]
        assert [row["size"] for row in segments] == sizes, segments
        assert [row["backend"] for row in adapters(daemon)] == ["emulated", "emulated", "null"]
        metrics = peer.wait(peer.request("ADMIN_METRICS")).answer.text
        for adapter in range(3):
            for name in ("adapter_running", "devices", "contexts", "allocations"):
                assert f'penstock_{name}{{adapter="{adapter}"}} 1\n' in metrics, metrics


def an_allocation_is_not_opened_on_another_adapter():
    with Adapters("") as daemon, Peer(daemon) as peer, Peer(daemon) as second:
        token = peer.share(Bench(peer, 0).memory)
        devices = [second.device(adapter=adapter) for adapter in range(2)]
        name, pending = second.open(devices[1], token)
        refusal = refused(second, pending, "GRAPHICS_WRONG_ALLOCATION_DEVICE")
        assert "adapter 0" in refusal.sentence and "adapter 1" in refusal.sentence, refusal
        second.wait(second.open(devices[0], token, name=name)[1])


def a_quota_is_over_all_adapters():
    with Adapters("", options=("--principal-memory=8M",)) as daemon, Peer(daemon) as peer:
        devices = [peer.device(adapter=adapter) for adapter in range(2)]
        first = peer.allocation(devices[0], 5 << 20)
        name = peer.name()
        fields = {"name": name, "device": devices[1], "size_bytes": 5 << 20}
        refusal = refused(peer, peer.request("CREATE_ALLOCATION", **fields), "NO_MEMORY")
        assert "quota" in refusal.sentence, refusal
        peer.wait(peer.request("DESTROY", name=first))
        # its pages go on a later turn
        for _ in range(int(PATIENCE_S * 100)):
            if peer.settle(peer.request("CREATE_ALLOCATION", **fields)).status == 0:
                break
            peer.wait(peer.request("ADMIN_STATUS"))
        else:
            raise AssertionError("the quota is not given back")
        principal = report(daemon, "status")["principals"][0]
        assert principal["memory"] == 5 << 20 and principal["quota"] == 8 << 20, principal


# ---------------------------------------------------------------- restart


def leased(daemon, count):
    peer = Peer(daemon, lease_s=60)
    benches = [Bench(peer, adapter) for adapter in range(count)]
    for bench in benches:
        bench.works(0x50 + bench.adapter)
    peer.sync()
    return peer, benches


@contextlib.contextmanager
def again(daemon, peer, benches):
    """Killed and started: the session, over a new connection."""
    daemon.kill()
    peer.close()
    daemon.start()
    with Peer(daemon, **peer.id) as resumed:
        assert resumed.welcome.resumed
        resumed.indices = peer.indices
        for bench in benches:
            bench.on(resumed)
        yield resumed


def a_restart_brings_back_what_every_adapter_had():
    with Adapters("") as daemon:
        peer, benches = leased(daemon, 2)
        with again(daemon, peer, benches):
            for bench in benches:
                bench.holds(0x50 + bench.adapter)
                assert bench.state().execution_state == 1
                bench.works(0x60 + bench.adapter)


def what_failed_runs_again_after_a_restart_and_the_other_never_stopped():
    with Adapters("backend = faulty\nfaults = 40:adapter\n") as daemon:
        peer, benches = leased_on_faulty(daemon)
        for i in range(60):
            if benches[1].ended(benches[1].fill(i)) != STATUS["SUCCESS"]:
                break
        reports(daemon, 1, "on order")
        with again(daemon, peer, benches) as resumed:
            benches[0].holds(0x50)
            benches[0].works(0x70)
            assert benches[1].state().execution_state == 4
            assert [row["state"] for row in adapters(daemon)] == ["running"] * 2
            fresh = Bench(resumed, 1)
            assert fresh.ended(fresh.fill(1)) == STATUS["SUCCESS"]


def leased_on_faulty(daemon):
    """Nothing is executed there: what would be read is not looked at."""
    peer = Peer(daemon, lease_s=60)
    benches = [Bench(peer, adapter) for adapter in range(2)]
    benches[0].works(0x50)
    assert benches[1].ended(benches[1].fill(1)) == STATUS["SUCCESS"]
    peer.sync()
    return peer, benches


def an_adapter_that_is_configured_no_more_loses_its_devices_only():
    with Adapters("", "") as daemon:
        peer, benches = leased(daemon, 3)
        memory = pathlib.Path(daemon.directory, "memory")
        assert (memory / "adapter-2" / "locations").exists()
        daemon.configure("")
        with again(daemon, peer, benches) as resumed:
            assert not (memory / "adapter-2").exists()
            for bench in benches[:2]:
                bench.holds(0x50 + bench.adapter)
            state = benches[2].state()
            assert state.execution_state == 4, state
            assert "configuration" in state.reason, state
            refused(resumed, benches[2].fill(1), "DEVICE_REMOVED")
            refusal = no_device(resumed, 2, "NOT_FOUND")
            assert "there is no adapter 2" in refusal.sentence, refusal
            assert [row["adapter"] for row in adapters(daemon)] == [0, 1]
            control(daemon, "contexts")
            last = resumed
        # and it comes back: what was lost stays lost, what is new works
        daemon.configure("", "", "")
        with again(daemon, last, benches) as resumed:
            for bench in benches[:2]:
                bench.holds(0x50 + bench.adapter)
            assert benches[2].state().execution_state == 4
            for name in (benches[2].memory, benches[2].context, benches[2].device):
                resumed.wait(resumed.request("DESTROY", name=name))
            Bench(resumed, 2).works(1)
            Bench(resumed, 3).works(2)


def a_memory_folder_that_is_gone_loses_that_adapters_contents_only():
    with Adapters("") as daemon:
        peer, benches = leased(daemon, 2)
        daemon.kill()
        folder = pathlib.Path(daemon.directory, "memory", "adapter-1")
        for path in folder.iterdir():
            path.unlink()
        with again(daemon, peer, benches) as resumed:
            benches[0].holds(0x50)
            state = benches[1].state()
            assert state.execution_state == 2 and "contents" in state.reason, state
            Bench(resumed, 1).works(3)


# ---------------------------------------------------------------- configuration and tools


def a_configuration_says_what_its_adapters_are():
    with Adapters("backend = null\n", "paranoid = yes\nlocal-memory = 1M\n") as daemon:
        result = run_tool("penstockd", f"--config={daemon.file}", "--check-config",
                          *daemon.options[:3])
        assert result.returncode == 0, result
        assert result.stdout.splitlines()[1:] == [
            f"adapter 0: backend=emulated local={32 << 20} aperture={32 << 20}",
            f"adapter 1: backend=null local={32 << 20} aperture={32 << 20}",
            f"adapter 2: backend=emulated local={1 << 20} aperture={32 << 20}"], result
        log = pathlib.Path(daemon.log).read_text()
        assert "ready" in log and "adapters=3" in log, log


def an_adapter_that_cannot_start_is_said_and_nothing_starts():
    with Adapters("") as daemon:
        daemon.stop()
        pathlib.Path(daemon.directory, "memory", "adapter-1").rename(
            pathlib.Path(daemon.directory, "elsewhere"))
        pathlib.Path(daemon.directory, "memory", "adapter-1").write_text("in the way")
        result = run_tool("penstockd", *daemon.options)
        assert result.returncode == 1, result
        assert re.search(r"cannot start: .*adapter-1.* no folder", result.stderr), result
        pathlib.Path(daemon.directory, "memory", "adapter-1").unlink()
        daemon.start()


def the_tool_runs_on_the_adapter_that_it_is_told():
    script = ("device gpu\ncontext work\nallocation data size=4096\n"
              "submit work {\n\tlist data:w\n\tfill destination=@data size=8 pattern=1\n}\n"
              "expect SUCCESS\n")
    with Adapters("backend = null\n") as daemon, \
            tempfile.NamedTemporaryFile("w", suffix=".pasm") as file:
        file.write(script + "expect bytes data hex=[01 00 00 00 01 00 00 00]\n")
        file.flush()
        assert penstock(daemon, "run", file.name).returncode == 0
        # the null adapter executes nothing: what the script expects is not there
        assert penstock(daemon, "run", "--adapter", 1, file.name).returncode == 1
        expect(penstock(daemon, "run", "--adapter", "one", file.name), 2, "adapter")
        result = penstock(daemon, "run", "--adapter", 2, file.name)
        assert result.returncode == 1 and "there is no adapter 2" in result.stderr, result
        info = json.loads(penstock(daemon, "info", "--json").stdout)
        assert [row["adapter"] for row in info["adapters"]] == [0, 1], info
        for adapter in range(2):
            result = penstock(daemon, "bench", "--seconds", 0.05, "--adapter", adapter)
            assert result.returncode == 0, result
        queues = report(daemon, "queues")["nodes"]
        assert all(row["packets"] > 0 for row in queues if row["node"] == 0), queues


if __name__ == "__main__":
    run([
        C8_an_impossible_fence_stops_its_adapter_and_the_other_goes_on,
        E10_a_burst_on_one_adapter_ends_in_order_while_the_other_stops,
        E10_the_gpu_processes_of_one_adapter_die_and_those_of_the_other_do_not,
        each_adapter_has_its_own_memory_and_queues,
        an_allocation_is_not_opened_on_another_adapter,
        a_quota_is_over_all_adapters,
        a_restart_brings_back_what_every_adapter_had,
        what_failed_runs_again_after_a_restart_and_the_other_never_stopped,
        an_adapter_that_is_configured_no_more_loses_its_devices_only,
        a_memory_folder_that_is_gone_loses_that_adapters_contents_only,
        a_configuration_says_what_its_adapters_are,
        an_adapter_that_cannot_start_is_said_and_nothing_starts,
        the_tool_runs_on_the_adapter_that_it_is_told,
    ])
