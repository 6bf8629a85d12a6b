/* SPDX-License-Identifier: MIT */
/* The host side and penstock-gpu together: processes, fences, interrupts, resets. */
#include "tests/gpu/fixture.h"

#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
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

/* ---------------------------------------------------------------- faults */

static const struct penstock_interrupt *run_faulting(uint32_t fence)
{
	fixture_submit(&process, 0, fence, &dma, 0);
	fixture_ring(&process);
	return fixture_await(&process, process.interrupt_count + 1);
}

/* After a fault: reset_engine brings a GPU that works. */
static void expect_recovery(uint32_t fence)
{
	ops()->reset_engine(process.backend);
	dma.used = 0;
	stream_append_fill(&dma, DATA_ADDRESS, 4, fence);
	fixture_submit(&process, 0, fence, &dma, 0);
	fixture_ring(&process);
	fixture_await_fence(&process, 0, fence);
	ck_assert_uint_eq(penstock_load32(process.local + DATA_OFFSET), fence);
	ck_assert_uint_eq(process.deaths, 0);
	ck_assert_ptr_null(fixture.failure);
}

/* When the second packet's bytes are seen, the first one's fence stands in the ring memory. */
START_TEST(reset_reports_what_had_completed)
{
	const uint32_t *seen = (const uint32_t *)(const void *)(process.local + DATA_OFFSET);
	uint32_t offset;
	uint8_t *spin;

	stream_append_fill(&dma, DATA_ADDRESS + 4096, 4, 1);
	fixture_submit(&process, 1, 1, &dma, 0);
	dma.used = 0;
	stream_append_fill(&dma, DATA_ADDRESS, 4, 1);
	spin = stream_append(&dma, PENSTOCK_DMA_SPIN, 0);
	penstock_store32(spin + PENSTOCK_DMA_SPIN_microseconds, 0xffffffff);
	fixture_submit(&process, 1, 2, &dma, 1);
	fixture_ring(&process);
	while (__atomic_load_n(seen, __ATOMIC_ACQUIRE) != 1) {
		sched_yield();
	}
	/* The bytes are there before the next instruction has begun. */
	while (ops()->running_fence(process.backend, 1, &offset) != 2 ||
	       offset != PENSTOCK_DMA_BYTES_FILL) {
		sched_yield();
	}
	ck_assert_uint_eq(ops()->running_fence(process.backend, 0, &offset), 0);
	ops()->reset_engine(process.backend);
	ck_assert_uint_eq(process.interrupt_count, 1);
	ck_assert_int_eq(process.interrupts[0].type, PENSTOCK_INTERRUPT_DMA_COMPLETED);
	ck_assert_uint_eq(process.interrupts[0].fence_id, 1);
}
END_TEST

START_TEST(B5_out_of_window_address_is_a_page_fault_with_its_offset)
{
	const struct penstock_interrupt *interrupt;

	stream_append(&dma, PENSTOCK_DMA_NOP, 0);
	stream_append_fill(&dma, 0x1000, 4, 1);
	interrupt = run_faulting(1);
	ck_assert_int_eq(interrupt->type, PENSTOCK_INTERRUPT_DMA_PAGE_FAULTED);
	ck_assert_uint_eq(interrupt->fence_id, 1);
	ck_assert_uint_eq(interrupt->fault_address, 0x1000);
	ck_assert_uint_eq(interrupt->fault_dma_offset, PENSTOCK_DMA_BYTES_NOP);
	ck_assert(interrupt->fault_write);
	expect_recovery(2);
}
END_TEST

START_TEST(B5_unmapped_aperture_is_a_page_fault_with_its_offset)
{
	const struct penstock_interrupt *interrupt;

	stream_append_copy(&dma, PENSTOCK_APERTURE_BASE + 0x3008, DATA_ADDRESS, 8);
	interrupt = run_faulting(1);
	ck_assert_int_eq(interrupt->type, PENSTOCK_INTERRUPT_DMA_PAGE_FAULTED);
	/* Whichever byte of the range was touched first. */
	ck_assert_uint_ge(interrupt->fault_address, PENSTOCK_APERTURE_BASE + 0x3008);
	ck_assert_uint_lt(interrupt->fault_address, PENSTOCK_APERTURE_BASE + 0x3010);
	ck_assert_uint_eq(interrupt->fault_dma_offset, 0);
	ck_assert(!interrupt->fault_write);
	expect_recovery(2);
}
END_TEST

