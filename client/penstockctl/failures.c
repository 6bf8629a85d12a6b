/* SPDX-License-Identifier: MIT */
/*
 * reports, report ID, unblock PRINCIPAL: what went wrong, and who is kept away for it.
 */
#include "client/penstockctl/commands.h"

void fill_reports(const ProtobufCMessage *message, struct report *report)
{
	static const struct column columns[] = {
		{ "id", COLUMN_NUMBER },        { "age_s", COLUMN_NUMBER },
		{ "adapter", COLUMN_NUMBER },   { "event", COLUMN_TEXT },
		{ "principal", COLUMN_TEXT },   { "context", COLUMN_NUMBER },
		{ "fence", COLUMN_NUMBER },     { "node", COLUMN_NUMBER },
		{ "instruction", COLUMN_TEXT }, { "command_offset", COLUMN_HEX },
		{ "dma_offset", COLUMN_HEX },   { "reason", COLUMN_TEXT },
	};
	const Penstock__Wire__DebugReports *reply = (const Penstock__Wire__DebugReports *)message;
	struct table *table =
		report_table(report, "reports", columns, PENSTOCK_ARRAY_SIZE(columns));

	for (size_t i = 0; i < reply->n_reports; i++) {
		const Penstock__Wire__DebugReportRow *row = reply->reports[i];

		table_number(table, row->id);
		table_number(table, row->age_s);
		table_number(table, row->adapter);
		table_text(table, row->event);
		table_text(table, row->principal);
		table_number(table, row->context);
		table_number(table, row->fence);
		table_number(table, row->node);
		table_text(table, row->instruction);
		table_number(table, row->command_offset);
		table_number(table, row->dma_offset);
		table_text(table, row->reason);
	}
}

void fill_report_of_one(const ProtobufCMessage *message, struct report *report)
{
	static const struct column facts[] = {
		{ "id", COLUMN_NUMBER },
		{ "age_s", COLUMN_NUMBER },
		{ "adapter", COLUMN_NUMBER },
		{ "event", COLUMN_TEXT },
		{ "principal", COLUMN_TEXT },
		{ "session", COLUMN_HEX },
		{ "device", COLUMN_NUMBER },
		{ "context", COLUMN_NUMBER },
		{ "fence", COLUMN_NUMBER },
		{ "pass", COLUMN_NUMBER },
		{ "node", COLUMN_NUMBER },
		{ "submission_fence", COLUMN_HEX },
		{ "instruction", COLUMN_TEXT },
		{ "command_offset", COLUMN_HEX },
		{ "dma_offset_known", COLUMN_YES },
		{ "dma_offset", COLUMN_HEX },
		{ "dma_bytes", COLUMN_NUMBER },
		{ "fault_address", COLUMN_HEX },
		{ "reason", COLUMN_TEXT },
		{ "list_total", COLUMN_NUMBER },
	};
	const Penstock__Wire__DebugReports *reply = (const Penstock__Wire__DebugReports *)message;
	const Penstock__Wire__DebugReportRow *row;
	struct table *table;

	if (reply->n_reports == 0) {
		return;
	}
	row = reply->reports[0];
	table = report_facts(report, "report", facts, PENSTOCK_ARRAY_SIZE(facts));
	table_number(table, row->id);
	table_number(table, row->age_s);
	table_number(table, row->adapter);
	table_text(table, row->event);
	table_text(table, row->principal);
	table_number(table, row->session);
	table_number(table, row->device);
	table_number(table, row->context);
	table_number(table, row->fence);
	table_number(table, row->pass);
	table_number(table, row->node);
	table_number(table, row->submission_fence_id);
	table_text(table, row->instruction);
	table_number(table, row->command_offset);
	table_number(table, row->dma_offset_known);
	table_number(table, row->dma_offset);
	table_number(table, row->dma_bytes);
	table_number(table, row->fault_address);
	table_text(table, row->reason);
	table_number(table, row->list_total);
	report_text(report, "disassembly", row->disassembly);
	report_text(report, "engine_state", row->engine_state);
	report_list(report, row->list, row->n_list);
}

void fill_unblock(const ProtobufCMessage *message, struct report *report)
{
	static const struct column facts[] = {
		{ "unblocked", COLUMN_TEXT },
		{ "adapters", COLUMN_NUMBER },
	};
	const Penstock__Wire__UnblockReport *reply = (const Penstock__Wire__UnblockReport *)message;
	struct table *table = report_facts(report, "unblock", facts, PENSTOCK_ARRAY_SIZE(facts));

	table_text(table, reply->principal);
	table_number(table, reply->adapters);
}
