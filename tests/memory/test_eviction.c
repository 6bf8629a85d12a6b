/* SPDX-License-Identifier: MIT */
/* Who leaves a segment that is full, and that everybody gets on all the same. */
#include "daemon/memory/claim.h"
#include "daemon/memory/internal.h"
#include "daemon/memory/room.h"
#include "tests/harness.h"
#include "tests/memory/fixture.h"

#include <stdlib.h>
#include <string.h>

static struct penstock_paging_count count_of(uint32_t segment_id)
{
	struct penstock_segment_state segments[PENSTOCK_SEGMENT_COUNT];

	penstock_vidmm_query_segments(machine.vidmm, segments);
	return segments[segment_id - 1].paging;
}

static bool is_local(struct penstock_vidmm_allocation *allocation)
{
	return where(allocation).segment_id == PENSTOCK_SEGMENT_LOCAL;
}

/* Most of local memory: there is room for one of these. */
static struct penstock_vidmm_allocation *most_of_local(struct penstock_vidmm_process *process)
{
	static uint64_t id = 1000;

	return machine_allocation(&machine, process, ++id, 6 * MIB, LOCAL_ONLY);
}

/* What only needs the allocation is enqueued. */
static void enqueue_touch(struct penstock_queue *to, struct work *work,
			  struct penstock_vidmm_process *process,
			  struct penstock_vidmm_allocation *allocation)
{
	work_init(work, process);
	work_reference(work, allocation);
	work_nop(work);
	penstock_scheduler_enqueue(to, &work->submission);
}

/* One of alice's that is there, and two that want its place. */
static struct penstock_vidmm_allocation *hog, *mine, *yours;

static void three_rivals(void)
{
	hog = most_of_local(alice);
	mine = most_of_local(alice);
	yours = most_of_local(bob);
	ck_assert_int_eq(touch(bob, yours), PENSTOCK_STATUS_SUCCESS);
	ck_assert_int_eq(touch(alice, hog), PENSTOCK_STATUS_SUCCESS);
}

/* Eight allocations that fill local memory, used in order; the first is the least used. */
#define EIGHT 8u

static struct penstock_vidmm_allocation *eight[EIGHT];

static void fill_local(struct penstock_vidmm_process *process)
{
	for (unsigned i = 0; i < EIGHT; i++) {
		eight[i] = machine_allocation(&machine, process, 10 + i, MIB, LOCAL_ONLY);
		fill_bytes(eight[i], 4096, (uint8_t)(1 + i));
		ck_assert_int_eq(touch(process, eight[i]), PENSTOCK_STATUS_SUCCESS);
	}
	for (unsigned i = 0; i < EIGHT; i++) {
		ck_assert(is_local(eight[i]));
	}
}

static void free_eight(void)
{
	for (unsigned i = 0; i < EIGHT; i++) {
		ck_assert(all_bytes(eight[i], 4096, (uint8_t)(1 + i)));
		penstock_vidmm_allocation_unref(eight[i]);
	}
}

/* eight[from] to eight[end - 1] become bob's, who used them last. */
static void give_to_bob(unsigned from, unsigned end)
{
	for (unsigned i = from; i < end; i++) {
		penstock_vidmm_allocation_unref(eight[i]);
		eight[i] = machine_allocation(&machine, bob, 40 + i, MIB, LOCAL_ONLY);
		fill_bytes(eight[i], 4096, (uint8_t)(1 + i));
		ck_assert_int_eq(touch(bob, eight[i]), PENSTOCK_STATUS_SUCCESS);
	}
}

/* Bit i: eight[i] is not there. */
static unsigned gone(void)
{
	unsigned bits = 0;

	for (unsigned i = 0; i < EIGHT; i++) {
		bits |= is_local(eight[i]) ? 0 : 1u << i;
	}
	return bits;
}

static void set_priority(unsigned i, uint32_t priority)
{
	ck_assert_int_eq(penstock_vidmm_allocation_set_priority(eight[i], priority),
			 PENSTOCK_STATUS_SUCCESS);
}

/* ---------------------------------------------------------------- bytes */

