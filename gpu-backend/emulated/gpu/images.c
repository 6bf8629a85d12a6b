/* SPDX-License-Identifier: MIT */
#include "gpu-backend/emulated/gpu/images.h"

#include "gpu-backend/dma.h"
#include "gpu-backend/emulated/gpu/parts.h"
#include "proto/isa/layout.h"

_Static_assert((int)PENSTOCK_DMA_IMAGE_slot == (int)PENSTOCK_DMA_IMAGE_WRITE_slot &&
		       (int)PENSTOCK_DMA_IMAGE_address == (int)PENSTOCK_DMA_IMAGE_WRITE_address &&
		       (int)PENSTOCK_DMA_IMAGE_tiling == (int)PENSTOCK_DMA_IMAGE_WRITE_tiling,
	       "both have the same fields");

void penstock_images_forget(struct penstock_images *images)
{
	for (uint32_t i = 0; i < PENSTOCK_LIMIT_GROUP_IMAGES; i++) {
		images->slots[i].image = VK_NULL_HANDLE;
	}
}

const struct penstock_vulkan_image *penstock_images_get(const struct penstock_images *images,
							uint32_t slot)
{
	return slot < PENSTOCK_LIMIT_GROUP_IMAGES && images->slots[slot].image != VK_NULL_HANDLE
		       ? &images->slots[slot]
		       : NULL;
}

static void read_description(const uint8_t *fields, struct penstock_image *ret_image)
{
	*ret_image = (struct penstock_image){
		.flags = penstock_load32(fields + PENSTOCK_DMA_IMAGE_flags),
		.type = penstock_load32(fields + PENSTOCK_DMA_IMAGE_type),
		.format = penstock_load32(fields + PENSTOCK_DMA_IMAGE_format),
		.width = penstock_load32(fields + PENSTOCK_DMA_IMAGE_width),
		.height = penstock_load32(fields + PENSTOCK_DMA_IMAGE_height),
		.depth = penstock_load32(fields + PENSTOCK_DMA_IMAGE_depth),
		.levels = penstock_load32(fields + PENSTOCK_DMA_IMAGE_levels),
		.layers = penstock_load32(fields + PENSTOCK_DMA_IMAGE_layers),
		.samples = penstock_load32(fields + PENSTOCK_DMA_IMAGE_samples),
		.tiling = penstock_load32(fields + PENSTOCK_DMA_IMAGE_tiling),
	};
}

/* Every usage that the format's features permit: none is carried. */
static VkImageUsageFlags usage_of(uint64_t features)
{
	static const struct {
		uint64_t feature;
		VkImageUsageFlags usage;
	} usages[] = {
		{ VK_FORMAT_FEATURE_2_SAMPLED_IMAGE_BIT, VK_IMAGE_USAGE_SAMPLED_BIT },
		{ VK_FORMAT_FEATURE_2_STORAGE_IMAGE_BIT, VK_IMAGE_USAGE_STORAGE_BIT },
		{ VK_FORMAT_FEATURE_2_COLOR_ATTACHMENT_BIT,
		  VK_IMAGE_USAGE_COLOR_ATTACHMENT_BIT | VK_IMAGE_USAGE_INPUT_ATTACHMENT_BIT },
		{ VK_FORMAT_FEATURE_2_DEPTH_STENCIL_ATTACHMENT_BIT,
		  VK_IMAGE_USAGE_DEPTH_STENCIL_ATTACHMENT_BIT |
			  VK_IMAGE_USAGE_INPUT_ATTACHMENT_BIT },
	};
	VkImageUsageFlags usage = VK_IMAGE_USAGE_TRANSFER_SRC_BIT | VK_IMAGE_USAGE_TRANSFER_DST_BIT;

	for (uint32_t i = 0; i < PENSTOCK_ARRAY_SIZE(usages); i++) {
		if ((features & usages[i].feature) != 0) {
			usage |= usages[i].usage;
		}
	}
	return usage;
}

