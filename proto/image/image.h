/* SPDX-License-Identifier: MIT */
/*
 * Where the texels of an image are: sizes and layouts as the emulated GPU has them, for render,
 * for the GPU and for clients. It is lavapipe's layout (llvmpipe_texture_layout), held against the
 * driver by a test, and again by the GPU whenever it makes an image: one that the driver would
 * have larger is not made.
 *
 * A level of all layers follows the level before; a layer is as large as another of its level; of
 * a multisampled image, all of one sample is behind all of the sample before. Constant and pure;
 * any thread.
 */
#ifndef PENSTOCK_IMAGE_H
#define PENSTOCK_IMAGE_H

#include "proto/graphics.h"
#include "proto/image/format.h"
#include "proto/wire/status.h"

struct penstock_image_level {
	uint64_t offset;               /* bytes from the image's start */
	uint64_t layer_bytes;          /* from a layer, or a slice of a 3D image, to the next */
	uint64_t bytes;                /* of all its layers or slices */
	uint32_t row_bytes;            /* from a row of blocks to the next */
	uint32_t width, height, depth; /* texels */
};

struct penstock_image_layout {
	const struct penstock_texel_format *format;
	uint64_t bytes;        /* of the whole image */
	uint64_t sample_bytes; /* from a sample to the next; `bytes` where there is one */
	struct penstock_image_level levels[PENSTOCK_LIMIT_MIP_LEVELS];
};

/*
 * SUCCESS; INVALID_PARAMETER: no image is so (a format that is none of ours, an extent or a count
 * that is 0 or beyond its limit, ...), and *reterr_text says why (may be NULL).
 */
PENSTOCK_MUST_CHECK
enum penstock_status penstock_image_lay_out(const struct penstock_image *image,
					    struct penstock_image_layout *ret_layout,
					    struct penstock_errbuf *reterr_text);

/*
 * Whether an adapter with these features of its formats, [PENSTOCK_TEXEL_FORMATS], can have the
 * image; it was laid out.
 */
PENSTOCK_MUST_CHECK
enum penstock_status penstock_image_supported(const struct penstock_image *image,
					      const struct penstock_image_layout *layout,
					      const struct penstock_format_features *features,
					      struct penstock_errbuf *reterr_text);

/* The aspects of a format that a copy or a view of `aspects` means: 0 is all it has. */
static inline uint32_t penstock_aspects_of(const struct penstock_texel_format *format,
					   uint32_t aspects)
{
	return aspects == 0 ? format->aspects : aspects;
}

#endif
