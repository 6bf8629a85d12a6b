/* SPDX-License-Identifier: MIT */
/* What the targets have in common that send requests to a whole daemon. */
#ifndef PENSTOCK_FUZZ_SESSION_H
#define PENSTOCK_FUZZ_SESSION_H

#include "tests/support/local_daemon.h"

/*
 * Says hello on a new connection, sends the requests in pieces of `piece` bytes, waits until
 * nothing is under way, and sees that what was answered are frames of the daemon's. With `cut` it
 * closes as soon as the last byte is sent.
 */
void penstock_fuzz_session(struct penstock_local_daemon *daemon, enum penstock_local_way way,
			   const uint8_t *requests, size_t size, size_t piece, bool cut);

#endif
