/* SPDX-License-Identifier: MIT */
/*
 * What happens on the way from a context's queue to the nodes and back, as events of a fixed size
 * in a bounded ring, while somebody traces.
 *
 *	OFF --start--> ON --stop--> DRAINING --read to its end--> OFF
 *
 * While OFF, who has something to tell looks at one byte. While ON, a full ring loses what comes,
 * counts it, and tells how much it was in an event of its own as soon as there is room again:
 * whoever reads slowly holds nobody up. One reader at a time. Loop thread only.
 */
#ifndef PENSTOCK_TRACE_H
#define PENSTOCK_TRACE_H

#include "proto/base/base.h"
#include "proto/wire/status.h"
#include "proto/wire/trace.h"

struct penstock_trace_event {
	uint64_t time_ns; /* monotonic */
	uint64_t process; /* the principal's number; 0: the system process, or none */
	uint64_t context; /* its id; 0: none */
	uint64_t serial;  /* of the submission */
	uint64_t value;
	uint64_t other;
	uint32_t pass;
	uint32_t fence_id;
	uint16_t adapter;
	uint8_t node;
	uint8_t kind;
};

struct penstock_trace {
	bool on;
	bool draining;
	struct penstock_trace_event *events; /* owned: [PENSTOCK_LIMIT_TRACE_EVENTS]; NULL: OFF */
	uint32_t first;
	uint32_t count;
	uint64_t lost;     /* since the start */
	uint64_t lost_now; /* since the last one that found room */
};

void penstock_trace_init(struct penstock_trace *trace);
void penstock_trace_fini(struct penstock_trace *trace);

/* SUCCESS; NO_MEMORY. What was left of an earlier trace is forgotten. */
PENSTOCK_MUST_CHECK
enum penstock_status penstock_trace_start(struct penstock_trace *trace);

/* Nothing is added any more; what is there can still be read. */
void penstock_trace_stop(struct penstock_trace *trace);

static inline bool penstock_trace_on(const struct penstock_trace *trace)
{
	return PENSTOCK_UNLIKELY(trace->on);
}

/* ON: one more, or one more lost. */
void penstock_trace_add(struct penstock_trace *trace, const struct penstock_trace_event *event);

/* Takes the oldest. False: there is none; after a stop its memory is given back then. */
bool penstock_trace_take(struct penstock_trace *trace, struct penstock_trace_event *ret_event);

#endif
