/* SPDX-License-Identifier: MIT */
#include "tests/golden/graphics_parts.h"

#include <string.h>

/* ---------------------------------------------------------------- vertices */

static void triangle(struct canvas *canvas, uint32_t variant)
{
	struct penstock_graphics_state state = graphics_plain_state();

	(void)variant;
	graphics_draw_vertices(canvas, &state, graphics_triangle, 3);
}

static void topologies(struct canvas *canvas, uint32_t variant)
{
	struct penstock_graphics_state state = graphics_plain_state();

	state.topology = variant;
	graphics_draw_vertices(canvas, &state, graphics_many, PENSTOCK_ARRAY_SIZE(graphics_many));
}

/* With a vertex that is left out and a restart, by each width. */
static void indices(struct canvas *canvas, uint32_t variant)
{
	static const uint32_t types[] = { 0, 1, 1000265000 };
	static const uint32_t list[] = { 0, 1, 2, 3, 0xffffffff, 4, 5, 6, 8, 7 };
	struct penstock_graphics_state state = graphics_plain_state();
	struct canvas_image color = graphics_target(canvas, RGBA8);
	uint32_t width = variant == 0 ? 2 : variant == 1 ? 4 : 1;
	uint8_t bytes[sizeof(list)];
	uint64_t address;

	state.topology = 4;
	state.primitive_restart = 1;
	for (uint32_t i = 0; i < PENSTOCK_ARRAY_SIZE(list); i++) {
		memcpy(bytes + i * width, &list[i], width);
	}
	address = canvas_put(canvas, bytes, PENSTOCK_ARRAY_SIZE(list) * width);
	graphics_begin(canvas, &color, NULL);
	canvas_bind(canvas, canvas_pipeline(canvas, &state, &graphics_plain, NULL, 0, 0));
	graphics_put_vertices(canvas, graphics_many, PENSTOCK_ARRAY_SIZE(graphics_many));
	canvas_indices(canvas, types[variant], address, PENSTOCK_ARRAY_SIZE(list) * width);
	ROW(canvas, DRAW_INDEXED, PENSTOCK_ARRAY_SIZE(list), 1, 0, 0, 0);
	ROW(canvas, DRAW_INDEXED, 3, 1, 5, (uint32_t)-2, 0);
	canvas_end(canvas);
	canvas_read_back(canvas, &color, 0, 0);
}

/* Attributes in a format, from two buffers, the second one by the instance. */
static const uint32_t attribute_formats[] = { 103, 83, 77, 78, 16, 17, 101 - 1 };

static void instance_state(struct penstock_graphics_state *state, uint32_t format)
{
	*state = canvas_state(RGBA8, GRAPHICS_SIZE, GRAPHICS_SIZE);
	state->vertex_binding_count = 2;
	state->vertex_bindings[0].stride = 8;
	state->vertex_bindings[1] =
		(struct penstock_vertex_binding){ .binding = 3, .stride = 12, .input_rate = 1 };
	state->vertex_attribute_count = 2;
	state->vertex_attributes[0].format = 103; /* two floats */
	state->vertex_attributes[1] = (struct penstock_vertex_attribute){
		.location = 1, .binding = 3, .format = format, .offset = 4
	};
}

static const struct canvas_shaders instanced = { .vertex = "instances.vert",
						 .fragment = "plain.frag" };
static const float corner_vertices[] = { 0, 0, 0.2f, 0, 0, 0.3f, 0.2f, 0.3f, 0.25f, 0.1f };

static void put_instances(struct canvas *canvas, uint32_t format)
{
	const float shifts[15] = { 0,    -0.9f, -0.8f, 0,     0.2f, 0.3f, 0,   -0.4f,
				   0.5f, 0,     0.6f,  -0.5f, 0,    0.1f, 0.1f };
	uint32_t bytes[15];

	memcpy(bytes, shifts, sizeof(shifts));
	for (uint32_t i = 0; format != 103 && i < 15; i++) {
		bytes[i] = 0x1a2b3c1du * (i + 1) & 0x3fff3fff;
	}
	canvas_vertices(canvas, 0, canvas_put(canvas, corner_vertices, sizeof(corner_vertices)),
			sizeof(corner_vertices), 8);
	canvas_vertices(canvas, 3, canvas_put(canvas, bytes, sizeof(bytes)), sizeof(bytes), 12);
}

