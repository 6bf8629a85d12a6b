/* SPDX-License-Identifier: MIT */
#include "daemon/check/extents.h"

#include "proto/image/image.h"
#include "proto/isa/instruction.h"

#include <string.h>

typedef const char *extents_function(const uint8_t *dma, uint32_t elements,
				     struct penstock_check_extent extents[]);

/* ------------------------------------------------------------------ bytes */

static const char *fill(const uint8_t *dma, uint32_t elements,
			struct penstock_check_extent extents[])
{
	(void)elements;
	extents[0].behind = penstock_load64(dma + PENSTOCK_DMA_FILL_size);
	return extents[0].behind % 4 != 0 ? "size is no multiple of 4" : NULL;
}

static const char *copy(const uint8_t *dma, uint32_t elements,
			struct penstock_check_extent extents[])
{
	uint64_t source = penstock_load64(dma + PENSTOCK_DMA_COPY_source);
	uint64_t destination = penstock_load64(dma + PENSTOCK_DMA_COPY_destination);
	uint64_t size = penstock_load64(dma + PENSTOCK_DMA_COPY_size);
	uint64_t apart = source > destination ? source - destination : destination - source;

	(void)elements;
	extents[0].behind = size;
	extents[1].behind = size;
	return apart < size ? "source and destination overlap" : NULL;
}

static uint64_t last_row_end(uint64_t rows, uint64_t row_bytes, uint64_t pitch)
{
	uint64_t end = 0;

	if (rows > 0 && row_bytes > 0) {
		end = rows * pitch;
		end = end - pitch + row_bytes;
	}
	return end;
}

static const char *copy_rows(const uint8_t *dma, uint32_t elements,
			     struct penstock_check_extent extents[])
{
	uint32_t rows = penstock_load32(dma + PENSTOCK_DMA_COPY_ROWS_rows);
	uint32_t row_bytes = penstock_load32(dma + PENSTOCK_DMA_COPY_ROWS_row_bytes);
	uint32_t source_pitch = penstock_load32(dma + PENSTOCK_DMA_COPY_ROWS_source_pitch);
	uint32_t destination_pitch =
		penstock_load32(dma + PENSTOCK_DMA_COPY_ROWS_destination_pitch);

	(void)elements;
	if (rows > 1 && (row_bytes > source_pitch || row_bytes > destination_pitch)) {
		return "rows overlap";
	}
	extents[0].behind = last_row_end(rows, row_bytes, source_pitch);
	extents[1].behind = last_row_end(rows, row_bytes, destination_pitch);
	return NULL;
}

static const char *update(const uint8_t *dma, uint32_t elements,
			  struct penstock_check_extent extents[])
{
	(void)dma;
	extents[0].behind = elements * UINT64_C(4);
	return NULL;
}

/* ------------------------------------------------------------------ groups */

static const char *bind_pipeline(const uint8_t *dma, uint32_t elements,
				 struct penstock_check_extent extents[])
{
	(void)elements;
	extents[0].behind = penstock_load32(dma + PENSTOCK_DMA_BIND_PIPELINE_size);
	return extents[0].behind == 0 ? "a pipeline of no bytes" : NULL;
}

static const char *bind_buffer(const uint8_t *dma, uint32_t elements,
			       struct penstock_check_extent extents[])
{
	(void)elements;
	extents[0].behind = penstock_load64(dma + PENSTOCK_DMA_BIND_BUFFER_size);
	return NULL;
}

static const char *bind_buffer_write(const uint8_t *dma, uint32_t elements,
				     struct penstock_check_extent extents[])
{
	(void)elements;
	extents[0].behind = penstock_load64(dma + PENSTOCK_DMA_BIND_BUFFER_WRITE_size);
	return NULL;
}

static const char *push_constants(const uint8_t *dma, uint32_t elements,
				  struct penstock_check_extent extents[])
{
	uint64_t offset = penstock_load32(dma + PENSTOCK_DMA_PUSH_CONSTANTS_offset);

	(void)extents;
	return offset % 4 != 0 || offset + elements * UINT64_C(4) > 128
		       ? "push constants that there are not"
		       : NULL;
}

