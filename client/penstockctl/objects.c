/* SPDX-License-Identifier: MIT */
/*
 * status, contexts, context ID, allocations: what principals have.
 */
#include "client/connection.h"
#include "client/penstockctl/commands.h"
#include "proto/wire/trace.h"

static void report_adapters(struct report *report, const Penstock__Wire__StatusReport *reply)
{
	static const struct column columns[] = {
		{ "adapter", COLUMN_NUMBER },
		{ "backend", COLUMN_TEXT },
		{ "state", COLUMN_TEXT },
		{ "devices", COLUMN_NUMBER },
		{ "devices_lost", COLUMN_NUMBER },
		{ "contexts", COLUMN_NUMBER },
		{ "allocations", COLUMN_NUMBER },
		{ "openings", COLUMN_NUMBER },
		{ "sync_objects", COLUMN_NUMBER },
		{ "held", COLUMN_NUMBER },
		{ "system_process", COLUMN_NUMBER },
		{ "resets", COLUMN_NUMBER },
		{ "failure", COLUMN_TEXT },
	};
	struct table *table =
		report_table(report, "adapters", columns, PENSTOCK_ARRAY_SIZE(columns));

	for (size_t i = 0; i < reply->n_adapters; i++) {
		const Penstock__Wire__AdapterRow *row = reply->adapters[i];

		table_number(table, row->index);
		table_text(table, row->backend);
		table_text(table, row->state);
		table_number(table, row->devices);
		table_number(table, row->devices_lost);
		table_number(table, row->contexts);
		table_number(table, row->allocations);
		table_number(table, row->openings);
		table_number(table, row->sync_objects);
		table_number(table, row->submissions_held);
		table_number(table, (uint64_t)row->system_process);
		table_number(table, row->resets);
		table_text(table, row->failure);
	}
}

void fill_status(const ProtobufCMessage *message, struct report *report)
{
	static const struct column facts[] = {
		{ "version", COLUMN_TEXT },           { "uptime_s", COLUMN_NUMBER },
		{ "backend", COLUMN_TEXT },           { "adapter", COLUMN_TEXT },
		{ "failure", COLUMN_TEXT },           { "draining", COLUMN_YES },
		{ "connections", COLUMN_NUMBER },     { "sessions", COLUMN_NUMBER },
		{ "leased_sessions", COLUMN_NUMBER }, { "devices", COLUMN_NUMBER },
		{ "devices_lost", COLUMN_NUMBER },    { "contexts", COLUMN_NUMBER },
		{ "allocations", COLUMN_NUMBER },     { "openings", COLUMN_NUMBER },
		{ "sync_objects", COLUMN_NUMBER },    { "submissions_held", COLUMN_NUMBER },
		{ "system_process", COLUMN_NUMBER },
	};
	static const struct column principals[] = {
		{ "principal", COLUMN_TEXT },     { "sessions", COLUMN_NUMBER },
		{ "connections", COLUMN_NUMBER }, { "memory", COLUMN_BYTES },
		{ "quota", COLUMN_BYTES },        { "dma_pool", COLUMN_BYTES },
		{ "gpu_process", COLUMN_NUMBER }, { "submissions", COLUMN_NUMBER },
		{ "retired", COLUMN_NUMBER },     { "refused", COLUMN_NUMBER },
		{ "held", COLUMN_NUMBER },        { "gpu_ns", COLUMN_NS },
		{ "preemptions", COLUMN_NUMBER }, { "hangs", COLUMN_NUMBER },
		{ "blocked_s", COLUMN_NUMBER },
	};
	const Penstock__Wire__StatusReport *reply = (const Penstock__Wire__StatusReport *)message;
	struct table *table;

	table = report_facts(report, "status", facts, PENSTOCK_ARRAY_SIZE(facts));
	table_text(table, reply->version);
	table_number(table, reply->uptime_s);
	table_text(table, reply->backend);
	table_text(table, reply->adapter_state);
	table_text(table, reply->adapter_failure);
	table_number(table, reply->draining);
	table_number(table, reply->connections);
	table_number(table, reply->sessions);
	table_number(table, reply->leased_sessions);
	table_number(table, reply->devices);
	table_number(table, reply->devices_lost);
	table_number(table, reply->contexts);
	table_number(table, reply->allocations);
	table_number(table, reply->openings);
	table_number(table, reply->sync_objects);
	table_number(table, reply->submissions_held);
	table_number(table, (uint64_t)reply->system_process);

	report_adapters(report, reply);
	table = report_table(report, "principals", principals, PENSTOCK_ARRAY_SIZE(principals));
	for (size_t i = 0; i < reply->n_principals; i++) {
		const Penstock__Wire__PrincipalRow *row = reply->principals[i];

		table_text(table, row->name);
		table_number(table, row->sessions);
		table_number(table, row->connections);
		table_number(table, row->memory_bytes);
		table_number(table, row->memory_quota_bytes);
		table_number(table, row->dma_pool_bytes);
		table_number(table, (uint64_t)row->gpu_process);
		table_number(table, row->submissions);
		table_number(table, row->retired);
		table_number(table, row->refused);
		table_number(table, row->submissions_held);
		table_number(table, row->gpu_ns);
		table_number(table, row->preemptions);
		table_number(table, row->hangs);
		table_number(table, row->blocked_s);
	}
}

