/* SPDX-License-Identifier: MIT */
/*
 * Measurements of a server through libpenstock, for `penstock bench` and for make bench. Each
 * works on a target of its own objects, runs as long as it is told, and gives one number.
 */
#ifndef PENSTOCK_MEASURE_H
#define PENSTOCK_MEASURE_H

#include <penstock/penstock.h>

#define PENSTOCK_MEASURE_TRANSFER_BYTES   (1u << 20) /* of one upload or read-back */
#define PENSTOCK_MEASURE_SUBMISSION_BYTES 256u       /* command bytes of a small submission */

struct penstock_measure_target {
	struct penstock_connection *connection; /* borrowed */
	uint64_t device;
	uint64_t context;
	uint64_t allocation; /* of PENSTOCK_MEASURE_TRANSFER_BYTES */
	struct penstock_command_buffer *small;
	uint8_t *bytes;     /* [PENSTOCK_MEASURE_TRANSFER_BYTES] */
	uint64_t submitted; /* by penstock_measure_pipelined, so far */
};

/* Makes the objects, on that adapter; on failure nothing is left but what the session holds. */
enum penstock_status penstock_measure_open(struct penstock_connection *connection, uint32_t adapter,
					   struct penstock_measure_target *ret_target);
void penstock_measure_close(struct penstock_measure_target *target);

/* Each runs for about `ms` milliseconds. */

/* Nanoseconds from an empty submission to its fence: the median. */
enum penstock_status penstock_measure_empty(struct penstock_measure_target *target, uint32_t ms,
					    double *ret_ns);

/* The same: what 99 of 100 do not exceed. */
enum penstock_status penstock_measure_empty_p99(struct penstock_measure_target *target, uint32_t ms,
						double *ret_ns);

/* Nanoseconds of a round trip that no GPU takes part in (Sync): the median. */
enum penstock_status penstock_measure_sync(struct penstock_measure_target *target, uint32_t ms,
					   double *ret_ns);

/* Submissions a second, pipelined; each writes 240 bytes into the allocation. */
enum penstock_status penstock_measure_pipelined(struct penstock_measure_target *target, uint32_t ms,
						double *ret_per_second);

/* Bytes a second of transfers of 1 MiB, one after the other. */
enum penstock_status penstock_measure_upload(struct penstock_measure_target *target, uint32_t ms,
					     double *ret_per_second);
enum penstock_status penstock_measure_read_back(struct penstock_measure_target *target, uint32_t ms,
						double *ret_per_second);

/* CLOCK_MONOTONIC. */
uint64_t penstock_measure_now_ns(void);

/* What `permille` (below 1000) of the values do not exceed, and the median; both reorder. */
double penstock_measure_quantile(double *values, size_t count, uint32_t permille);
double penstock_measure_median(double *values, size_t count);

#endif
