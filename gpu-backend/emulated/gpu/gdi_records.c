/* SPDX-License-Identifier: MIT */
/*
 * The records: operands into a job. Whatever docs/gdi.md excludes is an illegal instruction here
 * too, as far as a record can show it; where surfaces end, only the windows know.
 */
#include "gpu-backend/dma.h"
#include "gpu-backend/emulated/gpu/gdi.h"

#include "proto/wire/limits.h"

/* Read a field of the record that `fields` is. */
#define U32(record, field)  penstock_load32(fields + PENSTOCK_DMA_##record##_##field)
#define I32(record, field)  ((int32_t)U32(record, field))
#define U64(record, field)  penstock_load64(fields + PENSTOCK_DMA_##record##_##field)
#define RECT(record, field) load_rect(fields + PENSTOCK_DMA_##record##_##field)

#define COORDINATE_MAX (1 << 27)

static const struct penstock_rect anywhere = { INT32_MIN, INT32_MIN, INT32_MAX, INT32_MAX };

static struct penstock_rect load_rect(const uint8_t *bytes)
{
	return (struct penstock_rect){
		.left = (int32_t)penstock_load32(bytes),
		.top = (int32_t)penstock_load32(bytes + 4),
		.right = (int32_t)penstock_load32(bytes + 8),
		.bottom = (int32_t)penstock_load32(bytes + 12),
	};
}

static struct penstock_surface surface(uint64_t address, uint32_t pitch, uint32_t format)
{
	return (struct penstock_surface){
		.address = address,
		.pitch = pitch,
		.format = (enum penstock_format)(format & 0xff),
		.pixel_bytes = penstock_format_bytes(format & 0xff),
	};
}

static bool is_colour(const struct penstock_surface *s)
{
	return s->pixel_bytes == 4;
}

static bool in_device_space(const struct penstock_rect *rect)
{
	return rect->left >= -COORDINATE_MAX && rect->top >= -COORDINATE_MAX &&
	       rect->right <= COORDINATE_MAX && rect->bottom <= COORDINATE_MAX &&
	       rect->left <= rect->right && rect->top <= rect->bottom;
}

/*
 * Geometry of a mapped operation. An empty destination_rect has empty sub-rectangles only; its
 * extents are never divided by. An empty source_rect has nothing to sample.
 */
static bool map_rects(struct penstock_gdi_job *job, const struct penstock_rect *source,
		      const struct penstock_rect *destination, uint32_t mirror)
{
	if (!in_device_space(source) || !in_device_space(destination) || source->left < 0 ||
	    source->top < 0 || source->right > (int32_t)PENSTOCK_LIMIT_SURFACE_EXTENT ||
	    source->bottom > (int32_t)PENSTOCK_LIMIT_SURFACE_EXTENT) {
		return false;
	}
	job->source_rect = *source;
	job->bounds = *destination;
	job->x = (struct penstock_axis){
		.destination = destination->left,
		.destination_extent = (uint64_t)(destination->right - destination->left),
		.source_extent = (uint64_t)(source->right - source->left),
		.mirrored = (mirror & PENSTOCK_STRETCH_MIRROR_X) != 0,
	};
	job->y = (struct penstock_axis){
		.destination = destination->top,
		.destination_extent = (uint64_t)(destination->bottom - destination->top),
		.source_extent = (uint64_t)(source->bottom - source->top),
		.mirrored = (mirror & PENSTOCK_STRETCH_MIRROR_Y) != 0,
	};
	return true;
}

/* A source that is empty: then every sub-rectangle must be. */
static enum penstock_outcome execute_mapped(struct penstock_engine *engine,
					    struct penstock_gdi_job *job,
					    const struct penstock_operation *operation)
{
	if (job->x.source_extent > 0 && job->y.source_extent > 0) {
		return penstock_gdi_execute(engine, job, operation);
	}
	for (uint32_t i = 0; i < operation->element_count; i++) {
		struct penstock_rect rect =
			load_rect(operation->elements + i * sizeof(struct penstock_rect));

		if (rect.left != rect.right && rect.top != rect.bottom) {
			return PENSTOCK_OUTCOME_ILLEGAL;
		}
	}
	return PENSTOCK_OUTCOME_COMPLETED;
}