START_TEST(an_illegal_instruction_is_reported_with_its_offset)
{
	const struct penstock_interrupt *interrupt;

	stream_append_fill(&dma, DATA_ADDRESS, 4, 1);
	penstock_store32(stream_append(&dma, PENSTOCK_DMA_MARKER, 0), 0x0002ffff);
	stream_append_fill(&dma, DATA_ADDRESS, 4, 2);
	interrupt = run_faulting(1);
	ck_assert_int_eq(interrupt->type, PENSTOCK_INTERRUPT_DMA_FAULTED);
	ck_assert_uint_eq(interrupt->fault_dma_offset, PENSTOCK_DMA_BYTES_FILL);
	ck_assert_uint_eq(penstock_load32(process.local + DATA_OFFSET), 1);
	expect_recovery(2);
}
END_TEST

START_TEST(B5_after_unmap_a_stray_write_is_found_in_the_dummy_file)
{
	memset(process.system, 0x5a, 4096);
	stream_append_map(&dma, FIXTURE_SYSTEM_FILE, PENSTOCK_APERTURE_BASE + 0x7000, 0, 0x1000, 0);
	stream_append_unmap(&dma, PENSTOCK_APERTURE_BASE + 0x7000, 0x1000);
	fixture_submit_paging(&process, 0, 1, &dma);
	dma.used = 0;
	memset(process.local + DATA_OFFSET, 0xff, 8);
	stream_append_copy(&dma, PENSTOCK_APERTURE_BASE + 0x7000, DATA_ADDRESS, 8);
	stream_append_fill(&dma, PENSTOCK_APERTURE_BASE + 0x7000, 4, 0xbad);
	fixture_submit(&process, 0, 2, &dma, 0);
	fixture_ring(&process);
	fixture_await_fence(&process, 0, 2);
	ck_assert_uint_eq(penstock_load64(process.local + DATA_OFFSET), 0);
	ck_assert_uint_eq(process.system[0], 0x5a);
	ck_assert_int_eq(lseek(process.descriptors[2], 0, SEEK_DATA), 0x7000);
}
END_TEST

/* A node that faulted executes nothing more; the other node of the process goes on. */
START_TEST(a_fault_halts_its_node_only)
{
	stream_append_fill(&dma, 0, 4, 1);
	fixture_submit(&process, 0, 1, &dma, 0);
	dma.used = 0;
	stream_append_fill(&dma, DATA_ADDRESS, 4, 5);
	fixture_submit(&process, 0, 2, &dma, 1);
	fixture_ring(&process);
	fixture_await(&process, 1);
	ck_assert_int_eq(process.interrupts[0].type, PENSTOCK_INTERRUPT_DMA_PAGE_FAULTED);
	dma.used = 0;
	stream_append_fill(&dma, DATA_ADDRESS + 4, 4, 6);
	fixture_submit(&process, 1, 3, &dma, 2);
	fixture_ring(&process);
	fixture_await_fence(&process, 1, 3);
	ck_assert_uint_eq(penstock_load32(process.local + DATA_OFFSET), 0);
	ck_assert_uint_eq(penstock_load32(process.local + DATA_OFFSET + 4), 6);
	expect_recovery(4);
}
END_TEST

START_TEST(what_was_mapped_before_a_reset_is_not_mapped_after_it)
{
	stream_append_map(&dma, FIXTURE_SYSTEM_FILE, PENSTOCK_APERTURE_BASE, 0, 0x1000, 0);
	fixture_submit_paging(&process, 0, 1, &dma);
	fixture_ring(&process);
	fixture_await_fence(&process, 0, 1);
	ops()->reset_engine(process.backend);
	dma.used = 0;
	stream_append_fill(&dma, PENSTOCK_APERTURE_BASE, 4, 1);
	ck_assert_int_eq(run_faulting(2)->type, PENSTOCK_INTERRUPT_DMA_PAGE_FAULTED);
}
END_TEST

/* ---------------------------------------------------------------- preemption */

