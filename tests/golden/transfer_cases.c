/* SPDX-License-Identifier: MIT */
/* Transfers of images of every kind. */
#include "tests/golden/graphics_parts.h"

/* ---------------------------------------------------------------- depth and stencil */

static const struct {
	uint32_t format, aspects;
} depths[GRAPHICS_DEPTHS] = { { 124, 2 }, { 125, 2 }, { 126, 2 }, { 127, 4 },
			      { 129, 2 }, { 129, 4 }, { 130, 2 }, { 130, 4 } };

/* Bytes that are a depth between 0 and 1, or a stencil value, in every format. */
static uint64_t put_noise(struct canvas *canvas, uint32_t size)
{
	uint64_t address = canvas_room(canvas, size);
	struct machine_random random = { .state = 11 };

	for (uint32_t i = 0; i < size; i++) {
		canvas->memory[address - PENSTOCK_LOCAL_BASE + i] =
			(uint8_t)(machine_random(&random) & 0x3f);
	}
	return address;
}

/* From a buffer, to another image, and from both to a buffer. */
void graphics_depth_copies(struct canvas *canvas, uint32_t variant)
{
	const uint32_t format = depths[variant].format, aspects = depths[variant].aspects;
	const struct penstock_texel_format *is = penstock_texel_format_get(format);
	const uint32_t bytes = aspects == 2 ? is->depth_bytes : is->stencil_bytes;
	struct penstock_image description = canvas_describe(format, 40, 24);
	struct canvas_image source, destination;
	uint64_t from;

	if (!canvas_has(canvas, format, CANVAS_COPIED)) {
		return;
	}
	description.layers = 2;
	source = canvas_place(canvas, description);
	destination = canvas_place(canvas, description);
	for (uint32_t i = 0; i < 2; i++) {
		canvas_slot(canvas, 0, i == 0 ? &source : &destination, true);
		ROW(canvas, CLEAR_IMAGE, 0, 0, 0, 1, 0, 2, canvas_bits(0.25f), 0x3c);
	}
	from = put_noise(canvas, 32 * 16 * 2 * bytes);
	canvas_slot(canvas, 0, &source, true);
	ROW(canvas, COPY_BUFFER_TO_IMAGE, 0, (uint32_t)from, (uint32_t)(from >> 32),
	    32 * 16 * 2 * bytes, 0, 0, 0, 0, aspects, 0, 0, 2, 4, 3, 0, 32, 16, 1);
	canvas_slot(canvas, 0, &source, false);
	canvas_slot(canvas, 1, &destination, true);
	ROW(canvas, COPY_IMAGE, 0, 1, 1, is->aspects, 0, 1, is->aspects, 0, 0, 2, 1, 0, 5, 7, 0, 20,
	    11, 1);
	for (uint32_t aspect = 2; aspect <= 4; aspect *= 2) {
		if ((is->aspects & aspect) != 0) {
			canvas_read_back(canvas, &source, 0, aspect);
			canvas_read_back(canvas, &destination, 0, aspect);
		}
	}
}

/* ---------------------------------------------------------------- slices */

/* Each level of a 3D image of the one before, and slices as layers of another. */
void graphics_slices(struct canvas *canvas, uint32_t variant)
{
	struct penstock_image description = canvas_describe(RGBA8, 16, 8);
	struct canvas_image image, layers;

	description.layers = 6;
	layers = canvas_place(canvas, description);
	description.layers = 1;
	description.type = 2; /* 3D */
	description.depth = 16;
	description.levels = 5;
	image = canvas_place(canvas, description);
	canvas_pattern(canvas, &image);
	canvas_pattern(canvas, &layers);
	for (uint32_t level = 1; level < 5; level++) {
		const uint32_t across = 16u >> level, down = 8u >> level == 0 ? 1 : 8u >> level;

		canvas_slot(canvas, 0, &image, true);
		ROW(canvas, BLIT_IMAGE, 0, 0, 1, variant, 0, level - 1, 0, level, 0, 0, 0, 0,
		    across * 2, level == 4 ? 1 : down * 2, across * 2, 0, 0, 0, across, down,
		    across);
	}
	for (uint32_t level = 0; level < 5; level++) {
		canvas_read_back(canvas, &image, level, 0);
	}
	/* Slices to layers, and back to others. */
	canvas_slot(canvas, 0, &image, true);
	canvas_slot(canvas, 1, &layers, true);
	ROW(canvas, COPY_IMAGE, 0, 1, 1, 0, 0, 0, 0, 0, 1, 2, 1, 3, 4, 0, 0, 9, 6, 4);
	canvas_slot(canvas, 0, &image, true);
	canvas_slot(canvas, 1, &layers, true);
	ROW(canvas, COPY_IMAGE, 1, 0, 3, 0, 0, 2, 0, 0, 0, 4, 0, 0, 0, 1, 11, 9, 6, 1);
	canvas_read_back(canvas, &layers, 0, 0);
	canvas_read_back(canvas, &image, 0, 0);
}

