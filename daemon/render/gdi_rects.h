/* SPDX-License-Identifier: MIT */
/*
 * Rectangles of GDI records: order, bounds, the source pixels that they reach, and how many pixels
 * they are. docs/gdi.md, "Rectangles". Private to render.
 */
#ifndef PENSTOCK_GDI_RECTS_H
#define PENSTOCK_GDI_RECTS_H

#include "daemon/render/gdi_surface.h"

static inline struct penstock_rect penstock_rect_load(const uint8_t *bytes)
{
	struct penstock_rect rect;

	__builtin_memcpy(&rect, bytes, sizeof(rect));
	return rect;
}

static inline bool penstock_rect_empty(const struct penstock_rect *rect)
{
	return rect->left >= rect->right || rect->top >= rect->bottom;
}

static inline bool penstock_rects_meet(const struct penstock_rect *a, const struct penstock_rect *b)
{
	return !penstock_rect_empty(a) && !penstock_rect_empty(b) && a->left < b->right &&
	       b->left < a->right && a->top < b->bottom && b->top < a->bottom;
}

/* source_rect or destination_rect at `offset` of the record: order and range. False: refused. */
bool penstock_gdi_rect(struct penstock_walk *walk, const uint8_t *bytes, const char *operand,
		       uint32_t offset, struct penstock_rect *ret_rect);

/* The rectangle of all pixels of a surface. */
struct penstock_rect penstock_gdi_extent(const struct penstock_gdi_surface *surface);

/*
 * The part of `bounds` whose pixels, moved by (delta_x, delta_y), lie inside the surface. May be
 * out of order where there is none.
 */
struct penstock_rect penstock_gdi_reach(const struct penstock_rect *bounds,
					const struct penstock_gdi_surface *surface, int64_t delta_x,
					int64_t delta_y);

/* Both rectangles' pixels; out of order where there is none. */
struct penstock_rect penstock_rect_cut(const struct penstock_rect *a,
				       const struct penstock_rect *b);

/* The trailing array of a record. */
struct penstock_sub_rects {
	const uint8_t *rects;
	uint32_t count;
	uint64_t pixels; /* of all of them; filled by penstock_gdi_sub_rects */
};

/* What the engine does for them, in penstock_render_args.work_bytes. */
static inline uint64_t penstock_sub_rects_work(const struct penstock_sub_rects *sub_rects)
{
	return sub_rects->pixels * PENSTOCK_WORK_PER_PIXEL;
}

/* Of a record of `length` bytes. */
static inline void penstock_sub_rects_init(struct penstock_sub_rects *sub_rects,
					   const uint8_t *bytes, uint32_t length,
					   uint32_t fixed_bytes)
{
	sub_rects->rects = bytes + fixed_bytes;
	sub_rects->count = (length - fixed_bytes) / 16u;
	sub_rects->pixels = 0;
}

/*
 * Each in order and inside `bounds`; those that are not empty inside `reach` too, which is a part
 * of bounds; `reach_what` says of what. Their number and pixels within the limits. False: refused.
 */
bool penstock_gdi_sub_rects(struct penstock_walk *walk, const uint8_t *bytes,
			    const struct penstock_rect *bounds, const struct penstock_rect *reach,
			    const char *reach_what, struct penstock_sub_rects *sub_rects);

/*
 * The source pixels that a record combines, where it combines all pixels of a shrunk axis, within
 * the limit: they are what `pixels` says then. False: refused. The sub-rectangles are good.
 */
bool penstock_gdi_combined(struct penstock_walk *walk, const uint8_t *bytes,
			   const struct penstock_rect *source,
			   const struct penstock_rect *destination,
			   struct penstock_sub_rects *sub_rects);

#endif
