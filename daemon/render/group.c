/* SPDX-License-Identifier: MIT */
/*
 * Groups. What a dispatch, a transfer or a render scope uses stands before what ends it and is only
 * looked at by itself as it comes; at its end the group is held against what it has to be, and
 * written as a whole. So a group is never cut, and an entry of the patch list has the SplitOffset
 * of its group.
 *
 *	bind_pipeline  bind_buffer  push_constants  ...  dispatch
 *	^ group.start                                    judged and written here
 */
#include "daemon/render/group.h"

#include <inttypes.h>
#include <string.h>

#define SLOT_BITS 1u /* slot 0: every instruction has one reference at most */

/* ------------------------------------------------------------------ as it comes in */

/* What a render scope alone has. */
#define SCOPE_MEMBERS                                                                              \
	(PENSTOCK_MEMBER(BEGIN_RENDERING) | PENSTOCK_MEMBER(COLOR_TARGET) |                        \
	 PENSTOCK_MEMBER(DEPTH_STENCIL_TARGET) | PENSTOCK_MEMBER(VERTEX_BUFFER) |                  \
	 PENSTOCK_MEMBER(INDEX_BUFFER) | PENSTOCK_MEMBER(VIEWPORT) | PENSTOCK_MEMBER(SCISSOR) |    \
	 PENSTOCK_MEMBER(STATE) | PENSTOCK_MEMBER(BLEND_CONSTANTS) | PENSTOCK_MEMBER(DEPTH_BIAS) | \
	 PENSTOCK_MEMBER(DEPTH_BOUNDS) | PENSTOCK_MEMBER(STENCIL) |                                \
	 PENSTOCK_MEMBER(COUNT_BUFFER) | PENSTOCK_MEMBER(BEGIN_QUERY) |                            \
	 PENSTOCK_MEMBER(END_QUERY) | PENSTOCK_MEMBER(DRAW) | PENSTOCK_MEMBER(DRAW_INDEXED) |      \
	 PENSTOCK_MEMBER(DRAW_INDIRECT) | PENSTOCK_MEMBER(DRAW_INDEXED_INDIRECT) |                 \
	 PENSTOCK_MEMBER(CLEAR_TARGET))

/* Whether a group that it does not begin may hold it. */
static bool belongs(struct penstock_walk *walk, const uint8_t *bytes, uint32_t member)
{
	const struct penstock_group *group = &walk->group;

	if (member == PENSTOCK_MEMBER(BEGIN_RENDERING) && group->instructions != 0) {
		return penstock_walk_refuse(walk, bytes, PENSTOCK_STATUS_ILLEGAL_INSTRUCTION, "",
					    "it stands inside the group that begins at byte 0x%x",
					    (unsigned)(group->start - walk->command)) != NULL;
	}
	if (!group->scope && (member & SCOPE_MEMBERS) != 0) {
		return penstock_walk_refuse(walk, bytes, PENSTOCK_STATUS_ILLEGAL_INSTRUCTION, "",
					    "it stands in a render scope only") != NULL;
	}
	if (group->instructions == PENSTOCK_LIMIT_GROUP_INSTRUCTIONS) {
		return penstock_walk_refuse(walk, bytes, PENSTOCK_STATUS_LIMIT_EXCEEDED, "",
					    "a group of more than %u instructions",
					    PENSTOCK_LIMIT_GROUP_INSTRUCTIONS) != NULL;
	}
	return true;
}

bool penstock_render_group_take(struct penstock_walk *walk, const uint8_t *bytes, uint32_t length)
{
	struct penstock_group *group = &walk->group;
	const uint16_t opcode = penstock_header_opcode(penstock_load32(bytes));
	const struct penstock_instruction *instruction = penstock_instruction_by_opcode(opcode);
	const uint32_t member = 1u << (opcode - PENSTOCK_MEMBERS_FIRST);

	if (group->start == NULL) {
		penstock_walk_open_group(walk, bytes);
		group->scope = opcode == PENSTOCK_OPCODE_BEGIN_RENDERING;
	}
	if (PENSTOCK_UNLIKELY(group->instructions == PENSTOCK_LIMIT_GROUP_INSTRUCTIONS ||
			      (member & SCOPE_MEMBERS) != 0) &&
	    !belongs(walk, bytes, member)) {
		return false;
	}
	group->members |= member;
	group->instructions++;
	group->references += instruction->patches;
	group->dma_bytes += instruction->dma_bytes + length - instruction->layout.bytes;
	return true;
}

