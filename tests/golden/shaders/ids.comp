// SPDX-License-Identifier: MIT
// What an invocation knows of where it is.
#version 450
layout(local_size_x = 2, local_size_y = 3, local_size_z = 4) in;
layout(push_constant) uniform Pushed { uvec3 base; uint pad; uvec3 extent; } pushed; // of workgroups
layout(set = 0, binding = 0) writeonly buffer Out { uvec4 values[]; };

void main()
{
	const uvec3 at = gl_GlobalInvocationID - pushed.base * gl_WorkGroupSize;
	const uvec3 extent = pushed.extent * gl_WorkGroupSize;
	const uint i = (at.z * extent.y + at.y) * extent.x + at.x;

	values[2u * i] = uvec4(gl_GlobalInvocationID, gl_LocalInvocationIndex);
	values[2u * i + 1u] = uvec4(gl_WorkGroupID, gl_LocalInvocationID.z);
}
