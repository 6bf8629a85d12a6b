// SPDX-License-Identifier: MIT
// The texture, lit by one light from above the camera and by the sky.
#version 450

layout(set = 0, binding = 0) uniform sampler2D picture;

layout(location = 0) in vec3 normal;
layout(location = 1) in vec2 texture_in;

layout(location = 0) out vec4 color;

const vec3 LIGHT = normalize(vec3(0.4, 0.8, 0.7));
const vec3 EYE = vec3(0, 0, 1);

void main()
{
	const vec3 n = normalize(normal);
	const float sky = 0.35 + 0.15 * n.y;
	const float lit = max(dot(n, LIGHT), 0.0);
	const float shine = pow(max(dot(n, normalize(LIGHT + EYE)), 0.0), 40.0);

	color = vec4(texture(picture, texture_in).rgb * (sky + 0.75 * lit) + 0.3 * shine, 1);
}