START_TEST(B2_a_working_set_of_four_times_local_memory_keeps_its_bytes)
{
	struct penstock_vidmm_allocation *set[32];
	struct work work;

	for (unsigned i = 0; i < 32; i++) {
		set[i] = machine_allocation(&machine, i % 2 == 0 ? alice : bob, 10 + i, MIB,
					    LOCAL_ONLY);
		fill_bytes(set[i], MIB, (uint8_t)i);
	}
	for (unsigned round = 0; round < 3; round++) {
		for (unsigned i = 0; i < 32; i++) {
			work_init(&work, i % 2 == 0 ? alice : bob);
			work_reference(&work, set[i]);
			work_reference(&work, set[(i + 2 * round + 2) % 32]);
			work.references[1].write_operation = false;
			work_copy(&work, 1, 4096, 0, 0, 64);
			work_fill(&work, 0, 64, 64, 0x01010101u * (round + 1));
			ck_assert_int_eq(run_work(&work), PENSTOCK_STATUS_SUCCESS);
			ck_assert(is_local(set[i]));
		}
	}
	ck_assert_uint_gt(count_of(PENSTOCK_SEGMENT_LOCAL).evicted, 64);
	for (unsigned i = 0; i < 32; i++) {
		uint8_t bytes[129];

		machine_read(&machine, set[i], 0, bytes, sizeof(bytes));
		ck_assert_uint_eq(bytes[0], (i + 6) % 32);
		ck_assert_uint_eq(bytes[63], (i + 6) % 32);
		ck_assert_uint_eq(bytes[64], 3);
		ck_assert_uint_eq(bytes[128], i);
		penstock_vidmm_allocation_unref(set[i]);
	}
}
END_TEST

START_TEST(B2_the_aperture_evicts_too_and_moves_nothing)
{
	struct penstock_vidmm_allocation *set[8];

	/* 16 MiB, of which a quarter is the window of DMA pools. */
	for (unsigned i = 0; i < 8; i++) {
		set[i] = machine_allocation(&machine, alice, 10 + i, 4 * MIB, APERTURE_ONLY);
		fill_bytes(set[i], 4096, (uint8_t)(i + 1));
	}
	for (unsigned i = 0; i < 24; i++) {
		ck_assert_int_eq(touch(alice, set[i % 8]), PENSTOCK_STATUS_SUCCESS);
		ck_assert_uint_eq(where(set[i % 8]).segment_id, PENSTOCK_SEGMENT_APERTURE);
	}
	ck_assert_uint_eq(count_of(PENSTOCK_SEGMENT_APERTURE).evicted, 21);
	ck_assert_uint_eq(machine.transfers, 0);
	for (unsigned i = 0; i < 8; i++) {
		ck_assert(all_bytes(set[i], 4096, (uint8_t)(i + 1)));
		penstock_vidmm_allocation_unref(set[i]);
	}
}
END_TEST

/* ---------------------------------------------------------------- victims */

/* What is done before one more allocation of 1 or 2 MiB comes, and who has to leave for it. */
static const struct {
	unsigned used; /* bit i: is used once more */
	unsigned low;  /* bit i: priority LOW */
	unsigned high; /* and so on */
	unsigned maximum;
	unsigned offered;
	unsigned megabytes;
	unsigned victims;
} choices[] = {
	{ .megabytes = 1, .victims = 0x01 },
	{ .used = 0x01, .megabytes = 1, .victims = 0x02 },
	{ .used = 0x0f, .megabytes = 1, .victims = 0x10 },
	{ .low = 0x40, .megabytes = 1, .victims = 0x40 },
	{ .low = 0x60, .used = 0x20, .megabytes = 1, .victims = 0x40 },
	{ .high = 0x7f, .megabytes = 1, .victims = 0x80 },
	{ .maximum = 0xfe, .used = 0x01, .megabytes = 1, .victims = 0x01 },
	{ .maximum = 0xff, .megabytes = 1, .victims = 0x01 },
	{ .offered = 0x20, .low = 0x01, .megabytes = 1, .victims = 0x20 },
	{ .offered = 0x80, .maximum = 0x80, .megabytes = 1, .victims = 0x80 },
	/* A hole is contiguous: who is between two that may leave decides. */
	{ .megabytes = 2, .victims = 0x03 },
	{ .used = 0x02, .megabytes = 2, .victims = 0x0c },
	{ .low = 0x22, .megabytes = 2, .victims = 0x03 },
	{ .low = 0x60, .megabytes = 2, .victims = 0x60 },
	{ .high = 0x55, .megabytes = 2, .victims = 0x03 },
	{ .maximum = 0x33, .megabytes = 2, .victims = 0x0c },
	{ .maximum = 0x55, .offered = 0xaa, .megabytes = 2, .victims = 0x03 },
	{ .offered = 0x30, .used = 0x30, .megabytes = 2, .victims = 0x30 },
};

