/* SPDX-License-Identifier: MIT */
#include "daemon/memory/allocation.h"
#include "daemon/memory/internal.h"
#include "daemon/memory/paging.h"
#include "gpu-backend/dma.h"
#include "proto/isa/instruction.h"
#include "tests/harness.h"
#include "tests/memory/fixture.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---------------------------------------------------------------- placement */

START_TEST(content_survives_its_placement)
{
	uint32_t set = _i == 0 ? LOCAL_ONLY : APERTURE_ONLY;
	struct penstock_vidmm_allocation *allocation =
		machine_allocation(&machine, alice, 10, 100 * KIB, set);

	fill_bytes(allocation, 100 * KIB, 0x5a);
	ck_assert_uint_eq(where(allocation).segment_id, 0);
	ck_assert_int_eq(touch(alice, allocation), PENSTOCK_STATUS_SUCCESS);
	ck_assert_uint_eq(where(allocation).segment_id, set);
	ck_assert_uint_eq(where(allocation).address,
			  set == LOCAL_ONLY ? PENSTOCK_LOCAL_BASE : PENSTOCK_APERTURE_BASE);
	ck_assert(all_bytes(allocation, 100 * KIB, 0x5a));
	ck_assert_int_eq(penstock_vidmm_allocation_evict(allocation), PENSTOCK_STATUS_PENDING);
	ck_assert(all_bytes(allocation, 100 * KIB, 0x5a));
	ck_assert_uint_eq(where(allocation).segment_id, 0);
	ck_assert_uint_eq(where(allocation).address, 0);
	penstock_vidmm_allocation_unref(allocation);
}
END_TEST

START_TEST(what_the_gpu_writes_the_client_reads)
{
	uint32_t set = _i == 0 ? LOCAL_ONLY : APERTURE_ONLY;
	struct penstock_vidmm_allocation *from =
		machine_allocation(&machine, alice, 10, 20 * KIB, set);
	struct penstock_vidmm_allocation *to =
		machine_allocation(&machine, alice, 11, 300 * KIB, 0);
	struct work work;
	uint8_t bytes[16];

	work_init(&work, alice);
	work_reference(&work, from);
	work_reference(&work, to);
	work_fill(&work, 0, 4096, 8, 0x01020304);
	work_copy(&work, 0, 4098, 1, 299 * KIB, 4);
	ck_assert_int_eq(run_work(&work), PENSTOCK_STATUS_SUCCESS);
	machine_read(&machine, to, 299 * KIB, bytes, 4);
	ck_assert_mem_eq(bytes, "\x02\x01\x04\x03", 4);
	penstock_vidmm_allocation_unref(from);
	penstock_vidmm_allocation_unref(to);
}
END_TEST

START_TEST(B6_first_page_in_is_a_fill_and_later_ones_copy)
{
	struct penstock_vidmm_allocation *allocation =
		machine_allocation(&machine, alice, 10, 64 * KIB, LOCAL_ONLY);

	ck_assert_int_eq(touch(alice, allocation), PENSTOCK_STATUS_SUCCESS);
	ck_assert_uint_eq(machine.fills, 1);
	ck_assert_uint_eq(machine.transfers, 0);
	ck_assert(all_bytes(allocation, 64 * KIB, 0));
	ck_assert_int_eq(penstock_vidmm_allocation_evict(allocation), PENSTOCK_STATUS_PENDING);
	machine_settle(&machine);
	ck_assert_int_eq(touch(alice, allocation), PENSTOCK_STATUS_SUCCESS);
	ck_assert_uint_eq(machine.fills, 1);
	ck_assert_uint_eq(machine.transfers, 2);
	penstock_vidmm_allocation_unref(allocation);
}
END_TEST

START_TEST(B6_fill_of_the_aperture_is_refused)
{
	uint8_t buffer[256] = { 0 };
	struct penstock_build_paging_buffer build = {
		.operation = PENSTOCK_OPERATION_FILL,
		.dma_buffer = buffer,
		.dma_size = sizeof(buffer),
		.segment_id = PENSTOCK_SEGMENT_APERTURE,
		.address = PENSTOCK_APERTURE_BASE,
		.size_bytes = 4096,
		.fill_pattern = 0x12345678,
		.destination = { .file_id = 3, .file_offset = 8192 },
	};

	ck_assert_int_eq(penstock_build_paging_buffer(&build), PENSTOCK_STATUS_INVALID_PARAMETER);
	ck_assert_ptr_eq(build.dma_buffer, buffer);
	build.segment_id = PENSTOCK_SEGMENT_LOCAL;
	ck_assert_int_eq(penstock_build_paging_buffer(&build), PENSTOCK_STATUS_SUCCESS);
	ck_assert_uint_eq(penstock_load32(buffer + PENSTOCK_DMA_PAGE_FILL_pattern), 0x12345678);
	ck_assert_uint_eq(penstock_load32(buffer + PENSTOCK_DMA_PAGE_FILL_file), 3);
	ck_assert_uint_eq(penstock_load64(buffer + PENSTOCK_DMA_PAGE_FILL_offset), 8192);
}
END_TEST

START_TEST(a_transfer_goes_on_in_the_next_paging_buffer)
{
	uint8_t buffer[2 * PENSTOCK_DMA_BYTES_PAGE_COPY];
	struct penstock_build_paging_buffer build = {
		.operation = PENSTOCK_OPERATION_TRANSFER,
		.size_bytes = 5ull * PENSTOCK_SUB_TRANSFER_BYTES + 4096,
		.source = { .file_id = 1, .file_offset = 4096 },
		.destination = { .file_id = 2, .file_offset = 1ull << 33 },
	};
	enum penstock_status status;
	uint64_t moved = 0;

	do {
		build.dma_buffer = buffer;
		build.dma_size = sizeof(buffer);
		status = penstock_build_paging_buffer(&build);
		for (uint8_t *at = buffer; at < build.dma_buffer;
		     at += PENSTOCK_DMA_BYTES_PAGE_COPY) {
			ck_assert_uint_eq(
				penstock_load64(at + PENSTOCK_DMA_PAGE_COPY_source_offset),
				4096 + moved);
			ck_assert_uint_eq(
				penstock_load64(at + PENSTOCK_DMA_PAGE_COPY_destination_offset),
				(1ull << 33) + moved);
			moved += penstock_load64(at + PENSTOCK_DMA_PAGE_COPY_size);
		}
	} while (status == PENSTOCK_STATUS_GRAPHICS_INSUFFICIENT_DMA_BUFFER);
	ck_assert_int_eq(status, PENSTOCK_STATUS_SUCCESS);
	ck_assert_uint_eq(moved, build.size_bytes);
	build.multipass_offset = 0;
	build.source.segment_id = PENSTOCK_SEGMENT_LOCAL;
	build.references = 1;
	ck_assert_int_eq(penstock_build_paging_buffer(&build),
			 PENSTOCK_STATUS_GRAPHICS_ALLOCATION_BUSY);
}
END_TEST

