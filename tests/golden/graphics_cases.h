/* SPDX-License-Identifier: MIT */
/* Programs of graphics, as canvases: each small, each about one thing, some in variants of it. */
#ifndef PENSTOCK_GRAPHICS_CASES_H
#define PENSTOCK_GRAPHICS_CASES_H

#include "tests/golden/canvas.h"

struct graphics_case {
	const char *name;
	void (*build)(struct canvas *canvas, uint32_t variant);
	uint32_t variants;
	bool transfers; /* each variant is cut into rows in its own way */
};

extern const struct graphics_case graphics_cases[];
extern const uint32_t graphics_case_count;

#endif
