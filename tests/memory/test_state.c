/* SPDX-License-Identifier: MIT */
/*
 * The drawings of daemon/memory/state.h: each arrow is taken where what must be so at its end is,
 * and everything else stops the adapter and changes nothing.
 */
#include "daemon/memory/internal.h"
#include "tests/drawing.h"
#include "tests/harness.h"
#include "tests/memory/fixture.h"

#include <stdio.h>
#include <string.h>

#define PLACE(name)   PENSTOCK_PLACE_##name
#define GOAL(name)    PENSTOCK_GOAL_##name
#define CONTENT(name) PENSTOCK_CONTENT_##name

static const struct arrow place_arrows[] = {
	{ PLACE(NOWHERE), PLACE(CHOSEN) },   { PLACE(NOWHERE), PLACE(RESIDENT) },
	{ PLACE(CHOSEN), PLACE(NOWHERE) },   { PLACE(CHOSEN), PLACE(PLACING) },
	{ PLACE(CHOSEN), PLACE(RESIDENT) },  { PLACE(PLACING), PLACE(NOWHERE) },
	{ PLACE(PLACING), PLACE(RESIDENT) }, { PLACE(PLACING), PLACE(LEAVING) },
	{ PLACE(RESIDENT), PLACE(LEAVING) }, { PLACE(LEAVING), PLACE(NOWHERE) },
};

static const struct arrow goal_arrows[] = {
	{ GOAL(KEEP), GOAL(EVICT) }, { GOAL(KEEP), GOAL(SHARE) },  { GOAL(KEEP), GOAL(DIE) },
	{ GOAL(EVICT), GOAL(KEEP) }, { GOAL(EVICT), GOAL(SHARE) }, { GOAL(EVICT), GOAL(DIE) },
	{ GOAL(SHARE), GOAL(KEEP) },
};

static const struct arrow content_arrows[] = {
	{ CONTENT(NONE), CONTENT(ZEROS) },    { CONTENT(NONE), CONTENT(CURRENT) },
	{ CONTENT(NONE), CONTENT(DIRTY) },    { CONTENT(NONE), CONTENT(LOST) },
	{ CONTENT(ZEROS), CONTENT(CURRENT) }, { CONTENT(ZEROS), CONTENT(DIRTY) },
	{ CONTENT(CURRENT), CONTENT(DIRTY) }, { CONTENT(DIRTY), CONTENT(CURRENT) },
	{ CONTENT(DIRTY), CONTENT(LOST) },    { CONTENT(LOST), CONTENT(ZEROS) },
};

static const struct drawing places = DRAWING_OF(place_arrows, PENSTOCK_PLACE_MAX);
static const struct drawing goals = DRAWING_OF(goal_arrows, PENSTOCK_GOAL_MAX);
static const struct drawing contents = DRAWING_OF(content_arrows, PENSTOCK_CONTENT_MAX);

/* An allocation of which nothing but its states is used. */
static struct penstock_vidmm_allocation thing;

static void make_thing(void)
{
	memset(&thing, 0, sizeof(thing));
	thing.process = alice;
	thing.content = CONTENT(CURRENT);
	thing.segment_id = PENSTOCK_SEGMENT_LOCAL;
	thing.segment_offset = 64 * KIB;
	penstock_list_init(&thing.mappings);
}

static void put_in_local(void)
{
	thing.location.local = true;
	thing.location.local_offset = thing.segment_offset;
	thing.local_reserved = true;
}

/* Everything is as it must be where the arrow ends. */
static void stand_for_place(enum penstock_place to)
{
	make_thing();
	if (to == PLACE(RESIDENT)) {
		put_in_local();
	}
	if (to == PLACE(LEAVING)) {
		thing.goal = GOAL(EVICT);
	}
}

static void stand_for_content(enum penstock_content to)
{
	make_thing();
	if (to == CONTENT(DIRTY)) {
		put_in_local();
	}
}

/* The adapter stopped, or it did not, and says why. */
static void expect(bool moved, bool arrow, const char *what)
{
	ck_assert_msg(moved == arrow, "%s: %d", what, moved);
	ck_assert_msg((machine.failed[0] == '\0') == arrow, "%s: '%s'", what, machine.failed);
	if (!arrow) {
		ck_assert_ptr_nonnull(strstr(machine.failed, " of an allocation cannot become "));
	}
	machine.failed[0] = '\0';
}

