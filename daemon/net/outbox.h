/* SPDX-License-Identifier: MIT */
/*
 * The outbox of a connection: the one gate that everything passes which a session is told.
 *
 *   - Answers leave in the order of serials. A request that succeeds at once and has nothing to
 *     say leaves no trace but `executed`; every other one is a *reply*, in a list in serial order.
 *     A reply that is still pending holds back all behind it.
 *   - Nothing leaves before the store has committed everything up to its serial (`durable`). That
 *     is true of Fence notices too.
 *   - Acknowledgements are cumulative, one at most for each flush. Where only submissions wait for
 *     one it stays until something else is written or the owner's timer asks
 *     (penstock_outbox_ack_due): the fence is on its way, and two wake-ups are one too many.
 *   - The payload of a read-back is written from the allocation itself.
 *
 * What can grow here is bounded: penstock_outbox_full() says when the connection must stop reading.
 * Loop thread only. Calls the session's functions for read-backs, and nothing else of it.
 */
#ifndef PENSTOCK_OUTBOX_H
#define PENSTOCK_OUTBOX_H

#include "daemon/net/chain.h"
#include "daemon/objects/objects.h"
#include "proto/wire/frame.h"

#include <protobuf-c/protobuf-c.h>

enum penstock_reply_state {
	PENSTOCK_REPLY_NEW,     /* not in the list: its request has not been answered PENDING */
	PENSTOCK_REPLY_PENDING, /* objects hold its request */
	PENSTOCK_REPLY_READY,   /* `frame` has its answer */
	PENSTOCK_REPLY_READ,    /* a read-back: the bytes are there */
	PENSTOCK_REPLY_WRITING, /* a read-back in the chain: taken out of the list */
	PENSTOCK_REPLY_STATE_MAX
};

struct penstock_reply {
	struct penstock_list link; /* penstock_outbox.replies, by serial */
	enum penstock_reply_state state;
	uint16_t frame_type;             /* of the request */
	void *owner;                     /* the connection */
	struct penstock_request request; /* its refusal is filled by the objects */
	uint8_t *frame;                  /* owned: the encoded answer */
	size_t frame_bytes;
};

/* It is answered with bytes. */
static inline bool penstock_reply_reads(const struct penstock_reply *reply)
{
	return reply->frame_type == PENSTOCK_FRAME_READ_BACK ||
	       reply->frame_type == PENSTOCK_FRAME_ADMIN_CAPTURE;
}

/* A notice that has not left: a fence, or the value of a synchronisation object. */
struct penstock_notice {
	uint64_t name;  /* of the context or the object */
	uint64_t fence; /* 0: a value */
	uint64_t value;
	enum penstock_status status;
};

struct penstock_outbox {
	struct penstock_chain chain;  /* released, not yet written */
	struct penstock_list replies; /* penstock_reply.link: not released */
	struct penstock_reply *spare; /* owned: one to use again */
	uint8_t *greeting;            /* owned: a Welcome that waits for `greeting_serial` */
	size_t greeting_bytes;
	uint64_t greeting_serial;
	bool session_kept;               /* the store has committed the session itself */
	struct penstock_notice *notices; /* owned */
	size_t notice_count;
	size_t notice_capacity;
	size_t held_bytes; /* of replies in the list */
	unsigned reads;    /* read-backs pending, ready or being written */
	uint64_t executed; /* highest serial that was handed to objects */
	uint64_t acked;    /* highest serial that the client has been told of */
	uint64_t prompt;   /* highest succeeded serial that must not wait for a fence */
	uint64_t durable;  /* highest serial that the store has committed */
	bool ack_due;
};

void penstock_outbox_init(struct penstock_outbox *outbox, struct penstock_transport *transport);

/* The session is known: its last executed serial, and how much of that the store has committed. */
void penstock_outbox_start(struct penstock_outbox *outbox, uint64_t last_serial, uint64_t durable);

/*
 * The Welcome, once for each start. It names the last executed serial, and a client forgets what
 * was executed: it leaves when that and the session itself are durable, and nothing leaves before
 * it. SUCCESS, NO_MEMORY.
 */
PENSTOCK_MUST_CHECK
enum penstock_status penstock_outbox_greet(struct penstock_outbox *outbox,
					   const ProtobufCMessage *message);

/* The Welcome may leave: what it waited for is durable. */
bool penstock_outbox_may_greet(const struct penstock_outbox *outbox);

