/* SPDX-License-Identifier: MIT */
/*
 * libpenstock over connections that are cut at any byte in either direction, and over a daemon that
 * is killed and started again: the program sees what it would have seen without.
 */
#include "client/include/penstock/penstock.h"
#include "proto/isa/instruction.h"
#include "tests/blackbox/proxy.h"
#include "tests/daemon_fixture.h"
#include "tests/harness.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

static struct penstock_daemon server;

static void start(void)
{
	struct penstock_errbuf text;

	ck_assert_msg(penstock_daemon_init(&server, false, &text) == 0, "%s", text.text);
	ck_assert_msg(penstock_daemon_start(&server, &text) == 0, "%s", text.text);
}

static void stop(void)
{
	int status = penstock_daemon_stop(&server);

	ck_assert_msg(WIFEXITED(status) && WEXITSTATUS(status) == 0, "penstockd ended with %#x",
		      status);
	penstock_daemon_fini(&server);
}

/* ---------------------------------------------------------------- the program */

#define REGISTER_DWORDS 64u
#define ROUNDS          6u
#define MOST_FAILURES   64u

/* Everything that the program sees. */
struct seen {
	uint32_t held[REGISTER_DWORDS];   /* at the end */
	uint32_t middle[REGISTER_DWORDS]; /* by a read-back among submissions */
	enum penstock_status fences[ROUNDS * 2];
	struct penstock_failure failures[MOST_FAILURES];
	unsigned failure_count;
	enum penstock_status transfers;
	unsigned transfers_done;
	unsigned lost;
	unsigned resumed;
};

static void note_failure(struct seen *seen, const struct penstock_failure *failure)
{
	ck_assert_uint_lt(seen->failure_count, MOST_FAILURES);
	seen->failures[seen->failure_count++] = *failure;
}

static void on_lost(void *owner, enum penstock_status status, const char *sentence)
{
	ck_assert_int_ne(status, PENSTOCK_STATUS_SUCCESS);
	ck_assert_int_gt(strlen(sentence), 0);
	((struct seen *)owner)->lost++;
}

static void on_resumed(void *owner)
{
	((struct seen *)owner)->resumed++;
}

static void on_transfer(void *owner, enum penstock_status status)
{
	struct seen *seen = owner;

	seen->transfers_done++;
	seen->transfers = seen->transfers == PENSTOCK_STATUS_SUCCESS ? status : seen->transfers;
}

static struct penstock_connection *open_at(const char *address, struct seen *seen)
{
	struct penstock_options options = PENSTOCK_OPTIONS_INIT;
	struct penstock_connection *connection;
	char text[PENSTOCK_SENTENCE_BYTES] = "";

	options.server = address;
	options.lease_s = 60;
	options.timeout_ms = 60000;
	options.callbacks.owner = seen;
	options.callbacks.lost = on_lost;
	options.callbacks.resumed = on_resumed;
	ck_assert_msg(penstock_connect(&options, &connection, text, sizeof(text)) ==
			      PENSTOCK_STATUS_SUCCESS,
		      "%s", text);
	return connection;
}

static uint64_t new_allocation(struct penstock_connection *connection, uint64_t device)
{
	struct penstock_allocation_create_info info = { .device = device, .size_bytes = 4096 };
	uint64_t allocation = 0;

	ck_assert_int_eq(penstock_allocation_create(connection, &info, &allocation),
			 PENSTOCK_STATUS_SUCCESS);
	return allocation;
}