START_TEST(preemption_is_answered_at_a_band)
{
	struct penstock_submit_args args = { .submission_fence_id = 3 };
	const struct penstock_interrupt *interrupt;
	uint8_t *spin = stream_append(&dma, PENSTOCK_DMA_SPIN, 0);

	/* Longer than any test may take: only preemption ends it in time. */
	penstock_store32(spin + PENSTOCK_DMA_SPIN_microseconds, 1000000000);
	stream_append_fill(&dma, DATA_ADDRESS, 4, 1);
	fixture_submit(&process, 0, 1, &dma, 0);
	fixture_submit(&process, 0, 2, &dma, 0);
	fixture_ring(&process);
	ops()->preempt_command(process.backend, 0, 77);
	interrupt = fixture_await(&process, 1);
	ck_assert_int_eq(interrupt->type, PENSTOCK_INTERRUPT_DMA_PREEMPTED);
	ck_assert_uint_eq(interrupt->fence_id, 77);
	ck_assert_uint_eq(interrupt->resume_offset, 0);
	ck_assert_uint_le(interrupt->resume_position, 1000000000);
	/* The rest, from behind the spin. */
	args.dma_buffer_address = FIXTURE_DMA_ADDRESS;
	args.submission_start_offset = PENSTOCK_DMA_BYTES_SPIN;
	args.submission_end_offset = dma.used;
	fixture_submit_raw(&process, &args);
	fixture_ring(&process);
	fixture_await_fence(&process, 0, 3);
	ck_assert_uint_eq(penstock_load32(process.local + DATA_OFFSET), 1);
}
END_TEST

START_TEST(preemption_with_nothing_on_the_ring_is_answered_from_the_loop)
{
	ops()->preempt_command(process.backend, 1, 5);
	ck_assert_int_eq(fixture_await(&process, 1)->type, PENSTOCK_INTERRUPT_DMA_PREEMPTED);
	ck_assert_int_eq(ops()->process_id(process.backend), 0);
}
END_TEST

/* ---------------------------------------------------------------- fences */

/* Nothing is told while the loop stands still: what completed is found by asking for it. */
START_TEST(C7_a_query_tells_what_completed_without_a_notification)
{
	stream_append_fill(&dma, DATA_ADDRESS, 4, 1);
	fixture_submit(&process, 0, 1, &dma, 0);
	fixture_submit(&process, 0, 2, &dma, 0);
	fixture_ring(&process);
	while (process.interrupt_count == 0 ||
	       process.interrupts[process.interrupt_count - 1].fence_id != 2) {
		ops()->query_current_fence(process.backend, 0);
		sched_yield();
	}
	ck_assert_uint_le(process.interrupt_count, 2);
	/* The notification comes after all, and is no news. */
	fixture_submit(&process, 1, 3, &dma, 1);
	fixture_ring(&process);
	fixture_await_fence(&process, 1, 3);
	ck_assert_uint_eq(process.interrupts[process.interrupt_count - 1].node_ordinal, 1);
	ck_assert_uint_le(process.interrupt_count, 3);
}
END_TEST

START_TEST(C7_a_query_of_a_stuck_gpu_returns_and_tells_nothing)
{
	fixture_submit(&process, 0, 1, &dma, 0);
	fixture_ring(&process);
	fixture_await_fence(&process, 0, 1);
	ck_assert_int_eq(kill((pid_t)ops()->process_id(process.backend), SIGSTOP), 0);
	fixture_submit(&process, 0, 2, &dma, 0);
	fixture_ring(&process);
	for (unsigned i = 0; i < 1000; i++) {
		ops()->query_current_fence(process.backend, 0);
		ops()->query_current_fence(process.backend, 1);
	}
	ck_assert_int_eq(kill((pid_t)ops()->process_id(process.backend), SIGCONT), 0);
	fixture_await_fence(&process, 0, 2);
}
END_TEST

static void page(uint32_t fence)
{
	struct stream paging = { .used = 0 };

	stream_append_map(&paging, process.first_file + FIXTURE_SYSTEM_FILE, PENSTOCK_APERTURE_BASE,
			  0, 4096, 0);
	fixture_submit_paging(&process, 0, fence, &paging);
}

/* The answer to a preemption; what it drops goes on the ring again behind it. */
static uint32_t preempt(uint32_t last_fence, uint32_t preemption_fence_id)
{
	uint32_t completed;

	ops()->preempt_command(process.backend, 0, preemption_fence_id);
	fixture_until(&fixture, process.interrupts[process.interrupt_count - 1].type ==
					PENSTOCK_INTERRUPT_DMA_PREEMPTED);
	completed = process.interrupts[process.interrupt_count - 1].last_completed_fence_id;
	ck_assert_uint_le(last_fence - completed, 3);
	return last_fence - completed;
}

