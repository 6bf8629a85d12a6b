/* SPDX-License-Identifier: MIT */
/*
 * Any bytes as what a daemon sends. The client never crashes, tells of every transfer exactly once,
 * and nothing that it tells is about a request that was not made.
 *
 * Byte 0: bit 0, a proper Welcome comes before the bytes; bit 1, failures go to a callback.
 */
#include "client/include/penstock/penstock.h"
#include "proto/isa/instruction.h"
#include "proto/wire/frame.h"
#include "proto/wire/penstock.pb-c.h"
#include "tests/fuzz/fuzz.h"

#include <sys/socket.h>
#include <unistd.h>

#define TRANSFER_BYTES 32u
/* More than a socket takes at once would not get in. */
#define INPUT_MAX 60000u

struct state {
	struct penstock_connection *connection;
	uint8_t upload[TRANSFER_BYTES];
	uint8_t read_back[TRANSFER_BYTES];
	unsigned started;
	unsigned done;
	uint64_t context;
};

static void on_fence(void *owner, uint64_t context, uint64_t fence, enum penstock_status status)
{
	struct state *state = owner;

	PENSTOCK_REQUIRE(fence <= penstock_request_last(state->connection));
	PENSTOCK_REQUIRE(penstock_context_fence(state->connection, context) >= fence);
}

static void check_failure(struct state *state, const struct penstock_failure *failure)
{
	PENSTOCK_REQUIRE(failure->status != PENSTOCK_STATUS_SUCCESS);
	PENSTOCK_REQUIRE(failure->serial > 0);
	PENSTOCK_REQUIRE(failure->serial <= penstock_request_last(state->connection));
}

static void on_failure(void *owner, const struct penstock_failure *failure)
{
	check_failure(owner, failure);
}

static void on_done(void *owner, enum penstock_status status)
{
	struct state *state = owner;

	state->done++;
	PENSTOCK_REQUIRE(state->done <= state->started);
}

static void send_welcome(int descriptor)
{
	Penstock__Wire__Welcome welcome = PENSTOCK__WIRE__WELCOME__INIT;
	struct penstock_frame frame = { .type = PENSTOCK_FRAME_WELCOME };
	uint8_t bytes[256];

	welcome.major = PENSTOCK_PROTOCOL_MAJOR;
	welcome.isa_version = PENSTOCK_ISA_VERSION;
	welcome.held_submissions = 16;
	frame.message_bytes = (uint32_t)penstock__wire__welcome__get_packed_size(&welcome);
	penstock_frame_encode(&frame, bytes);
	penstock__wire__welcome__pack(&welcome, bytes + PENSTOCK_FRAME_HEADER_BYTES);
	PENSTOCK_REQUIRE(send(descriptor, bytes, PENSTOCK_FRAME_HEADER_BYTES + frame.message_bytes,
			      MSG_NOSIGNAL) > 0);
}

/* Serials: 1 device, 2 context, 3-5 submissions, 6 upload, 7 read-back, 8 destroy, 9-10 contexts'.
 */
static void make_requests(struct state *state)
{
	struct penstock_context_create_info info = { .node_ordinal = 0 };
	struct penstock_submit_info submit = { .command_length = 0 };
	uint64_t other;

	(void)penstock_device_create(state->connection, NULL, &info.device);
	(void)penstock_context_create(state->connection, &info, &state->context);
	submit.context = state->context;
	for (unsigned i = 0; i < 3; i++) {
		(void)penstock_context_submit(state->connection, &submit, NULL);
	}
	state->started += penstock_allocation_upload_start(state->connection, 77, 0, state->upload,
							   TRANSFER_BYTES, on_done,
							   state) == PENSTOCK_STATUS_SUCCESS;
	state->started += penstock_allocation_read_back_start(
				  state->connection, 77, 0, state->read_back, TRANSFER_BYTES,
				  on_done, state) == PENSTOCK_STATUS_SUCCESS;
	(void)penstock_object_destroy(state->connection, state->context);
	(void)penstock_context_create(state->connection, &info, &other);
	submit.context = other;
	(void)penstock_context_submit(state->connection, &submit, NULL);
}

static void drain(struct state *state)
{
	struct penstock_failure failure;
	const char *sentence;
	enum penstock_status status;

	do {
		status = penstock_connection_wait(state->connection, 0);
	} while (status == PENSTOCK_STATUS_SUCCESS);
	PENSTOCK_REQUIRE(status != PENSTOCK_STATUS_TIMEOUT); /* the other end is shut */
	PENSTOCK_REQUIRE(penstock_connection_status(state->connection, &sentence) == status);
	PENSTOCK_REQUIRE(sentence[0] != 0);
	PENSTOCK_REQUIRE(state->done == state->started);
	while (penstock_failure_next(state->connection, &failure) == PENSTOCK_STATUS_SUCCESS) {
		check_failure(state, &failure);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct penstock_options options = PENSTOCK_OPTIONS_INIT;
	struct state state = { .done = 0 };
	int pair[2];

	if (size < 1 || size > INPUT_MAX) {
		return 0;
	}
	PENSTOCK_REQUIRE(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) == 0);
	if ((data[0] & 1) != 0) {
		send_welcome(pair[0]);
	}
	if (size > 1) {
		(void)send(pair[0], data + 1, size - 1, MSG_NOSIGNAL | MSG_DONTWAIT);
	}
	shutdown(pair[0], SHUT_WR);
	options.callbacks.owner = &state;
	options.callbacks.fence = on_fence;
	options.callbacks.failure = (data[0] & 2) != 0 ? on_failure : NULL;
	options.timeout_ms = 0;
	if (penstock_connect_descriptor(pair[1], &options, &state.connection, NULL, 0) ==
	    PENSTOCK_STATUS_SUCCESS) {
		make_requests(&state);
		drain(&state);
		penstock_connection_close(state.connection);
	}
	close(pair[0]);
	return 0;
}
