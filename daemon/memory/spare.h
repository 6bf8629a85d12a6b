/* SPDX-License-Identifier: MIT */
/*
 * Spare pages of segment 1: what an allocation that was evicted had there, left in its principal's
 * local-memory file for whoever of the same principal comes to that place next. To reserve pages
 * and to punch them costs more than to move what is in them. Loop thread.
 *
 *	a place's --evicted--> SPARE --taken by the same principal--> a place's
 *	                       SPARE --taken by another, or by who shares a granule--> punched
 *	                       SPARE --memory is short, principal idle--> punched
 *
 * A granule is spare in one file at most, and in none while it is somebody's place: the files have
 * no more pages than the segment. What is in spare pages is what was there. Nobody can address it:
 * a place is RESIDENT only after all of it was written, by a FILL or a TRANSFER.
 */
#ifndef PENSTOCK_SPARE_H
#define PENSTOCK_SPARE_H

#include "daemon/memory/file.h"

struct penstock_vidmm;
struct penstock_vidmm_process;

/* Of one adapter. */
struct penstock_spare {
	struct penstock_vidmm_process **owners; /* [count]: whose file has it, NULL; owned */
	uint32_t count;                         /* granules of segment 1 */
	uint32_t granules;                      /* that are spare */
};

/* SUCCESS or NO_MEMORY. */
PENSTOCK_MUST_CHECK
enum penstock_status penstock_spare_init(struct penstock_spare *spare, uint32_t count);

/* Accepts a zeroed object. */
void penstock_spare_fini(struct penstock_spare *spare);

/* Whole granules of the process's file that nobody has any more, all their pages reserved. */
void penstock_spare_keep(struct penstock_vidmm_process *process, uint64_t offset,
			 uint64_t size_bytes);

/*
 * The bytes are somebody's place from here on. True: they are the process's own spare pages, all of
 * them, and need no reservation. Otherwise whatever is spare there, of anybody, is to be punched
 * first: *ret_ranges, [*ret_count], to be freed with penstock_spare_ranges_free; NULL: there is
 * nothing, or no memory for a list, and it was punched here. `process` NULL: all is to be punched.
 */
PENSTOCK_MUST_CHECK
bool penstock_spare_take(struct penstock_vidmm *vidmm, const struct penstock_vidmm_process *process,
			 uint64_t offset, uint64_t size_bytes,
			 struct penstock_file_range **ret_ranges, uint32_t *ret_count);

/* Whose files these are of may be gone after this. Accepts NULL. */
void penstock_spare_ranges_free(struct penstock_file_range *ranges, uint32_t count);

/*
 * The host has no memory: punches spare pages, as many bytes at least as there are. On the loop, so
 * that nobody takes them meanwhile. False: nothing is spare.
 */
bool penstock_spare_release(struct penstock_vidmm *vidmm, uint64_t size_bytes);

/* Punches all of the process's. */
void penstock_spare_drop(struct penstock_vidmm_process *process);

/* Its file goes. */
void penstock_spare_forget(struct penstock_vidmm_process *process);

#endif
