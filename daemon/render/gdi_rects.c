/* SPDX-License-Identifier: MIT */
#include "daemon/render/gdi_rects.h"

#include "proto/wire/limits.h"

#include <inttypes.h>

#define RECT_BYTES 16u
_Static_assert(sizeof(struct penstock_rect) == RECT_BYTES, "as on the wire");

/* ------------------------------------------------------------------ single rectangles */

static bool coordinate_fits(int32_t coordinate)
{
	return coordinate >= -PENSTOCK_LIMIT_RECT_COORDINATE &&
	       coordinate <= PENSTOCK_LIMIT_RECT_COORDINATE;
}

bool penstock_gdi_rect(struct penstock_walk *walk, const uint8_t *bytes, const char *operand,
		       uint32_t offset, struct penstock_rect *ret_rect)
{
	struct penstock_rect rect = penstock_rect_load(bytes + offset);

	if (PENSTOCK_UNLIKELY(rect.left > rect.right || rect.top > rect.bottom)) {
		penstock_walk_refuse(walk, bytes, PENSTOCK_STATUS_INVALID_PARAMETER, operand,
				     "%s (%d, %d, %d, %d) is not well ordered", operand, rect.left,
				     rect.top, rect.right, rect.bottom);
		return false;
	}
	if (PENSTOCK_UNLIKELY(!coordinate_fits(rect.left) || !coordinate_fits(rect.top) ||
			      !coordinate_fits(rect.right) || !coordinate_fits(rect.bottom))) {
		penstock_walk_refuse(walk, bytes, PENSTOCK_STATUS_INVALID_PARAMETER, operand,
				     "%s (%d, %d, %d, %d) is outside the device space", operand,
				     rect.left, rect.top, rect.right, rect.bottom);
		return false;
	}
	*ret_rect = rect;
	return true;
}

struct penstock_rect penstock_gdi_extent(const struct penstock_gdi_surface *surface)
{
	return (struct penstock_rect){ 0, 0, (int32_t)surface->allocation->width,
				       (int32_t)surface->allocation->height };
}

struct penstock_rect penstock_rect_cut(const struct penstock_rect *a, const struct penstock_rect *b)
{
	return (struct penstock_rect){
		.left = a->left > b->left ? a->left : b->left,
		.top = a->top > b->top ? a->top : b->top,
		.right = a->right < b->right ? a->right : b->right,
		.bottom = a->bottom < b->bottom ? a->bottom : b->bottom,
	};
}

static int32_t clamp(int64_t value)
{
	return value < INT32_MIN ? INT32_MIN : value > INT32_MAX ? INT32_MAX : (int32_t)value;
}

struct penstock_rect penstock_gdi_reach(const struct penstock_rect *bounds,
					const struct penstock_gdi_surface *surface, int64_t delta_x,
					int64_t delta_y)
{
	struct penstock_rect moved = {
		.left = clamp(-delta_x),
		.top = clamp(-delta_y),
		.right = clamp((int64_t)surface->allocation->width - delta_x),
		.bottom = clamp((int64_t)surface->allocation->height - delta_y),
	};

	return penstock_rect_cut(bounds, &moved);
}

/* ------------------------------------------------------------------ sub-rectangles */

static bool inside(const struct penstock_rect *rect, const struct penstock_rect *bounds)
{
	return rect->left >= bounds->left && rect->top >= bounds->top &&
	       rect->right <= bounds->right && rect->bottom <= bounds->bottom;
}

static bool refuse_sub_rect(struct penstock_walk *walk, const uint8_t *bytes, uint32_t which,
			    const struct penstock_rect *rect, const char *what)
{
	penstock_walk_refuse(walk, bytes, PENSTOCK_STATUS_INVALID_PARAMETER, "sub_rects",
			     "sub-rectangle %u (%d, %d, %d, %d) %s", which, rect->left, rect->top,
			     rect->right, rect->bottom, what);
	return false;
}

/* One by one: finds the first that is not good, if there is one. */
static bool judge_each(struct penstock_walk *walk, const uint8_t *bytes,
		       const struct penstock_rect *bounds, const struct penstock_rect *reach,
		       const char *reach_what, const struct penstock_sub_rects *sub_rects)
{
	for (uint32_t i = 0; i < sub_rects->count; i++) {
		struct penstock_rect rect = penstock_rect_load(sub_rects->rects + i * RECT_BYTES);

		if (rect.left > rect.right || rect.top > rect.bottom) {
			return refuse_sub_rect(walk, bytes, i, &rect, "is not well ordered");
		}
		if (!inside(&rect, bounds)) {
			return refuse_sub_rect(walk, bytes, i, &rect,
					       "exceeds the destination surface or "
					       "destination_rect");
		}
		if (!penstock_rect_empty(&rect) && !inside(&rect, reach)) {
			return refuse_sub_rect(walk, bytes, i, &rect, reach_what);
		}
	}
	return true;
}

/* left, top, right, bottom as one vector */
typedef int32_t rect_vector __attribute__((vector_size(RECT_BYTES)));

