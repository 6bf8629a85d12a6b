/* SPDX-License-Identifier: MIT */
/*
 * How a row in memory and a row in sqlite are the same thing: for each table its columns, with
 * type, place in the C struct and range. One writer and one checking reader serve all tables.
 * No threads of its own: writing is the store thread's, reading happens before it has work.
 */
#ifndef PENSTOCK_STORE_TABLE_H
#define PENSTOCK_STORE_TABLE_H

#include "daemon/store/store.h"

struct sqlite3_stmt;

/* The first are enum penstock_store_kind, with the same values; parents before children. */
enum penstock_store_table {
	PENSTOCK_TABLE_PRINCIPAL,
	PENSTOCK_TABLE_SESSION,
	PENSTOCK_TABLE_DEVICE,
	PENSTOCK_TABLE_CONTEXT,
	PENSTOCK_TABLE_ALLOCATION,
	PENSTOCK_TABLE_OPENING,
	PENSTOCK_TABLE_SYNC_OBJECT,
	PENSTOCK_TABLE_SYNC_OPENING,
	PENSTOCK_TABLE_LIST_ELEMENT,
	PENSTOCK_TABLE_NAME_FLOOR,
	PENSTOCK_TABLE_ADAPTER,
	PENSTOCK_TABLE_HIGHEST_ID,
	PENSTOCK_TABLE_ROW_SERIAL, /* written only: a column of session */
	PENSTOCK_TABLE_FORGOTTEN,  /* likewise */
	PENSTOCK_TABLE_STORED_ANSWER,
	PENSTOCK_TABLE_PIPELINE,
	PENSTOCK_TABLE_PIPELINE_BINDING,
	PENSTOCK_TABLE_COUNT
};

#define PENSTOCK_STORE_KINDS ((size_t)PENSTOCK_STORE_SYNC_OPENING + 1)

/* Rows of the tables that have no struct of their own in store.h. */
struct penstock_list_element_row {
	uint64_t context;
	struct penstock_list_row element;
};

struct penstock_name_floor_row {
	uint64_t session;
	uint32_t name_index;
	uint32_t generation;
};

struct penstock_adapter_row {
	uint32_t id;
	uint8_t memory_generation[16];
};

struct penstock_row_serial_row {
	uint64_t session;
	uint64_t serial;
};

struct penstock_highest_id_row {
	uint32_t kind;
	uint64_t id;
};

/* The answers of a session up to a serial. */
struct penstock_forgotten_row {
	uint64_t session;
	uint64_t serial;
};

/* Any row: for whoever reads one without knowing yet what it will be. */
union penstock_store_row {
	struct penstock_principal_row principal;
	struct penstock_session_row session;
	struct penstock_device_row device;
	struct penstock_context_row context;
	struct penstock_allocation_row allocation;
	struct penstock_opening_row opening;
	struct penstock_sync_object_row sync_object;
	struct penstock_sync_opening_row sync_opening;
	struct penstock_list_element_row list_element;
	struct penstock_name_floor_row name_floor;
	struct penstock_adapter_row adapter;
	struct penstock_highest_id_row highest_id;
	struct penstock_answer_row answer;
	struct penstock_pipeline_row pipeline;
	struct penstock_pipeline_binding_row pipeline_binding;
};

size_t penstock_table_row_bytes(enum penstock_store_table table);
size_t penstock_table_columns(enum penstock_store_table table);
const char *penstock_table_name(enum penstock_store_table table); /* static storage */

/*
 * Binds a row to the PUT_ statement of its table. Text and bytes are borrowed until the statement
 * is reset. Returns a result code of sqlite; SQLITE_RANGE for a value that could not be read back.
 */
PENSTOCK_MUST_CHECK
int penstock_table_bind(enum penstock_store_table table, struct sqlite3_stmt *statement,
			const void *row);

/*
 * Reads the row on which its LOAD_ statement stands. Whatever is stored: SUCCESS, or DATA_ERROR
 * with "PATH: TABLE, row N, column NAME: fault". *ret_row is zeroed first.
 */
PENSTOCK_MUST_CHECK
enum penstock_status penstock_table_read(enum penstock_store_table table,
					 struct sqlite3_stmt *statement, const char *path,
					 union penstock_store_row *ret_row,
					 struct penstock_errbuf *reterr_text);

#endif