bool penstock_render_group_ends(struct penstock_walk *walk, const uint8_t *bytes, uint32_t members)
{
	const struct penstock_group *group = &walk->group;

	if (group->start == NULL) {
		return true;
	}
	if (group->scope) {
		return penstock_walk_refuse(walk, bytes, PENSTOCK_STATUS_ILLEGAL_INSTRUCTION, "",
					    "it stands inside the render scope that begins at byte "
					    "0x%x",
					    (unsigned)(group->start - walk->command)) != NULL;
	}
	if ((group->members & ~members) == 0) {
		return true;
	}
	for (const uint8_t *at = group->start; at != bytes; at = penstock_behind(at)) {
		if ((members >> penstock_member_of(at) & 1) == 0) {
			(void)penstock_walk_refuse(
				walk, at, PENSTOCK_STATUS_INVALID_PARAMETER, "",
				"the %s at byte 0x%x, which ends its group, does not use it",
				penstock_instruction_by_opcode(penstock_load16(bytes))
					->layout.mnemonic,
				(unsigned)(bytes - walk->command));
			break;
		}
	}
	return false;
}

/* ------------------------------------------------------------------ what is bound by itself */

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
	if (!penstock_render_group_take(walk, bytes, length)) {
		return NULL;
	}
	if (PENSTOCK_UNLIKELY(walk->group.pipeline != NULL && !walk->group.scope)) {
		return penstock_walk_refuse(walk, bytes, PENSTOCK_STATUS_INVALID_PARAMETER,
					    "pipeline", "a second pipeline in one group");
	}
	walk->group.pipeline = allocation;
	return bytes + length;
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
	return penstock_render_group_take(walk, bytes, length) ? bytes + length : NULL;
}

/* ------------------------------------------------------------------ as DMA instructions */

/* Where a group is written; there is room for it. */
struct output {
	struct penstock_walk *walk;
	const struct penstock_rounded *rounded;
	uint8_t *dma;      /* of the next instruction */
	uint32_t split;    /* of the group */
	uint32_t in_group; /* of the next instruction, from the group's start */
	uint32_t position; /* of the next instruction among those of the group */
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
	uint32_t index = penstock_load16(bytes + PENSTOCK_OPERAND_BIND_PIPELINE_pipeline);

	(void)length;
	penstock_dma_put_header(output->dma, PENSTOCK_DMA_OPCODE_BIND_PIPELINE,
				PENSTOCK_DMA_BYTES_BIND_PIPELINE,
				output->walk->allocations[index].pipeline->bytes);
	put_reference(output, index, 0, PENSTOCK_DMA_BIND_PIPELINE_address);
	return PENSTOCK_DMA_BYTES_BIND_PIPELINE;
}

/* Vulkan reads up to two bytes past a uniform range that is no multiple of 4. */
static uint64_t size_for(const struct output *output, uint64_t size)
{
	const struct penstock_rounded *rounded = output->rounded;
	const uint32_t position = output->position;

	return rounded != NULL && (rounded->words[position / 64] >> position % 64 & 1) != 0
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
	penstock_store64(
		dma + PENSTOCK_DMA_BIND_BUFFER_size,
		size_for(output, penstock_load64(bytes + PENSTOCK_OPERAND_BIND_BUFFER_size)));
	return PENSTOCK_DMA_BYTES_BIND_BUFFER;
}

static uint32_t put_texel_buffer(struct output *output, const uint8_t *bytes, uint32_t length)
{
	uint8_t *dma = output->dma;

	(void)length;
	penstock_dma_put_header(dma, penstock_header_opcode(penstock_load32(bytes)),
				PENSTOCK_DMA_BYTES_BIND_TEXEL_BUFFER,
				penstock_load32(bytes + PENSTOCK_OPERAND_BIND_TEXEL_BUFFER_set));
	penstock_dma_put_pair(dma + PENSTOCK_DMA_BIND_TEXEL_BUFFER_binding,
			      penstock_load32(bytes + PENSTOCK_OPERAND_BIND_TEXEL_BUFFER_binding),
			      penstock_load32(bytes + PENSTOCK_OPERAND_BIND_TEXEL_BUFFER_element));
	put_reference(output,
		      penstock_load16(bytes + PENSTOCK_OPERAND_BIND_TEXEL_BUFFER_allocation),
		      penstock_load64(bytes + PENSTOCK_OPERAND_BIND_TEXEL_BUFFER_offset),
		      PENSTOCK_DMA_BIND_TEXEL_BUFFER_address);
	penstock_store64(dma + PENSTOCK_DMA_BIND_TEXEL_BUFFER_size,
			 penstock_load64(bytes + PENSTOCK_OPERAND_BIND_TEXEL_BUFFER_size));
	penstock_store32(dma + PENSTOCK_DMA_BIND_TEXEL_BUFFER_format,
			 penstock_load32(bytes + PENSTOCK_OPERAND_BIND_TEXEL_BUFFER_format));
	return PENSTOCK_DMA_BYTES_BIND_TEXEL_BUFFER;
}

