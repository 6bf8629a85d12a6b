/* SPDX-License-Identifier: MIT */
/* Leases: what is told when, what survives kill -9, and who may have it back. */
#include "daemon/objects/context.h"
#include "daemon/objects/session.h"
#include "tests/unit/objects_fixture.h"

static struct fixture fixture;
static struct client client;
static struct client other;

#define GOOD(call)         ck_assert_int_eq(call, PENSTOCK_STATUS_SUCCESS)
#define REFUSED(call, why) ck_assert_int_eq(call, PENSTOCK_STATUS_##why)

static void set_up(void)
{
	fixture_start(&fixture, true);
	GOOD(client_connect(&fixture, &client, "uid:1", 20));
	ck_assert_uint_eq(client.lease_s, 20);
}

static void tear_down(void)
{
	fixture_stop(&fixture);
}

static void commit(void)
{
	fake_core_commit(fixture.machine);
	turn(&fixture);
}

static uint64_t durable(void)
{
	return penstock_session_durable_serial(client.session);
}

static void upload(uint64_t name, const char *text)
{
	uint32_t size = (uint32_t)strlen(text);
	struct answered answered;
	uint8_t *destination;

	GOOD(client_upload_begin(&client, name, 0, size, &answered, &destination));
	memcpy(destination, text, size);
	GOOD(penstock_upload_end(&answered.request, false));
}

static void check_bytes(uint64_t name, const char *text)
{
	struct answered answered;
	enum penstock_status status =
		client_read_back(&client, name, 0, (uint32_t)strlen(text), &answered);

	if (status == PENSTOCK_STATUS_PENDING) {
		turn(&fixture);
		status = answered.status;
	}
	GOOD(status);
	ck_assert_mem_eq(answered.request.bytes, text, strlen(text));
	penstock_read_back_end(&answered.request);
}

static uint32_t execution_state(uint64_t name)
{
	struct penstock_device_state state;

	GOOD(penstock_query_device(client.session, ++client.serial, name, &state, &client.refusal));
	ck_assert(state.execution_state == PENSTOCK_DEVICE_ACTIVE || state.reason[0] != '\0');
	return state.execution_state;
}

/* ---------------------------------------------------------------- the gate */

START_TEST(nothing_is_durable_before_the_store_has_committed_it)
{
	ck_assert(!penstock_session_kept(client.session));
	ck_assert_uint_eq(durable(), 0);
	GOOD(client_device(&client, NAME(1)));
	GOOD(client_context(&client, NAME(2), NAME(1)));
	ck_assert_uint_eq(durable(), 0);
	turn(&fixture);
	ck_assert_uint_eq(client.durable, 0);
	commit();
	ck_assert_uint_eq(durable(), 2);
	ck_assert_uint_eq(client.durable, 2);
	ck_assert(penstock_session_kept(client.session));
	/* What writes no row waits for nothing. */
	GOOD(penstock_sync(client.session, ++client.serial));
	ck_assert_uint_eq(durable(), 3);
	/* A refusal is a row: a restart must not take it for a success. */
	REFUSED(client_destroy(&client, NAME(9)), INVALID_HANDLE);
	ck_assert_uint_eq(durable(), 3);
	commit();
	ck_assert_uint_eq(durable(), 4);
	GOOD(client_destroy(&client, NAME(2)));
	GOOD(penstock_sync(client.session, ++client.serial));
	ck_assert_uint_eq(durable(), 4);
	commit();
	ck_assert_uint_eq(durable(), 6);
}
END_TEST

START_TEST(more_requests_than_the_gate_remembers_are_durable_in_time)
{
	for (unsigned i = 1; i <= 100; i++) {
		GOOD(client_device(&client, NAME(i)));
		if (i == 3) {
			penstock_machine_committed(fixture.machine, fake.sequence);
		}
		ck_assert_uint_le(durable(), 3);
	}
	ck_assert_uint_ge(durable(), 2);
	commit();
	ck_assert_uint_eq(durable(), 100);
}
END_TEST

START_TEST(a_submission_waits_until_what_it_needs_is_durable)
{
	client_set_up(&client, 1);
	GOOD(client_fill(&client, 0, NAME(3)));
	ck_assert_uint_eq(fake.submissions, 0);
	ck_assert_uint_eq(durable(), 0);
	commit();
	ck_assert_uint_eq(fake.submissions, 1);
	ck_assert_uint_eq(durable(), client.serial);
	/* Nothing in the way: at once. */
	GOOD(client_fill(&client, 0, NAME(3)));
	ck_assert_uint_eq(fake.submissions, 2);
	ck_assert_uint_eq(durable(), client.serial);
	fake_core_retire(UINT_MAX);
	turn(&fixture);
}
END_TEST

