/* SPDX-License-Identifier: MIT */
#include "daemon/objects/directory.h"
#include "daemon/objects/name_table.h"
#include "proto/wire/limits.h"
#include "tests/harness.h"

#include <string.h>

#define NAME(generation, index) ((uint64_t)(generation) << 32 | (uint32_t)(index))

static struct penstock_name_table table;
static int object;
static int another;

static void set_up(void)
{
	penstock_name_table_init(&table);
}

static void tear_down(void)
{
	penstock_name_table_fini(&table);
}

static enum penstock_status insert(uint64_t name)
{
	struct penstock_errbuf text;

	return penstock_name_table_insert(&table, name, PENSTOCK_NAME_DEVICE, &object, &text);
}

START_TEST(names_are_dense)
{
	ck_assert_int_eq(insert(NAME(0, 0)), PENSTOCK_STATUS_INVALID_PARAMETER);
	ck_assert_int_eq(insert(NAME(0, 2)), PENSTOCK_STATUS_INVALID_PARAMETER);
	ck_assert_int_eq(insert(NAME(0, UINT32_MAX)), PENSTOCK_STATUS_INVALID_PARAMETER);
	ck_assert_int_eq(insert(NAME(7, 1)), PENSTOCK_STATUS_SUCCESS);
	ck_assert_int_eq(insert(NAME(7, 1)), PENSTOCK_STATUS_INVALID_PARAMETER);
	ck_assert_int_eq(insert(NAME(8, 1)), PENSTOCK_STATUS_INVALID_PARAMETER);
	ck_assert_int_eq(insert(NAME(0, 3)), PENSTOCK_STATUS_INVALID_PARAMETER);
	ck_assert_int_eq(insert(NAME(0, 2)), PENSTOCK_STATUS_SUCCESS);
}
END_TEST

START_TEST(A3_a_generation_must_grow_and_a_stale_one_is_not_found)
{
	ck_assert_int_eq(insert(NAME(3, 1)), PENSTOCK_STATUS_SUCCESS);
	penstock_name_table_remove(&table, NAME(3, 1));
	ck_assert_ptr_null(penstock_name_table_find(&table, NAME(3, 1), PENSTOCK_NAME_DEVICE));
	ck_assert_int_eq(insert(NAME(3, 1)), PENSTOCK_STATUS_INVALID_PARAMETER);
	ck_assert_int_eq(insert(NAME(2, 1)), PENSTOCK_STATUS_INVALID_PARAMETER);
	ck_assert_int_eq(insert(NAME(UINT32_MAX, 1)), PENSTOCK_STATUS_SUCCESS);
	ck_assert_ptr_null(penstock_name_table_find(&table, NAME(3, 1), PENSTOCK_NAME_DEVICE));
	penstock_name_table_remove(&table, NAME(UINT32_MAX, 1));
	/* That index is spent. */
	ck_assert_int_eq(insert(NAME(0, 1)), PENSTOCK_STATUS_INVALID_PARAMETER);
	ck_assert_int_eq(insert(NAME(0, 2)), PENSTOCK_STATUS_SUCCESS);
}
END_TEST

START_TEST(A3_a_name_is_found_by_its_kind_only)
{
	ck_assert_int_eq(insert(NAME(0, 1)), PENSTOCK_STATUS_SUCCESS);
	ck_assert_ptr_eq(penstock_name_table_find(&table, NAME(0, 1), PENSTOCK_NAME_DEVICE),
			 &object);
	ck_assert_ptr_null(penstock_name_table_find(&table, NAME(0, 1), PENSTOCK_NAME_CONTEXT));
	ck_assert_ptr_null(penstock_name_table_find(&table, NAME(0, 1), PENSTOCK_NAME_FREE));
	ck_assert_ptr_null(penstock_name_table_find(&table, 0, PENSTOCK_NAME_DEVICE));
	ck_assert_ptr_null(penstock_name_table_find(&table, NAME(0, 2), PENSTOCK_NAME_DEVICE));
	ck_assert_ptr_null(
		penstock_name_table_find(&table, NAME(0, UINT32_MAX), PENSTOCK_NAME_DEVICE));
}
END_TEST

START_TEST(memory_follows_the_entries_and_ends_at_the_limit)
{
	struct penstock_errbuf text;

	for (uint32_t i = 1; i <= 100000; i++) {
		ck_assert_int_eq(insert(NAME(0, i)), PENSTOCK_STATUS_SUCCESS);
		ck_assert_uint_le(table.capacity, i + i / 2 + 8);
	}
	for (uint32_t i = 1; i <= 100000; i++) {
		ck_assert_ptr_eq(penstock_name_table_find(&table, NAME(0, i), PENSTOCK_NAME_DEVICE),
				 &object);
	}
	penstock_name_table_fini(&table);
	ck_assert_int_eq(penstock_name_table_restore(&table, NAME(0, PENSTOCK_LIMIT_NAMES),
						     PENSTOCK_NAME_DEVICE, &object),
			 PENSTOCK_STATUS_SUCCESS);
	ck_assert_int_eq(
		penstock_name_table_check(&table, NAME(0, PENSTOCK_LIMIT_NAMES + 1), &text),
		PENSTOCK_STATUS_LIMIT_EXCEEDED);
}
END_TEST

