// SPDX-License-Identifier: MIT
// How many workgroups there are.
#version 450
layout(local_size_x = 4) in;
layout(set = 0, binding = 0) buffer Out { uvec4 values[]; };

void main()
{
	const uint group = (gl_WorkGroupID.z * gl_NumWorkGroups.y + gl_WorkGroupID.y) *
				   gl_NumWorkGroups.x + gl_WorkGroupID.x;

	values[group * 4u + gl_LocalInvocationID.x] = uvec4(gl_NumWorkGroups, gl_GlobalInvocationID.x);
}
