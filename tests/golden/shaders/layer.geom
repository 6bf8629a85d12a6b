// SPDX-License-Identifier: MIT
// A triangle into the layer that is its number; the last one is none.
#version 450
layout(triangles) in;
layout(triangle_strip, max_vertices = 12) out;
layout(push_constant) uniform Push { uint layers; };
layout(location = 0) in vec4 color[];
layout(location = 0) out vec4 out_color;

void main()
{
	for (uint layer = 0; layer < layers; layer++) {
		for (int i = 0; i < 3; i++) {
			gl_Position = gl_in[i].gl_Position;
			gl_Layer = int(layer);
			out_color = color[i] / float(layer + 1);
			EmitVertex();
		}
		EndPrimitive();
	}
}
