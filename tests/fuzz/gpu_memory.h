/* SPDX-License-Identifier: MIT */
/*
 * The memory of a GPU process, for targets that execute any instructions in this one: files that
 * are kept from input to input, and an MMU that shows them.
 */
#ifndef PENSTOCK_FUZZ_GPU_MEMORY_H
#define PENSTOCK_FUZZ_GPU_MEMORY_H

#include "gpu-backend/emulated/gpu/mmu.h"
#include "tests/fuzz/fuzz.h"

#define PENSTOCK_FUZZ_WINDOW_BYTES (1u << 20) /* of each segment, and of each file */

/* File ids. */
enum penstock_fuzz_file {
	PENSTOCK_FUZZ_SYSTEM_FILE = 1,
	PENSTOCK_FUZZ_LOCAL_FILE = 2,
	PENSTOCK_FUZZ_DUMMY_FILE = 3,
	PENSTOCK_FUZZ_READ_ONLY_FILE = 4,
};

/* With the four files attached and the guard installed; penstock_mmu_fini ends it. */
void penstock_fuzz_memory_init(struct penstock_mmu *mmu);

/* What the LOCAL file holds, all of it. */
uint8_t *penstock_fuzz_memory_local(void);

/* A descriptor of a file, borrowed; -1: the id is none of them. */
int penstock_fuzz_memory_file(uint32_t id);

/* Whether there is a spin anywhere in the bytes that would be waited for. */
bool penstock_fuzz_spins_long(const uint8_t *bytes, size_t size);

#endif
