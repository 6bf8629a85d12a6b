/* SPDX-License-Identifier: MIT */
/*
 * The kernel transition: what a client handed over becomes a held submission, or a refusal.
 *
 * Small command buffers are rendered here and now. Large ones are copied and rendered by a worker;
 * what the context submits meanwhile waits on `unordered` and is handed over behind them, so that
 * a context's order is kept while others render in parallel. Until a submission is admitted it has
 * changed nothing but counters: a refusal leaves the context as it was.
 */
#include "daemon/memory/progress.h"
#include "daemon/objects/passes.h"
#include "daemon/objects/promise.h"
#include "daemon/objects/translate.h"
#include "proto/wire/limits.h"

#include <inttypes.h>
#include <string.h>

/*
 * Room for what a frame may still carry when its connection stops reading: nobody who keeps to the
 * credits meets this.
 */
#define MOST_HELD (PENSTOCK_LIMIT_HELD_SUBMISSIONS + PENSTOCK_LIMIT_SUBMISSIONS_PER_FRAME)

#define KNOWN_FLAGS                                                                                \
	(PENSTOCK_SUBMIT_RESIZE_COMMAND_BUFFER | PENSTOCK_SUBMIT_RESIZE_ALLOCATION_LIST |          \
	 PENSTOCK_SUBMIT_RESIZE_PATCH_LOCATION_LIST | PENSTOCK_SUBMIT_NULL_RENDERING |             \
	 PENSTOCK_SUBMIT_RENDER_KM | PENSTOCK_SUBMIT_IF_PREDECESSOR_RAN)

#define RESIZE_FLAGS                                                                               \
	(PENSTOCK_SUBMIT_RESIZE_COMMAND_BUFFER | PENSTOCK_SUBMIT_RESIZE_ALLOCATION_LIST |          \
	 PENSTOCK_SUBMIT_RESIZE_PATCH_LOCATION_LIST)

/* What a client handed over; borrowed. */
struct input {
	const struct penstock_wire_submission *record;
	const uint8_t *allocation_list;
	const uint8_t *patch_list;
	const uint8_t *command;
};

/* ---------------------------------------------------------------- checks */

static enum penstock_status check_flags(const struct penstock_context *context,
					const struct penstock_wire_submission *record,
					struct penstock_refusal *ret_refusal)
{
	if ((record->flags & ~KNOWN_FLAGS) != 0) {
		return penstock_refuse(ret_refusal, PENSTOCK_STATUS_INVALID_PARAMETER,
				       "submission flags 0x%x: unknown bits 0x%x", record->flags,
				       record->flags & ~KNOWN_FLAGS);
	}
	if (record->reserved != 0) {
		return penstock_refuse(ret_refusal, PENSTOCK_STATUS_INVALID_PARAMETER,
				       "the reserved field is 0x%x", record->reserved);
	}
	if (record->broadcast_count != 0) {
		return penstock_refuse(ret_refusal, PENSTOCK_STATUS_INVALID_PARAMETER,
				       "broadcast to %u contexts is not offered",
				       record->broadcast_count);
	}
	if ((record->flags & PENSTOCK_SUBMIT_RENDER_KM) != 0 &&
	    (context->info.flags & PENSTOCK_CONTEXT_GDI) == 0) {
		return penstock_refuse(ret_refusal, PENSTOCK_STATUS_INVALID_PARAMETER,
				       "RenderKm needs a GDI context");
	}
	return PENSTOCK_STATUS_SUCCESS;
}

static enum penstock_status check_counts(const struct penstock_context *context,
					 const struct penstock_wire_submission *record,
					 struct penstock_refusal *ret_refusal)
{
	const struct penstock_context_info *info = &context->info;

	/* Under the guaranteed contract a command buffer is as long as its DMA buffer. */
	const bool guaranteed = penstock_context_guaranteed(context);
	const uint32_t command_bytes =
		guaranteed ? info->dma_buffer_bytes : PENSTOCK_LIMIT_COMMAND_BYTES;
	const uint32_t patches = guaranteed ? info->patch_location_list : PENSTOCK_LIMIT_PATCH_LIST;

