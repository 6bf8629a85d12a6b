/* SPDX-License-Identifier: MIT */
#include "tests/golden/graphics_cases.h"

#include <string.h>

#define SIZE 64u

/* VkFormat */
#define RGBA8 37u
#define R32   100u
#define D32   126u

static const float black[4] = { 0, 0, 0, 0 };
static const float grey[4] = { 0.2f, 0.4f, 0.6f, 0.8f };

/* ---------------------------------------------------------------- what most have in common */

struct vertex {
	float position[4];
	float color[4];
};

static const struct vertex triangle_vertices[] = {
	{ { -0.8f, -0.9f, 0.1f, 1 }, { 1, 0, 0, 1 } },
	{ { 0.9f, -0.2f, 0.5f, 1 }, { 0, 1, 0, 0.5f } },
	{ { -0.3f, 0.8f, 0.9f, 1 }, { 0, 0.3f, 1, 0.25f } },
};

static const struct vertex many_vertices[] = {
	{ { -0.9f, -0.9f, 0.1f, 1 }, { 1, 0, 0, 1 } },
	{ { -0.7f, 0.6f, 0.2f, 1 }, { 0, 1, 0, 1 } },
	{ { -0.4f, -0.8f, 0.3f, 1 }, { 0, 0, 1, 1 } },
	{ { -0.1f, 0.9f, 0.4f, 1 }, { 1, 1, 0, 1 } },
	{ { 0.1f, -0.7f, 0.5f, 1 }, { 0, 1, 1, 1 } },
	{ { 0.3f, 0.8f, 0.6f, 1 }, { 1, 0, 1, 1 } },
	{ { 0.6f, -0.9f, 0.7f, 1 }, { 0.5f, 1, 0, 1 } },
	{ { 0.7f, 0.7f, 0.8f, 1 }, { 0, 0.5f, 1, 1 } },
	{ { 0.9f, -0.4f, 0.9f, 1 }, { 1, 0, 0.5f, 1 } },
	{ { 0.8f, 0.1f, 0.3f, 1 }, { 1, 1, 1, 1 } },
	{ { -0.8f, 0.1f, 0.6f, 1 }, { 0.3f, 0.3f, 1, 1 } },
	{ { 0.0f, 0.0f, 0.2f, 1 }, { 0.6f, 0.2f, 0.1f, 1 } },
};

static const struct canvas_shaders plain = { .vertex = "plain.vert", .fragment = "plain.frag" };
static const struct canvas_shaders box = { .vertex = "box.vert", .fragment = "plain.frag" };

#define BOX_BYTES 48u

static void vertex_input(struct penstock_graphics_state *state)
{
	state->vertex_binding_count = 1;
	state->vertex_bindings[0].stride = sizeof(struct vertex);
	state->vertex_attribute_count = 2;
	state->vertex_attributes[0].format = 109; /* four floats */
	state->vertex_attributes[1] =
		(struct penstock_vertex_attribute){ .location = 1, .format = 109, .offset = 16 };
}

static struct penstock_graphics_state plain_state(void)
{
	struct penstock_graphics_state state = canvas_state(RGBA8, SIZE, SIZE);

	vertex_input(&state);
	return state;
}

static struct canvas_image target(struct canvas *canvas, uint32_t format)
{
	return canvas_place(canvas, canvas_describe(format, SIZE, SIZE));
}

/* A scope with a cleared target of slot 0, and of slot 1 if there is a second one. */
static void begin(struct canvas *canvas, const struct canvas_image *color,
		  const struct canvas_image *depth)
{
	canvas_begin_rendering(canvas, SIZE, SIZE, 1, 0);
	canvas_slot(canvas, 0, color, true);
	canvas_color(canvas, 0, 0, grey);
	if (depth != NULL) {
		canvas_slot(canvas, 1, depth, true);
		canvas_depth(canvas, 1, 0.5f, 0x55);
	}
}

static void put_vertices(struct canvas *canvas, const struct vertex *vertices, uint32_t count)
{
	uint32_t size = count * (uint32_t)sizeof(*vertices);

	canvas_vertices(canvas, 0, canvas_put(canvas, vertices, size), size, sizeof(*vertices));
}

static void push_box(struct canvas *canvas, float left, float top, float right, float bottom,
		     const float color[4], float from, float to)
{
	const float pushed[12] = { left,     top,      right,	 bottom, color[0], color[1],
				   color[2], color[3], from, to,     1,	       0 };

	canvas_push(canvas, 0, pushed, sizeof(pushed));
}

static void draw_box(struct canvas *canvas, float left, float top, float right, float bottom,
		     const float color[4], float depth)
{
	push_box(canvas, left, top, right, bottom, color, depth, depth);
	ROW(canvas, DRAW, 6, 1, 0, 0);
}

/* Some vertices through a state, with plain shaders. */
static void draw_vertices(struct canvas *canvas, const struct penstock_graphics_state *state,
			  const struct vertex *vertices, uint32_t count)
{
	struct canvas_image color = target(canvas, state->color_formats[0]);

	begin(canvas, &color, NULL);
	canvas_bind(canvas, canvas_pipeline(canvas, state, &plain, NULL, 0, 0));
	put_vertices(canvas, vertices, count);
	ROW(canvas, DRAW, count, 1, 0, 0);
	canvas_end(canvas);
	canvas_read_back(canvas, &color, 0, 0);
}

/* ---------------------------------------------------------------- vertices */

static void triangle(struct canvas *canvas, uint32_t variant)
{
	struct penstock_graphics_state state = plain_state();

	(void)variant;
	draw_vertices(canvas, &state, triangle_vertices, 3);
}

static void topologies(struct canvas *canvas, uint32_t variant)
{
	struct penstock_graphics_state state = plain_state();

	state.topology = variant;
	draw_vertices(canvas, &state, many_vertices, PENSTOCK_ARRAY_SIZE(many_vertices));
}

