/* SPDX-License-Identifier: MIT */
/* One submission of several contexts: each runs it, each has its own fence, all or none. */
#include "proto/isa/instruction.h"
#include "proto/wire/limits.h"
#include "tests/unit/objects_fixture.h"

#define GOOD(call)         ck_assert_int_eq(call, PENSTOCK_STATUS_SUCCESS)
#define REFUSED(call, why) ck_assert_int_eq(call, PENSTOCK_STATUS_##why)

#define MOST  (1u + PENSTOCK_LIMIT_BROADCAST_CONTEXTS)
#define LARGE (128u << 10)

static struct fixture fixture;
static struct client client;
static uint64_t names[MOST + 1u]; /* contexts; the first is NAME(2) */
static uint8_t command[LARGE];

/* A device 1 with the contexts `names`, and an allocation 3. */
static void set_up_with(bool store)
{
	fixture_start(&fixture, store);
	GOOD(client_connect(&fixture, &client, "uid:1", store ? 30 : 0));
	client_set_up(&client, 1);
	names[0] = NAME(2);
	for (unsigned i = 1; i <= MOST; i++) {
		names[i] = NAME(3 + i);
		GOOD(client_context(&client, names[i], NAME(1)));
	}
	for (uint32_t i = 0; i < LARGE; i += 32) {
		write_fill(command + i, 1);
	}
}

static void set_up(void)
{
	set_up_with(false);
}

static void tear_down(void)
{
	fixture_stop(&fixture);
}

/* Of names[0] to the `count` names behind it. */
static enum penstock_status submit_to(const uint64_t *to, uint32_t count, uint32_t bytes,
				      struct penstock_wire_submission record,
				      struct answered *answered)
{
	const struct penstock_wire_allocation list[2] = {
		{ .name = 0 },
		{ .name = NAME(3), .flags = PENSTOCK_ALLOCATION_WRITE_OPERATION },
	};
	const struct submit submit = {
		.context = names[0],
		.flags = record.flags,
		.list = list,
		.list_count = 2,
		.command = command,
		.command_bytes = bytes,
		.broadcast = to,
		.broadcast_count = count,
		.record = record,
	};

	return client_submit(&client, &submit, answered);
}

static enum penstock_status broadcast(const uint64_t *to, uint32_t count, uint32_t flags)
{
	struct answered answered;

	return submit_to(to, count, 32, (struct penstock_wire_submission){ .flags = flags },
			 &answered);
}

static unsigned fences_of(uint64_t context, uint64_t fence, enum penstock_status status)
{
	unsigned told = 0;

	for (unsigned i = 0; i < client.fence_count; i++) {
		told += client.fences[i].context == context && client.fences[i].fence == fence &&
			client.fences[i].status == status;
	}
	return told;
}

static void retire_all(void)
{
	(void)fake_core_retire(UINT_MAX);
	turn(&fixture);
}

static uint64_t asked_name, refused_count;

static void take_refused(void *owner, const struct penstock_context_view *view)
{
	(void)owner;
	if (view->name == asked_name) {
		refused_count = view->refused;
	}
}

static uint64_t refused_of(uint64_t name)
{
	asked_name = name;
	refused_count = UINT64_MAX;
	penstock_observe_contexts(fixture.machine, take_refused, NULL);
	return refused_count;
}

START_TEST(A15_sixty_five_contexts_run_it_each_with_its_own_fence)
{
	GOOD(broadcast(names + 1, MOST - 1u, 0));
	ck_assert_uint_eq(fake.submissions, MOST);
	retire_all();
	ck_assert_uint_eq(client.fence_count, MOST);
	for (unsigned i = 0; i < MOST; i++) {
		ck_assert_uint_eq(fences_of(names[i], client.serial, PENSTOCK_STATUS_SUCCESS), 1);
	}
}
END_TEST

START_TEST(A15_the_sixty_sixth_context_is_refused)
{
	REFUSED(broadcast(names + 1, MOST, 0), LIMIT_EXCEEDED);
	ck_assert_uint_eq(fake.submissions, 0);
	GOOD(broadcast(names + 1, MOST - 1u, 0));
	ck_assert_uint_eq(fake.submissions, MOST);
	retire_all();
}
END_TEST

