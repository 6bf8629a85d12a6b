/* SPDX-License-Identifier: MIT */
/*
 * The instruction tables are sane, and cutting instructions out of a buffer judges what it says.
 */
#include "gpu-backend/dma.h"
#include "proto/isa/instruction.h"
#include "tests/harness.h"

#include <string.h>

/* What an operand covers stays inside the fixed part, aligned, and is covered once. */
static void check_operand(const struct penstock_layout *layout, unsigned index, uint8_t *covered)
{
	const struct penstock_operand *operand = &layout->operands[index];

	if (penstock_operand_trails(operand)) {
		ck_assert_uint_eq(index, layout->operand_count - 1u);
		ck_assert_uint_eq(operand->offset, layout->bytes);
		ck_assert_uint_eq(layout->element_bytes,
				  operand->type == PENSTOCK_OPERAND_RECTS ? 16 : 4);
		return;
	}
	ck_assert_uint_ge(operand->offset, PENSTOCK_HEADER_BYTES);
	ck_assert_uint_le(operand->offset + operand->width, layout->bytes);
	ck_assert_uint_eq(operand->offset % (operand->width < 4 ? 2 : 4), 0);
	for (unsigned i = 0; i < operand->width; i++) {
		ck_assert_msg(covered[operand->offset + i] == 0, "%s.%s overlaps byte %u",
			      layout->mnemonic, operand->name, operand->offset + i);
		covered[operand->offset + i] = 1;
	}
	for (unsigned i = 0; i < index; i++) {
		ck_assert_str_ne(layout->operands[i].name, operand->name);
	}
}

/* The reserved masks of a layout say exactly what no operand covers. */
static void check_reserved(const struct penstock_layout *layout, const uint8_t *covered)
{
	uint8_t bytes[128];

	for (unsigned i = PENSTOCK_HEADER_BYTES; i < layout->bytes; i++) {
		memset(bytes, 0, sizeof(bytes));
		bytes[i] = 0x80;
		ck_assert_msg(penstock_layout_reserved_zero(layout, bytes) == covered[i],
			      "%s byte %u", layout->mnemonic, i);
	}
	memset(bytes, 0xff, sizeof(bytes));
	for (unsigned i = PENSTOCK_HEADER_BYTES; i < layout->bytes; i++) {
		bytes[i] = covered[i] ? 0xff : 0;
	}
	ck_assert(penstock_layout_reserved_zero(layout, bytes));
}

static void check_layout(const struct penstock_isa *isa, const struct penstock_layout *layout)
{
	uint8_t covered[128] = { 0 };
	bool trails = false;

	ck_assert_uint_le(layout->bytes, sizeof(covered));
	ck_assert_uint_eq(layout->bytes % 4, 0);
	ck_assert_uint_ge(layout->bytes, PENSTOCK_HEADER_BYTES);
	for (unsigned i = 0; i < layout->operand_count; i++) {
		check_operand(layout, i, covered);
		trails = trails || penstock_operand_trails(&layout->operands[i]);
	}
	ck_assert_int_eq(trails, layout->element_bytes != 0);
	check_reserved(layout, covered);
	ck_assert_ptr_eq(isa->by_opcode(layout->opcode), layout);
	ck_assert_ptr_eq(penstock_isa_by_mnemonic(isa, layout->mnemonic, strlen(layout->mnemonic)),
			 layout);
	ck_assert_uint_gt(strlen(layout->summary), 0);
}

START_TEST(operands_lie_in_the_fixed_part_and_do_not_overlap)
{
	for (unsigned i = 0; i < penstock_command_isa.count; i++) {
		check_layout(&penstock_command_isa, penstock_command_isa.at(i));
	}
}
END_TEST

START_TEST(dma_fields_lie_in_the_fixed_part_and_do_not_overlap)
{
	for (unsigned i = 0; i < penstock_dma_isa.count; i++) {
		check_layout(&penstock_dma_isa, penstock_dma_isa.at(i));
	}
}
END_TEST