enum penstock_outcome penstock_execute_bitblt(struct penstock_engine *engine,
					      const struct penstock_operation *operation)
{
	const uint8_t *fields = operation->fields;
	uint32_t formats = U32(BITBLT, formats), rop3 = U32(BITBLT, rop3);
	struct penstock_gdi_job job = {
		.source = surface(U64(BITBLT, source), U32(BITBLT, source_pitch), formats >> 8),
		.destination =
			surface(U64(BITBLT, destination), U32(BITBLT, destination_pitch), formats),
		.bounds = anywhere,
		.row = penstock_gdi_row_rop,
		.shifted_source = true,
		.shift_x = I32(BITBLT, delta_x),
		.shift_y = I32(BITBLT, delta_y),
		.rop3 = (uint8_t)rop3,
	};

	if (job.source.pixel_bytes == 0 || job.source.pixel_bytes != job.destination.pixel_bytes ||
	    rop3 > 0xff || rop3 >> 4 != (rop3 & 0xf)) {
		return PENSTOCK_OUTCOME_ILLEGAL;
	}
	/* On one surface: away from what is still to be read. */
	if (job.source.address == job.destination.address) {
		job.upwards = job.shift_y < 0;
		job.leftwards = job.shift_y == 0 && job.shift_x < 0;
	}
	if (rop3 == 0xcc && job.source.format == job.destination.format &&
	    job.source.format != PENSTOCK_FORMAT_X8R8G8B8 &&
	    job.source.format != PENSTOCK_FORMAT_X8B8G8R8) {
		job.row = penstock_gdi_row_copy;
	}
	return penstock_gdi_execute(engine, &job, operation);
}

enum penstock_outcome penstock_execute_colorfill(struct penstock_engine *engine,
						 const struct penstock_operation *operation)
{
	const uint8_t *fields = operation->fields;
	uint32_t rop3 = U32(COLORFILL, rop3);
	struct penstock_gdi_job job = {
		.destination = surface(U64(COLORFILL, destination),
				       U32(COLORFILL, destination_pitch), U32(COLORFILL, formats)),
		.bounds = anywhere,
		.row = penstock_gdi_row_fill,
		.rop3 = (uint8_t)rop3,
		.color = U32(COLORFILL, color),
	};

	if (job.destination.pixel_bytes == 0 || rop3 > 0xff ||
	    (rop3 >> 2 & 0x33) != (rop3 & 0x33)) {
		return PENSTOCK_OUTCOME_ILLEGAL;
	}
	return penstock_gdi_execute(engine, &job, operation);
}

enum penstock_outcome penstock_execute_alphablend(struct penstock_engine *engine,
						  const struct penstock_operation *operation)
{
	const uint8_t *fields = operation->fields;
	uint32_t formats = U32(ALPHABLEND, formats), per_pixel = U32(ALPHABLEND, source_has_alpha);
	struct penstock_rect source_rect = RECT(ALPHABLEND, source_rect);
	struct penstock_rect destination_rect = RECT(ALPHABLEND, destination_rect);
	struct penstock_gdi_job job = {
		.source = surface(U64(ALPHABLEND, source), U32(ALPHABLEND, source_pitch),
				  formats >> 8),
		.destination = surface(U64(ALPHABLEND, destination),
				       U32(ALPHABLEND, destination_pitch), formats),
		.row = per_pixel != 0 ? penstock_gdi_row_blend_alpha
				      : penstock_gdi_row_blend_constant,
		.alpha = U32(ALPHABLEND, constant_alpha),
	};
	bool has_alpha = job.source.format == PENSTOCK_FORMAT_A8R8G8B8 ||
			 job.source.format == PENSTOCK_FORMAT_A8B8G8R8;

	if (!is_colour(&job.source) || !is_colour(&job.destination) || job.alpha > 255 ||
	    per_pixel > 1 || (per_pixel == 1 && !has_alpha) ||
	    !map_rects(&job, &source_rect, &destination_rect, 0)) {
		return PENSTOCK_OUTCOME_ILLEGAL;
	}
	return execute_mapped(engine, &job, operation);
}

