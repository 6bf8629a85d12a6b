/* SPDX-License-Identifier: MIT */
#include "tests/fuzz/gpu_memory.h"

#include "gpu-backend/dma.h"
#include "gpu-backend/emulated/gpu/guard.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

#define SPIN_MAX_US 100u

static const struct {
	enum penstock_file_role role;
	int flags;
} kinds[] = {
	[PENSTOCK_FUZZ_SYSTEM_FILE] = { PENSTOCK_FILE_PAGES, O_RDWR },
	[PENSTOCK_FUZZ_LOCAL_FILE] = { PENSTOCK_FILE_LOCAL, O_RDWR },
	[PENSTOCK_FUZZ_DUMMY_FILE] = { PENSTOCK_FILE_DUMMY, O_RDWR },
	[PENSTOCK_FUZZ_READ_ONLY_FILE] = { PENSTOCK_FILE_PAGES, O_RDONLY },
};

static int files[PENSTOCK_ARRAY_SIZE(kinds)];
static uint8_t *local; /* NULL: not started */

static void start(void)
{
	char path[64];
	int memory;

	PENSTOCK_REQUIRE(penstock_guard_install() == 0);
	for (size_t i = PENSTOCK_FUZZ_SYSTEM_FILE; i < PENSTOCK_ARRAY_SIZE(kinds); i++) {
		memory = memfd_create("penstock-fuzz", MFD_CLOEXEC);
		PENSTOCK_REQUIRE(memory >= 0 && ftruncate(memory, PENSTOCK_FUZZ_WINDOW_BYTES) == 0);
		snprintf(path, sizeof(path), "/proc/self/fd/%d", memory);
		files[i] = open(path, kinds[i].flags | O_CLOEXEC);
		PENSTOCK_REQUIRE(files[i] >= 0);
		close(memory);
	}
	local = mmap(NULL, PENSTOCK_FUZZ_WINDOW_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED,
		     files[PENSTOCK_FUZZ_LOCAL_FILE], 0);
	PENSTOCK_REQUIRE(local != MAP_FAILED);
}

void penstock_fuzz_memory_init(struct penstock_mmu *mmu)
{
	if (local == NULL) {
		start();
	}
	PENSTOCK_REQUIRE(penstock_mmu_init(mmu, PENSTOCK_FUZZ_WINDOW_BYTES,
					   PENSTOCK_FUZZ_WINDOW_BYTES) == PENSTOCK_STATUS_SUCCESS);
	for (uint32_t i = PENSTOCK_FUZZ_SYSTEM_FILE; i < PENSTOCK_ARRAY_SIZE(kinds); i++) {
		PENSTOCK_REQUIRE(penstock_mmu_attach(mmu, i, fcntl(files[i], F_DUPFD_CLOEXEC, 0),
						     PENSTOCK_FUZZ_WINDOW_BYTES,
						     kinds[i].role) == PENSTOCK_STATUS_SUCCESS);
	}
}

uint8_t *penstock_fuzz_memory_local(void)
{
	return local;
}

int penstock_fuzz_memory_file(uint32_t id)
{
	return id > 0 && id < PENSTOCK_ARRAY_SIZE(files) ? files[id] : -1;
}

/* At any byte: what is copied to where instructions are fetched may have been anywhere. */
bool penstock_fuzz_spins_long(const uint8_t *bytes, size_t size)
{
	const struct penstock_layout *spin = &penstock_dma_get(PENSTOCK_DMA_SPIN)->layout;
	const uint32_t header = penstock_layout_header(spin->opcode, spin->bytes);

	for (size_t at = 0; size >= spin->bytes && at <= size - spin->bytes; at++) {
		if (penstock_load32(bytes + at) == header &&
		    penstock_load32(bytes + at + PENSTOCK_DMA_SPIN_microseconds) > SPIN_MAX_US) {
			return true;
		}
	}
	return false;
}
