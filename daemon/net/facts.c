/* SPDX-License-Identifier: MIT */
/* What an adapter's driver can do, to whoever asks. */
#include "daemon/net/dispatch.h"
#include "daemon/net/rows.h"
#include "proto/adapter/facts.h"
#include "proto/wire/penstock.pb-c.h"

#include <stdio.h>

/* What an answer is made of, as long as it takes to pack it. */
struct answer {
	Penstock__Wire__AdapterFacts message;
	struct penstock_rows facts;
	struct penstock_rows formats;
	struct penstock_rows memory_types;
};

static void add_facts(struct answer *answer, const struct penstock_adapter_facts *facts)
{
	for (uint32_t id = 0; id < PENSTOCK_FACTS; id++) {
		const struct penstock_fact *fact = penstock_fact_at(id);
		Penstock__Wire__Fact *row = penstock_rows_add(&answer->facts, sizeof(*row));

		if (row == NULL) {
			return;
		}
		penstock__wire__fact__init(row);
		row->name = (char *)(uintptr_t)fact->name;
		row->kind = fact->kind;
		row->n_values = fact->count;
		row->values = (uint64_t *)(uintptr_t)penstock_fact_values_of(facts, fact);
	}
}

/* Formats that there is anything of. */
static void add_formats(struct answer *answer, const struct penstock_adapter_facts *facts)
{
	for (uint32_t id = 0; id < PENSTOCK_TEXEL_FORMATS; id++) {
		const struct penstock_format_features *features = &facts->formats[id];
		Penstock__Wire__FormatFacts *row;

		if ((features->linear | features->optimal | features->buffer) == 0) {
			continue;
		}
		row = penstock_rows_add(&answer->formats, sizeof(*row));
		if (row == NULL) {
			return;
		}
		penstock__wire__format_facts__init(row);
		row->format = penstock_texel_format_at(id)->number;
		row->linear = features->linear;
		row->optimal = features->optimal;
		row->buffer = features->buffer;
	}
}

static void add_memory_types(struct answer *answer, const struct penstock_adapter_facts *facts)
{
	for (uint32_t i = 0; i < facts->memory_type_count; i++) {
		Penstock__Wire__MemoryType *row =
			penstock_rows_add(&answer->memory_types, sizeof(*row));

		if (row == NULL) {
			return;
		}
		penstock__wire__memory_type__init(row);
		row->flags = facts->memory_types[i].flags;
		row->heap = facts->memory_types[i].heap;
	}
}

static void fill(struct answer *answer, const struct penstock_adapter_facts *facts)
{
	Penstock__Wire__AdapterFacts *message = &answer->message;

	penstock__wire__adapter_facts__init(message);
	message->device = (char *)(uintptr_t)facts->device_name;
	message->driver = (char *)(uintptr_t)facts->driver_name;
	message->driver_info = (char *)(uintptr_t)facts->driver_info;
	add_facts(answer, facts);
	message->n_facts = answer->facts.count;
	message->facts = (Penstock__Wire__Fact **)answer->facts.addresses;
	add_formats(answer, facts);
	message->n_formats = answer->formats.count;
	message->formats = (Penstock__Wire__FormatFacts **)answer->formats.addresses;
	add_memory_types(answer, facts);
	message->n_memory_types = answer->memory_types.count;
	message->memory_types = (Penstock__Wire__MemoryType **)answer->memory_types.addresses;
	message->n_memory_heaps = facts->memory_heap_count;
	message->memory_heaps = (uint64_t *)(uintptr_t)facts->memory_heaps;
}

static void answer_facts(struct penstock_call *call, const struct penstock_adapter_facts *facts)
{
	struct answer answer;

	penstock_rows_init(&answer.facts);
	penstock_rows_init(&answer.formats);
	penstock_rows_init(&answer.memory_types);
	fill(&answer, facts);
	if (answer.facts.failed || answer.formats.failed || answer.memory_types.failed) {
		penstock_call_refuse(call, PENSTOCK_STATUS_NO_MEMORY, "no memory for the answer");
	} else if (penstock_call_use_serial(call)) {
		penstock_call_answer(call, PENSTOCK_FRAME_ADAPTER_FACTS, &answer.message.base);
	}
	penstock_rows_fini(&answer.facts);
	penstock_rows_fini(&answer.formats);
	penstock_rows_fini(&answer.memory_types);
}

void penstock_handle_query_adapter(struct penstock_call *call)
{
	const struct penstock_net_config *config = &call->connection->net->config;
	const uint32_t index = ((const Penstock__Wire__QueryAdapter *)call->message)->adapter;
	struct penstock_errbuf text;

	if (index >= config->adapter_count) {
		penstock_errbuf_set(&text, "there is no adapter %u", index);
		penstock_call_refuse(call, PENSTOCK_STATUS_NOT_FOUND, text.text);
	} else if (config->adapters[index].facts == NULL) {
		penstock_errbuf_set(&text, "adapter %u has no pipelines", index);
		penstock_call_refuse(call, PENSTOCK_STATUS_NOT_SUPPORTED, text.text);
	} else {
		answer_facts(call, config->adapters[index].facts);
	}
}
