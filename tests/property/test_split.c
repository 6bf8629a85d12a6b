/* SPDX-License-Identifier: MIT */
/*
 * Splitting against a model that looks at every offset: patch lists by chance, as render leaves
 * them and as a translator would whose slots stay bound. Seeds are fixed; PENSTOCK_SEED adds
 * another.
 */
#include "daemon/memory/split.h"

#include "gpu-backend/dma.h"
#include "tests/harness.h"
#include "tests/support/command_chance.h"

#include <stdlib.h>
#include <string.h>

#define ROUNDS       3000u
#define ELEMENTS     12u
#define NULL_ELEMENT 3u
#define ENTRIES      64u
#define STEP         16u /* bytes of an instruction of the model */

static uint64_t state;

/* ------------------------------------------------------------------ a list by chance */

static struct penstock_patch_location entries[ENTRIES];
static uint32_t sizes[ELEMENTS]; /* of the elements */
static uint32_t room;            /* what fits at once */

/* What was asked for since the last reset. */
static uint32_t asked, asked_bytes;

static enum penstock_split_fit fits(void *owner, uint32_t index)
{
	(void)owner;
	ck_assert_uint_lt(index, ELEMENTS);
	if (index == NULL_ELEMENT) {
		return PENSTOCK_SPLIT_NULL;
	}
	if ((asked >> index & 1) == 0) {
		asked |= 1u << index;
		asked_bytes += sizes[index];
	}
	return asked_bytes <= room ? PENSTOCK_SPLIT_FITS : PENSTOCK_SPLIT_FULL;
}

static struct penstock_split_list list = {
	.patches = entries,
	.element_count = ELEMENTS,
	.fits = fits,
};

static void setup(void)
{
	const char *seed = getenv("PENSTOCK_SEED");

	state = 0xA0761D6478BD642Full + (seed != NULL ? strtoull(seed, NULL, 0) : 0);
}

/* `strict`: each split point speaks of every slot, so nothing is kept across it. */
static void list_by_chance(bool strict)
{
	uint32_t slots = 1 + penstock_random_below(&state, 5);
	uint32_t instructions = 1 + penstock_random_below(&state, 12);

	list.patch_count = 0;
	list.dma_length = instructions * STEP;
	for (uint32_t i = 0; i < ELEMENTS; i++) {
		sizes[i] = 1 + penstock_random_below(&state, 9);
	}
	room = 9 + penstock_random_below(&state, 24);
	for (uint32_t at = 0; at < list.dma_length; at += STEP) {
		if (penstock_random_below(&state, 3) == 0) {
			continue;
		}
		for (uint32_t slot = 0; slot < slots; slot++) {
			if (!strict && penstock_random_below(&state, 2) == 0) {
				continue;
			}
			ck_assert_uint_lt(list.patch_count, ENTRIES);
			entries[list.patch_count++] = (struct penstock_patch_location){
				.allocation_index =
					penstock_random_below(&state, 4) == 0
						? PENSTOCK_PATCH_NULL_INDEX
						: penstock_random_below(&state, ELEMENTS),
				.slot_id = slot & 0xFFFFFFu,
				.patch_offset = at + penstock_random_below(&state, STEP - 7),
				.split_offset = at,
			};
		}
	}
}

/* ------------------------------------------------------------------ the model */

static bool is_null(uint32_t index)
{
	return index == PENSTOCK_PATCH_NULL_INDEX || index == NULL_ELEMENT;
}

/* What the slot has while the byte at `offset` is executed. */
static uint32_t row_at(uint32_t slot, uint32_t offset)
{
	uint32_t row = PENSTOCK_PATCH_NULL_INDEX;

	for (uint32_t i = 0; i < list.patch_count; i++) {
		if (entries[i].slot_id == slot && entries[i].split_offset <= offset) {
			row = entries[i].allocation_index;
		}
	}
	return row;
}

static bool is_split_point(uint32_t offset)
{
	for (uint32_t i = 0; i < list.patch_count; i++) {
		if (entries[i].split_offset == offset) {
			return true;
		}
	}
	return false;
}

/* The set of elements that the bytes in between need. */
static uint32_t needed_by(uint32_t start, uint32_t end)
{
	uint32_t set = 0;

	for (uint32_t offset = start; offset < end; offset++) {
		for (uint32_t slot = 0; slot < PENSTOCK_SPLIT_SLOTS; slot++) {
			uint32_t row = row_at(slot, offset);

			set |= is_null(row) ? 0 : 1u << row;
		}
	}
	return set;
}

static uint32_t bytes_of(uint32_t set)
{
	uint32_t bytes = 0;

	for (uint32_t i = 0; i < ELEMENTS; i++) {
		bytes += (set >> i & 1) != 0 ? sizes[i] : 0;
	}
	return bytes;
}

static uint32_t points_between(uint32_t start, uint32_t end)
{
	uint32_t points = 0;

	for (uint32_t offset = start; offset < end; offset++) {
		points += is_split_point(offset);
	}
	return points;
}

