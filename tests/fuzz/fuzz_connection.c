/* SPDX-License-Identifier: MIT */
/*
 * Connections, and everything that can happen around them: peers that come, go, say anything and
 * read late; objects (tests/unit/fake_objects.h) that refuse, keep waiting, end sessions; a store
 * that is slow; memory that runs out. The input:
 *
 *	byte 0   bit 0: sessions have leases; bit 1: their rows are under way; bits 2-4: how
 *		 sessions are answered
 *	byte 1   last serial of a session that is resumed; byte 2 the one it refused
 *	then     steps:
 *
 *	0 WHO BITS               connects      8 STATUS      the oldest that waits is done
 *	1 WHO BITS ANSWERED HELD says hello    9 STATUS BITS how objects answer from here on
 *	2 WHO TYPE LENGTH BYTES... PAYLOAD     10 N          N serials more are durable
 *				 a request     11 STATUS     somebody else ends the latest session
 *	3 WHO LENGTH BYTES...    any bytes     12 BIT        over its credit, or not any more
 *	4                        a turn        13 N          the N-th allocation fails
 *	5 WHO N                  reads         14            the kernel buffers little for all
 *	6 WHO                    closes        15 STATUS     a fence of the latest session
 *	7 WHO N BYTES...         a Submit frame of N submissions that adds up
 *
 * Whatever comes: answers are frames, in the order of serials, of requests that were made, and not
 * before they are durable; sessions are given back; nothing is left.
 */
#include "daemon/net/connection.h"
#include "proto/isa/instruction.h"
#include "proto/wire/penstock.pb-c.h"
#include "tests/faults/fault.h"
#include "tests/fuzz/answers.h"
#include "tests/fuzz/input.h"
#include "tests/fuzz/net.h"

#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define PEERS           (PENSTOCK_FUZZ_CONNECTIONS + 2) /* more than there may be */
#define REQUEST_BYTES   (1u << 16)
#define SUBMISSIONS_MAX 16u

struct peer {
	int descriptor; /* -1: there is none */
	bool greets;    /* has said hello: another one changes nothing */
	bool session;
	bool rambles;      /* who knows what its bytes were */
	uint64_t serial;   /* of its last request */
	uint64_t answered; /* serial of the last answer */
	struct penstock_fuzz_answers answers;
};

static uv_loop_t loop;
static struct penstock_net *net;
static struct peer peers[PEERS];

static struct peer *take_peer(struct penstock_fuzz_input *input)
{
	return &peers[penstock_fuzz_choose(input, PEERS)];
}

static enum penstock_status take_status(struct penstock_fuzz_input *input)
{
	static const enum penstock_status statuses[] = {
		PENSTOCK_STATUS_SUCCESS,        PENSTOCK_STATUS_NO_MEMORY,
		PENSTOCK_STATUS_NOT_FOUND,      PENSTOCK_STATUS_QUOTA_EXCEEDED,
		PENSTOCK_STATUS_DEVICE_REMOVED, PENSTOCK_STATUS_ILLEGAL_INSTRUCTION,
		PENSTOCK_STATUS_CANCELLED,      PENSTOCK_STATUS_PREDECESSOR_FAILED,
	};

	return statuses[penstock_fuzz_choose(input, PENSTOCK_ARRAY_SIZE(statuses))];
}

/* ---------------------------------------------------------------- peers */

/* Answers of requests; reports are answers too, notices are none. */
static bool is_answer(uint16_t type)
{
	return type != PENSTOCK_FRAME_WELCOME && type != PENSTOCK_FRAME_FENCE &&
	       type != PENSTOCK_FRAME_SYNC_VALUE && type != PENSTOCK_FRAME_CLOSING;
}

static void check_answer(void *owner, const struct penstock_frame *frame)
{
	struct peer *peer = owner;

	if (!is_answer(frame->type)) {
		return;
	}
	PENSTOCK_REQUIRE(frame->serial > peer->answered &&
			 (peer->rambles || frame->serial <= peer->serial));
	PENSTOCK_REQUIRE(!peer->session || !fake.leased || frame->serial <= fake.durable);
	peer->answered = frame->serial;
}

static void close_peer(struct peer *peer)
{
	if (peer->descriptor >= 0) {
		close(peer->descriptor);
		peer->descriptor = -1;
	}
}

static void connect_peer(struct penstock_fuzz_input *input)
{
	struct peer *peer = take_peer(input);
	bool unix_socket = (penstock_fuzz_take(input, 1) & 1) != 0;
	enum penstock_status status;
	int pair[2];

	close_peer(peer);
	PENSTOCK_REQUIRE(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) == 0);
	*peer = (struct peer){ .descriptor = pair[0],
			       .answers = { .frame = check_answer, .owner = peer } };
	status = penstock_connection_new(net, pair[1], unix_socket);
	if (status != PENSTOCK_STATUS_SUCCESS) {
		PENSTOCK_REQUIRE(status == PENSTOCK_STATUS_NO_MEMORY);
		close(pair[1]);
	}
}

