/* SPDX-License-Identifier: MIT */
/*
 * B15, B16, C1: submissions that are split. Each part is a packet with what it needs and nothing
 * else; whatever happens to it, the bytes are those of the whole, and so is the one fence.
 */
#include "daemon/memory/internal.h"
#include "daemon/schedule/internal.h"
#include "gpu-backend/dma.h"
#include "tests/harness.h"
#include "tests/memory/scheduling.h"

#include <string.h>

#define STEPS 6u
#define BYTES 512u

static void split_everywhere(void)
{
	memset(&machine, 0, sizeof(machine));
	start_split(2, 1);
	warm_up(alice);
	warm_up(bob);
}

/* The node takes one packet, so that two contexts take turns. */
static void one_place(void)
{
	tear_down();
	start_split(1, 1);
	warm_up(alice);
	warm_up(bob);
}

/* Copies that make something else of their own result: executed twice, the bytes are wrong. */
static void scramble(struct work *work, struct penstock_vidmm_allocation *allocations[2])
{
	work_init(work, alice);
	work_reference(work, allocations[0]);
	work_reference(work, allocations[1]);
	work_nop(work);
	for (unsigned i = 0; i < STEPS; i++) {
		work_copy(work, i & 1, 8 * i, ~i & 1, 128 + 16 * i, 96);
		work_fill(work, i & 1, 256 + 16 * i, 16, 0x01010101u * (i + 1));
		work_nop(work);
	}
}

static void make_two(struct penstock_vidmm_allocation *ret_allocations[2])
{
	static uint64_t id;
	uint8_t pattern[BYTES];

	for (unsigned i = 0; i < BYTES; i++) {
		pattern[i] = (uint8_t)(i * 7 + i / 64);
	}
	for (unsigned i = 0; i < 2; i++) {
		ret_allocations[i] = machine_allocation(&machine, alice, ++id, 65536, 0x1);
		machine_write(&machine, ret_allocations[i], 0, pattern, BYTES);
	}
}

static void read_two(struct penstock_vidmm_allocation *allocations[2], uint8_t ret[2 * BYTES])
{
	for (unsigned i = 0; i < 2; i++) {
		machine_read(&machine, allocations[i], 0, ret + i * BYTES, BYTES);
		penstock_vidmm_allocation_unref(allocations[i]);
	}
	machine_settle(&machine);
}

/* What all of it as one packet gives. */
static void wanted_bytes(uint8_t ret[2 * BYTES])
{
	struct penstock_vidmm_allocation *allocations[2];
	uint32_t points = machine.scheduler->config.split_points;
	struct work work;

	machine.scheduler->config.split_points = 0;
	make_two(allocations);
	scramble(&work, allocations);
	enqueue(0, &work);
	machine_settle(&machine);
	ck_assert(work.done && !work.submission.split);
	read_two(allocations, ret);
	machine.scheduler->config.split_points = points;
	work_completions = 0;
}

/* One packet of alice's node 0 is executed and its fence told. */
static void finish_packet(void)
{
	ck_assert(machine_execute(machine_process_of(alice), 0));
	ck_assert(machine_report(&machine, machine_process_of(alice), 0));
	machine_turn(&machine);
}

/* The system process and the workers do something; no submission is executed. */
static void page(void)
{
	struct machine_process *system = machine_process_of(penstock_vidmm_system(machine.vidmm));

	machine_turn(&machine);
	(void)machine_execute(system, PENSTOCK_NODE_COPY_ORDINAL);
	(void)machine_report(&machine, system, PENSTOCK_NODE_COPY_ORDINAL);
}

/* Until a packet of the work is on the hardware. */
static void wait_for_part(const struct work *work)
{
	for (unsigned i = 0; work->submission.state != PENSTOCK_SUBMISSION_ON_HARDWARE; i++) {
		ck_assert_uint_lt(i, 100);
		page();
	}
}

/* ---------------------------------------------------------------- parts */

static uint32_t packets, last_end;

/* Each packet goes on where the one before it ended. */
static void note(struct penstock_backend_process *process, const struct penstock_submit_args *args)
{
	if ((args->flags & PENSTOCK_SUBMITCOMMAND_PAGING) == 0 &&
	    process == &machine_process_of(alice)->base) {
		ck_assert_uint_eq(args->submission_start_offset, last_end);
		ck_assert_uint_gt(args->submission_end_offset, last_end);
		last_end = args->submission_end_offset;
		packets++;
	}
}

