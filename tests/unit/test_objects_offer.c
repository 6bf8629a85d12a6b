/* SPDX-License-Identifier: MIT */
/* Offering allocations, reclaiming them, and their priorities. */
#include "proto/wire/limits.h"
#include "tests/unit/objects_fixture.h"

#define GOOD(call)         ck_assert_int_eq(call, PENSTOCK_STATUS_SUCCESS)
#define REFUSED(call, why) ck_assert_int_eq(call, PENSTOCK_STATUS_##why)

static struct fixture fixture;
static struct client client;
static struct client other;
static const uint64_t three[] = { NAME(3) };
static const uint64_t both[] = { NAME(3), NAME(4) };

static void set_up_with(bool store)
{
	fixture_start(&fixture, store);
	GOOD(client_connect(&fixture, &client, "uid:1", store ? 30 : 0));
	client_set_up(&client, 2); /* allocations 3 and 4 */
	if (store) {
		fake_core_commit(fixture.machine);
		turn(&fixture);
	}
}

static void set_up(void)
{
	set_up_with(false);
}

static void set_up_leased(void)
{
	set_up_with(true);
}

static void tear_down(void)
{
	fixture_stop(&fixture);
}

static enum penstock_status offer(const uint64_t *names, size_t count)
{
	return penstock_offer_allocations(client.session, ++client.serial, names, count,
					  PENSTOCK_OFFER_NORMAL, &client.refusal);
}

/* Whether each is lost: 0 or 1; the first one's. */
static bool reclaim(const uint64_t *names, size_t count)
{
	bool discarded[4] = { true, true, true, true };

	GOOD(penstock_reclaim_allocations(client.session, ++client.serial, names, count, discarded,
					  &client.refusal));
	return discarded[0];
}

static void retire_all(void)
{
	(void)fake_core_retire(UINT_MAX);
	turn(&fixture);
}

static void upload(const char *text)
{
	struct answered answered;
	uint8_t *destination;

	GOOD(client_upload_begin(&client, NAME(3), 0, (uint32_t)strlen(text), &answered,
				 &destination));
	memcpy(destination, text, strlen(text));
	GOOD(penstock_upload_end(&answered.request, false));
}

START_TEST(B13_an_offer_takes_effect_behind_what_was_submitted)
{
	GOOD(client_fill(&client, 0, NAME(3)));
	GOOD(offer(both, 2));
	ck_assert_uint_eq(fake.offered, 1); /* nothing is ahead of the other */
	turn(&fixture);
	ck_assert_uint_eq(fake.offered, 1);
	retire_all();
	ck_assert_uint_eq(fake.offered, 2);
	ck_assert_uint_eq(fake.offer_priority, PENSTOCK_OFFER_NORMAL);
	ck_assert(!reclaim(both, 2));
	ck_assert_uint_eq(fake.offered, 0);
}
END_TEST

START_TEST(B13_nothing_can_be_done_with_what_is_offered)
{
	struct answered answered;
	uint8_t *destination;

	for (unsigned i = 0; i < 2; i++) { /* in effect, and not yet */
		GOOD(offer(three, 1));
		REFUSED(client_fill(&client, 0, NAME(3)), GRAPHICS_INVALID_ALLOCATION_USAGE);
		ck_assert_ptr_nonnull(strstr(client.refusal.sentence, "reclaimed"));
		REFUSED(client_upload_begin(&client, NAME(3), 0, 1, &answered, &destination),
			GRAPHICS_INVALID_ALLOCATION_USAGE);
		REFUSED(client_upload_with(&client, NAME(3), 0, 1, PENSTOCK_LOCK_DISCARD, &answered,
					   &destination),
			GRAPHICS_INVALID_ALLOCATION_USAGE);
		REFUSED(client_read_back(&client, NAME(3), 0, 1, &answered),
			GRAPHICS_INVALID_ALLOCATION_USAGE);
		REFUSED(client_share(&client, NAME(3), &answered),
			GRAPHICS_INVALID_ALLOCATION_USAGE);
		GOOD(client_fill(&client, 0, NAME(4)));
		ck_assert(!reclaim(three, 1));
		GOOD(client_fill(&client, 0, NAME(3)));
	}
	retire_all();
}
END_TEST