static void instances(struct canvas *canvas, uint32_t variant)
{
	struct penstock_graphics_state state;
	struct canvas_image color = graphics_target(canvas, RGBA8);

	instance_state(&state, attribute_formats[variant]);
	graphics_begin(canvas, &color, NULL);
	canvas_bind(canvas, canvas_pipeline(canvas, &state, &instanced, NULL, 0, 0));
	put_instances(canvas, attribute_formats[variant]);
	ROW(canvas, DRAW, 3, 4, 0, 0);
	ROW(canvas, DRAW, 3, 2, 2, 3);
	canvas_end(canvas);
	canvas_read_back(canvas, &color, 0, 0);
}

static void dynamic_strides(struct canvas *canvas, uint32_t variant)
{
	struct penstock_graphics_state state = graphics_plain_state();
	struct canvas_image color = graphics_target(canvas, RGBA8);
	uint64_t address = canvas_put(canvas, graphics_many, sizeof(graphics_many));

	state.dynamic = PENSTOCK_DYNAMIC_VERTEX_STRIDE;
	graphics_begin(canvas, &color, NULL);
	canvas_bind(canvas, canvas_pipeline(canvas, &state, &graphics_plain, NULL, 0, 0));
	canvas_vertices(canvas, 0, address, sizeof(graphics_many), 32 * (variant + 1));
	ROW(canvas, DRAW, 3, 1, 0, 0);
	canvas_vertices(canvas, 0, address + 32, sizeof(graphics_many) - 32, 64);
	ROW(canvas, DRAW, 3, 1, 0, 0);
	canvas_end(canvas);
	canvas_read_back(canvas, &color, 0, 0);
}

/* What is drawn by numbers in memory: all of them, as many as a count says, indexed or not. */
static void indirect(struct canvas *canvas, uint32_t variant)
{
	static const uint32_t draws[] = { 3, 2, 0, 0, 77, 3, 1, 2, 2, 77, 3, 2, 1, 1, 77 };
	static const uint32_t indexed[] = { 3, 2, 0, 0, 0, 3, 1, 1, 1, 2, 3, 1, 0, 2, 3 };
	static const uint16_t index_list[] = { 9, 9, 0, 1, 2, 1 };
	static const uint32_t counts[] = { 2, 9 };
	struct penstock_graphics_state state;
	struct canvas_image color = graphics_target(canvas, RGBA8);
	bool is_indexed = (variant & 1) != 0;
	uint32_t flags = variant / 2 == 0 ? 0 : 1;
	uint64_t address = canvas_put(canvas, is_indexed ? indexed : draws, sizeof(draws));
	uint64_t count = canvas_put(canvas, &counts[variant / 4], 4);

	instance_state(&state, 103);
	graphics_begin(canvas, &color, NULL);
	canvas_bind(canvas, canvas_pipeline(canvas, &state, &instanced, NULL, 0, 0));
	put_instances(canvas, 103);
	canvas_indices(canvas, 0, canvas_put(canvas, index_list, sizeof(index_list)) + 4,
		       sizeof(index_list) - 4);
	canvas_indirect(canvas, address, sizeof(draws));
	ROW(canvas, COUNT_BUFFER, 0, (uint32_t)count, (uint32_t)(count >> 32));
	if (is_indexed) {
		ROW(canvas, DRAW_INDEXED_INDIRECT, 3, 20, flags);
	} else {
		ROW(canvas, DRAW_INDIRECT, 3, 20, flags);
	}
	canvas_end(canvas);
	canvas_read_back(canvas, &color, 0, 0);
}

/* ---------------------------------------------------------------- rasterization */

static void viewports(struct canvas *canvas, uint32_t variant)
{
	struct penstock_graphics_state state = graphics_plain_state();
	struct canvas_image color = graphics_target(canvas, RGBA8);
	static const uint32_t numbers[2][6] = {
		{ 0x41200000, 0x40a00000, 0x41f00000, 0x42200000, 0, 0x3f800000 },
		{ 0x41200000, 0x42700000, 0x42200000, 0xc2200000, 0x3f800000, 0 },
	};

	memcpy(&state.viewports[0], numbers[variant & 1], sizeof(numbers[0]));
	state.scissors[0] = (struct penstock_scissor){ 12, 7, 30, 35 };
	if (variant >= 2) {
		state.dynamic = PENSTOCK_DYNAMIC_VIEWPORT | PENSTOCK_DYNAMIC_SCISSOR;
	}
	graphics_begin(canvas, &color, NULL);
	canvas_bind(canvas, canvas_pipeline(canvas, &state, &graphics_plain, NULL, 0, 0));
	graphics_put_vertices(canvas, graphics_triangle, 3);
	if (variant >= 2) {
		const uint32_t *is = numbers[variant & 1];

		ROW(canvas, VIEWPORT, 0, is[0], is[1], is[2], is[3], is[4], is[5]);
		ROW(canvas, SCISSOR, 0, 5, 6, 40, 33);
	}
	ROW(canvas, DRAW, 3, 1, 0, 0);
	canvas_end(canvas);
	canvas_read_back(canvas, &color, 0, 0);
}

