/* SPDX-License-Identifier: MIT */
/*
 * Golden images: a picture drawn with every GDI operation out of patterns of our own, step by step.
 * After each step the engine's picture is the reference's, and its hash the committed one. With
 * PENSTOCK_GOLDEN_DIR each step is written there as PPM, to be looked at.
 */
#include "tests/gpu/machine.h"
#include "tests/gpu/record.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WIDTH  96
#define HEIGHT 64

#define CANVAS_OFFSET (0u)
#define TILE_OFFSET   (64u << 10)
#define GLYPH_OFFSET  (96u << 10)
#define GAMMA_OFFSET  (128u << 10)
#define MEMORY_BYTES  (256u << 10)

enum { TILE = 16, GLYPH_WIDTH = 40, GLYPH_HEIGHT = 12 };

static struct machine machine;
static struct stream stream;
static uint8_t *memory;

static struct reference_surface canvas, tile, glyph, gamma_table;

/* ---------------------------------------------------------------- patterns */

/* A disc that fades to its edge, premultiplied. */
static void draw_tile(void)
{
	for (int y = 0; y < TILE; y++) {
		for (int x = 0; x < TILE; x++) {
			int dx = 2 * x - TILE + 1, dy = 2 * y - TILE + 1;
			int alpha = 255 - (dx * dx + dy * dy) * 255 / (TILE * TILE);
			uint32_t a = alpha < 0 ? 0 : (uint32_t)alpha;

			penstock_store32(tile.bytes + y * tile.pitch + 4 * x,
					 a << 24 | (a * (uint32_t)x / TILE) << 16 |
						 (a * (uint32_t)y / TILE) << 8 | a / 2);
		}
	}
}

/* Slanted strokes with soft edges, a coverage for each channel. */
static void draw_glyph(void)
{
	for (int y = 0; y < GLYPH_HEIGHT; y++) {
		for (int x = 0; x < GLYPH_WIDTH; x++) {
			uint32_t k[3];

			for (int c = 0; c < 3; c++) {
				int phase = (3 * x + c + 2 * y) % 24;

				k[c] = phase < 8 ? 255
						 : (phase < 12 ? (uint32_t)(12 - phase) * 51 : 0);
			}
			penstock_store32(glyph.bytes + y * glyph.pitch + 4 * x,
					 k[0] << 16 | k[1] << 8 | k[2]);
		}
	}
}

/* Row g is a curve between linear and quadratic; its inverse is looked up. */
static void draw_gamma(void)
{
	for (int g = 0; g < 16; g++) {
		uint8_t *row = gamma_table.bytes + g * gamma_table.pitch;

		for (int v = 0; v < 256; v++) {
			row[v] = (uint8_t)((v * (16 - g) + v * v / 255 * g) / 16);
		}
		for (int v = 0; v < 256; v++) {
			int inverse = 0;

			while (inverse < 255 && row[inverse] < v) {
				inverse++;
			}
			row[256 + v] = (uint8_t)inverse;
		}
	}
}

static void setup(void)
{
	machine_start(&machine);
	stream.used = 0;
	memory = calloc(1, MEMORY_BYTES);
	ck_assert_ptr_nonnull(memory);
	canvas = (struct reference_surface){ memory + CANVAS_OFFSET, WIDTH, HEIGHT, WIDTH * 4,
					     REFERENCE_X8R8G8B8 };
	tile = (struct reference_surface){ memory + TILE_OFFSET, TILE, TILE, TILE * 4,
					   REFERENCE_A8R8G8B8 };
	glyph = (struct reference_surface){ memory + GLYPH_OFFSET, GLYPH_WIDTH, GLYPH_HEIGHT,
					    GLYPH_WIDTH * 4, REFERENCE_X8R8G8B8 };
	gamma_table =
		(struct reference_surface){ memory + GAMMA_OFFSET, 512, 16, 512, REFERENCE_A8 };
	draw_tile();
	draw_glyph();
	draw_gamma();
	memcpy(machine.local, memory, MEMORY_BYTES);
}

static void teardown(void)
{
	free(memory);
	machine_stop(&machine);
}

/* ---------------------------------------------------------------- the picture */

#define RECT(l, t, r, b) ((const struct reference_rect[]){ { l, t, r, b } }), .sub_rect_count = 1
#define TILE_RECT                                                                                  \
	{                                                                                          \
		0, 0, TILE, TILE                                                                   \
	}

struct step {
	const char *name;
	uint64_t hash; /* FNV-1a of the canvas after it */
	struct reference_record record;
};

