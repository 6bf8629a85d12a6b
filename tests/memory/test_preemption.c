/* SPDX-License-Identifier: MIT */
/* D5, D6: who makes room, and what is on the hardware again afterwards. */
#include "daemon/memory/internal.h"
#include "daemon/schedule/internal.h"
#include "tests/harness.h"
#include "tests/memory/scheduling.h"

/* A context of its own, of a process with a share of its own. */
struct party {
	struct penstock_scheduler_process sharing;
	struct penstock_queue queue;
};

static struct party high, low, peer;

static void party_init(struct party *party, int priority)
{
	penstock_scheduler_process_init(&party->sharing, PENSTOCK_WEIGHT_NORMAL);
	penstock_queue_init(&party->queue, machine.scheduler, &party->sharing, 0, priority, party);
}

static void places(uint32_t cap)
{
	start_with(cap, 1, false);
	warm_up(alice);
	warm_up(bob);
	party_init(&high, 3);
	party_init(&low, 0);
	party_init(&peer, 0);
}

static void two_places(void)
{
	places(2);
}

/* Instead of two. */
static void one_place(void)
{
	tear_down();
	places(1);
}

/* So many nops, which are said to take long. */
static void long_work(struct work *work, struct penstock_vidmm_process *process, unsigned nops)
{
	work_init(work, process);
	work->submission.args.work_bytes = PENSTOCK_WORK_UNKNOWN;
	for (unsigned i = 0; i < nops; i++) {
		work_nop(work);
	}
}

static void submit(struct party *party, struct work *work)
{
	penstock_scheduler_enqueue(&party->queue, &work->submission);
}

/* One after the other. */
static void submit_long(struct party *party, struct penstock_vidmm_process *process,
			struct work *works, unsigned count, unsigned nops)
{
	for (unsigned i = 0; i < count; i++) {
		long_work(&works[i], process, nops);
		submit(party, &works[i]);
	}
}

START_TEST(D5_a_long_packet_makes_room_for_a_higher_priority_and_ends_after_it)
{
	struct work longs[2], urgent;

	one_place();
	submit_long(&low, alice, longs, 2, 8);
	ck_assert_uint_eq(node_state(0).on_hardware, 1);
	machine.preempt_after = 3;
	submit_long(&high, bob, &urgent, 1, 1);
	ck_assert_uint_eq(machine.scheduler->nodes[0].preemptions_asked, 1);
	machine_settle(&machine);
	ck_assert_uint_eq(urgent.order, 1);
	ck_assert_uint_eq(longs[0].order, 2);
	ck_assert_uint_eq(longs[1].order, 3);
	ck_assert_uint_eq(node_state(0).preemptions, 1);
	/* each instruction once */
	ck_assert_uint_eq(machine.instructions, 1 + 1 + 8 + 8 + 1);
}
END_TEST

static void told(void *argument, enum penstock_status status)
{
	*(enum penstock_status *)argument = status;
}

/* What goes back lets go of memory that leaves then: it is unmapped once. */
START_TEST(D6_what_is_paged_because_of_a_preemption_is_paged_once)
{
	struct penstock_vidmm_allocation *allocation =
		machine_allocation(&machine, alice, 1, 4096, 2);
	enum penstock_status status = PENSTOCK_STATUS_PENDING;
	struct penstock_queue copies;
	struct work work;

	penstock_queue_init(&copies, machine.scheduler, &low.sharing, 1, 0, NULL);
	long_work(&work, alice, 4);
	work_reference(&work, allocation);
	penstock_scheduler_enqueue(&copies, &work.submission);
	while (work.submission.state != PENSTOCK_SUBMISSION_ON_HARDWARE) {
		machine_turn(&machine);
		(void)machine_execute(machine_process_of(alice), 1);
		(void)machine_report(&machine, machine_process_of(alice), 1);
	}
	ck_assert_int_eq(penstock_vidmm_allocation_share(allocation, told, &status),
			 PENSTOCK_STATUS_PENDING);
	if (_i == 0) {
		penstock_node_preempt(machine.scheduler, &machine.scheduler->nodes[1], alice);
	} else {
		machine_kill(&machine, machine_process_of(bob));
		machine_kill(&machine, machine_process_of(alice));
	}
	machine_settle(&machine);
	ck_assert_int_eq(status, PENSTOCK_STATUS_SUCCESS);
	ck_assert(work.done);
	penstock_vidmm_allocation_unref(allocation);
}
END_TEST

