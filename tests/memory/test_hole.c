/* SPDX-License-Identifier: MIT */
/* The choice of a hole against a model that looks at every run of granules and every victim. */
#include "daemon/memory/hole.h"
#include "tests/harness.h"

#define GRANULES 40u
#define MOST     24u

struct placed {
	uint32_t start;
	uint32_t count;
	struct penstock_worth worth;
};

static struct penstock_hole_map map;
static struct placed placed[MOST];
static uint32_t placed_count;
static bool is_free[GRANULES];
static uint32_t random_state;

static uint32_t pick(uint32_t below)
{
	random_state = random_state * 1664525u + 1013904223u;
	return (random_state >> 8) % below;
}

static void draw(void)
{
	penstock_hole_map_clear(&map);
	for (uint32_t i = 0; i < GRANULES; i++) {
		if (is_free[i]) {
			penstock_hole_map_free(&map, i, 1);
		}
	}
	for (uint32_t i = 0; i < placed_count; i++) {
		penstock_hole_map_free(&map, placed[i].start, placed[i].count);
	}
	for (uint32_t i = 0; i < placed_count; i++) {
		penstock_hole_map_occupy(&map, placed[i].start, placed[i].count, placed[i].worth);
	}
}

/* Of one run: who is the most valuable there, and how many have to leave. False: never. */
static bool model_cost(uint32_t start, uint32_t wanted, uint64_t most,
		       struct penstock_worth *ret_worth, uint32_t *ret_victims)
{
	*ret_worth = (struct penstock_worth){ 0 };
	*ret_victims = 0;
	for (uint32_t granule = start; granule < start + wanted; granule++) {
		bool somebody = is_free[granule];

		for (uint32_t i = 0; i < placed_count; i++) {
			somebody |= granule >= placed[i].start &&
				    granule < placed[i].start + placed[i].count;
		}
		if (!somebody) {
			return false;
		}
	}
	for (uint32_t i = 0; i < placed_count; i++) {
		if (placed[i].start >= start + wanted ||
		    start >= placed[i].start + placed[i].count) {
			continue;
		}
		if (penstock_worth_less(ret_worth, &placed[i].worth)) {
			*ret_worth = placed[i].worth;
		}
		*ret_victims += placed[i].worth.rank >= PENSTOCK_RANK_LOWEST;
	}
	return ret_worth->rank <= most;
}

static bool model_find(uint32_t wanted, uint64_t most, uint32_t *ret_start)
{
	struct penstock_worth best = { .rank = PENSTOCK_RANK_NEVER };
	uint32_t best_victims = UINT32_MAX;
	bool found = false;

	for (uint32_t start = 0; start + wanted <= GRANULES; start++) {
		struct penstock_worth worth;
		uint32_t victims;

		if (!model_cost(start, wanted, most, &worth, &victims)) {
			continue;
		}
		if (!found || penstock_worth_less(&worth, &best) ||
		    (!penstock_worth_less(&best, &worth) && victims < best_victims)) {
			found = true;
			best = worth;
			best_victims = victims;
			*ret_start = start;
		}
	}
	return found;
}

/* Allocations one behind the other, small ones that share a granule, gaps of both kinds. */
static void make_segment(void)
{
	uint32_t at = 0;

	placed_count = 0;
	while (at < GRANULES) {
		uint32_t count = 1 + pick(6), sharers = count == 1 ? 1 + pick(4) : 1;

		count = count < GRANULES - at ? count : GRANULES - at;
		for (uint32_t i = at; i < at + count; i++) {
			is_free[i] = pick(3) > 0;
		}
		if (pick(4) > 0) {
			for (; sharers > 0 && placed_count < MOST; sharers--) {
				static const uint64_t ranks[] = { PENSTOCK_RANK_LEAVING, 2, 3, 4,
								  PENSTOCK_RANK_NEVER };

				placed[placed_count++] = (struct placed){
					.start = at,
					.count = count,
					.worth = { ranks[pick(5)], pick(8) },
				};
			}
		}
		at += count;
	}
}

START_TEST(B3_the_hole_is_the_one_of_the_model)
{
	random_state = (uint32_t)_i * 7919u + 1;
	for (unsigned round = 0; round < 3000; round++) {
		uint32_t wanted = 1 + pick(GRANULES), found = 0, expected = 0;
		uint64_t most = pick(4) == 0 ? PENSTOCK_RANK_FREE : PENSTOCK_RANK_NEVER - 1;
		bool there;

		make_segment();
		draw();
		there = model_find(wanted, most, &expected);
		ck_assert_int_eq(penstock_hole_find(&map, wanted, most, &found), there);
		ck_assert_uint_eq(found, expected);
	}
}
END_TEST

START_TEST(B3_a_choice_made_again_while_its_victims_leave_is_the_same)
{
	random_state = (uint32_t)_i * 104729u + 1;
	for (unsigned round = 0; round < 1000; round++) {
		uint32_t wanted = 1 + pick(8), found, again;

		make_segment();
		draw();
		if (!penstock_hole_find(&map, wanted, PENSTOCK_RANK_NEVER - 1, &found)) {
			continue;
		}
		for (uint32_t i = 0; i < placed_count; i++) {
			if (placed[i].start < found + wanted &&
			    found < placed[i].start + placed[i].count) {
				placed[i].worth =
					(struct penstock_worth){ PENSTOCK_RANK_LEAVING, 0 };
			}
		}
		draw();
		ck_assert(penstock_hole_find(&map, wanted, PENSTOCK_RANK_NEVER - 1, &again));
		for (uint32_t i = 0; i < placed_count; i++) {
			bool victim = placed[i].start < again + wanted &&
				      again < placed[i].start + placed[i].count;

			ck_assert(!victim || placed[i].worth.rank == PENSTOCK_RANK_LEAVING);
		}
	}
}
END_TEST

static void set_up_map(void)
{
	ck_assert_int_eq(penstock_hole_map_init(&map, GRANULES), PENSTOCK_STATUS_SUCCESS);
}

static void tear_down_map(void)
{
	penstock_hole_map_fini(&map);
}

int main(void)
{
	Suite *suite = suite_create("hole");
	TCase *hole = tcase_create("hole");

	tcase_add_checked_fixture(hole, set_up_map, tear_down_map);
	tcase_add_loop_test(hole, B3_the_hole_is_the_one_of_the_model, 0, 4);
	tcase_add_loop_test(hole, B3_a_choice_made_again_while_its_victims_leave_is_the_same, 0, 4);
	suite_add_tcase(suite, hole);
	return penstock_test_main(suite);
}
