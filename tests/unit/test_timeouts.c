/* SPDX-License-Identifier: MIT */
#include "daemon/objects/timeouts.h"
#include "tests/harness.h"

static struct penstock_timeouts timeouts;

static void set_up(void)
{
	timeouts = (struct penstock_timeouts){ 0 };
}

START_TEST(E5_one_more_than_the_limit_in_the_window_is_too_many)
{
	for (unsigned i = 0; i < 5; i++) {
		ck_assert(penstock_timeouts_add(&timeouts, 1000 + i, 5, 100));
	}
	ck_assert(!penstock_timeouts_add(&timeouts, 1010, 5, 100));
	ck_assert_uint_eq(timeouts.total, 6);
}
END_TEST

START_TEST(E5_what_is_as_old_as_the_window_does_not_count)
{
	ck_assert(penstock_timeouts_add(&timeouts, 0, 1, 100));
	ck_assert_uint_eq(penstock_timeouts_within(&timeouts, 99, 100), 1);
	ck_assert_uint_eq(penstock_timeouts_within(&timeouts, 100, 100), 0);
	ck_assert(penstock_timeouts_add(&timeouts, 100, 1, 100));
	ck_assert(!penstock_timeouts_add(&timeouts, 199, 1, 100));
	ck_assert(!penstock_timeouts_add(&timeouts, 299, 0, 100));
	ck_assert(penstock_timeouts_add(&timeouts, 400, 1, 100));
}
END_TEST

/* However many there are: what is remembered is bounded, and enough for any limit. */
START_TEST(E5_more_than_are_remembered_are_still_too_many)
{
	for (unsigned i = 1; i <= 3 * PENSTOCK_TIMEOUTS_MOST; i++) {
		bool fine = penstock_timeouts_add(&timeouts, 1, PENSTOCK_TIMEOUTS_MOST - 1, 100);

		ck_assert_int_eq(fine, i < PENSTOCK_TIMEOUTS_MOST);
		ck_assert_uint_le(timeouts.count, PENSTOCK_TIMEOUTS_MOST);
	}
	ck_assert_uint_eq(timeouts.total, 3 * PENSTOCK_TIMEOUTS_MOST);
}
END_TEST

START_TEST(E5_forgetting_begins_anew)
{
	ck_assert(penstock_timeouts_add(&timeouts, 1, 1, 100));
	ck_assert(!penstock_timeouts_add(&timeouts, 2, 1, 100));
	penstock_timeouts_forget(&timeouts);
	ck_assert(penstock_timeouts_add(&timeouts, 3, 1, 100));
	ck_assert_uint_eq(timeouts.total, 3);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("timeouts");
	TCase *tcase = tcase_create("timeouts");

	tcase_add_checked_fixture(tcase, set_up, NULL);
	tcase_add_test(tcase, E5_one_more_than_the_limit_in_the_window_is_too_many);
	tcase_add_test(tcase, E5_what_is_as_old_as_the_window_does_not_count);
	tcase_add_test(tcase, E5_more_than_are_remembered_are_still_too_many);
	tcase_add_test(tcase, E5_forgetting_begins_anew);
	suite_add_tcase(suite, tcase);
	return penstock_test_main(suite);
}
