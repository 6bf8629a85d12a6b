// SPDX-License-Identifier: MIT
// Another colour for each of four targets.
#version 450
layout(location = 0) in vec4 color;
layout(location = 0) out vec4 a;
layout(location = 1) out vec4 b;
layout(location = 2) out vec4 c;
layout(location = 3) out vec4 d;

void main()
{
	a = color;
	b = color.bgra;
	c = 1 - color;
	d = color * color;
}
