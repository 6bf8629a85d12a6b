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

/* How a submission ended in one of its contexts. */
struct penstock_replay_end {
	uint64_t context;
	uint64_t serial;
	size_t previous; /* the end of the submission before it of that context; 0: none */
	bool ended;      /* a fence said how: */
	enum penstock_status status;
};

struct penstock_replay_request {
	size_t request;   /* frame that made it */
	size_t answer;    /* frame of its own; 0: none, or an acknowledgement */
	size_t first_end; /* of a submission: one for each of its contexts */
	uint32_t end_count;
	bool answered;
};

struct penstock_replay_script {
	struct penstock_replay_request *requests; /* [last + 1], by serial; owned */
	uint64_t last;                            /* serial */
	size_t capacity;
	struct penstock_replay_end *ends; /* [end_count], the first is nobody's; owned */
	size_t end_count, end_capacity;
	size_t closing; /* frame; 0: none */
};

/* INVALID_PARAMETER with "name: byte 0x1f: fault", NO_MEMORY. Only then nothing is to be freed. */
PENSTOCK_MUST_CHECK
enum penstock_status penstock_replay_script_init(struct penstock_replay_script *script,
						 const char *name,
						 const struct penstock_recording *recording,
						 struct penstock_errbuf *reterr_text);
void penstock_replay_script_fini(struct penstock_replay_script *script);

/* The end that a fence speaks of; 0: it is of no submission. */
size_t penstock_replay_end_of(const struct penstock_replay_script *script,
			      const struct penstock_replay_fence *fence);

/* False: the message is malformed. */
bool penstock_replay_fence(const struct penstock_recorded_frame *frame,
			   struct penstock_replay_fence *ret_fence);

#endif
