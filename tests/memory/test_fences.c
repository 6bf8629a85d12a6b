/* SPDX-License-Identifier: MIT */
/* Submission fences: their order, what is made of a GPU's word about them, and lost ones. */
#include "daemon/schedule/internal.h"
#include "tests/harness.h"
#include "tests/memory/scheduling.h"

#include <string.h>

START_TEST(C4_fence_ids_wrap)
{
	struct work works[100];

	tear_down();
	start_with(4, 0xFFFFFFF0u, false);
	warm_up(alice);
	for (unsigned i = 0; i < 100; i++) {
		nop(&works[i], alice, i % 4);
	}
	machine_settle(&machine);
	for (unsigned i = 0; i < 100; i++) {
		ck_assert(works[i].done);
		ck_assert_int_eq(works[i].status, PENSTOCK_STATUS_SUCCESS);
		ck_assert(i < 4 || works[i].order > works[i - 4].order);
		for (unsigned j = 0; j < i; j++) {
			ck_assert_uint_ne(works[i].submission.submission_fence_id,
					  works[j].submission.submission_fence_id);
		}
	}
	ck_assert_uint_lt(node_state(0).last_fence_completed, 1000);
	ck_assert(penstock_fence_before(0xFFFFFFF0u, 5));
	ck_assert(!penstock_fence_before(5, 0xFFFFFFF0u));
}
END_TEST

/* With it a process says that it completed nothing yet, and it must not be believed to be a fence.
 */
START_TEST(C4_no_packet_has_fence_0)
{
	struct work work;
	struct penstock_interrupt answer = { .type = PENSTOCK_INTERRUPT_DMA_PREEMPTED };

	tear_down();
	start_with(4, 0, false);
	nop(&work, alice, 0);
	while (work.submission.state != PENSTOCK_SUBMISSION_ON_HARDWARE) {
		machine_turn(&machine);
		(void)machine_execute(machine_process_of(alice), 1);
		(void)machine_report(&machine, machine_process_of(alice), 1);
	}
	ck_assert_uint_ne(work.submission.submission_fence_id, 0);
	machine_empty_ring(&machine, machine_process_of(alice), 0);
	penstock_node_preempt(machine.scheduler, &machine.scheduler->nodes[0], alice);
	answer.fence_id = machine_process_of(alice)->rings[0].preempt_fence_id;
	penstock_scheduler_notify_interrupt(machine.scheduler, alice, &answer);
	ck_assert(!work.done);
	machine_process_of(alice)->rings[0].preempting = false;
	machine_settle(&machine);
	ck_assert(work.done && work.status == PENSTOCK_STATUS_SUCCESS);
}
END_TEST

/* Of both nodes: each id that is submitted, in the order in which it is. */
static uint32_t seen[PENSTOCK_NODE_COUNT][1024];
static uint32_t seen_count[PENSTOCK_NODE_COUNT];

static void see(struct penstock_backend_process *process, const struct penstock_submit_args *args)
{
	uint32_t node = args->node_ordinal, *count = &seen_count[node];

	for (uint32_t i = 0; i < *count; i++) {
		ck_assert_uint_ne(seen[node][i], args->submission_fence_id);
	}
	ck_assert(*count == 0 ||
		  penstock_fence_before(seen[node][*count - 1], args->submission_fence_id));
	ck_assert_uint_lt(*count, PENSTOCK_ARRAY_SIZE(seen[node]));
	seen[node][(*count)++] = args->submission_fence_id;
	(void)process;
}

/*
 * 64 packets from 0xFFFFFFF0: every tenth is broken, so that its process is reset and what was
 * behind it runs again, and every eighth needs an allocation that has to be brought in first.
 */
