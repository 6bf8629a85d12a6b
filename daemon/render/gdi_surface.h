/* SPDX-License-Identifier: MIT */
/*
 * A surface as a GDI record names it: reference, format, the pitch that counts. docs/gdi.md,
 * "Surfaces". Private to render.
 */
#ifndef PENSTOCK_GDI_SURFACE_H
#define PENSTOCK_GDI_SURFACE_H

#include "daemon/render/walk.h"

/* A surface operand of a record. */
struct penstock_gdi_operand {
	const char *name;
	const char *pitch_name; /* NULL: the record has no pitch operand for it */
	uint16_t offset;
	uint16_t pitch_offset;
	bool written;
};

struct penstock_gdi_surface {
	const struct penstock_render_allocation *allocation;
	uint32_t index;
	uint32_t pitch_bytes; /* that is used */
	uint32_t format;
};

/* The reference alone; its shape is not judged. False: refused. */
bool penstock_gdi_reference(struct penstock_walk *walk, const uint8_t *bytes,
			    const struct penstock_gdi_operand *operand,
			    struct penstock_gdi_surface *ret_surface);

/* Reference and shape. False: refused. */
bool penstock_gdi_surface(struct penstock_walk *walk, const uint8_t *bytes,
			  const struct penstock_gdi_operand *operand,
			  struct penstock_gdi_surface *ret_surface);

/* The four formats of 32 bits. */
static inline bool penstock_format_is_color(uint32_t format)
{
	return format >= PENSTOCK_FORMAT_A8R8G8B8 && format <= PENSTOCK_FORMAT_X8B8G8R8;
}

static inline bool penstock_format_has_alpha(uint32_t format)
{
	return format == PENSTOCK_FORMAT_A8R8G8B8 || format == PENSTOCK_FORMAT_A8B8G8R8;
}

#endif
