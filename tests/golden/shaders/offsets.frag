// SPDX-License-Identifier: MIT
// Ranges of one buffer in several sets.
#version 450
layout(set = 0, binding = 0) uniform First { vec4 first; };
layout(set = 1, binding = 3) uniform Second { vec4 second[2]; };
layout(set = 2, binding = 0) readonly buffer Third { float third[]; };
layout(location = 1) in vec2 place;
layout(location = 0) out vec4 out_color;

void main()
{
	out_color = first + second[1] * place.x +
		    third[int(place.y * 4) % third.length()] * 0.25;
}
