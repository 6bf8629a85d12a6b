// SPDX-License-Identifier: MIT
// Arrays of descriptors: which of them is used depends on a push constant.
#version 450
layout(local_size_x = 16) in;
layout(push_constant) uniform Pushed { uint first; uint second; } pushed;
layout(set = 0, binding = 0) readonly buffer From { uint words[]; } from[4];
layout(set = 0, binding = 1) uniform Add { uvec4 word; } add[3];
layout(set = 1, binding = 0) buffer To { uint words[]; } to[2];

void main()
{
	const uint i = gl_GlobalInvocationID.x;

	to[pushed.second & 1u].words[i] = from[pushed.first & 3u].words[i] + add[pushed.first % 3u].word.y;
	to[1u - (pushed.second & 1u)].words[i] += from[3].words[i];
}