/* The largest end that fits; `start`: none does. */
static uint32_t largest_end(uint32_t start, uint32_t most)
{
	uint32_t largest = start;

	for (uint32_t end = start + 1; end <= list.dma_length; end++) {
		if ((end == list.dma_length || is_split_point(end)) &&
		    bytes_of(needed_by(start, end)) <= room && points_between(start, end) <= most) {
			largest = end;
		}
	}
	return largest;
}

static uint32_t kept_across(uint32_t end)
{
	uint32_t kept = 0;

	for (uint32_t slot = 0; slot < PENSTOCK_SPLIT_SLOTS && end < list.dma_length; slot++) {
		bool spoken_of = false;

		for (uint32_t i = 0; i < list.patch_count; i++) {
			spoken_of |= entries[i].slot_id == slot && entries[i].split_offset == end;
		}
		kept |= !spoken_of && !is_null(row_at(slot, end - 1)) ? 1u << slot : 0;
	}
	return kept;
}

/* ------------------------------------------------------------------ properties */

static enum penstock_split_verdict next(struct penstock_slot_table *table, uint32_t most,
					struct penstock_split *split)
{
	uint32_t first = split->part.first_patch + split->part.patch_count;

	asked = asked_bytes = 0;
	return penstock_split_next(&list, table, split->part.end, first, most, split);
}

static void compare_part(const struct penstock_split *split, uint32_t start, uint32_t end)
{
	ck_assert_uint_eq(split->part.start, start);
	ck_assert_uint_eq(split->part.end, end);
	ck_assert_uint_eq(split->kept, kept_across(end));
	ck_assert_uint_eq(split->points, points_between(start, end));
	for (uint32_t i = 0; i < list.patch_count; i++) {
		bool inside = i - split->part.first_patch < split->part.patch_count;

		ck_assert(inside ==
			  (entries[i].split_offset >= start && entries[i].split_offset < end));
	}
}

static void compare_table(const struct penstock_slot_table *table, uint32_t kept, uint32_t end)
{
	ck_assert_uint_eq(table->bound, kept);
	for (uint32_t slot = 0; slot < PENSTOCK_SPLIT_SLOTS; slot++) {
		if ((kept >> slot & 1) != 0) {
			ck_assert_uint_eq(table->rows[slot], row_at(slot, end - 1));
		}
	}
}

static uint32_t split_all(uint32_t *too_large)
{
	struct penstock_slot_table table = { .bound = 0 };
	struct penstock_split split = { .points = 0 };
	uint32_t parts = 0;

	while (split.part.end < list.dma_length) {
		uint32_t start = split.part.end;
		uint32_t most = penstock_random_below(&state, 4) == 0
					? 1 + penstock_random_below(&state, 3)
					: UINT32_MAX;
		uint32_t end = largest_end(start, most);
		enum penstock_split_verdict verdict = next(&table, most, &split);

		if (end == start) {
			ck_assert_int_eq(verdict, PENSTOCK_SPLIT_TOO_LARGE);
			ck_assert_uint_eq(split.too_much, start);
			(*too_large)++;
			return parts;
		}
		ck_assert_int_eq(verdict, PENSTOCK_SPLIT_DONE);
		compare_part(&split, start, end);
		compare_table(&table, split.kept, end);
		parts++;
	}
	return parts;
}

START_TEST(B15_parts_are_the_largest_that_fit)
{
	uint32_t too_large = 0, several = 0;

	for (uint32_t round = 0; round < ROUNDS; round++) {
		list_by_chance(_i == 1);
		several += split_all(&too_large) > 1;
	}
	/* A generator that makes only one sort shows nothing. */
	ck_assert_uint_gt(several, ROUNDS / 4);
	ck_assert_uint_gt(too_large, ROUNDS / 20);
}
END_TEST

START_TEST(B15_what_is_reprogrammed_at_the_split_point_may_move)
{
	uint32_t kept = 0;

	for (uint32_t round = 0; round < ROUNDS; round++) {
		struct penstock_slot_table table = { .bound = 0 };
		struct penstock_split split = { .points = 0 };

		list_by_chance(_i == 1);
		room = 1000;
		while (split.part.end < list.dma_length) {
			ck_assert_int_eq(next(&table, 1, &split), PENSTOCK_SPLIT_DONE);
			ck_assert_uint_eq(split.kept, kept_across(split.part.end));
			kept += split.kept != 0;
		}
	}
	ck_assert(_i == 1 ? kept == 0 : kept > ROUNDS);
}
END_TEST

/* ------------------------------------------------------------------ entries that cannot be */

static const struct {
	const char *what;
	uint32_t entry;
	struct penstock_patch_location location;
} impossible[] = {
	{ "SplitOffset decreases", 3, { .split_offset = STEP - 1, .patch_offset = STEP } },
	{ "a site before its split point", 1, { .split_offset = STEP, .patch_offset = STEP - 8 } },
	{ "a site in the next part", 1, { .split_offset = 0, .patch_offset = STEP } },
	{ "a site half in the next part", 1, { .split_offset = 0, .patch_offset = STEP - 7 } },
	{ "a split point behind the end", 3, { .split_offset = 2 * STEP, .patch_offset = 8 } },
	{ "a site behind the end", 3, { .split_offset = STEP, .patch_offset = 2 * STEP - 7 } },
	{ "an element of none",
	  0,
	  { .split_offset = 0, .patch_offset = 8, .allocation_index = ELEMENTS } },
	{ "a slot of none",
	  2,
	  { .split_offset = STEP, .patch_offset = STEP, .slot_id = PENSTOCK_SPLIT_SLOTS } },
};

