/* SPDX-License-Identifier: MIT */
#include "tests/golden/graphics_parts.h"

#include <string.h>

const float graphics_black[4] = { 0, 0, 0, 0 };
const float graphics_grey[4] = { 0.2f, 0.4f, 0.6f, 0.8f };

/* ---------------------------------------------------------------- what most have in common */

const struct vertex graphics_triangle[GRAPHICS_TRIANGLE_VERTICES] = {
	{ { -0.8f, -0.9f, 0.1f, 1 }, { 1, 0, 0, 1 } },
	{ { 0.9f, -0.2f, 0.5f, 1 }, { 0, 1, 0, 0.5f } },
	{ { -0.3f, 0.8f, 0.9f, 1 }, { 0, 0.3f, 1, 0.25f } },
};

const struct vertex graphics_many[GRAPHICS_MANY_VERTICES] = {
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

const struct canvas_shaders graphics_plain = { .vertex = "plain.vert", .fragment = "plain.frag" };
const struct canvas_shaders graphics_box = { .vertex = "box.vert", .fragment = "plain.frag" };

void graphics_vertex_input(struct penstock_graphics_state *state)
{
	state->vertex_binding_count = 1;
	state->vertex_bindings[0].stride = sizeof(struct vertex);
	state->vertex_attribute_count = 2;
	state->vertex_attributes[0].format = 109; /* four floats */
	state->vertex_attributes[1] =
		(struct penstock_vertex_attribute){ .location = 1, .format = 109, .offset = 16 };
}

struct penstock_graphics_state graphics_plain_state(void)
{
	struct penstock_graphics_state state = canvas_state(RGBA8, GRAPHICS_SIZE, GRAPHICS_SIZE);

	graphics_vertex_input(&state);
	return state;
}

struct canvas_image graphics_target(struct canvas *canvas, uint32_t format)
{
	return canvas_place(canvas, canvas_describe(format, GRAPHICS_SIZE, GRAPHICS_SIZE));
}

/* A scope with a cleared target of slot 0, and of slot 1 if there is a second one. */
void graphics_begin(struct canvas *canvas, const struct canvas_image *color,
		    const struct canvas_image *depth)
{
	canvas_begin_rendering(canvas, GRAPHICS_SIZE, GRAPHICS_SIZE, 1, 0);
	canvas_slot(canvas, 0, color, true);
	canvas_color(canvas, 0, 0, graphics_grey);
	if (depth != NULL) {
		canvas_slot(canvas, 1, depth, true);
		canvas_depth(canvas, 1, depth, 0.5f, 0x55);
	}
}

void graphics_put_vertices(struct canvas *canvas, const struct vertex *vertices, uint32_t count)
{
	uint32_t size = count * (uint32_t)sizeof(*vertices);

	canvas_vertices(canvas, 0, canvas_put(canvas, vertices, size), size, sizeof(*vertices));
}

void graphics_push_box(struct canvas *canvas, float left, float top, float right, float bottom,
		       const float color[4], float from, float to)
{
	const float pushed[12] = { left,     top,      right, bottom, color[0], color[1],
				   color[2], color[3], from,  to,     1,        0 };

	canvas_push(canvas, 0, pushed, sizeof(pushed));
}

void graphics_draw_box(struct canvas *canvas, float left, float top, float right, float bottom,
		       const float color[4], float depth)
{
	graphics_push_box(canvas, left, top, right, bottom, color, depth, depth);
	ROW(canvas, DRAW, 6, 1, 0, 0);
}

/* Some vertices through a state, with plain shaders. */
void graphics_draw_vertices(struct canvas *canvas, const struct penstock_graphics_state *state,
			    const struct vertex *vertices, uint32_t count)
{
	struct canvas_image color = graphics_target(canvas, state->color_formats[0]);

	graphics_begin(canvas, &color, NULL);
	canvas_bind(canvas, canvas_pipeline(canvas, state, &graphics_plain, NULL, 0, 0));
	graphics_put_vertices(canvas, vertices, count);
	ROW(canvas, DRAW, count, 1, 0, 0);
	canvas_end(canvas);
	canvas_read_back(canvas, &color, 0, 0);
}

struct penstock_graphics_state graphics_box_state(uint32_t format)
{
	return canvas_state(format, GRAPHICS_SIZE, GRAPHICS_SIZE);
}

/* Two boxes across each other in a cleared target. */
void graphics_draw_depths(struct canvas *canvas, const struct penstock_graphics_state *state,
			  const struct canvas_image *color, const struct canvas_image *depth)
{
	static const float red[] = { 1, 0, 0, 0.5f }, blue[] = { 0, 0, 1, 0.25f };

	graphics_begin(canvas, color, depth);
	canvas_bind(canvas, canvas_pipeline(canvas, state, &graphics_box, NULL, 0, BOX_BYTES));
	graphics_push_box(canvas, -0.8f, -0.8f, 0.7f, 0.3f, red, 0, 1.2f);
	ROW(canvas, DRAW, 6, 1, 0, 0);
	graphics_push_box(canvas, -0.5f, -0.6f, 0.9f, 0.9f, blue, 0.9f, 0.1f);
	ROW(canvas, DRAW, 6, 1, 0, 0);
	graphics_draw_box(canvas, -1, -0.2f, 1, 0.2f, graphics_grey, 0.5f);
	canvas_end(canvas);
	canvas_read_back(canvas, color, 0, 0);
}
