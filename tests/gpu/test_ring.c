/* SPDX-License-Identifier: MIT */
/*
 * The two sides of a ring in one thread: the host's queue and the GPU's node, turn by turn; then a
 * GPU that lies, word by word.
 */
#include "gpu-backend/emulated/gpu/node.h"
#include "gpu-backend/emulated/host/queue.h"
#include "tests/gpu/machine.h"

#include <stdlib.h>
#include <string.h>

static struct machine machine;
static struct penstock_ring_node *ring;
static struct penstock_hw_queue queue;
static struct penstock_node node;
static struct stream stream;
static struct penstock_interrupt interrupt;

static void setup(void)
{
	struct penstock_node_config config = { .interrupt = -1 };

	machine_start(&machine);
	ring = aligned_alloc(4096, sizeof(*ring));
	ck_assert_ptr_nonnull(ring);
	memset(ring, 0, sizeof(*ring));
	config.ring = ring;
	config.mmu = &machine.mmu;
	penstock_node_init(&node, &config);
	penstock_hw_queue_init(&queue, 0);
	penstock_hw_queue_reset(&queue, ring);
	stream.used = 0;
}

static void teardown(void)
{
	free(ring);
	machine_stop(&machine);
}

/* Submits what is in the stream, which stays. */
static void put(uint32_t fence)
{
	struct penstock_submit_args args = {
		.submission_fence_id = fence,
		.dma_buffer_address = PENSTOCK_LOCAL_BASE + MACHINE_STREAM_OFFSET,
		.submission_end_offset = stream.used,
	};

	memcpy(machine.local + MACHINE_STREAM_OFFSET, stream.bytes, stream.used);
	penstock_hw_queue_put(&queue, &args, 0);
}

static void expect_interrupt(enum penstock_interrupt_type type, uint32_t fence)
{
	ck_assert_int_eq(penstock_hw_queue_collect(&queue, &interrupt),
			 PENSTOCK_COLLECTED_INTERRUPT);
	ck_assert_int_eq(interrupt.type, type);
	ck_assert_uint_eq(interrupt.fence_id, fence);
}

static void expect_nothing(void)
{
	ck_assert_int_eq(penstock_hw_queue_collect(&queue, &interrupt), PENSTOCK_COLLECTED_NOTHING);
}

static void expect_impossible(void)
{
	ck_assert_int_eq(penstock_hw_queue_collect(&queue, &interrupt),
			 PENSTOCK_COLLECTED_IMPOSSIBLE);
}

START_TEST(C5_fences_are_reported_once_and_the_latest_only)
{
	put(10);
	put(11);
	put(12);
	expect_nothing();
	ck_assert(penstock_node_step(&node));
	expect_interrupt(PENSTOCK_INTERRUPT_DMA_COMPLETED, 10);
	expect_nothing();
	ck_assert(penstock_node_step(&node));
	ck_assert(penstock_node_step(&node));
	ck_assert(!penstock_node_step(&node));
	expect_interrupt(PENSTOCK_INTERRUPT_DMA_COMPLETED, 12);
	expect_nothing();
	ck_assert(!penstock_hw_queue_outstanding(&queue));
}
END_TEST

/* Fence ids and the count of packets wrap where they like. */
START_TEST(C4_fences_and_counts_wrap)
{
	queue.produced = queue.retired = 0xfffffff0;
	queue.last_fence_word = 0;
	node.retired = 0xfffffff0;
	ring->producer = 0xfffffff0;
	for (uint32_t i = 0; i < 200; i++) {
		put(0xffffffc0 + i);
		ck_assert(penstock_node_step(&node));
		expect_interrupt(PENSTOCK_INTERRUPT_DMA_COMPLETED, 0xffffffc0 + i);
	}
	expect_nothing();
}
END_TEST

