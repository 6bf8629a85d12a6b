/* SPDX-License-Identifier: MIT */
/* libpenstock against the real penstockd with the emulated GPU: the whole trip and back. */
#include "client/include/penstock/penstock.h"
#include "proto/isa/instruction.h"
#include "tests/daemon_fixture.h"
#include "tests/harness.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

static struct penstock_daemon server;

static void start_with(bool tcp)
{
	struct penstock_errbuf text;

	ck_assert_msg(penstock_daemon_init(&server, tcp, &text) == 0, "%s", text.text);
	ck_assert_msg(penstock_daemon_start(&server, &text) == 0, "%s", text.text);
}

static void start(void)
{
	start_with(false);
}

static void stop(void)
{
	int status = penstock_daemon_stop(&server);

	ck_assert_msg(WIFEXITED(status) && WEXITSTATUS(status) == 0, "penstockd ended with %#x",
		      status);
	penstock_daemon_fini(&server);
}

/* ---------------------------------------------------------------- a client */

struct client {
	struct penstock_connection *connection;
	uint64_t device;
	uint64_t context;
};

static bool reconnect = true;

static void client_connect(struct client *client, const char *address, uint32_t lease_s)
{
	struct penstock_options options = PENSTOCK_OPTIONS_INIT;
	char text[PENSTOCK_SENTENCE_BYTES] = "";

	options.server = address;
	options.lease_s = lease_s;
	options.reconnect = reconnect;
	ck_assert_msg(penstock_connect(&options, &client->connection, text, sizeof(text)) ==
			      PENSTOCK_STATUS_SUCCESS,
		      "%s", text);
}

static uint64_t new_context(struct client *client)
{
	struct penstock_context_create_info info = { .device = client->device };
	uint64_t context;

	ck_assert_int_eq(penstock_context_create(client->connection, &info, &context),
			 PENSTOCK_STATUS_SUCCESS);
	return context;
}

static void client_open_at(struct client *client, const char *address, uint32_t lease_s)
{
	client_connect(client, address, lease_s);
	ck_assert_int_eq(penstock_device_create(client->connection, NULL, &client->device),
			 PENSTOCK_STATUS_SUCCESS);
	client->context = new_context(client);
}

static void client_open(struct client *client)
{
	client_open_at(client, server.unix_server, 0);
}

static uint64_t new_allocation(struct client *client, uint64_t size_bytes)
{
	struct penstock_allocation_create_info info = {
		.device = client->device,
		.size_bytes = size_bytes,
	};
	uint64_t allocation;

	ck_assert_int_eq(penstock_allocation_create(client->connection, &info, &allocation),
			 PENSTOCK_STATUS_SUCCESS);
	return allocation;
}

/* Everything that was pipelined succeeded. */
static void settle(struct client *client)
{
	struct penstock_failure failure = { .sentence = "" };

	ck_assert_int_eq(penstock_connection_sync(client->connection, PENSTOCK_FOREVER),
			 PENSTOCK_STATUS_SUCCESS);
	ck_assert_msg(penstock_failure_next(client->connection, &failure) ==
			      PENSTOCK_STATUS_NOT_FOUND,
		      "%s", failure.sentence);
}

static enum penstock_status submit_fill(struct client *client, uint64_t context,
					uint64_t allocation, uint64_t offset, uint64_t size,
					uint32_t value, struct penstock_failure *ret_failure)
{
	struct penstock_command_buffer *buffer;
	enum penstock_status status;
	uint16_t index;
	uint64_t fence;

	ck_assert_int_eq(penstock_command_buffer_new(&buffer), PENSTOCK_STATUS_SUCCESS);
	penstock_command_buffer_list(buffer, allocation, PENSTOCK_ALLOCATION_WRITE_OPERATION,
				     &index);
	penstock_emit_fill(buffer, index, offset, size, value);
	ck_assert_int_eq(
		penstock_command_buffer_submit(buffer, client->connection, context, 0, &fence),
		PENSTOCK_STATUS_SUCCESS);
	penstock_command_buffer_free(buffer);
	status = penstock_context_wait(client->connection, context, fence, PENSTOCK_FOREVER,
				       ret_failure);
	return status;
}

