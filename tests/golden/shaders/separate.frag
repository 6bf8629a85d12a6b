// SPDX-License-Identifier: MIT
// Textures and a sampler of their own, in arrays and several sets.
#version 450
layout(set = 0, binding = 2) uniform texture2D images[3];
layout(set = 3, binding = 1) uniform sampler samplers[2];
layout(set = 5, binding = 0) uniform Weights { vec4 weights; };
layout(location = 1) in vec2 place;
layout(location = 0) out vec4 out_color;

void main()
{
	out_color = texture(sampler2D(images[0], samplers[0]), place * 2.0) * weights.x +
		    texture(sampler2D(images[1], samplers[1]), place * 2.0) * weights.y +
		    texture(sampler2D(images[2], samplers[0]), place) * weights.z;
}
