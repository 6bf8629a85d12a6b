/* SPDX-License-Identifier: MIT */
/*
 * A desktop, drawn by a Penstock daemon: this program loads pictures, uploads them, and sends
 * command buffers of GDI records; what it reads back at the end is desktop.png. Each function
 * below `scene` draws one part and is one submission.
 *
 * usage: desktop TEXTURES FONT OUTPUT.png
 */
#include "client/examples/desktop/picture.h"
#include "client/examples/desktop/text.h"

#include <penstock/penstock.h>

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { WIDTH = 1280, HEIGHT = 800, TASKBAR = 44, SHADOW = 40 };

#define RECT(l, t, r, b) (&(const struct penstock_rect){ (l), (t), (r), (b) })
#define AT(x, y, w, h)   RECT((x), (y), (x) + (w), (y) + (h))
#define READ             0u
#define WRITE            PENSTOCK_ALLOCATION_WRITE_OPERATION
#define OPAQUE           255u

struct surface {
	uint64_t allocation;
	int width;
	int height;
};

struct desktop {
	struct penstock_connection *connection;
	struct penstock_command_buffer *buffer;
	struct font *font;
	uint64_t device;
	uint64_t context;
	uint64_t fence; /* of the latest submission */
	struct surface screen;
	struct surface stars, tux, logo;
	struct surface shadow_below, shadow_right, shadow_corner, corners;
	struct surface scratch; /* a copy of a part of the screen */
	struct surface dot;     /* one white pixel: what tints are blended from */
	struct surface gamma;
	/* for the table at the end */
	unsigned submissions;
	uint64_t command_bytes;
	uint64_t pixels_uploaded;
};

/* Whatever goes wrong ends the program with the library's own words. */
static void must(struct desktop *d, enum penstock_status status, const char *what)
{
	struct penstock_failure failure;

	if (status == PENSTOCK_STATUS_SUCCESS) {
		return;
	}
	fprintf(stderr, "desktop: %s: %s\n", what, penstock_status_text(status));
	while (d->connection != NULL &&
	       penstock_failure_next(d->connection, &failure) == PENSTOCK_STATUS_SUCCESS) {
		fprintf(stderr, "desktop: request %" PRIu64 ": %s: %s\n", failure.serial,
			penstock_status_name(failure.status), failure.sentence);
	}
	exit(EXIT_FAILURE);
}

/* ---------------------------------------------------------------- surfaces */

static struct surface new_surface(struct desktop *d, int width, int height, uint32_t format,
				  uint32_t type)
{
	struct surface surface = { 0, width, height };
	struct penstock_allocation_create_info info = {
		.device = d->device,
		.width = (uint32_t)width,
		.height = (uint32_t)height,
		.format = format,
		.surface_type = type,
	};

	must(d, penstock_allocation_create(d->connection, &info, &surface.allocation), "surface");
	return surface;
}

/* Rows of a surface start at multiples of the adapter's pitch alignment. */
static size_t pitch_of(struct desktop *d, size_t row_bytes)
{
	struct penstock_session_info info;

	must(d, penstock_connection_info(d->connection, &info), "session");
	return (row_bytes + info.pitch_alignment - 1) / info.pitch_alignment * info.pitch_alignment;
}

static void upload(struct desktop *d, const struct surface *surface, const void *pixels,
		   size_t row_bytes)
{
	size_t pitch = pitch_of(d, row_bytes);
	uint8_t *rows = calloc((size_t)surface->height, pitch);

	if (rows == NULL) {
		must(d, PENSTOCK_STATUS_NO_MEMORY, "upload");
	}
	for (int y = 0; y < surface->height; y++) {
		memcpy(rows + (size_t)y * pitch, (const uint8_t *)pixels + (size_t)y * row_bytes,
		       row_bytes);
	}
	must(d,
	     penstock_allocation_upload(d->connection, surface->allocation, 0, rows,
					(size_t)surface->height * pitch),
	     "upload");
	d->pixels_uploaded += (uint64_t)surface->width * (uint64_t)surface->height;
	free(rows);
}

