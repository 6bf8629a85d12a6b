/* SPDX-License-Identifier: MIT */
/*
 * B3: priority MAXIMUM is soft-pinned. What does not fit beside it is split, to its minimum where
 * that must be, before it leaves; the bytes are the same, and nothing is split where it is not in
 * the way.
 */
#include "daemon/memory/internal.h"
#include "daemon/schedule/internal.h"
#include "tests/harness.h"
#include "tests/memory/scheduling.h"

#include <string.h>

#define LOCAL_ONLY 0x1u
#define KIB        1024u
#define PIECES     6u

/* Local memory is 8 MiB: six pieces of 1 MiB, and what has 3 MiB of it. */
static struct penstock_vidmm_allocation *pieces[PIECES], *pinned;

static void one_at_a_time(void)
{
	start_with(1, 1, true);
	warm_up(alice);
	warm_up(bob);
}

static void run(unsigned queue, struct work *work)
{
	enqueue(queue, work);
	machine_settle(&machine);
	ck_assert(work->done);
	ck_assert_int_eq(work->status, PENSTOCK_STATUS_SUCCESS);
}

static bool is_local(struct penstock_vidmm_allocation *allocation)
{
	return allocation->place == PENSTOCK_PLACE_RESIDENT &&
	       allocation->segment_id == PENSTOCK_SEGMENT_LOCAL;
}

/* Its first bytes are the value, wherever they are. */
static void expect_bytes(struct penstock_vidmm_allocation *allocation, uint8_t value)
{
	uint8_t bytes[64];

	machine_read(&machine, allocation, 0, bytes, sizeof(bytes));
	for (size_t i = 0; i < sizeof(bytes); i++) {
		ck_assert_uint_eq(bytes[i], value);
	}
}

static struct penstock_vidmm_allocation *make(struct penstock_vidmm_process *process, uint64_t id,
					      uint64_t size_bytes, uint32_t priority)
{
	struct penstock_vidmm_allocation *allocation =
		machine_allocation(&machine, process, id, size_bytes, LOCAL_ONLY);

	ck_assert_int_eq(penstock_vidmm_allocation_set_priority(allocation, priority),
			 PENSTOCK_STATUS_SUCCESS);
	return allocation;
}

/* It is written and has its place. */
static void place(struct penstock_vidmm_allocation *allocation, uint8_t value)
{
	struct work work;

	work_init(&work, allocation->process);
	work_reference(&work, allocation);
	work_fill(&work, 0, 0, 64, value * 0x01010101u);
	run(1, &work);
	ck_assert(is_local(allocation));
}

static void make_pieces(void)
{
	for (unsigned i = 0; i < PIECES; i++) {
		pieces[i] = make(alice, 10 + i, MIB, PENSTOCK_ALLOCATION_PRIORITY_NORMAL);
	}
}

static void free_pieces(void)
{
	for (unsigned i = 0; i < PIECES; i++) {
		expect_bytes(pieces[i], (uint8_t)(0x20 + i));
		penstock_vidmm_allocation_unref(pieces[i]);
	}
}

/* An instruction for each piece. */
static void fill_pieces(struct work *work)
{
	work_init(work, alice);
	for (unsigned i = 0; i < PIECES; i++) {
		work_fill(work, work_reference(work, pieces[i]), 0, 64, (0x20 + i) * 0x01010101u);
	}
}

/* ---------------------------------------------------------------- who is in the way */

