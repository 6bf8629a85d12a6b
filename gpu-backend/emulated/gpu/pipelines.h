/* SPDX-License-Identifier: MIT */
/*
 * Compiled pipelines, by the hash of what they were made of (gpu-backend/pipeline.h). Bounded: the
 * one that was not used for longest goes.
 *
 * Its descriptors are numbered: those of a binding follow each other, bindings in their order.
 */
#ifndef PENSTOCK_PIPELINES_H
#define PENSTOCK_PIPELINES_H

#include "gpu-backend/emulated/gpu/device.h"
#include "gpu-backend/emulated/gpu/engine.h"
#include "gpu-backend/pipeline.h"
#include "proto/base/list.h"

/* What is kept: compiled, one takes some 100 KiB beside its own bytes. */
#define PENSTOCK_PIPELINES_MOST       512u
#define PENSTOCK_PIPELINES_BYTES_MOST (64u << 20)

/* Of one: as much as its shaders and what describes them can be. */
#define PENSTOCK_PIPELINE_BYTES_MOST (32u << 20)

#define PENSTOCK_PIPELINES_BUCKETS 256u

/* What a device has of a pipeline; made at its first use there. */
struct penstock_vulkan_made {
	VkDescriptorSetLayout sets[PENSTOCK_LIMIT_DESCRIPTOR_SETS];
	VkPipelineLayout layout;
	VkPipeline pipeline;
	/* Workgroups that take about a millisecond, from the last ones that ran; 0: none did. */
	uint64_t band_groups;
	bool measured; /* not only guessed */
	bool ran;      /* a graphics pipeline: it is compiled */
};

struct penstock_vulkan_pipeline {
	struct penstock_list bucket_link; /* penstock_pipelines.buckets */
	struct penstock_list use_link;    /* penstock_pipelines.used, the latest first */
	struct penstock_pipeline *blob;   /* owned, valid */
	uint32_t *first;                  /* owned: number of each binding's first descriptor */
	uint32_t descriptor_count;
	uint32_t set_count;
	uint64_t turn; /* the last one that it was used in */
	struct penstock_vulkan_made made[PENSTOCK_VULKAN_DEVICES];
};

struct penstock_pipelines {
	struct penstock_list buckets[PENSTOCK_PIPELINES_BUCKETS];
	struct penstock_list used;
	uint32_t count, count_most;
	uint64_t bytes, bytes_most;
	/* What is used in this one stays, beyond the limits too: a scope may use many. */
	uint64_t turn;
	/* A copy of what is about to be added; kept, so that a fault while copying leaks nothing.
	 */
	uint8_t *scratch;
	size_t scratch_bytes;
};

void penstock_pipelines_init(struct penstock_pipelines *pipelines);
/* `devices`: of penstock_pipelines_make, [PENSTOCK_VULKAN_DEVICES]. */
void penstock_pipelines_fini(struct penstock_pipelines *pipelines,
			     const struct penstock_vulkan_device *devices);

/* A group begins: what was used before may be dropped again. */
void penstock_pipelines_turn(struct penstock_pipelines *pipelines);

/*
 * The one that is in memory there, in the guard; where it is not known yet, it is added if `add`
 * says so. COMPLETED; PAGE_FAULT; ILLEGAL: it is none, is not known, or there is no memory.
 */
PENSTOCK_MUST_CHECK
enum penstock_outcome penstock_pipelines_get(struct penstock_engine *engine, uint64_t address,
					     uint32_t bytes, bool add,
					     struct penstock_vulkan_pipeline **ret_pipeline);

/* The one of that hash and size, which is now the latest used; NULL: there is none. */
struct penstock_vulkan_pipeline *penstock_pipelines_find(struct penstock_pipelines *pipelines,
							 const struct penstock_pipeline *header);

/* Room for so many bytes, until the next call; NULL: there is no memory. */
uint8_t *penstock_pipelines_scratch(struct penstock_pipelines *pipelines, size_t bytes);

/*
 * Adds what the scratch holds. NULL: it is no pipeline, has more descriptors than a stage of the
 * device takes, or a state that is none; or there is no memory.
 */
struct penstock_vulkan_pipeline *
penstock_pipelines_add(struct penstock_pipelines *pipelines,
		       const struct penstock_vulkan_device *devices, size_t bytes);

/* Makes it for a device where it is not yet. False: the driver does not take it. */
PENSTOCK_MUST_CHECK
bool penstock_pipelines_make(struct penstock_vulkan_pipeline *pipeline,
			     const struct penstock_vulkan_device *devices,
			     enum penstock_vulkan_crew crew);

/* The number of a descriptor; false: the pipeline has none there. */
bool penstock_vulkan_descriptor_number(const struct penstock_vulkan_pipeline *pipeline,
				       uint32_t set, uint32_t binding, uint32_t element,
				       const struct penstock_pipeline_binding **ret_binding,
				       uint32_t *ret_number);

#endif
