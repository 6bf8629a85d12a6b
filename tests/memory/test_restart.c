/* SPDX-License-Identifier: MIT */
#include "daemon/memory/internal.h"
#include "daemon/memory/progress.h"
#include "tests/harness.h"
#include "tests/memory/fixture.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

/* A daemon that is killed frees nothing: what these tests leave behind is no leak. */
const char *__asan_default_options(void);
const char *__asan_default_options(void)
{
	return "detect_leaks=0";
}

/* ---------------------------------------------------------------- restart */

static void start_again(void)
{
	machine_crash(&machine);
	machine_start(&machine);
	ck_assert(!machine.fresh);
	alice = machine_principal(&machine, 1, 64 * MIB);
	bob = machine_principal(&machine, 2, 64 * MIB);
	penstock_queue_init(&queue, machine.scheduler, &machine.sharing, 0, 0, NULL);
}

static enum penstock_status restore(struct penstock_vidmm_process *process, uint64_t id,
				    uint64_t size, uint64_t record,
				    struct penstock_vidmm_allocation **ret_allocation)
{
	const struct penstock_allocation_info info = { .id = id, .size_bytes = size };

	return penstock_vidmm_allocation_restore(process, &info, record, ret_allocation);
}

START_TEST(content_comes_back_after_kill_9)
{
	struct penstock_vidmm_allocation *system, *local, *aperture, *shared, *lost;
	enum penstock_status status;
	uint64_t records[4];

	system = machine_allocation(&machine, alice, 10, 40 * KIB, 0);
	local = machine_allocation(&machine, alice, 11, 400 * KIB, LOCAL_ONLY);
	aperture = machine_allocation(&machine, bob, 12, 40 * KIB, APERTURE_ONLY);
	shared = machine_allocation(&machine, bob, 13, 40 * KIB, LOCAL_ONLY);
	lost = machine_allocation(&machine, bob, 14, 40 * KIB, LOCAL_ONLY);
	fill_bytes(system, 40 * KIB, 1);
	fill_bytes(lost, 40 * KIB, 5);
	ck_assert_int_eq(touch(alice, local), PENSTOCK_STATUS_SUCCESS);
	ck_assert_int_eq(touch(bob, aperture), PENSTOCK_STATUS_SUCCESS);
	ck_assert_int_eq(touch(bob, lost), PENSTOCK_STATUS_SUCCESS);
	ck_assert_int_eq(penstock_vidmm_allocation_share(shared, NULL, NULL),
			 PENSTOCK_STATUS_SUCCESS);
	ck_assert_int_eq(touch(alice, shared), PENSTOCK_STATUS_SUCCESS);
	fill_bytes(local, 400 * KIB, 2);
	fill_bytes(aperture, 40 * KIB, 3);
	fill_bytes(shared, 40 * KIB, 4);
	records[0] = penstock_vidmm_allocation_record(system);
	records[1] = penstock_vidmm_allocation_record(local);
	records[2] = penstock_vidmm_allocation_record(aperture);
	records[3] = penstock_vidmm_allocation_record(shared);
	start_again();
	ck_assert_int_eq(restore(alice, 10, 40 * KIB, records[0], &system),
			 PENSTOCK_STATUS_SUCCESS);
	ck_assert_int_eq(restore(alice, 11, 400 * KIB, records[1], &local),
			 PENSTOCK_STATUS_SUCCESS);
	ck_assert_int_eq(restore(bob, 12, 40 * KIB, records[2], &aperture),
			 PENSTOCK_STATUS_SUCCESS);
	ck_assert_int_eq(restore(bob, 13, 40 * KIB, records[3], &shared), PENSTOCK_STATUS_SUCCESS);
	penstock_vidmm_restore_end(machine.vidmm);
	ck_assert(all_bytes(system, 40 * KIB, 1));
	ck_assert(all_bytes(local, 400 * KIB, 2));
	ck_assert(all_bytes(aperture, 40 * KIB, 3));
	ck_assert(all_bytes(shared, 40 * KIB, 4));
	status = touch(alice, shared);
	ck_assert_int_eq(status, PENSTOCK_STATUS_SUCCESS);
	ck_assert_int_eq(touch(alice, local), PENSTOCK_STATUS_SUCCESS);
	ck_assert_int_eq(touch(bob, aperture), PENSTOCK_STATUS_SUCCESS);
	ck_assert(all_bytes(local, 400 * KIB, 2));
	ck_assert(all_bytes(aperture, 40 * KIB, 3));
	/* What nobody restored is free, and nobody sees what was there. */
	lost = machine_allocation(&machine, bob, 20, 40 * KIB, LOCAL_ONLY);
	ck_assert(all_bytes(lost, 40 * KIB, 0));
	ck_assert_int_eq(touch(bob, lost), PENSTOCK_STATUS_SUCCESS);
	ck_assert(all_bytes(lost, 40 * KIB, 0));
	penstock_vidmm_allocation_unref(system);
	penstock_vidmm_allocation_unref(local);
	penstock_vidmm_allocation_unref(aperture);
	penstock_vidmm_allocation_unref(shared);
	penstock_vidmm_allocation_unref(lost);
}
END_TEST

