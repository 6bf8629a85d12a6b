/* SPDX-License-Identifier: MIT */
/* What a connection that resumes a session is told. */
#include "daemon/net/connection.h"
#include "proto/isa/instruction.h"
#include "proto/wire/penstock.pb-c.h"
#include "tests/harness.h"
#include "tests/unit/fake_objects.h"
#include "tests/unit/net_peer.h"

static struct net_peer *peer;

static void set_up(void)
{
	net_setup();
	peer = net_peer_connect();
}

static void tear_down(void)
{
	net_peer_close(peer);
	net_teardown();
}

static Penstock__Wire__Hello resuming_hello(void)
{
	Penstock__Wire__Hello hello = PENSTOCK__WIRE__HELLO__INIT;

	hello.major = PENSTOCK_PROTOCOL_MAJOR;
	hello.isa_version = PENSTOCK_ISA_VERSION;
	hello.session_high = 1;
	return hello;
}

static void say(const Penstock__Wire__Hello *hello)
{
	net_peer_frame(peer, PENSTOCK_FRAME_HELLO, 0, &hello->base, NULL, 0);
}

static void sync_round_trip(void)
{
	net_peer_request(peer, PENSTOCK_FRAME_SYNC, NULL);
	net_peer_expect(peer, PENSTOCK_FRAME_ACK, peer->serial - 1);
}

/* Behind the Welcome, at once and in order: refusals, that the rest succeeded, ends. */
START_TEST(A19_a_resume_is_told_what_it_may_not_have_heard)
{
	Penstock__Wire__Hello hello = resuming_hello();
	Penstock__Wire__Welcome *welcome;
	Penstock__Wire__Refusal *refusal;
	struct net_frame frame;

	fake.last_serial = 41;
	fake.refused = 40;
	fake.forgotten = 17;
	fake.leased = true;
	fake.durable = 40;
	hello.features = PENSTOCK_FEATURE_STORED_ANSWERS;
	hello.answered = 38;
	hello.oldest_held = 31;
	say(&hello);
	net_peer_expect_silence(peer); /* not everything of before has its answer */
	fake.durable = 41;
	fake.events.durable(fake.events.owner, 41);
	frame = net_peer_receive(peer);
	welcome = penstock__wire__welcome__unpack(NULL, frame.header.message_bytes, frame.message);
	ck_assert_ptr_nonnull(welcome);
	ck_assert_uint_eq(welcome->features, PENSTOCK_FEATURE_STORED_ANSWERS);
	ck_assert_uint_eq(welcome->forgotten, 17);
	penstock__wire__welcome__free_unpacked(welcome, NULL);
	net_frame_free(&frame);
	frame = net_peer_receive(peer);
	ck_assert_uint_eq(frame.header.type, PENSTOCK_FRAME_REFUSAL);
	ck_assert_uint_eq(frame.header.serial, 40);
	refusal = penstock__wire__refusal__unpack(NULL, frame.header.message_bytes, frame.message);
	ck_assert_ptr_nonnull(refusal);
	ck_assert_uint_eq(refusal->status,
			  penstock_status_to_wire(PENSTOCK_STATUS_ILLEGAL_INSTRUCTION));
	ck_assert(refusal->at_instruction);
	ck_assert_uint_eq(refusal->byte_offset, 12);
	ck_assert_str_eq(refusal->instruction, "copy");
	ck_assert_str_eq(refusal->operand, "size");
	ck_assert_str_eq(refusal->sentence, "as before");
	penstock__wire__refusal__free_unpacked(refusal, NULL);
	net_frame_free(&frame);
	net_peer_expect(peer, PENSTOCK_FRAME_ACK, 41);
	net_peer_expect_fence(peer, 0x77, 31);
	ck_assert_uint_eq(fake.received, 30);
	peer->serial = 42;
	fake.durable = 42;
	sync_round_trip();
}
END_TEST

/* A client that does not ask for it is told what it was told before there was any of this. */
/* The last request was refused: nothing is left to acknowledge. */
START_TEST(a_refusal_of_the_last_request_is_not_acknowledged)
{
	Penstock__Wire__Hello hello = resuming_hello();

	fake.last_serial = 41;
	fake.refused = 41;
	hello.features = PENSTOCK_FEATURE_STORED_ANSWERS;
	hello.answered = 38;
	say(&hello);
	net_peer_expect(peer, PENSTOCK_FRAME_WELCOME, 0);
	net_peer_expect(peer, PENSTOCK_FRAME_REFUSAL, 41);
	net_peer_expect_silence(peer);
	peer->serial = 42;
	sync_round_trip();
}
END_TEST