START_TEST(B13_reclaim_takes_back_what_is_not_in_effect_yet)
{
	fake.drop_offered = true;
	upload("kept");
	GOOD(client_fill(&client, 0, NAME(3)));
	GOOD(offer(three, 1));
	ck_assert(!reclaim(three, 1)); /* at once, though it has not retired */
	GOOD(client_fill(&client, 0, NAME(3)));
	ck_assert_uint_eq(fake.submissions, 2);
	retire_all();
	ck_assert_uint_eq(fake.offered, 0);
}
END_TEST

START_TEST(B13_reclaim_tells_what_was_lost_until_it_is_written)
{
	upload("gone");
	fake.drop_offered = true;
	GOOD(offer(three, 1));
	ck_assert(reclaim(three, 1));
	ck_assert(reclaim(three, 1));
	ck_assert(!reclaim(both + 1, 1)); /* was never offered */
	upload("new");
	ck_assert(!reclaim(three, 1));
}
END_TEST

START_TEST(B13_offered_again_it_has_the_new_priority)
{
	GOOD(client_fill(&client, 0, NAME(3)));
	GOOD(offer(three, 1));
	GOOD(penstock_offer_allocations(client.session, ++client.serial, three, 1,
					PENSTOCK_OFFER_HIGH, &client.refusal));
	retire_all();
	ck_assert_uint_eq(fake.offered, 1);
	ck_assert_uint_eq(fake.offer_priority, PENSTOCK_OFFER_HIGH);
	GOOD(penstock_offer_allocations(client.session, ++client.serial, three, 1,
					PENSTOCK_OFFER_LOW, &client.refusal));
	ck_assert_uint_eq(fake.offered, 1);
	ck_assert_uint_eq(fake.offer_priority, PENSTOCK_OFFER_LOW);
	GOOD(offer((uint64_t[]){ NAME(4), NAME(4) }, 2)); /* named twice */
	ck_assert_uint_eq(fake.offered, 2);
	ck_assert(!reclaim(both, 2));
}
END_TEST

START_TEST(B13_all_of_them_or_none)
{
	static uint64_t many[PENSTOCK_LIMIT_REQUEST_ALLOCATIONS + 1u];
	static bool discarded[PENSTOCK_LIMIT_REQUEST_ALLOCATIONS];
	const uint64_t wrong[][2] = { { NAME(3), NAME(9) },
				      { NAME(3), NAME(2) },
				      { NAME(3), 0 },
				      { NAME_OF(1, 3), NAME(3) } };

	for (size_t i = 0; i < PENSTOCK_ARRAY_SIZE(wrong); i++) {
		REFUSED(offer(wrong[i], 2), INVALID_HANDLE);
		REFUSED(penstock_reclaim_allocations(client.session, ++client.serial, wrong[i], 2,
						     discarded, &client.refusal),
			INVALID_HANDLE);
		REFUSED(penstock_set_allocation_priority(client.session, ++client.serial, wrong[i],
							 2, PENSTOCK_ALLOCATION_PRIORITY_LOW,
							 &client.refusal),
			INVALID_HANDLE);
	}
	ck_assert_uint_eq(fake.offered, 0);
	ck_assert_uint_eq(fake.priority, 0);
	for (size_t i = 0; i <= PENSTOCK_LIMIT_REQUEST_ALLOCATIONS; i++) {
		many[i] = NAME(3);
	}
	REFUSED(offer(many, PENSTOCK_LIMIT_REQUEST_ALLOCATIONS + 1u), LIMIT_EXCEEDED);
	REFUSED(penstock_reclaim_allocations(client.session, ++client.serial, many,
					     PENSTOCK_LIMIT_REQUEST_ALLOCATIONS + 1u, discarded,
					     &client.refusal),
		LIMIT_EXCEEDED);
	for (uint32_t priority = 0; priority < 8; priority++) {
		if (priority < PENSTOCK_OFFER_LOW || priority > PENSTOCK_OFFER_AUTO) {
			REFUSED(penstock_offer_allocations(client.session, ++client.serial, three,
							   1, priority, &client.refusal),
				INVALID_PARAMETER);
		}
	}
	ck_assert_uint_eq(fake.offered, 0);
	GOOD(client_fill(&client, 0, NAME(3)));
	GOOD(offer(many, PENSTOCK_LIMIT_REQUEST_ALLOCATIONS));
	GOOD(penstock_reclaim_allocations(client.session, ++client.serial, many,
					  PENSTOCK_LIMIT_REQUEST_ALLOCATIONS, discarded,
					  &client.refusal));
	GOOD(offer(NULL, 0));
	retire_all();
}
END_TEST

