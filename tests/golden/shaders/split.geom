// SPDX-License-Identifier: MIT
// Two smaller triangles of one, into two layers or viewports.
#version 450
layout(triangles) in;
layout(triangle_strip, max_vertices = 6) out;
layout(location = 0) in vec4 color[];
layout(location = 0) out vec4 out_color;

void main()
{
	for (int copy = 0; copy < 2; copy++) {
		for (int i = 0; i < 3; i++) {
			gl_Position = vec4(gl_in[i].gl_Position.xy * 0.5 - 0.4 + copy * 0.8,
					   gl_in[i].gl_Position.zw);
			gl_ViewportIndex = copy;
			out_color = color[i] * (copy == 0 ? vec4(1) : vec4(0.2, 1, 0.3, 1));
			EmitVertex();
		}
		EndPrimitive();
	}
}
