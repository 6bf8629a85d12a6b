/* SPDX-License-Identifier: MIT */
/*
 * What an allocation is worth to stay (nothing in the documents says it; `worth_of` is all of it):
 * offered ones go first, by the priority of the offer; then those of processes that hold more of
 * the segment than their share; then the others. Among each of these two those below MAXIMUM go
 * before MAXIMUM, and those that are idle before those that packets or accesses use, which are
 * waited for; then the allocation's priority counts, then who was used last.
 */
#include "daemon/memory/room.h"

#include "daemon/memory/internal.h"

/* ---------------------------------------------------------------- worth */

/* From the one that goes first to the one that goes last; in the upper half of a rank. */
enum class {
	CLASS_OFFERED = 1,
	CLASS_OVER_SHARE,
	CLASS_WITHIN_SHARE = CLASS_OVER_SHARE + 4,
};

/* Of CLASS_OVER_SHARE and CLASS_WITHIN_SHARE. */
enum {
	CLASS_IN_USE = 1,
	CLASS_MAXIMUM = 2,
};

static bool in_use(const struct penstock_vidmm_allocation *allocation)
{
	return allocation->pins > 0 || allocation->accesses > 0;
}

static bool is_dropped_first(const struct penstock_vidmm_allocation *allocation)
{
	return allocation->offered != PENSTOCK_OFFER_PRIORITY_NONE && !in_use(allocation);
}

static struct penstock_worth worth_of(const struct penstock_vidmm_allocation *allocation,
				      uint32_t segment_id)
{
	uint64_t priority = allocation->info.priority, class;

	if (allocation->goal != PENSTOCK_GOAL_KEEP) {
		return (struct penstock_worth){ .rank = PENSTOCK_RANK_LEAVING };
	}
	if (is_dropped_first(allocation)) {
		class = CLASS_OFFERED;
		priority = allocation->offered == PENSTOCK_OFFER_PRIORITY_AUTO
				   ? PENSTOCK_OFFER_PRIORITY_NORMAL
				   : allocation->offered;
	} else {
		class = allocation->process->over_share[segment_id - 1] ? CLASS_OVER_SHARE
									: CLASS_WITHIN_SHARE;
		class += in_use(allocation) ? CLASS_IN_USE : 0;
		class += priority >= PENSTOCK_ALLOCATION_PRIORITY_MAXIMUM ? CLASS_MAXIMUM : 0;
	}
	return (struct penstock_worth){ .rank = class << 32 | priority,
					.last_use = allocation->last_use };
}

/* ---------------------------------------------------------------- shares */

/* Whether it used anything lately; looked at only when somebody has to go. */
static bool is_active(struct penstock_vidmm_process *process, uint64_t now_ns)
{
	if (process->last_use != process->seen_use) {
		process->seen_use = process->last_use;
		process->active_ns = now_ns;
	}
	return process->prepared > 0 || now_ns - process->active_ns <= PENSTOCK_SHARE_IDLE_NS;
}

/* Who holds more of the segment than its part, once `wanted` more is held by `by`. */
static void share_out(struct penstock_vidmm *vidmm, uint32_t segment_id,
		      const struct penstock_vidmm_process *by, uint64_t wanted)
{
	uint64_t size_bytes = vidmm->segments[segment_id - 1].descriptor.commit_limit_bytes;
	uint64_t now_ns =
		vidmm->config.now_ns == NULL ? 0 : vidmm->config.now_ns(vidmm->config.owner);
	uint64_t sharers = 0;

	penstock_list_for_each (link, &vidmm->processes) {
		struct penstock_vidmm_process *process =
			penstock_list_entry(link, struct penstock_vidmm_process, link);

		process->active = process == by || is_active(process, now_ns);
		sharers += process->active &&
			   (process == by || process->placed_bytes[segment_id - 1] > 0);
	}
	penstock_list_for_each (link, &vidmm->processes) {
		struct penstock_vidmm_process *process =
			penstock_list_entry(link, struct penstock_vidmm_process, link);
		uint64_t held =
			process->placed_bytes[segment_id - 1] + (process == by ? wanted : 0);

		process->over_share[segment_id - 1] =
			!process->active || held > size_bytes / sharers;
	}
}

void penstock_room_share(const struct penstock_claim *claim)
{
	const struct penstock_vidmm_process *process = claim->submission->process;

	for (uint32_t i = 0; i < PENSTOCK_SEGMENT_COUNT; i++) {
		share_out(process->vidmm, i + 1, process, 0);
	}
}

bool penstock_room_is_soft_pinned(const struct penstock_claim *claim,
				  const struct penstock_vidmm_allocation *allocation)
{
	bool is_own = allocation->process == claim->submission->process;

	return claim->sparing && allocation->place != PENSTOCK_PLACE_NOWHERE &&
	       allocation->goal == PENSTOCK_GOAL_KEEP && !is_dropped_first(allocation) &&
	       allocation->info.priority >= PENSTOCK_ALLOCATION_PRIORITY_MAXIMUM &&
	       (is_own || !allocation->process->over_share[allocation->segment_id - 1]);
}

/* ---------------------------------------------------------------- the map */