START_TEST(D5_nobody_makes_room_for_who_could_not_run)
{
	struct work longs[4], urgent;

	submit_long(&low, alice, longs, 4, 4);
	long_work(&urgent, bob, 1);
	urgent.submission.blocked = 1;
	submit(&high, &urgent);
	penstock_scheduler_kick(machine.scheduler);
	ck_assert_uint_eq(machine.scheduler->nodes[0].preemptions_asked, 0);
	urgent.submission.blocked = 0;
	penstock_scheduler_kick(machine.scheduler);
	ck_assert_uint_eq(machine.scheduler->nodes[0].preemptions_asked, 1);
	machine_settle(&machine);
	ck_assert_uint_eq(urgent.order, 1);
}
END_TEST

/* Nothing is pinned, used or dirty before it is on the hardware. */
START_TEST(D5_who_is_asked_whether_it_could_run_takes_nothing)
{
	struct penstock_vidmm_allocation *allocation;
	struct work before, longs, urgent;
	uint64_t uses;

	one_place();
	allocation = machine_allocation(&machine, bob, 1, 4096, 1);
	long_work(&before, bob, 1);
	before.references[work_reference(&before, allocation)].write_operation = false;
	submit(&high, &before);
	machine_settle(&machine);
	ck_assert(before.done);
	submit_long(&low, alice, &longs, 1, 8);
	uses = machine.vidmm->uses;
	machine.deaf = machine_process_of(alice);
	long_work(&urgent, bob, 1);
	work_reference(&urgent, allocation);
	submit(&high, &urgent);
	ck_assert_uint_eq(machine.scheduler->nodes[0].preemptions_asked, 1);
	ck_assert_int_eq(urgent.submission.state, PENSTOCK_SUBMISSION_QUEUED);
	ck_assert_uint_eq(allocation->pins, 0);
	ck_assert_int_eq(allocation->content, PENSTOCK_CONTENT_ZEROS);
	ck_assert_uint_eq(machine.vidmm->uses, uses);
	ck_assert_uint_eq(bob->pool.slots_used, 0);
	ck_assert_uint_eq(bob->prepared, 0);
	machine.deaf = NULL;
	machine_settle(&machine);
	ck_assert(urgent.done && longs.done);
	ck_assert_int_eq(allocation->content, PENSTOCK_CONTENT_DIRTY);
	penstock_vidmm_allocation_unref(allocation);
}
END_TEST

START_TEST(D5_who_waits_for_memory_is_prepared_before_somebody_makes_room)
{
	struct penstock_vidmm_allocation *allocation =
		machine_allocation(&machine, bob, 1, 512 * 1024, 1);
	struct work longs[4], urgent;
	unsigned turns = 0;

	submit_long(&low, alice, longs, 4, 4);
	long_work(&urgent, bob, 1);
	work_reference(&urgent, allocation);
	submit(&high, &urgent);
	ck_assert_int_eq(urgent.submission.state, PENSTOCK_SUBMISSION_PREPARING);
	ck_assert_uint_eq(machine.scheduler->nodes[0].preemptions_asked, 0);
	/* Workers and the system process only. */
	for (; machine.scheduler->nodes[0].preemptions_asked == 0; turns++) {
		ck_assert_uint_lt(turns, 10);
		machine_turn(&machine);
		(void)machine_execute(&machine.processes[0], 1);
		(void)machine_report(&machine, &machine.processes[0], 1);
	}
	machine_settle(&machine);
	ck_assert_uint_eq(urgent.order, 1);
	ck_assert_uint_eq(node_state(0).preemptions, 1);
	penstock_vidmm_allocation_unref(allocation);
}
END_TEST

