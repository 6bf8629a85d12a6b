/* SPDX-License-Identifier: MIT */
/*
 * The references of P5: the same frames by plain Vulkan calls in this process, on the driver that
 * the emulated GPU uses, two frames in flight. One thread.
 */
#ifndef PENSTOCK_BENCH_RAW_VULKAN_H
#define PENSTOCK_BENCH_RAW_VULKAN_H

#include "client/examples/model/renderer.h"
#include "client/examples/model/scene.h"

#include <stdbool.h>
#include <stdint.h>

struct raw_vulkan;

/* What is pushed for one small draw (shaders/draws.vert). */
struct small_draw {
	float place[4];
	float color[4];
};

extern const struct scene_shader small_draw_vertex_shader, small_draw_fragment_shader;

#define SMALL_DRAWS 1000u

/* The i-th of SMALL_DRAWS, in a grid. */
struct small_draw small_draw(uint32_t i);

/* Every pipeline state but for the defaults: small draws into one target. */
void small_draws_state(uint32_t width, uint32_t height, struct penstock_graphics_state *state);

/* The scene of the model, or NULL for mesh and texture: of the small draws. NULL: not possible. */
struct raw_vulkan *raw_vulkan_new(const struct mesh *mesh, const struct pixels *texture,
				  uint32_t width, uint32_t height);
void raw_vulkan_free(struct raw_vulkan *vulkan);

/*
 * Draws a frame, and returns while it is drawn. With `ret_bytes` it is waited for, and its pixels
 * are copied there: rows of 4 * width bytes, rounded up to 64, as many as `height` rounded up to 4.
 */
bool raw_vulkan_frame(struct raw_vulkan *vulkan, float turned, void *ret_bytes);

/* Until every frame is drawn. */
bool raw_vulkan_finish(struct raw_vulkan *vulkan);

#endif
