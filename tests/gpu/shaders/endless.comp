// SPDX-License-Identifier: MIT
// Ends when somebody else says so. lavapipe leaves a loop after 65,535 turns: this is three of them.
#version 450
layout(local_size_x = 1) in;
layout(set = 0, binding = 0) volatile buffer Cells { uint stop; uint turns; };

bool goes_on()
{
	return atomicAdd(stop, 0) == 0;
}

void main()
{
	while (goes_on()) {
		while (goes_on()) {
			while (goes_on()) {
				atomicAdd(turns, 1);
			}
		}
	}
}
