// SPDX-License-Identifier: MIT
// A texture through one descriptor; what is behind the depth scales the place.
#version 450
layout(push_constant) uniform Push { vec4 box; vec4 color; vec4 depth; };
layout(set = 0, binding = 0) uniform sampler2D image;
layout(location = 1) in vec2 place;
layout(location = 0) out vec4 out_color;

void main()
{
	out_color = texture(image, place * depth.z + depth.w);
}
