// SPDX-License-Identifier: MIT
#version 450

layout(vertices = 3) out;

layout(push_constant) uniform Push {
	vec4 scale;
	uvec4 numbers;
} push;

layout(location = 0) in vec4 color_in[];
layout(location = 1) in vec2 place_in[];
layout(location = 0) out vec4 color[];
layout(location = 1) out vec2 place[];

void main()
{
	gl_out[gl_InvocationID].gl_Position = gl_in[gl_InvocationID].gl_Position;
	color[gl_InvocationID] = color_in[gl_InvocationID];
	place[gl_InvocationID] = place_in[gl_InvocationID];
	gl_TessLevelOuter[0] = push.scale.x;
	gl_TessLevelOuter[1] = push.scale.y;
	gl_TessLevelOuter[2] = push.scale.z;
	gl_TessLevelInner[0] = push.scale.w;
}
