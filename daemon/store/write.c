/* SPDX-License-Identifier: MIT */
/*
 * A queue of records becomes one transaction. The highest id of each kind that grew is written
 * once in it, so that an id is never handed out again, whatever is deleted later. Of a run of row
 * serials of one session only the highest is written.
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
	[PENSTOCK_TABLE_SYNC_OBJECT] = PENSTOCK_STATEMENT_PUT_SYNC_OBJECT,
	[PENSTOCK_TABLE_SYNC_OPENING] = PENSTOCK_STATEMENT_PUT_SYNC_OPENING,
	[PENSTOCK_TABLE_LIST_ELEMENT] = PENSTOCK_STATEMENT_PUT_LIST_ELEMENT,
	[PENSTOCK_TABLE_NAME_FLOOR] = PENSTOCK_STATEMENT_PUT_NAME_FLOOR,
	[PENSTOCK_TABLE_ADAPTER] = PENSTOCK_STATEMENT_PUT_ADAPTER,
	[PENSTOCK_TABLE_HIGHEST_ID] = PENSTOCK_STATEMENT_PUT_HIGHEST_ID,
	[PENSTOCK_TABLE_ROW_SERIAL] = PENSTOCK_STATEMENT_PUT_ROW_SERIAL,
	[PENSTOCK_TABLE_FORGOTTEN] = PENSTOCK_STATEMENT_PUT_FORGOTTEN,
	[PENSTOCK_TABLE_STORED_ANSWER] = PENSTOCK_STATEMENT_PUT_STORED_ANSWER,
	[PENSTOCK_TABLE_PIPELINE] = PENSTOCK_STATEMENT_PUT_PIPELINE,
	[PENSTOCK_TABLE_PIPELINE_BINDING] = PENSTOCK_STATEMENT_PUT_PIPELINE_BINDING,
};

static const enum penstock_store_statement delete_statements[PENSTOCK_STORE_KINDS] = {
	[PENSTOCK_STORE_PRINCIPAL] = PENSTOCK_STATEMENT_DELETE_PRINCIPAL,
	[PENSTOCK_STORE_SESSION] = PENSTOCK_STATEMENT_DELETE_SESSION,
	[PENSTOCK_STORE_DEVICE] = PENSTOCK_STATEMENT_DELETE_DEVICE,
	[PENSTOCK_STORE_CONTEXT] = PENSTOCK_STATEMENT_DELETE_CONTEXT,
	[PENSTOCK_STORE_ALLOCATION] = PENSTOCK_STATEMENT_DELETE_ALLOCATION,
	[PENSTOCK_STORE_OPENING] = PENSTOCK_STATEMENT_DELETE_OPENING,
	[PENSTOCK_STORE_SYNC_OBJECT] = PENSTOCK_STATEMENT_DELETE_SYNC_OBJECT,
	[PENSTOCK_STORE_SYNC_OPENING] = PENSTOCK_STATEMENT_DELETE_SYNC_OPENING,
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

static int erase_answers(struct penstock_database *database,
			 const struct penstock_forgotten_row *row)
{
	enum penstock_store_statement which = PENSTOCK_STATEMENT_DELETE_ANSWERS;
	int code = penstock_table_bind(PENSTOCK_TABLE_FORGOTTEN, database->statements[which], row);

	return code == SQLITE_OK ? run(database, which) : code;
}

/* What is written at the end of a transaction, or when another session's comes between. */
struct gathered {
	uint64_t highest_id[PENSTOCK_STORE_KINDS];
	struct penstock_row_serial_row row_serial; /* session 0: none */
};

static int write_row_serial(struct penstock_database *database, struct gathered *gathered)
{
	int code = SQLITE_OK;

	if (gathered->row_serial.session != 0) {
		code = put(database, PENSTOCK_TABLE_ROW_SERIAL, &gathered->row_serial);
		gathered->row_serial.session = 0;
	}
	return code;
}

static int gather_row_serial(struct penstock_database *database, struct gathered *gathered,
			     const struct penstock_row_serial_row *row)
{
	int code = SQLITE_OK;

	if (gathered->row_serial.session != row->session) {
		code = write_row_serial(database, gathered);
		gathered->row_serial = *row;
	} else if (row->serial > gathered->row_serial.serial) {
		/* What took its time says an earlier one: it takes nothing back. */
		gathered->row_serial.serial = row->serial;
	}
	return code;
}

static int write_record(struct penstock_database *database, const struct penstock_record *record,
			struct gathered *gathered)
{
	enum penstock_store_table table = (enum penstock_store_table)record->table;
	const void *row = penstock_record_row(record);
	const struct penstock_record_id *id = row; /* the first member of every kind's row */

	switch ((enum penstock_record_action)record->action) {
	case PENSTOCK_RECORD_PUT:
		if (table == PENSTOCK_TABLE_ROW_SERIAL) {
			return gather_row_serial(database, gathered, row);
		}
		if (record->table < PENSTOCK_STORE_KINDS && id->id > gathered->highest_id[table]) {
			gathered->highest_id[table] = id->id;
		}
		return put(database, table, row);
	case PENSTOCK_RECORD_DELETE:
		return erase(database, delete_statements[table], id);
	case PENSTOCK_RECORD_DELETE_ANSWERS:
		return erase_answers(database, row);
	case PENSTOCK_RECORD_CLEAR_LIST:
		return erase(database, PENSTOCK_STATEMENT_DELETE_LIST, id);
	}
	return SQLITE_INTERNAL;
}

static int write_gathered(struct penstock_database *database, struct gathered *gathered)
{
	const uint64_t *highest_id = gathered->highest_id;
	int code = write_row_serial(database, gathered);

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
	struct gathered gathered = { 0 };
	const char *what = "starting to write";
	int code = run(database, PENSTOCK_STATEMENT_BEGIN);

	memcpy(gathered.highest_id, database->highest_id, sizeof(gathered.highest_id));
	while (code == SQLITE_OK && (record = penstock_record_next(&chunk, &position)) != NULL) {
		what = penstock_table_name((enum penstock_store_table)record->table);
		code = write_record(database, record, &gathered);
	}
	if (code == SQLITE_OK) {
		what = "highest ids and serials";
		code = write_gathered(database, &gathered);
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
	memcpy(database->highest_id, gathered.highest_id, sizeof(gathered.highest_id));
	return PENSTOCK_STATUS_SUCCESS;
}
