/* SPDX-License-Identifier: MIT */
/*
 * What is stored is handed to its owner, table by table, parents first. Nothing is believed: the
 * file may have been damaged since it was written.
 */
#include "daemon/store/database.h"
#include "daemon/store/sqlite_status.h"

#include <sqlite3.h>

struct load {
	struct penstock_database *database;
	const struct penstock_store_loader *loader;
	struct penstock_errbuf *reterr_text;
};

/* In the order of loading: adapters say how to take the rows. */
static const struct {
	enum penstock_store_table table;
	enum penstock_store_statement statement;
} steps[] = {
	{ PENSTOCK_TABLE_ADAPTER, PENSTOCK_STATEMENT_LOAD_ADAPTER },
	{ PENSTOCK_TABLE_PRINCIPAL, PENSTOCK_STATEMENT_LOAD_PRINCIPAL },
	{ PENSTOCK_TABLE_SESSION, PENSTOCK_STATEMENT_LOAD_SESSION },
	{ PENSTOCK_TABLE_DEVICE, PENSTOCK_STATEMENT_LOAD_DEVICE },
	{ PENSTOCK_TABLE_CONTEXT, PENSTOCK_STATEMENT_LOAD_CONTEXT },
	{ PENSTOCK_TABLE_ALLOCATION, PENSTOCK_STATEMENT_LOAD_ALLOCATION },
	{ PENSTOCK_TABLE_PIPELINE, PENSTOCK_STATEMENT_LOAD_PIPELINE },
	{ PENSTOCK_TABLE_PIPELINE_BINDING, PENSTOCK_STATEMENT_LOAD_PIPELINE_BINDING },
	{ PENSTOCK_TABLE_OPENING, PENSTOCK_STATEMENT_LOAD_OPENING },
	{ PENSTOCK_TABLE_SYNC_OBJECT, PENSTOCK_STATEMENT_LOAD_SYNC_OBJECT },
	{ PENSTOCK_TABLE_SYNC_OPENING, PENSTOCK_STATEMENT_LOAD_SYNC_OPENING },
	{ PENSTOCK_TABLE_LIST_ELEMENT, PENSTOCK_STATEMENT_LOAD_LIST_ELEMENT },
	{ PENSTOCK_TABLE_NAME_FLOOR, PENSTOCK_STATEMENT_LOAD_NAME_FLOOR },
	{ PENSTOCK_TABLE_STORED_ANSWER, PENSTOCK_STATEMENT_LOAD_STORED_ANSWER },
};

/* True where the owner took the row, or wants none of that table. */
static bool deliver(const struct penstock_store_loader *loader, enum penstock_store_table table,
		    const union penstock_store_row *row)
{
#define DELIVER(call, ...) (loader->call == NULL || loader->call(loader->owner, __VA_ARGS__))
	switch (table) {
	case PENSTOCK_TABLE_PRINCIPAL:
		return DELIVER(principal, &row->principal);
	case PENSTOCK_TABLE_SESSION:
		return DELIVER(session, &row->session);
	case PENSTOCK_TABLE_DEVICE:
		return DELIVER(device, &row->device);
	case PENSTOCK_TABLE_CONTEXT:
		return DELIVER(context, &row->context);
	case PENSTOCK_TABLE_ALLOCATION:
		return DELIVER(allocation, &row->allocation);
	case PENSTOCK_TABLE_PIPELINE:
		return DELIVER(pipeline, &row->pipeline);
	case PENSTOCK_TABLE_PIPELINE_BINDING:
		return DELIVER(pipeline_binding, &row->pipeline_binding);
	case PENSTOCK_TABLE_OPENING:
		return DELIVER(opening, &row->opening);
	case PENSTOCK_TABLE_SYNC_OBJECT:
		return DELIVER(sync_object, &row->sync_object);
	case PENSTOCK_TABLE_SYNC_OPENING:
		return DELIVER(sync_opening, &row->sync_opening);
	case PENSTOCK_TABLE_LIST_ELEMENT:
		return DELIVER(list, row->list_element.context, &row->list_element.element);
	case PENSTOCK_TABLE_NAME_FLOOR:
		return DELIVER(name_floor, row->name_floor.session, row->name_floor.name_index,
			       row->name_floor.generation);
	case PENSTOCK_TABLE_STORED_ANSWER:
		return DELIVER(answer, &row->answer);
	case PENSTOCK_TABLE_ADAPTER:
		if (loader->adapter != NULL) {
			loader->adapter(loader->owner, row->adapter.id,
					row->adapter.memory_generation);
		}
		return true;
	case PENSTOCK_TABLE_HIGHEST_ID:
	case PENSTOCK_TABLE_ROW_SERIAL:
	case PENSTOCK_TABLE_FORGOTTEN:
	case PENSTOCK_TABLE_COUNT:
		break;
	}
#undef DELIVER
	return true;
}

static enum penstock_status load_row(const struct load *load, enum penstock_store_table table,
				     sqlite3_stmt *statement)
{
	struct penstock_database *database = load->database;
	const char *fault = NULL;
	union penstock_store_row row;
	enum penstock_status status =
		penstock_table_read(table, statement, database->path, &row, load->reterr_text);

	if (status != PENSTOCK_STATUS_SUCCESS) {
		return status;
	}
	if ((size_t)table < PENSTOCK_STORE_KINDS &&
	    row.principal.id > database->highest_id[table]) {
		fault = "its id is above the highest one";
	} else if (!deliver(load->loader, table, &row)) {
		fault = "does not fit the rows before it";
	}
	if (fault != NULL) {
		penstock_errbuf_set(load->reterr_text, "%s: %s, row %lld: %s", database->path,
				    penstock_table_name(table),
				    (long long)sqlite3_column_int64(statement, 0), fault);
		return PENSTOCK_STATUS_DATA_ERROR;
	}
	return PENSTOCK_STATUS_SUCCESS;
}

static enum penstock_status load_table(const struct load *load, enum penstock_store_table table,
				       sqlite3_stmt *statement)
{
	enum penstock_status status = PENSTOCK_STATUS_SUCCESS;
	int code = SQLITE_ROW;

	while (status == PENSTOCK_STATUS_SUCCESS &&
	       (code = sqlite3_step(statement)) == SQLITE_ROW) {
		status = load_row(load, table, statement);
	}
	if (status == PENSTOCK_STATUS_SUCCESS && code != SQLITE_DONE) {
		status = penstock_sqlite_failed(load->database->sqlite, code, load->database->path,
						penstock_table_name(table), load->reterr_text);
	}
	sqlite3_reset(statement);
	return status;
}

enum penstock_status penstock_database_load(struct penstock_database *database,
					    const struct penstock_store_loader *loader,
					    struct penstock_errbuf *reterr_text)
{
	const struct load load = { .database = database,
				   .loader = loader,
				   .reterr_text = reterr_text };
	enum penstock_status status = PENSTOCK_STATUS_SUCCESS;

	for (size_t i = 0; i < PENSTOCK_ARRAY_SIZE(steps) && status == PENSTOCK_STATUS_SUCCESS;
	     i++) {
		status =
			load_table(&load, steps[i].table, database->statements[steps[i].statement]);
	}
	return status;
}
