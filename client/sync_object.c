/* SPDX-License-Identifier: MIT */
#include "client/sync_object.h"

#include "client/connection.h"

#include <stdlib.h>
#include <string.h>

#define FIRST_STATES 8u

/* ---------------------------------------------------------------- what is known */

void penstock_sync_states_fini(struct penstock_sync_states *table)
{
	free(table->states);
	*table = (struct penstock_sync_states){ .count = 0 };
}

/* Where the object stands, or would stand. */
static size_t position_of(const struct penstock_sync_states *table, uint64_t name)
{
	size_t low = 0;
	size_t high = table->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (table->states[middle].name < name) {
			low = middle + 1;
		} else {
			high = middle;
		}
	}
	return low;
}

struct penstock_sync_state *penstock_sync_states_find(const struct penstock_sync_states *table,
						      uint64_t name)
{
	size_t position = position_of(table, name);

	return position < table->count && table->states[position].name == name
		       ? &table->states[position]
		       : NULL;
}

/* Likewise, made where it is not there. NULL: no memory. */
static struct penstock_sync_state *get(struct penstock_sync_states *table, uint64_t name)
{
	size_t position = position_of(table, name);
	struct penstock_sync_state *at;

	if (position < table->count && table->states[position].name == name) {
		return &table->states[position];
	}
	if (table->count == table->capacity) {
		size_t capacity = table->capacity == 0 ? FIRST_STATES : table->capacity * 2;
		struct penstock_sync_state *states =
			realloc(table->states, capacity * sizeof(*states));

		if (states == NULL) {
			return NULL;
		}
		table->states = states;
		table->capacity = capacity;
	}
	at = &table->states[position];
	memmove(at + 1, at, (table->count - position) * sizeof(*at));
	table->count++;
	*at = (struct penstock_sync_state){ .name = name };
	return at;
}

void penstock_sync_states_sweep(struct penstock_connection *connection)
{
	struct penstock_sync_states *table = &connection->sync_states;
	size_t kept = 0;

	for (size_t i = 0; i < table->count; i++) {
		if (penstock_names_used(&connection->names, table->states[i].name)) {
			table->states[kept++] = table->states[i];
		}
	}
	table->count = kept;
}

void penstock_sync_told(struct penstock_connection *connection, uint64_t name, uint64_t value,
			enum penstock_status status)
{
	struct penstock_sync_state *state =
		penstock_sync_states_find(&connection->sync_states, name);

	if (state == NULL) {
		return;
	}
	state->value = value > state->value ? value : state->value;
	state->status = status;
	if (status != PENSTOCK_STATUS_SUCCESS || state->value >= state->wanted) {
		state->wanted = 0;
	}
}

static enum penstock_status send_wait(struct penstock_connection *connection, uint64_t object,
				      uint64_t value)
{
	Penstock__Wire__Wait message = PENSTOCK__WIRE__WAIT__INIT;
	const struct penstock_request_entry entry = { .kind = PENSTOCK_REQUEST_WAIT,
						      .name = object };

	message.object = object;
	message.value = value;
	return penstock_request_append(connection, PENSTOCK_FRAME_WAIT, &message.base, &entry, 0);
}

enum penstock_status penstock_sync_wait_again(struct penstock_connection *connection)
{
	const struct penstock_sync_states *table = &connection->sync_states;

	for (size_t i = 0; i < table->count; i++) {
		const struct penstock_sync_state *state = &table->states[i];

		if (state->wanted != 0 &&
		    send_wait(connection, state->name, state->wanted) != PENSTOCK_STATUS_SUCCESS) {
			return penstock_connection_lose(connection, PENSTOCK_STATUS_NO_MEMORY,
							"no memory to wait again");
		}
	}
	return PENSTOCK_STATUS_SUCCESS;
}

/* ---------------------------------------------------------------- the public part */

enum penstock_status penstock_sync_object_expect(struct penstock_connection *connection,
						 uint64_t object, uint64_t value)
{
	enum penstock_status status = penstock_connection_usable(connection);
	struct penstock_sync_state *state;

	if (status == PENSTOCK_STATUS_SUCCESS) {
		status = penstock_connection_make_room(connection);
	}
	if (status != PENSTOCK_STATUS_SUCCESS) {
		return status;
	}
	state = get(&connection->sync_states, object);
	if (state == NULL) {
		return PENSTOCK_STATUS_NO_MEMORY;
	}
	if (state->value >= value) {
		return PENSTOCK_STATUS_SUCCESS;
	}
	status = send_wait(connection, object, value);
	if (status == PENSTOCK_STATUS_SUCCESS) {
		state->wanted = value;
		state->status = PENSTOCK_STATUS_SUCCESS;
	}
	return status;
}

uint64_t penstock_sync_object_reached(const struct penstock_connection *connection, uint64_t object)
{
	const struct penstock_sync_state *state =
		connection == NULL ? NULL
				   : penstock_sync_states_find(&connection->sync_states, object);

	return state == NULL ? 0 : state->value;
}

enum penstock_status penstock_sync_object_signal(struct penstock_connection *connection,
						 uint64_t object, uint64_t value)
{
	Penstock__Wire__Signal message = PENSTOCK__WIRE__SIGNAL__INIT;
	const struct penstock_request_entry entry = { .kind = PENSTOCK_REQUEST_PLAIN };

	message.object = object;
	message.value = value;
	return penstock_request_message(connection, PENSTOCK_FRAME_SIGNAL, &message.base, &entry);
}

static void take_value(struct penstock_call *call, enum penstock_status status,
		       const ProtobufCMessage *reply)
{
	const Penstock__Wire__SyncObjectState *state = (const void *)reply;

	if (status == PENSTOCK_STATUS_SUCCESS) {
		*(uint64_t *)call->owner = state->value;
	}
}

enum penstock_status penstock_sync_object_value(struct penstock_connection *connection,
						uint64_t object, uint64_t *ret_value)
{
	Penstock__Wire__QuerySyncObject message = PENSTOCK__WIRE__QUERY_SYNC_OBJECT__INIT;
	struct penstock_call call = {
		.reply = PENSTOCK_FRAME_SYNC_OBJECT_STATE,
		.complete = take_value,
		.owner = ret_value,
	};

	if (ret_value == NULL) {
		return PENSTOCK_STATUS_INVALID_PARAMETER;
	}
	message.name = object;
	return penstock_request_call(connection, PENSTOCK_FRAME_QUERY_SYNC_OBJECT, &message.base,
				     &call);
}

enum penstock_status penstock_context_signal(struct penstock_connection *connection,
					     uint64_t context, uint64_t object, uint64_t value,
					     uint64_t *ret_fence)
{
	Penstock__Wire__Signal message = PENSTOCK__WIRE__SIGNAL__INIT;

	message.context = context;
	message.object = object;
	message.value = value;
	return penstock_submit_packet(connection, PENSTOCK_FRAME_SIGNAL, &message.base, context,
				      ret_fence);
}

enum penstock_status penstock_context_wait_for(struct penstock_connection *connection,
					       uint64_t context, uint64_t object, uint64_t value,
					       uint64_t *ret_fence)
{
	Penstock__Wire__Wait message = PENSTOCK__WIRE__WAIT__INIT;

	message.context = context;
	message.object = object;
	message.value = value;
	return penstock_submit_packet(connection, PENSTOCK_FRAME_WAIT, &message.base, context,
				      ret_fence);
}