START_TEST(A15_each_fence_comes_with_its_own_context_and_in_its_order)
{
	GOOD(client_fill(&client, names[1], NAME(3)));
	GOOD(broadcast(names + 1, 2, 0));
	GOOD(client_fill(&client, names[1], NAME(3)));
	/* the hardware has them in the order of their queues: [1] first, then 0, 1, 2 and 1 again
	 */
	ck_assert_uint_eq(fake_core_retire(2), 2);
	turn(&fixture);
	ck_assert_uint_eq(fences_of(names[1], client.serial - 2, PENSTOCK_STATUS_SUCCESS), 1);
	ck_assert_uint_eq(fences_of(names[0], client.serial - 1, PENSTOCK_STATUS_SUCCESS), 1);
	ck_assert_uint_eq(client.fence_count, 2);
	retire_all();
	ck_assert_uint_eq(fences_of(names[2], client.serial - 1, PENSTOCK_STATUS_SUCCESS), 1);
	ck_assert_uint_eq(fences_of(names[1], client.serial, PENSTOCK_STATUS_SUCCESS), 1);
}
END_TEST

START_TEST(A15_one_context_that_cannot_refuses_it_all)
{
	const struct penstock_context_info elsewhere = { .name = NAME(200),
							 .device = NAME(1),
							 .node_ordinal = 1 };
	uint64_t to[2] = { names[1], NAME(999) };

	REFUSED(broadcast(to, 2, 0), INVALID_HANDLE);
	ck_assert_uint_eq(refused_of(names[0]), 1);
	ck_assert_uint_eq(refused_of(names[1]), 1);
	to[1] = names[1];
	REFUSED(broadcast(to, 2, 0), INVALID_PARAMETER);
	to[1] = names[0];
	REFUSED(broadcast(to, 2, 0), INVALID_PARAMETER);
	to[1] = NAME(3);
	REFUSED(broadcast(to, 2, 0), INVALID_HANDLE);
	/* dense names: these are used from the lowest on */
	for (uint64_t name = NAME(4 + MOST); name < NAME(200); name++) {
		GOOD(client_context(&client, name, NAME(1)));
	}
	GOOD(penstock_create_context(client.session, ++client.serial, &elsewhere, &client.refusal));
	to[1] = NAME(200);
	REFUSED(broadcast(to, 2, 0), INVALID_PARAMETER);
	GOOD(client_device(&client, NAME(201)));
	GOOD(client_context(&client, NAME(202), NAME(201)));
	to[1] = NAME(202);
	REFUSED(broadcast(to, 2, 0), INVALID_PARAMETER);
	to[1] = names[2];
	REFUSED(broadcast(to, 2, PENSTOCK_SUBMIT_RENDER_KM), INVALID_PARAMETER);
	ck_assert_uint_eq(fake.submissions, 0);
	GOOD(broadcast(to, 2, 0));
	ck_assert_uint_eq(fake.submissions, 3);
	retire_all();
}
END_TEST

START_TEST(A15_another_sessions_context_is_no_context)
{
	static struct client other;
	uint64_t to[1] = { 0 };

	GOOD(client_connect(&fixture, &other, "uid:1", 0));
	GOOD(client_device(&other, NAME(1)));
	for (uint64_t name = NAME(2); name < NAME(100); name++) {
		GOOD(client_context(&other, name, NAME(1)));
	}
	to[0] = NAME(90);
	REFUSED(broadcast(to, 1, 0), INVALID_HANDLE);
	to[0] = 0;
	REFUSED(broadcast(to, 1, 0), INVALID_HANDLE);
	ck_assert_uint_eq(fake.submissions, 0);
	client_disconnect(&other);
}
END_TEST

/* What was refused is a predecessor that did not run in each of the contexts. */
START_TEST(A15_a_refusal_is_a_predecessor_in_each_context)
{
	uint64_t to[2] = { names[1], NAME(999) };

	REFUSED(broadcast(to, 2, 0), INVALID_HANDLE);
	REFUSED(client_fill_flags(&client, names[1], NAME(3), PENSTOCK_SUBMIT_IF_PREDECESSOR_RAN),
		PREDECESSOR_FAILED);
	GOOD(client_fill(&client, names[1], NAME(3)));
	GOOD(broadcast(names + 2, 1, 0));
	/* names[1]'s latest ran, names[0]'s too */
	GOOD(broadcast(names + 1, 1, PENSTOCK_SUBMIT_IF_PREDECESSOR_RAN));
	retire_all();
	ck_assert_uint_eq(fences_of(names[1], client.serial, PENSTOCK_STATUS_SUCCESS), 1);
}
END_TEST

