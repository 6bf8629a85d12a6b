/* SPDX-License-Identifier: MIT */
/*
 * Command buffers by chance, valid instances with fields changed: what render accepts the checker
 * accepts after patching, and flags once a patch location is gone; a record is accepted if and only
 * if each of its sub-rectangles is. Seeds are fixed; PENSTOCK_SEED adds another.
 */
#include "tests/harness.h"
#include "tests/support/render_fixture.h"

#include "proto/wire/limits.h"

#include <stdlib.h>
#include <string.h>

#define BUFFERS      1500u
#define BUFFER_BYTES 4096u

static struct penstock_fixture fixture;
static uint8_t command[BUFFER_BYTES + PENSTOCK_FIXTURE_INSTRUCTION_BYTES];
static uint64_t state;

static void setup(void)
{
	const char *seed = getenv("PENSTOCK_SEED");

	state = 0x9E3779B97F4A7C15ull + (seed != NULL ? strtoull(seed, NULL, 0) : 0);
	penstock_fixture_init(&fixture);
}

/* ------------------------------------------------------------------ by chance */

/* A value near those that matter. */
static uint64_t value_by_chance(uint32_t width)
{
	static const uint64_t edges[] = { 0,
					  1,
					  3,
					  4,
					  15,
					  16,
					  0xFF,
					  0x100,
					  0x1FFF,
					  0x2000,
					  0x7FFFFFFF,
					  0x80000000,
					  ~3u,
					  ~0u,
					  1ull << 32,
					  1ull << 63,
					  UINT64_MAX - 3,
					  UINT64_MAX };

	switch (penstock_random_below(&state, 3)) {
	case 0:
		return penstock_random_below(&state, 64);
	case 1:
		return edges[penstock_random_below(&state, PENSTOCK_ARRAY_SIZE(edges))];
	default:
		return width == 2 ? penstock_random_below(&state, PENSTOCK_FIXTURE_COUNT)
				  : penstock_random(&state);
	}
}

/* Moves a coordinate a little, which keeps most rectangles good. */
static void nudge(uint8_t *bytes)
{
	penstock_store32(bytes, penstock_load32(bytes) + penstock_random_below(&state, 7) - 3);
}

static void change_field(uint8_t *bytes, const struct penstock_layout *layout, uint32_t length)
{
	const struct penstock_operand *operand;
	uint64_t value;

	if (layout->operand_count == 0) {
		return;
	}
	operand = &layout->operands[penstock_random_below(&state, layout->operand_count)];
	if (operand->type == PENSTOCK_OPERAND_RECT) {
		nudge(bytes + operand->offset + 4 * penstock_random_below(&state, 4));
	} else if (operand->type == PENSTOCK_OPERAND_RECTS && length > operand->offset) {
		nudge(bytes + operand->offset +
		      4 * penstock_random_below(&state, (length - operand->offset) / 4));
	} else {
		value = value_by_chance(operand->width);
		memcpy(bytes + operand->offset, &value, operand->width);
	}
}

/* An instruction of the stream, changed in up to `changes` fields; returns its length. */
static uint32_t instruction_by_chance(uint8_t *bytes, bool km, uint32_t changes)
{
	const struct penstock_instruction *instruction;
	uint32_t length;

	do {
		instruction = penstock_instruction_get(
			(enum penstock_instruction_id)penstock_random_below(
				&state, PENSTOCK_INSTRUCTION_COUNT));
	} while (instruction->privilege == PENSTOCK_PRIVILEGED ||
		 (instruction->stream == PENSTOCK_STREAM_KM) != km);
	length = penstock_fixture_valid(instruction->id, bytes);
	for (uint32_t i = 0; i < changes; i++) {
		change_field(bytes, &instruction->layout, length);
	}
	return length;
}

/* Instructions that render accepts, one behind the other; how many it refused is counted. */
static uint32_t buffer_by_chance(bool km, uint32_t *refused)
{
	uint32_t length = 0, wanted = 1 + penstock_random_below(&state, 24);

	fixture.args.caps = (struct penstock_render_caps){ .km = km, .test_instructions = true };
	for (uint32_t i = 0; i < wanted; i++) {
		uint32_t changes = penstock_random_below(&state, 4);
		uint32_t bytes = instruction_by_chance(command + length, km, changes);

		if (penstock_fixture_render(&fixture, command + length, bytes) ==
		    PENSTOCK_STATUS_SUCCESS) {
			length += bytes;
		} else {
			(*refused)++;
		}
	}
	return length;
}

