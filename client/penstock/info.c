/* SPDX-License-Identifier: MIT */
/* penstock info: what the server told at hello, and what its adapters draw with. */
#include "client/penstock/info_graphics.h"
#include "client/penstock/tool.h"
#include "client/penstockctl/report.h"
#include "proto/isa/instruction.h"

#include <getopt.h>
#include <stdio.h>

static void fill_server(const struct penstock_session_info *info, struct report *report)
{
	static const struct column columns[] = {
		{ "server", COLUMN_TEXT },
		{ "protocol_major", COLUMN_NUMBER },
		{ "protocol_minor", COLUMN_NUMBER },
		{ "isa_version", COLUMN_NUMBER },
		{ "principal", COLUMN_TEXT },
		{ "max_payload", COLUMN_BYTES },
		{ "held_submissions", COLUMN_NUMBER },
		{ "held_bytes", COLUMN_BYTES },
		{ "pitch_alignment", COLUMN_NUMBER },
	};
	struct table *table = report_facts(report, "server", columns, PENSTOCK_ARRAY_SIZE(columns));

	table_text(table, info->server);
	table_number(table, info->protocol_major);
	table_number(table, info->protocol_minor);
	table_number(table, info->isa_version);
	table_text(table, info->principal);
	table_number(table, info->max_payload_bytes);
	table_number(table, info->held_submissions);
	table_number(table, info->held_bytes);
	table_number(table, info->pitch_alignment);
}

static void fill_adapters(struct penstock_connection *connection, struct report *report)
{
	static const struct column columns[] = {
		{ "adapter", COLUMN_NUMBER },
		{ "description", COLUMN_TEXT },
		{ "nodes", COLUMN_NUMBER },
		{ "presentation_caps", COLUMN_HEX },
		{ "graphics_preemption", COLUMN_NUMBER },
		{ "compute_preemption", COLUMN_NUMBER },
		{ "hw_queue_packet_cap", COLUMN_NUMBER },
		{ "test_instructions", COLUMN_YES },
		{ "pipelines", COLUMN_YES },
	};
	struct table *table =
		report_table(report, "adapters", columns, PENSTOCK_ARRAY_SIZE(columns));
	struct penstock_adapter_info adapter;

	for (uint32_t i = 0;
	     penstock_connection_adapter(connection, i, &adapter) == PENSTOCK_STATUS_SUCCESS; i++) {
		table_number(table, adapter.index);
		table_text(table, adapter.description);
		table_number(table, adapter.node_count);
		table_number(table, adapter.presentation_caps);
		table_number(table, adapter.graphics_preemption);
		table_number(table, adapter.compute_preemption);
		table_number(table, adapter.hw_queue_packet_cap);
		table_number(table, adapter.test_instructions);
		table_number(table, adapter.pipelines);
	}
}

static void fill_segments(struct penstock_connection *connection, struct report *report)
{
	static const struct column columns[] = {
		{ "adapter", COLUMN_NUMBER },     { "segment", COLUMN_NUMBER },
		{ "kind", COLUMN_TEXT },          { "flags", COLUMN_HEX },
		{ "base", COLUMN_HEX },           { "size", COLUMN_BYTES },
		{ "commit_limit", COLUMN_BYTES },
	};
	struct table *table =
		report_table(report, "segments", columns, PENSTOCK_ARRAY_SIZE(columns));
	struct penstock_adapter_info adapter;
	struct penstock_segment_info segment;

	for (uint32_t a = 0;
	     penstock_connection_adapter(connection, a, &adapter) == PENSTOCK_STATUS_SUCCESS; a++) {
		for (uint32_t s = 0; s < adapter.segment_count; s++) {
			if (penstock_connection_segment(connection, a, s, &segment) !=
			    PENSTOCK_STATUS_SUCCESS) {
				break;
			}
			table_number(table, adapter.index);
			table_number(table, segment.id);
			table_text(table, (segment.flags & 0x1u) != 0 ? "aperture" : "local");
			table_number(table, segment.flags);
			table_number(table, segment.base_address);
			table_number(table, segment.size_bytes);
			table_number(table, segment.commit_limit_bytes);
		}
	}
}

static void fill_formats(struct report *report)
{
	static const struct column columns[] = {
		{ "format", COLUMN_TEXT },
		{ "number", COLUMN_NUMBER },
		{ "bytes_per_pixel", COLUMN_NUMBER },
	};
	struct table *table =
		report_table(report, "formats", columns, PENSTOCK_ARRAY_SIZE(columns));

	for (uint32_t format = PENSTOCK_FORMAT_NONE + 1; penstock_format_bytes(format) > 0;
	     format++) {
		table_text(table, penstock_format_name(format));
		table_number(table, format);
		table_number(table, penstock_format_bytes(format));
	}
}

int penstock_tool_info(const struct penstock_tool *tool, int argc, char **argv)
{
	static const struct option long_options[] = {
		{ "json", no_argument, NULL, 'j' },
		{ NULL, 0, NULL, 0 },
	};
	struct penstock_options options = PENSTOCK_OPTIONS_INIT;
	struct penstock_connection *connection;
	struct penstock_session_info info;
	struct report *report;
	enum penstock_status status;
	bool json = false;
	bool written = false;
	int option, code;

	optind = 0;
	while ((option = getopt_long(argc, argv, "", long_options, NULL)) != -1) {
		if (option != 'j') {
			return PENSTOCK_EXIT_USAGE;
		}
		json = true;
	}
	if (optind != argc) {
		penstock_tool_complain("info: nothing follows, not '%s'", argv[optind]);
		return PENSTOCK_EXIT_USAGE;
	}
	options.no_session = true;
	code = penstock_tool_connect(tool, &options, &connection);
	if (code != PENSTOCK_EXIT_SUCCESS) {
		return code;
	}
	(void)penstock_connection_info(connection, &info);
	report = report_new();
	fill_server(&info, report);
	fill_adapters(connection, report);
	fill_segments(connection, report);
	fill_formats(report);
	status = penstock_info_graphics(connection, json, report);
	if (status != PENSTOCK_STATUS_SUCCESS) {
		penstock_tool_complain("info: the server does not say what an adapter can do: %s",
				       penstock_status_text(status));
	} else {
		written = report_print(report, json);
	}
	report_free(report);
	penstock_connection_close(connection);
	return written ? PENSTOCK_EXIT_SUCCESS : PENSTOCK_EXIT_FAILURE;
}
