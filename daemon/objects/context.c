/* SPDX-License-Identifier: MIT */
#include "daemon/objects/context.h"

#include "daemon/memory/progress.h"
#include "daemon/objects/condemned.h"
#include "daemon/objects/promise.h"
#include "daemon/objects/snapshot.h"
#include "proto/wire/limits.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define STORE_LISTS_MS 500u

#define KNOWN_FLAGS (PENSTOCK_CONTEXT_GDI | PENSTOCK_CONTEXT_GUARANTEED)

/* ---------------------------------------------------------------- sizes */

static uint32_t clamp(uint32_t wish, uint32_t least, uint32_t most)
{
	if (wish < least) {
		return least;
	}
	return wish > most ? most : wish;
}

uint32_t penstock_context_grant_dma(uint32_t wish)
{
	if (wish == 0) {
		return PENSTOCK_CONTEXT_DEFAULT_DMA_BYTES;
	}
	wish = clamp(wish, PENSTOCK_CONTEXT_MIN_DMA_BYTES, PENSTOCK_LIMIT_DMA_BUFFER_BYTES);
	return (uint32_t)penstock_align_up(wish, PENSTOCK_PAGE_BYTES);
}

uint32_t penstock_context_grant_list(uint32_t wish, uint32_t flags)
{
	if ((flags & PENSTOCK_CONTEXT_GDI) != 0) {
		return PENSTOCK_GDI_ALLOCATION_LIST;
	}
	if (wish == 0) {
		return PENSTOCK_CONTEXT_DEFAULT_LIST;
	}
	return clamp(wish, PENSTOCK_CONTEXT_MIN_LIST, PENSTOCK_LIMIT_ALLOCATION_LIST);
}

uint32_t penstock_context_grant_patch_list(uint32_t wish)
{
	if (wish == 0) {
		return PENSTOCK_CONTEXT_DEFAULT_PATCH_LIST;
	}
	return clamp(wish, PENSTOCK_CONTEXT_MIN_PATCH_LIST, PENSTOCK_LIMIT_PATCH_LIST);
}

uint32_t penstock_context_private_bytes(const struct penstock_context_info *info)
{
	return (info->flags & PENSTOCK_CONTEXT_GUARANTEED) != 0
		       ? penstock_render_private_bound(info->dma_buffer_bytes)
		       : info->dma_buffer_bytes / PENSTOCK_CONTEXT_PRIVATE_SHARE;
}

/* ---------------------------------------------------------------- making and freeing */

static struct penstock_context *make(struct penstock_device *device,
				     const struct penstock_context_info *info)
{
	struct penstock_context *context = calloc(1, sizeof(*context));

	if (context == NULL) {
		return NULL;
	}
	context->device = device;
	context->info = *info;
	context->references = 1;
	penstock_list_init(&context->link);
	penstock_list_init(&context->held);
	penstock_list_init(&context->unordered);
	penstock_list_init(&context->turn_link);
	penstock_list_init(&context->dirty_link);
	penstock_queue_init(&context->queue, device->adapter->scheduler,
			    &device->tenant->scheduling, info->node_ordinal, info->priority,
			    context);
	return context;
}

static void enter(struct penstock_context *context)
{
	penstock_device_ref(context->device);
	penstock_list_append(&context->device->contexts, &context->link);
	context->device->adapter->contexts++;
	context->device->session->principal->objects++;
}

void penstock_context_ref(struct penstock_context *context)
{
	context->references++;
}

void penstock_context_put(struct penstock_context *context)
{
	PENSTOCK_REQUIRE(context->references > 0);
	if (--context->references > 0) {
		return;
	}
	PENSTOCK_REQUIRE(penstock_list_empty(&context->held));
	penstock_list_remove(&context->link);
	penstock_list_remove(&context->turn_link);
	penstock_list_remove(&context->dirty_link);
	penstock_snapshot_drop(context);
	penstock_promise_drop(context);
	context->device->session->principal->objects--;
	context->device->adapter->contexts--;
	penstock_device_put(context->device);
	free(context);
}

static void put_row(struct penstock_context *context)
{
	struct penstock_session *session = context->device->session;
	struct penstock_context_row row = {
		.id = context->id,
		.device = context->device->id,
		.name = context->info.name,
		.node_ordinal = context->info.node_ordinal,
		.flags = context->info.flags,
		.dma_buffer_bytes = context->info.dma_buffer_bytes,
		.allocation_list = context->info.allocation_list,
		.patch_location_list = context->info.patch_location_list,
		.priority = context->info.priority,
		.progress_record = context->progress_record,
	};

	if (penstock_session_leased(session)) {
		penstock_session_wrote(
			session, session->last_serial,
			penstock_store_put_context(session->machine->config.store, &row));
	}
}

