/* SPDX-License-Identifier: MIT */
#include "daemon/memory/segment.h"
#include "gpu-backend/backend.h"
#include "tests/harness.h"

#include <stdlib.h>
#include <string.h>

#define GRANULE ((uint64_t)PENSTOCK_GRANULE_BYTES)
#define PAGE    ((uint64_t)PENSTOCK_PAGE_BYTES)

static uint64_t next_random(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state;
}

/* ---------------------------------------------------------------- runs against a plain model */

#define UNITS 700u

struct taken {
	uint32_t start;
	uint32_t count;
};

static uint32_t model_largest(const bool *used)
{
	uint32_t largest = 0, run = 0;

	for (uint32_t i = 0; i < UNITS; i++) {
		run = used[i] ? 0 : run + 1;
		largest = run > largest ? run : largest;
	}
	return largest;
}

static void model_fill(bool *used, uint32_t start, uint32_t count, bool value)
{
	bool good = true;

	for (uint32_t i = start; i < start + count; i++) {
		good = good && used[i] != value;
		used[i] = value;
	}
	ck_assert(good);
}

static bool model_free_at(const bool *used, uint32_t start, uint32_t count)
{
	for (uint32_t i = start; i < start + count; i++) {
		if (i >= UNITS || used[i]) {
			return false;
		}
	}
	return count > 0;
}

static void check_walk(const struct penstock_runs *runs, const bool *used)
{
	uint32_t unit = 0, start, count, free_units = 0;

	while (penstock_runs_next_free(runs, unit, &start, &count)) {
		ck_assert(model_free_at(used, start, count));
		ck_assert(start == 0 || used[start - 1]);
		ck_assert(start + count == UNITS || used[start + count]);
		free_units += count;
		unit = start + count;
	}
	ck_assert_uint_eq(free_units, runs->free_units);
}

START_TEST(runs_agree_with_a_plain_model)
{
	uint64_t seed = 0x9e3779b97f4a7c15ull + (uint64_t)_i;
	struct penstock_runs runs;
	struct taken taken[UNITS];
	bool used[UNITS] = { false };
	uint32_t count = 0;

	ck_assert_int_eq(penstock_runs_init(&runs, UNITS, true), PENSTOCK_STATUS_SUCCESS);
	for (int step = 0; step < 4000; step++) {
		uint32_t want = 1 + (uint32_t)(next_random(&seed) % (step % 50 == 0 ? 200 : 12));
		uint32_t at = (uint32_t)(next_random(&seed) % UNITS), start;

		if (next_random(&seed) % 2 == 0 && count > 0) {
			uint32_t victim = (uint32_t)(next_random(&seed) % count);

			penstock_runs_give(&runs, taken[victim].start, taken[victim].count);
			model_fill(used, taken[victim].start, taken[victim].count, false);
			taken[victim] = taken[--count];
		} else if (next_random(&seed) % 4 == 0) {
			bool fits = model_free_at(used, at, want);

			ck_assert(penstock_runs_take_at(&runs, at, want) == fits);
			if (fits) {
				model_fill(used, at, want, true);
				taken[count++] = (struct taken){ at, want };
			}
		} else {
			bool fits = model_largest(used) >= want;

			ck_assert(penstock_runs_take(&runs, want, &start) == fits);
			if (fits) {
				model_fill(used, start, want, true);
				taken[count++] = (struct taken){ start, want };
			}
		}
		ck_assert_uint_eq(penstock_runs_largest(&runs), model_largest(used));
	}
	check_walk(&runs, used);
	while (count > 0) {
		count--;
		penstock_runs_give(&runs, taken[count].start, taken[count].count);
	}
	ck_assert_uint_eq(penstock_runs_largest(&runs), UNITS);
	penstock_runs_fini(&runs);
}
END_TEST

START_TEST(runs_that_are_given_twice_abort)
{
	struct penstock_runs runs;

	ck_assert_int_eq(penstock_runs_init(&runs, 8, true), PENSTOCK_STATUS_SUCCESS);
	penstock_runs_give(&runs, 0, 8);
}
END_TEST

/* ---------------------------------------------------------------- a segment */

static const struct penstock_segment_descriptor small_memory = {
	.id = 1,
	.flags = PENSTOCK_SEGMENT_FLAG_CPU_VISIBLE,
	.base_address = PENSTOCK_LOCAL_BASE,
	.size_bytes = 64 * GRANULE,
	.commit_limit_bytes = 64 * GRANULE,
};

#define PRINCIPALS 3u
#define HELD       400u

struct held {
	unsigned principal;
	uint64_t offset;
	uint64_t size_bytes;
};

