/* SPDX-License-Identifier: MIT */
/* P4: uploads and read-backs of 1 MiB, one after the other. */
#include "tests/bench/bench.h"

static void measure(struct bench *bench, enum raw_socket kind, const char *server, bool upload,
		    const char *name)
{
	struct penstock_connection *connection = bench_connect(bench, "P4", server, 0);
	struct penstock_measure_target target;
	double values[BENCH_ROUNDS], references[BENCH_ROUNDS];
	enum penstock_status status;

	if (connection == NULL) {
		return;
	}
	status = penstock_measure_open(connection, 0, &target);
	if (status == PENSTOCK_STATUS_SUCCESS) {
		for (unsigned i = 0; i < BENCH_ROUNDS && status == PENSTOCK_STATUS_SUCCESS; i++) {
			references[i] = raw_stream_per_second(kind, upload, bench->ms);
			status =
				upload ? penstock_measure_upload(&target, bench->ms, &values[i])
				       : penstock_measure_read_back(&target, bench->ms, &values[i]);
		}
		penstock_measure_close(&target);
	}
	penstock_connection_close(connection);
	if (status != PENSTOCK_STATUS_SUCCESS) {
		bench_failed(bench, "P4", "%s: %s", name, penstock_status_text(status));
		return;
	}
	bench_add(bench, "P4", name, "MiB/s",
		  penstock_measure_median(values, BENCH_ROUNDS) / (1 << 20),
		  penstock_measure_median(references, BENCH_ROUNDS) / (1 << 20), ">=0.9");
}

void bench_p4(struct bench *bench)
{
	const struct penstock_daemon *daemon = bench->daemon;

	measure(bench, RAW_UNIX, daemon->unix_server, true, "upload of 1 MiB, Unix");
	measure(bench, RAW_UNIX, daemon->unix_server, false, "read-back of 1 MiB, Unix");
	measure(bench, RAW_TCP, daemon->tcp_server, true, "upload of 1 MiB, TCP");
	measure(bench, RAW_TCP, daemon->tcp_server, false, "read-back of 1 MiB, TCP");
}