static const char *dispatch(const uint8_t *dma, uint32_t elements,
			    struct penstock_check_extent extents[])
{
	(void)elements;
	(void)extents;
	for (uint32_t axis = 0; axis < 3; axis++) {
		uint64_t groups = penstock_load32(dma + PENSTOCK_DMA_DISPATCH_groups_x + axis * 4u);
		uint64_t base = penstock_load32(dma + PENSTOCK_DMA_DISPATCH_base_x + axis * 4u);

		if (groups + base > 0xFFFF) {
			return "more workgroups than there can be";
		}
	}
	return NULL;
}

/* ------------------------------------------------------------------ graphics */

static const char *timestamp(const uint8_t *dma, uint32_t elements,
			     struct penstock_check_extent extents[])
{
	(void)dma;
	(void)elements;
	extents[0].behind = 8;
	return NULL;
}

/* From the flags on its fields are the words of a struct penstock_image. */
static const char *image(const uint8_t *dma, uint32_t elements,
			 struct penstock_check_extent extents[])
{
	struct penstock_image_layout layout;
	struct penstock_image description;

	(void)elements;
	memcpy(&description, dma + PENSTOCK_DMA_IMAGE_flags, sizeof(description));
	if (penstock_load32(dma + PENSTOCK_DMA_IMAGE_slot) > 63) {
		return "a slot that no group has";
	}
	if (penstock_image_lay_out(&description, &layout, NULL) != PENSTOCK_STATUS_SUCCESS) {
		return "an image that there is not";
	}
	extents[0].behind = layout.bytes;
	return NULL;
}

_Static_assert(PENSTOCK_DMA_BYTES_IMAGE - PENSTOCK_DMA_IMAGE_flags ==
			       sizeof(struct penstock_image) &&
		       (int)PENSTOCK_DMA_IMAGE_flags == (int)PENSTOCK_DMA_IMAGE_WRITE_flags &&
		       PENSTOCK_DMA_IMAGE_tiling - PENSTOCK_DMA_IMAGE_flags ==
			       offsetof(struct penstock_image, tiling),
	       "image reads a whole description, of both");

static const char *texel_buffer(const uint8_t *dma, uint32_t elements,
				struct penstock_check_extent extents[])
{
	(void)elements;
	extents[0].behind = penstock_load64(dma + PENSTOCK_DMA_BIND_TEXEL_BUFFER_size);
	return NULL;
}

static const char *vertex_buffer(const uint8_t *dma, uint32_t elements,
				 struct penstock_check_extent extents[])
{
	(void)elements;
	extents[0].behind = penstock_load64(dma + PENSTOCK_DMA_VERTEX_BUFFER_size);
	return penstock_load32(dma + PENSTOCK_DMA_VERTEX_BUFFER_binding) > 15
		       ? "a vertex binding that there is not"
		       : NULL;
}

static const char *index_buffer(const uint8_t *dma, uint32_t elements,
				struct penstock_check_extent extents[])
{
	(void)elements;
	extents[0].behind = penstock_load64(dma + PENSTOCK_DMA_INDEX_BUFFER_size);
	return NULL;
}

static const char *indirect_buffer(const uint8_t *dma, uint32_t elements,
				   struct penstock_check_extent extents[])
{
	(void)elements;
	extents[0].behind = penstock_load64(dma + PENSTOCK_DMA_INDIRECT_BUFFER_size);
	return NULL;
}

static const char *count_buffer(const uint8_t *dma, uint32_t elements,
				struct penstock_check_extent extents[])
{
	(void)dma;
	(void)elements;
	extents[0].behind = 4;
	return NULL;
}

/* A word for occlusion (type 0), or one for each of the eleven statistics that is asked for. */
static const char *begin_query(const uint8_t *dma, uint32_t elements,
			       struct penstock_check_extent extents[])
{
	uint32_t type = penstock_load32(dma + PENSTOCK_DMA_BEGIN_QUERY_type);
	uint32_t statistics = penstock_load32(dma + PENSTOCK_DMA_BEGIN_QUERY_statistics);

	(void)elements;
	if (type > 1 || statistics >> 11 != 0 || (type == 0) != (statistics == 0) ||
	    penstock_load32(dma + PENSTOCK_DMA_BEGIN_QUERY_flags) != (type == 0 ? 1 : 0)) {
		return "a query that there is not";
	}
	extents[0].behind = type == 0 ? 8 : 0;
	for (; statistics != 0; statistics &= statistics - 1) {
		extents[0].behind += 8;
	}
	return NULL;
}