START_TEST(B3_victims_are_chosen_by_offer_priority_and_use)
{
	struct penstock_vidmm_allocation *next;

	fill_local(alice);
	for (unsigned i = 0; i < EIGHT; i++) {
		if ((choices[_i].used >> i & 1) != 0) {
			ck_assert_int_eq(touch(alice, eight[i]), PENSTOCK_STATUS_SUCCESS);
		}
		if ((choices[_i].low >> i & 1) != 0) {
			set_priority(i, PENSTOCK_ALLOCATION_PRIORITY_LOW);
		}
		if ((choices[_i].high >> i & 1) != 0) {
			set_priority(i, PENSTOCK_ALLOCATION_PRIORITY_HIGH);
		}
		if ((choices[_i].maximum >> i & 1) != 0) {
			set_priority(i, PENSTOCK_ALLOCATION_PRIORITY_MAXIMUM);
		}
		if ((choices[_i].offered >> i & 1) != 0) {
			penstock_vidmm_allocation_offer(eight[i], PENSTOCK_OFFER_PRIORITY_AUTO);
		}
	}
	next = machine_allocation(&machine, alice, 30, choices[_i].megabytes * MIB, LOCAL_ONLY);
	ck_assert_int_eq(touch(alice, next), PENSTOCK_STATUS_SUCCESS);
	ck_assert_uint_eq(gone(), choices[_i].victims);
	ck_assert_uint_eq(count_of(PENSTOCK_SEGMENT_LOCAL).evicted,
			  (uint64_t)__builtin_popcount(choices[_i].victims));
	penstock_vidmm_allocation_unref(next);
	for (unsigned i = 0; i < EIGHT; i++) {
		bool lost = (choices[_i].offered & choices[_i].victims) >> i & 1;

		if ((choices[_i].offered >> i & 1) != 0) {
			ck_assert_int_eq(penstock_vidmm_allocation_reclaim(eight[i]), !lost);
		}
		ck_assert(all_bytes(eight[i], 4096, lost ? 0 : (uint8_t)(1 + i)));
		penstock_vidmm_allocation_unref(eight[i]);
	}
}
END_TEST

START_TEST(B3_what_is_free_is_used_before_anybody_leaves)
{
	struct penstock_vidmm_allocation *next;

	fill_local(alice);
	ck_assert_int_eq(penstock_vidmm_allocation_evict(eight[5]), PENSTOCK_STATUS_PENDING);
	machine_settle(&machine);
	/* Beside it is one that may leave: together they are a hole. */
	set_priority(0, PENSTOCK_ALLOCATION_PRIORITY_HIGH);
	set_priority(1, PENSTOCK_ALLOCATION_PRIORITY_HIGH);
	set_priority(2, PENSTOCK_ALLOCATION_PRIORITY_HIGH);
	next = machine_allocation(&machine, alice, 30, 2 * MIB, LOCAL_ONLY);
	ck_assert_int_eq(touch(alice, next), PENSTOCK_STATUS_SUCCESS);
	ck_assert_uint_eq(gone(), 0x30);
	ck_assert_uint_eq(count_of(PENSTOCK_SEGMENT_LOCAL).evicted, 1);
	penstock_vidmm_allocation_unref(next);
	free_eight();
}
END_TEST

START_TEST(B3_small_allocations_leave_by_the_granule_and_only_that)
{
	struct penstock_vidmm_allocation *small[16], *next;

	fill_local(alice);
	ck_assert_int_eq(penstock_vidmm_allocation_evict(eight[7]), PENSTOCK_STATUS_PENDING);
	machine_settle(&machine);
	for (unsigned i = 0; i < 16; i++) {
		small[i] = machine_allocation(&machine, alice, 30 + i, 60 * KIB, LOCAL_ONLY);
		ck_assert_int_eq(touch(alice, small[i]), PENSTOCK_STATUS_SUCCESS);
	}
	for (unsigned i = 0; i < 7; i++) {
		set_priority(i, PENSTOCK_ALLOCATION_PRIORITY_HIGH);
	}
	next = machine_allocation(&machine, alice, 50, 8 * KIB, LOCAL_ONLY);
	ck_assert_int_eq(touch(alice, next), PENSTOCK_STATUS_SUCCESS);
	ck_assert_uint_eq(gone(), 0x80);
	for (unsigned i = 0; i < 16; i++) {
		ck_assert_int_eq(is_local(small[i]), i != 0);
		penstock_vidmm_allocation_unref(small[i]);
	}
	penstock_vidmm_allocation_unref(next);
	free_eight();
}
END_TEST

/* ---------------------------------------------------------------- shares */

