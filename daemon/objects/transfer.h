/* SPDX-License-Identifier: MIT */
/*
 * Transfers: what a session does with an allocation beside submitting, in session order: creating
 * it (pages are being reserved), uploads, read-backs, sharing, offering. A lane orders them against
 * the session's submissions:
 *
 *	submissions ahead (lane.active) | transfer, its followers | transfer, its followers | ...
 *
 * The first transfer starts when nothing is ahead of it any more; submissions that come behind a
 * transfer are its followers and blocked until it ends; then they are ahead of the next one.
 *
 *	        +--> RECEIVING --+           (upload)
 *	NEW ----+                +--> WAITING --(first, nothing ahead, memory still)--> ACTING
 *	        +----------------+                                                        |
 *	         ENDED <----------------------------------------------------------------- |
 *	                                        read-back: OUT, until read_back_end <-----+
 *
 * An upload is received in place when its lane is idle and no other session has the allocation
 * open (a client that dribbles must pin its own memory only) nor is it in local memory (it must not
 * pin a place that others wait for), into staging memory otherwise. The same holds for the bytes of
 * a read-back. Loop thread only; copies of more than a few pages are made by a worker.
 */
#ifndef PENSTOCK_TRANSFER_H
#define PENSTOCK_TRANSFER_H

#include "daemon/objects/allocation.h"

struct penstock_held;

enum penstock_transfer_kind {
	PENSTOCK_TRANSFER_CREATE,
	PENSTOCK_TRANSFER_UPLOAD,
	PENSTOCK_TRANSFER_READ_BACK,
	PENSTOCK_TRANSFER_SHARE,
	PENSTOCK_TRANSFER_OFFER,
	PENSTOCK_TRANSFER_CAPTURE, /* a read-back of nobody's in the session: capture.h */
};

enum penstock_transfer_state {
	PENSTOCK_TRANSFER_RECEIVING,
	PENSTOCK_TRANSFER_WAITING,
	PENSTOCK_TRANSFER_ACTING,
	PENSTOCK_TRANSFER_OUT,
	PENSTOCK_TRANSFER_ENDED,
};

struct penstock_transfer {
	struct penstock_pending pending;
	struct penstock_opening *opening;  /* counted */
	struct penstock_lane *lane;        /* the opening's, or the one that it left */
	struct penstock_list lane_link;    /* penstock_lane.transfers */
	struct penstock_list followers;    /* penstock_wait.link */
	struct penstock_list stalled_link; /* penstock_adapter.stalled */
	enum penstock_transfer_kind kind;
	enum penstock_transfer_state state;
	enum penstock_status status;            /* how it ended */
	struct penstock_name_entry name_before; /* of a create: where it is refused after all */
	uint64_t offset;
	uint32_t size_bytes;
	uint8_t *staging; /* owned; NULL: the bytes are the allocation's own */
	uint8_t *place;   /* in the allocation, while it is accessed */
	struct penstock_vidmm_allocation *accessed; /* the instance where that is */
	struct penstock_instance *instance; /* of a Discard: taken; becomes the current one */
	uint32_t flags;                     /* PENSTOCK_LOCK_ */
	bool locked;                        /* accessed beside submissions that use it */
	bool counted; /* against the credit, once it is received: a connection must not stop inside
		       */
	bool torn;
};

/* A submission that waits for a transfer, for one element of its list. */
struct penstock_wait {
	struct penstock_list link; /* penstock_transfer.followers */
	struct penstock_held *held;
};

/* NULL: no memory. Nothing but a block; begun, or freed by the caller. */
struct penstock_transfer *penstock_transfer_new(void);

/* The pages of a new allocation are being reserved: `request` is PENDING until they are. */
void penstock_transfer_begin_create(struct penstock_transfer *transfer,
				    struct penstock_opening *opening,
				    struct penstock_request *request);

/* Behind what the lane holds so far the allocation is offered; nobody waits for it. */
void penstock_transfer_begin_offer(struct penstock_transfer *transfer,
				   struct penstock_opening *opening);

/* It is taken back before that. */
void penstock_transfer_cancel_offer(struct penstock_transfer *transfer);

/* The machine's capture: of a surface, behind what the lane holds so far. */
void penstock_transfer_begin_capture(struct penstock_transfer *transfer,
				     struct penstock_opening *opening);

/* Ends at once where it waits; what is being copied ends when it is. */
void penstock_transfer_cancel_capture(struct penstock_transfer *transfer);

/* vidmm's answer; the argument is the transfer. */
void penstock_transfer_reserved(void *argument, enum penstock_status status);

/*
 * What a create was to make is there, or not: then the name is free again, and `refusal` is the
 * answer. The transfer is over.
 */
void penstock_transfer_made(struct penstock_transfer *transfer, enum penstock_status status,
			    struct penstock_refusal *refusal);

/* Memory made progress: those that wait for it ask again. */
void penstock_transfer_retry(struct penstock_adapter *adapter);

/* Nothing is ahead of the lane's first transfer any more. */
void penstock_lane_advance(struct penstock_lane *lane);

/* An upload that is being received when its connection goes: forgotten, its serial with it. */
void penstock_transfer_abandon(struct penstock_pending *pending);

#endif
