/* SPDX-License-Identifier: MIT */
/*
 * Timeouts in a window of time: TdrLimitCount in TdrLimitTime. Pure.
 */
#ifndef PENSTOCK_TIMEOUTS_H
#define PENSTOCK_TIMEOUTS_H

#include "proto/base/base.h"

/* The highest TdrLimitCount that can be configured. */
#define PENSTOCK_TIMEOUTS_MOST 64u

/* Zeroed: there was none. */
struct penstock_timeouts {
	uint64_t at_ms[PENSTOCK_TIMEOUTS_MOST]; /* by time, oldest first */
	uint32_t count;                         /* of these: those that may still count */
	uint64_t total;                         /* since the beginning */
};

/*
 * One more. False: with it there are more than `limit` (below PENSTOCK_TIMEOUTS_MOST) within the
 * last `window_ms`.
 */
PENSTOCK_MUST_CHECK
bool penstock_timeouts_add(struct penstock_timeouts *timeouts, uint64_t now_ms, uint32_t limit,
			   uint64_t window_ms);

/* How many of the last `window_ms` there are. */
uint32_t penstock_timeouts_within(struct penstock_timeouts *timeouts, uint64_t now_ms,
				  uint64_t window_ms);

/* Begins anew; the total stays. */
void penstock_timeouts_forget(struct penstock_timeouts *timeouts);

#endif
