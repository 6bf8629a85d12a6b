/* SPDX-License-Identifier: MIT */
#include "gpu-backend/emulated/gpu/group.h"

#include "gpu-backend/emulated/gpu/dispatch.h"
#include "gpu-backend/emulated/gpu/scope.h"
#include "gpu-backend/emulated/gpu/transfer.h"

#include <string.h>

/* In which groups an instruction may be, and which it ends. */
#define IN_DISPATCH (1u << PENSTOCK_GROUP_DISPATCH)
#define IN_TRANSFER (1u << PENSTOCK_GROUP_TRANSFER)
#define IN_SCOPE    (1u << PENSTOCK_GROUP_SCOPE)
#define IN_SHADED   (IN_DISPATCH | IN_SCOPE)
#define IN_ALL      (IN_SHADED | IN_TRANSFER)

static const struct {
	uint8_t in;
	uint8_t ends; /* enum penstock_group_kind */
} rows[PENSTOCK_DMA_COUNT] = {
	[PENSTOCK_DMA_BIND_PIPELINE] = { IN_SHADED, 0 },
	[PENSTOCK_DMA_BIND_BUFFER] = { IN_SHADED, 0 },
	[PENSTOCK_DMA_BIND_BUFFER_WRITE] = { IN_SHADED, 0 },
	[PENSTOCK_DMA_PUSH_CONSTANTS] = { IN_SHADED, 0 },
	[PENSTOCK_DMA_IMAGE] = { IN_ALL, 0 },
	[PENSTOCK_DMA_IMAGE_WRITE] = { IN_ALL, 0 },
	[PENSTOCK_DMA_BIND_IMAGE] = { IN_SHADED, 0 },
	[PENSTOCK_DMA_BIND_SAMPLER] = { IN_SHADED, 0 },
	[PENSTOCK_DMA_BIND_TEXEL_BUFFER] = { IN_SHADED, 0 },
	[PENSTOCK_DMA_BIND_TEXEL_BUFFER_WRITE] = { IN_SHADED, 0 },
	[PENSTOCK_DMA_BEGIN_RENDERING] = { IN_SCOPE, 0 },
	[PENSTOCK_DMA_COLOR_TARGET] = { IN_SCOPE, 0 },
	[PENSTOCK_DMA_DEPTH_STENCIL_TARGET] = { IN_SCOPE, 0 },
	[PENSTOCK_DMA_VERTEX_BUFFER] = { IN_SCOPE, 0 },
	[PENSTOCK_DMA_INDEX_BUFFER] = { IN_SCOPE, 0 },
	[PENSTOCK_DMA_VIEWPORT] = { IN_SCOPE, 0 },
	[PENSTOCK_DMA_SCISSOR] = { IN_SCOPE, 0 },
	[PENSTOCK_DMA_STATE] = { IN_SCOPE, 0 },
	[PENSTOCK_DMA_BLEND_CONSTANTS] = { IN_SCOPE, 0 },
	[PENSTOCK_DMA_DEPTH_BIAS] = { IN_SCOPE, 0 },
	[PENSTOCK_DMA_DEPTH_BOUNDS] = { IN_SCOPE, 0 },
	[PENSTOCK_DMA_STENCIL] = { IN_SCOPE, 0 },
	[PENSTOCK_DMA_INDIRECT_BUFFER] = { IN_SHADED, 0 },
	[PENSTOCK_DMA_COUNT_BUFFER] = { IN_SCOPE, 0 },
	[PENSTOCK_DMA_BEGIN_QUERY] = { IN_SCOPE, 0 },
	[PENSTOCK_DMA_END_QUERY] = { IN_SCOPE, 0 },
	[PENSTOCK_DMA_DRAW] = { IN_SCOPE, 0 },
	[PENSTOCK_DMA_DRAW_INDEXED] = { IN_SCOPE, 0 },
	[PENSTOCK_DMA_DRAW_INDIRECT] = { IN_SCOPE, 0 },
	[PENSTOCK_DMA_DRAW_INDEXED_INDIRECT] = { IN_SCOPE, 0 },
	[PENSTOCK_DMA_CLEAR_TARGET] = { IN_SCOPE, 0 },
	[PENSTOCK_DMA_DISPATCH] = { 0, PENSTOCK_GROUP_DISPATCH },
	[PENSTOCK_DMA_DISPATCH_INDIRECT] = { 0, PENSTOCK_GROUP_DISPATCH },
	[PENSTOCK_DMA_COPY_BUFFER_TO_IMAGE] = { 0, PENSTOCK_GROUP_TRANSFER },
	[PENSTOCK_DMA_COPY_IMAGE_TO_BUFFER] = { 0, PENSTOCK_GROUP_TRANSFER },
	[PENSTOCK_DMA_COPY_IMAGE] = { 0, PENSTOCK_GROUP_TRANSFER },
	[PENSTOCK_DMA_BLIT_IMAGE] = { 0, PENSTOCK_GROUP_TRANSFER },
	[PENSTOCK_DMA_RESOLVE_IMAGE] = { 0, PENSTOCK_GROUP_TRANSFER },
	[PENSTOCK_DMA_CLEAR_IMAGE] = { 0, PENSTOCK_GROUP_TRANSFER },
	[PENSTOCK_DMA_END_RENDERING] = { 0, PENSTOCK_GROUP_SCOPE },
};