#define IMAGE_TAIL_BYTES (PENSTOCK_BYTES_IMAGE - PENSTOCK_OPERAND_IMAGE_type)
_Static_assert(PENSTOCK_DMA_BYTES_IMAGE - PENSTOCK_DMA_IMAGE_type == (int)IMAGE_TAIL_BYTES &&
		       PENSTOCK_DMA_IMAGE_tiling - PENSTOCK_DMA_IMAGE_type ==
			       PENSTOCK_OPERAND_IMAGE_tiling - PENSTOCK_OPERAND_IMAGE_type,
	       "from the type on both are the same");

static uint32_t put_image(struct output *output, const uint8_t *bytes, uint32_t length)
{
	uint8_t *dma = output->dma;

	(void)length;
	penstock_dma_put_header(dma, penstock_header_opcode(penstock_load32(bytes)),
				PENSTOCK_DMA_BYTES_IMAGE,
				penstock_load32(bytes + PENSTOCK_OPERAND_IMAGE_slot));
	put_reference(output, penstock_load16(bytes + PENSTOCK_OPERAND_IMAGE_allocation),
		      penstock_load64(bytes + PENSTOCK_OPERAND_IMAGE_offset),
		      PENSTOCK_DMA_IMAGE_address);
	penstock_store32(dma + PENSTOCK_DMA_IMAGE_flags,
			 penstock_load32(bytes + PENSTOCK_OPERAND_IMAGE_flags));
	memcpy(dma + PENSTOCK_DMA_IMAGE_type, bytes + PENSTOCK_OPERAND_IMAGE_type,
	       IMAGE_TAIL_BYTES);
	return PENSTOCK_DMA_BYTES_IMAGE;
}

static uint32_t put_vertex_buffer(struct output *output, const uint8_t *bytes, uint32_t length)
{
	uint8_t *dma = output->dma;

	(void)length;
	penstock_dma_put_header(dma, PENSTOCK_DMA_OPCODE_VERTEX_BUFFER,
				PENSTOCK_DMA_BYTES_VERTEX_BUFFER,
				penstock_load32(bytes + PENSTOCK_OPERAND_VERTEX_BUFFER_binding));
	put_reference(output, penstock_load16(bytes + PENSTOCK_OPERAND_VERTEX_BUFFER_allocation),
		      penstock_load64(bytes + PENSTOCK_OPERAND_VERTEX_BUFFER_offset),
		      PENSTOCK_DMA_VERTEX_BUFFER_address);
	penstock_store64(dma + PENSTOCK_DMA_VERTEX_BUFFER_size,
			 penstock_load64(bytes + PENSTOCK_OPERAND_VERTEX_BUFFER_size));
	penstock_store32(dma + PENSTOCK_DMA_VERTEX_BUFFER_stride,
			 penstock_load32(bytes + PENSTOCK_OPERAND_VERTEX_BUFFER_stride));
	return PENSTOCK_DMA_BYTES_VERTEX_BUFFER;
}

static uint32_t put_index_buffer(struct output *output, const uint8_t *bytes, uint32_t length)
{
	uint8_t *dma = output->dma;

	(void)length;
	penstock_dma_put_header(dma, PENSTOCK_DMA_OPCODE_INDEX_BUFFER,
				PENSTOCK_DMA_BYTES_INDEX_BUFFER,
				penstock_load32(bytes + PENSTOCK_OPERAND_INDEX_BUFFER_type));
	put_reference(output, penstock_load16(bytes + PENSTOCK_OPERAND_INDEX_BUFFER_allocation),
		      penstock_load64(bytes + PENSTOCK_OPERAND_INDEX_BUFFER_offset),
		      PENSTOCK_DMA_INDEX_BUFFER_address);
	penstock_store64(dma + PENSTOCK_DMA_INDEX_BUFFER_size,
			 penstock_load64(bytes + PENSTOCK_OPERAND_INDEX_BUFFER_size));
	return PENSTOCK_DMA_BYTES_INDEX_BUFFER;
}

