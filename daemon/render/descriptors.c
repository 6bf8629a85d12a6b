/* SPDX-License-Identifier: MIT */
#include "daemon/render/descriptors.h"

#include <inttypes.h>
#include <string.h>

#define DESCRIPTOR_ALIGNMENT 16u /* of a range: minStorageBufferOffsetAlignment and the like */

/* ------------------------------------------------------------------ bind_buffer */

/* Those that bind buffers differ in what they may do alone. */
#define ALIKE(name)                                                                                \
	_Static_assert((int)PENSTOCK_OPERAND_BIND_BUFFER_allocation ==                             \
				       (int)PENSTOCK_OPERAND_##name##_allocation &&                \
			       (int)PENSTOCK_OPERAND_BIND_BUFFER_offset ==                         \
				       (int)PENSTOCK_OPERAND_##name##_offset &&                    \
			       (int)PENSTOCK_OPERAND_BIND_BUFFER_size ==                           \
				       (int)PENSTOCK_OPERAND_##name##_size &&                      \
			       (int)PENSTOCK_OPERAND_BIND_BUFFER_set ==                            \
				       (int)PENSTOCK_OPERAND_##name##_set &&                       \
			       (int)PENSTOCK_OPERAND_BIND_BUFFER_binding ==                        \
				       (int)PENSTOCK_OPERAND_##name##_binding &&                   \
			       (int)PENSTOCK_OPERAND_BIND_BUFFER_element ==                        \
				       (int)PENSTOCK_OPERAND_##name##_element &&                   \
			       (int)PENSTOCK_DMA_BIND_BUFFER_address ==                            \
				       (int)PENSTOCK_DMA_##name##_address,                         \
		       "one layout for all")
ALIKE(BIND_BUFFER_WRITE);
ALIKE(BIND_TEXEL_BUFFER);
ALIKE(BIND_TEXEL_BUFFER_WRITE);

static uint16_t opcode_of(const uint8_t *bytes)
{
	return penstock_header_opcode(penstock_load32(bytes));
}

static bool writes(const uint8_t *bytes)
{
	return opcode_of(bytes) == PENSTOCK_OPCODE_BIND_BUFFER_WRITE ||
	       opcode_of(bytes) == PENSTOCK_OPCODE_BIND_TEXEL_BUFFER_WRITE;
}

static uint64_t size_of(const uint8_t *bytes)
{
	return penstock_load64(bytes + PENSTOCK_OPERAND_BIND_BUFFER_size);
}

/* The range of all four; what no descriptor takes is refused whether one is used or not. */
static bool range_stands(struct penstock_walk *walk, const uint8_t *bytes)
{
	uint64_t offset = penstock_load64(bytes + PENSTOCK_OPERAND_BIND_BUFFER_offset);
	uint64_t size = size_of(bytes);

	if (penstock_walk_range_operand(walk, bytes, PENSTOCK_OPERAND_BIND_BUFFER_allocation,
					"allocation", writes(bytes), offset, size) == NULL ||
	    !penstock_walk_offset_aligned(walk, bytes, "offset", offset, DESCRIPTOR_ALIGNMENT)) {
		return false;
	}
	if (size > PENSTOCK_LIMIT_STORAGE_RANGE_BYTES) {
		return penstock_walk_refuse(walk, bytes, PENSTOCK_STATUS_INVALID_PARAMETER, "size",
					    "a descriptor cannot take so large a range: 0x%x bytes "
					    "at most",
					    PENSTOCK_LIMIT_STORAGE_RANGE_BYTES) != NULL;
	}
	return true;
}

const uint8_t *penstock_render_bind_buffer(struct penstock_walk *walk, const uint8_t *bytes,
					   uint32_t length)
{
	return range_stands(walk, bytes) && penstock_render_group_take(walk, bytes, length)
		       ? bytes + length
		       : NULL;
}

static const struct penstock_texel_format *texels_of(const uint8_t *bytes)
{
	return penstock_texel_format_get(
		penstock_load32(bytes + PENSTOCK_OPERAND_BIND_TEXEL_BUFFER_format));
}