/* No byte is anybody's twice, and a granule is never two principals'. */
static void check_disjoint(const struct held *held, unsigned count, uint64_t size_bytes)
{
	bool good = true;
	uint8_t owner[64 * 16];

	memset(owner, 0xff, sizeof(owner));
	for (unsigned i = 0; i < count; i++) {
		uint64_t first = held[i].offset / PAGE;

		ck_assert(penstock_range_fits(held[i].offset, held[i].size_bytes, size_bytes));
		for (uint64_t page = first; page < first + held[i].size_bytes / PAGE; page++) {
			good = good && owner[page] == 0xff;
			owner[page] = (uint8_t)held[i].principal;
		}
	}
	for (unsigned page = 0; page < 64 * 16; page++) {
		uint8_t whose = owner[page];

		for (unsigned other = page / 16 * 16; other < page && whose != 0xff; other++) {
			good = good && (owner[other] == 0xff || owner[other] == whose);
		}
	}
	ck_assert(good);
}

START_TEST(segment_never_hands_out_a_byte_twice)
{
	uint64_t seed = 0xabcdef1234567ull + (uint64_t)_i * 77;
	struct penstock_sharer sharers[PRINCIPALS];
	struct penstock_segment segment;
	struct held held[HELD];
	unsigned count = 0;

	ck_assert_int_eq(penstock_segment_init(&segment, &small_memory), PENSTOCK_STATUS_SUCCESS);
	for (unsigned i = 0; i < PRINCIPALS; i++) {
		penstock_sharer_init(&sharers[i]);
	}
	for (int step = 0; step < 1500; step++) {
		struct held new = { .principal = (unsigned)(next_random(&seed) % PRINCIPALS) };
		unsigned victim = count == 0 ? 0 : (unsigned)(next_random(&seed) % count);

		new.size_bytes = PAGE *(1 + next_random(&seed) % (step % 10 == 0 ? 80 : 15));
		if (next_random(&seed) % 5 < 2 && count > 0) {
			penstock_segment_give(&segment, &sharers[held[victim].principal],
					      held[victim].offset, held[victim].size_bytes);
			if (next_random(&seed) % 2 == 0) {
				ck_assert(penstock_segment_take_at(
					&segment, &sharers[held[victim].principal],
					held[victim].offset, held[victim].size_bytes));
			} else {
				held[victim] = held[--count];
			}
		} else if (count < HELD &&
			   penstock_segment_take(&segment, &sharers[new.principal], new.size_bytes,
						 &new.offset) == PENSTOCK_STATUS_SUCCESS) {
			held[count++] = new;
		}
		check_disjoint(held, count, small_memory.size_bytes);
	}
	while (count > 0) {
		count--;
		penstock_segment_give(&segment, &sharers[held[count].principal], held[count].offset,
				      held[count].size_bytes);
	}
	ck_assert_uint_eq(segment.used_bytes, 0);
	ck_assert_uint_eq(penstock_runs_largest(&segment.runs), 64);
	penstock_segment_fini(&segment);
}
END_TEST

START_TEST(segment_keeps_its_commit_limit)
{
	struct penstock_segment_descriptor aperture = small_memory;
	struct penstock_sharer sharer;
	struct penstock_segment segment;
	uint64_t offset;

	aperture.flags = PENSTOCK_SEGMENT_FLAG_APERTURE;
	aperture.commit_limit_bytes = 3 * GRANULE;
	penstock_sharer_init(&sharer);
	ck_assert_int_eq(penstock_segment_init(&segment, &aperture), PENSTOCK_STATUS_SUCCESS);
	ck_assert_int_eq(penstock_segment_take(&segment, &sharer, 2 * GRANULE, &offset),
			 PENSTOCK_STATUS_SUCCESS);
	ck_assert_int_eq(penstock_segment_take(&segment, &sharer, 2 * GRANULE, &offset),
			 PENSTOCK_STATUS_GRAPHICS_NO_VIDEO_MEMORY);
	ck_assert_int_eq(penstock_segment_take(&segment, &sharer, PAGE, &offset),
			 PENSTOCK_STATUS_SUCCESS);
	penstock_segment_fini(&segment);
}
END_TEST