START_TEST(B15_split_at_every_point_gives_same_bytes)
{
	struct penstock_vidmm_allocation *allocations[2];
	uint8_t wanted[2 * BYTES], got[2 * BYTES];
	struct work work;

	wanted_bytes(wanted);
	for (uint32_t points = 1; points <= 2 * STEPS + 1; points++) {
		uint64_t splits = queues[0].splits, parts = queues[0].parts;
		/* the nop in front goes with the first */
		uint32_t expected = (2 * STEPS + points - 1) / points;

		machine.scheduler->config.split_points = points;
		make_two(allocations);
		scramble(&work, allocations);
		packets = last_end = 0;
		machine.on_submit = note;
		enqueue(0, &work);
		machine_settle(&machine);
		machine.on_submit = NULL;
		ck_assert(work.done && work.status == PENSTOCK_STATUS_SUCCESS);
		ck_assert_uint_eq(packets, expected);
		ck_assert_uint_eq(last_end, work.submission.args.dma_length);
		ck_assert_uint_eq(work.submission.parts, expected);
		ck_assert_uint_eq(queues[0].parts - parts, expected);
		ck_assert_uint_eq(queues[0].splits - splits, 1);
		read_two(allocations, got);
		ck_assert_mem_eq(got, wanted, sizeof(got));
	}
	ck_assert_uint_eq(queues[0].depth, 0);
}
END_TEST

START_TEST(B15_other_contexts_run_between_parts_and_its_own_after_them)
{
	struct penstock_vidmm_allocation *allocations[2];
	uint8_t wanted[2 * BYTES], got[2 * BYTES];
	struct work work, behind, other;

	wanted_bytes(wanted);
	one_place();
	make_two(allocations);
	scramble(&work, allocations);
	enqueue(0, &work);
	nop(&behind, alice, 0);
	nop(&other, bob, 1);
	machine_settle(&machine);
	ck_assert_uint_eq(other.order, 1);
	ck_assert_uint_eq(work.order, 2);
	ck_assert_uint_eq(behind.order, 3);
	read_two(allocations, got);
	ck_assert_mem_eq(got, wanted, sizeof(got));
}
END_TEST

/* A queue that is idle while its part is out, and gets something: it waits all the same. */
START_TEST(B15_what_comes_while_a_part_runs_waits_for_the_last)
{
	struct penstock_vidmm_allocation *allocations[2];
	struct work work, late;

	make_two(allocations);
	scramble(&work, allocations);
	enqueue(0, &work);
	wait_for_part(&work);
	nop(&late, alice, 0);
	penstock_scheduler_kick(machine.scheduler);
	ck_assert_uint_eq(queues[0].on_hardware, 1);
	machine_settle(&machine);
	ck_assert_uint_eq(work.order, 1);
	ck_assert_uint_eq(late.order, 2);
	read_two(allocations, (uint8_t[2 * BYTES]){ 0 });
}
END_TEST

START_TEST(B15_a_part_that_renders_nothing_reaches_its_fence)
{
	struct penstock_vidmm_allocation *allocations[2];
	struct work work;
	uint32_t before;

	make_two(allocations);
	scramble(&work, allocations);
	work.submission.flags = PENSTOCK_SUBMIT_NULL_RENDERING;
	before = machine.instructions;
	enqueue(0, &work);
	machine_settle(&machine);
	ck_assert(work.done && work.status == PENSTOCK_STATUS_SUCCESS);
	ck_assert_uint_eq(work.submission.parts, 2 * STEPS);
	ck_assert_uint_eq(machine.instructions, before);
	read_two(allocations, (uint8_t[2 * BYTES]){ 0 });
}
END_TEST

START_TEST(B15_passes_of_a_chain_are_split_and_stay_in_order)
{
	struct penstock_vidmm_allocation *allocations[2];
	enum penstock_status verdict = PENSTOCK_STATUS_SUCCESS;
	struct work passes[3];

	make_two(allocations);
	for (uint32_t i = 0; i < 3; i++) {
		scramble(&passes[i], allocations);
		passes[i].submission.chain = &verdict;
		passes[i].submission.pass = i;
		enqueue(0, &passes[i]);
	}
	machine_settle(&machine);
	for (uint32_t i = 0; i < 3; i++) {
		ck_assert_int_eq(passes[i].status, PENSTOCK_STATUS_SUCCESS);
		ck_assert_uint_eq(passes[i].order, i + 1);
		ck_assert_uint_eq(passes[i].submission.parts, 2 * STEPS);
	}
	read_two(allocations, (uint8_t[2 * BYTES]){ 0 });
}
END_TEST

