/* SPDX-License-Identifier: MIT */
#include "daemon/store/database.h"

#include "daemon/store/migrate.h"
#include "daemon/store/sqlite_status.h"

#include <errno.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* 4 MiB of pages: a checkpoint of that takes a few milliseconds. */
#define CHECKPOINT_FRAMES 1000

static const struct {
	const char *text;
	bool may_scan;
} statements[PENSTOCK_STATEMENT_COUNT] = {
#define STATEMENT(name, may_scan, text) [PENSTOCK_STATEMENT_##name] = { text, may_scan },
#include "daemon/store/statements.def"
#undef STATEMENT
};

const char *penstock_statement_text(enum penstock_store_statement statement, bool *ret_may_scan)
{
	*ret_may_scan = statements[statement].may_scan;
	return statements[statement].text;
}

static enum penstock_status failed(struct penstock_database *database, int code, const char *what,
				   struct penstock_errbuf *reterr_text)
{
	return penstock_sqlite_failed(database->sqlite, code, database->path, what, reterr_text);
}

/* ---------------------------------------------------------------- settings */

/* What a file that somebody tampered with can make sqlite do for it: as little as possible. */
static const struct {
	int option;
	int value;
} switches[] = {
	{ SQLITE_DBCONFIG_DEFENSIVE, 1 },   { SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0 },
	{ SQLITE_DBCONFIG_ENABLE_FKEY, 1 }, { SQLITE_DBCONFIG_ENABLE_TRIGGER, 0 },
	{ SQLITE_DBCONFIG_ENABLE_VIEW, 0 }, { SQLITE_DBCONFIG_ENABLE_LOAD_EXTENSION, 0 },
	{ SQLITE_DBCONFIG_DQS_DML, 0 },     { SQLITE_DBCONFIG_DQS_DDL, 0 },
};

static const struct {
	int limit;
	int value;
} limits[] = {
	{ SQLITE_LIMIT_LENGTH, 1 << 20 },     { SQLITE_LIMIT_SQL_LENGTH, 100000 },
	{ SQLITE_LIMIT_COLUMN, 64 },          { SQLITE_LIMIT_EXPR_DEPTH, 50 },
	{ SQLITE_LIMIT_COMPOUND_SELECT, 5 },  { SQLITE_LIMIT_VDBE_OP, 25000 },
	{ SQLITE_LIMIT_FUNCTION_ARG, 8 },     { SQLITE_LIMIT_LIKE_PATTERN_LENGTH, 50 },
	{ SQLITE_LIMIT_VARIABLE_NUMBER, 32 }, { SQLITE_LIMIT_TRIGGER_DEPTH, 10 },
	{ SQLITE_LIMIT_WORKER_THREADS, 0 },
};

/*
 * No mmap: a damaged disk is then an error code and not a signal. The lock is ours for as long as
 * we live, so the log's index needs no shared memory and a second daemon is refused. Checkpoints
 * are made by the store thread after it has acknowledged, never inside a commit.
 */
static const char settings[] = "PRAGMA mmap_size = 0;"
			       "PRAGMA locking_mode = EXCLUSIVE;"
			       "PRAGMA cell_size_check = ON;"
			       "PRAGMA temp_store = MEMORY;"
			       "PRAGMA cache_size = -16384;";

/*
 * After `synchronous`: becoming a WAL database is itself a transaction with a rollback journal,
 * and EXTRA is what syncs that journal's deletion. One that came back after a power loss would be
 * rolled back into the file.
 */
static const char log_settings[] = "PRAGMA journal_mode = WAL;"
				   "PRAGMA wal_autocheckpoint = 0;"
				   "PRAGMA journal_size_limit = 16777216;";

static const char *const synchronous[] = {
	[PENSTOCK_STORE_EXTRA] = "PRAGMA synchronous = EXTRA",
	[PENSTOCK_STORE_FULL] = "PRAGMA synchronous = FULL",
	[PENSTOCK_STORE_NORMAL] = "PRAGMA synchronous = NORMAL",
	[PENSTOCK_STORE_OFF] = "PRAGMA synchronous = OFF",
};

static int count_frames(void *argument, sqlite3 *sqlite, const char *name, int frames)
{
	struct penstock_database *database = argument;

	(void)sqlite;
	(void)name;
	database->wal_frames = (uint32_t)frames;
	return SQLITE_OK;
}

