// SPDX-License-Identifier: MIT
// What is seen depends on the view.
#version 450
#extension GL_EXT_multiview : require
layout(location = 0) in vec4 color;
layout(location = 0) out vec4 out_color;

void main()
{
	out_color = color * (0.3 + 0.3 * gl_ViewIndex);
}
