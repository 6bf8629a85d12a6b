// SPDX-License-Identifier: MIT
// Arithmetic that is not exact: the same compiler gives the same bits.
#version 450
layout(local_size_x = 64) in;
layout(set = 0, binding = 0) buffer Numbers { vec4 numbers[]; };

void main()
{
	vec4 v = numbers[gl_GlobalInvocationID.x] * 1e-3;

	v = fract(v) + vec4(0.25);
	v = sin(v) * sqrt(v) + exp2(-v) / (v.wzyx + 1.0) + pow(v, vec4(0.3));
	numbers[gl_GlobalInvocationID.x] = mix(v, inversesqrt(v), 0.5) + dot(v, v.yxwz) + cross(v.xyz, v.zxy).xyzx;
}