static int configure(struct penstock_database *database, const struct penstock_store_config *config)
{
	int code = SQLITE_OK;

	for (size_t i = 0; i < PENSTOCK_ARRAY_SIZE(switches) && code == SQLITE_OK; i++) {
		code = sqlite3_db_config(database->sqlite, switches[i].option, switches[i].value,
					 (int *)NULL);
	}
	for (size_t i = 0; i < PENSTOCK_ARRAY_SIZE(limits); i++) {
		(void)sqlite3_limit(database->sqlite, limits[i].limit, limits[i].value);
	}
	if (code == SQLITE_OK) {
		code = sqlite3_exec(database->sqlite, settings, NULL, NULL, NULL);
	}
	if (code == SQLITE_OK) {
		code = sqlite3_exec(database->sqlite, synchronous[config->test.synchronous], NULL,
				    NULL, NULL);
	}
	(void)sqlite3_wal_hook(database->sqlite, count_frames, database);
	return code;
}

/* The first change of a file: not before it is known to be ours. */
static enum penstock_status make_log(struct penstock_database *database,
				     struct penstock_errbuf *reterr_text)
{
	int code = sqlite3_exec(database->sqlite, log_settings, NULL, NULL, NULL);

	return code == SQLITE_OK ? PENSTOCK_STATUS_SUCCESS
				 : failed(database, code, "opening", reterr_text);
}

/* ---------------------------------------------------------------- opening */

/* What sqlite would call an I/O error, or change before it finds out. It makes what is not there.
 */
static enum penstock_status look_at(const char *path, const char *suffix,
				    struct penstock_errbuf *reterr_text)
{
	char name[4096];
	struct stat there;
	int length = snprintf(name, sizeof(name), "%s%s", path, suffix);

	if (length < 0 || (size_t)length >= sizeof(name)) {
		penstock_errbuf_set(reterr_text, "%.180s...: the path is too long", path);
		return PENSTOCK_STATUS_INVALID_PARAMETER;
	}
	if (stat(name, &there) == 0 && !S_ISREG(there.st_mode)) {
		penstock_errbuf_set(reterr_text, "%s: is no file", name);
		return PENSTOCK_STATUS_INVALID_PARAMETER;
	}
	if (access(name, R_OK | W_OK) != 0 && errno != ENOENT) {
		penstock_errbuf_set(reterr_text, "%s: cannot be read and written: %s", name,
				    strerror(errno));
		return PENSTOCK_STATUS_ACCESS_DENIED;
	}
	return PENSTOCK_STATUS_SUCCESS;
}

#define HEADER_BYTES 100u

/* Bytes of a page, as the header of a database says. */
static uint32_t page_bytes(const uint8_t header[HEADER_BYTES])
{
	uint32_t bytes = (uint32_t)header[16] << 8 | header[17];

	return bytes == 1 ? 65536 : bytes;
}

static bool has_bytes(const char *path, const char *suffix)
{
	char name[4096];
	struct stat there;

	snprintf(name, sizeof(name), "%s%s", path, suffix);
	return stat(name, &there) == 0 && there.st_size > 0;
}

/*
 * sqlite takes a last page that was cut for one that ends in zeros, and a file too short for a
 * header for an empty one. A log may mend that; without one it is damage.
 */
static enum penstock_status look_at_end(const char *path, struct penstock_errbuf *reterr_text)
{
	static const char magic[] = "SQLite format 3";
	uint8_t header[HEADER_BYTES] = { 0 };
	struct stat there;
	ssize_t got = 0;
	int descriptor;

	if (has_bytes(path, "-wal") || has_bytes(path, "-journal")) {
		return PENSTOCK_STATUS_SUCCESS;
	}
	descriptor = open(path, O_RDONLY | O_CLOEXEC);
	if (descriptor < 0) {
		return PENSTOCK_STATUS_SUCCESS;
	}
	if (fstat(descriptor, &there) == 0 && there.st_size > 0) {
		got = pread(descriptor, header, sizeof(header), 0);
	}
	close(descriptor);
	if (got <= 0 || (got == HEADER_BYTES &&
			 (memcmp(header, magic, sizeof(magic)) != 0 || page_bytes(header) == 0 ||
			  there.st_size % page_bytes(header) == 0))) {
		return PENSTOCK_STATUS_SUCCESS;
	}
	penstock_errbuf_set(reterr_text, "%s: damaged: it ends inside a page", path);
	return PENSTOCK_STATUS_DATA_ERROR;
}

static enum penstock_status look_at_files(const char *path, struct penstock_errbuf *reterr_text)
{
	enum penstock_status status = look_at(path, "", reterr_text);

