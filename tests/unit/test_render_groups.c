/* SPDX-License-Identifier: MIT */
/* Groups: what a draw or a dispatch is given, against what the shaders of its pipeline use. */
#include "gpu-backend/dma.h"
#include "gpu-backend/pipeline.h"
#include "proto/wire/limits.h"
#include "daemon/render/crumbs.h"
#include "tests/harness.h"
#include "tests/support/render_fixture.h"

#include <stdlib.h>
#include <string.h>

static struct penstock_fixture fixture;
static uint8_t command[288u << 10];

/* Where the instructions of the fixture's group stand. */
enum {
	FIRST_BIND = 0,
	PIPELINE = FIRST_BIND + PENSTOCK_BYTES_BIND_BUFFER_WRITE,
	UNIFORM = PIPELINE + PENSTOCK_BYTES_BIND_PIPELINE,
	CONSTANTS = UNIFORM + PENSTOCK_BYTES_BIND_BUFFER,
	SECOND_BIND = CONSTANTS + PENSTOCK_BYTES_PUSH_CONSTANTS + 8,
	DISPATCH = SECOND_BIND + PENSTOCK_BYTES_BIND_BUFFER_WRITE,
	GROUP = DISPATCH + PENSTOCK_BYTES_DISPATCH,
};

static void setup(void)
{
	penstock_fixture_init(&fixture);
	fixture.args.caps.pipelines = true;
	ck_assert_uint_eq(penstock_fixture_alone(PENSTOCK_INSTRUCTION_DISPATCH, command), GROUP);
}

static void expect(uint32_t length, enum penstock_status status)
{
	enum penstock_status got = penstock_fixture_render(&fixture, command, length);

	ck_assert_msg(got == status, "%s, not %s: %s", penstock_status_name(got),
		      penstock_status_name(status), fixture.refusal.sentence);
}

static void expect_refusal(uint32_t length, enum penstock_status status, uint32_t byte_offset,
			   const char *operand, const char *says)
{
	expect(length, status);
	ck_assert_uint_eq(fixture.refusal.byte_offset, byte_offset);
	ck_assert_str_eq(fixture.refusal.operand, operand);
	ck_assert_msg(strstr(fixture.refusal.sentence, says) != NULL, "\"%s\" does not say \"%s\"",
		      fixture.refusal.sentence, says);
}

/* Takes `bytes` bytes at `at` out of a command buffer. */
static uint32_t without(uint32_t length, uint32_t at, uint32_t bytes)
{
	memmove(command + at, command + at + bytes, length - at - bytes);
	return length - bytes;
}

START_TEST(A6_a_group_becomes_its_instructions_with_one_split_point)
{
	static const uint32_t sites[] = { PENSTOCK_DMA_BIND_BUFFER_address, 32 + 8, 32 + 16 + 16,
					  32 + 16 + 32 + 16 + 16 };
	uint32_t first = penstock_fixture_valid(PENSTOCK_INSTRUCTION_MARKER, command);

	(void)penstock_fixture_alone(PENSTOCK_INSTRUCTION_DISPATCH, command + first);
	expect(first + GROUP, PENSTOCK_STATUS_SUCCESS);
	ck_assert_uint_eq(fixture.args.patch_count, PENSTOCK_ARRAY_SIZE(sites));
	for (uint32_t i = 0; i < PENSTOCK_ARRAY_SIZE(sites); i++) {
		ck_assert_uint_eq(fixture.patches[i].split_offset, 8);
		ck_assert_uint_eq(fixture.patches[i].patch_offset, 8 + sites[i]);
		ck_assert_uint_eq(fixture.patches[i].slot_id, 0);
	}
	ck_assert_uint_eq(penstock_load64(fixture.dma + 8 + 16),
			  fixture.list[PENSTOCK_FIXTURE_BUFFER].address + 0x100);
	ck_assert_uint_ge(fixture.args.work_bytes, PENSTOCK_WORK_UNKNOWN);
}
END_TEST

START_TEST(A6_the_size_of_a_uniform_range_is_rounded_down_and_no_other)
{
	expect(GROUP, PENSTOCK_STATUS_SUCCESS);
	ck_assert_uint_eq(penstock_load64(fixture.dma + 32 + 16 + 24), 0x40); /* 0x42 */
	ck_assert_uint_eq(penstock_load64(fixture.dma + 24), 0x101);
}
END_TEST

