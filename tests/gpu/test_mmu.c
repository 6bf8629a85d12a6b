/* SPDX-License-Identifier: MIT */
/* The MMU in the test's own process: windows, maps, the dummy file, the budget of mappings. */
#include "tests/gpu/machine.h"

#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define PAGE  PENSTOCK_PAGE_BYTES
#define LOCAL PENSTOCK_LOCAL_BASE
#define APER  PENSTOCK_APERTURE_BASE

static struct machine machine;
static struct stream stream;

static void setup(void)
{
	machine_start(&machine);
	stream.used = 0;
}

static void teardown(void)
{
	machine_stop(&machine);
}

static enum penstock_status map(uint64_t address, uint64_t offset, uint64_t size)
{
	return penstock_mmu_map(&machine.mmu, MACHINE_SYSTEM_FILE, address, offset, size, false);
}

static enum penstock_outcome fill(uint64_t address, uint64_t size, uint32_t pattern)
{
	stream_append_fill(&stream, address, size, pattern);
	return machine_run(&machine, &stream);
}

/* Lines of /proc/self/maps in the window: what the kernel counts. */
static unsigned kernel_mappings(const struct penstock_mmu_window *window)
{
	FILE *maps = fopen("/proc/self/maps", "re");
	unsigned long long start, end;
	char line[512];
	unsigned count = 0;

	ck_assert_ptr_nonnull(maps);
	while (fgets(line, sizeof(line), maps) != NULL) {
		if (sscanf(line, "%llx-%llx", &start, &end) == 2 &&
		    start >= (uintptr_t)window->host &&
		    end <= (uintptr_t)window->host + window->size_bytes) {
			count++;
		}
	}
	fclose(maps);
	return count;
}

START_TEST(translate_accepts_only_ranges_inside_one_window)
{
	const uint64_t end = LOCAL + MACHINE_LOCAL_BYTES;
	uint64_t bad = 0;

	ck_assert_ptr_nonnull(
		penstock_mmu_translate(&machine.mmu, LOCAL, MACHINE_LOCAL_BYTES, &bad));
	ck_assert_ptr_nonnull(penstock_mmu_translate(&machine.mmu, end - 1, 1, &bad));
	ck_assert_ptr_nonnull(
		penstock_mmu_translate(&machine.mmu, APER, MACHINE_APERTURE_BYTES, &bad));
	ck_assert_ptr_null(penstock_mmu_translate(&machine.mmu, end - 1, 2, &bad));
	ck_assert_uint_eq(bad, end);
	ck_assert_ptr_null(penstock_mmu_translate(&machine.mmu, LOCAL - 1, 1, &bad));
	ck_assert_uint_eq(bad, LOCAL - 1);
	ck_assert_ptr_null(penstock_mmu_translate(&machine.mmu, 0, 8, &bad));
	ck_assert_ptr_null(penstock_mmu_translate(&machine.mmu, UINT64_MAX, 8, &bad));
	ck_assert_ptr_null(penstock_mmu_translate(&machine.mmu, LOCAL, UINT64_MAX, &bad));
	ck_assert_ptr_null(penstock_mmu_translate(&machine.mmu, LOCAL, APER - LOCAL + 1, &bad));
}
END_TEST

START_TEST(B5_map_and_unmap_redirect_pages)
{
	ck_assert_int_eq(map(APER + PAGE, 2 * PAGE, PAGE), PENSTOCK_STATUS_SUCCESS);
	ck_assert_int_eq(fill(APER + PAGE, PAGE, 0x11111111), PENSTOCK_OUTCOME_COMPLETED);
	ck_assert_uint_eq(penstock_load32(machine.system + 2 * PAGE), 0x11111111);
	ck_assert_int_eq(penstock_mmu_unmap(&machine.mmu, APER + PAGE, PAGE),
			 PENSTOCK_STATUS_SUCCESS);
	ck_assert_int_eq(fill(APER + PAGE, 4, 0x22222222), PENSTOCK_OUTCOME_COMPLETED);
	ck_assert_uint_eq(penstock_load32(machine.system + 2 * PAGE), 0x11111111);
}
END_TEST