/* ---------------------------------------------------------------- what a part needs */

/* Only sites of the part are patched, each once; a part that is out again is patched again. */
START_TEST(C1_each_range_is_patched_once_per_submit)
{
	struct penstock_vidmm_allocation *allocations[2];
	uint8_t before[sizeof(((struct work *)0)->dma)];
	const struct penstock_part *part;
	struct work work;
	uint32_t sites = 0;

	make_two(allocations);
	scramble(&work, allocations);
	part = &work.submission.part;
	enqueue(0, &work);
	while (!work.done) {
		uint32_t patched;

		wait_for_part(&work);
		patched = work.submission.patched;
		memcpy(before, work.dma, sizeof(before));
		for (uint32_t i = 0; i < work.submission.args.patch_count; i++) {
			const struct penstock_patch_location *site = &work.patches[i];
			bool done = i < part->first_patch + part->patch_count;

			if (site->allocation_index != PENSTOCK_PATCH_NULL_INDEX) {
				ck_assert((penstock_load64(work.dma + site->patch_offset) != 0) ==
					  done);
			}
		}
		/* again, nothing has moved */
		ck_assert(penstock_vidmm_patch(&work.submission));
		ck_assert_mem_eq(before, work.dma, sizeof(before));
		ck_assert_uint_eq(work.submission.patched, part->start == 0 ? 0 : patched);
		work.submission.patched = patched;
		sites = patched;
		finish_packet();
	}
	/* two of a copy, one of a fill */
	ck_assert_uint_eq(sites, 3 * STEPS);
	read_two(allocations, (uint8_t[2 * BYTES]){ 0 });
}
END_TEST

START_TEST(B15_only_what_a_part_needs_is_pinned_and_the_rest_may_leave)
{
	struct penstock_vidmm_allocation *allocations[3];
	uint8_t bytes[8];
	uint64_t old_address;
	struct work work;

	for (unsigned i = 0; i < 3; i++) {
		allocations[i] = machine_allocation(&machine, alice, 90 + i, 65536, 0x1);
	}
	work_init(&work, alice);
	for (unsigned i = 0; i < 3; i++) {
		work_reference(&work, allocations[i]);
		work_fill(&work, i, 0, 8, 0x11111111u * (i + 1));
	}
	work_fill(&work, 0, 4, 4, 0x44444444);
	enqueue(0, &work);
	for (unsigned i = 0; i < 4; i++) {
		wait_for_part(&work);
		for (unsigned j = 0; j < 3; j++) {
			ck_assert_uint_eq(allocations[j]->pins, i % 3 == j);
		}
		old_address = penstock_allocation_address(allocations[0]);
		if (i == 1) {
			/* It is moved while a part runs that does not need it. */
			ck_assert_int_eq(penstock_vidmm_allocation_evict(allocations[0]),
					 PENSTOCK_STATUS_PENDING);
			ck_assert_int_eq(penstock_vidmm_allocation_evict(allocations[1]),
					 PENSTOCK_STATUS_GRAPHICS_ALLOCATION_BUSY);
			while (allocations[0]->place != PENSTOCK_PLACE_NOWHERE) {
				page();
			}
			ck_assert_int_eq(work.submission.state, PENSTOCK_SUBMISSION_ON_HARDWARE);
		}
		finish_packet();
	}
	ck_assert(work.done && work.status == PENSTOCK_STATUS_SUCCESS);
	ck_assert_uint_ne(old_address, 0);
	machine_read(&machine, allocations[0], 0, bytes, 8);
	ck_assert_mem_eq(bytes, "\x11\x11\x11\x11\x44\x44\x44\x44", 8);
	for (unsigned i = 0; i < 3; i++) {
		ck_assert_uint_eq(allocations[i]->pins, 0);
		penstock_vidmm_allocation_unref(allocations[i]);
	}
}
END_TEST

/* ---------------------------------------------------------------- what goes wrong */

