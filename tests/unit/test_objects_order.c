/* SPDX-License-Identifier: MIT */
/* Transfers in session order, credits, and sessions that end in the middle of anything. */
#include "proto/wire/limits.h"
#include "tests/unit/objects_fixture.h"

static struct fixture fixture;
static struct client client;
static struct client other;

#define GOOD(call)         ck_assert_int_eq(call, PENSTOCK_STATUS_SUCCESS)
#define REFUSED(call, why) ck_assert_int_eq(call, PENSTOCK_STATUS_##why)

static void set_up(void)
{
	fixture_start(&fixture, false);
	GOOD(client_connect(&fixture, &client, "uid:1", 0));
	client_set_up(&client, 2);
}

static void tear_down(void)
{
	fixture_stop(&fixture);
}

static void upload(const char *text, struct answered *answered, enum penstock_status end)
{
	uint32_t size = (uint32_t)strlen(text);
	uint8_t *destination;

	GOOD(client_upload_begin(&client, NAME(3), 0, size, answered, &destination));
	memcpy(destination, text, size);
	ck_assert_int_eq(penstock_upload_end(&answered->request, false), end);
}

START_TEST(an_upload_into_an_idle_allocation_is_received_in_place)
{
	struct answered answered;
	uint8_t *destination;
	uint8_t *again;

	GOOD(client_upload_begin(&client, NAME(3), 16, 4, &answered, &destination));
	ck_assert_uint_eq(fake.accesses, 1);
	memcpy(destination, "abcd", 4);
	GOOD(penstock_upload_end(&answered.request, false));
	ck_assert_uint_eq(fake.accesses, 0);
	GOOD(client_upload_begin(&client, NAME(3), 16, 4, &answered, &again));
	ck_assert_ptr_eq(again, destination);
	GOOD(penstock_upload_end(&answered.request, false));
	GOOD(client_read_back(&client, NAME(3), 16, 4, &answered));
	ck_assert_mem_eq(answered.request.bytes, "abcd", 4);
	penstock_read_back_end(&answered.request);
	turn(&fixture);
	ck_assert_uint_eq(answered.times, 0);
}
END_TEST

START_TEST(what_does_not_fit_is_refused)
{
	struct answered answered;
	uint8_t *destination;

	REFUSED(client_upload_begin(&client, NAME(3), 4096, 1, &answered, &destination),
		INVALID_PARAMETER);
	REFUSED(client_upload_begin(&client, NAME(3), UINT64_MAX, 2, &answered, &destination),
		INVALID_PARAMETER);
	REFUSED(client_upload_begin(&client, NAME(3), 0, 0, &answered, &destination),
		INVALID_PARAMETER);
	REFUSED(client_upload_begin(&client, NAME(2), 0, 1, &answered, &destination),
		INVALID_HANDLE);
	REFUSED(client_read_back(&client, NAME(3), 4095, 2, &answered), INVALID_PARAMETER);
	REFUSED(client_read_back(&client, NAME(3), 1, UINT32_MAX, &answered), INVALID_PARAMETER);
	REFUSED(client_read_back(&client, NAME(9), 0, 1, &answered), INVALID_HANDLE);
	ck_assert(penstock_machine_idle(fixture.machine));
}
END_TEST

START_TEST(transfers_and_submissions_of_a_lane_go_in_order)
{
	struct answered uploaded;
	struct answered read;

	GOOD(client_fill(&client, 0, NAME(3))); /* on the hardware */
	upload("first", &uploaded, PENSTOCK_STATUS_PENDING);
	GOOD(client_fill(&client, 0, NAME(3))); /* waits for the upload */
	GOOD(client_context(&client, NAME(5), NAME(1)));
	GOOD(client_fill(&client, NAME(5), NAME(4))); /* another allocation passes */
	ck_assert_uint_eq(fake.submissions, 2);
	REFUSED(client_read_back(&client, NAME(3), 0, 5, &read), PENDING);
	GOOD(client_fill(&client, NAME(5), NAME(3))); /* waits for the read-back */
	turn(&fixture);
	ck_assert_uint_eq(uploaded.times + read.times, 0);
	fake_core_retire(2);
	turn(&fixture);
	ck_assert_uint_eq(uploaded.times, 1);
	GOOD(uploaded.status);
	ck_assert_uint_eq(fake.submissions, 3);
	ck_assert_uint_eq(read.times, 0);
	fake_core_retire(1);
	turn(&fixture);
	ck_assert_uint_eq(read.times, 1);
	GOOD(read.status);
	ck_assert_mem_eq(read.request.bytes, "first", 5);
	/* They are the allocation's own bytes: who writes it waits. */
	ck_assert_uint_eq(fake.submissions, 3);
	penstock_read_back_end(&read.request);
	ck_assert_uint_eq(fake.submissions, 4);
	fake_core_retire(1);
	turn(&fixture);
	ck_assert(penstock_machine_idle(fixture.machine));
}
END_TEST