/*
 * 64 fences and more from 0xFFFFFFF0 through a real process, in bunches of three with a paging
 * packet between; by turns the node is preempted and the process reset, and what was dropped goes
 * on the ring again with new fences.
 */
START_TEST(C4_fences_wrap_through_a_process_with_preemption_reset_and_paging_between)
{
	uint32_t fence = 0xFFFFFFF0u, last = fence - 1, retired = 0;

	stream_append_fill(&dma, DATA_ADDRESS, 4, 1);
	fixture_submit(&process, 0, fence++, &dma, 0);
	fixture_ring(&process);
	fixture_await_fence(&process, 0, fence - 1);
	for (unsigned bunch = 0; retired < 64; bunch++) {
		uint32_t dropped = 0;

		fixture_submit(&process, 0, fence++, &dma, 0);
		page(fence++);
		fixture_submit(&process, 0, fence++, &dma, 0);
		fixture_ring(&process);
		if (bunch % 4 == 1) {
			dropped = preempt(fence - 1, 0xdead0000u + bunch);
		} else if (bunch % 4 == 3) {
			ops()->reset_engine(process.backend);
			dropped = fence - 1 -
				  process.interrupts[process.interrupt_count - 1].fence_id;
			ck_assert_uint_le(dropped, 3);
		}
		retired += 3 - dropped;
		for (; dropped > 0; dropped--, retired++) {
			fixture_submit(&process, 0, fence++, &dma, 0);
		}
		fixture_ring(&process);
		if (retired > 0 &&
		    process.interrupts[process.interrupt_count - 1].fence_id != fence - 1) {
			fixture_await_fence(&process, 0, fence - 1);
		}
	}
	for (unsigned i = 0; i < process.interrupt_count; i++) {
		const struct penstock_interrupt *interrupt = &process.interrupts[i];

		if (interrupt->type == PENSTOCK_INTERRUPT_DMA_COMPLETED) {
			ck_assert_int_gt((int32_t)(interrupt->fence_id - last), 0);
			ck_assert_int_lt((int32_t)(interrupt->fence_id - fence), 0);
			last = interrupt->fence_id;
		}
	}
	ck_assert_uint_eq(last, fence - 1);
	ck_assert_uint_lt(last, 1000);
	ck_assert_ptr_null(fixture.failure);
}
END_TEST

/* ---------------------------------------------------------------- files, tenants */

static void ring_and_await(struct fixture_process *who, uint32_t fence)
{
	fixture_submit(who, 0, fence, &dma, 0);
	fixture_ring(who);
	fixture_await_fence(who, 0, fence);
}

/* Inode of a file as /proc/PID/maps prints it. */
static bool maps_list(int64_t pid, int descriptor)
{
	struct stat status;
	char path[64], line[512];
	bool found = false;
	FILE *maps;

	ck_assert_int_eq(fstat(descriptor, &status), 0);
	snprintf(path, sizeof(path), "/proc/%lld/maps", (long long)pid);
	maps = fopen(path, "re");
	ck_assert_ptr_nonnull(maps);
	while (fgets(line, sizeof(line), maps) != NULL) {
		unsigned long long inode = 0;

		if (sscanf(line, "%*x-%*x %*s %*x %*x:%*x %llu", &inode) == 1 &&
		    inode == status.st_ino && strstr(line, "memfd:penstock-test") != NULL) {
			found = true;
		}
	}
	fclose(maps);
	return found;
}

START_TEST(a_process_maps_its_own_files_and_no_others)
{
	static struct fixture_process other;

	fixture_process_start(&fixture, &other, 10);
	stream_append_fill(&dma, DATA_ADDRESS, 4, 1);
	ring_and_await(&process, 1);
	ring_and_await(&other, 1);
	ck_assert_int_ne(ops()->process_id(process.backend), ops()->process_id(other.backend));
	ck_assert(maps_list(ops()->process_id(process.backend), process.descriptors[1]));
	ck_assert(maps_list(ops()->process_id(other.backend), other.descriptors[1]));
	for (size_t i = 0; i < PENSTOCK_ARRAY_SIZE(process.descriptors); i++) {
		ck_assert(!maps_list(ops()->process_id(process.backend), other.descriptors[i]));
		ck_assert(!maps_list(ops()->process_id(other.backend), process.descriptors[i]));
	}
	fixture_process_stop(&other);
}
END_TEST

