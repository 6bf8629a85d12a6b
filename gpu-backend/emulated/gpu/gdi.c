/* SPDX-License-Identifier: MIT */
/* A job over its sub-rectangles, in row bands; where each row's bytes are. */
#include "gpu-backend/emulated/gpu/gdi.h"

#include "proto/wire/limits.h"

/*
 * The position between two bands: sub-rectangle in bits 44-63, rows of it that are done in bits
 * 22-43, source rows that are combined into the next one in bits 0-21.
 */
#define POSITION_RECT_SHIFT 44
#define POSITION_ROW_SHIFT  22
#define POSITION_PART_MASK  0x3fffffu

_Static_assert(PENSTOCK_LIMIT_SURFACE_EXTENT <= POSITION_PART_MASK, "rows fit the position");

static uint64_t position_make(uint64_t rect, uint64_t row, uint64_t source_row)
{
	return rect << POSITION_RECT_SHIFT | row << POSITION_ROW_SHIFT | source_row;
}

static struct penstock_rect load_rect(const uint8_t *bytes)
{
	return (struct penstock_rect){
		.left = (int32_t)penstock_load32(bytes),
		.top = (int32_t)penstock_load32(bytes + 4),
		.right = (int32_t)penstock_load32(bytes + 8),
		.bottom = (int32_t)penstock_load32(bytes + 12),
	};
}

static bool rect_legal(const struct penstock_rect *rect, const struct penstock_rect *bounds)
{
	return rect->left <= rect->right && rect->top <= rect->bottom && rect->left >= 0 &&
	       rect->top >= 0 && rect->right <= (int32_t)PENSTOCK_LIMIT_SURFACE_EXTENT &&
	       rect->bottom <= (int32_t)PENSTOCK_LIMIT_SURFACE_EXTENT &&
	       rect->left >= bounds->left && rect->top >= bounds->top &&
	       rect->right <= bounds->right && rect->bottom <= bounds->bottom;
}

/* The first pixel of a rectangle that is not empty, all of it checked. NULL: a page fault. */
static uint8_t *surface_pixels(struct penstock_engine *engine,
			       const struct penstock_surface *surface,
			       const struct penstock_rect *rect, bool write)
{
	uint64_t width = (uint64_t)(rect->right - rect->left);
	uint64_t height = (uint64_t)(rect->bottom - rect->top);
	/* At most 2^14 rows of 2^32 bytes: cannot wrap by itself. */
	uint64_t offset =
		(uint64_t)rect->top * surface->pitch + (uint64_t)rect->left * surface->pixel_bytes;
	uint64_t size = (height - 1) * surface->pitch + width * surface->pixel_bytes;
	uint64_t address;

	if (__builtin_add_overflow(surface->address, offset, &address)) {
		engine->fault_address = surface->address;
		engine->fault_write = write;
		return NULL;
	}
	return penstock_engine_range(engine, address, size, write);
}

/* The source of one sub-rectangle. COMPLETED: job->source_pixels is set. */
static enum penstock_outcome locate_source(struct penstock_engine *engine,
					   struct penstock_gdi_job *job,
					   const struct penstock_rect *rect)
{
	const struct penstock_rect everywhere = { 0, 0, INT32_MAX, INT32_MAX };
	struct penstock_rect shifted = { 0 };

	if (!job->shifted_source) {
		job->source_pixels = surface_pixels(engine, &job->source, &job->source_rect, false);
		return job->source_pixels == NULL ? PENSTOCK_OUTCOME_PAGE_FAULT
						  : PENSTOCK_OUTCOME_COMPLETED;
	}
	if (__builtin_add_overflow(rect->left, job->shift_x, &shifted.left) ||
	    __builtin_add_overflow(rect->right, job->shift_x, &shifted.right) ||
	    __builtin_add_overflow(rect->top, job->shift_y, &shifted.top) ||
	    __builtin_add_overflow(rect->bottom, job->shift_y, &shifted.bottom) ||
	    !rect_legal(&shifted, &everywhere)) {
		return PENSTOCK_OUTCOME_ILLEGAL;
	}
	job->source_pixels = surface_pixels(engine, &job->source, &shifted, false);
	return job->source_pixels == NULL ? PENSTOCK_OUTCOME_PAGE_FAULT
					  : PENSTOCK_OUTCOME_COMPLETED;
}

