/* SPDX-License-Identifier: MIT */
#include "tests/sim/trace.h"

#include "tests/sim/random.h"

#include <inttypes.h>
#include <string.h>

static void print_event(const struct sim_trace_event *event, FILE *file)
{
	const char *names = strchr(event->what, ' ');
	size_t numbers = 0;

	fprintf(file, "%12" PRIu64 " %s", event->at_ns, event->what);
	for (; names != NULL; names = strchr(names + 1, ',')) {
		numbers++;
	}
	for (size_t i = 0; i < numbers; i++) {
		fprintf(file, " %" PRIu64, event->numbers[i]);
	}
	fputc('\n', file);
}

static void add(struct sim_trace *trace, uint64_t number)
{
	trace->hash = sim_mix(trace->hash + number + 0x9e3779b97f4a7c15ull);
}

void sim_trace_add(struct sim_trace *trace, uint64_t at_ns, const char *what,
		   const uint64_t numbers[SIM_TRACE_NUMBERS])
{
	struct sim_trace_event *event = &trace->kept[trace->count++ % SIM_TRACE_KEPT];

	*event = (struct sim_trace_event){ .at_ns = at_ns, .what = what };
	memcpy(event->numbers, numbers, sizeof(event->numbers));
	add(trace, at_ns);
	for (const char *at = what; *at != '\0' && *at != ' '; at++) {
		add(trace, (uint64_t)*at);
	}
	for (size_t i = 0; i < SIM_TRACE_NUMBERS; i++) {
		add(trace, numbers[i]);
	}
	if (trace->whole != NULL) {
		print_event(event, trace->whole);
	}
}

void sim_trace_print(const struct sim_trace *trace, FILE *file)
{
	uint64_t first = trace->count > SIM_TRACE_KEPT ? trace->count - SIM_TRACE_KEPT : 0;

	for (uint64_t i = first; i < trace->count; i++) {
		print_event(&trace->kept[i % SIM_TRACE_KEPT], file);
	}
}
