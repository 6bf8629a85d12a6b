/* SPDX-License-Identifier: MIT */
/*
 * P2: small submissions, pipelined; each writes 240 bytes, as a SET of redis writes 256. Once more
 * for each second that the daemon itself had a processor: what one core could serve, whatever the
 * client and the GPU take beside it.
 */
#include "tests/bench/bench.h"

struct figures {
	double wall[BENCH_ROUNDS];
	double core[BENCH_ROUNDS];
};

static enum penstock_status measure(struct bench *bench, struct penstock_measure_target *target,
				    struct figures *ret_values, struct figures *ret_references)
{
	enum penstock_status status = PENSTOCK_STATUS_SUCCESS;

	for (unsigned i = 0; i < BENCH_ROUNDS && status == PENSTOCK_STATUS_SUCCESS; i++) {
		uint64_t before = target->submitted;
		double used;

		ret_references->wall[i] =
			raw_redis_per_second(bench->daemon->directory, &ret_references->core[i]);
		used = raw_processor_seconds(bench->daemon->pid);
		status = penstock_measure_pipelined(target, bench->ms, &ret_values->wall[i]);
		used = raw_processor_seconds(bench->daemon->pid) - used;
		ret_values->core[i] = (double)(target->submitted - before) / used;
	}
	return status;
}

static void add(struct bench *bench, const char *id, const char *name, double *values,
		double *references, const char *goal)
{
	double reference = penstock_measure_median(references, BENCH_ROUNDS);

	bench_add(bench, id, name, "1/s", penstock_measure_median(values, BENCH_ROUNDS), reference,
		  reference == 0 ? "" : goal);
}

void bench_p2(struct bench *bench)
{
	struct penstock_connection *connection =
		bench_connect(bench, "P2", bench->daemon->unix_server, 0);
	struct penstock_measure_target target;
	struct figures values, references;
	enum penstock_status status;

	if (connection == NULL) {
		return;
	}
	status = penstock_measure_open(connection, 0, &target);
	if (status == PENSTOCK_STATUS_SUCCESS) {
		status = measure(bench, &target, &values, &references);
		penstock_measure_close(&target);
	}
	penstock_connection_close(connection);
	if (status != PENSTOCK_STATUS_SUCCESS) {
		bench_failed(bench, "P2", "%s", penstock_status_text(status));
		return;
	}
	if (references.wall[0] == 0) {
		bench_skipped("P2", "the reference needs redis-server and redis-tools");
	}
	add(bench, "P2", "256-byte submissions, pipelined", values.wall, references.wall, ">=0.5");
	add(bench, "P2-core", "the same, by the server's processor time", values.core,
	    references.core, "");
}
