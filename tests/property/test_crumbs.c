/* SPDX-License-Identifier: MIT */
/*
 * Command buffers by chance, with nops and escapes anywhere: each offset of each DMA buffer that
 * they become, in passes of any size, names the instruction that it came from. What comes from what
 * is known from rendering each instruction alone. Seeds are fixed; PENSTOCK_SEED adds another.
 */
#include "daemon/render/crumbs.h"
#include "tests/harness.h"
#include "tests/support/command_chance.h"

#include <stdlib.h>
#include <string.h>

#define BUFFERS    800u
#define MOST_SKIPS 4u
#define MOST_BYTES (4u * PENSTOCK_CHANCE_BYTES)
#define NO_CRUMB   UINT32_MAX

static struct penstock_fixture fixture;
static uint8_t accepted[PENSTOCK_CHANCE_BYTES + PENSTOCK_FIXTURE_INSTRUCTION_BYTES];
static uint8_t command[MOST_BYTES];
/* By DMA offset, all passes behind each other: where the instruction there comes from. */
static uint32_t origins[MOST_BYTES];
static uint32_t dma_bytes;
static uint64_t state;

static void setup(void)
{
	const char *seed = getenv("PENSTOCK_SEED");

	state = 0x2545F4914F6CDD1Dull + (seed != NULL ? strtoull(seed, NULL, 0) : 0);
	penstock_fixture_init(&fixture);
	fixture.args.caps.test_instructions = true;
	fixture.args.caps.pipelines = true;
}

/* ------------------------------------------------------------------ command buffers */

static uint32_t put_skips(bool km, uint32_t at)
{
	uint32_t count = penstock_random_below(&state, MOST_SKIPS);
	/* Now and then so many that a record is longer. */
	uint32_t bytes =
		km ? 4 + 4 * penstock_random_below(&state,
						   penstock_random_below(&state, 8) == 0 ? 300 : 4)
		   : 4;

	for (uint32_t i = 0; i < count && at + bytes <= sizeof(command) / 2; i++) {
		memset(command + at, 0, bytes);
		penstock_store32(command + at,
				 penstock_instruction_header(
					 km ? PENSTOCK_OPCODE_ESCAPE : PENSTOCK_OPCODE_NOP, bytes));
		at += bytes;
	}
	return at;
}

/* How much the instruction alone leaves. */
static uint32_t dma_bytes_of(const uint8_t *bytes, uint32_t length)
{
	const struct penstock_instruction *instruction =
		penstock_instruction_by_opcode(penstock_load16(bytes));

	if (instruction->nodes == PENSTOCK_NODE_PIPELINES) {
		/* Alone it is none; what it leaves is of one length. */
		return instruction->dma_bytes + length - instruction->layout.bytes;
	}
	ck_assert_int_eq(penstock_fixture_render(&fixture, bytes, length), PENSTOCK_STATUS_SUCCESS);
	return fixture.args.dma_length;
}

/* Whether the instruction goes on a group: nothing else may stand before it. */
static bool goes_on(const uint8_t *bytes, uint32_t at, uint32_t before)
{
	return at > 0 && penstock_opcode_binds(penstock_load16(bytes + before));
}

static uint32_t build(bool km)
{
	uint32_t refused = 0, length = 0;
	uint32_t bytes = penstock_chance_buffer(&state, &fixture, km, accepted, &refused);

	dma_bytes = 0;
	for (uint32_t at = 0, before = 0; at < bytes;) {
		uint32_t one = penstock_header_length(penstock_load32(accepted + at));
		uint32_t left = dma_bytes_of(accepted + at, one);

		if (!goes_on(accepted, at, before)) {
			length = put_skips(km, length);
		}
		before = at;
		memcpy(command + length, accepted + at, one);
		for (uint32_t i = 0; i < left; i++) {
			origins[dma_bytes++] = i == 0 ? length : NO_CRUMB;
		}
		length += one;
		at += one;
	}
	return put_skips(km, length);
}

/* ------------------------------------------------------------------ the property */

static void expect_origins(uint32_t done)
{
	for (uint32_t at = 0; at < fixture.args.dma_length; at++) {
		const uint32_t origin = origins[done + at];
		struct penstock_crumb crumb;
		bool found = penstock_crumbs_find(&fixture.args, at, &crumb);

		ck_assert_int_eq(found, origin != NO_CRUMB);
		if (found) {
			ck_assert_uint_eq(crumb.command_offset, origin);
			ck_assert_uint_eq(crumb.instruction->layout.opcode,
					  penstock_load16(command + origin));
		}
	}
}

/* Sizes by chance, so that each of the three may be what ends a pass. */
static void choose_sizes(bool km)
{
	fixture.args.multipass_offset = 0;
	fixture.args.dma_capacity =
		(km ? 200 : PENSTOCK_FIXTURE_GROUP_DMA_BYTES) + penstock_random_below(&state, 400);
	fixture.args.patch_capacity =
		(km ? 8 : PENSTOCK_FIXTURE_GROUP_PATCHES) + penstock_random_below(&state, 40);
	fixture.args.private_start = penstock_random_below(&state, 64);
	fixture.args.private_capacity = fixture.args.private_start + PENSTOCK_CRUMBS_LEAST_BYTES +
					penstock_random_below(&state, 12);
}

START_TEST(A13_each_dma_offset_names_the_instruction_that_it_came_from)
{
	uint32_t splits = 0;

	for (uint32_t round = 0; round < BUFFERS; round++) {
		uint32_t length = build(_i == 1), done = 0;
		enum penstock_status status;

		ck_assert_int_eq(penstock_fixture_render(&fixture, command, length),
				 PENSTOCK_STATUS_SUCCESS);
		ck_assert_uint_le(fixture.args.private_end, penstock_render_private_bound(length));
		ck_assert_uint_eq(fixture.args.dma_length, dma_bytes);
		expect_origins(0);
		choose_sizes(_i == 1);
		do {
			/* An earlier use of the same bytes. */
			memset(fixture.private_data, (int)penstock_random(&state), 256);
			status = penstock_fixture_render(&fixture, command, length);
			expect_origins(done);
			done += fixture.args.dma_length;
			splits++;
		} while (status == PENSTOCK_STATUS_GRAPHICS_INSUFFICIENT_DMA_BUFFER);
		ck_assert_int_eq(status, PENSTOCK_STATUS_SUCCESS);
		ck_assert_uint_eq(done, dma_bytes);
		penstock_fixture_init(&fixture);
		fixture.args.caps.test_instructions = true;
		fixture.args.caps.pipelines = true;
	}
	/* Where nothing is ever split nothing is shown of it. */
	ck_assert_uint_gt(splits, 2 * BUFFERS);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("crumbs");
	TCase *tcase = tcase_create("properties");

	tcase_set_timeout(tcase, 60);
	tcase_add_checked_fixture(tcase, setup, NULL);
	tcase_add_loop_test(tcase, A13_each_dma_offset_names_the_instruction_that_it_came_from, 0,
			    2);
	suite_add_tcase(suite, tcase);
	return penstock_test_main(suite);
}
