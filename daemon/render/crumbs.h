/* SPDX-License-Identifier: MIT */
/*
 * Breadcrumbs: what render leaves in the private data of a DMA buffer, so that an offset in it can
 * be told as a byte of the command buffer long after that is gone.
 *
 *	u32     where in the command buffer the first DMA instruction comes from, in bytes
 *	record  two numbers in dwords, 7 bits a byte, the lowest first, bit 7 set but in the last:
 *	        DMA dwords since the record before or the start, and command dwords that were
 *	        skipped before the DMA instruction there
 *	...
 *
 * An instruction is one DMA instruction, or it leaves nothing. So the length of a DMA instruction
 * says how long its own was, and only what leaves nothing (nop, escape) takes a record: the others
 * cost none, and no time. A handler that wrote several would have to lay a record before each.
 */
#ifndef PENSTOCK_CRUMBS_H
#define PENSTOCK_CRUMBS_H

#include "daemon/render/render.h"

/* Of any call of render that is to write something. */
#define PENSTOCK_CRUMBS_LEAST_BYTES 4u

struct penstock_crumbs {
	uint8_t *base; /* borrowed; the private data of this call */
	uint8_t *next;
	uint8_t *end;
	uint8_t *last;       /* the record that was written last; NULL: none yet */
	uint32_t last_dma;   /* where in the DMA buffer that stands */
	uint32_t before_dma; /* likewise, the one before it */
	uint32_t skipped;    /* what it says, in bytes */
};

/* `capacity_bytes` >= PENSTOCK_CRUMBS_LEAST_BYTES. */
void penstock_crumbs_init(struct penstock_crumbs *crumbs, uint8_t *base, uint32_t capacity_bytes,
			  uint32_t command_offset);

/*
 * The DMA instruction that will stand at `dma_offset` comes from `bytes` further behind in the
 * command buffer than it looks. False: there is no room to say so; at offset 0 there always is.
 */
PENSTOCK_MUST_CHECK
bool penstock_crumbs_skip(struct penstock_crumbs *crumbs, uint32_t dma_offset, uint32_t bytes);

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
 * records do not fit the DMA buffer. Reads all of the buffer before it. Pure; any thread.
 */
PENSTOCK_MUST_CHECK
bool penstock_crumbs_find(const struct penstock_render_args *args, uint32_t dma_offset,
			  struct penstock_crumb *ret_crumb);

#endif
