/* SPDX-License-Identifier: MIT */
/*
 * The formats of texels that the emulated GPU may have: one table, by the numbers of Vulkan's
 * formats. What an adapter does with each is asked of its driver (penstock_format_features).
 * Constant and pure; any thread.
 */
#ifndef PENSTOCK_IMAGE_FORMAT_H
#define PENSTOCK_IMAGE_FORMAT_H

#include "proto/base/base.h"

enum penstock_texel_format_id {
#define FORMAT(name, ...) PENSTOCK_TEXEL_##name,
#include "proto/image/formats.def"
#undef FORMAT
	PENSTOCK_TEXEL_FORMATS
};

/* VkFormat */
enum penstock_texel_format_number {
#define FORMAT(name, number, ...) PENSTOCK_VK_##name = number,
#include "proto/image/formats.def"
#undef FORMAT
};

/* What a shader reads a texel as; of depth and stencil formats that of their depth, or stencil. */
enum penstock_texel_number {
	PENSTOCK_TEXEL_FLOAT = 1,
	PENSTOCK_TEXEL_SIGNED,
	PENSTOCK_TEXEL_UNSIGNED
};

/* VkImageAspectFlagBits */
#define PENSTOCK_ASPECT_COLOR   1u
#define PENSTOCK_ASPECT_DEPTH   2u
#define PENSTOCK_ASPECT_STENCIL 4u

struct penstock_texel_format {
	const char *name; /* "R8G8B8A8_UNORM" */
	uint32_t number;  /* VkFormat */
	uint8_t id;       /* its row */
	uint8_t block_bytes;
	uint8_t block_width; /* texels; 1 where it is not compressed */
	uint8_t block_height;
	uint8_t aspects;     /* PENSTOCK_ASPECT_ */
	uint8_t numbers;     /* enum penstock_texel_number */
	uint8_t components;  /* 1..4 */
	uint8_t depth_bytes; /* of a texel in a buffer that the aspect is copied to; 0: not there */
	uint8_t stencil_bytes;
};

/* NULL: it is none of ours. Fast: a table look-up. */
const struct penstock_texel_format *penstock_texel_format_get(uint32_t number);

/* By its row, < PENSTOCK_TEXEL_FORMATS. */
const struct penstock_texel_format *penstock_texel_format_at(uint32_t id);

/* "R8G8B8A8_UNORM"; NULL where there is no such name. */
const struct penstock_texel_format *penstock_texel_format_by_name(const char *name);

/*
 * Whether it takes long to sample: a block is decoded for each texel that is looked at, where other
 * formats, older compressed ones among them, are read by generated code.
 */
bool penstock_texel_format_is_slow(const struct penstock_texel_format *format);

/* VkFormatProperties3: VkFormatFeatureFlags2 of a format, by what it is used in. */
struct penstock_format_features {
	uint64_t linear;
	uint64_t optimal;
	uint64_t buffer;
};

#endif
