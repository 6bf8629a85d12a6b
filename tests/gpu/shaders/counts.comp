// SPDX-License-Identifier: MIT
// Reads gl_NumWorkGroups: the pipeline's flag says so.
#version 450
layout(local_size_x = 1) in;
layout(set = 0, binding = 0) buffer Cells { uint cells[]; };

void main()
{
	uvec3 group = gl_WorkGroupID, groups = gl_NumWorkGroups;

	cells[(group.z * groups.y + group.y) * groups.x + group.x] =
		groups.x << 20 | groups.y << 10 | groups.z;
}
