/* SPDX-License-Identifier: MIT */
/* Transfers, and connections that are lost and resumed: tests whose daemon is a thread. */
#include "tests/harness.h"
#include "tests/unit/fake_daemon.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static struct fake_daemon fake;
static struct penstock_connection *connection;

static void start(void)
{
	fake_daemon_init(&fake);
	fake.welcome.max_payload_bytes = 1 << 20;
	connection = fake_daemon_connect(&fake, NULL);
}

static void stop(void)
{
	penstock_connection_close(connection);
	connection = NULL;
	fake_daemon_fini(&fake);
}

static uint8_t *pattern(size_t size_bytes)
{
	uint8_t *bytes = malloc(size_bytes);

	ck_assert_ptr_nonnull(bytes);
	for (size_t i = 0; i < size_bytes; i++) {
		bytes[i] = (uint8_t)(i * 7 + i / 251);
	}
	return bytes;
}

/* ---------------------------------------------------------------- transfers */

#define LARGE_BYTES ((5u << 20) / 2) /* three pieces */

/* Takes the pieces of an upload, compares, acknowledges. */
static void *serve_upload(void *argument)
{
	const uint8_t *expected = argument;
	uint64_t offset = 0;
	uint64_t serial = 0;

	while (offset < LARGE_BYTES) {
		struct fake_frame frame = fake_receive(fake.descriptor, PENSTOCK_FRAME_UPLOAD);
		Penstock__Wire__Upload *upload = penstock__wire__upload__unpack(
			NULL, frame.frame.message_bytes, frame.message);

		ck_assert_uint_eq(frame.frame.serial, ++serial);
		ck_assert_uint_eq(upload->offset, 100 + offset);
		ck_assert_uint_le(frame.frame.payload_bytes, 1 << 20);
		ck_assert_mem_eq(frame.payload, expected + offset, frame.frame.payload_bytes);
		offset += frame.frame.payload_bytes;
		penstock__wire__upload__free_unpacked(upload, NULL);
		fake_frame_free(&frame);
	}
	fake_send_ack(fake.descriptor, serial);
	return NULL;
}

START_TEST(an_upload_is_cut_into_pieces_and_acknowledged_whole)
{
	uint8_t *bytes = pattern(LARGE_BYTES);
	pthread_t thread;

	ck_assert_int_eq(pthread_create(&thread, NULL, serve_upload, bytes), 0);
	ck_assert_int_eq(penstock_allocation_upload(connection, 5, 100, bytes, LARGE_BYTES),
			 PENSTOCK_STATUS_SUCCESS);
	pthread_join(thread, NULL);
	free(bytes);
}
END_TEST

/* Answers the pieces of a read-back. */
static void *serve_read_back(void *argument)
{
	const uint8_t *bytes = argument;
	uint64_t offset = 0;

	while (offset < LARGE_BYTES) {
		struct fake_frame frame = fake_receive(fake.descriptor, PENSTOCK_FRAME_READ_BACK);
		Penstock__Wire__ReadBack *read_back = penstock__wire__read_back__unpack(
			NULL, frame.frame.message_bytes, frame.message);

		ck_assert_uint_eq(read_back->offset, offset);
		fake_send(fake.descriptor, PENSTOCK_FRAME_READ_DATA, frame.frame.serial, NULL,
			  bytes + offset, read_back->size_bytes);
		offset += read_back->size_bytes;
		penstock__wire__read_back__free_unpacked(read_back, NULL);
		fake_frame_free(&frame);
	}
	return NULL;
}

static void count_done(void *owner, enum penstock_status status)
{
	unsigned *done = owner;

	ck_assert_int_eq(status, PENSTOCK_STATUS_SUCCESS);
	++*done;
}