static uint32_t put_indirect_buffer(struct output *output, const uint8_t *bytes, uint32_t length)
{
	uint8_t *dma = output->dma;

	(void)length;
	penstock_dma_put_header(dma, PENSTOCK_DMA_OPCODE_INDIRECT_BUFFER,
				PENSTOCK_DMA_BYTES_INDIRECT_BUFFER, 0);
	put_reference(output, penstock_load16(bytes + PENSTOCK_OPERAND_INDIRECT_BUFFER_allocation),
		      penstock_load64(bytes + PENSTOCK_OPERAND_INDIRECT_BUFFER_offset),
		      PENSTOCK_DMA_INDIRECT_BUFFER_address);
	penstock_store64(dma + PENSTOCK_DMA_INDIRECT_BUFFER_size,
			 penstock_load64(bytes + PENSTOCK_OPERAND_INDIRECT_BUFFER_size));
	return PENSTOCK_DMA_BYTES_INDIRECT_BUFFER;
}

static uint32_t put_count_buffer(struct output *output, const uint8_t *bytes, uint32_t length)
{
	(void)length;
	penstock_dma_put_header(output->dma, PENSTOCK_DMA_OPCODE_COUNT_BUFFER,
				PENSTOCK_DMA_BYTES_COUNT_BUFFER, 0);
	put_reference(output, penstock_load16(bytes + PENSTOCK_OPERAND_COUNT_BUFFER_allocation),
		      penstock_load64(bytes + PENSTOCK_OPERAND_COUNT_BUFFER_offset),
		      PENSTOCK_DMA_COUNT_BUFFER_address);
	return PENSTOCK_DMA_BYTES_COUNT_BUFFER;
}

#define QUERY_PRECISE 1u

static uint32_t put_begin_query(struct output *output, const uint8_t *bytes, uint32_t length)
{
	uint32_t type = penstock_load32(bytes + PENSTOCK_OPERAND_BEGIN_QUERY_type);

	(void)length;
	penstock_dma_put_header(output->dma, PENSTOCK_DMA_OPCODE_BEGIN_QUERY,
				PENSTOCK_DMA_BYTES_BEGIN_QUERY, type);
	put_reference(output, penstock_load16(bytes + PENSTOCK_OPERAND_BEGIN_QUERY_allocation),
		      penstock_load64(bytes + PENSTOCK_OPERAND_BEGIN_QUERY_offset),
		      PENSTOCK_DMA_BEGIN_QUERY_address);
	penstock_dma_put_pair(output->dma + PENSTOCK_DMA_BEGIN_QUERY_statistics,
			      penstock_load32(bytes + PENSTOCK_OPERAND_BEGIN_QUERY_statistics),
			      type == 0 ? QUERY_PRECISE : 0);
	return PENSTOCK_DMA_BYTES_BEGIN_QUERY;
}

#define COPY_TAIL_BYTES                                                                            \
	(PENSTOCK_BYTES_COPY_BUFFER_TO_IMAGE - PENSTOCK_OPERAND_COPY_BUFFER_TO_IMAGE_image)
_Static_assert((int)PENSTOCK_DMA_BYTES_COPY_BUFFER_TO_IMAGE -
				       PENSTOCK_DMA_COPY_BUFFER_TO_IMAGE_image ==
			       (int)COPY_TAIL_BYTES &&
		       (int)PENSTOCK_OPERAND_COPY_BUFFER_TO_IMAGE_image ==
			       (int)PENSTOCK_OPERAND_COPY_IMAGE_TO_BUFFER_image &&
		       (int)PENSTOCK_OPERAND_COPY_BUFFER_TO_IMAGE_source ==
			       (int)PENSTOCK_OPERAND_COPY_IMAGE_TO_BUFFER_destination &&
		       (int)PENSTOCK_OPERAND_COPY_BUFFER_TO_IMAGE_source_offset ==
			       (int)PENSTOCK_OPERAND_COPY_IMAGE_TO_BUFFER_destination_offset,
	       "one layout for both, and from the image on the DMA buffer's");