START_TEST(D5_a_higher_priority_of_the_same_process_goes_ahead_too)
{
	struct work longs[2], urgent;

	submit_long(&low, alice, longs, 2, 4);
	submit_long(&high, alice, &urgent, 1, 1);
	machine_settle(&machine);
	ck_assert_uint_eq(urgent.order, 1);
	ck_assert_uint_eq(longs[0].order, 2);
	ck_assert_uint_eq(longs[1].order, 3);
}
END_TEST

START_TEST(D5_nobody_makes_room_for_a_lower_or_the_same_priority_at_once)
{
	struct work longs[2], lower, same;
	struct party equal;

	party_init(&equal, 3);
	submit_long(&high, alice, longs, 2, 4);
	submit_long(&low, bob, &lower, 1, 1);
	submit_long(&equal, bob, &same, 1, 1);
	ck_assert_uint_eq(machine.scheduler->nodes[0].preemptions_asked, 0);
	machine_settle(&machine);
	ck_assert_uint_eq(lower.order, 4);
	ck_assert_uint_eq(node_state(0).preemptions, 0);
}
END_TEST

START_TEST(D5_short_packets_are_waited_for)
{
	struct work shorts[PENSTOCK_SHORT_PACKETS], urgent;

	for (unsigned i = 0; i < PENSTOCK_SHORT_PACKETS; i++) {
		work_init(&shorts[i], alice);
		shorts[i].submission.args.work_bytes = 1;
		work_nop(&shorts[i]);
		submit(&low, &shorts[i]);
	}
	submit_long(&high, bob, &urgent, 1, 1);
	ck_assert_uint_eq(machine.scheduler->nodes[0].preemptions_asked, 0);
	machine_settle(&machine);
	ck_assert_uint_eq(node_state(0).preemptions, 0);
}
END_TEST

START_TEST(D5_a_time_slice_ends_when_somebody_of_the_same_priority_waits)
{
	struct work longs[4], other;

	submit_long(&low, alice, longs, 4, 4);
	/* Alone it has the node for as long as it likes; its own second context would ask. */
	submit_long(&peer, bob, &other, 1, 1);
	ck_assert(machine.slice_asked);
	machine.now_ns += PENSTOCK_SLICE_NS - 1;
	machine_slice(&machine);
	ck_assert_uint_eq(machine.scheduler->nodes[0].preemptions_asked, 0);
	ck_assert(machine.slice_asked);
	machine.now_ns += 1;
	machine.preempt_after = 2;
	machine_slice(&machine);
	ck_assert_uint_eq(machine.scheduler->nodes[0].preemptions_asked, 1);
	machine_settle(&machine);
	ck_assert_uint_eq(other.order, 1);
	for (unsigned i = 0; i < 4; i++) {
		ck_assert_uint_eq(longs[i].order, 2 + i);
	}
	/* what it had is its process's */
	ck_assert_uint_eq(low.sharing.nodes[0].gpu_ns, PENSTOCK_SLICE_NS);
}
END_TEST

START_TEST(D5_contexts_of_one_process_take_turns)
{
	struct work longs[4], other;
	struct party second;

	penstock_queue_init(&second.queue, machine.scheduler, &low.sharing, 0, 0, &second);
	submit_long(&low, alice, longs, 4, 4);
	submit_long(&second, alice, &other, 1, 1);
	machine.now_ns += PENSTOCK_SLICE_NS;
	machine_slice(&machine);
	machine_settle(&machine);
	ck_assert_uint_eq(other.order, 1);
	ck_assert_uint_eq(node_state(0).preemptions, 1);
	for (unsigned i = 0; i < 4; i++) {
		ck_assert_uint_eq(longs[i].order, 2 + i);
	}
}
END_TEST