START_TEST(two_openings_of_one_session_share_their_order)
{
	struct answered shared;
	struct answered answered;

	REFUSED(client_share(&client, NAME(3), &shared), PENDING);
	turn(&fixture);
	GOOD(client_device(&client, NAME(5)));
	GOOD(client_context(&client, NAME(6), NAME(5)));
	GOOD(client_open(&client, NAME(7), NAME(5), &shared, false));
	GOOD(client_fill(&client, NAME(6), NAME(7)));
	upload("late", &answered, PENSTOCK_STATUS_PENDING);
	turn(&fixture);
	ck_assert_uint_eq(answered.times, 0);
	fake_core_retire(1);
	turn(&fixture);
	ck_assert_uint_eq(answered.times, 1);
	/* The opening that goes does not take the order along. */
	GOOD(client_fill(&client, NAME(6), NAME(7)));
	REFUSED(client_read_back(&client, NAME(3), 0, 1, &answered), PENDING);
	GOOD(client_destroy(&client, NAME(3)));
	GOOD(client_destroy(&client, NAME(7)));
	fake_core_retire(1);
	turn(&fixture);
	ck_assert_uint_eq(answered.times, 1);
	GOOD(answered.status);
	ck_assert_uint_eq(fake.allocations, 2);
	penstock_read_back_end(&answered.request);
	ck_assert_uint_eq(fake.allocations, 1);
}
END_TEST

START_TEST(sessions_do_not_wait_for_one_another)
{
	struct answered shared;
	struct answered answered;
	struct answered mine;
	uint8_t *destination;

	REFUSED(client_share(&client, NAME(3), &shared), PENDING);
	turn(&fixture);
	GOOD(client_connect(&fixture, &other, "uid:2", 0));
	client_set_up(&other, 1);
	GOOD(client_open(&other, NAME(4), NAME(1), &shared, false));
	/* A client that dribbles pins nothing: what is shared is staged. */
	GOOD(client_upload_begin(&client, NAME(3), 0, 4, &answered, &destination));
	ck_assert_uint_eq(fake.accesses, 0);
	GOOD(client_fill(&other, NAME(2), NAME(4)));
	ck_assert_uint_eq(fake.submissions, 1);
	memcpy(destination, "abcd", 4);
	REFUSED(penstock_upload_end(&answered.request, false), PENDING);
	REFUSED(client_read_back(&client, NAME(3), 0, 4, &mine), PENDING);
	turn(&fixture);
	GOOD(answered.status);
	ck_assert_uint_eq(mine.times, 1);
	ck_assert_mem_eq(mine.request.bytes, "abcd", 4);
	ck_assert_uint_eq(fake.accesses, 0);
	penstock_read_back_end(&mine.request);
	fake_core_retire(1);
	turn(&fixture);
}
END_TEST

START_TEST(a_transfer_waits_while_its_memory_moves)
{
	struct answered uploaded;
	struct answered read;

	fake.moving = true;
	upload("x", &uploaded, PENSTOCK_STATUS_PENDING);
	REFUSED(client_read_back(&client, NAME(3), 0, 1, &read), PENDING);
	turn(&fixture);
	ck_assert_uint_eq(uploaded.times, 0);
	fake_core_progress(); /* not yet */
	turn(&fixture);
	ck_assert_uint_eq(uploaded.times, 0);
	fake.moving = false;
	fake_core_progress();
	turn(&fixture);
	ck_assert_uint_eq(uploaded.times, 1);
	ck_assert_uint_eq(read.times, 1);
	ck_assert_mem_eq(read.request.bytes, "x", 1);
	penstock_read_back_end(&read.request);
}
END_TEST

