/* SPDX-License-Identifier: MIT */
/*
 * The ends of groups that move texels: copies, blits, resolves, clears. The driver looks at none of
 * their regions, so each is held against its image here.
 */
#include "daemon/render/group.h"
#include "daemon/render/images.h"

#include <inttypes.h>

#define MEMBERS (PENSTOCK_MEMBER(IMAGE) | PENSTOCK_MEMBER(IMAGE_WRITE))

static bool refuse(struct penstock_walk *walk, const uint8_t *bytes, const char *operand,
		   const char *why)
{
	(void)penstock_walk_refuse(walk, bytes, PENSTOCK_STATUS_INVALID_PARAMETER, operand, "%s",
				   why);
	return false;
}

/* The images of the group, of which an ordinary one has each once. */
static bool take_images(struct penstock_walk *walk, struct penstock_image_slots *ret_slots,
			const uint8_t *bytes)
{
	ret_slots->defined = 0;
	if (!penstock_render_group_ends(walk, bytes, MEMBERS)) {
		return false;
	}
	if (walk->group.start == NULL) {
		return refuse(walk, bytes, "", "its group has no image");
	}
	for (const uint8_t *at = walk->group.start; at != bytes; at = penstock_behind(at)) {
		if (penstock_render_slots_has(ret_slots, at)) {
			return refuse(walk, at, "slot", "a second one in one group");
		}
		penstock_render_slots_define(walk, ret_slots, at);
	}
	return true;
}

static bool has_features(struct penstock_walk *walk, const uint8_t *bytes, const char *operand,
			 const struct penstock_image_slot *slot, uint64_t features)
{
	if ((slot->features & features) != features) {
		return penstock_walk_refuse(walk, bytes, PENSTOCK_STATUS_INVALID_PARAMETER, operand,
					    "the adapter does not do it with format %s",
					    slot->format->name) != NULL;
	}
	return true;
}

/* ------------------------------------------------------------------ regions */

/* A part of an image that a transfer reads or writes, with the operands that say so. */
struct region {
	const struct penstock_image_slot *slot;
	const char *level_operand;
	const char *layer_operand;
	const char *origin_operands[3];
	uint32_t level;
	uint32_t first_layer;
	uint32_t layers; /* of an image that has slices: 1 */
	int32_t origin[3];
	uint32_t extent[3]; /* texels; of a compressed format the last block may be cut */
	bool filtered;      /* it is sampled: blocks do not matter */
};

static const char *const extent_operands[] = { "width", "height", "depth" };

static uint32_t blocks(uint32_t texels, uint32_t block)
{
	return texels / block + (texels % block != 0);
}

/* One way, inside of the level: to its last texel or, of an extent that is another's, block. */
static bool judge_axis(struct penstock_walk *walk, const uint8_t *bytes,
		       const struct region *region, uint32_t axis, uint32_t have, uint32_t block,
		       bool exact)
{
	const int32_t origin = region->origin[axis];
	const uint32_t extent = region->extent[axis];
	const uint32_t behind = exact ? have : blocks(have, block) * block;

	if (origin < 0 || extent == 0 || !penstock_range_fits((uint32_t)origin, extent, behind)) {
		return penstock_walk_refuse(walk, bytes, PENSTOCK_STATUS_INVALID_PARAMETER,
					    region->origin_operands[axis],
					    "%s %u from %d on: at least one, and the level has %u",
					    extent_operands[axis], extent, origin, have) != NULL;
	}
	if ((uint32_t)origin % block != 0) {
		return penstock_walk_refuse(walk, bytes, PENSTOCK_STATUS_INVALID_PARAMETER,
					    region->origin_operands[axis],
					    "%d is no multiple of a block of %u texels", origin,
					    block) != NULL;
	}
	return true;
}

/* Of an extent that is said in texels of this image: no block is cut but by the level's edge. */
static bool judge_cut(struct penstock_walk *walk, const uint8_t *bytes, const struct region *region,
		      uint32_t axis, uint32_t have, uint32_t block)
{
	const uint32_t extent = region->extent[axis];

	if (extent % block != 0 && (uint64_t)(uint32_t)region->origin[axis] + extent != have) {
		return penstock_walk_refuse(walk, bytes, PENSTOCK_STATUS_INVALID_PARAMETER,
					    extent_operands[axis],
					    "%u is no multiple of a block of %u texels, and does "
					    "not end at the edge (%u)",
					    extent, block, have) != NULL;
	}
	return true;
}

