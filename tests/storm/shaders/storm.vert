// SPDX-License-Identifier: MIT
// Takes what is bound at its word: places, indices and loops come from memory.
#version 450
#extension GL_ARB_shader_viewport_layer_array : enable

layout(push_constant) uniform Push {
	vec4 scale;
	uvec4 numbers;
} push;

layout(set = 0, binding = 1) uniform Block {
	vec4 values[64];
} block;

layout(location = 0) in vec4 position;
layout(location = 1) in vec2 coordinate;

layout(location = 0) out vec4 color;
layout(location = 1) out vec2 place;

void main()
{
	gl_Position = vec4(position.xyz * push.scale.xyz, 1);
	gl_PointSize = push.scale.w;
	color = block.values[push.numbers.x + uint(gl_VertexIndex)];
	place = coordinate;
}