START_TEST(a_restored_table_keeps_names_and_floors)
{
	ck_assert_int_eq(
		penstock_name_table_restore(&table, NAME(2, 5), PENSTOCK_NAME_DEVICE, &object),
		PENSTOCK_STATUS_SUCCESS);
	ck_assert_int_eq(penstock_name_table_restore(&table, NAME(9, 3), PENSTOCK_NAME_FREE, NULL),
			 PENSTOCK_STATUS_SUCCESS);
	ck_assert_int_eq(
		penstock_name_table_restore(&table, NAME(4, 5), PENSTOCK_NAME_DEVICE, &another),
		PENSTOCK_STATUS_DATA_ERROR);
	ck_assert_int_eq(penstock_name_table_restore(&table, NAME(0, 0), PENSTOCK_NAME_FREE, NULL),
			 PENSTOCK_STATUS_DATA_ERROR);
	ck_assert_int_eq(
		penstock_name_table_restore(&table, NAME(0, UINT32_MAX), PENSTOCK_NAME_FREE, NULL),
		PENSTOCK_STATUS_DATA_ERROR);
	ck_assert_ptr_eq(penstock_name_table_find(&table, NAME(2, 5), PENSTOCK_NAME_DEVICE),
			 &object);
	ck_assert_ptr_null(penstock_name_table_find(&table, NAME(9, 3), PENSTOCK_NAME_DEVICE));
	/* What the store knew to be freed, or used again with a later generation. */
	ck_assert(penstock_name_table_superseded(&table, NAME(8, 3)));
	ck_assert(penstock_name_table_superseded(&table, NAME(9, 3)));
	ck_assert(!penstock_name_table_superseded(&table, NAME(10, 3)));
	ck_assert(penstock_name_table_superseded(&table, NAME(1, 5)));
	ck_assert(!penstock_name_table_superseded(&table, NAME(2, 5)));
	ck_assert(!penstock_name_table_superseded(&table, NAME(0, 1000)));
	ck_assert_int_eq(insert(NAME(9, 3)), PENSTOCK_STATUS_INVALID_PARAMETER);
	ck_assert_int_eq(insert(NAME(10, 3)), PENSTOCK_STATUS_SUCCESS);
	ck_assert_int_eq(insert(NAME(0, 6)), PENSTOCK_STATUS_SUCCESS);
	/* Below the others and unknown to the store: any generation, as for a new index. */
	ck_assert(!penstock_name_table_superseded(&table, NAME(0, 4)));
	ck_assert_int_eq(insert(NAME(0, 4)), PENSTOCK_STATUS_SUCCESS);
}
END_TEST

START_TEST(the_hash_of_a_token_is_siphash_and_keyed)
{
	/* The test vector of SipHash-2-4: key 00..0f, message 00..0e. */
	const uint64_t known = 0xa129ca6149be45e5ull;
	struct penstock_directory directory;
	uint8_t key[16];
	uint8_t message[15];

	for (uint8_t i = 0; i < 16; i++) {
		key[i] = i;
	}
	for (uint8_t i = 0; i < 15; i++) {
		message[i] = i;
	}
	for (unsigned i = 0; i < 2; i++) {
		ck_assert_int_eq(penstock_directory_init(&directory, key), PENSTOCK_STATUS_SUCCESS);
		for (unsigned again = 0; again < 2; again++) {
			uint32_t hash =
				penstock_directory_hash(&directory, message, sizeof(message));

			ck_assert_int_eq(hash == (uint32_t)(known ^ known >> 32), i == 0);
		}
		penstock_directory_fini(&directory);
		key[0] ^= 1;
	}
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("name_table");
	TCase *tcase = tcase_create("name_table");

	tcase_add_checked_fixture(tcase, set_up, tear_down);
	tcase_add_test(tcase, names_are_dense);
	tcase_add_test(tcase, A3_a_generation_must_grow_and_a_stale_one_is_not_found);
	tcase_add_test(tcase, A3_a_name_is_found_by_its_kind_only);
	tcase_add_test(tcase, memory_follows_the_entries_and_ends_at_the_limit);
	tcase_add_test(tcase, a_restored_table_keeps_names_and_floors);
	tcase_add_test(tcase, the_hash_of_a_token_is_siphash_and_keyed);
	suite_add_tcase(suite, tcase);
	return penstock_test_main(suite);
}
