/* SPDX-License-Identifier: MIT */
/* The tables behind gpu-backend/dma.h, made from dma.def at compile time. */
#include "gpu-backend/dma.h"

/* The fields of all instructions, in the order of the table, and where each one's begin. */
static const struct penstock_operand fields[] = {
#define DMA(...)
#define FIELD(instruction, field, field_type, field_offset)                                        \
	{                                                                                          \
		.name = #field,                                                                    \
		.type = PENSTOCK_OPERAND_##field_type,                                             \
		.offset = field_offset,                                                            \
		.width = PENSTOCK_WIDTH_##field_type,                                              \
		.slot = -1,                                                                        \
	},
#include "gpu-backend/dma.def"
#undef DMA
#undef FIELD
};

/* FIRST_x is the index of x's first field, or what a field there would have. */
enum {
	FIELD_START = -1,
#define DMA(name, ...)          FIRST_##name, BEFORE_##name = FIRST_##name - 1,
#define FIELD(name, field, ...) INDEX_##name##_##field,
#include "gpu-backend/dma.def"
#undef DMA
#undef FIELD
	FIELD_END
};
_Static_assert(FIELD_END == PENSTOCK_ARRAY_SIZE(fields), "fields are counted once");

/* How many fields, and which half words they cover: one expression for each instruction. */
enum {
	COUNT_START
#define DMA(name, ...) , COUNT_##name = 0
#define FIELD(...)     +1
#include "gpu-backend/dma.def"
#undef DMA
#undef FIELD
};

enum {
	COVER_START
#define DMA(name, ...)                   , COVER_##name = PENSTOCK_COVER(0, PENSTOCK_HEADER_BYTES)
#define FIELD(name, field, type, offset) | PENSTOCK_COVER(offset, PENSTOCK_WIDTH_##type)
#include "gpu-backend/dma.def"
#undef DMA
#undef FIELD
};

#define GAPS(name)        PENSTOCK_GAPS(COVER_##name, PENSTOCK_DMA_BYTES_##name)
#define GAPS_BEHIND(name) PENSTOCK_GAP_BEHIND(GAPS(name))

#define FIELD(...)
#define DMA(name, ...)                                                                             \
	_Static_assert(PENSTOCK_GAP_BEHIND(GAPS_BEHIND(name)) == 0,                                \
		       "two dwords at most have reserved fields");
#include "gpu-backend/dma.def"
#undef DMA

const struct penstock_dma_instruction penstock_dma_instructions[PENSTOCK_DMA_COUNT] = {
#define DMA(name, mnemonic_text, opcode_value, class_name, fixed_bytes, array_element_bytes, text) \
	[PENSTOCK_DMA_##name] = {                                                                  \
		.layout = {                                                                        \
			.mnemonic = mnemonic_text,                                                 \
			.summary = text,                                                           \
			.operands = fields + FIRST_##name,                                         \
			.operand_count = COUNT_##name,                                             \
			.opcode = opcode_value,                                                    \
			.bytes = fixed_bytes,                                                      \
			.element_bytes = array_element_bytes,                                      \
			.element_mask = PENSTOCK_ELEMENT_MASK(array_element_bytes),                \
			.element_shift = PENSTOCK_ELEMENT_SHIFT(array_element_bytes),              \
			.reserved = { PENSTOCK_GAP_RESERVED(GAPS(name)),                           \
				      PENSTOCK_GAP_RESERVED(GAPS_BEHIND(name)) },                  \
		},                                                                                 \
		.id = PENSTOCK_DMA_##name,                                                         \
		.class = PENSTOCK_DMA_##class_name,                                                \
	},
#include "gpu-backend/dma.def"
#undef DMA
};

const uint8_t penstock_dma_ids[] = {
#define DMA(name, mnemonic, opcode, ...) [opcode] = PENSTOCK_DMA_##name + 1,
#include "gpu-backend/dma.def"
#undef DMA
};
#undef FIELD

const uint32_t penstock_dma_ids_count = PENSTOCK_ARRAY_SIZE(penstock_dma_ids);

const struct penstock_dma_instruction *penstock_dma_get(enum penstock_dma_id id)
{
	PENSTOCK_REQUIRE(id < PENSTOCK_DMA_COUNT);
	return &penstock_dma_instructions[id];
}

static const struct penstock_layout *layout_at(unsigned index)
{
	return &penstock_dma_get(index)->layout;
}

static const struct penstock_layout *layout_by_opcode(uint16_t opcode)
{
	const struct penstock_dma_instruction *instruction = penstock_dma_by_opcode(opcode);

	return instruction == NULL ? NULL : &instruction->layout;
}

const struct penstock_isa penstock_dma_isa = {
	.name = "DMA buffer",
	.count = PENSTOCK_DMA_COUNT,
	.at = layout_at,
	.by_opcode = layout_by_opcode,
};

bool penstock_dma_is_boundary(const uint8_t *dma, uint32_t dma_length, uint32_t from, uint32_t to)
{
	struct penstock_dma_decoded decoded;

	while (from < to && to <= dma_length &&
	       penstock_dma_decode(dma + from, dma_length - from, &decoded) ==
		       PENSTOCK_STATUS_SUCCESS) {
		from += decoded.length;
	}
	return from == to;
}
