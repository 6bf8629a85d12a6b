/* SPDX-License-Identifier: MIT */
/*
 * Transfers of images, through Vulkan: copies, blits, resolves, clears. The driver checks nothing
 * of a region, so that each is held against its images here too; a small one runs on the device
 * without threads.
 */
#ifndef PENSTOCK_TRANSFER_H
#define PENSTOCK_TRANSFER_H

#include "gpu-backend/emulated/gpu/group.h"

/*
 * Executes the transfer whose group is at `bytes`, of `remaining`; *ret_length is the group's.
 * engine->vulkan is there. COMPLETED; PAGE_FAULT; ILLEGAL: it is no group, or a region is not in
 * its image or in its buffer. Where it is not COMPLETED, engine->dma_offset is the group's.
 */
PENSTOCK_MUST_CHECK
enum penstock_outcome penstock_transfer(struct penstock_engine *engine, const uint8_t *bytes,
					uint32_t remaining, uint32_t *ret_length);

#endif
