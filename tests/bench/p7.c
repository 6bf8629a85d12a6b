/* SPDX-License-Identifier: MIT */
/*
 * P7: P1 in a daemon that holds 100,000 contexts and 1,000,000 allocations of the same principal,
 * against P1 in one that holds ten of each; by turns.
 */
#include "tests/bench/bench.h"

#include <string.h>

#define MANY_CONTEXTS    100000u
#define MANY_ALLOCATIONS 1000000u
#define FEW              10u

struct side {
	struct penstock_daemon daemon;
	struct penstock_connection *connection;
	struct penstock_measure_target target;
};

/* Idle ones, all of the measured session: its name table is as large as they are many. */
static enum penstock_status crowd(struct side *side, uint32_t contexts, uint32_t allocations)
{
	struct penstock_context_create_info context = { .device = side->target.device };
	struct penstock_allocation_create_info allocation = {
		.device = side->target.device,
		.size_bytes = 4096,
	};
	enum penstock_status status = PENSTOCK_STATUS_SUCCESS;
	struct penstock_failure failure;
	uint64_t name;

	for (uint32_t i = 0; status == PENSTOCK_STATUS_SUCCESS && i < contexts; i++) {
		status = penstock_context_create(side->connection, &context, &name);
	}
	for (uint32_t i = 0; status == PENSTOCK_STATUS_SUCCESS && i < allocations; i++) {
		status = penstock_allocation_create(side->connection, &allocation, &name);
	}
	if (status == PENSTOCK_STATUS_SUCCESS) {
		status = penstock_connection_sync(side->connection, PENSTOCK_FOREVER);
	}
	if (status == PENSTOCK_STATUS_SUCCESS &&
	    penstock_failure_next(side->connection, &failure) == PENSTOCK_STATUS_SUCCESS) {
		status = failure.status;
	}
	return status;
}

static bool open_side(struct bench *bench, struct side *side, uint32_t contexts,
		      uint32_t allocations)
{
	enum penstock_status status;

	memset(side, 0, sizeof(*side));
	if (!bench_start_daemon(bench, "P7", &side->daemon, "--principal-memory=8G")) {
		return false;
	}
	side->connection = bench_connect(bench, "P7", side->daemon.unix_server, 0);
	if (side->connection == NULL) {
		return false;
	}
	status = penstock_measure_open(side->connection, 0, &side->target);
	if (status == PENSTOCK_STATUS_SUCCESS) {
		status = crowd(side, contexts, allocations);
	}
	if (status != PENSTOCK_STATUS_SUCCESS) {
		bench_failed(bench, "P7", "%s", penstock_status_text(status));
	}
	return status == PENSTOCK_STATUS_SUCCESS;
}

static void close_side(struct side *side)
{
	if (side->target.bytes != NULL) {
		penstock_measure_close(&side->target);
	}
	if (side->connection != NULL) {
		penstock_connection_close(side->connection);
	}
	bench_stop_daemon(&side->daemon);
}

static void run(struct bench *bench, struct side *many, struct side *few)
{
	double values[BENCH_ROUNDS], references[BENCH_ROUNDS];
	enum penstock_status status = penstock_measure_empty(&many->target, 50, &values[0]);

	for (unsigned i = 0; i < BENCH_ROUNDS && status == PENSTOCK_STATUS_SUCCESS; i++) {
		status = penstock_measure_empty(&few->target, bench->ms, &references[i]);
		if (status == PENSTOCK_STATUS_SUCCESS) {
			status = penstock_measure_empty(&many->target, bench->ms, &values[i]);
		}
	}
	if (status != PENSTOCK_STATUS_SUCCESS) {
		bench_failed(bench, "P7", "%s", penstock_status_text(status));
		return;
	}
	bench_add(bench, "P7", "P1 with 100,000 contexts, 1,000,000 allocations", "us",
		  penstock_measure_median(values, BENCH_ROUNDS) * 1e-3,
		  penstock_measure_median(references, BENCH_ROUNDS) * 1e-3, "<=1.2");
}

void bench_p7(struct bench *bench)
{
	struct side many, few;
	bool opened = open_side(bench, &few, FEW, FEW);

	if (open_side(bench, &many, MANY_CONTEXTS, MANY_ALLOCATIONS) && opened) {
		run(bench, &many, &few);
	}
	close_side(&many);
	close_side(&few);
}
