/* SPDX-License-Identifier: MIT */
/*
 * The values and plain structures that a client's program sees as they are on the wire. Installed
 * as penstock/values.h, so it includes nothing of the project and is C and C++.
 */
#ifndef PENSTOCK_VALUES_H
#define PENSTOCK_VALUES_H

#include <stdint.h>

/* ---------------------------------------------------------------- submissions */

/* D3DKMT_RENDERFLAGS; values of the documents, Penstock's own from bit 16 */
#define PENSTOCK_SUBMIT_RESIZE_COMMAND_BUFFER      0x00000001u
#define PENSTOCK_SUBMIT_RESIZE_ALLOCATION_LIST     0x00000002u
#define PENSTOCK_SUBMIT_RESIZE_PATCH_LOCATION_LIST 0x00000004u
#define PENSTOCK_SUBMIT_NULL_RENDERING             0x00000008u
#define PENSTOCK_SUBMIT_RENDER_KM                  0x00000020u
#define PENSTOCK_SUBMIT_IF_PREDECESSOR_RAN         0x00010000u

/* D3DDDI_ALLOCATIONLIST */
struct penstock_wire_allocation {
	uint64_t name; /* of an allocation opened by the context's device; 0 is the NULL element */
	uint32_t flags;
	uint32_t reserved; /* zero */
};

#define PENSTOCK_ALLOCATION_WRITE_OPERATION        0x1u
#define PENSTOCK_ALLOCATION_DO_NOT_RETIRE_INSTANCE 0x2u

/*
 * D3DDDI_PATCHLOCATIONLIST, in both directions; offsets inside a buffer are bounded.
 *
 * As it leaves render: offsets are in the DMA buffer. One entry for every address in it, in order
 * of use; slot_id is the operand's slot in proto/isa/instructions.def; split_offset is where the
 * instruction starts and never decreases. An instruction with references unbinds the slots that
 * the last such instruction used and it does not: one NULL entry for each, before its own entries,
 * with allocation_index PENSTOCK_PATCH_NULL_INDEX, allocation_offset 0 and patch_offset equal to
 * split_offset; there is nothing to patch for it. driver_id is 0.
 *
 * As a client sends it: offsets are in the command buffer. An empty list is normal, and entries
 * may be left out; each that is there must say what its instruction says:
 *   split_offset       where the instruction starts; never decreases
 *   slot_id            the slot of one of its references, once; driver_id is 0
 *   allocation_index   the index that stands in that reference
 *   patch_offset       the OFFSET operand that follows the reference or, in an instruction without
 *                      one (GDI), the index operand itself
 *   allocation_offset  what the OFFSET operand says; 0 in an instruction without one
 * Anything else is INVALID_PARAMETER. Such a list has no NULL entries.
 */
#define PENSTOCK_PATCH_NULL_INDEX 0xFFFFFFFFu

struct penstock_patch_location {
	uint64_t allocation_offset; /* bytes inside the allocation */
	uint32_t allocation_index;
	uint32_t slot_id : 24;
	uint32_t driver_id : 8;
	uint32_t patch_offset; /* bytes inside the buffer: where a 64-bit address stands */
	uint32_t split_offset; /* bytes inside the buffer: start of the instruction */
};

/*
 * D3DKMDT_GRAPHICS_PREEMPTION_GRANULARITY, D3DKMDT_COMPUTE_PREEMPTION_GRANULARITY: where the GPU
 * can be taken from work that runs. Between DMA buffers; between draws or records (PRIMITIVE),
 * between dispatches.
 */
#define PENSTOCK_PREEMPTION_DMA_BUFFER 100u
#define PENSTOCK_PREEMPTION_PRIMITIVE  200u /* graphics */
#define PENSTOCK_PREEMPTION_DISPATCH   200u /* compute */

/* ---------------------------------------------------------------- client access */

/* Upload and ReadBack: D3DDDICB_LOCKFLAGS */
#define PENSTOCK_LOCK_DONOT_WAIT       0x4u   /* refused where it would wait for the GPU */
#define PENSTOCK_LOCK_IGNORE_SYNC      0x8u   /* the GPU does not use that range */
#define PENSTOCK_LOCK_DISCARD          0x80u  /* rename: the content before is not wanted */
#define PENSTOCK_LOCK_IGNORE_READ_SYNC 0x400u /* waits for what the GPU writes only */

/* D3DDDI_OFFER_PRIORITY: which of the offered allocations go first */
#define PENSTOCK_OFFER_LOW    1u
#define PENSTOCK_OFFER_NORMAL 2u
#define PENSTOCK_OFFER_HIGH   3u
#define PENSTOCK_OFFER_AUTO   4u

/* ---------------------------------------------------------------- pipelines */

/* SPIR-V's execution models: which stage of a pipeline a shader is. */
#define PENSTOCK_EXECUTION_MODEL_VERTEX                  0u
#define PENSTOCK_EXECUTION_MODEL_TESSELLATION_CONTROL    1u
#define PENSTOCK_EXECUTION_MODEL_TESSELLATION_EVALUATION 2u
#define PENSTOCK_EXECUTION_MODEL_GEOMETRY                3u
#define PENSTOCK_EXECUTION_MODEL_FRAGMENT                4u
#define PENSTOCK_EXECUTION_MODEL_COMPUTE                 5u

/* A value for the constants of a module that have this SpecId. */
struct penstock_specialization_constant {
	uint32_t id;
	uint32_t size_bytes; /* 1, 2, 4 or 8, of the constant's type; of a boolean 4 */
	uint64_t value;      /* the bits; zeros above size_bytes */
};

/* ---------------------------------------------------------------- surfaces and GDI */

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

/* ---------------------------------------------------------------- what an adapter can do */

/* How the values of a fact are to be read. */
enum penstock_fact_kind {
	PENSTOCK_FACT_FLAG = 1,   /* 0 or 1 */
	PENSTOCK_FACT_NUMBER = 2, /* 32 bits */
	PENSTOCK_FACT_SIGNED = 3, /* 32 bits; the upper ones are its sign's */
	PENSTOCK_FACT_SIZE = 4,   /* 64 bits */
	PENSTOCK_FACT_SINGLE = 5, /* the 32 bits of one */
};

#endif
