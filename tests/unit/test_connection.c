/* SPDX-License-Identifier: MIT */
/* Connections against fake objects, over socket pairs: hello, faults, roles, limits. */
#include "proto/isa/instruction.h"
#include "proto/wire/penstock.pb-c.h"
#include "daemon/net/connection.h"
#include "tests/harness.h"
#include "tests/unit/fake_objects.h"
#include "tests/unit/net_peer.h"

#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

static struct net_peer *peer;

static void setup(void)
{
	net_setup();
	peer = net_peer_connect();
}

static void setup_open(void)
{
	net_setup();
	peer = net_peer_open();
}

static void teardown(void)
{
	net_peer_close(peer);
	net_teardown();
}

static Penstock__Wire__Hello good_hello(void)
{
	Penstock__Wire__Hello hello = PENSTOCK__WIRE__HELLO__INIT;

	hello.major = PENSTOCK_PROTOCOL_MAJOR;
	hello.isa_version = PENSTOCK_ISA_VERSION;
	return hello;
}

static void say(const Penstock__Wire__Hello *hello)
{
	net_peer_frame(peer, PENSTOCK_FRAME_HELLO, 0, &hello->base, NULL, 0);
}

static void send_header(uint16_t type, uint64_t serial, uint32_t message, uint32_t payload)
{
	struct penstock_frame frame = {
		.type = type, .serial = serial, .message_bytes = message, .payload_bytes = payload
	};
	uint8_t bytes[PENSTOCK_FRAME_HEADER_BYTES];

	penstock_frame_encode(&frame, bytes);
	net_peer_send(peer, bytes, sizeof(bytes));
}

static void sync_round_trip(struct net_peer *of)
{
	uint64_t serial = of->serial;

	net_peer_request(of, PENSTOCK_FRAME_SYNC, NULL);
	net_peer_expect(of, PENSTOCK_FRAME_ACK, serial);
}

/* ---------------------------------------------------------------- hello */

START_TEST(hello_is_answered_with_versions_session_and_adapter)
{
	Penstock__Wire__Hello hello = good_hello();
	Penstock__Wire__Welcome *welcome;
	struct net_frame frame;

	hello.client =
		(char *)"a client\033[31m of a name that is far too long, and goes on, and on, on";
	hello.lease_s = 3600;
	say(&hello);
	frame = net_peer_receive(peer);
	welcome = penstock__wire__welcome__unpack(NULL, frame.header.message_bytes, frame.message);
	ck_assert_ptr_nonnull(welcome);
	ck_assert_uint_eq(welcome->major, 1);
	ck_assert_uint_eq(welcome->session_high, 0x1122334455667788);
	ck_assert_uint_eq(welcome->lease_s, PENSTOCK_LIMIT_LEASE_S);
	ck_assert(!welcome->resumed);
	ck_assert_uint_eq(welcome->n_adapters, 1);
	ck_assert_uint_eq(welcome->adapters[0]->n_segments, 2);
	ck_assert_ptr_nonnull(strstr(welcome->principal, "uid:"));
	ck_assert_uint_eq(strlen(fake.client), PENSTOCK_LIMIT_CLIENT_NAME_BYTES - 1);
	ck_assert_ptr_null(strchr(fake.client, '\033'));
	penstock__wire__welcome__free_unpacked(welcome, NULL);
	net_frame_free(&frame);
}
END_TEST

START_TEST(a_resumed_session_goes_on_behind_its_last_serial)
{
	Penstock__Wire__Hello hello = good_hello();

	fake.last_serial = 41;
	hello.session_high = 1;
	say(&hello);
	net_peer_expect(peer, PENSTOCK_FRAME_WELCOME, 0);
	peer->serial = 42;
	sync_round_trip(peer);
}
END_TEST

/* What the Welcome says was executed a client forgets: it must not be lost any more. */
START_TEST(a_welcome_waits_until_what_was_executed_is_durable)
{
	Penstock__Wire__Hello hello = good_hello();

	fake.last_serial = 41;
	fake.leased = true;
	fake.durable = 40;
	hello.session_high = 1;
	say(&hello);
	net_turns();
	fake.events.fence(fake.events.owner, 7, 39, PENSTOCK_STATUS_SUCCESS);
	peer->serial = 42;
	net_peer_request(peer, PENSTOCK_FRAME_SYNC, NULL);
	net_peer_expect_silence(peer);
	fake.durable = 42;
	fake.events.durable(fake.events.owner, 42);
	net_peer_expect(peer, PENSTOCK_FRAME_WELCOME, 0);
	net_peer_expect(peer, PENSTOCK_FRAME_ACK, 42);
	net_peer_expect_fence(peer, 7, 39);
}
END_TEST

