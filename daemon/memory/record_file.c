/* SPDX-License-Identifier: MIT */
#include "daemon/memory/record_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include <xxhash.h>

#define HEADER_BYTES 4096u
#define GROW_BYTES   (64u << 10)

struct header {
	struct penstock_record_format format;
	uint8_t generation[PENSTOCK_GENERATION_BYTES];
	uint64_t check; /* of what stands above; guards against accidents, not against malice */
};

static uint64_t header_check(const struct header *header)
{
	return XXH3_64bits(header, offsetof(struct header, check));
}

static struct header *header_of(const struct penstock_record_file *file)
{
	return (struct header *)(void *)file->map;
}

static bool header_stands(const struct penstock_record_file *file, const uint8_t *generation)
{
	struct header header = *header_of(file);

	return header.check == header_check(&header) &&
	       memcmp(&header.format, &file->format, sizeof(header.format)) == 0 &&
	       (generation == NULL ||
		memcmp(header.generation, generation, sizeof(header.generation)) == 0);
}

/* Pages for at least one more record. The file never shrinks while it is mapped. */
static enum penstock_status grow(struct penstock_record_file *file, uint64_t file_bytes)
{
	uint64_t capacity = (file_bytes - HEADER_BYTES) / file->format.record_bytes;
	uint64_t words = capacity / 64 + 1, old_words = file->capacity / 64 + 1;
	uint64_t *used;

	if (capacity > PENSTOCK_RECORDS_MAX) {
		return PENSTOCK_STATUS_NO_MEMORY;
	}
	used = realloc(file->used, words * sizeof(*used));
	if (used == NULL) {
		return PENSTOCK_STATUS_NO_MEMORY;
	}
	memset(used + (file->used == NULL ? 0 : old_words), 0,
	       (words - (file->used == NULL ? 0 : old_words)) * sizeof(*used));
	file->used = used;
	if (fallocate(file->descriptor, 0, 0, (off_t)file_bytes) != 0) {
		return penstock_status_from_errno(errno);
	}
	file->capacity = capacity;
	return PENSTOCK_STATUS_SUCCESS;
}

static enum penstock_status begin_anew(struct penstock_record_file *file, const uint8_t *generation)
{
	struct header header = { .format = file->format };
	enum penstock_status status;

	if (ftruncate(file->descriptor, 0) != 0) {
		return penstock_status_from_errno(errno);
	}
	file->capacity = 0;
	status = grow(file, GROW_BYTES);
	if (status != PENSTOCK_STATUS_SUCCESS) {
		return status;
	}
	if (generation != NULL) {
		memcpy(header.generation, generation, sizeof(header.generation));
	} else if (getrandom(header.generation, sizeof(header.generation), 0) !=
		   (ssize_t)sizeof(header.generation)) {
		return PENSTOCK_STATUS_IO_DEVICE_ERROR;
	}
	header.check = header_check(&header);
	memcpy(file->map, &header, sizeof(header));
	return PENSTOCK_STATUS_SUCCESS;
}

/* Maps the file for the largest size that it may reach, and believes or begins it. */
static enum penstock_status load(struct penstock_record_file *file, const uint8_t *generation,
				 bool *ret_fresh)
{
	enum penstock_status status;
	struct stat stat;
	void *map;

	file->map_bytes = HEADER_BYTES + (uint64_t)PENSTOCK_RECORDS_MAX * file->format.record_bytes;
	map = mmap(NULL, file->map_bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_NORESERVE,
		   file->descriptor, 0);
	if (map == MAP_FAILED || fstat(file->descriptor, &stat) != 0) {
		return penstock_status_from_errno(errno);
	}
	file->map = map;
	*ret_fresh = true;
	/* A hole in the file would be a page that cannot be had: growing fills it first. */
	if (stat.st_size >= GROW_BYTES && (uint64_t)stat.st_size <= file->map_bytes) {
		status = grow(file, (uint64_t)stat.st_size);
		if (status != PENSTOCK_STATUS_SUCCESS) {
			return status;
		}
		*ret_fresh = !header_stands(file, generation);
	}
	status = *ret_fresh ? begin_anew(file, generation) : PENSTOCK_STATUS_SUCCESS;
	if (status == PENSTOCK_STATUS_SUCCESS) {
		memcpy(file->generation, header_of(file)->generation, sizeof(file->generation));
		file->claiming = !*ret_fresh;
	}
	return status;
}

