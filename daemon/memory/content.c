/* SPDX-License-Identifier: MIT */
/*
 * Which bytes of an allocation count (the drawing is in memory/state.h), beside where they are:
 * what was offered may be dropped, what was lost reads as zeros. An allocation owns its backing
 * pages all the time, so that they are a second copy of what is in segment 1, until that is
 * written. That content was lost is in the location record: a daemon that starts again must not
 * take what backing pages hold from before for it.
 */
#include "daemon/memory/internal.h"

#include <string.h>

void penstock_allocation_drop_local(struct penstock_vidmm_allocation *allocation)
{
	bool lost = allocation->content == PENSTOCK_CONTENT_DIRTY;

	allocation->location.local = false;
	allocation->location.local_offset = 0;
	if (lost) {
		lost = penstock_allocation_move_content(allocation, PENSTOCK_CONTENT_LOST);
	}
	allocation->location.lost = lost;
	penstock_location_flip(&allocation->process->vidmm->locations, allocation->record,
			       &allocation->location);
	if (lost) {
		allocation->content_lost = true;
		PENSTOCK_COUNT(allocation, PENSTOCK_SEGMENT_LOCAL, lost, 1);
	}
}

/* ---------------------------------------------------------------- zeros */

static void zero(void *argument)
{
	struct penstock_vidmm_allocation *allocation = argument;
	uint64_t offset;
	const struct penstock_memory_file *file =
		penstock_allocation_resolve(allocation, 0, 0, &offset);

	memset(file->map + offset, 0, allocation->size_bytes);
}

static void is_zero(struct penstock_vidmm_allocation *allocation)
{
	allocation->location.lost = false;
	(void)penstock_allocation_move_content(allocation, PENSTOCK_CONTENT_ZEROS);
	if (allocation->has_record) {
		penstock_location_flip(&allocation->process->vidmm->locations, allocation->record,
				       &allocation->location);
	}
}

static void zero_done(void *argument)
{
	struct penstock_vidmm_allocation *allocation = argument;
	struct penstock_vidmm *vidmm = allocation->process->vidmm;

	allocation->busy--;
	is_zero(allocation);
	penstock_allocation_advance(allocation);
	penstock_paging_flush(vidmm);
	penstock_vidmm_wake(vidmm);
	penstock_vidmm_job_ended(vidmm);
}

bool penstock_allocation_zeroed(struct penstock_vidmm_allocation *allocation)
{
	const struct penstock_worker *worker = &allocation->process->vidmm->config.worker;

	if (PENSTOCK_LIKELY(!allocation->location.lost)) {
		return true;
	}
	if (allocation->busy > 0) {
		return false;
	}
	if (allocation->size_bytes > PENSTOCK_FILE_INLINE_BYTES &&
	    worker->run(worker->owner, zero, zero_done, allocation) == PENSTOCK_STATUS_SUCCESS) {
		allocation->process->vidmm->jobs++;
		allocation->busy++;
		return false;
	}
	/* Small, or no worker to be had. */
	zero(allocation);
	is_zero(allocation);
	return true;
}

/* ---------------------------------------------------------------- offer, reclaim, priority */

enum penstock_status
penstock_vidmm_allocation_set_priority(struct penstock_vidmm_allocation *allocation,
				       uint32_t priority)
{
	penstock_vidmm_own_thread(allocation->process->vidmm);
	if (priority < PENSTOCK_ALLOCATION_PRIORITY_MINIMUM ||
	    priority > PENSTOCK_ALLOCATION_PRIORITY_MAXIMUM) {
		return PENSTOCK_STATUS_INVALID_PARAMETER;
	}
	allocation->info.priority = priority;
	return PENSTOCK_STATUS_SUCCESS;
}

void penstock_vidmm_allocation_offer(struct penstock_vidmm_allocation *allocation,
				     enum penstock_offer_priority priority)
{
	penstock_vidmm_own_thread(allocation->process->vidmm);
	PENSTOCK_REQUIRE(priority > PENSTOCK_OFFER_PRIORITY_NONE &&
			 priority <= PENSTOCK_OFFER_PRIORITY_AUTO);
	allocation->offered = priority;
}

bool penstock_vidmm_allocation_reclaim(struct penstock_vidmm_allocation *allocation)
{
	penstock_vidmm_own_thread(allocation->process->vidmm);
	allocation->offered = PENSTOCK_OFFER_PRIORITY_NONE;
	return !allocation->content_lost;
}
