/* SPDX-License-Identifier: MIT */
/*
 * docs/invariants.md: each row's state is broken by hand, and the adapter stops with its code,
 * while everything else stays as it was. What was broken is mended again, so that the end is an
 * orderly one.
 */
#include "daemon/memory/internal.h"
#include "daemon/schedule/internal.h"
#include "gpu-backend/dma.h"
#include "tests/harness.h"
#include "tests/memory/scheduling.h"

#include <string.h>

static void expect_stop(const char *code)
{
	ck_assert_msg(strncmp(machine.failed, code, strlen(code)) == 0, "'%s' is not '%s...'",
		      machine.failed, code);
	machine.failed[0] = '\0';
}

/* A submission that is prepared: everything is pinned. */
static struct penstock_vidmm_allocation *prepare(struct work *work)
{
	struct penstock_vidmm_allocation *allocation =
		machine_allocation(&machine, alice, 1, 64 * 1024, 0x1);

	work_init(work, alice);
	work_reference(work, allocation);
	work_fill(work, 0, 64, 64, 0x11111111);
	while (work_prepare(work) == PENSTOCK_STATUS_PENDING) {
		ck_assert(machine_step(&machine));
	}
	return allocation;
}

static void finish(struct work *work, struct penstock_vidmm_allocation *allocation)
{
	penstock_vidmm_finish(&work->submission);
	penstock_vidmm_allocation_unref(allocation);
}

/* ---------------------------------------------------------------- patch */

static const uint32_t bad_sites[] = { 1024, 20, 0xffffffff, 0xfffffff9 };

/* Nothing outside of the buffer is touched, nothing reaches the GPU. */
START_TEST(C2_a_patch_site_past_the_end_is_not_written_and_not_submitted)
{
	struct penstock_vidmm_allocation *allocation;
	uint8_t before[sizeof(((struct work *)0)->dma)];
	struct work work, next;

	allocation = machine_allocation(&machine, alice, 1, 8192, 0);
	warm_up(alice);
	work_init(&work, alice);
	work_reference(&work, allocation);
	work_fill(&work, 0, 64, 64, 0x11111111);
	work.patches[0].patch_offset = bad_sites[_i];
	memcpy(before, work.dma, sizeof(before));
	enqueue(0, &work);
	nop(&next, alice, 1);
	machine_settle(&machine);
	expect_stop("0x10E/0x19: ");
	ck_assert_mem_eq(before, work.dma, sizeof(before));
	ck_assert_int_eq(work.status, PENSTOCK_STATUS_DEVICE_REMOVED);
	penstock_scheduler_cancel(&queues[1], PENSTOCK_STATUS_DEVICE_REMOVED);
	penstock_scheduler_stopped(machine.scheduler, PENSTOCK_STATUS_DEVICE_REMOVED);
	machine_turn(&machine);
	ck_assert(next.done);
	penstock_vidmm_allocation_unref(allocation);
}
END_TEST

START_TEST(E10_0x10E_0x19_a_patch_location_of_no_element_stops_the_adapter)
{
	struct work work;
	struct penstock_vidmm_allocation *allocation = prepare(&work);

	work.patches[0].allocation_index = 1;
	ck_assert(!penstock_vidmm_patch(&work.submission));
	expect_stop("0x10E/0x19: ");
	work.patches[0].allocation_index = 0;
	ck_assert(penstock_vidmm_patch(&work.submission));
	finish(&work, allocation);
}
END_TEST

/* Whoever is told the first code: the scheduler adds its own, of the same defect. */
START_TEST(E10_0x119_3_what_cannot_be_patched_is_not_submitted)
{
	struct work work, later;

	warm_up(alice);
	work_init(&work, alice);
	work_nop(&work);
	work.submission.args.patch_count = 1;
	work.patches[0].allocation_index = 7;
	enqueue(0, &work);
	machine_turn(&machine);
	expect_stop("0x10E/0x19: ");
	ck_assert_int_eq(work.status, PENSTOCK_STATUS_DEVICE_REMOVED);
	ck_assert_uint_eq(node_state(0).on_hardware, 0);
	/* It has stopped: what comes later is not picked. */
	nop(&later, alice, 0);
	machine_settle(&machine);
	ck_assert(!later.done);
	penstock_scheduler_cancel(&queues[0], PENSTOCK_STATUS_DEVICE_REMOVED);
	machine_turn(&machine);
	ck_assert(later.done);
}
END_TEST

/* ---------------------------------------------------------------- split buffers */

/* What a translator does that splits and should not. */
static void bind_a_slot_for_ever(struct work *work)
{
	work->patches[0].slot_id = 7;
}

