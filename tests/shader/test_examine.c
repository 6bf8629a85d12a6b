/* SPDX-License-Identifier: MIT */
/* What penstock-shader makes of shaders, in the test's own process. */
#include "config.h"

#include "tests/harness.h"
#include "tests/shader/examined.h"

#include <spirv.h>
#include <stdio.h>
#include <string.h>

static void examine_file(struct examined *examined, const char *name,
			 enum penstock_shader_stage stage)
{
	examine(examined, module_load(name), stage, NULL, 0);
}

/* ---------------------------------------------------------------- bindings */

#define FLOATS     PENSTOCK_NUMBER_FLOAT
#define SIGNED     PENSTOCK_NUMBER_SIGNED
#define UNSIGNED   PENSTOCK_NUMBER_UNSIGNED
#define READ       PENSTOCK_BINDING_READ
#define WRITTEN    PENSTOCK_BINDING_WRITTEN
#define BOTH       (READ | WRITTEN)
#define KIND(name) PENSTOCK_BINDING_##name

/* set, binding, kind, count, flags, bytes, stride, dimension, format, number, attachment */
static const struct penstock_shader_binding of_add[] = {
	{ 0, 0, KIND(STORAGE_BUFFER), 1, READ, 4, 4, 0, 0, 0, 0 },
	{ 0, 1, KIND(STORAGE_BUFFER), 1, BOTH, 8, 4, 0, 0, 0, 0 },
	{ 1, 3, KIND(UNIFORM_BUFFER), 1, READ, 64, 0, 0, 0, 0, 0 },
};

static const struct penstock_shader_binding of_kinds[] = {
	{ 0, 0, KIND(UNIFORM_BUFFER), 1, READ, 64, 0, 0, 0, 0, 0 },
	{ 0, 1, KIND(STORAGE_BUFFER), 1, WRITTEN, 32, 16, 0, 0, 0, 0 },
	{ 0, 2, KIND(SAMPLED_IMAGE), 1, READ | PENSTOCK_BINDING_ARRAYED, 0, 0, SpvDim2D, 0, FLOATS,
	  0 },
	{ 0, 3, KIND(STORAGE_IMAGE), 1, BOTH, 0, 0, SpvDim2D, SpvImageFormatRgba8, FLOATS, 0 },
	{ 0, 4, KIND(SAMPLER), 1, READ, 0, 0, 0, 0, 0, 0 },
	{ 0, 5, KIND(COMBINED_IMAGE_SAMPLER), 3, READ, 0, 0, SpvDim2D, 0, FLOATS, 0 },
	{ 0, 6, KIND(UNIFORM_TEXEL_BUFFER), 1, READ, 0, 0, SpvDimBuffer, 0, UNSIGNED, 0 },
	{ 0, 7, KIND(STORAGE_TEXEL_BUFFER), 1, BOTH, 0, 0, SpvDimBuffer, SpvImageFormatR32i, SIGNED,
	  0 },
	{ 1, 0, KIND(STORAGE_IMAGE), 1, WRITTEN, 0, 0, SpvDim3D, 0, FLOATS, 0 },
	{ 1, 1, KIND(SAMPLED_IMAGE), 1, READ | PENSTOCK_BINDING_MULTI, 0, 0, SpvDim2D, 0, SIGNED,
	  0 },
	{ 1, 2, KIND(COMBINED_IMAGE_SAMPLER), 1, READ | PENSTOCK_BINDING_DEPTH, 0, 0, SpvDimCube, 0,
	  FLOATS, 0 },
};

static const struct penstock_shader_binding of_fragment[] = {
	{ 0, 0, KIND(COMBINED_IMAGE_SAMPLER), 1, READ, 0, 0, SpvDim2D, 0, FLOATS, 0 },
	{ 0, 1, KIND(INPUT_ATTACHMENT), 1, READ, 0, 0, SpvDimSubpassData, 0, FLOATS, 2 },
};

static const struct {
	const char *name;
	enum penstock_shader_stage stage;
	const struct penstock_shader_binding *bindings;
	uint32_t count;
} bound[] = {
	{ "add.comp", PENSTOCK_SHADER_COMPUTE, of_add, PENSTOCK_ARRAY_SIZE(of_add) },
	{ "kinds.comp", PENSTOCK_SHADER_COMPUTE, of_kinds, PENSTOCK_ARRAY_SIZE(of_kinds) },
	{ "model.frag", PENSTOCK_SHADER_FRAGMENT, of_fragment, PENSTOCK_ARRAY_SIZE(of_fragment) },
	{ "lines.geom", PENSTOCK_SHADER_GEOMETRY, NULL, 0 },
};

