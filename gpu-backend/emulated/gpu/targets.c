/* SPDX-License-Identifier: MIT */
#include "gpu-backend/emulated/gpu/targets.h"

#include "proto/isa/layout.h"

#include <string.h>

/* An attachment of an image: a level, and layers of it from one on. */
struct place {
	uint32_t image, level, layer;
	uint32_t format; /* 0: the image's */
	uint32_t aspects;
};

static uint32_t load(const uint8_t *fields, uint32_t offset)
{
	return penstock_load32(fields + offset);
}

/* *ret_rect lies in the coordinates of images and is not empty. */
static bool load_rect(const uint8_t *bytes, VkRect2D *ret_rect)
{
	int32_t left = (int32_t)penstock_load32(bytes), top = (int32_t)penstock_load32(bytes + 4);
	int32_t right = (int32_t)penstock_load32(bytes + 8);
	int32_t bottom = (int32_t)penstock_load32(bytes + 12);

	if (left < 0 || top < 0 || right <= left || bottom <= top ||
	    right > (int32_t)PENSTOCK_LIMIT_TARGET_EXTENT ||
	    bottom > (int32_t)PENSTOCK_LIMIT_TARGET_EXTENT) {
		return false;
	}
	*ret_rect =
		(VkRect2D){ { left, top }, { (uint32_t)(right - left), (uint32_t)(bottom - top) } };
	return true;
}

enum penstock_outcome penstock_targets_begin(struct penstock_targets *targets,
					     const uint8_t *fields)
{
	*targets = (struct penstock_targets){
		.layers = load(fields, PENSTOCK_DMA_BEGIN_RENDERING_layers),
		.view_mask = load(fields, PENSTOCK_DMA_BEGIN_RENDERING_view_mask),
	};
	return load_rect(fields + PENSTOCK_DMA_BEGIN_RENDERING_area, &targets->area) &&
			       targets->layers > 0 &&
			       targets->layers <= PENSTOCK_LIMIT_IMAGE_LAYERS &&
			       targets->view_mask >>
					       (targets->layers < 31 ? targets->layers : 31) ==
				       0
		       ? PENSTOCK_OUTCOME_COMPLETED
		       : PENSTOCK_OUTCOME_ILLEGAL;
}

static bool covers(const struct penstock_targets *targets,
		   const struct penstock_vulkan_image *image, uint32_t level)
{
	uint32_t extent[3];

	penstock_image_extent(image, level, extent);
	return (uint32_t)targets->area.offset.x + targets->area.extent.width <= extent[0] &&
	       (uint32_t)targets->area.offset.y + targets->area.extent.height <= extent[1];
}

/* The image of the slot, where it can be a target there. */
static const struct penstock_vulkan_image *image_of(const struct penstock_targets *targets,
						    const struct penstock_images *images,
						    const struct place *place)
{
	const struct penstock_vulkan_image *image = penstock_images_get(images, place->image);

	return image != NULL && image->write &&
			       penstock_image_has(image, place->level, 1, place->layer,
						  targets->layers) &&
			       covers(targets, image, place->level)
		       ? image
		       : NULL;
}

static bool make_view(struct penstock_objects *objects, const struct penstock_targets *targets,
		      const struct penstock_vulkan_image *image, const struct place *place,
		      VkImageView *ret_view)
{
	bool is_array = targets->layers > 1;
	const struct penstock_view view = {
		.type = image->description.type == VK_IMAGE_TYPE_1D
				? (is_array ? VK_IMAGE_VIEW_TYPE_1D_ARRAY : VK_IMAGE_VIEW_TYPE_1D)
				: (is_array ? VK_IMAGE_VIEW_TYPE_2D_ARRAY : VK_IMAGE_VIEW_TYPE_2D),
		.format = place->format,
		.aspects = place->aspects,
		.first_level = place->level,
		.levels = 1,
		.first_layer = place->layer,
		.layers = targets->layers,
	};

	return penstock_images_view(objects, image, &view, ret_view) == PENSTOCK_OUTCOME_COMPLETED;
}

/* All have as many samples. */
static bool agree_on_samples(struct penstock_targets *targets, uint32_t samples)
{
	if (targets->samples == 0) {
		targets->samples = samples;
	}
	return targets->samples == samples;
}

static bool op_known(uint32_t load_op)
{
	return load_op <= VK_ATTACHMENT_LOAD_OP_DONT_CARE;
}

