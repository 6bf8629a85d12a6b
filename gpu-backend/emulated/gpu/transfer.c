/* SPDX-License-Identifier: MIT */
#include "gpu-backend/emulated/gpu/transfer.h"

#include "gpu-backend/emulated/gpu/parts.h"
#include "gpu-backend/emulated/gpu/submission.h"

#include <string.h>

/* More texels than this are worth waking the crew for. */
#define ALONE_TEXELS 65536u

struct transfer {
	struct penstock_engine *engine;
	struct penstock_vulkan *vulkan;
	const struct penstock_vulkan_device *device;
	const uint8_t *fields; /* of the ender */
};

/* A part of a level of an image, of all aspects that are meant. */
struct region {
	const struct penstock_vulkan_image *image;
	uint32_t aspects, level, first_layer, layers;
	VkOffset3D offset;
	VkExtent3D extent;
};

static uint32_t load(const struct transfer *transfer, uint32_t offset)
{
	return penstock_load32(transfer->fields + offset);
}

static VkOffset3D load_offset(const struct transfer *transfer, uint32_t offset)
{
	return (VkOffset3D){ (int32_t)load(transfer, offset), (int32_t)load(transfer, offset + 4),
			     (int32_t)load(transfer, offset + 8) };
}

static VkExtent3D load_extent(const struct transfer *transfer, uint32_t offset)
{
	return (VkExtent3D){ load(transfer, offset), load(transfer, offset + 4),
			     load(transfer, offset + 8) };
}

static const struct penstock_vulkan_image *image_at(const struct transfer *transfer,
						    uint32_t offset, bool write)
{
	const struct penstock_vulkan_image *image =
		penstock_images_get(&transfer->vulkan->images, load(transfer, offset));

	return image != NULL && (!write || image->write) ? image : NULL;
}

static VkImageSubresourceLayers layers_of(const struct region *region)
{
	return (VkImageSubresourceLayers){ region->aspects, region->level, region->first_layer,
					   region->layers };
}

/* ---------------------------------------------------------------- regions */

static bool layers_there(const struct region *region)
{
	const struct penstock_image *is = &region->image->description;

	return region->level < is->levels && region->layers > 0 &&
	       penstock_range_fits(region->first_layer, region->layers, is->layers) &&
	       region->aspects != 0 &&
	       (region->aspects & ~(uint32_t)region->image->format->aspects) == 0;
}

/* Of one dimension; whole blocks, but at the edge. */
static bool span_fits(int32_t offset, uint32_t size, uint32_t limit, uint32_t block)
{
	return offset >= 0 && size > 0 && penstock_range_fits((uint32_t)offset, size, limit) &&
	       (uint32_t)offset % block == 0 &&
	       (size % block == 0 || (uint32_t)offset + size == limit);
}

static bool region_fits(const struct region *region)
{
	uint32_t extent[3];

	if (region->image == NULL || !layers_there(region)) {
		return false;
	}
	penstock_image_extent(region->image, region->level, extent);
	return span_fits(region->offset.x, region->extent.width, extent[0],
			 region->image->format->block_width) &&
	       span_fits(region->offset.y, region->extent.height, extent[1],
			 region->image->format->block_height) &&
	       span_fits(region->offset.z, region->extent.depth, extent[2], 1);
}

/* ---------------------------------------------------------------- buffers and images */

_Static_assert((int)PENSTOCK_DMA_COPY_BUFFER_TO_IMAGE_address ==
			       (int)PENSTOCK_DMA_COPY_IMAGE_TO_BUFFER_address &&
		       (int)PENSTOCK_DMA_COPY_BUFFER_TO_IMAGE_image ==
			       (int)PENSTOCK_DMA_COPY_IMAGE_TO_BUFFER_image &&
		       (int)PENSTOCK_DMA_COPY_BUFFER_TO_IMAGE_depth ==
			       (int)PENSTOCK_DMA_COPY_IMAGE_TO_BUFFER_depth,
	       "both have the same fields");

