/* SPDX-License-Identifier: MIT */
/*
 * Draws and dispatches. What one uses stands before it and is only looked at by itself as it comes;
 * at its end the group is held against what the shaders of its pipeline use, and written as a
 * whole. So a group is never cut, and an entry of the patch list has the SplitOffset of its group.
 *
 *	bind_pipeline  bind_buffer  push_constants  ...  dispatch
 *	^ group.start                                    judged and written here
 */
#include "daemon/render/walk.h"

#include "gpu-backend/pipeline.h"
#include "proto/wire/limits.h"

#include <inttypes.h>
#include <string.h>

#define SLOT_BITS            1u  /* slot 0: every instruction has one reference at most */
#define DESCRIPTOR_ALIGNMENT 16u /* of a range: minStorageBufferOffsetAlignment and the like */

/* ------------------------------------------------------------------ one by one */

/* It is the group's; false: refused. */
static bool take(struct penstock_walk *walk, const uint8_t *bytes, uint32_t references,
		 uint32_t dma_bytes)
{
	if (walk->group.start == NULL) {
		penstock_walk_open_group(walk, bytes);
	}
	if (PENSTOCK_UNLIKELY(walk->group.instructions == PENSTOCK_LIMIT_GROUP_INSTRUCTIONS)) {
		return penstock_walk_refuse(walk, bytes, PENSTOCK_STATUS_LIMIT_EXCEEDED, "",
					    "a group of more than %u instructions",
					    PENSTOCK_LIMIT_GROUP_INSTRUCTIONS) != NULL;
	}
	walk->group.instructions++;
	walk->group.references += references;
	walk->group.dma_bytes += dma_bytes;
	return true;
}

const uint8_t *penstock_render_bind_pipeline(struct penstock_walk *walk, const uint8_t *bytes,
					     uint32_t length)
{
	uint32_t index = penstock_load16(bytes + PENSTOCK_OPERAND_BIND_PIPELINE_pipeline);
	const struct penstock_render_allocation *allocation = penstock_walk_allocation(walk, index);

	if (PENSTOCK_UNLIKELY(allocation == NULL)) {
		return penstock_walk_refuse_index(walk, bytes, "pipeline", index);
	}
	if (PENSTOCK_UNLIKELY(allocation->pipeline == NULL)) {
		return penstock_walk_refuse(walk, bytes, PENSTOCK_STATUS_INVALID_PARAMETER,
					    "pipeline", "allocation %u is no pipeline", index);
	}
	if (!take(walk, bytes, 1, PENSTOCK_DMA_BYTES_BIND_PIPELINE)) {
		return NULL;
	}
	if (PENSTOCK_UNLIKELY(walk->group.pipeline != NULL)) {
		return penstock_walk_refuse(walk, bytes, PENSTOCK_STATUS_INVALID_PARAMETER,
					    "pipeline", "a second pipeline in one group");
	}
	walk->group.pipeline = allocation;
	return bytes + length;
}

/* bind_buffer and bind_buffer_write differ in what they may do alone. */
_Static_assert((int)PENSTOCK_OPERAND_BIND_BUFFER_allocation ==
			       (int)PENSTOCK_OPERAND_BIND_BUFFER_WRITE_allocation &&
		       (int)PENSTOCK_OPERAND_BIND_BUFFER_offset ==
			       (int)PENSTOCK_OPERAND_BIND_BUFFER_WRITE_offset &&
		       (int)PENSTOCK_OPERAND_BIND_BUFFER_size ==
			       (int)PENSTOCK_OPERAND_BIND_BUFFER_WRITE_size &&
		       (int)PENSTOCK_OPERAND_BIND_BUFFER_set ==
			       (int)PENSTOCK_OPERAND_BIND_BUFFER_WRITE_set &&
		       (int)PENSTOCK_OPERAND_BIND_BUFFER_binding ==
			       (int)PENSTOCK_OPERAND_BIND_BUFFER_WRITE_binding &&
		       (int)PENSTOCK_OPERAND_BIND_BUFFER_element ==
			       (int)PENSTOCK_OPERAND_BIND_BUFFER_WRITE_element &&
		       (int)PENSTOCK_DMA_BIND_BUFFER_address ==
			       (int)PENSTOCK_DMA_BIND_BUFFER_WRITE_address &&
		       (int)PENSTOCK_DMA_BYTES_BIND_BUFFER ==
			       (int)PENSTOCK_DMA_BYTES_BIND_BUFFER_WRITE,
	       "one layout for both");