/* Shifts the register by a dword: twice is not once. With `bad` it is refused. */
static uint64_t shift(struct penstock_connection *connection, uint64_t context,
		      const uint64_t allocations[2], bool bad)
{
	const uint64_t size = (REGISTER_DWORDS - 1) * 4;
	struct penstock_command_buffer *buffer;
	uint16_t first, second;
	uint64_t fence = 0;

	ck_assert_int_eq(penstock_command_buffer_new(&buffer), PENSTOCK_STATUS_SUCCESS);
	penstock_command_buffer_list(buffer, allocations[0], PENSTOCK_ALLOCATION_WRITE_OPERATION,
				     &first);
	penstock_command_buffer_list(buffer, allocations[1], PENSTOCK_ALLOCATION_WRITE_OPERATION,
				     &second);
	penstock_emit_copy(buffer, first, 0, second, 4, size);
	penstock_emit_copy(buffer, second, bad ? 4096 : 4, first, 4, size);
	ck_assert_int_eq(penstock_command_buffer_submit(buffer, connection, context, 0, &fence),
			 PENSTOCK_STATUS_SUCCESS);
	penstock_command_buffer_free(buffer);
	return fence;
}

static void work(struct penstock_connection *connection, struct seen *seen)
{
	struct penstock_context_create_info context_info = { .device = 0 };
	struct penstock_failure kept;
	uint32_t values[ROUNDS];
	uint64_t device, context, allocations[2], fences[ROUNDS * 2];
	uint64_t scratch;

	ck_assert_int_eq(penstock_device_create(connection, NULL, &device),
			 PENSTOCK_STATUS_SUCCESS);
	context_info.device = device;
	ck_assert_int_eq(penstock_context_create(connection, &context_info, &context),
			 PENSTOCK_STATUS_SUCCESS);
	allocations[0] = new_allocation(connection, device);
	allocations[1] = new_allocation(connection, device);
	for (uint32_t i = 0; i < ROUNDS; i++) {
		values[i] = 0x1000 + i;
		ck_assert_int_eq(penstock_allocation_upload_start(connection, allocations[0], 0,
								  &values[i], 4, on_transfer, seen),
				 PENSTOCK_STATUS_SUCCESS);
		fences[2 * i] = shift(connection, context, allocations, false);
		fences[2 * i + 1] = shift(connection, context, allocations, i % 2 != 0);
		scratch = new_allocation(connection, device);
		ck_assert_int_eq(penstock_object_destroy(connection, scratch),
				 PENSTOCK_STATUS_SUCCESS);
		ck_assert_int_eq(penstock_object_destroy(connection, 0x99 + i),
				 PENSTOCK_STATUS_SUCCESS); /* refused, later */
		if (i == ROUNDS / 2) {
			ck_assert_int_eq(penstock_allocation_read_back(connection, allocations[0],
								       0, seen->middle,
								       sizeof(seen->middle)),
					 PENSTOCK_STATUS_SUCCESS);
		}
	}
	for (uint32_t i = 0; i < ROUNDS * 2; i++) {
		struct penstock_failure failure;

		seen->fences[i] =
			penstock_context_wait(connection, context, fences[i], 120000, &failure);
		if (seen->fences[i] != PENSTOCK_STATUS_SUCCESS) {
			note_failure(seen, &failure);
		}
	}
	ck_assert_int_eq(penstock_allocation_read_back(connection, allocations[0], 0, seen->held,
						       sizeof(seen->held)),
			 PENSTOCK_STATUS_SUCCESS);
	while (penstock_failure_next(connection, &kept) == PENSTOCK_STATUS_SUCCESS) {
		note_failure(seen, &kept);
	}
	ck_assert_uint_eq(seen->transfers_done, ROUNDS);
	ck_assert_int_eq(seen->transfers, PENSTOCK_STATUS_SUCCESS);
	ck_assert_int_eq(penstock_connection_goodbye(connection, 120000), PENSTOCK_STATUS_SUCCESS);
	penstock_connection_close(connection);
}

