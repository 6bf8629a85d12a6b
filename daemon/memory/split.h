/* SPDX-License-Identifier: MIT */
/*
 * Splitting a DMA buffer that references more than fits at once into parts that do. Documents:
 * "Splitting a DMA Buffer". Pure; any thread.
 *
 * A patch list says, in order of use, which allocation a slot has from which DMA offset on
 * (SplitOffset); where an entry stands, the buffer may be cut. The slot table has a row for each
 * slot: the allocation that it has now. An entry takes the row of its slot, a NULL entry empties
 * it, and what stood there is not needed behind that offset.
 *
 *	entries   |a b| - - |c| - - |d NULL| - - - |e|        those of one SplitOffset are one
 *	          ^ start           ^ end: d does not fit     split point
 *
 * The largest part that fits ends before the first split point that does not. What it needs is all
 * that stood in a row while it ran.
 */
#ifndef PENSTOCK_SPLIT_H
#define PENSTOCK_SPLIT_H

#include "proto/base/base.h"
#include "proto/values.h"
#include "proto/wire/status.h"

/* MaxAllocationListSlotId, plus one. */
#define PENSTOCK_SPLIT_SLOTS 32u

/* All NULL is all zero. */
struct penstock_slot_table {
	uint32_t bound;                      /* bit n: slot n has an allocation */
	uint32_t rows[PENSTOCK_SPLIT_SLOTS]; /* its index in the allocation list, where bound */
};

/* A part of a DMA buffer. Offsets are bytes from the start of the whole of it. */
struct penstock_part {
	uint32_t start;       /* of its first instruction */
	uint32_t end;         /* behind its last; DmaBufferSubmissionEndOffset */
	uint32_t first_patch; /* PatchLocationListSubmissionStart */
	uint32_t patch_count; /* PatchLocationListSubmissionLength */
};

enum penstock_split_fit {
	PENSTOCK_SPLIT_FITS,
	PENSTOCK_SPLIT_FULL,
	PENSTOCK_SPLIT_NULL, /* a NULL element: the entry empties the row */
};

struct penstock_split_list {
	const struct penstock_patch_location *patches; /* borrowed */
	uint32_t patch_count;
	uint32_t dma_length;
	uint32_t element_count; /* of the allocation list */
	/*
	 * Whether the element fits beside those that were asked for since the part began; also
	 * called for one that was asked for before.
	 */
	enum penstock_split_fit (*fits)(void *owner, uint32_t index);
	void *owner;
};

enum penstock_split_verdict {
	PENSTOCK_SPLIT_DONE,
	PENSTOCK_SPLIT_TOO_LARGE, /* what its first split point needs does not fit */
	PENSTOCK_SPLIT_INVALID,   /* an entry that cannot be; no part is made of such a list */
};

struct penstock_split {
	struct penstock_part part;
	uint32_t points;   /* split points that it has entries of */
	uint32_t too_much; /* SplitOffset of the one that does not fit; unless that is DONE */
	/*
	 * Slots, a bit each, that have an allocation across the part's end: the split point there
	 * neither reprograms nor unbinds them. What they have must stay where it is, because no
	 * entry says where an address of it stands in the next part. 0 at the end of the buffer.
	 */
	uint32_t kept;
};

/*
 * The largest part that begins at `start`, with the entry `first_patch`, and has `most` split
 * points at most; 0 of them where the instructions before the first one are all that fits.
 * `table` is what slots have there: zeroed for the first part, otherwise what the call for the part
 * before left: the rows that are kept. It is changed only where the verdict is DONE.
 */
PENSTOCK_MUST_CHECK
enum penstock_split_verdict penstock_split_next(const struct penstock_split_list *list,
						struct penstock_slot_table *table, uint32_t start,
						uint32_t first_patch, uint32_t most,
						struct penstock_split *ret_split);

#endif
