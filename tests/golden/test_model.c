/* SPDX-License-Identifier: MIT */
/*
 * The model example, through a daemon and libpenstock as any client, against the same scene by
 * plain Vulkan calls in this process: equal byte for byte, with little memory too.
 */
#include "client/examples/model/renderer.h"
#include "tests/bench/raw_vulkan.h"
#include "tests/golden/compute_machine.h"
#include "tests/golden/shaders/endless.frag.spv.h" /* endless_spirv */
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

/* The scene twice: by a daemon, and by plain Vulkan. */
struct both {
	struct penstock_connection *connection;
	struct renderer renderer;
	struct raw_vulkan *vulkan;
	struct mesh mesh;
	struct pixels texture;
	struct penstock_subresource layout;
	uint8_t *wanted, *found;
};

static void open_both(struct both *both, const char *server)
{
	static uint32_t texels[TEXTURE * TEXTURE];
	struct penstock_options options = PENSTOCK_OPTIONS_INIT;

	make_mesh(&both->mesh);
	both->texture = make_texture(texels);
	both->vulkan = raw_vulkan_new(&both->mesh, &both->texture, WIDTH, HEIGHT);
	ck_assert_ptr_nonnull(both->vulkan);
	options.server = server;
	ck_assert_int_eq(penstock_connect(&options, &both->connection, NULL, 0),
			 PENSTOCK_STATUS_SUCCESS);
	renderer_make(&both->renderer, both->connection, &both->mesh, &both->texture, WIDTH,
		      HEIGHT);
	renderer_layout(&both->renderer, &both->layout);
	both->wanted = malloc(both->layout.size_bytes);
	both->found = malloc(both->layout.size_bytes);
	ck_assert(both->wanted != NULL && both->found != NULL);
}

static void close_both(struct both *both)
{
	renderer_free(&both->renderer);
	penstock_connection_close(both->connection);
	raw_vulkan_free(both->vulkan);
	mesh_free(&both->mesh);
	free(both->wanted);
	free(both->found);
}

static void check_frame(struct both *both, float turned)
{
	ck_assert(raw_vulkan_frame(both->vulkan, turned, both->wanted));
	(void)renderer_draw(&both->renderer, turned);
	renderer_read(&both->renderer, both->found);
	for (uint32_t y = 0; y < HEIGHT; y++) {
		const size_t row = (size_t)y * both->layout.row_bytes;

		ck_assert_msg(memcmp(both->wanted + row, both->found + row, WIDTH * 4) == 0,
			      "turned %f, row %u is another", (double)turned, y);
	}
}

static void draw_and_compare(const char *const arguments[])
{
	struct both both;

	compute_machine_start(&machine, arguments);
	open_both(&both, machine.unix_server);
	for (uint32_t i = 0; i < FRAMES; i++) {
		check_frame(&both, (float)i / FRAMES);
	}
	close_both(&both);
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

/* ---------------------------------------------------------------- beside one without end */

#define SIZE 16u

static uint64_t make_endless(struct compute_client *of)
{
	const struct penstock_shader_stage_info stages[] = {
		{ .stage = PENSTOCK_EXECUTION_MODEL_VERTEX,
		  .spirv = small_draw_vertex_shader.words,
		  .spirv_bytes = small_draw_vertex_shader.bytes },
		{ .stage = PENSTOCK_EXECUTION_MODEL_FRAGMENT,
		  .spirv = endless_spirv,
		  .spirv_bytes = sizeof(endless_spirv) },
	};
	struct penstock_graphics_state state;
	const struct penstock_pipeline_create_info info = {
		.device = of->device, .stages = stages, .stage_count = 2, .graphics = &state
	};
	uint64_t pipeline;

	penstock_graphics_state_init(&state);
	small_draws_state(SIZE, SIZE, &state);
	ck_assert_int_eq(penstock_pipeline_create(of->connection, &info, &pipeline),
			 PENSTOCK_STATUS_SUCCESS);
	return pipeline;
}

static uint64_t submit_endless(struct compute_client *of)
{
	const struct penstock_allocation_create_info memory = { .device = of->device,
								.size_bytes = 65536 };
	const struct penstock_image image = { .type = 1,
					      .format = SCENE_COLOR_FORMAT,
					      .width = SIZE,
					      .height = SIZE,
					      .depth = 1,
					      .levels = 1,
					      .layers = 1,
					      .samples = 1 };
	const struct penstock_rect area = { 0, 0, SIZE, SIZE };
	const struct small_draw draw = { .place = { -1, -1, 4, 4 } }; /* all of it */
	struct penstock_command_buffer *buffer;
	uint64_t allocation, fence;
	uint16_t index, pipeline;

	ck_assert_int_eq(penstock_allocation_create(of->connection, &memory, &allocation), 0);
	ck_assert_int_eq(penstock_command_buffer_new(&buffer), 0);
	(void)penstock_command_buffer_list(buffer, allocation, PENSTOCK_ALLOCATION_WRITE_OPERATION,
					   &index);
	(void)penstock_command_buffer_list(buffer, make_endless(of), 0, &pipeline);
	(void)penstock_emit_begin_rendering(buffer, &area, 1, 0);
	(void)penstock_emit_image_write_of(buffer, index, 4096, 0, &image);
	(void)penstock_emit_color_target(buffer, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0);
	(void)penstock_emit_bind_pipeline(buffer, pipeline);
	(void)penstock_emit_bind_buffer_write(buffer, index, 0, 16, 0, 0, 0);
	(void)penstock_emit_push_constants(buffer, 0, &draw, sizeof(draw));
	(void)penstock_emit_draw(buffer, 3, 1, 0, 0);
	(void)penstock_emit_end_rendering(buffer);
	ck_assert_int_eq(
		penstock_command_buffer_submit(buffer, of->connection, of->context, 0, &fence),
		PENSTOCK_STATUS_SUCCESS);
	ck_assert_int_eq(penstock_connection_flush(of->connection), PENSTOCK_STATUS_SUCCESS);
	penstock_command_buffer_free(buffer);
	return fence;
}

START_TEST(E1_a_draw_without_end_costs_its_own_device_and_the_next_frame_is_right)
{
	static const char *const arguments[] = { "--tdr-delay=2000", NULL };
	struct penstock_device_report report;
	struct penstock_failure failure;
	struct compute_client hanging;
	struct both both;
	uint64_t fence;

	compute_machine_start(&machine, arguments);
	open_both(&both, machine.tcp_server); /* another principal */
	check_frame(&both, 0.25F);
	compute_client_open(&hanging, machine.unix_server);
	fence = submit_endless(&hanging);
	check_frame(&both, 0.5F);
	ck_assert_int_ne(penstock_context_wait(hanging.connection, hanging.context, fence,
					       PENSTOCK_FOREVER, &failure),
			 PENSTOCK_STATUS_SUCCESS);
	ck_assert_int_eq(penstock_device_query(hanging.connection, hanging.device, &report),
			 PENSTOCK_STATUS_SUCCESS);
	ck_assert_uint_eq(report.execution_state, 3); /* hung */
	ck_assert_uint_eq(report.fault_fence, fence);
	ck_assert_str_eq(report.fault_instruction, "begin_rendering"); /* its group begins there */
	check_frame(&both, 0.75F);
	penstock_connection_close(hanging.connection);
	close_both(&both);
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
	tcase_add_test(tcase,
		       E1_a_draw_without_end_costs_its_own_device_and_the_next_frame_is_right);
	suite_add_tcase(suite, tcase);
	return penstock_test_main(suite);
}
