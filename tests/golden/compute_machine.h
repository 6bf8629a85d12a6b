/* SPDX-License-Identifier: MIT */
/*
 * A daemon of this build as a machine that executes programs of compute_cases.h, through
 * libpenstock as any client. Every fault fails the test.
 */
#ifndef PENSTOCK_COMPUTE_MACHINE_H
#define PENSTOCK_COMPUTE_MACHINE_H

#include "client/include/penstock/penstock.h"
#include "tests/daemon_fixture.h"
#include "tests/golden/compute_cases.h"

/* A client with a device and a context. */
struct compute_client {
	struct penstock_connection *connection;
	uint64_t device;
	uint64_t context;
};

/* What a program needs there. */
struct compute_objects {
	uint64_t memories[COMPUTE_MEMORIES];
	uint64_t pipelines[COMPUTE_STEPS]; /* of dispatches */
};

/* `arguments`: more options, NULL at the end. Every DMA buffer is checked a second time. */
void compute_machine_start(struct penstock_daemon *machine, const char *const arguments[]);
void compute_machine_stop(struct penstock_daemon *machine);

/* `server` is of the machine: over TCP the client is another principal. */
void compute_client_open(struct compute_client *client, const char *server);
void compute_client_close(struct compute_client *client);

/* A pipeline of a shader; it is not waited for. */
uint64_t compute_pipeline_new(struct compute_client *client, const char *shader,
			      const struct penstock_specialization_constant *constants,
			      uint32_t constant_count);

/* Memories with that content, which `segment_set` may hold (0: any), and pipelines. */
void compute_objects_new(struct compute_client *client, const struct compute_case *program,
			 uint8_t *const memories[], uint32_t segment_set,
			 struct compute_objects *ret_objects);
void compute_objects_destroy(struct compute_client *client, const struct compute_objects *objects);

/* One submission of all steps; returns its fence. */
uint64_t compute_submit(struct compute_client *client, const struct compute_case *program,
			const struct compute_objects *objects);

/* It ran. */
void compute_wait(struct compute_client *client, uint64_t fence);

/* What is in the memories now. */
void compute_read(struct compute_client *client, const struct compute_case *program,
		  const struct compute_objects *objects, uint8_t *memories[]);

#endif