static VkResult create(struct penstock_objects *objects, const struct penstock_image *from,
		       const struct penstock_texel_format *format, VkImage *ret_image)
{
	const struct penstock_vulkan_device *device = objects->device;
	const struct penstock_format_features *features = &device->formats[format->id];
	const VkExternalMemoryImageCreateInfo external = {
		.sType = VK_STRUCTURE_TYPE_EXTERNAL_MEMORY_IMAGE_CREATE_INFO,
		.handleTypes = VK_EXTERNAL_MEMORY_HANDLE_TYPE_HOST_ALLOCATION_BIT_EXT,
	};
	const VkImageCreateInfo info = {
		.sType = VK_STRUCTURE_TYPE_IMAGE_CREATE_INFO,
		.pNext = &external,
		.flags = from->flags,
		.imageType = (VkImageType)from->type,
		.format = (VkFormat)from->format,
		.extent = { from->width, from->height, from->depth },
		.mipLevels = from->levels,
		.arrayLayers = from->layers,
		.samples = (VkSampleCountFlagBits)from->samples,
		.tiling = (VkImageTiling)from->tiling,
		.usage = usage_of(from->tiling == VK_IMAGE_TILING_LINEAR ? features->linear
									 : features->optimal),
	};
	VkResult result = device->calls.CreateImage(device->device, &info, NULL, ret_image);

	return penstock_objects_add(objects, PENSTOCK_OBJECT_IMAGE, *ret_image, result);
}

enum penstock_outcome penstock_images_define(struct penstock_engine *engine, const uint8_t *fields,
					     bool write)
{
	struct penstock_vulkan *vulkan = engine->vulkan;
	const struct penstock_vulkan_device *device = vulkan->objects.device;
	uint32_t slot = penstock_load32(fields + PENSTOCK_DMA_IMAGE_slot);
	uint64_t address = penstock_load64(fields + PENSTOCK_DMA_IMAGE_address), offset;
	struct penstock_vulkan_image image = { .write = write };
	struct penstock_image_layout layout;
	VkMemoryRequirements needs;
	VkDeviceMemory memory;

	read_description(fields, &image.description);
	if (slot >= PENSTOCK_LIMIT_GROUP_IMAGES || address % PENSTOCK_IMAGE_ALIGNMENT != 0 ||
	    penstock_image_lay_out(&image.description, &layout, NULL) != PENSTOCK_STATUS_SUCCESS ||
	    penstock_image_supported(&image.description, &layout, device->formats, NULL) !=
		    PENSTOCK_STATUS_SUCCESS) {
		return PENSTOCK_OUTCOME_ILLEGAL;
	}
	if (penstock_engine_range(engine, address, layout.bytes, write) == NULL) {
		return PENSTOCK_OUTCOME_PAGE_FAULT;
	}
	image.format = layout.format;
	if (create(&vulkan->objects, &image.description, image.format, &image.image) !=
	    VK_SUCCESS) {
		return PENSTOCK_OUTCOME_ILLEGAL;
	}
	device->calls.GetImageMemoryRequirements(device->device, image.image, &needs);
	memory = penstock_objects_place(&vulkan->objects, engine->mmu, address, &offset);
	if (needs.size > layout.bytes || offset % needs.alignment != 0 ||
	    device->calls.BindImageMemory(device->device, image.image, memory, offset) !=
		    VK_SUCCESS) {
		return PENSTOCK_OUTCOME_ILLEGAL;
	}
	vulkan->images.slots[slot] = image;
	return PENSTOCK_OUTCOME_COMPLETED;
}

/* ---------------------------------------------------------------- views */

static uint32_t at_level(uint32_t extent, uint32_t level)
{
	return extent >> level == 0 ? 1 : extent >> level;
}

void penstock_image_extent(const struct penstock_vulkan_image *image, uint32_t level,
			   uint32_t ret_extent[3])
{
	ret_extent[0] = at_level(image->description.width, level);
	ret_extent[1] = at_level(image->description.height, level);
	ret_extent[2] = at_level(image->description.depth, level);
}

bool penstock_image_has(const struct penstock_vulkan_image *image, uint32_t first_level,
			uint32_t levels, uint32_t first_layer, uint32_t layers)
{
	const struct penstock_image *is = &image->description;

	if (levels == 0 || layers == 0 || !penstock_range_fits(first_level, levels, is->levels)) {
		return false;
	}
	return penstock_range_fits(first_layer, layers,
				   is->type == VK_IMAGE_TYPE_3D ? at_level(is->depth, first_level)
								: is->layers);
}

