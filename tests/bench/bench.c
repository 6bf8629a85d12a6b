/* SPDX-License-Identifier: MIT */
/*
 * bench [--json FILE] [--ms N] [P1 P2 ...]: measures, prints a table, writes bench.json. Exit code
 * 1 where a measurement could not be made; a goal that was missed is shown, and is no failure.
 */
#include "tests/bench/bench.h"

#include "config.h"

#include <getopt.h>
#include <jansson.h>
#include <libsmartcols.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const struct {
	const char *id;
	void (*run)(struct bench *bench);
	bool pinned_too; /* once more with everybody on one core */
} benches[] = {
	/* first, while the daemon has freed nothing that a context could go into */
	{ "P9", bench_p9, false },   { "P1", bench_p1, true },
	{ "P2", bench_p2, true },    { "P3", bench_p3, false },
	{ "P4", bench_p4, true },
#ifdef HAVE_VULKAN
	{ "P5", bench_p5, false },
#endif
	{ "P6", bench_p6, false },   { "P7", bench_p7, true },
	{ "P8", bench_p8, false },   { "workers", bench_workers, true },
	{ "P10", bench_p10, false }, { "P11", bench_p11, false },
};

/* ---------------------------------------------------------------- rows */

void bench_add(struct bench *bench, const char *id, const char *name, const char *unit,
	       double value, double reference, const char *goal)
{
	struct bench_row *row = &bench->rows[bench->row_count];

	if (bench->row_count == BENCH_ROWS_MAX) {
		bench_failed(bench, id, "too many rows");
		return;
	}
	for (; row > bench->rows && strcmp(row[-1].id, id) > 0; row--) {
		row[0] = row[-1]; /* in the order of ids */
	}
	bench->row_count++;
	snprintf(row->id, sizeof(row->id), "%s", id);
	snprintf(row->name, sizeof(row->name), "%s, %s", name, bench->placement);
	snprintf(row->unit, sizeof(row->unit), "%s", unit);
	snprintf(row->goal, sizeof(row->goal), "%s", goal);
	row->value = value;
	row->reference = reference;
}

void bench_failed(struct bench *bench, const char *id, const char *format, ...)
{
	va_list arguments;

	fprintf(stderr, "bench: %s (%s): ", id, bench->placement);
	va_start(arguments, format);
	vfprintf(stderr, format, arguments);
	va_end(arguments);
	fputc('\n', stderr);
	bench->failed++;
}

void bench_skipped(const char *id, const char *why)
{
	fprintf(stderr, "bench: %s: no reference: %s\n", id, why);
}

struct penstock_connection *bench_connect(struct bench *bench, const char *id, const char *server,
					  uint32_t lease_s)
{
	struct penstock_options options = PENSTOCK_OPTIONS_INIT;
	struct penstock_connection *connection = NULL;
	char text[PENSTOCK_SENTENCE_BYTES] = "";

	options.server = server;
	options.client = "bench";
	options.lease_s = lease_s;
	if (penstock_connect(&options, &connection, text, sizeof(text)) !=
	    PENSTOCK_STATUS_SUCCESS) {
		bench_failed(bench, id, "%s", text);
		return NULL;
	}
	return connection;
}

/* What the goal bounds. */
static double judged(const struct bench_row *row)
{
	return row->reference > 0 ? row->value / row->reference : row->value;
}

static const char *verdict(const struct bench_row *row)
{
	double bound;

	if (strlen(row->goal) < 3) {
		return "";
	}
	bound = strtod(row->goal + 2, NULL);
	if (row->goal[0] == '<' ? judged(row) <= bound : judged(row) >= bound) {
		return "met";
	}
	return "missed";
}

/* ---------------------------------------------------------------- printing */

static void set_number(struct libscols_line *line, size_t column, double value, const char *format)
{
	char text[64];

	snprintf(text, sizeof(text), "%.*f", value < 100 ? 3 : 0, value);
	scols_line_set_data(line, column, format != NULL ? format : text);
}

static void print_table(const struct bench *bench)
{
	static const struct {
		const char *name;
		int flags;
	} columns[] = {
		{ "ID", 0 },
		{ "MEASUREMENT", 0 },
		{ "VALUE", SCOLS_FL_RIGHT },
		{ "UNIT", 0 },
		{ "REFERENCE", SCOLS_FL_RIGHT },
		{ "RATIO", SCOLS_FL_RIGHT },
		{ "GOAL", 0 },
		{ "", 0 },
	};
	struct libscols_table *table = scols_new_table();

	for (size_t i = 0; table != NULL && i < PENSTOCK_ARRAY_SIZE(columns); i++) {
		scols_table_new_column(table, columns[i].name, 0, columns[i].flags);
	}
	for (size_t i = 0; table != NULL && i < bench->row_count; i++) {
		const struct bench_row *row = &bench->rows[i];
		struct libscols_line *line = scols_table_new_line(table, NULL);
		const char *none = row->reference > 0 ? NULL : "-";

		scols_line_set_data(line, 0, row->id);
		scols_line_set_data(line, 1, row->name);
		set_number(line, 2, row->value, NULL);
		scols_line_set_data(line, 3, row->unit);
		set_number(line, 4, row->reference, none);
		set_number(line, 5, judged(row), none);
		scols_line_set_data(line, 6, row->goal);
		scols_line_set_data(line, 7, verdict(row));
	}
	scols_print_table(table);
	scols_unref_table(table);
}

