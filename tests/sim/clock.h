/* SPDX-License-Identifier: MIT */
/*
 * Virtual time: a queue of what happens when. Nothing else passes time. Two events of the same
 * nanosecond happen in the order in which they were put in.
 */
#ifndef PENSTOCK_SIM_CLOCK_H
#define PENSTOCK_SIM_CLOCK_H

#include "proto/base/base.h"

typedef void (*sim_event_run)(void *owner, const uint64_t arguments[3]);

struct sim_event {
	uint64_t at_ns;
	uint64_t number; /* how many were put in before it */
	sim_event_run run;
	void *owner;
	uint64_t arguments[3];
};

struct sim_clock {
	uint64_t now_ns;
	uint64_t number;
	struct sim_event *heap; /* [count], owned */
	size_t count;
	size_t capacity;
};

void sim_clock_fini(struct sim_clock *clock);

void sim_clock_after(struct sim_clock *clock, uint64_t delay_ns, sim_event_run run, void *owner,
		     const uint64_t arguments[3]);

/* What is next happens, and it is then. False: there is nothing. */
bool sim_clock_step(struct sim_clock *clock);

#endif
