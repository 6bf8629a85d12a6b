/* SPDX-License-Identifier: MIT */
/*
 * The instruction table (proto/isa/instructions.def) as data, and the one way in which an
 * instruction is cut out of a command buffer.
 */
#ifndef PENSTOCK_INSTRUCTION_H
#define PENSTOCK_INSTRUCTION_H

#include "proto/base/base.h"
#include "proto/wire/status.h"

/* Client and daemon must agree on it; another value is GRAPHICS_DRIVER_MISMATCH. */
#define PENSTOCK_ISA_VERSION 1u

enum penstock_instruction_id {
#define INSTRUCTION(name, ...) PENSTOCK_INSTRUCTION_##name,
#define OPERAND(...)
#include "proto/isa/instructions.def"
#undef INSTRUCTION
#undef OPERAND
	PENSTOCK_INSTRUCTION_COUNT
};

enum penstock_stream { PENSTOCK_STREAM_RENDER, PENSTOCK_STREAM_KM };

enum penstock_nodes { PENSTOCK_NODE_ANY, PENSTOCK_NODE_RENDER };

enum penstock_privilege { PENSTOCK_USER, PENSTOCK_PRIVILEGED, PENSTOCK_TEST };

enum penstock_operand_type {
	PENSTOCK_OPERAND_U32,
	PENSTOCK_OPERAND_HEX32,
	PENSTOCK_OPERAND_COLOR,
	PENSTOCK_OPERAND_I32,
	PENSTOCK_OPERAND_U64,
	PENSTOCK_OPERAND_SOURCE,
	PENSTOCK_OPERAND_DESTINATION,
	PENSTOCK_OPERAND_BOTH,
	PENSTOCK_OPERAND_OFFSET,
	PENSTOCK_OPERAND_SIZE,
	PENSTOCK_OPERAND_RECT,
	PENSTOCK_OPERAND_BYTES,
	PENSTOCK_OPERAND_RECTS,
};

struct penstock_operand {
	const char *name;
	enum penstock_operand_type type;
	uint16_t offset; /* bytes from the start of the instruction */
	int16_t slot;    /* operand position in the patch list, -1: no allocation reference */
};

struct penstock_instruction {
	enum penstock_instruction_id id;
	const char *mnemonic;
	uint16_t opcode;
	enum penstock_stream stream;
	enum penstock_nodes nodes;
	enum penstock_privilege privilege;
	uint16_t bytes;         /* fixed part */
	uint16_t element_bytes; /* trailing array, 0: none */
	uint16_t dma_bytes;     /* worst case */
	uint16_t dma_element_bytes;
	uint16_t patches;
	const char *summary;
	const struct penstock_operand *operands;
	uint16_t operand_count;
};

/* By id; never fails for a valid id. */
const struct penstock_instruction *penstock_instruction_get(enum penstock_instruction_id id);

/* NULL where the opcode is none of ours. */
const struct penstock_instruction *penstock_instruction_by_opcode(uint16_t opcode);
const struct penstock_instruction *penstock_instruction_by_mnemonic(const char *mnemonic);

static inline uint32_t penstock_instruction_header(uint16_t opcode, uint32_t bytes)
{
	return (uint32_t)opcode | (bytes / 4u) << 16;
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
 * whole number of elements. *ret_decoded is filled on SUCCESS only.
 */
PENSTOCK_MUST_CHECK
enum penstock_status penstock_instruction_decode(const uint8_t *bytes, uint32_t remaining,
						 struct penstock_decoded *ret_decoded);

/*
 * The worst case of what an instruction costs once translated; what a client of a guaranteed
 * contract context plans with. `elements` of its trailing array.
 */
void penstock_instruction_cost(const struct penstock_instruction *instruction, uint32_t elements,
			       uint32_t *ret_dma_bytes, uint32_t *ret_patches);

/* Little-endian loads and stores at any alignment. */
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

/* GDI: DXGK_GDIARG_*; right and bottom exclusive */
struct penstock_rect {
	int32_t left;
	int32_t top;
	int32_t right;
	int32_t bottom;
};

/* Pixel formats of surfaces; numbers are on the wire and in scripts. */
enum penstock_format {
	PENSTOCK_FORMAT_NONE = 0,
	PENSTOCK_FORMAT_A8R8G8B8 = 1, /* bytes in memory: B G R A */
	PENSTOCK_FORMAT_X8R8G8B8 = 2,
	PENSTOCK_FORMAT_A8B8G8R8 = 3, /* bytes in memory: R G B A */
	PENSTOCK_FORMAT_X8B8G8R8 = 4,
	PENSTOCK_FORMAT_A8 = 5,
};

/* 0 for NONE and for what is no format. */
uint32_t penstock_format_bytes(uint32_t format);

/* "A8R8G8B8"; NULL for what is no format. */
const char *penstock_format_name(uint32_t format);

/* PENSTOCK_FORMAT_NONE where there is no such name. */
enum penstock_format penstock_format_from_name(const char *name);

/* D3DKMDT_GDISURFACETYPE */
enum penstock_surface_type {
	PENSTOCK_SURFACE_NONE = 0,
	PENSTOCK_SURFACE_TEXTURE = 1,
	PENSTOCK_SURFACE_STAGING_CPUVISIBLE = 2,
	PENSTOCK_SURFACE_STAGING = 3,
	PENSTOCK_SURFACE_LOOKUPTABLE = 4,
	PENSTOCK_SURFACE_EXISTINGSYSMEM = 5,
};

/* DXGK_GDIROP_BITBLT, DXGK_GDIROP_COLORFILL, stretch modes, flags */
enum penstock_bitblt_rop {
	PENSTOCK_BITBLT_SRCCOPY = 1,
	PENSTOCK_BITBLT_SRCINVERT = 2,
	PENSTOCK_BITBLT_SRCAND = 3,
	PENSTOCK_BITBLT_SRCOR = 4,
	PENSTOCK_BITBLT_ROP3 = 5,
};

enum penstock_colorfill_rop {
	PENSTOCK_COLORFILL_PATCOPY = 1,
	PENSTOCK_COLORFILL_PATINVERT = 2,
	PENSTOCK_COLORFILL_PDXN = 3,
	PENSTOCK_COLORFILL_DSTINVERT = 4,
	PENSTOCK_COLORFILL_PATAND = 5,
	PENSTOCK_COLORFILL_PATOR = 6,
	PENSTOCK_COLORFILL_ROP3 = 7,
};

enum penstock_stretch_mode {
	PENSTOCK_STRETCH_BLACKONWHITE = 1,
	PENSTOCK_STRETCH_WHITEONBLACK = 2,
	PENSTOCK_STRETCH_COLORONCOLOR = 3,
	PENSTOCK_STRETCH_HALFTONE = 4, /* never legal */
};

#define PENSTOCK_STRETCH_MIRROR_X        0x1u
#define PENSTOCK_STRETCH_MIRROR_Y        0x2u
#define PENSTOCK_TRANSPARENT_HONOR_ALPHA 0x1u
#define PENSTOCK_CLEARTYPE_NO_GAMMA      0xFFFFFFFFu
#define PENSTOCK_GAMMA_TABLE_WIDTH       512u
#define PENSTOCK_GAMMA_TABLE_HEIGHT      16u

#endif