START_TEST(a_welcome_waits_until_the_session_is_durable)
{
	Penstock__Wire__Hello hello = good_hello();

	fake.leased = true;
	fake.not_kept = true;
	say(&hello);
	net_peer_expect_silence(peer);
	fake.not_kept = false;
	fake.events.durable(fake.events.owner, 0);
	net_peer_expect(peer, PENSTOCK_FRAME_WELCOME, 0);
}
END_TEST

START_TEST(a_session_that_is_not_there_cannot_be_resumed)
{
	Penstock__Wire__Hello hello = good_hello();

	fake.session_answer = PENSTOCK_STATUS_NOT_FOUND;
	hello.session_low = 7;
	say(&hello);
	net_peer_expect_closing(peer, PENSTOCK_STATUS_NOT_FOUND, "no such session");
}
END_TEST

START_TEST(another_version_is_a_driver_mismatch)
{
	Penstock__Wire__Hello hello = good_hello();

	hello.major = 2;
	say(&hello);
	net_peer_expect_closing(peer, PENSTOCK_STATUS_GRAPHICS_DRIVER_MISMATCH, "protocol 2.0");
}
END_TEST

START_TEST(another_instruction_set_is_a_driver_mismatch)
{
	Penstock__Wire__Hello hello = good_hello();

	hello.isa_version = PENSTOCK_ISA_VERSION + 1;
	say(&hello);
	net_peer_expect_closing(peer, PENSTOCK_STATUS_GRAPHICS_DRIVER_MISMATCH, "instruction set");
}
END_TEST

START_TEST(a_request_before_the_hello_is_malformed)
{
	net_peer_request(peer, PENSTOCK_FRAME_SYNC, NULL);
	net_peer_expect_closing(peer, PENSTOCK_STATUS_MALFORMED_FRAME, "before the hello");
	ck_assert_uint_eq(fake.sessions_begun, 0);
}
END_TEST

START_TEST(a_second_hello_is_malformed)
{
	Penstock__Wire__Hello hello = good_hello();

	say(&hello);
	say(&hello);
	net_peer_expect(peer, PENSTOCK_FRAME_WELCOME, 0);
	net_peer_expect_closing(peer, PENSTOCK_STATUS_MALFORMED_FRAME, "behind the hello");
	ck_assert_uint_eq(fake.sessions_disconnected, 1);
}
END_TEST

START_TEST(requests_may_follow_the_hello_at_once)
{
	Penstock__Wire__Hello hello = good_hello();

	say(&hello);
	net_peer_request(peer, PENSTOCK_FRAME_SYNC, NULL);
	net_peer_expect(peer, PENSTOCK_FRAME_WELCOME, 0);
	net_peer_expect(peer, PENSTOCK_FRAME_ACK, 1);
}
END_TEST

START_TEST(a_connection_without_a_session_may_only_sync)
{
	Penstock__Wire__Hello hello = good_hello();
	Penstock__Wire__Destroy destroy = PENSTOCK__WIRE__DESTROY__INIT;

	hello.features = PENSTOCK_FEATURE_NO_SESSION;
	say(&hello);
	net_peer_expect(peer, PENSTOCK_FRAME_WELCOME, 0);
	net_peer_request(peer, PENSTOCK_FRAME_DESTROY, &destroy.base);
	net_peer_expect_refusal(peer, 1, PENSTOCK_STATUS_ACCESS_DENIED);
	sync_round_trip(peer);
	net_peer_submit(peer, 1, 1, 0);
	net_peer_expect_closing(peer, PENSTOCK_STATUS_ACCESS_DENIED, "no session");
	ck_assert_uint_eq(fake.sessions_begun, 0);
}
END_TEST

/* Nothing of the payload is waited for, nor kept. */
START_TEST(a_submit_without_a_session_is_refused_when_the_header_is_there)
{
	Penstock__Wire__Hello hello = good_hello();

	hello.features = PENSTOCK_FEATURE_NO_SESSION;
	say(&hello);
	net_peer_expect(peer, PENSTOCK_FRAME_WELCOME, 0);
	send_header(PENSTOCK_FRAME_SUBMIT, 1, 2, PENSTOCK_LIMIT_PAYLOAD_BYTES);
	net_peer_expect_closing(peer, PENSTOCK_STATUS_ACCESS_DENIED, "no session");
}
END_TEST

START_TEST(a_silent_connection_is_closed_at_the_deadline)
{
	net_setup_with(1, PENSTOCK_LIMIT_CLOSING_MS, 8);
	peer = net_peer_connect();
	net_peer_send(peer, "PNS1", 4);
	net_peer_expect_closing(peer, PENSTOCK_STATUS_TIMEOUT, "hello");
	net_peer_close(peer);
	net_teardown();
}
END_TEST

START_TEST(a_peer_that_does_not_close_is_closed)
{
	net_setup_with(PENSTOCK_LIMIT_HELLO_MS, 200, 8);
	peer = net_peer_connect();
	net_peer_request(peer, PENSTOCK_FRAME_SYNC, NULL);
	net_peer_expect_closing(peer, PENSTOCK_STATUS_MALFORMED_FRAME, "hello");
	while (net_under_test->connection_count > 0) {
		uv_run(&net_loop, UV_RUN_ONCE);
	}
	net_peer_close(peer);
	net_teardown();
}
END_TEST

