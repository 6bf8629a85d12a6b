/* SPDX-License-Identifier: MIT */
/*
 * Breadcrumbs: what render leaves in the private data of a DMA buffer, so that an offset in it can
 * be told as a byte of the command buffer long after that is gone.
 *
 *	u32     where in the command buffer the first DMA instruction comes from, in bytes
 *	record  two numbers in dwords, 7 bits a byte, the lowest first, bit 7 set but in the last:
 *	        how much further on than the record before (or the start) this one stands, in the
 *	        DMA buffer and in the command buffer
 *	...
 *
 * An instruction is one DMA instruction, or it leaves nothing. So the length of a DMA instruction
 * says how long its own was, and only what leaves nothing (nop, escape) needs a record: the others
 * cost none, and no time. A handler that wrote several would have to lay a record before each.
 * Now and then there is one that says nothing new, so that whoever looks has not far to walk.
 */
#ifndef PENSTOCK_CRUMBS_H
#define PENSTOCK_CRUMBS_H

#include "daemon/render/render.h"

/* Of any call of render that is to write something. */
#define PENSTOCK_CRUMBS_LEAST_BYTES 4u

/*
 * Of a command buffer: there is a record for each, so no more is walked to explain an offset; or
 * the whole of a group, in which there is none.
 */
#define PENSTOCK_CRUMBS_PART_BYTES (64u << 10)

/* Two numbers of 22 bits: buffers have 16 MiB. */
#define PENSTOCK_CRUMBS_RECORD_BYTES 8u

/* A place in both buffers. */
struct penstock_crumbs_place {
	uint32_t dma_offset;
	uint32_t command_offset;
};

struct penstock_crumbs {
	uint8_t *base; /* borrowed; the private data of this call */
	uint8_t *next;
	uint8_t *end;
	uint8_t *last; /* the record that was written last; NULL: none yet */
	struct penstock_crumbs_place last_place;   /* where that stands */
	struct penstock_crumbs_place before_place; /* likewise, the one before it, or the start */
};

/* `capacity_bytes` >= PENSTOCK_CRUMBS_LEAST_BYTES. */
void penstock_crumbs_init(struct penstock_crumbs *crumbs, uint8_t *base, uint32_t capacity_bytes,
			  uint32_t command_offset);

/*
 * The DMA instruction that will stand at `dma_offset` comes from `command_offset`. False: there is
 * no room to say so; at DMA offset 0 there always is.
 */
PENSTOCK_MUST_CHECK
bool penstock_crumbs_lay(struct penstock_crumbs *crumbs, uint32_t dma_offset,
			 uint32_t command_offset);

static inline uint32_t penstock_crumbs_length(const struct penstock_crumbs *crumbs)
{
	return (uint32_t)(crumbs->next - crumbs->base);
}

/* Where a DMA instruction comes from. */
struct penstock_crumb {
	uint32_t command_offset; /* bytes, from the start of the command buffer, in any pass */
	const struct penstock_instruction *instruction;
};

/*
 * What render translated to the DMA instruction at `dma_offset`. False: none begins there, or the
 * records do not fit the DMA buffer. Reads all records before it, and then so many instructions as
 * PENSTOCK_CRUMBS_PART_BYTES of a command buffer hold. Pure; any thread.
 */
PENSTOCK_MUST_CHECK
bool penstock_crumbs_find(const struct penstock_render_args *args, uint32_t dma_offset,
			  struct penstock_crumb *ret_crumb);

#endif