/* Level, layers and texels of the region are in its image; `exact`: it is said in its texels. */
static bool judge_region(struct penstock_walk *walk, const uint8_t *bytes,
			 const struct region *region, bool exact)
{
	const struct penstock_image *image = &region->slot->image;
	const struct penstock_texel_format *format = region->slot->format;
	const uint32_t blocks_of[3] = { region->filtered ? 1 : format->block_width,
					region->filtered ? 1 : format->block_height, 1 };
	const uint32_t whole[3] = { image->width, image->height, image->depth };

	if (!penstock_render_image_part(walk, bytes, region->level_operand, "levels", region->level,
					1, image->levels) ||
	    !penstock_render_image_part(walk, bytes, region->layer_operand, "layers",
					region->first_layer, region->layers, image->layers)) {
		return false;
	}
	for (uint32_t axis = 0; axis < 3; axis++) {
		const uint32_t have = penstock_at_level(whole[axis], region->level);

		if (!judge_axis(walk, bytes, region, axis, have, blocks_of[axis], exact) ||
		    (exact && !judge_cut(walk, bytes, region, axis, have, blocks_of[axis]))) {
			return false;
		}
	}
	return true;
}

/* Of what no GPU can cut into parts, for others to be let in between: a layer is not too large. */
static bool judge_layer(struct penstock_walk *walk, const uint8_t *bytes, const char *operand,
			const struct region *region, uint32_t most)
{
	const uint32_t *extent = region->extent;
	const uint64_t texels =
		(uint64_t)extent[0] * extent[1] * extent[2] * region->slot->image.samples;

	if (texels > most) {
		return penstock_walk_refuse(walk, bytes, PENSTOCK_STATUS_INVALID_PARAMETER, operand,
					    "%" PRIu64 " texels of a layer at once: at most %u",
					    texels, most) != NULL;
	}
	return true;
}

static bool meet(int64_t first, uint64_t first_extent, int64_t second, uint64_t second_extent)
{
	return first < second + (int64_t)second_extent && second < first + (int64_t)first_extent;
}

/* Two regions of one image, by its slot. */
static bool overlap(const struct region *first, const struct region *second)
{
	bool all = first->slot == second->slot && first->level == second->level &&
		   meet(first->first_layer, first->layers, second->first_layer, second->layers);

	for (uint32_t axis = 0; axis < 3 && all; axis++) {
		all = meet(first->origin[axis], first->extent[axis], second->origin[axis],
			   second->extent[axis]);
	}
	return all;
}

static bool refuse_overlap(struct penstock_walk *walk, const uint8_t *bytes)
{
	return refuse(walk, bytes, "destination", "source and destination overlap");
}

/* ------------------------------------------------------------------ buffers and images */

#define COPY(operand) PENSTOCK_OPERAND_COPY_BUFFER_TO_IMAGE_##operand
_Static_assert((int)COPY(row_length) == (int)PENSTOCK_OPERAND_COPY_IMAGE_TO_BUFFER_row_length &&
		       (int)COPY(aspects) == (int)PENSTOCK_OPERAND_COPY_IMAGE_TO_BUFFER_aspects &&
		       (int)COPY(level) == (int)PENSTOCK_OPERAND_COPY_IMAGE_TO_BUFFER_level &&
		       (int)COPY(x) == (int)PENSTOCK_OPERAND_COPY_IMAGE_TO_BUFFER_x &&
		       (int)COPY(depth) == (int)PENSTOCK_OPERAND_COPY_IMAGE_TO_BUFFER_depth,
	       "one layout for both");

static bool is_upload(const uint8_t *bytes)
{
	return penstock_header_opcode(penstock_load32(bytes)) ==
	       PENSTOCK_OPCODE_COPY_BUFFER_TO_IMAGE;
}

static struct region buffer_region(const uint8_t *bytes, const struct penstock_image_slot *slot)
{
	return (struct region){
		.slot = slot,
		.level_operand = "level",
		.layer_operand = "layers",
		.origin_operands = { "x", "y", "z" },
		.level = penstock_load32(bytes + COPY(level)),
		.first_layer = penstock_load32(bytes + COPY(first_layer)),
		.layers = penstock_load32(bytes + COPY(layers)),
		.origin = { (int32_t)penstock_load32(bytes + COPY(x)),
			    (int32_t)penstock_load32(bytes + COPY(y)),
			    (int32_t)penstock_load32(bytes + COPY(z)) },
		.extent = { penstock_load32(bytes + COPY(width)),
			    penstock_load32(bytes + COPY(height)),
			    penstock_load32(bytes + COPY(depth)) },
	};
}

