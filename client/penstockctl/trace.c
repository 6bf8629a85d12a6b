/* SPDX-License-Identifier: MIT */
/*
 * trace: asks for events until it was told to stop, and writes what they were as lanes.
 */
#include "client/penstockctl/chrome.h"
#include "client/penstockctl/commands.h"
#include "proto/wire/frame.h"
#include "proto/wire/trace.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* The daemon keeps many times what it makes in so long. */
#define PAUSE_MS 20

struct tracing {
	struct penstock_connection *connection;
	struct timeline *timeline;
	uint64_t events;
	uint64_t lost;
	bool more; /* the daemon has more already */
};

static bool ask_for_names(struct tracing *tracing)
{
	Penstock__Wire__AdminStatus request = PENSTOCK__WIRE__ADMIN_STATUS__INIT;
	ProtobufCMessage *report = ask(tracing->connection, PENSTOCK_FRAME_ADMIN_STATUS,
				       &request.base, PENSTOCK_FRAME_STATUS_REPORT);
	const Penstock__Wire__StatusReport *status = (const void *)report;

	if (report == NULL) {
		return false;
	}
	for (size_t i = 0; i < status->n_principals; i++) {
		timeline_name(tracing->timeline, status->principals[i]->id,
			      status->principals[i]->name);
	}
	protobuf_c_message_free_unpacked(report, NULL);
	return true;
}

static bool fetch(struct tracing *tracing, enum penstock_trace_action action)
{
	Penstock__Wire__AdminTrace request = PENSTOCK__WIRE__ADMIN_TRACE__INIT;
	const Penstock__Wire__TraceReport *events;
	ProtobufCMessage *report;

	request.action = action;
	report = ask(tracing->connection, PENSTOCK_FRAME_ADMIN_TRACE, &request.base,
		     PENSTOCK_FRAME_TRACE_REPORT);
	if (report == NULL) {
		return false;
	}
	events = (const void *)report;
	for (size_t i = 0; i < events->n_events; i++) {
		timeline_add(tracing->timeline, events->events[i]);
	}
	tracing->events += events->n_events;
	tracing->lost = events->lost;
	tracing->more = events->more;
	protobuf_c_message_free_unpacked(report, NULL);
	return !timeline_wants_names(tracing->timeline) || ask_for_names(tracing);
}

/* Until it is time, or somebody interrupts, or there is more than is kept; then the rest. */
static bool trace(struct tracing *tracing, uint64_t duration_ms)
{
	const uint64_t end_ms = duration_ms == 0 ? UINT64_MAX : watch_now_ms() + duration_ms;
	bool good = fetch(tracing, PENSTOCK_TRACE_START);

	if (good && duration_ms == 0) {
		fprintf(stderr, "penstockctl: tracing until it is interrupted\n");
	}
	while (good && !watch_interrupted() && watch_now_ms() < end_ms &&
	       !timeline_full(tracing->timeline)) {
		if (!tracing->more) {
			watch_pause(PAUSE_MS);
		}
		good = fetch(tracing, PENSTOCK_TRACE_READ);
	}
	good = good && fetch(tracing, PENSTOCK_TRACE_STOP);
	while (good && tracing->more) {
		good = fetch(tracing, PENSTOCK_TRACE_READ);
	}
	return good;
}

static bool tell(const struct tracing *tracing, const struct arguments *arguments)
{
	static const struct column columns[] = {
		{ "file", COLUMN_TEXT },
		{ "events", COLUMN_NUMBER },
		{ "events_lost", COLUMN_NUMBER },
		{ "truncated", COLUMN_YES },
	};
	struct report *report = report_new();
	struct table *table = report_facts(report, "trace", columns, PENSTOCK_ARRAY_SIZE(columns));
	bool written;

	table_text(table, arguments->output);
	table_number(table, tracing->events);
	table_number(table, tracing->lost);
	table_number(table, timeline_full(tracing->timeline));
	written = report_print(report, arguments->json);
	report_free(report);
	return written;
}

static bool complain(const char *path)
{
	fprintf(stderr, "penstockctl: %s: %s\n", path, strerror(errno));
	return false;
}

static bool write_file(const struct tracing *tracing, FILE *file, const char *path)
{
	struct penstock_session_info info;
	const char *server = "";
	bool good;

	if (penstock_connection_info(tracing->connection, &info) == PENSTOCK_STATUS_SUCCESS) {
		server = info.server;
	}
	good = chrome_write(file, tracing->timeline, server, tracing->lost);
	good = fclose(file) == 0 && good;
	return good || complain(path);
}

int serve_trace(struct penstock_connection *connection, const struct arguments *arguments)
{
	struct tracing tracing = { .connection = connection };
	FILE *file = fopen(arguments->output, "we");
	bool good;

	if (file == NULL) {
		(void)complain(arguments->output);
		return EXIT_FAILURE;
	}
	watch_begin();
	tracing.timeline = timeline_new();
	good = trace(&tracing, arguments->duration_ms);
	/* What there is of it is worth keeping, where the daemon went away too. */
	timeline_end(tracing.timeline);
	good = write_file(&tracing, file, arguments->output) && good;
	good = tell(&tracing, arguments) && good;
	timeline_free(tracing.timeline);
	return good ? EXIT_SUCCESS : EXIT_FAILURE;
}
