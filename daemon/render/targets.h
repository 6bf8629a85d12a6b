/* SPDX-License-Identifier: MIT */
/*
 * What a render scope draws to: its area and layers, and a view of an image for each target. All of
 * it lies inside of every image, since the driver looks at none of this. Private to render.
 */
#ifndef PENSTOCK_RENDER_TARGETS_H
#define PENSTOCK_RENDER_TARGETS_H

#include "daemon/render/images.h"

/* VkRect2D, right and bottom exclusive; neither empty nor reversed. */
struct penstock_area {
	int32_t left, top, right, bottom;
};

struct penstock_targets {
	struct penstock_area area;
	uint32_t layers;
	uint32_t view_mask;
	uint32_t samples; /* 0: there is none yet */
	uint32_t present; /* a bit for each colour target */
	uint32_t aspects; /* of the depth and stencil target; 0: none */
	uint32_t formats[PENSTOCK_LIMIT_COLOR_TARGETS]; /* 0: none there */
	uint32_t depth_format;
	uint32_t stencil_format;
};

/* From the begin_rendering at `bytes`, which its handler took. */
void penstock_render_targets_init(struct penstock_targets *targets, const uint8_t *bytes);

/* The color_target, depth_stencil_target at `bytes`; false: refused. */
bool penstock_render_targets_color(struct penstock_walk *walk, struct penstock_targets *targets,
				   const struct penstock_image_slots *slots, const uint8_t *bytes);
bool penstock_render_targets_depth_stencil(struct penstock_walk *walk,
					   struct penstock_targets *targets,
					   const struct penstock_image_slots *slots,
					   const uint8_t *bytes);

/* The clear_target at `bytes` is inside of a target that there is; false: refused. */
bool penstock_render_targets_clear(struct penstock_walk *walk,
				   const struct penstock_targets *targets, const uint8_t *bytes);

/* The pipeline draws to just these; false: refused, by the draw at `bytes`. */
bool penstock_render_targets_suit(struct penstock_walk *walk,
				  const struct penstock_targets *targets,
				  const struct penstock_graphics_state *graphics,
				  const uint8_t *bytes);

#endif
