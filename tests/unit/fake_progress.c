/* SPDX-License-Identifier: MIT */
/* daemon/memory/progress of the fake core: records that outlive a daemon in this process. */
#include "daemon/memory/progress.h"

#include "tests/unit/fake_core.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#define MOST_RECORDS 4096u

static struct progress {
	uint64_t accepted;
	uint64_t completed;
	uint64_t failed;
	uint64_t refused;
	bool used;
	bool claimed;
} progress_records[MOST_RECORDS];
static struct progress saved_progress[MOST_RECORDS];

struct penstock_progress {
	bool keep;
};

enum penstock_status penstock_progress_open(const char *memory_dir,
					    struct penstock_progress **ret_progress,
					    struct penstock_errbuf *reterr_text)
{
	(void)memory_dir;
	(void)reterr_text;
	*ret_progress = calloc(1, sizeof(**ret_progress));
	ck_assert_ptr_nonnull(*ret_progress);
	return PENSTOCK_STATUS_SUCCESS;
}

void penstock_progress_restore_end(struct penstock_progress *progress)
{
	(void)progress;
	for (unsigned i = 1; i < MOST_RECORDS; i++) {
		progress_records[i].used = progress_records[i].claimed;
	}
}

void penstock_progress_keep(struct penstock_progress *progress)
{
	progress->keep = true;
}

void penstock_progress_close(struct penstock_progress *progress)
{
	free(progress);
}

enum penstock_status penstock_progress_allocate(struct penstock_progress *progress,
						uint64_t *ret_record)
{
	uint64_t i = 1;

	(void)progress;
	while (progress_records[i].used) {
		if (++i == MOST_RECORDS) {
			return PENSTOCK_STATUS_NO_MEMORY;
		}
	}
	progress_records[i] = (struct progress){ .used = true, .claimed = true };
	*ret_record = i;
	return PENSTOCK_STATUS_SUCCESS;
}

enum penstock_status penstock_progress_restore(struct penstock_progress *progress, uint64_t record,
					       uint64_t *ret_accepted, uint64_t *ret_completed)
{
	(void)progress;
	if (record >= MOST_RECORDS || !progress_records[record].used ||
	    progress_records[record].claimed) {
		return PENSTOCK_STATUS_NOT_FOUND;
	}
	progress_records[record].claimed = true;
	*ret_accepted = progress_records[record].accepted;
	*ret_completed = progress_records[record].completed;
	return PENSTOCK_STATUS_SUCCESS;
}

void penstock_progress_set_accepted(struct penstock_progress *progress, uint64_t record,
				    uint64_t serial)
{
	(void)progress;
	progress_records[record].accepted = serial;
}

uint64_t fake_core_accepted(uint64_t progress_record)
{
	return progress_records[progress_record].accepted;
}

void penstock_progress_set_completed(struct penstock_progress *progress, uint64_t record,
				     uint64_t serial)
{
	(void)progress;
	progress_records[record].completed = serial;
}

void penstock_progress_set_failed(struct penstock_progress *progress, uint64_t record,
				  uint64_t serial)
{
	(void)progress;
	progress_records[record].failed = serial;
}

uint64_t penstock_progress_failed(const struct penstock_progress *progress, uint64_t record)
{
	(void)progress;
	return progress_records[record].failed;
}

void penstock_progress_set_refused(struct penstock_progress *progress, uint64_t record,
				   uint64_t serial)
{
	struct progress *at = &progress_records[record];

	(void)progress;
	if (at->refused <= at->accepted || at->refused > serial) {
		at->refused = serial;
	}
}

uint64_t penstock_progress_refused(const struct penstock_progress *progress, uint64_t record)
{
	(void)progress;
	return progress_records[record].refused;
}

void penstock_progress_free(struct penstock_progress *progress, uint64_t record)
{
	if (!progress->keep) {
		progress_records[record] = (struct progress){ .used = false };
	}
}

/* ---------------------------------------------------------------- over all */

void fake_progress_lose(void)
{
	memset(progress_records, 0, sizeof(progress_records));
}

void fake_progress_kill(void)
{
	memcpy(saved_progress, progress_records, sizeof(saved_progress));
}

void fake_progress_resurrect(void)
{
	memcpy(progress_records, saved_progress, sizeof(progress_records));
}

void fake_progress_new_run(void)
{
	for (unsigned i = 0; i < MOST_RECORDS; i++) {
		progress_records[i].claimed = false;
	}
}
