/* SPDX-License-Identifier: MIT */
#include "daemon/memory/progress.h"

#include "daemon/memory/internal.h"

#define STANDS 0x31534e5064726f63ull /* tells a taken record of zeros from a free one */

struct record {
	uint64_t accepted;
	uint64_t completed;
	uint64_t stands;
	uint64_t failed;
};

static const struct penstock_record_format format = {
	.magic = "PNSprog",
	.version = 1,
	.record_bytes = sizeof(struct record),
};

enum penstock_status penstock_progress_open(struct penstock_vidmm *vidmm,
					    struct penstock_errbuf *reterr_text)
{
	bool fresh;

	return penstock_record_file_open(&vidmm->progress, vidmm->directory, "progress", &format,
					 vidmm->locations.file.generation, &fresh, reterr_text);
}

/* Records are numbered from 1 for the outside. */
static struct record *taken_record(const struct penstock_vidmm *vidmm, uint64_t record)
{
	PENSTOCK_REQUIRE(record > 0 && penstock_record_file_is_taken(&vidmm->progress, record - 1));
	return penstock_record_file_at(&vidmm->progress, record - 1);
}

enum penstock_status penstock_progress_allocate(struct penstock_vidmm *vidmm, uint64_t *ret_record)
{
	enum penstock_status status;
	uint64_t index;

	status = penstock_record_file_take(&vidmm->progress, &index);
	if (status == PENSTOCK_STATUS_SUCCESS) {
		*ret_record = index + 1;
		__atomic_store_n(&taken_record(vidmm, *ret_record)->stands, STANDS,
				 __ATOMIC_RELEASE);
	}
	return status;
}

enum penstock_status penstock_progress_restore(struct penstock_vidmm *vidmm, uint64_t record,
					       uint64_t *ret_accepted, uint64_t *ret_completed)
{
	const struct record *found;

	if (record == 0 || record > vidmm->progress.capacity) {
		return PENSTOCK_STATUS_NOT_FOUND;
	}
	found = penstock_record_file_at(&vidmm->progress, record - 1);
	if (found->stands != STANDS || !penstock_record_file_claim(&vidmm->progress, record - 1)) {
		return PENSTOCK_STATUS_NOT_FOUND;
	}
	*ret_accepted = found->accepted;
	*ret_completed = found->completed;
	return PENSTOCK_STATUS_SUCCESS;
}

void penstock_progress_set_accepted(struct penstock_vidmm *vidmm, uint64_t record, uint64_t serial)
{
	__atomic_store_n(&taken_record(vidmm, record)->accepted, serial, __ATOMIC_RELEASE);
}

void penstock_progress_set_completed(struct penstock_vidmm *vidmm, uint64_t record, uint64_t serial)
{
	__atomic_store_n(&taken_record(vidmm, record)->completed, serial, __ATOMIC_RELEASE);
}

void penstock_progress_set_failed(struct penstock_vidmm *vidmm, uint64_t record, uint64_t serial)
{
	__atomic_store_n(&taken_record(vidmm, record)->failed, serial, __ATOMIC_RELEASE);
}

uint64_t penstock_progress_failed(const struct penstock_vidmm *vidmm, uint64_t record)
{
	return taken_record(vidmm, record)->failed;
}

void penstock_progress_free(struct penstock_vidmm *vidmm, uint64_t record)
{
	if (record != 0 && !vidmm->keep) {
		penstock_record_file_free(&vidmm->progress, record - 1);
	}
}