static bool is_protected(const struct penstock_vidmm_allocation *allocation,
			 const struct penstock_claim *from)
{
	return (from != NULL && penstock_room_is_soft_pinned(from, allocation)) ||
	       (allocation->claim != NULL && allocation->goal == PENSTOCK_GOAL_KEEP &&
		(from == NULL || allocation->claim == from ||
		 penstock_claim_stronger(allocation->claim, from)));
}

/* Where nobody is, and where allocations are, as if there were none. */
static struct penstock_hole_map *draw_empty(struct penstock_vidmm *vidmm, uint32_t segment_id)
{
	struct penstock_hole_map *map = &vidmm->maps[segment_id - 1];
	uint32_t start = 0, count;

	penstock_hole_map_clear(map);
	while (penstock_runs_next_free(&vidmm->segments[segment_id - 1].runs, start, &start,
				       &count)) {
		penstock_hole_map_free(map, start, count);
		start += count;
	}
	penstock_list_for_each (link, &vidmm->placed[segment_id - 1]) {
		const struct penstock_vidmm_allocation *allocation =
			penstock_list_entry(link, struct penstock_vidmm_allocation, place_link);

		penstock_hole_map_free(map, penstock_granule_at(allocation->segment_offset),
				       penstock_granules(allocation->size_bytes));
	}
	return map;
}

static void occupy(struct penstock_hole_map *map,
		   const struct penstock_vidmm_allocation *allocation, struct penstock_worth worth)
{
	penstock_hole_map_occupy(map, penstock_granule_at(allocation->segment_offset),
				 penstock_granules(allocation->size_bytes), worth);
}

static void draw_placed(struct penstock_vidmm *vidmm, uint32_t segment_id,
			const struct penstock_claim *claim)
{
	penstock_list_for_each (link, &vidmm->placed[segment_id - 1]) {
		const struct penstock_vidmm_allocation *allocation =
			penstock_list_entry(link, struct penstock_vidmm_allocation, place_link);
		struct penstock_worth worth =
			is_protected(allocation, claim)
				? (struct penstock_worth){ .rank = PENSTOCK_RANK_NEVER }
				: worth_of(allocation, segment_id);

		occupy(&vidmm->maps[segment_id - 1], allocation, worth);
	}
}

struct penstock_hole_map *penstock_room_beside_pinned(const struct penstock_claim *claim,
						      uint32_t segment_id)
{
	struct penstock_vidmm *vidmm = claim->submission->process->vidmm;
	struct penstock_hole_map *map = draw_empty(vidmm, segment_id);

	penstock_list_for_each (link, &vidmm->placed[segment_id - 1]) {
		const struct penstock_vidmm_allocation *allocation =
			penstock_list_entry(link, struct penstock_vidmm_allocation, place_link);

		if (penstock_room_is_soft_pinned(claim, allocation)) {
			occupy(map, allocation,
			       (struct penstock_worth){ .rank = PENSTOCK_RANK_NEVER });
		}
	}
	return map;
}

/* Holes that are not to be had: everybody's for whom has no claim, and those of stronger ones. */
static void draw_holes(struct penstock_vidmm *vidmm, uint32_t segment_id,
		       const struct penstock_claim *claim)
{
	penstock_list_for_each (link, &vidmm->holes) {
		const struct penstock_vidmm_allocation *allocation =
			penstock_list_entry(link, struct penstock_vidmm_allocation, hole_link);

		if (allocation->hole_segment_id == segment_id &&
		    (claim == NULL || allocation->claim == claim ||
		     penstock_claim_stronger(allocation->claim, claim))) {
			penstock_hole_map_occupy(
				&vidmm->maps[segment_id - 1],
				penstock_granule_at(allocation->hole_offset),
				penstock_granules(allocation->size_bytes),
				(struct penstock_worth){ .rank = PENSTOCK_RANK_NEVER });
		}
	}
}

static struct penstock_hole_map *draw(struct penstock_vidmm *vidmm, uint32_t segment_id,
				      const struct penstock_claim *claim)
{
	struct penstock_hole_map *map = draw_empty(vidmm, segment_id);

	draw_placed(vidmm, segment_id, claim);
	draw_holes(vidmm, segment_id, claim);
	return map;
}

/* ---------------------------------------------------------------- holes */

static bool overlap(uint64_t a, uint64_t a_bytes, uint64_t b, uint64_t b_bytes)
{
	return penstock_granule_at(a) < penstock_granules(b + b_bytes) &&
	       penstock_granule_at(b) < penstock_granules(a + a_bytes);
}

/* A hole that these bytes have a granule of, but its own; NULL: there is none. */
static struct penstock_vidmm_allocation *hole_at(const struct penstock_vidmm *vidmm,
						 uint32_t segment_id, uint64_t offset,
						 uint64_t size_bytes)
{
	penstock_list_for_each (link, &vidmm->holes) {
		struct penstock_vidmm_allocation *allocation =
			penstock_list_entry(link, struct penstock_vidmm_allocation, hole_link);

		if (allocation->hole_segment_id == segment_id &&
		    overlap(offset, size_bytes, allocation->hole_offset, allocation->size_bytes)) {
			return allocation;
		}
	}
	return NULL;
}

