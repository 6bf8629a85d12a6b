/* SPDX-License-Identifier: MIT */
/*
 * The end of a session that is meant, and the end of a connection that is not: goodbye, and
 * resumption of a session with a lease.
 */
#include "client/connection.h"

#include <stdlib.h>

enum penstock_status penstock_connection_goodbye(struct penstock_connection *connection,
						 int32_t timeout_ms)
{
	Penstock__Wire__Goodbye goodbye = PENSTOCK__WIRE__GOODBYE__INIT;
	struct penstock_request_entry entry = { .kind = PENSTOCK_REQUEST_PLAIN };
	enum penstock_status status =
		penstock_request_message(connection, PENSTOCK_FRAME_GOODBYE, &goodbye.base, &entry);
	int64_t deadline_ms = penstock_deadline(timeout_ms);
	uint64_t serial = penstock_request_last(connection);

	while (status == PENSTOCK_STATUS_SUCCESS && connection->requests.answered < serial) {
		status = penstock_connection_run(connection, deadline_ms);
	}
	if (connection == NULL || status == PENSTOCK_STATUS_TIMEOUT ||
	    status == PENSTOCK_STATUS_NOT_SUPPORTED) {
		return status;
	}
	/* Answered, or the daemon closed as it does after a goodbye: over either way. */
	if (connection->state != PENSTOCK_CONNECTION_LOST) {
		penstock_connection_lose(connection, PENSTOCK_STATUS_CANCELLED,
					 "the program said goodbye");
	}
	return status == PENSTOCK_STATUS_CONNECTION_DISCONNECTED ? PENSTOCK_STATUS_SUCCESS : status;
}

/*
 * Which fences were reached while nobody listened: asks for each context with submissions on
 * their way. The answers come like those to any other request.
 */
struct fence_question {
	struct penstock_call call;
	struct penstock_connection *connection;
	uint64_t context;
};

static void fence_answered(struct penstock_call *call, enum penstock_status status,
			   const ProtobufCMessage *reply)
{
	struct fence_question *question = call->owner;

	if (status == PENSTOCK_STATUS_SUCCESS) {
		const Penstock__Wire__ContextState *state = (const void *)reply;

		penstock_context_retired(question->connection, question->context,
					 state->completed_fence, PENSTOCK_STATUS_SUCCESS);
	}
	free(question);
}

static enum penstock_status ask_fence(struct penstock_connection *connection, uint64_t context)
{
	Penstock__Wire__QueryContext query = PENSTOCK__WIRE__QUERY_CONTEXT__INIT;
	struct fence_question *question = calloc(1, sizeof(*question));
	struct penstock_request_entry entry = { .kind = PENSTOCK_REQUEST_CALL };
	enum penstock_status status;

	if (question == NULL) {
		return PENSTOCK_STATUS_NO_MEMORY;
	}
	question->connection = connection;
	question->context = context;
	question->call.reply = PENSTOCK_FRAME_CONTEXT_STATE;
	question->call.complete = fence_answered;
	question->call.owner = question;
	entry.call = &question->call;
	query.name = context;
	status = penstock_request_message(connection, PENSTOCK_FRAME_QUERY_CONTEXT, &query.base,
					  &entry);
	if (status != PENSTOCK_STATUS_SUCCESS) {
		free(question);
	}
	return status;
}

static enum penstock_status ask_fences(struct penstock_connection *connection)
{
	struct penstock_contexts *contexts = &connection->contexts;

	for (uint32_t i = 0; i < contexts->bucket_count; i++) {
		for (struct penstock_context *c = contexts->buckets[i]; c != NULL; c = c->next) {
			enum penstock_status status = PENSTOCK_STATUS_SUCCESS;

			if (c->count > 0 && !c->destroyed) {
				status = ask_fence(connection, c->name);
			}
			if (status != PENSTOCK_STATUS_SUCCESS) {
				return status;
			}
		}
	}
	return PENSTOCK_STATUS_SUCCESS;
}

enum penstock_status penstock_connection_resume(struct penstock_connection *connection,
						int32_t timeout_ms)
{
	int64_t deadline_ms = penstock_deadline(timeout_ms);
	struct penstock_outbox waiting;
	int descriptor = -1;
	enum penstock_status status;

	if (connection == NULL) {
		return PENSTOCK_STATUS_INVALID_PARAMETER;
	}
	if (connection->state != PENSTOCK_CONNECTION_LOST || !connection->out.keep ||
	    connection->in_callback > 0) {
		return PENSTOCK_STATUS_NOT_SUPPORTED;
	}
	status = penstock_address_connect(connection->server, deadline_ms, &descriptor,
					  &connection->sentence);
	if (status != PENSTOCK_STATUS_SUCCESS) {
		connection->ended = status;
		return status;
	}
	penstock_connection_adopt_socket(connection, descriptor);
	/* The hello goes first, alone. */
	penstock_outbox_close_batch(&connection->out);
	penstock_outbox_move(&connection->out, &waiting);
	connection->in.start = 0;
	connection->in.end = 0;
	connection->send_failed = false;
	connection->state = PENSTOCK_CONNECTION_HELLO;
	status = penstock_session_hello(connection, deadline_ms);
	penstock_outbox_fini(&connection->out);
	penstock_outbox_move(&waiting, &connection->out);
	if (status != PENSTOCK_STATUS_SUCCESS) {
		return status;
	}
	if (penstock_outbox_replay(&connection->out, connection->welcome->last_serial) != 0) {
		return penstock_connection_lose(connection, PENSTOCK_STATUS_NO_MEMORY,
						"no memory to send requests again");
	}
	status = penstock_requests_acknowledge(connection, connection->welcome->last_serial);
	if (status == PENSTOCK_STATUS_SUCCESS) {
		status = ask_fences(connection);
	}
	return status;
}
