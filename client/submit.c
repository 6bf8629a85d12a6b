/* SPDX-License-Identifier: MIT */
/* Submissions: their bytes on the wire, gathered in batches, within the credit of the connection.
 */
#include "client/connection.h"
#include "proto/wire/limits.h"

#include <string.h>

/* Bytes on the wire, or 0: larger than a submission can be. */
static uint64_t wire_bytes(const struct penstock_connection *connection,
			   const struct penstock_submit_info *info)
{
	uint64_t size;

	if (info->allocation_count > PENSTOCK_LIMIT_ALLOCATION_LIST ||
	    info->patch_location_count > PENSTOCK_LIMIT_PATCH_LIST ||
	    info->command_length > PENSTOCK_LIMIT_COMMAND_BYTES) {
		return 0;
	}
	size = sizeof(struct penstock_wire_submission) +
	       (uint64_t)info->allocation_count * sizeof(*info->allocations) +
	       (uint64_t)info->patch_location_count * sizeof(*info->patch_locations) +
	       penstock_align_up(info->command_length, 8);
	return size > connection->max_payload_bytes ? 0 : size;
}

static bool has_null(const struct penstock_submit_info *info)
{
	return (info->command == NULL && info->command_length > 0) ||
	       (info->allocations == NULL && info->allocation_count > 0) ||
	       (info->patch_locations == NULL && info->patch_location_count > 0);
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
		.new_command_bytes = info->new_command_bytes,
		.new_allocation_list = info->new_allocation_list,
		.new_patch_list = info->new_patch_list,
	};

	at = append(at, &record, sizeof(record));
	at = append(at, info->allocations, info->allocation_count * sizeof(*info->allocations));
	at = append(at, info->patch_locations,
		    info->patch_location_count * sizeof(*info->patch_locations));
	at = append(at, info->command, info->command_length);
	append(at, zeros,
	       (size_t)(penstock_align_up(info->command_length, 8) - info->command_length));
}

/* One submission may always be on its way, however large it is. */
static bool has_credit(const struct penstock_connection *connection, uint64_t size_bytes)
{
	const struct penstock_contexts *contexts = &connection->contexts;

	return contexts->held_submissions == 0 ||
	       (contexts->held_submissions < connection->welcome->held_submissions &&
		penstock_range_fits(contexts->held_bytes, size_bytes,
				    connection->welcome->held_bytes));
}

static enum penstock_status wait_for_credit(struct penstock_connection *connection,
					    uint64_t size_bytes)
{
	enum penstock_status status = PENSTOCK_STATUS_SUCCESS;

	if (PENSTOCK_LIKELY(has_credit(connection, size_bytes))) {
		return PENSTOCK_STATUS_SUCCESS;
	}
	if (!connection->blocking || connection->in_callback > 0) {
		(void)penstock_connection_send(connection); /* fences come for what was sent */
		return PENSTOCK_STATUS_GRAPHICS_TRY_AGAIN_LATER;
	}
	while (status == PENSTOCK_STATUS_SUCCESS && !has_credit(connection, size_bytes)) {
		status = penstock_connection_run(connection, PENSTOCK_FOREVER);
	}
	return status;
}

/* Everything that may fail or call back, before anything is done. */
static enum penstock_status prepare(struct penstock_connection *connection, uint64_t size_bytes)
{
	enum penstock_status status = penstock_connection_make_room(connection);

	if (status == PENSTOCK_STATUS_SUCCESS) {
		status = wait_for_credit(connection, size_bytes);
	}
	if (status == PENSTOCK_STATUS_SUCCESS) {
		status = penstock_requests_reserve(&connection->requests);
	}
	return status;
}

enum penstock_status penstock_context_submit(struct penstock_connection *connection,
					     const struct penstock_submit_info *info,
					     uint64_t *ret_fence)
{
	struct penstock_request_entry entry = { .kind = PENSTOCK_REQUEST_SUBMIT };
	enum penstock_status status = penstock_connection_usable(connection);
	struct penstock_context *context;
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
	status = prepare(connection, size);
	if (status != PENSTOCK_STATUS_SUCCESS) {
		return status;
	}
	context = penstock_contexts_get(&connection->contexts, info->context);
	if (context == NULL || penstock_context_reserve(context) != PENSTOCK_STATUS_SUCCESS) {
		return PENSTOCK_STATUS_NO_MEMORY;
	}
	serial = connection->requests.last_serial + 1;
	at = penstock_outbox_submission(&connection->out, size, serial);
	if (at == NULL) {
		return PENSTOCK_STATUS_NO_MEMORY;
	}
	write_submission(at, info);
	entry.context = context;
	penstock_requests_push(&connection->requests, &entry);
	penstock_context_hold(&connection->contexts, context, serial, (uint32_t)size);
	if (ret_fence != NULL) {
		*ret_fence = serial;
	}
	return PENSTOCK_STATUS_SUCCESS;
}