static uint32_t put_buffer_copy(struct output *output, const uint8_t *bytes, uint32_t length)
{
	uint8_t *dma = output->dma;

	(void)length;
	penstock_dma_put_header(dma, penstock_header_opcode(penstock_load32(bytes)),
				PENSTOCK_DMA_BYTES_COPY_BUFFER_TO_IMAGE, 0);
	put_reference(output, penstock_load16(bytes + PENSTOCK_OPERAND_COPY_BUFFER_TO_IMAGE_source),
		      penstock_load64(bytes + PENSTOCK_OPERAND_COPY_BUFFER_TO_IMAGE_source_offset),
		      PENSTOCK_DMA_COPY_BUFFER_TO_IMAGE_address);
	penstock_store64(dma + PENSTOCK_DMA_COPY_BUFFER_TO_IMAGE_size,
			 output->walk->group.copy_bytes);
	memcpy(dma + PENSTOCK_DMA_COPY_BUFFER_TO_IMAGE_image,
	       bytes + PENSTOCK_OPERAND_COPY_BUFFER_TO_IMAGE_image, COPY_TAIL_BYTES);
	return PENSTOCK_DMA_BYTES_COPY_BUFFER_TO_IMAGE;
}

/* The same in both encodings; a test holds the two tables against each other. */
static uint32_t put_same(struct output *output, const uint8_t *bytes, uint32_t length)
{
	memcpy(output->dma, bytes, length);
	return length;
}

/* NULL: put_same. */
static uint32_t (*const writers[])(struct output *output, const uint8_t *bytes, uint32_t length) = {
	[PENSTOCK_OPCODE_BIND_PIPELINE] = put_pipeline,
	[PENSTOCK_OPCODE_BIND_BUFFER] = put_buffer,
	[PENSTOCK_OPCODE_BIND_BUFFER_WRITE] = put_buffer,
	[PENSTOCK_OPCODE_IMAGE] = put_image,
	[PENSTOCK_OPCODE_IMAGE_WRITE] = put_image,
	[PENSTOCK_OPCODE_BIND_TEXEL_BUFFER] = put_texel_buffer,
	[PENSTOCK_OPCODE_BIND_TEXEL_BUFFER_WRITE] = put_texel_buffer,
	[PENSTOCK_OPCODE_VERTEX_BUFFER] = put_vertex_buffer,
	[PENSTOCK_OPCODE_INDEX_BUFFER] = put_index_buffer,
	[PENSTOCK_OPCODE_INDIRECT_BUFFER] = put_indirect_buffer,
	[PENSTOCK_OPCODE_COUNT_BUFFER] = put_count_buffer,
	[PENSTOCK_OPCODE_BEGIN_QUERY] = put_begin_query,
	[PENSTOCK_OPCODE_COPY_BUFFER_TO_IMAGE] = put_buffer_copy,
	[PENSTOCK_OPCODE_COPY_IMAGE_TO_BUFFER] = put_buffer_copy,
	[PENSTOCK_OPCODE_END_RENDERING] = NULL,
};

void penstock_render_rounded_clear(struct penstock_rounded *rounded,
				   const struct penstock_walk *walk)
{
	memset(rounded->words, 0, (walk->group.instructions + 63u) / 64u * sizeof(uint64_t));
}

static void write_one(struct output *output, const uint8_t *bytes)
{
	const uint32_t header = penstock_load32(bytes), length = penstock_header_length(header);
	const uint16_t opcode = penstock_header_opcode(header);
	const uint32_t written = writers[opcode] == NULL ? put_same(output, bytes, length)
							 : writers[opcode](output, bytes, length);

	output->dma += written;
	output->in_group += written;
	output->position++;
}

const uint8_t *penstock_render_group_finish(struct penstock_walk *walk, const uint8_t *bytes,
					    uint32_t length, const struct penstock_rounded *rounded)
{
	const uint8_t *at = walk->group.start;
	const struct penstock_instruction *ender =
		penstock_instruction_by_opcode(penstock_load16(bytes));
	const uint32_t references = walk->group.references + ender->patches;
	struct output output = { .walk = walk, .rounded = rounded };

	if (!penstock_walk_reserve(walk, at, walk->group.dma_bytes + ender->dma_bytes, references,
				   references == 0 ? 0 : SLOT_BITS, PENSTOCK_WORK_UNKNOWN,
				   &output.dma, &output.split)) {
		return NULL;
	}
	while (output.dma != NULL && at != bytes) {
		write_one(&output, at);
		at = penstock_behind(at);
	}
	if (output.dma != NULL) {
		output.rounded = NULL;
		write_one(&output, at);
	}
	penstock_walk_close_group(walk);
	return bytes + length;
}