/* A context may fall behind its own predecessor while the others run. */
START_TEST(A15_a_predecessor_that_fails_late_ends_it_in_that_context_alone)
{
	struct answered slow;

	fake.worker_later = true;
	command[LARGE - 32] = 0x77; /* no instruction: refused once it was rendered */
	command[LARGE - 31] = 0x77;
	names[0] = NAME(5);
	REFUSED(submit_to(NULL, 0, LARGE, (struct penstock_wire_submission){ .flags = 0 }, &slow),
		PENDING);
	names[0] = NAME(2);
	GOOD(broadcast((uint64_t[]){ NAME(5) }, 1, PENSTOCK_SUBMIT_IF_PREDECESSOR_RAN));
	(void)fake_core_work(1);
	turn(&fixture);
	ck_assert_int_eq(slow.status, PENSTOCK_STATUS_ILLEGAL_INSTRUCTION);
	retire_all();
	ck_assert_uint_eq(fences_of(NAME(2), client.serial, PENSTOCK_STATUS_SUCCESS), 1);
	ck_assert_uint_eq(fences_of(NAME(5), client.serial, PENSTOCK_STATUS_PREDECESSOR_FAILED), 1);
}
END_TEST

START_TEST(A15_a_large_one_is_rendered_by_a_worker_for_all_or_none)
{
	const struct penstock_wire_submission plain = { .flags = 0 };
	struct answered first, second;

	fake.worker_later = true;
	REFUSED(submit_to(names + 1, 2, LARGE, plain, &first), PENDING);
	command[32] = 0x77;
	command[33] = 0x77;
	REFUSED(submit_to(names + 1, 2, LARGE, plain, &second), PENDING);
	ck_assert_uint_eq(fake.submissions, 0);
	(void)fake_core_work(UINT_MAX);
	turn(&fixture);
	ck_assert_uint_eq(first.times, 1);
	ck_assert_int_eq(first.status, PENSTOCK_STATUS_SUCCESS);
	ck_assert_uint_eq(second.times, 1);
	ck_assert_int_eq(second.status, PENSTOCK_STATUS_ILLEGAL_INSTRUCTION);
	ck_assert_uint_eq(second.request.refusal.byte_offset, 32);
	ck_assert_uint_eq(fake.submissions, 3);
	retire_all();
	for (unsigned i = 0; i < 3; i++) {
		ck_assert_uint_eq(fences_of(names[i], client.serial - 1, PENSTOCK_STATUS_SUCCESS),
				  1);
		ck_assert_uint_eq(refused_of(names[i]), 1);
	}
	ck_assert_uint_eq(client.fence_count, 3);
}
END_TEST

/* Sizes are a context's own: what is one DMA buffer in one context may be a chain in another. */
START_TEST(A15_one_context_makes_a_chain_of_it_and_another_does_not)
{
	const struct penstock_context_info small = { .name = NAME(4 + MOST),
						     .device = NAME(1),
						     .dma_buffer_bytes = 4096 };
	const struct penstock_wire_submission plain = { .flags = 0 };
	struct answered answered;

	GOOD(penstock_create_context(client.session, ++client.serial, &small, &client.refusal));
	GOOD(submit_to(&small.name, 1, 16384, plain, &answered));
	for (unsigned i = 0; i < 16; i++) {
		retire_all();
	}
	/* 512 fills of 24 bytes: one DMA buffer of 12 KiB, and four of 4 KiB */
	ck_assert_uint_eq(fake.submissions, 1u + 4u);
	ck_assert_uint_eq(fences_of(names[0], client.serial, PENSTOCK_STATUS_SUCCESS), 1);
	ck_assert_uint_eq(fences_of(small.name, client.serial, PENSTOCK_STATUS_SUCCESS), 1);
}
END_TEST

START_TEST(A15_it_holds_what_so_many_submissions_hold)
{
	static uint8_t huge[4u << 20];
	const struct penstock_wire_allocation list[1] = { { .name = 0 } };
	struct submit submit = {
		.context = names[0],
		.list = list,
		.list_count = 1,
		.command = huge,
		.command_bytes = sizeof(huge),
		.broadcast = names + 1,
		.broadcast_count = 16,
	};
	struct answered answered;

	/* nops of one dword each */
	for (size_t i = 0; i < sizeof(huge); i += 4) {
		penstock_store32(
			huge + i,
			penstock_instruction_header(
				penstock_instruction_get(PENSTOCK_INSTRUCTION_NOP)->layout.opcode,
				4));
	}
	REFUSED(client_submit(&client, &submit, &answered), LIMIT_EXCEEDED);
	submit.broadcast_count = 14;
	REFUSED(client_submit(&client, &submit, &answered), PENDING);
	(void)fake_core_work(UINT_MAX);
	turn(&fixture);
	ck_assert_int_eq(answered.status, PENSTOCK_STATUS_SUCCESS);
	ck_assert(!penstock_session_over_credit(client.session));
	GOOD(broadcast(names + 1, MOST - 1u, 0));
	submit.broadcast_count = 1;
	REFUSED(client_submit(&client, &submit, &answered), PENDING);
	ck_assert(penstock_session_over_credit(client.session));
	(void)fake_core_work(UINT_MAX);
	turn(&fixture);
	retire_all();
	ck_assert(!penstock_session_over_credit(client.session));
}
END_TEST

