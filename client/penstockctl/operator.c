/* SPDX-License-Identifier: MIT */
/*
 * kill, evict: what was done.
 */
#include "client/penstockctl/commands.h"

void fill_kill(const ProtobufCMessage *message, struct report *report)
{
	static const struct column columns[] = {
		{ "sessions", COLUMN_NUMBER },
		{ "devices", COLUMN_NUMBER },
	};
	const Penstock__Wire__KillReport *reply = (const Penstock__Wire__KillReport *)message;
	struct table *table = report_facts(report, "killed", columns, PENSTOCK_ARRAY_SIZE(columns));

	table_number(table, reply->sessions);
	table_number(table, reply->devices);
}

void fill_evict(const ProtobufCMessage *message, struct report *report)
{
	static const struct column columns[] = {
		{ "evicted", COLUMN_NUMBER }, { "pending", COLUMN_NUMBER },
		{ "busy", COLUMN_NUMBER },    { "absent", COLUMN_NUMBER },
		{ "bytes", COLUMN_BYTES },
	};
	const Penstock__Wire__EvictReport *reply = (const Penstock__Wire__EvictReport *)message;
	struct table *table =
		report_facts(report, "evicted", columns, PENSTOCK_ARRAY_SIZE(columns));

	table_number(table, reply->evicted);
	table_number(table, reply->pending);
	table_number(table, reply->busy);
	table_number(table, reply->absent);
	table_number(table, reply->bytes);
}
