/* SPDX-License-Identifier: MIT */
/*
 * Room in a segment for an allocation: what is free, and what can be made free. A hole is a range
 * that is kept for one allocation until those who are in it have left. Loop thread.
 *
 *	allocation without place --make--> hole, victims LEAVING --enter--> CHOSEN
 *	                                    '--forget: its claim ended, or a stronger one took it
 */
#ifndef PENSTOCK_ROOM_H
#define PENSTOCK_ROOM_H

#include "daemon/memory/allocation.h"

struct penstock_claim;
struct penstock_hole_map;

/* Who has used nothing for so long has no share of a segment: others' victims are its own first. */
#define PENSTOCK_SHARE_IDLE_NS 1000000000ull

/*
 * A place where nobody has to leave, in no hole. SUCCESS: it is CHOSEN.
 * GRAPHICS_NO_VIDEO_MEMORY.
 */
PENSTOCK_MUST_CHECK
enum penstock_status penstock_room_take(struct penstock_vidmm_allocation *allocation,
					uint32_t segment_id);

/*
 * Chooses victims, who leave from now on, and keeps the hole that they make. SUCCESS: it has one.
 * GRAPHICS_NO_VIDEO_MEMORY: what the claim must not touch is in the way.
 */
PENSTOCK_MUST_CHECK
enum penstock_status penstock_room_make(struct penstock_claim *claim,
					struct penstock_vidmm_allocation *allocation,
					uint32_t segment_id);

static inline bool penstock_room_has_hole(const struct penstock_vidmm_allocation *allocation)
{
	return !penstock_list_empty(&allocation->hole_link);
}

/* Has a hole. SUCCESS: everybody has left it, and it is CHOSEN. PENDING. */
PENSTOCK_MUST_CHECK
enum penstock_status penstock_room_enter(struct penstock_vidmm_allocation *allocation);

/* The range is its hole, whoever is there; weaker claims lose theirs. */
void penstock_room_keep(struct penstock_claim *claim, struct penstock_vidmm_allocation *allocation,
			uint32_t segment_id, uint64_t offset);

/* It has a place and its goal is KEEP: it leaves as soon as nobody uses it. */
void penstock_room_leave(struct penstock_vidmm_allocation *allocation);

/* All who are in these bytes of the segment leave, but those whom the claim has where they are. */
void penstock_room_clear(struct penstock_claim *claim, uint32_t segment_id, uint64_t offset,
			 uint64_t size_bytes);

/*
 * Priority MAXIMUM is soft-pinned: against what its own principal submits, and against others as
 * long as that holds no more than its share. It leaves for a claim only where the submission is
 * split to its minimum and there is no other room. Looked at by `clear` and `make`, and by whoever
 * packs: `share` says for both segments who holds how much.
 */
void penstock_room_share(const struct penstock_claim *claim);
bool penstock_room_is_soft_pinned(const struct penstock_claim *claim,
				  const struct penstock_vidmm_allocation *allocation);

/* What the claim may use of the segment is free in it, whoever is there, and nothing else. */
struct penstock_hole_map *penstock_room_beside_pinned(const struct penstock_claim *claim,
						      uint32_t segment_id);

/* Its hole is kept no more, if it has one. */
void penstock_room_forget(struct penstock_vidmm_allocation *allocation);

#endif
