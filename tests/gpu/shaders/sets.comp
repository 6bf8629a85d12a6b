// SPDX-License-Identifier: MIT
// Several sets with gaps between them, and an array of descriptors.
#version 450
layout(local_size_x = 8) in;
layout(set = 0, binding = 3) readonly buffer Part { uint value[]; } parts[4];
layout(set = 2, binding = 0) uniform Weights { uvec4 weights; };
layout(set = 5, binding = 7) writeonly buffer Sum { uint sum[]; };

void main()
{
	uint i = gl_GlobalInvocationID.x;

	sum[i] = parts[0].value[i] * weights.x + parts[1].value[i] * weights.y +
		 parts[2].value[i] * weights.z + parts[3].value[i] * weights.w;
}
