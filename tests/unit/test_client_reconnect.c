/* SPDX-License-Identifier: MIT */
/*
 * A lost connection is made again, step by step, against a daemon that the test plays, on a Unix
 * socket and over TCP.
 */
#include "client/include/penstock/penstock.h"
#include "proto/wire/frame.h"
#include "tests/harness.h"
#include "tests/unit/fake_daemon.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static struct fake_daemon fake; /* for its welcome */
static char *directory;
static char server[160];
static in_port_t port;  /* of TCP; 0: the socket is a Unix one */
static int port_holder; /* keeps the port while nobody listens */
static int listener;
static int daemon_end; /* of the connection there is */
static struct penstock_connection *connection;

static struct {
	unsigned lost, resumed, closed;
	enum penstock_status why;
} seen;

static void on_lost(void *owner, enum penstock_status status, const char *sentence)
{
	(void)owner;
	ck_assert_int_gt(strlen(sentence), 0);
	seen.lost++;
	seen.why = status;
}

static void on_resumed(void *owner)
{
	(void)owner;
	seen.resumed++;
}

static void on_closed(void *owner, enum penstock_status status, const char *sentence)
{
	(void)owner;
	ck_assert_int_gt(strlen(sentence), 0);
	seen.closed++;
	seen.why = status;
}

static int bind_tcp(void)
{
	struct sockaddr_in address = {
		.sin_family = AF_INET,
		.sin_port = port,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	socklen_t size = sizeof(address);
	int descriptor = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int one = 1;

	ck_assert_int_eq(setsockopt(descriptor, SOL_SOCKET, SO_REUSEPORT, &one, sizeof(one)), 0);
	ck_assert_int_eq(bind(descriptor, (struct sockaddr *)&address, size), 0);
	ck_assert_int_eq(getsockname(descriptor, (struct sockaddr *)&address, &size), 0);
	port = address.sin_port;
	return descriptor;
}

static void bind_unix(void)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };

	snprintf(address.sun_path, sizeof(address.sun_path), "%.107s", server + strlen("unix:"));
	(void)unlink(address.sun_path);
	listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	ck_assert_int_eq(bind(listener, (struct sockaddr *)&address, sizeof(address)), 0);
}

static void start_listening(void)
{
	if (port != 0) {
		listener = bind_tcp();
	} else {
		bind_unix();
	}
	ck_assert_int_eq(listen(listener, 5), 0);
}

/* Takes the hello of the connection that waits. */
static void take_hello(uint64_t answered, uint64_t oldest_held)
{
	struct fake_frame frame;
	Penstock__Wire__Hello *hello;

	daemon_end = accept(listener, NULL, NULL);
	frame = fake_receive(daemon_end, PENSTOCK_FRAME_HELLO);
	hello = penstock__wire__hello__unpack(NULL, frame.frame.message_bytes, frame.message);
	ck_assert_uint_eq(hello->features, PENSTOCK_FEATURE_STORED_ANSWERS);
	ck_assert_uint_eq(hello->session_low, fake.welcome.session_low);
	ck_assert_uint_eq(hello->answered, answered);
	ck_assert_uint_eq(hello->oldest_held, oldest_held);
	penstock__wire__hello__free_unpacked(hello, NULL);
	fake_frame_free(&frame);
}

static void say_welcome(uint64_t last_serial, uint64_t forgotten)
{
	Penstock__Wire__Welcome welcome = fake.welcome;

	welcome.features = PENSTOCK_FEATURE_STORED_ANSWERS;
	welcome.resumed = true;
	welcome.last_serial = last_serial;
	welcome.forgotten = forgotten;
	fake_send(daemon_end, PENSTOCK_FRAME_WELCOME, 0, &welcome.base, NULL, 0);
}

static void say_closing(enum penstock_status status)
{
	Penstock__Wire__Closing closing = PENSTOCK__WIRE__CLOSING__INIT;

	closing.status = penstock_status_to_wire(status);
	closing.sentence = fake_text("because");
	fake_send(daemon_end, PENSTOCK_FRAME_CLOSING, 0, &closing.base, NULL, 0);
	shutdown(daemon_end, SHUT_WR);
}

