/* SPDX-License-Identifier: MIT */
/* P3: render. bench_render measures it in process and prints a row of JSON each. */
#include "tests/bench/bench.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *text_of(const json_t *row, const char *key)
{
	const char *text = json_string_value(json_object_get(row, key));

	return text != NULL ? text : "";
}

static void merge(struct bench *bench, const char *line)
{
	json_t *row = json_loads(line, 0, NULL);

	if (row == NULL) {
		bench_failed(bench, "P3", "no row: %s", line);
		return;
	}
	bench_add(bench, text_of(row, "id"), text_of(row, "name"), text_of(row, "unit"),
		  json_number_value(json_object_get(row, "value")),
		  json_number_value(json_object_get(row, "reference")), text_of(row, "goal"));
	json_decref(row);
}

void bench_p3(struct bench *bench)
{
	const char *directory = getenv("PENSTOCK_BUILDDIR");
	char command[300], line[512];
	FILE *output;

	snprintf(command, sizeof(command), "'%s/tests/bench/bench_render'",
		 directory != NULL ? directory : ".");
	output = popen(command, "re");
	while (output != NULL && fgets(line, sizeof(line), output) != NULL) {
		merge(bench, line);
	}
	if (output == NULL || pclose(output) != 0) {
		bench_failed(bench, "P3", "bench_render failed");
	}
}
