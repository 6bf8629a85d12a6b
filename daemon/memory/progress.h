/* SPDX-License-Identifier: MIT */
/*
 * The progress file of the memory directory: what changes with every submission of a leased
 * session and must survive kill -9, so that it is neither in sqlite nor in the daemon's own
 * memory. Loop thread only. A record is three words, each written with one atomic store.
 *
 *	of a session   accepted: the highest serial executed    completed, failed: 0
 *	of a context   accepted: the latest serial accepted     completed: the latest that retired
 *	               failed: the latest that retired and did not run; it is set first
 *
 * A context whose words differ at start had work in flight: its device is lost.
 */
#ifndef PENSTOCK_PROGRESS_H
#define PENSTOCK_PROGRESS_H

#include "daemon/memory/vidmm.h"

/* A record with both words 0; its index (> 0) is what the store keeps. SUCCESS, NO_MEMORY. */
PENSTOCK_MUST_CHECK
enum penstock_status penstock_progress_allocate(struct penstock_vidmm *vidmm, uint64_t *ret_record);

/*
 * After a restart: takes the record of a row of the store and reads it. SUCCESS; NOT_FOUND (no
 * such record, taken already, or the file is fresh): nothing was taken.
 */
PENSTOCK_MUST_CHECK
enum penstock_status penstock_progress_restore(struct penstock_vidmm *vidmm, uint64_t record,
					       uint64_t *ret_accepted, uint64_t *ret_completed);

void penstock_progress_set_accepted(struct penstock_vidmm *vidmm, uint64_t record, uint64_t serial);
void penstock_progress_set_completed(struct penstock_vidmm *vidmm, uint64_t record,
				     uint64_t serial);
void penstock_progress_set_failed(struct penstock_vidmm *vidmm, uint64_t record, uint64_t serial);

/* Of a record that was restored. */
uint64_t penstock_progress_failed(const struct penstock_vidmm *vidmm, uint64_t record);

/* The record is used again. 0 is accepted. */
void penstock_progress_free(struct penstock_vidmm *vidmm, uint64_t record);

#endif