static void lose(void)
{
	close(daemon_end);
	daemon_end = -1;
}

static void *greet_first(void *argument)
{
	Penstock__Wire__Welcome welcome = fake.welcome;
	struct fake_frame frame;

	daemon_end = accept(listener, NULL, NULL);
	frame = fake_receive(daemon_end, PENSTOCK_FRAME_HELLO);
	fake_frame_free(&frame);
	fake_send(daemon_end, PENSTOCK_FRAME_WELCOME, 0, &welcome.base, NULL, 0);
	return argument;
}

static void connect_with(uint32_t lease_s)
{
	struct penstock_options options = PENSTOCK_OPTIONS_INIT;
	pthread_t thread;

	fake.welcome.lease_s = lease_s;
	options.server = server;
	options.lease_s = lease_s;
	options.callbacks.lost = on_lost;
	options.callbacks.resumed = on_resumed;
	options.callbacks.closed = on_closed;
	ck_assert_int_eq(pthread_create(&thread, NULL, greet_first, NULL), 0);
	ck_assert_int_eq(penstock_connect(&options, &connection, NULL, 0), PENSTOCK_STATUS_SUCCESS);
	pthread_join(thread, NULL);
	penstock_connection_set_blocking(connection, false);
}

static void set_up(void)
{
	memset(&seen, 0, sizeof(seen));
	fake_daemon_init(&fake);
	start_listening();
	connect_with(60);
}

static void set_up_unix(void)
{
	directory = penstock_test_directory();
	port = 0;
	port_holder = -1;
	snprintf(server, sizeof(server), "unix:%s/s", directory);
	set_up();
}

static void set_up_tcp(void)
{
	directory = penstock_test_directory();
	port = 0;
	port_holder = bind_tcp();
	snprintf(server, sizeof(server), "penstock://127.0.0.1:%u", ntohs(port));
	set_up();
}

static void tear_down(void)
{
	penstock_connection_close(connection);
	if (daemon_end >= 0) {
		close(daemon_end);
	}
	close(listener);
	if (port_holder >= 0) {
		close(port_holder);
	}
	fake_daemon_fini(&fake);
	penstock_test_directory_remove(directory);
}

/* As a program with its own loop does. */
static void turn(void)
{
	struct pollfd entry = { .fd = penstock_connection_descriptor(connection),
				.events = penstock_connection_events(connection) };
	int32_t timeout = penstock_connection_timeout(connection);

	(void)poll(&entry, 1, timeout >= 0 && timeout < 100 ? timeout : 100);
	(void)penstock_connection_dispatch(connection);
}

static bool knocks(void)
{
	struct pollfd entry = { .fd = listener, .events = POLLIN };

	return poll(&entry, 1, 0) == 1;
}

/* Until the connection that was lost knocks again. */
static void wait_for_knock(void)
{
	while (!knocks()) {
		ck_assert_uint_eq(seen.closed, 0);
		turn();
	}
}

static void wait_until_resumed(unsigned times)
{
	while (seen.resumed < times) {
		ck_assert_uint_eq(seen.closed, 0);
		turn();
	}
}

static uint64_t submit(uint64_t context, uint64_t writes)
{
	const struct penstock_wire_allocation list = {
		.name = writes, .flags = PENSTOCK_ALLOCATION_WRITE_OPERATION
	};
	struct penstock_submit_info info = { .context = context,
					     .allocations = &list,
					     .allocation_count = 1 };
	uint64_t fence = 0;

	ck_assert_int_eq(penstock_context_submit(connection, &info, &fence),
			 PENSTOCK_STATUS_SUCCESS);
	return fence;
}

static void expect(uint16_t type, uint64_t serial)
{
	struct fake_frame frame = fake_receive(daemon_end, type);

	ck_assert_uint_eq(frame.frame.serial, serial);
	fake_frame_free(&frame);
}

