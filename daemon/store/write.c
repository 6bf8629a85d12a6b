/* SPDX-License-Identifier: MIT */
/*
 * A queue of records becomes one transaction. The highest id of each kind that grew is written
 * once in it, so that an id is never handed out again, whatever is deleted later.
 */
#include "daemon/store/database.h"
#include "daemon/store/sqlite_status.h"

#include <sqlite3.h>
#include <string.h>

static const enum penstock_store_statement put_statements[PENSTOCK_TABLE_COUNT] = {
	[PENSTOCK_TABLE_PRINCIPAL] = PENSTOCK_STATEMENT_PUT_PRINCIPAL,
	[PENSTOCK_TABLE_SESSION] = PENSTOCK_STATEMENT_PUT_SESSION,
	[PENSTOCK_TABLE_DEVICE] = PENSTOCK_STATEMENT_PUT_DEVICE,
	[PENSTOCK_TABLE_CONTEXT] = PENSTOCK_STATEMENT_PUT_CONTEXT,
	[PENSTOCK_TABLE_ALLOCATION] = PENSTOCK_STATEMENT_PUT_ALLOCATION,
	[PENSTOCK_TABLE_OPENING] = PENSTOCK_STATEMENT_PUT_OPENING,
	[PENSTOCK_TABLE_LIST_ELEMENT] = PENSTOCK_STATEMENT_PUT_LIST_ELEMENT,
	[PENSTOCK_TABLE_NAME_FLOOR] = PENSTOCK_STATEMENT_PUT_NAME_FLOOR,
	[PENSTOCK_TABLE_GENERATION] = PENSTOCK_STATEMENT_PUT_GENERATION,
	[PENSTOCK_TABLE_HIGHEST_ID] = PENSTOCK_STATEMENT_PUT_HIGHEST_ID,
};

static const enum penstock_store_statement delete_statements[PENSTOCK_STORE_KINDS] = {
	[PENSTOCK_STORE_PRINCIPAL] = PENSTOCK_STATEMENT_DELETE_PRINCIPAL,
	[PENSTOCK_STORE_SESSION] = PENSTOCK_STATEMENT_DELETE_SESSION,
	[PENSTOCK_STORE_DEVICE] = PENSTOCK_STATEMENT_DELETE_DEVICE,
	[PENSTOCK_STORE_CONTEXT] = PENSTOCK_STATEMENT_DELETE_CONTEXT,
	[PENSTOCK_STORE_ALLOCATION] = PENSTOCK_STATEMENT_DELETE_ALLOCATION,
	[PENSTOCK_STORE_OPENING] = PENSTOCK_STATEMENT_DELETE_OPENING,
};

static int run(struct penstock_database *database, enum penstock_store_statement which)
{
	sqlite3_stmt *statement = database->statements[which];
	int code = sqlite3_step(statement);

	sqlite3_reset(statement);
	return code == SQLITE_DONE ? SQLITE_OK : code;
}

static int put(struct penstock_database *database, enum penstock_store_table table, const void *row)
{
	enum penstock_store_statement which = put_statements[table];
	int code = penstock_table_bind(table, database->statements[which], row);

	return code == SQLITE_OK ? run(database, which) : code;
}

static int erase(struct penstock_database *database, enum penstock_store_statement which,
		 const struct penstock_record_id *row)
{
	int code = sqlite3_bind_int64(database->statements[which], 1, (int64_t)row->id);

	return code == SQLITE_OK ? run(database, which) : code;
}

static int write_record(struct penstock_database *database, const struct penstock_record *record,
			uint64_t highest_id[PENSTOCK_STORE_KINDS])
{
	enum penstock_store_table table = (enum penstock_store_table)record->table;
	const void *row = penstock_record_row(record);
	const struct penstock_record_id *id = row; /* the first member of every kind's row */

	switch ((enum penstock_record_action)record->action) {
	case PENSTOCK_RECORD_PUT:
		if (record->table < PENSTOCK_STORE_KINDS && id->id > highest_id[table]) {
			highest_id[table] = id->id;
		}
		return put(database, table, row);
	case PENSTOCK_RECORD_DELETE:
		return erase(database, delete_statements[table], id);
	case PENSTOCK_RECORD_CLEAR_LIST:
		return erase(database, PENSTOCK_STATEMENT_DELETE_LIST, id);
	}
	return SQLITE_INTERNAL;
}

static int write_highest_ids(struct penstock_database *database,
			     const uint64_t highest_id[PENSTOCK_STORE_KINDS])
{
	int code = SQLITE_OK;

	for (uint32_t kind = 0; kind < PENSTOCK_STORE_KINDS && code == SQLITE_OK; kind++) {
		const struct penstock_highest_id_row row = { .kind = kind, .id = highest_id[kind] };

		if (highest_id[kind] > database->highest_id[kind]) {
			code = put(database, PENSTOCK_TABLE_HIGHEST_ID, &row);
		}
	}
	return code;
}

enum penstock_status penstock_database_write(struct penstock_database *database,
					     const struct penstock_record_queue *queue,
					     struct penstock_errbuf *reterr_text)
{
	const struct penstock_record_chunk *chunk = queue->first;
	const struct penstock_record *record = NULL;
	uint64_t position = 0;
	uint64_t highest_id[PENSTOCK_STORE_KINDS];
	const char *what = "starting to write";
	int code = run(database, PENSTOCK_STATEMENT_BEGIN);

	memcpy(highest_id, database->highest_id, sizeof(highest_id));
	while (code == SQLITE_OK && (record = penstock_record_next(&chunk, &position)) != NULL) {
		what = penstock_table_name((enum penstock_store_table)record->table);
		code = write_record(database, record, highest_id);
	}
	if (code == SQLITE_OK) {
		what = "highest_id";
		code = write_highest_ids(database, highest_id);
	}
	if (code == SQLITE_OK) {
		what = "committing";
		code = run(database, PENSTOCK_STATEMENT_COMMIT);
	}
	if (code != SQLITE_OK) {
		enum penstock_status status = penstock_sqlite_failed(
			database->sqlite, code, database->path, what, reterr_text);

		(void)run(database, PENSTOCK_STATEMENT_ROLLBACK);
		return status;
	}
	memcpy(database->highest_id, highest_id, sizeof(highest_id));
	return PENSTOCK_STATUS_SUCCESS;
}
