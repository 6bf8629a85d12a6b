/* SPDX-License-Identifier: MIT */
#include "daemon/memory/progress.h"

#include "daemon/memory/record_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define STANDS 0x31534e5064726f63ull /* tells a taken record of zeros from a free one */

struct record {
	uint64_t accepted;
	uint64_t completed;
	uint64_t stands;
	uint64_t failed;
	uint64_t refused;
};

static const struct penstock_record_format format = {
	.magic = "PNSprog",
	.version = 2,
	.record_bytes = sizeof(struct record),
};

struct penstock_progress {
	struct penstock_record_file file;
	bool keep;
};

enum penstock_status penstock_progress_open(const char *memory_dir,
					    struct penstock_progress **ret_progress,
					    struct penstock_errbuf *reterr_text)
{
	struct penstock_progress *progress = calloc(1, sizeof(*progress));
	int directory = open(memory_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	enum penstock_status status = PENSTOCK_STATUS_NO_MEMORY;
	bool fresh;

	if (directory < 0) {
		status = penstock_status_from_errno(errno);
		penstock_errbuf_set(reterr_text, "%s: %s", memory_dir, strerror(errno));
	} else if (progress == NULL) {
		penstock_errbuf_set(reterr_text, "no memory for the progress file");
	} else {
		status = penstock_record_file_open(&progress->file, directory, "progress", &format,
						   NULL, &fresh, reterr_text);
	}
	if (directory >= 0) {
		(void)close(directory);
	}
	if (status != PENSTOCK_STATUS_SUCCESS) {
		penstock_progress_close(progress);
		return status;
	}
	*ret_progress = progress;
	return PENSTOCK_STATUS_SUCCESS;
}

void penstock_progress_restore_end(struct penstock_progress *progress)
{
	penstock_record_file_claims_end(&progress->file);
}

void penstock_progress_keep(struct penstock_progress *progress)
{
	progress->keep = true;
}

void penstock_progress_close(struct penstock_progress *progress)
{
	if (progress != NULL) {
		penstock_record_file_close(&progress->file);
		free(progress);
	}
}

/* Records are numbered from 1 for the outside. */
static struct record *taken_record(const struct penstock_progress *progress, uint64_t record)
{
	PENSTOCK_REQUIRE(record > 0 && penstock_record_file_is_taken(&progress->file, record - 1));
	return penstock_record_file_at(&progress->file, record - 1);
}

enum penstock_status penstock_progress_allocate(struct penstock_progress *progress,
						uint64_t *ret_record)
{
	enum penstock_status status;
	uint64_t index;

	status = penstock_record_file_take(&progress->file, &index);
	if (status == PENSTOCK_STATUS_SUCCESS) {
		*ret_record = index + 1;
		__atomic_store_n(&taken_record(progress, *ret_record)->stands, STANDS,
				 __ATOMIC_RELEASE);
	}
	return status;
}

enum penstock_status penstock_progress_restore(struct penstock_progress *progress, uint64_t record,
					       uint64_t *ret_accepted, uint64_t *ret_completed)
{
	const struct record *found;

	if (record == 0 || record > progress->file.capacity) {
		return PENSTOCK_STATUS_NOT_FOUND;
	}
	found = penstock_record_file_at(&progress->file, record - 1);
	if (found->stands != STANDS || !penstock_record_file_claim(&progress->file, record - 1)) {
		return PENSTOCK_STATUS_NOT_FOUND;
	}
	*ret_accepted = found->accepted;
	*ret_completed = found->completed;
	return PENSTOCK_STATUS_SUCCESS;
}

void penstock_progress_set_accepted(struct penstock_progress *progress, uint64_t record,
				    uint64_t serial)
{
	__atomic_store_n(&taken_record(progress, record)->accepted, serial, __ATOMIC_RELEASE);
}

void penstock_progress_set_completed(struct penstock_progress *progress, uint64_t record,
				     uint64_t serial)
{
	__atomic_store_n(&taken_record(progress, record)->completed, serial, __ATOMIC_RELEASE);
}

void penstock_progress_set_failed(struct penstock_progress *progress, uint64_t record,
				  uint64_t serial)
{
	__atomic_store_n(&taken_record(progress, record)->failed, serial, __ATOMIC_RELEASE);
}

uint64_t penstock_progress_failed(const struct penstock_progress *progress, uint64_t record)
{
	return taken_record(progress, record)->failed;
}

void penstock_progress_set_refused(struct penstock_progress *progress, uint64_t record,
				   uint64_t serial)
{
	struct record *taken = taken_record(progress, record);

	if (taken->refused <= taken->accepted || taken->refused > serial) {
		__atomic_store_n(&taken->refused, serial, __ATOMIC_RELEASE);
	}
}

uint64_t penstock_progress_refused(const struct penstock_progress *progress, uint64_t record)
{
	return taken_record(progress, record)->refused;
}

void penstock_progress_free(struct penstock_progress *progress, uint64_t record)
{
	if (record != 0 && !progress->keep) {
		penstock_record_file_free(&progress->file, record - 1);
	}
}
