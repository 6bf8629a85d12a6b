/* SPDX-License-Identifier: MIT */
#include "proto/base/list.h"
#include "proto/wire/status.h"
#include "tests/harness.h"

#include <errno.h>
#include <signal.h>

START_TEST(range_fits_refuses_what_wraps)
{
	ck_assert(penstock_range_fits(0, 16, 16));
	ck_assert(penstock_range_fits(16, 0, 16));
	ck_assert(!penstock_range_fits(17, 0, 16));
	ck_assert(!penstock_range_fits(8, 9, 16));
	ck_assert(!penstock_range_fits(8, UINT64_MAX - 4, 16));
	ck_assert(!penstock_range_fits(UINT64_MAX, 2, 16));
}
END_TEST

START_TEST(list_keeps_order_and_removal_is_idempotent)
{
	struct penstock_list head, a, b, c;

	penstock_list_init(&head);
	penstock_list_init(&a);
	penstock_list_append(&head, &b);
	penstock_list_append(&head, &c);
	penstock_list_prepend(&head, &a);
	penstock_list_remove(&b);
	penstock_list_remove(&b);
	ck_assert_ptr_eq(penstock_list_pop(&head), &a);
	ck_assert_ptr_eq(penstock_list_pop(&head), &c);
	ck_assert_ptr_null(penstock_list_pop(&head));
}
END_TEST

START_TEST(A7_every_status_survives_the_wire)
{
#define STATUS(name, value, text)                                                                  \
	ck_assert_int_eq(penstock_status_from_wire(value), PENSTOCK_STATUS_##name);                \
	ck_assert_uint_eq(penstock_status_to_wire(PENSTOCK_STATUS_##name), value);
#include "proto/wire/status.def"
#undef STATUS
	ck_assert_int_eq(penstock_status_from_wire(0x12345678), PENSTOCK_STATUS_UNSUCCESSFUL);
}
END_TEST

START_TEST(status_names_round_trip)
{
	enum penstock_status status;

	ck_assert_int_eq(penstock_status_from_name("ILLEGAL_INSTRUCTION", &status), 0);
	ck_assert_int_eq(status, PENSTOCK_STATUS_ILLEGAL_INSTRUCTION);
	ck_assert_int_eq(penstock_status_from_name("NO_SUCH_THING", &status), -1);
	ck_assert_int_eq(penstock_status_from_errno(-ENOSPC), PENSTOCK_STATUS_NO_MEMORY);
	ck_assert_int_eq(penstock_status_from_errno(12345), PENSTOCK_STATUS_IO_DEVICE_ERROR);
}
END_TEST

START_TEST(a_failed_requirement_aborts)
{
	PENSTOCK_REQUIRE(1 + 1 == 3);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("base");
	TCase *tcase = tcase_create("base");

	tcase_add_test(tcase, range_fits_refuses_what_wraps);
	tcase_add_test(tcase, list_keeps_order_and_removal_is_idempotent);
	tcase_add_test(tcase, A7_every_status_survives_the_wire);
	tcase_add_test(tcase, status_names_round_trip);
	tcase_add_test_raise_signal(tcase, a_failed_requirement_aborts, SIGABRT);
	suite_add_tcase(suite, tcase);
	return penstock_test_main(suite);
}
