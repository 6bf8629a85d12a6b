/* SPDX-License-Identifier: MIT */
#include "daemon/objects/held.h"

#include "daemon/memory/progress.h"
#include "daemon/objects/instance.h"
#include "daemon/objects/passes.h"
#include "daemon/objects/promise.h"
#include "daemon/objects/sync_object.h"
#include "daemon/objects/translate.h"

#include <stdlib.h>
#include <string.h>

#define SMALLEST_CLASS_BYTES 1024u
#define CLASS_CACHE_BYTES    (2u << 20) /* of free blocks, each class */
/* Of a block: what command bytes need beside the rest of what they need, and then some. */
#define PRIVATE_SHARE 16u

static size_t class_bytes(uint32_t size_class)
{
	return (size_t)SMALLEST_CLASS_BYTES << size_class;
}

/* Where the arrays of a block stand, in bytes from its start. */
struct layout {
	uint64_t list, references, waits, patches, before, patches_in, dma, command, end;
};

/* But for its private data, which stands before them all. */
static inline struct layout lay_out(const struct penstock_held_size *size)
{
	uint64_t references = size->references;
	struct layout layout = { .list = sizeof(struct penstock_held) };

	layout.references = layout.list + references * sizeof(struct penstock_render_allocation);
	layout.waits = layout.references + references * sizeof(struct penstock_reference);
	layout.patches = layout.waits + references * sizeof(struct penstock_wait);
	layout.before = layout.patches + penstock_translate_patch_bytes(size->patches);
	layout.patches_in = layout.before + (uint64_t)size->patches * sizeof(uint64_t);
	layout.dma = layout.patches_in +
		     (uint64_t)size->patches_in * sizeof(struct penstock_patch_location);
	layout.command = layout.dma + penstock_translate_dma_bytes(size->dma_bytes);
	layout.end = layout.command + size->command_bytes;
	return layout;
}

uint64_t penstock_held_bytes(const struct penstock_held_size *size)
{
	return lay_out(size).end + penstock_translate_private_bytes(size->private_bytes);
}

/* All blocks of a class have the same, so that each keeps its place. */
static uint32_t class_private_bytes(uint32_t size_class)
{
	return (uint32_t)class_bytes(size_class) / PRIVATE_SHARE;
}

static uint32_t class_of(const struct penstock_held_size *size)
{
	/* Of a block with so much private data, and of one with so much else. */
	const uint64_t by_private =
		penstock_translate_private_bytes(size->private_bytes) * PRIVATE_SHARE;
	const uint64_t by_other =
		(lay_out(size).end * PRIVATE_SHARE + PRIVATE_SHARE - 2u) / (PRIVATE_SHARE - 1u);
	const uint64_t bytes = by_private < by_other ? by_other : by_private;
	uint32_t size_class = 0;

	while (size_class < PENSTOCK_HELD_CLASSES && class_bytes(size_class) < bytes) {
		size_class++;
	}
	return size_class;
}

void penstock_held_create(struct penstock_held *held, uint32_t private_bytes)
{
	held->private_bytes = (uint32_t)penstock_translate_private_bytes(private_bytes);
	memset(held + 1, 0, held->private_bytes);
}

bool penstock_held_fits(const struct penstock_held *held, const struct penstock_held_size *size,
			uint64_t bytes)
{
	return penstock_translate_private_bytes(size->private_bytes) <= held->private_bytes &&
	       lay_out(size).end + held->private_bytes <= bytes;
}

static struct penstock_held *new_block(uint64_t bytes, uint32_t private_bytes)
{
	struct penstock_held *held = malloc(bytes);

	if (held != NULL) {
		penstock_held_create(held, private_bytes);
		held->block_bytes = bytes;
	}
	return held;
}

static struct penstock_held *take_block(struct penstock_held_pool *pool,
					const struct penstock_held_size *size)
{
	uint32_t size_class = class_of(size);
	struct penstock_held *held;

	if (size_class == PENSTOCK_HELD_CLASSES) {
		held = new_block(penstock_held_bytes(size), size->private_bytes);
	} else if (pool->free[size_class] != NULL) {
		held = pool->free[size_class];
		pool->free[size_class] = held->next_free;
		pool->free_count[size_class]--;
		held->block_bytes = class_bytes(size_class);
	} else {
		held = new_block(class_bytes(size_class), class_private_bytes(size_class) - 8u);
	}
	if (held != NULL) {
		held->size_class = size_class;
	}
	return held;
}

void penstock_held_lay_out(struct penstock_held *held, const struct penstock_held_size *size,
			   uint8_t **ret_command, struct penstock_patch_location **ret_patches_in)
{
	const struct layout layout = lay_out(size);
	uint8_t *block = (uint8_t *)held + held->private_bytes;

	/* Field by field: most of a submission is filled in by the stages that need it. */
	held->context = NULL;
	held->passes = NULL;
	held->sibling = NULL;
	held->defect = NULL;
	held->sync_object = NULL;
	held->has_waits = false;
	held->rendered = false;
	held->handed_over = false;
	held->retired = false;
	held->ran = false;
	held->refused_behind = 0;
	held->after_predecessor = false;
	penstock_list_init(&held->order_link);
	penstock_list_init(&held->gate_link);
	held->pending = (struct penstock_pending){ .request = NULL };
	penstock_list_init(&held->pending.session_link);
	held->waits = (struct penstock_wait *)(void *)(block + layout.waits);
	held->before = (uint64_t *)(void *)(block + layout.before);
	held->submission.list = (struct penstock_render_allocation *)(void *)(block + layout.list);
	held->submission.references =
		(struct penstock_reference *)(void *)(block + layout.references);
	held->submission.reference_count = 0;
	held->submission.args.patches_out =
		(struct penstock_patch_location *)(void *)(block + layout.patches);
	held->submission.args.dma_buffer = block + layout.dma;
	held->submission.args.private_data = (uint8_t *)(held + 1);
	*ret_patches_in = (struct penstock_patch_location *)(void *)(block + layout.patches_in);
	*ret_command = block + layout.command;
}