static void read_it(struct penstock_vidmm_allocation *allocation)
{
	struct work work;

	work_init(&work, alice);
	work_reference(&work, allocation);
	work.references[0].write_operation = false;
	work_nop(&work);
	ck_assert_int_eq(run_work(&work), PENSTOCK_STATUS_SUCCESS);
}

/* At whatever step of an eviction, of what was written in local memory and of what was not. */
START_TEST(B4_kill_9_in_an_eviction_keeps_the_content)
{
	bool written = _i % 2 != 0;
	struct penstock_vidmm_allocation *allocation =
		machine_allocation(&machine, alice, 10, 400 * KIB, LOCAL_ONLY);
	uint64_t record = penstock_vidmm_allocation_record(allocation);

	fill_bytes(allocation, 400 * KIB, 0x11);
	read_it(allocation);
	if (written) {
		fill_bytes(allocation, 400 * KIB, 0x22);
	}
	/* What nobody wrote has nothing to wait for. */
	ck_assert_int_eq(penstock_vidmm_allocation_evict(allocation),
			 written ? PENSTOCK_STATUS_PENDING : PENSTOCK_STATUS_SUCCESS);
	for (int i = 0; i < _i / 2; i++) {
		machine_step(&machine);
	}
	start_again();
	ck_assert_int_eq(restore(alice, 10, 400 * KIB, record, &allocation),
			 PENSTOCK_STATUS_SUCCESS);
	penstock_vidmm_restore_end(machine.vidmm);
	ck_assert(all_bytes(allocation, 400 * KIB, written ? 0x22 : 0x11));
	/* Nobody knows any more what backing pages hold: it is moved back. */
	if (where(allocation).segment_id != 0) {
		uint32_t transfers = machine.transfers;

		ck_assert_int_eq(penstock_vidmm_allocation_evict(allocation),
				 PENSTOCK_STATUS_PENDING);
		machine_settle(&machine);
		ck_assert_uint_eq(machine.transfers, transfers + 1);
	}
	ck_assert(all_bytes(allocation, 400 * KIB, written ? 0x22 : 0x11));
	penstock_vidmm_allocation_unref(allocation);
}
END_TEST

/* Backing pages hold older bytes, which must not come back. */
START_TEST(B13_what_was_lost_stays_lost_after_kill_9)
{
	struct penstock_vidmm_allocation *allocation =
		machine_allocation(&machine, alice, 10, 40 * KIB, LOCAL_ONLY);
	uint64_t record = penstock_vidmm_allocation_record(allocation);

	fill_bytes(allocation, 40 * KIB, 0x11);
	ck_assert_int_eq(touch(alice, allocation), PENSTOCK_STATUS_SUCCESS);
	penstock_vidmm_allocation_offer(allocation, PENSTOCK_OFFER_PRIORITY_LOW);
	ck_assert_int_eq(penstock_vidmm_allocation_evict(allocation), PENSTOCK_STATUS_SUCCESS);
	machine_settle(&machine);
	start_again();
	ck_assert_int_eq(restore(alice, 10, 40 * KIB, record, &allocation),
			 PENSTOCK_STATUS_SUCCESS);
	penstock_vidmm_restore_end(machine.vidmm);
	ck_assert(where(allocation).content_lost);
	ck_assert(!penstock_vidmm_allocation_reclaim(allocation));
	ck_assert(all_bytes(allocation, 40 * KIB, 0));
	penstock_vidmm_allocation_unref(allocation);
}
END_TEST

