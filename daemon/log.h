/* SPDX-License-Identifier: MIT */
/*
 * The daemon's log: standard error, one line a message: level, group, text with key=value pairs.
 * Under systemd a line starts with "<level>"; otherwise with the time and the level's name. Never
 * payload, never secrets. Bytes that are not printable are escaped, so that a line stays a line.
 * Libraries do not log; they return a status and a sentence, or call back. Loop thread only.
 */
#ifndef PENSTOCK_LOG_H
#define PENSTOCK_LOG_H

#include "proto/base/base.h"

enum penstock_log_level {
	PENSTOCK_LOG_CRITICAL = 2, /* as in syslog */
	PENSTOCK_LOG_ERROR = 3,
	PENSTOCK_LOG_WARNING = 4,
	PENSTOCK_LOG_NOTICE = 5,
	PENSTOCK_LOG_INFO = 6,
	PENSTOCK_LOG_DEBUG = 7,
};

struct penstock_log {
	int descriptor;
	int level; /* the least important that is written */
	bool journal;
};

/* Standard error; `journal` where JOURNAL_STREAM says that systemd reads it. */
void penstock_log_init(struct penstock_log *log, int level);

/* group: "net", "store", ... Static. At most 1000 bytes of text are kept. */
void penstock_log(const struct penstock_log *log, int level, const char *group, const char *format,
		  ...) PENSTOCK_PRINTF(4, 5);

#endif