/* The answer says what completed, told before or not: nothing of that runs again. */
START_TEST(D6_what_the_answer_says_is_completed_does_not_run_again)
{
	struct work longs[2];
	struct penstock_interrupt answer = { .type = PENSTOCK_INTERRUPT_DMA_PREEMPTED };

	submit_long(&low, alice, longs, 2, 2);
	penstock_node_preempt(machine.scheduler, &machine.scheduler->nodes[0], alice);
	answer.fence_id = machine_process_of(alice)->rings[0].preempt_fence_id;
	answer.last_completed_fence_id = longs[0].submission.submission_fence_id;
	machine_empty_ring(&machine, machine_process_of(alice), 0);
	penstock_scheduler_notify_interrupt(machine.scheduler, alice, &answer);
	ck_assert(longs[0].done && longs[0].status == PENSTOCK_STATUS_SUCCESS);
	ck_assert(!longs[1].done);
	machine_settle(&machine);
	ck_assert(longs[1].done);
	/* the warming up, and the second */
	ck_assert_uint_eq(machine.instructions, 2 + 2);
}
END_TEST

START_TEST(D5_a_process_that_ends_leaves_no_request_behind)
{
	struct penstock_node *node = &machine.scheduler->nodes[0];
	struct work work;

	submit_long(&low, alice, &work, 1, 2);
	penstock_node_preempt(machine.scheduler, node, alice);
	/* What it had is done, and it goes before it answers. */
	machine.preempt_after = UINT32_MAX;
	machine.deaf = NULL;
	ck_assert(machine_execute(machine_process_of(alice), 0));
	machine_process_of(alice)->rings[0].preempting = false;
	ck_assert(machine_report(&machine, machine_process_of(alice), 0));
	ck_assert(work.done);
	ck_assert_uint_eq(node->preemption_count, 1);
	ck_assert(penstock_vidmm_process_idle(alice));
	ck_assert_uint_eq(node->preemption_count, 0);
}
END_TEST

/* What it leaves behind is unmapped as soon as the ring may take packets again. */
START_TEST(D5_a_principal_that_leaves_while_its_ring_is_to_come_empty_is_waited_for)
{
	struct penstock_vidmm_process *carol = machine_principal(&machine, 3, 1 * MIB);
	struct penstock_vidmm_allocation *allocation =
		machine_allocation(&machine, carol, 1, 4096, 2);
	struct machine_process *process = machine_process_of(carol);
	struct penstock_node *node = &machine.scheduler->nodes[1];
	struct work work;

	work_init(&work, carol);
	work_reference(&work, allocation);
	work_nop(&work);
	submit(&low, &work);
	machine_settle(&machine);
	ck_assert(work.done && work.status == PENSTOCK_STATUS_SUCCESS);
	penstock_node_preempt(machine.scheduler, node, carol);
	penstock_vidmm_allocation_unref(allocation);
	penstock_vidmm_process_free(carol);
	ck_assert_uint_eq(node->preemption_count, 1);
	machine_settle(&machine);
	ck_assert(!process->used);
	ck_assert_uint_eq(node->preemption_count, 0);
	ck_assert_str_eq(machine.failed, "");
}
END_TEST

START_TEST(D5_a_request_to_a_node_that_is_done_is_answered_and_changes_nothing)
{
	struct work longs[2], urgent;

	for (unsigned i = 0; i < 2; i++) {
		long_work(&longs[i], alice, 1);
		submit(&low, &longs[i]);
		ck_assert(machine_execute(machine_process_of(alice), 0));
	}
	submit_long(&high, bob, &urgent, 1, 1);
	machine_settle(&machine);
	ck_assert_uint_eq(longs[0].order, 1);
	ck_assert_uint_eq(longs[1].order, 2);
	ck_assert_uint_eq(machine.instructions, 2 + 2 + 1);
}
END_TEST

#define SHIFTS 4u