START_TEST(B5_stray_access_after_unmap_hits_the_dummy_file)
{
	memset(machine.system, 0x5a, PAGE);
	ck_assert_int_eq(map(APER + 5 * PAGE, 0, PAGE), PENSTOCK_STATUS_SUCCESS);
	ck_assert_int_eq(penstock_mmu_unmap(&machine.mmu, APER + 5 * PAGE, PAGE),
			 PENSTOCK_STATUS_SUCCESS);
	ck_assert_int_eq(lseek(machine.dummy_file, 0, SEEK_DATA), -1);
	/* A stray read sees zeros, nobody's data. */
	memset(machine.local, 0xff, 64);
	stream_append_copy(&stream, APER + 5 * PAGE, LOCAL, 64);
	ck_assert_int_eq(machine_run(&machine, &stream), PENSTOCK_OUTCOME_COMPLETED);
	ck_assert_uint_eq(penstock_load64(machine.local), 0);
	/* A stray write is found at its address. */
	ck_assert_int_eq(fill(APER + 5 * PAGE, 4, 0xdeadbeef), PENSTOCK_OUTCOME_COMPLETED);
	ck_assert_int_eq(lseek(machine.dummy_file, 0, SEEK_DATA), 5 * PAGE);
	ck_assert_uint_eq(machine.system[0], 0x5a);
}
END_TEST

START_TEST(B5_never_mapped_aperture_faults)
{
	ck_assert_int_eq(fill(APER + 8, 4, 1), PENSTOCK_OUTCOME_PAGE_FAULT);
	ck_assert_uint_eq(machine.engine.fault_address, APER + 8);
	ck_assert(machine.engine.fault_write);
	stream_append_copy(&stream, APER + PAGE, LOCAL, 4);
	ck_assert_int_eq(machine_run(&machine, &stream), PENSTOCK_OUTCOME_PAGE_FAULT);
	ck_assert_uint_eq(machine.engine.fault_address, APER + PAGE);
	ck_assert(!machine.engine.fault_write);
}
END_TEST

START_TEST(B5_a_fault_names_the_offset_of_its_instruction)
{
	stream_append(&stream, PENSTOCK_DMA_NOP, 0);
	stream_append_fill(&stream, LOCAL, 4, 1);
	stream_append_fill(&stream, APER, 4, 1);
	ck_assert_int_eq(machine_run(&machine, &stream), PENSTOCK_OUTCOME_PAGE_FAULT);
	ck_assert_uint_eq(machine.engine.dma_offset,
			  PENSTOCK_DMA_BYTES_NOP + PENSTOCK_DMA_BYTES_FILL);
	ck_assert_uint_eq(penstock_load32(machine.local), 1);
}
END_TEST

START_TEST(B5_a_dma_buffer_that_is_not_mapped_faults)
{
	ck_assert_int_eq(penstock_processor_run(&machine.engine, APER, 0, 64, 0),
			 PENSTOCK_OUTCOME_PAGE_FAULT);
	ck_assert_uint_eq(machine.engine.fault_address, APER);
	ck_assert_int_eq(penstock_processor_run(&machine.engine, 12, 0, 64, 0),
			 PENSTOCK_OUTCOME_PAGE_FAULT);
	ck_assert_uint_eq(machine.engine.fault_address, 12);
}
END_TEST

START_TEST(a_read_only_map_faults_on_writes)
{
	ck_assert_int_eq(penstock_mmu_map(&machine.mmu, MACHINE_SYSTEM_FILE, APER, 0, PAGE, true),
			 PENSTOCK_STATUS_SUCCESS);
	stream_append_copy(&stream, APER, LOCAL, 4);
	ck_assert_int_eq(machine_run(&machine, &stream), PENSTOCK_OUTCOME_COMPLETED);
	ck_assert_int_eq(fill(APER, 4, 1), PENSTOCK_OUTCOME_PAGE_FAULT);
	ck_assert(machine.engine.fault_write);
}
END_TEST

START_TEST(unmap_in_the_local_window_brings_the_local_file_back)
{
	memset(machine.local + 3 * PAGE, 0x33, PAGE);
	ck_assert_int_eq(map(LOCAL + 3 * PAGE, 0, PAGE), PENSTOCK_STATUS_SUCCESS);
	ck_assert_int_eq(fill(LOCAL + 3 * PAGE, 4, 0x44444444), PENSTOCK_OUTCOME_COMPLETED);
	ck_assert_uint_eq(penstock_load32(machine.system), 0x44444444);
	ck_assert_uint_eq(machine.local[3 * PAGE], 0x33);
	ck_assert_int_eq(penstock_mmu_unmap(&machine.mmu, LOCAL + 3 * PAGE, PAGE),
			 PENSTOCK_STATUS_SUCCESS);
	ck_assert_int_eq(fill(LOCAL + 3 * PAGE, 4, 0x55555555), PENSTOCK_OUTCOME_COMPLETED);
	ck_assert_uint_eq(machine.local[3 * PAGE], 0x55);
	ck_assert_uint_eq(kernel_mappings(&machine.mmu.local), 1);
}
END_TEST

