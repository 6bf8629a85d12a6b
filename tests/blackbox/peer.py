# SPDX-License-Identifier: MIT
"""An independent client of penstockd, written from docs/protocol.md alone, for tests: it also says
what no well-behaved client would. `Daemon` runs a penstockd of its own in a temporary directory;
`Peer` is a connection; `run` is the main of a test program and writes TAP."""

import collections
import ctypes
import itertools
import os
import pathlib
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import traceback

import wire
from wire import STATUS, STATUS_NAMES

BUILD = pathlib.Path(os.environ.get("PENSTOCK_BUILDDIR", "."))
PATIENCE_S = float(os.environ.get("PENSTOCK_TEST_PATIENCE", 30))


class Closed(Exception):
    """The daemon said goodbye, or just went: status None."""

    def __init__(self, status, sentence=""):
        super().__init__(f"{STATUS_NAMES.get(status, status)}: {sentence}")
        self.status = status
        self.sentence = sentence


class Refused(Exception):
    def __init__(self, refusal):
        super().__init__(f"{STATUS_NAMES.get(refusal.status, hex(refusal.status))}: "
                         f"{refusal.sentence}")
        self.refusal = refusal
        self.status = refusal.status


class Skip(Exception):
    pass


# ---------------------------------------------------------------- the daemon


def die_with_us():
    """PR_SET_PDEATHSIG: a test that is killed leaves no daemon behind."""
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)


def roomy_folder():
    """Where memory files are quick; None, for the usual place, where that is as small as a
    container's often is: tests at once must not be short of memory because of one another."""
    if not os.access("/dev/shm", os.W_OK):
        return None
    space = os.statvfs("/dev/shm")
    return "/dev/shm" if space.f_bavail * space.f_frsize >= 2 << 30 else None


def shader_option():
    """Built without Vulkan, there is nobody who checks shaders, and nothing to check."""
    path = BUILD / "penstock-shader"
    return [f"--shader-program={path}"] if path.exists() else []


class Daemon:
    """penstockd with everything private. A context manager: stopping it must work, and nothing
    of it may be left."""

    executable = "penstockd"
    environment = {}
    before_exec = staticmethod(die_with_us)

    def __init__(self, *options, backend="emulated"):
        self.directory = tempfile.mkdtemp(prefix="penstock-blackbox-", dir=roomy_folder())
        os.chmod(self.directory, 0o755)
        self.socket = f"{self.directory}/socket"
        self.log = f"{self.directory}/log"
        self.options = [f"--socket={self.socket}", f"--state-dir={self.directory}/state",
                        f"--memory-dir={self.directory}/memory", f"--backend={backend}",
                        f"--gpu-program={program('penstock-gpu')}",
                        *shader_option(),
                        # a machine that is busy with tests is no GPU that hangs
                        "--tdr-delay=600000", "--max-priority=7", *options]
        self.process = None
        for folder in ("state", "memory"):
            os.mkdir(f"{self.directory}/{folder}", 0o700)
        self.start()

    def start(self):
        """Returns when it says that it is ready: sd_notify's READY=1."""
        notify = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        path = f"{self.directory}/notify"
        if os.path.exists(path):
            os.unlink(path)
        notify.bind(path)
        notify.settimeout(0.1)
        environment = {**os.environ, **self.environment, "NOTIFY_SOCKET": path}
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen([program(self.executable), *self.options], stdout=log,
                                            stderr=log, env=environment, preexec_fn=self.before_exec,
                                            stdin=subprocess.DEVNULL)
        for _ in range(int(PATIENCE_S * 10)):
            try:
                if b"READY=1" in notify.recv(4096):
                    notify.close()
                    return
            except socket.timeout:
                if self.process.poll() is not None:
                    break
        raise AssertionError(f"penstockd does not start:\n{self.tail()}")

    def tail(self):
        text = pathlib.Path(self.log).read_text(errors="replace")
        return "\n".join(text.splitlines()[-30:])

    def kill(self):
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(PATIENCE_S)
        except subprocess.TimeoutExpired:
            self.process.send_signal(signal.SIGABRT)
            self.process.wait()
            raise AssertionError(f"penstockd does not stop:\n{self.tail()}") from None

    def check_alive(self):
        assert self.process.poll() is None, \
            f"penstockd died: {self.process.returncode}\n{self.tail()}"

    def children(self):
        """The daemon's GPU processes."""
        path = f"/proc/{self.process.pid}/task/{self.process.pid}/children"
        return [int(pid) for pid in pathlib.Path(path).read_text().split()]

    def __enter__(self):
        return self

    def __exit__(self, kind, value, trace):
        try:
            if self.process.poll() is None:
                code = self.stop()
                assert kind is not None or code == 0, f"exit status {code}\n{self.tail()}"
            elif kind is None:
                raise AssertionError(f"penstockd died: {self.process.returncode}\n{self.tail()}")
        finally:
            if kind is not None:
                print(self.tail(), file=sys.stderr)
            shutil.rmtree(self.directory, ignore_errors=True)