START_TEST(connections_beyond_the_limit_are_told_so)
{
	struct net_peer *others[4];

	net_setup_with(PENSTOCK_LIMIT_HELLO_MS, PENSTOCK_LIMIT_CLOSING_MS, 8);
	for (unsigned i = 0; i < 4; i++) {
		others[i] = net_peer_open();
	}
	peer = net_peer_connect(); /* a principal has half of them */
	net_peer_expect_closing(peer, PENSTOCK_STATUS_LIMIT_EXCEEDED, "too many");
	for (unsigned i = 0; i < 4; i++) {
		sync_round_trip(others[i]);
		net_peer_close(others[i]);
	}
	net_peer_close(peer);
	net_teardown();
}
END_TEST

/* Whoever is told that there are too many stays for a moment, and takes nobody's place. */
START_TEST(refused_connections_leave_the_others_their_places)
{
	struct net_peer *others[9];

	net_setup_with(PENSTOCK_LIMIT_HELLO_MS, PENSTOCK_LIMIT_CLOSING_MS, 8);
	for (unsigned i = 0; i < 4; i++) {
		others[i] = net_peer_open();
	}
	for (unsigned i = 4; i < 9; i++) {
		others[i] = net_peer_connect();
	}
	net_turns();
	ck_assert_uint_eq(net_under_test->connection_count, 9);
	ck_assert_uint_eq(net_under_test->refused_count, 5);
	penstock_list_for_each (link, &net_under_test->connections) {
		penstock_list_entry(link, struct penstock_connection, link)->uid = 4711;
	}
	peer = net_peer_open();
	sync_round_trip(peer);
	for (unsigned i = 0; i < 9; i++) {
		net_peer_close(others[i]);
	}
	net_turns();
	ck_assert_uint_eq(net_under_test->refused_count, 0);
	net_peer_close(peer);
	net_teardown();
}
END_TEST

static struct penstock_connection *latest_connection(void)
{
	return penstock_list_entry(net_under_test->connections.previous, struct penstock_connection,
				   link);
}

/* Large frames that never end: so much of them a principal may have the daemon keep. */
START_TEST(large_frames_of_a_principal_are_bounded_together)
{
	struct net_peer *others[8];
	uint32_t each = PENSTOCK_LIMIT_RECEIVING_BYTES / 8 - PENSTOCK_FRAME_HEADER_BYTES - 2;
	struct penstock_connection *waiting;

	net_setup_with(PENSTOCK_LIMIT_HELLO_MS, PENSTOCK_LIMIT_CLOSING_MS, 32);
	for (unsigned i = 0; i < 8; i++) {
		peer = others[i] = net_peer_open();
		send_header(PENSTOCK_FRAME_SUBMIT, 1, 2, each);
		net_turns();
		ck_assert(!latest_connection()->waits_for_room);
	}
	peer = net_peer_open();
	sync_round_trip(peer);
	send_header(PENSTOCK_FRAME_SUBMIT, 2, 2, 1u << 20);
	net_turns();
	waiting = latest_connection();
	ck_assert(waiting->waits_for_room);
	ck_assert_uint_le(waiting->transport.partial_capacity, PENSTOCK_READ_BUFFER_BYTES);
	net_peer_close(others[3]);
	net_turns();
	ck_assert(!waiting->waits_for_room);
	ck_assert_uint_gt(waiting->reserved_bytes, 1u << 20);
	for (unsigned i = 0; i < 8; i++) {
		if (i != 3) {
			net_peer_close(others[i]);
		}
	}
	net_peer_close(peer);
	net_teardown();
}
END_TEST

/* ---------------------------------------------------------------- faults */

START_TEST(garbage_is_closed_with_a_reason)
{
	net_peer_send(peer, "GET / HTTP/1.1\r\nHost: penstock\r\n\r\n", 34);
	net_peer_expect_closing(peer, PENSTOCK_STATUS_MALFORMED_FRAME, "magic");
}
END_TEST

/* Nothing follows such a header; the daemon does not wait for it, nor take memory for it. */
START_TEST(a_lying_length_is_refused_when_the_header_is_there)
{
	send_header(PENSTOCK_FRAME_SUBMIT, 1, 2, UINT32_MAX);
	net_peer_expect_closing(peer, PENSTOCK_STATUS_MALFORMED_FRAME, "payload");
}
END_TEST

START_TEST(a_long_message_is_refused_when_the_header_is_there)
{
	send_header(PENSTOCK_FRAME_DESTROY, 1, UINT32_MAX, 0);
	net_peer_expect_closing(peer, PENSTOCK_STATUS_MALFORMED_FRAME, "message");
}
END_TEST