struct transfer {
	unsigned done;
	enum penstock_status status;
};

static void on_transfer(void *owner, enum penstock_status status)
{
	struct transfer *transfer = owner;

	transfer->done++;
	transfer->status = status;
}

static void flush(void)
{
	while (penstock_connection_flush(connection) == PENSTOCK_STATUS_PENDING) {
		turn();
	}
}

/* ---------------------------------------------------------------- the program's side */

START_TEST(A19_a_program_with_its_own_loop_goes_on_after_a_loss)
{
	uint64_t fence;

	submit(3, 0);
	flush();
	expect(PENSTOCK_FRAME_SUBMIT, 1);
	fake_send_ack(daemon_end, 1);
	lose();
	while (seen.lost == 0) {
		turn();
	}
	ck_assert_int_eq(penstock_connection_status(connection, NULL), PENSTOCK_STATUS_SUCCESS);
	ck_assert_int_ge(penstock_connection_timeout(connection), 0);
	fence = submit(3, 0); /* gathered meanwhile */
	ck_assert_int_eq(penstock_context_wait(connection, 3, fence, 0, NULL),
			 PENSTOCK_STATUS_TIMEOUT);
	wait_for_knock();
	take_hello(1, 1);
	say_welcome(1, 0);
	wait_until_resumed(1);
	ck_assert_int_eq(penstock_connection_timeout(connection), PENSTOCK_FOREVER);
	flush();
	expect(PENSTOCK_FRAME_SUBMIT, 2);
	fake_send_fence(daemon_end, 3, 1, PENSTOCK_STATUS_SUCCESS);
	fake_send_fence(daemon_end, 3, 1, PENSTOCK_STATUS_DEVICE_REMOVED); /* says nothing new */
	fake_send_fence(daemon_end, 3, 2, PENSTOCK_STATUS_SUCCESS);
	ck_assert_int_eq(penstock_context_wait(connection, 3, fence, PENSTOCK_FOREVER, NULL),
			 PENSTOCK_STATUS_SUCCESS);
	ck_assert_uint_eq(seen.lost, 1);
	ck_assert_uint_eq(seen.closed, 0);
}
END_TEST

START_TEST(without_a_socket_there_is_no_descriptor_and_no_event)
{
	close(listener);
	lose();
	while (seen.lost == 0) {
		turn();
	}
	turn();
	ck_assert_int_eq(penstock_connection_descriptor(connection), -1);
	ck_assert_int_eq(penstock_connection_events(connection), 0);
	ck_assert_int_eq(penstock_connection_flush(connection), PENSTOCK_STATUS_PENDING);
	ck_assert_int_eq(penstock_connection_wait(connection, 0), PENSTOCK_STATUS_TIMEOUT);
	start_listening(); /* a daemon again, on another socket of that name */
	wait_for_knock();
	take_hello(0, 0);
	lose(); /* and gone again before it said a word */
	wait_for_knock();
	take_hello(0, 0);
	say_welcome(0, 0);
	wait_until_resumed(1);
	ck_assert_uint_eq(seen.lost, 1);
}
END_TEST

START_TEST(what_the_daemon_says_at_the_end_decides_whether_there_is_another_attempt)
{
	static const struct {
		enum penstock_status status;
		bool passing;
	} cases[] = {
		{ PENSTOCK_STATUS_CONNECTION_DISCONNECTED, true },
		{ PENSTOCK_STATUS_NO_MEMORY, true },
		{ PENSTOCK_STATUS_LIMIT_EXCEEDED, true },
		{ PENSTOCK_STATUS_TIMEOUT, true },
		{ PENSTOCK_STATUS_MALFORMED_FRAME, false },
		{ PENSTOCK_STATUS_WRONG_SERIAL, false },
		{ PENSTOCK_STATUS_CANCELLED, false }, /* another connection has the session */
		{ PENSTOCK_STATUS_SUCCESS, false },
	};

	say_closing(cases[_i].status);
	while (seen.lost == 0 && seen.closed == 0) {
		turn();
	}
	ck_assert_uint_eq(seen.lost, cases[_i].passing);
	ck_assert_uint_eq(seen.closed, !cases[_i].passing);
	if (cases[_i].passing) {
		ck_assert_int_eq(seen.why, cases[_i].status);
		wait_for_knock();
	} else {
		ck_assert_int_ne(penstock_connection_dispatch(connection), PENSTOCK_STATUS_SUCCESS);
		ck_assert(!knocks());
	}
}
END_TEST

