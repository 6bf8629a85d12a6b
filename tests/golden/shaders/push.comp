// SPDX-License-Identifier: MIT
// What push constants are, given and not.
#version 450
layout(local_size_x = 32) in;
layout(push_constant) uniform Pushed { uint words[32]; } pushed;
layout(set = 0, binding = 0) writeonly buffer Out { uint values[]; };

void main()
{
	values[gl_GlobalInvocationID.x] = pushed.words[gl_LocalInvocationID.x] + gl_WorkGroupID.x;
}
