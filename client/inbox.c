/* SPDX-License-Identifier: MIT */
/*
 * What the daemon sends, frame by frame. A header is looked at before its message, a message is
 * unpacked with a budget, the payload of a read-back goes straight to where the caller wants it;
 * no other frame may have one. Whatever does not fit ends the connection with a sentence.
 */
#include "client/connection.h"
#include "proto/wire/budget.h"
#include "proto/wire/limits.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

/* One call of receive looks at no more than this, so that a flood does not keep it for ever. */
#define RECEIVE_TURNS 64

enum penstock_status penstock_inbox_init(struct penstock_inbox *inbox)
{
	*inbox = (struct penstock_inbox){ .bytes = malloc(PENSTOCK_INBOX_BYTES),
					  .capacity = PENSTOCK_INBOX_BYTES };
	return inbox->bytes == NULL ? PENSTOCK_STATUS_NO_MEMORY : PENSTOCK_STATUS_SUCCESS;
}

void penstock_inbox_fini(struct penstock_inbox *inbox)
{
	free(inbox->bytes);
	*inbox = (struct penstock_inbox){ .bytes = NULL };
}

void penstock_text_clean(char *text)
{
	for (; *text != 0; text++) { /* an absent string is constant, and empty */
		unsigned char character = (unsigned char)*text;

		if (character < 0x20 || character == 0x7f) {
			*text = '?';
		}
	}
}

void penstock_text_copy(char *ret_text, size_t size_bytes, const char *text)
{
	size_t length = text == NULL ? 0 : strnlen(text, size_bytes - 1);

	if (length > 0) {
		memcpy(ret_text, text, length);
	}
	ret_text[length] = 0;
	penstock_text_clean(ret_text);
}

/* ---------------------------------------------------------------- frames */

/* What `handle` gets: the message of the row's type. */
struct arrival {
	const struct penstock_frame *frame;
	const ProtobufCMessage *message;
};

static enum penstock_status on_refusal(struct penstock_connection *connection,
				       const struct arrival *arrival)
{
	const Penstock__Wire__Refusal *refusal = (const void *)arrival->message;
	struct penstock_failure failure = {
		.serial = arrival->frame->serial,
		.status = penstock_status_from_wire(refusal->status),
		.at_instruction = refusal->at_instruction != 0,
		.byte_offset = refusal->byte_offset,
	};

	if (failure.status == PENSTOCK_STATUS_SUCCESS ||
	    failure.status == PENSTOCK_STATUS_PENDING) {
		failure.status = PENSTOCK_STATUS_UNSUCCESSFUL; /* a refusal is one */
	}
	penstock_text_copy(failure.instruction, sizeof(failure.instruction), refusal->instruction);
	penstock_text_copy(failure.operand, sizeof(failure.operand), refusal->operand);
	penstock_text_copy(failure.sentence, sizeof(failure.sentence), refusal->sentence);
	if (connection->state == PENSTOCK_CONNECTION_HELLO) {
		return penstock_connection_lose(connection, failure.status, "%s", failure.sentence);
	}
	return penstock_requests_refused(connection, &failure);
}

static enum penstock_status on_fence(struct penstock_connection *connection,
				     const struct arrival *arrival)
{
	const Penstock__Wire__Fence *fence = (const void *)arrival->message;

	penstock_context_retired(connection, fence->context, fence->fence,
				 penstock_status_from_wire(fence->status));
	return penstock_connection_usable(connection);
}

static enum penstock_status on_sync_value(struct penstock_connection *connection,
					  const struct arrival *arrival)
{
	const Penstock__Wire__SyncValue *told = (const void *)arrival->message;

	penstock_sync_told(connection, told->object, told->value,
			   penstock_status_from_wire(told->status));
	return PENSTOCK_STATUS_SUCCESS;
}

