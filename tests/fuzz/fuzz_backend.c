/* SPDX-License-Identifier: MIT */
/*
 * Any requests of a session to the whole daemon, on the backends that fuzz_session does not have:
 * GPU processes, the null one, and the faulty one with faults on order. Slower, since processes
 * start, and for the sake of what happens around them: whatever a backend does, the daemon lives,
 * closes, and has nothing left.
 *
 *	byte 0   bits 0-1: emulated, null, faulty, faulty; bit 2: the connection ends behind the
 *		 last request; bits 3-4: over a socket pair, a Unix socket, TCP
 *	byte 1   size of the pieces, as in fuzz_session
 *	then     faulty: 4 times packet, kind and argument, a byte each; then requests
 */
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/session.h"

#define FAULTS 4u

static const uint8_t *take_faults(const uint8_t *data, struct penstock_fault faults[FAULTS])
{
	for (unsigned i = 0; i < FAULTS; i++, data += 3) {
		faults[i] = (struct penstock_fault){
			.packet = data[0],
			/* one that hangs would be waited for, as long as a hang may take */
			.kind = data[1] % PENSTOCK_FAULT_HANG,
			.argument = data[2],
		};
	}
	return data;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const enum penstock_local_backend backends[] = {
		PENSTOCK_LOCAL_BACKEND_EMULATED,
		PENSTOCK_LOCAL_BACKEND_NULL,
		PENSTOCK_LOCAL_BACKEND_FAULTY,
		PENSTOCK_LOCAL_BACKEND_FAULTY,
	};
	static const enum penstock_local_way ways[] = {
		PENSTOCK_LOCAL_WAY_PAIR,
		PENSTOCK_LOCAL_WAY_UNIX,
		PENSTOCK_LOCAL_WAY_TCP,
		PENSTOCK_LOCAL_WAY_PAIR,
	};
	struct penstock_fault faults[FAULTS];
	struct penstock_local_daemon_config config = { .faults = faults };
	struct penstock_local_daemon *daemon;
	const uint8_t *requests = data + 2, *const end = data + size;

	if (size < 2 + 3 * FAULTS) {
		return 0;
	}
	config.backend = backends[data[0] & 3];
	if (config.backend == PENSTOCK_LOCAL_BACKEND_FAULTY) {
		requests = take_faults(requests, faults);
		config.fault_count = FAULTS;
	}
	daemon = penstock_local_daemon_start(&config);
	penstock_fuzz_session(daemon, ways[data[0] >> 3 & 3], requests, (size_t)(end - requests),
			      (size_t)data[1] * 16 + 1, (data[0] & 4) != 0);
	penstock_local_daemon_stop(daemon);
	return 0;
}
