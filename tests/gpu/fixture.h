/* SPDX-License-Identifier: MIT */
/*
 * A backend with memory files of its own, for tests: starts penstock-gpu from the build directory,
 * records every callback, and turns the loop until something has happened. It writes instructions
 * below render, as no client can.
 */
#ifndef PENSTOCK_TESTS_GPU_FIXTURE_H
#define PENSTOCK_TESTS_GPU_FIXTURE_H

#include "gpu-backend/backend.h"
#include "tests/gpu/stream.h"

#include <uv.h>

#define FIXTURE_LOCAL_BYTES    (4u << 20)
#define FIXTURE_APERTURE_BYTES (4u << 20)
#define FIXTURE_SYSTEM_BYTES   (8u << 20)

/* Where the fixture keeps DMA buffers: the first pages of the local file. */
#define FIXTURE_DMA_ADDRESS PENSTOCK_LOCAL_BASE
#define FIXTURE_DMA_BYTES   (256u << 10)

/* File ids of a principal; the second one's are + 10. */
enum { FIXTURE_SYSTEM_FILE = 1, FIXTURE_LOCAL_FILE = 2, FIXTURE_DUMMY_FILE = 3 };

#define FIXTURE_INTERRUPTS 512u

/* One process of the backend with its files mapped here too. */
struct fixture_process {
	struct fixture *fixture;
	struct penstock_backend_process *backend;
	uint32_t first_file; /* 0, or 10 */
	int descriptors[3];  /* system, local, dummy */
	uint8_t *system;
	uint8_t *local;
	struct penstock_interrupt interrupts[FIXTURE_INTERRUPTS];
	unsigned interrupt_count;
	unsigned deaths;
	int wait_status;
};

struct fixture {
	uv_loop_t loop;
	struct penstock_backend *backend;
	const char *failure; /* of adapter_failed */
	bool in_call;        /* a callback now would be from inside a call */
	bool stopped;
	void (*on_interrupt)(struct fixture_process *process); /* or NULL */
	void (*on_died)(struct fixture_process *process);      /* or NULL */
};

void fixture_start(struct fixture *fixture);

/* With another program: a path below the build directory, or an absolute one. */
void fixture_start_program(struct fixture *fixture, const char *program);
void fixture_stop(struct fixture *fixture);

void fixture_process_start(struct fixture *fixture, struct fixture_process *process,
			   uint32_t first_file);
/* Destroys it and closes its files. */
void fixture_process_stop(struct fixture_process *process);

/* Puts the DMA buffer into the process's memory at `slot` * 4096 and submits it. */
void fixture_submit(struct fixture_process *process, uint32_t node, uint32_t fence,
		    const struct stream *dma, uint32_t slot);
void fixture_submit_paging(struct fixture_process *process, uint32_t node, uint32_t fence,
			   const struct stream *dma);
void fixture_submit_raw(struct fixture_process *process, const struct penstock_submit_args *args);
void fixture_ring(struct fixture_process *process);

/* Turns the loop until the condition holds. */
#define fixture_until(fixture, condition)                                                          \
	while (!(condition)) {                                                                     \
		ck_assert(uv_run(&(fixture)->loop, UV_RUN_ONCE) != 0 || (condition));              \
	}

/* Turns the loop until the fence was reported as completed on that node. */
void fixture_await_fence(struct fixture_process *process, uint32_t node, uint32_t fence);

/* Turns the loop until there are so many interrupts; the last one. */
const struct penstock_interrupt *fixture_await(struct fixture_process *process, unsigned count);

#endif
