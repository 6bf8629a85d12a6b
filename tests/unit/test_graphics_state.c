/* SPDX-License-Identifier: MIT */
/* Graphics states: each field's nearest wrong value is refused with the field's name. */
#include "gpu-backend/graphics_state.h"
#include "proto/image/default_state.h"
#include "proto/image/format.h"
#include "tests/harness.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static struct penstock_graphics_state state;

/* One that has some of everything. */
static void set_up(void)
{
	penstock_graphics_state_default(&state);
	state.dynamic = 0;
	state.vertex_binding_count = 1;
	state.vertex_bindings[0] = (struct penstock_vertex_binding){ 2, 16, 0 };
	state.vertex_attribute_count = 1;
	state.vertex_attributes[0] =
		(struct penstock_vertex_attribute){ 3, 2, PENSTOCK_VK_R32G32B32A32_SFLOAT, 4 };
	state.viewports[0] = (struct penstock_viewport){ 0, 0, 64, -64, 0, 1 };
	state.scissors[0] = (struct penstock_scissor){ 0, 0, 64, 64 };
	state.color_count = 2;
	state.color_formats[0] = PENSTOCK_VK_R8G8B8A8_UNORM;
	state.color_formats[1] = 0;
	state.blends[0] = (struct penstock_blend){ .enable = 1, .source_color = 1 };
	state.depth_format = PENSTOCK_VK_D24_UNORM_S8_UINT;
	state.stencil_format = PENSTOCK_VK_D24_UNORM_S8_UINT;
}

static void tear_down(void)
{
}

static void good(void)
{
	struct penstock_errbuf text = { "" };

	ck_assert_msg(penstock_graphics_state_valid(&state, &text), "%s", text.text);
}

static void refused(const char *begins)
{
	struct penstock_errbuf text = { "" };

	ck_assert_msg(!penstock_graphics_state_valid(&state, &text), "%s is taken", begins);
	ck_assert_msg(strncmp(text.text, begins, strlen(begins)) == 0, "'%s' where '%s' should be",
		      text.text, begins);
	ck_assert(!penstock_graphics_state_valid(&state, NULL));
}

struct wrong {
	const char *name;
	uint32_t offset;
	uint32_t value;
};

#define AT(field) offsetof(struct penstock_graphics_state, field)
#define WRONG(field, value)                                                                        \
	{                                                                                          \
#field, AT(field), value                                                           \
	}