/* With a vertex that is left out and a restart, by each width. */
static void indices(struct canvas *canvas, uint32_t variant)
{
	static const uint32_t types[] = { 0, 1, 1000265000 };
	static const uint32_t list[] = { 0, 1, 2, 3, 0xffffffff, 4, 5, 6, 8, 7 };
	struct penstock_graphics_state state = plain_state();
	struct canvas_image color = target(canvas, RGBA8);
	uint32_t width = variant == 0 ? 2 : variant == 1 ? 4 : 1;
	uint8_t bytes[sizeof(list)];
	uint64_t address;

	state.topology = 4;
	state.primitive_restart = 1;
	for (uint32_t i = 0; i < PENSTOCK_ARRAY_SIZE(list); i++) {
		memcpy(bytes + i * width, &list[i], width);
	}
	address = canvas_put(canvas, bytes, PENSTOCK_ARRAY_SIZE(list) * width);
	begin(canvas, &color, NULL);
	canvas_bind(canvas, canvas_pipeline(canvas, &state, &plain, NULL, 0, 0));
	put_vertices(canvas, many_vertices, PENSTOCK_ARRAY_SIZE(many_vertices));
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
	*state = canvas_state(RGBA8, SIZE, SIZE);
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
	const float shifts[15] = { 0,	    -0.9f, -0.8f, 0, 0.2f, 0.3f, 0, -0.4f,
				   0.5f, 0, 0.6f, -0.5f, 0, 0.1f, 0.1f };
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
	struct canvas_image color = target(canvas, RGBA8);

	instance_state(&state, attribute_formats[variant]);
	begin(canvas, &color, NULL);
	canvas_bind(canvas, canvas_pipeline(canvas, &state, &instanced, NULL, 0, 0));
	put_instances(canvas, attribute_formats[variant]);
	ROW(canvas, DRAW, 3, 4, 0, 0);
	ROW(canvas, DRAW, 3, 2, 2, 3);
	canvas_end(canvas);
	canvas_read_back(canvas, &color, 0, 0);
}

static void dynamic_strides(struct canvas *canvas, uint32_t variant)
{
	struct penstock_graphics_state state = plain_state();
	struct canvas_image color = target(canvas, RGBA8);
	uint64_t address = canvas_put(canvas, many_vertices, sizeof(many_vertices));

	state.dynamic = PENSTOCK_DYNAMIC_VERTEX_STRIDE;
	begin(canvas, &color, NULL);
	canvas_bind(canvas, canvas_pipeline(canvas, &state, &plain, NULL, 0, 0));
	canvas_vertices(canvas, 0, address, sizeof(many_vertices), 32 * (variant + 1));
	ROW(canvas, DRAW, 3, 1, 0, 0);
	canvas_vertices(canvas, 0, address + 32, sizeof(many_vertices) - 32, 64);
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
	struct canvas_image color = target(canvas, RGBA8);
	bool is_indexed = (variant & 1) != 0;
	uint32_t flags = variant / 2 == 0 ? 0 : 1;
	uint64_t address = canvas_put(canvas, is_indexed ? indexed : draws, sizeof(draws));
	uint64_t count = canvas_put(canvas, &counts[variant / 4], 4);

	instance_state(&state, 103);
	begin(canvas, &color, NULL);
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
	struct penstock_graphics_state state = plain_state();
	struct canvas_image color = target(canvas, RGBA8);
	static const uint32_t numbers[2][6] = {
		{ 0x41200000, 0x40a00000, 0x41f00000, 0x42200000, 0, 0x3f800000 },
		{ 0x42480000, 0x42700000, 0xc2200000, 0xc2200000, 0x3f800000, 0 },
	};

	memcpy(&state.viewports[0], numbers[variant & 1], sizeof(numbers[0]));
	state.scissors[0] = (struct penstock_scissor){ 12, 7, 30, 35 };
	if (variant >= 2) {
		state.dynamic = PENSTOCK_DYNAMIC_VIEWPORT | PENSTOCK_DYNAMIC_SCISSOR;
	}
	begin(canvas, &color, NULL);
	canvas_bind(canvas, canvas_pipeline(canvas, &state, &plain, NULL, 0, 0));
	put_vertices(canvas, triangle_vertices, 3);
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
	struct penstock_graphics_state state = plain_state();
	struct canvas_image color = target(canvas, RGBA8);

	state.topology = 4;
	state.cull_mode = variant & 3;
	state.front_face = variant >> 2 & 1;
	state.polygon_mode = variant >> 3;
	begin(canvas, &color, NULL);
	canvas_bind(canvas, canvas_pipeline(canvas, &state, &shaders, NULL, 0, 0));
	put_vertices(canvas, many_vertices, PENSTOCK_ARRAY_SIZE(many_vertices));
	ROW(canvas, DRAW, 9, 1, 0, 0);
	canvas_end(canvas);
	canvas_read_back(canvas, &color, 0, 0);
}

/* The second pipeline has none of it static. */
static void dynamic_states(struct canvas *canvas, uint32_t variant)
{
	const struct canvas_shaders shaders = { .vertex = "plain.vert", .fragment = "faces.frag" };
	struct penstock_graphics_state state = plain_state();
	struct canvas_image color = target(canvas, RGBA8), depth = target(canvas, D32);

	state.depth_format = D32;
	begin(canvas, &color, &depth);
	canvas_bind(canvas, canvas_pipeline(canvas, &state, &plain, NULL, 0, 0));
	put_vertices(canvas, many_vertices, PENSTOCK_ARRAY_SIZE(many_vertices));
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
	struct penstock_graphics_state state = plain_state();
	struct canvas_image color = target(canvas, RGBA8);

	(void)variant;
	state.viewport_count = 2;
	state.viewports[1] = (struct penstock_viewport){ 8, 8, 40, 30, 0, 1 };
	state.scissors[1] = (struct penstock_scissor){ 10, 0, 50, 50 };
	begin(canvas, &color, NULL);
	canvas_bind(canvas, canvas_pipeline(canvas, &state, &shaders, NULL, 0, 0));
	put_vertices(canvas, triangle_vertices, 3);
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
	struct penstock_graphics_state state = plain_state();
	struct canvas_image color = target(canvas, RGBA8);

	state.topology = 10;
	state.patch_control_points = 3;
	state.polygon_mode = variant;
	begin(canvas, &color, NULL);
	canvas_bind(canvas, canvas_pipeline(canvas, &state, &shaders, NULL, 0, 0));
	put_vertices(canvas, many_vertices, PENSTOCK_ARRAY_SIZE(many_vertices));
	ROW(canvas, DRAW, 12, 1, 0, 0);
	canvas_end(canvas);
	canvas_read_back(canvas, &color, 0, 0);
}

/* ---------------------------------------------------------------- depth and stencil */

static struct penstock_graphics_state box_state(uint32_t format)
{
	return canvas_state(format, SIZE, SIZE);
}

/* Two boxes across each other in a cleared target. */
static void draw_depths(struct canvas *canvas, const struct penstock_graphics_state *state,
			const struct canvas_image *color, const struct canvas_image *depth)
{
	static const float red[] = { 1, 0, 0, 0.5f }, blue[] = { 0, 0, 1, 0.25f };

	begin(canvas, color, depth);
	canvas_bind(canvas, canvas_pipeline(canvas, state, &box, NULL, 0, BOX_BYTES));
	push_box(canvas, -0.8f, -0.8f, 0.7f, 0.3f, red, 0, 1.2f);
	ROW(canvas, DRAW, 6, 1, 0, 0);
	push_box(canvas, -0.5f, -0.6f, 0.9f, 0.9f, blue, 0.9f, 0.1f);
	ROW(canvas, DRAW, 6, 1, 0, 0);
	draw_box(canvas, -1, -0.2f, 1, 0.2f, grey, 0.5f);
	canvas_end(canvas);
	canvas_read_back(canvas, color, 0, 0);
}

