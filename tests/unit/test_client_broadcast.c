/* SPDX-License-Identifier: MIT */
/* What the client library knows of a submission that is several contexts'. */
#include "tests/harness.h"
#include "tests/unit/fake_daemon.h"

#include <string.h>

#define CONTEXTS 3u

static struct fake_daemon fake;
static struct penstock_connection *connection;
static uint64_t contexts[CONTEXTS];
static uint64_t serial; /* of the last request */

#define GOOD(call) ck_assert_int_eq(call, PENSTOCK_STATUS_SUCCESS)

static void start(void)
{
	struct penstock_context_create_info info = { .device = 0 };

	fake_daemon_init(&fake);
	fake.welcome.held_submissions = 8;
	fake.welcome.held_bytes = 1 << 20;
	connection = fake_daemon_connect(&fake, NULL);
	GOOD(penstock_device_create(connection, NULL, &info.device));
	for (unsigned i = 0; i < CONTEXTS; i++) {
		GOOD(penstock_context_create(connection, &info, &contexts[i]));
	}
	serial = 1 + CONTEXTS;
	fake_send_ack(fake.descriptor, serial);
}

static void stop(void)
{
	penstock_connection_close(connection);
	connection = NULL;
	fake_daemon_fini(&fake);
}

static uint64_t submit(uint32_t further)
{
	static const uint8_t command[4] = { 7 };
	const struct penstock_submit_info info = {
		.context = contexts[0],
		.command = command,
		.command_length = sizeof(command),
		.broadcast = contexts + 1,
		.broadcast_count = further,
	};
	uint64_t fence = 0;

	GOOD(penstock_context_submit(connection, &info, &fence));
	ck_assert_uint_eq(fence, ++serial);
	return fence;
}

START_TEST(A15_the_names_stand_before_the_commands)
{
	struct penstock_submission_view view;
	struct fake_frame frame;
	uint32_t offset = 0;
	uint64_t name;

	(void)submit(2);
	GOOD(penstock_connection_flush(connection));
	for (unsigned i = 0; i < CONTEXTS + 1; i++) {
		frame = fake_receive(fake.descriptor, i == 0 ? PENSTOCK_FRAME_CREATE_DEVICE
							     : PENSTOCK_FRAME_CREATE_CONTEXT);
		fake_frame_free(&frame);
	}
	frame = fake_receive(fake.descriptor, PENSTOCK_FRAME_SUBMIT);
	GOOD(penstock_submission_view(frame.payload, frame.frame.payload_bytes, &offset, &view,
				      NULL));
	ck_assert_uint_eq(offset, frame.frame.payload_bytes);
	ck_assert_uint_eq(view.record.context, contexts[0]);
	ck_assert_uint_eq(view.record.broadcast_count, 2);
	for (unsigned i = 0; i < 2; i++) {
		memcpy(&name, view.broadcast + 8u * i, sizeof(name));
		ck_assert_uint_eq(name, contexts[1 + i]);
	}
	ck_assert_uint_eq(view.command[0], 7);
	fake_frame_free(&frame);
}
END_TEST

START_TEST(A15_each_context_is_waited_for_by_its_own_fence)
{
	uint64_t fence = submit(2);

	fake_send_ack(fake.descriptor, fence);
	fake_send_fence(fake.descriptor, contexts[1], fence, PENSTOCK_STATUS_SUCCESS);
	GOOD(penstock_context_wait(connection, contexts[1], fence, PENSTOCK_FOREVER, NULL));
	ck_assert_uint_eq(penstock_context_fence(connection, contexts[1]), fence);
	ck_assert_uint_eq(penstock_context_fence(connection, contexts[0]), 0);
	ck_assert_int_eq(penstock_context_wait(connection, contexts[2], fence, 0, NULL),
			 PENSTOCK_STATUS_TIMEOUT);
	fake_send_fence(fake.descriptor, contexts[2], fence, PENSTOCK_STATUS_SUCCESS);
	GOOD(penstock_context_wait(connection, contexts[2], fence, PENSTOCK_FOREVER, NULL));
}
END_TEST