static const struct step steps[] = {
	{ "background",
	  0x3dc9074e17dde325,
	  { .operation = REFERENCE_COLORFILL,
	    .color = 0xff204060,
	    .rop3 = 0xf0,
	    .sub_rects = RECT(0, 0, WIDTH, HEIGHT) } },
	{ "checks",
	  0x4162ac3f9fcde325,
	  { .operation = REFERENCE_COLORFILL,
	    .color = 0x00303030,
	    .rop3 = 0x5a,
	    .sub_rects = (const struct reference_rect[]){ { 0, 0, 48, 32 },
							  { 48, 32, 96, 64 },
							  { 8, 8, 88, 56 } },
	    .sub_rect_count = 3 } },
	{ "tile",
	  0x4411bdd0b7dff515,
	  { .operation = REFERENCE_BITBLT,
	    .source = &tile,
	    .source_rect = TILE_RECT,
	    .destination_rect = { 4, 4, 20, 20 },
	    .rop3 = 0xcc,
	    .sub_rects = RECT(4, 4, 20, 20) } },
	{ "scroll",
	  0xdd0fdcc47893d120,
	  { .operation = REFERENCE_BITBLT,
	    .source = &canvas,
	    .source_rect = { 0, 0, 60, 40 },
	    .destination_rect = { 7, 3, 67, 43 },
	    .rop3 = 0xcc,
	    .sub_rects = RECT(7, 3, 67, 43) } },
	{ "stretch",
	  0x7684b9a071ef7410,
	  { .operation = REFERENCE_STRETCHBLT,
	    .source = &tile,
	    .source_rect = TILE_RECT,
	    .destination_rect = { 50, -6, 100, 30 },
	    .mode = 3,
	    .mirror_x = true,
	    .sub_rects = RECT(50, 0, 96, 30) } },
	{ "shrink",
	  0xf4076e0c42b8ee44,
	  { .operation = REFERENCE_STRETCHBLT,
	    .source = &glyph,
	    .source_rect = { 0, 0, GLYPH_WIDTH, GLYPH_HEIGHT },
	    .destination_rect = { 2, 50, 20, 60 },
	    .mode = 2,
	    .mirror_y = true,
	    .sub_rects = RECT(2, 50, 20, 60) } },
	{ "blend",
	  0xfa56930fa19307ef,
	  { .operation = REFERENCE_ALPHABLEND,
	    .source = &tile,
	    .source_rect = TILE_RECT,
	    .destination_rect = { 20, 20, 68, 60 },
	    .constant_alpha = 200,
	    .source_has_alpha = true,
	    .sub_rects = RECT(20, 20, 68, 60) } },
	{ "fade",
	  0x492bef0692a78c49,
	  { .operation = REFERENCE_ALPHABLEND,
	    .source = &glyph,
	    .source_rect = { 0, 0, GLYPH_WIDTH, GLYPH_HEIGHT },
	    .destination_rect = { 50, 34, 90, 46 },
	    .constant_alpha = 77,
	    .sub_rects = RECT(50, 34, 90, 46) } },
	{ "key",
	  0xe2696a372755331e,
	  { .operation = REFERENCE_TRANSPARENTBLT,
	    .source = &glyph,
	    .source_rect = { 0, 0, GLYPH_WIDTH, GLYPH_HEIGHT },
	    .destination_rect = { 6, 40, 46, 64 },
	    .color = 0x00ffffff,
	    .sub_rects = RECT(6, 40, 46, 64) } },
	{ "text",
	  0xce248f85027ca2dc,
	  { .operation = REFERENCE_CLEARTYPEBLEND,
	    .source = &glyph,
	    .gamma_table = &gamma_table,
	    .gamma = 9,
	    .color = 0x00c0e0ff,
	    .color2 = 0x00d0f0ff,
	    .offset_x = -52,
	    .offset_y = -48,
	    .sub_rects = RECT(52, 48, 92, 60) } },
	{ "plain text",
	  0x4ca3ef9443708bc1,
	  { .operation = REFERENCE_CLEARTYPEBLEND,
	    .source = &glyph,
	    .gamma_table = &gamma_table,
	    .gamma = -1,
	    .color = 0x00101828,
	    .offset_x = -10,
	    .offset_y = -24,
	    .sub_rects = RECT(10, 24, 50, 36) } },
};

static uint64_t hash(const uint8_t *bytes, size_t count)
{
	uint64_t value = 0xcbf29ce484222325ull;

	for (size_t i = 0; i < count; i++) {
		value = (value ^ bytes[i]) * 0x100000001b3ull;
	}
	return value;
}

static void write_image(const char *name)
{
	const char *directory = getenv("PENSTOCK_GOLDEN_DIR");
	char path[4096];
	FILE *file;

	if (directory == NULL) {
		return;
	}
	snprintf(path, sizeof(path), "%s/%s.ppm", directory, name);
	file = fopen(path, "we");
	ck_assert_ptr_nonnull(file);
	fprintf(file, "P6\n%d %d\n255\n", WIDTH, HEIGHT);
	for (int i = 0; i < WIDTH * HEIGHT; i++) {
		const uint8_t *pixel = machine.local + CANVAS_OFFSET + 4 * i;

		fputc(pixel[2], file);
		fputc(pixel[1], file);
		fputc(pixel[0], file);
	}
	fclose(file);
}

START_TEST(A14_golden_images_are_unchanged)
{
	for (size_t i = 0; i < PENSTOCK_ARRAY_SIZE(steps); i++) {
		struct reference_record record = steps[i].record;
		uint64_t found;

		record.destination = &canvas;
		record_append(&stream, memory, &record, 0, record.sub_rect_count);
		ck_assert_int_eq(machine_run(&machine, &stream), PENSTOCK_OUTCOME_COMPLETED);
		reference_execute(&record);
		ck_assert_msg(memcmp(machine.local, memory, MEMORY_BYTES) == 0,
			      "'%s': not what the reference draws", steps[i].name);
		write_image(steps[i].name);
		found = hash(machine.local + CANVAS_OFFSET, WIDTH * HEIGHT * 4);
		ck_assert_msg(found == steps[i].hash, "'%s': 0x%016llx", steps[i].name,
			      (unsigned long long)found);
	}
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("images");
	TCase *tcase = tcase_create("images");

	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_add_test(tcase, A14_golden_images_are_unchanged);
	suite_add_tcase(suite, tcase);
	return penstock_test_main(suite);
}