START_TEST(large_copies_are_made_by_the_worker)
{
	const uint32_t size = 1u << 20;
	struct answered answered;
	struct answered read;
	uint8_t *destination;

	GOOD(client_allocation(&client, NAME(5), NAME(1), size, &answered));
	fake.worker_later = true;
	fake.moving = true;
	GOOD(client_upload_begin(&client, NAME(5), 0, size, &answered, &destination));
	memset(destination, 7, size);
	REFUSED(penstock_upload_end(&answered.request, false), PENDING);
	fake.moving = false;
	fake_core_progress();
	turn(&fixture);
	GOOD(client_fill(&client, 0, NAME(5)));
	ck_assert_uint_eq(fake.submissions, 0);
	ck_assert_uint_eq(answered.times, 0);
	ck_assert_uint_eq(fake_core_work(1), 1);
	ck_assert_uint_eq(fake.submissions, 1);
	turn(&fixture);
	ck_assert_uint_eq(answered.times, 1);
	fake_core_retire(1);
	turn(&fixture);
	GOOD(client_read_back(&client, NAME(5), size - 4, 4, &read));
	ck_assert_mem_eq(read.request.bytes, "\7\7\7\7", 4);
	penstock_read_back_end(&read.request);
}
END_TEST

START_TEST(uses_of_an_allocation_wait_until_its_pages_are_reserved)
{
	struct answered created;
	struct answered uploaded;
	struct answered shared;
	uint8_t *destination;

	fake.reserve_later = true;
	REFUSED(client_allocation(&client, NAME(5), NAME(1), 4096, &created), PENDING);
	GOOD(client_fill(&client, 0, NAME(5)));
	GOOD(client_upload_begin(&client, NAME(5), 0, 1, &uploaded, &destination));
	*destination = 1;
	REFUSED(penstock_upload_end(&uploaded.request, false), PENDING);
	fake.share_later = true;
	REFUSED(client_share(&client, NAME(5), &shared), PENDING);
	turn(&fixture);
	ck_assert_uint_eq(fake.submissions, 0);
	fake_core_reserved(PENSTOCK_STATUS_SUCCESS);
	ck_assert_uint_eq(fake.submissions, 1);
	turn(&fixture);
	ck_assert_uint_eq(created.times, 1);
	ck_assert_uint_eq(uploaded.times, 0);
	fake_core_retire(1);
	turn(&fixture);
	ck_assert_uint_eq(uploaded.times, 1);
	ck_assert_uint_eq(shared.times, 0);
	fake_core_shared(PENSTOCK_STATUS_SUCCESS);
	turn(&fixture);
	ck_assert_uint_eq(shared.times, 1);
	ck_assert(shared.request.token_high != 0 || shared.request.token_low != 0);
	/* Sharing again gives the same token, at once. */
	GOOD(client_share(&client, NAME(5), &created));
	ck_assert_uint_eq(created.request.token_low, shared.request.token_low);
}
END_TEST

START_TEST(a_reservation_that_fails_takes_what_waited_for_it_along)
{
	struct answered created;
	struct answered uploaded;
	struct answered read;
	uint8_t *destination;

	fake.reserve_later = true;
	REFUSED(client_allocation(&client, NAME(5), NAME(1), 4096, &created), PENDING);
	GOOD(client_fill(&client, 0, NAME(5)));
	GOOD(client_upload_begin(&client, NAME(5), 0, 1, &uploaded, &destination));
	*destination = 1;
	REFUSED(penstock_upload_end(&uploaded.request, false), PENDING);
	REFUSED(client_read_back(&client, NAME(5), 0, 1, &read), PENDING);
	fake_core_reserved(PENSTOCK_STATUS_NO_MEMORY);
	turn(&fixture);
	turn(&fixture);
	REFUSED(created.status, NO_MEMORY);
	REFUSED(uploaded.status, NO_MEMORY);
	REFUSED(read.status, NO_MEMORY);
	ck_assert_uint_eq(client.fence_count, 1);
	REFUSED(client.fences[0].status, NO_MEMORY);
	ck_assert_uint_eq(fake.allocations, 2);
	REFUSED(client_fill(&client, 0, NAME(5)), INVALID_HANDLE);
}
END_TEST

