/* SPDX-License-Identifier: MIT */
/*
 * Render scopes: a group of draws into targets, through Vulkan's dynamic rendering.
 *
 * A scope runs in parts of draws that take some milliseconds, each a submission of its own, and
 * asks between two of them whether it must stop; engine->position counts draws and clears that are
 * done. To go on, the group is read from its begin again: what stands before a draw that is done is
 * bound and set, and nothing drawn. The first part has the load operations that the group says,
 * others load; all store, and the last one resolves. A query adds up what parts count, in its own
 * memory.
 */
#ifndef PENSTOCK_SCOPE_H
#define PENSTOCK_SCOPE_H

#include "gpu-backend/emulated/gpu/group.h"

/*
 * Executes the render scope of `length` bytes at `bytes`. engine->vulkan is there. COMPLETED;
 * PREEMPTED; PAGE_FAULT: a range is in no segment, or a page of it is not mapped; ILLEGAL: it is no
 * group, or Vulkan does not take it. Where it is not COMPLETED, engine->dma_offset is the group's.
 */
PENSTOCK_MUST_CHECK
enum penstock_outcome penstock_scope_run(struct penstock_engine *engine, const uint8_t *bytes,
					 uint32_t length);

#endif
