/* SPDX-License-Identifier: MIT */
#include "daemon/objects/passes.h"

#include "daemon/objects/translate.h"

#include <stdlib.h>
#include <string.h>

#define UNKNOWN UINT32_MAX

/* ---------------------------------------------------------------- making it */

static uint32_t least(uint32_t a, uint32_t b)
{
	return a < b ? a : b;
}

/* What a pass has to hold: the context's buffers, or all that is left where that is less. */
struct pass_size {
	uint32_t dma_bytes;
	uint32_t patches;
	uint32_t private_bytes;
	uint64_t block_bytes;
	uint32_t count;
};

static struct pass_size size_passes(const struct penstock_held *held)
{
	const struct penstock_render_args *args = &held->submission.args;
	uint32_t left = args->command_length - (uint32_t)(args->multipass_offset >> 32);
	uint32_t dma_bound = penstock_render_dma_bound(left);
	uint32_t patch_bound = penstock_render_patch_bound(left);
	uint32_t private_bound = penstock_render_private_bound(left);
	struct pass_size size = {
		.dma_bytes = least(args->dma_capacity, dma_bound),
		.patches = least(args->patch_capacity, patch_bound),
		.private_bytes = least(args->private_capacity, private_bound),
		.count = PENSTOCK_PASS_BUFFERS,
	};

	if (size.dma_bytes == dma_bound && size.patches == patch_bound &&
	    size.private_bytes == private_bound) {
		size.count = 1;
	}
	size.block_bytes = penstock_translate_patch_bytes(size.patches) +
			   size.patches * sizeof(uint64_t) +
			   penstock_translate_dma_bytes(size.dma_bytes) +
			   penstock_translate_private_bytes(size.private_bytes);
	return size;
}

static void set_up_pass(struct penstock_pass *pass, const struct penstock_held *held,
			const struct pass_size *size, uint8_t *block)
{
	struct penstock_render_args *args = &pass->submission.args;

	pass->submission = held->submission;
	penstock_list_init(&pass->submission.queue_link);
	penstock_list_init(&pass->submission.context_link);
	pass->submission.blocked = 0;
	pass->busy = false;
	args->patches_out = (struct penstock_patch_location *)(void *)block;
	pass->before = (uint64_t *)(void *)(block + penstock_translate_patch_bytes(size->patches));
	args->dma_buffer = (uint8_t *)(pass->before + size->patches);
	args->dma_capacity = size->dma_bytes;
	args->patch_capacity = size->patches;
	args->private_data = args->dma_buffer + penstock_translate_dma_bytes(size->dma_bytes);
	args->private_capacity = size->private_bytes;
	memset(args->private_data, 0, size->private_bytes);
}

static void pass_completed(struct penstock_submission *submission, enum penstock_status status);

enum penstock_status penstock_passes_begin(struct penstock_held *held, bool copy_command)
{
	struct penstock_submission *first = &held->submission;
	const struct pass_size size = size_passes(held);
	uint64_t command_bytes = copy_command ? first->args.command_length : 0;
	uint64_t bytes = sizeof(struct penstock_passes) + size.count * size.block_bytes;
	struct penstock_passes *passes = malloc(bytes + command_bytes);
	uint8_t *block;

	if (passes == NULL) {
		return PENSTOCK_STATUS_NO_MEMORY;
	}
	block = (uint8_t *)(passes + 1);
	*passes = (struct penstock_passes){
		.held = held,
		.buffer_count = size.count,
		.multipass_offset = first->args.multipass_offset,
		.block_bytes = bytes + command_bytes,
		.last = UNKNOWN,
		.verdict = PENSTOCK_STATUS_SUCCESS,
		.failed = UNKNOWN,
	};
	if (copy_command) {
		memcpy((uint8_t *)passes + bytes, first->args.command, command_bytes);
		first->args.command = (uint8_t *)passes + bytes;
	}
	held->passes = passes;
	held->block_bytes += passes->block_bytes;
	first->completed = pass_completed;
	first->chain = &passes->verdict;
	for (uint32_t i = 0; i < size.count; i++) {
		set_up_pass(&passes->buffers[i], held, &size, block + i * size.block_bytes);
	}
	return PENSTOCK_STATUS_SUCCESS;
}

/* ---------------------------------------------------------------- its end */

static bool handed_over(const struct penstock_passes *passes)
{
	return passes->verdict != PENSTOCK_STATUS_SUCCESS ||
	       (passes->last != UNKNOWN && passes->next > passes->last);
}

/* The first of its passes that did not run says why; a later one may have been told first. */
static void fail(struct penstock_passes *passes, uint32_t pass, enum penstock_status status)
{
	if (pass < passes->failed) {
		passes->failed = pass;
		passes->verdict = status;
	}
}

/* It is over when nobody has anything of it any more. */
static bool check_end(struct penstock_passes *passes)
{
	if (!handed_over(passes) || passes->outstanding > 0 || passes->working != NULL) {
		return false;
	}
	if (passes->held->retired) {
		return true;
	}
	penstock_held_completed(&passes->held->submission, passes->verdict);
	return true;
}

