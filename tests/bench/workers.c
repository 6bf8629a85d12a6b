/* SPDX-License-Identifier: MIT */
/*
 * What the worker pool gives: large command buffers of two contexts, pipelined, against the same
 * through a daemon that renders them where it receives them. With NullRendering, so that the GPU's
 * own work stands in nobody's way.
 */
#include "tests/bench/bench.h"

#include <string.h>

#define COMMAND_BYTES (1u << 20)
#define CONTEXTS      2u
#define BURST         4u /* submissions of each context between two looks at the clock */

struct target {
	struct penstock_daemon daemon;
	struct penstock_connection *connection;
	struct penstock_command_buffer *buffer;
	uint64_t contexts[CONTEXTS];
	uint64_t fences[CONTEXTS];
};

/* Small copies, fills and markers until the buffer is full: the render stage has most to do. */
static enum penstock_status fill_buffer(struct penstock_command_buffer *buffer, uint64_t allocation)
{
	enum penstock_status status;
	uint16_t index = 0;

	status = penstock_command_buffer_list(buffer, allocation,
					      PENSTOCK_ALLOCATION_WRITE_OPERATION, &index);
	for (uint32_t i = 0; status == PENSTOCK_STATUS_SUCCESS && i < COMMAND_BYTES / 64u; i++) {
		status = penstock_emit_copy(buffer, index, i % 64u * 64u, index, 1u << 16, 64);
		if (status == PENSTOCK_STATUS_SUCCESS) {
			status = penstock_emit_fill(buffer, index, i % 64u * 64u, 64, i);
		}
	}
	return status;
}

static enum penstock_status make_objects(struct target *target)
{
	/* large enough for the whole: one pass */
	struct penstock_context_create_info context = {
		.dma_buffer_bytes = 2 * COMMAND_BYTES,
		.patch_location_list = COMMAND_BYTES / 16u,
	};
	struct penstock_allocation_create_info allocation = { .size_bytes = 1u << 17 };
	struct penstock_connection *connection = target->connection;
	enum penstock_status status = penstock_device_create(connection, NULL, &context.device);
	uint64_t made = 0;

	allocation.device = context.device;
	if (status == PENSTOCK_STATUS_SUCCESS) {
		status = penstock_allocation_create(connection, &allocation, &made);
	}
	for (unsigned i = 0; i < CONTEXTS && status == PENSTOCK_STATUS_SUCCESS; i++) {
		status = penstock_context_create(connection, &context, &target->contexts[i]);
	}
	if (status == PENSTOCK_STATUS_SUCCESS) {
		status = penstock_command_buffer_new(&target->buffer);
	}
	return status == PENSTOCK_STATUS_SUCCESS ? fill_buffer(target->buffer, made) : status;
}

static enum penstock_status submit_burst(struct target *target)
{
	enum penstock_status status = PENSTOCK_STATUS_SUCCESS;

	for (unsigned i = 0; i < BURST * CONTEXTS && status == PENSTOCK_STATUS_SUCCESS; i++) {
		unsigned context = i % CONTEXTS;

		status = penstock_command_buffer_submit(
			target->buffer, target->connection, target->contexts[context],
			PENSTOCK_SUBMIT_NULL_RENDERING, &target->fences[context]);
	}
	return status;
}

/* Buffers a second, until the last of them has reached its fence. */
static enum penstock_status measure(struct target *target, uint32_t ms, double *ret_per_second)
{
	uint64_t start = penstock_measure_now_ns(), now = start;
	enum penstock_status status = PENSTOCK_STATUS_SUCCESS;
	uint64_t count = 0;

	for (; status == PENSTOCK_STATUS_SUCCESS && now < start + (uint64_t)ms * 1000000u;
	     now = penstock_measure_now_ns()) {
		status = submit_burst(target);
		count += BURST * CONTEXTS;
	}
	for (unsigned i = 0; i < CONTEXTS && status == PENSTOCK_STATUS_SUCCESS; i++) {
		status = penstock_context_wait(target->connection, target->contexts[i],
					       target->fences[i], PENSTOCK_FOREVER, NULL);
	}
	*ret_per_second = (double)count * 1e9 / (double)(penstock_measure_now_ns() - start);
	return status;
}

static bool open_target(struct bench *bench, struct target *target, const char *worker_bytes)
{
	enum penstock_status status;

	memset(target, 0, sizeof(*target));
	if (!bench_start_daemon(bench, "workers", &target->daemon, worker_bytes)) {
		return false;
	}
	target->connection = bench_connect(bench, "workers", target->daemon.unix_server, 0);
	if (target->connection == NULL) {
		return false;
	}
	status = make_objects(target);
	if (status != PENSTOCK_STATUS_SUCCESS) {
		bench_failed(bench, "workers", "%s", penstock_status_text(status));
	}
	return status == PENSTOCK_STATUS_SUCCESS;
}

static void close_target(struct target *target)
{
	penstock_command_buffer_free(target->buffer);
	if (target->connection != NULL) {
		penstock_connection_close(target->connection);
	}
	bench_stop_daemon(&target->daemon);
}

static void run(struct bench *bench, struct target *with, struct target *without)
{
	double values[BENCH_ROUNDS], references[BENCH_ROUNDS];
	enum penstock_status status = measure(with, 50, &values[0]);

	for (unsigned i = 0; i < BENCH_ROUNDS && status == PENSTOCK_STATUS_SUCCESS; i++) {
		status = measure(without, bench->ms, &references[i]);
		if (status == PENSTOCK_STATUS_SUCCESS) {
			status = measure(with, bench->ms, &values[i]);
		}
	}
	if (status != PENSTOCK_STATUS_SUCCESS) {
		bench_failed(bench, "workers", "%s", penstock_status_text(status));
		return;
	}
	bench_add(bench, "workers", "1 MiB command buffers, worker pool", "1/s",
		  penstock_measure_median(values, BENCH_ROUNDS),
		  penstock_measure_median(references, BENCH_ROUNDS), "");
}

void bench_workers(struct bench *bench)
{
	struct target with, without;
	bool opened = open_target(bench, &with, "--worker-bytes=64K");

	if (open_target(bench, &without, "--worker-bytes=1G") && opened) {
		run(bench, &with, &without);
	}
	close_target(&with);
	close_target(&without);
}
