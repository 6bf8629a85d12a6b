/* SPDX-License-Identifier: MIT */
#include "proto/image/default_state.h"

#define TOPOLOGY_TRIANGLE_LIST 3u /* VkPrimitiveTopology */

void penstock_graphics_state_default(struct penstock_graphics_state *ret_state)
{
	*ret_state = (struct penstock_graphics_state){
		.dynamic = PENSTOCK_DYNAMIC_VIEWPORT | PENSTOCK_DYNAMIC_SCISSOR,
		.topology = TOPOLOGY_TRIANGLE_LIST,
		.viewport_count = 1,
		.line_width = 1,
		.samples = 1,
		.sample_mask = UINT32_MAX,
	};
}
