/* SPDX-License-Identifier: MIT */
#include "daemon/objects/device.h"

#include "daemon/objects/allocation.h"
#include "daemon/objects/block.h"
#include "daemon/objects/context.h"
#include "daemon/objects/sync_object.h"
#include "proto/base/states.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#define TO(state) (1u << PENSTOCK_DEVICE_##state)

/* All others than ACTIVE are lost, and for good. */
static const struct penstock_state states[] = {
	[PENSTOCK_DEVICE_ACTIVE] = { "ACTIVE", TO(RESET) | TO(HUNG) | TO(STOPPED) |
						       TO(ERROR_OUTOFMEMORY) | TO(ERROR_DMAFAULT) |
						       TO(ERROR_DMAPAGEFAULT) },
	[PENSTOCK_DEVICE_RESET] = { "RESET", 0 },
	[PENSTOCK_DEVICE_HUNG] = { "HUNG", 0 },
	[PENSTOCK_DEVICE_STOPPED] = { "STOPPED", 0 },
	[PENSTOCK_DEVICE_ERROR_OUTOFMEMORY] = { "ERROR_OUTOFMEMORY", 0 },
	[PENSTOCK_DEVICE_ERROR_DMAFAULT] = { "ERROR_DMAFAULT", 0 },
	[PENSTOCK_DEVICE_ERROR_DMAPAGEFAULT] = { "ERROR_DMAPAGEFAULT", 0 },
};

static const struct penstock_states drawing = { "a device", PENSTOCK_ARRAY_SIZE(states), states };

static struct penstock_device *make(struct penstock_session *session,
				    struct penstock_adapter *adapter,
				    struct penstock_tenant *tenant, uint64_t name, uint32_t flags)
{
	struct penstock_device *device = calloc(1, sizeof(*device));

	if (device == NULL) {
		return NULL;
	}
	device->session = session;
	device->adapter = adapter;
	device->tenant = tenant;
	device->name = name;
	device->flags = flags;
	device->references = 1;
	device->state.execution_state = PENSTOCK_DEVICE_ACTIVE;
	penstock_list_init(&device->link);
	penstock_list_init(&device->contexts);
	penstock_list_init(&device->ending);
	penstock_list_init(&device->openings);
	penstock_list_init(&device->sync_openings);
	return device;
}

static void enter(struct penstock_device *device)
{
	penstock_session_ref(device->session);
	penstock_list_append(&device->session->devices, &device->link);
	device->adapter->devices++;
	device->session->principal->objects++;
}

void penstock_device_ref(struct penstock_device *device)
{
	device->references++;
}

void penstock_device_put(struct penstock_device *device)
{
	PENSTOCK_REQUIRE(device->references > 0);
	if (--device->references > 0) {
		return;
	}
	if (PENSTOCK_UNLIKELY(!penstock_list_empty(&device->contexts) ||
			      !penstock_list_empty(&device->ending) ||
			      !penstock_list_empty(&device->openings) ||
			      !penstock_list_empty(&device->sync_openings))) {
		penstock_adapter_fail(device->adapter,
				      "0x10E/0x33: a device that has something was destroyed");
		device->references++;
		return;
	}
	device->session->principal->objects--;
	device->adapter->devices--;
	penstock_session_put(device->session);
	free(device);
}

/* Returns the row's sequence. */
static uint64_t put_row(struct penstock_device *device)
{
	struct penstock_session *session = device->session;
	struct penstock_device_row row = {
		.id = device->id,
		.session = session->number,
		.name = device->name,
		.flags = device->flags,
		.execution_state = device->state.execution_state,
		.adapter = device->adapter->index,
	};

	if (!penstock_session_leased(session) || session->state == PENSTOCK_SESSION_ENDED) {
		return 0;
	}
	return penstock_store_put_device(session->machine->config.store, &row);
}

/* ---------------------------------------------------------------- requests */

static enum penstock_status check_create(const struct penstock_session *session,
					 uint32_t adapter_index, uint32_t flags,
					 struct penstock_refusal *ret_refusal)
{
	const struct penstock_machine *machine = session->machine;

