/* SPDX-License-Identifier: MIT */
/*
 * Any requests of a session to the whole daemon, with the GPU in this process. What render
 * accepts, the checker reads again (`paranoid`), and then the GPU executes it: neither may find
 * anything wrong, since no client can make a DMA buffer that is.
 *
 *	byte 0   bit 0: the connection ends behind the last request, whatever is under way;
 *	         the others: every submission is split, into parts of so many split points
 *	byte 1   size of the pieces in which the requests are sent, in units of 16 bytes, plus 1
 *	then     requests; the first has serial 1
 */
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/session.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct penstock_local_daemon_config config = { .backend = PENSTOCK_LOCAL_BACKEND_GPU };
	struct penstock_local_daemon *daemon;

	if (size < 2) {
		return 0;
	}
	config.split_points = data[0] >> 1;
	daemon = penstock_local_daemon_start(&config);
	penstock_fuzz_session(daemon, PENSTOCK_LOCAL_WAY_PAIR, data + 2, size - 2,
			      (size_t)data[1] * 16 + 1, (data[0] & 1) != 0);
	PENSTOCK_REQUIRE(penstock_local_daemon_complaint(daemon)[0] == '\0');
	penstock_local_daemon_stop(daemon);
	return 0;
}
