/* SPDX-License-Identifier: MIT */
/*
 * Draws, targets and transfers that reach for what is not theirs, as no client can say them to
 * render: around each range stands a pattern that is neither read nor written.
 */
#include "gpu-backend/emulated/gpu/parts.h"
#include "tests/golden/graphics_parts.h"

#include <stdlib.h>
#include <string.h>

#define SIZE   GRAPHICS_SIZE
#define CANARY 0xa5u

static struct machine machine;
static struct penstock_vulkan *vulkan;
static struct canvas canvas;
static struct canvas_image color;
static uint8_t before[CANVAS_IMAGE_END];

static void setup(void)
{
	struct penstock_errbuf error = { .text = "" };

	machine_start(&machine);
	ck_assert_msg(penstock_vulkan_open(&machine.mmu, &vulkan, &error) ==
			      PENSTOCK_STATUS_SUCCESS,
		      "%s", error.text);
	machine.engine.vulkan = vulkan;
	canvas_begin(&canvas, machine.local, vulkan->devices[0].formats);
	memset(machine.local, CANARY, CANVAS_PIPELINE_OFFSET);
	memset(machine.local + CANVAS_IMAGE_OFFSET, CANARY, CANVAS_IMAGE_END - CANVAS_IMAGE_OFFSET);
	/* Room that nobody has before and behind it. */
	canvas.images_used = 1u << 20;
	color = graphics_target(&canvas, RGBA8);
	canvas.images_used += 1u << 20;
}

static void teardown(void)
{
	penstock_vulkan_close(vulkan);
	machine_stop(&machine);
}

static struct penstock_image_layout layout_of(const struct canvas_image *image)
{
	struct penstock_image_layout layout;

	ck_assert_int_eq(penstock_image_lay_out(&image->description, &layout, NULL),
			 PENSTOCK_STATUS_SUCCESS);
	return layout;
}

/* Runs it; nothing but the target changes. */
static enum penstock_outcome run(void)
{
	uint32_t from = (uint32_t)(color.address - PENSTOCK_LOCAL_BASE);
	uint32_t to = from + (uint32_t)layout_of(&color).bytes;
	enum penstock_outcome outcome;

	memcpy(before, machine.local, sizeof(before));
	outcome = machine_run(&machine, &canvas.stream);
	ck_assert(memcmp(before, machine.local, from) == 0);
	ck_assert(memcmp(before + to, machine.local + to, sizeof(before) - to) == 0);
	return outcome;
}

/* What was drawn shows nothing of the pattern: each texel is the clear colour or that of zeros. */
static void expect_no_canary(void)
{
	struct penstock_image_layout layout = layout_of(&color);
	const uint8_t *texels = machine.local + (color.address - PENSTOCK_LOCAL_BASE);

	for (uint64_t i = 0; i < layout.bytes; i++) {
		ck_assert_uint_ne(texels[i], CANARY);
	}
}

static void begin(const struct penstock_graphics_state *state)
{
	graphics_begin(&canvas, &color, NULL);
	canvas_bind(&canvas, canvas_pipeline(&canvas, state, &graphics_plain, NULL, 0, 0));
}

/* Of points, whose colours would show what their vertices read. */
START_TEST(vertices_behind_their_buffer_are_zeros)
{
	static const uint32_t firsts[] = {
		3, 4, 100, 1u << 20, 1u << 27, 1u << 31, UINT32_MAX - 8
	};
	struct penstock_graphics_state state = graphics_plain_state();

	state.topology = 0;
	begin(&state);
	graphics_put_vertices(&canvas, graphics_triangle, 3);
	for (uint32_t i = 0; i < PENSTOCK_ARRAY_SIZE(firsts); i++) {
		ROW(&canvas, DRAW, 6, 1, firsts[i], 0);
		ROW(&canvas, DRAW, 2, 3, 0, firsts[i]);
	}
	canvas_end(&canvas);
	ck_assert_int_eq(run(), PENSTOCK_OUTCOME_COMPLETED);
	expect_no_canary();
}
END_TEST

