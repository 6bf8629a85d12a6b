/* SPDX-License-Identifier: MIT */
/* The gate: order of answers, the store's word, acknowledgements, fences. */
#include "proto/wire/penstock.pb-c.h"
#include "tests/harness.h"
#include "tests/unit/fake_objects.h"
#include "tests/unit/net_peer.h"

static struct net_peer *peer;

static void setup(void)
{
	net_setup();
	peer = net_peer_open();
}

static void teardown(void)
{
	net_peer_close(peer);
	net_teardown();
}

static void create_device(void)
{
	Penstock__Wire__CreateDevice message = PENSTOCK__WIRE__CREATE_DEVICE__INIT;

	net_peer_request(peer, PENSTOCK_FRAME_CREATE_DEVICE, &message.base);
}

static void create_allocation(void)
{
	Penstock__Wire__CreateAllocation message = PENSTOCK__WIRE__CREATE_ALLOCATION__INIT;

	net_peer_request(peer, PENSTOCK_FRAME_CREATE_ALLOCATION, &message.base);
}

static void read_back(void)
{
	Penstock__Wire__ReadBack message = PENSTOCK__WIRE__READ_BACK__INIT;

	message.size_bytes = 64;
	net_peer_request(peer, PENSTOCK_FRAME_READ_BACK, &message.base);
}

static void share(void)
{
	Penstock__Wire__ShareAllocation message = PENSTOCK__WIRE__SHARE_ALLOCATION__INIT;

	net_peer_request(peer, PENSTOCK_FRAME_SHARE_ALLOCATION, &message.base);
}

static void fence(uint64_t context, uint64_t serial, enum penstock_status status)
{
	fake.events.fence(fake.events.owner, context, serial, status);
}

START_TEST(creates_are_acknowledged_together)
{
	for (unsigned i = 0; i < 3; i++) {
		create_device();
	}
	net_peer_request(peer, PENSTOCK_FRAME_SYNC, NULL);
	for (uint64_t acked = 0; acked < 4;) {
		struct net_frame frame = net_peer_receive(peer);

		ck_assert_str_eq(penstock_frame_name(frame.header.type), "ACK");
		ck_assert_uint_gt(frame.header.serial, acked);
		acked = frame.header.serial;
		net_frame_free(&frame);
	}
}
END_TEST

START_TEST(a_pending_request_holds_back_all_behind_it)
{
	fake.pend = true;
	create_allocation(); /* 1 */
	fake.pend = false;
	fake.answer = PENSTOCK_STATUS_INVALID_HANDLE;
	create_device(); /* 2: refused */
	fake.answer = PENSTOCK_STATUS_SUCCESS;
	read_back();     /* 3 */
	create_device(); /* 4 */
	net_peer_expect_silence(peer);
	fake_objects_finish(PENSTOCK_STATUS_SUCCESS);
	net_peer_expect_refusal(peer, 2, PENSTOCK_STATUS_INVALID_HANDLE);
	net_peer_expect(peer, PENSTOCK_FRAME_READ_DATA, 3);
	net_peer_expect(peer, PENSTOCK_FRAME_ACK, 4);
}
END_TEST

START_TEST(requests_that_end_out_of_order_are_answered_in_order)
{
	fake.pend = true;
	share();             /* 1 */
	create_allocation(); /* 2 */
	read_back();         /* 3 */
	net_turns();
	ck_assert_uint_eq(fake.pending_count, 3);
	fake.pending[0]->token_high = 1;
	{
		struct penstock_request *first = fake.pending[0];

		fake.pending[0] = fake.pending[2];
		fake.pending[2] = first;
	}
	fake_objects_finish(PENSTOCK_STATUS_SUCCESS);   /* 3 */
	fake_objects_finish(PENSTOCK_STATUS_NO_MEMORY); /* 2 */
	net_peer_expect_silence(peer);
	fake_objects_finish(PENSTOCK_STATUS_SUCCESS); /* 1 */
	net_peer_expect(peer, PENSTOCK_FRAME_SHARED, 1);
	net_peer_expect_refusal(peer, 2, PENSTOCK_STATUS_NO_MEMORY);
	net_peer_expect(peer, PENSTOCK_FRAME_READ_DATA, 3);
}
END_TEST

START_TEST(nothing_leaves_before_it_is_durable)
{
	fake.leased = true;
	create_device(); /* 1 */
	fake.answer = PENSTOCK_STATUS_INVALID_PARAMETER;
	create_device(); /* 2 */
	fake.answer = PENSTOCK_STATUS_SUCCESS;
	net_peer_submit(peer, 5, 1, 8); /* 3 */
	net_turns();
	fence(5, 3, PENSTOCK_STATUS_SUCCESS);
	net_peer_expect_silence(peer);
	fake.durable = 1;
	fake.events.durable(fake.events.owner, 1);
	net_peer_expect(peer, PENSTOCK_FRAME_ACK, 1);
	net_peer_expect_silence(peer);
	fake.durable = 2;
	fake.events.durable(fake.events.owner, 2);
	net_peer_expect_refusal(peer, 2, PENSTOCK_STATUS_INVALID_PARAMETER);
	net_peer_expect_silence(peer);
	fake.durable = 3;
	fake.events.durable(fake.events.owner, 3);
	net_peer_expect(peer, PENSTOCK_FRAME_ACK, 3);
	net_peer_expect_fence(peer, 5, 3);
}
END_TEST

