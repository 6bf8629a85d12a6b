/* SPDX-License-Identifier: MIT */
#include "daemon/store/sqlite_status.h"
#include "proto/wire/limits.h"
#include "tests/crash/vfs_forget.h"
#include "tests/harness.h"
#include "tests/store_fixture.h"

#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static char *directory;
static char path[512];
static const struct penstock_store_config config = { .path = path };

static void setup(void)
{
	directory = penstock_test_directory();
	snprintf(path, sizeof(path), "%s/penstock.db", directory);
}

static void teardown(void)
{
	penstock_test_directory_remove(directory);
}

static char *dump(void)
{
	struct store_dump result = { 0 };
	struct penstock_errbuf text = { "" };

	ck_assert_msg(store_dump_file(&config, &result, &text) == PENSTOCK_STATUS_SUCCESS, "%s",
		      text.text);
	return result.text != NULL ? result.text : strdup("");
}

/* The store as store_fill leaves it, closed. */
static void fill(void)
{
	struct store_fixture fixture;

	ck_assert_int_eq(store_fixture_open(&fixture, &config), PENSTOCK_STATUS_SUCCESS);
	store_fixture_wait(&fixture, store_fill(fixture.store));
	ck_assert_uint_eq(fixture.failures, 0);
	store_fixture_close(&fixture);
}

/* Changes the closed database behind the store's back. */
static void tamper(const char *sql)
{
	sqlite3 *sqlite;
	char *message = NULL;

	ck_assert_int_eq(sqlite3_open(path, &sqlite), SQLITE_OK);
	sqlite3_exec(sqlite, sql, NULL, NULL, &message);
	ck_assert_msg(message == NULL, "%s", message);
	ck_assert_int_eq(sqlite3_close(sqlite), SQLITE_OK);
}

static const char filled[] =
	"adapter 0 generation aa..bb\n"
	"adapter 1 generation cc..dd\n"
	"principal 1 uid:1\n"
	"principal 2 uid:2\n"
	"session 1 of 1 fffffffffffffffe/100000000 lease 60 record 8 serial 31 forgotten 12 "
	"a client\n"
	"session 2 of 2 fffffffffffffffd/200000000 lease 60 record 9 serial 32 forgotten 12 "
	"a client\n"
	"device 1 of 1 name abcd000000000001 flags 2 state 1 adapter 0\n"
	"device 2 of 2 name abcd000000000002 flags 2 state 1 adapter 1\n"
	"context 1 of 1 name abcd000000000001 node 1 flags 2 sizes 65536 256 4294967295 priority "
	"-7 record 3\n"
	"context 2 of 2 name abcd000000000002 node 1 flags 2 sizes 65536 256 4294967295 priority "
	"-7 record 6\n"
	"allocation 1 of 1 bytes 4096 record 2 segments 3/1 flags 1 priority 78000000 surface "
	"640x480 21 2 2560 token fffffffffffffffe/1 adapter 0\n"
	"allocation 2 of 2 bytes 8192 record 3 segments 3/1 flags 1 priority 78000000 surface "
	"640x480 21 2 2560 token fffffffffffffffd/2 adapter 1\n"
	"pipeline 1 kind 2 bindings 3 state 3..3f targets 5\n"
	"pipeline 2 kind 1 bindings 3 state 0..0 targets 0\n"
	"binding 1/6 of 1 type 7 count 2 least 4294967294 written 1 image 5 5 2 4294967294\n"
	"binding 1/7 of 1 type 6 count 1 least 4294967295 written 0 image 4 5 1 4294967295\n"
	"binding 2/5 of 1 type 6 count 3 least 4294967293 written 0 image 6 5 3 4294967293\n"
	"binding 1/6 of 2 type 7 count 2 least 4294967294 written 1 image 5 5 2 4294967294\n"
	"binding 1/7 of 2 type 6 count 1 least 4294967295 written 0 image 4 5 1 4294967295\n"
	"binding 2/5 of 2 type 6 count 3 least 4294967293 written 0 image 6 5 3 4294967293\n"
	"opening 1 device 1 allocation 1 name abcd000000000001 read\n"
	"opening 2 device 2 allocation 2 name abcd000000000002 write\n"
	"sync object 1 token 1/fffffffffffffffe record 21 adapter 0\n"
	"sync object 2 token 2/fffffffffffffffd record 22 adapter 1\n"
	"bound 1 device 1 object 1 name abcd000000000029\n"
	"bound 2 device 2 object 2 name abcd00000000002a\n"
	"element 0 of 1 opening 0 write 0 segment 0 at 0\n"
	"element 1 of 1 opening 1 write 1 segment 2 at 8000000000000001\n"
	"element 0 of 2 opening 0 write 0 segment 0 at 0\n"
	"element 1 of 2 opening 2 write 1 segment 2 at 8000000000000002\n"
	"floor of 1 index 5 generation 9\n"
	"floor of 2 index 5 generation 9\n"
	"answer 13 of 1 context 0 ran until 0 status c000001d at 1 676 'copy' 'destination' 'it's "
	"refused'\n"
	"answer 20 of 1 context abcd000000000001 ran until 18 status c00002b6 at 0 0 '' '' ''\n"
	"answer 13 of 2 context 0 ran until 0 status c000001d at 1 676 'copy' 'destination' 'it's "
	"refused'\n"
	"answer 20 of 2 context abcd000000000002 ran until 18 status c00002b6 at 0 0 '' '' ''\n";

