/* SPDX-License-Identifier: MIT */
/*
 * The GDI records whose source pixel follows from two rectangles: alphablend, stretchblt and
 * transparentblt. Their encodings are one but for two operands. docs/gdi.md, "Mapping".
 */
#include "daemon/render/gdi_rects.h"
#include "daemon/render/gdi_surface.h"
#include "daemon/render/walk.h"

#include <string.h>

#define SLOTS 0x3u /* source, destination */

struct mapped {
	struct penstock_gdi_surface source;
	struct penstock_gdi_surface destination;
	struct penstock_rect source_rect;
	struct penstock_rect destination_rect;
	uint32_t operands[2]; /* the two of each record's own */
	struct penstock_sub_rects sub_rects;
};

/* One layout for three, in both encodings. */
#define SAME(prefix, field, other)                                                                 \
	((int)prefix##ALPHABLEND_##field == (int)prefix##STRETCHBLT_##other &&                     \
	 (int)prefix##ALPHABLEND_##field == (int)prefix##TRANSPARENTBLT_##other)
#define SAME_COMMAND(field) SAME(PENSTOCK_OPERAND_, field, field)
#define SAME_DMA(field)     SAME(PENSTOCK_DMA_, field, field)
_Static_assert(SAME_COMMAND(source) && SAME_COMMAND(source_rect) && SAME_COMMAND(destination) &&
		       SAME_COMMAND(destination_rect) && SAME_COMMAND(source_pitch) &&
		       SAME_COMMAND(sub_rects) && SAME_DMA(formats) && SAME_DMA(source) &&
		       SAME_DMA(destination) && SAME_DMA(source_pitch) && SAME_DMA(source_rect) &&
		       SAME_DMA(destination_pitch) && SAME_DMA(destination_rect) &&
		       SAME_DMA(sub_rects),
	       "the offsets of alphablend serve all");
_Static_assert((int)PENSTOCK_OPERAND_ALPHABLEND_source_constant_alpha == 40 &&
		       (int)PENSTOCK_OPERAND_ALPHABLEND_source_has_alpha == 44 &&
		       (int)PENSTOCK_OPERAND_STRETCHBLT_mode == 40 &&
		       (int)PENSTOCK_OPERAND_STRETCHBLT_flags == 44 &&
		       (int)PENSTOCK_OPERAND_TRANSPARENTBLT_color == 40 &&
		       (int)PENSTOCK_OPERAND_TRANSPARENTBLT_flags == 44,
	       "operands[] of the command buffer");
_Static_assert((int)PENSTOCK_DMA_ALPHABLEND_constant_alpha == 64 &&
		       (int)PENSTOCK_DMA_ALPHABLEND_source_has_alpha == 68 &&
		       (int)PENSTOCK_DMA_STRETCHBLT_mode == 64 &&
		       (int)PENSTOCK_DMA_STRETCHBLT_flags == 68 &&
		       (int)PENSTOCK_DMA_TRANSPARENTBLT_color == 64 &&
		       (int)PENSTOCK_DMA_TRANSPARENTBLT_flags == 68,
	       "operands[] of the DMA buffer");

#define OPERANDS_OFFSET     40
#define DMA_OPERANDS_OFFSET 64

static const struct penstock_gdi_operand source_operand = {
	.name = "source",
	.pitch_name = "source_pitch",
	.offset = PENSTOCK_OPERAND_ALPHABLEND_source,
	.pitch_offset = PENSTOCK_OPERAND_ALPHABLEND_source_pitch,
};
static const struct penstock_gdi_operand destination_operand = {
	.name = "destination",
	.offset = PENSTOCK_OPERAND_ALPHABLEND_destination,
	.written = true,
};

static bool refuse(struct penstock_walk *walk, const uint8_t *bytes, const char *operand,
		   const char *what)
{
	penstock_walk_refuse(walk, bytes, PENSTOCK_STATUS_INVALID_PARAMETER, operand, "%s %s",
			     operand, what);
	return false;
}

/* ------------------------------------------------------------------ what they share */

static bool judge_surfaces(struct penstock_walk *walk, const uint8_t *bytes, struct mapped *mapped)
{
	return penstock_gdi_surface(walk, bytes, &source_operand, &mapped->source) &&
	       penstock_gdi_surface(walk, bytes, &destination_operand, &mapped->destination);
}

static bool judge_one_surface(struct penstock_walk *walk, const uint8_t *bytes,
			      const struct mapped *mapped)
{
	if (mapped->source.pitch_bytes != mapped->destination.pitch_bytes) {
		return refuse(walk, bytes, "source_pitch",
			      "differs from the destination's, and both are one allocation");
	}
	if (penstock_rects_meet(&mapped->source_rect, &mapped->destination_rect)) {
		return refuse(walk, bytes, "source_rect",
			      "overlaps destination_rect on one surface");
	}
	return true;
}

static bool judge_rects(struct penstock_walk *walk, const uint8_t *bytes, struct mapped *mapped)
{
	struct penstock_rect extent = penstock_gdi_extent(&mapped->destination);
	struct penstock_rect bounds, whole = penstock_gdi_extent(&mapped->source);
	struct penstock_rect *source = &mapped->source_rect;

	if (!penstock_gdi_rect(walk, bytes, "source_rect", PENSTOCK_OPERAND_ALPHABLEND_source_rect,
			       source) ||
	    !penstock_gdi_rect(walk, bytes, "destination_rect",
			       PENSTOCK_OPERAND_ALPHABLEND_destination_rect,
			       &mapped->destination_rect)) {
		return false;
	}
	if (source->left < 0 || source->top < 0 || source->right > whole.right ||
	    source->bottom > whole.bottom) {
		return refuse(walk, bytes, "source_rect", "exceeds the source surface");
	}
	if (PENSTOCK_UNLIKELY(mapped->source.allocation->id ==
			      mapped->destination.allocation->id) &&
	    !judge_one_surface(walk, bytes, mapped)) {
		return false;
	}
	bounds = penstock_rect_cut(&extent, &mapped->destination_rect);
	if (!penstock_gdi_sub_rects(walk, bytes, &bounds, &bounds, "", &mapped->sub_rects)) {
		return false;
	}
	if (mapped->sub_rects.pixels != 0 && penstock_rect_empty(source)) {
		return refuse(walk, bytes, "source_rect", "is empty, and there are pixels to draw");
	}
	return true;
}

static const uint8_t *put_mapped(struct penstock_walk *walk, const uint8_t *bytes, uint32_t length,
				 const struct mapped *mapped, uint16_t opcode)
{
	const uint32_t rects_bytes = mapped->sub_rects.count * 16u;
	const uint32_t dma_bytes = PENSTOCK_DMA_BYTES_ALPHABLEND + rects_bytes;
	uint32_t split;
	uint8_t *dma;

	if (!penstock_walk_reserve(walk, bytes, dma_bytes, 2, SLOTS,
				   penstock_sub_rects_work(&mapped->sub_rects), &dma, &split)) {
		return NULL;
	}
	if (dma == NULL) {
		return bytes + length;
	}
	penstock_dma_put_header(dma, opcode, dma_bytes,
				mapped->destination.format | mapped->source.format << 8);
	penstock_store64(dma + PENSTOCK_DMA_ALPHABLEND_source, mapped->source.allocation->address);
	penstock_store64(dma + PENSTOCK_DMA_ALPHABLEND_destination,
			 mapped->destination.allocation->address);
	penstock_patch_list_put(&walk->patches, 0, mapped->source.index, 0, split,
				PENSTOCK_DMA_ALPHABLEND_source);
	penstock_patch_list_put(&walk->patches, 1, mapped->destination.index, 0, split,
				PENSTOCK_DMA_ALPHABLEND_destination);
	penstock_dma_put_pair(dma + PENSTOCK_DMA_ALPHABLEND_source_pitch,
			      mapped->source.pitch_bytes, mapped->destination.pitch_bytes);
	memcpy(dma + PENSTOCK_DMA_ALPHABLEND_source_rect, &mapped->source_rect, 16);
	memcpy(dma + PENSTOCK_DMA_ALPHABLEND_destination_rect, &mapped->destination_rect, 16);
	penstock_dma_put_pair(dma + DMA_OPERANDS_OFFSET, mapped->operands[0], mapped->operands[1]);
	memcpy(dma + PENSTOCK_DMA_BYTES_ALPHABLEND, mapped->sub_rects.rects, rects_bytes);
	return bytes + length;
}

static void mapped_load(struct mapped *mapped, const uint8_t *bytes, uint32_t length)
{
	mapped->operands[0] = penstock_load32(bytes + OPERANDS_OFFSET);
	mapped->operands[1] = penstock_load32(bytes + OPERANDS_OFFSET + 4);
	penstock_sub_rects_init(&mapped->sub_rects, bytes, length, PENSTOCK_BYTES_ALPHABLEND);
}

static bool judge_colors(struct penstock_walk *walk, const uint8_t *bytes,
			 const struct mapped *mapped)
{
	if (!penstock_format_is_color(mapped->source.format)) {
		return refuse(walk, bytes, "source", "has no colour format");
	}
	if (!penstock_format_is_color(mapped->destination.format)) {
		return refuse(walk, bytes, "destination", "has no colour format");
	}
	return true;
}

/* ------------------------------------------------------------------ alphablend */

static bool judge_alphablend(struct penstock_walk *walk, const uint8_t *bytes,
			     const struct mapped *mapped)
{
	if (!judge_colors(walk, bytes, mapped)) {
		return false;
	}
	if (mapped->operands[0] > 255) {
		return refuse(walk, bytes, "source_constant_alpha", "is more than 255");
	}
	if (mapped->operands[1] > 1) {
		return refuse(walk, bytes, "source_has_alpha", "is neither 0 nor 1");
	}
	if (mapped->operands[1] == 1 && !penstock_format_has_alpha(mapped->source.format)) {
		return refuse(walk, bytes, "source_has_alpha", "is set, and the source has none");
	}
	return true;
}

const uint8_t *penstock_render_alphablend(struct penstock_walk *walk, const uint8_t *bytes,
					  uint32_t length)
{
	struct mapped mapped;

	mapped_load(&mapped, bytes, length);
	if (!judge_surfaces(walk, bytes, &mapped) || !judge_alphablend(walk, bytes, &mapped) ||
	    !judge_rects(walk, bytes, &mapped)) {
		return NULL;
	}
	return put_mapped(walk, bytes, length, &mapped, PENSTOCK_DMA_OPCODE_ALPHABLEND);
}

/* ------------------------------------------------------------------ stretchblt */

static bool judge_stretchblt(struct penstock_walk *walk, const uint8_t *bytes,
			     const struct mapped *mapped)
{
	if ((mapped->source.format == PENSTOCK_FORMAT_A8) !=
	    (mapped->destination.format == PENSTOCK_FORMAT_A8)) {
		return refuse(walk, bytes, "source", "and destination: only one of them is A8");
	}
	if (mapped->operands[0] < PENSTOCK_STRETCH_BLACKONWHITE ||
	    mapped->operands[0] > PENSTOCK_STRETCH_COLORONCOLOR) {
		return refuse(walk, bytes, "mode",
			      "is not BLACKONWHITE, WHITEONBLACK or COLORONCOLOR");
	}
	if ((mapped->operands[1] & ~(PENSTOCK_STRETCH_MIRROR_X | PENSTOCK_STRETCH_MIRROR_Y)) != 0) {
		return refuse(walk, bytes, "flags", "has bits that mean nothing");
	}
	return true;
}

const uint8_t *penstock_render_stretchblt(struct penstock_walk *walk, const uint8_t *bytes,
					  uint32_t length)
{
	struct mapped mapped;

	mapped_load(&mapped, bytes, length);
	if (!judge_surfaces(walk, bytes, &mapped) || !judge_stretchblt(walk, bytes, &mapped) ||
	    !judge_rects(walk, bytes, &mapped)) {
		return NULL;
	}
	if (mapped.operands[0] != PENSTOCK_STRETCH_COLORONCOLOR &&
	    !penstock_gdi_combined(walk, bytes, &mapped.source_rect, &mapped.destination_rect,
				   &mapped.sub_rects)) {
		return NULL;
	}
	return put_mapped(walk, bytes, length, &mapped, PENSTOCK_DMA_OPCODE_STRETCHBLT);
}

/* ------------------------------------------------------------------ transparentblt */

const uint8_t *penstock_render_transparentblt(struct penstock_walk *walk, const uint8_t *bytes,
					      uint32_t length)
{
	struct mapped mapped;

	mapped_load(&mapped, bytes, length);
	if (!judge_surfaces(walk, bytes, &mapped) || !judge_colors(walk, bytes, &mapped)) {
		return NULL;
	}
	if ((mapped.operands[1] & ~PENSTOCK_TRANSPARENT_HONOR_ALPHA) != 0) {
		(void)refuse(walk, bytes, "flags", "has bits that mean nothing");
		return NULL;
	}
	if (!judge_rects(walk, bytes, &mapped)) {
		return NULL;
	}
	return put_mapped(walk, bytes, length, &mapped, PENSTOCK_DMA_OPCODE_TRANSPARENTBLT);
}
