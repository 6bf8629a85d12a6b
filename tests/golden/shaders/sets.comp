// SPDX-License-Identifier: MIT
// Buffers and uniform blocks of four sets, with gaps in their numbers.
#version 450
layout(local_size_x = 16) in;
layout(set = 0, binding = 3) readonly buffer A { uint a[]; };
layout(set = 1, binding = 0) uniform B { uvec4 b[4]; };
layout(set = 3, binding = 7) readonly buffer C { uint c[]; };
layout(set = 6, binding = 1) buffer D { uint d[]; };

void main()
{
	const uint i = gl_GlobalInvocationID.x;

	d[i] += a[i] ^ b[i & 3u][i >> 2 & 3u] ^ c[i];
}
