/* SPDX-License-Identifier: MIT */
/*
 * A database of each schema that has shipped, as that Penstock wrote it, must open, migrate and
 * load. With PENSTOCK_WRITE_GOLDEN=FILE in the environment the program writes such a file instead;
 * a file that is committed is never written again.
 */
#include "daemon/store/migrate.h"
#include "tests/harness.h"
#include "tests/store_fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A copy: to migrate it means to write to it, and a backup beside it. */
static void copy_golden(int schema, const char *path)
{
	static uint8_t bytes[1u << 20];
	char name[512];
	size_t size;
	FILE *file;

	snprintf(name, sizeof(name), "%s/tests/golden/store-schema-%d.db",
		 getenv("PENSTOCK_SRCDIR"), schema);
	file = fopen(name, "r");
	ck_assert_msg(file != NULL, "%s", name);
	size = fread(bytes, 1, sizeof(bytes), file);
	fclose(file);
	file = fopen(path, "w");
	ck_assert_ptr_nonnull(file);
	ck_assert_uint_eq(fwrite(bytes, 1, size, file), size);
	ck_assert_int_eq(fclose(file), 0);
}

START_TEST(every_shipped_schema_opens_migrates_and_loads)
{
	static const uint32_t rows[] = { 19, 23, 24, 28, 36, 36 };
	char *folder = penstock_test_directory();
	char path[512];
	const struct penstock_store_config config = { .path = path };
	struct store_dump dump = { 0 };
	struct penstock_errbuf text = { "" };
	int schema = _i;

	snprintf(path, sizeof(path), "%s/penstock.db", folder);
	copy_golden(schema, path);
	ck_assert_msg(store_dump_file(&config, &dump, &text) == PENSTOCK_STATUS_SUCCESS, "%s",
		      text.text);
	ck_assert_uint_eq(dump.rows, rows[schema - 1]);
	/* What was before adapters had numbers is adapter 0's. */
	ck_assert_ptr_nonnull(strstr(dump.text, "adapter 0 generation aa..bb\n"));
	ck_assert_int_eq(strstr(dump.text, " adapter 1\n") != NULL, schema >= 3);
	ck_assert_int_eq(strstr(dump.text, "forgotten 12 a client\n") != NULL, schema >= 2);
	ck_assert_int_eq(strstr(dump.text, "\nbound 2 device 2 ") != NULL, schema >= 4);
	ck_assert_int_eq(strstr(dump.text, "\nbinding 2/5 of 2 type 6 ") != NULL, schema >= 5);
	ck_assert_int_eq(strstr(dump.text, " state 3..3f targets 5\n") != NULL, schema >= 6);
	ck_assert_ptr_nonnull(strstr(dump.text, "\nallocation 2 of 2 bytes 8192 "));
	ck_assert_ptr_nonnull(strstr(dump.text, "\nelement 1 of 2 opening 2 write 1 segment 2 "));
	free(dump.text);
	penstock_test_directory_remove(folder);
}
END_TEST

START_TEST(writes_a_new_golden_file)
{
	const struct penstock_store_config config = { .path = getenv("PENSTOCK_WRITE_GOLDEN") };
	struct store_fixture fixture;

	ck_assert_int_eq(store_fixture_open(&fixture, &config), PENSTOCK_STATUS_SUCCESS);
	store_fixture_wait(&fixture, store_fill(fixture.store));
	store_fixture_close(&fixture);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("store schema");
	TCase *tcase = tcase_create("store schema");

	if (getenv("PENSTOCK_WRITE_GOLDEN") != NULL) {
		tcase_add_test(tcase, writes_a_new_golden_file);
	} else {
		tcase_add_loop_test(tcase, every_shipped_schema_opens_migrates_and_loads, 1,
				    (int)penstock_migration_count + 1);
	}
	suite_add_tcase(suite, tcase);
	return penstock_test_main(suite);
}