static void expect_dwords(struct client *client, uint64_t allocation, uint64_t offset,
			  uint32_t count, uint32_t expected)
{
	uint32_t *dwords = calloc(count, sizeof(*dwords));

	ck_assert_int_eq(penstock_allocation_read_back(client->connection, allocation, offset,
						       dwords, count * sizeof(*dwords)),
			 PENSTOCK_STATUS_SUCCESS);
	for (uint32_t i = 0; i < count; i++) {
		ck_assert_uint_eq(dwords[i], expected);
	}
	free(dwords);
}

/* ---------------------------------------------------------------- the trip */

START_TEST(the_daemon_introduces_itself)
{
	struct penstock_session_info info;
	struct penstock_adapter_info adapter;
	struct penstock_segment_info segment;
	struct client client;

	client_connect(&client, server.unix_server, 0);
	ck_assert_int_eq(penstock_connection_info(client.connection, &info),
			 PENSTOCK_STATUS_SUCCESS);
	ck_assert_int_eq(strncmp(info.server, "penstock", 8), 0);
	ck_assert_int_eq(strncmp(info.principal, "uid:", 4), 0);
	ck_assert_uint_ge(info.adapter_count, 1);
	ck_assert(info.session_high != 0 || info.session_low != 0);
	ck_assert_int_eq(penstock_connection_adapter(client.connection, 0, &adapter),
			 PENSTOCK_STATUS_SUCCESS);
	ck_assert_uint_eq(adapter.segment_count, 2);
	ck_assert_int_eq(penstock_connection_segment(client.connection, 0, 1, &segment),
			 PENSTOCK_STATUS_SUCCESS);
	ck_assert_uint_eq(segment.id, 2);
	ck_assert_uint_eq(segment.flags & 0x1, 0x1);
	penstock_connection_close(client.connection);
}
END_TEST

START_TEST(uploaded_bytes_are_copied_by_the_gpu_and_come_back)
{
	enum { BYTES = 3 << 20 };
	struct penstock_command_buffer *buffer;
	struct client client;
	uint64_t source, destination, fence;
	uint8_t *sent = malloc(BYTES), *got = calloc(1, BYTES);
	uint16_t from, to;

	for (size_t i = 0; i < BYTES; i++) {
		sent[i] = (uint8_t)(i * 31 + i / 4093);
	}
	client_open(&client);
	source = new_allocation(&client, BYTES);
	destination = new_allocation(&client, BYTES);
	ck_assert_int_eq(penstock_allocation_upload(client.connection, source, 0, sent, BYTES),
			 PENSTOCK_STATUS_SUCCESS);
	ck_assert_int_eq(penstock_command_buffer_new(&buffer), PENSTOCK_STATUS_SUCCESS);
	penstock_command_buffer_list(buffer, source, 0, &from);
	penstock_command_buffer_list(buffer, destination, PENSTOCK_ALLOCATION_WRITE_OPERATION, &to);
	penstock_emit_copy(buffer, from, 0, to, 0, BYTES);
	ck_assert_int_eq(penstock_command_buffer_submit(buffer, client.connection, client.context,
							0, &fence),
			 PENSTOCK_STATUS_SUCCESS);
	/* A read-back stands behind the submission: nobody waits for the fence first. */
	ck_assert_int_eq(
		penstock_allocation_read_back(client.connection, destination, 0, got, BYTES),
		PENSTOCK_STATUS_SUCCESS);
	ck_assert_mem_eq(got, sent, BYTES);
	ck_assert_int_eq(penstock_context_wait(client.connection, client.context, fence,
					       PENSTOCK_FOREVER, NULL),
			 PENSTOCK_STATUS_SUCCESS);
	settle(&client);
	penstock_command_buffer_free(buffer);
	penstock_connection_close(client.connection);
	free(sent);
	free(got);
}
END_TEST

START_TEST(A7_after_a_refusal_the_next_good_submission_works)
{
	struct penstock_failure failure;
	struct client client;
	uint64_t allocation;

	client_open(&client);
	allocation = new_allocation(&client, 4096);
	ck_assert_int_eq(
		submit_fill(&client, client.context, allocation, 0, 4096, 0x11111111, NULL),
		PENSTOCK_STATUS_SUCCESS);
	ck_assert_int_eq(
		submit_fill(&client, client.context, allocation, 4000, 4096, 0x22222222, &failure),
		PENSTOCK_STATUS_INVALID_PARAMETER);
	ck_assert(failure.at_instruction);
	ck_assert_uint_eq(failure.byte_offset, 0);
	ck_assert_str_eq(failure.instruction, "fill");
	ck_assert_int_gt(strlen(failure.operand), 0);
	ck_assert_int_gt(strlen(failure.sentence), 0);
	expect_dwords(&client, allocation, 0, 1024, 0x11111111);
	ck_assert_int_eq(
		submit_fill(&client, client.context, allocation, 0, 4096, 0x33333333, NULL),
		PENSTOCK_STATUS_SUCCESS);
	expect_dwords(&client, allocation, 0, 1024, 0x33333333);
	penstock_connection_close(client.connection);
}
END_TEST