START_TEST(A6_a_group_stands_alone)
{
	static const struct {
		uint32_t at;
		enum penstock_instruction_id id;
	} strangers[] = { { PIPELINE, PENSTOCK_INSTRUCTION_NOP },
			  { UNIFORM, PENSTOCK_INSTRUCTION_COPY },
			  { DISPATCH, PENSTOCK_INSTRUCTION_FILL },
			  { DISPATCH, PENSTOCK_INSTRUCTION_MARKER } };

	for (uint32_t i = 0; i < PENSTOCK_ARRAY_SIZE(strangers); i++) {
		uint8_t stranger[PENSTOCK_FIXTURE_INSTRUCTION_BYTES];
		uint32_t bytes = penstock_fixture_valid(strangers[i].id, stranger);

		setup();
		memmove(command + strangers[i].at + bytes, command + strangers[i].at,
			GROUP - strangers[i].at);
		memcpy(command + strangers[i].at, stranger, bytes);
		expect_refusal(GROUP + bytes, PENSTOCK_STATUS_ILLEGAL_INSTRUCTION, strangers[i].at,
			       "", "inside the group that begins at byte 0x0");
	}
}
END_TEST

START_TEST(A6_a_group_ends_with_its_draw_and_is_not_left_open)
{
	uint32_t length =
		GROUP + penstock_fixture_alone(PENSTOCK_INSTRUCTION_DISPATCH, command + GROUP);

	expect(length, PENSTOCK_STATUS_SUCCESS);
	ck_assert_uint_eq(fixture.patches[4].split_offset, fixture.args.dma_length / 2);
	expect_refusal(length - PENSTOCK_BYTES_DISPATCH, PENSTOCK_STATUS_INVALID_PARAMETER, GROUP,
		       "", "has no dispatch or transfer");
	/* Nothing of the first is the second's. */
	length = GROUP + penstock_fixture_valid(PENSTOCK_INSTRUCTION_DISPATCH, command + GROUP);
	expect_refusal(length, PENSTOCK_STATUS_INVALID_PARAMETER, GROUP, "pipeline",
		       "has no pipeline");
}
END_TEST

START_TEST(A6_an_adapter_without_pipelines_says_so)
{
	fixture.args.caps.pipelines = false;
	expect_refusal(GROUP, PENSTOCK_STATUS_ILLEGAL_INSTRUCTION, 0, "", "has no pipelines");
	fixture.args.caps.pipelines = true;
	fixture.args.caps.node_ordinal = 1;
	expect_refusal(GROUP, PENSTOCK_STATUS_ILLEGAL_INSTRUCTION, 0, "", "the node");
}
END_TEST

START_TEST(A6_a_dispatch_needs_a_compute_pipeline)
{
	struct penstock_render_pipeline graphics =
		*fixture.list[PENSTOCK_FIXTURE_PIPELINE].pipeline;
	uint32_t length = without(GROUP, PIPELINE, PENSTOCK_BYTES_BIND_PIPELINE);

	expect_refusal(length, PENSTOCK_STATUS_INVALID_PARAMETER,
		       DISPATCH - PENSTOCK_BYTES_BIND_PIPELINE, "pipeline", "has no pipeline");
	setup();
	penstock_store16(command + PIPELINE + 4, PENSTOCK_FIXTURE_BUFFER);
	expect_refusal(GROUP, PENSTOCK_STATUS_INVALID_PARAMETER, PIPELINE, "pipeline",
		       "is no pipeline");
	penstock_store16(command + PIPELINE + 4, PENSTOCK_FIXTURE_NULL);
	expect_refusal(GROUP, PENSTOCK_STATUS_INVALID_HANDLE, PIPELINE, "pipeline", "NULL element");
	penstock_store16(command + PIPELINE + 4, PENSTOCK_FIXTURE_COUNT);
	expect_refusal(GROUP, PENSTOCK_STATUS_INVALID_HANDLE, PIPELINE, "pipeline", "index");
	setup();
	graphics.kind = PENSTOCK_PIPELINE_GRAPHICS;
	fixture.list[PENSTOCK_FIXTURE_PIPELINE].pipeline = &graphics;
	expect_refusal(GROUP, PENSTOCK_STATUS_INVALID_PARAMETER, DISPATCH, "pipeline",
		       "another kind");
	setup();
	memmove(command + 8, command, GROUP);
	penstock_fixture_valid(PENSTOCK_INSTRUCTION_BIND_PIPELINE, command);
	expect_refusal(GROUP + 8, PENSTOCK_STATUS_INVALID_PARAMETER, PIPELINE + 8, "pipeline",
		       "a second pipeline");
}
END_TEST