static void both_words_say_so(const struct penstock_submission *submission)
{
	const struct penstock_context *context = submission->context;

	ck_assert_uint_ge(fake_core_accepted(context->progress_record), submission->serial);
	ck_assert_uint_ge(fake_core_accepted(context->device->session->progress_record),
			  submission->serial);
}

/* Otherwise a crash in between loses a device that did more than was counted. */
START_TEST(nothing_of_a_burst_runs_before_all_of_it_is_counted)
{
	client_set_up(&client, 1);
	for (unsigned i = 0; i < 5; i++) {
		GOOD(client_fill(&client, 0, NAME(3)));
	}
	fake.submitted = both_words_say_so;
	ck_assert(penstock_session_gated(client.session));
	commit();
	ck_assert(!penstock_session_gated(client.session));
	ck_assert_uint_eq(fake.submissions, 5);
	fake_core_retire(UINT_MAX);
	turn(&fixture);
}
END_TEST

START_TEST(an_allocation_is_durable_when_its_pages_and_its_row_are)
{
	struct answered answered;

	client_set_up(&client, 0);
	commit();
	fake.reserve_later = true;
	REFUSED(client_allocation(&client, NAME(3), NAME(1), 4096, &answered), PENDING);
	GOOD(client_device(&client, NAME(4)));
	GOOD(penstock_sync(client.session, ++client.serial));
	commit();
	ck_assert_uint_eq(durable(), 2);
	fake_core_reserved(PENSTOCK_STATUS_SUCCESS);
	turn(&fixture);
	ck_assert_uint_eq(answered.times, 1);
	/* The row was put late, and belongs to the third request. */
	ck_assert_uint_eq(durable(), 2);
	commit();
	ck_assert_uint_eq(durable(), 5);
}
END_TEST

START_TEST(a_store_that_failed_never_opens_the_gate_again)
{
	GOOD(client_device(&client, NAME(1)));
	penstock_session_wrote(client.session, client.serial, 0);
	commit();
	ck_assert_uint_eq(durable(), 0);
}
END_TEST

/* ---------------------------------------------------------------- resume */

START_TEST(only_the_same_principal_resumes)
{
	client_set_up(&client, 1);
	client_disconnect(&client);
	other.id = client.id;
	REFUSED(client_resume(&fixture, &other, "uid:2"), NOT_FOUND);
	other.id.low ^= 1;
	REFUSED(client_resume(&fixture, &other, "uid:1"), NOT_FOUND);
	GOOD(client_resume(&fixture, &client, "uid:1"));
	ck_assert_uint_eq(client.resumed_serial, 3);
	GOOD(client_fill(&client, 0, NAME(3)));
	commit();
	fake_core_retire(1);
	turn(&fixture);
	ck_assert_uint_eq(client.fence_count, 1);
	/* A session without a lease is nobody's to resume. */
	GOOD(client_connect(&fixture, &other, "uid:1", 0));
	ck_assert_uint_eq(other.lease_s, 0);
	REFUSED(client_resume(&fixture, &other, "uid:1"), NOT_FOUND);
}
END_TEST

START_TEST(a_resume_takes_the_session_from_an_older_connection)
{
	struct answered answered;

	client_set_up(&client, 1);
	commit();
	GOOD(client_fill(&client, 0, NAME(3)));
	REFUSED(client_read_back(&client, NAME(3), 0, 1, &answered), PENDING);
	other.id = client.id;
	GOOD(client_resume(&fixture, &other, "uid:1"));
	ck_assert_uint_eq(client.ended, 1);
	ck_assert_uint_eq(other.resumed_serial, 5);
	fake_core_retire(1);
	turn(&fixture);
	ck_assert_uint_eq(answered.times, 1);
	REFUSED(answered.status, CANCELLED);
	ck_assert_uint_eq(client.fence_count, 0);
	ck_assert_uint_eq(other.fence_count, 1);
}
END_TEST