START_TEST(a_session_that_is_gone_ends_the_connection_with_not_found)
{
	uint64_t fence = submit(3, 0);

	lose();
	wait_for_knock();
	take_hello(0, fence);
	say_closing(PENSTOCK_STATUS_NOT_FOUND);
	ck_assert_int_eq(penstock_context_wait(connection, 3, fence, PENSTOCK_FOREVER, NULL),
			 PENSTOCK_STATUS_NOT_FOUND);
	ck_assert_uint_eq(seen.closed, 1);
	ck_assert_int_eq(seen.why, PENSTOCK_STATUS_NOT_FOUND);
}
END_TEST

/* Its machine lost power: what was answered is not executed any more. */
START_TEST(a_session_that_came_back_without_its_past_ends_the_connection_and_says_so)
{
	const char *sentence;

	submit(3, 0);
	flush();
	expect(PENSTOCK_FRAME_SUBMIT, 1);
	fake_send_ack(daemon_end, 1);
	while (penstock_request_status(connection, 1, NULL) == PENSTOCK_STATUS_PENDING) {
		turn();
	}
	lose();
	wait_for_knock();
	take_hello(1, 1);
	say_welcome(0, 0);
	while (seen.closed == 0) {
		turn();
	}
	ck_assert_int_eq(penstock_connection_status(connection, &sentence),
			 PENSTOCK_STATUS_NOT_FOUND);
	ck_assert_ptr_nonnull(strstr(sentence, "how far it had come"));
}
END_TEST

START_TEST(a_lease_that_runs_out_ends_the_connection_with_not_found)
{
	const char *sentence;

	penstock_connection_close(connection);
	close(daemon_end);
	connect_with(1);
	close(listener);
	lose();
	while (penstock_connection_wait(connection, PENSTOCK_FOREVER) == PENSTOCK_STATUS_SUCCESS) {
	}
	ck_assert_int_eq(penstock_connection_status(connection, &sentence),
			 PENSTOCK_STATUS_NOT_FOUND);
	ck_assert_ptr_nonnull(strstr(sentence, "lease of 1 s"));
	ck_assert_uint_eq(seen.lost, 1);
	ck_assert_uint_eq(seen.closed, 1);
	start_listening();
}
END_TEST

/* ---------------------------------------------------------------- what is sent again */

START_TEST(A19_an_upload_that_was_not_executed_goes_again_with_its_bytes)
{
	struct transfer transfer = { .done = 0 };
	struct fake_frame frame;
	uint8_t bytes[100];

	memset(bytes, 0x5a, sizeof(bytes));
	ck_assert_int_eq(penstock_allocation_upload_start(connection, 5, 0, bytes, sizeof(bytes),
							  on_transfer, &transfer),
			 PENSTOCK_STATUS_SUCCESS);
	flush();
	expect(PENSTOCK_FRAME_UPLOAD, 1);
	lose();
	wait_for_knock();
	ck_assert_uint_eq(transfer.done, 0);
	take_hello(0, 0);
	say_welcome(0, 0);
	wait_until_resumed(1);
	flush();
	frame = fake_receive(daemon_end, PENSTOCK_FRAME_UPLOAD);
	ck_assert_uint_eq(frame.frame.serial, 1);
	ck_assert_uint_eq(frame.frame.payload_bytes, sizeof(bytes));
	ck_assert_mem_eq(frame.payload, bytes, sizeof(bytes));
	fake_frame_free(&frame);
	/* Lost again: this time it was executed, and only its answer is missing. */
	lose();
	wait_for_knock();
	take_hello(0, 0);
	say_welcome(1, 0);
	wait_until_resumed(2);
	ck_assert_uint_eq(transfer.done, 0);
	fake_send_ack(daemon_end, 1);
	while (transfer.done == 0) {
		turn();
	}
	ck_assert_int_eq(transfer.status, PENSTOCK_STATUS_SUCCESS);
	ck_assert(!fake_has_input(daemon_end));
}
END_TEST

