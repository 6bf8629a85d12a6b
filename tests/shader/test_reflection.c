/* SPDX-License-Identifier: MIT */
/* The range checks of a reflection: each field, one at a time, of one that is good. */
#include "config.h"

#include "gpu-backend/shader/reflection.h"
#include "tests/harness.h"

#include <spirv.h>
#include <string.h>

/* With something everywhere. */
static const struct penstock_shader_reflection good = {
	.stage = PENSTOCK_SHADER_COMPUTE,
	.flags = PENSTOCK_SHADER_ALL_FLAGS,
	.entry_point = "main",
	.workgroup_size = { 8, 8, 16 },
	.shared_bytes = PENSTOCK_LIMIT_SHADER_SHARED_BYTES,
	.push_offset = 4,
	.push_bytes = PENSTOCK_LIMIT_PUSH_CONSTANT_BYTES - 4,
	.binding_count = 3,
	.input_count = 2,
	.output_count = 1,
	.bindings = { { .kind = PENSTOCK_BINDING_STORAGE_BUFFER,
			.count = 1,
			.flags = PENSTOCK_BINDING_READ,
			.minimum_bytes = 4 },
		      { .set = PENSTOCK_LIMIT_DESCRIPTOR_SETS - 1,
			.binding = 3,
			.kind = PENSTOCK_BINDING_STORAGE_IMAGE,
			.count = PENSTOCK_LIMIT_SHADER_DESCRIPTORS,
			.flags = PENSTOCK_BINDING_WRITTEN | PENSTOCK_BINDING_ARRAYED,
			.dimension = SpvDim2D,
			.format = SpvImageFormatRgba8,
			.number = PENSTOCK_NUMBER_FLOAT },
		      { .set = PENSTOCK_LIMIT_DESCRIPTOR_SETS - 1,
			.binding = PENSTOCK_LIMIT_BINDING_NUMBER - 1,
			.kind = PENSTOCK_BINDING_SAMPLER,
			.count = 1,
			.flags = PENSTOCK_BINDING_READ } },
	.inputs = { { .location = 0, .components = 4, .number = PENSTOCK_NUMBER_FLOAT, .bits = 32 },
		    { .location = PENSTOCK_LIMIT_SHADER_LOCATIONS - 1,
		      .component = 2,
		      .components = 1,
		      .number = PENSTOCK_NUMBER_SIGNED,
		      .bits = 64 } },
	.outputs = { { .location = 1,
		       .components = 1,
		       .number = PENSTOCK_NUMBER_UNSIGNED,
		       .bits = 16,
		       .index = 1 } },
};

#define FIELD(name)      offsetof(struct penstock_shader_reflection, name)
#define BUFFER(name)     FIELD(bindings) + offsetof(struct penstock_shader_binding, name)
#define IMAGE(name)      BUFFER(name) + sizeof(struct penstock_shader_binding)
#define SAMPLER(name)    IMAGE(name) + sizeof(struct penstock_shader_binding)
#define INPUT(name)      FIELD(inputs) + offsetof(struct penstock_shader_slot, name)
#define LAST_INPUT(name) INPUT(name) + sizeof(struct penstock_shader_slot)
#define OUTPUT(name)     FIELD(outputs) + offsetof(struct penstock_shader_slot, name)