/* Two instructions with two slots each, and one entry of those is not good. */
START_TEST(B16_no_part_is_made_of_an_entry_that_cannot_be)
{
	struct penstock_slot_table table = { .bound = 0 };
	struct penstock_split split = { .points = 0 };
	enum penstock_split_verdict verdict = PENSTOCK_SPLIT_DONE;

	room = 1000;
	list.dma_length = 2 * STEP;
	list.patch_count = 4;
	for (uint32_t i = 0; i < 4; i++) {
		entries[i] = (struct penstock_patch_location){
			.allocation_index = i,
			.slot_id = i & 1,
			.patch_offset = i / 2 * STEP + 8,
			.split_offset = i / 2 * STEP,
		};
	}
	if (_i > 0) {
		entries[impossible[_i - 1].entry] = impossible[_i - 1].location;
	}
	while (verdict == PENSTOCK_SPLIT_DONE && split.part.end < list.dma_length) {
		verdict = next(&table, 1, &split);
	}
	ck_assert_msg(verdict == (_i > 0 ? PENSTOCK_SPLIT_INVALID : PENSTOCK_SPLIT_DONE), "%s",
		      _i > 0 ? impossible[_i - 1].what : "nothing wrong");
}
END_TEST

/* ------------------------------------------------------------------ what render leaves */

static struct penstock_fixture fixture;

static enum penstock_split_fit everything_fits(void *owner, uint32_t index)
{
	const struct penstock_fixture *of = owner;

	return of->list[index].id == 0 ? PENSTOCK_SPLIT_NULL : PENSTOCK_SPLIT_FITS;
}

/* Cut anywhere, each part is whole: the checker reads it with its own entries alone. */
START_TEST(B16_render_leaves_nothing_bound_across_any_split_point)
{
	static uint8_t command[PENSTOCK_CHANCE_BYTES + PENSTOCK_FIXTURE_INSTRUCTION_BYTES];
	uint32_t refused = 0, parts = 0;

	penstock_fixture_init(&fixture);
	fixture.args.caps.test_instructions = true;
	fixture.args.caps.pipelines = true;
	for (uint32_t round = 0; round < ROUNDS / 3; round++) {
		uint32_t length =
			penstock_chance_buffer(&state, &fixture, _i == 1, command, &refused);
		struct penstock_slot_table table = { .bound = 0 };
		struct penstock_split split = { .points = 0 };
		struct penstock_split_list rendered;

		ck_assert_int_eq(penstock_fixture_render(&fixture, command, length),
				 PENSTOCK_STATUS_SUCCESS);
		penstock_fixture_patch(&fixture);
		rendered = (struct penstock_split_list){
			.patches = fixture.patches,
			.patch_count = fixture.args.patch_count,
			.dma_length = fixture.args.dma_length,
			.element_count = PENSTOCK_FIXTURE_COUNT,
			.fits = everything_fits,
			.owner = &fixture,
		};
		while (split.part.end < fixture.args.dma_length) {
			uint32_t first = split.part.first_patch + split.part.patch_count;

			ck_assert_int_eq(
				penstock_split_next(&rendered, &table, split.part.end, first,
						    1 + penstock_random_below(&state, 3), &split),
				PENSTOCK_SPLIT_DONE);
			ck_assert_uint_eq(split.kept, 0);
			ck_assert(penstock_dma_is_boundary(fixture.dma, fixture.args.dma_length,
							   split.part.start, split.part.end));
			ck_assert_msg(penstock_fixture_check_part(&fixture, &split.part) ==
					      PENSTOCK_STATUS_SUCCESS,
				      "round %u: %s", round, fixture.fault.text);
			parts++;
		}
		ck_assert_uint_eq(split.part.first_patch + split.part.patch_count,
				  fixture.args.patch_count);
	}
	ck_assert_uint_gt(parts, ROUNDS / 2);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("split");
	TCase *tests = tcase_create("split");

	tcase_set_timeout(tests, 120);
	tcase_add_checked_fixture(tests, setup, NULL);
	tcase_add_loop_test(tests, B15_parts_are_the_largest_that_fit, 0, 2);
	tcase_add_loop_test(tests, B15_what_is_reprogrammed_at_the_split_point_may_move, 0, 2);
	tcase_add_loop_test(tests, B16_no_part_is_made_of_an_entry_that_cannot_be, 0,
			    1 + (int)PENSTOCK_ARRAY_SIZE(impossible));
	tcase_add_loop_test(tests, B16_render_leaves_nothing_bound_across_any_split_point, 0, 2);
	suite_add_tcase(suite, tests);
	return penstock_test_main(suite);
}
