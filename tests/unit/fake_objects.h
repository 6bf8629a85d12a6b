/* SPDX-License-Identifier: MIT */
/*
 * Objects for tests of net: sessions that do what the test says, and write down what was asked of
 * them. Linked in place of libobjects.
 */
#ifndef PENSTOCK_FAKE_OBJECTS_H
#define PENSTOCK_FAKE_OBJECTS_H

#include "daemon/objects/objects.h"
#include "daemon/schedule/trace.h"
#include "proto/wire/limits.h"

#define FAKE_MEMORY_BYTES (1u << 20)
#define FAKE_REQUESTS     256u

struct fake_objects {
	/* what the test says */
	enum penstock_status answer;         /* of plain requests and submissions */
	bool pend;                           /* they are PENDING instead */
	enum penstock_status session_answer; /* of session_new and resume */
	bool over_credit;
	bool gated;
	bool makes_pipelines, makes_many_pipelines;
	bool leased;          /* durable is what the test says, not what was executed */
	uint64_t durable;     /* if leased */
	bool not_kept;        /* the session's own row is under way */
	unsigned contexts;    /* that an administrator sees */
	uint64_t last_serial; /* of a session that is resumed */
	uint64_t refused;     /* the one refusal that it stores; 0: none */
	uint64_t forgotten;

	/* what happened */
	unsigned sessions_begun, sessions_disconnected, sessions_ended;
	unsigned calls;       /* requests that reached a session */
	unsigned submissions; /* of them */
	uint32_t lock_flags;  /* of the last upload or read-back */
	unsigned pipelines;   /* that were asked for */
	uint32_t view_mask;   /* of the last one's graphics state; UINT32_MAX: it had none */
	uint32_t spirv_bytes; /* of the last one's stages, together */
	uint32_t spirv_sum;
	uint32_t constants; /* of its last stage */
	uint64_t named;     /* of an offer or a priority: the last name */
	size_t named_count;
	uint32_t priority;
	unsigned uploads, torn_uploads, read_backs, read_backs_ended;
	uint64_t received, fences_from; /* as the client of a resume said */
	uint64_t command_sum;           /* of the bytes of all command buffers */
	char client[PENSTOCK_LIMIT_CLIENT_NAME_BYTES];
	struct penstock_session *latest;
	struct penstock_session_events events; /* of the latest session */
	struct penstock_trace trace;
	struct penstock_request *pending[FAKE_REQUESTS];
	unsigned pending_count;
	uint8_t memory[FAKE_MEMORY_BYTES]; /* the one allocation there is */
};

extern struct fake_objects fake;

void fake_objects_reset(void);

/* The oldest pending request is done. */
void fake_objects_finish(enum penstock_status status);

/* All of them are done with CANCELLED, as on the turn after a session was given back. */
void fake_objects_cancel(void);

/* Somebody else ends the latest session. */
void fake_objects_end(enum penstock_status status, const char *sentence);

#endif