/* Closed for one of these it may be opened again: nothing is wrong with what was said. */
static const enum penstock_status passing[] = {
	PENSTOCK_STATUS_CONNECTION_DISCONNECTED, /* the daemon stops */
	PENSTOCK_STATUS_LIMIT_EXCEEDED,          /* too many connections */
	PENSTOCK_STATUS_NO_MEMORY,
	PENSTOCK_STATUS_TIMEOUT,
};

static enum penstock_status on_closing(struct penstock_connection *connection,
				       const struct arrival *arrival)
{
	const Penstock__Wire__Closing *closing = (const void *)arrival->message;
	enum penstock_status status = penstock_status_from_wire(closing->status);

	for (size_t i = 0; i < PENSTOCK_ARRAY_SIZE(passing); i++) {
		if (status == passing[i]) {
			return penstock_connection_drop(connection, status, "the daemon closed: %s",
							closing->sentence);
		}
	}
	if (status == PENSTOCK_STATUS_SUCCESS) {
		status = PENSTOCK_STATUS_CONNECTION_DISCONNECTED; /* a goodbye was answered */
	}
	return penstock_connection_lose(connection, status, "the daemon closed: %s",
					closing->sentence);
}

static enum penstock_status on_reply(struct penstock_connection *connection,
				     const struct arrival *arrival)
{
	return penstock_requests_replied(connection, arrival->frame, arrival->message);
}

static const struct row {
	uint16_t type;
	bool before_welcome; /* may come instead of a Welcome */
	const ProtobufCMessageDescriptor *descriptor;
	enum penstock_status (*handle)(struct penstock_connection *connection,
				       const struct arrival *arrival);
} rows[] = {
	{ PENSTOCK_FRAME_FENCE, false, &penstock__wire__fence__descriptor, on_fence },
	{ PENSTOCK_FRAME_SYNC_VALUE, false, &penstock__wire__sync_value__descriptor,
	  on_sync_value },
	{ PENSTOCK_FRAME_REFUSAL, true, &penstock__wire__refusal__descriptor, on_refusal },
	{ PENSTOCK_FRAME_CLOSING, true, &penstock__wire__closing__descriptor, on_closing },
	{ PENSTOCK_FRAME_SHARED, false, &penstock__wire__shared__descriptor, on_reply },
	{ PENSTOCK_FRAME_RECLAIMED, false, &penstock__wire__reclaimed__descriptor, on_reply },
	{ PENSTOCK_FRAME_DEVICE_STATE, false, &penstock__wire__device_state__descriptor, on_reply },
	{ PENSTOCK_FRAME_CONTEXT_STATE, false, &penstock__wire__context_state__descriptor,
	  on_reply },
	{ PENSTOCK_FRAME_SYNC_OBJECT_STATE, false, &penstock__wire__sync_object_state__descriptor,
	  on_reply },
	{ PENSTOCK_FRAME_ADAPTER_FACTS, false, &penstock__wire__adapter_facts__descriptor,
	  on_reply },
	{ PENSTOCK_FRAME_STATUS_REPORT, false, &penstock__wire__status_report__descriptor,
	  on_reply },
	{ PENSTOCK_FRAME_CONTEXT_REPORT, false, &penstock__wire__context_report__descriptor,
	  on_reply },
	{ PENSTOCK_FRAME_ALLOCATION_REPORT, false, &penstock__wire__allocation_report__descriptor,
	  on_reply },
	{ PENSTOCK_FRAME_SEGMENT_REPORT, false, &penstock__wire__segment_report__descriptor,
	  on_reply },
	{ PENSTOCK_FRAME_QUEUE_REPORT, false, &penstock__wire__queue_report__descriptor, on_reply },
	{ PENSTOCK_FRAME_DUMP_REPORT, false, &penstock__wire__dump_report__descriptor, on_reply },
	{ PENSTOCK_FRAME_METRICS_REPORT, false, &penstock__wire__metrics_report__descriptor,
	  on_reply },
	{ PENSTOCK_FRAME_SESSION_REPORT, false, &penstock__wire__session_report__descriptor,
	  on_reply },
	{ PENSTOCK_FRAME_KILL_REPORT, false, &penstock__wire__kill_report__descriptor, on_reply },
	{ PENSTOCK_FRAME_EVICT_REPORT, false, &penstock__wire__evict_report__descriptor, on_reply },
	{ PENSTOCK_FRAME_PLACE_REPORT, false, &penstock__wire__place_report__descriptor, on_reply },
	{ PENSTOCK_FRAME_TRACE_REPORT, false, &penstock__wire__trace_report__descriptor, on_reply },
	{ PENSTOCK_FRAME_UNBLOCK_REPORT, false, &penstock__wire__unblock_report__descriptor,
	  on_reply },
	{ PENSTOCK_FRAME_DEBUG_REPORTS, false, &penstock__wire__debug_reports__descriptor,
	  on_reply },
};