START_TEST(a_lease_that_is_over_takes_everything_along)
{
	struct penstock_session *session = client.session;
	struct penstock_machine_view view;

	client_set_up(&client, 2);
	commit();
	ck_assert_uint_eq(fake_core_rows(PENSTOCK_STORE_OPENING), 2);
	client_disconnect(&client);
	penstock_observe_machine(fixture.machine, &view);
	ck_assert_uint_eq(view.leased_sessions, 1);
	ck_assert_uint_eq(view.connections, 0);
	penstock_session_expire(fixture.machine); /* not yet */
	ck_assert_uint_eq(fake.allocations, 2);
	session->lease_end_ms = uv_now(&fixture.loop);
	penstock_session_expire(fixture.machine);
	REFUSED(client_resume(&fixture, &client, "uid:1"), NOT_FOUND);
	/* Until the deletion is on disk a crash would bring the rows back. */
	ck_assert_uint_eq(fake.allocations, 2);
	commit();
	ck_assert_uint_eq(fake.allocations, 0);
	ck_assert_uint_eq(fake_core_rows(PENSTOCK_STORE_SESSION), 0);
	ck_assert_uint_eq(fake_core_rows(PENSTOCK_STORE_ALLOCATION), 0);
	ck_assert_uint_eq(fake_core_rows(PENSTOCK_STORE_OPENING), 0);
}
END_TEST

START_TEST(what_is_destroyed_keeps_its_memory_until_its_row_is_gone)
{
	client_set_up(&client, 2);
	commit();
	GOOD(client_destroy(&client, NAME(4)));
	GOOD(client_destroy(&client, NAME(2)));
	turn(&fixture);
	ck_assert_uint_eq(fake.allocations, 2);
	fixture_kill(&fixture); /* neither deletion was committed */
	GOOD(client_resume(&fixture, &client, "uid:1"));
	ck_assert_uint_eq(execution_state(NAME(1)), PENSTOCK_DEVICE_ACTIVE);
	GOOD(client_destroy(&client, NAME(4)));
	GOOD(client_destroy(&client, NAME(2)));
	commit();
	ck_assert_uint_eq(fake.allocations, 1);
}
END_TEST

START_TEST(a_torn_upload_gives_its_serial_back)
{
	struct answered answered;
	uint8_t *destination;

	client_set_up(&client, 1);
	commit();
	GOOD(client_upload_begin(&client, NAME(3), 0, 4, &answered, &destination));
	client_disconnect(&client);
	/* Somebody resumes before the old connection has cleaned up. */
	GOOD(client_resume(&fixture, &client, "uid:1"));
	ck_assert_uint_eq(client.resumed_serial, 3);
	REFUSED(penstock_upload_end(&answered.request, true), CANCELLED);
	upload(NAME(3), "again");
	check_bytes(NAME(3), "again");
}
END_TEST

START_TEST(a_lease_is_granted_only_where_there_is_a_store)
{
	struct client plain;

	fixture_stop(&fixture);
	fixture_start(&fixture, false);
	GOOD(client_connect(&fixture, &plain, "uid:1", 20));
	ck_assert_uint_eq(plain.lease_s, 0);
	client_disconnect(&plain);
	fixture_stop(&fixture);
	fixture_start(&fixture, true);
	GOOD(client_connect(&fixture, &plain, "uid:1", 1000));
	ck_assert_uint_eq(plain.lease_s, 30);
	client_disconnect(&plain);
}
END_TEST

/* ---------------------------------------------------------------- kill -9 */

START_TEST(an_idle_device_goes_on_after_a_kill)
{
	struct penstock_context_state state;
	struct answered answered;
	struct client gone;

	GOOD(client_connect(&fixture, &gone, "uid:1", 0));
	client_set_up(&gone, 1);
	client_set_up(&client, 2);
	commit();
	GOOD(client_fill(&client, 0, NAME(3)));
	fake_core_retire(1);
	turn(&fixture);
	upload(NAME(3), "kept bytes");
	GOOD(client_destroy(&client, NAME(4)));
	commit();
	ck_assert_uint_eq(durable(), 7);
	GOOD(client_device(&client, NAME(5))); /* never committed */
	fixture_kill(&fixture);
	REFUSED(client_resume(&fixture, &gone, "uid:1"), NOT_FOUND);
	GOOD(client_resume(&fixture, &client, "uid:1"));
	ck_assert_uint_eq(client.resumed_serial, 7);
	ck_assert_uint_eq(fake.allocations, 1);
	check_bytes(NAME(3), "kept bytes");
	ck_assert_uint_eq(execution_state(NAME(1)), PENSTOCK_DEVICE_ACTIVE);
	GOOD(penstock_query_context(client.session, ++client.serial, NAME(2), &state,
				    &client.refusal));
	ck_assert_uint_eq(state.completed_fence, 5);
	/* What is gone stays gone, and its generation too. */
	REFUSED(client_fill(&client, 0, NAME(4)), INVALID_HANDLE);
	REFUSED(client_allocation(&client, NAME(4), NAME(1), 4096, &answered), INVALID_PARAMETER);
	GOOD(client_allocation(&client, NAME_OF(1, 4), NAME(1), 4096, &answered));
	GOOD(client_device(&client, NAME(5)));
	GOOD(client_fill(&client, 0, NAME(3)));
	commit();
	ck_assert_uint_eq(fake_core_retire(UINT_MAX), 1);
	turn(&fixture);
	ck_assert_uint_eq(client.fence_count, 1);
}
END_TEST

