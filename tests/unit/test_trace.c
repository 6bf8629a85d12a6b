/* SPDX-License-Identifier: MIT */
/* The ring of trace events: off, full, lost, drained. */
#include "daemon/schedule/trace.h"
#include "proto/wire/limits.h"
#include "tests/harness.h"

static struct penstock_trace trace;

static void set_up(void)
{
	penstock_trace_init(&trace);
}

static void tear_down(void)
{
	penstock_trace_fini(&trace);
}

static void add(uint64_t serial, unsigned count)
{
	for (unsigned i = 0; i < count; i++) {
		penstock_trace_add(&trace, &(struct penstock_trace_event){
						   .kind = PENSTOCK_TRACE_QUEUED,
						   .time_ns = serial + i,
						   .serial = serial + i,
					   });
	}
}

static void takes(uint64_t serial, unsigned count)
{
	struct penstock_trace_event event;

	for (unsigned i = 0; i < count; i++) {
		ck_assert(penstock_trace_take(&trace, &event));
		ck_assert_uint_eq(event.kind, PENSTOCK_TRACE_QUEUED);
		ck_assert_uint_eq(event.serial, serial + i);
	}
}

START_TEST(nothing_is_kept_while_nobody_traces)
{
	struct penstock_trace_event event;

	ck_assert(!penstock_trace_on(&trace));
	ck_assert_ptr_null(trace.events);
	ck_assert(!penstock_trace_take(&trace, &event));
	penstock_trace_stop(&trace);
	ck_assert(!penstock_trace_take(&trace, &event));
}
END_TEST

START_TEST(events_are_taken_in_order_round_the_ring)
{
	ck_assert_uint_eq(penstock_trace_start(&trace), PENSTOCK_STATUS_SUCCESS);
	ck_assert(penstock_trace_on(&trace));
	for (unsigned i = 0; i < 5; i++) {
		add(1, PENSTOCK_LIMIT_TRACE_EVENTS / 2);
		takes(1, PENSTOCK_LIMIT_TRACE_EVENTS / 2);
	}
	ck_assert_uint_eq(trace.lost, 0);
}
END_TEST

START_TEST(what_does_not_fit_is_counted_and_told_in_its_place)
{
	struct penstock_trace_event event;

	ck_assert_uint_eq(penstock_trace_start(&trace), PENSTOCK_STATUS_SUCCESS);
	add(1, PENSTOCK_LIMIT_TRACE_EVENTS + 7);
	ck_assert_uint_eq(trace.lost, 7);
	takes(1, 1);
	add(1000000, 1); /* for itself and for what is told before it there is no room */
	ck_assert_uint_eq(trace.lost, 8);
	takes(2, 1);
	add(1000001, 1);
	takes(3, PENSTOCK_LIMIT_TRACE_EVENTS - 2);
	ck_assert(penstock_trace_take(&trace, &event));
	ck_assert_uint_eq(event.kind, PENSTOCK_TRACE_LOST);
	ck_assert_uint_eq(event.value, 8);
	takes(1000001, 1);
	ck_assert_uint_eq(trace.lost, 8);
	ck_assert(!penstock_trace_take(&trace, &event));
}
END_TEST

START_TEST(what_is_there_can_be_read_after_the_stop_and_is_freed_then)
{
	struct penstock_trace_event event;

	ck_assert_uint_eq(penstock_trace_start(&trace), PENSTOCK_STATUS_SUCCESS);
	add(1, 3);
	penstock_trace_stop(&trace);
	ck_assert(!penstock_trace_on(&trace));
	takes(1, 3);
	ck_assert_ptr_nonnull(trace.events);
	ck_assert(!penstock_trace_take(&trace, &event));
	ck_assert_ptr_null(trace.events);
}
END_TEST

START_TEST(a_start_forgets_what_was_left)
{
	struct penstock_trace_event event;

	ck_assert_uint_eq(penstock_trace_start(&trace), PENSTOCK_STATUS_SUCCESS);
	add(1, PENSTOCK_LIMIT_TRACE_EVENTS + 1);
	penstock_trace_stop(&trace);
	ck_assert_uint_eq(penstock_trace_start(&trace), PENSTOCK_STATUS_SUCCESS);
	ck_assert_uint_eq(trace.lost, 0);
	ck_assert(!penstock_trace_take(&trace, &event));
	add(5, 1);
	takes(5, 1);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("trace");
	TCase *tcase = tcase_create("ring");

	tcase_add_checked_fixture(tcase, set_up, tear_down);
	tcase_add_test(tcase, nothing_is_kept_while_nobody_traces);
	tcase_add_test(tcase, events_are_taken_in_order_round_the_ring);
	tcase_add_test(tcase, what_does_not_fit_is_counted_and_told_in_its_place);
	tcase_add_test(tcase, what_is_there_can_be_read_after_the_stop_and_is_freed_then);
	tcase_add_test(tcase, a_start_forgets_what_was_left);
	suite_add_tcase(suite, tcase);
	return penstock_test_main(suite);
}
