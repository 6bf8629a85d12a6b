/* SPDX-License-Identifier: MIT */
/*
 * The model example, through a daemon and libpenstock as any client, against the same scene by
 * plain Vulkan calls in this process: equal byte for byte, with little memory too.
 */
#include "client/examples/model/renderer.h"
#include "tests/bench/raw_vulkan.h"
#include "tests/golden/compute_machine.h"
#include "tests/harness.h"

#include <stdlib.h>
#include <string.h>

#define WIDTH   653u /* rows that are no multiple of 64 bytes */
#define HEIGHT  361u
#define FRAMES  5u
#define TEXTURE 256u

static struct penstock_daemon machine;

/* ---------------------------------------------------------------- a scene */

#define RINGS  24u
#define SLICES 32u

/* A sphere with waves; normals and the rest do not have to be right, only the same for both. */
static void make_mesh(struct mesh *mesh)
{
	mesh->vertex_count = RINGS * SLICES;
	mesh->index_count = 6 * (RINGS - 1) * (SLICES - 1);
	mesh->vertices = calloc(mesh->vertex_count, sizeof(*mesh->vertices));
	mesh->indices = calloc(mesh->index_count, sizeof(*mesh->indices));
	ck_assert(mesh->vertices != NULL && mesh->indices != NULL);
	for (uint32_t i = 0; i < mesh->vertex_count; i++) {
		const float u = (float)(i % SLICES) / (SLICES - 1);
		const float v = (float)(i / SLICES) / (RINGS - 1);
		const float across = 4 * v * (1 - v);

		mesh->vertices[i] = (struct vertex){
			.position = { across * (2 * u - 1), 1.6F * v - 0.8F,
				      across * (1 - 8 * (u - 0.5F) * (u - 0.5F)) },
			.normal = { 2 * u - 1, 2 * v - 1, 0.5F },
			.texture = { 3 * u, 2 * v },
		};
	}
	for (uint32_t i = 0; i < mesh->index_count / 6; i++) {
		const uint32_t first = i / (SLICES - 1) * SLICES + i % (SLICES - 1);
		const uint32_t square[6] = { first,     first + 1,      first + SLICES,
					     first + 1, first + SLICES, first + SLICES + 1 };

		memcpy(&mesh->indices[(size_t)i * 6], square, sizeof(square));
	}
}

static struct pixels make_texture(uint32_t *texels)
{
	for (uint32_t i = 0; i < TEXTURE * TEXTURE; i++) {
		texels[i] = 0xff000000u | (i * 2654435761u >> 8);
	}
	return (struct pixels){ .bytes = texels, .width = TEXTURE, .height = TEXTURE };
}

/* ---------------------------------------------------------------- the comparison */

static void draw_and_compare(const char *const arguments[])
{
	struct penstock_options options = PENSTOCK_OPTIONS_INIT;
	struct penstock_connection *connection = NULL;
	static uint32_t texels[TEXTURE * TEXTURE];
	struct penstock_subresource layout;
	const struct pixels texture = make_texture(texels);
	struct renderer renderer;
	struct raw_vulkan *vulkan;
	uint8_t *wanted, *found;
	struct mesh mesh;

	make_mesh(&mesh);
	vulkan = raw_vulkan_new(&mesh, &texture, WIDTH, HEIGHT);
	ck_assert_ptr_nonnull(vulkan);
	compute_machine_start(&machine, arguments);
	options.server = machine.unix_server;
	ck_assert_int_eq(penstock_connect(&options, &connection, NULL, 0), PENSTOCK_STATUS_SUCCESS);
	renderer_make(&renderer, connection, &mesh, &texture, WIDTH, HEIGHT);
	renderer_layout(&renderer, &layout);
	wanted = malloc(layout.size_bytes);
	found = malloc(layout.size_bytes);
	ck_assert(wanted != NULL && found != NULL);
	for (uint32_t i = 0; i < FRAMES; i++) {
		const float turned = (float)i / FRAMES;

		ck_assert(raw_vulkan_frame(vulkan, turned, wanted));
		(void)renderer_draw(&renderer, turned);
		renderer_read(&renderer, found);
		for (uint32_t y = 0; y < HEIGHT; y++) {
			const size_t row = (size_t)y * layout.row_bytes;

			ck_assert_msg(memcmp(wanted + row, found + row, WIDTH * 4) == 0,
				      "frame %u, row %u is another", i, y);
		}
	}
	renderer_free(&renderer);
	penstock_connection_close(connection);
	raw_vulkan_free(vulkan);
	mesh_free(&mesh);
	free(wanted);
	free(found);
}

static void tear_down(void)
{
	compute_machine_stop(&machine);
}

START_TEST(the_model_is_drawn_as_vulkan_draws_it)
{
	static const char *const arguments[] = { NULL };

	draw_and_compare(arguments);
}
END_TEST

START_TEST(B2_the_model_is_the_same_with_a_quarter_of_the_memory_that_it_needs)
{
	/* Its two targets of four samples, its frame and its texture have 8.5 MiB. */
	static const char *const arguments[] = { "--local-memory=2M", NULL };

	draw_and_compare(arguments);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("model");
	TCase *tcase = tcase_create("model");

	tcase_set_timeout(tcase, 300);
	tcase_add_checked_fixture(tcase, NULL, tear_down);
	tcase_add_test(tcase, the_model_is_drawn_as_vulkan_draws_it);
	tcase_add_test(tcase, B2_the_model_is_the_same_with_a_quarter_of_the_memory_that_it_needs);
	suite_add_tcase(suite, tcase);
	return penstock_test_main(suite);
}