START_TEST(local_memory_that_is_full_falls_back_to_the_aperture)
{
	struct penstock_vidmm_allocation *big = machine_allocation(&machine, alice, 10, 7 * MIB, 0);
	struct penstock_vidmm_allocation *other = machine_allocation(&machine, bob, 11, 2 * MIB, 0);

	ck_assert_int_eq(touch(alice, big), PENSTOCK_STATUS_SUCCESS);
	ck_assert_uint_eq(where(big).segment_id, PENSTOCK_SEGMENT_LOCAL);
	ck_assert_int_eq(touch(bob, other), PENSTOCK_STATUS_SUCCESS);
	ck_assert_uint_eq(where(other).segment_id, PENSTOCK_SEGMENT_APERTURE);
	penstock_vidmm_allocation_unref(big);
	penstock_vidmm_allocation_unref(other);
}
END_TEST

START_TEST(B1_a_submission_that_no_segment_holds_is_NO_VIDEO_MEMORY)
{
	struct penstock_vidmm_allocation *a = machine_allocation(&machine, alice, 10, 5 * MIB, 1);
	struct penstock_vidmm_allocation *b = machine_allocation(&machine, alice, 11, 5 * MIB, 1);
	struct penstock_segment_state segments[PENSTOCK_SEGMENT_COUNT];
	struct work work;

	work_init(&work, alice);
	work_reference(&work, a);
	work_reference(&work, b);
	work_copy(&work, 0, 0, 1, 0, 64); /* both at once */
	ck_assert_int_eq(run_work(&work), PENSTOCK_STATUS_GRAPHICS_NO_VIDEO_MEMORY);
	ck_assert_uint_eq(machine.out_of_memory, 1);
	penstock_vidmm_query_segments(machine.vidmm, segments);
	ck_assert_uint_eq(segments[0].used_bytes, 0);
	ck_assert_uint_eq(segments[0].largest_free_bytes, 8 * MIB);
	/* One after the other they fit, also in what is on its way to be free. */
	ck_assert_int_eq(touch(alice, b), PENSTOCK_STATUS_SUCCESS);
	ck_assert_int_eq(touch(alice, a), PENSTOCK_STATUS_SUCCESS);
	penstock_vidmm_allocation_unref(a);
	ck_assert_int_eq(touch(alice, b), PENSTOCK_STATUS_SUCCESS);
	penstock_vidmm_allocation_unref(b);
}
END_TEST

START_TEST(B1_segments_that_cannot_be_are_refused_at_start)
{
	const struct {
		uint64_t local, aperture, limit;
	} sizes[] = {
		{ 0, MIB, MIB },
		{ MIB, 0, 0 },
		{ 1000, MIB, MIB },
		{ MIB, MIB + 4096, MIB },
		{ MIB, MIB, 2 * MIB },
		{ 1ull << 48, MIB, MIB },
		{ MIB, 64 * KIB, 64 * KIB },
	};
	struct penstock_vidmm_config config = { .memory_dir = "/nonexistent" };
	struct penstock_errbuf text = { "" };
	struct penstock_vidmm *vidmm;
	bool fresh;

	config.local_bytes = sizes[_i].local;
	config.aperture_bytes = sizes[_i].aperture;
	config.aperture_commit_limit_bytes = sizes[_i].limit;
	ck_assert_int_eq(penstock_vidmm_new(&config, &vidmm, &fresh, &text),
			 PENSTOCK_STATUS_INVALID_PARAMETER);
	ck_assert_str_ne(text.text, "");
}
END_TEST

START_TEST(null_elements_and_duplicates_are_legal)
{
	struct penstock_vidmm_allocation *allocation =
		machine_allocation(&machine, alice, 10, 4096, 0);
	struct work work;

	work_init(&work, alice);
	work_reference(&work, NULL);
	work_reference(&work, allocation);
	work_reference(&work, allocation);
	work_fill(&work, 2, 0, 4096, 0x77777777);
	ck_assert_int_eq(run_work(&work), PENSTOCK_STATUS_SUCCESS);
	ck_assert(all_bytes(allocation, 4096, 0x77));
	penstock_vidmm_allocation_unref(allocation);
}
END_TEST

START_TEST(small_allocations_of_one_principal_share_a_granule)
{
	struct penstock_vidmm_allocation *mine[8], *other;
	struct penstock_segment_state segments[PENSTOCK_SEGMENT_COUNT];

	for (unsigned i = 0; i < 8; i++) {
		mine[i] = machine_allocation(&machine, alice, 10 + i, 8 * KIB, LOCAL_ONLY);
		ck_assert_int_eq(touch(alice, mine[i]), PENSTOCK_STATUS_SUCCESS);
	}
	penstock_vidmm_query_segments(machine.vidmm, segments);
	ck_assert_uint_eq(segments[0].used_bytes, 64 * KIB);
	other = machine_allocation(&machine, bob, 30, 4 * KIB, LOCAL_ONLY);
	ck_assert_int_eq(touch(bob, other), PENSTOCK_STATUS_SUCCESS);
	penstock_vidmm_query_segments(machine.vidmm, segments);
	ck_assert_uint_eq(segments[0].used_bytes, 128 * KIB);
	for (unsigned i = 0; i < 8; i++) {
		penstock_vidmm_allocation_unref(mine[i]);
	}
	penstock_vidmm_allocation_unref(other);
	machine_settle(&machine);
	penstock_vidmm_query_segments(machine.vidmm, segments);
	ck_assert_uint_eq(segments[0].used_bytes, 0);
	ck_assert_uint_eq(segments[0].allocations, 0);
}
END_TEST