START_TEST(C4_fences_are_in_order_over_the_wrap_with_resets_and_paging_between)
{
	struct penstock_vidmm_allocation *allocations[8];
	struct penstock_queue lone[64];
	struct work works[64];

	tear_down();
	start_with(4, 0xFFFFFFF0u, false);
	machine.on_submit = see;
	memset(seen_count, 0, sizeof(seen_count));
	for (unsigned i = 0; i < 64; i++) {
		work_init(&works[i], i % 2 == 0 ? alice : bob);
		if (i % 8 == 0) {
			allocations[i / 8] =
				machine_allocation(&machine, alice, i + 1, 64 * 1024, 0x1);
			work_reference(&works[i], allocations[i / 8]);
			work_fill(&works[i], 0, 0, 4096, i);
		}
		if (i % 10 == 9) {
			work_illegal(&works[i]);
		}
		/* A queue of its own loses nothing of the others. */
		penstock_queue_init(&lone[i], machine.scheduler, &machine.sharing, i % 4 == 3, 0,
				    NULL);
		penstock_scheduler_enqueue(&lone[i], &works[i].submission);
	}
	machine_settle(&machine);
	for (unsigned i = 0; i < 64; i++) {
		ck_assert(works[i].done);
		ck_assert_int_eq(works[i].status,
				 i % 10 == 9 ? PENSTOCK_STATUS_GRAPHICS_GPU_EXCEPTION_ON_DEVICE
					     : PENSTOCK_STATUS_SUCCESS);
	}
	ck_assert_uint_ge(machine.faults, 6);
	ck_assert_uint_gt(machine.fills, 0);
	for (unsigned node = 0; node < PENSTOCK_NODE_COUNT; node++) {
		ck_assert_uint_eq(seen[node][0], 0xFFFFFFF0u);
		ck_assert(
			penstock_fence_before(0xFFFFFFF0u, node_state(node).last_fence_completed));
		ck_assert_uint_lt(node_state(node).last_fence_completed, 1000);
	}
	for (unsigned i = 0; i < 8; i++) {
		penstock_vidmm_allocation_unref(allocations[i]);
	}
}
END_TEST

static void interrupt_with(struct penstock_vidmm_process *process, uint32_t fence_id)
{
	const struct penstock_interrupt interrupt = {
		.type = PENSTOCK_INTERRUPT_DMA_COMPLETED,
		.fence_id = fence_id,
	};

	penstock_scheduler_notify_interrupt(machine.scheduler, process, &interrupt);
}

/* What a GPU may say at the wrong time or place, and what cannot be, beside `mine` of alice. */
enum lie {
	LIE_NEVER_SUBMITTED,
	LIE_JUST_BEHIND_THE_LAST,
	LIE_FAR_BEHIND_THE_LAST,
	LIE_HALF_AROUND_THE_WRAP,
	LIE_JUST_BEFORE_THE_FIRST,
	LIE_OF_ANOTHER_PROCESS,
	LIE_OF_A_LATER_PACKET_OF_ANOTHER_PROCESS,
	LIE_OF_ANOTHER_NODE,
	LIE_OF_NO_NODE,
	LIE_A_PREEMPTION,
	LIE_AN_UNKNOWN_TYPE,
	LIE_A_FAULT_OF_WHAT_IS_DONE,
	LIE_END
};

static const char *const lie_codes[LIE_END] = {
	[LIE_NEVER_SUBMITTED] = "0x119/1: a GPU process reported fence ",
	[LIE_JUST_BEHIND_THE_LAST] = "0x119/1: a GPU process reported fence ",
	[LIE_FAR_BEHIND_THE_LAST] = "0x119/1: a GPU process reported fence ",
	[LIE_HALF_AROUND_THE_WRAP] = "0x119/1: a GPU process reported fence ",
	[LIE_JUST_BEFORE_THE_FIRST] = "0x119/1: a GPU process reported fence ",
	[LIE_OF_ANOTHER_PROCESS] = "0x119/1: a GPU process reported fence ",
	[LIE_OF_A_LATER_PACKET_OF_ANOTHER_PROCESS] = "0x119/1: a GPU process reported fence ",
	[LIE_OF_ANOTHER_NODE] = "0x119/1: a GPU process reported fence ",
	[LIE_OF_NO_NODE] = "0x119/1: an interrupt of node 2",
	[LIE_A_PREEMPTION] = "0x119/1: a preemption that was not asked for, fence ",
	[LIE_AN_UNKNOWN_TYPE] = "0x119/1: an interrupt that was not asked for, type 77, ",
	[LIE_A_FAULT_OF_WHAT_IS_DONE] = "0x119/0xD: a GPU process reported fence ",
};

