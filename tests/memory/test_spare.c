/* SPDX-License-Identifier: MIT */
/*
 * Spare pages of segment 1 (daemon/memory/spare.h): what they save, that nobody sees what is in
 * them, and that the files never have more pages than places and spare granules account for.
 */
#include "daemon/memory/internal.h"
#include "tests/harness.h"
#include "tests/memory/fixture.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <sys/stat.h>
#include <sys/vfs.h>

/* ---------------------------------------------------------------- the disk */

static uint64_t disk_bytes;   /* 0: it is never full */
static uint32_t reservations; /* that were asked for */

static uint64_t pages_in(const struct penstock_memory_file *file)
{
	struct stat stat;

	ck_assert_int_eq(fstat(file->descriptor, &stat), 0);
	return (uint64_t)stat.st_blocks * 512;
}

static uint64_t used_bytes(void)
{
	return pages_in(&alice->local) + pages_in(&alice->system) + pages_in(&bob->local) +
	       pages_in(&bob->system);
}

int __real_fallocate(int descriptor, int mode, off_t offset, off_t size);
int __wrap_fallocate(int descriptor, int mode, off_t offset, off_t size);
int __wrap_fallocate(int descriptor, int mode, off_t offset, off_t size)
{
	if ((mode & FALLOC_FL_PUNCH_HOLE) == 0) {
		reservations++;
		if (disk_bytes > 0 && used_bytes() + (uint64_t)size > disk_bytes) {
			errno = ENOSPC;
			return -1;
		}
	}
	return __real_fallocate(descriptor, mode, offset, size);
}

/* ---------------------------------------------------------------- what must be so */

static uint64_t accounted(const struct penstock_vidmm_process *process)
{
	uint64_t bytes = process->spare_granules * PENSTOCK_GRANULE;

	penstock_list_for_each (link, &machine.vidmm->placed[PENSTOCK_SEGMENT_LOCAL - 1]) {
		const struct penstock_vidmm_allocation *allocation =
			penstock_list_entry(link, struct penstock_vidmm_allocation, place_link);

		if (allocation->process == process && !allocation->location.own_file) {
			bytes += penstock_place_bytes(allocation->size_bytes);
		}
	}
	return bytes;
}

/* A file system that is no tmpfs counts blocks of its own. */
static void check_pages(const struct penstock_vidmm_process *process)
{
	uint64_t there = pages_in(&process->local), expected = accounted(process);
	struct statfs disk;

	ck_assert_int_eq(fstatfs(process->local.descriptor, &disk), 0);
	if (disk.f_type == TMPFS_MAGIC) {
		ck_assert_uint_eq(there, expected);
	} else {
		ck_assert_uint_le(there, expected + 64 * KIB);
	}
}

static void check(void)
{
	const struct penstock_spare *spare = &machine.vidmm->spare;
	const struct penstock_runs *runs = &machine.vidmm->segments[0].runs;
	uint32_t start = 0, count, free_and_spare = 0;

	while (penstock_runs_next_free(runs, start, &start, &count)) {
		for (; count > 0; count--, start++) {
			free_and_spare += spare->owners[start] != NULL;
		}
	}
	/* None is somebody's place. */
	ck_assert_uint_eq(free_and_spare, spare->granules);
	ck_assert_uint_eq(spare->granules, alice->spare_granules + bob->spare_granules);
	check_pages(alice);
	check_pages(bob);
}

static void evict(struct penstock_vidmm_allocation *allocation)
{
	enum penstock_status status = penstock_vidmm_allocation_evict(allocation);

	ck_assert(status == PENSTOCK_STATUS_SUCCESS || status == PENSTOCK_STATUS_PENDING);
	machine_settle(&machine);
	ck_assert_uint_eq(where(allocation).segment_id, 0);
}

static struct penstock_vidmm_allocation *placed(struct penstock_vidmm_process *process, uint64_t id,
						uint64_t size_bytes, uint8_t value)
{
	struct penstock_vidmm_allocation *allocation =
		machine_allocation(&machine, process, id, size_bytes, LOCAL_ONLY);

	if (value != 0) {
		fill_bytes(allocation, size_bytes, value);
	}
	ck_assert_int_eq(touch(process, allocation), PENSTOCK_STATUS_SUCCESS);
	return allocation;
}

/* ---------------------------------------------------------------- one after the other */

