/* SPDX-License-Identifier: MIT */
/*
 * Images of a group by their slots, and views of them: what a descriptor, a target or a transfer
 * names is there, in a format that the adapter has for it. Private to render.
 */
#ifndef PENSTOCK_RENDER_IMAGES_H
#define PENSTOCK_RENDER_IMAGES_H

#include "daemon/render/walk.h"
#include "proto/graphics.h"
#include "proto/image/format.h"
#include "proto/image/image.h"
#include "proto/wire/limits.h"

/* VkImageType, VkImageCreateFlagBits */
enum { PENSTOCK_IMAGE_1D, PENSTOCK_IMAGE_2D, PENSTOCK_IMAGE_3D };
#define PENSTOCK_IMAGE_MUTABLE     0x08u
#define PENSTOCK_IMAGE_CUBE        0x10u
#define PENSTOCK_IMAGE_ARRAY_OF_3D 0x20u

/* VkImageViewType */
enum penstock_view_type {
	PENSTOCK_VIEW_1D,
	PENSTOCK_VIEW_2D,
	PENSTOCK_VIEW_3D,
	PENSTOCK_VIEW_CUBE,
	PENSTOCK_VIEW_1D_ARRAY,
	PENSTOCK_VIEW_2D_ARRAY,
	PENSTOCK_VIEW_CUBE_ARRAY,
	PENSTOCK_VIEW_TYPES
};

/* VkFormatFeatureFlagBits2 */
#define PENSTOCK_FEATURE_SAMPLED              0x0001u
#define PENSTOCK_FEATURE_STORAGE              0x0002u
#define PENSTOCK_FEATURE_UNIFORM_TEXEL_BUFFER 0x0008u
#define PENSTOCK_FEATURE_STORAGE_TEXEL_BUFFER 0x0010u
#define PENSTOCK_FEATURE_COLOR_TARGET         0x0080u
#define PENSTOCK_FEATURE_DEPTH_STENCIL        0x0200u
#define PENSTOCK_FEATURE_BLIT_SOURCE          0x0400u
#define PENSTOCK_FEATURE_BLIT_DESTINATION     0x0800u
#define PENSTOCK_FEATURE_LINEAR_FILTER        0x1000u
#define PENSTOCK_FEATURE_COPY_SOURCE          0x4000u
#define PENSTOCK_FEATURE_COPY_DESTINATION     0x8000u
#define PENSTOCK_FEATURE_MINMAX_FILTER        0x10000u
#define PENSTOCK_FEATURE_DEPTH_COMPARISON     0x200000000ull

/* An image as a slot has it. */
struct penstock_image_slot {
	struct penstock_image image;
	const struct penstock_texel_format *format;
	uint64_t features; /* of the format in the image's tiling */
	bool writable;
};

struct penstock_image_slots {
	uint64_t defined; /* a bit for each */
	struct penstock_image_slot slots[PENSTOCK_LIMIT_GROUP_IMAGES];
};
_Static_assert(PENSTOCK_LIMIT_GROUP_IMAGES == 64, "a bit for each in one word");

/* What a descriptor is given of an image. */
struct penstock_view {
	const struct penstock_texel_format *format;
	uint64_t features;
	uint8_t type;   /* enum penstock_view_type */
	uint8_t number; /* enum penstock_texel_number, of the aspect */
	bool multisampled;
	bool writable;
	bool plain;  /* no component is another's */
	bool single; /* one level, one layer */
};

/* Fills the slot that the image or image_write at `bytes` says, which its handler took. */
void penstock_render_slots_define(const struct penstock_walk *walk,
				  struct penstock_image_slots *slots, const uint8_t *bytes);

/* Whether that slot is filled already. */
bool penstock_render_slots_has(const struct penstock_image_slots *slots, const uint8_t *bytes);

/* NULL: refused; `operand` of the instruction at `bytes` names no image, or, `written`, no
 * writable. */
const struct penstock_image_slot *
penstock_render_slots_get(struct penstock_walk *walk, const struct penstock_image_slots *slots,
			  const uint8_t *bytes, const char *operand, uint32_t index, bool written);

/* The format in which the image is looked at: its own for 0, or one like it. NULL: refused. */
const struct penstock_texel_format *
penstock_render_image_viewed_as(struct penstock_walk *walk, const uint8_t *bytes,
				const char *operand, const struct penstock_image_slot *slot,
				uint32_t number);

/* What the adapter does with the image, looked at in the format. */
uint64_t penstock_render_image_features(const struct penstock_walk *walk,
					const struct penstock_image_slot *slot,
					const struct penstock_texel_format *format);

/* The bind_image at `bytes`, which its handler took; false: refused. */
bool penstock_render_view_make(struct penstock_walk *walk, const struct penstock_image_slots *slots,
			       const uint8_t *bytes, struct penstock_view *ret_view);

/* `count` from `first` on are there of `have`; false: refused, by `operand`. */
bool penstock_render_image_part(struct penstock_walk *walk, const uint8_t *bytes,
				const char *operand, const char *what, uint32_t first,
				uint32_t count, uint32_t have);

/* `aspects`, 0: all, as the format has them; 0: refused. */
uint32_t penstock_render_image_aspects(struct penstock_walk *walk, const uint8_t *bytes,
				       const char *operand,
				       const struct penstock_texel_format *format,
				       uint32_t aspects);

static inline uint32_t penstock_at_level(uint32_t extent, uint32_t level)
{
	return extent >> level == 0 ? 1 : extent >> level;
}

/* Layers that a target's view can have: slices of a 3D image at that level. */
static inline uint32_t penstock_render_image_slices(const struct penstock_image *image,
						    uint32_t level)
{
	return image->type == PENSTOCK_IMAGE_3D ? penstock_at_level(image->depth, level)
						: image->layers;
}

#endif