START_TEST(indices_far_out_of_range_reach_nothing)
{
	static const uint32_t indices[] = { 0, 3, 4, 1u << 16, 1u << 27, 0x7fffffff, UINT32_MAX };
	struct penstock_graphics_state state = graphics_plain_state();
	uint64_t address = canvas_put(&canvas, indices, sizeof(indices));

	state.topology = 0;
	begin(&state);
	graphics_put_vertices(&canvas, graphics_triangle, 3);
	canvas_indices(&canvas, 1, address, sizeof(indices));
	ROW(&canvas, DRAW_INDEXED, PENSTOCK_ARRAY_SIZE(indices), 1, 0, 0, 0);
	ROW(&canvas, DRAW_INDEXED, 3, 1, 0, 0x7fffffff, 0);
	ROW(&canvas, DRAW_INDEXED, 3, 1, 0, 0x80000000u, 0);
	/* And past the buffer of indices itself. */
	ROW(&canvas, DRAW_INDEXED, 1000, 1, 0, 0, 0);
	ROW(&canvas, DRAW_INDEXED, 3, 1, 5, 0, 0);
	ROW(&canvas, DRAW_INDEXED, 3, 1, 1u << 28, 0, 0);
	canvas_end(&canvas);
	ck_assert_int_eq(run(), PENSTOCK_OUTCOME_COMPLETED);
	expect_no_canary();
}
END_TEST

START_TEST(a_viewport_larger_than_its_target_draws_inside_of_it)
{
	struct penstock_graphics_state state = graphics_plain_state();

	state.dynamic = PENSTOCK_DYNAMIC_VIEWPORT | PENSTOCK_DYNAMIC_SCISSOR;
	begin(&state);
	graphics_put_vertices(&canvas, graphics_triangle, 3);
	for (uint32_t i = 0; i < 3; i++) {
		static const float extents[] = { 200, 4000, 16384 };

		ROW(&canvas, VIEWPORT, 0, canvas_bits(-extents[i] / 3),
		    canvas_bits(-extents[i] / 3), canvas_bits(extents[i]), canvas_bits(extents[i]),
		    0, canvas_bits(1));
		ROW(&canvas, SCISSOR, 0, 0, 0, 0x7fffffff, 0x7fffffff);
		ROW(&canvas, DRAW, 3, 1, 0, 0);
	}
	canvas_end(&canvas);
	ck_assert_int_eq(run(), PENSTOCK_OUTCOME_COMPLETED);
}
END_TEST

START_TEST(a_layer_that_the_target_does_not_have_is_not_drawn)
{
	const struct canvas_shaders shaders = { .vertex = "pass.vert",
						.geometry = "layer.geom",
						.fragment = "plain.frag" };
	struct penstock_graphics_state state = graphics_plain_state();
	const uint32_t count = 4;

	graphics_begin(&canvas, &color, NULL);
	canvas_bind(&canvas, canvas_pipeline(&canvas, &state, &shaders, NULL, 0, 4));
	canvas_push(&canvas, 0, &count, 4);
	graphics_put_vertices(&canvas, graphics_triangle, 3);
	ROW(&canvas, DRAW, 3, 1, 0, 0);
	canvas_end(&canvas);
	ck_assert_int_eq(run(), PENSTOCK_OUTCOME_COMPLETED);
}
END_TEST

