// SPDX-License-Identifier: MIT
// Twice each number, in place. How many of them make a workgroup is a specialisation constant.
#version 450
layout(local_size_x_id = 0) in;
layout(push_constant) uniform Pushed { uint count; } pushed;
layout(set = 0, binding = 0) buffer Numbers { uint numbers[]; };

void main()
{
	const uint i = gl_GlobalInvocationID.x;

	if (i < pushed.count) {
		numbers[i] *= 2u;
	}
}