	if (status == PENSTOCK_STATUS_SUCCESS) {
		status = look_at(path, "-wal", reterr_text);
	}
	return status == PENSTOCK_STATUS_SUCCESS ? look_at_end(path, reterr_text) : status;
}

static enum penstock_status connect_file(struct penstock_database *database,
					 const struct penstock_store_config *config,
					 struct penstock_errbuf *reterr_text)
{
	int code =
		sqlite3_open_v2(database->path, &database->sqlite,
				SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX |
					SQLITE_OPEN_EXRESCODE | SQLITE_OPEN_PRIVATECACHE,
				config->test.vfs);

	if (code == SQLITE_OK) {
		/* The lock of a daemon that was just killed goes a moment after it. */
		code = sqlite3_busy_timeout(database->sqlite, 1000);
	}
	if (code == SQLITE_OK) {
		code = configure(database, config);
	}
	return code == SQLITE_OK ? PENSTOCK_STATUS_SUCCESS
				 : failed(database, code, "opening", reterr_text);
}

static enum penstock_status prepare(struct penstock_database *database,
				    struct penstock_errbuf *reterr_text)
{
	for (size_t i = 0; i < PENSTOCK_STATEMENT_COUNT; i++) {
		int code = sqlite3_prepare_v3(database->sqlite, statements[i].text, -1,
					      SQLITE_PREPARE_PERSISTENT, &database->statements[i],
					      NULL);

		if (code != SQLITE_OK) {
			return failed(database, code, "its schema is not what it says",
				      reterr_text);
		}
	}
	return PENSTOCK_STATUS_SUCCESS;
}

/* The file's structure: one row, "ok". Before anything is written, to a damaged file least of all.
 */
static enum penstock_status quick_check(struct penstock_database *database,
					struct penstock_errbuf *reterr_text)
{
	sqlite3_stmt *statement;
	int code =
		sqlite3_prepare_v2(database->sqlite, "PRAGMA quick_check(1)", -1, &statement, NULL);
	const char *text = NULL;
	enum penstock_status status = PENSTOCK_STATUS_SUCCESS;

	if (code == SQLITE_OK) {
		code = sqlite3_step(statement);
	}
	if (code == SQLITE_ROW) {
		text = (const char *)sqlite3_column_text(statement, 0);
	}
	if (code != SQLITE_ROW) {
		status = failed(database, code, "checking", reterr_text);
	} else if (text == NULL || strcmp(text, "ok") != 0) {
		penstock_errbuf_set(reterr_text, "%s: damaged: %s", database->path,
				    text != NULL ? text : "unreadable");
		status = PENSTOCK_STATUS_DATA_ERROR;
	}
	sqlite3_finalize(statement);
	return status;
}

/* Every reference leads somewhere: no row, or the first that does not. */
static enum penstock_status foreign_key_check(struct penstock_database *database,
					      struct penstock_errbuf *reterr_text)
{
	sqlite3_stmt *statement = database->statements[PENSTOCK_STATEMENT_FOREIGN_KEY_CHECK];
	int code = sqlite3_step(statement);
	enum penstock_status status = PENSTOCK_STATUS_SUCCESS;

	if (code == SQLITE_ROW) {
		const char *table = (const char *)sqlite3_column_text(statement, 0);
		const char *parent = (const char *)sqlite3_column_text(statement, 2);

		penstock_errbuf_set(reterr_text, "%s: damaged: %s, row %lld: no such %s",
				    database->path, table != NULL ? table : "?",
				    (long long)sqlite3_column_int64(statement, 1),
				    parent != NULL ? parent : "parent");
		status = PENSTOCK_STATUS_DATA_ERROR;
	} else if (code != SQLITE_DONE) {
		status = failed(database, code, "checking references", reterr_text);
	}
	sqlite3_reset(statement);
	return status;
}

static enum penstock_status read_highest_ids(struct penstock_database *database,
					     struct penstock_errbuf *reterr_text)
{
	sqlite3_stmt *statement = database->statements[PENSTOCK_STATEMENT_LOAD_HIGHEST_ID];
	enum penstock_status status = PENSTOCK_STATUS_SUCCESS;
	int code;

	while ((code = sqlite3_step(statement)) == SQLITE_ROW) {
		union penstock_store_row row;

		status = penstock_table_read(PENSTOCK_TABLE_HIGHEST_ID, statement, database->path,
					     &row, reterr_text);
		if (status != PENSTOCK_STATUS_SUCCESS) {
			break;
		}
		database->highest_id[row.highest_id.kind] = row.highest_id.id;
	}
	if (status == PENSTOCK_STATUS_SUCCESS && code != SQLITE_DONE) {
		status = failed(database, code, "reading highest_id", reterr_text);
	}
	sqlite3_reset(statement);
	return status;
}

