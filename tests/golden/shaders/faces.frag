// SPDX-License-Identifier: MIT
// The front is red, the back is green.
#version 450
layout(location = 0) in vec4 color;
layout(location = 0) out vec4 out_color;

void main()
{
	out_color = gl_FrontFacing ? vec4(1, 0, color.b, 1) : vec4(0, 1, color.b, 1);
}