static inline rect_vector vector_load(const uint8_t *bytes)
{
	rect_vector vector;

	__builtin_memcpy(&vector, bytes, sizeof(vector));
	return vector;
}

/*
 * The sum of all pixels, and whether all are in order and inside `reach`, without a branch in the
 * loop: in order and with each corner inside. Where one is not, the sum says nothing; `reach` is
 * within a surface, so that no product of good ones exceeds 2^32.
 */
static bool sum_pixels(const struct penstock_sub_rects *sub_rects,
		       const struct penstock_rect *reach, uint64_t *ret_pixels)
{
	const rect_vector low = { reach->left, reach->top, reach->left, reach->top };
	const rect_vector high = { reach->right, reach->bottom, reach->right, reach->bottom };
	const uint8_t *rect = sub_rects->rects;
	const uint8_t *end = rect + (size_t)sub_rects->count * RECT_BYTES;
	rect_vector bad = { 0, 0, 0, 0 };
	uint64_t pixels = 0;

	for (; rect != end; rect += RECT_BYTES) {
		const rect_vector corners = vector_load(rect);
		/* right, bottom, right, bottom */
		const rect_vector far = { corners[2], corners[3], corners[2], corners[3] };

		/* -1 for each that is not; at most 4096 times 3 of them */
		bad += (corners < low) + (corners > high) + (corners > far);
		pixels += (penstock_load32(rect + 8) - penstock_load32(rect)) *
			  (penstock_load32(rect + 12) - penstock_load32(rect + 4));
	}
	*ret_pixels = pixels;
	return (bad[0] | bad[1] | bad[2] | bad[3]) == 0;
}

static bool refuse_pixels(struct penstock_walk *walk, const uint8_t *bytes, uint64_t pixels)
{
	penstock_walk_refuse(walk, bytes, PENSTOCK_STATUS_INVALID_PARAMETER, "sub_rects",
			     "%" PRIu64 " pixels; an instruction has at most %u", pixels,
			     PENSTOCK_LIMIT_INSTRUCTION_PIXELS);
	return false;
}

bool penstock_gdi_sub_rects(struct penstock_walk *walk, const uint8_t *bytes,
			    const struct penstock_rect *bounds, const struct penstock_rect *reach,
			    const char *reach_what, struct penstock_sub_rects *sub_rects)
{
	if (PENSTOCK_UNLIKELY(sub_rects->count > PENSTOCK_LIMIT_SUB_RECTANGLES)) {
		penstock_walk_refuse(walk, bytes, PENSTOCK_STATUS_INVALID_PARAMETER, "sub_rects",
				     "%u sub-rectangles; an instruction has at most %u",
				     sub_rects->count, PENSTOCK_LIMIT_SUB_RECTANGLES);
		return false;
	}
	if (PENSTOCK_UNLIKELY(!sum_pixels(sub_rects, reach, &sub_rects->pixels))) {
		if (!judge_each(walk, bytes, bounds, reach, reach_what, sub_rects)) {
			return false;
		}
		/* Only empty ones stand outside `reach`; within `bounds` the sum is right. */
		(void)sum_pixels(sub_rects, bounds, &sub_rects->pixels);
	}
	if (PENSTOCK_UNLIKELY(sub_rects->pixels > PENSTOCK_LIMIT_INSTRUCTION_PIXELS)) {
		return refuse_pixels(walk, bytes, sub_rects->pixels);
	}
	return true;
}

/* Source columns (or rows) that destination columns first..behind combine. */
static uint64_t combined_span(int64_t first, int64_t behind, int64_t source, int64_t destination)
{
	if (source <= destination) {
		return (uint64_t)(behind - first);
	}
	return (uint64_t)(behind * source / destination - first * source / destination);
}

bool penstock_gdi_combined(struct penstock_walk *walk, const uint8_t *bytes,
			   const struct penstock_rect *source,
			   const struct penstock_rect *destination,
			   struct penstock_sub_rects *sub_rects)
{
	const int64_t source_width = (int64_t)source->right - source->left;
	const int64_t source_height = (int64_t)source->bottom - source->top;
	const int64_t width = (int64_t)destination->right - destination->left;
	const int64_t height = (int64_t)destination->bottom - destination->top;
	uint64_t pixels = 0;

	for (uint32_t i = 0; i < sub_rects->count; i++) {
		struct penstock_rect rect = penstock_rect_load(sub_rects->rects + i * RECT_BYTES);

		if (penstock_rect_empty(&rect)) {
			continue;
		}
		pixels += combined_span((int64_t)rect.left - destination->left,
					(int64_t)rect.right - destination->left, source_width,
					width) *
			  combined_span((int64_t)rect.top - destination->top,
					(int64_t)rect.bottom - destination->top, source_height,
					height);
	}
	sub_rects->pixels = pixels;
	return pixels <= PENSTOCK_LIMIT_INSTRUCTION_PIXELS || refuse_pixels(walk, bytes, pixels);
}