enum penstock_status penstock_room_take(struct penstock_vidmm_allocation *allocation,
					uint32_t segment_id)
{
	struct penstock_vidmm *vidmm = allocation->process->vidmm;
	enum penstock_status status = penstock_allocation_choose(allocation, segment_id);
	uint32_t start;

	if (PENSTOCK_LIKELY(penstock_list_empty(&vidmm->holes)) ||
	    status != PENSTOCK_STATUS_SUCCESS ||
	    hole_at(vidmm, segment_id, allocation->segment_offset, allocation->size_bytes) ==
		    NULL) {
		return status;
	}
	penstock_allocation_undo(allocation);
	if (!penstock_hole_find(draw(vidmm, segment_id, NULL),
				penstock_granules(allocation->size_bytes), PENSTOCK_RANK_FREE,
				&start)) {
		return PENSTOCK_STATUS_GRAPHICS_NO_VIDEO_MEMORY;
	}
	return penstock_allocation_choose_at(allocation, segment_id, start * PENSTOCK_GRANULE);
}

void penstock_room_forget(struct penstock_vidmm_allocation *allocation)
{
	penstock_list_remove(&allocation->hole_link);
}

void penstock_room_keep(struct penstock_claim *claim, struct penstock_vidmm_allocation *allocation,
			uint32_t segment_id, uint64_t offset)
{
	struct penstock_vidmm *vidmm = allocation->process->vidmm;

	penstock_list_for_each_safe (link, &vidmm->holes) {
		struct penstock_vidmm_allocation *other =
			penstock_list_entry(link, struct penstock_vidmm_allocation, hole_link);

		if (other->claim != claim && other->hole_segment_id == segment_id &&
		    overlap(offset, allocation->size_bytes, other->hole_offset,
			    other->size_bytes)) {
			penstock_room_forget(other);
			penstock_claim_rob(other->claim, claim);
		}
	}
	allocation->hole_segment_id = segment_id;
	allocation->hole_offset = offset;
	penstock_list_append(&vidmm->holes, &allocation->hole_link);
}

void penstock_room_leave(struct penstock_vidmm_allocation *allocation)
{
	if (!penstock_allocation_move_goal(allocation, PENSTOCK_GOAL_EVICT)) {
		return;
	}
	PENSTOCK_COUNT(allocation, allocation->segment_id, evicted, 1);
	penstock_allocation_advance(allocation);
}

static bool is_where_it_belongs(const struct penstock_vidmm_allocation *allocation,
				const struct penstock_claim *claim)
{
	return allocation->claim == claim && !penstock_room_has_hole(allocation);
}

void penstock_room_clear(struct penstock_claim *claim, uint32_t segment_id, uint64_t offset,
			 uint64_t size_bytes)
{
	struct penstock_vidmm *vidmm = claim->submission->process->vidmm;

	penstock_list_for_each_safe (link, &vidmm->placed[segment_id - 1]) {
		struct penstock_vidmm_allocation *allocation =
			penstock_list_entry(link, struct penstock_vidmm_allocation, place_link);

		if (allocation->goal != PENSTOCK_GOAL_KEEP ||
		    !overlap(offset, size_bytes, allocation->segment_offset,
			     allocation->size_bytes) ||
		    is_where_it_belongs(allocation, claim) ||
		    penstock_room_is_soft_pinned(claim, allocation)) {
			continue;
		}
		if (allocation->claim != NULL && allocation->claim != claim) {
			penstock_claim_rob(allocation->claim, claim);
		}
		penstock_room_leave(allocation);
	}
}

enum penstock_status penstock_room_make(struct penstock_claim *claim,
					struct penstock_vidmm_allocation *allocation,
					uint32_t segment_id)
{
	struct penstock_vidmm *vidmm = allocation->process->vidmm;
	uint32_t wanted = penstock_granules(allocation->size_bytes), start;

	if (wanted > vidmm->maps[segment_id - 1].count) {
		return PENSTOCK_STATUS_GRAPHICS_NO_VIDEO_MEMORY;
	}
	share_out(vidmm, segment_id, allocation->process, wanted * PENSTOCK_GRANULE);
	if (!penstock_hole_find(draw(vidmm, segment_id, claim), wanted, PENSTOCK_RANK_NEVER - 1,
				&start)) {
		return PENSTOCK_STATUS_GRAPHICS_NO_VIDEO_MEMORY;
	}
	penstock_room_keep(claim, allocation, segment_id, start * PENSTOCK_GRANULE);
	penstock_room_clear(claim, segment_id, start * PENSTOCK_GRANULE, wanted * PENSTOCK_GRANULE);
	return PENSTOCK_STATUS_SUCCESS;
}

enum penstock_status penstock_room_enter(struct penstock_vidmm_allocation *allocation)
{
	enum penstock_status status = penstock_allocation_choose_at(
		allocation, allocation->hole_segment_id, allocation->hole_offset);

	if (status != PENSTOCK_STATUS_SUCCESS) {
		return PENSTOCK_STATUS_PENDING;
	}
	penstock_room_forget(allocation);
	return status;
}