const uint8_t *penstock_render_bind_texel_buffer(struct penstock_walk *walk, const uint8_t *bytes,
						 uint32_t length)
{
	const struct penstock_texel_format *format = texels_of(bytes);
	const uint64_t size = size_of(bytes);

	if (format == NULL || walk->formats == NULL || walk->formats[format->id].buffer == 0) {
		return penstock_walk_refuse(
			walk, bytes, PENSTOCK_STATUS_INVALID_PARAMETER, "format",
			"the adapter has no texel buffers of format %u",
			penstock_load32(bytes + PENSTOCK_OPERAND_BIND_TEXEL_BUFFER_format));
	}
	if (!range_stands(walk, bytes)) {
		return NULL;
	}
	if (size % format->block_bytes != 0) {
		return penstock_walk_refuse(walk, bytes, PENSTOCK_STATUS_INVALID_PARAMETER, "size",
					    "0x%" PRIx64 " bytes are not whole texels of %u", size,
					    format->block_bytes);
	}
	return penstock_render_group_take(walk, bytes, length) ? bytes + length : NULL;
}

/* ------------------------------------------------------------------ bind_image, bind_sampler */

#define SWIZZLES 7u /* VkComponentSwizzle */

const uint8_t *penstock_render_bind_image(struct penstock_walk *walk, const uint8_t *bytes,
					  uint32_t length)
{
	static const struct penstock_word_limit limits[] = {
		PENSTOCK_WITHIN(BIND_IMAGE, image, 0, PENSTOCK_LIMIT_GROUP_IMAGES - 1),
		PENSTOCK_WITHIN(BIND_IMAGE, view_type, 0, PENSTOCK_VIEW_TYPES - 1),
		PENSTOCK_WITHIN(BIND_IMAGE, aspects, 0, 7),
	};
	const uint32_t components = penstock_load32(bytes + PENSTOCK_OPERAND_BIND_IMAGE_components);

	if (!penstock_walk_words_within(walk, bytes, limits, PENSTOCK_ARRAY_SIZE(limits))) {
		return NULL;
	}
	for (uint32_t i = 0; i < 4; i++) {
		if ((components >> 8 * i & 0xFF) >= SWIZZLES) {
			return penstock_walk_refuse(walk, bytes, PENSTOCK_STATUS_INVALID_PARAMETER,
						    "components", "component %u is %u: at most %u",
						    i, components >> 8 * i & 0xFF, SWIZZLES - 1);
		}
	}
	return penstock_render_group_take(walk, bytes, length) ? bytes + length : NULL;
}

#define SAMPLER_COMPARES     1u
#define SAMPLER_UNNORMALIZED 2u

/* VkSamplerAddressMode */
enum { ADDRESS_CLAMP_TO_EDGE = 2, ADDRESS_CLAMP_TO_BORDER = 3, ADDRESS_LAST = 4 };

static uint32_t sampler_word(const uint8_t *bytes, uint32_t operand)
{
	return penstock_load32(bytes + operand);
}

static bool clamps(uint32_t mode)
{
	return mode == ADDRESS_CLAMP_TO_EDGE || mode == ADDRESS_CLAMP_TO_BORDER;
}

/* What coordinates in texels cannot have. */
static const char *unnormalized_fault(const uint8_t *bytes)
{
	if (sampler_word(bytes, PENSTOCK_OPERAND_BIND_SAMPLER_mag_filter) !=
		    sampler_word(bytes, PENSTOCK_OPERAND_BIND_SAMPLER_min_filter) ||
	    sampler_word(bytes, PENSTOCK_OPERAND_BIND_SAMPLER_mipmap_mode) != 0) {
		return "unnormalized coordinates take one filter, and no other level";
	}
	if (!clamps(sampler_word(bytes, PENSTOCK_OPERAND_BIND_SAMPLER_address_u)) ||
	    !clamps(sampler_word(bytes, PENSTOCK_OPERAND_BIND_SAMPLER_address_v))) {
		return "unnormalized coordinates are clamped";
	}
	if (penstock_load_single(bytes + PENSTOCK_OPERAND_BIND_SAMPLER_min_lod) != 0 ||
	    penstock_load_single(bytes + PENSTOCK_OPERAND_BIND_SAMPLER_max_lod) != 0 ||
	    penstock_load_single(bytes + PENSTOCK_OPERAND_BIND_SAMPLER_anisotropy) != 0 ||
	    (sampler_word(bytes, PENSTOCK_OPERAND_BIND_SAMPLER_flags) & SAMPLER_COMPARES) != 0) {
		return "unnormalized coordinates take no level of detail, anisotropy or compare";
	}
	return NULL;
}