START_TEST(B3_who_holds_more_than_its_share_gives_first_whatever_its_priorities)
{
	struct penstock_vidmm_allocation *next;

	/* Six of alice, used last and dear to her; two of bob, older and cheap. */
	fill_local(alice);
	give_to_bob(0, 2);
	set_priority(0, PENSTOCK_ALLOCATION_PRIORITY_LOW);
	set_priority(1, PENSTOCK_ALLOCATION_PRIORITY_LOW);
	for (unsigned i = 2; i < EIGHT; i++) {
		set_priority(i, PENSTOCK_ALLOCATION_PRIORITY_MAXIMUM);
		ck_assert_int_eq(touch(alice, eight[i]), PENSTOCK_STATUS_SUCCESS);
	}
	next = machine_allocation(&machine, bob, 30, MIB, LOCAL_ONLY);
	ck_assert_int_eq(touch(bob, next), PENSTOCK_STATUS_SUCCESS);
	ck_assert_uint_eq(gone(), 0x04);
	penstock_vidmm_allocation_unref(next);
	machine_settle(&machine);
	/* And alice takes nothing from bob, but from herself. */
	next = machine_allocation(&machine, alice, 31, 2 * MIB, LOCAL_ONLY);
	ck_assert_int_eq(touch(alice, next), PENSTOCK_STATUS_SUCCESS);
	ck_assert_uint_eq(gone() & 0x03, 0);
	penstock_vidmm_allocation_unref(next);
	free_eight();
}
END_TEST

START_TEST(B3_who_has_used_nothing_for_a_second_has_no_share)
{
	struct penstock_vidmm_allocation *next;

	fill_local(alice);
	give_to_bob(4, EIGHT);
	next = machine_allocation(&machine, bob, 30, MIB, LOCAL_ONLY);
	/* Both are active: bob takes from himself. */
	ck_assert_int_eq(touch(bob, next), PENSTOCK_STATUS_SUCCESS);
	ck_assert_uint_eq(gone(), 0x10);
	machine.now_ns += 2 * PENSTOCK_SHARE_IDLE_NS;
	/* Alice went to sleep on her half. */
	ck_assert_int_eq(touch(bob, eight[4]), PENSTOCK_STATUS_SUCCESS);
	ck_assert_uint_eq(gone(), 0x01);
	penstock_vidmm_allocation_unref(next);
	free_eight();
}
END_TEST

/* ---------------------------------------------------------------- in use */

/* A queue that is always full of packets that use the victim. */
START_TEST(B9_a_victim_in_use_is_drained_and_then_leaves)
{
	struct penstock_queue other;
	struct work busy[6], wants;
	struct penstock_vidmm_allocation *victim = most_of_local(alice);
	struct penstock_vidmm_allocation *next = most_of_local(bob);

	penstock_queue_init(&other, machine.scheduler, &machine.sharing, PENSTOCK_NODE_COPY_ORDINAL,
			    0, NULL);
	fill_bytes(victim, 4096, 0x31);
	fill_bytes(next, 4096, 0x32);
	ck_assert_int_eq(touch(alice, victim), PENSTOCK_STATUS_SUCCESS);
	ck_assert_int_eq(touch(bob, next), PENSTOCK_STATUS_SUCCESS);
	ck_assert_int_eq(touch(alice, victim), PENSTOCK_STATUS_SUCCESS);
	for (unsigned i = 0; i < 6; i++) {
		work_init(&busy[i], alice);
		work_reference(&busy[i], victim);
		work_fill(&busy[i], 0, 4096, 4, 0x41414141);
		penstock_scheduler_enqueue(&queue, &busy[i].submission);
	}
	ck_assert_uint_ge(victim->pins, 4);
	enqueue_touch(&other, &wants, bob, next);
	/* It waits, and so does who wants the victim from now on. */
	ck_assert_int_eq(victim->goal, PENSTOCK_GOAL_EVICT);
	ck_assert_int_eq(victim->place, PENSTOCK_PLACE_RESIDENT);
	while (victim->pins > 0) {
		uint32_t pins = victim->pins;

		ck_assert_int_eq(victim->place, PENSTOCK_PLACE_RESIDENT);
		ck_assert(machine_step(&machine));
		ck_assert_uint_le(victim->pins, pins);
	}
	ck_assert_int_eq(victim->place, PENSTOCK_PLACE_LEAVING);
	machine_settle(&machine);
	ck_assert(wants.done && wants.status == PENSTOCK_STATUS_SUCCESS);
	for (unsigned i = 0; i < 6; i++) {
		ck_assert(busy[i].done && busy[i].status == PENSTOCK_STATUS_SUCCESS);
	}
	ck_assert(all_bytes(victim, 4096, 0x31));
	ck_assert(all_bytes(next, 4096, 0x32));
	penstock_vidmm_allocation_unref(victim);
	penstock_vidmm_allocation_unref(next);
}
END_TEST