/* Each is refused before anything is drawn. */
START_TEST(what_does_not_fit_its_image_or_buffer_is_illegal)
{
	struct penstock_graphics_state state = graphics_plain_state();
	uint64_t address = canvas_room(&canvas, 4096);
	uint32_t low = (uint32_t)address, high = (uint32_t)(address >> 32);

	memset(machine.local + (color.address - PENSTOCK_LOCAL_BASE), CANARY,
	       layout_of(&color).bytes);
	for (uint32_t i = 0; i < 13; i++) {
		canvas.stream.used = 0;
		canvas_slot(&canvas, 0, &color, i != 4);
		switch (i) {
		case 0: /* an area past the target */
		case 1: /* a layer that is none */
		case 2: /* a level that is none */
		case 3: /* a slot that is none */
		case 4: /* an image that may not be written */
		case 5: /* a draw without its vertices */
		case 6: /* a pipeline of other targets */
		case 7: /* a query of no type */
			canvas.stream.used = 0;
			canvas_begin_rendering(&canvas, SIZE + (i == 0), SIZE, 1, 0);
			canvas_slot(&canvas, 0, &color, i != 4);
			ROW(&canvas, COLOR_TARGET, 0, i == 3 ? 5 : 0, 0, i == 2, i == 1, 1);
			state.color_formats[0] = i == 6 ? 44 : RGBA8;
			canvas_bind(&canvas,
				    canvas_pipeline(&canvas, &state, &graphics_plain, NULL, 0, 0));
			if (i != 5) {
				graphics_put_vertices(&canvas, graphics_triangle, 3);
			}
			if (i == 7) {
				ROW(&canvas, BEGIN_QUERY, 2, low, high, 0, 0);
			}
			ROW(&canvas, DRAW, 3, 1, 0, 0);
			canvas_end(&canvas);
			break;
		case 8: /* a region past the image */
			ROW(&canvas, COPY_BUFFER_TO_IMAGE, 0, low, high, 4096, 0, 0, 0, 0, 0, 0, 0,
			    1, 60, 0, 0, 8, 8, 1);
			break;
		case 9: /* more than the buffer has */
			ROW(&canvas, COPY_BUFFER_TO_IMAGE, 0, low, high, 1000, 0, 0, 0, 0, 0, 0, 0,
			    1, 0, 0, 0, 32, 8, 1);
			break;
		case 10: /* a row that wraps */
			ROW(&canvas, COPY_IMAGE_TO_BUFFER, 0, low, high, 4096, 0, 0, 0x40000000u, 0,
			    0, 0, 0, 1, 0, 0, 0, 32, 8, 1);
			break;
		case 11:
			ROW(&canvas, CLEAR_IMAGE, 0, 0, 0, 2, 0, 1);
			break;
		case 12:
			ROW(&canvas, BLIT_IMAGE, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 8, 8, 1, 60, 0,
			    0, 70, 8, 1);
			break;
		}
		ck_assert_msg(run() == PENSTOCK_OUTCOME_ILLEGAL, "case %u", i);
	}
}
END_TEST

/* Of a format that takes long to read, to one that has room for enough texels here. */
START_TEST(a_blit_that_takes_too_long_is_illegal)
{
	const struct canvas_image source = canvas_place(&canvas, canvas_describe(145, 16, 16));
	const struct canvas_image destination = {
		.description = canvas_describe(9, 2048, 513),
		.address = PENSTOCK_APERTURE_BASE,
	};

	canvas_slot(&canvas, 0, &source, false);
	canvas_slot(&canvas, 1, &destination, true);
	ROW(&canvas, BLIT_IMAGE, 0, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 16, 16, 1, 0, 0, 0, 2048, 513,
	    1);
	ck_assert_int_eq(run(), PENSTOCK_OUTCOME_ILLEGAL);
}
END_TEST

START_TEST(states_that_the_driver_has_not_are_illegal)
{
	static const uint32_t list[][2] = {
		{ PENSTOCK_STATE_LINE_WIDTH, 0 },
		{ PENSTOCK_STATE_LINE_WIDTH, 0x40000000 /* 2 */ },
		{ PENSTOCK_STATE_LINE_WIDTH, 0x3f000000 /* 0.5 */ },
		{ PENSTOCK_STATE_LINE_WIDTH, 0x7fc00000 /* no number */ },
		{ PENSTOCK_STATE_DEPTH_BOUNDS_TEST, 1 },
	};
	struct penstock_graphics_state state = graphics_plain_state();

	for (uint32_t i = 0; i < PENSTOCK_ARRAY_SIZE(list); i++) {
		canvas.stream.used = 0;
		begin(&state);
		ROW(&canvas, STATE, list[i][0], list[i][1]);
		canvas_end(&canvas);
		ck_assert_msg(run() == PENSTOCK_OUTCOME_ILLEGAL, "%u", i);
	}
	canvas.stream.used = 0;
	begin(&state);
	ROW(&canvas, STATE, PENSTOCK_STATE_LINE_WIDTH, 0x3f800000 /* 1 */);
	ROW(&canvas, STATE, PENSTOCK_STATE_DEPTH_BOUNDS_TEST, 0);
	canvas_end(&canvas);
	ck_assert_int_eq(run(), PENSTOCK_OUTCOME_COMPLETED);
}
END_TEST