	if (record->command_length > command_bytes) {
		return penstock_refuse(ret_refusal, PENSTOCK_STATUS_LIMIT_EXCEEDED,
				       "%u command bytes, a command buffer of the context has %u",
				       record->command_length, command_bytes);
	}
	if (record->allocation_count > info->allocation_list) {
		return penstock_refuse(ret_refusal, PENSTOCK_STATUS_LIMIT_EXCEEDED,
				       "%u elements, the context's allocation list has %u",
				       record->allocation_count, info->allocation_list);
	}
	if (record->patch_location_count > patches) {
		return penstock_refuse(ret_refusal, PENSTOCK_STATUS_LIMIT_EXCEEDED,
				       "%u entries, a patch-location list of the context has %u",
				       record->patch_location_count, patches);
	}
	if (record->command_offset % 4u != 0 || record->command_offset > record->command_length) {
		return penstock_refuse(ret_refusal, PENSTOCK_STATUS_INVALID_PARAMETER,
				       "command offset %u: a multiple of 4, at most the length %u",
				       record->command_offset, record->command_length);
	}
	return PENSTOCK_STATUS_SUCCESS;
}

static enum penstock_status check_turn(const struct penstock_context *context,
				       const struct penstock_wire_submission *record,
				       struct penstock_refusal *ret_refusal)
{
	const struct penstock_session *session = context->device->session;

	if ((record->flags & PENSTOCK_SUBMIT_IF_PREDECESSOR_RAN) != 0 &&
	    context->outcome == PENSTOCK_OUTCOME_FAILED) {
		return penstock_refuse(ret_refusal, PENSTOCK_STATUS_PREDECESSOR_FAILED,
				       "the context's submission before this one did not run");
	}
	if (session->held_submissions >= MOST_HELD) {
		return penstock_refuse(ret_refusal, PENSTOCK_STATUS_LIMIT_EXCEEDED,
				       "the session holds %u submissions",
				       session->held_submissions);
	}
	return PENSTOCK_STATUS_SUCCESS;
}

static enum penstock_status check(const struct penstock_context *context,
				  const struct penstock_wire_submission *record,
				  struct penstock_refusal *ret_refusal)
{
	enum penstock_status status = penstock_device_check(context->device, ret_refusal);

	if (status == PENSTOCK_STATUS_SUCCESS) {
		status = check_flags(context, record, ret_refusal);
	}
	if (status == PENSTOCK_STATUS_SUCCESS) {
		status = check_counts(context, record, ret_refusal);
	}
	if (status == PENSTOCK_STATUS_SUCCESS) {
		status = check_turn(context, record, ret_refusal);
	}
	return status;
}

/* ---------------------------------------------------------------- the block */

static uint32_t least(uint32_t a, uint32_t b)
{
	return a < b ? a : b;
}

/* Sizes follow the bytes received, never what a client declares beyond them. */
static struct penstock_held *new_held(struct penstock_context *context, const struct input *input,
				      bool copy)
{
	const struct penstock_wire_submission *record = input->record;
	bool aligned = (uintptr_t)input->patch_list % _Alignof(struct penstock_patch_location) == 0;
	struct penstock_held_size size = {
		.references = record->allocation_count,
		.dma_bytes = least(context->info.dma_buffer_bytes,
				   penstock_render_dma_bound(record->command_length)),
		.private_bytes = least(penstock_context_private_bytes(&context->info),
				       penstock_render_private_bound(record->command_length)),
		.patches = least(context->info.patch_location_list,
				 penstock_render_patch_bound(record->command_length)),
		.patches_in = copy || !aligned ? record->patch_location_count : 0,
		.command_bytes = copy ? record->command_length : 0,
	};
	struct penstock_patch_location *patches_in;
	uint8_t *command;
	struct penstock_held *held =
		penstock_held_new(context->device->session->machine, &size, &command, &patches_in);

	if (PENSTOCK_UNLIKELY(held == NULL)) {
		held = penstock_promise_take(context, &size, &command, &patches_in);
	}
	if (PENSTOCK_UNLIKELY(held == NULL)) {
		return NULL;
	}
	/* An empty command buffer may stand nowhere. */
	held->submission.args.command =
		record->command_length == 0 ? (const uint8_t *)"" : input->command;
	held->submission.args.patches_in = (const void *)input->patch_list;
	if (size.command_bytes > 0) {
		memcpy(command, input->command, size.command_bytes);
		held->submission.args.command = command;
	}
	if (size.patches_in > 0) {
		memcpy(patches_in, input->patch_list,
		       (size_t)size.patches_in * sizeof(*patches_in));
		held->submission.args.patches_in = patches_in;
	}
	held->submission.args.dma_capacity = size.dma_bytes;
	held->submission.args.patch_capacity = size.patches;
	held->submission.args.private_capacity = size.private_bytes;
	held->submission.args.private_start = 0;
	return held;
}