static bool can_be(const struct penstock_objects *objects,
		   const struct penstock_vulkan_image *image, uint32_t format, uint64_t feature)
{
	const struct penstock_texel_format *is = penstock_texel_format_get(format);
	const struct penstock_format_features *features;

	if (is == NULL) {
		return false;
	}
	features = &objects->device->formats[is->id];
	return ((image->description.tiling == VK_IMAGE_TILING_LINEAR ? features->linear
								     : features->optimal) &
		feature) != 0;
}

/* A resolve's target: the multisampled one's, with one sample. */
static bool make_resolve(const struct penstock_targets *targets, struct penstock_objects *objects,
			 const struct penstock_images *images, uint32_t mode,
			 const struct place *place, struct penstock_target *target)
{
	const struct penstock_vulkan_image *image;

	if (mode == VK_RESOLVE_MODE_NONE) {
		return true;
	}
	image = image_of(targets, images, place);
	target->resolve_mode = (VkResolveModeFlagBits)mode;
	return mode <= VK_RESOLVE_MODE_MAX_BIT && (mode & (mode - 1)) == 0 && image != NULL &&
	       image->description.samples == 1 && targets->samples > 1 &&
	       make_view(objects, targets, image, place, &target->resolve);
}

enum penstock_outcome penstock_targets_color(struct penstock_targets *targets,
					     struct penstock_objects *objects,
					     const struct penstock_images *images,
					     const uint8_t *fields)
{
	uint32_t index = load(fields, PENSTOCK_DMA_COLOR_TARGET_index);
	uint32_t load_op = load(fields, PENSTOCK_DMA_COLOR_TARGET_load_op);
	const struct place place = {
		.image = load(fields, PENSTOCK_DMA_COLOR_TARGET_image),
		.level = load(fields, PENSTOCK_DMA_COLOR_TARGET_level),
		.layer = load(fields, PENSTOCK_DMA_COLOR_TARGET_first_layer),
		.format = load(fields, PENSTOCK_DMA_COLOR_TARGET_format),
		.aspects = PENSTOCK_ASPECT_COLOR,
	};
	struct place resolve = {
		.image = load(fields, PENSTOCK_DMA_COLOR_TARGET_resolve_image),
		.level = load(fields, PENSTOCK_DMA_COLOR_TARGET_resolve_level),
		.layer = load(fields, PENSTOCK_DMA_COLOR_TARGET_resolve_layer),
		.aspects = PENSTOCK_ASPECT_COLOR,
	};
	const struct penstock_vulkan_image *image = image_of(targets, images, &place);
	struct penstock_target target = { .load_op = (VkAttachmentLoadOp)load_op };

	if (index >= PENSTOCK_LIMIT_COLOR_TARGETS || image == NULL || !op_known(load_op) ||
	    targets->colors[index].view != VK_NULL_HANDLE ||
	    !agree_on_samples(targets, image->description.samples)) {
		return PENSTOCK_OUTCOME_ILLEGAL;
	}
	resolve.format = place.format == 0 ? image->format->number : place.format;
	target.format = (VkFormat)resolve.format;
	if (!can_be(objects, image, target.format, VK_FORMAT_FEATURE_2_COLOR_ATTACHMENT_BIT) ||
	    !make_view(objects, targets, image, &place, &target.view) ||
	    !make_resolve(targets, objects, images,
			  load(fields, PENSTOCK_DMA_COLOR_TARGET_resolve_mode), &resolve,
			  &target)) {
		return PENSTOCK_OUTCOME_ILLEGAL;
	}
	memcpy(&target.clear, fields + PENSTOCK_DMA_COLOR_TARGET_clear_0, sizeof(target.clear));
	targets->colors[index] = target;
	if (index >= targets->color_count) {
		targets->color_count = index + 1;
	}
	return PENSTOCK_OUTCOME_COMPLETED;
}

/* One of its aspects; the view is of all that the image has. */
static bool make_aspect(struct penstock_targets *targets, struct penstock_objects *objects,
			const struct penstock_images *images, const uint8_t *fields,
			const uint32_t offsets[2], VkImageView view, struct penstock_target *target)
{
	uint32_t load_op = load(fields, offsets[0]);
	const struct place resolve = {
		.image = load(fields, PENSTOCK_DMA_DEPTH_STENCIL_TARGET_resolve_image),
		.level = load(fields, PENSTOCK_DMA_DEPTH_STENCIL_TARGET_resolve_level),
		.layer = load(fields, PENSTOCK_DMA_DEPTH_STENCIL_TARGET_resolve_layer),
	};
	float depth;

	memcpy(&depth, fields + PENSTOCK_DMA_DEPTH_STENCIL_TARGET_clear_depth, sizeof(depth));
	*target = (struct penstock_target){
		.view = view,
		.load_op = (VkAttachmentLoadOp)load_op,
		.clear.depthStencil = { depth,
					load(fields,
					     PENSTOCK_DMA_DEPTH_STENCIL_TARGET_clear_stencil) },
	};
	return op_known(load_op) &&
	       make_resolve(targets, objects, images, load(fields, offsets[1]), &resolve, target);
}