/* ---------------------------------------------------------------- pages */

START_TEST(memory_is_zeroed_before_it_is_used_again)
{
	static const uint64_t sizes[] = { 4 * KIB, 60 * KIB, 256 * KIB, 3 * MIB };
	uint64_t size = sizes[_i];
	struct penstock_vidmm_allocation *first, *second;
	uint64_t offset;

	first = machine_allocation(&machine, alice, 10, size, 0);
	fill_bytes(first, size, 0xee);
	ck_assert_int_eq(touch(alice, first), PENSTOCK_STATUS_SUCCESS);
	fill_bytes(first, size, 0xee);
	offset = first->location.backing_offset;
	penstock_vidmm_allocation_unref(first);
	machine_settle(&machine);
	second = machine_allocation(&machine, alice, 11, size, 0);
	ck_assert_uint_eq(second->location.backing_offset, offset);
	ck_assert(all_bytes(second, size, 0));
	ck_assert_int_eq(touch(alice, second), PENSTOCK_STATUS_SUCCESS);
	ck_assert(all_bytes(second, size, 0));
	penstock_vidmm_allocation_unref(second);
}
END_TEST

START_TEST(a_quota_is_kept_and_given_back)
{
	struct penstock_allocation_info info = { .id = 10, .size_bytes = 65 * MIB };
	struct penstock_vidmm_allocation *allocation;

	ck_assert_int_eq(penstock_vidmm_allocation_new(alice, &info, NULL, NULL, &allocation),
			 PENSTOCK_STATUS_QUOTA_EXCEEDED);
	allocation = machine_allocation(&machine, alice, 10, 64 * MIB, 0);
	ck_assert_uint_eq(penstock_vidmm_process_used_bytes(alice), 64 * MIB);
	info.size_bytes = 1;
	ck_assert_int_eq(penstock_vidmm_allocation_new(alice, &info, NULL, NULL, &allocation),
			 PENSTOCK_STATUS_QUOTA_EXCEEDED);
	penstock_vidmm_allocation_unref(allocation);
	machine_settle(&machine);
	ck_assert_uint_eq(penstock_vidmm_process_used_bytes(alice), 0);
}
END_TEST

START_TEST(an_allocation_may_be_freed_while_its_pages_are_reserved)
{
	const struct penstock_allocation_info info = { .id = 10, .size_bytes = 8 * MIB };
	enum penstock_status status = PENSTOCK_STATUS_PENDING;
	struct penstock_vidmm_allocation *allocation;

	ck_assert_int_eq(penstock_vidmm_allocation_new(alice, &info, told, &status, &allocation),
			 PENSTOCK_STATUS_PENDING);
	penstock_vidmm_allocation_unref(allocation);
	machine_settle(&machine);
	ck_assert_int_eq(status, PENSTOCK_STATUS_PENDING);
	ck_assert_uint_eq(penstock_vidmm_process_used_bytes(alice), 0);
}
END_TEST

START_TEST(a_principal_may_go_while_its_last_pages_are_reserved)
{
	static const uint64_t sizes[] = { 4 * KIB, 8 * MIB };

	for (unsigned i = 0; i < PENSTOCK_ARRAY_SIZE(sizes); i++) {
		const struct penstock_allocation_info info = { .id = 10 + i,
							       .size_bytes = sizes[i] };
		struct penstock_vidmm_process *carol = machine_principal(&machine, 3, 16 * MIB);
		const struct machine_process *process = machine_process_of(carol);
		enum penstock_status status = PENSTOCK_STATUS_PENDING;
		struct penstock_vidmm_allocation *allocation;

		ck_assert_int_eq(
			penstock_vidmm_allocation_new(carol, &info, told, &status, &allocation),
			PENSTOCK_STATUS_PENDING);
		penstock_vidmm_allocation_unref(allocation);
		penstock_vidmm_process_free(carol);
		ck_assert(process->used);
		machine_settle(&machine);
		ck_assert(!process->used);
	}
}
END_TEST

START_TEST(no_space_on_the_disk_is_NO_MEMORY)
{
	const struct penstock_allocation_info info = { .id = 10, .size_bytes = 8 * MIB };
	const struct penstock_allocation_info small = { .id = 11, .size_bytes = 4096 };
	enum penstock_status status = PENSTOCK_STATUS_PENDING, answer;
	struct penstock_vidmm_allocation *allocation, *made[2000];
	int writable = alice->system.descriptor;
	unsigned count = 0;

	machine_settle(&machine);
	/* What cannot be written cannot be reserved. */
	alice->system.descriptor = open("/dev/null", O_RDONLY | O_CLOEXEC);
	ck_assert_int_eq(penstock_vidmm_allocation_new(alice, &info, told, &status, &allocation),
			 PENSTOCK_STATUS_PENDING);
	machine_settle(&machine);
	ck_assert_int_eq(status, PENSTOCK_STATUS_NO_MEMORY);
	ck_assert_ptr_null(penstock_vidmm_access_begin(allocation, 0, PENSTOCK_ACCESS_WRITE));
	penstock_vidmm_allocation_unref(allocation);
	/* Small ones go on with what was reserved ahead, and no further. */
	do {
		status = PENSTOCK_STATUS_SUCCESS;
		answer = penstock_vidmm_allocation_new(alice, &small, told, &status, &made[count]);
		machine_settle(&machine);
		count += answer != PENSTOCK_STATUS_NO_MEMORY;
	} while (answer != PENSTOCK_STATUS_NO_MEMORY && status == PENSTOCK_STATUS_SUCCESS &&
		 count < PENSTOCK_ARRAY_SIZE(made));
	ck_assert_uint_ge(count, 256);
	ck_assert_uint_le(count, 1024);
	while (count > 0) {
		penstock_vidmm_allocation_unref(made[--count]);
	}
	close(alice->system.descriptor);
	alice->system.descriptor = writable;
	allocation = machine_allocation(&machine, alice, 12, 8 * MIB, 0);
	ck_assert(all_bytes(allocation, 8 * MIB, 0));
	penstock_vidmm_allocation_unref(allocation);
}
END_TEST