static const char *buffer_copy(const uint8_t *dma, uint32_t elements,
			       struct penstock_check_extent extents[])
{
	(void)elements;
	extents[0].behind = penstock_load64(dma + PENSTOCK_DMA_COPY_BUFFER_TO_IMAGE_size);
	return extents[0].behind == 0 ? "a copy of no bytes" : NULL;
}

_Static_assert((int)PENSTOCK_DMA_COPY_BUFFER_TO_IMAGE_size ==
			       (int)PENSTOCK_DMA_COPY_IMAGE_TO_BUFFER_size &&
		       (int)PENSTOCK_DMA_BIND_TEXEL_BUFFER_size ==
			       (int)PENSTOCK_DMA_BIND_TEXEL_BUFFER_WRITE_size,
	       "one function for both");

/* ------------------------------------------------------------------ pixels */

/* Pixels left..right (exclusive), top..bottom; none where it is empty. */
struct box {
	int64_t left;
	int64_t top;
	int64_t right;
	int64_t bottom;
};

static struct box box_at(const uint8_t *bytes)
{
	return (struct box){
		.left = (int32_t)penstock_load32(bytes),
		.top = (int32_t)penstock_load32(bytes + 4),
		.right = (int32_t)penstock_load32(bytes + 8),
		.bottom = (int32_t)penstock_load32(bytes + 12),
	};
}

static bool box_is_empty(const struct box *box)
{
	return box->right == box->left || box->bottom == box->top;
}

static bool box_is_ordered(const struct box *box)
{
	return box->right >= box->left && box->bottom >= box->top;
}

/* Widens the extent by the pixels of the box, row after row from the surface's address. */
static const char *touch(struct penstock_check_extent *extent, const struct box *box,
			 uint32_t pitch, uint32_t pixel_bytes)
{
	uint64_t first, behind;

	if (box->left < 0 || box->top < 0 || box->bottom > INT32_MAX ||
	    box->right * pixel_bytes > pitch) {
		return "pixels outside the rows of a surface";
	}
	first = (uint64_t)box->top * pitch + (uint64_t)box->left * pixel_bytes;
	behind = ((uint64_t)box->bottom - 1) * pitch + (uint64_t)box->right * pixel_bytes;
	if (extent->first == extent->behind) {
		*extent = (struct penstock_check_extent){ first, behind };
		return NULL;
	}
	extent->first = first < extent->first ? first : extent->first;
	extent->behind = behind > extent->behind ? behind : extent->behind;
	return NULL;
}

static const char *boxes_well_formed(const uint8_t *rects, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++) {
		struct box box = box_at(rects + i * 16u);

		if (!box_is_ordered(&box)) {
			return "a sub-rectangle is not well ordered";
		}
	}
	return NULL;
}

/* What a sub-rectangle of the destination reads of a source. */
struct source {
	enum { SHIFTED, SAMPLED, COMBINED } kind;
	struct box from;   /* SAMPLED, COMBINED */
	struct box to;     /* likewise */
	int64_t delta_x;   /* SHIFTED */
	int64_t delta_y;   /* likewise */
	uint32_t mirrored; /* STRETCHBLT's flags */
};

struct span {
	int64_t first;
	int64_t last;
};

/* Source columns of destination columns first..last (both inclusive), counted from the left edges.
 */
static struct span sampled(struct span to, int64_t from_extent, int64_t to_extent)
{
	const __int128 half = to_extent;

	return (struct span){
		.first = (int64_t)((to.first * (__int128)2 * from_extent + from_extent) /
				   (half + to_extent)),
		.last = (int64_t)((to.last * (__int128)2 * from_extent + from_extent) /
				  (half + to_extent)),
	};
}

static struct span combined(struct span to, int64_t from_extent, int64_t to_extent)
{
	struct span span;

	if (from_extent <= to_extent) {
		return sampled(to, from_extent, to_extent);
	}
	span.first = (int64_t)((__int128)to.first * from_extent / to_extent);
	span.last = (int64_t)(((__int128)to.last + 1) * from_extent / to_extent) - 1;
	return span;
}