static void faces(struct canvas *canvas, uint32_t variant)
{
	const struct canvas_shaders shaders = { .vertex = "plain.vert", .fragment = "faces.frag" };
	struct penstock_graphics_state state = graphics_plain_state();
	struct canvas_image color = graphics_target(canvas, RGBA8);

	state.topology = 4;
	state.cull_mode = variant & 3;
	state.front_face = variant >> 2 & 1;
	state.polygon_mode = variant >> 3;
	graphics_begin(canvas, &color, NULL);
	canvas_bind(canvas, canvas_pipeline(canvas, &state, &shaders, NULL, 0, 0));
	graphics_put_vertices(canvas, graphics_many, PENSTOCK_ARRAY_SIZE(graphics_many));
	ROW(canvas, DRAW, 9, 1, 0, 0);
	canvas_end(canvas);
	canvas_read_back(canvas, &color, 0, 0);
}

/* The second pipeline has none of it static. */
static void dynamic_states(struct canvas *canvas, uint32_t variant)
{
	const struct canvas_shaders shaders = { .vertex = "plain.vert", .fragment = "faces.frag" };
	struct penstock_graphics_state state = graphics_plain_state();
	struct canvas_image color = graphics_target(canvas, RGBA8),
			    depth = graphics_target(canvas, D32);

	state.depth_format = D32;
	graphics_begin(canvas, &color, &depth);
	canvas_bind(canvas, canvas_pipeline(canvas, &state, &graphics_plain, NULL, 0, 0));
	graphics_put_vertices(canvas, graphics_many, PENSTOCK_ARRAY_SIZE(graphics_many));
	ROW(canvas, STATE, PENSTOCK_STATE_CULL_MODE, variant & 3);
	ROW(canvas, STATE, PENSTOCK_STATE_FRONT_FACE, variant >> 2 & 1);
	ROW(canvas, STATE, PENSTOCK_STATE_TOPOLOGY, 4);
	ROW(canvas, STATE, PENSTOCK_STATE_DEPTH_TEST, 1);
	ROW(canvas, STATE, PENSTOCK_STATE_DEPTH_WRITE, variant & 1);
	ROW(canvas, STATE, PENSTOCK_STATE_DEPTH_COMPARE, 1 + variant % 7);
	ROW(canvas, STATE, PENSTOCK_STATE_PRIMITIVE_RESTART, 0);
	ROW(canvas, STATE, PENSTOCK_STATE_RASTERIZER_DISCARD, 0);
	ROW(canvas, DRAW, 3, 1, 0, 0);
	state.dynamic = PENSTOCK_DYNAMIC_CULL_MODE | PENSTOCK_DYNAMIC_FRONT_FACE |
			PENSTOCK_DYNAMIC_TOPOLOGY | PENSTOCK_DYNAMIC_DEPTH_TEST |
			PENSTOCK_DYNAMIC_DEPTH_WRITE | PENSTOCK_DYNAMIC_DEPTH_COMPARE |
			PENSTOCK_DYNAMIC_PRIMITIVE_RESTART | PENSTOCK_DYNAMIC_RASTERIZER_DISCARD;
	canvas_bind(canvas, canvas_pipeline(canvas, &state, &shaders, NULL, 0, 0));
	ROW(canvas, DRAW, 6, 1, 3, 0);
	ROW(canvas, STATE, PENSTOCK_STATE_CULL_MODE, variant >> 1 & 3);
	ROW(canvas, DRAW, 6, 1, 6, 0);
	canvas_end(canvas);
	canvas_read_back(canvas, &color, 0, 0);
	canvas_read_back(canvas, &depth, 0, PENSTOCK_ASPECT_DEPTH);
}

static void geometry(struct canvas *canvas, uint32_t variant)
{
	const struct canvas_shaders shaders = { .vertex = "pass.vert",
						.geometry = "split.geom",
						.fragment = "plain.frag" };
	struct penstock_graphics_state state = graphics_plain_state();
	struct canvas_image color = graphics_target(canvas, RGBA8);

	(void)variant;
	state.viewport_count = 2;
	state.viewports[1] = (struct penstock_viewport){ 8, 8, 40, 30, 0, 1 };
	state.scissors[1] = (struct penstock_scissor){ 10, 0, 50, 50 };
	graphics_begin(canvas, &color, NULL);
	canvas_bind(canvas, canvas_pipeline(canvas, &state, &shaders, NULL, 0, 0));
	graphics_put_vertices(canvas, graphics_triangle, 3);
	ROW(canvas, DRAW, 3, 1, 0, 0);
	canvas_end(canvas);
	canvas_read_back(canvas, &color, 0, 0);
}