START_TEST(every_field_of_every_row_comes_back)
{
	char *text;

	fill();
	text = dump();
	ck_assert_str_eq(text, filled);
	free(text);
}
END_TEST

START_TEST(put_replaces_a_row_and_leaves_what_hangs_on_it)
{
	struct store_fixture fixture;
	struct penstock_session_row session = store_session(1, 1);
	char *text;

	fill();
	ck_assert_int_eq(store_fixture_open(&fixture, &config), PENSTOCK_STATUS_SUCCESS);
	session.lease_s = 30;
	store_fixture_wait(&fixture, penstock_store_put_session(fixture.store, &session));
	store_fixture_close(&fixture);
	text = dump();
	ck_assert_ptr_nonnull(strstr(text, "session 1 of 1 fffffffffffffffe/100000000 lease 30 "
					   "record 8 serial 31 "));
	ck_assert_ptr_nonnull(strstr(text, "device 1 of 1 "));
	ck_assert_ptr_nonnull(strstr(text, "element 1 of 1 opening 1 "));
	free(text);
}
END_TEST

START_TEST(deleting_a_session_takes_what_hangs_on_it_and_leaves_the_allocation)
{
	struct store_fixture fixture;
	char *text;

	fill();
	ck_assert_int_eq(store_fixture_open(&fixture, &config), PENSTOCK_STATUS_SUCCESS);
	store_fixture_wait(&fixture,
			   penstock_store_delete(fixture.store, PENSTOCK_STORE_SESSION, 1));
	store_fixture_close(&fixture);
	text = dump();
	ck_assert_ptr_null(strstr(text, "session 1 "));
	ck_assert_ptr_null(strstr(text, "device 1 "));
	ck_assert_ptr_null(strstr(text, "context 1 "));
	ck_assert_ptr_null(strstr(text, "opening 1 "));
	ck_assert_ptr_null(strstr(text, " of 1 opening"));
	ck_assert_ptr_null(strstr(text, "floor of 1 "));
	ck_assert_ptr_null(strstr(text, "answer 13 of 1 "));
	ck_assert_ptr_nonnull(strstr(text, "answer 13 of 2 "));
	ck_assert_ptr_nonnull(strstr(text, "allocation 1 "));
	ck_assert_ptr_nonnull(strstr(text, "element 1 of 2 opening 2 "));
	free(text);
}
END_TEST

START_TEST(deleting_an_opening_leaves_a_null_element)
{
	struct store_fixture fixture;
	char *text;

	fill();
	ck_assert_int_eq(store_fixture_open(&fixture, &config), PENSTOCK_STATUS_SUCCESS);
	store_fixture_wait(&fixture,
			   penstock_store_delete(fixture.store, PENSTOCK_STORE_OPENING, 1));
	store_fixture_close(&fixture);
	text = dump();
	ck_assert_ptr_null(strstr(text, "opening 1 device"));
	ck_assert_ptr_nonnull(strstr(text, "element 1 of 1 opening 0 write 1 "));
	free(text);
}
END_TEST

START_TEST(deleting_an_allocation_takes_what_makes_it_a_pipeline)
{
	struct store_fixture fixture;
	char *text;

	fill();
	ck_assert_int_eq(store_fixture_open(&fixture, &config), PENSTOCK_STATUS_SUCCESS);
	store_fixture_wait(&fixture,
			   penstock_store_delete(fixture.store, PENSTOCK_STORE_ALLOCATION, 1));
	store_fixture_close(&fixture);
	text = dump();
	ck_assert_ptr_null(strstr(text, "allocation 1 "));
	ck_assert_ptr_null(strstr(text, "pipeline 1 "));
	ck_assert_ptr_null(strstr(text, " of 1 type"));
	ck_assert_ptr_nonnull(strstr(text, "pipeline 2 "));
	ck_assert_ptr_nonnull(strstr(text, " of 2 type"));
	free(text);
}
END_TEST

