/* SPDX-License-Identifier: MIT */
#include "daemon/memory/hole.h"

#include <stdlib.h>

enum penstock_status penstock_hole_map_init(struct penstock_hole_map *map, uint32_t count)
{
	*map = (struct penstock_hole_map){ .count = count };
	map->granules = calloc(count, sizeof(*map->granules));
	map->window = calloc(count, sizeof(*map->window));
	if (map->granules == NULL || map->window == NULL) {
		penstock_hole_map_fini(map);
		return PENSTOCK_STATUS_NO_MEMORY;
	}
	return PENSTOCK_STATUS_SUCCESS;
}

void penstock_hole_map_fini(struct penstock_hole_map *map)
{
	free(map->granules);
	free(map->window);
	*map = (struct penstock_hole_map){ 0 };
}

static void set_all(struct penstock_hole_map *map, uint32_t start, uint32_t count, uint64_t rank)
{
	for (uint32_t i = start; i < start + count; i++) {
		map->granules[i] = (struct penstock_granule_worth){ .worth = { .rank = rank } };
	}
}

void penstock_hole_map_clear(struct penstock_hole_map *map)
{
	set_all(map, 0, map->count, PENSTOCK_RANK_NEVER);
}

void penstock_hole_map_free(struct penstock_hole_map *map, uint32_t start, uint32_t count)
{
	set_all(map, start, count, PENSTOCK_RANK_FREE);
}

void penstock_hole_map_occupy(struct penstock_hole_map *map, uint32_t start, uint32_t count,
			      struct penstock_worth worth)
{
	bool victim = worth.rank >= PENSTOCK_RANK_LOWEST;

	for (uint32_t i = start; i < start + count; i++) {
		struct penstock_granule_worth *granule = &map->granules[i];

		if (penstock_worth_less(&granule->worth, &worth)) {
			granule->worth = worth;
		}
		granule->begins += victim && i == start;
		granule->goes_on += victim && i > start;
	}
}

/* What a run costs. */
struct cost {
	const struct penstock_worth *worth;
	uint32_t victims;
};

static bool cheaper(const struct cost *a, const struct cost *b)
{
	if (penstock_worth_less(a->worth, b->worth)) {
		return true;
	}
	return !penstock_worth_less(b->worth, a->worth) && a->victims < b->victims;
}

/*
 * One pass: `window` holds those granules of the run that could still be the most valuable one of
 * a later run, the most valuable first.
 */
bool penstock_hole_find(const struct penstock_hole_map *map, uint32_t wanted, uint64_t most,
			uint32_t *ret_start)
{
	const struct penstock_granule_worth *granules = map->granules;
	uint32_t first = 0, last = 0, begins = 0;
	struct cost best = { NULL, 0 };

	for (uint32_t end = 0; end < map->count; end++) {
		uint32_t start = end + 1 - wanted;
		struct cost cost;

		while (last > first &&
		       !penstock_worth_less(&granules[end].worth,
					    &granules[map->window[last - 1]].worth)) {
			last--;
		}
		map->window[last++] = end;
		begins += granules[end].begins;
		if (end + 1 < wanted) {
			continue;
		}
		if (map->window[first] < start) {
			first++;
		}
		cost = (struct cost){ &granules[map->window[first]].worth,
				      begins + granules[start].goes_on };
		if (cost.worth->rank <= most && (best.worth == NULL || cheaper(&cost, &best))) {
			best = cost;
			*ret_start = start;
		}
		begins -= granules[start].begins;
	}
	return best.worth != NULL;
}