static bool writes(const uint8_t *bytes)
{
	return penstock_header_opcode(penstock_load32(bytes)) == PENSTOCK_OPCODE_BIND_BUFFER_WRITE;
}

const uint8_t *penstock_render_bind_buffer(struct penstock_walk *walk, const uint8_t *bytes,
					   uint32_t length)
{
	uint32_t index = penstock_load16(bytes + PENSTOCK_OPERAND_BIND_BUFFER_allocation);
	uint64_t offset = penstock_load64(bytes + PENSTOCK_OPERAND_BIND_BUFFER_offset);
	uint64_t size = penstock_load64(bytes + PENSTOCK_OPERAND_BIND_BUFFER_size);
	const struct penstock_render_allocation *allocation = penstock_walk_allocation(walk, index);

	if (PENSTOCK_UNLIKELY(allocation == NULL)) {
		return penstock_walk_refuse_index(walk, bytes, "allocation", index);
	}
	if (PENSTOCK_UNLIKELY(writes(bytes) && !allocation->write_operation)) {
		return penstock_walk_refuse_write(walk, bytes, "allocation", index);
	}
	if (PENSTOCK_UNLIKELY(size == 0 ||
			      !penstock_range_fits(offset, size, allocation->size_bytes))) {
		return penstock_walk_refuse(walk, bytes, PENSTOCK_STATUS_INVALID_PARAMETER, "size",
					    "0x%" PRIx64 " bytes at 0x%" PRIx64
					    ": at least one, inside allocation %u (0x%" PRIx64
					    " bytes)",
					    size, offset, index, allocation->size_bytes);
	}
	if (PENSTOCK_UNLIKELY(offset % DESCRIPTOR_ALIGNMENT != 0)) {
		return penstock_walk_refuse(walk, bytes, PENSTOCK_STATUS_INVALID_PARAMETER,
					    "offset", "offset 0x%" PRIx64 " is no multiple of %u",
					    offset, DESCRIPTOR_ALIGNMENT);
	}
	return take(walk, bytes, 1, PENSTOCK_DMA_BYTES_BIND_BUFFER) ? bytes + length : NULL;
}

const uint8_t *penstock_render_push_constants(struct penstock_walk *walk, const uint8_t *bytes,
					      uint32_t length)
{
	uint32_t offset = penstock_load32(bytes + PENSTOCK_OPERAND_PUSH_CONSTANTS_offset);
	uint32_t data_bytes = length - PENSTOCK_BYTES_PUSH_CONSTANTS;

	if (PENSTOCK_UNLIKELY(
		    offset % 4 != 0 ||
		    !penstock_range_fits(offset, data_bytes, PENSTOCK_LIMIT_PUSH_CONSTANT_BYTES))) {
		return penstock_walk_refuse(walk, bytes, PENSTOCK_STATUS_INVALID_PARAMETER,
					    "offset",
					    "%u bytes at %u: a multiple of 4, and all of them "
					    "among %u",
					    data_bytes, offset, PENSTOCK_LIMIT_PUSH_CONSTANT_BYTES);
	}
	return take(walk, bytes, 0, PENSTOCK_DMA_BYTES_PUSH_CONSTANTS + data_bytes) ? bytes + length
										    : NULL;
}

/* ------------------------------------------------------------------ against the pipeline */

/* A bit for each descriptor that was bound. */
struct bound {
	uint64_t words[PENSTOCK_LIMIT_DESCRIPTORS / 64u];
};