START_TEST(E10_a_place_that_an_allocation_cannot_have_stops_the_adapter)
{
	for (unsigned from = 0; from < PENSTOCK_PLACE_MAX; from++) {
		for (unsigned to = 0; to <= PENSTOCK_PLACE_MAX; to++) {
			bool arrow = drawing_has(&places, from, to);
			char what[64];

			stand_for_place((enum penstock_place)to);
			thing.place = (enum penstock_place)from;
			snprintf(what, sizeof(what), "place %u to %u", from, to);
			expect(penstock_allocation_move_place(&thing, (enum penstock_place)to),
			       arrow, what);
			ck_assert_uint_eq(thing.place, arrow ? to : from);
		}
	}
}
END_TEST

START_TEST(E10_a_goal_that_an_allocation_cannot_have_stops_the_adapter)
{
	for (unsigned from = 0; from < PENSTOCK_GOAL_MAX; from++) {
		for (unsigned to = 0; to <= PENSTOCK_GOAL_MAX; to++) {
			bool arrow = drawing_has(&goals, from, to);
			char what[64];

			make_thing();
			thing.goal = (enum penstock_goal)from;
			snprintf(what, sizeof(what), "goal %u to %u", from, to);
			expect(penstock_allocation_move_goal(&thing, (enum penstock_goal)to), arrow,
			       what);
			ck_assert_uint_eq(thing.goal, arrow ? to : from);
		}
	}
}
END_TEST

START_TEST(E10_a_content_that_an_allocation_cannot_have_stops_the_adapter)
{
	for (unsigned from = 0; from < PENSTOCK_CONTENT_MAX; from++) {
		for (unsigned to = 0; to <= PENSTOCK_CONTENT_MAX; to++) {
			bool arrow = drawing_has(&contents, from, to);
			char what[64];

			stand_for_content((enum penstock_content)to);
			thing.content = (enum penstock_content)from;
			snprintf(what, sizeof(what), "content %u to %u", from, to);
			expect(penstock_allocation_move_content(&thing, (enum penstock_content)to),
			       arrow, what);
			ck_assert_uint_eq(thing.content, arrow ? to : from);
		}
	}
}
END_TEST

/* ---------------------------------------------------------------- what must be so */

static struct penstock_list mapping_link;

static void is_busy(void)
{
	thing.busy = 1;
}

static void is_local(void)
{
	thing.location.local = true;
}

static void is_not_local(void)
{
	thing.location.local = false;
}

static void has_local_pages(void)
{
	thing.local_reserved = true;
}

static void has_no_local_pages(void)
{
	thing.local_reserved = false;
}

static void is_mapped(void)
{
	penstock_list_init(&mapping_link);
	penstock_list_append(&thing.mappings, &mapping_link);
}

static void has_no_content(void)
{
	thing.content = CONTENT(NONE);
}

static void has_lost_it(void)
{
	thing.content = CONTENT(LOST);
}

static void is_elsewhere(void)
{
	thing.segment_offset += 64 * KIB;
}

static void is_in_the_aperture(void)
{
	thing.segment_id = PENSTOCK_SEGMENT_APERTURE;
}

static void is_to_stay(void)
{
	thing.goal = GOAL(KEEP);
}

/* An arrow, and one thing that is not as it must be. */
static const struct {
	struct arrow arrow;
	void (*broken)(void);
} broken_places[] = {
	{ { PLACE(LEAVING), PLACE(NOWHERE) }, is_busy },
	{ { PLACE(LEAVING), PLACE(NOWHERE) }, is_local },
	{ { PLACE(LEAVING), PLACE(NOWHERE) }, has_local_pages },
	{ { PLACE(LEAVING), PLACE(NOWHERE) }, is_mapped },
	{ { PLACE(NOWHERE), PLACE(CHOSEN) }, is_busy },
	{ { PLACE(NOWHERE), PLACE(CHOSEN) }, has_no_content },
	{ { PLACE(NOWHERE), PLACE(CHOSEN) }, has_lost_it },
	{ { PLACE(CHOSEN), PLACE(PLACING) }, is_local },
	{ { PLACE(CHOSEN), PLACE(PLACING) }, is_in_the_aperture },
	{ { PLACE(PLACING), PLACE(RESIDENT) }, is_not_local },
	{ { PLACE(PLACING), PLACE(RESIDENT) }, has_no_local_pages },
	{ { PLACE(PLACING), PLACE(RESIDENT) }, is_elsewhere },
	{ { PLACE(CHOSEN), PLACE(RESIDENT) }, is_in_the_aperture },
	{ { PLACE(RESIDENT), PLACE(LEAVING) }, is_to_stay },
};