/* ---------------------------------------------------------------- sharing */

START_TEST(a_shared_allocation_is_seen_by_both_and_by_nobody_else)
{
	uint32_t set = _i == 0 ? LOCAL_ONLY : APERTURE_ONLY;
	struct penstock_vidmm_allocation *shared =
		machine_allocation(&machine, alice, 10, 100 * KIB, set);
	enum penstock_status status = PENSTOCK_STATUS_PENDING;
	struct work work;
	uint8_t bytes[4] = "abc";

	machine_write(&machine, shared, 99 * KIB, bytes, 4);
	ck_assert_int_eq(touch(alice, shared), PENSTOCK_STATUS_SUCCESS);
	ck_assert_int_eq(penstock_vidmm_allocation_share(shared, told, &status),
			 PENSTOCK_STATUS_PENDING);
	machine_settle(&machine);
	ck_assert_int_eq(status, PENSTOCK_STATUS_SUCCESS);
	ck_assert(where(shared).own_file);
	ck_assert_int_eq(penstock_vidmm_allocation_share(shared, told, &status),
			 PENSTOCK_STATUS_SUCCESS);
	work_init(&work, bob);
	work_reference(&work, shared);
	work_copy(&work, 0, 99 * KIB, 0, 4096, 4);
	work_fill(&work, 0, 0, 4, 0x42424242);
	ck_assert_int_eq(run_work(&work), PENSTOCK_STATUS_SUCCESS);
	ck_assert_int_eq(touch(alice, shared), PENSTOCK_STATUS_SUCCESS);
	ck_assert_uint_eq(where(shared).segment_id, set);
	ck_assert(machine_access(machine_process_of(alice), where(shared).address + 4096, bytes, 4,
				 false));
	ck_assert_mem_eq(bytes, "abc", 4);
	machine_read(&machine, shared, 0, bytes, 4);
	ck_assert_mem_eq(bytes, "BBBB", 4);
	penstock_vidmm_allocation_unref(shared);
}
END_TEST

START_TEST(sharing_what_nobody_wrote_moves_nothing)
{
	struct penstock_vidmm_allocation *shared =
		machine_allocation(&machine, alice, 10, 100 * KIB, 0);

	ck_assert_int_eq(penstock_vidmm_allocation_share(shared, NULL, NULL),
			 PENSTOCK_STATUS_SUCCESS);
	ck_assert(where(shared).own_file);
	ck_assert_int_eq(touch(bob, shared), PENSTOCK_STATUS_SUCCESS);
	ck_assert_uint_eq(machine.transfers, 0);
	ck_assert(all_bytes(shared, 100 * KIB, 0));
	penstock_vidmm_allocation_unref(shared);
}
END_TEST

static bool reaches(struct penstock_vidmm_process *process, uint64_t address, bool write)
{
	uint8_t byte = 0;
	uint32_t before = machine_process_of(process)->dummy_touches;

	return machine_access(machine_process_of(process), address, &byte, 1, write) &&
	       machine_process_of(process)->dummy_touches == before;
}

static bool has_writable_files_only(struct penstock_vidmm_process *process)
{
	const struct machine_process *gpu = machine_process_of(process);

	for (uint32_t i = 0; i < gpu->file_count; i++) {
		if ((fcntl(gpu->files[i].descriptor, F_GETFL) & O_ACCMODE) == O_RDONLY) {
			return false;
		}
	}
	return true;
}

static void use_shared(struct penstock_vidmm_process *process,
		       struct penstock_vidmm_allocation *shared, bool write)
{
	struct work work;

	work_init(&work, process);
	work_reference(&work, shared);
	work.references[0].write_operation = write;
	work_nop(&work);
	ck_assert_int_eq(run_work(&work), PENSTOCK_STATUS_SUCCESS);
}

START_TEST(who_only_reads_shared_memory_cannot_write_it_and_loses_it_with_the_last_opening)
{
	uint32_t set = _i == 0 ? LOCAL_ONLY : APERTURE_ONLY;
	struct penstock_vidmm_allocation *shared =
		machine_allocation(&machine, alice, 10, 64 * KIB, set);
	uint32_t files = machine_process_of(bob)->file_count;
	uint64_t address;

	ck_assert_int_eq(penstock_vidmm_allocation_share(shared, NULL, NULL),
			 PENSTOCK_STATUS_SUCCESS);
	for (unsigned round = 0; round < 2; round++) {
		use_shared(bob, shared, false);
		address = where(shared).address;
		ck_assert(reaches(bob, address, false) && !reaches(bob, address, true));
		ck_assert(!has_writable_files_only(bob));
		use_shared(bob, shared, true);
		ck_assert(reaches(bob, address, true));
		penstock_vidmm_allocation_closed(shared, bob);
		machine_settle(&machine);
		ck_assert_uint_eq(machine_process_of(bob)->file_count, files);
	}
	/* Who pays writes. */
	use_shared(alice, shared, false);
	ck_assert(reaches(alice, address, true));
	/* Opened again while it is being taken away. */
	use_shared(bob, shared, false);
	penstock_vidmm_allocation_closed(shared, bob);
	use_shared(bob, shared, false);
	ck_assert(reaches(bob, address, false));
	/* It dies meanwhile. */
	penstock_vidmm_allocation_closed(shared, bob);
	penstock_vidmm_allocation_unref(shared);
	machine_settle(&machine);
	ck_assert_uint_eq(machine_process_of(bob)->file_count, files);
}
END_TEST

