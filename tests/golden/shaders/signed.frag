// SPDX-License-Identifier: MIT
// Whole numbers with a sign.
#version 450
layout(location = 0) in vec4 color;
layout(location = 0) out ivec4 out_color;

void main()
{
	out_color = ivec4(color * 100.0) - ivec4(gl_FragCoord.xyxy);
}