START_TEST(E10_a_place_without_what_goes_with_it_stops_the_adapter)
{
	const struct arrow *arrow = &broken_places[_i].arrow;

	stand_for_place((enum penstock_place)arrow->to);
	thing.place = (enum penstock_place)arrow->from;
	broken_places[_i].broken();
	expect(penstock_allocation_move_place(&thing, (enum penstock_place)arrow->to), false,
	       "broken");
	ck_assert_uint_eq(thing.place, arrow->from);
}
END_TEST

static const struct {
	struct arrow arrow;
	void (*broken)(void);
} broken_contents[] = {
	{ { CONTENT(CURRENT), CONTENT(DIRTY) }, is_not_local },
	{ { CONTENT(DIRTY), CONTENT(LOST) }, is_local },
	{ { CONTENT(LOST), CONTENT(ZEROS) }, is_local },
};

START_TEST(E10_a_content_that_is_not_where_it_must_be_stops_the_adapter)
{
	const struct arrow *arrow = &broken_contents[_i].arrow;

	stand_for_content((enum penstock_content)arrow->to);
	thing.content = (enum penstock_content)arrow->from;
	broken_contents[_i].broken();
	expect(penstock_allocation_move_content(&thing, (enum penstock_content)arrow->to), false,
	       "broken");
	ck_assert_uint_eq(thing.content, arrow->from);
}
END_TEST

/* In the aperture nothing is in local memory, and that is as it must be. */
START_TEST(E10_a_place_in_the_aperture_needs_no_local_pages)
{
	make_thing();
	is_in_the_aperture();
	thing.place = PLACE(CHOSEN);
	expect(penstock_allocation_move_place(&thing, PLACE(RESIDENT)), true, "aperture");
}
END_TEST

/* ---------------------------------------------------------------- on the way */

/* The state of a real one is broken by hand: it stays as it is, and everybody else. */
START_TEST(E10_an_allocation_in_an_impossible_state_stops_the_adapter)
{
	struct penstock_vidmm_allocation *allocation, *other;

	allocation = machine_allocation(&machine, alice, 1, 64 * KIB, LOCAL_ONLY);
	other = machine_allocation(&machine, bob, 2, 64 * KIB, LOCAL_ONLY);
	fill_bytes(other, 4096, 7);
	ck_assert_int_eq(touch(alice, allocation), PENSTOCK_STATUS_SUCCESS);
	allocation->place = PLACE(CHOSEN);
	ck_assert_int_eq(penstock_vidmm_allocation_evict(allocation), PENSTOCK_STATUS_PENDING);
	ck_assert_str_eq(machine.failed,
			 "the place of an allocation cannot become LEAVING that is CHOSEN");
	machine.failed[0] = '\0';
	ck_assert_int_eq(allocation->place, PLACE(CHOSEN));
	ck_assert_int_eq(allocation->goal, GOAL(EVICT));
	ck_assert_int_eq(touch(bob, other), PENSTOCK_STATUS_SUCCESS);
	ck_assert(all_bytes(other, 4096, 7));
	/* Mended, it goes on. */
	allocation->place = PLACE(RESIDENT);
	penstock_allocation_advance(allocation);
	penstock_paging_flush(machine.vidmm);
	machine_settle(&machine);
	ck_assert_int_eq(allocation->place, PLACE(NOWHERE));
	ck_assert_int_eq(allocation->goal, GOAL(KEEP));
	penstock_vidmm_allocation_unref(allocation);
	penstock_vidmm_allocation_unref(other);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("state");
	TCase *state = tcase_create("state");

	tcase_set_timeout(state, 120);
	tcase_add_checked_fixture(state, set_up, tear_down);
	tcase_add_test(state, E10_a_place_that_an_allocation_cannot_have_stops_the_adapter);
	tcase_add_test(state, E10_a_goal_that_an_allocation_cannot_have_stops_the_adapter);
	tcase_add_test(state, E10_a_content_that_an_allocation_cannot_have_stops_the_adapter);
	tcase_add_loop_test(state, E10_a_place_without_what_goes_with_it_stops_the_adapter, 0,
			    (int)PENSTOCK_ARRAY_SIZE(broken_places));
	tcase_add_loop_test(state, E10_a_content_that_is_not_where_it_must_be_stops_the_adapter, 0,
			    (int)PENSTOCK_ARRAY_SIZE(broken_contents));
	tcase_add_test(state, E10_a_place_in_the_aperture_needs_no_local_pages);
	tcase_add_test(state, E10_an_allocation_in_an_impossible_state_stops_the_adapter);
	suite_add_tcase(suite, state);
	return penstock_test_main(suite);
}
