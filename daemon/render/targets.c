/* SPDX-License-Identifier: MIT */
#include "daemon/render/targets.h"

#include "daemon/render/group.h"

/* VkAttachmentLoadOp, VkAttachmentStoreOp, VkResolveModeFlagBits */
enum { LOAD, LOAD_CLEAR, LOAD_DONT_CARE };
enum { STORE, STORE_DONT_CARE, STORE_NONE = 1000301000 };
#define RESOLVE_ZERO    1u /* the first sample */
#define RESOLVE_AVERAGE 2u

static bool refuse(struct penstock_walk *walk, const uint8_t *bytes, const char *operand,
		   const char *why)
{
	(void)penstock_walk_refuse(walk, bytes, PENSTOCK_STATUS_INVALID_PARAMETER, operand, "%s",
				   why);
	return false;
}

/* ------------------------------------------------------------------ begin_rendering */

static struct penstock_area area_at(const uint8_t *bytes)
{
	return (struct penstock_area){
		.left = (int32_t)penstock_load32(bytes),
		.top = (int32_t)penstock_load32(bytes + 4),
		.right = (int32_t)penstock_load32(bytes + 8),
		.bottom = (int32_t)penstock_load32(bytes + 12),
	};
}

/* It is not empty, and lies in a width and a height. */
static bool lies_in(const struct penstock_area *area, uint32_t width, uint32_t height)
{
	return area->left >= 0 && area->top >= 0 && area->right > area->left &&
	       area->bottom > area->top && (uint32_t)area->right <= width &&
	       (uint32_t)area->bottom <= height;
}

static bool refuse_area(struct penstock_walk *walk, const uint8_t *bytes, const char *operand,
			const struct penstock_area *area, uint32_t width, uint32_t height)
{
	(void)penstock_walk_refuse(
		walk, bytes, PENSTOCK_STATUS_INVALID_PARAMETER, operand,
		"%d,%d to %d,%d: something at least, and inside of %u x %u texels", area->left,
		area->top, area->right, area->bottom, width, height);
	return false;
}

const uint8_t *penstock_render_begin_rendering(struct penstock_walk *walk, const uint8_t *bytes,
					       uint32_t length)
{
	static const struct penstock_word_limit limits[] = {
		PENSTOCK_WITHIN(BEGIN_RENDERING, layers, 1, PENSTOCK_LIMIT_IMAGE_LAYERS),
		PENSTOCK_WITHIN(BEGIN_RENDERING, view_mask, 0, (1u << PENSTOCK_LIMIT_VIEWS) - 1),
	};
	const struct penstock_area area = area_at(bytes + PENSTOCK_OPERAND_BEGIN_RENDERING_area);
	const uint32_t layers = penstock_load32(bytes + PENSTOCK_OPERAND_BEGIN_RENDERING_layers);
	const uint32_t mask = penstock_load32(bytes + PENSTOCK_OPERAND_BEGIN_RENDERING_view_mask);

	if (!penstock_walk_words_within(walk, bytes, limits, PENSTOCK_ARRAY_SIZE(limits))) {
		return NULL;
	}
	if (!lies_in(&area, PENSTOCK_LIMIT_TARGET_EXTENT, PENSTOCK_LIMIT_TARGET_EXTENT)) {
		refuse_area(walk, bytes, "area", &area, PENSTOCK_LIMIT_TARGET_EXTENT,
			    PENSTOCK_LIMIT_TARGET_EXTENT);
		return NULL;
	}
	if (layers < PENSTOCK_LIMIT_VIEWS && mask >> layers != 0) {
		return penstock_walk_refuse(walk, bytes, PENSTOCK_STATUS_INVALID_PARAMETER,
					    "layers", "%u layers for views 0x%x", layers, mask);
	}
	return penstock_render_group_take(walk, bytes, length) ? bytes + length : NULL;
}

void penstock_render_targets_init(struct penstock_targets *targets, const uint8_t *bytes)
{
	*targets = (struct penstock_targets){
		.area = area_at(bytes + PENSTOCK_OPERAND_BEGIN_RENDERING_area),
		.layers = penstock_load32(bytes + PENSTOCK_OPERAND_BEGIN_RENDERING_layers),
		.view_mask = penstock_load32(bytes + PENSTOCK_OPERAND_BEGIN_RENDERING_view_mask),
	};
}