START_TEST(a_record_of_another_is_content_lost)
{
	struct penstock_vidmm_allocation *mine, *other, *again;
	uint64_t record, record_of_other;

	mine = machine_allocation(&machine, alice, 10, 40 * KIB, 0);
	other = machine_allocation(&machine, bob, 11, 40 * KIB, 0);
	fill_bytes(mine, 40 * KIB, 1);
	fill_bytes(other, 40 * KIB, 2);
	record = penstock_vidmm_allocation_record(mine);
	record_of_other = penstock_vidmm_allocation_record(other);
	start_again();
	/* Another principal's record, another id, another size, no record at all. */
	ck_assert_int_eq(restore(alice, 11, 40 * KIB, record_of_other, &mine),
			 PENSTOCK_STATUS_GRAPHICS_ALLOCATION_CONTENT_LOST);
	ck_assert_int_eq(restore(alice, 9, 40 * KIB, record, &again),
			 PENSTOCK_STATUS_GRAPHICS_ALLOCATION_CONTENT_LOST);
	penstock_vidmm_allocation_unref(again);
	ck_assert_int_eq(restore(alice, 10, 44 * KIB, record, &again),
			 PENSTOCK_STATUS_GRAPHICS_ALLOCATION_CONTENT_LOST);
	penstock_vidmm_allocation_unref(again);
	ck_assert_int_eq(restore(alice, 10, 40 * KIB, UINT64_MAX, &again),
			 PENSTOCK_STATUS_GRAPHICS_ALLOCATION_CONTENT_LOST);
	ck_assert(all_bytes(mine, 40 * KIB, 0));
	ck_assert(all_bytes(again, 40 * KIB, 0));
	penstock_vidmm_allocation_unref(mine);
	penstock_vidmm_allocation_unref(again);
	ck_assert_int_eq(restore(bob, 11, 40 * KIB, record_of_other, &other),
			 PENSTOCK_STATUS_SUCCESS);
	ck_assert(all_bytes(other, 40 * KIB, 2));
	penstock_vidmm_restore_end(machine.vidmm);
	penstock_vidmm_allocation_unref(other);
}
END_TEST

START_TEST(a_placement_that_was_cut_starts_from_an_intact_source)
{
	struct penstock_vidmm_allocation *allocation =
		machine_allocation(&machine, alice, 10, 200 * KIB, LOCAL_ONLY);
	uint64_t record = penstock_vidmm_allocation_record(allocation);
	struct work work;

	fill_bytes(allocation, 200 * KIB, 0x6b);
	work_init(&work, alice);
	work_reference(&work, allocation);
	work_nop(&work);
	penstock_scheduler_enqueue(&queue, &work.submission);
	for (int i = 0; i < _i; i++) {
		machine_step(&machine);
	}
	start_again();
	ck_assert_int_eq(restore(alice, 10, 200 * KIB, record, &allocation),
			 PENSTOCK_STATUS_SUCCESS);
	penstock_vidmm_restore_end(machine.vidmm);
	ck_assert(all_bytes(allocation, 200 * KIB, 0x6b));
	ck_assert_int_eq(touch(alice, allocation), PENSTOCK_STATUS_SUCCESS);
	ck_assert(all_bytes(allocation, 200 * KIB, 0x6b));
	penstock_vidmm_allocation_unref(allocation);
}
END_TEST

START_TEST(an_orderly_end_keeps_what_it_is_told_to)
{
	struct penstock_vidmm_allocation *kept, *gone;
	uint64_t record;

	kept = machine_allocation(&machine, alice, 10, 300 * KIB, LOCAL_ONLY);
	gone = machine_allocation(&machine, alice, 11, 300 * KIB, LOCAL_ONLY);
	ck_assert_int_eq(touch(alice, kept), PENSTOCK_STATUS_SUCCESS);
	ck_assert_int_eq(touch(alice, gone), PENSTOCK_STATUS_SUCCESS);
	fill_bytes(kept, 300 * KIB, 7);
	record = penstock_vidmm_allocation_record(kept);
	penstock_vidmm_allocation_unref(gone);
	machine_settle(&machine);
	penstock_vidmm_keep(machine.vidmm);
	penstock_vidmm_allocation_unref(kept);
	penstock_vidmm_process_free(alice);
	penstock_vidmm_process_free(bob);
	machine_stop(&machine, false);
	machine_start(&machine);
	ck_assert(!machine.fresh);
	alice = machine_principal(&machine, 1, 64 * MIB);
	bob = machine_principal(&machine, 2, 64 * MIB);
	ck_assert_int_eq(restore(alice, 10, 300 * KIB, record, &kept), PENSTOCK_STATUS_SUCCESS);
	penstock_vidmm_restore_end(machine.vidmm);
	ck_assert(all_bytes(kept, 300 * KIB, 7));
	penstock_vidmm_allocation_unref(kept);
}
END_TEST

static void damage(const char *name, uint64_t seed)
{
	int file = openat(machine.vidmm->directory, name, O_RDWR | O_CLOEXEC);

	ck_assert_int_ge(file, 0);
	for (unsigned i = 0; i < 64; i++) {
		uint8_t byte;

		seed = seed * 6364136223846793005ull + 1442695040888963407ull;
		byte = (uint8_t)(seed >> 40);
		ck_assert_int_eq(pwrite(file, &byte, 1, (off_t)(4096 + (seed >> 33) % 256)), 1);
	}
	close(file);
}

