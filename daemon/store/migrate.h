/* SPDX-License-Identifier: MIT */
/*
 * Brings a database to the schema of this build: migrations/NNNN-name.sql in order, each in a
 * transaction of its own that also records its SHA-256, name, time and Penstock's version. What
 * has shipped is never edited; a database whose recorded hash differs is refused, as is one that
 * a newer build wrote. Before the first migration of a database that holds something, a copy is
 * made beside it, so that going back needs no tool.
 * Documents: docs/store.md.
 */
#ifndef PENSTOCK_MIGRATE_H
#define PENSTOCK_MIGRATE_H

#include "proto/base/base.h"
#include "proto/wire/status.h"

struct sqlite3;

/* "PNSK": says in the file's header whose database it is. */
#define PENSTOCK_STORE_APPLICATION_ID 0x504e534b

struct penstock_migration {
	int version; /* 1 for the first, then one more each */
	const char *name;
	const char *sql;
};

/* Made at build time from migrations/. */
extern const struct penstock_migration penstock_migrations[];
extern const size_t penstock_migration_count;

/*
 * Whether a file is one that this Penstock may open: empty, or its own and of no newer schema.
 * Changes nothing. SUCCESS; REVISION_MISMATCH; DATA_ERROR (not Penstock's); IO_DEVICE_ERROR;
 * NO_MEMORY.
 */
PENSTOCK_MUST_CHECK
enum penstock_status penstock_migrate_admit(struct sqlite3 *sqlite, const char *path, size_t count,
					    struct penstock_errbuf *reterr_text);

/*
 * The store thread's connection before its thread starts, no transaction open. `path` is the
 * database's, for sentences and for the copy (PATH.before-NNNN). SUCCESS; REVISION_MISMATCH;
 * DATA_ERROR (not Penstock's, damaged, or a migration that does not apply); DISK_FULL;
 * IO_DEVICE_ERROR; NO_MEMORY.
 */
PENSTOCK_MUST_CHECK
enum penstock_status penstock_migrate(struct sqlite3 *sqlite, const char *path,
				      const struct penstock_migration *migrations, size_t count,
				      struct penstock_errbuf *reterr_text);

#define PENSTOCK_MIGRATION_HASH_CHARS 64

/* SHA-256 of a migration's text in hexadecimal, as sha256sum prints it for the file. */
PENSTOCK_MUST_CHECK
enum penstock_status penstock_migration_hash(const struct penstock_migration *migration,
					     char ret_hash[PENSTOCK_MIGRATION_HASH_CHARS + 1]);

#endif