static const struct {
	bool bobs;
	uint32_t size_mib;
	uint32_t priority;
	bool offered;
	bool idle;  /* its principal has used nothing for a while */
	bool stays; /* and the others are split for it */
} ways[] = {
	{ .size_mib = 3, .priority = PENSTOCK_ALLOCATION_PRIORITY_MAXIMUM, .stays = true },
	{ .size_mib = 3, .priority = PENSTOCK_ALLOCATION_PRIORITY_HIGH },
	{ .size_mib = 3, .priority = PENSTOCK_ALLOCATION_PRIORITY_MAXIMUM, .offered = true },
	{ .size_mib = 7, .priority = PENSTOCK_ALLOCATION_PRIORITY_MAXIMUM, .stays = true },
	/* Half of it is bob's share. */
	{ .bobs = true,
	  .size_mib = 3,
	  .priority = PENSTOCK_ALLOCATION_PRIORITY_MAXIMUM,
	  .stays = true },
	{ .bobs = true, .size_mib = 5, .priority = PENSTOCK_ALLOCATION_PRIORITY_MAXIMUM },
	{ .bobs = true,
	  .size_mib = 3,
	  .priority = PENSTOCK_ALLOCATION_PRIORITY_MAXIMUM,
	  .idle = true },
	/* There is room beside it. */
	{ .size_mib = 2, .priority = PENSTOCK_ALLOCATION_PRIORITY_MAXIMUM, .stays = true },
};

START_TEST(B3_a_submission_is_split_before_MAXIMUM_leaves)
{
	bool fits = ways[_i].size_mib <= 2;
	bool splits = ways[_i].stays && !fits;
	struct work work;

	make_pieces();
	pinned = make(ways[_i].bobs ? bob : alice, 1, (uint64_t)ways[_i].size_mib * MIB,
		      ways[_i].priority);
	place(pinned, 0x4d);
	if (ways[_i].offered) {
		penstock_vidmm_allocation_offer(pinned, PENSTOCK_OFFER_PRIORITY_HIGH);
	}
	if (ways[_i].idle) {
		/* Looked at once while it was active, and then long after. */
		ck_assert(bob->last_use != 0);
		bob->seen_use = bob->last_use;
		bob->active_ns = 0;
		machine.now_ns += 2000000000u;
	}
	fill_pieces(&work);
	run(0, &work);
	ck_assert_int_eq(is_local(pinned), ways[_i].stays);
	ck_assert_uint_eq(queues[0].splits, splits);
	ck_assert_int_eq(work.submission.parts > 1, splits);
	if (!ways[_i].offered) {
		expect_bytes(pinned, 0x4d);
	}
	free_pieces();
	penstock_vidmm_allocation_unref(pinned);
}
END_TEST

/* ---------------------------------------------------------------- the minimum */

static const struct work *watched;
static uint32_t pinned_left;

/* MAXIMUM leaves: only what has one split point is to come. */
static void look(const struct penstock_paging_event *event)
{
	if (event->allocation_id == 1 && event->out) {
		pinned_left++;
		ck_assert(penstock_part_is_smallest(&watched->submission));
	}
}

/* Whatever the order: only the part that needs all that there is has it leave. */
START_TEST(B3_MAXIMUM_leaves_for_a_minimal_part_only)
{
	struct penstock_vidmm_allocation *large;
	struct work work;

	make_pieces();
	large = make(alice, 2, 7 * MIB, PENSTOCK_ALLOCATION_PRIORITY_NORMAL);
	pinned = make(alice, 1, 3 * MIB, PENSTOCK_ALLOCATION_PRIORITY_MAXIMUM);
	place(pinned, 0x4d);
	watched = &work;
	pinned_left = 0;
	machine.on_paging = look;
	work_init(&work, alice);
	for (unsigned i = 0; i <= PIECES; i++) {
		if (i == (unsigned)_i) {
			work_fill(&work, work_reference(&work, large), 0, 64, 0x77777777);
		}
		if (i < PIECES) {
			work_fill(&work, work_reference(&work, pieces[i]), 0, 64,
				  (0x20 + i) * 0x01010101u);
		}
	}
	run(0, &work);
	machine.on_paging = NULL;
	ck_assert_uint_eq(pinned_left, 1);
	ck_assert_uint_gt(work.submission.parts, 1);
	expect_bytes(pinned, 0x4d);
	expect_bytes(large, 0x77);
	free_pieces();
	penstock_vidmm_allocation_unref(pinned);
	penstock_vidmm_allocation_unref(large);
}
END_TEST