/* Inside of each part in turn, before each of its instructions. */
START_TEST(B15_a_preempted_part_goes_on_where_it_stopped)
{
	uint8_t wanted[2 * BYTES], got[2 * BYTES];
	uint64_t before;

	wanted_bytes(wanted);
	machine.scheduler->config.split_points = 5;
	for (uint32_t victim = 0; victim < 3; victim++) {
		for (uint32_t after = 0; after < 6; after++) {
			struct penstock_vidmm_allocation *allocations[2];
			struct work work;

			make_two(allocations);
			scramble(&work, allocations);
			enqueue(0, &work);
			for (uint32_t part = 0; part < victim; part++) {
				wait_for_part(&work);
				finish_packet();
			}
			wait_for_part(&work);
			before = node_state(0).preemptions;
			machine.preempt_after = after;
			penstock_node_preempt(machine.scheduler, &machine.scheduler->nodes[0],
					      alice);
			machine_settle(&machine);
			ck_assert_uint_eq(node_state(0).preemptions, before + 1);
			ck_assert(work.done && work.status == PENSTOCK_STATUS_SUCCESS);
			ck_assert_uint_eq(work.submission.parts, 3);
			read_two(allocations, got);
			ck_assert_mem_eq(got, wanted, sizeof(got));
		}
	}
}
END_TEST

/* It fitted when it began, and does not any more. */
START_TEST(B15_what_was_preempted_as_a_whole_goes_on_in_parts)
{
	uint8_t wanted[2 * BYTES], got[2 * BYTES];

	wanted_bytes(wanted);
	for (uint32_t after = 0; after < 3 * STEPS; after++) {
		for (uint32_t points = 1; points <= 4; points++) {
			struct penstock_vidmm_allocation *allocations[2];
			struct work work;

			make_two(allocations);
			scramble(&work, allocations);
			machine.scheduler->config.split_points = 0;
			enqueue(0, &work);
			wait_for_part(&work);
			ck_assert(!work.submission.split);
			machine.preempt_after = after;
			penstock_node_preempt(machine.scheduler, &machine.scheduler->nodes[0],
					      alice);
			machine.scheduler->config.split_points = points;
			machine_settle(&machine);
			ck_assert(work.submission.split && work.done);
			ck_assert_int_eq(work.status, PENSTOCK_STATUS_SUCCESS);
			read_two(allocations, got);
			ck_assert_mem_eq(got, wanted, sizeof(got));
		}
	}
}
END_TEST

static uint32_t resume_offset;
static uint64_t resume_position;

/* Alice's node 0 is preempted, and says that it stopped there; nothing of it is executed. */
static void say_stopped(uint32_t offset, uint64_t position)
{
	struct penstock_interrupt answer = {
		.type = PENSTOCK_INTERRUPT_DMA_PREEMPTED,
		.resume_offset = offset,
		.resume_position = position,
	};

	penstock_node_preempt(machine.scheduler, &machine.scheduler->nodes[0], alice);
	answer.fence_id = machine_process_of(alice)->rings[0].preempt_fence_id;
	machine_empty_ring(&machine, machine_process_of(alice), 0);
	penstock_scheduler_notify_interrupt(machine.scheduler, alice, &answer);
}

/* The first packet goes on inside of an instruction, the others begin with theirs. */
static void note_position(struct penstock_backend_process *process,
			  const struct penstock_submit_args *args)
{
	note(process, args);
	if (packets == 1) {
		ck_assert_uint_eq(args->submission_start_offset, resume_offset);
	}
	ck_assert_uint_eq(args->resume_position, packets == 1 ? resume_position : 0);
}

/* At each instruction in turn; what it did of that one it must not do again. */
START_TEST(B15_what_was_stopped_inside_an_instruction_goes_on_there_in_parts)
{
	struct penstock_vidmm_allocation *allocations[2];
	struct work work;

	make_two(allocations);
	scramble(&work, allocations);
	for (uint32_t at = 0; at < work.submission.args.patch_count; at++) {
		machine.scheduler->config.split_points = 0;
		work_again(&work);
		enqueue(0, &work);
		wait_for_part(&work);
		machine.scheduler->config.split_points = 1;
		resume_offset = last_end = work.patches[at].split_offset;
		resume_position = 256 + at;
		packets = 0;
		machine.on_submit = note_position;
		say_stopped(resume_offset, resume_position);
		machine_settle(&machine);
		machine.on_submit = NULL;
		ck_assert(work.done && work.status == PENSTOCK_STATUS_SUCCESS);
		ck_assert_uint_eq(last_end, work.submission.args.dma_length);
	}
	read_two(allocations, (uint8_t[2 * BYTES]){ 0 });
}
END_TEST