START_TEST(B9_a_victim_that_is_looked_at_stays_until_that_ends)
{
	struct penstock_vidmm_allocation *victim = most_of_local(alice);
	struct penstock_vidmm_allocation *next = most_of_local(bob);
	const uint8_t *bytes;
	struct work work;

	fill_bytes(victim, 4096, 0x31);
	ck_assert_int_eq(touch(alice, victim), PENSTOCK_STATUS_SUCCESS);
	bytes = penstock_vidmm_access_begin(victim, 0, PENSTOCK_ACCESS_READ);
	enqueue_touch(&queue, &work, bob, next);
	machine_settle(&machine);
	ck_assert(!work.done);
	ck_assert_uint_eq(bytes[4095], 0x31);
	/* Nobody else begins. */
	ck_assert_ptr_null(penstock_vidmm_access_begin(victim, 0, PENSTOCK_ACCESS_READ));
	penstock_vidmm_access_end(victim);
	machine_settle(&machine);
	ck_assert(work.done && work.status == PENSTOCK_STATUS_SUCCESS);
	ck_assert(all_bytes(victim, 4096, 0x31));
	penstock_vidmm_allocation_unref(victim);
	penstock_vidmm_allocation_unref(next);
}
END_TEST

/* ---------------------------------------------------------------- getting on */

/* Its own allocations lie in its way: each fits, all fit, but not where they are. */
START_TEST(B2_what_empty_segments_hold_runs_however_they_are_cut_up)
{
	struct penstock_vidmm_allocation *first =
		machine_allocation(&machine, alice, 10, 2 * MIB, LOCAL_ONLY);
	struct penstock_vidmm_allocation *middle =
		machine_allocation(&machine, alice, 11, 3 * MIB, LOCAL_ONLY);
	struct penstock_vidmm_allocation *large =
		machine_allocation(&machine, alice, 12, 5 * MIB, LOCAL_ONLY);
	struct work work;

	fill_bytes(middle, 3 * MIB, 0x61);
	fill_bytes(large, 5 * MIB, 0x62);
	ck_assert_int_eq(touch(alice, first), PENSTOCK_STATUS_SUCCESS);
	ck_assert_int_eq(touch(alice, middle), PENSTOCK_STATUS_SUCCESS);
	ck_assert_uint_eq(where(middle).address, PENSTOCK_LOCAL_BASE + 2 * MIB);
	work_init(&work, alice);
	work_reference(&work, large);
	work_reference(&work, NULL);
	work_reference(&work, middle);
	work_reference(&work, large);
	work_copy(&work, 0, 0, 2, MIB, 16);
	ck_assert_int_eq(run_work(&work), PENSTOCK_STATUS_SUCCESS);
	ck_assert(is_local(middle) && is_local(large) && !is_local(first));
	ck_assert(all_bytes(large, 5 * MIB, 0x62));
	ck_assert(all_bytes(middle, MIB, 0x61));
	penstock_vidmm_allocation_unref(first);
	penstock_vidmm_allocation_unref(middle);
	penstock_vidmm_allocation_unref(large);
}
END_TEST

START_TEST(B2_the_aperture_is_the_second_choice_when_local_memory_is_too_small)
{
	struct penstock_vidmm_allocation *set[4];
	struct work work;

	/* 20 MiB for 8 and 12. */
	set[0] = machine_allocation(&machine, alice, 10, 6 * MIB, 0);
	set[1] = machine_allocation(&machine, alice, 11, 4 * MIB, LOCAL_ONLY);
	set[2] = machine_allocation(&machine, alice, 12, 6 * MIB, 0);
	set[3] = machine_allocation(&machine, alice, 13, 4 * MIB, 0);
	work_init(&work, alice);
	for (unsigned i = 0; i < 4; i++) {
		work_reference(&work, set[i]);
	}
	work_nop(&work);
	ck_assert_int_eq(run_work(&work), PENSTOCK_STATUS_SUCCESS);
	for (unsigned i = 0; i < 4; i++) {
		ck_assert_uint_ne(where(set[i]).segment_id, 0);
		penstock_vidmm_allocation_unref(set[i]);
	}
}
END_TEST

/* Contexts on both nodes, each of which needs nearly all of local memory, all at once. */
#define RIVALS 6u
#define TURNS  10u