static void expect_pipeline(uint64_t serial, uint8_t byte)
{
	struct fake_frame frame = fake_receive(daemon_end, PENSTOCK_FRAME_CREATE_PIPELINE);

	ck_assert_uint_eq(frame.frame.serial, serial);
	ck_assert_uint_eq(frame.frame.payload_bytes, 8);
	for (int i = 0; i < 8; i++) {
		ck_assert_uint_eq(frame.payload[i], byte);
	}
	fake_frame_free(&frame);
}

/* Its bytes are not the program's any more. */
START_TEST(A19_pipelines_that_were_not_executed_go_again_with_their_bytes)
{
	uint8_t bytes[8];
	const struct penstock_shader_stage_info stage = { .spirv = bytes,
							  .spirv_bytes = sizeof(bytes) };
	const struct penstock_pipeline_create_info info = { .stages = &stage, .stage_count = 1 };
	uint64_t pipeline;

	for (uint8_t i = 1; i <= 3; i++) {
		memset(bytes, i, sizeof(bytes));
		ck_assert_int_eq(penstock_pipeline_create(connection, &info, &pipeline),
				 PENSTOCK_STATUS_SUCCESS);
	}
	memset(bytes, 0, sizeof(bytes));
	submit(3, 0);
	flush();
	expect_pipeline(1, 1);
	expect_pipeline(2, 2);
	lose();
	for (unsigned times = 1; times <= 2; times++) { /* what was sent again is, too */
		wait_for_knock();
		take_hello(0, 4);
		say_welcome(1, 0);
		wait_until_resumed(times);
		flush();
		expect_pipeline(2, 2);
		expect_pipeline(3, 3);
		expect(PENSTOCK_FRAME_SUBMIT, 4);
		lose();
	}
}
END_TEST

START_TEST(A19_a_read_back_is_asked_again_even_in_the_middle_of_its_bytes)
{
	struct transfer transfer = { .done = 0 };
	struct penstock_frame header = { .type = PENSTOCK_FRAME_READ_DATA,
					 .payload_bytes = 8,
					 .serial = 1 };
	uint8_t half[PENSTOCK_FRAME_HEADER_BYTES + 4] = { 0 };
	char bytes[8] = "";

	ck_assert_int_eq(penstock_allocation_read_back_start(connection, 5, 0, bytes, sizeof(bytes),
							     on_transfer, &transfer),
			 PENSTOCK_STATUS_SUCCESS);
	submit(3, 6); /* writes another one */
	flush();
	expect(PENSTOCK_FRAME_READ_BACK, 1);
	penstock_frame_encode(&header, half);
	ck_assert_int_eq(send(daemon_end, half, sizeof(half), 0), (ssize_t)sizeof(half));
	lose();
	wait_for_knock();
	take_hello(0, 2);
	say_welcome(2, 0);
	fake_send_ack(daemon_end, 2);
	wait_until_resumed(1);
	flush();
	expect(PENSTOCK_FRAME_READ_BACK, 3);
	fake_send(daemon_end, PENSTOCK_FRAME_READ_DATA, 3, NULL, "8 bytes", 8);
	while (transfer.done == 0) {
		turn();
	}
	ck_assert_int_eq(transfer.status, PENSTOCK_STATUS_SUCCESS);
	ck_assert_str_eq(bytes, "8 bytes");
}
END_TEST