START_TEST(the_pipeline_with_the_most_bindings_comes_back)
{
	const uint32_t count = PENSTOCK_LIMIT_DESCRIPTORS;
	const struct penstock_allocation_row allocation = store_allocation(3, 1);
	const struct penstock_pipeline_row pipeline = store_pipeline(3, count);
	struct penstock_pipeline_binding_row binding = { .allocation = 3, .count = 1 };
	struct store_fixture fixture;
	uint64_t sequence = 0;
	char *text;
	char line[128];

	fill();
	ck_assert_int_eq(store_fixture_open(&fixture, &config), PENSTOCK_STATUS_SUCCESS);
	penstock_store_put_allocation(fixture.store, &allocation);
	penstock_store_put_pipeline(fixture.store, &pipeline);
	binding.set = PENSTOCK_LIMIT_DESCRIPTOR_SETS - 1;
	for (uint32_t i = 0; i < count; i++) {
		binding.binding = PENSTOCK_LIMIT_BINDING_NUMBER - 1 - i;
		sequence = penstock_store_put_pipeline_binding(fixture.store, &binding);
	}
	store_fixture_wait(&fixture, sequence);
	ck_assert_uint_eq(fixture.failures, 0);
	store_fixture_close(&fixture);
	text = dump();
	for (uint32_t i = 0; i < count; i++) {
		snprintf(line, sizeof(line), "\nbinding %u/%u of 3 ", binding.set,
			 PENSTOCK_LIMIT_BINDING_NUMBER - 1 - i);
		ck_assert_msg(strstr(text, line) != NULL, "%s", line);
	}
	free(text);
}
END_TEST

START_TEST(a_list_written_after_its_context_or_opening_went_is_no_fault)
{
	struct store_fixture fixture;
	const struct penstock_list_row list[] = { { .opening = 99, .index = 0 } };
	char *text;

	fill();
	ck_assert_int_eq(store_fixture_open(&fixture, &config), PENSTOCK_STATUS_SUCCESS);
	penstock_store_put_list(fixture.store, 77, list, 1);
	store_fixture_wait(&fixture, penstock_store_put_list(fixture.store, 2, list, 1));
	ck_assert_uint_eq(fixture.failures, 0);
	store_fixture_close(&fixture);
	text = dump();
	ck_assert_ptr_null(strstr(text, " of 77 "));
	ck_assert_ptr_nonnull(strstr(text, "element 0 of 2 opening 0 "));
	ck_assert_ptr_null(strstr(text, "element 1 of 2 "));
	free(text);
}
END_TEST

START_TEST(ids_of_deleted_rows_are_never_the_next_ones)
{
	struct store_fixture fixture;

	fill();
	ck_assert_int_eq(store_fixture_open(&fixture, &config), PENSTOCK_STATUS_SUCCESS);
	penstock_store_delete(fixture.store, PENSTOCK_STORE_ALLOCATION, 2);
	store_fixture_close(&fixture);
	ck_assert_int_eq(store_fixture_open(&fixture, &config), PENSTOCK_STATUS_SUCCESS);
	ck_assert_uint_eq(penstock_store_highest_id(fixture.store, PENSTOCK_STORE_ALLOCATION), 2);
	ck_assert_uint_eq(penstock_store_highest_id(fixture.store, PENSTOCK_STORE_SESSION), 2);
	store_fixture_close(&fixture);
}
END_TEST

START_TEST(what_is_put_in_one_turn_is_one_transaction)
{
	struct store_fixture fixture;
	const struct penstock_principal_row principal = store_principal(1);
	uint64_t sequence;

	ck_assert_int_eq(store_fixture_open(&fixture, &config), PENSTOCK_STATUS_SUCCESS);
	penstock_store_put_principal(fixture.store, &principal);
	for (uint64_t i = 1; i <= 5000; i++) {
		const struct penstock_allocation_row row = store_allocation(i, 1);

		sequence = penstock_store_put_allocation(fixture.store, &row);
		ck_assert_uint_eq(sequence, i + 1);
	}
	ck_assert_uint_eq(penstock_store_queued(fixture.store), 5001);
	store_fixture_wait(&fixture, sequence);
	ck_assert_uint_eq(fixture.commits, 1);
	ck_assert_uint_eq(fixture.committed, 5001);
	ck_assert_uint_eq(penstock_store_queued(fixture.store), 0);
	store_fixture_close(&fixture);
}
END_TEST

