/* SPDX-License-Identifier: MIT */
/* Devices, contexts and allocations: made, opened, shared, asked about, destroyed. */
#include "client/connection.h"
#include "proto/wire/limits.h"

#include <string.h>

/*
 * A request that makes an object of `device` (0: a device): `name` is the field of the message for
 * its name, which is taken on success only, and where a request can be made at all.
 */
static enum penstock_status create(struct penstock_connection *connection, uint64_t device,
				   uint16_t type, const ProtobufCMessage *message, uint64_t *name,
				   uint64_t *ret_handle)
{
	struct penstock_request_entry entry = { .kind = PENSTOCK_REQUEST_CREATE };
	enum penstock_status status = penstock_connection_usable(connection);

	if (status == PENSTOCK_STATUS_SUCCESS) {
		status = penstock_names_take(&connection->names, device, name);
	}
	if (status != PENSTOCK_STATUS_SUCCESS) {
		return status;
	}
	entry.name = *name;
	status = penstock_request_message(connection, type, message, &entry);
	if (status != PENSTOCK_STATUS_SUCCESS) {
		penstock_names_give_back(&connection->names, entry.name);
		return status;
	}
	*ret_handle = entry.name;
	return PENSTOCK_STATUS_SUCCESS;
}

enum penstock_status penstock_device_create(struct penstock_connection *connection,
					    const struct penstock_device_info *info,
					    uint64_t *ret_device)
{
	Penstock__Wire__CreateDevice message = PENSTOCK__WIRE__CREATE_DEVICE__INIT;

	if (ret_device == NULL) {
		return PENSTOCK_STATUS_INVALID_PARAMETER;
	}
	if (info != NULL) {
		message.adapter = info->adapter;
		message.flags = info->flags;
	} else if (connection->welcome != NULL && connection->welcome->n_adapters > 0) {
		message.adapter = connection->welcome->adapters[0]->index;
	}
	return create(connection, 0, PENSTOCK_FRAME_CREATE_DEVICE, &message.base, &message.name,
		      ret_device);
}

enum penstock_status penstock_context_create(struct penstock_connection *connection,
					     const struct penstock_context_create_info *info,
					     uint64_t *ret_context)
{
	Penstock__Wire__CreateContext message = PENSTOCK__WIRE__CREATE_CONTEXT__INIT;

	if (info == NULL || ret_context == NULL) {
		return PENSTOCK_STATUS_INVALID_PARAMETER;
	}
	message.device = info->device;
	message.node_ordinal = info->node_ordinal;
	message.engine_affinity = info->engine_affinity;
	message.flags = info->flags;
	message.dma_buffer_bytes = info->dma_buffer_bytes;
	message.allocation_list = info->allocation_list;
	message.patch_location_list = info->patch_location_list;
	message.priority = info->priority;
	return create(connection, info->device, PENSTOCK_FRAME_CREATE_CONTEXT, &message.base,
		      &message.name, ret_context);
}

enum penstock_status penstock_allocation_create(struct penstock_connection *connection,
						const struct penstock_allocation_create_info *info,
						uint64_t *ret_allocation)
{
	Penstock__Wire__CreateAllocation message = PENSTOCK__WIRE__CREATE_ALLOCATION__INIT;

	if (info == NULL || ret_allocation == NULL) {
		return PENSTOCK_STATUS_INVALID_PARAMETER;
	}
	message.device = info->device;
	message.size_bytes = info->size_bytes;
	message.width = info->width;
	message.height = info->height;
	message.format = info->format;
	message.surface_type = info->surface_type;
	message.segment_set = info->segment_set;
	message.preferred_segment = info->preferred_segment;
	message.flags = info->flags;
	message.priority = info->priority;
	message.pitch_bytes = info->pitch_bytes;
	return create(connection, info->device, PENSTOCK_FRAME_CREATE_ALLOCATION, &message.base,
		      &message.name, ret_allocation);
}

enum penstock_status penstock_allocation_open(struct penstock_connection *connection,
					      uint64_t device,
					      const struct penstock_share_token *token,
					      bool read_only, uint64_t *ret_allocation)
{
	Penstock__Wire__OpenAllocation message = PENSTOCK__WIRE__OPEN_ALLOCATION__INIT;

	if (token == NULL || ret_allocation == NULL) {
		return PENSTOCK_STATUS_INVALID_PARAMETER;
	}
	message.device = device;
	message.token_high = token->high;
	message.token_low = token->low;
	message.read_only = read_only;
	return create(connection, device, PENSTOCK_FRAME_OPEN_ALLOCATION, &message.base,
		      &message.name, ret_allocation);
}

enum penstock_status penstock_sync_object_create(struct penstock_connection *connection,
						 uint64_t device, uint64_t value,
						 uint64_t *ret_object)
{
	Penstock__Wire__CreateSyncObject message = PENSTOCK__WIRE__CREATE_SYNC_OBJECT__INIT;

	if (ret_object == NULL) {
		return PENSTOCK_STATUS_INVALID_PARAMETER;
	}
	message.device = device;
	message.value = value;
	return create(connection, device, PENSTOCK_FRAME_CREATE_SYNC_OBJECT, &message.base,
		      &message.name, ret_object);
}

