/* SPDX-License-Identifier: MIT */
/* E1, E2: what hangs is found, costs its own device, and nobody else anything. */
#include "daemon/schedule/internal.h"
#include "tests/harness.h"
#include "tests/memory/scheduling.h"

#include <string.h>

#define MS      1000000ull
#define LOOK_NS (PENSTOCK_FENCE_PATIENCE_MS * MS)
#define TDR_NS  (PENSTOCK_TDR_DELAY_MS * MS)

/* The patience with what is out is over once more. */
static void look(void)
{
	machine.now_ns += LOOK_NS;
	machine_watch(&machine);
}

static struct machine_ring *ring_of(struct penstock_vidmm_process *process, unsigned node)
{
	return &machine_process_of(process)->rings[node];
}

static void begin(void)
{
	set_up();
	warm_up(alice);
	warm_up(bob);
	machine.deaf = machine_process_of(alice);
}

START_TEST(E1_what_is_out_for_two_looks_is_preempted_and_hangs_after_TdrDelay)
{
	struct work work;
	uint64_t asked_ns;

	nop(&work, alice, 0);
	look();
	ck_assert(!ring_of(alice, 0)->preempting);
	look();
	ck_assert(ring_of(alice, 0)->preempting);
	asked_ns = machine.now_ns;
	while (machine.now_ns + LOOK_NS < asked_ns + TDR_NS) {
		look();
		ck_assert_uint_eq(machine.faults, 0);
	}
	look();
	ck_assert_uint_eq(machine.faults, 1);
	ck_assert_uint_eq(machine.now_ns - asked_ns, TDR_NS);
	ck_assert_int_eq(machine.fault.type, PENSTOCK_INTERRUPT_DMA_PREEMPTED);
	ck_assert_ptr_nonnull(strstr(machine.fault_text, "hang: node 0 left a preemption "
							 "unanswered for 2000 ms"));
	ck_assert(work.done);
	ck_assert_int_eq(work.status, PENSTOCK_STATUS_GRAPHICS_GPU_EXCEPTION_ON_DEVICE);
	ck_assert_uint_eq(machine_process_of(alice)->resets, 1);
	ck_assert_uint_eq(machine_process_of(bob)->resets, 0);
	ck_assert_uint_eq(node_state(0).resets, 1);
}
END_TEST

START_TEST(E1_a_GPU_that_is_slow_and_answers_never_hangs)
{
	struct work work;

	machine.deaf = NULL;
	nop(&work, alice, 0);
	for (unsigned i = 0; i < 40; i++) {
		look();
		if (ring_of(alice, 0)->preempting) {
			ck_assert(machine_report(&machine, machine_process_of(alice), 0));
			machine_turn(&machine);
		}
	}
	ck_assert_uint_ge(node_state(0).preemptions, 10);
	ck_assert_uint_eq(machine.faults, 0);
	machine_settle(&machine);
	ck_assert(work.done && work.status == PENSTOCK_STATUS_SUCCESS);
}
END_TEST

/* Until the hang is found; the others meanwhile do what they can. */
static void wait_for_the_hang(void)
{
	for (unsigned i = 0; i < 12 && machine.faults == 0; i++) {
		look();
		(void)machine_execute(machine_process_of(bob), 0);
		(void)machine_report(&machine, machine_process_of(bob), 0);
	}
	ck_assert_uint_eq(machine.faults, 1);
}

START_TEST(E2_others_lose_nothing_and_what_stood_behind_runs_once)
{
	struct work hangs, behind, other[2];

	nop(&hangs, alice, 0);
	nop(&behind, alice, 1);
	nop(&other[0], bob, 2);
	nop(&other[1], bob, 3);
	wait_for_the_hang();
	ck_assert(hangs.done && !behind.done);
	ck_assert_ptr_eq(machine.fault_context, &queues[0]);
	machine.deaf = NULL;
	machine_settle(&machine);
	ck_assert(behind.done && behind.status == PENSTOCK_STATUS_SUCCESS);
	for (unsigned i = 0; i < 2; i++) {
		ck_assert(other[i].done && other[i].status == PENSTOCK_STATUS_SUCCESS);
	}
	ck_assert_uint_eq(machine_process_of(bob)->resets, 0);
	/* the warming up, and all but the culprit */
	ck_assert_uint_eq(machine.instructions, 2 + 3);
}
END_TEST

