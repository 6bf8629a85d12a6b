/* SPDX-License-Identifier: MIT */
#include "daemon/memory/claim.h"

#include "daemon/memory/internal.h"
#include "daemon/memory/room.h"

static uint32_t strength(const struct penstock_claim *claim)
{
	return claim->robbed >= PENSTOCK_CLAIM_PATIENCE ? 0 : claim->level + 1;
}

bool penstock_claim_stronger(const struct penstock_claim *a, const struct penstock_claim *b)
{
	return strength(a) != strength(b) ? strength(a) < strength(b) : a->ticket < b->ticket;
}

static bool is_strongest(const struct penstock_vidmm *vidmm, const struct penstock_claim *claim)
{
	penstock_list_for_each (link, &vidmm->claims) {
		const struct penstock_claim *other =
			penstock_list_entry(link, struct penstock_claim, link);

		if (other != claim && penstock_claim_stronger(other, claim)) {
			return false;
		}
	}
	return true;
}

struct penstock_claim *penstock_claim_of(const struct penstock_submission *submission)
{
	struct penstock_claim *claim = &submission->process->claim;

	return claim->submission == submission ? claim : NULL;
}

void penstock_claim_rob(struct penstock_claim *claim, const struct penstock_claim *by)
{
	claim->robbed += claim->robber != by->ticket;
	claim->robber = by->ticket;
}

/* ---------------------------------------------------------------- packing */

/* Places one behind the other from the start of each segment, and in gaps between the pinned. */
struct packing {
	uint64_t end[PENSTOCK_SEGMENT_COUNT];   /* whole granules */
	uint64_t used[PENSTOCK_SEGMENT_COUNT];  /* of these; the others are pinned */
	uint64_t limit[PENSTOCK_SEGMENT_COUNT]; /* of these, in bytes */
	/* what sparing claims do not leave where it is, and what is placed, is free; NULL: all is
	 */
	struct penstock_hole_map *beside[PENSTOCK_SEGMENT_COUNT];
	/* a granule has so much room from `next` on, for allocations of that process */
	uint64_t next[PENSTOCK_SEGMENT_COUNT];
	uint64_t room[PENSTOCK_SEGMENT_COUNT];
	const struct penstock_vidmm_process *sharer[PENSTOCK_SEGMENT_COUNT];
};

static bool is_free(const struct penstock_hole_map *map, uint32_t granule)
{
	return map->granules[granule].worth.rank == PENSTOCK_RANK_FREE;
}

/* The first free run at or behind `from`. */
static bool find_free(const struct penstock_hole_map *map, uint32_t from, uint32_t wanted,
		      uint32_t *ret_start)
{
	uint32_t run = 0;

	for (uint32_t i = from; i < map->count && run < wanted; i++) {
		run = is_free(map, i) ? run + 1 : 0;
		*ret_start = i + 1 - run;
	}
	return run == wanted;
}

/* Whole granules: behind all others where that can be. False: there is no room. */
static bool take_granules(struct packing *packing, uint32_t i, uint64_t whole)
{
	struct penstock_hole_map *map = packing->beside[i];
	uint32_t wanted = penstock_granules(whole), start = penstock_granule_at(packing->end[i]);

	if (!penstock_range_fits(packing->used[i], whole, packing->limit[i])) {
		return false;
	}
	if (map != NULL) {
		if (!find_free(map, start, wanted, &start) && !find_free(map, 0, wanted, &start)) {
			return false;
		}
		penstock_hole_map_occupy(map, start, wanted,
					 (struct penstock_worth){ .rank = PENSTOCK_RANK_NEVER });
	}
	packing->used[i] += whole;
	packing->next[i] = start * PENSTOCK_GRANULE;
	if (packing->end[i] < packing->next[i] + whole) {
		packing->end[i] = packing->next[i] + whole;
	}
	return true;
}

