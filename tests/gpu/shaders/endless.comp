// SPDX-License-Identifier: MIT
// Ends when somebody else says so.
#version 450
layout(local_size_x = 1) in;
layout(set = 0, binding = 0) volatile buffer Cells { uint stop; uint turns; };

void main()
{
	while (atomicAdd(stop, 0) == 0) {
		atomicAdd(turns, 1);
	}
}
