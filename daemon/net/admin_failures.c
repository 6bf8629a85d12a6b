/* SPDX-License-Identifier: MIT */
/*
 * What is kept of failures of GPUs, and who is kept away for them.
 */
#include "daemon/net/admin.h"

#include <string.h>

/* The reports' rows, and of one the rows of its list. */
struct making {
	struct penstock_rows rows, list;
	uint64_t id; /* the one that is wanted; 0: all, in short */
};

static Penstock__Wire__DebugReportRow *
add_row(struct penstock_rows *rows, const struct penstock_debug_report *report, uint64_t age_ms)
{
	Penstock__Wire__DebugReportRow *row = penstock_rows_add(rows, sizeof(*row));

	if (row == NULL) {
		return NULL;
	}
	penstock__wire__debug_report_row__init(row);
	row->id = report->id;
	row->age_s = age_ms / 1000;
	row->adapter = report->adapter;
	row->event = penstock_rows_text(rows, report->event);
	row->principal = penstock_rows_text(rows, report->principal);
	row->session = report->session;
	row->device = report->device;
	row->context = report->context;
	row->fence = report->fence;
	row->pass = report->pass;
	row->node = report->node_ordinal;
	row->submission_fence_id = report->submission_fence_id;
	row->dma_offset_known = report->dma_offset != PENSTOCK_DMA_OFFSET_UNKNOWN;
	row->dma_offset = row->dma_offset_known ? report->dma_offset : 0;
	row->dma_bytes = report->dma_bytes;
	row->instruction = penstock_rows_text(rows, report->instruction);
	row->command_offset = report->command_offset;
	row->fault_address = report->fault_address;
	row->reason = penstock_rows_text(rows, report->reason);
	return row;
}

static void visit(void *owner, const struct penstock_debug_report *report, uint64_t age_ms)
{
	struct making *making = owner;
	Penstock__Wire__DebugReportRow *row;

	if (making->id != 0 && making->id != report->id) {
		return;
	}
	row = add_row(&making->rows, report, age_ms);
	if (row == NULL || making->id == 0) {
		return;
	}
	row->disassembly = penstock_rows_text(&making->rows, report->disassembly);
	row->engine_state = penstock_rows_text(&making->rows, report->engine_state);
	row->list_total = report->element_total;
	for (uint32_t i = 0; i < report->element_count; i++) {
		penstock_admin_element_row(&making->list, &report->elements[i]);
	}
	row->n_list = making->list.count;
	row->list = (Penstock__Wire__ListEntryRow **)making->list.addresses;
}

static void answer(struct penstock_call *call, uint64_t id)
{
	struct making making = { .id = id };
	Penstock__Wire__DebugReports reports = PENSTOCK__WIRE__DEBUG_REPORTS__INIT;

	penstock_rows_init(&making.rows);
	penstock_rows_init(&making.list);
	penstock_observe_debug_reports(call->connection->net->config.machine, visit, &making);
	reports.n_reports = making.rows.count;
	reports.reports = (Penstock__Wire__DebugReportRow **)making.rows.addresses;
	making.rows.failed |= making.list.failed;
	penstock_admin_answer(call, &making.rows, PENSTOCK_FRAME_DEBUG_REPORTS, &reports.base);
	penstock_rows_fini(&making.rows);
	penstock_rows_fini(&making.list);
}

void penstock_handle_admin_reports(struct penstock_call *call)
{
	answer(call, 0);
}

static void look_for(void *owner, const struct penstock_debug_report *report, uint64_t age_ms)
{
	struct making *making = owner;

	(void)age_ms;
	making->rows.count += report->id == making->id;
}

void penstock_handle_admin_report(struct penstock_call *call)
{
	struct making found = { .id = ((const Penstock__Wire__AdminReport *)call->message)->id };

	penstock_observe_debug_reports(call->connection->net->config.machine, look_for, &found);
	if (found.id == 0 || found.rows.count == 0) {
		penstock_call_refuse(call, PENSTOCK_STATUS_NOT_FOUND,
				     "there is no report of that id (any more)");
		return;
	}
	answer(call, found.id);
}

void penstock_handle_admin_unblock(struct penstock_call *call)
{
	const Penstock__Wire__AdminUnblock *request =
		(const Penstock__Wire__AdminUnblock *)call->message;
	Penstock__Wire__UnblockReport report = PENSTOCK__WIRE__UNBLOCK_REPORT__INIT;
	const struct penstock_rows none = { .failed = false };

	if (penstock_unblock(call->connection->net->config.machine, request->principal,
			     &report.adapters) != PENSTOCK_STATUS_SUCCESS) {
		penstock_call_refuse(call, PENSTOCK_STATUS_NOT_FOUND,
				     "no principal of that name is blocked");
		return;
	}
	report.principal = request->principal;
	penstock_admin_answer(call, &none, PENSTOCK_FRAME_UNBLOCK_REPORT, &report.base);
}