START_TEST(reflection_names_each_binding_that_is_used)
{
	const struct penstock_shader_reflection *reflection;
	struct examined examined;

	examine_file(&examined, bound[_i].name, bound[_i].stage);
	reflection = examined_taken(&examined);
	ck_assert_uint_eq(reflection->binding_count, bound[_i].count);
	for (uint32_t i = 0; i < bound[_i].count; i++) {
		const uint32_t *is = (const uint32_t *)&reflection->bindings[i];
		const uint32_t *expected = (const uint32_t *)&bound[_i].bindings[i];

		for (size_t j = 0; j < sizeof(bound[_i].bindings[i]) / sizeof(*is); j++) {
			ck_assert_msg(is[j] == expected[j], "binding %u, field %zu: %u, not %u", i,
				      j, is[j], expected[j]);
		}
	}
	examined_finish(&examined);
}
END_TEST

/* ---------------------------------------------------------------- the rest of a reflection */

START_TEST(reflection_of_a_compute_stage)
{
	const struct penstock_shader_reflection *reflection;
	struct examined examined;

	examine_file(&examined, "add.comp", PENSTOCK_SHADER_COMPUTE);
	reflection = examined_taken(&examined);
	ck_assert_uint_eq(reflection->stage, PENSTOCK_SHADER_COMPUTE);
	ck_assert_str_eq(reflection->entry_point, "main");
	ck_assert_uint_eq(reflection->flags, PENSTOCK_SHADER_WRITES_MEMORY);
	ck_assert_uint_eq(reflection->workgroup_size[0], 64);
	ck_assert_uint_eq(reflection->workgroup_size[1], 1);
	ck_assert_uint_eq(reflection->workgroup_size[2], 1);
	ck_assert_uint_eq(reflection->shared_bytes, 0);
	ck_assert_uint_eq(reflection->push_offset, 8);
	ck_assert_uint_eq(reflection->push_bytes, 8);
	ck_assert_uint_eq(reflection->input_count + reflection->output_count, 0);
	examined_finish(&examined);
}
END_TEST

/* location, component, components, number, bits, index, flags */
static const struct penstock_shader_slot vertex_inputs[] = {
	{ 0, 0, 3, FLOATS, 32, 0, 0 }, { 1, 0, 2, FLOATS, 32, 0, 0 }, { 2, 0, 3, FLOATS, 32, 0, 0 },
	{ 3, 0, 3, FLOATS, 32, 0, 0 }, { 4, 0, 3, FLOATS, 32, 0, 0 },
};
static const struct penstock_shader_slot vertex_outputs[] = {
	{ 0, 0, 2, FLOATS, 32, 0, 0 },
	{ 1, 0, 3, UNSIGNED, 32, 0, PENSTOCK_SLOT_FLAT },
	{ 2, 0, 4, FLOATS, 32, 0, 0 },
};
static const struct penstock_shader_slot fragment_inputs[] = {
	{ 0, 0, 2, FLOATS, 32, 0, 0 },
	{ 1, 0, 3, UNSIGNED, 32, 0, PENSTOCK_SLOT_FLAT },
};
static const struct penstock_shader_slot fragment_outputs[] = {
	{ 0, 0, 4, FLOATS, 32, 0, 0 },
	{ 1, 0, 2, UNSIGNED, 32, 0, 0 },
};
static const struct penstock_shader_slot control_inputs[] = {
	{ 0, 0, 4, FLOATS, 32, 0, PENSTOCK_SLOT_PER_VERTEX },
};
static const struct penstock_shader_slot control_outputs[] = {
	{ 0, 0, 4, FLOATS, 32, 0, PENSTOCK_SLOT_PER_VERTEX },
	{ 1, 0, 2, FLOATS, 32, 0, PENSTOCK_SLOT_PATCH },
};
static const struct penstock_shader_slot evaluation_outputs[] = {
	{ 0, 0, 2, FLOATS, 32, 0, 0 },
};
static const struct penstock_shader_slot geometry_inputs[] = {
	{ 0, 0, 2, FLOATS, 32, 0, PENSTOCK_SLOT_PER_VERTEX },
};

#define SLOTS(table) table, PENSTOCK_ARRAY_SIZE(table)