START_TEST(B2_who_comes_to_a_place_of_its_own_principal_reserves_nothing)
{
	struct penstock_vidmm_allocation *first = placed(alice, 10, MIB, 0x11), *second;
	uint64_t address = where(first).address;
	uint32_t before;

	second = machine_allocation(&machine, alice, 11, MIB, LOCAL_ONLY);
	fill_bytes(second, MIB, 0x22);
	evict(first);
	ck_assert_uint_eq(alice->spare_granules, 16);
	check();
	before = reservations;
	ck_assert_int_eq(touch(alice, second), PENSTOCK_STATUS_SUCCESS);
	ck_assert_uint_eq(where(second).address, address);
	ck_assert_uint_eq(reservations, before);
	ck_assert_uint_eq(alice->spare_granules, 0);
	check();
	ck_assert(all_bytes(second, MIB, 0x22));
	ck_assert(all_bytes(first, MIB, 0x11));
	penstock_vidmm_allocation_unref(first);
	penstock_vidmm_allocation_unref(second);
	machine_settle(&machine);
	/* What is destroyed leaves nothing. */
	ck_assert_uint_eq(machine.vidmm->spare.granules, 0);
	check();
}
END_TEST

/* The next one's size, and who it is of. */
static const struct {
	uint64_t size_bytes;
	bool bobs;
	bool shared;
} successors[] = {
	{ .size_bytes = MIB },
	{ .size_bytes = 4 * KIB },
	{ .size_bytes = 60 * KIB },
	{ .size_bytes = 100 * KIB },
	{ .size_bytes = 2 * MIB },
	{ .size_bytes = MIB, .bobs = true },
	{ .size_bytes = 4 * KIB, .bobs = true },
	{ .size_bytes = 2 * MIB, .bobs = true },
	{ .size_bytes = MIB, .shared = true },
};

/* It is zeros: the GPU sees it, and so does its principal through any address in its place. */
START_TEST(B2_nobody_sees_what_is_in_spare_pages)
{
	struct penstock_vidmm_process *process = successors[_i].bobs ? bob : alice;
	struct penstock_vidmm_allocation *first = placed(alice, 10, MIB + 4 * KIB, 0x77), *next;
	enum penstock_status status = PENSTOCK_STATUS_PENDING;
	uint64_t size = successors[_i].size_bytes;
	static uint8_t bytes[2 * MIB];
	uint64_t address = where(first).address, others = 0;

	next = machine_allocation(&machine, process, 11, size, LOCAL_ONLY);
	if (successors[_i].shared) {
		if (penstock_vidmm_allocation_share(next, told, &status) ==
		    PENSTOCK_STATUS_PENDING) {
			machine_settle(&machine);
			ck_assert_int_eq(status, PENSTOCK_STATUS_SUCCESS);
		}
	}
	evict(first);
	ck_assert_uint_eq(alice->spare_granules, 17);
	ck_assert_int_eq(touch(process, next), PENSTOCK_STATUS_SUCCESS);
	ck_assert_uint_eq(where(next).address, address);
	ck_assert(machine_access(machine_process_of(process), address, bytes, size, false));
	for (uint64_t i = 0; i < size; i++) {
		others += bytes[i] != 0;
	}
	ck_assert_uint_eq(others, 0);
	check();
	ck_assert(all_bytes(first, MIB + 4 * KIB, 0x77));
	penstock_vidmm_allocation_unref(first);
	penstock_vidmm_allocation_unref(next);
}
END_TEST

/* ---------------------------------------------------------------- giving back */

START_TEST(B2_a_principal_that_is_idle_keeps_no_spare_pages)
{
	struct penstock_vidmm_allocation *first = placed(alice, 10, MIB, 0x11);

	evict(first);
	ck_assert_uint_gt(pages_in(&alice->local), 0);
	ck_assert(penstock_vidmm_process_idle(alice));
	ck_assert_uint_eq(machine.vidmm->spare.granules, 0);
	check();
	ck_assert_uint_eq(pages_in(&alice->local), 0);
	ck_assert_int_eq(touch(alice, first), PENSTOCK_STATUS_SUCCESS);
	ck_assert(all_bytes(first, MIB, 0x11));
	penstock_vidmm_allocation_unref(first);
}
END_TEST

