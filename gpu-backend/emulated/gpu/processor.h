/* SPDX-License-Identifier: MIT */
/*
 * The command processor: fetches a DMA buffer through the MMU and executes it, instruction by
 * instruction. Pure but for the memory that it addresses: penstock-gpu wraps it in a process, tests
 * and tools run it in theirs.
 *
 * A DMA buffer holds RENDER instructions only, a paging buffer PAGING instructions only (and
 * nops); the GDI instructions exist on node 0 only, groups (group.h) where the engine has Vulkan.
 * Anything else is ILLEGAL at its offset.
 */
#ifndef PENSTOCK_PROCESSOR_H
#define PENSTOCK_PROCESSOR_H

#include "gpu-backend/emulated/gpu/engine.h"

/* The MMU is borrowed. No preemption flag. */
void penstock_engine_init(struct penstock_engine *engine, struct penstock_mmu *mmu,
			  uint32_t node_ordinal);

/*
 * Executes [start, end) of the DMA buffer at a GPU address; the first instruction goes on from
 * `position`. COMPLETED, or engine->dma_offset says where it stopped: PREEMPTED (and
 * engine->position), ILLEGAL, PAGE_FAULT (and fault_address, fault_write; a fault of the fetch
 * itself too).
 */
PENSTOCK_MUST_CHECK
enum penstock_outcome penstock_processor_run(struct penstock_engine *engine, uint64_t dma_address,
					     uint32_t start, uint32_t end, uint64_t position);

/* Likewise a paging buffer, which is in host memory; always from its start. */
PENSTOCK_MUST_CHECK
enum penstock_outcome penstock_processor_run_paging(struct penstock_engine *engine,
						    const uint8_t *bytes, uint32_t length);

#endif
