/* SPDX-License-Identifier: MIT */
/* Synchronisation objects as a program sees them, against a penstockd of its own. */
#include "client/include/penstock/penstock.h"
#include "tests/daemon_fixture.h"
#include "tests/harness.h"

#include <sys/wait.h>

#define GOOD(call)      ck_assert_int_eq(call, PENSTOCK_STATUS_SUCCESS)
#define PATIENCE_MS     60000
#define NOT_FOR_LONG_MS 50

static struct penstock_daemon server;

struct client {
	struct penstock_connection *connection;
	uint64_t device;
	uint64_t context;
};

static struct client one, other;

static void open_client(struct client *client, uint32_t lease_s)
{
	struct penstock_options options = PENSTOCK_OPTIONS_INIT;
	struct penstock_context_create_info info = { .device = 0 };

	options.server = server.unix_server;
	options.lease_s = lease_s;
	GOOD(penstock_connect(&options, &client->connection, NULL, 0));
	GOOD(penstock_device_create(client->connection, NULL, &client->device));
	info.device = client->device;
	GOOD(penstock_context_create(client->connection, &info, &client->context));
}

static void start(void)
{
	struct penstock_errbuf text;

	ck_assert_msg(penstock_daemon_init(&server, false, &text) == 0, "%s", text.text);
	ck_assert_msg(penstock_daemon_start(&server, &text) == 0, "%s", text.text);
}

static void stop(void)
{
	int status;

	penstock_connection_close(one.connection);
	penstock_connection_close(other.connection);
	status = penstock_daemon_stop(&server);
	ck_assert_msg(WIFEXITED(status) && WEXITSTATUS(status) == 0, "penstockd ended with %#x",
		      status);
	penstock_daemon_fini(&server);
}

/* An object of `one`, which `other` has open too. */
static void share_object(uint64_t *ret_mine, uint64_t *ret_theirs)
{
	struct penstock_share_token token;

	GOOD(penstock_sync_object_create(one.connection, one.device, 0, ret_mine));
	GOOD(penstock_sync_object_share(one.connection, *ret_mine, &token));
	GOOD(penstock_sync_object_open(other.connection, other.device, &token, ret_theirs));
	GOOD(penstock_connection_sync(other.connection, PATIENCE_MS));
}

START_TEST(D3_streams_of_two_programs_take_turns)
{
	uint64_t mine, theirs, value, fence = 0, last = 0;

	open_client(&one, 0);
	open_client(&other, 0);
	share_object(&mine, &theirs);
	for (uint64_t i = 0; i < 100; i += 2) {
		GOOD(penstock_context_wait_for(other.connection, other.context, theirs, i + 1,
					       NULL));
		GOOD(penstock_context_signal(other.connection, other.context, theirs, i + 2,
					     &last));
	}
	GOOD(penstock_connection_flush(other.connection));
	for (uint64_t i = 0; i < 100; i += 2) {
		GOOD(penstock_context_wait_for(one.connection, one.context, mine, i, NULL));
		GOOD(penstock_context_signal(one.connection, one.context, mine, i + 1, &fence));
	}
	GOOD(penstock_context_wait(one.connection, one.context, fence, PATIENCE_MS, NULL));
	GOOD(penstock_context_wait(other.connection, other.context, last, PATIENCE_MS, NULL));
	GOOD(penstock_sync_object_value(one.connection, mine, &value));
	ck_assert_uint_eq(value, 100);
}
END_TEST