START_TEST(an_image_or_a_buffer_in_no_segment_is_a_page_fault)
{
	struct canvas_image far = color;
	struct penstock_graphics_state state = graphics_plain_state();

	far.address = CANVAS_ADDRESS(MACHINE_LOCAL_BYTES - 4096);
	canvas_slot(&canvas, 0, &far, true);
	ROW(&canvas, CLEAR_IMAGE, 0, 0, 0, 1, 0, 1);
	ck_assert_int_eq(run(), PENSTOCK_OUTCOME_PAGE_FAULT);
	ck_assert_uint_eq(machine.engine.fault_address, CANVAS_ADDRESS(MACHINE_LOCAL_BYTES));
	ck_assert(machine.engine.fault_write);
	begin(&state);
	canvas_vertices(&canvas, 0, 0x10, 96, 32);
	ROW(&canvas, DRAW, 3, 1, 0, 0);
	canvas_end(&canvas);
	ck_assert_int_eq(run(), PENSTOCK_OUTCOME_PAGE_FAULT);
	ck_assert_uint_eq(machine.engine.fault_address, 0x10);
}
END_TEST

/* By a thread of the driver's: that is the end of its Vulkan, and of nothing else. */
START_TEST(B5_a_draw_that_touches_an_unmapped_page_is_a_page_fault)
{
	struct penstock_graphics_state state = graphics_plain_state();

	stream_append(&canvas.stream, PENSTOCK_DMA_NOP, 0);
	begin(&state);
	canvas_vertices(&canvas, 0, PENSTOCK_APERTURE_BASE + 0x5000, 96, 32);
	ROW(&canvas, DRAW, 3, 1, 0, 0);
	canvas_end(&canvas);
	ck_assert_int_eq(machine_run(&machine, &canvas.stream), PENSTOCK_OUTCOME_PAGE_FAULT);
	ck_assert_uint_eq(machine.engine.dma_offset, PENSTOCK_DMA_BYTES_NOP);
	ck_assert_uint_ge(machine.engine.fault_address, PENSTOCK_APERTURE_BASE + 0x5000);
	ck_assert_uint_lt(machine.engine.fault_address, PENSTOCK_APERTURE_BASE + 0x6000);
	begin(&state);
	canvas_end(&canvas);
	ck_assert_int_eq(machine_run(&machine, &canvas.stream), PENSTOCK_OUTCOME_ILLEGAL);
	stream_append_fill(&canvas.stream, CANVAS_ADDRESS(0), 4, 3);
	ck_assert_int_eq(machine_run(&machine, &canvas.stream), PENSTOCK_OUTCOME_COMPLETED);
}
END_TEST

static Suite *suite(void)
{
	Suite *result = suite_create("hostile draws");
	TCase *tcase = tcase_create("hostile draws");

	tcase_set_timeout(tcase, 120);
	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_add_test(tcase, vertices_behind_their_buffer_are_zeros);
	tcase_add_test(tcase, indices_far_out_of_range_reach_nothing);
	tcase_add_test(tcase, a_viewport_larger_than_its_target_draws_inside_of_it);
	tcase_add_test(tcase, a_layer_that_the_target_does_not_have_is_not_drawn);
	tcase_add_test(tcase, what_does_not_fit_its_image_or_buffer_is_illegal);
	tcase_add_test(tcase, a_blit_that_takes_too_long_is_illegal);
	tcase_add_test(tcase, states_that_the_driver_has_not_are_illegal);
	tcase_add_test(tcase, an_image_or_a_buffer_in_no_segment_is_a_page_fault);
	tcase_add_test(tcase, B5_a_draw_that_touches_an_unmapped_page_is_a_page_fault);
	suite_add_tcase(result, tcase);
	return result;
}

int main(void)
{
	return penstock_test_main(suite());
}
