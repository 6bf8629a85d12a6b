/* SPDX-License-Identifier: MIT */
#include "daemon/memory/location.h"
#include "tests/harness.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define PAGE  ((uint64_t)PENSTOCK_PAGE_BYTES)
#define LOCAL (64ull << 20)

static char *directory;
static int directory_descriptor;

static void make_directory(void)
{
	directory = penstock_test_directory();
	directory_descriptor = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	ck_assert_int_ge(directory_descriptor, 0);
}

static void remove_directory(void)
{
	close(directory_descriptor);
	penstock_test_directory_remove(directory);
}

static bool open_table(struct penstock_location_table *table, uint64_t local_bytes)
{
	bool fresh = false;

	ck_assert_int_eq(penstock_location_open(table, directory_descriptor, local_bytes,
						1ull << 30, &fresh, NULL),
			 PENSTOCK_STATUS_SUCCESS);
	return fresh;
}

static struct penstock_location example(uint64_t id)
{
	return (struct penstock_location){
		.id = id,
		.process = 7,
		.size_bytes = 3 * PAGE,
		.backing_offset = id * 16 * PAGE,
	};
}

static void check_equal(const struct penstock_location *a, const struct penstock_location *b)
{
	ck_assert_uint_eq(a->id, b->id);
	ck_assert_uint_eq(a->process, b->process);
	ck_assert_uint_eq(a->size_bytes, b->size_bytes);
	ck_assert_uint_eq(a->backing_offset, b->backing_offset);
	ck_assert(a->own_file == b->own_file);
	ck_assert(a->local == b->local);
	ck_assert_uint_eq(a->local_offset, b->local_offset);
}

START_TEST(locations_come_back_after_kill_9)
{
	struct penstock_location_table table;
	struct penstock_location location, found;
	pid_t child = fork();
	int wait_status;

	if (child == 0) {
		uint64_t record;

		open_table(&table, LOCAL);
		for (uint64_t id = 1; id <= 3000; id++) {
			location = example(id);
			if (penstock_location_take(&table, &location, &record) != 0) {
				_exit(1);
			}
			location.local = id % 2 == 0;
			location.local_offset = id % 2 == 0 ? id * PAGE : 0;
			penstock_location_flip(&table, record, &location);
		}
		raise(SIGKILL);
	}
	ck_assert_int_eq(waitpid(child, &wait_status, 0), child);
	ck_assert(WIFSIGNALED(wait_status));
	ck_assert(!open_table(&table, LOCAL));
	for (uint64_t id = 1; id <= 3000; id++) {
		location = example(id);
		location.local = id % 2 == 0;
		location.local_offset = id % 2 == 0 ? id * PAGE : 0;
		ck_assert(penstock_location_read(&table, id - 1, &found));
		check_equal(&found, &location);
	}
	ck_assert(!penstock_location_read(&table, 3000, &found));
	ck_assert(!penstock_location_read(&table, UINT64_MAX, &found));
	penstock_location_close(&table);
}
END_TEST

START_TEST(a_location_in_a_file_of_its_own_needs_one_store)
{
	struct penstock_location_table table;
	struct penstock_location location = example(5), found;
	uint64_t record;

	open_table(&table, LOCAL);
	ck_assert_int_eq(penstock_location_take(&table, &location, &record),
			 PENSTOCK_STATUS_SUCCESS);
	location.own_file = true;
	location.backing_offset = 0;
	penstock_location_flip(&table, record, &location);
	ck_assert(penstock_location_read(&table, record, &found));
	check_equal(&found, &location);
	penstock_location_free(&table, record);
	ck_assert(!penstock_location_read(&table, record, &found));
	penstock_location_close(&table);
}
END_TEST

START_TEST(records_that_nobody_claims_are_free_afterwards)
{
	struct penstock_location_table table;
	struct penstock_location location, found;
	uint64_t record;

	open_table(&table, LOCAL);
	for (uint64_t id = 1; id <= 3; id++) {
		location = example(id);
		ck_assert_int_eq(penstock_location_take(&table, &location, &record),
				 PENSTOCK_STATUS_SUCCESS);
	}
	penstock_location_close(&table);
	ck_assert(!open_table(&table, LOCAL));
	ck_assert(penstock_record_file_claim(&table.file, 1));
	ck_assert(!penstock_record_file_claim(&table.file, 1));
	ck_assert(!penstock_record_file_claim(&table.file, UINT64_MAX));
	location = example(9);
	ck_assert_int_eq(penstock_location_take(&table, &location, &record),
			 PENSTOCK_STATUS_SUCCESS);
	ck_assert_uint_gt(record, 2);
	penstock_record_file_claims_end(&table.file);
	ck_assert(!penstock_record_file_claim(&table.file, 0));
	ck_assert(!penstock_location_read(&table, 0, &found));
	ck_assert(penstock_location_read(&table, 1, &found));
	ck_assert(!penstock_location_read(&table, 2, &found));
	ck_assert(penstock_location_read(&table, record, &found));
	ck_assert_int_eq(penstock_location_take(&table, &location, &record),
			 PENSTOCK_STATUS_SUCCESS);
	ck_assert_uint_eq(record, 0);
	penstock_location_close(&table);
}
END_TEST