static enum penstock_status handle_row(struct penstock_connection *connection,
				       const struct row *row, const struct penstock_frame *frame,
				       const uint8_t *bytes)
{
	struct arrival arrival = { .frame = frame };
	struct penstock_budget budget;
	ProtobufCMessage *message;
	enum penstock_status status;

	if (frame->type >= PENSTOCK_FRAME_STATUS_REPORT) {
		penstock_budget_init_with(&budget, PENSTOCK_LIMIT_REPORT_BYTES,
					  PENSTOCK_LIMIT_REPORT_BLOCKS);
	} else {
		penstock_budget_init(&budget);
	}
	message = protobuf_c_message_unpack(row->descriptor, &budget.allocator,
					    frame->message_bytes, bytes);
	if (message == NULL && budget.no_memory) {
		return penstock_connection_lose(connection, PENSTOCK_STATUS_NO_MEMORY,
						"no memory for a message of the daemon");
	}
	if (message == NULL) {
		return penstock_connection_lose(connection, PENSTOCK_STATUS_MALFORMED_MESSAGE,
						"the daemon sent a malformed %s message",
						penstock_frame_name(frame->type));
	}
	arrival.message = message;
	status = row->handle(connection, &arrival);
	protobuf_c_message_free_unpacked(message, &budget.allocator);
	return status;
}

static enum penstock_status handle_frame(struct penstock_connection *connection,
					 const struct penstock_frame *frame, const uint8_t *bytes)
{
	bool open = connection->state == PENSTOCK_CONNECTION_OPEN;

	if (frame->type == PENSTOCK_FRAME_WELCOME && !open) {
		return penstock_session_welcome(connection, frame, bytes);
	}
	if (frame->type == PENSTOCK_FRAME_ACK && open) {
		return penstock_requests_acknowledge(connection, frame->serial);
	}
	for (size_t i = 0; i < PENSTOCK_ARRAY_SIZE(rows); i++) {
		if (rows[i].type == frame->type && (open || rows[i].before_welcome)) {
			return handle_row(connection, &rows[i], frame, bytes);
		}
	}
	return penstock_connection_lose(connection, PENSTOCK_STATUS_MALFORMED_FRAME,
					"the daemon sent a frame of type 0x%x where none may be",
					frame->type);
}

/* ---------------------------------------------------------------- payloads */

/* All of a read-back's bytes are there. */
static enum penstock_status payload_complete(struct penstock_connection *connection)
{
	struct penstock_frame frame = {
		.type = PENSTOCK_FRAME_READ_DATA,
		.serial = connection->in.payload_serial,
	};

	connection->in.payload = NULL;
	return penstock_requests_replied(connection, &frame, NULL);
}