static const struct {
	const char *name;
	enum penstock_shader_stage stage;
	const struct penstock_shader_slot *inputs;
	uint32_t input_count;
	const struct penstock_shader_slot *outputs;
	uint32_t output_count;
	uint32_t flags, input_mode, output_mode, output_vertices, invocations, push_bytes;
} staged[] = {
	{ "model.vert", PENSTOCK_SHADER_VERTEX, SLOTS(vertex_inputs), SLOTS(vertex_outputs),
	  PENSTOCK_SHADER_WRITES_POSITION, 0, 0, 0, 0, 64 },
	{ "model.frag", PENSTOCK_SHADER_FRAGMENT, SLOTS(fragment_inputs), SLOTS(fragment_outputs),
	  PENSTOCK_SHADER_DISCARDS | PENSTOCK_SHADER_WRITES_DEPTH | PENSTOCK_SHADER_DERIVATIVES, 0,
	  0, 0, 0, 0 },
	{ "patch.tesc", PENSTOCK_SHADER_TESSELLATION_CONTROL, SLOTS(control_inputs),
	  SLOTS(control_outputs), 0, 0, 0, 3, 0, 0 },
	{ "patch.tese", PENSTOCK_SHADER_TESSELLATION_EVALUATION, SLOTS(control_outputs),
	  SLOTS(evaluation_outputs), PENSTOCK_SHADER_WRITES_POSITION, SpvExecutionModeTriangles, 0,
	  0, 0, 0 },
	{ "points.tese", PENSTOCK_SHADER_TESSELLATION_EVALUATION, SLOTS(control_outputs),
	  SLOTS(evaluation_outputs), PENSTOCK_SHADER_WRITES_POSITION | PENSTOCK_SHADER_POINT_MODE,
	  SpvExecutionModeIsolines, 0, 0, 0, 0 },
	{ "lines.geom", PENSTOCK_SHADER_GEOMETRY, SLOTS(geometry_inputs), SLOTS(evaluation_outputs),
	  PENSTOCK_SHADER_WRITES_POSITION | PENSTOCK_SHADER_WRITES_LAYER, SpvExecutionModeTriangles,
	  SpvExecutionModeOutputLineStrip, 6, 2, 0 },
};

static void compare_slots(const struct penstock_shader_slot *slots, uint32_t count,
			  const struct penstock_shader_slot *expected, uint32_t expected_count)
{
	ck_assert_uint_eq(count, expected_count);
	for (uint32_t i = 0; i < count; i++) {
		const uint32_t *is = (const uint32_t *)&slots[i];
		const uint32_t *should = (const uint32_t *)&expected[i];

		for (size_t j = 0; j < sizeof(slots[i]) / sizeof(*is); j++) {
			ck_assert_msg(is[j] == should[j], "slot %u, field %zu: %u, not %u", i, j,
				      is[j], should[j]);
		}
	}
}

START_TEST(reflection_says_who_counts_workgroups)
{
	struct examined examined;

	examine_file(&examined, "groups.comp", PENSTOCK_SHADER_COMPUTE);
	ck_assert_uint_eq(examined_taken(&examined)->flags,
			  PENSTOCK_SHADER_COUNTS_GROUPS | PENSTOCK_SHADER_WRITES_MEMORY);
	examined_finish(&examined);
	examine_file(&examined, "add.comp", PENSTOCK_SHADER_COMPUTE);
	ck_assert_uint_eq(examined_taken(&examined)->flags, PENSTOCK_SHADER_WRITES_MEMORY);
	examined_finish(&examined);
}
END_TEST

START_TEST(reflection_of_stages_of_graphics)
{
	const struct penstock_shader_reflection *reflection;
	struct examined examined;

	examine_file(&examined, staged[_i].name, staged[_i].stage);
	reflection = examined_taken(&examined);
	compare_slots(reflection->inputs, reflection->input_count, staged[_i].inputs,
		      staged[_i].input_count);
	compare_slots(reflection->outputs, reflection->output_count, staged[_i].outputs,
		      staged[_i].output_count);
	ck_assert_uint_eq(reflection->flags, staged[_i].flags);
	ck_assert_uint_eq(reflection->input_mode, staged[_i].input_mode);
	ck_assert_uint_eq(reflection->output_mode, staged[_i].output_mode);
	ck_assert_uint_eq(reflection->output_vertices, staged[_i].output_vertices);
	ck_assert_uint_eq(reflection->invocations, staged[_i].invocations);
	ck_assert_uint_eq(reflection->push_bytes, staged[_i].push_bytes);
	examined_finish(&examined);
}
END_TEST

/* ---------------------------------------------------------------- hardening */

static const struct penstock_shader_constant shared_constants[] = {
	{ 0, 4, 21 },
	{ 1, 4, 32 },
	{ 2, 4, 1 },
	{ 3, 8, 0x4008000000000000 },
};