/* 64 MiB are announced and never sent: what was received is all that is kept. */
START_TEST(memory_is_taken_only_as_bytes_arrive)
{
	const struct penstock_connection *connection;
	uint8_t bytes[1000] = { 0 };

	send_header(PENSTOCK_FRAME_SUBMIT, 1, 2, PENSTOCK_LIMIT_PAYLOAD_BYTES);
	net_peer_send(peer, bytes, sizeof(bytes));
	net_turns();
	connection = penstock_list_entry(penstock_list_first(&net_under_test->connections),
					 struct penstock_connection, link);
	ck_assert_uint_eq(connection->transport.partial_bytes, 1024);
	ck_assert_uint_le(connection->transport.partial_capacity, 256u << 10);
}
END_TEST

START_TEST(an_unknown_type_is_closed_with_a_reason)
{
	send_header(0x3f, 1, 0, 0);
	net_peer_expect_closing(peer, PENSTOCK_STATUS_MALFORMED_FRAME, "no request");
}
END_TEST

START_TEST(an_answer_is_no_request)
{
	send_header(PENSTOCK_FRAME_ACK, 1, 0, 0);
	net_peer_expect_closing(peer, PENSTOCK_STATUS_MALFORMED_FRAME, "ACK");
}
END_TEST

START_TEST(a_payload_where_none_belongs_is_malformed)
{
	send_header(PENSTOCK_FRAME_SYNC, 1, 0, 8);
	net_peer_expect_closing(peer, PENSTOCK_STATUS_MALFORMED_FRAME, "payload");
}
END_TEST

START_TEST(a_wrong_serial_closes)
{
	sync_round_trip(peer);
	peer->serial = 3;
	net_peer_request(peer, PENSTOCK_FRAME_SYNC, NULL);
	net_peer_expect_closing(peer, PENSTOCK_STATUS_WRONG_SERIAL, "2 is next");
	ck_assert_uint_eq(fake.calls, 1);
}
END_TEST

START_TEST(a_bad_message_is_refused_and_the_next_request_is_good)
{
	uint8_t bytes[4] = { 0xff, 0xff, 0xff, 0xff };

	send_header(PENSTOCK_FRAME_DESTROY, peer->serial++, sizeof(bytes), 0);
	net_peer_send(peer, bytes, sizeof(bytes));
	net_peer_expect_refusal(peer, 1, PENSTOCK_STATUS_MALFORMED_MESSAGE);
	sync_round_trip(peer);
}
END_TEST

START_TEST(a_message_of_an_impossible_size_is_refused)
{
	uint8_t bytes[2000] = { 0 };

	send_header(PENSTOCK_FRAME_DESTROY, peer->serial++, sizeof(bytes), 0);
	net_peer_send(peer, bytes, sizeof(bytes));
	net_peer_expect_refusal(peer, 1, PENSTOCK_STATUS_MALFORMED_MESSAGE);
	sync_round_trip(peer);
}
END_TEST

START_TEST(a_refused_request_names_its_status)
{
	Penstock__Wire__CreateDevice create = PENSTOCK__WIRE__CREATE_DEVICE__INIT;

	fake.answer = PENSTOCK_STATUS_QUOTA_EXCEEDED;
	net_peer_request(peer, PENSTOCK_FRAME_CREATE_DEVICE, &create.base);
	net_peer_expect_refusal(peer, 1, PENSTOCK_STATUS_QUOTA_EXCEEDED);
}
END_TEST

/* Every frame is cut into single bytes, headers, messages and payloads alike. */
START_TEST(frames_that_arrive_byte_by_byte_are_whole_in_the_end)
{
	struct net_peer *other = net_peer_open();
	uint8_t bytes[512];
	ssize_t size;
	int pair[2];
	struct net_peer recorder = { .serial = 1 };

	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair), 0);
	recorder.descriptor = pair[0];
	net_acks_wait();
	net_peer_submit(&recorder, 5, 2, 30);
	net_peer_request(&recorder, PENSTOCK_FRAME_SYNC, NULL);
	size = recv(pair[1], bytes, sizeof(bytes), 0);
	ck_assert_int_gt(size, 0);
	for (ssize_t i = 0; i < size; i++) {
		net_peer_send(peer, bytes + i, 1);
		net_turns();
	}
	net_peer_expect(peer, PENSTOCK_FRAME_ACK, 3);
	ck_assert_uint_eq(fake.submissions, 2);
	ck_assert_uint_eq(fake.command_sum, 60);
	close(pair[0]);
	close(pair[1]);
	net_peer_close(other);
}
END_TEST