static struct surface surface_from(struct desktop *d, const struct picture *picture)
{
	struct surface surface = new_surface(d, (int)picture->width, (int)picture->height,
					     PENSTOCK_FORMAT_A8R8G8B8, PENSTOCK_SURFACE_TEXTURE);

	upload(d, &surface, picture->pixels, picture->width * sizeof(uint32_t));
	return surface;
}

static struct picture load(const char *folder, const char *name)
{
	char path[4096];
	struct picture picture;

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	if (!picture_load(path, &picture)) {
		exit(2);
	}
	picture_premultiply(&picture);
	return picture;
}

static struct surface load_surface(struct desktop *d, const char *folder, const char *name)
{
	struct picture picture = load(folder, name);
	struct surface surface = surface_from(d, &picture);

	free(picture.pixels);
	return surface;
}

static void load_shadows(struct desktop *d, const char *folder)
{
	struct picture below = load(folder, "desktop-shadow.png");
	struct picture right;

	if (!picture_transpose(&below, &right)) {
		must(d, PENSTOCK_STATUS_NO_MEMORY, "shadow");
	}
	d->shadow_below = surface_from(d, &below);
	d->shadow_right = surface_from(d, &right);
	d->shadow_corner = load_surface(d, folder, "desktop-shadow-corner.png");
	free(below.pixels);
	free(right.pixels);
}

/* ---------------------------------------------------------------- submissions */

/* The index of a surface in the list of the command buffer that is being built. */
static uint16_t use(struct desktop *d, const struct surface *surface, uint32_t flags)
{
	uint16_t index = 0;

	must(d, penstock_command_buffer_list(d->buffer, surface->allocation, flags, &index),
	     "allocation list");
	return index;
}

static void submit(struct desktop *d, const char *what)
{
	uint32_t bytes = 0;

	must(d, penstock_command_buffer_contents(d->buffer, NULL, &bytes, NULL, NULL), what);
	must(d,
	     penstock_command_buffer_submit(d->buffer, d->connection, d->context,
					    PENSTOCK_SUBMIT_RENDER_KM, &d->fence),
	     what);
	d->submissions++;
	d->command_bytes += bytes;
	penstock_command_buffer_reset(d->buffer);
}

static void stretch(struct desktop *d, const struct surface *from, const struct surface *to,
		    const struct penstock_rect *where, uint32_t flags)
{
	must(d,
	     penstock_emit_stretchblt(d->buffer, use(d, from, READ),
				      RECT(0, 0, from->width, from->height), use(d, to, WRITE),
				      where, PENSTOCK_STRETCH_COLORONCOLOR, flags, 0, where, 1),
	     "stretchblt");
}

static void blend(struct desktop *d, const struct surface *from,
		  const struct penstock_rect *from_where, const struct penstock_rect *where,
		  uint32_t alpha, bool per_pixel)
{
	must(d,
	     penstock_emit_alphablend(d->buffer, use(d, from, READ), from_where,
				      use(d, &d->screen, WRITE), where, alpha, per_pixel, 0, where,
				      1),
	     "alphablend");
}

static void fill(struct desktop *d, uint32_t color, const struct penstock_rect *rects,
		 uint32_t count)
{
	must(d,
	     penstock_emit_colorfill(d->buffer, use(d, &d->screen, WRITE),
				     RECT(0, 0, WIDTH, HEIGHT), color, PENSTOCK_COLORFILL_PATCOPY,
				     0, rects, count),
	     "colorfill");
}