START_TEST(a_device_that_had_work_in_flight_is_lost_after_a_kill)
{
	struct penstock_context_state state;

	client_set_up(&client, 1);
	GOOD(client_device(&client, NAME(4)));
	GOOD(client_context(&client, NAME(5), NAME(4)));
	commit();
	GOOD(client_fill(&client, 0, NAME(3)));
	fake_core_retire(1);
	turn(&fixture);
	GOOD(client_fill(&client, 0, NAME(3)));
	fixture_kill(&fixture);
	GOOD(client_resume(&fixture, &client, "uid:1"));
	/* It was executed in that the client is not to send it again. */
	ck_assert_uint_eq(client.resumed_serial, 7);
	ck_assert_uint_eq(execution_state(NAME(1)), PENSTOCK_DEVICE_RESET);
	ck_assert_uint_eq(execution_state(NAME(4)), PENSTOCK_DEVICE_ACTIVE);
	GOOD(penstock_query_context(client.session, ++client.serial, NAME(2), &state,
				    &client.refusal));
	ck_assert_uint_eq(state.completed_fence, 6);
	REFUSED(client_fill(&client, 0, NAME(3)), DEVICE_REMOVED);
	/* Lost for good: it is so after the next kill too. */
	commit();
	fixture_kill(&fixture);
	GOOD(client_resume(&fixture, &client, "uid:1"));
	ck_assert_uint_eq(execution_state(NAME(1)), PENSTOCK_DEVICE_RESET);
	GOOD(client_destroy(&client, NAME(1)));
}
END_TEST

START_TEST(a_submission_that_never_ran_is_not_counted_as_executed)
{
	client_set_up(&client, 1);
	commit();
	GOOD(client_device(&client, NAME(4)));  /* not committed */
	GOOD(client_fill(&client, 0, NAME(3))); /* waits for it */
	ck_assert_uint_eq(fake.submissions, 0);
	fixture_kill(&fixture);
	GOOD(client_resume(&fixture, &client, "uid:1"));
	ck_assert_uint_eq(client.resumed_serial, 3);
	ck_assert_uint_eq(execution_state(NAME(1)), PENSTOCK_DEVICE_ACTIVE);
	GOOD(client_fill(&client, 0, NAME(3)));
	ck_assert_uint_eq(fake.submissions, 1);
	fake_core_retire(1);
	turn(&fixture);
}
END_TEST

START_TEST(requests_that_were_kept_but_not_counted_may_be_sent_again)
{
	struct answered shared;
	struct answered answered;

	client_set_up(&client, 2);
	REFUSED(client_share(&client, NAME(3), &shared), PENDING);
	turn(&fixture);
	GOOD(client_open(&client, NAME(5), NAME(1), &shared, true));
	GOOD(client_destroy(&client, NAME(4)));
	/* On disk, and the daemon dies before it hears of it. */
	fake.committed = fake.sequence;
	fixture_kill(&fixture);
	GOOD(client_resume(&fixture, &client, "uid:1"));
	ck_assert_uint_eq(client.resumed_serial, 0);
	GOOD(client_device(&client, NAME(1)));
	GOOD(client_context(&client, NAME(2), NAME(1)));
	GOOD(client_allocation(&client, NAME(3), NAME(1), 4096, &answered));
	/* That one was destroyed behind it: it is not made anew. */
	GOOD(client_allocation(&client, NAME(4), NAME(1), 4096, &answered));
	GOOD(client_share(&client, NAME(3), &answered));
	ck_assert_uint_eq(answered.request.token_low, shared.request.token_low);
	GOOD(client_open(&client, NAME(5), NAME(1), &shared, true));
	GOOD(client_destroy(&client, NAME(4)));
	/* Once. */
	REFUSED(client_destroy(&client, NAME(4)), INVALID_HANDLE);
	REFUSED(client_device(&client, NAME(1)), INVALID_PARAMETER);
	REFUSED(client_open(&client, NAME(5), NAME(1), &shared, true), INVALID_PARAMETER);
}
END_TEST

