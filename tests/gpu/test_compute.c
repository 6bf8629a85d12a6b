/* SPDX-License-Identifier: MIT */
/* penstock-gpu with Vulkan, confined: dispatches, compilers, page faults, hangs, resets. */
#include "proto/wire/limits.h"
#include "tests/gpu/blob.h"
#include "tests/gpu/fixture.h"

#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>

#define BLOB_OFFSET  FIXTURE_DMA_BYTES
#define DATA_OFFSET  (1u << 20)
#define OTHER_OFFSET (2u << 20)
#define SMALL_OFFSET (3u << 20)

#define ADDRESS(offset) (PENSTOCK_LOCAL_BASE + (offset))

static struct fixture fixture;
static struct fixture_process process;
static struct stream dma;

static const struct penstock_backend_ops *ops(void)
{
	return fixture.backend->ops;
}

static void setup(void)
{
	fixture_start(&fixture);
	fixture_process_start(&fixture, &process, 0);
	ck_assert(ops()->need_pipelines(process.backend));
	dma.used = 0;
}

static void teardown(void)
{
	fixture_process_stop(&process);
	fixture_stop(&fixture);
}

static uint32_t *words(uint32_t offset)
{
	return (uint32_t *)(void *)(process.local + offset);
}

/* to[i] = from[i] * 3 + addend, of `count` words; the pipeline's variant makes it another one. */
static void append_scale(uint32_t variant, uint64_t from, uint64_t to, uint32_t count,
			 uint32_t addend)
{
	const uint32_t pushed[] = { addend, count };
	uint32_t blob = BLOB_OFFSET + variant * BLOB_BYTES_MOST;
	uint32_t bytes = blob_make(BLOB_SCALE, variant, process.local + blob);

	words(SMALL_OFFSET)[1] = 3;
	blob_append_pipeline(&dma, ADDRESS(blob), bytes);
	blob_append_buffer(&dma, BLOB_AT(0, 0, 0), from, count * 4);
	blob_append_buffer_write(&dma, BLOB_AT(0, 1, 0), to, count * 4);
	blob_append_buffer(&dma, BLOB_AT(0, 2, 0), ADDRESS(SMALL_OFFSET), 16);
	blob_append_push(&dma, 0, pushed, 2);
	blob_append_dispatch(&dma, (count + 63) / 64, 1, 1);
}

static void run(uint32_t fence)
{
	fixture_submit(&process, 0, fence, &dma, 0);
	fixture_ring(&process);
	dma.used = 0;
}

static void expect_scaled(uint32_t count, uint32_t addend)
{
	for (uint32_t i = 0; i < count; i++) {
		ck_assert_uint_eq(words(OTHER_OFFSET)[i], words(DATA_OFFSET)[i] * 3 + addend);
	}
}

static void expect_dispatch(uint32_t fence, uint32_t variant, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++) {
		words(DATA_OFFSET)[i] = i * i + fence;
	}
	append_scale(variant, ADDRESS(DATA_OFFSET), ADDRESS(OTHER_OFFSET), count, fence);
	run(fence);
	fixture_await_fence(&process, 0, fence);
	expect_scaled(count, fence);
}

/* With few workgroups and with many: each device of Vulkan's compiles for itself. */
START_TEST(a_confined_process_compiles_and_dispatches)
{
	for (uint32_t i = 0; i < 8; i++) {
		expect_dispatch(1 + i, i % 4, i < 4 ? 100 : 200000);
	}
	ck_assert_uint_eq(process.deaths, 0);
}
END_TEST

START_TEST(B5_a_confined_process_sees_pages_that_are_mapped_later)
{
	expect_dispatch(1, 0, 64);
	memset(process.system, 0, 8192);
	((uint32_t *)(void *)process.system)[1024 + 7] = 5;
	stream_append_map(&dma, FIXTURE_SYSTEM_FILE, PENSTOCK_APERTURE_BASE + 0x4000, 4096, 4096,
			  0);
	fixture_submit_paging(&process, 0, 2, &dma);
	dma.used = 0;
	append_scale(0, PENSTOCK_APERTURE_BASE + 0x4000, ADDRESS(OTHER_OFFSET), 64, 1);
	run(3);
	fixture_await_fence(&process, 0, 3);
	ck_assert_uint_eq(words(OTHER_OFFSET)[7], 16);
}
END_TEST