static bool pack_in(struct packing *packing, struct penstock_vidmm_allocation *allocation,
		    uint32_t segment_id)
{
	uint32_t i = segment_id - 1;
	uint64_t size_bytes = allocation->size_bytes;
	bool small = size_bytes < PENSTOCK_GRANULE;

	if (!small || packing->sharer[i] != allocation->process || packing->room[i] < size_bytes) {
		uint64_t whole = penstock_granules_bytes(size_bytes);

		if (!take_granules(packing, i, whole)) {
			return false;
		}
		packing->sharer[i] = small ? allocation->process : NULL;
		packing->room[i] = whole;
	}
	allocation->packed_segment_id = segment_id;
	allocation->packed_offset = packing->next[i];
	packing->next[i] += size_bytes;
	packing->room[i] -= size_bytes;
	return true;
}

/* Those that may be in one segment only go first; `flexible`: the others. */
static bool pack_some(struct packing *packing, const struct penstock_submission *submission,
		      bool flexible)
{
	for (uint32_t i = 0; i < penstock_needed_count(submission); i++) {
		struct penstock_vidmm_allocation *allocation =
			penstock_needed(submission, i)->allocation;
		uint32_t segments[PENSTOCK_SEGMENT_COUNT];

		if (allocation == NULL || allocation->packed_segment_id != 0) {
			continue;
		}
		penstock_allocation_permitted(allocation, segments);
		if (segments[0] == 0) {
			return false;
		}
		if (flexible ? !pack_in(packing, allocation, segments[0]) &&
				       !pack_in(packing, allocation, segments[1])
			     : segments[1] == 0 && !pack_in(packing, allocation, segments[0])) {
			return false;
		}
	}
	return true;
}

/* Who is left where he is has what that takes of the segment. */
static void pack_beside(struct packing *packing, const struct penstock_claim *claim,
			uint32_t segment_id)
{
	const struct penstock_vidmm *vidmm = claim->submission->process->vidmm;
	struct penstock_hole_map *map = penstock_room_beside_pinned(claim, segment_id);
	uint64_t taken = 0, limit = vidmm->segments[segment_id - 1].descriptor.commit_limit_bytes;

	for (uint32_t i = 0; i < map->count; i++) {
		taken += is_free(map, i) ? 0 : PENSTOCK_GRANULE;
	}
	packing->beside[segment_id - 1] = map;
	packing->limit[segment_id - 1] = limit > taken ? limit - taken : 0;
}

/* Its element that is soft-pinned stays where it is, too. */
static void pack_in_place(const struct penstock_claim *claim,
			  struct penstock_vidmm_allocation *allocation)
{
	allocation->packed_segment_id = 0;
	if (claim != NULL && penstock_room_is_soft_pinned(claim, allocation)) {
		allocation->packed_segment_id = allocation->segment_id;
		allocation->packed_offset = allocation->segment_offset;
	}
}

/*
 * A place for each element, in empty segments, or where there is a claim and it is sparing beside
 * what is soft-pinned. False: they do not hold them all.
 */
static bool pack(const struct penstock_submission *submission, const struct penstock_claim *claim,
		 struct packing *ret_packing)
{
	struct penstock_vidmm *vidmm = submission->process->vidmm;

	*ret_packing = (struct packing){ .room = { 0 } };
	for (unsigned i = 0; i < PENSTOCK_SEGMENT_COUNT; i++) {
		ret_packing->limit[i] = penstock_vidmm_capacity(vidmm, i + 1);
		if (claim != NULL && claim->sparing) {
			pack_beside(ret_packing, claim, i + 1);
		}
	}
	for (uint32_t i = 0; i < penstock_needed_count(submission); i++) {
		struct penstock_vidmm_allocation *allocation =
			penstock_needed(submission, i)->allocation;

		if (allocation != NULL) {
			pack_in_place(claim, allocation);
		}
	}
	return pack_some(ret_packing, submission, false) &&
	       pack_some(ret_packing, submission, true);
}

static bool is_in_place(const struct penstock_vidmm_allocation *allocation)
{
	return (allocation->place == PENSTOCK_PLACE_RESIDENT ||
		allocation->place == PENSTOCK_PLACE_PLACING) &&
	       allocation->goal == PENSTOCK_GOAL_KEEP &&
	       allocation->segment_id == allocation->packed_segment_id &&
	       allocation->segment_offset == allocation->packed_offset;
}

