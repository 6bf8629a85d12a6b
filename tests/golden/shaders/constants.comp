// SPDX-License-Identifier: MIT
// Specialisation constants of all kinds; one is the size of the workgroup, one that of an array.
#version 450
#extension GL_EXT_shader_explicit_arithmetic_types_int64 : require
layout(local_size_x_id = 0) in;
layout(constant_id = 1) const uint SIZE = 3;
layout(constant_id = 2) const float SCALE = 1.0;
layout(constant_id = 3) const bool ODD = false;
layout(constant_id = 4) const uint64_t WIDE = 1ul;
layout(constant_id = 5) const int NEGATIVE = 5;
layout(constant_id = 6) const double DOUBLE = 0.0;
layout(constant_id = 7) const uint DERIVED = 2;
const uint TWICE = DERIVED * 2 + SIZE;
layout(set = 0, binding = 0) buffer Out { uint values[]; };

void main()
{
	uint history[SIZE];
	const uint i = gl_GlobalInvocationID.x;
	uint sum = 0u;

	for (uint n = 0u; n < SIZE; n++) {
		history[n] = i * n;
	}
	for (uint n = 0u; n < SIZE; n++) {
		sum += history[(n * 7u + i) % SIZE];
	}
	values[i] = sum + uint(SCALE * float(i)) + (ODD ? 1000000u : 0u) + uint(WIDE >> 32) +
		    uint(WIDE) + uint(NEGATIVE) + uint(DOUBLE * 16.0) + TWICE + gl_WorkGroupSize.x;
}