/* One field of a good group changed. */
static const struct {
	uint32_t instruction;
	uint32_t field;
	uint64_t value;
	uint32_t width;
	enum penstock_status status;
	uint32_t byte_offset;
	const char *operand;
	const char *says;
} wrongs[] = {
	/* the range by itself */
	{ UNIFORM, PENSTOCK_OPERAND_BIND_BUFFER_size, 0, 8, PENSTOCK_STATUS_INVALID_PARAMETER,
	  UNIFORM, "size", "at least one" },
	{ UNIFORM, PENSTOCK_OPERAND_BIND_BUFFER_size, 0x1FC1, 8, PENSTOCK_STATUS_INVALID_PARAMETER,
	  UNIFORM, "size", "inside allocation" },
	{ UNIFORM, PENSTOCK_OPERAND_BIND_BUFFER_offset, UINT64_MAX - 15, 8,
	  PENSTOCK_STATUS_INVALID_PARAMETER, UNIFORM, "size", "inside allocation" },
	{ UNIFORM, PENSTOCK_OPERAND_BIND_BUFFER_offset, 8, 8, PENSTOCK_STATUS_INVALID_PARAMETER,
	  UNIFORM, "offset", "no multiple of 16" },
	{ UNIFORM, PENSTOCK_OPERAND_BIND_BUFFER_allocation, PENSTOCK_FIXTURE_NULL, 2,
	  PENSTOCK_STATUS_INVALID_HANDLE, UNIFORM, "allocation", "NULL element" },
	{ FIRST_BIND, PENSTOCK_OPERAND_BIND_BUFFER_WRITE_allocation, PENSTOCK_FIXTURE_READ_ONLY, 2,
	  PENSTOCK_STATUS_INVALID_PARAMETER, FIRST_BIND, "allocation", "without WriteOperation" },
	{ CONSTANTS, PENSTOCK_OPERAND_PUSH_CONSTANTS_offset, 124, 4,
	  PENSTOCK_STATUS_INVALID_PARAMETER, CONSTANTS, "offset", "all of them among 128" },
	{ CONSTANTS, PENSTOCK_OPERAND_PUSH_CONSTANTS_offset, 2, 4,
	  PENSTOCK_STATUS_INVALID_PARAMETER, CONSTANTS, "offset", "a multiple of 4" },
	/* against the pipeline */
	{ UNIFORM, PENSTOCK_OPERAND_BIND_BUFFER_size, 63, 8, PENSTOCK_STATUS_INVALID_PARAMETER,
	  UNIFORM, "size", "set 0, binding 0, element 0 of the pipeline needs 0x40 bytes" },
	{ SECOND_BIND, PENSTOCK_OPERAND_BIND_BUFFER_size, 255, 8, PENSTOCK_STATUS_INVALID_PARAMETER,
	  SECOND_BIND, "size", "set 1, binding 2, element 1 of the pipeline needs 0x100 bytes" },
	{ UNIFORM, PENSTOCK_OPERAND_BIND_BUFFER_binding, 1, 4, PENSTOCK_STATUS_INVALID_PARAMETER,
	  DISPATCH, "", "set 0, binding 0, element 0 of the pipeline is not bound" },
	{ SECOND_BIND, PENSTOCK_OPERAND_BIND_BUFFER_element, 2, 4,
	  PENSTOCK_STATUS_INVALID_PARAMETER, DISPATCH, "",
	  "set 1, binding 2, element 1 of the pipeline is not bound" },
	{ SECOND_BIND, PENSTOCK_OPERAND_BIND_BUFFER_element, 0, 4,
	  PENSTOCK_STATUS_INVALID_PARAMETER, SECOND_BIND, "binding", "is bound twice" },
	/* the dispatch */
	{ DISPATCH, PENSTOCK_OPERAND_DISPATCH_groups_y, 65536, 4, PENSTOCK_STATUS_INVALID_PARAMETER,
	  DISPATCH, "groups_y", "at most 65535" },
	{ DISPATCH, PENSTOCK_OPERAND_DISPATCH_base_z, 65535, 4, PENSTOCK_STATUS_INVALID_PARAMETER,
	  DISPATCH, "groups_z", "1 workgroups from 65535 on" },
	{ DISPATCH, PENSTOCK_OPERAND_DISPATCH_base_x, UINT32_MAX, 4,
	  PENSTOCK_STATUS_INVALID_PARAMETER, DISPATCH, "groups_x", "at most 65535" },
};

