/* SPDX-License-Identifier: MIT */
/* A canvas on its way through plain Vulkan; private to graphics_reference.c and its pipelines. */
#ifndef PENSTOCK_REFERENCE_RUN_H
#define PENSTOCK_REFERENCE_RUN_H

#include "tests/golden/graphics_reference.h"
#include "tests/golden/vulkan_device.h"

#define OBJECTS  4096u
#define IMAGES   64u
#define BINDINGS 64u
#define QUERIES  16u
#define STATES   64u

/* An image of the canvas, by what it is and where. */
struct picture {
	struct canvas_image of;
	VkImage image;
	VkDeviceMemory memory;
};

struct bound {
	uint32_t set, binding, element;
	VkDescriptorBufferInfo buffer;
	VkDescriptorImageInfo image;
	VkBufferView texels;
};

struct query {
	VkQueryPool pool;
	uint32_t offset, words;
};

struct run {
	struct vulkan_reference *vk;
	const struct canvas *canvas;
	VkCommandPool commands;
	VkCommandBuffer command;
	VkDescriptorPool descriptors;
	VkBuffer buffer;
	VkDeviceMemory memory;
	uint8_t *mapped;
	struct picture pictures[IMAGES];
	uint32_t picture_count;
	/* everything else that was made, freed at the end */
	VkImageView views[OBJECTS];
	VkSampler samplers[OBJECTS];
	VkBufferView buffer_views[OBJECTS];
	VkPipeline pipelines[OBJECTS];
	VkPipelineLayout layouts[OBJECTS];
	VkDescriptorSetLayout set_layouts[OBJECTS];
	VkShaderModule modules[OBJECTS];
	VkBuffer buffers[OBJECTS];
	uint32_t buffer_count, view_count, sampler_count, buffer_view_count, pipeline_count,
		layout_count, set_layout_count, module_count;
	struct query queries[QUERIES];
	uint32_t query_count;

	/* the group */
	const struct picture *slots[PENSTOCK_LIMIT_GROUP_IMAGES];
	struct bound bounds[BINDINGS];
	uint32_t bound_count;
	const struct penstock_pipeline *blob;
	VkPipeline pipeline;
	VkPipelineLayout layout;
	uint32_t push[32];
	VkRenderingInfo rendering;
	VkRenderingAttachmentInfo colors[8], depth, stencil;
	bool has_depth, has_stencil, began;
	uint32_t indirect, count;
	/* Dynamic state of the scope, which a pipeline may take the place of. */
	const uint8_t *states[STATES];
	uint32_t state_count;
};

/* Makes the pipeline that is at an offset of memory the group's. */
void reference_pipeline(struct run *run, uint32_t offset);

#endif