/* Bytes of a block of the aspect in a buffer. */
static uint32_t block_bytes(const struct region *region)
{
	const struct penstock_texel_format *format = region->image->format;

	switch (region->aspects) {
	case PENSTOCK_ASPECT_DEPTH:
		return format->depth_bytes;
	case PENSTOCK_ASPECT_STENCIL:
		return format->stencil_bytes;
	default:
		return format->block_bytes;
	}
}

static uint64_t blocks(uint32_t texels, uint32_t block)
{
	return ((uint64_t)texels + block - 1) / block;
}

/* Bytes from the first to the last one of a region in a buffer; 0: it cannot lie so. */
static uint64_t span_of(const struct region *region, uint32_t row_length, uint32_t image_height)
{
	const struct penstock_texel_format *format = region->image->format;
	uint32_t row_texels = row_length == 0 ? region->extent.width : row_length;
	uint32_t rows = image_height == 0 ? region->extent.height : image_height;
	uint64_t row = blocks(row_texels, format->block_width);
	uint64_t slice = row * blocks(rows, format->block_height);
	uint64_t slices = (uint64_t)region->extent.depth * region->layers;

	if (row_texels < region->extent.width || rows < region->extent.height ||
	    row_texels > UINT16_MAX || rows > UINT16_MAX) {
		return 0;
	}
	return ((slices - 1) * slice +
		(blocks(region->extent.height, format->block_height) - 1) * row +
		blocks(region->extent.width, format->block_width)) *
	       block_bytes(region);
}

static enum penstock_outcome copy_buffer(const struct transfer *transfer, bool to_image)
{
	const struct penstock_vulkan_device *device = transfer->device;
	uint64_t address =
		penstock_load64(transfer->fields + PENSTOCK_DMA_COPY_BUFFER_TO_IMAGE_address);
	uint64_t size = penstock_load64(transfer->fields + PENSTOCK_DMA_COPY_BUFFER_TO_IMAGE_size);
	struct region region = {
		.image = image_at(transfer, PENSTOCK_DMA_COPY_BUFFER_TO_IMAGE_image, to_image),
		.level = load(transfer, PENSTOCK_DMA_COPY_BUFFER_TO_IMAGE_level),
		.first_layer = load(transfer, PENSTOCK_DMA_COPY_BUFFER_TO_IMAGE_first_layer),
		.layers = load(transfer, PENSTOCK_DMA_COPY_BUFFER_TO_IMAGE_layers),
		.offset = load_offset(transfer, PENSTOCK_DMA_COPY_BUFFER_TO_IMAGE_x),
		.extent = load_extent(transfer, PENSTOCK_DMA_COPY_BUFFER_TO_IMAGE_width),
	};
	VkBufferImageCopy copy = {
		.bufferRowLength = load(transfer, PENSTOCK_DMA_COPY_BUFFER_TO_IMAGE_row_length),
		.bufferImageHeight = load(transfer, PENSTOCK_DMA_COPY_BUFFER_TO_IMAGE_image_height),
		.imageOffset = region.offset,
		.imageExtent = region.extent,
	};
	struct penstock_object_range range;
	uint64_t span;

	if (region.image == NULL) {
		return PENSTOCK_OUTCOME_ILLEGAL;
	}
	region.aspects = penstock_aspects_of(
		region.image->format, load(transfer, PENSTOCK_DMA_COPY_BUFFER_TO_IMAGE_aspects));
	if (!region_fits(&region) || (region.aspects & (region.aspects - 1)) != 0 ||
	    region.image->description.samples != 1 || address % sizeof(uint32_t) != 0) {
		return PENSTOCK_OUTCOME_ILLEGAL;
	}
	span = span_of(&region, copy.bufferRowLength, copy.bufferImageHeight);
	if (span == 0 || span > size) {
		return PENSTOCK_OUTCOME_ILLEGAL;
	}
	if (penstock_engine_range(transfer->engine, address, size, !to_image) == NULL) {
		return PENSTOCK_OUTCOME_PAGE_FAULT;
	}
	if (penstock_objects_range(&transfer->vulkan->objects, transfer->vulkan->mmu, address, size,
				   &range) != VK_SUCCESS) {
		return PENSTOCK_OUTCOME_ILLEGAL;
	}
	copy.bufferOffset = range.offset;
	copy.imageSubresource = layers_of(&region);
	if (to_image) {
		device->calls.CmdCopyBufferToImage(device->commands, range.buffer,
						   region.image->image, VK_IMAGE_LAYOUT_GENERAL, 1,
						   &copy);
	} else {
		device->calls.CmdCopyImageToBuffer(device->commands, region.image->image,
						   VK_IMAGE_LAYOUT_GENERAL, range.buffer, 1, &copy);
	}
	return PENSTOCK_OUTCOME_COMPLETED;
}