START_TEST(a_create_that_was_still_under_way_is_made_when_it_comes_again)
{
	struct answered answered;

	client_set_up(&client, 0);
	commit();
	fake.reserve_later = true;
	REFUSED(client_allocation(&client, NAME(3), NAME(1), 4096, &answered), PENDING);
	fake.reserve_later = false;
	GOOD(client_allocation(&client, NAME(4), NAME(1), 4096, &answered));
	fake.committed = fake.sequence;
	fake_core_kill();
	fake_core_reserved(PENSTOCK_STATUS_NO_MEMORY);
	penstock_machine_stop(fixture.machine, NULL, NULL);
	for (unsigned i = 0; i < 8; i++) {
		turn(&fixture);
	}
	fake_core_resurrect();
	GOOD(fixture_start_again(&fixture, NULL));
	GOOD(client_resume(&fixture, &client, "uid:1"));
	ck_assert_uint_eq(client.resumed_serial, 2);
	ck_assert_uint_eq(fake.allocations, 1);
	GOOD(client_allocation(&client, NAME(3), NAME(1), 4096, &answered));
	GOOD(client_allocation(&client, NAME(4), NAME(1), 4096, &answered));
	ck_assert_uint_eq(fake.allocations, 2);
}
END_TEST

START_TEST(a_share_that_a_destroy_has_overtaken_gives_a_token_that_opens_nothing)
{
	struct answered shared;

	client_set_up(&client, 1);
	REFUSED(client_share(&client, NAME(3), &shared), PENDING);
	turn(&fixture);
	GOOD(client_destroy(&client, NAME(3)));
	fake.committed = fake.sequence;
	fixture_kill(&fixture);
	GOOD(client_resume(&fixture, &client, "uid:1"));
	client_set_up(&client, 1);
	GOOD(client_share(&client, NAME(3), &shared));
	ck_assert(shared.request.token_high != 0 || shared.request.token_low != 0);
	GOOD(client_destroy(&client, NAME(3)));
	ck_assert_uint_eq(fake.allocations, 0);
	REFUSED(client_open(&client, NAME_OF(1, 3), NAME(1), &shared, false), NOT_FOUND);
}
END_TEST

START_TEST(what_a_later_request_has_overtaken_is_sent_again_in_vain_and_succeeds)
{
	const uint64_t second = NAME(4) + (1ull << 32);
	struct answered answered;

	client_set_up(&client, 2);
	GOOD(client_destroy(&client, NAME(4)));
	GOOD(client_allocation(&client, second, NAME(1), 8192, &answered));
	turn(&fixture);
	fake.committed = fake.sequence;
	fixture_kill(&fixture);
	GOOD(client_resume(&fixture, &client, "uid:1"));
	ck_assert_uint_eq(client.resumed_serial, 0);
	GOOD(client_device(&client, NAME(1)));
	GOOD(client_context(&client, NAME(2), NAME(1)));
	GOOD(client_allocation(&client, NAME(3), NAME(1), 4096, &answered));
	GOOD(client_allocation(&client, NAME(4), NAME(1), 4096, &answered));
	GOOD(client_destroy(&client, NAME(4)));
	GOOD(client_allocation(&client, second, NAME(1), 8192, &answered));
	/* From here on nothing was ever sent before. */
	REFUSED(client_destroy(&client, NAME(4)), INVALID_HANDLE);
	REFUSED(client_allocation(&client, NAME(4), NAME(1), 4096, &answered), INVALID_PARAMETER);
	REFUSED(client_allocation(&client, second, NAME(1), 8192, &answered), INVALID_PARAMETER);
	GOOD(client_destroy(&client, second));
}
END_TEST

