/* SPDX-License-Identifier: MIT */
/* What a render scope draws to. */
#ifndef PENSTOCK_TARGETS_H
#define PENSTOCK_TARGETS_H

#include "gpu-backend/emulated/gpu/group.h"
#include "gpu-backend/emulated/gpu/images.h"
#include "gpu-backend/emulated/gpu/pipelines.h"

struct penstock_target {
	VkImageView view; /* VK_NULL_HANDLE: it is not there */
	VkFormat format;
	VkAttachmentLoadOp load_op;
	VkClearValue clear;
	VkResolveModeFlagBits resolve_mode; /* VK_RESOLVE_MODE_NONE: none */
	VkImageView resolve;
};

struct penstock_targets {
	VkRect2D area;
	uint32_t layers, view_mask;
	uint32_t samples; /* of all of them; 0: there is none */
	struct penstock_target colors[PENSTOCK_LIMIT_COLOR_TARGETS];
	uint32_t color_count; /* the highest one's index + 1 */
	struct penstock_target depth, stencil;
};

/* `fields` of begin_rendering. COMPLETED, ILLEGAL. */
PENSTOCK_MUST_CHECK
enum penstock_outcome penstock_targets_begin(struct penstock_targets *targets,
					     const uint8_t *fields);

/* `fields` of color_target, and of depth_stencil_target. COMPLETED; ILLEGAL: it cannot be one. */
PENSTOCK_MUST_CHECK
enum penstock_outcome penstock_targets_color(struct penstock_targets *targets,
					     struct penstock_objects *objects,
					     const struct penstock_images *images,
					     const uint8_t *fields);
PENSTOCK_MUST_CHECK
enum penstock_outcome penstock_targets_depth_stencil(struct penstock_targets *targets,
						     struct penstock_objects *objects,
						     const struct penstock_images *images,
						     const uint8_t *fields);

/* Whether a pipeline with this state draws to them. */
bool penstock_targets_fit(const struct penstock_targets *targets,
			  const struct penstock_graphics_state *state);

/* Records the begin of a part. */
void penstock_targets_record(const struct penstock_targets *targets,
			     const struct penstock_vulkan_device *device, bool is_first,
			     bool is_last);

/* Records clear_target. ILLEGAL: no such target, or past the area or its layers. */
PENSTOCK_MUST_CHECK
enum penstock_outcome penstock_targets_clear(const struct penstock_targets *targets,
					     const struct penstock_vulkan_device *device,
					     const uint8_t *fields);

#endif