/* `alices`, `bobs` and one more of alice are on the hardware, one behind the other. */
static void tell_lie(enum lie lie, uint32_t first, uint32_t alices, uint32_t bobs)
{
	const struct penstock_interrupt lies[LIE_END] = {
		[LIE_NEVER_SUBMITTED] = { .fence_id = bobs + 100 },
		[LIE_JUST_BEHIND_THE_LAST] = { .fence_id = bobs + 2 },
		[LIE_FAR_BEHIND_THE_LAST] = { .fence_id = bobs + 0x7ffffff0u },
		[LIE_HALF_AROUND_THE_WRAP] = { .fence_id = alices - 0x7fffffffu },
		[LIE_JUST_BEFORE_THE_FIRST] = { .fence_id = first - 1 },
		[LIE_OF_ANOTHER_PROCESS] = { .fence_id = bobs },
		[LIE_OF_A_LATER_PACKET_OF_ANOTHER_PROCESS] = { .fence_id = bobs },
		[LIE_OF_ANOTHER_NODE] = { .fence_id = bobs, .node_ordinal = 1 },
		[LIE_OF_NO_NODE] = { .fence_id = alices, .node_ordinal = 2 },
		[LIE_A_PREEMPTION] = { .fence_id = alices,
				       .type = PENSTOCK_INTERRUPT_DMA_PREEMPTED },
		[LIE_AN_UNKNOWN_TYPE] = { .fence_id = alices, .type = 77 },
		[LIE_A_FAULT_OF_WHAT_IS_DONE] = { .fence_id = alices - 1,
						  .type = PENSTOCK_INTERRUPT_DMA_FAULTED },
	};
	struct penstock_interrupt interrupt = lies[lie];

	if (interrupt.type == 0) {
		interrupt.type = PENSTOCK_INTERRUPT_DMA_COMPLETED;
	}
	penstock_scheduler_notify_interrupt(machine.scheduler, alice, &interrupt);
}

/* From a fence like any other, and from where the ids wrap. */
START_TEST(E10_0x119_1_impossible_fence_stops_the_adapter)
{
	uint32_t first = _i < LIE_END ? 1 : 0xFFFFFFFAu;
	enum lie lie = (enum lie)(_i % LIE_END);
	struct work mine, other, more;

	tear_down();
	start_with(4, first, false);
	warm_up(alice);
	warm_up(bob);
	nop(&mine, alice, 0);
	nop(&other, bob, 1);
	nop(&more, alice, 2);
	if (lie == LIE_OF_ANOTHER_PROCESS) {
		/* She has nothing that is older than his. */
		ck_assert(machine_execute(machine_process_of(alice), 0));
		machine_report(&machine, machine_process_of(alice), 0);
		ck_assert(mine.done);
	}
	tell_lie(lie, first, mine.submission.submission_fence_id,
		 other.submission.submission_fence_id);
	ck_assert_ptr_eq(strstr(machine.failed, lie_codes[lie]), machine.failed);
	ck_assert(!more.done && !other.done);
	/* Nothing is believed any more, not even the truth. */
	ck_assert(machine_execute(machine_process_of(bob), 0));
	machine_report(&machine, machine_process_of(bob), 0);
	ck_assert(!other.done);
	machine.failed[0] = '\0';
	penstock_scheduler_stopped(machine.scheduler, PENSTOCK_STATUS_DEVICE_REMOVED);
	ck_assert(!more.done);
	machine_turn(&machine);
	ck_assert_int_eq(more.status, PENSTOCK_STATUS_DEVICE_REMOVED);
	ck_assert_int_eq(other.status, PENSTOCK_STATUS_DEVICE_REMOVED);
}
END_TEST

