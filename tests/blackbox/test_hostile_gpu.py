#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""GPU processes that mean harm, in place of penstock-gpu: tests/gpu/hostile.c. Whatever they do to
what they were handed, the daemon lives, says so, and who has another GPU process works on."""

import contextlib
import os
import pathlib
import re
import shutil
import tempfile
import time

import wire
from peer import BUILD, PATIENCE_S, STATUS, Daemon, Peer, Skip, program, refused, run
from tools import report

STARTS = 50  # of a daemon, until its processes begin in the order that is wanted
ENDED_BADLY = (STATUS["DEVICE_REMOVED"], STATUS["GRAPHICS_GPU_EXCEPTION_ON_DEVICE"])


@contextlib.contextmanager
def hostile(what, number, *options):
    """A daemon whose GPU program does `what` in its number-th process, 0: in all."""
    binary = BUILD / "tests" / "gpu" / "hostile"
    if not binary.exists():
        raise Skip("tests/gpu/hostile is not built")
    folder = pathlib.Path(tempfile.mkdtemp(prefix="penstock-hostile-"))
    try:
        name = folder / f"hostile-{what}-{number}"
        os.symlink(binary, name)
        os.symlink(program("penstock-gpu"), folder / "penstock-gpu")
        with Daemon("--listen=127.0.0.1:0", f"--gpu-program={name}", *options) as daemon:
            daemon.gpu_name = name
            port = int(re.search(r"port=(\d+)", pathlib.Path(daemon.log).read_text()).group(1))
            daemon.tcp = ("127.0.0.1", port)
            yield daemon
            daemon.check_alive()
    finally:
        shutil.rmtree(folder)


def wait_for_process(daemon, number):
    """Until the daemon's number-th GPU process has begun."""
    path = pathlib.Path(f"{daemon.gpu_name}.{number}")
    end = time.monotonic() + PATIENCE_S
    while not path.exists():
        assert time.monotonic() < end, f"there is no process {number}"
        time.sleep(0.01)


def wait_for_failure(daemon):
    """Until the adapter has stopped; its status."""
    end = time.monotonic() + PATIENCE_S
    while True:
        status = report(daemon, "status")["status"]
        if status["adapter"] == "failed":
            return status
        assert time.monotonic() < end, status


class Tenant:
    """A client with a device, a context and an allocation."""

    def __init__(self, daemon, address=None):
        self.peer = Peer(daemon, address=address)
        self.set_up()

    def set_up(self):
        self.device = self.peer.device()
        self.context = self.peer.context(self.device)
        self.memory = self.peer.allocation(self.device, 65536)
        self.peer.sync()

    def fill(self, pattern):
        return self.peer.submit(wire.submission(
            self.context, wire.fill(0, 0, 65536, pattern), [(self.memory, True)]))

    def run(self, pattern):
        """Submits, and returns how it ended."""
        return self.peer.wait_fence(self.context, self.fill(pattern).serial)

    def works(self, pattern):
        assert self.run(pattern) == STATUS["SUCCESS"]
        data = self.peer.read(self.memory, 65536)
        assert data == pattern.to_bytes(4, "little") * 16384, data[:16]

    def state(self):
        return self.peer.wait(self.peer.request("QUERY_DEVICE", name=self.device)).answer

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.peer.close()


def has_stopped(daemon, tenants):
    """The adapter has, with a report, and nothing else."""
    status = report(daemon, "status")["status"]
    assert status["adapter"] == "failed" and status["failure"], status
    assert re.match(r"0x1(19|0E)/", status["failure"]), status
    for tenant in tenants:
        state = tenant.state()
        assert state.execution_state != 1, state
        for request in (tenant.fill(1), tenant.peer.request("CREATE_DEVICE",
                                                            name=tenant.peer.name())):
            refusal = refused(tenant.peer, request, "DEVICE_REMOVED")
            assert refusal.sentence, refusal
        tenant.peer.sync()
    for command in ("contexts", "allocations", "segments", "queues"):
        report(daemon, command)


# ---------------------------------------------------------------- all of them