START_TEST(B2_rivals_for_all_of_local_memory_take_turns)
{
	struct penstock_vidmm_allocation *need[RIVALS][2];
	struct penstock_queue queues[RIVALS];
	static struct work works[RIVALS][TURNS];

	for (unsigned i = 0; i < RIVALS; i++) {
		struct penstock_vidmm_process *process = i % 3 == 0 ? bob : alice;

		penstock_queue_init(&queues[i], machine.scheduler, &machine.sharing, i % 2, 0,
				    NULL);
		need[i][0] =
			machine_allocation(&machine, process, 10 + 2 * i, 384 * KIB, LOCAL_ONLY);
		need[i][1] =
			machine_allocation(&machine, process, 11 + 2 * i, 512 * KIB, LOCAL_ONLY);
		for (unsigned j = 0; j < TURNS; j++) {
			work_init(&works[i][j], process);
			work_reference(&works[i][j], need[i][0]);
			work_reference(&works[i][j], need[i][1]);
			work_fill(&works[i][j], 0, 4 * j, 4, 0x01010101u * (i + 1));
			work_copy(&works[i][j], 0, 0, 1, 4 * j, 4);
		}
	}
	for (unsigned j = 0; j < TURNS; j++) {
		for (unsigned i = 0; i < RIVALS; i++) {
			penstock_scheduler_enqueue(&queues[i], &works[i][j].submission);
		}
	}
	machine_settle(&machine);
	for (unsigned i = 0; i < RIVALS; i++) {
		for (unsigned j = 0; j < TURNS; j++) {
			ck_assert(works[i][j].done);
			ck_assert_int_eq(works[i][j].status, PENSTOCK_STATUS_SUCCESS);
		}
		ck_assert(all_bytes(need[i][1], 4 * TURNS, (uint8_t)(i + 1)));
		penstock_vidmm_allocation_unref(need[i][0]);
		penstock_vidmm_allocation_unref(need[i][1]);
	}
	/* Nothing was brought that did not run: each submission cost at most its own two. */
	ck_assert_uint_le(count_of(PENSTOCK_SEGMENT_LOCAL).placed, 2 * RIVALS * TURNS);
}
END_TEST

/* A low priority that is robbed again and again goes first in the end. */
START_TEST(B2_a_robbed_claim_goes_first_in_the_end)
{
	struct penstock_claim low = { .ticket = 1, .level = 7 }, high = { .level = 0 };

	for (unsigned i = 0; i < PENSTOCK_CLAIM_PATIENCE; i++) {
		high.ticket = 2 + i;
		ck_assert(penstock_claim_stronger(&high, &low));
		ck_assert(!penstock_claim_stronger(&low, &high));
		/* Whatever one of them takes counts once. */
		penstock_claim_rob(&low, &high);
		penstock_claim_rob(&low, &high);
	}
	high.ticket = 100;
	ck_assert(penstock_claim_stronger(&low, &high));
	ck_assert(!penstock_claim_stronger(&high, &low));
	high = (struct penstock_claim){ .ticket = 3, .level = 7 };
	low = (struct penstock_claim){ .ticket = 2, .level = 7 };
	ck_assert(penstock_claim_stronger(&low, &high));
}
END_TEST

START_TEST(B2_a_higher_priority_takes_what_a_lower_one_claimed)
{
	struct penstock_queue low, high;
	struct work late, urgent;

	penstock_queue_init(&low, machine.scheduler, &machine.sharing, 0, -7, NULL);
	penstock_queue_init(&high, machine.scheduler, &machine.sharing, 0, 7, NULL);
	three_rivals();
	enqueue_touch(&low, &late, alice, mine);
	ck_assert_ptr_nonnull(penstock_claim_of(&late.submission));
	enqueue_touch(&high, &urgent, bob, yours);
	machine_settle(&machine);
	ck_assert(urgent.done && urgent.status == PENSTOCK_STATUS_SUCCESS);
	ck_assert(late.done && late.status == PENSTOCK_STATUS_SUCCESS);
	ck_assert_uint_lt(urgent.order, late.order);
	penstock_vidmm_allocation_unref(hog);
	penstock_vidmm_allocation_unref(mine);
	penstock_vidmm_allocation_unref(yours);
}
END_TEST

START_TEST(B2_a_claim_that_is_cancelled_holds_nobody_up)
{
	struct penstock_queue other;
	struct work cancelled, waits;

	penstock_queue_init(&other, machine.scheduler, &machine.sharing, 1, 0, NULL);
	three_rivals();
	/* Nobody leaves before this access ends. */
	ck_assert_ptr_nonnull(penstock_vidmm_access_begin(hog, 0, PENSTOCK_ACCESS_READ));
	enqueue_touch(&queue, &cancelled, alice, mine);
	enqueue_touch(&other, &waits, bob, yours);
	machine_settle(&machine);
	ck_assert(!cancelled.done && !waits.done);
	ck_assert_ptr_nonnull(penstock_claim_of(&cancelled.submission));
	penstock_scheduler_cancel(&queue, PENSTOCK_STATUS_DEVICE_REMOVED);
	ck_assert_ptr_null(penstock_claim_of(&cancelled.submission));
	penstock_vidmm_allocation_unref(mine);
	penstock_vidmm_access_end(hog);
	machine_settle(&machine);
	ck_assert_int_eq(cancelled.status, PENSTOCK_STATUS_DEVICE_REMOVED);
	ck_assert(waits.done && waits.status == PENSTOCK_STATUS_SUCCESS);
	penstock_vidmm_allocation_unref(hog);
	penstock_vidmm_allocation_unref(yours);
}
END_TEST