START_TEST(a_principal_may_go_while_another_has_its_pages_mapped)
{
	struct penstock_vidmm_allocation *shared =
		machine_allocation(&machine, alice, 10, 100 * KIB, APERTURE_ONLY);
	struct penstock_vidmm_process *carol = machine_principal(&machine, 3, MIB);

	ck_assert_int_eq(penstock_vidmm_allocation_share(shared, NULL, NULL),
			 PENSTOCK_STATUS_SUCCESS);
	ck_assert_int_eq(touch(carol, shared), PENSTOCK_STATUS_SUCCESS);
	ck_assert_int_eq(touch(bob, shared), PENSTOCK_STATUS_SUCCESS);
	penstock_vidmm_process_free(carol);
	machine_settle(&machine);
	ck_assert_int_eq(touch(alice, shared), PENSTOCK_STATUS_SUCCESS);
	penstock_vidmm_allocation_unref(shared);
}
END_TEST

/* ---------------------------------------------------------------- aperture */

START_TEST(a_principal_may_go_while_its_last_page_is_unmapped)
{
	struct penstock_vidmm_process *carol = machine_principal(&machine, 3, 1 * MIB);
	const struct machine_process *process = machine_process_of(carol);
	struct penstock_vidmm_allocation *allocation =
		machine_allocation(&machine, carol, 3, 4 * KIB, APERTURE_ONLY);

	ck_assert_int_eq(touch(carol, allocation), PENSTOCK_STATUS_SUCCESS);
	penstock_vidmm_allocation_unref(allocation);
	penstock_vidmm_process_free(carol);
	ck_assert(process->used);
	machine_settle(&machine);
	ck_assert(!process->used);
	ck_assert_uint_eq(machine.processes[0].file_count, 4); /* alice's and bob's */
}
END_TEST

START_TEST(B5_a_stray_access_after_unmap_meets_the_dummy)
{
	struct penstock_vidmm_allocation *allocation =
		machine_allocation(&machine, alice, 10, 64 * KIB, APERTURE_ONLY);
	struct machine_process *gpu = machine_process_of(alice);
	uint8_t bytes[4] = "ssh";
	uint64_t address;
	int file;

	fill_bytes(allocation, 64 * KIB, 0x33);
	ck_assert_int_eq(touch(alice, allocation), PENSTOCK_STATUS_SUCCESS);
	address = where(allocation).address;
	ck_assert(machine_access(gpu, address, bytes, 4, false));
	ck_assert_mem_eq(bytes, "3333", 4);
	/* Never mapped: a fault. */
	ck_assert(!machine_access(gpu, address + MIB, bytes, 4, false));
	penstock_vidmm_allocation_unref(allocation);
	machine_settle(&machine);
	ck_assert(machine_access(gpu, address, bytes, 4, false));
	ck_assert_mem_eq(bytes, "\0\0\0\0", 4);
	ck_assert_uint_eq(gpu->dummy_touches, 1);
	memcpy(bytes, "wild", 4);
	/* A stray write is found where it happened, and nowhere else. */
	ck_assert(machine_access(gpu, address + 8192, bytes, 4, true));
	file = openat(machine.vidmm->directory, "p1.dummy", O_RDONLY | O_CLOEXEC);
	ck_assert_int_ge(file, 0);
	ck_assert_int_eq(lseek(file, 0, SEEK_DATA),
			 (off_t)(address - PENSTOCK_APERTURE_BASE + 8192));
	close(file);
}
END_TEST

START_TEST(B5_pages_are_not_used_again_before_they_are_unmapped)
{
	struct penstock_vidmm_allocation *allocation =
		machine_allocation(&machine, alice, 10, 64 * KIB, APERTURE_ONLY);
	struct machine_process *gpu = machine_process_of(alice);
	struct penstock_vidmm_allocation *next;
	uint64_t address, offset;
	uint8_t byte;

	ck_assert_int_eq(touch(alice, allocation), PENSTOCK_STATUS_SUCCESS);
	address = where(allocation).address;
	offset = allocation->location.backing_offset;
	penstock_vidmm_allocation_unref(allocation);
	next = machine_allocation(&machine, alice, 11, 64 * KIB, APERTURE_ONLY);
	ck_assert_uint_ne(next->location.backing_offset, offset);
	machine_settle(&machine);
	ck_assert(machine_access(gpu, address, &byte, 1, false));
	penstock_vidmm_allocation_unref(next);
}
END_TEST

START_TEST(a_reset_process_gets_its_mappings_back)
{
	struct penstock_vidmm_allocation *allocation =
		machine_allocation(&machine, alice, 10, 64 * KIB, APERTURE_ONLY);
	struct machine_process *gpu = machine_process_of(alice);
	struct work work;
	uint8_t byte;

	fill_bytes(allocation, 64 * KIB, 0x21);
	ck_assert_int_eq(touch(alice, allocation), PENSTOCK_STATUS_SUCCESS);
	ck_assert(penstock_vidmm_process_idle(alice));
	ck_assert_uint_eq(gpu->resets, 1);
	ck_assert(!machine_access(gpu, where(allocation).address, &byte, 1, false));
	work_init(&work, alice);
	work_reference(&work, allocation);
	work_copy(&work, 0, 0, 0, 4096, 16);
	ck_assert_int_eq(run_work(&work), PENSTOCK_STATUS_SUCCESS);
	ck_assert(all_bytes(allocation, 64 * KIB, 0x21));
	penstock_vidmm_allocation_unref(allocation);
}
END_TEST

/* ---------------------------------------------------------------- patch */

