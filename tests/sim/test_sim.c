/* SPDX-License-Identifier: MIT */
/*
 * Memory manager and scheduler under seeds: each run keeps what the model beside it says
 * (tests/sim/sim.h). A failure prints its seed and the last events.
 *
 *	PENSTOCK_SIM_SEED=n       that run alone, with all of its trace
 *	PENSTOCK_SIM_SEEDS=n:m    m runs from seed n on
 *	PENSTOCK_SIM_SEEN=1       and how many of them met what
 */
#include "tests/harness.h"
#include "tests/sim/sim.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* Each part is a process: a crash of one does not end the others. */
#define PARTS         8
#define DETERMINISTIC 30u

/* So many seeds, whichever, meet everything as often as SIM_SEEN says. */
#define WHOLE 150u

/* About a quarter of a minute. */
#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define SEEDS 160u
#endif
#endif
#ifndef SEEDS
#define SEEDS 960u
#endif

static struct sim sim;
static uint64_t first_seed = 1;
static uint64_t seed_count = SEEDS;

/* Outlives the process of a test: what it was at when it crashed. */
static volatile uint64_t *seed_of_now;

static void on_abort(int number)
{
	signal(number, SIG_DFL);
	if (sim_current != NULL) {
		sim_print(sim_current);
	}
}

/* Memory files in memory, as they are for a daemon: on a disk a run takes five times as long. */
static void find_memory(void)
{
	if (getenv("TMPDIR") == NULL && access("/dev/shm", W_OK) == 0) {
		PENSTOCK_REQUIRE(setenv("TMPDIR", "/dev/shm", 1) == 0);
	}
}

/* What the runs of this process met, in the order of SIM_SEEN. */
#define SIM_SEEN_ONE(name, runs) +1
#define SEEN                     (0u SIM_SEEN(SIM_SEEN_ONE))

static uint32_t runs, runs_that_met[SEEN];

static void count_met(void)
{
	uint32_t at = 0;

	runs++;
#define SIM_SEEN_COUNT(name, of_a_hundred) runs_that_met[at++] += sim.seen.name > 0;
	SIM_SEEN(SIM_SEEN_COUNT)
#undef SIM_SEEN_COUNT
}

/* Runs that nothing happens in would pass everything else. */
static void check_met(void)
{
	uint32_t at = 0;

#define SIM_SEEN_CHECK(name, of_a_hundred)                                                         \
	ck_assert_msg(100u * runs_that_met[at] >= (of_a_hundred)*runs,                             \
		      "%u of %u runs met " #name ", and " #of_a_hundred " of a hundred have to",   \
		      runs_that_met[at], runs);                                                    \
	at++;
	SIM_SEEN(SIM_SEEN_CHECK)
#undef SIM_SEEN_CHECK
}

static void print_met(void)
{
	uint32_t at = 0;

#define SIM_SEEN_PRINT(name, of_a_hundred)                                                         \
	fprintf(stderr, "%5.1f of a hundred runs met " #name "\n",                                 \
		100.0 * runs_that_met[at++] / runs);
	SIM_SEEN(SIM_SEEN_PRINT)
#undef SIM_SEEN_PRINT
}

static void run(uint64_t seed, FILE *whole)
{
	*seed_of_now = seed;
	sim_run(&sim, &(struct sim_options){ .seed = seed, .whole = whole });
	*seed_of_now = 0;
	count_met();
}

START_TEST(D6_every_seed_keeps_bytes_order_and_places)
{
	uint64_t part = seed_count / PARTS, from = first_seed + part * (uint64_t)_i;
	uint64_t end = _i == PARTS - 1 ? first_seed + seed_count : from + part;
	const char *alone = getenv("PENSTOCK_SIM_SEED");

	if (alone != NULL) {
		if (_i == 0) {
			run(strtoull(alone, NULL, 0), stderr);
		}
		return;
	}
	for (; from < end; from++) {
		run(from, NULL);
	}
	if (getenv("PENSTOCK_SIM_SEEN") != NULL) {
		print_met();
	}
	if (runs >= WHOLE) {
		check_met();
	}
}
END_TEST

START_TEST(the_same_seed_gives_the_same_trace)
{
	uint64_t others = 0;

	for (uint64_t seed = 1; seed <= DETERMINISTIC; seed++) {
		uint64_t hash, count;
		void *elsewhere = malloc(seed * 4000); /* so that addresses differ */

		run(seed, NULL);
		hash = sim.trace.hash;
		count = sim.trace.count;
		run(seed, NULL);
		free(elsewhere);
		ck_assert_uint_eq(sim.trace.hash, hash);
		ck_assert_uint_eq(sim.trace.count, count);
		ck_assert_uint_ne(hash, others);
		others = hash;
	}
}
END_TEST

START_TEST(the_seeds_meet_everything)
{
	for (uint64_t seed = 1; seed <= WHOLE; seed++) {
		run(seed, NULL);
	}
	check_met();
}
END_TEST

/* What a run does with something that is wrong: it exits so (SIM_FOUND). */
START_TEST(what_is_made_wrong_is_found)
{
	for (uint64_t seed = 1; seed <= 20; seed++) {
		sim_run(&sim, &(struct sim_options){
				      .seed = seed,
				      .sabotage = (enum sim_sabotage)_i,
			      });
	}
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("sim");
	TCase *seeds = tcase_create("seeds"), *same = tcase_create("same");
	const char *range = getenv("PENSTOCK_SIM_SEEDS");
	int status;

	if (range != NULL) {
		char *count = NULL;

		first_seed = strtoull(range, &count, 0);
		seed_count = *count == ':' ? strtoull(count + 1, NULL, 0) : 1;
	}
	seed_of_now = mmap(NULL, sizeof(*seed_of_now), PROT_READ | PROT_WRITE,
			   MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	PENSTOCK_REQUIRE(seed_of_now != MAP_FAILED);
	PENSTOCK_REQUIRE(penstock_guard_install() == 0);
	find_memory();
	PENSTOCK_REQUIRE(signal(SIGABRT, on_abort) != SIG_ERR);
	tcase_set_timeout(seeds, 36000);
	tcase_set_timeout(same, 3600);
	tcase_add_loop_test(seeds, D6_every_seed_keeps_bytes_order_and_places, 0, PARTS);
	tcase_add_test(same, the_same_seed_gives_the_same_trace);
	tcase_add_test(same, the_seeds_meet_everything);
	tcase_add_loop_exit_test(same, what_is_made_wrong_is_found, SIM_FOUND, SIM_SABOTAGE_BYTE,
				 SIM_SABOTAGE_POSITION + 1);
	suite_add_tcase(suite, seeds);
	suite_add_tcase(suite, same);
	status = penstock_test_main(suite);
	if (*seed_of_now != 0) {
		fprintf(stderr, "PENSTOCK_SIM_SEED=%" PRIu64 " did not end\n", *seed_of_now);
	}
	return status;
}