START_TEST(close_commits_what_is_queued)
{
	struct store_fixture fixture;
	uint64_t sequence;
	char *text;

	ck_assert_int_eq(store_fixture_open(&fixture, &config), PENSTOCK_STATUS_SUCCESS);
	sequence = store_fill(fixture.store);
	store_fixture_close(&fixture);
	ck_assert_uint_eq(fixture.committed, sequence);
	text = dump();
	ck_assert_str_eq(text, filled);
	free(text);
}
END_TEST

START_TEST(the_longest_list_comes_back)
{
	struct store_fixture fixture;
	const uint32_t count = PENSTOCK_LIMIT_ALLOCATION_LIST;
	struct penstock_list_row *list = calloc(count, sizeof(*list));
	struct store_dump result = { 0 };
	struct penstock_errbuf text;

	fill();
	for (uint32_t i = 0; i < count; i++) {
		list[i].index = i;
		list[i].opening = 1;
	}
	ck_assert_int_eq(store_fixture_open(&fixture, &config), PENSTOCK_STATUS_SUCCESS);
	store_fixture_wait(&fixture, penstock_store_put_list(fixture.store, 1, list, count));
	ck_assert_uint_eq(fixture.failures, 0);
	store_fixture_close(&fixture);
	ck_assert_int_eq(store_dump_file(&config, &result, &text), PENSTOCK_STATUS_SUCCESS);
	ck_assert_uint_eq(result.rows, 36 - 2 + count);
	free(result.text);
	free(list);
}
END_TEST

START_TEST(a_row_without_its_parent_fails_the_store_once_and_keeps_what_was_committed)
{
	struct store_fixture fixture;
	const struct penstock_device_row orphan = store_device(9, 77);
	const struct penstock_device_row later = store_device(10, 1);
	char *text;

	fill();
	ck_assert_int_eq(store_fixture_open(&fixture, &config), PENSTOCK_STATUS_SUCCESS);
	store_fixture_wait(&fixture, penstock_store_put_device(fixture.store, &orphan));
	ck_assert_int_eq(fixture.status, PENSTOCK_STATUS_DATA_ERROR);
	ck_assert_ptr_nonnull(strstr(fixture.text.text, "penstock.db: device: FOREIGN KEY"));
	penstock_store_put_device(fixture.store, &later);
	store_fixture_close(&fixture);
	ck_assert_uint_eq(fixture.failures, 1);
	ck_assert_uint_eq(fixture.committed, 0);
	text = dump();
	ck_assert_str_eq(text, filled);
	free(text);
}
END_TEST

START_TEST(a_row_that_could_not_be_read_back_is_not_written)
{
	struct store_fixture fixture;
	struct penstock_device_row nameless = store_device(9, 1);
	char *text;

	fill();
	nameless.name = 0xabcd00000000u << 16;
	ck_assert_int_eq(store_fixture_open(&fixture, &config), PENSTOCK_STATUS_SUCCESS);
	store_fixture_wait(&fixture, penstock_store_put_device(fixture.store, &nameless));
	ck_assert_int_eq(fixture.status, PENSTOCK_STATUS_DATA_ERROR);
	store_fixture_close(&fixture);
	text = dump();
	ck_assert_str_eq(text, filled);
	free(text);
}
END_TEST

START_TEST(a_full_disk_is_told_and_what_was_committed_stays)
{
	const struct penstock_store_config forget = { .path = "full.db",
						      .test.vfs = PENSTOCK_FORGET_VFS };
	struct store_fixture fixture;
	struct store_dump result = { 0 };
	struct penstock_errbuf text;
	uint64_t allocation = 2;

	penstock_forget_reset();
	ck_assert_int_eq(store_fixture_open(&fixture, &forget), PENSTOCK_STATUS_SUCCESS);
	store_fixture_wait(&fixture, store_fill(fixture.store));
	penstock_forget_capacity(1u << 20);
	while (fixture.failures == 0) {
		const struct penstock_allocation_row row = store_allocation(++allocation, 1);

		store_fixture_wait(&fixture, penstock_store_put_allocation(fixture.store, &row));
	}
	ck_assert_int_eq(fixture.status, PENSTOCK_STATUS_DISK_FULL);
	store_fixture_close(&fixture);
	penstock_forget_capacity(0);
	ck_assert_int_eq(store_dump_file(&forget, &result, &text), PENSTOCK_STATUS_SUCCESS);
	ck_assert_uint_ge(result.rows, 23 + (unsigned)(allocation - 3));
	free(result.text);
	penstock_forget_reset();
}
END_TEST

