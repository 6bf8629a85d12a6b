/* SPDX-License-Identifier: MIT */
/*
 * What a connection has to send: frames in serial order, in chunks.
 *
 * Small frames are written one behind the other into chunks of our own; the payload of an upload
 * is a chunk that points at the caller's memory, so that it is sent without a copy. Submissions
 * are gathered in an open *batch* at the end of the last chunk: one submit frame, whose header is
 * written when the batch is closed. What is past chunk->length is not sent: the open batch stays
 * until somebody closes it.
 *
 * For a session with a lease, chunks that have been sent are kept until their requests are
 * answered: what the daemon turns out not to have executed is sent again (resend.c).
 */
#ifndef PENSTOCK_CLIENT_OUTBOX_H
#define PENSTOCK_CLIENT_OUTBOX_H

#include "proto/base/list.h"
#include "proto/wire/frame.h"

#include <sys/uio.h>

struct penstock_chunk {
	struct penstock_list link; /* penstock_outbox.chunks or .sent */
	uint8_t *bytes;            /* our own: behind this struct; of an upload: the caller's */
	size_t capacity;           /* 0: the caller's */
	size_t length;             /* to be sent */
	size_t sent;
	uint64_t last_serial; /* the highest in it */
};

struct penstock_outbox {
	struct penstock_list chunks; /* penstock_chunk.link: not wholly sent, in order */
	struct penstock_list sent;   /* penstock_chunk.link: wholly sent, kept for a resumption */
	struct penstock_chunk *spare;
	size_t unsent_bytes; /* of closed frames */
	bool keep;           /* the session has a lease */
	/* the open batch, at the end of the last chunk; count 0: there is none */
	uint32_t batch_count;
	size_t batch_payload; /* where its submissions start, in that chunk; before them, the header
			       */
	size_t batch_end;     /* end of what is written */
	size_t batch_max;     /* bytes of submissions in one frame */
	uint64_t batch_serial;
};

void penstock_outbox_init(struct penstock_outbox *outbox);
void penstock_outbox_fini(struct penstock_outbox *outbox);

/* `to` (any state, fini'd) takes all that is in `from`, which is empty then. */
void penstock_outbox_move(struct penstock_outbox *from, struct penstock_outbox *to);

/*
 * Space for `size_bytes` of whole frames whose highest serial is `last_serial`, at the end; the
 * caller fills it at once. Closes the batch. NULL: no memory.
 */
uint8_t *penstock_outbox_reserve(struct penstock_outbox *outbox, size_t size_bytes,
				 uint64_t last_serial);

/* Appends the caller's memory; it belongs to the frame reserved before. -1: no memory. */
int penstock_outbox_borrow(struct penstock_outbox *outbox, const uint8_t *bytes, size_t size_bytes,
			   uint64_t last_serial);

/*
 * Space for one submission of `size_bytes` (a multiple of 8) with this serial in the open batch,
 * or in a new one where it does not fit any more. NULL: no memory.
 */
uint8_t *penstock_outbox_submission(struct penstock_outbox *outbox, size_t size_bytes,
				    uint64_t serial);

/* Writes the header of the open batch, if there is one. */
void penstock_outbox_close_batch(struct penstock_outbox *outbox);

/* Fills at most `max` vectors with what is to be sent next; returns how many. */
int penstock_outbox_vectors(const struct penstock_outbox *outbox, struct iovec *vectors, int max);

/* `size_bytes` were sent. */
void penstock_outbox_advance(struct penstock_outbox *outbox, size_t size_bytes);

/* Every request up to `serial` was answered: what was kept for it goes. */
void penstock_outbox_answered(struct penstock_outbox *outbox, uint64_t serial);

#endif
