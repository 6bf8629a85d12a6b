#version 450
// As many distances as there may be, cull and clip.
out float gl_ClipDistance[5];
out float gl_CullDistance[3];

void main()
{
	gl_Position = vec4(0.0);
	for (int i = 0; i < 5; i++) {
		gl_ClipDistance[i] = 1.0;
	}
	gl_CullDistance[0] = gl_CullDistance[1] = gl_CullDistance[2] = 1.0;
}
