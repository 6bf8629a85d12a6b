/* SPDX-License-Identifier: MIT */
/* Private data of DMA buffers as render uses it: where it writes, what it reads again, shortage. */
#include "daemon/render/crumbs.h"
#include "tests/harness.h"
#include "tests/support/render_fixture.h"

#include <string.h>

#define COMMAND_BYTES 0x50000u
#define EDGE          64u /* of what is not to be touched */

static struct penstock_fixture fixture;
static uint8_t command[COMMAND_BYTES];

static void setup(void)
{
	penstock_fixture_init(&fixture);
}

static void expect(uint32_t length, enum penstock_status status)
{
	ck_assert_int_eq(penstock_fixture_render(&fixture, command, length), status);
}

static uint32_t put(enum penstock_instruction_id id, uint32_t at)
{
	return at + penstock_fixture_valid(id, command + at);
}

/* The instruction so often, each behind so many nops; returns the length. */
static uint32_t put_many(enum penstock_instruction_id id, uint32_t count, uint32_t nops)
{
	uint32_t length = 0;

	for (uint32_t i = 0; i < count; i++) {
		for (uint32_t j = 0; j < nops; j++) {
			length = put(PENSTOCK_INSTRUCTION_NOP, length);
		}
		length = put(id, length);
	}
	ck_assert_uint_le(length, sizeof(command));
	return length;
}

static uint32_t put_markers(uint32_t markers, uint32_t nops)
{
	return put_many(PENSTOCK_INSTRUCTION_MARKER, markers, nops);
}

static void expect_crumb(uint32_t dma_offset, uint32_t command_offset, const char *instruction)
{
	struct penstock_crumb crumb;

	ck_assert(penstock_crumbs_find(&fixture.args, dma_offset, &crumb));
	ck_assert_uint_eq(crumb.command_offset, command_offset);
	ck_assert_str_eq(crumb.instruction->layout.mnemonic, instruction);
}

static void expect_no_crumb(uint32_t dma_offset)
{
	struct penstock_crumb crumb;

	ck_assert(!penstock_crumbs_find(&fixture.args, dma_offset, &crumb));
}

/* ---------------------------------------------------------------- what is written */

START_TEST(A13_an_offset_names_the_byte_and_the_instruction)
{
	uint32_t fill, copy, marker, length;

	fill = put(PENSTOCK_INSTRUCTION_NOP, 0);
	copy = put(PENSTOCK_INSTRUCTION_FILL, fill);
	marker = put(PENSTOCK_INSTRUCTION_COPY, copy);
	marker = put(PENSTOCK_INSTRUCTION_NOP, put(PENSTOCK_INSTRUCTION_NOP, marker));
	length = put(PENSTOCK_INSTRUCTION_NOP, put(PENSTOCK_INSTRUCTION_MARKER, marker));
	expect(length, PENSTOCK_STATUS_SUCCESS);
	expect_crumb(0, fill, "fill");
	expect_crumb(24, copy, "copy");
	expect_crumb(56, marker, "marker");
	for (uint32_t offset = 1; offset < 80; offset++) {
		if (offset != 24 && offset != 56) {
			expect_no_crumb(offset);
		}
	}
	expect_no_crumb(UINT32_MAX);
}
END_TEST

/* The first four bytes, and two for the nops between: what does not skip costs nothing. */
START_TEST(A13_only_what_leaves_nothing_costs_private_data)
{
	expect(put_markers(1000, 0), PENSTOCK_STATUS_SUCCESS);
	ck_assert_uint_eq(fixture.args.private_end, PENSTOCK_CRUMBS_LEAST_BYTES);
	expect_crumb(8 * 999, 8 * 999, "marker");
	expect(put_markers(2, 3), PENSTOCK_STATUS_SUCCESS);
	ck_assert_uint_eq(fixture.args.private_end, PENSTOCK_CRUMBS_LEAST_BYTES + 2);
	expect_crumb(0, 12, "marker");
	expect_crumb(8, 32, "marker");
}
END_TEST