static enum penstock_outcome locate(struct penstock_engine *engine, struct penstock_gdi_job *job,
				    const struct penstock_rect *rect)
{
	job->destination_pixels = surface_pixels(engine, &job->destination, rect, true);
	if (job->destination_pixels == NULL) {
		return PENSTOCK_OUTCOME_PAGE_FAULT;
	}
	if (job->source.format == PENSTOCK_FORMAT_NONE) {
		return PENSTOCK_OUTCOME_COMPLETED;
	}
	return locate_source(engine, job, rect);
}

/* One sub-rectangle from `row` on. */
static enum penstock_outcome execute_rect(struct penstock_engine *engine,
					  struct penstock_gdi_job *job,
					  const struct penstock_rect *rect, uint64_t index,
					  uint64_t row)
{
	uint64_t rows = (uint64_t)(rect->bottom - rect->top);

	for (; row < rows; row++) {
		int32_t y =
			job->upwards ? rect->bottom - 1 - (int32_t)row : rect->top + (int32_t)row;

		if (job->band_pixels >= PENSTOCK_BAND_PIXELS) {
			job->band_pixels = 0;
			if (penstock_engine_must_stop(engine)) {
				engine->position = position_make(index, row, job->source_row);
				return PENSTOCK_OUTCOME_PREEMPTED;
			}
		}
		job->row(job, rect, y);
		if (job->stopped) {
			engine->position = position_make(index, row, job->source_row);
			return PENSTOCK_OUTCOME_PREEMPTED;
		}
		job->band_pixels += (uint64_t)(rect->right - rect->left);
		job->source_row = 0;
	}
	return PENSTOCK_OUTCOME_COMPLETED;
}

/* The limit on pixels is the record's; where several are combined, those of the source count. */
static uint64_t rect_pixels(const struct penstock_gdi_job *job, const struct penstock_rect *rect)
{
	uint64_t width = (uint64_t)(rect->right - rect->left);
	uint64_t height = (uint64_t)(rect->bottom - rect->top);
	uint64_t pixels = width * height, source;

	if (job->row != penstock_gdi_combine_row || pixels == 0) {
		return pixels;
	}
	source = penstock_axis_covered(&job->x, rect->left, rect->right) *
		 penstock_axis_covered(&job->y, rect->top, rect->bottom);
	return source > pixels ? source : pixels;
}

static bool record_legal(const struct penstock_gdi_job *job,
			 const struct penstock_operation *operation)
{
	uint64_t pixels = 0;

	if (operation->element_count > PENSTOCK_LIMIT_SUB_RECTANGLES) {
		return false;
	}
	for (uint32_t i = 0; i < operation->element_count; i++) {
		struct penstock_rect rect =
			load_rect(operation->elements + i * sizeof(struct penstock_rect));

		if (!rect_legal(&rect, &job->bounds)) {
			return false;
		}
		pixels += rect_pixels(job, &rect);
	}
	return pixels <= PENSTOCK_LIMIT_INSTRUCTION_PIXELS;
}

enum penstock_outcome penstock_gdi_execute(struct penstock_engine *engine,
					   struct penstock_gdi_job *job,
					   const struct penstock_operation *operation)
{
	uint64_t index = engine->position >> POSITION_RECT_SHIFT;
	uint64_t row = engine->position >> POSITION_ROW_SHIFT & POSITION_PART_MASK;

	if (!record_legal(job, operation)) {
		return PENSTOCK_OUTCOME_ILLEGAL;
	}
	job->engine = engine;
	job->source_row = engine->position & POSITION_PART_MASK;
	/* Whoever begins a band looks at the flag first. */
	job->band_pixels = PENSTOCK_BAND_PIXELS;
	for (; index < operation->element_count; index++, row = 0) {
		struct penstock_rect rect =
			load_rect(operation->elements + index * sizeof(struct penstock_rect));
		enum penstock_outcome outcome;

		/* Once more: the buffer is memory that others may write. */
		if (!rect_legal(&rect, &job->bounds)) {
			return PENSTOCK_OUTCOME_ILLEGAL;
		}
		if (rect.left == rect.right || rect.top == rect.bottom) {
			continue;
		}
		outcome = locate(engine, job, &rect);
		if (outcome == PENSTOCK_OUTCOME_COMPLETED) {
			outcome = execute_rect(engine, job, &rect, index, row);
		}
		if (outcome != PENSTOCK_OUTCOME_COMPLETED) {
			return outcome;
		}
	}
	return PENSTOCK_OUTCOME_COMPLETED;
}
