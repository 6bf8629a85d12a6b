/* SPDX-License-Identifier: MIT */
/* The host side and penstock-gpu together: processes, fences, interrupts, resets. */
#include "tests/gpu/fixture.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define DATA_OFFSET  FIXTURE_DMA_BYTES
#define DATA_ADDRESS (PENSTOCK_LOCAL_BASE + DATA_OFFSET)

static struct fixture fixture;
static struct fixture_process process;
static struct stream dma;

static void setup(void)
{
	fixture_start(&fixture);
	fixture_process_start(&fixture, &process, 0);
	dma.used = 0;
}

static void teardown(void)
{
	fixture_process_stop(&process);
	fixture_stop(&fixture);
}

static const struct penstock_backend_ops *ops(void)
{
	return fixture.backend->ops;
}

START_TEST(a_fill_and_a_copy_are_executed)
{
	stream_append_fill(&dma, DATA_ADDRESS, 64, 0xa1b2c3d4);
	stream_append_copy(&dma, DATA_ADDRESS, DATA_ADDRESS + 4096, 64);
	fixture_submit(&process, PENSTOCK_NODE_RENDER_ORDINAL, 1, &dma, 0);
	fixture_ring(&process);
	fixture_await_fence(&process, PENSTOCK_NODE_RENDER_ORDINAL, 1);
	for (unsigned i = 0; i < 64; i += 4) {
		ck_assert_uint_eq(penstock_load32(process.local + DATA_OFFSET + 4096 + i),
				  0xa1b2c3d4);
	}
	ck_assert_uint_eq(penstock_load32(process.local + DATA_OFFSET + 4096 + 64), 0);
	ck_assert_int_gt(ops()->process_id(process.backend), 0);
}
END_TEST

START_TEST(C3_zero_length_packet_retires_its_fence)
{
	struct penstock_submit_args args = { .node_ordinal = PENSTOCK_NODE_COPY_ORDINAL,
					     .submission_fence_id = 7 };

	fixture_submit_raw(&process, &args);
	fixture_ring(&process);
	fixture_await_fence(&process, PENSTOCK_NODE_COPY_ORDINAL, 7);
}
END_TEST

START_TEST(C3_null_rendering_retires_its_fence_without_executing)
{
	struct penstock_submit_args args = {
		.submission_fence_id = 7,
		.dma_buffer_address = FIXTURE_DMA_ADDRESS,
		.flags = PENSTOCK_SUBMITCOMMAND_NULL_RENDERING,
	};

	stream_append_fill(&dma, DATA_ADDRESS, 64, 0xffffffff);
	memcpy(process.local, dma.bytes, dma.used);
	args.submission_end_offset = dma.used;
	fixture_submit_raw(&process, &args);
	fixture_ring(&process);
	fixture_await_fence(&process, PENSTOCK_NODE_RENDER_ORDINAL, 7);
	ck_assert_uint_eq(penstock_load32(process.local + DATA_OFFSET), 0);
}
END_TEST

/* A hundred fences near the wrap, as many on the ring at once as it takes. */
START_TEST(C5_a_later_fence_implies_the_earlier_ones)
{
	const uint32_t first = 0xffffffc0;
	uint32_t put = 0, done = 0;
	unsigned seen = 0;

	stream_append(&dma, PENSTOCK_DMA_NOP, 0);
	while (done < 100) {
		while (put < 100 && put - done < PENSTOCK_RING_PACKETS) {
			fixture_submit(&process, PENSTOCK_NODE_RENDER_ORDINAL, first + put++, &dma,
				       0);
		}
		fixture_ring(&process);
		fixture_await(&process, seen + 1);
		for (; seen < process.interrupt_count; seen++) {
			const struct penstock_interrupt *interrupt = &process.interrupts[seen];
			uint32_t count = interrupt->fence_id - first + 1;

			ck_assert_int_eq(interrupt->type, PENSTOCK_INTERRUPT_DMA_COMPLETED);
			ck_assert_uint_gt(count, done);
			ck_assert_uint_le(count, put);
			done = count;
		}
	}
	ck_assert_ptr_null(fixture.failure);
}
END_TEST