enum penstock_outcome penstock_targets_depth_stencil(struct penstock_targets *targets,
						     struct penstock_objects *objects,
						     const struct penstock_images *images,
						     const uint8_t *fields)
{
	static const uint32_t depth_fields[] = {
		PENSTOCK_DMA_DEPTH_STENCIL_TARGET_depth_load_op,
		PENSTOCK_DMA_DEPTH_STENCIL_TARGET_depth_resolve_mode,
	};
	static const uint32_t stencil_fields[] = {
		PENSTOCK_DMA_DEPTH_STENCIL_TARGET_stencil_load_op,
		PENSTOCK_DMA_DEPTH_STENCIL_TARGET_stencil_resolve_mode,
	};
	const struct place place = {
		.image = load(fields, PENSTOCK_DMA_DEPTH_STENCIL_TARGET_image),
		.level = load(fields, PENSTOCK_DMA_DEPTH_STENCIL_TARGET_level),
		.layer = load(fields, PENSTOCK_DMA_DEPTH_STENCIL_TARGET_first_layer),
	};
	const struct penstock_vulkan_image *image = image_of(targets, images, &place);
	uint32_t aspects;
	VkImageView view;

	if (image == NULL || targets->depth.view != VK_NULL_HANDLE ||
	    targets->stencil.view != VK_NULL_HANDLE ||
	    !agree_on_samples(targets, image->description.samples) ||
	    !can_be(objects, image, image->format->number,
		    VK_FORMAT_FEATURE_2_DEPTH_STENCIL_ATTACHMENT_BIT) ||
	    !make_view(objects, targets, image, &place, &view)) {
		return PENSTOCK_OUTCOME_ILLEGAL;
	}
	aspects = penstock_aspects_of(image->format,
				      load(fields, PENSTOCK_DMA_DEPTH_STENCIL_TARGET_aspects));
	if ((aspects & ~(uint32_t)image->format->aspects) != 0 ||
	    ((aspects & PENSTOCK_ASPECT_DEPTH) != 0 &&
	     !make_aspect(targets, objects, images, fields, depth_fields, view, &targets->depth)) ||
	    ((aspects & PENSTOCK_ASPECT_STENCIL) != 0 &&
	     !make_aspect(targets, objects, images, fields, stencil_fields, view,
			  &targets->stencil))) {
		return PENSTOCK_OUTCOME_ILLEGAL;
	}
	targets->depth.format = targets->stencil.format = (VkFormat)image->format->number;
	return PENSTOCK_OUTCOME_COMPLETED;
}

/* ---------------------------------------------------------------- draws */

static VkFormat format_of(const struct penstock_target *target)
{
	return target->view == VK_NULL_HANDLE ? VK_FORMAT_UNDEFINED : target->format;
}

bool penstock_targets_fit(const struct penstock_targets *targets,
			  const struct penstock_graphics_state *state)
{
	for (uint32_t i = 0; i < PENSTOCK_LIMIT_COLOR_TARGETS; i++) {
		uint32_t format = i < state->color_count ? state->color_formats[i] : 0;

		if (format != (uint32_t)format_of(&targets->colors[i])) {
			return false;
		}
	}
	return state->depth_format == (uint32_t)format_of(&targets->depth) &&
	       state->stencil_format == (uint32_t)format_of(&targets->stencil) &&
	       state->view_mask == targets->view_mask &&
	       (targets->samples == 0 || targets->samples == state->samples);
}

/* Stored always, which is as good as not caring: another part may follow. */
static void attach(const struct penstock_target *target, bool is_first, bool is_last,
		   VkRenderingAttachmentInfo *ret_info)
{
	*ret_info = (VkRenderingAttachmentInfo){
		.sType = VK_STRUCTURE_TYPE_RENDERING_ATTACHMENT_INFO,
		.imageView = target->view,
		.imageLayout = VK_IMAGE_LAYOUT_GENERAL,
		.loadOp = is_first ? target->load_op : VK_ATTACHMENT_LOAD_OP_LOAD,
		.storeOp = VK_ATTACHMENT_STORE_OP_STORE,
		.clearValue = target->clear,
	};
	if (is_last && target->resolve_mode != VK_RESOLVE_MODE_NONE) {
		ret_info->resolveMode = target->resolve_mode;
		ret_info->resolveImageView = target->resolve;
		ret_info->resolveImageLayout = VK_IMAGE_LAYOUT_GENERAL;
	}
}