START_TEST(A11_what_did_not_move_has_nothing_patched)
{
	struct penstock_vidmm_allocation *a = machine_allocation(&machine, alice, 10, 8192, 0);
	struct penstock_vidmm_allocation *b = machine_allocation(&machine, alice, 11, 8192, 0);
	struct penstock_vidmm_allocation *wedge;
	uint8_t before[sizeof(((struct work *)0)->dma)];
	struct work work;
	uint64_t old;

	work_init(&work, alice);
	work_reference(&work, a);
	work_reference(&work, b);
	work_fill(&work, 0, 64, 64, 0x11111111);
	work_copy(&work, 0, 64, 1, 128, 64);
	ck_assert_int_eq(run_work(&work), PENSTOCK_STATUS_SUCCESS);
	ck_assert_uint_eq(work.submission.patched, 3);
	memcpy(before, work.dma, sizeof(before));
	work_again(&work);
	ck_assert_int_eq(run_work(&work), PENSTOCK_STATUS_SUCCESS);
	ck_assert_uint_eq(work.submission.patched, 0);
	ck_assert_mem_eq(before, work.dma, sizeof(before));
	/* Moved: it differs at the listed sites of what moved, and nowhere else. */
	old = where(b).address;
	ck_assert_int_eq(penstock_vidmm_allocation_evict(b), PENSTOCK_STATUS_PENDING);
	machine_settle(&machine);
	wedge = machine_allocation(&machine, alice, 12, 8192, 0);
	ck_assert_int_eq(touch(alice, wedge), PENSTOCK_STATUS_SUCCESS);
	work_again(&work);
	ck_assert_int_eq(run_work(&work), PENSTOCK_STATUS_SUCCESS);
	ck_assert_uint_ne(where(b).address, old);
	ck_assert_uint_eq(work.submission.patched, 1);
	ck_assert_uint_eq(penstock_load64(work.dma + work.patches[2].patch_offset),
			  where(b).address + 128);
	penstock_store64(work.dma + work.patches[2].patch_offset, old + 128);
	ck_assert_mem_eq(before, work.dma, sizeof(before));
	penstock_vidmm_allocation_unref(a);
	penstock_vidmm_allocation_unref(b);
	penstock_vidmm_allocation_unref(wedge);
}
END_TEST

START_TEST(C1_patch_is_idempotent_and_stays_in_its_range)
{
	struct penstock_vidmm_allocation *a = machine_allocation(&machine, alice, 10, 8192, 0);
	uint8_t once[sizeof(((struct work *)0)->dma)];
	struct work work;

	ck_assert_int_eq(touch(alice, a), PENSTOCK_STATUS_SUCCESS);
	work_init(&work, alice);
	work_reference(&work, a);
	work_fill(&work, 0, 64, 64, 0x11111111);
	work_fill(&work, 0, 128, 64, 0x22222222);
	memset(work.dma + work.submission.args.dma_length, 0xcd,
	       sizeof(work.dma) - work.submission.args.dma_length);
	while (work_prepare(&work) == PENSTOCK_STATUS_PENDING) {
		ck_assert(machine_step(&machine));
	}
	ck_assert(penstock_vidmm_patch(&work.submission));
	ck_assert_uint_eq(work.submission.patched, 2);
	memcpy(once, work.dma, sizeof(once));
	ck_assert(penstock_vidmm_patch(&work.submission));
	ck_assert_uint_eq(work.submission.patched, 0);
	ck_assert_mem_eq(once, work.dma, sizeof(once));
	for (size_t i = work.submission.args.dma_length; i < sizeof(work.dma); i++) {
		ck_assert_uint_eq(work.dma[i], 0xcd);
	}
	/* A part of the patch list: exactly its sites. */
	penstock_store64(work.dma + work.patches[0].patch_offset, 0);
	penstock_store64(work.dma + work.patches[1].patch_offset, 0);
	work.submission.part.patch_count = 1;
	ck_assert(penstock_vidmm_patch(&work.submission));
	ck_assert_uint_eq(penstock_load64(work.dma + work.patches[0].patch_offset),
			  where(a).address + 64);
	ck_assert_uint_eq(penstock_load64(work.dma + work.patches[1].patch_offset), 0);
	penstock_vidmm_finish(&work.submission);
	penstock_vidmm_allocation_unref(a);
}
END_TEST

/* ---------------------------------------------------------------- DMA pool */

START_TEST(the_gpu_cannot_write_its_dma_buffers)
{
	struct work work;
	uint8_t byte = 0;

	work_init(&work, alice);
	work_nop(&work);
	while (work_prepare(&work) == PENSTOCK_STATUS_PENDING) {
		ck_assert(machine_step(&machine));
	}
	ck_assert(penstock_vidmm_patch(&work.submission));
	ck_assert(machine_access(machine_process_of(alice), work.submission.dma_address, &byte, 1,
				 false));
	ck_assert(!machine_access(machine_process_of(alice), work.submission.dma_address, &byte, 1,
				  true));
	penstock_vidmm_finish(&work.submission);
}
END_TEST

START_TEST(slots_are_used_again_and_run_out_as_PENDING)
{
	struct work works[80];
	uint64_t first;
	unsigned held = 0;

	for (unsigned i = 0; i < 80; i++) {
		work_init(&works[i], alice);
		work_nop(&works[i]);
		works[i].submission.args.dma_length = 4;
	}
	while (held < 80) {
		enum penstock_status status = work_prepare(&works[held]);

		ck_assert(status == PENSTOCK_STATUS_SUCCESS || status == PENSTOCK_STATUS_PENDING);
		if (status == PENSTOCK_STATUS_SUCCESS) {
			for (unsigned i = 0; i < held; i++) {
				ck_assert_uint_ne(works[i].submission.dma_address,
						  works[held].submission.dma_address);
			}
			held++;
		} else if (!machine_step(&machine)) {
			break;
		}
	}
	/* 16 MiB of aperture: a window of 4 MiB, one block of small slots. */
	ck_assert_uint_eq(held, 64);
	first = works[63].submission.dma_address;
	penstock_vidmm_finish(&works[63].submission);
	ck_assert_int_eq(work_prepare(&works[64]), PENSTOCK_STATUS_SUCCESS);
	ck_assert_uint_eq(works[64].submission.dma_address, first);
	penstock_vidmm_finish(&works[64].submission);
	for (unsigned i = 0; i < 63; i++) {
		penstock_vidmm_finish(&works[i].submission);
	}
}
END_TEST