/*
 * Everything gets the place that packing says; who is there leaves, its own elements too. What is
 * soft-pinned does so only where nothing else helps, and where the submission cannot be smaller.
 */
static enum penstock_status begin_packed(struct penstock_claim *claim)
{
	const struct penstock_submission *submission = claim->submission;
	const struct penstock_vidmm *vidmm = submission->process->vidmm;
	struct packing packing;

	penstock_room_share(claim);
	claim->sparing = true;
	if (!pack(submission, claim, &packing)) {
		claim->sparing = claim->splits;
		if (claim->splits || !pack(submission, claim, &packing)) {
			return PENSTOCK_STATUS_GRAPHICS_NO_VIDEO_MEMORY;
		}
	}
	for (uint32_t i = 0; i < penstock_needed_count(submission); i++) {
		struct penstock_vidmm_allocation *allocation =
			penstock_needed(submission, i)->allocation;

		if (allocation == NULL) {
			continue;
		}
		penstock_room_forget(allocation);
		if (is_in_place(allocation)) {
			continue;
		}
		penstock_room_keep(claim, allocation, allocation->packed_segment_id,
				   allocation->packed_offset);
		if (allocation->place != PENSTOCK_PLACE_NOWHERE &&
		    allocation->goal == PENSTOCK_GOAL_KEEP) {
			penstock_room_leave(allocation);
		}
	}
	for (uint32_t i = 0; i < PENSTOCK_SEGMENT_COUNT; i++) {
		bool limited = vidmm->segments[i].descriptor.commit_limit_bytes <
			       vidmm->segments[i].descriptor.size_bytes;

		penstock_room_clear(claim, i + 1, 0,
				    limited ? vidmm->segments[i].descriptor.size_bytes
					    : packing.end[i]);
	}
	return PENSTOCK_STATUS_SUCCESS;
}

/* ---------------------------------------------------------------- beginning and ending */

/* What a stronger claim lists too is the stronger one's. */
static void stamp(struct penstock_claim *claim)
{
	const struct penstock_submission *submission = claim->submission;

	for (uint32_t i = 0; i < penstock_needed_count(submission); i++) {
		struct penstock_vidmm_allocation *allocation =
			penstock_needed(submission, i)->allocation;

		if (allocation != NULL && allocation->claim != claim &&
		    (allocation->claim == NULL ||
		     penstock_claim_stronger(claim, allocation->claim))) {
			allocation->claim = claim;
		}
	}
}

enum penstock_status penstock_claim_begin(struct penstock_submission *submission,
					  struct penstock_claim **ret_claim)
{
	struct penstock_vidmm *vidmm = submission->process->vidmm;
	struct penstock_claim *claim = &submission->process->claim;
	struct packing packing;

	bool splits = !penstock_part_is_smallest(submission);

	if (!pack(submission, NULL, &packing)) {
		return PENSTOCK_STATUS_GRAPHICS_NO_VIDEO_MEMORY;
	}
	if (claim->submission != NULL) {
		return PENSTOCK_STATUS_PENDING;
	}
	*claim = (struct penstock_claim){
		.submission = submission,
		.ticket = ++vidmm->tickets,
		.level = submission->level,
		.splits = splits,
		.sparing = splits,
	};
	penstock_list_append(&vidmm->claims, &claim->link);
	*ret_claim = claim;
	return PENSTOCK_STATUS_SUCCESS;
}

void penstock_claim_end(struct penstock_submission *submission)
{
	struct penstock_claim *claim = penstock_claim_of(submission);

	if (PENSTOCK_LIKELY(claim == NULL)) {
		return;
	}
	/* All that it lists, whatever part it was for. */
	for (uint32_t i = 0; i < submission->reference_count; i++) {
		struct penstock_vidmm_allocation *allocation = submission->references[i].allocation;

		if (allocation != NULL && allocation->claim == claim) {
			penstock_room_forget(allocation);
			allocation->claim = NULL;
		}
	}
	penstock_list_remove(&claim->link);
	claim->submission = NULL;
}

