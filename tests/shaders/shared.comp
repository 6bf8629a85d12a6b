#version 450
// A workgroup's array whose length a client chooses, and an index that a buffer chooses.
layout(local_size_x_id = 1) in;
layout(constant_id = 0) const int LENGTH = 4;
layout(constant_id = 2) const bool TWICE = false;
layout(constant_id = 3) const double FACTOR = 1.0;
layout(set = 0, binding = 0) buffer Buffer { uint index; uint result[]; };
shared uint array[LENGTH * 2];

void main()
{
	array[gl_LocalInvocationIndex % 4] = gl_LocalInvocationIndex;
	barrier();
	result[gl_GlobalInvocationID.x] = array[index] * (TWICE ? 2 : 1) * uint(FACTOR);
}
