// SPDX-License-Identifier: MIT
// One workgroup that takes an hour. A loop without an end would not do: the driver leaves one after
// 65,535 turns.
#version 450
layout(local_size_x = 1024) in;
layout(set = 0, binding = 0) volatile buffer Cells { uint stop; float sum; };

vec4 turn(vec4 v)
{
	v = sin(cos(v)) + pow(abs(v), vec4(0.7));
	v = exp2(fract(v)) * inversesqrt(abs(v) + 1.0);
	return v;
}

void main()
{
	vec4 v = vec4(gl_LocalInvocationIndex);

	while (stop == 0u) {
		for (uint n = 0u; n < 65536u && stop == 0u; n++) {
			v = turn(turn(turn(turn(v))));
			v = turn(turn(turn(turn(v))));
			v = turn(turn(turn(turn(v))));
		}
	}
	sum = v.x + v.y + v.z + v.w;
}