START_TEST(a_place_of_before_is_refused_where_it_cannot_be)
{
	struct penstock_sharer mine, other;
	struct penstock_segment segment;

	penstock_sharer_init(&mine);
	penstock_sharer_init(&other);
	ck_assert_int_eq(penstock_segment_init(&segment, &small_memory), PENSTOCK_STATUS_SUCCESS);
	ck_assert(!penstock_segment_take_at(&segment, &mine, 64 * GRANULE, PAGE));
	ck_assert(!penstock_segment_take_at(&segment, &mine, UINT64_MAX - PAGE + 1, PAGE));
	ck_assert(!penstock_segment_take_at(&segment, &mine, 100, PAGE));
	ck_assert(!penstock_segment_take_at(&segment, &mine, 0, 0));
	ck_assert(!penstock_segment_take_at(&segment, &mine, PAGE, GRANULE));
	ck_assert(!penstock_segment_take_at(&segment, &mine, 15 * PAGE, 2 * PAGE));
	ck_assert(penstock_segment_take_at(&segment, &mine, PAGE, PAGE));
	ck_assert(!penstock_segment_take_at(&segment, &mine, PAGE, PAGE));
	ck_assert(!penstock_segment_take_at(&segment, &other, 2 * PAGE, PAGE));
	ck_assert(!penstock_segment_take_at(&segment, &other, 0, GRANULE));
	ck_assert_uint_eq(segment.used_bytes, GRANULE);
	penstock_segment_fini(&segment);
}
END_TEST

/* ---------------------------------------------------------------- configuration */

struct combination {
	struct penstock_segment_descriptor segments[2];
	bool legal;
};

#define MEMORY(base, size, limit)                                                                  \
	{                                                                                          \
		1, PENSTOCK_SEGMENT_FLAG_CPU_VISIBLE, base, size, limit                            \
	}
#define APERTURE(base, size, limit)                                                                \
	{                                                                                          \
		2, PENSTOCK_SEGMENT_FLAG_APERTURE, base, size, limit                               \
	}
#define GOOD_MEMORY   MEMORY(0x100000000, GRANULE, GRANULE)
#define GOOD_APERTURE APERTURE(0x200000000, 2 * GRANULE, GRANULE)

static const struct combination combinations[] = {
	{ { GOOD_MEMORY, GOOD_APERTURE }, true },
	{ { MEMORY(0x100000000, GRANULE, GRANULE), APERTURE(0x100010000, GRANULE, GRANULE) },
	  true },
	{ { MEMORY(0x100000000, 2 * GRANULE, 2 * GRANULE), APERTURE(0x100010000, GRANULE, 0) },
	  false },
	{ { MEMORY(0x100000000, 0, 0), GOOD_APERTURE }, false },
	{ { MEMORY(0x100000000, 4096, 4096), GOOD_APERTURE }, false },
	{ { MEMORY(0x100001000, GRANULE, GRANULE), GOOD_APERTURE }, false },
	{ { MEMORY(0, GRANULE, GRANULE), GOOD_APERTURE }, false },
	{ { MEMORY(0xffffffffffff0000, 2 * GRANULE, 2 * GRANULE), GOOD_APERTURE }, false },
	{ { MEMORY(0x10000, 0xfffffffffff00000, 0xfffffffffff00000), GOOD_APERTURE }, false },
	{ { MEMORY(0x100000000, 2 * GRANULE, GRANULE), GOOD_APERTURE }, false },
	{ { GOOD_MEMORY, APERTURE(0x200000000, GRANULE, 2 * GRANULE) }, false },
	{ { GOOD_MEMORY, { 2, 0x1 | 0x2, 0x200000000, GRANULE, GRANULE } }, false },
	{ { GOOD_MEMORY, { 2, 0x1 | 0x4, 0x200000000, GRANULE, GRANULE } }, false },
	{ { GOOD_MEMORY, { 2, 0x80000000, 0x200000000, GRANULE, GRANULE } }, false },
	{ { GOOD_MEMORY, { 3, 0x1, 0x200000000, GRANULE, GRANULE } }, false },
};

START_TEST(B1_illegal_segment_combinations_are_refused)
{
	struct penstock_errbuf text = { "" };
	enum penstock_status status;

	status = penstock_segments_check(combinations[_i].segments, 2, &text);
	ck_assert_int_eq(status, combinations[_i].legal ? PENSTOCK_STATUS_SUCCESS
							: PENSTOCK_STATUS_INVALID_PARAMETER);
	ck_assert(combinations[_i].legal == (text.text[0] == '\0'));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("segment");
	TCase *runs = tcase_create("runs");
	TCase *segment = tcase_create("segment");

	tcase_add_loop_test(runs, runs_agree_with_a_plain_model, 0, 10);
	tcase_add_test_raise_signal(runs, runs_that_are_given_twice_abort, 6);
	tcase_add_loop_test(segment, segment_never_hands_out_a_byte_twice, 0, 5);
	tcase_add_test(segment, segment_keeps_its_commit_limit);
	tcase_add_test(segment, a_place_of_before_is_refused_where_it_cannot_be);
	tcase_add_loop_test(segment, B1_illegal_segment_combinations_are_refused, 0,
			    (int)PENSTOCK_ARRAY_SIZE(combinations));
	suite_add_tcase(suite, runs);
	suite_add_tcase(suite, segment);
	return penstock_test_main(suite);
}