static const struct wrong wrongs[] = {
	WRONG(dynamic, PENSTOCK_DYNAMIC_ALL + 1),
	WRONG(vertex_binding_count, 17),
	WRONG(vertex_attribute_count, 33),
	WRONG(vertex_bindings[0].binding, 16),
	WRONG(vertex_bindings[0].stride, 2049),
	WRONG(vertex_bindings[0].input_rate, 2),
	{ "vertex_bindings[1]", AT(vertex_bindings[1].stride), 1 },
	{ "vertex_bindings[15]", AT(vertex_bindings[15].input_rate), 1 },
	WRONG(vertex_attributes[0].location, 32),
	WRONG(vertex_attributes[0].binding, 3),
	WRONG(vertex_attributes[0].binding, 16),
	WRONG(vertex_attributes[0].binding, UINT32_MAX),
	WRONG(vertex_attributes[0].format, 0),
	WRONG(vertex_attributes[0].format, 0x7fffffff),
	WRONG(vertex_attributes[0].format, PENSTOCK_VK_D32_SFLOAT),
	WRONG(vertex_attributes[0].format, PENSTOCK_VK_BC1_RGB_UNORM_BLOCK),
	WRONG(vertex_attributes[0].offset, 2048),
	{ "vertex_attributes[31]", AT(vertex_attributes[31].offset), 1 },
	WRONG(topology, 11),
	{ "patch_control_points", AT(topology), PENSTOCK_VK_PATCH_LIST },
	WRONG(patch_control_points, 1),
	WRONG(patch_control_points, 33),
	WRONG(primitive_restart, 2),
	WRONG(primitive_restart, 1), /* of a list */
	WRONG(viewport_count, 0),
	WRONG(viewport_count, 17),
	{ "viewports[1]", AT(viewport_count), 2 },
	{ "viewports[1]", AT(viewports[1].width), 1 },
	{ "scissors[15]", AT(scissors[15].height), 1 },
	{ "scissors[0]", AT(scissors[0].x), UINT32_MAX },
	{ "scissors[0]", AT(scissors[0].y), UINT32_MAX },
	{ "scissors[0]", AT(scissors[0].width), 0x80000000 },
	{ "scissors[0]", AT(scissors[0].height), 0x80000000 },
	WRONG(depth_clamp, 2),
	WRONG(rasterizer_discard, 2),
	WRONG(polygon_mode, 3),
	WRONG(cull_mode, 4),
	WRONG(front_face, 2),
	WRONG(depth_bias, 2),
	WRONG(samples, 0),
	WRONG(samples, 2),
	WRONG(samples, 8),
	WRONG(sample_shading, 2),
	WRONG(alpha_to_coverage, 2),
	WRONG(alpha_to_one, 2),
	WRONG(depth_test, 2),
	WRONG(depth_write, 2),
	WRONG(depth_compare_op, 8),
	WRONG(depth_bounds_test, 1),
	WRONG(stencil_test, 2),
	WRONG(front.fail_op, 8),
	WRONG(front.pass_op, 8),
	WRONG(front.depth_fail_op, 8),
	WRONG(front.compare_op, 8),
	WRONG(back.fail_op, 8),
	WRONG(back.pass_op, 8),
	WRONG(back.depth_fail_op, 8),
	WRONG(back.compare_op, 8),
	WRONG(logic_op_enable, 2),
	WRONG(logic_op, 16),
	WRONG(color_count, 9),
	WRONG(color_formats[0], PENSTOCK_VK_D16_UNORM),
	WRONG(color_formats[0], PENSTOCK_VK_BC7_SRGB_BLOCK),
	WRONG(color_formats[1], UINT32_MAX),
	{ "color_formats[2]", AT(color_formats[2]), PENSTOCK_VK_R8_UNORM },
	WRONG(blends[0].enable, 2),
	{ "blends[0].enable", AT(color_formats[0]), PENSTOCK_VK_R8G8B8A8_UINT },
	WRONG(blends[0].source_color, 19),
	WRONG(blends[0].destination_color, 19),
	WRONG(blends[0].color_op, 5),
	WRONG(blends[0].source_alpha, 19),
	WRONG(blends[0].destination_alpha, 19),
	WRONG(blends[0].alpha_op, 5),
	WRONG(blends[1].write_mask, 16),
	{ "blends[2]", AT(blends[2].write_mask), 15 },
	{ "color_count", AT(blends[0].source_color), PENSTOCK_VK_BLEND_FACTOR_SRC1_COLOR },
	WRONG(depth_format, PENSTOCK_VK_S8_UINT),
	WRONG(depth_format, PENSTOCK_VK_R32_SFLOAT),
	WRONG(depth_format, UINT32_MAX),
	WRONG(stencil_format, PENSTOCK_VK_D32_SFLOAT),
	WRONG(stencil_format, PENSTOCK_VK_S8_UINT), /* of another format than the depth */
	WRONG(view_mask, 0x40),
};

START_TEST(a_field_out_of_its_range_is_refused_by_name)
{
	const struct wrong *wrong = &wrongs[_i];

	good();
	memcpy((uint8_t *)&state + wrong->offset, &wrong->value, sizeof(wrong->value));
	refused(wrong->name);
}
END_TEST

static const struct {
	const char *name;
	uint32_t offset;
	float value;
} wrong_numbers[] = {
	{ "depth_bias_constant", AT(depth_bias_constant), INFINITY },
	{ "depth_bias_clamp", AT(depth_bias_clamp), NAN },
	{ "depth_bias_slope", AT(depth_bias_slope), -INFINITY },
	{ "line_width", AT(line_width), 1.0001f },
	{ "line_width", AT(line_width), NAN },
	{ "min_sample_shading", AT(min_sample_shading), 1.0001f },
	{ "min_sample_shading", AT(min_sample_shading), -0.0001f },
	{ "min_depth_bounds", AT(min_depth_bounds), -1 },
	{ "max_depth_bounds", AT(max_depth_bounds), 1.0001f },
	{ "blend_constants[0]", AT(blend_constants[0]), NAN },
	{ "blend_constants[3]", AT(blend_constants[3]), INFINITY },
	{ "viewports[0]", AT(viewports[0].x), -32769 },
	{ "viewports[0]", AT(viewports[0].x), 32760 },
	{ "viewports[0]", AT(viewports[0].x), NAN },
	{ "viewports[0]", AT(viewports[0].y), -32760 },
	{ "viewports[0]", AT(viewports[0].width), 0 },
	{ "viewports[0]", AT(viewports[0].width), 16385 },
	{ "viewports[0]", AT(viewports[0].width), NAN },
	{ "viewports[0]", AT(viewports[0].height), 0 },
	{ "viewports[0]", AT(viewports[0].height), -16385 },
	{ "viewports[0]", AT(viewports[0].height), NAN },
	{ "viewports[0]", AT(viewports[0].min_depth), -0.0001f },
	{ "viewports[0]", AT(viewports[0].max_depth), 1.0001f },
	{ "viewports[0]", AT(viewports[0].max_depth), NAN },
};

