/* SPDX-License-Identifier: MIT */
/*
 * What a client knows of its contexts: the fence that was reached, and the submissions on their
 * way, which count against the credit that the daemon granted to the connection.
 */
#ifndef PENSTOCK_CLIENT_CONTEXT_H
#define PENSTOCK_CLIENT_CONTEXT_H

#include "proto/wire/status.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct penstock_connection;

/* A submission that was sent, in order of serials. */
struct penstock_held {
	uint64_t serial;
	uint32_t size_bytes;
	bool refused;
};

struct penstock_context {
	struct penstock_context *next; /* of the same bucket */
	uint64_t name;
	uint64_t fence;             /* reached */
	struct penstock_held *held; /* [capacity], a ring; capacity is 0 or a power of two */
	uint32_t capacity;
	uint32_t first;
	uint32_t count;
	uint64_t unanswered; /* entries in the table of requests that point here */
	bool destroyed;
};

struct penstock_contexts {
	struct penstock_context **buckets; /* [bucket_count], a power of two */
	uint32_t bucket_count;
	uint32_t count;
	struct penstock_context *latest; /* that was looked up; NULL: none */
	uint64_t held_submissions;       /* sent, neither refused nor retired */
	uint64_t held_bytes;
};

void penstock_contexts_fini(struct penstock_contexts *contexts);

/* The context of that name, or NULL. */
struct penstock_context *penstock_contexts_find(struct penstock_contexts *contexts, uint64_t name);

/* Likewise, made where it is not there: any name may be submitted to. NULL: no memory. */
struct penstock_context *penstock_contexts_get(struct penstock_contexts *contexts, uint64_t name);

/* SUCCESS, NO_MEMORY: room for one more submission. */
enum penstock_status penstock_context_reserve(struct penstock_context *context);

/* One more submission on its way; room was made. */
void penstock_context_hold(struct penstock_contexts *contexts, struct penstock_context *context,
			   uint64_t serial, uint32_t size_bytes);

/* Whether that submission is on its way: neither refused nor retired. */
bool penstock_context_holds(struct penstock_context *context, uint64_t serial);

/* The daemon answered: refused, or accepted. */
void penstock_context_answered(struct penstock_contexts *contexts, struct penstock_context *context,
			       uint64_t serial, bool refused);

/*
 * Handle and object are over: its fences are told no more. What is known of it goes with the last
 * answer.
 */
void penstock_context_destroyed(struct penstock_contexts *contexts,
				struct penstock_context *context);

/* The first submission whose end was not told; 0: there is none. */
uint64_t penstock_contexts_oldest(struct penstock_contexts *contexts);

/* Every accepted submission up to `fence` retired, with that status. Calls back. */
void penstock_context_retired(struct penstock_connection *connection, uint64_t name, uint64_t fence,
			      enum penstock_status status);

/* Destroys what is known of the contexts whose names are over. */
void penstock_contexts_sweep(struct penstock_connection *connection);

#endif
