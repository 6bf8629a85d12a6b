/* SPDX-License-Identifier: MIT */
/* Synchronisation objects in the scheduler: packets that wait and signal, on one node or across. */
#include "tests/harness.h"
#include "tests/memory/scheduling.h"

#define COPY (QUEUES - 1)

static struct penstock_sync sync, other;

static void set_up_syncs(void)
{
	set_up();
	penstock_sync_init(&sync, machine.scheduler, 0);
	penstock_sync_init(&other, machine.scheduler, 0);
	warm_up(alice);
	warm_up(bob);
}

static void tear_down_syncs(void)
{
	machine_settle(&machine);
	penstock_sync_fini(&sync);
	penstock_sync_fini(&other);
	tear_down();
}

static void signal_in(unsigned queue, struct work *work, struct penstock_sync *object,
		      uint64_t value)
{
	work_signal(work, object, value);
	enqueue(queue, work);
}

static void wait_in(unsigned queue, struct work *work, struct penstock_sync *object, uint64_t value)
{
	work_wait(work, object, value);
	enqueue(queue, work);
}

/* A caller that waits. */
struct caller {
	struct penstock_sync_wait wait;
	unsigned told;
};

static void caller_reached(struct penstock_sync_wait *wait)
{
	penstock_container_of(wait, struct caller, wait)->told++;
}

static void call_wait(struct caller *caller, uint64_t value)
{
	*caller = (struct caller){ .wait = { .reached = caller_reached } };
	penstock_sync_wait_begin(&sync, &caller->wait, value);
}

/* ---------------------------------------------------------------- waits */

START_TEST(D3_a_wait_blocks_only_its_context)
{
	struct work wait, behind, others[3];

	wait_in(0, &wait, &sync, 1);
	nop(&behind, alice, 0);
	for (unsigned i = 0; i < 3; i++) {
		nop(&others[i], i == 0 ? alice : bob, i + 1);
	}
	machine_settle(&machine);
	ck_assert(!wait.done && !behind.done);
	for (unsigned i = 0; i < 3; i++) {
		ck_assert(others[i].done);
	}
	penstock_sync_signal(&sync, 1);
	machine_settle(&machine);
	ck_assert_uint_eq(wait.order, 4);
	ck_assert_uint_eq(behind.order, 5);
	ck_assert_int_eq(wait.status, PENSTOCK_STATUS_SUCCESS);
	ck_assert_int_eq(wait.submission.state, PENSTOCK_SUBMISSION_RETIRED);
}
END_TEST

START_TEST(D3_contexts_that_wait_cost_nothing)
{
	struct penstock_queue many[1000];
	static struct work waits[1000];
	uint64_t packets = node_state(0).packets;

	machine_settle(&machine);
	machine_watch(&machine);
	machine.deliver_asked = machine.watch_asked = machine.bells_asked = machine.slice_asked =
		false;
	for (unsigned i = 0; i < 1000; i++) {
		penstock_queue_init(&many[i], machine.scheduler, &machine.sharing, i % 2, 0, NULL);
		work_wait(&waits[i], &sync, 1 + i);
		penstock_scheduler_enqueue(&many[i], &waits[i].submission);
	}
	/* Nobody is asked for anything: no timer, no later turn, no doorbell. */
	ck_assert(!machine.deliver_asked && !machine.watch_asked && !machine.bells_asked &&
		  !machine.slice_asked);
	ck_assert_uint_eq(node_state(0).contexts_waiting, 500);
	ck_assert_uint_eq(node_state(1).contexts_waiting, 500);
	penstock_sync_signal(&sync, 600);
	machine_settle(&machine);
	for (unsigned i = 0; i < 1000; i++) {
		ck_assert_int_eq(waits[i].done, i < 600);
	}
	penstock_sync_signal(&sync, 1000);
	machine_settle(&machine);
	ck_assert(waits[999].done);
	/* None of it was on the hardware. */
	ck_assert_uint_eq(node_state(0).packets, packets);
	ck_assert_uint_eq(node_state(1).contexts_waiting, 0);
}
END_TEST

START_TEST(D3_what_is_reached_already_does_not_wait)
{
	struct machine_process *gpu = machine_process_of(alice);
	struct work before, wait, behind;

	penstock_sync_signal(&sync, 7);
	nop(&before, alice, 0);
	wait_in(0, &wait, &sync, 7);
	nop(&behind, alice, 0);
	/* Not even for what is before it: the next is on the hardware with that. */
	ck_assert_uint_eq(gpu->rings[0].count, 2);
	machine_settle(&machine);
	ck_assert(before.done && wait.done && behind.done);
}
END_TEST

