/* SPDX-License-Identifier: MIT */
#include "daemon/memory/restore.h"

#include "daemon/memory/internal.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int by_process(const void *a, const void *b)
{
	const struct penstock_restore_entry *left = a, *right = b;

	if (left->location.process != right->location.process) {
		return left->location.process < right->location.process ? -1 : 1;
	}
	return left->record < right->record ? -1 : left->record > right->record;
}

enum penstock_status penstock_restore_begin(struct penstock_vidmm *vidmm)
{
	struct penstock_restore *restore = &vidmm->restore;
	uint64_t records = penstock_location_records(&vidmm->locations), stand = 0;
	struct penstock_location location;

	for (uint64_t record = 0; record < records; record++) {
		stand += penstock_location_read(&vidmm->locations, record, &location);
	}
	restore->entries = calloc(stand + 1, sizeof(*restore->entries));
	if (restore->entries == NULL) {
		return PENSTOCK_STATUS_NO_MEMORY;
	}
	for (uint64_t record = 0; record < records && restore->count < stand; record++) {
		struct penstock_restore_entry *entry = &restore->entries[restore->count];

		if (penstock_location_read(&vidmm->locations, record, &entry->location)) {
			entry->record = record;
			restore->count++;
		}
	}
	qsort(restore->entries, restore->count, sizeof(*restore->entries), by_process);
	restore->open = true;
	return PENSTOCK_STATUS_SUCCESS;
}

/* The first entry of the principal at or behind the record. */
static uint64_t lower_bound(const struct penstock_restore *restore, uint64_t process,
			    uint64_t record)
{
	const struct penstock_restore_entry key = { .location.process = process, .record = record };
	uint64_t low = 0, high = restore->count;

	while (low < high) {
		uint64_t middle = low + (high - low) / 2;

		if (by_process(&restore->entries[middle], &key) < 0) {
			low = middle + 1;
		} else {
			high = middle;
		}
	}
	return low;
}

static bool claim_backing(struct penstock_vidmm_process *process,
			  const struct penstock_location *location)
{
	return location->own_file || penstock_pages_claim(&process->pages, location->backing_offset,
							  location->size_bytes);
}

static bool claim_local(struct penstock_vidmm_process *process,
			const struct penstock_location *location)
{
	struct penstock_segment *segment =
		penstock_vidmm_segment(process->vidmm, PENSTOCK_SEGMENT_LOCAL);
	struct penstock_sharer *sharer = &process->sharers[PENSTOCK_SEGMENT_LOCAL - 1];

	if (!location->local) {
		return true;
	}
	if (!penstock_segment_take_at(segment, sharer, location->local_offset,
				      location->size_bytes)) {
		return false;
	}
	if (location->own_file ||
	    penstock_memory_file_reserve(&process->local, location->local_offset,
					 penstock_place_bytes(location->size_bytes)) ==
		    PENSTOCK_STATUS_SUCCESS) {
		return true;
	}
	penstock_segment_give(segment, sharer, location->local_offset, location->size_bytes);
	return false;
}

void penstock_restore_claim(struct penstock_vidmm_process *process)
{
	struct penstock_vidmm *vidmm = process->vidmm;
	struct penstock_restore *restore = &vidmm->restore;

	for (uint64_t i = lower_bound(restore, process->id, 0);
	     i < restore->count && restore->entries[i].location.process == process->id; i++) {
		struct penstock_restore_entry *entry = &restore->entries[i];

		if (!claim_backing(process, &entry->location)) {
			continue;
		}
		if (claim_local(process, &entry->location)) {
			entry->claimed =
				penstock_record_file_claim(&vidmm->locations.file, entry->record);
		} else if (!entry->location.own_file) {
			penstock_pages_give(&process->pages, entry->location.backing_offset,
					    entry->location.size_bytes);
		}
	}
}

struct penstock_restore_entry *penstock_restore_find(struct penstock_vidmm_process *process,
						     uint64_t record)
{
	struct penstock_restore *restore = &process->vidmm->restore;
	uint64_t index = lower_bound(restore, process->id, record);
	struct penstock_restore_entry *entry = &restore->entries[index];

	return index < restore->count && entry->location.process == process->id &&
			       entry->record == record && entry->claimed && !entry->restored
		       ? entry
		       : NULL;
}

void penstock_restore_drop(struct penstock_vidmm_process *process,
			   struct penstock_restore_entry *entry)
{
	const struct penstock_location *location = &entry->location;
	struct penstock_vidmm *vidmm = process->vidmm;

	entry->claimed = false;
	penstock_location_free(&vidmm->locations, entry->record);
	if (location->local) {
		penstock_segment_give(penstock_vidmm_segment(vidmm, PENSTOCK_SEGMENT_LOCAL),
				      &process->sharers[PENSTOCK_SEGMENT_LOCAL - 1],
				      location->local_offset, location->size_bytes);
	}
	if (!location->own_file) {
		penstock_pages_give(&process->pages, location->backing_offset,
				    location->size_bytes);
	}
}

/* ---------------------------------------------------------------- the end of it */

static bool is_memory_file(const char *name)
{
	return (name[0] == 'p' || name[0] == 'a') && name[1] >= '0' && name[1] <= '9';
}