void penstock_held_completed(struct penstock_submission *submission, enum penstock_status status)
{
	struct penstock_held *held = penstock_held_from(submission);

	held->status = status;
	held->retired = true;
	if (!held->ran) {
		held->ran = true;
		penstock_held_predecessor(held, status == PENSTOCK_STATUS_SUCCESS);
	}
	penstock_context_defer(held->context);
}

static void set_up(struct penstock_held *held, struct penstock_context *context, uint64_t serial,
		   const struct penstock_wire_submission *record)
{
	struct penstock_submission *submission = &held->submission;

	held->context = context;
	penstock_list_init(&submission->queue_link);
	penstock_list_init(&submission->context_link);
	submission->state = PENSTOCK_SUBMISSION_RECEIVED;
	submission->queue = &context->queue;
	submission->process = context->device->tenant->process;
	submission->context = context;
	submission->held = held;
	submission->serial = serial;
	submission->flags = record->flags;
	submission->input_bytes =
		(uint32_t)sizeof(*record) +
		record->allocation_count * (uint32_t)sizeof(struct penstock_wire_allocation) +
		record->patch_location_count * (uint32_t)sizeof(struct penstock_patch_location) +
		record->command_length;
	submission->blocked = 0;
	submission->cancelled = PENSTOCK_STATUS_SUCCESS;
	submission->submission_fence_id = 0;
	submission->dma_address = 0;
	submission->dma_slot = 0;
	submission->patched = 0;
	submission->sync = NULL;
	submission->chain = NULL;
	submission->pass = 0;
	submission->completed = penstock_held_completed;
	submission->args.command_offset = record->command_offset;
	submission->args.command_length = record->command_length;
	submission->args.allocations = submission->list;
	submission->args.allocation_count = record->allocation_count;
	submission->args.patch_in_count = record->patch_location_count;
	submission->args.caps = (struct penstock_render_caps){
		.node_ordinal = context->info.node_ordinal,
		.km = (record->flags & PENSTOCK_SUBMIT_RENDER_KM) != 0,
		.test_instructions = context->device->adapter->config.test_instructions,
	};
	submission->args.multipass_offset = 0;
	submission->args.dma_length = 0;
	submission->args.patch_count = 0;
	submission->args.private_end = 0;
}

/* ---------------------------------------------------------------- render */

/* Any thread: touches the submission's args and the block's own arrays only. */
static enum penstock_status render(struct penstock_held *held, struct penstock_refusal *ret_refusal)
{
	const struct penstock_context *context = held->context;

	return penstock_translate(context->device->adapter->config.translate,
				  &held->submission.args, held->before, ret_refusal, &held->defect);
}

/* Under the guaranteed contract a command buffer that is no single DMA buffer is invalid. */
static enum penstock_status refuse_second_pass(const struct penstock_render_args *args,
					       struct penstock_refusal *ret_refusal)
{
	uint32_t byte = (uint32_t)(args->multipass_offset >> 32);
	const struct penstock_instruction *instruction = penstock_instruction_by_opcode(
		penstock_header_opcode(penstock_load32(args->command + byte)));

	(void)penstock_refuse(ret_refusal, PENSTOCK_STATUS_INVALID_USER_BUFFER,
			      "%s at byte 0x%x does not fit the guaranteed DMA buffer of %u bytes "
			      "and %u patch locations any more",
			      instruction->layout.mnemonic, byte, args->dma_capacity,
			      args->patch_capacity);
	ret_refusal->at_instruction = true;
	ret_refusal->byte_offset = byte;
	ret_refusal->instruction = instruction->layout.mnemonic;
	return PENSTOCK_STATUS_INVALID_USER_BUFFER;
}

