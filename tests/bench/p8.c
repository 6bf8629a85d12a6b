/* SPDX-License-Identifier: MIT */
/*
 * P8: what 99 of 100 empty submissions of one principal do not exceed while another principal
 * misbehaves, against the same alone. One is the peer of a Unix socket, the other `loopback`.
 */
#include "tests/bench/bench.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define FLOOD_FILL_BYTES   (1u << 20)
#define GARBAGE_BYTES      4096u
#define GARBAGE_PIECES     64u
#define TIME_SLICE_NS      10e6 /* of the scheduler */
#define SETTLE_MS          200u
#define TENANT_MS_AT_LEAST 400u /* a p99 needs samples */

/* ---------------------------------------------------------------- the other one */

/* Fills of 1 MiB, as many as the daemon takes. */
static void flood(const char *server)
{
	struct penstock_options options = PENSTOCK_OPTIONS_INIT;
	struct penstock_connection *connection;
	struct penstock_measure_target target;
	struct penstock_command_buffer *buffer = NULL;
	enum penstock_status status;
	uint16_t index;

	options.server = server;
	if (penstock_connect(&options, &connection, NULL, 0) != PENSTOCK_STATUS_SUCCESS) {
		return;
	}
	status = penstock_measure_open(connection, 0, &target);
	if (status == PENSTOCK_STATUS_SUCCESS) {
		status = penstock_command_buffer_new(&buffer);
	}
	if (status == PENSTOCK_STATUS_SUCCESS) {
		status = penstock_command_buffer_list(buffer, target.allocation,
						      PENSTOCK_ALLOCATION_WRITE_OPERATION, &index);
	}
	if (status == PENSTOCK_STATUS_SUCCESS) {
		status = penstock_emit_fill(buffer, index, 0, FLOOD_FILL_BYTES, 0);
	}
	while (status == PENSTOCK_STATUS_SUCCESS) {
		status =
			penstock_command_buffer_submit(buffer, connection, target.context, 0, NULL);
	}
}

/* Connections without end, and nothing on them that is a frame. */
static void send_garbage(const char *server)
{
	const char *port = strrchr(server, ':');
	struct sockaddr_in address = { .sin_family = AF_INET };
	uint8_t bytes[GARBAGE_BYTES];
	unsigned seed = 1;

	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	address.sin_port = htons((uint16_t)strtoul(port == NULL ? "" : port + 1, NULL, 10));
	for (;;) {
		int descriptor = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

		if (connect(descriptor, (const struct sockaddr *)&address, sizeof(address)) == 0) {
			bool sent = true;

			for (unsigned i = 0; i < GARBAGE_PIECES && sent; i++) {
				for (size_t k = 0; k < sizeof(bytes); k++) {
					bytes[k] = (uint8_t)rand_r(&seed);
				}
				sent = send(descriptor, bytes, sizeof(bytes), MSG_NOSIGNAL) > 0;
			}
		}
		close(descriptor);
	}
}

static pid_t start_other(void (*misbehave)(const char *server), const char *server)
{
	pid_t child = fork();

	if (child == 0) {
		misbehave(server);
		_exit(1);
	}
	return child;
}

/* False: it had stopped by itself, and nobody was disturbed. */
static bool stop_other(pid_t child)
{
	bool there = waitpid(child, NULL, WNOHANG) == 0;

	if (there) {
		kill(child, SIGKILL);
		waitpid(child, NULL, 0);
	}
	return there;
}

/* ---------------------------------------------------------------- the tenant */

static enum penstock_status disturbed_p99(struct bench *bench,
					  struct penstock_measure_target *target, uint32_t ms,
					  void (*misbehave)(const char *server), double *ret_ns)
{
	pid_t other = start_other(misbehave, bench->daemon->tcp_server);
	enum penstock_status status = PENSTOCK_STATUS_NO_MEMORY;

	if (other > 0) {
		status = penstock_measure_empty_p99(target, SETTLE_MS, ret_ns);
		if (status == PENSTOCK_STATUS_SUCCESS) {
			status = penstock_measure_empty_p99(target, ms, ret_ns);
		}
		if (!stop_other(other) && status == PENSTOCK_STATUS_SUCCESS) {
			status = PENSTOCK_STATUS_CONNECTION_DISCONNECTED;
		}
	}
	return status;
}

/* Two rows: against the goal, which allows for a time slice, and plainly. */
static void add_rows(struct bench *bench, const char *what, double value_ns, double alone_ns)
{
	char name[96];

	snprintf(name, sizeof(name), "p99 beside %s, to 1.2 alone + slice", what);
	bench_add(bench, "P8", name, "us", value_ns * 1e-3, (alone_ns * 1.2 + TIME_SLICE_NS) * 1e-3,
		  "<=1");
	snprintf(name, sizeof(name), "p99 beside %s, to alone", what);
	bench_add(bench, "P8-plain", name, "us", value_ns * 1e-3, alone_ns * 1e-3, "");
}

static void measure(struct bench *bench, struct penstock_measure_target *target,
		    void (*misbehave)(const char *server), const char *what)
{
	uint32_t ms = bench->ms > TENANT_MS_AT_LEAST ? bench->ms : TENANT_MS_AT_LEAST;
	double values[BENCH_ROUNDS], references[BENCH_ROUNDS];
	enum penstock_status status = PENSTOCK_STATUS_SUCCESS;

	for (unsigned i = 0; i < BENCH_ROUNDS && status == PENSTOCK_STATUS_SUCCESS; i++) {
		status = penstock_measure_empty_p99(target, ms, &references[i]);
		if (status == PENSTOCK_STATUS_SUCCESS) {
			status = disturbed_p99(bench, target, ms, misbehave, &values[i]);
		}
	}
	if (status != PENSTOCK_STATUS_SUCCESS) {
		bench_failed(bench, "P8", "%s: %s", what, penstock_status_text(status));
		return;
	}
	add_rows(bench, what, penstock_measure_median(values, BENCH_ROUNDS),
		 penstock_measure_median(references, BENCH_ROUNDS));
}

void bench_p8(struct bench *bench)
{
	struct penstock_connection *connection =
		bench_connect(bench, "P8", bench->daemon->unix_server, 0);
	struct penstock_measure_target target;
	enum penstock_status status;

	if (connection == NULL) {
		return;
	}
	status = penstock_measure_open(connection, 0, &target);
	if (status == PENSTOCK_STATUS_SUCCESS) {
		measure(bench, &target, flood, "a flood");
		measure(bench, &target, send_garbage, "garbage");
		penstock_measure_close(&target);
	} else {
		bench_failed(bench, "P8", "%s", penstock_status_text(status));
	}
	penstock_connection_close(connection);
}