/* Slots are operand positions: 0, 1, ... of the references, and of nothing else. */
START_TEST(slots_count_the_references_from_zero)
{
	for (int id = 0; id < PENSTOCK_INSTRUCTION_COUNT; id++) {
		const struct penstock_instruction *instruction = penstock_instruction_get(id);
		int next = 0;

		for (unsigned i = 0; i < instruction->layout.operand_count; i++) {
			const struct penstock_operand *operand = &instruction->layout.operands[i];
			bool reference = operand->type == PENSTOCK_OPERAND_SOURCE ||
					 operand->type == PENSTOCK_OPERAND_DESTINATION ||
					 operand->type == PENSTOCK_OPERAND_BOTH;

			ck_assert_int_eq(operand->slot, reference ? next : -1);
			next += reference;
		}
		/* Each reference, and each but slot 0 unbound by a later instruction. */
		ck_assert_int_eq(instruction->patches, next == 0 ? 0 : 2 * next - 1);
	}
}
END_TEST

/* Ranges are of the reference named before them: such an operand there must be. */
START_TEST(offsets_and_sizes_follow_a_reference)
{
	for (int id = 0; id < PENSTOCK_INSTRUCTION_COUNT; id++) {
		const struct penstock_layout *layout = &penstock_instruction_get(id)->layout;
		int slot = -1;

		for (unsigned i = 0; i < layout->operand_count; i++) {
			const struct penstock_operand *operand = &layout->operands[i];

			slot = operand->slot >= 0 ? operand->slot : slot;
			if (operand->type == PENSTOCK_OPERAND_OFFSET ||
			    operand->type == PENSTOCK_OPERAND_SIZE) {
				ck_assert_int_ge(slot, 0);
			}
		}
	}
}
END_TEST

START_TEST(privileged_instructions_cost_nothing)
{
	unsigned privileged = 0;

	for (int id = 0; id < PENSTOCK_INSTRUCTION_COUNT; id++) {
		const struct penstock_instruction *instruction = penstock_instruction_get(id);

		ck_assert_int_eq(instruction->id, id);
		if (instruction->privilege != PENSTOCK_PRIVILEGED) {
			continue;
		}
		privileged++;
		ck_assert_uint_eq(instruction->dma_bytes, 0);
		ck_assert_uint_eq(instruction->patches, 0);
	}
	ck_assert_uint_gt(privileged, 0);
}
END_TEST

/* What the table promises as the worst case is the size of the DMA instruction of that opcode. */
START_TEST(worst_case_covers_the_dma_instruction)
{
	for (int id = 0; id < PENSTOCK_INSTRUCTION_COUNT; id++) {
		const struct penstock_instruction *instruction = penstock_instruction_get(id);
		const struct penstock_dma_instruction *dma =
			penstock_dma_by_opcode(instruction->layout.opcode);

		if (dma == NULL || instruction->dma_bytes == 0) {
			continue;
		}
		ck_assert_str_eq(dma->layout.mnemonic, instruction->layout.mnemonic);
		ck_assert_uint_ge(instruction->dma_bytes, dma->layout.bytes);
		ck_assert_uint_ge(instruction->dma_element_bytes, dma->layout.element_bytes);
	}
}
END_TEST

START_TEST(every_opcode_is_found_or_is_not_there)
{
	unsigned found = 0;

	for (uint32_t opcode = 0; opcode <= UINT16_MAX; opcode++) {
		const struct penstock_instruction *instruction =
			penstock_instruction_by_opcode((uint16_t)opcode);

		if (instruction != NULL) {
			ck_assert_uint_eq(instruction->layout.opcode, opcode);
			found++;
		}
	}
	ck_assert_uint_eq(found, PENSTOCK_INSTRUCTION_COUNT);
	ck_assert_ptr_eq(penstock_instruction_by_mnemonic("copy"),
			 penstock_instruction_get(PENSTOCK_INSTRUCTION_COPY));
	ck_assert_ptr_null(penstock_instruction_by_mnemonic("cop"));
	ck_assert_ptr_null(penstock_instruction_by_mnemonic(""));
}
END_TEST

