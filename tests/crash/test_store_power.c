/* SPDX-License-Identifier: MIT */
/*
 * The power goes at every operation of the disk, one after the other, while a store works. What
 * was acknowledged must be there, and what is there must be a state that the store went through.
 * The same sweep must find losses when the disk is not asked to sync: otherwise it shows nothing.
 */
#include "tests/crash/vfs_forget.h"
#include "tests/harness.h"
#include "tests/store_fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Each step is a turn of the loop, so a transaction: state n is what is there after n steps. */
#define STEPS 24

struct outcome {
	uint64_t cuts;
	uint64_t lost;     /* acknowledged and not there */
	uint64_t unopened; /* the database would not open, or was no state of ours */
	bool finished;     /* the work was done before the cut */
};

static uint64_t step(struct penstock_store *store, unsigned number)
{
	struct penstock_allocation_row allocation = store_allocation(number, 1);
	const struct penstock_opening_row opening = store_opening(number, 1, number);

	if (number == 1) {
		const struct penstock_principal_row principal = store_principal(1);
		const struct penstock_session_row session = store_session(1, 1);
		const struct penstock_device_row device = store_device(1, 1);

		penstock_store_put_principal(store, &principal);
		penstock_store_put_session(store, &session);
		penstock_store_put_device(store, &device);
	}
	if (number % 3 == 0) {
		penstock_store_delete(store, PENSTOCK_STORE_ALLOCATION, number - 2);
	}
	penstock_store_put_allocation(store, &allocation);
	return penstock_store_put_opening(store, &opening);
}

static char *state_text(const struct penstock_store_config *config)
{
	struct store_dump dump = { 0 };
	struct penstock_errbuf text;

	if (store_dump_file(config, &dump, &text) != PENSTOCK_STATUS_SUCCESS) {
		return NULL;
	}
	return dump.text != NULL ? dump.text : strdup("");
}

/* What is there after each step, from an undisturbed run. */
static void record_states(const struct penstock_store_config *config, char *ret_states[STEPS + 1])
{
	for (unsigned steps = 0; steps <= STEPS; steps++) {
		struct store_fixture fixture;

		penstock_forget_reset();
		ck_assert_int_eq(store_fixture_open(&fixture, config), PENSTOCK_STATUS_SUCCESS);
		for (unsigned i = 1; i <= steps; i++) {
			store_fixture_wait(&fixture, step(fixture.store, i));
		}
		store_fixture_close(&fixture);
		ret_states[steps] = state_text(config);
		ck_assert_ptr_nonnull(ret_states[steps]);
	}
}

/* Works until the power goes; returns how many steps were acknowledged. */
static unsigned work_until_cut(const struct penstock_store_config *config, uint64_t cut,
			       bool *ret_finished)
{
	struct store_fixture fixture;
	unsigned acknowledged = 0;

	penstock_forget_reset();
	penstock_forget_cut_at(cut);
	if (store_fixture_open(&fixture, config) == PENSTOCK_STATUS_SUCCESS) {
		for (unsigned i = 1; i <= STEPS && fixture.failures == 0; i++) {
			uint64_t sequence = step(fixture.store, i);

			store_fixture_wait(&fixture, sequence);
			if (fixture.committed >= sequence) {
				acknowledged = i;
			}
		}
	}
	store_fixture_close(&fixture);
	*ret_finished = penstock_forget_operations() < cut;
	return acknowledged;
}

/* Where the state is: its number, or -1. A step that was cut may be there or not. */
static int find_state(char *const states[STEPS + 1], const char *text)
{
	for (int i = STEPS; i >= 0 && text != NULL; i--) {
		if (strcmp(states[i], text) == 0) {
			return i;
		}
	}
	return -1;
}

static struct outcome sweep(enum penstock_store_synchronous synchronous,
			    enum penstock_forget_how how)
{
	const struct penstock_store_config config = { .path = "power.db",
						      .test.vfs = PENSTOCK_FORGET_VFS,
						      .test.synchronous = synchronous,
						      .test.checkpoint_frames = 40 };
	struct outcome outcome = { 0 };
	char *states[STEPS + 1];

	record_states(&config, states);
	for (uint64_t cut = 1; !outcome.finished; cut++) {
		unsigned acknowledged = work_until_cut(&config, cut, &outcome.finished);
		char *text;
		int found;

		penstock_forget_power_loss(how, cut);
		text = state_text(&config);
		found = find_state(states, text);
		free(text);
		outcome.cuts++;
		outcome.unopened += found < 0;
		outcome.lost += found >= 0 && found < (int)acknowledged;
	}
	for (unsigned i = 0; i <= STEPS; i++) {
		free(states[i]);
	}
	penstock_forget_reset();
	return outcome;
}

START_TEST(nothing_acknowledged_is_lost_when_the_disk_forgets_everything_unsynced)
{
	struct outcome outcome = sweep(PENSTOCK_STORE_EXTRA, PENSTOCK_FORGET_ALL);

	ck_assert_uint_gt(outcome.cuts, 200);
	ck_assert_uint_eq(outcome.lost, 0);
	ck_assert_uint_eq(outcome.unopened, 0);
}
END_TEST

START_TEST(nothing_acknowledged_is_lost_when_the_disk_kept_some_sectors)
{
	struct outcome outcome = sweep(PENSTOCK_STORE_EXTRA, PENSTOCK_FORGET_SOME);

	ck_assert_uint_gt(outcome.cuts, 200);
	ck_assert_uint_eq(outcome.lost, 0);
	ck_assert_uint_eq(outcome.unopened, 0);
}
END_TEST

/* FULL leaves the deletion of the journal unsynced that made the file a WAL database. */
START_TEST(the_sweep_finds_the_losses_of_synchronous_full)
{
	struct outcome outcome = sweep(PENSTOCK_STORE_FULL, PENSTOCK_FORGET_ALL);

	ck_assert_uint_gt(outcome.lost, 20);
}
END_TEST

START_TEST(the_sweep_finds_the_losses_of_synchronous_normal)
{
	struct outcome outcome = sweep(PENSTOCK_STORE_NORMAL, PENSTOCK_FORGET_ALL);

	ck_assert_uint_gt(outcome.lost, 20);
	ck_assert_uint_eq(outcome.unopened, 0);
}
END_TEST

START_TEST(the_sweep_finds_the_losses_of_synchronous_off)
{
	struct outcome outcome = sweep(PENSTOCK_STORE_OFF, PENSTOCK_FORGET_SOME);

	ck_assert_uint_gt(outcome.lost + outcome.unopened, 20);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("store power");
	TCase *tcase = tcase_create("store power");

	tcase_add_test(tcase,
		       nothing_acknowledged_is_lost_when_the_disk_forgets_everything_unsynced);
	tcase_add_test(tcase, nothing_acknowledged_is_lost_when_the_disk_kept_some_sectors);
	tcase_add_test(tcase, the_sweep_finds_the_losses_of_synchronous_full);
	tcase_add_test(tcase, the_sweep_finds_the_losses_of_synchronous_normal);
	tcase_add_test(tcase, the_sweep_finds_the_losses_of_synchronous_off);
	suite_add_tcase(suite, tcase);
	return penstock_test_main(suite);
}