static enum penstock_status payload_begin(struct penstock_connection *connection,
					  const struct penstock_frame *frame)
{
	struct penstock_request_entry *entry =
		penstock_requests_find(&connection->requests, frame->serial);
	struct penstock_call *call =
		entry != NULL && entry->kind == PENSTOCK_REQUEST_CALL ? entry->call : NULL;

	if (connection->state != PENSTOCK_CONNECTION_OPEN || call == NULL ||
	    call->reply != PENSTOCK_FRAME_READ_DATA || call->size_bytes != frame->payload_bytes) {
		return penstock_connection_lose(connection, PENSTOCK_STATUS_MALFORMED_FRAME,
						"the daemon sent %u bytes that nobody asked for",
						frame->payload_bytes);
	}
	connection->in.payload = call->destination;
	connection->in.payload_left = call->size_bytes;
	connection->in.payload_serial = frame->serial;
	return PENSTOCK_STATUS_SUCCESS;
}

/* The part of the payload that came with the header. */
static enum penstock_status payload_from_buffer(struct penstock_connection *connection)
{
	struct penstock_inbox *inbox = &connection->in;
	size_t have = inbox->end - inbox->start;
	size_t size = have < inbox->payload_left ? have : inbox->payload_left;

	memcpy(inbox->payload, inbox->bytes + inbox->start, size);
	inbox->start += size;
	inbox->payload += size;
	inbox->payload_left -= size;
	return inbox->payload_left == 0 ? payload_complete(connection) : PENSTOCK_STATUS_SUCCESS;
}

/* ---------------------------------------------------------------- receiving */

/* A report may be longer than the buffer, which doubles as it fills. PENDING: more are needed. */
static enum penstock_status make_room(struct penstock_connection *connection)
{
	struct penstock_inbox *inbox = &connection->in;
	uint8_t *bytes;

	if (inbox->end - inbox->start < inbox->capacity) {
		return PENSTOCK_STATUS_PENDING;
	}
	bytes = realloc(inbox->bytes, inbox->capacity * 2);
	if (bytes == NULL) {
		return penstock_connection_lose(connection, PENSTOCK_STATUS_NO_MEMORY,
						"no memory for what the daemon sends");
	}
	inbox->bytes = bytes;
	inbox->capacity *= 2;
	return PENSTOCK_STATUS_PENDING;
}

/* Handles one frame, or its header. SUCCESS: look again; PENDING: more bytes are needed. */
static enum penstock_status take_frame(struct penstock_connection *connection)
{
	struct penstock_inbox *inbox = &connection->in;
	size_t have = inbox->end - inbox->start;
	const uint8_t *at = inbox->bytes + inbox->start;
	struct penstock_errbuf sentence;
	struct penstock_frame frame;
	enum penstock_status status;

	if (have < PENSTOCK_FRAME_HEADER_BYTES) {
		return PENSTOCK_STATUS_PENDING;
	}
	status = penstock_frame_decode(at, &frame, &sentence);
	if (status != PENSTOCK_STATUS_SUCCESS) {
		return penstock_connection_lose(connection, status, "from the daemon: %s",
						sentence.text);
	}
	if (have - PENSTOCK_FRAME_HEADER_BYTES < frame.message_bytes) {
		return make_room(connection);
	}
	inbox->start += PENSTOCK_FRAME_HEADER_BYTES + frame.message_bytes;
	if (frame.type == PENSTOCK_FRAME_READ_DATA || frame.payload_bytes > 0) {
		return payload_begin(connection, &frame);
	}
	return handle_frame(connection, &frame, at + PENSTOCK_FRAME_HEADER_BYTES);
}

static void take_all(struct penstock_connection *connection)
{
	struct penstock_inbox *inbox = &connection->in;
	enum penstock_status status = PENSTOCK_STATUS_SUCCESS;

	while (status == PENSTOCK_STATUS_SUCCESS && penstock_connection_has_socket(connection)) {
		if (inbox->payload == NULL) {
			status = take_frame(connection);
		} else if (inbox->end > inbox->start || inbox->payload_left == 0) {
			status = payload_from_buffer(connection);
		} else {
			status = PENSTOCK_STATUS_PENDING;
		}
	}
}