START_TEST(a_number_out_of_its_range_is_refused_by_name)
{
	memcpy((uint8_t *)&state + wrong_numbers[_i].offset, &wrong_numbers[_i].value,
	       sizeof(float));
	refused(wrong_numbers[_i].name);
}
END_TEST

/* What is dynamic is not said, so that one meaning has one state. */
static const struct {
	uint32_t dynamic;
	uint32_t offset;
	const char *name;
} dynamics[] = {
	{ PENSTOCK_DYNAMIC_VIEWPORT, AT(viewports[0].width), "viewports[0]" },
	{ PENSTOCK_DYNAMIC_SCISSOR, AT(scissors[0].width), "scissors[0]" },
	{ PENSTOCK_DYNAMIC_LINE_WIDTH, AT(line_width), "line_width" },
	{ PENSTOCK_DYNAMIC_DEPTH_BIAS, AT(depth_bias_slope), "depth_bias_slope" },
	{ PENSTOCK_DYNAMIC_BLEND_CONSTANTS, AT(blend_constants[2]), "blend_constants[2]" },
	{ PENSTOCK_DYNAMIC_DEPTH_BOUNDS, AT(max_depth_bounds), "max_depth_bounds" },
	{ PENSTOCK_DYNAMIC_STENCIL_COMPARE_MASK, AT(front.compare_mask), "front.compare_mask" },
	{ PENSTOCK_DYNAMIC_STENCIL_WRITE_MASK, AT(back.write_mask), "back.write_mask" },
	{ PENSTOCK_DYNAMIC_STENCIL_REFERENCE, AT(back.reference), "back.reference" },
	{ PENSTOCK_DYNAMIC_CULL_MODE, AT(cull_mode), "cull_mode" },
	{ PENSTOCK_DYNAMIC_FRONT_FACE, AT(front_face), "front_face" },
	{ PENSTOCK_DYNAMIC_VERTEX_STRIDE, AT(vertex_bindings[0].stride),
	  "vertex_bindings[0].stride" },
	{ PENSTOCK_DYNAMIC_DEPTH_TEST, AT(depth_test), "depth_test" },
	{ PENSTOCK_DYNAMIC_DEPTH_WRITE, AT(depth_write), "depth_write" },
	{ PENSTOCK_DYNAMIC_DEPTH_COMPARE, AT(depth_compare_op), "depth_compare_op" },
	{ PENSTOCK_DYNAMIC_DEPTH_BOUNDS_TEST, AT(depth_bounds_test), "depth_bounds_test" },
	{ PENSTOCK_DYNAMIC_STENCIL_TEST, AT(stencil_test), "stencil_test" },
	{ PENSTOCK_DYNAMIC_STENCIL_OP, AT(front.pass_op), "front.pass_op" },
	{ PENSTOCK_DYNAMIC_RASTERIZER_DISCARD, AT(rasterizer_discard), "rasterizer_discard" },
	{ PENSTOCK_DYNAMIC_DEPTH_BIAS_ENABLE, AT(depth_bias), "depth_bias" },
	{ PENSTOCK_DYNAMIC_PRIMITIVE_RESTART, AT(primitive_restart), "primitive_restart" },
};

START_TEST(what_is_dynamic_is_zero)
{
	const uint32_t one = 1, zero = 0;

	memset(&state.viewports[0], 0, sizeof(state.viewports[0]));
	memset(&state.scissors[0], 0, sizeof(state.scissors[0]));
	state.viewports[0] = (struct penstock_viewport){ 0, 0, 1, 1, 0, 0 };
	state.scissors[0] = (struct penstock_scissor){ 0, 0, 1, 1 };
	state.dynamic = dynamics[_i].dynamic;
	if ((state.dynamic & PENSTOCK_DYNAMIC_VIEWPORT) != 0) {
		memset(&state.viewports[0], 0, sizeof(state.viewports[0]));
	}
	if ((state.dynamic & PENSTOCK_DYNAMIC_SCISSOR) != 0) {
		memset(&state.scissors[0], 0, sizeof(state.scissors[0]));
	}
	memcpy((uint8_t *)&state + dynamics[_i].offset, &zero, sizeof(zero));
	good();
	memcpy((uint8_t *)&state + dynamics[_i].offset, &one, sizeof(one));
	refused(dynamics[_i].name);
}
END_TEST