static const uint32_t depth_formats[] = { 124, 125, 126, 129, 130 };

static void depths(struct canvas *canvas, uint32_t variant)
{
	struct canvas_image color = target(canvas, RGBA8);
	struct canvas_image depth = target(canvas, depth_formats[variant % 5]);
	struct penstock_graphics_state state = box_state(RGBA8);
	uint32_t aspects = penstock_texel_format_get(depth_formats[variant % 5])->aspects;

	state.depth_format = depth_formats[variant % 5];
	state.stencil_format = (aspects & PENSTOCK_ASPECT_STENCIL) != 0 ? state.depth_format : 0;
	state.depth_test = state.depth_write = 1;
	state.depth_compare_op = variant % 8;
	state.depth_clamp = variant & 1;
	state.depth_bounds_test = variant >> 3;
	state.min_depth_bounds = 0.2f;
	state.max_depth_bounds = 0.6f;
	state.depth_bias = variant >> 1 & 1;
	state.depth_bias_constant = 1000;
	state.depth_bias_slope = 1.5f;
	draw_depths(canvas, &state, &color, &depth);
	canvas_read_back(canvas, &depth, 0, PENSTOCK_ASPECT_DEPTH);
}

static void stencils(struct canvas *canvas, uint32_t variant)
{
	static const uint32_t formats[] = { 127, 129, 130 };
	uint32_t format = formats[variant % 3];
	struct canvas_image color = target(canvas, RGBA8), depth = target(canvas, format);
	struct penstock_graphics_state state = box_state(RGBA8);

	state.depth_format = format == 127 ? 0 : format;
	state.stencil_format = format;
	state.depth_test = format != 127;
	state.depth_compare_op = 1;
	state.stencil_test = 1;
	state.front = (struct penstock_stencil){ variant % 8,	   (variant + 1) % 8,
						 (variant + 3) % 8, (variant / 2 + 4) % 8,
						 0x7f,		   0xf7,
						 0x52 };
	state.back = state.front;
	if (variant >= 8) {
		state.dynamic = PENSTOCK_DYNAMIC_STENCIL_OP |
				PENSTOCK_DYNAMIC_STENCIL_COMPARE_MASK |
				PENSTOCK_DYNAMIC_STENCIL_WRITE_MASK |
				PENSTOCK_DYNAMIC_STENCIL_REFERENCE;
	}
	/* Faces, operations, masks and the reference, where they are dynamic. */
	begin(canvas, &color, &depth);
	canvas_bind(canvas, canvas_pipeline(canvas, &state, &box, NULL, 0, BOX_BYTES));
	ROW(canvas, STENCIL, 3, variant % 5, 2, 4, 7, 0xff, 0xff, 0x33);
	ROW(canvas, STENCIL, 1, 3, 4, 5, 6 - variant % 3, 0x3f, 0xfe, 0x56);
	draw_box(canvas, -0.8f, -0.8f, 0.7f, 0.3f, black, 0.4f);
	draw_box(canvas, -0.5f, -0.6f, 0.9f, 0.9f, black, 0.6f);
	canvas_end(canvas);
	canvas_read_back(canvas, &color, 0, 0);
	canvas_read_back(canvas, &depth, 0, PENSTOCK_ASPECT_STENCIL);
}

/* ---------------------------------------------------------------- blending and targets */

static void blending(struct canvas *canvas, uint32_t variant)
{
	struct canvas_image color = target(canvas, RGBA8);
	struct penstock_graphics_state state = box_state(RGBA8);

	state.blends[0] = (struct penstock_blend){ .enable = 1,
						   .source_color = variant % 15,
						   .destination_color = (variant + 7) % 15,
						   .color_op = variant % 5,
						   .source_alpha = (variant + 3) % 15,
						   .destination_alpha = (variant + 11) % 15,
						   .alpha_op = (variant + 2) % 5,
						   .write_mask = variant < 12 ? 0xf : variant };
	state.blend_constants[0] = 0.3f;
	state.blend_constants[3] = 0.7f;
	if (variant % 2 == 1) {
		state.dynamic = PENSTOCK_DYNAMIC_BLEND_CONSTANTS;
		memset(state.blend_constants, 0, sizeof(state.blend_constants));
	}
	ROW(canvas, BEGIN_RENDERING, 0, 0, SIZE, SIZE, 1, 0);
	canvas_slot(canvas, 0, &color, true);
	canvas_color(canvas, 0, 0, grey);
	ROW(canvas, BLEND_CONSTANTS, canvas_bits(0.1f), canvas_bits(0.9f), canvas_bits(0.5f),
	    canvas_bits(0.2f));
	canvas_bind(canvas, canvas_pipeline(canvas, &state, &box, NULL, 0, BOX_BYTES));
	draw_box(canvas, -0.8f, -0.8f, 0.7f, 0.3f, (const float[]){ 0.9f, 0.2f, 0.1f, 0.6f }, 0.4f);
	draw_box(canvas, -0.5f, -0.6f, 0.9f, 0.9f, (const float[]){ 0.1f, 0.5f, 0.8f, 0.3f }, 0.6f);
	canvas_end(canvas);
	canvas_read_back(canvas, &color, 0, 0);
}

static void logic(struct canvas *canvas, uint32_t variant)
{
	struct canvas_image color = target(canvas, RGBA8);
	struct penstock_graphics_state state = box_state(RGBA8);

	state.logic_op_enable = 1;
	state.logic_op = variant;
	begin(canvas, &color, NULL);
	canvas_bind(canvas, canvas_pipeline(canvas, &state, &box, NULL, 0, BOX_BYTES));
	draw_box(canvas, -0.8f, -0.8f, 0.7f, 0.3f, triangle_vertices[2].color, 0.4f);
	draw_box(canvas, -0.5f, -0.6f, 0.9f, 0.9f, triangle_vertices[1].color, 0.6f);
	canvas_end(canvas);
	canvas_read_back(canvas, &color, 0, 0);
}

/* Unsigned and signed normalized, sRGB, floats, packed. */
static const uint32_t color_formats[] = { 9, 16, 37, 43, 44, 50, 64, 70, 76, 83, 91, 97, 100, 103,
					  109, 122, 4, 38 };

static void formats(struct canvas *canvas, uint32_t variant)
{
	struct penstock_graphics_state state = plain_state();

	state.color_formats[0] = color_formats[variant];
	draw_vertices(canvas, &state, triangle_vertices, 3);
}

