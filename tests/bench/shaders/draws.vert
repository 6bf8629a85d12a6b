// SPDX-License-Identifier: MIT
// One of very many small triangles, by its push constants.
#version 450

layout(push_constant) uniform Triangle {
	vec4 place; // left, top, width, height; of clip space
	vec4 color;
} triangle;

layout(location = 0) out vec4 color;

void main()
{
	const vec2 corner = vec2(gl_VertexIndex & 1, gl_VertexIndex >> 1);

	gl_Position = vec4(triangle.place.xy + corner * triangle.place.zw, 0, 1);
	color = triangle.color;
}
