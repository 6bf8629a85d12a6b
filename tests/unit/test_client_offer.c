/* SPDX-License-Identifier: MIT */
/* Offer, reclaim and priorities of the client library. */
#include "proto/wire/limits.h"
#include "tests/harness.h"
#include "tests/unit/fake_daemon.h"

static struct fake_daemon fake;
static struct penstock_connection *connection;
static const uint64_t names[] = { 7, 8, 9 };

static void start(void)
{
	fake_daemon_init(&fake);
	connection = fake_daemon_connect(&fake, NULL);
}

static void stop(void)
{
	penstock_connection_close(connection);
	connection = NULL;
	fake_daemon_fini(&fake);
}

#define GOOD(call) ck_assert_int_eq(call, PENSTOCK_STATUS_SUCCESS)

START_TEST(B13_offers_and_priorities_are_sent_as_they_are)
{
	Penstock__Wire__SetAllocationPriority *priority;
	Penstock__Wire__OfferAllocations *offer;
	struct fake_frame frame;

	GOOD(penstock_allocations_offer(connection, names, 3, PENSTOCK_OFFER_HIGH));
	GOOD(penstock_allocations_set_priority(connection, names, 1, 0x28000001u));
	GOOD(penstock_connection_flush(connection));
	frame = fake_receive(fake.descriptor, PENSTOCK_FRAME_OFFER_ALLOCATIONS);
	offer = penstock__wire__offer_allocations__unpack(NULL, frame.frame.message_bytes,
							  frame.message);
	ck_assert_uint_eq(offer->n_allocations, 3);
	ck_assert_uint_eq(offer->allocations[2], 9);
	ck_assert_uint_eq(offer->priority, PENSTOCK_OFFER_HIGH);
	penstock__wire__offer_allocations__free_unpacked(offer, NULL);
	fake_frame_free(&frame);
	frame = fake_receive(fake.descriptor, PENSTOCK_FRAME_SET_ALLOCATION_PRIORITY);
	priority = penstock__wire__set_allocation_priority__unpack(NULL, frame.frame.message_bytes,
								   frame.message);
	ck_assert_uint_eq(priority->n_allocations, 1);
	ck_assert_uint_eq(priority->priority, 0x28000001u);
	penstock__wire__set_allocation_priority__free_unpacked(priority, NULL);
	fake_frame_free(&frame);
}
END_TEST

static void reclaimed(uint64_t serial, size_t count)
{
	Penstock__Wire__Reclaimed message = PENSTOCK__WIRE__RECLAIMED__INIT;
	protobuf_c_boolean discarded[3] = { 0, 1, 0 };

	message.n_discarded = count;
	message.discarded = discarded;
	fake_send(fake.descriptor, PENSTOCK_FRAME_RECLAIMED, serial, &message.base, NULL, 0);
}

START_TEST(B13_a_reclaim_tells_of_each)
{
	bool discarded[3] = { true, false, true };

	reclaimed(1, 3);
	GOOD(penstock_allocations_reclaim(connection, names, 3, discarded));
	ck_assert(!discarded[0] && discarded[1] && !discarded[2]);
	/* what a daemon does not tell of counts as lost */
	reclaimed(2, 1);
	GOOD(penstock_allocations_reclaim(connection, names, 3, discarded));
	ck_assert(!discarded[0] && discarded[1] && discarded[2]);
	fake_send_refusal(fake.descriptor, 3, PENSTOCK_STATUS_INVALID_HANDLE, "no");
	ck_assert_int_eq(penstock_allocations_reclaim(connection, names, 3, discarded),
			 PENSTOCK_STATUS_INVALID_HANDLE);
}
END_TEST

START_TEST(B13_what_cannot_be_is_not_sent)
{
	static uint64_t many[PENSTOCK_LIMIT_REQUEST_ALLOCATIONS + 1u];
	static bool discarded[PENSTOCK_LIMIT_REQUEST_ALLOCATIONS + 1u];
	const uint32_t count = PENSTOCK_LIMIT_REQUEST_ALLOCATIONS + 1u;

	ck_assert_int_eq(penstock_allocations_offer(connection, many, count, 1),
			 PENSTOCK_STATUS_LIMIT_EXCEEDED);
	ck_assert_int_eq(penstock_allocations_set_priority(connection, many, count, 1),
			 PENSTOCK_STATUS_LIMIT_EXCEEDED);
	ck_assert_int_eq(penstock_allocations_reclaim(connection, many, count, discarded),
			 PENSTOCK_STATUS_LIMIT_EXCEEDED);
	ck_assert_int_eq(penstock_allocations_offer(connection, NULL, 1, 1),
			 PENSTOCK_STATUS_INVALID_PARAMETER);
	ck_assert_int_eq(penstock_allocations_reclaim(connection, names, 1, NULL),
			 PENSTOCK_STATUS_INVALID_PARAMETER);
	ck_assert_int_eq(penstock_allocations_offer(NULL, names, 1, 1),
			 PENSTOCK_STATUS_INVALID_PARAMETER);
	ck_assert_uint_eq(penstock_request_last(connection), 0);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("client_offer");
	TCase *tcase = tcase_create("client_offer");

	tcase_add_checked_fixture(tcase, start, stop);
	tcase_add_test(tcase, B13_offers_and_priorities_are_sent_as_they_are);
	tcase_add_test(tcase, B13_a_reclaim_tells_of_each);
	tcase_add_test(tcase, B13_what_cannot_be_is_not_sent);
	suite_add_tcase(suite, tcase);
	return penstock_test_main(suite);
}