START_TEST(A15_what_did_not_run_in_one_context_is_that_contexts_failure)
{
	struct penstock_failure failure;
	uint64_t fence = submit(2);

	fake_send_ack(fake.descriptor, fence);
	fake_send_fence(fake.descriptor, contexts[2], fence, PENSTOCK_STATUS_PREDECESSOR_FAILED);
	fake_send_fence(fake.descriptor, contexts[1], fence, PENSTOCK_STATUS_CANCELLED);
	fake_send_fence(fake.descriptor, contexts[0], fence, PENSTOCK_STATUS_SUCCESS);
	GOOD(penstock_context_wait(connection, contexts[0], fence, PENSTOCK_FOREVER, &failure));
	ck_assert_int_eq(
		penstock_context_wait(connection, contexts[1], fence, PENSTOCK_FOREVER, &failure),
		PENSTOCK_STATUS_CANCELLED);
	ck_assert_uint_eq(failure.context, contexts[1]);
	GOOD(penstock_context_wait(connection, contexts[0], fence, PENSTOCK_FOREVER, &failure));
	ck_assert_int_eq(
		penstock_context_wait(connection, contexts[1], fence, PENSTOCK_FOREVER, &failure),
		PENSTOCK_STATUS_NOT_FOUND);
	ck_assert_int_eq(penstock_failure_next(connection, &failure), PENSTOCK_STATUS_SUCCESS);
	ck_assert_uint_eq(failure.context, contexts[2]);
	ck_assert_int_eq(failure.status, PENSTOCK_STATUS_PREDECESSOR_FAILED);
	ck_assert_int_eq(penstock_failure_next(connection, &failure), PENSTOCK_STATUS_NOT_FOUND);
}
END_TEST

START_TEST(A15_a_refusal_is_of_all_contexts_and_told_once)
{
	struct penstock_failure failure;
	uint64_t fence = submit(2);

	fake_send_refusal(fake.descriptor, fence, PENSTOCK_STATUS_LIMIT_EXCEEDED, "no");
	ck_assert_int_eq(
		penstock_context_wait(connection, contexts[2], fence, PENSTOCK_FOREVER, &failure),
		PENSTOCK_STATUS_LIMIT_EXCEEDED);
	ck_assert(!failure.accepted);
	ck_assert_int_eq(
		penstock_context_wait(connection, contexts[1], fence, PENSTOCK_FOREVER, NULL),
		PENSTOCK_STATUS_NOT_FOUND);
	ck_assert_int_eq(penstock_failure_next(connection, &failure), PENSTOCK_STATUS_NOT_FOUND);
}
END_TEST

START_TEST(A15_it_counts_against_the_credit_once_for_each_context)
{
	const struct penstock_submit_info one = { .context = contexts[0] };
	const struct penstock_submit_info three = { .context = contexts[0],
						    .broadcast = contexts + 1,
						    .broadcast_count = 2 };
	uint64_t first, second;

	penstock_connection_set_blocking(connection, false);
	first = submit(2);
	second = submit(2);
	ck_assert_int_eq(penstock_context_submit(connection, &three, NULL),
			 PENSTOCK_STATUS_GRAPHICS_TRY_AGAIN_LATER);
	GOOD(penstock_context_submit(connection, &one, NULL));
	GOOD(penstock_context_submit(connection, &one, NULL));
	ck_assert_int_eq(penstock_context_submit(connection, &one, NULL),
			 PENSTOCK_STATUS_GRAPHICS_TRY_AGAIN_LATER);
	serial += 2;
	/* refused, and reached in one context of two */
	fake_send_refusal(fake.descriptor, first, PENSTOCK_STATUS_NO_MEMORY, "no");
	fake_send_ack(fake.descriptor, serial);
	fake_send_fence(fake.descriptor, contexts[1], second, PENSTOCK_STATUS_SUCCESS);
	while (penstock_context_fence(connection, contexts[1]) != second) {
		GOOD(penstock_connection_dispatch(connection));
	}
	(void)submit(2);
	ck_assert_int_eq(penstock_context_submit(connection, &three, NULL),
			 PENSTOCK_STATUS_GRAPHICS_TRY_AGAIN_LATER);
	GOOD(penstock_context_submit(connection, &one, NULL));
}
END_TEST

START_TEST(A15_too_many_contexts_are_not_sent)
{
	uint64_t names[65] = { 0 };
	struct penstock_submit_info info = { .context = contexts[0],
					     .broadcast = names,
					     .broadcast_count = 65 };

	ck_assert_int_eq(penstock_context_submit(connection, &info, NULL),
			 PENSTOCK_STATUS_LIMIT_EXCEEDED);
	info.broadcast = NULL;
	info.broadcast_count = 1;
	ck_assert_int_eq(penstock_context_submit(connection, &info, NULL),
			 PENSTOCK_STATUS_INVALID_PARAMETER);
	ck_assert_uint_eq(penstock_request_last(connection), serial);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("client_broadcast");
	TCase *tcase = tcase_create("client_broadcast");

	tcase_add_checked_fixture(tcase, start, stop);
	tcase_add_test(tcase, A15_the_names_stand_before_the_commands);
	tcase_add_test(tcase, A15_each_context_is_waited_for_by_its_own_fence);
	tcase_add_test(tcase, A15_what_did_not_run_in_one_context_is_that_contexts_failure);
	tcase_add_test(tcase, A15_a_refusal_is_of_all_contexts_and_told_once);
	tcase_add_test(tcase, A15_it_counts_against_the_credit_once_for_each_context);
	tcase_add_test(tcase, A15_too_many_contexts_are_not_sent);
	suite_add_tcase(suite, tcase);
	return penstock_test_main(suite);
}