static enum penstock_outcome copy_buffer_to_image(const struct transfer *transfer)
{
	return copy_buffer(transfer, true);
}

static enum penstock_outcome copy_image_to_buffer(const struct transfer *transfer)
{
	return copy_buffer(transfer, false);
}

/* ---------------------------------------------------------------- images */

/* Layers of the one may be slices of the other. */
static bool is_3d(const struct penstock_vulkan_image *image)
{
	return image->description.type == VK_IMAGE_TYPE_3D;
}

static uint32_t extent_in(uint32_t extent, uint32_t from, uint32_t to)
{
	return (uint32_t)(blocks(extent, from) * to);
}

/* The extent of the source's region is in its texels; the destination's in its own, by blocks. */
static void fit_destination(const struct region *source, struct region *destination)
{
	const struct penstock_texel_format *from = source->image->format;
	const struct penstock_texel_format *to = destination->image->format;
	uint32_t extent[3];

	if (from->block_width != to->block_width) {
		destination->extent.width =
			extent_in(source->extent.width, from->block_width, to->block_width);
		destination->extent.height =
			extent_in(source->extent.height, from->block_height, to->block_height);
		/* A last block of a compressed image is cut at the image's edge. */
		penstock_image_extent(destination->image, destination->level, extent);
		if (to->block_width > 1 && destination->offset.x >= 0 &&
		    destination->offset.y >= 0) {
			uint32_t x = (uint32_t)destination->offset.x;
			uint32_t y = (uint32_t)destination->offset.y;

			if (x < extent[0] && destination->extent.width > extent[0] - x &&
			    destination->extent.width - (extent[0] - x) < to->block_width) {
				destination->extent.width = extent[0] - x;
			}
			if (y < extent[1] && destination->extent.height > extent[1] - y &&
			    destination->extent.height - (extent[1] - y) < to->block_height) {
				destination->extent.height = extent[1] - y;
			}
		}
	}
	if (is_3d(source->image) && !is_3d(destination->image)) {
		destination->layers = source->extent.depth;
		destination->extent.depth = 1;
	} else if (!is_3d(source->image) && is_3d(destination->image)) {
		destination->extent.depth = source->layers;
		destination->layers = 1;
	}
}

/* Their blocks are as large, and what is copied is of one kind. */
static bool can_copy(const struct region *source, const struct region *destination)
{
	const struct penstock_texel_format *from = source->image->format;
	const struct penstock_texel_format *to = destination->image->format;

	return (from->aspects == PENSTOCK_ASPECT_COLOR) == (to->aspects == PENSTOCK_ASPECT_COLOR) &&
	       from->block_bytes == to->block_bytes &&
	       (from->aspects == PENSTOCK_ASPECT_COLOR || from == to) &&
	       source->aspects == destination->aspects &&
	       source->image->description.samples == destination->image->description.samples;
}

