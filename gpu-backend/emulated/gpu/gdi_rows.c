/* SPDX-License-Identifier: MIT */
/* One row of each operation, in chunks that are read before they are written. */
#include "gpu-backend/emulated/gpu/gdi.h"

#include <string.h>

/* A chunk of a row: `first` pixels into it, `count` long. */
struct chunk {
	size_t first;
	size_t count;
};

/*
 * The next chunk of a row of `width`, from left to right, or from right to left where the source
 * of what is left of it is still to be read. Starts with { 0, 0 }. False: the row is done.
 */
static bool next_chunk(const struct penstock_gdi_job *job, size_t width, size_t *done,
		       struct chunk *ret_chunk)
{
	size_t left = width - *done;

	if (left == 0) {
		return false;
	}
	ret_chunk->count = left < PENSTOCK_PIXELS_CHUNK ? left : PENSTOCK_PIXELS_CHUNK;
	ret_chunk->first = job->leftwards ? left - ret_chunk->count : *done;
	*done += ret_chunk->count;
	return true;
}

static size_t width_of(const struct penstock_rect *rect)
{
	return (size_t)(rect->right - rect->left);
}

static const uint8_t *shifted_source(const struct penstock_gdi_job *job,
				     const struct penstock_rect *rect, int32_t y)
{
	return job->source_pixels + (uint64_t)(y - rect->top) * job->source.pitch;
}

/* BITBLT that is a move of bytes: one format, and no x byte that has to become 255. */
void penstock_gdi_row_copy(struct penstock_gdi_job *job, const struct penstock_rect *rect,
			   int32_t y)
{
	memmove(penstock_gdi_destination(job, rect, y), shifted_source(job, rect, y),
		width_of(rect) * job->destination.pixel_bytes);
}

void penstock_gdi_row_rop(struct penstock_gdi_job *job, const struct penstock_rect *rect, int32_t y)
{
	uint32_t source[PENSTOCK_PIXELS_CHUNK], pixels[PENSTOCK_PIXELS_CHUNK];
	uint8_t *to = penstock_gdi_destination(job, rect, y);
	const uint8_t *from = shifted_source(job, rect, y);
	struct chunk chunk;
	size_t done = 0;

	while (next_chunk(job, width_of(rect), &done, &chunk)) {
		uint8_t *bytes = to + chunk.first * job->destination.pixel_bytes;

		penstock_pixels_load(job->source.format,
				     from + chunk.first * job->source.pixel_bytes, chunk.count,
				     source);
		penstock_pixels_load(job->destination.format, bytes, chunk.count, pixels);
		penstock_pixels_rop_source(job->rop3, source, chunk.count, pixels);
		penstock_pixels_store(job->destination.format, pixels, chunk.count, bytes);
	}
}

void penstock_gdi_row_fill(struct penstock_gdi_job *job, const struct penstock_rect *rect,
			   int32_t y)
{
	uint32_t pixels[PENSTOCK_PIXELS_CHUNK];
	uint8_t *to = penstock_gdi_destination(job, rect, y);
	struct chunk chunk;
	size_t done = 0;

	while (next_chunk(job, width_of(rect), &done, &chunk)) {
		uint8_t *bytes = to + chunk.first * job->destination.pixel_bytes;

		penstock_pixels_load(job->destination.format, bytes, chunk.count, pixels);
		penstock_pixels_rop_pattern(job->rop3, job->color, chunk.count, pixels);
		penstock_pixels_store(job->destination.format, pixels, chunk.count, bytes);
	}
}

/* ---------------------------------------------------------------- mapped sources */

/* The combination of source and destination pixels into `pixels`. */
typedef void (*combine)(const struct penstock_gdi_job *job, const uint32_t *source, size_t count,
			uint32_t *pixels);

static void mapped_row(struct penstock_gdi_job *job, const struct penstock_rect *rect, int32_t y,
		       combine function)
{
	uint32_t source[PENSTOCK_PIXELS_CHUNK], pixels[PENSTOCK_PIXELS_CHUNK];
	uint8_t *to = penstock_gdi_destination(job, rect, y);
	struct chunk chunk;
	size_t done = 0;

	while (next_chunk(job, width_of(rect), &done, &chunk)) {
		uint8_t *bytes = to + chunk.first * job->destination.pixel_bytes;

		penstock_gdi_sample(job, rect->left + (int32_t)chunk.first, y, chunk.count, source);
		penstock_pixels_load(job->destination.format, bytes, chunk.count, pixels);
		function(job, source, chunk.count, pixels);
		penstock_pixels_store(job->destination.format, pixels, chunk.count, bytes);
	}
}

static void combine_constant(const struct penstock_gdi_job *job, const uint32_t *source,
			     size_t count, uint32_t *pixels)
{
	penstock_pixels_blend_constant(source, job->alpha, count, pixels);
}

