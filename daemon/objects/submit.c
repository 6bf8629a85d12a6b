/* SPDX-License-Identifier: MIT */
/*
 * The kernel transition: what a client handed over becomes a held submission, or a refusal.
 *
 * Small command buffers are rendered here and now. Large ones are copied and rendered by a worker;
 * what the context submits meanwhile waits on `unordered` and is handed over behind them, so that
 * a context's order is kept while others render in parallel. Until a submission is admitted it has
 * changed nothing but counters: a refusal leaves the context as it was.
 *
 * A submission is broadcast to the contexts that it names beside its first one: it becomes a held
 * submission of each (penstock_held.sibling while they are made), translated for each, since sizes
 * are the context's and a DMA buffer is patched, preempted and retired on its own. None is admitted
 * before all of them can be; on a worker they are one piece of work.
 */
#include "daemon/memory/progress.h"
#include "daemon/objects/passes.h"
#include "daemon/objects/promise.h"
#include "daemon/objects/sync_object.h"
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

/* The contexts of one submission. */
struct targets {
	struct penstock_context *contexts[1u + PENSTOCK_LIMIT_BROADCAST_CONTEXTS];
	uint32_t count;
};

static uint32_t least(uint32_t a, uint32_t b)
{
	return a < b ? a : b;
}

/* What a submission counts for against credits, in each of its contexts. */
static uint64_t input_bytes(const struct penstock_wire_submission *record)
{
	return sizeof(*record) +
	       (uint64_t)record->allocation_count * sizeof(struct penstock_wire_allocation) +
	       (uint64_t)record->patch_location_count * sizeof(struct penstock_patch_location) +
	       record->command_length;
}

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
	enum penstock_status status = check_flags(context, record, ret_refusal);

	if (status == PENSTOCK_STATUS_SUCCESS) {
		status = check_counts(context, record, ret_refusal);
	}
	if (status == PENSTOCK_STATUS_SUCCESS) {
		status = check_turn(context, record, ret_refusal);
	}
	return status;
}

/* ---------------------------------------------------------------- the contexts */

/* One DMA buffer's worth of work: lists of one device, instructions of one node. */
static enum penstock_status check_sibling(const struct penstock_context *first,
					  const struct penstock_context *context,
					  struct penstock_refusal *ret_refusal)
{
	if (context->device != first->device) {
		return penstock_refuse(ret_refusal, PENSTOCK_STATUS_INVALID_PARAMETER,
				       "broadcast: context 0x%" PRIx64
				       " is of another device than 0x%" PRIx64,
				       context->info.name, first->info.name);
	}
	if (context->info.node_ordinal != first->info.node_ordinal) {
		return penstock_refuse(ret_refusal, PENSTOCK_STATUS_INVALID_PARAMETER,
				       "broadcast: context 0x%" PRIx64 " is on node %u, 0x%" PRIx64
				       " on node %u",
				       context->info.name, context->info.node_ordinal,
				       first->info.name, first->info.node_ordinal);
	}
	return PENSTOCK_STATUS_SUCCESS;
}

/* Every context is held to what one submission may hold: it is as if it were sent so often. */
static enum penstock_status check_broadcast(const struct penstock_wire_submission *record,
					    uint64_t input_bytes,
					    struct penstock_refusal *ret_refusal)
{
	const uint64_t contexts = 1u + (uint64_t)record->broadcast_count;

	if (record->broadcast_count > PENSTOCK_LIMIT_BROADCAST_CONTEXTS) {
		return penstock_refuse(ret_refusal, PENSTOCK_STATUS_LIMIT_EXCEEDED,
				       "broadcast to %u further contexts; at most %u",
				       record->broadcast_count, PENSTOCK_LIMIT_BROADCAST_CONTEXTS);
	}
	if (contexts > 1u && input_bytes * contexts > PENSTOCK_LIMIT_HELD_BYTES) {
		return penstock_refuse(ret_refusal, PENSTOCK_STATUS_LIMIT_EXCEEDED,
				       "%" PRIu64 " bytes for each of %" PRIu64
				       " contexts; at most %u together",
				       input_bytes, contexts, PENSTOCK_LIMIT_HELD_BYTES);
	}
	return PENSTOCK_STATUS_SUCCESS;
}

