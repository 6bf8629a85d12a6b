/* SPDX-License-Identifier: MIT */
/*
 * What the assembler makes of good text, what it says of bad text, and what the disassembler
 * writes of bytes that have no text.
 */
#include "gpu-backend/dma.h"
#include "proto/isa/assembler.h"
#include "proto/isa/disassembler.h"
#include "proto/isa/instruction.h"
#include "tests/harness.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static uint8_t bytes[4096];
static uint32_t length;
static struct penstock_errbuf fault;

/* The only name that a reference may have is @picture: 7. */
static bool resolve_picture(void *owner, const char *name, size_t name_bytes, uint16_t *ret_index)
{
	(void)owner;
	if (name_bytes != 7 || memcmp(name, "picture", 7) != 0) {
		return false;
	}
	*ret_index = 7;
	return true;
}

static enum penstock_status assemble(const struct penstock_isa *isa, const char *text)
{
	const struct penstock_assembler assembler = {
		.isa = isa,
		.file = "a.pasm",
		.first_line = 1,
		.resolve = resolve_picture,
	};

	length = 0;
	fault.text[0] = '\0';
	return penstock_assemble(&assembler, text, strlen(text), bytes, sizeof(bytes), &length,
				 &fault);
}

static void assemble_good(const char *text)
{
	enum penstock_status status = assemble(&penstock_command_isa, text);

	ck_assert_msg(status == PENSTOCK_STATUS_SUCCESS, "%s", fault.text);
}

static const char *disassemble(const struct penstock_isa *isa, uint32_t size, bool offsets)
{
	static char memory[8192];
	static struct penstock_text text;
	const struct penstock_disassembler disassembler = {
		.isa = isa,
		.offsets = offsets,
		.write = penstock_text_write,
		.owner = &text,
	};

	penstock_text_init(&text, memory, sizeof(memory));
	penstock_disassemble(&disassembler, bytes, size);
	ck_assert(!text.truncated);
	return memory;
}

START_TEST(operands_stand_where_the_table_says)
{
	assemble_good("copy source=1 source_offset=0x10 destination=2 destination_offset=0 "
		      "size=4096");
	ck_assert_uint_eq(length, 32);
	ck_assert_uint_eq(penstock_load32(bytes), PENSTOCK_OPCODE_COPY | 8u << 16);
	ck_assert_uint_eq(penstock_load16(bytes + PENSTOCK_OPERAND_COPY_source), 1);
	ck_assert_uint_eq(penstock_load16(bytes + PENSTOCK_OPERAND_COPY_destination), 2);
	ck_assert_uint_eq(penstock_load64(bytes + PENSTOCK_OPERAND_COPY_source_offset), 16);
	ck_assert_uint_eq(penstock_load64(bytes + PENSTOCK_OPERAND_COPY_destination_offset), 0);
	ck_assert_uint_eq(penstock_load64(bytes + PENSTOCK_OPERAND_COPY_size), 4096);
}
END_TEST

START_TEST(a_format_is_a_name_or_a_number)
{
	assemble_good("image allocation=1 slot=2 format=R8G8B8A8_UNORM width=4");
	ck_assert_uint_eq(penstock_load32(bytes + PENSTOCK_OPERAND_IMAGE_format), 37);
	assemble_good("image allocation=1 slot=2 format=0x7e width=4");
	ck_assert_uint_eq(penstock_load32(bytes + PENSTOCK_OPERAND_IMAGE_format), 126);
	assemble_good("bind_image format=A4B4G4R4_UNORM_PACK16");
	ck_assert_uint_eq(penstock_load32(bytes + PENSTOCK_OPERAND_BIND_IMAGE_format), 1000340001);
}
END_TEST

START_TEST(order_blanks_and_comments_do_not_matter)
{
	uint8_t first[32];

	assemble_good("copy source=1 destination=@picture size=3 source_offset=9");
	memcpy(first, bytes, sizeof(first));
	assemble_good("\n# a comment\n\t copy  size = 0x3\tsource_offset=9 destination=7 "
		      "source=1 # more\r\n\n");
	ck_assert_uint_eq(length, 32);
	ck_assert_mem_eq(bytes, first, sizeof(first));
}
END_TEST

