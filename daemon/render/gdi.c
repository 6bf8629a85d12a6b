/* SPDX-License-Identifier: MIT */
/*
 * The GDI records of DXGKDDI_RENDERKM. What each accepts is said in docs/gdi.md; the checks here
 * stand in the order of that page. Every record checks all of itself before it asks for room.
 */
#include "daemon/render/gdi_rects.h"
#include "daemon/render/gdi_surface.h"
#include "daemon/render/walk.h"

#include <string.h>

#define BITS(slots) ((1u << (slots)) - 1u)

#define BEYOND_SOURCE "reaches pixels outside the source surface"

/* ------------------------------------------------------------------ shared */

static bool refuse(struct penstock_walk *walk, const uint8_t *bytes, const char *operand,
		   const char *what)
{
	penstock_walk_refuse(walk, bytes, PENSTOCK_STATUS_INVALID_PARAMETER, operand, "%s %s",
			     operand, what);
	return false;
}

static bool refuse_value(struct penstock_walk *walk, const uint8_t *bytes, const char *operand,
			 uint32_t value)
{
	penstock_walk_refuse(walk, bytes, PENSTOCK_STATUS_INVALID_PARAMETER, operand,
			     "%s 0x%x is not legal", operand, value);
	return false;
}

static bool refuse_formats(struct penstock_walk *walk, const uint8_t *bytes, const char *operand,
			   uint32_t format)
{
	const char *name = penstock_format_name(format);

	penstock_walk_refuse(walk, bytes, PENSTOCK_STATUS_INVALID_PARAMETER, operand,
			     "%s: this operation does not take format %s here", operand,
			     name != NULL ? name : "none");
	return false;
}

static uint32_t formats_word(const struct penstock_gdi_surface *destination,
			     const struct penstock_gdi_surface *source)
{
	return destination->format | source->format << 8;
}

/* Address and patch location of one surface; there is room. */
static inline void put_surface(struct penstock_walk *walk,
			       const struct penstock_gdi_surface *surface, uint32_t slot,
			       uint8_t *dma, uint32_t split, uint32_t field_offset)
{
	penstock_store64(dma + field_offset, surface->allocation->address);
	penstock_patch_list_put(&walk->patches, slot, surface->index, 0, split, field_offset);
}

/* The fixed part is `fixed_bytes` long in the DMA buffer. */
static inline void put_sub_rects(uint8_t *dma, uint32_t fixed_bytes,
				 const struct penstock_sub_rects *sub_rects)
{
	memcpy(dma + fixed_bytes, sub_rects->rects, sub_rects->count * 16u);
}

/* One allocation as source and destination is one surface: one pitch. */
static bool one_pitch(struct penstock_walk *walk, const uint8_t *bytes,
		      const struct penstock_gdi_surface *source,
		      const struct penstock_gdi_surface *destination)
{
	if (PENSTOCK_UNLIKELY(source->allocation->id == destination->allocation->id) &&
	    source->pitch_bytes != destination->pitch_bytes) {
		return refuse(walk, bytes, "source_pitch",
			      "differs from the destination's, and both are one allocation");
	}
	return true;
}

/* Code `taken` of the operand rop means that rop3 is the code; the others are in `codes`. */
static bool rop_code(struct penstock_walk *walk, const uint8_t *bytes, const uint32_t rop[2],
		     const uint8_t *codes, uint32_t taken, uint32_t *ret_code)
{
	if (rop[0] == 0 || rop[0] > taken) {
		return refuse_value(walk, bytes, "rop", rop[0]);
	}
	if (rop[0] == taken ? rop[1] > 0xFF : rop[1] != 0) {
		return refuse_value(walk, bytes, "rop3", rop[1]);
	}
	*ret_code = rop[0] == taken ? rop[1] : codes[rop[0]];
	return true;
}

/* ------------------------------------------------------------------ bitblt */

struct bitblt {
	struct penstock_gdi_surface source;
	struct penstock_gdi_surface destination;
	struct penstock_rect source_rect;
	struct penstock_rect destination_rect;
	struct penstock_sub_rects sub_rects;
	uint32_t rop3;
};

static const struct penstock_gdi_operand bitblt_source = {
	.name = "source",
	.pitch_name = "source_pitch",
	.offset = PENSTOCK_OPERAND_BITBLT_source,
	.pitch_offset = PENSTOCK_OPERAND_BITBLT_source_pitch,
};
static const struct penstock_gdi_operand bitblt_destination = {
	.name = "destination",
	.pitch_name = "destination_pitch",
	.offset = PENSTOCK_OPERAND_BITBLT_destination,
	.pitch_offset = PENSTOCK_OPERAND_BITBLT_destination_pitch,
	.written = true,
};

