/* SPDX-License-Identifier: MIT */
/*
 * Programs of graphics on the engine, written as DMA buffers, against plain Vulkan on the same
 * driver: the same bytes; also where the engine runs each draw on its own, and where it is stopped
 * between any two of them.
 */
#include "gpu-backend/emulated/gpu/parts.h"
#include "config.h"
#include "tests/golden/graphics_parts.h"
#include "tests/golden/graphics_reference.h"

#include <stdlib.h>
#include <string.h>

static struct machine machine;
static struct penstock_vulkan *vulkan;
static struct vulkan_reference *reference;
static struct canvas canvas;
static uint8_t expected[CANVAS_DATA_BYTES];

static void setup(void)
{
	struct penstock_errbuf error = { .text = "" };

	machine_start(&machine);
	ck_assert_msg(penstock_vulkan_open(&machine.mmu, &vulkan, &error) ==
			      PENSTOCK_STATUS_SUCCESS,
		      "%s", error.text);
	machine.engine.vulkan = vulkan;
	reference = vulkan_reference_new();
}

static void teardown(void)
{
	vulkan_reference_free(reference);
	penstock_vulkan_close(vulkan);
	machine_stop(&machine);
}

static void expect_same(const struct graphics_case *is, uint32_t variant)
{
	uint32_t i = 0;

	while (i < CANVAS_DATA_BYTES && machine.local[i] == expected[i]) {
		i++;
	}
	ck_assert_msg(i == CANVAS_DATA_BYTES, "%s, variant %u: byte %#x is %#x, not %#x", is->name,
		      variant, i, i < CANVAS_DATA_BYTES ? machine.local[i] : 0,
		      i < CANVAS_DATA_BYTES ? expected[i] : 0);
}

/* What is compared is not all zeros. False: the driver has not what it takes. */
static bool build(const struct graphics_case *is, uint32_t variant)
{
	canvas_begin(&canvas, machine.local, vulkan->devices[0].formats);
	is->build(&canvas, variant);
	if (canvas.stream.used == 0) {
		return false;
	}
	graphics_reference_run(reference, &canvas, expected);
	ck_assert_msg(memcmp(machine.local, expected, CANVAS_DATA_BYTES) != 0,
		      "%s, variant %u: nothing is drawn", is->name, variant);
	return true;
}

static void expect_completed(const struct graphics_case *is, uint32_t variant)
{
	enum penstock_outcome outcome = machine_run(&machine, &canvas.stream);

	ck_assert_msg(outcome == PENSTOCK_OUTCOME_COMPLETED, "%s, variant %u: outcome %d at %#x",
		      is->name, variant, (int)outcome, machine.engine.dma_offset);
	expect_same(is, variant);
}

START_TEST(what_the_engine_draws_is_what_vulkan_draws)
{
	const struct graphics_case *is = &graphics_cases[_i];

	for (uint32_t variant = 0; variant < is->variants; variant++) {
		if (build(is, variant)) {
			expect_completed(is, variant);
		}
	}
}
END_TEST

/* A draw, and a row of a transfer. */
static void smallest_parts(void)
{
	vulkan->part_ns = 0;
	vulkan->part_draws = 1;
	vulkan->first_part_texels = 1;
}

START_TEST(a_scope_in_parts_of_one_draw_and_a_transfer_of_one_row_are_the_same)
{
	const struct graphics_case *is = &graphics_cases[_i];

	for (uint32_t variant = 0; variant < is->variants; variant += is->transfers ? 1 : 3) {
		smallest_parts();
		if (build(is, variant)) {
			expect_completed(is, variant);
		}
	}
}
END_TEST

/* What the engine looks at is how far it is: each part that is done is a request to stop. */
static void begin_stopping(void)
{
	memcpy(machine.local + MACHINE_STREAM_OFFSET, canvas.stream.bytes, canvas.stream.used);
	machine.engine.dma_offset = 0;
	machine.engine.position = 0;
	machine.engine.preempt_flag = &machine.engine.position;
}

