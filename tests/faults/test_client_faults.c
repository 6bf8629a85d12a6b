/* SPDX-License-Identifier: MIT */
/*
 * The client library while every call of its own fails, one after the other: a status comes back,
 * nothing is lost track of, and the connection still answers or says that it is over.
 */
#include "client/include/penstock/penstock.h"
#include "tests/daemon_fixture.h"
#include "tests/faults/fault.h"
#include "tests/harness.h"

#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#define BYTES   65536u
#define PATTERN 0x5eed5eedu

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

/* A program as a user writes one: the first call that fails ends it. */
struct program {
	struct penstock_connection *connection;
	struct penstock_command_buffer *buffer;
	uint64_t device, context, allocation, other, opened, fence;
	struct penstock_share_token token;
	char text[PENSTOCK_SENTENCE_BYTES]; /* why there is no connection */
	uint8_t sent[BYTES], got[BYTES];
};

static enum penstock_status connect_to_it(struct program *program)
{
	struct penstock_options options = PENSTOCK_OPTIONS_INIT;

	options.server = server.unix_server;
	return penstock_connect(&options, &program->connection, program->text,
				sizeof(program->text));
}

static enum penstock_status make_device(struct program *program)
{
	return penstock_device_create(program->connection, NULL, &program->device);
}

static enum penstock_status make_context(struct program *program)
{
	const struct penstock_context_create_info info = { .device = program->device };

	return penstock_context_create(program->connection, &info, &program->context);
}

static enum penstock_status make_allocation(struct program *program)
{
	const struct penstock_allocation_create_info info = { .device = program->device,
							      .size_bytes = BYTES };

	return penstock_allocation_create(program->connection, &info, &program->allocation);
}

static enum penstock_status make_other(struct program *program)
{
	const struct penstock_allocation_create_info info = { .device = program->device,
							      .size_bytes = BYTES };

	return penstock_allocation_create(program->connection, &info, &program->other);
}

static enum penstock_status upload(struct program *program)
{
	return penstock_allocation_upload(program->connection, program->other, 0, program->sent,
					  BYTES);
}

static enum penstock_status make_buffer(struct program *program)
{
	return penstock_command_buffer_new(&program->buffer);
}

static enum penstock_status build(struct program *program)
{
	uint16_t to = 0, from = 0;

	penstock_command_buffer_list(program->buffer, program->allocation,
				     PENSTOCK_ALLOCATION_WRITE_OPERATION, &to);
	penstock_command_buffer_list(program->buffer, program->other, 0, &from);
	for (uint32_t offset = 0; offset < BYTES; offset += 16) {
		penstock_emit_fill(program->buffer, to, offset, 16, PATTERN);
	}
	penstock_emit_copy(program->buffer, from, 0, to, 0, BYTES / 2);
	return penstock_command_buffer_submit(program->buffer, program->connection,
					      program->context, 0, &program->fence);
}

static enum penstock_status wait_for_it(struct program *program)
{
	return penstock_context_wait(program->connection, program->context, program->fence,
				     PENSTOCK_FOREVER, NULL);
}

static enum penstock_status read_it(struct program *program)
{
	return penstock_allocation_read_back(program->connection, program->allocation, 0,
					     program->got, BYTES);
}

static enum penstock_status share(struct program *program)
{
	return penstock_allocation_share(program->connection, program->allocation, &program->token);
}

static enum penstock_status open_it(struct program *program)
{
	return penstock_allocation_open(program->connection, program->device, &program->token, true,
					&program->opened);
}

static enum penstock_status destroy(struct program *program)
{
	return penstock_object_destroy(program->connection, program->other);
}

static enum penstock_status settle(struct program *program)
{
	struct penstock_failure failure = { .sentence = "" };
	enum penstock_status status =
		penstock_connection_sync(program->connection, PENSTOCK_FOREVER);

	if (status == PENSTOCK_STATUS_SUCCESS &&
	    penstock_failure_next(program->connection, &failure) == PENSTOCK_STATUS_SUCCESS) {
		return failure.status;
	}
	return status;
}

static enum penstock_status (*const steps[])(struct program *program) = {
	connect_to_it, make_device, make_context, make_allocation, make_other, upload,  make_buffer,
	build,         wait_for_it, read_it,      share,           open_it,    destroy, settle,
};

static void check_bytes(const struct program *program)
{
	const uint32_t pattern = PATTERN;

	ck_assert_mem_eq(program->got, program->sent, BYTES / 2);
	for (size_t i = BYTES / 2; i < BYTES; i += sizeof(pattern)) {
		ck_assert_mem_eq(program->got + i, &pattern, sizeof(pattern));
	}
}

/* No assertion while something is armed: libcheck allocates too. Runs it with the n-th call failing
 * from its step `first` on. Whether it came to that. */
static bool run_with_failure(struct program *program, size_t first, uint64_t n)
{
	enum penstock_status status = PENSTOCK_STATUS_SUCCESS;
	bool reached;
	size_t i;

	memset(program, 0, sizeof(*program));
	for (i = 0; i < BYTES; i++) {
		program->sent[i] = (uint8_t)(i * 31 + i / 251);
	}
	for (i = 0; i < PENSTOCK_ARRAY_SIZE(steps) && status == PENSTOCK_STATUS_SUCCESS; i++) {
		if (i == first) {
			penstock_fault_arm(n, PENSTOCK_FAULT_MEMORY | PENSTOCK_FAULT_FILE);
		}
		status = steps[i](program);
	}
	reached = penstock_fault_disarm();
	ck_assert_msg(status == PENSTOCK_STATUS_SUCCESS || reached, "step %zu: %s", i - 1,
		      penstock_status_name(status));
	ck_assert_msg(status == PENSTOCK_STATUS_SUCCESS || status == PENSTOCK_STATUS_NO_MEMORY ||
			      status == PENSTOCK_STATUS_CONNECTION_DISCONNECTED,
		      "step %zu: %s when %s failed", i - 1, penstock_status_name(status),
		      penstock_fault_last());
	ck_assert(program->connection != NULL || program->text[0] != '\0');
	if (status == PENSTOCK_STATUS_SUCCESS) {
		check_bytes(program);
	}
	penstock_command_buffer_free(program->buffer);
	if (program->connection != NULL) {
		penstock_connection_close(program->connection);
	}
	return reached;
}

START_TEST(a_program_is_told_of_the_failure_of_every_call)
{
	struct program *program = malloc(sizeof(*program));
	uint64_t failures = 0;

	ck_assert_ptr_nonnull(program);
	for (size_t first = 0; first < PENSTOCK_ARRAY_SIZE(steps); first++) {
		for (uint64_t n = 1; run_with_failure(program, first, n); n++) {
			failures++;
		}
	}
	ck_assert_uint_gt(failures, 20);
	free(program);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("client_faults");
	TCase *tcase = tcase_create("client_faults");

	tcase_add_checked_fixture(tcase, start, stop);
	tcase_add_test(tcase, a_program_is_told_of_the_failure_of_every_call);
	suite_add_tcase(suite, tcase);
	return penstock_test_main(suite);
}