START_TEST(A15_a_resize_is_the_first_contexts)
{
	const struct penstock_wire_submission record = {
		.flags = PENSTOCK_SUBMIT_RESIZE_COMMAND_BUFFER,
		.new_command_bytes = 8192,
	};
	struct penstock_context_state state;
	struct answered answered;

	GOOD(submit_to(names + 1, 1, 32, record, &answered));
	GOOD(penstock_query_context(client.session, ++client.serial, names[0], &state,
				    &client.refusal));
	ck_assert_uint_eq(state.dma_buffer_bytes, 8192);
	GOOD(penstock_query_context(client.session, ++client.serial, names[1], &state,
				    &client.refusal));
	ck_assert_uint_ne(state.dma_buffer_bytes, 8192);
	retire_all();
}
END_TEST

START_TEST(A15_destroyed_contexts_run_what_was_broadcast_to_them)
{
	GOOD(broadcast(names + 1, 2, 0));
	GOOD(client_destroy(&client, names[1]));
	GOOD(client_destroy(&client, names[0]));
	retire_all();
	ck_assert_uint_eq(fake.submissions, 3);
	ck_assert_uint_eq(client.fence_count, 1);
	ck_assert_uint_eq(fences_of(names[2], client.serial - 2, PENSTOCK_STATUS_SUCCESS), 1);
	/* its device goes while a worker renders */
	fake.worker_later = true;
	names[0] = names[2];
	{
		struct answered answered;

		REFUSED(submit_to(names + 3, 5, LARGE,
				  (struct penstock_wire_submission){ .flags = 0 }, &answered),
			PENDING);
		GOOD(client_destroy(&client, NAME(1)));
		(void)fake_core_work(UINT_MAX);
		turn(&fixture);
		ck_assert_int_eq(answered.status, PENSTOCK_STATUS_CANCELLED);
	}
}
END_TEST

/* The oldest on the hardware turns out to be too large, while the broadcast is handed over. */
static void lose_the_device(const struct penstock_submission *submission)
{
	(void)submission;
	fake.submitted = NULL;
	fake_core_out_of_memory(0, "it can never fit");
}

START_TEST(A15_a_device_lost_on_the_way_runs_no_more_of_it)
{
	struct answered answered;
	uint64_t first = names[0];

	names[0] = names[4];
	GOOD(submit_to(NULL, 0, 32, (struct penstock_wire_submission){ .flags = 0 }, &answered));
	names[0] = first;
	fake.submitted = lose_the_device;
	GOOD(broadcast(names + 1, 2, 0));
	ck_assert_uint_eq(fake.submissions, 2);
	retire_all();
	ck_assert_uint_eq(fake.submissions, 2);
	for (unsigned i = 1; i <= 2; i++) {
		ck_assert_uint_eq(
			fences_of(names[i], client.serial, PENSTOCK_STATUS_DEVICE_REMOVED), 1);
	}
}
END_TEST

static void set_up_leased(void)
{
	set_up_with(true);
	fake_core_commit(fixture.machine);
	turn(&fixture);
}

START_TEST(A15_nothing_of_it_runs_before_all_before_it_survives)
{
	struct answered answered;

	GOOD(client_allocation(&client, NAME(4 + MOST), NAME(1), 4096, &answered));
	GOOD(broadcast(names + 1, 2, 0));
	ck_assert_uint_eq(fake.submissions, 0);
	fake_core_commit(fixture.machine);
	turn(&fixture);
	ck_assert_uint_eq(fake.submissions, 3);
	retire_all();
	ck_assert_uint_eq(client.fence_count, 3);
}
END_TEST

