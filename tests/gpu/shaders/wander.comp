// SPDX-License-Identifier: MIT
// Reads and writes wherever it is told to.
#version 450
layout(local_size_x = 1) in;
layout(set = 0, binding = 0) readonly buffer From { uint from[]; };
layout(set = 0, binding = 1) buffer To { uint to[]; };
layout(set = 0, binding = 2) uniform Small { uvec4 small[64]; };
layout(set = 0, binding = 3) writeonly buffer Seen { uint seen[]; };
layout(push_constant) uniform Pushed { uint index; uint value; uint slot; };

void main()
{
	seen[slot * 3] = from[index];
	seen[slot * 3 + 1] = small[(index / 4) % 64][index % 4];
	to[index] = value;
	seen[slot * 3 + 2] = atomicAdd(to[index], 1);
}
