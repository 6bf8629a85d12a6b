#version 450
layout(location = 0) in vec2 coordinate;
layout(location = 1) flat in uvec3 whole;
layout(location = 0) out vec4 colour;
layout(location = 1) out uvec2 identity;
layout(set = 0, binding = 0) uniform sampler2D picture;
layout(set = 0, binding = 1, input_attachment_index = 2) uniform subpassInput before;

void main()
{
	if (coordinate.x < 0.0) {
		discard;
	}
	colour = texture(picture, coordinate) + subpassLoad(before);
	identity = whole.xy;
	gl_FragDepth = coordinate.y;
}
