/* SPDX-License-Identifier: MIT */
#include "tests/golden/reference.h"

#include <stdlib.h>

struct pixel {
	int a, r, g, b;
};

/* ---------------------------------------------------------------- surfaces */

static uint8_t *at(const struct reference_surface *surface, int x, int y)
{
	int bytes = surface->format == REFERENCE_A8 ? 1 : 4;

	return surface->bytes + (long)y * surface->pitch + (long)x * bytes;
}

static struct pixel read_pixel(const struct reference_surface *surface, int x, int y)
{
	const uint8_t *p = at(surface, x, y);

	switch (surface->format) {
	case REFERENCE_A8R8G8B8:
		return (struct pixel){ p[3], p[2], p[1], p[0] };
	case REFERENCE_X8R8G8B8:
		return (struct pixel){ 255, p[2], p[1], p[0] };
	case REFERENCE_A8B8G8R8:
		return (struct pixel){ p[3], p[0], p[1], p[2] };
	case REFERENCE_X8B8G8R8:
		return (struct pixel){ 255, p[0], p[1], p[2] };
	case REFERENCE_A8:
		return (struct pixel){ p[0], 0, 0, 0 };
	}
	abort();
}

static void write_pixel(const struct reference_surface *surface, int x, int y, struct pixel c)
{
	uint8_t *p = at(surface, x, y);
	int red = surface->format == REFERENCE_A8B8G8R8 || surface->format == REFERENCE_X8B8G8R8
			  ? 0
			  : 2;

	if (surface->format == REFERENCE_A8) {
		p[0] = (uint8_t)c.a;
		return;
	}
	p[red] = (uint8_t)c.r;
	p[1] = (uint8_t)c.g;
	p[2 - red] = (uint8_t)c.b;
	p[3] = surface->format == REFERENCE_X8R8G8B8 || surface->format == REFERENCE_X8B8G8R8
		       ? 255
		       : (uint8_t)c.a;
}

static struct pixel unpack(uint32_t color)
{
	return (struct pixel){ (int)(color >> 24), (int)(color >> 16 & 255),
			       (int)(color >> 8 & 255), (int)(color & 255) };
}

static int div255(int n)
{
	return (n + 127) / 255;
}

/* ---------------------------------------------------------------- raster operations */

static int rop_channel(int code, int p, int s, int d)
{
	int result = 0;

	for (int bit = 0; bit < 8; bit++) {
		int index = 4 * (p >> bit & 1) + 2 * (s >> bit & 1) + (d >> bit & 1);

		result |= (code >> index & 1) << bit;
	}
	return result;
}

static struct pixel rop(int code, struct pixel p, struct pixel s, struct pixel d)
{
	return (struct pixel){ rop_channel(code, p.a, s.a, d.a), rop_channel(code, p.r, s.r, d.r),
			       rop_channel(code, p.g, s.g, d.g), rop_channel(code, p.b, s.b, d.b) };
}

/* The source is read whole before the first pixel is written. */
static void bitblt(const struct reference_record *record, struct reference_rect rect)
{
	int dx = record->source_rect.left - record->destination_rect.left;
	int dy = record->source_rect.top - record->destination_rect.top;
	int width = rect.right - rect.left, height = rect.bottom - rect.top;
	const struct pixel none = { 0, 0, 0, 0 };
	struct pixel *source = calloc((size_t)(width * height) + 1, sizeof(*source));

	for (int y = 0; y < height; y++) {
		for (int x = 0; x < width; x++) {
			source[y * width + x] =
				read_pixel(record->source, rect.left + x + dx, rect.top + y + dy);
		}
	}
	for (int y = 0; y < height; y++) {
		for (int x = 0; x < width; x++) {
			struct pixel d =
				read_pixel(record->destination, rect.left + x, rect.top + y);

			write_pixel(record->destination, rect.left + x, rect.top + y,
				    rop(record->rop3, none, source[y * width + x], d));
		}
	}
	free(source);
}

/* ---------------------------------------------------------------- mapping */

static int extent(int first, int end)
{
	return end - first;
}

static int map_axis(int d, int d_first, int d_extent, int s_extent, bool mirror)
{
	long long offset = (2LL * (d - d_first) + 1) * s_extent / (2LL * d_extent);

	return (int)(mirror ? s_extent - 1 - offset : offset);
}

static struct pixel mapped(const struct reference_record *record, int x, int y)
{
	const struct reference_rect *s = &record->source_rect, *d = &record->destination_rect;

	return read_pixel(record->source,
			  s->left + map_axis(x, d->left, extent(d->left, d->right),
					     extent(s->left, s->right), false),
			  s->top + map_axis(y, d->top, extent(d->top, d->bottom),
					    extent(s->top, s->bottom), false));
}

static struct pixel blend(const struct reference_record *record, struct pixel s, struct pixel d)
{
	int k = record->constant_alpha;
	struct pixel t;

	if (!record->source_has_alpha) {
		return (struct pixel){ div255(s.a * k + d.a * (255 - k)),
				       div255(s.r * k + d.r * (255 - k)),
				       div255(s.g * k + d.g * (255 - k)),
				       div255(s.b * k + d.b * (255 - k)) };
	}
	t = (struct pixel){ div255(s.a * k), div255(s.r * k), div255(s.g * k), div255(s.b * k) };
	t.r += div255(d.r * (255 - t.a));
	t.g += div255(d.g * (255 - t.a));
	t.b += div255(d.b * (255 - t.a));
	t.a += div255(d.a * (255 - t.a));
	t.a = t.a > 255 ? 255 : t.a;
	t.r = t.r > 255 ? 255 : t.r;
	t.g = t.g > 255 ? 255 : t.g;
	t.b = t.b > 255 ? 255 : t.b;
	return t;
}

