/* SPDX-License-Identifier: MIT */
#include "tests/golden/canvas.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/*
 * The leak checker stops all threads and reads what they have: where the driver's are just ending
 * it falls over itself, once in some hundred programs. The engine is held to account by
 * test_dispatch.
 */
__attribute__((visibility("default"))) int __lsan_is_turned_off(void);
int __lsan_is_turned_off(void)
{
	return 1;
}

#define LOW(value)  ((uint32_t)(value))
#define HIGH(value) ((uint32_t)((uint64_t)(value) >> 32))

void canvas_begin(struct canvas *canvas, uint8_t *memory,
		  const struct penstock_format_features *formats)
{
	*canvas = (struct canvas){ .memory = memory, .formats = formats };
	memset(memory, 0, CANVAS_IMAGE_END);
}

bool canvas_has(const struct canvas *canvas, uint32_t format, uint64_t features)
{
	const struct penstock_texel_format *is = penstock_texel_format_get(format);

	return is != NULL && (canvas->formats[is->id].optimal & features) == features;
}

/* ---------------------------------------------------------------- memory */

uint64_t canvas_room(struct canvas *canvas, uint32_t size)
{
	uint32_t offset = canvas->data_used;

	canvas->data_used = (uint32_t)penstock_align_up(offset + size, 256);
	ck_assert_uint_le(canvas->data_used, CANVAS_DATA_BYTES);
	return CANVAS_ADDRESS(offset);
}

uint64_t canvas_put(struct canvas *canvas, const void *bytes, uint32_t size)
{
	uint64_t address = canvas_room(canvas, size);

	memcpy(canvas->memory + (address - PENSTOCK_LOCAL_BASE), bytes, size);
	return address;
}

struct penstock_image canvas_describe(uint32_t format, uint32_t width, uint32_t height)
{
	return (struct penstock_image){ .type = 1, /* 2D */
					.format = format,
					.width = width,
					.height = height,
					.depth = 1,
					.levels = 1,
					.layers = 1,
					.samples = 1 };
}

struct canvas_image canvas_place(struct canvas *canvas, struct penstock_image description)
{
	struct penstock_image_layout layout;
	struct penstock_errbuf text = { .text = "" };
	struct canvas_image image = { .description = description };

	ck_assert_msg(penstock_image_lay_out(&description, &layout, &text) ==
			      PENSTOCK_STATUS_SUCCESS,
		      "%s", text.text);
	image.address = CANVAS_ADDRESS(CANVAS_IMAGE_OFFSET + canvas->images_used);
	canvas->images_used += (uint32_t)penstock_align_up(layout.bytes, PENSTOCK_IMAGE_ALIGNMENT);
	ck_assert_uint_le(CANVAS_IMAGE_OFFSET + canvas->images_used, CANVAS_IMAGE_END);
	return image;
}

/* ---------------------------------------------------------------- pipelines */

struct penstock_graphics_state canvas_state(uint32_t format, uint32_t width, uint32_t height)
{
	struct penstock_graphics_state state = {
		.topology = 3, /* triangles */
		.viewport_count = 1,
		.viewports = { { 0, 0, (float)width, (float)height, 0, 1 } },
		.scissors = { { 0, 0, width, height } },
		.line_width = 1,
		.samples = 1,
		.sample_mask = UINT32_MAX,
		.max_depth_bounds = 1,
	};

	if (format != 0) {
		state.color_count = 1;
		state.color_formats[0] = format;
		state.blends[0].write_mask = 0xf;
	}
	return state;
}

static uint8_t *load_shader(const char *name, uint32_t *ret_bytes)
{
	const char *top = getenv("PENSTOCK_BUILDDIR");
	const size_t most = 256u << 10;
	uint8_t *bytes = malloc(most);
	char path[512];
	FILE *file;

	snprintf(path, sizeof(path), "%s/tests/golden/shaders/%s.spv", top != NULL ? top : ".",
		 name);
	file = fopen(path, "rb");
	ck_assert_msg(file != NULL && bytes != NULL, "%s cannot be read", path);
	*ret_bytes = (uint32_t)fread(bytes, 1, most, file);
	fclose(file);
	ck_assert_uint_gt(*ret_bytes, 0);
	return bytes;
}

/* At the end of what there is of the pipeline; its offset from the start. */
static uint32_t append(uint8_t *start, uint32_t *used, const void *bytes, uint32_t size)
{
	uint32_t offset = *used;

	memcpy(start + offset, bytes, size);
	*used = (uint32_t)penstock_align_up(offset + size, 4);
	return offset;
}