void penstock_gdi_row_blend_constant(struct penstock_gdi_job *job, const struct penstock_rect *rect,
				     int32_t y)
{
	mapped_row(job, rect, y, combine_constant);
}

static void combine_alpha(const struct penstock_gdi_job *job, const uint32_t *source, size_t count,
			  uint32_t *pixels)
{
	penstock_pixels_blend_alpha(source, job->alpha, count, pixels);
}

void penstock_gdi_row_blend_alpha(struct penstock_gdi_job *job, const struct penstock_rect *rect,
				  int32_t y)
{
	mapped_row(job, rect, y, combine_alpha);
}

static void combine_replace(const struct penstock_gdi_job *job, const uint32_t *source,
			    size_t count, uint32_t *pixels)
{
	(void)job;
	memcpy(pixels, source, count * sizeof(*pixels));
}

void penstock_gdi_row_stretch(struct penstock_gdi_job *job, const struct penstock_rect *rect,
			      int32_t y)
{
	mapped_row(job, rect, y, combine_replace);
}

/* Pixels that equal the colour keep all their bytes, so pixels are stored in runs of others. */
void penstock_gdi_row_transparent(struct penstock_gdi_job *job, const struct penstock_rect *rect,
				  int32_t y)
{
	uint32_t source[PENSTOCK_PIXELS_CHUNK];
	uint8_t *to = penstock_gdi_destination(job, rect, y);
	struct chunk chunk;
	size_t done = 0;

	while (next_chunk(job, width_of(rect), &done, &chunk)) {
		uint8_t *bytes = to + chunk.first * job->destination.pixel_bytes;
		size_t start = 0;

		penstock_gdi_sample(job, rect->left + (int32_t)chunk.first, y, chunk.count, source);
		for (size_t i = 0; i <= chunk.count; i++) {
			if (i < chunk.count &&
			    ((source[i] ^ job->color) & job->compare_mask) != 0) {
				continue;
			}
			penstock_pixels_store(job->destination.format, source + start, i - start,
					      bytes + start * job->destination.pixel_bytes);
			start = i + 1;
		}
	}
}

/* ---------------------------------------------------------------- CLEARTYPEBLEND */

static uint32_t channel(uint32_t pixel, unsigned shift)
{
	return pixel >> shift & 0xffu;
}

static uint32_t blend(uint32_t under, uint32_t over, uint32_t coverage)
{
	return penstock_div255(under * (255 - coverage) + over * coverage);
}

static uint32_t cleartype_channel(const struct penstock_gdi_job *job, uint32_t coverage, uint32_t d,
				  unsigned shift)
{
	uint32_t k = channel(coverage, shift), old = channel(d, shift);

	if (k == 0) {
		return old;
	}
	if (k == 255) {
		return channel(job->color2, shift);
	}
	return job->gamma_row[256 + blend(job->gamma_row[old], channel(job->color, shift), k)];
}

static uint32_t plain_channel(const struct penstock_gdi_job *job, uint32_t coverage, uint32_t d,
			      unsigned shift)
{
	uint32_t over = channel(job->color, shift), old = channel(d, shift);

	return blend(old, over, channel(coverage, over >= old ? 16 : 8));
}

static void cleartype_pixels(const struct penstock_gdi_job *job, const uint32_t *coverage,
			     size_t count, uint32_t *pixels)
{
	for (size_t i = 0; i < count; i++) {
		uint32_t k = coverage[i], out = pixels[i] & 0xff000000u;

		if (job->source.format == PENSTOCK_FORMAT_A8) {
			k = (k >> 24) * 0x010101u;
		}
		for (unsigned shift = 0; shift < 24; shift += 8) {
			out |= (job->gamma_row != NULL ? cleartype_channel(job, k, pixels[i], shift)
						       : plain_channel(job, k, pixels[i], shift))
			       << shift;
		}
		pixels[i] = out;
	}
}

void penstock_gdi_row_cleartype(struct penstock_gdi_job *job, const struct penstock_rect *rect,
				int32_t y)
{
	uint32_t coverage[PENSTOCK_PIXELS_CHUNK], pixels[PENSTOCK_PIXELS_CHUNK];
	uint8_t *to = penstock_gdi_destination(job, rect, y);
	const uint8_t *from = shifted_source(job, rect, y);
	struct chunk chunk;
	size_t done = 0;

	while (next_chunk(job, width_of(rect), &done, &chunk)) {
		uint8_t *bytes = to + chunk.first * job->destination.pixel_bytes;

		penstock_pixels_load(job->source.format,
				     from + chunk.first * job->source.pixel_bytes, chunk.count,
				     coverage);
		penstock_pixels_load(job->destination.format, bytes, chunk.count, pixels);
		cleartype_pixels(job, coverage, chunk.count, pixels);
		penstock_pixels_store(job->destination.format, pixels, chunk.count, bytes);
	}
}