/* Whose spare pages a worker punches is not gone before that is done. */
START_TEST(B2_a_principal_whose_spare_pages_are_punched_is_waited_for)
{
	struct penstock_vidmm_process *carol = machine_principal(&machine, 3, 16 * MIB);
	const struct machine_process *process = machine_process_of(carol);
	struct penstock_vidmm_allocation *first = placed(carol, 10, MIB, 0x11), *next;
	struct work work;

	evict(first);
	penstock_vidmm_allocation_unref(first);
	machine_settle(&machine);
	ck_assert_uint_eq(carol->spare_granules, 16);
	next = machine_allocation(&machine, alice, 11, MIB, LOCAL_ONLY);
	work_init(&work, alice);
	work_reference(&work, next);
	work_nop(&work);
	while (next->place != PENSTOCK_PLACE_PLACING) {
		ck_assert_int_eq(work_prepare(&work), PENSTOCK_STATUS_PENDING);
	}
	ck_assert_uint_gt(machine.job_count, 0);
	penstock_vidmm_process_free(carol);
	ck_assert(process->used);
	machine_settle(&machine);
	ck_assert(!process->used);
	while (work_prepare(&work) == PENSTOCK_STATUS_PENDING) {
		ck_assert(machine_step(&machine));
	}
	check();
	penstock_vidmm_finish(&work.submission);
	penstock_vidmm_allocation_unref(next);
}
END_TEST

START_TEST(B2_a_principal_that_goes_leaves_no_spare_pages)
{
	struct penstock_vidmm_process *carol = machine_principal(&machine, 3, 16 * MIB);
	struct penstock_vidmm_allocation *first = placed(carol, 10, MIB, 0x11), *next;

	evict(first);
	penstock_vidmm_allocation_unref(first);
	machine_settle(&machine);
	ck_assert_uint_eq(carol->spare_granules, 16);
	penstock_vidmm_process_free(carol);
	machine_settle(&machine);
	ck_assert_uint_eq(machine.vidmm->spare.granules, 0);
	next = placed(alice, 11, MIB, 0x22);
	check();
	ck_assert(all_bytes(next, MIB, 0x22));
	penstock_vidmm_allocation_unref(next);
}
END_TEST

/*
 * The host has no page left: spare ones are punched for whoever needs some, a place (of a worker's
 * size, of one that is reserved on the spot) or backing pages, and no more than are needed.
 */
static const struct {
	uint64_t size_bytes;
	uint32_t segment_set;
	uint32_t left; /* spare granules, of 48 */
} hungry[] = {
	{ 2 * MIB, LOCAL_ONLY, 16 },
	{ 128 * KIB, LOCAL_ONLY, 46 },
	{ 8 * MIB, APERTURE_ONLY, 48 },
};

START_TEST(B2_spare_pages_are_given_back_where_the_host_has_none)
{
	struct penstock_vidmm_allocation *first = placed(alice, 10, 3 * MIB, 0x11), *next;
	/* The lowest place: what comes is not placed on spare pages. */
	struct penstock_vidmm_allocation *small = placed(alice, 12, 64 * KIB, 0x33);

	next = machine_allocation(&machine, bob, 11, hungry[_i].size_bytes, hungry[_i].segment_set);
	fill_bytes(next, hungry[_i].size_bytes, 0x22);
	evict(first);
	ck_assert_uint_eq(alice->spare_granules, 48);
	ck_assert(penstock_runs_take_at(&machine.vidmm->segments[0].runs, 0, 48));
	disk_bytes = used_bytes();
	ck_assert_int_eq(touch(bob, next), PENSTOCK_STATUS_SUCCESS);
	disk_bytes = 0;
	penstock_runs_give(&machine.vidmm->segments[0].runs, 0, 48);
	ck_assert_uint_eq(alice->spare_granules, hungry[_i].left);
	check();
	ck_assert(all_bytes(next, hungry[_i].size_bytes, 0x22));
	ck_assert(all_bytes(small, 64 * KIB, 0x33));
	ck_assert_int_eq(touch(alice, first), PENSTOCK_STATUS_SUCCESS);
	ck_assert(all_bytes(first, 3 * MIB, 0x11));
	penstock_vidmm_allocation_unref(first);
	penstock_vidmm_allocation_unref(small);
	penstock_vidmm_allocation_unref(next);
}
END_TEST

/* Where there is nothing spare, or not enough, it is refused as ever. */
START_TEST(B2_what_spare_pages_do_not_help_is_refused)
{
	const struct penstock_allocation_info info = { .id = 11, .size_bytes = 8 * MIB };
	struct penstock_vidmm_allocation *first = placed(alice, 10, MIB, 0x11), *next;
	enum penstock_status status = PENSTOCK_STATUS_PENDING;

	evict(first);
	machine_settle(&machine);
	disk_bytes = used_bytes();
	ck_assert_int_eq(penstock_vidmm_allocation_new(bob, &info, told, &status, &next),
			 PENSTOCK_STATUS_PENDING);
	machine_settle(&machine);
	ck_assert_int_eq(status, PENSTOCK_STATUS_NO_MEMORY);
	ck_assert_uint_eq(machine.vidmm->spare.granules, 0);
	disk_bytes = 0;
	check();
	penstock_vidmm_allocation_unref(next);
	penstock_vidmm_allocation_unref(first);
}
END_TEST