void penstock_context_resized(struct penstock_context *context)
{
	put_row(context);
}

/* ---------------------------------------------------------------- create */

static enum penstock_status check_create(const struct penstock_context_info *info,
					 struct penstock_refusal *ret_refusal)
{
	if (info->node_ordinal >= PENSTOCK_NODE_COUNT) {
		return penstock_refuse(ret_refusal, PENSTOCK_STATUS_INVALID_PARAMETER,
				       "node %u of %u", info->node_ordinal, PENSTOCK_NODE_COUNT);
	}
	if (info->engine_affinity > 1u) {
		return penstock_refuse(ret_refusal, PENSTOCK_STATUS_INVALID_PARAMETER,
				       "engine affinity 0x%x: one bit, and a node has one engine",
				       info->engine_affinity);
	}
	if ((info->flags & ~KNOWN_FLAGS) != 0) {
		return penstock_refuse(ret_refusal, PENSTOCK_STATUS_NOT_SUPPORTED,
				       "context flags 0x%x: only GdiContext 0x2 and "
				       "GuaranteedDmaBufferContract 0x10000 are offered",
				       info->flags);
	}
	if ((info->flags & PENSTOCK_CONTEXT_GDI) != 0 &&
	    info->node_ordinal != PENSTOCK_NODE_RENDER_ORDINAL) {
		return penstock_refuse(ret_refusal, PENSTOCK_STATUS_INVALID_PARAMETER,
				       "a GDI context is on node 0");
	}
	if (info->priority < -PENSTOCK_PRIORITY_MOST || info->priority > PENSTOCK_PRIORITY_MOST) {
		return penstock_refuse(ret_refusal, PENSTOCK_STATUS_INVALID_PARAMETER,
				       "priority %d is not in -7..7", info->priority);
	}
	return PENSTOCK_STATUS_SUCCESS;
}

/* One that it had before a restart is not judged again, only held to what is allowed now. */
static enum penstock_status check_priority(const struct penstock_principal *principal,
					   int32_t priority, struct penstock_refusal *ret_refusal)
{
	if (priority <= principal->max_priority) {
		return PENSTOCK_STATUS_SUCCESS;
	}
	return penstock_refuse(ret_refusal, PENSTOCK_STATUS_ACCESS_DENIED,
			       "priority %d is above %d, the highest that is allowed to '%s'",
			       priority, principal->max_priority, principal->name);
}

static bool created_before(struct penstock_session *session,
			   const struct penstock_context_info *info)
{
	struct penstock_context *context =
		penstock_name_table_find(&session->names, info->name, PENSTOCK_NAME_CONTEXT);

	if (context == NULL || !context->restored || !penstock_session_replaying(session) ||
	    context->device->name != info->device ||
	    context->info.node_ordinal != info->node_ordinal ||
	    context->info.flags != info->flags) {
		return false;
	}
	context->restored = false;
	return true;
}

static struct penstock_context_info grant(const struct penstock_context_info *info)
{
	struct penstock_context_info granted = *info;

	granted.engine_affinity = 1u;
	granted.dma_buffer_bytes = penstock_context_grant_dma(info->dma_buffer_bytes);
	granted.allocation_list = penstock_context_grant_list(info->allocation_list, info->flags);
	granted.patch_location_list = penstock_context_grant_patch_list(info->patch_location_list);
	return granted;
}

static enum penstock_status name_it(struct penstock_context *context,
				    struct penstock_refusal *ret_refusal)
{
	struct penstock_session *session = context->device->session;
	struct penstock_machine *machine = session->machine;
	struct penstock_errbuf text;
	enum penstock_status status;

	if (penstock_session_leased(session)) {
		status = penstock_progress_allocate(machine->progress, &context->progress_record);
		if (status != PENSTOCK_STATUS_SUCCESS) {
			return penstock_refuse(ret_refusal, status, "no progress record");
		}
	}
	status = penstock_name_table_insert(&session->names, context->info.name,
					    PENSTOCK_NAME_CONTEXT, context, &text);
	if (status != PENSTOCK_STATUS_SUCCESS) {
		penstock_progress_free(machine->progress, context->progress_record);
		return penstock_refuse(ret_refusal, status, "%s", text.text);
	}
	return PENSTOCK_STATUS_SUCCESS;
}