static const struct {
	size_t offset;
	uint32_t value;
} bad[] = {
	{ FIELD(stage), PENSTOCK_SHADER_STAGES },
	{ FIELD(stage), PENSTOCK_SHADER_FRAGMENT }, /* which has no workgroup */
	{ FIELD(flags), PENSTOCK_SHADER_ALL_FLAGS + 1 },
	{ FIELD(entry_point) + 8, 'a' }, /* behind its end */
	{ FIELD(workgroup_size[0]), 0 },
	{ FIELD(workgroup_size[1]), 9 },
	{ FIELD(workgroup_size[2]), 0x80000000 },
	{ FIELD(shared_bytes), PENSTOCK_LIMIT_SHADER_SHARED_BYTES + 1 },
	{ FIELD(push_offset), 8 },
	{ FIELD(push_offset), 2 },
	{ FIELD(push_offset), 0xfffffffc },
	{ FIELD(push_bytes), PENSTOCK_LIMIT_PUSH_CONSTANT_BYTES },
	{ FIELD(push_bytes), 3 },
	{ FIELD(push_bytes), 0 },
	{ FIELD(input_mode), SpvExecutionModeTriangles },
	{ FIELD(output_mode), SpvExecutionModeOutputPoints },
	{ FIELD(output_vertices), 1 },
	{ FIELD(invocations), 1 },
	{ FIELD(binding_count), PENSTOCK_LIMIT_SHADER_BINDINGS + 1 },
	{ FIELD(binding_count), UINT32_MAX },
	{ FIELD(binding_count), 4 }, /* there is nothing in the fourth */
	{ FIELD(input_count), PENSTOCK_LIMIT_SHADER_SLOTS + 1 },
	{ FIELD(input_count), 3 },
	{ FIELD(output_count), UINT32_MAX },
	{ BUFFER(set), PENSTOCK_LIMIT_DESCRIPTOR_SETS },
	{ BUFFER(binding), PENSTOCK_LIMIT_BINDING_NUMBER },
	{ BUFFER(kind), PENSTOCK_BINDING_KINDS },
	{ BUFFER(count), 0 },
	{ BUFFER(count), PENSTOCK_LIMIT_SHADER_DESCRIPTORS + 1 },
	{ BUFFER(flags), PENSTOCK_BINDING_ALL_FLAGS + 1 },
	{ BUFFER(flags), PENSTOCK_BINDING_ARRAYED },
	{ BUFFER(minimum_bytes), 0 },
	{ BUFFER(dimension), SpvDim2D },
	{ BUFFER(format), 1 },
	{ BUFFER(number), PENSTOCK_NUMBER_FLOAT },
	{ BUFFER(attachment_index), 1 },
	{ IMAGE(minimum_bytes), 4 },
	{ IMAGE(stride_bytes), 4 },
	{ IMAGE(dimension), SpvDimSubpassData + 1 },
	{ IMAGE(dimension), SpvDimSubpassData },
	{ IMAGE(dimension), SpvDimBuffer },
	{ IMAGE(format), SpvImageFormatR64i + 1 },
	{ IMAGE(number), PENSTOCK_NUMBER_NONE },
	{ IMAGE(number), PENSTOCK_NUMBERS },
	{ IMAGE(attachment_index), 1 },
	{ SAMPLER(binding), 2 }, /* before the image's */
	{ SAMPLER(flags), PENSTOCK_BINDING_WRITTEN },
	{ INPUT(location), PENSTOCK_LIMIT_SHADER_LOCATIONS },
	{ INPUT(component), 1 },
	{ INPUT(component), 4 },
	{ INPUT(component), 0xfffffffc },
	{ INPUT(components), 0 },
	{ INPUT(components), 5 },
	{ INPUT(components), 0x40000001 },
	{ INPUT(number), PENSTOCK_NUMBER_NONE },
	{ INPUT(number), PENSTOCK_NUMBERS },
	{ INPUT(bits), 0 },
	{ INPUT(bits), 33 },
	{ INPUT(bits), 64 },
	{ INPUT(index), 2 },
	{ INPUT(flags), PENSTOCK_SLOT_ALL_FLAGS + 1 },
	{ LAST_INPUT(components), 2 },
	{ LAST_INPUT(location), UINT32_MAX },
	{ OUTPUT(location), PENSTOCK_LIMIT_SHADER_LOCATIONS },
	{ OUTPUT(bits), 8 },
};

START_TEST(a_reflection_with_one_field_out_of_its_range_is_not_valid)
{
	struct penstock_shader_reflection reflection = good;

	ck_assert(penstock_reflection_valid(&reflection));
	memcpy((char *)&reflection + bad[_i].offset, &bad[_i].value, sizeof(bad[_i].value));
	ck_assert(!penstock_reflection_valid(&reflection));
}
END_TEST

START_TEST(an_entry_points_name_has_an_end)
{
	struct penstock_shader_reflection reflection = good;

	memset(reflection.entry_point, 'a', sizeof(reflection.entry_point));
	ck_assert(!penstock_reflection_valid(&reflection));
	reflection.entry_point[sizeof(reflection.entry_point) - 1] = '\0';
	ck_assert(penstock_reflection_valid(&reflection));
}
END_TEST

