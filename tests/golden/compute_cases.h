/* SPDX-License-Identifier: MIT */
/*
 * Small programs of dispatches and copies over a few memories, as data: two machines execute them,
 * a daemon and Vulkan in this process, and what is in the memories then is the same.
 */
#ifndef PENSTOCK_COMPUTE_CASES_H
#define PENSTOCK_COMPUTE_CASES_H

#include "proto/base/base.h"
#include "proto/values.h"

#define COMPUTE_MEMORIES 8u
#define COMPUTE_BINDS    16u
#define COMPUTE_PUSHED   32u
#define COMPUTE_STEPS    8u

/* What is in it at first comes from the seed; 0: zeros. */
struct compute_memory {
	uint32_t size_bytes; /* a multiple of 4; 0: there is none */
	uint32_t seed;
};

enum compute_access {
	COMPUTE_READ,
	COMPUTE_WRITE,
	COMPUTE_UNIFORM,
};

struct compute_bind {
	uint32_t size; /* bytes; 0: no more binds */
	uint32_t offset;
	uint32_t memory;
	enum compute_access access;
	uint32_t set, binding, element;
};

enum compute_step_kind {
	COMPUTE_DISPATCH = 1,
	COMPUTE_COPY,
	COMPUTE_FILL,
};

struct compute_step {
	enum compute_step_kind kind; /* 0: no more steps */

	/* a dispatch */
	const char *shader; /* of tests/golden/shaders, without its ending */
	const struct penstock_specialization_constant *constants;
	uint32_t constant_count;
	uint32_t push_offset; /* bytes */
	uint32_t push_dwords;
	uint32_t push[COMPUTE_PUSHED];
	uint32_t groups[3];
	uint32_t base[3];
	struct compute_bind binds[COMPUTE_BINDS];

	/* a copy or a fill: memories, bytes */
	uint32_t source, source_offset;
	uint32_t destination, destination_offset;
	uint32_t size;
	uint32_t pattern;
};

struct compute_case {
	const char *name;
	struct compute_memory memories[COMPUTE_MEMORIES];
	struct compute_step steps[COMPUTE_STEPS];
};

extern const struct compute_case compute_cases[];
extern const unsigned compute_case_count;

/* A compiled shader; the caller frees it. Where it cannot be read, the test fails. */
void *compute_shader(const char *name, size_t *ret_bytes);

/* The memories as they are before the first step; the caller frees each. */
void compute_memories_new(const struct compute_case *program, uint8_t *ret_memories[]);
void compute_memories_free(uint8_t *memories[]);

#endif
