/* SPDX-License-Identifier: MIT */
/* Command buffers as the SDK builds them, and the names that a client gives. */
#include "client/include/penstock/penstock.h"
#include "client/names.h"
#include "proto/isa/instruction.h"
#include "proto/wire/limits.h"
#include "tests/harness.h"

#include <stdlib.h>

static struct penstock_command_buffer *buffer;

static void start(void)
{
	ck_assert_int_eq(penstock_command_buffer_new(&buffer), PENSTOCK_STATUS_SUCCESS);
}

static void stop(void)
{
	penstock_command_buffer_free(buffer);
}

static const uint8_t *command(uint32_t *ret_bytes)
{
	const void *bytes;

	ck_assert_int_eq(penstock_command_buffer_contents(buffer, &bytes, ret_bytes, NULL, NULL),
			 PENSTOCK_STATUS_SUCCESS);
	return bytes;
}

START_TEST(operands_stand_where_the_table_says)
{
	const uint8_t *bytes;
	uint32_t size;

	ck_assert_int_eq(penstock_emit_copy(buffer, 3, 0x1122334455667788, 4, 16, 32),
			 PENSTOCK_STATUS_SUCCESS);
	bytes = command(&size);
	ck_assert_uint_eq(size, PENSTOCK_BYTES_COPY);
	ck_assert_uint_eq(penstock_load32(bytes),
			  penstock_instruction_header(PENSTOCK_OPCODE_COPY, PENSTOCK_BYTES_COPY));
	ck_assert_uint_eq(penstock_load16(bytes + PENSTOCK_OPERAND_COPY_source), 3);
	ck_assert_uint_eq(penstock_load64(bytes + PENSTOCK_OPERAND_COPY_source_offset),
			  0x1122334455667788);
	ck_assert_uint_eq(penstock_load16(bytes + PENSTOCK_OPERAND_COPY_destination), 4);
	ck_assert_uint_eq(penstock_load64(bytes + PENSTOCK_OPERAND_COPY_destination_offset), 16);
	ck_assert_uint_eq(penstock_load64(bytes + PENSTOCK_OPERAND_COPY_size), 32);
}
END_TEST

START_TEST(trailing_rectangles_and_data_are_counted_by_the_length)
{
	const struct penstock_rect rects[2] = { { 1, 2, 3, 4 }, { 5, 6, 7, 8 } };
	const uint32_t data[3] = { 7, 8, 9 };
	struct penstock_decoded decoded;
	const uint8_t *bytes;
	uint32_t size;

	ck_assert_int_eq(penstock_emit_colorfill(buffer, 1, &rects[1], 0xff00ff00,
						 PENSTOCK_COLORFILL_PATCOPY, 0, rects, 2),
			 PENSTOCK_STATUS_SUCCESS);
	ck_assert_int_eq(penstock_emit_update(buffer, 2, 64, data, sizeof(data)),
			 PENSTOCK_STATUS_SUCCESS);
	bytes = command(&size);
	ck_assert_int_eq(penstock_instruction_decode(bytes, size, &decoded),
			 PENSTOCK_STATUS_SUCCESS);
	ck_assert_uint_eq(decoded.elements, 2);
	ck_assert_mem_eq(bytes + PENSTOCK_BYTES_COLORFILL, rects, sizeof(rects));
	ck_assert_mem_eq(bytes + PENSTOCK_OPERAND_COLORFILL_destination_rect, &rects[1],
			 sizeof(rects[1]));
	bytes += decoded.length;
	size -= decoded.length;
	ck_assert_int_eq(penstock_instruction_decode(bytes, size, &decoded),
			 PENSTOCK_STATUS_SUCCESS);
	ck_assert_uint_eq(decoded.elements, 3);
	ck_assert_mem_eq(bytes + PENSTOCK_BYTES_UPDATE, data, sizeof(data));
	ck_assert_uint_eq(decoded.length, size);
}
END_TEST

