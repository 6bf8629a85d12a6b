/* SPDX-License-Identifier: MIT */
/* Memory files that somebody shortens while they are mapped. */
#include "daemon/memory/internal.h"
#include "tests/harness.h"
#include "tests/memory/fixture.h"

#include <setjmp.h>
#include <signal.h>
#include <sys/mman.h>
#include <unistd.h>

START_TEST(a_file_that_is_shortened_costs_its_principal_only)
{
	struct penstock_vidmm_allocation *hers =
		machine_allocation(&machine, alice, 10, 100 * KIB, 0);
	struct penstock_vidmm_allocation *his = machine_allocation(&machine, bob, 11, 100 * KIB, 0);
	const int files[] = { alice->system.descriptor, alice->local.descriptor };

	fill_bytes(hers, 100 * KIB, 0x5a);
	fill_bytes(his, 100 * KIB, 0xa5);
	ck_assert_int_eq(ftruncate(files[_i], 0), 0);
	if (_i == 1) {
		alice->local.map[0] = 1;
	}
	ck_assert(all_bytes(hers, 100 * KIB, _i == 0 ? 0 : 0x5a));
	fill_bytes(hers, 100 * KIB, 0x33);
	ck_assert(all_bytes(hers, 100 * KIB, 0x33));
	ck_assert_int_eq(touch(alice, hers), PENSTOCK_STATUS_GRAPHICS_GPU_EXCEPTION_ON_DEVICE);
	ck_assert_int_eq(touch(bob, his), PENSTOCK_STATUS_SUCCESS);
	ck_assert(all_bytes(his, 100 * KIB, 0xa5));
	ck_assert_str_eq(machine.failed, "");
	penstock_vidmm_allocation_unref(hers);
	penstock_vidmm_allocation_unref(his);
}
END_TEST

static sigjmp_buf escape;

static void on_bus_error(int number)
{
	(void)number;
	siglongjmp(escape, 1);
}

/* A page of a file that has none any more. */
static uint8_t *torn_page(void)
{
	int file = memfd_create("penstock-test", MFD_CLOEXEC);
	uint8_t *page;

	ck_assert_int_ge(file, 0);
	ck_assert_int_eq(ftruncate(file, 4096), 0);
	page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
	ck_assert_ptr_ne(page, MAP_FAILED);
	ck_assert_int_eq(ftruncate(file, 0), 0);
	close(file);
	return page;
}

START_TEST(another_mapping_is_left_to_whoever_was_asked_before)
{
	const struct sigaction action = { .sa_handler = on_bus_error };
	uint8_t *ours = torn_page(), *anothers = torn_page();
	struct penstock_mapped *mapped, *again;

	ck_assert_int_eq(sigaction(SIGBUS, &action, NULL), 0);
	mapped = penstock_mapped_watch(ours, 4096);
	ck_assert_ptr_nonnull(mapped);
	ck_assert(!penstock_mapped_torn(mapped));
	*(volatile uint8_t *)ours = 7;
	ck_assert_uint_eq(*(volatile uint8_t *)ours, 7);
	ck_assert(penstock_mapped_torn(mapped));
	if (sigsetjmp(escape, 1) == 0) {
		*(volatile uint8_t *)anothers = 7;
		ck_abort_msg("it was replaced too");
	}
	/* a place that was forgotten serves another, and is not torn */
	penstock_mapped_forget(mapped);
	again = penstock_mapped_watch(anothers, 4096);
	ck_assert_ptr_eq(again, mapped);
	ck_assert(!penstock_mapped_torn(again));
	*(volatile uint8_t *)anothers = 7;
	ck_assert(penstock_mapped_torn(again));
	penstock_mapped_forget(again);
	munmap(ours, 4096);
	munmap(anothers, 4096);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("mapped");
	TCase *files = tcase_create("files"), *alone = tcase_create("alone");

	tcase_add_checked_fixture(files, set_up, tear_down);
	tcase_add_loop_test(files, a_file_that_is_shortened_costs_its_principal_only, 0, 2);
	suite_add_tcase(suite, files);
	tcase_add_test(alone, another_mapping_is_left_to_whoever_was_asked_before);
	suite_add_tcase(suite, alone);
	return penstock_test_main(suite);
}
