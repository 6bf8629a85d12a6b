// SPDX-License-Identifier: MIT
// One buffer into another.
#version 450
layout(local_size_x = 64) in;
layout(set = 0, binding = 0) readonly buffer From { uint from[]; };
layout(set = 0, binding = 1) writeonly buffer To { uint to[]; };

void main()
{
	const uint i = gl_GlobalInvocationID.x;

	to[i] = from[i] * 3u + i;
}