/* It has one split point: there is nothing to split. */
START_TEST(B3_MAXIMUM_leaves_at_once_for_a_single_instruction)
{
	struct penstock_vidmm_allocation *large =
		make(alice, 2, 7 * MIB, PENSTOCK_ALLOCATION_PRIORITY_NORMAL);
	struct work work;

	pinned = make(alice, 1, 3 * MIB, PENSTOCK_ALLOCATION_PRIORITY_MAXIMUM);
	place(pinned, 0x4d);
	work_init(&work, alice);
	work_nop(&work);
	work_fill(&work, work_reference(&work, large), 0, 64, 0x77777777);
	work_nop(&work);
	run(0, &work);
	ck_assert(!is_local(pinned));
	ck_assert_uint_eq(queues[0].splits, 0);
	expect_bytes(large, 0x77);
	expect_bytes(pinned, 0x4d);
	penstock_vidmm_allocation_unref(pinned);
	penstock_vidmm_allocation_unref(large);
}
END_TEST

/* ---------------------------------------------------------------- beside it */

/*
 * The submission fits beside it, but its own allocations, or others, lie in the way: they get other
 * places, and nothing is split. 3 MiB, MAXIMUM, 2 MiB of its own, 2 MiB.
 */
START_TEST(B3_what_fits_beside_MAXIMUM_is_placed_around_it)
{
	struct penstock_vidmm_allocation *before, *own, *behind, *large, *small;
	uint64_t address;
	struct work work;

	before = make(alice, 2, 3 * MIB, PENSTOCK_ALLOCATION_PRIORITY_NORMAL);
	pinned = make(alice, 1, MIB, PENSTOCK_ALLOCATION_PRIORITY_MAXIMUM);
	own = make(alice, 3, 2 * MIB, PENSTOCK_ALLOCATION_PRIORITY_NORMAL);
	behind = make(alice, 4, 2 * MIB, PENSTOCK_ALLOCATION_PRIORITY_NORMAL);
	large = make(alice, 5, 4 * MIB, PENSTOCK_ALLOCATION_PRIORITY_NORMAL);
	small = make(alice, 6, 4 * KIB, PENSTOCK_ALLOCATION_PRIORITY_NORMAL);
	place(before, 0x11);
	place(pinned, 0x4d);
	place(own, 0x22);
	place(behind, 0x33);
	address = penstock_allocation_address(pinned);
	work_init(&work, alice);
	work_reference(&work, _i % 2 == 0 ? own : large);
	work_reference(&work, _i % 2 == 0 ? large : own);
	if (_i >= 2) {
		work_reference(&work, pinned);
		work_reference(&work, small);
	}
	for (uint32_t i = 0; i < work.submission.reference_count; i++) {
		work_fill(&work, i, 0, 64, (0x50 + i) * 0x01010101u);
	}
	run(0, &work);
	ck_assert_uint_eq(queues[0].splits, 0);
	ck_assert(is_local(own) && is_local(large) && is_local(pinned));
	ck_assert_uint_eq(penstock_allocation_address(pinned), address);
	expect_bytes(own, _i % 2 == 0 ? 0x50 : 0x51);
	expect_bytes(large, _i % 2 == 0 ? 0x51 : 0x50);
	expect_bytes(pinned, _i >= 2 ? 0x52 : 0x4d);
	expect_bytes(before, 0x11);
	expect_bytes(behind, 0x33);
	penstock_vidmm_allocation_unref(before);
	penstock_vidmm_allocation_unref(pinned);
	penstock_vidmm_allocation_unref(own);
	penstock_vidmm_allocation_unref(behind);
	penstock_vidmm_allocation_unref(large);
	penstock_vidmm_allocation_unref(small);
}
END_TEST

/* ---------------------------------------------------------------- what has begun */