/* Says what the flags of each piece are. */
static void *note_flags(void *argument)
{
	uint32_t *flags = argument;

	for (uint64_t i = 0; i < 3; i++) {
		struct fake_frame frame = fake_receive(fake.descriptor, PENSTOCK_FRAME_UPLOAD);
		Penstock__Wire__Upload *upload = penstock__wire__upload__unpack(
			NULL, frame.frame.message_bytes, frame.message);

		flags[i] = upload->flags;
		penstock__wire__upload__free_unpacked(upload, NULL);
		fake_frame_free(&frame);
	}
	fake_send_ack(fake.descriptor, 3);
	return NULL;
}

START_TEST(B11_discard_is_of_the_first_piece)
{
	uint8_t *bytes = pattern(LARGE_BYTES);
	uint32_t flags[3] = { 0 };
	pthread_t thread;

	ck_assert_int_eq(pthread_create(&thread, NULL, note_flags, flags), 0);
	ck_assert_int_eq(penstock_allocation_upload_with(connection, 7, 0, bytes, LARGE_BYTES,
							 PENSTOCK_LOCK_DISCARD, NULL, NULL),
			 PENSTOCK_STATUS_SUCCESS);
	pthread_join(thread, NULL);
	ck_assert_uint_eq(flags[0], PENSTOCK_LOCK_DISCARD);
	ck_assert_uint_eq(flags[1], 0);
	ck_assert_uint_eq(flags[2], 0);
	free(bytes);
}
END_TEST

START_TEST(B11_donot_wait_is_one_request)
{
	uint8_t *bytes = pattern(LARGE_BYTES);
	Penstock__Wire__ReadBack *read_back;
	struct penstock_failure failure;
	struct fake_frame frame;

	ck_assert_int_eq(penstock_allocation_upload_with(connection, 7, 0, bytes, LARGE_BYTES,
							 PENSTOCK_LOCK_DONOT_WAIT, NULL, NULL),
			 PENSTOCK_STATUS_LIMIT_EXCEEDED);
	ck_assert_uint_eq(penstock_request_last(connection), 0);
	fake_send_refusal(fake.descriptor, 1, PENSTOCK_STATUS_GRAPHICS_ALLOCATION_BUSY, "busy");
	ck_assert_int_eq(penstock_allocation_read_back_with(connection, 7, 5, bytes, 100,
							    PENSTOCK_LOCK_DONOT_WAIT, NULL, NULL),
			 PENSTOCK_STATUS_GRAPHICS_ALLOCATION_BUSY);
	ck_assert_int_eq(penstock_failure_of_call(connection, &failure), PENSTOCK_STATUS_SUCCESS);
	ck_assert_str_eq(failure.sentence, "busy");
	frame = fake_receive(fake.descriptor, PENSTOCK_FRAME_READ_BACK);
	read_back =
		penstock__wire__read_back__unpack(NULL, frame.frame.message_bytes, frame.message);
	ck_assert_uint_eq(read_back->flags, PENSTOCK_LOCK_DONOT_WAIT);
	ck_assert_uint_eq(read_back->offset, 5);
	penstock__wire__read_back__free_unpacked(read_back, NULL);
	fake_frame_free(&frame);
	free(bytes);
}
END_TEST

START_TEST(a_read_back_arrives_where_it_was_wanted)
{
	uint8_t *bytes = pattern(LARGE_BYTES);
	uint8_t *got = calloc(1, LARGE_BYTES);
	pthread_t thread;

	ck_assert_int_eq(pthread_create(&thread, NULL, serve_read_back, bytes), 0);
	ck_assert_int_eq(penstock_allocation_read_back(connection, 5, 0, got, LARGE_BYTES),
			 PENSTOCK_STATUS_SUCCESS);
	pthread_join(thread, NULL);
	ck_assert_mem_eq(got, bytes, LARGE_BYTES);
	free(bytes);
	free(got);
}
END_TEST