START_TEST(B15_a_GPU_that_says_it_stopped_behind_its_part_is_not_believed)
{
	struct penstock_vidmm_allocation *allocations[2];
	struct work work;

	make_two(allocations);
	scramble(&work, allocations);
	enqueue(0, &work);
	wait_for_part(&work);
	say_stopped(work.submission.part.end + PENSTOCK_DMA_BYTES_FILL, 0);
	ck_assert_ptr_nonnull(strstr(machine.failed, "where no instruction begins"));
	machine.failed[0] = '\0';
	penstock_scheduler_stopped(machine.scheduler, PENSTOCK_STATUS_DEVICE_REMOVED);
	machine_turn(&machine);
	ck_assert(work.done && work.status == PENSTOCK_STATUS_DEVICE_REMOVED);
	for (unsigned i = 0; i < 2; i++) {
		penstock_vidmm_allocation_unref(allocations[i]);
	}
}
END_TEST

/* What is reset goes on with the part that was out, the others are not begun again. */
START_TEST(B15_after_an_engine_reset_its_part_is_out_again)
{
	struct penstock_vidmm_allocation *allocations[2];
	uint8_t wanted[2 * BYTES], got[2 * BYTES];
	struct work work, bad;

	wanted_bytes(wanted);
	make_two(allocations);
	work_init(&bad, alice);
	work_illegal(&bad);
	scramble(&work, allocations);
	enqueue(0, &work);
	for (unsigned i = 0; i < 3; i++) {
		wait_for_part(&work);
		finish_packet();
	}
	machine.scheduler->config.split_points = 0;
	machine.scheduler->config.paranoid = false;
	enqueue(1, &bad);
	ck_assert_int_eq(bad.submission.state, PENSTOCK_SUBMISSION_ON_HARDWARE);
	machine_settle(&machine);
	ck_assert_uint_eq(machine.faults, 1);
	ck_assert_uint_eq(machine_process_of(alice)->resets, 1);
	ck_assert(work.done && work.status == PENSTOCK_STATUS_SUCCESS);
	read_two(allocations, got);
	ck_assert_mem_eq(got, wanted, sizeof(got));
}
END_TEST

START_TEST(B15_a_fault_in_a_part_is_its_submissions_and_the_rest_does_not_run)
{
	struct penstock_vidmm_allocation *allocations[2];
	struct work work, behind;
	uint32_t before;

	machine.scheduler->config.paranoid = false;
	make_two(allocations);
	work_init(&work, alice);
	work_reference(&work, allocations[0]);
	work_fill(&work, 0, 0, 8, 0x11111111);
	work_fill(&work, 0, 8, 8, 0x22222222);
	work_stray_fill(&work, 0x1000, 8, 0x33333333);
	work_fill(&work, 0, 16, 8, 0x44444444);
	before = machine.instructions;
	enqueue(0, &work);
	nop(&behind, alice, 0);
	machine_settle(&machine);
	ck_assert_uint_eq(machine.faults, 1);
	ck_assert_ptr_eq(machine.fault_context, &queues[0]);
	ck_assert_uint_eq(machine.fault.fault_dma_offset, 2 * PENSTOCK_DMA_BYTES_FILL);
	ck_assert_int_eq(work.status, PENSTOCK_STATUS_GRAPHICS_GPU_EXCEPTION_ON_DEVICE);
	ck_assert_uint_eq(work.submission.parts, 1);
	/* two fills; its device is lost */
	ck_assert_uint_eq(machine.instructions, before + 2);
	ck_assert(behind.done && behind.status == PENSTOCK_STATUS_DEVICE_REMOVED);
	ck_assert_ptr_null(queues[0].splitting);
	read_two(allocations, (uint8_t[2 * BYTES]){ 0 });
}
END_TEST

