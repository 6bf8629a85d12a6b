// SPDX-License-Identifier: MIT
// Two triangles of six vertices: a box, its depth and its colour are pushed.
#version 450
layout(push_constant) uniform Push { vec4 box; vec4 color; vec4 depth; };
layout(location = 0) out vec4 out_color;
layout(location = 1) out vec2 out_place;

void main()
{
	const vec2 corners[6] = vec2[](vec2(0, 0), vec2(1, 0), vec2(0, 1), vec2(0, 1), vec2(1, 0),
				       vec2(1, 1));
	const vec2 corner = corners[gl_VertexIndex % 6];

	gl_Position = vec4(mix(box.xy, box.zw, corner), mix(depth.x, depth.y, corner.x), 1);
	out_color = color;
	out_place = corner;
}
