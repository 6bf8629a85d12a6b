// SPDX-License-Identifier: MIT
// One pixel an invocation. Integers only, so that every GPU and every compiler gives the same
// picture: numbers have 25 bits behind the point.
#version 450
layout(local_size_x = 8, local_size_y = 8) in;

layout(push_constant) uniform View {
	int left;
	int top;
	int pixel; // the distance of two
	uint width;
	uint height;
	uint iterations;
} view;

layout(set = 0, binding = 0) writeonly buffer Picture {
	uint pixels[]; // 0xAARRGGBB
};

const int FOUR = 4 << 25;

int multiply(int a, int b)
{
	int high, low;

	imulExtended(a, b, high, low);
	return high << 7 | int(uint(low) >> 25);
}

// Up and down again.
uint wave(uint n)
{
	return (n & 0x100u) == 0u ? n & 0xffu : 0xffu - (n & 0xffu);
}

void main()
{
	const uvec2 at = gl_GlobalInvocationID.xy;
	const int left = view.left + int(at.x) * view.pixel;
	const int top = view.top + int(at.y) * view.pixel;
	int x = 0, y = 0;
	uint n = 0;

	if (at.x >= view.width || at.y >= view.height) {
		return; // of a workgroup that the picture cuts
	}
	while (n < view.iterations) {
		const int xx = multiply(x, x), yy = multiply(y, y);

		if (xx + yy > FOUR) {
			break;
		}
		y = 2 * multiply(x, y) + top;
		x = xx - yy + left;
		n++;
	}
	pixels[at.y * view.width + at.x] =
		n == view.iterations ? 0xff000000u
				     : 0xff000000u | wave(n * 7u) << 16 | wave(n * 13u) << 8 | wave(n * 29u + 64u);
}
