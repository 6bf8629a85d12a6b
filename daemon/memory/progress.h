/* SPDX-License-Identifier: MIT */
/*
 * The progress file of the memory directory: what changes with every submission of a leased
 * session and must survive kill -9, so that it is neither in sqlite nor in the daemon's own
 * memory. One for all adapters, since a session is of none. Loop thread only. A record is four
 * words, each written with one atomic store.
 *
 *	of a session   accepted: the highest serial executed    the others: 0
 *	of a context   accepted: the latest serial accepted     completed: the latest that retired
 *	               failed: the latest that retired and did not run; it is set first
 *	               refused: the first that was refused behind the latest accepted
 *	of a synchronisation object   accepted: 1 while it has Signals accepted and not ended
 *	                              completed: its value
 *
 * A context whose first two differ at start had work in flight: its device is lost.
 */
#ifndef PENSTOCK_PROGRESS_H
#define PENSTOCK_PROGRESS_H

#include "proto/base/base.h"
#include "proto/wire/status.h"

struct penstock_progress;

/*
 * Opens `progress` in the memory directory, which exists and is locked by the caller; a file that
 * is none is begun anew. The owner restores the records of its store and then ends the claims.
 * SUCCESS, NO_MEMORY, IO_DEVICE_ERROR with a sentence.
 */
PENSTOCK_MUST_CHECK
enum penstock_status penstock_progress_open(const char *memory_dir,
					    struct penstock_progress **ret_progress,
					    struct penstock_errbuf *reterr_text);

/* What was not restored is free. */
void penstock_progress_restore_end(struct penstock_progress *progress);

/* From now on nothing is freed any more: the records stay for the next daemon. */
void penstock_progress_keep(struct penstock_progress *progress);

/* The file stays. Accepts NULL. */
void penstock_progress_close(struct penstock_progress *progress);

/* A record with all words 0; its index (> 0) is what the store keeps. SUCCESS, NO_MEMORY. */
PENSTOCK_MUST_CHECK
enum penstock_status penstock_progress_allocate(struct penstock_progress *progress,
						uint64_t *ret_record);

/*
 * After a restart: takes the record of a row of the store and reads it. SUCCESS; NOT_FOUND (no
 * such record, taken already, or the file is fresh): nothing was taken.
 */
PENSTOCK_MUST_CHECK
enum penstock_status penstock_progress_restore(struct penstock_progress *progress, uint64_t record,
					       uint64_t *ret_accepted, uint64_t *ret_completed);

void penstock_progress_set_accepted(struct penstock_progress *progress, uint64_t record,
				    uint64_t serial);
void penstock_progress_set_completed(struct penstock_progress *progress, uint64_t record,
				     uint64_t serial);
void penstock_progress_set_failed(struct penstock_progress *progress, uint64_t record,
				  uint64_t serial);

/* The first counts: another one behind the latest that was accepted changes nothing. */
void penstock_progress_set_refused(struct penstock_progress *progress, uint64_t record,
				   uint64_t serial);

/* Of a record that was restored. */
uint64_t penstock_progress_failed(const struct penstock_progress *progress, uint64_t record);
uint64_t penstock_progress_refused(const struct penstock_progress *progress, uint64_t record);

/* The record is used again. 0 is accepted. */
void penstock_progress_free(struct penstock_progress *progress, uint64_t record);

#endif