START_TEST(A2_a_create_that_fails_later_takes_no_name)
{
	struct answered created;

	fake.reserve_later = true;
	REFUSED(client_allocation(&client, NAME(5), NAME(1), 4096, &created), PENDING);
	fake_core_reserved(PENSTOCK_STATUS_NO_MEMORY);
	REFUSED(client_allocation(&client, NAME(5), NAME(1), 4096, &created), PENDING);
	fake_core_reserved(PENSTOCK_STATUS_SUCCESS);
	GOOD(client_fill(&client, 0, NAME(5)));
	/* an index that had another object before is back at that one's generation */
	GOOD(client_destroy(&client, NAME(5)));
	REFUSED(client_allocation(&client, NAME_OF(3, 5), NAME(1), 4096, &created), PENDING);
	fake_core_reserved(PENSTOCK_STATUS_NO_MEMORY);
	REFUSED(client_allocation(&client, NAME(5), NAME(1), 4096, &created), INVALID_PARAMETER);
	REFUSED(client_allocation(&client, NAME_OF(2, 5), NAME(1), 4096, &created), PENDING);
	/* one that was destroyed meanwhile has had its name */
	GOOD(client_destroy(&client, NAME_OF(2, 5)));
	fake_core_reserved(PENSTOCK_STATUS_NO_MEMORY);
	REFUSED(client_allocation(&client, NAME_OF(2, 5), NAME(1), 4096, &created),
		INVALID_PARAMETER);
	fake.reserve_later = false;
	GOOD(client_allocation(&client, NAME_OF(3, 5), NAME(1), 4096, &created));
	turn(&fixture);
	turn(&fixture);
}
END_TEST

/* ---------------------------------------------------------------- ends in the middle */

START_TEST(a_session_that_ends_leaks_nothing_whatever_is_under_way)
{
	struct answered created;
	struct answered uploaded;
	struct answered receiving;
	struct answered read;
	struct answered waiting;
	struct answered shared;
	struct answered direct;
	uint8_t *destination;

	GOOD(client_read_back(&client, NAME(4), 0, 1, &direct)); /* out */
	GOOD(client_fill(&client, 0, NAME(3)));                  /* on the hardware */
	upload("staged", &uploaded, PENSTOCK_STATUS_PENDING);
	GOOD(client_fill(&client, 0, NAME(3))); /* blocked */
	REFUSED(client_read_back(&client, NAME(3), 0, 1, &waiting), PENDING);
	REFUSED(client_share(&client, NAME(3), &shared), PENDING);
	fake.reserve_later = true;
	REFUSED(client_allocation(&client, NAME(5), NAME(1), 4096, &created), PENDING);
	REFUSED(client_read_back(&client, NAME(5), 0, 1, &read), PENDING);
	GOOD(client_upload_begin(&client, NAME(3), 0, 4, &receiving, &destination));
	client_disconnect(&client);
	turn(&fixture);
	REFUSED(uploaded.status, CANCELLED);
	REFUSED(waiting.status, CANCELLED);
	REFUSED(shared.status, CANCELLED);
	REFUSED(created.status, CANCELLED);
	REFUSED(read.status, CANCELLED);
	ck_assert_uint_eq(
		uploaded.times + waiting.times + shared.times + created.times + read.times, 5);
	/* What was begun is still to be ended by who began it. */
	ck_assert_uint_eq(receiving.times + direct.times, 0);
	memset(destination, 1, 4);
	REFUSED(penstock_upload_end(&receiving.request, false), CANCELLED);
	ck_assert_uint_eq(*direct.request.bytes, 0);
	penstock_read_back_end(&direct.request);
	fake_core_reserved(PENSTOCK_STATUS_SUCCESS);
	turn(&fixture);
	fake_core_retire(UINT_MAX);
	for (unsigned i = 0; i < 4; i++) {
		turn(&fixture);
	}
	ck_assert(penstock_machine_idle(fixture.machine));
	ck_assert_uint_eq(fake.allocations, 0);
	ck_assert_uint_eq(fake.accesses, 0);
	ck_assert_uint_eq(client.fence_count, 0);
}
END_TEST

START_TEST(a_torn_upload_is_forgotten)
{
	struct answered answered;
	uint8_t *destination;

	GOOD(client_upload_begin(&client, NAME(3), 0, 4, &answered, &destination));
	memset(destination, 1, 2);
	REFUSED(penstock_upload_end(&answered.request, true), CANCELLED);
	ck_assert_uint_eq(fake.accesses, 0);
	ck_assert(penstock_machine_idle(fixture.machine));
	turn(&fixture);
	ck_assert_uint_eq(answered.times, 0);
}
END_TEST

/* ---------------------------------------------------------------- credits */

