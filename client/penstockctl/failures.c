/* SPDX-License-Identifier: MIT */
/*
 * unblock PRINCIPAL: what went wrong, and who is kept away for it.
 */
#include "client/penstockctl/commands.h"

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
