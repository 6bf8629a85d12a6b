/* SPDX-License-Identifier: MIT */
/* The walk: opcodes, lengths, streams. */
#include "tests/harness.h"
#include "tests/support/render_fixture.h"

#include <stdlib.h>
#include <string.h>

static struct penstock_fixture fixture;
static uint8_t command[PENSTOCK_FIXTURE_ALL_BYTES];

static void setup(void)
{
	penstock_fixture_init(&fixture);
}

static const struct penstock_instruction *instruction_of(int id)
{
	return penstock_instruction_get((enum penstock_instruction_id)id);
}

/* A context that may execute it. */
static void offer(const struct penstock_instruction *instruction)
{
	fixture.args.caps = (struct penstock_render_caps){
		.km = instruction->stream == PENSTOCK_STREAM_KM,
		.test_instructions = true,
		.pipelines = true,
		.formats = fixture.formats,
	};
}

static bool is_valid_sort(int id)
{
	return instruction_of(id)->privilege != PENSTOCK_PRIVILEGED;
}

static void expect(uint32_t length, enum penstock_status status)
{
	enum penstock_status got = penstock_fixture_render(&fixture, command, length);

	ck_assert_msg(got == status, "%s, not %s: %s", penstock_status_name(got),
		      penstock_status_name(status), fixture.refusal.sentence);
}

/* ------------------------------------------------------------------ opcodes */

START_TEST(A6_valid_instructions_are_accepted_and_checked)
{
	uint32_t length = penstock_fixture_alone((enum penstock_instruction_id)_i, command);

	offer(instruction_of(_i));
	expect(length, PENSTOCK_STATUS_SUCCESS);
	penstock_fixture_patch(&fixture);
	ck_assert_msg(penstock_fixture_check(&fixture) == PENSTOCK_STATUS_SUCCESS, "%s",
		      fixture.fault.text);
}
END_TEST

START_TEST(A6_unknown_opcode_is_illegal)
{
	uint32_t known = 0;

	for (uint32_t opcode = 0; opcode <= 0xFFFF; opcode++) {
		if (penstock_instruction_by_opcode((uint16_t)opcode) != NULL) {
			known++;
			continue;
		}
		penstock_store32(command, penstock_instruction_header((uint16_t)opcode, 4));
		expect(4, PENSTOCK_STATUS_ILLEGAL_INSTRUCTION);
		ck_assert(fixture.refusal.at_instruction);
		ck_assert_str_eq(fixture.refusal.instruction, "");
	}
	ck_assert_uint_eq(known, PENSTOCK_INSTRUCTION_COUNT);
}
END_TEST

/* Whatever the stream, the node and the length: privileged and malformed are told apart. */
START_TEST(A6_privileged_instructions_are_named_so)
{
	for (int id = 0; id < PENSTOCK_INSTRUCTION_COUNT; id++) {
		const struct penstock_layout *layout = &instruction_of(id)->layout;

		if (is_valid_sort(id)) {
			continue;
		}
		for (uint32_t mode = 0; mode < 8; mode++) {
			uint32_t bytes = (mode & 4) != 0 ? 4 : layout->bytes;

			memset(command, 0, layout->bytes);
			penstock_store32(command,
					 penstock_instruction_header(layout->opcode, bytes));
			fixture.args.caps.km = (mode & 1) != 0;
			fixture.args.caps.node_ordinal = (mode & 2) != 0;
			expect(layout->bytes, PENSTOCK_STATUS_PRIVILEGED_INSTRUCTION);
			ck_assert_str_eq(fixture.refusal.instruction, layout->mnemonic);
		}
	}
}
END_TEST

START_TEST(A6_wrong_stream_is_illegal)
{
	uint32_t length = penstock_fixture_valid((enum penstock_instruction_id)_i, command);

	offer(instruction_of(_i));
	fixture.args.caps.km = !fixture.args.caps.km;
	expect(length, PENSTOCK_STATUS_ILLEGAL_INSTRUCTION);
}
END_TEST

START_TEST(A6_wrong_node_is_illegal)
{
	uint32_t length = penstock_fixture_alone((enum penstock_instruction_id)_i, command);

	offer(instruction_of(_i));
	fixture.args.caps.node_ordinal = 1;
	expect(length, instruction_of(_i)->nodes != PENSTOCK_NODE_ANY
			       ? PENSTOCK_STATUS_ILLEGAL_INSTRUCTION
			       : PENSTOCK_STATUS_SUCCESS);
}
END_TEST