static void text(struct desktop *d, const char *line, int x, int y, uint32_t size, uint32_t color)
{
	struct picture coverage;
	struct surface alpha;
	const struct penstock_rect *where;

	if (!font_render(d->font, line, size, &coverage)) {
		must(d, PENSTOCK_STATUS_NO_MEMORY, "text");
	}
	alpha = surface_from(d, &coverage);
	where = AT(x, y, alpha.width, alpha.height);
	must(d,
	     penstock_emit_cleartypeblend(d->buffer, use(d, &d->screen, WRITE),
					  use(d, &d->gamma, READ), use(d, &alpha, READ),
					  use(d, &d->screen, WRITE), where, -x, -y, color, color, 4,
					  0, where, 1),
	     "cleartypeblend");
	submit(d, "text");
	/* The name goes at once, the surface when the submission above has run. */
	must(d, penstock_object_destroy(d->connection, alpha.allocation), "destroy");
	free(coverage.pixels);
}

/* ---------------------------------------------------------------- the scene, back to front */

static void wallpaper(struct desktop *d)
{
	stretch(d, &d->stars, &d->screen, RECT(0, 0, WIDTH, HEIGHT), 0);
	submit(d, "wallpaper");
}

/* The other three corners are mirrored out of the one that the picture has. */
static void corners(struct desktop *d)
{
	stretch(d, &d->shadow_corner, &d->corners, AT(0, 0, 64, 64), 0);
	stretch(d, &d->shadow_corner, &d->corners, AT(64, 0, 64, 64), PENSTOCK_STRETCH_MIRROR_X);
	stretch(d, &d->shadow_corner, &d->corners, AT(128, 0, 64, 64), PENSTOCK_STRETCH_MIRROR_Y);
	submit(d, "corners");
}

static void shadow(struct desktop *d, int x, int y, int w, int h)
{
	enum { K = 150 };

	blend(d, &d->shadow_below, RECT(0, 0, 64, 64), AT(x + SHADOW, y + h, w - SHADOW, SHADOW), K,
	      true);
	blend(d, &d->shadow_right, RECT(0, 0, 64, 64), AT(x + w, y + SHADOW, SHADOW, h - SHADOW), K,
	      true);
	blend(d, &d->corners, AT(0, 0, 64, 64), AT(x + w, y + h, SHADOW, SHADOW), K, true);
	blend(d, &d->corners, AT(64, 0, 64, 64), AT(x, y + h, SHADOW, SHADOW), K, true);
	blend(d, &d->corners, AT(128, 0, 64, 64), AT(x + w, y, SHADOW, SHADOW), K, true);
}

/* Frame, title bar in a gradient of fills, and a client area in one colour. */
static void window(struct desktop *d, int x, int y, int w, int h, uint32_t title, uint32_t area)
{
	enum { BAR = 30 };

	shadow(d, x, y, w, h);
	fill(d, 0xff202028, AT(x, y, w, h), 1);
	for (int row = 0; row < BAR - 1; row++) {
		uint32_t shade = (uint32_t)(0x50 - row * 2);

		fill(d, title + (shade << 16 | shade << 8 | shade),
		     RECT(x + 1, y + 1 + row, x + w - 1, y + 2 + row), 1);
	}
	fill(d, area, RECT(x + 1, y + BAR, x + w - 1, y + h - 1), 1);
	fill(d, 0xffd84040, AT(x + w - 25, y + 8, 15, 15), 1);
	fill(d, 0xffe0b040, AT(x + w - 47, y + 8, 15, 15), 1);
	submit(d, "window");
}

static void tux_window(struct desktop *d)
{
	shadow(d, 70, 80, 400, 400);
	blend(d, &d->tux, RECT(0, 0, 512, 512), AT(70, 80, 400, 400), OPAQUE, true);
	submit(d, "translucent window");
}

/* The picture's white background is the one colour that is not copied. */
static void logo_window(struct desktop *d)
{
	const struct penstock_rect *where = AT(620, 110, 520, 390);

	window(d, 600, 70, 560, 450, 0xff204060, 0xffdfe8f2);
	must(d,
	     penstock_emit_transparentblt(
		     d->buffer, use(d, &d->logo, READ), RECT(0, 0, d->logo.width, d->logo.height),
		     use(d, &d->screen, WRITE), where, 0xffffffff, 0, 0, where, 1),
	     "transparentblt");
	submit(d, "picture");
	text(d, "effect-2d.png", 612, 75, 15, 0xffffffff);
}

