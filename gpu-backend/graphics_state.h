/* SPDX-License-Identifier: MIT */
/*
 * Whether a state of a graphics pipeline can be one: each field in its range, and the fields
 * agreeing with each other, by the rules of Vulkan 1.3 and what the emulated GPU has of it. What
 * it needs of formats depends on the adapter, and whether it goes with shaders on them: both are
 * judged where a pipeline is composed (daemon/objects/composition.h). Pure; any bytes, from
 * anybody.
 */
#ifndef PENSTOCK_GRAPHICS_STATE_H
#define PENSTOCK_GRAPHICS_STATE_H

#include "proto/base/base.h"
#include "proto/graphics.h"

/* VkPrimitiveTopology */
enum penstock_topology {
	PENSTOCK_VK_POINT_LIST,
	PENSTOCK_VK_LINE_LIST,
	PENSTOCK_VK_LINE_STRIP,
	PENSTOCK_VK_TRIANGLE_LIST,
	PENSTOCK_VK_TRIANGLE_STRIP,
	PENSTOCK_VK_TRIANGLE_FAN,
	PENSTOCK_VK_LINE_LIST_WITH_ADJACENCY,
	PENSTOCK_VK_LINE_STRIP_WITH_ADJACENCY,
	PENSTOCK_VK_TRIANGLE_LIST_WITH_ADJACENCY,
	PENSTOCK_VK_TRIANGLE_STRIP_WITH_ADJACENCY,
	PENSTOCK_VK_PATCH_LIST,
	PENSTOCK_VK_TOPOLOGIES
};

/* VkBlendFactor: from here on those of a second source, which has the index 1 of location 0. */
#define PENSTOCK_VK_BLEND_FACTOR_SRC1_COLOR 15u

/* False, and a sentence that begins with the name of the field: it can be none. */
PENSTOCK_MUST_CHECK
bool penstock_graphics_state_valid(const struct penstock_graphics_state *state,
				   struct penstock_errbuf *reterr_text);

/* Whether any target blends with a second source; of a valid one. */
bool penstock_graphics_state_has_two_sources(const struct penstock_graphics_state *state);

#endif
