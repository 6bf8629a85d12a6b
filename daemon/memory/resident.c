/* SPDX-License-Identifier: MIT */
/*
 * Residency of a submission: everything that it lists (of a split one: that its part needs) is
 * brought into a permitted segment and into its process's page table, and is pinned while it may
 * run. First without anybody having to leave, all of it or nothing; where that is not possible,
 * with a claim (memory/claim.h).
 */
#include "daemon/memory/internal.h"
#include "daemon/memory/room.h"

/* A place where nobody has to leave. */
static enum penstock_status choose(struct penstock_vidmm_allocation *allocation)
{
	uint32_t segments[PENSTOCK_SEGMENT_COUNT];

	penstock_allocation_permitted(allocation, segments);
	if (segments[0] == 0 && allocation->locks > 0) {
		return PENSTOCK_STATUS_GRAPHICS_CANT_RENDER_LOCKED_ALLOCATION;
	}
	for (unsigned i = 0; i < PENSTOCK_SEGMENT_COUNT && segments[i] != 0; i++) {
		if (penstock_room_take(allocation, segments[i]) == PENSTOCK_STATUS_SUCCESS) {
			return PENSTOCK_STATUS_SUCCESS;
		}
	}
	/* The next submission may find memory for its place in segment 1 again. */
	allocation->local_refused = false;
	return PENSTOCK_STATUS_GRAPHICS_NO_VIDEO_MEMORY;
}

/* One element of the list that is not ready: chooses a place where it has none. */
static enum penstock_status look_at(struct penstock_vidmm_allocation *allocation,
				    struct penstock_list *chosen)
{
	enum penstock_status status;

	if (allocation->goal != PENSTOCK_GOAL_KEEP || allocation->place == PENSTOCK_PLACE_PLACING ||
	    allocation->place == PENSTOCK_PLACE_LEAVING) {
		return PENSTOCK_STATUS_PENDING;
	}
	if (allocation->place != PENSTOCK_PLACE_NOWHERE) {
		return PENSTOCK_STATUS_SUCCESS;
	}
	if (allocation->content == PENSTOCK_CONTENT_NONE) {
		return allocation->busy > 0 ? PENSTOCK_STATUS_PENDING
					    : PENSTOCK_STATUS_GRAPHICS_NO_VIDEO_MEMORY;
	}
	if (allocation->accesses > allocation->locks || !penstock_allocation_zeroed(allocation)) {
		return PENSTOCK_STATUS_PENDING;
	}
	status = choose(allocation);
	if (status == PENSTOCK_STATUS_SUCCESS) {
		penstock_list_append(chosen, &allocation->chosen_link);
	}
	return status;
}

/*
 * All elements get a place, or none of those that had none. SUCCESS: those that were chosen are on
 * their way; *ret_again: but one was refused its pages at once and needs another place.
 */
static enum penstock_status place_all(struct penstock_submission *submission, bool *ret_again)
{
	enum penstock_status status = PENSTOCK_STATUS_SUCCESS, worst = PENSTOCK_STATUS_SUCCESS;
	struct penstock_list chosen, *link;

	penstock_list_init(&chosen);
	for (uint32_t i = 0; i < penstock_needed_count(submission); i++) {
		const struct penstock_reference *reference = penstock_needed(submission, i);
		struct penstock_vidmm_allocation *allocation = reference->allocation;

		if (allocation == NULL) {
			continue;
		}
		status = look_at(allocation, &chosen);
		if (status != PENSTOCK_STATUS_SUCCESS && status != PENSTOCK_STATUS_PENDING) {
			worst = status;
			break;
		}
		worst = status == PENSTOCK_STATUS_PENDING ? status : worst;
	}
	while ((link = penstock_list_pop(&chosen)) != NULL) {
		struct penstock_vidmm_allocation *allocation =
			penstock_list_entry(link, struct penstock_vidmm_allocation, chosen_link);

		if (worst == PENSTOCK_STATUS_SUCCESS) {
			penstock_allocation_begin(allocation);
			*ret_again |= allocation->place == PENSTOCK_PLACE_NOWHERE;
		} else {
			penstock_allocation_undo(allocation);
		}
	}
	return worst;
}

/* So many entries of a page table are taken from others in one attempt: each is looked for. */
#define ENTRIES_MOST 64u