/* Behind the Welcome, and with it: a refusal of before a resume. SUCCESS, NO_MEMORY. */
PENSTOCK_MUST_CHECK
enum penstock_status penstock_outbox_greet_refusal(struct penstock_outbox *outbox, uint64_t serial,
						   const struct penstock_refusal *refusal);

/* The client knows the answers up to `serial` only: the Welcome is followed by an Ack. */
void penstock_outbox_acked(struct penstock_outbox *outbox, uint64_t serial);

/*
 * Forgets everything that was not released: replies that are ready, notices, and ends their
 * read-backs; those in the chain too, which must not be written any more after that
 * (penstock_outbox_reading says whether there are any). Pending replies stay: their requests are
 * the objects' until done.
 */
void penstock_outbox_stop(struct penstock_outbox *outbox);

/* After stop, when nothing is pending or being written: frees the rest. */
void penstock_outbox_fini(struct penstock_outbox *outbox);

/* A reply for the request `serial`, in state NEW; NULL: no memory. Give it to one of the next. */
struct penstock_reply *penstock_reply_new(struct penstock_outbox *outbox, void *owner,
					  uint16_t frame_type, uint64_t serial);

/* It was not needed: the request succeeded at once, the Ack says it. */
void penstock_reply_drop(struct penstock_outbox *outbox, struct penstock_reply *reply);

/* The request answered PENDING: takes its place in the order. */
void penstock_reply_pend(struct penstock_outbox *outbox, struct penstock_reply *reply);

/*
 * The request, new or pending, is answered with `message`, a refusal, plain success, or (read-back)
 * with its bytes. SUCCESS; NO_MEMORY: the connection cannot go on.
 */
PENSTOCK_MUST_CHECK
enum penstock_status penstock_reply_message(struct penstock_outbox *outbox,
					    struct penstock_reply *reply,
					    enum penstock_frame_type type,
					    const ProtobufCMessage *message);
PENSTOCK_MUST_CHECK
enum penstock_status penstock_reply_refuse(struct penstock_outbox *outbox,
					   struct penstock_reply *reply,
					   enum penstock_status status);
void penstock_reply_success(struct penstock_outbox *outbox, struct penstock_reply *reply);
void penstock_reply_bytes(struct penstock_outbox *outbox, struct penstock_reply *reply);

/* A pending reply of a stopped outbox is done: read-backs are ended, the memory is freed. */
void penstock_reply_late(struct penstock_outbox *outbox, struct penstock_reply *reply,
			 enum penstock_status status);

/* Requests up to `serial` were handed over; `prompt`: the last one's Ack must not wait. */
void penstock_outbox_executed(struct penstock_outbox *outbox, uint64_t serial, bool prompt);

/* The store's word. */
void penstock_outbox_durable(struct penstock_outbox *outbox, uint64_t serial);

/* A fence notice; joins an earlier one of the same context and status that has not left. */
PENSTOCK_MUST_CHECK
enum penstock_status penstock_outbox_fence(struct penstock_outbox *outbox, uint64_t context,
					   uint64_t fence, enum penstock_status status);

/* Likewise what a client waited for itself: the value of that object now, or why not. */
PENSTOCK_MUST_CHECK
enum penstock_status penstock_outbox_sync_value(struct penstock_outbox *outbox, uint64_t object,
						uint64_t value, enum penstock_status status);

/* A frame outside the order, released at once (Closing). */
PENSTOCK_MUST_CHECK
enum penstock_status penstock_outbox_frame(struct penstock_outbox *outbox,
					   enum penstock_frame_type type, uint64_t serial,
					   const ProtobufCMessage *message);

/*
 * Releases what may leave and writes what the socket takes. *ret_ack_waits: an acknowledgement is
 * held back; call penstock_outbox_ack_due after a while. Returns 0 or a negative errno.
 */
PENSTOCK_MUST_CHECK
int penstock_outbox_flush(struct penstock_outbox *outbox, bool *ret_ack_waits);

/* The acknowledgement that is held back leaves with the next flush. */
void penstock_outbox_ack_due(struct penstock_outbox *outbox);

/* The transport's `written`: goes on. Returns 0 or a negative errno. */
PENSTOCK_MUST_CHECK
int penstock_outbox_written(struct penstock_outbox *outbox, int error);

/* Over OUTBOX_BYTES or READS_IN_FLIGHT: the connection stops reading until it is not. */
bool penstock_outbox_full(const struct penstock_outbox *outbox);

/* Nothing released is unwritten. */
bool penstock_outbox_empty(const struct penstock_outbox *outbox);

/* Bytes of allocations are in the chain. */
bool penstock_outbox_reading(const struct penstock_outbox *outbox);

#endif
