/* SPDX-License-Identifier: MIT */
#include "tests/golden/compute_cases.h"

#include "tests/harness.h"

#include <stdio.h>
#include <stdlib.h>

#define DISPATCH(name, x, y, z) .kind = COMPUTE_DISPATCH, .shader = name, .groups = { x, y, z }
#define PUSH(count, ...)        .push_dwords = count, .push = { __VA_ARGS__ }
#define READ(memory, offset, size, binding)                                                        \
	{                                                                                          \
		size, offset, memory, COMPUTE_READ, 0, binding, 0                                  \
	}
#define WRITE(memory, offset, size, binding)                                                       \
	{                                                                                          \
		size, offset, memory, COMPUTE_WRITE, 0, binding, 0                                 \
	}
#define UNIFORM(memory, offset, size, binding)                                                     \
	{                                                                                          \
		size, offset, memory, COMPUTE_UNIFORM, 0, binding, 0                               \
	}
#define COPY(from, from_offset, to, to_offset, bytes)                                              \
	{                                                                                          \
		.kind = COMPUTE_COPY, .source = from, .source_offset = from_offset,                \
		.destination = to, .destination_offset = to_offset, .size = bytes                  \
	}
#define FILL(to, to_offset, bytes, dword)                                                          \
	{                                                                                          \
		.kind = COMPUTE_FILL, .destination = to, .destination_offset = to_offset,          \
		.size = bytes, .pattern = dword                                                    \
	}

static const struct penstock_specialization_constant all_kinds[] = {
	{ 0, 4, 24 },
	{ 1, 4, 11 },
	{ 2, 4, 0x40200000 /* 2.5 */ },
	{ 3, 4, 1 },
	{ 4, 8, 0x123456789abcdef0 },
	{ 5, 4, (uint32_t)-77 },
	{ 6, 8, 0x4008000000000000 /* 3.0 */ },
	{ 7, 4, 9 },
};

