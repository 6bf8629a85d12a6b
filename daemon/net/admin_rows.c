/* SPDX-License-Identifier: MIT */
/*
 * The reports that are rows of one kind: what each is called on the wire, and who collects its
 * rows.
 */
#include "daemon/net/admin.h"

#include <string.h>

/* Offsets are those of fields of the answer's message. */
struct row_report {
	enum penstock_frame_type request, answer;
	const ProtobufCMessageDescriptor *descriptor;
	size_t count, rows;
	size_t truncated; /* 0: there is always room for all */
	size_t time_ns;   /* 0: it has none */
	penstock_admin_collect *collect;
};

#define FIELD(Message, field) offsetof(Penstock__Wire__##Message, field)

#define REPORT(REQUEST, ANSWER, Message, message, field, function)                                 \
	.request = PENSTOCK_FRAME_ADMIN_##REQUEST, .answer = PENSTOCK_FRAME_##ANSWER,              \
	.descriptor = &penstock__wire__##message##__descriptor,                                    \
	.count = FIELD(Message, n_##field), .rows = FIELD(Message, field),                         \
	.collect = penstock_admin_collect_##function

static const struct row_report reports[] = {
	{ REPORT(SESSIONS, SESSION_REPORT, SessionReport, session_report, sessions, sessions),
	  .truncated = FIELD(SessionReport, truncated) },
	{ REPORT(CONTEXTS, CONTEXT_REPORT, ContextReport, context_report, contexts, contexts),
	  .truncated = FIELD(ContextReport, truncated), .time_ns = FIELD(ContextReport, time_ns) },
	{ REPORT(ALLOCATIONS, ALLOCATION_REPORT, AllocationReport, allocation_report, allocations,
		 allocations),
	  .truncated = FIELD(AllocationReport, truncated) },
	{ REPORT(SEGMENTS, SEGMENT_REPORT, SegmentReport, segment_report, segments, segments) },
	{ REPORT(PLACES, PLACE_REPORT, PlaceReport, place_report, places, places),
	  .truncated = FIELD(PlaceReport, truncated) },
	{ REPORT(QUEUES, QUEUE_REPORT, QueueReport, queue_report, nodes, queues) },
};

/* Any of the messages: a base, and a few counts and addresses. */
union message {
	Penstock__Wire__SessionReport sessions;
	Penstock__Wire__ContextReport contexts;
	Penstock__Wire__AllocationReport allocations;
	Penstock__Wire__SegmentReport segments;
	Penstock__Wire__PlaceReport places;
	Penstock__Wire__QueueReport queues;
	ProtobufCMessage base;
	uint8_t bytes[1];
};

static const struct row_report *find(uint16_t request)
{
	const struct row_report *report = reports;

	while (report->request != request) {
		report++;
		/* The dispatch table sends nothing else here. */
		PENSTOCK_REQUIRE(report < reports + PENSTOCK_ARRAY_SIZE(reports));
	}
	return report;
}

static void fill(const struct row_report *report, const struct penstock_machine *machine,
		 const struct penstock_rows *rows, uint8_t *message)
{
	const size_t count = rows->count;
	const protobuf_c_boolean truncated = rows->truncated;
	struct penstock_machine_view view;

	memcpy(message + report->count, &count, sizeof(count));
	memcpy(message + report->rows, &rows->addresses, sizeof(rows->addresses));
	if (report->truncated != 0) {
		memcpy(message + report->truncated, &truncated, sizeof(truncated));
	}
	if (report->time_ns != 0) {
		penstock_observe_machine(machine, &view);
		memcpy(message + report->time_ns, &view.time_ns, sizeof(view.time_ns));
	}
}

void penstock_handle_admin_rows(struct penstock_call *call)
{
	const struct row_report *report = find(call->frame->type);
	const struct penstock_machine *machine = penstock_admin_machine(call);
	struct penstock_rows rows;
	union message message;

	protobuf_c_message_init(report->descriptor, &message);
	penstock_rows_init(&rows);
	if (report->collect(machine, &rows) != PENSTOCK_STATUS_SUCCESS) {
		penstock_admin_refuse_stopped(call);
	} else {
		fill(report, machine, &rows, message.bytes);
		penstock_admin_answer(call, &rows, report->answer, &message.base);
	}
	penstock_rows_fini(&rows);
}