/* Which types of views are of an image of a type, and how many layers they have. */
static const struct {
	uint32_t image_types; /* bits of VkImageType */
	uint32_t layers;      /* a multiple of it */
	bool is_array;
} view_types[] = {
	[VK_IMAGE_VIEW_TYPE_1D] = { 1u << VK_IMAGE_TYPE_1D, 1, false },
	[VK_IMAGE_VIEW_TYPE_2D] = { 1u << VK_IMAGE_TYPE_2D | 1u << VK_IMAGE_TYPE_3D, 1, false },
	[VK_IMAGE_VIEW_TYPE_3D] = { 1u << VK_IMAGE_TYPE_3D, 1, false },
	[VK_IMAGE_VIEW_TYPE_CUBE] = { 1u << VK_IMAGE_TYPE_2D, 6, false },
	[VK_IMAGE_VIEW_TYPE_1D_ARRAY] = { 1u << VK_IMAGE_TYPE_1D, 1, true },
	[VK_IMAGE_VIEW_TYPE_2D_ARRAY] = { 1u << VK_IMAGE_TYPE_2D | 1u << VK_IMAGE_TYPE_3D, 1,
					  true },
	[VK_IMAGE_VIEW_TYPE_CUBE_ARRAY] = { 1u << VK_IMAGE_TYPE_2D, 6, true },
};

static bool type_fits(const struct penstock_image *is, const struct penstock_view *view)
{
	if (view->type >= PENSTOCK_ARRAY_SIZE(view_types) ||
	    (view_types[view->type].image_types & 1u << is->type) == 0 ||
	    view->layers % view_types[view->type].layers != 0 ||
	    (!view_types[view->type].is_array && view->layers != view_types[view->type].layers)) {
		return false;
	}
	if (is->type == VK_IMAGE_TYPE_3D) {
		return view->type == VK_IMAGE_VIEW_TYPE_3D ||
		       (is->flags & VK_IMAGE_CREATE_2D_ARRAY_COMPATIBLE_BIT) != 0;
	}
	return view_types[view->type].layers != 6 ||
	       (is->flags & VK_IMAGE_CREATE_CUBE_COMPATIBLE_BIT) != 0;
}

static bool format_fits(const struct penstock_vulkan_image *image, uint32_t number)
{
	const struct penstock_texel_format *format = penstock_texel_format_get(number);

	return number == image->format->number ||
	       (format != NULL &&
		(image->description.flags & VK_IMAGE_CREATE_MUTABLE_FORMAT_BIT) != 0 &&
		format->aspects == PENSTOCK_ASPECT_COLOR &&
		image->format->aspects == PENSTOCK_ASPECT_COLOR &&
		format->block_bytes == image->format->block_bytes && format->block_width == 1 &&
		image->format->block_width == 1);
}

/* A view of a 3D image has its slices only where it is no view of a 3D type. */
static bool has(const struct penstock_vulkan_image *image, const struct penstock_view *view)
{
	if (view->type == VK_IMAGE_VIEW_TYPE_3D) {
		return view->first_layer == 0 &&
		       penstock_image_has(image, view->first_level, view->levels, 0, 1);
	}
	return penstock_image_has(image, view->first_level, view->levels, view->first_layer,
				  view->layers);
}

enum penstock_outcome penstock_images_view(struct penstock_objects *objects,
					   const struct penstock_vulkan_image *image,
					   const struct penstock_view *view, VkImageView *ret_view)
{
	const struct penstock_vulkan_device *device = objects->device;
	uint32_t format = view->format == 0 ? image->format->number : view->format;
	uint32_t aspects = penstock_aspects_of(image->format, view->aspects);
	VkImageViewCreateInfo info = {
		.sType = VK_STRUCTURE_TYPE_IMAGE_VIEW_CREATE_INFO,
		.image = image->image,
		.viewType = (VkImageViewType)view->type,
		.format = (VkFormat)format,
		.components = { (VkComponentSwizzle)(view->components & 0xff),
				(VkComponentSwizzle)(view->components >> 8 & 0xff),
				(VkComponentSwizzle)(view->components >> 16 & 0xff),
				(VkComponentSwizzle)(view->components >> 24) },
		.subresourceRange = { aspects, view->first_level, view->levels, view->first_layer,
				      view->layers },
	};
	VkResult result;

	for (uint32_t i = 0; i < 4; i++) {
		if ((view->components >> 8 * i & 0xff) > VK_COMPONENT_SWIZZLE_A) {
			return PENSTOCK_OUTCOME_ILLEGAL;
		}
	}
	if (!has(image, view) || !type_fits(&image->description, view) ||
	    !format_fits(image, format) || (aspects & ~(uint32_t)image->format->aspects) != 0) {
		return PENSTOCK_OUTCOME_ILLEGAL;
	}
	*ret_view = VK_NULL_HANDLE;
	result = device->calls.CreateImageView(device->device, &info, NULL, ret_view);
	return penstock_objects_add(objects, PENSTOCK_OBJECT_IMAGE_VIEW, *ret_view, result) ==
			       VK_SUCCESS
		       ? PENSTOCK_OUTCOME_COMPLETED
		       : PENSTOCK_OUTCOME_ILLEGAL;
}
