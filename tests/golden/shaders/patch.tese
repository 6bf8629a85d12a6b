// SPDX-License-Identifier: MIT
// A triangle, bent.
#version 450
layout(triangles, fractional_odd_spacing, ccw) in;
layout(location = 0) in vec4 color[];
layout(location = 0) out vec4 out_color;

void main()
{
	const vec3 at = gl_TessCoord;

	gl_Position = at.x * gl_in[0].gl_Position + at.y * gl_in[1].gl_Position +
		      at.z * gl_in[2].gl_Position;
	gl_Position.xy *= 1.0 - 0.2 * at.x * at.y;
	out_color = at.x * color[0] + at.y * color[1] + at.z * color[2];
}
