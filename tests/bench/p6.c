/* SPDX-License-Identifier: MIT */
/* P6: creates of allocations in a session with a lease, pipelined, until all are acknowledged. */
#include "tests/bench/bench.h"

#define CREATES    4000u
#define PAGE_BYTES 4096u

static enum penstock_status create_all(struct penstock_connection *connection, double *ret_value)
{
	struct penstock_allocation_create_info info = { .size_bytes = PAGE_BYTES };
	struct penstock_failure failure;
	enum penstock_status status = penstock_device_create(connection, NULL, &info.device);
	uint64_t start, end, allocation;

	if (status == PENSTOCK_STATUS_SUCCESS) {
		status = penstock_connection_sync(connection, PENSTOCK_FOREVER);
	}
	start = penstock_measure_now_ns();
	for (unsigned i = 0; i < CREATES && status == PENSTOCK_STATUS_SUCCESS; i++) {
		status = penstock_allocation_create(connection, &info, &allocation);
	}
	if (status == PENSTOCK_STATUS_SUCCESS) {
		status = penstock_connection_sync(connection, PENSTOCK_FOREVER);
	}
	end = penstock_measure_now_ns();
	if (status == PENSTOCK_STATUS_SUCCESS &&
	    penstock_failure_next(connection, &failure) == PENSTOCK_STATUS_SUCCESS) {
		status = failure.status;
	}
	*ret_value = CREATES * 1e9 / (double)(end - start);
	return status;
}

void bench_p6(struct bench *bench)
{
	double values[BENCH_ROUNDS], references[BENCH_ROUNDS];

	for (unsigned i = 0; i < BENCH_ROUNDS; i++) {
		struct penstock_connection *connection =
			bench_connect(bench, "P6", bench->daemon->unix_server, 60);
		enum penstock_status status;

		if (connection == NULL) {
			return;
		}
		references[i] = raw_sqlite_per_second(bench->daemon->directory, CREATES);
		status = create_all(connection, &values[i]);
		(void)penstock_connection_goodbye(connection, 60000);
		penstock_connection_close(connection);
		if (status != PENSTOCK_STATUS_SUCCESS) {
			bench_failed(bench, "P6", "%s", penstock_status_text(status));
			return;
		}
	}
	bench_add(bench, "P6", "durable creates, pipelined", "1/s",
		  penstock_measure_median(values, BENCH_ROUNDS),
		  penstock_measure_median(references, BENCH_ROUNDS), ">=0.5");
}
