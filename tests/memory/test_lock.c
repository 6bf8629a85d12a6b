/* SPDX-License-Identifier: MIT */
/* A client's access that goes on beside submissions which use the allocation. */
#include "tests/harness.h"
#include "tests/memory/fixture.h"

#include <check.h>
#include <string.h>

static struct penstock_vidmm_allocation *allocation;

static uint8_t *lock(uint32_t segment_set)
{
	uint8_t *bytes;

	allocation = machine_allocation(&machine, alice, 10, 64 * KIB, segment_set);
	bytes = penstock_vidmm_access_begin(allocation, 0,
					    PENSTOCK_ACCESS_WRITE | PENSTOCK_ACCESS_HELD);
	ck_assert_ptr_nonnull(bytes);
	penstock_vidmm_lock(allocation);
	return bytes;
}

static void unlock(void)
{
	penstock_vidmm_unlock(allocation);
	penstock_vidmm_access_end(allocation);
}

START_TEST(B12_locked_and_referenced_it_gets_a_place_in_the_aperture)
{
	uint8_t *bytes = lock(0); /* local memory would be preferred */

	ck_assert_int_eq(touch(alice, allocation), PENSTOCK_STATUS_SUCCESS);
	ck_assert_uint_eq(where(allocation).segment_id, 2);
	/* the same bytes, still */
	memset(bytes, 0x5a, 64 * KIB);
	unlock();
	ck_assert(all_bytes(allocation, 64 * KIB, 0x5a));
	ck_assert_int_eq(touch(alice, allocation), PENSTOCK_STATUS_SUCCESS);
	ck_assert(all_bytes(allocation, 64 * KIB, 0x5a));
	penstock_vidmm_allocation_unref(allocation);
}
END_TEST

START_TEST(B12_locked_and_referenced_without_an_aperture_it_cannot_be_rendered)
{
	uint8_t *bytes = lock(LOCAL_ONLY);

	ck_assert_int_eq(touch(alice, allocation),
			 PENSTOCK_STATUS_GRAPHICS_CANT_RENDER_LOCKED_ALLOCATION);
	ck_assert_uint_eq(where(allocation).segment_id, 0);
	memset(bytes, 0x5a, 64 * KIB);
	unlock();
	/* as soon as it is not locked any more it can */
	ck_assert_int_eq(touch(alice, allocation), PENSTOCK_STATUS_SUCCESS);
	ck_assert_uint_eq(where(allocation).segment_id, 1);
	ck_assert(all_bytes(allocation, 64 * KIB, 0x5a));
	ck_assert_str_eq(machine.failed, "");
	penstock_vidmm_allocation_unref(allocation);
}
END_TEST

START_TEST(B12_an_access_that_is_not_locked_is_waited_for)
{
	struct work work;
	uint8_t *bytes = lock(LOCAL_ONLY);

	penstock_vidmm_unlock(allocation);
	memset(bytes, 0x5a, 64 * KIB);
	work_init(&work, alice);
	(void)work_reference(&work, allocation);
	work_nop(&work);
	penstock_scheduler_enqueue(&queue, &work.submission);
	machine_settle(&machine);
	ck_assert(!work.done);
	ck_assert_uint_eq(where(allocation).segment_id, 0);
	penstock_vidmm_access_end(allocation);
	machine_settle(&machine);
	ck_assert(work.done);
	ck_assert_int_eq(work.status, PENSTOCK_STATUS_SUCCESS);
	ck_assert_uint_eq(where(allocation).segment_id, 1);
	ck_assert(all_bytes(allocation, 64 * KIB, 0x5a));
	penstock_vidmm_allocation_unref(allocation);
}
END_TEST

/* One that only its own submissions meet; what does not list it goes on. */
START_TEST(B12_a_locked_allocation_holds_up_nobody_else)
{
	struct penstock_vidmm_allocation *free_one =
		machine_allocation(&machine, alice, 11, 64 * KIB, LOCAL_ONLY);

	(void)lock(LOCAL_ONLY);
	ck_assert_int_eq(touch(alice, free_one), PENSTOCK_STATUS_SUCCESS);
	ck_assert_int_eq(touch(alice, allocation),
			 PENSTOCK_STATUS_GRAPHICS_CANT_RENDER_LOCKED_ALLOCATION);
	ck_assert_int_eq(touch(alice, free_one), PENSTOCK_STATUS_SUCCESS);
	unlock();
	penstock_vidmm_allocation_unref(free_one);
	penstock_vidmm_allocation_unref(allocation);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("lock");
	TCase *tcase = tcase_create("lock");

	tcase_add_checked_fixture(tcase, set_up, tear_down);
	tcase_add_test(tcase, B12_locked_and_referenced_it_gets_a_place_in_the_aperture);
	tcase_add_test(tcase, B12_locked_and_referenced_without_an_aperture_it_cannot_be_rendered);
	tcase_add_test(tcase, B12_an_access_that_is_not_locked_is_waited_for);
	tcase_add_test(tcase, B12_a_locked_allocation_holds_up_nobody_else);
	suite_add_tcase(suite, tcase);
	return penstock_test_main(suite);
}
