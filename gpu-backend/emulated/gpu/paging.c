/* SPDX-License-Identifier: MIT */
/*
 * Paging instructions, from build_paging_buffer only. The system process addresses files, a
 * principal's process its own page table. Each may be executed twice with the same result.
 */
#include "gpu-backend/dma.h"
#include "gpu-backend/emulated/gpu/engine.h"

enum penstock_outcome penstock_execute_page_fill(struct penstock_engine *engine,
						 const struct penstock_operation *operation)
{
	const uint8_t *fields = operation->fields;
	uint64_t size = penstock_load64(fields + PENSTOCK_DMA_PAGE_FILL_size);
	uint8_t *destination;

	if (size % sizeof(uint32_t) != 0 || engine->position % sizeof(uint32_t) != 0 ||
	    penstock_mmu_file_range(engine->mmu,
				    penstock_load32(fields + PENSTOCK_DMA_PAGE_FILL_file),
				    penstock_load64(fields + PENSTOCK_DMA_PAGE_FILL_offset), size,
				    &destination) != PENSTOCK_STATUS_SUCCESS) {
		return PENSTOCK_OUTCOME_ILLEGAL;
	}
	return penstock_engine_fill(engine, destination, size,
				    penstock_load32(fields + PENSTOCK_DMA_PAGE_FILL_pattern));
}

enum penstock_outcome penstock_execute_page_copy(struct penstock_engine *engine,
						 const struct penstock_operation *operation)
{
	const uint8_t *fields = operation->fields;
	uint64_t size = penstock_load64(fields + PENSTOCK_DMA_PAGE_COPY_size);
	uint8_t *source, *destination;

	if (penstock_mmu_file_range(engine->mmu,
				    penstock_load32(fields + PENSTOCK_DMA_PAGE_COPY_source_file),
				    penstock_load64(fields + PENSTOCK_DMA_PAGE_COPY_source_offset),
				    size, &source) != PENSTOCK_STATUS_SUCCESS ||
	    penstock_mmu_file_range(
		    engine->mmu, penstock_load32(fields + PENSTOCK_DMA_PAGE_COPY_destination_file),
		    penstock_load64(fields + PENSTOCK_DMA_PAGE_COPY_destination_offset), size,
		    &destination) != PENSTOCK_STATUS_SUCCESS) {
		return PENSTOCK_OUTCOME_ILLEGAL;
	}
	return penstock_engine_copy(engine, destination, source, size);
}

enum penstock_outcome penstock_execute_map_pages(struct penstock_engine *engine,
						 const struct penstock_operation *operation)
{
	const uint8_t *fields = operation->fields;
	uint32_t flags = penstock_load32(fields + PENSTOCK_DMA_MAP_PAGES_flags);
	enum penstock_status status;

	if ((flags & ~PENSTOCK_MAP_READ_ONLY) != 0) {
		return PENSTOCK_OUTCOME_ILLEGAL;
	}
	penstock_guard_leave(); /* the page table is our own: a fault in there is a defect */
	status =
		penstock_mmu_map(engine->mmu, penstock_load32(fields + PENSTOCK_DMA_MAP_PAGES_file),
				 penstock_load64(fields + PENSTOCK_DMA_MAP_PAGES_address),
				 penstock_load64(fields + PENSTOCK_DMA_MAP_PAGES_offset),
				 penstock_load64(fields + PENSTOCK_DMA_MAP_PAGES_size),
				 (flags & PENSTOCK_MAP_READ_ONLY) != 0);
	penstock_guard_enter(&engine->guard, engine->mmu);
	return status == PENSTOCK_STATUS_SUCCESS ? PENSTOCK_OUTCOME_COMPLETED
						 : PENSTOCK_OUTCOME_ILLEGAL;
}

enum penstock_outcome penstock_execute_unmap_pages(struct penstock_engine *engine,
						   const struct penstock_operation *operation)
{
	const uint8_t *fields = operation->fields;
	enum penstock_status status;

	penstock_guard_leave();
	status = penstock_mmu_unmap(engine->mmu,
				    penstock_load64(fields + PENSTOCK_DMA_UNMAP_PAGES_address),
				    penstock_load64(fields + PENSTOCK_DMA_UNMAP_PAGES_size));
	penstock_guard_enter(&engine->guard, engine->mmu);
	return status == PENSTOCK_STATUS_SUCCESS ? PENSTOCK_OUTCOME_COMPLETED
						 : PENSTOCK_OUTCOME_ILLEGAL;
}
