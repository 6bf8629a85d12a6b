/* SPDX-License-Identifier: MIT */
#include "client/penstockctl/report.h"

#include "client/penstockctl/or_end.h"

#include <jansson.h>
#include <libsmartcols.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct cell {
	char *text; /* COLUMN_TEXT; owned */
	uint64_t number;
};

struct table {
	const char *name;
	const struct column *columns;
	size_t column_count;
	bool facts;
	char *text; /* of report_text; owned */
	struct cell *cells;
	size_t cell_count;
	size_t cell_capacity;
};

struct report {
	struct table tables[REPORT_MAX_TABLES];
	size_t table_count;
	bool may_truncate; /* somebody said whether there is more */
	bool truncated;
};

struct report *report_new(void)
{
	return or_end(calloc(1, sizeof(struct report)));
}

void report_free(struct report *report)
{
	for (size_t i = 0; report != NULL && i < report->table_count; i++) {
		struct table *table = &report->tables[i];

		for (size_t cell = 0; cell < table->cell_count; cell++) {
			free(table->cells[cell].text);
		}
		free(table->cells);
		free(table->text);
	}
	free(report);
}

static struct table *add(struct report *report, const struct table *table)
{
	PENSTOCK_REQUIRE(report->table_count < REPORT_MAX_TABLES);
	report->tables[report->table_count] = *table;
	return &report->tables[report->table_count++];
}

struct table *report_table(struct report *report, const char *name, const struct column *columns,
			   size_t column_count)
{
	return add(report, &(struct table){
				   .name = name,
				   .columns = columns,
				   .column_count = column_count,
			   });
}

struct table *report_facts(struct report *report, const char *name, const struct column *columns,
			   size_t column_count)
{
	return add(report, &(struct table){
				   .name = name,
				   .columns = columns,
				   .column_count = column_count,
				   .facts = true,
			   });
}

void report_text(struct report *report, const char *name, const char *text)
{
	add(report, &(struct table){
			    .name = name,
			    .text = or_end(strdup(text != NULL ? text : "")),
		    });
}

void report_truncated(struct report *report, bool truncated)
{
	report->may_truncate = true;
	report->truncated = truncated;
}

static struct cell *next_cell(struct table *table)
{
	if (table->cell_count == table->cell_capacity) {
		table->cell_capacity = table->cell_capacity * 2 + 64;
		table->cells =
			or_end(realloc(table->cells, table->cell_capacity * sizeof(*table->cells)));
	}
	table->cells[table->cell_count] = (struct cell){ 0 };
	return &table->cells[table->cell_count++];
}

static enum column_kind next_kind(const struct table *table)
{
	return table->columns[table->cell_count % table->column_count].kind;
}

void table_text(struct table *table, const char *text)
{
	PENSTOCK_REQUIRE(next_kind(table) == COLUMN_TEXT);
	next_cell(table)->text = or_end(strdup(text != NULL ? text : ""));
}

void table_number(struct table *table, uint64_t value)
{
	PENSTOCK_REQUIRE(next_kind(table) != COLUMN_TEXT);
	next_cell(table)->number = value;
}

static size_t row_count(const struct table *table)
{
	return table->column_count == 0 ? 0 : table->cell_count / table->column_count;
}

/* ---------------------------------------------------------------- for people */

static void format_bytes(uint64_t bytes, char *ret_text, size_t text_bytes)
{
	static const char units[] = "BKMGTPE";
	unsigned unit = 0;
	uint64_t whole = bytes;

	while (whole >= 1024 && whole % 1024 == 0 && unit + 1 < sizeof(units) - 1) {
		whole /= 1024;
		unit++;
	}
	if (unit == 0) {
		snprintf(ret_text, text_bytes, "%" PRIu64, bytes);
	} else {
		snprintf(ret_text, text_bytes, "%" PRIu64 "%c", whole, units[unit]);
	}
}

/* Three digits behind the point, of seconds from a thousand milliseconds on. */
static void format_ns(uint64_t ns, char *ret_text, size_t text_bytes)
{
	uint64_t us = ns / 1000;

	if (us < 1000000) {
		snprintf(ret_text, text_bytes, "%" PRIu64 ".%03" PRIu64 " ms", us / 1000,
			 us % 1000);
	} else {
		snprintf(ret_text, text_bytes, "%" PRIu64 ".%03" PRIu64 " s", us / 1000000,
			 us / 1000 % 1000);
	}
}

