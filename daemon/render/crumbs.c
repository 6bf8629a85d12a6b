/* SPDX-License-Identifier: MIT */
#include "daemon/render/crumbs.h"

#include "gpu-backend/dma.h"

#include <string.h>

#define DWORD             4u
#define MORE              0x80u
#define NUMBER_BYTES_MOST 5u /* of 32 bits */

/* What command_bytes_of needs of the two tables. */
#define OPERAND(...)
enum {
#define INSTRUCTION(name, mnemonic, opcode, stream, nodes, privilege, bytes, element_bytes, ...)   \
	COMMAND_ELEMENT_##name = element_bytes,
#include "proto/isa/instructions.def"
#undef INSTRUCTION
};
#undef OPERAND
#define FIELD(...)
#define ALIKE_RENDER(name, element_bytes)                                                          \
	_Static_assert((int)PENSTOCK_OPCODE_##name == (int)PENSTOCK_DMA_OPCODE_##name &&           \
			       COMMAND_ELEMENT_##name == (element_bytes),                          \
		       #name " is one instruction in both encodings");
#define ALIKE_PAGING(name, element_bytes)
#define DMA(name, mnemonic, opcode, class, bytes, element_bytes, summary)                          \
	ALIKE_##class(name, element_bytes)
#include "gpu-backend/dma.def"
#undef DMA
#undef FIELD

/* ------------------------------------------------------------------ laying them */

void penstock_crumbs_init(struct penstock_crumbs *crumbs, uint8_t *base, uint32_t capacity_bytes,
			  uint32_t command_offset)
{
	*crumbs = (struct penstock_crumbs){
		.base = base,
		.next = base + PENSTOCK_CRUMBS_LEAST_BYTES,
		.end = base + capacity_bytes,
		.last_place = { 0, command_offset },
	};
	penstock_store32(base, command_offset);
}

/* Returns what is behind it. */
static uint8_t *put_number(uint8_t *bytes, uint32_t value)
{
	for (; value >= MORE; value >>= 7) {
		*bytes++ = (uint8_t)(value | MORE);
	}
	*bytes++ = (uint8_t)value;
	return bytes;
}

/* `record` has room for two numbers; returns its length. */
static size_t make_record(const struct penstock_crumbs_place *before,
			  const struct penstock_crumbs_place *place, uint8_t *record)
{
	uint8_t *end = put_number(record, (place->dma_offset - before->dma_offset) / DWORD);

	end = put_number(end, (place->command_offset - before->command_offset) / DWORD);
	return (size_t)(end - record);
}

bool penstock_crumbs_lay(struct penstock_crumbs *crumbs, uint32_t dma_offset,
			 uint32_t command_offset)
{
	const struct penstock_crumbs_place place = { dma_offset, command_offset };
	/* What leaves nothing twice over is skipped once. */
	const bool again = crumbs->last_place.dma_offset == dma_offset;
	const struct penstock_crumbs_place before =
		again ? crumbs->before_place : crumbs->last_place;
	uint8_t *const start = again ? crumbs->last : crumbs->next;
	uint8_t record[2 * NUMBER_BYTES_MOST];
	size_t length;

	if (dma_offset == 0) {
		penstock_crumbs_init(crumbs, crumbs->base, (uint32_t)(crumbs->end - crumbs->base),
				     command_offset);
		return true;
	}
	length = make_record(&before, &place, record);
	if (length > (size_t)(crumbs->end - start)) {
		return false;
	}
	memcpy(start, record, length);
	crumbs->last = start;
	crumbs->next = start + length;
	crumbs->last_place = place;
	crumbs->before_place = before;
	return true;
}

/* ------------------------------------------------------------------ following them */

static bool take_number(const uint8_t **next, const uint8_t *end, uint32_t *ret_value)
{
	uint32_t value = 0;

	for (uint32_t i = 0; i < NUMBER_BYTES_MOST && *next < end; i++) {
		uint8_t byte = *(*next)++;

		value |= (uint32_t)(byte & ~MORE) << (7 * i);
		if ((byte & MORE) == 0) {
			*ret_value = value;
			return true;
		}
	}
	return false;
}

/* The last place at or before `dma_offset` that is known without looking at the DMA buffer. */
static bool nearest(const struct penstock_render_args *args, uint32_t dma_offset,
		    struct penstock_crumbs_place *ret_place)
{
	const uint8_t *next = args->private_data + args->private_start;
	const uint8_t *const end = args->private_data + args->private_end;
	struct penstock_crumbs_place place = { 0, 0 };
	uint32_t dma_dwords, command_dwords;

	if (args->private_end > args->private_capacity || args->private_start > args->private_end ||
	    args->private_end - args->private_start < PENSTOCK_CRUMBS_LEAST_BYTES) {
		return false;
	}
	place.command_offset = penstock_load32(next);
	next += PENSTOCK_CRUMBS_LEAST_BYTES;
	do {
		*ret_place = place;
		if (!take_number(&next, end, &dma_dwords) ||
		    !take_number(&next, end, &command_dwords)) {
			return true;
		}
		place.dma_offset += dma_dwords * DWORD;
		place.command_offset += command_dwords * DWORD;
	} while (place.dma_offset <= dma_offset);
	return true;
}

/* Of the instruction that became this; the trailing array is the same. */
static uint32_t command_bytes_of(const struct penstock_dma_decoded *decoded,
				 const struct penstock_instruction *instruction)
{
	return instruction->layout.bytes + decoded->length - decoded->instruction->layout.bytes;
}

bool penstock_crumbs_find(const struct penstock_render_args *args, uint32_t dma_offset,
			  struct penstock_crumb *ret_crumb)
{
	struct penstock_dma_decoded decoded;
	struct penstock_crumbs_place at;

	if (!nearest(args, dma_offset, &at)) {
		return false;
	}
	while (at.dma_offset <= dma_offset && at.dma_offset < args->dma_length &&
	       penstock_dma_decode(args->dma_buffer + at.dma_offset,
				   args->dma_length - at.dma_offset,
				   &decoded) == PENSTOCK_STATUS_SUCCESS &&
	       decoded.instruction->class == PENSTOCK_DMA_RENDER) {
		const struct penstock_instruction *instruction =
			penstock_instruction_by_opcode(decoded.instruction->layout.opcode);

		if (at.dma_offset == dma_offset) {
			*ret_crumb = (struct penstock_crumb){ at.command_offset, instruction };
			return true;
		}
		at.command_offset += command_bytes_of(&decoded, instruction);
		at.dma_offset += decoded.length;
	}
	return false;
}