static void check_same(const struct seen *seen, const struct seen *expected, const char *where)
{
	ck_assert_msg(memcmp(seen->held, expected->held, sizeof(seen->held)) == 0,
		      "%s: the register has %x %x, expected %x %x", where, seen->held[0],
		      seen->held[1], expected->held[0], expected->held[1]);
	ck_assert_msg(memcmp(seen->middle, expected->middle, sizeof(seen->middle)) == 0, "%s",
		      where);
	ck_assert_msg(memcmp(seen->fences, expected->fences, sizeof(seen->fences)) == 0, "%s",
		      where);
	ck_assert_msg(seen->failure_count == expected->failure_count, "%s: %u failures, not %u",
		      where, seen->failure_count, expected->failure_count);
	for (unsigned i = 0; i < seen->failure_count; i++) {
		const struct penstock_failure *is = &seen->failures[i];
		const struct penstock_failure *was = &expected->failures[i];

		/* a question that is asked again takes a serial more */
		ck_assert_uint_ge(is->serial, was->serial);
		ck_assert_uint_eq(is->context, was->context);
		ck_assert_int_eq(is->status, was->status);
		ck_assert_int_eq(is->accepted, was->accepted);
		ck_assert_int_eq(is->at_instruction, was->at_instruction);
		ck_assert_uint_eq(is->byte_offset, was->byte_offset);
		ck_assert_str_eq(is->instruction, was->instruction);
		ck_assert_str_eq(is->operand, was->operand);
		ck_assert_str_eq(is->sentence, was->sentence);
	}
	/* Lost behind its goodbye there is nothing to resume. */
	ck_assert_uint_le(seen->resumed, seen->lost);
	ck_assert_uint_le(seen->lost, seen->resumed + 1);
}

static void undisturbed(struct seen *ret_seen)
{
	*ret_seen = (struct seen){ .lost = 0 };
	work(open_at(server.unix_server, ret_seen), ret_seen);
	ck_assert_uint_eq(ret_seen->lost, 0);
	ck_assert_uint_eq(ret_seen->failure_count, ROUNDS + ROUNDS / 2);
	ck_assert_int_eq(ret_seen->fences[0], PENSTOCK_STATUS_SUCCESS);
	ck_assert_uint_ne(ret_seen->held[1], 0);
}

/* ---------------------------------------------------------------- cuts */

static unsigned cut_at(const struct proxy_cut *cuts, unsigned count, const struct seen *expected,
		       const char *where)
{
	struct seen seen = { .lost = 0 };
	struct proxy proxy;

	ck_assert_int_eq(proxy_start(&proxy, server.directory, server.unix_server, cuts, count), 0);
	work(open_at(proxy.address, &seen), &seen);
	ck_assert_msg(proxy_stop(&proxy) >= seen.lost, "%s", where);
	check_same(&seen, expected, where);
	return seen.lost;
}

/* The Hello and the Welcome go through: a session that does not exist cannot be resumed. */
#define HELLO_BYTES 100u

START_TEST(A19_a_connection_cut_at_any_byte_to_the_daemon_is_not_noticed)
{
	struct seen expected;
	unsigned lost = 0;

	undisturbed(&expected);
	for (uint64_t at = HELLO_BYTES; at < 4600; at += 37) {
		struct proxy_cut cut = { .to_daemon = at, .to_client = UINT64_MAX };
		char where[64];

		snprintf(where, sizeof(where), "cut at byte %u to the daemon", (unsigned)at);
		lost += cut_at(&cut, 1, &expected, where);
	}
	ck_assert_uint_ge(lost, 60);
}
END_TEST

START_TEST(A19_a_connection_cut_at_any_byte_to_the_client_is_not_noticed)
{
	struct seen expected;
	unsigned lost = 0;

	undisturbed(&expected);
	for (uint64_t at = 400; at < 1750; at += 13) {
		struct proxy_cut cut = { .to_daemon = UINT64_MAX, .to_client = at };
		char where[64];

		snprintf(where, sizeof(where), "cut at byte %u to the client", (unsigned)at);
		lost += cut_at(&cut, 1, &expected, where);
	}
	ck_assert_uint_ge(lost, 60);
}
END_TEST