/* Of a block in the buffer, by its one aspect; 0: refused. */
static uint32_t block_bytes(struct penstock_walk *walk, const uint8_t *bytes,
			    const struct penstock_texel_format *format)
{
	const uint32_t aspects = penstock_render_image_aspects(
		walk, bytes, "aspects", format, penstock_load32(bytes + COPY(aspects)));

	switch (aspects) {
	case 0:
		return 0;
	case PENSTOCK_ASPECT_COLOR:
		return format->block_bytes;
	case PENSTOCK_ASPECT_DEPTH:
		return format->depth_bytes;
	case PENSTOCK_ASPECT_STENCIL:
		return format->stencil_bytes;
	default:
		(void)refuse(walk, bytes, "aspects", "a copy is of one aspect");
		return 0;
	}
}

/* Rows, or slices, as the buffer has them: as many texels as the region, or more. */
static bool judge_pitch(struct penstock_walk *walk, const uint8_t *bytes, const char *operand,
			uint32_t pitch, uint32_t extent, uint32_t block)
{
	if (pitch != 0 &&
	    (pitch < extent || pitch % block != 0 || pitch > PENSTOCK_LIMIT_BUFFER_PITCH)) {
		return penstock_walk_refuse(walk, bytes, PENSTOCK_STATUS_INVALID_PARAMETER, operand,
					    "%u: 0, or from %u to %u and a multiple of %u", pitch,
					    extent, PENSTOCK_LIMIT_BUFFER_PITCH, block) != NULL;
	}
	return true;
}

/* From the first byte of the region in the buffer to the last, pitches included. */
static uint64_t span_of(const struct region *region, uint32_t row_length, uint32_t image_height,
			uint32_t bytes_of_block)
{
	const struct penstock_texel_format *format = region->slot->format;
	const uint64_t columns = blocks(region->extent[0], format->block_width);
	const uint64_t rows = blocks(region->extent[1], format->block_height);
	const uint64_t row = row_length == 0 ? columns : row_length / format->block_width;
	const uint64_t slice = image_height == 0 ? rows : image_height / format->block_height;
	const uint64_t slices = (uint64_t)region->extent[2] * region->layers;

	/* 16 bits each for pitches, 11 for slices, 5 for a block: far from 64. */
	return (((slices - 1) * slice + rows - 1) * row + columns) * bytes_of_block;
}

/* The buffer holds all of the region, from where its texels can stand. */
static bool judge_span(struct penstock_walk *walk, const uint8_t *bytes, uint64_t span,
		       uint32_t bytes_of_block)
{
	const char *const operand = is_upload(bytes) ? "source" : "destination";
	const char *const offset_operand =
		is_upload(bytes) ? "source_offset" : "destination_offset";
	const uint64_t offset = penstock_load64(bytes + COPY(source_offset));

	return penstock_walk_range_operand(walk, bytes, COPY(source), operand, !is_upload(bytes),
					   offset, span) != NULL &&
	       penstock_walk_offset_aligned(walk, bytes, offset_operand, offset, 4) &&
	       penstock_walk_offset_aligned(walk, bytes, offset_operand, offset, bytes_of_block);
}

static bool judge_buffer_copy(struct penstock_walk *walk, const struct penstock_image_slots *slots,
			      const uint8_t *bytes)
{
	const struct penstock_image_slot *slot =
		penstock_render_slots_get(walk, slots, bytes, "image",
					  penstock_load32(bytes + COPY(image)), is_upload(bytes));
	const uint32_t row_length = penstock_load32(bytes + COPY(row_length));
	const uint32_t image_height = penstock_load32(bytes + COPY(image_height));
	uint32_t bytes_of_block;
	struct region region;

	if (slot == NULL || !has_features(walk, bytes, "image", slot,
					  is_upload(bytes) ? PENSTOCK_FEATURE_COPY_DESTINATION
							   : PENSTOCK_FEATURE_COPY_SOURCE)) {
		return false;
	}
	if (slot->image.samples != 1) {
		return refuse(walk, bytes, "image", "a buffer has no samples");
	}
	region = buffer_region(bytes, slot);
	bytes_of_block = block_bytes(walk, bytes, slot->format);
	if (bytes_of_block == 0 || !judge_region(walk, bytes, &region, true) ||
	    !judge_pitch(walk, bytes, "row_length", row_length, region.extent[0],
			 slot->format->block_width) ||
	    !judge_pitch(walk, bytes, "image_height", image_height, region.extent[1],
			 slot->format->block_height)) {
		return false;
	}
	walk->group.copy_bytes = span_of(&region, row_length, image_height, bytes_of_block);
	return judge_span(walk, bytes, walk->group.copy_bytes, bytes_of_block);
}

