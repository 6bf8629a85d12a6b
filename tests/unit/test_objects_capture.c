/* SPDX-License-Identifier: MIT */
/* An operator's capture: where it stands, who waits for it, and every way that it ends. */
#include "daemon/objects/operator.h"
#include "proto/wire/limits.h"
#include "tests/unit/objects_fixture.h"

#define GOOD(call)         ck_assert_int_eq(call, PENSTOCK_STATUS_SUCCESS)
#define REFUSED(call, why) ck_assert_int_eq(call, PENSTOCK_STATUS_##why)

#define SURFACE NAME(4) /* behind the plain allocation 3 */
#define BYTES   1024u   /* 16 rows of 64 */

static struct fixture fixture;
static struct client client;
static const struct penstock_operator administrator = { .uid = 0 };

/* The operator's side of one. */
static struct answered captured;
static struct penstock_refusal refusal;

static uint64_t context_id;
static uint64_t surface_id;
static uint64_t plain_id;

static void see_context(void *owner, const struct penstock_context_view *view)
{
	(void)owner;
	context_id = view->id;
}

static void see_allocation(void *owner, const struct penstock_allocation_view *view)
{
	(void)owner;
	*(view->width != 0 ? &surface_id : &plain_id) = view->id;
}

static void create_surface(uint64_t name, uint32_t height)
{
	const struct penstock_create_allocation_info info = {
		.name = name,
		.device = NAME(1),
		.width = 16,
		.height = height,
		.format = PENSTOCK_FORMAT_A8R8G8B8,
	};
	struct penstock_request request = { .serial = ++client.serial };

	GOOD(penstock_create_allocation(client.session, &info, &request, &client.refusal));
}

static void set_up(void)
{
	fixture_start(&fixture, false);
	GOOD(client_connect(&fixture, &client, "uid:1", 0));
	client_set_up(&client, 1);
	create_surface(SURFACE, 16);
	penstock_observe_contexts(fixture.machine, see_context, NULL);
	penstock_observe_allocations(fixture.machine, see_allocation, NULL);
}

static void tear_down(void)
{
	fixture_stop(&fixture);
}

static void on_captured(struct penstock_request *request, enum penstock_status status)
{
	struct answered *answered = (struct answered *)request;

	answered->times++;
	answered->status = status;
}

static enum penstock_status capture_of(uint64_t context, uint64_t allocation,
				       struct answered *answered)
{
	*answered = (struct answered){ .request = { .done = on_captured } };
	return penstock_operator_capture(fixture.machine, &administrator, context, allocation,
					 &answered->request, &refusal);
}

static enum penstock_status capture(void)
{
	return capture_of(context_id, surface_id, &captured);
}

static void expect_answer(enum penstock_status status)
{
	turn(&fixture);
	ck_assert_uint_eq(captured.times, 1);
	ck_assert_int_eq(captured.status, status);
}

static void upload(uint8_t byte)
{
	struct answered answered;
	uint8_t *destination;

	GOOD(client_upload_begin(&client, SURFACE, 0, BYTES, &answered, &destination));
	memset(destination, byte, BYTES);
	(void)penstock_upload_end(&answered.request, false);
}

/* ---------------------------------------------------------------- its place */

START_TEST(an_idle_surface_is_captured_and_copied)
{
	upload(7);
	REFUSED(capture(), PENDING);
	ck_assert_uint_eq(captured.times, 0); /* never from inside the call */
	expect_answer(PENSTOCK_STATUS_SUCCESS);
	ck_assert_uint_eq(captured.request.size_bytes, BYTES);
	upload(9);
	ck_assert_uint_eq(captured.request.bytes[BYTES - 1], 7);
	ck_assert_uint_eq(fake.accesses, 0);
	penstock_operator_capture_end(&captured.request);
}
END_TEST

START_TEST(a_capture_waits_for_what_is_before_it_and_holds_what_is_behind_for_a_copy)
{
	GOOD(client_fill(&client, 0, SURFACE));
	REFUSED(capture(), PENDING);
	GOOD(client_fill(&client, 0, SURFACE));
	turn(&fixture);
	ck_assert_uint_eq(captured.times, 0);
	ck_assert_uint_eq(fake_core_retire(UINT_MAX), 1); /* the other is blocked */
	expect_answer(PENSTOCK_STATUS_SUCCESS);
	/* while the operator has the bytes nobody waits any more */
	ck_assert_uint_eq(fake_core_retire(UINT_MAX), 1);
	turn(&fixture);
	ck_assert_uint_eq(client.fence_count, 2);
	penstock_operator_capture_end(&captured.request);
}
END_TEST

START_TEST(a_capture_waits_for_memory)
{
	fake.moving = true;
	REFUSED(capture(), PENDING);
	turn(&fixture);
	ck_assert_uint_eq(captured.times, 0);
	fake.moving = false;
	fake_core_progress();
	expect_answer(PENSTOCK_STATUS_SUCCESS);
	penstock_operator_capture_end(&captured.request);
}
END_TEST

START_TEST(a_capture_is_charged_to_nobody)
{
	GOOD(client_fill(&client, 0, SURFACE));
	REFUSED(capture(), PENDING);
	ck_assert(!penstock_session_over_credit(client.session));
	ck_assert_uint_eq(client.serial, penstock_session_durable_serial(client.session));
	fake_core_retire(UINT_MAX);
	expect_answer(PENSTOCK_STATUS_SUCCESS);
	penstock_operator_capture_end(&captured.request);
}
END_TEST

