/* SPDX-License-Identifier: MIT */
/* Synchronisation objects over the fake core: devices that are lost, leases, restarts, limits. */
#include "daemon/objects/session.h"
#include "proto/wire/limits.h"
#include "tests/unit/objects_fixture.h"

#define GOOD(call)         ck_assert_int_eq(call, PENSTOCK_STATUS_SUCCESS)
#define REFUSED(call, why) ck_assert_int_eq(call, PENSTOCK_STATUS_##why)
#define END                UINT64_MAX

static struct fixture fixture;
static struct client client;

static struct {
	unsigned count;
	uint64_t object;
	uint64_t value;
	enum penstock_status status;
} told;

static void on_value(void *owner, uint64_t object, uint64_t value, enum penstock_status status)
{
	(void)owner;
	told.count++;
	told.object = object;
	told.value = value;
	told.status = status;
}

static void hear(struct client *who)
{
	who->session->events.sync_value = on_value;
}

static void begin(bool store, uint32_t lease_s)
{
	fixture_start(&fixture, store);
	GOOD(client_connect(&fixture, &client, "uid:1", lease_s));
	client_set_up(&client, 1);
	hear(&client);
	memset(&told, 0, sizeof(told));
}

static void set_up(void)
{
	begin(false, 0);
}

static void set_up_leased(void)
{
	begin(true, 30);
	fake_core_commit(fixture.machine);
	turn(&fixture);
}

static void tear_down(void)
{
	fixture_stop(&fixture);
}

static enum penstock_status create(struct client *who, uint64_t name, uint64_t device,
				   uint64_t value)
{
	return penstock_create_sync_object(who->session, ++who->serial, name, device, value,
					   &who->refusal);
}

static enum penstock_status signal_in(struct client *who, uint64_t context, uint64_t object,
				      uint64_t value)
{
	const struct penstock_sync_info info = { context, object, value };

	return penstock_signal(who->session, ++who->serial, &info, &who->refusal);
}

static enum penstock_status wait_in(struct client *who, uint64_t context, uint64_t object,
				    uint64_t value)
{
	const struct penstock_sync_info info = { context, object, value };

	return penstock_wait(who->session, ++who->serial, &info, &who->refusal);
}

static uint64_t value_of(struct client *who, uint64_t object)
{
	uint64_t value = 0;

	GOOD(penstock_query_sync_object(who->session, ++who->serial, object, &value,
					&who->refusal));
	return value;
}

static enum penstock_status share(struct client *who, uint64_t name,
				  struct penstock_request *request)
{
	request->serial = ++who->serial;
	return penstock_share_sync_object(who->session, name, request, &who->refusal);
}

static enum penstock_status open_shared(struct client *who, uint64_t name, uint64_t device,
					const struct penstock_request *shared)
{
	return penstock_open_sync_object(who->session, ++who->serial, name, device,
					 shared->token_high, shared->token_low, &who->refusal);
}

static void lose_the_device_of_what_is_on_hardware(void)
{
	const struct penstock_interrupt interrupt = { .type = PENSTOCK_INTERRUPT_DMA_FAULTED };

	fake_core_fault(&interrupt, "a fault");
	turn(&fixture);
	turn(&fixture);
}

static const struct told_fence *last_fence(const struct client *who)
{
	ck_assert_uint_gt(who->fence_count, 0);
	return &who->fences[who->fence_count - 1];
}

/* ---------------------------------------------------------------- lost devices */

START_TEST(D3_a_signal_that_is_lost_with_its_device_lets_others_go)
{
	struct client other = { .session = NULL };
	struct penstock_request shared = { .serial = 0 };

	GOOD(create(&client, NAME(4), NAME(1), 0));
	GOOD(share(&client, NAME(4), &shared));
	GOOD(client_connect(&fixture, &other, "uid:2", 0));
	GOOD(client_device(&other, NAME(1)));
	GOOD(client_context(&other, NAME(2), NAME(1)));
	GOOD(open_shared(&other, NAME(3), NAME(1), &shared));
	GOOD(wait_in(&other, NAME(2), NAME(3), 5));
	GOOD(client_fill(&client, NAME(2), NAME(3)));
	GOOD(signal_in(&client, NAME(2), NAME(4), 5));
	turn(&fixture);
	ck_assert_uint_eq(other.fence_count, 0);
	ck_assert_uint_eq(value_of(&other, NAME(3)), 0);
	lose_the_device_of_what_is_on_hardware();
	ck_assert_uint_eq(value_of(&other, NAME(3)), END);
	ck_assert_uint_eq(last_fence(&other)->fence, other.serial - 2);
	ck_assert_int_eq(last_fence(&other)->status, PENSTOCK_STATUS_SUCCESS);
	/* The loser's own was not executed, and says so. */
	ck_assert_int_eq(last_fence(&client)->status, PENSTOCK_STATUS_DEVICE_REMOVED);
	REFUSED(signal_in(&client, NAME(2), NAME(4), 6), DEVICE_REMOVED);
	REFUSED(wait_in(&client, 0, NAME(4), 6), DEVICE_REMOVED);
	client_disconnect(&other);
}
END_TEST