/* What render's first pass said, after it: the passes behind it are set up where there are any. */
static enum penstock_status begin_passes(struct penstock_held *held, enum penstock_status status,
					 bool copy_command, struct penstock_refusal *ret_refusal)
{
	if (PENSTOCK_UNLIKELY(held->defect != NULL)) {
		penstock_adapter_fail(held->context->device->adapter, held->defect);
	}
	if (PENSTOCK_LIKELY(status != PENSTOCK_STATUS_GRAPHICS_INSUFFICIENT_DMA_BUFFER)) {
		return status;
	}
	if (penstock_context_guaranteed(held->context)) {
		return refuse_second_pass(&held->submission.args, ret_refusal);
	}
	if (penstock_passes_begin(held, copy_command) != PENSTOCK_STATUS_SUCCESS) {
		return penstock_refuse(ret_refusal, PENSTOCK_STATUS_NO_MEMORY,
				       "no memory for the passes of a submission of %u command "
				       "bytes",
				       held->submission.args.command_length);
	}
	return PENSTOCK_STATUS_SUCCESS;
}

static void count_refused(struct penstock_context *context)
{
	context->statistics.refused++;
	context->device->session->principal->refused++;
}

/* The device is lost where render finds what only a broken translator could have made. */
static void lose_on_exception(struct penstock_context *context, enum penstock_status status,
			      const struct penstock_refusal *refusal)
{
	struct penstock_device_state state = {
		.execution_state = PENSTOCK_DEVICE_ERROR_DMAFAULT,
		.fault_node = context->info.node_ordinal,
	};

	if (status != PENSTOCK_STATUS_GRAPHICS_GPU_EXCEPTION_ON_DEVICE) {
		return;
	}
	penstock_device_set_reason(&state, refusal->sentence);
	penstock_device_lose(context->device, &state);
}

/* ---------------------------------------------------------------- admission */

static void resize(struct penstock_context *context, const struct penstock_wire_submission *record)
{
	struct penstock_context_info info = context->info;

	if ((record->flags & RESIZE_FLAGS) == 0) {
		return;
	}
	if ((record->flags & PENSTOCK_SUBMIT_RESIZE_COMMAND_BUFFER) != 0) {
		info.dma_buffer_bytes = penstock_context_grant_dma(record->new_command_bytes);
	}
	if ((record->flags & PENSTOCK_SUBMIT_RESIZE_ALLOCATION_LIST) != 0) {
		info.allocation_list =
			penstock_context_grant_list(record->new_allocation_list, info.flags);
	}
	if ((record->flags & PENSTOCK_SUBMIT_RESIZE_PATCH_LOCATION_LIST) != 0) {
		info.patch_location_list =
			penstock_context_grant_patch_list(record->new_patch_list);
	}
	/* What cannot be promised is not granted: the older sizes hold. */
	if (penstock_promise_make(context, &info, NULL) != PENSTOCK_STATUS_SUCCESS) {
		return;
	}
	context->info = info;
	penstock_context_resized(context);
}

/* It is the context's now: counted, in its place among the session's transfers. */
static void admit(struct penstock_held *held, uint32_t references)
{
	struct penstock_context *context = held->context;
	struct penstock_session *session = context->device->session;

	penstock_context_ref(context);
	if ((held->submission.flags & PENSTOCK_SUBMIT_IF_PREDECESSOR_RAN) != 0 &&
	    context->outcome == PENSTOCK_OUTCOME_UNKNOWN) {
		held->after_predecessor = true;
		held->submission.blocked++;
	}
	penstock_context_hold(context, held);
	context->outcome = PENSTOCK_OUTCOME_UNKNOWN;
	penstock_held_take_list(held, references);
	if (penstock_session_leased(session)) {
		held->submission.blocked++;
		penstock_list_append(&session->gated, &held->gate_link);
	}
}

void penstock_context_count_pass(struct penstock_context *context,
				 const struct penstock_submission *pass)
{
	context->statistics.dma_buffers++;
	context->statistics.dma_bytes += pass->args.dma_length;
	context->statistics.patch_locations += pass->args.patch_count;
}

