/* SPDX-License-Identifier: MIT */
/*
 * Sends a recording's requests again, on a new session, and compares what is answered with what was
 * answered then. Without I/O: whoever has the connection asks what comes next and hands in what is
 * received.
 *
 * The recording is a script: its frames in their order. A request is sent when the cursor gets to
 * it; at an answer or a fence the cursor waits until the same has been told in this session. So
 * whatever was known when a request was made is true again when it is made again, and nothing else
 * is said about time. Names and serials are the client's own and stay; tokens of shares are
 * another each time, and are replaced by those that the same ShareAllocation is answered with.
 *
 * Compared are: for each request its status, for a refusal also the place in the command buffer;
 * the bytes of read-backs; what a context was granted; how a device stands; for each submission the
 * status of its fence. Not compared: sentences, how fences are put together, addresses, counts of
 * what is queued, reports.
 */
#ifndef PENSTOCK_REPLAYER_H
#define PENSTOCK_REPLAYER_H

#include "client/penstock/recording.h"

enum penstock_replay_turn {
	PENSTOCK_REPLAY_SEND, /* the bytes go next */
	PENSTOCK_REPLAY_WAIT, /* something has to be received first */
	PENSTOCK_REPLAY_DONE,
};

struct penstock_replay_result {
	uint64_t requests;        /* made */
	uint64_t submissions;     /* of them */
	uint64_t answers;         /* compared: requests whose outcome is known from both */
	uint64_t fences;          /* compared: submissions that ended */
	uint64_t read_back_bytes; /* compared */
	uint64_t differences;
	struct penstock_errbuf first; /* difference; "" where there is none */
};

struct penstock_replayer;

/*
 * The recording is borrowed. SUCCESS: the caller frees; INVALID_PARAMETER: it cannot be replayed
 * (no hello, a resumed session, a request out of order, a submit frame that does not add up), with
 * "name: byte 0x1f: fault"; NO_MEMORY.
 */
PENSTOCK_MUST_CHECK
enum penstock_status penstock_replayer_new(const char *name,
					   const struct penstock_recording *recording,
					   struct penstock_replayer **ret_replayer,
					   struct penstock_errbuf *reterr_text);
void penstock_replayer_free(struct penstock_replayer *replayer);

/* *ret_bytes is borrowed until the next call. */
enum penstock_replay_turn penstock_replayer_next(struct penstock_replayer *replayer,
						 const uint8_t **ret_bytes, size_t *ret_size);

/* A whole frame from the daemon; a penstock_frame_taken, `replayer` is a penstock_replayer. */
void penstock_replayer_received(void *replayer, const struct penstock_frame *frame,
				const uint8_t *bytes);

/* Nothing more will be received; `why` is NULL where the end came as expected. */
void penstock_replayer_ended(struct penstock_replayer *replayer, const char *why);

const struct penstock_replay_result *
penstock_replayer_result(const struct penstock_replayer *replayer);

#endif
