/* SPDX-License-Identifier: MIT */
#include "gpu-backend/emulated/gpu/processor.h"

#include "gpu-backend/dma.h"
#include "gpu-backend/emulated/gpu/gdi.h"
#include "gpu-backend/emulated/gpu/group.h"

#include <string.h>
#include <time.h>

/* The longest fixed part of the table. */
#define FIELDS_BYTES_MAX 128u

#define NODE_BIT(ordinal) (1u << (ordinal))
#define ANY_NODE          (NODE_BIT(PENSTOCK_NODE_RENDER_ORDINAL) | NODE_BIT(PENSTOCK_NODE_COPY_ORDINAL))
#define RENDER_NODE       NODE_BIT(PENSTOCK_NODE_RENDER_ORDINAL)

static enum penstock_outcome execute_nop(struct penstock_engine *engine,
					 const struct penstock_operation *operation)
{
	(void)engine;
	(void)operation;
	return PENSTOCK_OUTCOME_COMPLETED;
}

static enum penstock_outcome execute_marker(struct penstock_engine *engine,
					    const struct penstock_operation *operation)
{
	if (engine->debug_progress != NULL) {
		__atomic_store_n(engine->debug_progress,
				 penstock_load32(operation->fields + PENSTOCK_DMA_MARKER_value),
				 __ATOMIC_RELAXED);
	}
	return PENSTOCK_OUTCOME_COMPLETED;
}

static uint64_t now_us(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000u + (uint64_t)now.tv_nsec / 1000u;
}

#define SPIN_FOR_EVER 0xffffffffu

/* For ever is what a hang looks like: it does not look at the preemption flag either. */
static enum penstock_outcome execute_spin(struct penstock_engine *engine,
					  const struct penstock_operation *operation)
{
	uint32_t microseconds = penstock_load32(operation->fields + PENSTOCK_DMA_SPIN_microseconds);
	uint64_t before = engine->position, start = now_us();

	while (engine->position < microseconds) {
		if (microseconds == SPIN_FOR_EVER) {
			continue;
		}
		if (penstock_engine_must_stop(engine)) {
			return PENSTOCK_OUTCOME_PREEMPTED;
		}
		engine->position = before + (now_us() - start);
	}
	return PENSTOCK_OUTCOME_COMPLETED;
}