START_TEST(trailing_arrays_may_span_lines)
{
	assemble_good("colorfill sub_rects=[(0,0,1,1)\n # first\n (-1, -2,3 ,4),(5,6,7,8)] "
		      "destination=0 destination_rect=(0,0,9,9)\nnop");
	ck_assert_uint_eq(length, PENSTOCK_BYTES_COLORFILL + 3 * 16 + 4);
	ck_assert_int_eq((int32_t)penstock_load32(bytes + PENSTOCK_BYTES_COLORFILL + 16), -1);
	ck_assert_int_eq((int32_t)penstock_load32(bytes + PENSTOCK_BYTES_COLORFILL + 44), 8);
	assemble_good("update destination=1 data=[0x1 4294967295]");
	ck_assert_uint_eq(length, PENSTOCK_BYTES_UPDATE + 8);
	ck_assert_uint_eq(penstock_load32(bytes + 20), UINT32_MAX);
	assemble_good("update destination=1 data=[]");
	ck_assert_uint_eq(length, PENSTOCK_BYTES_UPDATE);
}
END_TEST

START_TEST(directives_give_bytes_as_they_are)
{
	assemble_good(".dword 0x00017777 1\n.byte 1 0xff");
	ck_assert_uint_eq(length, 10);
	ck_assert_uint_eq(penstock_load32(bytes), 0x17777);
	ck_assert_uint_eq(bytes[9], 0xff);
}
END_TEST

START_TEST(faults_name_file_line_column_and_what_is_wrong)
{
	static const struct {
		const char *text;
		const char *fault;
	} cases[] = {
		{ "nop\nfrobnicate", "a.pasm:2:1: there is no instruction 'frobnicate'" },
		{ "copy source=1 sauce=2", "a.pasm:1:15: copy has no operand 'sauce'" },
		{ "copy source=1 source=2",
		  "a.pasm:1:15: operand 'source' is given a second time" },
		{ "\n  copy source=1 size=2", "a.pasm:2:3: copy needs its operand 'destination'" },
		{ "copy source=65536", "a.pasm:1:13: '65536' is more than 65535" },
		{ "copy source=-1", "a.pasm:1:13: '-1' where a number should be" },
		{ "copy source=0x", "a.pasm:1:13: '0x' where a number should be" },
		{ "copy source=1f", "a.pasm:1:13: '1f' where a number should be" },
		{ "copy size=0x10000000000000000",
		  "a.pasm:1:11: '0x10000000000000000' is more than 18446744073709551615" },
		{ "marker value=4294967296", "a.pasm:1:14: '4294967296' is more than 4294967295" },
		{ "copy source=@other", "a.pasm:1:13: '@other' is not in the allocation list" },
		{ "image format=R8G8B8A8",
		  "a.pasm:1:14: 'R8G8B8A8' where a format (R8G8B8A8_UNORM, ...) should be" },
		{ "image type=R8_UNORM", "a.pasm:1:12: 'R8_UNORM' where a number should be" },
		{ "copy source 1", "a.pasm:1:13: '1' where '=' should be" },
		{ "copy source=", "a.pasm:1:13: the end where a number should be" },
		{ "copy source=\nnop",
		  "a.pasm:1:13: the end of the line where a number should be" },
		{ "copy (1", "a.pasm:1:6: '(' where an operand 'name=value' should be" },
		{ "colorfill destination_rect=(1,2,3)", "a.pasm:1:34: ')' where ',' should be" },
		{ "colorfill destination_rect=7",
		  "a.pasm:1:28: '7' where a rectangle '(left,top,right,bottom)' should be" },
		{ "colorfill destination_rect=(2147483648,0,0,0)",
		  "a.pasm:1:29: '2147483648' is not within 32 bits" },
		{ "colorfill destination_rect=(-2147483649,0,0,0)",
		  "a.pasm:1:29: '-2147483649' is not within 32 bits" },
		{ "colorfill destination=1 sub_rects=[1]",
		  "a.pasm:1:36: '1' where a rectangle '(left,top,right,bottom)' should be" },
		{ "update data=[1 2", "a.pasm:1:17: the end where ']' should be" },
		{ "update data=[1 =", "a.pasm:1:16: '=' where ']' should be" },
		{ "update data=1", "a.pasm:1:13: '1' where '[' should be" },
		{ ".dword", "a.pasm:1:7: the end where a number should be" },
		{ ".byte 256", "a.pasm:1:7: '256' is more than 255" },
		{ "nop nop", "a.pasm:1:5: nop has no operand 'nop'" },
		{ "\"nop\"", "a.pasm:1:1: 'nop' where an instruction should be" },
		{ "\"nop", "a.pasm:1:1: a string without end where an instruction should be" },
		{ "n\x01p", "a.pasm:1:1: there is no instruction 'n'" },
		{ "\xc3\xa4", "a.pasm:1:1: the byte 0xc3 where an instruction should be" },
	};

	for (unsigned i = 0; i < PENSTOCK_ARRAY_SIZE(cases); i++) {
		ck_assert_int_eq(assemble(&penstock_command_isa, cases[i].text),
				 PENSTOCK_STATUS_INVALID_PARAMETER);
		ck_assert_str_eq(fault.text, cases[i].fault);
	}
}
END_TEST

