/* SPDX-License-Identifier: MIT */
/* Making a request, and waiting for what becomes of it. */
#include "client/connection.h"

/* `own_bytes` of the payload have their room behind the message, where *ret_payload points. */
static enum penstock_status append(struct penstock_connection *connection, uint16_t type,
				   const ProtobufCMessage *message,
				   const struct penstock_request_entry *entry,
				   uint32_t payload_bytes, uint32_t own_bytes,
				   uint8_t **ret_payload)
{
	struct penstock_frame frame = { .type = type, .payload_bytes = payload_bytes };
	enum penstock_status status = penstock_connection_usable(connection);
	uint8_t *at;

	if (status == PENSTOCK_STATUS_SUCCESS) {
		status = penstock_requests_reserve(&connection->requests);
	}
	if (status != PENSTOCK_STATUS_SUCCESS) {
		return status;
	}
	frame.message_bytes = (uint32_t)protobuf_c_message_get_packed_size(message);
	frame.serial = connection->requests.last_serial + 1;
	at = penstock_outbox_reserve(&connection->out,
				     (size_t)PENSTOCK_FRAME_HEADER_BYTES + frame.message_bytes +
					     own_bytes,
				     frame.serial);
	if (at == NULL) {
		return PENSTOCK_STATUS_NO_MEMORY;
	}
	penstock_frame_encode(&frame, at);
	protobuf_c_message_pack(message, at + PENSTOCK_FRAME_HEADER_BYTES);
	*ret_payload = at + PENSTOCK_FRAME_HEADER_BYTES + frame.message_bytes;
	penstock_requests_push(&connection->requests, entry);
	return PENSTOCK_STATUS_SUCCESS;
}

enum penstock_status penstock_request_append(struct penstock_connection *connection, uint16_t type,
					     const ProtobufCMessage *message,
					     const struct penstock_request_entry *entry,
					     uint32_t payload_bytes)
{
	uint8_t *payload;

	return append(connection, type, message, entry, payload_bytes, 0, &payload);
}

enum penstock_status penstock_request_place(struct penstock_connection *connection, uint16_t type,
					    const ProtobufCMessage *message,
					    const struct penstock_request_entry *entry,
					    uint32_t payload_bytes, uint8_t **ret_payload)
{
	enum penstock_status status = penstock_connection_usable(connection);

	if (status == PENSTOCK_STATUS_SUCCESS) {
		status = penstock_connection_make_room(connection);
	}
	return status == PENSTOCK_STATUS_SUCCESS ? append(connection, type, message, entry,
							  payload_bytes, payload_bytes, ret_payload)
						 : status;
}

enum penstock_status penstock_request_message(struct penstock_connection *connection, uint16_t type,
					      const ProtobufCMessage *message,
					      const struct penstock_request_entry *entry)
{
	uint8_t *payload;

	return penstock_request_place(connection, type, message, entry, 0, &payload);
}

enum penstock_status penstock_request_call(struct penstock_connection *connection, uint16_t type,
					   const ProtobufCMessage *message,
					   struct penstock_call *call)
{
	struct penstock_request_entry entry = { .kind = PENSTOCK_REQUEST_CALL, .call = call };
	enum penstock_status status = penstock_connection_usable(connection);

	if (status == PENSTOCK_STATUS_SUCCESS && connection->in_callback > 0) {
		return PENSTOCK_STATUS_NOT_SUPPORTED;
	}
	if (status == PENSTOCK_STATUS_SUCCESS) {
		connection->call_failure.status = PENSTOCK_STATUS_SUCCESS;
		call->failure = &connection->call_failure;
		status = penstock_request_message(connection, type, message, &entry);
	}
	if (status != PENSTOCK_STATUS_SUCCESS) {
		return status;
	}
	while (!call->done) { /* a loss ends every call */
		(void)penstock_connection_run(connection, PENSTOCK_FOREVER);
	}
	return call->status;
}

/* ---------------------------------------------------------------- waiting for an answer */

static void watch(struct penstock_requests *requests, uint64_t serial, uint64_t context,
		  struct penstock_failure *ret_failure)
{
	requests->watched_serial = serial;
	requests->watched_context = context;
	requests->watched_failure = ret_failure;
	requests->watched_status = PENSTOCK_STATUS_SUCCESS;
}

/* Whether the failure that is watched is there, kept or come while it was watched. */
static bool failed_already(struct penstock_requests *requests, struct penstock_failure *ret_failure,
			   enum penstock_status *ret_status)
{
	const uint64_t serial = requests->watched_serial;
	const uint64_t context = requests->watched_context;
	const struct penstock_failure *kept = penstock_failure_find(requests, serial, context);

	if (kept == NULL) {
		*ret_status = requests->watched_status;
		return requests->watched_status != PENSTOCK_STATUS_SUCCESS;
	}
	*ret_status = kept->status;
	if (ret_failure != NULL) {
		*ret_failure = *kept;
	}
	penstock_failure_forget(requests, serial, context);
	return true;
}

/* What a wait is for. */
struct wait {
	uint64_t serial;
	uint64_t context; /* 0: any */
	bool fence;       /* its fence, not only its answer */
	uint64_t object;  /* not 0: until that has reached `value` */
	uint64_t value;
};

/* SUCCESS: reached; PENDING: it may come to that. */
static enum penstock_status sync_outcome(const struct penstock_connection *connection,
					 const struct wait *wait)
{
	const struct penstock_sync_state *state =
		penstock_sync_states_find(&connection->sync_states, wait->object);

	if (state == NULL) {
		return PENSTOCK_STATUS_INVALID_HANDLE; /* destroyed meanwhile */
	}
	if (state->value >= wait->value) {
		return PENSTOCK_STATUS_SUCCESS;
	}
	return state->status == PENSTOCK_STATUS_SUCCESS ? PENSTOCK_STATUS_PENDING : state->status;
}

