/* SPDX-License-Identifier: MIT */
#include "proto/image/image.h"

#include "proto/wire/limits.h"

/* VkImageType, VkImageTiling, VkImageCreateFlagBits, VkFormatFeatureFlagBits2 */
enum { TYPE_1D, TYPE_2D, TYPE_3D };
enum { TILING_OPTIMAL, TILING_LINEAR };
#define CREATE_MUTABLE_FORMAT 0x08u
#define CREATE_CUBE           0x10u
#define CREATE_2D_ARRAY_OF_3D 0x20u
#define CREATE_KNOWN          (CREATE_MUTABLE_FORMAT | CREATE_CUBE | CREATE_2D_ARRAY_OF_3D)
#define FEATURE_COLOR_TARGET  0x080u
#define FEATURE_DEPTH_STENCIL 0x200u
/* Sampled, storage, targets, copied: a format that only blits know is of no image. */
#define FEATURES_OF_IMAGES 0xc283u

#define ROW_ALIGNMENT   64u /* bytes: the driver's cache line */
#define LEVEL_ALIGNMENT 64u
#define TILE_TEXELS     4u /* extents are rounded up to what the rasterizer does at once */
#define SAMPLES         4u /* of a multisampled image */

static enum penstock_status wrong(struct penstock_errbuf *reterr_text, const char *what,
				  uint32_t value, uint32_t most)
{
	penstock_errbuf_set(reterr_text, "an image of %s %u: at most %u", what, value, most);
	return PENSTOCK_STATUS_INVALID_PARAMETER;
}

static enum penstock_status refuse(struct penstock_errbuf *reterr_text, const char *why)
{
	penstock_errbuf_set(reterr_text, "%s", why);
	return PENSTOCK_STATUS_INVALID_PARAMETER;
}

static uint32_t at_level(uint32_t extent, uint32_t level)
{
	return extent >> level == 0 ? 1 : extent >> level;
}

/* ------------------------------------------------------------------ what can be */

static uint32_t full_chain(const struct penstock_image *image)
{
	uint32_t extent = image->width | image->height | image->depth;

	return 32u - (uint32_t)__builtin_clz(extent);
}

static enum penstock_status check_extents(const struct penstock_image *image,
					  struct penstock_errbuf *reterr_text)
{
	const uint32_t most = image->type == TYPE_3D ? PENSTOCK_LIMIT_IMAGE_EXTENT_3D
						     : PENSTOCK_LIMIT_IMAGE_EXTENT;
	const struct {
		const char *what;
		uint32_t value;
		uint32_t most;
	} extents[] = {
		{ "width", image->width, most },
		{ "height", image->height, image->type == TYPE_1D ? 1 : most },
		{ "depth", image->depth, image->type == TYPE_3D ? most : 1 },
		{ "layers", image->layers,
		  image->type == TYPE_3D ? 1 : PENSTOCK_LIMIT_IMAGE_LAYERS },
	};

	for (uint32_t i = 0; i < PENSTOCK_ARRAY_SIZE(extents); i++) {
		if (extents[i].value == 0 || extents[i].value > extents[i].most) {
			return wrong(reterr_text, extents[i].what, extents[i].value,
				     extents[i].most);
		}
	}
	if (image->levels == 0 || image->levels > full_chain(image)) {
		return wrong(reterr_text, "levels", image->levels, full_chain(image));
	}
	return PENSTOCK_STATUS_SUCCESS;
}

