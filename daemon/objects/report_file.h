/* SPDX-License-Identifier: MIT */
/*
 * The file of the debug reports: what outlives the daemon of them. A worker writes it whole, beside
 * the one before it, and it takes its place when it is on disk: a crash leaves one or the other.
 *
 *	IDLE --a report--> WRITING --written--> IDLE
 *	                      +--a report--> AGAIN --written--> WRITING, at once
 *
 * A header, then as many reports as it says, as they are in memory:
 *
 *	8 bytes  "PENSTRPT"     4 bytes  1, the version        4 bytes  bytes of a report
 *	4 bytes  how many, at most PENSTOCK_LIMIT_DEBUG_REPORTS    4 bytes  0
 *	8 bytes  XXH3-64 of the reports
 *
 * What reads it believes nothing of it: a file that is not wholly right holds no reports, and the
 * next one takes its place. A failure of the disk costs what would have been kept, and a line in
 * the log. Loop thread, but for what a worker has of it while WRITING or AGAIN.
 */
#ifndef PENSTOCK_REPORT_FILE_H
#define PENSTOCK_REPORT_FILE_H

#include "proto/wire/status.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct penstock_machine;

enum penstock_report_file_state {
	PENSTOCK_REPORT_FILE_IDLE,
	PENSTOCK_REPORT_FILE_WRITING,
	PENSTOCK_REPORT_FILE_AGAIN,
	PENSTOCK_REPORT_FILE_STATE_MAX
};

struct penstock_report_file {
	struct penstock_machine *machine; /* borrowed, embeds us */
	enum penstock_report_file_state state;
	char *path;     /* owned; NULL: there is none */
	uint8_t *bytes; /* owned while WRITING or AGAIN: the worker's */
	size_t size;
	int error; /* of the last write, an errno */
};

/* Of the machine's; reads what an earlier run left. `path` NULL: nothing is kept. SUCCESS,
 * NO_MEMORY. */
enum penstock_status penstock_report_file_init(struct penstock_machine *machine, const char *path);

/* The reports changed. */
void penstock_report_file_save(struct penstock_machine *machine);

static inline bool penstock_report_file_busy(const struct penstock_report_file *file)
{
	return file->state != PENSTOCK_REPORT_FILE_IDLE;
}

/* Not busy. */
void penstock_report_file_fini(struct penstock_report_file *file);

#endif