START_TEST(decode_judges_opcode_and_length)
{
	uint8_t bytes[64] = { 0 };
	struct penstock_decoded decoded = { 0 };
	static const struct {
		uint16_t opcode;
		uint32_t length;
		uint32_t remaining;
		enum penstock_status status;
	} cases[] = {
		{ PENSTOCK_OPCODE_COPY, 32, 32, PENSTOCK_STATUS_SUCCESS },
		{ PENSTOCK_OPCODE_COPY, 32, 64, PENSTOCK_STATUS_SUCCESS },
		{ PENSTOCK_OPCODE_COPY, 32, 31, PENSTOCK_STATUS_INVALID_USER_BUFFER },
		{ PENSTOCK_OPCODE_COPY, 32, 3, PENSTOCK_STATUS_INVALID_USER_BUFFER },
		{ PENSTOCK_OPCODE_COPY, 32, 0, PENSTOCK_STATUS_INVALID_USER_BUFFER },
		{ PENSTOCK_OPCODE_COPY, 28, 64, PENSTOCK_STATUS_INVALID_USER_BUFFER },
		{ PENSTOCK_OPCODE_COPY, 36, 64, PENSTOCK_STATUS_INVALID_USER_BUFFER },
		{ PENSTOCK_OPCODE_COPY, 0, 64, PENSTOCK_STATUS_INVALID_USER_BUFFER },
		{ PENSTOCK_OPCODE_NOP, 0, 64, PENSTOCK_STATUS_INVALID_USER_BUFFER },
		{ PENSTOCK_OPCODE_NOP, 4, 64, PENSTOCK_STATUS_SUCCESS },
		{ PENSTOCK_OPCODE_UPDATE, 16, 64, PENSTOCK_STATUS_SUCCESS },
		{ PENSTOCK_OPCODE_UPDATE, 28, 64, PENSTOCK_STATUS_SUCCESS },
		{ PENSTOCK_OPCODE_COLORFILL, 36, 64, PENSTOCK_STATUS_SUCCESS },
		{ PENSTOCK_OPCODE_COLORFILL, 52, 64, PENSTOCK_STATUS_SUCCESS },
		{ PENSTOCK_OPCODE_COLORFILL, 40, 64, PENSTOCK_STATUS_INVALID_USER_BUFFER },
		{ PENSTOCK_OPCODE_COPY, 65535 * 4, 64, PENSTOCK_STATUS_INVALID_USER_BUFFER },
		{ 0x7777, 32, 64, PENSTOCK_STATUS_ILLEGAL_INSTRUCTION },
		{ 0x0040, 32, 64, PENSTOCK_STATUS_ILLEGAL_INSTRUCTION },
		{ 0xffff, 0, 64, PENSTOCK_STATUS_ILLEGAL_INSTRUCTION },
	};

	for (unsigned i = 0; i < PENSTOCK_ARRAY_SIZE(cases); i++) {
		penstock_store32(bytes,
				 penstock_instruction_header(cases[i].opcode, cases[i].length));
		ck_assert_int_eq(penstock_instruction_decode(bytes, cases[i].remaining, &decoded),
				 cases[i].status);
		if (cases[i].status == PENSTOCK_STATUS_SUCCESS) {
			ck_assert_uint_eq(decoded.length, cases[i].length);
			ck_assert_uint_eq(decoded.instruction->layout.opcode, cases[i].opcode);
		}
	}
	penstock_store32(bytes, penstock_instruction_header(PENSTOCK_OPCODE_COLORFILL, 52));
	ck_assert_int_eq(penstock_instruction_decode(bytes, 64, &decoded), PENSTOCK_STATUS_SUCCESS);
	ck_assert_uint_eq(decoded.elements, 1);
}
END_TEST

START_TEST(dma_decode_judges_opcode_and_length)
{
	uint8_t bytes[64] = { 0 };
	struct penstock_dma_decoded decoded = { 0 };

	penstock_store32(bytes, penstock_layout_header(PENSTOCK_DMA_OPCODE_UNMAP_PAGES, 24));
	ck_assert_int_eq(penstock_dma_decode(bytes, 24, &decoded), PENSTOCK_STATUS_SUCCESS);
	ck_assert_int_eq(decoded.instruction->id, PENSTOCK_DMA_UNMAP_PAGES);
	ck_assert_int_eq(decoded.instruction->class, PENSTOCK_DMA_PAGING);
	ck_assert(penstock_dma_reserved_zero(&decoded));
	bytes[4] = 1;
	ck_assert(!penstock_dma_reserved_zero(&decoded));
	ck_assert_int_eq(penstock_dma_decode(bytes, 23, &decoded),
			 PENSTOCK_STATUS_INVALID_USER_BUFFER);
	penstock_store32(bytes, penstock_layout_header(0x0104, 24));
	ck_assert_int_eq(penstock_dma_decode(bytes, 64, &decoded),
			 PENSTOCK_STATUS_ILLEGAL_INSTRUCTION);
	ck_assert_int_eq(PENSTOCK_DMA_COPY_source, 8);
	ck_assert_int_eq(PENSTOCK_OPERAND_COPY_size, 24);
}
END_TEST