static bool judge_bitblt_rop(struct penstock_walk *walk, const uint8_t *bytes, uint32_t *ret_rop3)
{
	static const uint8_t codes[] = {
		[PENSTOCK_BITBLT_SRCCOPY] = 0xCC,
		[PENSTOCK_BITBLT_SRCINVERT] = 0x66,
		[PENSTOCK_BITBLT_SRCAND] = 0x88,
		[PENSTOCK_BITBLT_SRCOR] = 0xEE,
	};
	const uint32_t rop[2] = {
		penstock_load32(bytes + PENSTOCK_OPERAND_BITBLT_rop),
		penstock_load32(bytes + PENSTOCK_OPERAND_BITBLT_rop3),
	};

	if (!rop_code(walk, bytes, rop, codes, PENSTOCK_BITBLT_ROP3, ret_rop3)) {
		return false;
	}
	if (*ret_rop3 >> 4 != (*ret_rop3 & 0xF)) {
		return refuse(walk, bytes, "rop3", "depends on a pattern, and bitblt has none");
	}
	return true;
}

static bool judge_bitblt_rects(struct penstock_walk *walk, const uint8_t *bytes, struct bitblt *blt)
{
	struct penstock_rect extent = penstock_gdi_extent(&blt->destination);
	const struct penstock_rect *from = &blt->source_rect, *to = &blt->destination_rect;
	struct penstock_rect bounds, reach;

	if (!penstock_gdi_rect(walk, bytes, "source_rect", PENSTOCK_OPERAND_BITBLT_source_rect,
			       &blt->source_rect) ||
	    !penstock_gdi_rect(walk, bytes, "destination_rect",
			       PENSTOCK_OPERAND_BITBLT_destination_rect, &blt->destination_rect)) {
		return false;
	}
	if (from->right - from->left != to->right - to->left ||
	    from->bottom - from->top != to->bottom - to->top) {
		return refuse(walk, bytes, "source_rect", "is not as large as destination_rect");
	}
	bounds = penstock_rect_cut(&extent, to);
	reach = penstock_gdi_reach(&bounds, &blt->source, (int64_t)from->left - to->left,
				   (int64_t)from->top - to->top);
	return penstock_gdi_sub_rects(walk, bytes, &bounds, &reach, BEYOND_SOURCE, &blt->sub_rects);
}

static bool judge_bitblt(struct penstock_walk *walk, const uint8_t *bytes, struct bitblt *blt)
{
	if (!penstock_gdi_surface(walk, bytes, &bitblt_source, &blt->source) ||
	    !penstock_gdi_surface(walk, bytes, &bitblt_destination, &blt->destination)) {
		return false;
	}
	if ((blt->source.format == PENSTOCK_FORMAT_A8) !=
	    (blt->destination.format == PENSTOCK_FORMAT_A8)) {
		return refuse_formats(walk, bytes, "source", blt->source.format);
	}
	return one_pitch(walk, bytes, &blt->source, &blt->destination) &&
	       judge_bitblt_rop(walk, bytes, &blt->rop3) && judge_bitblt_rects(walk, bytes, blt);
}

const uint8_t *penstock_render_bitblt(struct penstock_walk *walk, const uint8_t *bytes,
				      uint32_t length)
{
	struct bitblt blt;
	uint32_t dma_bytes, split;
	uint8_t *dma;

	penstock_sub_rects_init(&blt.sub_rects, bytes, length, PENSTOCK_BYTES_BITBLT);
	dma_bytes = PENSTOCK_DMA_BYTES_BITBLT + blt.sub_rects.count * 16u;
	if (!judge_bitblt(walk, bytes, &blt) ||
	    !penstock_walk_reserve(walk, bytes, dma_bytes, 2, BITS(2),
				   penstock_sub_rects_work(&blt.sub_rects), &dma, &split)) {
		return NULL;
	}
	if (dma == NULL) {
		return bytes + length;
	}
	penstock_dma_put_header(dma, PENSTOCK_DMA_OPCODE_BITBLT, dma_bytes,
				formats_word(&blt.destination, &blt.source));
	put_surface(walk, &blt.source, 0, dma, split, PENSTOCK_DMA_BITBLT_source);
	put_surface(walk, &blt.destination, 1, dma, split, PENSTOCK_DMA_BITBLT_destination);
	penstock_dma_put_pair(dma + PENSTOCK_DMA_BITBLT_source_pitch, blt.source.pitch_bytes,
			      blt.destination.pitch_bytes);
	penstock_dma_put_pair(dma + PENSTOCK_DMA_BITBLT_rop3, blt.rop3,
			      (uint32_t)(blt.source_rect.left - blt.destination_rect.left));
	penstock_dma_put_pair(dma + PENSTOCK_DMA_BITBLT_delta_y,
			      (uint32_t)(blt.source_rect.top - blt.destination_rect.top), 0);
	put_sub_rects(dma, PENSTOCK_DMA_BYTES_BITBLT, &blt.sub_rects);
	return bytes + length;
}

