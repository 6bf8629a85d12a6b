/* SPDX-License-Identifier: MIT */
#include "client/examples/model/renderer.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client/examples/model/scene.h"

#define WHOLE         1u /* one layer, level, instance, ... */
#define LINEAR        1u /* VK_FILTER_LINEAR, VK_SAMPLER_MIPMAP_MODE_LINEAR */
#define CLEAR         1u /* VK_ATTACHMENT_LOAD_OP_CLEAR */
#define DONT_CARE     1u /* VK_ATTACHMENT_STORE_OP_DONT_CARE */
#define AVERAGE       2u /* VK_RESOLVE_MODE_AVERAGE_BIT */
#define INDEX_32      1u /* VK_INDEX_TYPE_UINT32 */
#define VIEW_2D       1u
#define TILING_LINEAR 1u
#define LOD_MOST      16.0F

/* Whatever goes wrong ends the program with the library's own words. */
void renderer_must(struct penstock_connection *connection, enum penstock_status status,
		   const char *what)
{
	struct penstock_failure failure;

	if (status == PENSTOCK_STATUS_SUCCESS) {
		return;
	}
	fprintf(stderr, "model: %s: %s\n", what, penstock_status_text(status));
	while (connection != NULL &&
	       penstock_failure_next(connection, &failure) == PENSTOCK_STATUS_SUCCESS) {
		fprintf(stderr, "model: request %" PRIu64 ": %s: %s\n", failure.serial,
			penstock_status_name(failure.status), failure.sentence);
	}
	exit(EXIT_FAILURE);
}

/* ------------------------------------------------------------------ what is made once */

static void make_pipeline(struct renderer *renderer)
{
	const struct penstock_shader_stage_info stages[] = {
		{ .stage = PENSTOCK_EXECUTION_MODEL_VERTEX,
		  .spirv = scene_vertex_shader.words,
		  .spirv_bytes = scene_vertex_shader.bytes },
		{ .stage = PENSTOCK_EXECUTION_MODEL_FRAGMENT,
		  .spirv = scene_fragment_shader.words,
		  .spirv_bytes = scene_fragment_shader.bytes },
	};
	struct penstock_graphics_state state;
	const struct penstock_pipeline_create_info info = {
		.device = renderer->device,
		.stages = stages,
		.stage_count = 2,
		.graphics = &state,
	};

	penstock_graphics_state_init(&state);
	scene_state(renderer->width, renderer->height, &state);
	renderer_must(renderer->connection,
		      penstock_pipeline_create(renderer->connection, &info, &renderer->pipeline),
		      "pipeline");
}

static uint64_t make_memory(const struct renderer *renderer, uint64_t size_bytes)
{
	const struct penstock_allocation_create_info info = { .device = renderer->device,
							      .size_bytes = size_bytes };
	uint64_t allocation;

	renderer_must(renderer->connection,
		      penstock_allocation_create(renderer->connection, &info, &allocation),
		      "memory");
	return allocation;
}

static void make_picture(const struct renderer *renderer, struct picture *picture)
{
	uint64_t size_bytes;

	renderer_must(NULL, penstock_image_measure(&picture->image, &size_bytes), "image");
	picture->allocation = make_memory(renderer, size_bytes);
}

/* A surface, which other programs can show, and an image of the same bytes. */
static void make_frame(struct renderer *renderer)
{
	struct penstock_allocation_create_info info = {
		.device = renderer->device,
		.width = renderer->width,
		.height = renderer->height,
		.format = PENSTOCK_FORMAT_A8R8G8B8,
		.surface_type = PENSTOCK_SURFACE_TEXTURE,
	};

	renderer_must(NULL, penstock_image_measure(&renderer->frame.image, &info.size_bytes),
		      "frame");
	renderer_must(renderer->connection,
		      penstock_allocation_create(renderer->connection, &info,
						 &renderer->frame.allocation),
		      "frame");
}

static void make_targets(struct renderer *renderer)
{
	const struct penstock_image image = {
		.type = 1, /* 2D */
		.width = renderer->width,
		.height = renderer->height,
		.depth = 1,
		.levels = 1,
		.layers = 1,
		.samples = SCENE_SAMPLES,
	};

	renderer->color.image = renderer->depth.image = renderer->frame.image = image;
	renderer->color.image.format = renderer->frame.image.format = SCENE_COLOR_FORMAT;
	renderer->depth.image.format = SCENE_DEPTH_FORMAT;
	renderer->frame.image.samples = 1;
	renderer->frame.image.tiling = TILING_LINEAR;
	make_picture(renderer, &renderer->color);
	make_picture(renderer, &renderer->depth);
	make_frame(renderer);
}