START_TEST(another_principals_file_cannot_be_named)
{
	static struct fixture_process other;

	fixture_process_start(&fixture, &other, 10);
	stream_append_map(&dma, 10 + FIXTURE_SYSTEM_FILE, PENSTOCK_APERTURE_BASE, 0, 4096, 0);
	fixture_submit_paging(&process, 0, 1, &dma);
	fixture_ring(&process);
	ck_assert_int_eq(fixture_await(&process, 1)->type, PENSTOCK_INTERRUPT_DMA_FAULTED);
	fixture_process_stop(&other);
}
END_TEST

/* One process hangs and is reset; the other does not notice. */
START_TEST(a_hang_of_one_principal_is_not_the_others)
{
	static struct fixture_process other;
	uint8_t *spin = stream_append(&dma, PENSTOCK_DMA_SPIN, 0);

	fixture_process_start(&fixture, &other, 10);
	penstock_store32(spin + PENSTOCK_DMA_SPIN_microseconds, 0xffffffff);
	fixture_submit(&process, 0, 1, &dma, 0);
	fixture_ring(&process);
	dma.used = 0;
	stream_append_fill(&dma, DATA_ADDRESS, 4, 3);
	ring_and_await(&other, 1);
	ops()->reset_engine(process.backend);
	ring_and_await(&other, 2);
	ck_assert_uint_eq(other.interrupt_count, 2);
	ring_and_await(&process, 2);
	fixture_process_stop(&other);
}
END_TEST

/* More messages than a socket holds at once; all are there before the packet runs. */
START_TEST(files_arrive_before_the_packet_that_names_them)
{
	enum { FILES = 60 };
	int files[FILES];

	stream_append(&dma, PENSTOCK_DMA_NOP, 0);
	ring_and_await(&process, 1);
	dma.used = 0;
	for (uint32_t i = 0; i < FILES; i++) {
		struct penstock_backend_file file = { .id = 100 + i, .size_bytes = 4096 };

		files[i] = file.descriptor = memfd_create("penstock-test", MFD_CLOEXEC);
		ck_assert_int_eq(ftruncate(file.descriptor, 4096), 0);
		ck_assert_int_eq(ops()->attach_file(process.backend, &file, PENSTOCK_FILE_PAGES),
				 PENSTOCK_STATUS_SUCCESS);
		stream_append_map(&dma, file.id, PENSTOCK_APERTURE_BASE + i * 4096u, 0, 4096, 0);
	}
	fixture_submit_paging(&process, 0, 2, &dma);
	dma.used = 0;
	stream_append_fill(&dma, PENSTOCK_APERTURE_BASE, FILES * 4096u, 0x0badcafe);
	fixture_submit(&process, 0, 3, &dma, 0);
	fixture_ring(&process);
	fixture_await_fence(&process, 0, 3);
	for (uint32_t i = 0; i < FILES; i++) {
		uint32_t value = 0;

		ck_assert_int_eq(pread(files[i], &value, 4, 4092), 4);
		ck_assert_uint_eq(value, 0x0badcafe);
		ops()->detach_file(process.backend, 100 + i);
		close(files[i]);
	}
	dma.used = 0;
	stream_append_map(&dma, 100, PENSTOCK_APERTURE_BASE, 0, 4096, 0);
	fixture_submit_paging(&process, 0, 4, &dma);
	fixture_ring(&process);
	fixture_until(&fixture, process.interrupts[process.interrupt_count - 1].type ==
					PENSTOCK_INTERRUPT_DMA_FAULTED);
}
END_TEST

/* ---------------------------------------------------------------- the process itself */

static unsigned status_field(int64_t pid, const char *name)
{
	char path[64], line[256];
	unsigned value = 0;
	FILE *status;

	snprintf(path, sizeof(path), "/proc/%lld/status", (long long)pid);
	status = fopen(path, "re");
	ck_assert_ptr_nonnull(status);
	while (fgets(line, sizeof(line), status) != NULL) {
		if (strncmp(line, name, strlen(name)) == 0) {
			value = (unsigned)strtoul(line + strlen(name), NULL, 10);
		}
	}
	fclose(status);
	return value;
}

