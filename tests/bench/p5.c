/* SPDX-License-Identifier: MIT */
/*
 * P5: a frame of the turning model at 1920x1080, of four samples, and the same with each frame read
 * back; and a frame of 1,000 small draws: through a daemon, against plain Vulkan in this process.
 * Two frames are in flight.
 */
#include "client/examples/model/renderer.h"
#include "client/examples/model/scene.h"
#include "tests/bench/bench.h"
#include "tests/bench/raw_vulkan.h"

#include <png.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define WIDTH  1920u
#define HEIGHT 1080u

static const char model_path[] = "/usr/share/glmark2/models/bunny.obj";
static const char texture_path[] = "/usr/share/glmark2/textures/crate-base.png";

/* Either side of a comparison: draws a frame and, where there is room for it, reads it back. */
struct side {
	bool (*frame)(void *owner, float turned, void *ret_bytes);
	bool (*finish)(void *owner);
	void *owner;
};

/* ---------------------------------------------------------------- this process */

static bool raw_frame(void *owner, float turned, void *ret_bytes)
{
	return raw_vulkan_frame(owner, turned, ret_bytes);
}

static bool raw_finish(void *owner)
{
	return raw_vulkan_finish(owner);
}

/* ---------------------------------------------------------------- the model, remote */

struct remote {
	struct penstock_connection *connection;
	uint64_t context;
	uint64_t before;          /* the fence of the frame before */
	struct renderer renderer; /* of the model */
	/* of the small draws */
	struct penstock_command_buffer *buffer;
	struct penstock_image image;
	uint64_t pipeline;
	uint64_t frame;
};

/* Not more than one frame is waiting behind the one that is drawn. */
static bool keep_two(struct remote *remote, uint64_t fence)
{
	bool good = remote->before == 0 ||
		    penstock_context_wait(remote->connection, remote->context, remote->before,
					  PENSTOCK_FOREVER, NULL) == PENSTOCK_STATUS_SUCCESS;

	remote->before = fence;
	return good;
}

static bool remote_finish(void *owner)
{
	return keep_two(owner, 0);
}

static bool model_frame(void *owner, float turned, void *ret_bytes)
{
	struct remote *remote = owner;
	bool good = keep_two(remote, renderer_draw(&remote->renderer, turned));

	if (ret_bytes != NULL) {
		renderer_read(&remote->renderer, ret_bytes);
	}
	return good;
}

/* ---------------------------------------------------------------- small draws, remote */

static enum penstock_status make_pipeline(struct remote *remote, uint64_t device)
{
	const struct penstock_shader_stage_info stages[] = {
		{ .stage = PENSTOCK_EXECUTION_MODEL_VERTEX,
		  .spirv = small_draw_vertex_shader.words,
		  .spirv_bytes = small_draw_vertex_shader.bytes },
		{ .stage = PENSTOCK_EXECUTION_MODEL_FRAGMENT,
		  .spirv = small_draw_fragment_shader.words,
		  .spirv_bytes = small_draw_fragment_shader.bytes },
	};
	struct penstock_graphics_state state;
	const struct penstock_pipeline_create_info info = {
		.device = device, .stages = stages, .stage_count = 2, .graphics = &state
	};

	penstock_graphics_state_init(&state);
	small_draws_state(WIDTH, HEIGHT, &state);
	return penstock_pipeline_create(remote->connection, &info, &remote->pipeline);
}

static enum penstock_status make_frame(struct remote *remote, uint64_t device)
{
	struct penstock_allocation_create_info info = { .device = device };
	enum penstock_status status;

	remote->image = (struct penstock_image){
		.type = 1,
		.format = SCENE_COLOR_FORMAT,
		.width = WIDTH,
		.height = HEIGHT,
		.depth = 1,
		.levels = 1,
		.layers = 1,
		.samples = 1,
		.tiling = 1,
	};
	status = penstock_image_measure(&remote->image, &info.size_bytes);
	return status == PENSTOCK_STATUS_SUCCESS
		       ? penstock_allocation_create(remote->connection, &info, &remote->frame)
		       : status;
}

static enum penstock_status make_small_draws(struct remote *remote)
{
	struct penstock_context_create_info context = { .device = 0 };
	enum penstock_status status =
		penstock_device_create(remote->connection, NULL, &context.device);