	if (adapter_index >= machine->adapter_count) {
		return penstock_refuse(ret_refusal, PENSTOCK_STATUS_NOT_FOUND,
				       "there is no adapter %u", adapter_index);
	}
	if ((flags & PENSTOCK_DEVICE_FLAG_SYSTEM) != 0) {
		return penstock_refuse(ret_refusal, PENSTOCK_STATUS_NOT_SUPPORTED,
				       "SystemDevice is the system's own");
	}
	if ((flags & ~PENSTOCK_DEVICE_FLAG_GDI) != 0) {
		return penstock_refuse(ret_refusal, PENSTOCK_STATUS_INVALID_PARAMETER,
				       "device flags 0x%x: only GdiDevice 0x2 is known", flags);
	}
	if (machine->adapters[adapter_index].state != PENSTOCK_ADAPTER_RUNNING) {
		return penstock_refuse(
			ret_refusal, PENSTOCK_STATUS_DEVICE_REMOVED, "the adapter %s: %s",
			machine->adapters[adapter_index].state == PENSTOCK_ADAPTER_RESETTING
				? "is being reset"
				: "has stopped",
			machine->adapters[adapter_index].failure);
	}
	return penstock_block_check(session->principal, &machine->adapters[adapter_index],
				    ret_refusal);
}

/* A create that is sent again after a restart which had kept it. */
static bool created_before(struct penstock_session *session, uint64_t name, uint32_t adapter_index,
			   uint32_t flags)
{
	struct penstock_device *device =
		penstock_name_table_find(&session->names, name, PENSTOCK_NAME_DEVICE);

	if (device == NULL || !device->restored || !penstock_session_replaying(session) ||
	    device->adapter->index != adapter_index || device->flags != flags) {
		return false;
	}
	device->restored = false;
	return true;
}

static enum penstock_status create(struct penstock_session *session, uint64_t name,
				   uint32_t adapter_index, uint32_t flags,
				   struct penstock_refusal *ret_refusal)
{
	struct penstock_errbuf text;
	struct penstock_adapter *adapter;
	struct penstock_tenant *tenant;
	struct penstock_device *device;
	enum penstock_status status;

	if (created_before(session, name, adapter_index, flags)) {
		return PENSTOCK_STATUS_SUCCESS;
	}
	status = check_create(session, adapter_index, flags, ret_refusal);
	if (status != PENSTOCK_STATUS_SUCCESS || penstock_session_overtaken(session, name)) {
		return status;
	}
	status = penstock_session_check_objects(session, ret_refusal);
	if (status != PENSTOCK_STATUS_SUCCESS) {
		return status;
	}
	adapter = &session->machine->adapters[adapter_index];
	status = penstock_principal_tenant(session->principal, adapter, &tenant);
	if (status != PENSTOCK_STATUS_SUCCESS) {
		return penstock_refuse(ret_refusal, status, "no memory for the principal: %s",
				       penstock_status_text(status));
	}
	device = make(session, adapter, tenant, name, flags);
	if (device == NULL) {
		return penstock_refuse(ret_refusal, PENSTOCK_STATUS_NO_MEMORY,
				       "no memory for a device");
	}
	status = penstock_name_table_insert(&session->names, name, PENSTOCK_NAME_DEVICE, device,
					    &text);
	if (status != PENSTOCK_STATUS_SUCCESS) {
		free(device);
		return penstock_refuse(ret_refusal, status, "%s", text.text);
	}
	device->id = ++session->machine->last_device_id;
	enter(device);
	penstock_session_wrote(session, session->last_serial, put_row(device));
	return PENSTOCK_STATUS_SUCCESS;
}

enum penstock_status penstock_create_device(struct penstock_session *session, uint64_t serial,
					    uint64_t name, uint32_t adapter_index, uint32_t flags,
					    struct penstock_refusal *ret_refusal)
{
	enum penstock_status status = penstock_session_take_serial(session, serial, ret_refusal);

