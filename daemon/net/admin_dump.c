/* SPDX-License-Identifier: MIT */
/*
 * One context, its last allocation list, and its last DMA buffer before and after patching.
 */
#include "daemon/net/admin.h"
#include "gpu-backend/dma.h"
#include "proto/isa/disassembler.h"

#include <stdlib.h>
#include <string.h>

struct text {
	char *bytes; /* owned */
	size_t length;
	size_t capacity;
	bool failed;
};

static void write_text(void *owner, const char *piece, size_t length)
{
	struct text *text = owner;

	if (text->failed) {
		return;
	}
	if (text->capacity - text->length <= length) {
		size_t capacity = (text->capacity + length + 1) * 2;
		char *bytes = realloc(text->bytes, capacity);

		if (bytes == NULL) {
			text->failed = true;
			return;
		}
		text->bytes = bytes;
		text->capacity = capacity;
	}
	memcpy(text->bytes + text->length, piece, length);
	text->length += length;
	text->bytes[text->length] = '\0';
}

/* Instruction by instruction, so that the cut is never inside one. */
static void disassemble(struct text *text, const uint8_t *bytes, uint32_t length,
			bool *ret_truncated)
{
	const struct penstock_disassembler disassembler = {
		.isa = &penstock_dma_isa,
		.offsets = true,
		.write = write_text,
		.owner = text,
	};
	uint32_t offset = 0;

	while (offset < length && offset < PENSTOCK_LIMIT_REPORT_DMA_BYTES) {
		offset += penstock_disassemble_one(&disassembler, bytes, length, offset);
	}
	*ret_truncated |= offset < length;
}

void penstock_admin_element_row(struct penstock_rows *rows,
				const struct penstock_element_view *element)
{
	Penstock__Wire__ListEntryRow *row = penstock_rows_add(rows, sizeof(*row));

	if (row == NULL) {
		return;
	}
	penstock__wire__list_entry_row__init(row);
	row->index = element->index;
	row->allocation = element->allocation;
	row->write_operation = element->write_operation;
	row->segment = element->segment_id;
	row->address = element->address;
	row->size_bytes = element->size_bytes;
}

static void add_elements(struct penstock_rows *rows, const struct penstock_dump_view *view)
{
	for (uint32_t i = 0; i < view->element_count; i++) {
		penstock_admin_element_row(rows, &view->elements[i]);
	}
}

static void add_patches(struct penstock_rows *rows, const struct penstock_dump_view *view)
{
	for (uint32_t i = 0; i < view->patch_count; i++) {
		const struct penstock_patch_location *patch = &view->patches[i];
		Penstock__Wire__PatchRow *row = penstock_rows_add(rows, sizeof(*row));

		if (row == NULL) {
			return;
		}
		penstock__wire__patch_row__init(row);
		row->index = i;
		row->allocation_index = patch->allocation_index;
		row->slot = patch->slot_id;
		row->driver_id = patch->driver_id;
		row->allocation_offset = patch->allocation_offset;
		row->patch_offset = patch->patch_offset;
		row->split_offset = patch->split_offset;
		row->value_before = view->values_before[i];
		row->value_after = view->values_after[i];
	}
}

/* ---------------------------------------------------------------- handlers */

/* A report while it is made; the visitors may not call into objects, so they do not answer. */
struct making {
	struct penstock_rows contexts, list, patches;
	struct text before, after;
	Penstock__Wire__ContextReport context;
	Penstock__Wire__DumpReport dump;
};

static void making_init(struct making *making)
{
	memset(making, 0, sizeof(*making));
	penstock_rows_init(&making->contexts);
	penstock_rows_init(&making->list);
	penstock_rows_init(&making->patches);
	penstock__wire__context_report__init(&making->context);
	penstock__wire__dump_report__init(&making->dump);
}

static void making_fini(struct making *making)
{
	penstock_rows_fini(&making->contexts);
	penstock_rows_fini(&making->list);
	penstock_rows_fini(&making->patches);
	free(making->before.bytes);
	free(making->after.bytes);
}

static void visit_one_context(void *owner, const struct penstock_dump_view *view)
{
	struct making *making = owner;
	Penstock__Wire__ContextReport *report = &making->context;

	(void)penstock_admin_context_row(&making->contexts, &view->context);
	add_elements(&making->list, view);
	report->n_contexts = making->contexts.count;
	report->contexts = (Penstock__Wire__ContextRow **)making->contexts.addresses;
	report->n_list = making->list.count;
	report->list = (Penstock__Wire__ListEntryRow **)making->list.addresses;
	report->truncated = making->list.truncated;
}

static void visit_dump(void *owner, const struct penstock_dump_view *view)
{
	struct making *making = owner;
	Penstock__Wire__DumpReport *report = &making->dump;
	bool truncated = false;

	report->context = view->context.id;
	report->serial = view->serial;
	report->pass = view->pass;
	report->fence_id = view->submission_fence_id;
	report->patched = view->patched;
	add_elements(&making->list, view);
	add_patches(&making->patches, view);
	disassemble(&making->before, view->dma_before, view->dma_bytes, &truncated);
	disassemble(&making->after, view->dma_after, view->dma_bytes, &truncated);
	report->n_list = making->list.count;
	report->list = (Penstock__Wire__ListEntryRow **)making->list.addresses;
	report->n_patches = making->patches.count;
	report->patches = (Penstock__Wire__PatchRow **)making->patches.addresses;
	report->disassembly_before = making->before.bytes;
	report->disassembly_after = making->after.bytes;
	report->truncated = truncated || making->list.truncated || making->patches.truncated;
}

static void report_on(struct penstock_call *call, uint64_t context_id,
		      void (*visit)(void *owner, const struct penstock_dump_view *view),
		      enum penstock_frame_type type)
{
	struct making making;
	enum penstock_status status;

	making_init(&making);
	status = penstock_observe_submission(penstock_admin_machine(call), context_id, visit,
					     &making);
	making.list.failed |= making.contexts.failed || making.patches.failed ||
			      making.before.failed || making.after.failed;
	if (status == PENSTOCK_STATUS_NOT_FOUND) {
		penstock_call_refuse(call, status, "there is no context of that id");
	} else if (status != PENSTOCK_STATUS_SUCCESS) {
		penstock_call_refuse(call, status, penstock_status_text(status));
	} else if (type == PENSTOCK_FRAME_CONTEXT_REPORT) {
		penstock_admin_answer(call, &making.list, type, &making.context.base);
	} else {
		penstock_admin_answer(call, &making.list, type, &making.dump.base);
	}
	making_fini(&making);
}

void penstock_handle_admin_context(struct penstock_call *call)
{
	report_on(call, ((const Penstock__Wire__AdminContext *)call->message)->id,
		  visit_one_context, PENSTOCK_FRAME_CONTEXT_REPORT);
}

void penstock_handle_admin_dump(struct penstock_call *call)
{
	report_on(call, ((const Penstock__Wire__AdminDump *)call->message)->context, visit_dump,
		  PENSTOCK_FRAME_DUMP_REPORT);
}