static void append_stages(uint8_t *start, uint32_t *used, struct penstock_pipeline *header,
			  const struct canvas_shaders *shaders)
{
	const char *names[] = { shaders->vertex,   shaders->control,  shaders->evaluation,
				shaders->geometry, shaders->fragment, shaders->compute };
	struct penstock_pipeline_stage stages[PENSTOCK_ARRAY_SIZE(names)];

	memset(stages, 0, sizeof(stages));
	for (uint32_t i = 0; i < PENSTOCK_ARRAY_SIZE(names); i++) {
		struct penstock_pipeline_stage *stage = &stages[header->stage_count];
		uint8_t *spirv;

		if (names[i] == NULL) {
			continue;
		}
		spirv = load_shader(names[i], &stage->spirv_bytes);
		stage->stage = 1u << i;
		stage->entry_bytes = sizeof("main");
		stage->entry_offset = append(start, used, "main", sizeof("main"));
		stage->spirv_offset = append(start, used, spirv, stage->spirv_bytes);
		header->stage_count++;
		header->push_stages |= header->push_constant_bytes == 0 ? 0 : stage->stage;
		free(spirv);
	}
	header->stage_offset =
		append(start, used, stages, header->stage_count * (uint32_t)sizeof(stages[0]));
}

/* What is dynamic is zero. */
static struct penstock_graphics_state without_dynamic(const struct penstock_graphics_state *from)
{
	struct penstock_graphics_state state = *from;
	const struct {
		uint32_t dynamic;
		void *field;
		size_t bytes;
	} fields[] = {
		{ PENSTOCK_DYNAMIC_VIEWPORT, state.viewports, sizeof(state.viewports) },
		{ PENSTOCK_DYNAMIC_SCISSOR, state.scissors, sizeof(state.scissors) },
		{ PENSTOCK_DYNAMIC_LINE_WIDTH, &state.line_width, sizeof(float) },
		{ PENSTOCK_DYNAMIC_BLEND_CONSTANTS, state.blend_constants,
		  sizeof(state.blend_constants) },
		{ PENSTOCK_DYNAMIC_CULL_MODE, &state.cull_mode, sizeof(uint32_t) },
		{ PENSTOCK_DYNAMIC_FRONT_FACE, &state.front_face, sizeof(uint32_t) },
		{ PENSTOCK_DYNAMIC_DEPTH_TEST, &state.depth_test, sizeof(uint32_t) },
		{ PENSTOCK_DYNAMIC_DEPTH_WRITE, &state.depth_write, sizeof(uint32_t) },
		{ PENSTOCK_DYNAMIC_DEPTH_COMPARE, &state.depth_compare_op, sizeof(uint32_t) },
		{ PENSTOCK_DYNAMIC_STENCIL_OP, &state.front, sizeof(state.front) },
		{ PENSTOCK_DYNAMIC_STENCIL_OP, &state.back, sizeof(state.back) },
	};

	for (uint32_t i = 0; i < PENSTOCK_ARRAY_SIZE(fields); i++) {
		if ((state.dynamic & fields[i].dynamic) != 0) {
			memset(fields[i].field, 0, fields[i].bytes);
		}
	}
	for (uint32_t i = 0; i < state.vertex_binding_count; i++) {
		if ((state.dynamic & PENSTOCK_DYNAMIC_VERTEX_STRIDE) != 0) {
			state.vertex_bindings[i].stride = 0;
		}
	}
	return state;
}

struct canvas_pipeline canvas_pipeline(struct canvas *canvas,
				       const struct penstock_graphics_state *state,
				       const struct canvas_shaders *shaders,
				       const struct penstock_pipeline_binding *bindings,
				       uint32_t binding_count, uint32_t push_bytes)
{
	uint8_t *start = canvas->memory + CANVAS_PIPELINE_OFFSET + canvas->pipelines_used;
	uint32_t used = sizeof(struct penstock_pipeline);
	static uint32_t serial;
	struct penstock_pipeline header = {
		.magic = PENSTOCK_PIPELINE_MAGIC,
		.version = PENSTOCK_PIPELINE_VERSION,
		.kind = state == NULL ? PENSTOCK_PIPELINE_COMPUTE : PENSTOCK_PIPELINE_GRAPHICS,
		.push_constant_bytes = push_bytes,
		.binding_count = binding_count,
	};
	struct canvas_pipeline pipeline = { .address = CANVAS_ADDRESS(CANVAS_PIPELINE_OFFSET +
								      canvas->pipelines_used) };

	/* As strong as a test needs it. */
	penstock_store32(header.hash, ++serial);
	header.binding_offset = used;
	if (binding_count > 0) {
		append(start, &used, bindings, binding_count * (uint32_t)sizeof(*bindings));
	}
	if (state != NULL) {
		const struct penstock_graphics_state rest = without_dynamic(state);

		header.graphics_offset = append(start, &used, &rest, sizeof(rest));
	}
	append_stages(start, &used, &header, shaders);
	header.bytes = used;
	memcpy(start, &header, sizeof(header));
	ck_assert(penstock_pipeline_valid(start, used));
	canvas->pipelines_used += (uint32_t)penstock_align_up(used, 64);
	ck_assert_uint_le(CANVAS_PIPELINE_OFFSET + canvas->pipelines_used, CANVAS_IMAGE_OFFSET);
	pipeline.bytes = used;
	return pipeline;
}

