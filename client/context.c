/* SPDX-License-Identifier: MIT */
#include "client/context.h"

#include "client/connection.h"

#include <stdlib.h>
#include <string.h>

#define FIRST_BUCKETS 64u
#define FIRST_HELD    16u

static uint32_t bucket_of(const struct penstock_contexts *contexts, uint64_t name)
{
	uint64_t mixed = name * 0x9E3779B97F4A7C15ull;

	return (uint32_t)(mixed >> 32) & (contexts->bucket_count - 1);
}

static void context_free(struct penstock_contexts *contexts, struct penstock_context *context)
{
	struct penstock_context **link = &contexts->buckets[bucket_of(contexts, context->name)];

	while (*link != context) {
		link = &(*link)->next;
	}
	*link = context->next;
	contexts->count--;
	if (contexts->latest == context) {
		contexts->latest = NULL;
	}
	free(context->held);
	free(context);
}

void penstock_contexts_fini(struct penstock_contexts *contexts)
{
	for (uint32_t i = 0; i < contexts->bucket_count; i++) {
		while (contexts->buckets[i] != NULL) {
			context_free(contexts, contexts->buckets[i]);
		}
	}
	free(contexts->buckets);
	*contexts = (struct penstock_contexts){ .count = 0 };
}

struct penstock_context *penstock_contexts_find(struct penstock_contexts *contexts, uint64_t name)
{
	struct penstock_context *context = contexts->latest;

	if (context != NULL && context->name == name) {
		return context;
	}
	if (contexts->bucket_count == 0) {
		return NULL;
	}
	context = contexts->buckets[bucket_of(contexts, name)];
	while (context != NULL && context->name != name) {
		context = context->next;
	}
	if (context != NULL) {
		contexts->latest = context;
	}
	return context;
}

static int grow_buckets(struct penstock_contexts *contexts)
{
	struct penstock_contexts old = *contexts;

	contexts->bucket_count = old.bucket_count == 0 ? FIRST_BUCKETS : old.bucket_count * 2;
	contexts->buckets = calloc(contexts->bucket_count, sizeof(*contexts->buckets));
	if (contexts->buckets == NULL) {
		*contexts = old;
		return -1;
	}
	for (uint32_t i = 0; i < old.bucket_count; i++) {
		while (old.buckets[i] != NULL) {
			struct penstock_context *context = old.buckets[i];
			struct penstock_context **bucket =
				&contexts->buckets[bucket_of(contexts, context->name)];

			old.buckets[i] = context->next;
			context->next = *bucket;
			*bucket = context;
		}
	}
	free(old.buckets);
	return 0;
}

struct penstock_context *penstock_contexts_get(struct penstock_contexts *contexts, uint64_t name)
{
	struct penstock_context *context = penstock_contexts_find(contexts, name);
	uint32_t bucket;

	if (context != NULL) {
		return context;
	}
	if (contexts->count >= contexts->bucket_count && grow_buckets(contexts) != 0) {
		return NULL;
	}
	context = calloc(1, sizeof(*context));
	if (context == NULL) {
		return NULL;
	}
	bucket = bucket_of(contexts, name);
	context->name = name;
	context->next = contexts->buckets[bucket];
	contexts->buckets[bucket] = context;
	contexts->count++;
	contexts->latest = context;
	return context;
}

/* ---------------------------------------------------------------- submissions on their way */

static struct penstock_held *held_at(struct penstock_context *context, uint32_t position)
{
	return &context->held[(context->first + position) & (context->capacity - 1)];
}

enum penstock_status penstock_context_reserve(struct penstock_context *context)
{
	uint32_t capacity = context->capacity == 0 ? FIRST_HELD : context->capacity * 2;
	struct penstock_held *held;

	if (context->count < context->capacity) {
		return PENSTOCK_STATUS_SUCCESS;
	}
	held = malloc(capacity * sizeof(*held));
	if (held == NULL) {
		return PENSTOCK_STATUS_NO_MEMORY;
	}
	for (uint32_t i = 0; i < context->count; i++) {
		held[i] = *held_at(context, i);
	}
	free(context->held);
	context->held = held;
	context->capacity = capacity;
	context->first = 0;
	return PENSTOCK_STATUS_SUCCESS;
}

void penstock_context_hold(struct penstock_contexts *contexts, struct penstock_context *context,
			   uint64_t serial, uint32_t size_bytes)
{
	*held_at(context, context->count) = (struct penstock_held){
		.serial = serial,
		.size_bytes = size_bytes,
	};
	context->count++;
	context->unanswered++;
	contexts->held_submissions++;
	contexts->held_bytes += size_bytes;
}

static void pop_held(struct penstock_context *context)
{
	context->first = (context->first + 1) & (context->capacity - 1);
	context->count--;
}

static void give_credit(struct penstock_contexts *contexts, const struct penstock_held *held)
{
	contexts->held_submissions--;
	contexts->held_bytes -= held->size_bytes;
}

