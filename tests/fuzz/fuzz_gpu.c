/* SPDX-License-Identifier: MIT */
/*
 * Any bytes as a DMA buffer or a paging buffer of the emulated GPU. It completes, or stops at an
 * instruction: nothing is touched but what the MMU shows. Where it is preempted it goes on from
 * where it stopped, and gets on each time.
 *
 *	byte 0   bit 0 node 1, 1 a paging buffer, 2 preempted at the first chance, and then at
 *		 each after the word at FLAG_OFFSET of local memory was written
 *	then     the buffer
 */
#include "gpu-backend/emulated/gpu/processor.h"
#include "tests/fuzz/gpu_memory.h"

#include <string.h>

#define STREAM_OFFSET (PENSTOCK_FUZZ_WINDOW_BYTES - PENSTOCK_PAGING_BUFFER_BYTES)

/* The preemption flag: a word that the instructions can reach, so that they choose the moment. */
#define FLAG_OFFSET 0x8000u

static enum penstock_outcome run(struct penstock_engine *engine, uint32_t length)
{
	const uint64_t address = PENSTOCK_LOCAL_BASE + STREAM_OFFSET;
	enum penstock_outcome outcome = penstock_processor_run(engine, address, 0, length, 0);

	while (outcome == PENSTOCK_OUTCOME_PREEMPTED) {
		uint32_t offset = engine->dma_offset;
		uint64_t position = engine->position;

		engine->preempt_seen = *engine->preempt_flag;
		outcome = penstock_processor_run(engine, address, offset, length, position);
		PENSTOCK_REQUIRE(outcome != PENSTOCK_OUTCOME_PREEMPTED ||
				 engine->dma_offset > offset ||
				 (engine->dma_offset == offset && engine->position > position));
	}
	return outcome;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	enum penstock_outcome outcome;
	struct penstock_engine engine;
	struct penstock_mmu mmu;
	uint32_t length = (uint32_t)size - 1;
	uint64_t *flag;

	if (size < 1 || size > PENSTOCK_PAGING_BUFFER_BYTES ||
	    penstock_fuzz_spins_long(data + 1, length)) {
		return 0;
	}
	penstock_fuzz_memory_init(&mmu);
	penstock_engine_init(&engine, &mmu, data[0] & 1);
	flag = (uint64_t *)(void *)(penstock_fuzz_memory_local() + FLAG_OFFSET);
	if ((data[0] & 4) != 0) {
		*flag = 1;
		engine.preempt_flag = flag;
	}
	memcpy(penstock_fuzz_memory_local() + STREAM_OFFSET, data + 1, length);
	outcome = (data[0] & 2) != 0 ? penstock_processor_run_paging(&engine, data + 1, length)
				     : run(&engine, length);
	if (outcome != PENSTOCK_OUTCOME_COMPLETED) {
		PENSTOCK_REQUIRE(engine.dma_offset <= length);
	}
	penstock_mmu_fini(&mmu);
	return 0;
}