/* Hellos, Welcomes and what is told again are cut too. */
START_TEST(A19_a_connection_cut_again_and_again_is_not_noticed)
{
	struct seen expected;

	undisturbed(&expected);
	for (unsigned turn = 0; turn < 12; turn++) {
		struct proxy_cut cuts[8];
		char where[64];

		for (unsigned i = 0; i < 8; i++) {
			cuts[i].to_daemon = (i == 0 ? HELLO_BYTES : 0) + turn * 61 + i * 97;
			cuts[i].to_client = (i == 0 ? 400 : 1) + turn * 53 + i * 71;
		}
		snprintf(where, sizeof(where), "turn %u", turn);
		ck_assert_uint_ge(cut_at(cuts, 8, &expected, where), 2);
	}
}
END_TEST

/* ---------------------------------------------------------------- a daemon that dies */

START_TEST(A19_a_daemon_that_is_killed_and_started_again_is_not_noticed)
{
	struct penstock_context_create_info context_info = { .device = 0 };
	struct seen seen = { .lost = 0 };
	struct penstock_connection *connection = open_at(server.unix_server, &seen);
	uint32_t model[REGISTER_DWORDS] = { 0 };
	uint64_t device, context, allocations[2];

	ck_assert_int_eq(penstock_device_create(connection, NULL, &device),
			 PENSTOCK_STATUS_SUCCESS);
	context_info.device = device;
	ck_assert_int_eq(penstock_context_create(connection, &context_info, &context),
			 PENSTOCK_STATUS_SUCCESS);
	allocations[0] = new_allocation(connection, device);
	allocations[1] = new_allocation(connection, device);
	for (uint32_t round = 1; round <= 10; round++) {
		struct penstock_failure failure = { .sentence = "" };
		struct penstock_errbuf text;
		uint64_t fence, bad;

		ck_assert_int_eq(penstock_allocation_upload_start(connection, allocations[0], 0,
								  &round, 4, on_transfer, &seen),
				 PENSTOCK_STATUS_SUCCESS);
		if (round % 2 == 0) { /* the daemon has it, and nobody heard of it */
			ck_assert_int_eq(penstock_connection_flush(connection),
					 PENSTOCK_STATUS_SUCCESS);
		}
		penstock_daemon_kill(&server);
		fence = shift(connection, context, allocations, false);
		bad = shift(connection, context, allocations, true);
		ck_assert_msg(penstock_daemon_start(&server, &text) == 0, "%s", text.text);
		ck_assert_int_eq(
			penstock_context_wait(connection, context, fence, 120000, &failure),
			PENSTOCK_STATUS_SUCCESS);
		ck_assert_int_eq(penstock_request_wait(connection, bad, 120000, &failure),
				 PENSTOCK_STATUS_INVALID_PARAMETER);
		ck_assert(failure.at_instruction);
		ck_assert_int_gt(strlen(failure.sentence), 0);
		model[0] = round;
		memmove(model + 1, model, (REGISTER_DWORDS - 1) * 4);
		ck_assert_int_eq(penstock_allocation_read_back(connection, allocations[0], 0,
							       seen.held, sizeof(seen.held)),
				 PENSTOCK_STATUS_SUCCESS);
		ck_assert_mem_eq(seen.held, model, sizeof(model));
	}
	ck_assert_uint_eq(seen.transfers_done, 10);
	ck_assert_int_eq(seen.transfers, PENSTOCK_STATUS_SUCCESS);
	ck_assert_uint_eq(seen.resumed, seen.lost);
	ck_assert_uint_ge(seen.lost, 10);
	ck_assert_int_eq(penstock_connection_goodbye(connection, 120000), PENSTOCK_STATUS_SUCCESS);
	penstock_connection_close(connection);
}
END_TEST

static atomic_bool killing;

static void *kill_again_and_again(void *argument)
{
	struct penstock_errbuf text;

	for (unsigned i = 0; i < 8; i++) {
		const struct timespec moment = { .tv_nsec = 7000000 + 13000000L * (i * 5 % 8) };

		nanosleep(&moment, NULL);
		penstock_daemon_kill(&server);
		if (penstock_daemon_start(&server, &text) != 0) {
			break;
		}
	}
	atomic_store(&killing, false);
	return argument;
}