static void integers(struct canvas *canvas, uint32_t variant)
{
	static const uint32_t list[] = { 41, 95, 107, 98, 42, 96, 108, 99 };
	const struct canvas_shaders shaders = { .vertex = "plain.vert",
						.fragment = variant < 4 ? "unsigned.frag"
									: "signed.frag" };
	struct penstock_graphics_state state = plain_state();
	struct canvas_image color = target(canvas, list[variant]);

	state.color_formats[0] = list[variant];
	canvas_begin_rendering(canvas, SIZE, SIZE, 1, 0);
	canvas_slot(canvas, 0, &color, true);
	ROW(canvas, COLOR_TARGET, 0, 0, 0, 0, 0, 1, 0, 7, (uint32_t)-3, 5, 9);
	canvas_bind(canvas, canvas_pipeline(canvas, &state, &shaders, NULL, 0, 0));
	put_vertices(canvas, triangle_vertices, 3);
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
	struct penstock_graphics_state state = plain_state();
	struct canvas_image images[4];

	canvas_begin_rendering(canvas, SIZE, SIZE, 1, 0);
	state.color_count = 4;
	for (uint32_t i = 0; i < 4; i++) {
		images[i] = target(canvas, list[i]);
		state.color_formats[i] = list[i];
		state.blends[i].write_mask = 0xf >> i % 2;
		canvas_slot(canvas, 10 + i, &images[i], true);
		if (variant == 1 && i == 1) {
			state.color_formats[i] = 0;
			continue;
		}
		canvas_color(canvas, i, 10 + i, grey);
	}
	canvas_bind(canvas, canvas_pipeline(canvas, &state, &shaders, NULL, 0, 0));
	put_vertices(canvas, triangle_vertices, 3);
	ROW(canvas, DRAW, 3, 1, 0, 0);
	canvas_end(canvas);
	for (uint32_t i = 0; i < 4; i++) {
		if (variant == 0 || i != 1) {
			canvas_read_back(canvas, &images[i], 0, 0);
		}
	}
}

