/* SPDX-License-Identifier: MIT */
/*
 * The compute engine: workgroups of a pipeline, through Vulkan.
 *
 * A dispatch runs in bands of workgroups that take about a millisecond, and asks between two of
 * them whether it must stop; engine->position counts the workgroups that are done, x first. A
 * pipeline that reads how many workgroups there are has one band, since Vulkan would tell it the
 * band's.
 */
#ifndef PENSTOCK_DISPATCH_H
#define PENSTOCK_DISPATCH_H

#include "gpu-backend/emulated/gpu/group.h"

/*
 * Executes the group at `bytes`, of `remaining`, and groups behind it that are as small as it is,
 * as one submission to the driver; *ret_length is that of those that were executed. engine->vulkan
 * is there. COMPLETED; PREEMPTED; PAGE_FAULT: a range that a group binds is in no segment, or a
 * page of it is not mapped; ILLEGAL: it is no group, what its pipeline's address holds is none, or
 * it is bound what Vulkan does not take. Where it is not COMPLETED, engine->dma_offset is the
 * group's.
 */
PENSTOCK_MUST_CHECK
enum penstock_outcome penstock_dispatch_run(struct penstock_engine *engine, const uint8_t *bytes,
					    uint32_t remaining, uint32_t *ret_length);

#endif
