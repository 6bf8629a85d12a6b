/* SPDX-License-Identifier: MIT */
#include "daemon/store/sqlite_status.h"

#include <sqlite3.h>

static const struct {
	int code; /* an extended code is looked up before its primary one */
	enum penstock_status status;
} statuses[] = {
	{ SQLITE_OK, PENSTOCK_STATUS_SUCCESS },
	{ SQLITE_ROW, PENSTOCK_STATUS_SUCCESS },
	{ SQLITE_DONE, PENSTOCK_STATUS_SUCCESS },
	{ SQLITE_FULL, PENSTOCK_STATUS_DISK_FULL },
	{ SQLITE_NOMEM, PENSTOCK_STATUS_NO_MEMORY },
	{ SQLITE_IOERR_NOMEM, PENSTOCK_STATUS_NO_MEMORY },
	{ SQLITE_IOERR_SHORT_READ, PENSTOCK_STATUS_DATA_ERROR },
	{ SQLITE_IOERR_CORRUPTFS, PENSTOCK_STATUS_DATA_ERROR },
	{ SQLITE_IOERR_DATA, PENSTOCK_STATUS_DATA_ERROR },
	{ SQLITE_CORRUPT, PENSTOCK_STATUS_DATA_ERROR },
	{ SQLITE_NOTADB, PENSTOCK_STATUS_DATA_ERROR },
	/* A statement and the schema disagree, or a row and a constraint: what is there is wrong.
	 */
	{ SQLITE_ERROR, PENSTOCK_STATUS_DATA_ERROR },
	{ SQLITE_CONSTRAINT, PENSTOCK_STATUS_DATA_ERROR },
	{ SQLITE_MISMATCH, PENSTOCK_STATUS_DATA_ERROR },
	{ SQLITE_SCHEMA, PENSTOCK_STATUS_DATA_ERROR },
	{ SQLITE_TOOBIG, PENSTOCK_STATUS_DATA_ERROR },
	{ SQLITE_RANGE, PENSTOCK_STATUS_DATA_ERROR },
	{ SQLITE_FORMAT, PENSTOCK_STATUS_DATA_ERROR },
	{ SQLITE_AUTH, PENSTOCK_STATUS_DATA_ERROR },
	{ SQLITE_INTERNAL, PENSTOCK_STATUS_DATA_ERROR },
};

enum penstock_status penstock_sqlite_status(int code)
{
	const int tries[] = { code, code & 0xff };

	for (size_t i = 0; i < PENSTOCK_ARRAY_SIZE(tries); i++) {
		for (size_t j = 0; j < PENSTOCK_ARRAY_SIZE(statuses); j++) {
			if (statuses[j].code == tries[i]) {
				return statuses[j].status;
			}
		}
	}
	return PENSTOCK_STATUS_IO_DEVICE_ERROR;
}

enum penstock_status penstock_sqlite_failed(struct sqlite3 *sqlite, int code, const char *path,
					    const char *what, struct penstock_errbuf *reterr_text)
{
	bool own = sqlite != NULL && (sqlite3_errcode(sqlite) & 0xff) == (code & 0xff);
	const char *text = own ? sqlite3_errmsg(sqlite) : sqlite3_errstr(code);

	if ((code & 0xff) == SQLITE_BUSY || (code & 0xff) == SQLITE_LOCKED) {
		text = "another process has this database open";
	}
	penstock_errbuf_set(reterr_text, "%s: %s: %s", path, what, text);
	return penstock_sqlite_status(code);
}