START_TEST(an_error_of_the_disk_at_any_operation_is_a_status)
{
	const struct penstock_store_config forget = { .path = "io.db",
						      .test.vfs = PENSTOCK_FORGET_VFS,
						      .test.checkpoint_frames = 4 };
	struct store_fixture fixture;
	unsigned refused = 0;

	for (uint64_t at = 1;; at++) {
		uint64_t operations;

		penstock_forget_reset();
		penstock_forget_fail_at(at);
		if (store_fixture_open(&fixture, &forget) == PENSTOCK_STATUS_SUCCESS) {
			store_fixture_wait(&fixture, store_fill(fixture.store));
		}
		refused += fixture.status != PENSTOCK_STATUS_SUCCESS;
		store_fixture_close(&fixture);
		operations = penstock_forget_operations();
		if (operations < at) {
			break;
		}
	}
	ck_assert_uint_gt(refused, 20);
	penstock_forget_reset();
}
END_TEST

START_TEST(a_second_daemon_on_the_same_database_is_refused)
{
	struct store_fixture first, second;

	ck_assert_int_eq(store_fixture_open(&first, &config), PENSTOCK_STATUS_SUCCESS);
	store_fixture_wait(&first, store_fill(first.store));
	ck_assert_int_eq(store_fixture_open(&second, &config), PENSTOCK_STATUS_IO_DEVICE_ERROR);
	ck_assert_ptr_nonnull(strstr(second.text.text, "another process"));
	store_fixture_close(&second);
	store_fixture_close(&first);
}
END_TEST

START_TEST(a_row_that_its_owner_refuses_is_named)
{
	struct store_dump result = { .stop_at = 8 };
	struct penstock_errbuf text;

	fill();
	ck_assert_int_eq(store_dump_file(&config, &result, &text), PENSTOCK_STATUS_DATA_ERROR);
	ck_assert_ptr_nonnull(strstr(text.text, "device, row 2: does not fit"));
}
END_TEST