static enum penstock_outcome copy_image(const struct transfer *transfer)
{
	const struct penstock_vulkan_device *device = transfer->device;
	struct region source = {
		.image = image_at(transfer, PENSTOCK_DMA_COPY_IMAGE_source, false),
		.level = load(transfer, PENSTOCK_DMA_COPY_IMAGE_source_level),
		.first_layer = load(transfer, PENSTOCK_DMA_COPY_IMAGE_source_first_layer),
		.layers = load(transfer, PENSTOCK_DMA_COPY_IMAGE_layers),
		.offset = load_offset(transfer, PENSTOCK_DMA_COPY_IMAGE_source_x),
		.extent = load_extent(transfer, PENSTOCK_DMA_COPY_IMAGE_width),
	};
	struct region destination = {
		.image = image_at(transfer, PENSTOCK_DMA_COPY_IMAGE_destination, true),
		.level = load(transfer, PENSTOCK_DMA_COPY_IMAGE_destination_level),
		.first_layer = load(transfer, PENSTOCK_DMA_COPY_IMAGE_destination_first_layer),
		.layers = source.layers,
		.offset = load_offset(transfer, PENSTOCK_DMA_COPY_IMAGE_destination_x),
		.extent = source.extent,
	};
	VkImageCopy copy = { .srcOffset = source.offset,
			     .dstOffset = destination.offset,
			     .extent = source.extent };

	if (source.image == NULL || destination.image == NULL) {
		return PENSTOCK_OUTCOME_ILLEGAL;
	}
	source.aspects = penstock_aspects_of(
		source.image->format, load(transfer, PENSTOCK_DMA_COPY_IMAGE_source_aspects));
	destination.aspects =
		penstock_aspects_of(destination.image->format,
				    load(transfer, PENSTOCK_DMA_COPY_IMAGE_destination_aspects));
	if (!region_fits(&source)) {
		return PENSTOCK_OUTCOME_ILLEGAL;
	}
	fit_destination(&source, &destination);
	if (!region_fits(&destination) || !can_copy(&source, &destination)) {
		return PENSTOCK_OUTCOME_ILLEGAL;
	}
	copy.srcSubresource = layers_of(&source);
	copy.dstSubresource = layers_of(&destination);
	device->calls.CmdCopyImage(device->commands, source.image->image, VK_IMAGE_LAYOUT_GENERAL,
				   destination.image->image, VK_IMAGE_LAYOUT_GENERAL, 1, &copy);
	return PENSTOCK_OUTCOME_COMPLETED;
}

static bool lies_between(int32_t a, int32_t b, uint32_t limit)
{
	return a >= 0 && b >= 0 && a != b && (uint32_t)a <= limit && (uint32_t)b <= limit;
}

static bool box_fits(const struct region *region, const VkOffset3D corners[2])
{
	uint32_t extent[3];

	if (!layers_there(region)) {
		return false;
	}
	penstock_image_extent(region->image, region->level, extent);
	return lies_between(corners[0].x, corners[1].x, extent[0]) &&
	       lies_between(corners[0].y, corners[1].y, extent[1]) &&
	       lies_between(corners[0].z, corners[1].z, extent[2]);
}

static bool has_feature(const struct transfer *transfer, const struct penstock_vulkan_image *image,
			uint64_t feature)
{
	const struct penstock_format_features *features =
		&transfer->device->formats[image->format->id];

	return ((image->description.tiling == VK_IMAGE_TILING_LINEAR ? features->linear
								     : features->optimal) &
		feature) != 0;
}

static enum penstock_outcome blit_image(const struct transfer *transfer)
{
	const struct penstock_vulkan_device *device = transfer->device;
	uint32_t filter = load(transfer, PENSTOCK_DMA_BLIT_IMAGE_filter);
	struct region source = {
		.image = image_at(transfer, PENSTOCK_DMA_BLIT_IMAGE_source, false),
		.level = load(transfer, PENSTOCK_DMA_BLIT_IMAGE_source_level),
		.first_layer = load(transfer, PENSTOCK_DMA_BLIT_IMAGE_source_first_layer),
		.layers = load(transfer, PENSTOCK_DMA_BLIT_IMAGE_layers),
	};
	struct region destination = {
		.image = image_at(transfer, PENSTOCK_DMA_BLIT_IMAGE_destination, true),
		.level = load(transfer, PENSTOCK_DMA_BLIT_IMAGE_destination_level),
		.first_layer = load(transfer, PENSTOCK_DMA_BLIT_IMAGE_destination_first_layer),
		.layers = source.layers,
	};
	VkImageBlit blit = {
		.srcOffsets = { load_offset(transfer, PENSTOCK_DMA_BLIT_IMAGE_source_x0),
				load_offset(transfer, PENSTOCK_DMA_BLIT_IMAGE_source_x1) },
		.dstOffsets = { load_offset(transfer, PENSTOCK_DMA_BLIT_IMAGE_destination_x0),
				load_offset(transfer, PENSTOCK_DMA_BLIT_IMAGE_destination_x1) },
	};

