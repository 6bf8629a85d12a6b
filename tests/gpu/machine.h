/* SPDX-License-Identifier: MIT */
/*
 * A GPU in the test's own process, without rings: an MMU over memory files and one engine. Page
 * faults are caught here too.
 */
#ifndef PENSTOCK_TESTS_GPU_MACHINE_H
#define PENSTOCK_TESTS_GPU_MACHINE_H

#include "gpu-backend/emulated/gpu/processor.h"
#include "tests/gpu/stream.h"

#define MACHINE_LOCAL_BYTES    (16u << 20)
#define MACHINE_APERTURE_BYTES (4u << 20)
#define MACHINE_SYSTEM_BYTES   (4u << 20)

/* The DMA buffer is at the end of local memory. */
#define MACHINE_STREAM_OFFSET (MACHINE_LOCAL_BYTES - (256u << 10))

enum { MACHINE_SYSTEM_FILE = 1, MACHINE_LOCAL_FILE = 2, MACHINE_DUMMY_FILE = 3 };

struct machine {
	struct penstock_mmu mmu;
	struct penstock_engine engine;
	int system_file; /* ours */
	int dummy_file;
	uint8_t *system;
	uint8_t *local;
};

void machine_start(struct machine *machine);
void machine_stop(struct machine *machine);

/* Executes the stream from its start on node 0; sets it empty. */
enum penstock_outcome machine_run(struct machine *machine, struct stream *stream);
enum penstock_outcome machine_run_paging(struct machine *machine, struct stream *stream);

/* A generator of its own, so that a seed means the same everywhere. */
struct machine_random {
	uint64_t state;
};

uint32_t machine_random(struct machine_random *random);

/* 0 <= result < limit; limit > 0 */
uint32_t machine_below(struct machine_random *random, uint32_t limit);

/* From $PENSTOCK_SEED, or `fallback`; printed when a test fails. */
uint64_t machine_seed(uint64_t fallback);

#endif
