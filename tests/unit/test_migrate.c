/* SPDX-License-Identifier: MIT */
#include "daemon/store/migrate.h"
#include "tests/harness.h"

#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char *directory;
static char path[512];
static sqlite3 *sqlite;
static struct penstock_errbuf text;

#define RECORDS                                                                                    \
	"CREATE TABLE schema_migration (version INTEGER PRIMARY KEY, name TEXT NOT NULL, sha256 "  \
	"TEXT NOT NULL, applied_at INTEGER NOT NULL, penstock_version TEXT NOT NULL) STRICT;"

static const struct penstock_migration three[] = {
	{ 1, "0001-initial", RECORDS "CREATE TABLE thing (id INTEGER PRIMARY KEY) STRICT;" },
	{ 2, "0002-colour", "ALTER TABLE thing ADD COLUMN colour TEXT;" },
	{ 3, "0003-fill", "INSERT INTO thing (id, colour) VALUES (1, 'red');" },
};
static const struct penstock_migration broken[] = {
	{ 1, "0001-initial", RECORDS "CREATE TABLE thing (id INTEGER PRIMARY KEY) STRICT;" },
	{ 2, "0002-half", "CREATE TABLE other (id INTEGER); INSERT INTO nowhere VALUES (1);" },
};
static const struct penstock_migration edited[] = {
	{ 1, "0001-initial", RECORDS "CREATE TABLE thing (id INTEGER PRIMARY KEY);" },
};

static void reopen(void)
{
	sqlite3_close(sqlite);
	ck_assert_int_eq(sqlite3_open(path, &sqlite), SQLITE_OK);
}

static void setup(void)
{
	directory = penstock_test_directory();
	snprintf(path, sizeof(path), "%s/m.db", directory);
	sqlite = NULL;
	reopen();
}

static void teardown(void)
{
	sqlite3_close(sqlite);
	penstock_test_directory_remove(directory);
}

static int number(const char *sql)
{
	sqlite3_stmt *statement;
	int value = -1;

	if (sqlite3_prepare_v2(sqlite, sql, -1, &statement, NULL) != SQLITE_OK) {
		return -1;
	}
	if (sqlite3_step(statement) == SQLITE_ROW) {
		value = sqlite3_column_int(statement, 0);
	}
	sqlite3_finalize(statement);
	return value;
}

static enum penstock_status migrate(const struct penstock_migration *migrations, size_t count)
{
	return penstock_migrate(sqlite, path, migrations, count, &text);
}

START_TEST(an_empty_file_gets_every_migration_and_a_record_of_each)
{
	ck_assert_msg(migrate(three, 3) == PENSTOCK_STATUS_SUCCESS, "%s", text.text);
	ck_assert_int_eq(number("SELECT count(*) FROM thing WHERE colour = 'red'"), 1);
	ck_assert_int_eq(number("PRAGMA user_version"), 3);
	ck_assert_int_eq(number("PRAGMA application_id"), PENSTOCK_STORE_APPLICATION_ID);
	ck_assert_int_eq(number("SELECT count(*) FROM schema_migration WHERE length(sha256) = 64 "
				"AND applied_at > 0 AND penstock_version <> ''"),
			 3);
	reopen();
	ck_assert_msg(migrate(three, 3) == PENSTOCK_STATUS_SUCCESS, "%s", text.text);
	ck_assert_int_eq(number("SELECT count(*) FROM thing"), 1);
}
END_TEST

START_TEST(a_new_database_is_not_copied)
{
	char copy[600];

	ck_assert_msg(migrate(three, 3) == PENSTOCK_STATUS_SUCCESS, "%s", text.text);
	snprintf(copy, sizeof(copy), "%s.before-0001", path);
	ck_assert_int_ne(access(copy, F_OK), 0);
}
END_TEST

