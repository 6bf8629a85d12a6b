// SPDX-License-Identifier: MIT
// A box for each instance; DrawID and the base ones are in the colour.
#version 460
layout(location = 0) in vec2 position;
layout(location = 1) in vec2 shift;
layout(location = 0) out vec4 out_color;

void main()
{
	gl_Position = vec4(position + shift, 0.5, 1);
	out_color = vec4(gl_DrawID * 0.2, gl_BaseInstance * 0.1, gl_InstanceIndex * 0.07,
			 gl_BaseVertex * 0.05 + 0.1);
}
