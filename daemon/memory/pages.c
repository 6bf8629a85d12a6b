/* SPDX-License-Identifier: MIT */
#include "daemon/memory/pages.h"

#include "daemon/memory/internal.h"

#include <stdlib.h>
#include <string.h>

#define PAGE       ((uint64_t)PENSTOCK_PAGE_BYTES)
#define STEP_PAGES (PENSTOCK_PAGES_STEP_BYTES / PENSTOCK_PAGE_BYTES)
#define LOW_PAGES  (STEP_PAGES / 4) /* below this, a step is reserved ahead */
#define HIGH_PAGES (STEP_PAGES * 3) /* above this, a step is given back */

static uint32_t pages_of(uint64_t size_bytes)
{
	return (uint32_t)(size_bytes / PAGE);
}

enum penstock_status penstock_pages_init(struct penstock_pages *pages, struct penstock_vidmm *vidmm,
					 struct penstock_memory_file *file)
{
	uint32_t units = pages_of(file->size_bytes);

	*pages = (struct penstock_pages){ .vidmm = vidmm, .file = file };
	penstock_list_init(&pages->waiting);
	if (penstock_runs_init(&pages->space, units, true) != PENSTOCK_STATUS_SUCCESS ||
	    penstock_runs_init(&pages->reserved, units, false) != PENSTOCK_STATUS_SUCCESS) {
		penstock_pages_fini(pages);
		return PENSTOCK_STATUS_NO_MEMORY;
	}
	return PENSTOCK_STATUS_SUCCESS;
}

void penstock_pages_fini(struct penstock_pages *pages)
{
	PENSTOCK_REQUIRE(pages->busy == 0);
	penstock_runs_fini(&pages->space);
	penstock_runs_fini(&pages->reserved);
}

/* ---------------------------------------------------------------- giving back */

struct punch {
	struct penstock_file_job job;
	struct penstock_pages *pages;
};

/* Where a hole cannot be punched, the pages stay reserved and are zeroed by hand. */
static void punched(struct penstock_pages *pages, const struct penstock_file_job *job)
{
	uint32_t start = pages_of(job->offset), count = pages_of(job->size_bytes);

	if (job->status == PENSTOCK_STATUS_SUCCESS) {
		penstock_runs_give(&pages->space, start, count);
		return;
	}
	memset(pages->file->map + job->offset, 0, job->size_bytes);
	penstock_runs_give(&pages->reserved, start, count);
}

static void punch_done(struct penstock_file_job *job)
{
	struct punch *punch = penstock_container_of(job, struct punch, job);
	struct penstock_pages *pages = punch->pages;

	punched(pages, job);
	pages->busy--;
	free(punch);
	penstock_vidmm_pages_idle(pages);
}

static void punch_range(struct penstock_pages *pages, uint64_t offset, uint64_t size_bytes)
{
	struct punch *punch = malloc(sizeof(*punch));
	struct penstock_file_job job = {
		.vidmm = pages->vidmm,
		.file = pages->file,
		.offset = offset,
		.size_bytes = size_bytes,
		.punch = true,
		.done = punch_done,
	};

	if (punch == NULL) {
		job.status = penstock_memory_file_punch(pages->file, offset, size_bytes)
				     ? PENSTOCK_STATUS_SUCCESS
				     : PENSTOCK_STATUS_NOT_SUPPORTED;
		punched(pages, &job);
		return;
	}
	*punch = (struct punch){ .job = job, .pages = pages };
	if (penstock_file_job_start(&punch->job) == PENSTOCK_STATUS_PENDING) {
		pages->busy++;
		return;
	}
	punched(pages, &punch->job);
	free(punch);
}

void penstock_pages_give(struct penstock_pages *pages, uint64_t offset, uint64_t size_bytes)
{
	uint32_t start;

	if (size_bytes > PENSTOCK_PAGES_SMALL_BYTES) {
		punch_range(pages, offset, size_bytes);
		return;
	}
	memset(pages->file->map + offset, 0, size_bytes);
	penstock_runs_give(&pages->reserved, pages_of(offset), pages_of(size_bytes));
	if (pages->reserved.free_units > HIGH_PAGES &&
	    penstock_runs_take(&pages->reserved, STEP_PAGES, &start)) {
		punch_range(pages, start * PAGE, PENSTOCK_PAGES_STEP_BYTES);
	}
}

