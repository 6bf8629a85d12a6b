/* SPDX-License-Identifier: MIT */
#include "client/penstock/measure.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#define MAX_SAMPLES 200000u
/* Of a pipeline: looked at the clock after so many. */
#define BURST 256u

uint64_t penstock_measure_now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static int compare(const void *a, const void *b)
{
	double left = *(const double *)a;
	double right = *(const double *)b;

	return left < right ? -1 : left > right;
}

double penstock_measure_quantile(double *values, size_t count, uint32_t permille)
{
	if (count == 0) {
		return 0;
	}
	qsort(values, count, sizeof(*values), compare);
	return values[count * permille / 1000];
}

double penstock_measure_median(double *values, size_t count)
{
	return penstock_measure_quantile(values, count, 500);
}

/* ---------------------------------------------------------------- the target */

static enum penstock_status make_objects(struct penstock_measure_target *target, uint32_t adapter)
{
	struct penstock_context_create_info context = { .node_ordinal = 0 };
	struct penstock_allocation_create_info allocation = {
		.size_bytes = PENSTOCK_MEASURE_TRANSFER_BYTES,
	};
	const struct penstock_device_info device = { .adapter = adapter };
	enum penstock_status status =
		penstock_device_create(target->connection, &device, &target->device);

	if (status == PENSTOCK_STATUS_SUCCESS) {
		context.device = target->device;
		allocation.device = target->device;
		status = penstock_context_create(target->connection, &context, &target->context);
	}
	if (status == PENSTOCK_STATUS_SUCCESS) {
		status = penstock_allocation_create(target->connection, &allocation,
						    &target->allocation);
	}
	return status;
}

/* One update whose instruction is as long as a small submission. */
static enum penstock_status make_small(struct penstock_measure_target *target)
{
	uint8_t data[PENSTOCK_MEASURE_SUBMISSION_BYTES - 16];
	enum penstock_status status = penstock_command_buffer_new(&target->small);
	uint16_t index = 0;

	memset(data, 0x5a, sizeof(data));
	if (status == PENSTOCK_STATUS_SUCCESS) {
		status = penstock_command_buffer_list(target->small, target->allocation,
						      PENSTOCK_ALLOCATION_WRITE_OPERATION, &index);
	}
	return status == PENSTOCK_STATUS_SUCCESS
		       ? penstock_emit_update(target->small, index, 0, data, sizeof(data))
		       : status;
}

/* The first failure of what was pipelined, or SUCCESS. */
static enum penstock_status settle(struct penstock_measure_target *target)
{
	struct penstock_failure failure;
	enum penstock_status status = penstock_connection_sync(target->connection, 60000);

	if (status == PENSTOCK_STATUS_SUCCESS &&
	    penstock_failure_next(target->connection, &failure) == PENSTOCK_STATUS_SUCCESS) {
		status = failure.status;
	}
	return status;
}

enum penstock_status penstock_measure_open(struct penstock_connection *connection, uint32_t adapter,
					   struct penstock_measure_target *ret_target)
{
	struct penstock_measure_target target = { .connection = connection };
	enum penstock_status status = make_objects(&target, adapter);

	if (status == PENSTOCK_STATUS_SUCCESS) {
		status = make_small(&target);
	}
	if (status == PENSTOCK_STATUS_SUCCESS) {
		target.bytes = malloc(PENSTOCK_MEASURE_TRANSFER_BYTES);
		status = target.bytes == NULL ? PENSTOCK_STATUS_NO_MEMORY : settle(&target);
	}
	if (status != PENSTOCK_STATUS_SUCCESS) {
		penstock_command_buffer_free(target.small);
		free(target.bytes);
		return status;
	}
	memset(target.bytes, 0xa5, PENSTOCK_MEASURE_TRANSFER_BYTES);
	*ret_target = target;
	return PENSTOCK_STATUS_SUCCESS;
}

void penstock_measure_close(struct penstock_measure_target *target)
{
	(void)penstock_object_destroy(target->connection, target->device);
	(void)penstock_connection_flush(target->connection);
	penstock_command_buffer_free(target->small);
	free(target->bytes);
}

/* ---------------------------------------------------------------- latency */

static enum penstock_status submit_empty(struct penstock_measure_target *target)
{
	struct penstock_submit_info info = { .context = target->context };
	uint64_t fence;
	enum penstock_status status = penstock_context_submit(target->connection, &info, &fence);

	return status == PENSTOCK_STATUS_SUCCESS
		       ? penstock_context_wait(target->connection, target->context, fence,
					       PENSTOCK_FOREVER, NULL)
		       : status;
}