static void tessellation(struct canvas *canvas, uint32_t variant)
{
	const struct canvas_shaders shaders = { .vertex = "pass.vert",
						.control = "patch.tesc",
						.evaluation = "patch.tese",
						.fragment = "plain.frag" };
	struct penstock_graphics_state state = graphics_plain_state();
	struct canvas_image color = graphics_target(canvas, RGBA8);

	state.topology = 10;
	state.patch_control_points = 3;
	state.polygon_mode = variant;
	graphics_begin(canvas, &color, NULL);
	canvas_bind(canvas, canvas_pipeline(canvas, &state, &shaders, NULL, 0, 0));
	graphics_put_vertices(canvas, graphics_many, PENSTOCK_ARRAY_SIZE(graphics_many));
	ROW(canvas, DRAW, 12, 1, 0, 0);
	canvas_end(canvas);
	canvas_read_back(canvas, &color, 0, 0);
}

/* ---------------------------------------------------------------- depth and stencil */

static const uint32_t depth_formats[] = { 124, 125, 126, 129, 130 };

static void depths(struct canvas *canvas, uint32_t variant)
{
	struct canvas_image color = graphics_target(canvas, RGBA8);
	struct canvas_image depth = graphics_target(canvas, depth_formats[variant % 5]);
	struct penstock_graphics_state state = graphics_box_state(RGBA8);
	uint32_t aspects = penstock_texel_format_get(depth_formats[variant % 5])->aspects;

	state.depth_format = depth_formats[variant % 5];
	state.stencil_format = (aspects & PENSTOCK_ASPECT_STENCIL) != 0 ? state.depth_format : 0;
	state.depth_test = state.depth_write = 1;
	state.depth_compare_op = variant % 8;
	state.depth_clamp = variant & 1;
	state.depth_bias = variant >> 1 & 1;
	state.depth_bias_constant = 1000;
	state.depth_bias_slope = 1.5f;
	graphics_draw_depths(canvas, &state, &color, &depth);
	canvas_read_back(canvas, &depth, 0, PENSTOCK_ASPECT_DEPTH);
}

static void stencils(struct canvas *canvas, uint32_t variant)
{
	static const uint32_t formats[] = { 127, 129, 130 };
	uint32_t format = formats[variant % 3];
	struct canvas_image color = graphics_target(canvas, RGBA8),
			    depth = graphics_target(canvas, format);
	struct penstock_graphics_state state = graphics_box_state(RGBA8);

	state.depth_format = format == 127 ? 0 : format;
	state.stencil_format = format;
	state.depth_test = format != 127;
	state.depth_compare_op = 1;
	state.stencil_test = 1;
	state.front = (struct penstock_stencil){ variant % 8,
						 (variant + 1) % 8,
						 (variant + 3) % 8,
						 (variant / 2 + 4) % 8,
						 0x7f,
						 0xf7,
						 0x52 };
	state.back = state.front;
	if (variant >= 8) {
		state.dynamic =
			PENSTOCK_DYNAMIC_STENCIL_OP | PENSTOCK_DYNAMIC_STENCIL_COMPARE_MASK |
			PENSTOCK_DYNAMIC_STENCIL_WRITE_MASK | PENSTOCK_DYNAMIC_STENCIL_REFERENCE;
	}
	/* Faces, operations, masks and the reference, where they are dynamic. */
	graphics_begin(canvas, &color, &depth);
	canvas_bind(canvas, canvas_pipeline(canvas, &state, &graphics_box, NULL, 0, BOX_BYTES));
	ROW(canvas, STENCIL, 3, variant % 5, 2, 4, 7, 0xff, 0xff, 0x33);
	ROW(canvas, STENCIL, 1, 3, 4, 5, 6 - variant % 3, 0x3f, 0xfe, 0x56);
	graphics_draw_box(canvas, -0.8f, -0.8f, 0.7f, 0.3f, graphics_black, 0.4f);
	graphics_draw_box(canvas, -0.5f, -0.6f, 0.9f, 0.9f, graphics_black, 0.6f);
	canvas_end(canvas);
	canvas_read_back(canvas, &color, 0, 0);
	canvas_read_back(canvas, &depth, 0, PENSTOCK_ASPECT_STENCIL);
}

/* ---------------------------------------------------------------- blending and targets */