START_TEST(B15_cancelled_while_a_part_runs_the_others_do_not)
{
	struct penstock_vidmm_allocation *allocations[2];
	struct work work, behind, next;
	uint32_t before;

	make_two(allocations);
	scramble(&work, allocations);
	enqueue(0, &work);
	nop(&behind, alice, 0);
	wait_for_part(&work);
	before = machine.instructions;
	penstock_scheduler_cancel(&queues[0], PENSTOCK_STATUS_DEVICE_REMOVED);
	machine_turn(&machine);
	ck_assert(behind.done && !work.done);
	machine_settle(&machine);
	ck_assert_int_eq(work.status, PENSTOCK_STATUS_DEVICE_REMOVED);
	ck_assert_int_eq(work.submission.state, PENSTOCK_SUBMISSION_CANCELLED);
	/* the nop and the copy of its first part */
	ck_assert_uint_eq(machine.instructions, before + 2);
	ck_assert_uint_eq(queues[0].depth, 0);
	nop(&next, alice, 0);
	machine_settle(&machine);
	ck_assert_int_eq(next.status, PENSTOCK_STATUS_SUCCESS);
	read_two(allocations, (uint8_t[2 * BYTES]){ 0 });
}
END_TEST

START_TEST(B15_cancelled_between_two_parts_it_does_not_go_on)
{
	struct penstock_vidmm_allocation *allocations[2];
	struct work work, other;
	uint32_t before;

	one_place();
	make_two(allocations);
	scramble(&work, allocations);
	enqueue(0, &work);
	wait_for_part(&work);
	nop(&other, bob, 1);
	finish_packet();
	ck_assert_int_eq(work.submission.state, PENSTOCK_SUBMISSION_QUEUED);
	ck_assert_uint_eq(work.submission.parts, 1);
	before = machine.instructions;
	penstock_scheduler_cancel(&queues[0], PENSTOCK_STATUS_CANCELLED);
	machine_settle(&machine);
	ck_assert_int_eq(work.status, PENSTOCK_STATUS_CANCELLED);
	ck_assert_uint_eq(machine.instructions, before + 1);
	read_two(allocations, (uint8_t[2 * BYTES]){ 0 });
}
END_TEST

START_TEST(B15_an_adapter_that_stops_ends_a_submission_between_parts_once)
{
	struct penstock_vidmm_allocation *allocations[2];
	struct work work, behind;

	make_two(allocations);
	scramble(&work, allocations);
	enqueue(0, &work);
	nop(&behind, alice, 0);
	wait_for_part(&work);
	penstock_scheduler_cancel(&queues[0], PENSTOCK_STATUS_DEVICE_REMOVED);
	penstock_scheduler_stopped(machine.scheduler, PENSTOCK_STATUS_DEVICE_REMOVED);
	machine_turn(&machine);
	ck_assert_int_eq(work.status, PENSTOCK_STATUS_DEVICE_REMOVED);
	ck_assert_int_eq(behind.status, PENSTOCK_STATUS_DEVICE_REMOVED);
	for (unsigned i = 0; i < 2; i++) {
		penstock_vidmm_allocation_unref(allocations[i]);
	}
}
END_TEST

/* ---------------------------------------------------------------- more than fits */

#define THINGS 12u
#define SIZE   (2u * MIB)

static struct penstock_vidmm_process *carol;
static struct penstock_vidmm_allocation *things[THINGS];

/* 8 MiB of local memory, and things that take three times that. */
static void small_memory(void)
{
	start_with(2, 1, true);
	warm_up(bob);
	carol = machine_principal(&machine, 3, 64 * MIB);
	for (unsigned i = 0; i < THINGS; i++) {
		uint8_t pattern[BYTES];

		for (unsigned j = 0; j < BYTES; j++) {
			pattern[j] = (uint8_t)(i * 37 + j);
		}
		things[i] = machine_allocation(&machine, carol, 100 + i, SIZE, 0x1);
		machine_write(&machine, things[i], SIZE - BYTES, pattern, BYTES);
	}
}

static void free_memory(void)
{
	for (unsigned i = 0; i < THINGS; i++) {
		penstock_vidmm_allocation_unref(things[i]);
	}
	machine_settle(&machine);
	penstock_vidmm_process_free(carol);
	tear_down();
}

/* Each thing gets something of the one before it, moved by a step. */
static void hand_on(struct work *work)
{
	work_init(work, carol);
	for (unsigned i = 0; i < THINGS; i++) {
		work_reference(work, things[i]);
	}
	for (unsigned i = 1; i < THINGS; i++) {
		work_copy(work, i - 1, SIZE - BYTES, i, SIZE - BYTES + 8 * i, BYTES / 2);
	}
}