/* What a damaged file may hold, and what is said of it. */
static const struct {
	const char *sql;
	const char *sentence;
} damages[] = {
	{ "UPDATE device SET name = 0x100000000 WHERE id = 2",
	  "device, row 2, column name: not a name" },
	{ "UPDATE device SET flags = -1", "device, row 1, column flags: out of range" },
	{ "UPDATE device SET flags = 0x100000000", "column flags: out of range" },
	{ "UPDATE context SET priority = 0x80000000", "context, row 1, column priority" },
	{ "UPDATE allocation SET size_bytes = 0", "allocation, row 1, column size_bytes" },
	{ "UPDATE opening SET read_only = 2", "opening, row 1, column read_only" },
	{ "UPDATE principal SET name = name || char(0) || 'x' WHERE id = 1", "has a zero byte" },
	{ "UPDATE principal SET name = hex(zeroblob(64)) WHERE id = 1", "longer than it may be" },
	{ "UPDATE session SET client = hex(zeroblob(32)) WHERE id = 2",
	  "session, row 2, column client" },
	{ "UPDATE list_element SET element = 65536 WHERE element = 1",
	  "list_element, row 1, column element" },
	{ "UPDATE name_floor SET name_index = 0", "name_floor, row 1, column name_index" },
	{ "UPDATE device SET adapter = 8", "device, row 1, column adapter" },
	{ "UPDATE allocation SET adapter = -1", "allocation, row 1, column adapter" },
	{ "UPDATE adapter SET id = 8 WHERE id = 1", "adapter, row 8, column id" },
	{ "UPDATE highest_id SET kind = 8 WHERE kind = 1", "highest_id, row 8, column kind" },
	{ "UPDATE sync_object SET adapter = 8", "sync_object, row 1, column adapter" },
	{ "UPDATE sync_object SET progress_record = -1",
	  "sync_object, row 1, column progress_record" },
	{ "UPDATE sync_opening SET name = 0", "sync_opening, row 1, column name" },
	{ "DELETE FROM sync_object WHERE id = 1", "sync_opening, row 1: no such sync_object" },
	{ "UPDATE pipeline SET kind = -1", "pipeline, row 1, column kind" },
	{ "UPDATE pipeline SET binding_count = 100000 WHERE allocation = 2",
	  "pipeline, row 2, column binding_count" },
	{ "UPDATE pipeline_binding SET descriptor_set = 8 WHERE binding = 5",
	  "pipeline_binding, row 1, column descriptor_set" },
	{ "UPDATE pipeline_binding SET binding = -1 WHERE binding = 6",
	  "pipeline_binding, row 1, column binding" },
	{ "UPDATE pipeline_binding SET type = 0x100000000", "row 1, column type" },
	{ "UPDATE pipeline_binding SET count = 0 WHERE allocation = 2",
	  "pipeline_binding, row 2, column count" },
	{ "UPDATE pipeline_binding SET least_bytes = -1", "row 1, column least_bytes" },
	{ "UPDATE pipeline_binding SET written = 2", "row 1, column written" },
	{ "UPDATE pipeline SET graphics = x'00' WHERE allocation = 1",
	  "pipeline, row 1, column graphics: of another length" },
	{ "UPDATE pipeline SET targets_written = -1", "pipeline, row 1, column targets_written" },
	{ "UPDATE pipeline_binding SET flags = -1", "row 1, column flags" },
	{ "UPDATE pipeline_binding SET dimension = -1", "row 1, column dimension" },
	{ "UPDATE pipeline_binding SET number = 0x100000000", "row 1, column number" },
	{ "UPDATE pipeline_binding SET format = -1", "row 1, column format" },
	{ "DELETE FROM pipeline WHERE allocation = 2",
	  "pipeline_binding, row 0: no such pipeline" },
	{ "UPDATE highest_id SET id = -1 WHERE kind = 1", "highest_id, row 1, column id" },
	{ "UPDATE highest_id SET id = 1 WHERE kind = 4", "allocation, row 2: its id is above" },
	{ "DELETE FROM device WHERE id = 1", "no such device" },
	{ "DELETE FROM allocation WHERE id = 1", "no such allocation" },
	{ "UPDATE opening SET id = -5 WHERE id = 1; UPDATE list_element SET opening = -5 WHERE "
	  "opening = 1",
	  "opening, row -5, column id" },
	{ "UPDATE stored_answer SET status = -1", "answer, row 1, column status" },
	{ "UPDATE stored_answer SET at_instruction = 2", "answer, row 1, column at_instruction" },
	{ "UPDATE stored_answer SET operand = printf('%200c', 'x')", "column operand: longer" },
	{ "UPDATE session SET forgotten_serial = -1", "session, row 1, column forgotten_serial" },
	{ "DROP TABLE name_floor", "no such table: name_floor" },
	{ "ALTER TABLE device RENAME COLUMN flags TO flag", "no column named flags" },
	{ "DROP TABLE name_floor; CREATE VIEW name_floor AS SELECT 1 AS session, 1 AS name_index, "
	  "1 "
	  "AS generation",
	  "" },
	{ "PRAGMA application_id = 7", "not a Penstock database" },
	{ "PRAGMA user_version = 0", "not a Penstock database" },
	{ "PRAGMA user_version = -3", "not a Penstock database" },
	{ "DELETE FROM schema_migration", "has no row for version 1" },
	{ "PRAGMA ignore_check_constraints = 1; UPDATE adapter SET memory_generation = x'00'",
	  "CHECK constraint" },
};

START_TEST(damage_is_named_and_refused)
{
	struct store_dump result = { 0 };
	struct penstock_errbuf text = { "" };

	fill();
	tamper("PRAGMA foreign_keys = OFF");
	tamper(damages[_i].sql);
	ck_assert_msg(store_dump_file(&config, &result, &text) == PENSTOCK_STATUS_DATA_ERROR,
		      "%s: taken", damages[_i].sql);
	ck_assert_msg(strstr(text.text, damages[_i].sentence) != NULL, "%s: %s", damages[_i].sql,
		      text.text);
	ck_assert_msg(strncmp(text.text, path, strlen(path)) == 0, "%s", text.text);
}
END_TEST

START_TEST(a_file_that_is_no_database_is_refused)
{
	FILE *file = fopen(path, "w");
	struct store_dump result = { 0 };
	struct penstock_errbuf text = { "" };

	for (int i = 0; i < 1000; i++) {
		fputs("this is a text\n", file);
	}
	fclose(file);
	ck_assert_int_eq(store_dump_file(&config, &result, &text), PENSTOCK_STATUS_DATA_ERROR);
	ck_assert_ptr_nonnull(strstr(text.text, "not a database"));
}
END_TEST

START_TEST(a_folder_that_is_not_there_is_said)
{
	const struct penstock_store_config nowhere = { .path = "/nonexistent/penstock.db" };
	struct store_dump result = { 0 };
	struct penstock_errbuf text = { "" };

	ck_assert_int_eq(store_dump_file(&nowhere, &result, &text),
			 PENSTOCK_STATUS_IO_DEVICE_ERROR);
	ck_assert_ptr_nonnull(strstr(text.text, "/nonexistent/penstock.db: opening: "));
}
END_TEST