START_TEST(half_a_frame_and_an_end_leave_nothing_behind)
{
	send_header(PENSTOCK_FRAME_SUBMIT, 1, 2, 4096);
	net_peer_send(peer, "\x08\x01....", 6);
	ck_assert_int_eq(shutdown(peer->descriptor, SHUT_WR), 0);
	net_peer_expect_end(peer);
	ck_assert_uint_eq(fake.sessions_disconnected, 1);
	ck_assert_uint_eq(fake.calls, 0);
}
END_TEST

/* ---------------------------------------------------------------- submissions */

START_TEST(a_frame_of_many_submissions_is_one_acknowledgement)
{
	net_peer_submit(peer, 5, 1000, 256);
	net_peer_expect(peer, PENSTOCK_FRAME_ACK, 1000);
	ck_assert_uint_eq(fake.submissions, 1000);
	ck_assert_uint_eq(fake.command_sum, 256000);
}
END_TEST

START_TEST(a_frame_larger_than_the_read_buffer_is_whole_in_the_end)
{
	net_acks_wait();
	net_peer_submit(peer, 5, 3, 1u << 20);
	net_peer_submit(peer, 5, 1, 16);
	net_peer_request(peer, PENSTOCK_FRAME_SYNC, NULL);
	net_peer_expect(peer, PENSTOCK_FRAME_ACK, 5);
	ck_assert_uint_eq(fake.submissions, 4);
	ck_assert_uint_eq(fake.command_sum, 3 * (1u << 20) + 16);
}
END_TEST

START_TEST(A7_a_refused_submission_says_where_and_the_others_go_on)
{
	Penstock__Wire__Submit submit = PENSTOCK__WIRE__SUBMIT__INIT;
	struct penstock_wire_submission records[3] = {
		{ .context = 5 },
		{ .context = 0 },
		{ .context = 5 },
	};
	Penstock__Wire__Refusal *refusal;
	struct net_frame frame;

	submit.count = 3;
	net_peer_frame(peer, PENSTOCK_FRAME_SUBMIT, 1, &submit.base, records, sizeof(records));
	peer->serial = 4;
	frame = net_peer_receive(peer);
	ck_assert_uint_eq(frame.header.serial, 2);
	refusal = penstock__wire__refusal__unpack(NULL, frame.header.message_bytes, frame.message);
	ck_assert_uint_eq(refusal->status, penstock_status_to_wire(PENSTOCK_STATUS_INVALID_HANDLE));
	ck_assert(refusal->at_instruction);
	ck_assert_uint_eq(refusal->byte_offset, 4);
	ck_assert_str_eq(refusal->instruction, "fill");
	penstock__wire__refusal__free_unpacked(refusal, NULL);
	net_frame_free(&frame);
	net_peer_expect(peer, PENSTOCK_FRAME_ACK, 3);
	ck_assert_uint_eq(fake.submissions, 3);
}
END_TEST

static void expect_malformed_submit(uint32_t count, const void *payload, size_t size,
				    const char *word)
{
	Penstock__Wire__Submit submit = PENSTOCK__WIRE__SUBMIT__INIT;

	submit.count = count;
	net_peer_frame(peer, PENSTOCK_FRAME_SUBMIT, 1, &submit.base, payload, size);
	net_peer_expect_closing(peer, PENSTOCK_STATUS_MALFORMED_FRAME, word);
	ck_assert_uint_eq(fake.submissions, 0);
}

START_TEST(a_submit_frame_of_too_many_is_malformed)
{
	expect_malformed_submit(PENSTOCK_LIMIT_SUBMISSIONS_PER_FRAME + 1, NULL, 0, "may be in");
}
END_TEST

/* The first submission of the frame is good, and is not executed. */
START_TEST(a_submit_frame_that_does_not_add_up_is_malformed)
{
	struct penstock_wire_submission records[2] = { { .context = 5 }, { .command_length = 8 } };

	expect_malformed_submit(2, records, sizeof(records), "0x38 bytes long");
}
END_TEST

START_TEST(bytes_behind_the_last_submission_are_malformed)
{
	struct penstock_wire_submission records[2] = { { .context = 5 } };

	expect_malformed_submit(1, records, sizeof(records), "48 bytes are left");
}
END_TEST

/* ---------------------------------------------------------------- bulk bytes */

static void upload(uint64_t allocation, uint64_t offset, const void *bytes, size_t size)
{
	Penstock__Wire__Upload message = PENSTOCK__WIRE__UPLOAD__INIT;

	message.allocation = allocation;
	message.offset = offset;
	net_peer_frame(peer, PENSTOCK_FRAME_UPLOAD, peer->serial++, &message.base, bytes, size);
}

static void read_back(uint64_t offset, uint32_t size)
{
	Penstock__Wire__ReadBack message = PENSTOCK__WIRE__READ_BACK__INIT;

	message.allocation = 9;
	message.offset = offset;
	message.size_bytes = size;
	net_peer_request(peer, PENSTOCK_FRAME_READ_BACK, &message.base);
}