static void free_if_over(struct penstock_contexts *contexts, struct penstock_context *context)
{
	if (context->destroyed && context->count == 0 && context->unanswered == 0) {
		context_free(contexts, context);
	}
}

/* By binary search: serials grow. */
static struct penstock_held *find_held(struct penstock_context *context, uint64_t serial)
{
	uint32_t low = 0;
	uint32_t high = context->count;

	while (low < high) {
		uint32_t middle = low + (high - low) / 2;

		if (held_at(context, middle)->serial < serial) {
			low = middle + 1;
		} else {
			high = middle;
		}
	}
	if (low == context->count || held_at(context, low)->serial != serial) {
		return NULL;
	}
	return held_at(context, low);
}

bool penstock_context_holds(struct penstock_context *context, uint64_t serial)
{
	const struct penstock_held *held = find_held(context, serial);

	return held != NULL && !held->refused;
}

void penstock_context_answered(struct penstock_contexts *contexts, struct penstock_context *context,
			       uint64_t serial, bool refused)
{
	context->unanswered--;
	if (refused) {
		struct penstock_held *held = find_held(context, serial);

		if (held != NULL && !held->refused) {
			held->refused = true;
			give_credit(contexts, held);
		}
		while (context->count > 0 && held_at(context, 0)->refused) {
			pop_held(context);
		}
	}
	free_if_over(contexts, context);
}

void penstock_context_destroyed(struct penstock_contexts *contexts,
				struct penstock_context *context)
{
	context->destroyed = true;
	while (context->count > 0) {
		if (!held_at(context, 0)->refused) {
			give_credit(contexts, held_at(context, 0));
		}
		pop_held(context);
	}
	free_if_over(contexts, context);
}

/* ---------------------------------------------------------------- fences */

static void tell_not_run(struct penstock_connection *connection, uint64_t context, uint64_t serial,
			 enum penstock_status status)
{
	struct penstock_failure failure = {
		.serial = serial,
		.context = context,
		.status = status,
		.accepted = true,
	};
	struct penstock_errbuf sentence;

	if (status == PENSTOCK_STATUS_CONNECTION_DISCONNECTED) {
		penstock_errbuf_set(&sentence, "the daemon does not know any more whether it ran");
	} else {
		penstock_errbuf_set(&sentence, "the submission was accepted and did not run: %s",
				    penstock_status_text(status));
	}
	memcpy(failure.sentence, sentence.text, sizeof(failure.sentence));
	penstock_failure_deliver(connection, &failure);
}

void penstock_context_retired(struct penstock_connection *connection, uint64_t name, uint64_t fence,
			      enum penstock_status status)
{
	struct penstock_contexts *contexts = &connection->contexts;
	struct penstock_context *context = penstock_contexts_find(contexts, name);

	if (fence > connection->requests.last_serial) {
		penstock_connection_lose(connection, PENSTOCK_STATUS_MALFORMED_MESSAGE,
					 "the daemon named a fence that was never asked for");
		return;
	}
	if (context == NULL || fence <= context->fence) {
		return;
	}
	context->fence = fence;
	context->unanswered++; /* callbacks may destroy it */
	while (context->count > 0 && held_at(context, 0)->serial <= fence) {
		struct penstock_held held = *held_at(context, 0);

		pop_held(context);
		if (held.refused) {
			continue;
		}
		give_credit(contexts, &held);
		if (status != PENSTOCK_STATUS_SUCCESS) {
			tell_not_run(connection, name, held.serial, status);
		}
	}
	if (connection->callbacks.fence != NULL) {
		connection->in_callback++;
		connection->callbacks.fence(connection->callbacks.owner, name, fence, status);
		connection->in_callback--;
	}
	context->unanswered--;
	free_if_over(contexts, context);
}

/* Refused ones are taken out when they come to the front. */
uint64_t penstock_contexts_oldest(struct penstock_contexts *contexts)
{
	uint64_t oldest = 0;

	for (uint32_t i = 0; i < contexts->bucket_count; i++) {
		for (struct penstock_context *c = contexts->buckets[i]; c != NULL; c = c->next) {
			uint64_t serial = c->count > 0 ? held_at(c, 0)->serial : 0;

			oldest = serial != 0 && (oldest == 0 || serial < oldest) ? serial : oldest;
		}
	}
	return oldest;
}

void penstock_contexts_sweep(struct penstock_connection *connection)
{
	struct penstock_contexts *contexts = &connection->contexts;

	for (uint32_t i = 0; i < contexts->bucket_count; i++) {
		struct penstock_context *context = contexts->buckets[i];

		while (context != NULL) {
			struct penstock_context *next = context->next;

			if (!penstock_names_used(&connection->names, context->name)) {
				penstock_context_destroyed(contexts, context);
			}
			context = next;
		}
	}
}
