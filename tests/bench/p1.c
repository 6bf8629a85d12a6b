/* SPDX-License-Identifier: MIT */
/*
 * P1: an empty submission, from the client to its fence at the client; emulated GPU. Once more for
 * a session with a lease, whose progress survives a crash.
 */
#include "tests/bench/bench.h"

#define LEASE_S 60u

static void measure(struct bench *bench, enum raw_socket kind, const char *server, uint32_t lease_s,
		    const char *name)
{
	struct penstock_connection *connection = bench_connect(bench, "P1", server, lease_s);
	struct penstock_measure_target target;
	double values[BENCH_ROUNDS], references[BENCH_ROUNDS];
	enum penstock_status status;

	if (connection == NULL) {
		return;
	}
	status = penstock_measure_open(connection, 0, &target);
	if (status == PENSTOCK_STATUS_SUCCESS) {
		/* the GPU process starts at the first submission */
		status = penstock_measure_empty(&target, 50, &values[0]);
		for (unsigned i = 0; i < BENCH_ROUNDS && status == PENSTOCK_STATUS_SUCCESS; i++) {
			references[i] = raw_ping_pong_ns(kind, bench->ms);
			status = penstock_measure_empty(&target, bench->ms, &values[i]);
		}
		penstock_measure_close(&target);
	}
	(void)penstock_connection_goodbye(connection, 60000);
	penstock_connection_close(connection);
	if (status != PENSTOCK_STATUS_SUCCESS) {
		bench_failed(bench, "P1", "%s: %s", name, penstock_status_text(status));
		return;
	}
	bench_add(bench, "P1", name, "us", penstock_measure_median(values, BENCH_ROUNDS) * 1e-3,
		  penstock_measure_median(references, BENCH_ROUNDS) * 1e-3, "<=2.5");
}

void bench_p1(struct bench *bench)
{
	const char *unix_server = bench->daemon->unix_server;

	measure(bench, RAW_UNIX, unix_server, 0, "empty submission to fence, Unix");
	measure(bench, RAW_UNIX, unix_server, LEASE_S, "empty submission to fence, Unix, leased");
	measure(bench, RAW_TCP, bench->daemon->tcp_server, 0, "empty submission to fence, TCP");
}
