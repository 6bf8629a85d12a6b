/* SPDX-License-Identifier: MIT */
/*
 * Transfers of images, through Vulkan: copies, blits, resolves, clears. The driver checks nothing
 * of a region, so that each is held against its images here too; a small one runs on the device
 * without threads. A large one is done in parts, between which the engine may be stopped; then
 * engine->position is how many of its rows, or layers, are done.
 */
#ifndef PENSTOCK_TRANSFER_H
#define PENSTOCK_TRANSFER_H

#include "gpu-backend/emulated/gpu/group.h"

/*
 * Executes the transfer whose group is the `length` bytes at `bytes`. engine->vulkan is there.
 * COMPLETED; PREEMPTED; PAGE_FAULT; ILLEGAL: it is no group, a region is not in its image or in its
 * buffer, or what cannot be cut into parts is too large. Where it is not COMPLETED,
 * engine->dma_offset is the group's.
 */
PENSTOCK_MUST_CHECK
enum penstock_outcome penstock_transfer(struct penstock_engine *engine, const uint8_t *bytes,
					uint32_t length);

#endif
