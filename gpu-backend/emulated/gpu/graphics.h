/* SPDX-License-Identifier: MIT */
/* Graphics pipelines of the driver, from what a pipeline allocation says (gpu-backend/pipeline.h).
 */
#ifndef PENSTOCK_GPU_GRAPHICS_H
#define PENSTOCK_GPU_GRAPHICS_H

#include "gpu-backend/emulated/gpu/device.h"
#include "gpu-backend/pipeline.h"

#define PENSTOCK_GRAPHICS_STAGES                                                                   \
	(PENSTOCK_STAGE_VERTEX | PENSTOCK_STAGE_TESSELLATION_CONTROL |                             \
	 PENSTOCK_STAGE_TESSELLATION_EVALUATION | PENSTOCK_STAGE_GEOMETRY |                        \
	 PENSTOCK_STAGE_FRAGMENT)

/* Whether a valid blob with these stages can be made: its state is one, and fits its stages. */
bool penstock_graphics_taken(const struct penstock_pipeline *blob, uint32_t stages);

/* The blob was taken. */
VkResult penstock_graphics_make(const struct penstock_pipeline *blob,
				const struct penstock_vulkan_device *device,
				VkPipelineLayout layout, VkPipeline *ret_pipeline);

#endif