/*
 * A fence may overtake the answer: the very fence of a submission says that it ran, a later one
 * only together with the answer, since this submission may have been refused. One that is not on
 * its way any more was refused, and its failure delivered: no fence will come.
 */
static bool is_over(struct penstock_connection *connection, const struct wait *wait)
{
	bool answered = connection->requests.answered >= wait->serial;
	struct penstock_context *context;

	if (wait->object != 0) {
		return sync_outcome(connection, wait) != PENSTOCK_STATUS_PENDING;
	}
	if (!wait->fence) {
		return answered;
	}
	context = penstock_contexts_find(&connection->contexts, wait->context);
	if (context == NULL || context->destroyed) {
		return answered;
	}
	return context->fence == wait->serial ||
	       (answered && !penstock_context_holds(context, wait->serial));
}

/* A wait that found no failure: a destroyed context tells its fences no more. */
static enum penstock_status without_failure(struct penstock_connection *connection,
					    const struct wait *wait)
{
	const struct penstock_context *context;

	if (wait->object != 0) {
		return sync_outcome(connection, wait);
	}
	if (!wait->fence) {
		return PENSTOCK_STATUS_SUCCESS;
	}
	context = penstock_contexts_find(&connection->contexts, wait->context);
	if (context == NULL || (context->destroyed && context->fence < wait->serial)) {
		return PENSTOCK_STATUS_INVALID_HANDLE;
	}
	return context->fence >= wait->serial &&
			       !penstock_failure_was_told(&connection->requests, wait->serial,
							  wait->context)
		       ? PENSTOCK_STATUS_SUCCESS
		       : PENSTOCK_STATUS_NOT_FOUND;
}

static enum penstock_status wait_for(struct penstock_connection *connection,
				     const struct wait *wait, int32_t timeout_ms,
				     struct penstock_failure *ret_failure)
{
	int64_t deadline_ms = penstock_deadline(timeout_ms);
	enum penstock_status status = PENSTOCK_STATUS_SUCCESS;
	enum penstock_status outcome = PENSTOCK_STATUS_SUCCESS;

	if (connection == NULL || wait->serial == 0 ||
	    wait->serial > connection->requests.last_serial) {
		return PENSTOCK_STATUS_INVALID_PARAMETER;
	}
	if (connection->in_callback > 0) {
		return PENSTOCK_STATUS_NOT_SUPPORTED;
	}
	watch(&connection->requests, wait->serial, wait->context, ret_failure);
	for (;;) {
		if (failed_already(&connection->requests, ret_failure, &outcome)) {
			status = outcome;
			break;
		}
		if (is_over(connection, wait)) {
			status = without_failure(connection, wait);
			break;
		}
		status = penstock_connection_usable(connection);
		if (status == PENSTOCK_STATUS_SUCCESS) {
			status = penstock_connection_run(connection, deadline_ms);
		}
		if (status != PENSTOCK_STATUS_SUCCESS &&
		    connection->requests.watched_status == PENSTOCK_STATUS_SUCCESS &&
		    !is_over(connection, wait)) {
			break; /* otherwise it came with the last frames: look again */
		}
	}
	watch(&connection->requests, 0, 0, NULL);
	return status;
}

enum penstock_status penstock_request_wait(struct penstock_connection *connection, uint64_t serial,
					   int32_t timeout_ms, struct penstock_failure *ret_failure)
{
	struct wait wait = { .serial = serial };

	return wait_for(connection, &wait, timeout_ms, ret_failure);
}

enum penstock_status penstock_context_wait(struct penstock_connection *connection, uint64_t context,
					   uint64_t fence, int32_t timeout_ms,
					   struct penstock_failure *ret_failure)
{
	struct wait wait = { .serial = fence, .context = context, .fence = true };

	return wait_for(connection, &wait, timeout_ms, ret_failure);
}

enum penstock_status penstock_sync_object_wait(struct penstock_connection *connection,
					       uint64_t object, uint64_t value, int32_t timeout_ms)
{
	struct wait wait = { .object = object, .value = value };
	enum penstock_status status;

	if (connection == NULL || object == 0) {
		return PENSTOCK_STATUS_INVALID_PARAMETER;
	}
	status = penstock_sync_object_expect(connection, object, value);
	if (status != PENSTOCK_STATUS_SUCCESS || is_over(connection, &wait)) {
		return status;
	}
	wait.serial = connection->requests.last_serial;
	return wait_for(connection, &wait, timeout_ms, NULL);
}

uint64_t penstock_context_fence(const struct penstock_connection *connection, uint64_t context)
{
	struct penstock_contexts contexts;
	const struct penstock_context *found;

	if (connection == NULL) {
		return 0;
	}
	contexts = connection->contexts;
	found = penstock_contexts_find(&contexts, context);
	return found == NULL ? 0 : found->fence;
}

enum penstock_status penstock_connection_sync(struct penstock_connection *connection,
					      int32_t timeout_ms)
{
	Penstock__Wire__Sync sync = PENSTOCK__WIRE__SYNC__INIT;
	struct penstock_request_entry entry = { .kind = PENSTOCK_REQUEST_PLAIN };
	enum penstock_status status =
		penstock_request_message(connection, PENSTOCK_FRAME_SYNC, &sync.base, &entry);

	if (status != PENSTOCK_STATUS_SUCCESS) {
		return status;
	}
	return penstock_request_wait(connection, connection->requests.last_serial, timeout_ms,
				     NULL);
}