void penstock_held_hand_over(struct penstock_held *held)
{
	struct penstock_context *context = held->context;

	context->last_serial = held->submission.serial;
	context->statistics.submitted++;
	context->statistics.command_bytes += held->submission.args.command_length;
	penstock_context_count_pass(context, &held->submission);
	context->device->session->principal->submissions++;
	held->handed_over = true;
	penstock_scheduler_enqueue(&context->queue, &held->submission);
}

/* It was admitted: where it does not run, its fence says so. */
static void hand_over_or_end(struct penstock_held *held)
{
	enum penstock_status ending = penstock_context_ending(held->context);

	if (ending != PENSTOCK_STATUS_SUCCESS) {
		penstock_held_completed(&held->submission, ending);
	} else {
		penstock_held_hand_over(held);
	}
}

void penstock_context_drain(struct penstock_context *context)
{
	struct penstock_list *link;

	while ((link = penstock_list_first(&context->unordered)) != NULL) {
		struct penstock_held *held =
			penstock_list_entry(link, struct penstock_held, order_link);

		if (!held->rendered ||
		    (held->passes != NULL && !penstock_passes_advance(held->passes))) {
			return;
		}
		penstock_list_remove(link);
		if (held->passes == NULL) {
			hand_over_or_end(held);
		}
	}
}

/* ---------------------------------------------------------------- on a worker */

static void work(void *argument)
{
	struct penstock_held *held = argument;

	held->status = render(held, &held->submission.refusal);
}

static void refuse_rendered(struct penstock_held *held)
{
	struct penstock_context *context = held->context;
	enum penstock_status status = held->status;

	penstock_context_ref(context);
	held->submission.state = PENSTOCK_SUBMISSION_REFUSED;
	held->pending.refusal = &held->submission.refusal;
	if (held->pending.request != NULL) {
		held->pending.request->refusal = held->submission.refusal;
	}
	penstock_context_refused(context, held, held->submission.serial);
	penstock_held_predecessor(held, false);
	count_refused(context);
	lose_on_exception(context, status, &held->submission.refusal);
	penstock_pending_finish(&held->pending, status);
	penstock_held_end(held);
	penstock_context_drain(context);
	penstock_context_defer(context); /* those behind it may have completed already */
	penstock_context_put(context);
}

static void worked(void *argument)
{
	struct penstock_held *held = argument;
	struct penstock_context *context = held->context;
	uint64_t block_bytes = held->block_bytes;

	held->status = begin_passes(held, held->status, false, &held->submission.refusal);
	penstock_principal_hold(context->device->session->principal,
				held->block_bytes - block_bytes);
	if (held->status == PENSTOCK_STATUS_SUCCESS && penstock_device_lost(context->device)) {
		held->status = penstock_device_check(context->device, &held->submission.refusal);
	} else if (held->status == PENSTOCK_STATUS_SUCCESS && context->cancelled) {
		held->status = PENSTOCK_STATUS_CANCELLED;
	}
	if (held->status != PENSTOCK_STATUS_SUCCESS) {
		refuse_rendered(held);
		return;
	}
	held->rendered = true;
	penstock_context_ref(context);
	penstock_context_drain(context);
	penstock_pending_finish(&held->pending, PENSTOCK_STATUS_SUCCESS);
	penstock_context_put(context);
}

static enum penstock_status submit_large(struct penstock_context *context, uint64_t serial,
					 const struct input *input,
					 struct penstock_request *request,
					 struct penstock_refusal *ret_refusal)
{
	struct penstock_session *session = context->device->session;
	const struct penstock_worker *worker = &session->machine->config.worker;
	struct penstock_held *held = new_held(context, input, true);
	enum penstock_status status;

