/* SPDX-License-Identifier: MIT */
#include "daemon/objects/snapshot.h"

#include "daemon/objects/passes.h"

#include <stdlib.h>
#include <string.h>

static bool large(const struct penstock_snapshot *snapshot)
{
	return snapshot->capacity > PENSTOCK_SNAPSHOT_SMALL_BYTES;
}

void penstock_snapshot_drop(struct penstock_context *context)
{
	struct penstock_snapshot *snapshot = context->last;

	if (snapshot == NULL) {
		return;
	}
	if (large(snapshot)) {
		penstock_list_remove(&snapshot->link);
		context->device->session->machine->snapshot_bytes -= snapshot->capacity;
	}
	context->last = NULL;
	free(snapshot);
}

static void keep_in_budget(struct penstock_machine *machine)
{
	while (machine->snapshot_bytes > PENSTOCK_SNAPSHOT_BUDGET_BYTES) {
		struct penstock_list *oldest = penstock_list_first(&machine->snapshots);

		penstock_snapshot_drop(
			penstock_list_entry(oldest, struct penstock_snapshot, link)->context);
	}
}

/* A block for so much, the context's own where it fits well enough; its arrays are set up. */
static struct penstock_snapshot *take_block(struct penstock_context *context, uint32_t elements,
					    uint32_t patches, uint32_t dma_bytes)
{
	struct penstock_machine *machine = context->device->session->machine;
	uint64_t bytes =
		sizeof(struct penstock_snapshot) +
		(uint64_t)elements * sizeof(struct penstock_snapshot_element) +
		(uint64_t)patches * (sizeof(struct penstock_patch_location) + sizeof(uint64_t)) +
		dma_bytes;
	struct penstock_snapshot *snapshot = context->last;

	if (bytes > PENSTOCK_SNAPSHOT_LARGE_BYTES) {
		return NULL;
	}
	if (snapshot == NULL || snapshot->capacity < bytes || snapshot->capacity / 2u > bytes) {
		penstock_snapshot_drop(context);
		snapshot = malloc(bytes);
		if (snapshot == NULL) {
			return NULL;
		}
		snapshot->capacity = (uint32_t)bytes;
		snapshot->context = context;
		context->last = snapshot;
		penstock_list_init(&snapshot->link);
		if (large(snapshot)) {
			machine->snapshot_bytes += bytes;
		}
	}
	if (large(snapshot)) {
		penstock_list_remove(&snapshot->link);
		penstock_list_append(&machine->snapshots, &snapshot->link);
	}
	snapshot->element_count = elements;
	snapshot->patch_count = patches;
	snapshot->dma_bytes = dma_bytes;
	snapshot->elements = (struct penstock_snapshot_element *)(void *)(snapshot + 1);
	snapshot->patches =
		(struct penstock_patch_location *)(void *)(snapshot->elements + elements);
	snapshot->before = (uint64_t *)(void *)(snapshot->patches + patches);
	snapshot->dma = (uint8_t *)(snapshot->before + patches);
	return snapshot;
}

struct penstock_snapshot_element penstock_snapshot_element(const struct penstock_held *held,
							   uint32_t i)
{
	const struct penstock_render_allocation *element = &held->submission.list[i];
	const struct penstock_opening *opening = held->submission.references[i].opening;

	return (struct penstock_snapshot_element){
		/* One that is closed by now has no row. */
		.opening = opening == NULL || opening->closed ? 0 : opening->id,
		.allocation = element->id,
		.size_bytes = element->size_bytes,
		.address = element->address,
		.segment_id = element->segment_id,
		.write_operation = element->write_operation,
	};
}

/* Whether the allocation table is another than before. */
static bool fill_elements(struct penstock_snapshot *snapshot, const struct penstock_held *held,
			  bool comparable)
{
	bool changed = !comparable;

	for (uint32_t i = 0; i < snapshot->element_count; i++) {
		struct penstock_snapshot_element element = penstock_snapshot_element(held, i);

		changed = changed || element.opening != snapshot->elements[i].opening ||
			  element.write_operation != snapshot->elements[i].write_operation ||
			  element.address != snapshot->elements[i].address;
		snapshot->elements[i] = element;
	}
	return changed;
}

void penstock_snapshot_take(struct penstock_context *context, const struct penstock_held *held)
{
	const uint64_t *values;
	const struct penstock_submission *submission = penstock_held_latest(held, &values);
	const struct penstock_snapshot *before = context->last;
	uint32_t elements_before = before == NULL ? 0 : before->element_count;
	struct penstock_snapshot *snapshot =
		take_block(context, submission->reference_count, submission->args.patch_count,
			   submission->args.dma_length);

	if (snapshot == NULL) {
		penstock_snapshot_drop(context);
		penstock_context_list_changed(context);
		return;
	}
	snapshot->serial = submission->serial;
	snapshot->submission_fence_id = submission->submission_fence_id;
	snapshot->pass = submission->pass;
	snapshot->patched = submission->patched;
	if (fill_elements(snapshot, held,
			  snapshot == before && elements_before == snapshot->element_count)) {
		penstock_context_list_changed(context);
	}
	memcpy(snapshot->patches, submission->args.patches_out,
	       snapshot->patch_count * sizeof(*snapshot->patches));
	memcpy(snapshot->before, values, snapshot->patch_count * sizeof(*snapshot->before));
	memcpy(snapshot->dma, submission->args.dma_buffer, snapshot->dma_bytes);
	keep_in_budget(context->device->session->machine);
}

void penstock_snapshot_restore(struct penstock_context *context,
			       const struct penstock_snapshot_element *elements, uint32_t count)
{
	struct penstock_snapshot *snapshot = take_block(context, count, 0, 0);

	if (snapshot == NULL) {
		return;
	}
	snapshot->serial = 0;
	snapshot->submission_fence_id = 0;
	snapshot->pass = 0;
	snapshot->patched = 0;
	memcpy(snapshot->elements, elements, count * sizeof(*elements));
	keep_in_budget(context->device->session->machine);
}
