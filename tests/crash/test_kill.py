#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""kill -9 of penstockd at random moments under a mixed workload: clients with a lease and one without
create, upload, read back, share, open what another shares, make pipelines, compute in several contexts,
destroy, and lose their connections. Nothing that was acknowledged is missing afterwards, neither objects nor
bytes; each submission has run once; and no GPU process of the dead daemon runs beside the new one's.

PENSTOCK_CRASH_ROUNDS says how often (25), PENSTOCK_CRASH_SEED repeats a run's decisions.

Each client keeps a model: what every allocation holds once everything that it sent was executed.
After a restart it resumes its session, sends what was not executed again, as it was, and compares
everything: what was acknowledged and is missing would not be sent again.

A submission inverts four pixels that no other touches: run twice, they are as before. Each pipeline has a
pattern of its own, by which it inverts words after each restart."""

import collections
import os
import pathlib
import random
import select
import struct
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "blackbox"))

import wire  # noqa: E402
from peer import PATIENCE_S, Closed, Daemon, Peer, run, shader  # noqa: E402

ROUNDS = int(os.environ.get("PENSTOCK_CRASH_ROUNDS") or 25)
SEED = int(os.environ.get("PENSTOCK_CRASH_SEED") or random.SystemRandom().randrange(1 << 32))
LEASES_S = (60, 60, 60, 0)
BURST = 40
ALLOCATIONS_MAX = 24
OPENED_MAX = 6
PIPELINES_MAX = 4
NO_SHADER = bytes(8)
HISTORY = 4000
WIDTH, HEIGHT = 64, 64  # of a surface, in pixels of 4 bytes
PATTERN = 0x5a00ffa5
LOST = wire.STATUS["DEVICE_REMOVED"]
OF_A_DEVICE = ("SUBMIT", "CREATE_CONTEXT", "CREATE_ALLOCATION", "SHARE_ALLOCATION")
GONE = wire.STATUS["INVALID_HANDLE"]


class Request:
    """Something sent, to be sent again."""

    def __init__(self, serial, kind, payload, fields, raw=None):
        self.serial = serial
        self.frame = wire.frame(kind, serial, payload, raw=raw, **fields)
        self.kind = kind
        self.fields = fields
        self.expected = None  # of a read-back, the bytes
        self.refused = False  # of a submission

    def __repr__(self):
        return f"{self.kind} {self.serial}"


class Computer:
    """A device with two contexts whose submissions invert pixels of a surface, and the surface seen
    from the idle device too, so that it can be read when the device is lost."""

    def __init__(self, client):
        self.client = client
        self.device, self.surface = client.new_name(), client.new_name()
        self.contexts = [client.new_name(), client.new_name()]
        self.seen = None  # the surface's name on the idle device
        self.sent = []    # (context, serial, runs): the n-th inverts group n of pixels
        self.broken = set()  # contexts whose latest submission is refused
        self.heard = {}   # context -> the latest fence that said SUCCESS
        client.send("CREATE_DEVICE", name=self.device)
        client.send("CREATE_ALLOCATION", name=self.surface, device=self.device, width=WIDTH,
                    height=HEIGHT, format=1, surface_type=1)
        for context in self.contexts:
            client.send("CREATE_CONTEXT", name=context, device=self.device, flags=2)
        client.send("SHARE_ALLOCATION", name=self.surface)

    def full(self):
        return len(self.sent) * 4 >= WIDTH * HEIGHT

    def compute(self):
        generator = self.client.generator
        context = generator.choice(self.contexts)
        if generator.random() < 0.05:
            self.submit(context, wire.colorfill(1, (0, 0, 4, 1), PATTERN)).refused = True
            self.broken.add(context)
            return
        asks = generator.random() < 0.3
        at = len(self.sent) * 4
        x, y = at % WIDTH, at // WIDTH
        command = wire.colorfill(0, (x, y, x + 4, y + 1), PATTERN, wire.PATINVERT)
        request = self.submit(context, command, wire.IF_PREDECESSOR_RAN if asks else 0)
        request.refused = asks and context in self.broken
        self.sent.append((context, request.serial, not request.refused))
        if not request.refused:
            self.broken.discard(context)

    def submit(self, context, command, flags=0):
        record = wire.submission(context, command, [(self.surface, True)], wire.RENDER_KM | flags)
        return self.client.send("SUBMIT", record, raw=wire.encode("Submit", count=1))

    def destroy(self):
        client = self.client
        client.send("DESTROY", name=self.device)
        client.release(self.device, self.surface, *self.contexts)
        if self.seen is not None:
            client.send("DESTROY", name=self.seen)
            client.release(self.seen)

    def check(self, pixels, lost):
        """Run once where the device goes on, or its fence was heard; otherwise once or not."""
        once = struct.pack("<I", PATTERN) * 4
        for number, (context, serial, runs) in enumerate(self.sent):
            found = pixels[number * 16:number * 16 + 16]
            must = not lost or serial <= self.heard.get(context, 0)
            assert found == (once if runs else bytes(16)) or \
                (runs and not must and lost_half_way(found)), \
                f"submission {serial} of {context:#x} (lost: {lost}): {found.hex()}"
        assert not any(pixels[len(self.sent) * 16:]), "pixels that no submission touched"


def lost_half_way(found):
    """What a submission that was cut leaves: each pixel inverted, or not."""
    return all(found[i:i + 4] in (bytes(4), struct.pack("<I", PATTERN)) for i in range(0, 16, 4))


class Client:
    """A session with an idle device, whose contents come by upload, and one that computes."""

    def __init__(self, daemon, generator, lease_s):
        self.daemon = daemon
        self.generator = generator
        self.leased = lease_s > 0
        self.peer = Peer(daemon, lease_s=lease_s)
        self.id = self.peer.id
        self.serial = 0
        self.unacknowledged = []
        self.contents = {}  # name -> bytearray: everything that was sent, applied
        self.tokens = {}    # name -> what others may open it with
        self.opened = {}    # name -> another client's bytearray, to be read only
        self.pipelines = {}   # name -> its pattern
        self.words = None     # what pipelines are tried with, and the context that does it
        self.inverted = 0
        self.refused = set()  # names that OPEN_ALLOCATION did not get, or perhaps did not
        self.gone = []      # destroyed names
        self.free = []      # names whose index may be used again
        self.count = 0      # entries of the name table
        self.acknowledged = 0
        self.history = collections.deque(maxlen=HISTORY)
        self.told = collections.deque(maxlen=12)  # the latest refusals
        self.device = self.new_name()
        self.send("CREATE_DEVICE", name=self.device)
        self.computer = Computer(self)
        self.invert = shader("invert.comp") if self.peer.welcome.adapters[0].pipelines else None
        if self.invert is not None:
            self.words, self.context = self.new_name(), self.new_name()
            self.send("CREATE_ALLOCATION", name=self.words, device=self.device, size_bytes=256)
            self.send("CREATE_CONTEXT", name=self.context, device=self.device)

    def new_name(self):
        """The smallest index that is free: what a refusal left unused is not followed by another."""
        if self.free:
            name = min(self.free, key=lambda free: free & 0xffffffff)
            self.free.remove(name)
            return name + (1 << 32)
        self.count += 1
        return self.count | 1 << 32

    def release(self, *names):
        self.free += names

    def send(self, kind, payload=b"", /, *, raw=None, **fields):
        self.serial += 1
        request = Request(self.serial, kind, payload, fields, raw)
        self.note(request, "sent")
        self.unacknowledged.append(request)
        self.peer.send(request.frame)
        return request

    def note(self, request, what):
        """For whoever reads a failure: what was said before of the same index."""
        for field in ("name", "allocation"):
            if field in request.fields:
                self.history.append((request.fields[field] & 0xffffffff,
                                     f"{request} {what} {request.fields[field]:#x}"))

    def story_of(self, request):
        index = request.fields.get("name", request.fields.get("allocation", 0)) & 0xffffffff
        return "\n".join(text for of, text in self.history if of in (0, index))

    # -- what a client does

    def create(self):
        name = self.new_name()
        size = self.generator.randrange(1, 20000)
        self.contents[name] = bytearray(size)
        self.send("CREATE_ALLOCATION", name=name, device=self.device, size_bytes=size)
        self.upload(name, 0, size)

    def upload(self, name, start, size):
        data = self.generator.randbytes(size)
        self.contents[name][start:start + size] = data
        self.send("UPLOAD", data, allocation=name, offset=start)

    def upload_somewhere(self):
        """Without a lease, never to what others may have open: who has may not know whether it came
        to that."""
        name = self.generator.choice(list(self.contents))
        if self.leased or name not in self.tokens:
            start = self.generator.randrange(len(self.contents[name]))
            self.upload(name, start,
                        self.generator.randrange(1, len(self.contents[name]) - start + 1))

    def read_back(self):
        name = self.generator.choice(list(self.contents))
        request = self.send("READ_BACK", allocation=name, offset=0,
                            size_bytes=len(self.contents[name]))
        request.expected = bytes(self.contents[name])

    def destroy(self):
        name = self.generator.choice([*self.contents, *self.opened, *self.pipelines])
        if name in self.contents:
            del self.contents[name]
            self.tokens.pop(name, None)
        elif name in self.pipelines:
            del self.pipelines[name]
        else:
            del self.opened[name]
        self.gone.append(name)
        self.release(name)
        self.send("DESTROY", name=name)

    def share(self):
        name = self.generator.choice(list(self.contents))
        if not self.leased:
            self.tokens.setdefault(name, None)
        self.send("SHARE_ALLOCATION", name=name)

    def open_one_of(self, other):
        """At an index that was used, which stays free if the other has destroyed it meanwhile."""
        known = [name for name, token in other.tokens.items() if token is not None]
        if known and self.free and len(self.opened) < OPENED_MAX:
            theirs = self.generator.choice(known)
            high, low = other.tokens[theirs]
            name = self.new_name()
            self.opened[name] = other.contents[theirs]
            self.send("OPEN_ALLOCATION", name=name, device=self.device, token_high=high,
                      token_low=low, read_only=True)

    def make_pipeline(self):
        """Or one whose shader is refused: at an index that was used, and stays free."""
        if self.invert is None or len(self.pipelines) == PIPELINES_MAX:
            return
        good = not self.free or self.generator.random() < 0.8
        name, pattern = self.new_name(), self.generator.randrange(1, 1 << 32)
        module = self.invert if good else NO_SHADER
        stage = {"stage": wire.GLCOMPUTE, "entry_point": "main", "spirv_bytes": len(module),
                 "constants": [{"id": 3, "size_bytes": 4, "value": pattern}]}
        request = self.send("CREATE_PIPELINE", module, name=name, device=self.device,
                            stages=[stage])
        request.refused = not good
        if good:
            self.pipelines[name] = pattern

    def compute(self):
        if self.computer.full():
            self.replace_computer()
        self.computer.compute()

    def replace_computer(self):
        self.computer.destroy()
        self.computer = Computer(self)

    def lose_connection(self):
        """In the middle of a frame, perhaps, and of answers."""
        if not self.leased:
            return
        whole = wire.frame("SYNC", self.serial + 1)
        self.peer.send(whole[:self.generator.randrange(len(whole))])
        self.peer.close()
        self.send_the_rest(self.resume())

    def act(self, other):
        what = self.generator.random()
        if not self.contents or (what < 0.25 and len(self.contents) < ALLOCATIONS_MAX):
            self.create()
        elif what < 0.4:
            self.upload_somewhere()
        elif what < 0.5:
            self.destroy()
        elif what < 0.57:
            self.share()
        elif what < 0.65:
            self.open_one_of(other)
        elif what < 0.68:
            self.read_back()
        elif what < 0.7:
            self.make_pipeline()
        elif what < 0.71:
            self.replace_computer()
        elif what < 0.715:
            self.lose_connection()
        else:
            self.compute()

    # -- what it is told

    def take(self):
        frame = self.peer.frame()
        assert frame.type in ("ACK", "FENCE", "REFUSAL", "SHARED", "READ_DATA"), frame
        request = next((one for one in self.unacknowledged if one.serial == frame.serial), None)
        if frame.type == "FENCE":
            if frame.message.status == 0:
                self.computer.heard[frame.message.context] = frame.message.fence
            return
        if frame.type == "REFUSAL":
            self.take_refusal(request, frame)
        if frame.type == "READ_DATA" and request.expected is not None:
            assert frame.payload == request.expected, f"{request}:\n{self.story_of(request)}"
        self.acknowledge(frame.serial)
        if frame.type == "SHARED":
            self.take_token(request, (frame.message.token_high, frame.message.token_low))

    def may_be_refused(self, request, status):
        """A device that was lost at a kill refuses what its owner had sent for it; what its owner
        destroyed is not there to be opened, nor to be destroyed again where that was not heard in
        time; and a read-back, which is not kept, finds nothing where a destroy behind it was."""
        name = request.fields.get("name", 0)
        return (status == LOST and request.kind in OF_A_DEVICE and name not in self.contents and
                request.fields.get("device") != self.device or
                request.refused or
                request.kind == "OPEN_ALLOCATION" and (name in self.opened or name in self.gone) or
                request.kind == "DESTROY" and name in self.refused or
                request.kind == "READ_BACK" and request.fields["allocation"] in self.gone)

    def take_refusal(self, request, frame):
        assert request is not None and self.may_be_refused(request, frame.message.status), \
            "\n".join([f"{request}: {frame}", *self.told, self.story_of(request)])
        self.told.append(f"refused before: {request}: {frame.message.sentence}")
        if request.kind == "OPEN_ALLOCATION":
            self.opened.pop(request.fields["name"], None)
            self.refused.add(request.fields["name"])

    def take_token(self, request, token):
        name = request.fields["name"]
        if name in self.contents:
            self.tokens[name] = token
        elif name == self.computer.surface and self.computer.seen is None:
            self.computer.seen = self.new_name()
            self.send("OPEN_ALLOCATION", name=self.computer.seen, device=self.device,
                      token_high=token[0], token_low=token[1], read_only=True)

    def acknowledge(self, serial):
        self.acknowledged = max(self.acknowledged, serial)
        while self.unacknowledged and self.unacknowledged[0].serial <= serial:
            self.unacknowledged.pop(0)

    def take_what_left_before_the_kill(self):
        sending = self.send
        self.send = lambda *_, **__: None  # nobody is there any more
        try:
            while True:
                self.take_without_answering()
        except (Closed, ConnectionError):
            pass
        self.send = sending
        self.peer.close()

    def take_without_answering(self):
        """A token that comes now is asked for again, where its opening would be sent."""
        seen = self.computer.seen
        self.take()
        if seen is None and self.computer.seen is not None:
            self.release(self.computer.seen)
            self.computer.seen = None

    # -- on the next connection

    def resume(self):
        self.peer = Peer(self.daemon, **self.id)
        last = self.peer.welcome.last_serial
        assert self.peer.welcome.resumed
        assert self.acknowledged <= last <= self.serial, \
            f"acknowledged {self.acknowledged}, executed {last}, sent {self.serial}"
        return last

    def send_the_rest(self, last):
        """Exactly the requests behind `last`, as they were, whatever of them was executed."""
        opens = {request.fields["name"] for request in self.unacknowledged
                 if request.serial <= last and request.kind == "OPEN_ALLOCATION"}
        self.refused |= opens  # whether they were was not heard
        self.acknowledge(last)
        self.history.append((0, f"resumed behind {last}"))
        for request in self.unacknowledged:
            self.note(request, "sent again")
            self.peer.send(request.frame)
        self.send("SYNC")
        while self.unacknowledged:
            self.take()
        for name in opens & set(self.opened):
            self.forget_if_refused(name)

    def forget_if_refused(self, name):
        """An opening that was executed, and nobody has heard whether it was refused."""
        self.peer.serial = self.serial
        read = self.peer.settle(self.peer.read_back(name, 1))
        self.serial = self.peer.serial
        if read.status == GONE:
            del self.opened[name]

    def compare(self):
        """Everything that was ever sent has been executed, once."""
        self.peer.serial = self.serial
        reads = [(name, self.peer.read_back(name, len(expected)), expected)
                 for name, expected in (self.contents | self.opened).items()]
        for name, read, expected in reads:
            data, expected = self.peer.wait(read).payload, bytes(expected)
            assert data == expected, \
                f"allocation {name:#x} differs at {first_difference(data, expected)}"
        gone = [self.peer.read_back(name, 1) for name in self.gone[-100:]]
        for read in gone:
            self.peer.settle(read)
            assert read.status == GONE, read
        self.serial = self.peer.serial

    def compare_pipelines(self):
        """Each is what it was, its shader and what that uses: it inverts words by its pattern."""
        self.peer.serial = self.serial
        for name, pattern in self.pipelines.items():
            command = wire.bind_pipeline(0) + wire.bind_buffer(1, 0, 256) + \
                wire.dispatch((64, 1, 1))
            request = self.peer.wait(self.peer.submit(wire.submission(
                self.context, command, [(name, False), (self.words, True)])))
            ended = self.peer.wait_fence(self.context, request.serial)
            assert ended == 0, f"it ended with {ended:#x}: " \
                f"{self.peer.wait(self.peer.request('QUERY_DEVICE', name=self.device)).answer}"
            self.inverted ^= pattern
            found = self.peer.read(self.words, 256)
            assert found == struct.pack("<I", self.inverted) * 64, \
                f"pipeline {name:#x} of pattern {pattern:#x}: {found[:8].hex()}"
        self.serial = self.peer.serial
        return len(self.pipelines)

    def compare_computed(self):
        """Work in flight at the kill may have cost the device that computes, and no other."""
        computer = self.computer
        self.peer.serial = self.serial
        state = self.peer.wait(self.peer.request("QUERY_DEVICE", name=self.device)).answer
        assert state.execution_state == 1, f"the idle device was lost: {state}"
        state = self.peer.wait(self.peer.request("QUERY_DEVICE", name=computer.device)).answer
        lost = state.execution_state != 1
        surface = computer.surface if not lost else computer.seen
        if surface is not None:
            computer.check(self.peer.read(surface, WIDTH * HEIGHT * 4), lost)
        self.serial = self.peer.serial
        if lost:
            self.replace_computer()
        elif computer.seen is None:
            self.send("SHARE_ALLOCATION", name=computer.surface)
        return lost


def first_difference(data, expected):
    return next(i for i, (a, b) in enumerate(zip(data, expected)) if a != b)


def readable(clients):
    """Those that have received something, waiting for it where none has."""
    ready = [client for client in clients if client.peer.received]
    if not ready:
        sockets = select.select([client.peer.socket for client in clients], [], [], PATIENCE_S)[0]
        ready = [client for client in clients if client.peer.socket in sockets]
    assert ready, f"no answer to {[client.unacknowledged[:1] for client in clients]}"
    return ready


def work_until(clients, generator):
    """A burst from each client, read up to a random answer; the daemon is somewhere in the rest."""
    actions = generator.randrange(1, BURST)
    for _ in range(actions):
        for client in clients:
            client.act(generator.choice(clients))
    for _ in range(generator.randrange(2 * actions)):
        if not any(client.unacknowledged for client in clients):
            break
        generator.choice(readable(clients)).take()


def users_of(directory):
    """Processes that map a file of the memory directory."""
    users = set()
    for path in pathlib.Path("/proc").glob("[0-9]*/maps"):
        try:
            if f"{directory}/memory" in path.read_text():
                users.add(int(path.parent.name))
        except OSError:
            pass
    return users


def kill_and_start(daemon, clients):
    old = {daemon.process.pid, *daemon.children()}
    daemon.kill()
    for client in clients:
        client.take_what_left_before_the_kill()
    daemon.start()
    assert not old & users_of(daemon.directory), \
        "a process of the dead daemon maps the memory that the new one serves"


def one_round(daemon, clients, generator):
    """Returns how many submissions and pipelines were compared, and how many devices were lost."""
    work_until(clients, generator)
    kill_and_start(daemon, clients)
    for client in clients:
        if client.leased:
            client.send_the_rest(client.resume())
    computed = pipelines = lost = 0
    for i, client in enumerate(clients):
        if not client.leased:
            clients[i] = Client(daemon, generator, 0)
            continue
        client.compare()
        pipelines += client.compare_pipelines()
        computed += len(client.computer.sent)
        lost += client.compare_computed()
    own = {daemon.process.pid, *daemon.children()}
    assert users_of(daemon.directory) <= own, (users_of(daemon.directory), own)
    return computed, pipelines, lost


def nothing_acknowledged_is_missing_and_each_submission_ran_once(daemon):
    print(f"PENSTOCK_CRASH_SEED={SEED} PENSTOCK_CRASH_ROUNDS={ROUNDS}", flush=True)
    generator = random.Random(SEED)
    clients = [Client(daemon, generator, lease_s) for lease_s in LEASES_S]
    totals = [0, 0, 0]
    for number in range(ROUNDS):
        try:
            counts = one_round(daemon, clients, generator)
        except BaseException:
            print(f"round {number}, PENSTOCK_CRASH_SEED={SEED}", file=sys.stderr)
            raise
        totals = [total + count for total, count in zip(totals, counts)]
    for client in clients:
        client.peer.close()
    computed, pipelines, lost = totals
    print(f"# {ROUNDS} rounds, {computed} submissions and {pipelines} pipelines compared, "
          f"{lost} devices lost")


if __name__ == "__main__":
    run([nothing_acknowledged_is_missing_and_each_submission_ran_once], Daemon)