START_TEST(D3_a_value_is_reached_by_a_larger_one_and_never_shrinks)
{
	struct work waits[3], low, high;

	wait_in(0, &waits[0], &sync, 5);
	wait_in(1, &waits[1], &sync, 6);
	wait_in(2, &waits[2], &sync, 7);
	signal_in(3, &high, &sync, 6);
	signal_in(3, &low, &sync, 2);
	machine_settle(&machine);
	ck_assert(waits[0].done && waits[1].done && !waits[2].done);
	ck_assert(high.done && low.done);
	ck_assert_int_eq(low.status, PENSTOCK_STATUS_SUCCESS);
	ck_assert_uint_eq(sync.value, 6);
	penstock_sync_signal(&sync, UINT64_MAX - 1);
	ck_assert_uint_eq(sync.value, UINT64_MAX - 1);
	machine_settle(&machine);
	ck_assert(waits[2].done);
	wait_in(0, &waits[0], &sync, UINT64_MAX);
	machine_settle(&machine);
	ck_assert(!waits[0].done);
	penstock_sync_signal(&sync, UINT64_MAX);
	penstock_sync_signal(&sync, 0);
	machine_settle(&machine);
	ck_assert(waits[0].done);
	ck_assert_uint_eq(sync.value, UINT64_MAX);
}
END_TEST

/* ---------------------------------------------------------------- signals */

START_TEST(D3_a_signal_comes_when_everything_before_it_retired)
{
	struct machine_process *gpu = machine_process_of(alice);
	struct work before[2], signal, wait, behind;

	wait_in(1, &wait, &sync, 1);
	nop(&behind, bob, 1);
	nop(&before[0], alice, 0);
	nop(&before[1], alice, 0);
	signal_in(0, &signal, &sync, 1);
	machine_turn(&machine);
	ck_assert(machine_execute(gpu, 0) && machine_execute(gpu, 0));
	machine_turn(&machine);
	/* Executed, but nobody has said so. */
	ck_assert_uint_eq(sync.value, 0);
	ck_assert(!signal.done);
	ck_assert(machine_report(&machine, gpu, 0));
	ck_assert_uint_eq(sync.value, 1);
	machine_settle(&machine);
	ck_assert(signal.done && wait.done && behind.done);
	ck_assert_uint_gt(behind.order, before[1].order);
}
END_TEST

START_TEST(D3_a_signal_needs_no_place_on_the_hardware)
{
	struct work works[4], signal, wait;

	/* The hardware is full, and stays so. */
	for (unsigned i = 0; i < 4; i++) {
		nop(&works[i], alice, 0);
	}
	ck_assert_uint_eq(node_state(0).on_hardware, 4);
	wait_in(1, &wait, &sync, 3);
	signal_in(2, &signal, &sync, 3);
	machine_turn(&machine);
	ck_assert(signal.done && wait.done);
	ck_assert(!works[0].done);
	machine_settle(&machine);
}
END_TEST

START_TEST(D3_two_contexts_play_ping_pong)
{
	static struct work pings[100], pongs[100], runs[200];

	for (unsigned i = 0; i < 100; i++) {
		wait_in(0, &pings[i], &sync, 2 * i);
		nop(&runs[2 * i], alice, 0);
		work_signal(&pongs[i], &sync, 2 * i + 1);
		enqueue(0, &pongs[i]);
	}
	for (unsigned i = 0; i < 100; i++) {
		static struct work waits[100], signals[100];

		wait_in(1, &waits[i], &sync, 2 * i + 1);
		nop(&runs[2 * i + 1], bob, 1);
		signal_in(1, &signals[i], &sync, 2 * i + 2);
	}
	machine_settle(&machine);
	for (unsigned i = 0; i < 200; i++) {
		ck_assert(runs[i].done);
		ck_assert(i == 0 || runs[i].order > runs[i - 1].order);
	}
	ck_assert_uint_eq(sync.value, 200);
}
END_TEST

START_TEST(D3_a_long_chain_of_packets_takes_its_turns)
{
	enum { MANY = 3 * PENSTOCK_SYNC_A_TURN };
	static struct work packets[MANY];
	struct work wait;
	unsigned turns = 0;

	/* All of them become possible with one signal. */
	wait_in(0, &wait, &sync, 1);
	for (unsigned i = 0; i < MANY; i++) {
		work_signal(&packets[i], &other, i + 1);
		penstock_scheduler_enqueue(&queues[0], &packets[i].submission);
	}
	penstock_sync_signal(&sync, 1);
	ck_assert_uint_le(other.value, PENSTOCK_SYNC_A_TURN);
	while (!packets[MANY - 1].done && turns < 100) {
		uint64_t before = other.value;

		machine_turn(&machine);
		ck_assert_uint_le(other.value - before, PENSTOCK_SYNC_A_TURN);
		turns++;
	}
	ck_assert_uint_ge(turns, 3);
	ck_assert(packets[MANY - 1].done);
	ck_assert_uint_eq(other.value, MANY);
}
END_TEST

