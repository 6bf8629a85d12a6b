// SPDX-License-Identifier: MIT
// The sum of all numbers: each workgroup adds its own in shared memory, then to the total.
#version 450
layout(local_size_x = 64) in;
layout(set = 0, binding = 0) readonly buffer Numbers { uint numbers[]; };
layout(set = 0, binding = 1) uniform Weights { uvec4 weight; };
layout(set = 1, binding = 0) buffer Total { uint total; uint workgroups; };
shared uint sums[64];

void main()
{
	const uint i = gl_LocalInvocationIndex;

	sums[i] = numbers[gl_GlobalInvocationID.x] * weight.x;
	barrier();
	for (uint half_way = 32u; half_way > 0u; half_way /= 2u) {
		if (i < half_way) {
			sums[i] += sums[i + half_way];
		}
		barrier();
	}
	if (i == 0u) {
		atomicAdd(total, sums[0]);
		atomicAdd(workgroups, 1u);
	}
}