/* Sixteen entries, of which the DMA pool has some: the least used make room, in use or not. */
START_TEST(B2_a_full_page_table_makes_room_and_splits_what_it_could_never_hold)
{
	struct penstock_vidmm_allocation *set[24];
	struct work work, both[2];
	uint32_t beside;

	for (unsigned i = 0; i < 24; i++) {
		set[i] = machine_allocation(&machine, alice, 10 + i, 4 * KIB, APERTURE_ONLY);
		fill_bytes(set[i], 4 * KIB, (uint8_t)(i + 1));
	}
	ck_assert_int_eq(touch(alice, set[0]), PENSTOCK_STATUS_SUCCESS);
	/* As if there were many more. */
	beside = PENSTOCK_MAPPINGS_PER_PROCESS - alice->mapping_count - 5;
	alice->mapping_count += beside;
	for (unsigned i = 0; i < 72; i++) {
		work_init(&work, alice);
		work_reference(&work, set[i % 24]);
		work_reference(&work, set[(i * 7 + 1) % 24]);
		work.references[1].write_operation = false;
		work_copy(&work, 1, 0, 0, 64 * (i / 24 + 1), 4);
		ck_assert_int_eq(run_work(&work), PENSTOCK_STATUS_SUCCESS);
		ck_assert_uint_le(alice->mapping_count, PENSTOCK_MAPPINGS_PER_PROCESS);
	}
	/* Two at once, four entries each: six are there. */
	for (unsigned i = 0; i < 2; i++) {
		work_init(&both[i], alice);
		for (unsigned j = 0; j < 4; j++) {
			work_reference(&both[i], set[4 * i + j]);
		}
		work_nop(&both[i]);
		penstock_scheduler_enqueue(&queue, &both[i].submission);
	}
	machine_settle(&machine);
	ck_assert(both[0].done && both[0].status == PENSTOCK_STATUS_SUCCESS);
	ck_assert(both[1].done && both[1].status == PENSTOCK_STATUS_SUCCESS);
	/* Eight at once are more than it ever holds; one after the other they are not. */
	work_init(&work, alice);
	for (unsigned i = 0; i < 8; i++) {
		work_reference(&work, set[i]);
		work_fill(&work, i, 256, 64, i);
	}
	ck_assert_int_eq(run_work(&work), PENSTOCK_STATUS_SUCCESS);
	ck_assert_uint_gt(work.submission.parts, 1);
	ck_assert(penstock_list_empty(&machine.vidmm->claims));
	for (unsigned i = 0; i < 24; i++) {
		ck_assert(all_bytes(set[i], 64, (uint8_t)(i + 1)));
	}
	for (unsigned i = 0; i < 24; i++) {
		penstock_vidmm_allocation_unref(set[i]);
	}
	machine_settle(&machine);
	alice->mapping_count -= beside;
}
END_TEST

/* ---------------------------------------------------------------- any lists under a seed */

#define THINGS   20u
#define CONTEXTS 7u
#define ROUNDS   24u

static uint32_t random_state;

static uint32_t pick(uint32_t below)
{
	random_state = random_state * 1664525u + 1013904223u;
	return (random_state >> 8) % below;
}

static void set_up_small(void)
{
	machine_init(&machine);
	machine.local_bytes = MIB;
	machine_start(&machine);
	alice = machine_principal(&machine, 1, 64 * MIB);
	bob = machine_principal(&machine, 2, 64 * MIB);
	work_completions = 0;
}

/*
 * Lists of up to all that local memory holds, of three processes in seven contexts of both nodes
 * and several priorities, everything queued at once: whatever fits empty segments runs, and in the
 * end every word is what the last one that ran wrote.
 */