START_TEST(a_fragment_has_as_many_outputs_as_there_are_targets)
{
	struct penstock_shader_reflection reflection = {
		.stage = PENSTOCK_SHADER_FRAGMENT,
		.entry_point = "main",
		.output_count = 1,
		.outputs = { { .location = PENSTOCK_LIMIT_SHADER_TARGETS - 1,
			       .components = 4,
			       .number = PENSTOCK_NUMBER_FLOAT,
			       .bits = 32 } },
	};

	ck_assert(penstock_reflection_valid(&reflection));
	reflection.outputs[0].location++;
	ck_assert(!penstock_reflection_valid(&reflection));
	reflection.stage = PENSTOCK_SHADER_VERTEX;
	ck_assert(penstock_reflection_valid(&reflection));
}
END_TEST

/* stage, modes, vertices, invocations */
static const struct {
	uint32_t stage, input_mode, output_mode, output_vertices, invocations;
	bool is_valid;
} modes[] = {
	{ PENSTOCK_SHADER_GEOMETRY, SpvExecutionModeTriangles, SpvExecutionModeOutputTriangleStrip,
	  PENSTOCK_LIMIT_SHADER_EMITTED, PENSTOCK_LIMIT_SHADER_INVOCATIONS, true },
	{ PENSTOCK_SHADER_GEOMETRY, 0, SpvExecutionModeOutputTriangleStrip, 1, 1, false },
	{ PENSTOCK_SHADER_GEOMETRY, SpvExecutionModeQuads, SpvExecutionModeOutputTriangleStrip, 1,
	  1, false },
	{ PENSTOCK_SHADER_GEOMETRY, SpvExecutionModeTriangles, 0, 1, 1, false },
	{ PENSTOCK_SHADER_GEOMETRY, SpvExecutionModeTriangles, SpvExecutionModeOutputPoints,
	  PENSTOCK_LIMIT_SHADER_EMITTED + 1, 1, false },
	{ PENSTOCK_SHADER_GEOMETRY, SpvExecutionModeTriangles, SpvExecutionModeOutputPoints, 1,
	  PENSTOCK_LIMIT_SHADER_INVOCATIONS + 1, false },
	{ PENSTOCK_SHADER_TESSELLATION_CONTROL, 0, 0, PENSTOCK_LIMIT_SHADER_PATCH, 0, true },
	{ PENSTOCK_SHADER_TESSELLATION_CONTROL, 0, 0, PENSTOCK_LIMIT_SHADER_PATCH + 1, 0, false },
	{ PENSTOCK_SHADER_TESSELLATION_EVALUATION, SpvExecutionModeIsolines, 0, 0, 0, true },
	{ PENSTOCK_SHADER_TESSELLATION_EVALUATION, SpvExecutionModeInputPoints, 0, 0, 0, false },
	{ PENSTOCK_SHADER_VERTEX, 0, 0, 0, 0, true },
	{ PENSTOCK_SHADER_VERTEX, 0, 0, 1, 0, false },
};

START_TEST(modes_belong_to_their_stages)
{
	struct penstock_shader_reflection reflection = {
		.stage = modes[_i].stage,
		.entry_point = "main",
		.input_mode = modes[_i].input_mode,
		.output_mode = modes[_i].output_mode,
		.output_vertices = modes[_i].output_vertices,
		.invocations = modes[_i].invocations,
	};

	ck_assert(penstock_reflection_valid(&reflection) == modes[_i].is_valid);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("reflection");
	TCase *tcase = tcase_create("reflection");

	tcase_add_loop_test(tcase, a_reflection_with_one_field_out_of_its_range_is_not_valid, 0,
			    (int)PENSTOCK_ARRAY_SIZE(bad));
	tcase_add_test(tcase, an_entry_points_name_has_an_end);
	tcase_add_test(tcase, a_fragment_has_as_many_outputs_as_there_are_targets);
	tcase_add_loop_test(tcase, modes_belong_to_their_stages, 0,
			    (int)PENSTOCK_ARRAY_SIZE(modes));
	suite_add_tcase(suite, tcase);
	return penstock_test_main(suite);
}