START_TEST(a_long_path_leaves_room_for_the_fault)
{
	char path[1000];
	const struct penstock_assembler assembler = {
		.isa = &penstock_command_isa,
		.file = path,
		.first_line = 41,
	};

	memset(path, 'd', sizeof(path));
	snprintf(path + sizeof(path) - 8, 8, "/x.pasm");
	ck_assert_int_eq(
		penstock_assemble(&assembler, "\nbad", 4, bytes, sizeof(bytes), &length, &fault),
		PENSTOCK_STATUS_INVALID_PARAMETER);
	ck_assert_ptr_nonnull(strstr(fault.text, "/x.pasm:42:1: there is no instruction 'bad'"));
}
END_TEST

START_TEST(the_caller_bounds_what_is_written)
{
	const struct penstock_assembler assembler = {
		.isa = &penstock_command_isa,
		.file = "a.pasm",
		.first_line = 1,
	};
	const char *text = "copy source=1 destination=1 size=1\nnop\n";

	memset(bytes, 0xaa, sizeof(bytes));
	length = 77;
	ck_assert_int_eq(
		penstock_assemble(&assembler, text, strlen(text), bytes, 35, &length, &fault),
		PENSTOCK_STATUS_LIMIT_EXCEEDED);
	ck_assert_str_eq(fault.text,
			 "a.pasm:2:1: the command buffer would be larger than 35 bytes");
	ck_assert_uint_eq(length, 77);
	ck_assert_uint_eq(bytes[32], 0xaa);
	ck_assert_int_eq(
		penstock_assemble(&assembler, text, strlen(text), bytes, 36, &length, &fault),
		PENSTOCK_STATUS_SUCCESS);
	ck_assert_uint_eq(length, 36);
}
END_TEST

/* The length field has 16 bits: 65535 dwords fit an instruction, one more does not. */
START_TEST(an_instruction_is_no_longer_than_its_length_field_can_say)
{
	const struct penstock_assembler assembler = {
		.isa = &penstock_command_isa,
		.file = "a.pasm",
		.first_line = 1,
	};
	const uint32_t most = 65535u - PENSTOCK_BYTES_ESCAPE / 4;
	const uint32_t capacity = 1u << 20;
	uint8_t *out = malloc(capacity);
	char *text = malloc(capacity);
	size_t at;

	for (uint32_t elements = most; elements <= most + 1; elements++) {
		at = (size_t)snprintf(text, capacity, "escape data=[");
		for (uint32_t i = 0; i < elements; i++) {
			at += (size_t)snprintf(text + at, capacity - at, "1 ");
		}
		at += (size_t)snprintf(text + at, capacity - at, "]");
		ck_assert_int_eq(
			penstock_assemble(&assembler, text, at, out, capacity, &length, &fault),
			elements == most ? PENSTOCK_STATUS_SUCCESS
					 : PENSTOCK_STATUS_LIMIT_EXCEEDED);
		ck_assert_uint_eq(length, 65535u * 4);
		ck_assert(elements > most || penstock_load32(out) >> 16 == 65535);
	}
	free(text);
	free(out);
}
END_TEST

