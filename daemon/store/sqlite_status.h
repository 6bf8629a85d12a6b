/* SPDX-License-Identifier: MIT */
/*
 * The one place where sqlite's result codes become statuses of ours.
 */
#ifndef PENSTOCK_SQLITE_STATUS_H
#define PENSTOCK_SQLITE_STATUS_H

#include "proto/base/base.h"
#include "proto/wire/status.h"

struct sqlite3;

/*
 * From a primary or extended result code. SQLITE_OK, _ROW and _DONE are SUCCESS. DATA_ERROR (what
 * is stored is damaged or contradicts itself), DISK_FULL, NO_MEMORY, IO_DEVICE_ERROR (all else).
 */
enum penstock_status penstock_sqlite_status(int code);

/*
 * Fills the text with "PATH: WHAT: sqlite's own sentence" for the connection's last error and
 * returns its status; the code's standard text where it is not the connection's last.
 */
enum penstock_status penstock_sqlite_failed(struct sqlite3 *sqlite, int code, const char *path,
					    const char *what, struct penstock_errbuf *reterr_text);

#endif