static void name_a_site_of_the_next_part(struct work *work)
{
	work->patches[0].patch_offset = work->patches[1].patch_offset;
}

static void split_inside_an_instruction(struct work *work)
{
	work->patches[1].split_offset -= 4;
}

static void name_no_element(struct work *work)
{
	work->patches[1].allocation_index = 7;
}

static void split_by_a_faulty_translator(void (*break_it)(struct work *work), const char *code)
{
	struct penstock_vidmm_allocation *allocation =
		machine_allocation(&machine, alice, 1, 65536, 0x1);
	uint8_t before[sizeof(((struct work *)0)->dma)];
	struct work work, other;

	machine.scheduler->config.split_points = 1;
	warm_up(bob);
	work_init(&work, alice);
	work_reference(&work, allocation);
	work_fill(&work, 0, 0, 8, 0x11111111);
	work_fill(&work, 0, 8, 8, 0x22222222);
	break_it(&work);
	memcpy(before, work.dma, sizeof(before));
	enqueue(0, &work);
	machine_settle(&machine);
	expect_stop(code);
	/* Before Patch: no byte changed, and nothing was submitted that is cut there. */
	ck_assert_mem_eq(before + work.submission.part.end, work.dma + work.submission.part.end,
			 sizeof(before) - work.submission.part.end);
	ck_assert(work.done && work.status == PENSTOCK_STATUS_DEVICE_REMOVED);
	ck_assert_uint_eq(allocation->pins, 0);
	nop(&other, bob, 1);
	machine_settle(&machine);
	ck_assert(other.done);
	penstock_vidmm_allocation_unref(allocation);
}

START_TEST(E10_0x10E_0x27_a_slot_bound_across_a_split_point_stops_the_adapter)
{
	split_by_a_faulty_translator(bind_a_slot_for_ever, "0x10E/0x27: ");
}
END_TEST

START_TEST(E10_0x10E_8_a_reference_that_cannot_be_in_a_split_buffer_stops_the_adapter)
{
	static void (*const breaks[])(struct work * work) = {
		name_a_site_of_the_next_part,
		split_inside_an_instruction,
		name_no_element,
	};

	split_by_a_faulty_translator(breaks[_i], "0x10E/8: ");
}
END_TEST

/* ---------------------------------------------------------------- guard bytes */

static uint8_t *copy_of(const struct work *work)
{
	return penstock_dma_pool_bytes(&alice->pool, work->submission.dma_slot);
}

/* The first and the last of the guard bytes behind the copy that the GPU executes. */
START_TEST(E10_0x10E_0x12_a_byte_behind_the_copy_in_a_slot_stops_the_adapter)
{
	struct work work;
	struct penstock_vidmm_allocation *allocation = prepare(&work);

	ck_assert(penstock_vidmm_patch(&work.submission));
	copy_of(&work)[work.submission.args.dma_length + (_i == 0 ? 0 : 7)] ^= 1;
	finish(&work, allocation);
	expect_stop("0x10E/0x12: ");
	ck_assert_uint_eq(alice->pool.slots_used, 0);
	ck_assert_uint_eq(alice->prepared, 0);
}
END_TEST

static void patch(struct work *work)
{
	while (work_prepare(work) == PENSTOCK_STATUS_PENDING) {
		ck_assert(machine_step(&machine));
	}
	ck_assert(penstock_vidmm_patch(&work->submission));
}

/* The slot held a longer one before: what the GPU meets behind the end is no instruction of it. */
START_TEST(B14_behind_the_copy_in_a_slot_stands_no_instruction)
{
	const uint32_t length = PENSTOCK_DMA_BYTES_NOP;
	struct penstock_dma_decoded decoded;
	struct work longer, work;

	work_init(&longer, alice);
	for (unsigned i = 0; i < 8; i++) {
		work_nop(&longer);
	}
	patch(&longer);
	ck_assert_int_eq(penstock_dma_decode(copy_of(&longer) + length, 64, &decoded),
			 PENSTOCK_STATUS_SUCCESS);
	penstock_vidmm_finish(&longer.submission);
	work_init(&work, alice);
	work_nop(&work);
	patch(&work);
	ck_assert_uint_eq(work.submission.dma_slot, longer.submission.dma_slot);
	ck_assert_int_eq(penstock_dma_decode(copy_of(&work) + length, 64, &decoded),
			 PENSTOCK_STATUS_ILLEGAL_INSTRUCTION);
	penstock_vidmm_finish(&work.submission);
}
END_TEST