enum penstock_status penstock_record_file_open(struct penstock_record_file *file, int directory,
					       const char *name,
					       const struct penstock_record_format *format,
					       const uint8_t *generation, bool *ret_fresh,
					       struct penstock_errbuf *reterr_text)
{
	enum penstock_status status;

	*file = (struct penstock_record_file){ .format = *format };
	file->descriptor = openat(directory, name, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (file->descriptor < 0) {
		penstock_errbuf_set(reterr_text, "%s: %s", name, strerror(errno));
		return penstock_status_from_errno(errno);
	}
	status = load(file, generation, ret_fresh);
	if (status != PENSTOCK_STATUS_SUCCESS) {
		penstock_errbuf_set(reterr_text, "%s: %s", name, penstock_status_text(status));
		penstock_record_file_close(file);
	}
	return status;
}

void penstock_record_file_close(struct penstock_record_file *file)
{
	if (file->map != NULL) {
		munmap(file->map, file->map_bytes);
	}
	if (file->descriptor > 0) {
		close(file->descriptor);
	}
	free(file->used);
	*file = (struct penstock_record_file){ 0 };
}

bool penstock_record_file_is_taken(const struct penstock_record_file *file, uint64_t index)
{
	return index < file->capacity && (file->used[index / 64] >> (index % 64) & 1) != 0;
}

static void set_taken(struct penstock_record_file *file, uint64_t index)
{
	file->used[index / 64] |= 1ull << (index % 64);
	file->taken++;
}

/* The first record at or behind the hint that is not taken, or the capacity. */
static uint64_t find_free(const struct penstock_record_file *file)
{
	uint64_t index = file->hint;

	while (index < file->capacity) {
		uint64_t taken = file->used[index / 64] | ((1ull << (index % 64)) - 1);

		if (taken != UINT64_MAX) {
			index = index / 64 * 64 + (uint64_t)__builtin_ctzll(~taken);
			break;
		}
		index = (index / 64 + 1) * 64;
	}
	return index < file->capacity ? index : file->capacity;
}

enum penstock_status penstock_record_file_take(struct penstock_record_file *file,
					       uint64_t *ret_index)
{
	uint64_t index = file->claiming ? file->capacity : find_free(file);

	if (index == file->capacity) {
		uint64_t bytes = HEADER_BYTES + file->capacity * file->format.record_bytes;
		enum penstock_status status;

		status = grow(file, penstock_align_up(bytes, 4096) + GROW_BYTES);
		if (status != PENSTOCK_STATUS_SUCCESS) {
			return PENSTOCK_STATUS_NO_MEMORY;
		}
	}
	set_taken(file, index);
	if (!file->claiming) {
		file->hint = index + 1;
	}
	*ret_index = index;
	return PENSTOCK_STATUS_SUCCESS;
}

bool penstock_record_file_claim(struct penstock_record_file *file, uint64_t index)
{
	if (!file->claiming || index >= file->capacity ||
	    penstock_record_file_is_taken(file, index)) {
		return false;
	}
	set_taken(file, index);
	return true;
}

void penstock_record_file_claims_end(struct penstock_record_file *file)
{
	if (!file->claiming) {
		return;
	}
	for (uint64_t index = 0; index < file->capacity; index++) {
		if (!penstock_record_file_is_taken(file, index)) {
			memset(penstock_record_file_at(file, index), 0, file->format.record_bytes);
		}
	}
	file->claiming = false;
	file->hint = 0;
}

void penstock_record_file_free(struct penstock_record_file *file, uint64_t index)
{
	PENSTOCK_REQUIRE(penstock_record_file_is_taken(file, index));
	memset(penstock_record_file_at(file, index), 0, file->format.record_bytes);
	file->used[index / 64] &= ~(1ull << (index % 64));
	file->taken--;
	file->hint = index < file->hint ? index : file->hint;
}
