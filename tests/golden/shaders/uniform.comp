// SPDX-License-Identifier: MIT
// A uniform block with members of several kinds, and an index that only the GPU knows.
#version 450
layout(local_size_x = 32) in;
layout(set = 0, binding = 0) uniform Block {
	mat4 matrix;
	vec4 rows[8];
	uint seed;
	vec3 offset;
} block;
layout(set = 0, binding = 5) buffer Out { vec4 values[]; };

void main()
{
	const uint i = gl_GlobalInvocationID.x;
	const vec4 row = block.rows[(i ^ block.seed) & 7u];

	values[i] = block.matrix * row + vec4(block.offset, float(i));
}