START_TEST(C5_a_full_ring_completes_in_one_interrupt)
{
	for (uint32_t i = 0; i < PENSTOCK_RING_PACKETS; i++) {
		put(i + 1);
	}
	while (penstock_node_step(&node)) {
	}
	expect_interrupt(PENSTOCK_INTERRUPT_DMA_COMPLETED, PENSTOCK_RING_PACKETS);
	expect_nothing();
}
END_TEST

START_TEST(a_fault_is_reported_after_what_completed_and_halts_the_node)
{
	stream_append(&stream, PENSTOCK_DMA_NOP, 0);
	put(1);
	penstock_node_step(&node);
	stream_append_fill(&stream, PENSTOCK_APERTURE_BASE + 64, 4, 0);
	put(2);
	put(3);
	penstock_node_step(&node);
	ck_assert(!penstock_node_step(&node));
	expect_interrupt(PENSTOCK_INTERRUPT_DMA_COMPLETED, 1);
	expect_interrupt(PENSTOCK_INTERRUPT_DMA_PAGE_FAULTED, 2);
	ck_assert_uint_eq(interrupt.last_completed_fence_id, 1);
	ck_assert_uint_eq(interrupt.fault_address, PENSTOCK_APERTURE_BASE + 64);
	ck_assert_uint_eq(interrupt.fault_dma_offset, PENSTOCK_DMA_BYTES_NOP);
	ck_assert(interrupt.fault_write);
	expect_nothing();
}
END_TEST

START_TEST(a_preemption_request_drops_what_was_put_before_it)
{
	put(1);
	put(2);
	put(3);
	penstock_node_step(&node);
	penstock_hw_queue_preempt(&queue, 99);
	put(4);
	ck_assert(penstock_node_step(&node));
	ck_assert(penstock_node_step(&node));
	ck_assert(!penstock_node_step(&node));
	expect_interrupt(PENSTOCK_INTERRUPT_DMA_COMPLETED, 1);
	expect_interrupt(PENSTOCK_INTERRUPT_DMA_PREEMPTED, 99);
	ck_assert_uint_eq(interrupt.last_completed_fence_id, 1);
	expect_interrupt(PENSTOCK_INTERRUPT_DMA_COMPLETED, 4);
	expect_nothing();
	put(2);
	penstock_node_step(&node);
	expect_interrupt(PENSTOCK_INTERRUPT_DMA_COMPLETED, 2);
}
END_TEST

START_TEST(a_preemption_that_came_too_late_is_answered_all_the_same)
{
	put(1);
	penstock_hw_queue_preempt(&queue, 98);
	/* The flag is seen before the packet: it is dropped, and resumes from its start. */
	penstock_node_step(&node);
	expect_interrupt(PENSTOCK_INTERRUPT_DMA_PREEMPTED, 98);
	ck_assert_uint_eq(interrupt.resume_offset, 0);
	ck_assert_uint_eq(interrupt.resume_position, 0);
	expect_nothing();
	put(2);
	penstock_node_step(&node);
	expect_interrupt(PENSTOCK_INTERRUPT_DMA_COMPLETED, 2);
	/* Nothing is outstanding: the GPU is not asked. */
	penstock_hw_queue_preempt(&queue, 99);
	expect_interrupt(PENSTOCK_INTERRUPT_DMA_PREEMPTED, 99);
	ck_assert_uint_eq(interrupt.last_completed_fence_id, 2);
	ck_assert(!penstock_node_step(&node));
}
END_TEST

START_TEST(a_packet_that_was_cut_reports_where_it_stopped)
{
	stream_append(&stream, PENSTOCK_DMA_NOP, 0);
	stream_append_copy(&stream, PENSTOCK_LOCAL_BASE, PENSTOCK_LOCAL_BASE + (1u << 20),
			   1u << 20);
	memset(machine.local, 0x77, 1u << 20);
	put(1);
	/* The flag goes up when the first band is written. */
	node.engine.preempt_flag = (const uint64_t *)(machine.local + (1u << 20));
	node.engine.preempt_seen = 0;
	penstock_hw_queue_preempt(&queue, 50);
	node.engine.preempt_seen = 0;
	ck_assert(penstock_node_step(&node));
	expect_interrupt(PENSTOCK_INTERRUPT_DMA_PREEMPTED, 50);
	ck_assert_uint_eq(interrupt.resume_offset, PENSTOCK_DMA_BYTES_NOP);
	ck_assert_uint_eq(interrupt.resume_position, PENSTOCK_BAND_BYTES);
}
END_TEST