const struct compute_case compute_cases[] = {
	{ "storage buffers",
	  { { 4096, 1 }, { 4096, 0 } },
	  { { DISPATCH("map", 16, 1, 1),
	      .binds = { READ(0, 0, 4096, 0), WRITE(1, 0, 4096, 1) } } } },
	{ "a part of a buffer",
	  { { 4096, 2 }, { 8192, 3 } },
	  { { DISPATCH("map", 3, 1, 1),
	      .binds = { READ(0, 1024, 768, 0), WRITE(1, 4096, 768, 1) } } } },
	{ "several buffers in one allocation, next to each other at multiples of 16",
	  { { 4096, 4 } },
	  { { DISPATCH("map", 1, 1, 1), .binds = { READ(0, 16, 256, 0), WRITE(0, 272, 256, 1) } },
	    { DISPATCH("map", 1, 1, 1), .binds = { READ(0, 272, 256, 0), WRITE(0, 528, 256, 1) } },
	    { DISPATCH("shared", 1, 1, 1), .binds = { WRITE(0, 32, 512, 0) } } } },
	{ "a uniform block with an index that only the GPU knows",
	  { { 512, 5 }, { 2048, 0 } },
	  { { DISPATCH("uniform", 4, 1, 1),
	      .binds = { UNIFORM(0, 64, 224, 0), WRITE(1, 0, 2048, 5) } } } },
	{ "push constants, all of them",
	  { { 256, 0 } },
	  { { DISPATCH("push", 2, 1, 1),
	      PUSH(32, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21,
		   22, 23, 24, 25, 26, 27, 28, 29, 30, 31, 0xffffffff),
	      .binds = { WRITE(0, 0, 256, 0) } } } },
	{ "push constants, some of them, which the next dispatch does not have",
	  { { 256, 6 } },
	  { { DISPATCH("push", 1, 1, 1), .push_offset = 20, PUSH(3, 0xa, 0xb, 0xc),
	      .binds = { WRITE(0, 0, 128, 0) } },
	    { DISPATCH("push", 1, 1, 1), .binds = { WRITE(0, 128, 128, 0) } } } },
	{ "four sets",
	  { { 1024, 7 }, { 64, 8 }, { 1024, 9 }, { 1024, 10 } },
	  { { DISPATCH("sets", 16, 1, 1), .binds = { { 1024, 0, 0, COMPUTE_READ, 0, 3, 0 },
						     { 64, 0, 1, COMPUTE_UNIFORM, 1, 0, 0 },
						     { 1024, 0, 2, COMPUTE_READ, 3, 7, 0 },
						     { 1024, 0, 3, COMPUTE_WRITE, 6, 1, 0 } } } } },
	{ "arrays of descriptors",
	  { { 1024, 11 }, { 256, 12 }, { 512, 13 } },
	  { { DISPATCH("arrays", 4, 1, 1), PUSH(2, 2, 1),
	      .binds = { { 256, 0, 0, COMPUTE_READ, 0, 0, 0 },
			 { 256, 256, 0, COMPUTE_READ, 0, 0, 1 },
			 { 256, 512, 0, COMPUTE_READ, 0, 0, 2 },
			 { 256, 768, 0, COMPUTE_READ, 0, 0, 3 },
			 { 16, 0, 1, COMPUTE_UNIFORM, 0, 1, 0 },
			 { 16, 64, 1, COMPUTE_UNIFORM, 0, 1, 1 },
			 { 16, 128, 1, COMPUTE_UNIFORM, 0, 1, 2 },
			 { 256, 0, 2, COMPUTE_WRITE, 1, 0, 0 },
			 { 256, 256, 2, COMPUTE_WRITE, 1, 0, 1 } } } } },
	{ "specialisation constants",
	  { { 24 * 5 * 4, 0 } },
	  { { DISPATCH("constants", 5, 1, 1), .constants = all_kinds,
	      .constant_count = PENSTOCK_ARRAY_SIZE(all_kinds),
	      .binds = { WRITE(0, 0, 24 * 5 * 4, 0) } } } },
	{ "some specialisation constants, and one that no constant of the module has",
	  { { 8 * 4, 0 } },
	  { { DISPATCH("constants", 1, 1, 1),
	      .constants =
		      (const struct penstock_specialization_constant[]){ { 0, 4, 8 }, { 1, 4, 4 } },
	      .constant_count = 2, .binds = { WRITE(0, 0, 8 * 4, 0) } } } },
	{ "shared memory with barriers",
	  { { 128 * 4 * 8, 14 } },
	  { { DISPATCH("shared", 8, 1, 1), .binds = { WRITE(0, 0, 128 * 4 * 8, 0) } } } },
	{ "atomics",
	  { { 32 * 4 * 64, 15 }, { 128, 0 } },
	  { FILL(1, 8, 4, 0xffffffff),
	    FILL(1, 12, 4, 0xffffffff),
	    { DISPATCH("atomics", 64, 1, 1),
	      .binds = { READ(0, 0, 32 * 4 * 64, 0), WRITE(1, 0, 128, 1) } } } },
	{ "workgroups in three dimensions",
	  { { 24 * 3 * 2 * 5 * 32, 0 } },
	  { { DISPATCH("ids", 3, 2, 5), PUSH(7, 0, 0, 0, 0, 3, 2, 5),
	      .binds = { WRITE(0, 0, 24 * 3 * 2 * 5 * 32, 0) } } } },
	{ "a base of workgroups",
	  { { 24 * 3 * 2 * 2 * 32, 0 } },
	  { { DISPATCH("ids", 3, 2, 2), .base = { 5, 70, 1000 }, PUSH(7, 5, 70, 1000, 0, 3, 2, 2),
	      .binds = { WRITE(0, 0, 24 * 3 * 2 * 2 * 32, 0) } } } },
	{ "the number of workgroups",
	  { { 4 * 16 * 7 * 3 * 2, 0 } },
	  { { DISPATCH("counts", 7, 3, 2), .binds = { WRITE(0, 0, 4 * 16 * 7 * 3 * 2, 0) } } } },
	{ "no workgroups",
	  { { 256, 16 } },
	  { { DISPATCH("push", 0, 1, 1), .binds = { WRITE(0, 0, 256, 0) } },
	    { DISPATCH("push", 1, 1, 0), .binds = { WRITE(0, 0, 256, 0) } } } },
	{ "a dispatch, a copy of what it wrote, a dispatch of what was copied",
	  { { 4096, 17 }, { 4096, 0 }, { 8192, 0 } },
	  { { DISPATCH("map", 16, 1, 1), .binds = { READ(0, 0, 4096, 0), WRITE(1, 0, 4096, 1) } },
	    COPY(1, 0, 2, 4096, 4096),
	    FILL(1, 512, 512, 0x01020304),
	    { DISPATCH("map", 16, 1, 1),
	      .binds = { READ(2, 4096, 4096, 0), WRITE(2, 0, 4096, 1) } },
	    COPY(2, 128, 0, 0, 1000),
	    { DISPATCH("map", 16, 1, 1),
	      .binds = { READ(0, 0, 4096, 0), WRITE(1, 0, 4096, 1) } } } },
	{ "steps that each need the one before",
	  { { 4000, 18 }, { 4000, 0 } },
	  { { DISPATCH("step", 16, 1, 1), PUSH(1, 1000),
	      .binds = { READ(0, 0, 4000, 0), WRITE(1, 0, 4000, 1) } },
	    { DISPATCH("step", 16, 1, 1), PUSH(1, 1000),
	      .binds = { READ(1, 0, 4000, 0), WRITE(0, 0, 4000, 1) } },
	    { DISPATCH("step", 16, 1, 1), PUSH(1, 1000),
	      .binds = { READ(0, 0, 4000, 0), WRITE(1, 0, 4000, 1) } },
	    { DISPATCH("step", 16, 1, 1), PUSH(1, 1000),
	      .binds = { READ(1, 0, 4000, 0), WRITE(0, 0, 4000, 1) } },
	    { DISPATCH("step", 16, 1, 1), PUSH(1, 1000),
	      .binds = { READ(0, 0, 4000, 0), WRITE(1, 0, 4000, 1) } } } },
	{ "arithmetic that is not exact",
	  { { 64 * 16 * 8, 19 } },
	  { FILL(0, 0, 64, 0x447a0000), /* 1000.0 */
	    { DISPATCH("floats", 1, 1, 1), .binds = { WRITE(0, 0, 1024, 0) } } } },
	{ "bytes and halves",
	  { { 128, 20 }, { 256, 21 } },
	  { { DISPATCH("small", 4, 1, 1),
	      .binds = { WRITE(0, 0, 128, 0), WRITE(1, 0, 256, 1) } } } },
	{ "a million invocations",
	  { { 4 << 20, 22 } },
	  { { DISPATCH("work", 1024, 16, 1), PUSH(1, 64),
	      .binds = { WRITE(0, 0, 4 << 20, 0) } } } },
};
const unsigned compute_case_count = PENSTOCK_ARRAY_SIZE(compute_cases);