	if (held == NULL) {
		return penstock_refuse(ret_refusal, PENSTOCK_STATUS_NO_MEMORY,
				       "no memory for a submission of %u command bytes",
				       input->record->command_length);
	}
	set_up(held, context, serial, input->record);
	status = penstock_held_convert_list(held, context->device, input->allocation_list,
					    input->record->allocation_count, ret_refusal);
	if (status != PENSTOCK_STATUS_SUCCESS) {
		penstock_held_free(session->machine, held);
		return status;
	}
	admit(held, input->record->allocation_count);
	penstock_list_append(&context->unordered, &held->order_link);
	resize(context, input->record);
	held->submission.state = PENSTOCK_SUBMISSION_RENDERING;
	request->state = NULL;
	penstock_pending_init(&held->pending, session, request, true);
	status = worker->run(worker->owner, work, worked, held);
	if (status != PENSTOCK_STATUS_SUCCESS) {
		/* No worker: rendered here, answered like the others. */
		work(held);
		worked(held);
	}
	return PENSTOCK_STATUS_PENDING;
}

/* ---------------------------------------------------------------- here and now */

static enum penstock_status submit_small(struct penstock_context *context, uint64_t serial,
					 const struct input *input,
					 struct penstock_refusal *ret_refusal)
{
	struct penstock_held *held = new_held(context, input, false);
	enum penstock_status status;

	if (PENSTOCK_UNLIKELY(held == NULL)) {
		return penstock_refuse(ret_refusal, PENSTOCK_STATUS_NO_MEMORY,
				       "no memory for a submission");
	}
	set_up(held, context, serial, input->record);
	status = penstock_held_convert_list(held, context->device, input->allocation_list,
					    input->record->allocation_count, ret_refusal);
	if (status == PENSTOCK_STATUS_SUCCESS) {
		status = begin_passes(held, render(held, ret_refusal), true, ret_refusal);
	}
	if (PENSTOCK_UNLIKELY(status != PENSTOCK_STATUS_SUCCESS)) {
		penstock_held_free(context->device->session->machine, held);
		lose_on_exception(context, status, ret_refusal);
		return status;
	}
	held->rendered = true;
	admit(held, input->record->allocation_count);
	resize(context, input->record);
	if (PENSTOCK_UNLIKELY(held->passes != NULL)) {
		penstock_list_append(&context->unordered, &held->order_link);
		penstock_context_drain(context);
	} else if (penstock_list_empty(&context->unordered)) {
		penstock_held_hand_over(held);
	} else {
		penstock_list_append(&context->unordered, &held->order_link);
	}
	return PENSTOCK_STATUS_SUCCESS;
}

enum penstock_status penstock_submit(struct penstock_session *session, uint64_t serial,
				     const struct penstock_wire_submission *record,
				     const uint8_t *allocation_list, const uint8_t *patch_list,
				     const uint8_t *command, struct penstock_request *request,
				     struct penstock_refusal *ret_refusal)
{
	const struct input input = { record, allocation_list, patch_list, command };
	enum penstock_status status = penstock_session_take_serial(session, serial, ret_refusal);
	struct penstock_context *context;

	if (PENSTOCK_UNLIKELY(status == PENSTOCK_STATUS_WRONG_SERIAL)) {
		return status;
	}
	context = penstock_name_table_find(&session->names, record->context, PENSTOCK_NAME_CONTEXT);
	if (PENSTOCK_UNLIKELY(status != PENSTOCK_STATUS_SUCCESS)) {
		if (context != NULL) {
			penstock_context_refused(context, NULL, serial); /* as before a restart */
		}
		return status;
	}
	if (PENSTOCK_UNLIKELY(context == NULL)) {
		status = penstock_refuse(ret_refusal, PENSTOCK_STATUS_INVALID_HANDLE,
					 "0x%" PRIx64 " names no context", record->context);
		return penstock_session_executed(session, status, ret_refusal);
	}
	status = check(context, record, ret_refusal);
	if (PENSTOCK_LIKELY(status == PENSTOCK_STATUS_SUCCESS)) {
		status = record->command_length >= session->machine->config.worker_bytes
				 ? submit_large(context, serial, &input, request, ret_refusal)
				 : submit_small(context, serial, &input, ret_refusal);
	}
	if (PENSTOCK_UNLIKELY(status != PENSTOCK_STATUS_SUCCESS &&
			      status != PENSTOCK_STATUS_PENDING)) {
		count_refused(context);
		penstock_context_refused(context, NULL, serial);
	}
	return penstock_session_executed(session, status, ret_refusal);
}
