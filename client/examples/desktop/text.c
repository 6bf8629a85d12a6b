/* SPDX-License-Identifier: MIT */
#include "client/examples/desktop/text.h"

#include <ft2build.h>
#include FT_FREETYPE_H
#include FT_LCD_FILTER_H

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

struct font {
	FT_Library library;
	FT_Face face;
};

struct font *font_open(const char *path)
{
	struct font *font = calloc(1, sizeof(*font));

	if (font == NULL || FT_Init_FreeType(&font->library) != 0) {
		fprintf(stderr, "%s: FreeType cannot start\n", path);
		free(font);
		return NULL;
	}
	if (FT_New_Face(font->library, path, 0, &font->face) != 0) {
		fprintf(stderr, "%s: no font that FreeType can read\n", path);
		FT_Done_FreeType(font->library);
		free(font);
		return NULL;
	}
	/* Without the filter FreeType renders for the stripes of the panel in another way. */
	FT_Library_SetLcdFilter(font->library, FT_LCD_FILTER_DEFAULT);
	return font;
}

void font_close(struct font *font)
{
	if (font == NULL) {
		return;
	}
	FT_Done_Face(font->face);
	FT_Done_FreeType(font->library);
	free(font);
}

/* Width in pixels of the whole line. */
static uint32_t measure(struct font *font, const char *text)
{
	FT_Pos width = 0;

	for (const char *c = text; *c != '\0'; c++) {
		if (FT_Load_Char(font->face, (FT_ULong)(unsigned char)*c, FT_LOAD_TARGET_LCD) ==
		    0) {
			width += font->face->glyph->advance.x;
		}
	}
	return (uint32_t)(width >> 6) + 4;
}

/* Three bytes of an LCD bitmap are one pixel. Glyphs may overlap: the larger coverage stays. */
static void place(const FT_Bitmap *bitmap, int left, int top, struct picture *coverage)
{
	for (int y = 0; y < (int)bitmap->rows; y++) {
		for (int x = 0; x < (int)bitmap->width / 3; x++) {
			const unsigned char *from = bitmap->buffer + y * bitmap->pitch + 3 * x;
			int at_x = left + x, at_y = top + y;
			uint32_t *to;

			if (at_x < 0 || at_y < 0 || at_x >= (int)coverage->width ||
			    at_y >= (int)coverage->height) {
				continue;
			}
			to = &coverage->pixels[(size_t)at_y * coverage->width + (size_t)at_x];
			for (unsigned channel = 0; channel < 3; channel++) {
				unsigned shift = 16 - 8 * channel;
				uint32_t old = *to >> shift & 0xff;

				if (from[channel] > old) {
					*to = (*to & ~(0xffu << shift)) | (uint32_t)from[channel]
										  << shift;
				}
			}
		}
	}
}

bool font_render(struct font *font, const char *text, uint32_t size, struct picture *ret_coverage)
{
	struct picture coverage = { .height = size + size / 2 };
	FT_Pos pen = 64;

	FT_Set_Pixel_Sizes(font->face, 0, size);
	coverage.width = measure(font, text);
	coverage.pixels = calloc((size_t)coverage.width * coverage.height, sizeof(uint32_t));
	if (coverage.pixels == NULL) {
		return false;
	}
	for (const char *c = text; *c != '\0'; c++) {
		FT_GlyphSlot glyph = font->face->glyph;

		if (FT_Load_Char(font->face, (FT_ULong)(unsigned char)*c, FT_LOAD_TARGET_LCD) !=
			    0 ||
		    FT_Render_Glyph(glyph, FT_RENDER_MODE_LCD) != 0) {
			continue;
		}
		place(&glyph->bitmap, (int)(pen >> 6) + glyph->bitmap_left,
		      (int)size - glyph->bitmap_top, &coverage);
		pen += glyph->advance.x;
	}
	*ret_coverage = coverage;
	return true;
}

void font_gamma_table(uint8_t ret_table[16 * 512])
{
	for (int row = 0; row < 16; row++) {
		double exponent = 1.0 + row / 8.0;

		for (int v = 0; v < 256; v++) {
			ret_table[row * 512 + v] = (uint8_t)lround(255 * pow(v / 255.0, exponent));
			ret_table[row * 512 + 256 + v] =
				(uint8_t)lround(255 * pow(v / 255.0, 1 / exponent));
		}
	}
}