	if (source.image == NULL || destination.image == NULL || filter > VK_FILTER_LINEAR) {
		return PENSTOCK_OUTCOME_ILLEGAL;
	}
	source.aspects = destination.aspects = penstock_aspects_of(
		source.image->format, load(transfer, PENSTOCK_DMA_BLIT_IMAGE_aspects));
	if (!box_fits(&source, blit.srcOffsets) || !box_fits(&destination, blit.dstOffsets) ||
	    source.image->description.samples != 1 || destination.image->description.samples != 1 ||
	    (source.aspects != PENSTOCK_ASPECT_COLOR &&
	     (source.image->format != destination.image->format || filter != VK_FILTER_NEAREST)) ||
	    !has_feature(transfer, source.image, VK_FORMAT_FEATURE_2_BLIT_SRC_BIT) ||
	    !has_feature(transfer, destination.image, VK_FORMAT_FEATURE_2_BLIT_DST_BIT)) {
		return PENSTOCK_OUTCOME_ILLEGAL;
	}
	blit.srcSubresource = layers_of(&source);
	blit.dstSubresource = layers_of(&destination);
	device->calls.CmdBlitImage(device->commands, source.image->image, VK_IMAGE_LAYOUT_GENERAL,
				   destination.image->image, VK_IMAGE_LAYOUT_GENERAL, 1, &blit,
				   (VkFilter)filter);
	return PENSTOCK_OUTCOME_COMPLETED;
}

static enum penstock_outcome resolve_image(const struct transfer *transfer)
{
	const struct penstock_vulkan_device *device = transfer->device;
	const VkExtent3D extent = { load(transfer, PENSTOCK_DMA_RESOLVE_IMAGE_width),
				    load(transfer, PENSTOCK_DMA_RESOLVE_IMAGE_height), 1 };
	const struct region source = {
		.image = image_at(transfer, PENSTOCK_DMA_RESOLVE_IMAGE_source, false),
		.aspects = PENSTOCK_ASPECT_COLOR,
		.first_layer = load(transfer, PENSTOCK_DMA_RESOLVE_IMAGE_source_first_layer),
		.layers = load(transfer, PENSTOCK_DMA_RESOLVE_IMAGE_layers),
		.offset = { (int32_t)load(transfer, PENSTOCK_DMA_RESOLVE_IMAGE_source_x),
			    (int32_t)load(transfer, PENSTOCK_DMA_RESOLVE_IMAGE_source_y), 0 },
		.extent = extent,
	};
	const struct region destination = {
		.image = image_at(transfer, PENSTOCK_DMA_RESOLVE_IMAGE_destination, true),
		.aspects = PENSTOCK_ASPECT_COLOR,
		.level = load(transfer, PENSTOCK_DMA_RESOLVE_IMAGE_destination_level),
		.first_layer = load(transfer, PENSTOCK_DMA_RESOLVE_IMAGE_destination_first_layer),
		.layers = source.layers,
		.offset = { (int32_t)load(transfer, PENSTOCK_DMA_RESOLVE_IMAGE_destination_x),
			    (int32_t)load(transfer, PENSTOCK_DMA_RESOLVE_IMAGE_destination_y), 0 },
		.extent = extent,
	};
	VkImageResolve resolve = { .srcOffset = source.offset,
				   .dstOffset = destination.offset,
				   .extent = extent };