static void format_cell(const struct cell *cell, enum column_kind kind, char *ret_text,
			size_t text_bytes)
{
	switch (kind) {
	case COLUMN_TEXT:
		snprintf(ret_text, text_bytes, "%s", cell->text);
		break;
	case COLUMN_NUMBER:
		snprintf(ret_text, text_bytes, "%" PRIu64, cell->number);
		break;
	case COLUMN_BYTES:
		format_bytes(cell->number, ret_text, text_bytes);
		break;
	case COLUMN_HEX:
		snprintf(ret_text, text_bytes, "%#" PRIx64, cell->number);
		break;
	case COLUMN_NS:
		format_ns(cell->number, ret_text, text_bytes);
		break;
	case COLUMN_PERMILLE:
		snprintf(ret_text, text_bytes, "%" PRIu64 ".%" PRIu64, cell->number / 10,
			 cell->number % 10);
		break;
	case COLUMN_SIGNED:
		snprintf(ret_text, text_bytes, "%" PRId64, (int64_t)cell->number);
		break;
	case COLUMN_YES:
		snprintf(ret_text, text_bytes, "%s", cell->number != 0 ? "yes" : "no");
		break;
	}
}

static void print_facts(const struct table *table)
{
	char text[512];

	for (size_t i = 0; i < table->column_count && i < table->cell_count; i++) {
		format_cell(&table->cells[i], table->columns[i].kind, text, sizeof(text));
		printf("%-24s %s\n", table->columns[i].name, text);
	}
}

static void print_rows(const struct table *table)
{
	struct libscols_table *out;
	char text[512];

	if (row_count(table) == 0) {
		printf("%s: none\n", table->name);
		return;
	}
	out = or_end(scols_new_table());
	for (size_t i = 0; i < table->column_count; i++) {
		int flags = table->columns[i].kind == COLUMN_TEXT ? 0 : SCOLS_FL_RIGHT;

		or_end(scols_table_new_column(out, table->columns[i].name, 0, flags));
	}
	for (size_t row = 0; row < row_count(table); row++) {
		struct libscols_line *line = or_end(scols_table_new_line(out, NULL));

		for (size_t i = 0; i < table->column_count; i++) {
			format_cell(&table->cells[row * table->column_count + i],
				    table->columns[i].kind, text, sizeof(text));
			if (scols_line_set_data(line, i, text) != 0) {
				or_end(NULL);
			}
		}
	}
	scols_print_table(out);
	scols_unref_table(out);
}

/* ---------------------------------------------------------------- for programs */

/* Bytes that are no UTF-8 have no place in JSON. */
static json_t *json_text(const char *text)
{
	json_t *string = json_string(text);
	char *plain;

	if (string != NULL) {
		return string;
	}
	plain = or_end(strdup(text));
	for (char *next = plain; *next != '\0'; next++) {
		*next = (unsigned char)*next < 0x80 ? *next : '?';
	}
	string = or_end(json_string(plain));
	free(plain);
	return string;
}

static json_t *json_cell(const struct cell *cell, enum column_kind kind)
{
	switch (kind) {
	case COLUMN_TEXT:
		return json_text(cell->text);
	case COLUMN_NUMBER:
	case COLUMN_BYTES:
	case COLUMN_HEX:
	case COLUMN_NS:
	case COLUMN_SIGNED:
		return json_integer((json_int_t)cell->number);
	case COLUMN_PERMILLE:
		return json_real((double)cell->number / 10.0);
	case COLUMN_YES:
		return json_boolean(cell->number != 0);
	}
	return NULL;
}

static json_t *json_row(const struct table *table, size_t row)
{
	json_t *object = or_end(json_object());

	for (size_t i = 0; i < table->column_count; i++) {
		const struct cell *cell = &table->cells[row * table->column_count + i];

		json_object_set_new(object, table->columns[i].name,
				    json_cell(cell, table->columns[i].kind));
	}
	return object;
}

static json_t *json_table(const struct table *table)
{
	json_t *rows;

	if (table->text != NULL) {
		return json_string(table->text);
	}
	if (table->facts) {
		return row_count(table) > 0 ? json_row(table, 0) : json_object();
	}
	rows = or_end(json_array());
	for (size_t row = 0; row < row_count(table); row++) {
		json_array_append_new(rows, json_row(table, row));
	}
	return rows;
}

static void print_json(const struct report *report)
{
	json_t *object = or_end(json_object());

	for (size_t i = 0; i < report->table_count; i++) {
		json_object_set_new(object, report->tables[i].name, json_table(&report->tables[i]));
	}
	if (report->may_truncate) {
		json_object_set_new(object, "truncated", json_boolean(report->truncated));
	}
	json_dumpf(object, stdout, JSON_INDENT(2));
	putchar('\n');
	json_decref(object);
}

bool report_print(const struct report *report, bool json)
{
	if (json) {
		print_json(report);
	}
	for (size_t i = 0; !json && i < report->table_count; i++) {
		const struct table *table = &report->tables[i];

		if (i > 0) {
			putchar('\n');
		}
		if (table->text != NULL) {
			printf("%s:\n%s", table->name, table->text);
		} else if (table->facts) {
			print_facts(table);
		} else {
			print_rows(table);
		}
	}
	if (!json && report->truncated) {
		printf("\nthere is more than is shown\n");
	}
	return fflush(stdout) == 0 && !ferror(stdout);
}
