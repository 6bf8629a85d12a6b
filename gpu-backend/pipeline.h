/* SPDX-License-Identifier: MIT */
/*
 * What a pipeline allocation holds: all that the GPU needs to make the pipeline, written by the
 * daemon when it is created and never again. Compute, or graphics.
 *
 *	struct penstock_pipeline           the header
 *	struct penstock_pipeline_binding   binding_count of them, by set and binding
 *	struct penstock_pipeline_stage     stage_count of them, in the order of their stages
 *	struct penstock_graphics_state     of a graphics pipeline
 *	bytes                              entry point names and SPIR-V, which the stages point to
 *
 * Offsets are bytes from the start of the header, multiples of 4. The memory is a principal's and
 * its GPU process can write it: who reads it copies it first and asks penstock_pipeline_valid,
 * which holds offsets, counts and kinds against the length; SPIR-V is not looked at.
 *
 * Kinds, stages and types have the numbers of Vulkan (VkDescriptorType, VkShaderStageFlagBits).
 * Constant and pure; any thread.
 */
#ifndef PENSTOCK_PIPELINE_H
#define PENSTOCK_PIPELINE_H

#include "proto/base/base.h"
#include "proto/graphics.h"

#define PENSTOCK_PIPELINE_MAGIC      0x4c504e50u /* "PNPL" */
#define PENSTOCK_PIPELINE_VERSION    2u
#define PENSTOCK_PIPELINE_HASH_BYTES 32u

enum penstock_pipeline_kind {
	PENSTOCK_PIPELINE_COMPUTE = 1,
	PENSTOCK_PIPELINE_GRAPHICS = 2,
};

/* VkDescriptorType */
enum penstock_descriptor {
	PENSTOCK_DESCRIPTOR_SAMPLER = 0,
	PENSTOCK_DESCRIPTOR_COMBINED_IMAGE_SAMPLER = 1,
	PENSTOCK_DESCRIPTOR_SAMPLED_IMAGE = 2,
	PENSTOCK_DESCRIPTOR_STORAGE_IMAGE = 3,
	PENSTOCK_DESCRIPTOR_UNIFORM_TEXEL_BUFFER = 4,
	PENSTOCK_DESCRIPTOR_STORAGE_TEXEL_BUFFER = 5,
	PENSTOCK_DESCRIPTOR_UNIFORM_BUFFER = 6,
	PENSTOCK_DESCRIPTOR_STORAGE_BUFFER = 7,
	PENSTOCK_DESCRIPTOR_INPUT_ATTACHMENT = 10,
};

/* VkShaderStageFlagBits */
#define PENSTOCK_STAGE_VERTEX                  0x01u
#define PENSTOCK_STAGE_TESSELLATION_CONTROL    0x02u
#define PENSTOCK_STAGE_TESSELLATION_EVALUATION 0x04u
#define PENSTOCK_STAGE_GEOMETRY                0x08u
#define PENSTOCK_STAGE_FRAGMENT                0x10u
#define PENSTOCK_STAGE_COMPUTE                 0x20u
#define PENSTOCK_STAGES                        0x3fu

/* penstock_pipeline.flags */
#define PENSTOCK_PIPELINE_COUNTS_GROUPS                                                            \
	0x1u /* reads NumWorkgroups: a dispatch is one of Vulkan's */

struct penstock_pipeline {
	uint32_t magic;
	uint32_t version;
	uint32_t bytes; /* of all of it */
	uint32_t kind;  /* enum penstock_pipeline_kind */
	/* Of what is behind this field; what compiled pipelines are found by. */
	uint8_t hash[PENSTOCK_PIPELINE_HASH_BYTES];
	uint32_t flags;
	uint32_t push_constant_bytes; /* a multiple of 4 */
	uint32_t binding_count;
	uint32_t binding_offset;
	uint32_t stage_count;
	uint32_t stage_offset;
	uint32_t graphics_offset; /* 0: none */
	uint32_t push_stages;     /* PENSTOCK_STAGE_: those that read push constants */
};

struct penstock_pipeline_binding {
	uint32_t set;
	uint32_t binding;
	uint32_t type;   /* enum penstock_descriptor */
	uint32_t count;  /* of the array; at least 1 */
	uint32_t stages; /* PENSTOCK_STAGE_ */
};

struct penstock_pipeline_stage {
	uint32_t stage;        /* one PENSTOCK_STAGE_ */
	uint32_t entry_offset; /* a string, with its zero */
	uint32_t entry_bytes;
	uint32_t spirv_offset;
	uint32_t spirv_bytes;
};

/* Whether `bytes` bytes at `pipeline` are one, and all that it points to lies inside. */
bool penstock_pipeline_valid(const void *pipeline, size_t bytes);

static inline const struct penstock_pipeline_binding *
penstock_pipeline_bindings(const struct penstock_pipeline *pipeline)
{
	return (const void *)((const uint8_t *)pipeline + pipeline->binding_offset);
}

static inline const struct penstock_pipeline_stage *
penstock_pipeline_stages(const struct penstock_pipeline *pipeline)
{
	return (const void *)((const uint8_t *)pipeline + pipeline->stage_offset);
}

/* NULL of a compute pipeline. */
static inline const struct penstock_graphics_state *
penstock_pipeline_graphics(const struct penstock_pipeline *pipeline)
{
	return pipeline->graphics_offset == 0
		       ? NULL
		       : (const void *)((const uint8_t *)pipeline + pipeline->graphics_offset);
}

#endif
