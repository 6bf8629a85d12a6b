#version 450
// Asks how many workgroups there are.
layout(local_size_x = 1) in;
layout(set = 0, binding = 0) writeonly buffer Counts { uint counts[]; };

void main()
{
	counts[gl_WorkGroupID.x] = gl_NumWorkGroups.x;
}