START_TEST(E2_what_came_while_the_ring_was_to_come_empty_runs_after_the_reset)
{
	struct work hangs, behind;

	nop(&hangs, alice, 0);
	look();
	look();
	ck_assert(ring_of(alice, 0)->preempting);
	nop(&behind, alice, 1);
	wait_for_the_hang();
	ck_assert(hangs.done && !behind.done);
	machine.deaf = NULL;
	machine_settle(&machine);
	ck_assert(behind.done && behind.status == PENSTOCK_STATUS_SUCCESS);
}
END_TEST

/* What another node of the process had begun is not begun again by the reset. */
START_TEST(E2_the_other_node_goes_on_from_where_it_stopped)
{
	struct work hangs, copying;
	uint32_t before;

	nop(&hangs, alice, 0);
	look();
	work_init(&copying, alice);
	for (unsigned i = 0; i < 8; i++) {
		work_nop(&copying);
	}
	enqueue(QUEUES - 1, &copying);
	while (!ring_of(alice, 1)->preempting) {
		look();
	}
	ck_assert_uint_eq(machine.faults, 0);
	/* Node 1 is not deaf: it had three instructions executed when it is asked. */
	before = machine.instructions;
	machine.deaf = NULL;
	machine.preempt_after = 3;
	ck_assert(!machine_execute(machine_process_of(alice), 1));
	ck_assert(machine_report(&machine, machine_process_of(alice), 1));
	machine.deaf = machine_process_of(alice);
	wait_for_the_hang();
	ck_assert(hangs.done && !copying.done);
	machine.deaf = NULL;
	machine_settle(&machine);
	ck_assert(copying.done && copying.status == PENSTOCK_STATUS_SUCCESS);
	ck_assert_uint_eq(machine.instructions, before + 8);
}
END_TEST

/* However long its other node goes on and answers: what stopped is kept off the ring. */
/* It stopped where it was asked to, and only the notification was lost. */
START_TEST(E2_the_other_node_is_asked_before_it_is_blamed)
{
	struct work broken, copying;

	machine.deaf = NULL;
	work_init(&broken, alice);
	work_illegal(&broken);
	enqueue(0, &broken);
	nop(&copying, alice, QUEUES - 1);
	ring_of(alice, 1)->running = copying.submission.submission_fence_id;
	(void)machine_execute(machine_process_of(alice), 0);
	ck_assert(machine_report(&machine, machine_process_of(alice), 0));
	ck_assert(ring_of(alice, 1)->preempting);
	ck_assert(!broken.done);
	for (unsigned i = 0; i < 3 && !broken.done; i++) {
		look();
	}
	ck_assert(broken.done && !copying.done);
	machine_settle(&machine);
	ck_assert(copying.done && copying.status == PENSTOCK_STATUS_SUCCESS);
	ck_assert_uint_eq(machine.faults, 1);
}
END_TEST

START_TEST(E2_a_node_that_answers_and_has_more_does_not_put_the_reset_off)
{
	struct work hangs, copying[16];

	nop(&hangs, alice, 0);
	for (unsigned i = 0; i < 16; i++) {
		work_init(&copying[i], alice);
		work_nop(&copying[i]);
		work_nop(&copying[i]);
		enqueue(QUEUES - 1, &copying[i]);
	}
	machine.preempt_after = 1;
	for (unsigned i = 0; i < 12 && machine.faults == 0; i++) {
		look();
		if (ring_of(alice, 1)->preempting) {
			machine.deaf = NULL;
			(void)machine_execute(machine_process_of(alice), 1);
			(void)machine_report(&machine, machine_process_of(alice), 1);
			machine.deaf = machine_process_of(alice);
		}
	}
	ck_assert_uint_eq(machine.faults, 1);
	ck_assert(hangs.done && !copying[8].done);
	machine.deaf = NULL;
	machine_settle(&machine);
	for (unsigned i = 0; i < 16; i++) {
		ck_assert(copying[i].done && copying[i].status == PENSTOCK_STATUS_SUCCESS);
	}
	/* the warming up, and each of theirs once */
	ck_assert_uint_eq(machine.instructions, 2 + 32);
}
END_TEST