START_TEST(a_gpu_process_is_confined)
{
	int64_t pid;

	stream_append(&dma, PENSTOCK_DMA_NOP, 0);
	ring_and_await(&process, 1);
	pid = ops()->process_id(process.backend);
	ck_assert_uint_eq(status_field(pid, "NoNewPrivs:"), 1);
	ck_assert_uint_eq(status_field(pid, "Seccomp:"), 2);
}
END_TEST

START_TEST(collect_dbg_info_says_where_the_gpu_is)
{
	char text[512];
	size_t length;
	uint8_t *spin;

	stream_append(&dma, PENSTOCK_DMA_NOP, 0);
	spin = stream_append(&dma, PENSTOCK_DMA_SPIN, 0);
	penstock_store32(spin + PENSTOCK_DMA_SPIN_microseconds, 0xffffffff);
	fixture_submit(&process, 0, 0x123, &dma, 0);
	fixture_ring(&process);
	do {
		length = ops()->collect_dbg_info(process.backend, text, sizeof(text));
		ck_assert_uint_eq(length, strlen(text));
	} while (strstr(text, "running=0x123 dma_offset=0x4") == NULL);
	ck_assert_uint_lt(ops()->collect_dbg_info(process.backend, text, 16), 16);
}
END_TEST

static void destroy_on_interrupt(struct fixture_process *who)
{
	who->fixture->on_interrupt = NULL;
	ops()->destroy_process(who->backend);
}

START_TEST(a_callback_may_destroy_its_process)
{
	static struct fixture_process other;

	fixture_process_start(&fixture, &other, 10);
	stream_append(&dma, PENSTOCK_DMA_NOP, 0);
	fixture_submit(&other, 0, 1, &dma, 0);
	fixture_submit(&other, 1, 2, &dma, 0);
	fixture.on_interrupt = destroy_on_interrupt;
	fixture_ring(&other);
	fixture_await(&other, 1);
	ring_and_await(&process, 1);
	ck_assert_uint_eq(other.interrupt_count, 1);
}
END_TEST

static void reset_on_interrupt(struct fixture_process *who)
{
	who->fixture->on_interrupt = NULL;
	ops()->reset_engine(who->backend);
}

START_TEST(a_callback_may_reset_its_process)
{
	stream_append(&dma, PENSTOCK_DMA_NOP, 0);
	fixture_submit(&process, 0, 1, &dma, 0);
	fixture_submit(&process, 1, 2, &dma, 0);
	fixture.on_interrupt = reset_on_interrupt;
	fixture_ring(&process);
	fixture_await(&process, 1);
	ring_and_await(&process, 3);
}
END_TEST

START_TEST(E10_0x119_2_a_packet_too_many_for_a_ring_fails_the_adapter)
{
	fixture_submit(&process, 0, 1, &dma, 0);
	fixture_ring(&process);
	fixture_await_fence(&process, 0, 1);
	ck_assert_int_eq(kill((pid_t)ops()->process_id(process.backend), SIGSTOP), 0);
	for (uint32_t i = 0; i < PENSTOCK_RING_PACKETS; i++) {
		fixture_submit(&process, 0, 2 + i, &dma, 0);
	}
	ck_assert_ptr_null(fixture.failure);
	fixture_submit(&process, 0, 2 + PENSTOCK_RING_PACKETS, &dma, 0);
	fixture_until(&fixture, fixture.failure != NULL);
	ck_assert_ptr_eq(strstr(fixture.failure, "0x119/2: "), fixture.failure);
	ck_assert_uint_eq(process.interrupt_count, 1);
}
END_TEST

static void start_liar(void)
{
	fixture_start_program(&fixture, "tests/gpu/liar");
	fixture_process_start(&fixture, &process, 0);
	dma.used = 0;
}

START_TEST(C8_an_impossible_fence_fails_the_adapter)
{
	fixture_submit(&process, 0, 1, &dma, 0);
	fixture_ring(&process);
	fixture_until(&fixture, fixture.failure != NULL);
	ck_assert_uint_eq(process.interrupt_count, 0);
}
END_TEST

static void start_nothing(void)
{
	fixture_start_program(&fixture, "/bin/true");
	fixture_process_start(&fixture, &process, 0);
	dma.used = 0;
}

