/* SPDX-License-Identifier: MIT */
/*
 * What a recording says, request by request: who asked what, what was answered, and how each
 * submission ended.
 */
#ifndef PENSTOCK_REPLAY_SCRIPT_H
#define PENSTOCK_REPLAY_SCRIPT_H

#include "client/penstock/recording.h"

/* A Fence frame. */
struct penstock_replay_fence {
	uint64_t context;
	uint64_t fence;
	enum penstock_status status;
};

struct penstock_replay_request {
	size_t request;    /* frame that made it */
	size_t answer;     /* frame of its own; 0: none, or an acknowledgement */
	uint64_t context;  /* of a submission; 0: it is none */
	uint64_t previous; /* serial: the submission before it of that context; 0: none */
	bool answered;
	bool ended; /* a fence said how: */
	enum penstock_status end;
};

struct penstock_replay_script {
	struct penstock_replay_request *requests; /* [last + 1], by serial; owned */
	uint64_t last;                            /* serial */
	size_t capacity;
	size_t closing; /* frame; 0: none */
};

/* INVALID_PARAMETER with "name: byte 0x1f: fault", NO_MEMORY. Only then nothing is to be freed. */
PENSTOCK_MUST_CHECK
enum penstock_status penstock_replay_script_init(struct penstock_replay_script *script,
						 const char *name,
						 const struct penstock_recording *recording,
						 struct penstock_errbuf *reterr_text);
void penstock_replay_script_fini(struct penstock_replay_script *script);

/* False: the message is malformed. */
bool penstock_replay_fence(const struct penstock_recorded_frame *frame,
			   struct penstock_replay_fence *ret_fence);

#endif