static bool in_use(const struct penstock_vidmm *vidmm, const char *name)
{
	penstock_list_for_each (link, &vidmm->processes) {
		const struct penstock_vidmm_process *process =
			penstock_list_entry(link, struct penstock_vidmm_process, link);

		if (strcmp(name, process->system.name) == 0 ||
		    strcmp(name, process->local.name) == 0 ||
		    strcmp(name, process->dummy.name) == 0) {
			return true;
		}
	}
	if (name[0] != 'a') {
		return false;
	}
	for (uint64_t i = 0; i < vidmm->restore.count; i++) {
		const struct penstock_restore_entry *entry = &vidmm->restore.entries[i];

		if (entry->restored && entry->location.own_file &&
		    entry->location.id == strtoull(name + 1, NULL, 10)) {
			return true;
		}
	}
	return false;
}

/* Memory files of the folder but those in use by `vidmm`; NULL: all. */
static void remove_files(int folder, const struct penstock_vidmm *vidmm)
{
	int descriptor = openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *directory = descriptor < 0 ? NULL : fdopendir(descriptor);
	struct dirent *entry;

	if (directory == NULL) {
		if (descriptor >= 0) {
			close(descriptor);
		}
		return;
	}
	while ((entry = readdir(directory)) != NULL) {
		if (is_memory_file(entry->d_name) &&
		    (vidmm == NULL || !in_use(vidmm, entry->d_name))) {
			unlinkat(folder, entry->d_name, 0);
		}
	}
	closedir(directory);
}

void penstock_restore_remove_files(struct penstock_vidmm *vidmm, bool all)
{
	remove_files(vidmm->directory, all ? NULL : vidmm);
}

void penstock_vidmm_remove(const char *memory_dir)
{
	int folder = open(memory_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (folder < 0) {
		return;
	}
	remove_files(folder, NULL);
	unlinkat(folder, PENSTOCK_LOCATION_FILE, 0);
	close(folder);
	rmdir(memory_dir);
}

/* Holes of pN.local: what no restored allocation has. */
static void punch_local(struct penstock_vidmm_process *process, uint64_t from, uint64_t to)
{
	if (from < to && !penstock_memory_file_punch(&process->local, from, to - from)) {
		/* The pages stay; what is placed there covers them whole. */
		process->pages.short_of_memory = true;
	}
}

static int by_offset(const void *a, const void *b)
{
	const struct penstock_restore_entry *left = *(struct penstock_restore_entry *const *)a;
	const struct penstock_restore_entry *right = *(struct penstock_restore_entry *const *)b;

	return left->location.local_offset < right->location.local_offset ? -1 : 1;
}

static void trim_local(struct penstock_vidmm_process *process)
{
	struct penstock_restore *restore = &process->vidmm->restore;
	uint64_t first = lower_bound(restore, process->id, 0), count = 0, from = 0;
	struct penstock_restore_entry **placed;

	placed = calloc(restore->count + 1, sizeof(struct penstock_restore_entry *));
	if (placed == NULL) {
		return;
	}
	for (uint64_t i = first;
	     i < restore->count && restore->entries[i].location.process == process->id; i++) {
		const struct penstock_location *location = &restore->entries[i].location;

		if (restore->entries[i].restored && location->local && !location->own_file) {
			placed[count++] = &restore->entries[i];
		}
	}
	qsort(placed, count, sizeof(*placed), by_offset);
	for (uint64_t i = 0; i < count; i++) {
		punch_local(process, from, placed[i]->location.local_offset);
		from = placed[i]->location.local_offset +
		       penstock_place_bytes(placed[i]->location.size_bytes);
	}
	punch_local(process, from, process->local.size_bytes);
	free(placed);
}

/* What nobody restored is not in use: its memory, its records and its files. */
static void free_unclaimed(struct penstock_vidmm *vidmm)
{
	struct penstock_restore *restore = &vidmm->restore;

	penstock_list_for_each (link, &vidmm->processes) {
		struct penstock_vidmm_process *process =
			penstock_list_entry(link, struct penstock_vidmm_process, link);

		for (uint64_t i = lower_bound(restore, process->id, 0);
		     i < restore->count && restore->entries[i].location.process == process->id;
		     i++) {
			if (restore->entries[i].claimed && !restore->entries[i].restored) {
				penstock_restore_drop(process, &restore->entries[i]);
			}
		}
		trim_local(process);
		penstock_pages_claims_end(&process->pages);
	}
	penstock_restore_remove_files(vidmm, false);
	penstock_record_file_claims_end(&vidmm->locations.file);
}

void penstock_vidmm_restore_end(struct penstock_vidmm *vidmm)
{
	struct penstock_restore *restore = &vidmm->restore;

	if (!restore->open) {
		return;
	}
	/* A start that failed: what it did not get to is kept like the rest. */
	if (!vidmm->keep) {
		free_unclaimed(vidmm);
	}
	restore->open = false;
	free(restore->entries);
	restore->entries = NULL;
	restore->count = 0;
	if (vidmm->keep) {
		return;
	}
	penstock_list_for_each (link, &vidmm->processes) {
		penstock_pages_refill(
			&penstock_list_entry(link, struct penstock_vidmm_process, link)->pages);
	}
}