/* ---------------------------------------------------------------- what goes wrong */

START_TEST(D3_a_deadlock_hits_only_its_contexts_and_ends_with_them)
{
	struct work waits[2], signals[2], innocent;

	/* Each waits for what the other signals behind its own wait. */
	wait_in(0, &waits[0], &sync, 1);
	signal_in(0, &signals[0], &other, 1);
	wait_in(1, &waits[1], &other, 1);
	signal_in(1, &signals[1], &sync, 1);
	nop(&innocent, bob, 2);
	machine_settle(&machine);
	ck_assert(innocent.done);
	ck_assert(!waits[0].done && !waits[1].done && !signals[0].done && !signals[1].done);
	penstock_scheduler_cancel(&queues[0], PENSTOCK_STATUS_DEVICE_REMOVED);
	penstock_scheduler_cancel(&queues[1], PENSTOCK_STATUS_DEVICE_REMOVED);
	machine_settle(&machine);
	for (unsigned i = 0; i < 2; i++) {
		ck_assert_int_eq(waits[i].status, PENSTOCK_STATUS_DEVICE_REMOVED);
		ck_assert_int_eq(signals[i].status, PENSTOCK_STATUS_DEVICE_REMOVED);
	}
	/* A signal that was cancelled is none. */
	ck_assert_uint_eq(sync.value, 0);
	ck_assert_uint_eq(node_state(0).submissions_waiting, 0);
}
END_TEST

START_TEST(D3_a_packet_that_must_not_run_leaves_in_its_order)
{
	struct machine_process *gpu = machine_process_of(alice);
	struct work before, wait, signal;

	nop(&before, alice, 0);
	work_wait(&wait, &sync, 1);
	wait.submission.cancelled = PENSTOCK_STATUS_PREDECESSOR_FAILED;
	enqueue(0, &wait);
	work_signal(&signal, &sync, 1);
	signal.submission.cancelled = PENSTOCK_STATUS_PREDECESSOR_FAILED;
	enqueue(0, &signal);
	machine_turn(&machine);
	ck_assert(!wait.done && !signal.done);
	ck_assert(machine_execute(gpu, 0) && machine_report(&machine, gpu, 0));
	machine_settle(&machine);
	ck_assert_uint_eq(wait.order, 2);
	ck_assert_int_eq(wait.status, PENSTOCK_STATUS_PREDECESSOR_FAILED);
	ck_assert_int_eq(signal.status, PENSTOCK_STATUS_PREDECESSOR_FAILED);
	ck_assert_uint_eq(sync.value, 0);
}
END_TEST

START_TEST(D3_a_blocked_packet_waits_until_it_is_let_through)
{
	struct work signal;

	work_signal(&signal, &sync, 1);
	signal.submission.blocked = 1;
	enqueue(0, &signal);
	machine_settle(&machine);
	ck_assert(!signal.done);
	signal.submission.blocked = 0;
	penstock_scheduler_kick(machine.scheduler);
	ck_assert_uint_eq(sync.value, 1);
	machine_settle(&machine);
	ck_assert(signal.done);
}
END_TEST

START_TEST(D5_what_is_preempted_stays_before_the_signal_behind_it)
{
	struct machine_process *gpu = machine_process_of(alice);
	struct work running, signal;

	nop(&running, alice, 0);
	signal_in(0, &signal, &sync, 1);
	machine_watch(&machine);
	machine_watch(&machine); /* out at two looks: it is preempted */
	ck_assert(gpu->rings[0].preempting);
	ck_assert(machine_report(&machine, gpu, 0));
	ck_assert_uint_eq(node_state(0).preemptions, 1);
	ck_assert_uint_eq(sync.value, 0);
	machine_settle(&machine);
	ck_assert(running.done && signal.done);
	ck_assert_uint_lt(running.order, signal.order);
	ck_assert_uint_eq(sync.value, 1);
}
END_TEST

START_TEST(D6_what_a_reset_puts_back_stays_before_the_signal_behind_it)
{
	struct work broken, running, signal;

	work_init(&broken, alice);
	work_illegal(&broken);
	enqueue(1, &broken);
	nop(&running, alice, 0);
	signal_in(0, &signal, &sync, 1);
	while (machine.faults == 0) {
		ck_assert(machine_step(&machine));
	}
	machine_settle(&machine);
	ck_assert(running.done && signal.done);
	ck_assert_int_eq(running.status, PENSTOCK_STATUS_SUCCESS);
	ck_assert_uint_lt(running.order, signal.order);
}
END_TEST

/* ---------------------------------------------------------------- callers */

