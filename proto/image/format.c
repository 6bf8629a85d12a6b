/* SPDX-License-Identifier: MIT */
#include "proto/image/format.h"

#include <string.h>

#define COLOR   PENSTOCK_ASPECT_COLOR
#define DEPTH   PENSTOCK_ASPECT_DEPTH
#define STENCIL PENSTOCK_ASPECT_STENCIL
#define BOTH    (PENSTOCK_ASPECT_DEPTH | PENSTOCK_ASPECT_STENCIL)

static const struct penstock_texel_format formats[PENSTOCK_TEXEL_FORMATS] = {
#define FORMAT(format_name, format_number, bytes, width, height, aspect, kind, count, depth,       \
	       stencil)                                                                            \
	[PENSTOCK_TEXEL_##format_name] = {                                                         \
		.name = #format_name,                                                              \
		.number = format_number,                                                           \
		.id = PENSTOCK_TEXEL_##format_name,                                                \
		.block_bytes = bytes,                                                              \
		.block_width = width,                                                              \
		.block_height = height,                                                            \
		.aspects = aspect,                                                                 \
		.numbers = PENSTOCK_TEXEL_##kind,                                                  \
		.components = count,                                                               \
		.depth_bytes = depth,                                                              \
		.stencil_bytes = stencil,                                                          \
	},
#include "proto/image/formats.def"
#undef FORMAT
};

/* Row + 1 by the number modulo this, which is another for each of them; 0: none of ours. */
#define MODULUS 201u

static const uint8_t rows[MODULUS] = {
#define FORMAT(name, number, ...) [(number) % MODULUS] = PENSTOCK_TEXEL_##name + 1,
#include "proto/image/formats.def"
#undef FORMAT
};

_Static_assert(PENSTOCK_TEXEL_FORMATS < 255, "a row is a byte");

const struct penstock_texel_format *penstock_texel_format_at(uint32_t id)
{
	PENSTOCK_REQUIRE(id < PENSTOCK_TEXEL_FORMATS);
	return &formats[id];
}

const struct penstock_texel_format *penstock_texel_format_get(uint32_t number)
{
	uint8_t row = rows[number % MODULUS];

	return row != 0 && formats[row - 1].number == number ? &formats[row - 1] : NULL;
}

const struct penstock_texel_format *penstock_texel_format_by_name(const char *name)
{
	for (uint32_t i = 0; i < PENSTOCK_TEXEL_FORMATS; i++) {
		if (strcmp(formats[i].name, name) == 0) {
			return &formats[i];
		}
	}
	return NULL;
}

bool penstock_texel_format_is_slow(const struct penstock_texel_format *format)
{
	return format->block_width > 1 && format->number >= PENSTOCK_VK_BC6H_UFLOAT_BLOCK;
}