/* ------------------------------------------------------------------ colorfill */

static const struct penstock_gdi_operand colorfill_destination = {
	.name = "destination",
	.offset = PENSTOCK_OPERAND_COLORFILL_destination,
	.written = true,
};

static bool judge_colorfill_rop(struct penstock_walk *walk, const uint8_t *bytes,
				uint32_t *ret_rop3)
{
	static const uint8_t codes[] = {
		[PENSTOCK_COLORFILL_PATCOPY] = 0xF0, [PENSTOCK_COLORFILL_PATINVERT] = 0x5A,
		[PENSTOCK_COLORFILL_PDXN] = 0xA5,    [PENSTOCK_COLORFILL_DSTINVERT] = 0x55,
		[PENSTOCK_COLORFILL_PATAND] = 0xA0,  [PENSTOCK_COLORFILL_PATOR] = 0xFA,
	};
	const uint32_t rop[2] = {
		penstock_load32(bytes + PENSTOCK_OPERAND_COLORFILL_rop),
		penstock_load32(bytes + PENSTOCK_OPERAND_COLORFILL_rop3),
	};

	if (!rop_code(walk, bytes, rop, codes, PENSTOCK_COLORFILL_ROP3, ret_rop3)) {
		return false;
	}
	if ((*ret_rop3 >> 2 & 0x33) != (*ret_rop3 & 0x33)) {
		return refuse(walk, bytes, "rop3", "depends on a source, and colorfill has none");
	}
	return true;
}

const uint8_t *penstock_render_colorfill(struct penstock_walk *walk, const uint8_t *bytes,
					 uint32_t length)
{
	struct penstock_sub_rects sub_rects;
	struct penstock_gdi_surface destination;
	struct penstock_rect rect, extent;
	uint32_t rop3, dma_bytes, split;
	uint8_t *dma;

	penstock_sub_rects_init(&sub_rects, bytes, length, PENSTOCK_BYTES_COLORFILL);
	dma_bytes = PENSTOCK_DMA_BYTES_COLORFILL + sub_rects.count * 16u;
	if (!penstock_gdi_surface(walk, bytes, &colorfill_destination, &destination) ||
	    !judge_colorfill_rop(walk, bytes, &rop3) ||
	    !penstock_gdi_rect(walk, bytes, "destination_rect",
			       PENSTOCK_OPERAND_COLORFILL_destination_rect, &rect)) {
		return NULL;
	}
	extent = penstock_gdi_extent(&destination);
	if (!penstock_gdi_sub_rects(walk, bytes, &extent, &extent, "", &sub_rects) ||
	    !penstock_walk_reserve(walk, bytes, dma_bytes, 1, BITS(1),
				   penstock_sub_rects_work(&sub_rects), &dma, &split)) {
		return NULL;
	}
	if (dma == NULL) {
		return bytes + length;
	}
	penstock_dma_put_header(dma, PENSTOCK_DMA_OPCODE_COLORFILL, dma_bytes, destination.format);
	put_surface(walk, &destination, 0, dma, split, PENSTOCK_DMA_COLORFILL_destination);
	penstock_dma_put_pair(dma + PENSTOCK_DMA_COLORFILL_destination_pitch,
			      destination.pitch_bytes, rop3);
	penstock_dma_put_pair(dma + PENSTOCK_DMA_COLORFILL_color,
			      penstock_load32(bytes + PENSTOCK_OPERAND_COLORFILL_color), 0);
	put_sub_rects(dma, PENSTOCK_DMA_BYTES_COLORFILL, &sub_rects);
	return bytes + length;
}