void penstock_targets_record(const struct penstock_targets *targets,
			     const struct penstock_vulkan_device *device, bool is_first,
			     bool is_last)
{
	VkRenderingAttachmentInfo colors[PENSTOCK_LIMIT_COLOR_TARGETS], depth, stencil;
	const VkRenderingInfo info = {
		.sType = VK_STRUCTURE_TYPE_RENDERING_INFO,
		.renderArea = targets->area,
		.layerCount = targets->view_mask == 0 ? targets->layers : 1,
		.viewMask = targets->view_mask,
		.colorAttachmentCount = targets->color_count,
		.pColorAttachments = colors,
		.pDepthAttachment = targets->depth.view == VK_NULL_HANDLE ? NULL : &depth,
		.pStencilAttachment = targets->stencil.view == VK_NULL_HANDLE ? NULL : &stencil,
	};

	for (uint32_t i = 0; i < targets->color_count; i++) {
		attach(&targets->colors[i], is_first, is_last, &colors[i]);
	}
	attach(&targets->depth, is_first, is_last, &depth);
	attach(&targets->stencil, is_first, is_last, &stencil);
	device->calls.CmdBeginRendering(device->commands, &info);
}

static bool lies_inside(const VkRect2D *rect, const VkRect2D *area)
{
	return rect->offset.x >= area->offset.x && rect->offset.y >= area->offset.y &&
	       (uint32_t)rect->offset.x + rect->extent.width <=
		       (uint32_t)area->offset.x + area->extent.width &&
	       (uint32_t)rect->offset.y + rect->extent.height <=
		       (uint32_t)area->offset.y + area->extent.height;
}

/* The aspects that the targets there have. */
static uint32_t aspects_of(const struct penstock_targets *targets, uint32_t index)
{
	uint32_t aspects = 0;

	if (index < PENSTOCK_LIMIT_COLOR_TARGETS && targets->colors[index].view != VK_NULL_HANDLE) {
		aspects |= PENSTOCK_ASPECT_COLOR;
	}
	if (targets->depth.view != VK_NULL_HANDLE) {
		aspects |= PENSTOCK_ASPECT_DEPTH;
	}
	if (targets->stencil.view != VK_NULL_HANDLE) {
		aspects |= PENSTOCK_ASPECT_STENCIL;
	}
	return aspects;
}

enum penstock_outcome penstock_targets_clear(const struct penstock_targets *targets,
					     const struct penstock_vulkan_device *device,
					     const uint8_t *fields)
{
	VkClearAttachment attachment = {
		.aspectMask = load(fields, PENSTOCK_DMA_CLEAR_TARGET_aspects),
		.colorAttachment = load(fields, PENSTOCK_DMA_CLEAR_TARGET_index),
	};
	VkClearRect rect = {
		.baseArrayLayer = load(fields, PENSTOCK_DMA_CLEAR_TARGET_first_layer),
		.layerCount = load(fields, PENSTOCK_DMA_CLEAR_TARGET_layers),
	};

	memcpy(&attachment.clearValue, fields + PENSTOCK_DMA_CLEAR_TARGET_clear_0,
	       sizeof(attachment.clearValue));
	/* Colour, or depth and stencil. */
	if (attachment.aspectMask == 0 ||
	    (attachment.aspectMask & ~aspects_of(targets, attachment.colorAttachment)) != 0 ||
	    ((attachment.aspectMask & PENSTOCK_ASPECT_COLOR) != 0 &&
	     attachment.aspectMask != PENSTOCK_ASPECT_COLOR) ||
	    !load_rect(fields + PENSTOCK_DMA_CLEAR_TARGET_rect, &rect.rect) ||
	    !lies_inside(&rect.rect, &targets->area) || rect.layerCount == 0 ||
	    !penstock_range_fits(rect.baseArrayLayer, rect.layerCount, targets->layers)) {
		return PENSTOCK_OUTCOME_ILLEGAL;
	}
	device->calls.CmdClearAttachments(device->commands, 1, &attachment, 1, &rect);
	return PENSTOCK_OUTCOME_COMPLETED;
}
