// SPDX-License-Identifier: MIT
// Every invocation on the same words, in operations whose order does not show.
#version 450
layout(local_size_x = 32) in;
layout(set = 0, binding = 0) readonly buffer From { uint from[]; };
layout(set = 0, binding = 1) buffer Words {
	uint sum;
	uint most;
	uint least;
	uint all;
	uint any;
	uint odd;
	uint histogram[16];
};
shared uint local_sum;

void main()
{
	const uint value = from[gl_GlobalInvocationID.x];

	if (gl_LocalInvocationIndex == 0u) {
		local_sum = 0u;
	}
	barrier();
	atomicAdd(local_sum, value);
	barrier();
	if (gl_LocalInvocationIndex == 0u) {
		atomicAdd(sum, local_sum);
	}
	atomicMax(most, value);
	atomicMin(least, value);
	atomicAnd(all, value | 0xff00ff00u);
	atomicOr(any, value & 0x0f0f0f0fu);
	atomicXor(odd, value);
	atomicAdd(histogram[value & 15u], 1u);
}