START_TEST(A15_after_a_restart_each_context_says_how_it_ended)
{
	struct penstock_context_state state;
	uint64_t serial;

	GOOD(broadcast(names + 1, 2, 0));
	serial = client.serial;
	ck_assert_uint_eq(fake_core_retire(UINT_MAX), 3);
	turn(&fixture);
	fake_core_commit(fixture.machine);
	fixture_kill(&fixture);
	GOOD(client_resume(&fixture, &client, "uid:1"));
	ck_assert_uint_eq(client.resumed_serial, serial);
	penstock_session_tell_fences(client.session, serial);
	for (unsigned i = 0; i < 3; i++) {
		ck_assert_uint_eq(fences_of(names[i], serial, PENSTOCK_STATUS_SUCCESS), 1);
		GOOD(penstock_query_context(client.session, ++client.serial, names[i], &state,
					    &client.refusal));
		ck_assert_uint_eq(state.completed_fence, serial);
	}
}
END_TEST

START_TEST(A15_a_refusal_is_the_same_when_it_is_sent_again_after_a_restart)
{
	const uint64_t to[2] = { names[1], NAME(999) };
	struct answered answered;
	uint64_t serial;

	REFUSED(broadcast(to, 2, 0), INVALID_HANDLE);
	fake_core_commit(fixture.machine);
	serial = client.serial;
	fixture_kill(&fixture);
	GOOD(client_resume(&fixture, &client, "uid:1"));
	ck_assert_uint_eq(client.resumed_serial, serial);
	REFUSED(client_fill_flags(&client, names[1], NAME(3), PENSTOCK_SUBMIT_IF_PREDECESSOR_RAN),
		PREDECESSOR_FAILED);
	/* a row that is not on disk holds back what is behind it: both are sent again */
	GOOD(client_fill(&client, names[1], NAME(3)));
	fake_core_commit(fixture.machine);
	turn(&fixture);
	retire_all();
	fake_core_commit(fixture.machine);
	GOOD(client_allocation(&client, NAME(4 + MOST), NAME(1), 4096, &answered));
	REFUSED(broadcast(to, 2, 0), INVALID_HANDLE);
	serial = client.serial;
	fixture_kill(&fixture);
	GOOD(client_resume(&fixture, &client, "uid:1"));
	ck_assert_uint_eq(client.resumed_serial, serial - 2);
	GOOD(client_allocation(&client, NAME(4 + MOST), NAME(1), 4096, &answered));
	REFUSED(broadcast(to, 2, 0), INVALID_HANDLE);
	REFUSED(client_fill_flags(&client, names[1], NAME(3), PENSTOCK_SUBMIT_IF_PREDECESSOR_RAN),
		PREDECESSOR_FAILED);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("objects_broadcast");
	TCase *tcase = tcase_create("objects_broadcast");
	TCase *leased = tcase_create("leased");

	tcase_add_checked_fixture(tcase, set_up, tear_down);
	tcase_add_test(tcase, A15_sixty_five_contexts_run_it_each_with_its_own_fence);
	tcase_add_test(tcase, A15_the_sixty_sixth_context_is_refused);
	tcase_add_test(tcase, A15_each_fence_comes_with_its_own_context_and_in_its_order);
	tcase_add_test(tcase, A15_one_context_that_cannot_refuses_it_all);
	tcase_add_test(tcase, A15_another_sessions_context_is_no_context);
	tcase_add_test(tcase, A15_a_refusal_is_a_predecessor_in_each_context);
	tcase_add_test(tcase, A15_a_predecessor_that_fails_late_ends_it_in_that_context_alone);
	tcase_add_test(tcase, A15_a_large_one_is_rendered_by_a_worker_for_all_or_none);
	tcase_add_test(tcase, A15_one_context_makes_a_chain_of_it_and_another_does_not);
	tcase_add_test(tcase, A15_it_holds_what_so_many_submissions_hold);
	tcase_add_test(tcase, A15_a_resize_is_the_first_contexts);
	tcase_add_test(tcase, A15_destroyed_contexts_run_what_was_broadcast_to_them);
	tcase_add_test(tcase, A15_a_device_lost_on_the_way_runs_no_more_of_it);
	suite_add_tcase(suite, tcase);
	tcase_add_checked_fixture(leased, set_up_leased, tear_down);
	tcase_add_test(leased, A15_nothing_of_it_runs_before_all_before_it_survives);
	tcase_add_test(leased, A15_after_a_restart_each_context_says_how_it_ended);
	tcase_add_test(leased, A15_a_refusal_is_the_same_when_it_is_sent_again_after_a_restart);
	suite_add_tcase(suite, leased);
	return penstock_test_main(suite);
}
