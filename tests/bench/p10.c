/* SPDX-License-Identifier: MIT */
/*
 * P10: what a submission costs that fills an allocation of 1 MiB when the working set is 2, 4 and 8
 * times local memory (16 MiB), against one that fits; by turns, in one daemon. The allocations are
 * used one after the other, over and over: whoever is used next left longest ago, so each of a set
 * that does not fit is brought and another taken back. And the same where they are only read:
 * then nothing is taken back.
 */
#include "tests/bench/bench.h"

#include <stdio.h>
#include <string.h>

#define ALLOCATION_BYTES (1u << 20)
#define FITS             12u /* allocations of the set that fits */
#define MOST             128u
#define LOCAL_ONLY       0x1u

struct sets {
	struct penstock_connection *connection;
	uint64_t device;
	uint64_t context;
	uint64_t small; /* an allocation that is written by those who read */
	struct penstock_command_buffer *write[MOST];
	struct penstock_command_buffer *read[MOST];
};

static enum penstock_status fill_all(struct penstock_command_buffer *buffer, uint64_t allocation)
{
	uint16_t index;
	enum penstock_status status = penstock_command_buffer_list(
		buffer, allocation, PENSTOCK_ALLOCATION_WRITE_OPERATION, &index);

	return status == PENSTOCK_STATUS_SUCCESS
		       ? penstock_emit_fill(buffer, index, 0, ALLOCATION_BYTES, 0x5a5a5a5a)
		       : status;
}

static enum penstock_status copy_all(struct penstock_command_buffer *buffer, uint64_t allocation,
				     uint64_t to)
{
	uint16_t from_index, to_index;
	enum penstock_status status =
		penstock_command_buffer_list(buffer, allocation, 0, &from_index);

	if (status == PENSTOCK_STATUS_SUCCESS) {
		status = penstock_command_buffer_list(
			buffer, to, PENSTOCK_ALLOCATION_WRITE_OPERATION, &to_index);
	}
	return status == PENSTOCK_STATUS_SUCCESS
		       ? penstock_emit_copy(buffer, from_index, 0, to_index, 0, ALLOCATION_BYTES)
		       : status;
}

static enum penstock_status make_one(struct sets *sets, uint32_t i)
{
	const struct penstock_allocation_create_info info = {
		.device = sets->device,
		.size_bytes = ALLOCATION_BYTES,
		.segment_set = LOCAL_ONLY,
	};
	uint64_t name;
	enum penstock_status status = penstock_allocation_create(sets->connection, &info, &name);

	if (status == PENSTOCK_STATUS_SUCCESS) {
		status = penstock_command_buffer_new(&sets->write[i]);
	}
	if (status == PENSTOCK_STATUS_SUCCESS) {
		status = penstock_command_buffer_new(&sets->read[i]);
	}
	if (status == PENSTOCK_STATUS_SUCCESS) {
		status = fill_all(sets->write[i], name);
	}
	return status == PENSTOCK_STATUS_SUCCESS ? copy_all(sets->read[i], name, sets->small)
						 : status;
}

static enum penstock_status make_all(struct sets *sets)
{
	struct penstock_context_create_info context = { .node_ordinal = 0 };
	struct penstock_allocation_create_info small = { .size_bytes = ALLOCATION_BYTES };
	enum penstock_status status = penstock_device_create(sets->connection, NULL, &sets->device);

	context.device = sets->device;
	small.device = sets->device;
	if (status == PENSTOCK_STATUS_SUCCESS) {
		status = penstock_context_create(sets->connection, &context, &sets->context);
	}
	if (status == PENSTOCK_STATUS_SUCCESS) {
		status = penstock_allocation_create(sets->connection, &small, &sets->small);
	}
	for (uint32_t i = 0; i < MOST && status == PENSTOCK_STATUS_SUCCESS; i++) {
		status = make_one(sets, i);
	}
	return status == PENSTOCK_STATUS_SUCCESS
		       ? penstock_connection_sync(sets->connection, PENSTOCK_FOREVER)
		       : status;
}

/* Whole passes over the first `count`, pipelined, for about so long; nanoseconds of each. */
static enum penstock_status measure(const struct sets *sets,
				    struct penstock_command_buffer *const *buffers, uint32_t count,
				    uint32_t ms, double *ret_ns)
{
	uint64_t begun = penstock_measure_now_ns(), submitted = 0, fence = 0, elapsed;
	enum penstock_status status = PENSTOCK_STATUS_SUCCESS;

	do {
		for (uint32_t i = 0; i < count && status == PENSTOCK_STATUS_SUCCESS; i++) {
			status = penstock_command_buffer_submit(buffers[i], sets->connection,
								sets->context, 0, &fence);
		}
		if (status == PENSTOCK_STATUS_SUCCESS) {
			status = penstock_context_wait(sets->connection, sets->context, fence,
						       PENSTOCK_FOREVER, NULL);
		}
		submitted += count;
		elapsed = penstock_measure_now_ns() - begun;
	} while (status == PENSTOCK_STATUS_SUCCESS && elapsed < (uint64_t)ms * 1000000u);
	*ret_ns = (double)elapsed / (double)submitted;
	return status;
}

static enum penstock_status compare(struct bench *bench, const struct sets *sets,
				    struct penstock_command_buffer *const *buffers, uint32_t times,
				    const char *what)
{
	double values[BENCH_ROUNDS], references[BENCH_ROUNDS];
	enum penstock_status status = PENSTOCK_STATUS_SUCCESS;
	char name[96];

	for (unsigned i = 0; i < BENCH_ROUNDS && status == PENSTOCK_STATUS_SUCCESS; i++) {
		status = measure(sets, buffers, FITS, bench->ms, &references[i]);
		if (status == PENSTOCK_STATUS_SUCCESS) {
			status = measure(sets, buffers, times * 16, bench->ms, &values[i]);
		}
	}
	snprintf(name, sizeof(name), "a MiB %s, of %ux local memory, to one that fits", what,
		 times);
	if (status == PENSTOCK_STATUS_SUCCESS) {
		bench_add(bench, "P10", name, "us",
			  penstock_measure_median(values, BENCH_ROUNDS) * 1e-3,
			  penstock_measure_median(references, BENCH_ROUNDS) * 1e-3, "");
	}
	return status;
}

static enum penstock_status run(struct bench *bench, struct sets *sets)
{
	enum penstock_status status = make_all(sets);

	for (uint32_t times = 2; times <= 8 && status == PENSTOCK_STATUS_SUCCESS; times *= 2) {
		status = compare(bench, sets, sets->write, times, "written");
		if (status == PENSTOCK_STATUS_SUCCESS) {
			status = compare(bench, sets, sets->read, times, "read");
		}
	}
	return status;
}

void bench_p10(struct bench *bench)
{
	struct penstock_daemon daemon = { 0 };
	static struct sets sets;
	enum penstock_status status;

	memset(&sets, 0, sizeof(sets));
	if (bench_start_daemon(bench, "P10", &daemon, "--local-memory=16M")) {
		sets.connection = bench_connect(bench, "P10", daemon.unix_server, 0);
	}
	if (sets.connection != NULL) {
		status = run(bench, &sets);
		if (status != PENSTOCK_STATUS_SUCCESS) {
			bench_failed(bench, "P10", "%s", penstock_status_text(status));
		}
		penstock_connection_close(sets.connection);
	}
	for (uint32_t i = 0; i < MOST; i++) {
		penstock_command_buffer_free(sets.write[i]);
		penstock_command_buffer_free(sets.read[i]);
	}
	bench_stop_daemon(&daemon);
}
