#version 450
// Inverts the bits of `pattern` in a word an invocation: run twice, they are as before.
layout(local_size_x = 1) in;
layout(constant_id = 3) const uint pattern = 1;
layout(set = 0, binding = 0) buffer Words { uint words[]; };

void main()
{
	words[gl_GlobalInvocationID.x] ^= pattern;
}
