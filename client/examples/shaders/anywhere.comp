// SPDX-License-Identifier: MIT
// Reads from an address instead of from a buffer: no daemon makes a pipeline of it.
#version 450
#extension GL_EXT_buffer_reference : require
#extension GL_EXT_shader_explicit_arithmetic_types_int64 : require
layout(local_size_x = 1) in;
layout(buffer_reference, std430) buffer Anywhere { uint word; };
layout(push_constant) uniform Pushed { uint64_t address; } pushed;
layout(set = 0, binding = 0) buffer Found { uint word; } found;

void main()
{
	found.word = Anywhere(pushed.address).word;
}