static const char *sampler_fault(const uint8_t *bytes, const char **ret_operand)
{
	const uint32_t flags = sampler_word(bytes, PENSTOCK_OPERAND_BIND_SAMPLER_flags);
	const float anisotropy =
		penstock_load_single(bytes + PENSTOCK_OPERAND_BIND_SAMPLER_anisotropy);

	*ret_operand = "compare_op";
	if ((flags & SAMPLER_COMPARES) == 0 &&
	    sampler_word(bytes, PENSTOCK_OPERAND_BIND_SAMPLER_compare_op) != 0) {
		return "a sampler that does not compare has none";
	}
	*ret_operand = "reduction_mode";
	if ((flags & SAMPLER_COMPARES) != 0 &&
	    sampler_word(bytes, PENSTOCK_OPERAND_BIND_SAMPLER_reduction_mode) != 0) {
		return "a sampler that compares takes the weighted average";
	}
	*ret_operand = "anisotropy";
	if (anisotropy > 0 && anisotropy < 1) {
		return "0 for none, or from 1 to 16";
	}
	*ret_operand = "max_lod";
	if (penstock_load_single(bytes + PENSTOCK_OPERAND_BIND_SAMPLER_max_lod) <
	    penstock_load_single(bytes + PENSTOCK_OPERAND_BIND_SAMPLER_min_lod)) {
		return "less than min_lod";
	}
	*ret_operand = "flags";
	return (flags & SAMPLER_UNNORMALIZED) != 0 ? unnormalized_fault(bytes) : NULL;
}

const uint8_t *penstock_render_bind_sampler(struct penstock_walk *walk, const uint8_t *bytes,
					    uint32_t length)
{
	static const struct penstock_word_limit words[] = {
		PENSTOCK_WITHIN(BIND_SAMPLER, flags, 0, SAMPLER_COMPARES | SAMPLER_UNNORMALIZED),
		PENSTOCK_WITHIN(BIND_SAMPLER, mag_filter, 0, 1),
		PENSTOCK_WITHIN(BIND_SAMPLER, min_filter, 0, 1),
		PENSTOCK_WITHIN(BIND_SAMPLER, mipmap_mode, 0, 1),
		PENSTOCK_WITHIN(BIND_SAMPLER, address_u, 0, ADDRESS_LAST),
		PENSTOCK_WITHIN(BIND_SAMPLER, address_v, 0, ADDRESS_LAST),
		PENSTOCK_WITHIN(BIND_SAMPLER, address_w, 0, ADDRESS_LAST),
		PENSTOCK_WITHIN(BIND_SAMPLER, compare_op, 0, 7),
		PENSTOCK_WITHIN(BIND_SAMPLER, border_color, 0, 5),
		PENSTOCK_WITHIN(BIND_SAMPLER, reduction_mode, 0, 2),
	};
	static const struct penstock_single_limit singles[] = {
		PENSTOCK_WITHIN(BIND_SAMPLER, lod_bias, -16, 16),
		PENSTOCK_WITHIN(BIND_SAMPLER, anisotropy, 0, 16),
		PENSTOCK_WITHIN(BIND_SAMPLER, min_lod, -PENSTOCK_SINGLE_MOST, PENSTOCK_SINGLE_MOST),
		PENSTOCK_WITHIN(BIND_SAMPLER, max_lod, -PENSTOCK_SINGLE_MOST, PENSTOCK_SINGLE_MOST),
	};
	const char *operand, *fault;

	if (!penstock_walk_words_within(walk, bytes, words, PENSTOCK_ARRAY_SIZE(words)) ||
	    !penstock_walk_singles_within(walk, bytes, singles, PENSTOCK_ARRAY_SIZE(singles))) {
		return NULL;
	}
	fault = sampler_fault(bytes, &operand);
	if (fault != NULL) {
		return penstock_walk_refuse(walk, bytes, PENSTOCK_STATUS_INVALID_PARAMETER, operand,
					    "%s: %s", operand, fault);
	}
	return penstock_render_group_take(walk, bytes, length) ? bytes + length : NULL;
}

/* ------------------------------------------------------------------ what is bound */

#define ELEMENT_BITS 10u
#define BINDING_BITS 12u
_Static_assert(PENSTOCK_LIMIT_DESCRIPTORS == 1u << ELEMENT_BITS &&
		       PENSTOCK_LIMIT_BINDING_NUMBER == 1u << BINDING_BITS,
	       "a key holds them");

static uint32_t key_of(uint32_t set, uint32_t binding, uint32_t element)
{
	return (set << BINDING_BITS | binding) << ELEMENT_BITS | element;
}

static bool is_key(uint32_t set, uint32_t binding, uint32_t element)
{
	return set < PENSTOCK_LIMIT_DESCRIPTOR_SETS && binding < PENSTOCK_LIMIT_BINDING_NUMBER &&
	       element < PENSTOCK_LIMIT_DESCRIPTORS;
}

