/* SPDX-License-Identifier: MIT */
#include "daemon/render/images.h"

#include "daemon/render/group.h"
#include "daemon/render/operands.h"

#include <inttypes.h>

static bool refuse(struct penstock_walk *walk, const uint8_t *bytes, const char *operand,
		   const char *why)
{
	(void)penstock_walk_refuse(walk, bytes, PENSTOCK_STATUS_INVALID_PARAMETER, operand, "%s",
				   why);
	return false;
}

/* ------------------------------------------------------------------ image, image_write */

/* They differ in what they may do alone. */
_Static_assert(
	(int)PENSTOCK_OPERAND_IMAGE_allocation == (int)PENSTOCK_OPERAND_IMAGE_WRITE_allocation &&
		(int)PENSTOCK_OPERAND_IMAGE_offset == (int)PENSTOCK_OPERAND_IMAGE_WRITE_offset &&
		(int)PENSTOCK_OPERAND_IMAGE_tiling == (int)PENSTOCK_OPERAND_IMAGE_WRITE_tiling &&
		(int)PENSTOCK_BYTES_IMAGE == (int)PENSTOCK_BYTES_IMAGE_WRITE &&
		(int)PENSTOCK_DMA_IMAGE_address == (int)PENSTOCK_DMA_IMAGE_WRITE_address &&
		(int)PENSTOCK_DMA_BYTES_IMAGE == (int)PENSTOCK_DMA_BYTES_IMAGE_WRITE,
	"one layout for both");

static bool writes(const uint8_t *bytes)
{
	return penstock_header_opcode(penstock_load32(bytes)) == PENSTOCK_OPCODE_IMAGE_WRITE;
}

static struct penstock_image image_at(const uint8_t *bytes)
{
	return (struct penstock_image){
		.flags = penstock_load32(bytes + PENSTOCK_OPERAND_IMAGE_flags),
		.type = penstock_load32(bytes + PENSTOCK_OPERAND_IMAGE_type),
		.format = penstock_load32(bytes + PENSTOCK_OPERAND_IMAGE_format),
		.width = penstock_load32(bytes + PENSTOCK_OPERAND_IMAGE_width),
		.height = penstock_load32(bytes + PENSTOCK_OPERAND_IMAGE_height),
		.depth = penstock_load32(bytes + PENSTOCK_OPERAND_IMAGE_depth),
		.levels = penstock_load32(bytes + PENSTOCK_OPERAND_IMAGE_levels),
		.layers = penstock_load32(bytes + PENSTOCK_OPERAND_IMAGE_layers),
		.samples = penstock_load32(bytes + PENSTOCK_OPERAND_IMAGE_samples),
		.tiling = penstock_load32(bytes + PENSTOCK_OPERAND_IMAGE_tiling),
	};
}

/* There is such an image, and the adapter has it; *ret_bytes is how long it is. */
static bool judge_image(struct penstock_walk *walk, const uint8_t *bytes, uint64_t *ret_bytes)
{
	const struct penstock_image image = image_at(bytes);
	struct penstock_image_layout layout;
	struct penstock_errbuf text;

	if (walk->formats == NULL) {
		return penstock_walk_refuse(walk, bytes, PENSTOCK_STATUS_ILLEGAL_INSTRUCTION, "",
					    "this adapter has no images") != NULL;
	}
	if (penstock_image_lay_out(&image, &layout, &text) != PENSTOCK_STATUS_SUCCESS ||
	    penstock_image_supported(&image, &layout, walk->formats, &text) !=
		    PENSTOCK_STATUS_SUCCESS) {
		return refuse(walk, bytes, "", text.text);
	}
	*ret_bytes = layout.bytes;
	return true;
}

const uint8_t *penstock_render_image(struct penstock_walk *walk, const uint8_t *bytes,
				     uint32_t length)
{
	static const struct penstock_word_limit slots[] = {
		PENSTOCK_WITHIN(IMAGE, slot, 0, PENSTOCK_LIMIT_GROUP_IMAGES - 1),
	};
	uint64_t offset = penstock_load64(bytes + PENSTOCK_OPERAND_IMAGE_offset), image_bytes;

	if (!penstock_walk_words_within(walk, bytes, slots, PENSTOCK_ARRAY_SIZE(slots)) ||
	    !judge_image(walk, bytes, &image_bytes) ||
	    penstock_walk_range_operand(walk, bytes, PENSTOCK_OPERAND_IMAGE_allocation,
					"allocation", writes(bytes), offset, image_bytes) == NULL ||
	    !penstock_walk_offset_aligned(walk, bytes, "offset", offset,
					  PENSTOCK_IMAGE_ALIGNMENT)) {
		return NULL;
	}
	return penstock_render_group_take(walk, bytes, length) ? bytes + length : NULL;
}