/* ------------------------------------------------------------------ properties */

static void drop_one(void)
{
	uint32_t dropped = penstock_random_below(&state, fixture.args.patch_count);

	fixture.args.patch_count--;
	memmove(&fixture.patches[dropped], &fixture.patches[dropped + 1],
		(fixture.args.patch_count - dropped) * sizeof(fixture.patches[0]));
}

START_TEST(A10_what_render_accepts_the_checker_accepts_and_a_lost_patch_it_flags)
{
	uint32_t accepted = 0, refused = 0;

	for (uint32_t round = 0; round < BUFFERS; round++) {
		uint32_t length = buffer_by_chance(_i == 1, &refused);

		ck_assert_int_eq(penstock_fixture_render(&fixture, command, length),
				 PENSTOCK_STATUS_SUCCESS);
		penstock_fixture_patch(&fixture);
		ck_assert_msg(penstock_fixture_check(&fixture) == PENSTOCK_STATUS_SUCCESS,
			      "round %u: %s", round, fixture.fault.text);
		if (fixture.args.patch_count == 0) {
			continue;
		}
		accepted++;
		drop_one();
		ck_assert_int_eq(penstock_fixture_check(&fixture),
				 PENSTOCK_STATUS_GRAPHICS_GPU_EXCEPTION_ON_DEVICE);
	}
	/* A generator that makes only one sort shows nothing. */
	ck_assert_uint_gt(accepted, BUFFERS / 2);
	ck_assert_uint_gt(refused, BUFFERS);
}
END_TEST

/* A refusal names an instruction that is refused alone, in the same words but for the place. */
START_TEST(A6_a_refusal_is_the_instructions_own)
{
	for (uint32_t round = 0; round < BUFFERS; round++) {
		uint32_t refused = 0, length, bytes;
		struct penstock_refusal first;

		length = buffer_by_chance(_i == 1, &refused);
		bytes = instruction_by_chance(command + length, _i == 1, 4);
		if (penstock_fixture_render(&fixture, command + length, bytes) ==
		    PENSTOCK_STATUS_SUCCESS) {
			continue;
		}
		first = fixture.refusal;
		ck_assert_int_eq(penstock_fixture_render(&fixture, command, length + bytes),
				 first.status);
		ck_assert_uint_eq(fixture.refusal.byte_offset, length);
		ck_assert_str_eq(fixture.refusal.operand, first.operand);
		ck_assert_str_eq(strchr(fixture.refusal.sentence, ':'),
				 strchr(first.sentence, ':'));
	}
}
END_TEST

/* Drops all sub-rectangles of a record but one; returns its length. */
static uint32_t only(const uint8_t *record, const struct penstock_layout *layout, uint32_t which,
		     uint8_t *ret_bytes)
{
	memcpy(ret_bytes, record, layout->bytes);
	memcpy(ret_bytes + layout->bytes, record + layout->bytes + which * 16, 16);
	penstock_store32(ret_bytes,
			 penstock_instruction_header(layout->opcode, layout->bytes + 16u));
	return layout->bytes + 16u;
}

/* Sub-rectangles of few pixels, so that no limit is met. */
START_TEST(A14_a_record_is_accepted_if_each_of_its_sub_rectangles_is)
{
	uint32_t accepted = 0, refused = 0;

	fixture.args.caps.km = true;
	for (uint32_t round = 0; round < 4 * BUFFERS; round++) {
		uint8_t one[PENSTOCK_FIXTURE_INSTRUCTION_BYTES];
		uint32_t length = instruction_by_chance(command, true, 3);
		const struct penstock_layout *layout =
			&penstock_instruction_by_opcode(penstock_load16(command))->layout;
		uint32_t count = layout->element_bytes == 16 ? (length - layout->bytes) / 16 : 0;
		bool all = count != 0, whole;

		for (uint32_t i = 0; i < count; i++) {
			all &= penstock_fixture_render(&fixture, one,
						       only(command, layout, i, one)) ==
			       PENSTOCK_STATUS_SUCCESS;
		}
		if (count == 0) {
			continue;
		}
		whole = penstock_fixture_render(&fixture, command, length) ==
			PENSTOCK_STATUS_SUCCESS;
		ck_assert_msg(whole == all, "round %u: %s", round, fixture.refusal.sentence);
		accepted += whole;
		refused += !whole;
	}
	ck_assert_uint_gt(accepted, 100);
	ck_assert_uint_gt(refused, 100);
}
END_TEST