/* sqlite syncs the folder of a journal it makes; the database's own entry is ours to see to. */
static enum penstock_status sync_folder(const struct penstock_database *database,
					struct penstock_errbuf *reterr_text)
{
	char *folder = strdup(database->path);
	char *slash;
	int descriptor;
	int result = -1;

	if (folder == NULL) {
		penstock_errbuf_set(reterr_text, "out of memory");
		return PENSTOCK_STATUS_NO_MEMORY;
	}
	slash = strrchr(folder, '/');
	if (slash != NULL) {
		slash[slash == folder] = '\0';
	}
	descriptor = open(slash != NULL ? folder : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (descriptor >= 0) {
		result = fsync(descriptor);
		close(descriptor);
	}
	free(folder);
	if (result != 0) {
		penstock_errbuf_set(reterr_text, "%s: its folder cannot be synced", database->path);
		return PENSTOCK_STATUS_IO_DEVICE_ERROR;
	}
	return PENSTOCK_STATUS_SUCCESS;
}

static enum penstock_status open_steps(struct penstock_database *database,
				       const struct penstock_store_config *config,
				       struct penstock_errbuf *reterr_text)
{
	enum penstock_status status = config->test.vfs == NULL
					      ? look_at_files(database->path, reterr_text)
					      : PENSTOCK_STATUS_SUCCESS;

	if (status == PENSTOCK_STATUS_SUCCESS) {
		status = connect_file(database, config, reterr_text);
	}
	if (status == PENSTOCK_STATUS_SUCCESS) {
		status = penstock_migrate_admit(database->sqlite, database->path,
						penstock_migration_count, reterr_text);
	}
	if (status == PENSTOCK_STATUS_SUCCESS) {
		status = quick_check(database, reterr_text);
	}
	if (status == PENSTOCK_STATUS_SUCCESS) {
		status = make_log(database, reterr_text);
	}
	if (status == PENSTOCK_STATUS_SUCCESS) {
		status = penstock_migrate(database->sqlite, database->path, penstock_migrations,
					  penstock_migration_count, reterr_text);
	}
	if (status == PENSTOCK_STATUS_SUCCESS && config->test.vfs == NULL) {
		status = sync_folder(database, reterr_text);
	}
	if (status == PENSTOCK_STATUS_SUCCESS) {
		/* VACUUM INTO needed it; nothing does from here on. */
		(void)sqlite3_limit(database->sqlite, SQLITE_LIMIT_ATTACHED, 0);
		status = prepare(database, reterr_text);
	}
	if (status == PENSTOCK_STATUS_SUCCESS) {
		status = foreign_key_check(database, reterr_text);
	}
	if (status == PENSTOCK_STATUS_SUCCESS) {
		status = read_highest_ids(database, reterr_text);
	}
	return status;
}

enum penstock_status penstock_database_open(struct penstock_database *database,
					    const struct penstock_store_config *config,
					    struct penstock_errbuf *reterr_text)
{
	enum penstock_status status;

	*database = (struct penstock_database){
		.path = strdup(config->path),
		.checkpoint_frames = config->test.checkpoint_frames != 0
					     ? config->test.checkpoint_frames
					     : CHECKPOINT_FRAMES,
	};
	if (database->path == NULL) {
		penstock_errbuf_set(reterr_text, "out of memory");
		return PENSTOCK_STATUS_NO_MEMORY;
	}
	status = open_steps(database, config, reterr_text);
	if (status != PENSTOCK_STATUS_SUCCESS) {
		penstock_database_close(database);
	}
	return status;
}

void penstock_database_close(struct penstock_database *database)
{
	for (size_t i = 0; i < PENSTOCK_STATEMENT_COUNT; i++) {
		sqlite3_finalize(database->statements[i]);
	}
	(void)sqlite3_close(database->sqlite);
	free(database->path);
	*database = (struct penstock_database){ 0 };
}

void penstock_database_checkpoint(struct penstock_database *database)
{
	if (database->wal_frames < database->checkpoint_frames) {
		return;
	}
	if (sqlite3_wal_checkpoint_v2(database->sqlite, NULL, SQLITE_CHECKPOINT_PASSIVE, NULL,
				      NULL) == SQLITE_OK) {
		database->wal_frames = 0;
	}
}