bool penstock_group_has(enum penstock_dma_id id)
{
	return rows[id].in != 0 || rows[id].ends != PENSTOCK_GROUP_NONE;
}

enum penstock_group_kind penstock_group_kind_of(enum penstock_dma_id ender)
{
	return (enum penstock_group_kind)rows[ender].ends;
}

uint32_t penstock_group_cut(const uint8_t *bytes, uint32_t remaining,
			    enum penstock_dma_id *ret_ender)
{
	struct penstock_dma_decoded decoded;
	uint32_t instructions = 0, length = 0;

	while (instructions++ <= PENSTOCK_LIMIT_GROUP_INSTRUCTIONS &&
	       penstock_dma_decode(bytes + length, remaining - length, &decoded) ==
		       PENSTOCK_STATUS_SUCCESS &&
	       penstock_group_has(decoded.instruction->id)) {
		length += decoded.length;
		if (rows[decoded.instruction->id].ends != PENSTOCK_GROUP_NONE) {
			*ret_ender = decoded.instruction->id;
			return length;
		}
	}
	return 0;
}

static bool cut(const uint8_t *bytes, uint32_t remaining, struct penstock_member *ret_member,
		uint32_t *ret_length)
{
	struct penstock_dma_decoded decoded;

	if (penstock_dma_decode(bytes, remaining, &decoded) != PENSTOCK_STATUS_SUCCESS) {
		return false;
	}
	*ret_member = (struct penstock_member){
		.id = decoded.instruction->id,
		.fields = bytes,
		.elements = bytes + decoded.instruction->layout.bytes,
		.element_count = decoded.elements,
	};
	*ret_length = decoded.length;
	return true;
}

bool penstock_group_next(const struct penstock_group *group, uint32_t *offset,
			 struct penstock_member *ret_member)
{
	uint32_t length;

	if (!cut(group->bytes + *offset, group->length - *offset, ret_member, &length) ||
	    rows[ret_member->id].ends != PENSTOCK_GROUP_NONE) {
		return false;
	}
	*offset += length;
	return true;
}

/* ---------------------------------------------------------------- judging */

bool penstock_group_push(const struct penstock_member *member,
			 uint32_t constants[PENSTOCK_LIMIT_PUSH_CONSTANT_BYTES / sizeof(uint32_t)])
{
	uint32_t offset = penstock_load32(member->fields + PENSTOCK_DMA_PUSH_CONSTANTS_offset);
	uint64_t bytes = (uint64_t)member->element_count * sizeof(uint32_t);

	if (offset % sizeof(uint32_t) != 0 ||
	    !penstock_range_fits(offset, bytes, PENSTOCK_LIMIT_PUSH_CONSTANT_BYTES)) {
		return false;
	}
	memcpy((uint8_t *)constants + offset, member->elements, bytes);
	return true;
}

