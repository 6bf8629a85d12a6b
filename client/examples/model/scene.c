/* SPDX-License-Identifier: MIT */
#include "client/examples/model/scene.h"

#include "client/examples/model/fragment.spv.h" /* model_fragment_spirv */
#include "client/examples/model/mesh.h"
#include "client/examples/model/vertex.spv.h" /* model_vertex_spirv */

#include <math.h>
#include <stddef.h>

#define CAMERA_DISTANCE 2.6F
#define NEAR            0.5F
#define FAR             5.0F
#define FOCUS           2.5F /* the cotangent of half the height of what is seen */

const float scene_background[4] = { 0.16F, 0.19F, 0.25F, 1 };

static const float pi = 3.14159265F;

const struct scene_shader scene_vertex_shader = { model_vertex_spirv, sizeof(model_vertex_spirv) };
const struct scene_shader scene_fragment_shader = { model_fragment_spirv,
						    sizeof(model_fragment_spirv) };

struct scene_view scene_view(float turned, uint32_t width, uint32_t height)
{
	const float c = cosf(turned * 2 * pi), s = sinf(turned * 2 * pi);
	const float across = FOCUS * (float)height / (float)width;
	const float deep = FAR / (FAR - NEAR);

	/* Turned about y, moved away from the camera, and projected: y downwards, depth 0 to 1. */
	return (struct scene_view){
		.transform = { across * c, 0, deep * s, s,   /* of x */
			       0, -FOCUS, 0, 0,              /* of y */
			       across * s, 0, -deep * c, -c, /* of z */
			       0, 0, deep * (CAMERA_DISTANCE - NEAR), CAMERA_DISTANCE },
		.turn = { c, s, 0, 0 },
	};
}

static const struct penstock_vertex_attribute attributes[] = {
	{ .location = 0,
	  .format = 106 /* R32G32B32_SFLOAT */,
	  .offset = offsetof(struct vertex, position) },
	{ .location = 1, .format = 106, .offset = offsetof(struct vertex, normal) },
	{ .location = 2,
	  .format = 103 /* R32G32_SFLOAT */,
	  .offset = offsetof(struct vertex, texture) },
};

void scene_state(uint32_t width, uint32_t height, struct penstock_graphics_state *state)
{
	state->vertex_binding_count = 1;
	state->vertex_bindings[0] =
		(struct penstock_vertex_binding){ .stride = sizeof(struct vertex) };
	state->vertex_attribute_count = sizeof(attributes) / sizeof(attributes[0]);
	for (uint32_t i = 0; i < state->vertex_attribute_count; i++) {
		state->vertex_attributes[i] = attributes[i];
	}
	state->topology = 3; /* a list of triangles */
	state->dynamic = 0;
	state->viewport_count = 1;
	state->viewports[0] = (struct penstock_viewport){ .width = (float)width,
							  .height = (float)height,
							  .max_depth = 1 };
	state->scissors[0] = (struct penstock_scissor){ .width = width, .height = height };
	state->samples = SCENE_SAMPLES;
	state->depth_test = 1;
	state->depth_write = 1;
	state->depth_compare_op = 1; /* less */
	state->color_count = 1;
	state->color_formats[0] = SCENE_COLOR_FORMAT;
	state->blends[0].write_mask = 0xf;
	state->depth_format = SCENE_DEPTH_FORMAT;
}