static void fault_again(struct machine_process *process, uint32_t node_ordinal)
{
	const struct penstock_interrupt interrupt = {
		.type = PENSTOCK_INTERRUPT_DMA_PAGE_FAULTED,
		.node_ordinal = node_ordinal,
		.fence_id = process->rings[node_ordinal].packets[0].args.submission_fence_id,
	};

	penstock_scheduler_notify_interrupt(machine.scheduler, process->owner, &interrupt);
}

START_TEST(E10_0x119_0x10_an_interrupt_while_it_is_reset_stops_the_adapter)
{
	struct work culprit, behind;

	warm_up(alice);
	work_init(&culprit, alice);
	work_illegal(&culprit);
	enqueue(0, &culprit);
	nop(&behind, alice, 1);
	machine.on_reset = fault_again;
	ck_assert(!machine_execute(machine_process_of(alice), 0));
	machine_report(&machine, machine_process_of(alice), 0);
	ck_assert_ptr_eq(strstr(machine.failed, "0x119/0x10: "), machine.failed);
	machine.on_reset = NULL;
	machine.failed[0] = '\0';
	penstock_scheduler_stopped(machine.scheduler, PENSTOCK_STATUS_DEVICE_REMOVED);
	penstock_scheduler_cancel(&queues[1], PENSTOCK_STATUS_DEVICE_REMOVED);
	machine_turn(&machine);
	ck_assert(culprit.done);
	ck_assert_int_eq(behind.status, PENSTOCK_STATUS_DEVICE_REMOVED);
}
END_TEST

/* A fence from before a reset, whose packet runs again with another, is told too late. */
START_TEST(C8_a_fence_of_before_a_reset_is_no_news)
{
	struct work culprit, behind;
	uint32_t before;

	warm_up(alice);
	work_init(&culprit, alice);
	work_illegal(&culprit);
	enqueue(0, &culprit);
	nop(&behind, alice, 1);
	before = behind.submission.submission_fence_id;
	machine_execute(machine_process_of(alice), 0);
	machine_report(&machine, machine_process_of(alice), 0);
	ck_assert(culprit.done && !behind.done);
	/* Its pages are mapped again first. */
	while (behind.submission.state != PENSTOCK_SUBMISSION_ON_HARDWARE) {
		machine_turn(&machine);
		machine_execute(machine_process_of(alice), PENSTOCK_NODE_COPY_ORDINAL);
		ck_assert(machine_report(&machine, machine_process_of(alice),
					 PENSTOCK_NODE_COPY_ORDINAL));
	}
	ck_assert_int_eq(behind.submission.state, PENSTOCK_SUBMISSION_ON_HARDWARE);
	ck_assert_uint_ne(behind.submission.submission_fence_id, before);
	interrupt_with(alice, before);
	ck_assert(!behind.done);
	machine_settle(&machine);
	ck_assert_int_eq(behind.status, PENSTOCK_STATUS_SUCCESS);
}
END_TEST

/* ---------------------------------------------------------------- overdue fences */

START_TEST(C7_a_lost_notification_is_recovered_by_asking)
{
	struct work work, other, next;

	warm_up(alice);
	warm_up(bob);
	machine_watch(&machine);
	nop(&work, alice, 0);
	nop(&other, bob, 1);
	/* Executed, and nobody was told. */
	ck_assert(machine_execute(machine_process_of(alice), 0));
	ck_assert(machine_execute(machine_process_of(bob), 0));
	machine.queries = 0;
	/* They were not out at the last look: that may be a GPU like any other. */
	machine_watch(&machine);
	ck_assert_uint_eq(machine.queries, 0);
	machine_watch(&machine);
	ck_assert_int_eq(work.status, PENSTOCK_STATUS_SUCCESS);
	ck_assert(work.done && other.done);
	ck_assert_uint_eq(machine.queries, 2);
	/* Nothing is out: nobody is asked until there is. */
	ck_assert(!machine.watch_asked);
	nop(&next, alice, 0);
	ck_assert(machine.watch_asked);
	machine_settle(&machine);
}
END_TEST