START_TEST(B2_whatever_fits_runs_under_a_seed)
{
	static const uint64_t sizes[] = { 4 * KIB,  12 * KIB,  60 * KIB,  64 * KIB,
					  70 * KIB, 128 * KIB, 256 * KIB, 384 * KIB };
	struct penstock_vidmm_process *owners[] = { alice, bob,
						    machine_principal(&machine, 3, 64 * MIB) };
	struct penstock_vidmm_allocation *things[3][THINGS];
	struct penstock_queue queues[CONTEXTS];
	static struct work works[CONTEXTS][ROUNDS];
	uint64_t id = 10;

	random_state = (uint32_t)_i * 7919u + 3;
	for (unsigned i = 0; i < 3; i++) {
		for (unsigned j = 0; j < THINGS; j++) {
			things[i][j] = machine_allocation(&machine, owners[i], id++, sizes[pick(8)],
							  1 + pick(10) / 9);
			if (pick(5) == 0) {
				ck_assert_int_eq(
					penstock_vidmm_allocation_set_priority(
						things[i][j], 0x28000000 + pick(3) * 0x50000000),
					PENSTOCK_STATUS_SUCCESS);
			}
		}
	}
	for (unsigned i = 0; i < CONTEXTS; i++) {
		penstock_queue_init(&queues[i], machine.scheduler, &machine.sharing, i % 2,
				    (int)(i % 3) - 1, NULL);
		for (unsigned j = 0; j < ROUNDS; j++) {
			uint64_t room = MIB;

			work_init(&works[i][j], owners[i % 3]);
			for (unsigned k = 0; k < 8; k++) {
				struct penstock_vidmm_allocation *thing =
					things[i % 3][pick(THINGS)];
				uint64_t takes = penstock_align_up(thing->size_bytes, 64 * KIB);

				if (takes <= room) {
					room -= takes;
					work_reference(&works[i][j], thing);
				}
			}
			/* Each context writes a word of its own. */
			for (unsigned k = 0; k < works[i][j].submission.reference_count; k++) {
				work_fill(&works[i][j], k, 64 * i, 4, j + 1);
			}
		}
	}
	for (unsigned j = 0; j < ROUNDS; j++) {
		for (unsigned i = 0; i < CONTEXTS; i++) {
			penstock_scheduler_enqueue(&queues[i], &works[i][j].submission);
		}
		if (pick(4) == 0) {
			machine_step(&machine);
		}
	}
	machine_settle(&machine);
	ck_assert(penstock_list_empty(&machine.vidmm->claims));
	ck_assert(penstock_list_empty(&machine.vidmm->holes));
	for (unsigned i = 0; i < CONTEXTS; i++) {
		for (unsigned j = 0; j < ROUNDS; j++) {
			ck_assert(works[i][j].done);
			ck_assert_int_eq(works[i][j].status, PENSTOCK_STATUS_SUCCESS);
		}
	}
	for (unsigned i = 0; i < 3; i++) {
		for (unsigned j = 0; j < THINGS; j++) {
			for (unsigned k = i; k < CONTEXTS; k += 3) {
				uint32_t word, expected = 0;

				for (unsigned l = 0; l < ROUNDS; l++) {
					for (unsigned m = 0;
					     m < works[k][l].submission.reference_count; m++) {
						expected = works[k][l].references[m].allocation ==
									   things[i][j]
								   ? l + 1
								   : expected;
					}
				}
				machine_read(&machine, things[i][j], 64 * k, &word, 4);
				ck_assert_uint_eq(word, expected);
			}
			penstock_vidmm_allocation_unref(things[i][j]);
		}
	}
	machine_settle(&machine);
	penstock_vidmm_process_free(owners[2]);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("eviction");
	TCase *eviction = tcase_create("eviction"), *small = tcase_create("small");

	tcase_add_checked_fixture(eviction, set_up, tear_down);
	tcase_add_test(eviction, B2_a_working_set_of_four_times_local_memory_keeps_its_bytes);
	tcase_add_test(eviction, B2_the_aperture_evicts_too_and_moves_nothing);
	tcase_add_loop_test(eviction, B3_victims_are_chosen_by_offer_priority_and_use, 0,
			    (int)PENSTOCK_ARRAY_SIZE(choices));
	tcase_add_test(eviction, B3_what_is_free_is_used_before_anybody_leaves);
	tcase_add_test(eviction, B3_small_allocations_leave_by_the_granule_and_only_that);
	tcase_add_test(eviction,
		       B3_who_holds_more_than_its_share_gives_first_whatever_its_priorities);
	tcase_add_test(eviction, B3_who_has_used_nothing_for_a_second_has_no_share);
	tcase_add_test(eviction, B9_a_victim_in_use_is_drained_and_then_leaves);
	tcase_add_test(eviction, B9_a_victim_that_is_looked_at_stays_until_that_ends);
	tcase_add_test(eviction, B2_what_empty_segments_hold_runs_however_they_are_cut_up);
	tcase_add_test(eviction,
		       B2_the_aperture_is_the_second_choice_when_local_memory_is_too_small);
	tcase_add_test(eviction, B2_a_robbed_claim_goes_first_in_the_end);
	tcase_add_test(eviction, B2_a_higher_priority_takes_what_a_lower_one_claimed);
	tcase_add_test(eviction, B2_a_claim_that_is_cancelled_holds_nobody_up);
	tcase_add_test(eviction,
		       B2_a_full_page_table_makes_room_and_splits_what_it_could_never_hold);
	suite_add_tcase(suite, eviction);
	tcase_add_checked_fixture(small, set_up_small, tear_down);
	tcase_add_test(small, B2_rivals_for_all_of_local_memory_take_turns);
	tcase_add_loop_test(small, B2_whatever_fits_runs_under_a_seed, 0, 12);
	suite_add_tcase(suite, small);
	return penstock_test_main(suite);
}
