// SPDX-License-Identifier: MIT
// Writes a storage image and a buffer.
#version 450
layout(set = 0, binding = 0, rgba8) uniform writeonly image2D image;
layout(set = 0, binding = 1) buffer Sum { uint sum; };
layout(location = 0) in vec4 color;
layout(location = 0) out vec4 out_color;

void main()
{
	imageStore(image, ivec2(gl_FragCoord.yx), color);
	atomicAdd(sum, 1);
	out_color = color;
}