struct penstock_held *penstock_held_new(struct penstock_machine *machine,
					const struct penstock_held_size *size,
					uint8_t **ret_command,
					struct penstock_patch_location **ret_patches_in)
{
	struct penstock_held *held = take_block(&machine->held_pool, size);

	if (held == NULL) {
		return NULL;
	}
	held->promised_bytes = 0;
	penstock_held_lay_out(held, size, ret_command, ret_patches_in);
	return held;
}

void penstock_held_free(struct penstock_machine *machine, struct penstock_held *held)
{
	struct penstock_held_pool *pool = &machine->held_pool;
	uint32_t size_class = held->size_class;

	free(held->passes);
	if (PENSTOCK_UNLIKELY(held->promised_bytes != 0)) {
		penstock_promise_give(held->context, held);
		return;
	}
	if (size_class == PENSTOCK_HELD_CLASSES ||
	    pool->free_count[size_class] >= CLASS_CACHE_BYTES / class_bytes(size_class)) {
		free(held);
		return;
	}
	held->next_free = pool->free[size_class];
	pool->free[size_class] = held;
	pool->free_count[size_class]++;
}

void penstock_held_pool_fini(struct penstock_held_pool *pool)
{
	for (uint32_t i = 0; i < PENSTOCK_HELD_CLASSES; i++) {
		while (pool->free[i] != NULL) {
			struct penstock_held *held = pool->free[i];

			pool->free[i] = held->next_free;
			free(held);
		}
		pool->free_count[i] = 0;
	}
}

/* ---------------------------------------------------------------- what it waits for */

void penstock_held_predecessor(struct penstock_held *held, bool ran)
{
	struct penstock_context *context = held->context;
	struct penstock_list *link = held->submission.context_link.next;
	struct penstock_held *next;

	if (link == &context->held) {
		if (context->outcome == PENSTOCK_OUTCOME_UNKNOWN) {
			context->outcome = ran ? PENSTOCK_OUTCOME_RAN : PENSTOCK_OUTCOME_FAILED;
		}
		return;
	}
	next = penstock_held_from(
		penstock_list_entry(link, struct penstock_submission, context_link));
	if (!next->after_predecessor) {
		return;
	}
	next->after_predecessor = false;
	if (!ran) {
		next->submission.cancelled = PENSTOCK_STATUS_PREDECESSOR_FAILED;
	}
	next->submission.blocked--;
	if (next->handed_over && next->submission.blocked == 0) {
		penstock_scheduler_kick(context->queue.scheduler);
	}
}

void penstock_held_accepted(struct penstock_held *held)
{
	const struct penstock_context *context = held->context;
	struct penstock_progress *progress = context->device->session->machine->progress;

	if (held->sync_object != NULL) {
		penstock_sync_object_accepted(held);
	}
	if (context->progress_record == 0) {
		return;
	}
	penstock_progress_set_accepted(progress, context->progress_record, held->submission.serial);
	if (held->refused_behind != 0) {
		penstock_progress_set_refused(progress, context->progress_record,
					      held->refused_behind);
	}
}

void penstock_held_ungate(struct penstock_held *held)
{
	held->submission.blocked--;
	if (held->handed_over && held->submission.blocked == 0) {
		penstock_scheduler_kick(held->context->queue.scheduler);
	}
}

void penstock_held_submitted(struct penstock_submission *submission)
{
	struct penstock_held *held = submission->held;

	if (held->passes != NULL && submission->pass != held->passes->last) {
		return;
	}
	if (!held->ran) {
		held->ran = true;
		penstock_held_predecessor(held, true);
	}
}

/* ---------------------------------------------------------------- the end */

/* A submission that was cancelled may still be on the list of a transfer. */
static bool stop_waiting(struct penstock_held *held, uint32_t i)
{
	if (!held->has_waits || penstock_list_empty(&held->waits[i].link)) {
		return false;
	}
	penstock_list_remove(&held->waits[i].link);
	return true;
}

void penstock_held_release_list(struct penstock_held *held)
{
	for (uint32_t i = 0; i < held->submission.reference_count; i++) {
		struct penstock_reference *reference = &held->submission.references[i];
		struct penstock_opening *opening = reference->opening;

		if (opening == NULL) {
			continue;
		}
		if (!stop_waiting(held, i)) {
			struct penstock_lane *lane =
				penstock_opening_lane(opening, reference->allocation);

			lane->active--;
			lane->active_writes -= reference->write_operation;
			penstock_lane_advance(lane);
		}
		penstock_vidmm_allocation_unref(reference->allocation);
		reference->allocation = NULL;
		reference->opening = NULL;
		penstock_opening_put(opening);
	}
	held->submission.reference_count = 0;
}

void penstock_held_end(struct penstock_held *held)
{
	struct penstock_context *context = held->context;
	struct penstock_machine *machine = context->device->session->machine;

	penstock_list_remove(&held->gate_link);
	penstock_list_remove(&held->order_link);
	penstock_held_release_list(held);
	if (PENSTOCK_UNLIKELY(held->sync_object != NULL)) {
		penstock_sync_object_release(held);
	}
	penstock_context_unhold(context, held);
	penstock_held_free(machine, held);
	penstock_context_put(context);
}
