/* SPDX-License-Identifier: MIT */
#include "tests/unit/net_peer.h"

#include "daemon/net/connection.h"
#include "proto/isa/instruction.h"
#include "proto/wire/penstock.pb-c.h"
#include "tests/harness.h"
#include "tests/unit/fake_objects.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

uv_loop_t net_loop;
struct penstock_net *net_under_test;

static char *metrics(void *owner)
{
	(void)owner;
	return strdup("penstock_test 1\n");
}

void net_setup_with(uint64_t hello_ms, uint64_t closing_ms, uint32_t max_connections)
{
	struct penstock_net_config config = {
		.loop = &net_loop,
		.adapters = { { .description = "a test",
				.backend = "fake",
				.local_bytes = 1u << 20,
				.aperture_bytes = 1u << 20,
				.aperture_commit_limit_bytes = 1u << 20,
				.hw_queue_packet_cap = 2 } },
		.adapter_count = 1,
		.server = "test",
		.hello_ms = hello_ms,
		.closing_ms = closing_ms,
		.ack_delay_ms = PENSTOCK_NET_ACK_DELAY_MS,
		.max_connections = max_connections,
		.metrics = metrics,
	};

	(void)signal(SIGPIPE, SIG_IGN);
	fake_objects_reset();
	ck_assert_int_eq(uv_loop_init(&net_loop), 0);
	ck_assert_int_eq(penstock_net_start(&config, &net_under_test), PENSTOCK_STATUS_SUCCESS);
}

void net_setup(void)
{
	net_setup_with(PENSTOCK_LIMIT_HELLO_MS, PENSTOCK_LIMIT_CLOSING_MS,
		       PENSTOCK_LIMIT_CONNECTIONS);
}

static void stopped(void *argument)
{
	*(bool *)argument = true;
}

void net_teardown(void)
{
	bool done = false;

	penstock_net_stop(net_under_test, stopped, &done);
	fake_objects_cancel();
	while (!done) {
		uv_run(&net_loop, UV_RUN_ONCE);
	}
	uv_run(&net_loop, UV_RUN_DEFAULT);
	ck_assert_int_eq(uv_loop_close(&net_loop), 0);
	ck_assert_uint_eq(fake.sessions_begun, fake.sessions_disconnected + fake.sessions_ended);
	ck_assert_uint_eq(fake.read_backs, fake.read_backs_ended);
}

void net_turns(void)
{
	for (unsigned i = 0; i < 8; i++) {
		uv_run(&net_loop, UV_RUN_NOWAIT);
	}
}

struct net_peer *net_peer_connect(void)
{
	struct net_peer *peer = calloc(1, sizeof(*peer));
	int pair[2];

	ck_assert_ptr_nonnull(peer);
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair),
			 0);
	peer->descriptor = pair[0];
	peer->serial = 1;
	ck_assert_int_eq(penstock_connection_new(net_under_test, pair[1], true),
			 PENSTOCK_STATUS_SUCCESS);
	return peer;
}

struct net_peer *net_peer_open(void)
{
	Penstock__Wire__Hello hello = PENSTOCK__WIRE__HELLO__INIT;
	struct net_peer *peer = net_peer_connect();

	hello.major = PENSTOCK_PROTOCOL_MAJOR;
	hello.isa_version = PENSTOCK_ISA_VERSION;
	net_peer_frame(peer, PENSTOCK_FRAME_HELLO, 0, &hello.base, NULL, 0);
	net_peer_expect(peer, PENSTOCK_FRAME_WELCOME, 0);
	return peer;
}

void net_peer_close(struct net_peer *peer)
{
	if (peer->descriptor >= 0) {
		close(peer->descriptor);
	}
	free(peer->bytes);
	free(peer);
}

bool net_peer_send(struct net_peer *peer, const void *bytes, size_t size)
{
	const uint8_t *next = bytes;

	while (size > 0) {
		ssize_t sent = send(peer->descriptor, next, size, MSG_NOSIGNAL);

		if (sent < 0 && errno != EAGAIN) {
			return false;
		}
		if (sent > 0) {
			next += sent;
			size -= (size_t)sent;
		}
		uv_run(&net_loop, UV_RUN_NOWAIT);
	}
	return true;
}