/* Every bit of the file, one at a time, would take long: a bit in each of many places. */
START_TEST(a_flipped_bit_anywhere_never_crashes)
{
	const struct penstock_store_config forget = { .path = "flip.db",
						      .test.vfs = PENSTOCK_FORGET_VFS };
	struct store_fixture fixture;
	uint8_t *bytes;
	size_t size;
	unsigned refused = 0;

	penstock_forget_reset();
	ck_assert_int_eq(store_fixture_open(&fixture, &forget), PENSTOCK_STATUS_SUCCESS);
	store_fixture_wait(&fixture, store_fill(fixture.store));
	store_fixture_close(&fixture);
	bytes = penstock_forget_get("flip.db", &size);
	ck_assert_ptr_nonnull(bytes);
	for (size_t i = 0; i < size; i += 67) {
		struct store_dump result = { 0 };
		struct penstock_errbuf text = { "" };
		enum penstock_status status;

		penstock_forget_reset();
		bytes[i] ^= (uint8_t)(1u << (i % 8));
		penstock_forget_put("flip.db", bytes, size);
		bytes[i] ^= (uint8_t)(1u << (i % 8));
		status = store_dump_file(&forget, &result, &text);
		refused += status != PENSTOCK_STATUS_SUCCESS;
		ck_assert(status == PENSTOCK_STATUS_SUCCESS || text.text[0] != '\0');
		free(result.text);
	}
	ck_assert_uint_gt(refused, 20);
	free(bytes);
	penstock_forget_reset();
}
END_TEST

START_TEST(every_statement_uses_an_index_or_says_that_it_scans)
{
	struct penstock_database database;
	struct penstock_errbuf text;
	unsigned plans = 0;

	ck_assert_int_eq(penstock_database_open(&database, &config, &text),
			 PENSTOCK_STATUS_SUCCESS);
	for (int i = 0; i < PENSTOCK_STATEMENT_COUNT; i++) {
		bool may_scan;
		const char *sql =
			penstock_statement_text((enum penstock_store_statement)i, &may_scan);
		char *explain = sqlite3_mprintf("EXPLAIN QUERY PLAN %s", sql);
		sqlite3_stmt *statement;

		ck_assert_int_eq(sqlite3_prepare_v2(database.sqlite, explain, -1, &statement, NULL),
				 SQLITE_OK);
		while (!may_scan && sqlite3_step(statement) == SQLITE_ROW) {
			const char *detail = (const char *)sqlite3_column_text(statement, 3);

			plans++;
			ck_assert_msg(strncmp(detail, "SCAN ", 5) != 0 ||
					      strcmp(detail, "SCAN CONSTANT ROW") == 0,
				      "%s: %s", sql, detail);
		}
		sqlite3_finalize(statement);
		sqlite3_free(explain);
	}
	ck_assert_uint_gt(plans, 5);
	penstock_database_close(&database);
}
END_TEST

/* A child's reference without an index makes each deletion of a parent read the whole child. */
START_TEST(every_reference_has_an_index)
{
	struct penstock_database database;
	struct penstock_errbuf text;
	sqlite3_stmt *statement;
	unsigned references = 0;

	ck_assert_int_eq(penstock_database_open(&database, &config, &text),
			 PENSTOCK_STATUS_SUCCESS);
	ck_assert_int_eq(sqlite3_prepare_v2(database.sqlite,
					    "SELECT t.name, f.\"from\", EXISTS (SELECT 1 FROM "
					    "pragma_index_list(t.name) AS l, "
					    "pragma_index_info(l.name) AS i WHERE i.seqno = 0 AND "
					    "i.name = f.\"from\") FROM sqlite_schema AS t, "
					    "pragma_foreign_key_list(t.name) AS f "
					    "WHERE t.type = 'table'",
					    -1, &statement, NULL),
			 SQLITE_OK);
	while (sqlite3_step(statement) == SQLITE_ROW) {
		references++;
		ck_assert_msg(sqlite3_column_int(statement, 2) == 1, "%s.%s has no index",
			      (const char *)sqlite3_column_text(statement, 0),
			      (const char *)sqlite3_column_text(statement, 1));
	}
	ck_assert_uint_eq(references, 14);
	sqlite3_finalize(statement);
	penstock_database_close(&database);
}
END_TEST