/* While the daemon is elsewhere, all that completes is one notification. */
START_TEST(C5_completions_coalesce_into_one_notification)
{
	stream_append(&dma, PENSTOCK_DMA_NOP, 0);
	for (uint32_t i = 0; i < PENSTOCK_RING_PACKETS; i++) {
		fixture_submit(&process, PENSTOCK_NODE_RENDER_ORDINAL, 100 + i, &dma, 0);
	}
	stream_append_fill(&dma, DATA_ADDRESS, 4, 1);
	fixture_submit(&process, PENSTOCK_NODE_COPY_ORDINAL, 5, &dma, 1);
	fixture_ring(&process);
	/* The ring memory says when they are done; no turn of the loop until then. */
	while (process.interrupt_count == 0 ||
	       process.interrupts[process.interrupt_count - 1].fence_id !=
		       100 + PENSTOCK_RING_PACKETS - 1) {
		ops()->query_current_fence(process.backend, PENSTOCK_NODE_RENDER_ORDINAL);
		ck_assert_uint_le(process.interrupt_count, PENSTOCK_RING_PACKETS);
	}
	fixture_await_fence(&process, PENSTOCK_NODE_COPY_ORDINAL, 5);
}
END_TEST

START_TEST(a_killed_process_is_reported_and_reset_brings_another)
{
	int64_t first;

	stream_append_fill(&dma, DATA_ADDRESS, 4, 1);
	fixture_submit(&process, 0, 1, &dma, 0);
	fixture_ring(&process);
	fixture_await_fence(&process, 0, 1);
	first = ops()->process_id(process.backend);
	ck_assert_int_eq(kill((pid_t)first, SIGKILL), 0);
	fixture_until(&fixture, process.deaths == 1);
	ck_assert(WIFSIGNALED(process.wait_status) && WTERMSIG(process.wait_status) == SIGKILL);
	ck_assert_int_eq(ops()->process_id(process.backend), 0);

	ops()->reset_engine(process.backend);
	dma.used = 0;
	stream_append_fill(&dma, DATA_ADDRESS, 4, 2);
	fixture_submit(&process, 0, 2, &dma, 0);
	fixture_ring(&process);
	fixture_await_fence(&process, 0, 2);
	ck_assert_uint_eq(penstock_load32(process.local + DATA_OFFSET), 2);
	ck_assert_int_ne(ops()->process_id(process.backend), first);
	ck_assert_uint_eq(process.deaths, 1);
}
END_TEST

START_TEST(reset_ends_a_hang_and_forgets_what_was_queued)
{
	uint8_t *spin = stream_append(&dma, PENSTOCK_DMA_SPIN, 0);

	penstock_store32(spin + PENSTOCK_DMA_SPIN_microseconds, 0xffffffff);
	fixture_submit(&process, 0, 1, &dma, 0);
	fixture_submit(&process, 0, 2, &dma, 0);
	fixture_ring(&process);
	ops()->reset_engine(process.backend);
	ck_assert_int_eq(ops()->process_id(process.backend), 0);
	dma.used = 0;
	stream_append(&dma, PENSTOCK_DMA_NOP, 0);
	fixture_submit(&process, 0, 3, &dma, 0);
	fixture_ring(&process);
	fixture_await_fence(&process, 0, 3);
	ck_assert_uint_eq(process.interrupt_count, 1);
	ck_assert_uint_eq(process.deaths, 0);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("emulated");
	TCase *tcase = tcase_create("emulated");

	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_add_test(tcase, a_fill_and_a_copy_are_executed);
	tcase_add_test(tcase, C3_zero_length_packet_retires_its_fence);
	tcase_add_test(tcase, C3_null_rendering_retires_its_fence_without_executing);
	tcase_add_test(tcase, C5_a_later_fence_implies_the_earlier_ones);
	tcase_add_test(tcase, C5_completions_coalesce_into_one_notification);
	tcase_add_test(tcase, a_killed_process_is_reported_and_reset_brings_another);
	tcase_add_test(tcase, reset_ends_a_hang_and_forgets_what_was_queued);
	suite_add_tcase(suite, tcase);
	return penstock_test_main(suite);
}
