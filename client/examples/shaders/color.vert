// SPDX-License-Identifier: MIT
// A vertex with a colour, as it is given.
#version 450
layout(location = 0) in vec2 place;
layout(location = 1) in vec4 color;
layout(location = 0) out vec4 shade;

void main()
{
	gl_Position = vec4(place, 0.5, 1.0);
	shade = color;
}
