#version 450
// One element an invocation, of two buffers, scaled by a push constant.
layout(local_size_x = 64) in;
layout(push_constant) uniform Push {
	layout(offset = 8) uint count;
	float scale;
};
layout(set = 0, binding = 0) readonly buffer Left { float left[]; };
layout(set = 0, binding = 1, std430) buffer Sum { uint used; float sum[]; };
layout(set = 1, binding = 3) uniform Offsets { vec4 offsets[4]; };
layout(set = 2, binding = 7) buffer Unused { uint unused[]; };

void main()
{
	uint i = gl_GlobalInvocationID.x;

	if (i < count) {
		sum[i] = left[i] * scale + offsets[i & 3].x;
	}
}
