// SPDX-License-Identifier: MIT
// A depth that is compared.
#version 450
layout(set = 0, binding = 0) uniform sampler2DShadow image;
layout(location = 1) in vec2 place;
layout(location = 0) out vec4 out_color;

void main()
{
	out_color = vec4(texture(image, vec3(place, 0.5)), place, 1);
}