START_TEST(A6_a_privileged_instruction_is_refused_at_its_byte)
{
	struct penstock_command_buffer *buffer;
	struct penstock_failure failure;
	struct client client;
	uint64_t fence;

	client_open(&client);
	ck_assert_int_eq(penstock_command_buffer_new(&buffer), PENSTOCK_STATUS_SUCCESS);
	penstock_emit_nop(buffer);
	penstock_emit_marker(buffer, 7);
	penstock_emit_jump(buffer, 0x1000);
	ck_assert_int_eq(penstock_command_buffer_submit(buffer, client.connection, client.context,
							0, &fence),
			 PENSTOCK_STATUS_SUCCESS);
	ck_assert_int_eq(penstock_context_wait(client.connection, client.context, fence,
					       PENSTOCK_FOREVER, &failure),
			 PENSTOCK_STATUS_PRIVILEGED_INSTRUCTION);
	ck_assert_uint_eq(failure.byte_offset, 12);
	ck_assert_str_eq(failure.instruction, "jump");
	penstock_command_buffer_free(buffer);
	penstock_connection_close(client.connection);
}
END_TEST

START_TEST(A3_handles_of_another_session_old_and_random_ones_are_invalid)
{
	struct client mine, other;
	uint64_t allocations[8], stale;
	uint8_t bytes[16];

	client_open(&mine);
	client_open(&other);
	for (unsigned i = 0; i < 8; i++) {
		allocations[i] = new_allocation(&mine, 4096);
	}
	stale = new_allocation(&mine, 4096);
	settle(&mine);
	ck_assert_int_eq(penstock_object_destroy(mine.connection, stale), PENSTOCK_STATUS_SUCCESS);
	/* not its own, destroyed, a context where an allocation is wanted, random, none */
	ck_assert_int_eq(penstock_allocation_read_back(other.connection, allocations[7], 0, bytes,
						       sizeof(bytes)),
			 PENSTOCK_STATUS_INVALID_HANDLE);
	ck_assert_int_eq(
		penstock_allocation_read_back(mine.connection, stale, 0, bytes, sizeof(bytes)),
		PENSTOCK_STATUS_INVALID_HANDLE);
	ck_assert_int_eq(penstock_allocation_read_back(mine.connection, mine.context, 0, bytes,
						       sizeof(bytes)),
			 PENSTOCK_STATUS_INVALID_HANDLE);
	ck_assert_int_eq(penstock_allocation_read_back(mine.connection, 0xdeadbeefcafef00d, 0,
						       bytes, sizeof(bytes)),
			 PENSTOCK_STATUS_INVALID_HANDLE);
	ck_assert_int_eq(penstock_allocation_read_back(mine.connection, 0, 0, bytes, sizeof(bytes)),
			 PENSTOCK_STATUS_INVALID_HANDLE);
	ck_assert_int_eq(submit_fill(&other, other.context, allocations[7], 0, 4, 1, NULL),
			 PENSTOCK_STATUS_INVALID_HANDLE);
	ck_assert_int_eq(submit_fill(&other, mine.context + 77, allocations[0], 0, 4, 1, NULL),
			 PENSTOCK_STATUS_INVALID_HANDLE);
	penstock_connection_close(mine.connection);
	penstock_connection_close(other.connection);
}
END_TEST

