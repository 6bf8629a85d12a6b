/* SPDX-License-Identifier: MIT */
/* Source pixels of mapped operations: sampled at pixel centres, or combined where an axis shrinks.
 */
#include "gpu-backend/emulated/gpu/gdi.h"

#include "proto/wire/limits.h"

#include <string.h>

/* A source pixel as it stands in memory: 4 bytes, or A8 in the lowest. */
static uint32_t load_raw(const uint8_t *row, uint64_t column, uint32_t pixel_bytes)
{
	return pixel_bytes == 1 ? row[column] : penstock_load32(row + column * 4);
}

/* Raw pixels to 0xAARRGGBB, in place. */
static void convert(enum penstock_format format, uint32_t *pixels, size_t count)
{
	if (format == PENSTOCK_FORMAT_A8) {
		for (size_t i = 0; i < count; i++) {
			pixels[i] <<= 24;
		}
		return;
	}
	penstock_pixels_load(format, (const uint8_t *)pixels, count, pixels);
}

static const uint8_t *source_row(const struct penstock_gdi_job *job, uint64_t offset)
{
	return job->source_pixels + offset * job->source.pitch;
}

/*
 * The quotient (2 * d + 1) * S / (2 * D) for consecutive d without a division each: quotient and
 * remainder grow by constants.
 */
static void sample_mapped(const struct penstock_gdi_job *job, const uint8_t *row, int32_t x,
			  size_t count, uint32_t *ret_pixels)
{
	const struct penstock_axis *axis = &job->x;
	uint64_t divisor = 2 * axis->destination_extent;
	uint64_t numerator =
		(2 * (uint64_t)((int64_t)x - axis->destination) + 1) * axis->source_extent;
	uint64_t quotient = numerator / divisor, remainder = numerator % divisor;
	uint64_t step = 2 * axis->source_extent / divisor;
	uint64_t step_remainder = 2 * axis->source_extent % divisor;

	for (size_t i = 0; i < count; i++) {
		uint64_t column = axis->mirrored ? axis->source_extent - 1 - quotient : quotient;

		ret_pixels[i] = load_raw(row, column, job->source.pixel_bytes);
		quotient += step;
		remainder += step_remainder;
		if (remainder >= divisor) {
			remainder -= divisor;
			quotient++;
		}
	}
	convert(job->source.format, ret_pixels, count);
}

void penstock_gdi_sample(const struct penstock_gdi_job *job, int32_t x, int32_t y, size_t count,
			 uint32_t *ret_pixels)
{
	const uint8_t *row = source_row(job, penstock_axis_map(&job->y, y));

	if (job->x.source_extent == job->x.destination_extent && !job->x.mirrored) {
		uint64_t column = (uint64_t)((int64_t)x - job->x.destination);

		penstock_pixels_load(job->source.format, row + column * job->source.pixel_bytes,
				     count, ret_pixels);
		return;
	}
	sample_mapped(job, row, x, count, ret_pixels);
}

/* ---------------------------------------------------------------- combining */

/* The source offsets [first, end) that a destination coordinate covers, before mirroring. */
struct cover {
	uint64_t first;
	uint64_t end;
};

static struct cover axis_cover(const struct penstock_axis *axis, int64_t coordinate)
{
	uint64_t d = (uint64_t)(coordinate - axis->destination);
	struct cover cover;

	if (axis->source_extent > axis->destination_extent) {
		cover.first = d * axis->source_extent / axis->destination_extent;
		cover.end = (d + 1) * axis->source_extent / axis->destination_extent;
	} else {
		cover.first = (2 * d + 1) * axis->source_extent / (2 * axis->destination_extent);
		cover.end = cover.first + 1;
	}
	if (axis->mirrored) {
		cover = (struct cover){ axis->source_extent - cover.end,
					axis->source_extent - cover.first };
	}
	return cover;
}

uint64_t penstock_axis_covered(const struct penstock_axis *axis, int64_t first, int64_t end)
{
	uint64_t from = (uint64_t)(first - axis->destination);
	uint64_t to = (uint64_t)(end - axis->destination);

	if (axis->source_extent <= axis->destination_extent) {
		return to - from;
	}
	return to * axis->source_extent / axis->destination_extent -
	       from * axis->source_extent / axis->destination_extent;
}

/* One source row's share of a chunk. AND and OR are done on raw pixels: they mix no channels. */
static void combine_columns(const struct penstock_gdi_job *job, const uint8_t *row, int32_t x,
			    size_t count, uint32_t *ret_pixels)
{
	for (size_t i = 0; i < count; i++) {
		struct cover cover = axis_cover(&job->x, (int64_t)x + (int64_t)i);
		uint32_t pixel = load_raw(row, cover.first, job->source.pixel_bytes);

		for (uint64_t column = cover.first + 1; column < cover.end; column++) {
			uint32_t other = load_raw(row, column, job->source.pixel_bytes);

			pixel = job->mode == PENSTOCK_STRETCH_BLACKONWHITE ? pixel & other
									   : pixel | other;
		}
		ret_pixels[i] = pixel;
	}
	convert(job->source.format, ret_pixels, count);
}

/* Adds one source row to the row of the destination, which holds what was combined before. */
static void combine_source_row(const struct penstock_gdi_job *job, const struct penstock_rect *rect,
			       const uint8_t *row, uint8_t *destination, bool first)
{
	uint32_t pixels[PENSTOCK_PIXELS_CHUNK], before[PENSTOCK_PIXELS_CHUNK];
	enum penstock_format format = job->destination.format;

	for (int32_t x = rect->left; x < rect->right; x += (int32_t)PENSTOCK_PIXELS_CHUNK) {
		size_t left = (size_t)(rect->right - x);
		size_t count = left < PENSTOCK_PIXELS_CHUNK ? left : PENSTOCK_PIXELS_CHUNK;
		uint8_t *bytes =
			destination + (uint64_t)(x - rect->left) * job->destination.pixel_bytes;

		combine_columns(job, row, x, count, pixels);
		if (!first) {
			penstock_pixels_load(format, bytes, count, before);
			penstock_pixels_rop_source(
				job->mode == PENSTOCK_STRETCH_BLACKONWHITE ? 0x88 : 0xee, before,
				count, pixels);
		}
		penstock_pixels_store(format, pixels, count, bytes);
	}
}

/*
 * The destination itself holds the partial result (an alpha that an X format does not keep is 255
 * in the end anyway), so the row can be left between two source rows.
 */
void penstock_gdi_combine_row(struct penstock_gdi_job *job, const struct penstock_rect *rect,
			      int32_t y)
{
	struct cover rows = axis_cover(&job->y, y);
	uint64_t columns = penstock_axis_covered(&job->x, rect->left, rect->right);
	uint8_t *destination = penstock_gdi_destination(job, rect, y);

	for (; job->source_row < rows.end - rows.first; job->source_row++) {
		if (job->source_row > 0 && job->band_pixels >= PENSTOCK_BAND_PIXELS) {
			job->band_pixels = 0;
			job->stopped = penstock_engine_must_stop(job->engine);
		}
		if (job->stopped) {
			return;
		}
		combine_source_row(job, rect, source_row(job, rows.first + job->source_row),
				   destination, job->source_row == 0);
		job->band_pixels += columns;
	}
}