/* What is before the last record is not looked at: it may be anything. */
START_TEST(A13_the_way_from_the_last_record_is_short)
{
	const uint32_t markers = 3 * PENSTOCK_CRUMBS_PART_BYTES / 8 + 100;
	const uint32_t third = 3 * PENSTOCK_CRUMBS_PART_BYTES;

	expect(put_markers(markers, 0), PENSTOCK_STATUS_SUCCESS);
	ck_assert_uint_gt(fixture.args.private_end, PENSTOCK_CRUMBS_LEAST_BYTES);
	ck_assert_uint_le(fixture.args.private_end,
			  PENSTOCK_CRUMBS_LEAST_BYTES + 3 * PENSTOCK_CRUMBS_RECORD_BYTES);
	memset(fixture.dma, 0xFF, third);
	for (uint32_t at = third; at < fixture.args.dma_length; at += 8) {
		expect_crumb(at, at, "marker");
	}
	expect_no_crumb(third - 8);
	/* In copies too, whose handler goes on by itself. */
	setup();
	expect(put_many(PENSTOCK_INSTRUCTION_COPY, 2 * PENSTOCK_CRUMBS_PART_BYTES / 32 + 9, 0),
	       PENSTOCK_STATUS_SUCCESS);
	memset(fixture.dma, 0xFF, 2 * PENSTOCK_CRUMBS_PART_BYTES);
	expect_crumb(2 * PENSTOCK_CRUMBS_PART_BYTES + 256, 2 * PENSTOCK_CRUMBS_PART_BYTES + 256,
		     "copy");
}
END_TEST

START_TEST(A13_a_call_goes_on_where_the_one_before_it_ended)
{
	uint32_t length = put_markers(5, 1), first;

	memset(fixture.private_data, 0xC3, sizeof(fixture.private_data));
	fixture.args.private_start = EDGE;
	expect(length, PENSTOCK_STATUS_SUCCESS);
	first = fixture.args.private_end;
	ck_assert_uint_gt(first, EDGE);
	fixture.args.private_start = first;
	expect(put_markers(3, 2), PENSTOCK_STATUS_SUCCESS);
	ck_assert_uint_gt(fixture.args.private_end, first);
	expect_crumb(16, 2 * 16 + 8, "marker");
	/* The range before it is as it was, and says what it said. */
	fixture.args.private_end = first;
	fixture.args.private_start = EDGE;
	expect_crumb(16, 2 * 12 + 4, "marker");
	for (uint32_t i = 0; i < EDGE; i++) {
		ck_assert_uint_eq(fixture.private_data[i], 0xC3);
	}
}
END_TEST

/* What an earlier use could leave: anything, and records that would be good ones. */
static const int leftovers[] = { 0x00, 0xFF, 0x80, 0x7F, 0x01, -1 };

START_TEST(A13_what_an_earlier_use_left_is_never_seen)
{
	struct penstock_render_args *args = &fixture.args;
	uint8_t clean[EDGE];
	uint32_t end;

	expect(put_markers(4, 1), PENSTOCK_STATUS_SUCCESS);
	end = args->private_end;
	ck_assert_uint_le(end, sizeof(clean));
	memcpy(clean, fixture.private_data, end);
	if (leftovers[_i] >= 0) {
		memset(fixture.private_data, leftovers[_i], sizeof(fixture.private_data));
	} else {
		expect(put_markers(300, 7), PENSTOCK_STATUS_SUCCESS);
		ck_assert_uint_gt(args->private_end, 2 * end);
	}
	expect(put_markers(4, 1), PENSTOCK_STATUS_SUCCESS);
	ck_assert_uint_eq(args->private_end, end);
	ck_assert_mem_eq(fixture.private_data, clean, end);
	for (uint32_t i = 0; i < 4; i++) {
		expect_crumb(i * 8, i * 12 + 4, "marker");
	}
	/* None in front of these: what would be records stands right behind the range. */
	expect(put_markers(4, 0), PENSTOCK_STATUS_SUCCESS);
	for (uint32_t i = 0; i < 4; i++) {
		expect_crumb(i * 8, i * 8, "marker");
	}
}
END_TEST