	if (status != PENSTOCK_STATUS_SUCCESS) {
		return status;
	}
	return penstock_session_executed(
		session, create(session, name, adapter_index, flags, ret_refusal), ret_refusal);
}

enum penstock_status penstock_query_device(struct penstock_session *session, uint64_t serial,
					   uint64_t name, struct penstock_device_state *ret_state,
					   struct penstock_refusal *ret_refusal)
{
	enum penstock_status status = penstock_session_take_serial(session, serial, ret_refusal);
	struct penstock_device *device;

	if (status != PENSTOCK_STATUS_SUCCESS) {
		return status;
	}
	device = penstock_name_table_find(&session->names, name, PENSTOCK_NAME_DEVICE);
	if (device == NULL) {
		status = penstock_refuse(ret_refusal, PENSTOCK_STATUS_INVALID_HANDLE,
					 "0x%" PRIx64 " names no device", name);
		return penstock_session_executed(session, status, ret_refusal);
	}
	*ret_state = device->state;
	return penstock_session_executed(session, PENSTOCK_STATUS_SUCCESS, NULL);
}

enum penstock_status penstock_destroy(struct penstock_session *session, uint64_t serial,
				      uint64_t name, struct penstock_refusal *ret_refusal)
{
	enum penstock_status status = penstock_session_take_serial(session, serial, ret_refusal);
	const struct penstock_name_table *names = &session->names;
	void *object;

	if (status != PENSTOCK_STATUS_SUCCESS) {
		return status;
	}
	if ((object = penstock_name_table_find(names, name, PENSTOCK_NAME_OPENING)) != NULL) {
		penstock_opening_close(object, false);
	} else if ((object = penstock_name_table_find(names, name, PENSTOCK_NAME_SYNC)) != NULL) {
		penstock_sync_opening_close(object, false);
	} else if ((object = penstock_name_table_find(names, name, PENSTOCK_NAME_CONTEXT)) !=
		   NULL) {
		penstock_context_destroy(object, false, false);
	} else if ((object = penstock_name_table_find(names, name, PENSTOCK_NAME_DEVICE)) != NULL) {
		penstock_device_destroy(object, false);
	} else if (!penstock_session_overtaken(session, name)) {
		status = penstock_refuse(ret_refusal, PENSTOCK_STATUS_INVALID_HANDLE,
					 "0x%" PRIx64 " names nothing", name);
	}
	return penstock_session_executed(session, status, ret_refusal);
}

/* ---------------------------------------------------------------- for the others */

enum penstock_status penstock_device_find(struct penstock_session *session, uint64_t name,
					  struct penstock_device **ret_device,
					  struct penstock_refusal *ret_refusal)
{
	struct penstock_device *device =
		penstock_name_table_find(&session->names, name, PENSTOCK_NAME_DEVICE);

	if (device == NULL) {
		return penstock_refuse(ret_refusal, PENSTOCK_STATUS_INVALID_HANDLE,
				       "0x%" PRIx64 " names no device", name);
	}
	*ret_device = device;
	return penstock_device_check(device, ret_refusal);
}

enum penstock_status penstock_device_check(const struct penstock_device *device,
					   struct penstock_refusal *ret_refusal)
{
	if (PENSTOCK_UNLIKELY(penstock_device_lost(device))) {
		return penstock_refuse(ret_refusal, PENSTOCK_STATUS_DEVICE_REMOVED,
				       "the device is lost: %s", device->state.reason);
	}
	return PENSTOCK_STATUS_SUCCESS;
}

void penstock_device_set_reason(struct penstock_device_state *state, const char *reason)
{
	(void)snprintf(state->reason, sizeof(state->reason), "%s", reason);
}