START_TEST(A6_what_a_draw_is_given_is_held_against_its_pipeline)
{
	memcpy(command + wrongs[_i].instruction + wrongs[_i].field, &wrongs[_i].value,
	       wrongs[_i].width);
	expect_refusal(GROUP, wrongs[_i].status, wrongs[_i].byte_offset, wrongs[_i].operand,
		       wrongs[_i].says);
}
END_TEST

START_TEST(A6_a_descriptor_that_is_written_needs_a_writable_bind)
{
	penstock_store32(command + SECOND_BIND,
			 penstock_instruction_header(PENSTOCK_OPCODE_BIND_BUFFER,
						     PENSTOCK_BYTES_BIND_BUFFER));
	expect_refusal(GROUP, PENSTOCK_STATUS_INVALID_PARAMETER, SECOND_BIND, "allocation",
		       "is written, and needs bind_buffer_write");
}
END_TEST

START_TEST(A6_a_descriptor_of_another_type_takes_no_buffer)
{
	struct penstock_render_pipeline images = *fixture.list[PENSTOCK_FIXTURE_PIPELINE].pipeline;
	struct penstock_render_binding bindings[2];

	memcpy(bindings, images.bindings, sizeof(bindings));
	bindings[0].type = PENSTOCK_DESCRIPTOR_COMBINED_IMAGE_SAMPLER;
	images.bindings = bindings;
	fixture.list[PENSTOCK_FIXTURE_PIPELINE].pipeline = &images;
	expect_refusal(GROUP, PENSTOCK_STATUS_INVALID_PARAMETER, UNIFORM, "allocation",
		       "is no uniform and no storage buffer");
}
END_TEST

START_TEST(A6_ranges_are_no_larger_than_a_descriptor_takes)
{
	fixture.list[PENSTOCK_FIXTURE_READ_ONLY].size_bytes = 1u << 30;
	fixture.list[PENSTOCK_FIXTURE_BUFFER].size_bytes = 1u << 30;
	penstock_store64(command + UNIFORM + PENSTOCK_OPERAND_BIND_BUFFER_size,
			 PENSTOCK_LIMIT_UNIFORM_RANGE_BYTES);
	penstock_store64(command + SECOND_BIND + PENSTOCK_OPERAND_BIND_BUFFER_size,
			 PENSTOCK_LIMIT_STORAGE_RANGE_BYTES);
	expect(GROUP, PENSTOCK_STATUS_SUCCESS);
	penstock_store64(command + SECOND_BIND + PENSTOCK_OPERAND_BIND_BUFFER_size,
			 PENSTOCK_LIMIT_STORAGE_RANGE_BYTES + 1u);
	expect_refusal(GROUP, PENSTOCK_STATUS_INVALID_PARAMETER, SECOND_BIND, "size",
		       "cannot take so large a range");
	penstock_store64(command + SECOND_BIND + PENSTOCK_OPERAND_BIND_BUFFER_size,
			 PENSTOCK_LIMIT_STORAGE_RANGE_BYTES);
	penstock_store64(command + UNIFORM + PENSTOCK_OPERAND_BIND_BUFFER_size,
			 PENSTOCK_LIMIT_UNIFORM_RANGE_BYTES + 1u);
	expect_refusal(GROUP, PENSTOCK_STATUS_INVALID_PARAMETER, UNIFORM, "size",
		       "cannot take so large a range");
}
END_TEST

START_TEST(A6_what_the_pipeline_does_not_have_is_ignored)
{
	uint32_t bytes = PENSTOCK_BYTES_BIND_BUFFER;

	memmove(command + bytes, command, GROUP);
	penstock_fixture_valid(PENSTOCK_INSTRUCTION_BIND_BUFFER, command);
	penstock_store32(command + PENSTOCK_OPERAND_BIND_BUFFER_set, UINT32_MAX);
	penstock_store64(command + PENSTOCK_OPERAND_BIND_BUFFER_size, 1);
	expect(GROUP + bytes, PENSTOCK_STATUS_SUCCESS);
	penstock_fixture_patch(&fixture);
	ck_assert_msg(penstock_fixture_check(&fixture) == PENSTOCK_STATUS_SUCCESS, "%s",
		      fixture.fault.text);
}
END_TEST

START_TEST(A6_a_group_has_a_limit)
{
	uint32_t length = 0;

	for (uint32_t i = 0; i <= PENSTOCK_LIMIT_GROUP_INSTRUCTIONS; i++) {
		length += penstock_fixture_valid(PENSTOCK_INSTRUCTION_PUSH_CONSTANTS,
						 command + length);
	}
	expect_refusal(length, PENSTOCK_STATUS_LIMIT_EXCEEDED, length - 16, "",
		       "more than 16384 instructions");
}
END_TEST

