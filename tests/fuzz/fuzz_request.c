/* SPDX-License-Identifier: MIT */
/*
 * A connection is sent anything, behind a good hello but with bit 2 of byte 0, in pieces whose
 * sizes the input says too (byte 1). Whatever comes: nothing is left when it is closed, every
 * session and read-back is given back, and what the daemon says are frames.
 */
#include "daemon/net/connection.h"
#include "tests/fuzz/answers.h"
#include "tests/fuzz/hello.h"
#include "tests/fuzz/net.h"

#include <sys/socket.h>
#include <unistd.h>

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
	struct penstock_fuzz_answers answers = { .have = 0 };
	struct penstock_net *net;
	int pair[2];

	if (size < 2) {
		return 0;
	}
	fake_objects_reset();
	fake.pend = (data[0] & 1) != 0;
	net = penstock_fuzz_net_start(&loop);
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
	while (penstock_fuzz_answers_receive(&answers, pair[0], SIZE_MAX)) {
		turns(&loop);
	}
	close(pair[0]);
	turns(&loop);
	penstock_fuzz_net_stop(net, &loop);
	return 0;
}
