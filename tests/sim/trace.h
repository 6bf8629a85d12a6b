/* SPDX-License-Identifier: MIT */
/*
 * What happened in a run: a hash of all of it, and the last events as text. An event is a literal
 * that says what its numbers are ("submit process,node,fence").
 */
#ifndef PENSTOCK_SIM_TRACE_H
#define PENSTOCK_SIM_TRACE_H

#include "proto/base/base.h"

#include <stdio.h>

#define SIM_TRACE_KEPT    128u
#define SIM_TRACE_NUMBERS 5u

struct sim_trace_event {
	uint64_t at_ns;
	const char *what;
	uint64_t numbers[SIM_TRACE_NUMBERS];
};

struct sim_trace {
	uint64_t hash;
	uint64_t count;
	FILE *whole; /* borrowed: each event is printed when it happens. NULL: none is */
	struct sim_trace_event kept[SIM_TRACE_KEPT];
};

void sim_trace_add(struct sim_trace *trace, uint64_t at_ns, const char *what,
		   const uint64_t numbers[SIM_TRACE_NUMBERS]);

/* The events that are kept, the oldest first. */
void sim_trace_print(const struct sim_trace *trace, FILE *file);

#define SIM_TRACE(sim, what, ...)                                                                  \
	sim_trace_add(&(sim)->trace, (sim)->clock.now_ns, what,                                    \
		      (const uint64_t[SIM_TRACE_NUMBERS]){ __VA_ARGS__ })

#endif
