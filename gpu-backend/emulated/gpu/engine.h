/* SPDX-License-Identifier: MIT */
/*
 * What an operation of the GPU works with: its node's view of memory, the preemption flag, and
 * where it is. One thread at a time; no process, no globals.
 *
 * An operation works in bands of at most PENSTOCK_BAND_BYTES and asks between two of them whether
 * it must stop; then `position` says how much of it is done, in a unit of its own, and executing it
 * again with that position goes on from there. So a raster operation that must not be done twice
 * is not, and no legal instruction looks like a hang.
 */
#ifndef PENSTOCK_ENGINE_H
#define PENSTOCK_ENGINE_H

#include "gpu-backend/emulated/gpu/guard.h"
#include "gpu-backend/emulated/gpu/mmu.h"

/* Well under a millisecond of copying, also where each page has to be faulted in. */
#define PENSTOCK_BAND_BYTES  (256u << 10)
#define PENSTOCK_BAND_PIXELS (32u << 10)

enum penstock_outcome {
	PENSTOCK_OUTCOME_COMPLETED,
	PENSTOCK_OUTCOME_PREEMPTED,
	PENSTOCK_OUTCOME_ILLEGAL,
	PENSTOCK_OUTCOME_PAGE_FAULT,
};

struct penstock_vulkan;

struct penstock_engine {
	struct penstock_mmu *mmu; /* borrowed */
	uint32_t node_ordinal;
	struct penstock_vulkan *vulkan; /* borrowed; NULL: it has no pipelines */

	/* The preemption flag: must stop while *preempt_flag != preempt_seen. NULL: never. */
	const uint64_t *preempt_flag;
	uint64_t preempt_seen;

	/* where it is; dma_offset is kept current for the guard and for CollectDbgInfo */
	uint32_t dma_offset;
	uint64_t position;
	uint32_t *debug_offset;   /* borrowed, or NULL: words that others watch */
	uint32_t *debug_progress; /* likewise: what marker writes */

	bool populates; /* paging: it touches pages for the first time, and by the band */

	/* of PENSTOCK_OUTCOME_PAGE_FAULT */
	uint64_t fault_address;
	bool fault_write;

	struct penstock_guard guard;
};

static inline bool penstock_engine_must_stop(const struct penstock_engine *engine)
{
	return engine->preempt_flag != NULL &&
	       __atomic_load_n(engine->preempt_flag, __ATOMIC_ACQUIRE) != engine->preempt_seen;
}

/*
 * The host address of a range that an operation reads or writes. NULL: the range is in no segment;
 * fault_address and fault_write are set, the operation returns PAGE_FAULT.
 */
static inline uint8_t *penstock_engine_range(struct penstock_engine *engine, uint64_t address,
					     uint64_t size, bool write)
{
	uint8_t *host = penstock_mmu_translate(engine->mmu, address, size, &engine->fault_address);

	if (PENSTOCK_UNLIKELY(host == NULL)) {
		engine->fault_write = write;
	}
	return host;
}

/* One decoded instruction: the fixed part is a private copy, the array is still in the buffer. */
struct penstock_operation {
	const uint8_t *fields;
	const uint8_t *elements;
	uint32_t element_count;
};

typedef enum penstock_outcome (*penstock_execute)(struct penstock_engine *engine,
						  const struct penstock_operation *operation);

/* copy.c */
enum penstock_outcome penstock_execute_fill(struct penstock_engine *engine,
					    const struct penstock_operation *operation);
enum penstock_outcome penstock_execute_copy(struct penstock_engine *engine,
					    const struct penstock_operation *operation);
enum penstock_outcome penstock_execute_copy_rows(struct penstock_engine *engine,
						 const struct penstock_operation *operation);
enum penstock_outcome penstock_execute_update(struct penstock_engine *engine,
					      const struct penstock_operation *operation);

/* paging.c */
enum penstock_outcome penstock_execute_page_fill(struct penstock_engine *engine,
						 const struct penstock_operation *operation);
enum penstock_outcome penstock_execute_page_copy(struct penstock_engine *engine,
						 const struct penstock_operation *operation);
enum penstock_outcome penstock_execute_map_pages(struct penstock_engine *engine,
						 const struct penstock_operation *operation);
enum penstock_outcome penstock_execute_unmap_pages(struct penstock_engine *engine,
						   const struct penstock_operation *operation);

/*
 * In bands, from engine->position on, in bytes. `fill` repeats the 32-bit pattern from the range's
 * start; `copy` does not mind ranges that overlap, but the bytes are then not defined.
 */
enum penstock_outcome penstock_engine_fill(struct penstock_engine *engine, uint8_t *destination,
					   uint64_t size, uint32_t pattern);
enum penstock_outcome penstock_engine_copy(struct penstock_engine *engine, uint8_t *destination,
					   const uint8_t *source, uint64_t size);

#endif