START_TEST(paging_buffers_are_copied_at_submit)
{
	struct penstock_submit_args args = { .submission_fence_id = 1,
					     .flags = PENSTOCK_SUBMITCOMMAND_PAGING };

	stream_append_map(&stream, MACHINE_SYSTEM_FILE, PENSTOCK_APERTURE_BASE, 0, 4096, 0);
	args.paging_buffer = stream.bytes;
	args.paging_buffer_bytes = stream.used;
	penstock_hw_queue_put(&queue, &args, 0);
	memset(stream.bytes, 0xff, stream.used);
	penstock_node_step(&node);
	expect_interrupt(PENSTOCK_INTERRUPT_DMA_COMPLETED, 1);
	stream.used = 0;
	stream_append_fill(&stream, PENSTOCK_APERTURE_BASE, 4, 9);
	put(2);
	penstock_node_step(&node);
	expect_interrupt(PENSTOCK_INTERRUPT_DMA_COMPLETED, 2);
	ck_assert_uint_eq(penstock_load32(machine.system), 9);
}
END_TEST

START_TEST(a_node_refuses_a_paging_buffer_longer_than_its_slot)
{
	put(1);
	ring->packets[0].flags = PENSTOCK_SUBMITCOMMAND_PAGING;
	ring->packets[0].paging_buffer_bytes = PENSTOCK_PAGING_BUFFER_BYTES + 4;
	penstock_node_step(&node);
	ck_assert_uint_eq(ring->fault.type, PENSTOCK_INTERRUPT_DMA_FAULTED);
}
END_TEST

/* ---------------------------------------------------------------- a GPU that lies */

START_TEST(C8_an_invented_fence_is_impossible)
{
	put(1);
	put(2);
	ring->fence = penstock_ring_fence(1, 77);
	expect_impossible();
}
END_TEST

START_TEST(C8_a_fence_of_a_packet_that_was_not_put_is_impossible)
{
	put(1);
	ring->fence = penstock_ring_fence(2, 1);
	expect_impossible();
	ring->fence = penstock_ring_fence(0xffffffff, 1);
	expect_impossible();
}
END_TEST

START_TEST(C8_a_fence_that_goes_back_is_impossible)
{
	put(1);
	put(2);
	penstock_node_step(&node);
	penstock_node_step(&node);
	expect_interrupt(PENSTOCK_INTERRUPT_DMA_COMPLETED, 2);
	ring->fence = penstock_ring_fence(1, 1);
	expect_impossible();
}
END_TEST

START_TEST(a_fault_without_a_packet_is_impossible)
{
	ring->fault.type = PENSTOCK_INTERRUPT_DMA_FAULTED;
	expect_impossible();
}
END_TEST

START_TEST(a_fault_of_another_packet_type_or_offset_is_impossible)
{
	stream_append(&stream, PENSTOCK_DMA_NOP, 0);
	put(5);
	ring->fault.type = PENSTOCK_INTERRUPT_DMA_FAULTED;
	ring->fault.fence_id = 6;
	expect_impossible();
	ring->fault.fence_id = 5;
	ring->fault.dma_offset = stream.used + 1;
	expect_impossible();
	ring->fault.dma_offset = 0;
	ring->fault.type = PENSTOCK_INTERRUPT_DMA_COMPLETED;
	expect_impossible();
	ring->fault.type = PENSTOCK_INTERRUPT_DMA_FAULTED;
	expect_interrupt(PENSTOCK_INTERRUPT_DMA_FAULTED, 5);
}
END_TEST

