/* SPDX-License-Identifier: MIT */
/* Submit frames that take more than one turn of the loop, against fake objects. */
#include "tests/harness.h"
#include "tests/unit/fake_objects.h"
#include "tests/unit/net_peer.h"

#include "proto/wire/penstock.pb-c.h"

#include <stdlib.h>
#include <string.h>

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

static void sync_round_trip(struct net_peer *of)
{
	uint64_t serial = of->serial;

	net_peer_request(of, PENSTOCK_FRAME_SYNC, NULL);
	net_peer_expect(of, PENSTOCK_FRAME_ACK, serial);
}

/* 16 MiB in one frame: by bytes it is at least so many turns' worth. */
#define LONG_FRAME_SUBMISSIONS 64u
#define LONG_FRAME_BYTES       (256u << 10)

/* Counted in turns of the loop: whoever asks meanwhile is answered in between. */
START_TEST(another_client_is_answered_inside_a_large_frame)
{
	struct net_peer *other = net_peer_open();

	net_acks_wait();
	net_peer_submit(peer, 5, LONG_FRAME_SUBMISSIONS, LONG_FRAME_BYTES);
	ck_assert_uint_lt(fake.submissions, LONG_FRAME_SUBMISSIONS);
	sync_round_trip(other);
	ck_assert_uint_gt(fake.submissions, 0);
	ck_assert_uint_lt(fake.submissions, LONG_FRAME_SUBMISSIONS);
	/* what stands behind the frame comes behind all of it */
	net_peer_request(peer, PENSTOCK_FRAME_SYNC, NULL);
	net_peer_expect(peer, PENSTOCK_FRAME_ACK, LONG_FRAME_SUBMISSIONS + 1);
	ck_assert_uint_eq(fake.submissions, LONG_FRAME_SUBMISSIONS);
	ck_assert_uint_eq(fake.command_sum, (uint64_t)LONG_FRAME_SUBMISSIONS * LONG_FRAME_BYTES);
	ck_assert_uint_eq(penstock_net_counters(net_under_test)->frames_continued,
			  LONG_FRAME_SUBMISSIONS - 1);
	net_peer_close(other);
}
END_TEST

START_TEST(a_large_frame_that_does_not_add_up_executes_nothing)
{
	const struct penstock_wire_submission record = { .context = 5,
							 .command_length = LONG_FRAME_BYTES };
	const size_t one = sizeof(record) + LONG_FRAME_BYTES;
	Penstock__Wire__Submit submit = PENSTOCK__WIRE__SUBMIT__INIT;
	uint8_t *payload = calloc(8, one);

	for (unsigned i = 0; i < 8; i++) {
		memcpy(payload + i * one, &record, sizeof(record));
	}
	submit.count = 8;
	net_peer_frame(peer, PENSTOCK_FRAME_SUBMIT, 1, &submit.base, payload, 8 * one - 8);
	free(payload);
	net_peer_expect_closing(peer, PENSTOCK_STATUS_MALFORMED_FRAME, "");
	ck_assert_uint_eq(fake.submissions, 0);
}
END_TEST

START_TEST(credit_counts_inside_a_large_frame)
{
	net_acks_wait();
	fake.over_credit = true;
	net_peer_submit(peer, 5, LONG_FRAME_SUBMISSIONS, LONG_FRAME_BYTES);
	net_turns();
	ck_assert_uint_eq(fake.submissions, 1);
	fake.over_credit = false;
	fake.events.resume(fake.events.owner);
	sync_round_trip(peer);
	ck_assert_uint_eq(fake.submissions, LONG_FRAME_SUBMISSIONS);
}
END_TEST

/* What a guaranteed context was promised is missing until its submission ends. */
START_TEST(A8_credit_counts_inside_a_small_frame)
{
	fake.over_credit = true;
	net_peer_submit(peer, 5, 3, 8);
	net_turns();
	ck_assert_uint_eq(fake.submissions, 1);
	fake.over_credit = false;
	fake.events.resume(fake.events.owner);
	sync_round_trip(peer);
	ck_assert_uint_eq(fake.submissions, 3);
}
END_TEST

START_TEST(a_session_may_end_inside_a_large_frame)
{
	unsigned before;

	net_peer_submit(peer, 5, LONG_FRAME_SUBMISSIONS, LONG_FRAME_BYTES);
	before = fake.submissions;
	ck_assert_uint_lt(before, LONG_FRAME_SUBMISSIONS);
	fake_objects_end(PENSTOCK_STATUS_CONNECTION_DISCONNECTED, "resumed elsewhere");
	net_turns();
	ck_assert_uint_eq(fake.submissions, before);
	net_peer_expect_closing(peer, PENSTOCK_STATUS_CONNECTION_DISCONNECTED, "elsewhere");
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("large frames");
	TCase *tcase = tcase_create("turns");

	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_add_test(tcase, another_client_is_answered_inside_a_large_frame);
	tcase_add_test(tcase, a_large_frame_that_does_not_add_up_executes_nothing);
	tcase_add_test(tcase, credit_counts_inside_a_large_frame);
	tcase_add_test(tcase, A8_credit_counts_inside_a_small_frame);
	tcase_add_test(tcase, a_session_may_end_inside_a_large_frame);
	suite_add_tcase(suite, tcase);
	return penstock_test_main(suite);
}
