#version 450
layout(isolines, point_mode) in;
layout(location = 0) in vec4 point[];
layout(location = 1) patch in vec2 middle;
layout(location = 0) out vec2 place;

void main()
{
	gl_Position = point[0] * gl_TessCoord.x + point[1] * gl_TessCoord.y;
	place = middle;
}