/*
 * Killed at moments that nobody chose, with work in flight: a device may be lost, and says so;
 * whatever was told as executed was, once; no refusal became a success.
 */
START_TEST(A19_kills_at_any_moment_lose_a_device_at_most)
{
	struct seen seen = { .lost = 0 };
	struct penstock_connection *connection = open_at(server.unix_server, &seen);
	unsigned rounds = 0;
	pthread_t thread;

	atomic_store(&killing, true);
	ck_assert_int_eq(pthread_create(&thread, NULL, kill_again_and_again, NULL), 0);
	while (atomic_load(&killing) || rounds < 3) {
		struct penstock_context_create_info context_info = { .device = 0 };
		uint32_t model[REGISTER_DWORDS] = { 0 };
		uint64_t device, context, allocations[2];
		enum penstock_status status = PENSTOCK_STATUS_SUCCESS;

		ck_assert_int_eq(penstock_device_create(connection, NULL, &device),
				 PENSTOCK_STATUS_SUCCESS);
		context_info.device = device;
		ck_assert_int_eq(penstock_context_create(connection, &context_info, &context),
				 PENSTOCK_STATUS_SUCCESS);
		allocations[0] = new_allocation(connection, device);
		allocations[1] = new_allocation(connection, device);
		for (uint32_t i = 1; i <= 20 && status == PENSTOCK_STATUS_SUCCESS; i++) {
			uint64_t fence, bad;

			status = penstock_allocation_upload(connection, allocations[0], 0, &i, 4);
			fence = shift(connection, context, allocations, false);
			bad = shift(connection, context, allocations, true);
			ck_assert_int_ne(penstock_request_wait(connection, bad, 120000, NULL),
					 PENSTOCK_STATUS_SUCCESS);
			if (status == PENSTOCK_STATUS_SUCCESS) {
				status = penstock_context_wait(connection, context, fence, 120000,
							       NULL);
			}
			model[0] = i;
			memmove(model + 1, model, (REGISTER_DWORDS - 1) * 4);
			if (status == PENSTOCK_STATUS_SUCCESS) {
				status =
					penstock_allocation_read_back(connection, allocations[0], 0,
								      seen.held, sizeof(seen.held));
			}
			if (status == PENSTOCK_STATUS_SUCCESS) {
				ck_assert_mem_eq(seen.held, model, sizeof(model));
			}
		}
		ck_assert_msg(status == PENSTOCK_STATUS_SUCCESS ||
				      status == PENSTOCK_STATUS_DEVICE_REMOVED,
			      "%s", penstock_status_name(status));
		ck_assert_int_eq(penstock_object_destroy(connection, device),
				 PENSTOCK_STATUS_SUCCESS);
		rounds++;
	}
	pthread_join(thread, NULL);
	ck_assert_int_gt(server.pid, 0);
	ck_assert_uint_ge(seen.resumed, 1);
	ck_assert_int_eq(penstock_connection_goodbye(connection, 120000), PENSTOCK_STATUS_SUCCESS);
	penstock_connection_close(connection);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("client_reconnect");
	TCase *cuts = tcase_create("cuts");
	TCase *kills = tcase_create("kills");

	tcase_set_timeout(cuts, 600);
	tcase_set_timeout(kills, 600);
	tcase_add_checked_fixture(cuts, start, stop);
	tcase_add_test(cuts, A19_a_connection_cut_at_any_byte_to_the_daemon_is_not_noticed);
	tcase_add_test(cuts, A19_a_connection_cut_at_any_byte_to_the_client_is_not_noticed);
	tcase_add_test(cuts, A19_a_connection_cut_again_and_again_is_not_noticed);
	suite_add_tcase(suite, cuts);
	tcase_add_checked_fixture(kills, start, stop);
	tcase_add_test(kills, A19_a_daemon_that_is_killed_and_started_again_is_not_noticed);
	tcase_add_test(kills, A19_kills_at_any_moment_lose_a_device_at_most);
	suite_add_tcase(suite, kills);
	return penstock_test_main(suite);
}
