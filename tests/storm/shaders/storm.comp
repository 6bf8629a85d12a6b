// SPDX-License-Identifier: MIT
#version 450
layout(local_size_x = 8, local_size_y = 8) in;

layout(push_constant) uniform Push {
	vec4 scale;
	uvec4 numbers;
} push;

layout(set = 0, binding = 0, rgba8) uniform image2D picture;
layout(set = 0, binding = 1) uniform samplerBuffer texels;
layout(set = 1, binding = 0, std430) buffer Words {
	uint words[];
};

shared uint shared_words[64];

void main()
{
	const ivec2 at = ivec2(gl_GlobalInvocationID.xy) + ivec2(push.numbers.xy);

	shared_words[gl_LocalInvocationIndex] = words[gl_LocalInvocationIndex * push.numbers.z];
	barrier();
	imageStore(picture, at, imageLoad(picture, at.yx) + texelFetch(texels, at.x));
	words[shared_words[push.numbers.w]] = shared_words[words[gl_LocalInvocationIndex]];
}