static struct span axis(const struct source *source, struct span to, int64_t from_extent,
			int64_t to_extent, bool mirrored)
{
	struct span span = source->kind == COMBINED ? combined(to, from_extent, to_extent)
						    : sampled(to, from_extent, to_extent);

	if (mirrored) {
		return (struct span){ from_extent - 1 - span.last, from_extent - 1 - span.first };
	}
	return span;
}

/* The pixels that `box`, which is not empty, reads; false where it has no source pixels. */
static bool read_box(const struct source *source, const struct box *box, struct box *ret_box)
{
	const struct box *from = &source->from, *to = &source->to;
	struct span x, y;

	if (source->kind == SHIFTED) {
		*ret_box =
			(struct box){ box->left + source->delta_x, box->top + source->delta_y,
				      box->right + source->delta_x, box->bottom + source->delta_y };
		return true;
	}
	if (!box_is_ordered(from) || box_is_empty(from) || box->left < to->left ||
	    box->right > to->right || box->top < to->top || box->bottom > to->bottom) {
		return false;
	}
	x = axis(source, (struct span){ box->left - to->left, box->right - 1 - to->left },
		 from->right - from->left, to->right - to->left,
		 (source->mirrored & PENSTOCK_STRETCH_MIRROR_X) != 0);
	y = axis(source, (struct span){ box->top - to->top, box->bottom - 1 - to->top },
		 from->bottom - from->top, to->bottom - to->top,
		 (source->mirrored & PENSTOCK_STRETCH_MIRROR_Y) != 0);
	*ret_box = (struct box){ from->left + x.first, from->top + y.first, from->left + x.last + 1,
				 from->top + y.last + 1 };
	return true;
}

/* ------------------------------------------------------------------ GDI */

struct plane {
	struct penstock_check_extent *extent;
	uint32_t pitch;
	uint32_t pixel_bytes;
};

static uint32_t pixel_bytes_of(uint32_t format)
{
	switch (format) {
	case PENSTOCK_FORMAT_A8R8G8B8:
	case PENSTOCK_FORMAT_X8R8G8B8:
	case PENSTOCK_FORMAT_A8B8G8R8:
	case PENSTOCK_FORMAT_X8B8G8R8:
		return 4;
	case PENSTOCK_FORMAT_A8:
		return 1;
	default:
		return 0;
	}
}

/* Every sub-rectangle is written to `to`; its source pixels, if there are any, are read. */
static const char *draw(const uint8_t *rects, uint32_t count, const struct plane *to,
			const struct plane *from, const struct source *source)
{
	const char *wrong = boxes_well_formed(rects, count);

	if (to->pixel_bytes == 0 || (from != NULL && from->pixel_bytes == 0)) {
		return "a format that is none";
	}
	for (uint32_t i = 0; i < count && wrong == NULL; i++) {
		struct box box = box_at(rects + i * 16u), read;

		if (box_is_empty(&box)) {
			continue;
		}
		wrong = touch(to->extent, &box, to->pitch, to->pixel_bytes);
		if (wrong != NULL || from == NULL) {
			continue;
		}
		if (!read_box(source, &box, &read)) {
			return "a sub-rectangle without a source";
		}
		wrong = touch(from->extent, &read, from->pitch, from->pixel_bytes);
	}
	return wrong;
}

static const char *bitblt(const uint8_t *dma, uint32_t elements,
			  struct penstock_check_extent extents[])
{
	uint32_t formats = penstock_load32(dma + PENSTOCK_DMA_BITBLT_formats);
	struct plane from = { &extents[0], penstock_load32(dma + PENSTOCK_DMA_BITBLT_source_pitch),
			      pixel_bytes_of(formats >> 8) };
	struct plane to = { &extents[1],
			    penstock_load32(dma + PENSTOCK_DMA_BITBLT_destination_pitch),
			    pixel_bytes_of(formats & 0xFF) };
	struct source source = {
		.kind = SHIFTED,
		.delta_x = (int32_t)penstock_load32(dma + PENSTOCK_DMA_BITBLT_delta_x),
		.delta_y = (int32_t)penstock_load32(dma + PENSTOCK_DMA_BITBLT_delta_y),
	};
	uint32_t rop3 = penstock_load32(dma + PENSTOCK_DMA_BITBLT_rop3);

