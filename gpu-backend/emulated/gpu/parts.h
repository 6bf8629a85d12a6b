/* SPDX-License-Identifier: MIT */
/* What vulkan.h has inside; private to vulkan.c and dispatch.c. */
#ifndef PENSTOCK_PARTS_H
#define PENSTOCK_PARTS_H

#include "gpu-backend/emulated/gpu/guard.h"
#include "gpu-backend/emulated/gpu/pipelines.h"
#include "gpu-backend/emulated/gpu/vulkan.h"
#include "gpu-backend/emulated/patience.h"

/* Where one descriptor of the pipeline in use points to. */
struct penstock_vulkan_descriptor {
	uint64_t address;
	uint64_t size; /* 0: nothing is bound */
};

struct penstock_vulkan {
	void *driver; /* of dlopen */
	const struct penstock_mmu *mmu;
	struct penstock_vulkan_device devices[PENSTOCK_VULKAN_DEVICES];
	unsigned device_count;
	struct penstock_pipelines pipelines;
	struct penstock_guard_watch watch;
	struct penstock_patience patience;
	bool may_look;              /* another processor works while this one looks */
	uint64_t band_ns;           /* how long a band should take */
	uint64_t first_band_groups; /* of a pipeline that has not run on the device yet */

	/* Of the dispatch that is executed, by the number of the descriptor (pipelines.h). */
	struct penstock_vulkan_descriptor descriptors[PENSTOCK_LIMIT_DESCRIPTORS];
	VkDescriptorBufferInfo infos[PENSTOCK_LIMIT_DESCRIPTORS];
	VkWriteDescriptorSet writes[PENSTOCK_LIMIT_DESCRIPTORS]; /* one a binding */
};

#endif
