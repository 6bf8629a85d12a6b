#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""penstock run against a small server of the test's own, which knows fill, refuses what it is told
to refuse, and can go away: what the tool sends, what it says and how it exits."""

import contextlib
import os
import pathlib
import re
import socket
import struct
import subprocess
import tempfile
import threading

import peer
import tools
import wire
from wire import STATUS


class Server(threading.Thread):
    """One session. Allocations are bytearrays; the only instructions are nop and fill; opcode
    0x7777 is refused where it stands. With `vanish_at`, the connection ends at that frame."""

    def __init__(self, vanish_at=None):
        super().__init__(daemon=True)
        self.temporary = tempfile.TemporaryDirectory(prefix="penstock-run-")
        self.directory = self.temporary.name
        self.path = f"{self.directory}/socket"
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(self.path)
        self.listener.listen()
        self.vanish_at = vanish_at
        self.seen = []  # (type, message)
        self.submissions = []  # (context, flags, names and flags, patches, command)
        self.names = {}  # name -> bytearray, or None of what is no allocation
        self.tokens = {}
        self.pipelines = []  # (message, payload)
        self.start()

    def run(self):
        connection, _ = self.listener.accept()
        with connection, contextlib.suppress(ConnectionError, BrokenPipeError):
            self.stream = connection.makefile("rwb")
            while self.frame():
                pass
            connection.shutdown(socket.SHUT_RDWR)  # the stream is another reference to it

    def send(self, name, serial, payload=b"", **fields):
        self.stream.write(wire.frame(name, serial, payload, **fields))
        self.stream.flush()

    def refuse(self, serial, status, **fields):
        self.send("REFUSAL", serial, status=STATUS[status], **fields)

    def frame(self):
        head = self.stream.read(wire.HEADER.size)
        if len(head) < wire.HEADER.size:
            return False
        _, number, _, message_bytes, payload_bytes, serial = wire.HEADER.unpack(head)
        name = wire.NAMES[number]
        message = wire.decode(wire.TYPES[name][1], self.stream.read(message_bytes))
        payload = self.stream.read(payload_bytes)
        self.seen.append((name, message))
        if name == self.vanish_at:
            return False
        getattr(self, name.lower())(serial, message, payload)
        return name != "GOODBYE"

    def hello(self, serial, _message, _payload):
        self.send("WELCOME", serial, major=1, isa_version=1, server="test", session_high=1,
                  session_low=2, principal="test", max_message_bytes=wire.MESSAGE_MAX,
                  max_payload_bytes=wire.PAYLOAD_MAX, held_submissions=64, held_bytes=1 << 20,
                  pitch_alignment=64)

    def make(self, serial, message, content=None):
        self.names[message.name] = content
        self.send("ACK", serial)

    def create_device(self, serial, message, _payload):
        self.make(serial, message)

    def create_context(self, serial, message, _payload):
        self.make(serial, message)

    def create_allocation(self, serial, message, _payload):
        size = message.size_bytes
        if message.width:
            pitch = message.pitch_bytes or (message.width * 4 + 63) // 64 * 64
            size = pitch * message.height
        if size == 13:
            self.refuse(serial, "NO_MEMORY", sentence="thirteen \x1b[31mbytes")
        else:
            self.make(serial, message, bytearray(size))

    def create_pipeline(self, serial, message, payload):
        self.pipelines.append((message, payload))
        if payload == b"none":
            self.refuse(serial, "INVALID_PARAMETER", sentence="compute shader, word 0: no magic")
        else:
            self.make(serial, message)

    def share_allocation(self, serial, message, _payload):
        self.tokens[7, 9] = self.names[message.name]
        self.send("SHARED", serial, token_high=7, token_low=9)

    def open_allocation(self, serial, message, _payload):
        self.make(serial, message, self.tokens[message.token_high, message.token_low])

    def destroy(self, serial, message, _payload):
        if self.names.pop(message.name, self) is self:
            self.refuse(serial, "INVALID_HANDLE", sentence="names nothing")
        else:
            self.send("ACK", serial)

    def upload(self, serial, message, payload):
        content = self.names.get(message.allocation)
        if content is None:
            self.refuse(serial, "INVALID_HANDLE", sentence="no such allocation")
            return
        content[message.offset:message.offset + len(payload)] = payload
        self.send("ACK", serial)

    def read_back(self, serial, message, _payload):
        content = self.names.get(message.allocation)
        if content is None:
            self.refuse(serial, "INVALID_HANDLE", sentence="no such allocation")
            return
        end = message.offset + message.size_bytes
        self.send("READ_DATA", serial, bytes(content[message.offset:end]))

    def sync(self, serial, _message, _payload):
        self.send("ACK", serial)

    def goodbye(self, serial, _message, _payload):
        self.send("CLOSING", serial, status=0, sentence="bye")

    def submit(self, serial, message, payload):
        for index in range(message.count):
            payload = self.submission(serial + index, payload)

    def submission(self, serial, payload):
        record = struct.unpack_from("<Q10I", payload)
        at = 48
        elements = [struct.unpack_from("<QI", payload, at + 16 * i) for i in range(record[4])]
        at += 16 * record[4]
        patches = payload[at:at + 24 * record[5]]
        at += 24 * record[5]
        command = payload[at:at + record[3]]
        self.submissions.append((record[0], record[1], elements, patches, command))
        if self.execute(serial, elements, command):
            self.send("ACK", serial)
            self.send("FENCE", 0, context=record[0], fence=serial, status=0)
        return payload[(at + record[3] + 7) // 8 * 8:]

    def execute(self, serial, elements, command):
        at = 0
        while at < len(command):
            opcode, dwords = struct.unpack_from("<HH", command, at)
            if opcode == 0x7777:
                self.refuse(serial, "ILLEGAL_INSTRUCTION", at_instruction=True, byte_offset=at,
                            instruction="fill", operand="size", sentence="it is no instruction")
                return False
            if opcode == 2:
                index, _, offset, size, pattern = struct.unpack_from("<HHQQI", command, at + 4)
                content = self.names[elements[index][0]]
                content[offset:offset + size] = struct.pack("<I", pattern) * (size // 4)
            at += 4 * dwords
        return True


def is_replayed(directory):
    """What was recorded of a run that went well is the same with another server of this kind."""
    again = Server()
    result = subprocess.run([peer.program("penstock"), "--server", f"unix:{again.path}", "replay",
                             str(directory / "s.rec")], capture_output=True, text=True,
                            timeout=peer.PATIENCE_S, check=False)
    assert result.returncode == 0 and result.stdout.endswith("; all the same\n"), \
        f"exit {result.returncode}: {result.stdout}{result.stderr}"


def run_script(text, code, *patterns, server=None, files=None, out=(), path=None):
    """Runs the script in a directory of its own, which lives as long as the server; returns
    both. `path` is the PATH, in which compilers are found."""
    server = server or Server()
    directory = pathlib.Path(server.directory)
    (directory / "s.pasm").write_text(text)
    for name, content in (files or {}).items():
        (directory / name).write_bytes(content)
    tool, environment = peer.program("penstock"), dict(os.environ)
    if path is not None:  # libtool's script in the build folder would need one of its own
        tool = tools.program_for_everybody("penstock")
        environment |= {"PATH": path, "LD_LIBRARY_PATH": str(tools.everybodys_folder())}
    result = subprocess.run(
        [tool, "--server", f"unix:{server.path}", "run", "--record", "s.rec", "s.pasm"],
        capture_output=True, text=True, cwd=directory, timeout=peer.PATIENCE_S, check=False,
        env=environment)
    lines = result.stderr.splitlines()
    assert result.returncode == code, f"exit {result.returncode}: {result.stderr}"
    assert len(lines) == len(patterns), result.stderr
    for line, pattern in zip(lines, patterns):
        assert re.fullmatch(pattern, line), f"{line!r} is not {pattern!r}"
    if code == 0:
        is_replayed(directory)
    for pattern in out:
        assert re.search(pattern, result.stdout, re.M), f"{pattern!r} is not in {result.stdout!r}"
    return server, directory


BEGIN = "device gpu\ncontext work\n"


def a_good_script_exits_0():
    server, directory = run_script(BEGIN + """
        allocation data size=64 hex=[aa bb]
        submit work if_predecessor_ran {
            list null data:w
            patch allocation=@data slot=0 offset=8 at=8 split=0
            fill destination=@data offset=8 size=8 pattern=0x04030201
        }
        expect SUCCESS
        expect bytes data hex=[aa bb 00 00]
        expect bytes data offset=8 file="wanted.bin"
        print "text"
        print hex data offset=8 size=4
        print hash data size=0
        read data offset=8 size=3 file="out.bin"
        """, 0,
        files={"wanted.bin": bytes([1, 2, 3, 4] * 2)},
        out=["^text$", "^00000008  01 02 03 04$",
             "^99aa06d3014798d86001c324468d497f  data$"])  # XXH3-128 of nothing
    assert (directory / "out.bin").read_bytes() == bytes([1, 2, 3])
    context, flags, elements, patches, command = server.submissions[0]
    assert flags == 0x10000 and elements[0] == (0, 0) and elements[1][1] == 1
    assert patches == struct.pack("<QIIII", 8, 1, 0, 8, 0)
    assert command == wire.fill(1, 8, 8, 0x04030201)
    assert context in server.names or server.seen[-1][0] == "GOODBYE"


def a_refusal_names_line_byte_instruction_operand_and_sentence():
    run_script(BEGIN + """allocation data size=64
