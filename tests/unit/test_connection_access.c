/* SPDX-License-Identifier: MIT */
/* What a connection hands on of requests about allocations: flags, names, priorities. */
#include "tests/harness.h"
#include "tests/unit/fake_objects.h"
#include "tests/unit/net_peer.h"

#include "proto/wire/limits.h"
#include "proto/wire/penstock.pb-c.h"

static struct net_peer *peer;

static void set_up(void)
{
	net_setup();
	peer = net_peer_open();
}

static void tear_down(void)
{
	net_peer_close(peer);
	net_teardown();
}

START_TEST(B11_lock_flags_reach_the_objects)
{
	Penstock__Wire__Upload upload = PENSTOCK__WIRE__UPLOAD__INIT;
	Penstock__Wire__ReadBack read_back = PENSTOCK__WIRE__READ_BACK__INIT;

	upload.allocation = 9;
	upload.flags = PENSTOCK_LOCK_DISCARD | PENSTOCK_LOCK_DONOT_WAIT;
	net_peer_frame(peer, PENSTOCK_FRAME_UPLOAD, peer->serial++, &upload.base, "ab", 2);
	net_peer_expect(peer, PENSTOCK_FRAME_ACK, 1);
	ck_assert_uint_eq(fake.lock_flags, upload.flags);
	read_back.allocation = 9;
	read_back.size_bytes = 2;
	read_back.flags = UINT32_MAX;
	net_peer_request(peer, PENSTOCK_FRAME_READ_BACK, &read_back.base);
	net_peer_expect(peer, PENSTOCK_FRAME_READ_DATA, 2);
	ck_assert_uint_eq(fake.lock_flags, UINT32_MAX);
}
END_TEST

START_TEST(B13_names_and_priorities_reach_the_objects)
{
	Penstock__Wire__OfferAllocations offer = PENSTOCK__WIRE__OFFER_ALLOCATIONS__INIT;
	Penstock__Wire__SetAllocationPriority priority =
		PENSTOCK__WIRE__SET_ALLOCATION_PRIORITY__INIT;
	uint64_t names[3] = { 3, 5, UINT64_MAX };

	offer.allocations = names;
	offer.n_allocations = 3;
	offer.priority = 2;
	net_peer_request(peer, PENSTOCK_FRAME_OFFER_ALLOCATIONS, &offer.base);
	net_peer_expect(peer, PENSTOCK_FRAME_ACK, 1);
	ck_assert_uint_eq(fake.named, UINT64_MAX);
	ck_assert_uint_eq(fake.named_count, 3);
	ck_assert_uint_eq(fake.priority, 2);
	priority.allocations = names;
	priority.n_allocations = 2;
	priority.priority = 0x28000000;
	net_peer_request(peer, PENSTOCK_FRAME_SET_ALLOCATION_PRIORITY, &priority.base);
	net_peer_expect(peer, PENSTOCK_FRAME_ACK, 2);
	ck_assert_uint_eq(fake.named, 5);
	ck_assert_uint_eq(fake.priority, 0x28000000);
	/* no names at all */
	offer.n_allocations = 0;
	net_peer_request(peer, PENSTOCK_FRAME_OFFER_ALLOCATIONS, &offer.base);
	net_peer_expect(peer, PENSTOCK_FRAME_ACK, 3);
	ck_assert_uint_eq(fake.named_count, 0);
}
END_TEST

START_TEST(B13_a_reclaim_is_answered_for_each_name)
{
	static uint64_t names[PENSTOCK_LIMIT_REQUEST_ALLOCATIONS + 1u];
	Penstock__Wire__ReclaimAllocations reclaim = PENSTOCK__WIRE__RECLAIM_ALLOCATIONS__INIT;
	Penstock__Wire__Reclaimed *answer;
	struct net_frame frame;

	for (size_t i = 0; i < PENSTOCK_ARRAY_SIZE(names); i++) {
		names[i] = i;
	}
	reclaim.allocations = names;
	reclaim.n_allocations = PENSTOCK_LIMIT_REQUEST_ALLOCATIONS;
	net_peer_request(peer, PENSTOCK_FRAME_RECLAIM_ALLOCATIONS, &reclaim.base);
	frame = net_peer_receive(peer);
	ck_assert_uint_eq(frame.header.type, PENSTOCK_FRAME_RECLAIMED);
	ck_assert_uint_eq(frame.header.serial, 1);
	answer = penstock__wire__reclaimed__unpack(NULL, frame.header.message_bytes, frame.message);
	ck_assert_ptr_nonnull(answer);
	ck_assert_uint_eq(answer->n_discarded, PENSTOCK_LIMIT_REQUEST_ALLOCATIONS);
	for (size_t i = 0; i < answer->n_discarded; i++) {
		ck_assert_int_eq(answer->discarded[i], i % 2 == 1);
	}
	penstock__wire__reclaimed__free_unpacked(answer, NULL);
	net_frame_free(&frame);
	reclaim.n_allocations++;
	net_peer_request(peer, PENSTOCK_FRAME_RECLAIM_ALLOCATIONS, &reclaim.base);
	net_peer_expect_refusal(peer, 2, PENSTOCK_STATUS_LIMIT_EXCEEDED);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("connection_access");
	TCase *tcase = tcase_create("connection_access");

	tcase_add_checked_fixture(tcase, set_up, tear_down);
	tcase_add_test(tcase, B11_lock_flags_reach_the_objects);
	tcase_add_test(tcase, B13_names_and_priorities_reach_the_objects);
	tcase_add_test(tcase, B13_a_reclaim_is_answered_for_each_name);
	suite_add_tcase(suite, tcase);
	return penstock_test_main(suite);
}
