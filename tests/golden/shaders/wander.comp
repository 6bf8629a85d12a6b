// SPDX-License-Identifier: MIT
// Reads and writes where the content of a buffer tells it to.
#version 450
layout(local_size_x = 1) in;
layout(set = 0, binding = 0) readonly buffer Indices { uint indices[]; };
layout(set = 0, binding = 1) readonly buffer From { uint from[]; };
layout(set = 0, binding = 2) buffer To { uint to[]; };
layout(set = 0, binding = 3) uniform Small { uvec4 small[4]; };
layout(set = 0, binding = 4) writeonly buffer Seen { uvec4 seen[]; };
shared uint around[16];

void main()
{
	const uint n = gl_WorkGroupID.x;
	const uint index = indices[n];

	for (uint i = 0u; i < 16u; i++) {
		around[i] = 0x50505050u;
	}
	around[index] = 0x50505050u;
	seen[n] = uvec4(from[index], small[index >> 2][index & 3u], around[index], atomicAdd(to[index], 0u));
	to[index] = 0xdeadbeefu;
}
