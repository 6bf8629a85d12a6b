/* SPDX-License-Identifier: MIT */
/*
 * queues, dump: what the adapters do.
 */
#include "client/penstockctl/commands.h"

void fill_queues(const ProtobufCMessage *message, struct report *report)
{
	static const struct column columns[] = {
		{ "adapter", COLUMN_NUMBER },
		{ "node", COLUMN_NUMBER },
		{ "hw_queue_packet_cap", COLUMN_NUMBER },
		{ "on_hardware", COLUMN_NUMBER },
		{ "contexts_waiting", COLUMN_NUMBER },
		{ "submissions_waiting", COLUMN_NUMBER },
		{ "fence_submitted", COLUMN_HEX },
		{ "fence_completed", COLUMN_HEX },
		{ "packets", COLUMN_NUMBER },
		{ "paging_packets", COLUMN_NUMBER },
		{ "gpu_ns", COLUMN_NS },
		{ "preemptions", COLUMN_NUMBER },
		{ "resets", COLUMN_NUMBER },
	};
	const Penstock__Wire__QueueReport *reply = (const Penstock__Wire__QueueReport *)message;
	struct table *table;

	table = report_table(report, "nodes", columns, PENSTOCK_ARRAY_SIZE(columns));
	for (size_t i = 0; i < reply->n_nodes; i++) {
		const Penstock__Wire__QueueRow *row = reply->nodes[i];

		table_number(table, row->adapter);
		table_number(table, row->node);
		table_number(table, row->hw_queue_packet_cap);
		table_number(table, row->on_hardware);
		table_number(table, row->contexts_waiting);
		table_number(table, row->submissions_waiting);
		table_number(table, row->last_fence_submitted);
		table_number(table, row->last_fence_completed);
		table_number(table, row->packets);
		table_number(table, row->paging_packets);
		table_number(table, row->gpu_ns);
		table_number(table, row->preemptions);
		table_number(table, row->resets);
	}
}

static void report_patches(struct report *report, Penstock__Wire__PatchRow **rows, size_t count)
{
	static const struct column columns[] = {
		{ "patch", COLUMN_NUMBER },     { "allocation_index", COLUMN_NUMBER },
		{ "slot", COLUMN_NUMBER },      { "allocation_offset", COLUMN_HEX },
		{ "patch_offset", COLUMN_HEX }, { "split_offset", COLUMN_HEX },
		{ "before", COLUMN_HEX },       { "after", COLUMN_HEX },
		{ "changed", COLUMN_YES },
	};
	struct table *table =
		report_table(report, "patch_location_list", columns, PENSTOCK_ARRAY_SIZE(columns));

	for (size_t i = 0; i < count; i++) {
		table_number(table, rows[i]->index);
		table_number(table, rows[i]->allocation_index);
		table_number(table, rows[i]->slot);
		table_number(table, rows[i]->allocation_offset);
		table_number(table, rows[i]->patch_offset);
		table_number(table, rows[i]->split_offset);
		table_number(table, rows[i]->value_before);
		table_number(table, rows[i]->value_after);
		table_number(table, rows[i]->value_before != rows[i]->value_after);
	}
}

/* The context's last accepted submission: as render left it, as it was submitted, what changed. */
void fill_dump(const ProtobufCMessage *message, struct report *report)
{
	static const struct column columns[] = {
		{ "serial", COLUMN_NUMBER },
		{ "fence", COLUMN_HEX },
		{ "pass", COLUMN_NUMBER },
	};
	const Penstock__Wire__DumpReport *reply = (const Penstock__Wire__DumpReport *)message;
	struct table *table =
		report_facts(report, "submission", columns, PENSTOCK_ARRAY_SIZE(columns));

	table_number(table, reply->serial);
	table_number(table, reply->fence_id);
	table_number(table, reply->pass);
	report_text(report, "dma_buffer_rendered", reply->disassembly_before);
	report_text(report, "dma_buffer_submitted", reply->disassembly_after);
	report_patches(report, reply->patches, reply->n_patches);
	report_list(report, reply->list, reply->n_list);
	report_truncated(report, reply->truncated);
}
