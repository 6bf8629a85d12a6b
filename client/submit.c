/* SPDX-License-Identifier: MIT */
/* Submissions: their bytes on the wire, gathered in batches, within the credit of the connection.
 */
#include "client/connection.h"
#include "proto/wire/limits.h"

#include <stdlib.h>
#include <string.h>

/* Bytes on the wire, or 0: larger than a submission can be. */
static uint64_t wire_bytes(const struct penstock_connection *connection,
			   const struct penstock_submit_info *info)
{
	uint64_t size;

	if (info->allocation_count > PENSTOCK_LIMIT_ALLOCATION_LIST ||
	    info->patch_location_count > PENSTOCK_LIMIT_PATCH_LIST ||
	    info->broadcast_count > PENSTOCK_LIMIT_BROADCAST_CONTEXTS ||
	    info->command_length > PENSTOCK_LIMIT_COMMAND_BYTES) {
		return 0;
	}
	size = sizeof(struct penstock_wire_submission) +
	       (uint64_t)info->allocation_count * sizeof(*info->allocations) +
	       (uint64_t)info->patch_location_count * sizeof(*info->patch_locations) +
	       (uint64_t)info->broadcast_count * sizeof(*info->broadcast) +
	       penstock_align_up(info->command_length, 8);
	return size > connection->max_payload_bytes ? 0 : size;
}

static bool has_null(const struct penstock_submit_info *info)
{
	return (info->command == NULL && info->command_length > 0) ||
	       (info->allocations == NULL && info->allocation_count > 0) ||
	       (info->patch_locations == NULL && info->patch_location_count > 0) ||
	       (info->broadcast == NULL && info->broadcast_count > 0);
}

static uint8_t *append(uint8_t *at, const void *bytes, size_t size_bytes)
{
	if (size_bytes > 0) {
		memcpy(at, bytes, size_bytes);
	}
	return at + size_bytes;
}

static void write_submission(uint8_t *at, const struct penstock_submit_info *info)
{
	static const uint8_t zeros[8];
	struct penstock_wire_submission record = {
		.context = info->context,
		.flags = info->flags,
		.command_offset = info->command_offset,
		.command_length = info->command_length,
		.allocation_count = info->allocation_count,
		.patch_location_count = info->patch_location_count,
		.broadcast_count = info->broadcast_count,
		.new_command_bytes = info->new_command_bytes,
		.new_allocation_list = info->new_allocation_list,
		.new_patch_list = info->new_patch_list,
	};

	at = append(at, &record, sizeof(record));
	at = append(at, info->allocations, info->allocation_count * sizeof(*info->allocations));
	at = append(at, info->patch_locations,
		    info->patch_location_count * sizeof(*info->patch_locations));
	at = append(at, info->broadcast, info->broadcast_count * sizeof(*info->broadcast));
	at = append(at, info->command, info->command_length);
	append(at, zeros,
	       (size_t)(penstock_align_up(info->command_length, 8) - info->command_length));
}

/* One submission may always be on its way, however large it is. */
static bool has_credit(const struct penstock_connection *connection, uint32_t count,
		       uint64_t size_bytes)
{
	const struct penstock_contexts *contexts = &connection->contexts;

	return contexts->held_submissions == 0 ||
	       (penstock_range_fits(contexts->held_submissions, count,
				    connection->welcome->held_submissions) &&
		penstock_range_fits(contexts->held_bytes, count * size_bytes,
				    connection->welcome->held_bytes));
}

static enum penstock_status wait_for_credit(struct penstock_connection *connection, uint32_t count,
					    uint64_t size_bytes)
{
	enum penstock_status status = PENSTOCK_STATUS_SUCCESS;

	if (PENSTOCK_LIKELY(has_credit(connection, count, size_bytes))) {
		return PENSTOCK_STATUS_SUCCESS;
	}
	if (!connection->blocking || connection->in_callback > 0) {
		(void)penstock_connection_send(connection); /* fences come for what was sent */
		return PENSTOCK_STATUS_GRAPHICS_TRY_AGAIN_LATER;
	}
	while (status == PENSTOCK_STATUS_SUCCESS && !has_credit(connection, count, size_bytes)) {
		status = penstock_connection_run(connection, PENSTOCK_FOREVER);
	}
	return status;
}

/* Everything that may fail or call back, before anything is done. */
static enum penstock_status prepare(struct penstock_connection *connection, uint32_t count,
				    uint64_t size_bytes)
{
	enum penstock_status status = penstock_connection_make_room(connection);

	if (status == PENSTOCK_STATUS_SUCCESS) {
		status = wait_for_credit(connection, count, size_bytes);
	}
	if (status == PENSTOCK_STATUS_SUCCESS) {
		status = penstock_requests_reserve(&connection->requests);
	}
	return status;
}

/* Room in the context for one more, and what is known of it. NULL: no memory. */
static struct penstock_context *reserve(struct penstock_connection *connection, uint64_t name)
{
	struct penstock_context *context = penstock_contexts_get(&connection->contexts, name);

	return context != NULL && penstock_context_reserve(context) == PENSTOCK_STATUS_SUCCESS
		       ? context
		       : NULL;
}