/* ------------------------------------------------------------------ targets by themselves */

/* An operation of `operand`; of an aspect that is not there it is 0. */
static bool judge_load(struct penstock_walk *walk, const uint8_t *bytes, const char *operand,
		       uint32_t load_op)
{
	return load_op <= LOAD_DONT_CARE ||
	       penstock_walk_refuse_value(walk, bytes, operand, load_op,
					  "load, clear or don't care");
}

static bool judge_store(struct penstock_walk *walk, const uint8_t *bytes, const char *operand,
			uint32_t store_op)
{
	return store_op <= STORE_DONT_CARE || store_op == STORE_NONE ||
	       penstock_walk_refuse_value(walk, bytes, operand, store_op,
					  "store, don't care or none");
}

const uint8_t *penstock_render_color_target(struct penstock_walk *walk, const uint8_t *bytes,
					    uint32_t length)
{
	static const struct penstock_word_limit limits[] = {
		PENSTOCK_WITHIN(COLOR_TARGET, index, 0, PENSTOCK_LIMIT_COLOR_TARGETS - 1),
		PENSTOCK_WITHIN(COLOR_TARGET, image, 0, PENSTOCK_LIMIT_GROUP_IMAGES - 1),
		PENSTOCK_WITHIN(COLOR_TARGET, resolve_mode, 0, RESOLVE_AVERAGE),
		PENSTOCK_WITHIN(COLOR_TARGET, resolve_image, 0, PENSTOCK_LIMIT_GROUP_IMAGES - 1),
	};

	if (!penstock_walk_words_within(walk, bytes, limits, PENSTOCK_ARRAY_SIZE(limits)) ||
	    !judge_load(walk, bytes, "load_op",
			penstock_load32(bytes + PENSTOCK_OPERAND_COLOR_TARGET_load_op)) ||
	    !judge_store(walk, bytes, "store_op",
			 penstock_load32(bytes + PENSTOCK_OPERAND_COLOR_TARGET_store_op))) {
		return NULL;
	}
	return penstock_render_group_take(walk, bytes, length) ? bytes + length : NULL;
}

/* VkClearDepthStencilValue */
static bool judge_depth(struct penstock_walk *walk, const uint8_t *bytes, const char *operand,
			uint32_t offset)
{
	const struct penstock_single_limit limit = { operand, offset, 0, 1 };

	return penstock_walk_singles_within(walk, bytes, &limit, 1);
}

const uint8_t *penstock_render_depth_stencil_target(struct penstock_walk *walk,
						    const uint8_t *bytes, uint32_t length)
{
	static const struct penstock_word_limit limits[] = {
		PENSTOCK_WITHIN(DEPTH_STENCIL_TARGET, image, 0, PENSTOCK_LIMIT_GROUP_IMAGES - 1),
		PENSTOCK_WITHIN(DEPTH_STENCIL_TARGET, depth_resolve_mode, 0, RESOLVE_AVERAGE),
		PENSTOCK_WITHIN(DEPTH_STENCIL_TARGET, stencil_resolve_mode, 0, RESOLVE_ZERO),
		PENSTOCK_WITHIN(DEPTH_STENCIL_TARGET, resolve_image, 0,
				PENSTOCK_LIMIT_GROUP_IMAGES - 1),
	};
	const uint32_t depth_load =
		penstock_load32(bytes + PENSTOCK_OPERAND_DEPTH_STENCIL_TARGET_depth_load_op);
	const uint32_t stencil_load =
		penstock_load32(bytes + PENSTOCK_OPERAND_DEPTH_STENCIL_TARGET_stencil_load_op);

	if (!penstock_walk_words_within(walk, bytes, limits, PENSTOCK_ARRAY_SIZE(limits)) ||
	    !judge_load(walk, bytes, "depth_load_op", depth_load) ||
	    !judge_load(walk, bytes, "stencil_load_op", stencil_load) ||
	    !judge_store(walk, bytes, "depth_store_op",
			 penstock_load32(bytes +
					 PENSTOCK_OPERAND_DEPTH_STENCIL_TARGET_depth_store_op)) ||
	    !judge_store(walk, bytes, "stencil_store_op",
			 penstock_load32(bytes +
					 PENSTOCK_OPERAND_DEPTH_STENCIL_TARGET_stencil_store_op)) ||
	    (depth_load == LOAD_CLEAR &&
	     !judge_depth(walk, bytes, "clear_depth",
			  PENSTOCK_OPERAND_DEPTH_STENCIL_TARGET_clear_depth))) {
		return NULL;
	}
	return penstock_render_group_take(walk, bytes, length) ? bytes + length : NULL;
}