void penstock_device_lose(struct penstock_device *device, const struct penstock_device_state *state)
{
	struct penstock_errbuf text;

	if (penstock_device_lost(device)) {
		return;
	}
	if (!penstock_states_lead(&drawing, "", device->state.execution_state,
				  state->execution_state, &text)) {
		penstock_adapter_fail(device->adapter, text.text);
		return;
	}
	device->state = *state;
	/* Not a request's doing: no answer waits for this row. */
	(void)put_row(device);
	penstock_list_for_each_safe (link, &device->sync_openings) {
		penstock_sync_opening_lost(
			penstock_list_entry(link, struct penstock_sync_opening, link));
	}
	penstock_list_for_each_safe (link, &device->contexts) {
		struct penstock_context *context =
			penstock_list_entry(link, struct penstock_context, link);

		penstock_context_cancel(context, PENSTOCK_STATUS_DEVICE_REMOVED);
	}
	penstock_list_for_each_safe (link, &device->ending) {
		struct penstock_context *context =
			penstock_list_entry(link, struct penstock_context, link);

		penstock_context_cancel(context, PENSTOCK_STATUS_DEVICE_REMOVED);
	}
}

static void cancel_contexts(struct penstock_list *contexts)
{
	penstock_list_for_each_safe (link, contexts) {
		struct penstock_context *context =
			penstock_list_entry(link, struct penstock_context, link);

		context->cancelled = true;
		penstock_context_cancel(context, PENSTOCK_STATUS_CANCELLED);
	}
}

void penstock_device_cancel(struct penstock_device *device)
{
	cancel_contexts(&device->contexts);
	cancel_contexts(&device->ending);
}

void penstock_device_destroy(struct penstock_device *device, bool keep)
{
	struct penstock_session *session = device->session;
	struct penstock_list *link;

	while ((link = penstock_list_first(&device->openings)) != NULL) {
		penstock_opening_close(penstock_list_entry(link, struct penstock_opening, link),
				       keep);
	}
	while ((link = penstock_list_first(&device->contexts)) != NULL) {
		penstock_context_destroy(penstock_list_entry(link, struct penstock_context, link),
					 keep, true);
	}
	/* What was destroyed before ran on for a client that was there to see it. */
	cancel_contexts(&device->ending);
	/* Behind them: no packet of theirs runs because nobody is left to signal what it waits for.
	 */
	while ((link = penstock_list_first(&device->sync_openings)) != NULL) {
		penstock_sync_opening_close(
			penstock_list_entry(link, struct penstock_sync_opening, link), keep);
	}
	penstock_list_remove(&device->link);
	penstock_name_table_remove(&session->names, device->name);
	if (!keep) {
		(void)penstock_session_forget(session, PENSTOCK_STORE_DEVICE, device->id,
					      device->name);
	}
	penstock_device_put(device);
}

enum penstock_status penstock_device_restore(struct penstock_session *session,
					     const struct penstock_device_row *row,
					     struct penstock_device **ret_device)
{
	struct penstock_adapter *adapter = &session->machine->adapters[row->adapter];
	struct penstock_tenant *tenant;
	struct penstock_device *device;
	enum penstock_status status =
		penstock_principal_tenant(session->principal, adapter, &tenant);

	if (status != PENSTOCK_STATUS_SUCCESS) {
		return status;
	}
	device = make(session, adapter, tenant, row->name, row->flags);
	if (device == NULL) {
		return PENSTOCK_STATUS_NO_MEMORY;
	}
	status = penstock_name_table_restore(&session->names, row->name, PENSTOCK_NAME_DEVICE,
					     device);
	if (status != PENSTOCK_STATUS_SUCCESS) {
		free(device);
		return status;
	}
	device->id = row->id;
	device->restored = true;
	if (row->execution_state != PENSTOCK_DEVICE_ACTIVE) {
		/* The store may say anything: lost it is. */
		device->state.execution_state =
			penstock_states_drawn(&drawing, PENSTOCK_DEVICE_ACTIVE,
					      row->execution_state)
				? row->execution_state
				: PENSTOCK_DEVICE_RESET;
		penstock_device_set_reason(&device->state, "it was lost before a restart");
	}
	enter(device);
	*ret_device = device;
	return PENSTOCK_STATUS_SUCCESS;
}
