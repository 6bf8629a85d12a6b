/* SPDX-License-Identifier: MIT */
#include "daemon/memory/runs.h"

#include <stdlib.h>

#define NONE UINT32_MAX

/* How many runs of the tight bin are compared before a longer run is cut. */
#define TIGHT_TRIES 8u

static unsigned bin_of(uint32_t length)
{
	return 31u - (unsigned)__builtin_clz(length);
}

static void mark_first(struct penstock_runs *runs, uint32_t start, bool set)
{
	uint64_t bit = 1ull << (start % 64);

	if (set) {
		runs->first[start / 64] |= bit;
	} else {
		runs->first[start / 64] &= ~bit;
	}
}

static void link_run(struct penstock_runs *runs, uint32_t start, uint32_t length)
{
	unsigned bin = bin_of(length);

	runs->length[start] = length;
	runs->length[start + length - 1] = length;
	runs->previous[start] = NONE;
	runs->next[start] = runs->bins[bin];
	if (runs->bins[bin] != NONE) {
		runs->previous[runs->bins[bin]] = start;
	}
	runs->bins[bin] = start;
	mark_first(runs, start, true);
	runs->free_units += length;
}

static void unlink_run(struct penstock_runs *runs, uint32_t start)
{
	uint32_t length = runs->length[start];

	if (runs->previous[start] != NONE) {
		runs->next[runs->previous[start]] = runs->next[start];
	} else {
		runs->bins[bin_of(length)] = runs->next[start];
	}
	if (runs->next[start] != NONE) {
		runs->previous[runs->next[start]] = runs->previous[start];
	}
	runs->length[start] = 0;
	runs->length[start + length - 1] = 0;
	mark_first(runs, start, false);
	runs->free_units -= length;
}

enum penstock_status penstock_runs_init(struct penstock_runs *runs, uint32_t units, bool all_free)
{
	PENSTOCK_REQUIRE(units > 0 && units <= 1u << 31);
	*runs = (struct penstock_runs){
		.units = units,
		.length = calloc(units, sizeof(*runs->length)),
		.next = calloc(units, sizeof(*runs->next)),
		.previous = calloc(units, sizeof(*runs->previous)),
		.first = calloc(units / 64 + 1, sizeof(*runs->first)),
	};
	for (unsigned bin = 0; bin < PENSTOCK_RUNS_BINS; bin++) {
		runs->bins[bin] = NONE;
	}
	if (runs->length == NULL || runs->next == NULL || runs->previous == NULL ||
	    runs->first == NULL) {
		penstock_runs_fini(runs);
		return PENSTOCK_STATUS_NO_MEMORY;
	}
	if (all_free) {
		link_run(runs, 0, units);
	}
	return PENSTOCK_STATUS_SUCCESS;
}

void penstock_runs_fini(struct penstock_runs *runs)
{
	free(runs->length);
	free(runs->next);
	free(runs->previous);
	free(runs->first);
	*runs = (struct penstock_runs){ 0 };
}

/* The shortest of the first `tries` runs of a bin that are long enough, or NONE. */
static uint32_t search_bin(const struct penstock_runs *runs, unsigned bin, uint32_t count,
			   uint32_t tries)
{
	uint32_t best = NONE;

	for (uint32_t start = runs->bins[bin]; start != NONE && tries > 0;
	     start = runs->next[start], tries--) {
		if (runs->length[start] < count) {
			continue;
		}
		if (best == NONE || runs->length[start] < runs->length[best]) {
			best = start;
		}
	}
	return best;
}

static uint32_t find_run(const struct penstock_runs *runs, uint32_t count)
{
	unsigned tight = bin_of(count);
	uint32_t start = search_bin(runs, tight, count, TIGHT_TRIES);

	/* Every run of a higher bin is long enough. */
	for (unsigned bin = tight + 1; start == NONE && bin < PENSTOCK_RUNS_BINS; bin++) {
		start = search_bin(runs, bin, count, TIGHT_TRIES);
	}
	return start != NONE ? start : search_bin(runs, tight, count, UINT32_MAX);
}

bool penstock_runs_take(struct penstock_runs *runs, uint32_t count, uint32_t *ret_start)
{
	uint32_t start, length;

	PENSTOCK_REQUIRE(count > 0);
	start = find_run(runs, count);
	if (start == NONE) {
		return false;
	}
	length = runs->length[start];
	unlink_run(runs, start);
	if (length > count) {
		link_run(runs, start + count, length - count);
	}
	*ret_start = start;
	return true;
}

/* The first unit of the last free run that begins at or before `unit`, or NONE. */
static uint32_t run_before(const struct penstock_runs *runs, uint32_t unit)
{
	uint32_t word = unit / 64;
	uint64_t bits = runs->first[word] & (UINT64_MAX >> (63 - unit % 64));

	while (bits == 0 && word > 0) {
		bits = runs->first[--word];
	}
	return bits == 0 ? NONE : word * 64 + 63u - (uint32_t)__builtin_clzll(bits);
}

bool penstock_runs_take_at(struct penstock_runs *runs, uint32_t start, uint32_t count)
{
	uint32_t run, length;

	if (count == 0 || !penstock_range_fits(start, count, runs->units)) {
		return false;
	}
	run = run_before(runs, start);
	if (run == NONE || !penstock_range_fits(start - run, count, runs->length[run])) {
		return false;
	}
	length = runs->length[run];
	unlink_run(runs, run);
	if (start > run) {
		link_run(runs, run, start - run);
	}
	if (run + length > start + count) {
		link_run(runs, start + count, run + length - start - count);
	}
	return true;
}

bool penstock_runs_taken(const struct penstock_runs *runs, uint32_t start, uint32_t count)
{
	return count > 0 && penstock_range_fits(start, count, runs->units) &&
	       runs->length[start] == 0 && runs->length[start + count - 1] == 0;
}

void penstock_runs_give(struct penstock_runs *runs, uint32_t start, uint32_t count)
{
	uint32_t end = start + count;

	PENSTOCK_REQUIRE(penstock_runs_taken(runs, start, count));
	if (start > 0 && runs->length[start - 1] != 0) {
		start -= runs->length[start - 1];
		unlink_run(runs, start);
	}
	if (end < runs->units && runs->length[end] != 0) {
		uint32_t behind = runs->length[end];

		unlink_run(runs, end);
		end += behind;
	}
	link_run(runs, start, end - start);
}

uint32_t penstock_runs_largest(const struct penstock_runs *runs)
{
	uint32_t largest = 0;

	for (unsigned bin = PENSTOCK_RUNS_BINS; bin-- > 0 && largest == 0;) {
		for (uint32_t start = runs->bins[bin]; start != NONE; start = runs->next[start]) {
			largest = runs->length[start] > largest ? runs->length[start] : largest;
		}
	}
	return largest;
}

bool penstock_runs_next_free(const struct penstock_runs *runs, uint32_t unit, uint32_t *ret_start,
			     uint32_t *ret_count)
{
	uint32_t words = runs->units / 64 + 1, word = unit / 64;
	uint64_t bits;

	if (unit >= runs->units) {
		return false;
	}
	bits = runs->first[word] & (UINT64_MAX << (unit % 64));
	while (bits == 0 && ++word < words) {
		bits = runs->first[word];
	}
	if (bits == 0) {
		return false;
	}
	*ret_start = word * 64 + (uint32_t)__builtin_ctzll(bits);
	*ret_count = runs->length[*ret_start];
	return true;
}
