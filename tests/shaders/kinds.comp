#version 450
// A binding of each kind.
#extension GL_EXT_samplerless_texture_functions : require
layout(local_size_x = 4, local_size_y = 2, local_size_z = 3) in;
layout(set = 0, binding = 0) uniform Block { mat4 matrix; };
layout(set = 0, binding = 1, std430) writeonly buffer Out { uint head; vec4 values[]; };
layout(set = 0, binding = 2) uniform texture2DArray separate;
layout(set = 0, binding = 3, rgba8) uniform image2D both;
layout(set = 0, binding = 4) uniform sampler filtering;
layout(set = 0, binding = 5) uniform sampler2D combined[3];
layout(set = 0, binding = 6) uniform usamplerBuffer texels;
layout(set = 0, binding = 7, r32i) uniform iimageBuffer written;
layout(set = 1, binding = 0) uniform writeonly image3D only_written;
layout(set = 1, binding = 1) uniform itexture2DMS samples;
layout(set = 1, binding = 2) uniform samplerCubeShadow shadow;

void main()
{
	ivec2 at = ivec2(gl_GlobalInvocationID.xy);
	vec4 sum = matrix * textureLod(sampler2DArray(separate, filtering), vec3(at, 0), 0.0);

	sum += imageLoad(both, at) + textureLod(combined[1], vec2(at), 0.0);
	sum.x += float(texelFetch(texels, at.x).x + texelFetch(samples, at, 1).y);
	sum.y += textureGrad(shadow, vec4(1.0), vec3(0.0), vec3(0.0));
	imageStore(both, at, sum);
	imageStore(written, at.x, ivec4(sum));
	imageStore(only_written, ivec3(at, 0), sum);
	values[at.x] = sum;
}