START_TEST(D3_a_wait_ends_with_its_own_device)
{
	GOOD(create(&client, NAME(4), NAME(1), 0));
	GOOD(client_fill(&client, NAME(2), NAME(3)));
	GOOD(wait_in(&client, NAME(2), NAME(4), 1));
	GOOD(wait_in(&client, 0, NAME(4), 1));
	turn(&fixture);
	ck_assert_uint_eq(told.count, 0);
	lose_the_device_of_what_is_on_hardware();
	ck_assert_uint_eq(last_fence(&client)->fence, client.serial - 1);
	ck_assert_int_eq(last_fence(&client)->status, PENSTOCK_STATUS_DEVICE_REMOVED);
	ck_assert_uint_eq(told.count, 1);
	ck_assert_uint_eq(told.object, NAME(4));
	ck_assert_int_eq(told.status, PENSTOCK_STATUS_DEVICE_REMOVED);
}
END_TEST

START_TEST(D3_an_adapter_that_stops_ends_every_wait)
{
	GOOD(create(&client, NAME(4), NAME(1), 0));
	GOOD(wait_in(&client, NAME(2), NAME(4), 1));
	GOOD(signal_in(&client, NAME(2), NAME(4), 1));
	GOOD(wait_in(&client, 0, NAME(4), 1));
	fake_core_fail("0x10E: a test");
	turn(&fixture);
	turn(&fixture);
	ck_assert_uint_eq(last_fence(&client)->fence, client.serial - 1);
	ck_assert_int_eq(last_fence(&client)->status, PENSTOCK_STATUS_DEVICE_REMOVED);
	ck_assert_int_eq(told.status, PENSTOCK_STATUS_DEVICE_REMOVED);
	GOOD(client_destroy(&client, NAME(4)));
}
END_TEST

/* ---------------------------------------------------------------- order */

START_TEST(D3_packets_keep_their_place_among_submissions)
{
	GOOD(create(&client, NAME(4), NAME(1), 0));
	GOOD(client_fill(&client, NAME(2), NAME(3)));
	GOOD(signal_in(&client, NAME(2), NAME(4), 1));
	GOOD(wait_in(&client, NAME(2), NAME(4), 2));
	GOOD(client_fill(&client, NAME(2), NAME(3)));
	turn(&fixture);
	ck_assert_uint_eq(fake.submissions, 1);
	ck_assert_uint_eq(client.fence_count, 0);
	ck_assert_uint_eq(fake_core_retire(1), 1);
	turn(&fixture);
	turn(&fixture);
	ck_assert_uint_eq(last_fence(&client)->fence, client.serial - 2);
	ck_assert_uint_eq(value_of(&client, NAME(4)), 1);
	ck_assert_uint_eq(fake.submissions, 1);
	GOOD(signal_in(&client, 0, NAME(4), 2));
	turn(&fixture);
	ck_assert_uint_eq(fake.submissions, 2);
	ck_assert_uint_eq(fake_core_retire(1), 1);
	turn(&fixture);
	ck_assert_uint_eq(last_fence(&client)->fence, client.serial - 2);
}
END_TEST

