/* SPDX-License-Identifier: MIT */
/* The copy engine: bytes and patterns, at the speed of memcpy, in bands. */
#include "gpu-backend/dma.h"
#include "gpu-backend/emulated/gpu/engine.h"

#include <string.h>
#include <sys/mman.h>

/* A multiple of the pattern; what one iteration of the inner loop stores. */
#define PATTERN_BLOCK_BYTES 64u

static void fill_band(uint8_t *destination, uint64_t size, uint32_t pattern)
{
	uint32_t block[PATTERN_BLOCK_BYTES / sizeof(uint32_t)];
	uint64_t done = 0;

	for (size_t i = 0; i < PENSTOCK_ARRAY_SIZE(block); i++) {
		block[i] = pattern;
	}
	for (; size - done >= sizeof(block); done += sizeof(block)) {
		memcpy(destination + done, block, sizeof(block));
	}
	memcpy(destination + done, block, size - done);
}

/*
 * Pages of a file that this process has not touched yet come at a fault each; asked for by the
 * band they cost half as much. A file that has none to give is found by the touch; so is a kernel
 * that does not know the call.
 */
static void populate(const struct penstock_engine *engine, const uint8_t *bytes, uint64_t size,
		     int advice)
{
	uintptr_t start = (uintptr_t)bytes & ~(uintptr_t)(PENSTOCK_PAGE_BYTES - 1);

	if (engine->populates) {
		(void)madvise((void *)start, (uintptr_t)bytes + size - start, advice);
	}
}

enum penstock_outcome penstock_engine_fill(struct penstock_engine *engine, uint8_t *destination,
					   uint64_t size, uint32_t pattern)
{
	while (engine->position < size) {
		uint64_t left = size - engine->position;
		uint64_t band = left < PENSTOCK_BAND_BYTES ? left : PENSTOCK_BAND_BYTES;

		if (penstock_engine_must_stop(engine)) {
			return PENSTOCK_OUTCOME_PREEMPTED;
		}
		populate(engine, destination + engine->position, band, MADV_POPULATE_WRITE);
		fill_band(destination + engine->position, band, pattern);
		engine->position += band;
	}
	return PENSTOCK_OUTCOME_COMPLETED;
}

enum penstock_outcome penstock_engine_copy(struct penstock_engine *engine, uint8_t *destination,
					   const uint8_t *source, uint64_t size)
{
	while (engine->position < size) {
		uint64_t left = size - engine->position;
		uint64_t band = left < PENSTOCK_BAND_BYTES ? left : PENSTOCK_BAND_BYTES;

		if (penstock_engine_must_stop(engine)) {
			return PENSTOCK_OUTCOME_PREEMPTED;
		}
		populate(engine, source + engine->position, band, MADV_POPULATE_READ);
		populate(engine, destination + engine->position, band, MADV_POPULATE_WRITE);
		memmove(destination + engine->position, source + engine->position, band);
		engine->position += band;
	}
	return PENSTOCK_OUTCOME_COMPLETED;
}

enum penstock_outcome penstock_execute_fill(struct penstock_engine *engine,
					    const struct penstock_operation *operation)
{
	uint64_t address = penstock_load64(operation->fields + PENSTOCK_DMA_FILL_address);
	uint64_t size = penstock_load64(operation->fields + PENSTOCK_DMA_FILL_size);
	uint8_t *destination;

	if (size % sizeof(uint32_t) != 0 || engine->position % sizeof(uint32_t) != 0) {
		return PENSTOCK_OUTCOME_ILLEGAL;
	}
	destination = penstock_engine_range(engine, address, size, true);
	if (destination == NULL) {
		return PENSTOCK_OUTCOME_PAGE_FAULT;
	}
	return penstock_engine_fill(engine, destination, size,
				    penstock_load32(operation->fields + PENSTOCK_DMA_FILL_pattern));
}

