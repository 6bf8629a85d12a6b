/* SPDX-License-Identifier: MIT */
/*
 * Whether to look for news for a while before sleeping. Looking saves the cost of a wake-up where
 * news come soon and another processor brings them; where they do not, or where somebody else
 * needs the processor, it costs more than it saves. So each failure forbids looking for twice as
 * long as the one before, and a run of successes is trusted again.
 */
#ifndef PENSTOCK_PATIENCE_H
#define PENSTOCK_PATIENCE_H

#include "proto/base/base.h"

#include <time.h>

/* How long it is looked for news: what a wake-up of another processor costs, or two. */
#define PENSTOCK_PATIENCE_LOOK_NS 50000u

/* Looking took so long: somebody else had the processor. */
#define PENSTOCK_PATIENCE_DISTURBED_NS (4u * PENSTOCK_PATIENCE_LOOK_NS)

#define PENSTOCK_PATIENCE_FIRST_NS 2000000u
#define PENSTOCK_PATIENCE_LAST_NS  1000000000u
#define PENSTOCK_PATIENCE_TRUST    32u

struct penstock_patience {
	uint64_t not_before_ns;
	uint64_t penalty_ns; /* of the last failure; 0: trusted */
	uint32_t successes;  /* since then */
};

/* The time that the others are given as `now_ns`. */
static inline uint64_t penstock_patience_now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static inline bool penstock_patience_allows(const struct penstock_patience *patience,
					    uint64_t now_ns)
{
	return now_ns >= patience->not_before_ns;
}

/* Nothing came. */
static inline void penstock_patience_failed(struct penstock_patience *patience, uint64_t now_ns)
{
	patience->penalty_ns =
		patience->penalty_ns == 0 ? PENSTOCK_PATIENCE_FIRST_NS : patience->penalty_ns * 2;
	if (patience->penalty_ns > PENSTOCK_PATIENCE_LAST_NS) {
		patience->penalty_ns = PENSTOCK_PATIENCE_LAST_NS;
	}
	patience->not_before_ns = now_ns + patience->penalty_ns;
	patience->successes = 0;
}

/* News came after `took_ns` of looking. */
static inline void penstock_patience_paid(struct penstock_patience *patience, uint64_t now_ns,
					  uint64_t took_ns)
{
	if (took_ns > PENSTOCK_PATIENCE_DISTURBED_NS) {
		penstock_patience_failed(patience, now_ns);
	} else if (++patience->successes >= PENSTOCK_PATIENCE_TRUST) {
		patience->penalty_ns = 0;
	}
}

#endif