static enum penstock_status map_one(struct penstock_submission *submission,
				    const struct penstock_reference *reference, uint32_t *entries)
{
	enum penstock_status status;

	do {
		status = penstock_allocation_map(reference->allocation, submission->process,
						 reference->write_operation);
		if (PENSTOCK_LIKELY(status != PENSTOCK_STATUS_GRAPHICS_NO_VIDEO_MEMORY)) {
			return status;
		}
		if (*entries == ENTRIES_MOST) {
			return PENSTOCK_STATUS_PENDING;
		}
		++*entries;
		status = penstock_claim_page_table(submission);
	} while (status == PENSTOCK_STATUS_SUCCESS);
	return status;
}

static enum penstock_status map_all(struct penstock_submission *submission)
{
	enum penstock_status status, worst = PENSTOCK_STATUS_SUCCESS;
	uint32_t entries = 0;

	for (uint32_t i = 0; i < penstock_needed_count(submission); i++) {
		const struct penstock_reference *reference = penstock_needed(submission, i);
		struct penstock_vidmm_allocation *allocation = reference->allocation;

		if (allocation == NULL) {
			continue;
		}
		if (allocation->place != PENSTOCK_PLACE_RESIDENT) {
			worst = PENSTOCK_STATUS_PENDING;
			continue;
		}
		status = map_one(submission, reference, &entries);
		if (status != PENSTOCK_STATUS_SUCCESS && status != PENSTOCK_STATUS_PENDING) {
			return PENSTOCK_STATUS_GRAPHICS_NO_VIDEO_MEMORY;
		}
		worst = status == PENSTOCK_STATUS_PENDING ? status : worst;
	}
	return worst;
}

static bool all_ready(const struct penstock_submission *submission)
{
	for (uint32_t i = 0; i < penstock_needed_count(submission); i++) {
		const struct penstock_reference *reference = penstock_needed(submission, i);
		struct penstock_vidmm_allocation *allocation = reference->allocation;

		if (allocation == NULL) {
			continue;
		}
		/* Another principal's pages can be mapped only out of a file of their own. */
		PENSTOCK_REQUIRE(allocation->process == submission->process ||
				 allocation->location.own_file);
		if (!penstock_allocation_ready(allocation, submission->process,
					       reference->write_operation)) {
			return false;
		}
	}
	return true;
}

static void pin_all(const struct penstock_submission *submission)
{
	uint64_t use = ++submission->process->vidmm->uses;

	submission->process->last_use = use;
	for (uint32_t i = 0; i < penstock_needed_count(submission); i++) {
		const struct penstock_reference *reference = penstock_needed(submission, i);
		struct penstock_vidmm_allocation *allocation = reference->allocation;

		if (allocation == NULL) {
			continue;
		}
		allocation->pins++;
		allocation->last_use = use;
		if (reference->write_operation) {
			penstock_allocation_written(allocation);
		}
	}
}

static enum penstock_status place(struct penstock_submission *submission)
{
	struct penstock_claim *claim = penstock_claim_of(submission);
	enum penstock_status status;
	bool again = false;

	if (claim != NULL) {
		return penstock_claim_advance(claim);
	}
	do {
		again = false;
		status = place_all(submission, &again);
	} while (again);
	if (status == PENSTOCK_STATUS_GRAPHICS_NO_VIDEO_MEMORY) {
		status = penstock_claim_begin(submission, &claim);
		if (status == PENSTOCK_STATUS_SUCCESS) {
			status = penstock_claim_advance(claim);
		}
	}
	return status;
}

static enum penstock_status make_resident(struct penstock_submission *submission)
{
	enum penstock_status status = place(submission);

	return status == PENSTOCK_STATUS_SUCCESS ? map_all(submission) : status;
}

/* Everything is where the submission needs it, but a slot of the DMA pool. */
static enum penstock_status bring(struct penstock_submission *submission)
{
	struct penstock_vidmm_process *process = submission->process;
	struct penstock_vidmm *vidmm = process->vidmm;

	penstock_vidmm_own_thread(vidmm);
	PENSTOCK_REQUIRE(!vidmm->stopped);
	if (PENSTOCK_UNLIKELY(process->lost || penstock_mapped_torn(process->system.mapped) ||
			      penstock_mapped_torn(process->local.mapped))) {
		return PENSTOCK_STATUS_GRAPHICS_GPU_EXCEPTION_ON_DEVICE;
	}
	if (PENSTOCK_UNLIKELY(vidmm->restore.open)) {
		penstock_vidmm_restore_end(vidmm);
	}
	if (PENSTOCK_UNLIKELY(process->replace) && !penstock_vidmm_process_replace(process)) {
		return PENSTOCK_STATUS_PENDING;
	}
	return PENSTOCK_LIKELY(all_ready(submission)) ? PENSTOCK_STATUS_SUCCESS
						      : make_resident(submission);
}

