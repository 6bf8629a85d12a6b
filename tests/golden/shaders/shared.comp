// SPDX-License-Identifier: MIT
// The prefix sums of each workgroup, in shared memory with barriers.
#version 450
layout(local_size_x = 128) in;
layout(set = 0, binding = 0) buffer Numbers { uint numbers[]; };
shared uint sums[2][128];

void main()
{
	const uint i = gl_LocalInvocationIndex;
	uint from = 0u;

	sums[0][i] = numbers[gl_GlobalInvocationID.x];
	barrier();
	for (uint step = 1u; step < 128u; step *= 2u) {
		sums[1u - from][i] = sums[from][i] + (i >= step ? sums[from][i - step] : 0u);
		from = 1u - from;
		barrier();
	}
	numbers[gl_GlobalInvocationID.x] = sums[from][i];
}