/* A program that ends at once is a process that died, not a submission that failed. */
START_TEST(a_program_that_ends_at_once_is_a_process_that_died)
{
	fixture_submit(&process, 0, 1, &dma, 0);
	fixture_ring(&process);
	fixture_until(&fixture, process.deaths == 1);
	fixture_submit(&process, 0, 2, &dma, 0);
	fixture_ring(&process);
	ops()->reset_engine(process.backend);
	fixture_submit(&process, 0, 3, &dma, 0);
	fixture_ring(&process);
	fixture_until(&fixture, process.deaths == 2);
	ck_assert_uint_eq(process.interrupt_count, 0);
}
END_TEST

static void start_what_is_not_there(void)
{
	fixture_start_program(&fixture, "/"); /* which may be entered, not executed */
	fixture_process_start(&fixture, &process, 0);
	dma.used = 0;
}

static void submit_again(struct fixture_process *died)
{
	ops()->reset_engine(died->backend);
	fixture_submit(died, 0, 1 + died->deaths, &dma, 0);
	fixture_ring(died);
}

/* What could not be started from inside of the callback that told the last end ends as well. */
START_TEST(a_process_that_can_never_be_started_dies_every_time)
{
	fixture.on_died = submit_again;
	fixture_submit(&process, 0, 1, &dma, 0);
	fixture_ring(&process);
	fixture_until(&fixture, process.deaths >= 20);
	fixture.on_died = NULL;
	ck_assert_uint_eq(process.interrupt_count, 0);
}
END_TEST

int main(void)
{
	TCase *liar = tcase_create("liar"), *nothing = tcase_create("nothing");
	TCase *not_there = tcase_create("not there");
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
	tcase_add_test(tcase, reset_reports_what_had_completed);
	tcase_add_test(tcase, B5_out_of_window_address_is_a_page_fault_with_its_offset);
	tcase_add_test(tcase, B5_unmapped_aperture_is_a_page_fault_with_its_offset);
	tcase_add_test(tcase, an_illegal_instruction_is_reported_with_its_offset);
	tcase_add_test(tcase, B5_after_unmap_a_stray_write_is_found_in_the_dummy_file);
	tcase_add_test(tcase, a_fault_halts_its_node_only);
	tcase_add_test(tcase, what_was_mapped_before_a_reset_is_not_mapped_after_it);
	tcase_add_test(tcase, preemption_is_answered_at_a_band);
	tcase_add_test(tcase, preemption_with_nothing_on_the_ring_is_answered_from_the_loop);
	tcase_add_test(tcase, C7_a_query_tells_what_completed_without_a_notification);
	tcase_add_test(tcase, C7_a_query_of_a_stuck_gpu_returns_and_tells_nothing);
	tcase_add_test(tcase,
		       C4_fences_wrap_through_a_process_with_preemption_reset_and_paging_between);
	tcase_add_test(tcase, a_process_maps_its_own_files_and_no_others);
	tcase_add_test(tcase, another_principals_file_cannot_be_named);
	tcase_add_test(tcase, a_hang_of_one_principal_is_not_the_others);
	tcase_add_test(tcase, files_arrive_before_the_packet_that_names_them);
	tcase_add_test(tcase, a_gpu_process_is_confined);
	tcase_add_test(tcase, collect_dbg_info_says_where_the_gpu_is);
	tcase_add_test(tcase, a_callback_may_destroy_its_process);
	tcase_add_test(tcase, a_callback_may_reset_its_process);
	tcase_add_test(tcase, E10_0x119_2_a_packet_too_many_for_a_ring_fails_the_adapter);
	suite_add_tcase(suite, tcase);
	tcase_add_checked_fixture(liar, start_liar, teardown);
	tcase_add_test(liar, C8_an_impossible_fence_fails_the_adapter);
	suite_add_tcase(suite, liar);
	tcase_add_checked_fixture(nothing, start_nothing, teardown);
	tcase_add_test(nothing, a_program_that_ends_at_once_is_a_process_that_died);
	suite_add_tcase(suite, nothing);
	tcase_add_checked_fixture(not_there, start_what_is_not_there, teardown);
	tcase_add_test(not_there, a_process_that_can_never_be_started_dies_every_time);
	suite_add_tcase(suite, not_there);
	return penstock_test_main(suite);
}