void net_peer_frame(struct net_peer *peer, uint16_t type, uint64_t serial,
		    const ProtobufCMessage *message, const void *payload, size_t payload_bytes)
{
	size_t message_bytes = message != NULL ? protobuf_c_message_get_packed_size(message) : 0;
	size_t size = PENSTOCK_FRAME_HEADER_BYTES + message_bytes + payload_bytes;
	struct penstock_frame frame = { .type = type,
					.serial = serial,
					.message_bytes = (uint32_t)message_bytes,
					.payload_bytes = (uint32_t)payload_bytes };
	uint8_t *bytes = malloc(size);

	ck_assert_ptr_nonnull(bytes);
	penstock_frame_encode(&frame, bytes);
	if (message != NULL) {
		protobuf_c_message_pack(message, bytes + PENSTOCK_FRAME_HEADER_BYTES);
	}
	if (payload_bytes > 0) {
		memcpy(bytes + PENSTOCK_FRAME_HEADER_BYTES + message_bytes, payload, payload_bytes);
	}
	net_peer_send(peer, bytes, size);
	free(bytes);
}

void net_peer_request(struct net_peer *peer, uint16_t type, const ProtobufCMessage *message)
{
	net_peer_frame(peer, type, peer->serial++, message, NULL, 0);
}

void net_peer_submit(struct net_peer *peer, uint64_t context, uint32_t count, uint32_t bytes)
{
	struct penstock_wire_submission record = { .context = context, .command_length = bytes };
	size_t one = (size_t)penstock_align_up(sizeof(record) + bytes, 8);
	Penstock__Wire__Submit submit = PENSTOCK__WIRE__SUBMIT__INIT;
	uint8_t *payload = calloc(count, one);

	ck_assert_ptr_nonnull(payload);
	for (uint32_t i = 0; i < count; i++) {
		memcpy(payload + i * one, &record, sizeof(record));
		memset(payload + i * one + sizeof(record), 1, bytes);
	}
	submit.count = count;
	net_peer_frame(peer, PENSTOCK_FRAME_SUBMIT, peer->serial, &submit.base, payload,
		       count * one);
	peer->serial += count;
	free(payload);
}

/* ---------------------------------------------------------------- receiving */

/* More bytes, without waiting: how many; 0 at the end of the stream, -1 where there are none. */
static ssize_t receive_some(struct net_peer *peer)
{
	ssize_t count;

	if (peer->size == peer->capacity) {
		peer->capacity = peer->capacity == 0 ? 65536 : peer->capacity * 2;
		peer->bytes = realloc(peer->bytes, peer->capacity);
		ck_assert_ptr_nonnull(peer->bytes);
	}
	count = recv(peer->descriptor, peer->bytes + peer->size, peer->capacity - peer->size,
		     MSG_DONTWAIT);
	if (count > 0) {
		peer->size += (size_t)count;
	}
	return count;
}

static bool whole_frame(struct net_peer *peer, struct penstock_frame *ret_header)
{
	if (peer->size < PENSTOCK_FRAME_HEADER_BYTES) {
		return false;
	}
	ck_assert_int_eq(penstock_frame_decode(peer->bytes, ret_header, NULL),
			 PENSTOCK_STATUS_SUCCESS);
	return peer->size >= PENSTOCK_FRAME_HEADER_BYTES + (size_t)ret_header->message_bytes +
				     ret_header->payload_bytes;
}

struct net_frame net_peer_receive(struct net_peer *peer)
{
	struct net_frame frame = { .message = NULL };
	size_t body;