const uint8_t *penstock_render_copy_image_and_buffer(struct penstock_walk *walk,
						     const uint8_t *bytes, uint32_t length)
{
	struct penstock_image_slots slots;

	return take_images(walk, &slots, bytes) && judge_buffer_copy(walk, &slots, bytes)
		       ? penstock_render_group_finish(walk, bytes, length, NULL)
		       : NULL;
}

/* ------------------------------------------------------------------ copy_image */

/* The two images of a transfer. */
struct pair {
	const struct penstock_image_slot *source;
	const struct penstock_image_slot *destination;
};

static bool find_pair(struct penstock_walk *walk, const struct penstock_image_slots *slots,
		      const uint8_t *bytes, uint64_t source_features, uint64_t destination_features,
		      struct pair *ret_pair)
{
	/* All of them name their images at the same places. */
	ret_pair->source = penstock_render_slots_get(
		walk, slots, bytes, "source",
		penstock_load32(bytes + PENSTOCK_OPERAND_COPY_IMAGE_source), false);
	if (ret_pair->source == NULL) {
		return false;
	}
	ret_pair->destination = penstock_render_slots_get(
		walk, slots, bytes, "destination",
		penstock_load32(bytes + PENSTOCK_OPERAND_COPY_IMAGE_destination), true);
	return ret_pair->destination != NULL &&
	       has_features(walk, bytes, "source", ret_pair->source, source_features) &&
	       has_features(walk, bytes, "destination", ret_pair->destination,
			    destination_features);
}

_Static_assert((int)PENSTOCK_OPERAND_COPY_IMAGE_source == (int)PENSTOCK_OPERAND_BLIT_IMAGE_source &&
		       (int)PENSTOCK_OPERAND_COPY_IMAGE_source ==
			       (int)PENSTOCK_OPERAND_RESOLVE_IMAGE_source &&
		       (int)PENSTOCK_OPERAND_COPY_IMAGE_destination ==
			       (int)PENSTOCK_OPERAND_BLIT_IMAGE_destination &&
		       (int)PENSTOCK_OPERAND_COPY_IMAGE_destination ==
			       (int)PENSTOCK_OPERAND_RESOLVE_IMAGE_destination,
	       "find_pair serves all three");

static bool judge_copied_formats(struct penstock_walk *walk, const uint8_t *bytes,
				 const struct pair *pair)
{
	const struct penstock_texel_format *source = pair->source->format;
	const struct penstock_texel_format *destination = pair->destination->format;
	const uint32_t from = penstock_render_image_aspects(
		walk, bytes, "source_aspects", source,
		penstock_load32(bytes + PENSTOCK_OPERAND_COPY_IMAGE_source_aspects));
	uint32_t to;

	if (from == 0) {
		return false;
	}
	to = penstock_render_image_aspects(
		walk, bytes, "destination_aspects", destination,
		penstock_load32(bytes + PENSTOCK_OPERAND_COPY_IMAGE_destination_aspects));
	if (to == 0) {
		return false;
	}
	if (from != to) {
		return refuse(walk, bytes, "destination_aspects",
			      "source and destination have other aspects");
	}
	if (source != destination &&
	    (from != PENSTOCK_ASPECT_COLOR || source->block_bytes != destination->block_bytes)) {
		return penstock_walk_refuse(walk, bytes, PENSTOCK_STATUS_INVALID_PARAMETER,
					    "destination",
					    "from format %s to %s: texels of one size, or the same "
					    "format",
					    source->name, destination->name) != NULL;
	}
	if (pair->source->image.samples != pair->destination->image.samples) {
		return refuse(walk, bytes, "destination",
			      "source and destination have other "
			      "numbers of samples");
	}
	return true;
}

/* 1D to 1D; others as they like. */
static bool judge_copied_types(struct penstock_walk *walk, const uint8_t *bytes,
			       const struct pair *pair)
{
	const uint32_t from = pair->source->image.type, to = pair->destination->image.type;

	if (from != to && (from == PENSTOCK_IMAGE_1D || to == PENSTOCK_IMAGE_1D)) {
		return refuse(walk, bytes, "destination", "a 1D image is copied to a 1D image");
	}
	return true;
}