void penstock_vidmm_withdraw(struct penstock_submission *submission)
{
	struct penstock_vidmm *vidmm = submission->process->vidmm;

	penstock_vidmm_own_thread(vidmm);
	if (penstock_claim_of(submission) != NULL) {
		penstock_claim_end(submission);
		penstock_vidmm_wake(vidmm);
	}
}

/* ---------------------------------------------------------------- one attempt */

/*
 * Of its segments the first that has room, otherwise the first where room can be made. SUCCESS: it
 * is CHOSEN.
 */
static enum penstock_status find_room(struct penstock_claim *claim,
				      struct penstock_vidmm_allocation *allocation)
{
	uint32_t segments[PENSTOCK_SEGMENT_COUNT];

	if (penstock_room_has_hole(allocation)) {
		return penstock_room_enter(allocation);
	}
	penstock_allocation_permitted(allocation, segments);
	for (unsigned i = 0; i < PENSTOCK_SEGMENT_COUNT && segments[i] != 0; i++) {
		if (penstock_room_take(allocation, segments[i]) == PENSTOCK_STATUS_SUCCESS) {
			return PENSTOCK_STATUS_SUCCESS;
		}
	}
	for (unsigned i = 0; i < PENSTOCK_SEGMENT_COUNT && segments[i] != 0; i++) {
		if (penstock_room_make(claim, allocation, segments[i]) == PENSTOCK_STATUS_SUCCESS) {
			return penstock_room_enter(allocation);
		}
	}
	if (segments[0] == 0) {
		/* The next submission may find memory for its place in segment 1 again. */
		allocation->local_refused = false;
		return PENSTOCK_STATUS_NO_MEMORY;
	}
	return PENSTOCK_STATUS_GRAPHICS_NO_VIDEO_MEMORY;
}

/*
 * SUCCESS: it is resident. PENDING. GRAPHICS_NO_VIDEO_MEMORY: what the claim must not touch is in
 * the way. NO_MEMORY: it has no segment left. GRAPHICS_ALLOCATION_BUSY: it waits for something that
 * nobody else should have to wait for.
 */
static enum penstock_status place(struct penstock_claim *claim,
				  struct penstock_vidmm_allocation *allocation)
{
	if (allocation->place == PENSTOCK_PLACE_RESIDENT &&
	    allocation->goal == PENSTOCK_GOAL_KEEP) {
		return PENSTOCK_STATUS_SUCCESS;
	}
	if (allocation->place != PENSTOCK_PLACE_NOWHERE || allocation->goal != PENSTOCK_GOAL_KEEP) {
		return PENSTOCK_STATUS_PENDING;
	}
	if (allocation->content == PENSTOCK_CONTENT_NONE || allocation->accesses > 0) {
		return PENSTOCK_STATUS_GRAPHICS_ALLOCATION_BUSY;
	}
	if (!penstock_allocation_zeroed(allocation)) {
		return PENSTOCK_STATUS_PENDING;
	}
	/* Again where its pages were refused on the spot: that segment is none of its own then. */
	while (allocation->place == PENSTOCK_PLACE_NOWHERE) {
		enum penstock_status status = find_room(claim, allocation);

		if (status != PENSTOCK_STATUS_SUCCESS) {
			return status;
		}
		penstock_allocation_begin(allocation);
	}
	return allocation->place == PENSTOCK_PLACE_RESIDENT ? PENSTOCK_STATUS_SUCCESS
							    : PENSTOCK_STATUS_PENDING;
}

static enum penstock_status place_all(struct penstock_claim *claim)
{
	const struct penstock_submission *submission = claim->submission;
	enum penstock_status status, worst = PENSTOCK_STATUS_SUCCESS;