START_TEST(map_refuses_what_is_no_whole_page_or_past_an_end)
{
	const uint64_t end = APER + MACHINE_APERTURE_BYTES;

	ck_assert_int_eq(map(APER + 1, 0, PAGE), PENSTOCK_STATUS_INVALID_PARAMETER);
	ck_assert_int_eq(map(APER, 1, PAGE), PENSTOCK_STATUS_INVALID_PARAMETER);
	ck_assert_int_eq(map(APER, 0, 1), PENSTOCK_STATUS_INVALID_PARAMETER);
	ck_assert_int_eq(map(end, 0, PAGE), PENSTOCK_STATUS_INVALID_PARAMETER);
	ck_assert_int_eq(map(end - PAGE, 0, 2 * PAGE), PENSTOCK_STATUS_INVALID_PARAMETER);
	ck_assert_int_eq(map(0, 0, PAGE), PENSTOCK_STATUS_INVALID_PARAMETER);
	ck_assert_int_eq(map(APER, MACHINE_SYSTEM_BYTES, PAGE), PENSTOCK_STATUS_INVALID_PARAMETER);
	ck_assert_int_eq(map(APER, UINT64_MAX - PAGE + 1, PAGE), PENSTOCK_STATUS_INVALID_PARAMETER);
	ck_assert_int_eq(penstock_mmu_map(&machine.mmu, 77, APER, 0, PAGE, false),
			 PENSTOCK_STATUS_INVALID_HANDLE);
	ck_assert_int_eq(penstock_mmu_unmap(&machine.mmu, end, PAGE),
			 PENSTOCK_STATUS_INVALID_PARAMETER);
	ck_assert_int_eq(map(APER, 0, 0), PENSTOCK_STATUS_SUCCESS);
}
END_TEST

START_TEST(attach_refuses_a_second_id_and_a_second_home)
{
	int descriptor = memfd_create("penstock-test", MFD_CLOEXEC);

	ck_assert_int_eq(penstock_mmu_attach(&machine.mmu, MACHINE_SYSTEM_FILE, dup(descriptor),
					     PAGE, PENSTOCK_FILE_PAGES),
			 PENSTOCK_STATUS_INVALID_PARAMETER);
	ck_assert_int_eq(
		penstock_mmu_attach(&machine.mmu, 50, dup(descriptor), PAGE, PENSTOCK_FILE_LOCAL),
		PENSTOCK_STATUS_INVALID_PARAMETER);
	ck_assert_int_eq(penstock_mmu_attach(&machine.mmu, 50, dup(descriptor), PAGE + 1,
					     PENSTOCK_FILE_PAGES),
			 PENSTOCK_STATUS_INVALID_PARAMETER);
	ck_assert_int_eq(
		penstock_mmu_attach(&machine.mmu, 50, descriptor, PAGE, PENSTOCK_FILE_PAGES),
		PENSTOCK_STATUS_SUCCESS);
	penstock_mmu_detach(&machine.mmu, 50);
	penstock_mmu_detach(&machine.mmu, 50);
	ck_assert_int_eq(penstock_mmu_map(&machine.mmu, 50, APER, 0, PAGE, false),
			 PENSTOCK_STATUS_INVALID_HANDLE);
}
END_TEST

