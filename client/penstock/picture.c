/* SPDX-License-Identifier: MIT */
#include "client/penstock/picture.h"

#include "proto/isa/instruction.h"
#include "proto/wire/limits.h"

#include <errno.h>
#include <png.h>
#include <stdlib.h>
#include <string.h>

/* Where the channels of a pixel stand in its bytes; A8 has but the one. */
static const struct {
	uint8_t red, green, blue;
	bool alpha;
} layouts[] = {
	[PENSTOCK_FORMAT_A8R8G8B8] = { 2, 1, 0, true },
	[PENSTOCK_FORMAT_X8R8G8B8] = { 2, 1, 0, false },
	[PENSTOCK_FORMAT_A8B8G8R8] = { 0, 1, 2, true },
	[PENSTOCK_FORMAT_X8B8G8R8] = { 0, 1, 2, false },
	[PENSTOCK_FORMAT_A8] = { 0, 0, 0, true },
};

enum penstock_status penstock_picture_init(struct penstock_picture *image, uint32_t width,
					   uint32_t height, struct penstock_errbuf *reterr_text)
{
	*image = (struct penstock_picture){ .width = width, .height = height };
	image->pixels = calloc((size_t)width * height + 1, 4);
	if (image->pixels == NULL) {
		penstock_errbuf_set(reterr_text, "%s", strerror(ENOMEM));
		return PENSTOCK_STATUS_NO_MEMORY;
	}
	return PENSTOCK_STATUS_SUCCESS;
}

void penstock_picture_fini(struct penstock_picture *image)
{
	if (image != NULL) {
		free(image->pixels);
		*image = (struct penstock_picture){ 0 };
	}
}

enum penstock_status penstock_picture_decode(const uint8_t *bytes, size_t length, const char *path,
					     struct penstock_picture *ret_image,
					     struct penstock_errbuf *reterr_text)
{
	png_image png = { .version = PNG_IMAGE_VERSION };
	struct penstock_picture image = { 0 };
	enum penstock_status status = PENSTOCK_STATUS_SUCCESS;

	if (!png_image_begin_read_from_memory(&png, bytes, length)) {
		penstock_errbuf_set(reterr_text, "%.150s: %s", path, png.message);
		return PENSTOCK_STATUS_DATA_ERROR;
	}
	if (png.width > PENSTOCK_LIMIT_SURFACE_EXTENT ||
	    png.height > PENSTOCK_LIMIT_SURFACE_EXTENT) {
		penstock_errbuf_set(reterr_text,
				    "%.150s: %ux%u pixels; a surface has at most %ux%u", path,
				    (unsigned)png.width, (unsigned)png.height,
				    PENSTOCK_LIMIT_SURFACE_EXTENT, PENSTOCK_LIMIT_SURFACE_EXTENT);
		png_image_free(&png);
		return PENSTOCK_STATUS_LIMIT_EXCEEDED;
	}
	status = penstock_picture_init(&image, png.width, png.height, reterr_text);
	if (status != PENSTOCK_STATUS_SUCCESS) {
		png_image_free(&png);
		return status;
	}
	image.alpha = (png.format & PNG_FORMAT_FLAG_ALPHA) != 0;
	png.format = PNG_FORMAT_RGBA;
	if (!png_image_finish_read(&png, NULL, image.pixels, 0, NULL)) {
		penstock_errbuf_set(reterr_text, "%.150s: %s", path, png.message);
		penstock_picture_fini(&image);
		return PENSTOCK_STATUS_DATA_ERROR;
	}
	*ret_image = image;
	return PENSTOCK_STATUS_SUCCESS;
}

/* libpng writes RGB from rows without alpha. */
static void drop_alpha(const struct penstock_picture *image, uint8_t *ret_pixels)
{
	size_t count = (size_t)image->width * image->height;

	for (size_t i = 0; i < count; i++) {
		memcpy(ret_pixels + 3 * i, image->pixels + 4 * i, 3);
	}
}