START_TEST(another_geometry_is_another_generation)
{
	struct penstock_location_table table;
	uint8_t generation[PENSTOCK_GENERATION_BYTES];

	ck_assert(open_table(&table, LOCAL));
	memcpy(generation, table.file.generation, sizeof(generation));
	penstock_location_close(&table);
	ck_assert(!open_table(&table, LOCAL));
	ck_assert_mem_eq(generation, table.file.generation, sizeof(generation));
	penstock_location_close(&table);
	ck_assert(open_table(&table, 2 * LOCAL));
	ck_assert_mem_ne(generation, table.file.generation, sizeof(generation));
	penstock_location_close(&table);
}
END_TEST

static void rewrite(const char *name, off_t offset, uint8_t flip)
{
	int file = openat(directory_descriptor, name, O_RDWR | O_CLOEXEC);
	uint8_t byte;

	ck_assert_int_ge(file, 0);
	ck_assert_int_eq(pread(file, &byte, 1, offset), 1);
	byte ^= flip;
	ck_assert_int_eq(pwrite(file, &byte, 1, offset), 1);
	close(file);
}

START_TEST(a_flipped_bit_is_content_lost_or_another_legal_place)
{
	struct penstock_location_table table;
	struct penstock_location location = example(5), found;
	uint64_t record;

	open_table(&table, LOCAL);
	ck_assert_int_eq(penstock_location_take(&table, &location, &record),
			 PENSTOCK_STATUS_SUCCESS);
	penstock_location_close(&table);
	for (unsigned bit = 0; bit < 512; bit++) {
		off_t offset = 4096 + (off_t)record * 64 + bit / 8;

		rewrite("locations", offset, (uint8_t)(1u << bit % 8));
		ck_assert(!open_table(&table, LOCAL));
		if (penstock_location_read(&table, record, &found)) {
			ck_assert_uint_eq(found.id, 5);
			ck_assert_uint_eq(found.size_bytes, location.size_bytes);
			ck_assert(!found.local ||
				  penstock_range_fits(found.local_offset, found.size_bytes, LOCAL));
			ck_assert(bit >= 40 * 8 && bit < 48 * 8);
		}
		penstock_location_close(&table);
		rewrite("locations", offset, (uint8_t)(1u << bit % 8));
	}
}
END_TEST

START_TEST(a_damaged_header_begins_anew)
{
	struct penstock_location_table table;

	open_table(&table, LOCAL);
	penstock_location_close(&table);
	rewrite("locations", _i, 0x10);
	ck_assert(open_table(&table, LOCAL));
	penstock_location_close(&table);
	ck_assert(!open_table(&table, LOCAL));
	penstock_location_close(&table);
}
END_TEST

START_TEST(a_torn_table_is_never_a_crash)
{
	static const off_t sizes[] = { 0, 1, 4095, 4096, 4097, 65535, 65536, 65537, 1 << 20 };
	struct penstock_location_table table;
	struct penstock_location location = example(5), found;
	uint64_t record;

	open_table(&table, LOCAL);
	ck_assert_int_eq(penstock_location_take(&table, &location, &record),
			 PENSTOCK_STATUS_SUCCESS);
	penstock_location_close(&table);
	for (size_t i = 0; i < PENSTOCK_ARRAY_SIZE(sizes); i++) {
		int file = openat(directory_descriptor, "locations", O_RDWR | O_CLOEXEC);

		ck_assert_int_eq(ftruncate(file, sizes[i]), 0);
		close(file);
		open_table(&table, LOCAL);
		for (uint64_t at = 0; at < penstock_location_records(&table); at++) {
			ck_assert(!penstock_location_read(&table, at, &found) || at == record);
		}
		penstock_location_close(&table);
	}
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("records");
	TCase *location = tcase_create("location");

	tcase_add_checked_fixture(location, make_directory, remove_directory);
	tcase_add_test(location, locations_come_back_after_kill_9);
	tcase_add_test(location, a_location_in_a_file_of_its_own_needs_one_store);
	tcase_add_test(location, records_that_nobody_claims_are_free_afterwards);
	tcase_add_test(location, another_geometry_is_another_generation);
	tcase_add_test(location, a_flipped_bit_is_content_lost_or_another_legal_place);
	tcase_add_loop_test(location, a_damaged_header_begins_anew, 0, 56);
	tcase_add_test(location, a_torn_table_is_never_a_crash);
	suite_add_tcase(suite, location);
	return penstock_test_main(suite);
}
