// SPDX-License-Identifier: MIT
#version 450

layout(triangles) in;

layout(location = 0) in vec4 color_in[];
layout(location = 1) in vec2 place_in[];
layout(location = 0) out vec4 color;
layout(location = 1) out vec2 place;

void main()
{
	gl_Position = gl_TessCoord.x * gl_in[0].gl_Position + gl_TessCoord.y * gl_in[1].gl_Position +
		      gl_TessCoord.z * gl_in[2].gl_Position;
	color = color_in[0] * gl_TessCoord.x + color_in[1] * gl_TessCoord.y;
	place = place_in[2] * gl_TessCoord.z;
}