static bool read_dispatch(struct penstock_group *group)
{
	static const uint32_t groups[] = { PENSTOCK_DMA_DISPATCH_groups_x,
					   PENSTOCK_DMA_DISPATCH_groups_y,
					   PENSTOCK_DMA_DISPATCH_groups_z };
	static const uint32_t base[] = { PENSTOCK_DMA_DISPATCH_base_x, PENSTOCK_DMA_DISPATCH_base_y,
					 PENSTOCK_DMA_DISPATCH_base_z };

	for (size_t i = 0; i < PENSTOCK_ARRAY_SIZE(groups); i++) {
		group->groups[i] = penstock_load32(group->ender_fields + groups[i]);
		group->base[i] = penstock_load32(group->ender_fields + base[i]);
		if (!penstock_range_fits(group->base[i], group->groups[i],
					 PENSTOCK_LIMIT_WORKGROUPS)) {
			return false;
		}
	}
	return true;
}

static bool read_member(const struct penstock_member *member, struct penstock_group *group)
{
	if (member->id == PENSTOCK_DMA_BIND_PIPELINE) {
		group->pipeline_bytes =
			penstock_load32(member->fields + PENSTOCK_DMA_BIND_PIPELINE_size);
		group->pipeline_address =
			penstock_load64(member->fields + PENSTOCK_DMA_BIND_PIPELINE_address);
	} else if (member->id == PENSTOCK_DMA_INDIRECT_BUFFER) {
		group->indirect_address =
			penstock_load64(member->fields + PENSTOCK_DMA_INDIRECT_BUFFER_address);
		group->indirect_bytes =
			penstock_load64(member->fields + PENSTOCK_DMA_INDIRECT_BUFFER_size);
	} else if (member->id == PENSTOCK_DMA_PUSH_CONSTANTS) {
		return penstock_group_push(member, group->push_constants);
	}
	return true;
}

/* A scope begins with its begin_rendering and has no other one. */
static bool read_scope(const struct penstock_group *group)
{
	struct penstock_member member;
	uint32_t offset = 0;
	bool first = true;

	while (penstock_group_next(group, &offset, &member)) {
		if ((member.id == PENSTOCK_DMA_BEGIN_RENDERING) != first) {
			return false;
		}
		first = false;
	}
	return !first;
}

bool penstock_group_read(const uint8_t *bytes, uint32_t length, struct penstock_group *ret_group)
{
	struct penstock_member member;
	uint32_t offset = 0, last, found = 0;
	uint8_t kinds = IN_ALL;

	*ret_group = (struct penstock_group){ .bytes = bytes, .length = length };
	while (penstock_group_next(ret_group, &offset, &member)) {
		kinds &= rows[member.id].in;
		if (!read_member(&member, ret_group)) {
			return false;
		}
	}
	if (!cut(bytes + offset, length - offset, &member, &last) || offset + last != length) {
		return false;
	}
	ret_group->ender = member.id;
	ret_group->ender_fields = member.fields;
	found = rows[member.id].ends;
	if (found == PENSTOCK_GROUP_NONE || (kinds & 1u << found) == 0) {
		return false;
	}
	if (found == PENSTOCK_GROUP_SCOPE) {
		return read_scope(ret_group);
	}
	return found == PENSTOCK_GROUP_TRANSFER ||
	       (ret_group->pipeline_bytes != 0 &&
		(member.id == PENSTOCK_DMA_DISPATCH ? read_dispatch(ret_group)
						    : ret_group->indirect_bytes != 0));
}

enum penstock_outcome penstock_execute_group(struct penstock_engine *engine, const uint8_t *bytes,
					     uint32_t remaining, uint32_t *ret_length)
{
	enum penstock_dma_id ender = PENSTOCK_DMA_NOP;
	const uint32_t length = penstock_group_cut(bytes, remaining, &ender);

	if (engine->vulkan == NULL || length == 0) {
		return PENSTOCK_OUTCOME_ILLEGAL;
	}
	*ret_length = length;
	switch (penstock_group_kind_of(ender)) {
	case PENSTOCK_GROUP_DISPATCH:
		return penstock_dispatch_run(engine, bytes, remaining, ret_length);
	case PENSTOCK_GROUP_TRANSFER:
		return penstock_transfer(engine, bytes, length);
	case PENSTOCK_GROUP_SCOPE:
		return penstock_scope_run(engine, bytes, length);
	default:
		return PENSTOCK_OUTCOME_ILLEGAL;
	}
}