START_TEST(the_settings_are_what_the_documentation_says)
{
	static const struct {
		const char *sql;
		const char *value;
	} expected[] = {
		{ "PRAGMA synchronous", "3" },        { "PRAGMA journal_mode", "wal" },
		{ "PRAGMA foreign_keys", "1" },       { "PRAGMA trusted_schema", "0" },
		{ "PRAGMA mmap_size", "0" },          { "PRAGMA locking_mode", "exclusive" },
		{ "PRAGMA wal_autocheckpoint", "0" },
	};
	struct penstock_database database;
	struct penstock_errbuf text;

	ck_assert_int_eq(penstock_database_open(&database, &config, &text),
			 PENSTOCK_STATUS_SUCCESS);
	for (size_t i = 0; i < PENSTOCK_ARRAY_SIZE(expected); i++) {
		sqlite3_stmt *statement;

		sqlite3_prepare_v2(database.sqlite, expected[i].sql, -1, &statement, NULL);
		ck_assert_int_eq(sqlite3_step(statement), SQLITE_ROW);
		ck_assert_msg(strcmp((const char *)sqlite3_column_text(statement, 0),
				     expected[i].value) == 0,
			      "%s is %s", expected[i].sql, sqlite3_column_text(statement, 0));
		sqlite3_finalize(statement);
	}
	penstock_database_close(&database);
}
END_TEST

START_TEST(sqlite_codes_become_statuses)
{
	ck_assert_int_eq(penstock_sqlite_status(SQLITE_DONE), PENSTOCK_STATUS_SUCCESS);
	ck_assert_int_eq(penstock_sqlite_status(SQLITE_FULL), PENSTOCK_STATUS_DISK_FULL);
	ck_assert_int_eq(penstock_sqlite_status(SQLITE_IOERR_FSYNC),
			 PENSTOCK_STATUS_IO_DEVICE_ERROR);
	ck_assert_int_eq(penstock_sqlite_status(SQLITE_IOERR_NOMEM), PENSTOCK_STATUS_NO_MEMORY);
	ck_assert_int_eq(penstock_sqlite_status(SQLITE_CORRUPT_INDEX), PENSTOCK_STATUS_DATA_ERROR);
	ck_assert_int_eq(penstock_sqlite_status(SQLITE_CONSTRAINT_FOREIGNKEY),
			 PENSTOCK_STATUS_DATA_ERROR);
	ck_assert_int_eq(penstock_sqlite_status(12345), PENSTOCK_STATUS_IO_DEVICE_ERROR);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("store");
	TCase *tcase = tcase_create("store");

	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_set_timeout(tcase, 120);
	tcase_add_test(tcase, every_field_of_every_row_comes_back);
	tcase_add_test(tcase, put_replaces_a_row_and_leaves_what_hangs_on_it);
	tcase_add_test(tcase, deleting_a_session_takes_what_hangs_on_it_and_leaves_the_allocation);
	tcase_add_test(tcase, deleting_an_opening_leaves_a_null_element);
	tcase_add_test(tcase, deleting_an_allocation_takes_what_makes_it_a_pipeline);
	tcase_add_test(tcase, the_pipeline_with_the_most_bindings_comes_back);
	tcase_add_test(tcase, a_list_written_after_its_context_or_opening_went_is_no_fault);
	tcase_add_test(tcase, ids_of_deleted_rows_are_never_the_next_ones);
	tcase_add_test(tcase, what_is_put_in_one_turn_is_one_transaction);
	tcase_add_test(tcase, close_commits_what_is_queued);
	tcase_add_test(tcase, the_longest_list_comes_back);
	tcase_add_test(tcase,
		       a_row_without_its_parent_fails_the_store_once_and_keeps_what_was_committed);
	tcase_add_test(tcase, a_row_that_could_not_be_read_back_is_not_written);
	tcase_add_test(tcase, a_full_disk_is_told_and_what_was_committed_stays);
	tcase_add_test(tcase, an_error_of_the_disk_at_any_operation_is_a_status);
	tcase_add_test(tcase, a_second_daemon_on_the_same_database_is_refused);
	tcase_add_test(tcase, a_row_that_its_owner_refuses_is_named);
	tcase_add_loop_test(tcase, damage_is_named_and_refused, 0, PENSTOCK_ARRAY_SIZE(damages));
	tcase_add_test(tcase, a_file_that_is_no_database_is_refused);
	tcase_add_test(tcase, a_folder_that_is_not_there_is_said);
	tcase_add_test(tcase, a_flipped_bit_anywhere_never_crashes);
	tcase_add_test(tcase, every_statement_uses_an_index_or_says_that_it_scans);
	tcase_add_test(tcase, every_reference_has_an_index);
	tcase_add_test(tcase, the_settings_are_what_the_documentation_says);
	tcase_add_test(tcase, sqlite_codes_become_statuses);
	suite_add_tcase(suite, tcase);
	return penstock_test_main(suite);
}