/* What is on the other node, and paging. */
static void step_copies(void)
{
	struct machine_process *processes[] = {
		machine_process_of(alice),
		machine_process_of(penstock_vidmm_system(machine.vidmm)),
	};

	machine_turn(&machine);
	for (unsigned i = 0; i < PENSTOCK_ARRAY_SIZE(processes); i++) {
		(void)machine_execute(processes[i], 1);
		(void)machine_report(&machine, processes[i], 1);
	}
}

/*
 * It ran as a whole up to some instruction, was preempted, and MAXIMUM came meanwhile: what is left
 * is split, nothing runs twice, nothing is refused, and MAXIMUM stays.
 */
START_TEST(B3_what_was_preempted_is_split_where_it_goes_on)
{
	struct penstock_queue high;
	struct work work, urgent, coming;
	uint32_t before;

	make_pieces();
	pinned = make(alice, 1, 4 * MIB, PENSTOCK_ALLOCATION_PRIORITY_MAXIMUM);
	penstock_queue_init(&high, machine.scheduler, &machine.sharing, 0, 3, NULL);
	fill_pieces(&work);
	enqueue(0, &work);
	while (work.submission.state != PENSTOCK_SUBMISSION_ON_HARDWARE) {
		step_copies();
	}
	before = machine.instructions;
	machine.preempt_after = (uint32_t)_i;
	work_init(&urgent, bob);
	for (unsigned i = 0; i < 4; i++) {
		work_nop(&urgent);
	}
	/* It answers when it has executed so much. */
	machine.deaf = machine_process_of(alice);
	penstock_scheduler_enqueue(&high, &urgent.submission);
	machine.deaf = NULL;
	ck_assert_uint_eq(machine.scheduler->nodes[0].preemptions_asked, 1);
	(void)machine_execute(machine_process_of(alice), 0);
	ck_assert(machine_report(&machine, machine_process_of(alice), 0));
	ck_assert_int_eq(work.submission.state, PENSTOCK_SUBMISSION_QUEUED);
	ck_assert_uint_eq(machine.instructions, before + (uint32_t)_i);
	machine.preempt_after = 0;
	/* On the other node, while the urgent one has this one. */
	work_init(&coming, alice);
	work_fill(&coming, work_reference(&coming, pinned), 0, 64, 0x4d4d4d4d);
	enqueue(QUEUES - 1, &coming);
	while (!coming.done) {
		step_copies();
	}
	ck_assert(!work.done && is_local(pinned));
	before = machine.instructions - (uint32_t)_i;
	machine_settle(&machine);
	ck_assert(work.done && urgent.done);
	ck_assert_int_eq(work.status, PENSTOCK_STATUS_SUCCESS);
	ck_assert(is_local(pinned));
	/* 4 nops, and each piece once. */
	ck_assert_uint_eq(machine.instructions - before, 4 + PIECES);
	ck_assert_uint_eq(queues[0].splits, 1);
	ck_assert_int_eq(work.submission.parts > 1, PIECES - (unsigned)_i > 4);
	expect_bytes(pinned, 0x4d);
	free_pieces();
	penstock_vidmm_allocation_unref(pinned);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("maximum");
	TCase *tests = tcase_create("maximum");

	tcase_set_timeout(tests, 120);
	tcase_add_checked_fixture(tests, one_at_a_time, tear_down);
	tcase_add_loop_test(tests, B3_a_submission_is_split_before_MAXIMUM_leaves, 0,
			    (int)PENSTOCK_ARRAY_SIZE(ways));
	tcase_add_loop_test(tests, B3_MAXIMUM_leaves_for_a_minimal_part_only, 0, (int)PIECES + 1);
	tcase_add_test(tests, B3_MAXIMUM_leaves_at_once_for_a_single_instruction);
	tcase_add_loop_test(tests, B3_what_fits_beside_MAXIMUM_is_placed_around_it, 0, 4);
	tcase_add_loop_test(tests, B3_what_was_preempted_is_split_where_it_goes_on, 1, PIECES);
	suite_add_tcase(suite, tests);
	return penstock_test_main(suite);
}