	if (!region_fits(&source) || !region_fits(&destination) ||
	    source.image->format != destination.image->format ||
	    source.image->description.samples == 1 || destination.image->description.samples != 1) {
		return PENSTOCK_OUTCOME_ILLEGAL;
	}
	resolve.srcSubresource = layers_of(&source);
	resolve.dstSubresource = layers_of(&destination);
	device->calls.CmdResolveImage(device->commands, source.image->image,
				      VK_IMAGE_LAYOUT_GENERAL, destination.image->image,
				      VK_IMAGE_LAYOUT_GENERAL, 1, &resolve);
	return PENSTOCK_OUTCOME_COMPLETED;
}

static enum penstock_outcome clear_image(const struct transfer *transfer)
{
	const struct penstock_vulkan_device *device = transfer->device;
	const struct penstock_vulkan_image *image =
		image_at(transfer, PENSTOCK_DMA_CLEAR_IMAGE_image, true);
	VkImageSubresourceRange range = {
		.baseMipLevel = load(transfer, PENSTOCK_DMA_CLEAR_IMAGE_first_level),
		.levelCount = load(transfer, PENSTOCK_DMA_CLEAR_IMAGE_levels),
		.baseArrayLayer = load(transfer, PENSTOCK_DMA_CLEAR_IMAGE_first_layer),
		.layerCount = load(transfer, PENSTOCK_DMA_CLEAR_IMAGE_layers),
	};
	VkClearValue value;

	if (image == NULL || range.levelCount == 0 || range.layerCount == 0 ||
	    !penstock_range_fits(range.baseMipLevel, range.levelCount, image->description.levels) ||
	    !penstock_range_fits(range.baseArrayLayer, range.layerCount,
				 image->description.layers) ||
	    image->format->block_width > 1) {
		return PENSTOCK_OUTCOME_ILLEGAL;
	}
	range.aspectMask = penstock_aspects_of(image->format,
					       load(transfer, PENSTOCK_DMA_CLEAR_IMAGE_aspects));
	if ((range.aspectMask & ~(uint32_t)image->format->aspects) != 0) {
		return PENSTOCK_OUTCOME_ILLEGAL;
	}
	memcpy(&value, transfer->fields + PENSTOCK_DMA_CLEAR_IMAGE_clear_0, sizeof(value));
	if (image->format->aspects == PENSTOCK_ASPECT_COLOR) {
		device->calls.CmdClearColorImage(device->commands, image->image,
						 VK_IMAGE_LAYOUT_GENERAL, &value.color, 1, &range);
	} else {
		device->calls.CmdClearDepthStencilImage(device->commands, image->image,
							VK_IMAGE_LAYOUT_GENERAL,
							&value.depthStencil, 1, &range);
	}
	return PENSTOCK_OUTCOME_COMPLETED;
}

/* ---------------------------------------------------------------- a transfer */

typedef enum penstock_outcome (*recorder)(const struct transfer *transfer);

static const recorder recorders[PENSTOCK_DMA_COUNT] = {
	[PENSTOCK_DMA_COPY_BUFFER_TO_IMAGE] = copy_buffer_to_image,
	[PENSTOCK_DMA_COPY_IMAGE_TO_BUFFER] = copy_image_to_buffer,
	[PENSTOCK_DMA_COPY_IMAGE] = copy_image,
	[PENSTOCK_DMA_BLIT_IMAGE] = blit_image,
	[PENSTOCK_DMA_RESOLVE_IMAGE] = resolve_image,
	[PENSTOCK_DMA_CLEAR_IMAGE] = clear_image,
};

/* As large as the largest of its images, as far as one looks. */
static enum penstock_vulkan_crew crew_for(const struct penstock_vulkan *vulkan,
					  const struct penstock_group *group)
{
	struct penstock_member member;
	uint32_t offset = 0;
	uint64_t most = 0;

	while (penstock_group_next(group, &offset, &member)) {
		uint64_t texels =
			(uint64_t)penstock_load32(member.fields + PENSTOCK_DMA_IMAGE_width) *
			penstock_load32(member.fields + PENSTOCK_DMA_IMAGE_height);

		most = texels > most ? texels : most;
	}
	return most > ALONE_TEXELS ? penstock_vulkan_crew_of(vulkan) : PENSTOCK_VULKAN_ALONE;
}

