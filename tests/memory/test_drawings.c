/* SPDX-License-Identifier: MIT */
/*
 * E10: each drawing of memory and schedule, read once more by hand. An arrow is gone along; what is
 * none leaves things as they are and stops the adapter.
 */
#include "daemon/memory/internal.h"
#include "daemon/schedule/internal.h"
#include "tests/drawing.h"
#include "tests/harness.h"
#include "tests/memory/scheduling.h"

#include <string.h>

/* It said which of them it was, and the test goes on. */
static void expect_stop(const char *begin)
{
	ck_assert_msg(strncmp(machine.failed, begin, strlen(begin)) == 0, "'%s' is not '%s...'",
		      machine.failed, begin);
	ck_assert_ptr_nonnull(strstr(machine.failed, " cannot become "));
	machine.failed[0] = '\0';
}

/* ---------------------------------------------------------------- submission */

#define S(state) PENSTOCK_SUBMISSION_##state

static const struct arrow submission_arrows[] = {
	{ S(RECEIVED), S(RENDERING) }, { S(RECEIVED), S(QUEUED) },
	{ S(RENDERING), S(QUEUED) },   { S(RENDERING), S(REFUSED) },
	{ S(QUEUED), S(PREPARING) },   { S(QUEUED), S(ON_HARDWARE) },
	{ S(QUEUED), S(RETIRED) },     { S(QUEUED), S(CANCELLED) },
	{ S(PREPARING), S(QUEUED) },   { S(ON_HARDWARE), S(RETIRED) },
	{ S(ON_HARDWARE), S(QUEUED) }, { S(ON_HARDWARE), S(CANCELLED) },
};

static void try_submission(unsigned from, unsigned to, bool drawn)
{
	struct work work;

	work_init(&work, alice);
	work.submission.queue = &queues[0];
	work.submission.state = from;
	penstock_scheduler_move(&work.submission, to);
	ck_assert_uint_eq(work.submission.state, drawn ? to : from);
	if (!drawn) {
		expect_stop("a submission cannot become ");
		machine.scheduler->state = PENSTOCK_SCHEDULER_RUNNING;
	}
}

START_TEST(E10_a_submission_goes_along_arrows_only)
{
	static const struct drawing drawing = DRAWING_OF(submission_arrows, S(STATE_MAX));

	go_everywhere(&drawing, try_submission);
}
END_TEST

/* ---------------------------------------------------------------- mapping */

#define M(state) PENSTOCK_MAPPING_##state

static const struct arrow mapping_arrows[] = {
	{ M(IDLE), M(MAPPING) },   { M(MAPPING), M(LIVE) }, { M(MAPPING), M(IDLE) },
	{ M(LIVE), M(UNMAPPING) }, { M(LIVE), M(IDLE) },    { M(UNMAPPING), M(IDLE) },
};

static unsigned changes;

static void changed(struct penstock_mapping *mapping)
{
	(void)mapping;
	changes++;
}

static void make_mapping(struct penstock_mapping *mapping)
{
	changes = 0;
	penstock_mapping_init(mapping, alice, &alice->system, 0, PENSTOCK_APERTURE_BASE,
			      PENSTOCK_GRANULE_BYTES, 0, changed);
}

static void end_mapping(struct penstock_mapping *mapping)
{
	mapping->state = PENSTOCK_MAPPING_IDLE;
	penstock_mapping_fini(mapping);
}

static void try_mapping(unsigned from, unsigned to, bool drawn)
{
	struct penstock_mapping mapping;

	make_mapping(&mapping);
	mapping.state = from;
	ck_assert_int_eq(penstock_mapping_move(&mapping, to), drawn);
	ck_assert_uint_eq(mapping.state, drawn ? to : from);
	if (!drawn) {
		expect_stop("0x10E/0x11: a mapping cannot become ");
	}
	end_mapping(&mapping);
}

START_TEST(E10_0x10E_0x11_a_mapping_goes_along_arrows_only)
{
	static const struct drawing drawing = DRAWING_OF(mapping_arrows, M(STATE_MAX));

	go_everywhere(&drawing, try_mapping);
}
END_TEST

/* Its owner is not told again of what it was told already. */
START_TEST(E10_0x10E_0x11_a_mapping_that_is_made_twice_stops_the_adapter)
{
	struct penstock_mapping mapping;

	make_mapping(&mapping);
	ck_assert(!penstock_mapping_ensure(&mapping));
	penstock_paging_flush(machine.vidmm);
	machine_settle(&machine);
	ck_assert(penstock_mapping_ensure(&mapping));
	ck_assert_uint_eq(changes, 1);
	mapping.operation.done(&mapping.operation, true);
	ck_assert_uint_eq(changes, 1);
	ck_assert(penstock_mapping_ensure(&mapping));
	expect_stop("0x10E/0x11: a mapping cannot become LIVE that is LIVE");
	ck_assert(!penstock_mapping_drop(&mapping));
	penstock_paging_flush(machine.vidmm);
	machine_settle(&machine);
	ck_assert(penstock_mapping_drop(&mapping));
	mapping.operation.done(&mapping.operation, true);
	ck_assert_uint_eq(changes, 2);
	expect_stop("0x10E/0x11: a mapping cannot become LIVE that is IDLE");
	end_mapping(&mapping);
}
END_TEST