static enum penstock_status create(struct penstock_session *session,
				   const struct penstock_context_info *info,
				   struct penstock_refusal *ret_refusal)
{
	struct penstock_context_info granted = grant(info);
	struct penstock_device *device;
	struct penstock_context *context;
	enum penstock_status status = check_create(info, ret_refusal);

	if (status != PENSTOCK_STATUS_SUCCESS || created_before(session, info) ||
	    penstock_session_overtaken(session, info->name)) {
		return status;
	}
	status = penstock_device_find(session, info->device, &device, ret_refusal);
	if (status != PENSTOCK_STATUS_SUCCESS) {
		return status;
	}
	status = penstock_session_check_objects(session, ret_refusal);
	if (status == PENSTOCK_STATUS_SUCCESS) {
		status = check_priority(session->principal, info->priority, ret_refusal);
	}
	if (status != PENSTOCK_STATUS_SUCCESS) {
		return status;
	}
	context = make(device, &granted);
	if (context == NULL) {
		return penstock_refuse(ret_refusal, PENSTOCK_STATUS_NO_MEMORY,
				       "no memory for a context");
	}
	status = penstock_promise_make(context, &granted, ret_refusal);
	if (status == PENSTOCK_STATUS_SUCCESS) {
		status = name_it(context, ret_refusal);
	}
	if (status != PENSTOCK_STATUS_SUCCESS) {
		penstock_promise_drop(context);
		free(context);
		return status;
	}
	context->id = ++session->machine->last_context_id;
	context->queue.id = context->id;
	enter(context);
	put_row(context);
	return PENSTOCK_STATUS_SUCCESS;
}

enum penstock_status penstock_create_context(struct penstock_session *session, uint64_t serial,
					     const struct penstock_context_info *info,
					     struct penstock_refusal *ret_refusal)
{
	enum penstock_status status = penstock_session_take_serial(session, serial, ret_refusal);

	if (status != PENSTOCK_STATUS_SUCCESS) {
		return status;
	}
	return penstock_session_executed(session, create(session, info, ret_refusal), ret_refusal);
}

enum penstock_status penstock_query_context(struct penstock_session *session, uint64_t serial,
					    uint64_t name, struct penstock_context_state *ret_state,
					    struct penstock_refusal *ret_refusal)
{
	enum penstock_status status = penstock_session_take_serial(session, serial, ret_refusal);
	const struct penstock_context *context;

	if (status != PENSTOCK_STATUS_SUCCESS) {
		return status;
	}
	context = penstock_name_table_find(&session->names, name, PENSTOCK_NAME_CONTEXT);
	if (context == NULL) {
		status = penstock_refuse(ret_refusal, PENSTOCK_STATUS_INVALID_HANDLE,
					 "0x%" PRIx64 " names no context", name);
		return penstock_session_executed(session, status, ret_refusal);
	}
	*ret_state = (struct penstock_context_state){
		.dma_buffer_bytes = context->info.dma_buffer_bytes,
		.allocation_list = context->info.allocation_list,
		.patch_location_list = context->info.patch_location_list,
		.queued_buffer_count = context->held_count,
		.completed_fence = context->completed_fence,
	};
	return penstock_session_executed(session, PENSTOCK_STATUS_SUCCESS, NULL);
}

void penstock_context_cancel(struct penstock_context *context, enum penstock_status status)
{
	if (context->queue.scheduler != NULL) {
		penstock_scheduler_cancel(&context->queue, status);
	}
}

void penstock_context_destroy(struct penstock_context *context, bool keep, bool cancel)
{
	struct penstock_session *session = context->device->session;

	context->destroyed = true;
	penstock_list_remove(&context->link);
	penstock_list_remove(&context->dirty_link);
	penstock_name_table_remove(&session->names, context->info.name);
	if (!keep) {
		uint64_t sequence = penstock_session_forget(session, PENSTOCK_STORE_CONTEXT,
							    context->id, context->info.name);

		penstock_condemn_progress(session->machine, penstock_session_leased(session),
					  sequence, context->progress_record);
		context->progress_record = 0;
	}
	if (cancel) {
		context->cancelled = true;
		penstock_context_cancel(context, PENSTOCK_STATUS_CANCELLED);
	} else if (context->held_count > 0) {
		penstock_list_append(&context->device->ending, &context->link);
	}
	penstock_context_put(context);
}