enum penstock_outcome penstock_execute_stretchblt(struct penstock_engine *engine,
						  const struct penstock_operation *operation)
{
	const uint8_t *fields = operation->fields;
	uint32_t formats = U32(STRETCHBLT, formats), flags = U32(STRETCHBLT, flags);
	uint32_t mode = U32(STRETCHBLT, mode);
	struct penstock_rect source_rect = RECT(STRETCHBLT, source_rect);
	struct penstock_rect destination_rect = RECT(STRETCHBLT, destination_rect);
	struct penstock_gdi_job job = {
		.source = surface(U64(STRETCHBLT, source), U32(STRETCHBLT, source_pitch),
				  formats >> 8),
		.destination = surface(U64(STRETCHBLT, destination),
				       U32(STRETCHBLT, destination_pitch), formats),
		.row = penstock_gdi_row_stretch,
		.mode = (enum penstock_stretch_mode)mode,
	};

	if (job.source.pixel_bytes == 0 || job.source.pixel_bytes != job.destination.pixel_bytes ||
	    mode < PENSTOCK_STRETCH_BLACKONWHITE || mode > PENSTOCK_STRETCH_COLORONCOLOR ||
	    (flags & ~(PENSTOCK_STRETCH_MIRROR_X | PENSTOCK_STRETCH_MIRROR_Y)) != 0 ||
	    !map_rects(&job, &source_rect, &destination_rect, flags)) {
		return PENSTOCK_OUTCOME_ILLEGAL;
	}
	if (mode != PENSTOCK_STRETCH_COLORONCOLOR &&
	    (job.x.source_extent > job.x.destination_extent ||
	     job.y.source_extent > job.y.destination_extent)) {
		job.row = penstock_gdi_combine_row;
	}
	return execute_mapped(engine, &job, operation);
}

enum penstock_outcome penstock_execute_transparentblt(struct penstock_engine *engine,
						      const struct penstock_operation *operation)
{
	const uint8_t *fields = operation->fields;
	uint32_t formats = U32(TRANSPARENTBLT, formats), flags = U32(TRANSPARENTBLT, flags);
	struct penstock_rect source_rect = RECT(TRANSPARENTBLT, source_rect);
	struct penstock_rect destination_rect = RECT(TRANSPARENTBLT, destination_rect);
	struct penstock_gdi_job job = {
		.source = surface(U64(TRANSPARENTBLT, source), U32(TRANSPARENTBLT, source_pitch),
				  formats >> 8),
		.destination = surface(U64(TRANSPARENTBLT, destination),
				       U32(TRANSPARENTBLT, destination_pitch), formats),
		.row = penstock_gdi_row_transparent,
		.color = U32(TRANSPARENTBLT, color),
		.compare_mask = flags == 0 ? 0x00ffffffu : 0xffffffffu,
	};

	if (!is_colour(&job.source) || !is_colour(&job.destination) ||
	    (flags & ~PENSTOCK_TRANSPARENT_HONOR_ALPHA) != 0 ||
	    !map_rects(&job, &source_rect, &destination_rect, 0)) {
		return PENSTOCK_OUTCOME_ILLEGAL;
	}
	return execute_mapped(engine, &job, operation);
}

enum penstock_outcome penstock_execute_cleartypeblend(struct penstock_engine *engine,
						      const struct penstock_operation *operation)
{
	const uint8_t *fields = operation->fields;
	uint32_t formats = U32(CLEARTYPEBLEND, formats), gamma = U32(CLEARTYPEBLEND, gamma);
	uint64_t gamma_pitch = U32(CLEARTYPEBLEND, gamma_pitch);
	uint64_t table = U64(CLEARTYPEBLEND, gamma_table), row;
	struct penstock_gdi_job job = {
		.source = surface(U64(CLEARTYPEBLEND, alpha), U32(CLEARTYPEBLEND, alpha_pitch),
				  formats >> 8),
		.destination = surface(U64(CLEARTYPEBLEND, destination),
				       U32(CLEARTYPEBLEND, destination_pitch), formats),
		.bounds = anywhere,
		.row = penstock_gdi_row_cleartype,
		.shifted_source = true,
		.shift_x = I32(CLEARTYPEBLEND, alpha_offset_x),
		.shift_y = I32(CLEARTYPEBLEND, alpha_offset_y),
		.color = U32(CLEARTYPEBLEND, color),
		.color2 = U32(CLEARTYPEBLEND, color2),
	};

	if (job.source.pixel_bytes == 0 || !is_colour(&job.destination) ||
	    (gamma >= PENSTOCK_GAMMA_TABLE_HEIGHT && gamma != PENSTOCK_CLEARTYPE_NO_GAMMA)) {
		return PENSTOCK_OUTCOME_ILLEGAL;
	}
	if (gamma != PENSTOCK_CLEARTYPE_NO_GAMMA) {
		if (gamma_pitch < PENSTOCK_GAMMA_TABLE_WIDTH ||
		    __builtin_add_overflow(table, gamma * gamma_pitch, &row)) {
			return PENSTOCK_OUTCOME_ILLEGAL;
		}
		job.gamma_row =
			penstock_engine_range(engine, row, PENSTOCK_GAMMA_TABLE_WIDTH, false);
		if (job.gamma_row == NULL) {
			return PENSTOCK_OUTCOME_PAGE_FAULT;
		}
	}
	return penstock_gdi_execute(engine, &job, operation);
}
