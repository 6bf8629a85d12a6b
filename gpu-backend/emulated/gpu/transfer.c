/* SPDX-License-Identifier: MIT */
#include "gpu-backend/emulated/gpu/transfer.h"

#include "gpu-backend/emulated/gpu/band.h"
#include "gpu-backend/emulated/gpu/parts.h"
#include "gpu-backend/emulated/gpu/submission.h"

#include <string.h>

/* More texels than this are worth waking the crew for. */
#define ALONE_TEXELS 65536u

/* So many times the texels of the last band, at most. */
#define BAND_STEP 8u

/* A part of a level of an image, of all aspects that are meant. */
struct region {
	const struct penstock_vulkan_image *image;
	uint32_t aspects, level, first_layer, layers;
	VkOffset3D offset;
	VkExtent3D extent;
};

/*
 * What is moved, judged. It is done in cells, which follow each other: rows of blocks, of slices,
 * of layers; what Vulkan cannot say of a row is one cell a layer.
 */
struct transfer {
	struct penstock_engine *engine;
	struct penstock_vulkan *vulkan;
	const struct penstock_vulkan_device *device;
	const uint8_t *fields; /* of the ender */

	struct region source, destination;
	struct penstock_object_range range; /* of a copy from or to a buffer */
	VkBufferImageCopy pitches;          /* likewise */
	uint64_t row_bytes, slice_bytes;    /* likewise */
	VkImageBlit blit;
	VkFilter filter;
	VkClearValue value;
	uint32_t levels; /* one after the other; of a clear; else 1 */

	uint32_t cells[3]; /* in a slice, in a layer, in all */
	uint64_t cell_texels;
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

/* ---------------------------------------------------------------- cells */

static uint64_t blocks(uint32_t texels, uint32_t block)
{
	return ((uint64_t)texels + block - 1) / block;
}

/* By the row of blocks. */
static void put_cells(struct transfer *transfer, const struct region *region)
{
	const struct penstock_texel_format *format = region->image->format;

	transfer->cells[0] = (uint32_t)blocks(region->extent.height, format->block_height);
	transfer->cells[1] = region->extent.depth;
	transfer->cells[2] = region->layers;
	transfer->cell_texels = (uint64_t)region->extent.width * format->block_height *
				region->image->description.samples;
}

/* By the layer; false: it is more than one submission may do. */
static bool put_layers(struct transfer *transfer, const struct region *region, uint32_t most)
{
	transfer->cells[0] = transfer->cells[1] = 1;
	transfer->cells[2] = region->layers;
	transfer->cell_texels = (uint64_t)region->extent.width * region->extent.height *
				region->extent.depth * region->image->description.samples;
	return transfer->cell_texels <= most;
}

/* The rows of a region that are a band of its cells. */
static struct region cut(const struct region *region, const struct penstock_band *band)
{
	const uint32_t block = region->image->format->block_height;
	const uint32_t from = band->first[0] * block, rows = band->groups[0] * block;
	struct region part = *region;

