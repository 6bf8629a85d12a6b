/* SPDX-License-Identifier: MIT */
#include "daemon/net/rows.h"

#include "proto/wire/limits.h"

#include <stdlib.h>
#include <string.h>

#define BLOCK_BYTES (64u << 10)

struct penstock_rows_block {
	struct penstock_rows_block *next;
	size_t used;
	size_t size;
	max_align_t bytes[];
};

static char nothing[1];

void penstock_rows_init(struct penstock_rows *rows)
{
	*rows = (struct penstock_rows){ .blocks = NULL };
}

void penstock_rows_fini(struct penstock_rows *rows)
{
	while (rows->blocks != NULL) {
		struct penstock_rows_block *block = rows->blocks;

		rows->blocks = block->next;
		free(block);
	}
	free(rows->addresses);
	rows->addresses = NULL;
}

void *penstock_rows_alloc(struct penstock_rows *rows, size_t size)
{
	struct penstock_rows_block *block = rows->blocks;
	void *place;

	size = (size_t)penstock_align_up(size, sizeof(max_align_t));
	if (block == NULL || block->size - block->used < size) {
		const size_t room = size > BLOCK_BYTES ? size : BLOCK_BYTES;

		block = malloc(sizeof(*block) + room);
		if (block == NULL) {
			rows->failed = true;
			return NULL;
		}
		*block = (struct penstock_rows_block){ .next = rows->blocks, .size = room };
		rows->blocks = block;
	}
	place = (char *)block->bytes + block->used;
	block->used += size;
	return place;
}

static bool room_for_address(struct penstock_rows *rows)
{
	size_t capacity = rows->capacity == 0 ? 64 : rows->capacity * 2;
	void **addresses;

	if (rows->count < rows->capacity) {
		return true;
	}
	addresses = realloc(rows->addresses, capacity * sizeof(*addresses));
	if (addresses == NULL) {
		rows->failed = true;
		return false;
	}
	rows->addresses = addresses;
	rows->capacity = capacity;
	return true;
}

void *penstock_rows_add(struct penstock_rows *rows, size_t row_bytes)
{
	void *row;

	if (rows->count == PENSTOCK_LIMIT_REPORT_ROWS) {
		rows->truncated = true;
		return NULL;
	}
	if (!room_for_address(rows)) {
		return NULL;
	}
	row = penstock_rows_alloc(rows, row_bytes);
	if (row != NULL) {
		memset(row, 0, row_bytes);
		rows->addresses[rows->count++] = row;
	}
	return row;
}

char *penstock_rows_text(struct penstock_rows *rows, const char *text)
{
	size_t size = text != NULL ? strlen(text) + 1 : 1;
	char *copy = size > 1 ? penstock_rows_alloc(rows, size) : NULL;

	return copy != NULL ? memcpy(copy, text, size) : nothing;
}