static struct region copied_source(const uint8_t *bytes, const struct pair *pair)
{
	return (struct region){
		.slot = pair->source,
		.level_operand = "source_level",
		.layer_operand = "source_first_layer",
		.origin_operands = { "source_x", "source_y", "source_z" },
		.level = penstock_load32(bytes + PENSTOCK_OPERAND_COPY_IMAGE_source_level),
		.first_layer =
			penstock_load32(bytes + PENSTOCK_OPERAND_COPY_IMAGE_source_first_layer),
		.layers = penstock_load32(bytes + PENSTOCK_OPERAND_COPY_IMAGE_layers),
		.origin = { (int32_t)penstock_load32(bytes + PENSTOCK_OPERAND_COPY_IMAGE_source_x),
			    (int32_t)penstock_load32(bytes + PENSTOCK_OPERAND_COPY_IMAGE_source_y),
			    (int32_t)penstock_load32(bytes +
						     PENSTOCK_OPERAND_COPY_IMAGE_source_z) },
		.extent = { penstock_load32(bytes + PENSTOCK_OPERAND_COPY_IMAGE_width),
			    penstock_load32(bytes + PENSTOCK_OPERAND_COPY_IMAGE_height),
			    penstock_load32(bytes + PENSTOCK_OPERAND_COPY_IMAGE_depth) },
	};
}

/* Extents are the source's texels: as many blocks are written as are read. */
static uint32_t converted(uint32_t texels, uint32_t from_block, uint32_t to_block)
{
	const uint64_t result = (uint64_t)blocks(texels, from_block) * to_block;

	return from_block == to_block ? texels
	       : result > UINT32_MAX  ? UINT32_MAX
				      : (uint32_t)result;
}

/* Layers and slices are the source's: slices of a 3D image become layers of a 2D one, and back. */
static void put_slices(const uint8_t *bytes, const struct pair *pair, struct region *destination)
{
	const uint32_t layers = penstock_load32(bytes + PENSTOCK_OPERAND_COPY_IMAGE_layers);
	const uint32_t depth = penstock_load32(bytes + PENSTOCK_OPERAND_COPY_IMAGE_depth);
	const bool from_slices = pair->source->image.type == PENSTOCK_IMAGE_3D;
	const bool to_slices = pair->destination->image.type == PENSTOCK_IMAGE_3D;

	destination->layers = from_slices == to_slices ? layers : to_slices ? 1 : depth;
	destination->extent[2] = from_slices == to_slices ? depth : to_slices ? layers : 1;
}

static struct region copied_destination(const uint8_t *bytes, const struct pair *pair)
{
	const struct penstock_texel_format *from = pair->source->format;
	const struct penstock_texel_format *to = pair->destination->format;
	struct region region = {
		.slot = pair->destination,
		.level_operand = "destination_level",
		.layer_operand = "destination_first_layer",
		.origin_operands = { "destination_x", "destination_y", "destination_z" },
		.level = penstock_load32(bytes + PENSTOCK_OPERAND_COPY_IMAGE_destination_level),
		.first_layer = penstock_load32(bytes +
					       PENSTOCK_OPERAND_COPY_IMAGE_destination_first_layer),
		.origin = { (int32_t)penstock_load32(bytes +
						     PENSTOCK_OPERAND_COPY_IMAGE_destination_x),
			    (int32_t)penstock_load32(bytes +
						     PENSTOCK_OPERAND_COPY_IMAGE_destination_y),
			    (int32_t)penstock_load32(bytes +
						     PENSTOCK_OPERAND_COPY_IMAGE_destination_z) },
		.extent = { converted(penstock_load32(bytes + PENSTOCK_OPERAND_COPY_IMAGE_width),
				      from->block_width, to->block_width),
			    converted(penstock_load32(bytes + PENSTOCK_OPERAND_COPY_IMAGE_height),
				      from->block_height, to->block_height) },
	};

	put_slices(bytes, pair, &region);
	return region;
}

