/* SPDX-License-Identifier: MIT */
/*
 * P11: what a GPU that hangs costs. How long it takes from a submission that never ends until its
 * device is lost, against TdrDelay and the looks around it; and how long from there until a new
 * device of the same principal has a fence. And what 99 of 100 empty submissions of another
 * principal do not exceed while one hangs the GPU again and again, against the same alone.
 */
#include "tests/bench/bench.h"

#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#define TDR_DELAY_MS 2000u
/* Out at two looks is up to two periods; the answer is missed at a look, which is up to another. */
#define LOOKS_MS  (3u * 500u)
#define HANGS     3u
#define TENANT_MS 4000u /* a hang begins and is reset in it */

static enum penstock_status emit_endless(struct penstock_command_buffer **ret_buffer)
{
	enum penstock_status status = penstock_command_buffer_new(ret_buffer);

	return status == PENSTOCK_STATUS_SUCCESS ? penstock_emit_spin(*ret_buffer, UINT32_MAX)
						 : status;
}

/* SUCCESS: the device is lost. */
static enum penstock_status hang_once(struct penstock_connection *connection,
				      struct penstock_command_buffer *endless, double *ret_ns)
{
	struct penstock_measure_target target;
	uint64_t fence, begun_ns;
	enum penstock_status status = penstock_measure_open(connection, 0, &target);

	if (status != PENSTOCK_STATUS_SUCCESS) {
		return status;
	}
	begun_ns = penstock_measure_now_ns();
	status = penstock_command_buffer_submit(endless, connection, target.context, 0, &fence);
	if (status == PENSTOCK_STATUS_SUCCESS) {
		status = penstock_context_wait(connection, target.context, fence, 60000, NULL);
	}
	*ret_ns = (double)(penstock_measure_now_ns() - begun_ns);
	penstock_measure_close(&target);
	return status == PENSTOCK_STATUS_GRAPHICS_GPU_EXCEPTION_ON_DEVICE ? PENSTOCK_STATUS_SUCCESS
	       : status == PENSTOCK_STATUS_SUCCESS ? PENSTOCK_STATUS_UNSUCCESSFUL
						   : status;
}

/* A device and the first fence of it. */
static enum penstock_status begin_again(struct penstock_connection *connection, double *ret_ns)
{
	struct penstock_measure_target target;
	uint64_t begun_ns = penstock_measure_now_ns();
	enum penstock_status status = penstock_measure_open(connection, 0, &target);
	uint64_t fence;

	if (status != PENSTOCK_STATUS_SUCCESS) {
		return status;
	}
	status =
		penstock_command_buffer_submit(target.small, connection, target.context, 0, &fence);
	if (status == PENSTOCK_STATUS_SUCCESS) {
		status = penstock_context_wait(connection, target.context, fence, 60000, NULL);
	}
	*ret_ns = (double)(penstock_measure_now_ns() - begun_ns);
	penstock_measure_close(&target);
	return status;
}

static void measure_hangs(struct bench *bench, struct penstock_connection *connection)
{
	struct penstock_command_buffer *endless = NULL;
	double hangs[HANGS], again[HANGS];
	enum penstock_status status = emit_endless(&endless);

	for (unsigned i = 0; i < HANGS && status == PENSTOCK_STATUS_SUCCESS; i++) {
		status = hang_once(connection, endless, &hangs[i]);
		if (status == PENSTOCK_STATUS_SUCCESS) {
			status = begin_again(connection, &again[i]);
		}
	}
	penstock_command_buffer_free(endless);
	if (status != PENSTOCK_STATUS_SUCCESS) {
		bench_failed(bench, "P11", "%s", penstock_status_text(status));
		return;
	}
	bench_add(bench, "P11", "hang to lost device, to TdrDelay + looks", "ms",
		  penstock_measure_median(hangs, HANGS) * 1e-6, TDR_DELAY_MS + LOOKS_MS, "<=1.1");
	bench_add(bench, "P11-again", "after that, a new device and its first fence", "ms",
		  penstock_measure_median(again, HANGS) * 1e-6, 0, "");
}

/* ---------------------------------------------------------------- beside it */

static void hang_for_ever(const char *server)
{
	struct penstock_options options = PENSTOCK_OPTIONS_INIT;
	struct penstock_connection *connection;
	struct penstock_command_buffer *endless = NULL;
	double ignored;

	options.server = server;
	if (penstock_connect(&options, &connection, NULL, 0) != PENSTOCK_STATUS_SUCCESS ||
	    emit_endless(&endless) != PENSTOCK_STATUS_SUCCESS) {
		return;
	}
	while (hang_once(connection, endless, &ignored) == PENSTOCK_STATUS_SUCCESS) {
	}
}

static enum penstock_status beside(struct penstock_measure_target *target, const char *server,
				   double *ret_ns)
{
	pid_t other = fork();
	enum penstock_status status;

	if (other == 0) {
		hang_for_ever(server);
		_exit(1);
	}
	if (other < 0) {
		return PENSTOCK_STATUS_NO_MEMORY;
	}
	status = penstock_measure_empty_p99(target, TENANT_MS, ret_ns);
	if (waitpid(other, NULL, WNOHANG) != 0) {
		return PENSTOCK_STATUS_CONNECTION_DISCONNECTED; /* nobody was disturbed */
	}
	kill(other, SIGKILL);
	waitpid(other, NULL, 0);
	return status;
}

static void measure_tenant(struct bench *bench, struct penstock_connection *connection,
			   const char *tcp_server)
{
	struct penstock_measure_target target;
	double values[HANGS], references[HANGS];
	enum penstock_status status = penstock_measure_open(connection, 0, &target);

	for (unsigned i = 0; i < HANGS && status == PENSTOCK_STATUS_SUCCESS; i++) {
		status = penstock_measure_empty_p99(&target, TENANT_MS / 4, &references[i]);
		if (status == PENSTOCK_STATUS_SUCCESS) {
			status = beside(&target, tcp_server, &values[i]);
		}
	}
	if (status != PENSTOCK_STATUS_SUCCESS) {
		bench_failed(bench, "P11", "p99: %s", penstock_status_text(status));
		return;
	}
	bench_add(bench, "P11-p99", "p99 beside one that hangs the GPU, to alone", "us",
		  penstock_measure_median(values, HANGS) * 1e-3,
		  penstock_measure_median(references, HANGS) * 1e-3, "");
	penstock_measure_close(&target);
}

void bench_p11(struct bench *bench)
{
	static const char *const arguments[] = { "--test-instructions", "--tdr-delay=2000",
						 "--tdr-limit-count=63", NULL };
	struct penstock_daemon daemon;
	struct penstock_connection *connection = NULL;

	if (bench_start_daemon_with(bench, "P11", &daemon, arguments)) {
		connection = bench_connect(bench, "P11", daemon.unix_server, 0);
	}
	if (connection != NULL) {
		measure_hangs(bench, connection);
		measure_tenant(bench, connection, daemon.tcp_server);
		penstock_connection_close(connection);
	}
	bench_stop_daemon(&daemon);
}