static enum penstock_outcome go_on(void)
{
	machine.engine.preempt_seen = machine.engine.position;
	return penstock_processor_run(&machine.engine, CANVAS_ADDRESS(MACHINE_STREAM_OFFSET),
				      machine.engine.dma_offset, canvas.stream.used,
				      machine.engine.position);
}

START_TEST(D5_what_is_stopped_at_any_draw_or_row_goes_on_from_there)
{
	const struct graphics_case *is = &graphics_cases[_i];

	for (uint32_t variant = 0; variant < is->variants; variant += is->transfers ? 1 : 5) {
		uint32_t stops = 0;
		enum penstock_outcome outcome = PENSTOCK_OUTCOME_PREEMPTED;

		if (!build(is, variant)) {
			continue;
		}
		smallest_parts();
		begin_stopping();
		while (outcome == PENSTOCK_OUTCOME_PREEMPTED) {
			outcome = go_on();
			stops++;
			ck_assert_uint_lt(stops, 10000);
		}
		machine.engine.preempt_flag = NULL;
		ck_assert_int_eq(outcome, PENSTOCK_OUTCOME_COMPLETED);
		expect_same(is, variant);
	}
}
END_TEST

/* Parts are large; each of three pipelines draws for the first time, and again. */
START_TEST(D5_no_two_pipelines_are_compiled_in_one_part_of_a_scope)
{
	struct penstock_graphics_state state = graphics_plain_state();
	struct canvas_image color;

	canvas_begin(&canvas, machine.local, vulkan->devices[0].formats);
	color = graphics_target(&canvas, RGBA8);
	graphics_begin(&canvas, &color, NULL);
	graphics_put_vertices(&canvas, graphics_triangle, GRAPHICS_TRIANGLE_VERTICES);
	for (uint32_t i = 0; i < 3; i++) {
		canvas_bind(&canvas, canvas_pipeline(&canvas, &state, &graphics_plain, NULL, 0, 0));
		ROW(&canvas, DRAW, 3, 1, 0, 0);
		ROW(&canvas, DRAW, 3, 1, 0, 0);
	}
	canvas_end(&canvas);
	begin_stopping();
	for (uint32_t i = 1; i < 3; i++) {
		ck_assert_int_eq(go_on(), PENSTOCK_OUTCOME_PREEMPTED);
		ck_assert_uint_eq(machine.engine.position, i * 2);
	}
	ck_assert_int_eq(go_on(), PENSTOCK_OUTCOME_COMPLETED);
	/* Now they are compiled. */
	begin_stopping();
	ck_assert_int_eq(go_on(), PENSTOCK_OUTCOME_COMPLETED);
	machine.engine.preempt_flag = NULL;
}
END_TEST

#ifdef PENSTOCK_SANITIZERS
#define IN_PARTS 4
#else
#define IN_PARTS (int)graphics_case_count
#endif

static Suite *suite(void)
{
	Suite *result = suite_create("graphics");
	TCase *tcase = tcase_create("graphics");

	tcase_set_timeout(tcase, 60);
	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_add_loop_test(tcase, what_the_engine_draws_is_what_vulkan_draws, 0,
			    (int)graphics_case_count);
	/* Under sanitizers, where it takes minutes, those that are stopped are in parts enough. */
	tcase_add_loop_test(tcase,
			    a_scope_in_parts_of_one_draw_and_a_transfer_of_one_row_are_the_same, 0,
			    IN_PARTS);
	tcase_add_loop_test(tcase, D5_what_is_stopped_at_any_draw_or_row_goes_on_from_there, 0,
			    (int)graphics_case_count);
	tcase_add_test(tcase, D5_no_two_pipelines_are_compiled_in_one_part_of_a_scope);
	suite_add_tcase(result, tcase);
	return result;
}

int main(void)
{
	return penstock_test_main(suite());
}