def E10_0x119_1_a_gpu_that_scribbles_over_everything_stops_its_adapter():
    for what in ("scribble", "ones", "flip"):
        with hostile(what, 0) as daemon, Tenant(daemon) as tenant, \
                Tenant(daemon, daemon.tcp) as other:
            assert tenant.run(1) in ENDED_BADLY, what
            has_stopped(daemon, [tenant, other])


def try_both(daemon):
    """Two clients, whose work and devices may be lost; their own processes may have ended that
    often before the one that pages has."""
    for address in (None, daemon.tcp):
        with Tenant(daemon, address) as tenant:
            submission = tenant.peer.settle(tenant.fill(1))
            # refused, where the adapter is being reset or has stopped
            if submission.status == STATUS["SUCCESS"]:
                ended = tenant.peer.wait_fence(tenant.context, submission.serial)
                assert ended in ENDED_BADLY, ended
                assert tenant.state().execution_state != 1


def E3_E4_a_gpu_that_ends_whenever_it_pages_has_its_adapter_reset_and_at_last_stopped():
    """Every device of it is lost by that, and a new one is what the next try needs."""
    for what in ("quit", "absent"):
        with hostile(what, 0, "--tdr-limit-count=2", "--tdr-limit-time=86400") as daemon:
            end = time.monotonic() + 2 * PATIENCE_S
            while report(daemon, "status")["status"]["adapter"] != "failed":
                assert time.monotonic() < end, what
                try_both(daemon)
            status = wait_for_failure(daemon)
            assert status["failure"] == "reset more than 2 times in 86400 s: the system process " \
                "ends or hangs whenever it pages", status
            assert report(daemon, "status")["adapters"][0]["resets"] == 3
            events = [row["event"] for row in report(daemon, "reports")["reports"]]
            assert events.count("reset-adapter") == 2 and "stopped-adapter" in events, events
            log = pathlib.Path(daemon.log).read_text()
            assert log.count("adapter restarted") == 2, log


def a_gpu_that_ends_with_what_it_draws_costs_a_device_each_time():
    for what in ("leave", "crash"):
        with hostile(what, 0) as daemon, Tenant(daemon) as tenant:
            for _ in range(3):
                assert tenant.run(1) == STATUS["GRAPHICS_GPU_EXCEPTION_ON_DEVICE"], what
                tenant.set_up()
            assert report(daemon, "status")["status"]["adapter"] == "running"


def a_gpu_that_hangs_holds_up_its_work_and_nothing_else():
    with hostile("hang", 0) as daemon, Tenant(daemon) as tenant, \
            Tenant(daemon, daemon.tcp) as other:
        submissions = [tenant.fill(1), other.fill(2)]
        for client, submission in zip((tenant, other), submissions):
            client.peer.sync()
            assert submission.status == STATUS["SUCCESS"] and not client.peer.fences
        status = report(daemon, "status")["status"]
        assert status["adapter"] == "running" and status["submissions_held"] == 2, status


def C7_a_gpu_that_never_rings_is_found_out_by_asking():
    with hostile("silent", 0) as daemon, Tenant(daemon) as tenant:
        for i in range(2):
            assert tenant.run(i) == STATUS["SUCCESS"]


def a_gpu_that_floods_with_interrupts_or_takes_them_away_stops_nobody():
    for what in ("flood", "steal"):
        with hostile(what, 0) as daemon, Tenant(daemon) as tenant:
            for i in range(20):
                assert tenant.run(i) == STATUS["SUCCESS"], what
            report(daemon, "status")


# ---------------------------------------------------------------- one principal's


def used_processes(daemon):
    """Until the first tenant has a process, and there is one that pages: their pids. None where the
    adapter has stopped, or the tenant's process was the hostile one and has ended already."""
    end = time.monotonic() + PATIENCE_S
    while True:
        status = report(daemon, "status")
        used = [status["status"]["system_process"], status["principals"][0]["gpu_process"]]
        if status["status"]["adapter"] != "running" or status["status"]["devices_lost"] > 0:
            return None
        if 0 not in used:
            return used
        assert time.monotonic() < end, status
        time.sleep(0.01)


