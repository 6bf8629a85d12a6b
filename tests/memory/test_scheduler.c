/* SPDX-License-Identifier: MIT */
#include "daemon/memory/internal.h"
#include "daemon/schedule/fences.h"
#include "gpu-backend/dma.h"
#include "tests/harness.h"
#include "tests/memory/scheduling.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---------------------------------------------------------------- order */

START_TEST(contexts_of_a_node_take_turns)
{
	struct work first[4], works[4][3];

	warm_up(alice);
	/* The hardware is full while they are queued. */
	for (unsigned i = 0; i < 4; i++) {
		nop(&first[i], alice, 0);
	}
	for (unsigned queue = 0; queue < 4; queue++) {
		for (unsigned i = 0; i < 3; i++) {
			nop(&works[queue][i], alice, queue);
		}
	}
	machine_settle(&machine);
	for (unsigned round = 0; round < 3; round++) {
		for (unsigned queue = 0; queue < 4; queue++) {
			ck_assert_uint_eq(works[queue][round].order, 5 + round * 4 + queue);
		}
	}
}
END_TEST

START_TEST(a_blocked_head_holds_its_context_only)
{
	struct work blocked, behind, other;

	warm_up(alice);
	work_init(&blocked, alice);
	work_nop(&blocked);
	blocked.submission.blocked = 1;
	enqueue(0, &blocked);
	nop(&behind, alice, 0);
	nop(&other, alice, 1);
	machine_settle(&machine);
	ck_assert(other.done && !blocked.done && !behind.done);
	blocked.submission.blocked = 0;
	penstock_scheduler_kick(machine.scheduler);
	machine_settle(&machine);
	ck_assert_uint_eq(blocked.order, 2);
	ck_assert_uint_eq(behind.order, 3);
}
END_TEST

START_TEST(one_doorbell_serves_a_turn)
{
	struct work works[4];

	warm_up(alice);
	machine_process_of(alice)->doorbells = 0;
	for (unsigned i = 0; i < 4; i++) {
		work_init(&works[i], alice);
		work_nop(&works[i]);
		works[i].submission.blocked = 1;
		enqueue(i, &works[i]);
	}
	for (unsigned i = 0; i < 4; i++) {
		works[i].submission.blocked = 0;
	}
	penstock_scheduler_kick(machine.scheduler);
	ck_assert_uint_eq(node_state(0).on_hardware, 4);
	ck_assert_uint_eq(machine_process_of(alice)->doorbells, 1);
	machine_settle(&machine);
}
END_TEST

START_TEST(a_doorbell_waits_for_the_end_of_the_turn)
{
	struct work works[3];

	warm_up(alice);
	machine_process_of(alice)->doorbells = 0;
	for (unsigned i = 0; i < 3; i++) {
		nop(&works[i], alice, i);
	}
	ck_assert_uint_eq(node_state(0).on_hardware, 3);
	ck_assert_uint_eq(machine_process_of(alice)->doorbells, 0);
	ck_assert(machine.bells_asked);
	machine_turn(&machine);
	ck_assert_uint_eq(machine_process_of(alice)->doorbells, 1);
	machine_settle(&machine);
}
END_TEST

START_TEST(C9_the_next_is_prepared_while_one_runs)
{
	struct penstock_vidmm_allocation *allocation =
		machine_allocation(&machine, alice, 1, 4096, 0x1);
	struct machine_process *gpu = machine_process_of(alice);
	struct work running, next;

	warm_up(alice);
	nop(&running, alice, 0);
	ck_assert_uint_eq(node_state(0).on_hardware, 1);
	work_init(&next, alice);
	work_reference(&next, allocation);
	work_fill(&next, 0, 0, 4096, 0x31313131);
	enqueue(1, &next);
	/* Nothing but the system process runs: it fills, and then the next is on the hardware. */
	for (unsigned i = 0; i < MACHINE_PROCESSES; i++) {
		if (machine.processes[i].system) {
			ck_assert(machine_execute(&machine.processes[i], 1));
			machine_report(&machine, &machine.processes[i], 1);
		}
	}
	ck_assert_uint_eq(node_state(0).on_hardware, 2);
	ck_assert_uint_eq(next.submission.patched, 1);
	ck_assert(!running.done);
	ck_assert_uint_eq(gpu->rings[0].count, 2);
	machine_settle(&machine);
	ck_assert_uint_eq(running.order, 1);
	ck_assert_uint_eq(next.order, 2);
	penstock_vidmm_allocation_unref(allocation);
}
END_TEST

START_TEST(B2_nothing_is_handed_on_before_its_paging_completed)
{
	struct penstock_vidmm_allocation *allocation =
		machine_allocation(&machine, alice, 1, 200 * 4096, 0x1);
	struct work work;

	warm_up(alice);
	work_init(&work, alice);
	work_reference(&work, allocation);
	work_nop(&work);
	enqueue(0, &work);
	for (unsigned i = 0; i < 100 && !work.done; i++) {
		struct penstock_vidmm_location location;

		penstock_vidmm_allocation_location(allocation, &location);
		ck_assert(node_state(0).on_hardware == 0 ||
			  location.segment_id == PENSTOCK_SEGMENT_LOCAL);
		machine_step(&machine);
	}
	ck_assert(work.done);
	penstock_vidmm_allocation_unref(allocation);
}
END_TEST