/* ---------------------------------------------------------------- reserving ahead */

static void serve(struct penstock_pages *pages)
{
	struct penstock_list *link;
	uint32_t start;

	while ((link = penstock_list_first(&pages->waiting)) != NULL) {
		struct penstock_pages_request *request =
			penstock_list_entry(link, struct penstock_pages_request, link);

		if (!penstock_runs_take(&pages->reserved, pages_of(request->size_bytes), &start)) {
			return;
		}
		penstock_list_remove(link);
		request->offset = start * PAGE;
		request->done(request, PENSTOCK_STATUS_SUCCESS);
	}
}

static void fail_first(struct penstock_pages *pages)
{
	struct penstock_list *link = penstock_list_pop(&pages->waiting);
	struct penstock_pages_request *request;

	if (link != NULL) {
		request = penstock_list_entry(link, struct penstock_pages_request, link);
		request->done(request, PENSTOCK_STATUS_NO_MEMORY);
	}
}

/*
 * A reservation failed: what it got before is freed; where that fails too, those pages are zeros
 * still, and reserving them again finds them.
 */
static void give_up(struct penstock_pages *pages, const struct penstock_file_job *job)
{
	pages->short_of_memory |=
		!penstock_memory_file_punch(pages->file, job->offset, job->size_bytes);
	penstock_runs_give(&pages->space, pages_of(job->offset), pages_of(job->size_bytes));
}

static void refilled(struct penstock_pages *pages)
{
	const struct penstock_file_job *job = &pages->refill;
	uint32_t start = pages_of(job->offset), count = pages_of(job->size_bytes);

	pages->refilling = false;
	pages->short_of_memory = job->status != PENSTOCK_STATUS_SUCCESS;
	if (!pages->short_of_memory) {
		penstock_runs_give(&pages->reserved, start, count);
		serve(pages);
		return;
	}
	give_up(pages, job);
	if (count < STEP_PAGES) {
		fail_first(pages);
	}
}

static void refill_done(struct penstock_file_job *job)
{
	struct penstock_pages *pages = penstock_container_of(job, struct penstock_pages, refill);

	/* Busy until the end: whom it serves may be the last thing that the process waits for. */
	refilled(pages);
	penstock_pages_refill(pages);
	pages->busy--;
	penstock_vidmm_pages_idle(pages);
}

/* A step, or where that is too much, what the first in the queue needs. 0: nothing is needed. */
static uint32_t refill_pages(const struct penstock_pages *pages)
{
	const struct penstock_list *link = penstock_list_first(&pages->waiting);

	if (link == NULL) {
		return pages->reserved.free_units < LOW_PAGES && !pages->short_of_memory
			       ? STEP_PAGES
			       : 0;
	}
	return pages->short_of_memory
		       ? pages_of(penstock_list_entry(link, struct penstock_pages_request, link)
					  ->size_bytes)
		       : STEP_PAGES;
}

void penstock_pages_refill(struct penstock_pages *pages)
{
	uint32_t count, start;

	while (!pages->refilling && (count = refill_pages(pages)) > 0) {
		if (!penstock_runs_take(&pages->space, count, &start)) {
			if (count < STEP_PAGES || penstock_list_empty(&pages->waiting)) {
				fail_first(pages);
			}
			pages->short_of_memory = true;
			continue;
		}
		pages->refill = (struct penstock_file_job){
			.vidmm = pages->vidmm,
			.file = pages->file,
			.offset = start * PAGE,
			.size_bytes = count * PAGE,
			.done = refill_done,
		};
		pages->refilling = true;
		if (penstock_file_job_start(&pages->refill) == PENSTOCK_STATUS_PENDING) {
			pages->busy++;
			return;
		}
		refilled(pages);
	}
}

/* ---------------------------------------------------------------- taking */

static void large_done(struct penstock_file_job *job)
{
	struct penstock_pages_request *request =
		penstock_container_of(job, struct penstock_pages_request, job);
	struct penstock_pages *pages = request->pages;
	enum penstock_status status = job->status;

	if (status != PENSTOCK_STATUS_SUCCESS) {
		give_up(pages, job);
	}
	request->offset = job->offset;
	request->done(request, status);
	pages->busy--;
	penstock_vidmm_pages_idle(pages);
}

