// SPDX-License-Identifier: MIT
// A step in place, which shows whether a workgroup ran once, twice or not, and in which order.
#version 450
layout(local_size_x = 4) in;
layout(set = 0, binding = 0) buffer Cells { uint cells[]; };
layout(push_constant) uniform Pushed { uvec3 extent; uint factor; };

void main()
{
	uvec3 group = gl_WorkGroupID;
	uint number = (group.z * extent.y + group.y) * extent.x + group.x;
	uint i = number * gl_WorkGroupSize.x + gl_LocalInvocationID.x;

	// gl_GlobalInvocationID is to agree with gl_WorkGroupID.
	if (gl_GlobalInvocationID.x == group.x * gl_WorkGroupSize.x + gl_LocalInvocationID.x) {
		cells[i] = cells[i] * factor + i + 1;
	}
}
