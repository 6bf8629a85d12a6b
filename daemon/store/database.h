/* SPDX-License-Identifier: MIT */
/*
 * The database itself: one connection with its settings and its prepared statements. One thread
 * at a time: the opener's until the store thread gets its first rows, that thread's from then on.
 * Documents: docs/store.md.
 */
#ifndef PENSTOCK_STORE_DATABASE_H
#define PENSTOCK_STORE_DATABASE_H

#include "daemon/store/record.h"

struct sqlite3;
struct sqlite3_stmt;

enum penstock_store_statement {
#define STATEMENT(name, may_scan, text) PENSTOCK_STATEMENT_##name,
#include "daemon/store/statements.def"
#undef STATEMENT
	PENSTOCK_STATEMENT_COUNT
};

struct penstock_database {
	struct sqlite3 *sqlite; /* owned */
	char *path;             /* owned */
	struct sqlite3_stmt *statements[PENSTOCK_STATEMENT_COUNT];
	uint64_t highest_id[PENSTOCK_STORE_KINDS]; /* as stored */
	uint32_t checkpoint_frames;
	uint32_t wal_frames; /* in the write-ahead log since the last checkpoint */
};

/*
 * Opens, checks, migrates, prepares; a zeroed struct of the caller's. On failure nothing is left
 * open. Statuses as penstock_store_open.
 */
PENSTOCK_MUST_CHECK
enum penstock_status penstock_database_open(struct penstock_database *database,
					    const struct penstock_store_config *config,
					    struct penstock_errbuf *reterr_text);

/* Closes; accepts a zeroed one. The write-ahead log is folded into the file. */
void penstock_database_close(struct penstock_database *database);

/* As penstock_store_load. */
PENSTOCK_MUST_CHECK
enum penstock_status penstock_database_load(struct penstock_database *database,
					    const struct penstock_store_loader *loader,
					    struct penstock_errbuf *reterr_text);

/*
 * Writes every record of the queue in one transaction; SUCCESS: it is on disk. Otherwise nothing
 * of it is: DISK_FULL, IO_DEVICE_ERROR, DATA_ERROR (a row contradicts what is stored), NO_MEMORY.
 */
PENSTOCK_MUST_CHECK
enum penstock_status penstock_database_write(struct penstock_database *database,
					     const struct penstock_record_queue *queue,
					     struct penstock_errbuf *reterr_text);

/*
 * Folds the write-ahead log into the file when it has grown; to be called when nobody waits for
 * an acknowledgement. What fails here fails again at the next write, with a status.
 */
void penstock_database_checkpoint(struct penstock_database *database);

/* The text of a statement, static storage; whether it may read a whole table. */
const char *penstock_statement_text(enum penstock_store_statement statement, bool *ret_may_scan);

#endif
