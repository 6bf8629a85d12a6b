/* SPDX-License-Identifier: MIT */
/*
 * Where room for an allocation is made: a segment as a row of granules, each with what it is worth
 * to those who have something there. Pure; any thread, one at a time.
 *
 * Ranges are contiguous, so victims are chosen by the hole that they make: of all runs of granules
 * that are long enough, the one whose most valuable victim is worth least; of these the one with
 * the fewest victims; of these the lowest. So nobody leaves for whom somebody who is worth less
 * would have been enough, and no more leave than that run needs. What is free already, or on its
 * way to be, costs least, so that a choice that is made again while its victims leave is the same.
 */
#ifndef PENSTOCK_HOLE_H
#define PENSTOCK_HOLE_H

#include "proto/base/base.h"
#include "proto/wire/status.h"

/* Compared in this order. */
struct penstock_worth {
	uint64_t rank;
	uint64_t last_use;
};

#define PENSTOCK_RANK_FREE    0u
#define PENSTOCK_RANK_LEAVING 1u /* is going to be free whatever is chosen: no victim */
#define PENSTOCK_RANK_LOWEST  2u /* of a victim */
#define PENSTOCK_RANK_NEVER   UINT64_MAX

struct penstock_granule_worth {
	struct penstock_worth worth; /* of the most valuable that is there */
	uint32_t begins;             /* victims whose first granule it is */
	uint32_t goes_on;            /* victims that have the granule before too */
};

struct penstock_hole_map {
	uint32_t count;
	struct penstock_granule_worth *granules; /* [count]; owned */
	uint32_t *window;                        /* [count]: scratch; owned */
};

/* SUCCESS or NO_MEMORY. */
PENSTOCK_MUST_CHECK
enum penstock_status penstock_hole_map_init(struct penstock_hole_map *map, uint32_t count);

/* Accepts a zeroed object. */
void penstock_hole_map_fini(struct penstock_hole_map *map);

/* Every granule can never be had. */
void penstock_hole_map_clear(struct penstock_hole_map *map);

/* These are free. */
void penstock_hole_map_free(struct penstock_hole_map *map, uint32_t start, uint32_t count);

/* Somebody has these, maybe beside others. */
void penstock_hole_map_occupy(struct penstock_hole_map *map, uint32_t start, uint32_t count,
			      struct penstock_worth worth);

/* The run of `wanted` granules > 0; no victim has a rank above `most`. False: there is none. */
PENSTOCK_MUST_CHECK
bool penstock_hole_find(const struct penstock_hole_map *map, uint32_t wanted, uint64_t most,
			uint32_t *ret_start);

static inline bool penstock_worth_less(const struct penstock_worth *a,
				       const struct penstock_worth *b)
{
	return a->rank != b->rank ? a->rank < b->rank : a->last_use < b->last_use;
}

#endif