/* Paging too: nothing is ever told, and everything comes to its end. */
START_TEST(C7_with_every_notification_lost_all_work_completes)
{
	struct penstock_vidmm_allocation *allocation =
		machine_allocation(&machine, alice, 1, 1 * MIB, 0x1);
	struct work works[12];

	for (unsigned i = 0; i < 12; i++) {
		work_init(&works[i], i % 3 == 2 ? bob : alice);
		if (i % 3 == 0) {
			work_reference(&works[i], allocation);
			work_fill(&works[i], 0, 0, 4096, i);
		}
		enqueue(i % QUEUES, &works[i]);
	}
	for (unsigned rounds = 0; machine.watch_asked; rounds++) {
		ck_assert_uint_lt(rounds, 100);
		for (unsigned i = 0; i < MACHINE_PROCESSES * PENSTOCK_NODE_COUNT; i++) {
			struct machine_process *process = &machine.processes[i / 2];

			if (process->used) {
				machine_execute(process, i % PENSTOCK_NODE_COUNT);
			}
		}
		machine_watch(&machine);
		machine_turn(&machine);
	}
	for (unsigned i = 0; i < 12; i++) {
		ck_assert(works[i].done);
		ck_assert_int_eq(works[i].status, PENSTOCK_STATUS_SUCCESS);
	}
	ck_assert_uint_gt(machine.fills, 0);
	penstock_vidmm_allocation_unref(allocation);
}
END_TEST

START_TEST(C7_asking_a_stuck_gpu_waits_for_nothing_and_changes_nothing)
{
	struct work stuck, other;

	warm_up(alice);
	warm_up(bob);
	machine.deaf = machine_process_of(alice);
	machine.preempt_after = UINT32_MAX;
	nop(&stuck, alice, 0);
	nop(&other, bob, 1);
	for (unsigned i = 0; i < 5; i++) {
		machine_watch(&machine);
		ck_assert(!stuck.done && !other.done);
	}
	/* Another principal's work retires around it, lost notification and all. */
	ck_assert(machine_execute(machine_process_of(bob), 0));
	machine_watch(&machine);
	ck_assert(!stuck.done && other.done);
	machine.deaf = NULL;
	machine_settle(&machine);
	ck_assert_int_eq(stuck.status, PENSTOCK_STATUS_SUCCESS);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("fences");
	TCase *tests = tcase_create("fences");

	tcase_add_checked_fixture(tests, set_up, tear_down);
	tcase_add_test(tests, C4_no_packet_has_fence_0);
	tcase_add_test(tests, C4_fence_ids_wrap);
	tcase_add_test(tests, C4_fences_are_in_order_over_the_wrap_with_resets_and_paging_between);
	tcase_add_loop_test(tests, E10_0x119_1_impossible_fence_stops_the_adapter, 0, 2 * LIE_END);
	tcase_add_test(tests, E10_0x119_0x10_an_interrupt_while_it_is_reset_stops_the_adapter);
	tcase_add_test(tests, C8_a_fence_of_before_a_reset_is_no_news);
	tcase_add_test(tests, C7_a_lost_notification_is_recovered_by_asking);
	tcase_add_test(tests, C7_with_every_notification_lost_all_work_completes);
	tcase_add_test(tests, C7_asking_a_stuck_gpu_waits_for_nothing_and_changes_nothing);
	suite_add_tcase(suite, tests);
	return penstock_test_main(suite);
}