/* A slot has no room behind a DMA buffer of its size: the slot that follows is not written. */
START_TEST(B14_a_full_slot_has_no_guard_and_its_neighbour_is_left_alone)
{
	const uint32_t slot_bytes = alice->pool.classes[0].slot_bytes;
	uint32_t first, second;
	uint64_t address;
	uint8_t *next;

	warm_up(alice);
	while (penstock_dma_pool_take(&alice->pool, slot_bytes, &first, &address) !=
	       PENSTOCK_STATUS_SUCCESS) {
		ck_assert(machine_step(&machine));
	}
	ck_assert_int_eq(penstock_dma_pool_take(&alice->pool, slot_bytes, &second, &address),
			 PENSTOCK_STATUS_SUCCESS);
	ck_assert_uint_eq(second, first + 1);
	next = penstock_dma_pool_bytes(&alice->pool, second);
	ck_assert_ptr_eq(next, penstock_dma_pool_bytes(&alice->pool, first) + slot_bytes);
	memset(next, 0x77, 8);
	for (uint32_t room = 0; room < 8; room++) {
		penstock_dma_pool_guard(&alice->pool, first, slot_bytes - room);
		ck_assert(penstock_dma_pool_guarded(&alice->pool, first, slot_bytes - room));
		ck_assert_uint_eq(next[0], 0x77);
	}
	penstock_dma_pool_guard(&alice->pool, first, slot_bytes - 8);
	next[-1] ^= 1;
	ck_assert(!penstock_dma_pool_guarded(&alice->pool, first, slot_bytes - 8));
	penstock_dma_pool_give(&alice->pool, second);
	penstock_dma_pool_give(&alice->pool, first);
}
END_TEST

/* ---------------------------------------------------------------- counts */

START_TEST(E10_0x10E_0xA_an_unpin_too_many_stops_the_adapter)
{
	struct work work;
	struct penstock_vidmm_allocation *allocation = prepare(&work);

	allocation->pins = 0;
	penstock_vidmm_finish(&work.submission);
	expect_stop("0x10E/0xA: ");
	ck_assert_uint_eq(allocation->pins, 0);
	penstock_vidmm_allocation_unref(allocation);
}
END_TEST

START_TEST(E10_0x10E_0x29_a_dma_buffer_given_back_twice_stops_the_adapter)
{
	struct work work;
	struct penstock_vidmm_allocation *allocation = prepare(&work);

	penstock_vidmm_finish(&work.submission);
	penstock_dma_pool_give(&alice->pool, work.submission.dma_slot);
	expect_stop("0x10E/0x29: ");
	ck_assert_uint_eq(alice->pool.slots_used, 0);
	penstock_vidmm_finish(&work.submission);
	expect_stop("0x10E/0x29: ");
	ck_assert_uint_eq(alice->prepared, 0);
	penstock_vidmm_allocation_unref(allocation);
}
END_TEST

START_TEST(E10_0x10E_0x24_destroyed_with_references_stops_the_adapter)
{
	struct work work;
	struct penstock_vidmm_allocation *allocation = prepare(&work);

	/* Its last reference goes while a packet has it pinned. */
	penstock_vidmm_allocation_unref(allocation);
	expect_stop("0x10E/0x24: ");
	ck_assert_uint_eq(allocation->references, 1);
	finish(&work, allocation);
	machine_settle(&machine);
	ck_assert_uint_eq(penstock_vidmm_process_used_bytes(alice), 0);
}
END_TEST

START_TEST(E10_0x10E_0x24_a_reference_too_many_stops_the_adapter)
{
	struct penstock_vidmm_allocation *allocation =
		machine_allocation(&machine, alice, 1, 4096, 0);

	allocation->references = 0;
	penstock_vidmm_allocation_unref(allocation);
	expect_stop("0x10E/0x24: ");
	allocation->references = 1;
	penstock_vidmm_allocation_unref(allocation);
}
END_TEST

START_TEST(E10_0x10E_0x44_a_budget_that_would_fall_below_zero_stops_the_adapter)
{
	struct penstock_vidmm_allocation *allocation =
		machine_allocation(&machine, alice, 1, 8192, 0);

	alice->used_bytes = 4096;
	penstock_vidmm_allocation_unref(allocation);
	machine_settle(&machine);
	expect_stop("0x10E/0x44: ");
	ck_assert_uint_eq(penstock_vidmm_process_used_bytes(alice), 0);
}
END_TEST

