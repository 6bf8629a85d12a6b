/* SPDX-License-Identifier: MIT */
/*
 * The GDI engine, inside: docs/gdi.md says what it computes. A record becomes a job; a job is
 * executed row by row over its sub-rectangles; each operation gives the function for one row.
 */
#ifndef PENSTOCK_GDI_H
#define PENSTOCK_GDI_H

#include "gpu-backend/emulated/gpu/engine.h"
#include "gpu-backend/emulated/gpu/pixels.h"

struct penstock_surface {
	uint64_t address;
	uint64_t pitch;
	enum penstock_format format;
	uint32_t pixel_bytes;
};

/*
 * One axis of a mapping: destination coordinate to offset from the source rectangle's edge.
 * docs/gdi.md: ((2 * (d - destination) + 1) * source_extent) / (2 * destination_extent).
 */
struct penstock_axis {
	int64_t destination; /* left or top of destination_rect */
	uint64_t destination_extent;
	uint64_t source_extent;
	bool mirrored;
};

struct penstock_gdi_job;

/* One row of a sub-rectangle; `y` is a destination row. */
typedef void (*penstock_gdi_row)(struct penstock_gdi_job *job, const struct penstock_rect *rect,
				 int32_t y);

struct penstock_gdi_job {
	struct penstock_surface destination;
	struct penstock_surface source; /* CLEARTYPEBLEND: the alpha surface */
	struct penstock_rect bounds;    /* sub-rectangles lie inside it */
	penstock_gdi_row row;
	bool upwards;        /* rows from bottom to top */
	bool leftwards;      /* chunks of a row from right to left */
	bool shifted_source; /* the source pixel is the destination's, shifted; else mapped */
	int32_t shift_x;
	int32_t shift_y;
	struct penstock_rect source_rect; /* mapped operations */
	struct penstock_axis x;
	struct penstock_axis y;

	/* operands */
	uint8_t rop3;
	uint32_t alpha;
	uint32_t color;
	uint32_t color2;
	uint32_t compare_mask;    /* TRANSPARENTBLT: what has to be equal */
	const uint8_t *gamma_row; /* CLEARTYPEBLEND: 512 entries; NULL: no table */
	enum penstock_stretch_mode mode;

	/* where it is: of the current sub-rectangle, its first pixel */
	uint8_t *destination_pixels;
	const uint8_t *source_pixels; /* shifted: likewise; mapped: of source_rect */

	/*
	 * STRETCHBLT that combines: rows of the source done for this row of the destination, of
	 * how many; the band it may take.
	 */
	struct penstock_engine *engine;
	uint64_t source_row;
	bool stopped;
	uint64_t band_pixels;
};

/* Offset of the sampled source column or row, 0 <= result < source_extent. */
static inline uint64_t penstock_axis_map(const struct penstock_axis *axis, int64_t d)
{
	uint64_t offset = (2 * (uint64_t)(d - axis->destination) + 1) * axis->source_extent /
			  (2 * axis->destination_extent);

	return axis->mirrored ? axis->source_extent - 1 - offset : offset;
}

/*
 * How many source columns or rows the destination coordinates [first, end) combine: all that they
 * cover where the axis shrinks, else one each. first < end.
 */
uint64_t penstock_axis_covered(const struct penstock_axis *axis, int64_t first, int64_t end);

static inline uint8_t *penstock_gdi_destination(const struct penstock_gdi_job *job,
						const struct penstock_rect *rect, int32_t y)
{
	return job->destination_pixels + (uint64_t)(y - rect->top) * job->destination.pitch;
}

/* `count` mapped source pixels for destination columns from `x` on, of the row that `y` maps to. */
void penstock_gdi_sample(const struct penstock_gdi_job *job, int32_t x, int32_t y, size_t count,
			 uint32_t *ret_pixels);

/* A row of STRETCHBLT BLACKONWHITE and WHITEONBLACK: stops between source rows if it must. */
void penstock_gdi_combine_row(struct penstock_gdi_job *job, const struct penstock_rect *rect,
			      int32_t y);

/*
 * Executes the job over the record's sub-rectangles from engine->position on. The position holds
 * sub-rectangle, row and source row (gdi.c).
 */
enum penstock_outcome penstock_gdi_execute(struct penstock_engine *engine,
					   struct penstock_gdi_job *job,
					   const struct penstock_operation *operation);

/* operations, gdi_records.c */
enum penstock_outcome penstock_execute_bitblt(struct penstock_engine *engine,
					      const struct penstock_operation *operation);
enum penstock_outcome penstock_execute_colorfill(struct penstock_engine *engine,
						 const struct penstock_operation *operation);
enum penstock_outcome penstock_execute_alphablend(struct penstock_engine *engine,
						  const struct penstock_operation *operation);
enum penstock_outcome penstock_execute_stretchblt(struct penstock_engine *engine,
						  const struct penstock_operation *operation);
enum penstock_outcome penstock_execute_transparentblt(struct penstock_engine *engine,
						      const struct penstock_operation *operation);
enum penstock_outcome penstock_execute_cleartypeblend(struct penstock_engine *engine,
						      const struct penstock_operation *operation);

/* rows, gdi_rows.c */
void penstock_gdi_row_copy(struct penstock_gdi_job *job, const struct penstock_rect *rect,
			   int32_t y);
void penstock_gdi_row_rop(struct penstock_gdi_job *job, const struct penstock_rect *rect,
			  int32_t y);
void penstock_gdi_row_fill(struct penstock_gdi_job *job, const struct penstock_rect *rect,
			   int32_t y);
void penstock_gdi_row_blend_constant(struct penstock_gdi_job *job, const struct penstock_rect *rect,
				     int32_t y);
void penstock_gdi_row_blend_alpha(struct penstock_gdi_job *job, const struct penstock_rect *rect,
				  int32_t y);
void penstock_gdi_row_stretch(struct penstock_gdi_job *job, const struct penstock_rect *rect,
			      int32_t y);
void penstock_gdi_row_transparent(struct penstock_gdi_job *job, const struct penstock_rect *rect,
				  int32_t y);
void penstock_gdi_row_cleartype(struct penstock_gdi_job *job, const struct penstock_rect *rect,
				int32_t y);

#endif