void fill_sessions(const ProtobufCMessage *message, struct report *report)
{
	static const struct column columns[] = {
		{ "id", COLUMN_NUMBER },      { "principal", COLUMN_TEXT },
		{ "session", COLUMN_HEX },    { "client", COLUMN_TEXT },
		{ "connected", COLUMN_YES },  { "lease_s", COLUMN_NUMBER },
		{ "devices", COLUMN_NUMBER }, { "contexts", COLUMN_NUMBER },
		{ "held", COLUMN_NUMBER },    { "last_serial", COLUMN_NUMBER },
	};
	const Penstock__Wire__SessionReport *reply = (const Penstock__Wire__SessionReport *)message;
	struct table *table;

	table = report_table(report, "sessions", columns, PENSTOCK_ARRAY_SIZE(columns));
	for (size_t i = 0; i < reply->n_sessions; i++) {
		const Penstock__Wire__SessionRow *row = reply->sessions[i];
		char client[80]; /* a client says what it likes */

		penstock_text_copy(client, sizeof(client), row->client);
		table_number(table, row->id);
		table_text(table, row->principal);
		table_number(table, row->session);
		table_text(table, client);
		table_number(table, row->connected);
		table_number(table, row->lease_s);
		table_number(table, row->devices);
		table_number(table, row->contexts);
		table_number(table, row->submissions_held);
		table_number(table, row->last_serial);
	}
	report_truncated(report, reply->truncated);
}

static const struct column context_columns[] = {
	{ "id", COLUMN_NUMBER },           { "principal", COLUMN_TEXT },
	{ "session", COLUMN_HEX },         { "adapter", COLUMN_NUMBER },
	{ "device", COLUMN_NUMBER },       { "state", COLUMN_TEXT },
	{ "node", COLUMN_NUMBER },         { "gdi", COLUMN_YES },
	{ "queued", COLUMN_NUMBER },       { "on_hardware", COLUMN_NUMBER },
	{ "submitted", COLUMN_NUMBER },    { "refused", COLUMN_NUMBER },
	{ "fence", COLUMN_NUMBER },        { "command_bytes", COLUMN_NUMBER },
	{ "dma_bytes", COLUMN_NUMBER },    { "patch_locations", COLUMN_NUMBER },
	{ "patched", COLUMN_NUMBER },      { "dma_buffers", COLUMN_NUMBER },
	{ "gpu_ns", COLUMN_NS },           { "preemptions", COLUMN_NUMBER },
	{ "splits", COLUMN_NUMBER },       { "parts", COLUMN_NUMBER },
	{ "waits_for", COLUMN_TEXT },      { "waits_serial", COLUMN_NUMBER },
	{ "waits_object", COLUMN_NUMBER }, { "waits_value", COLUMN_NUMBER },
	{ "reason", COLUMN_TEXT },
};