/* ---------------------------------------------------------------- rows */

uint32_t canvas_bits(float value)
{
	uint32_t bits;

	memcpy(&bits, &value, sizeof(bits));
	return bits;
}

void canvas_row(struct canvas *canvas, enum penstock_dma_id id, const uint32_t *dwords,
		uint32_t count)
{
	uint8_t *start = stream_append(&canvas->stream, id, 0);

	ck_assert_uint_le(4 + count * 4, penstock_dma_get(id)->layout.bytes);
	memcpy(start + 4, dwords, count * sizeof(*dwords));
}

void canvas_bind(struct canvas *canvas, struct canvas_pipeline pipeline)
{
	ROW(canvas, BIND_PIPELINE, pipeline.bytes, LOW(pipeline.address), HIGH(pipeline.address));
}

void canvas_push(struct canvas *canvas, uint32_t offset, const void *bytes, uint32_t size)
{
	uint8_t *start = stream_append(&canvas->stream, PENSTOCK_DMA_PUSH_CONSTANTS, size / 4);

	penstock_store32(start + PENSTOCK_DMA_PUSH_CONSTANTS_offset, offset);
	memcpy(start + PENSTOCK_DMA_BYTES_PUSH_CONSTANTS, bytes, size);
}

void canvas_buffer(struct canvas *canvas, const uint32_t at[3], uint64_t address, uint64_t size,
		   bool write)
{
	const uint32_t dwords[] = { at[0],         at[1],     at[2],     LOW(address),
				    HIGH(address), LOW(size), HIGH(size) };

	canvas_row(canvas, write ? PENSTOCK_DMA_BIND_BUFFER_WRITE : PENSTOCK_DMA_BIND_BUFFER,
		   dwords, PENSTOCK_ARRAY_SIZE(dwords));
}

void canvas_texels(struct canvas *canvas, const uint32_t at[3], uint64_t address, uint64_t size,
		   uint32_t format, bool write)
{
	const uint32_t dwords[] = { at[0],         at[1],     at[2],      LOW(address),
				    HIGH(address), LOW(size), HIGH(size), format };

	canvas_row(canvas,
		   write ? PENSTOCK_DMA_BIND_TEXEL_BUFFER_WRITE : PENSTOCK_DMA_BIND_TEXEL_BUFFER,
		   dwords, PENSTOCK_ARRAY_SIZE(dwords));
}

void canvas_vertices(struct canvas *canvas, uint32_t binding, uint64_t address, uint64_t size,
		     uint32_t stride)
{
	ROW(canvas, VERTEX_BUFFER, binding, LOW(address), HIGH(address), LOW(size), HIGH(size),
	    stride);
}

void canvas_indices(struct canvas *canvas, uint32_t type, uint64_t address, uint64_t size)
{
	ROW(canvas, INDEX_BUFFER, type, LOW(address), HIGH(address), LOW(size), HIGH(size));
}

void canvas_indirect(struct canvas *canvas, uint64_t address, uint64_t size)
{
	ROW(canvas, INDIRECT_BUFFER, 0, LOW(address), HIGH(address), LOW(size), HIGH(size));
}

void canvas_slot(struct canvas *canvas, uint32_t slot, const struct canvas_image *image, bool write)
{
	const struct penstock_image *is = &image->description;
	const uint32_t dwords[] = { slot,
				    LOW(image->address),
				    HIGH(image->address),
				    is->flags,
				    is->type,
				    is->format,
				    is->width,
				    is->height,
				    is->depth,
				    is->levels,
				    is->layers,
				    is->samples,
				    is->tiling };

	canvas_row(canvas, write ? PENSTOCK_DMA_IMAGE_WRITE : PENSTOCK_DMA_IMAGE, dwords,
		   PENSTOCK_ARRAY_SIZE(dwords));
}

void canvas_image(struct canvas *canvas, const uint32_t at[3], uint32_t slot,
		  const struct canvas_image *image, uint32_t view_type)
{
	uint32_t layers = view_type == 2 /* 3D */ ? 1 : image->description.layers;

	ROW(canvas, BIND_IMAGE, at[0], at[1], at[2], slot, view_type, 0, 0, 0, 0,
	    image->description.levels, 0, layers);
}

void canvas_sampler(struct canvas *canvas, const uint32_t at[3],
		    const struct canvas_sampler *sampler)
{
	uint32_t dwords[3 + sizeof(*sampler) / sizeof(uint32_t)] = { at[0], at[1], at[2] };

	memcpy(dwords + 3, sampler, sizeof(*sampler));
	canvas_row(canvas, PENSTOCK_DMA_BIND_SAMPLER, dwords, PENSTOCK_ARRAY_SIZE(dwords));
}

