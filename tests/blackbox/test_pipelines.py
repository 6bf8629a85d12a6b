#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Pipelines on the wire: what is refused before a shader is looked at, with an adapter that has
pipelines and with one that has none."""

import functools
import json
import pathlib
import struct
import subprocess
import tempfile

import graphics
import wire
from peer import Daemon, Peer, refused, run
from test_operator import until
from tools import penstock

MODULE = struct.pack("<5I", 0x07230203, 0x00010600, 0, 1, 0)  # nothing but the header of one


def has_pipelines(peer):
    return peer.welcome.adapters[0].pipelines


def stage(spirv_bytes, model=wire.GLCOMPUTE, constants=()):
    return {"stage": model, "entry_point": "main", "spirv_bytes": spirv_bytes,
            "constants": [{"id": i, "size_bytes": 4, "value": 1} for i in constants]}


def an_adapter_without_pipelines_says_so(daemon):
    with Peer(daemon) as peer:
        device = peer.device()
        context = peer.context(device)
        name, pending = peer.pipeline(device, MODULE)
        if has_pipelines(peer):
            refusal = refused(peer, pending, "INVALID_PARAMETER")
            assert refusal.sentence.startswith("compute shader"), refusal
        else:
            refusal = refused(peer, pending, "NOT_IMPLEMENTED")
            assert "no pipelines" in refusal.sentence, refusal
            refused(peer, peer.submit(wire.submission(
                context, wire.dispatch((1, 1, 1)))), "ILLEGAL_INSTRUCTION")
        refused(peer, peer.request("DESTROY", name=name), "INVALID_HANDLE")
    result = penstock(daemon, "info", "--json")
    assert [bool(row["pipelines"]) for row in json.loads(result.stdout)["adapters"]] == \
        [has_pipelines(peer)], result


def what_does_not_add_up_is_refused_and_takes_no_name(daemon):
    with Peer(daemon) as peer:
        device = peer.device()
        name = peer.name()
        for stages, payload, words in (
                ([stage(8)], b"1234", "more SPIR-V than the payload"),
                ([stage(4)], b"12345678", "more SPIR-V than the stages"),
                ([stage(0xffffffff), stage(9)], b"12345678", "more SPIR-V than the payload"),
                ([], b"1234", "more SPIR-V than the stages"),
                ([stage(4)] * 6, b"1234" * 6, "more stages"),
                ([stage(4, constants=range(257))], b"1234", "more specialization constants"),
                ([], b"", "a compute stage alone"),
                ([stage(4, model=wire.FRAGMENT)], b"1234", "a compute stage alone"),
                ([stage(4, model=wire.VERTEX)], b"1234", "needs a graphics state"),
                ([stage(4, model=wire.VERTEX), stage(4)], b"12345678", "a compute stage alone"),
                ([stage(4, model=wire.VERTEX), stage(4, model=wire.CONTROL)], b"12345678",
                 "both stages of tessellation"),
                ([stage(4, model=6)], b"1234", "stage"),
                ([stage(4, model=0xffffffff)], b"1234", "stage"),
                ([stage(4), stage(4)], b"12345678", "stage 5 is there twice"),
                ([stage(3)], b"123", "multiple of 4"),
                ([stage(0)], b"", "at least one word")):
            refusal = refused(peer, peer.request("CREATE_PIPELINE", payload, name=name,
                                                 device=device, stages=stages),
                              "INVALID_PARAMETER")
            assert words in refusal.sentence, (words, refusal)
        for state, words in ((b"1234", "another size"), (graphics.state() + b"1234", "another size"),
                             (graphics.state(), "a compute pipeline has no graphics state")):
            refusal = refused(peer, peer.request("CREATE_PIPELINE", b"1234", name=name,
                                                 device=device, stages=[stage(4)],
                                                 graphics=state), "INVALID_PARAMETER")
            assert words in refusal.sentence, (words, refusal)
        for stages, payload in (([stage((1 << 20) + 4)], bytes((1 << 20) + 4)),
                                ([{**stage(4), "entry_point": "e" * 256}], b"1234")):
            refused(peer, peer.request("CREATE_PIPELINE", payload, name=name, device=device,
                                       stages=stages), "LIMIT_EXCEEDED")
        refused(peer, peer.request("CREATE_PIPELINE", b"1234", raw=b"\x09"), "MALFORMED_MESSAGE")
        refused(peer, peer.pipeline(device + 1, MODULE, name=name)[1], "INVALID_HANDLE")
        peer.wait(peer.request("CREATE_DEVICE", name=name))


def compiled(text, ending="comp"):
    """SPIR-V of a shader."""
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder, f"shader.{ending}")
        path.write_text(text)
        subprocess.run(["glslangValidator", "-V", "--quiet", "--target-env", "vulkan1.3", "-o",
                        f"{path}.spv", path], check=True, capture_output=True)
        return pathlib.Path(f"{path}.spv").read_bytes()


DOUBLE = """#version 450
layout(local_size_x = 4) in;
layout(set = 0, binding = 0) buffer Numbers { uint numbers[]; };
void main() { numbers[gl_GlobalInvocationID.x] *= 2u; }
"""
# As much work as it is told.
LONG = """#version 450
layout(local_size_x = 64) in;
layout(set = 0, binding = 0) buffer Numbers { uint numbers[]; };
layout(push_constant) uniform Pushed { uint turns; };
void main() {
	uint i = gl_GlobalInvocationID.x;
	uint value = numbers[i];
	for (uint n = 0u; n < turns; n++) {
		value = value * 1664525u + i;
	}
	numbers[i] = value;
}
"""


def with_pipelines(test):
    """Nothing of it can be shown on an adapter that has none, which another test sees refuse."""
    @functools.wraps(test)
    def wrapped(daemon):
        with Peer(daemon) as peer:
            if has_pipelines(peer):
                test(daemon, peer)
    return wrapped


def dispatch_on(context, pipeline, memory, size, groups, turns=None):
    command = wire.bind_pipeline(0) + wire.bind_buffer(1, 0, size)
    if turns is not None:
        command += wire.push_constants(0, [turns])
    return wire.submission(context, command + wire.dispatch((groups, 1, 1)),
                           [(pipeline, False), (memory, True)])


@with_pipelines
def what_is_created_is_used_in_the_next_frame(_daemon, peer):
    device = peer.device()
    context, memory = peer.context(device), peer.allocation(device, 4096)
    peer.upload(memory, struct.pack("<4I", 1, 2, 3, 4))
    spirv = compiled(DOUBLE)
    pipeline, _ = peer.pipeline(device, spirv)
    peer.submit(dispatch_on(context, pipeline, memory, 16, 1))
    assert struct.unpack("<4I", peer.read(memory, 16)) == (2, 4, 6, 8)
    # So is one that is refused: its name is nobody's then, for what stands behind it too.
    bad, pending = peer.pipeline(device, spirv[:-4])
    submitted = peer.submit(dispatch_on(context, bad, memory, 16, 1))
    destroyed = peer.request("DESTROY", name=bad)
    refusal = refused(peer, pending, "INVALID_PARAMETER")
    assert refusal.sentence.startswith("compute shader"), refusal
    refused(peer, submitted, "INVALID_HANDLE")
    refused(peer, destroyed, "INVALID_HANDLE")
    # Destroyed in the next frame, it is used to its end.
    pipeline, _ = peer.pipeline(device, spirv)
    peer.submit(dispatch_on(context, pipeline, memory, 16, 1))
    peer.wait(peer.request("DESTROY", name=pipeline))
    assert struct.unpack("<4I", peer.read(memory, 16)) == (4, 8, 12, 16)
    refused(peer, peer.submit(dispatch_on(context, pipeline, memory, 16, 1)), "INVALID_HANDLE")


@with_pipelines
def nothing_but_submissions_uses_a_pipeline(_daemon, peer):
    device = peer.device()
    context = peer.context(device)
    pipeline, pending = peer.pipeline(device, compiled(DOUBLE))
    peer.wait(pending)
    usage = "GRAPHICS_INVALID_ALLOCATION_USAGE"
    refused(peer, peer.upload(pipeline, b"abcd"), "ACCESS_DENIED")
    refused(peer, peer.read_back(pipeline, 4), usage)
    refused(peer, peer.request("SHARE_ALLOCATION", name=pipeline), usage)
    refused(peer, peer.request("OFFER_ALLOCATIONS", allocations=[pipeline], priority=1),
            "ACCESS_DENIED")
    for command in (wire.fill(0, 0, 4, 0), wire.nop()):
        refused(peer, peer.submit(wire.submission(context, command, [(pipeline, True)])),
                "ACCESS_DENIED")
    peer.wait(peer.submit(wire.submission(context, wire.nop(), [(pipeline, False)])))


def after(turns, index):
    """What LONG makes of a zero: an affine map, as often as it says."""
    value, factor, term = 0, 1664525, index
    while turns:
        if turns & 1:
            value = (value * factor + term) & 0xffffffff
        factor, term = factor * factor & 0xffffffff, (factor * term + term) & 0xffffffff
        turns >>= 1
    return value


VERTEX = """#version 450
layout(location = 2) in vec2 place;
layout(location = 0) out vec4 color;
void main() { gl_Position = vec4(place, 0.0, 1.0); color = vec4(1.0); }
"""
FRAGMENT = """#version 450
layout(location = 0) in vec4 color;
layout(location = 0) out vec4 pixel;
void main() { pixel = color; }
"""
CONTROL = """#version 450
layout(vertices = 3) out;
layout(location = 0) in vec4 color[];
layout(location = 0) out vec4 colors[];
layout(location = 1) patch out vec2 level;
void main() {
	colors[gl_InvocationID] = color[gl_InvocationID];
	gl_out[gl_InvocationID].gl_Position = gl_in[gl_InvocationID].gl_Position;
	gl_TessLevelOuter[0] = gl_TessLevelOuter[1] = gl_TessLevelOuter[2] = 2.0;
	gl_TessLevelInner[0] = 2.0;
	level = vec2(1.0);
}
"""
EVALUATION = """#version 450
layout(triangles) in;
layout(location = 0) in vec4 colors[];
layout(location = 1) patch in vec2 level;
layout(location = 0) out vec4 color;
void main() {
	color = colors[0] * level.x;
	gl_Position = gl_in[0].gl_Position * gl_TessCoord.x + gl_in[1].gl_Position * gl_TessCoord.y;
}
"""
GEOMETRY = """#version 450
layout(triangles) in;
layout(triangle_strip, max_vertices = 3) out;
layout(location = 0) in vec4 color[];
layout(location = 0) out vec4 pixel;
void main() {
	for (int i = 0; i < 3; i++) {
		gl_Position = gl_in[i].gl_Position;
		pixel = color[i];
		EmitVertex();
	}
	EndPrimitive();
}
"""
ENDINGS = {wire.VERTEX: "vert", wire.CONTROL: "tesc", wire.EVALUATION: "tese",
           wire.GEOMETRY: "geom", wire.FRAGMENT: "frag"}
ALL = {wire.FRAGMENT: FRAGMENT, wire.VERTEX: VERTEX}
PLACE = {"vertex_binding_count": 1, "vertex_bindings": [0, 8, 0], "vertex_attribute_count": 1,
         "vertex_attributes": [2, 0, graphics.R32G32_SFLOAT, 0]}


@functools.lru_cache(maxsize=None)
def spirv_of(text, model):
    return compiled(text, ENDINGS[model])


def create(peer, device, shaders, state, name=None):
    """A pipeline of stages in the order in which they are named."""
    modules = [(model, spirv_of(text, model)) for model, text in shaders.items()]
    name = name or peer.name()
    return name, peer.request("CREATE_PIPELINE", b"".join(words for _, words in modules),
                              name=name, device=device, graphics=state,
                              stages=[stage(len(words), model) for model, words in modules])


@with_pipelines
def a_pipeline_of_graphics_is_created_whatever_stages_it_has(_daemon, peer):
    device = peer.device()
    context = peer.context(device)
    patches = {"topology": graphics.PATCH_LIST, "patch_control_points": 3}
    tessellation = {wire.EVALUATION: EVALUATION, wire.CONTROL: CONTROL}
    for shaders, fields in (
            (ALL, {}),
            ({wire.VERTEX: VERTEX}, {"color_count": 0, "color_formats": 0, "blends": [0] * 8,
                                     "depth_format": graphics.D32_SFLOAT, "depth_test": 1}),
            ({**ALL, wire.GEOMETRY: GEOMETRY}, {}),
            ({**ALL, **tessellation}, patches),
            ({**tessellation, **ALL, wire.GEOMETRY: GEOMETRY}, patches)):
        pipeline, pending = create(peer, device, shaders, graphics.state(**{**PLACE, **fields}))
        peer.wait(pending)
        peer.wait(peer.submit(wire.submission(context, wire.nop(), [(pipeline, False)])))
        # It is there, and for draws alone.
        command = wire.bind_pipeline(0) + wire.dispatch((1, 1, 1))
        refusal = refused(peer, peer.submit(wire.submission(context, command, [(pipeline, False)])),
                          "INVALID_PARAMETER")
        assert "another kind" in refusal.sentence, refusal
        peer.wait(peer.request("DESTROY", name=pipeline))


@with_pipelines
def what_does_not_go_together_is_refused_with_what_it_is(_daemon, peer):
    device = peer.device()
    name = peer.name()
    for shaders, fields, words in (
            (ALL, {"cull_mode": 4}, "graphics state, cull_mode: 4; at most 3"),
            (ALL, {"line_width": graphics.bits(2)}, "graphics state, line_width"),
            (ALL, {"vertex_attributes": [2, 1, graphics.R32G32_SFLOAT, 0]},
             "graphics state, vertex_attributes[0].binding"),
            (ALL, {"vertex_attributes": [1, 0, graphics.R32G32_SFLOAT, 0]},
             "location 2: the vertex stage takes it, and it is no vertex attribute"),
            (ALL, {"vertex_attributes": [2, 0, graphics.R8G8B8A8_UINT, 0]},
             "location 2: the vertex stage takes float, R8G8B8A8_UINT is unsigned"),
            (ALL, {"color_formats": graphics.R8G8B8A8_UINT},
             "location 0: the fragment stage gives float"),
            (ALL, {"topology": graphics.PATCH_LIST, "patch_control_points": 3},
             "topology: patches are for pipelines that tessellate"),
            ({**ALL, wire.GEOMETRY: GEOMETRY}, {"topology": 1},
             "topology: the geometry stage takes other primitives"),
            ({**ALL, wire.FRAGMENT: FRAGMENT.replace("location = 0) in", "location = 3) in")}, {},
             "location 3, component 0: the fragment stage takes it, the vertex stage does not"),
            ({**ALL, wire.FRAGMENT: FRAGMENT.replace("in vec4", "flat in uvec4").replace(
                "= color", "= vec4(color)")}, {},
             "the fragment stage takes unsigned of 32 bits, the vertex stage gives float"),
            ({**ALL, wire.VERTEX: VERTEX.replace("gl_Position = vec4(place, 0.0, 1.0); ", "")}, {},
             "the vertex stage writes no Position")):
        _, pending = create(peer, device, shaders, graphics.state(**{**PLACE, **fields}), name)
        refusal = refused(peer, pending, "INVALID_PARAMETER")
        assert words in refusal.sentence, (words, refusal)
        refused(peer, peer.request("DESTROY", name=name), "INVALID_HANDLE")
    # What the checker says names the stage.
    module = spirv_of(VERTEX, wire.VERTEX)
    pending = peer.request("CREATE_PIPELINE", module + module[:-4], name=name,
                           device=device, graphics=graphics.state(**PLACE),
                           stages=[stage(len(module), wire.VERTEX),
                                   stage(len(module) - 4, wire.FRAGMENT)])
    assert refused(peer, pending, "INVALID_PARAMETER").sentence.startswith("fragment shader")


START, READ, STOP = 1, 2, 3  # AdminTrace.action
ON_HARDWARE, BACK_IN_FRONT = 5, 7  # TraceRow.kind


def traced(watcher, rows, kind, serial):
    """Whether the trace, read up to now, has that event of the submission."""
    rows += watcher.wait(watcher.request("ADMIN_TRACE", action=READ)).answer.events
    return any(row.kind == kind and row.serial == serial for row in rows)


@with_pipelines
def D5_a_long_dispatch_is_preempted_and_leaves_the_same_bytes(daemon, peer):
    device = peer.device()
    low, high = peer.context(device, priority=-7), peer.context(device)
    count = 1 << 20
    numbers, memory = peer.allocation(device, 4 * count), peer.allocation(device, 4096)
    pipeline, _ = peer.pipeline(device, compiled(LONG))
    double, _ = peer.pipeline(device, compiled(DOUBLE))
    peer.upload(memory, struct.pack("<4I", 1, 2, 3, 4))
    turns, times, rows = 2000, 0, []
    with Peer(daemon) as watcher:
        watcher.wait(watcher.request("ADMIN_TRACE", action=START))
        preempted = False
        while not preempted:  # a machine may be faster than this is long
            turns, times = turns * 2, times + 1
            assert turns < 1 << 24, rows
            peer.upload(numbers, bytes(4 * count))
            long = peer.submit(dispatch_on(low, pipeline, numbers, 4 * count, count // 64, turns))
            peer.settle(long)
            until(lambda: traced(watcher, rows, ON_HARDWARE, long.serial))
            peer.submit(dispatch_on(high, double, memory, 16, 1))
            found = struct.unpack(f"<{count}I", peer.read(numbers, 4 * count))
            for index in [*range(0, count, 4099), count - 1]:
                assert found[index] == after(turns, index), (turns, index)
            preempted = traced(watcher, rows, BACK_IN_FRONT, long.serial)
        watcher.wait(watcher.request("ADMIN_TRACE", action=STOP))
    assert struct.unpack("<4I", peer.read(memory, 16)) == tuple(n << times for n in (1, 2, 3, 4))


def a_name_that_cannot_be_is_refused(daemon):
    with Peer(daemon) as peer:
        device = peer.device()
        for name in (0, device, 99):
            refused(peer, peer.request("CREATE_PIPELINE", MODULE, name=name, device=device,
                                       stages=[stage(len(MODULE))]), "INVALID_PARAMETER")


if __name__ == "__main__":
    run([an_adapter_without_pipelines_says_so, what_does_not_add_up_is_refused_and_takes_no_name,
         a_name_that_cannot_be_is_refused, what_is_created_is_used_in_the_next_frame,
         nothing_but_submissions_uses_a_pipeline,
         a_pipeline_of_graphics_is_created_whatever_stages_it_has,
         what_does_not_go_together_is_refused_with_what_it_is,
         D5_a_long_dispatch_is_preempted_and_leaves_the_same_bytes], Daemon)
