/* SPDX-License-Identifier: MIT */
/*
 * Renaming: the instances of an allocation beside its current one. A client names the allocation;
 * which instance that is, is decided here, at the place of each request in its session's order. So
 * once an instance was left no later request can mean it.
 *
 *	            reserve (pages)          take                  rename
 *	(nothing) ----------------> SPARE --------> a transfer's --------> the current one
 *	    ^                        ^  ^---return-------'                       |
 *	    '------trim, the end-----'                                           | left, by the next
 *	                             '--what used it ended, its row is on disk-- LEFT
 *
 * Where no instance can be had at once, a Discard waits like any other upload. Only an allocation
 * that was never shared has more than one: it is one session's, so that one lane goes with each.
 * Instances are charged to whoever pays for the allocation. Loop thread only.
 */
#ifndef PENSTOCK_INSTANCE_H
#define PENSTOCK_INSTANCE_H

#include "daemon/objects/allocation.h"

struct penstock_transfer;

struct penstock_instance {
	struct penstock_list link;                /* penstock_allocation.instances; alone: taken */
	struct penstock_vidmm_allocation *memory; /* counted */
	struct penstock_lane lane; /* LEFT: what of its time is under way; it has no openings */
	uint64_t sequence;         /* of the row that names another instead; 0: no row named it */
	bool reserving;            /* its pages are on their way */
};

/* Nobody uses it, and after a restart nobody would: it may be the next one, or go. */
bool penstock_instance_is_spare(const struct penstock_allocation *allocation,
				const struct penstock_instance *instance);

/*
 * An instance that may become the current one, the caller's until he renames to it or returns it.
 * NULL: there is none now, or the allocation is not one that is renamed.
 */
struct penstock_instance *penstock_instance_take(struct penstock_opening *opening);
void penstock_instance_return(struct penstock_allocation *allocation,
			      struct penstock_instance *instance);

/*
 * The current instance from here on is what the caller took: submissions and transfers so far keep
 * theirs, with their order, all but `newest`, the last of its lane. The request `serial` did it.
 */
void penstock_instance_rename(struct penstock_opening *opening, struct penstock_instance *instance,
			      struct penstock_transfer *newest, uint64_t serial);

/* The lane in which the opening's session uses an instance that is not the current one. */
struct penstock_lane *penstock_instance_lane(struct penstock_allocation *allocation,
					     const struct penstock_vidmm_allocation *memory);

/* Those that nobody uses are given back: all of the principal's, or the allocation's. */
void penstock_instances_trim(struct penstock_principal *principal);
void penstock_instances_drop(struct penstock_allocation *allocation);

/* Where a submission or transfer stands that uses this memory of the opening's allocation. */
static inline struct penstock_lane *
penstock_opening_lane(const struct penstock_opening *opening,
		      const struct penstock_vidmm_allocation *memory)
{
	return PENSTOCK_LIKELY(memory == opening->allocation->memory)
		       ? opening->lane
		       : penstock_instance_lane(opening->allocation, memory);
}

/* What a lane's transfers move bytes of. */
static inline struct penstock_vidmm_allocation *
penstock_lane_memory(const struct penstock_lane *lane)
{
	return lane->instance == NULL ? lane->allocation->memory : lane->instance->memory;
}

#endif
