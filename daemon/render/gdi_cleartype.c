/* SPDX-License-Identifier: MIT */
/*
 * cleartypeblend: four surfaces, a coverage that stands at an offset, a gamma table. docs/gdi.md,
 * "CLEARTYPEBLEND".
 */
#include "daemon/render/gdi_rects.h"
#include "daemon/render/gdi_surface.h"
#include "daemon/render/walk.h"

#include <string.h>

#define SLOTS 0xFu

enum { TEMPORARY, GAMMA_TABLE, ALPHA, DESTINATION, SURFACE_COUNT };

struct cleartype {
	struct penstock_gdi_surface surfaces[SURFACE_COUNT];
	struct penstock_rect destination_rect;
	int32_t alpha_offset_x;
	int32_t alpha_offset_y;
	uint32_t gamma;
	struct penstock_sub_rects sub_rects;
};

/* In the order of their slots. */
static const struct penstock_gdi_operand operands[SURFACE_COUNT] = {
	[TEMPORARY] = {
		.name = "temporary",
		.offset = PENSTOCK_OPERAND_CLEARTYPEBLEND_temporary,
		.written = true,
	},
	[GAMMA_TABLE] = {
		.name = "gamma_table",
		.offset = PENSTOCK_OPERAND_CLEARTYPEBLEND_gamma_table,
	},
	[ALPHA] = {
		.name = "alpha",
		.pitch_name = "alpha_pitch",
		.offset = PENSTOCK_OPERAND_CLEARTYPEBLEND_alpha,
		.pitch_offset = PENSTOCK_OPERAND_CLEARTYPEBLEND_alpha_pitch,
	},
	[DESTINATION] = {
		.name = "destination",
		.offset = PENSTOCK_OPERAND_CLEARTYPEBLEND_destination,
		.written = true,
	},
};

static const uint16_t dma_offsets[SURFACE_COUNT] = {
	[TEMPORARY] = PENSTOCK_DMA_CLEARTYPEBLEND_temporary,
	[GAMMA_TABLE] = PENSTOCK_DMA_CLEARTYPEBLEND_gamma_table,
	[ALPHA] = PENSTOCK_DMA_CLEARTYPEBLEND_alpha,
	[DESTINATION] = PENSTOCK_DMA_CLEARTYPEBLEND_destination,
};

static bool refuse(struct penstock_walk *walk, const uint8_t *bytes, const char *operand,
		   const char *what)
{
	penstock_walk_refuse(walk, bytes, PENSTOCK_STATUS_INVALID_PARAMETER, operand, "%s %s",
			     operand, what);
	return false;
}

/* ------------------------------------------------------------------ checks */

static bool judge_gamma(struct penstock_walk *walk, const uint8_t *bytes,
			struct cleartype *cleartype)
{
	struct penstock_gdi_surface *table = &cleartype->surfaces[GAMMA_TABLE];

	cleartype->gamma = penstock_load32(bytes + PENSTOCK_OPERAND_CLEARTYPEBLEND_gamma);
	if (cleartype->gamma == PENSTOCK_CLEARTYPE_NO_GAMMA) {
		return penstock_gdi_reference(walk, bytes, &operands[GAMMA_TABLE], table);
	}
	if (cleartype->gamma >= PENSTOCK_GAMMA_TABLE_HEIGHT) {
		return refuse(walk, bytes, "gamma", "is neither 0..15 nor 0xffffffff");
	}
	if (!penstock_gdi_surface(walk, bytes, &operands[GAMMA_TABLE], table)) {
		return false;
	}
	if (table->format != PENSTOCK_FORMAT_A8 ||
	    table->allocation->width != PENSTOCK_GAMMA_TABLE_WIDTH ||
	    table->allocation->height != PENSTOCK_GAMMA_TABLE_HEIGHT) {
		return refuse(walk, bytes, "gamma_table", "is not 512 x 16 of format A8");
	}
	return true;
}

static bool judge_surfaces(struct penstock_walk *walk, const uint8_t *bytes,
			   struct cleartype *cleartype)
{
	struct penstock_gdi_surface *surfaces = cleartype->surfaces;

	if (!penstock_gdi_surface(walk, bytes, &operands[TEMPORARY], &surfaces[TEMPORARY]) ||
	    !judge_gamma(walk, bytes, cleartype) ||
	    !penstock_gdi_surface(walk, bytes, &operands[ALPHA], &surfaces[ALPHA]) ||
	    !penstock_gdi_surface(walk, bytes, &operands[DESTINATION], &surfaces[DESTINATION])) {
		return false;
	}
	if (!penstock_format_is_color(surfaces[TEMPORARY].format)) {
		return refuse(walk, bytes, "temporary", "has no colour format");
	}
	if (!penstock_format_is_color(surfaces[DESTINATION].format)) {
		return refuse(walk, bytes, "destination", "has no colour format");
	}
	if (surfaces[ALPHA].allocation->id == surfaces[DESTINATION].allocation->id) {
		return refuse(walk, bytes, "alpha", "and destination are one surface");
	}
	return true;
}