/* One that is named twice is there once: the daemon will refuse it, once. */
static bool is_among(const struct penstock_broadcast *broadcast,
		     const struct penstock_context *context)
{
	for (uint32_t i = 0; i < broadcast->count; i++) {
		if (broadcast->contexts[i] == context) {
			return true;
		}
	}
	return false;
}

static struct penstock_broadcast *reserve_all(struct penstock_connection *connection,
					      const struct penstock_submit_info *info)
{
	struct penstock_broadcast *broadcast =
		malloc(sizeof(*broadcast) +
		       (1u + (size_t)info->broadcast_count) * sizeof(broadcast->contexts[0]));

	if (broadcast == NULL) {
		return NULL;
	}
	broadcast->count = 0;
	for (uint32_t i = 0; i <= info->broadcast_count; i++) {
		struct penstock_context *context =
			reserve(connection, i == 0 ? info->context : info->broadcast[i - 1u]);

		if (context == NULL) {
			free(broadcast);
			return NULL;
		}
		if (!is_among(broadcast, context)) {
			broadcast->contexts[broadcast->count++] = context;
		}
	}
	return broadcast;
}

/* What the table of requests is to know. SUCCESS, NO_MEMORY. */
static enum penstock_status make_entry(struct penstock_connection *connection,
				       const struct penstock_submit_info *info,
				       struct penstock_request_entry *ret_entry)
{
	if (info->broadcast_count == 0) {
		ret_entry->kind = PENSTOCK_REQUEST_SUBMIT;
		ret_entry->context = reserve(connection, info->context);
		return ret_entry->context == NULL ? PENSTOCK_STATUS_NO_MEMORY
						  : PENSTOCK_STATUS_SUCCESS;
	}
	ret_entry->kind = PENSTOCK_REQUEST_BROADCAST;
	ret_entry->broadcast = reserve_all(connection, info);
	return ret_entry->broadcast == NULL ? PENSTOCK_STATUS_NO_MEMORY : PENSTOCK_STATUS_SUCCESS;
}

static void hold(struct penstock_connection *connection, const struct penstock_request_entry *entry,
		 uint64_t serial, uint32_t size_bytes)
{
	struct penstock_context *const *contexts = &entry->context;
	uint32_t count = 1;

	if (entry->kind == PENSTOCK_REQUEST_BROADCAST) {
		contexts = entry->broadcast->contexts;
		count = entry->broadcast->count;
	}
	for (uint32_t i = 0; i < count; i++) {
		penstock_context_hold(&connection->contexts, contexts[i], serial, size_bytes);
	}
}

enum penstock_status penstock_submit_packet(struct penstock_connection *connection, uint16_t type,
					    const ProtobufCMessage *message, uint64_t context_name,
					    uint64_t *ret_fence)
{
	const uint32_t size = sizeof(struct penstock_wire_submission); /* what it counts for */
	struct penstock_request_entry entry = { .kind = PENSTOCK_REQUEST_SUBMIT };
	enum penstock_status status = penstock_connection_usable(connection);

	if (status == PENSTOCK_STATUS_SUCCESS) {
		status = prepare(connection, 1, size);
	}
	if (status != PENSTOCK_STATUS_SUCCESS) {
		return status;
	}
	entry.context = reserve(connection, context_name);
	if (entry.context == NULL) {
		return PENSTOCK_STATUS_NO_MEMORY;
	}
	status = penstock_request_append(connection, type, message, &entry, 0);
	if (status != PENSTOCK_STATUS_SUCCESS) {
		return status;
	}
	penstock_context_hold(&connection->contexts, entry.context,
			      connection->requests.last_serial, size);
	if (ret_fence != NULL) {
		*ret_fence = connection->requests.last_serial;
	}
	return PENSTOCK_STATUS_SUCCESS;
}

enum penstock_status penstock_context_submit(struct penstock_connection *connection,
					     const struct penstock_submit_info *info,
					     uint64_t *ret_fence)
{
	struct penstock_request_entry entry;
	enum penstock_status status = penstock_connection_usable(connection);
	uint64_t size, serial;
	uint8_t *at;

	if (status != PENSTOCK_STATUS_SUCCESS) {
		return status;
	}
	if (info == NULL || has_null(info)) {
		return PENSTOCK_STATUS_INVALID_PARAMETER;
	}
	size = wire_bytes(connection, info);
	if (size == 0) {
		return PENSTOCK_STATUS_LIMIT_EXCEEDED;
	}
	status = prepare(connection, 1u + info->broadcast_count, size);
	if (status == PENSTOCK_STATUS_SUCCESS) {
		status = make_entry(connection, info, &entry);
	}
	if (status != PENSTOCK_STATUS_SUCCESS) {
		return status;
	}
	serial = connection->requests.last_serial + 1;
	at = penstock_outbox_submission(&connection->out, size, serial);
	if (at == NULL) {
		if (entry.kind == PENSTOCK_REQUEST_BROADCAST) {
			free(entry.broadcast);
		}
		return PENSTOCK_STATUS_NO_MEMORY;
	}
	write_submission(at, info);
	penstock_requests_push(&connection->requests, &entry);
	hold(connection, &entry, serial, (uint32_t)size);
	if (ret_fence != NULL) {
		*ret_fence = serial;
	}
	return PENSTOCK_STATUS_SUCCESS;
}