	part.offset.y += (int32_t)from;
	part.extent.height =
		rows < region->extent.height - from ? rows : region->extent.height - from;
	part.offset.z += (int32_t)band->first[1];
	part.extent.depth = band->groups[1];
	part.first_layer += band->first[2];
	part.layers = band->groups[2];
	return part;
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

static void put_pitches(struct transfer *transfer, const struct region *region)
{
	const struct penstock_texel_format *format = region->image->format;
	const VkBufferImageCopy *is = &transfer->pitches;
	uint32_t texels = is->bufferRowLength == 0 ? region->extent.width : is->bufferRowLength;
	uint32_t rows = is->bufferImageHeight == 0 ? region->extent.height : is->bufferImageHeight;

	transfer->row_bytes = blocks(texels, format->block_width) * block_bytes(region);
	transfer->slice_bytes = transfer->row_bytes * blocks(rows, format->block_height);
}

static void read_buffer_copy(struct transfer *transfer, struct region *region, bool to_image)
{
	*region = (struct region){
		.image = image_at(transfer, PENSTOCK_DMA_COPY_BUFFER_TO_IMAGE_image, to_image),
		.level = load(transfer, PENSTOCK_DMA_COPY_BUFFER_TO_IMAGE_level),
		.first_layer = load(transfer, PENSTOCK_DMA_COPY_BUFFER_TO_IMAGE_first_layer),
		.layers = load(transfer, PENSTOCK_DMA_COPY_BUFFER_TO_IMAGE_layers),
		.offset = load_offset(transfer, PENSTOCK_DMA_COPY_BUFFER_TO_IMAGE_x),
		.extent = load_extent(transfer, PENSTOCK_DMA_COPY_BUFFER_TO_IMAGE_width),
	};
	transfer->pitches = (VkBufferImageCopy){
		.bufferRowLength = load(transfer, PENSTOCK_DMA_COPY_BUFFER_TO_IMAGE_row_length),
		.bufferImageHeight = load(transfer, PENSTOCK_DMA_COPY_BUFFER_TO_IMAGE_image_height),
	};
}

static enum penstock_outcome judge_buffer(struct transfer *transfer, struct region *region,
					  bool to_image)
{
	uint64_t address =
		penstock_load64(transfer->fields + PENSTOCK_DMA_COPY_BUFFER_TO_IMAGE_address);
	uint64_t size = penstock_load64(transfer->fields + PENSTOCK_DMA_COPY_BUFFER_TO_IMAGE_size);
	const VkBufferImageCopy *pitches = &transfer->pitches;
	uint64_t span;

	read_buffer_copy(transfer, region, to_image);
	if (region->image == NULL) {
		return PENSTOCK_OUTCOME_ILLEGAL;
	}
	region->aspects = penstock_aspects_of(
		region->image->format, load(transfer, PENSTOCK_DMA_COPY_BUFFER_TO_IMAGE_aspects));
	if (!region_fits(region) || (region->aspects & (region->aspects - 1)) != 0 ||
	    region->image->description.samples != 1 || address % sizeof(uint32_t) != 0) {
		return PENSTOCK_OUTCOME_ILLEGAL;
	}
	span = span_of(region, pitches->bufferRowLength, pitches->bufferImageHeight);
	if (span == 0 || span > size) {
		return PENSTOCK_OUTCOME_ILLEGAL;
	}
	if (penstock_engine_range(transfer->engine, address, size, !to_image) == NULL) {
		return PENSTOCK_OUTCOME_PAGE_FAULT;
	}
	put_pitches(transfer, region);
	put_cells(transfer, region);
	return penstock_objects_range(&transfer->vulkan->objects, transfer->vulkan->mmu, address,
				      size, &transfer->range) == VK_SUCCESS
		       ? PENSTOCK_OUTCOME_COMPLETED
		       : PENSTOCK_OUTCOME_ILLEGAL;
}

static enum penstock_outcome judge_upload(struct transfer *transfer)
{
	return judge_buffer(transfer, &transfer->destination, true);
}

static enum penstock_outcome judge_download(struct transfer *transfer)
{
	return judge_buffer(transfer, &transfer->source, false);
}

/* Slices of a 3D image, or layers: there is one of the others. */
static VkBufferImageCopy buffer_copy(const struct transfer *transfer, const struct region *region,
				     const struct penstock_band *band)
{
	const struct region part = cut(region, band);
	VkBufferImageCopy copy = transfer->pitches;

	copy.bufferOffset = transfer->range.offset + band->first[0] * transfer->row_bytes +
			    (band->first[1] + band->first[2]) * transfer->slice_bytes;
	copy.imageSubresource = layers_of(&part);
	copy.imageOffset = part.offset;
	copy.imageExtent = part.extent;
	return copy;
}

static enum penstock_outcome upload(const struct transfer *transfer,
				    const struct penstock_band *band)
{
	const VkBufferImageCopy copy = buffer_copy(transfer, &transfer->destination, band);

	transfer->device->calls.CmdCopyBufferToImage(
		transfer->device->commands, transfer->range.buffer,
		transfer->destination.image->image, VK_IMAGE_LAYOUT_GENERAL, 1, &copy);
	return PENSTOCK_OUTCOME_COMPLETED;
}

static enum penstock_outcome download(const struct transfer *transfer,
				      const struct penstock_band *band)
{
	const VkBufferImageCopy copy = buffer_copy(transfer, &transfer->source, band);

	transfer->device->calls.CmdCopyImageToBuffer(
		transfer->device->commands, transfer->source.image->image, VK_IMAGE_LAYOUT_GENERAL,
		transfer->range.buffer, 1, &copy);
	return PENSTOCK_OUTCOME_COMPLETED;
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

static void read_copy(struct transfer *transfer)
{
	transfer->source = (struct region){
		.image = image_at(transfer, PENSTOCK_DMA_COPY_IMAGE_source, false),
		.level = load(transfer, PENSTOCK_DMA_COPY_IMAGE_source_level),
		.first_layer = load(transfer, PENSTOCK_DMA_COPY_IMAGE_source_first_layer),
		.layers = load(transfer, PENSTOCK_DMA_COPY_IMAGE_layers),
		.offset = load_offset(transfer, PENSTOCK_DMA_COPY_IMAGE_source_x),
		.extent = load_extent(transfer, PENSTOCK_DMA_COPY_IMAGE_width),
	};
	transfer->destination = (struct region){
		.image = image_at(transfer, PENSTOCK_DMA_COPY_IMAGE_destination, true),
		.level = load(transfer, PENSTOCK_DMA_COPY_IMAGE_destination_level),
		.first_layer = load(transfer, PENSTOCK_DMA_COPY_IMAGE_destination_first_layer),
		.layers = transfer->source.layers,
		.offset = load_offset(transfer, PENSTOCK_DMA_COPY_IMAGE_destination_x),
		.extent = transfer->source.extent,
	};
}

static enum penstock_outcome judge_copy(struct transfer *transfer)
{
	struct region *source = &transfer->source, *destination = &transfer->destination;

	read_copy(transfer);
	if (source->image == NULL || destination->image == NULL) {
		return PENSTOCK_OUTCOME_ILLEGAL;
	}
	source->aspects = penstock_aspects_of(
		source->image->format, load(transfer, PENSTOCK_DMA_COPY_IMAGE_source_aspects));
	destination->aspects =
		penstock_aspects_of(destination->image->format,
				    load(transfer, PENSTOCK_DMA_COPY_IMAGE_destination_aspects));
	if (!region_fits(source)) {
		return PENSTOCK_OUTCOME_ILLEGAL;
	}
	fit_destination(source, destination);
	put_cells(transfer, source);
	return region_fits(destination) && can_copy(source, destination)
		       ? PENSTOCK_OUTCOME_COMPLETED
		       : PENSTOCK_OUTCOME_ILLEGAL;
}

/* Where a band of the source goes: as many rows of blocks on, and slices or layers. */
static struct region destination_of(const struct transfer *transfer,
				    const struct penstock_band *band)
{
	const uint32_t slices = band->first[1] + band->first[2];
	struct region part = transfer->destination;
	bool to_slices = is_3d(part.image);

	part.offset.y += (int32_t)(band->first[0] * part.image->format->block_height);
	part.offset.z += to_slices ? (int32_t)slices : 0;
	part.first_layer += to_slices ? 0 : slices;
	part.layers = to_slices ? 1 : band->groups[1] * band->groups[2];
	return part;
}

static enum penstock_outcome copy(const struct transfer *transfer, const struct penstock_band *band)
{
	const struct region source = cut(&transfer->source, band);
	const struct region destination = destination_of(transfer, band);
	const VkImageCopy is = { layers_of(&source), source.offset, layers_of(&destination),
				 destination.offset, source.extent };

	transfer->device->calls.CmdCopyImage(transfer->device->commands, source.image->image,
					     VK_IMAGE_LAYOUT_GENERAL, destination.image->image,
					     VK_IMAGE_LAYOUT_GENERAL, 1, &is);
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

static void read_blit(struct transfer *transfer)
{
	transfer->source = (struct region){
		.image = image_at(transfer, PENSTOCK_DMA_BLIT_IMAGE_source, false),
		.level = load(transfer, PENSTOCK_DMA_BLIT_IMAGE_source_level),
		.first_layer = load(transfer, PENSTOCK_DMA_BLIT_IMAGE_source_first_layer),
		.layers = load(transfer, PENSTOCK_DMA_BLIT_IMAGE_layers),
	};
	transfer->destination = (struct region){
		.image = image_at(transfer, PENSTOCK_DMA_BLIT_IMAGE_destination, true),
		.level = load(transfer, PENSTOCK_DMA_BLIT_IMAGE_destination_level),
		.first_layer = load(transfer, PENSTOCK_DMA_BLIT_IMAGE_destination_first_layer),
		.layers = transfer->source.layers,
	};
	transfer->blit = (VkImageBlit){
		.srcOffsets = { load_offset(transfer, PENSTOCK_DMA_BLIT_IMAGE_source_x0),
				load_offset(transfer, PENSTOCK_DMA_BLIT_IMAGE_source_x1) },
		.dstOffsets = { load_offset(transfer, PENSTOCK_DMA_BLIT_IMAGE_destination_x0),
				load_offset(transfer, PENSTOCK_DMA_BLIT_IMAGE_destination_x1) },
	};
	transfer->filter = (VkFilter)load(transfer, PENSTOCK_DMA_BLIT_IMAGE_filter);
}

static bool can_blit(const struct transfer *transfer)
{
	const struct region *source = &transfer->source, *destination = &transfer->destination;

	return box_fits(source, transfer->blit.srcOffsets) &&
	       box_fits(destination, transfer->blit.dstOffsets) &&
	       source->image->description.samples == 1 &&
	       destination->image->description.samples == 1 &&
	       (source->aspects == PENSTOCK_ASPECT_COLOR ||
		(source->image->format == destination->image->format &&
		 transfer->filter == VK_FILTER_NEAREST)) &&
	       has_feature(transfer, source->image, VK_FORMAT_FEATURE_2_BLIT_SRC_BIT) &&
	       has_feature(transfer, destination->image, VK_FORMAT_FEATURE_2_BLIT_DST_BIT);
}

static uint32_t distance(int32_t a, int32_t b)
{
	return (uint32_t)(a < b ? b - a : a - b);
}

/* Of what is scaled no row can be told: where it is read from would be rounded otherwise. */
static enum penstock_outcome judge_blit(struct transfer *transfer)
{
	struct region *destination = &transfer->destination;
	const VkOffset3D *corners = transfer->blit.dstOffsets;

	read_blit(transfer);
	if (transfer->source.image == NULL || destination->image == NULL ||
	    load(transfer, PENSTOCK_DMA_BLIT_IMAGE_filter) > VK_FILTER_LINEAR) {
		return PENSTOCK_OUTCOME_ILLEGAL;
	}
	transfer->source.aspects = destination->aspects = penstock_aspects_of(
		transfer->source.image->format, load(transfer, PENSTOCK_DMA_BLIT_IMAGE_aspects));
	if (!can_blit(transfer)) {
		return PENSTOCK_OUTCOME_ILLEGAL;
	}
	destination->extent = (VkExtent3D){ distance(corners[0].x, corners[1].x),
					    distance(corners[0].y, corners[1].y),
					    distance(corners[0].z, corners[1].z) };
	return put_layers(transfer, destination,
			  penstock_texel_format_is_slow(transfer->source.image->format)
				  ? PENSTOCK_LIMIT_DECODED_PIXELS
				  : PENSTOCK_LIMIT_INSTRUCTION_PIXELS)
		       ? PENSTOCK_OUTCOME_COMPLETED
		       : PENSTOCK_OUTCOME_ILLEGAL;
}

static enum penstock_outcome blit(const struct transfer *transfer, const struct penstock_band *band)
{
	const struct region *source = &transfer->source, *destination = &transfer->destination;
	VkImageBlit is = transfer->blit;

	is.srcSubresource = layers_of(source);
	is.dstSubresource = layers_of(destination);
	is.srcSubresource.baseArrayLayer += band->first[2];
	is.dstSubresource.baseArrayLayer += band->first[2];
	is.srcSubresource.layerCount = is.dstSubresource.layerCount = band->groups[2];
	transfer->device->calls.CmdBlitImage(transfer->device->commands, source->image->image,
					     VK_IMAGE_LAYOUT_GENERAL, destination->image->image,
					     VK_IMAGE_LAYOUT_GENERAL, 1, &is, transfer->filter);
	return PENSTOCK_OUTCOME_COMPLETED;
}

static enum penstock_outcome judge_resolve(struct transfer *transfer)
{
	const VkExtent3D extent = { load(transfer, PENSTOCK_DMA_RESOLVE_IMAGE_width),
				    load(transfer, PENSTOCK_DMA_RESOLVE_IMAGE_height), 1 };
	struct region *source = &transfer->source, *destination = &transfer->destination;

	*source = (struct region){
		.image = image_at(transfer, PENSTOCK_DMA_RESOLVE_IMAGE_source, false),
		.aspects = PENSTOCK_ASPECT_COLOR,
		.first_layer = load(transfer, PENSTOCK_DMA_RESOLVE_IMAGE_source_first_layer),
		.layers = load(transfer, PENSTOCK_DMA_RESOLVE_IMAGE_layers),
		.offset = { (int32_t)load(transfer, PENSTOCK_DMA_RESOLVE_IMAGE_source_x),
			    (int32_t)load(transfer, PENSTOCK_DMA_RESOLVE_IMAGE_source_y), 0 },
		.extent = extent,
	};
	*destination = (struct region){
		.image = image_at(transfer, PENSTOCK_DMA_RESOLVE_IMAGE_destination, true),
		.aspects = PENSTOCK_ASPECT_COLOR,
		.level = load(transfer, PENSTOCK_DMA_RESOLVE_IMAGE_destination_level),
		.first_layer = load(transfer, PENSTOCK_DMA_RESOLVE_IMAGE_destination_first_layer),
		.layers = source->layers,
		.offset = { (int32_t)load(transfer, PENSTOCK_DMA_RESOLVE_IMAGE_destination_x),
			    (int32_t)load(transfer, PENSTOCK_DMA_RESOLVE_IMAGE_destination_y), 0 },
		.extent = extent,
	};
	if (!region_fits(source) || !region_fits(destination) ||
	    source->image->format != destination->image->format ||
	    source->image->description.samples == 1 ||
	    destination->image->description.samples != 1) {
		return PENSTOCK_OUTCOME_ILLEGAL;
	}
	put_cells(transfer, source);
	return PENSTOCK_OUTCOME_COMPLETED;
}

static enum penstock_outcome resolve(const struct transfer *transfer,
				     const struct penstock_band *band)
{
	const struct region source = cut(&transfer->source, band);
	const struct region destination = cut(&transfer->destination, band);
	const VkImageResolve is = { layers_of(&source), source.offset, layers_of(&destination),
				    destination.offset, source.extent };

	transfer->device->calls.CmdResolveImage(transfer->device->commands, source.image->image,
						VK_IMAGE_LAYOUT_GENERAL, destination.image->image,
						VK_IMAGE_LAYOUT_GENERAL, 1, &is);
	return PENSTOCK_OUTCOME_COMPLETED;
}

/* ---------------------------------------------------------------- clears */

/* All of a level, of the layers that are meant. Rows of it can be cleared where it can be a target.
 */
static bool put_level(struct transfer *transfer, uint32_t level)
{
	struct region *region = &transfer->destination;
	uint32_t extent[3];

	region->level = level;
	penstock_image_extent(region->image, level, extent);
	region->extent = (VkExtent3D){ extent[0], extent[1], extent[2] };
	if (!is_3d(region->image) &&
	    has_feature(transfer, region->image,
			VK_FORMAT_FEATURE_2_COLOR_ATTACHMENT_BIT |
				VK_FORMAT_FEATURE_2_DEPTH_STENCIL_ATTACHMENT_BIT)) {
		put_cells(transfer, region);
		return true;
	}
	return put_layers(transfer, region, PENSTOCK_LIMIT_INSTRUCTION_PIXELS);
}

static enum penstock_outcome judge_clear(struct transfer *transfer)
{
	struct region *region = &transfer->destination;

	*region = (struct region){
		.image = image_at(transfer, PENSTOCK_DMA_CLEAR_IMAGE_image, true),
		.level = load(transfer, PENSTOCK_DMA_CLEAR_IMAGE_first_level),
		.first_layer = load(transfer, PENSTOCK_DMA_CLEAR_IMAGE_first_layer),
		.layers = load(transfer, PENSTOCK_DMA_CLEAR_IMAGE_layers),
	};
	transfer->levels = load(transfer, PENSTOCK_DMA_CLEAR_IMAGE_levels);
	if (region->image == NULL || region->image->format->block_width > 1) {
		return PENSTOCK_OUTCOME_ILLEGAL;
	}
	region->aspects = penstock_aspects_of(region->image->format,
					      load(transfer, PENSTOCK_DMA_CLEAR_IMAGE_aspects));
	if (!layers_there(region) || transfer->levels == 0 ||
	    !penstock_range_fits(region->level, transfer->levels,
				 region->image->description.levels)) {
		return PENSTOCK_OUTCOME_ILLEGAL;
	}
	memcpy(&transfer->value, transfer->fields + PENSTOCK_DMA_CLEAR_IMAGE_clear_0,
	       sizeof(transfer->value));
	return PENSTOCK_OUTCOME_COMPLETED;
}

static void clear_layers(const struct transfer *transfer, const struct penstock_band *band)
{
	const struct region *region = &transfer->destination;
	const struct penstock_vulkan_device *device = transfer->device;
	const VkImageSubresourceRange range = { region->aspects, region->level, 1,
						region->first_layer + band->first[2],
						band->groups[2] };

	if (region->aspects == PENSTOCK_ASPECT_COLOR) {
		device->calls.CmdClearColorImage(device->commands, region->image->image,
						 VK_IMAGE_LAYOUT_GENERAL, &transfer->value.color, 1,
						 &range);
	} else {
		device->calls.CmdClearDepthStencilImage(device->commands, region->image->image,
							VK_IMAGE_LAYOUT_GENERAL,
							&transfer->value.depthStencil, 1, &range);
	}
}

/* Some rows of a layer: what a scope clears that draws nothing. */
static enum penstock_outcome clear_rows(const struct transfer *transfer,
					const struct penstock_band *band)
{
	const struct region part = cut(&transfer->destination, band);
	const struct penstock_vulkan_device *device = transfer->device;
	const struct penstock_view view = { .type = VK_IMAGE_VIEW_TYPE_2D,
					    .first_level = part.level,
					    .levels = 1,
					    .first_layer = part.first_layer,
					    .layers = 1 };
	VkRenderingAttachmentInfo target = {
		.sType = VK_STRUCTURE_TYPE_RENDERING_ATTACHMENT_INFO,
		.imageLayout = VK_IMAGE_LAYOUT_GENERAL,
		.loadOp = VK_ATTACHMENT_LOAD_OP_CLEAR,
		.storeOp = VK_ATTACHMENT_STORE_OP_STORE,
		.clearValue = transfer->value,
	};
	const VkRenderingInfo info = {
		.sType = VK_STRUCTURE_TYPE_RENDERING_INFO,
		.renderArea = { { part.offset.x, part.offset.y },
				{ part.extent.width, part.extent.height } },
		.layerCount = 1,
		.colorAttachmentCount = part.aspects == PENSTOCK_ASPECT_COLOR,
		.pColorAttachments = &target,
		.pDepthAttachment = (part.aspects & PENSTOCK_ASPECT_DEPTH) != 0 ? &target : NULL,
		.pStencilAttachment =
			(part.aspects & PENSTOCK_ASPECT_STENCIL) != 0 ? &target : NULL,
	};
	enum penstock_outcome outcome = penstock_images_view(&transfer->vulkan->objects, part.image,
							     &view, &target.imageView);

	if (outcome == PENSTOCK_OUTCOME_COMPLETED) {
		device->calls.CmdBeginRendering(device->commands, &info);
		device->calls.CmdEndRendering(device->commands);
	}
	return outcome;
}

static enum penstock_outcome clear(const struct transfer *transfer,
				   const struct penstock_band *band)
{
	if (band->groups[0] < transfer->cells[0]) {
		return clear_rows(transfer, band);
	}
	clear_layers(transfer, band);
	return PENSTOCK_OUTCOME_COMPLETED;
}

/* ---------------------------------------------------------------- a transfer */

static const struct {
	enum penstock_outcome (*judge)(struct transfer *transfer);
	enum penstock_outcome (*record)(const struct transfer *transfer,
					const struct penstock_band *band);
} kinds[PENSTOCK_DMA_COUNT] = {
	[PENSTOCK_DMA_COPY_BUFFER_TO_IMAGE] = { judge_upload, upload },
	[PENSTOCK_DMA_COPY_IMAGE_TO_BUFFER] = { judge_download, download },
	[PENSTOCK_DMA_COPY_IMAGE] = { judge_copy, copy },
	[PENSTOCK_DMA_BLIT_IMAGE] = { judge_blit, blit },
	[PENSTOCK_DMA_RESOLVE_IMAGE] = { judge_resolve, resolve },
	[PENSTOCK_DMA_CLEAR_IMAGE] = { judge_clear, clear },
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

static enum penstock_outcome submit(const struct transfer *transfer, enum penstock_dma_id kind,
				    const struct penstock_band *band)
{
	static const VkMemoryBarrier barrier = {
		.sType = VK_STRUCTURE_TYPE_MEMORY_BARRIER,
		.srcAccessMask = VK_ACCESS_MEMORY_WRITE_BIT,
		.dstAccessMask = VK_ACCESS_HOST_READ_BIT | VK_ACCESS_HOST_WRITE_BIT,
	};
	const struct penstock_vulkan_device *device = transfer->device;
	enum penstock_outcome outcome;

	if (penstock_submission_begin(device) != VK_SUCCESS) {
		return PENSTOCK_OUTCOME_ILLEGAL;
	}
	outcome = kinds[kind].record(transfer, band);
	if (outcome != PENSTOCK_OUTCOME_COMPLETED) {
		return outcome;
	}
	device->calls.CmdPipelineBarrier(device->commands, VK_PIPELINE_STAGE_ALL_COMMANDS_BIT,
					 VK_PIPELINE_STAGE_HOST_BIT, 0, 1, &barrier, 0, NULL, 0,
					 NULL);
	return penstock_submission_outcome(penstock_submission_run(transfer->vulkan, device));
}

/*
 * How many texels a band of the time that one should take has, after one of `texels` at most took
 * `ns`. Where others need the processors, a wait takes as long as a band should, whatever is in it:
 * as in a scope, one of less than twice the time is not made smaller, but half as large again.
 */
static uint64_t learn(const struct transfer *transfer, uint64_t texels, uint64_t done, uint64_t ns)
{
	const uint64_t wanted_ns = transfer->vulkan->part_ns;
	uint64_t next = (uint64_t)((double)done * (double)wanted_ns / (double)(ns + 1));

	if (ns <= 2 * wanted_ns) {
		if (done < texels / 2) {
			return texels;
		}
		next = next < texels + texels / 2 ? texels + texels / 2 : next;
	}
	return next > texels * BAND_STEP ? texels * BAND_STEP : next;
}

/* The cells from `first` on in engine->position, which one level of it has. */
static enum penstock_outcome run_cells(const struct transfer *transfer, enum penstock_dma_id kind,
				       uint64_t first, uint64_t *texels)
{
	struct penstock_engine *engine = transfer->engine;
	const uint32_t *cells = transfer->cells;
	const uint64_t end = first + (uint64_t)cells[0] * cells[1] * cells[2];

	while (engine->position < end) {
		uint64_t start = penstock_patience_now_ns();
		struct penstock_band band;
		enum penstock_outcome outcome;

		if (penstock_engine_must_stop(engine)) {
			return PENSTOCK_OUTCOME_PREEMPTED;
		}
		penstock_band_at(cells, engine->position - first, *texels / transfer->cell_texels,
				 &band);
		outcome = submit(transfer, kind, &band);
		if (outcome != PENSTOCK_OUTCOME_COMPLETED) {
			return outcome;
		}
		*texels = learn(transfer, *texels, band.count * transfer->cell_texels,
				penstock_patience_now_ns() - start);
		engine->position += band.count;
	}
	return PENSTOCK_OUTCOME_COMPLETED;
}

/* Levels have cells of their own, one after the other. */
static enum penstock_outcome run_levels(struct transfer *transfer, enum penstock_dma_id kind)
{
	enum penstock_outcome outcome = PENSTOCK_OUTCOME_COMPLETED;
	uint64_t texels = transfer->vulkan->first_part_texels, before = 0;
	uint32_t first = transfer->destination.level;

	for (uint32_t i = 0; i < transfer->levels && outcome == PENSTOCK_OUTCOME_COMPLETED; i++) {
		if (kind == PENSTOCK_DMA_CLEAR_IMAGE && !put_level(transfer, first + i)) {
			return PENSTOCK_OUTCOME_ILLEGAL;
		}
		outcome = run_cells(transfer, kind, before, &texels);
		before += (uint64_t)transfer->cells[0] * transfer->cells[1] * transfer->cells[2];
	}
	return outcome;
}

static enum penstock_outcome run(struct penstock_engine *engine, const struct penstock_group *group)
{
	struct penstock_vulkan *vulkan = engine->vulkan;
	struct transfer transfer = {
		.engine = engine,
		.vulkan = vulkan,
		.device = &vulkan->devices[crew_for(vulkan, group)],
		.fields = group->ender_fields,
		.levels = 1,
	};
	enum penstock_outcome outcome;

	penstock_objects_begin(&vulkan->objects, transfer.device);
	outcome = define_images(engine, group);
	if (outcome == PENSTOCK_OUTCOME_COMPLETED) {
		outcome = kinds[group->ender].judge(&transfer);
	}
	return outcome == PENSTOCK_OUTCOME_COMPLETED ? run_levels(&transfer, group->ender)
						     : outcome;
}

enum penstock_outcome penstock_transfer(struct penstock_engine *engine, const uint8_t *bytes,
					uint32_t length)
{
	return penstock_submission_group(engine, bytes, length, PENSTOCK_GROUP_TRANSFER, run);
}