static int write_json(const struct bench *bench, const char *path)
{
	json_t *list = json_array();
	int result;

	for (size_t i = 0; i < bench->row_count; i++) {
		const struct bench_row *row = &bench->rows[i];
		json_t *object = json_pack("{s:s, s:s, s:f, s:s}", "id", row->id, "name", row->name,
					   "value", row->value, "unit", row->unit);

		json_object_set_new(object, "reference",
				    row->reference > 0 ? json_real(row->reference) : json_null());
		json_object_set_new(object, "ratio",
				    row->reference > 0 ? json_real(judged(row)) : json_null());
		json_object_set_new(object, "goal", json_string(row->goal));
		json_array_append_new(list, object);
	}
	result = json_dump_file(list, path, JSON_INDENT(1));
	json_decref(list);
	if (result != 0) {
		fprintf(stderr, "bench: %s cannot be written\n", path);
	}
	return result;
}

/* ---------------------------------------------------------------- running */

static bool wanted(const char *id, int count, char **ids)
{
	for (int i = 0; i < count; i++) {
		if (strcmp(ids[i], id) == 0) {
			return true;
		}
	}
	return count == 0;
}

/*
 * Its memory files are on a tmpfs, as an operator has them: a disk's file system protects pages
 * that it writes back, and measures itself.
 */
static int prepare_daemon(struct penstock_daemon *daemon, struct penstock_errbuf *text)
{
	if (penstock_daemon_init(daemon, true, text) != 0) {
		return -1;
	}
	return access("/dev/shm", W_OK) == 0
		       ? penstock_daemon_place_memory(daemon, "/dev/shm", text)
		       : 0;
}

bool bench_start_daemon(struct bench *bench, const char *id, struct penstock_daemon *daemon,
			const char *argument)
{
	const char *const arguments[] = { argument, NULL };

	return bench_start_daemon_with(bench, id, daemon, arguments);
}

bool bench_start_daemon_with(struct bench *bench, const char *id, struct penstock_daemon *daemon,
			     const char *const arguments[])
{
	struct penstock_errbuf text;

	memset(daemon, 0, sizeof(*daemon));
	if (prepare_daemon(daemon, &text) == 0) {
		for (unsigned i = 0; arguments[i] != NULL; i++) {
			daemon->arguments[i] = arguments[i];
		}
		if (penstock_daemon_start(daemon, &text) == 0) {
			return true;
		}
	}
	bench_failed(bench, id, "%s", text.text);
	return false;
}

void bench_stop_daemon(struct penstock_daemon *daemon)
{
	(void)penstock_daemon_stop(daemon);
	penstock_daemon_fini(daemon);
}

/* Every benchmark against one daemon; both inherit where this process may run. */
static void run_placement(struct bench *bench, bool pinned, int count, char **ids)
{
	struct penstock_daemon daemon;

	bench->placement = pinned ? "one core" : "as placed";
	bench->daemon = &daemon;
	if (!bench_start_daemon(bench, "P", &daemon, NULL)) {
		bench_stop_daemon(&daemon);
		return;
	}
	for (size_t i = 0; i < PENSTOCK_ARRAY_SIZE(benches); i++) {
		if (wanted(benches[i].id, count, ids) && (!pinned || benches[i].pinned_too)) {
			fprintf(stderr, "bench: %s, %s\n", benches[i].id, bench->placement);
			benches[i].run(bench);
		}
	}
	bench_stop_daemon(&daemon);
}

static void pin_to_one_core(void)
{
	cpu_set_t allowed, one;

	CPU_ZERO(&one);
	if (sched_getaffinity(0, sizeof(allowed), &allowed) != 0) {
		return;
	}
	for (size_t cpu = 0; cpu < CPU_SETSIZE; cpu++) {
		if (CPU_ISSET(cpu, &allowed)) {
			CPU_SET(cpu, &one);
			break;
		}
	}
	(void)sched_setaffinity(0, sizeof(one), &one);
}

int main(int argc, char **argv)
{
	static const struct option long_options[] = {
		{ "json", required_argument, NULL, 'j' },
		{ "ms", required_argument, NULL, 'm' },
		{ NULL, 0, NULL, 0 },
	};
	static struct bench bench = { .ms = 400 };
	const char *path = "bench.json";
	int option;

	while ((option = getopt_long(argc, argv, "", long_options, NULL)) != -1) {
		if (option == 'j') {
			path = optarg;
		} else if (option == 'm') {
			bench.ms = (uint32_t)strtoul(optarg, NULL, 10);
		} else {
			return 2;
		}
	}
	scols_init_debug(0);
	run_placement(&bench, false, argc - optind, argv + optind);
	pin_to_one_core();
	run_placement(&bench, true, argc - optind, argv + optind);
	print_table(&bench);
	return write_json(&bench, path) != 0 || bench.failed > 0 ? 1 : 0;
}
