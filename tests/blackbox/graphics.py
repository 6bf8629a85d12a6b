# SPDX-License-Identifier: MIT
"""The state of a graphics pipeline as it is on the wire (docs/protocol.md)."""

import struct

TRIANGLE_LIST, PATCH_LIST = 3, 10
VIEWPORT, SCISSOR = 1, 2  # bits of `dynamic`
R8G8B8A8_UNORM, R8G8B8A8_UINT, R32G32_SFLOAT, R32G32B32A32_SFLOAT = 37, 41, 103, 109
D32_SFLOAT = 126

BINDINGS, ATTRIBUTES, VIEWPORTS, TARGETS = 16, 32, 16, 8
STENCIL = ("fail_op", "pass_op", "depth_fail_op", "compare_op", "compare_mask", "write_mask",
           "reference")

# In order: name, how many words.
FIELDS = [
    ("dynamic", 1), ("vertex_binding_count", 1), ("vertex_attribute_count", 1),
    ("vertex_bindings", 3 * BINDINGS), ("vertex_attributes", 4 * ATTRIBUTES),
    ("topology", 1), ("primitive_restart", 1), ("patch_control_points", 1),
    ("viewport_count", 1), ("viewports", 6 * VIEWPORTS), ("scissors", 4 * VIEWPORTS),
    ("depth_clamp", 1), ("rasterizer_discard", 1), ("polygon_mode", 1), ("cull_mode", 1),
    ("front_face", 1), ("depth_bias", 1), ("depth_bias_constant", 1), ("depth_bias_clamp", 1),
    ("depth_bias_slope", 1), ("line_width", 1),
    ("samples", 1), ("sample_shading", 1), ("min_sample_shading", 1), ("sample_mask", 1),
    ("alpha_to_coverage", 1), ("alpha_to_one", 1),
    ("depth_test", 1), ("depth_write", 1), ("depth_compare_op", 1), ("depth_bounds_test", 1),
    ("stencil_test", 1), ("front", len(STENCIL)), ("back", len(STENCIL)),
    ("min_depth_bounds", 1), ("max_depth_bounds", 1),
    ("logic_op_enable", 1), ("logic_op", 1), ("blend_constants", 4), ("blends", 8 * TARGETS),
    ("color_count", 1), ("color_formats", TARGETS), ("depth_format", 1), ("stencil_format", 1),
    ("view_mask", 1),
]


def bits(number):
    return struct.unpack("<I", struct.pack("<f", number))[0]


def state(**fields):
    """Triangles into one target without vertex attributes, and what is said: a number, or the first
    words of a field of several."""
    words = {name: [0] * count for name, count in FIELDS}
    fields = {"dynamic": VIEWPORT | SCISSOR, "topology": TRIANGLE_LIST, "viewport_count": 1,
              "line_width": bits(1), "samples": 1, "sample_mask": 0xffffffff, "color_count": 1,
              "color_formats": R8G8B8A8_UNORM, "blends": [0] * 7 + [15], **fields}
    for name, value in fields.items():
        value = [value] if isinstance(value, int) else value
        words[name][:len(value)] = value
    flat = [word for name, count in FIELDS for word in words[name]]
    return struct.pack(f"<{len(flat)}I", *flat)
