/* SPDX-License-Identifier: MIT */
/*
 * The checker: a second, independent reading of a patched DMA buffer. It proves that each byte
 * range that an instruction touches lies in an allocation of that submission's list, with the
 * right access. It shares opcodes and lengths (gpu-backend/dma.def) with the rest of the product;
 * extents it computes by its own code. Pure; any thread. The oracle of tests and fuzzers, and of
 * penstockd --paranoid.
 */
#ifndef PENSTOCK_CHECK_H
#define PENSTOCK_CHECK_H

#include "proto/base/base.h"
#include "proto/wire/frame.h"
#include "proto/wire/status.h"

struct penstock_check_range {
	uint64_t address; /* GPU address of the allocation */
	uint64_t size_bytes;
	bool writable;
};

/*
 * Reads the instructions from `dma_start` up to `dma_end`, offsets in the DMA buffer `dma`: all of
 * it, or a part (daemon/memory/split.h) with that part's entries. SUCCESS, or
 * GRAPHICS_GPU_EXCEPTION_ON_DEVICE with a sentence that names DMA offset, instruction and the
 * range. Ranges may overlap. `patches` is checked to be complete (every address field has exactly
 * one entry, PatchOffset on it) and in order; a part begins with the slots in use that its first
 * NULL entries say.
 */
PENSTOCK_MUST_CHECK
enum penstock_status penstock_check(const uint8_t *dma, uint32_t dma_start, uint32_t dma_end,
				    const struct penstock_check_range *ranges, uint32_t range_count,
				    const struct penstock_patch_location *patches,
				    uint32_t patch_count, struct penstock_errbuf *reterr_text);

#endif