/* Of a granule of its own, and of one that several share. */
START_TEST(E10_0x10E_0xD_a_place_given_back_twice_stops_the_adapter)
{
	const uint64_t sizes[] = { 64 * 1024, 4096 };
	struct penstock_vidmm_allocation *allocation =
		machine_allocation(&machine, alice, 1, sizes[_i], 0x1);
	struct penstock_segment *segment = penstock_vidmm_segment(machine.vidmm, 1);
	uint64_t used;
	struct work work;

	work_init(&work, alice);
	work_reference(&work, allocation);
	work_nop(&work);
	enqueue(0, &work);
	machine_settle(&machine);
	ck_assert_int_eq(work.status, PENSTOCK_STATUS_SUCCESS);
	ck_assert(penstock_segment_give(segment, &alice->sharers[0], allocation->segment_offset,
					allocation->size_bytes));
	used = segment->used_bytes;
	penstock_vidmm_allocation_unref(allocation);
	machine_settle(&machine);
	expect_stop("0x10E/0xD: ");
	ck_assert_uint_eq(segment->used_bytes, used);
}
END_TEST

START_TEST(E10_0x10E_0x38_a_process_freed_with_packets_stops_the_adapter)
{
	struct work work;
	struct penstock_vidmm_allocation *allocation = prepare(&work);

	penstock_vidmm_process_free(alice);
	expect_stop("0x10E/0x38: ");
	ck_assert(!alice->freed);
	finish(&work, allocation);
}
END_TEST

/* ---------------------------------------------------------------- paging buffers */

/* Paging of alice's is about to be built: `broken` is a map that waits. */
static struct penstock_paging_operation *map_of(struct penstock_paging_operation *operation)
{
	*operation = (struct penstock_paging_operation){
		.build = { .operation = PENSTOCK_OPERATION_MAP_APERTURE_SEGMENT,
			   .size_bytes = 4096,
			   .address = PENSTOCK_APERTURE_BASE,
			   .segment_id = PENSTOCK_SEGMENT_APERTURE },
	};
	penstock_list_init(&operation->link);
	return operation;
}

static void take_back(struct penstock_paging_operation *operation)
{
	penstock_list_remove(&operation->link);
	ck_assert(!alice->paging.on_hardware);
	ck_assert(penstock_list_empty(&alice->paging.packet.operations));
}

START_TEST(E10_0x10E_0xB_an_operation_that_cannot_be_built_stops_the_adapter)
{
	struct penstock_paging_operation operation;

	warm_up(alice);
	map_of(&operation)->build.size_bytes = 4095;
	penstock_paging_add(alice, &operation);
	penstock_paging_flush(machine.vidmm);
	expect_stop("0x10E/0xB: ");
	take_back(&operation);
}
END_TEST

START_TEST(E10_0x10E_0x20_an_idle_allocation_that_is_busy_stops_the_adapter)
{
	struct penstock_paging_operation operation;

	warm_up(alice);
	map_of(&operation)->build.operation = PENSTOCK_OPERATION_TRANSFER;
	operation.build.source.segment_id = PENSTOCK_SEGMENT_LOCAL;
	operation.build.references = 1;
	penstock_paging_add(alice, &operation);
	penstock_paging_flush(machine.vidmm);
	expect_stop("0x10E/0x20: ");
	take_back(&operation);
}
END_TEST

START_TEST(E10_0x10E_0x21_a_paging_buffer_with_operations_of_before_stops_the_adapter)
{
	struct penstock_paging_operation stale, operation;

	warm_up(alice);
	map_of(&stale);
	map_of(&operation);
	penstock_list_append(&alice->paging.packet.operations, &stale.link);
	penstock_paging_add(alice, &operation);
	penstock_paging_flush(machine.vidmm);
	expect_stop("0x10E/0x21: ");
	penstock_list_remove(&stale.link);
	take_back(&operation);
}
END_TEST

START_TEST(E10_0x10E_0x1D_a_paging_buffer_that_was_not_submitted_stops_the_adapter)
{
	warm_up(alice);
	penstock_vidmm_paging_completed(&alice->paging.packet);
	expect_stop("0x10E/0x1D: ");
}
END_TEST

