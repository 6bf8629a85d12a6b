/* SPDX-License-Identifier: MIT */
/*
 * Migrating, in the order in which it is decided:
 *
 *   whose is it? --> how new is it? --> are the recorded hashes ours? --> copy --> migrate, each
 *    DATA_ERROR      REVISION_MISMATCH    REVISION_MISMATCH              beside   in a transaction
 */
#include "daemon/store/migrate.h"

#include "daemon/store/sqlite_status.h"

#include <fcntl.h>
#include <openssl/evp.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "config.h"

struct migrator {
	sqlite3 *sqlite;
	const char *path;
	struct penstock_errbuf *reterr_text;
};

static enum penstock_status failed(const struct migrator *migrator, int code, const char *what)
{
	return penstock_sqlite_failed(migrator->sqlite, code, migrator->path, what,
				      migrator->reterr_text);
}

enum penstock_status penstock_migration_hash(const struct penstock_migration *migration,
					     char ret_hash[PENSTOCK_MIGRATION_HASH_CHARS + 1])
{
	unsigned char digest[EVP_MAX_MD_SIZE];
	unsigned int size = 0;

	if (EVP_Digest(migration->sql, strlen(migration->sql), digest, &size, EVP_sha256(), NULL) !=
		    1 ||
	    size * 2 != PENSTOCK_MIGRATION_HASH_CHARS) {
		return PENSTOCK_STATUS_NO_MEMORY;
	}
	for (unsigned int i = 0; i < size; i++) {
		snprintf(ret_hash + i * 2, 3, "%02x", digest[i]);
	}
	return PENSTOCK_STATUS_SUCCESS;
}

/* The one integer that a statement without parameters answers. */
static enum penstock_status read_number(const struct migrator *migrator, const char *sql,
					int64_t *ret_number)
{
	sqlite3_stmt *statement = NULL;
	int code = sqlite3_prepare_v2(migrator->sqlite, sql, -1, &statement, NULL);

	if (code == SQLITE_OK) {
		code = sqlite3_step(statement);
	}
	if (code == SQLITE_ROW) {
		*ret_number = sqlite3_column_int64(statement, 0);
	}
	sqlite3_finalize(statement);
	if (code != SQLITE_ROW) {
		return failed(migrator, code, "reading the schema version");
	}
	return PENSTOCK_STATUS_SUCCESS;
}

static enum penstock_status execute(const struct migrator *migrator, const char *sql,
				    const char *what)
{
	int code = sqlite3_exec(migrator->sqlite, sql, NULL, NULL, NULL);

	return code == SQLITE_OK ? PENSTOCK_STATUS_SUCCESS : failed(migrator, code, what);
}

/* An application_id of ours, or nothing at all in the file. */
static enum penstock_status check_owner(const struct migrator *migrator, int64_t *ret_version)
{
	int64_t application = 0;
	int64_t version = 0;
	int64_t tables = 0;
	enum penstock_status status;

	status = read_number(migrator, "PRAGMA application_id", &application);
	if (status == PENSTOCK_STATUS_SUCCESS) {
		status = read_number(migrator, "PRAGMA user_version", &version);
	}
	if (status == PENSTOCK_STATUS_SUCCESS) {
		status = read_number(migrator, "SELECT count(*) FROM sqlite_schema", &tables);
	}
	if (status != PENSTOCK_STATUS_SUCCESS) {
		return status;
	}
	if (application == 0 && version == 0 && tables == 0) {
		*ret_version = 0;
		return PENSTOCK_STATUS_SUCCESS;
	}
	if (application != PENSTOCK_STORE_APPLICATION_ID || version < 1) {
		penstock_errbuf_set(migrator->reterr_text,
				    "%s: not a Penstock database (application id %#llx, version "
				    "%lld)",
				    migrator->path, (unsigned long long)application,
				    (long long)version);
		return PENSTOCK_STATUS_DATA_ERROR;
	}
	*ret_version = version;
	return PENSTOCK_STATUS_SUCCESS;
}

/* The recorded hash and name of one migration against this build's. */
static enum penstock_status check_recorded(const struct migrator *migrator, sqlite3_stmt *statement,
					   const struct penstock_migration *migration)
{
	char hash[PENSTOCK_MIGRATION_HASH_CHARS + 1];
	const char *recorded;
	enum penstock_status status = penstock_migration_hash(migration, hash);
	int code;

	if (status != PENSTOCK_STATUS_SUCCESS) {
		penstock_errbuf_set(migrator->reterr_text, "SHA-256 is not to be had");
		return status;
	}
	sqlite3_reset(statement);
	code = sqlite3_bind_int(statement, 1, migration->version);
	if (code == SQLITE_OK) {
		code = sqlite3_step(statement);
	}
	if (code == SQLITE_DONE) {
		penstock_errbuf_set(migrator->reterr_text,
				    "%s: schema_migration has no row for version %d",
				    migrator->path, migration->version);
		return PENSTOCK_STATUS_DATA_ERROR;
	}
	if (code != SQLITE_ROW) {
		return failed(migrator, code, "reading schema_migration");
	}
	recorded = (const char *)sqlite3_column_text(statement, 0);
	if (recorded == NULL || strcmp(recorded, hash) != 0) {
		penstock_errbuf_set(migrator->reterr_text,
				    "%s: migration %s was applied from another text than this "
				    "Penstock's",
				    migrator->path, migration->name);
		return PENSTOCK_STATUS_REVISION_MISMATCH;
	}
	return PENSTOCK_STATUS_SUCCESS;
}