/* ---------------------------------------------------------------- STRETCHBLT */

/* The source offsets that a destination offset covers. */
static void cover(int d, int d_extent, int s_extent, int *ret_first, int *ret_end)
{
	if (s_extent > d_extent) {
		*ret_first = (int)((long long)d * s_extent / d_extent);
		*ret_end = (int)((d + 1LL) * s_extent / d_extent);
		return;
	}
	*ret_first = map_axis(d, 0, d_extent, s_extent, false);
	*ret_end = *ret_first + 1;
}

static struct pixel combine(int mode, struct pixel a, struct pixel b)
{
	if (mode == 1) {
		return (struct pixel){ a.a & b.a, a.r & b.r, a.g & b.g, a.b & b.b };
	}
	return (struct pixel){ a.a | b.a, a.r | b.r, a.g | b.g, a.b | b.b };
}

static struct pixel stretched(const struct reference_record *record, int x, int y)
{
	const struct reference_rect *s = &record->source_rect, *d = &record->destination_rect;
	int ws = extent(s->left, s->right), hs = extent(s->top, s->bottom);
	int wd = extent(d->left, d->right), hd = extent(d->top, d->bottom);
	int x0, x1, y0, y1;
	struct pixel result = { 0, 0, 0, 0 };
	bool first = true;

	if (record->mode == 3) {
		x0 = map_axis(x, d->left, wd, ws, false);
		y0 = map_axis(y, d->top, hd, hs, false);
		x1 = x0 + 1;
		y1 = y0 + 1;
	} else {
		cover(x - d->left, wd, ws, &x0, &x1);
		cover(y - d->top, hd, hs, &y0, &y1);
	}
	for (int oy = y0; oy < y1; oy++) {
		for (int ox = x0; ox < x1; ox++) {
			int sx = s->left + (record->mirror_x ? ws - 1 - ox : ox);
			int sy = s->top + (record->mirror_y ? hs - 1 - oy : oy);
			struct pixel p = read_pixel(record->source, sx, sy);

			result = first ? p : combine(record->mode, result, p);
			first = false;
		}
	}
	return result;
}

static bool transparent(const struct reference_record *record, struct pixel s)
{
	struct pixel c = unpack(record->color);

	return s.r == c.r && s.g == c.g && s.b == c.b && (!record->honor_alpha || s.a == c.a);
}

/* ---------------------------------------------------------------- CLEARTYPEBLEND */

static int cleartype_channel(const struct reference_record *record, int k, int k_red, int k_green,
			     int d, int color, int color2)
{
	const uint8_t *row;
	int g;

	if (record->gamma < 0) {
		k = color >= d ? k_red : k_green;
		return div255(d * (255 - k) + color * k);
	}
	if (k == 0) {
		return d;
	}
	if (k == 255) {
		return color2;
	}
	row = at(record->gamma_table, 0, record->gamma);
	g = row[d];
	return row[256 + div255(g * (255 - k) + color * k)];
}

static struct pixel cleartype(const struct reference_record *record, int x, int y)
{
	struct pixel d = read_pixel(record->destination, x, y);
	struct pixel k = read_pixel(record->source, x + record->offset_x, y + record->offset_y);
	struct pixel c = unpack(record->color), c2 = unpack(record->color2);

	if (record->source->format == REFERENCE_A8) {
		k.r = k.g = k.b = k.a;
	}
	return (struct pixel){ d.a, cleartype_channel(record, k.r, k.r, k.g, d.r, c.r, c2.r),
			       cleartype_channel(record, k.g, k.r, k.g, d.g, c.g, c2.g),
			       cleartype_channel(record, k.b, k.r, k.g, d.b, c.b, c2.b) };
}

/* ---------------------------------------------------------------- records */

static void execute_pixel(const struct reference_record *record, int x, int y)
{
	struct pixel d = read_pixel(record->destination, x, y);
	struct pixel result = d;

	switch (record->operation) {
	case REFERENCE_COLORFILL:
		result = rop(record->rop3, unpack(record->color), d, d);
		break;
	case REFERENCE_ALPHABLEND:
		result = blend(record, mapped(record, x, y), d);
		break;
	case REFERENCE_STRETCHBLT:
		result = stretched(record, x, y);
		break;
	case REFERENCE_TRANSPARENTBLT:
		result = mapped(record, x, y);
		if (transparent(record, result)) {
			return;
		}
		break;
	case REFERENCE_CLEARTYPEBLEND:
		result = cleartype(record, x, y);
		break;
	case REFERENCE_BITBLT:
	case REFERENCE_OPERATIONS:
		abort();
	}
	write_pixel(record->destination, x, y, result);
}

void reference_execute(const struct reference_record *record)
{
	for (int i = 0; i < record->sub_rect_count; i++) {
		struct reference_rect rect = record->sub_rects[i];

		if (record->operation == REFERENCE_BITBLT) {
			bitblt(record, rect);
			continue;
		}
		for (int y = rect.top; y < rect.bottom; y++) {
			for (int x = rect.left; x < rect.right; x++) {
				execute_pixel(record, x, y);
			}
		}
	}
}
