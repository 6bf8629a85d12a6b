// SPDX-License-Identifier: MIT
// Input attachments: what was drawn before, at the fragment's place.
#version 450
#extension GL_EXT_samplerless_texture_functions : require
layout(input_attachment_index = 0, set = 0, binding = 0) uniform subpassInput before;
layout(input_attachment_index = 1, set = 0, binding = 1) uniform subpassInput depth;
layout(set = 0, binding = 2) uniform texture2D same;
layout(location = 0) in vec4 color;
layout(location = 0) out vec4 out_color;
layout(location = 1) out vec4 out_same;

void main()
{
	out_color = subpassLoad(before) + color * subpassLoad(depth).x * 0.5;
	out_same = abs(subpassLoad(before) - texelFetch(same, ivec2(gl_FragCoord.xy), 0)) + 0.5;
}
