/* SPDX-License-Identifier: MIT */
/*
 * What a GPU process of a test can address: the MMU of penstock-gpu, and the files that were
 * attached, from which a reset builds it anew.
 */
#ifndef PENSTOCK_TEST_GPU_MEMORY_H
#define PENSTOCK_TEST_GPU_MEMORY_H

#include "gpu-backend/emulated/gpu/mmu.h"
#include "gpu-backend/plain/plain.h"

struct gpu_file {
	struct penstock_backend_file base; /* its descriptor is owned */
	enum penstock_file_role role;
};

struct gpu_memory {
	struct penstock_mmu mmu;
	uint64_t local_bytes;
	uint64_t aperture_bytes;
	struct gpu_file *files; /* [file_count], owned */
	size_t file_count;
};

/* First member of a process of a GPU that is in the test's own process. */
struct gpu_process {
	struct penstock_plain_process plain; /* first */
	struct gpu_memory memory;
};

void gpu_memory_init(struct gpu_memory *memory, uint64_t local_bytes, uint64_t aperture_bytes);
void gpu_memory_fini(struct gpu_memory *memory);

/* The process began anew: its files are attached, and nothing is mapped but LOCAL. */
void gpu_memory_reset(struct gpu_memory *memory);

/* For the table of gpu-backend/backend.h. */
enum penstock_status gpu_process_attach_file(struct penstock_backend_process *process,
					     const struct penstock_backend_file *file,
					     enum penstock_file_role role);
void gpu_process_detach_file(struct penstock_backend_process *process, uint32_t file_id);

#endif