	for (uint32_t i = 0; i < penstock_needed_count(submission); i++) {
		struct penstock_vidmm_allocation *allocation =
			penstock_needed(submission, i)->allocation;

		if (allocation == NULL) {
			continue;
		}
		status = place(claim, allocation);
		if (status != PENSTOCK_STATUS_SUCCESS && status != PENSTOCK_STATUS_PENDING) {
			return status;
		}
		worst = status == PENSTOCK_STATUS_PENDING ? status : worst;
	}
	return worst;
}

enum penstock_status penstock_claim_advance(struct penstock_claim *claim)
{
	struct penstock_submission *submission = claim->submission;
	enum penstock_status status;

	stamp(claim);
	status = place_all(claim);
	/* Once, and once more for each element whose pages were refused on the spot. */
	while (status == PENSTOCK_STATUS_GRAPHICS_NO_VIDEO_MEMORY) {
		if (!is_strongest(submission->process->vidmm, claim)) {
			return PENSTOCK_STATUS_PENDING;
		}
		status = begin_packed(claim);
		if (status == PENSTOCK_STATUS_SUCCESS) {
			status = place_all(claim);
		} else {
			status = PENSTOCK_STATUS_NO_MEMORY;
		}
	}
	switch (status) {
	case PENSTOCK_STATUS_NO_MEMORY:
		return PENSTOCK_STATUS_GRAPHICS_NO_VIDEO_MEMORY;
	case PENSTOCK_STATUS_GRAPHICS_ALLOCATION_BUSY:
		penstock_vidmm_withdraw(submission);
		return PENSTOCK_STATUS_PENDING;
	default:
		return status;
	}
}

/* ---------------------------------------------------------------- page table */

/* The mapping that can be done without best; NULL: the claim needs all that there are. */
static struct penstock_mapping *least_used(struct penstock_vidmm_process *process)
{
	struct penstock_mapping *least = NULL;
	uint64_t last_use = UINT64_MAX;

	penstock_list_for_each (link, &process->mappings) {
		struct penstock_mapping *mapping =
			penstock_list_entry(link, struct penstock_mapping, process_link);
		const struct penstock_vidmm_allocation *owner = mapping->owner;

		/* Blocks of the DMA pool have no owner. */
		if (owner == NULL || owner->claim == &process->claim || owner->pins > 0 ||
		    owner->place != PENSTOCK_PLACE_RESIDENT || mapping->closing) {
			continue;
		}
		if (owner->last_use < last_use) {
			least = mapping;
			last_use = owner->last_use;
		}
	}
	return least;
}

/* Those that are going already, or that wait to be. */
static bool some_are_going(const struct penstock_vidmm_process *process)
{
	penstock_list_for_each (link, &process->mappings) {
		const struct penstock_mapping *mapping =
			penstock_list_entry(link, struct penstock_mapping, process_link);
		const struct penstock_vidmm_allocation *owner = mapping->owner;

		if (owner != NULL && (mapping->closing || owner->place == PENSTOCK_PLACE_LEAVING ||
				      (owner->claim != &process->claim && owner->pins > 0))) {
			return true;
		}
	}
	return false;
}

enum penstock_status penstock_claim_page_table(struct penstock_submission *submission)
{
	struct penstock_vidmm_process *process = submission->process;
	struct penstock_claim *claim = penstock_claim_of(submission);
	enum penstock_status status = PENSTOCK_STATUS_SUCCESS;
	struct penstock_mapping *mapping;

	if (claim == NULL) {
		status = penstock_claim_begin(submission, &claim);
	}
	if (status != PENSTOCK_STATUS_SUCCESS) {
		return status;
	}
	stamp(claim);
	mapping = least_used(process);
	if (mapping == NULL) {
		return some_are_going(process) ? PENSTOCK_STATUS_PENDING
					       : PENSTOCK_STATUS_GRAPHICS_NO_VIDEO_MEMORY;
	}
	mapping->closing = true;
	if (!penstock_mapping_drop(mapping)) {
		return PENSTOCK_STATUS_PENDING;
	}
	penstock_allocation_mapping_free(mapping);
	return PENSTOCK_STATUS_SUCCESS;
}
