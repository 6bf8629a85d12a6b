// SPDX-License-Identifier: MIT
// One step of something that depends on the step before.
#version 450
layout(local_size_x = 64) in;
layout(push_constant) uniform Pushed { uint count; } pushed;
layout(set = 0, binding = 0) readonly buffer From { uint from[]; };
layout(set = 0, binding = 1) writeonly buffer To { uint to[]; };

void main()
{
	const uint i = gl_GlobalInvocationID.x;
	const uint count = pushed.count;

	if (i < count) {
		to[i] = from[(i + count - 1u) % count] * 5u ^ from[(i + 1u) % count];
	}
}
