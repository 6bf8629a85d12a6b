/* SPDX-License-Identifier: MIT */
/*
 * What is drawn, whoever draws it: a model on a turntable before a camera, as push constants of
 * model.vert and model.frag, and as the state of a pipeline.
 */
#ifndef MODEL_SCENE_H
#define MODEL_SCENE_H

#include <penstock/graphics.h>

#define SCENE_COLOR_FORMAT   44u  /* VK_FORMAT_B8G8R8A8_UNORM: what a surface of A8R8G8B8 is */
#define SCENE_DEPTH_FORMAT   126u /* VK_FORMAT_D32_SFLOAT */
#define SCENE_TEXTURE_FORMAT 37u  /* VK_FORMAT_R8G8B8A8_UNORM */
#define SCENE_SAMPLES        4u

/* Behind the model: red, green, blue, alpha. */
extern const float scene_background[4];

/* SPIR-V of its vertex and its fragment stage. */
struct scene_shader {
	const uint32_t *words;
	uint32_t bytes;
};

extern const struct scene_shader scene_vertex_shader, scene_fragment_shader;

/* The push constants of a frame. */
struct scene_view {
	float transform[16]; /* of the turned model to clip space; columns */
	float turn[4];       /* cosine and sine of the turntable's angle */
};

/* `turned`: of a full turn, 0 to 1. */
struct scene_view scene_view(float turned, uint32_t width, uint32_t height);

/* Whoever draws fills defaults in before. */
void scene_state(uint32_t width, uint32_t height, struct penstock_graphics_state *state);

#endif