static enum penstock_status sync_once(struct penstock_measure_target *target)
{
	return penstock_connection_sync(target->connection, PENSTOCK_FOREVER);
}

static enum penstock_status
measure_latency(struct penstock_measure_target *target, uint32_t ms, uint32_t permille,
		enum penstock_status (*once)(struct penstock_measure_target *target),
		double *ret_ns)
{
	uint64_t end = penstock_measure_now_ns() + (uint64_t)ms * 1000000u;
	double *samples = malloc(MAX_SAMPLES * sizeof(*samples));
	enum penstock_status status = PENSTOCK_STATUS_SUCCESS;
	uint64_t before = penstock_measure_now_ns();
	size_t count = 0;

	if (samples == NULL) {
		return PENSTOCK_STATUS_NO_MEMORY;
	}
	while (status == PENSTOCK_STATUS_SUCCESS && before < end && count < MAX_SAMPLES) {
		uint64_t after;

		status = once(target);
		after = penstock_measure_now_ns();
		samples[count++] = (double)(after - before);
		before = after;
	}
	if (status == PENSTOCK_STATUS_SUCCESS) {
		*ret_ns = penstock_measure_quantile(samples, count, permille);
	}
	free(samples);
	return status;
}

enum penstock_status penstock_measure_empty(struct penstock_measure_target *target, uint32_t ms,
					    double *ret_ns)
{
	return measure_latency(target, ms, 500, submit_empty, ret_ns);
}

enum penstock_status penstock_measure_empty_p99(struct penstock_measure_target *target, uint32_t ms,
						double *ret_ns)
{
	return measure_latency(target, ms, 990, submit_empty, ret_ns);
}

enum penstock_status penstock_measure_sync(struct penstock_measure_target *target, uint32_t ms,
					   double *ret_ns)
{
	return measure_latency(target, ms, 500, sync_once, ret_ns);
}

/* ---------------------------------------------------------------- throughput */

enum penstock_status penstock_measure_pipelined(struct penstock_measure_target *target, uint32_t ms,
						double *ret_per_second)
{
	uint64_t start = penstock_measure_now_ns();
	uint64_t end = start + (uint64_t)ms * 1000000u;
	enum penstock_status status = PENSTOCK_STATUS_SUCCESS;
	uint64_t fence = 0;
	uint64_t count = 0;

	while (status == PENSTOCK_STATUS_SUCCESS && penstock_measure_now_ns() < end) {
		for (unsigned i = 0; i < BURST && status == PENSTOCK_STATUS_SUCCESS; i++) {
			status = penstock_command_buffer_submit(target->small, target->connection,
								target->context, 0, &fence);
			count++;
		}
	}
	if (status == PENSTOCK_STATUS_SUCCESS) {
		status = penstock_context_wait(target->connection, target->context, fence,
					       PENSTOCK_FOREVER, NULL);
	}
	end = penstock_measure_now_ns();
	if (status == PENSTOCK_STATUS_SUCCESS) {
		status = settle(target);
	}
	if (status == PENSTOCK_STATUS_SUCCESS) {
		*ret_per_second = (double)count * 1e9 / (double)(end - start);
		target->submitted += count;
	}
	return status;
}

static enum penstock_status measure_transfer(struct penstock_measure_target *target, uint32_t ms,
					     bool upload, double *ret_per_second)
{
	uint64_t start = penstock_measure_now_ns();
	uint64_t end = start + (uint64_t)ms * 1000000u;
	enum penstock_status status = PENSTOCK_STATUS_SUCCESS;
	uint64_t now = start;
	uint64_t count = 0;

	while (status == PENSTOCK_STATUS_SUCCESS && now < end) {
		status = upload ? penstock_allocation_upload(target->connection, target->allocation,
							     0, target->bytes,
							     PENSTOCK_MEASURE_TRANSFER_BYTES)
				: penstock_allocation_read_back(
					  target->connection, target->allocation, 0, target->bytes,
					  PENSTOCK_MEASURE_TRANSFER_BYTES);
		now = penstock_measure_now_ns();
		count++;
	}
	if (status == PENSTOCK_STATUS_SUCCESS) {
		*ret_per_second = (double)count * PENSTOCK_MEASURE_TRANSFER_BYTES * 1e9 /
				  (double)(now - start);
	}
	return status;
}

enum penstock_status penstock_measure_upload(struct penstock_measure_target *target, uint32_t ms,
					     double *ret_per_second)
{
	return measure_transfer(target, ms, true, ret_per_second);
}

enum penstock_status penstock_measure_read_back(struct penstock_measure_target *target, uint32_t ms,
						double *ret_per_second)
{
	return measure_transfer(target, ms, false, ret_per_second);
}
