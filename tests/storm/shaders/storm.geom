// SPDX-License-Identifier: MIT
#version 450

layout(triangles) in;
layout(triangle_strip, max_vertices = 6) out;

layout(push_constant) uniform Push {
	vec4 scale;
	uvec4 numbers;
} push;

layout(location = 0) in vec4 color_in[];
layout(location = 1) in vec2 place_in[];
layout(location = 0) out vec4 color;
layout(location = 1) out vec2 place;

void main()
{
	for (int i = 0; i < 3; i++) {
		gl_Position = gl_in[i].gl_Position;
		gl_Layer = int(push.numbers.w);
		color = color_in[i];
		place = place_in[(i + int(push.numbers.x)) % 3];
		EmitVertex();
	}
	EndPrimitive();
}
