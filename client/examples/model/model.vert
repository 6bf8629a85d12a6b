// SPDX-License-Identifier: MIT
// A vertex of the turned model, to clip space; its normal turned as well.
#version 450

layout(push_constant) uniform View {
	mat4 transform;
	vec4 turn; // cosine and sine
} view;

layout(location = 0) in vec3 position;
layout(location = 1) in vec3 normal;
layout(location = 2) in vec2 texture_in;

layout(location = 0) out vec3 normal_out;
layout(location = 1) out vec2 texture_out;

void main()
{
	const float c = view.turn.x, s = view.turn.y;

	gl_Position = view.transform * vec4(position, 1);
	normal_out = vec3(c * normal.x + s * normal.z, normal.y, c * normal.z - s * normal.x);
	texture_out = texture_in;
}