/* ---------------------------------------------------------------- fences */

START_TEST(C5_the_latest_fence_implies_the_earlier_ones)
{
	struct machine_process *gpu;
	struct work works[4];

	warm_up(alice);
	gpu = machine_process_of(alice);
	for (unsigned i = 0; i < 4; i++) {
		nop(&works[i], alice, i);
	}
	for (unsigned i = 0; i < 4; i++) {
		ck_assert(machine_execute(gpu, 0));
	}
	ck_assert(!works[0].done);
	machine_report(&machine, gpu, 0);
	for (unsigned i = 0; i < 4; i++) {
		ck_assert(works[i].done);
		ck_assert_uint_eq(works[i].order, i + 1);
	}
}
END_TEST

START_TEST(C3_a_zero_length_buffer_retires_its_fence)
{
	struct work work;

	work_init(&work, alice);
	enqueue(0, &work);
	machine_settle(&machine);
	ck_assert(work.done);
	ck_assert_int_eq(work.status, PENSTOCK_STATUS_SUCCESS);
}
END_TEST

START_TEST(C3_null_rendering_goes_the_whole_way_and_executes_nothing)
{
	struct penstock_vidmm_allocation *allocation =
		machine_allocation(&machine, alice, 1, 4096, 0);
	struct penstock_vidmm_location location;
	struct work work;
	uint8_t bytes[4] = { 1 };

	work_init(&work, alice);
	work_reference(&work, allocation);
	work_fill(&work, 0, 0, 4096, 0x55555555);
	work.submission.flags = PENSTOCK_SUBMIT_NULL_RENDERING;
	enqueue(0, &work);
	machine_settle(&machine);
	ck_assert_int_eq(work.status, PENSTOCK_STATUS_SUCCESS);
	ck_assert(work.done);
	penstock_vidmm_allocation_location(allocation, &location);
	ck_assert_uint_ne(location.segment_id, 0);
	ck_assert_uint_eq(work.submission.patched, 1);
	machine_read(&machine, allocation, 0, bytes, 4);
	ck_assert_mem_eq(bytes, "\0\0\0\0", 4);
	penstock_vidmm_allocation_unref(allocation);
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

START_TEST(a_repeated_fence_is_no_news)
{
	struct work first, second;

	warm_up(alice);
	nop(&first, alice, 0);
	machine_settle(&machine);
	nop(&second, alice, 0);
	interrupt_with(alice, first.submission.submission_fence_id);
	interrupt_with(alice, first.submission.submission_fence_id - 1);
	ck_assert(!second.done);
	machine_settle(&machine);
	ck_assert(second.done);
}
END_TEST

/* ---------------------------------------------------------------- faults */

START_TEST(a_page_fault_loses_its_context_and_nobody_else)
{
	struct penstock_vidmm_allocation *allocation =
		machine_allocation(&machine, alice, 1, 4096, 0x2);
	struct work before, culprit, same_queue, other, of_bob;
	uint8_t bytes[4];

	warm_up(alice);
	warm_up(bob);
	nop(&before, alice, 0);
	work_init(&culprit, alice);
	work_nop(&culprit);
	work_stray_fill(&culprit, PENSTOCK_APERTURE_BASE + 7 * MIB, 64, 0xbad);
	enqueue(1, &culprit);
	nop(&same_queue, alice, 1);
	nop(&of_bob, bob, 3);
	work_init(&other, alice);
	work_reference(&other, allocation);
	work_fill(&other, 0, 0, 4096, 0x34343434);
	enqueue(2, &other);
	machine_settle(&machine);
	ck_assert_int_eq(before.status, PENSTOCK_STATUS_SUCCESS);
	ck_assert_int_eq(culprit.status, PENSTOCK_STATUS_GRAPHICS_GPU_EXCEPTION_ON_DEVICE);
	ck_assert_int_eq(same_queue.status, PENSTOCK_STATUS_DEVICE_REMOVED);
	ck_assert_int_eq(other.status, PENSTOCK_STATUS_SUCCESS);
	ck_assert_int_eq(of_bob.status, PENSTOCK_STATUS_SUCCESS);
	ck_assert_uint_eq(machine.faults, 1);
	ck_assert_ptr_eq(machine.fault_context, &queues[1]);
	ck_assert_ptr_nonnull(strstr(machine.fault_text, "write of address 0x10000700000"));
	ck_assert_ptr_nonnull(strstr(machine.fault_text, "offset 0x4"));
	ck_assert_ptr_nonnull(strstr(machine.fault_text, "fill"));
	ck_assert_uint_eq(machine_process_of(alice)->resets, 1);
	ck_assert_uint_eq(machine_process_of(bob)->resets, 0);
	machine_read(&machine, allocation, 0, bytes, 4);
	ck_assert_mem_eq(bytes, "4444", 4);
	penstock_vidmm_allocation_unref(allocation);
}
END_TEST

START_TEST(an_illegal_instruction_loses_its_context_and_nobody_else)
{
	struct work culprit, other;

	warm_up(alice);
	work_init(&culprit, alice);
	work_illegal(&culprit);
	enqueue(0, &culprit);
	nop(&other, alice, 1);
	machine_settle(&machine);
	ck_assert_int_eq(culprit.status, PENSTOCK_STATUS_GRAPHICS_GPU_EXCEPTION_ON_DEVICE);
	ck_assert_int_eq(other.status, PENSTOCK_STATUS_SUCCESS);
	ck_assert_ptr_nonnull(strstr(machine.fault_text, "illegal DMA instruction"));
}
END_TEST

START_TEST(D6_what_was_behind_runs_again_in_order_with_new_fences)
{
	struct work culprit, works[6];
	uint32_t fences[3];

	warm_up(alice);
	work_init(&culprit, alice);
	work_illegal(&culprit);
	enqueue(0, &culprit);
	for (unsigned i = 0; i < 6; i++) {
		nop(&works[i], alice, 1);
	}
	for (unsigned i = 0; i < 3; i++) {
		fences[i] = works[i].submission.submission_fence_id;
	}
	machine_settle(&machine);
	for (unsigned i = 0; i < 6; i++) {
		ck_assert_int_eq(works[i].status, PENSTOCK_STATUS_SUCCESS);
		ck_assert(i == 0 || works[i].order == works[i - 1].order + 1);
	}
	for (unsigned i = 0; i < 3; i++) {
		ck_assert(
			penstock_fence_before(fences[2], works[i].submission.submission_fence_id));
	}
}
END_TEST

/*
 * A copy of alice's on node 1, each run of whose instructions shifts by one byte, so that a second
 * run shows.
 */
static struct penstock_vidmm_allocation *begin_to_shift(struct work *copy, unsigned shifts)
{
	struct penstock_vidmm_allocation *allocation =
		machine_allocation(&machine, alice, 1, 8192, 0);

	warm_up(alice);
	machine_write(&machine, allocation, 0, "\1\2\3\4\5\6\7\10", 8);
	work_init(copy, alice);
	work_reference(copy, allocation);
	for (unsigned i = 0; i < shifts; i++) {
		work_copy(copy, 0, 1, 0, 0, 7);
	}
	enqueue(QUEUES - 1, copy);
	while (node_state(1).on_hardware == 0 ||
	       machine_process_of(alice)->rings[1].packets[0].args.flags != 0) {
		machine_turn(&machine);
		for (unsigned i = 0; i < MACHINE_PROCESSES; i++) {
			if (machine.processes[i].system) {
				machine_execute(&machine.processes[i], 1);
				machine_report(&machine, &machine.processes[i], 1);
			}
		}
	}
	return allocation;
}

static void fault_on_node_0(struct work *culprit)
{
	work_init(culprit, alice);
	work_illegal(culprit);
	enqueue(0, culprit);
	ck_assert(!machine_execute(machine_process_of(alice), 0));
	machine_report(&machine, machine_process_of(alice), 0);
}

static void was_shifted(struct penstock_vidmm_allocation *allocation, uint8_t by)
{
	const uint8_t wanted[2] = { (uint8_t)(1 + by), (uint8_t)(2 + by) };
	uint8_t bytes[2];

	machine_settle(&machine);
	machine_read(&machine, allocation, 0, bytes, 2);
	ck_assert_mem_eq(bytes, wanted, 2);
	penstock_vidmm_allocation_unref(allocation);
}

/* The other node is asked to stop, and left alone with that for as long as it may take. */
static void let_it_be_too_late(void)
{
	while (machine.faults == 0) {
		machine.now_ns += PENSTOCK_FENCE_PATIENCE_MS * 1000000ull;
		machine_watch(&machine);
	}
}

START_TEST(what_had_completed_is_not_run_again)
{
	struct work culprit, copy;
	struct penstock_vidmm_allocation *allocation = begin_to_shift(&copy, 1);

	ck_assert(machine_execute(machine_process_of(alice), 1));
	fault_on_node_0(&culprit);
	ck_assert(machine_report(&machine, machine_process_of(alice), 1));
	ck_assert(culprit.done && copy.done);
	was_shifted(allocation, 1);
}
END_TEST

START_TEST(what_completes_while_its_process_is_killed_is_not_run_again)
{
	struct work culprit, copy;
	struct penstock_vidmm_allocation *allocation = begin_to_shift(&copy, 1);

	machine_process_of(alice)->rings[1].late = 1;
	machine.deaf = machine_process_of(alice);
	fault_on_node_0(&culprit);
	let_it_be_too_late();
	ck_assert(culprit.done && copy.done);
	machine.deaf = NULL;
	was_shifted(allocation, 1);
}
END_TEST

/* Wherever it is when the fault comes, it goes on from there. */
START_TEST(C6_what_another_node_had_begun_when_one_faults_runs_once)
{
	struct work culprit, copy;
	struct penstock_vidmm_allocation *allocation = begin_to_shift(&copy, 4);

	fault_on_node_0(&culprit);
	ck_assert(!culprit.done && machine_process_of(alice)->resets == 0);
	machine.preempt_after = (uint32_t)_i;
	machine_execute(machine_process_of(alice), 1);
	ck_assert(machine_report(&machine, machine_process_of(alice), 1));
	ck_assert(culprit.done);
	ck_assert_uint_eq(machine_process_of(alice)->resets, 1);
	ck_assert_uint_eq(machine.faults, 1);
	was_shifted(allocation, 4);
	ck_assert(copy.done && copy.status == PENSTOCK_STATUS_SUCCESS);
}
END_TEST

START_TEST(C6_nothing_of_a_process_is_submitted_between_a_fault_and_its_reset)
{
	struct work culprit, copy, more[2], other;
	struct penstock_vidmm_allocation *allocation = begin_to_shift(&copy, 2);

	fault_on_node_0(&culprit);
	machine.preempt_after = 1;
	nop(&more[0], alice, 1);
	nop(&more[1], alice, QUEUES - 1);
	nop(&other, bob, 2);
	ck_assert_uint_eq(machine_process_of(alice)->rings[0].count, 1);
	ck_assert_uint_eq(machine_process_of(alice)->rings[1].count, 1);
	ck_assert_int_eq(other.submission.state, PENSTOCK_SUBMISSION_PREPARING);
	machine_settle(&machine);
	ck_assert(culprit.done && more[0].done && more[1].done && other.done);
	was_shifted(allocation, 2);
}
END_TEST

/* It had begun, and nobody knows how much of it was done. */
START_TEST(C6_what_does_not_stop_in_half_a_second_is_lost_with_the_culprit)
{
	struct work culprit, copy;
	struct penstock_vidmm_allocation *allocation = begin_to_shift(&copy, 2);
	struct machine_ring *ring = &machine_process_of(alice)->rings[1];

	ring->running = copy.submission.submission_fence_id;
	machine.deaf = machine_process_of(alice);
	fault_on_node_0(&culprit);
	let_it_be_too_late();
	ck_assert_uint_eq(machine.faults, 2);
	ck_assert_int_eq(copy.status, PENSTOCK_STATUS_GRAPHICS_GPU_EXCEPTION_ON_DEVICE);
	ck_assert_int_eq(machine.fault.type, PENSTOCK_INTERRUPT_NONE);
	ck_assert_ptr_eq(machine.fault_context, &queues[QUEUES - 1]);
	ck_assert_ptr_nonnull(strstr(machine.fault_text, "node 1 was reset with another one"));
	machine.deaf = NULL;
	was_shifted(allocation, 0);
}
END_TEST

START_TEST(C6_what_does_not_stop_and_had_not_begun_runs_after_the_reset)
{
	struct work culprit, copy;
	struct penstock_vidmm_allocation *allocation = begin_to_shift(&copy, 2);

	machine.deaf = machine_process_of(alice);
	fault_on_node_0(&culprit);
	let_it_be_too_late();
	ck_assert_uint_eq(machine.faults, 1);
	machine.deaf = NULL;
	was_shifted(allocation, 2);
	ck_assert(copy.status == PENSTOCK_STATUS_SUCCESS);
}
END_TEST

START_TEST(C6_a_death_while_the_other_node_stops_blames_who_faulted)
{
	struct work culprit, copy;
	struct penstock_vidmm_allocation *allocation = begin_to_shift(&copy, 2);

	fault_on_node_0(&culprit);
	machine_kill(&machine, machine_process_of(alice));
	ck_assert_uint_eq(machine.faults, 1);
	ck_assert_ptr_eq(machine.fault_context, &queues[0]);
	ck_assert_ptr_nonnull(strstr(machine.fault_text, "illegal DMA instruction"));
	was_shifted(allocation, 2);
	ck_assert(copy.status == PENSTOCK_STATUS_SUCCESS);
}
END_TEST

START_TEST(C6_a_fault_that_is_told_twice_is_one)
{
	struct work culprit, copy;
	struct penstock_vidmm_allocation *allocation = begin_to_shift(&copy, 2);

	fault_on_node_0(&culprit);
	machine_report(&machine, machine_process_of(alice), 0);
	ck_assert(!culprit.done);
	was_shifted(allocation, 2);
	ck_assert_uint_eq(machine.faults, 1);
	ck_assert_uint_eq(node_state(0).resets, 1);
}
END_TEST

/* Both nodes run something of alice's; what the GPU says that it executed is the cause. */
START_TEST(only_what_ran_when_a_process_died_is_to_blame)
{
	struct work render, copy;
	struct machine_process *process;

	warm_up(alice);
	process = machine_process_of(alice);
	nop(&render, alice, 0);
	nop(&copy, alice, QUEUES - 1);
	ck_assert_uint_eq(process->rings[0].count, 1);
	ck_assert_uint_eq(process->rings[1].count, 1);
	process->rings[1].running = process->rings[1].packets[0].args.submission_fence_id;
	machine_kill(&machine, process);
	machine_settle(&machine);
	ck_assert_int_eq(render.status, PENSTOCK_STATUS_SUCCESS);
	ck_assert_int_eq(copy.status, PENSTOCK_STATUS_GRAPHICS_GPU_EXCEPTION_ON_DEVICE);
	ck_assert_uint_eq(machine.faults, 1);
}
END_TEST

START_TEST(where_nobody_knows_what_ran_both_nodes_are_to_blame)
{
	struct work render, copy;

	warm_up(alice);
	nop(&render, alice, 0);
	nop(&copy, alice, QUEUES - 1);
	machine_kill(&machine, machine_process_of(alice));
	machine_settle(&machine);
	ck_assert_int_eq(render.status, PENSTOCK_STATUS_GRAPHICS_GPU_EXCEPTION_ON_DEVICE);
	ck_assert_int_eq(copy.status, PENSTOCK_STATUS_GRAPHICS_GPU_EXCEPTION_ON_DEVICE);
}
END_TEST

START_TEST(the_packet_that_ran_when_its_process_died_is_the_culprit)
{
	struct work running, behind, other;

	warm_up(alice);
	warm_up(bob);
	nop(&running, alice, 0);
	nop(&behind, alice, 1);
	nop(&other, bob, 2);
	machine_kill(&machine, machine_process_of(alice));
	ck_assert_int_eq(running.status, PENSTOCK_STATUS_GRAPHICS_GPU_EXCEPTION_ON_DEVICE);
	ck_assert_ptr_nonnull(strstr(machine.fault_text, "signal 9"));
	machine_settle(&machine);
	ck_assert_int_eq(behind.status, PENSTOCK_STATUS_SUCCESS);
	ck_assert_int_eq(other.status, PENSTOCK_STATUS_SUCCESS);
	ck_assert(behind.done && other.done);
}
END_TEST

START_TEST(an_idle_process_may_die_and_nobody_is_lost)
{
	struct work work;

	warm_up(alice);
	machine_kill(&machine, machine_process_of(alice));
	ck_assert_uint_eq(machine.faults, 0);
	nop(&work, alice, 0);
	machine_settle(&machine);
	ck_assert_int_eq(work.status, PENSTOCK_STATUS_SUCCESS);
	ck_assert(work.done);
}
END_TEST

START_TEST(a_system_process_that_dies_pages_again)
{
	struct penstock_vidmm_allocation *allocation =
		machine_allocation(&machine, alice, 1, 4096, 0x1);
	struct machine_process *system = NULL;
	uint32_t fence;
	struct work work;

	warm_up(alice);
	for (unsigned i = 0; i < MACHINE_PROCESSES; i++) {
		system = machine.processes[i].system ? &machine.processes[i] : system;
	}
	work_init(&work, alice);
	work_reference(&work, allocation);
	work_nop(&work);
	enqueue(0, &work);
	ck_assert_uint_eq(system->rings[1].count, 1);
	fence = system->rings[1].packets[0].args.submission_fence_id;
	machine_kill(&machine, system);
	ck_assert_uint_eq(system->rings[1].count, 1);
	ck_assert_uint_eq(system->rings[1].packets[0].args.submission_fence_id, fence);
	machine_settle(&machine);
	ck_assert_int_eq(work.status, PENSTOCK_STATUS_SUCCESS);
	ck_assert(work.done);
	ck_assert_uint_eq(machine.faults, 0);
	penstock_vidmm_allocation_unref(allocation);
}
END_TEST

START_TEST(E10_0x10E_0xE_a_process_that_dies_over_its_map_costs_its_principal_only)
{
	struct penstock_vidmm_allocation *allocation =
		machine_allocation(&machine, alice, 1, 4096, 0x2);
	struct work work, of_bob, later;

	warm_up(alice);
	warm_up(bob);
	work_init(&work, alice);
	work_reference(&work, allocation);
	work_nop(&work);
	enqueue(0, &work);
	nop(&of_bob, bob, 1);
	for (unsigned i = 0; i < 5; i++) {
		machine_kill(&machine, machine_process_of(alice));
	}
	machine_settle(&machine);
	ck_assert_str_eq(machine.failed, "");
	ck_assert_int_eq(work.status, PENSTOCK_STATUS_GRAPHICS_GPU_EXCEPTION_ON_DEVICE);
	ck_assert_ptr_eq(machine.fault_context, &queues[0]);
	ck_assert_int_eq(of_bob.status, PENSTOCK_STATUS_SUCCESS);
	nop(&later, alice, 2);
	machine_settle(&machine);
	ck_assert_int_eq(later.status, PENSTOCK_STATUS_GRAPHICS_GPU_EXCEPTION_ON_DEVICE);
	/* After it was idle it is tried again. */
	ck_assert(penstock_vidmm_process_idle(alice));
	nop(&later, alice, 2);
	machine_settle(&machine);
	ck_assert_int_eq(later.status, PENSTOCK_STATUS_SUCCESS);
	penstock_vidmm_allocation_unref(allocation);
}
END_TEST

/* ---------------------------------------------------------------- leaving the queue */

START_TEST(cancelled_submissions_complete_on_a_later_turn)
{
	struct work on_hardware[4], waiting[3];

	warm_up(alice);
	for (unsigned i = 0; i < 4; i++) {
		nop(&on_hardware[i], alice, 0);
	}
	for (unsigned i = 0; i < 3; i++) {
		nop(&waiting[i], alice, 0);
	}
	penstock_scheduler_cancel(&queues[0], PENSTOCK_STATUS_DEVICE_REMOVED);
	ck_assert(!waiting[0].done);
	ck_assert_uint_eq(queues[0].depth, 4);
	machine_turn(&machine);
	for (unsigned i = 0; i < 3; i++) {
		ck_assert_int_eq(waiting[i].status, PENSTOCK_STATUS_DEVICE_REMOVED);
		ck_assert_int_eq(waiting[i].submission.state, PENSTOCK_SUBMISSION_CANCELLED);
	}
	ck_assert(!on_hardware[3].done);
	machine_settle(&machine);
	for (unsigned i = 0; i < 4; i++) {
		ck_assert_int_eq(on_hardware[i].status, PENSTOCK_STATUS_SUCCESS);
	}
	ck_assert_uint_eq(queues[0].depth, 0);
}
END_TEST

#define CLIENTS 1000u
#define EACH    4u

/* Clients that go with full queues, before a GPU that does nothing meanwhile. */
START_TEST(E6_what_never_reached_the_hardware_is_cancelled_once_and_leaves_nothing)
{
	struct penstock_queue *clients = calloc(CLIENTS, sizeof(*clients));
	struct work *works = calloc((size_t)CLIENTS * EACH, sizeof(*works));
	struct penstock_vidmm_allocation *allocation =
		machine_allocation(&machine, alice, 1, 65536, 0x2);
	struct penstock_vidmm_location location;
	uint32_t packets, cancelled = 0;

	ck_assert(clients != NULL && works != NULL);
	warm_up(alice);
	for (unsigned i = 0; i < CLIENTS; i++) {
		penstock_queue_init(&clients[i], machine.scheduler, &machine.sharing, i % 2, 0,
				    &clients[i]);
		for (unsigned k = 0; k < EACH; k++) {
			struct work *work = &works[i * EACH + k];

			work_init(work, alice);
			work_reference(work, allocation);
			work_nop(work);
			penstock_scheduler_enqueue(&clients[i], &work->submission);
		}
	}
	machine_turn(&machine);
	packets = node_state(0).on_hardware + node_state(1).on_hardware;
	ck_assert_uint_eq(node_state(0).contexts_waiting + node_state(1).contexts_waiting, CLIENTS);
	for (unsigned i = 0; i < CLIENTS; i++) {
		penstock_scheduler_cancel(&clients[i], PENSTOCK_STATUS_CANCELLED);
		penstock_scheduler_cancel(&clients[i], PENSTOCK_STATUS_DEVICE_REMOVED);
	}
	ck_assert_uint_eq(node_state(0).on_hardware + node_state(1).on_hardware, packets);
	machine_turn(&machine);
	for (unsigned i = 0; i < CLIENTS * EACH; i++) {
		cancelled += works[i].done;
		ck_assert(!works[i].done || works[i].status == PENSTOCK_STATUS_CANCELLED);
	}
	ck_assert_uint_eq(cancelled, CLIENTS * EACH - packets);
	machine_settle(&machine);
	ck_assert_uint_eq(work_completions, CLIENTS * EACH);
	for (unsigned i = 0; i < CLIENTS; i++) {
		ck_assert_uint_eq(clients[i].depth, 0);
	}
	for (unsigned i = 0; i < PENSTOCK_NODE_COUNT; i++) {
		ck_assert_uint_eq(node_state(i).submissions_waiting, 0);
		ck_assert_uint_eq(node_state(i).contexts_waiting, 0);
	}
	penstock_vidmm_allocation_location(allocation, &location);
	ck_assert_uint_eq(location.references, 0);
	ck_assert_int_eq(penstock_vidmm_allocation_evict(allocation) ==
				 PENSTOCK_STATUS_GRAPHICS_ALLOCATION_BUSY,
			 false);
	penstock_vidmm_allocation_unref(allocation);
	machine_settle(&machine);
	free(clients);
	free(works);
}
END_TEST

START_TEST(what_must_not_run_leaves_in_its_order)
{
	struct work before, dropped, behind;

	warm_up(alice);
	nop(&before, alice, 0);
	work_init(&dropped, alice);
	work_illegal(&dropped);
	dropped.submission.cancelled = PENSTOCK_STATUS_PREDECESSOR_FAILED;
	enqueue(0, &dropped);
	nop(&behind, alice, 0);
	machine_settle(&machine);
	ck_assert_uint_eq(before.order, 1);
	ck_assert_uint_eq(dropped.order, 2);
	ck_assert_uint_eq(behind.order, 3);
	ck_assert_int_eq(dropped.status, PENSTOCK_STATUS_PREDECESSOR_FAILED);
	ck_assert_int_eq(behind.status, PENSTOCK_STATUS_SUCCESS);
	ck_assert_uint_eq(machine.faults, 0);
}
END_TEST

/* Two passes of one chain. */
static void chain_of_two(struct work works[2], enum penstock_status *verdict)
{
	*verdict = PENSTOCK_STATUS_SUCCESS;
	for (uint32_t i = 0; i < 2; i++) {
		work_init(&works[i], alice);
		work_nop(&works[i]);
		works[i].submission.chain = verdict;
		works[i].submission.pass = i;
	}
}

START_TEST(A9_a_pass_that_is_dropped_takes_those_behind_it_along)
{
	enum penstock_status verdict;
	struct work passes[2], behind;

	warm_up(alice);
	chain_of_two(passes, &verdict);
	passes[0].submission.cancelled = PENSTOCK_STATUS_PREDECESSOR_FAILED;
	enqueue(0, &passes[0]);
	enqueue(0, &passes[1]);
	nop(&behind, alice, 0);
	machine_settle(&machine);
	ck_assert_int_eq(passes[0].status, PENSTOCK_STATUS_PREDECESSOR_FAILED);
	ck_assert_int_eq(passes[1].status, PENSTOCK_STATUS_PREDECESSOR_FAILED);
	ck_assert_uint_eq(passes[1].submission.submission_fence_id, 0);
	ck_assert_int_eq(behind.status, PENSTOCK_STATUS_SUCCESS);
	ck_assert_uint_eq(behind.order, 3);
}
END_TEST

START_TEST(A9_a_later_pass_waits_for_memory_and_does_not_fail)
{
	struct penstock_vidmm_allocation *hog = machine_allocation(&machine, bob, 1, 6 * MIB, 0x1);
	struct penstock_vidmm_allocation *allocation =
		machine_allocation(&machine, alice, 2, 6 * MIB, 0x1);
	enum penstock_status verdict;
	struct work passes[2], placed;

	work_init(&placed, bob);
	work_reference(&placed, hog);
	work_nop(&placed);
	enqueue(1, &placed);
	machine_settle(&machine);
	/* Somebody looks at it: it must not move. */
	ck_assert_ptr_nonnull(penstock_vidmm_access_begin(hog, 0, PENSTOCK_ACCESS_READ));
	chain_of_two(passes, &verdict);
	work_reference(&passes[1], allocation);
	enqueue(0, &passes[0]);
	enqueue(0, &passes[1]);
	machine_settle(&machine);
	ck_assert(passes[0].done);
	ck_assert(!passes[1].done);
	penstock_vidmm_access_end(hog);
	machine_settle(&machine);
	penstock_vidmm_allocation_unref(hog);
	ck_assert(passes[1].done);
	ck_assert_int_eq(passes[1].status, PENSTOCK_STATUS_SUCCESS);
	penstock_vidmm_allocation_unref(allocation);
}
END_TEST

START_TEST(NO_VIDEO_MEMORY_is_told_on_a_later_turn_and_others_run)
{
	struct penstock_vidmm_allocation *allocation =
		machine_allocation(&machine, alice, 1, 9 * MIB, 0x1);
	struct work refused, next;

	work_init(&refused, alice);
	work_reference(&refused, allocation);
	work_fill(&refused, 0, 0, 64, 1);
	enqueue(0, &refused);
	nop(&next, alice, 1);
	machine_settle(&machine);
	ck_assert_int_eq(refused.status, PENSTOCK_STATUS_GRAPHICS_NO_VIDEO_MEMORY);
	ck_assert_int_eq(next.status, PENSTOCK_STATUS_SUCCESS);
	penstock_vidmm_allocation_unref(allocation);
}
END_TEST

START_TEST(a_backlog_pins_no_more_than_the_hardware_and_one_ahead)
{
	struct penstock_vidmm_allocation *allocations[32];
	struct penstock_segment_state segments[PENSTOCK_SEGMENT_COUNT];
	struct penstock_queue many[32];
	struct work works[32];

	warm_up(alice);
	for (unsigned i = 0; i < 32; i++) {
		allocations[i] = machine_allocation(&machine, alice, 1 + i, 65536, 0x1);
		penstock_queue_init(&many[i], machine.scheduler, &machine.sharing, 0, 0, NULL);
		work_init(&works[i], alice);
		work_reference(&works[i], allocations[i]);
		work_nop(&works[i]);
		penstock_scheduler_enqueue(&many[i], &works[i].submission);
	}
	penstock_vidmm_query_segments(machine.vidmm, segments);
	ck_assert_uint_le(segments[0].allocations, 5);
	machine_settle(&machine);
	for (unsigned i = 0; i < 32; i++) {
		ck_assert(works[i].done);
		penstock_vidmm_allocation_unref(allocations[i]);
	}
}
END_TEST

/* ---------------------------------------------------------------- paranoid, threads */

START_TEST(the_checker_stops_what_leaves_its_allocations)
{
	struct penstock_vidmm_allocation *allocation;
	struct work good, bad;

	tear_down();
	start_with(4, 1, true);
	allocation = machine_allocation(&machine, alice, 1, 4096, 0);
	work_init(&good, alice);
	work_reference(&good, allocation);
	work_fill(&good, 0, 0, 4096, 1);
	enqueue(0, &good);
	machine_settle(&machine);
	ck_assert_int_eq(good.status, PENSTOCK_STATUS_SUCCESS);
	ck_assert_str_eq(machine.failed, "");
	work_init(&bad, alice);
	work_reference(&bad, allocation);
	work_fill(&bad, 0, 4, 4096, 0xbad);
	enqueue(0, &bad);
	machine_turn(&machine);
	ck_assert_str_ne(machine.failed, "");
	ck_assert_int_eq(bad.status, PENSTOCK_STATUS_DEVICE_REMOVED);
	machine.failed[0] = '\0';
	penstock_scheduler_stopped(machine.scheduler, PENSTOCK_STATUS_DEVICE_REMOVED);
	penstock_vidmm_allocation_unref(allocation);
}
END_TEST

static void *kick_from_elsewhere(void *unused)
{
	(void)unused;
	penstock_scheduler_kick(machine.scheduler);
	return NULL;
}

static void *query_from_elsewhere(void *unused)
{
	struct penstock_vidmm_process *process;

	(void)unused;
	if (penstock_vidmm_process_new(machine.vidmm, 9, MIB, &process) !=
	    PENSTOCK_STATUS_SUCCESS) {
		exit(1);
	}
	return NULL;
}

START_TEST(E9_wrong_thread_is_caught)
{
	pthread_t thread;

	ck_assert_int_eq(pthread_create(&thread, NULL,
					_i == 0 ? kick_from_elsewhere : query_from_elsewhere, NULL),
			 0);
	pthread_join(thread, NULL);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("scheduler");
	TCase *tests = tcase_create("scheduler");
	TCase *aborts = tcase_create("aborts");

	tcase_add_checked_fixture(tests, set_up, tear_down);
	tcase_add_test(tests, contexts_of_a_node_take_turns);
	tcase_add_test(tests, a_blocked_head_holds_its_context_only);
	tcase_add_test(tests, one_doorbell_serves_a_turn);
	tcase_add_test(tests, a_doorbell_waits_for_the_end_of_the_turn);
	tcase_add_test(tests, C9_the_next_is_prepared_while_one_runs);
	tcase_add_test(tests, B2_nothing_is_handed_on_before_its_paging_completed);
	tcase_add_test(tests, C5_the_latest_fence_implies_the_earlier_ones);
	tcase_add_test(tests, C3_a_zero_length_buffer_retires_its_fence);
	tcase_add_test(tests, C3_null_rendering_goes_the_whole_way_and_executes_nothing);
	tcase_add_test(tests, a_repeated_fence_is_no_news);
	tcase_add_test(tests, a_page_fault_loses_its_context_and_nobody_else);
	tcase_add_test(tests, an_illegal_instruction_loses_its_context_and_nobody_else);
	tcase_add_test(tests, D6_what_was_behind_runs_again_in_order_with_new_fences);
	tcase_add_test(tests, what_had_completed_is_not_run_again);
	tcase_add_test(tests, what_completes_while_its_process_is_killed_is_not_run_again);
	tcase_add_loop_test(tests, C6_what_another_node_had_begun_when_one_faults_runs_once, 0, 5);
	tcase_add_test(tests, C6_nothing_of_a_process_is_submitted_between_a_fault_and_its_reset);
	tcase_add_test(tests, C6_what_does_not_stop_in_half_a_second_is_lost_with_the_culprit);
	tcase_add_test(tests, C6_what_does_not_stop_and_had_not_begun_runs_after_the_reset);
	tcase_add_test(tests, C6_a_death_while_the_other_node_stops_blames_who_faulted);
	tcase_add_test(tests, C6_a_fault_that_is_told_twice_is_one);
	tcase_add_test(tests, only_what_ran_when_a_process_died_is_to_blame);
	tcase_add_test(tests, where_nobody_knows_what_ran_both_nodes_are_to_blame);
	tcase_add_test(tests, the_packet_that_ran_when_its_process_died_is_the_culprit);
	tcase_add_test(tests, an_idle_process_may_die_and_nobody_is_lost);
	tcase_add_test(tests, a_system_process_that_dies_pages_again);
	tcase_add_test(tests,
		       E10_0x10E_0xE_a_process_that_dies_over_its_map_costs_its_principal_only);
	tcase_add_test(tests, cancelled_submissions_complete_on_a_later_turn);
	tcase_add_test(tests,
		       E6_what_never_reached_the_hardware_is_cancelled_once_and_leaves_nothing);
	tcase_add_test(tests, what_must_not_run_leaves_in_its_order);
	tcase_add_test(tests, A9_a_pass_that_is_dropped_takes_those_behind_it_along);
	tcase_add_test(tests, A9_a_later_pass_waits_for_memory_and_does_not_fail);
	tcase_add_test(tests, NO_VIDEO_MEMORY_is_told_on_a_later_turn_and_others_run);
	tcase_add_test(tests, a_backlog_pins_no_more_than_the_hardware_and_one_ahead);
	tcase_add_test(tests, the_checker_stops_what_leaves_its_allocations);
	tcase_add_checked_fixture(aborts, set_up, NULL);
	tcase_add_loop_test_raise_signal(aborts, E9_wrong_thread_is_caught, 6, 0, 2);
	suite_add_tcase(suite, tests);
	suite_add_tcase(suite, aborts);
	return penstock_test_main(suite);
}
