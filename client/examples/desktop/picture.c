/* SPDX-License-Identifier: MIT */
#include "client/examples/desktop/picture.h"

#include <png.h>

#include <stdio.h>
#include <stdlib.h>

#define PICTURE_MAX_EXTENT 16384u

bool picture_load(const char *path, struct picture *ret_picture)
{
	png_image image = { .version = PNG_IMAGE_VERSION };
	uint32_t *pixels;

	if (!png_image_begin_read_from_file(&image, path)) {
		fprintf(stderr, "%s: %s\n", path, image.message);
		return false;
	}
	image.format = PNG_FORMAT_BGRA;
	if (image.width > PICTURE_MAX_EXTENT || image.height > PICTURE_MAX_EXTENT) {
		fprintf(stderr, "%s: larger than a surface can be\n", path);
		png_image_free(&image);
		return false;
	}
	pixels = malloc(PNG_IMAGE_SIZE(image));
	if (pixels == NULL || !png_image_finish_read(&image, NULL, pixels, 0, NULL)) {
		fprintf(stderr, "%s: %s\n", path, pixels == NULL ? "no memory" : image.message);
		png_image_free(&image);
		free(pixels);
		return false;
	}
	*ret_picture = (struct picture){ image.width, image.height, pixels };
	return true;
}

bool picture_save(const char *path, const struct picture *picture)
{
	png_image image = {
		.version = PNG_IMAGE_VERSION,
		.width = picture->width,
		.height = picture->height,
		.format = PNG_FORMAT_BGRA,
	};

	if (!png_image_write_to_file(&image, path, 0, picture->pixels, 0, NULL)) {
		fprintf(stderr, "%s: %s\n", path, image.message);
		return false;
	}
	return true;
}

void picture_premultiply(struct picture *picture)
{
	for (size_t i = 0; i < (size_t)picture->width * picture->height; i++) {
		uint32_t pixel = picture->pixels[i], alpha = pixel >> 24;
		uint32_t result = alpha << 24;

		for (unsigned shift = 0; shift < 24; shift += 8) {
			result |= (((pixel >> shift & 0xff) * alpha + 127) / 255) << shift;
		}
		picture->pixels[i] = result;
	}
}

bool picture_transpose(const struct picture *picture, struct picture *ret_picture)
{
	uint32_t *pixels = malloc((size_t)picture->width * picture->height * sizeof(*pixels));

	if (pixels == NULL) {
		return false;
	}
	for (uint32_t y = 0; y < picture->height; y++) {
		for (uint32_t x = 0; x < picture->width; x++) {
			pixels[(size_t)x * picture->height + y] =
				picture->pixels[(size_t)y * picture->width + x];
		}
	}
	*ret_picture = (struct picture){ picture->height, picture->width, pixels };
	return true;
}
