// SPDX-License-Identifier: MIT
// Bytes and halves in storage.
#version 450
#extension GL_EXT_shader_explicit_arithmetic_types_int8 : require
#extension GL_EXT_shader_explicit_arithmetic_types_int16 : require
#extension GL_EXT_shader_8bit_storage : require
#extension GL_EXT_shader_16bit_storage : require
layout(local_size_x = 32) in;
layout(set = 0, binding = 0) buffer Bytes { uint8_t bytes[]; };
layout(set = 0, binding = 1) buffer Halves { uint16_t halves[]; };

void main()
{
	const uint i = gl_GlobalInvocationID.x;

	halves[i] += uint16_t(bytes[i]) * uint16_t(257);
	bytes[i] = uint8_t(uint(bytes[i]) * 5u);
}
