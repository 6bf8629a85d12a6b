/* SPDX-License-Identifier: MIT */
/*
 * How the bytes of one instruction are laid out, whatever its table: command buffers
 * (proto/isa/instructions.def) and DMA buffers (gpu-backend/dma.def) share header, operand types
 * and rules. The assembler and the disassembler know layouts only, so they read both tables.
 * Everything here is constant or pure; any thread.
 */
#ifndef PENSTOCK_LAYOUT_H
#define PENSTOCK_LAYOUT_H

#include "proto/base/base.h"
#include "proto/wire/status.h"

/* Opcode in bits 0-15, length in dwords, header included, in bits 16-31. */
#define PENSTOCK_HEADER_BYTES 4u

enum penstock_operand_type {
	PENSTOCK_OPERAND_U32,
	PENSTOCK_OPERAND_HEX32,
	PENSTOCK_OPERAND_COLOR,
	PENSTOCK_OPERAND_I32,
	PENSTOCK_OPERAND_F32,
	PENSTOCK_OPERAND_U64,
	PENSTOCK_OPERAND_SOURCE,
	PENSTOCK_OPERAND_DESTINATION,
	PENSTOCK_OPERAND_BOTH,
	PENSTOCK_OPERAND_OFFSET,
	PENSTOCK_OPERAND_SIZE,
	PENSTOCK_OPERAND_RECT,
	PENSTOCK_OPERAND_BYTES, /* the trailing array: dwords */
	PENSTOCK_OPERAND_RECTS, /* the trailing array: rectangles */
	/* DMA buffers only: GPU addresses, patch sites */
	PENSTOCK_OPERAND_READ_ADDRESS,
	PENSTOCK_OPERAND_WRITE_ADDRESS,
	PENSTOCK_OPERAND_BOTH_ADDRESS,
	PENSTOCK_OPERAND_TYPE_MAX
};

/* Bytes of an operand in the fixed part; 0 for a trailing array. Constant expressions. */
#define PENSTOCK_WIDTH_U32           4
#define PENSTOCK_WIDTH_HEX32         4
#define PENSTOCK_WIDTH_COLOR         4
#define PENSTOCK_WIDTH_I32           4
#define PENSTOCK_WIDTH_F32           4
#define PENSTOCK_WIDTH_U64           8
#define PENSTOCK_WIDTH_SOURCE        2
#define PENSTOCK_WIDTH_DESTINATION   2
#define PENSTOCK_WIDTH_BOTH          2
#define PENSTOCK_WIDTH_OFFSET        8
#define PENSTOCK_WIDTH_SIZE          8
#define PENSTOCK_WIDTH_RECT          16
#define PENSTOCK_WIDTH_BYTES         0
#define PENSTOCK_WIDTH_RECTS         0
#define PENSTOCK_WIDTH_READ_ADDRESS  8
#define PENSTOCK_WIDTH_WRITE_ADDRESS 8
#define PENSTOCK_WIDTH_BOTH_ADDRESS  8

struct penstock_operand {
	const char *name;
	enum penstock_operand_type type;
	uint16_t offset; /* bytes from the start of the instruction */
	uint16_t width;  /* bytes, 0: the trailing array */
	int16_t slot;    /* operand position in the patch list, -1: no allocation reference */
};

/* A dword that must be zero where `mask` has ones; mask 0: nothing. */
struct penstock_reserved {
	uint32_t mask;
	uint16_t offset;
};

struct penstock_layout {
	const char *mnemonic;
	const char *summary;
	const struct penstock_operand *operands;
	uint16_t operand_count;
	uint16_t opcode;
	uint16_t bytes;         /* fixed part, header included */
	uint16_t element_bytes; /* trailing array, 0: none */
	uint32_t element_mask;  /* bits of the trailing array's bytes that must be 0 */
	uint32_t element_shift;
	struct penstock_reserved reserved[2];
};

/* A table of layouts; constant. */
struct penstock_isa {
	const char *name; /* "command buffer", for sentences */
	unsigned count;
	const struct penstock_layout *(*at)(unsigned index);         /* index < count */
	const struct penstock_layout *(*by_opcode)(uint16_t opcode); /* NULL: no such opcode */
};

/* NULL where there is no such mnemonic; `length` bytes at `mnemonic`. */
const struct penstock_layout *penstock_isa_by_mnemonic(const struct penstock_isa *isa,
						       const char *mnemonic, size_t length);

/* Whether assembly must give it: references, sizes, rectangles, addresses. Others are 0. */
bool penstock_operand_required(const struct penstock_operand *operand);

/* Whether the operand is a trailing array. */
static inline bool penstock_operand_trails(const struct penstock_operand *operand)
{
	return operand->width == 0;
}

/* ------------------------------------------------------------------ loads and stores */

/* Little-endian, at any alignment. */
static inline uint16_t penstock_load16(const uint8_t *bytes)
{
	uint16_t value;

	__builtin_memcpy(&value, bytes, sizeof(value));
	return value;
}

