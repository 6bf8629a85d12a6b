/* SPDX-License-Identifier: MIT */
/*
 * Which bytes an instruction of a DMA buffer touches, behind each of its addresses: the checker's
 * own reading of docs/gdi.md and gpu-backend/dma.def. It shares no arithmetic with render. Pure.
 */
#ifndef PENSTOCK_CHECK_EXTENTS_H
#define PENSTOCK_CHECK_EXTENTS_H

#include "gpu-backend/dma.h"

#define PENSTOCK_CHECK_ADDRESSES 4u /* at most, of one instruction */

/* Bytes first..behind from where an address points; first == behind: none. */
struct penstock_check_extent {
	uint64_t first;
	uint64_t behind;
};

/*
 * Fills an extent for each address of the instruction, in the order of dma.def. NULL, or, where the
 * instruction is none that an engine can execute, what is wrong with it; static.
 */
const char *penstock_check_extents(const struct penstock_dma_decoded *decoded,
				   struct penstock_check_extent ret_extents[]);

#endif