enum penstock_status penstock_picture_save(const struct penstock_picture *image, const char *path,
					   struct penstock_errbuf *reterr_text)
{
	png_image png = {
		.version = PNG_IMAGE_VERSION,
		.width = image->width,
		.height = image->height,
		.format = image->alpha ? PNG_FORMAT_RGBA : PNG_FORMAT_RGB,
	};
	uint8_t *rows = NULL;
	bool written;

	if (!image->alpha) {
		rows = malloc((size_t)image->width * image->height * 3 + 1);
		if (rows == NULL) {
			penstock_errbuf_set(reterr_text, "%.150s: %s", path, strerror(ENOMEM));
			return PENSTOCK_STATUS_NO_MEMORY;
		}
		drop_alpha(image, rows);
	}
	written = png_image_write_to_file(&png, path, 0, rows != NULL ? rows : image->pixels, 0,
					  NULL) != 0;
	free(rows);
	if (!written) {
		penstock_errbuf_set(reterr_text, "%.150s: %s", path, png.message);
		return PENSTOCK_STATUS_IO_DEVICE_ERROR;
	}
	return PENSTOCK_STATUS_SUCCESS;
}

/* ------------------------------------------------------------------ pixels */

uint32_t penstock_surface_pixel(const uint8_t *at, uint32_t format)
{
	uint32_t alpha;

	PENSTOCK_REQUIRE(penstock_format_bytes(format) != 0);
	if (format == PENSTOCK_FORMAT_A8) {
		return (uint32_t)at[0] << 24;
	}
	alpha = layouts[format].alpha ? at[3] : 0xFF;
	return alpha << 24 | (uint32_t)at[layouts[format].red] << 16 |
	       (uint32_t)at[layouts[format].green] << 8 | at[layouts[format].blue];
}

static uint8_t luminance(const uint8_t *rgba)
{
	return (uint8_t)((77u * rgba[0] + 150u * rgba[1] + 29u * rgba[2]) >> 8);
}

void penstock_picture_to_surface(const struct penstock_picture *image, uint32_t format,
				 uint8_t *ret_surface, size_t pitch_bytes)
{
	uint32_t bytes = penstock_format_bytes(format);

	PENSTOCK_REQUIRE(bytes != 0);
	for (uint32_t y = 0; y < image->height; y++) {
		const uint8_t *from = image->pixels + (size_t)y * image->width * 4;
		uint8_t *to = ret_surface + y * pitch_bytes;

		for (uint32_t x = 0; x < image->width; x++, from += 4, to += bytes) {
			if (format == PENSTOCK_FORMAT_A8) {
				to[0] = image->alpha ? from[3] : luminance(from);
				continue;
			}
			to[layouts[format].red] = from[0];
			to[layouts[format].green] = from[1];
			to[layouts[format].blue] = from[2];
			to[3] = layouts[format].alpha ? from[3] : 0xFF;
		}
	}
}

void penstock_picture_from_surface(struct penstock_picture *image, uint32_t format,
				   const uint8_t *surface, size_t pitch_bytes)
{
	uint32_t bytes = penstock_format_bytes(format);

	PENSTOCK_REQUIRE(bytes != 0);
	image->alpha = layouts[format].alpha && format != PENSTOCK_FORMAT_A8;
	for (uint32_t y = 0; y < image->height; y++) {
		const uint8_t *from = surface + y * pitch_bytes;
		uint8_t *to = image->pixels + (size_t)y * image->width * 4;

		for (uint32_t x = 0; x < image->width; x++, from += bytes, to += 4) {
			uint32_t pixel = penstock_surface_pixel(from, format);

			if (format == PENSTOCK_FORMAT_A8) {
				pixel = 0xFF000000u | (uint32_t)from[0] * 0x010101u;
			}
			to[0] = (uint8_t)(pixel >> 16);
			to[1] = (uint8_t)(pixel >> 8);
			to[2] = (uint8_t)pixel;
			to[3] = (uint8_t)(pixel >> 24);
		}
	}
}
