/* SPDX-License-Identifier: MIT */
#include "client/requests.h"

#include "client/connection.h"

#include <stdlib.h>
#include <string.h>

#define FIRST_ENTRIES 64u

static struct penstock_request_entry *entry_at(struct penstock_requests *requests, uint64_t serial)
{
	return &requests->ring[serial & (requests->capacity - 1)];
}

void penstock_requests_fini(struct penstock_requests *requests)
{
	for (uint64_t serial = requests->answered + 1; serial <= requests->last_serial; serial++) {
		const struct penstock_request_entry *entry = entry_at(requests, serial);

		if (entry->kind == PENSTOCK_REQUEST_BROADCAST) {
			free(entry->broadcast);
		}
	}
	for (size_t i = requests->failure_first; i < requests->failure_count; i++) {
		free(requests->failures[i]);
	}
	free(requests->failures);
	free(requests->told);
	free(requests->ring);
	*requests = (struct penstock_requests){ .capacity = 0 };
}

enum penstock_status penstock_requests_reserve(struct penstock_requests *requests)
{
	uint64_t capacity = requests->capacity == 0 ? FIRST_ENTRIES : requests->capacity * 2;
	struct penstock_request_entry *ring;

	if (requests->last_serial - requests->answered < requests->capacity) {
		return PENSTOCK_STATUS_SUCCESS;
	}
	ring = malloc(capacity * sizeof(*ring));
	if (ring == NULL) {
		return PENSTOCK_STATUS_NO_MEMORY;
	}
	for (uint64_t serial = requests->answered + 1; serial <= requests->last_serial; serial++) {
		ring[serial & (capacity - 1)] = *entry_at(requests, serial);
	}
	free(requests->ring);
	requests->ring = ring;
	requests->capacity = capacity;
	return PENSTOCK_STATUS_SUCCESS;
}

uint64_t penstock_requests_push(struct penstock_requests *requests,
				const struct penstock_request_entry *entry)
{
	requests->last_serial++;
	*entry_at(requests, requests->last_serial) = *entry;
	return requests->last_serial;
}

struct penstock_request_entry *penstock_requests_find(struct penstock_requests *requests,
						      uint64_t serial)
{
	if (serial <= requests->answered || serial > requests->last_serial) {
		return NULL;
	}
	return entry_at(requests, serial);
}

/* ---------------------------------------------------------------- answers */

/* A submission was accepted or refused, in all of its contexts. Returns the name of the first. */
static uint64_t submission_answered(struct penstock_connection *connection,
				    const struct penstock_request_entry *entry, uint64_t serial,
				    bool refused)
{
	struct penstock_context *const *contexts = &entry->context;
	uint32_t count = 1;
	uint64_t name;

	if (entry->kind == PENSTOCK_REQUEST_BROADCAST) {
		contexts = entry->broadcast->contexts;
		count = entry->broadcast->count;
	}
	name = contexts[0]->name;
	for (uint32_t i = 0; i < count; i++) {
		penstock_context_answered(&connection->contexts, contexts[i], serial, refused);
	}
	if (entry->kind == PENSTOCK_REQUEST_BROADCAST) {
		free(entry->broadcast);
	}
	return name;
}

static void complete_call(struct penstock_connection *connection, struct penstock_call *call,
			  enum penstock_status status, const ProtobufCMessage *reply)
{
	if (call == NULL) {
		return;
	}
	call->done = true;
	call->status = status;
	if (call->complete != NULL) {
		connection->in_callback++;
		call->complete(call, status, reply);
		connection->in_callback--;
	}
}

/* Its answer went with an earlier connection. */
static enum penstock_status ask_again(struct penstock_connection *connection, uint64_t serial,
				      struct penstock_call *call)
{
	enum penstock_status status = penstock_resend_question(connection, serial, call);

	if (status == PENSTOCK_STATUS_NOT_FOUND) {
		complete_call(connection, call, PENSTOCK_STATUS_CONNECTION_DISCONNECTED, NULL);
		return PENSTOCK_STATUS_SUCCESS;
	}
	if (status != PENSTOCK_STATUS_SUCCESS) {
		complete_call(connection, call, status, NULL);
		return penstock_connection_lose(connection, status,
						"no memory to ask a question again");
	}
	return status;
}

/* One request was executed; nothing is said beyond that. */
static enum penstock_status executed(struct penstock_connection *connection, uint64_t serial)
{
	struct penstock_request_entry entry = *entry_at(&connection->requests, serial);