def program(name):
    for path in (BUILD / name, BUILD / "daemon" / name, BUILD / "gpu-backend" / name):
        if path.exists():
            return str(path)
    raise Skip(f"{name} is not built")


def shader(name):
    """SPIR-V that the build has made of tests/shaders/NAME."""
    path = BUILD / "tests" / "shaders" / f"{name}.spv"
    if not path.exists():
        raise Skip(f"{name} is not compiled")
    return path.read_bytes()


# ---------------------------------------------------------------- a connection


Frame = collections.namedtuple("Frame", "type message payload serial")


class Pending:
    """A request without its answer yet."""

    def __init__(self, serial, name, count=1):
        self.serial = serial
        self.name = name
        self.count = count
        self.status = None
        self.answer = None
        self.payload = b""

    def __repr__(self):
        return f"{self.name} {self.serial}: {STATUS_NAMES.get(self.status, self.status)}"


class Peer:
    """A connection, and the session behind it. Requests are sent without waiting; `wait` reads
    answers until one request has its own."""

    def __init__(self, daemon, hello=True, address=None, **fields):
        self.socket = socket.socket(socket.AF_UNIX if address is None else socket.AF_INET,
                                    socket.SOCK_STREAM)
        self.socket.settimeout(PATIENCE_S)
        self.socket.connect(daemon.socket if address is None else address)
        self.received = bytearray()
        self.serial = 0
        self.pending = collections.deque()
        self.fences = []  # Fence messages, in order
        self.values = []  # SyncValue messages, in order
        self.indices = itertools.count(1)
        self.welcome = None
        self.order = []  # serials of answers, as they came
        if hello:
            self.hello(**fields)

    # -- bytes

    def send(self, data):
        self.socket.sendall(data)

    def receive(self, size):
        while len(self.received) < size:
            try:
                data = self.socket.recv(1 << 20)
            except ConnectionResetError:
                raise Closed(None, "reset") from None
            if not data:
                raise Closed(None, f"end of file with {len(self.received)} bytes of a frame")
            self.received += data
        data = bytes(self.received[:size])
        del self.received[:size]
        return data

    def frame(self):
        magic, number, zero, message_bytes, payload_bytes, serial = \
            wire.HEADER.unpack(self.receive(24))
        assert magic == wire.MAGIC and zero == 0, "the daemon's frame is malformed"
        assert number in wire.NAMES and number >= 0x80, f"the daemon sent type {number:#x}"
        name = wire.NAMES[number]
        message = wire.decode(wire.TYPES[name][1], self.receive(message_bytes))
        return Frame(name, message, self.receive(payload_bytes), serial)

    def close(self):
        self.socket.close()

    def reset(self):
        """Ends the connection by RST where the transport has one, without reading."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.socket.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    # -- hello

    def say_hello(self, **fields):
        self.send(wire.frame("HELLO", 0, **{"major": 1, "minor": 0, "isa_version": 1,
                                            "client": "blackbox", **fields}))

    def hello(self, **fields):
        self.say_hello(**fields)
        self.take_welcome()

    def take_welcome(self):
        frame = self.frame()
        if frame.type == "CLOSING":
            raise Closed(frame.message.status, frame.message.sentence)
        assert frame.type == "WELCOME" and frame.serial == 0 and frame.payload == b"", frame
        self.welcome = frame.message
        if self.welcome.resumed:
            self.serial = self.welcome.last_serial

    @property
    def id(self):
        return {"session_high": self.welcome.session_high,
                "session_low": self.welcome.session_low}

    # -- requests

    def request(self, kind, payload=b"", /, *, count=1, raw=None, **fields):
        """Sends, does not wait."""
        pending = Pending(self.serial + 1, kind, count)
        self.serial += count
        for i in range(count):
            self.pending.append(pending if count == 1 else Pending(pending.serial + i, kind))
        self.send(wire.frame(kind, pending.serial, payload, raw=raw, **fields))
        return pending if count == 1 else list(self.pending)[-count:]

    def complete(self, frame):
        """An answer: everything before it has succeeded."""
        assert frame.serial > (self.order[-1] if self.order else 0), \
            f"answer {frame.serial} after {self.order[-1:]}"
        self.order.append(frame.serial)
        while self.pending and self.pending[0].serial <= frame.serial:
            pending = self.pending.popleft()
            if pending.serial < frame.serial or frame.type == "ACK":
                pending.status = STATUS["SUCCESS"]
            else:
                pending.status = STATUS["SUCCESS"]
                pending.answer, pending.payload = frame.message, frame.payload
                if frame.type == "REFUSAL":
                    pending.status = frame.message.status
                    assert pending.status != STATUS["SUCCESS"] and frame.message.sentence, frame

    def take(self):
        """One frame."""
        frame = self.frame()
        if frame.type == "CLOSING":
            raise Closed(frame.message.status, frame.message.sentence)
        if frame.type == "FENCE":
            assert frame.serial == 0, frame
            self.fences.append(frame.message)
        elif frame.type == "SYNC_VALUE":
            assert frame.serial == 0, frame
            self.values.append(frame.message)
        else:
            self.complete(frame)
        return frame

    def settle(self, pending):
        """Reads until the request has its answer; returns it, whatever it is."""
        while pending.status is None:
            self.take()
        return pending

    def wait(self, pending):
        self.settle(pending)
        if pending.status != STATUS["SUCCESS"]:
            raise Refused(pending.answer)
        return pending

    def sync(self):
        """Everything before has its answer then."""
        return self.wait(self.request("SYNC"))

    def wait_fence(self, context, serial):
        """Reads until that submission has ended; returns its status."""
        while True:
            for fence in self.fences:
                if fence.context == context and fence.fence >= serial:
                    return fence.status
            self.take()

    def expect_closing(self, status):
        """Reads to the daemon's last word, and to the end of file behind it."""
        try:
            while True:
                self.take()
        except Closed as closed:
            assert closed.status == STATUS[status], f"{closed}, expected {status}"
            assert closed.sentence or status == "SUCCESS"
        try:
            extra = self.receive(1)
        except Closed:
            return
        raise AssertionError(f"bytes behind Closing: {extra}")

    # -- objects

    def name(self, generation=1):
        return next(self.indices) | generation << 32

    def device(self, name=None, **fields):
        name = name or self.name()
        self.request("CREATE_DEVICE", name=name, **fields)
        return name

    def context(self, device, name=None, **fields):
        name = name or self.name()
        self.request("CREATE_CONTEXT", name=name, device=device, **fields)
        return name

    def allocation(self, device, size_bytes, name=None, **fields):
        name = name or self.name()
        self.request("CREATE_ALLOCATION", name=name, device=device, size_bytes=size_bytes, **fields)
        return name

    def pipeline(self, device, spirv, name=None, entry_point="main", constants=()):
        """A compute pipeline; `constants`: (SpecId, bytes, value) each."""
        name = name or self.name()
        stage = {"stage": wire.GLCOMPUTE, "entry_point": entry_point, "spirv_bytes": len(spirv),
                 "constants": [dict(zip(("id", "size_bytes", "value"), constant))
                               for constant in constants]}
        return name, self.request("CREATE_PIPELINE", spirv, name=name, device=device,
                                  stages=[stage])

    def open(self, device, token, read_only=False, name=None):
        name = name or self.name()
        return name, self.request("OPEN_ALLOCATION", name=name, device=device, token_high=token[0],
                                  token_low=token[1], read_only=read_only)

    def share(self, allocation):
        answer = self.wait(self.request("SHARE_ALLOCATION", name=allocation)).answer
        return answer.token_high, answer.token_low

    def sync_object(self, device, value=0, name=None):
        name = name or self.name()
        self.request("CREATE_SYNC_OBJECT", name=name, device=device, value=value)
        return name

    def share_sync(self, name):
        answer = self.wait(self.request("SHARE_SYNC_OBJECT", name=name)).answer
        return answer.token_high, answer.token_low

    def open_sync(self, device, token, name=None):
        name = name or self.name()
        return name, self.request("OPEN_SYNC_OBJECT", name=name, device=device,
                                  token_high=token[0], token_low=token[1])

    def signal(self, name, value, context=0):
        return self.request("SIGNAL", context=context, object=name, value=value)

    def wait_for(self, name, value, context=0):
        return self.request("WAIT", context=context, object=name, value=value)

    def value(self, name):
        return self.wait(self.request("QUERY_SYNC_OBJECT", name=name)).answer.value

    def told(self, name):
        """Reads until the daemon has told a value that this client waited for itself."""
        while True:
            for told in self.values:
                if told.object == name:
                    self.values.remove(told)
                    return told
            self.take()

    def upload(self, allocation, data, offset=0):
        return self.request("UPLOAD", data, allocation=allocation, offset=offset)

    def read_back(self, allocation, size, offset=0):
        return self.request("READ_BACK", allocation=allocation, offset=offset, size_bytes=size)

    def read(self, allocation, size, offset=0):
        data = self.wait(self.read_back(allocation, size, offset)).payload
        assert len(data) == size
        return data

    def submit(self, *submissions):
        return self.request("SUBMIT", b"".join(submissions), count=len(submissions),
                            raw=wire.encode("Submit", count=len(submissions)))


