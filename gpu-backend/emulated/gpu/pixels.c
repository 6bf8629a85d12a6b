/* SPDX-License-Identifier: MIT */
#include "gpu-backend/emulated/gpu/pixels.h"

#include <string.h>

/* clang does this unasked. */
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC optimize("O3")
#endif

#define ALPHA 0xff000000u

static uint32_t swap_red_blue(uint32_t pixel)
{
	return (pixel & 0xff00ff00u) | (pixel & 0xffu) << 16 | (pixel >> 16 & 0xffu);
}

void penstock_pixels_load(enum penstock_format format, const uint8_t *bytes, size_t count,
			  uint32_t *ret_pixels)
{
	if (format == PENSTOCK_FORMAT_A8) {
		for (size_t i = 0; i < count; i++) {
			ret_pixels[i] = (uint32_t)bytes[i] << 24;
		}
		return;
	}
	/* Pixels are converted in place too. */
	memmove(ret_pixels, bytes, count * sizeof(*ret_pixels));
	if (format == PENSTOCK_FORMAT_A8B8G8R8 || format == PENSTOCK_FORMAT_X8B8G8R8) {
		for (size_t i = 0; i < count; i++) {
			ret_pixels[i] = swap_red_blue(ret_pixels[i]);
		}
	}
	if (format == PENSTOCK_FORMAT_X8R8G8B8 || format == PENSTOCK_FORMAT_X8B8G8R8) {
		for (size_t i = 0; i < count; i++) {
			ret_pixels[i] |= ALPHA;
		}
	}
}

void penstock_pixels_store(enum penstock_format format, const uint32_t *pixels, size_t count,
			   uint8_t *bytes)
{
	uint32_t out[PENSTOCK_PIXELS_CHUNK];
	uint32_t opaque = format == PENSTOCK_FORMAT_X8R8G8B8 || format == PENSTOCK_FORMAT_X8B8G8R8
				  ? ALPHA
				  : 0;

	if (format == PENSTOCK_FORMAT_A8) {
		for (size_t i = 0; i < count; i++) {
			bytes[i] = (uint8_t)(pixels[i] >> 24);
		}
		return;
	}
	if (format == PENSTOCK_FORMAT_A8R8G8B8) {
		memcpy(bytes, pixels, count * sizeof(*pixels));
		return;
	}
	if (format == PENSTOCK_FORMAT_X8R8G8B8) {
		for (size_t i = 0; i < count; i++) {
			out[i] = pixels[i] | opaque;
		}
	} else {
		for (size_t i = 0; i < count; i++) {
			out[i] = swap_red_blue(pixels[i]) | opaque;
		}
	}
	memcpy(bytes, out, count * sizeof(*out));
}

/* All ones where the code has the bit. */
static uint32_t minterm(uint8_t rop3, unsigned bit)
{
	return (rop3 >> bit & 1u) != 0 ? UINT32_MAX : 0;
}

void penstock_pixels_rop_source(uint8_t rop3, const uint32_t *source, size_t count,
				uint32_t *destination)
{
	const uint32_t neither = minterm(rop3, 0), only_d = minterm(rop3, 1);
	const uint32_t only_s = minterm(rop3, 2), both = minterm(rop3, 3);

	for (size_t i = 0; i < count; i++) {
		uint32_t s = source[i], d = destination[i];

		destination[i] = (neither & ~s & ~d) | (only_d & ~s & d) | (only_s & s & ~d) |
				 (both & s & d);
	}
}

void penstock_pixels_rop_pattern(uint8_t rop3, uint32_t pattern, size_t count,
				 uint32_t *destination)
{
	const uint32_t neither = minterm(rop3, 0), only_d = minterm(rop3, 1);
	const uint32_t only_p = minterm(rop3, 4), both = minterm(rop3, 5);

	for (size_t i = 0; i < count; i++) {
		uint32_t d = destination[i];

		destination[i] = (neither & ~pattern & ~d) | (only_d & ~pattern & d) |
				 (only_p & pattern & ~d) | (both & pattern & d);
	}
}

static uint32_t channel(uint32_t pixel, unsigned shift)
{
	return pixel >> shift & 0xffu;
}

static uint32_t lerp_channel(uint32_t s, uint32_t d, uint32_t alpha, unsigned shift)
{
	return penstock_div255(channel(s, shift) * alpha + channel(d, shift) * (255 - alpha))
	       << shift;
}

void penstock_pixels_blend_constant(const uint32_t *source, uint32_t alpha, size_t count,
				    uint32_t *destination)
{
	for (size_t i = 0; i < count; i++) {
		uint32_t s = source[i], d = destination[i];

		destination[i] = lerp_channel(s, d, alpha, 0) | lerp_channel(s, d, alpha, 8) |
				 lerp_channel(s, d, alpha, 16) | lerp_channel(s, d, alpha, 24);
	}
}

/* `under` is 255 minus the alpha of the source after the constant. */
static uint32_t over_channel(uint32_t s, uint32_t d, uint32_t alpha, uint32_t under, unsigned shift)
{
	uint32_t sum = penstock_div255(channel(s, shift) * alpha) +
		       penstock_div255(channel(d, shift) * under);

	return (sum > 255 ? 255 : sum) << shift;
}

void penstock_pixels_blend_alpha(const uint32_t *source, uint32_t alpha, size_t count,
				 uint32_t *destination)
{
	for (size_t i = 0; i < count; i++) {
		uint32_t s = source[i], d = destination[i];
		uint32_t under = 255 - penstock_div255(channel(s, 24) * alpha);

		destination[i] =
			over_channel(s, d, alpha, under, 0) | over_channel(s, d, alpha, under, 8) |
			over_channel(s, d, alpha, under, 16) | over_channel(s, d, alpha, under, 24);
	}
}
