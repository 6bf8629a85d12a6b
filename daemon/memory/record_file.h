/* SPDX-License-Identifier: MIT */
/*
 * A mapped file of fixed-size records that outlives the daemon, kill -9 included: the location
 * table and the progress file. It begins with a page that says what it is and of which generation
 * of the memory directory; records follow. It grows by fallocate, so that a record that was handed
 * out can always be written. Loop thread.
 *
 *	UNCLAIMED records (in the file from before) --claim--> taken --free--> free, zeroed
 *	                                            --claims_end--> free, zeroed
 *
 * What stands in an unclaimed record is anybody's guess; who claims it checks it first.
 */
#ifndef PENSTOCK_RECORD_FILE_H
#define PENSTOCK_RECORD_FILE_H

#include "proto/base/base.h"
#include "proto/wire/status.h"

#define PENSTOCK_GENERATION_BYTES 16u
#define PENSTOCK_RECORDS_MAX      (1u << 24)

/* What a file must be to be believed. */
struct penstock_record_format {
	char magic[8];
	uint32_t version;
	uint32_t record_bytes; /* a multiple of 8 */
	uint64_t geometry[2];  /* whatever else must be the same */
};

struct penstock_record_file {
	struct penstock_record_format format;
	uint8_t generation[PENSTOCK_GENERATION_BYTES];
	int descriptor; /* owned */
	uint8_t *map;   /* owned; readable and writable up to `capacity` records */
	uint64_t map_bytes;
	uint64_t capacity; /* records that have pages */
	uint64_t taken;
	uint64_t *used; /* bitmap [capacity]; owned */
	uint64_t hint;  /* no free record below */
	bool claiming;
};

/*
 * Opens or creates `name` in the directory. A file that is not what `format` says, or with
 * `generation` not of that generation, is begun anew: *ret_fresh. `generation` NULL: the file's own
 * counts, and a new file gets a random one. SUCCESS, NO_MEMORY, IO_DEVICE_ERROR with a sentence.
 */
PENSTOCK_MUST_CHECK
enum penstock_status penstock_record_file_open(struct penstock_record_file *file, int directory,
					       const char *name,
					       const struct penstock_record_format *format,
					       const uint8_t *generation, bool *ret_fresh,
					       struct penstock_errbuf *reterr_text);

/* The file stays. Accepts a zeroed object. */
void penstock_record_file_close(struct penstock_record_file *file);

/* The bytes of a record below `capacity`. */
static inline void *penstock_record_file_at(const struct penstock_record_file *file, uint64_t index)
{
	PENSTOCK_REQUIRE(index < file->capacity);
	return file->map + 4096u + index * file->format.record_bytes;
}

bool penstock_record_file_is_taken(const struct penstock_record_file *file, uint64_t index);

/*
 * Takes a free, zeroed record; while claims are open, one that was not in the file before. SUCCESS,
 * NO_MEMORY (no space, or PENSTOCK_RECORDS_MAX).
 */
PENSTOCK_MUST_CHECK
enum penstock_status penstock_record_file_take(struct penstock_record_file *file,
					       uint64_t *ret_index);

/* Takes a record from before. False: none, taken already, or claims are over. */
PENSTOCK_MUST_CHECK
bool penstock_record_file_claim(struct penstock_record_file *file, uint64_t index);

/* Every record that was not claimed is free. Idempotent. */
void penstock_record_file_claims_end(struct penstock_record_file *file);

/* Zeroes and frees a record that is taken. */
void penstock_record_file_free(struct penstock_record_file *file, uint64_t index);

#endif