	connection->requests.answered = serial;
	switch (entry.kind) {
	case PENSTOCK_REQUEST_PLAIN:
	case PENSTOCK_REQUEST_CREATE:
	case PENSTOCK_REQUEST_WAIT:
		break;
	case PENSTOCK_REQUEST_SUBMIT:
	case PENSTOCK_REQUEST_BROADCAST:
		(void)submission_answered(connection, &entry, serial, false);
		break;
	case PENSTOCK_REQUEST_CALL:
		if (entry.call != NULL && entry.call->reply != PENSTOCK_FRAME_ACK &&
		    serial <= connection->reconnect.resumed_serial) {
			return ask_again(connection, serial, entry.call);
		}
		if (entry.call != NULL && entry.call->reply != PENSTOCK_FRAME_ACK) {
			complete_call(connection, entry.call, PENSTOCK_STATUS_MALFORMED_MESSAGE,
				      NULL);
			return penstock_connection_lose(
				connection, PENSTOCK_STATUS_MALFORMED_MESSAGE,
				"the daemon skipped the answer to a request");
		}
		complete_call(connection, entry.call, PENSTOCK_STATUS_SUCCESS, NULL);
		break;
	}
	return PENSTOCK_STATUS_SUCCESS;
}

enum penstock_status penstock_requests_acknowledge(struct penstock_connection *connection,
						   uint64_t serial)
{
	struct penstock_requests *requests = &connection->requests;

	if (serial > requests->last_serial) {
		return penstock_connection_lose(connection, PENSTOCK_STATUS_MALFORMED_MESSAGE,
						"the daemon answered a request that was not made");
	}
	while (requests->answered < serial) {
		enum penstock_status status = executed(connection, requests->answered + 1);

		if (status != PENSTOCK_STATUS_SUCCESS) {
			return status;
		}
	}
	penstock_outbox_answered(&connection->out, requests->answered);
	return PENSTOCK_STATUS_SUCCESS;
}

/* Takes the unanswered entry of `serial` out, all before it acknowledged. */
static enum penstock_status take_entry(struct penstock_connection *connection, uint64_t serial,
				       struct penstock_request_entry *ret_entry)
{
	enum penstock_status status;

	if (penstock_requests_find(&connection->requests, serial) == NULL) {
		return penstock_connection_lose(connection, PENSTOCK_STATUS_MALFORMED_MESSAGE,
						"the daemon answered a request that was not open");
	}
	status = penstock_requests_acknowledge(connection, serial - 1);
	if (status != PENSTOCK_STATUS_SUCCESS) {
		return status;
	}
	*ret_entry = *entry_at(&connection->requests, serial);
	connection->requests.answered = serial;
	penstock_outbox_answered(&connection->out, serial);
	return PENSTOCK_STATUS_SUCCESS;
}

enum penstock_status penstock_requests_refused(struct penstock_connection *connection,
					       const struct penstock_failure *failure)
{
	struct penstock_failure told = *failure;
	struct penstock_request_entry entry;
	enum penstock_status status = take_entry(connection, failure->serial, &entry);

	if (status != PENSTOCK_STATUS_SUCCESS) {
		return status;
	}
	switch (entry.kind) {
	case PENSTOCK_REQUEST_PLAIN:
		break;
	case PENSTOCK_REQUEST_CREATE:
		penstock_names_give_back(&connection->names, entry.name);
		break;
	case PENSTOCK_REQUEST_WAIT:
		penstock_sync_told(connection, entry.name, 0, told.status);
		break;
	case PENSTOCK_REQUEST_SUBMIT:
	case PENSTOCK_REQUEST_BROADCAST:
		told.context = submission_answered(connection, &entry, failure->serial, true);
		break;
	case PENSTOCK_REQUEST_CALL:
		if (entry.call != NULL && entry.call->failure != NULL) {
			*entry.call->failure = told;
		}
		complete_call(connection, entry.call, told.status, NULL);
		return PENSTOCK_STATUS_SUCCESS;
	}
	penstock_failure_deliver(connection, &told);
	return PENSTOCK_STATUS_SUCCESS;
}

enum penstock_status penstock_requests_replied(struct penstock_connection *connection,
					       const struct penstock_frame *frame,
					       const ProtobufCMessage *reply)
{
	const struct penstock_request_entry *open =
		penstock_requests_find(&connection->requests, frame->serial);
	struct penstock_request_entry entry;
	enum penstock_status status;

	if (open == NULL || open->kind != PENSTOCK_REQUEST_CALL ||
	    (open->call != NULL && open->call->reply != frame->type)) {
		return penstock_connection_lose(connection, PENSTOCK_STATUS_MALFORMED_MESSAGE,
						"the daemon sent an answer that nobody asked for");
	}
	status = take_entry(connection, frame->serial, &entry);
	if (status != PENSTOCK_STATUS_SUCCESS) {
		return status;
	}
	complete_call(connection, entry.call, PENSTOCK_STATUS_SUCCESS, reply);
	return PENSTOCK_STATUS_SUCCESS;
}