void *compute_shader(const char *name, size_t *ret_bytes)
{
	const char *top = getenv("PENSTOCK_BUILDDIR");
	const size_t most = 1u << 20;
	uint8_t *bytes = malloc(most);
	char path[512];
	FILE *file;

	snprintf(path, sizeof(path), "%s/tests/golden/shaders/%s.comp.spv", top != NULL ? top : ".",
		 name);
	file = fopen(path, "rb");
	ck_assert_msg(file != NULL && bytes != NULL, "%s cannot be read", path);
	*ret_bytes = fread(bytes, 1, most, file);
	fclose(file);
	ck_assert_uint_gt(*ret_bytes, 0);
	return bytes;
}

void compute_memories_new(const struct compute_case *program, uint8_t *ret_memories[])
{
	for (unsigned m = 0; m < COMPUTE_MEMORIES; m++) {
		const struct compute_memory *memory = &program->memories[m];
		uint64_t state = memory->seed * UINT64_C(0x9e3779b97f4a7c15);

		ret_memories[m] = calloc(1, memory->size_bytes + 1u);
		ck_assert_ptr_nonnull(ret_memories[m]);
		for (uint32_t i = 0; memory->seed != 0 && i < memory->size_bytes; i++) {
			state = state * 6364136223846793005ull + 1442695040888963407ull;
			ret_memories[m][i] = (uint8_t)(state >> 56);
		}
	}
}

void compute_memories_free(uint8_t *memories[])
{
	for (unsigned m = 0; m < COMPUTE_MEMORIES; m++) {
		free(memories[m]);
	}
}