START_TEST(an_allocation_has_one_index_and_its_flags_are_joined)
{
	const struct penstock_wire_allocation *list;
	uint16_t first, second, again, index;
	uint32_t count;

	ck_assert_int_eq(penstock_command_buffer_list(buffer, 100, 0, &first),
			 PENSTOCK_STATUS_SUCCESS);
	ck_assert_int_eq(penstock_command_buffer_list(buffer, 200, 0, &second),
			 PENSTOCK_STATUS_SUCCESS);
	ck_assert_int_eq(penstock_command_buffer_list(buffer, 100,
						      PENSTOCK_ALLOCATION_WRITE_OPERATION, &again),
			 PENSTOCK_STATUS_SUCCESS);
	ck_assert_uint_eq(first, 0);
	ck_assert_uint_eq(second, 1);
	ck_assert_uint_eq(again, 0);
	for (uint64_t name = 1000; name < 2000; name++) {
		ck_assert_int_eq(penstock_command_buffer_list(buffer, name, 0, &index),
				 PENSTOCK_STATUS_SUCCESS);
		ck_assert_uint_eq(index, name - 998);
	}
	ck_assert_int_eq(penstock_command_buffer_contents(buffer, NULL, NULL, &list, &count),
			 PENSTOCK_STATUS_SUCCESS);
	ck_assert_uint_eq(count, 1002);
	ck_assert_uint_eq(list[0].flags, PENSTOCK_ALLOCATION_WRITE_OPERATION);
	ck_assert_uint_eq(list[1].flags, 0);
	ck_assert_uint_eq(list[1001].name, 1999);
}
END_TEST

START_TEST(A9_the_cost_of_a_buffer_is_the_sum_of_its_worst_cases)
{
	uint32_t dma_bytes, patches, more_bytes, more_patches;
	uint64_t total_bytes, total_patches;

	ck_assert_int_eq(
		penstock_instruction_worst_case(PENSTOCK_INSTRUCTION_COPY, 0, &dma_bytes, &patches),
		PENSTOCK_STATUS_SUCCESS);
	ck_assert_int_eq(penstock_instruction_worst_case(PENSTOCK_INSTRUCTION_UPDATE, 3,
							 &more_bytes, &more_patches),
			 PENSTOCK_STATUS_SUCCESS);
	ck_assert_uint_gt(patches, 0);
	ck_assert_int_eq(penstock_instruction_worst_case(PENSTOCK_INSTRUCTION_COUNT, 0, &dma_bytes,
							 &patches),
			 PENSTOCK_STATUS_INVALID_PARAMETER);
	penstock_emit_copy(buffer, 0, 0, 1, 0, 4);
	penstock_emit_copy(buffer, 0, 0, 1, 0, 4);
	penstock_emit_update(buffer, 0, 0, "123456789abc", 12);
	ck_assert_int_eq(penstock_command_buffer_cost(buffer, &total_bytes, &total_patches),
			 PENSTOCK_STATUS_SUCCESS);
	ck_assert_uint_eq(total_bytes, 2 * dma_bytes + more_bytes);
	ck_assert_uint_eq(total_patches, 2 * patches + more_patches);
}
END_TEST

START_TEST(the_first_failure_stays_until_the_buffer_is_reset)
{
	uint16_t index;
	uint32_t size;

	ck_assert_int_eq(penstock_emit_update(buffer, 0, 0, "12345", 5),
			 PENSTOCK_STATUS_INVALID_PARAMETER);
	ck_assert_int_eq(penstock_emit_nop(buffer), PENSTOCK_STATUS_INVALID_PARAMETER);
	ck_assert_int_eq(penstock_command_buffer_list(buffer, 1, 0, &index),
			 PENSTOCK_STATUS_INVALID_PARAMETER);
	ck_assert_int_eq(penstock_command_buffer_contents(buffer, NULL, &size, NULL, NULL),
			 PENSTOCK_STATUS_INVALID_PARAMETER);
	penstock_command_buffer_reset(buffer);
	ck_assert_int_eq(penstock_emit_nop(buffer), PENSTOCK_STATUS_SUCCESS);
	command(&size);
	ck_assert_uint_eq(size, 4);
}
END_TEST