enum penstock_outcome penstock_execute_copy(struct penstock_engine *engine,
					    const struct penstock_operation *operation)
{
	uint64_t from = penstock_load64(operation->fields + PENSTOCK_DMA_COPY_source);
	uint64_t to = penstock_load64(operation->fields + PENSTOCK_DMA_COPY_destination);
	uint64_t size = penstock_load64(operation->fields + PENSTOCK_DMA_COPY_size);
	const uint8_t *source = penstock_engine_range(engine, from, size, false);
	uint8_t *destination =
		source == NULL ? NULL : penstock_engine_range(engine, to, size, true);

	if (destination == NULL) {
		return PENSTOCK_OUTCOME_PAGE_FAULT;
	}
	return penstock_engine_copy(engine, destination, source, size);
}

struct row_copy {
	const uint8_t *source;
	uint8_t *destination;
	uint64_t source_pitch;
	uint64_t destination_pitch;
	uint64_t row_bytes;
	uint64_t bytes; /* of all rows */
};

/* The position counts bytes of the rows, without what the pitches leave between them. */
static enum penstock_outcome copy_rows_banded(struct penstock_engine *engine,
					      const struct row_copy *rows)
{
	uint64_t band_left = 0;

	while (engine->position < rows->bytes) {
		uint64_t row = engine->position / rows->row_bytes;
		uint64_t column = engine->position % rows->row_bytes;
		uint64_t count = rows->row_bytes - column;

		if (band_left == 0) {
			if (penstock_engine_must_stop(engine)) {
				return PENSTOCK_OUTCOME_PREEMPTED;
			}
			band_left = PENSTOCK_BAND_BYTES;
		}
		count = count < band_left ? count : band_left;
		memmove(rows->destination + row * rows->destination_pitch + column,
			rows->source + row * rows->source_pitch + column, count);
		engine->position += count;
		band_left -= count;
	}
	return PENSTOCK_OUTCOME_COMPLETED;
}

enum penstock_outcome penstock_execute_copy_rows(struct penstock_engine *engine,
						 const struct penstock_operation *operation)
{
	const uint8_t *fields = operation->fields;
	uint64_t count = penstock_load32(fields + PENSTOCK_DMA_COPY_ROWS_rows);
	struct row_copy rows = {
		.source_pitch = penstock_load32(fields + PENSTOCK_DMA_COPY_ROWS_source_pitch),
		.destination_pitch =
			penstock_load32(fields + PENSTOCK_DMA_COPY_ROWS_destination_pitch),
		.row_bytes = penstock_load32(fields + PENSTOCK_DMA_COPY_ROWS_row_bytes),
	};

	if (count == 0 || rows.row_bytes == 0) {
		return PENSTOCK_OUTCOME_COMPLETED;
	}
	/* 32-bit factors: none of these can wrap 64 bits. */
	rows.bytes = count * rows.row_bytes;
	rows.source = penstock_engine_range(
		engine, penstock_load64(fields + PENSTOCK_DMA_COPY_ROWS_source),
		(count - 1) * rows.source_pitch + rows.row_bytes, false);
	if (rows.source == NULL) {
		return PENSTOCK_OUTCOME_PAGE_FAULT;
	}
	rows.destination = penstock_engine_range(
		engine, penstock_load64(fields + PENSTOCK_DMA_COPY_ROWS_destination),
		(count - 1) * rows.destination_pitch + rows.row_bytes, true);
	if (rows.destination == NULL) {
		return PENSTOCK_OUTCOME_PAGE_FAULT;
	}
	return copy_rows_banded(engine, &rows);
}

/* At most PENSTOCK_LIMIT_INSTRUCTION_DWORDS: one band. */
enum penstock_outcome penstock_execute_update(struct penstock_engine *engine,
					      const struct penstock_operation *operation)
{
	uint64_t size = (uint64_t)operation->element_count * sizeof(uint32_t);
	uint8_t *destination = penstock_engine_range(
		engine, penstock_load64(operation->fields + PENSTOCK_DMA_UPDATE_address), size,
		true);

	if (destination == NULL) {
		return PENSTOCK_OUTCOME_PAGE_FAULT;
	}
	memmove(destination, operation->elements, size);
	return PENSTOCK_OUTCOME_COMPLETED;
}
