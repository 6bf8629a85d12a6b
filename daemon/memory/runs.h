/* SPDX-License-Identifier: MIT */
/*
 * Which units of a range are free, as runs: the granules of a segment, the pages of a file. Runs
 * are binned by the power of two below their length, so that taking and giving back cost the same
 * however many there are; neighbours merge at once. Units are numbered from 0. Any thread, one at
 * a time. The bookkeeping is touched only where runs begin and end.
 */
#ifndef PENSTOCK_RUNS_H
#define PENSTOCK_RUNS_H

#include "proto/base/base.h"
#include "proto/wire/status.h"

#define PENSTOCK_RUNS_BINS 32u

struct penstock_runs {
	uint32_t units;
	uint32_t free_units;
	uint32_t *length;   /* [units]: at the first and last unit of a free run, else 0; owned */
	uint32_t *next;     /* [units]: at the first unit, the next run of its bin; owned */
	uint32_t *previous; /* [units]: likewise; owned */
	uint64_t *first;    /* bitmap of first units of free runs; owned */
	uint32_t bins[PENSTOCK_RUNS_BINS];
};

/* `units` up to 2^31; all free, or all taken. SUCCESS or NO_MEMORY. */
PENSTOCK_MUST_CHECK
enum penstock_status penstock_runs_init(struct penstock_runs *runs, uint32_t units, bool all_free);

/* Accepts a zeroed object. */
void penstock_runs_fini(struct penstock_runs *runs);

/* Takes `count` > 0 units in a row, a tight fit first. False: no free run is that long. */
PENSTOCK_MUST_CHECK
bool penstock_runs_take(struct penstock_runs *runs, uint32_t count, uint32_t *ret_start);

/* Takes exactly these units. False: some is taken or there is no such unit; nothing changed. */
PENSTOCK_MUST_CHECK
bool penstock_runs_take_at(struct penstock_runs *runs, uint32_t start, uint32_t count);

/* Whether they are units that were taken, as far as the edges tell. */
bool penstock_runs_taken(const struct penstock_runs *runs, uint32_t start, uint32_t count);

/* Gives back units that are taken (penstock_runs_taken). */
void penstock_runs_give(struct penstock_runs *runs, uint32_t start, uint32_t count);

/* The longest free run, 0 where nothing is free. */
uint32_t penstock_runs_largest(const struct penstock_runs *runs);

/* The first free run at or behind `unit`. False: there is none. */
bool penstock_runs_next_free(const struct penstock_runs *runs, uint32_t unit, uint32_t *ret_start,
			     uint32_t *ret_count);

#endif
