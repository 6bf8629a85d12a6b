/* SPDX-License-Identifier: MIT */
/*
 * What a group binds, by set, binding and element, whatever its pipeline has, and descriptor sets
 * of a pipeline with it. Objects are made when something is bound, on the device of the group
 * (penstock_vulkan.objects). What is not bound is a null descriptor, which reads zeros.
 */
#ifndef PENSTOCK_DESCRIPTORS_H
#define PENSTOCK_DESCRIPTORS_H

#include "gpu-backend/emulated/gpu/group.h"
#include "gpu-backend/emulated/gpu/objects.h"
#include "gpu-backend/emulated/gpu/pipelines.h"

#define PENSTOCK_DESCRIPTOR_BUCKETS 4096u

struct penstock_bound {
	uint32_t set, binding, element;
	uint32_t next;                      /* of its bucket: its number + 1, 0: none */
	struct penstock_object_range range; /* no buffer: none */
	VkBufferView texels;
	VkImageView view;
	VkSampler sampler;
};

struct penstock_descriptors {
	struct penstock_bound *list; /* owned */
	uint32_t count, capacity;
	uint32_t buckets[PENSTOCK_DESCRIPTOR_BUCKETS]; /* number + 1 */
	/* Of the set that is written, by the number of the descriptor (pipelines.h). */
	VkDescriptorBufferInfo buffers[PENSTOCK_LIMIT_DESCRIPTORS];
	VkDescriptorImageInfo images[PENSTOCK_LIMIT_DESCRIPTORS];
	VkBufferView texels[PENSTOCK_LIMIT_DESCRIPTORS];
	VkWriteDescriptorSet writes[PENSTOCK_LIMIT_DESCRIPTORS]; /* one a binding */
	uint32_t used, sets_used;                                /* of the device's pool */
};

/* Nothing is bound. */
void penstock_descriptors_forget(struct penstock_descriptors *descriptors);
void penstock_descriptors_fini(struct penstock_descriptors *descriptors);

/* Whether the instruction binds something at a set, a binding and an element. */
bool penstock_descriptors_binds(enum penstock_dma_id id);

/*
 * Binds what the member says. COMPLETED; PAGE_FAULT: a range is in no segment; ILLEGAL: Vulkan does
 * not take it, its image is not there, or there is no memory.
 */
PENSTOCK_MUST_CHECK
enum penstock_outcome penstock_descriptors_bind(struct penstock_engine *engine,
						const struct penstock_member *member);

/*
 * Whether sets of the pipeline fit into what is left of the device's pool: otherwise it is to be
 * emptied first (penstock_descriptors_empty).
 */
bool penstock_descriptors_fit(const struct penstock_descriptors *descriptors,
			      const struct penstock_vulkan_pipeline *pipeline);

/* Sets that were made are not used any more. */
PENSTOCK_MUST_CHECK
bool penstock_descriptors_empty(struct penstock_descriptors *descriptors,
				const struct penstock_vulkan_device *device);

/* Makes those sets of a pipeline that `mask` has, with what is bound. COMPLETED, ILLEGAL. */
PENSTOCK_MUST_CHECK
enum penstock_outcome penstock_descriptors_make(struct penstock_vulkan *vulkan,
						const struct penstock_vulkan_pipeline *pipeline,
						enum penstock_vulkan_crew crew, uint32_t mask,
						VkDescriptorSet sets[]);

#endif