START_TEST(lost_contents_lose_their_devices)
{
	client_set_up(&client, 1);
	GOOD(client_device(&client, NAME(4)));
	upload(NAME(3), "lost");
	commit();
	/* Power loss: the rows are there, the memory is not. */
	fake_core_kill();
	client_disconnect(&client);
	penstock_machine_stop(fixture.machine, NULL, NULL);
	for (unsigned i = 0; i < 8; i++) {
		turn(&fixture);
	}
	fake_core_resurrect();
	fake_core_lose_memory();
	GOOD(fixture_start_again(&fixture, NULL));
	GOOD(client_resume(&fixture, &client, "uid:1"));
	ck_assert_uint_eq(execution_state(NAME(1)), PENSTOCK_DEVICE_RESET);
	ck_assert_uint_eq(execution_state(NAME(4)), PENSTOCK_DEVICE_ACTIVE);
	REFUSED(client_fill(&client, 0, NAME(3)), DEVICE_REMOVED);
}
END_TEST

START_TEST(an_orderly_end_keeps_what_is_leased)
{
	struct client plain;

	GOOD(client_connect(&fixture, &plain, "uid:1", 0));
	client_set_up(&plain, 3);
	client_set_up(&client, 2);
	upload(NAME(3), "kept");
	commit();
	penstock_machine_stop(fixture.machine, NULL, NULL);
	for (unsigned i = 0; i < 8; i++) {
		turn(&fixture);
	}
	ck_assert_uint_eq(client.ended, 1);
	ck_assert_uint_eq(plain.ended, 1);
	ck_assert_uint_eq(fake.kept, 2);
	fake.committed = fake.sequence; /* closing the store commits what is queued */
	ck_assert_uint_eq(fake_core_rows(PENSTOCK_STORE_OPENING), 2);
	fake_core_new_run();
	GOOD(fixture_start_again(&fixture, NULL));
	GOOD(client_resume(&fixture, &client, "uid:1"));
	ck_assert_uint_eq(execution_state(NAME(1)), PENSTOCK_DEVICE_ACTIVE);
	check_bytes(NAME(3), "kept");
}
END_TEST

START_TEST(a_shared_allocation_of_a_session_that_is_gone_comes_back_for_the_other)
{
	struct answered shared;
	struct answered answered;
	struct client creator;
	uint8_t *destination;

	GOOD(client_connect(&fixture, &creator, "uid:2", 0));
	client_set_up(&creator, 1);
	REFUSED(client_share(&creator, NAME(3), &shared), PENDING);
	turn(&fixture);
	client_set_up(&client, 0);
	GOOD(client_open(&client, NAME(3), NAME(1), &shared, false));
	commit();
	GOOD(client_upload_begin(&client, NAME(3), 0, 4, &answered, &destination));
	memcpy(destination, "both", 4);
	REFUSED(penstock_upload_end(&answered.request, false), PENDING);
	turn(&fixture);
	GOOD(answered.status);
	fixture_kill(&fixture);
	GOOD(client_resume(&fixture, &client, "uid:1"));
	check_bytes(NAME(3), "both");
	/* Its token is what it was. */
	GOOD(client_open(&client, NAME(4), NAME(1), &shared, true));
}
END_TEST

/* ---------------------------------------------------------------- allocation tables */

struct seen {
	uint32_t count;
	bool write;
	uint64_t allocation;
	uint64_t address;
	uint64_t id;
};

static void take_id(void *owner, const struct penstock_context_view *view)
{
	((struct seen *)owner)->id = view->id;
}

static void take_list(void *owner, const struct penstock_dump_view *view)
{
	struct seen *seen = owner;

	seen->count = view->element_count;
	if (view->element_count == 2) {
		seen->write = view->elements[1].write_operation;
		seen->allocation = view->elements[1].allocation;
		seen->address = view->elements[1].address;
	}
}

START_TEST(the_last_list_is_stored_late_and_comes_back)
{
	struct seen seen = { .count = 0 };

	client_set_up(&client, 1);
	commit();
	fake.segment_id = 1;
	for (unsigned i = 0; i < 10; i++) {
		GOOD(client_fill(&client, 0, NAME(3)));
		fake_core_retire(1);
		turn(&fixture);
		ck_assert_uint_eq(durable(), client.serial);
	}
	ck_assert_uint_eq(fake.lists_put, 0);
	/* The timer would store it before long; a stop stores it too. */
	penstock_machine_stop(fixture.machine, NULL, NULL);
	for (unsigned i = 0; i < 8; i++) {
		turn(&fixture);
	}
	ck_assert_uint_eq(fake.lists_put, 1);
	fake_core_new_run();
	GOOD(fixture_start_again(&fixture, NULL));
	penstock_observe_contexts(fixture.machine, take_id, &seen);
	GOOD(penstock_observe_submission(fixture.machine, seen.id, take_list, &seen));
	ck_assert_uint_eq(seen.count, 2);
	ck_assert(seen.write);
	ck_assert_uint_ne(seen.allocation, 0);
	ck_assert_uint_ne(seen.address, 0);
}
END_TEST