START_TEST(a_connection_over_its_credit_is_told_when_to_read_again)
{
	uint8_t *command = calloc(1, 1u << 20); /* no-operations */
	struct answered answered;
	struct submit submit = { .context = NAME(2), .command = command, .command_bytes = 60000 };
	unsigned sent = 0;

	ck_assert_ptr_nonnull(command);
	for (uint32_t i = 0; i < submit.command_bytes; i += 4) {
		command[i + 2] = 1;
	}
	while (!penstock_session_over_credit(client.session)) {
		ck_assert_uint_lt(sent++, 2000);
		GOOD(client_submit(&client, &submit, &answered));
	}
	ck_assert_uint_eq(sent, (PENSTOCK_LIMIT_HELD_BYTES + 60047) / 60048);
	/* What is on its way already is still taken. */
	GOOD(client_fill(&client, 0, NAME(3)));
	fake_core_retire(10);
	turn(&fixture);
	ck_assert(penstock_session_over_credit(client.session));
	ck_assert_uint_eq(client.resumes, 0);
	fake_core_retire(sent / 2);
	turn(&fixture);
	ck_assert(!penstock_session_over_credit(client.session));
	turn(&fixture);
	ck_assert_uint_eq(client.resumes, 1);
	fake_core_retire(UINT_MAX);
	turn(&fixture);
	turn(&fixture);
	ck_assert_uint_eq(client.resumes, 1);
	free(command);
}
END_TEST

START_TEST(a_context_and_a_session_hold_so_many_submissions_and_no_more)
{
	struct submit submit = { .context = NAME(2) };
	struct answered answered;
	unsigned sent = 0;

	while (!penstock_session_over_credit(client.session)) {
		GOOD(client_submit(&client, &submit, &answered));
		sent++;
	}
	ck_assert_uint_eq(sent, PENSTOCK_LIMIT_CONTEXT_SUBMISSIONS);
	for (; sent < PENSTOCK_LIMIT_HELD_SUBMISSIONS + PENSTOCK_LIMIT_SUBMISSIONS_PER_FRAME;
	     sent++) {
		GOOD(client_submit(&client, &submit, &answered));
	}
	REFUSED(client_submit(&client, &submit, &answered), LIMIT_EXCEEDED);
	ck_assert_uint_eq(fake_core_retire(UINT_MAX), sent);
	turn(&fixture);
	turn(&fixture);
	ck_assert_uint_eq(client.fence_count, 1);
	ck_assert_uint_eq(client.fences[0].fence, client.serial - 1);
	ck_assert(!penstock_session_over_credit(client.session));
}
END_TEST

START_TEST(read_backs_that_nobody_takes_stop_the_connection)
{
	static struct answered reads[PENSTOCK_LIMIT_READS_IN_FLIGHT];

	for (unsigned i = 0; i < PENSTOCK_LIMIT_READS_IN_FLIGHT; i++) {
		ck_assert(!penstock_session_over_credit(client.session));
		ck_assert_int_eq(client_read_back(&client, NAME(3), 0, 1, &reads[i]),
				 i == 0 ? PENSTOCK_STATUS_SUCCESS : PENSTOCK_STATUS_PENDING);
	}
	ck_assert(penstock_session_over_credit(client.session));
	for (unsigned i = 0; i < PENSTOCK_LIMIT_READS_IN_FLIGHT; i++) {
		penstock_read_back_end(&reads[i].request);
		turn(&fixture);
	}
	ck_assert(!penstock_session_over_credit(client.session));
	ck_assert_uint_eq(client.resumes, 1);
}
END_TEST

START_TEST(staged_bytes_count_against_the_credit)
{
	struct answered answered;
	struct answered staged[2];
	uint8_t *destination;

	GOOD(client_allocation(&client, NAME(5), NAME(1), 33u << 20, &answered));
	GOOD(client_fill(&client, 0, NAME(5)));
	for (unsigned i = 0; i < 2; i++) {
		ck_assert(!penstock_session_over_credit(client.session));
		GOOD(client_upload_begin(&client, NAME(5), 0, 33u << 20, &staged[i], &destination));
		REFUSED(penstock_upload_end(&staged[i].request, false), PENDING);
	}
	ck_assert(penstock_session_over_credit(client.session));
	fake_core_retire(1);
	turn(&fixture);
	ck_assert(!penstock_session_over_credit(client.session));
	ck_assert_uint_eq(staged[1].times, 1);
}
END_TEST

/* Every read-back of what is shared is a copy. */
START_TEST(read_backs_of_shared_allocations_count_against_the_credit)
{
	struct answered answered;
	struct answered shared;
	struct answered reads[2];

	GOOD(client_allocation(&client, NAME(5), NAME(1), 33u << 20, &answered));
	REFUSED(client_share(&client, NAME(5), &shared), PENDING);
	for (unsigned i = 0; i < 2; i++) {
		ck_assert(!penstock_session_over_credit(client.session));
		REFUSED(client_read_back(&client, NAME(5), 0, 33u << 20, &reads[i]), PENDING);
	}
	ck_assert(penstock_session_over_credit(client.session));
	for (unsigned i = 0; i < 2; i++) {
		while (reads[i].times == 0) {
			turn(&fixture);
		}
		penstock_read_back_end(&reads[i].request);
	}
	turn(&fixture);
	ck_assert(!penstock_session_over_credit(client.session));
	ck_assert_uint_eq(client.resumes, 1);
}
END_TEST