/* TdrDelay is over, and its other node has not stopped yet. */
START_TEST(E1_an_answer_is_an_answer_until_the_reset)
{
	struct work slow, copying;

	nop(&slow, alice, 0);
	while (!ring_of(alice, 0)->preempting) {
		look();
	}
	for (uint64_t ns = LOOK_NS; ns < TDR_NS; ns += LOOK_NS) {
		look();
	}
	nop(&copying, alice, QUEUES - 1);
	ck_assert(!ring_of(alice, 1)->preempting);
	look();
	ck_assert(ring_of(alice, 1)->preempting);
	ck_assert(penstock_scheduler_is_stopping(machine.scheduler, alice));
	machine.deaf = NULL;
	ck_assert(machine_report(&machine, machine_process_of(alice), 0));
	ck_assert(!penstock_scheduler_is_stopping(machine.scheduler, alice));
	machine_settle(&machine);
	ck_assert_uint_eq(machine.faults, 0);
	ck_assert_uint_eq(machine_process_of(alice)->resets, 0);
	ck_assert(slow.done && slow.status == PENSTOCK_STATUS_SUCCESS);
	ck_assert(copying.done && copying.status == PENSTOCK_STATUS_SUCCESS);
}
END_TEST

START_TEST(E2_what_completes_while_it_is_reset_is_done)
{
	struct work late, hangs;

	nop(&late, alice, 0);
	nop(&hangs, alice, 1);
	ring_of(alice, 0)->late = 1;
	wait_for_the_hang();
	ck_assert(late.done && hangs.done);
	ck_assert_ptr_eq(machine.fault_context, &queues[1]);
	ck_assert_int_eq(late.status, PENSTOCK_STATUS_SUCCESS);
}
END_TEST

START_TEST(E7_what_is_collected_is_how_it_was_before_the_reset)
{
	struct work hangs, behind;

	nop(&hangs, alice, 0);
	nop(&behind, alice, 1);
	wait_for_the_hang();
	ck_assert_str_eq(machine.dbg_info, "resets=0 packets=2");
	machine.deaf = NULL;
	machine_settle(&machine);
	ck_assert(behind.done);
}
END_TEST

START_TEST(E2_a_node_that_is_done_and_does_not_say_so_hangs_nobody)
{
	struct work work;

	nop(&work, alice, 0);
	look();
	ck_assert(machine_execute(machine_process_of(alice), 0));
	look(); /* the fence is asked for: nothing is left to preempt */
	ck_assert(work.done && work.status == PENSTOCK_STATUS_SUCCESS);
	ck_assert(!ring_of(alice, 0)->preempting);
	ck_assert_uint_eq(machine.faults, 0);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("hangs");
	TCase *tests = tcase_create("hangs");

	tcase_add_checked_fixture(tests, begin, tear_down);
	tcase_add_test(tests, E1_what_is_out_for_two_looks_is_preempted_and_hangs_after_TdrDelay);
	tcase_add_test(tests, E1_a_GPU_that_is_slow_and_answers_never_hangs);
	tcase_add_test(tests, E2_others_lose_nothing_and_what_stood_behind_runs_once);
	tcase_add_test(tests, E2_what_came_while_the_ring_was_to_come_empty_runs_after_the_reset);
	tcase_add_test(tests, E2_the_other_node_goes_on_from_where_it_stopped);
	tcase_add_test(tests, E2_the_other_node_is_asked_before_it_is_blamed);
	tcase_add_test(tests, E2_a_node_that_answers_and_has_more_does_not_put_the_reset_off);
	tcase_add_test(tests, E1_an_answer_is_an_answer_until_the_reset);
	tcase_add_test(tests, E2_what_completes_while_it_is_reset_is_done);
	tcase_add_test(tests, E7_what_is_collected_is_how_it_was_before_the_reset);
	tcase_add_test(tests, E2_a_node_that_is_done_and_does_not_say_so_hangs_nobody);
	suite_add_tcase(suite, tests);
	return penstock_test_main(suite);
}