static enum penstock_outcome execute_timestamp(struct penstock_engine *engine,
					       const struct penstock_operation *operation)
{
	uint8_t *word = penstock_engine_range(
		engine, penstock_load64(operation->fields + PENSTOCK_DMA_TIMESTAMP_address),
		sizeof(uint64_t), true);
	struct timespec now;

	if (word == NULL) {
		return PENSTOCK_OUTCOME_PAGE_FAULT;
	}
	clock_gettime(CLOCK_MONOTONIC, &now);
	penstock_store64(word, (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec);
	return PENSTOCK_OUTCOME_COMPLETED;
}

static const struct {
	penstock_execute execute;
	uint32_t nodes;
} operations[PENSTOCK_DMA_COUNT] = {
	[PENSTOCK_DMA_NOP] = { execute_nop, ANY_NODE },
	[PENSTOCK_DMA_MARKER] = { execute_marker, ANY_NODE },
	[PENSTOCK_DMA_FILL] = { penstock_execute_fill, ANY_NODE },
	[PENSTOCK_DMA_COPY] = { penstock_execute_copy, ANY_NODE },
	[PENSTOCK_DMA_COPY_ROWS] = { penstock_execute_copy_rows, ANY_NODE },
	[PENSTOCK_DMA_UPDATE] = { penstock_execute_update, ANY_NODE },
	[PENSTOCK_DMA_SPIN] = { execute_spin, ANY_NODE },
	[PENSTOCK_DMA_TIMESTAMP] = { execute_timestamp, ANY_NODE },
	[PENSTOCK_DMA_BITBLT] = { penstock_execute_bitblt, RENDER_NODE },
	[PENSTOCK_DMA_COLORFILL] = { penstock_execute_colorfill, RENDER_NODE },
	[PENSTOCK_DMA_ALPHABLEND] = { penstock_execute_alphablend, RENDER_NODE },
	[PENSTOCK_DMA_STRETCHBLT] = { penstock_execute_stretchblt, RENDER_NODE },
	[PENSTOCK_DMA_TRANSPARENTBLT] = { penstock_execute_transparentblt, RENDER_NODE },
	[PENSTOCK_DMA_CLEARTYPEBLEND] = { penstock_execute_cleartypeblend, RENDER_NODE },
	[PENSTOCK_DMA_PAGE_FILL] = { penstock_execute_page_fill, ANY_NODE },
	[PENSTOCK_DMA_PAGE_COPY] = { penstock_execute_page_copy, ANY_NODE },
	[PENSTOCK_DMA_MAP_PAGES] = { penstock_execute_map_pages, ANY_NODE },
	[PENSTOCK_DMA_UNMAP_PAGES] = { penstock_execute_unmap_pages, ANY_NODE },
};

void penstock_engine_init(struct penstock_engine *engine, struct penstock_mmu *mmu,
			  uint32_t node_ordinal)
{
	*engine = (struct penstock_engine){ .mmu = mmu, .node_ordinal = node_ordinal };
}

/* One instruction or group at `bytes`, of `remaining`. Its length comes back where it is one of
 * ours. */
static enum penstock_outcome execute_one(struct penstock_engine *engine, const uint8_t *bytes,
					 uint32_t remaining, enum penstock_dma_class class,
					 uint32_t *ret_length)
{
	struct penstock_dma_decoded decoded;
	struct penstock_operation operation;
	uint8_t fields[FIELDS_BYTES_MAX];
	enum penstock_dma_id id;

	if (penstock_dma_decode(bytes, remaining, &decoded) != PENSTOCK_STATUS_SUCCESS) {
		return PENSTOCK_OUTCOME_ILLEGAL;
	}
	id = decoded.instruction->id;
	if (PENSTOCK_UNLIKELY(penstock_group_has(id))) {
		return class == PENSTOCK_DMA_RENDER
			       ? penstock_execute_group(engine, bytes, remaining, ret_length)
			       : PENSTOCK_OUTCOME_ILLEGAL;
	}
	if ((decoded.instruction->class != class && id != PENSTOCK_DMA_NOP) ||
	    operations[id].execute == NULL ||
	    (operations[id].nodes & NODE_BIT(engine->node_ordinal)) == 0) {
		return PENSTOCK_OUTCOME_ILLEGAL;
	}
	/* Private, so that what was checked is what is used. */
	memcpy(fields, bytes, decoded.instruction->layout.bytes);
	operation = (struct penstock_operation){
		.fields = fields,
		.elements = bytes + decoded.instruction->layout.bytes,
		.element_count = decoded.elements,
	};
	*ret_length = decoded.length;
	return operations[id].execute(engine, &operation);
}

static enum penstock_outcome run(struct penstock_engine *engine, const uint8_t *bytes, uint32_t end,
				 enum penstock_dma_class class)
{
	while (engine->dma_offset < end) {
		enum penstock_outcome outcome;
		uint32_t length = 0;

		if (engine->debug_offset != NULL) {
			__atomic_store_n(engine->debug_offset, engine->dma_offset,
					 __ATOMIC_RELAXED);
		}
		if (penstock_engine_must_stop(engine)) {
			return PENSTOCK_OUTCOME_PREEMPTED;
		}
		/* dma_offset is in memory before anything can fault. */
		__atomic_signal_fence(__ATOMIC_SEQ_CST);
		outcome = execute_one(engine, bytes + engine->dma_offset, end - engine->dma_offset,
				      class, &length);
		if (outcome != PENSTOCK_OUTCOME_COMPLETED) {
			return outcome;
		}
		engine->position = 0;
		engine->dma_offset += length;
	}
	return PENSTOCK_OUTCOME_COMPLETED;
}

static enum penstock_outcome run_guarded(struct penstock_engine *engine, const uint8_t *bytes,
					 uint32_t end, enum penstock_dma_class class)
{
	enum penstock_outcome outcome;

	if (sigsetjmp(engine->guard.escape, 0) != 0) {
		engine->fault_address = engine->guard.fault_address;
		engine->fault_write = engine->guard.fault_write;
		return PENSTOCK_OUTCOME_PAGE_FAULT;
	}
	penstock_guard_enter(&engine->guard, engine->mmu);
	outcome = run(engine, bytes, end, class);
	penstock_guard_leave();
	return outcome;
}

enum penstock_outcome penstock_processor_run(struct penstock_engine *engine, uint64_t dma_address,
					     uint32_t start, uint32_t end, uint64_t position)
{
	const uint8_t *bytes;

	engine->dma_offset = start;
	engine->position = position;
	engine->populates = false;
	if (start == end) {
		return PENSTOCK_OUTCOME_COMPLETED;
	}
	if (start > end || end > PENSTOCK_LIMIT_DMA_BUFFER_BYTES) {
		return PENSTOCK_OUTCOME_ILLEGAL;
	}
	bytes = penstock_engine_range(engine, dma_address, end, false);
	if (bytes == NULL) {
		return PENSTOCK_OUTCOME_PAGE_FAULT;
	}
	return run_guarded(engine, bytes, end, PENSTOCK_DMA_RENDER);
}

enum penstock_outcome penstock_processor_run_paging(struct penstock_engine *engine,
						    const uint8_t *bytes, uint32_t length)
{
	engine->dma_offset = 0;
	engine->position = 0;
	engine->populates = true;
	return run_guarded(engine, bytes, length, PENSTOCK_DMA_PAGING);
}