START_TEST(a_hostile_location_table_is_content_lost_and_no_crash)
{
	struct penstock_vidmm_allocation *allocations[4];
	uint64_t records[4];

	for (unsigned i = 0; i < 4; i++) {
		allocations[i] = machine_allocation(&machine, alice, 10 + i, 40 * KIB, 0);
		fill_bytes(allocations[i], 40 * KIB, (uint8_t)(i + 1));
		ck_assert_int_eq(touch(alice, allocations[i]), PENSTOCK_STATUS_SUCCESS);
		records[i] = penstock_vidmm_allocation_record(allocations[i]);
	}
	damage("locations", (uint64_t)_i);
	start_again();
	for (unsigned i = 0; i < 4; i++) {
		enum penstock_status status =
			restore(alice, 10 + i, 40 * KIB, records[i], &allocations[i]);

		ck_assert(status == PENSTOCK_STATUS_SUCCESS ||
			  status == PENSTOCK_STATUS_GRAPHICS_ALLOCATION_CONTENT_LOST);
		if (status == PENSTOCK_STATUS_GRAPHICS_ALLOCATION_CONTENT_LOST) {
			ck_assert(all_bytes(allocations[i], 40 * KIB, 0));
		}
	}
	penstock_vidmm_restore_end(machine.vidmm);
	for (unsigned i = 0; i < 4; i++) {
		ck_assert_int_eq(touch(alice, allocations[i]), PENSTOCK_STATUS_SUCCESS);
		penstock_vidmm_allocation_unref(allocations[i]);
	}
}
END_TEST

static struct penstock_progress *open_progress(void)
{
	struct penstock_progress *progress;
	struct penstock_errbuf text;

	ck_assert_int_eq(penstock_progress_open(machine.directory, &progress, &text),
			 PENSTOCK_STATUS_SUCCESS);
	return progress;
}

START_TEST(progress_comes_back_after_kill_9)
{
	uint64_t records[100], accepted, completed, other;
	struct penstock_progress *progress = open_progress();

	for (uint64_t i = 0; i < 100; i++) {
		ck_assert_int_eq(penstock_progress_allocate(progress, &records[i]),
				 PENSTOCK_STATUS_SUCCESS);
		ck_assert_uint_gt(records[i], 0);
		penstock_progress_set_accepted(progress, records[i], 1000 + i);
		penstock_progress_set_completed(progress, records[i], 500 + i);
		penstock_progress_set_failed(progress, records[i], 400 + i);
		penstock_progress_set_refused(progress, records[i], 1100 + i);
		penstock_progress_set_refused(progress, records[i], 1200 + i);
	}
	penstock_progress_close(progress);
	progress = open_progress();
	for (uint64_t i = 0; i < 99; i++) {
		ck_assert_int_eq(
			penstock_progress_restore(progress, records[i], &accepted, &completed),
			PENSTOCK_STATUS_SUCCESS);
		ck_assert_uint_eq(accepted, 1000 + i);
		ck_assert_uint_eq(completed, 500 + i);
		ck_assert_uint_eq(penstock_progress_failed(progress, records[i]), 400 + i);
		ck_assert_uint_eq(penstock_progress_refused(progress, records[i]), 1100 + i);
	}
	ck_assert_int_eq(penstock_progress_restore(progress, records[0], &accepted, &completed),
			 PENSTOCK_STATUS_NOT_FOUND);
	ck_assert_int_eq(penstock_progress_restore(progress, 0, &accepted, &completed),
			 PENSTOCK_STATUS_NOT_FOUND);
	ck_assert_int_eq(penstock_progress_restore(progress, UINT64_MAX, &accepted, &completed),
			 PENSTOCK_STATUS_NOT_FOUND);
	penstock_progress_restore_end(progress);
	ck_assert_int_eq(penstock_progress_allocate(progress, &other), PENSTOCK_STATUS_SUCCESS);
	ck_assert_uint_eq(other, records[99]);
	penstock_progress_free(progress, other);
	penstock_progress_free(progress, 0);
	penstock_progress_close(progress);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("restart");
	TCase *vidmm = tcase_create("restart");

	tcase_add_checked_fixture(vidmm, set_up, tear_down);
	tcase_add_loop_test(vidmm, B4_kill_9_in_an_eviction_keeps_the_content, 0, 10);
	tcase_add_test(vidmm, B13_what_was_lost_stays_lost_after_kill_9);
	tcase_add_test(vidmm, content_comes_back_after_kill_9);
	tcase_add_test(vidmm, a_record_of_another_is_content_lost);
	tcase_add_loop_test(vidmm, a_placement_that_was_cut_starts_from_an_intact_source, 0, 8);
	tcase_add_test(vidmm, an_orderly_end_keeps_what_it_is_told_to);
	tcase_add_loop_test(vidmm, a_hostile_location_table_is_content_lost_and_no_crash, 0, 30);
	tcase_add_test(vidmm, progress_comes_back_after_kill_9);
	suite_add_tcase(suite, vidmm);
	return penstock_test_main(suite);
}