/* ---------------------------------------------------------------- clears */

/* Of all that can be a target, in each format, and of some that cannot. */
static const struct {
	uint32_t format, aspects, samples;
} cleared[GRAPHICS_CLEARS] = {
	{ 4, 0, 1 },   { 9, 0, 1 },   { 10, 0, 1 },  { 13, 0, 1 },  { 16, 0, 1 },  { 37, 0, 1 },
	{ 37, 0, 4 },  { 38, 0, 1 },  { 41, 0, 1 },  { 42, 0, 1 },  { 43, 0, 1 },  { 44, 0, 1 },
	{ 50, 0, 1 },  { 58, 0, 1 },  { 64, 0, 1 },  { 68, 0, 1 },  { 70, 0, 1 },  { 76, 0, 1 },
	{ 91, 0, 1 },  { 92, 0, 1 },  { 95, 0, 1 },  { 97, 0, 1 },  { 98, 0, 1 },  { 99, 0, 1 },
	{ 100, 0, 1 }, { 103, 0, 1 }, { 107, 0, 1 }, { 108, 0, 1 }, { 109, 0, 4 }, { 122, 0, 1 },
	{ 123, 0, 1 }, { 124, 0, 1 }, { 125, 0, 1 }, { 126, 2, 1 }, { 126, 0, 1 }, { 127, 0, 1 },
	{ 129, 0, 1 }, { 129, 2, 1 }, { 129, 4, 1 }, { 130, 0, 1 }, { 130, 2, 1 }, { 130, 4, 1 }
};

/* A scope cleared it before; where there are several samples they are resolved. */
void graphics_all_clears(struct canvas *canvas, uint32_t variant)
{
	const uint32_t format = cleared[variant].format, aspects = cleared[variant].aspects;
	const struct penstock_texel_format *is = penstock_texel_format_get(format);
	const bool floats = is->numbers == PENSTOCK_TEXEL_FLOAT;
	struct penstock_image description = canvas_describe(format, 24, 11);
	struct canvas_image image, resolved;

	if (!canvas_has(canvas, format, CANVAS_COPIED)) {
		return;
	}
	description.layers = 3;
	resolved = canvas_place(canvas, description);
	description.samples = cleared[variant].samples;
	description.levels = description.samples > 1 ? 1 : 2;
	image = canvas_place(canvas, description);
	canvas_slot(canvas, 0, &resolved, true);
	ROW(canvas, CLEAR_IMAGE, 0, 0, 0, 1, 0, 3, 0, 0);
	canvas_slot(canvas, 0, &image, true);
	ROW(canvas, CLEAR_IMAGE, 0, 0, 0, description.levels, 0, 3, canvas_bits(0.75f), 3, 5, 9);
	canvas_slot(canvas, 0, &image, true);
	ROW(canvas, CLEAR_IMAGE, 0, aspects, 0, description.levels, 1, 2,
	    floats ? canvas_bits(0.3f) : 77, is->aspects == 1 && floats ? canvas_bits(0.6f) : 0xa5,
	    floats ? canvas_bits(0.1f) : (uint32_t)-3, floats ? canvas_bits(0.8f) : 2);
	if (description.samples > 1 && is->aspects == 1) {
		canvas_slot(canvas, 0, &image, false);
		canvas_slot(canvas, 1, &resolved, true);
		ROW(canvas, RESOLVE_IMAGE, 0, 1, 3, 0, 0, 0, 1, 2, 0, 1, 20, 9);
		canvas_read_back(canvas, &resolved, 0, 0);
	}
	for (uint32_t aspect = 1; description.samples == 1 && aspect <= 4; aspect *= 2) {
		for (uint32_t level = 0; (is->aspects & aspect) != 0 && level < 2; level++) {
			canvas_read_back(canvas, &image, level, aspect);
		}
	}
}
