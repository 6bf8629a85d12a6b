#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Every request while memory, descriptors or space run out: the first call of the daemon that could
fail fails, then the second, and so on until a run comes through without a failure. After each: the
sender is told NO_MEMORY or another lack and nothing half done is there, the same request then works,
and another principal's client does not notice. Then the same with a disk that is full from the first call
on that needs space, from the second, and so on."""

import functools
import itertools
import os
import pathlib
import re
import resource
import struct
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "blackbox"))

import wire  # noqa: E402
from fault import FILE, MEMORY, SPACE, FaultyDaemon  # noqa: E402
from peer import Closed, Peer, Refused, Skip, run, shader  # noqa: E402

MIB = 1 << 20
# What a sender may be told when something has run out. A device is lost where its GPU process
# could not be had: then every later request on it says so.
LACKS = {wire.STATUS[name] for name in (
    "NO_MEMORY", "GRAPHICS_NO_VIDEO_MEMORY", "DISK_FULL", "IO_DEVICE_ERROR", "TOO_MANY_FILES")
    if name in wire.STATUS}
LOST = {wire.STATUS["DEVICE_REMOVED"], wire.STATUS["GRAPHICS_GPU_EXCEPTION_ON_DEVICE"]}
GUARANTEED = 0x10000
IGNORE_SYNC, DISCARD = 0x8, 0x80
SWEEP_MAX = 3000


def port_of(daemon):
    with open(daemon.log, encoding="utf-8") as log:
        return int(re.findall(r"address='127\.0\.0\.1:0' port=(\d+)", log.read())[-1])


class Bystander:
    """A client of another principal, with work on the GPU. It must not notice anything."""

    def __init__(self, daemon):
        self.peer = Peer(daemon, address=("127.0.0.1", port_of(daemon)))
        self.device = self.peer.device()
        self.context = self.peer.context(self.device)
        self.allocation = self.peer.allocation(self.device, 8192)
        self.token = self.peer.share(self.peer.allocation(self.device, 4096))
        self.kept = os.urandom(4096)
        self.peer.upload(self.allocation, self.kept)
        self.count = 0
        self.check()

    def check(self):
        self.count += 1
        self.peer.submit(wire.submission(self.context, wire.fill(0, 4096, 4096, self.count),
                                         [(self.allocation, True)]))
        data = self.peer.read(self.allocation, 8192)
        assert data[:4096] == self.kept, "the bystander's bytes changed"
        assert data[4096:] == struct.pack("<I", self.count) * 1024, "its submission did not run"


class Client:
    """A session with a device, a context and allocations; what `act` works on."""

    def __init__(self, daemon, empty=False):
        self.daemon = daemon
        self.ran = 0
        self.peer = Peer(daemon)
        self.device, self.context, self.a, self.b, self.object, self.next = (
            index | 1 << 32 for index in range(1, 7))
        if empty:
            return
        for request in self.make_objects():
            self.peer.wait(request)
        self.token = self.peer.share(self.a)
        self.object_token = self.peer.share_sync(self.object)
        self.peer.sync()

    def make_objects(self):
        request = self.peer.request
        return [request("CREATE_DEVICE", name=self.device),
                request("CREATE_CONTEXT", name=self.context, device=self.device),
                request("CREATE_ALLOCATION", name=self.a, device=self.device, size_bytes=8192),
                request("CREATE_ALLOCATION", name=self.b, device=self.device,
                        size_bytes=2 * MIB),
                request("CREATE_SYNC_OBJECT", name=self.object, device=self.device),
                self.peer.upload(self.a, b"\x11" * 8192)]

    @functools.cache
    def id_of_context(self):
        """By which an administrator calls it; after a submission of it."""
        self.peer.settle(self.copies())
        rows = self.peer.wait(self.peer.request("ADMIN_CONTEXTS")).answer.contexts
        return max(row.id for row in rows)

    @functools.cache
    def id_of_surface(self):
        """Likewise, of one that is made for it."""
        self.peer.wait(self.peer.request("CREATE_ALLOCATION", name=self.next, device=self.device,
                                         width=64, height=64, format=1))
        rows = self.peer.wait(self.peer.request("ADMIN_ALLOCATIONS")).answer.allocations
        return max(row.id for row in rows)

    def copies(self, count=1):
        """Not idempotent on purpose: each moves a up by 4 bytes and puts 4 others in front."""
        record = wire.submission(self.context, wire.copy(0, 0, 1, 4, 4096) +
                                 wire.fill(1, 0, 4, 0x77777777) + wire.copy(1, 0, 0, 0, 4100),
                                 [(self.a, True), (self.b, True)])
        return self.peer.submit(*[record] * count)

    def ended(self, submissions):
        """Waits for the accepted ones; each ran whole or not at all, as its fence says. Returns
        how they ended."""
        accepted = [pending for pending in submissions if pending.status == 0]
        ends = [self.peer.wait_fence(self.context, pending.serial) for pending in accepted]
        self.ran += sum(end == 0 for end in ends)
        try:
            data = self.peer.read(self.a, 8192)
        except Refused as refused:
            assert refused.status in LACKS | LOST, refused
            return ends
        expected = (b"\x77" * 4 * self.ran + b"\x11" * 8192)[:4100] + b"\x11" * 4092
        assert data == expected, f"{self.ran} ran, and the bytes differ"
        return ends


# ---------------------------------------------------------------- one function a request


def create_device(client):
    return [client.peer.request("CREATE_DEVICE", name=client.next)]


def create_context(client):
    return [client.peer.request("CREATE_CONTEXT", name=client.next, device=client.device)]


def create_guaranteed_context(client):
    return [client.peer.request("CREATE_CONTEXT", name=client.next, device=client.device,
                                flags=GUARANTEED, dma_buffer_bytes=65536)]


def create_allocation(client):
    return [client.peer.request("CREATE_ALLOCATION", name=client.next, device=client.device,
                                size_bytes=100000)]


def create_pipeline(client):
    return [client.peer.pipeline(client.device, shader("invert.comp"), name=client.next)[1]]


def share(client):
    return [client.peer.request("SHARE_ALLOCATION", name=client.b)]


def open_allocation(client):
    return [client.peer.open(client.device, client.token, name=client.next)[1]]


def create_sync_object(client):
    return [client.peer.request("CREATE_SYNC_OBJECT", name=client.next, device=client.device)]


def share_sync_object(client):
    return [client.peer.request("SHARE_SYNC_OBJECT", name=client.object)]


def open_sync_object(client):
    return [client.peer.open_sync(client.device, client.object_token, client.next)[1]]


def destroy_sync_object(client):
    return [client.peer.request("DESTROY", name=client.object)]


def query_sync_object(client):
    return [client.peer.request("QUERY_SYNC_OBJECT", name=client.object)]


def signal_and_wait(client):
    return [client.peer.signal(client.object, 1), client.peer.wait_for(client.object, 1)]


def signal_and_wait_in_a_stream(client):
    """Those that are accepted end well, whichever of them was refused."""
    requests = [client.peer.wait_for(client.object, 0, client.context),
                client.peer.signal(client.object, 2, client.context),
                client.peer.wait_for(client.object, 0, client.context)]
    for request in requests:
        if client.peer.settle(request).status == 0:
            assert client.peer.wait_fence(client.context, request.serial) == 0
    return requests


def destroy_allocation(client):
    return [client.peer.request("DESTROY", name=client.a)]


def destroy_context(client):
    return [client.peer.request("DESTROY", name=client.context)]


def destroy_device(client):
    return [client.peer.request("DESTROY", name=client.device)]


def submit(client):
    return [client.copies()]


def submit_many(client):
    return client.copies(20)


def submit_a_large_command(client):
    command = wire.update(0, 0, [7] * 2000) * 40
    return [client.peer.submit(wire.submission(client.context, command, [(client.a, True)]))]


def submit_a_chain(client):
    """Through DMA buffers of one page: later passes have buffers of their own."""
    resize = wire.submission(client.context, wire.nop(), [], wire.RESIZE_COMMAND_BUFFER,
                             new_command_bytes=4096)
    command = wire.update(0, 4096, [7] * 200) * 30
    return client.peer.submit(resize, wire.submission(client.context, command,
                                                      [(client.a, True)]))


def submit_to_anothers_allocation(client):
    """Of another principal: mapped where it is used, and no longer than it is open there."""
    name, opened = client.peer.open(client.device, client.daemon.bystander.token, name=client.next)
    return [opened, client.peer.submit(wire.submission(
        client.context, wire.copy(0, 0, 1, 0, 16), [(client.a, False), (name, True)]))]


def submit_a_broadcast(client):
    command = wire.update(0, 4096, [7] * 200) * 4
    return [client.peer.request("CREATE_CONTEXT", name=client.next, device=client.device),
            client.peer.submit(wire.submission(client.context, command, [(client.b, True)],
                                               broadcast=[client.next]))]


def submit_a_large_broadcast(client):
    command = wire.update(0, 4096, [7] * 2000) * 20
    return [client.peer.request("CREATE_CONTEXT", name=client.next, device=client.device),
            client.peer.submit(wire.submission(client.context, command, [(client.b, True)],
                                               broadcast=[client.next]))]


def submit_what_is_refused(client):
    return [client.peer.submit(wire.submission(client.context, wire.fill(3, 0, 4, 1), []))]


def upload(client):
    return [client.peer.upload(client.a, b"\x22" * 8192)]


def upload_a_large_one(client):
    return [client.peer.upload(client.b, b"\x22" * (2 * MIB))]


def upload_behind_work(client):
    return [client.copies(), client.peer.upload(client.a, b"\x22" * 8192)]


def discard_behind_work(client):
    return [client.copies(),
            client.peer.request("UPLOAD", b"\x22" * 8192, allocation=client.b, flags=DISCARD)]


def upload_beside_work(client):
    return [client.copies(), client.peer.request("UPLOAD", b"\x22" * 64, allocation=client.b,
                                                 offset=MIB, flags=IGNORE_SYNC)]


def offer_and_reclaim(client):
    request = client.peer.request
    return [client.copies(), request("OFFER_ALLOCATIONS", allocations=[client.b], priority=1),
            request("RECLAIM_ALLOCATIONS", allocations=[client.b]),
            request("SET_ALLOCATION_PRIORITY", allocations=[client.b], priority=0x50000000)]


def read_back(client):
    return [client.peer.read_back(client.a, 8192)]


def read_back_a_large_one(client):
    return [client.peer.read_back(client.b, 2 * MIB)]


def read_back_behind_work(client):
    return [client.copies(), client.peer.read_back(client.a, 8192)]


def query_device(client):
    return [client.peer.request("QUERY_DEVICE", name=client.device)]


def query_context(client):
    return [client.peer.request("QUERY_CONTEXT", name=client.context)]


def sync(client):
    return [client.peer.request("SYNC")]


def reports(client):
    requests = []
    for kind in ("STATUS", "CONTEXTS", "ALLOCATIONS", "SEGMENTS", "QUEUES", "METRICS"):
        requests.append(client.peer.request(f"ADMIN_{kind}"))
    return requests


def dump(client):
    return [client.peer.request("ADMIN_CONTEXT", id=client.id_of_context()),
            client.peer.request("ADMIN_DUMP", context=client.id_of_context())]


def query_adapter(client):
    return [client.peer.request("QUERY_ADAPTER", adapter=0)]


def capture(client):
    return [client.peer.request("ADMIN_CAPTURE", context=client.id_of_context(),
                                allocation=client.id_of_surface())]


def first_submission(client):
    """The GPU process is taken into use."""
    return [client.copies()]


def everything(client):
    """Of a session that has nothing, of a principal that has no memory files either."""
    return client.make_objects()


# ---------------------------------------------------------------- the sweep

SUBMISSIONS = (submit, submit_many, first_submission)
SUBMISSIONS_OF_OTHERS = (submit_a_chain, submit_to_anothers_allocation)


def outcome(act, client):
    """Statuses that came back; None: the connection ended, for want of something."""
    try:
        try:
            pending = act(client)
        except ConnectionError:  # closed while we send; its last word is still there to be read
            while True:
                client.peer.take()
        for request in pending:
            client.peer.settle(request)
        statuses = [request.status for request in pending]
        if act in SUBMISSIONS_OF_OTHERS:
            statuses += [client.peer.wait_fence(client.context, one.serial) for one in pending
                         if one.name == "SUBMIT" and one.status == 0]
        return statuses + (client.ended(pending) if act in SUBMISSIONS else [])
    except Closed as closed:
        assert closed.status in LACKS or closed.status is None, closed
        return [None]


def good_statuses(act):
    return {wire.STATUS["INVALID_HANDLE" if act is submit_what_is_refused else "SUCCESS"]}


def bad_statuses(act):
    if act is everything:  # what was not made cannot be used
        return LACKS | {None, wire.STATUS["INVALID_HANDLE"], wire.STATUS["INVALID_PARAMETER"]}
    if act in (submit_a_broadcast, submit_a_large_broadcast):  # likewise
        return LACKS | LOST | {None, wire.STATUS["INVALID_HANDLE"]}
    if act is submit_to_anothers_allocation:  # likewise, what was not opened
        return LACKS | LOST | {None, wire.STATUS["INVALID_HANDLE"]}
    return LACKS | {None} | (LOST if act in SUBMISSIONS + SUBMISSIONS_OF_OTHERS else set())


def one_round(daemon, n, act, new_client, kinds):
    """One failure, of the n-th call. Whether it came to that."""
    client = new_client()
    good, bad = good_statuses(act), bad_statuses(act)
    daemon.fault.arm(n, kinds)
    statuses = set(outcome(act, client))
    reached = daemon.fault.disarm()
    daemon.check_alive()
    assert statuses <= good | bad, \
        [wire.STATUS_NAMES.get(status, status) for status in statuses - good - bad]
    assert reached or statuses == good, statuses
    if statuses & (LOST | {None}) or act is everything:
        client.peer.close()
        client = new_client()
        statuses.discard(wire.STATUS["SUCCESS"])
    if wire.STATUS["SUCCESS"] not in statuses:
        # nothing of it is there, so it works as if for the first time, on the same connection
        again = set(outcome(act, client))
        assert again == good, again
    client.peer.close()
    return reached


def sweep(daemon, act, new_client, kinds=MEMORY | FILE):
    for n in range(1, SWEEP_MAX):
        try:
            if not one_round(daemon, n, act, new_client, kinds):
                return n - 1
        except BaseException:
            print(f"{act.__name__}: call {n} failed: {daemon.fault.last}")
            raise
        daemon.bystander.check()
    raise AssertionError(f"{act.__name__} fails after {SWEEP_MAX} calls too")


REQUESTS = (create_device, create_context, create_guaranteed_context, create_allocation,
            create_pipeline, share, open_allocation,
            create_sync_object, share_sync_object, open_sync_object, destroy_sync_object,
            query_sync_object, signal_and_wait, signal_and_wait_in_a_stream,
            destroy_allocation, destroy_context, destroy_device, submit, submit_many,
            submit_a_large_command, submit_a_chain, submit_to_anothers_allocation,
            submit_a_broadcast, submit_a_large_broadcast,
            submit_what_is_refused, upload, upload_a_large_one,
            upload_behind_work, discard_behind_work, upload_beside_work, offer_and_reclaim,
            read_back, read_back_a_large_one, read_back_behind_work,
            query_device, query_context, query_adapter, sync, reports, dump, capture)


def of_request(act):
    def new_client(daemon):
        client = Client(daemon)
        if act in (dump, capture):
            client.id_of_context()
        if act is capture:
            client.id_of_surface()
        return client

    def test(daemon):
        failures = sweep(daemon, act, lambda: new_client(daemon))
        assert failures > 0
        full = sweep(daemon, act, lambda: new_client(daemon), SPACE)
        print(f"# {act.__name__}: {failures} calls failed, one after the other; {full} needed space")

    test.__name__ = f"{act.__name__}_survives_the_failure_of_every_call"
    return test


def a_principals_first_requests_survive_the_failure_of_every_call(daemon):
    """Each time of a user who has no GPU process and no memory files yet."""
    if os.geteuid() != 0:
        raise Skip("needs root, to be many users")
    users = itertools.count(20000)

    def new_client(**options):
        os.seteuid(next(users))
        try:
            return Client(daemon, **options)
        finally:
            os.seteuid(0)

    failures = sweep(daemon, first_submission, new_client)
    assert failures > 5, failures
    failures_of_all = sweep(daemon, everything, lambda: new_client(empty=True))
    assert failures_of_all > 10, failures_of_all
    full = sweep(daemon, first_submission, new_client, SPACE)
    full += sweep(daemon, everything, lambda: new_client(empty=True), SPACE)
    assert full > 5, full
    print(f"# first submission: {failures}, all before it: {failures_of_all} calls failed; "
          f"{full} needed space")


def hello_survives_the_failure_of_every_call(daemon):
    """Accepting too: who cannot be accepted waits for memory, and the others with it."""
    for n in range(1, SWEEP_MAX):
        daemon.fault.arm(n, MEMORY | FILE)
        try:
            peer = Peer(daemon)
            peer.close()
        except Closed as closed:
            assert closed.status in LACKS or closed.status is None, closed
        except ConnectionError:
            pass
        reached = daemon.fault.disarm()
        daemon.check_alive()
        Client(daemon).peer.close()
        daemon.bystander.check()
        if not reached:
            assert n > 3, n
            return


def goodbye_survives_the_failure_of_every_call(daemon):
    for n in range(1, SWEEP_MAX):
        client = Client(daemon)
        daemon.fault.arm(n, MEMORY | FILE)
        goodbye = client.peer.request("GOODBYE")
        try:
            assert client.peer.settle(goodbye).status in LACKS, goodbye
            client.peer.close()  # which ends it as well
        except Closed as closed:
            assert closed.status in LACKS | {None, 0}, closed
        reached = daemon.fault.disarm()
        daemon.check_alive()
        daemon.bystander.check()
        if not reached:
            return


def without_descriptors_who_comes_waits_and_the_others_go_on(daemon):
    pid = daemon.process.pid
    limits = resource.prlimit(pid, resource.RLIMIT_NOFILE)
    used = set(map(int, os.listdir(f"/proc/{pid}/fd")))
    room = max(used) + 1 - len(used)
    resource.prlimit(pid, resource.RLIMIT_NOFILE, (max(used) + 1, limits[1]))
    try:
        peers = [Peer(daemon, hello=False) for _ in range(room + 5)]
        for peer in peers:
            peer.say_hello()
        for _ in range(3):
            daemon.bystander.check()
    finally:
        resource.prlimit(pid, resource.RLIMIT_NOFILE, limits)
    for peer in peers:
        peer.take_welcome()
        peer.sync()
        peer.close()
    daemon.check_alive()


class WithBystander(FaultyDaemon):
    """No request of the tests takes the store: nobody has a lease."""

    def start(self):
        super().start()
        self.bystander = Bystander(self)


def daemon_with_bystander():
    return WithBystander("--listen=127.0.0.1:0", "--local-memory=64M", "--aperture-memory=64M",
                         "--paranoid")


if __name__ == "__main__":
    run([*map(of_request, REQUESTS),
         a_principals_first_requests_survive_the_failure_of_every_call,
         hello_survives_the_failure_of_every_call, goodbye_survives_the_failure_of_every_call,
         without_descriptors_who_comes_waits_and_the_others_go_on], daemon_with_bystander)
