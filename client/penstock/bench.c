/* SPDX-License-Identifier: MIT */
/* penstock bench: how fast a running server is, as this client sees it. */
#include "client/penstock/measure.h"
#include "client/penstock/tool.h"
#include "client/penstockctl/report.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>

static const struct {
	const char *name;
	const char *unit;
	double scale; /* of the measured number, for people */
	enum penstock_status (*measure)(struct penstock_measure_target *target, uint32_t ms,
					double *ret_value);
} measurements[] = {
	{ "round trip without the GPU", "ns", 1, penstock_measure_sync },
	{ "empty submission to its fence", "ns", 1, penstock_measure_empty },
	{ "pipelined submissions of 256 bytes", "1/s", 1, penstock_measure_pipelined },
	{ "upload, 1 MiB each", "MiB/s", 1.0 / (1 << 20), penstock_measure_upload },
	{ "read-back, 1 MiB each", "MiB/s", 1.0 / (1 << 20), penstock_measure_read_back },
};

static enum penstock_status measure_all(struct penstock_measure_target *target, uint32_t ms,
					struct report *report)
{
	static const struct column columns[] = {
		{ "measurement", COLUMN_TEXT },
		{ "value", COLUMN_NUMBER },
		{ "unit", COLUMN_TEXT },
	};
	struct table *table = report_table(report, "bench", columns, PENSTOCK_ARRAY_SIZE(columns));

	for (size_t i = 0; i < PENSTOCK_ARRAY_SIZE(measurements); i++) {
		double value = 0;
		enum penstock_status status = measurements[i].measure(target, ms, &value);

		if (status != PENSTOCK_STATUS_SUCCESS) {
			penstock_tool_complain("bench: %s: %s", measurements[i].name,
					       penstock_status_text(status));
			return status;
		}
		table_text(table, measurements[i].name);
		table_number(table, (uint64_t)(value * measurements[i].scale + 0.5));
		table_text(table, measurements[i].unit);
	}
	return PENSTOCK_STATUS_SUCCESS;
}

static int run_bench(struct penstock_connection *connection, uint32_t adapter, uint32_t ms,
		     bool json)
{
	struct penstock_measure_target target;
	struct report *report;
	enum penstock_status status = penstock_measure_open(connection, adapter, &target);
	int result = PENSTOCK_EXIT_FAILURE;

	if (status != PENSTOCK_STATUS_SUCCESS) {
		penstock_tool_complain("bench: the server refused what is measured with: %s",
				       penstock_status_text(status));
		return result;
	}
	report = report_new();
	if (measure_all(&target, ms, report) == PENSTOCK_STATUS_SUCCESS &&
	    report_print(report, json)) {
		result = PENSTOCK_EXIT_SUCCESS;
	}
	report_free(report);
	penstock_measure_close(&target);
	return result;
}

int penstock_tool_bench(const struct penstock_tool *tool, int argc, char **argv)
{
	static const struct option long_options[] = {
		{ "adapter", required_argument, NULL, 'a' },
		{ "json", no_argument, NULL, 'j' },
		{ "lease", required_argument, NULL, 'l' },
		{ "seconds", required_argument, NULL, 's' },
		{ NULL, 0, NULL, 0 },
	};
	struct penstock_options options = PENSTOCK_OPTIONS_INIT;
	struct penstock_connection *connection;
	bool json = false;
	uint32_t adapter = 0;
	double seconds = 1;
	char *end = NULL;
	int option, result;

	optind = 0;
	while ((option = getopt_long(argc, argv, "", long_options, NULL)) != -1) {
		switch (option) {
		case 'a':
			if (!penstock_tool_adapter(optarg, &adapter)) {
				return PENSTOCK_EXIT_USAGE;
			}
			break;
		case 'j':
			json = true;
			break;
		case 'l':
			if (!penstock_tool_lease(optarg, &options.lease_s)) {
				return PENSTOCK_EXIT_USAGE;
			}
			break;
		case 's':
			seconds = strtod(optarg, &end);
			if (*end != 0 || !(seconds >= 0.01 && seconds <= 3600)) {
				penstock_tool_complain("bench: --seconds '%s' is not 0.01 to 3600",
						       optarg);
				return PENSTOCK_EXIT_USAGE;
			}
			break;
		default:
			return PENSTOCK_EXIT_USAGE;
		}
	}
	if (optind != argc) {
		penstock_tool_complain("bench: nothing follows, not '%s'", argv[optind]);
		return PENSTOCK_EXIT_USAGE;
	}
	result = penstock_tool_connect(tool, &options, &connection);
	if (result != PENSTOCK_EXIT_SUCCESS) {
		return result;
	}
	result = run_bench(connection, adapter, (uint32_t)(seconds * 1000), json);
	penstock_connection_close(connection);
	return result;
}