START_TEST(uploaded_bytes_are_read_back)
{
	uint8_t *bytes = malloc(FAKE_MEMORY_BYTES);
	struct net_frame frame;

	for (size_t i = 0; i < FAKE_MEMORY_BYTES; i++) {
		bytes[i] = (uint8_t)(i * 7 + i / 251);
	}
	upload(9, 16, bytes, FAKE_MEMORY_BYTES - 16);
	net_peer_expect(peer, PENSTOCK_FRAME_ACK, 1);
	read_back(16, FAKE_MEMORY_BYTES - 16);
	frame = net_peer_receive(peer);
	ck_assert_str_eq(penstock_frame_name(frame.header.type), "READ_DATA");
	ck_assert_uint_eq(frame.header.serial, 2);
	ck_assert_uint_eq(frame.header.payload_bytes, FAKE_MEMORY_BYTES - 16);
	ck_assert_mem_eq(frame.payload, bytes, FAKE_MEMORY_BYTES - 16);
	ck_assert_uint_eq(fake.read_backs_ended, 1);
	net_frame_free(&frame);
	free(bytes);
}
END_TEST

START_TEST(a_refused_upload_is_skipped)
{
	uint8_t *bytes = calloc(1, FAKE_MEMORY_BYTES);

	upload(0, 0, bytes, FAKE_MEMORY_BYTES);
	net_peer_expect_refusal(peer, 1, PENSTOCK_STATUS_INVALID_HANDLE);
	upload(9, 1, bytes, FAKE_MEMORY_BYTES);
	net_peer_expect_refusal(peer, 2, PENSTOCK_STATUS_INVALID_PARAMETER);
	upload(9, 0, bytes, 0);
	net_peer_expect_refusal(peer, 3, PENSTOCK_STATUS_INVALID_PARAMETER);
	sync_round_trip(peer);
	ck_assert_uint_eq(fake.uploads, 0);
	free(bytes);
}
END_TEST

START_TEST(a_torn_upload_is_told_to_the_objects)
{
	uint8_t bytes[100] = { 1 };

	send_header(PENSTOCK_FRAME_UPLOAD, 1, 2, 1000);
	net_peer_send(peer, "\x10\x00", 2);
	net_peer_close(peer);
	net_turns();
	ck_assert_uint_eq(fake.torn_uploads, 0); /* allocation 0 is refused: nothing was begun */
	peer = net_peer_open();
	send_header(PENSTOCK_FRAME_UPLOAD, 1, 9, 1000);
	net_peer_send(peer, "\x09\x01\0\0\0\0\0\0\0", 9);
	net_peer_send(peer, bytes, sizeof(bytes));
	net_turns();
	ck_assert_uint_eq(fake.uploads, 1);
	net_peer_close(peer);
	net_turns();
	ck_assert_uint_eq(fake.torn_uploads, 1);
	peer = net_peer_connect();
}
END_TEST

START_TEST(a_read_back_larger_than_a_payload_is_refused)
{
	read_back(0, PENSTOCK_LIMIT_PAYLOAD_BYTES + 1);
	net_peer_expect_refusal(peer, 1, PENSTOCK_STATUS_LIMIT_EXCEEDED);
	read_back(0, 0);
	net_peer_expect_refusal(peer, 2, PENSTOCK_STATUS_INVALID_PARAMETER);
}
END_TEST

/* ---------------------------------------------------------------- back-pressure */

START_TEST(over_credit_reading_stops_until_it_is_resumed)
{
	fake.over_credit = true;
	net_peer_submit(peer, 5, 1, 8);
	net_peer_submit(peer, 5, 1, 8);
	net_turns();
	ck_assert_uint_eq(fake.submissions, 1);
	fake.over_credit = false;
	fake.events.resume(fake.events.owner);
	net_turns();
	ck_assert_uint_eq(fake.submissions, 2);
	ck_assert_uint_eq(penstock_net_counters(net_under_test)->reading_stopped, 1);
}
END_TEST

/* A client that reads nothing: its answers and read-backs stay within their limits. */
START_TEST(a_client_that_never_reads_stalls_only_itself)
{
	struct net_peer *other = net_peer_open();
	const struct penstock_connection *connection =
		penstock_list_entry(penstock_list_first(&net_under_test->connections),
				    struct penstock_connection, link);

	for (unsigned i = 0; i < 1000; i++) {
		Penstock__Wire__ReadBack message = PENSTOCK__WIRE__READ_BACK__INIT;
		uint8_t bytes[64];
		struct penstock_frame frame = { .type = PENSTOCK_FRAME_READ_BACK, .serial = i + 1 };

		message.allocation = 9;
		message.size_bytes = FAKE_MEMORY_BYTES;
		frame.message_bytes =
			(uint32_t)penstock__wire__read_back__get_packed_size(&message);
		penstock_frame_encode(&frame, bytes);
		penstock__wire__read_back__pack(&message, bytes + PENSTOCK_FRAME_HEADER_BYTES);
		if (send(peer->descriptor, bytes, PENSTOCK_FRAME_HEADER_BYTES + frame.message_bytes,
			 MSG_NOSIGNAL | MSG_DONTWAIT) < 0) {
			break; /* the daemon has stopped reading */
		}
		uv_run(&net_loop, UV_RUN_NOWAIT);
	}
	net_turns();
	ck_assert_uint_eq(connection->outbox.reads, PENSTOCK_LIMIT_READS_IN_FLIGHT);
	ck_assert(connection->transport.paused);
	sync_round_trip(other);
	net_peer_close(other);
}
END_TEST

