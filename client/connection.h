/* SPDX-License-Identifier: MIT */
/*
 * A connection from the inside: what the library's files share. The public contract is
 * penstock.h's.
 *
 *	HELLO --> OPEN --(the daemon refuses, or no lease)--> LOST
 *	  ^        |                                          ^  |
 *	  |        +--(lost, with a lease)--> AWAY --(lease over)+  |
 *	  +---------------(its time came)------+                  |
 *	  +----------(penstock_connection_resume)-----------------+
 *
 * AWAY: there is no socket, and requests are gathered. The next attempt is made by whoever runs or
 * dispatches the connection (reconnect.c); a Hello of a session that is there already is one.
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
#include "client/sync_object.h"
#include "proto/base/base.h"
#include "proto/wire/frame.h"
#include "proto/wire/penstock.pb-c.h"

#define PENSTOCK_INBOX_BYTES  (128u << 10) /* at first: it grows for reports */
#define PENSTOCK_SEND_WAIT_MS 10

enum penstock_connection_state {
	PENSTOCK_CONNECTION_HELLO,
	PENSTOCK_CONNECTION_OPEN,
	PENSTOCK_CONNECTION_AWAY,
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

/* How a connection that was lost is made again. Times in milliseconds of the monotonic clock. */
struct penstock_reconnect {
	bool wanted;             /* by itself */
	bool by_hand;            /* penstock_connection_resume makes it: one attempt */
	int64_t lease_end_ms;    /* from then on there is nothing to resume */
	int64_t retry_ms;        /* AWAY: the next attempt */
	int64_t attempt_end_ms;  /* HELLO: this one has failed then */
	int32_t pause_ms;        /* before the attempt after the next */
	uint32_t attempts;       /* since the loss */
	uint64_t answered;       /* at the last loss */
	uint64_t resumed_serial; /* up to it everything was executed before the latest resumption */
	struct penstock_outbox asked; /* frames of questions up to there, to be asked again */
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
	uint8_t *hello; /* owned: the frame, sent before anything of `out` */
	size_t hello_bytes;
	size_t hello_sent;
	struct penstock_reconnect reconnect;
	struct penstock_outbox out;
	size_t send_at_bytes; /* a request that finds so much unsent sends */
	struct penstock_inbox in;
	struct penstock_requests requests;
	struct penstock_failure call_failure; /* of the latest call that waits; or SUCCESS */
	struct penstock_contexts contexts;
	struct penstock_sync_states sync_states;
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

/*
 * The socket is of no use any more: the connection is over, unless it is made again within the
 * lease. Returns what penstock_connection_usable does.
 */
enum penstock_status penstock_connection_drop(struct penstock_connection *connection,
					      enum penstock_status status, const char *format, ...)
	PENSTOCK_PRINTF(3, 4);

/* Closes the socket, if there is one, and forgets what came in. */
void penstock_connection_close_socket(struct penstock_connection *connection);

/* Waits for `events`, none (nothing but the time) where there is no socket. SUCCESS, TIMEOUT. */
enum penstock_status penstock_connection_poll(struct penstock_connection *connection, short events,
					      int64_t deadline_ms, short *ret_events);

int64_t penstock_now_ms(void);

/* A deadline for penstock_connection_run; PENSTOCK_FOREVER stays so. Milliseconds. */
int64_t penstock_deadline(int32_t timeout_ms);

/* There is a socket, and it may be used. */
static inline bool penstock_connection_has_socket(const struct penstock_connection *connection)
{
	return connection->state == PENSTOCK_CONNECTION_HELLO ||
	       connection->state == PENSTOCK_CONNECTION_OPEN;
}

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

/* ---------------------------------------------------------------- reconnect.c */

/* The socket was lost and may be made again: AWAY, or LOST where the lease is over. */
enum penstock_status penstock_reconnect_lost(struct penstock_connection *connection,
					     enum penstock_status status, const char *sentence);

/* Whether a loss for that reason is one to be mended. */
bool penstock_reconnect_may(const struct penstock_connection *connection);

/*
 * What there is to do now, without waiting: an attempt whose time came, one that took too long, a
 * lease that is over. Returns what penstock_connection_usable does.
 */
enum penstock_status penstock_reconnect_step(struct penstock_connection *connection);

/* When there is something to do; PENSTOCK_FOREVER: never. */
int64_t penstock_reconnect_due(const struct penstock_connection *connection);

/* ---------------------------------------------------------------- resend.c */

/*
 * A session goes on that has executed everything up to `last_serial`: what follows is to be sent
 * again. Requests that nobody waits for any more become syncs, which keep the serials dense. What
 * was executed and asked for something is set aside, to be asked again if it is not refused.
 * SUCCESS, or the connection has ended.
 */
enum penstock_status penstock_resend(struct penstock_connection *connection, uint64_t last_serial);

/*
 * The question `serial` was executed before a resumption and its answer is gone: asks again, for
 * `call`. NOT_FOUND: it cannot be, since what it asked for was written after it.
 */
enum penstock_status penstock_resend_question(struct penstock_connection *connection,
					      uint64_t serial, struct penstock_call *call);

/* ---------------------------------------------------------------- session.c */

/* Says hello. NO_MEMORY, and the connection has ended. */
enum penstock_status penstock_session_greet(struct penstock_connection *connection);

/* Waits for the answer to it. */
enum penstock_status penstock_session_await(struct penstock_connection *connection,
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

/*
 * The same once there is room (it may wait, or GRAPHICS_TRY_AGAIN_LATER), with a payload that is
 * the connection's: the caller writes it to *ret_payload at once. It is kept and sent again like
 * the message (resend.c), which has to know the type.
 */
enum penstock_status penstock_request_place(struct penstock_connection *connection, uint16_t type,
					    const ProtobufCMessage *message,
					    const struct penstock_request_entry *entry,
					    uint32_t payload_bytes, uint8_t **ret_payload);

/* The same without payload, once there is room: it may wait, or GRAPHICS_TRY_AGAIN_LATER. */
enum penstock_status penstock_request_message(struct penstock_connection *connection, uint16_t type,
					      const ProtobufCMessage *message,
					      const struct penstock_request_entry *entry);

/*
 * A packet in the stream of a context, which counts as a submission of it (submit.c): waits for
 * credit as one, and its serial is its fence.
 */
enum penstock_status penstock_submit_packet(struct penstock_connection *connection, uint16_t type,
					    const ProtobufCMessage *message, uint64_t context_name,
					    uint64_t *ret_fence);

/*
 * Makes a request that `call` belongs to and waits for the answer. A failure is the status that is
 * returned, and call_failure.
 */
enum penstock_status penstock_request_call(struct penstock_connection *connection, uint16_t type,
					   const ProtobufCMessage *message,
					   struct penstock_call *call);

#endif