START_TEST(a_read_back_that_was_started_calls_back_once)
{
	uint8_t *bytes = pattern(LARGE_BYTES);
	uint8_t *got = calloc(1, LARGE_BYTES);
	unsigned done = 0;
	pthread_t thread;

	ck_assert_int_eq(pthread_create(&thread, NULL, serve_read_back, bytes), 0);
	ck_assert_int_eq(penstock_allocation_read_back_start(connection, 5, 0, got, LARGE_BYTES,
							     count_done, &done),
			 PENSTOCK_STATUS_SUCCESS);
	while (done == 0) {
		ck_assert_int_eq(penstock_connection_wait(connection, 10000),
				 PENSTOCK_STATUS_SUCCESS);
	}
	pthread_join(thread, NULL);
	ck_assert_uint_eq(done, 1);
	ck_assert_mem_eq(got, bytes, LARGE_BYTES);
	free(bytes);
	free(got);
}
END_TEST

static void expect_cancelled(void *owner, enum penstock_status status)
{
	ck_assert_int_eq(status, PENSTOCK_STATUS_CANCELLED);
	++*(unsigned *)owner;
}

START_TEST(a_transfer_under_way_is_cancelled_at_close)
{
	uint8_t bytes[64];
	unsigned done = 0;

	ck_assert_int_eq(penstock_allocation_read_back_start(connection, 5, 0, bytes, sizeof(bytes),
							     expect_cancelled, &done),
			 PENSTOCK_STATUS_SUCCESS);
	penstock_connection_close(connection);
	connection = NULL;
	ck_assert_uint_eq(done, 1);
}
END_TEST

START_TEST(a_refused_piece_is_the_status_of_the_transfer)
{
	uint8_t bytes[64];
	struct penstock_failure failure;

	fake_send_refusal(fake.descriptor, 1, PENSTOCK_STATUS_INVALID_PARAMETER, "past the end");
	ck_assert_int_eq(penstock_allocation_upload(connection, 5, 0, bytes, sizeof(bytes)),
			 PENSTOCK_STATUS_INVALID_PARAMETER);
	ck_assert_int_eq(penstock_failure_of_call(connection, &failure), PENSTOCK_STATUS_SUCCESS);
	ck_assert_str_eq(failure.sentence, "past the end");
	ck_assert_int_eq(penstock_allocation_upload(connection, 5, UINT64_MAX, bytes, 2),
			 PENSTOCK_STATUS_INVALID_PARAMETER);
	ck_assert_int_eq(penstock_allocation_read_back(connection, 5, 0, NULL, 2),
			 PENSTOCK_STATUS_INVALID_PARAMETER);
	ck_assert_int_eq(penstock_allocation_read_back(connection, 5, 0, NULL, 0),
			 PENSTOCK_STATUS_SUCCESS);
	ck_assert_uint_eq(penstock_request_last(connection), 1);
}
END_TEST

#define FLOOD_FRAMES 200000u

/* Writes far more than the socket holds before it reads anything. */
static void *write_before_reading(void *argument)
{
	const uint8_t *expected = argument;

	for (unsigned i = 0; i < FLOOD_FRAMES; i++) {
		fake_send_ack(fake.descriptor, 0);
	}
	return serve_upload((void *)(uintptr_t)expected);
}

START_TEST(a_daemon_that_writes_before_it_reads_is_no_deadlock)
{
	uint8_t *bytes = pattern(LARGE_BYTES);
	pthread_t thread;

	ck_assert_int_eq(pthread_create(&thread, NULL, write_before_reading, bytes), 0);
	ck_assert_int_eq(penstock_allocation_upload(connection, 5, 100, bytes, LARGE_BYTES),
			 PENSTOCK_STATUS_SUCCESS);
	pthread_join(thread, NULL);
	free(bytes);
}
END_TEST

/* ---------------------------------------------------------------- resumption */

struct listener {
	int descriptor;
	struct sockaddr_un address;
	char *directory;
	char server[160];
};

static void listen_in(struct listener *listener)
{
	*listener = (struct listener){ .address = { .sun_family = AF_UNIX } };
	listener->directory = penstock_test_directory();
	snprintf(listener->address.sun_path, sizeof(listener->address.sun_path), "%s/socket",
		 listener->directory);
	snprintf(listener->server, sizeof(listener->server), "unix:%s/socket", listener->directory);
	listener->descriptor = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	ck_assert_int_eq(bind(listener->descriptor, (struct sockaddr *)&listener->address,
			      sizeof(listener->address)),
			 0);
	ck_assert_int_eq(listen(listener->descriptor, 5), 0);
}

