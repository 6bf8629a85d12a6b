/* SPDX-License-Identifier: MIT */
/*
 * The requests of a session that have not been answered, by serial, and the failures that nobody
 * was told yet. Answers come in the order of serials: an answer to one request says that every
 * earlier one without an answer of its own was executed.
 */
#ifndef PENSTOCK_CLIENT_REQUESTS_H
#define PENSTOCK_CLIENT_REQUESTS_H

#include "client/include/penstock/penstock.h"
#include "proto/base/base.h"
#include "proto/wire/frame.h"

#include <protobuf-c/protobuf-c.h>

struct penstock_connection;
struct penstock_context;

/*
 * A request whose answer somebody waits for, in the waiter's storage. `complete` is called once:
 * with SUCCESS and the unpacked reply (borrowed; NULL for an Ack), or with a failure's status.
 */
struct penstock_call {
	uint16_t reply;       /* frame type that answers; PENSTOCK_FRAME_ACK: none of its own */
	uint8_t *destination; /* of a read-back's payload */
	uint32_t size_bytes;  /* exactly */
	void (*complete)(struct penstock_call *call, enum penstock_status status,
			 const ProtobufCMessage *reply);
	void *owner;
	struct penstock_failure *failure; /* filled on a refusal; NULL: not wanted */
	bool done;                        /* for waiters; set before complete is called */
	enum penstock_status status;
};

enum penstock_request_kind {
	PENSTOCK_REQUEST_PLAIN,
	PENSTOCK_REQUEST_CREATE,    /* name: given back on refusal */
	PENSTOCK_REQUEST_SUBMIT,    /* context */
	PENSTOCK_REQUEST_BROADCAST, /* broadcast */
	PENSTOCK_REQUEST_CALL,      /* call */
	PENSTOCK_REQUEST_WAIT,      /* name: of the object that the client itself waits for */
};

/* A submission of several contexts, the one that it was submitted to first. */
struct penstock_broadcast {
	uint32_t count;
	struct penstock_context *contexts[]; /* kept alive like that of a single one */
};

struct penstock_request_entry {
	enum penstock_request_kind kind;
	union {
		uint64_t name;
		struct penstock_context *context;     /* kept alive by its count of unanswered */
		struct penstock_broadcast *broadcast; /* owned by the table */
		struct penstock_call *call;           /* NULL: nobody waits any more */
	};
};

/*
 * Failures that were told are remembered by serial, the latest of them: who waits for one all the
 * same is not told that it succeeded.
 */
#define PENSTOCK_FAILURES_TOLD 1024u

/* A failure that was told. */
struct penstock_told {
	uint64_t serial;
	uint64_t context; /* where it did not run; 0: a refusal */
};

struct penstock_requests {
	struct penstock_request_entry *ring; /* [capacity], a power of two; by serial */
	uint64_t capacity;
	uint64_t answered;    /* every serial up to it was answered */
	uint64_t last_serial; /* of the latest request */
	/* failures in order of serials; [failure_first, failure_count) are kept, owned */
	struct penstock_failure **failures;
	size_t failure_first;
	size_t failure_count;
	size_t failure_capacity;
	struct penstock_told *told; /* [PENSTOCK_FAILURES_TOLD], a ring; NULL: none yet; owned */
	uint64_t told_count;
	/* somebody waits for this serial: its failure goes there */
	uint64_t watched_serial;
	uint64_t watched_context;                 /* of which only that context's; 0: any */
	struct penstock_failure *watched_failure; /* NULL: status only */
	enum penstock_status watched_status;
};

void penstock_requests_fini(struct penstock_requests *requests);

/* Makes sure that the next entry finds room. SUCCESS, NO_MEMORY. */
enum penstock_status penstock_requests_reserve(struct penstock_requests *requests);

/* The next serial is this request's; room was made before. Returns the serial. */
uint64_t penstock_requests_push(struct penstock_requests *requests,
				const struct penstock_request_entry *entry);

/* The entry of an unanswered request, or NULL. */
struct penstock_request_entry *penstock_requests_find(struct penstock_requests *requests,
						      uint64_t serial);

/* Everything up to `serial` that has no answer of its own was executed. */
enum penstock_status penstock_requests_acknowledge(struct penstock_connection *connection,
						   uint64_t serial);

/*
 * How those up to `serial` were answered that have no answer is not known any more: they fail with
 * CONNECTION_DISCONNECTED; what only asks is left alone. SUCCESS, or the connection has ended.
 */
enum penstock_status penstock_requests_forgotten(struct penstock_connection *connection,
						 uint64_t serial);

/* A frame that answers one request; acknowledges what is before it. */
enum penstock_status penstock_requests_refused(struct penstock_connection *connection,
					       const struct penstock_failure *failure);
enum penstock_status penstock_requests_replied(struct penstock_connection *connection,
					       const struct penstock_frame *frame,
					       const ProtobufCMessage *reply);

/* The connection is lost: every call ends with `status`. Other requests stay for a resumption. */
void penstock_requests_abandon(struct penstock_connection *connection, enum penstock_status status);

/*
 * A failure that belongs to no call: to the waiter, the callback, or the ones that are kept. Loses
 * the connection where there is no memory to keep it.
 */
void penstock_failure_deliver(struct penstock_connection *connection,
			      const struct penstock_failure *failure);

/*
 * Whether a failure is what somebody wants to hear who asks for `context` (0: any). A refusal is of
 * all contexts of a broadcast; not to run is of one.
 */
static inline bool penstock_failure_concerns(const struct penstock_failure *failure,
					     uint64_t context)
{
	return context == 0 || !failure->accepted || failure->context == context;
}

/* The kept failure of that serial that concerns `context` (0: the first), or NULL. */
struct penstock_failure *penstock_failure_find(const struct penstock_requests *requests,
					       uint64_t serial, uint64_t context);
void penstock_failure_forget(struct penstock_requests *requests, uint64_t serial, uint64_t context);

/* Whether it is one of the latest that failed and were told. */
bool penstock_failure_was_told(const struct penstock_requests *requests, uint64_t serial,
			       uint64_t context);

#endif