static bool judge_rects(struct penstock_walk *walk, const uint8_t *bytes,
			struct cleartype *cleartype)
{
	struct penstock_rect extent = penstock_gdi_extent(&cleartype->surfaces[DESTINATION]);
	struct penstock_rect bounds, reach;

	if (!penstock_gdi_rect(walk, bytes, "destination_rect",
			       PENSTOCK_OPERAND_CLEARTYPEBLEND_destination_rect,
			       &cleartype->destination_rect)) {
		return false;
	}
	bounds = penstock_rect_cut(&extent, &cleartype->destination_rect);
	reach = penstock_gdi_reach(&bounds, &cleartype->surfaces[ALPHA], cleartype->alpha_offset_x,
				   cleartype->alpha_offset_y);
	return penstock_gdi_sub_rects(walk, bytes, &bounds, &reach,
				      "reaches pixels outside the alpha surface",
				      &cleartype->sub_rects);
}

/* ------------------------------------------------------------------ translation */

static void put(struct penstock_walk *walk, const uint8_t *bytes, const struct cleartype *cleartype,
		uint8_t *dma, uint32_t split)
{
	const struct penstock_gdi_surface *surfaces = cleartype->surfaces;

	for (uint32_t slot = 0; slot < SURFACE_COUNT; slot++) {
		penstock_store64(dma + dma_offsets[slot], surfaces[slot].allocation->address);
		penstock_patch_list_put(&walk->patches, slot, surfaces[slot].index, 0, split,
					dma_offsets[slot]);
	}
	penstock_dma_put_pair(dma + PENSTOCK_DMA_CLEARTYPEBLEND_gamma_pitch,
			      surfaces[GAMMA_TABLE].pitch_bytes, surfaces[ALPHA].pitch_bytes);
	penstock_dma_put_pair(dma + PENSTOCK_DMA_CLEARTYPEBLEND_destination_pitch,
			      surfaces[DESTINATION].pitch_bytes,
			      (uint32_t)cleartype->alpha_offset_x);
	penstock_dma_put_pair(dma + PENSTOCK_DMA_CLEARTYPEBLEND_alpha_offset_y,
			      (uint32_t)cleartype->alpha_offset_y,
			      penstock_load32(bytes + PENSTOCK_OPERAND_CLEARTYPEBLEND_color));
	penstock_dma_put_pair(dma + PENSTOCK_DMA_CLEARTYPEBLEND_color2,
			      penstock_load32(bytes + PENSTOCK_OPERAND_CLEARTYPEBLEND_color2),
			      cleartype->gamma);
	penstock_dma_put_pair(dma + PENSTOCK_DMA_CLEARTYPEBLEND_temporary_pitch,
			      surfaces[TEMPORARY].pitch_bytes, 0);
	memcpy(dma + PENSTOCK_DMA_BYTES_CLEARTYPEBLEND, cleartype->sub_rects.rects,
	       cleartype->sub_rects.count * 16u);
}

const uint8_t *penstock_render_cleartypeblend(struct penstock_walk *walk, const uint8_t *bytes,
					      uint32_t length)
{
	struct cleartype cleartype;
	uint32_t dma_bytes, split;
	uint8_t *dma;

	cleartype.alpha_offset_x =
		(int32_t)penstock_load32(bytes + PENSTOCK_OPERAND_CLEARTYPEBLEND_alpha_offset_x);
	cleartype.alpha_offset_y =
		(int32_t)penstock_load32(bytes + PENSTOCK_OPERAND_CLEARTYPEBLEND_alpha_offset_y);
	penstock_sub_rects_init(&cleartype.sub_rects, bytes, length, PENSTOCK_BYTES_CLEARTYPEBLEND);
	dma_bytes = PENSTOCK_DMA_BYTES_CLEARTYPEBLEND + cleartype.sub_rects.count * 16u;
	if (!judge_surfaces(walk, bytes, &cleartype) || !judge_rects(walk, bytes, &cleartype) ||
	    !penstock_walk_reserve(walk, bytes, dma_bytes, SURFACE_COUNT, SLOTS,
				   penstock_sub_rects_work(&cleartype.sub_rects), &dma, &split)) {
		return NULL;
	}
	if (dma != NULL) {
		penstock_dma_put_header(dma, PENSTOCK_DMA_OPCODE_CLEARTYPEBLEND, dma_bytes,
					cleartype.surfaces[DESTINATION].format |
						cleartype.surfaces[ALPHA].format << 8);
		put(walk, bytes, &cleartype, dma, split);
	}
	return bytes + length;
}