#define NONE UINT16_MAX
_Static_assert(PENSTOCK_LIMIT_DESCRIPTORS <= NONE, "an index is none of them");

void penstock_render_descriptors_init(struct penstock_descriptors *descriptors,
				      const struct penstock_walk *walk)
{
	descriptors->count = 0;
	descriptors->clock = 0;
	descriptors->newest = NONE;
	descriptors->known = 0;
	penstock_render_rounded_clear(&descriptors->rounded, walk);
}

/* The first in the order that is not before `key`. */
static uint32_t place_of(const struct penstock_descriptors *descriptors, uint32_t key)
{
	uint32_t low = 0, high = descriptors->count;

	while (low < high) {
		uint32_t middle = low + (high - low) / 2;

		if (descriptors->bound[descriptors->order[middle]].key < key) {
			low = middle + 1;
		} else {
			high = middle;
		}
	}
	return low;
}

static struct penstock_descriptor_bound *at_place(struct penstock_descriptors *descriptors,
						  uint32_t place, uint32_t key)
{
	struct penstock_descriptor_bound *bound =
		place < descriptors->count ? &descriptors->bound[descriptors->order[place]] : NULL;

	return bound != NULL && bound->key == key ? bound : NULL;
}

/* NULL: there are too many. */
static struct penstock_descriptor_bound *find_or_add(struct penstock_descriptors *descriptors,
						     uint32_t key)
{
	const uint32_t place = place_of(descriptors, key);
	struct penstock_descriptor_bound *bound = at_place(descriptors, place, key);

	if (bound != NULL || descriptors->count == PENSTOCK_LIMIT_DESCRIPTORS) {
		return bound;
	}
	memmove(&descriptors->order[place + 1], &descriptors->order[place],
		(descriptors->count - place) * sizeof(descriptors->order[0]));
	descriptors->order[place] = (uint16_t)descriptors->count;
	bound = &descriptors->bound[descriptors->count++];
	*bound = (struct penstock_descriptor_bound){ .key = key, .newer = NONE, .older = NONE };
	return bound;
}

