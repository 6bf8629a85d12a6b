#version 450
// Each array is short enough, and both together are not.
out float gl_ClipDistance[5];
out float gl_CullDistance[4];

void main()
{
	gl_Position = vec4(0.0);
	gl_ClipDistance[4] = 1.0;
	gl_CullDistance[3] = 1.0;
}
