/* SPDX-License-Identifier: MIT */
#include "daemon/render/gdi_surface.h"

#include "proto/wire/limits.h"

#include <inttypes.h>

bool penstock_gdi_reference(struct penstock_walk *walk, const uint8_t *bytes,
			    const struct penstock_gdi_operand *operand,
			    struct penstock_gdi_surface *ret_surface)
{
	uint32_t index = penstock_load16(bytes + operand->offset);
	const struct penstock_render_allocation *allocation = penstock_walk_allocation(walk, index);

	if (PENSTOCK_UNLIKELY(allocation == NULL)) {
		penstock_walk_refuse_index(walk, bytes, operand->name, index);
		return false;
	}
	if (PENSTOCK_UNLIKELY(operand->written && !allocation->write_operation)) {
		penstock_walk_refuse_write(walk, bytes, operand->name, index);
		return false;
	}
	ret_surface->allocation = allocation;
	ret_surface->index = index;
	ret_surface->pitch_bytes = allocation->pitch_bytes;
	ret_surface->format = allocation->format;
	return true;
}

static bool pitch_counts(const struct penstock_render_allocation *allocation)
{
	return allocation->surface_type == PENSTOCK_SURFACE_STAGING_CPUVISIBLE ||
	       allocation->surface_type == PENSTOCK_SURFACE_EXISTINGSYSMEM;
}

static bool refuse_shape(struct penstock_walk *walk, const uint8_t *bytes, const char *operand,
			 const struct penstock_gdi_surface *surface, const char *what)
{
	const struct penstock_render_allocation *allocation = surface->allocation;

	penstock_walk_refuse(walk, bytes, PENSTOCK_STATUS_INVALID_PARAMETER, operand,
			     "%s: allocation %u (%u x %u, pitch %u, 0x%" PRIx64 " bytes) %s",
			     operand, surface->index, allocation->width, allocation->height,
			     surface->pitch_bytes, allocation->size_bytes, what);
	return false;
}

bool penstock_gdi_surface(struct penstock_walk *walk, const uint8_t *bytes,
			  const struct penstock_gdi_operand *operand,
			  struct penstock_gdi_surface *ret_surface)
{
	const struct penstock_render_allocation *allocation;
	uint32_t pixel_bytes;
	uint64_t row_bytes;
	const char *pitch_name = operand->name;

	if (!penstock_gdi_reference(walk, bytes, operand, ret_surface)) {
		return false;
	}
	allocation = ret_surface->allocation;
	pixel_bytes = penstock_format_bytes(allocation->format);
	if (PENSTOCK_UNLIKELY(pixel_bytes == 0 || allocation->width == 0 ||
			      allocation->width > PENSTOCK_LIMIT_SURFACE_EXTENT ||
			      allocation->height == 0 ||
			      allocation->height > PENSTOCK_LIMIT_SURFACE_EXTENT)) {
		return refuse_shape(walk, bytes, operand->name, ret_surface, "is no surface");
	}
	if (operand->pitch_name != NULL && pitch_counts(allocation)) {
		pitch_name = operand->pitch_name;
		ret_surface->pitch_bytes = penstock_load32(bytes + operand->pitch_offset);
	}
	row_bytes = (uint64_t)allocation->width * pixel_bytes;
	if (PENSTOCK_UNLIKELY(ret_surface->pitch_bytes % 4 != 0 ||
			      ret_surface->pitch_bytes < row_bytes)) {
		return refuse_shape(walk, bytes, pitch_name, ret_surface,
				    "has a pitch that is less than a row, or no multiple of 4");
	}
	if (PENSTOCK_UNLIKELY((uint64_t)(allocation->height - 1) * ret_surface->pitch_bytes +
				      row_bytes >
			      allocation->size_bytes)) {
		return refuse_shape(walk, bytes, pitch_name, ret_surface,
				    "is too small for its rows at that pitch");
	}
	return true;
}
