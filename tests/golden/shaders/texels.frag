// SPDX-License-Identifier: MIT
// Texels of buffers, read and written.
#version 450
layout(set = 0, binding = 0) uniform samplerBuffer texels;
layout(set = 0, binding = 1, r32ui) uniform uimageBuffer counts;
layout(location = 0) out vec4 out_color;

void main()
{
	const int i = int(gl_FragCoord.x) + 64 * int(gl_FragCoord.y);

	imageStore(counts, i % 4096, uvec4(i * 3));
	out_color = texelFetch(texels, i % 1024);
}
