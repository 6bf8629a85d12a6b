/* SPDX-License-Identifier: MIT */
/*
 * A principal that comes to need pipelines: its GPU process is replaced between two packets, and
 * nothing is lost.
 */
#include "daemon/memory/internal.h"
#include "tests/harness.h"
#include "tests/memory/scheduling.h"

#include <string.h>

static struct penstock_vidmm_allocation *allocation;

static void set_up_allocation(void)
{
	set_up();
	allocation = machine_allocation(&machine, alice, 1, 65536, 0x2);
}

static void tear_down_allocation(void)
{
	penstock_vidmm_allocation_unref(allocation);
	tear_down();
}

/* A fill of so many bytes from the start, in a context of node 0 or the copy node's. */
static void fill(struct work *work, unsigned queue, uint64_t size, uint32_t pattern)
{
	work_init(work, alice);
	work_reference(work, allocation);
	work_fill(work, 0, 0, size, pattern);
	enqueue(queue, work);
}

static void expect_filled(uint64_t size, uint32_t pattern)
{
	uint8_t bytes[64];

	ck_assert_uint_le(size, sizeof(bytes));
	machine_read(&machine, allocation, 0, bytes, size);
	for (uint64_t i = 0; i < size; i += 4) {
		ck_assert_uint_eq(penstock_load32(bytes + i), pattern);
	}
}

static void expect_done(const struct work *work)
{
	ck_assert(work->done);
	ck_assert_int_eq(work->status, PENSTOCK_STATUS_SUCCESS);
}

START_TEST(a_process_that_has_not_started_starts_with_pipelines)
{
	struct work work;

	penstock_vidmm_process_need_pipelines(alice);
	fill(&work, 0, 16, 1);
	machine_settle(&machine);
	expect_done(&work);
	ck_assert_uint_eq(machine_process_of(alice)->resets, 0);
	ck_assert(machine_process_of(alice)->has_pipelines);
}
END_TEST

START_TEST(an_idle_process_is_replaced_before_the_next_packet)
{
	struct work work[2];

	fill(&work[0], 0, 32, 1);
	machine_settle(&machine);
	expect_done(&work[0]);
	penstock_vidmm_process_need_pipelines(alice);
	/* Not before it is needed. */
	ck_assert_uint_eq(machine_process_of(alice)->resets, 0);
	fill(&work[1], 0, 16, 2);
	machine_settle(&machine);
	expect_done(&work[1]);
	ck_assert_uint_eq(machine_process_of(alice)->resets, 1);
	ck_assert(machine_process_of(alice)->has_pipelines);
	expect_filled(16, 2);
	/* Once, however often it is said. */
	penstock_vidmm_process_need_pipelines(alice);
	fill(&work[1], 4, 32, 3);
	machine_settle(&machine);
	expect_done(&work[1]);
	expect_filled(32, 3);
	ck_assert_uint_eq(machine_process_of(alice)->resets, 1);
}
END_TEST

/* On both nodes: what is out is done first, what comes behind it waits, and bob does not. */
START_TEST(what_is_on_the_hardware_is_done_before_and_others_do_not_wait)
{
	struct machine_process *gpu = machine_process_of(alice);
	struct work before[2], behind[2], other;

	warm_up(alice);
	warm_up(bob);
	fill(&before[0], 0, 64, 1);
	machine_settle(&machine);
	fill(&before[0], 0, 64, 2);
	nop(&before[1], alice, 4);
	machine_turn(&machine);
	ck_assert_uint_eq(gpu->rings[0].count, 1);
	ck_assert_uint_eq(gpu->rings[1].count, 1);
	penstock_vidmm_process_need_pipelines(alice);
	fill(&behind[0], 1, 32, 3);
	nop(&behind[1], alice, 4);
	nop(&other, bob, 2);
	machine_turn(&machine);
	ck_assert_uint_eq(gpu->rings[0].count, 1);
	ck_assert_uint_eq(gpu->rings[1].count, 1);
	ck_assert_uint_eq(machine_process_of(bob)->rings[0].count, 1);
	/* One of the two is not enough. */
	ck_assert(machine_execute(gpu, 1));
	ck_assert(machine_report(&machine, gpu, 1));
	machine_turn(&machine);
	expect_done(&before[1]);
	ck_assert_uint_eq(gpu->resets, 0);
	ck_assert(!before[0].done);
	machine_settle(&machine);
	expect_done(&before[0]);
	expect_done(&behind[0]);
	expect_done(&behind[1]);
	expect_done(&other);
	ck_assert_uint_eq(gpu->resets, 1);
	ck_assert(gpu->has_pipelines);
	ck_assert_uint_eq(machine_process_of(bob)->resets, 0);
	expect_filled(32, 3);
}
END_TEST

/* It was reset meanwhile for another reason, and came back with pipelines. */
START_TEST(a_process_that_ended_meanwhile_is_not_replaced_again)
{
	struct work work;

	fill(&work, 0, 16, 1);
	machine_settle(&machine);
	penstock_vidmm_process_need_pipelines(alice);
	ck_assert(penstock_vidmm_process_idle(alice));
	ck_assert_uint_eq(machine_process_of(alice)->resets, 1);
	fill(&work, 0, 16, 5);
	machine_settle(&machine);
	expect_done(&work);
	expect_filled(16, 5);
	ck_assert_uint_eq(machine_process_of(alice)->resets, 1);
	ck_assert(machine_process_of(alice)->has_pipelines);
}
END_TEST

/* What it is given then does not wait for ever: the watchdog looks after that. */
START_TEST(a_process_that_does_not_end_is_tried_again_with_the_next_packet)
{
	struct work work[2];

	fill(&work[0], 0, 16, 1);
	machine_settle(&machine);
	penstock_vidmm_process_need_pipelines(alice);
	machine_process_of(alice)->unending = 1;
	fill(&work[0], 0, 16, 2);
	machine_settle(&machine);
	expect_done(&work[0]);
	ck_assert_uint_eq(machine_process_of(alice)->resets, 0);
	fill(&work[1], 0, 16, 3);
	machine_settle(&machine);
	expect_done(&work[1]);
	expect_filled(16, 3);
	ck_assert_uint_eq(machine_process_of(alice)->resets, 1);
	ck_assert(machine_process_of(alice)->has_pipelines);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("replacement");
	TCase *tcase = tcase_create("replacement");

	tcase_set_timeout(tcase, 120);
	tcase_add_checked_fixture(tcase, set_up_allocation, tear_down_allocation);
	tcase_add_test(tcase, a_process_that_has_not_started_starts_with_pipelines);
	tcase_add_test(tcase, an_idle_process_is_replaced_before_the_next_packet);
	tcase_add_test(tcase, what_is_on_the_hardware_is_done_before_and_others_do_not_wait);
	tcase_add_test(tcase, a_process_that_ended_meanwhile_is_not_replaced_again);
	tcase_add_test(tcase, a_process_that_does_not_end_is_tried_again_with_the_next_packet);
	suite_add_tcase(suite, tcase);
	return penstock_test_main(suite);
}
