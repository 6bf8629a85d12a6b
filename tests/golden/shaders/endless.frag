// SPDX-License-Identifier: MIT
// A fragment that takes an hour: see endless.comp.
#version 450
layout(set = 0, binding = 0) volatile buffer Cells { uint stop; };
layout(location = 0) out vec4 color;

vec4 turn(vec4 v)
{
	v = sin(cos(v)) + pow(abs(v), vec4(0.7));
	return exp2(fract(v)) * inversesqrt(abs(v) + 1.0);
}

void main()
{
	vec4 v = gl_FragCoord;

	while (stop == 0u) {
		for (uint n = 0u; n < 65536u && stop == 0u; n++) {
			v = turn(turn(turn(turn(turn(turn(turn(turn(v))))))));
		}
	}
	color = v;
}
