/* SPDX-License-Identifier: MIT */
/*
 * What a penstockctl command found: tables, filled cell by cell and then printed once, aligned for
 * people (libsmartcols) or as one JSON object for programs (jansson).
 */
#ifndef PENSTOCKCTL_REPORT_H
#define PENSTOCKCTL_REPORT_H

#include "proto/base/base.h"

#include <inttypes.h>

#define REPORT_MAX_TABLES 8u

enum column_kind {
	COLUMN_TEXT,
	COLUMN_NUMBER,   /* right-aligned; a JSON integer */
	COLUMN_BYTES,    /* the same, and "64K" for people */
	COLUMN_HEX,      /* the same, and "0x40" for people */
	COLUMN_NS,       /* likewise, and "1.234 ms" for people */
	COLUMN_PERMILLE, /* "12.3" for both: tenths of a percent */
	COLUMN_SIGNED,   /* a number that may be negative */
	COLUMN_YES,      /* a JSON boolean; "yes" or "" */
};

struct column {
	const char *name; /* heading, and JSON key */
	enum column_kind kind;
};

struct report;
struct table;

/* Never NULL: a tool without memory ends. */
struct report *report_new(void);
void report_free(struct report *report);

/* `columns` is static. At most REPORT_MAX_TABLES. */
struct table *report_table(struct report *report, const char *name, const struct column *columns,
			   size_t column_count);

/* The same with one row, printed as name and value below each other; an object in JSON. */
struct table *report_facts(struct report *report, const char *name, const struct column *columns,
			   size_t column_count);

/* A text of several lines, printed as it is; a string in JSON. Copied. */
void report_text(struct report *report, const char *name, const char *text);

/* Whether there was more than the tables show: a line behind them, or "truncated" in JSON. */
void report_truncated(struct report *report, bool truncated);

/* Cells from left to right; rows begin by themselves. Text is copied; NULL is "". */
void table_text(struct table *table, const char *text);
void table_number(struct table *table, uint64_t value);

/* Prints everything on standard output. False where that could not be written. */
bool report_print(const struct report *report, bool json);

#endif