/* ------------------------------------------------------------------ slots */

void penstock_render_slots_define(const struct penstock_walk *walk,
				  struct penstock_image_slots *slots, const uint8_t *bytes)
{
	const uint32_t index = penstock_load32(bytes + PENSTOCK_OPERAND_IMAGE_slot);
	struct penstock_image_slot *slot = &slots->slots[index];

	slot->image = image_at(bytes);
	slot->format = penstock_texel_format_get(slot->image.format);
	slot->features = UINT64_MAX;
	slot->features = penstock_render_image_features(walk, slot, slot->format);
	slot->writable = writes(bytes);
	slots->defined |= 1ull << index;
}

bool penstock_render_slots_has(const struct penstock_image_slots *slots, const uint8_t *bytes)
{
	return (slots->defined >> penstock_load32(bytes + PENSTOCK_OPERAND_IMAGE_slot) & 1) != 0;
}

const struct penstock_image_slot *
penstock_render_slots_get(struct penstock_walk *walk, const struct penstock_image_slots *slots,
			  const uint8_t *bytes, const char *operand, uint32_t index, bool written)
{
	if (index >= PENSTOCK_LIMIT_GROUP_IMAGES || (slots->defined >> index & 1) == 0) {
		(void)penstock_walk_refuse(walk, bytes, PENSTOCK_STATUS_INVALID_PARAMETER, operand,
					   "slot %u is no image of the group", index);
		return NULL;
	}
	if (written && !slots->slots[index].writable) {
		(void)penstock_walk_refuse(walk, bytes, PENSTOCK_STATUS_INVALID_PARAMETER, operand,
					   "the image of slot %u is written, and needs image_write",
					   index);
		return NULL;
	}
	return &slots->slots[index];
}

/* ------------------------------------------------------------------ views */

uint64_t penstock_render_image_features(const struct penstock_walk *walk,
					const struct penstock_image_slot *slot,
					const struct penstock_texel_format *format)
{
	const struct penstock_format_features *features = &walk->formats[format->id];

	/* Its usages are those of its own format. */
	return slot->features & (slot->image.tiling == 0 ? features->optimal : features->linear);
}

const struct penstock_texel_format *
penstock_render_image_viewed_as(struct penstock_walk *walk, const uint8_t *bytes,
				const char *operand, const struct penstock_image_slot *slot,
				uint32_t number)
{
	const struct penstock_texel_format *own = slot->format, *format;

	if (number == 0 || number == own->number) {
		return own;
	}
	format = penstock_texel_format_get(number);
	if ((slot->image.flags & PENSTOCK_IMAGE_MUTABLE) == 0 || format == NULL ||
	    own->aspects != PENSTOCK_ASPECT_COLOR || format->aspects != PENSTOCK_ASPECT_COLOR ||
	    own->block_width != 1 || format->block_width != 1 ||
	    own->block_bytes != format->block_bytes) {
		(void)penstock_walk_refuse(walk, bytes, PENSTOCK_STATUS_INVALID_PARAMETER, operand,
					   "an image of format %s is not looked at as format %u",
					   own->name, number);
		return NULL;
	}
	return format;
}

bool penstock_render_image_part(struct penstock_walk *walk, const uint8_t *bytes,
				const char *operand, const char *what, uint32_t first,
				uint32_t count, uint32_t have)
{
	if (count == 0 || !penstock_range_fits(first, count, have)) {
		return penstock_walk_refuse(walk, bytes, PENSTOCK_STATUS_INVALID_PARAMETER, operand,
					    "%u %s from %u on: at least one, and there are %u",
					    count, what, first, have) != NULL;
	}
	return true;
}

uint32_t penstock_render_image_aspects(struct penstock_walk *walk, const uint8_t *bytes,
				       const char *operand,
				       const struct penstock_texel_format *format, uint32_t aspects)
{
	const uint32_t wanted = penstock_aspects_of(format, aspects);

	if ((wanted & ~(uint32_t)format->aspects) != 0) {
		(void)penstock_walk_refuse(walk, bytes, PENSTOCK_STATUS_INVALID_PARAMETER, operand,
					   "format %s has aspects 0x%x, not 0x%x", format->name,
					   format->aspects, aspects);
		return 0;
	}
	return wanted;
}