/* Copies that make something else of their own result: executed twice, the bytes are wrong. */
static void shift(struct work *work, struct penstock_vidmm_allocation *allocation)
{
	uint32_t index;

	work_init(work, alice);
	work->submission.args.work_bytes = PENSTOCK_WORK_UNKNOWN;
	index = work_reference(work, allocation);
	for (unsigned i = 0; i < SHIFTS; i++) {
		work_copy(work, index, 0, index, 256 + 16 * i, 64);
		work_copy(work, index, 240 + 16 * i, index, 8 * i, 48);
	}
}

static void pattern(uint8_t bytes[512])
{
	for (unsigned i = 0; i < 512; i++) {
		bytes[i] = (uint8_t)(i * 7 + i / 64);
	}
}

static void run_shift(uint64_t id, uint32_t preempt_after, uint8_t ret_bytes[512])
{
	struct penstock_vidmm_allocation *allocation =
		machine_allocation(&machine, alice, id, 65536, 0x1);
	struct work place, work, urgent;

	pattern(ret_bytes);
	machine_write(&machine, allocation, 0, ret_bytes, 512);
	work_init(&place, alice);
	work_reference(&place, allocation);
	submit(&low, &place);
	machine_settle(&machine);
	shift(&work, allocation);
	submit(&low, &work);
	ck_assert_int_eq(work.submission.state, PENSTOCK_SUBMISSION_ON_HARDWARE);
	machine.preempt_after = preempt_after;
	for (unsigned i = 0; i < 3; i++) {
		long_work(&urgent, bob, 1);
		submit(&high, &urgent);
		while (!urgent.done) {
			ck_assert(machine_step(&machine));
		}
	}
	machine_settle(&machine);
	ck_assert(work.done && work.status == PENSTOCK_STATUS_SUCCESS);
	machine_read(&machine, allocation, 0, ret_bytes, 512);
	penstock_vidmm_allocation_unref(allocation);
	machine_settle(&machine);
}

/* Whatever it is stopped before. */
START_TEST(D5_preempted_at_every_instruction_boundary_a_buffer_gives_the_same_bytes)
{
	uint8_t wanted[512], got[512];
	uint64_t before;

	one_place();
	run_shift(1, 2 * SHIFTS, wanted);
	for (uint32_t after = 0; after < 2 * SHIFTS; after++) {
		before = node_state(0).preemptions;
		run_shift(2 + after, after, got);
		ck_assert_mem_eq(got, wanted, sizeof(got));
		ck_assert_uint_gt(node_state(0).preemptions, before);
	}
}
END_TEST

/* The system process alone works: what is on other rings stays there. */
static void page_only(void)
{
	bool worked = true;

	while (worked) {
		worked = false;
		for (unsigned i = 0; i < MACHINE_PROCESSES; i++) {
			if (machine.processes[i].used && machine.processes[i].system) {
				worked |= machine_execute(&machine.processes[i], 1);
				machine_report(&machine, &machine.processes[i], 1);
			}
		}
		machine_turn(&machine);
	}
}

/*
 * WDDM switches to the null context before it moves what the context that last ran may still use.
 * Here an engine that answered a preemption keeps nothing: what the packet was in the middle of may
 * move, and it goes on there.
 */