static void blending(struct canvas *canvas, uint32_t variant)
{
	struct canvas_image color = graphics_target(canvas, RGBA8);
	struct penstock_graphics_state state = graphics_box_state(RGBA8);

	state.blends[0] =
		(struct penstock_blend){ .enable = 1,
					 .source_color = variant % 15,
					 .destination_color = (variant + 7) % 15,
					 .color_op = variant % 5,
					 .source_alpha = (variant + 3) % 15,
					 .destination_alpha = (variant + 11) % 15,
					 .alpha_op = (variant + 2) % 5,
					 .write_mask = variant < 12 ? 0xf : variant & 0xf };
	state.blend_constants[0] = 0.3f;
	state.blend_constants[3] = 0.7f;
	if (variant % 2 == 1) {
		state.dynamic = PENSTOCK_DYNAMIC_BLEND_CONSTANTS;
		memset(state.blend_constants, 0, sizeof(state.blend_constants));
	}
	ROW(canvas, BEGIN_RENDERING, 0, 0, GRAPHICS_SIZE, GRAPHICS_SIZE, 1, 0);
	canvas_slot(canvas, 0, &color, true);
	canvas_color(canvas, 0, 0, graphics_grey);
	ROW(canvas, BLEND_CONSTANTS, canvas_bits(0.1f), canvas_bits(0.9f), canvas_bits(0.5f),
	    canvas_bits(0.2f));
	canvas_bind(canvas, canvas_pipeline(canvas, &state, &graphics_box, NULL, 0, BOX_BYTES));
	graphics_draw_box(canvas, -0.8f, -0.8f, 0.7f, 0.3f,
			  (const float[]){ 0.9f, 0.2f, 0.1f, 0.6f }, 0.4f);
	graphics_draw_box(canvas, -0.5f, -0.6f, 0.9f, 0.9f,
			  (const float[]){ 0.1f, 0.5f, 0.8f, 0.3f }, 0.6f);
	canvas_end(canvas);
	canvas_read_back(canvas, &color, 0, 0);
}

static void logic(struct canvas *canvas, uint32_t variant)
{
	struct canvas_image color = graphics_target(canvas, RGBA8);
	struct penstock_graphics_state state = graphics_box_state(RGBA8);

	state.logic_op_enable = 1;
	state.logic_op = variant;
	graphics_begin(canvas, &color, NULL);
	canvas_bind(canvas, canvas_pipeline(canvas, &state, &graphics_box, NULL, 0, BOX_BYTES));
	graphics_draw_box(canvas, -0.8f, -0.8f, 0.7f, 0.3f, graphics_triangle[2].color, 0.4f);
	graphics_draw_box(canvas, -0.5f, -0.6f, 0.9f, 0.9f, graphics_triangle[1].color, 0.6f);
	canvas_end(canvas);
	canvas_read_back(canvas, &color, 0, 0);
}

/* Unsigned and signed normalized, sRGB, floats, packed. */
static const uint32_t color_formats[] = { 9,  16, 37, 43,  44,  50,  64,  70, 76,
					  83, 91, 97, 100, 103, 109, 122, 4,  38 };

static void formats(struct canvas *canvas, uint32_t variant)
{
	struct penstock_graphics_state state = graphics_plain_state();

	state.color_formats[0] = color_formats[variant];
	graphics_draw_vertices(canvas, &state, graphics_triangle, 3);
}

static void integers(struct canvas *canvas, uint32_t variant)
{
	static const uint32_t list[] = { 41, 95, 107, 98, 42, 96, 108, 99 };
	const struct canvas_shaders shaders = { .vertex = "plain.vert",
						.fragment = variant < 4 ? "unsigned.frag"
									: "signed.frag" };
	struct penstock_graphics_state state = graphics_plain_state();
	struct canvas_image color = graphics_target(canvas, list[variant]);

	state.color_formats[0] = list[variant];
	canvas_begin_rendering(canvas, GRAPHICS_SIZE, GRAPHICS_SIZE, 1, 0);
	canvas_slot(canvas, 0, &color, true);
	ROW(canvas, COLOR_TARGET, 0, 0, 0, 0, 0, 1, 0, 7, (uint32_t)-3, 5, 9);
	canvas_bind(canvas, canvas_pipeline(canvas, &state, &shaders, NULL, 0, 0));
	graphics_put_vertices(canvas, graphics_triangle, 3);
	ROW(canvas, DRAW, 3, 1, 0, 0);
	canvas_end(canvas);
	canvas_read_back(canvas, &color, 0, 0);
}