static const struct penstock_render_binding *
find_binding(const struct penstock_render_pipeline *pipeline, uint32_t set, uint32_t binding)
{
	uint32_t low = 0, high = pipeline->binding_count;

	while (low < high) {
		uint32_t middle = low + (high - low) / 2;
		const struct penstock_render_binding *candidate = &pipeline->bindings[middle];

		if (candidate->set == set && candidate->binding == binding) {
			return candidate;
		}
		if (candidate->set < set ||
		    (candidate->set == set && candidate->binding < binding)) {
			low = middle + 1;
		} else {
			high = middle;
		}
	}
	return NULL;
}

static bool refuse_binding(struct penstock_walk *walk, const uint8_t *bytes,
			   const struct penstock_render_binding *binding, uint32_t element,
			   const char *operand, const char *fault)
{
	(void)penstock_walk_refuse(walk, bytes, PENSTOCK_STATUS_INVALID_PARAMETER, operand,
				   "set %u, binding %u, element %u of the pipeline %s",
				   binding->set, binding->binding, element, fault);
	return false;
}

/* The buffer that is bound at `bytes` suits the descriptor. */
static bool judge_buffer(struct penstock_walk *walk, const uint8_t *bytes,
			 const struct penstock_render_binding *binding, uint32_t element)
{
	uint64_t size = penstock_load64(bytes + PENSTOCK_OPERAND_BIND_BUFFER_size);
	const bool uniform = binding->type == PENSTOCK_DESCRIPTOR_UNIFORM_BUFFER;

	if (!uniform && binding->type != PENSTOCK_DESCRIPTOR_STORAGE_BUFFER) {
		return refuse_binding(walk, bytes, binding, element, "allocation",
				      "is no uniform and no storage buffer");
	}
	if (size < binding->least_bytes) {
		(void)penstock_walk_refuse(
			walk, bytes, PENSTOCK_STATUS_INVALID_PARAMETER, "size",
			"set %u, binding %u, element %u of the pipeline needs 0x%x bytes, not "
			"0x%" PRIx64,
			binding->set, binding->binding, element, binding->least_bytes, size);
		return false;
	}
	if (size >
	    (uniform ? PENSTOCK_LIMIT_UNIFORM_RANGE_BYTES : PENSTOCK_LIMIT_STORAGE_RANGE_BYTES)) {
		return refuse_binding(walk, bytes, binding, element, "size",
				      "cannot take so large a range");
	}
	if (binding->written && !writes(bytes)) {
		return refuse_binding(walk, bytes, binding, element, "allocation",
				      "is written, and needs bind_buffer_write");
	}
	return true;
}

/* False: refused. What the pipeline does not have is ignored. */
static bool judge_bind(struct penstock_walk *walk, const uint8_t *bytes,
		       const struct penstock_render_pipeline *pipeline, struct bound *bound)
{
	uint32_t set = penstock_load32(bytes + PENSTOCK_OPERAND_BIND_BUFFER_set);
	uint32_t number = penstock_load32(bytes + PENSTOCK_OPERAND_BIND_BUFFER_binding);
	uint32_t element = penstock_load32(bytes + PENSTOCK_OPERAND_BIND_BUFFER_element);
	const struct penstock_render_binding *binding = find_binding(pipeline, set, number);
	uint32_t descriptor;
	uint64_t bit;

	if (binding == NULL || element >= binding->count) {
		return true;
	}
	descriptor = binding->first + element;
	bit = 1ull << descriptor % 64;
	if ((bound->words[descriptor / 64] & bit) != 0) {
		return refuse_binding(walk, bytes, binding, element, "binding", "is bound twice");
	}
	bound->words[descriptor / 64] |= bit;
	return judge_buffer(walk, bytes, binding, element);
}

/* Names the first descriptor that is not bound; true: all are. */
static bool all_bound(struct penstock_walk *walk, const uint8_t *bytes,
		      const struct penstock_render_pipeline *pipeline, const struct bound *bound)
{
	for (uint32_t i = 0; i < pipeline->binding_count; i++) {
		const struct penstock_render_binding *binding = &pipeline->bindings[i];

		for (uint32_t element = 0; element < binding->count; element++) {
			uint32_t descriptor = binding->first + element;

			if ((bound->words[descriptor / 64] >> descriptor % 64 & 1) == 0) {
				return refuse_binding(walk, bytes, binding, element, "",
						      "is not bound");
			}
		}
	}
	return true;
}