static void send_bytes(const struct peer *peer, const void *bytes, size_t size)
{
	if (peer->descriptor >= 0) {
		(void)send(peer->descriptor, bytes, size, MSG_NOSIGNAL | MSG_DONTWAIT);
	}
}

static void say_hello(struct penstock_fuzz_input *input)
{
	Penstock__Wire__Hello hello = PENSTOCK__WIRE__HELLO__INIT;
	struct penstock_frame frame = { .type = PENSTOCK_FRAME_HELLO };
	struct peer *peer = take_peer(input);
	uint32_t bits = penstock_fuzz_take(input, 1);
	uint8_t bytes[256];
	bool resumes = (bits & 4) != 0;

	hello.features = bits & 3;
	hello.session_high = resumes ? 1 : 0;
	hello.lease_s = (bits & 8) != 0 ? 30 : 0;
	hello.major = (bits & 16) == 0 ? PENSTOCK_PROTOCOL_MAJOR : bits;
	hello.isa_version = (bits & 32) == 0 ? PENSTOCK_ISA_VERSION : bits;
	hello.client = (bits & 64) == 0 ? hello.client : (char *)(uintptr_t) "a client of the test";
	hello.answered = penstock_fuzz_take(input, 1);
	hello.oldest_held = penstock_fuzz_take(input, 1);
	frame.message_bytes = (uint32_t)penstock__wire__hello__get_packed_size(&hello);
	PENSTOCK_REQUIRE(PENSTOCK_FRAME_HEADER_BYTES + frame.message_bytes <= sizeof(bytes));
	penstock_frame_encode(&frame, bytes);
	(void)penstock__wire__hello__pack(&hello, bytes + PENSTOCK_FRAME_HEADER_BYTES);
	send_bytes(peer, bytes, PENSTOCK_FRAME_HEADER_BYTES + frame.message_bytes);
	if (!peer->greets) {
		peer->greets = true;
		peer->session = (hello.features & PENSTOCK_FEATURE_NO_SESSION) == 0;
		peer->serial += resumes ? fake.last_serial : 0;
	}
}

/* With the serial that is due. */
static void send_request(struct peer *peer, struct penstock_frame *frame, uint8_t *bytes,
			 uint64_t serials)
{
	frame->serial = peer->serial + 1;
	peer->serial += serials;
	penstock_frame_encode(frame, bytes);
	send_bytes(peer, bytes,
		   PENSTOCK_FRAME_HEADER_BYTES + (size_t)frame->message_bytes +
			   frame->payload_bytes);
}

static void request(struct penstock_fuzz_input *input)
{
	static const uint16_t types[] = {
#define FRAME(name, number, message) number,
		PENSTOCK_FRAMES(FRAME)
#undef FRAME
	};
	static uint8_t bytes[REQUEST_BYTES];
	struct peer *peer = take_peer(input);
	struct penstock_frame frame = {
		.type = types[penstock_fuzz_choose(input, PENSTOCK_ARRAY_SIZE(types))]
	};
	size_t length = penstock_fuzz_take(input, 1);
	const uint8_t *message = penstock_fuzz_take_bytes(input, &length);

	memcpy(bytes + PENSTOCK_FRAME_HEADER_BYTES, message, length);
	frame.message_bytes = (uint32_t)length;
	frame.payload_bytes = penstock_fuzz_take(input, 1) * 64;
	send_request(peer, &frame, bytes, 1);
}

static void submit(struct penstock_fuzz_input *input)
{
	static uint8_t bytes[REQUEST_BYTES];
	Penstock__Wire__Submit message = PENSTOCK__WIRE__SUBMIT__INIT;
	struct penstock_frame frame = { .type = PENSTOCK_FRAME_SUBMIT };
	struct peer *peer = take_peer(input);
	struct penstock_wire_submission record = { .context = 1 };
	uint8_t *at;

	message.count = 1 + penstock_fuzz_choose(input, SUBMISSIONS_MAX);
	frame.message_bytes = (uint32_t)penstock__wire__submit__get_packed_size(&message);
	at = bytes + PENSTOCK_FRAME_HEADER_BYTES;
	at += penstock__wire__submit__pack(&message, at);
	for (uint32_t i = 0; i < message.count; i++) {
		size_t length = penstock_fuzz_take(input, 1);
		const uint8_t *commands = penstock_fuzz_take_bytes(input, &length);
		size_t padded = (length + 7) / 8 * 8;

		record.command_length = (uint32_t)length;
		memcpy(at, &record, sizeof(record));
		memset(at + sizeof(record), 0, padded);
		memcpy(at + sizeof(record), commands, length);
		at += sizeof(record) + padded;
	}
	frame.payload_bytes =
		(uint32_t)(at - bytes) - PENSTOCK_FRAME_HEADER_BYTES - frame.message_bytes;
	send_request(peer, &frame, bytes, message.count);
}

