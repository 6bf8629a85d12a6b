/* SPDX-License-Identifier: MIT */
/* P2: small submissions, pipelined; each writes 240 bytes, as a SET of redis writes 256. */
#include "tests/bench/bench.h"

void bench_p2(struct bench *bench)
{
	struct penstock_connection *connection =
		bench_connect(bench, "P2", bench->daemon->unix_server, 0);
	struct penstock_measure_target target;
	double values[BENCH_ROUNDS], references[BENCH_ROUNDS];
	enum penstock_status status;
	double reference;

	if (connection == NULL) {
		return;
	}
	status = penstock_measure_open(connection, &target);
	if (status == PENSTOCK_STATUS_SUCCESS) {
		for (unsigned i = 0; i < BENCH_ROUNDS && status == PENSTOCK_STATUS_SUCCESS; i++) {
			references[i] = raw_redis_per_second(bench->daemon->directory);
			status = penstock_measure_pipelined(&target, bench->ms, &values[i]);
		}
		penstock_measure_close(&target);
	}
	penstock_connection_close(connection);
	if (status != PENSTOCK_STATUS_SUCCESS) {
		bench_failed(bench, "P2", "%s", penstock_status_text(status));
		return;
	}
	reference = penstock_measure_median(references, BENCH_ROUNDS);
	if (reference == 0) {
		bench_skipped("P2", "the reference needs redis-server and redis-tools");
	}
	bench_add(bench, "P2", "256-byte submissions, pipelined", "1/s",
		  penstock_measure_median(values, BENCH_ROUNDS), reference,
		  reference == 0 ? "" : ">=0.5");
}
