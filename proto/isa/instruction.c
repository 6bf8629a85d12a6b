/* SPDX-License-Identifier: MIT */
/*
 * The tables behind proto/isa/instruction.h, made from instructions.def at compile time; and the
 * pixel formats.
 */
#include "proto/isa/instruction.h"

#include <string.h>

/* The operands of all instructions, in the order of the table, and where each one's begin. */
static const struct penstock_operand operands[] = {
#define INSTRUCTION(...)
#define OPERAND(instruction, operand, operand_type, operand_offset, patch_slot)                    \
	{                                                                                          \
		.name = #operand,                                                                  \
		.type = PENSTOCK_OPERAND_##operand_type,                                           \
		.offset = operand_offset,                                                          \
		.width = PENSTOCK_WIDTH_##operand_type,                                            \
		.slot = patch_slot,                                                                \
	},
#include "proto/isa/instructions.def"
#undef INSTRUCTION
#undef OPERAND
};

/* FIRST_x is the index of x's first operand, or what an operand there would have. */
enum {
	OPERAND_START = -1,
#define INSTRUCTION(name, ...)      FIRST_##name, BEFORE_##name = FIRST_##name - 1,
#define OPERAND(name, operand, ...) INDEX_##name##_##operand,
#include "proto/isa/instructions.def"
#undef INSTRUCTION
#undef OPERAND
	OPERAND_END
};
_Static_assert(OPERAND_END == PENSTOCK_ARRAY_SIZE(operands), "operands are counted once");

/* How many operands, and which half words they cover: one expression for each instruction. */
enum {
	COUNT_START
#define INSTRUCTION(name, ...) , COUNT_##name = 0
#define OPERAND(...)           +1
#include "proto/isa/instructions.def"
#undef INSTRUCTION
#undef OPERAND
};

enum {
	COVER_START
#define INSTRUCTION(name, ...)                     , COVER_##name = PENSTOCK_COVER(0, PENSTOCK_HEADER_BYTES)
#define OPERAND(name, operand, type, offset, slot) | PENSTOCK_COVER(offset, PENSTOCK_WIDTH_##type)
#include "proto/isa/instructions.def"
#undef INSTRUCTION
#undef OPERAND
};

#define GAPS(name)        PENSTOCK_GAPS(COVER_##name, PENSTOCK_BYTES_##name)
#define GAPS_BEHIND(name) PENSTOCK_GAP_BEHIND(GAPS(name))

#define OPERAND(...)
#define INSTRUCTION(name, ...)                                                                     \
	_Static_assert(PENSTOCK_GAP_BEHIND(GAPS_BEHIND(name)) == 0,                                \
		       "two dwords at most have reserved fields");
#include "proto/isa/instructions.def"
#undef INSTRUCTION

const struct penstock_instruction penstock_instructions[PENSTOCK_INSTRUCTION_COUNT] = {
#define INSTRUCTION(name, mnemonic_text, opcode_value, stream_name, nodes_name, privilege_name,    \
		    fixed_bytes, array_element_bytes, dma, dma_element, patch_count, text)         \
	[PENSTOCK_INSTRUCTION_##name] = {                                                          \
		.layout = {                                                                        \
			.mnemonic = mnemonic_text,                                                 \
			.summary = text,                                                           \
			.operands = operands + FIRST_##name,                                       \
			.operand_count = COUNT_##name,                                             \
			.opcode = opcode_value,                                                    \
			.bytes = fixed_bytes,                                                      \
			.element_bytes = array_element_bytes,                                      \
			.element_mask = PENSTOCK_ELEMENT_MASK(array_element_bytes),                \
			.element_shift = PENSTOCK_ELEMENT_SHIFT(array_element_bytes),              \
			.reserved = { PENSTOCK_GAP_RESERVED(GAPS(name)),                           \
				      PENSTOCK_GAP_RESERVED(GAPS_BEHIND(name)) },                  \
		},                                                                                 \
		.id = PENSTOCK_INSTRUCTION_##name,                                                 \
		.stream = PENSTOCK_STREAM_##stream_name,                                           \
		.nodes = PENSTOCK_##nodes_name,                                                    \
		.privilege = PENSTOCK_##privilege_name,                                            \
		.dma_bytes = dma,                                                                  \
		.dma_element_bytes = dma_element,                                                  \
		.patches = patch_count,                                                            \
	},