START_TEST(D3_a_refused_packet_is_a_predecessor_that_did_not_run)
{
	REFUSED(signal_in(&client, NAME(2), NAME(99), 1), INVALID_HANDLE);
	REFUSED(client_fill_flags(&client, NAME(2), NAME(3), PENSTOCK_SUBMIT_IF_PREDECESSOR_RAN),
		PREDECESSOR_FAILED);
	GOOD(create(&client, NAME(4), NAME(1), 0));
	GOOD(signal_in(&client, NAME(2), NAME(4), 1));
	GOOD(client_fill_flags(&client, NAME(2), NAME(3), PENSTOCK_SUBMIT_IF_PREDECESSOR_RAN));
	turn(&fixture);
	(void)fake_core_retire(1);
	turn(&fixture);
	ck_assert_int_eq(last_fence(&client)->status, PENSTOCK_STATUS_SUCCESS);
}
END_TEST

START_TEST(D3_waits_hold_no_more_than_the_credit)
{
	uint32_t held = 0;

	GOOD(create(&client, NAME(4), NAME(1), 0));
	while (!penstock_session_over_credit(client.session)) {
		GOOD(wait_in(&client, NAME(2), NAME(4), 1));
		ck_assert_uint_le(++held, PENSTOCK_LIMIT_CONTEXT_SUBMISSIONS);
	}
	ck_assert_uint_eq(held, PENSTOCK_LIMIT_CONTEXT_SUBMISSIONS);
	GOOD(signal_in(&client, 0, NAME(4), 1));
	for (unsigned i = 0; i < 4; i++) {
		turn(&fixture);
	}
	ck_assert(!penstock_session_over_credit(client.session));
}
END_TEST

START_TEST(D3_what_a_client_waits_for_goes_with_its_connection)
{
	GOOD(create(&client, NAME(4), NAME(1), 0));
	fake_core_commit(fixture.machine);
	turn(&fixture);
	GOOD(wait_in(&client, 0, NAME(4), 1));
	client_disconnect(&client);
	GOOD(client_resume(&fixture, &client, "uid:1"));
	hear(&client);
	GOOD(signal_in(&client, 0, NAME(4), 1));
	turn(&fixture);
	ck_assert_uint_eq(told.count, 0);
	GOOD(wait_in(&client, 0, NAME(4), 1));
	turn(&fixture);
	ck_assert_uint_eq(told.count, 1);
	ck_assert_uint_eq(told.value, 1);
}
END_TEST

/* ---------------------------------------------------------------- restarts */

static void restart(void)
{
	fixture_kill(&fixture);
	GOOD(client_resume(&fixture, &client, "uid:1"));
	client.serial = client.resumed_serial;
}

START_TEST(D3_an_object_that_was_acknowledged_comes_back_with_its_value)
{
	struct penstock_request shared = { .serial = 0 };
	struct penstock_request again = { .serial = 0 };

	GOOD(create(&client, NAME(4), NAME(1), 3));
	GOOD(create(&client, NAME(5), NAME(1), END - 5));
	GOOD(create(&client, NAME(6), NAME(1), 1));
	GOOD(share(&client, NAME(5), &shared));
	GOOD(signal_in(&client, 0, NAME(4), 8));
	GOOD(signal_in(&client, NAME(2), NAME(4), 9));
	GOOD(client_destroy(&client, NAME(6)));
	fake_core_commit(fixture.machine);
	turn(&fixture);
	turn(&fixture);
	ck_assert_uint_eq(fake_core_rows(PENSTOCK_STORE_SYNC_OBJECT), 2);
	ck_assert_uint_eq(fake_core_rows(PENSTOCK_STORE_SYNC_OPENING), 2);
	restart();
	ck_assert_uint_eq(value_of(&client, NAME(4)), 9);
	ck_assert_uint_eq(value_of(&client, NAME(5)), END - 5);
	GOOD(share(&client, NAME(5), &again));
	ck_assert(again.token_high == shared.token_high && again.token_low == shared.token_low);
	REFUSED(wait_in(&client, 0, NAME(6), 1), INVALID_HANDLE);
	GOOD(client_destroy(&client, NAME(4)));
	GOOD(client_destroy(&client, NAME(5)));
	fake_core_commit(fixture.machine);
	ck_assert_uint_eq(fake_core_rows(PENSTOCK_STORE_SYNC_OBJECT), 0);
}
END_TEST

