/* SPDX-License-Identifier: MIT */
#include "daemon/memory/spare.h"

#include "daemon/memory/internal.h"

#include <stdlib.h>

enum penstock_status penstock_spare_init(struct penstock_spare *spare, uint32_t count)
{
	spare->owners = calloc(count, sizeof(struct penstock_vidmm_process *));
	spare->count = count;
	return spare->owners == NULL ? PENSTOCK_STATUS_NO_MEMORY : PENSTOCK_STATUS_SUCCESS;
}

void penstock_spare_fini(struct penstock_spare *spare)
{
	free(spare->owners);
	*spare = (struct penstock_spare){ 0 };
}

static void set(struct penstock_spare *spare, uint32_t granule,
		struct penstock_vidmm_process *owner)
{
	struct penstock_vidmm_process **now = &spare->owners[granule];

	if (*now != NULL) {
		(*now)->spare_granules--;
	}
	if (owner != NULL) {
		owner->spare_granules++;
	}
	spare->granules += (owner != NULL) - (*now != NULL);
	*now = owner;
}

/* Behind the last granule of the run that begins there, all of one owner. */
static uint32_t run_end(const struct penstock_spare *spare, uint32_t start, uint32_t end)
{
	uint32_t next = start + 1;

	while (next < end && spare->owners[next] == spare->owners[start]) {
		next++;
	}
	return next;
}

void penstock_spare_keep(struct penstock_vidmm_process *process, uint64_t offset,
			 uint64_t size_bytes)
{
	struct penstock_spare *spare = &process->vidmm->spare;
	uint32_t end = penstock_granules(offset + size_bytes);

	for (uint32_t i = penstock_granule_at(offset); i < end; i++) {
		set(spare, i, process);
	}
}

/* ---------------------------------------------------------------- taking */

/* Takes a run of spare granules of one owner out of the table. */
static struct penstock_file_range take_run(struct penstock_spare *spare, uint32_t start,
					   uint32_t end)
{
	struct penstock_file_range range = {
		.process = spare->owners[start],
		.file = &spare->owners[start]->local,
		.offset = start * PENSTOCK_GRANULE,
		.size_bytes = (end - start) * PENSTOCK_GRANULE,
	};

	for (uint32_t i = start; i < end; i++) {
		set(spare, i, NULL);
	}
	return range;
}

static uint32_t count_runs(const struct penstock_spare *spare, uint32_t start, uint32_t end)
{
	uint32_t count = 0;

	for (uint32_t i = start; i < end; i = run_end(spare, i, end)) {
		count += spare->owners[i] != NULL;
	}
	return count;
}

static void take_all(struct penstock_spare *spare, uint32_t start, uint32_t end,
		     struct penstock_file_range **ret_ranges, uint32_t *ret_count)
{
	uint32_t count = count_runs(spare, start, end), filled = 0, next;
	struct penstock_file_range *ranges = count == 0 ? NULL : calloc(count, sizeof(*ranges));

	for (uint32_t i = start; i < end; i = next) {
		struct penstock_file_range range;

		next = run_end(spare, i, end);
		if (spare->owners[i] == NULL) {
			continue;
		}
		range = take_run(spare, i, next);
		if (ranges == NULL) {
			penstock_memory_file_punch_all(&range, 1);
		} else {
			penstock_vidmm_process_hold(range.process);
			ranges[filled++] = range;
		}
	}
	*ret_ranges = ranges;
	*ret_count = filled;
}

bool penstock_spare_take(struct penstock_vidmm *vidmm, const struct penstock_vidmm_process *process,
			 uint64_t offset, uint64_t size_bytes,
			 struct penstock_file_range **ret_ranges, uint32_t *ret_count)
{
	struct penstock_spare *spare = &vidmm->spare;
	uint32_t start = penstock_granule_at(offset);
	uint32_t end = penstock_granules(offset + size_bytes);

	*ret_ranges = NULL;
	*ret_count = 0;
	if (process != NULL && spare->owners[start] == process &&
	    run_end(spare, start, end) == end) {
		(void)take_run(spare, start, end);
		return true;
	}
	take_all(spare, start, end, ret_ranges, ret_count);
	return false;
}

void penstock_spare_ranges_free(struct penstock_file_range *ranges, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++) {
		penstock_vidmm_process_release(ranges[i].process);
	}
	free(ranges);
}

/* ---------------------------------------------------------------- giving back */

/* The run of one owner that begins there. */
static void punch_run(struct penstock_spare *spare, uint32_t start, uint32_t end)
{
	const struct penstock_file_range range = take_run(spare, start, end);

	penstock_memory_file_punch_all(&range, 1);
}

bool penstock_spare_release(struct penstock_vidmm *vidmm, uint64_t size_bytes)
{
	struct penstock_spare *spare = &vidmm->spare;
	uint32_t wanted = penstock_granules(size_bytes), before = spare->granules, next;

	for (uint32_t i = 0; spare->granules > 0 && before - spare->granules < wanted; i = next) {
		uint32_t missing = wanted - (before - spare->granules);
		uint32_t most = missing < spare->count - i ? i + missing : spare->count;

		next = run_end(spare, i, most);
		if (spare->owners[i] != NULL) {
			punch_run(spare, i, next);
		}
	}
	return before > 0;
}

void penstock_spare_drop(struct penstock_vidmm_process *process)
{
	struct penstock_spare *spare = &process->vidmm->spare;
	uint32_t next;

	for (uint32_t i = 0; process->spare_granules > 0; i = next) {
		next = run_end(spare, i, spare->count);
		if (spare->owners[i] == process) {
			punch_run(spare, i, next);
		}
	}
}

void penstock_spare_forget(struct penstock_vidmm_process *process)
{
	struct penstock_spare *spare = &process->vidmm->spare;

	for (uint32_t i = 0; process->spare_granules > 0; i++) {
		if (spare->owners[i] == process) {
			set(spare, i, NULL);
		}
	}
}