#include "proto/isa/instructions.def"
#undef INSTRUCTION
};

const uint8_t penstock_instruction_ids[] = {
#define INSTRUCTION(name, mnemonic, opcode, ...) [opcode] = PENSTOCK_INSTRUCTION_##name + 1,
#include "proto/isa/instructions.def"
#undef INSTRUCTION
};
#undef OPERAND

const uint32_t penstock_instruction_ids_count = PENSTOCK_ARRAY_SIZE(penstock_instruction_ids);

const struct penstock_instruction *penstock_instruction_get(enum penstock_instruction_id id)
{
	PENSTOCK_REQUIRE(id < PENSTOCK_INSTRUCTION_COUNT);
	return &penstock_instructions[id];
}

static const struct penstock_layout *layout_at(unsigned index)
{
	return &penstock_instruction_get(index)->layout;
}

static const struct penstock_layout *layout_by_opcode(uint16_t opcode)
{
	const struct penstock_instruction *instruction = penstock_instruction_by_opcode(opcode);

	return instruction == NULL ? NULL : &instruction->layout;
}

const struct penstock_isa penstock_command_isa = {
	.name = "command buffer",
	.count = PENSTOCK_INSTRUCTION_COUNT,
	.at = layout_at,
	.by_opcode = layout_by_opcode,
};

const struct penstock_instruction *penstock_instruction_by_mnemonic(const char *mnemonic)
{
	const struct penstock_layout *layout =
		penstock_isa_by_mnemonic(&penstock_command_isa, mnemonic, strlen(mnemonic));

	return layout == NULL ? NULL : penstock_instruction_by_opcode(layout->opcode);
}

void penstock_instruction_cost(const struct penstock_instruction *instruction, uint32_t elements,
			       uint32_t *ret_dma_bytes, uint32_t *ret_patches)
{
	uint64_t bytes =
		instruction->dma_bytes + (uint64_t)elements * instruction->dma_element_bytes;

	*ret_dma_bytes = bytes < UINT32_MAX ? (uint32_t)bytes : UINT32_MAX;
	*ret_patches = instruction->patches;
}

static const struct {
	const char *name;
	uint32_t bytes;
} formats[] = {
	[PENSTOCK_FORMAT_A8R8G8B8] = { "A8R8G8B8", 4 },
	[PENSTOCK_FORMAT_X8R8G8B8] = { "X8R8G8B8", 4 },
	[PENSTOCK_FORMAT_A8B8G8R8] = { "A8B8G8R8", 4 },
	[PENSTOCK_FORMAT_X8B8G8R8] = { "X8B8G8R8", 4 },
	[PENSTOCK_FORMAT_A8] = { "A8", 1 },
};

uint32_t penstock_format_bytes(uint32_t format)
{
	return format < PENSTOCK_ARRAY_SIZE(formats) ? formats[format].bytes : 0;
}

const char *penstock_format_name(uint32_t format)
{
	return format < PENSTOCK_ARRAY_SIZE(formats) ? formats[format].name : NULL;
}

enum penstock_format penstock_format_from_name(const char *name)
{
	for (unsigned i = PENSTOCK_FORMAT_NONE + 1; i < PENSTOCK_ARRAY_SIZE(formats); i++) {
		if (strcmp(formats[i].name, name) == 0) {
			return (enum penstock_format)i;
		}
	}
	return PENSTOCK_FORMAT_NONE;
}