START_TEST(D3_a_signal_that_had_not_run_at_a_restart_never_will)
{
	GOOD(create(&client, NAME(4), NAME(1), 0));
	GOOD(client_device(&client, NAME(5)));
	GOOD(create(&client, NAME(6), NAME(5), 0));
	{
		struct penstock_request shared = { .serial = 0 };

		GOOD(share(&client, NAME(6), &shared));
		GOOD(open_shared(&client, NAME(7), NAME(1), &shared));
	}
	fake_core_commit(fixture.machine);
	turn(&fixture);
	GOOD(wait_in(&client, NAME(2), NAME(4), 1));
	GOOD(signal_in(&client, NAME(2), NAME(7), 5));
	turn(&fixture);
	restart();
	REFUSED(wait_in(&client, 0, NAME(7), 1), DEVICE_REMOVED);
	/* Of the device that had nothing in flight: it says that nobody will signal it. */
	ck_assert_uint_eq(value_of(&client, NAME(6)), END);
}
END_TEST

START_TEST(D3_a_signal_that_is_sent_again_was_not_accepted)
{
	GOOD(create(&client, NAME(4), NAME(1), 0));
	fake_core_commit(fixture.machine);
	turn(&fixture);
	/* Behind a create that is not on disk: it waits, and a crash undoes both. */
	GOOD(client_device(&client, NAME(5)));
	GOOD(signal_in(&client, NAME(2), NAME(4), 5));
	turn(&fixture);
	ck_assert_uint_eq(value_of(&client, NAME(4)), 0);
	restart();
	ck_assert_uint_eq(value_of(&client, NAME(4)), 0);
	GOOD(client_device(&client, NAME(5)));
	GOOD(signal_in(&client, NAME(2), NAME(4), 5));
	fake_core_commit(fixture.machine);
	turn(&fixture);
	turn(&fixture);
	ck_assert_uint_eq(value_of(&client, NAME(4)), 5);
}
END_TEST

START_TEST(D3_creates_and_opens_that_are_sent_again_succeed_once)
{
	struct penstock_request shared = { .serial = 0 };
	uint64_t before = client.serial;

	GOOD(create(&client, NAME(4), NAME(1), 7));
	GOOD(share(&client, NAME(4), &shared));
	GOOD(open_shared(&client, NAME(5), NAME(1), &shared));
	/* On disk, but the daemon has not heard so. */
	fake.committed = fake.sequence;
	fixture_kill(&fixture);
	GOOD(client_resume(&fixture, &client, "uid:1"));
	ck_assert_uint_eq(client.resumed_serial, before);
	client.serial = before;
	GOOD(create(&client, NAME(4), NAME(1), 7));
	GOOD(share(&client, NAME(4), &shared));
	GOOD(open_shared(&client, NAME(5), NAME(1), &shared));
	REFUSED(create(&client, NAME(4), NAME(1), 7), INVALID_PARAMETER);
	ck_assert_uint_eq(value_of(&client, NAME(5)), 7);
	fake_core_commit(fixture.machine);
	ck_assert_uint_eq(fake_core_rows(PENSTOCK_STORE_SYNC_OBJECT), 1);
	ck_assert_uint_eq(fake_core_rows(PENSTOCK_STORE_SYNC_OPENING), 2);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("objects sync");
	TCase *tests = tcase_create("sync");
	TCase *leased = tcase_create("leased");

	tcase_add_checked_fixture(tests, set_up, tear_down);
	tcase_add_test(tests, D3_a_signal_that_is_lost_with_its_device_lets_others_go);
	tcase_add_test(tests, D3_a_wait_ends_with_its_own_device);
	tcase_add_test(tests, D3_an_adapter_that_stops_ends_every_wait);
	tcase_add_test(tests, D3_packets_keep_their_place_among_submissions);
	tcase_add_test(tests, D3_a_refused_packet_is_a_predecessor_that_did_not_run);
	tcase_add_test(tests, D3_waits_hold_no_more_than_the_credit);
	suite_add_tcase(suite, tests);
	tcase_add_checked_fixture(leased, set_up_leased, tear_down);
	tcase_add_test(leased, D3_what_a_client_waits_for_goes_with_its_connection);
	tcase_add_test(leased, D3_an_object_that_was_acknowledged_comes_back_with_its_value);
	tcase_add_test(leased, D3_a_signal_that_had_not_run_at_a_restart_never_will);
	tcase_add_test(leased, D3_a_signal_that_is_sent_again_was_not_accepted);
	tcase_add_test(leased, D3_creates_and_opens_that_are_sent_again_succeed_once);
	suite_add_tcase(suite, leased);
	return penstock_test_main(suite);
}