/* ------------------------------------------------------------------ targets in their images */

/* Where a view of a target, or what it is resolved to, stands in its image. */
struct place {
	const char *image_operand;
	const char *level_operand;
	const char *layer_operand;
	uint32_t image;
	uint32_t level;
	uint32_t layer;
};

/* The image at that place holds the area in all layers of the scope. NULL: refused. */
static const struct penstock_image_slot *judge_place(struct penstock_walk *walk,
						     const struct penstock_targets *targets,
						     const struct penstock_image_slots *slots,
						     const uint8_t *bytes,
						     const struct place *place)
{
	const struct penstock_image_slot *slot = penstock_render_slots_get(
		walk, slots, bytes, place->image_operand, place->image, true);
	uint32_t width, height;

	if (slot == NULL) {
		return NULL;
	}
	if (slot->image.type == PENSTOCK_IMAGE_3D &&
	    (slot->image.flags & PENSTOCK_IMAGE_ARRAY_OF_3D) == 0) {
		(void)refuse(walk, bytes, place->image_operand,
			     "no 2D arrays can be made of the 3D image");
		return NULL;
	}
	if (!penstock_render_image_part(walk, bytes, place->level_operand, "levels", place->level,
					1, slot->image.levels) ||
	    !penstock_render_image_part(walk, bytes, place->layer_operand, "layers", place->layer,
					targets->layers,
					penstock_render_image_slices(&slot->image, place->level))) {
		return NULL;
	}
	width = penstock_at_level(slot->image.width, place->level);
	height = penstock_at_level(slot->image.height, place->level);
	if (!lies_in(&targets->area, width, height)) {
		(void)refuse_area(walk, bytes, place->image_operand, &targets->area, width, height);
		return NULL;
	}
	return slot;
}

/* All targets have as many samples. */
static bool judge_samples(struct penstock_walk *walk, struct penstock_targets *targets,
			  const uint8_t *bytes, uint32_t samples)
{
	if (targets->samples != 0 && targets->samples != samples) {
		return penstock_walk_refuse(walk, bytes, PENSTOCK_STATUS_INVALID_PARAMETER, "image",
					    "a target of %u samples beside one of %u", samples,
					    targets->samples) != NULL;
	}
	targets->samples = samples;
	return true;
}

/* What the samples of a target, looked at in `format`, are resolved to. */
static bool judge_resolve(struct penstock_walk *walk, const struct penstock_targets *targets,
			  const struct penstock_image_slots *slots, const uint8_t *bytes,
			  const struct place *place, const struct penstock_texel_format *format)
{
	const struct penstock_image_slot *slot = judge_place(walk, targets, slots, bytes, place);

	if (slot == NULL) {
		return false;
	}
	if (targets->samples == 1 || slot->image.samples != 1) {
		return refuse(walk, bytes, place->image_operand,
			      "from several samples to one is resolved");
	}
	if (penstock_render_image_viewed_as(walk, bytes, place->image_operand, slot,
					    format->number) == NULL) {
		return false;
	}
	if ((penstock_render_image_features(walk, slot, format) &
	     (PENSTOCK_FEATURE_COLOR_TARGET | PENSTOCK_FEATURE_DEPTH_STENCIL)) == 0) {
		return refuse(walk, bytes, place->image_operand,
			      "the adapter does not have this format of a target");
	}
	return true;
}

static bool no_resolve(struct penstock_walk *walk, const uint8_t *bytes, const struct place *place)
{
	if (place->image != 0 || place->level != 0 || place->layer != 0) {
		return refuse(walk, bytes,
			      place->image != 0   ? place->image_operand
			      : place->level != 0 ? place->level_operand
						  : place->layer_operand,
			      "without a resolve mode it is 0");
	}
	return true;
}

/* ------------------------------------------------------------------ color_target */

