/* SPDX-License-Identifier: MIT */
/*
 * A database found on disk after anything happened to it. The first byte says what the rest is:
 *
 *   'F'  the file
 *   'P'  changes of a good file: three bytes of offset, one of value, each
 *
 * What opens and loads must load the same again, and whatever happens is a status with a sentence.
 */
#include "daemon/store/database.h"
#include "tests/crash/vfs_forget.h"
#include "tests/fuzz/fuzz.h"

#include <stdlib.h>
#include <string.h>

static const struct penstock_store_config config = { .path = "fuzz.db",
						     .test.vfs = PENSTOCK_FORGET_VFS };
static uint8_t *good;
static size_t good_size;

static void put(struct penstock_record_queue *queue, struct penstock_record_pool *pool,
		enum penstock_store_table table, const void *row)
{
	PENSTOCK_REQUIRE(penstock_record_push(queue, pool, PENSTOCK_RECORD_PUT, table, row,
					      penstock_table_row_bytes(table)));
}

static void fill(struct penstock_database *database)
{
	const struct penstock_principal_row principal = { 1, "uid:1" };
	const struct penstock_session_row session = { 1, 2, 3, 1, 60, 1, 0, "client", 0 };
	const struct penstock_device_row device = { 1, 1, 1, 0, 1, 0 };
	const struct penstock_context_row context = { 1, 1, 2, 0, 0, 4096, 16, 16, -1, 1 };
	const struct penstock_allocation_row allocation = { .id = 1,
							    .principal = 1,
							    .size_bytes = 4096 };
	const struct penstock_pipeline_row pipeline = { 1, 2, 2, 1, { .samples = 1 } };
	const struct penstock_pipeline_binding_row bindings[] = {
		{ 1, 0, 1, 6, 2, 64, false, 0, 0, 0, 0 }, { 1, 1, 0, 1, 1, 4, true, 4, 1, 1, 0 }
	};
	const struct penstock_opening_row opening = { 1, 1, 1, 3, true };
	const struct penstock_list_element_row element = { 1, { .opening = 1, .index = 0 } };
	const struct penstock_name_floor_row name_floor = { 1, 4, 5 };
	const struct penstock_answer_row answer = { 1,    9, 0,      0,  0xC000000D,
						    true, 8, "copy", "", "no" };
	const struct penstock_adapter_row adapter = { 1, { 1, 2, 3 } };
	struct penstock_record_queue queue = { 0 };
	struct penstock_record_pool pool = { 0 };

	put(&queue, &pool, PENSTOCK_TABLE_ADAPTER, &adapter);
	put(&queue, &pool, PENSTOCK_TABLE_PRINCIPAL, &principal);
	put(&queue, &pool, PENSTOCK_TABLE_SESSION, &session);
	put(&queue, &pool, PENSTOCK_TABLE_DEVICE, &device);
	put(&queue, &pool, PENSTOCK_TABLE_CONTEXT, &context);
	put(&queue, &pool, PENSTOCK_TABLE_ALLOCATION, &allocation);
	put(&queue, &pool, PENSTOCK_TABLE_PIPELINE, &pipeline);
	put(&queue, &pool, PENSTOCK_TABLE_PIPELINE_BINDING, &bindings[0]);
	put(&queue, &pool, PENSTOCK_TABLE_PIPELINE_BINDING, &bindings[1]);
	put(&queue, &pool, PENSTOCK_TABLE_OPENING, &opening);
	put(&queue, &pool, PENSTOCK_TABLE_LIST_ELEMENT, &element);
	put(&queue, &pool, PENSTOCK_TABLE_NAME_FLOOR, &name_floor);
	put(&queue, &pool, PENSTOCK_TABLE_STORED_ANSWER, &answer);
	PENSTOCK_REQUIRE(penstock_database_write(database, &queue, NULL) ==
			 PENSTOCK_STATUS_SUCCESS);
	penstock_record_recycle(&pool, &queue);
	penstock_record_pool_fini(&pool);
}

static void make_good(void)
{
	struct penstock_database database;

	penstock_forget_reset();
	PENSTOCK_REQUIRE(penstock_database_open(&database, &config, NULL) ==
			 PENSTOCK_STATUS_SUCCESS);
	fill(&database);
	penstock_database_close(&database);
	good = penstock_forget_get(config.path, &good_size);
	PENSTOCK_REQUIRE(good != NULL);
}

static bool count_row(void *owner, const struct penstock_allocation_row *row)
{
	unsigned *rows = owner;

	PENSTOCK_REQUIRE(row->id > 0 && row->size_bytes > 0);
	++*rows;
	return true;
}

/* Opens and loads; *ret_rows counts allocations. */
static enum penstock_status look(unsigned *ret_rows)
{
	const struct penstock_store_loader loader = { .owner = ret_rows, .allocation = count_row };
	struct penstock_errbuf text = { "" };
	struct penstock_database database;
	enum penstock_status status = penstock_database_open(&database, &config, &text);

	*ret_rows = 0;
	if (status == PENSTOCK_STATUS_SUCCESS) {
		status = penstock_database_load(&database, &loader, &text);
		penstock_database_close(&database);
	}
	PENSTOCK_REQUIRE(status == PENSTOCK_STATUS_SUCCESS || text.text[0] != '\0');
	return status;
}

static void put_changed(const uint8_t *data, size_t size)
{
	uint8_t *bytes = malloc(good_size);

	PENSTOCK_REQUIRE(bytes != NULL);
	memcpy(bytes, good, good_size);
	for (; size >= 4; data += 4, size -= 4) {
		size_t offset = (size_t)data[0] | (size_t)data[1] << 8 | (size_t)data[2] << 16;

		bytes[offset % good_size] = data[3];
	}
	penstock_forget_put(config.path, bytes, good_size);
	free(bytes);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	unsigned first;
	unsigned second;

	if (size == 0 || size > (1u << 20)) {
		return 0;
	}
	if (good == NULL) {
		make_good();
	}
	penstock_forget_reset();
	if (data[0] == 'P') {
		put_changed(data + 1, size - 1);
	} else {
		penstock_forget_put(config.path, data + 1, size - 1);
	}
	if (look(&first) == PENSTOCK_STATUS_SUCCESS) {
		PENSTOCK_REQUIRE(look(&second) == PENSTOCK_STATUS_SUCCESS && first == second);
	}
	penstock_forget_reset();
	return 0;
}