	while (!whole_frame(peer, &frame.header)) {
		ssize_t count = receive_some(peer);

		ck_assert_msg(count != 0, "the stream ended where a frame was expected");
		if (count < 0) {
			uv_run(&net_loop, UV_RUN_ONCE);
		}
	}
	body = (size_t)frame.header.message_bytes + frame.header.payload_bytes;
	frame.message = malloc(body + 1);
	ck_assert_ptr_nonnull(frame.message);
	memcpy(frame.message, peer->bytes + PENSTOCK_FRAME_HEADER_BYTES, body);
	frame.payload = frame.message + frame.header.message_bytes;
	body += PENSTOCK_FRAME_HEADER_BYTES;
	peer->size -= body;
	memmove(peer->bytes, peer->bytes + body, peer->size);
	return frame;
}

void net_frame_free(struct net_frame *frame)
{
	free(frame->message);
	frame->message = NULL;
}

void net_peer_expect(struct net_peer *peer, uint16_t type, uint64_t serial)
{
	struct net_frame frame = net_peer_receive(peer);

	ck_assert_str_eq(penstock_frame_name(frame.header.type), penstock_frame_name(type));
	ck_assert_uint_eq(frame.header.serial, serial);
	net_frame_free(&frame);
}

void net_peer_expect_refusal(struct net_peer *peer, uint64_t serial, enum penstock_status status)
{
	struct net_frame frame = net_peer_receive(peer);
	Penstock__Wire__Refusal *refusal;

	ck_assert_str_eq(penstock_frame_name(frame.header.type), "REFUSAL");
	ck_assert_uint_eq(frame.header.serial, serial);
	refusal = penstock__wire__refusal__unpack(NULL, frame.header.message_bytes, frame.message);
	ck_assert_ptr_nonnull(refusal);
	ck_assert_str_eq(penstock_status_name(penstock_status_from_wire(refusal->status)),
			 penstock_status_name(status));
	ck_assert_uint_gt(strlen(refusal->sentence), 0);
	penstock__wire__refusal__free_unpacked(refusal, NULL);
	net_frame_free(&frame);
}

void net_peer_expect_fence(struct net_peer *peer, uint64_t context, uint64_t serial)
{
	struct net_frame frame = net_peer_receive(peer);
	Penstock__Wire__Fence *fence;

	ck_assert_str_eq(penstock_frame_name(frame.header.type), "FENCE");
	ck_assert_uint_eq(frame.header.serial, 0);
	fence = penstock__wire__fence__unpack(NULL, frame.header.message_bytes, frame.message);
	ck_assert_ptr_nonnull(fence);
	ck_assert_uint_eq(fence->context, context);
	ck_assert_uint_eq(fence->fence, serial);
	penstock__wire__fence__free_unpacked(fence, NULL);
	net_frame_free(&frame);
}

void net_peer_expect_end(struct net_peer *peer)
{
	ssize_t count;

	ck_assert_uint_eq(peer->size, 0);
	while ((count = receive_some(peer)) < 0 && errno == EAGAIN) {
		uv_run(&net_loop, UV_RUN_ONCE);
	}
	ck_assert_int_le(count, 0);
}

void net_peer_expect_closing(struct net_peer *peer, enum penstock_status status, const char *word)
{
	struct net_frame frame = net_peer_receive(peer);
	Penstock__Wire__Closing *closing;

	ck_assert_str_eq(penstock_frame_name(frame.header.type), "CLOSING");
	ck_assert_uint_eq(frame.header.serial, 0);
	closing = penstock__wire__closing__unpack(NULL, frame.header.message_bytes, frame.message);
	ck_assert_ptr_nonnull(closing);
	ck_assert_str_eq(penstock_status_name(penstock_status_from_wire(closing->status)),
			 penstock_status_name(status));
	ck_assert_msg(strstr(closing->sentence, word) != NULL, "'%s' does not say '%s'",
		      closing->sentence, word);
	penstock__wire__closing__free_unpacked(closing, NULL);
	net_frame_free(&frame);
	net_peer_expect_end(peer);
}

void net_peer_expect_silence(struct net_peer *peer)
{
	net_turns();
	ck_assert_uint_eq(peer->size, 0);
	ck_assert_int_lt(receive_some(peer), 0);
}