/* The array is as long as the client chose, and the index is held inside of that. */
START_TEST(hardening_clamps_an_index_to_the_length_that_was_chosen)
{
	const struct penstock_shader_reflection *reflection;
	struct examined examined;

	examine(&examined, module_load("shared.comp"), PENSTOCK_SHADER_COMPUTE, shared_constants,
		PENSTOCK_ARRAY_SIZE(shared_constants));
	reflection = examined_taken(&examined);
	ck_assert_uint_eq(reflection->workgroup_size[0], 32);
	ck_assert_uint_eq(reflection->shared_bytes, 42 * 4);
	ck_assert(module_says(examined.words, examined.answer.word_count, "SClamp"));
	ck_assert(module_says(examined.words, examined.answer.word_count, " 41\n"));
	ck_assert(!module_says(examined.words, examined.answer.word_count, "OpSpecConstant"));
	ck_assert(!module_says(examined.words, examined.answer.word_count, "SpecId"));
	examined_finish(&examined);
}
END_TEST

START_TEST(hardening_takes_the_defaults_where_nothing_is_chosen)
{
	struct examined examined;

	examine_file(&examined, "shared.comp", PENSTOCK_SHADER_COMPUTE);
	ck_assert_uint_eq(examined_taken(&examined)->shared_bytes, 8 * 4);
	ck_assert(module_says(examined.words, examined.answer.word_count, " 7\n"));
	examined_finish(&examined);
}
END_TEST

/* ---------------------------------------------------------------- refusals */

static const struct {
	struct penstock_shader_constant constant;
	const char *sentence;
} oversized[] = {
	{ { 0, 4, 4097 }, "the variables of a workgroup take more than 32768 bytes" },
	{ { 0, 4, 0x20000000 }, "the variables of a workgroup take more than 32768 bytes" },
	{ { 1, 4, 1025 }, "a workgroup of 1025 x 1 x 1 is not one of 1 to 1024 invocations" },
	{ { 3, 4, 1 }, "specialisation constant 3 is of 8 bytes, and its value of 4" },
};

START_TEST(a_constant_that_makes_a_module_too_large_is_refused)
{
	struct examined examined;

	examine(&examined, module_load("shared.comp"), PENSTOCK_SHADER_COMPUTE,
		&oversized[_i].constant, 1);
	examined_refused(&examined, oversized[_i].sentence);
	examined_finish(&examined);
}
END_TEST

#define HEAD                                                                                       \
	"OpCapability Shader\nOpMemoryModel Logical GLSL450\n"                                     \
	"OpEntryPoint GLCompute %main \"main\"\nOpExecutionMode %main LocalSize 1 1 1\n"
#define TYPES                                                                                      \
	"%void = OpTypeVoid\n%f = OpTypeFunction %void\n%uint = OpTypeInt 32 0\n"                  \
	"%c0 = OpConstant %uint 0\n"
#define BODY "%main = OpFunction %void None %f\n%l = OpLabel\nOpReturn\nOpFunctionEnd\n"

static const struct {
	const char *text;
	const char *sentence;
	uint32_t word_offset;
} invalid[] = {
	/* The validator's own words, and the word where the instruction begins. */
	{ HEAD TYPES
	  "%main = OpFunction %void None %f\n%l = OpLabel\n%x = OpIAdd %uint %c0 %nowhere\n"
	  "OpReturn\nOpFunctionEnd\n",
	  "has not been defined", 41 },
	{ HEAD TYPES "%main = OpFunction %void None %f\n%l = OpLabel\nOpFunctionEnd\n",
	  "OpFunctionEnd", 41 },
	/* A null that a driver would make element by element. */
	{ HEAD TYPES "%many = OpConstant %uint 0x7fffffff\n%array = OpTypeArray %uint %many\n"
		     "%null = OpConstantNull %array\n" BODY,
	  "a value takes more than 65536 bytes", PENSTOCK_SHADER_NO_WORD },
};

START_TEST(an_invalid_module_is_refused_with_the_validators_words_and_the_word)
{
	struct examined examined;

	examine(&examined, module_assemble(invalid[_i].text), PENSTOCK_SHADER_COMPUTE, NULL, 0);
	examined_refused(&examined, invalid[_i].sentence);
	ck_assert_uint_eq(examined.answer.word_offset, invalid[_i].word_offset);
	examined_finish(&examined);
}
END_TEST

