/* SPDX-License-Identifier: MIT */
/*
 * Command buffers by chance, valid instances with fields changed: what render accepts the checker
 * accepts after patching, and flags once a patch location is gone; a record is accepted if and only
 * if each of its sub-rectangles is. Seeds are fixed; PENSTOCK_SEED adds another.
 */
#include "tests/harness.h"
#include "tests/support/command_chance.h"

#include <stdlib.h>
#include <string.h>

#define BUFFERS 1500u

static struct penstock_fixture fixture;
static uint8_t command[PENSTOCK_CHANCE_BYTES + PENSTOCK_FIXTURE_INSTRUCTION_BYTES];
static uint64_t state;

static void setup(void)
{
	const char *seed = getenv("PENSTOCK_SEED");

	state = 0x9E3779B97F4A7C15ull + (seed != NULL ? strtoull(seed, NULL, 0) : 0);
	penstock_fixture_init(&fixture);
	fixture.args.caps.test_instructions = true;
	fixture.args.caps.pipelines = true;
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
		uint32_t length =
			penstock_chance_buffer(&state, &fixture, _i == 1, command, &refused);

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

		length = penstock_chance_buffer(&state, &fixture, _i == 1, command, &refused);
		bytes = penstock_chance_instruction(&state, command + length, &fixture.args.caps,
						    4);
		if (penstock_fixture_render(&fixture, command + length, bytes) ==
		    PENSTOCK_STATUS_SUCCESS) {
			continue;
		}
		first = fixture.refusal;
		ck_assert_int_eq(penstock_fixture_render(&fixture, command, length + bytes),
				 first.status);
		ck_assert_uint_eq(fixture.refusal.byte_offset, length + first.byte_offset);
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
		uint32_t length =
			penstock_chance_instruction(&state, command, &fixture.args.caps, 3);
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

		static uint8_t pieces[PENSTOCK_CHANCE_BYTES * 4];
		static struct penstock_fixture other;

		length = penstock_chance_buffer(&state, &fixture, true, command, &refused);
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
		uint32_t refused = 0,
			 length = penstock_chance_buffer(&state, &fixture, _i == 1, command,
							 &refused),
			 done = 0;
		enum penstock_status status;

		fixture.args.multipass_offset = 0;
		fixture.args.dma_capacity = PENSTOCK_FIXTURE_DMA_BYTES;
		fixture.args.patch_capacity = PENSTOCK_FIXTURE_PATCHES;
		ck_assert_int_eq(penstock_fixture_render(&fixture, command, length),
				 PENSTOCK_STATUS_SUCCESS);
		memcpy(whole, fixture.dma, fixture.args.dma_length);
		fixture.args.dma_capacity = (_i == 1 ? 160 : PENSTOCK_FIXTURE_GROUP_DMA_BYTES) +
					    penstock_random_below(&state, 256);
		fixture.args.patch_capacity = (_i == 1 ? 4 : PENSTOCK_FIXTURE_GROUP_PATCHES) +
					      penstock_random_below(&state, 8);
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