static void upload(const struct renderer *renderer, uint64_t allocation, uint64_t offset,
		   const void *bytes, uint64_t size_bytes)
{
	renderer_must(renderer->connection,
		      penstock_allocation_upload(renderer->connection, allocation, offset, bytes,
						 size_bytes),
		      "upload");
}

static uint64_t vertex_bytes(const struct renderer *renderer)
{
	return renderer->mesh->vertex_count * (uint64_t)sizeof(*renderer->mesh->vertices);
}

static uint64_t index_bytes(const struct renderer *renderer)
{
	return renderer->mesh->index_count * (uint64_t)sizeof(*renderer->mesh->indices);
}

static void make_geometry(struct renderer *renderer)
{
	renderer->geometry = make_memory(renderer, vertex_bytes(renderer) + index_bytes(renderer));
	upload(renderer, renderer->geometry, 0, renderer->mesh->vertices, vertex_bytes(renderer));
	upload(renderer, renderer->geometry, vertex_bytes(renderer), renderer->mesh->indices,
	       index_bytes(renderer));
}

/* ------------------------------------------------------------------ command buffers */

/* Its index in the list of allocations; a buffer remembers what goes wrong, and submit tells. */
static uint16_t list(struct penstock_command_buffer *buffer, uint64_t allocation, uint32_t flags)
{
	uint16_t index = 0;

	(void)penstock_command_buffer_list(buffer, allocation, flags, &index);
	return index;
}

static void emit_picture(struct penstock_command_buffer *buffer, const struct picture *picture,
			 uint32_t slot)
{
	(void)penstock_emit_image_write_of(
		buffer, list(buffer, picture->allocation, PENSTOCK_ALLOCATION_WRITE_OPERATION), 0,
		slot, &picture->image);
}

/* Each level is the one above it, half as large. */
static void emit_mip_chain(struct penstock_command_buffer *buffer, const struct picture *texture)
{
	int32_t width = (int32_t)texture->image.width, height = (int32_t)texture->image.height;

	for (uint32_t level = 1; level < texture->image.levels; level++) {
		int32_t half = width > 1 ? width / 2 : 1, low = height > 1 ? height / 2 : 1;

		emit_picture(buffer, texture, 0);
		(void)penstock_emit_blit_image(buffer, 0, 0, WHOLE, LINEAR, 0, level - 1, 0, level,
					       0, 0, 0, 0, width, height, 1, 0, 0, 0, half, low, 1);
		width = half;
		height = low;
	}
}

static uint64_t submit(const struct renderer *renderer, struct penstock_command_buffer *buffer)
{
	uint64_t fence;

	renderer_must(renderer->connection,
		      penstock_command_buffer_submit(buffer, renderer->connection,
						     renderer->context, 0, &fence),
		      "submit");
	return fence;
}

/* The pixels, from memory of the daemon's into an image that is laid out for textures. */
static void make_texture(struct renderer *renderer, const struct pixels *pixels)
{
	const uint64_t bytes = (uint64_t)pixels->width * pixels->height * 4;
	uint64_t staging = make_memory(renderer, bytes);
	struct penstock_command_buffer *buffer;
	uint32_t larger = pixels->width > pixels->height ? pixels->width : pixels->height;

	renderer->texture.image = (struct penstock_image){
		.type = 1,
		.format = SCENE_TEXTURE_FORMAT,
		.width = pixels->width,
		.height = pixels->height,
		.depth = 1,
		.layers = 1,
		.samples = 1,
	};
	for (; larger > 0; larger /= 2) {
		renderer->texture.image.levels++;
	}
	make_picture(renderer, &renderer->texture);
	upload(renderer, staging, 0, pixels->bytes, bytes);
	renderer_must(NULL, penstock_command_buffer_new(&buffer), "command buffer");
	emit_picture(buffer, &renderer->texture, 0);
	(void)penstock_emit_copy_buffer_to_image(buffer, list(buffer, staging, 0), 0, 0, 0, 0, 0, 0,
						 0, WHOLE, 0, 0, 0, pixels->width, pixels->height,
						 1);
	emit_mip_chain(buffer, &renderer->texture);
	(void)submit(renderer, buffer);
	penstock_command_buffer_free(buffer);
	renderer_must(renderer->connection, penstock_object_destroy(renderer->connection, staging),
		      "staging");
}

enum { COLOR, DEPTH, FRAME, TEXTURE }; /* slots of the images of a frame */

