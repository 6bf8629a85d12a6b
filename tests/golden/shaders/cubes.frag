// SPDX-License-Identifier: MIT
// An array of cubes, from all sides.
#version 450
layout(set = 0, binding = 0) uniform samplerCubeArray cubes;
layout(location = 1) in vec2 place;
layout(location = 0) out vec4 out_color;

void main()
{
	const vec3 sides[3] = vec3[](vec3(place - 0.5, 0.3), vec3(0.4, place - 0.5),
				     vec3(place.x - 0.5, -0.45, place.y - 0.5));

	out_color = vec4(0);
	for (int i = 0; i < 3; i++) {
		out_color += texture(cubes, vec4(sides[i], place.y * 1.9)) * 0.3;
	}
}