static void listen_fini(struct listener *listener)
{
	close(listener->descriptor);
	penstock_test_directory_remove(listener->directory);
}

static int greet(const struct listener *listener, bool resumed, uint64_t last_serial)
{
	Penstock__Wire__Welcome welcome = fake.welcome;
	int descriptor = accept(listener->descriptor, NULL, NULL);
	struct fake_frame frame = fake_receive(descriptor, PENSTOCK_FRAME_HELLO);
	Penstock__Wire__Hello *hello =
		penstock__wire__hello__unpack(NULL, frame.frame.message_bytes, frame.message);

	ck_assert_uint_eq(hello->session_low, resumed ? welcome.session_low : 0);
	ck_assert_uint_eq(hello->features, resumed ? PENSTOCK_FEATURE_STORED_ANSWERS : 0);
	ck_assert_uint_eq(hello->answered, resumed ? 1 : 0);
	ck_assert_uint_eq(hello->oldest_held, resumed ? 3 : 0);
	welcome.features = hello->features;
	penstock__wire__hello__free_unpacked(hello, NULL);
	fake_frame_free(&frame);
	welcome.lease_s = 10;
	welcome.resumed = resumed;
	welcome.last_serial = last_serial;
	fake_send(descriptor, PENSTOCK_FRAME_WELCOME, 0, &welcome.base, NULL, 0);
	return descriptor;
}

static void expect_frame(int descriptor, uint16_t type, uint64_t serial)
{
	struct fake_frame frame = fake_receive(descriptor, type);

	ck_assert_uint_eq(frame.frame.serial, serial);
	fake_frame_free(&frame);
}

/*
 * Serials: 1 device, 2 context, 3-6 four submissions, 7 an upload. The connection breaks when all
 * have come; 1 was acknowledged, 4 is the highest that was executed.
 */
static void *lose_and_resume(void *argument)
{
	const struct listener *listener = argument;
	struct penstock_submission_view view;
	struct fake_frame frame;
	uint32_t offset = 0;
	int descriptor = greet(listener, false, 0);

	expect_frame(descriptor, PENSTOCK_FRAME_CREATE_DEVICE, 1);
	expect_frame(descriptor, PENSTOCK_FRAME_CREATE_CONTEXT, 2);
	expect_frame(descriptor, PENSTOCK_FRAME_SUBMIT, 3);
	expect_frame(descriptor, PENSTOCK_FRAME_UPLOAD, 7);
	fake_send_ack(descriptor, 1);
	close(descriptor);

	descriptor = greet(listener, true, 4);
	fake_send_refusal(descriptor, 3, PENSTOCK_STATUS_ILLEGAL_INSTRUCTION, "as before");
	fake_send_ack(descriptor, 4);
	fake_send_fence(descriptor, (1ull << 32) | 2, 4, PENSTOCK_STATUS_SUCCESS);
	frame = fake_receive(descriptor, PENSTOCK_FRAME_SUBMIT);
	ck_assert_uint_eq(frame.frame.serial, 5);
	for (uint32_t i = 0; i < 2; i++) {
		ck_assert_int_eq(penstock_submission_view(frame.payload, frame.frame.payload_bytes,
							  &offset, &view, NULL),
				 PENSTOCK_STATUS_SUCCESS);
		ck_assert_uint_eq(view.command[0], 2 + i);
	}
	ck_assert_uint_eq(offset, frame.frame.payload_bytes);
	fake_frame_free(&frame);
	expect_frame(descriptor, PENSTOCK_FRAME_SYNC, 7); /* the upload's caller knows it failed */
	fake_send_ack(descriptor, 7);
	fake_send_fence(descriptor, (1ull << 32) | 2, 6, PENSTOCK_STATUS_SUCCESS);
	return (void *)(intptr_t)descriptor;
}