/* What an image has to be for a view type; flags that it needs, how many layers the view has. */
static const struct {
	uint32_t type;
	uint32_t flags;
	uint32_t layers; /* exactly; 0: as many as it likes */
	uint32_t times;  /* a multiple of it */
} view_types[PENSTOCK_VIEW_TYPES] = {
	[PENSTOCK_VIEW_1D] = { PENSTOCK_IMAGE_1D, 0, 1, 1 },
	[PENSTOCK_VIEW_2D] = { PENSTOCK_IMAGE_2D, 0, 1, 1 },
	[PENSTOCK_VIEW_3D] = { PENSTOCK_IMAGE_3D, 0, 1, 1 },
	[PENSTOCK_VIEW_CUBE] = { PENSTOCK_IMAGE_2D, PENSTOCK_IMAGE_CUBE, 6, 6 },
	[PENSTOCK_VIEW_1D_ARRAY] = { PENSTOCK_IMAGE_1D, 0, 0, 1 },
	[PENSTOCK_VIEW_2D_ARRAY] = { PENSTOCK_IMAGE_2D, 0, 0, 1 },
	[PENSTOCK_VIEW_CUBE_ARRAY] = { PENSTOCK_IMAGE_2D, PENSTOCK_IMAGE_CUBE, 0, 6 },
};

static bool judge_shape(struct penstock_walk *walk, const uint8_t *bytes,
			const struct penstock_image *image)
{
	const uint32_t type = penstock_load32(bytes + PENSTOCK_OPERAND_BIND_IMAGE_view_type);
	const uint32_t layers = penstock_load32(bytes + PENSTOCK_OPERAND_BIND_IMAGE_layers);

	if (image->type != view_types[type].type ||
	    (image->flags & view_types[type].flags) != view_types[type].flags) {
		return refuse(walk, bytes, "view_type", "the image cannot be looked at so");
	}
	if ((view_types[type].layers != 0 && layers != view_types[type].layers) ||
	    layers % view_types[type].times != 0) {
		return penstock_walk_refuse_value(walk, bytes, "layers", layers,
						  "not what a view of this type has");
	}
	return true;
}

static bool judge_parts(struct penstock_walk *walk, const uint8_t *bytes,
			const struct penstock_image *image)
{
	return penstock_render_image_part(
		       walk, bytes, "levels", "levels",
		       penstock_load32(bytes + PENSTOCK_OPERAND_BIND_IMAGE_first_level),
		       penstock_load32(bytes + PENSTOCK_OPERAND_BIND_IMAGE_levels),
		       image->levels) &&
	       penstock_render_image_part(
		       walk, bytes, "layers", "layers",
		       penstock_load32(bytes + PENSTOCK_OPERAND_BIND_IMAGE_first_layer),
		       penstock_load32(bytes + PENSTOCK_OPERAND_BIND_IMAGE_layers), image->layers);
}

/* VkComponentSwizzle: identity, or its own place. */
static bool is_plain(uint32_t components)
{
	for (uint32_t i = 0; i < 4; i++) {
		uint32_t component = components >> 8 * i & 0xFF;

		if (component != 0 && component != 3 + i) {
			return false;
		}
	}
	return true;
}

bool penstock_render_view_make(struct penstock_walk *walk, const struct penstock_image_slots *slots,
			       const uint8_t *bytes, struct penstock_view *ret_view)
{
	const struct penstock_image_slot *slot = penstock_render_slots_get(
		walk, slots, bytes, "image",
		penstock_load32(bytes + PENSTOCK_OPERAND_BIND_IMAGE_image), false);
	const struct penstock_texel_format *format;
	uint32_t aspects;

	if (slot == NULL || !judge_shape(walk, bytes, &slot->image) ||
	    !judge_parts(walk, bytes, &slot->image)) {
		return false;
	}
	format = penstock_render_image_viewed_as(
		walk, bytes, "format", slot,
		penstock_load32(bytes + PENSTOCK_OPERAND_BIND_IMAGE_format));
	if (format == NULL) {
		return false;
	}
	aspects = penstock_render_image_aspects(
		walk, bytes, "aspects", format,
		penstock_load32(bytes + PENSTOCK_OPERAND_BIND_IMAGE_aspects));
	if (aspects == 0) {
		return false;
	}
	if ((aspects & (aspects - 1)) != 0) {
		return refuse(walk, bytes, "aspects", "shaders see one aspect");
	}
	*ret_view = (struct penstock_view){
		.format = format,
		.features = penstock_render_image_features(walk, slot, format),
		.type = (uint8_t)penstock_load32(bytes + PENSTOCK_OPERAND_BIND_IMAGE_view_type),
		.number = aspects == PENSTOCK_ASPECT_STENCIL ? PENSTOCK_TEXEL_UNSIGNED
							     : format->numbers,
		.multisampled = slot->image.samples > 1,
		.writable = slot->writable,
		.plain = is_plain(penstock_load32(bytes + PENSTOCK_OPERAND_BIND_IMAGE_components)),
		.single = penstock_load32(bytes + PENSTOCK_OPERAND_BIND_IMAGE_levels) == 1 &&
			  penstock_load32(bytes + PENSTOCK_OPERAND_BIND_IMAGE_layers) == 1,
	};
	return true;
}
