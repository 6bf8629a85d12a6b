/* SPDX-License-Identifier: MIT */
/* What an adapter's driver can do: the daemon's answer is kept as it came. */
#include "client/admin.h"
#include "client/connection.h"
#include "proto/image/format.h"

#include <stdlib.h>
#include <string.h>

struct penstock_adapter_report {
	Penstock__Wire__AdapterFacts *message; /* owned */
};

static const char *text_of(char *text)
{
	for (char *at = text; *at != '\0'; at++) {
		*at = *at >= ' ' && *at <= '~' ? *at : '?';
	}
	return text;
}

enum penstock_status penstock_adapter_query(struct penstock_connection *connection,
					    uint32_t adapter,
					    struct penstock_adapter_report **ret_report)
{
	Penstock__Wire__QueryAdapter request = PENSTOCK__WIRE__QUERY_ADAPTER__INIT;
	struct penstock_adapter_report *report;
	ProtobufCMessage *message;
	enum penstock_status status;

	if (connection == NULL || ret_report == NULL) {
		return PENSTOCK_STATUS_INVALID_PARAMETER;
	}
	report = calloc(1, sizeof(*report));
	if (report == NULL) {
		return PENSTOCK_STATUS_NO_MEMORY;
	}
	request.adapter = adapter;
	status = penstock_admin_call(connection, PENSTOCK_FRAME_QUERY_ADAPTER, &request.base,
				     PENSTOCK_FRAME_ADAPTER_FACTS, &message);
	if (status != PENSTOCK_STATUS_SUCCESS) {
		free(report);
		return status;
	}
	report->message = (Penstock__Wire__AdapterFacts *)message;
	*ret_report = report;
	return PENSTOCK_STATUS_SUCCESS;
}

void penstock_adapter_report_free(struct penstock_adapter_report *report)
{
	if (report != NULL) {
		penstock__wire__adapter_facts__free_unpacked(report->message, NULL);
		free(report);
	}
}

void penstock_adapter_report_names(const struct penstock_adapter_report *report,
				   struct penstock_adapter_names *ret_names)
{
	*ret_names = (struct penstock_adapter_names){
		.device = text_of(report->message->device),
		.driver = text_of(report->message->driver),
		.driver_info = text_of(report->message->driver_info),
	};
}

enum penstock_status penstock_adapter_report_fact(const struct penstock_adapter_report *report,
						  uint32_t index,
						  struct penstock_adapter_fact *ret_fact)
{
	const Penstock__Wire__Fact *fact;

	if (index >= report->message->n_facts) {
		return PENSTOCK_STATUS_NOT_FOUND;
	}
	fact = report->message->facts[index];
	*ret_fact = (struct penstock_adapter_fact){
		.name = text_of(fact->name),
		.kind = fact->kind,
		.count = (uint32_t)fact->n_values,
		.values = fact->values,
	};
	return PENSTOCK_STATUS_SUCCESS;
}

uint64_t penstock_adapter_report_value(const struct penstock_adapter_report *report,
				       const char *name)
{
	for (size_t i = 0; i < report->message->n_facts; i++) {
		const Penstock__Wire__Fact *fact = report->message->facts[i];

		if (fact->n_values > 0 && strcmp(fact->name, name) == 0) {
			return fact->values[0];
		}
	}
	return 0;
}

enum penstock_status penstock_adapter_report_format(const struct penstock_adapter_report *report,
						    uint32_t index,
						    struct penstock_adapter_format *ret_format)
{
	const Penstock__Wire__FormatFacts *format;
	const struct penstock_texel_format *known;

	if (index >= report->message->n_formats) {
		return PENSTOCK_STATUS_NOT_FOUND;
	}
	format = report->message->formats[index];
	known = penstock_texel_format_get(format->format);
	*ret_format = (struct penstock_adapter_format){
		.format = format->format,
		.name = known != NULL ? known->name : "",
		.linear = format->linear,
		.optimal = format->optimal,
		.buffer = format->buffer,
	};
	return PENSTOCK_STATUS_SUCCESS;
}

enum penstock_status
penstock_adapter_report_memory_type(const struct penstock_adapter_report *report, uint32_t index,
				    struct penstock_adapter_memory_type *ret_type)
{
	const Penstock__Wire__MemoryType *type;

	if (index >= report->message->n_memory_types) {
		return PENSTOCK_STATUS_NOT_FOUND;
	}
	type = report->message->memory_types[index];
	*ret_type = (struct penstock_adapter_memory_type){
		.flags = type->flags,
		.heap = type->heap,
		.heap_bytes = type->heap < report->message->n_memory_heaps
				      ? report->message->memory_heaps[type->heap]
				      : 0,
	};
	return PENSTOCK_STATUS_SUCCESS;
}
