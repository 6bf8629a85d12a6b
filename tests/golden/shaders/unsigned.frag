// SPDX-License-Identifier: MIT
// Whole numbers.
#version 450
layout(location = 0) in vec4 color;
layout(location = 0) out uvec4 out_color;

void main()
{
	out_color = uvec4(color * 100.0) + uvec4(gl_FragCoord.xyxy);
}
