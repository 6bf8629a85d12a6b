/* SPDX-License-Identifier: MIT */
/*
 * A connection is sent anything, behind a good hello but with bit 2 of byte 0, in pieces whose
 * sizes the input says too (byte 1). Whatever comes: nothing is left when it is closed, every
 * session and read-back is given back, and what the daemon says are frames.
 */
#include "daemon/net/connection.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/hello.h"
#include "tests/unit/fake_objects.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static char *metrics(void *owner)
{
	(void)owner;
	return strdup("");
}

static void stopped(void *argument)
{
	*(bool *)argument = true;
}

static void turns(uv_loop_t *loop)
{
	for (unsigned i = 0; i < 4; i++) {
		(void)uv_run(loop, UV_RUN_NOWAIT);
	}
}

static void say_hello(int descriptor)
{
	uint8_t bytes[PENSTOCK_FUZZ_HELLO_BYTES];

	(void)!write(descriptor, bytes, penstock_fuzz_hello(bytes));
}

/* Reads what has come and sees that it is whole frames, but for the last. */
static void check_answers(int descriptor)
{
	static uint8_t bytes[1u << 20];
	ssize_t size = recv(descriptor, bytes, sizeof(bytes), MSG_DONTWAIT);
	struct penstock_frame frame;

	for (size_t at = 0; size > 0 && at + PENSTOCK_FRAME_HEADER_BYTES <= (size_t)size;) {
		PENSTOCK_REQUIRE(penstock_frame_decode(bytes + at, &frame, NULL) ==
				 PENSTOCK_STATUS_SUCCESS);
		PENSTOCK_REQUIRE(frame.type >= PENSTOCK_FRAME_WELCOME);
		at += PENSTOCK_FRAME_HEADER_BYTES + (size_t)frame.message_bytes +
		      frame.payload_bytes;
	}
}

static void send_pieces(uv_loop_t *loop, int descriptor, const uint8_t *data, size_t size,
			size_t piece)
{
	while (size > 0) {
		size_t part = piece < size ? piece : size;
		ssize_t sent = send(descriptor, data, part, MSG_NOSIGNAL | MSG_DONTWAIT);

		if (sent <= 0) {
			return; /* the daemon has stopped reading, or closed */
		}
		data += sent;
		size -= (size_t)sent;
		turns(loop);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static uv_loop_t loop;
	struct penstock_net_config config = {
		.loop = &loop,
		.info = { .description = "fuzz" },
		.server = "fuzz",
		.backend = "fuzz",
		.hello_ms = PENSTOCK_LIMIT_HELLO_MS,
		.closing_ms = PENSTOCK_LIMIT_CLOSING_MS,
		.max_connections = 4,
		.metrics = metrics,
	};
	struct penstock_net *net;
	bool done = false;
	int pair[2];

	if (size < 2) {
		return 0;
	}
	(void)signal(SIGPIPE, SIG_IGN);
	fake_objects_reset();
	fake.pend = (data[0] & 1) != 0;
	PENSTOCK_REQUIRE(uv_loop_init(&loop) == 0);
	PENSTOCK_REQUIRE(penstock_net_start(&config, &net) == PENSTOCK_STATUS_SUCCESS);
	PENSTOCK_REQUIRE(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) == 0);
	PENSTOCK_REQUIRE(penstock_connection_new(net, pair[1], true) == PENSTOCK_STATUS_SUCCESS);
	if ((data[0] & 4) == 0) {
		say_hello(pair[0]);
	}
	send_pieces(&loop, pair[0], data + 2, size - 2, (size_t)data[1] * 16 + 1);
	if (fake.pending_count > 0 && (data[0] & 2) != 0) {
		fake_objects_finish(PENSTOCK_STATUS_SUCCESS);
	}
	turns(&loop);
	check_answers(pair[0]);
	close(pair[0]);
	turns(&loop);
	penstock_net_stop(net, stopped, &done);
	fake_objects_cancel();
	while (!done) {
		(void)uv_run(&loop, UV_RUN_ONCE);
	}
	(void)uv_run(&loop, UV_RUN_DEFAULT);
	PENSTOCK_REQUIRE(uv_loop_close(&loop) == 0);
	PENSTOCK_REQUIRE(fake.sessions_begun == fake.sessions_disconnected + fake.sessions_ended);
	return 0;
}
