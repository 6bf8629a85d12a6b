/* SPDX-License-Identifier: MIT */
/*
 * The MMU of one GPU process is the host's: each segment is a window of reserved host addresses,
 * and an operation of the page table is an mmap over a part of it.
 *
 *   local window      the LOCAL file, mapped once, whole; map_pages puts pages of another file
 *                     over it (shared allocations), unmap_pages brings the LOCAL file back
 *   aperture window   PROT_NONE: a touch faults. map_pages puts pages there; unmap_pages maps the
 *                     sparse DUMMY file at the same offset, so that neighbours merge into one
 *                     mapping, stray reads see zeros and SEEK_DATA finds stray touches
 *
 * A host process has a bounded number of mappings (vm.max_map_count), so a table remembers what
 * each page shows, from which the number of mappings follows; map_pages beyond the budget is
 * refused.
 *
 * Threads: translate from any; everything else takes the lock.
 */
#ifndef PENSTOCK_MMU_H
#define PENSTOCK_MMU_H

#include "gpu-backend/backend.h"
#include "proto/wire/limits.h"

#include <pthread.h>

/* Well under vm.max_map_count (65,530): the rest is for unmap_pages, files mapped whole, libraries.
 */
#define PENSTOCK_MMU_MAPPING_BUDGET 49152u

struct penstock_mmu_file {
	uint32_t id;
	int descriptor; /* owned */
	uint64_t size_bytes;
	enum penstock_file_role role;
	uint8_t *whole; /* of page_fill and page_copy; NULL until the first */
};

struct penstock_mmu_window {
	uint64_t base; /* GPU address */
	uint64_t size_bytes;
	uint8_t *host;
	uint64_t *pages;     /* what each page shows; 0: what it showed at first */
	uint64_t home_bytes; /* of the local window: how much of it the LOCAL file covers */
	uint32_t home_file;
	bool has_home;
	uint64_t mappings;
};

struct penstock_mmu {
	struct penstock_mmu_window local;
	struct penstock_mmu_window aperture;
	uint64_t mapping_budget;
	pthread_mutex_t lock;
	struct penstock_mmu_file *files; /* by id, growing */
	size_t file_count;
	size_t file_capacity;
};

/* Reserves the windows; sizes are multiples of a page. SUCCESS, NO_MEMORY, INVALID_PARAMETER. */
PENSTOCK_MUST_CHECK
enum penstock_status penstock_mmu_init(struct penstock_mmu *mmu, uint64_t local_bytes,
				       uint64_t aperture_bytes);
void penstock_mmu_fini(struct penstock_mmu *mmu);

/*
 * Takes the descriptor, on failure too. SUCCESS, NO_MEMORY, INVALID_PARAMETER (an id that is there
 * already, a second LOCAL or DUMMY, a size that is no whole number of pages).
 */
PENSTOCK_MUST_CHECK
enum penstock_status penstock_mmu_attach(struct penstock_mmu *mmu, uint32_t id, int descriptor,
					 uint64_t size_bytes, enum penstock_file_role role);

/* What is mapped of it stays so. LOCAL and DUMMY stay; an id that is not there: nothing happens. */
void penstock_mmu_detach(struct penstock_mmu *mmu, uint32_t id);

/*
 * Addresses, offset and size are multiples of a page, the range in one window, the file long
 * enough: else INVALID_PARAMETER. INVALID_HANDLE: no such file. NO_MEMORY: the budget of mappings
 * or the kernel's.
 */
PENSTOCK_MUST_CHECK
enum penstock_status penstock_mmu_map(struct penstock_mmu *mmu, uint32_t file_id, uint64_t address,
				      uint64_t offset, uint64_t size, bool read_only);
PENSTOCK_MUST_CHECK
enum penstock_status penstock_mmu_unmap(struct penstock_mmu *mmu, uint64_t address, uint64_t size);

/*
 * The only way from a GPU address to the host's. NULL where [address, address + size) is not inside
 * one window; then *ret_bad is the first address that is not. What the window shows there may
 * still fault (gpu/guard.h).
 */
uint8_t *penstock_mmu_translate(const struct penstock_mmu *mmu, uint64_t address, uint64_t size,
				uint64_t *ret_bad);

/* The way back, for a fault. Whether the host address is in a window. Async-signal-safe. */
bool penstock_mmu_gpu_address(const struct penstock_mmu *mmu, const void *host,
			      uint64_t *ret_address);

/*
 * A range of a file for page_fill and page_copy. SUCCESS, INVALID_HANDLE, INVALID_PARAMETER (past
 * its end), NO_MEMORY.
 */
PENSTOCK_MUST_CHECK
enum penstock_status penstock_mmu_file_range(struct penstock_mmu *mmu, uint32_t file_id,
					     uint64_t offset, uint64_t size, uint8_t **ret_host);

#endif