START_TEST(A6_test_instructions_are_illegal_where_not_offered)
{
	uint32_t length = penstock_fixture_valid(PENSTOCK_INSTRUCTION_SPIN, command);

	expect(length, PENSTOCK_STATUS_ILLEGAL_INSTRUCTION);
	fixture.args.caps.test_instructions = true;
	expect(length, PENSTOCK_STATUS_SUCCESS);
}
END_TEST

/* ------------------------------------------------------------------ lengths */

START_TEST(A6_wrong_lengths_are_invalid_user_buffers)
{
	const struct penstock_layout *layout = &instruction_of(_i)->layout;
	uint32_t length = penstock_fixture_valid((enum penstock_instruction_id)_i, command);
	enum penstock_status status;

	offer(instruction_of(_i));
	memset(command + length, 0, 64);
	for (uint32_t dwords = 0; dwords <= length / 4 + 16; dwords++) {
		bool fits = dwords * 4 >= layout->bytes;
		bool whole = layout->element_bytes == 0
				     ? dwords * 4 == layout->bytes
				     : (dwords * 4 - layout->bytes) % layout->element_bytes == 0;

		penstock_store32(command, penstock_instruction_header(layout->opcode, dwords * 4));
		status = penstock_fixture_render(&fixture, command,
						 dwords == 0 ? length : dwords * 4);
		/* Elements that the instance does not have may be wrong in another way. */
		ck_assert_int_eq(status == PENSTOCK_STATUS_INVALID_USER_BUFFER, !fits || !whole);
	}
	/* Longer than the stream. */
	penstock_fixture_valid((enum penstock_instruction_id)_i, command);
	if (length > 4) {
		expect(length - 4, PENSTOCK_STATUS_INVALID_USER_BUFFER);
	}
	penstock_store32(command, penstock_instruction_header(layout->opcode, 65535 * 4));
	expect(length, PENSTOCK_STATUS_INVALID_USER_BUFFER);
}
END_TEST

static enum penstock_status status_of_cut(uint32_t offset)
{
	bool in_group = false;
	uint32_t at = 0;

	while (at < offset) {
		in_group = penstock_opcode_binds(penstock_load16(command + at));
		at += penstock_header_length(penstock_load32(command + at));
	}
	return at != offset ? PENSTOCK_STATUS_INVALID_USER_BUFFER
	       : in_group   ? PENSTOCK_STATUS_INVALID_PARAMETER
			    : PENSTOCK_STATUS_SUCCESS;
}

/* Exactly that much memory there is: a sanitizer sees a byte that is read behind it. */
START_TEST(A5_a_buffer_cut_at_any_byte_is_refused_and_not_read_past)
{
	uint32_t length = penstock_fixture_all(&fixture, _i == 1, command);

	for (uint32_t cut = 0; cut <= length; cut++) {
		uint8_t *exact = malloc(cut == 0 ? 1 : cut);
		enum penstock_status status;

		memcpy(exact, command, cut);
		status = penstock_fixture_render(&fixture, exact, cut);
		ck_assert_int_eq(status, status_of_cut(cut));
		free(exact);
	}
}
END_TEST

/* Same bytes, same result, wherever they stand and whatever is behind them. */
START_TEST(A5_bytes_validated_are_bytes_translated)
{
	static uint8_t first[PENSTOCK_FIXTURE_DMA_BYTES];
	uint32_t length = penstock_fixture_all(&fixture, _i == 1, command), dma_length;

	expect(length, PENSTOCK_STATUS_SUCCESS);
	dma_length = fixture.args.dma_length;
	memcpy(first, fixture.dma, dma_length);
	memmove(command + 3, command, length);
	memset(command + 3 + length, 0xff, 64);
	ck_assert_int_eq(penstock_fixture_render(&fixture, command + 3, length),
			 PENSTOCK_STATUS_SUCCESS);
	ck_assert_uint_eq(fixture.args.dma_length, dma_length);
	memset(command, 0xff, sizeof(command));
	ck_assert_mem_eq(fixture.dma, first, dma_length);
}
END_TEST

START_TEST(A6_trailing_bytes_are_an_invalid_user_buffer)
{
	uint32_t length = penstock_fixture_valid(PENSTOCK_INSTRUCTION_COPY, command);

	penstock_fixture_valid(PENSTOCK_INSTRUCTION_NOP, command + length);
	for (uint32_t trailing = 1; trailing < 4; trailing++) {
		expect(length + trailing, PENSTOCK_STATUS_INVALID_USER_BUFFER);
		ck_assert_uint_eq(fixture.refusal.byte_offset, length);
	}
	expect(length + 4, PENSTOCK_STATUS_SUCCESS);
}
END_TEST

