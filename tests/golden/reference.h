/* SPDX-License-Identifier: MIT */
/*
 * The GDI operations a second time, from docs/gdi.md alone: pixel by pixel, in the plainest way, so
 * that a reader can compare page and code. Shares nothing with the engine.
 */
#ifndef PENSTOCK_TESTS_REFERENCE_H
#define PENSTOCK_TESTS_REFERENCE_H

#include <stdbool.h>
#include <stdint.h>

enum reference_format {
	REFERENCE_A8R8G8B8 = 1,
	REFERENCE_X8R8G8B8 = 2,
	REFERENCE_A8B8G8R8 = 3,
	REFERENCE_X8B8G8R8 = 4,
	REFERENCE_A8 = 5,
};

struct reference_surface {
	uint8_t *bytes;
	int width;
	int height;
	int pitch;
	enum reference_format format;
};

struct reference_rect {
	int left, top, right, bottom;
};

enum reference_operation {
	REFERENCE_BITBLT,
	REFERENCE_COLORFILL,
	REFERENCE_ALPHABLEND,
	REFERENCE_STRETCHBLT,
	REFERENCE_TRANSPARENTBLT,
	REFERENCE_CLEARTYPEBLEND,
	REFERENCE_OPERATIONS
};

/* What the record says; what its operation does not have is not looked at. */
struct reference_record {
	enum reference_operation operation;
	struct reference_surface *destination;
	const struct reference_surface *source; /* CLEARTYPEBLEND: alpha */
	struct reference_rect source_rect;
	struct reference_rect destination_rect;
	int rop3;
	int constant_alpha;
	bool source_has_alpha;
	int mode; /* 1 BLACKONWHITE, 2 WHITEONBLACK, 3 COLORONCOLOR */
	bool mirror_x;
	bool mirror_y;
	uint32_t color;
	uint32_t color2;
	bool honor_alpha;
	int offset_x;
	int offset_y;
	const struct reference_surface *gamma_table;
	int gamma; /* -1: no table */
	const struct reference_rect *sub_rects;
	int sub_rect_count;
};

void reference_execute(const struct reference_record *record);

#endif