static bool judge_copy(struct penstock_walk *walk, const struct penstock_image_slots *slots,
		       const uint8_t *bytes)
{
	struct region source, destination;
	struct pair pair;

	if (!find_pair(walk, slots, bytes, PENSTOCK_FEATURE_COPY_SOURCE,
		       PENSTOCK_FEATURE_COPY_DESTINATION, &pair) ||
	    !judge_copied_formats(walk, bytes, &pair) || !judge_copied_types(walk, bytes, &pair)) {
		return false;
	}
	source = copied_source(bytes, &pair);
	destination = copied_destination(bytes, &pair);
	if (!judge_region(walk, bytes, &source, true) ||
	    !judge_region(walk, bytes, &destination,
			  pair.source->format->block_width ==
				  pair.destination->format->block_width)) {
		return false;
	}
	return !overlap(&source, &destination) || refuse_overlap(walk, bytes);
}

const uint8_t *penstock_render_copy_image(struct penstock_walk *walk, const uint8_t *bytes,
					  uint32_t length)
{
	struct penstock_image_slots slots;

	return take_images(walk, &slots, bytes) && judge_copy(walk, &slots, bytes)
		       ? penstock_render_group_finish(walk, bytes, length, NULL)
		       : NULL;
}

/* ------------------------------------------------------------------ blit_image */

#define BLIT(operand) PENSTOCK_OPERAND_BLIT_IMAGE_##operand
#define CORNER_BYTES  12u /* of x, y and z */

/* From two corners, which may stand either way. */
static bool put_corners(struct penstock_walk *walk, const uint8_t *bytes, uint32_t first,
			struct region *region)
{
	for (uint32_t axis = 0; axis < 3; axis++) {
		const int64_t from = (int32_t)penstock_load32(bytes + first + axis * 4);
		const int64_t to =
			(int32_t)penstock_load32(bytes + first + CORNER_BYTES + axis * 4);

		if (from < 0 || to < 0 || from == to) {
			return penstock_walk_refuse(walk, bytes, PENSTOCK_STATUS_INVALID_PARAMETER,
						    region->origin_operands[axis],
						    "from %d to %d: something, from 0 on",
						    (int)from, (int)to) != NULL;
		}
		region->origin[axis] = (int32_t)(from < to ? from : to);
		region->extent[axis] = (uint32_t)(from < to ? to - from : from - to);
	}
	return true;
}

static bool judge_blitted_formats(struct penstock_walk *walk, const uint8_t *bytes,
				  const struct pair *pair)
{
	const struct penstock_texel_format *source = pair->source->format;
	const struct penstock_texel_format *destination = pair->destination->format;
	const uint32_t asked = penstock_load32(bytes + BLIT(aspects));
	const uint32_t filter = penstock_load32(bytes + BLIT(filter));
	const uint32_t aspects =
		penstock_render_image_aspects(walk, bytes, "aspects", source, asked);

	if (aspects == 0 ||
	    penstock_render_image_aspects(walk, bytes, "aspects", destination, asked) == 0) {
		return false;
	}
	if (aspects == PENSTOCK_ASPECT_COLOR ? source->numbers != destination->numbers ||
						       destination->aspects != PENSTOCK_ASPECT_COLOR
					     : source != destination) {
		return penstock_walk_refuse(walk, bytes, PENSTOCK_STATUS_INVALID_PARAMETER,
					    "destination",
					    "from format %s to %s: one sort of numbers, and depth "
					    "and stencil in one format",
					    source->name, destination->name) != NULL;
	}
	if (filter != 0 && (aspects != PENSTOCK_ASPECT_COLOR ||
			    (pair->source->features & PENSTOCK_FEATURE_LINEAR_FILTER) == 0)) {
		return penstock_walk_refuse(walk, bytes, PENSTOCK_STATUS_INVALID_PARAMETER,
					    "filter",
					    "the adapter does not filter format %s linearly",
					    source->name) != NULL;
	}
	if (pair->source->image.samples != 1 || pair->destination->image.samples != 1) {
		return refuse(walk, bytes, "source", "images of several samples are resolved");
	}
	return true;
}

static bool judge_blitted_types(struct penstock_walk *walk, const uint8_t *bytes,
				const struct pair *pair)
{
	const bool slices = pair->source->image.type == PENSTOCK_IMAGE_3D ||
			    pair->destination->image.type == PENSTOCK_IMAGE_3D;

	if (slices && penstock_load32(bytes + BLIT(layers)) != 1) {
		return refuse(walk, bytes, "layers", "of a 3D image, or to one: 1");
	}
	return true;
}

