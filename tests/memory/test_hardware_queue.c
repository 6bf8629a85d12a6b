/* SPDX-License-Identifier: MIT */
/* A node's hardware queue: what it takes, and when its doorbell is rung. */
#include "daemon/schedule/internal.h"
#include "tests/harness.h"
#include "tests/memory/scheduling.h"

START_TEST(D1_the_cap_counts_over_all_processes)
{
	struct work works[40];

	warm_up(alice);
	warm_up(bob);
	for (unsigned i = 0; i < 40; i++) {
		nop(&works[i], i % 4 == 0 ? bob : alice, i % 4);
	}
	ck_assert_uint_eq(node_state(0).on_hardware, 4);
	ck_assert_uint_eq(node_state(0).submissions_waiting, 36);
	machine_settle(&machine);
	ck_assert_uint_eq(machine.most_on_rings, 4);
	for (unsigned i = 0; i < 40; i++) {
		ck_assert(works[i].done);
		ck_assert(i < 4 || works[i].order > works[i - 4].order);
	}
}
END_TEST

/* So much work, in a context of alice's. */
static void brief(struct work *work, unsigned queue, uint64_t work_bytes)
{
	work_init(work, alice);
	work->submission.args.work_bytes = work_bytes;
	work_nop(work);
	enqueue(queue, work);
}

START_TEST(D1_short_packets_go_beyond_the_cap_and_end_in_order)
{
	struct work works[40];

	warm_up(alice);
	for (unsigned i = 0; i < 40; i++) {
		brief(&works[i], i % 4, 256);
	}
	ck_assert_uint_eq(node_state(0).on_hardware, PENSTOCK_SHORT_PACKETS);
	machine_settle(&machine);
	ck_assert_uint_eq(machine.most_on_rings, PENSTOCK_SHORT_PACKETS);
	for (unsigned i = 0; i < 40; i++) {
		ck_assert_uint_eq(works[i].order, i + 1);
	}
}
END_TEST

START_TEST(D1_all_short_packets_of_a_node_are_short_together)
{
	struct work works[16];

	warm_up(alice);
	for (unsigned i = 0; i < 16; i++) {
		brief(&works[i], 0, PENSTOCK_SHORT_WORK_BYTES / 8);
	}
	ck_assert_uint_eq(node_state(0).on_hardware, 8);
	machine_settle(&machine);
	ck_assert_uint_eq(machine.most_on_rings, 8);
}
END_TEST

START_TEST(D1_nothing_goes_beyond_the_cap_behind_a_long_packet)
{
	struct work longest, works[16];

	warm_up(alice);
	brief(&longest, 0, PENSTOCK_WORK_UNKNOWN);
	for (unsigned i = 0; i < 16; i++) {
		brief(&works[i], 1, 0);
	}
	ck_assert_uint_eq(node_state(0).on_hardware, machine.cap);
	machine_settle(&machine);
	for (unsigned i = 0; i < 16; i++) {
		ck_assert(works[i].done);
	}
}
END_TEST

START_TEST(D1_a_long_packet_is_not_overtaken_because_it_is_long)
{
	struct work first[4], longest, behind;

	warm_up(alice);
	for (unsigned i = 0; i < 4; i++) {
		brief(&first[i], 0, 0);
	}
	brief(&longest, 1, PENSTOCK_WORK_UNKNOWN);
	brief(&behind, 2, 0);
	ck_assert_uint_eq(node_state(0).on_hardware, 4);
	machine_settle(&machine);
	ck_assert_uint_lt(longest.order, behind.order);
}
END_TEST

START_TEST(a_ring_is_never_overrun)
{
	struct penstock_vidmm_allocation *allocation;
	struct work works[200];

	tear_down();
	start_with(PENSTOCK_RING_PACKETS, 1, false);
	allocation = machine_allocation(&machine, alice, 1, 4096, 0x2);
	for (unsigned i = 0; i < 200; i++) {
		work_init(&works[i], alice);
		if (i > 100) {
			work_reference(&works[i], allocation);
		}
		work_nop(&works[i]);
		enqueue(QUEUES - 1, &works[i]);
	}
	machine_settle(&machine);
	ck_assert(works[199].done);
	ck_assert_uint_eq(machine.most_on_rings, PENSTOCK_RING_PACKETS - 1);
	penstock_vidmm_allocation_unref(allocation);
}
END_TEST

START_TEST(a_full_node_rings_at_once_and_is_refilled_without_an_interrupt)
{
	struct work works[5];

	warm_up(alice);
	machine_process_of(alice)->doorbells = 0;
	for (unsigned i = 0; i < 4; i++) {
		nop(&works[i], alice, i);
	}
	ck_assert_uint_eq(machine_process_of(alice)->doorbells, 1);
	for (unsigned i = 0; i < 4; i++) {
		ck_assert(machine_execute(machine_process_of(alice), 0));
		ck_assert(!works[i].done);
	}
	nop(&works[4], alice, 0);
	for (unsigned i = 0; i < 4; i++) {
		ck_assert(works[i].done);
	}
	ck_assert_uint_eq(node_state(0).on_hardware, 1);
	machine_settle(&machine);
}
END_TEST

/*
 * A full node is looked at where it is filled: what completed makes room, the last one too. But it
 * is its owner's still, who is told on a later turn.
 */
START_TEST(what_is_done_before_its_enqueue_returns_is_told_on_a_later_turn)
{
	struct penstock_vidmm_allocation *huge =
		machine_allocation(&machine, alice, 1, 12 * MIB, 1);
	struct work works[6], hopeless;

	warm_up(alice);
	machine.eager = true;
	for (unsigned i = 0; i < 6; i++) {
		nop(&works[i], alice, 0); /* it is not done on return */
	}
	ck_assert(works[2].done && !works[5].done);
	machine_settle(&machine);
	for (unsigned i = 0; i < 6; i++) {
		ck_assert(works[i].done && works[i].status == PENSTOCK_STATUS_SUCCESS);
		ck_assert_uint_eq(works[i].order, i + 1);
	}
	/* Likewise one that cannot run, behind a node that is full. */
	machine.eager = false;
	for (unsigned i = 0; i < 4; i++) {
		nop(&works[i], alice, 0);
	}
	while (machine_execute(machine_process_of(alice), 0)) {
	}
	work_init(&hopeless, alice);
	work_reference(&hopeless, huge);
	work_fill(&hopeless, 0, 0, 64, 0);
	enqueue(1, &hopeless);
	machine_settle(&machine);
	ck_assert_int_eq(hopeless.status, PENSTOCK_STATUS_GRAPHICS_NO_VIDEO_MEMORY);
	penstock_vidmm_allocation_unref(huge);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("hardware queue");
	TCase *tests = tcase_create("hardware queue");

	tcase_add_checked_fixture(tests, set_up, tear_down);
	tcase_add_test(tests, D1_the_cap_counts_over_all_processes);
	tcase_add_test(tests, D1_short_packets_go_beyond_the_cap_and_end_in_order);
	tcase_add_test(tests, D1_all_short_packets_of_a_node_are_short_together);
	tcase_add_test(tests, D1_nothing_goes_beyond_the_cap_behind_a_long_packet);
	tcase_add_test(tests, D1_a_long_packet_is_not_overtaken_because_it_is_long);
	tcase_add_test(tests, a_ring_is_never_overrun);
	tcase_add_test(tests, a_full_node_rings_at_once_and_is_refilled_without_an_interrupt);
	tcase_add_test(tests, what_is_done_before_its_enqueue_returns_is_told_on_a_later_turn);
	suite_add_tcase(suite, tests);
	return penstock_test_main(suite);
}
