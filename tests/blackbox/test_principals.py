#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Principals beside each other: one draws and compares, the others, hostile, do what they can to
disturb it. GPU processes are looked at from outside, and killed.

SOAK_SECONDS says how long the two go on (4); SOAK_SEED repeats a run's decisions."""

import contextlib
import os
import pathlib
import random
import re
import signal
import struct
import time
import traceback

import wire
from peer import PATIENCE_S, Closed, Daemon, Peer, Refused, Skip, run
from tools import NOBODY, gpu_processes_of, report, wait_for_end

SECONDS = float(os.environ.get("SOAK_SECONDS") or 4)
SEED = int(os.environ.get("SOAK_SEED") or random.SystemRandom().randrange(1 << 32))
SPIN = 6
TRIES = 100000  # of a condition that is asked for by a round trip each time
OPTIONS = ("--test-instructions", "--local-memory=256M", "--aperture-memory=256M",
           "--principal-memory=96M", "--paranoid")


def spin(microseconds):
    return wire.instruction(SPIN, microseconds.to_bytes(4, "little"))


# ---------------------------------------------------------------- the one that draws


class Painter:
    """A picture and a buffer on the daemon, and what they must look like."""

    WIDTH = HEIGHT = 96
    PITCH = WIDTH * 4
    SIZE = PITCH * HEIGHT

    def __init__(self, daemon, generator):
        self.generator = generator
        self.peer = Peer(daemon)
        self.device = self.peer.device()
        self.gdi = self.peer.context(self.device, flags=2)
        self.work = self.peer.context(self.device)
        self.pictures = 0
        self.start_again()

    def start_again(self):
        """New allocations, which nobody's bytes are in."""
        self.picture = self.peer.allocation(self.device, 0, width=self.WIDTH, height=self.HEIGHT,
                                            format=1, surface_type=1, pitch_bytes=self.PITCH)
        self.buffer = self.peer.allocation(self.device, self.SIZE)
        self.pixels = bytearray(self.SIZE)
        self.bytes = bytearray(self.SIZE)

    def paint(self):
        left, right = sorted(self.generator.sample(range(self.WIDTH + 1), 2))
        top, bottom = sorted(self.generator.sample(range(self.HEIGHT + 1), 2))
        color = self.generator.getrandbits(32)
        row = struct.pack("<I", color) * (right - left)
        for y in range(top, bottom):
            at = y * self.PITCH + left * 4
            self.pixels[at:at + len(row)] = row
        return self.submit(self.gdi, wire.colorfill(0, (left, top, right, bottom), color),
                           [(self.picture, True)], wire.RENDER_KM)

    def compute(self):
        """A fill, an update and a copy in one command buffer, which depend on each other."""
        size = self.generator.randrange(4, 4096, 4)
        at = self.generator.randrange(0, self.SIZE - 2 * size, 4)
        pattern, extra = self.generator.getrandbits(32), self.generator.getrandbits(32)
        self.bytes[at:at + size] = struct.pack("<I", pattern) * (size // 4)
        self.bytes[at:at + 4] = struct.pack("<I", extra)
        self.bytes[at + size:at + 2 * size] = self.bytes[at:at + size]
        return self.submit(self.work, wire.fill(0, at, size, pattern) +
                           wire.update(0, at, [extra]) + wire.copy(0, at, 0, at + size, size),
                           [(self.buffer, True)])

    def submit(self, context, command, allocations, flags=0):
        return self.peer.submit(wire.submission(context, command, allocations, flags))

    def compare(self):
        reads = [(self.peer.read_back(self.picture, self.SIZE), self.pixels, "pixels"),
                 (self.peer.read_back(self.buffer, self.SIZE), self.bytes, "bytes")]
        for read, expected, what in reads:
            data = self.peer.wait(read).payload
            assert data == expected, \
                f"{what} differ at {next(i for i in range(self.SIZE) if data[i] != expected[i])}"
        assert all(fence.status == 0 for fence in self.peer.fences), self.peer.fences[-3:]
        self.peer.fences.clear()
        self.pictures += 1

    def round(self):
        requests = []
        for _ in range(self.generator.randrange(1, 30)):
            requests.append(self.generator.choice((self.paint, self.compute))())
        self.compare()
        assert all(request.status == 0 for request in requests), requests
        if self.pictures % 10 == 0:
            self.peer.request("DESTROY", name=self.picture)
            self.peer.request("DESTROY", name=self.buffer)
            self.start_again()
            self.compare()


# ---------------------------------------------------------------- the hostile ones


class Hostile:
    """Everything that a client can do wrong, by chance."""

    def __init__(self, daemon, seed):
        self.daemon = daemon
        self.generator = random.Random(seed)
        self.acts = [getattr(self, name) for name in sorted(dir(self)) if name.startswith("act_")]

    def peer(self, **fields):
        peer = Peer(self.daemon, **fields)
        peer.dev = peer.device()
        peer.ctx = peer.context(peer.dev)
        peer.mem = peer.allocation(peer.dev, 65536)
        return peer

    def act(self):
        try:
            self.generator.choice(self.acts)()
        except (Closed, Refused, OSError):
            pass  # what it is told does not matter

    def act_garbage(self):
        with Peer(self.daemon, hello=False) as peer:
            peer.send(self.generator.randbytes(self.generator.randrange(1, 5000)))
            peer.frame()

    def act_garbage_behind_a_hello(self):
        with self.peer() as peer:
            peer.sync()
            peer.send(b"PNS1" + self.generator.randbytes(200))
            while True:
                peer.take()

    def act_half_a_frame(self):
        with self.peer() as peer:
            whole = wire.frame("UPLOAD", peer.serial + 1, b"\xee" * 60000, allocation=peer.mem)
            peer.send(whole[:self.generator.randrange(len(whole))])

    def act_flipped_bits(self):
        with self.peer() as peer:
            command = bytearray(wire.fill(0, 0, 4096, 1) + wire.copy(0, 0, 0, 8192, 64) +
                                wire.update(0, 16, [1, 2, 3]))
            for _ in range(100):
                flipped = bytearray(command)
                for _ in range(self.generator.randrange(1, 6)):
                    flipped[self.generator.randrange(len(flipped))] ^= \
                        1 << self.generator.randrange(8)
                peer.submit(wire.submission(peer.ctx, bytes(flipped), [(peer.mem, True)]))
            peer.sync()

    def act_random_commands(self):
        with self.peer() as peer:
            for _ in range(50):
                peer.submit(wire.submission(peer.ctx, self.generator.randbytes(64),
                                            [(peer.mem, True)]))
            peer.sync()

    def act_raster_operations_at_the_edges(self):
        with self.peer() as peer:
            context = peer.context(peer.dev, flags=2)
            surface = peer.allocation(peer.dev, 0, width=64, height=64, format=1, surface_type=1)
            edges = (-1 << 31, -1, 0, 1, 63, 64, 65, (1 << 31) - 1)
            for _ in range(100):
                rect = self.generator.choices(edges, k=4)
                peer.submit(wire.submission(context, wire.colorfill(0, rect, 0xffffffff),
                                            [(surface, True)], wire.RENDER_KM))
            peer.sync()

    def act_guessed_names(self):
        with self.peer() as peer:
            for _ in range(50):
                name = self.generator.randrange(1, 40) | self.generator.randrange(1, 3) << 32
                peer.submit(wire.submission(peer.ctx, wire.fill(0, 0, 65536, 0xdeadbeef),
                                            [(name, True)]))
                peer.upload(name + 3, b"\xde" * 4096)
                peer.open(peer.dev, (self.generator.getrandbits(64), self.generator.getrandbits(64)))
            peer.sync()

    def act_a_guessed_session(self):
        with Peer(self.daemon, session_high=self.generator.getrandbits(64),
                  session_low=self.generator.getrandbits(64)):
            pass

    def act_ask_as_an_operator(self):
        with self.peer() as peer:
            for kind in ("ADMIN_STATUS", "ADMIN_CONTEXTS", "ADMIN_ALLOCATIONS", "ADMIN_METRICS"):
                pending = peer.settle(peer.request(kind))
                assert pending.status == wire.STATUS["ACCESS_DENIED"], pending

    def act_flood_and_reset(self):
        with self.peer() as peer:
            record = wire.submission(peer.ctx, wire.fill(0, 0, 65536, 0xbadbad) * 4,
                                     [(peer.mem, True)])
            peer.socket.settimeout(0.3)
            for _ in range(20):
                peer.submit(*[record] * 500)
            peer.reset()

    def act_never_read(self):
        with self.peer() as peer:
            peer.socket.settimeout(0.3)
            for _ in range(500):
                peer.read_back(peer.mem, 65536)

    def act_leave_work_behind(self):
        with self.peer() as peer:
            for _ in range(20):
                peer.submit(wire.submission(peer.ctx, spin(2000) +
                                            wire.fill(0, 0, 65536, 0x13131313),
                                            [(peer.mem, True)]))
            peer.reset()

    def act_take_all_the_memory(self):
        with self.peer() as peer:
            for _ in range(40):
                name = peer.allocation(peer.dev, 8 << 20)
                peer.submit(wire.submission(peer.ctx, wire.fill(0, 0, 8 << 20, 0x66666666),
                                            [(name, True)]))
            peer.sync()

    def act_many_connections(self):
        with contextlib.ExitStack() as stack:
            for _ in range(100):
                stack.enter_context(Peer(self.daemon, hello=self.generator.random() < 0.5))

    def act_leases_that_nobody_comes_back_for(self):
        for _ in range(5):
            with self.peer(lease_s=1) as peer:
                peer.upload(peer.mem, b"\x99" * 65536)
                peer.sync()


def fork_hostile(daemon, uid, seed):
    """A process under that uid which is hostile until it is killed. Exit status 1: it was given
    what it must not be given."""
    pid = os.fork()
    if pid != 0:
        return pid
    code = 1
    try:
        os.setgroups([])
        os.setresgid(uid, uid, uid)
        os.setresuid(uid, uid, uid)
        hostile = Hostile(daemon, seed)
        while True:
            hostile.act()
    except BaseException:  # pylint: disable=broad-except
        traceback.print_exc()
    finally:
        os._exit(code)


@contextlib.contextmanager
def hostiles(daemon, uids):
    processes = [fork_hostile(daemon, uid, SEED + uid) for uid in uids]
    try:
        yield processes
        for process in processes:
            pid, status = os.waitpid(process, os.WNOHANG)
            assert pid == 0, f"a hostile client ended with {status:#x}"
    finally:
        for process in processes:
            with contextlib.suppress(ProcessLookupError, ChildProcessError):
                os.kill(process, signal.SIGKILL)
                os.waitpid(process, 0)


# ---------------------------------------------------------------- looking from outside


def memory_files(daemon, pid):
    """Names of the memory files that are mapped in a process; none where it is gone."""
    try:
        text = pathlib.Path(f"/proc/{pid}/maps").read_text()
    except OSError:
        return set()
    return set(re.findall(rf"{re.escape(daemon.directory)}/memory/([\w.]+)", text))


def gpu_processes(daemon):
    """principal -> its GPU process."""
    return {row["principal"]: row["gpu_process"]
            for row in report(daemon, "status")["principals"] if row["gpu_process"]}


def numbers(files):
    """Of p17.local and the like: whose file it is."""
    return {int(match.group(1)) for file in files if (match := re.match(r"p(\d+)\.", file))}


def wait_until_empty(daemon):
    """The operator's counts are those of a daemon that nobody uses."""
    zero = ("sessions", "leased_sessions", "devices", "contexts", "allocations", "openings",
            "submissions_held")
    end = time.monotonic() + PATIENCE_S
    while True:
        facts = report(daemon, "status")["status"]
        if all(facts[name] == 0 for name in zero) and facts["connections"] == 1:
            return
        assert time.monotonic() < end, facts


def needs_root():
    if os.geteuid() != 0:
        raise Skip("needs root, for clients of other principals")


# ---------------------------------------------------------------- tests


def a_hostile_principal_does_not_touch_anothers_pixels():
    needs_root()
    print(f"SOAK_SEED={SEED}")
    with Daemon(*OPTIONS) as daemon:
        painter = Painter(daemon, random.Random(SEED))
        with painter.peer:
            with hostiles(daemon, (NOBODY, NOBODY - 1)) as processes:
                end = time.monotonic() + SECONDS
                while time.monotonic() < end:
                    painter.round()
                    check_maps(daemon)
                assert painter.pictures > 0 and len(processes) == 2
            painter.round()
        wait_until_empty(daemon)
        refusals = sum(row["refused"] for row in report(daemon, "status")["principals"])
        print(f"{painter.pictures} pictures, {refusals} refusals")


def check_maps(daemon):
    """No GPU process maps a file of another principal. Who it was asked for may be gone since."""
    owners = {}
    for principal, pid in gpu_processes(daemon).items():
        for number in numbers(memory_files(daemon, pid)):
            assert owners.setdefault(number, principal) == principal, (owners, number, principal)


def a_gpu_process_maps_no_file_of_another_principal():
    needs_root()
    with Daemon(*OPTIONS) as daemon:
        painter = Painter(daemon, random.Random(SEED))
        with painter.peer:
            shared = painter.peer.allocation(painter.device, 65536)
            painter.peer.share(shared)
            painter.submit(painter.work, wire.fill(0, 0, 65536, 1), [(shared, True)])
            painter.round()
            with hostiles(daemon, (NOBODY,)):
                for _ in range(TRIES):
                    processes = gpu_processes(daemon)
                    files = {who: memory_files(daemon, pid) for who, pid in processes.items()}
                    if len([who for who in files if numbers(files[who])]) == 2:
                        break
                else:
                    raise AssertionError(f"no second GPU process: {processes}")
            mine = files.pop("uid:0")
            theirs = files.pop(f"uid:{NOBODY}")
            assert len(numbers(mine)) == len(numbers(theirs)) == 1, (mine, theirs)
            assert not mine & theirs, (mine, theirs)
            assert any(re.match(r"a\d", file) for file in mine), mine


def no_gpu_process_outlives_its_daemon():
    needs_root()
    for end in ("stop", "kill"):
        with Daemon(*OPTIONS) as daemon:
            with Painter(daemon, random.Random(SEED)).peer as peer:
                device = peer.device()
                peer.submit(wire.submission(peer.context(device), spin(0xffffffff)))
                wait_for_hardware(daemon)
                processes = gpu_processes_of(daemon.directory)
                assert processes
                peer.reset()
                if end == "kill":
                    daemon.kill()
                else:
                    daemon.process.send_signal(signal.SIGTERM)
                    daemon.process.send_signal(signal.SIGTERM)
                    assert daemon.process.wait(PATIENCE_S) == 0
            # The standby, which came later, ends with the others.
            for process in processes + gpu_processes_of(daemon.directory):
                wait_for_end(process)
            assert gpu_processes_of(daemon.directory) == []
            daemon.start()


def wait_for_hardware(daemon):
    for _ in range(TRIES):
        if report(daemon, "queues")["nodes"][0]["on_hardware"] > 0:
            return
    raise AssertionError("the hardware takes nothing")


class Worker:
    """A device, a context and an allocation of a peer."""

    def __init__(self, peer):
        self.peer = peer
        self.device = peer.device()
        self.context = peer.context(self.device)
        self.memory = peer.allocation(self.device, 4096)

    def fill(self, pattern):
        return self.peer.submit(wire.submission(self.context, wire.fill(0, 0, 4096, pattern),
                                                [(self.memory, True)]))

    def works(self, pattern):
        self.peer.wait_fence(self.context, self.fill(pattern).serial)
        data = self.peer.read(self.memory, 4096)
        assert data == struct.pack("<I", pattern) * 1024, data[:16]


def a_killed_gpu_process_costs_the_device_that_ran_and_no_other():
    with Daemon("--listen=127.0.0.1:0", "--test-instructions") as daemon:
        port = int(re.search(r"port=(\d+)", pathlib.Path(daemon.log).read_text()).group(1))
        with Peer(daemon) as peer, Peer(daemon, address=("127.0.0.1", port)) as other:
            ran, idle, beside = Worker(peer), Worker(peer), Worker(other)
            for number, worker in enumerate((ran, idle, beside)):
                worker.works(number + 1)
            last = peer.submit(wire.submission(ran.context, spin(0xffffffff)))
            peer.sync()
            wait_for_hardware(daemon)
            waiting = [idle.fill(0x0a0a0a0a), beside.fill(0x0b0b0b0b)]
            peer.sync()
            other.sync()
            process = gpu_processes(daemon)[f"uid:{os.geteuid()}"]
            os.kill(process, signal.SIGKILL)

            status = peer.wait_fence(ran.context, last.serial)
            assert status == wire.STATUS["GRAPHICS_GPU_EXCEPTION_ON_DEVICE"], hex(status)
            state = peer.wait(peer.request("QUERY_DEVICE", name=ran.device)).answer
            assert state.execution_state != 1 and state.reason, state
            pending = peer.settle(ran.fill(1))
            assert pending.status == wire.STATUS["DEVICE_REMOVED"], pending

            for worker, pending, pattern in ((idle, waiting[0], 0x0a), (beside, waiting[1], 0x0b)):
                assert worker.peer.wait_fence(worker.context, pending.serial) == 0
                assert worker.peer.read(worker.memory, 4096) == bytes([pattern]) * 4096
                worker.works(0x11111111)
                state = worker.peer.wait(worker.peer.request("QUERY_DEVICE",
                                                             name=worker.device)).answer
                assert state.execution_state == 1, state
            Worker(peer).works(0x22222222)
            again = gpu_processes(daemon)[f"uid:{os.geteuid()}"]
            assert again not in (0, process), again
        wait_until_empty(daemon)


def a_gpu_process_that_is_killed_while_idle_costs_nobody_anything():
    with Daemon() as daemon, Peer(daemon) as peer:
        worker = Worker(peer)
        for pattern in range(1, 6):
            worker.works(pattern)
            process = gpu_processes(daemon)[f"uid:{os.geteuid()}"]
            os.kill(process, signal.SIGKILL)
            wait_for_end(process)
            assert peer.read(worker.memory, 4) == struct.pack("<I", pattern)
        worker.works(9)


def what_ended_leaves_nothing_behind():
    with Daemon("--test-instructions") as daemon:
        for number in range(5):
            with Peer(daemon) as peer:
                workers = [Worker(peer) for _ in range(5)]
                for worker in workers:
                    worker.works(number + 7)
                if number % 2:
                    peer.request("GOODBYE")
                    peer.expect_closing("SUCCESS")
                else:
                    peer.submit(wire.submission(workers[0].context, spin(1000)))
                    peer.reset()
        wait_until_empty(daemon)
        segments = report(daemon, "segments")["segments"]
        assert segments[0]["used"] == segments[0]["allocations"] == 0, segments
        assert report(daemon, "contexts")["contexts"] == []
        assert report(daemon, "allocations")["allocations"] == []


TESTS = [a_gpu_process_maps_no_file_of_another_principal,
         a_hostile_principal_does_not_touch_anothers_pixels,
         no_gpu_process_outlives_its_daemon,
         a_killed_gpu_process_costs_the_device_that_ran_and_no_other,
         a_gpu_process_that_is_killed_while_idle_costs_nobody_anything,
         what_ended_leaves_nothing_behind]

if __name__ == "__main__":
    run(TESTS)
