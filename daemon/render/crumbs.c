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
	};
	penstock_store32(base, command_offset);
}

/* Behind `bytes`; returns what is behind that. */
static uint8_t *put_number(uint8_t *bytes, uint32_t value)
{
	for (; value >= MORE; value >>= 7) {
		*bytes++ = (uint8_t)(value | MORE);
	}
	*bytes++ = (uint8_t)value;
	return bytes;
}

bool penstock_crumbs_skip(struct penstock_crumbs *crumbs, uint32_t dma_offset, uint32_t bytes)
{
	const bool again = crumbs->last != NULL && crumbs->last_dma == dma_offset;
	const uint32_t before = again ? crumbs->before_dma : crumbs->last_dma;
	const uint32_t skipped = again ? crumbs->skipped + bytes : bytes;
	uint8_t *const place = again ? crumbs->last : crumbs->next;
	uint8_t record[2 * NUMBER_BYTES_MOST];
	size_t length;

	if (dma_offset == 0) {
		penstock_store32(crumbs->base, penstock_load32(crumbs->base) + bytes);
		return true;
	}
	length = (size_t)(put_number(put_number(record, (dma_offset - before) / DWORD),
				     skipped / DWORD) -
			  record);
	if (length > (size_t)(crumbs->end - place)) {
		return false;
	}
	memcpy(place, record, length);
	crumbs->last = place;
	crumbs->next = place + length;
	crumbs->last_dma = dma_offset;
	crumbs->before_dma = before;
	crumbs->skipped = skipped;
	return true;
}

/* ------------------------------------------------------------------ following them */

struct trail {
	const uint8_t *next;
	const uint8_t *end;
	uint32_t dma_offset; /* of the record at hand */
	uint32_t skipped;
	bool none; /* there is no record at hand */
};

static bool take_number(struct trail *trail, uint32_t *ret_value)
{
	uint32_t value = 0;

	for (uint32_t i = 0; i < NUMBER_BYTES_MOST && trail->next < trail->end; i++) {
		uint8_t byte = *trail->next++;

		value |= (uint32_t)(byte & ~MORE) << (7 * i);
		if ((byte & MORE) == 0) {
			*ret_value = value;
			return true;
		}
	}
	return false;
}

static void next_record(struct trail *trail)
{
	uint32_t dma_dwords, skipped;

	trail->none = !take_number(trail, &dma_dwords) || !take_number(trail, &skipped);
	if (!trail->none) {
		trail->dma_offset += dma_dwords * DWORD;
		trail->skipped = skipped * DWORD;
	}
}

static bool begin_trail(struct trail *trail, const struct penstock_render_args *args,
			uint32_t *ret_command_offset)
{
	const uint8_t *start = args->private_data + args->private_start;

	if (args->private_end > args->private_capacity || args->private_start > args->private_end ||
	    args->private_end - args->private_start < PENSTOCK_CRUMBS_LEAST_BYTES) {
		return false;
	}
	*ret_command_offset = penstock_load32(start);
	*trail = (struct trail){
		.next = start + PENSTOCK_CRUMBS_LEAST_BYTES,
		.end = args->private_data + args->private_end,
	};
	next_record(trail);
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
	uint32_t command_offset, at = 0;
	struct trail trail;

	if (!begin_trail(&trail, args, &command_offset)) {
		return false;
	}
	while (at <= dma_offset && at < args->dma_length &&
	       penstock_dma_decode(args->dma_buffer + at, args->dma_length - at, &decoded) ==
		       PENSTOCK_STATUS_SUCCESS &&
	       decoded.instruction->class == PENSTOCK_DMA_RENDER) {
		const struct penstock_instruction *instruction =
			penstock_instruction_by_opcode(decoded.instruction->layout.opcode);

		if (!trail.none && trail.dma_offset == at) {
			command_offset += trail.skipped;
			next_record(&trail);
		}
		if (at == dma_offset) {
			*ret_crumb = (struct penstock_crumb){ command_offset, instruction };
			return true;
		}
		command_offset += command_bytes_of(&decoded, instruction);
		at += decoded.length;
	}
	return false;
}