/* What stands from the group's start to the draw at `bytes`, against the pipeline's shaders. */
static bool judge(struct penstock_walk *walk, const uint8_t *bytes, uint32_t kind)
{
	const struct penstock_render_allocation *allocation = walk->group.pipeline;
	struct bound bound = { { 0 } };

	if (walk->group.start == NULL || allocation == NULL) {
		return penstock_walk_refuse(walk, bytes, PENSTOCK_STATUS_INVALID_PARAMETER,
					    "pipeline", "its group has no pipeline") != NULL;
	}
	if (allocation->pipeline->kind != kind) {
		return penstock_walk_refuse(walk, bytes, PENSTOCK_STATUS_INVALID_PARAMETER,
					    "pipeline", "its pipeline is of another kind") != NULL;
	}
	for (const uint8_t *at = walk->group.start; at != bytes;
	     at += penstock_header_length(penstock_load32(at))) {
		uint16_t opcode = penstock_header_opcode(penstock_load32(at));

		if ((opcode == PENSTOCK_OPCODE_BIND_BUFFER ||
		     opcode == PENSTOCK_OPCODE_BIND_BUFFER_WRITE) &&
		    !judge_bind(walk, at, allocation->pipeline, &bound)) {
			return false;
		}
	}
	return all_bound(walk, bytes, allocation->pipeline, &bound);
}

/* ------------------------------------------------------------------ as DMA instructions */

/* Where a group is written; there is room for it. */
struct output {
	struct penstock_walk *walk;
	uint8_t *dma;      /* of the next instruction */
	uint32_t split;    /* of the group */
	uint32_t in_group; /* of the next instruction, from the group's start */
};

static void put_reference(struct output *output, uint32_t index, uint64_t offset, uint32_t field)
{
	const struct penstock_render_allocation *allocation = &output->walk->allocations[index];

	penstock_store64(output->dma + field, allocation->address + offset);
	penstock_patch_list_put(&output->walk->patches, 0, index, offset, output->split,
				output->in_group + field);
}

static uint32_t put_pipeline(struct output *output, const uint8_t *bytes, uint32_t length)
{
	(void)length;
	penstock_dma_put_header(output->dma, PENSTOCK_DMA_OPCODE_BIND_PIPELINE,
				PENSTOCK_DMA_BYTES_BIND_PIPELINE,
				output->walk->group.pipeline->pipeline->bytes);
	put_reference(output, penstock_load16(bytes + PENSTOCK_OPERAND_BIND_PIPELINE_pipeline), 0,
		      PENSTOCK_DMA_BIND_PIPELINE_address);
	return PENSTOCK_DMA_BYTES_BIND_PIPELINE;
}

/* Vulkan reads up to two bytes past a uniform range that is no multiple of 4. */
static uint64_t size_for(const struct output *output, const uint8_t *bytes)
{
	uint64_t size = penstock_load64(bytes + PENSTOCK_OPERAND_BIND_BUFFER_size);
	const struct penstock_render_binding *binding =
		find_binding(output->walk->group.pipeline->pipeline,
			     penstock_load32(bytes + PENSTOCK_OPERAND_BIND_BUFFER_set),
			     penstock_load32(bytes + PENSTOCK_OPERAND_BIND_BUFFER_binding));

	return binding != NULL && binding->type == PENSTOCK_DESCRIPTOR_UNIFORM_BUFFER
		       ? size & ~UINT64_C(3)
		       : size;
}

