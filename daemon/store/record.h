/* SPDX-License-Identifier: MIT */
/*
 * Rows on their way to the store thread: records packed one behind the other into chunks, so that
 * queueing a row costs a copy and no allocation of its own; chunks are used again. A queue or a
 * pool is touched by one thread at a time; handing one over is the owner's business.
 */
#ifndef PENSTOCK_STORE_RECORD_H
#define PENSTOCK_STORE_RECORD_H

#include "daemon/store/table.h"

enum penstock_record_action {
	PENSTOCK_RECORD_PUT,            /* the table's row */
	PENSTOCK_RECORD_DELETE,         /* struct penstock_record_id, of a penstock_store_kind */
	PENSTOCK_RECORD_CLEAR_LIST,     /* struct penstock_record_id: the context's */
	PENSTOCK_RECORD_DELETE_ANSWERS, /* struct penstock_forgotten_row: up to its serial */
};

struct penstock_record_id {
	uint64_t id;
};

struct penstock_record {
	uint16_t action; /* enum penstock_record_action */
	uint16_t table;  /* enum penstock_store_table */
	uint32_t bytes;  /* of the row behind it, a multiple of 8 */
};

#define PENSTOCK_RECORD_CHUNK_BYTES 65536u

struct penstock_record_chunk {
	struct penstock_record_chunk *next;
	uint64_t used;
	uint8_t bytes[PENSTOCK_RECORD_CHUNK_BYTES - 16];
};

/* Zeroed: empty. */
struct penstock_record_queue {
	struct penstock_record_chunk *first; /* owned */
	struct penstock_record_chunk *last;
	uint64_t records;
	uint64_t last_sequence; /* of the newest record; kept when the queue is emptied */
};

struct penstock_record_pool {
	struct penstock_record_chunk *first; /* owned */
	uint32_t chunks;
};

/* Copies the row behind the last record. False where memory runs out; the queue is as before. */
PENSTOCK_MUST_CHECK
bool penstock_record_push(struct penstock_record_queue *queue, struct penstock_record_pool *pool,
			  enum penstock_record_action action, enum penstock_store_table table,
			  const void *row, size_t row_bytes);

/* Moves everything in `from` behind what is in `to`. */
void penstock_record_move(struct penstock_record_queue *to, struct penstock_record_queue *from);

/*
 * The record at *position (0 at first) of *chunk (the queue's first at first), or NULL after the
 * last; both are moved on.
 */
const struct penstock_record *penstock_record_next(const struct penstock_record_chunk **chunk,
						   uint64_t *position);

static inline const void *penstock_record_row(const struct penstock_record *record)
{
	return record + 1;
}

/* Empties the queue into the pool, which keeps a few chunks and frees the rest. */
void penstock_record_recycle(struct penstock_record_pool *pool,
			     struct penstock_record_queue *queue);

void penstock_record_pool_fini(struct penstock_record_pool *pool);

#endif