/* By a thread of the driver: the ring says what the fault was, and the daemon ends the process. */
START_TEST(B5_a_shader_that_touches_an_unmapped_page_is_reported_with_its_group)
{
	const struct penstock_interrupt *interrupt;

	expect_dispatch(1, 0, 64);
	stream_append(&dma, PENSTOCK_DMA_NOP, 0);
	append_scale(0, PENSTOCK_APERTURE_BASE + 0x3000, ADDRESS(OTHER_OFFSET), 64, 1);
	run(2);
	interrupt = fixture_await(&process, process.interrupt_count + 1);
	ck_assert_int_eq(interrupt->type, PENSTOCK_INTERRUPT_DMA_PAGE_FAULTED);
	ck_assert_uint_eq(interrupt->fence_id, 2);
	ck_assert_uint_eq(interrupt->fault_dma_offset, PENSTOCK_DMA_BYTES_NOP);
	ck_assert_uint_ge(interrupt->fault_address, PENSTOCK_APERTURE_BASE + 0x3000);
	ck_assert_uint_lt(interrupt->fault_address, PENSTOCK_APERTURE_BASE + 0x4000);
	ck_assert(!interrupt->fault_write);
	ck_assert_int_eq(ops()->reset_engine(process.backend), PENSTOCK_STATUS_SUCCESS);
	expect_dispatch(3, 1, 64);
	ck_assert_uint_eq(process.deaths, 0);
}
END_TEST

/* It answers no preemption, is killed, and the next process computes. */
START_TEST(E1_an_endless_shader_is_ended_by_a_reset)
{
	uint32_t bytes = blob_make(BLOB_ENDLESS, 0, process.local + BLOB_OFFSET);
	unsigned before;

	expect_dispatch(1, 1, 64);
	memset(words(DATA_OFFSET), 0, 64);
	blob_append_pipeline(&dma, ADDRESS(BLOB_OFFSET), bytes);
	blob_append_buffer_write(&dma, BLOB_AT(0, 0, 0), ADDRESS(DATA_OFFSET), 64);
	blob_append_dispatch(&dma, PENSTOCK_LIMIT_WORKGROUPS, 16384, 1);
	before = process.interrupt_count;
	run(2);
	while (__atomic_load_n(&words(DATA_OFFSET)[1], __ATOMIC_ACQUIRE) == 0) {
		sched_yield();
	}
	ops()->preempt_command(process.backend, 0, 77);
	/* The other node of the process works on meanwhile. */
	stream_append_fill(&dma, ADDRESS(OTHER_OFFSET), 4, 8);
	fixture_submit(&process, 1, 3, &dma, 1);
	fixture_ring(&process);
	fixture_await_fence(&process, 1, 3);
	ck_assert_uint_eq(process.interrupt_count, before + 1);
	ck_assert_int_eq(ops()->reset_engine(process.backend), PENSTOCK_STATUS_SUCCESS);
	dma.used = 0;
	expect_dispatch(4, 1, 64);
	ck_assert_uint_eq(process.deaths, 0);
}
END_TEST

#define STEP_GROUPS 60000u

/* The next thing that is said of the packet `fence`: it completed, or it was preempted. */
static const struct penstock_interrupt *await_packet(uint32_t fence)
{
	const struct penstock_interrupt *interrupt;

	do {
		interrupt = fixture_await(&process, process.interrupt_count + 1);
	} while (interrupt->type == PENSTOCK_INTERRUPT_DMA_COMPLETED &&
		 interrupt->fence_id != fence);
	return interrupt;
}