static enum penstock_status check_history(const struct migrator *migrator,
					  const struct penstock_migration *migrations,
					  int64_t version)
{
	sqlite3_stmt *statement = NULL;
	enum penstock_status status = PENSTOCK_STATUS_SUCCESS;
	int code = sqlite3_prepare_v2(migrator->sqlite,
				      "SELECT sha256 FROM schema_migration WHERE version = ?1", -1,
				      &statement, NULL);

	if (code != SQLITE_OK) {
		return failed(migrator, code, "reading schema_migration");
	}
	for (int64_t i = 0; i < version && status == PENSTOCK_STATUS_SUCCESS; i++) {
		status = check_recorded(migrator, statement, &migrations[i]);
	}
	sqlite3_finalize(statement);
	return status;
}

static enum penstock_status vacuum_into(const struct migrator *migrator, const char *copy)
{
	sqlite3_stmt *statement = NULL;
	int code = sqlite3_prepare_v2(migrator->sqlite, "VACUUM INTO ?1", -1, &statement, NULL);

	if (code == SQLITE_OK) {
		code = sqlite3_bind_text(statement, 1, copy, -1, SQLITE_STATIC);
	}
	if (code == SQLITE_OK) {
		code = sqlite3_step(statement);
	}
	if (code == SQLITE_DONE) {
		code = SQLITE_OK;
	}
	sqlite3_finalize(statement);
	return code == SQLITE_OK ? PENSTOCK_STATUS_SUCCESS
				 : failed(migrator, code, "copying it before its migration");
}

/*
 * Whether there is anything that a migration could spoil: everything hangs on a principal. What a
 * power loss between two migrations of a new database leaves is empty.
 */
static bool holds_something(const struct migrator *migrator)
{
	sqlite3_stmt *statement = NULL;
	bool empty = sqlite3_prepare_v2(migrator->sqlite, "SELECT 1 FROM principal LIMIT 1", -1,
					&statement, NULL) == SQLITE_OK &&
		     sqlite3_step(statement) == SQLITE_DONE;

	sqlite3_finalize(statement);
	return !empty;
}

/* A file, or the folder of one. */
static int sync_path(const char *path, int flags)
{
	int descriptor = open(path, O_RDONLY | O_CLOEXEC | flags);
	int result;

	if (descriptor < 0) {
		return -1;
	}
	result = fsync(descriptor);
	(void)close(descriptor);
	return result;
}

/* `path` is cut to its folder and comes back whole. */
static int sync_folder_of(char *path)
{
	char *slash = strrchr(path, '/');
	int result;

	if (slash == NULL) {
		return sync_path(".", O_DIRECTORY);
	}
	*slash = '\0';
	result = sync_path(slash == path ? "/" : path, O_DIRECTORY);
	*slash = '/';
	return result;
}

/* The copy gets its name when it is whole and synced, which VACUUM INTO does not promise. */
static enum penstock_status make_copy(const struct migrator *migrator, const char *part,
				      const char *copy)
{
	enum penstock_status status;

	(void)unlink(part);
	status = vacuum_into(migrator, part);
	if (status == PENSTOCK_STATUS_SUCCESS &&
	    (sync_path(part, 0) != 0 || rename(part, copy) != 0)) {
		penstock_errbuf_set(migrator->reterr_text, "%s: cannot be synced and renamed",
				    part);
		status = PENSTOCK_STATUS_IO_DEVICE_ERROR;
	}
	return status;
}

/*
 * It is on disk, with its name, before the migration begins. A copy that an earlier try finished is
 * kept, since it holds the same.
 */
static enum penstock_status back_up(const struct migrator *migrator, int64_t version)
{
	size_t room = strlen(migrator->path) + sizeof(".before-9223372036854775807.part");
	char *copy = malloc(room);
	char *part = malloc(room);
	enum penstock_status status = PENSTOCK_STATUS_NO_MEMORY;

