/* SPDX-License-Identifier: MIT */
/*
 * An allocation: its backing pages, its place in a segment, and how it gets from one to the other.
 * Its states and their drawings are in memory/state.h; `advance` takes the next step towards the
 * goal whenever nothing is under way (`busy`). Loop thread.
 */
#ifndef PENSTOCK_ALLOCATION_H
#define PENSTOCK_ALLOCATION_H

#include "daemon/memory/location.h"
#include "daemon/memory/mapping.h"
#include "daemon/memory/pages.h"
#include "daemon/memory/state.h"
#include "daemon/memory/vidmm.h"

struct penstock_vidmm_allocation {
	struct penstock_vidmm_process *process; /* who pays; borrowed */
	struct penstock_allocation_info info;
	uint64_t size_bytes;               /* whole pages */
	struct penstock_location location; /* where the bytes are: what the record says */
	uint64_t record;
	bool has_record;
	enum penstock_content content;
	bool content_lost;               /* it was, and nobody wrote it since */
	struct penstock_memory_file own; /* id 0: none; backing, then the place in local memory */
	struct penstock_memory_file readable; /* the same file; id 0: nobody only reads it */
	uint64_t references;
	uint64_t last_use; /* penstock_vidmm.uses, at its last submission */
	enum penstock_offer_priority offered;
	uint32_t pins; /* submissions between prepare and finish */
	uint32_t accesses;
	uint32_t locks; /* of these, those that submissions do not wait for */
	enum penstock_place place;
	enum penstock_goal goal;
	uint32_t busy;       /* operations and jobs under way */
	uint32_t segment_id; /* unless NOWHERE */
	uint64_t segment_offset;
	bool local_reserved;               /* its pages in segment 1 are there */
	bool local_refused;                /* they could not be had, the last time */
	struct penstock_file_range *spare; /* to be punched before they are reserved; owned */
	uint32_t spare_count;
	struct penstock_list mappings;    /* penstock_mapping.owner_link */
	struct penstock_list place_link;  /* penstock_vidmm.placed; NOWHERE: none, or held_up */
	struct penstock_list chosen_link; /* prepare's own */
	struct penstock_claim *claim;     /* the strongest that lists it, or NULL */
	struct penstock_list hole_link;   /* penstock_vidmm.holes: a place is kept for it */
	uint32_t hole_segment_id;
	uint64_t hole_offset;
	uint32_t packed_segment_id; /* claim's own */
	uint64_t packed_offset;
	uint64_t part_stamp; /* of the last part that it was counted for */
	struct penstock_pages_request request;
	struct penstock_file_job job;
	struct penstock_paging_operation operation;
	void (*reserved)(void *argument, enum penstock_status status);
	void *reserved_argument;
	void (*shared)(void *argument, enum penstock_status status);
	void *shared_argument;
	bool answering; /* inside of share: its return value is the answer */
	enum penstock_status answer;
};

/* Zeroed, nowhere, one reference; nothing is charged or reserved. NULL: no memory. */
struct penstock_vidmm_allocation *
penstock_allocation_make(struct penstock_vidmm_process *process,
			 const struct penstock_allocation_info *info);

/* Its process pays for it no more. */
void penstock_allocation_uncharge(const struct penstock_vidmm_allocation *allocation);

/* The GPU address, 0 where it is nowhere. */
uint64_t penstock_allocation_address(const struct penstock_vidmm_allocation *allocation);

/*
 * The one place where an address is resolved: which file, and where in it, the bytes at `offset`
 * of the allocation are while it is in `segment_id` (0: system memory).
 */
const struct penstock_memory_file *
penstock_allocation_resolve(const struct penstock_vidmm_allocation *allocation, uint32_t segment_id,
			    uint64_t offset, uint64_t *ret_file_offset);

/* The segments that it may be in, best first, 0 where there is none more. */
void penstock_allocation_permitted(const struct penstock_vidmm_allocation *allocation,
				   uint32_t ret_segments[PENSTOCK_SEGMENT_COUNT]);

/* Takes a range of the segment for it. SUCCESS or GRAPHICS_NO_VIDEO_MEMORY. */
PENSTOCK_MUST_CHECK
enum penstock_status penstock_allocation_choose(struct penstock_vidmm_allocation *allocation,
						uint32_t segment_id);

/* The same, of that range: somebody may be there still. */
PENSTOCK_MUST_CHECK
enum penstock_status penstock_allocation_choose_at(struct penstock_vidmm_allocation *allocation,
						   uint32_t segment_id, uint64_t offset);
void penstock_allocation_undo(struct penstock_vidmm_allocation *allocation);

/* CHOSEN: begins to bring the content there. */
void penstock_allocation_begin(struct penstock_vidmm_allocation *allocation);

/* Whether a submission of that process may address it as it is; `write`: to write it. */
bool penstock_allocation_ready(struct penstock_vidmm_allocation *allocation,
			       const struct penstock_vidmm_process *process, bool write);

/*
 * RESIDENT: makes it addressable in the process, without `write` for reading only where another
 * principal pays. SUCCESS; PENDING; GRAPHICS_NO_VIDEO_MEMORY: the
 * process's page table is full; NO_MEMORY.
 */
PENSTOCK_MUST_CHECK
enum penstock_status penstock_allocation_map(struct penstock_vidmm_allocation *allocation,
					     struct penstock_vidmm_process *process, bool write);

/* Opens its own file (aN) and lets the system process address it. SUCCESS, NOT_FOUND, NO_MEMORY. */
PENSTOCK_MUST_CHECK
enum penstock_status penstock_allocation_open_own(struct penstock_vidmm_allocation *allocation,
						  enum penstock_file_open how);

/* Closes it again; `remove`: for good. Nothing happens where it has none. */
void penstock_allocation_close_own(struct penstock_vidmm_allocation *allocation, bool remove);

/* Frees a mapping of an allocation that is not in use by the process any more. */
void penstock_allocation_mapping_free(struct penstock_mapping *mapping);

/* A submission or an access may write it from here on. */
static inline void penstock_allocation_written(struct penstock_vidmm_allocation *allocation)
{
	enum penstock_content content =
		allocation->location.local ? PENSTOCK_CONTENT_DIRTY : PENSTOCK_CONTENT_CURRENT;

	allocation->content_lost = false;
	if (PENSTOCK_UNLIKELY(allocation->content != content)) {
		(void)penstock_allocation_move_content(allocation, content);
	}
}

/*
 * Contents that were lost are zeros: makes the backing pages so. True: they are. Otherwise it is
 * under way (`busy`).
 */
bool penstock_allocation_zeroed(struct penstock_vidmm_allocation *allocation);

/*
 * The content is in segment 1 and does not go back: says where it counts from here on. Where the
 * backing pages do not have it, it is lost.
 */
void penstock_allocation_drop_local(struct penstock_vidmm_allocation *allocation);

/* It is in the segment that it was chosen for. */
void penstock_allocation_enter(struct penstock_vidmm_allocation *allocation);

/* Takes the next step towards the goal; may free the allocation. */
void penstock_allocation_advance(struct penstock_vidmm_allocation *allocation);

#endif
