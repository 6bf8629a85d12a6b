/* SPDX-License-Identifier: MIT */
/*
 * The images of a group, by their slots, and views of them. An image is an object of the driver at
 * an address: what is drawn into it is in memory, and another image of the same description there
 * is the same image. All are in VK_IMAGE_LAYOUT_GENERAL from the start: the driver ignores layouts
 * and transitions, so that nothing has to be transitioned from UNDEFINED, which would discard it.
 */
#ifndef PENSTOCK_IMAGES_H
#define PENSTOCK_IMAGES_H

#include "gpu-backend/emulated/gpu/engine.h"
#include "gpu-backend/emulated/gpu/objects.h"
#include "proto/image/image.h"

struct penstock_vulkan_image {
	VkImage image; /* VK_NULL_HANDLE: the slot is not defined */
	bool write;
	struct penstock_image description;
	const struct penstock_texel_format *format;
};

struct penstock_images {
	struct penstock_vulkan_image slots[PENSTOCK_LIMIT_GROUP_IMAGES];
};

/* Subresources of a view; `format` 0: the image's; `aspects` 0: all it has. */
struct penstock_view {
	uint32_t type; /* VkImageViewType */
	uint32_t format;
	uint32_t components; /* four bytes VkComponentSwizzle, r lowest */
	uint32_t aspects;
	uint32_t first_level, levels;
	uint32_t first_layer, layers;
};

/* No slot is defined. */
void penstock_images_forget(struct penstock_images *images);

/*
 * `fields` of image or image_write. COMPLETED; ILLEGAL: no image is so, the driver has none, or
 * wants more bytes for it than its layout says; PAGE_FAULT.
 */
PENSTOCK_MUST_CHECK
enum penstock_outcome penstock_images_define(struct penstock_engine *engine, const uint8_t *fields,
					     bool write);

/* NULL: the slot is none, or not defined. */
const struct penstock_vulkan_image *penstock_images_get(const struct penstock_images *images,
							uint32_t slot);

/* Whether the subresources are there. Layers of a 3D image are its slices at the level. */
bool penstock_image_has(const struct penstock_vulkan_image *image, uint32_t first_level,
			uint32_t levels, uint32_t first_layer, uint32_t layers);

/* Texels of a level; *ret_extent[2] is 1 but of a 3D image. */
void penstock_image_extent(const struct penstock_vulkan_image *image, uint32_t level,
			   uint32_t ret_extent[3]);

/* ILLEGAL: such a view cannot be of that image. */
PENSTOCK_MUST_CHECK
enum penstock_outcome penstock_images_view(struct penstock_objects *objects,
					   const struct penstock_vulkan_image *image,
					   const struct penstock_view *view, VkImageView *ret_view);

#endif