/* Four of them, or the second one left out. */
static void several_targets(struct canvas *canvas, uint32_t variant)
{
	const struct canvas_shaders shaders = { .vertex = "plain.vert",
						.fragment = "targets.frag" };
	static const uint32_t list[] = { RGBA8, 97, R32, 44 };
	struct penstock_graphics_state state = graphics_plain_state();
	struct canvas_image images[4];

	canvas_begin_rendering(canvas, GRAPHICS_SIZE, GRAPHICS_SIZE, 1, 0);
	state.color_count = 4;
	for (uint32_t i = 0; i < 4; i++) {
		images[i] = graphics_target(canvas, list[i]);
		state.color_formats[i] = list[i];
		state.blends[i].write_mask = 0xf >> i % 2;
		canvas_slot(canvas, 10 + i, &images[i], true);
		if (variant == 1 && i == 1) {
			state.color_formats[i] = 0;
			continue;
		}
		canvas_color(canvas, i, 10 + i, graphics_grey);
	}
	canvas_bind(canvas, canvas_pipeline(canvas, &state, &shaders, NULL, 0, 0));
	graphics_put_vertices(canvas, graphics_triangle, 3);
	ROW(canvas, DRAW, 3, 1, 0, 0);
	canvas_end(canvas);
	for (uint32_t i = 0; i < 4; i++) {
		if (variant == 0 || i != 1) {
			canvas_read_back(canvas, &images[i], 0, 0);
		}
	}
}

/* What a scope leaves is what the next one loads; a part of the area is cleared, and of a target.
 */
static void scopes(struct canvas *canvas, uint32_t variant)
{
	struct canvas_image color = graphics_target(canvas, RGBA8),
			    depth = graphics_target(canvas, D32);
	struct penstock_graphics_state state = graphics_box_state(RGBA8);
	struct canvas_pipeline pipeline;

	state.depth_format = D32;
	state.depth_test = state.depth_write = 1;
	state.depth_compare_op = 1;
	pipeline = canvas_pipeline(canvas, &state, &graphics_box, NULL, 0, BOX_BYTES);
	for (uint32_t i = 0; i < 3; i++) {
		ROW(canvas, BEGIN_RENDERING, i * 8, i * 8, GRAPHICS_SIZE - i * 4,
		    GRAPHICS_SIZE - i * 2, 1, 0);
		canvas_slot(canvas, 0, &color, true);
		canvas_slot(canvas, 1, &depth, true);
		ROW(canvas, COLOR_TARGET, 0, 0, 0, 0, 0, i == variant || i == 0, 0,
		    canvas_bits(0.5f), 0, canvas_bits(1), canvas_bits(1));
		ROW(canvas, DEPTH_STENCIL_TARGET, 1, 0, 0, 0, i == 0, 0, canvas_bits(0.75f), 0, 0,
		    0);
		canvas_bind(canvas, pipeline);
		graphics_draw_box(canvas, -1, -0.8f + (float)i * 0.2f, 1, 0.3f,
				  graphics_triangle[i].color, 0.7f - (float)i * 0.1f);
		ROW(canvas, CLEAR_TARGET, 1, 0, 20, 20 + i, 30, 33, 0, 1, canvas_bits(1), 0, 0,
		    canvas_bits(0.5f));
		ROW(canvas, CLEAR_TARGET, 2, 0, 24, 24, 40, 44, 0, 1, canvas_bits(0.1f), 0);
		canvas_end(canvas);
	}
	canvas_read_back(canvas, &color, 0, 0);
	canvas_read_back(canvas, &depth, 0, PENSTOCK_ASPECT_DEPTH);
}

/* A level and a layer of an image are a target. */
static void levels(struct canvas *canvas, uint32_t variant)
{
	struct penstock_image description = canvas_describe(RGBA8, 128, 128);
	struct penstock_graphics_state state = graphics_plain_state();
	struct canvas_image color;

	description.levels = 4;
	description.layers = 3;
	color = canvas_place(canvas, description);
	canvas_pattern(canvas, &color);
	canvas_begin_rendering(canvas, GRAPHICS_SIZE, GRAPHICS_SIZE, 1, 0);
	canvas_slot(canvas, 5, &color, true);
	ROW(canvas, COLOR_TARGET, 0, 5, 0, 1, variant, 0, 0);
	canvas_bind(canvas, canvas_pipeline(canvas, &state, &graphics_plain, NULL, 0, 0));
	graphics_put_vertices(canvas, graphics_triangle, 3);
	ROW(canvas, DRAW, 3, 1, 0, 0);
	canvas_end(canvas);
	for (uint32_t level = 0; level < 4; level++) {
		canvas_read_back(canvas, &color, level, 0);
	}
}

