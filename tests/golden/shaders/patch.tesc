// SPDX-License-Identifier: MIT
// Levels of a triangle.
#version 450
layout(vertices = 3) out;
layout(location = 0) in vec4 color[];
layout(location = 0) out vec4 out_color[];

void main()
{
	gl_out[gl_InvocationID].gl_Position = gl_in[gl_InvocationID].gl_Position;
	out_color[gl_InvocationID] = color[gl_InvocationID];
	gl_TessLevelOuter[0] = 3;
	gl_TessLevelOuter[1] = 4;
	gl_TessLevelOuter[2] = 5;
	gl_TessLevelInner[0] = 4;
}