/* As many slots of each size as there are: the pool is bounded, and not charged to the quota. */
START_TEST(a_dma_pool_is_bounded_beside_the_quota_and_given_back)
{
	static const uint32_t lengths[] = { 4, 64 * KIB, MIB };
	const uint64_t window = penstock_dma_pool_window_bytes(machine.aperture_bytes);
	struct work works[256];
	unsigned held = 0;

	ck_assert_uint_eq(penstock_vidmm_process_pool_bytes(alice), 0);
	for (unsigned i = 0; i < PENSTOCK_ARRAY_SIZE(lengths) && held < 256;) {
		enum penstock_status status;

		work_init(&works[held], alice);
		work_nop(&works[held]);
		works[held].submission.args.dma_length = lengths[i];
		status = work_prepare(&works[held]);
		ck_assert(status == PENSTOCK_STATUS_SUCCESS || status == PENSTOCK_STATUS_PENDING);
		ck_assert_uint_le(penstock_vidmm_process_pool_bytes(alice), window);
		if (status == PENSTOCK_STATUS_SUCCESS) {
			held++;
		} else if (!machine_step(&machine)) {
			i++; /* none of this size is left */
		}
	}
	ck_assert_uint_ge(penstock_vidmm_process_pool_bytes(alice), window / 2);
	ck_assert_uint_eq(penstock_vidmm_process_used_bytes(alice), 0);
	ck_assert_uint_eq(penstock_vidmm_process_pool_bytes(bob), 0);
	while (held-- > 0) {
		penstock_vidmm_finish(&works[held].submission);
	}
	ck_assert(penstock_vidmm_process_idle(alice));
	ck_assert_uint_eq(penstock_vidmm_process_pool_bytes(alice), 0);
}
END_TEST

START_TEST(A8_a_promised_slot_keeps_its_pages_while_its_process_sleeps)
{
	struct work work;

	ck_assert_int_eq(penstock_vidmm_promise_slot(alice, 2 * MIB), PENSTOCK_STATUS_NO_MEMORY);
	ck_assert_int_eq(penstock_vidmm_promise_slot(alice, 4096), PENSTOCK_STATUS_SUCCESS);
	ck_assert_uint_eq(penstock_vidmm_process_pool_bytes(alice), 256 * KIB);
	ck_assert(penstock_vidmm_process_idle(alice));
	ck_assert_uint_eq(penstock_vidmm_process_pool_bytes(alice), 256 * KIB);
	work_init(&work, alice);
	work_nop(&work);
	ck_assert_int_eq(run_work(&work), PENSTOCK_STATUS_SUCCESS);
	ck_assert_uint_eq(penstock_vidmm_process_pool_bytes(alice), 256 * KIB);
	penstock_vidmm_unpromise_slot(alice, 4096);
	ck_assert(penstock_vidmm_process_idle(alice));
	ck_assert_uint_eq(penstock_vidmm_process_pool_bytes(alice), 0);
}
END_TEST

START_TEST(a_dma_buffer_larger_than_any_slot_is_NO_VIDEO_MEMORY)
{
	struct work work;

	work_init(&work, alice);
	work.submission.args.dma_length = 2 * MIB;
	ck_assert_int_eq(run_work(&work), PENSTOCK_STATUS_GRAPHICS_NO_VIDEO_MEMORY);
}
END_TEST

/* A transfer that waited for it would be waited for at the end of the daemon, for ever. */
START_TEST(what_was_on_its_way_is_accessible_when_the_backend_is_gone)
{
	struct penstock_vidmm_allocation *allocation =
		machine_allocation(&machine, alice, 7, 4096, LOCAL_ONLY);
	struct work work;
	uint32_t calls;

	work_init(&work, alice);
	work_reference(&work, allocation);
	work_nop(&work);
	penstock_scheduler_enqueue(&queue, &work.submission);
	for (int i = 0; i < _i; i++) {
		machine_turn(
			&machine); /* workers reserve its pages, then it waits to be paged in */
	}
	penstock_scheduler_stopped(machine.scheduler, PENSTOCK_STATUS_CANCELLED);
	penstock_vidmm_stopped(machine.vidmm);
	if (penstock_vidmm_access_begin(allocation, 0, PENSTOCK_ACCESS_WRITE) == NULL) {
		calls = machine.progress_calls;
		machine_turn(&machine);
		ck_assert_uint_gt(machine.progress_calls, calls);
		ck_assert_ptr_nonnull(
			penstock_vidmm_access_begin(allocation, 0, PENSTOCK_ACCESS_WRITE));
	}
	penstock_vidmm_access_end(allocation);
	penstock_scheduler_cancel(&queue, PENSTOCK_STATUS_CANCELLED);
	penstock_scheduler_deliver(machine.scheduler);
	ck_assert_int_eq(work.status, PENSTOCK_STATUS_CANCELLED);
	penstock_vidmm_allocation_unref(allocation);
	for (unsigned i = 0; i < MACHINE_PROCESSES; i++) {
		machine.processes[i].used = false; /* a backend that stops ends them itself */
	}
}
END_TEST

/*
 * One operation of a packet adds another, the next one of it has that flushed: it completes when it
 * was executed, and not with the packet before it.
 */
START_TEST(B7_what_is_flushed_while_a_packet_completes_is_not_of_it)
{
	struct penstock_vidmm_allocation *first =
		machine_allocation(&machine, bob, 6, 64 * KIB, LOCAL_ONLY);
	struct penstock_vidmm_allocation *shared =
		machine_allocation(&machine, alice, 7, 64 * KIB, APERTURE_ONLY);
	struct penstock_vidmm_allocation *moved =
		machine_allocation(&machine, bob, 8, 64 * KIB, LOCAL_ONLY);
	enum penstock_status status = PENSTOCK_STATUS_PENDING;
	struct penstock_queue other;
	struct work works[2];

	penstock_queue_init(&other, machine.scheduler, &machine.sharing,
			    PENSTOCK_NODE_RENDER_ORDINAL, 0, NULL);
	fill_bytes(shared, 64 * KIB, 7);
	fill_bytes(moved, 64 * KIB, 8);
	for (unsigned i = 0; i < 2; i++) {
		work_init(&works[i], bob);
		work_reference(&works[i], i == 0 ? first : moved);
		work_nop(&works[i]);
		penstock_scheduler_enqueue(i == 0 ? &queue : &other, &works[i].submission);
	}
	/* `first` is on its way; behind it `moved`, which is to leave again, and `shared`. */
	penstock_scheduler_cancel(&other, PENSTOCK_STATUS_CANCELLED);
	ck_assert_int_eq(penstock_vidmm_allocation_evict(moved), PENSTOCK_STATUS_PENDING);
	ck_assert_int_eq(penstock_vidmm_allocation_share(shared, told, &status),
			 PENSTOCK_STATUS_PENDING);
	penstock_vidmm_allocation_unref(shared); /* sharing has the last reference */
	for (unsigned i = 0; i < 2; i++) {
		ck_assert_int_eq(status, PENSTOCK_STATUS_PENDING);
		ck_assert(machine_execute(&machine.processes[0], 1));
		ck_assert(machine_report(&machine, &machine.processes[0], 1));
	}
	ck_assert_int_eq(status, PENSTOCK_STATUS_SUCCESS);
	fill_bytes(moved, 64 * KIB, 9);
	machine_settle(&machine);
	ck_assert(all_bytes(moved, 64 * KIB, 9));
	ck_assert(works[0].done && works[1].done);
	penstock_vidmm_allocation_unref(first);
	penstock_vidmm_allocation_unref(moved);
}
END_TEST