	if (copy == NULL || part == NULL) {
		penstock_errbuf_set(migrator->reterr_text, "out of memory");
		goto free_names;
	}
	snprintf(copy, room, "%s.before-%04lld", migrator->path, (long long)version + 1);
	snprintf(part, room, "%s.part", copy);
	status =
		access(copy, F_OK) == 0 ? PENSTOCK_STATUS_SUCCESS : make_copy(migrator, part, copy);
	/* also of one that was found: who made it may not have come to that */
	if (status == PENSTOCK_STATUS_SUCCESS && sync_folder_of(copy) != 0) {
		penstock_errbuf_set(migrator->reterr_text, "%s: its folder cannot be synced", copy);
		status = PENSTOCK_STATUS_IO_DEVICE_ERROR;
	}
free_names:
	free(copy);
	free(part);
	return status;
}

static enum penstock_status record(const struct migrator *migrator,
				   const struct penstock_migration *migration)
{
	char hash[PENSTOCK_MIGRATION_HASH_CHARS + 1];
	char sql[128];
	sqlite3_stmt *statement = NULL;
	int code;

	if (penstock_migration_hash(migration, hash) != PENSTOCK_STATUS_SUCCESS) {
		penstock_errbuf_set(migrator->reterr_text, "SHA-256 is not to be had");
		return PENSTOCK_STATUS_NO_MEMORY;
	}
	code = sqlite3_prepare_v2(migrator->sqlite,
				  "INSERT INTO schema_migration (version, name, sha256, "
				  "applied_at, penstock_version) VALUES (?1, ?2, ?3, "
				  "unixepoch(), ?4)",
				  -1, &statement, NULL);
	if (code == SQLITE_OK) {
		(void)sqlite3_bind_int(statement, 1, migration->version);
		(void)sqlite3_bind_text(statement, 2, migration->name, -1, SQLITE_STATIC);
		(void)sqlite3_bind_text(statement, 3, hash, -1, SQLITE_STATIC);
		(void)sqlite3_bind_text(statement, 4, PACKAGE_VERSION, -1, SQLITE_STATIC);
		code = sqlite3_step(statement);
	}
	sqlite3_finalize(statement);
	if (code != SQLITE_DONE) {
		return failed(migrator, code, "recording a migration");
	}
	/* Both are in the file's header, and change with the transaction. */
	snprintf(sql, sizeof(sql), "PRAGMA application_id = %d; PRAGMA user_version = %d",
		 PENSTOCK_STORE_APPLICATION_ID, migration->version);
	return execute(migrator, sql, "recording a migration");
}

static enum penstock_status apply(const struct migrator *migrator,
				  const struct penstock_migration *migration)
{
	enum penstock_status status = execute(migrator, "BEGIN IMMEDIATE", "starting a migration");

	if (status != PENSTOCK_STATUS_SUCCESS) {
		return status;
	}
	status = execute(migrator, migration->sql, migration->name);
	if (status == PENSTOCK_STATUS_SUCCESS) {
		status = record(migrator, migration);
	}
	if (status == PENSTOCK_STATUS_SUCCESS) {
		status = execute(migrator, "COMMIT", "committing a migration");
	}
	if (status != PENSTOCK_STATUS_SUCCESS) {
		(void)sqlite3_exec(migrator->sqlite, "ROLLBACK", NULL, NULL, NULL);
	}
	return status;
}

/* Owner and version: what must be right before anything is changed. */
static enum penstock_status admit(const struct migrator *migrator, size_t count,
				  int64_t *ret_version)
{
	enum penstock_status status = check_owner(migrator, ret_version);

	if (status == PENSTOCK_STATUS_SUCCESS && (uint64_t)*ret_version > count) {
		penstock_errbuf_set(migrator->reterr_text,
				    "%s: schema version %lld is newer than this Penstock's %zu",
				    migrator->path, (long long)*ret_version, count);
		return PENSTOCK_STATUS_REVISION_MISMATCH;
	}
	return status;
}

enum penstock_status penstock_migrate_admit(struct sqlite3 *sqlite, const char *path, size_t count,
					    struct penstock_errbuf *reterr_text)
{
	const struct migrator migrator = { .sqlite = sqlite,
					   .path = path,
					   .reterr_text = reterr_text };
	int64_t version = 0;

	return admit(&migrator, count, &version);
}

enum penstock_status penstock_migrate(struct sqlite3 *sqlite, const char *path,
				      const struct penstock_migration *migrations, size_t count,
				      struct penstock_errbuf *reterr_text)
{
	const struct migrator migrator = { .sqlite = sqlite,
					   .path = path,
					   .reterr_text = reterr_text };
	int64_t version = 0;
	enum penstock_status status = admit(&migrator, count, &version);

	if (status == PENSTOCK_STATUS_SUCCESS && version > 0) {
		status = check_history(&migrator, migrations, version);
	}
	if (status == PENSTOCK_STATUS_SUCCESS && version > 0 && (uint64_t)version < count &&
	    holds_something(&migrator)) {
		status = back_up(&migrator, version);
	}
	for (size_t i = (size_t)version; i < count && status == PENSTOCK_STATUS_SUCCESS; i++) {
		status = apply(&migrator, &migrations[i]);
	}
	return status;
}