static enum penstock_status take_large(struct penstock_pages *pages,
				       struct penstock_pages_request *request)
{
	enum penstock_status status;
	uint32_t start;

	if (!penstock_runs_take(&pages->space, pages_of(request->size_bytes), &start)) {
		return PENSTOCK_STATUS_NO_MEMORY;
	}
	request->job = (struct penstock_file_job){
		.vidmm = pages->vidmm,
		.file = pages->file,
		.offset = start * PAGE,
		.size_bytes = request->size_bytes,
		.done = large_done,
	};
	request->offset = start * PAGE;
	status = penstock_file_job_start(&request->job);
	if (status == PENSTOCK_STATUS_PENDING) {
		pages->busy++;
	} else if (status != PENSTOCK_STATUS_SUCCESS) {
		give_up(pages, &request->job);
	}
	return status;
}

enum penstock_status penstock_pages_take(struct penstock_pages *pages,
					 struct penstock_pages_request *request)
{
	uint32_t start;

	request->pages = pages;
	penstock_list_init(&request->link);
	if (request->size_bytes > PENSTOCK_PAGES_SMALL_BYTES) {
		return take_large(pages, request);
	}
	if (penstock_list_empty(&pages->waiting) &&
	    penstock_runs_take(&pages->reserved, pages_of(request->size_bytes), &start)) {
		request->offset = start * PAGE;
		penstock_pages_refill(pages);
		return PENSTOCK_STATUS_SUCCESS;
	}
	penstock_pages_refill(pages);
	if (pages->refilling) {
		penstock_list_append(&pages->waiting, &request->link);
		return PENSTOCK_STATUS_PENDING;
	}
	/* Memory is short, or the worker is: these few pages on the spot, or none. */
	return penstock_pages_take_now(pages, request->size_bytes, &request->offset);
}

static bool reserve_now(struct penstock_pages *pages, uint64_t offset, uint64_t size_bytes)
{
	while (penstock_memory_file_reserve(pages->file, offset, size_bytes) !=
	       PENSTOCK_STATUS_SUCCESS) {
		if (!penstock_spare_release(pages->vidmm, size_bytes)) {
			return false;
		}
	}
	return true;
}

enum penstock_status penstock_pages_take_now(struct penstock_pages *pages, uint64_t size_bytes,
					     uint64_t *ret_offset)
{
	uint32_t start, count = pages_of(size_bytes);

	if (penstock_runs_take(&pages->reserved, count, &start)) {
		*ret_offset = start * PAGE;
		return PENSTOCK_STATUS_SUCCESS;
	}
	if (!penstock_runs_take(&pages->space, count, &start)) {
		return PENSTOCK_STATUS_NO_MEMORY;
	}
	/* What an earlier daemon left here must not be seen. */
	if (!penstock_memory_file_punch(pages->file, start * PAGE, size_bytes) ||
	    !reserve_now(pages, start * PAGE, size_bytes)) {
		penstock_runs_give(&pages->space, start, count);
		return PENSTOCK_STATUS_NO_MEMORY;
	}
	*ret_offset = start * PAGE;
	return PENSTOCK_STATUS_SUCCESS;
}

bool penstock_pages_claim(struct penstock_pages *pages, uint64_t offset, uint64_t size_bytes)
{
	if (!penstock_range_fits(offset, size_bytes, pages->file->size_bytes) ||
	    !penstock_runs_take_at(&pages->space, pages_of(offset), pages_of(size_bytes))) {
		return false;
	}
	/* They are there; but a file that was tampered with must not become a SIGBUS. */
	if (penstock_memory_file_reserve(pages->file, offset, size_bytes) !=
	    PENSTOCK_STATUS_SUCCESS) {
		penstock_runs_give(&pages->space, pages_of(offset), pages_of(size_bytes));
		return false;
	}
	return true;
}

void penstock_pages_claims_end(struct penstock_pages *pages)
{
	uint32_t unit = 0, start, count;

	while (penstock_runs_next_free(&pages->space, unit, &start, &count)) {
		unit = start + count;
		if (!penstock_memory_file_punch(pages->file, start * PAGE, count * PAGE)) {
			pages->short_of_memory = true;
		}
	}
}