START_TEST(sharing_that_was_on_its_way_is_told_when_the_backend_is_gone)
{
	struct penstock_vidmm_allocation *allocation =
		machine_allocation(&machine, alice, 7, 1 * MIB, LOCAL_ONLY);
	enum penstock_status status = PENSTOCK_STATUS_PENDING;

	fill_bytes(allocation, 4096, 7);
	ck_assert_int_eq(penstock_vidmm_allocation_share(allocation, told, &status),
			 PENSTOCK_STATUS_PENDING);
	for (int i = 0; i < _i; i++) {
		machine_step(&machine);
	}
	penstock_scheduler_stopped(machine.scheduler, PENSTOCK_STATUS_CANCELLED);
	penstock_vidmm_stopped(machine.vidmm);
	machine_turn(&machine);
	ck_assert_int_eq(status, _i == 0 ? PENSTOCK_STATUS_CANCELLED : PENSTOCK_STATUS_SUCCESS);
	penstock_vidmm_allocation_unref(allocation);
	machine_turn(&machine);
	ck_assert_uint_eq(penstock_vidmm_process_used_bytes(alice), 0);
	for (unsigned i = 0; i < MACHINE_PROCESSES; i++) {
		machine.processes[i].used = false; /* a backend that stops ends them itself */
	}
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("vidmm");
	TCase *vidmm = tcase_create("vidmm");

	tcase_add_checked_fixture(vidmm, set_up, tear_down);
	tcase_add_loop_test(vidmm, content_survives_its_placement, 0, 2);
	tcase_add_loop_test(vidmm, what_the_gpu_writes_the_client_reads, 0, 2);
	tcase_add_test(vidmm, B6_first_page_in_is_a_fill_and_later_ones_copy);
	tcase_add_test(vidmm, B6_fill_of_the_aperture_is_refused);
	tcase_add_test(vidmm, a_transfer_goes_on_in_the_next_paging_buffer);
	tcase_add_test(vidmm, local_memory_that_is_full_falls_back_to_the_aperture);
	tcase_add_test(vidmm, B1_a_submission_that_no_segment_holds_is_NO_VIDEO_MEMORY);
	tcase_add_loop_test(vidmm, B1_segments_that_cannot_be_are_refused_at_start, 0, 7);
	tcase_add_test(vidmm, null_elements_and_duplicates_are_legal);
	tcase_add_test(vidmm, small_allocations_of_one_principal_share_a_granule);
	tcase_add_loop_test(vidmm, memory_is_zeroed_before_it_is_used_again, 0, 4);
	tcase_add_test(vidmm, a_quota_is_kept_and_given_back);
	tcase_add_test(vidmm, an_allocation_may_be_freed_while_its_pages_are_reserved);
	tcase_add_test(vidmm, no_space_on_the_disk_is_NO_MEMORY);
	tcase_add_loop_test(vidmm, what_was_on_its_way_is_accessible_when_the_backend_is_gone, 0,
			    4);
	tcase_add_loop_test(vidmm, sharing_that_was_on_its_way_is_told_when_the_backend_is_gone, 0,
			    2);
	tcase_add_loop_test(vidmm, a_shared_allocation_is_seen_by_both_and_by_nobody_else, 0, 2);
	tcase_add_test(vidmm, B7_what_is_flushed_while_a_packet_completes_is_not_of_it);
	tcase_add_test(vidmm, sharing_what_nobody_wrote_moves_nothing);
	tcase_add_loop_test(
		vidmm,
		who_only_reads_shared_memory_cannot_write_it_and_loses_it_with_the_last_opening, 0,
		2);
	tcase_add_test(vidmm, a_principal_may_go_while_another_has_its_pages_mapped);
	tcase_add_test(vidmm, B5_a_stray_access_after_unmap_meets_the_dummy);
	tcase_add_test(vidmm, B5_pages_are_not_used_again_before_they_are_unmapped);
	tcase_add_test(vidmm, a_reset_process_gets_its_mappings_back);
	tcase_add_test(vidmm, A11_what_did_not_move_has_nothing_patched);
	tcase_add_test(vidmm, C1_patch_is_idempotent_and_stays_in_its_range);
	tcase_add_test(vidmm, a_principal_may_go_while_its_last_page_is_unmapped);
	tcase_add_test(vidmm, a_principal_may_go_while_its_last_pages_are_reserved);
	tcase_add_test(vidmm, the_gpu_cannot_write_its_dma_buffers);
	tcase_add_test(vidmm, slots_are_used_again_and_run_out_as_PENDING);
	tcase_add_test(vidmm, a_dma_pool_is_bounded_beside_the_quota_and_given_back);
	tcase_add_test(vidmm, a_dma_buffer_larger_than_any_slot_is_NO_VIDEO_MEMORY);
	tcase_add_test(vidmm, A8_a_promised_slot_keeps_its_pages_while_its_process_sleeps);
	suite_add_tcase(suite, vidmm);
	return penstock_test_main(suite);
}