START_TEST(A2_a_shared_allocation_outlives_its_creator)
{
	struct penstock_share_token token, wrong;
	struct client creator, reader;
	uint64_t allocation, opened, read_only;

	client_open(&creator);
	client_open(&reader);
	allocation = new_allocation(&creator, 8192);
	ck_assert_int_eq(
		submit_fill(&creator, creator.context, allocation, 0, 8192, 0x5eed5eed, NULL),
		PENSTOCK_STATUS_SUCCESS);
	ck_assert_int_eq(penstock_allocation_share(creator.connection, allocation, &token),
			 PENSTOCK_STATUS_SUCCESS);
	ck_assert_int_eq(
		penstock_allocation_open(reader.connection, reader.device, &token, false, &opened),
		PENSTOCK_STATUS_SUCCESS);
	ck_assert_int_eq(penstock_allocation_open(reader.connection, reader.device, &token, true,
						  &read_only),
			 PENSTOCK_STATUS_SUCCESS);
	settle(&reader);
	penstock_connection_close(creator.connection);
	expect_dwords(&reader, opened, 0, 2048, 0x5eed5eed);
	ck_assert_int_eq(submit_fill(&reader, reader.context, opened, 0, 8192, 0xfeedfeed, NULL),
			 PENSTOCK_STATUS_SUCCESS);
	expect_dwords(&reader, read_only, 0, 2048, 0xfeedfeed);
	ck_assert_int_ne(submit_fill(&reader, reader.context, read_only, 0, 8192, 1, NULL),
			 PENSTOCK_STATUS_SUCCESS);
	expect_dwords(&reader, read_only, 0, 2048, 0xfeedfeed);
	wrong = (struct penstock_share_token){ token.high, token.low ^ 1 };
	ck_assert_int_eq(
		penstock_allocation_open(reader.connection, reader.device, &wrong, false, &opened),
		PENSTOCK_STATUS_SUCCESS);
	ck_assert_int_ne(penstock_request_wait(reader.connection,
					       penstock_request_last(reader.connection),
					       PENSTOCK_FOREVER, NULL),
			 PENSTOCK_STATUS_SUCCESS);
	penstock_connection_close(reader.connection);
}
END_TEST

START_TEST(A1_a_thousand_contexts_of_several_clients_at_once)
{
	enum { CLIENTS = 4, CONTEXTS = 250 };
	static struct client clients[CLIENTS];
	static uint64_t contexts[CLIENTS][CONTEXTS], fences[CLIENTS][CONTEXTS];
	static uint64_t allocations[CLIENTS];
	struct penstock_command_buffer *buffer;
	uint16_t index;

	for (unsigned c = 0; c < CLIENTS; c++) {
		client_open(&clients[c]);
		allocations[c] = new_allocation(&clients[c], CONTEXTS * 4);
		ck_assert_int_eq(penstock_command_buffer_new(&buffer), PENSTOCK_STATUS_SUCCESS);
		for (unsigned i = 0; i < CONTEXTS; i++) {
			contexts[c][i] = new_context(&clients[c]);
			penstock_command_buffer_reset(buffer);
			penstock_command_buffer_list(buffer, allocations[c],
						     PENSTOCK_ALLOCATION_WRITE_OPERATION, &index);
			penstock_emit_fill(buffer, index, i * 4, 4, c << 16 | i);
			ck_assert_int_eq(
				penstock_command_buffer_submit(buffer, clients[c].connection,
							       contexts[c][i], 0, &fences[c][i]),
				PENSTOCK_STATUS_SUCCESS);
		}
		penstock_command_buffer_free(buffer);
		ck_assert_int_eq(penstock_connection_flush(clients[c].connection),
				 PENSTOCK_STATUS_SUCCESS);
	}
	for (unsigned c = 0; c < CLIENTS; c++) {
		for (unsigned i = 0; i < CONTEXTS; i++) {
			ck_assert_int_eq(penstock_context_wait(clients[c].connection,
							       contexts[c][i], fences[c][i],
							       PENSTOCK_FOREVER, NULL),
					 PENSTOCK_STATUS_SUCCESS);
			expect_dwords(&clients[c], allocations[c], i * 4, 1, c << 16 | i);
		}
		settle(&clients[c]);
		penstock_connection_close(clients[c].connection);
	}
}
END_TEST