START_TEST(B13_a_shared_allocation_is_offered_by_its_creator_and_for_everybody)
{
	struct answered shared, answered;
	const uint64_t theirs[] = { NAME(2) };
	bool discarded[1];

	REFUSED(client_share(&client, NAME(3), &shared), PENDING);
	turn(&fixture);
	GOOD(client_connect(&fixture, &other, "uid:2", 0));
	GOOD(client_device(&other, NAME(1)));
	GOOD(client_open(&other, NAME(2), NAME(1), &shared, false));
	GOOD(client_context(&other, NAME(3), NAME(1)));
	REFUSED(penstock_offer_allocations(other.session, ++other.serial, theirs, 1,
					   PENSTOCK_OFFER_LOW, &other.refusal),
		ACCESS_DENIED);
	REFUSED(penstock_set_allocation_priority(other.session, ++other.serial, theirs, 1,
						 PENSTOCK_ALLOCATION_PRIORITY_MAXIMUM,
						 &other.refusal),
		ACCESS_DENIED);
	GOOD(offer(three, 1));
	REFUSED(penstock_reclaim_allocations(other.session, ++other.serial, theirs, 1, discarded,
					     &other.refusal),
		ACCESS_DENIED);
	REFUSED(client_fill(&other, NAME(3), NAME(2)), GRAPHICS_INVALID_ALLOCATION_USAGE);
	REFUSED(client_read_back(&other, NAME(2), 0, 1, &answered),
		GRAPHICS_INVALID_ALLOCATION_USAGE);
	ck_assert(!reclaim(three, 1));
	GOOD(client_fill(&other, NAME(3), NAME(2)));
	retire_all();
	client_disconnect(&other);
}
END_TEST

START_TEST(B13_what_was_opened_read_only_is_not_offered)
{
	struct answered shared;
	const uint64_t theirs[] = { NAME(5) };

	REFUSED(client_share(&client, NAME(3), &shared), PENDING);
	turn(&fixture);
	GOOD(client_open(&client, NAME(5), NAME(1), &shared, true));
	REFUSED(offer(theirs, 1), ACCESS_DENIED);
}
END_TEST

START_TEST(B13_offers_end_with_their_allocation_device_and_session)
{
	GOOD(client_fill(&client, 0, NAME(3)));
	GOOD(client_fill(&client, 0, NAME(4)));
	GOOD(offer(both, 2));
	GOOD(client_destroy(&client, NAME(3)));
	client_disconnect(&client);
	retire_all();
	ck_assert_uint_eq(fake.allocations, 0);
	GOOD(client_connect(&fixture, &client, "uid:1", 0));
}
END_TEST