def refused(peer, pending, status):
    """The request is refused with that status; returns the refusal."""
    peer.settle(pending)
    assert pending.status == STATUS[status], f"{pending}, expected {status}: {pending.answer}"
    return pending.answer


# ---------------------------------------------------------------- tests


def run(tests, resource=None):
    """The main of a test program: every function in `tests`, in order, with what `resource()`
    gives (a context manager, shared). Writes TAP; exits 1 if one failed."""
    lines = []
    failed = 0
    chosen = sys.argv[1:]
    program_name = pathlib.Path(sys.argv[0]).stem

    def case(test, *arguments):
        nonlocal failed
        name = f"{program_name}:{test.__name__}"
        try:
            test(*arguments)
            lines.append(f"ok {len(lines) + 1} - {name}: Passed")
        except Skip as skip:
            lines.append(f"ok {len(lines) + 1} - {name}: {skip} # SKIP")
        except Exception:  # pylint: disable=broad-except
            failed += 1
            traceback.print_exc()
            lines.append(f"not ok {len(lines) + 1} - {name}: "
                         f"{traceback.format_exc().strip().splitlines()[-1]}")
        print(lines[-1], flush=True)

    def every(*arguments):
        for test in tests:
            if not chosen or test.__name__ in chosen:
                case(test, *arguments)

    def stops_clean():
        with resource() as daemon:
            every(daemon)
            daemon.check_alive()

    if resource is None:
        every()
    else:
        case(stops_clean)
    lines.append(f"1..{len(lines)}")
    path = os.environ.get("CK_TAP_LOG_FILE_NAME")
    if path:
        pathlib.Path(path).write_text("\n".join(lines) + "\n")
    sys.exit(1 if failed else 0)
