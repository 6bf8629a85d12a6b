/* SPDX-License-Identifier: MIT */
#include "gpu-backend/emulated/gpu/group.h"

#include "gpu-backend/emulated/gpu/dispatch.h"

#include <string.h>

/* The longest fixed part of an instruction of a group. */
#define FIELDS_BYTES_MAX 32u

bool penstock_group_has(enum penstock_dma_id id)
{
	return id == PENSTOCK_DMA_BIND_PIPELINE || id == PENSTOCK_DMA_BIND_BUFFER ||
	       id == PENSTOCK_DMA_BIND_BUFFER_WRITE || id == PENSTOCK_DMA_PUSH_CONSTANTS ||
	       id == PENSTOCK_DMA_DISPATCH;
}

/* Cuts an instruction of a group off, with a private copy of its fixed part. */
static bool cut(const uint8_t *bytes, uint32_t remaining, struct penstock_dma_decoded *ret_decoded,
		uint8_t fields[FIELDS_BYTES_MAX])
{
	if (penstock_dma_decode(bytes, remaining, ret_decoded) != PENSTOCK_STATUS_SUCCESS ||
	    !penstock_group_has(ret_decoded->instruction->id)) {
		return false;
	}
	memcpy(fields, bytes, ret_decoded->instruction->layout.bytes);
	return true;
}

static bool read_push_constants(const uint8_t *fields, const struct penstock_dma_decoded *decoded,
				struct penstock_group *group)
{
	uint32_t offset = penstock_load32(fields + PENSTOCK_DMA_PUSH_CONSTANTS_offset);
	uint64_t bytes = (uint64_t)decoded->elements * sizeof(uint32_t);

	if (offset % sizeof(uint32_t) != 0 ||
	    !penstock_range_fits(offset, bytes, sizeof(group->push_constants))) {
		return false;
	}
	memcpy((uint8_t *)group->push_constants + offset,
	       decoded->bytes + PENSTOCK_DMA_BYTES_PUSH_CONSTANTS, bytes);
	return true;
}

static bool read_dispatch(const uint8_t *fields, struct penstock_group *group)
{
	static const uint32_t groups[] = { PENSTOCK_DMA_DISPATCH_groups_x,
					   PENSTOCK_DMA_DISPATCH_groups_y,
					   PENSTOCK_DMA_DISPATCH_groups_z };
	static const uint32_t base[] = { PENSTOCK_DMA_DISPATCH_base_x, PENSTOCK_DMA_DISPATCH_base_y,
					 PENSTOCK_DMA_DISPATCH_base_z };

	for (size_t i = 0; i < PENSTOCK_ARRAY_SIZE(groups); i++) {
		group->groups[i] = penstock_load32(fields + groups[i]);
		group->base[i] = penstock_load32(fields + base[i]);
		if (!penstock_range_fits(group->base[i], group->groups[i],
					 PENSTOCK_LIMIT_WORKGROUPS)) {
			return false;
		}
	}
	return group->pipeline_bytes != 0;
}

bool penstock_group_read(const uint8_t *bytes, uint32_t remaining, struct penstock_group *ret_group)
{
	struct penstock_dma_decoded decoded;
	uint8_t fields[FIELDS_BYTES_MAX];
	uint32_t instructions = 0;

	*ret_group = (struct penstock_group){ .bytes = bytes };
	while (instructions++ <= PENSTOCK_LIMIT_GROUP_INSTRUCTIONS &&
	       cut(bytes + ret_group->length, remaining - ret_group->length, &decoded, fields)) {
		ret_group->length += decoded.length;
		if (decoded.instruction->id == PENSTOCK_DMA_DISPATCH) {
			return read_dispatch(fields, ret_group);
		}
		if (decoded.instruction->id == PENSTOCK_DMA_BIND_PIPELINE) {
			ret_group->pipeline_bytes =
				penstock_load32(fields + PENSTOCK_DMA_BIND_PIPELINE_size);
			ret_group->pipeline_address =
				penstock_load64(fields + PENSTOCK_DMA_BIND_PIPELINE_address);
		} else if (decoded.instruction->id == PENSTOCK_DMA_PUSH_CONSTANTS &&
			   !read_push_constants(fields, &decoded, ret_group)) {
			return false;
		}
	}
	return false;
}

_Static_assert((int)PENSTOCK_DMA_BIND_BUFFER_set == (int)PENSTOCK_DMA_BIND_BUFFER_WRITE_set &&
		       (int)PENSTOCK_DMA_BIND_BUFFER_address ==
			       (int)PENSTOCK_DMA_BIND_BUFFER_WRITE_address &&
		       (int)PENSTOCK_DMA_BIND_BUFFER_size ==
			       (int)PENSTOCK_DMA_BIND_BUFFER_WRITE_size,
	       "both have the same fields");

bool penstock_group_next(const struct penstock_group *group, uint32_t *offset,
			 struct penstock_group_buffer *ret_buffer)
{
	struct penstock_dma_decoded decoded;
	uint8_t fields[FIELDS_BYTES_MAX];

	while (cut(group->bytes + *offset, group->length - *offset, &decoded, fields)) {
		enum penstock_dma_id id = decoded.instruction->id;

		*offset += decoded.length;
		if (id == PENSTOCK_DMA_BIND_BUFFER || id == PENSTOCK_DMA_BIND_BUFFER_WRITE) {
			*ret_buffer = (struct penstock_group_buffer){
				.set = penstock_load32(fields + PENSTOCK_DMA_BIND_BUFFER_set),
				.binding =
					penstock_load32(fields + PENSTOCK_DMA_BIND_BUFFER_binding),
				.element =
					penstock_load32(fields + PENSTOCK_DMA_BIND_BUFFER_element),
				.write = id == PENSTOCK_DMA_BIND_BUFFER_WRITE,
				.address =
					penstock_load64(fields + PENSTOCK_DMA_BIND_BUFFER_address),
				.size = penstock_load64(fields + PENSTOCK_DMA_BIND_BUFFER_size),
			};
			return true;
		}
	}
	return false;
}

enum penstock_outcome penstock_execute_group(struct penstock_engine *engine, const uint8_t *bytes,
					     uint32_t remaining, uint32_t *ret_length)
{
	return engine->vulkan == NULL ? PENSTOCK_OUTCOME_ILLEGAL
				      : penstock_dispatch(engine, bytes, remaining, ret_length);
}
