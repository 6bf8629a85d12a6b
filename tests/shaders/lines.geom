#version 450
layout(triangles, invocations = 2) in;
layout(line_strip, max_vertices = 6) out;
layout(location = 0) in vec2 place[];
layout(location = 0) out vec2 place_out;

void main()
{
	for (int i = 0; i < 3; i++) {
		gl_Position = gl_in[i].gl_Position;
		gl_Layer = gl_InvocationID;
		place_out = place[i];
		EmitVertex();
	}
	EndPrimitive();
}