/* ---------------------------------------------------------------- a process's engines */

#define P(state) PENSTOCK_ENGINE_##state

static const struct arrow engine_arrows[] = {
	{ P(RUNNING), P(STOPPING) },
	{ P(STOPPING), P(RESETTING) },
	{ P(STOPPING), P(RUNNING) },
	{ P(RESETTING), P(RUNNING) },
};

static enum penstock_engine_state engines(void)
{
	return penstock_scheduler_engine_state(machine.scheduler, alice);
}

static void try_engines(unsigned from, unsigned to, bool drawn)
{
	for (unsigned state = P(STOPPING); state <= from; state++) {
		ck_assert(penstock_scheduler_engine_move(machine.scheduler, alice, state));
	}
	ck_assert_uint_eq(engines(), from);
	ck_assert_int_eq(penstock_scheduler_engine_move(machine.scheduler, alice, to), drawn);
	ck_assert_uint_eq(engines(), drawn ? to : from);
	ck_assert_int_eq(penstock_scheduler_is_stopping(machine.scheduler, alice),
			 engines() != P(RUNNING));
	if (!drawn) {
		expect_stop("a process's engines cannot become ");
		ck_assert_uint_eq(machine.scheduler->state, PENSTOCK_SCHEDULER_STOPPED);
		machine.scheduler->state = PENSTOCK_SCHEDULER_RUNNING;
	}
	penstock_scheduler_drop_resets(machine.scheduler);
	ck_assert_uint_eq(engines(), P(RUNNING));
}

START_TEST(E10_the_engines_of_a_process_go_along_arrows_only)
{
	static const struct drawing drawing = DRAWING_OF(engine_arrows, P(STATE_MAX));

	go_everywhere(&drawing, try_engines);
	ck_assert_uint_eq(alice->holds, 0);
}
END_TEST

/* ---------------------------------------------------------------- scheduler */

#define R(state) PENSTOCK_SCHEDULER_##state

static const struct arrow scheduler_arrows[] = {
	{ R(RUNNING), R(RESET_ASKED) },   { R(RUNNING), R(STOPPED) },
	{ R(RESET_ASKED), R(RESETTING) }, { R(RESET_ASKED), R(STOPPED) },
	{ R(RESETTING), R(RUNNING) },     { R(RESETTING), R(STOPPED) },
};

static void try_scheduler(unsigned from, unsigned to, bool drawn)
{
	machine.scheduler->state = from;
	ck_assert_int_eq(penstock_scheduler_become(machine.scheduler, to), drawn);
	ck_assert_uint_eq(machine.scheduler->state, drawn ? to : R(STOPPED));
	/* Who has stopped has said why. */
	if (!drawn && from != R(STOPPED)) {
		expect_stop("a scheduler cannot become ");
	}
	ck_assert_str_eq(machine.failed, "");
	machine.scheduler->state = R(RUNNING);
}

START_TEST(E10_a_scheduler_goes_along_arrows_only)
{
	static const struct drawing drawing = DRAWING_OF(scheduler_arrows, R(STATE_MAX));

	go_everywhere(&drawing, try_scheduler);
}
END_TEST

START_TEST(E10_an_adapter_reset_that_nobody_asked_for_stops_the_adapter)
{
	struct work later;

	warm_up(alice);
	ck_assert(!penstock_scheduler_reset_adapter(machine.scheduler));
	expect_stop("a scheduler cannot become RESETTING that is RUNNING");
	nop(&later, alice, 0);
	machine_settle(&machine);
	ck_assert(!later.done);
	penstock_scheduler_cancel(&queues[0], PENSTOCK_STATUS_DEVICE_REMOVED);
	machine_turn(&machine);
	ck_assert_int_eq(later.status, PENSTOCK_STATUS_DEVICE_REMOVED);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("drawings");
	TCase *tests = tcase_create("states");

	tcase_add_checked_fixture(tests, set_up, tear_down);
	tcase_add_test(tests, E10_a_submission_goes_along_arrows_only);
	tcase_add_test(tests, E10_0x10E_0x11_a_mapping_goes_along_arrows_only);
	tcase_add_test(tests, E10_0x10E_0x11_a_mapping_that_is_made_twice_stops_the_adapter);
	tcase_add_test(tests, E10_the_engines_of_a_process_go_along_arrows_only);
	tcase_add_test(tests, E10_a_scheduler_goes_along_arrows_only);
	tcase_add_test(tests, E10_an_adapter_reset_that_nobody_asked_for_stops_the_adapter);
	suite_add_tcase(suite, tests);
	return penstock_test_main(suite);
}