static void pass_completed(struct penstock_submission *submission, enum penstock_status status)
{
	struct penstock_held *held = submission->held;
	struct penstock_passes *passes = held->passes;

	passes->outstanding--;
	if (submission != &held->submission) {
		penstock_container_of(submission, struct penstock_pass, submission)->busy = false;
		held->context->statistics.patched += submission->patched;
	}
	if (status != PENSTOCK_STATUS_SUCCESS) {
		fail(passes, submission->pass, status);
	}
	if (!check_end(passes)) {
		/* Its buffer is free for the next one: rendered on a later turn. */
		penstock_context_defer(held->context);
	}
}

/* ---------------------------------------------------------------- a later pass */

static struct penstock_pass *idle_buffer(struct penstock_passes *passes)
{
	for (uint32_t i = 0; i < passes->buffer_count; i++) {
		if (!passes->buffers[i].busy) {
			return &passes->buffers[i];
		}
	}
	return NULL;
}

static void prepare_pass(struct penstock_passes *passes, struct penstock_pass *pass)
{
	struct penstock_submission *submission = &pass->submission;
	const struct penstock_submission *first = &passes->held->submission;

	pass->busy = true;
	submission->state = PENSTOCK_SUBMISSION_RENDERING;
	submission->pass = passes->next;
	submission->cancelled = PENSTOCK_STATUS_SUCCESS;
	submission->submission_fence_id = 0;
	submission->patched = 0;
	submission->references = first->references;
	submission->reference_count = first->reference_count;
	submission->args.multipass_offset = passes->multipass_offset;
}

/* Any thread: touches the pass's outputs only. */
static void render(struct penstock_passes *passes, struct penstock_pass *pass)
{
	struct penstock_refusal refusal;

	passes->rendered = penstock_rendering_run(passes->held, &pass->submission.args,
						  pass->before, &refusal);
}

static void hand_over(struct penstock_passes *passes, struct penstock_pass *pass)
{
	struct penstock_context *context = passes->held->context;

	penstock_rendering_tell(passes->held, &pass->submission);
	/* It was validated: only a broken translator refuses it. */
	if (passes->held->defect != NULL) {
		penstock_adapter_fail(context->device->adapter, passes->held->defect);
		pass->busy = false;
		fail(passes, passes->next, PENSTOCK_STATUS_DEVICE_REMOVED);
		return;
	}
	if (passes->rendered == PENSTOCK_STATUS_SUCCESS) {
		passes->last = passes->next;
	}
	passes->multipass_offset = pass->submission.args.multipass_offset;
	passes->next++;
	passes->latest = pass;
	passes->outstanding++;
	penstock_context_count_pass(context, &pass->submission);
	penstock_scheduler_enqueue(&context->queue, &pass->submission);
}

static void work(void *argument)
{
	struct penstock_passes *passes = argument;

	render(passes, passes->working);
}

static void worked(void *argument)
{
	struct penstock_passes *passes = argument;
	struct penstock_context *context = passes->held->context;
	struct penstock_pass *pass = passes->working;

	passes->working = NULL;
	penstock_context_ref(context);
	if (handed_over(passes) || penstock_context_ending(context) != PENSTOCK_STATUS_SUCCESS) {
		pass->busy = false;
	} else {
		hand_over(passes, pass);
	}
	penstock_context_drain(context);
	/* Where all of it had been handed over, drain does not look at it any more. */
	(void)check_end(passes);
	penstock_context_put(context);
}

static void render_next(struct penstock_passes *passes, struct penstock_pass *pass)
{
	const struct penstock_machine_config *config =
		&passes->held->context->device->session->machine->config;

	prepare_pass(passes, pass);
	if (pass->submission.args.dma_capacity >= config->worker_bytes) {
		passes->working = pass;
		if (config->worker.run(config->worker.owner, work, worked, passes) ==
		    PENSTOCK_STATUS_SUCCESS) {
			return;
		}
		passes->working = NULL;
	}
	render(passes, pass);
	hand_over(passes, pass);
}

/* ---------------------------------------------------------------- the whole of it */

static void begin(struct penstock_passes *passes)
{
	passes->next = 1;
	passes->outstanding = 1;
	penstock_held_hand_over(passes->held);
}

bool penstock_passes_advance(struct penstock_passes *passes)
{
	struct penstock_pass *pass;
	enum penstock_status ending;

	/* A backend that completes at once finds room for no more than this in one turn. */
	for (uint32_t i = 0; i <= PENSTOCK_PASS_BUFFERS && !handed_over(passes); i++) {
		ending = penstock_context_ending(passes->held->context);
		if (ending != PENSTOCK_STATUS_SUCCESS) {
			fail(passes, passes->next, ending);
			break;
		}
		if (passes->next == 0) {
			begin(passes);
			continue;
		}
		pass = idle_buffer(passes);
		if (pass == NULL || passes->working != NULL) {
			break;
		}
		render_next(passes, pass);
	}
	(void)check_end(passes);
	return handed_over(passes);
}

const struct penstock_submission *penstock_held_latest(const struct penstock_held *held,
						       const uint64_t **ret_before)
{
	const struct penstock_passes *passes = held->passes;

	if (passes == NULL || passes->latest == NULL) {
		*ret_before = held->before;
		return &held->submission;
	}
	*ret_before = passes->latest->before;
	return &passes->latest->submission;
}