static void say_anything(struct penstock_fuzz_input *input)
{
	struct peer *peer = take_peer(input);
	size_t length = penstock_fuzz_take(input, 1);
	const uint8_t *bytes = penstock_fuzz_take_bytes(input, &length);

	send_bytes(peer, bytes, length);
	peer->rambles = true;
}

static void read_some(struct penstock_fuzz_input *input)
{
	struct peer *peer = take_peer(input);
	size_t most = (size_t)penstock_fuzz_take(input, 1) * 256 + 1;

	if (peer->descriptor >= 0) {
		(void)penstock_fuzz_answers_receive(&peer->answers, peer->descriptor, most);
	}
}

static void close_one(struct penstock_fuzz_input *input)
{
	close_peer(take_peer(input));
}

static void buffer_little(struct penstock_fuzz_input *input)
{
	const int least = 1;

	(void)input;
	penstock_list_for_each (link, &net->connections) {
		const struct penstock_connection *connection =
			penstock_list_entry(link, struct penstock_connection, link);
		uv_os_fd_t descriptor;

		if (uv_fileno((const uv_handle_t *)&connection->transport.handle.stream,
			      &descriptor) == 0) {
			(void)setsockopt(descriptor, SOL_SOCKET, SO_SNDBUF, &least, sizeof(least));
		}
	}
}

/* ---------------------------------------------------------------- what is behind them */

static void turn(struct penstock_fuzz_input *input)
{
	(void)input;
	(void)uv_run(&loop, UV_RUN_NOWAIT);
}

static void finish(struct penstock_fuzz_input *input)
{
	enum penstock_status status = take_status(input);

	if (fake.pending_count > 0) {
		fake_objects_finish(status);
	}
}

static void choose_answer(struct penstock_fuzz_input *input)
{
	fake.answer = take_status(input);
	fake.pend = (penstock_fuzz_take(input, 1) & 1) != 0;
}

static void make_durable(struct penstock_fuzz_input *input)
{
	fake.durable += penstock_fuzz_take(input, 1);
	fake.not_kept = false;
	if (fake.latest != NULL) {
		fake.events.durable(fake.events.owner, fake.durable);
	}
}

static void end_session(struct penstock_fuzz_input *input)
{
	enum penstock_status status = take_status(input);

	if (fake.latest != NULL) {
		fake_objects_end(status, "somebody ended it");
	}
}

static void choose_credit(struct penstock_fuzz_input *input)
{
	fake.over_credit = (penstock_fuzz_take(input, 1) & 1) != 0;
	if (!fake.over_credit && fake.latest != NULL) {
		fake.events.resume(fake.events.owner);
	}
}

static void arm(struct penstock_fuzz_input *input)
{
	penstock_fault_arm(penstock_fuzz_take(input, 1), PENSTOCK_FAULT_MEMORY);
}

static void tell_fence(struct penstock_fuzz_input *input)
{
	enum penstock_status status = take_status(input);

	if (fake.latest != NULL) {
		fake.events.fence(fake.events.owner, 1, fake.durable + fake.calls, status);
	}
}

static void (*const steps[])(struct penstock_fuzz_input *input) = {
	connect_peer,  say_hello, request,       say_anything,  turn,         read_some,
	close_one,     submit,    finish,        choose_answer, make_durable, end_session,
	choose_credit, arm,       buffer_little, tell_fence,
};

/* ---------------------------------------------------------------- begin and end */

static void begin(struct penstock_fuzz_input *input)
{
	uint32_t bits = penstock_fuzz_take(input, 1);

	fake_objects_reset();
	fake.leased = (bits & 1) != 0;
	fake.not_kept = (bits & 2) != 0;
	fake.contexts = 3;
	fake.last_serial = penstock_fuzz_take(input, 1);
	fake.refused = penstock_fuzz_take(input, 1);
	fake.durable = fake.last_serial;
	if ((bits & 4) != 0) {
		fake.session_answer = take_status(input);
	}
	for (unsigned i = 0; i < PEERS; i++) {
		peers[i] = (struct peer){ .descriptor = -1 };
	}
	net = penstock_fuzz_net_start(&loop);
}

static void end(void)
{
	(void)penstock_fault_disarm();
	for (unsigned i = 0; i < PEERS; i++) {
		close_peer(&peers[i]);
	}
	penstock_fuzz_net_stop(net, &loop);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct penstock_fuzz_input input = { data, size };

	begin(&input);
	while (input.left > 0) {
		steps[penstock_fuzz_choose(&input, PENSTOCK_ARRAY_SIZE(steps))](&input);
	}
	end();
	return 0;
}