static void receive_failed(struct penstock_connection *connection, ssize_t received)
{
	if (received == 0) {
		penstock_connection_drop(connection, PENSTOCK_STATUS_CONNECTION_DISCONNECTED,
					 "the daemon closed the connection");
	} else if (errno != EAGAIN && errno != EINTR) {
		penstock_connection_drop(connection, penstock_status_from_errno(errno),
					 "receiving failed: %s", strerror(errno));
	}
}

/*
 * How much may be received into the buffer: all there is room for. While payloads are expected,
 * only up to the end of a header, or of its message, since what comes behind it would have to be
 * copied into its place.
 */
static size_t inbox_space(const struct penstock_inbox *inbox)
{
	size_t have = inbox->end - inbox->start;
	struct penstock_frame frame;
	size_t size;

	if (inbox->expected == 0) {
		return inbox->capacity - inbox->end;
	}
	if (have < PENSTOCK_FRAME_HEADER_BYTES) {
		return PENSTOCK_FRAME_HEADER_BYTES - have;
	}
	if (penstock_frame_decode(inbox->bytes + inbox->start, &frame, NULL) !=
	    PENSTOCK_STATUS_SUCCESS) {
		return inbox->capacity - inbox->end; /* taking the frame will say why */
	}
	size = PENSTOCK_FRAME_HEADER_BYTES + frame.message_bytes - have;
	return size < inbox->capacity - inbox->end ? size : inbox->capacity - inbox->end;
}

/* The rest of a payload first, then what follows it; waiting, the payload alone and all of it. */
static size_t receive_vectors(struct penstock_inbox *inbox, bool wait, struct msghdr *message)
{
	struct iovec *vectors = message->msg_iov;
	size_t room = 0;
	size_t space;

	if (inbox->payload != NULL) {
		vectors[message->msg_iovlen].iov_base = inbox->payload;
		vectors[message->msg_iovlen++].iov_len = inbox->payload_left;
		room = inbox->payload_left;
		if (wait) {
			return room;
		}
	}
	space = inbox_space(inbox);
	vectors[message->msg_iovlen].iov_base = inbox->bytes + inbox->end;
	vectors[message->msg_iovlen++].iov_len = space;
	return room + space;
}

/* One recvmsg and what it brought. Returns whether there may be more at once. */
static bool receive_once(struct penstock_connection *connection, bool wait)
{
	struct penstock_inbox *inbox = &connection->in;
	struct iovec vectors[2];
	struct msghdr message = { .msg_iov = vectors };
	size_t room, to_payload;
	ssize_t received;

	memmove(inbox->bytes, inbox->bytes + inbox->start, inbox->end - inbox->start);
	inbox->end -= inbox->start;
	inbox->start = 0;
	room = receive_vectors(inbox, wait, &message);
	received = recvmsg(connection->descriptor, &message,
			   wait ? (inbox->payload != NULL ? MSG_WAITALL : 0) : MSG_DONTWAIT);
	if (received <= 0) {
		receive_failed(connection, received);
		return false;
	}
	penstock_connection_tap(connection, false, vectors, (size_t)received);
	if (inbox->payload != NULL) {
		to_payload = (size_t)received < inbox->payload_left ? (size_t)received
								    : inbox->payload_left;
		inbox->payload += to_payload;
		inbox->payload_left -= to_payload;
		inbox->end += (size_t)received - to_payload;
	} else {
		inbox->end += (size_t)received;
	}
	take_all(connection);
	return (size_t)received == room && !wait;
}

enum penstock_status penstock_inbox_receive(struct penstock_connection *connection, bool wait)
{
	bool more = receive_once(connection, wait);

	for (int turn = 1; turn < RECEIVE_TURNS && more; turn++) {
		if (!penstock_connection_has_socket(connection)) {
			break;
		}
		more = receive_once(connection, false);
	}
	return penstock_connection_usable(connection);
}