static void layers(struct canvas *canvas, uint32_t variant)
{
	const struct canvas_shaders shaders = { .vertex = "pass.vert",
						.geometry = "layer.geom",
						.fragment = "plain.frag" };
	struct penstock_image description = canvas_describe(RGBA8, GRAPHICS_SIZE, GRAPHICS_SIZE);
	struct penstock_graphics_state state = graphics_plain_state();
	const uint32_t count = 3;
	struct canvas_image color;

	if (variant == 1) {
		description.type = 2; /* 3D */
		description.flags = 0x20;
		description.depth = 4;
	} else {
		description.layers = 4;
	}
	color = canvas_place(canvas, description);
	canvas_pattern(canvas, &color);
	canvas_begin_rendering(canvas, GRAPHICS_SIZE, GRAPHICS_SIZE, 3, 0);
	canvas_slot(canvas, 0, &color, true);
	ROW(canvas, COLOR_TARGET, 0, 0, 0, 0, 1, 0, 0);
	canvas_bind(canvas, canvas_pipeline(canvas, &state, &shaders, NULL, 0, 4));
	canvas_push(canvas, 0, &count, 4);
	graphics_put_vertices(canvas, graphics_triangle, 3);
	ROW(canvas, DRAW, 3, 1, 0, 0);
	canvas_end(canvas);
	canvas_read_back(canvas, &color, 0, 0);
}

static void views(struct canvas *canvas, uint32_t variant)
{
	const struct canvas_shaders shaders = { .vertex = "plain.vert", .fragment = "view.frag" };
	struct penstock_image description = canvas_describe(RGBA8, GRAPHICS_SIZE, GRAPHICS_SIZE);
	struct penstock_graphics_state state = graphics_plain_state();
	struct canvas_image color;

	description.layers = 3;
	color = canvas_place(canvas, description);
	canvas_pattern(canvas, &color);
	state.view_mask = variant == 0 ? 3 : 5;
	canvas_begin_rendering(canvas, GRAPHICS_SIZE, GRAPHICS_SIZE, variant == 0 ? 2 : 3,
			       state.view_mask);
	canvas_slot(canvas, 0, &color, true);
	canvas_color(canvas, 0, 0, graphics_grey);
	canvas_bind(canvas, canvas_pipeline(canvas, &state, &shaders, NULL, 0, 0));
	graphics_put_vertices(canvas, graphics_triangle, 3);
	ROW(canvas, DRAW, 3, 1, 0, 0);
	canvas_end(canvas);
	canvas_read_back(canvas, &color, 0, 0);
}

/* ---------------------------------------------------------------- many samples */

static void samples(struct canvas *canvas, uint32_t variant)
{
	const struct canvas_shaders shaders = { .vertex = "plain.vert",
						.fragment = variant == 3 ? "sample.frag"
									 : "plain.frag" };
	struct penstock_image description = canvas_describe(RGBA8, GRAPHICS_SIZE, GRAPHICS_SIZE);
	struct canvas_image resolved = graphics_target(canvas, RGBA8),
			    shallow = graphics_target(canvas, D32);
	struct penstock_graphics_state state = graphics_plain_state();
	struct canvas_image color, depth;

	description.samples = 4;
	color = canvas_place(canvas, description);
	description.format = D32;
	depth = canvas_place(canvas, description);
	state.samples = 4;
	state.depth_format = D32;
	state.depth_test = state.depth_write = 1;
	state.depth_compare_op = 7;
	state.sample_mask = variant == 1 ? 0x5 : UINT32_MAX;
	state.alpha_to_coverage = variant == 2;
	state.sample_shading = variant == 3;
	state.min_sample_shading = 1;
	canvas_begin_rendering(canvas, GRAPHICS_SIZE, GRAPHICS_SIZE, 1, 0);
	canvas_slot(canvas, 0, &color, true);
	canvas_slot(canvas, 1, &depth, true);
	canvas_slot(canvas, 2, &resolved, true);
	canvas_slot(canvas, 3, &shallow, true);
	ROW(canvas, COLOR_TARGET, 0, 0, 0, 0, 0, 1, variant == 4, 0, 0, 0, 0, 2 /* average */, 2);
	ROW(canvas, DEPTH_STENCIL_TARGET, 1, 0, 0, 0, 1, 0, canvas_bits(0.5f), 0, 0, 0,
	    1 /* sample zero */, 0, 3);
	canvas_bind(canvas, canvas_pipeline(canvas, &state, &shaders, NULL, 0, 0));
	graphics_put_vertices(canvas, graphics_many, PENSTOCK_ARRAY_SIZE(graphics_many));
	ROW(canvas, DRAW, 3, 1, 0, 0);
	ROW(canvas, DRAW, 3, 1, 4, 0);
	canvas_end(canvas);
	canvas_read_back(canvas, &resolved, 0, 0);
	canvas_read_back(canvas, &shallow, 0, PENSTOCK_ASPECT_DEPTH);
	if (variant != 4) {
		struct canvas_image again = graphics_target(canvas, RGBA8);

		canvas_slot(canvas, 0, &color, false);
		canvas_slot(canvas, 1, &again, true);
		ROW(canvas, RESOLVE_IMAGE, 0, 1, 1, 0, 0, 0, 0, 0, 0, 0, GRAPHICS_SIZE,
		    GRAPHICS_SIZE);
		canvas_read_back(canvas, &again, 0, 0);
	}
}