/* ---------------------------------------------------------------- shortage */

/* Four bytes and a record; what is in front of a pass takes none. */
START_TEST(A13_a_shortage_splits_and_every_pass_goes_on)
{
	const uint32_t markers = 100, length = put_markers(markers, 1);
	uint32_t marker = 0, passes = 0;
	enum penstock_status status;

	fixture.args.private_capacity = PENSTOCK_CRUMBS_LEAST_BYTES + (uint32_t)_i;
	do {
		status = penstock_fixture_render(&fixture, command, length);
		ck_assert(status == PENSTOCK_STATUS_SUCCESS ||
			  status == PENSTOCK_STATUS_GRAPHICS_INSUFFICIENT_DMA_BUFFER);
		ck_assert_uint_gt(fixture.args.dma_length, 0);
		ck_assert_uint_le(fixture.args.private_end, fixture.args.private_capacity);
		for (uint32_t at = 0; at < fixture.args.dma_length; at += 8) {
			expect_crumb(at, marker++ * 12 + 4, "marker");
		}
		passes++;
	} while (status == PENSTOCK_STATUS_GRAPHICS_INSUFFICIENT_DMA_BUFFER);
	ck_assert_uint_eq(marker, markers);
	ck_assert_uint_eq(passes, _i < 2 ? markers : _i < 4 ? markers / 2 : 34);
}
END_TEST

START_TEST(A13_the_rest_is_validated_behind_a_shortage)
{
	uint32_t length = put_markers(20, 1);

	penstock_store32(command + length, penstock_instruction_header(0x80, 12));
	fixture.args.private_capacity = 6;
	expect(length + 12, PENSTOCK_STATUS_PRIVILEGED_INSTRUCTION);
	ck_assert_uint_eq(fixture.refusal.byte_offset, length);
	ck_assert_uint_eq(fixture.args.multipass_offset, 0);
}
END_TEST

START_TEST(A13_what_no_empty_buffer_has_is_refused)
{
	uint32_t length = put_markers(3, 0);

	fixture.args.private_capacity = (uint32_t)_i;
	expect(length, PENSTOCK_STATUS_INVALID_USER_BUFFER);
	ck_assert_ptr_nonnull(strstr(fixture.refusal.sentence, "needs 4 bytes of private data"));
	/* Nor where so much of it is taken. */
	fixture.args.private_capacity = EDGE;
	fixture.args.private_start = EDGE - (uint32_t)_i;
	expect(length, PENSTOCK_STATUS_INVALID_USER_BUFFER);
	fixture.args.private_start = EDGE + 1;
	expect(length, PENSTOCK_STATUS_INVALID_USER_BUFFER);
	fixture.args.private_start = EDGE - PENSTOCK_CRUMBS_LEAST_BYTES;
	expect(length, PENSTOCK_STATUS_SUCCESS);
}
END_TEST

/* Nops behind the last instruction lead nowhere: they take no room, and make no pass. */
START_TEST(A13_nops_at_the_end_need_no_record)
{
	uint32_t length = put(PENSTOCK_INSTRUCTION_NOP, put_markers(2, 0));

	fixture.args.private_capacity = PENSTOCK_CRUMBS_LEAST_BYTES;
	expect(length, PENSTOCK_STATUS_SUCCESS);
	ck_assert_uint_eq(fixture.args.private_end, PENSTOCK_CRUMBS_LEAST_BYTES);
}
END_TEST

/* Runs of nops and of markers as long as any number of bytes of a record can say. */
static const struct {
	uint32_t markers, nops;
} runs[] = {
	{ 1, 1 }, { 1, 127 }, { 1, 128 }, { 63, 1 }, { 64, 1 }, { 64, 128 }, { 8192, 16384 },
};

