/* SPDX-License-Identifier: MIT */
#include "daemon/objects/timeouts.h"

#include <string.h>

static void drop_oldest(struct penstock_timeouts *timeouts, uint32_t count)
{
	timeouts->count -= count;
	memmove(timeouts->at_ms, timeouts->at_ms + count,
		timeouts->count * sizeof(timeouts->at_ms[0]));
}

uint32_t penstock_timeouts_within(struct penstock_timeouts *timeouts, uint64_t now_ms,
				  uint64_t window_ms)
{
	uint32_t old = 0;

	while (old < timeouts->count && now_ms - timeouts->at_ms[old] >= window_ms) {
		old++;
	}
	drop_oldest(timeouts, old);
	return timeouts->count;
}

bool penstock_timeouts_add(struct penstock_timeouts *timeouts, uint64_t now_ms, uint32_t limit,
			   uint64_t window_ms)
{
	if (penstock_timeouts_within(timeouts, now_ms, window_ms) == PENSTOCK_TIMEOUTS_MOST) {
		drop_oldest(timeouts, 1);
	}
	timeouts->at_ms[timeouts->count++] = now_ms;
	timeouts->total++;
	return timeouts->count <= limit;
}

void penstock_timeouts_forget(struct penstock_timeouts *timeouts)
{
	timeouts->count = 0;
}