submit work {
	list data:w
	nop

	.dword 0x00017777
}
submit work {
	list data:w
	fill destination=@data size=64 pattern=0x01010101
}
expect SUCCESS
expect bytes data hex=0101
""", 1, re.escape("s.pasm:4: submit: ILLEGAL_INSTRUCTION at byte 0x4 (line 8), instruction fill, "
                  "operand size: it is no instruction"))


def what_is_expected_is_no_failure():
    run_script(BEGIN + """
        submit work {
            .dword 0x00017777
        }
        expect ILLEGAL_INSTRUCTION at 0x0
        allocation bad size=13
        expect NO_MEMORY
        allocation worse size=13 hex=00
        expect NO_MEMORY
        upload bad hex=00
        expect INVALID_HANDLE
        read bad size=4 file="x"
        expect INVALID_HANDLE
        handle ghost value=0x500000001
        destroy ghost
        expect INVALID_HANDLE
        sync
        """, 0)


def what_is_not_as_expected_is_reported_and_the_run_goes_on():
    run_script(BEGIN + """allocation data size=64
submit work {
	nop
}
expect INVALID_HANDLE
submit work {
	nop
	.dword 0x00017777
}
expect ILLEGAL_INSTRUCTION at 0x8
expect bytes data offset=4 hex=[00 01 02]
expect hash data is=00112233445566778899aabbccddeeff
allocation bad size=13
""", 1, "s.pasm:7: submit of line 4: expected INVALID_HANDLE, not SUCCESS",
        re.escape("s.pasm:12: submit of line 8: expected byte 0x8, not ILLEGAL_INSTRUCTION at byte "
                  "0x4 (line 10), instruction fill, operand size: it is no instruction"),
        re.escape("s.pasm:13: byte 0x5 of 'data' is 00, expected 01; 2 of 3 bytes differ"),
        "s.pasm:14: the hash of 'data' is [0-9a-f]{32}, expected 00112233445566778899aabbccddeeff",
        # a control character of a server's sentence does not reach the terminal
        re.escape("s.pasm:15: allocation: NO_MEMORY: thirteen ?[31mbytes"))


def pictures_go_up_and_come_back():
    server, directory = run_script(BEGIN + """
        allocation a width=3 height=2 format=A8R8G8B8 hex=[01 02 03 ff 04 05 06 80]
        read a png="a.png"
        expect pixels a x=0 y=0 color=0xff030201
        expect pixels a x=1 y=0 color=0x80060500 tolerance=4
        expect pixels a rect=(0,1,3,2) color=0
        """, 0)
    assert [name for name, _ in server.seen].count("READ_BACK") == 4
    run_script(BEGIN + """allocation b png="b.png"