/* ---------------------------------------------------------------- refusals */

START_TEST(what_cannot_be_captured_is_refused_and_nothing_is_under_way)
{
	REFUSED(capture_of(context_id + 1, surface_id, &captured), NOT_FOUND);
	ck_assert_ptr_nonnull(strstr(refusal.sentence, "no context"));
	REFUSED(capture_of(context_id, 999, &captured), NOT_FOUND);
	ck_assert_ptr_nonnull(strstr(refusal.sentence, "has not opened"));
	REFUSED(capture_of(context_id, plain_id, &captured), INVALID_PARAMETER);
	ck_assert_ptr_nonnull(strstr(refusal.sentence, "no surface"));
	GOOD(client_destroy(&client, SURFACE));
	REFUSED(capture(), NOT_FOUND);
	turn(&fixture);
	ck_assert_uint_eq(captured.times, 0);
}
END_TEST

START_TEST(there_is_one_capture_until_its_bytes_are_given_back)
{
	struct answered second;

	GOOD(client_fill(&client, 0, SURFACE));
	REFUSED(capture(), PENDING);
	REFUSED(capture_of(context_id, surface_id, &second), GRAPHICS_TRY_AGAIN_LATER);
	fake_core_retire(UINT_MAX);
	expect_answer(PENSTOCK_STATUS_SUCCESS);
	REFUSED(capture_of(context_id, surface_id, &second), GRAPHICS_TRY_AGAIN_LATER);
	penstock_operator_capture_end(&captured.request);
	REFUSED(capture(), PENDING);
	expect_answer(PENSTOCK_STATUS_SUCCESS);
	penstock_operator_capture_end(&captured.request);
}
END_TEST

/* ---------------------------------------------------------------- what comes between */

START_TEST(a_surface_that_is_destroyed_before_its_turn_is_not_captured)
{
	GOOD(client_fill(&client, 0, SURFACE));
	REFUSED(capture(), PENDING);
	GOOD(client_destroy(&client, SURFACE));
	fake_core_retire(UINT_MAX);
	expect_answer(PENSTOCK_STATUS_INVALID_HANDLE);
	ck_assert_ptr_nonnull(strstr(captured.request.refusal.sentence, "destroyed meanwhile"));
}
END_TEST

START_TEST(a_session_that_ends_does_not_take_the_operator_along)
{
	GOOD(client_fill(&client, 0, SURFACE));
	REFUSED(capture(), PENDING);
	client_disconnect(&client);
	fake_core_retire(UINT_MAX);
	expect_answer(PENSTOCK_STATUS_INVALID_HANDLE);
}
END_TEST

START_TEST(a_cancelled_capture_leaves_its_place)
{
	GOOD(client_fill(&client, 0, SURFACE));
	REFUSED(capture(), PENDING);
	GOOD(client_fill(&client, 0, SURFACE));
	penstock_operator_capture_cancel(fixture.machine, &captured.request);
	expect_answer(PENSTOCK_STATUS_CANCELLED);
	ck_assert_uint_eq(fake_core_retire(UINT_MAX), 2);
	REFUSED(capture(), PENDING);
	expect_answer(PENSTOCK_STATUS_SUCCESS);
	penstock_operator_capture_end(&captured.request);
}
END_TEST

START_TEST(one_that_was_answered_cannot_be_cancelled)
{
	REFUSED(capture(), PENDING);
	penstock_operator_capture_cancel(fixture.machine, &captured.request);
	expect_answer(PENSTOCK_STATUS_SUCCESS);
	penstock_operator_capture_end(&captured.request);
}
END_TEST

START_TEST(a_machine_that_stops_does_not_wait_for_a_capture)
{
	GOOD(client_fill(&client, 0, SURFACE));
	REFUSED(capture(), PENDING);
	penstock_operator_capture_cancel(fixture.machine, &captured.request);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("objects_capture");
	TCase *tests = tcase_create("all");

	tcase_add_checked_fixture(tests, set_up, tear_down);
	tcase_add_test(tests, an_idle_surface_is_captured_and_copied);
	tcase_add_test(tests,
		       a_capture_waits_for_what_is_before_it_and_holds_what_is_behind_for_a_copy);
	tcase_add_test(tests, a_capture_waits_for_memory);
	tcase_add_test(tests, a_capture_is_charged_to_nobody);
	tcase_add_test(tests, what_cannot_be_captured_is_refused_and_nothing_is_under_way);
	tcase_add_test(tests, there_is_one_capture_until_its_bytes_are_given_back);
	tcase_add_test(tests, a_surface_that_is_destroyed_before_its_turn_is_not_captured);
	tcase_add_test(tests, a_session_that_ends_does_not_take_the_operator_along);
	tcase_add_test(tests, a_cancelled_capture_leaves_its_place);
	tcase_add_test(tests, one_that_was_answered_cannot_be_cancelled);
	tcase_add_test(tests, a_machine_that_stops_does_not_wait_for_a_capture);
	suite_add_tcase(suite, tests);
	return penstock_test_main(suite);
}
