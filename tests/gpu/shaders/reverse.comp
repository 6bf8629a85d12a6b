// SPDX-License-Identifier: MIT
// Through the workgroup's shared memory and a barrier.
#version 450
layout(local_size_x = 128) in;
layout(set = 0, binding = 0) buffer Cells { uint cells[]; };
shared uint row[128];

void main()
{
	uint local = gl_LocalInvocationID.x;

	row[local] = cells[gl_GlobalInvocationID.x];
	barrier();
	cells[gl_GlobalInvocationID.x] = row[127 - local];
}
