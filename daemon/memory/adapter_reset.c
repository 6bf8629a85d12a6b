/* SPDX-License-Identifier: MIT */
/*
 * An adapter reset as memory sees it: local memory is gone, and every page table with it.
 *
 *	paging under way --forgotten--> each allocation with a place: notice, content kept or lost,
 *	LEAVING --pages and range given back--> NOWHERE
 *
 * The walk is over both lists of placed allocations; what it does to one never takes another off.
 * What is in no segment and was to take a step meanwhile (its last reference was given back, its
 * sharing was forgotten) takes it behind the walk.
 */
#include "daemon/memory/internal.h"

/* DxgkDdiBuildPagingBuffer with a TRANSFER of no bytes: the content is gone already. */
static void notify(struct penstock_vidmm_allocation *allocation)
{
	penstock_paging_tell(
		allocation->process->vidmm,
		&(struct penstock_build_paging_buffer){
			.operation = PENSTOCK_OPERATION_TRANSFER,
			.allocation_id = allocation->info.id,
			.flags = PENSTOCK_TRANSFER_ALLOCATION_IS_IDLE | PENSTOCK_TRANSFER_START |
				 PENSTOCK_TRANSFER_END,
			.source = { .segment_id = allocation->segment_id,
				    .segment_address = penstock_allocation_address(allocation) },
		});
	PENSTOCK_COUNT(allocation, allocation->segment_id, notices, 1);
}

static void forget_mappings(struct penstock_vidmm_allocation *allocation)
{
	penstock_list_for_each_safe (link, &allocation->mappings) {
		penstock_allocation_mapping_free(
			penstock_list_entry(link, struct penstock_mapping, owner_link));
	}
}

/* It keeps its place until its pages and its range were given back, like any that leaves. */
static void lose_place(struct penstock_vidmm_allocation *allocation)
{
	notify(allocation);
	forget_mappings(allocation);
	if (allocation->location.local && allocation->has_record) {
		penstock_allocation_drop_local(allocation);
	}
	allocation->location.local = false;
	if (allocation->goal == PENSTOCK_GOAL_KEEP) {
		(void)penstock_allocation_move_goal(allocation, PENSTOCK_GOAL_EVICT);
	}
}

static void abandon(struct penstock_vidmm *vidmm)
{
	penstock_list_for_each (link, &vidmm->processes) {
		struct penstock_vidmm_process *process =
			penstock_list_entry(link, struct penstock_vidmm_process, link);

		penstock_vidmm_process_abandon(process);
		process->lost = false; /* it begins anew like everybody */
	}
	penstock_vidmm_process_abandon(vidmm->system);
}

/* What one step calls may free others: each is taken from the list before it is its turn. */
static void advance_all(struct penstock_list *placed)
{
	struct penstock_list waiting, *link;

	penstock_list_init(&waiting);
	while ((link = penstock_list_pop(placed)) != NULL) {
		penstock_list_append(&waiting, link);
	}
	while ((link = penstock_list_pop(&waiting)) != NULL) {
		penstock_list_append(placed, link);
		penstock_allocation_advance(
			penstock_list_entry(link, struct penstock_vidmm_allocation, place_link));
	}
}

static void advance_held_up(struct penstock_vidmm *vidmm)
{
	struct penstock_list *link;

	while ((link = penstock_list_pop(&vidmm->held_up)) != NULL) {
		penstock_allocation_advance(
			penstock_list_entry(link, struct penstock_vidmm_allocation, place_link));
	}
}

static void settle(struct penstock_vidmm *vidmm)
{
	penstock_list_for_each_safe (link, &vidmm->processes) {
		penstock_vidmm_process_settle(
			penstock_list_entry(link, struct penstock_vidmm_process, link));
	}
}

uint64_t penstock_vidmm_adapter_reset(struct penstock_vidmm *vidmm)
{
	uint64_t lost = vidmm->counts[PENSTOCK_SEGMENT_LOCAL - 1].lost;

	penstock_vidmm_own_thread(vidmm);
	PENSTOCK_REQUIRE(!vidmm->stopped);
	vidmm->resetting = true;
	abandon(vidmm);
	for (unsigned i = 0; i < PENSTOCK_SEGMENT_COUNT; i++) {
		penstock_list_for_each (link, &vidmm->placed[i]) {
			lose_place(penstock_list_entry(link, struct penstock_vidmm_allocation,
						       place_link));
		}
	}
	vidmm->resetting = false;
	lost = vidmm->counts[PENSTOCK_SEGMENT_LOCAL - 1].lost - lost;
	advance_held_up(vidmm);
	for (unsigned i = 0; i < PENSTOCK_SEGMENT_COUNT; i++) {
		advance_all(&vidmm->placed[i]);
	}
	settle(vidmm);
	penstock_paging_flush(vidmm);
	penstock_vidmm_wake(vidmm);
	return lost;
}