/* Each function calls the next one twice: few words, and many instructions in the end. */
START_TEST(functions_that_are_copied_too_often_are_refused)
{
	static char text[16384];
	int length = snprintf(text, sizeof(text), "%s", HEAD TYPES);
	struct examined examined;

	for (int i = 0; i < 20; i++) {
		length += snprintf(text + length, sizeof(text) - (size_t)length,
				   "%%f%d = OpFunction %%void None %%f\n%%l%d = OpLabel\n"
				   "%%a%d = OpFunctionCall %%void %%f%d\n"
				   "%%b%d = OpFunctionCall %%void %%f%d\n"
				   "OpReturn\nOpFunctionEnd\n",
				   i, i, i, i + 1, i, i + 1);
	}
	snprintf(text + length, sizeof(text) - (size_t)length,
		 "%%f20 = OpFunction %%void None %%f\n%%l20 = OpLabel\nOpReturn\nOpFunctionEnd\n"
		 "%%main = OpFunction %%void None %%f\n%%l = OpLabel\n"
		 "%%call = OpFunctionCall %%void %%f0\nOpReturn\nOpFunctionEnd\n");
	examine(&examined, module_assemble(text), PENSTOCK_SHADER_COMPUTE, NULL, 0);
	examined_refused(&examined, "with functions copied into their callers");
	examined_finish(&examined);
}
END_TEST

/* What a function has of memory counts as often as it is copied. */
START_TEST(variables_of_functions_count_with_each_call)
{
	static const char text[] =
		HEAD TYPES "%many = OpConstant %uint 16000\n%array = OpTypeArray %uint %many\n"
			   "%p = OpTypePointer Function %array\n"
			   "%g = OpFunction %void None %f\n%lg = OpLabel\n"
			   "%v = OpVariable %p Function\nOpReturn\nOpFunctionEnd\n"
			   "%main = OpFunction %void None %f\n%l = OpLabel\n";
	static const char end[] = "OpReturn\nOpFunctionEnd\n";
	static char whole[4096];
	struct examined examined;

	for (int calls = 4; calls <= 5; calls++) {
		int length = snprintf(whole, sizeof(whole), "%s", text);

		for (int i = 0; i < calls; i++) {
			length += snprintf(whole + length, sizeof(whole) - (size_t)length,
					   "%%call%d = OpFunctionCall %%void %%g\n", i);
		}
		snprintf(whole + length, sizeof(whole) - (size_t)length, "%s", end);
		examine(&examined, module_assemble(whole), PENSTOCK_SHADER_COMPUTE, NULL, 0);
		if (calls == 4) {
			examined_taken(&examined);
		} else {
			examined_refused(&examined, "variables of an invocation take more than");
		}
		examined_finish(&examined);
	}
}
END_TEST

START_TEST(more_clip_distances_than_there_are_are_refused)
{
	struct examined examined;

	examine_file(&examined, "clip.vert", PENSTOCK_SHADER_VERTEX);
	examined_taken(&examined);
	examined_finish(&examined);
	examine_file(&examined, "clip_too_many.vert", PENSTOCK_SHADER_VERTEX);
	examined_refused(&examined, "more than 8 clip and cull distances");
	examined_finish(&examined);
}
END_TEST

START_TEST(an_entry_point_that_is_not_there_is_refused)
{
	struct examined examined;

	examine_file(&examined, "model.vert", PENSTOCK_SHADER_FRAGMENT);
	examined_refused(&examined, "no entry point main of that stage");
	examined_finish(&examined);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("examine");
	TCase *tcase = tcase_create("examine");

	tcase_add_loop_test(tcase, reflection_names_each_binding_that_is_used, 0,
			    (int)PENSTOCK_ARRAY_SIZE(bound));
	tcase_add_test(tcase, reflection_of_a_compute_stage);
	tcase_add_test(tcase, reflection_says_who_counts_workgroups);
	tcase_add_loop_test(tcase, reflection_of_stages_of_graphics, 0,
			    (int)PENSTOCK_ARRAY_SIZE(staged));
	tcase_add_test(tcase, hardening_clamps_an_index_to_the_length_that_was_chosen);
	tcase_add_test(tcase, hardening_takes_the_defaults_where_nothing_is_chosen);
	tcase_add_loop_test(tcase, a_constant_that_makes_a_module_too_large_is_refused, 0,
			    (int)PENSTOCK_ARRAY_SIZE(oversized));
	tcase_add_loop_test(tcase,
			    an_invalid_module_is_refused_with_the_validators_words_and_the_word, 0,
			    (int)PENSTOCK_ARRAY_SIZE(invalid));
	tcase_add_test(tcase, functions_that_are_copied_too_often_are_refused);
	tcase_add_test(tcase, variables_of_functions_count_with_each_call);
	tcase_add_test(tcase, more_clip_distances_than_there_are_are_refused);
	tcase_add_test(tcase, an_entry_point_that_is_not_there_is_refused);
	suite_add_tcase(suite, tcase);
	return penstock_test_main(suite);
}