static void expect_handed_on(void)
{
	uint8_t model[THINGS][BYTES], got[BYTES];

	for (unsigned i = 0; i < THINGS; i++) {
		for (unsigned j = 0; j < BYTES; j++) {
			model[i][j] = (uint8_t)(i * 37 + j);
		}
		if (i > 0) {
			memcpy(model[i] + 8 * i, model[i - 1], BYTES / 2);
		}
		machine_read(&machine, things[i], SIZE - BYTES, got, BYTES);
		ck_assert_mem_eq(got, model[i], BYTES);
	}
}

/* Parts of four things, of which the next begins with the last. */
START_TEST(B15_three_times_local_memory_in_one_buffer_gives_same_bytes)
{
	struct work work, other;

	hand_on(&work);
	packets = last_end = 0;
	enqueue(0, &work);
	nop(&other, bob, 1);
	machine_settle(&machine);
	ck_assert(work.done && work.status == PENSTOCK_STATUS_SUCCESS);
	ck_assert_uint_eq(work.submission.parts, 4);
	ck_assert_uint_eq(queues[0].splits, 1);
	ck_assert_uint_eq(queues[0].parts, 4);
	ck_assert(other.done && other.status == PENSTOCK_STATUS_SUCCESS);
	expect_handed_on();
}
END_TEST

/* Somebody else's idle memory leaves, and the parts are the same. */
START_TEST(B15_the_parts_are_the_same_whoever_else_is_there)
{
	struct penstock_vidmm_allocation *idle = machine_allocation(&machine, bob, 1, 7 * MIB, 0x1);
	struct work place, work;

	work_init(&place, bob);
	work_reference(&place, idle);
	work_fill(&place, 0, 0, 64, 0x77777777);
	enqueue(1, &place);
	machine_settle(&machine);
	ck_assert(place.done && place.status == PENSTOCK_STATUS_SUCCESS);
	hand_on(&work);
	enqueue(0, &work);
	machine_settle(&machine);
	ck_assert(work.done && work.status == PENSTOCK_STATUS_SUCCESS);
	ck_assert_uint_eq(work.submission.parts, 4);
	expect_handed_on();
	penstock_vidmm_allocation_unref(idle);
}
END_TEST

/* Two of them on two nodes, by turns in the same local memory. */
START_TEST(B15_two_that_are_split_at_once_both_end)
{
	struct work works[2];

	for (unsigned i = 0; i < 2; i++) {
		hand_on(&works[i]);
		enqueue(i == 0 ? 0 : QUEUES - 1, &works[i]);
	}
	machine_settle(&machine);
	for (unsigned i = 0; i < 2; i++) {
		ck_assert(works[i].done && works[i].status == PENSTOCK_STATUS_SUCCESS);
		ck_assert_uint_eq(works[i].submission.parts, 4);
	}
}
END_TEST

/* What no instruction names need not be there. */
START_TEST(B15_what_is_listed_and_not_used_is_not_brought_in_for_a_part)
{
	struct work work;

	hand_on(&work);
	work.submission.args.dma_length = PENSTOCK_DMA_BYTES_COPY;
	work.submission.args.patch_count = 2;
	enqueue(0, &work);
	machine_settle(&machine);
	ck_assert(work.done && work.status == PENSTOCK_STATUS_SUCCESS);
	ck_assert_uint_eq(work.submission.parts, 1);
	ck_assert_int_eq(things[THINGS - 1]->place, PENSTOCK_PLACE_NOWHERE);
}
END_TEST

/* The second of three instructions needs too much: not even the first one runs. */
START_TEST(B15_what_can_never_fit_does_not_begin_and_ends_its_device_out_of_memory)
{
	struct penstock_vidmm_allocation *large =
		machine_allocation(&machine, carol, 1, 9 * MIB, 0x1);
	uint32_t before = machine.instructions;
	struct work work, other;

	hand_on(&work);
	work.submission.args.dma_length = work.submission.args.patch_count = work.bound = 0;
	work_fill(&work, 0, 0, 64, 1);
	work_fill(&work, work_reference(&work, large), 0, 64, 2);
	work_fill(&work, 1, 0, 64, 3);
	enqueue(0, &work);
	nop(&other, bob, 1);
	machine_settle(&machine);
	ck_assert_int_eq(work.status, PENSTOCK_STATUS_GRAPHICS_NO_VIDEO_MEMORY);
	ck_assert_uint_eq(machine.out_of_memory, 1);
	ck_assert_uint_eq(machine.too_much_offset, PENSTOCK_DMA_BYTES_FILL);
	ck_assert_str_eq(machine.out_of_memory_text,
			 "out of video memory: 9437184 bytes are needed at once in segment 1, "
			 "which has 8388608");
	ck_assert_int_eq(other.status, PENSTOCK_STATUS_SUCCESS);
	ck_assert_uint_eq(machine.instructions, before + 1);
	ck_assert_int_eq(large->place, PENSTOCK_PLACE_NOWHERE);
	penstock_vidmm_allocation_unref(large);
}
END_TEST

