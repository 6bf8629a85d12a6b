// SPDX-License-Identifier: MIT
// Enough work that a dispatch of many workgroups takes its time.
#version 450
layout(local_size_x = 64) in;
layout(push_constant) uniform Pushed { uint turns; } pushed;
layout(set = 0, binding = 0) buffer Numbers { uint numbers[]; };

void main()
{
	const uint i = gl_GlobalInvocationID.y * 65536u + gl_GlobalInvocationID.x;
	uint value = numbers[i];

	for (uint n = 0u; n < pushed.turns; n++) {
		value = value * 1664525u + 1013904223u + i;
	}
	numbers[i] = value;
}
