/* SPDX-License-Identifier: MIT */
/*
 * A line of text as coverage, for CLEARTYPEBLEND: how much of each third of a pixel the glyphs
 * cover, in the channels R, G and B of a pixel. Rendered by FreeType.
 */
#ifndef PENSTOCK_EXAMPLE_TEXT_H
#define PENSTOCK_EXAMPLE_TEXT_H

#include "client/examples/desktop/picture.h"

struct font;

/* NULL on failure, said on standard error. */
struct font *font_open(const char *path);
void font_close(struct font *font);

/* The baseline is at `size` pixels from the top. The picture is the caller's. */
bool font_render(struct font *font, const char *text, uint32_t size, struct picture *ret_coverage);

/*
 * The gamma table of 512 x 16 bytes: row g has 256 entries v^(1 + g/8) and then their inverse.
 */
void font_gamma_table(uint8_t ret_table[16 * 512]);

#endif