/* Cut at each sub-rectangle, a record touches the same bytes: the checker's ranges say so. */
START_TEST(A14_a_record_cut_at_its_sub_rectangles_fits_the_same_memory)
{
	for (uint32_t round = 0; round < BUFFERS; round++) {
		uint32_t refused = 0, length, cut = 0;

		static uint8_t pieces[BUFFER_BYTES * 4];
		static struct penstock_fixture other;

		length = buffer_by_chance(true, &refused);
		for (uint32_t at = 0; at < length;) {
			uint32_t bytes = penstock_header_length(penstock_load32(command + at));
			const struct penstock_layout *layout =
				&penstock_instruction_by_opcode(penstock_load16(command + at))
					 ->layout;

			for (uint32_t i = 0;
			     layout->element_bytes == 16 && i < (bytes - layout->bytes) / 16; i++) {
				cut += only(command + at, layout, i, pieces + cut);
			}
			at += bytes;
		}
		penstock_fixture_init(&other);
		other.args.caps.km = true;
		ck_assert_int_eq(penstock_fixture_render(&other, pieces, cut),
				 PENSTOCK_STATUS_SUCCESS);
		penstock_fixture_patch(&other);
		ck_assert_msg(penstock_fixture_check(&other) == PENSTOCK_STATUS_SUCCESS, "%s",
			      other.fault.text);
	}
}
END_TEST

/* ------------------------------------------------------------------ passes */

/* Small capacities by chance: each pass is whole, and all together are what one buffer holds. */
START_TEST(A9_passes_of_any_size_make_the_same_bytes)
{
	static uint8_t whole[PENSTOCK_FIXTURE_DMA_BYTES];

	for (uint32_t round = 0; round < BUFFERS / 3; round++) {
		uint32_t refused = 0, length = buffer_by_chance(_i == 1, &refused), done = 0;
		enum penstock_status status;

		fixture.args.multipass_offset = 0;
		fixture.args.dma_capacity = PENSTOCK_FIXTURE_DMA_BYTES;
		fixture.args.patch_capacity = PENSTOCK_FIXTURE_PATCHES;
		ck_assert_int_eq(penstock_fixture_render(&fixture, command, length),
				 PENSTOCK_STATUS_SUCCESS);
		memcpy(whole, fixture.dma, fixture.args.dma_length);
		fixture.args.dma_capacity = 104 + penstock_random_below(&state, 256);
		fixture.args.patch_capacity = 4 + penstock_random_below(&state, 8);
		do {
			status = penstock_fixture_render(&fixture, command, length);
			ck_assert_mem_eq(fixture.dma, whole + done, fixture.args.dma_length);
			done += fixture.args.dma_length;
			penstock_fixture_patch(&fixture);
			ck_assert_int_eq(penstock_fixture_check(&fixture), PENSTOCK_STATUS_SUCCESS);
		} while (status == PENSTOCK_STATUS_GRAPHICS_INSUFFICIENT_DMA_BUFFER);
		ck_assert_int_eq(status, PENSTOCK_STATUS_SUCCESS);
		setup();
		state += round * 77777u;
	}
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("render_properties");
	TCase *tcase = tcase_create("properties");

	tcase_set_timeout(tcase, 60);
	tcase_add_checked_fixture(tcase, setup, NULL);
	tcase_add_loop_test(
		tcase, A10_what_render_accepts_the_checker_accepts_and_a_lost_patch_it_flags, 0, 2);
	tcase_add_loop_test(tcase, A6_a_refusal_is_the_instructions_own, 0, 2);
	tcase_add_test(tcase, A14_a_record_is_accepted_if_each_of_its_sub_rectangles_is);
	tcase_add_test(tcase, A14_a_record_cut_at_its_sub_rectangles_fits_the_same_memory);
	tcase_add_loop_test(tcase, A9_passes_of_any_size_make_the_same_bytes, 0, 2);
	suite_add_tcase(suite, tcase);
	return penstock_test_main(suite);
}