/* The table's count of mappings is the kernel's, whatever is mapped over what. */
START_TEST(mappings_are_counted_as_the_kernel_counts_them)
{
	struct machine_random random = { machine_seed(3) };
	const uint32_t pages = MACHINE_APERTURE_BYTES / PAGE;

	ck_assert_uint_eq(kernel_mappings(&machine.mmu.aperture), machine.mmu.aperture.mappings);
	for (unsigned i = 0; i < 1500; i++) {
		uint32_t page = machine_below(&random, pages);
		uint32_t count = 1 + machine_below(&random, i % 10 == 0 ? pages - page : 4);

		count = count < pages - page ? count : pages - page;
		if (machine_below(&random, 3) == 0) {
			ck_assert_int_eq(penstock_mmu_unmap(&machine.mmu,
							    APER + (uint64_t)page * PAGE,
							    (uint64_t)count * PAGE),
					 PENSTOCK_STATUS_SUCCESS);
		} else {
			/* The same offset now and then, so that neighbours merge. */
			uint32_t offset = machine_below(&random, 2) == 0 ? page : 0;

			ck_assert_int_eq(penstock_mmu_map(&machine.mmu, MACHINE_SYSTEM_FILE,
							  APER + (uint64_t)page * PAGE,
							  (uint64_t)offset * PAGE,
							  (uint64_t)count * PAGE,
							  machine_below(&random, 4) == 0),
					 PENSTOCK_STATUS_SUCCESS);
		}
		if (i % 25 == 0) {
			ck_assert_uint_eq(kernel_mappings(&machine.mmu.aperture),
					  machine.mmu.aperture.mappings);
		}
	}
}
END_TEST

START_TEST(unmapped_neighbours_merge_into_one_mapping)
{
	for (uint64_t page = 0; page < 64; page++) {
		ck_assert_int_eq(map(APER + page * PAGE, (63 - page) * PAGE, PAGE),
				 PENSTOCK_STATUS_SUCCESS);
	}
	ck_assert_uint_ge(kernel_mappings(&machine.mmu.aperture), 64);
	for (uint64_t page = 0; page < 64; page++) {
		ck_assert_int_eq(penstock_mmu_unmap(&machine.mmu, APER + page * PAGE, PAGE),
				 PENSTOCK_STATUS_SUCCESS);
	}
	ck_assert_uint_eq(kernel_mappings(&machine.mmu.aperture), 2);
}
END_TEST

START_TEST(maps_beyond_the_budget_are_refused_and_unmap_is_not)
{
	machine.mmu.mapping_budget = 10;
	for (uint64_t page = 0; page < 6; page += 2) {
		ck_assert_int_eq(map(APER + page * PAGE, 0, PAGE), PENSTOCK_STATUS_SUCCESS);
	}
	ck_assert_int_eq(map(APER + 20 * PAGE, 0, PAGE), PENSTOCK_STATUS_SUCCESS);
	ck_assert_int_eq(map(APER + 30 * PAGE, 0, PAGE), PENSTOCK_STATUS_NO_MEMORY);
	ck_assert_int_eq(penstock_mmu_unmap(&machine.mmu, APER + 20 * PAGE, PAGE),
			 PENSTOCK_STATUS_SUCCESS);
	ck_assert_int_eq(penstock_mmu_unmap(&machine.mmu, APER, 40 * PAGE),
			 PENSTOCK_STATUS_SUCCESS);
	ck_assert_int_eq(map(APER + 30 * PAGE, 0, PAGE), PENSTOCK_STATUS_SUCCESS);
}
END_TEST

START_TEST(B6_page_fill_and_page_copy_address_files)
{
	uint8_t *bytes = stream_append(&stream, PENSTOCK_DMA_PAGE_FILL, 0);

	penstock_store32(bytes + PENSTOCK_DMA_PAGE_FILL_pattern, 0x12345678);
	penstock_store32(bytes + PENSTOCK_DMA_PAGE_FILL_file, MACHINE_LOCAL_FILE);
	penstock_store64(bytes + PENSTOCK_DMA_PAGE_FILL_offset, 2 * PAGE);
	penstock_store64(bytes + PENSTOCK_DMA_PAGE_FILL_size, 3 * PAGE);
	bytes = stream_append(&stream, PENSTOCK_DMA_PAGE_COPY, 0);
	penstock_store32(bytes + PENSTOCK_DMA_PAGE_COPY_source_file, MACHINE_LOCAL_FILE);
	penstock_store32(bytes + PENSTOCK_DMA_PAGE_COPY_destination_file, MACHINE_SYSTEM_FILE);
	penstock_store64(bytes + PENSTOCK_DMA_PAGE_COPY_source_offset, 2 * PAGE);
	penstock_store64(bytes + PENSTOCK_DMA_PAGE_COPY_destination_offset, 7 * PAGE);
	penstock_store64(bytes + PENSTOCK_DMA_PAGE_COPY_size, PAGE);
	ck_assert_int_eq(machine_run_paging(&machine, &stream), PENSTOCK_OUTCOME_COMPLETED);
	for (uint32_t i = 0; i < 3 * PAGE; i += 4) {
		ck_assert_uint_eq(penstock_load32(machine.local + 2 * PAGE + i), 0x12345678);
	}
	ck_assert_uint_eq(penstock_load32(machine.local + 2 * PAGE - 4), 0);
	ck_assert_uint_eq(penstock_load32(machine.local + 5 * PAGE), 0);
	ck_assert_uint_eq(penstock_load32(machine.system + 8 * PAGE - 4), 0x12345678);
	ck_assert_uint_eq(penstock_load32(machine.system + 8 * PAGE), 0);
}
END_TEST

