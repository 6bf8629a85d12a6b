/* SPDX-License-Identifier: MIT */
#include "daemon/store/record.h"

#include <stdlib.h>
#include <string.h>

_Static_assert(sizeof(struct penstock_record_chunk) == PENSTOCK_RECORD_CHUNK_BYTES, "no padding");
_Static_assert(sizeof(struct penstock_record) == 8, "rows stay aligned");

/* 4 MiB: what a burst leaves behind for the next one. */
#define POOL_CHUNKS 64

static struct penstock_record_chunk *take_chunk(struct penstock_record_pool *pool)
{
	struct penstock_record_chunk *chunk = pool->first;

	if (chunk != NULL) {
		pool->first = chunk->next;
		pool->chunks--;
	} else {
		chunk = malloc(sizeof(*chunk));
	}
	if (chunk != NULL) {
		chunk->next = NULL;
		chunk->used = 0;
	}
	return chunk;
}

static struct penstock_record_chunk *chunk_with_room(struct penstock_record_queue *queue,
						     struct penstock_record_pool *pool,
						     size_t bytes)
{
	struct penstock_record_chunk *chunk = queue->last;

	if (chunk != NULL && penstock_range_fits(chunk->used, bytes, sizeof(chunk->bytes))) {
		return chunk;
	}
	chunk = take_chunk(pool);
	if (chunk == NULL) {
		return NULL;
	}
	if (queue->last != NULL) {
		queue->last->next = chunk;
	} else {
		queue->first = chunk;
	}
	queue->last = chunk;
	return chunk;
}

bool penstock_record_push(struct penstock_record_queue *queue, struct penstock_record_pool *pool,
			  enum penstock_record_action action, enum penstock_store_table table,
			  const void *row, size_t row_bytes)
{
	const struct penstock_record record = {
		.action = (uint16_t)action,
		.table = (uint16_t)table,
		.bytes = (uint32_t)penstock_align_up(row_bytes, 8),
	};
	struct penstock_record_chunk *chunk =
		chunk_with_room(queue, pool, sizeof(record) + record.bytes);

	if (chunk == NULL) {
		return false;
	}
	memcpy(chunk->bytes + chunk->used, &record, sizeof(record));
	memcpy(chunk->bytes + chunk->used + sizeof(record), row, row_bytes);
	chunk->used += sizeof(record) + record.bytes;
	queue->records++;
	return true;
}

void penstock_record_move(struct penstock_record_queue *to, struct penstock_record_queue *from)
{
	if (from->first == NULL) {
		return;
	}
	if (to->last != NULL) {
		to->last->next = from->first;
	} else {
		to->first = from->first;
	}
	to->last = from->last;
	to->records += from->records;
	to->last_sequence = from->last_sequence;
	from->first = NULL;
	from->last = NULL;
	from->records = 0;
}

const struct penstock_record *penstock_record_next(const struct penstock_record_chunk **chunk,
						   uint64_t *position)
{
	const struct penstock_record *record;

	while (*chunk != NULL && *position == (*chunk)->used) {
		*chunk = (*chunk)->next;
		*position = 0;
	}
	if (*chunk == NULL) {
		return NULL;
	}
	record = (const struct penstock_record *)(const void *)((*chunk)->bytes + *position);
	*position += sizeof(*record) + record->bytes;
	return record;
}

void penstock_record_recycle(struct penstock_record_pool *pool, struct penstock_record_queue *queue)
{
	while (queue->first != NULL) {
		struct penstock_record_chunk *chunk = queue->first;

		queue->first = chunk->next;
		if (pool->chunks >= POOL_CHUNKS) {
			free(chunk);
			continue;
		}
		chunk->next = pool->first;
		pool->first = chunk;
		pool->chunks++;
	}
	queue->last = NULL;
	queue->records = 0;
}

void penstock_record_pool_fini(struct penstock_record_pool *pool)
{
	while (pool->first != NULL) {
		struct penstock_record_chunk *chunk = pool->first;

		pool->first = chunk->next;
		free(chunk);
	}
	pool->chunks = 0;
}