/* It sends what is refused and never reads: reading stops when its answers fill the outbox. */
START_TEST(unread_refusals_stop_the_reading)
{
	const struct penstock_connection *connection =
		penstock_list_entry(penstock_list_first(&net_under_test->connections),
				    struct penstock_connection, link);
	Penstock__Wire__Submit submit = PENSTOCK__WIRE__SUBMIT__INIT;
	const size_t size = 4096 * sizeof(struct penstock_wire_submission);
	uint8_t *payload = calloc(1, size);

	submit.count = 4096;
	for (unsigned i = 0; i < 200 && !connection->transport.paused; i++) {
		net_peer_frame(peer, PENSTOCK_FRAME_SUBMIT, peer->serial, &submit.base, payload,
			       size);
		peer->serial += 4096;
	}
	free(payload);
	ck_assert(connection->transport.paused);
	ck_assert_uint_lt(connection->outbox.chain.bytes, 2 * PENSTOCK_LIMIT_OUTBOX_BYTES);
	for (uint64_t i = 1; i < peer->serial; i++) {
		net_peer_expect_refusal(peer, i, PENSTOCK_STATUS_INVALID_HANDLE);
	}
	sync_round_trip(peer);
}
END_TEST

/* ---------------------------------------------------------------- ends */

START_TEST(goodbye_ends_the_session_at_once)
{
	net_peer_request(peer, PENSTOCK_FRAME_GOODBYE, NULL);
	net_peer_expect_closing(peer, PENSTOCK_STATUS_SUCCESS, "goodbye");
	ck_assert_uint_eq(fake.sessions_ended, 1);
	ck_assert_uint_eq(fake.sessions_disconnected, 0);
}
END_TEST

START_TEST(a_session_ended_by_somebody_else_is_not_given_back)
{
	fake_objects_end(PENSTOCK_STATUS_CONNECTION_DISCONNECTED, "resumed elsewhere");
	net_peer_expect_closing(peer, PENSTOCK_STATUS_CONNECTION_DISCONNECTED, "elsewhere");
	ck_assert_uint_eq(fake.sessions_disconnected, 0);
}
END_TEST

START_TEST(a_connection_waits_for_its_pending_requests)
{
	Penstock__Wire__CreateAllocation create = PENSTOCK__WIRE__CREATE_ALLOCATION__INIT;

	fake.pend = true;
	net_peer_request(peer, PENSTOCK_FRAME_CREATE_ALLOCATION, &create.base);
	read_back(0, 64);
	net_turns();
	ck_assert_uint_eq(fake.pending_count, 2);
	net_peer_close(peer);
	net_turns();
	ck_assert_uint_eq(fake.sessions_disconnected, 1);
	ck_assert_uint_eq(net_under_test->connection_count, 1);
	fake_objects_finish(PENSTOCK_STATUS_CANCELLED);
	fake_objects_finish(PENSTOCK_STATUS_SUCCESS); /* a late read-back is given back */
	ck_assert_uint_eq(fake.read_backs_ended, 1);
	ck_assert_uint_eq(net_under_test->connection_count, 0);
	peer = net_peer_connect();
}
END_TEST

START_TEST(a_stopping_net_tells_its_clients)
{
	net_peer_expect_silence(peer);
	penstock_net_drain(net_under_test);
	sync_round_trip(peer); /* drained: who is there goes on */
}
END_TEST

/* ---------------------------------------------------------------- roles */

START_TEST(admin_requests_are_for_the_administrator)
{
	struct penstock_connection *connection =
		penstock_list_entry(penstock_list_first(&net_under_test->connections),
				    struct penstock_connection, link);
	struct net_frame frame;

	net_peer_request(peer, PENSTOCK_FRAME_ADMIN_METRICS, NULL);
	frame = net_peer_receive(peer);
	ck_assert_str_eq(penstock_frame_name(frame.header.type), "METRICS_REPORT");
	net_frame_free(&frame);
	connection->admin = false;
	send_header(PENSTOCK_FRAME_ADMIN_METRICS, peer->serial++, 4, 0);
	net_peer_send(peer, "\xff\xff\xff\xff", 4); /* the message is not looked at */
	net_peer_expect_refusal(peer, 2, PENSTOCK_STATUS_ACCESS_DENIED);
	sync_round_trip(peer);
}
END_TEST

