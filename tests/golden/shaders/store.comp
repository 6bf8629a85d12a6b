// SPDX-License-Identifier: MIT
// Writes a storage image, reads another one and a texture.
#version 450
layout(local_size_x = 8, local_size_y = 8) in;
layout(set = 0, binding = 0, rgba8) uniform writeonly image2D image;
layout(set = 0, binding = 1, rgba8) uniform readonly image2D source;
layout(set = 0, binding = 2) uniform sampler2D smooth_source;

void main()
{
	const ivec2 at = ivec2(gl_GlobalInvocationID.xy);

	imageStore(image, at,
		   imageLoad(source, at.yx) * 0.5 +
			   textureLod(smooth_source, vec2(at) / 50.0, 0) * 0.5);
}