static void terminal_window(struct desktop *d)
{
	static const char *const lines[] = {
		"$ penstock run hello.pasm",
		"copy at byte 0x2a4: destination 0x1000..0x3000",
		"    ends past allocation 3 (0x2000 bytes)",
		"$ penstockctl contexts",
		"drawn by command buffers, over a socket",
	};

	window(d, 330, 500, 470, 210, 0xff305030, 0xff101418);
	text(d, "terminal", 342, 505, 15, 0xffffffff);
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		text(d, lines[i], 346, 540 + 31 * (int)i, 16,
		     lines[i][0] == '$' ? 0xff80ff90 : 0xffd0d8e0);
	}
}

static void taskbar(struct desktop *d)
{
	const int y = HEIGHT - TASKBAR;

	blend(d, &d->dot, RECT(0, 0, 1, 1), RECT(0, y, WIDTH, HEIGHT), 190, false);
	fill(d, 0xff2a6fb0, AT(6, y + 6, 110, TASKBAR - 12), 1);
	stretch(d, &d->tux, &d->screen, AT(130, y + 6, 32, 32), 0);
	stretch(d, &d->logo, &d->screen, AT(172, y + 6, 43, 32), 0);
	stretch(d, &d->stars, &d->screen, AT(225, y + 6, 32, 32), 0);
	submit(d, "taskbar");
	text(d, "Penstock", 22, y + 10, 18, 0xffffffff);
	text(d, "12:00", WIDTH - 70, y + 10, 18, 0xff202028);
}

/* A part of the screen is copied off it, and comes back enlarged under a frame. */
static void magnifier(struct desktop *d)
{
	const struct penstock_rect *part = AT(0, 0, 120, 80), *where = AT(900, 545, 300, 200);

	must(d,
	     penstock_emit_bitblt(d->buffer, use(d, &d->screen, READ), AT(196, 190, 120, 80),
				  use(d, &d->scratch, WRITE), part, PENSTOCK_BITBLT_SRCCOPY, 0, 0,
				  0, part, 1),
	     "bitblt");
	shadow(d, where->left - 4, where->top - 4, 308, 208);
	fill(d, 0xfff0f0f0, AT(where->left - 4, where->top - 4, 308, 208), 1);
	stretch(d, &d->scratch, &d->screen, where, 0);
	submit(d, "magnifier");
}

/* A rubber band: inverted pixels, so that drawing it twice removes it. */
static void selection(struct desktop *d)
{
	const int x = 40, y = 560, w = 240, h = 150;
	const struct penstock_rect edges[] = {
		{ x, y, x + w, y + 2 },
		{ x, y + h - 2, x + w, y + h },
		{ x, y + 2, x + 2, y + h - 2 },
		{ x + w - 2, y + 2, x + w, y + h - 2 },
	};

	must(d,
	     penstock_emit_colorfill(d->buffer, use(d, &d->screen, WRITE),
				     RECT(0, 0, WIDTH, HEIGHT), 0xffffffff,
				     PENSTOCK_COLORFILL_PATINVERT, 0, edges, 4),
	     "selection");
	blend(d, &d->dot, RECT(0, 0, 1, 1), RECT(x + 2, y + 2, x + w - 2, y + h - 2), 70, false);
	submit(d, "selection");
}

static void scene(struct desktop *d)
{
	wallpaper(d);
	corners(d);
	tux_window(d);
	logo_window(d);
	terminal_window(d);
	taskbar(d);
	magnifier(d);
	selection(d);
}

/* ---------------------------------------------------------------- around it */