/* ---------------------------------------------------------------- queries */

static void queries(struct canvas *canvas, uint32_t variant)
{
	struct canvas_image color = graphics_target(canvas, RGBA8),
			    depth = graphics_target(canvas, D32);
	struct penstock_graphics_state state = graphics_box_state(RGBA8);
	const uint32_t statistics = 0x1 | 0x2 | 0x4 | 0x20 | 0x40;

	state.depth_format = D32;
	state.depth_test = state.depth_write = 1;
	state.depth_compare_op = 1;
	graphics_begin(canvas, &color, &depth);
	canvas_bind(canvas, canvas_pipeline(canvas, &state, &graphics_box, NULL, 0, BOX_BYTES));
	graphics_draw_box(canvas, -0.8f, -0.8f, 0.7f, 0.3f, graphics_black, 0.4f);
	for (uint32_t i = 0; i < 4; i++) {
		uint64_t address = canvas_room(canvas, 64);

		ROW(canvas, BEGIN_QUERY, variant, (uint32_t)address, (uint32_t)(address >> 32),
		    variant == 0 ? 0 : statistics, variant == 0);
		for (uint32_t j = 0; j < i; j++) {
			graphics_draw_box(canvas, -0.5f, -0.6f, 0.9f, 0.9f - (float)i * 0.2f,
					  graphics_black, 0.45f - (float)(i + j) * 0.05f);
		}
		stream_append(&canvas->stream, PENSTOCK_DMA_END_QUERY, 0);
	}
	canvas_end(canvas);
	canvas_read_back(canvas, &color, 0, 0);
}

const struct graphics_case graphics_cases[] = {
	{ "triangle", triangle, 1, false },
	{ "topologies", topologies, 10, false },
	{ "indices", indices, 3, false },
	{ "instances", instances, PENSTOCK_ARRAY_SIZE(attribute_formats), false },
	{ "dynamic strides", dynamic_strides, 2, false },
	{ "indirect", indirect, 8, false },
	{ "viewports", viewports, 4, false },
	{ "faces", faces, 24, false },
	{ "dynamic states", dynamic_states, 16, false },
	{ "geometry", geometry, 1, false },
	{ "tessellation", tessellation, 2, false },
	{ "depths", depths, 16, false },
	{ "stencils", stencils, 16, false },
	{ "blending", blending, 30, false },
	{ "logic", logic, 16, false },
	{ "formats", formats, PENSTOCK_ARRAY_SIZE(color_formats), false },
	{ "integers", integers, 8, false },
	{ "several targets", several_targets, 2, false },
	{ "scopes", scopes, 4, false },
	{ "levels", levels, 3, false },
	{ "layers", layers, 2, false },
	{ "views", views, 2, false },
	{ "samples", samples, 5, false },
	{ "filters", graphics_filters, 8, false },
	{ "addresses", graphics_addresses, 18, false },
	{ "texture formats", graphics_texture_formats, TEXTURE_FORMATS, false },
	{ "shadows", graphics_shadows, 8, false },
	{ "swizzles", graphics_swizzles, 3, false },
	{ "dimensions", graphics_dimensions, 2, false },
	{ "separate", graphics_separate, 1, false },
	{ "texels", graphics_texels, 4, false },
	{ "storage", graphics_storage, 1, false },
	{ "compute", graphics_compute, 2, false },
	{ "constants", graphics_constants, 1, false },
	{ "copies", graphics_copies, 5, true },
	{ "pitches", graphics_pitches, 4, true },
	{ "blits", graphics_blits, 12, true },
	{ "mip chain", graphics_mip_chain, 1, true },
	{ "clears", graphics_clears, 7, true },
	{ "input attachments", graphics_inputs, 2, false },
	{ "cubes", graphics_cubes, 2, false },
	{ "offsets", graphics_offsets, 2, false },
	{ "depth copies", graphics_depth_copies, GRAPHICS_DEPTHS, true },
	{ "slices", graphics_slices, 2, true },
	{ "all clears", graphics_all_clears, GRAPHICS_CLEARS, true },
	{ "queries", queries, 2, false },
};

const uint32_t graphics_case_count = PENSTOCK_ARRAY_SIZE(graphics_cases);