	if (rop3 > 0xFF || ((rop3 ^ rop3 >> 4) & 0x0F) != 0 || from.pixel_bytes != to.pixel_bytes) {
		return "a raster operation or formats that bitblt does not have";
	}
	return draw(dma + PENSTOCK_DMA_BITBLT_sub_rects, elements, &to, &from, &source);
}

static const char *colorfill(const uint8_t *dma, uint32_t elements,
			     struct penstock_check_extent extents[])
{
	struct plane to = { &extents[0],
			    penstock_load32(dma + PENSTOCK_DMA_COLORFILL_destination_pitch),
			    pixel_bytes_of(penstock_load32(dma + PENSTOCK_DMA_COLORFILL_formats)) };
	uint32_t rop3 = penstock_load32(dma + PENSTOCK_DMA_COLORFILL_rop3);

	if (rop3 > 0xFF || ((rop3 ^ rop3 >> 2) & 0x33) != 0) {
		return "a raster operation that colorfill does not have";
	}
	return draw(dma + PENSTOCK_DMA_COLORFILL_sub_rects, elements, &to, NULL, NULL);
}

/* alphablend, stretchblt and transparentblt have one layout up to their own two operands. */
static const char *mapped(const uint8_t *dma, uint32_t elements,
			  struct penstock_check_extent extents[], struct source *source)
{
	uint32_t formats = penstock_load32(dma + PENSTOCK_DMA_STRETCHBLT_formats);
	struct plane from = { &extents[0],
			      penstock_load32(dma + PENSTOCK_DMA_STRETCHBLT_source_pitch),
			      pixel_bytes_of(formats >> 8) };
	struct plane to = { &extents[1],
			    penstock_load32(dma + PENSTOCK_DMA_STRETCHBLT_destination_pitch),
			    pixel_bytes_of(formats & 0xFF) };

	source->from = box_at(dma + PENSTOCK_DMA_STRETCHBLT_source_rect);
	source->to = box_at(dma + PENSTOCK_DMA_STRETCHBLT_destination_rect);
	if (from.pixel_bytes != to.pixel_bytes) {
		return "formats that do not meet";
	}
	return draw(dma + PENSTOCK_DMA_STRETCHBLT_sub_rects, elements, &to, &from, source);
}

static const char *alphablend(const uint8_t *dma, uint32_t elements,
			      struct penstock_check_extent extents[])
{
	struct source source = { .kind = SAMPLED };

	if (penstock_load32(dma + PENSTOCK_DMA_ALPHABLEND_constant_alpha) > 0xFF ||
	    penstock_load32(dma + PENSTOCK_DMA_ALPHABLEND_source_has_alpha) > 1) {
		return "an alpha that is none";
	}
	return mapped(dma, elements, extents, &source);
}

static const char *stretchblt(const uint8_t *dma, uint32_t elements,
			      struct penstock_check_extent extents[])
{
	uint32_t mode = penstock_load32(dma + PENSTOCK_DMA_STRETCHBLT_mode);
	struct source source = {
		.kind = mode == PENSTOCK_STRETCH_COLORONCOLOR ? SAMPLED : COMBINED,
		.mirrored = penstock_load32(dma + PENSTOCK_DMA_STRETCHBLT_flags),
	};

	if (mode == 0 || mode > PENSTOCK_STRETCH_COLORONCOLOR || source.mirrored > 3) {
		return "a mode or flags that stretchblt does not have";
	}
	return mapped(dma, elements, extents, &source);
}

static const char *transparentblt(const uint8_t *dma, uint32_t elements,
				  struct penstock_check_extent extents[])
{
	struct source source = { .kind = SAMPLED };

	return mapped(dma, elements, extents, &source);
}

