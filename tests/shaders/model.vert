#version 450
layout(location = 0) in vec3 position;
layout(location = 1) in vec2 coordinate;
layout(location = 2) in mat3 turn;
layout(location = 6) in ivec4 unused;
layout(location = 0) out vec2 coordinate_out;
layout(location = 1) flat out uvec3 whole;
layout(location = 2) out vec4 never_written;
layout(push_constant) uniform Push { mat4 projection; };

void main()
{
	gl_Position = projection * vec4(turn * position, 1.0);
	coordinate_out = coordinate;
	whole = uvec3(gl_VertexIndex);
}
