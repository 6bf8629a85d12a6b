/* SPDX-License-Identifier: MIT */
/*
 * Rows of a report while it is made: protobuf messages and strings that live until the report is
 * packed, and the array of their addresses that protobuf-c wants.
 */
#ifndef PENSTOCK_ROWS_H
#define PENSTOCK_ROWS_H

#include "proto/base/base.h"

struct penstock_rows {
	struct penstock_rows_block *blocks; /* owned */
	void **addresses;                   /* owned: of the rows */
	size_t count;
	size_t capacity;
	bool failed;    /* out of memory */
	bool truncated; /* over PENSTOCK_LIMIT_REPORT_ROWS */
};

void penstock_rows_init(struct penstock_rows *rows);
void penstock_rows_fini(struct penstock_rows *rows);

/* A zeroed row, the next in `addresses`; NULL: no memory, or there are enough of them. */
void *penstock_rows_add(struct penstock_rows *rows, size_t row_bytes);

/* Room that lives as long as the rows; NULL: no memory. */
void *penstock_rows_alloc(struct penstock_rows *rows, size_t size);

/* A copy of `text` ("" for NULL); never NULL: "" where there is no memory. */
char *penstock_rows_text(struct penstock_rows *rows, const char *text);

#endif