/* Where each of them has set, binding and element. */
static const struct {
	uint8_t set;
	uint8_t binding;
	uint8_t element;
} places[PENSTOCK_MEMBERS] = {
#define PLACES(name)                                                                               \
	[PENSTOCK_OPCODE_##name - PENSTOCK_MEMBERS_FIRST] = { PENSTOCK_OPERAND_##name##_set,       \
							      PENSTOCK_OPERAND_##name##_binding,   \
							      PENSTOCK_OPERAND_##name##_element }
	PLACES(BIND_BUFFER),  PLACES(BIND_BUFFER_WRITE), PLACES(BIND_IMAGE),
	PLACES(BIND_SAMPLER), PLACES(BIND_TEXEL_BUFFER), PLACES(BIND_TEXEL_BUFFER_WRITE),
#undef PLACES
};

/* Takes it out of the list of changes, where it is in it. */
static void unlink_change(struct penstock_descriptors *descriptors,
			  struct penstock_descriptor_bound *bound)
{
	if (bound->newer != NONE) {
		descriptors->bound[bound->newer].older = bound->older;
	} else if (bound->changed != 0) {
		descriptors->newest = bound->older;
	}
	if (bound->older != NONE) {
		descriptors->bound[bound->older].newer = bound->newer;
	}
}

static void note_change(struct penstock_descriptors *descriptors,
			struct penstock_descriptor_bound *bound)
{
	const uint16_t index = (uint16_t)(bound - descriptors->bound);

	unlink_change(descriptors, bound);
	bound->changed = ++descriptors->clock;
	bound->newer = NONE;
	bound->older = descriptors->newest;
	if (bound->older != NONE) {
		descriptors->bound[bound->older].newer = index;
	}
	descriptors->newest = index;
}

bool penstock_render_descriptors_bind(struct penstock_walk *walk,
				      struct penstock_descriptors *descriptors,
				      const struct penstock_image_slots *slots,
				      const uint8_t *bytes, uint32_t position, bool once)
{
	const uint32_t member = penstock_member_of(bytes);
	const uint32_t set = penstock_load32(bytes + places[member].set);
	const uint32_t binding = penstock_load32(bytes + places[member].binding);
	const uint32_t element = penstock_load32(bytes + places[member].element);
	const bool sampler = opcode_of(bytes) == PENSTOCK_OPCODE_BIND_SAMPLER;
	struct penstock_descriptor_bound *bound;
	struct penstock_view view = { 0 };

	if (opcode_of(bytes) == PENSTOCK_OPCODE_BIND_IMAGE &&
	    !penstock_render_view_make(walk, slots, bytes, &view)) {
		return false;
	}
	if (!is_key(set, binding, element)) {
		return true; /* no pipeline has it */
	}
	bound = find_or_add(descriptors, key_of(set, binding, element));
	if (bound == NULL) {
		return penstock_walk_refuse(walk, bytes, PENSTOCK_STATUS_LIMIT_EXCEEDED, "",
					    "more than %u descriptors are bound in one group",
					    PENSTOCK_LIMIT_DESCRIPTORS) != NULL;
	}
	if (once && (sampler ? bound->sampler : bound->resource) != NULL) {
		return penstock_walk_refuse(walk, bytes, PENSTOCK_STATUS_INVALID_PARAMETER,
					    "binding",
					    "set %u, binding %u, element %u of the pipeline is "
					    "bound twice",
					    set, binding, element) != NULL;
	}
	if (sampler) {
		bound->sampler = bytes;
	} else {
		bound->resource = bytes;
		bound->position = position;
		bound->view = view;
	}
	note_change(descriptors, bound);
	return true;
}

/* ------------------------------------------------------------------ against the pipeline */

/* One descriptor of a pipeline and what is bound to it. */
struct judged {
	struct penstock_walk *walk;
	const struct penstock_render_binding *binding;
	uint32_t element;
	const struct penstock_descriptor_bound *bound;
	struct penstock_rounded *rounded;
};

static bool refuse(const struct judged *judged, const uint8_t *bytes, const char *operand,
		   const char *fault)
{
	(void)penstock_walk_refuse(judged->walk, bytes, PENSTOCK_STATUS_INVALID_PARAMETER, operand,
				   "set %u, binding %u, element %u of the pipeline %s",
				   judged->binding->set, judged->binding->binding, judged->element,
				   fault);
	return false;
}

/* The number of its components, and its size where the shader has a format. */
static bool judge_texels(const struct judged *judged, const struct penstock_texel_format *format,
			 uint32_t number)
{
	/* Of SpvImageFormat; 0: whatever there is. */
	static const uint8_t bytes_of[] = { 0, 16, 8,  4, 4, 4, 8, 4,  4, 2, 8, 4, 4, 2,
					    2, 1,  8,  4, 2, 2, 1, 16, 8, 4, 4, 8, 4, 2,
					    2, 1,  16, 8, 4, 4, 4, 8,  4, 2, 2, 1, 8, 8 };
	const struct penstock_render_binding *binding = judged->binding;

	if (binding->number != 0 && binding->number != number) {
		return refuse(judged, judged->bound->resource, "format",
			      "reads and writes another sort of numbers");
	}
	if (binding->format != 0 && (binding->format >= PENSTOCK_ARRAY_SIZE(bytes_of) ||
				     bytes_of[binding->format] != format->block_bytes)) {
		return refuse(judged, judged->bound->resource, "format",
			      "has a format with texels of another size");
	}
	return true;
}

static bool judge_buffer(const struct judged *judged)
{
	const struct penstock_render_binding *binding = judged->binding;
	const uint8_t *bytes = judged->bound->resource;
	const uint32_t position = judged->bound->position;
	const bool uniform = binding->type == PENSTOCK_DESCRIPTOR_UNIFORM_BUFFER;
	uint64_t size;

	if (opcode_of(bytes) != PENSTOCK_OPCODE_BIND_BUFFER &&
	    opcode_of(bytes) != PENSTOCK_OPCODE_BIND_BUFFER_WRITE) {
		return refuse(judged, bytes, "", "is a buffer");
	}
	size = size_of(bytes);
	if (size < binding->least_bytes) {
		(void)penstock_walk_refuse(
			judged->walk, bytes, PENSTOCK_STATUS_INVALID_PARAMETER, "size",
			"set %u, binding %u, element %u of the pipeline needs 0x%x bytes, not "
			"0x%" PRIx64,
			binding->set, binding->binding, judged->element, binding->least_bytes,
			size);
		return false;
	}
	if (uniform && size > PENSTOCK_LIMIT_UNIFORM_RANGE_BYTES) {
		return refuse(judged, bytes, "size", "cannot take so large a range");
	}
	if (binding->written && !writes(bytes)) {
		return refuse(judged, bytes, "allocation",
			      "is written, and needs bind_buffer_write");
	}
	if (uniform) {
		judged->rounded->words[position / 64] |= 1ull << position % 64;
	}
	return true;
}

static bool judge_texel_buffer(const struct judged *judged)
{
	const uint8_t *bytes = judged->bound->resource;
	const bool storage = judged->binding->type == PENSTOCK_DESCRIPTOR_STORAGE_TEXEL_BUFFER;
	const uint64_t wanted = storage ? PENSTOCK_FEATURE_STORAGE_TEXEL_BUFFER
					: PENSTOCK_FEATURE_UNIFORM_TEXEL_BUFFER;
	const struct penstock_texel_format *format;

	if (opcode_of(bytes) != PENSTOCK_OPCODE_BIND_TEXEL_BUFFER &&
	    opcode_of(bytes) != PENSTOCK_OPCODE_BIND_TEXEL_BUFFER_WRITE) {
		return refuse(judged, bytes, "", "is a texel buffer");
	}
	format = texels_of(bytes);
	if ((judged->walk->formats[format->id].buffer & wanted) == 0) {
		return refuse(judged, bytes, "format",
			      "is one for which the adapter does not have this format");
	}
	if (judged->binding->written && !writes(bytes)) {
		return refuse(judged, bytes, "allocation",
			      "is written, and needs bind_texel_buffer_write");
	}
	return judge_texels(judged, format, format->numbers);
}

/* SpvDim of each view type. */
enum { DIM_1D, DIM_2D, DIM_3D, DIM_CUBE, DIM_SUBPASS = 6 };
static const uint8_t dimensions[PENSTOCK_VIEW_TYPES] = {
	[PENSTOCK_VIEW_1D] = DIM_1D,           [PENSTOCK_VIEW_2D] = DIM_2D,
	[PENSTOCK_VIEW_3D] = DIM_3D,           [PENSTOCK_VIEW_CUBE] = DIM_CUBE,
	[PENSTOCK_VIEW_1D_ARRAY] = DIM_1D,     [PENSTOCK_VIEW_2D_ARRAY] = DIM_2D,
	[PENSTOCK_VIEW_CUBE_ARRAY] = DIM_CUBE,
};

/* Dimension, array and samples as the shader has them. */
static bool judge_shape(const struct judged *judged)
{
	const struct penstock_render_binding *binding = judged->binding;
	const struct penstock_view *view = &judged->bound->view;
	const uint8_t *bytes = judged->bound->resource;
	const bool arrayed = view->type >= PENSTOCK_VIEW_1D_ARRAY;
	const uint32_t dimension = binding->dimension == DIM_SUBPASS ? DIM_2D : binding->dimension;

	if (dimensions[view->type] != dimension) {
		return refuse(judged, bytes, "view_type", "is of another dimension");
	}
	if (((binding->flags & PENSTOCK_RENDER_ARRAYED) != 0) != arrayed &&
	    binding->dimension != DIM_SUBPASS) {
		return refuse(judged, bytes, "view_type",
			      arrayed ? "is no array of images" : "is an array of images");
	}
	if (((binding->flags & PENSTOCK_RENDER_MULTI) != 0) != view->multisampled) {
		return refuse(judged, bytes, "image",
			      view->multisampled ? "is not multisampled" : "is multisampled");
	}
	return true;
}

static bool judge_image(const struct judged *judged)
{
	static const uint64_t features[] = {
		[PENSTOCK_DESCRIPTOR_COMBINED_IMAGE_SAMPLER] = PENSTOCK_FEATURE_SAMPLED,
		[PENSTOCK_DESCRIPTOR_SAMPLED_IMAGE] = PENSTOCK_FEATURE_SAMPLED,
		[PENSTOCK_DESCRIPTOR_STORAGE_IMAGE] = PENSTOCK_FEATURE_STORAGE,
		[PENSTOCK_DESCRIPTOR_INPUT_ATTACHMENT] =
			PENSTOCK_FEATURE_COLOR_TARGET | PENSTOCK_FEATURE_DEPTH_STENCIL,
	};
	const struct penstock_view *view = &judged->bound->view;
	const uint8_t *bytes = judged->bound->resource;
	const uint32_t type = judged->binding->type;

	if (opcode_of(bytes) != PENSTOCK_OPCODE_BIND_IMAGE) {
		return refuse(judged, bytes, "allocation",
			      opcode_of(bytes) == PENSTOCK_OPCODE_BIND_TEXEL_BUFFER ||
					      opcode_of(bytes) ==
						      PENSTOCK_OPCODE_BIND_TEXEL_BUFFER_WRITE
				      ? "is no texel buffer"
				      : "is no uniform and no storage buffer");
	}
	if (!judge_shape(judged) || !judge_texels(judged, view->format, view->number)) {
		return false;
	}
	if ((view->features & features[type]) == 0) {
		return refuse(judged, bytes, "format",
			      "is one for which the adapter does not have this format");
	}
	if (!view->plain && (type == PENSTOCK_DESCRIPTOR_STORAGE_IMAGE ||
			     type == PENSTOCK_DESCRIPTOR_INPUT_ATTACHMENT)) {
		return refuse(judged, bytes, "components", "takes components as they are");
	}
	if (judged->binding->written && !view->writable) {
		return refuse(judged, bytes, "image", "is written, and needs image_write");
	}
	return true;
}

/* The feature that a sampler asks of formats; 0: none. *ret_fault says that it is not there. */
static uint64_t sampler_feature(const uint8_t *sampler, const char **ret_operand,
				const char **ret_fault)
{
	const bool linear = (sampler_word(sampler, PENSTOCK_OPERAND_BIND_SAMPLER_mag_filter) |
			     sampler_word(sampler, PENSTOCK_OPERAND_BIND_SAMPLER_min_filter) |
			     sampler_word(sampler, PENSTOCK_OPERAND_BIND_SAMPLER_mipmap_mode)) != 0;

	/* What is filtered then is results of comparisons. */
	if ((sampler_word(sampler, PENSTOCK_OPERAND_BIND_SAMPLER_flags) & SAMPLER_COMPARES) != 0) {
		*ret_operand = "flags";
		*ret_fault = "has an image that the adapter does not compare";
		return PENSTOCK_FEATURE_DEPTH_COMPARISON;
	}
	if (linear && sampler_word(sampler, PENSTOCK_OPERAND_BIND_SAMPLER_reduction_mode) != 0) {
		*ret_operand = "reduction_mode";
		*ret_fault = "has an image that the adapter does not reduce so";
		return PENSTOCK_FEATURE_MINMAX_FILTER;
	}
	*ret_operand = "mag_filter";
	*ret_fault = "has an image that the adapter does not filter linearly";
	return linear ? PENSTOCK_FEATURE_LINEAR_FILTER : 0;
}

/* A sampler on the image that it is bound with. */
static bool judge_combined(const struct judged *judged)
{
	const struct penstock_view *view = &judged->bound->view;
	const uint8_t *sampler = judged->bound->sampler;
	const char *operand, *fault;
	const uint64_t feature = sampler_feature(sampler, &operand, &fault);

	if ((view->features & feature) != feature) {
		return refuse(judged, sampler, operand, fault);
	}
	if ((sampler_word(sampler, PENSTOCK_OPERAND_BIND_SAMPLER_flags) & SAMPLER_UNNORMALIZED) !=
		    0 &&
	    (view->type > PENSTOCK_VIEW_2D || !view->single)) {
		return refuse(judged, sampler, "flags",
			      "has an image that takes no unnormalized coordinates");
	}
	return true;
}

/* What a descriptor takes. */
static const struct {
	bool (*judge)(const struct judged *judged); /* NULL: no resource */
	bool sampler;
} takes[] = {
	[PENSTOCK_DESCRIPTOR_SAMPLER] = { NULL, true },
	[PENSTOCK_DESCRIPTOR_COMBINED_IMAGE_SAMPLER] = { judge_image, true },
	[PENSTOCK_DESCRIPTOR_SAMPLED_IMAGE] = { judge_image, false },
	[PENSTOCK_DESCRIPTOR_STORAGE_IMAGE] = { judge_image, false },
	[PENSTOCK_DESCRIPTOR_UNIFORM_TEXEL_BUFFER] = { judge_texel_buffer, false },
	[PENSTOCK_DESCRIPTOR_STORAGE_TEXEL_BUFFER] = { judge_texel_buffer, false },
	[PENSTOCK_DESCRIPTOR_UNIFORM_BUFFER] = { judge_buffer, false },
	[PENSTOCK_DESCRIPTOR_STORAGE_BUFFER] = { judge_buffer, false },
	[PENSTOCK_DESCRIPTOR_INPUT_ATTACHMENT] = { judge_image, false },
};

static bool judge_one(const struct judged *judged, const uint8_t *draw)
{
	const struct penstock_descriptor_bound *bound = judged->bound;
	const uint32_t type = judged->binding->type;

	PENSTOCK_REQUIRE(type < PENSTOCK_ARRAY_SIZE(takes) &&
			 (takes[type].judge != NULL || takes[type].sampler));
	if (takes[type].judge != NULL && (bound == NULL || bound->resource == NULL)) {
		return refuse(judged, draw, "", "is not bound");
	}
	if (takes[type].judge != NULL && !takes[type].judge(judged)) {
		return false;
	}
	if (takes[type].sampler && (bound == NULL || bound->sampler == NULL)) {
		return refuse(judged, draw, "",
			      takes[type].judge == NULL ? "is not bound" : "has no sampler");
	}
	return type != PENSTOCK_DESCRIPTOR_COMBINED_IMAGE_SAMPLER || judge_combined(judged);
}

/* The order of keys is that of the pipeline's bindings: both are gone through side by side. */
static bool judge_all(struct penstock_walk *walk, struct penstock_descriptors *descriptors,
		      const struct penstock_render_pipeline *pipeline, const uint8_t *draw)
{
	uint32_t place = 0;

	for (uint32_t i = 0; i < pipeline->binding_count; i++) {
		struct judged judged = {
			.walk = walk,
			.binding = &pipeline->bindings[i],
			.rounded = &descriptors->rounded,
		};
		const uint32_t first = key_of(judged.binding->set, judged.binding->binding, 0);

		while (place < descriptors->count &&
		       descriptors->bound[descriptors->order[place]].key < first) {
			place++;
		}
		for (; judged.element < judged.binding->count; judged.element++) {
			judged.bound = at_place(descriptors, place, first + judged.element);
			place += judged.bound != NULL;
			if (!judge_one(&judged, draw)) {
				return false;
			}
		}
	}
	return true;
}

static const struct penstock_render_binding *
find_binding(const struct penstock_render_pipeline *pipeline, uint32_t set, uint32_t binding)
{
	uint32_t low = 0, high = pipeline->binding_count;

	while (low < high) {
		uint32_t middle = low + (high - low) / 2;
		const struct penstock_render_binding *candidate = &pipeline->bindings[middle];

		if (candidate->set == set && candidate->binding == binding) {
			return candidate;
		}
		if (candidate->set < set ||
		    (candidate->set == set && candidate->binding < binding)) {
			low = middle + 1;
		} else {
			high = middle;
		}
	}
	return NULL;
}

/* Only those that changed since. */
static bool judge_changed(struct penstock_walk *walk, struct penstock_descriptors *descriptors,
			  const struct penstock_render_pipeline *pipeline, const uint8_t *draw,
			  uint32_t since)
{
	for (uint16_t i = descriptors->newest; i != NONE && descriptors->bound[i].changed > since;
	     i = descriptors->bound[i].older) {
		const struct penstock_descriptor_bound *bound = &descriptors->bound[i];
		const uint32_t place = bound->key >> ELEMENT_BITS;
		struct judged judged = {
			.walk = walk,
			.binding = find_binding(pipeline, place >> BINDING_BITS,
						place & ((1u << BINDING_BITS) - 1)),
			.element = bound->key & ((1u << ELEMENT_BITS) - 1),
			.bound = bound,
			.rounded = &descriptors->rounded,
		};

		if (judged.binding != NULL && judged.element < judged.binding->count &&
		    !judge_one(&judged, draw)) {
			return false;
		}
	}
	return true;
}

/* Where it is remembered what suited the pipeline; another may be there. */
static uint32_t place_of_pipeline(const struct penstock_render_pipeline *pipeline)
{
	const uint64_t mixed = (uintptr_t)pipeline * 0x9E3779B97F4A7C15u;

	_Static_assert(PENSTOCK_DESCRIPTORS_SUITED == 64, "six bits");
	return (uint32_t)(mixed >> 58);
}

bool penstock_render_descriptors_judge(struct penstock_walk *walk,
				       struct penstock_descriptors *descriptors,
				       const struct penstock_render_pipeline *pipeline,
				       const uint8_t *bytes)
{
	const uint32_t place = place_of_pipeline(pipeline);
	struct penstock_descriptors_suited *suited = &descriptors->suited[place];
	const bool known = (descriptors->known >> place & 1) != 0 && suited->pipeline == pipeline;
	const bool good = known ? judge_changed(walk, descriptors, pipeline, bytes, suited->clock)
				: judge_all(walk, descriptors, pipeline, bytes);

	descriptors->known |= UINT64_C(1) << place;
	*suited = (struct penstock_descriptors_suited){ pipeline, descriptors->clock };
	return good;
}
