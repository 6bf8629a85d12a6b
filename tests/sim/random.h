/* SPDX-License-Identifier: MIT */
/* The only source of chance of a run: splitmix64, whose state is the seed at first. */
#ifndef PENSTOCK_SIM_RANDOM_H
#define PENSTOCK_SIM_RANDOM_H

#include "proto/base/base.h"

struct sim_random {
	uint64_t state;
};

static inline uint64_t sim_mix(uint64_t value)
{
	value = (value ^ value >> 30) * 0xbf58476d1ce4e5b9ull;
	value = (value ^ value >> 27) * 0x94d049bb133111ebull;
	return value ^ value >> 31;
}

static inline uint64_t sim_next(struct sim_random *random)
{
	random->state += 0x9e3779b97f4a7c15ull;
	return sim_mix(random->state);
}

/* 0 to below - 1; below > 0. */
static inline uint32_t sim_below(struct sim_random *random, uint32_t below)
{
	return (uint32_t)((sim_next(random) >> 32) * below >> 32);
}

/* low to high, both of them. */
static inline uint64_t sim_between(struct sim_random *random, uint64_t low, uint64_t high)
{
	return low + sim_next(random) % (high - low + 1);
}

/* Likewise, each order of magnitude as likely as another; low > 0. */
static inline uint64_t sim_spread(struct sim_random *random, uint64_t low, uint64_t high)
{
	uint32_t magnitudes = (uint32_t)(__builtin_clzll(low) - __builtin_clzll(high));
	uint64_t from = low << sim_below(random, magnitudes + 1);

	from = from < high ? from : high;
	return sim_between(random, from, 2 * from < high ? 2 * from : high);
}

static inline bool sim_chance(struct sim_random *random, uint32_t per_mille)
{
	return per_mille > 0 && sim_below(random, 1000) < per_mille;
}

#endif
