/* SPDX-License-Identifier: MIT */
/*
 * A connection from the inside: what the library's files share. The public contract is
 * penstock.h's.
 *
 *	HELLO --> OPEN --> LOST
 *	            ^        |
 *	            +--------+ (penstock_connection_resume)
 *
 * Every request passes penstock_request_begin (serial, entry in the table of unanswered requests)
 * and is written to the outbox. What comes in passes the inbox, frame by frame, and ends in
 * penstock_requests_ (answers) or penstock_contexts_ (fences). Everything is on the caller's
 * thread. What the daemon sends is never believed: a frame that cannot be ends the connection.
 */
#ifndef PENSTOCK_CLIENT_CONNECTION_H
#define PENSTOCK_CLIENT_CONNECTION_H

#include "client/address.h"
#include "client/context.h"
#include "client/include/penstock/penstock.h"
#include "client/names.h"
#include "client/outbox.h"
#include "client/requests.h"
#include "proto/base/base.h"
#include "proto/wire/frame.h"
#include "proto/wire/penstock.pb-c.h"

#define PENSTOCK_INBOX_BYTES  (128u << 10) /* at first: it grows for reports */
#define PENSTOCK_SEND_WAIT_MS 10

enum penstock_connection_state {
	PENSTOCK_CONNECTION_HELLO,
	PENSTOCK_CONNECTION_OPEN,
	PENSTOCK_CONNECTION_LOST,
};

struct penstock_inbox {
	uint8_t *bytes; /* [capacity], owned */
	size_t capacity;
	size_t start;
	size_t end;
	/* a payload under way: straight into the caller's memory */
	uint8_t *payload; /* where the next byte goes */
	size_t payload_left;
	uint64_t payload_serial;
	uint64_t expected; /* read-backs that were not answered */
};

struct penstock_connection {
	int descriptor; /* blocking mode; every call but the waiting one says MSG_DONTWAIT */
	bool unix_socket;
	enum penstock_connection_state state;
	bool blocking;
	unsigned in_callback; /* depth; not 0: nothing may wait */
	bool congested; /* sending ran into its limit; nothing waits in a send until all is sent */
	bool send_failed; /* the other side is gone; what it said last is still read */
	enum penstock_status ended;
	struct penstock_errbuf sentence;
	struct penstock_callbacks callbacks;
	struct penstock_tap tap;
	char *server; /* address, owned; NULL: made from a descriptor */
	char *client; /* owned */
	uint32_t lease_wanted_s;
	bool no_session;
	uint64_t session_high; /* to resume, then the session's */
	uint64_t session_low;
	Penstock__Wire__Welcome *welcome; /* owned; NULL in HELLO */
	uint32_t max_payload_bytes;
	struct penstock_outbox out;
	size_t send_at_bytes; /* a request that finds so much unsent sends */
	struct penstock_inbox in;
	struct penstock_requests requests;
	struct penstock_failure call_failure; /* of the latest call that waits; or SUCCESS */
	struct penstock_contexts contexts;
	struct penstock_names names;
};

/* ---------------------------------------------------------------- connection.c */

/* The connection's socket from now on: in blocking mode, a send waits for a bounded time. */
void penstock_connection_adopt_socket(struct penstock_connection *connection, int descriptor);

/* The first `size_bytes` of the vectors were sent, or received: whoever listens is told. */
void penstock_connection_tap(const struct penstock_connection *connection, bool sent,
			     const struct iovec *vectors, size_t size_bytes);

/* SUCCESS where a request can be made, otherwise why not. */
enum penstock_status penstock_connection_usable(const struct penstock_connection *connection);

/* The connection is over; the first reason counts. Outstanding calls end. Returns the reason. */
enum penstock_status penstock_connection_lose(struct penstock_connection *connection,
					      enum penstock_status status, const char *format, ...)
	PENSTOCK_PRINTF(3, 4);

/* A deadline for penstock_connection_run; PENSTOCK_FOREVER stays so. Milliseconds. */
int64_t penstock_deadline(int32_t timeout_ms);

/*
 * Sends what can be sent, waits until something can be received or sent, and receives. SUCCESS
 * (look again), TIMEOUT, NOT_SUPPORTED inside a callback, or why the connection ended.
 */
enum penstock_status penstock_connection_run(struct penstock_connection *connection,
					     int64_t deadline_ms);

/* Sends without waiting, as far as the socket takes it. SUCCESS, PENDING, or the reason. */
enum penstock_status penstock_connection_send(struct penstock_connection *connection);

/*
 * Makes room before a request that adds `size_bytes`: what is unsent is bounded. SUCCESS, or
 * GRAPHICS_TRY_AGAIN_LATER where that would wait and must not.
 */
enum penstock_status penstock_connection_make_room(struct penstock_connection *connection);

/* ---------------------------------------------------------------- inbox.c */

enum penstock_status penstock_inbox_init(struct penstock_inbox *inbox);
void penstock_inbox_fini(struct penstock_inbox *inbox);

/*
 * Receives (waiting for something, or not) and handles every whole frame. SUCCESS, or why the
 * connection has ended.
 */
enum penstock_status penstock_inbox_receive(struct penstock_connection *connection, bool wait);

/* Text of the daemon's for a person: nothing in it that a terminal would obey. In place. */
void penstock_text_clean(char *text);

/* The same, copied and cut to size. NULL is "". */
void penstock_text_copy(char *ret_text, size_t size_bytes, const char *text);

/* ---------------------------------------------------------------- session.c */

/* Says hello and waits for the answer. */
enum penstock_status penstock_session_hello(struct penstock_connection *connection,
					    int64_t deadline_ms);

/* The daemon's answer to hello. SUCCESS, or the connection has ended. */
enum penstock_status penstock_session_welcome(struct penstock_connection *connection,
					      const struct penstock_frame *frame,
					      const uint8_t *message);

/* ---------------------------------------------------------------- making requests */

/*
 * Writes a request: takes the next serial, puts message and entry in their places. A payload of
 * `payload_bytes` is the caller's to append. On failure (NO_MEMORY, or why the connection ended)
 * nothing was done. Does not wait.
 */
enum penstock_status penstock_request_append(struct penstock_connection *connection, uint16_t type,
					     const ProtobufCMessage *message,
					     const struct penstock_request_entry *entry,
					     uint32_t payload_bytes);

/* The same without payload, once there is room: it may wait, or GRAPHICS_TRY_AGAIN_LATER. */
enum penstock_status penstock_request_message(struct penstock_connection *connection, uint16_t type,
					      const ProtobufCMessage *message,
					      const struct penstock_request_entry *entry);

/*
 * Makes a request that `call` belongs to and waits for the answer. A failure is the status that is
 * returned, and call_failure.
 */
enum penstock_status penstock_request_call(struct penstock_connection *connection, uint16_t type,
					   const ProtobufCMessage *message,
					   struct penstock_call *call);

#endif
