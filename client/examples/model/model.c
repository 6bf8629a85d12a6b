/* SPDX-License-Identifier: MIT */
/*
 * A lit, textured model on a turntable, drawn by a Penstock daemon: this program uploads a model
 * and a texture, has the daemon make the texture's mip chain, draws each frame multisampled and
 * with a depth buffer into memory that it then reads back, and saves PNGs.
 *
 * usage: model MODEL.obj TEXTURE.png DIRECTORY [FRAMES [WIDTH HEIGHT]]
 */
#include <penstock/penstock.h>

#include <png.h>

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "client/examples/model/mesh.h"
#include "client/examples/model/renderer.h"

#define MOST 4096u /* pixels each way, and frames */

/* Its pixels, red first; the caller frees them. */
static void *load_png(const char *path, struct pixels *ret_pixels)
{
	png_image image = { .version = PNG_IMAGE_VERSION };
	void *pixels = NULL;

	if (png_image_begin_read_from_file(&image, path)) {
		image.format = PNG_FORMAT_RGBA;
		pixels = malloc(PNG_IMAGE_SIZE(image));
		if (pixels != NULL && !png_image_finish_read(&image, NULL, pixels, 0, NULL)) {
			free(pixels);
			pixels = NULL;
		}
	}
	if (pixels == NULL) {
		fprintf(stderr, "model: %s: %s\n", path, image.message);
		exit(EXIT_FAILURE);
	}
	*ret_pixels =
		(struct pixels){ .bytes = pixels, .width = image.width, .height = image.height };
	return pixels;
}

/* A frame, read back and saved. Rows of a surface are a multiple of 64 bytes long. */
static void save(const struct renderer *renderer, const char *directory, uint32_t number)
{
	struct penstock_subresource whole;
	png_image image = { .version = PNG_IMAGE_VERSION,
			    .width = renderer->width,
			    .height = renderer->height,
			    .format = PNG_FORMAT_BGRA };
	char path[4096];
	void *pixels;

	renderer_layout(renderer, &whole);
	pixels = malloc(whole.size_bytes);
	if (pixels == NULL) {
		renderer_must(NULL, PENSTOCK_STATUS_NO_MEMORY, "frame");
	}
	renderer_read(renderer, pixels);
	snprintf(path, sizeof(path), "%s/model-%02" PRIu32 ".png", directory, number);
	if (!png_image_write_to_file(&image, path, 0, pixels, (png_int_32)whole.row_bytes, NULL)) {
		fprintf(stderr, "model: %s: %s\n", path, image.message);
		exit(EXIT_FAILURE);
	}
	free(pixels);
}

static uint32_t number(const char *text)
{
	unsigned long value = strtoul(text, NULL, 10);

	if (value == 0 || value > MOST) {
		fprintf(stderr, "model: '%s' is no number from 1 to %u\n", text, MOST);
		exit(2);
	}
	return (uint32_t)value;
}

int main(int argc, char **argv)
{
	const uint32_t frames = argc > 4 ? number(argv[4]) : 8;
	const uint32_t width = argc > 6 ? number(argv[5]) : 1280;
	const uint32_t height = argc > 6 ? number(argv[6]) : 720;
	struct penstock_connection *connection = NULL;
	char why[PENSTOCK_SENTENCE_BYTES] = "";
	struct renderer renderer;
	struct pixels texture;
	struct mesh mesh;
	void *texels;

	if (argc < 4 || argc == 6 || argc > 7) {
		fputs("usage: model MODEL.obj TEXTURE.png DIRECTORY [FRAMES [WIDTH HEIGHT]]\n",
		      stderr);
		return 2;
	}
	if (!mesh_load(argv[1], &mesh)) {
		return EXIT_FAILURE;
	}
	texels = load_png(argv[2], &texture);
	if (penstock_connect(NULL, &connection, why, sizeof(why)) != PENSTOCK_STATUS_SUCCESS) {
		fprintf(stderr, "model: %s\n", why);
		exit(EXIT_FAILURE);
	}
	renderer_make(&renderer, connection, &mesh, &texture, width, height);
	for (uint32_t i = 0; i < frames; i++) {
		(void)renderer_draw(&renderer, (float)i / (float)frames);
		save(&renderer, argv[3], i);
	}
	printf("%u frames of %u triangles, %ux%u pixels of four samples\n", frames,
	       mesh.index_count / 3, width, height);
	renderer_free(&renderer);
	(void)penstock_connection_goodbye(connection, PENSTOCK_FOREVER);
	penstock_connection_close(connection);
	free(texels);
	mesh_free(&mesh);
	return EXIT_SUCCESS;
}