static bool judge_color_resolve(struct penstock_walk *walk, const struct penstock_targets *targets,
				const struct penstock_image_slots *slots, const uint8_t *bytes,
				const struct penstock_texel_format *format)
{
	const uint32_t mode = penstock_load32(bytes + PENSTOCK_OPERAND_COLOR_TARGET_resolve_mode);
	const struct place place = {
		"resolve_image",
		"resolve_level",
		"resolve_layer",
		penstock_load32(bytes + PENSTOCK_OPERAND_COLOR_TARGET_resolve_image),
		penstock_load32(bytes + PENSTOCK_OPERAND_COLOR_TARGET_resolve_level),
		penstock_load32(bytes + PENSTOCK_OPERAND_COLOR_TARGET_resolve_layer),
	};

	if (mode == 0) {
		return no_resolve(walk, bytes, &place);
	}
	if (mode != (format->numbers == PENSTOCK_TEXEL_FLOAT ? RESOLVE_AVERAGE : RESOLVE_ZERO)) {
		return refuse(walk, bytes, "resolve_mode",
			      "integers take the first sample (1), others the average (2)");
	}
	return judge_resolve(walk, targets, slots, bytes, &place, format);
}

bool penstock_render_targets_color(struct penstock_walk *walk, struct penstock_targets *targets,
				   const struct penstock_image_slots *slots, const uint8_t *bytes)
{
	const uint32_t index = penstock_load32(bytes + PENSTOCK_OPERAND_COLOR_TARGET_index);
	const struct place place = {
		"image",
		"level",
		"first_layer",
		penstock_load32(bytes + PENSTOCK_OPERAND_COLOR_TARGET_image),
		penstock_load32(bytes + PENSTOCK_OPERAND_COLOR_TARGET_level),
		penstock_load32(bytes + PENSTOCK_OPERAND_COLOR_TARGET_first_layer),
	};
	const struct penstock_texel_format *format;
	const struct penstock_image_slot *slot;

	if ((targets->present >> index & 1) != 0) {
		return penstock_walk_refuse_value(walk, bytes, "index", index,
						  "the scope has that target");
	}
	slot = judge_place(walk, targets, slots, bytes, &place);
	if (slot == NULL) {
		return false;
	}
	format = penstock_render_image_viewed_as(
		walk, bytes, "format", slot,
		penstock_load32(bytes + PENSTOCK_OPERAND_COLOR_TARGET_format));
	if (format == NULL) {
		return false;
	}
	if ((penstock_render_image_features(walk, slot, format) & PENSTOCK_FEATURE_COLOR_TARGET) ==
	    0) {
		return refuse(walk, bytes, "format",
			      "the adapter does not draw colours in this format");
	}
	if (!judge_samples(walk, targets, bytes, slot->image.samples) ||
	    !judge_color_resolve(walk, targets, slots, bytes, format)) {
		return false;
	}
	targets->present |= 1u << index;
	targets->formats[index] = format->number;
	return true;
}

/* ------------------------------------------------------------------ depth_stencil_target */

