/* SPDX-License-Identifier: MIT */
#include "daemon/objects/debug_report.h"

#include "daemon/objects/context.h"
#include "daemon/objects/device.h"
#include "daemon/objects/principal.h"
#include "daemon/objects/report_file.h"
#include "gpu-backend/dma.h"
#include "proto/isa/disassembler.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Instructions that are shown before and behind the one where it was. */
#define BEFORE 8u
#define BEHIND 8u

/* A DMA buffer is walked from its start to find the instructions before; longer ones are not. */
#define WALK_BYTES (1u << 20)

struct kept {
	struct penstock_list link; /* penstock_machine.debug_reports, oldest first */
	struct penstock_debug_report report;
};

static struct kept *kept_of(struct penstock_list *link)
{
	return penstock_list_entry(link, struct kept, link);
}

/* ---------------------------------------------------------------- keeping */

static uint32_t count_of(const struct penstock_machine *machine, const char *principal)
{
	uint32_t count = 0;

	penstock_list_for_each (link, &machine->debug_reports) {
		count += strcmp(kept_of(link)->report.principal, principal) == 0;
	}
	return count;
}

/* The oldest of whoever has most. */
static struct kept *who_makes_room(const struct penstock_machine *machine)
{
	struct kept *victim = NULL;
	uint32_t most = 0;

	penstock_list_for_each (link, &machine->debug_reports) {
		uint32_t count = count_of(machine, kept_of(link)->report.principal);

		if (count > most) {
			most = count;
			victim = kept_of(link);
		}
	}
	return victim;
}

/* A report outlives the daemon, whose own clock does not. */
static uint64_t now_s(void)
{
	uv_timeval64_t now = { 0 };

	(void)uv_gettimeofday(&now);
	return now.tv_sec > 0 ? (uint64_t)now.tv_sec : 0;
}

/* An empty one, the newest. NULL: no memory. */
static struct kept *make_room(struct penstock_machine *machine)
{
	struct kept *kept;

	if (machine->debug_report_count == PENSTOCK_LIMIT_DEBUG_REPORTS) {
		kept = who_makes_room(machine);
		penstock_list_remove(&kept->link);
		machine->debug_report_count--;
	} else {
		kept = malloc(sizeof(*kept));
		if (kept == NULL) {
			return NULL;
		}
	}
	memset(kept, 0, sizeof(*kept));
	penstock_list_append(&machine->debug_reports, &kept->link);
	machine->debug_report_count++;
	return kept;
}

/* NULL: no memory. */
static struct penstock_debug_report *keep(struct penstock_adapter *adapter)
{
	struct penstock_machine *machine = adapter->machine;
	struct kept *kept = make_room(machine);

	if (kept == NULL) {
		return NULL;
	}
	kept->report.id = ++machine->last_debug_report_id;
	kept->report.made_s = now_s();
	kept->report.adapter = adapter->index;
	kept->report.dma_offset = PENSTOCK_DMA_OFFSET_UNKNOWN;
	return &kept->report;
}

void penstock_debug_reports_fini(struct penstock_machine *machine)
{
	struct penstock_list *link;

	while ((link = penstock_list_pop(&machine->debug_reports)) != NULL) {
		free(kept_of(link));
	}
	machine->debug_report_count = 0;
}

/* ---------------------------------------------------------------- over restarts */

void penstock_debug_reports_copy(const struct penstock_machine *machine,
				 struct penstock_debug_report *ret_reports)
{
	uint32_t count = 0;

	penstock_list_for_each (link, &machine->debug_reports) {
		ret_reports[count++] = kept_of(link)->report;
	}
}

enum penstock_status penstock_debug_reports_restore(struct penstock_machine *machine,
						    const struct penstock_debug_report *report)
{
	struct kept *kept = make_room(machine);

	if (kept == NULL) {
		return PENSTOCK_STATUS_NO_MEMORY;
	}
	kept->report = *report;
	machine->last_debug_report_id = report->id;
	return PENSTOCK_STATUS_SUCCESS;
}

/* ---------------------------------------------------------------- disassembly */

static uint32_t length_at(const struct penstock_render_args *args, uint32_t offset)
{
	struct penstock_dma_decoded decoded;

	return penstock_dma_decode(args->dma_buffer + offset, args->dma_length - offset,
				   &decoded) == PENSTOCK_STATUS_SUCCESS
		       ? decoded.length
		       : 0;
}

/* The BEFORE instructions in front of the one at `offset`; itself where nobody can tell them. */
static uint32_t first_shown(const struct penstock_render_args *args, uint32_t offset)
{
	uint32_t last[BEFORE] = { 0 };
	uint32_t at = 0, walked = 0, length;

	while (at < offset && offset <= WALK_BYTES && (length = length_at(args, at)) > 0) {
		last[walked++ % BEFORE] = at;
		at += length;
	}
	if (at != offset) {
		return offset;
	}
	return walked < BEFORE ? 0 : last[walked % BEFORE];
}