static enum penstock_status check(const struct penstock_image *image,
				  const struct penstock_texel_format *format,
				  struct penstock_errbuf *reterr_text)
{
	if (format == NULL) {
		return refuse(reterr_text, "a format that no image has");
	}
	if (image->type > TYPE_3D || image->tiling > TILING_LINEAR ||
	    (image->flags & ~CREATE_KNOWN) != 0) {
		return refuse(reterr_text, "an unknown type, tiling or flag of an image");
	}
	if (image->samples != 1 &&
	    (image->samples != SAMPLES || image->type != TYPE_2D || image->levels != 1 ||
	     image->tiling != TILING_OPTIMAL || (image->flags & CREATE_CUBE) != 0)) {
		return refuse(reterr_text, "samples: 1, or 4 of a 2D image of one level that is no "
					   "cube and of optimal tiling");
	}
	if ((image->flags & CREATE_CUBE) != 0 &&
	    (image->type != TYPE_2D || image->width != image->height || image->layers < 6)) {
		return refuse(reterr_text, "a cube is a square 2D image of six layers at least");
	}
	if ((image->flags & CREATE_2D_ARRAY_OF_3D) != 0 && image->type != TYPE_3D) {
		return refuse(reterr_text, "2D arrays can be made of a 3D image only");
	}
	return check_extents(image, reterr_text);
}

/* ------------------------------------------------------------------ where it lies */

static uint32_t blocks(uint32_t texels, uint32_t block, bool tiled)
{
	uint32_t rounded = tiled ? (uint32_t)penstock_align_up(texels, TILE_TEXELS) : texels;

	return (rounded + block - 1) / block;
}

static void lay_level_out(const struct penstock_image *image,
			  const struct penstock_texel_format *format, uint32_t level,
			  uint64_t offset, struct penstock_image_level *ret_level)
{
	uint32_t width = at_level(image->width, level);
	uint32_t height = at_level(image->height, level);
	uint32_t depth = at_level(image->depth, level);
	uint64_t row = penstock_align_up((uint64_t)blocks(width, format->block_width, true) *
						 format->block_bytes,
					 format->block_width > 1 ? 1 : ROW_ALIGNMENT);
	uint64_t layer = row * blocks(height, format->block_height, image->type != TYPE_1D);

	*ret_level = (struct penstock_image_level){
		.offset = offset,
		.layer_bytes = layer,
		.bytes = layer * (image->type == TYPE_3D ? depth : image->layers),
		.row_bytes = (uint32_t)row,
		.width = width,
		.height = height,
		.depth = depth,
	};
}

enum penstock_status penstock_image_lay_out(const struct penstock_image *image,
					    struct penstock_image_layout *ret_layout,
					    struct penstock_errbuf *reterr_text)
{
	const struct penstock_texel_format *format = penstock_texel_format_get(image->format);
	enum penstock_status status = check(image, format, reterr_text);
	uint64_t offset = 0;

	if (status != PENSTOCK_STATUS_SUCCESS) {
		return status;
	}
	ret_layout->format = format;
	for (uint32_t level = 0; level < image->levels; level++) {
		lay_level_out(image, format, level, offset, &ret_layout->levels[level]);
		offset += penstock_align_up(ret_layout->levels[level].bytes, LEVEL_ALIGNMENT);
	}
	ret_layout->sample_bytes = offset;
	ret_layout->bytes = offset * image->samples;
	return PENSTOCK_STATUS_SUCCESS;
}

enum penstock_status penstock_image_supported(const struct penstock_image *image,
					      const struct penstock_image_layout *layout,
					      const struct penstock_format_features *features,
					      struct penstock_errbuf *reterr_text)
{
	const struct penstock_format_features *of = &features[layout->format->id];
	uint64_t have = image->tiling == TILING_LINEAR ? of->linear : of->optimal;

	if ((have & FEATURES_OF_IMAGES) == 0 ||
	    (image->samples > 1 && (have & (FEATURE_COLOR_TARGET | FEATURE_DEPTH_STENCIL)) == 0)) {
		penstock_errbuf_set(reterr_text,
				    "the adapter has no %s image of format %s with %u samples",
				    image->tiling == TILING_LINEAR ? "linear" : "optimal",
				    layout->format->name, image->samples);
		return PENSTOCK_STATUS_NOT_SUPPORTED;
	}
	return PENSTOCK_STATUS_SUCCESS;
}
