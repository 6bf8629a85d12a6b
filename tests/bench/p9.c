/* SPDX-License-Identifier: MIT */
/* P9: what an idle multipass context costs the daemon in memory. */
#include "tests/bench/bench.h"

#include <stdio.h>

#define WARM_CONTEXTS 1000u
#define CONTEXTS      20000u

/* Bytes of the process's memory that are its own and resident. */
static double resident_bytes(pid_t pid)
{
	char path[64], line[128];
	unsigned long kib = 0;
	FILE *status;

	snprintf(path, sizeof(path), "/proc/%ld/status", (long)pid);
	status = fopen(path, "re");
	while (status != NULL && fgets(line, sizeof(line), status) != NULL) {
		if (sscanf(line, "RssAnon: %lu kB", &kib) == 1) {
			break;
		}
	}
	if (status != NULL) {
		fclose(status);
	}
	return (double)kib * 1024;
}

static enum penstock_status create_contexts(struct penstock_connection *connection, uint64_t device,
					    unsigned count)
{
	struct penstock_context_create_info info = { .device = device };
	enum penstock_status status = PENSTOCK_STATUS_SUCCESS;
	struct penstock_failure failure;
	uint64_t context;

	for (unsigned i = 0; i < count && status == PENSTOCK_STATUS_SUCCESS; i++) {
		status = penstock_context_create(connection, &info, &context);
	}
	if (status == PENSTOCK_STATUS_SUCCESS) {
		status = penstock_connection_sync(connection, PENSTOCK_FOREVER);
	}
	if (status == PENSTOCK_STATUS_SUCCESS &&
	    penstock_failure_next(connection, &failure) == PENSTOCK_STATUS_SUCCESS) {
		status = failure.status;
	}
	return status;
}

void bench_p9(struct bench *bench)
{
	struct penstock_connection *connection =
		bench_connect(bench, "P9", bench->daemon->unix_server, 0);
	enum penstock_status status;
	uint64_t device = 0;
	double before = 0;

	if (connection == NULL) {
		return;
	}
	status = penstock_device_create(connection, NULL, &device);
	if (status == PENSTOCK_STATUS_SUCCESS) {
		status = create_contexts(connection, device, WARM_CONTEXTS);
	}
	before = resident_bytes(bench->daemon->pid);
	if (status == PENSTOCK_STATUS_SUCCESS) {
		status = create_contexts(connection, device, CONTEXTS);
	}
	if (status == PENSTOCK_STATUS_SUCCESS) {
		bench_add(bench, "P9", "an idle multipass context", "bytes",
			  (resident_bytes(bench->daemon->pid) - before) / CONTEXTS, 0, "<=4096");
	} else {
		bench_failed(bench, "P9", "%s", penstock_status_text(status));
	}
	penstock_connection_close(connection);
}