START_TEST(a_dynamic_topology_says_its_class)
{
	state.topology = PENSTOCK_VK_LINE_STRIP;
	state.dynamic = PENSTOCK_DYNAMIC_TOPOLOGY;
	good();
	/* Whether it is a list is not known yet. */
	state.topology = PENSTOCK_VK_LINE_LIST;
	state.primitive_restart = 1;
	good();
	state.dynamic = 0;
	refused("primitive_restart");
}
END_TEST

START_TEST(bindings_and_locations_are_there_once)
{
	state.vertex_binding_count = 2;
	state.vertex_bindings[1] = state.vertex_bindings[0];
	refused("vertex_bindings[1].binding");
	state.vertex_bindings[1].binding = 0;
	good();
	state.vertex_attribute_count = 2;
	state.vertex_attributes[1] = state.vertex_attributes[0];
	refused("vertex_attributes[1].location");
	state.vertex_attributes[1].location = 0;
	good();
}
END_TEST

START_TEST(logical_operations_are_of_bits)
{
	static const struct {
		uint32_t format;
		bool good;
	} targets[] = {
		{ PENSTOCK_VK_R8G8B8A8_UNORM, true },
		{ PENSTOCK_VK_R32_UINT, true },
		{ PENSTOCK_VK_R16_SFLOAT, false },
		{ PENSTOCK_VK_B10G11R11_UFLOAT_PACK32, false },
		{ PENSTOCK_VK_R8G8B8A8_SRGB, false },
	};

	state.logic_op_enable = 1;
	state.blends[0].enable = 0;
	for (size_t i = 0; i < PENSTOCK_ARRAY_SIZE(targets); i++) {
		state.color_formats[0] = targets[i].format;
		if (targets[i].good) {
			good();
		} else {
			refused("logic_op_enable");
		}
	}
}
END_TEST

START_TEST(what_may_be_is_taken)
{
	penstock_graphics_state_default(&state);
	good();
	state.topology = PENSTOCK_VK_PATCH_LIST;
	state.patch_control_points = 32;
	good();
	penstock_graphics_state_default(&state);
	state.viewport_count = 16;
	state.samples = 4;
	state.sample_mask = 0;
	state.view_mask = 0x3f;
	state.stencil_format = PENSTOCK_VK_S8_UINT;
	good();
	state.color_count = 1;
	state.color_formats[0] = PENSTOCK_VK_R8G8B8A8_UNORM;
	ck_assert(!penstock_graphics_state_has_two_sources(&state));
	state.blends[0].destination_alpha = PENSTOCK_VK_BLEND_FACTOR_SRC1_COLOR + 3;
	ck_assert(!penstock_graphics_state_has_two_sources(&state)); /* it does not blend */
	state.blends[0].enable = 1;
	good();
	ck_assert(penstock_graphics_state_has_two_sources(&state));
}
END_TEST

/* Whatever stands in any word, it is judged; and what is taken is the same when it is judged again.
 */
START_TEST(any_word_of_any_field_is_judged)
{
	static const uint32_t values[] = { 1,          16,         0x3f800000, 0x7f800000,
					   0x7fc00000, 0x80000000, UINT32_MAX, 2048 };
	const struct penstock_graphics_state whole = state;
	uint32_t taken = 0;

	for (size_t word = 0; word < sizeof(state) / 4; word++) {
		for (size_t i = 0; i < PENSTOCK_ARRAY_SIZE(values); i++) {
			state = whole;
			memcpy((uint8_t *)&state + 4 * word, &values[i], 4);
			taken += penstock_graphics_state_valid(&state, NULL);
		}
	}
	/* masks, references, bias, blend constants and a few of each enumeration: no more */
	ck_assert_uint_gt(taken, 20);
	ck_assert_uint_lt(taken, 250);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("graphics_state");
	TCase *tcase = tcase_create("states");

	tcase_add_checked_fixture(tcase, set_up, tear_down);
	tcase_add_loop_test(tcase, a_field_out_of_its_range_is_refused_by_name, 0,
			    (int)PENSTOCK_ARRAY_SIZE(wrongs));
	tcase_add_loop_test(tcase, a_number_out_of_its_range_is_refused_by_name, 0,
			    (int)PENSTOCK_ARRAY_SIZE(wrong_numbers));
	tcase_add_loop_test(tcase, what_is_dynamic_is_zero, 0, (int)PENSTOCK_ARRAY_SIZE(dynamics));
	tcase_add_test(tcase, a_dynamic_topology_says_its_class);
	tcase_add_test(tcase, bindings_and_locations_are_there_once);
	tcase_add_test(tcase, logical_operations_are_of_bits);
	tcase_add_test(tcase, what_may_be_is_taken);
	tcase_add_test(tcase, any_word_of_any_field_is_judged);
	suite_add_tcase(suite, tcase);
	return penstock_test_main(suite);
}