START_TEST(an_existing_database_is_copied_before_its_first_migration)
{
	char copy[600];
	sqlite3 *old;

	ck_assert_int_eq(migrate(three, 1), PENSTOCK_STATUS_SUCCESS);
	sqlite3_exec(sqlite, "INSERT INTO thing VALUES (42)", NULL, NULL, NULL);
	/* what an earlier try left behind is in nobody's way */
	snprintf(copy, sizeof(copy), "%s.before-0002.part", path);
	fclose(fopen(copy, "w"));
	reopen();
	ck_assert_msg(migrate(three, 3) == PENSTOCK_STATUS_SUCCESS, "%s", text.text);
	ck_assert_int_ne(access(copy, F_OK), 0);
	snprintf(copy, sizeof(copy), "%s.before-0002", path);
	ck_assert_int_eq(sqlite3_open_v2(copy, &old, SQLITE_OPEN_READWRITE, NULL), SQLITE_OK);
	sqlite3_close(sqlite);
	sqlite = old;
	ck_assert_int_eq(number("PRAGMA user_version"), 1);
	ck_assert_int_eq(number("PRAGMA application_id"), PENSTOCK_STORE_APPLICATION_ID);
	ck_assert_int_eq(number("SELECT id FROM thing"), 42);
}
END_TEST

START_TEST(a_migration_that_fails_leaves_the_schema_before_it)
{
	ck_assert_int_eq(migrate(broken, 2), PENSTOCK_STATUS_DATA_ERROR);
	ck_assert_ptr_nonnull(strstr(text.text, "0002-half"));
	ck_assert_int_eq(number("PRAGMA user_version"), 1);
	ck_assert_int_eq(number("SELECT count(*) FROM sqlite_schema WHERE name = 'other'"), 0);
	ck_assert_msg(migrate(three, 3) == PENSTOCK_STATUS_SUCCESS, "%s", text.text);
}
END_TEST

START_TEST(a_newer_schema_is_refused)
{
	ck_assert_msg(migrate(three, 3) == PENSTOCK_STATUS_SUCCESS, "%s", text.text);
	reopen();
	ck_assert_int_eq(migrate(three, 2), PENSTOCK_STATUS_REVISION_MISMATCH);
	ck_assert_ptr_nonnull(strstr(text.text, "schema version 3 is newer than this"));
}
END_TEST

START_TEST(a_changed_migration_is_refused)
{
	ck_assert_int_eq(migrate(three, 1), PENSTOCK_STATUS_SUCCESS);
	reopen();
	ck_assert_int_eq(migrate(edited, 1), PENSTOCK_STATUS_REVISION_MISMATCH);
	ck_assert_ptr_nonnull(strstr(text.text, "0001-initial was applied from another text"));
}
END_TEST

START_TEST(a_database_of_somebody_else_is_refused)
{
	sqlite3_exec(sqlite, "CREATE TABLE notes (id INTEGER)", NULL, NULL, NULL);
	ck_assert_int_eq(migrate(three, 3), PENSTOCK_STATUS_DATA_ERROR);
	ck_assert_ptr_nonnull(strstr(text.text, "not a Penstock database"));
	sqlite3_exec(sqlite, "PRAGMA application_id = 77; PRAGMA user_version = 1", NULL, NULL,
		     NULL);
	ck_assert_int_eq(migrate(three, 3), PENSTOCK_STATUS_DATA_ERROR);
}
END_TEST

START_TEST(the_embedded_migrations_are_the_files_byte_for_byte)
{
	const char *source = getenv("PENSTOCK_SRCDIR");

	ck_assert_ptr_nonnull(source);
	ck_assert_uint_ge(penstock_migration_count, 1);
	for (size_t i = 0; i < penstock_migration_count; i++) {
		char name[600];
		char bytes[65536];
		size_t size;
		FILE *file;

		snprintf(name, sizeof(name), "%s/migrations/%s.sql", source,
			 penstock_migrations[i].name);
		file = fopen(name, "r");
		ck_assert_msg(file != NULL, "%s", name);
		size = fread(bytes, 1, sizeof(bytes), file);
		fclose(file);
		ck_assert_uint_eq(size, strlen(penstock_migrations[i].sql));
		ck_assert_mem_eq(bytes, penstock_migrations[i].sql, size);
		ck_assert_int_eq(penstock_migrations[i].version, (int)i + 1);
	}
}
END_TEST

