/* SPDX-License-Identifier: MIT */
/*
 * The DMA instruction table (gpu-backend/dma.def) as data, and the one way in which an
 * instruction is cut out of a DMA buffer. Constant and pure; any thread.
 */
#ifndef PENSTOCK_DMA_H
#define PENSTOCK_DMA_H

#include "proto/isa/layout.h"

#define FIELD(...)
enum penstock_dma_id {
#define DMA(name, ...) PENSTOCK_DMA_##name,
#include "gpu-backend/dma.def"
#undef DMA
	PENSTOCK_DMA_COUNT
};

/* PENSTOCK_DMA_OPCODE_COPY, and the size of the fixed part: PENSTOCK_DMA_BYTES_COPY. */
enum penstock_dma_opcode {
#define DMA(name, mnemonic, opcode, ...) PENSTOCK_DMA_OPCODE_##name = opcode,
#include "gpu-backend/dma.def"
#undef DMA
};

enum penstock_dma_bytes {
#define DMA(name, mnemonic, opcode, class, bytes, ...) PENSTOCK_DMA_BYTES_##name = bytes,
#include "gpu-backend/dma.def"
#undef DMA
};
#undef FIELD

/* Where a field stands in its instruction: PENSTOCK_DMA_COPY_source == 8. */
enum penstock_dma_field_offset {
#define DMA(...)
#define FIELD(name, field, type, offset) PENSTOCK_DMA_##name##_##field = offset,
#include "gpu-backend/dma.def"
#undef DMA
#undef FIELD
};

/* From render, or from build_paging_buffer only. */
enum penstock_dma_class { PENSTOCK_DMA_RENDER, PENSTOCK_DMA_PAGING };

struct penstock_dma_instruction {
	struct penstock_layout layout; /* mnemonic, opcode, bytes, fields as operands, ... */
	enum penstock_dma_id id;
	enum penstock_dma_class class;
};

/* By id, [PENSTOCK_DMA_COUNT]; and the id of an opcode plus one, 0: none of ours. */
extern const struct penstock_dma_instruction penstock_dma_instructions[];
extern const uint8_t penstock_dma_ids[];
extern const uint32_t penstock_dma_ids_count;

/* The table for the disassembler and the assembler. */
extern const struct penstock_isa penstock_dma_isa;

/* By id; never fails for a valid id. */
const struct penstock_dma_instruction *penstock_dma_get(enum penstock_dma_id id);

/* NULL where the opcode is none of ours. */
static inline const struct penstock_dma_instruction *penstock_dma_by_opcode(uint16_t opcode)
{
	uint8_t id = opcode < penstock_dma_ids_count ? penstock_dma_ids[opcode] : 0;

	return id == 0 ? NULL : &penstock_dma_instructions[id - 1];
}

/* Whether the field holds a GPU address: a patch site. */
static inline bool penstock_dma_is_address(const struct penstock_operand *field)
{
	return field->type == PENSTOCK_OPERAND_READ_ADDRESS ||
	       field->type == PENSTOCK_OPERAND_WRITE_ADDRESS ||
	       field->type == PENSTOCK_OPERAND_BOTH_ADDRESS;
}

/* What stands behind a DMA buffer, 8 bytes: no instruction begins so, and an engine stops there. */
#define PENSTOCK_DMA_GUARD 0x9d5eb7f3c1a4680full

/* One instruction of a DMA buffer; points into it, borrowed. */
struct penstock_dma_decoded {
	const struct penstock_dma_instruction *instruction;
	const uint8_t *bytes;
	uint32_t length;   /* bytes, header included */
	uint32_t elements; /* of the trailing array */
};

/*
 * Cuts one instruction off `remaining` bytes at `bytes`, at any alignment. Judges opcode and
 * length only: SUCCESS; ILLEGAL_INSTRUCTION for an opcode that is none of ours;
 * INVALID_USER_BUFFER for a length that is zero, past the end, too small for the fixed part, or no
 * whole number of elements. *ret_decoded is filled on SUCCESS only. The bytes are read once.
 */
PENSTOCK_MUST_CHECK
static inline enum penstock_status penstock_dma_decode(const uint8_t *bytes, uint32_t remaining,
						       struct penstock_dma_decoded *ret_decoded)
{
	const struct penstock_dma_instruction *instruction;
	uint32_t header;

	if (PENSTOCK_UNLIKELY(remaining < PENSTOCK_HEADER_BYTES)) {
		return PENSTOCK_STATUS_INVALID_USER_BUFFER;
	}
	header = penstock_load32(bytes);
	instruction = penstock_dma_by_opcode(penstock_header_opcode(header));
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

/*
 * Whether whole instructions stand between the two offsets of a DMA buffer: true where they are
 * equal. `from` is where one begins; nothing is read at or behind `dma_length`.
 */
bool penstock_dma_is_boundary(const uint8_t *dma, uint32_t dma_length, uint32_t from, uint32_t to);

/* Whether every part of the instruction that no field names is zero. */
static inline bool penstock_dma_reserved_zero(const struct penstock_dma_decoded *decoded)
{
	return penstock_layout_reserved_zero(&decoded->instruction->layout, decoded->bytes);
}

#endif