	if (status == PENSTOCK_STATUS_SUCCESS) {
		status = penstock_context_create(remote->connection, &context, &remote->context);
	}
	if (status == PENSTOCK_STATUS_SUCCESS) {
		status = make_pipeline(remote, context.device);
	}
	if (status == PENSTOCK_STATUS_SUCCESS) {
		status = make_frame(remote, context.device);
	}
	return status == PENSTOCK_STATUS_SUCCESS ? penstock_command_buffer_new(&remote->buffer)
						 : status;
}

/* One render scope; a buffer remembers what goes wrong, and submit tells. */
static void emit_small_draws(struct remote *remote)
{
	const struct penstock_rect area = { .right = WIDTH, .bottom = HEIGHT };
	struct penstock_command_buffer *buffer = remote->buffer;
	uint16_t frame = 0, pipeline = 0;

	(void)penstock_command_buffer_list(buffer, remote->frame,
					   PENSTOCK_ALLOCATION_WRITE_OPERATION, &frame);
	(void)penstock_command_buffer_list(buffer, remote->pipeline, 0, &pipeline);
	(void)penstock_emit_begin_rendering(buffer, &area, 1, 0);
	(void)penstock_emit_image_write_of(buffer, frame, 0, 0, &remote->image);
	(void)penstock_emit_color_target(buffer, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0x3f800000, 0, 0, 0,
					 0);
	(void)penstock_emit_bind_pipeline(buffer, pipeline);
	for (uint32_t i = 0; i < SMALL_DRAWS; i++) {
		const struct small_draw draw = small_draw(i);

		(void)penstock_emit_push_constants(buffer, 0, &draw, sizeof(draw));
		(void)penstock_emit_draw(buffer, 3, 1, 0, 0);
	}
	(void)penstock_emit_end_rendering(buffer);
}

static bool small_frame(void *owner, float turned, void *ret_bytes)
{
	struct remote *remote = owner;
	uint64_t fence;
	bool good;

	(void)turned;
	penstock_command_buffer_reset(remote->buffer);
	emit_small_draws(remote);
	good = penstock_command_buffer_submit(remote->buffer, remote->connection, remote->context,
					      0, &fence) == PENSTOCK_STATUS_SUCCESS &&
	       keep_two(remote, fence);
	return good && (ret_bytes == NULL ||
			penstock_allocation_read_back(remote->connection, remote->frame, 0,
						      ret_bytes, (uint64_t)WIDTH * HEIGHT * 4) ==
				PENSTOCK_STATUS_SUCCESS);
}

/* ---------------------------------------------------------------- comparing */

/* Nanoseconds a frame, of as many as take about so long; 0: failed. */
static double measure(const struct side *side, uint32_t ms, void *bytes)
{
	uint64_t begun = penstock_measure_now_ns(), elapsed;
	uint32_t frames = 0;

	do {
		if (!side->frame(side->owner, (float)(frames % 60) / 60, bytes)) {
			return 0;
		}
		frames++;
		elapsed = penstock_measure_now_ns() - begun;
	} while (elapsed < (uint64_t)ms * 1000000u);
	if (!side->finish(side->owner)) {
		return 0;
	}
	return (double)(penstock_measure_now_ns() - begun) / frames;
}

/* The same frame is the same pixels on both sides: no comparison of two different things. */
static bool agree(const struct side *remote, const struct side *raw, uint8_t *bytes)
{
	const size_t size = (size_t)WIDTH * HEIGHT * 4;
	uint8_t *other = malloc(size);
	bool good = other != NULL && remote->frame(remote->owner, 0.1F, bytes) &&
		    raw->frame(raw->owner, 0.1F, other) && memcmp(bytes, other, size) == 0;

	free(other);
	return good;
}

