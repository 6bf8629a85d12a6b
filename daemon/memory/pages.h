/* SPDX-License-Identifier: MIT */
/*
 * The pages of a principal's system-memory file: backing pages of its allocations and blocks of
 * its DMA pool. Everything that is handed out is reserved and reads as zeros.
 *
 *	space (holes) --fallocate, 4 MiB ahead--> reserved, zeroed --small take--> in use
 *	      <-------punch, when there is much--          <--zeroed, small give--
 *	      --fallocate, off the loop, large take--------------------------> in use
 *	      <-punch, off the loop, large give-------------------------------
 *
 * Loop thread.
 */
#ifndef PENSTOCK_PAGES_H
#define PENSTOCK_PAGES_H

#include "daemon/memory/file.h"
#include "daemon/memory/runs.h"
#include "proto/base/list.h"
#include "proto/wire/limits.h"

/* Up to this an allocation's pages come from what was reserved ahead. */
#define PENSTOCK_PAGES_SMALL_BYTES PENSTOCK_FILE_INLINE_BYTES
#define PENSTOCK_PAGES_STEP_BYTES  (4u << 20)

struct penstock_pages {
	struct penstock_vidmm *vidmm;
	struct penstock_memory_file *file; /* borrowed */
	struct penstock_runs space;        /* free are the holes, in pages */
	struct penstock_runs reserved;     /* free are pages that are reserved and zero */
	struct penstock_list waiting;      /* penstock_pages_request.link */
	struct penstock_file_job refill;
	bool refilling;
	bool short_of_memory; /* the last refill failed: none ahead of need */
	unsigned busy;        /* jobs under way */
};

/* Embedded in what waits for its pages. */
struct penstock_pages_request {
	struct penstock_list link;
	struct penstock_pages *pages;
	uint64_t size_bytes; /* in: whole pages */
	uint64_t offset;     /* out */
	struct penstock_file_job job;
	void (*done)(struct penstock_pages_request *request, enum penstock_status status);
};

PENSTOCK_MUST_CHECK
enum penstock_status penstock_pages_init(struct penstock_pages *pages, struct penstock_vidmm *vidmm,
					 struct penstock_memory_file *file);
/* No job is under way (`busy`) and nobody waits. */
void penstock_pages_fini(struct penstock_pages *pages);

/*
 * SUCCESS: request->offset is filled. PENDING: `done` tells (SUCCESS, NO_MEMORY). NO_MEMORY: the
 * file has no room.
 */
PENSTOCK_MUST_CHECK
enum penstock_status penstock_pages_take(struct penstock_pages *pages,
					 struct penstock_pages_request *request);

/* The same at once, whatever the size: for the start, when nobody waits. SUCCESS, NO_MEMORY. */
PENSTOCK_MUST_CHECK
enum penstock_status penstock_pages_take_now(struct penstock_pages *pages, uint64_t size_bytes,
					     uint64_t *ret_offset);

/* Pages that are known from before, with their content. False: taken, or no such pages. */
PENSTOCK_MUST_CHECK
bool penstock_pages_claim(struct penstock_pages *pages, uint64_t offset, uint64_t size_bytes);

/* All claims were made: every other page is punched. */
void penstock_pages_claims_end(struct penstock_pages *pages);

/* Reserves ahead, where there is not enough. */
void penstock_pages_refill(struct penstock_pages *pages);

/* Nothing of the daemon or of a GPU process touches them any more. */
void penstock_pages_give(struct penstock_pages *pages, uint64_t offset, uint64_t size_bytes);

#endif