START_TEST(D7_what_a_preempted_context_was_working_on_may_move_before_it_goes_on)
{
	struct penstock_vidmm_allocation *allocation, *taker;
	struct penstock_vidmm_location before, after;
	struct work place, work, urgent, taking;
	uint8_t wanted[512], got[512];

	one_place();
	run_shift(1, 2 * SHIFTS, wanted);
	allocation = machine_allocation(&machine, alice, 2, 65536, 0x1);
	taker = machine_allocation(&machine, bob, 3, 65536, 0x1);
	pattern(got);
	machine_write(&machine, allocation, 0, got, sizeof(got));
	work_init(&place, alice);
	work_reference(&place, allocation);
	submit(&low, &place);
	machine_settle(&machine);
	penstock_vidmm_allocation_location(allocation, &before);
	shift(&work, allocation);
	submit(&low, &work);
	/* It is stopped in the middle, and somebody else has the node. */
	machine.preempt_after = 3;
	penstock_node_preempt(machine.scheduler, &machine.scheduler->nodes[0], alice);
	ck_assert(!machine_execute(machine_process_of(alice), 0));
	long_work(&urgent, bob, 1);
	submit(&high, &urgent);
	ck_assert_int_eq(work.submission.state, PENSTOCK_SUBMISSION_QUEUED);
	ck_assert_int_eq(urgent.submission.state, PENSTOCK_SUBMISSION_ON_HARDWARE);
	ck_assert_uint_gt(work.submission.resume_offset, 0);
	/* It leaves its place, and somebody else takes that before it is needed again. */
	ck_assert_int_ne(penstock_vidmm_allocation_evict(allocation),
			 PENSTOCK_STATUS_GRAPHICS_ALLOCATION_BUSY);
	page_only();
	penstock_vidmm_allocation_location(allocation, &after);
	ck_assert_uint_eq(after.segment_id, 0);
	long_work(&taking, bob, 1);
	work_reference(&taking, taker);
	submit(&high, &taking);
	machine_settle(&machine);
	ck_assert(work.done && work.status == PENSTOCK_STATUS_SUCCESS);
	ck_assert_uint_gt(work.order, taking.order);
	penstock_vidmm_allocation_location(allocation, &after);
	ck_assert_uint_ne(after.address, before.address);
	machine_read(&machine, allocation, 0, got, sizeof(got));
	ck_assert_mem_eq(got, wanted, sizeof(got));
	penstock_vidmm_allocation_unref(allocation);
	penstock_vidmm_allocation_unref(taker);
}
END_TEST

static uint32_t seen_fences[16], seen_paging[16];
static unsigned seen, pagings;

static void note(struct penstock_backend_process *process, const struct penstock_submit_args *args)
{
	bool paging = (args->flags & PENSTOCK_SUBMITCOMMAND_PAGING) != 0;

	if (process == &machine_process_of(alice)->base) {
		ck_assert_uint_lt(seen, 16);
		seen_paging[seen] = paging;
		seen_fences[seen++] = args->submission_fence_id;
		pagings += paging;
	}
}

START_TEST(D6_a_preempted_paging_packet_comes_first_with_its_fence_id_others_get_new_ones)
{
	struct penstock_vidmm_allocation *allocation =
		machine_allocation(&machine, alice, 1, 65536, 0x2);
	struct work longs[1], mapping, urgent;

	seen = pagings = 0;
	machine.on_submit = note;
	long_work(&longs[0], alice, 4);
	submit(&low, &longs[0]);
	/* It is mapped into the aperture by a packet on alice's own ring, behind the first. */
	long_work(&mapping, alice, 1);
	work_reference(&mapping, allocation);
	submit(&peer, &mapping);
	for (unsigned i = 0; i < 8 && pagings == 0; i++) {
		machine_turn(&machine);
	}
	ck_assert_uint_eq(pagings, 1);
	ck_assert_uint_eq(seen, 2);
	ck_assert(seen_paging[1]);
	ck_assert_uint_eq(machine_process_of(alice)->rings[1].count, 1);
	for (unsigned i = 0; i < PENSTOCK_NODE_COUNT; i++) {
		penstock_node_preempt(machine.scheduler, &machine.scheduler->nodes[i], alice);
	}
	machine_settle(&machine);
	/* the first, paging; both again, and what needed the mapping */
	ck_assert_uint_eq(seen, 5);
	ck_assert_uint_eq(pagings, 2);
	for (unsigned i = 2; i < seen; i++) {
		ck_assert(seen_paging[i] ? seen_fences[i] == seen_fences[1]
					 : seen_fences[i] > seen_fences[0]);
	}
	ck_assert(longs[0].done && mapping.done);
	machine.on_submit = NULL;
	submit_long(&high, bob, &urgent, 1, 1);
	machine_settle(&machine);
	penstock_vidmm_allocation_unref(allocation);
}
END_TEST

