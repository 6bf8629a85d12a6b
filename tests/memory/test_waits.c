/* SPDX-License-Identifier: MIT */
/* What the operator is told that the first of a queue waits for, each kind of it. */
#include "daemon/memory/internal.h"
#include "daemon/schedule/internal.h"
#include "tests/harness.h"
#include "tests/memory/scheduling.h"

#define WORKS 32u

static struct work works[WORKS];

static void begin(void)
{
	set_up();
	warm_up(alice);
	warm_up(bob);
}

/* The submission of `work`, NULL: none, is the first of the queue. */
static void waits(unsigned queue, enum penstock_trace_wait what, const struct work *work)
{
	struct penstock_submission *head;

	ck_assert_uint_eq(penstock_queue_waits_for(&queues[queue], &head), what);
	ck_assert_ptr_eq(head, work == NULL ? NULL : &work->submission);
}

/* Until the node takes no more from anybody: short ones, so that some of them are more. */
static unsigned fill_node(struct penstock_vidmm_process *process, unsigned queue)
{
	unsigned count = 0;

	do {
		ck_assert_uint_lt(count, WORKS);
		nop(&works[count++], process, queue);
	} while (works[count - 1].submission.state == PENSTOCK_SUBMISSION_ON_HARDWARE);
	return count;
}

START_TEST(what_is_on_the_hardware_waits_for_nothing_and_the_next_for_the_node)
{
	unsigned count;

	waits(0, PENSTOCK_TRACE_WAIT_NOTHING, NULL);
	count = fill_node(alice, 0);
	waits(0, PENSTOCK_TRACE_WAIT_NODE, &works[count - 1]);
	nop(&works[count], bob, 1);
	waits(1, PENSTOCK_TRACE_WAIT_NODE, &works[count]);
	machine_settle(&machine);
	waits(0, PENSTOCK_TRACE_WAIT_NOTHING, NULL);
	waits(1, PENSTOCK_TRACE_WAIT_NOTHING, NULL);
}
END_TEST

START_TEST(what_a_transfer_stands_before_waits_for_its_order)
{
	struct work work;

	work_init(&work, alice);
	work_nop(&work);
	work.submission.blocked = 1;
	enqueue(0, &work);
	waits(0, PENSTOCK_TRACE_WAIT_ORDER, &work);
	work.submission.blocked = 0;
	penstock_scheduler_kick(machine.scheduler);
	waits(0, PENSTOCK_TRACE_WAIT_NOTHING, NULL);
	machine_settle(&machine);
	ck_assert(work.done);
}
END_TEST

START_TEST(what_is_paged_for_waits_for_memory_and_beyond_that_for_its_turn)
{
	struct penstock_vidmm_allocation *allocations[WORKS];
	unsigned memory = 0, turn = 0;

	/* One context each, and more of them than memory works for. */
	machine.scheduler->nodes[0].limit = 1;
	for (unsigned i = 0; i < 3; i++) {
		allocations[i] = machine_allocation(&machine, alice, 1 + i, 65536, 0x1);
		work_init(&works[i], alice);
		work_reference(&works[i], allocations[i]);
		work_fill(&works[i], 0, 0, 64, i);
		enqueue(i, &works[i]);
	}
	for (unsigned i = 0; i < 3; i++) {
		struct penstock_submission *head;
		enum penstock_trace_wait what = penstock_queue_waits_for(&queues[i], &head);

		ck_assert_ptr_eq(head, &works[i].submission);
		memory += what == PENSTOCK_TRACE_WAIT_MEMORY;
		turn += what == PENSTOCK_TRACE_WAIT_CROWD;
	}
	ck_assert_uint_eq(memory, 2);
	ck_assert_uint_eq(turn, 1);
	machine_settle(&machine);
	for (unsigned i = 0; i < 3; i++) {
		ck_assert(works[i].done);
		penstock_vidmm_allocation_unref(allocations[i]);
	}
}
END_TEST

START_TEST(a_wait_waits_for_its_object_and_a_signal_for_its_predecessor)
{
	struct work wait, before, signal;
	struct penstock_sync sync;

	penstock_sync_init(&sync, machine.scheduler, 0);
	work_wait(&wait, &sync, 1);
	enqueue(0, &wait);
	waits(0, PENSTOCK_TRACE_WAIT_OBJECT, &wait);
	nop(&before, alice, 1);
	work_signal(&signal, &sync, 1);
	enqueue(1, &signal);
	waits(1, PENSTOCK_TRACE_WAIT_PREDECESSOR, &signal);
	machine_settle(&machine);
	ck_assert(wait.done && signal.done);
	penstock_sync_fini(&sync);
}
END_TEST

/* One packet of the process that pages; nothing of a principal's. */
static void page(void)
{
	struct machine_process *system = machine_process_of(penstock_vidmm_system(machine.vidmm));

	machine_turn(&machine);
	(void)machine_execute(system, PENSTOCK_NODE_COPY_ORDINAL);
	(void)machine_report(&machine, system, PENSTOCK_NODE_COPY_ORDINAL);
}

START_TEST(what_is_behind_a_part_waits_for_it)
{
	struct work split, behind;

	machine.scheduler->config.split_points = 1;
	work_init(&split, alice);
	for (unsigned i = 0; i < 2; i++) {
		work_reference(&split, machine_allocation(&machine, alice, 1 + i, 65536, 0x1));
		work_fill(&split, i, 0, 8, i);
	}
	enqueue(0, &split);
	for (unsigned i = 0; queues[0].splitting == NULL; i++) {
		ck_assert_uint_lt(i, 100);
		page();
	}
	nop(&behind, alice, 0);
	waits(0, PENSTOCK_TRACE_WAIT_PREDECESSOR, &behind);
	machine_settle(&machine);
	ck_assert(split.done && behind.done);
	for (unsigned i = 0; i < 2; i++) {
		penstock_vidmm_allocation_unref(split.references[i].allocation);
	}
}
END_TEST

START_TEST(what_comes_while_its_process_is_preempted_waits_for_that)
{
	struct work running, next;

	nop(&running, alice, 0);
	penstock_node_preempt(machine.scheduler, &machine.scheduler->nodes[0], alice);
	nop(&next, alice, 1);
	waits(1, PENSTOCK_TRACE_WAIT_PREEMPTION, &next);
	/* nobody else's */
	nop(&works[0], bob, 2);
	waits(2, PENSTOCK_TRACE_WAIT_NOTHING, NULL);
	machine_settle(&machine);
	ck_assert(running.done && next.done && works[0].done);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("waits");
	TCase *tests = tcase_create("waits");

	tcase_add_checked_fixture(tests, begin, tear_down);
	tcase_add_test(tests, what_is_on_the_hardware_waits_for_nothing_and_the_next_for_the_node);
	tcase_add_test(tests, what_a_transfer_stands_before_waits_for_its_order);
	tcase_add_test(tests, what_is_paged_for_waits_for_memory_and_beyond_that_for_its_turn);
	tcase_add_test(tests, a_wait_waits_for_its_object_and_a_signal_for_its_predecessor);
	tcase_add_test(tests, what_is_behind_a_part_waits_for_it);
	tcase_add_test(tests, what_comes_while_its_process_is_preempted_waits_for_that);
	suite_add_tcase(suite, tests);
	return penstock_test_main(suite);
}