/* A group is of one pass, whatever is too small for it. */
START_TEST(A9_a_group_is_never_cut)
{
	const uint32_t first = penstock_fixture_valid(PENSTOCK_INSTRUCTION_COPY, command);
	const uint32_t length =
		first + penstock_fixture_alone(PENSTOCK_INSTRUCTION_DISPATCH, command + first);
	uint32_t whole;

	expect(length, PENSTOCK_STATUS_SUCCESS);
	whole = fixture.args.dma_length - 32;
	fixture.args.dma_capacity = whole - 1;
	expect_refusal(length, PENSTOCK_STATUS_INVALID_USER_BUFFER, first, "", "an empty DMA");
	for (uint32_t capacity = whole; capacity < whole + 32; capacity += 4) {
		fixture.args.multipass_offset = 0;
		fixture.args.dma_capacity = capacity;
		expect(length, PENSTOCK_STATUS_GRAPHICS_INSUFFICIENT_DMA_BUFFER);
		ck_assert_uint_eq(fixture.args.dma_length, 32);
		ck_assert_uint_eq(fixture.args.multipass_offset, (uint64_t)first << 32);
		expect(length, PENSTOCK_STATUS_SUCCESS);
		ck_assert_uint_eq(fixture.args.dma_length, whole);
	}
	fixture.args.multipass_offset = 0;
	fixture.args.patch_capacity = 3;
	expect_refusal(length, PENSTOCK_STATUS_INVALID_USER_BUFFER, first, "", "4 patch locations");
}
END_TEST

/* Breadcrumbs are laid by the part of a command buffer: one may end inside a group. */
START_TEST(A13_a_group_across_two_parts_is_told_from_its_start)
{
	uint32_t length = 0, at = 0, in_dma = 0;

	while (length < (64u << 10) - PENSTOCK_BYTES_DISPATCH - GROUP / 2) {
		length += penstock_fixture_valid(PENSTOCK_INSTRUCTION_MARKER, command + length);
	}
	ck_assert_uint_lt(length, 64u << 10);
	{
		uint8_t *large = malloc(length + GROUP);

		memcpy(large, command, length);
		(void)penstock_fixture_alone(PENSTOCK_INSTRUCTION_DISPATCH, large + length);
		ck_assert_uint_gt(length + GROUP, 64u << 10);
		ck_assert_int_eq(penstock_fixture_render(&fixture, large, length + GROUP),
				 PENSTOCK_STATUS_SUCCESS);
		while (in_dma < fixture.args.dma_length) {
			struct penstock_crumb crumb;

			ck_assert(penstock_crumbs_find(&fixture.args, in_dma, &crumb));
			ck_assert_uint_eq(crumb.command_offset, at);
			at += penstock_header_length(penstock_load32(large + at));
			in_dma += penstock_header_length(penstock_load32(fixture.dma + in_dma));
		}
		free(large);
	}
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("render_groups");
	TCase *tcase = tcase_create("groups");

	tcase_add_checked_fixture(tcase, setup, NULL);
	tcase_add_test(tcase, A6_a_group_becomes_its_instructions_with_one_split_point);
	tcase_add_test(tcase, A6_the_size_of_a_uniform_range_is_rounded_down_and_no_other);
	tcase_add_test(tcase, A6_a_group_stands_alone);
	tcase_add_test(tcase, A6_a_group_ends_with_its_draw_and_is_not_left_open);
	tcase_add_test(tcase, A6_an_adapter_without_pipelines_says_so);
	tcase_add_test(tcase, A6_a_dispatch_needs_a_compute_pipeline);
	tcase_add_loop_test(tcase, A6_what_a_draw_is_given_is_held_against_its_pipeline, 0,
			    (int)PENSTOCK_ARRAY_SIZE(wrongs));
	tcase_add_test(tcase, A6_a_descriptor_that_is_written_needs_a_writable_bind);
	tcase_add_test(tcase, A6_a_descriptor_of_another_type_takes_no_buffer);
	tcase_add_test(tcase, A6_ranges_are_no_larger_than_a_descriptor_takes);
	tcase_add_test(tcase, A6_what_the_pipeline_does_not_have_is_ignored);
	tcase_add_test(tcase, A6_a_group_has_a_limit);
	tcase_add_test(tcase, A9_a_group_is_never_cut);
	tcase_add_test(tcase, A13_a_group_across_two_parts_is_told_from_its_start);
	suite_add_tcase(suite, tcase);
	return penstock_test_main(suite);
}