START_TEST(what_is_too_large_is_refused)
{
	const uint32_t too_much = PENSTOCK_LIMIT_INSTRUCTION_DWORDS * 4u;
	uint8_t *data = calloc(1, PENSTOCK_LIMIT_COMMAND_BYTES);

	ck_assert_int_eq(penstock_emit_update(buffer, 0, 0, data, too_much),
			 PENSTOCK_STATUS_LIMIT_EXCEEDED);
	penstock_command_buffer_reset(buffer);
	ck_assert_int_eq(penstock_command_buffer_append(buffer, data, PENSTOCK_LIMIT_COMMAND_BYTES),
			 PENSTOCK_STATUS_SUCCESS);
	ck_assert_int_eq(penstock_emit_nop(buffer), PENSTOCK_STATUS_LIMIT_EXCEEDED);
	free(data);
}
END_TEST

/* ---------------------------------------------------------------- names */

START_TEST(names_use_the_lowest_free_index_with_a_new_generation)
{
	struct penstock_names names = { .count = 0 };
	uint64_t device, taken[300], name;

	ck_assert_int_eq(penstock_names_take(&names, 0, &device), PENSTOCK_STATUS_SUCCESS);
	for (unsigned i = 0; i < 300; i++) {
		ck_assert_int_eq(penstock_names_take(&names, device, &taken[i]),
				 PENSTOCK_STATUS_SUCCESS);
	}
	penstock_names_give_back(&names, taken[200]);
	penstock_names_give_back(&names, taken[7]);
	penstock_names_give_back(&names, taken[100]);
	penstock_names_give_back(&names, taken[7]); /* over already */
	ck_assert_int_eq(penstock_names_take(&names, device, &name), PENSTOCK_STATUS_SUCCESS);
	ck_assert_uint_eq(name, taken[7] + (1ull << 32));
	ck_assert_int_eq(penstock_names_take(&names, device, &name), PENSTOCK_STATUS_SUCCESS);
	ck_assert_uint_eq(name, taken[100] + (1ull << 32));
	ck_assert_int_eq(penstock_names_take(&names, device, &name), PENSTOCK_STATUS_SUCCESS);
	ck_assert_uint_eq(name, taken[200] + (1ull << 32));
	ck_assert_int_eq(penstock_names_take(&names, device, &name), PENSTOCK_STATUS_SUCCESS);
	ck_assert_uint_eq((uint32_t)name, 302);
	penstock_names_fini(&names);
}
END_TEST

START_TEST(names_of_a_device_go_with_it)
{
	struct penstock_names names = { .count = 0 };
	uint64_t device, other, child, kept;

	ck_assert_int_eq(penstock_names_skip(&names, 10), PENSTOCK_STATUS_SUCCESS);
	ck_assert_int_eq(penstock_names_take(&names, 0, &device), PENSTOCK_STATUS_SUCCESS);
	ck_assert_uint_eq((uint32_t)device, 11);
	ck_assert_int_eq(penstock_names_take(&names, 0, &other), PENSTOCK_STATUS_SUCCESS);
	ck_assert_int_eq(penstock_names_take(&names, device, &child), PENSTOCK_STATUS_SUCCESS);
	ck_assert_int_eq(penstock_names_take(&names, other, &kept), PENSTOCK_STATUS_SUCCESS);
	penstock_names_give_back(&names, device);
	ck_assert(!penstock_names_used(&names, device));
	ck_assert(!penstock_names_used(&names, child));
	ck_assert(penstock_names_used(&names, kept));
	ck_assert(penstock_names_is_device(&names, other));
	penstock_names_fini(&names);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("builder");
	TCase *build = tcase_create("build");
	TCase *names = tcase_create("names");

	tcase_add_checked_fixture(build, start, stop);
	tcase_add_test(build, operands_stand_where_the_table_says);
	tcase_add_test(build, trailing_rectangles_and_data_are_counted_by_the_length);
	tcase_add_test(build, an_allocation_has_one_index_and_its_flags_are_joined);
	tcase_add_test(build, A9_the_cost_of_a_buffer_is_the_sum_of_its_worst_cases);
	tcase_add_test(build, the_first_failure_stays_until_the_buffer_is_reset);
	tcase_add_test(build, what_is_too_large_is_refused);
	suite_add_tcase(suite, build);
	tcase_add_test(names, names_use_the_lowest_free_index_with_a_new_generation);
	tcase_add_test(names, names_of_a_device_go_with_it);
	suite_add_tcase(suite, names);
	return penstock_test_main(suite);
}