START_TEST(D3_callers_are_told_once_and_only_when_reached)
{
	struct caller callers[3];
	struct work signal;

	for (unsigned i = 0; i < 3; i++) {
		call_wait(&callers[i], i + 1);
	}
	penstock_sync_wait_end(&callers[1].wait);
	penstock_sync_wait_end(&callers[1].wait);
	signal_in(0, &signal, &sync, 2);
	machine_settle(&machine);
	ck_assert_uint_eq(callers[0].told, 1);
	ck_assert_uint_eq(callers[1].told, 0);
	ck_assert_uint_eq(callers[2].told, 0);
	penstock_sync_signal(&sync, 100);
	penstock_sync_signal(&sync, 200);
	machine_settle(&machine);
	ck_assert_uint_eq(callers[0].told, 1);
	ck_assert_uint_eq(callers[2].told, 1);
}
END_TEST

/* ---------------------------------------------------------------- nodes */

START_TEST(D4_both_nodes_are_busy_and_each_has_its_fences)
{
	struct machine_process *gpu = machine_process_of(alice);
	struct work render, copy;

	nop(&render, alice, 0);
	nop(&copy, alice, COPY);
	ck_assert_uint_eq(node_state(0).on_hardware, 1);
	ck_assert_uint_eq(node_state(1).on_hardware, 1);
	/* Node 0 does not move; node 1 is done all the same. */
	ck_assert(machine_execute(gpu, 1) && machine_report(&machine, gpu, 1));
	ck_assert(copy.done && !render.done);
	ck_assert_uint_eq(node_state(1).last_fence_completed, copy.submission.submission_fence_id);
	ck_assert_uint_ne(node_state(0).last_fence_completed,
			  render.submission.submission_fence_id);
	machine_settle(&machine);
	ck_assert_uint_lt(copy.order, render.order);
}
END_TEST

START_TEST(D4_a_node_waits_for_another)
{
	struct machine_process *gpu = machine_process_of(alice);
	struct work render, rendered, wait, copy, other_copy;
	struct penstock_queue queue;

	wait_in(COPY, &wait, &sync, 1);
	nop(&copy, alice, COPY);
	nop(&render, alice, 0);
	signal_in(0, &rendered, &sync, 1);
	machine_turn(&machine);
	/* The copy is held back, its node is not. */
	ck_assert_uint_eq(node_state(1).on_hardware, 0);
	work_init(&other_copy, bob);
	work_nop(&other_copy);
	penstock_queue_init(&queue, machine.scheduler, &machine.sharing, 1, 0, NULL);
	penstock_scheduler_enqueue(&queue, &other_copy.submission);
	ck_assert_uint_eq(node_state(1).on_hardware, 1);
	while (!other_copy.done) {
		machine_turn(&machine);
		ck_assert(machine_execute(machine_process_of(bob), 1));
		machine_report(&machine, machine_process_of(bob), 1);
	}
	ck_assert(!wait.done && !copy.done);
	ck_assert(machine_execute(gpu, 0) && machine_report(&machine, gpu, 0));
	ck_assert_uint_eq(node_state(1).on_hardware, 1);
	machine_settle(&machine);
	ck_assert(copy.done && copy.order > render.order);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("sync");
	TCase *tests = tcase_create("sync");

	tcase_add_checked_fixture(tests, set_up_syncs, tear_down_syncs);
	tcase_add_test(tests, D3_a_wait_blocks_only_its_context);
	tcase_add_test(tests, D3_contexts_that_wait_cost_nothing);
	tcase_add_test(tests, D3_what_is_reached_already_does_not_wait);
	tcase_add_test(tests, D3_a_value_is_reached_by_a_larger_one_and_never_shrinks);
	tcase_add_test(tests, D3_a_signal_comes_when_everything_before_it_retired);
	tcase_add_test(tests, D3_a_signal_needs_no_place_on_the_hardware);
	tcase_add_test(tests, D3_two_contexts_play_ping_pong);
	tcase_add_test(tests, D3_a_long_chain_of_packets_takes_its_turns);
	tcase_add_test(tests, D3_a_deadlock_hits_only_its_contexts_and_ends_with_them);
	tcase_add_test(tests, D3_a_packet_that_must_not_run_leaves_in_its_order);
	tcase_add_test(tests, D3_a_blocked_packet_waits_until_it_is_let_through);
	tcase_add_test(tests, D5_what_is_preempted_stays_before_the_signal_behind_it);
	tcase_add_test(tests, D6_what_a_reset_puts_back_stays_before_the_signal_behind_it);
	tcase_add_test(tests, D3_callers_are_told_once_and_only_when_reached);
	tcase_add_test(tests, D4_both_nodes_are_busy_and_each_has_its_fences);
	tcase_add_test(tests, D4_a_node_waits_for_another);
	suite_add_tcase(suite, tests);
	return penstock_test_main(suite);
}