/* What a scope leaves is what the next one loads; a part of the area is cleared, and of a target. */
static void scopes(struct canvas *canvas, uint32_t variant)
{
	struct canvas_image color = target(canvas, RGBA8), depth = target(canvas, D32);
	struct penstock_graphics_state state = box_state(RGBA8);
	struct canvas_pipeline pipeline;

	state.depth_format = D32;
	state.depth_test = state.depth_write = 1;
	state.depth_compare_op = 1;
	pipeline = canvas_pipeline(canvas, &state, &box, NULL, 0, BOX_BYTES);
	for (uint32_t i = 0; i < 3; i++) {
		ROW(canvas, BEGIN_RENDERING, i * 8, i * 8, SIZE - i * 4, SIZE - i * 2, 1, 0);
		canvas_slot(canvas, 0, &color, true);
		canvas_slot(canvas, 1, &depth, true);
		ROW(canvas, COLOR_TARGET, 0, 0, 0, 0, 0, i == variant || i == 0, 0,
		    canvas_bits(0.5f), 0, canvas_bits(1), canvas_bits(1));
		ROW(canvas, DEPTH_STENCIL_TARGET, 1, 0, 0, 0, i == 0, 0, canvas_bits(0.75f), 0, 0, 0);
		canvas_bind(canvas, pipeline);
		draw_box(canvas, -1, -0.8f + (float)i * 0.2f, 1, 0.3f,
			 triangle_vertices[i].color, 0.7f - (float)i * 0.1f);
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
	struct penstock_graphics_state state = plain_state();
	struct canvas_image color;

	description.levels = 4;
	description.layers = 3;
	color = canvas_place(canvas, description);
	canvas_pattern(canvas, &color);
	canvas_begin_rendering(canvas, SIZE, SIZE, 1, 0);
	canvas_slot(canvas, 5, &color, true);
	ROW(canvas, COLOR_TARGET, 0, 5, 0, 1, variant, 0, 0);
	canvas_bind(canvas, canvas_pipeline(canvas, &state, &plain, NULL, 0, 0));
	put_vertices(canvas, triangle_vertices, 3);
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
	struct penstock_image description = canvas_describe(RGBA8, SIZE, SIZE);
	struct penstock_graphics_state state = plain_state();
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
	canvas_begin_rendering(canvas, SIZE, SIZE, 3, 0);
	canvas_slot(canvas, 0, &color, true);
	ROW(canvas, COLOR_TARGET, 0, 0, 0, 0, 1, 0, 0);
	canvas_bind(canvas, canvas_pipeline(canvas, &state, &shaders, NULL, 0, 4));
	canvas_push(canvas, 0, &count, 4);
	put_vertices(canvas, triangle_vertices, 3);
	ROW(canvas, DRAW, 3, 1, 0, 0);
	canvas_end(canvas);
	canvas_read_back(canvas, &color, 0, 0);
}

static void views(struct canvas *canvas, uint32_t variant)
{
	const struct canvas_shaders shaders = { .vertex = "plain.vert", .fragment = "view.frag" };
	struct penstock_image description = canvas_describe(RGBA8, SIZE, SIZE);
	struct penstock_graphics_state state = plain_state();
	struct canvas_image color;

	description.layers = 3;
	color = canvas_place(canvas, description);
	canvas_pattern(canvas, &color);
	state.view_mask = variant == 0 ? 3 : 5;
	canvas_begin_rendering(canvas, SIZE, SIZE, variant == 0 ? 2 : 3, state.view_mask);
	canvas_slot(canvas, 0, &color, true);
	canvas_color(canvas, 0, 0, grey);
	canvas_bind(canvas, canvas_pipeline(canvas, &state, &shaders, NULL, 0, 0));
	put_vertices(canvas, triangle_vertices, 3);
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
	struct penstock_image description = canvas_describe(RGBA8, SIZE, SIZE);
	struct canvas_image resolved = target(canvas, RGBA8), shallow = target(canvas, D32);
	struct penstock_graphics_state state = plain_state();
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
	canvas_begin_rendering(canvas, SIZE, SIZE, 1, 0);
	canvas_slot(canvas, 0, &color, true);
	canvas_slot(canvas, 1, &depth, true);
	canvas_slot(canvas, 2, &resolved, true);
	canvas_slot(canvas, 3, &shallow, true);
	ROW(canvas, COLOR_TARGET, 0, 0, 0, 0, 0, 1, variant == 4, 0, 0, 0, 0, 2 /* average */, 2);
	ROW(canvas, DEPTH_STENCIL_TARGET, 1, 0, 0, 0, 1, 0, canvas_bits(0.5f), 0, 0, 0,
	    1 /* sample zero */, 0, 3);
	canvas_bind(canvas, canvas_pipeline(canvas, &state, &shaders, NULL, 0, 0));
	put_vertices(canvas, many_vertices, PENSTOCK_ARRAY_SIZE(many_vertices));
	ROW(canvas, DRAW, 3, 1, 0, 0);
	ROW(canvas, DRAW, 3, 1, 4, 0);
	canvas_end(canvas);
	canvas_read_back(canvas, &resolved, 0, 0);
	canvas_read_back(canvas, &shallow, 0, PENSTOCK_ASPECT_DEPTH);
	if (variant != 4) {
		struct canvas_image again = target(canvas, RGBA8);

		canvas_slot(canvas, 0, &color, false);
		canvas_slot(canvas, 1, &again, true);
		ROW(canvas, RESOLVE_IMAGE, 0, 1, 1, 0, 0, 0, 0, 0, 0, 0, SIZE, SIZE);
		canvas_read_back(canvas, &again, 0, 0);
	}
}

/* ---------------------------------------------------------------- textures */

static const struct penstock_pipeline_binding one_texture[] = {
	{ 0, 0, PENSTOCK_DESCRIPTOR_COMBINED_IMAGE_SAMPLER, 1, PENSTOCK_STAGE_FRAGMENT },
};

/* The box of all of the target, through a texture. */
static void draw_texture(struct canvas *canvas, const char *fragment,
			 const struct canvas_image *image, const struct canvas_sampler *sampler,
			 float scale)
{
	const struct canvas_shaders shaders = { .vertex = "box.vert", .fragment = fragment };
	struct penstock_graphics_state state = box_state(97);
	struct canvas_image color = target(canvas, 97);
	const float factors[2] = { scale, -0.25f };

	begin(canvas, &color, NULL);
	canvas_slot(canvas, 9, image, false);
	canvas_image(canvas, AT(0, 0, 0), 9, image, 1);
	canvas_sampler(canvas, AT(0, 0, 0), sampler);
	canvas_bind(canvas, canvas_pipeline(canvas, &state, &shaders, one_texture, 1, BOX_BYTES));
	push_box(canvas, -0.9f, -0.8f, 1, 0.9f, grey, 0.5f, 0.5f);
	canvas_push(canvas, 40, factors, sizeof(factors));
	ROW(canvas, DRAW, 6, 1, 0, 0);
	canvas_end(canvas);
	canvas_read_back(canvas, &color, 0, 0);
}

static void filters(struct canvas *canvas, uint32_t variant)
{
	struct penstock_image description = canvas_describe(RGBA8, 32, 16);
	struct canvas_sampler sampler = { .mag_filter = variant & 1,
					  .min_filter = variant >> 1 & 1,
					  .mipmap_mode = variant >> 2 & 1,
					  .anisotropy = variant == 7 ? 4 : 0,
					  .lod_bias = variant == 5 ? 0.7f : 0,
					  .min_lod = variant == 6 ? 1 : 0,
					  .max_lod = 15 };
	struct canvas_image image;

	description.levels = 5;
	image = canvas_place(canvas, description);
	canvas_pattern(canvas, &image);
	draw_texture(canvas, "texture.frag", &image, &sampler, variant < 2 ? 1.0f : 7.0f);
}

static void addresses(struct canvas *canvas, uint32_t variant)
{
	const struct canvas_sampler sampler = { .mag_filter = 1,
						.address_u = variant % 5,
						.address_v = (variant + 2) % 5,
						.border_color = variant % 6,
						.reduction_mode = variant / 6 };
	struct canvas_image image = canvas_place(canvas, canvas_describe(RGBA8, 16, 16));

	canvas_pattern(canvas, &image);
	draw_texture(canvas, "texture.frag", &image, &sampler, 2.5f);
}

/* Compressed ones among them. */
static void texture_formats(struct canvas *canvas, uint32_t variant)
{
	static const uint32_t list[] = { 9,   16,  43,	44,  64,  76,  97,	100, 109, 122, 123, 131,
					 133, 135, 137, 139, 141, 143, 145, 146 };
	const struct canvas_sampler sampler = { .mag_filter = 1, .max_lod = 8 };
	struct penstock_image description = canvas_describe(list[variant], 30, 22);
	struct canvas_image image;

	description.levels = 3;
	image = canvas_place(canvas, description);
	canvas_pattern(canvas, &image);
	draw_texture(canvas, "texture.frag", &image, &sampler, 1.25f);
}

/* The depth of one scope is compared in the next one. */
static void shadows(struct canvas *canvas, uint32_t variant)
{
	const struct canvas_sampler sampler = { .flags = 1,
						.mag_filter = variant & 1,
						.compare_op = variant };
	struct canvas_image color = target(canvas, RGBA8), depth = target(canvas, D32);
	struct penstock_graphics_state state = box_state(RGBA8);

	state.depth_format = D32;
	state.depth_test = state.depth_write = 1;
	state.depth_compare_op = 7;
	draw_depths(canvas, &state, &color, &depth);
	draw_texture(canvas, "shadow.frag", &depth, &sampler, 1);
}

static void swizzles(struct canvas *canvas, uint32_t variant)
{
	static const uint32_t components[] = { 0x03040506, 0x01020304, 0x06050403 };
	const struct canvas_shaders shaders = { .vertex = "box.vert", .fragment = "texture.frag" };
	struct canvas_image image = canvas_place(canvas, canvas_describe(RGBA8, 16, 16));
	struct penstock_graphics_state state = box_state(RGBA8);
	struct canvas_image color = target(canvas, RGBA8);
	const struct canvas_sampler sampler = { .max_lod = 1 };

	image.description.flags = 0x8; /* other formats */
	canvas_pattern(canvas, &image);
	begin(canvas, &color, NULL);
	canvas_slot(canvas, 1, &image, false);
	ROW(canvas, BIND_IMAGE, 0, 0, 0, 1, 1, variant == 2 ? 43 : 0, components[variant], 1, 0, 1,
	    0, 1);
	canvas_sampler(canvas, AT(0, 0, 0), &sampler);
	canvas_bind(canvas, canvas_pipeline(canvas, &state, &shaders, one_texture, 1, BOX_BYTES));
	draw_box(canvas, -1, -1, 1, 1, grey, 0);
	canvas_end(canvas);
	canvas_read_back(canvas, &color, 0, 0);
}

static void dimensions(struct canvas *canvas, uint32_t variant)
{
	static const struct penstock_pipeline_binding bindings[] = {
		{ 0, 0, PENSTOCK_DESCRIPTOR_COMBINED_IMAGE_SAMPLER, 1, PENSTOCK_STAGE_FRAGMENT },
		{ 0, 1, PENSTOCK_DESCRIPTOR_COMBINED_IMAGE_SAMPLER, 1, PENSTOCK_STAGE_FRAGMENT },
		{ 0, 2, PENSTOCK_DESCRIPTOR_COMBINED_IMAGE_SAMPLER, 1, PENSTOCK_STAGE_FRAGMENT },
		{ 0, 3, PENSTOCK_DESCRIPTOR_COMBINED_IMAGE_SAMPLER, 1, PENSTOCK_STAGE_FRAGMENT },
	};
	static const uint32_t types[] = { 0, 2, 3, 5 };
	const struct canvas_shaders shaders = { .vertex = "box.vert",
						.fragment = "dimensions.frag" };
	struct penstock_image descriptions[4] = {
		canvas_describe(RGBA8, 32, 1), canvas_describe(RGBA8, 8, 8),
		canvas_describe(RGBA8, 16, 16), canvas_describe(RGBA8, 16, 16)
	};
	const struct canvas_sampler sampler = { .mag_filter = variant, .max_lod = 5 };
	struct penstock_graphics_state state = box_state(RGBA8);
	struct canvas_image color = target(canvas, RGBA8), images[4];

	descriptions[0].type = 0;
	descriptions[1].type = 2;
	descriptions[1].depth = 8;
	descriptions[1].levels = 2;
	descriptions[2].flags = 0x10;
	descriptions[2].layers = 6;
	descriptions[3].layers = 4;
	for (uint32_t i = 0; i < 4; i++) {
		images[i] = canvas_place(canvas, descriptions[i]);
		canvas_pattern(canvas, &images[i]);
	}
	begin(canvas, &color, NULL);
	for (uint32_t i = 0; i < 4; i++) {
		canvas_slot(canvas, 1 + i, &images[i], false);
		canvas_image(canvas, AT(0, i, 0), 1 + i, &images[i], types[i]);
		canvas_sampler(canvas, AT(0, i, 0), &sampler);
	}
	canvas_bind(canvas, canvas_pipeline(canvas, &state, &shaders, bindings, 4, BOX_BYTES));
	draw_box(canvas, -1, -1, 1, 1, grey, 0);
	canvas_end(canvas);
	canvas_read_back(canvas, &color, 0, 0);
}

/* Bound one by one, and some of them again between draws. */
static void separate(struct canvas *canvas, uint32_t variant)
{
	static const struct penstock_pipeline_binding bindings[] = {
		{ 0, 2, PENSTOCK_DESCRIPTOR_SAMPLED_IMAGE, 3, PENSTOCK_STAGE_FRAGMENT },
		{ 3, 1, PENSTOCK_DESCRIPTOR_SAMPLER, 2, PENSTOCK_STAGE_FRAGMENT },
		{ 5, 0, PENSTOCK_DESCRIPTOR_UNIFORM_BUFFER, 1, PENSTOCK_STAGE_FRAGMENT },
	};
	const struct canvas_shaders shaders = { .vertex = "box.vert", .fragment = "separate.frag" };
	const struct canvas_sampler smooth = { .mag_filter = 1, .max_lod = 1 },
				    rough = { .address_u = 1, .address_v = 1 };
	static const float weights[] = { 0.5f, 0.25f, 0.125f, 0, 0.1f, 0.2f, 0.7f, 0 };
	struct penstock_graphics_state state = box_state(RGBA8);
	struct canvas_image color = target(canvas, RGBA8), images[3];
	uint64_t address = canvas_put(canvas, weights, sizeof(weights));

	(void)variant;
	for (uint32_t i = 0; i < 3; i++) {
		images[i] = canvas_place(canvas, canvas_describe(RGBA8, 8 + i * 4, 12));
		canvas_pattern(canvas, &images[i]);
	}
	begin(canvas, &color, NULL);
	canvas_bind(canvas, canvas_pipeline(canvas, &state, &shaders, bindings, 3, BOX_BYTES));
	for (uint32_t i = 0; i < 3; i++) {
		canvas_slot(canvas, 7, &images[i], false); /* the slot is another each time */
		canvas_image(canvas, AT(0, 2, i), 7, &images[i], 1);
	}
	canvas_sampler(canvas, AT(3, 1, 0), &smooth);
	canvas_sampler(canvas, AT(3, 1, 1), &rough);
	canvas_buffer(canvas, AT(5, 0, 0), address, 16, false);
	draw_box(canvas, -1, -1, 0, 0, grey, 0);
	canvas_buffer(canvas, AT(5, 0, 0), address + 16, 16, false);
	draw_box(canvas, 0, -1, 1, 0, grey, 0);
	canvas_sampler(canvas, AT(3, 1, 0), &rough);
	draw_box(canvas, -1, 0, 0, 1, grey, 0);
	canvas_image(canvas, AT(0, 2, 0), 7, &images[2], 1);
	draw_box(canvas, 0, 0, 1, 1, grey, 0);
	canvas_end(canvas);
	canvas_read_back(canvas, &color, 0, 0);
}

static void texels(struct canvas *canvas, uint32_t variant)
{
	static const struct penstock_pipeline_binding bindings[] = {
		{ 0, 0, PENSTOCK_DESCRIPTOR_UNIFORM_TEXEL_BUFFER, 1, PENSTOCK_STAGE_FRAGMENT },
		{ 0, 1, PENSTOCK_DESCRIPTOR_STORAGE_TEXEL_BUFFER, 1, PENSTOCK_STAGE_FRAGMENT },
	};
	static const uint32_t list[] = { 37, 109, 83, 9 };
	const struct canvas_shaders shaders = { .vertex = "box.vert", .fragment = "texels.frag" };
	struct penstock_graphics_state state = box_state(RGBA8);
	struct canvas_image color = target(canvas, RGBA8);
	uint64_t counts = canvas_room(canvas, 4096 * 4);
	float numbers[4096];

	for (uint32_t i = 0; i < 4096; i++) {
		numbers[i] = (float)i / 4096;
	}
	begin(canvas, &color, NULL);
	canvas_bind(canvas, canvas_pipeline(canvas, &state, &shaders, bindings, 2, BOX_BYTES));
	canvas_texels(canvas, AT(0, 0, 0), canvas_put(canvas, numbers, sizeof(numbers)),
		      sizeof(numbers), list[variant], false);
	canvas_texels(canvas, AT(0, 1, 0), counts, 4096 * 4, 98, true);
	draw_box(canvas, -1, -1, 1, 1, grey, 0);
	canvas_end(canvas);
	canvas_read_back(canvas, &color, 0, 0);
}

static void storage(struct canvas *canvas, uint32_t variant)
{
	static const struct penstock_pipeline_binding bindings[] = {
		{ 0, 0, PENSTOCK_DESCRIPTOR_STORAGE_IMAGE, 1, PENSTOCK_STAGE_FRAGMENT },
		{ 0, 1, PENSTOCK_DESCRIPTOR_STORAGE_BUFFER, 1, PENSTOCK_STAGE_FRAGMENT },
	};
	const struct canvas_shaders shaders = { .vertex = "plain.vert", .fragment = "store.frag" };
	struct penstock_graphics_state state = plain_state();
	struct canvas_image color = target(canvas, RGBA8), image = target(canvas, RGBA8);

	(void)variant;
	canvas_pattern(canvas, &image);
	begin(canvas, &color, NULL);
	canvas_bind(canvas, canvas_pipeline(canvas, &state, &shaders, bindings, 2, 0));
	canvas_slot(canvas, 3, &image, true);
	canvas_image(canvas, AT(0, 0, 0), 3, &image, 1);
	canvas_buffer(canvas, AT(0, 1, 0), canvas_room(canvas, 16), 16, true);
	put_vertices(canvas, triangle_vertices, 3);
	ROW(canvas, DRAW, 3, 1, 0, 0);
	canvas_end(canvas);
	canvas_read_back(canvas, &color, 0, 0);
	canvas_read_back(canvas, &image, 0, 0);
}

/* The same in a dispatch, whose workgroups are said here or in memory. */
static void compute(struct canvas *canvas, uint32_t variant)
{
	static const struct penstock_pipeline_binding bindings[] = {
		{ 0, 0, PENSTOCK_DESCRIPTOR_STORAGE_IMAGE, 1, PENSTOCK_STAGE_COMPUTE },
		{ 0, 1, PENSTOCK_DESCRIPTOR_STORAGE_IMAGE, 1, PENSTOCK_STAGE_COMPUTE },
		{ 0, 2, PENSTOCK_DESCRIPTOR_COMBINED_IMAGE_SAMPLER, 1, PENSTOCK_STAGE_COMPUTE },
	};
	const struct canvas_shaders shaders = { .compute = "store.comp" };
	const struct canvas_sampler sampler = { .mag_filter = 1 };
	static const uint32_t groups[] = { 8, 5, 1 };
	struct canvas_image image = target(canvas, RGBA8), source = target(canvas, RGBA8);

	canvas_pattern(canvas, &image);
	canvas_pattern(canvas, &source);
	canvas_slot(canvas, 3, &image, true);
	canvas_image(canvas, AT(0, 0, 0), 3, &image, 1);
	canvas_slot(canvas, 4, &source, false);
	canvas_image(canvas, AT(0, 1, 0), 4, &source, 1);
	canvas_image(canvas, AT(0, 2, 0), 4, &source, 1);
	canvas_sampler(canvas, AT(0, 2, 0), &sampler);
	canvas_bind(canvas, canvas_pipeline(canvas, NULL, &shaders, bindings, 3, 0));
	if (variant == 0) {
		ROW(canvas, DISPATCH, 8, 7, 1, 0, 1, 0);
	} else {
		canvas_indirect(canvas, canvas_put(canvas, groups, sizeof(groups)), sizeof(groups));
		stream_append(&canvas->stream, PENSTOCK_DMA_DISPATCH_INDIRECT, 0);
	}
	canvas_read_back(canvas, &image, 0, 0);
}

static void constants(struct canvas *canvas, uint32_t variant)
{
	const struct canvas_shaders shaders = { .vertex = "plain.vert",
						.fragment = "constant.frag" };
	struct penstock_graphics_state state = plain_state();
	struct canvas_image color = target(canvas, RGBA8);

	(void)variant;
	begin(canvas, &color, NULL);
	canvas_bind(canvas, canvas_pipeline(canvas, &state, &shaders, NULL, 0, 0));
	put_vertices(canvas, triangle_vertices, 3);
	ROW(canvas, DRAW, 3, 1, 0, 0);
	canvas_end(canvas);
	canvas_read_back(canvas, &color, 0, 0);
}

/* ---------------------------------------------------------------- transfers */

/* A part of an image to a part of another, of a level and layers. */
static void copies(struct canvas *canvas, uint32_t variant)
{
	static const uint32_t list[][2] = { { 37, 43 }, { 109, 109 }, { 131, 131 }, { 124, 124 },
					    { 103, 131 } };
	struct penstock_image from = canvas_describe(list[variant][0], 64, 48),
			      to = canvas_describe(list[variant][1], 80, 64);
	struct canvas_image source, destination;
	uint32_t aspects = list[variant][0] == 124 ? 2 : 0;

	from.levels = to.levels = 2;
	from.layers = to.layers = 3;
	source = canvas_place(canvas, from);
	destination = canvas_place(canvas, to);
	for (uint32_t i = 0; i < 2; i++) {
		const struct canvas_image *image = i == 0 ? &source : &destination;

		if (aspects != 0) {
			canvas_slot(canvas, 0, image, true);
			ROW(canvas, CLEAR_IMAGE, 0, 0, 0, 2, 0, 3,
			    canvas_bits(0.25f + 0.5f * (float)i), 0);
		} else {
			canvas_pattern(canvas, image);
		}
	}
	canvas_slot(canvas, 1, &source, false);
	canvas_slot(canvas, 2, &destination, true);
	ROW(canvas, COPY_IMAGE, 1, 2, 2, aspects, 1, 0, aspects, 0, 1, 4, 8, 0, 12, 20, 0,
	    variant == 4 ? 5 : 16, variant == 4 ? 3 : 12, 1);
	canvas_read_back(canvas, &destination, 0, aspects);
	canvas_read_back(canvas, &destination, 1, aspects);
}

/* Rows that are longer than the region, of one aspect. */
static void pitches(struct canvas *canvas, uint32_t variant)
{
	static const struct {
		uint32_t format, aspects, bytes;
	} list[] = { { 37, 0, 4 }, { 130, 4, 1 }, { 130, 2, 4 }, { 131, 0, 8 } };
	uint32_t format = list[variant].format, bytes = list[variant].bytes;
	struct penstock_image description = canvas_describe(format, 32, 32);
	bool compressed = format == 131;
	uint32_t row = compressed ? 40 : 25, block = compressed ? 4 : 1;
	uint32_t size = ((2 - 1) * (row / block) * (24 / block) + (16 / block - 1) * (row / block) +
			 16 / block) *
			bytes;
	struct canvas_image image;
	uint64_t from, to = canvas_room(canvas, size);
	uint8_t noise[8192];
	struct machine_random random = { .state = 5 };

	for (uint32_t i = 0; i < sizeof(noise); i++) {
		noise[i] = (uint8_t)(machine_random(&random) & 0x3f);
	}
	from = canvas_put(canvas, noise, size);
	description.layers = 3;
	image = canvas_place(canvas, description);
	if (format == 130) {
		canvas_slot(canvas, 0, &image, true);
		ROW(canvas, CLEAR_IMAGE, 0, 0, 0, 1, 0, 3, canvas_bits(0.25f), 9);
	} else {
		canvas_pattern(canvas, &image);
	}
	canvas_slot(canvas, 0, &image, true);
	ROW(canvas, COPY_BUFFER_TO_IMAGE, 0, (uint32_t)from, (uint32_t)(from >> 32), size, 0, 0, row,
	    24, list[variant].aspects, 0, 1, 2, 4, 8, 0, 16, 16, 1);
	canvas_slot(canvas, 0, &image, false);
	ROW(canvas, COPY_IMAGE_TO_BUFFER, 0, (uint32_t)to, (uint32_t)(to >> 32), size, 0, 0, row, 24,
	    list[variant].aspects, 0, 1, 2, 8, 12, 0, 16, 16, 1);
	canvas_read_back(canvas, &image, 0,
			 list[variant].aspects == 0 ? 0 : list[variant].aspects);
}

static void blits(struct canvas *canvas, uint32_t variant)
{
	static const uint32_t list[][2] = { { 37, 37 }, { 37, 97 }, { 109, 43 }, { 64, 44 },
					    { 9, 37 },	{ 41, 41 } };
	uint32_t filter = list[variant % 6][0] == 41 ? 0 : variant / 6;
	struct canvas_image source =
		canvas_place(canvas, canvas_describe(list[variant % 6][0], 40, 30));
	struct canvas_image destination =
		canvas_place(canvas, canvas_describe(list[variant % 6][1], 64, 64));

	canvas_pattern(canvas, &source);
	canvas_pattern(canvas, &destination);
	canvas_slot(canvas, 1, &source, false);
	canvas_slot(canvas, 2, &destination, true);
	ROW(canvas, BLIT_IMAGE, 1, 2, 1, filter, 0, 0, 0, 0, 0, 3, 4, 0, 37, 29, 1, 5, 60, 0, 55, 9,
	    1);
	canvas_read_back(canvas, &destination, 0, 0);
}

static void mip_chain(struct canvas *canvas, uint32_t variant)
{
	struct penstock_image description = canvas_describe(RGBA8, 64, 32);
	struct canvas_image image;

	(void)variant;
	description.levels = 7;
	description.layers = 2;
	image = canvas_place(canvas, description);
	canvas_pattern(canvas, &image);
	for (uint32_t level = 1; level < 7; level++) {
		uint32_t width = 64u >> level, height = 32u >> level == 0 ? 1 : 32u >> level;

		canvas_slot(canvas, 0, &image, true);
		ROW(canvas, BLIT_IMAGE, 0, 0, 2, 1, 0, level - 1, 0, level, 0, 0, 0, 0, width * 2,
		    height * 2 > 32u >> (level - 1) ? 1 : height * 2, 1, 0, 0, 0, width, height, 1);
	}
	for (uint32_t level = 0; level < 7; level++) {
		canvas_read_back(canvas, &image, level, 0);
	}
}

static void clears(struct canvas *canvas, uint32_t variant)
{
	static const struct {
		uint32_t format, aspects;
	} list[] = { { 37, 0 }, { 109, 0 }, { 41, 0 }, { 126, 2 }, { 129, 4 }, { 130, 2 }, { 122, 0 } };
	struct penstock_image description = canvas_describe(list[variant].format, 32, 20);
	uint32_t aspects = list[variant].aspects;
	uint32_t number = list[variant].format == 41 ? 77 : canvas_bits(0.3f);
	struct canvas_image image;

	description.levels = 3;
	description.layers = 4;
	image = canvas_place(canvas, description);
	canvas_slot(canvas, 0, &image, true);
	ROW(canvas, CLEAR_IMAGE, 0, 0, 0, 3, 0, 4, canvas_bits(0.75f), 3, 5, 9);
	canvas_slot(canvas, 0, &image, true);
	ROW(canvas, CLEAR_IMAGE, 0, aspects, 1, 2, 1, 2, number, aspects == 0 ? number : 0xa5, 0,
	    number);
	for (uint32_t level = 0; level < 3; level++) {
		canvas_read_back(canvas, &image, level, aspects);
	}
}

/* ---------------------------------------------------------------- queries */

static void queries(struct canvas *canvas, uint32_t variant)
{
	struct canvas_image color = target(canvas, RGBA8), depth = target(canvas, D32);
	struct penstock_graphics_state state = box_state(RGBA8);
	const uint32_t statistics = 0x1 | 0x2 | 0x4 | 0x20 | 0x40;

	state.depth_format = D32;
	state.depth_test = state.depth_write = 1;
	state.depth_compare_op = 1;
	begin(canvas, &color, &depth);
	canvas_bind(canvas, canvas_pipeline(canvas, &state, &box, NULL, 0, BOX_BYTES));
	draw_box(canvas, -0.8f, -0.8f, 0.7f, 0.3f, black, 0.4f);
	for (uint32_t i = 0; i < 4; i++) {
		uint64_t address = canvas_room(canvas, 64);

		ROW(canvas, BEGIN_QUERY, variant, (uint32_t)address, (uint32_t)(address >> 32),
		    variant == 0 ? 0 : statistics, variant == 0);
		for (uint32_t j = 0; j < i; j++) {
			draw_box(canvas, -0.5f, -0.6f, 0.9f, 0.9f - (float)i * 0.2f, black,
				 0.45f - (float)(i + j) * 0.05f);
		}
		stream_append(&canvas->stream, PENSTOCK_DMA_END_QUERY, 0);
	}
	canvas_end(canvas);
	canvas_read_back(canvas, &color, 0, 0);
}

const struct graphics_case graphics_cases[] = {
	{ "triangle", triangle, 1 },
	{ "topologies", topologies, 10 },
	{ "indices", indices, 3 },
	{ "instances", instances, PENSTOCK_ARRAY_SIZE(attribute_formats) },
	{ "dynamic strides", dynamic_strides, 2 },
	{ "indirect", indirect, 8 },
	{ "viewports", viewports, 4 },
	{ "faces", faces, 24 },
	{ "dynamic states", dynamic_states, 16 },
	{ "geometry", geometry, 1 },
	{ "tessellation", tessellation, 2 },
	{ "depths", depths, 16 },
	{ "stencils", stencils, 16 },
	{ "blending", blending, 30 },
	{ "logic", logic, 16 },
	{ "formats", formats, PENSTOCK_ARRAY_SIZE(color_formats) },
	{ "integers", integers, 8 },
	{ "several targets", several_targets, 2 },
	{ "scopes", scopes, 4 },
	{ "levels", levels, 3 },
	{ "layers", layers, 2 },
	{ "views", views, 2 },
	{ "samples", samples, 5 },
	{ "filters", filters, 8 },
	{ "addresses", addresses, 18 },
	{ "texture formats", texture_formats, 20 },
	{ "shadows", shadows, 8 },
	{ "swizzles", swizzles, 3 },
	{ "dimensions", dimensions, 2 },
	{ "separate", separate, 1 },
	{ "texels", texels, 4 },
	{ "storage", storage, 1 },
	{ "compute", compute, 2 },
	{ "constants", constants, 1 },
	{ "copies", copies, 5 },
	{ "pitches", pitches, 4 },
	{ "blits", blits, 12 },
	{ "mip chain", mip_chain, 1 },
	{ "clears", clears, 7 },
	{ "queries", queries, 2 },
};

const uint32_t graphics_case_count = PENSTOCK_ARRAY_SIZE(graphics_cases);