/* Fills in all contexts that the names stand for, each once, whatever it says of one of them. */
static enum penstock_status find_targets(struct penstock_session *session, uint64_t serial,
					 const struct penstock_submission_view *view,
					 struct targets *ret_targets,
					 struct penstock_refusal *ret_refusal)
{
	const uint32_t further =
		least(view->record.broadcast_count, PENSTOCK_LIMIT_BROADCAST_CONTEXTS);
	enum penstock_status status = PENSTOCK_STATUS_SUCCESS;

	ret_targets->count = 0;
	for (uint32_t i = 0; i <= further; i++) {
		const uint64_t name = i == 0 ? view->record.context
					     : penstock_load64(view->broadcast + (i - 1u) * 8u);
		struct penstock_context *context =
			penstock_name_table_find(&session->names, name, PENSTOCK_NAME_CONTEXT);

		if (PENSTOCK_UNLIKELY(context == NULL)) {
			status = penstock_refuse(ret_refusal, PENSTOCK_STATUS_INVALID_HANDLE,
						 "0x%" PRIx64 " names no context", name);
		} else if (PENSTOCK_UNLIKELY(context->named_serial == serial)) {
			status = penstock_refuse(ret_refusal, PENSTOCK_STATUS_INVALID_PARAMETER,
						 "0x%" PRIx64 " is named twice", name);
		} else {
			context->named_serial = serial;
			ret_targets->contexts[ret_targets->count++] = context;
		}
	}
	return status;
}

static enum penstock_status check_targets(const struct targets *targets,
					  const struct penstock_wire_submission *record,
					  struct penstock_refusal *ret_refusal)
{
	const struct penstock_context *first = targets->contexts[0];
	enum penstock_status status = penstock_device_check(first->device, ret_refusal);

	if (status == PENSTOCK_STATUS_SUCCESS) {
		status = check_broadcast(record, input_bytes(record), ret_refusal);
	}
	for (uint32_t i = 0; i < targets->count && status == PENSTOCK_STATUS_SUCCESS; i++) {
		status = check_sibling(first, targets->contexts[i], ret_refusal);
		if (status == PENSTOCK_STATUS_SUCCESS) {
			status = check(targets->contexts[i], record, ret_refusal);
		}
	}
	return status;
}

/* ---------------------------------------------------------------- the block */

