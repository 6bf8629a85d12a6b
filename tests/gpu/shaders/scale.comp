// SPDX-License-Identifier: MIT
// to[i] = from[i] * factor + addend: storage buffers, a uniform buffer, push constants.
#version 450
layout(local_size_x = 64) in;
layout(set = 0, binding = 0) readonly buffer From { uint from[]; };
layout(set = 0, binding = 1) buffer To { uint to[]; };
layout(set = 0, binding = 2) uniform Parameters { uint padding; uint factor; };
layout(push_constant) uniform Pushed { uint addend; uint count; };

void main()
{
	uint i = gl_GlobalInvocationID.x;

	if (i < count) {
		to[i] = from[i] * factor + addend;
	}
}