START_TEST(D6_what_was_preempted_and_cancelled_meanwhile_does_not_run)
{
	struct work longs[2], urgent[2];
	uint32_t before;

	submit_long(&low, alice, longs, 2, 4);
	submit_long(&high, bob, urgent, 2, 1);
	before = machine.instructions;
	machine_turn(&machine);
	(void)machine_execute(machine_process_of(alice), 0);
	ck_assert(machine_report(&machine, machine_process_of(alice), 0));
	penstock_scheduler_cancel(&low.queue, PENSTOCK_STATUS_CANCELLED);
	machine_settle(&machine);
	ck_assert_int_eq(longs[0].status, PENSTOCK_STATUS_CANCELLED);
	ck_assert_int_eq(longs[1].status, PENSTOCK_STATUS_CANCELLED);
	ck_assert_uint_eq(machine.instructions, before + 2);
}
END_TEST

/* A second request waits for the answer to the first; a reset answers none. */
START_TEST(D5_a_reset_ends_a_preemption)
{
	struct work bad, second, urgent;

	work_init(&bad, alice);
	bad.submission.args.work_bytes = PENSTOCK_WORK_UNKNOWN;
	work_illegal(&bad);
	submit(&low, &bad);
	submit_long(&peer, alice, &second, 1, 2);
	machine.preempt_after = 1;
	submit_long(&high, bob, &urgent, 1, 1);
	ck_assert_uint_eq(machine.scheduler->nodes[0].preemptions_asked, 1);
	machine_settle(&machine);
	ck_assert_uint_eq(machine.faults, 1);
	ck_assert(second.done && second.status == PENSTOCK_STATUS_SUCCESS);
	ck_assert(urgent.done && urgent.status == PENSTOCK_STATUS_SUCCESS);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("preemption");
	TCase *tests = tcase_create("preemption");

	tcase_add_checked_fixture(tests, two_places, tear_down);
	tcase_add_test(tests, D5_a_long_packet_makes_room_for_a_higher_priority_and_ends_after_it);
	tcase_add_loop_test(tests, D6_what_is_paged_because_of_a_preemption_is_paged_once, 0, 2);
	tcase_add_test(tests, D5_nobody_makes_room_for_who_could_not_run);
	tcase_add_test(tests, D5_who_is_asked_whether_it_could_run_takes_nothing);
	tcase_add_test(tests, D5_who_waits_for_memory_is_prepared_before_somebody_makes_room);
	tcase_add_test(tests, D5_a_higher_priority_of_the_same_process_goes_ahead_too);
	tcase_add_test(tests, D5_nobody_makes_room_for_a_lower_or_the_same_priority_at_once);
	tcase_add_test(tests, D5_short_packets_are_waited_for);
	tcase_add_test(tests, D5_a_time_slice_ends_when_somebody_of_the_same_priority_waits);
	tcase_add_test(tests, D5_contexts_of_one_process_take_turns);
	tcase_add_test(tests, D6_what_the_answer_says_is_completed_does_not_run_again);
	tcase_add_test(tests, D5_a_process_that_ends_leaves_no_request_behind);
	tcase_add_test(tests,
		       D5_a_principal_that_leaves_while_its_ring_is_to_come_empty_is_waited_for);
	tcase_add_test(tests, D5_a_request_to_a_node_that_is_done_is_answered_and_changes_nothing);
	tcase_add_test(tests,
		       D5_preempted_at_every_instruction_boundary_a_buffer_gives_the_same_bytes);
	tcase_add_test(
		tests,
		D6_a_preempted_paging_packet_comes_first_with_its_fence_id_others_get_new_ones);
	tcase_add_test(tests,
		       D7_what_a_preempted_context_was_working_on_may_move_before_it_goes_on);
	tcase_add_test(tests, D6_what_was_preempted_and_cancelled_meanwhile_does_not_run);
	tcase_add_test(tests, D5_a_reset_ends_a_preemption);
	suite_add_tcase(suite, tests);
	return penstock_test_main(suite);
}