/* Nobody's place in local memory is pinned by a client that dribbles. */
START_TEST(what_is_in_local_memory_is_staged_both_ways)
{
	struct answered answered;
	uint8_t *destination;

	fake.local = true;
	GOOD(client_upload_begin(&client, NAME(3), 16, 4, &answered, &destination));
	ck_assert_uint_eq(fake.accesses, 0);
	memcpy(destination, "abcd", 4);
	REFUSED(penstock_upload_end(&answered.request, false), PENDING);
	turn(&fixture);
	ck_assert_uint_eq(answered.times, 1);
	REFUSED(client_read_back(&client, NAME(3), 16, 4, &answered), PENDING);
	turn(&fixture);
	ck_assert_uint_eq(fake.accesses, 0);
	ck_assert_mem_eq(answered.request.bytes, "abcd", 4);
	penstock_read_back_end(&answered.request);
}
END_TEST

/* Many sessions do not make more of it. */
START_TEST(a_principal_holds_so_much_over_all_its_sessions)
{
	struct answered staged[32];
	struct answered answered;
	uint8_t *destination;

	GOOD(client_connect(&fixture, &other, "uid:1", 0));
	GOOD(client_allocation(&client, NAME(5), NAME(1), 32u << 20, &answered));
	GOOD(client_fill(&client, 0, NAME(5)));
	ck_assert(!penstock_session_over_credit(other.session));
	for (unsigned i = 0; i < 32; i++) {
		GOOD(client_upload_begin(&client, NAME(5), 0, 32u << 20, &staged[i], &destination));
	}
	ck_assert(penstock_session_over_credit(other.session));
	for (unsigned i = 0; i < 9; i++) {
		ck_assert(penstock_session_over_credit(other.session));
		REFUSED(penstock_upload_end(&staged[31 - i].request, true), CANCELLED);
	}
	turn(&fixture);
	ck_assert(!penstock_session_over_credit(other.session));
	ck_assert_uint_eq(other.resumes, 1);
	for (unsigned i = 0; i < 23; i++) {
		REFUSED(penstock_upload_end(&staged[i].request, true), CANCELLED);
	}
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("objects_order");
	TCase *tcase = tcase_create("objects_order");

	tcase_add_checked_fixture(tcase, set_up, tear_down);
	tcase_add_test(tcase, an_upload_into_an_idle_allocation_is_received_in_place);
	tcase_add_test(tcase, what_does_not_fit_is_refused);
	tcase_add_test(tcase, transfers_and_submissions_of_a_lane_go_in_order);
	tcase_add_test(tcase, two_openings_of_one_session_share_their_order);
	tcase_add_test(tcase, sessions_do_not_wait_for_one_another);
	tcase_add_test(tcase, a_transfer_waits_while_its_memory_moves);
	tcase_add_test(tcase, large_copies_are_made_by_the_worker);
	tcase_add_test(tcase, uses_of_an_allocation_wait_until_its_pages_are_reserved);
	tcase_add_test(tcase, a_reservation_that_fails_takes_what_waited_for_it_along);
	tcase_add_test(tcase, A2_a_create_that_fails_later_takes_no_name);
	tcase_add_test(tcase, a_session_that_ends_leaks_nothing_whatever_is_under_way);
	tcase_add_test(tcase, a_torn_upload_is_forgotten);
	tcase_add_test(tcase, a_connection_over_its_credit_is_told_when_to_read_again);
	tcase_add_test(tcase, a_context_and_a_session_hold_so_many_submissions_and_no_more);
	tcase_add_test(tcase, read_backs_that_nobody_takes_stop_the_connection);
	tcase_add_test(tcase, staged_bytes_count_against_the_credit);
	tcase_add_test(tcase, read_backs_of_shared_allocations_count_against_the_credit);
	tcase_add_test(tcase, what_is_in_local_memory_is_staged_both_ways);
	tcase_add_test(tcase, a_principal_holds_so_much_over_all_its_sessions);
	suite_add_tcase(suite, tcase);
	return penstock_test_main(suite);
}