/* Preempted between bands again and again, wherever that is: what was done is not done again. */
START_TEST(D5_a_preempted_dispatch_goes_on_in_another_packet)
{
	struct penstock_submit_args args = { .dma_buffer_address = FIXTURE_DMA_ADDRESS };
	const uint32_t pushed[] = { STEP_GROUPS, 1, 1, 3 };
	const struct penstock_interrupt *interrupt;
	bool done = false;

	blob_append_pipeline(&dma, ADDRESS(BLOB_OFFSET),
			     blob_make(BLOB_STEP, 0, process.local + BLOB_OFFSET));
	blob_append_buffer_write(&dma, BLOB_AT(0, 0, 0), ADDRESS(DATA_OFFSET), STEP_GROUPS * 16);
	blob_append_push(&dma, 0, pushed, 4);
	blob_append_dispatch(&dma, STEP_GROUPS, 1, 1);
	args.submission_end_offset = dma.used;
	memcpy(process.local, dma.bytes, dma.used);
	for (uint32_t fence = 1; !done; fence++) {
		const uint32_t *next = &words(DATA_OFFSET)[args.resume_position * 4];

		args.submission_fence_id = fence;
		fixture_submit_raw(&process, &args);
		fixture_ring(&process);
		while (fence <= 20 && __atomic_load_n(next, __ATOMIC_ACQUIRE) == 0) {
			sched_yield();
		}
		if (fence <= 20) {
			ops()->preempt_command(process.backend, 0, 1000 + fence);
		}
		interrupt = await_packet(fence);
		done = interrupt->last_completed_fence_id == fence;
		if (!done) {
			ck_assert_int_eq(interrupt->type, PENSTOCK_INTERRUPT_DMA_PREEMPTED);
			ck_assert_uint_gt(interrupt->resume_position, args.resume_position);
			args.submission_start_offset = interrupt->resume_offset;
			args.resume_position = interrupt->resume_position;
		}
	}
	for (uint32_t i = 0; i < STEP_GROUPS * 4; i++) {
		ck_assert_uint_eq(words(DATA_OFFSET)[i], i + 1);
	}
}
END_TEST

/* A process that was started without it: its groups are illegal, and replaced it executes them. */
START_TEST(a_process_without_vulkan_is_replaced_by_one_with_it)
{
	struct fixture_process plain;
	int64_t pid;

	fixture_process_start(&fixture, &plain, 10);
	stream_append_fill(&dma, ADDRESS(DATA_OFFSET), 4, 8);
	fixture_submit(&plain, 0, 1, &dma, 0);
	fixture_ring(&plain);
	fixture_await_fence(&plain, 0, 1);
	pid = ops()->process_id(plain.backend);
	ck_assert(!ops()->need_pipelines(plain.backend));
	dma.used = 0;
	append_scale(0, ADDRESS(DATA_OFFSET), ADDRESS(OTHER_OFFSET), 64, 1);
	memcpy(plain.local, process.local, FIXTURE_LOCAL_BYTES);
	fixture_submit(&plain, 0, 2, &dma, 0);
	fixture_ring(&plain);
	ck_assert_int_eq(fixture_await(&plain, plain.interrupt_count + 1)->type,
			 PENSTOCK_INTERRUPT_DMA_FAULTED);
	ck_assert_int_eq(ops()->reset_engine(plain.backend), PENSTOCK_STATUS_SUCCESS);
	ck_assert(ops()->need_pipelines(plain.backend));
	fixture_submit(&plain, 0, 3, &dma, 0);
	fixture_ring(&plain);
	fixture_await_fence(&plain, 0, 3);
	ck_assert_uint_eq(((uint32_t *)(void *)(plain.local + OTHER_OFFSET))[5], 1);
	ck_assert_int_ne(ops()->process_id(plain.backend), pid);
	ck_assert(ops()->need_pipelines(plain.backend));
	ck_assert_uint_eq(plain.deaths, 0);
	fixture_process_stop(&plain);
}
END_TEST

/* On the copy node a group is illegal, whatever the process has. */
START_TEST(groups_are_node_zeros)
{
	append_scale(0, ADDRESS(DATA_OFFSET), ADDRESS(OTHER_OFFSET), 64, 1);
	fixture_submit(&process, 1, 1, &dma, 0);
	fixture_ring(&process);
	ck_assert_int_eq(fixture_await(&process, 1)->type, PENSTOCK_INTERRUPT_DMA_FAULTED);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("compute");
	TCase *tcase = tcase_create("compute");

	tcase_set_timeout(tcase, 300);
	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_add_test(tcase, a_confined_process_compiles_and_dispatches);
	tcase_add_test(tcase, B5_a_confined_process_sees_pages_that_are_mapped_later);
	tcase_add_test(tcase, B5_a_shader_that_touches_an_unmapped_page_is_reported_with_its_group);
	tcase_add_test(tcase, E1_an_endless_shader_is_ended_by_a_reset);
	tcase_add_test(tcase, D5_a_preempted_dispatch_goes_on_in_another_packet);
	tcase_add_test(tcase, a_process_without_vulkan_is_replaced_by_one_with_it);
	tcase_add_test(tcase, groups_are_node_zeros);
	suite_add_tcase(suite, tcase);
	return penstock_test_main(suite);
}