static const char *wait_name(uint32_t what)
{
	static const char *const names[] = {
		[PENSTOCK_TRACE_WAIT_NOTHING] = "",
		[PENSTOCK_TRACE_WAIT_ORDER] = "order",
		[PENSTOCK_TRACE_WAIT_MEMORY] = "memory",
		[PENSTOCK_TRACE_WAIT_PREEMPTION] = "preemption",
		[PENSTOCK_TRACE_WAIT_CROWD] = "memory-turn",
		[PENSTOCK_TRACE_WAIT_OBJECT] = "sync-object",
		[PENSTOCK_TRACE_WAIT_NODE] = "node",
		[PENSTOCK_TRACE_WAIT_PREDECESSOR] = "predecessor",
		[PENSTOCK_TRACE_WAIT_RENDER] = "render",
		[PENSTOCK_TRACE_WAIT_DISK] = "disk",
	};

	return what < PENSTOCK_ARRAY_SIZE(names) ? names[what] : "?";
}

static void context_row(struct table *table, const Penstock__Wire__ContextRow *row)
{
	table_number(table, row->id);
	table_text(table, row->principal);
	table_number(table, row->session);
	table_number(table, row->adapter);
	table_number(table, row->device);
	table_text(table, row->device_state);
	table_number(table, row->node);
	table_number(table, (row->flags & 0x2u) != 0);
	table_number(table, row->queued);
	table_number(table, row->on_hardware);
	table_number(table, row->submitted);
	table_number(table, row->refused);
	table_number(table, row->completed_fence);
	table_number(table, row->command_bytes);
	table_number(table, row->dma_bytes);
	table_number(table, row->patch_locations);
	table_number(table, row->patched);
	table_number(table, row->dma_buffers);
	table_number(table, row->gpu_ns);
	table_number(table, row->preemptions);
	table_number(table, row->splits);
	table_number(table, row->parts);
	table_text(table, wait_name(row->waits_for));
	table_number(table, row->waits_serial);
	table_number(table, row->waits_object);
	table_number(table, row->waits_value);
	table_text(table, row->device_reason);
}

void fill_contexts(const ProtobufCMessage *message, struct report *report)
{
	const Penstock__Wire__ContextReport *reply = (const Penstock__Wire__ContextReport *)message;
	struct table *table;

	table = report_table(report, "contexts", context_columns,
			     PENSTOCK_ARRAY_SIZE(context_columns));
	for (size_t i = 0; i < reply->n_contexts; i++) {
		context_row(table, reply->contexts[i]);
	}
	report_truncated(report, reply->truncated);
}

void report_list(struct report *report, Penstock__Wire__ListEntryRow **rows, size_t count)
{
	static const struct column columns[] = {
		{ "index", COLUMN_NUMBER }, { "allocation", COLUMN_NUMBER },
		{ "write", COLUMN_YES },    { "segment", COLUMN_NUMBER },
		{ "address", COLUMN_HEX },  { "size", COLUMN_BYTES },
	};
	struct table *table =
		report_table(report, "allocation_list", columns, PENSTOCK_ARRAY_SIZE(columns));

	for (size_t i = 0; i < count; i++) {
		table_number(table, rows[i]->index);
		table_number(table, rows[i]->allocation);
		table_number(table, rows[i]->write_operation);
		table_number(table, rows[i]->segment);
		table_number(table, rows[i]->address);
		table_number(table, rows[i]->size_bytes);
	}
}

