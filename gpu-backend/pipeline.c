/* SPDX-License-Identifier: MIT */
#include "gpu-backend/pipeline.h"

#include "proto/wire/limits.h"

/* `count` records of `record_bytes` at `offset`, aligned. */
static bool records_fit(size_t bytes, uint32_t offset, uint32_t count, size_t record_bytes)
{
	return offset % sizeof(uint32_t) == 0 &&
	       penstock_range_fits(offset, (uint64_t)count * record_bytes, bytes);
}

static bool type_is_known(uint32_t type)
{
	return type <= PENSTOCK_DESCRIPTOR_STORAGE_BUFFER ||
	       type == PENSTOCK_DESCRIPTOR_INPUT_ATTACHMENT;
}

/* By set and binding, none twice, and not more descriptors than a pipeline has. */
static bool bindings_valid(const struct penstock_pipeline *pipeline)
{
	const struct penstock_pipeline_binding *bindings = penstock_pipeline_bindings(pipeline);
	uint64_t descriptors = 0;

	for (uint32_t i = 0; i < pipeline->binding_count; i++) {
		const struct penstock_pipeline_binding *binding = &bindings[i];

		if (binding->set >= PENSTOCK_LIMIT_DESCRIPTOR_SETS ||
		    binding->binding >= PENSTOCK_LIMIT_BINDING_NUMBER ||
		    !type_is_known(binding->type) || binding->count == 0) {
			return false;
		}
		if (i > 0 && (bindings[i - 1].set > binding->set ||
			      (bindings[i - 1].set == binding->set &&
			       bindings[i - 1].binding >= binding->binding))) {
			return false;
		}
		descriptors += binding->count;
	}
	return descriptors <= PENSTOCK_LIMIT_DESCRIPTORS;
}

static bool stages_valid(const struct penstock_pipeline *pipeline, size_t bytes)
{
	const struct penstock_pipeline_stage *stages = penstock_pipeline_stages(pipeline);

	for (uint32_t i = 0; i < pipeline->stage_count; i++) {
		const struct penstock_pipeline_stage *stage = &stages[i];

		if (!records_fit(bytes, stage->spirv_offset, stage->spirv_bytes, 1) ||
		    stage->spirv_bytes % sizeof(uint32_t) != 0 || stage->entry_bytes == 0 ||
		    !records_fit(bytes, stage->entry_offset, stage->entry_bytes, 1) ||
		    ((const char *)pipeline)[stage->entry_offset + stage->entry_bytes - 1] != 0) {
			return false;
		}
	}
	return true;
}

/* A graphics pipeline has a state, of which nothing is said here; another has none. */
static bool graphics_valid(const struct penstock_pipeline *pipeline, size_t bytes)
{
	if (pipeline->kind != PENSTOCK_PIPELINE_GRAPHICS) {
		return pipeline->graphics_offset == 0;
	}
	return pipeline->graphics_offset != 0 &&
	       records_fit(bytes, pipeline->graphics_offset, 1,
			   sizeof(struct penstock_graphics_state));
}

bool penstock_pipeline_valid(const void *bytes_at, size_t bytes)
{
	const struct penstock_pipeline *pipeline = bytes_at;

	if (bytes < sizeof(*pipeline) || pipeline->magic != PENSTOCK_PIPELINE_MAGIC ||
	    pipeline->version != PENSTOCK_PIPELINE_VERSION || pipeline->bytes != bytes ||
	    (pipeline->kind != PENSTOCK_PIPELINE_COMPUTE &&
	     pipeline->kind != PENSTOCK_PIPELINE_GRAPHICS) ||
	    pipeline->push_constant_bytes > PENSTOCK_LIMIT_PUSH_CONSTANT_BYTES ||
	    pipeline->push_constant_bytes % sizeof(uint32_t) != 0 ||
	    (pipeline->push_stages == 0) != (pipeline->push_constant_bytes == 0) ||
	    (pipeline->push_stages & ~PENSTOCK_STAGES) != 0 ||
	    !records_fit(bytes, pipeline->binding_offset, pipeline->binding_count,
			 sizeof(struct penstock_pipeline_binding)) ||
	    !records_fit(bytes, pipeline->stage_offset, pipeline->stage_count,
			 sizeof(struct penstock_pipeline_stage)) ||
	    !graphics_valid(pipeline, bytes)) {
		return false;
	}
	return bindings_valid(pipeline) && stages_valid(pipeline, bytes);
}