enum penstock_status penstock_sync_object_open(struct penstock_connection *connection,
					       uint64_t device,
					       const struct penstock_share_token *token,
					       uint64_t *ret_object)
{
	Penstock__Wire__OpenSyncObject message = PENSTOCK__WIRE__OPEN_SYNC_OBJECT__INIT;

	if (token == NULL || ret_object == NULL) {
		return PENSTOCK_STATUS_INVALID_PARAMETER;
	}
	message.device = device;
	message.token_high = token->high;
	message.token_low = token->low;
	return create(connection, device, PENSTOCK_FRAME_OPEN_SYNC_OBJECT, &message.base,
		      &message.name, ret_object);
}

enum penstock_status penstock_object_destroy(struct penstock_connection *connection,
					     uint64_t handle)
{
	Penstock__Wire__Destroy message = PENSTOCK__WIRE__DESTROY__INIT;
	struct penstock_request_entry entry = { .kind = PENSTOCK_REQUEST_PLAIN };
	struct penstock_context *context;
	enum penstock_status status;
	bool is_device;

	message.name = handle;
	status =
		penstock_request_message(connection, PENSTOCK_FRAME_DESTROY, &message.base, &entry);
	if (status != PENSTOCK_STATUS_SUCCESS) {
		return status;
	}
	is_device = penstock_names_is_device(&connection->names, handle);
	penstock_names_give_back(&connection->names, handle);
	context = penstock_contexts_find(&connection->contexts, handle);
	if (context != NULL) {
		penstock_context_destroyed(&connection->contexts, context);
	}
	if (is_device) {
		penstock_contexts_sweep(connection);
	}
	penstock_sync_states_sweep(connection);
	return PENSTOCK_STATUS_SUCCESS;
}

/* ---------------------------------------------------------------- questions */

static void take_token(struct penstock_call *call, enum penstock_status status,
		       const ProtobufCMessage *reply)
{
	const Penstock__Wire__Shared *shared = (const void *)reply;
	struct penstock_share_token *token = call->owner;

	if (status == PENSTOCK_STATUS_SUCCESS) {
		token->high = shared->token_high;
		token->low = shared->token_low;
	}
}

/* Waits for the token. */
static enum penstock_status share(struct penstock_connection *connection, uint16_t type,
				  const ProtobufCMessage *message,
				  struct penstock_share_token *ret_token)
{
	struct penstock_call call = {
		.reply = PENSTOCK_FRAME_SHARED,
		.complete = take_token,
		.owner = ret_token,
	};

	return ret_token == NULL ? PENSTOCK_STATUS_INVALID_PARAMETER
				 : penstock_request_call(connection, type, message, &call);
}

enum penstock_status penstock_allocation_share(struct penstock_connection *connection,
					       uint64_t allocation,
					       struct penstock_share_token *ret_token)
{
	Penstock__Wire__ShareAllocation message = PENSTOCK__WIRE__SHARE_ALLOCATION__INIT;

	message.name = allocation;
	return share(connection, PENSTOCK_FRAME_SHARE_ALLOCATION, &message.base, ret_token);
}

enum penstock_status penstock_sync_object_share(struct penstock_connection *connection,
						uint64_t object,
						struct penstock_share_token *ret_token)
{
	Penstock__Wire__ShareSyncObject message = PENSTOCK__WIRE__SHARE_SYNC_OBJECT__INIT;

	message.name = object;
	return share(connection, PENSTOCK_FRAME_SHARE_SYNC_OBJECT, &message.base, ret_token);
}

static void take_device_state(struct penstock_call *call, enum penstock_status status,
			      const ProtobufCMessage *reply)
{
	const Penstock__Wire__DeviceState *state = (const void *)reply;
	struct penstock_device_report *report = call->owner;

	if (status == PENSTOCK_STATUS_SUCCESS) {
		report->execution_state = state->execution_state;
		report->fault_node = state->fault_node;
		report->fault_address = state->fault_address;
		report->fault_dma_offset = state->fault_dma_offset;
		report->fault_fence = state->fault_fence;
		report->fault_command_offset = state->fault_command_offset;
		penstock_text_copy(report->fault_instruction, sizeof(report->fault_instruction),
				   state->fault_instruction);
		penstock_text_copy(report->reason, sizeof(report->reason), state->reason);
	}
}

enum penstock_status penstock_device_query(struct penstock_connection *connection, uint64_t device,
					   struct penstock_device_report *ret_report)
{
	Penstock__Wire__QueryDevice message = PENSTOCK__WIRE__QUERY_DEVICE__INIT;
	struct penstock_call call = {
		.reply = PENSTOCK_FRAME_DEVICE_STATE,
		.complete = take_device_state,
		.owner = ret_report,
	};

	if (ret_report == NULL) {
		return PENSTOCK_STATUS_INVALID_PARAMETER;
	}
	message.name = device;
	return penstock_request_call(connection, PENSTOCK_FRAME_QUERY_DEVICE, &message.base, &call);
}