/* The temporary surface is not touched. */
static const char *cleartypeblend(const uint8_t *dma, uint32_t elements,
				  struct penstock_check_extent extents[])
{
	uint32_t formats = penstock_load32(dma + PENSTOCK_DMA_CLEARTYPEBLEND_formats);
	uint32_t gamma = penstock_load32(dma + PENSTOCK_DMA_CLEARTYPEBLEND_gamma);
	uint64_t gamma_pitch = penstock_load32(dma + PENSTOCK_DMA_CLEARTYPEBLEND_gamma_pitch);
	struct plane alpha = { &extents[2],
			       penstock_load32(dma + PENSTOCK_DMA_CLEARTYPEBLEND_alpha_pitch),
			       pixel_bytes_of(formats >> 8) };
	struct plane to = { &extents[3],
			    penstock_load32(dma + PENSTOCK_DMA_CLEARTYPEBLEND_destination_pitch),
			    pixel_bytes_of(formats & 0xFF) };
	struct source source = {
		.kind = SHIFTED,
		.delta_x =
			(int32_t)penstock_load32(dma + PENSTOCK_DMA_CLEARTYPEBLEND_alpha_offset_x),
		.delta_y =
			(int32_t)penstock_load32(dma + PENSTOCK_DMA_CLEARTYPEBLEND_alpha_offset_y),
	};

	if (gamma != UINT32_MAX) {
		extents[1].first = gamma * gamma_pitch;
		extents[1].behind = extents[1].first + 2 * 256;
		if (gamma > 15) {
			return "a row that a gamma table does not have";
		}
	}
	return draw(dma + PENSTOCK_DMA_CLEARTYPEBLEND_sub_rects, elements, &to, &alpha, &source);
}

/* ------------------------------------------------------------------ the table */

/* NULL: touches no memory. Paging instructions never come here. */
static extents_function *const functions[PENSTOCK_DMA_COUNT] = {
	[PENSTOCK_DMA_FILL] = fill,
	[PENSTOCK_DMA_COPY] = copy,
	[PENSTOCK_DMA_COPY_ROWS] = copy_rows,
	[PENSTOCK_DMA_UPDATE] = update,
	[PENSTOCK_DMA_TIMESTAMP] = timestamp,
	[PENSTOCK_DMA_BIND_PIPELINE] = bind_pipeline,
	[PENSTOCK_DMA_BIND_BUFFER] = bind_buffer,
	[PENSTOCK_DMA_BIND_BUFFER_WRITE] = bind_buffer_write,
	[PENSTOCK_DMA_PUSH_CONSTANTS] = push_constants,
	[PENSTOCK_DMA_IMAGE] = image,
	[PENSTOCK_DMA_IMAGE_WRITE] = image,
	[PENSTOCK_DMA_BIND_TEXEL_BUFFER] = texel_buffer,
	[PENSTOCK_DMA_BIND_TEXEL_BUFFER_WRITE] = texel_buffer,
	[PENSTOCK_DMA_VERTEX_BUFFER] = vertex_buffer,
	[PENSTOCK_DMA_INDEX_BUFFER] = index_buffer,
	[PENSTOCK_DMA_INDIRECT_BUFFER] = indirect_buffer,
	[PENSTOCK_DMA_COUNT_BUFFER] = count_buffer,
	[PENSTOCK_DMA_BEGIN_QUERY] = begin_query,
	[PENSTOCK_DMA_DISPATCH] = dispatch,
	[PENSTOCK_DMA_COPY_BUFFER_TO_IMAGE] = buffer_copy,
	[PENSTOCK_DMA_COPY_IMAGE_TO_BUFFER] = buffer_copy,
	[PENSTOCK_DMA_BITBLT] = bitblt,
	[PENSTOCK_DMA_COLORFILL] = colorfill,
	[PENSTOCK_DMA_ALPHABLEND] = alphablend,
	[PENSTOCK_DMA_STRETCHBLT] = stretchblt,
	[PENSTOCK_DMA_TRANSPARENTBLT] = transparentblt,
	[PENSTOCK_DMA_CLEARTYPEBLEND] = cleartypeblend,
};

const char *penstock_check_extents(const struct penstock_dma_decoded *decoded,
				   struct penstock_check_extent ret_extents[])
{
	extents_function *function = functions[decoded->instruction->id];

	for (uint32_t i = 0; i < PENSTOCK_CHECK_ADDRESSES; i++) {
		ret_extents[i] = (struct penstock_check_extent){ 0, 0 };
	}
	return function == NULL ? NULL : function(decoded->bytes, decoded->elements, ret_extents);
}