static void fail_forgotten(struct penstock_connection *connection, uint64_t serial)
{
	struct penstock_request_entry entry = *entry_at(&connection->requests, serial);
	struct penstock_failure failure = {
		.serial = serial,
		.status = PENSTOCK_STATUS_CONNECTION_DISCONNECTED,
		.sentence = "the daemon does not know any more how it answered this request",
	};

	connection->requests.answered = serial;
	switch (entry.kind) {
	case PENSTOCK_REQUEST_CALL:
		complete_call(connection, entry.call, failure.status, NULL);
		return;
	case PENSTOCK_REQUEST_SUBMIT:
	case PENSTOCK_REQUEST_BROADCAST:
		failure.context = submission_answered(connection, &entry, serial, true);
		break;
	case PENSTOCK_REQUEST_WAIT: /* it is asked for again */
		return;
	case PENSTOCK_REQUEST_PLAIN:
	case PENSTOCK_REQUEST_CREATE: /* the name may be in use: it is not given back */
		break;
	}
	penstock_failure_deliver(connection, &failure);
}

enum penstock_status penstock_requests_forgotten(struct penstock_connection *connection,
						 uint64_t serial)
{
	struct penstock_requests *requests = &connection->requests;
	enum penstock_status status = PENSTOCK_STATUS_SUCCESS;

	while (status == PENSTOCK_STATUS_SUCCESS && requests->answered < serial) {
		const struct penstock_request_entry *entry =
			entry_at(requests, requests->answered + 1);

		if (entry->kind == PENSTOCK_REQUEST_CALL && entry->call != NULL &&
		    entry->call->reply != PENSTOCK_FRAME_ACK) {
			status = executed(connection, requests->answered + 1);
		} else {
			fail_forgotten(connection, requests->answered + 1);
			status = penstock_connection_usable(connection);
		}
	}
	return status;
}

void penstock_requests_abandon(struct penstock_connection *connection, enum penstock_status status)
{
	struct penstock_requests *requests = &connection->requests;

	for (uint64_t serial = requests->answered + 1; serial <= requests->last_serial; serial++) {
		struct penstock_request_entry *entry = entry_at(requests, serial);

		if (entry->kind == PENSTOCK_REQUEST_CALL) {
			struct penstock_call *call = entry->call;

			entry->call = NULL;
			complete_call(connection, call, status, NULL);
		}
	}
}

/* ---------------------------------------------------------------- failures */

/* The position of `serial`, or of the first failure behind it. */
static size_t failure_position(const struct penstock_requests *requests, uint64_t serial)
{
	size_t low = requests->failure_first;
	size_t high = requests->failure_count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (requests->failures[middle]->serial < serial) {
			low = middle + 1;
		} else {
			high = middle;
		}
	}
	return low;
}

/* Of the failure of `serial` that concerns `context`; failure_count: there is none. */
static size_t kept_position(const struct penstock_requests *requests, uint64_t serial,
			    uint64_t context)
{
	size_t position = failure_position(requests, serial);

	while (position < requests->failure_count &&
	       requests->failures[position]->serial == serial) {
		if (penstock_failure_concerns(requests->failures[position], context)) {
			return position;
		}
		position++;
	}
	return requests->failure_count;
}

/* A client without memory for this is told of later waits what their fences say. */
static void remember_told(struct penstock_requests *requests,
			  const struct penstock_failure *failure)
{
	if (requests->told == NULL) {
		requests->told = calloc(PENSTOCK_FAILURES_TOLD, sizeof(*requests->told));
	}
	if (requests->told != NULL) {
		requests->told[requests->told_count++ % PENSTOCK_FAILURES_TOLD] =
			(struct penstock_told){ failure->serial,
						failure->accepted ? failure->context : 0 };
	}
}

bool penstock_failure_was_told(const struct penstock_requests *requests, uint64_t serial,
			       uint64_t context)
{
	for (size_t i = 0; requests->told != NULL && i < PENSTOCK_FAILURES_TOLD; i++) {
		const struct penstock_told *told = &requests->told[i];

		if (told->serial == serial && (told->context == 0 || told->context == context)) {
			return true;
		}
	}
	return false;
}

struct penstock_failure *penstock_failure_find(const struct penstock_requests *requests,
					       uint64_t serial, uint64_t context)
{
	size_t position = kept_position(requests, serial, context);

	return position == requests->failure_count ? NULL : requests->failures[position];
}

void penstock_failure_forget(struct penstock_requests *requests, uint64_t serial, uint64_t context)
{
	size_t position = kept_position(requests, serial, context);

	if (position == requests->failure_count) {
		return;
	}
	remember_told(requests, requests->failures[position]);
	free(requests->failures[position]);
	if (position == requests->failure_first) {
		requests->failure_first++;
	} else {
		memmove(&requests->failures[position], &requests->failures[position + 1],
			(requests->failure_count - position - 1) * sizeof(*requests->failures));
		requests->failure_count--;
	}
	if (requests->failure_first == requests->failure_count) {
		requests->failure_first = 0;
		requests->failure_count = 0;
	}
}