static bool judge_blit(struct penstock_walk *walk, const struct penstock_image_slots *slots,
		       const uint8_t *bytes)
{
	struct pair pair;
	struct region source = {
		.level_operand = "source_level",
		.layer_operand = "source_first_layer",
		.origin_operands = { "source_x0", "source_y0", "source_z0" },
		.level = penstock_load32(bytes + BLIT(source_level)),
		.first_layer = penstock_load32(bytes + BLIT(source_first_layer)),
		.layers = penstock_load32(bytes + BLIT(layers)),
		.filtered = true,
	};
	struct region destination = {
		.level_operand = "destination_level",
		.layer_operand = "destination_first_layer",
		.origin_operands = { "destination_x0", "destination_y0", "destination_z0" },
		.level = penstock_load32(bytes + BLIT(destination_level)),
		.first_layer = penstock_load32(bytes + BLIT(destination_first_layer)),
		.layers = penstock_load32(bytes + BLIT(layers)),
		.filtered = true,
	};

	if (!find_pair(walk, slots, bytes, PENSTOCK_FEATURE_BLIT_SOURCE,
		       PENSTOCK_FEATURE_BLIT_DESTINATION, &pair) ||
	    !judge_blitted_formats(walk, bytes, &pair) ||
	    !judge_blitted_types(walk, bytes, &pair)) {
		return false;
	}
	source.slot = pair.source;
	destination.slot = pair.destination;
	if (!put_corners(walk, bytes, BLIT(source_x0), &source) ||
	    !put_corners(walk, bytes, BLIT(destination_x0), &destination) ||
	    !judge_region(walk, bytes, &source, true) ||
	    !judge_region(walk, bytes, &destination, true) ||
	    !judge_layer(walk, bytes, "destination", &destination,
			 penstock_texel_format_is_slow(pair.source->format)
				 ? PENSTOCK_LIMIT_DECODED_PIXELS
				 : PENSTOCK_LIMIT_INSTRUCTION_PIXELS)) {
		return false;
	}
	return !overlap(&source, &destination) || refuse_overlap(walk, bytes);
}

const uint8_t *penstock_render_blit_image(struct penstock_walk *walk, const uint8_t *bytes,
					  uint32_t length)
{
	static const struct penstock_word_limit limits[] = {
		PENSTOCK_WITHIN(BLIT_IMAGE, filter, 0, 1),
	};
	struct penstock_image_slots slots;

	return take_images(walk, &slots, bytes) &&
			       penstock_walk_words_within(walk, bytes, limits, 1) &&
			       judge_blit(walk, &slots, bytes)
		       ? penstock_render_group_finish(walk, bytes, length, NULL)
		       : NULL;
}

/* ------------------------------------------------------------------ resolve_image */

#define RESOLVE(operand) PENSTOCK_OPERAND_RESOLVE_IMAGE_##operand

static bool judge_resolved(struct penstock_walk *walk, const uint8_t *bytes,
			   const struct pair *pair)
{
	if (pair->source->format != pair->destination->format ||
	    pair->source->format->aspects != PENSTOCK_ASPECT_COLOR) {
		return refuse(walk, bytes, "destination", "colours of one format are resolved");
	}
	if (pair->source->image.samples == 1 || pair->destination->image.samples != 1) {
		return refuse(walk, bytes, "source", "from several samples to one is resolved");
	}
	if (pair->destination->image.type != PENSTOCK_IMAGE_2D) {
		return refuse(walk, bytes, "destination", "a 2D image is resolved to");
	}
	return true;
}

static bool judge_resolve(struct penstock_walk *walk, const struct penstock_image_slots *slots,
			  const uint8_t *bytes)
{
	struct pair pair;
	struct region source = {
		.level_operand = "source",
		.layer_operand = "source_first_layer",
		.origin_operands = { "source_x", "source_y", "" },
		.first_layer = penstock_load32(bytes + RESOLVE(source_first_layer)),
		.layers = penstock_load32(bytes + RESOLVE(layers)),
		.origin = { (int32_t)penstock_load32(bytes + RESOLVE(source_x)),
			    (int32_t)penstock_load32(bytes + RESOLVE(source_y)) },
		.extent = { penstock_load32(bytes + RESOLVE(width)),
			    penstock_load32(bytes + RESOLVE(height)), 1 },
	};
	struct region destination = {
		.level_operand = "destination_level",
		.layer_operand = "destination_first_layer",
		.origin_operands = { "destination_x", "destination_y", "" },
		.level = penstock_load32(bytes + RESOLVE(destination_level)),
		.first_layer = penstock_load32(bytes + RESOLVE(destination_first_layer)),
		.layers = penstock_load32(bytes + RESOLVE(layers)),
		.origin = { (int32_t)penstock_load32(bytes + RESOLVE(destination_x)),
			    (int32_t)penstock_load32(bytes + RESOLVE(destination_y)) },
		.extent = { penstock_load32(bytes + RESOLVE(width)),
			    penstock_load32(bytes + RESOLVE(height)), 1 },
	};

	if (!find_pair(walk, slots, bytes, PENSTOCK_FEATURE_COLOR_TARGET,
		       PENSTOCK_FEATURE_COLOR_TARGET, &pair) ||
	    !judge_resolved(walk, bytes, &pair)) {
		return false;
	}
	source.slot = pair.source;
	destination.slot = pair.destination;
	return judge_region(walk, bytes, &source, true) &&
	       judge_region(walk, bytes, &destination, true);
}

