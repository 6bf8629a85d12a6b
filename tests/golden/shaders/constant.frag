// SPDX-License-Identifier: MIT
// A specialisation constant, at its default.
#version 450
layout(constant_id = 3) const float factor = 0.5;
layout(location = 0) in vec4 color;
layout(location = 0) out vec4 out_color;

void main()
{
	out_color = color * factor;
}