enum penstock_status penstock_context_restore(struct penstock_device *device,
					      const struct penstock_context_row *row,
					      bool *ret_promised,
					      struct penstock_context **ret_context)
{
	struct penstock_context_info info = {
		.name = row->name,
		.device = device->name,
		.node_ordinal = row->node_ordinal,
		.engine_affinity = 1u,
		.flags = row->flags,
		.dma_buffer_bytes = penstock_context_grant_dma(row->dma_buffer_bytes),
		.allocation_list = penstock_context_grant_list(row->allocation_list, row->flags),
		.patch_location_list = penstock_context_grant_patch_list(row->patch_location_list),
		.priority = row->priority,
	};
	struct penstock_context *context;
	enum penstock_status status;

	if (check_create(&info, NULL) != PENSTOCK_STATUS_SUCCESS) {
		return PENSTOCK_STATUS_DATA_ERROR;
	}
	if (info.priority > device->session->principal->max_priority) {
		info.priority = device->session->principal->max_priority;
	}
	context = make(device, &info);
	if (context == NULL) {
		return PENSTOCK_STATUS_NO_MEMORY;
	}
	*ret_promised = penstock_promise_make(context, &info, NULL) == PENSTOCK_STATUS_SUCCESS;
	status = penstock_name_table_restore(&device->session->names, row->name,
					     PENSTOCK_NAME_CONTEXT, context);
	if (status != PENSTOCK_STATUS_SUCCESS) {
		penstock_promise_drop(context);
		free(context);
		return status;
	}
	context->id = row->id;
	context->queue.id = context->id;
	context->restored = true;
	enter(context);
	*ret_context = context;
	return PENSTOCK_STATUS_SUCCESS;
}

/* ---------------------------------------------------------------- held submissions */

void penstock_context_hold(struct penstock_context *context, struct penstock_held *held)
{
	struct penstock_session *session = context->device->session;
	struct penstock_tenant *tenant = context->device->tenant;

	penstock_list_append(&context->held, &held->submission.context_link);
	context->held_count++;
	if (!context->full && context->held_count >= PENSTOCK_LIMIT_CONTEXT_SUBMISSIONS) {
		context->full = true;
		session->full_contexts++;
	}
	tenant->held++;
	tenant->asleep = false;
	context->device->adapter->held++;
	penstock_principal_hold(session->principal, held->block_bytes);
	penstock_session_hold(session, 1, held->submission.input_bytes);
}

void penstock_context_unhold(struct penstock_context *context, struct penstock_held *held)
{
	struct penstock_session *session = context->device->session;
	struct penstock_tenant *tenant = context->device->tenant;

	penstock_list_remove(&held->submission.context_link);
	context->held_count--;
	if (context->full && context->held_count < PENSTOCK_LIMIT_CONTEXT_SUBMISSIONS / 4u * 3u) {
		context->full = false;
		session->full_contexts--;
	}
	tenant->held--;
	tenant->active_ms = uv_now(session->machine->config.loop);
	context->device->adapter->held--;
	penstock_principal_release(session->principal, held->block_bytes);
	penstock_session_release(session, 1, held->submission.input_bytes);
}

void penstock_context_refused(struct penstock_context *context, const struct penstock_held *refused,
			      uint64_t serial)
{
	const struct penstock_list *link = refused == NULL
						   ? context->held.previous
						   : refused->submission.context_link.previous;
	struct penstock_held *before =
		link == &context->held ? NULL
				       : penstock_held_from(penstock_list_entry(
						 link, struct penstock_submission, context_link));

	if (refused == NULL) {
		context->outcome = PENSTOCK_OUTCOME_FAILED;
	}
	/* The record follows what is settled: not ahead of what was accepted before. */
	if (before != NULL && !penstock_list_empty(&before->gate_link)) {
		before->refused_behind =
			before->refused_behind == 0 ? serial : before->refused_behind;
	} else if (context->progress_record != 0) {
		penstock_progress_set_refused(context->device->session->machine->progress,
					      context->progress_record, serial);
	}
}

enum penstock_status penstock_context_ending(const struct penstock_context *context)
{
	if (context->cancelled) {
		return PENSTOCK_STATUS_CANCELLED;
	}
	return penstock_device_lost(context->device) ? PENSTOCK_STATUS_DEVICE_REMOVED
						     : PENSTOCK_STATUS_SUCCESS;
}