static enum penstock_outcome define_images(struct penstock_engine *engine,
					   const struct penstock_group *group)
{
	enum penstock_outcome outcome = PENSTOCK_OUTCOME_COMPLETED;
	struct penstock_member member;
	uint32_t offset = 0;

	penstock_images_forget(&engine->vulkan->images);
	while (outcome == PENSTOCK_OUTCOME_COMPLETED &&
	       penstock_group_next(group, &offset, &member)) {
		outcome = penstock_images_define(engine, member.fields,
						 member.id == PENSTOCK_DMA_IMAGE_WRITE);
	}
	return outcome;
}

static enum penstock_outcome execute(const struct transfer *transfer,
				     const struct penstock_group *group)
{
	static const VkMemoryBarrier barrier = {
		.sType = VK_STRUCTURE_TYPE_MEMORY_BARRIER,
		.srcAccessMask = VK_ACCESS_TRANSFER_WRITE_BIT,
		.dstAccessMask = VK_ACCESS_HOST_READ_BIT | VK_ACCESS_HOST_WRITE_BIT,
	};
	const struct penstock_vulkan_device *device = transfer->device;
	enum penstock_outcome outcome = define_images(transfer->engine, group);

	if (outcome != PENSTOCK_OUTCOME_COMPLETED) {
		return outcome;
	}
	if (penstock_submission_begin(device) != VK_SUCCESS) {
		return PENSTOCK_OUTCOME_ILLEGAL;
	}
	outcome = recorders[group->ender](transfer);
	if (outcome != PENSTOCK_OUTCOME_COMPLETED) {
		return outcome;
	}
	device->calls.CmdPipelineBarrier(device->commands, VK_PIPELINE_STAGE_TRANSFER_BIT,
					 VK_PIPELINE_STAGE_HOST_BIT, 0, 1, &barrier, 0, NULL, 0,
					 NULL);
	return penstock_submission_outcome(penstock_submission_run(transfer->vulkan, device));
}

static enum penstock_outcome run(struct penstock_engine *engine, const struct penstock_group *group)
{
	struct penstock_vulkan *vulkan = engine->vulkan;
	const struct transfer transfer = {
		.engine = engine,
		.vulkan = vulkan,
		.device = &vulkan->devices[crew_for(vulkan, group)],
		.fields = group->ender_fields,
	};
	enum penstock_outcome outcome;

	penstock_objects_begin(&vulkan->objects, transfer.device);
	outcome = execute(&transfer, group);
	if (penstock_guard_watch_touched(&vulkan->watch)) {
		penstock_submission_lost(engine);
		return PENSTOCK_OUTCOME_PAGE_FAULT;
	}
	penstock_objects_destroy(&vulkan->objects);
	return outcome;
}

enum penstock_outcome penstock_transfer(struct penstock_engine *engine, const uint8_t *bytes,
					uint32_t remaining, uint32_t *ret_length)
{
	enum penstock_dma_id ender = PENSTOCK_DMA_NOP;
	uint32_t length = penstock_group_cut(bytes, remaining, &ender);
	struct penstock_group group;
	enum penstock_outcome outcome;
	const uint8_t *copy;

	if (penstock_guard_watch_touched(&engine->vulkan->watch) || /* lost */
	    length == 0) {
		return PENSTOCK_OUTCOME_ILLEGAL;
	}
	copy = penstock_vulkan_copy(engine->vulkan, 0, bytes, length);
	if (copy == NULL || !penstock_group_read(copy, length, &group) ||
	    penstock_group_kind_of(group.ender) != PENSTOCK_GROUP_TRANSFER) {
		return PENSTOCK_OUTCOME_ILLEGAL;
	}
	penstock_guard_leave();
	outcome = run(engine, &group);
	penstock_guard_enter(&engine->guard, engine->mmu);
	*ret_length = length;
	return outcome;
}
