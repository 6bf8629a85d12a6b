/* SPDX-License-Identifier: MIT */
#include "tests/fuzz/session.h"

#include "proto/wire/frame.h"
#include "tests/fuzz/hello.h"

#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

/* Turns without an answer after which nothing is expected any more. */
#define QUIET_TURNS 64u
#define TURNS_MAX   20000u

struct answers {
	uint8_t head[PENSTOCK_FRAME_HEADER_BYTES];
	size_t have;   /* of the header */
	uint64_t body; /* left of message and payload */
};

/* Whole frames, whatever pieces they come in. */
static void check_answers(struct answers *answers, const uint8_t *bytes, size_t size)
{
	struct penstock_frame frame;

	while (size > 0) {
		size_t part = size;

		if (answers->body > 0) {
			part = answers->body < size ? answers->body : size;
			answers->body -= part;
		} else {
			part = 1;
			answers->head[answers->have++] = *bytes;
		}
		bytes += part;
		size -= part;
		if (answers->have == PENSTOCK_FRAME_HEADER_BYTES) {
			PENSTOCK_REQUIRE(penstock_frame_decode(answers->head, &frame, NULL) ==
					 PENSTOCK_STATUS_SUCCESS);
			PENSTOCK_REQUIRE(frame.type >= PENSTOCK_FRAME_WELCOME);
			answers->body = (uint64_t)frame.message_bytes + frame.payload_bytes;
			answers->have = 0;
		}
	}
}

/* A turn, and what it brought. False: nothing, or the daemon closed. */
static bool turn(struct penstock_local_daemon *daemon, int descriptor, struct answers *answers)
{
	static uint8_t bytes[1u << 16];
	ssize_t size;

	penstock_local_daemon_turn(daemon);
	size = recv(descriptor, bytes, sizeof(bytes), 0);
	if (size > 0) {
		check_answers(answers, bytes, (size_t)size);
	}
	return size > 0;
}

static void settle(struct penstock_local_daemon *daemon, int descriptor, struct answers *answers)
{
	unsigned quiet = 0;

	for (unsigned i = 0; i < TURNS_MAX && quiet < QUIET_TURNS; i++) {
		quiet = turn(daemon, descriptor, answers) || !penstock_local_daemon_idle(daemon)
				? 0
				: quiet + 1;
	}
}

void penstock_fuzz_session(struct penstock_local_daemon *daemon, enum penstock_local_way way,
			   const uint8_t *requests, size_t size, size_t piece, bool cut)
{
	struct answers answers = { .have = 0 };
	int descriptor = penstock_local_daemon_connect(daemon, way);
	uint8_t hello[PENSTOCK_FUZZ_HELLO_BYTES];
	unsigned stuck = 0;

	PENSTOCK_REQUIRE(send(descriptor, hello, penstock_fuzz_hello(hello), MSG_NOSIGNAL) > 0);
	while (size > 0 && stuck < QUIET_TURNS) {
		ssize_t sent =
			send(descriptor, requests, piece < size ? piece : size, MSG_NOSIGNAL);

		/* the daemon has stopped reading, for a while or for ever */
		stuck = sent > 0 ? 0 : stuck + 1;
		if (sent > 0) {
			requests += sent;
			size -= (size_t)sent;
		}
		(void)turn(daemon, descriptor, &answers);
	}
	if (!cut) {
		settle(daemon, descriptor, &answers);
	}
	close(descriptor);
}