START_TEST(an_answer_to_no_request_is_impossible)
{
	put(1);
	ring->preempted.request = 1;
	expect_impossible();
}
END_TEST

START_TEST(an_answer_out_of_range_is_impossible)
{
	put(1);
	penstock_hw_queue_preempt(&queue, 9);
	ring->preempted.completed = 2;
	ring->preempted.request = 1;
	expect_impossible();
	ring->preempted.completed = 0;
	ring->preempted.resume_offset = 4;
	expect_impossible();
	ring->preempted.resume_offset = 0;
	expect_interrupt(PENSTOCK_INTERRUPT_DMA_PREEMPTED, 9);
}
END_TEST

/* Every word random: an answer or a refusal, and never more fences than packets. */
START_TEST(random_words_are_survived)
{
	struct machine_random random = { machine_seed(9) };

	for (unsigned i = 0; i < 20000; i++) {
		uint32_t put_count = machine_below(&random, 5);

		memset(ring, 0, offsetof(struct penstock_ring_node, packets));
		penstock_hw_queue_init(&queue, 0);
		penstock_hw_queue_reset(&queue, ring);
		for (uint32_t j = 0; j < put_count; j++) {
			put(j + 1);
		}
		if (machine_below(&random, 2) == 0) {
			penstock_hw_queue_preempt(&queue, 50);
		}
		ring->fence =
			penstock_ring_fence(machine_below(&random, 6), machine_below(&random, 6));
		ring->fault.type = machine_below(&random, 3) == 0 ? machine_below(&random, 12) : 0;
		ring->fault.fence_id = machine_below(&random, 6);
		ring->fault.dma_offset = machine_below(&random, 2);
		ring->preempted.request = machine_below(&random, 3);
		ring->preempted.completed = machine_below(&random, 6);
		for (unsigned calls = 0; calls < 8; calls++) {
			if (penstock_hw_queue_collect(&queue, &interrupt) !=
			    PENSTOCK_COLLECTED_INTERRUPT) {
				break;
			}
			ck_assert_uint_lt(calls, 4);
			ck_assert(interrupt.fence_id == 50 || interrupt.fence_id <= put_count);
		}
		ck_assert_uint_le(queue.retired, queue.produced);
	}
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("ring");
	TCase *tcase = tcase_create("ring");

	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_add_test(tcase, C5_fences_are_reported_once_and_the_latest_only);
	tcase_add_test(tcase, C4_fences_and_counts_wrap);
	tcase_add_test(tcase, C5_a_full_ring_completes_in_one_interrupt);
	tcase_add_test(tcase, a_fault_is_reported_after_what_completed_and_halts_the_node);
	tcase_add_test(tcase, a_preemption_request_drops_what_was_put_before_it);
	tcase_add_test(tcase, a_preemption_that_came_too_late_is_answered_all_the_same);
	tcase_add_test(tcase, a_packet_that_was_cut_reports_where_it_stopped);
	tcase_add_test(tcase, paging_buffers_are_copied_at_submit);
	tcase_add_test(tcase, a_node_refuses_a_paging_buffer_longer_than_its_slot);
	tcase_add_test(tcase, C8_an_invented_fence_is_impossible);
	tcase_add_test(tcase, C8_a_fence_of_a_packet_that_was_not_put_is_impossible);
	tcase_add_test(tcase, C8_a_fence_that_goes_back_is_impossible);
	tcase_add_test(tcase, a_fault_without_a_packet_is_impossible);
	tcase_add_test(tcase, a_fault_of_another_packet_type_or_offset_is_impossible);
	tcase_add_test(tcase, an_answer_to_no_request_is_impossible);
	tcase_add_test(tcase, an_answer_out_of_range_is_impossible);
	tcase_add_test(tcase, random_words_are_survived);
	suite_add_tcase(suite, tcase);
	return penstock_test_main(suite);
}