START_TEST(a_database_without_a_principal_is_migrated_without_a_copy)
{
	char copy[600];

	snprintf(copy, sizeof(copy), "%s.before-0002", path);
	ck_assert_int_eq(migrate(penstock_migrations, 1), PENSTOCK_STATUS_SUCCESS);
	reopen();
	ck_assert_msg(migrate(penstock_migrations, penstock_migration_count) ==
			      PENSTOCK_STATUS_SUCCESS,
		      "%s", text.text);
	ck_assert_int_ne(access(copy, F_OK), 0);
}
END_TEST

START_TEST(a_database_with_a_principal_is_copied_first)
{
	char copy[600];

	snprintf(copy, sizeof(copy), "%s.before-0002", path);
	ck_assert_int_eq(migrate(penstock_migrations, 1), PENSTOCK_STATUS_SUCCESS);
	ck_assert_int_eq(
		sqlite3_exec(sqlite, "INSERT INTO principal VALUES (1, 'uid:1')", NULL, NULL, NULL),
		SQLITE_OK);
	reopen();
	ck_assert_int_eq(migrate(penstock_migrations, penstock_migration_count),
			 PENSTOCK_STATUS_SUCCESS);
	ck_assert_int_eq(access(copy, F_OK), 0);
}
END_TEST

/* A list of what has shipped: editing a migration must fail here before it fails at a user's. */
START_TEST(shipped_migrations_have_their_hash)
{
	static const char *const hashes[] = {
		"4c529a8e49c83a9b4239564cfddbffed06dfb40564da12cd67024233e69410ce",
		"142dd4ec5c13696eea90a8042c97ec808f869ea14d2b8a3f3bd5412ed4b89c99",
		"a5522592300cb3982ae27794d4cf02dec93d3fb9074a1c3102796e953e1dd725",
		"5a5cb0a12c37c2fa800b70a23cf4891bb4ff41ce6045e1fd6253e6a14539eeb8",
		"a2380ba48da551da250df7d86793b76721464af96222bbafef546c735b6d4546",
		"adb11e9ed1b3f972de37b2ffd4ea7a5cb8e212945831f1daf8d7d7e9ba98ffab",
	};
	char hash[PENSTOCK_MIGRATION_HASH_CHARS + 1];

	ck_assert_uint_eq(PENSTOCK_MIGRATION_HASH_CHARS, strlen(hashes[0]));
	ck_assert_uint_eq(penstock_migration_count, sizeof(hashes) / sizeof(hashes[0]));
	for (size_t i = 0; i < penstock_migration_count; i++) {
		ck_assert_int_eq(penstock_migration_hash(&penstock_migrations[i], hash),
				 PENSTOCK_STATUS_SUCCESS);
		ck_assert_str_eq(hash, hashes[i]);
	}
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("migrate");
	TCase *tcase = tcase_create("migrate");

	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_add_test(tcase, an_empty_file_gets_every_migration_and_a_record_of_each);
	tcase_add_test(tcase, a_new_database_is_not_copied);
	tcase_add_test(tcase, an_existing_database_is_copied_before_its_first_migration);
	tcase_add_test(tcase, a_migration_that_fails_leaves_the_schema_before_it);
	tcase_add_test(tcase, a_newer_schema_is_refused);
	tcase_add_test(tcase, a_changed_migration_is_refused);
	tcase_add_test(tcase, a_database_of_somebody_else_is_refused);
	tcase_add_test(tcase, the_embedded_migrations_are_the_files_byte_for_byte);
	tcase_add_test(tcase, a_database_without_a_principal_is_migrated_without_a_copy);
	tcase_add_test(tcase, a_database_with_a_principal_is_copied_first);
	tcase_add_test(tcase, shipped_migrations_have_their_hash);
	suite_add_tcase(suite, tcase);
	return penstock_test_main(suite);
}