START_TEST(a_resumed_session_sends_again_what_was_not_executed)
{
	struct penstock_options options = PENSTOCK_OPTIONS_INIT;
	struct penstock_context_create_info context_info = { .device = 0 };
	struct penstock_connection *leased;
	struct penstock_failure failure;
	struct listener listener;
	uint64_t device, context;
	uint8_t bytes[100] = { 0 };
	pthread_t thread;
	void *descriptor;

	listen_in(&listener);
	ck_assert_int_eq(pthread_create(&thread, NULL, lose_and_resume, &listener), 0);
	options.server = listener.server;
	options.lease_s = 10;
	options.reconnect = false;
	ck_assert_int_eq(penstock_connect(&options, &leased, NULL, 0), PENSTOCK_STATUS_SUCCESS);
	ck_assert_int_eq(penstock_device_create(leased, NULL, &device), PENSTOCK_STATUS_SUCCESS);
	context_info.device = device;
	ck_assert_int_eq(penstock_context_create(leased, &context_info, &context),
			 PENSTOCK_STATUS_SUCCESS);
	for (uint8_t i = 0; i < 4; i++) {
		uint8_t command[4] = { i };
		struct penstock_submit_info info = {
			.context = context,
			.command = command,
			.command_length = sizeof(command),
		};

		ck_assert_int_eq(penstock_context_submit(leased, &info, NULL),
				 PENSTOCK_STATUS_SUCCESS);
	}
	ck_assert_int_eq(penstock_allocation_upload(leased, 5, 0, bytes, sizeof(bytes)),
			 PENSTOCK_STATUS_CONNECTION_DISCONNECTED);
	ck_assert_int_eq(penstock_connection_resume(leased, 10000), PENSTOCK_STATUS_SUCCESS);
	ck_assert_int_eq(penstock_context_wait(leased, context, 6, PENSTOCK_FOREVER, NULL),
			 PENSTOCK_STATUS_SUCCESS);
	ck_assert_int_eq(penstock_failure_next(leased, &failure), PENSTOCK_STATUS_SUCCESS);
	ck_assert_uint_eq(failure.serial, 3);
	ck_assert_str_eq(failure.sentence, "as before");
	ck_assert_int_eq(penstock_failure_next(leased, &failure), PENSTOCK_STATUS_NOT_FOUND);
	ck_assert_int_eq(penstock_request_wait(leased, 7, PENSTOCK_FOREVER, NULL),
			 PENSTOCK_STATUS_SUCCESS);
	ck_assert_int_eq(penstock_request_status(leased, 7, NULL), PENSTOCK_STATUS_SUCCESS);
	pthread_join(thread, &descriptor);
	close((int)(intptr_t)descriptor);
	penstock_connection_close(leased);
	listen_fini(&listener);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("client_streams");
	TCase *transfers = tcase_create("transfers");
	TCase *resumption = tcase_create("resumption");

	tcase_add_checked_fixture(transfers, start, stop);
	tcase_add_test(transfers, an_upload_is_cut_into_pieces_and_acknowledged_whole);
	tcase_add_test(transfers, B11_discard_is_of_the_first_piece);
	tcase_add_test(transfers, B11_donot_wait_is_one_request);
	tcase_add_test(transfers, a_read_back_arrives_where_it_was_wanted);
	tcase_add_test(transfers, a_read_back_that_was_started_calls_back_once);
	tcase_add_test(transfers, a_transfer_under_way_is_cancelled_at_close);
	tcase_add_test(transfers, a_refused_piece_is_the_status_of_the_transfer);
	tcase_add_test(transfers, a_daemon_that_writes_before_it_reads_is_no_deadlock);
	suite_add_tcase(suite, transfers);
	tcase_add_checked_fixture(resumption, start, stop);
	tcase_add_test(resumption, a_resumed_session_sends_again_what_was_not_executed);
	suite_add_tcase(suite, resumption);
	return penstock_test_main(suite);
}
