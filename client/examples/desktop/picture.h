/* SPDX-License-Identifier: MIT */
/*
 * PNG files as pixels in the order that A8R8G8B8 surfaces have in memory (B G R A).
 */
#ifndef PENSTOCK_EXAMPLE_PICTURE_H
#define PENSTOCK_EXAMPLE_PICTURE_H

#include <stdbool.h>
#include <stdint.h>

struct picture {
	uint32_t width;
	uint32_t height;
	uint32_t *pixels; /* 0xAARRGGBB, rows without padding; owned, freed with free() */
};

/* On failure says on standard error which file and why, and returns false. */
bool picture_load(const char *path, struct picture *ret_picture);
bool picture_save(const char *path, const struct picture *picture);

/* What ALPHABLEND wants: each colour multiplied by its alpha. */
void picture_premultiply(struct picture *picture);

/* Rows become columns. */
bool picture_transpose(const struct picture *picture, struct picture *ret_picture);

#endif