/* What is answered where it is not SUCCESS. */
static enum penstock_status put_off(struct penstock_submission *submission,
				    enum penstock_status status)
{
	struct penstock_vidmm *vidmm = submission->process->vidmm;

	/* Some of it may have run: what is left waits until the lock is gone, and claims nothing.
	 */
	if (status == PENSTOCK_STATUS_GRAPHICS_CANT_RENDER_LOCKED_ALLOCATION &&
	    (submission->pass > 0 || submission->split)) {
		penstock_vidmm_withdraw(submission);
		status = PENSTOCK_STATUS_PENDING;
	}
	/* What waits for what was refused, or is split, claims nothing meanwhile. */
	if (status != PENSTOCK_STATUS_PENDING) {
		penstock_vidmm_withdraw(submission);
	}
	vidmm->somebody_waits |= status == PENSTOCK_STATUS_PENDING;
	penstock_paging_flush(vidmm);
	return status;
}

enum penstock_status penstock_vidmm_ready(struct penstock_submission *submission)
{
	enum penstock_status status = bring(submission);

	if (status == PENSTOCK_STATUS_SUCCESS) {
		status = penstock_dma_pool_ready(&submission->process->pool,
						 submission->args.dma_length);
	}
	if (status != PENSTOCK_STATUS_SUCCESS) {
		return put_off(submission, status);
	}
	penstock_vidmm_withdraw(submission);
	return PENSTOCK_STATUS_SUCCESS;
}

enum penstock_status penstock_vidmm_prepare(struct penstock_submission *submission)
{
	struct penstock_vidmm_process *process = submission->process;
	enum penstock_status status = bring(submission);

	if (PENSTOCK_LIKELY(status == PENSTOCK_STATUS_SUCCESS)) {
		status = penstock_dma_pool_take(&process->pool, submission->args.dma_length,
						&submission->dma_slot, &submission->dma_address);
	}
	if (PENSTOCK_UNLIKELY(status != PENSTOCK_STATUS_SUCCESS)) {
		return put_off(submission, status);
	}
	penstock_dma_pool_guard(&process->pool, submission->dma_slot, submission->part.end);
	pin_all(submission);
	process->prepared++;
	penstock_vidmm_withdraw(submission);
	return PENSTOCK_STATUS_SUCCESS;
}

void penstock_vidmm_finish(struct penstock_submission *submission)
{
	struct penstock_vidmm_process *process = submission->process;
	struct penstock_vidmm *vidmm = process->vidmm;

	penstock_vidmm_own_thread(vidmm);
	if (!penstock_vidmm_holds(vidmm, process->prepared > 0,
				  "0x10E/0x29: a submission was finished that was not prepared")) {
		return;
	}
	process->prepared--;
	/* It goes on: an adapter that stops gives everything back. */
	(void)penstock_vidmm_holds(
		vidmm,
		penstock_dma_pool_guarded(&process->pool, submission->dma_slot,
					  submission->part.end),
		"0x10E/0x12: bytes behind a DMA buffer in its slot were written");
	penstock_dma_pool_give(&process->pool, submission->dma_slot);
	for (uint32_t i = 0; i < penstock_needed_count(submission); i++) {
		const struct penstock_reference *reference = penstock_needed(submission, i);
		struct penstock_vidmm_allocation *allocation = reference->allocation;

		if (allocation == NULL) {
			continue;
		}
		if (!penstock_vidmm_holds(vidmm, allocation->pins > 0,
					  "0x10E/0xA: an allocation was unpinned once too often")) {
			continue;
		}
		if (--allocation->pins == 0 &&
		    PENSTOCK_UNLIKELY(allocation->goal != PENSTOCK_GOAL_KEEP)) {
			penstock_allocation_advance(allocation);
		}
	}
	if (PENSTOCK_UNLIKELY(!penstock_list_empty(&vidmm->paging_dirty))) {
		penstock_paging_flush(vidmm);
	}
	penstock_vidmm_wake(vidmm);
}
