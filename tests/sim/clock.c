/* SPDX-License-Identifier: MIT */
#include "tests/sim/clock.h"

#include <stdlib.h>
#include <string.h>

void sim_clock_fini(struct sim_clock *clock)
{
	free(clock->heap);
	*clock = (struct sim_clock){ .heap = NULL };
}

static bool before(const struct sim_event *a, const struct sim_event *b)
{
	return a->at_ns != b->at_ns ? a->at_ns < b->at_ns : a->number < b->number;
}

static void rise(struct sim_event *heap, size_t at)
{
	struct sim_event event = heap[at];

	for (; at > 0 && before(&event, &heap[(at - 1) / 2]); at = (at - 1) / 2) {
		heap[at] = heap[(at - 1) / 2];
	}
	heap[at] = event;
}

static void sink(struct sim_event *heap, size_t count, size_t at)
{
	struct sim_event event = heap[at];
	size_t child;

	while ((child = 2 * at + 1) < count) {
		child += child + 1 < count && before(&heap[child + 1], &heap[child]);
		if (!before(&heap[child], &event)) {
			break;
		}
		heap[at] = heap[child];
		at = child;
	}
	heap[at] = event;
}

void sim_clock_after(struct sim_clock *clock, uint64_t delay_ns, sim_event_run run, void *owner,
		     const uint64_t arguments[3])
{
	struct sim_event *event;

	if (clock->count == clock->capacity) {
		clock->capacity = clock->capacity == 0 ? 64 : 2 * clock->capacity;
		clock->heap = reallocarray(clock->heap, clock->capacity, sizeof(*clock->heap));
		PENSTOCK_REQUIRE(clock->heap != NULL);
	}
	event = &clock->heap[clock->count++];
	*event = (struct sim_event){
		.at_ns = clock->now_ns + delay_ns,
		.number = clock->number++,
		.run = run,
		.owner = owner,
	};
	if (arguments != NULL) {
		memcpy(event->arguments, arguments, sizeof(event->arguments));
	}
	rise(clock->heap, clock->count - 1);
}

bool sim_clock_step(struct sim_clock *clock)
{
	struct sim_event event;

	if (clock->count == 0) {
		return false;
	}
	event = clock->heap[0];
	clock->heap[0] = clock->heap[--clock->count];
	if (clock->count > 0) {
		sink(clock->heap, clock->count, 0);
	}
	clock->now_ns = event.at_ns;
	event.run(event.owner, event.arguments);
	return true;
}
