/* SPDX-License-Identifier: MIT */
/*
 * The instruction table (proto/isa/instructions.def) as data, and the one way in which an
 * instruction is cut out of a command buffer.
 */
#ifndef PENSTOCK_INSTRUCTION_H
#define PENSTOCK_INSTRUCTION_H

#include "proto/isa/layout.h"
#include "proto/values.h"

/* Client and daemon must agree on it; another value is GRAPHICS_DRIVER_MISMATCH. */
#define PENSTOCK_ISA_VERSION 1u

#define OPERAND(...)
/* The SDK installs the same list as penstock/instructions.h, made from the same table. */
#ifndef PENSTOCK_INSTRUCTION_LIST
#define PENSTOCK_INSTRUCTION_LIST
enum penstock_instruction_id {
#define INSTRUCTION(name, ...) PENSTOCK_INSTRUCTION_##name,
#include "proto/isa/instructions.def"
#undef INSTRUCTION
	PENSTOCK_INSTRUCTION_COUNT
};
#endif

/* PENSTOCK_OPCODE_COPY, and the size of the fixed part: PENSTOCK_BYTES_COPY. */
enum penstock_opcode {
#define INSTRUCTION(name, mnemonic, opcode, ...) PENSTOCK_OPCODE_##name = opcode,
#include "proto/isa/instructions.def"
#undef INSTRUCTION
};

enum penstock_instruction_bytes {
#define INSTRUCTION(name, mnemonic, opcode, stream, nodes, privilege, bytes, ...)                  \
	PENSTOCK_BYTES_##name = bytes,
#include "proto/isa/instructions.def"
#undef INSTRUCTION
};
#undef OPERAND

/* Where an operand stands in its instruction: PENSTOCK_OPERAND_COPY_size == 24. */
enum penstock_operand_offset {
#define INSTRUCTION(...)
#define OPERAND(name, operand, type, offset, slot) PENSTOCK_OPERAND_##name##_##operand = offset,
#include "proto/isa/instructions.def"
#undef INSTRUCTION
#undef OPERAND
};

enum penstock_stream { PENSTOCK_STREAM_RENDER, PENSTOCK_STREAM_KM };

enum penstock_nodes { PENSTOCK_NODE_ANY, PENSTOCK_NODE_RENDER, PENSTOCK_NODE_PIPELINES };

enum penstock_privilege { PENSTOCK_USER, PENSTOCK_PRIVILEGED, PENSTOCK_TEST };

struct penstock_instruction {
	struct penstock_layout layout; /* mnemonic, opcode, bytes, operands, ... */
	enum penstock_instruction_id id;
	enum penstock_stream stream;
	enum penstock_nodes nodes;
	enum penstock_privilege privilege;
	uint16_t dma_bytes; /* worst case */
	uint16_t dma_element_bytes;
	uint16_t patches;
};

/* By id, [PENSTOCK_INSTRUCTION_COUNT]; and the id of an opcode plus one, 0: none of ours. */
extern const struct penstock_instruction penstock_instructions[];
extern const uint8_t penstock_instruction_ids[];
extern const uint32_t penstock_instruction_ids_count;

/* The table for the assembler and the disassembler. */
extern const struct penstock_isa penstock_command_isa;

/* By id; never fails for a valid id. */
const struct penstock_instruction *penstock_instruction_get(enum penstock_instruction_id id);

/* NULL where the opcode is none of ours. */
static inline const struct penstock_instruction *penstock_instruction_by_opcode(uint16_t opcode)
{
	uint8_t id = opcode < penstock_instruction_ids_count ? penstock_instruction_ids[opcode] : 0;

	return id == 0 ? NULL : &penstock_instructions[id - 1];
}

/* NULL where there is no such mnemonic. */
const struct penstock_instruction *penstock_instruction_by_mnemonic(const char *mnemonic);

static inline uint32_t penstock_instruction_header(uint16_t opcode, uint32_t bytes)
{
	return penstock_layout_header(opcode, bytes);
}

/* One instruction of a command buffer; points into it, borrowed. */
struct penstock_decoded {
	const struct penstock_instruction *instruction;
	const uint8_t *bytes;
	uint32_t length;   /* bytes, header included */
	uint32_t elements; /* of the trailing array */
};

/*
 * Cuts one instruction off `remaining` bytes at `bytes` (4-byte aligned or not). Judges opcode and
 * length only: SUCCESS; ILLEGAL_INSTRUCTION for an opcode that is none of ours;
 * INVALID_USER_BUFFER for a length that is zero, past the end, too small for the fixed part, or no
 * whole number of elements. *ret_decoded is filled on SUCCESS only. Inline: it is what a render
 * does for each instruction.
 */
PENSTOCK_MUST_CHECK
static inline enum penstock_status penstock_instruction_decode(const uint8_t *bytes,
							       uint32_t remaining,
							       struct penstock_decoded *ret_decoded)
{
	const struct penstock_instruction *instruction;
	uint32_t header;

	if (PENSTOCK_UNLIKELY(remaining < PENSTOCK_HEADER_BYTES)) {
		return PENSTOCK_STATUS_INVALID_USER_BUFFER;
	}
	header = penstock_load32(bytes);
	instruction = penstock_instruction_by_opcode(penstock_header_opcode(header));
	if (PENSTOCK_UNLIKELY(instruction == NULL)) {
		return PENSTOCK_STATUS_ILLEGAL_INSTRUCTION;
	}
	if (PENSTOCK_UNLIKELY(!penstock_layout_cut(&instruction->layout, header, remaining,
						   &ret_decoded->elements))) {
		return PENSTOCK_STATUS_INVALID_USER_BUFFER;
	}
	ret_decoded->instruction = instruction;
	ret_decoded->bytes = bytes;
	ret_decoded->length = penstock_header_length(header);
	return PENSTOCK_STATUS_SUCCESS;
}

/* Whether every field that no operand names is zero, as the encoding demands. */
static inline bool penstock_instruction_reserved_zero(const struct penstock_decoded *decoded)
{
	return penstock_layout_reserved_zero(&decoded->instruction->layout, decoded->bytes);
}

/*
 * The worst case of what an instruction costs once translated; what a client of a guaranteed
 * contract context plans with. `elements` of its trailing array. Saturates.
 */
void penstock_instruction_cost(const struct penstock_instruction *instruction, uint32_t elements,
			       uint32_t *ret_dma_bytes, uint32_t *ret_patches);

/* 0 for NONE and for what is no format. */
uint32_t penstock_format_bytes(uint32_t format);

/* "A8R8G8B8"; NULL for what is no format. */
const char *penstock_format_name(uint32_t format);

/* PENSTOCK_FORMAT_NONE where there is no such name. */
enum penstock_format penstock_format_from_name(const char *name);

#endif
