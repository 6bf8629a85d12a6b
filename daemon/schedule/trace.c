/* SPDX-License-Identifier: MIT */
#include "daemon/schedule/trace.h"

#include "proto/wire/limits.h"

#include <stdlib.h>

void penstock_trace_init(struct penstock_trace *trace)
{
	*trace = (struct penstock_trace){ .on = false };
}

void penstock_trace_fini(struct penstock_trace *trace)
{
	free(trace->events);
	penstock_trace_init(trace);
}

enum penstock_status penstock_trace_start(struct penstock_trace *trace)
{
	penstock_trace_fini(trace);
	trace->events = calloc(PENSTOCK_LIMIT_TRACE_EVENTS, sizeof(*trace->events));
	trace->on = trace->events != NULL;
	return trace->on ? PENSTOCK_STATUS_SUCCESS : PENSTOCK_STATUS_NO_MEMORY;
}

void penstock_trace_stop(struct penstock_trace *trace)
{
	trace->draining = trace->events != NULL;
	trace->on = false;
}

static void append(struct penstock_trace *trace, const struct penstock_trace_event *event)
{
	trace->events[(trace->first + trace->count++) % PENSTOCK_LIMIT_TRACE_EVENTS] = *event;
}

void penstock_trace_add(struct penstock_trace *trace, const struct penstock_trace_event *event)
{
	const uint32_t wanted = trace->lost_now > 0 ? 2 : 1;

	if (PENSTOCK_LIMIT_TRACE_EVENTS - trace->count < wanted) {
		trace->lost++;
		trace->lost_now++;
		return;
	}
	if (trace->lost_now > 0) {
		append(trace, &(struct penstock_trace_event){
				      .kind = PENSTOCK_TRACE_LOST,
				      .time_ns = event->time_ns,
				      .value = trace->lost_now,
			      });
		trace->lost_now = 0;
	}
	append(trace, event);
}

bool penstock_trace_take(struct penstock_trace *trace, struct penstock_trace_event *ret_event)
{
	if (trace->count == 0) {
		if (trace->draining) {
			penstock_trace_fini(trace);
		}
		return false;
	}
	*ret_event = trace->events[trace->first];
	trace->first = (trace->first + 1) % PENSTOCK_LIMIT_TRACE_EVENTS;
	trace->count--;
	return true;
}
