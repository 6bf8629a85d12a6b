// SPDX-License-Identifier: MIT
// As good as endless, with enough workgroups: lavapipe leaves each one's loops after 65,535 turns.
#version 450
layout(local_size_x = 1) in;
layout(set = 0, binding = 0) volatile buffer Cells { uint stop; uint turns; };

void main()
{
	while (atomicAdd(stop, 0) == 0) {
		atomicAdd(turns, 1);
	}
}