START_TEST(a_submission_is_acknowledged_with_its_fence)
{
	net_acks_wait();
	net_peer_submit(peer, 5, 1, 8);
	net_peer_expect_silence(peer);
	fence(5, 1, PENSTOCK_STATUS_SUCCESS);
	net_peer_expect(peer, PENSTOCK_FRAME_ACK, 1);
	net_peer_expect_fence(peer, 5, 1);
}
END_TEST

/* No fence comes: the acknowledgement's own timer sends it. */
START_TEST(a_submission_is_acknowledged_without_its_fence_after_a_while)
{
	net_peer_submit(peer, 5, 1, 8);
	net_peer_expect(peer, PENSTOCK_FRAME_ACK, 1);
}
END_TEST

START_TEST(a_fence_may_overtake_an_acknowledgement)
{
	fake.pend = true;
	create_allocation(); /* 1 */
	fake.pend = false;
	net_peer_submit(peer, 5, 1, 8); /* 2 */
	net_turns();
	fence(5, 2, PENSTOCK_STATUS_SUCCESS);
	net_peer_expect_fence(peer, 5, 2);
	fake_objects_finish(PENSTOCK_STATUS_SUCCESS);
	net_peer_expect(peer, PENSTOCK_FRAME_ACK, 2);
}
END_TEST

START_TEST(fences_of_a_turn_are_one_notice_for_each_context)
{
	net_peer_submit(peer, 5, 4, 8);
	net_peer_expect(peer, PENSTOCK_FRAME_ACK, 4);
	fence(5, 1, PENSTOCK_STATUS_SUCCESS);
	fence(6, 2, PENSTOCK_STATUS_SUCCESS);
	fence(5, 3, PENSTOCK_STATUS_SUCCESS);
	fence(6, 4, PENSTOCK_STATUS_DEVICE_REMOVED);
	net_peer_expect_fence(peer, 5, 3);
	net_peer_expect_fence(peer, 6, 2); /* how it ended differs: not the same notice */
	net_peer_expect_fence(peer, 6, 4);
	net_peer_expect_silence(peer);
}
END_TEST

START_TEST(a_read_back_is_given_back_when_it_is_written)
{
	read_back();
	net_peer_expect(peer, PENSTOCK_FRAME_READ_DATA, 1);
	ck_assert_uint_eq(fake.read_backs, 1);
	ck_assert_uint_eq(fake.read_backs_ended, 1);
}
END_TEST

START_TEST(queries_have_answers_of_their_own)
{
	Penstock__Wire__QueryContext query = PENSTOCK__WIRE__QUERY_CONTEXT__INIT;
	Penstock__Wire__QueryDevice device = PENSTOCK__WIRE__QUERY_DEVICE__INIT;
	Penstock__Wire__ContextState *state;
	struct net_frame frame;

	net_peer_request(peer, PENSTOCK_FRAME_QUERY_CONTEXT, &query.base);
	net_peer_request(peer, PENSTOCK_FRAME_QUERY_DEVICE, &device.base);
	frame = net_peer_receive(peer);
	ck_assert_str_eq(penstock_frame_name(frame.header.type), "CONTEXT_STATE");
	state = penstock__wire__context_state__unpack(NULL, frame.header.message_bytes,
						      frame.message);
	ck_assert_uint_eq(state->completed_fence, 42);
	penstock__wire__context_state__free_unpacked(state, NULL);
	net_frame_free(&frame);
	net_peer_expect(peer, PENSTOCK_FRAME_DEVICE_STATE, 2);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("outbox");
	TCase *tcase = tcase_create("outbox");

	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_add_test(tcase, creates_are_acknowledged_together);
	tcase_add_test(tcase, a_pending_request_holds_back_all_behind_it);
	tcase_add_test(tcase, requests_that_end_out_of_order_are_answered_in_order);
	tcase_add_test(tcase, nothing_leaves_before_it_is_durable);
	tcase_add_test(tcase, a_submission_is_acknowledged_with_its_fence);
	tcase_add_test(tcase, a_submission_is_acknowledged_without_its_fence_after_a_while);
	tcase_add_test(tcase, a_fence_may_overtake_an_acknowledgement);
	tcase_add_test(tcase, fences_of_a_turn_are_one_notice_for_each_context);
	tcase_add_test(tcase, a_read_back_is_given_back_when_it_is_written);
	tcase_add_test(tcase, queries_have_answers_of_their_own);
	suite_add_tcase(suite, tcase);
	return penstock_test_main(suite);
}
