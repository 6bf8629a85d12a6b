/* SPDX-License-Identifier: MIT */
/* What a program says of graphics: states to begin with, images and where their texels are. */
#include "client/builder.h"
#include "proto/image/default_state.h"
#include "proto/image/image.h"

#define TYPE_3D 2u /* VkImageType */

void penstock_graphics_state_init(struct penstock_graphics_state *state)
{
	if (state != NULL) {
		penstock_graphics_state_default(state);
	}
}

enum penstock_status penstock_image_measure(const struct penstock_image *image, uint64_t *ret_bytes)
{
	struct penstock_image_layout layout;
	enum penstock_status status;

	if (image == NULL || ret_bytes == NULL) {
		return PENSTOCK_STATUS_INVALID_PARAMETER;
	}
	status = penstock_image_lay_out(image, &layout, NULL);
	if (status == PENSTOCK_STATUS_SUCCESS) {
		*ret_bytes = layout.bytes;
	}
	return status;
}

enum penstock_status penstock_image_subresource(const struct penstock_image *image, uint32_t level,
						uint32_t layer,
						struct penstock_subresource *ret_subresource)
{
	struct penstock_image_layout layout;
	const struct penstock_image_level *place;
	enum penstock_status status;

	if (image == NULL || ret_subresource == NULL) {
		return PENSTOCK_STATUS_INVALID_PARAMETER;
	}
	status = penstock_image_lay_out(image, &layout, NULL);
	if (status != PENSTOCK_STATUS_SUCCESS) {
		return status;
	}
	if (level >= image->levels || layer >= image->layers) {
		return PENSTOCK_STATUS_INVALID_PARAMETER;
	}
	place = &layout.levels[level];
	*ret_subresource = (struct penstock_subresource){
		.offset_bytes = place->offset + layer * place->layer_bytes,
		.size_bytes = image->type == TYPE_3D ? place->bytes : place->layer_bytes,
		.row_bytes = place->row_bytes,
		.layer_bytes = place->layer_bytes,
	};
	return PENSTOCK_STATUS_SUCCESS;
}

enum penstock_status penstock_emit_image_of(struct penstock_command_buffer *buffer,
					    uint16_t allocation, uint64_t offset, uint32_t slot,
					    const struct penstock_image *image)
{
	if (image == NULL) {
		return PENSTOCK_STATUS_INVALID_PARAMETER;
	}
	return penstock_emit_image(buffer, allocation, offset, slot, image->flags, image->type,
				   image->format, image->width, image->height, image->depth,
				   image->levels, image->layers, image->samples, image->tiling);
}

enum penstock_status penstock_emit_image_write_of(struct penstock_command_buffer *buffer,
						  uint16_t allocation, uint64_t offset,
						  uint32_t slot, const struct penstock_image *image)
{
	if (image == NULL) {
		return PENSTOCK_STATUS_INVALID_PARAMETER;
	}
	return penstock_emit_image_write(buffer, allocation, offset, slot, image->flags,
					 image->type, image->format, image->width, image->height,
					 image->depth, image->levels, image->layers, image->samples,
					 image->tiling);
}