/* Sizes follow the bytes received, never what a client declares beyond them. */
static struct penstock_held *new_held(struct penstock_context *context,
				      const struct penstock_submission_view *input, bool copy)
{
	const struct penstock_wire_submission *record = &input->record;
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
	if (PENSTOCK_UNLIKELY(held->sync_object != NULL)) {
		penstock_sync_object_ended(held);
	}
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
	held->rendering.timed = penstock_trace_on(&context->device->session->machine->trace);
	penstock_list_init(&submission->queue_link);
	penstock_list_init(&submission->context_link);
	submission->state = PENSTOCK_SUBMISSION_RECEIVED;
	submission->queue = &context->queue;
	submission->process = context->device->tenant->process;
	submission->context = context;
	submission->held = held;
	submission->serial = serial;
	submission->flags = record->flags;
	submission->input_bytes = (uint32_t)input_bytes(record);
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
		.pipelines = context->device->adapter->config.pipelines,
		.formats = context->device->adapter->config.formats,
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
	return penstock_rendering_run(held, &held->submission.args, held->before, ret_refusal);
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
	penstock_rendering_tell(held, &held->submission);
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

	context->statistics.submitted++;
	if (PENSTOCK_LIKELY(held->sync_object == NULL)) {
		context->last_serial = held->submission.serial;
		context->statistics.command_bytes += held->submission.args.command_length;
		penstock_context_count_pass(context, &held->submission);
	}
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

/* ---------------------------------------------------------------- one for each context */

static void free_all(struct penstock_held *first)
{
	while (first != NULL) {
		struct penstock_held *held = first;

		first = held->sibling;
		penstock_held_free(held->context->device->session->machine, held);
	}
}

/* A block with its converted list; nothing is taken yet. NULL: `ret_status` says why. */
static struct penstock_held *make(struct penstock_context *context, uint64_t serial,
				  const struct penstock_submission_view *input, bool copy,
				  enum penstock_status *ret_status,
				  struct penstock_refusal *ret_refusal)
{
	struct penstock_held *held = new_held(context, input, copy);

	if (PENSTOCK_UNLIKELY(held == NULL)) {
		*ret_status = penstock_refuse(ret_refusal, PENSTOCK_STATUS_NO_MEMORY,
					      "no memory for a submission of %u command bytes",
					      input->record.command_length);
		return NULL;
	}
	set_up(held, context, serial, &input->record);
	*ret_status = penstock_held_convert_list(held, context->device, input->allocation_list,
						 input->record.allocation_count, ret_refusal);
	if (PENSTOCK_UNLIKELY(*ret_status != PENSTOCK_STATUS_SUCCESS)) {
		free_all(held);
		return NULL;
	}
	return held;
}

/* One of these for each context, the first context's first, or none. */
static struct penstock_held *make_all(const struct targets *targets, uint64_t serial,
				      const struct penstock_submission_view *input, bool copy,
				      enum penstock_status *ret_status,
				      struct penstock_refusal *ret_refusal)
{
	struct penstock_held *first = NULL;

	for (uint32_t i = targets->count; i-- > 0;) {
		struct penstock_held *held =
			make(targets->contexts[i], serial, input, copy, ret_status, ret_refusal);

		if (PENSTOCK_UNLIKELY(held == NULL)) {
			free_all(first);
			return NULL;
		}
		held->sibling = first;
		first = held;
	}
	return first;
}

/* ---------------------------------------------------------------- on a worker */

static void move(struct penstock_held *held, enum penstock_submission_state to)
{
	struct penstock_errbuf text;

	if (PENSTOCK_UNLIKELY(!penstock_submission_move(&held->submission, to))) {
		penstock_states_refuse(penstock_submission_states(), "", held->submission.state, to,
				       &text);
		penstock_adapter_fail(held->context->device->adapter, text.text);
	}
}

/* Renders for one context after the other, up to the first that is refused. */
static void work(void *argument)
{
	struct penstock_held *first = argument;
	struct penstock_held *held = first;

	do {
		held->status = render(held, &first->submission.refusal);
	} while ((held->status == PENSTOCK_STATUS_SUCCESS ||
		  held->status == PENSTOCK_STATUS_GRAPHICS_INSUFFICIENT_DMA_BUFFER) &&
		 (held = held->sibling) != NULL);
}

/* Why the work as a whole is refused, looked at on the loop. */
static enum penstock_status judge(struct penstock_held *first)
{
	const struct penstock_context *context = first->context;
	enum penstock_status status = PENSTOCK_STATUS_SUCCESS;

	for (struct penstock_held *held = first; held != NULL && status == PENSTOCK_STATUS_SUCCESS;
	     held = held->sibling) {
		uint64_t block_bytes = held->block_bytes;

		status = begin_passes(held, held->status, false, &first->submission.refusal);
		penstock_principal_hold(context->device->session->principal,
					held->block_bytes - block_bytes);
	}
	if (status == PENSTOCK_STATUS_SUCCESS && penstock_device_lost(context->device)) {
		status = penstock_device_check(context->device, &first->submission.refusal);
	} else if (status == PENSTOCK_STATUS_SUCCESS && context->cancelled) {
		status = PENSTOCK_STATUS_CANCELLED;
	}
	return status;
}

static void end_refused(struct penstock_held *held)
{
	struct penstock_context *context = held->context;

	penstock_context_ref(context);
	penstock_held_end(held);
	penstock_context_drain(context);
	penstock_context_defer(context); /* those behind it may have completed already */
	penstock_context_put(context);
}

static void refuse_rendered(struct penstock_held *first, enum penstock_status status)
{
	struct penstock_held *held = first;

	first->pending.refusal = &first->submission.refusal;
	if (first->pending.request != NULL) {
		first->pending.request->refusal = first->submission.refusal;
	}
	for (; held != NULL; held = held->sibling) {
		move(held, PENSTOCK_SUBMISSION_REFUSED);
		penstock_context_refused(held->context, held, held->submission.serial);
		penstock_held_predecessor(held, false);
		count_refused(held->context);
	}
	lose_on_exception(first->context, status, &first->submission.refusal);
	penstock_pending_finish(&first->pending, status);
	for (held = first; held != NULL; held = first) {
		first = held->sibling;
		end_refused(held);
	}
}

static void worked(void *argument)
{
	struct penstock_held *first = argument;
	enum penstock_status status = judge(first);

	if (status != PENSTOCK_STATUS_SUCCESS) {
		refuse_rendered(first, status);
		return;
	}
	for (struct penstock_held *held = first; held != NULL; held = held->sibling) {
		held->rendered = true;
		/* What is over is freed on a later turn. */
		penstock_context_drain(held->context);
	}
	penstock_pending_finish(&first->pending, PENSTOCK_STATUS_SUCCESS);
}

static enum penstock_status submit_large(const struct targets *targets, uint64_t serial,
					 const struct penstock_submission_view *input,
					 struct penstock_request *request,
					 struct penstock_refusal *ret_refusal)
{
	struct penstock_session *session = targets->contexts[0]->device->session;
	const struct penstock_worker *worker = &session->machine->config.worker;
	enum penstock_status status;
	struct penstock_held *first = make_all(targets, serial, input, true, &status, ret_refusal);

	if (first == NULL) {
		return status;
	}
	for (struct penstock_held *held = first; held != NULL; held = held->sibling) {
		admit(held, input->record.allocation_count);
		penstock_list_append(&held->context->unordered, &held->order_link);
		move(held, PENSTOCK_SUBMISSION_RENDERING);
	}
	resize(first->context, &input->record);
	request->state = NULL;
	penstock_pending_init(&first->pending, session, request, true);
	status = worker->run(worker->owner, work, worked, first);
	if (status != PENSTOCK_STATUS_SUCCESS) {
		/* No worker: rendered here, answered like the others. */
		work(first);
		worked(first);
	}
	return PENSTOCK_STATUS_PENDING;
}

/* ---------------------------------------------------------------- here and now */

static enum penstock_status render_all(struct penstock_held *first,
				       struct penstock_refusal *ret_refusal)
{
	enum penstock_status status = PENSTOCK_STATUS_SUCCESS;

	for (struct penstock_held *held = first; held != NULL && status == PENSTOCK_STATUS_SUCCESS;
	     held = held->sibling) {
		status = begin_passes(held, render(held, ret_refusal), true, ret_refusal);
	}
	return status;
}

static void hand_over_in_order(struct penstock_held *held)
{
	struct penstock_context *context = held->context;

	if (PENSTOCK_UNLIKELY(held->passes != NULL)) {
		penstock_list_append(&context->unordered, &held->order_link);
		penstock_context_drain(context);
	} else if (penstock_list_empty(&context->unordered)) {
		penstock_held_hand_over(held);
	} else {
		penstock_list_append(&context->unordered, &held->order_link);
	}
}

static enum penstock_status submit_small(const struct targets *targets, uint64_t serial,
					 const struct penstock_submission_view *input,
					 struct penstock_refusal *ret_refusal)
{
	struct penstock_context *context = targets->contexts[0];
	enum penstock_status status;
	struct penstock_held *first = make_all(targets, serial, input, false, &status, ret_refusal);

	if (PENSTOCK_UNLIKELY(first == NULL)) {
		return status;
	}
	status = render_all(first, ret_refusal);
	if (PENSTOCK_UNLIKELY(status != PENSTOCK_STATUS_SUCCESS)) {
		free_all(first);
		lose_on_exception(context, status, ret_refusal);
		return status;
	}
	for (struct penstock_held *held = first; held != NULL; held = held->sibling) {
		held->rendered = true;
		admit(held, input->record.allocation_count);
	}
	resize(context, &input->record);
	hand_over_in_order(first);
	/* What the device meets meanwhile may lose it. */
	for (struct penstock_held *held = first->sibling; held != NULL; held = held->sibling) {
		enum penstock_status ending = penstock_context_ending(held->context);

		if (PENSTOCK_LIKELY(ending == PENSTOCK_STATUS_SUCCESS)) {
			hand_over_in_order(held);
		} else {
			penstock_held_completed(&held->submission, ending);
		}
	}
	return PENSTOCK_STATUS_SUCCESS;
}

static enum penstock_status submit(const struct targets *targets, uint64_t serial,
				   const struct penstock_submission_view *view,
				   struct penstock_request *request,
				   struct penstock_refusal *ret_refusal)
{
	const struct penstock_session *session = targets->contexts[0]->device->session;
	uint64_t command_bytes = (uint64_t)view->record.command_length * targets->count;
	enum penstock_status status = check_targets(targets, &view->record, ret_refusal);

	if (PENSTOCK_UNLIKELY(status != PENSTOCK_STATUS_SUCCESS)) {
		return status;
	}
	return command_bytes >= session->machine->config.worker_bytes
		       ? submit_large(targets, serial, view, request, ret_refusal)
		       : submit_small(targets, serial, view, ret_refusal);
}

void penstock_context_count_refused(struct penstock_context *context, uint64_t serial)
{
	count_refused(context);
	penstock_context_refused(context, NULL, serial);
}

enum penstock_status penstock_context_queue_packet(struct penstock_context *context,
						   struct penstock_sync_object *object,
						   uint64_t value, bool signals,
						   struct penstock_refusal *ret_refusal)
{
	static const struct penstock_submission_view nothing;
	enum penstock_status status = check(context, &nothing.record, ret_refusal);
	struct penstock_held *held;

	if (status != PENSTOCK_STATUS_SUCCESS) {
		return status;
	}
	held = make(context, context->device->session->last_serial, &nothing, false, &status,
		    ret_refusal);
	if (held == NULL) {
		return status;
	}
	held->sync_object = object;
	held->signal_counted = false;
	held->submission.sync = &object->sync;
	held->submission.sync_value = value;
	held->submission.sync_signals = signals;
	held->rendered = true;
	penstock_sync_object_hold(held);
	admit(held, 0);
	hand_over_in_order(held);
	return PENSTOCK_STATUS_SUCCESS;
}

enum penstock_status penstock_submit(struct penstock_session *session, uint64_t serial,
				     const struct penstock_submission_view *view,
				     struct penstock_request *request,
				     struct penstock_refusal *ret_refusal)
{
	enum penstock_status status = penstock_session_take_serial(session, serial, ret_refusal);
	enum penstock_status known;
	struct penstock_refusal unknown;
	struct targets targets;

	if (PENSTOCK_UNLIKELY(status == PENSTOCK_STATUS_WRONG_SERIAL)) {
		return status;
	}
	known = find_targets(session, serial, view, &targets, &unknown);
	if (PENSTOCK_UNLIKELY(status != PENSTOCK_STATUS_SUCCESS)) {
		for (uint32_t i = 0; i < targets.count; i++) {
			/* as before a restart */
			penstock_context_refused(targets.contexts[i], NULL, serial);
		}
		return status;
	}
	if (PENSTOCK_UNLIKELY(known != PENSTOCK_STATUS_SUCCESS)) {
		*ret_refusal = unknown;
		status = known;
	} else {
		status = submit(&targets, serial, view, request, ret_refusal);
	}
	if (PENSTOCK_UNLIKELY(status != PENSTOCK_STATUS_SUCCESS &&
			      status != PENSTOCK_STATUS_PENDING)) {
		for (uint32_t i = 0; i < targets.count; i++) {
			penstock_context_count_refused(targets.contexts[i], serial);
		}
	}
	return penstock_session_executed(session, status, ret_refusal);
}
