/* SPDX-License-Identifier: MIT */
/*
 * The store thread: takes everything that is queued, writes it in one transaction, says how far
 * it got, and only then folds the write-ahead log into the file.
 *
 *   WAITING --> WRITING --> WAITING        FAILED: takes and drops, until it is told to stop
 *                  |
 *                  +--> FAILED
 *
 * What both threads touch is in struct penstock_store_exchange, under its mutex.
 */
#ifndef PENSTOCK_STORE_THREAD_H
#define PENSTOCK_STORE_THREAD_H

#include "daemon/store/database.h"

#include <uv.h>

struct penstock_store_exchange {
	uv_mutex_t mutex;
	uv_cond_t changed;                    /* queued grew, or stop was set */
	struct penstock_record_queue queued;  /* loop --> thread */
	struct penstock_record_queue written; /* thread --> loop: chunks to use again */
	uint64_t committed;                   /* sequence; thread --> loop */
	uint64_t committed_records;           /* in all; written or dropped */
	enum penstock_status status;          /* why it failed; SUCCESS: it did not */
	struct penstock_errbuf text;
	bool stop;  /* loop --> thread: write what is queued, then end */
	bool ended; /* thread --> loop: its last word */
};

struct penstock_store_thread {
	uv_thread_t thread;
	struct penstock_store_exchange *exchange; /* borrowed, outlives the thread */
	struct penstock_database *database;       /* borrowed; closed by the thread at its end */
	uv_async_t *news;                         /* borrowed; sent after each change */
};

/* SUCCESS, NO_MEMORY. */
PENSTOCK_MUST_CHECK
enum penstock_status penstock_store_thread_start(struct penstock_store_thread *thread);

/* After `ended`; does not wait to speak of. */
void penstock_store_thread_join(struct penstock_store_thread *thread);

#endif
