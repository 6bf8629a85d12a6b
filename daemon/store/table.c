/* SPDX-License-Identifier: MIT */
#include "daemon/store/table.h"

#include "proto/wire/limits.h"

#include <sqlite3.h>
#include <string.h>

enum column_type {
	COLUMN_INTEGER,  /* in [min, max]; of the C field's width, signed where min < 0 */
	COLUMN_BITS,     /* any 64 bits, stored as a signed integer */
	COLUMN_NAME,     /* 64 bits of which the low half is an index from 1 */
	COLUMN_OPTIONAL, /* an id; 0 in memory is NULL in sqlite */
	COLUMN_TEXT,     /* with its end in the field */
	COLUMN_BYTES,    /* exactly the field */
	COLUMN_NO_BYTES, /* likewise; all zero in memory is NULL in sqlite */
};

struct column {
	const char *name;
	enum column_type type;
	uint32_t offset; /* in the row */
	uint32_t bytes;  /* of the field */
	int64_t min;
	int64_t max;
};

#define COLUMN(kind, row, name, field, min, max)                                                   \
	{                                                                                          \
		name, kind, offsetof(struct penstock_##row##_row, field),                          \
			sizeof(((struct penstock_##row##_row *)0)->field), min, max                \
	}
#define ID(row, field)   COLUMN(COLUMN_INTEGER, row, #field, field, 1, INT64_MAX)
#define U63(row, field)  COLUMN(COLUMN_INTEGER, row, #field, field, 0, INT64_MAX)
#define U32(row, field)  COLUMN(COLUMN_INTEGER, row, #field, field, 0, UINT32_MAX)
#define I32(row, field)  COLUMN(COLUMN_INTEGER, row, #field, field, INT32_MIN, INT32_MAX)
#define FLAG(row, field) COLUMN(COLUMN_INTEGER, row, #field, field, 0, 1)
#define BITS(row, field) COLUMN(COLUMN_BITS, row, #field, field, 0, 0)
#define NAME(row, field) COLUMN(COLUMN_NAME, row, #field, field, 0, 0)
#define TEXT(row, field) COLUMN(COLUMN_TEXT, row, #field, field, 0, 0)
#define ADAPTER(row, field)                                                                        \
	COLUMN(COLUMN_INTEGER, row, #field, field, 0, PENSTOCK_LIMIT_ADAPTERS - 1)

static const struct column principal_columns[] = {
	ID(principal, id),
	TEXT(principal, name),
};

static const struct column session_columns[] = {
	ID(session, id),          ID(session, principal), BITS(session, id_high),
	BITS(session, id_low),    U32(session, lease_s),  U63(session, progress_record),
	U63(session, row_serial), TEXT(session, client),  U63(session, forgotten_serial),
};

static const struct column device_columns[] = {
	ID(device, id),     ID(device, session),          NAME(device, name),
	U32(device, flags), U32(device, execution_state), ADAPTER(device, adapter),
};

static const struct column context_columns[] = {
	ID(context, id),
	ID(context, device),
	NAME(context, name),
	U32(context, node_ordinal),
	U32(context, flags),
	U32(context, dma_buffer_bytes),
	U32(context, allocation_list),
	U32(context, patch_location_list),
	I32(context, priority),
	U63(context, progress_record),
};

static const struct column allocation_columns[] = {
	ID(allocation, id),           ID(allocation, principal),
	ID(allocation, size_bytes),   U63(allocation, record),
	U32(allocation, segment_set), U32(allocation, preferred_segment),
	U32(allocation, flags),       U32(allocation, priority),
	U32(allocation, width),       U32(allocation, height),
	U32(allocation, format),      U32(allocation, surface_type),
	U32(allocation, pitch_bytes), BITS(allocation, token_high),
	BITS(allocation, token_low),  ADAPTER(allocation, adapter),
};

static const struct column opening_columns[] = {
	ID(opening, id),     ID(opening, device),      ID(opening, allocation),
	NAME(opening, name), FLAG(opening, read_only),
};

static const struct column sync_object_columns[] = {
	ID(sync_object, id),
	ADAPTER(sync_object, adapter),
	BITS(sync_object, token_high),
	BITS(sync_object, token_low),
	U63(sync_object, progress_record),
};

static const struct column sync_opening_columns[] = {
	ID(sync_opening, id),
	ID(sync_opening, device),
	ID(sync_opening, sync_object),
	NAME(sync_opening, name),
};

#define ELEMENT_LAST (PENSTOCK_LIMIT_ALLOCATION_LIST - 1)

static const struct column list_element_columns[] = {
	ID(list_element, context),
	COLUMN(COLUMN_INTEGER, list_element, "element", element.index, 0, ELEMENT_LAST),
	COLUMN(COLUMN_OPTIONAL, list_element, "opening", element.opening, 1, INT64_MAX),
	COLUMN(COLUMN_INTEGER, list_element, "write_operation", element.write_operation, 0, 1),
	COLUMN(COLUMN_INTEGER, list_element, "segment_id", element.segment_id, 0, UINT32_MAX),
	COLUMN(COLUMN_BITS, list_element, "address", element.address, 0, 0),
};

static const struct column name_floor_columns[] = {
	ID(name_floor, session),
	COLUMN(COLUMN_INTEGER, name_floor, "name_index", name_index, 1, PENSTOCK_LIMIT_NAMES),
	U32(name_floor, generation),
};

static const struct column adapter_columns[] = {
	ADAPTER(adapter, id),
	COLUMN(COLUMN_BYTES, adapter, "memory_generation", memory_generation, 0, 0),
};

static const struct column highest_id_columns[] = {
	COLUMN(COLUMN_INTEGER, highest_id, "kind", kind, 0, PENSTOCK_STORE_KINDS - 1),
	U63(highest_id, id),
};

static const struct column row_serial_columns[] = {
	ID(row_serial, session),
	U63(row_serial, serial),
};

static const struct column forgotten_columns[] = {
	ID(forgotten, session),
	U63(forgotten, serial),
};

static const struct column answer_columns[] = {
	ID(answer, session),      ID(answer, serial),        BITS(answer, context),
	U63(answer, ran_until),   U32(answer, status),       FLAG(answer, at_instruction),
	U32(answer, byte_offset), TEXT(answer, instruction), TEXT(answer, operand),
	TEXT(answer, sentence),
};

static const struct column pipeline_columns[] = {
	ID(pipeline, allocation),
	U32(pipeline, kind),
	COLUMN(COLUMN_INTEGER, pipeline, "binding_count", binding_count, 0,
	       PENSTOCK_LIMIT_DESCRIPTORS),
	COLUMN(COLUMN_NO_BYTES, pipeline, "graphics", graphics, 0, 0),
	U32(pipeline, targets_written),
};

static const struct column pipeline_binding_columns[] = {
	ID(pipeline_binding, allocation),
	COLUMN(COLUMN_INTEGER, pipeline_binding, "descriptor_set", set, 0,
	       PENSTOCK_LIMIT_DESCRIPTOR_SETS - 1),
	COLUMN(COLUMN_INTEGER, pipeline_binding, "binding", binding, 0,
	       PENSTOCK_LIMIT_BINDING_NUMBER - 1),
	U32(pipeline_binding, type),
	COLUMN(COLUMN_INTEGER, pipeline_binding, "count", count, 1, PENSTOCK_LIMIT_DESCRIPTORS),
	U32(pipeline_binding, least_bytes),
	FLAG(pipeline_binding, written),
	U32(pipeline_binding, flags),
	U32(pipeline_binding, dimension),
	U32(pipeline_binding, number),
	U32(pipeline_binding, format),
};

static const struct {
	const char *name;
	size_t row_bytes;
	const struct column *columns;
	size_t count;
} tables[PENSTOCK_TABLE_COUNT] = {
#define TABLE(value, row)                                                                          \
	[value] = { #row, sizeof(struct penstock_##row##_row), row##_columns,                      \
		    PENSTOCK_ARRAY_SIZE(row##_columns) }
	TABLE(PENSTOCK_TABLE_PRINCIPAL, principal),
	TABLE(PENSTOCK_TABLE_SESSION, session),
	TABLE(PENSTOCK_TABLE_DEVICE, device),
	TABLE(PENSTOCK_TABLE_CONTEXT, context),
	TABLE(PENSTOCK_TABLE_ALLOCATION, allocation),
	TABLE(PENSTOCK_TABLE_OPENING, opening),
	TABLE(PENSTOCK_TABLE_SYNC_OBJECT, sync_object),
	TABLE(PENSTOCK_TABLE_SYNC_OPENING, sync_opening),
	TABLE(PENSTOCK_TABLE_LIST_ELEMENT, list_element),
	TABLE(PENSTOCK_TABLE_NAME_FLOOR, name_floor),
	TABLE(PENSTOCK_TABLE_ADAPTER, adapter),
	TABLE(PENSTOCK_TABLE_HIGHEST_ID, highest_id),
	TABLE(PENSTOCK_TABLE_ROW_SERIAL, row_serial),
	TABLE(PENSTOCK_TABLE_FORGOTTEN, forgotten),
	TABLE(PENSTOCK_TABLE_STORED_ANSWER, answer),
	TABLE(PENSTOCK_TABLE_PIPELINE, pipeline),
	TABLE(PENSTOCK_TABLE_PIPELINE_BINDING, pipeline_binding),
};

size_t penstock_table_row_bytes(enum penstock_store_table table)
{
	return tables[table].row_bytes;
}

size_t penstock_table_columns(enum penstock_store_table table)
{
	return tables[table].count;
}

const char *penstock_table_name(enum penstock_store_table table)
{
	return tables[table].name;
}

/* ---------------------------------------------------------------- writing */

/* Little-endian: a field is the low bytes of its value. */
static int64_t integer_field(const struct column *column, const uint8_t *field)
{
	int64_t value = 0;

	memcpy(&value, field, column->bytes);
	return column->min < 0 && column->bytes == 4 ? (int32_t)value : value;
}

/* A row that could not be read back must not get in: it would keep the daemon from starting. */
static bool may_be_stored(const struct column *column, int64_t value)
{
	switch (column->type) {
	case COLUMN_INTEGER:
		return value >= column->min && value <= column->max;
	case COLUMN_NAME:
		return (uint32_t)value != 0 && (uint32_t)value <= PENSTOCK_LIMIT_NAMES;
	case COLUMN_OPTIONAL:
		return value >= 0;
	case COLUMN_BITS:
	case COLUMN_TEXT:
	case COLUMN_BYTES:
	case COLUMN_NO_BYTES:
		break;
	}
	return true;
}

static int bind_integer(sqlite3_stmt *statement, int parameter, const struct column *column,
			const uint8_t *field)
{
	int64_t value = integer_field(column, field);

	if (!may_be_stored(column, value)) {
		return SQLITE_RANGE;
	}
	if (column->type == COLUMN_OPTIONAL && value == 0) {
		return sqlite3_bind_null(statement, parameter);
	}
	return sqlite3_bind_int64(statement, parameter, value);
}

static int bind_bytes(sqlite3_stmt *statement, int parameter, const struct column *column,
		      const uint8_t *field)
{
	const bool is_zero = field[0] == 0 && memcmp(field, field + 1, column->bytes - 1) == 0;

	if (column->type == COLUMN_NO_BYTES && is_zero) {
		return sqlite3_bind_null(statement, parameter);
	}
	return sqlite3_bind_blob(statement, parameter, field, (int)column->bytes, SQLITE_STATIC);
}

static int bind_column(sqlite3_stmt *statement, int parameter, const struct column *column,
		       const uint8_t *field)
{
	switch (column->type) {
	case COLUMN_INTEGER:
	case COLUMN_BITS:
	case COLUMN_NAME:
	case COLUMN_OPTIONAL:
		return bind_integer(statement, parameter, column, field);
	case COLUMN_TEXT:
		return sqlite3_bind_text(statement, parameter, (const char *)field,
					 (int)strnlen((const char *)field, column->bytes - 1),
					 SQLITE_STATIC);
	case COLUMN_BYTES:
	case COLUMN_NO_BYTES:
		return bind_bytes(statement, parameter, column, field);
	}
	return SQLITE_INTERNAL;
}

int penstock_table_bind(enum penstock_store_table table, struct sqlite3_stmt *statement,
			const void *row)
{
	for (size_t i = 0; i < tables[table].count; i++) {
		const struct column *column = &tables[table].columns[i];
		int code = bind_column(statement, (int)i + 1, column,
				       (const uint8_t *)row + column->offset);

		if (code != SQLITE_OK) {
			return code;
		}
	}
	return SQLITE_OK;
}

/* ---------------------------------------------------------------- reading */

/* Each returns NULL, or what is wrong with the value; static storage. */
static const char *read_integer(const struct column *column, int64_t value, uint8_t *ret_field)
{
	if (value < column->min || value > column->max) {
		return "out of range";
	}
	memcpy(ret_field, &value, column->bytes);
	return NULL;
}

static const char *read_name(int64_t value, uint8_t *ret_field)
{
	uint32_t index = (uint32_t)value;

	if (index == 0 || index > PENSTOCK_LIMIT_NAMES) {
		return "not a name";
	}
	memcpy(ret_field, &value, sizeof(value));
	return NULL;
}

static const char *read_text(const struct column *column, sqlite3_stmt *statement, int index,
			     uint8_t *ret_field)
{
	const unsigned char *text = sqlite3_column_text(statement, index);
	size_t length = (size_t)sqlite3_column_bytes(statement, index);

	if (text == NULL) {
		return "cannot be read";
	}
	if (length >= column->bytes) {
		return "longer than it may be";
	}
	if (memchr(text, '\0', length) != NULL) {
		return "has a zero byte inside";
	}
	memcpy(ret_field, text, length);
	return NULL;
}

static const char *read_bytes(const struct column *column, sqlite3_stmt *statement, int index,
			      uint8_t *ret_field)
{
	const void *bytes = sqlite3_column_blob(statement, index);

	if (bytes == NULL || (uint32_t)sqlite3_column_bytes(statement, index) != column->bytes) {
		return "of another length";
	}
	memcpy(ret_field, bytes, column->bytes);
	return NULL;
}

/* STRICT tables hold the right types unless the file is damaged, which is what is looked for. */
static const char *read_column(const struct column *column, sqlite3_stmt *statement, int index,
			       uint8_t *ret_field)
{
	int type = sqlite3_column_type(statement, index);
	int64_t value;

	if (column->type == COLUMN_TEXT) {
		return type != SQLITE_TEXT ? "not text"
					   : read_text(column, statement, index, ret_field);
	}
	if (column->type == COLUMN_NO_BYTES && type == SQLITE_NULL) {
		return NULL;
	}
	if (column->type == COLUMN_BYTES || column->type == COLUMN_NO_BYTES) {
		return type != SQLITE_BLOB ? "not bytes"
					   : read_bytes(column, statement, index, ret_field);
	}
	if (column->type == COLUMN_OPTIONAL && type == SQLITE_NULL) {
		return NULL;
	}
	if (type != SQLITE_INTEGER) {
		return "not an integer";
	}
	value = sqlite3_column_int64(statement, index);
	if (column->type == COLUMN_NAME) {
		return read_name(value, ret_field);
	}
	if (column->type == COLUMN_BITS) {
		memcpy(ret_field, &value, sizeof(value));
		return NULL;
	}
	return read_integer(column, value, ret_field);
}

enum penstock_status penstock_table_read(enum penstock_store_table table,
					 struct sqlite3_stmt *statement, const char *path,
					 union penstock_store_row *ret_row,
					 struct penstock_errbuf *reterr_text)
{
	memset(ret_row, 0, sizeof(*ret_row));
	for (size_t i = 0; i < tables[table].count; i++) {
		const struct column *column = &tables[table].columns[i];
		const char *fault =
			read_column(column, statement, (int)i, (uint8_t *)ret_row + column->offset);

		if (fault != NULL) {
			penstock_errbuf_set(reterr_text, "%s: %s, row %lld, column %s: %s", path,
					    tables[table].name,
					    (long long)sqlite3_column_int64(statement, 0),
					    column->name, fault);
			return PENSTOCK_STATUS_DATA_ERROR;
		}
	}
	return PENSTOCK_STATUS_SUCCESS;
}