void fill_context(const ProtobufCMessage *message, struct report *report)
{
	static const struct column sizes[] = {
		{ "dma_buffer", COLUMN_BYTES },
		{ "allocation_list", COLUMN_NUMBER },
		{ "patch_location_list", COLUMN_NUMBER },
		{ "last_serial", COLUMN_NUMBER },
		{ "name", COLUMN_HEX },
	};
	const Penstock__Wire__ContextReport *reply = (const Penstock__Wire__ContextReport *)message;

	for (size_t i = 0; i < reply->n_contexts && i < 1; i++) {
		const Penstock__Wire__ContextRow *row = reply->contexts[i];
		struct table *table = report_facts(report, "context", context_columns,
						   PENSTOCK_ARRAY_SIZE(context_columns));

		context_row(table, row);
		table = report_facts(report, "sizes", sizes, PENSTOCK_ARRAY_SIZE(sizes));
		table_number(table, row->dma_buffer_bytes);
		table_number(table, row->allocation_list);
		table_number(table, row->patch_location_list);
		table_number(table, row->last_serial);
		table_number(table, row->name);
	}
	report_list(report, reply->list, reply->n_list);
	report_truncated(report, reply->truncated);
}

/* Where those are that renaming left, or keeps for the next time. */
static void report_instances(struct report *report, const Penstock__Wire__AllocationReport *reply)
{
	static const struct column columns[] = {
		{ "id", COLUMN_NUMBER },         { "adapter", COLUMN_NUMBER },
		{ "segment", COLUMN_NUMBER },    { "address", COLUMN_HEX },
		{ "references", COLUMN_NUMBER }, { "spare", COLUMN_YES },
	};
	struct table *table =
		report_table(report, "instances", columns, PENSTOCK_ARRAY_SIZE(columns));

	for (size_t i = 0; i < reply->n_allocations; i++) {
		const Penstock__Wire__AllocationRow *row = reply->allocations[i];

		for (size_t j = 0; j < row->n_instances; j++) {
			table_number(table, row->id);
			table_number(table, row->adapter);
			table_number(table, row->instances[j]->segment);
			table_number(table, row->instances[j]->address);
			table_number(table, row->instances[j]->references);
			table_number(table, row->instances[j]->spare);
		}
	}
}

void fill_allocations(const ProtobufCMessage *message, struct report *report)
{
	static const struct column columns[] = {
		{ "id", COLUMN_NUMBER },         { "principal", COLUMN_TEXT },
		{ "adapter", COLUMN_NUMBER },    { "size", COLUMN_BYTES },
		{ "segment", COLUMN_NUMBER },    { "address", COLUMN_HEX },
		{ "openings", COLUMN_NUMBER },   { "shared", COLUMN_YES },
		{ "references", COLUMN_NUMBER }, { "width", COLUMN_NUMBER },
		{ "height", COLUMN_NUMBER },     { "format", COLUMN_TEXT },
		{ "pitch", COLUMN_NUMBER },      { "instances", COLUMN_NUMBER },
	};
	const Penstock__Wire__AllocationReport *reply =
		(const Penstock__Wire__AllocationReport *)message;
	struct table *table;

	table = report_table(report, "allocations", columns, PENSTOCK_ARRAY_SIZE(columns));
	for (size_t i = 0; i < reply->n_allocations; i++) {
		const Penstock__Wire__AllocationRow *row = reply->allocations[i];

		table_number(table, row->id);
		table_text(table, row->principal);
		table_number(table, row->adapter);
		table_number(table, row->size_bytes);
		table_number(table, row->segment);
		table_number(table, row->address);
		table_number(table, row->openings);
		table_number(table, row->shared);
		table_number(table, row->references);
		table_number(table, row->width);
		table_number(table, row->height);
		table_text(table, row->format);
		table_number(table, row->pitch_bytes);
		table_number(table, row->n_instances + 1);
	}
	report_instances(report, reply);
	report_truncated(report, reply->truncated);
}