START_TEST(A19_a_read_back_is_not_asked_again_where_its_allocation_was_written_since)
{
	struct transfer transfer = { .done = 0 };
	struct transfer upload = { .done = 0 };
	uint8_t bytes[8];

	ck_assert_int_eq(penstock_allocation_read_back_start(connection, 5, 0, bytes, sizeof(bytes),
							     on_transfer, &transfer),
			 PENSTOCK_STATUS_SUCCESS);
	if (_i == 0) {
		submit(3, 5);
	} else {
		ck_assert_int_eq(penstock_allocation_upload_start(connection, 5, 0, "later", 6,
								  on_transfer, &upload),
				 PENSTOCK_STATUS_SUCCESS);
	}
	flush();
	lose();
	wait_for_knock();
	take_hello(0, _i == 0 ? 2 : 0);
	say_welcome(2, 0);
	fake_send_ack(daemon_end, 2);
	while (transfer.done == 0) {
		turn();
	}
	ck_assert_int_eq(transfer.status, PENSTOCK_STATUS_CONNECTION_DISCONNECTED);
	ck_assert(!fake_has_input(daemon_end));
}
END_TEST

/* Not executed yet, it keeps its place: behind it anything may be written. */
START_TEST(A19_a_read_back_that_was_not_executed_keeps_its_place)
{
	struct transfer transfer = { .done = 0 };
	uint8_t bytes[8];

	ck_assert_int_eq(penstock_allocation_read_back_start(connection, 5, 0, bytes, sizeof(bytes),
							     on_transfer, &transfer),
			 PENSTOCK_STATUS_SUCCESS);
	submit(3, 5);
	flush();
	lose();
	wait_for_knock();
	take_hello(0, 2);
	say_welcome(0, 0);
	wait_until_resumed(1);
	flush();
	expect(PENSTOCK_FRAME_READ_BACK, 1);
	expect(PENSTOCK_FRAME_SUBMIT, 2);
	fake_send(daemon_end, PENSTOCK_FRAME_READ_DATA, 1, NULL, "8 bytes", 8);
	while (transfer.done == 0) {
		turn();
	}
	ck_assert_int_eq(transfer.status, PENSTOCK_STATUS_SUCCESS);
}
END_TEST

START_TEST(A19_a_question_that_was_refused_is_not_asked_again)
{
	struct transfer transfer = { .done = 0 };
	uint8_t bytes[8];

	ck_assert_int_eq(penstock_allocation_read_back_start(connection, 5, 0, bytes, sizeof(bytes),
							     on_transfer, &transfer),
			 PENSTOCK_STATUS_SUCCESS);
	flush();
	lose();
	wait_for_knock();
	take_hello(0, 0);
	say_welcome(1, 0);
	fake_send_refusal(daemon_end, 1, PENSTOCK_STATUS_INVALID_HANDLE, "as before");
	while (transfer.done == 0) {
		turn();
	}
	ck_assert_int_eq(transfer.status, PENSTOCK_STATUS_INVALID_HANDLE);
	ck_assert(!fake_has_input(daemon_end));
}
END_TEST

START_TEST(what_the_daemon_has_forgotten_fails_and_is_no_success)
{
	struct transfer transfer = { .done = 0 };
	struct penstock_failure failure;
	uint64_t device = 0;
	uint64_t fence;

	ck_assert_int_eq(penstock_device_create(connection, NULL, &device),
			 PENSTOCK_STATUS_SUCCESS);
	fence = submit(3, 0);
	ck_assert_int_eq(penstock_allocation_upload_start(connection, 5, 0, "12345678", 8,
							  on_transfer, &transfer),
			 PENSTOCK_STATUS_SUCCESS);
	submit(3, 0);
	flush();
	lose();
	wait_for_knock();
	take_hello(0, 2);
	say_welcome(4, 3);
	wait_until_resumed(1);
	ck_assert_int_eq(penstock_context_wait(connection, 3, fence, PENSTOCK_FOREVER, &failure),
			 PENSTOCK_STATUS_CONNECTION_DISCONNECTED);
	ck_assert(!failure.accepted);
	ck_assert_int_eq(penstock_failure_next(connection, &failure), PENSTOCK_STATUS_SUCCESS);
	ck_assert_uint_eq(failure.serial, 1);
	ck_assert_uint_eq(transfer.done, 1);
	ck_assert_int_eq(transfer.status, PENSTOCK_STATUS_CONNECTION_DISCONNECTED);
	fake_send_ack(daemon_end, 4);
	ck_assert_int_eq(penstock_request_wait(connection, 4, PENSTOCK_FOREVER, NULL),
			 PENSTOCK_STATUS_SUCCESS);
}
END_TEST