START_TEST(disassembly_is_one_line_an_instruction)
{
	assemble_good("nop\ncopy source=1 source_offset=16 destination=2 size=4096\n"
		      "colorfill destination=3 destination_rect=(-1,0,64,64) color=255 rop=1 "
		      "sub_rects=[(0,0,1,1) (1,1,2,2)]\nescape data=[1 0xff]\nescape");
	ck_assert_str_eq(disassemble(&penstock_command_isa, length, false),
			 "nop\n"
			 "copy source=1 source_offset=0x10 destination=2 destination_offset=0x0 "
			 "size=4096\n"
			 "colorfill destination=3 destination_rect=(-1,0,64,64) color=0x000000ff "
			 "rop=1 rop3=0x0 sub_rects=[(0,0,1,1) (1,1,2,2)]\n"
			 "escape data=[0x1 0xff]\n"
			 "escape\n");
	ck_assert_str_eq(disassemble(&penstock_command_isa, 8, true),
			 "nop  # 0x0\n.dword 0x00080003  # 0x4: impossible length\n");
}
END_TEST

START_TEST(what_has_no_exact_text_becomes_a_directive)
{
	assemble_good(".dword 0x00037777 1 2 0x00000000 0xffff9999 0x00020001\n.byte 3");
	ck_assert_str_eq(disassemble(&penstock_command_isa, length, false),
			 ".dword 0x00037777 0x00000001 0x00000002  # no such instruction\n"
			 ".dword 0x00000000  # impossible length\n"
			 ".dword 0xffff9999  # no such instruction\n"
			 ".dword 0x00020001  # impossible length\n"
			 ".byte 0x03  # less than a header\n");
	assemble_good("fill destination=1 size=4");
	bytes[7] = 1;
	ck_assert_str_eq(disassemble(&penstock_command_isa, length, true),
			 ".dword 0x00080002 0x01000001 0x00000000 0x00000000 0x00000004 0x00000000 "
			 "0x00000000 0x00000000  # 0x0: reserved fields are not zero\n");
}
END_TEST

START_TEST(dma_buffers_are_printed_from_their_own_table)
{
	ck_assert_int_eq(assemble(&penstock_dma_isa,
				  "copy source=0x100000000 destination=0x10000000000 size=8\n"
				  "map_pages file=3 address=0x10000 size=65536"),
			 PENSTOCK_STATUS_SUCCESS);
	ck_assert_str_eq(disassemble(&penstock_dma_isa, length, false),
			 "copy source=0x100000000 destination=0x10000000000 size=0x8\n"
			 "map_pages file=3 flags=0x0 address=0x10000 offset=0x0 size=0x10000\n");
	ck_assert_int_eq(assemble(&penstock_dma_isa, "jump address=1"),
			 PENSTOCK_STATUS_INVALID_PARAMETER);
}
END_TEST

START_TEST(text_that_does_not_fit_is_cut_and_says_so)
{
	char memory[8];
	struct penstock_text text;

	penstock_text_init(&text, memory, sizeof(memory));
	penstock_text_write(&text, "12345", 5);
	ck_assert(!text.truncated);
	penstock_text_write(&text, "6789", 4);
	ck_assert(text.truncated);
	ck_assert_str_eq(memory, "1234567");
	penstock_text_write(&text, "x", 1);
	ck_assert_uint_eq(text.length, 7);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("assembler");
	TCase *tcase = tcase_create("assembler");

	tcase_add_test(tcase, operands_stand_where_the_table_says);
	tcase_add_test(tcase, a_format_is_a_name_or_a_number);
	tcase_add_test(tcase, order_blanks_and_comments_do_not_matter);
	tcase_add_test(tcase, trailing_arrays_may_span_lines);
	tcase_add_test(tcase, directives_give_bytes_as_they_are);
	tcase_add_test(tcase, faults_name_file_line_column_and_what_is_wrong);
	tcase_add_test(tcase, a_long_path_leaves_room_for_the_fault);
	tcase_add_test(tcase, the_caller_bounds_what_is_written);
	tcase_add_test(tcase, an_instruction_is_no_longer_than_its_length_field_can_say);
	tcase_add_test(tcase, disassembly_is_one_line_an_instruction);
	tcase_add_test(tcase, what_has_no_exact_text_becomes_a_directive);
	tcase_add_test(tcase, dma_buffers_are_printed_from_their_own_table);
	tcase_add_test(tcase, text_that_does_not_fit_is_cut_and_says_so);
	suite_add_tcase(suite, tcase);
	return penstock_test_main(suite);
}