/* Where the last instruction with that opcode stands. */
static uint32_t last_of(uint16_t opcode, uint32_t length)
{
	uint32_t last = 0;

	for (uint32_t at = 0; at < length;
	     at += penstock_header_length(penstock_load32(command + at))) {
		last = penstock_load16(command + at) == opcode ? at : last;
	}
	return last;
}

START_TEST(A6_reserved_fields_are_zero)
{
	const struct penstock_layout *layout = &instruction_of(_i)->layout;
	uint32_t first, length;

	offer(instruction_of(_i));
	length = penstock_fixture_alone((enum penstock_instruction_id)_i, command);
	length += penstock_fixture_alone((enum penstock_instruction_id)_i, command + length);
	/* In the second of two, so that a handler that goes on by itself sees it too. */
	first = last_of(layout->opcode, length);
	for (uint32_t offset = 4; offset < layout->bytes; offset++) {
		bool named = false;

		for (uint32_t i = 0; i < layout->operand_count; i++) {
			named |= offset >= layout->operands[i].offset &&
				 offset < (uint32_t)layout->operands[i].offset +
						  layout->operands[i].width;
		}
		if (named) {
			continue;
		}
		command[first + offset] = 0x40;
		expect(length, PENSTOCK_STATUS_INVALID_PARAMETER);
		ck_assert_uint_eq(fixture.refusal.byte_offset, first);
		command[first + offset] = 0;
	}
	expect(length, PENSTOCK_STATUS_SUCCESS);
}
END_TEST

START_TEST(command_offset_says_where_instructions_start)
{
	uint32_t length = 8 + penstock_fixture_valid(PENSTOCK_INSTRUCTION_FILL, command + 8);

	memset(command, 0xff, 8);
	fixture.args.command_offset = 8;
	expect(length, PENSTOCK_STATUS_SUCCESS);
	ck_assert_uint_eq(fixture.args.dma_length, 24);
	penstock_store16(command + 8 + PENSTOCK_OPERAND_FILL_destination, 999);
	expect(length, PENSTOCK_STATUS_INVALID_HANDLE);
	ck_assert_uint_eq(fixture.refusal.byte_offset, 8);
	fixture.args.command_offset = length;
	expect(length, PENSTOCK_STATUS_SUCCESS);
	fixture.args.command_offset = length + 4;
	expect(length, PENSTOCK_STATUS_INVALID_USER_BUFFER);
	fixture.args.command_offset = UINT32_MAX;
	expect(length, PENSTOCK_STATUS_INVALID_USER_BUFFER);
	fixture.args.command_offset = 6;
	expect(length, PENSTOCK_STATUS_INVALID_PARAMETER);
}
END_TEST

START_TEST(A7_a_refusal_leaves_the_next_submission_alone)
{
	uint32_t length = penstock_fixture_all(&fixture, false, command);

	penstock_store16(command + length, 0x7777);
	penstock_store16(command + length + 2, 1);
	expect(length + 4, PENSTOCK_STATUS_ILLEGAL_INSTRUCTION);
	ck_assert_uint_eq(fixture.refusal.byte_offset, length);
	expect(length, PENSTOCK_STATUS_SUCCESS);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("render");
	TCase *tcase = tcase_create("render");
	const int privileged = PENSTOCK_INSTRUCTION_REGISTER_WRITE;

	tcase_add_checked_fixture(tcase, setup, NULL);
	tcase_add_loop_test(tcase, A6_valid_instructions_are_accepted_and_checked, 0, privileged);
	tcase_add_test(tcase, A6_unknown_opcode_is_illegal);
	tcase_add_test(tcase, A6_privileged_instructions_are_named_so);
	tcase_add_loop_test(tcase, A6_wrong_stream_is_illegal, 0, privileged);
	tcase_add_loop_test(tcase, A6_wrong_node_is_illegal, 0, privileged);
	tcase_add_test(tcase, A6_test_instructions_are_illegal_where_not_offered);
	tcase_add_loop_test(tcase, A6_wrong_lengths_are_invalid_user_buffers, 0, privileged);
	tcase_add_loop_test(tcase, A5_a_buffer_cut_at_any_byte_is_refused_and_not_read_past, 0, 2);
	tcase_add_loop_test(tcase, A5_bytes_validated_are_bytes_translated, 0, 2);
	tcase_add_test(tcase, A6_trailing_bytes_are_an_invalid_user_buffer);
	tcase_add_loop_test(tcase, A6_reserved_fields_are_zero, 0, privileged);
	tcase_add_test(tcase, command_offset_says_where_instructions_start);
	tcase_add_test(tcase, A7_a_refusal_leaves_the_next_submission_alone);
	suite_add_tcase(suite, tcase);
	return penstock_test_main(suite);
}