/* Where it is not known how it ended the daemon says so; it is not taken for a success. */
START_TEST(an_end_that_is_not_known_is_a_failure)
{
	struct penstock_failure failure;
	uint64_t fence = submit(3, 0);

	flush();
	lose();
	wait_for_knock();
	take_hello(0, 1);
	say_welcome(1, 0);
	fake_send_ack(daemon_end, 1);
	fake_send_fence(daemon_end, 3, 1, PENSTOCK_STATUS_CONNECTION_DISCONNECTED);
	ck_assert_int_eq(penstock_context_wait(connection, 3, fence, PENSTOCK_FOREVER, &failure),
			 PENSTOCK_STATUS_CONNECTION_DISCONNECTED);
	ck_assert_ptr_nonnull(strstr(failure.sentence, "whether it ran"));
	ck_assert_uint_eq(seen.closed, 0);
}
END_TEST

START_TEST(a_daemon_without_stored_answers_is_a_mismatch)
{
	Penstock__Wire__Welcome welcome = fake.welcome;

	lose();
	wait_for_knock();
	take_hello(0, 0);
	welcome.resumed = true;
	fake_send(daemon_end, PENSTOCK_FRAME_WELCOME, 0, &welcome.base, NULL, 0);
	while (seen.closed == 0) {
		turn();
	}
	ck_assert_int_eq(seen.why, PENSTOCK_STATUS_GRAPHICS_DRIVER_MISMATCH);
}
END_TEST

static TCase *steps(const char *name, void (*before)(void))
{
	TCase *tcase = tcase_create(name);

	tcase_set_timeout(tcase, 120);
	tcase_add_checked_fixture(tcase, before, tear_down);
	tcase_add_test(tcase, A19_a_program_with_its_own_loop_goes_on_after_a_loss);
	tcase_add_test(tcase, without_a_socket_there_is_no_descriptor_and_no_event);
	tcase_add_loop_test(
		tcase, what_the_daemon_says_at_the_end_decides_whether_there_is_another_attempt, 0,
		8);
	tcase_add_test(tcase, a_session_that_is_gone_ends_the_connection_with_not_found);
	tcase_add_test(tcase,
		       a_session_that_came_back_without_its_past_ends_the_connection_and_says_so);
	tcase_add_test(tcase, a_lease_that_runs_out_ends_the_connection_with_not_found);
	tcase_add_test(tcase, A19_an_upload_that_was_not_executed_goes_again_with_its_bytes);
	tcase_add_test(tcase, A19_pipelines_that_were_not_executed_go_again_with_their_bytes);
	tcase_add_test(tcase, A19_a_read_back_is_asked_again_even_in_the_middle_of_its_bytes);
	tcase_add_loop_test(
		tcase, A19_a_read_back_is_not_asked_again_where_its_allocation_was_written_since, 0,
		2);
	tcase_add_test(tcase, A19_a_read_back_that_was_not_executed_keeps_its_place);
	tcase_add_test(tcase, A19_a_question_that_was_refused_is_not_asked_again);
	tcase_add_test(tcase, what_the_daemon_has_forgotten_fails_and_is_no_success);
	tcase_add_test(tcase, an_end_that_is_not_known_is_a_failure);
	tcase_add_test(tcase, a_daemon_without_stored_answers_is_a_mismatch);
	return tcase;
}

int main(void)
{
	Suite *suite = suite_create("client_reconnect_steps");

	suite_add_tcase(suite, steps("over a Unix socket", set_up_unix));
	suite_add_tcase(suite, steps("over TCP", set_up_tcp));
	return penstock_test_main(suite);
}
