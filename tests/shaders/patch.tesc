#version 450
layout(vertices = 3) out;
layout(location = 0) in vec4 point_in[];
layout(location = 0) out vec4 point[];
layout(location = 1) patch out vec2 middle;

void main()
{
	point[gl_InvocationID] = point_in[gl_InvocationID];
	middle = vec2(1.0);
	gl_TessLevelOuter[0] = gl_TessLevelOuter[1] = gl_TessLevelOuter[2] = 2.0;
	gl_TessLevelInner[0] = 2.0;
}