static int make_failure_room(struct penstock_requests *requests)
{
	size_t kept = requests->failure_count - requests->failure_first;
	size_t capacity = requests->failure_capacity == 0 ? 16 : requests->failure_capacity * 2;
	struct penstock_failure **failures;

	if (requests->failure_count < requests->failure_capacity) {
		return 0;
	}
	if (requests->failure_first > kept) { /* half of it is free, in front */
		memmove(requests->failures, &requests->failures[requests->failure_first],
			kept * sizeof(*failures));
		requests->failure_first = 0;
		requests->failure_count = kept;
		return 0;
	}
	failures = realloc(requests->failures, capacity * sizeof(*failures));
	if (failures == NULL) {
		return -1;
	}
	requests->failures = failures;
	requests->failure_capacity = capacity;
	return 0;
}

static void keep_failure(struct penstock_connection *connection,
			 const struct penstock_failure *failure)
{
	struct penstock_requests *requests = &connection->requests;
	struct penstock_failure *kept = malloc(sizeof(*kept));
	size_t position;

	if (kept == NULL || make_failure_room(requests) != 0) {
		free(kept);
		penstock_connection_lose(connection, PENSTOCK_STATUS_NO_MEMORY,
					 "no memory to keep the failure of a request");
		return;
	}
	*kept = *failure;
	position = failure_position(requests, failure->serial);
	memmove(&requests->failures[position + 1], &requests->failures[position],
		(requests->failure_count - position) * sizeof(*requests->failures));
	requests->failures[position] = kept;
	requests->failure_count++;
}

void penstock_failure_deliver(struct penstock_connection *connection,
			      const struct penstock_failure *failure)
{
	struct penstock_requests *requests = &connection->requests;

	if (requests->watched_serial == failure->serial &&
	    penstock_failure_concerns(failure, requests->watched_context)) {
		remember_told(requests, failure);
		requests->watched_status = failure->status;
		if (requests->watched_failure != NULL) {
			*requests->watched_failure = *failure;
		}
		return;
	}
	if (connection->callbacks.failure != NULL) {
		remember_told(requests, failure);
		connection->in_callback++;
		connection->callbacks.failure(connection->callbacks.owner, failure);
		connection->in_callback--;
		return;
	}
	keep_failure(connection, failure);
}

/* ---------------------------------------------------------------- the public part */

uint64_t penstock_request_last(const struct penstock_connection *connection)
{
	return connection == NULL ? 0 : connection->requests.last_serial;
}

enum penstock_status penstock_request_status(const struct penstock_connection *connection,
					     uint64_t serial, struct penstock_failure *ret_failure)
{
	const struct penstock_failure *failure;

	if (connection == NULL || serial == 0 || serial > connection->requests.last_serial) {
		return PENSTOCK_STATUS_INVALID_PARAMETER;
	}
	failure = penstock_failure_find(&connection->requests, serial, 0);
	if (failure != NULL) {
		if (ret_failure != NULL) {
			*ret_failure = *failure;
		}
		return failure->status;
	}
	if (serial <= connection->requests.answered) {
		return PENSTOCK_STATUS_SUCCESS;
	}
	return connection->state == PENSTOCK_CONNECTION_LOST ? connection->ended
							     : PENSTOCK_STATUS_PENDING;
}

enum penstock_status penstock_failure_next(struct penstock_connection *connection,
					   struct penstock_failure *ret_failure)
{
	struct penstock_requests *requests;

	if (connection == NULL || ret_failure == NULL) {
		return PENSTOCK_STATUS_INVALID_PARAMETER;
	}
	requests = &connection->requests;
	if (requests->failure_first == requests->failure_count) {
		return PENSTOCK_STATUS_NOT_FOUND;
	}
	*ret_failure = *requests->failures[requests->failure_first];
	penstock_failure_forget(requests, ret_failure->serial, 0);
	return PENSTOCK_STATUS_SUCCESS;
}

enum penstock_status penstock_failure_of_call(const struct penstock_connection *connection,
					      struct penstock_failure *ret_failure)
{
	if (connection == NULL || ret_failure == NULL) {
		return PENSTOCK_STATUS_INVALID_PARAMETER;
	}
	if (connection->call_failure.status == PENSTOCK_STATUS_SUCCESS) {
		return PENSTOCK_STATUS_NOT_FOUND;
	}
	*ret_failure = connection->call_failure;
	return PENSTOCK_STATUS_SUCCESS;
}