START_TEST(C9_many_submissions_in_a_pipeline_run_in_order)
{
	enum { SUBMISSIONS = 20000 };
	struct penstock_command_buffer *buffer;
	struct client client;
	uint64_t allocation, fence = 0;
	uint16_t index;

	client_open(&client);
	allocation = new_allocation(&client, 64);
	ck_assert_int_eq(penstock_command_buffer_new(&buffer), PENSTOCK_STATUS_SUCCESS);
	for (uint32_t i = 1; i <= SUBMISSIONS; i++) {
		penstock_command_buffer_reset(buffer);
		penstock_command_buffer_list(buffer, allocation,
					     PENSTOCK_ALLOCATION_WRITE_OPERATION, &index);
		penstock_emit_update(buffer, index, 0, &i, sizeof(i));
		ck_assert_int_eq(penstock_command_buffer_submit(buffer, client.connection,
								client.context, 0, &fence),
				 PENSTOCK_STATUS_SUCCESS);
	}
	ck_assert_int_eq(penstock_context_wait(client.connection, client.context, fence,
					       PENSTOCK_FOREVER, NULL),
			 PENSTOCK_STATUS_SUCCESS);
	expect_dwords(&client, allocation, 0, 1, SUBMISSIONS);
	settle(&client);
	penstock_command_buffer_free(buffer);
	penstock_connection_close(client.connection);
}
END_TEST

START_TEST(a_destroyed_device_takes_its_objects_along)
{
	struct penstock_context_report report;
	struct client client;
	uint64_t allocation, context, old_context;
	uint8_t bytes[4];

	client_open(&client);
	old_context = client.context;
	allocation = new_allocation(&client, 4096);
	ck_assert_int_eq(penstock_object_destroy(client.connection, client.device),
			 PENSTOCK_STATUS_SUCCESS);
	ck_assert_int_eq(penstock_allocation_read_back(client.connection, allocation, 0, bytes,
						       sizeof(bytes)),
			 PENSTOCK_STATUS_INVALID_HANDLE);
	ck_assert_int_eq(penstock_context_query(client.connection, old_context, &report),
			 PENSTOCK_STATUS_INVALID_HANDLE);
	/* The handles that went with it are given out again. */
	ck_assert_int_eq(penstock_device_create(client.connection, NULL, &client.device),
			 PENSTOCK_STATUS_SUCCESS);
	context = new_context(&client);
	allocation = new_allocation(&client, 4096);
	ck_assert_uint_eq((uint32_t)context, (uint32_t)old_context);
	ck_assert_int_eq(submit_fill(&client, context, allocation, 0, 4096, 5, NULL),
			 PENSTOCK_STATUS_SUCCESS);
	ck_assert_int_eq(penstock_context_query(client.connection, context, &report),
			 PENSTOCK_STATUS_SUCCESS);
	ck_assert_uint_ne(report.completed_fence, 0);
	settle(&client);
	penstock_connection_close(client.connection);
}
END_TEST

START_TEST(after_a_goodbye_the_session_cannot_be_resumed)
{
	struct penstock_options options = PENSTOCK_OPTIONS_INIT;
	struct penstock_session_info info;
	struct penstock_connection *again;
	struct client client;

	client_open_at(&client, server.unix_server, 60);
	ck_assert_int_eq(penstock_connection_info(client.connection, &info),
			 PENSTOCK_STATUS_SUCCESS);
	ck_assert_int_eq(penstock_connection_goodbye(client.connection, 30000),
			 PENSTOCK_STATUS_SUCCESS);
	penstock_connection_close(client.connection);
	options.server = server.unix_server;
	options.session_high = info.session_high;
	options.session_low = info.session_low;
	ck_assert_int_eq(penstock_connect(&options, &again, NULL, 0), PENSTOCK_STATUS_NOT_FOUND);
}
END_TEST

/* Where the program wants to do it itself. */
START_TEST(a_leased_session_survives_the_daemon)
{
	struct penstock_errbuf text;
	struct client client;
	uint64_t allocation, later;

	reconnect = false;
	client_open_at(&client, server.unix_server, 60);
	reconnect = true;
	allocation = new_allocation(&client, 65536);
	ck_assert_int_eq(
		submit_fill(&client, client.context, allocation, 0, 65536, 0x600df00d, NULL),
		PENSTOCK_STATUS_SUCCESS);
	settle(&client);
	penstock_daemon_kill(&server);
	/* What is asked for while there is no daemon is sent when there is one again. */
	later = new_allocation(&client, 4096);
	ck_assert_int_ne(penstock_connection_sync(client.connection, 30000),
			 PENSTOCK_STATUS_SUCCESS);
	ck_assert_msg(penstock_daemon_start(&server, &text) == 0, "%s", text.text);
	ck_assert_int_eq(penstock_connection_resume(client.connection, 30000),
			 PENSTOCK_STATUS_SUCCESS);
	expect_dwords(&client, allocation, 0, 16384, 0x600df00d);
	ck_assert_int_eq(submit_fill(&client, client.context, later, 0, 4096, 3, NULL),
			 PENSTOCK_STATUS_SUCCESS);
	expect_dwords(&client, later, 0, 1024, 3);
	settle(&client);
	ck_assert_int_eq(penstock_connection_goodbye(client.connection, 30000),
			 PENSTOCK_STATUS_SUCCESS);
	penstock_connection_close(client.connection);
}
END_TEST