/* A machine with less memory than before costs what needed it, and nobody else. */
START_TEST(a_promise_that_a_restart_cannot_keep_costs_its_device)
{
	const struct penstock_context_info info = {
		.name = NAME(5),
		.device = NAME(4),
		.flags = PENSTOCK_CONTEXT_GUARANTEED,
	};

	client_set_up(&client, 1);
	upload(NAME(3), "kept");
	GOOD(client_device(&client, NAME(4)));
	GOOD(penstock_create_context(client.session, ++client.serial, &info, &client.refusal));
	commit();
	fake.no_slots = true;
	fixture_kill(&fixture);
	GOOD(client_resume(&fixture, &client, "uid:1"));
	ck_assert_uint_eq(client.resumed_serial, client.serial);
	ck_assert_uint_eq(execution_state(NAME(1)), PENSTOCK_DEVICE_ACTIVE);
	check_bytes(NAME(3), "kept");
	ck_assert_uint_eq(execution_state(NAME(4)), PENSTOCK_DEVICE_RESET);
	REFUSED(client_fill(&client, NAME(5), NAME(3)), DEVICE_REMOVED);
	GOOD(client_destroy(&client, NAME(4)));
	fake.no_slots = false;
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("objects_lease");
	TCase *tcase = tcase_create("objects_lease");

	tcase_add_checked_fixture(tcase, set_up, tear_down);
	tcase_add_test(tcase, nothing_is_durable_before_the_store_has_committed_it);
	tcase_add_test(tcase, more_requests_than_the_gate_remembers_are_durable_in_time);
	tcase_add_test(tcase, a_submission_waits_until_what_it_needs_is_durable);
	tcase_add_test(tcase, nothing_of_a_burst_runs_before_all_of_it_is_counted);
	tcase_add_test(tcase, an_allocation_is_durable_when_its_pages_and_its_row_are);
	tcase_add_test(tcase, a_store_that_failed_never_opens_the_gate_again);
	tcase_add_test(tcase, only_the_same_principal_resumes);
	tcase_add_test(tcase, a_resume_takes_the_session_from_an_older_connection);
	tcase_add_test(tcase, a_lease_that_is_over_takes_everything_along);
	tcase_add_test(tcase, what_is_destroyed_keeps_its_memory_until_its_row_is_gone);
	tcase_add_test(tcase, a_torn_upload_gives_its_serial_back);
	tcase_add_test(tcase, a_lease_is_granted_only_where_there_is_a_store);
	tcase_add_test(tcase, an_idle_device_goes_on_after_a_kill);
	tcase_add_test(tcase, a_device_that_had_work_in_flight_is_lost_after_a_kill);
	tcase_add_test(tcase, a_submission_that_never_ran_is_not_counted_as_executed);
	tcase_add_test(tcase, requests_that_were_kept_but_not_counted_may_be_sent_again);
	tcase_add_test(tcase, a_create_that_was_still_under_way_is_made_when_it_comes_again);
	tcase_add_test(tcase,
		       a_share_that_a_destroy_has_overtaken_gives_a_token_that_opens_nothing);
	tcase_add_test(tcase,
		       what_a_later_request_has_overtaken_is_sent_again_in_vain_and_succeeds);
	tcase_add_test(tcase, lost_contents_lose_their_devices);
	tcase_add_test(tcase, a_promise_that_a_restart_cannot_keep_costs_its_device);
	tcase_add_test(tcase, an_orderly_end_keeps_what_is_leased);
	tcase_add_test(tcase,
		       a_shared_allocation_of_a_session_that_is_gone_comes_back_for_the_other);
	tcase_add_test(tcase, the_last_list_is_stored_late_and_comes_back);
	suite_add_tcase(suite, tcase);
	return penstock_test_main(suite);
}