START_TEST(reserved_fields_are_seen)
{
	uint8_t bytes[32] = { 0 };
	struct penstock_decoded decoded = { 0 };

	penstock_store32(bytes, penstock_instruction_header(PENSTOCK_OPCODE_FILL, 32));
	ck_assert_int_eq(penstock_instruction_decode(bytes, 32, &decoded), PENSTOCK_STATUS_SUCCESS);
	ck_assert(penstock_instruction_reserved_zero(&decoded));
	bytes[5] = 0xff; /* of the destination index */
	bytes[27] = 0xff;
	ck_assert(penstock_instruction_reserved_zero(&decoded));
	bytes[6] = 1;
	ck_assert(!penstock_instruction_reserved_zero(&decoded));
	bytes[6] = 0;
	bytes[31] = 0x80;
	ck_assert(!penstock_instruction_reserved_zero(&decoded));
}
END_TEST

START_TEST(cost_is_the_worst_case_and_saturates)
{
	uint32_t dma_bytes, patches;

	penstock_instruction_cost(penstock_instruction_get(PENSTOCK_INSTRUCTION_COPY), 0,
				  &dma_bytes, &patches);
	ck_assert_uint_eq(dma_bytes, 32);
	ck_assert_uint_eq(patches, 3);
	penstock_instruction_cost(penstock_instruction_get(PENSTOCK_INSTRUCTION_BITBLT), 3,
				  &dma_bytes, &patches);
	ck_assert_uint_eq(dma_bytes, 48 + 3 * 16);
	penstock_instruction_cost(penstock_instruction_get(PENSTOCK_INSTRUCTION_BITBLT), UINT32_MAX,
				  &dma_bytes, &patches);
	ck_assert_uint_eq(dma_bytes, UINT32_MAX);
}
END_TEST

START_TEST(formats_have_names_and_sizes)
{
	for (uint32_t format = PENSTOCK_FORMAT_NONE + 1; format <= PENSTOCK_FORMAT_A8; format++) {
		const char *name = penstock_format_name(format);

		ck_assert_ptr_nonnull(name);
		ck_assert_int_eq(penstock_format_from_name(name), format);
		ck_assert_uint_ge(penstock_format_bytes(format), 1);
	}
	ck_assert_uint_eq(penstock_format_bytes(PENSTOCK_FORMAT_A8R8G8B8), 4);
	ck_assert_uint_eq(penstock_format_bytes(PENSTOCK_FORMAT_A8), 1);
	ck_assert_uint_eq(penstock_format_bytes(PENSTOCK_FORMAT_NONE), 0);
	ck_assert_uint_eq(penstock_format_bytes(6), 0);
	ck_assert_uint_eq(penstock_format_bytes(UINT32_MAX), 0);
	ck_assert_ptr_null(penstock_format_name(PENSTOCK_FORMAT_NONE));
	ck_assert_ptr_null(penstock_format_name(6));
	ck_assert_int_eq(penstock_format_from_name("a8"), PENSTOCK_FORMAT_NONE);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("instruction");
	TCase *tcase = tcase_create("instruction");

	tcase_add_test(tcase, operands_lie_in_the_fixed_part_and_do_not_overlap);
	tcase_add_test(tcase, dma_fields_lie_in_the_fixed_part_and_do_not_overlap);
	tcase_add_test(tcase, slots_count_the_references_from_zero);
	tcase_add_test(tcase, offsets_and_sizes_follow_a_reference);
	tcase_add_test(tcase, privileged_instructions_cost_nothing);
	tcase_add_test(tcase, worst_case_covers_the_dma_instruction);
	tcase_add_test(tcase, every_opcode_is_found_or_is_not_there);
	tcase_add_test(tcase, decode_judges_opcode_and_length);
	tcase_add_test(tcase, dma_decode_judges_opcode_and_length);
	tcase_add_test(tcase, reserved_fields_are_seen);
	tcase_add_test(tcase, cost_is_the_worst_case_and_saturates);
	tcase_add_test(tcase, formats_have_names_and_sizes);
	suite_add_tcase(suite, tcase);
	return penstock_test_main(suite);
}
