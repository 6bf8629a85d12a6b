/* SPDX-License-Identifier: MIT */
#include "tests/support/gpu_memory.h"

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

static int duplicate(int descriptor)
{
	int copy = fcntl(descriptor, F_DUPFD_CLOEXEC, 0);

	PENSTOCK_REQUIRE(copy >= 0);
	return copy;
}

static enum penstock_status attach(struct gpu_memory *memory, const struct gpu_file *file)
{
	return penstock_mmu_attach(&memory->mmu, file->base.id, duplicate(file->base.descriptor),
				   file->base.size_bytes, file->role);
}

static void build(struct gpu_memory *memory)
{
	PENSTOCK_REQUIRE(penstock_mmu_init(&memory->mmu, memory->local_bytes,
					   memory->aperture_bytes) == PENSTOCK_STATUS_SUCCESS);
	for (size_t i = 0; i < memory->file_count; i++) {
		PENSTOCK_REQUIRE(attach(memory, &memory->files[i]) == PENSTOCK_STATUS_SUCCESS);
	}
}

void gpu_memory_init(struct gpu_memory *memory, uint64_t local_bytes, uint64_t aperture_bytes)
{
	*memory =
		(struct gpu_memory){ .local_bytes = local_bytes, .aperture_bytes = aperture_bytes };
	build(memory);
}

void gpu_memory_fini(struct gpu_memory *memory)
{
	penstock_mmu_fini(&memory->mmu);
	for (size_t i = 0; i < memory->file_count; i++) {
		close(memory->files[i].base.descriptor);
	}
	free(memory->files);
}

void gpu_memory_reset(struct gpu_memory *memory)
{
	penstock_mmu_fini(&memory->mmu);
	build(memory);
}

static struct gpu_memory *memory_of(struct penstock_backend_process *process)
{
	return &((struct gpu_process *)process)->memory;
}

enum penstock_status gpu_process_attach_file(struct penstock_backend_process *process,
					     const struct penstock_backend_file *file,
					     enum penstock_file_role role)
{
	struct gpu_memory *memory = memory_of(process);
	struct gpu_file *grown =
		reallocarray(memory->files, memory->file_count + 1, sizeof(*grown));

	PENSTOCK_REQUIRE(grown != NULL);
	memory->files = grown;
	grown[memory->file_count] = (struct gpu_file){ *file, role };
	grown[memory->file_count].base.descriptor = duplicate(file->descriptor);
	return attach(memory, &grown[memory->file_count++]);
}

void gpu_process_detach_file(struct penstock_backend_process *process, uint32_t file_id)
{
	struct gpu_memory *memory = memory_of(process);

	penstock_mmu_detach(&memory->mmu, file_id);
	for (size_t i = 0; i < memory->file_count; i++) {
		if (memory->files[i].base.id == file_id) {
			close(memory->files[i].base.descriptor);
			memory->files[i] = memory->files[--memory->file_count];
			return;
		}
	}
}
