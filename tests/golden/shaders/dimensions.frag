// SPDX-License-Identifier: MIT
// Textures of other dimensions.
#version 450
layout(set = 0, binding = 0) uniform sampler1D line;
layout(set = 0, binding = 1) uniform sampler3D solid;
layout(set = 0, binding = 2) uniform samplerCube cube;
layout(set = 0, binding = 3) uniform sampler2DArray layers;
layout(location = 1) in vec2 place;
layout(location = 0) out vec4 out_color;

void main()
{
	out_color = texture(line, place.x) * 0.25 + texture(solid, vec3(place, place.x)) * 0.25 +
		    texture(cube, vec3(place - 0.5, 0.3)) * 0.25 +
		    texture(layers, vec3(place, place.y * 3)) * 0.25;
}
