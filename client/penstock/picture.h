/* SPDX-License-Identifier: MIT */
/*
 * Pictures of the penstock tool: PNG files to and from memory, and memory to and from the pixel
 * formats of surfaces. Pixels are 4 bytes, R G B A, rows without gaps.
 */
#ifndef PENSTOCK_PICTURE_H
#define PENSTOCK_PICTURE_H

#include "proto/base/base.h"
#include "proto/wire/status.h"

struct penstock_picture {
	uint32_t width;
	uint32_t height;
	bool alpha;      /* the file has an alpha channel */
	uint8_t *pixels; /* owned; width * height * 4 bytes */
};

/*
 * From the bytes of a PNG file; `path` is for the sentence. The caller ends *ret_image with
 * penstock_picture_fini. DATA_ERROR: no PNG, or a damaged one; LIMIT_EXCEEDED: wider or higher than
 * a surface can be; NO_MEMORY.
 */
PENSTOCK_MUST_CHECK
enum penstock_status penstock_picture_decode(const uint8_t *bytes, size_t length, const char *path,
					     struct penstock_picture *ret_image,
					     struct penstock_errbuf *reterr_text);

/* Writes a PNG file, with an alpha channel where image->alpha says so. */
PENSTOCK_MUST_CHECK
enum penstock_status penstock_picture_save(const struct penstock_picture *image, const char *path,
					   struct penstock_errbuf *reterr_text);

/* A picture of zeros. NO_MEMORY. */
PENSTOCK_MUST_CHECK
enum penstock_status penstock_picture_init(struct penstock_picture *image, uint32_t width,
					   uint32_t height, struct penstock_errbuf *reterr_text);

/* NULL and all zero are accepted. */
void penstock_picture_fini(struct penstock_picture *image);

/*
 * To and from a surface of `format` (one of enum penstock_format but NONE) whose rows are
 * `pitch_bytes` apart; the surface has as many pixels. A8 takes the alpha of a picture that has
 * one and its luminance otherwise; it comes back as grey.
 */
void penstock_picture_to_surface(const struct penstock_picture *image, uint32_t format,
				 uint8_t *ret_surface, size_t pitch_bytes);
void penstock_picture_from_surface(struct penstock_picture *image, uint32_t format,
				   const uint8_t *surface, size_t pitch_bytes);

/* 0xAARRGGBB of one pixel of a surface; 0xFF for an alpha that the format does not have. */
uint32_t penstock_surface_pixel(const uint8_t *at, uint32_t format);

#endif