START_TEST(B13_an_offer_of_what_is_not_made_yet)
{
	const uint64_t five[] = { NAME(5) };
	struct answered created;

	for (unsigned i = 0; i < 2; i++) {
		fake.reserve_later = true;
		REFUSED(client_allocation(&client, NAME(5), NAME(1), 4096, &created), PENDING);
		GOOD(offer(five, 1));
		fake_core_reserved(i == 0 ? PENSTOCK_STATUS_NO_MEMORY : PENSTOCK_STATUS_SUCCESS);
		turn(&fixture);
		ck_assert_uint_eq(fake.offered, i);
	}
	ck_assert(!reclaim(five, 1));
}
END_TEST

START_TEST(B13_a_priority_counts_at_once)
{
	REFUSED(penstock_set_allocation_priority(client.session, ++client.serial, three, 1,
						 PENSTOCK_ALLOCATION_PRIORITY_MINIMUM - 1u,
						 &client.refusal),
		INVALID_PARAMETER);
	REFUSED(penstock_set_allocation_priority(client.session, ++client.serial, three, 1,
						 PENSTOCK_ALLOCATION_PRIORITY_MAXIMUM + 1u,
						 &client.refusal),
		INVALID_PARAMETER);
	GOOD(client_fill(&client, 0, NAME(3)));
	GOOD(penstock_set_allocation_priority(client.session, ++client.serial, both, 2, 0x28000001u,
					      &client.refusal));
	ck_assert_uint_eq(fake.priority, 0x28000001u);
	retire_all();
}
END_TEST

START_TEST(B13_a_priority_is_there_after_a_restart_and_an_offer_is_reclaimed)
{
	uint64_t serial;

	GOOD(penstock_set_allocation_priority(client.session, ++client.serial, three, 1,
					      PENSTOCK_ALLOCATION_PRIORITY_HIGH, &client.refusal));
	GOOD(offer(three, 1));
	serial = client.serial;
	ck_assert_uint_lt(client.durable, serial - 1);
	fake_core_commit(fixture.machine);
	turn(&fixture);
	ck_assert_uint_eq(client.durable, serial);
	fixture_kill(&fixture);
	ck_assert_uint_eq(fake.restored_priority, PENSTOCK_ALLOCATION_PRIORITY_HIGH);
	GOOD(client_resume(&fixture, &client, "uid:1"));
	ck_assert_uint_eq(client.resumed_serial, serial);
	GOOD(client_fill(&client, 0, NAME(3)));
	ck_assert(!reclaim(three, 1));
	retire_all();
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("objects_offer");
	TCase *tcase = tcase_create("objects_offer");
	TCase *leased = tcase_create("leased");

	tcase_add_checked_fixture(tcase, set_up, tear_down);
	tcase_add_test(tcase, B13_an_offer_takes_effect_behind_what_was_submitted);
	tcase_add_test(tcase, B13_nothing_can_be_done_with_what_is_offered);
	tcase_add_test(tcase, B13_reclaim_takes_back_what_is_not_in_effect_yet);
	tcase_add_test(tcase, B13_reclaim_tells_what_was_lost_until_it_is_written);
	tcase_add_test(tcase, B13_offered_again_it_has_the_new_priority);
	tcase_add_test(tcase, B13_all_of_them_or_none);
	tcase_add_test(tcase, B13_a_shared_allocation_is_offered_by_its_creator_and_for_everybody);
	tcase_add_test(tcase, B13_what_was_opened_read_only_is_not_offered);
	tcase_add_test(tcase, B13_offers_end_with_their_allocation_device_and_session);
	tcase_add_test(tcase, B13_an_offer_of_what_is_not_made_yet);
	tcase_add_test(tcase, B13_a_priority_counts_at_once);
	suite_add_tcase(suite, tcase);
	tcase_add_checked_fixture(leased, set_up_leased, tear_down);
	tcase_add_test(leased, B13_a_priority_is_there_after_a_restart_and_an_offer_is_reclaimed);
	suite_add_tcase(suite, leased);
	return penstock_test_main(suite);
}
