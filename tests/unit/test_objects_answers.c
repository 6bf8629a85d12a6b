/* SPDX-License-Identifier: MIT */
/* Stored answers: what a client that lost its connection is told again, and for how long. */
#include "daemon/memory/progress.h"
#include "daemon/objects/context.h"
#include "proto/wire/limits.h"
#include "tests/unit/objects_fixture.h"

static struct fixture fixture;
static struct client client;

#define GOOD(call)         ck_assert_int_eq(call, PENSTOCK_STATUS_SUCCESS)
#define REFUSED(call, why) ck_assert_int_eq(call, PENSTOCK_STATUS_##why)

#define MOST_TOLD 8u

struct told {
	uint64_t serial;
	enum penstock_status status;
	bool at_instruction;
	uint32_t byte_offset;
	char instruction[32];
	char operand[32];
	char sentence[192];
};

static struct told told[MOST_TOLD];
static unsigned told_count;

static void set_up(void)
{
	fixture_start(&fixture, true);
	GOOD(client_connect(&fixture, &client, "uid:1", 20));
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

static bool tell(void *owner, uint64_t serial, const struct penstock_refusal *refusal)
{
	struct told *at = &told[told_count % MOST_TOLD];

	(void)owner;
	told_count++;
	*at = (struct told){ .serial = serial,
			     .status = refusal->status,
			     .at_instruction = refusal->at_instruction,
			     .byte_offset = refusal->byte_offset };
	snprintf(at->instruction, sizeof(at->instruction), "%s", refusal->instruction);
	snprintf(at->operand, sizeof(at->operand), "%s", refusal->operand);
	snprintf(at->sentence, sizeof(at->sentence), "%s", refusal->sentence);
	return true;
}

static unsigned refusals(uint64_t after)
{
	told_count = 0;
	ck_assert(penstock_session_refusals(client.session, after, UINT64_MAX, tell, NULL));
	return told_count;
}

static void reconnect(void)
{
	client_disconnect(&client);
	GOOD(client_resume(&fixture, &client, "uid:1"));
}

/* A fill whose size does not fit the list's only element. */
static enum penstock_status submit_bad(void)
{
	const struct penstock_wire_allocation list = { .name = NAME(3), .flags = 1 };
	uint8_t command[64];
	struct answered answered;

	write_fill(command, 0);
	write_fill(command + 32, 7);
	return client_submit(&client,
			     &(struct submit){ .context = NAME(2),
					       .list = &list,
					       .list_count = 1,
					       .command = command,
					       .command_bytes = sizeof(command) },
			     &answered);
}

static void check_told(unsigned which, uint64_t serial, const struct penstock_refusal *before)
{
	ck_assert_uint_eq(told[which].serial, serial);
	ck_assert_int_eq(told[which].status, before->status);
	ck_assert_int_eq(told[which].at_instruction, before->at_instruction);
	ck_assert_uint_eq(told[which].byte_offset, before->byte_offset);
	ck_assert_str_eq(told[which].instruction, before->instruction);
	ck_assert_str_eq(told[which].operand, before->operand);
	ck_assert_str_eq(told[which].sentence, before->sentence);
}

static void check_fence(unsigned which, uint64_t fence, enum penstock_status status)
{
	ck_assert_uint_lt(which, client.fence_count);
	ck_assert_uint_eq(client.fences[which].context, NAME(2));
	ck_assert_uint_eq(client.fences[which].fence, fence);
	ck_assert_int_eq(client.fences[which].status, status);
}

/* ---------------------------------------------------------------- refusals */

START_TEST(A19_refusals_are_told_again_as_they_were)
{
	struct penstock_refusal first, second;

	client_set_up(&client, 1);
	ck_assert_int_ne(submit_bad(), PENSTOCK_STATUS_SUCCESS);
	first = client.refusal;
	ck_assert(first.at_instruction);
	ck_assert_uint_eq(first.byte_offset, 32);
	REFUSED(client_destroy(&client, NAME(9)), INVALID_HANDLE);
	second = client.refusal;
	commit();
	for (int round = 0; round < 3; round++) {
		reconnect();
		ck_assert_uint_eq(refusals(0), 2);
		check_told(0, 4, &first);
		check_told(1, 5, &second);
		ck_assert_uint_eq(refusals(4), 1);
		check_told(0, 5, &second);
		ck_assert_uint_eq(penstock_session_forgotten(client.session), 0);
		if (round == 1) {
			fixture_kill(&fixture);
			GOOD(client_resume(&fixture, &client, "uid:1"));
		}
	}
}
END_TEST

START_TEST(A19_what_a_client_has_received_is_not_kept)
{
	client_set_up(&client, 0);
	REFUSED(client_destroy(&client, NAME(8)), INVALID_HANDLE);
	REFUSED(client_destroy(&client, NAME(9)), INVALID_HANDLE);
	commit();
	penstock_session_received(client.session, 3);
	ck_assert_uint_eq(refusals(0), 1);
	ck_assert_uint_eq(told[0].serial, 4);
	ck_assert_uint_eq(client.session->principal->answers, 1);
	commit();
	fixture_kill(&fixture);
	GOOD(client_resume(&fixture, &client, "uid:1"));
	ck_assert_uint_eq(refusals(0), 1);
	ck_assert_uint_eq(told[0].serial, 4);
}
END_TEST

START_TEST(what_is_kept_is_bounded_and_what_is_forgotten_is_said)
{
	const unsigned most = PENSTOCK_LIMIT_STORED_ANSWERS;

	for (unsigned i = 1; i <= most; i++) {
		REFUSED(client_destroy(&client, NAME(9)), INVALID_HANDLE);
	}
	ck_assert_uint_eq(penstock_session_forgotten(client.session), 0);
	REFUSED(client_destroy(&client, NAME(9)), INVALID_HANDLE);
	REFUSED(client_destroy(&client, NAME(9)), INVALID_HANDLE);
	ck_assert_uint_eq(penstock_session_forgotten(client.session), 2);
	ck_assert_uint_eq(refusals(0), most);
	commit();
	fixture_kill(&fixture);
	GOOD(client_resume(&fixture, &client, "uid:1"));
	ck_assert_uint_eq(penstock_session_forgotten(client.session), 2);
	ck_assert_uint_eq(refusals(0), most);
}
END_TEST

START_TEST(a_principal_stores_so_much_and_its_sessions_forget_their_own)
{
	REFUSED(client_destroy(&client, NAME(8)), INVALID_HANDLE);
	client.session->principal->answers += PENSTOCK_LIMIT_PRINCIPAL_STORED_ANSWERS - 1;
	REFUSED(client_destroy(&client, NAME(9)), INVALID_HANDLE);
	ck_assert_uint_eq(penstock_session_forgotten(client.session), 1);
	ck_assert_uint_eq(refusals(0), 1);
	ck_assert_uint_eq(told[0].serial, 2);
	client.session->principal->answers -= PENSTOCK_LIMIT_PRINCIPAL_STORED_ANSWERS - 1;
}
END_TEST

START_TEST(a_session_without_a_lease_keeps_nothing)
{
	static struct client other;

	GOOD(client_connect(&fixture, &other, "uid:1", 0));
	REFUSED(client_destroy(&other, NAME(9)), INVALID_HANDLE);
	ck_assert_uint_eq(other.session->principal->answers, 0);
}
END_TEST

/* The disk knows it and the progress file does not: it is not judged anew. */
START_TEST(A19_a_refusal_that_is_sent_again_after_a_kill_is_the_same)
{
	struct penstock_refusal before;

	client_set_up(&client, 0);
	REFUSED(client_device(&client, NAME(1)), INVALID_PARAMETER);
	before = client.refusal;
	fake.committed = fake.sequence;
	fixture_kill(&fixture);
	GOOD(client_resume(&fixture, &client, "uid:1"));
	ck_assert_uint_eq(client.resumed_serial, 0);
	client_set_up(&client, 0);
	/* Taken for the create of before the restart it would succeed. */
	REFUSED(client_device(&client, NAME(1)), INVALID_PARAMETER);
	ck_assert_str_eq(client.refusal.sentence, before.sentence);
	ck_assert_uint_eq(penstock_session_durable_serial(client.session), 3);
	ck_assert_uint_eq(refusals(0), 1);
}
END_TEST

/* A context with a submission that has run. */
static void set_up_and_run_one(void)
{
	client_set_up(&client, 1);
	commit();
	GOOD(client_fill(&client, 0, NAME(3)));
	fake_core_retire(UINT_MAX);
	turn(&fixture);
}

static enum penstock_status if_predecessor_ran(void)
{
	return client_fill_flags(&client, 0, NAME(3), PENSTOCK_SUBMIT_IF_PREDECESSOR_RAN);
}

START_TEST(a_restart_knows_that_the_latest_submission_was_refused)
{
	set_up_and_run_one();
	fixture_kill(&fixture);
	GOOD(client_resume(&fixture, &client, "uid:1"));
	GOOD(if_predecessor_ran());
	fake_core_retire(UINT_MAX);
	turn(&fixture);
	REFUSED(client_fill(&client, 0, NAME(9)), INVALID_HANDLE);
	REFUSED(if_predecessor_ran(), PREDECESSOR_FAILED);
	commit();
	fixture_kill(&fixture);
	GOOD(client_resume(&fixture, &client, "uid:1"));
	REFUSED(if_predecessor_ran(), PREDECESSOR_FAILED);
	GOOD(client_fill(&client, 0, NAME(3)));
	commit();
	GOOD(if_predecessor_ran());
	fake_core_retire(UINT_MAX);
	turn(&fixture);
}
END_TEST

/* What is sent again is judged as before: a refusal of then is no predecessor of what came first.
 */
START_TEST(a_submission_that_is_sent_again_has_the_predecessor_that_it_had)
{
	set_up_and_run_one();
	GOOD(client_device(&client, NAME(4))); /* holds up what is behind it */
	GOOD(if_predecessor_ran());
	REFUSED(client_fill(&client, 0, NAME(9)), INVALID_HANDLE);
	REFUSED(if_predecessor_ran(), PREDECESSOR_FAILED);
	fake.committed = fake.sequence;
	fixture_kill(&fixture);
	GOOD(client_resume(&fixture, &client, "uid:1"));
	ck_assert_uint_eq(client.resumed_serial, 4);
	GOOD(client_device(&client, NAME(4)));
	GOOD(if_predecessor_ran());
	REFUSED(client_fill(&client, 0, NAME(9)), INVALID_HANDLE);
	REFUSED(if_predecessor_ran(), PREDECESSOR_FAILED); /* of the store */
	REFUSED(if_predecessor_ran(), PREDECESSOR_FAILED);
	fake_core_retire(UINT_MAX);
	turn(&fixture);
}
END_TEST

/* A refusal is known as long as what was accepted behind it may have to be sent again. */
START_TEST(a_refusal_is_a_predecessor_until_what_came_behind_it_is_settled)
{
	set_up_and_run_one();
	REFUSED(client_fill(&client, 0, NAME(9)), INVALID_HANDLE);
	commit();
	GOOD(client_device(&client, NAME(4))); /* holds up what is behind it */
	REFUSED(if_predecessor_ran(), PREDECESSOR_FAILED);
	GOOD(client_fill(&client, 0, NAME(3)));
	REFUSED(client_fill(&client, 0, NAME(9)), INVALID_HANDLE);
	fixture_kill(&fixture);
	GOOD(client_resume(&fixture, &client, "uid:1"));
	ck_assert_uint_eq(client.resumed_serial, 5);
	GOOD(client_device(&client, NAME(4)));
	REFUSED(if_predecessor_ran(), PREDECESSOR_FAILED);
	GOOD(client_fill(&client, 0, NAME(3)));
	REFUSED(client_fill(&client, 0, NAME(9)), INVALID_HANDLE);
	commit();
	fake_core_retire(UINT_MAX);
	turn(&fixture);
	fixture_kill(&fixture);
	GOOD(client_resume(&fixture, &client, "uid:1"));
	ck_assert_uint_eq(client.resumed_serial, 9);
	REFUSED(if_predecessor_ran(), PREDECESSOR_FAILED);
	GOOD(client_fill(&client, 0, NAME(3)));
	commit();
	GOOD(if_predecessor_ran());
	fake_core_retire(UINT_MAX);
	turn(&fixture);
}
END_TEST

/* Nobody is told of a refusal that a crash could make a success. */
START_TEST(A19_a_refusal_is_durable_before_it_is_told)
{
	client_set_up(&client, 0);
	commit();
	REFUSED(client_destroy(&client, NAME(9)), INVALID_HANDLE);
	GOOD(penstock_sync(client.session, ++client.serial));
	ck_assert_uint_eq(penstock_session_durable_serial(client.session), 2);
	fixture_kill(&fixture);
	GOOD(client_resume(&fixture, &client, "uid:1"));
	ck_assert_uint_eq(client.resumed_serial, 2);
	ck_assert_uint_eq(refusals(0), 0);
}
END_TEST

START_TEST(A19_what_is_refused_while_nobody_listens_is_told)
{
	static uint8_t command[128u << 10];
	struct answered answered;

	client_set_up(&client, 1);
	commit();
	fake.worker_later = true;
	memset(command, 0xff, sizeof(command));
	REFUSED(client_submit(&client,
			      &(struct submit){ .context = NAME(2),
						.command = command,
						.command_bytes = sizeof(command) },
			      &answered),
		PENDING);
	reconnect();
	turn(&fixture);
	ck_assert_int_eq(answered.status, PENSTOCK_STATUS_CANCELLED);
	ck_assert_uint_eq(client.resumed_serial, 4);
	/* Its Welcome waits for that. */
	ck_assert_uint_eq(penstock_session_durable_serial(client.session), 3);
	fake_core_work(UINT_MAX);
	commit();
	ck_assert_uint_eq(penstock_session_durable_serial(client.session), 4);
	ck_assert_uint_eq(refusals(3), 1);
	ck_assert_uint_eq(told[0].serial, 4);
	ck_assert_int_eq(told[0].status, PENSTOCK_STATUS_ILLEGAL_INSTRUCTION);
	ck_assert(told[0].at_instruction);
}
END_TEST

/* ---------------------------------------------------------------- how submissions ended */

static void fault_oldest(void)
{
	const struct penstock_interrupt interrupt = { .type = PENSTOCK_INTERRUPT_DMA_FAULTED };

	fake_core_fault(&interrupt, "it faulted");
	turn(&fixture);
}

START_TEST(A19_the_ends_of_submissions_are_told_again)
{
	enum penstock_status why;

	client_set_up(&client, 1);
	commit();
	for (int i = 0; i < 3; i++) { /* 4 to 6 */
		GOOD(client_fill(&client, 0, NAME(3)));
	}
	fake_core_retire(2);
	turn(&fixture);
	fault_oldest();
	why = client.fences[client.fence_count - 1].status;
	ck_assert_int_ne(why, PENSTOCK_STATUS_SUCCESS);
	commit();
	for (int round = 0; round < 3; round++) {
		reconnect();
		ck_assert_uint_eq(client.fence_count, 0);
		penstock_session_tell_fences(client.session, 4);
		ck_assert_uint_eq(client.fence_count, 2);
		check_fence(0, 5, PENSTOCK_STATUS_SUCCESS);
		check_fence(1, 6, why);
		client.fence_count = 0;
		penstock_session_tell_fences(client.session, 6);
		ck_assert_uint_eq(client.fence_count, 1);
		check_fence(0, 6, why);
		if (round == 1) {
			fixture_kill(&fixture);
			GOOD(client_resume(&fixture, &client, "uid:1"));
		}
	}
}
END_TEST

START_TEST(A19_the_latest_fence_of_an_idle_context_is_told_again)
{
	set_up_and_run_one();
	reconnect();
	penstock_session_tell_fences(client.session, 4);
	ck_assert_uint_eq(client.fence_count, 1);
	check_fence(0, 4, PENSTOCK_STATUS_SUCCESS);
	penstock_session_tell_fences(client.session, 5);
	ck_assert_uint_eq(client.fence_count, 1);
}
END_TEST

START_TEST(A19_what_was_in_flight_at_a_kill_is_told_as_removed)
{
	client_set_up(&client, 1);
	commit();
	GOOD(client_fill(&client, 0, NAME(3)));
	GOOD(client_fill(&client, 0, NAME(3)));
	fake_core_retire(1);
	turn(&fixture);
	for (int round = 0; round < 2; round++) {
		fixture_kill(&fixture); /* the second time before anything is on disk */
		GOOD(client_resume(&fixture, &client, "uid:1"));
		ck_assert_uint_eq(client.resumed_serial, 5);
		penstock_session_tell_fences(client.session, 4);
		ck_assert_uint_eq(client.fence_count, 2);
		check_fence(0, 4, PENSTOCK_STATUS_SUCCESS);
		check_fence(1, 5, PENSTOCK_STATUS_DEVICE_REMOVED);
	}
	REFUSED(client_fill(&client, 0, NAME(3)), DEVICE_REMOVED);
}
END_TEST

/*
 * The context's record is ahead of the session's: its submission is sent again. What ended before
 * is told up to where the session is, beside the refusal that has that serial.
 */
START_TEST(A19_an_end_at_the_serial_of_a_refusal_hides_neither)
{
	client_set_up(&client, 1);
	commit();
	GOOD(client_fill(&client, 0, NAME(3)));                    /* 4 */
	REFUSED(client_destroy(&client, NAME(9)), INVALID_HANDLE); /* 5 */
	commit();
	penstock_progress_set_accepted(
		NULL,
		((struct penstock_context *)penstock_name_table_find(
			 &client.session->names, NAME(2), PENSTOCK_NAME_CONTEXT))
			->progress_record,
		6);
	fixture_kill(&fixture);
	GOOD(client_resume(&fixture, &client, "uid:1"));
	ck_assert_uint_eq(client.resumed_serial, 5);
	ck_assert_uint_eq(refusals(0), 1);
	ck_assert_uint_eq(told[0].serial, 5);
	penstock_session_tell_fences(client.session, 4);
	ck_assert_uint_eq(client.fence_count, 1);
	check_fence(0, 5, PENSTOCK_STATUS_DEVICE_REMOVED);
	commit();
	fixture_kill(&fixture);
	GOOD(client_resume(&fixture, &client, "uid:1"));
	ck_assert_uint_eq(refusals(0), 1);
	ck_assert_int_eq(told[0].status, PENSTOCK_STATUS_INVALID_HANDLE);
}
END_TEST

/* The progress file says that something did not run, the row that says what is not on disk. */
START_TEST(an_end_that_is_not_on_disk_is_not_told_as_success)
{
	client_set_up(&client, 1);
	commit();
	GOOD(client_fill(&client, 0, NAME(3)));
	fake_core_retire(1);
	turn(&fixture);
	GOOD(client_fill(&client, 0, NAME(3)));
	fault_oldest();
	fixture_kill(&fixture);
	GOOD(client_resume(&fixture, &client, "uid:1"));
	penstock_session_tell_fences(client.session, 4);
	ck_assert_uint_eq(client.fence_count, 1);
	check_fence(0, 5, PENSTOCK_STATUS_CONNECTION_DISCONNECTED);
}
END_TEST

START_TEST(a_context_that_was_destroyed_is_told_of_no_more)
{
	client_set_up(&client, 1);
	commit();
	GOOD(client_fill(&client, 0, NAME(3)));
	fault_oldest();
	GOOD(client_destroy(&client, NAME(1)));
	commit();
	reconnect();
	penstock_session_tell_fences(client.session, 1);
	ck_assert_uint_eq(client.fence_count, 0);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("objects_answers");
	TCase *tcase = tcase_create("answers");

	tcase_set_timeout(tcase, 120);
	tcase_add_checked_fixture(tcase, set_up, tear_down);
	tcase_add_test(tcase, A19_refusals_are_told_again_as_they_were);
	tcase_add_test(tcase, A19_what_a_client_has_received_is_not_kept);
	tcase_add_test(tcase, what_is_kept_is_bounded_and_what_is_forgotten_is_said);
	tcase_add_test(tcase, a_principal_stores_so_much_and_its_sessions_forget_their_own);
	tcase_add_test(tcase, a_session_without_a_lease_keeps_nothing);
	tcase_add_test(tcase, A19_a_refusal_that_is_sent_again_after_a_kill_is_the_same);
	tcase_add_test(tcase, a_restart_knows_that_the_latest_submission_was_refused);
	tcase_add_test(tcase, a_submission_that_is_sent_again_has_the_predecessor_that_it_had);
	tcase_add_test(tcase, a_refusal_is_a_predecessor_until_what_came_behind_it_is_settled);
	tcase_add_test(tcase, A19_a_refusal_is_durable_before_it_is_told);
	tcase_add_test(tcase, A19_what_is_refused_while_nobody_listens_is_told);
	tcase_add_test(tcase, A19_the_ends_of_submissions_are_told_again);
	tcase_add_test(tcase, A19_the_latest_fence_of_an_idle_context_is_told_again);
	tcase_add_test(tcase, A19_what_was_in_flight_at_a_kill_is_told_as_removed);
	tcase_add_test(tcase, A19_an_end_at_the_serial_of_a_refusal_hides_neither);
	tcase_add_test(tcase, an_end_that_is_not_on_disk_is_not_told_as_success);
	tcase_add_test(tcase, a_context_that_was_destroyed_is_told_of_no_more);
	suite_add_tcase(suite, tcase);
	return penstock_test_main(suite);
}
