/* SPDX-License-Identifier: MIT */
#include "tests/gpu/record.h"

/* `base` is the first byte of what local memory shows. */
static uint64_t address_of(const uint8_t *base, const struct reference_surface *surface)
{
	return PENSTOCK_LOCAL_BASE + (uint64_t)(surface->bytes - base);
}

static void put_rect(uint8_t *bytes, const struct reference_rect *rect)
{
	penstock_store32(bytes, (uint32_t)rect->left);
	penstock_store32(bytes + 4, (uint32_t)rect->top);
	penstock_store32(bytes + 8, (uint32_t)rect->right);
	penstock_store32(bytes + 12, (uint32_t)rect->bottom);
}

static uint32_t formats_of(const struct reference_record *record)
{
	return (uint32_t)record->destination->format |
	       (record->operation == REFERENCE_COLORFILL ? 0
							 : (uint32_t)record->source->format << 8);
}

#define PUT32(record, field, value)                                                                \
	penstock_store32(bytes + PENSTOCK_DMA_##record##_##field, (uint32_t)(value))
#define PUT64(record, field, value)                                                                \
	penstock_store64(bytes + PENSTOCK_DMA_##record##_##field, (value))

static void put_bitblt(uint8_t *bytes, const uint8_t *base, const struct reference_record *record)
{
	PUT64(BITBLT, source, address_of(base, record->source));
	PUT64(BITBLT, destination, address_of(base, record->destination));
	PUT32(BITBLT, source_pitch, record->source->pitch);
	PUT32(BITBLT, destination_pitch, record->destination->pitch);
	PUT32(BITBLT, rop3, record->rop3);
	PUT32(BITBLT, delta_x, record->source_rect.left - record->destination_rect.left);
	PUT32(BITBLT, delta_y, record->source_rect.top - record->destination_rect.top);
}

static void put_colorfill(uint8_t *bytes, const uint8_t *base,
			  const struct reference_record *record)
{
	PUT64(COLORFILL, destination, address_of(base, record->destination));
	PUT32(COLORFILL, destination_pitch, record->destination->pitch);
	PUT32(COLORFILL, rop3, record->rop3);
	PUT32(COLORFILL, color, record->color);
}

/* ALPHABLEND, STRETCHBLT and TRANSPARENTBLT stand alike up to their last two operands. */
static void put_mapped(uint8_t *bytes, const uint8_t *base, const struct reference_record *record,
		       uint32_t second_last, uint32_t last)
{
	PUT64(STRETCHBLT, source, address_of(base, record->source));
	PUT64(STRETCHBLT, destination, address_of(base, record->destination));
	PUT32(STRETCHBLT, source_pitch, record->source->pitch);
	PUT32(STRETCHBLT, destination_pitch, record->destination->pitch);
	put_rect(bytes + PENSTOCK_DMA_STRETCHBLT_source_rect, &record->source_rect);
	put_rect(bytes + PENSTOCK_DMA_STRETCHBLT_destination_rect, &record->destination_rect);
	PUT32(STRETCHBLT, mode, second_last);
	PUT32(STRETCHBLT, flags, last);
}

_Static_assert(PENSTOCK_DMA_ALPHABLEND_constant_alpha == PENSTOCK_DMA_STRETCHBLT_mode &&
		       PENSTOCK_DMA_TRANSPARENTBLT_color == PENSTOCK_DMA_STRETCHBLT_mode &&
		       PENSTOCK_DMA_ALPHABLEND_source_has_alpha == PENSTOCK_DMA_STRETCHBLT_flags &&
		       PENSTOCK_DMA_TRANSPARENTBLT_flags == PENSTOCK_DMA_STRETCHBLT_flags,
	       "put_mapped serves the three");

static void put_cleartype(uint8_t *bytes, const uint8_t *base,
			  const struct reference_record *record)
{
	PUT64(CLEARTYPEBLEND, temporary, address_of(base, record->destination));
	PUT64(CLEARTYPEBLEND, gamma_table, address_of(base, record->gamma_table));
	PUT64(CLEARTYPEBLEND, alpha, address_of(base, record->source));
	PUT64(CLEARTYPEBLEND, destination, address_of(base, record->destination));
	PUT32(CLEARTYPEBLEND, gamma_pitch, record->gamma_table->pitch);
	PUT32(CLEARTYPEBLEND, alpha_pitch, record->source->pitch);
	PUT32(CLEARTYPEBLEND, destination_pitch, record->destination->pitch);
	PUT32(CLEARTYPEBLEND, alpha_offset_x, record->offset_x);
	PUT32(CLEARTYPEBLEND, alpha_offset_y, record->offset_y);
	PUT32(CLEARTYPEBLEND, color, record->color);
	PUT32(CLEARTYPEBLEND, color2, record->color2);
	PUT32(CLEARTYPEBLEND, gamma, record->gamma);
	PUT32(CLEARTYPEBLEND, temporary_pitch, record->destination->pitch);
}

static const enum penstock_dma_id instruction_of[REFERENCE_OPERATIONS] = {
	[REFERENCE_BITBLT] = PENSTOCK_DMA_BITBLT,
	[REFERENCE_COLORFILL] = PENSTOCK_DMA_COLORFILL,
	[REFERENCE_ALPHABLEND] = PENSTOCK_DMA_ALPHABLEND,
	[REFERENCE_STRETCHBLT] = PENSTOCK_DMA_STRETCHBLT,
	[REFERENCE_TRANSPARENTBLT] = PENSTOCK_DMA_TRANSPARENTBLT,
	[REFERENCE_CLEARTYPEBLEND] = PENSTOCK_DMA_CLEARTYPEBLEND,
};

void record_append(struct stream *stream, const uint8_t *base,
		   const struct reference_record *record, int first_rect, int rect_count)
{
	enum penstock_dma_id id = instruction_of[record->operation];
	uint8_t *bytes = stream_append(stream, id, (uint32_t)rect_count);
	uint8_t *rects = bytes + penstock_dma_get(id)->layout.bytes;

	PUT32(BITBLT, formats, formats_of(record)); /* the same place in each */
	switch (record->operation) {
	case REFERENCE_BITBLT:
		put_bitblt(bytes, base, record);
		break;
	case REFERENCE_COLORFILL:
		put_colorfill(bytes, base, record);
		break;
	case REFERENCE_ALPHABLEND:
		put_mapped(bytes, base, record, (uint32_t)record->constant_alpha,
			   record->source_has_alpha);
		break;
	case REFERENCE_STRETCHBLT:
		put_mapped(bytes, base, record, (uint32_t)record->mode,
			   (uint32_t)record->mirror_x | (uint32_t)record->mirror_y << 1);
		break;
	case REFERENCE_TRANSPARENTBLT:
		put_mapped(bytes, base, record, record->color, record->honor_alpha);
		break;
	case REFERENCE_CLEARTYPEBLEND:
		put_cleartype(bytes, base, record);
		break;
	case REFERENCE_OPERATIONS:
		ck_abort();
	}
	for (int i = 0; i < rect_count; i++) {
		put_rect(rects + 16 * i, &record->sub_rects[first_rect + i]);
	}
}
