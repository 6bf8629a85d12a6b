/* SPDX-License-Identifier: MIT */
/*
 * Runs of pixels (docs/gdi.md, Formats): in memory in one of the five formats, in between as
 * 0xAARRGGBB. A pixel of A8 is its alpha in bits 24-31, the other channels are 0.
 */
#ifndef PENSTOCK_PIXELS_H
#define PENSTOCK_PIXELS_H

#include "proto/isa/instruction.h"

/* How many pixels an operation holds at once. */
#define PENSTOCK_PIXELS_CHUNK 1024u

void penstock_pixels_load(enum penstock_format format, const uint8_t *bytes, size_t count,
			  uint32_t *ret_pixels);
void penstock_pixels_store(enum penstock_format format, const uint32_t *pixels, size_t count,
			   uint8_t *bytes);

/* Both kinds of ROP3 that exist: without pattern, without source. In place in `destination`. */
void penstock_pixels_rop_source(uint8_t rop3, const uint32_t *source, size_t count,
				uint32_t *destination);
void penstock_pixels_rop_pattern(uint8_t rop3, uint32_t pattern, size_t count,
				 uint32_t *destination);

void penstock_pixels_blend_constant(const uint32_t *source, uint32_t alpha, size_t count,
				    uint32_t *destination);
void penstock_pixels_blend_alpha(const uint32_t *source, uint32_t alpha, size_t count,
				 uint32_t *destination);

/* n / 255 rounded to nearest, for n <= 255 * 255. */
static inline uint32_t penstock_div255(uint32_t n)
{
	uint32_t t = n + 128;

	return (t + (t >> 8)) >> 8;
}

#endif
