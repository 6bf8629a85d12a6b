/* SPDX-License-Identifier: MIT */
#include "daemon/net/dispatch.h"

#include "daemon/net/admin.h"
#include "proto/wire/budget.h"
#include "proto/wire/penstock.pb-c.h"

#include <stdio.h>

/* More than any message of ours needs; room for fields that a later minor version adds. */
#define SMALL_BYTES 1024u
#define HELLO_BYTES 4096u

#define REQUEST(number, message, function, minimum, maximum, payload_kind, who)                    \
	[PENSTOCK_FRAME_##number] = { .descriptor = &penstock__wire__##message##__descriptor,      \
				      .handle = function,                                          \
				      .message_min = minimum,                                      \
				      .message_max = maximum,                                      \
				      .payload = PENSTOCK_PAYLOAD_##payload_kind,                  \
				      .role = PENSTOCK_ROLE_##who,                                 \
				      .many = PENSTOCK_FRAME_##number == PENSTOCK_FRAME_SUBMIT }

/* The smallest sizes are of messages that can be right: a name takes nine bytes. */
static const struct penstock_dispatch_row rows[] = {
	REQUEST(HELLO, hello, penstock_handle_hello, 0, HELLO_BYTES, NONE, HELLO),
	REQUEST(CREATE_DEVICE, create_device, penstock_handle_create_device, 0, SMALL_BYTES, NONE,
		SESSION),
	REQUEST(CREATE_CONTEXT, create_context, penstock_handle_create_context, 0, SMALL_BYTES,
		NONE, SESSION),
	REQUEST(CREATE_ALLOCATION, create_allocation, penstock_handle_create_allocation, 0,
		SMALL_BYTES, NONE, SESSION),
	REQUEST(CREATE_PIPELINE, create_pipeline, penstock_handle_create_pipeline, 0,
		PENSTOCK_LIMIT_MESSAGE_BYTES, WHOLE, SESSION),
	REQUEST(SHARE_ALLOCATION, share_allocation, penstock_handle_share_allocation, 0,
		SMALL_BYTES, NONE, SESSION),
	REQUEST(OPEN_ALLOCATION, open_allocation, penstock_handle_open_allocation, 0, SMALL_BYTES,
		NONE, SESSION),
	REQUEST(CREATE_SYNC_OBJECT, create_sync_object, penstock_handle_create_sync_object, 0,
		SMALL_BYTES, NONE, SESSION),
	REQUEST(SHARE_SYNC_OBJECT, share_sync_object, penstock_handle_share_sync_object, 0,
		SMALL_BYTES, NONE, SESSION),
	REQUEST(OPEN_SYNC_OBJECT, open_sync_object, penstock_handle_open_sync_object, 0,
		SMALL_BYTES, NONE, SESSION),
	REQUEST(QUERY_SYNC_OBJECT, query_sync_object, penstock_handle_query_sync_object, 0,
		SMALL_BYTES, NONE, SESSION),
	REQUEST(SIGNAL, signal, penstock_handle_signal, 0, SMALL_BYTES, NONE, SESSION),
	REQUEST(WAIT, wait, penstock_handle_wait, 0, SMALL_BYTES, NONE, SESSION),
	REQUEST(DESTROY, destroy, penstock_handle_destroy, 0, SMALL_BYTES, NONE, SESSION),
	REQUEST(SUBMIT, submit, penstock_handle_submit, 2, SMALL_BYTES, WHOLE, SESSION),
	REQUEST(UPLOAD, upload, penstock_handle_upload, 0, SMALL_BYTES, STREAMED, SESSION),
	REQUEST(READ_BACK, read_back, penstock_handle_read_back, 0, SMALL_BYTES, NONE, SESSION),
	REQUEST(QUERY_DEVICE, query_device, penstock_handle_query_device, 0, SMALL_BYTES, NONE,
		SESSION),
	REQUEST(QUERY_CONTEXT, query_context, penstock_handle_query_context, 0, SMALL_BYTES, NONE,
		SESSION),
	REQUEST(OFFER_ALLOCATIONS, offer_allocations, penstock_handle_offer_allocations, 0,
		PENSTOCK_LIMIT_MESSAGE_BYTES, NONE, SESSION),
	REQUEST(RECLAIM_ALLOCATIONS, reclaim_allocations, penstock_handle_reclaim_allocations, 0,
		PENSTOCK_LIMIT_MESSAGE_BYTES, NONE, SESSION),
	REQUEST(SET_ALLOCATION_PRIORITY, set_allocation_priority,
		penstock_handle_set_allocation_priority, 0, PENSTOCK_LIMIT_MESSAGE_BYTES, NONE,
		SESSION),
	REQUEST(QUERY_ADAPTER, query_adapter, penstock_handle_query_adapter, 0, SMALL_BYTES, NONE,
		ANY),
	REQUEST(SYNC, sync, penstock_handle_sync, 0, SMALL_BYTES, NONE, ANY),
	REQUEST(GOODBYE, goodbye, penstock_handle_goodbye, 0, SMALL_BYTES, NONE, ANY),
	REQUEST(ADMIN_STATUS, admin_status, penstock_handle_admin_status, 0, SMALL_BYTES, NONE,
		ADMIN),
	REQUEST(ADMIN_CONTEXTS, admin_contexts, penstock_handle_admin_rows, 0, SMALL_BYTES, NONE,
		ADMIN),
	REQUEST(ADMIN_CONTEXT, admin_context, penstock_handle_admin_context, 0, SMALL_BYTES, NONE,
		ADMIN),
	REQUEST(ADMIN_ALLOCATIONS, admin_allocations, penstock_handle_admin_rows, 0, SMALL_BYTES,
		NONE, ADMIN),
	REQUEST(ADMIN_SEGMENTS, admin_segments, penstock_handle_admin_rows, 0, SMALL_BYTES, NONE,
		ADMIN),
	REQUEST(ADMIN_QUEUES, admin_queues, penstock_handle_admin_rows, 0, SMALL_BYTES, NONE,
		ADMIN),
	REQUEST(ADMIN_DUMP, admin_dump, penstock_handle_admin_dump, 0, SMALL_BYTES, NONE, ADMIN),
	REQUEST(ADMIN_METRICS, admin_metrics, penstock_handle_admin_metrics, 0, SMALL_BYTES, NONE,
		ADMIN),
	REQUEST(ADMIN_SESSIONS, admin_sessions, penstock_handle_admin_rows, 0, SMALL_BYTES, NONE,
		ADMIN),
	REQUEST(ADMIN_KILL, admin_kill, penstock_handle_admin_kill, 0, SMALL_BYTES, NONE, ADMIN),
	REQUEST(ADMIN_EVICT, admin_evict, penstock_handle_admin_evict, 0, SMALL_BYTES, NONE, ADMIN),
	REQUEST(ADMIN_PLACES, admin_places, penstock_handle_admin_rows, 0, SMALL_BYTES, NONE,
		ADMIN),
	REQUEST(ADMIN_TRACE, admin_trace, penstock_handle_admin_trace, 0, SMALL_BYTES, NONE, ADMIN),
	REQUEST(ADMIN_CAPTURE, admin_capture, penstock_handle_admin_capture, 0, SMALL_BYTES, NONE,
		ADMIN),
	REQUEST(ADMIN_UNBLOCK, admin_unblock, penstock_handle_admin_unblock, 0, SMALL_BYTES, NONE,
		ADMIN),
	REQUEST(ADMIN_REPORTS, admin_reports, penstock_handle_admin_reports, 0, SMALL_BYTES, NONE,
		ADMIN),
	REQUEST(ADMIN_REPORT, admin_report, penstock_handle_admin_report, 0, SMALL_BYTES, NONE,
		ADMIN),
};

static const char no_session[] = "this connection asked for no session";

const struct penstock_dispatch_row *penstock_dispatch_row(uint16_t type)
{
	if (type >= PENSTOCK_ARRAY_SIZE(rows) || rows[type].descriptor == NULL) {
		return NULL;
	}
	return &rows[type];
}

static void stop_malformed(struct penstock_connection *connection,
			   const struct penstock_frame *frame, const char *fault)
{
	const char *name = penstock_frame_name(frame->type);
	struct penstock_errbuf text;

	penstock_errbuf_set(&text, "frame %s (0x%02x): %s", name != NULL ? name : "of no type",
			    frame->type, fault);
	penstock_connection_stop(connection, PENSTOCK_STATUS_MALFORMED_FRAME, text.text);
}

const struct penstock_dispatch_row *penstock_dispatch_admit(struct penstock_connection *connection,
							    const struct penstock_frame *frame)
{
	const struct penstock_dispatch_row *row = penstock_dispatch_row(frame->type);
	const bool first = connection->state == PENSTOCK_CONNECTION_HELLO;
	struct penstock_errbuf text;

	if (row == NULL) {
		stop_malformed(connection, frame, "is no request");
		return NULL;
	}
	if (row->payload == PENSTOCK_PAYLOAD_NONE && frame->payload_bytes > 0) {
		stop_malformed(connection, frame, "carries a payload");
		return NULL;
	}
	if (first != (row->role == PENSTOCK_ROLE_HELLO)) {
		stop_malformed(connection, frame,
			       first ? "stands before the hello" : "stands behind the hello");
		return NULL;
	}
	/* nobody knows how many serials it would have taken, and its payload may be large */
	if (row->payload == PENSTOCK_PAYLOAD_WHOLE && connection->session == NULL) {
		penstock_connection_stop(connection, PENSTOCK_STATUS_ACCESS_DENIED, no_session);
		return NULL;
	}
	if (first && frame->serial != 0) {
		stop_malformed(connection, frame, "has a serial");
		return NULL;
	}
	if (!first && frame->serial != connection->next_serial) {
		penstock_errbuf_set(&text, "serial %llu came where %llu is next",
				    (unsigned long long)frame->serial,
				    (unsigned long long)connection->next_serial);
		penstock_connection_stop(connection, PENSTOCK_STATUS_WRONG_SERIAL, text.text);
		return NULL;
	}
	return row;
}

/* There was no memory to look at the message, which may be a good one. */
static void no_memory(struct penstock_call *call, const struct penstock_dispatch_row *row)
{
	static const char fault[] = "out of memory";

	if (row->role == PENSTOCK_ROLE_HELLO || row->many) {
		penstock_connection_stop(call->connection, PENSTOCK_STATUS_NO_MEMORY, fault);
	} else if (penstock_call_begin(call, call->frame->serial)) {
		penstock_call_refuse(call, PENSTOCK_STATUS_NO_MEMORY, fault);
	}
}

/* A message that is no good: the request is refused where it is known to be one request. */
static void bad_message(struct penstock_call *call, const struct penstock_dispatch_row *row,
			const char *fault)
{
	if (row->role == PENSTOCK_ROLE_HELLO || row->many) {
		stop_malformed(call->connection, call->frame, fault);
	} else if (penstock_call_begin(call, call->frame->serial)) {
		penstock_call_refuse(call, PENSTOCK_STATUS_MALFORMED_MESSAGE, fault);
	}
}

/* Returns false after having answered. */
static bool role_permits(struct penstock_call *call, const struct penstock_dispatch_row *row)
{
	const char *fault = NULL;

	if (row->role == PENSTOCK_ROLE_ADMIN && !call->connection->admin) {
		fault = "admin requests are for uid 0 and the daemon's own, on the Unix socket";
	}
	if (row->role == PENSTOCK_ROLE_SESSION && call->session == NULL) {
		fault = no_session;
	}
	if (fault == NULL) {
		return true;
	}
	if (penstock_call_begin(call, call->frame->serial)) {
		penstock_call_refuse(call, PENSTOCK_STATUS_ACCESS_DENIED, fault);
	}
	return false;
}

void penstock_dispatch(struct penstock_connection *connection, const struct penstock_frame *frame,
		       const uint8_t *message, const uint8_t *payload)
{
	const struct penstock_dispatch_row *row = penstock_dispatch_row(frame->type);
	struct penstock_call call = {
		.connection = connection,
		.session = connection->session,
		.frame = frame,
		.payload = payload,
	};
	struct penstock_budget budget;
	ProtobufCMessage *unpacked;

	PENSTOCK_REQUIRE(row != NULL); /* admitted */
	connection->next_serial++;     /* a submit frame takes more: its handler says so */
	if (!role_permits(&call, row)) {
		return;
	}
	if (frame->message_bytes < row->message_min || frame->message_bytes > row->message_max) {
		bad_message(&call, row, "such a message is not of that size");
		return;
	}
	penstock_budget_init(&budget);
	unpacked = protobuf_c_message_unpack(row->descriptor, &budget.allocator,
					     frame->message_bytes, message);
	if (unpacked == NULL && budget.no_memory) {
		no_memory(&call, row);
		return;
	}
	if (unpacked == NULL) {
		bad_message(&call, row,
			    budget.exhausted ? "the message needs too much memory"
					     : "the message does not unpack");
		return;
	}
	call.message = unpacked;
	if (row->role == PENSTOCK_ROLE_HELLO || row->many ||
	    penstock_call_begin(&call, frame->serial)) {
		row->handle(&call);
	}
	protobuf_c_message_free_unpacked(unpacked, &budget.allocator);
}