/* Of a chain too, whose first pass ran: it does not wait for what never comes. */
START_TEST(B15_a_later_pass_that_can_never_fit_ends_its_device)
{
	struct penstock_vidmm_allocation *large =
		machine_allocation(&machine, carol, 1, 9 * MIB, 0x1);
	enum penstock_status verdict = PENSTOCK_STATUS_SUCCESS;
	struct work passes[2];

	for (uint32_t i = 0; i < 2; i++) {
		work_init(&passes[i], carol);
		work_reference(&passes[i], i == 0 ? things[0] : large);
		work_fill(&passes[i], 0, 0, 64, i);
		passes[i].submission.chain = &verdict;
		passes[i].submission.pass = i;
		enqueue(0, &passes[i]);
	}
	machine_settle(&machine);
	ck_assert_int_eq(passes[0].status, PENSTOCK_STATUS_SUCCESS);
	ck_assert_int_eq(passes[1].status, PENSTOCK_STATUS_GRAPHICS_NO_VIDEO_MEMORY);
	ck_assert_int_eq(verdict, PENSTOCK_STATUS_GRAPHICS_NO_VIDEO_MEMORY);
	ck_assert_uint_eq(machine.out_of_memory, 1);
	penstock_vidmm_allocation_unref(large);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("parts");
	TCase *tests = tcase_create("parts");

	tcase_add_checked_fixture(tests, split_everywhere, tear_down);
	tcase_add_test(tests, B15_split_at_every_point_gives_same_bytes);
	tcase_add_test(tests, B15_other_contexts_run_between_parts_and_its_own_after_them);
	tcase_add_test(tests, B15_what_comes_while_a_part_runs_waits_for_the_last);
	tcase_add_test(tests, B15_a_part_that_renders_nothing_reaches_its_fence);
	tcase_add_test(tests, B15_passes_of_a_chain_are_split_and_stay_in_order);
	tcase_add_test(tests, C1_each_range_is_patched_once_per_submit);
	tcase_add_test(tests, B15_only_what_a_part_needs_is_pinned_and_the_rest_may_leave);
	tcase_add_test(tests, B15_a_preempted_part_goes_on_where_it_stopped);
	tcase_add_test(tests, B15_what_was_preempted_as_a_whole_goes_on_in_parts);
	tcase_add_test(tests, B15_what_was_stopped_inside_an_instruction_goes_on_there_in_parts);
	tcase_add_test(tests, B15_a_GPU_that_says_it_stopped_behind_its_part_is_not_believed);
	tcase_add_test(tests, B15_after_an_engine_reset_its_part_is_out_again);
	tcase_add_test(tests, B15_a_fault_in_a_part_is_its_submissions_and_the_rest_does_not_run);
	tcase_add_test(tests, B15_cancelled_while_a_part_runs_the_others_do_not);
	tcase_add_test(tests, B15_cancelled_between_two_parts_it_does_not_go_on);
	tcase_add_test(tests, B15_an_adapter_that_stops_ends_a_submission_between_parts_once);
	suite_add_tcase(suite, tests);
	tests = tcase_create("more than fits");
	tcase_add_checked_fixture(tests, small_memory, free_memory);
	tcase_add_test(tests, B15_three_times_local_memory_in_one_buffer_gives_same_bytes);
	tcase_add_test(tests, B15_the_parts_are_the_same_whoever_else_is_there);
	tcase_add_test(tests, B15_two_that_are_split_at_once_both_end);
	tcase_add_test(tests, B15_what_is_listed_and_not_used_is_not_brought_in_for_a_part);
	tcase_add_test(tests,
		       B15_what_can_never_fit_does_not_begin_and_ends_its_device_out_of_memory);
	tcase_add_test(tests, B15_a_later_pass_that_can_never_fit_ends_its_device);
	suite_add_tcase(suite, tests);
	return penstock_test_main(suite);
}