START_TEST(A13_the_bound_holds_for_the_dearest_command_buffers)
{
	const uint32_t dma_bytes = runs[_i].markers * 8;
	uint32_t length = 0, bound;

	for (uint32_t part = 0; part < 2; part++) {
		for (uint32_t i = 0; i < runs[_i].markers; i++) {
			length = put(PENSTOCK_INSTRUCTION_MARKER, length);
		}
		for (uint32_t i = 0; i < runs[_i].nops; i++) {
			length = put(PENSTOCK_INSTRUCTION_NOP, length);
		}
	}
	length = put(PENSTOCK_INSTRUCTION_MARKER, length);
	bound = penstock_render_private_bound(length);
	fixture.args.private_capacity = bound;
	expect(length, PENSTOCK_STATUS_SUCCESS);
	ck_assert_uint_le(fixture.args.private_end, bound);
	expect_crumb(dma_bytes, dma_bytes + runs[_i].nops * 4, "marker");
	expect_crumb(2 * dma_bytes, length - 8, "marker");
	/* The dearest of all needs all of it but the first nop's record, which is none. */
	setup();
	fixture.args.private_capacity = penstock_render_private_bound(1000 * 12) - 2;
	expect(put_markers(1000, 1), PENSTOCK_STATUS_SUCCESS);
	ck_assert_uint_eq(fixture.args.private_end, fixture.args.private_capacity);
}
END_TEST

/* ---------------------------------------------------------------- records that cannot be */

/* Nobody but render writes them; where they do not fit, no wrong answer is given. */
START_TEST(A13_a_range_that_cannot_be_names_nothing)
{
	struct penstock_render_args *args = &fixture.args;

	expect(put_markers(4, 1), PENSTOCK_STATUS_SUCCESS);
	args->private_end = 3;
	expect_no_crumb(0);
	args->private_start = args->private_end + 1;
	expect_no_crumb(0);
	args->private_start = 0;
	args->private_end = args->private_capacity + 1;
	expect_no_crumb(0);
	/* A record that is cut off is none. */
	args->private_end = PENSTOCK_CRUMBS_LEAST_BYTES + 1;
	expect_crumb(0, 4, "marker");
	memset(fixture.private_data + 4, 0xFF, 64);
	args->private_end = 64;
	expect_crumb(0, 4, "marker");
	args->dma_length = 7; /* and so is an instruction */
	expect_no_crumb(0);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("render_private");
	TCase *tcase = tcase_create("private_data");

	tcase_set_timeout(tcase, 60);
	tcase_add_checked_fixture(tcase, setup, NULL);
	tcase_add_test(tcase, A13_an_offset_names_the_byte_and_the_instruction);
	tcase_add_test(tcase, A13_only_what_leaves_nothing_costs_private_data);
	tcase_add_test(tcase, A13_the_way_from_the_last_record_is_short);
	tcase_add_test(tcase, A13_a_call_goes_on_where_the_one_before_it_ended);
	tcase_add_loop_test(tcase, A13_what_an_earlier_use_left_is_never_seen, 0,
			    PENSTOCK_ARRAY_SIZE(leftovers));
	tcase_add_loop_test(tcase, A13_a_shortage_splits_and_every_pass_goes_on, 0, 5);
	tcase_add_test(tcase, A13_the_rest_is_validated_behind_a_shortage);
	tcase_add_loop_test(tcase, A13_what_no_empty_buffer_has_is_refused, 0,
			    PENSTOCK_CRUMBS_LEAST_BYTES);
	tcase_add_test(tcase, A13_nops_at_the_end_need_no_record);
	tcase_add_loop_test(tcase, A13_the_bound_holds_for_the_dearest_command_buffers, 0,
			    PENSTOCK_ARRAY_SIZE(runs));
	tcase_add_test(tcase, A13_a_range_that_cannot_be_names_nothing);
	suite_add_tcase(suite, tcase);
	return penstock_test_main(suite);
}