void penstock_context_defer(struct penstock_context *context)
{
	if (penstock_list_empty(&context->turn_link)) {
		penstock_list_append(&context->device->session->machine->turn.contexts,
				     &context->turn_link);
		penstock_turn_arm(&context->device->session->machine->turn);
	}
}

/* One retired submission: what it did is counted, what it had is given back. */
static void retire_one(struct penstock_context *context, struct penstock_held *held)
{
	struct penstock_session *session = context->device->session;

	context->completed_fence = held->submission.serial;
	context->statistics.patched += held->submission.patched;
	session->principal->retired++;
	if (context->progress_record != 0 &&
	    (held->status == PENSTOCK_STATUS_SUCCESS || !session->machine->stopping)) {
		penstock_progress_set_completed(session->machine->progress,
						context->progress_record, held->submission.serial);
	}
	if (held->submission.serial == context->last_serial && !context->destroyed) {
		penstock_snapshot_take(context, held);
	}
	penstock_held_end(held);
}

static struct penstock_held *first_retired(const struct penstock_context *context)
{
	struct penstock_list *link = penstock_list_first(&context->held);
	struct penstock_held *held;

	if (link == NULL) {
		return NULL;
	}
	held = penstock_held_from(
		penstock_list_entry(link, struct penstock_submission, context_link));
	return held->retired ? held : NULL;
}

/* The last of those that retired with the same status, `held` being the first. */
static uint64_t last_of_run(const struct penstock_context *context,
			    const struct penstock_held *held)
{
	uint64_t serial = held->submission.serial;
	const struct penstock_list *link = held->submission.context_link.next;
	const enum penstock_status status = held->status;

	for (; link != &context->held; link = link->next) {
		held = penstock_held_from(
			penstock_list_entry(link, struct penstock_submission, context_link));
		if (!held->retired || held->status != status) {
			break;
		}
		serial = held->submission.serial;
	}
	return serial;
}

void penstock_context_retire(struct penstock_context *context)
{
	struct penstock_session *session = context->device->session;
	struct penstock_held *held;

	penstock_context_ref(context);
	penstock_context_drain(context);
	while ((held = first_retired(context)) != NULL) {
		enum penstock_status status = held->status;

		if (status != PENSTOCK_STATUS_SUCCESS) {
			penstock_answers_ended(context, last_of_run(context, held), status);
		}
		do {
			retire_one(context, held);
			held = first_retired(context);
		} while (held != NULL && held->status == status);
		if (!context->destroyed && session->events.fence != NULL) {
			session->events.fence(session->events.owner, context->info.name,
					      context->completed_fence, status);
		}
	}
	penstock_context_put(context);
}

/* ---------------------------------------------------------------- allocation tables */

static void store_list(struct penstock_context *context)
{
	const struct penstock_snapshot *snapshot = context->last;
	uint32_t count = snapshot == NULL ? 0 : snapshot->element_count;
	struct penstock_list_row *rows = calloc(count + 1u, sizeof(*rows));

	if (rows == NULL) {
		return;
	}
	for (uint32_t i = 0; i < count; i++) {
		const struct penstock_snapshot_element *element = &snapshot->elements[i];

		rows[i] = (struct penstock_list_row){
			.opening = element->opening,
			.index = i,
			.write_operation = element->write_operation,
			.segment_id = element->segment_id,
			.address = element->address,
		};
	}
	(void)penstock_store_put_list(context->device->session->machine->config.store, context->id,
				      rows, count);
	free(rows);
}

void penstock_context_store_lists(struct penstock_machine *machine)
{
	struct penstock_list *link;

	while ((link = penstock_list_pop(&machine->dirty_lists)) != NULL) {
		store_list(penstock_list_entry(link, struct penstock_context, dirty_link));
	}
}

static void lists_cb(uv_timer_t *timer)
{
	struct penstock_turn *turn = timer->data;

	penstock_context_store_lists(turn->machine);
}

void penstock_context_list_changed(struct penstock_context *context)
{
	struct penstock_machine *machine = context->device->session->machine;

	if (!penstock_session_leased(context->device->session) || context->destroyed ||
	    !penstock_list_empty(&context->dirty_link)) {
		return;
	}
	if (penstock_list_empty(&machine->dirty_lists)) {
		(void)uv_timer_start(&machine->turn.lists, lists_cb, STORE_LISTS_MS, 0);
	}
	penstock_list_append(&machine->dirty_lists, &context->dirty_link);
}