START_TEST(E10_0x119_5_a_faulted_paging_packet_of_the_system_stops_the_adapter)
{
	struct penstock_vidmm_allocation *allocation =
		machine_allocation(&machine, alice, 1, 64 * 1024, 0x1);
	const struct penstock_vidmm_process *system = penstock_vidmm_system(machine.vidmm);
	struct machine_ring *ring = &machine_process_of(system)->rings[PENSTOCK_NODE_COPY_ORDINAL];
	struct penstock_interrupt interrupt = { .type = PENSTOCK_INTERRUPT_DMA_PAGE_FAULTED,
						.node_ordinal = PENSTOCK_NODE_COPY_ORDINAL };
	struct work work;

	warm_up(alice);
	work_init(&work, alice);
	work_reference(&work, allocation);
	work_fill(&work, 0, 0, 64, 1);
	enqueue(0, &work);
	while (ring->count == 0) {
		ck_assert(machine.job_count > 0);
		machine_turn(&machine);
	}
	interrupt.fence_id = ring->packets[0].args.submission_fence_id;
	penstock_scheduler_notify_interrupt(machine.scheduler, machine_process_of(system)->owner,
					    &interrupt);
	expect_stop("0x119/5: ");
	penstock_scheduler_cancel(&queues[0], PENSTOCK_STATUS_DEVICE_REMOVED);
	penstock_scheduler_stopped(machine.scheduler, PENSTOCK_STATUS_DEVICE_REMOVED);
	machine_turn(&machine);
	ck_assert_int_eq(work.status, PENSTOCK_STATUS_DEVICE_REMOVED);
	penstock_vidmm_allocation_unref(allocation);
}
END_TEST

/* What its drawing has no arrow for. */
START_TEST(E10_a_submission_in_an_impossible_state_stops_the_adapter)
{
	struct work work;

	work_init(&work, alice);
	work_nop(&work);
	work.submission.state = PENSTOCK_SUBMISSION_RETIRED;
	enqueue(0, &work);
	expect_stop("a submission cannot become QUEUED that is RETIRED");
	penstock_scheduler_cancel(&queues[0], PENSTOCK_STATUS_DEVICE_REMOVED);
	machine_turn(&machine);
	ck_assert(work.done);
	ck_assert_int_eq(work.status, PENSTOCK_STATUS_DEVICE_REMOVED);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("invariants");
	TCase *tests = tcase_create("invariants");

	tcase_add_checked_fixture(tests, set_up, tear_down);
	tcase_add_loop_test(tests, C2_a_patch_site_past_the_end_is_not_written_and_not_submitted, 0,
			    (int)PENSTOCK_ARRAY_SIZE(bad_sites));
	tcase_add_test(tests, E10_0x10E_0x19_a_patch_location_of_no_element_stops_the_adapter);
	tcase_add_test(tests, E10_0x119_3_what_cannot_be_patched_is_not_submitted);
	tcase_add_test(tests, E10_0x10E_0x27_a_slot_bound_across_a_split_point_stops_the_adapter);
	tcase_add_loop_test(
		tests, E10_0x10E_8_a_reference_that_cannot_be_in_a_split_buffer_stops_the_adapter,
		0, 3);
	tcase_add_loop_test(
		tests, E10_0x10E_0x12_a_byte_behind_the_copy_in_a_slot_stops_the_adapter, 0, 2);
	tcase_add_test(tests, B14_behind_the_copy_in_a_slot_stands_no_instruction);
	tcase_add_test(tests, B14_a_full_slot_has_no_guard_and_its_neighbour_is_left_alone);
	tcase_add_test(tests, E10_0x10E_0xA_an_unpin_too_many_stops_the_adapter);
	tcase_add_test(tests, E10_0x10E_0x29_a_dma_buffer_given_back_twice_stops_the_adapter);
	tcase_add_test(tests, E10_0x10E_0x24_destroyed_with_references_stops_the_adapter);
	tcase_add_test(tests, E10_0x10E_0x24_a_reference_too_many_stops_the_adapter);
	tcase_add_test(tests, E10_0x10E_0x44_a_budget_that_would_fall_below_zero_stops_the_adapter);
	tcase_add_loop_test(tests, E10_0x10E_0xD_a_place_given_back_twice_stops_the_adapter, 0, 2);
	tcase_add_test(tests, E10_0x10E_0x38_a_process_freed_with_packets_stops_the_adapter);
	tcase_add_test(tests, E10_0x10E_0xB_an_operation_that_cannot_be_built_stops_the_adapter);
	tcase_add_test(tests, E10_0x10E_0x20_an_idle_allocation_that_is_busy_stops_the_adapter);
	tcase_add_test(tests,
		       E10_0x10E_0x21_a_paging_buffer_with_operations_of_before_stops_the_adapter);
	tcase_add_test(tests,
		       E10_0x10E_0x1D_a_paging_buffer_that_was_not_submitted_stops_the_adapter);
	tcase_add_test(tests, E10_0x119_5_a_faulted_paging_packet_of_the_system_stops_the_adapter);
	tcase_add_test(tests, E10_a_submission_in_an_impossible_state_stops_the_adapter);
	suite_add_tcase(suite, tests);
	return penstock_test_main(suite);
}
