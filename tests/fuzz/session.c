/* SPDX-License-Identifier: MIT */
#include "tests/fuzz/session.h"

#include "tests/fuzz/answers.h"
#include "tests/fuzz/hello.h"

#include <sys/socket.h>
#include <unistd.h>

/* Turns without an answer after which nothing is expected any more. */
#define QUIET_TURNS 64u
#define TURNS_MAX   20000u

/* A turn, and what it brought. False: nothing, or the daemon closed. */
static bool turn(struct penstock_local_daemon *daemon, int descriptor,
		 struct penstock_fuzz_answers *answers)
{
	penstock_local_daemon_turn(daemon);
	return penstock_fuzz_answers_receive(answers, descriptor, SIZE_MAX);
}

static void settle(struct penstock_local_daemon *daemon, int descriptor,
		   struct penstock_fuzz_answers *answers)
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
	struct penstock_fuzz_answers answers = { .have = 0 };
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