START_TEST(a_resume_that_does_not_ask_for_stored_answers_gets_none)
{
	Penstock__Wire__Hello hello = resuming_hello();

	fake.last_serial = 41;
	fake.refused = 40;
	hello.answered = 38;
	hello.oldest_held = 31;
	say(&hello);
	net_peer_expect(peer, PENSTOCK_FRAME_WELCOME, 0);
	net_peer_expect_silence(peer);
	ck_assert_uint_eq(fake.fences_from, 0);
	ck_assert_uint_eq(fake.received, 0);
}
END_TEST

/* More than was executed, or everything: only what there is is told. */
START_TEST(a_resume_may_know_everything_or_claim_too_much)
{
	Penstock__Wire__Hello hello = resuming_hello();

	fake.last_serial = 41;
	fake.refused = 40;
	hello.features = PENSTOCK_FEATURE_STORED_ANSWERS;
	hello.answered = UINT64_MAX;
	say(&hello);
	net_peer_expect(peer, PENSTOCK_FRAME_WELCOME, 0);
	net_peer_expect_silence(peer);
	ck_assert_uint_eq(fake.received, 41);
	peer->serial = 42;
	sync_round_trip();
}
END_TEST

/* A crash may undo the acceptance of what is before it, and must not undo what that needs. */
START_TEST(a_destroy_waits_until_the_submissions_before_it_are_let_through)
{
	Penstock__Wire__Hello hello = resuming_hello();
	Penstock__Wire__Destroy destroy = PENSTOCK__WIRE__DESTROY__INIT;

	say(&hello);
	net_peer_expect(peer, PENSTOCK_FRAME_WELCOME, 0);
	destroy.name = 3;
	fake.gated = true;
	net_peer_request(peer, PENSTOCK_FRAME_SYNC, NULL);
	net_peer_request(peer, PENSTOCK_FRAME_DESTROY, &destroy.base);
	net_peer_request(peer, PENSTOCK_FRAME_SYNC, NULL);
	net_peer_expect(peer, PENSTOCK_FRAME_ACK, 1);
	net_peer_expect_silence(peer);
	ck_assert_uint_eq(fake.calls, 1);
	fake.gated = false;
	fake.events.durable(fake.events.owner, 1);
	net_turns();
	ck_assert_uint_eq(fake.calls, 3);
}
END_TEST

/* Nor what it has to fit. */
START_TEST(a_resize_waits_until_the_submissions_before_it_are_let_through)
{
	Penstock__Wire__Hello hello = resuming_hello();
	Penstock__Wire__Submit submit = PENSTOCK__WIRE__SUBMIT__INIT;
	const struct penstock_wire_submission records[] = {
		{ .context = 5 },
		{ .context = 5,
		  .flags = PENSTOCK_SUBMIT_RESIZE_ALLOCATION_LIST,
		  .new_allocation_list = 64 },
		{ .context = 5 },
	};

	say(&hello);
	net_peer_expect(peer, PENSTOCK_FRAME_WELCOME, 0);
	fake.gated = true;
	submit.count = PENSTOCK_ARRAY_SIZE(records);
	net_peer_frame(peer, PENSTOCK_FRAME_SUBMIT, peer->serial, &submit.base, records,
		       sizeof(records));
	net_turns();
	ck_assert_uint_eq(fake.submissions, 1);
	fake.gated = false;
	fake.events.durable(fake.events.owner, 1);
	net_turns();
	ck_assert_uint_eq(fake.submissions, 3);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("connection_resume");
	TCase *tcase = tcase_create("resume");

	tcase_set_timeout(tcase, 120);
	tcase_add_checked_fixture(tcase, set_up, tear_down);
	tcase_add_test(tcase, A19_a_resume_is_told_what_it_may_not_have_heard);
	tcase_add_test(tcase, a_refusal_of_the_last_request_is_not_acknowledged);
	tcase_add_test(tcase, a_resume_that_does_not_ask_for_stored_answers_gets_none);
	tcase_add_test(tcase, a_destroy_waits_until_the_submissions_before_it_are_let_through);
	tcase_add_test(tcase, a_resize_waits_until_the_submissions_before_it_are_let_through);
	tcase_add_test(tcase, a_resume_may_know_everything_or_claim_too_much);
	suite_add_tcase(suite, tcase);
	return penstock_test_main(suite);
}