def third_is_idle(daemon, honest):
    """The honest one works, with its process and the one that pages, and the third process is the
    one that waits to be somebody's: of several that are started at once, any may be third."""
    submission = honest.fill(1)
    wait_for_process(daemon, 3)
    third = int(pathlib.Path(f"{daemon.gpu_name}.3").read_text() or 0)
    used = used_processes(daemon)
    if used is None or third in (0, *used):
        return False
    return honest.peer.wait_fence(honest.context, submission.serial) == STATUS["SUCCESS"]


@contextlib.contextmanager
def two_tenants(what):
    """One with an honest GPU process, which has worked; one whose process is going to be hostile."""
    for _ in range(STARTS):
        with hostile(what, 3) as daemon, Tenant(daemon) as honest:
            if third_is_idle(daemon, honest):
                with Tenant(daemon, daemon.tcp) as victim:
                    yield daemon, honest, victim
                return
    raise AssertionError(f"the third process of {STARTS} daemons was never the one that waits")


def a_principals_gpu_that_ends_is_not_the_others():
    for what in ("leave", "crash"):
        with two_tenants(what) as (daemon, honest, victim):
            submission = victim.fill(2)
            honest.works(3)
            status = victim.peer.wait_fence(victim.context, submission.serial)
            assert status == STATUS["GRAPHICS_GPU_EXCEPTION_ON_DEVICE"], what
            state = victim.state()
            assert state.execution_state == 6 and "GPU process" in state.reason, state
            victim.set_up()
            victim.works(4)
            honest.works(5)
            assert report(daemon, "status")["status"]["devices_lost"] == 1


def a_principals_gpu_that_ends_over_a_paging_packet_is_started_again():
    with two_tenants("quit") as (daemon, honest, victim):
        victim.works(2)
        honest.works(3)
        assert report(daemon, "status")["status"]["devices_lost"] == 0


def a_principals_gpu_that_hangs_is_not_the_others():
    with two_tenants("hang") as (daemon, honest, victim):
        victim.fill(2)
        for i in range(5):
            honest.works(3 + i)
        victim.peer.sync()
        assert not victim.peer.fences
        assert report(daemon, "status")["status"]["adapter"] == "running"


def a_principals_gpu_that_does_nothing_or_floods_is_not_the_others():
    for what in ("flood", "silent", "steal"):
        with two_tenants(what) as (daemon, honest, victim):
            for i in range(3):
                assert victim.run(2) == STATUS["SUCCESS"], what
                honest.works(3 + i)
            assert report(daemon, "status")["status"]["adapter"] == "running"


def a_principals_gpu_that_shortens_its_files_costs_its_principal_only():
    with two_tenants("shorten") as (daemon, honest, victim):
        end = time.monotonic() + PATIENCE_S
        while victim.run(2) != STATUS["GRAPHICS_GPU_EXCEPTION_ON_DEVICE"]:
            assert time.monotonic() < end, "its submissions still succeed"
        honest.works(3)
        assert report(daemon, "status")["status"]["adapter"] == "running"


def C8_a_principals_gpu_that_lies_stops_the_adapter_and_is_not_believed():
    for what in ("scribble", "ones", "flip"):
        with two_tenants(what) as (daemon, honest, victim):
            assert victim.run(2) in ENDED_BADLY, what
            has_stopped(daemon, [honest, victim])


if __name__ == "__main__":
    run([E10_0x119_1_a_gpu_that_scribbles_over_everything_stops_its_adapter,
         E3_E4_a_gpu_that_ends_whenever_it_pages_has_its_adapter_reset_and_at_last_stopped,
         a_gpu_that_ends_with_what_it_draws_costs_a_device_each_time,
         a_gpu_that_hangs_holds_up_its_work_and_nothing_else,
         C7_a_gpu_that_never_rings_is_found_out_by_asking,
         a_gpu_that_floods_with_interrupts_or_takes_them_away_stops_nobody,
         a_principals_gpu_that_ends_is_not_the_others,
         a_principals_gpu_that_ends_over_a_paging_packet_is_started_again,
         a_principals_gpu_that_hangs_is_not_the_others,
         a_principals_gpu_that_does_nothing_or_floods_is_not_the_others,
         a_principals_gpu_that_shortens_its_files_costs_its_principal_only,
         C8_a_principals_gpu_that_lies_stops_the_adapter_and_is_not_believed])