START_TEST(D3_a_program_waits_for_another)
{
	uint64_t mine, theirs;

	open_client(&one, 0);
	open_client(&other, 0);
	share_object(&mine, &theirs);
	ck_assert_int_eq(penstock_sync_object_wait(one.connection, mine, 1, NOT_FOR_LONG_MS),
			 PENSTOCK_STATUS_TIMEOUT);
	GOOD(penstock_context_signal(other.connection, other.context, theirs, 5, NULL));
	GOOD(penstock_connection_flush(other.connection));
	GOOD(penstock_sync_object_wait(one.connection, mine, 4, PATIENCE_MS));
	ck_assert_uint_eq(penstock_sync_object_reached(one.connection, mine), 5);
	/* Known already: nothing is asked. */
	GOOD(penstock_sync_object_wait(one.connection, mine, 5, 0));
	GOOD(penstock_sync_object_expect(one.connection, mine, 6));
	GOOD(penstock_sync_object_signal(one.connection, mine, 7));
	GOOD(penstock_connection_flush(one.connection));
	GOOD(penstock_sync_object_wait(other.connection, theirs, 7, PATIENCE_MS));
	while (penstock_sync_object_reached(one.connection, mine) < 6) {
		GOOD(penstock_connection_wait(one.connection, PATIENCE_MS));
	}
}
END_TEST

START_TEST(D3_a_wait_says_why_it_is_in_vain)
{
	uint64_t mine, theirs, value;

	open_client(&one, 0);
	open_client(&other, 0);
	share_object(&mine, &theirs);
	ck_assert_int_eq(penstock_sync_object_wait(one.connection, one.context, 1, PATIENCE_MS),
			 PENSTOCK_STATUS_INVALID_HANDLE);
	ck_assert_int_eq(penstock_sync_object_value(one.connection, 12345, &value),
			 PENSTOCK_STATUS_INVALID_HANDLE);
	GOOD(penstock_context_wait_for(other.connection, other.context, theirs, 1, NULL));
	GOOD(penstock_context_signal(other.connection, other.context, theirs, 2, NULL));
	GOOD(penstock_connection_sync(other.connection, PATIENCE_MS));
	/* Who was to signal goes: nobody will. */
	penstock_connection_close(other.connection);
	other.connection = NULL;
	GOOD(penstock_sync_object_wait(one.connection, mine, 2, PATIENCE_MS));
	ck_assert_uint_eq(penstock_sync_object_reached(one.connection, mine), PENSTOCK_SYNC_END);
	GOOD(penstock_object_destroy(one.connection, mine));
	ck_assert_uint_eq(penstock_sync_object_reached(one.connection, mine), 0);
	ck_assert_int_eq(penstock_sync_object_wait(one.connection, mine, 1, PATIENCE_MS),
			 PENSTOCK_STATUS_INVALID_HANDLE);
}
END_TEST

START_TEST(D3_a_wait_goes_on_over_a_restart_of_the_daemon)
{
	struct penstock_errbuf text;
	uint64_t mine, theirs;

	open_client(&one, 60);
	open_client(&other, 60);
	share_object(&mine, &theirs);
	GOOD(penstock_sync_object_expect(one.connection, mine, 10));
	GOOD(penstock_connection_sync(one.connection, PATIENCE_MS));
	penstock_daemon_kill(&server);
	ck_assert_msg(penstock_daemon_start(&server, &text) == 0, "%s", text.text);
	/* It is asked for again before anything else of the session. */
	GOOD(penstock_connection_sync(one.connection, PATIENCE_MS));
	GOOD(penstock_sync_object_signal(other.connection, theirs, 10));
	GOOD(penstock_connection_sync(other.connection, PATIENCE_MS));
	while (penstock_sync_object_reached(one.connection, mine) < 10) {
		GOOD(penstock_connection_wait(one.connection, PATIENCE_MS));
	}
	GOOD(penstock_connection_goodbye(one.connection, PATIENCE_MS));
	GOOD(penstock_connection_goodbye(other.connection, PATIENCE_MS));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("client sync");
	TCase *tests = tcase_create("sync");

	tcase_add_checked_fixture(tests, start, stop);
	tcase_add_test(tests, D3_streams_of_two_programs_take_turns);
	tcase_add_test(tests, D3_a_program_waits_for_another);
	tcase_add_test(tests, D3_a_wait_says_why_it_is_in_vain);
	tcase_add_test(tests, D3_a_wait_goes_on_over_a_restart_of_the_daemon);
	suite_add_tcase(suite, tests);
	return penstock_test_main(suite);
}