/* What says something of an aspect that is not there. */
static const char *foreign_operand(const uint8_t *bytes, uint32_t aspects)
{
	static const struct {
		const char *operand;
		uint32_t offset;
		uint32_t aspect;
	} operands[] = {
#define OF(name, aspect)                                                                           \
	{ #name, PENSTOCK_OPERAND_DEPTH_STENCIL_TARGET_##name, PENSTOCK_ASPECT_##aspect }
		OF(depth_load_op, DEPTH),     OF(depth_store_op, DEPTH),
		OF(clear_depth, DEPTH),       OF(depth_resolve_mode, DEPTH),
		OF(stencil_load_op, STENCIL), OF(stencil_store_op, STENCIL),
		OF(clear_stencil, STENCIL),   OF(stencil_resolve_mode, STENCIL),
#undef OF
	};

	for (uint32_t i = 0; i < PENSTOCK_ARRAY_SIZE(operands); i++) {
		if ((aspects & operands[i].aspect) == 0 &&
		    penstock_load32(bytes + operands[i].offset) != 0) {
			return operands[i].operand;
		}
	}
	return NULL;
}

static bool judge_depth_resolve(struct penstock_walk *walk, const struct penstock_targets *targets,
				const struct penstock_image_slots *slots, const uint8_t *bytes,
				const struct penstock_texel_format *format, uint32_t aspects)
{
	const uint32_t depth =
		penstock_load32(bytes + PENSTOCK_OPERAND_DEPTH_STENCIL_TARGET_depth_resolve_mode);
	const uint32_t stencil =
		penstock_load32(bytes + PENSTOCK_OPERAND_DEPTH_STENCIL_TARGET_stencil_resolve_mode);
	const struct place place = {
		"resolve_image",
		"resolve_level",
		"resolve_layer",
		penstock_load32(bytes + PENSTOCK_OPERAND_DEPTH_STENCIL_TARGET_resolve_image),
		penstock_load32(bytes + PENSTOCK_OPERAND_DEPTH_STENCIL_TARGET_resolve_level),
		penstock_load32(bytes + PENSTOCK_OPERAND_DEPTH_STENCIL_TARGET_resolve_layer),
	};

	if ((depth | stencil) == 0) {
		return no_resolve(walk, bytes, &place);
	}
	if (aspects == (PENSTOCK_ASPECT_DEPTH | PENSTOCK_ASPECT_STENCIL) && depth != stencil) {
		return refuse(walk, bytes, "stencil_resolve_mode",
			      "depth and stencil are resolved alike");
	}
	return judge_resolve(walk, targets, slots, bytes, &place, format);
}

bool penstock_render_targets_depth_stencil(struct penstock_walk *walk,
					   struct penstock_targets *targets,
					   const struct penstock_image_slots *slots,
					   const uint8_t *bytes)
{
	const struct place place = {
		"image",
		"level",
		"first_layer",
		penstock_load32(bytes + PENSTOCK_OPERAND_DEPTH_STENCIL_TARGET_image),
		penstock_load32(bytes + PENSTOCK_OPERAND_DEPTH_STENCIL_TARGET_level),
		penstock_load32(bytes + PENSTOCK_OPERAND_DEPTH_STENCIL_TARGET_first_layer),
	};
	const struct penstock_image_slot *slot;
	const char *foreign;
	uint32_t aspects;

	if (targets->aspects != 0) {
		return refuse(walk, bytes, "", "the scope has such a target");
	}
	slot = judge_place(walk, targets, slots, bytes, &place);
	if (slot == NULL) {
		return false;
	}
	aspects = penstock_render_image_aspects(
		walk, bytes, "aspects", slot->format,
		penstock_load32(bytes + PENSTOCK_OPERAND_DEPTH_STENCIL_TARGET_aspects));
	if (aspects == 0) {
		return false;
	}
	if ((aspects & PENSTOCK_ASPECT_COLOR) != 0 ||
	    (slot->features & PENSTOCK_FEATURE_DEPTH_STENCIL) == 0) {
		return refuse(walk, bytes, "image",
			      "the adapter does not test depth or stencil in this format");
	}
	foreign = foreign_operand(bytes, aspects);
	if (foreign != NULL) {
		return refuse(walk, bytes, foreign, "of an aspect that is not there it is 0");
	}
	if (!judge_samples(walk, targets, bytes, slot->image.samples) ||
	    !judge_depth_resolve(walk, targets, slots, bytes, slot->format, aspects)) {
		return false;
	}
	targets->aspects = aspects;
	targets->depth_format = (aspects & PENSTOCK_ASPECT_DEPTH) != 0 ? slot->format->number : 0;
	targets->stencil_format =
		(aspects & PENSTOCK_ASPECT_STENCIL) != 0 ? slot->format->number : 0;
	return true;
}

/* ------------------------------------------------------------------ clear_target */

const uint8_t *penstock_render_clear_target(struct penstock_walk *walk, const uint8_t *bytes,
					    uint32_t length)
{
	static const struct penstock_word_limit limits[] = {
		PENSTOCK_WITHIN(CLEAR_TARGET, aspects, 1, 6),
		PENSTOCK_WITHIN(CLEAR_TARGET, index, 0, PENSTOCK_LIMIT_COLOR_TARGETS - 1),
	};
	const uint32_t aspects = penstock_load32(bytes + PENSTOCK_OPERAND_CLEAR_TARGET_aspects);

	if (!penstock_walk_words_within(walk, bytes, limits, PENSTOCK_ARRAY_SIZE(limits))) {
		return NULL;
	}
	if ((aspects & PENSTOCK_ASPECT_COLOR) != 0 && aspects != PENSTOCK_ASPECT_COLOR) {
		refuse(walk, bytes, "aspects", "colour, or depth and stencil");
		return NULL;
	}
	if ((aspects & PENSTOCK_ASPECT_DEPTH) != 0 &&
	    !judge_depth(walk, bytes, "clear_0", PENSTOCK_OPERAND_CLEAR_TARGET_clear_0)) {
		return NULL;
	}
	return penstock_render_group_take(walk, bytes, length) ? bytes + length : NULL;
}

bool penstock_render_targets_clear(struct penstock_walk *walk,
				   const struct penstock_targets *targets, const uint8_t *bytes)
{
	const uint32_t aspects = penstock_load32(bytes + PENSTOCK_OPERAND_CLEAR_TARGET_aspects);
	const uint32_t index = penstock_load32(bytes + PENSTOCK_OPERAND_CLEAR_TARGET_index);
	const struct penstock_area rect = area_at(bytes + PENSTOCK_OPERAND_CLEAR_TARGET_rect);
	const struct penstock_area *area = &targets->area;
	const uint32_t layers = targets->view_mask != 0 ? 1 : targets->layers;

	if (aspects == PENSTOCK_ASPECT_COLOR
		    ? (targets->present >> index & 1) == 0
		    : (targets->aspects & aspects) != aspects || index != 0) {
		return penstock_walk_refuse(walk, bytes, PENSTOCK_STATUS_INVALID_PARAMETER, "index",
					    "the scope has no target %u with aspects 0x%x", index,
					    aspects) != NULL;
	}
	if (!lies_in(&rect, (uint32_t)area->right, (uint32_t)area->bottom) ||
	    rect.left < area->left || rect.top < area->top) {
		return refuse(walk, bytes, "rect",
			      "something at least, and inside of the area of the scope");
	}
	return penstock_render_image_part(
		walk, bytes, "layers", "layers",
		penstock_load32(bytes + PENSTOCK_OPERAND_CLEAR_TARGET_first_layer),
		penstock_load32(bytes + PENSTOCK_OPERAND_CLEAR_TARGET_layers), layers);
}

/* ------------------------------------------------------------------ against a pipeline */

static bool refuse_format(struct penstock_walk *walk, const uint8_t *bytes, const char *what,
			  uint32_t index, uint32_t wanted, uint32_t have)
{
	(void)penstock_walk_refuse(walk, bytes, PENSTOCK_STATUS_INVALID_PARAMETER, "",
				   "%s %u of the pipeline has format %u, that of the scope %u "
				   "(0: none)",
				   what, index, wanted, have);
	return false;
}

bool penstock_render_targets_suit(struct penstock_walk *walk,
				  const struct penstock_targets *targets,
				  const struct penstock_graphics_state *graphics,
				  const uint8_t *bytes)
{
	for (uint32_t i = 0; i < PENSTOCK_LIMIT_COLOR_TARGETS; i++) {
		uint32_t wanted = i < graphics->color_count ? graphics->color_formats[i] : 0;

		if (targets->formats[i] != wanted) {
			return refuse_format(walk, bytes, "colour target", i, wanted,
					     targets->formats[i]);
		}
	}
	if (targets->depth_format != graphics->depth_format) {
		return refuse_format(walk, bytes, "depth target", 0, graphics->depth_format,
				     targets->depth_format);
	}
	if (targets->stencil_format != graphics->stencil_format) {
		return refuse_format(walk, bytes, "stencil target", 0, graphics->stencil_format,
				     targets->stencil_format);
	}
	if (targets->samples != 0 && targets->samples != graphics->samples) {
		return penstock_walk_refuse(walk, bytes, PENSTOCK_STATUS_INVALID_PARAMETER, "",
					    "the pipeline draws %u samples, and targets have %u",
					    graphics->samples, targets->samples) != NULL;
	}
	if (targets->view_mask != graphics->view_mask) {
		return penstock_walk_refuse(walk, bytes, PENSTOCK_STATUS_INVALID_PARAMETER, "",
					    "the pipeline draws views 0x%x, and the scope has 0x%x",
					    graphics->view_mask, targets->view_mask) != NULL;
	}
	return true;
}