void canvas_begin_rendering(struct canvas *canvas, uint32_t width, uint32_t height, uint32_t layers,
			    uint32_t view_mask)
{
	ROW(canvas, BEGIN_RENDERING, 0, 0, width, height, layers, view_mask);
}

void canvas_color(struct canvas *canvas, uint32_t index, uint32_t slot, const float clear[4])
{
	ROW(canvas, COLOR_TARGET, index, slot, 0, 0, 0, 1 /* clear */, 0, canvas_bits(clear[0]),
	    canvas_bits(clear[1]), canvas_bits(clear[2]), canvas_bits(clear[3]));
}

void canvas_depth(struct canvas *canvas, uint32_t slot, const struct canvas_image *image,
		  float depth, uint32_t stencil)
{
	const uint32_t aspects = penstock_texel_format_get(image->description.format)->aspects;
	const bool has_depth = (aspects & PENSTOCK_ASPECT_DEPTH) != 0;
	const bool has_stencil = (aspects & PENSTOCK_ASPECT_STENCIL) != 0;

	ROW(canvas, DEPTH_STENCIL_TARGET, slot, 0, 0, 0, has_depth, 0,
	    has_depth ? canvas_bits(depth) : 0, has_stencil, 0, has_stencil ? stencil : 0);
}

void canvas_end(struct canvas *canvas)
{
	stream_append(&canvas->stream, PENSTOCK_DMA_END_RENDERING, 0);
}

/* ---------------------------------------------------------------- whole levels */

static uint32_t at_level(uint32_t extent, uint32_t level)
{
	return extent >> level == 0 ? 1 : extent >> level;
}

/* Bytes of a level in a buffer, tight. */
static uint32_t level_bytes(const struct penstock_image *is, uint32_t level, uint32_t aspects)
{
	const struct penstock_texel_format *format = penstock_texel_format_get(is->format);
	uint32_t bytes = aspects == PENSTOCK_ASPECT_DEPTH     ? format->depth_bytes
			 : aspects == PENSTOCK_ASPECT_STENCIL ? format->stencil_bytes
							      : format->block_bytes;
	uint32_t across = at_level(is->width, level), down = at_level(is->height, level);

	return (across + format->block_width - 1) / format->block_width *
	       ((down + format->block_height - 1) / format->block_height) *
	       at_level(is->depth, level) * is->layers * bytes;
}

static void copy_level(struct canvas *canvas, enum penstock_dma_id id,
		       const struct canvas_image *image, uint32_t level, uint32_t aspects,
		       uint64_t address, uint32_t size)
{
	const struct penstock_image *is = &image->description;
	const uint32_t dwords[] = { 0,
				    LOW(address),
				    HIGH(address),
				    size,
				    0,
				    0,
				    0,
				    0,
				    aspects,
				    level,
				    0,
				    is->layers,
				    0,
				    0,
				    0,
				    at_level(is->width, level),
				    at_level(is->height, level),
				    at_level(is->depth, level) };

	canvas_slot(canvas, 0, image, id == PENSTOCK_DMA_COPY_BUFFER_TO_IMAGE);
	canvas_row(canvas, id, dwords, PENSTOCK_ARRAY_SIZE(dwords));
}

uint64_t canvas_read_back(struct canvas *canvas, const struct canvas_image *image, uint32_t level,
			  uint32_t aspects)
{
	uint32_t size = level_bytes(&image->description, level, aspects);
	uint64_t address = canvas_room(canvas, size);

	copy_level(canvas, PENSTOCK_DMA_COPY_IMAGE_TO_BUFFER, image, level, aspects, address, size);
	return address;
}

void canvas_fill_image(struct canvas *canvas, const struct canvas_image *image, uint32_t level,
		       uint64_t address, uint32_t size)
{
	copy_level(canvas, PENSTOCK_DMA_COPY_BUFFER_TO_IMAGE, image, level, 0, address, size);
}

void canvas_pattern(struct canvas *canvas, const struct canvas_image *image)
{
	for (uint32_t level = 0; level < image->description.levels; level++) {
		uint32_t size = level_bytes(&image->description, level, 0);
		uint64_t address = canvas_room(canvas, size);
		uint8_t *bytes = canvas->memory + (address - PENSTOCK_LOCAL_BASE);
		struct machine_random random = { .state = 7 + level };

		/* Small enough to be a number in each format. */
		for (uint32_t i = 0; i < size; i++) {
			bytes[i] = (uint8_t)(machine_random(&random) & 0x3f);
		}
		canvas_fill_image(canvas, image, level, address, size);
	}
}