static void open_everything(struct desktop *d, const char *textures)
{
	struct penstock_options options = PENSTOCK_OPTIONS_INIT;
	struct penstock_context_create_info context = { .flags = PENSTOCK_CONTEXT_GDI };
	uint8_t table[16 * 512];
	uint32_t white = 0xffffffff;
	char why[PENSTOCK_SENTENCE_BYTES] = "";

	options.client = "desktop";
	options.lease_s = 10; /* so that the demo can show the context afterwards */
	if (penstock_connect(&options, &d->connection, why, sizeof(why)) !=
	    PENSTOCK_STATUS_SUCCESS) {
		fprintf(stderr, "desktop: %s\n", why);
		exit(EXIT_FAILURE);
	}
	must(d, penstock_command_buffer_new(&d->buffer), "command buffer");
	must(d, penstock_device_create(d->connection, NULL, &d->device), "device");
	context.device = d->device;
	must(d, penstock_context_create(d->connection, &context, &d->context), "context");
	d->screen =
		new_surface(d, WIDTH, HEIGHT, PENSTOCK_FORMAT_X8R8G8B8, PENSTOCK_SURFACE_TEXTURE);
	d->corners = new_surface(d, 192, 64, PENSTOCK_FORMAT_A8R8G8B8, PENSTOCK_SURFACE_TEXTURE);
	d->scratch = new_surface(d, 120, 80, PENSTOCK_FORMAT_X8R8G8B8, PENSTOCK_SURFACE_TEXTURE);
	d->dot = surface_from(d, &(struct picture){ 1, 1, &white });
	d->gamma = new_surface(d, 512, 16, PENSTOCK_FORMAT_A8, PENSTOCK_SURFACE_LOOKUPTABLE);
	font_gamma_table(table);
	upload(d, &d->gamma, table, 512);
	d->stars = load_surface(d, textures, "nasa1.png");
	d->tux = load_surface(d, textures, "desktop-window.png");
	d->logo = load_surface(d, textures, "effect-2d.png");
	load_shadows(d, textures);
}

static bool save(struct desktop *d, const char *path)
{
	struct picture picture = { WIDTH, HEIGHT, NULL };
	size_t row = WIDTH * sizeof(uint32_t);
	bool saved;

	/* 1280 pixels are a multiple of every pitch alignment that an adapter may have. */
	picture.pixels = malloc(row * HEIGHT);
	if (picture.pixels == NULL) {
		must(d, PENSTOCK_STATUS_NO_MEMORY, "read back");
	}
	must(d,
	     penstock_allocation_read_back(d->connection, d->screen.allocation, 0, picture.pixels,
					   row * HEIGHT),
	     "read back");
	saved = picture_save(path, &picture);
	free(picture.pixels);
	return saved;
}

static double seconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

int main(int argc, char **argv)
{
	struct desktop d = { 0 };
	double start, drawn;
	bool saved;

	if (argc != 4) {
		fprintf(stderr, "usage: desktop TEXTURES FONT OUTPUT.png\n");
		return 2;
	}
	d.font = font_open(argv[2]);
	if (d.font == NULL) {
		return 2;
	}
	open_everything(&d, argv[1]);
	start = seconds();
	scene(&d);
	must(&d, penstock_context_wait(d.connection, d.context, d.fence, 30000, NULL), "fence");
	drawn = seconds();
	saved = save(&d, argv[3]);
	printf("%-22s %u\n%-22s %" PRIu64 "\n%-22s %" PRIu64 "\n%-22s %" PRIu64 "\n%-22s %.1f ms\n",
	       "submissions", d.submissions, "command bytes", d.command_bytes, "pixels uploaded",
	       d.pixels_uploaded, "last fence", d.fence, "time to last fence",
	       (drawn - start) * 1000);
	penstock_command_buffer_free(d.buffer);
	penstock_connection_close(d.connection);
	font_close(d.font);
	return saved ? EXIT_SUCCESS : EXIT_FAILURE;
}