/* ---------------------------------------------------------------- the tool */

static int run_tool(const char *arguments)
{
	char command[512];
	const char *directory = getenv("PENSTOCK_BUILDDIR");

	snprintf(command, sizeof(command), "'%s/penstock' --server '%s' %s >'%s/out'",
		 directory != NULL ? directory : ".", server.unix_server, arguments,
		 server.directory);
	return system(command);
}

static void expect_output(const char *expected)
{
	char path[256], text[8192] = "";
	FILE *file;

	snprintf(path, sizeof(path), "%s/out", server.directory);
	file = fopen(path, "re");
	ck_assert_ptr_nonnull(file);
	ck_assert_uint_gt(fread(text, 1, sizeof(text) - 1, file), 0);
	fclose(file);
	ck_assert_msg(strstr(text, expected) != NULL, "no '%s' in: %s", expected, text);
}

START_TEST(the_tool_shows_what_the_daemon_offers)
{
	ck_assert_int_eq(run_tool("info"), 0);
	expect_output("aperture");
	expect_output("A8R8G8B8");
	ck_assert_int_eq(run_tool("info --json"), 0);
	expect_output("\"segments\"");
}
END_TEST

START_TEST(the_tool_measures_the_daemon)
{
	ck_assert_int_eq(run_tool("bench --json --seconds 0.01"), 0);
	expect_output("empty submission to its fence");
	expect_output("read-back");
}
END_TEST

/* ---------------------------------------------------------------- TCP */

static void start_tcp(void)
{
	start_with(true);
}

START_TEST(over_tcp_everybody_on_loopback_is_one_principal)
{
	struct penstock_session_info info;
	struct client client;
	uint64_t allocation;

	client_open_at(&client, server.tcp_server, 0);
	ck_assert_int_eq(penstock_connection_info(client.connection, &info),
			 PENSTOCK_STATUS_SUCCESS);
	ck_assert_str_eq(info.principal, "loopback");
	allocation = new_allocation(&client, 1 << 20);
	ck_assert_int_eq(submit_fill(&client, client.context, allocation, 0, 1 << 20, 9, NULL),
			 PENSTOCK_STATUS_SUCCESS);
	expect_dwords(&client, allocation, 0, 1 << 18, 9);
	settle(&client);
	penstock_connection_close(client.connection);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("client_daemon");
	TCase *local = tcase_create("unix");
	TCase *tcp = tcase_create("tcp");

	tcase_add_checked_fixture(local, start, stop);
	tcase_add_test(local, the_daemon_introduces_itself);
	tcase_add_test(local, uploaded_bytes_are_copied_by_the_gpu_and_come_back);
	tcase_add_test(local, A7_after_a_refusal_the_next_good_submission_works);
	tcase_add_test(local, A6_a_privileged_instruction_is_refused_at_its_byte);
	tcase_add_test(local, A3_handles_of_another_session_old_and_random_ones_are_invalid);
	tcase_add_test(local, A2_a_shared_allocation_outlives_its_creator);
	tcase_add_test(local, A1_a_thousand_contexts_of_several_clients_at_once);
	tcase_add_test(local, C9_many_submissions_in_a_pipeline_run_in_order);
	tcase_add_test(local, a_destroyed_device_takes_its_objects_along);
	tcase_add_test(local, after_a_goodbye_the_session_cannot_be_resumed);
	tcase_add_test(local, a_leased_session_survives_the_daemon);
	tcase_add_test(local, the_tool_shows_what_the_daemon_offers);
	tcase_add_test(local, the_tool_measures_the_daemon);
	suite_add_tcase(suite, local);
	tcase_add_checked_fixture(tcp, start_tcp, stop);
	tcase_add_test(tcp, over_tcp_everybody_on_loopback_is_one_principal);
	suite_add_tcase(suite, tcp);
	return penstock_test_main(suite);
}