static inline uint32_t penstock_load32(const uint8_t *bytes)
{
	uint32_t value;

	__builtin_memcpy(&value, bytes, sizeof(value));
	return value;
}

static inline uint64_t penstock_load64(const uint8_t *bytes)
{
	uint64_t value;

	__builtin_memcpy(&value, bytes, sizeof(value));
	return value;
}

static inline void penstock_store16(uint8_t *bytes, uint16_t value)
{
	__builtin_memcpy(bytes, &value, sizeof(value));
}

static inline void penstock_store32(uint8_t *bytes, uint32_t value)
{
	__builtin_memcpy(bytes, &value, sizeof(value));
}

static inline void penstock_store64(uint8_t *bytes, uint64_t value)
{
	__builtin_memcpy(bytes, &value, sizeof(value));
}

/* ------------------------------------------------------------------ headers */

/* `bytes` is the length of the whole instruction, a multiple of 4. */
static inline uint32_t penstock_layout_header(uint16_t opcode, uint32_t bytes)
{
	return (uint32_t)opcode | (bytes / 4u) << 16;
}

static inline uint16_t penstock_header_opcode(uint32_t header)
{
	return (uint16_t)header;
}

/* In bytes. */
static inline uint32_t penstock_header_length(uint32_t header)
{
	return (header >> 16) * 4u;
}

/* Pipelines: what binds for a draw or a dispatch, and what is one and ends the group. */
static inline bool penstock_opcode_binds(uint16_t opcode)
{
	return opcode >= 0x10 && opcode < 0x30;
}

static inline bool penstock_opcode_draws(uint16_t opcode)
{
	return opcode >= 0x30 && opcode < 0x40;
}

/*
 * Whether the length in the header suits the layout and the `remaining` bytes of the buffer;
 * *ret_elements of the trailing array is filled where it does.
 */
static inline bool penstock_layout_cut(const struct penstock_layout *layout, uint32_t header,
				       uint32_t remaining, uint32_t *ret_elements)
{
	uint32_t length = penstock_header_length(header);
	uint32_t trailing = length - layout->bytes;

	if (length > remaining || length < layout->bytes ||
	    (trailing & layout->element_mask) != 0) {
		return false;
	}
	*ret_elements = trailing >> layout->element_shift;
	return true;
}

/* Whether the fields of the instruction at `bytes` that no operand names are zero. */
static inline bool penstock_layout_reserved_zero(const struct penstock_layout *layout,
						 const uint8_t *bytes)
{
	const struct penstock_reserved *reserved = layout->reserved;

	return ((penstock_load32(bytes + reserved[0].offset) & reserved[0].mask) |
		(penstock_load32(bytes + reserved[1].offset) & reserved[1].mask)) == 0;
}

/* ------------------------------------------------------------------ building a table */

/*
 * Constant expressions from which a table's .c file fills a layout. Coverage is a bit for each
 * 16-bit half word of the fixed part (at most 128 bytes); what no operand covers is reserved.
 */
#define PENSTOCK_COVER(offset, width) (((1ull << ((width) / 2)) - 1) << ((offset) / 2))
#define PENSTOCK_GAPS(covered, bytes) (~(unsigned long long)(covered)&PENSTOCK_COVER(0, bytes))

/* The first dword with a gap, what is to be zero in it, and the gaps behind it. */
#define PENSTOCK_GAP_DWORD(gaps)  ((gaps) == 0 ? 0 : __builtin_ctzll((gaps) | 1ull << 63) / 2)
#define PENSTOCK_GAP_BITS(gaps)   (((gaps) >> 2 * PENSTOCK_GAP_DWORD(gaps)) & 3)
#define PENSTOCK_GAP_BEHIND(gaps) ((gaps) & ~(3ull << 2 * PENSTOCK_GAP_DWORD(gaps)))
#define PENSTOCK_GAP_MASK(gaps)                                                                    \
	((PENSTOCK_GAP_BITS(gaps) & 1 ? 0x0000FFFFu : 0u) |                                        \
	 (PENSTOCK_GAP_BITS(gaps) & 2 ? 0xFFFF0000u : 0u))
#define PENSTOCK_GAP_RESERVED(gaps)                                                                \
	{                                                                                          \
		.mask = PENSTOCK_GAP_MASK(gaps),                                                   \
		.offset = (uint16_t)(4 * PENSTOCK_GAP_DWORD(gaps))                                 \
	}

/* Elements are powers of two. Without a trailing array no byte may trail. */
#define PENSTOCK_ELEMENT_MASK(bytes) ((bytes) == 0 ? UINT32_MAX : (uint32_t)(bytes)-1u)
#define PENSTOCK_ELEMENT_SHIFT(bytes)                                                              \
	((bytes) == 0 ? 0u : (uint32_t)__builtin_ctz((bytes) | 1 << 30))

#endif