const uint8_t *penstock_render_resolve_image(struct penstock_walk *walk, const uint8_t *bytes,
					     uint32_t length)
{
	struct penstock_image_slots slots;

	return take_images(walk, &slots, bytes) && judge_resolve(walk, &slots, bytes)
		       ? penstock_render_group_finish(walk, bytes, length, NULL)
		       : NULL;
}

/* ------------------------------------------------------------------ clear_image */

#define CLEAR(operand) PENSTOCK_OPERAND_CLEAR_IMAGE_##operand

static bool judge_cleared_aspects(struct penstock_walk *walk, const uint8_t *bytes,
				  const struct penstock_texel_format *format)
{
	static const struct penstock_single_limit depth[] = {
		PENSTOCK_WITHIN(CLEAR_IMAGE, clear_0, 0, 1),
	};
	const uint32_t aspects = penstock_render_image_aspects(
		walk, bytes, "aspects", format, penstock_load32(bytes + CLEAR(aspects)));

	if (aspects == 0) {
		return false;
	}
	if (format->block_width != 1) {
		return refuse(walk, bytes, "image", "no value fills a compressed image");
	}
	return (aspects & PENSTOCK_ASPECT_DEPTH) == 0 ||
	       penstock_walk_singles_within(walk, bytes, depth, PENSTOCK_ARRAY_SIZE(depth));
}

/* Rows are cleared of what can be a target; of the rest a layer, or all slices of a level, at once.
 * The first level is the largest.
 */
static bool judge_cleared_layer(struct penstock_walk *walk, const uint8_t *bytes,
				const struct penstock_image_slot *slot)
{
	const struct penstock_image *image = &slot->image;
	const uint32_t level = penstock_load32(bytes + CLEAR(first_level));
	const struct region region = {
		.slot = slot,
		.extent = { penstock_at_level(image->width, level),
			    penstock_at_level(image->height, level),
			    penstock_at_level(image->depth, level) },
	};
	const uint64_t targets = PENSTOCK_FEATURE_COLOR_TARGET | PENSTOCK_FEATURE_DEPTH_STENCIL;

	return (image->type != PENSTOCK_IMAGE_3D && (slot->features & targets) != 0) ||
	       judge_layer(walk, bytes, "image", &region, PENSTOCK_LIMIT_INSTRUCTION_PIXELS);
}

static bool judge_clear(struct penstock_walk *walk, const struct penstock_image_slots *slots,
			const uint8_t *bytes)
{
	const struct penstock_image_slot *slot = penstock_render_slots_get(
		walk, slots, bytes, "image", penstock_load32(bytes + CLEAR(image)), true);

	return slot != NULL &&
	       has_features(walk, bytes, "image", slot, PENSTOCK_FEATURE_COPY_DESTINATION) &&
	       judge_cleared_aspects(walk, bytes, slot->format) &&
	       penstock_render_image_part(
		       walk, bytes, "levels", "levels", penstock_load32(bytes + CLEAR(first_level)),
		       penstock_load32(bytes + CLEAR(levels)), slot->image.levels) &&
	       penstock_render_image_part(
		       walk, bytes, "layers", "layers", penstock_load32(bytes + CLEAR(first_layer)),
		       penstock_load32(bytes + CLEAR(layers)), slot->image.layers) &&
	       judge_cleared_layer(walk, bytes, slot);
}

const uint8_t *penstock_render_clear_image(struct penstock_walk *walk, const uint8_t *bytes,
					   uint32_t length)
{
	struct penstock_image_slots slots;

	return take_images(walk, &slots, bytes) && judge_clear(walk, &slots, bytes)
		       ? penstock_render_group_finish(walk, bytes, length, NULL)
		       : NULL;
}