expect pixels b x=0 y=0 color=0xff030201
expect pixels b png="b.png"
allocation c width=5 height=5 format=X8B8G8R8
expect pixels c png="b.png" x=2 y=3
expect pixels c x=5 y=0 color=0
expect pixels c rect=(0,0,6,1) color=0
expect pixels b x=2 y=1 color=0x01000000
""", 1, re.escape("s.pasm:7: pixel (2,3) is 0xff000000, expected 0xff030201 of 'c'; 2 pixels "
                  "differ"), "s.pasm:8: 'c' has 5x5 pixels only",
        "s.pasm:9: the rectangle is not inside 'c', 5x5 pixels",
        re.escape("s.pasm:10: pixel (2,1) is 0x00000000, expected 0x01000000 of 'b'; 1 pixels "
                  "differ"), files={"b.png": (directory / "a.png").read_bytes()})


def a_shared_allocation_is_known_by_its_token():
    run_script(BEGIN + """
        allocation data size=8 hex=[01 02 03 04 05 06 07 08]
        share data token=t
        print token t
        open view token=t read_only
        open other token=00000000000000070000000000000009 size=8
        expect bytes view hex=[01 02 03 04 05 06 07 08]
        print hash view
        print hash other
        """, 0, out=["^00000000000000070000000000000009$"])
    run_script("device gpu\nallocation d size=4\nshare d token=t\n"
               "open o token=00000000000000070000000000000009\nprint hex o\n", 1,
               "s.pasm:5: size= is needed: the size of 'o' is not known here")


SPIRV = struct.pack("<5I", 0x07230203, 0x00010600, 0, 1, 0)  # a module of nothing but its header


def a_pipeline_goes_with_its_shader_entry_point_and_constants():
    server, _ = run_script(BEGIN + """
        allocation data size=64
        pipeline double compute="double.spv" entry="go" constants=[7:u32=64 9:f32=1.5]
        submit work {
            list double data:w
            bind_pipeline pipeline=@double
            bind_buffer_write allocation=@data size=64 binding=2
            push_constants data=[5]
            dispatch groups_x=2 groups_y=1 groups_z=1
        }
        expect SUCCESS
        destroy double
        expect SUCCESS
        """, 0, files={"double.spv": SPIRV})
    message, payload = server.pipelines[0]
    assert payload == SPIRV
    stage, = message.stages
    assert (stage.stage, stage.entry_point, stage.spirv_bytes) == (5, "go", len(SPIRV)), message
    assert [(c.id, c.size_bytes, c.value) for c in stage.constants] == [(7, 4, 64),
                                                                       (9, 4, 0x3fc00000)]
    _, _, elements, _, command = server.submissions[0]
    assert elements[0] == (message.name, 0) and elements[1][1] == 1
    assert command == (wire.bind_pipeline(0) + wire.bind_buffer(1, 0, 64, binding=2) +
                       wire.push_constants(0, [5]) + wire.dispatch((2, 1, 1)))


def a_refused_pipeline_is_expected_or_reported():
    run_script(BEGIN + """
        pipeline none compute="none.spv"
        expect INVALID_PARAMETER
        """, 0, files={"none.spv": b"none"})
    run_script(BEGIN + """pipeline none compute="none.spv"\n""", 1, re.escape(
        "s.pasm:3: pipeline: INVALID_PARAMETER: compute shader, word 0: no magic"),
               files={"none.spv": b"none"})


def shaders_are_compiled_by_what_the_path_has():
    """With compilers of the test's own: what they are asked for, and what becomes of their words."""
    server = Server()
    programs = pathlib.Path(server.directory, "programs")
    programs.mkdir()
    for name in ("glslangValidator", "spirv-as"):
        (programs / name).write_text(f"""#!/bin/sh
for last; do :; done
while [ "$1" != -o ]; do echo "$1"; shift; done >"{server.directory}/$last.arguments"
echo a word of a compiler
[ ! -e "$last.words" ] || {{ /bin/cat "$last.words"; exit 1; }}
/bin/cat "$last" >"$2"
""")
        (programs / name).chmod(0o755)
    text = BEGIN + "".join(f'pipeline p{i} compute="{name}"\n' for i, name in
                           enumerate(("a.comp", "b.glsl", "-c.spvasm")))
    _, directory = run_script(text, 0, server=server, path=str(programs), files={
        "a.comp": b"aaaa", "b.glsl": b"bbbb", "-c.spvasm": b"cccc"})
    assert [payload for _, payload in server.pipelines] == [b"aaaa", b"bbbb", b"cccc"]
    glsl = ["-V", "--target-env", "vulkan1.3", "-S", "comp"]
    for name, arguments in (("a.comp", glsl), ("b.glsl", glsl),
                            ("-c.spvasm", ["--target-env", "vulkan1.3"])):
        assert (directory / f"{name}.arguments").read_text().split() == arguments
    for words, pattern in (
            (b"a.comp\nERROR: a.comp:3: 'foo' : undeclared \nERROR: a.comp:4: 'bar'\n",
             r"s.pasm:3: a.comp:3: 'foo' : undeclared"),
            (b"error: 2: 1: Invalid Opcode name 'OpFoo'\n",
             r"s.pasm:3: a.comp:2:1: Invalid Opcode name 'OpFoo'"),
            (b"ERROR: #version: compute shaders require it\n",
             r"s.pasm:3: a.comp: #version: compute shaders require it"),
            (b"", r"s.pasm:3: a.comp: glslangValidator makes nothing of it")):
        run_script(text, 2, pattern, path=str(programs), files={
            "a.comp": b"aaaa", "b.glsl": b"b", "-c.spvasm": b"c", "a.comp.words": words})
    run_script(text, 2, r"s.pasm:3: a.comp needs glslangValidator: No such file or directory",
               path="/nowhere", files={"a.comp": b""})
    run_script(BEGIN + 'pipeline p compute="a.txt"\n', 2,
               r"s.pasm:3: a.txt: a shader is a .spv, .spvasm, .vert, .tesc, .tese, .geom, .frag, "
               r".comp or .glsl file")
    run_script(BEGIN + 'pipeline p compute="a.spv"\n', 2,
               r"s.pasm:3: a.spv: No such file or directory")
    run_script(text, 2, r"s.pasm:3: a.comp: larger than 1048576 bytes as SPIR-V",
               path=str(programs), files={"a.comp": bytes(1 << 21)})


def a_lost_connection_ends_the_run():
    run_script(BEGIN + "sync\nprint \"never\"\n", 1, "s.pasm:3: the connection ended: .*",
               server=Server(vanish_at="SYNC"))


def a_faulty_script_makes_no_request():
    server = Server()
    run_script(BEGIN + "fly\n", 2, "s.pasm:3:1: there is no statement 'fly'", server=server)
    assert not server.seen


if __name__ == "__main__":
    os.environ.pop("PENSTOCK_SERVER", None)
    peer.run([a_good_script_exits_0, a_refusal_names_line_byte_instruction_operand_and_sentence,
              what_is_expected_is_no_failure,
              what_is_not_as_expected_is_reported_and_the_run_goes_on,
              a_pipeline_goes_with_its_shader_entry_point_and_constants,
              a_refused_pipeline_is_expected_or_reported,
              shaders_are_compiled_by_what_the_path_has,
              pictures_go_up_and_come_back, a_shared_allocation_is_known_by_its_token,
              a_lost_connection_ends_the_run, a_faulty_script_makes_no_request])