static void disassemble(const struct penstock_render_args *args, uint32_t offset, char *ret_text,
			size_t text_bytes)
{
	struct penstock_text text;
	const struct penstock_disassembler disassembler = {
		.isa = &penstock_dma_isa,
		.offsets = true,
		.no_data = true,
		.write = penstock_text_write,
		.owner = &text,
	};
	uint32_t at = first_shown(args, offset);
	uint32_t behind = 0;

	penstock_text_init(&text, ret_text, text_bytes);
	while (at < args->dma_length && behind <= BEHIND) {
		const char *mark = at == offset ? "> " : "  ";

		behind += at >= offset;
		penstock_text_write(&text, mark, 2);
		at += penstock_disassemble_one(&disassembler, args->dma_buffer, args->dma_length,
					       at);
	}
}

/* ---------------------------------------------------------------- reports */

static void add_list(const struct penstock_submission *submission,
		     struct penstock_debug_report *report)
{
	report->element_total = submission->reference_count;
	for (uint32_t i = 0; i < submission->reference_count &&
			     report->element_count < PENSTOCK_ARRAY_SIZE(report->elements);
	     i++) {
		const struct penstock_reference *reference = &submission->references[i];
		struct penstock_vidmm_location location;

		if (reference->allocation == NULL) {
			continue;
		}
		penstock_vidmm_allocation_location(reference->allocation, &location);
		report->elements[report->element_count++] = (struct penstock_element_view){
			.index = i,
			.allocation = submission->list[i].id,
			.size_bytes = submission->list[i].size_bytes,
			.segment_id = location.segment_id,
			.address = location.address,
			.write_operation = reference->write_operation,
		};
	}
}

void penstock_debug_report_submission(struct penstock_adapter *adapter,
				      const struct penstock_submission *submission,
				      const struct penstock_interrupt *interrupt,
				      const struct penstock_device_state *state,
				      const char *engine_state)
{
	const struct penstock_context *context = submission->context;
	const struct penstock_device *device = context->device;
	struct penstock_debug_report *report = keep(adapter);

	if (report == NULL) {
		return;
	}
	(void)snprintf(report->event, sizeof(report->event), "%s",
		       penstock_execution_name(state->execution_state));
	(void)snprintf(report->principal, sizeof(report->principal), "%s",
		       device->session->principal->name);
	report->session = device->session->id.high >> 32;
	report->device = device->id;
	report->context = context->id;
	report->fence = submission->serial;
	report->pass = submission->pass;
	report->node_ordinal = submission->queue->node_ordinal;
	report->submission_fence_id = interrupt->fence_id;
	report->fault_address = interrupt->fault_address;
	report->dma_bytes = submission->args.dma_length;
	(void)snprintf(report->reason, sizeof(report->reason), "%s", state->reason);
	(void)snprintf(report->engine_state, sizeof(report->engine_state), "%s", engine_state);
	add_list(submission, report);
	if (interrupt->fault_dma_offset < submission->args.dma_length) {
		report->dma_offset = interrupt->fault_dma_offset;
		(void)snprintf(report->instruction, sizeof(report->instruction), "%s",
			       state->fault_instruction);
		report->command_offset = state->fault_command_offset;
		disassemble(&submission->args, report->dma_offset, report->disassembly,
			    sizeof(report->disassembly));
	}
	penstock_report_file_save(adapter->machine);
}

void penstock_debug_report_adapter(struct penstock_adapter *adapter, const char *event,
				   const char *reason)
{
	const struct penstock_backend *backend = adapter->backend;
	struct penstock_debug_report *report = keep(adapter);

	if (report == NULL) {
		return;
	}
	(void)snprintf(report->event, sizeof(report->event), "%s", event);
	(void)snprintf(report->reason, sizeof(report->reason), "%s", reason);
	if (backend != NULL && backend->ops->collect_dbg_info != NULL && adapter->vidmm != NULL) {
		const struct penstock_vidmm_process *system = penstock_vidmm_system(adapter->vidmm);

		(void)backend->ops->collect_dbg_info(penstock_vidmm_process_backend(system),
						     report->engine_state,
						     sizeof(report->engine_state));
	}
	penstock_report_file_save(adapter->machine);
}

/* ---------------------------------------------------------------- to look at */

void penstock_observe_debug_reports(const struct penstock_machine *machine,
				    void (*visit)(void *owner,
						  const struct penstock_debug_report *report,
						  uint64_t age_ms),
				    void *owner)
{
	uint64_t now = now_s();

	penstock_list_for_each (link, &machine->debug_reports) {
		const struct penstock_debug_report *report = &kept_of(link)->report;

		/* A clock that was put back makes none of them younger than now. */
		visit(owner, report, now > report->made_s ? (now - report->made_s) * 1000 : 0);
	}
}
