// SPDX-License-Identifier: MIT
// Runs for each sample.
#version 450
layout(location = 0) in vec4 color;
layout(location = 0) out vec4 out_color;

void main()
{
	out_color = color * (0.25 + 0.25 * gl_SampleID);
}