/* ---------------------------------------------------------------- under a seed */

#define THINGS 20u
#define STEPS  40u

static uint32_t random_state;

static uint32_t pick(uint32_t below)
{
	random_state = random_state * 1664525u + 1013904223u;
	return (random_state >> 8) % below;
}

struct thing {
	struct penstock_vidmm_allocation *allocation;
	struct penstock_vidmm_process *process;
	uint8_t value;
};

static void make(struct thing *thing, uint64_t id)
{
	static const uint32_t sizes[] = { 4 * KIB,   8 * KIB, 60 * KIB,      64 * KIB, 68 * KIB,
					  200 * KIB, MIB,     MIB + 4 * KIB, 2 * MIB };
	enum penstock_status status = PENSTOCK_STATUS_SUCCESS;

	*thing = (struct thing){ .process = pick(2) == 0 ? alice : bob };
	thing->allocation = machine_allocation(&machine, thing->process, id,
					       sizes[pick(PENSTOCK_ARRAY_SIZE(sizes))], LOCAL_ONLY);
	if (pick(5) == 0 && penstock_vidmm_allocation_share(thing->allocation, told, &status) ==
				    PENSTOCK_STATUS_PENDING) {
		machine_settle(&machine);
	}
	ck_assert_int_eq(status, PENSTOCK_STATUS_SUCCESS);
}

static void step(struct thing *thing, uint64_t id)
{
	switch (pick(8)) {
	case 0:
		evict(thing->allocation);
		break;
	case 1:
		penstock_vidmm_allocation_unref(thing->allocation);
		machine_settle(&machine);
		make(thing, id);
		break;
	case 2:
		(void)penstock_vidmm_process_idle(thing->process);
		break;
	case 3:
		thing->value = (uint8_t)id;
		fill_bytes(thing->allocation, thing->allocation->size_bytes, thing->value);
		break;
	default:
		ck_assert_int_eq(touch(thing->process, thing->allocation), PENSTOCK_STATUS_SUCCESS);
	}
	machine_settle(&machine);
	check();
	ck_assert(all_bytes(thing->allocation, thing->allocation->size_bytes, thing->value));
}

START_TEST(B2_places_and_spare_pages_account_for_all_pages_under_a_seed)
{
	struct thing things[THINGS];

	random_state = (uint32_t)_i;
	for (unsigned i = 0; i < THINGS; i++) {
		make(&things[i], 10 + i);
	}
	for (unsigned i = 0; i < STEPS; i++) {
		step(&things[pick(THINGS)], 100 + i);
	}
	for (unsigned i = 0; i < THINGS; i++) {
		ck_assert(all_bytes(things[i].allocation, things[i].allocation->size_bytes,
				    things[i].value));
		penstock_vidmm_allocation_unref(things[i].allocation);
	}
	machine_settle(&machine);
	check();
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("spare");
	TCase *spare = tcase_create("spare");

	tcase_set_timeout(spare, 120);
	tcase_add_checked_fixture(spare, set_up, tear_down);
	tcase_add_test(spare, B2_who_comes_to_a_place_of_its_own_principal_reserves_nothing);
	tcase_add_loop_test(spare, B2_nobody_sees_what_is_in_spare_pages, 0,
			    (int)PENSTOCK_ARRAY_SIZE(successors));
	tcase_add_test(spare, B2_a_principal_that_is_idle_keeps_no_spare_pages);
	tcase_add_test(spare, B2_a_principal_whose_spare_pages_are_punched_is_waited_for);
	tcase_add_test(spare, B2_a_principal_that_goes_leaves_no_spare_pages);
	tcase_add_loop_test(spare, B2_spare_pages_are_given_back_where_the_host_has_none, 0,
			    (int)PENSTOCK_ARRAY_SIZE(hungry));
	tcase_add_test(spare, B2_what_spare_pages_do_not_help_is_refused);
	tcase_add_loop_test(spare, B2_places_and_spare_pages_account_for_all_pages_under_a_seed, 1,
			    5);
	suite_add_tcase(suite, spare);
	return penstock_test_main(suite);
}