START_TEST(B6_page_fill_past_a_file_is_illegal)
{
	uint8_t *bytes = stream_append(&stream, PENSTOCK_DMA_PAGE_FILL, 0);

	penstock_store32(bytes + PENSTOCK_DMA_PAGE_FILL_file, MACHINE_SYSTEM_FILE);
	penstock_store64(bytes + PENSTOCK_DMA_PAGE_FILL_offset, MACHINE_SYSTEM_BYTES - PAGE);
	penstock_store64(bytes + PENSTOCK_DMA_PAGE_FILL_size, 2 * PAGE);
	ck_assert_int_eq(machine_run_paging(&machine, &stream), PENSTOCK_OUTCOME_ILLEGAL);
	bytes = stream_append(&stream, PENSTOCK_DMA_PAGE_FILL, 0);
	penstock_store32(bytes + PENSTOCK_DMA_PAGE_FILL_file, 99);
	ck_assert_int_eq(machine_run_paging(&machine, &stream), PENSTOCK_OUTCOME_ILLEGAL);
}
END_TEST

/* A file that is shorter than it was said to be: the touch is a fault, not the end. */
START_TEST(a_file_without_pages_to_give_is_a_page_fault)
{
	int descriptor = memfd_create("penstock-test", MFD_CLOEXEC);

	ck_assert_int_eq(
		penstock_mmu_attach(&machine.mmu, 50, descriptor, PAGE, PENSTOCK_FILE_PAGES),
		PENSTOCK_STATUS_SUCCESS);
	ck_assert_int_eq(penstock_mmu_map(&machine.mmu, 50, APER, 0, PAGE, false),
			 PENSTOCK_STATUS_SUCCESS);
	ck_assert_int_eq(fill(APER, 4, 1), PENSTOCK_OUTCOME_PAGE_FAULT);
	ck_assert_uint_eq(machine.engine.fault_address, APER);
	ck_assert_int_eq(fill(LOCAL, 4, 1), PENSTOCK_OUTCOME_COMPLETED);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("mmu");
	TCase *tcase = tcase_create("mmu");

	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_add_test(tcase, translate_accepts_only_ranges_inside_one_window);
	tcase_add_test(tcase, B5_map_and_unmap_redirect_pages);
	tcase_add_test(tcase, B5_stray_access_after_unmap_hits_the_dummy_file);
	tcase_add_test(tcase, B5_never_mapped_aperture_faults);
	tcase_add_test(tcase, B5_a_fault_names_the_offset_of_its_instruction);
	tcase_add_test(tcase, B5_a_dma_buffer_that_is_not_mapped_faults);
	tcase_add_test(tcase, a_read_only_map_faults_on_writes);
	tcase_add_test(tcase, unmap_in_the_local_window_brings_the_local_file_back);
	tcase_add_test(tcase, map_refuses_what_is_no_whole_page_or_past_an_end);
	tcase_add_test(tcase, attach_refuses_a_second_id_and_a_second_home);
	tcase_add_test(tcase, mappings_are_counted_as_the_kernel_counts_them);
	tcase_add_test(tcase, unmapped_neighbours_merge_into_one_mapping);
	tcase_add_test(tcase, maps_beyond_the_budget_are_refused_and_unmap_is_not);
	tcase_add_test(tcase, B6_page_fill_and_page_copy_address_files);
	tcase_add_test(tcase, B6_page_fill_past_a_file_is_illegal);
	tcase_add_test(tcase, a_file_without_pages_to_give_is_a_page_fault);
	suite_add_tcase(suite, tcase);
	return penstock_test_main(suite);
}