/* Drawn to images of four samples, of which the average is stored. */
static void emit_targets(const struct renderer *renderer, struct penstock_command_buffer *buffer)
{
	const struct penstock_rect area = { .right = (int32_t)renderer->width,
					    .bottom = (int32_t)renderer->height };
	uint32_t clear[4]; /* the bits of singles */

	(void)penstock_emit_begin_rendering(buffer, &area, WHOLE, 0);
	emit_picture(buffer, &renderer->color, COLOR);
	emit_picture(buffer, &renderer->depth, DEPTH);
	emit_picture(buffer, &renderer->frame, FRAME);
	memcpy(clear, scene_background, sizeof(clear));
	(void)penstock_emit_color_target(buffer, 0, COLOR, 0, 0, 0, CLEAR, DONT_CARE, clear[0],
					 clear[1], clear[2], clear[3], AVERAGE, FRAME, 0, 0);
	(void)penstock_emit_depth_stencil_target(buffer, DEPTH, 0, 0, 0, CLEAR, DONT_CARE, 1, 0, 0,
						 0, 0, 0, 0, 0, 0);
}

static void emit_texture(const struct renderer *renderer, struct penstock_command_buffer *buffer)
{
	(void)penstock_emit_image_of(buffer, list(buffer, renderer->texture.allocation, 0), 0,
				     TEXTURE, &renderer->texture.image);
	(void)penstock_emit_bind_image(buffer, 0, 0, 0, TEXTURE, VIEW_2D, 0, 0, 0, 0,
				       renderer->texture.image.levels, 0, WHOLE);
	(void)penstock_emit_bind_sampler(buffer, 0, 0, 0, 0, LINEAR, LINEAR, LINEAR, 0, 0, 0, 0, 0,
					 0, 0, 0, 0, LOD_MOST);
}

/* One render scope; `turned` of a full turn. */
static void draw(const struct renderer *renderer, struct penstock_command_buffer *buffer,
		 float turned)
{
	const struct scene_view view = scene_view(turned, renderer->width, renderer->height);
	const uint16_t geometry = list(buffer, renderer->geometry, 0);

	emit_targets(renderer, buffer);
	(void)penstock_emit_bind_pipeline(buffer, list(buffer, renderer->pipeline, 0));
	emit_texture(renderer, buffer);
	(void)penstock_emit_vertex_buffer(buffer, geometry, 0, vertex_bytes(renderer), 0, 0);
	(void)penstock_emit_index_buffer(buffer, geometry, vertex_bytes(renderer),
					 index_bytes(renderer), INDEX_32);
	(void)penstock_emit_push_constants(buffer, 0, &view, sizeof(view));
	(void)penstock_emit_draw_indexed(buffer, renderer->mesh->index_count, WHOLE, 0, 0, 0);
	(void)penstock_emit_end_rendering(buffer);
}

/* ------------------------------------------------------------------ all of it */

void renderer_make(struct renderer *renderer, struct penstock_connection *connection,
		   const struct mesh *mesh, const struct pixels *texture, uint32_t width,
		   uint32_t height)
{
	struct penstock_context_create_info context = { .device = 0 };

	*renderer = (struct renderer){
		.connection = connection, .mesh = mesh, .width = width, .height = height
	};
	renderer_must(connection, penstock_device_create(connection, NULL, &renderer->device),
		      "device");
	context.device = renderer->device;
	renderer_must(connection, penstock_context_create(connection, &context, &renderer->context),
		      "context");
	renderer_must(NULL, penstock_command_buffer_new(&renderer->buffer), "command buffer");
	make_pipeline(renderer);
	make_targets(renderer);
	make_geometry(renderer);
	make_texture(renderer, texture);
}

/* The daemon frees what the session has. */
void renderer_free(struct renderer *renderer)
{
	penstock_command_buffer_free(renderer->buffer);
}

uint64_t renderer_draw(const struct renderer *renderer, float turned)
{
	penstock_command_buffer_reset(renderer->buffer);
	draw(renderer, renderer->buffer, turned);
	return submit(renderer, renderer->buffer);
}

void renderer_layout(const struct renderer *renderer, struct penstock_subresource *ret_layout)
{
	renderer_must(NULL, penstock_image_subresource(&renderer->frame.image, 0, 0, ret_layout),
		      "frame");
}

void renderer_read(const struct renderer *renderer, void *ret_bytes)
{
	struct penstock_subresource whole;

	renderer_layout(renderer, &whole);
	renderer_must(renderer->connection,
		      penstock_allocation_read_back(renderer->connection,
						    renderer->frame.allocation, 0, ret_bytes,
						    whole.size_bytes),
		      "read back");
}