static void compare(struct bench *bench, const char *name, const struct side *remote,
		    const struct side *raw, uint8_t *bytes, const char *goal)
{
	double values[BENCH_ROUNDS], references[BENCH_ROUNDS];

	for (unsigned i = 0; i < BENCH_ROUNDS; i++) {
		references[i] = measure(raw, bench->ms, bytes);
		values[i] = measure(remote, bench->ms, bytes);
		if (references[i] == 0 || values[i] == 0) {
			bench_failed(bench, "P5", "%s: a frame was not drawn", name);
			return;
		}
	}
	bench_add(bench, "P5", name, "ms", penstock_measure_median(values, BENCH_ROUNDS) * 1e-6,
		  penstock_measure_median(references, BENCH_ROUNDS) * 1e-6, goal);
}

static void run_model(struct bench *bench, struct remote *remote, const struct mesh *mesh,
		      const struct pixels *texture, uint8_t *bytes)
{
	struct raw_vulkan *vulkan = raw_vulkan_new(mesh, texture, WIDTH, HEIGHT);
	const struct side raw = { raw_frame, raw_finish, vulkan };
	const struct side side = { model_frame, remote_finish, remote };

	if (vulkan == NULL) {
		bench_failed(bench, "P5", "no Vulkan in this process");
		return;
	}
	renderer_make(&remote->renderer, remote->connection, mesh, texture, WIDTH, HEIGHT);
	remote->context = remote->renderer.context;
	if (agree(&side, &raw, bytes)) {
		compare(bench, "a frame of the model, 1920x1080", &side, &raw, NULL, "<=1.05");
		compare(bench, "a frame of the model, read back", &side, &raw, bytes, "");
	} else {
		bench_failed(bench, "P5", "the model: not the pixels of plain Vulkan");
	}
	renderer_free(&remote->renderer);
	raw_vulkan_free(vulkan);
}

static void run_small_draws(struct bench *bench, struct remote *remote, uint8_t *bytes)
{
	struct raw_vulkan *vulkan = raw_vulkan_new(NULL, NULL, WIDTH, HEIGHT);
	const struct side raw = { raw_frame, raw_finish, vulkan };
	const struct side side = { small_frame, remote_finish, remote };

	remote->before = 0;
	if (vulkan == NULL || make_small_draws(remote) != PENSTOCK_STATUS_SUCCESS) {
		bench_failed(bench, "P5", "the small draws cannot be set up");
	} else if (agree(&side, &raw, bytes)) {
		compare(bench, "a frame of 1,000 small draws", &side, &raw, NULL, "<=1.25");
	} else {
		bench_failed(bench, "P5", "small draws: not the pixels of plain Vulkan");
	}
	penstock_command_buffer_free(remote->buffer);
	if (vulkan != NULL) {
		raw_vulkan_free(vulkan);
	}
}

/* False: it cannot be read. */
static bool load_texture(struct pixels *ret_pixels, void **ret_texels)
{
	png_image image = { .version = PNG_IMAGE_VERSION };

	*ret_texels = NULL;
	if (png_image_begin_read_from_file(&image, texture_path) == 0) {
		return false;
	}
	image.format = PNG_FORMAT_RGBA;
	*ret_texels = malloc(PNG_IMAGE_SIZE(image));
	*ret_pixels = (struct pixels){ .bytes = *ret_texels,
				       .width = image.width,
				       .height = image.height };
	return *ret_texels != NULL &&
	       png_image_finish_read(&image, NULL, *ret_texels, 0, NULL) != 0;
}

void bench_p5(struct bench *bench)
{
	/* Rows of this width are whole; a frame's last rows are there, so that either side may copy
	 * them. */
	uint8_t *bytes = malloc((size_t)WIDTH * ((HEIGHT + 3) / 4 * 4) * 4);
	struct remote remote = { .connection = NULL };
	struct pixels texture;
	struct mesh mesh;
	void *texels = NULL;

	if (access(model_path, R_OK) != 0) {
		free(bytes);
		bench_skipped("P5", "glmark2-data is not installed");
		return;
	}
	remote.connection = bench_connect(bench, "P5", bench->daemon->unix_server, 0);
	if (bytes == NULL || remote.connection == NULL) {
		free(bytes);
		return;
	}
	if (mesh_load(model_path, &mesh)) {
		if (load_texture(&texture, &texels)) {
			run_model(bench, &remote, &mesh, &texture, bytes);
		}
		mesh_free(&mesh);
	}
	run_small_draws(bench, &remote, bytes);
	penstock_connection_close(remote.connection);
	free(texels);
	free(bytes);
}