static uint32_t put_buffer(struct output *output, const uint8_t *bytes, uint32_t length)
{
	uint8_t *dma = output->dma;

	(void)length;
	penstock_dma_put_header(dma, penstock_header_opcode(penstock_load32(bytes)),
				PENSTOCK_DMA_BYTES_BIND_BUFFER,
				penstock_load32(bytes + PENSTOCK_OPERAND_BIND_BUFFER_set));
	penstock_dma_put_pair(dma + PENSTOCK_DMA_BIND_BUFFER_binding,
			      penstock_load32(bytes + PENSTOCK_OPERAND_BIND_BUFFER_binding),
			      penstock_load32(bytes + PENSTOCK_OPERAND_BIND_BUFFER_element));
	put_reference(output, penstock_load16(bytes + PENSTOCK_OPERAND_BIND_BUFFER_allocation),
		      penstock_load64(bytes + PENSTOCK_OPERAND_BIND_BUFFER_offset),
		      PENSTOCK_DMA_BIND_BUFFER_address);
	penstock_store64(dma + PENSTOCK_DMA_BIND_BUFFER_size, size_for(output, bytes));
	return PENSTOCK_DMA_BYTES_BIND_BUFFER;
}

/* The same in both encodings. */
static uint32_t put_same(struct output *output, const uint8_t *bytes, uint32_t length)
{
	memcpy(output->dma, bytes, length);
	return length;
}

static uint32_t (*const writers[])(struct output *output, const uint8_t *bytes, uint32_t length) = {
	[PENSTOCK_OPCODE_BIND_PIPELINE] = put_pipeline,
	[PENSTOCK_OPCODE_BIND_BUFFER] = put_buffer,
	[PENSTOCK_OPCODE_BIND_BUFFER_WRITE] = put_buffer,
	[PENSTOCK_OPCODE_PUSH_CONSTANTS] = put_same,
	[PENSTOCK_OPCODE_DISPATCH] = put_same,
};

/* All of the group that ends behind the draw at `bytes`; what follows, or NULL. */
static const uint8_t *finish(struct penstock_walk *walk, const uint8_t *bytes, uint32_t length,
			     uint32_t dma_bytes)
{
	const uint8_t *at = walk->group.start;
	struct output output = { .walk = walk };

	if (!penstock_walk_reserve(walk, at, walk->group.dma_bytes + dma_bytes,
				   walk->group.references, SLOT_BITS, PENSTOCK_WORK_UNKNOWN,
				   &output.dma, &output.split)) {
		return NULL;
	}
	while (output.dma != NULL && at != bytes + length) {
		uint32_t header = penstock_load32(at);
		uint32_t written = writers[penstock_header_opcode(header)](
			&output, at, penstock_header_length(header));

		output.dma += written;
		output.in_group += written;
		at += penstock_header_length(header);
	}
	penstock_walk_close_group(walk);
	return bytes + length;
}

/* ------------------------------------------------------------------ dispatch */

static bool judge_extent(struct penstock_walk *walk, const uint8_t *bytes)
{
	static const struct {
		const char *operand;
		uint32_t groups;
		uint32_t base;
	} axes[] = {
		{ "groups_x", PENSTOCK_OPERAND_DISPATCH_groups_x,
		  PENSTOCK_OPERAND_DISPATCH_base_x },
		{ "groups_y", PENSTOCK_OPERAND_DISPATCH_groups_y,
		  PENSTOCK_OPERAND_DISPATCH_base_y },
		{ "groups_z", PENSTOCK_OPERAND_DISPATCH_groups_z,
		  PENSTOCK_OPERAND_DISPATCH_base_z },
	};

	for (uint32_t i = 0; i < PENSTOCK_ARRAY_SIZE(axes); i++) {
		uint32_t groups = penstock_load32(bytes + axes[i].groups);
		uint32_t base = penstock_load32(bytes + axes[i].base);

		if (!penstock_range_fits(base, groups, PENSTOCK_LIMIT_WORKGROUPS)) {
			return penstock_walk_refuse(walk, bytes, PENSTOCK_STATUS_INVALID_PARAMETER,
						    axes[i].operand,
						    "%u workgroups from %u on: at most %u", groups,
						    base, PENSTOCK_LIMIT_WORKGROUPS) != NULL;
		}
	}
	return true;
}

const uint8_t *penstock_render_dispatch(struct penstock_walk *walk, const uint8_t *bytes,
					uint32_t length)
{
	if (!judge_extent(walk, bytes) || !judge(walk, bytes, PENSTOCK_PIPELINE_COMPUTE)) {
		return NULL;
	}
	return finish(walk, bytes, length, PENSTOCK_DMA_BYTES_DISPATCH);
}