static void take_context_state(struct penstock_call *call, enum penstock_status status,
			       const ProtobufCMessage *reply)
{
	const Penstock__Wire__ContextState *state = (const void *)reply;
	struct penstock_context_report *report = call->owner;

	if (status == PENSTOCK_STATUS_SUCCESS) {
		report->dma_buffer_bytes = state->dma_buffer_bytes;
		report->allocation_list = state->allocation_list;
		report->patch_location_list = state->patch_location_list;
		report->queued_buffer_count = state->queued_buffer_count;
		report->completed_fence = state->completed_fence;
	}
}

enum penstock_status penstock_context_query(struct penstock_connection *connection,
					    uint64_t context,
					    struct penstock_context_report *ret_report)
{
	Penstock__Wire__QueryContext message = PENSTOCK__WIRE__QUERY_CONTEXT__INIT;
	struct penstock_call call = {
		.reply = PENSTOCK_FRAME_CONTEXT_STATE,
		.complete = take_context_state,
		.owner = ret_report,
	};

	if (ret_report == NULL) {
		return PENSTOCK_STATUS_INVALID_PARAMETER;
	}
	message.name = context;
	return penstock_request_call(connection, PENSTOCK_FRAME_QUERY_CONTEXT, &message.base,
				     &call);
}

/* ---------------------------------------------------------------- several allocations at once */

static enum penstock_status check_allocations(const uint64_t *allocations, uint32_t count)
{
	if (allocations == NULL && count > 0) {
		return PENSTOCK_STATUS_INVALID_PARAMETER;
	}
	return count > PENSTOCK_LIMIT_REQUEST_ALLOCATIONS ? PENSTOCK_STATUS_LIMIT_EXCEEDED
							  : PENSTOCK_STATUS_SUCCESS;
}

/* protobuf-c's are not const, and only read. */
static uint64_t *names_of(const uint64_t *allocations)
{
	return (uint64_t *)(uintptr_t)allocations;
}

enum penstock_status penstock_allocations_offer(struct penstock_connection *connection,
						const uint64_t *allocations, uint32_t count,
						uint32_t priority)
{
	Penstock__Wire__OfferAllocations message = PENSTOCK__WIRE__OFFER_ALLOCATIONS__INIT;
	struct penstock_request_entry entry = { .kind = PENSTOCK_REQUEST_PLAIN };
	enum penstock_status status = check_allocations(allocations, count);

	if (status != PENSTOCK_STATUS_SUCCESS) {
		return status;
	}
	message.allocations = names_of(allocations);
	message.n_allocations = count;
	message.priority = priority;
	return penstock_request_message(connection, PENSTOCK_FRAME_OFFER_ALLOCATIONS, &message.base,
					&entry);
}

enum penstock_status penstock_allocations_set_priority(struct penstock_connection *connection,
						       const uint64_t *allocations, uint32_t count,
						       uint32_t priority)
{
	Penstock__Wire__SetAllocationPriority message =
		PENSTOCK__WIRE__SET_ALLOCATION_PRIORITY__INIT;
	struct penstock_request_entry entry = { .kind = PENSTOCK_REQUEST_PLAIN };
	enum penstock_status status = check_allocations(allocations, count);

	if (status != PENSTOCK_STATUS_SUCCESS) {
		return status;
	}
	message.allocations = names_of(allocations);
	message.n_allocations = count;
	message.priority = priority;
	return penstock_request_message(connection, PENSTOCK_FRAME_SET_ALLOCATION_PRIORITY,
					&message.base, &entry);
}

struct reclaim {
	bool *ret_discarded;
	uint32_t count;
};

/* What is not told of is lost: nobody draws with it then. */
static void take_reclaimed(struct penstock_call *call, enum penstock_status status,
			   const ProtobufCMessage *reply)
{
	const Penstock__Wire__Reclaimed *reclaimed = (const void *)reply;
	const struct reclaim *reclaim = call->owner;

	for (uint32_t i = 0; i < reclaim->count && status == PENSTOCK_STATUS_SUCCESS; i++) {
		reclaim->ret_discarded[i] = i >= reclaimed->n_discarded || reclaimed->discarded[i];
	}
}

enum penstock_status penstock_allocations_reclaim(struct penstock_connection *connection,
						  const uint64_t *allocations, uint32_t count,
						  bool *ret_discarded)
{
	Penstock__Wire__ReclaimAllocations message = PENSTOCK__WIRE__RECLAIM_ALLOCATIONS__INIT;
	struct reclaim reclaim = { ret_discarded, count };
	struct penstock_call call = {
		.reply = PENSTOCK_FRAME_RECLAIMED,
		.complete = take_reclaimed,
		.owner = &reclaim,
	};
	enum penstock_status status = check_allocations(allocations, count);

	if (status == PENSTOCK_STATUS_SUCCESS && ret_discarded == NULL) {
		status = PENSTOCK_STATUS_INVALID_PARAMETER;
	}
	if (status != PENSTOCK_STATUS_SUCCESS) {
		return status;
	}
	message.allocations = names_of(allocations);
	message.n_allocations = count;
	return penstock_request_call(connection, PENSTOCK_FRAME_RECLAIM_ALLOCATIONS, &message.base,
				     &call);
}
