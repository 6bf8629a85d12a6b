/* SPDX-License-Identifier: MIT */
/*
 * make bench. A promise P is one file with one function: it measures what Penstock does and what a
 * reference does on the same machine in the same run, a few times by turns, and adds rows of
 * medians. The goal is a bound on the ratio value/reference, or on the value where there is no
 * reference.
 *
 * A placement says where the kernel may put everybody: as it likes, or all on one core. The
 * harness starts a fresh penstockd for each.
 */
#ifndef PENSTOCK_BENCH_H
#define PENSTOCK_BENCH_H

#include "client/penstock/measure.h"
#include "tests/daemon_fixture.h"

#include <stdbool.h>
#include <stddef.h>

#define BENCH_ROWS_MAX 64u
#define BENCH_ROUNDS   5u /* of reference and run by turns; the medians count */

struct bench_row {
	char id[16];
	char name[96];
	char unit[16];
	char goal[16]; /* "<=N", ">=N", "" */
	double value;
	double reference; /* 0: none */
};

struct bench {
	struct bench_row rows[BENCH_ROWS_MAX];
	size_t row_count;
	struct penstock_daemon *daemon; /* running */
	const char *placement;          /* "as placed", "one core" */
	uint32_t ms;                    /* of one measurement */
	unsigned failed;                /* measurements that could not be made */
};

/* A row; `name` gets the placement behind it. Units are the value's. */
void bench_add(struct bench *bench, const char *id, const char *name, const char *unit,
	       double value, double reference, const char *goal);

/* A measurement that could not be made: counted, and told. */
void bench_failed(struct bench *bench, const char *id, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* One that cannot be made here (a program is missing): told, not counted. */
void bench_skipped(const char *id, const char *why);

/* A connection to the daemon, NULL where that fails (which is counted). */
struct penstock_connection *bench_connect(struct bench *bench, const char *id, const char *server,
					  uint32_t lease_s);

/*
 * A daemon of a benchmark's own beside bench->daemon, started with one more option. False: it could
 * not be, which is counted; to be stopped all the same.
 */
bool bench_start_daemon(struct bench *bench, const char *id, struct penstock_daemon *daemon,
			const char *argument);
/* With several options; the last is NULL. */
bool bench_start_daemon_with(struct bench *bench, const char *id, struct penstock_daemon *daemon,
			     const char *const arguments[]);
void bench_stop_daemon(struct penstock_daemon *daemon);

void bench_p1(struct bench *bench);      /* empty submission to its fence */
void bench_p2(struct bench *bench);      /* small submissions, pipelined */
void bench_workers(struct bench *bench); /* large command buffers, with and without workers */
void bench_p3(struct bench *bench);      /* render: merges bench_render's rows */
void bench_p4(struct bench *bench);      /* upload and read-back */
void bench_p5(struct bench *bench);      /* frames, and small draws */
void bench_p6(struct bench *bench);      /* durable creates */
void bench_p7(struct bench *bench);      /* P1 beside very many objects */
void bench_p8(struct bench *bench);      /* another tenant's latency beside a hostile one */
void bench_p9(struct bench *bench);      /* memory of an idle context */
void bench_p10(struct bench *bench);     /* a working set larger than local memory */
void bench_p11(struct bench *bench);     /* what a hang costs */

/* ---------------------------------------------------------------- raw.c: references */

enum raw_socket { RAW_UNIX, RAW_TCP };

/* Nanoseconds of a blocking 64-byte ping-pong with another process: the median. 0: failed. */
double raw_ping_pong_ns(enum raw_socket kind, uint32_t ms);

/* Bytes a second of pieces of 1 MiB, each answered by 64 bytes (upload) or asked for by them. */
double raw_stream_per_second(enum raw_socket kind, bool upload, uint32_t ms);

/* Rows a second: sqlite inserts, 100 a transaction, and fallocate of a page for each. */
double raw_sqlite_per_second(const char *directory, unsigned rows);

/*
 * SET operations a second of redis-benchmark, 256 bytes, -P 64 -c 4, and for each second that the
 * server had a processor; 0: not installed.
 */
double raw_redis_per_second(const char *directory, double *ret_per_core_second);

/* Seconds that the process had a processor, its threads together; 0: it is gone. */
double raw_processor_seconds(pid_t process);

#endif