static TCase *opening(void)
{
	TCase *tcase = tcase_create("opening");

	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_add_test(tcase, hello_is_answered_with_versions_session_and_adapter);
	tcase_add_test(tcase, a_resumed_session_goes_on_behind_its_last_serial);
	tcase_add_test(tcase, a_welcome_waits_until_what_was_executed_is_durable);
	tcase_add_test(tcase, a_welcome_waits_until_the_session_is_durable);
	tcase_add_test(tcase, a_session_that_is_not_there_cannot_be_resumed);
	tcase_add_test(tcase, another_version_is_a_driver_mismatch);
	tcase_add_test(tcase, another_instruction_set_is_a_driver_mismatch);
	tcase_add_test(tcase, a_request_before_the_hello_is_malformed);
	tcase_add_test(tcase, a_second_hello_is_malformed);
	tcase_add_test(tcase, requests_may_follow_the_hello_at_once);
	tcase_add_test(tcase, a_connection_without_a_session_may_only_sync);
	tcase_add_test(tcase, a_submit_without_a_session_is_refused_when_the_header_is_there);
	tcase_add_test(tcase, garbage_is_closed_with_a_reason);
	return tcase;
}

static TCase *limits(void)
{
	TCase *tcase = tcase_create("limits");

	tcase_add_test(tcase, a_silent_connection_is_closed_at_the_deadline);
	tcase_add_test(tcase, a_peer_that_does_not_close_is_closed);
	tcase_add_test(tcase, connections_beyond_the_limit_are_told_so);
	tcase_add_test(tcase, refused_connections_leave_the_others_their_places);
	tcase_add_test(tcase, large_frames_of_a_principal_are_bounded_together);
	return tcase;
}

static TCase *faults(void)
{
	TCase *tcase = tcase_create("faults");

	tcase_add_checked_fixture(tcase, setup_open, teardown);
	tcase_add_test(tcase, a_lying_length_is_refused_when_the_header_is_there);
	tcase_add_test(tcase, a_long_message_is_refused_when_the_header_is_there);
	tcase_add_test(tcase, memory_is_taken_only_as_bytes_arrive);
	tcase_add_test(tcase, an_unknown_type_is_closed_with_a_reason);
	tcase_add_test(tcase, an_answer_is_no_request);
	tcase_add_test(tcase, a_payload_where_none_belongs_is_malformed);
	tcase_add_test(tcase, a_wrong_serial_closes);
	tcase_add_test(tcase, a_bad_message_is_refused_and_the_next_request_is_good);
	tcase_add_test(tcase, a_message_of_an_impossible_size_is_refused);
	tcase_add_test(tcase, a_refused_request_names_its_status);
	tcase_add_test(tcase, frames_that_arrive_byte_by_byte_are_whole_in_the_end);
	tcase_add_test(tcase, half_a_frame_and_an_end_leave_nothing_behind);
	tcase_add_test(tcase, admin_requests_are_for_the_administrator);
	return tcase;
}

static TCase *work(void)
{
	TCase *tcase = tcase_create("work");

	tcase_add_checked_fixture(tcase, setup_open, teardown);
	tcase_add_test(tcase, a_frame_of_many_submissions_is_one_acknowledgement);
	tcase_add_test(tcase, a_frame_larger_than_the_read_buffer_is_whole_in_the_end);
	tcase_add_test(tcase, A7_a_refused_submission_says_where_and_the_others_go_on);
	tcase_add_test(tcase, a_submit_frame_of_too_many_is_malformed);
	tcase_add_test(tcase, a_submit_frame_that_does_not_add_up_is_malformed);
	tcase_add_test(tcase, bytes_behind_the_last_submission_are_malformed);
	tcase_add_test(tcase, uploaded_bytes_are_read_back);
	tcase_add_test(tcase, a_refused_upload_is_skipped);
	tcase_add_test(tcase, a_torn_upload_is_told_to_the_objects);
	tcase_add_test(tcase, a_read_back_larger_than_a_payload_is_refused);
	tcase_add_test(tcase, over_credit_reading_stops_until_it_is_resumed);
	tcase_add_test(tcase, a_client_that_never_reads_stalls_only_itself);
	tcase_add_test(tcase, unread_refusals_stop_the_reading);
	tcase_add_test(tcase, goodbye_ends_the_session_at_once);
	tcase_add_test(tcase, a_session_ended_by_somebody_else_is_not_given_back);
	tcase_add_test(tcase, a_connection_waits_for_its_pending_requests);
	tcase_add_test(tcase, a_stopping_net_tells_its_clients);
	return tcase;
}

int main(void)
{
	Suite *suite = suite_create("connection");

	suite_add_tcase(suite, opening());
	suite_add_tcase(suite, limits());
	suite_add_tcase(suite, faults());
	suite_add_tcase(suite, work());
	return penstock_test_main(suite);
}
