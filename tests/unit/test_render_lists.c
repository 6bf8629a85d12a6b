/* SPDX-License-Identifier: MIT */
/* The lists that go into render and come out, and the passes over a small DMA buffer. */
#include "tests/harness.h"
#include "tests/support/render_fixture.h"

#include "gpu-backend/dma.h"
#include "proto/wire/limits.h"

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

/* ------------------------------------------------------------------ work */

static uint32_t append(enum penstock_instruction_id id, uint32_t length)
{
	return length + penstock_fixture_valid(id, command + length);
}

static void sized_copy(uint64_t size, uint32_t *length)
{
	uint8_t *bytes = command + *length;

	*length = append(PENSTOCK_INSTRUCTION_COPY, *length);
	penstock_store64(bytes + PENSTOCK_OPERAND_COPY_size, size);
}

START_TEST(D1_the_work_of_a_dma_buffer_is_what_its_engine_writes)
{
	uint32_t length = 0;

	for (unsigned i = 1; i <= 3; i++) {
		sized_copy(0x100 * i, &length);
	}
	length = append(PENSTOCK_INSTRUCTION_MARKER, length);
	length = append(PENSTOCK_INSTRUCTION_NOP, length);
	expect(length, PENSTOCK_STATUS_SUCCESS);
	ck_assert_uint_eq(fixture.args.work_bytes, 0x600);
	length = append(PENSTOCK_INSTRUCTION_FILL, 0);
	penstock_store64(command + PENSTOCK_OPERAND_FILL_size, 0x400);
	expect(length, PENSTOCK_STATUS_SUCCESS);
	ck_assert_uint_eq(fixture.args.work_bytes, 0x400);
	length = append(PENSTOCK_INSTRUCTION_COPY_ROWS, 0);
	penstock_store32(command + PENSTOCK_OPERAND_COPY_ROWS_row_bytes, 8);
	penstock_store32(command + PENSTOCK_OPERAND_COPY_ROWS_rows, 3);
	expect(length, PENSTOCK_STATUS_SUCCESS);
	ck_assert_uint_eq(fixture.args.work_bytes, 24);
	length = append(PENSTOCK_INSTRUCTION_UPDATE, 0);
	expect(length, PENSTOCK_STATUS_SUCCESS);
	ck_assert_uint_eq(fixture.args.work_bytes, length - PENSTOCK_BYTES_UPDATE);
}
END_TEST

START_TEST(D1_the_work_of_a_record_is_its_pixels)
{
	uint32_t length = append(PENSTOCK_INSTRUCTION_COLORFILL, 0);
	uint64_t pixels = 0;

	for (const uint8_t *rect = command + PENSTOCK_BYTES_COLORFILL; rect < command + length;
	     rect += 16) {
		pixels += (uint64_t)(penstock_load32(rect + 8) - penstock_load32(rect)) *
			  (penstock_load32(rect + 12) - penstock_load32(rect + 4));
	}
	fixture.args.caps.km = true;
	expect(length, PENSTOCK_STATUS_SUCCESS);
	ck_assert_uint_gt(pixels, 0);
	ck_assert_uint_eq(fixture.args.work_bytes, pixels * PENSTOCK_WORK_PER_PIXEL);
}
END_TEST

START_TEST(D1_a_spin_is_work_that_nobody_can_tell)
{
	uint32_t length = append(PENSTOCK_INSTRUCTION_SPIN, 0);

	fixture.args.caps.test_instructions = true;
	expect(length, PENSTOCK_STATUS_SUCCESS);
	ck_assert_uint_ge(fixture.args.work_bytes, PENSTOCK_WORK_UNKNOWN);
}
END_TEST

START_TEST(D1_work_is_counted_for_each_pass)
{
	uint32_t length = 0;

	for (unsigned i = 0; i < 3; i++) {
		sized_copy(0x100, &length);
	}
	fixture.args.dma_capacity = 2 * PENSTOCK_DMA_BYTES_COPY;
	expect(length, PENSTOCK_STATUS_GRAPHICS_INSUFFICIENT_DMA_BUFFER);
	ck_assert_uint_eq(fixture.args.work_bytes, 0x200);
	expect(length, PENSTOCK_STATUS_SUCCESS);
	ck_assert_uint_eq(fixture.args.work_bytes, 0x100);
}
END_TEST

/* ------------------------------------------------------------------ lists */

struct entry {
	uint32_t index;
	uint32_t slot;
	uint64_t offset;
	uint32_t patch;
	uint32_t split;
};

static void expect_entries(const struct entry *entries, uint32_t count)
{
	ck_assert_uint_eq(fixture.args.patch_count, count);
	for (uint32_t i = 0; i < count; i++) {
		const struct penstock_patch_location *patch = &fixture.patches[i];

		ck_assert_uint_eq(patch->allocation_index, entries[i].index);
		ck_assert_uint_eq(patch->slot_id, entries[i].slot);
		ck_assert_uint_eq(patch->allocation_offset, entries[i].offset);
		ck_assert_uint_eq(patch->patch_offset, entries[i].patch);
		ck_assert_uint_eq(patch->split_offset, entries[i].split);
		ck_assert_uint_eq(patch->driver_id, 0);
	}
}

#define UNBOUND PENSTOCK_PATCH_NULL_INDEX

START_TEST(A10_every_reference_is_listed_even_if_pre_patched)
{
	static const struct entry entries[] = {
		{ PENSTOCK_FIXTURE_READ_ONLY, 0, 0x10, 8, 0 },
		{ PENSTOCK_FIXTURE_BUFFER, 1, 0x20, 16, 0 },
		/* marker and nop bind nothing; copy_rows goes on with both slots */
		{ PENSTOCK_FIXTURE_READ_ONLY, 0, 8, 48, 40 },
		{ PENSTOCK_FIXTURE_NOT_RESIDENT, 1, 0x100, 56, 40 },
	};
	uint32_t length = penstock_fixture_valid(PENSTOCK_INSTRUCTION_COPY, command);

	length += penstock_fixture_valid(PENSTOCK_INSTRUCTION_MARKER, command + length);
	length += penstock_fixture_valid(PENSTOCK_INSTRUCTION_NOP, command + length);
	length += penstock_fixture_valid(PENSTOCK_INSTRUCTION_COPY_ROWS, command + length);
	expect(length, PENSTOCK_STATUS_SUCCESS);
	expect_entries(entries, PENSTOCK_ARRAY_SIZE(entries));
}
END_TEST

START_TEST(A12_a_slot_that_goes_out_of_use_leaves_a_NULL_entry)
{
	static const struct entry entries[] = {
		{ PENSTOCK_FIXTURE_X8R8G8B8, 0, 0, 8, 0 },
		{ PENSTOCK_FIXTURE_GAMMA, 1, 0, 16, 0 },
		{ PENSTOCK_FIXTURE_A8, 2, 0, 24, 0 },
		{ PENSTOCK_FIXTURE_A8R8G8B8, 3, 0, 32, 0 },
		/* bitblt, 80 + 16 bytes on */
		{ UNBOUND, 2, 0, 96, 96 },
		{ UNBOUND, 3, 0, 96, 96 },
		{ PENSTOCK_FIXTURE_X8R8G8B8, 0, 0, 104, 96 },
		{ PENSTOCK_FIXTURE_A8R8G8B8, 1, 0, 112, 96 },
		/* colorfill, 48 + 32 bytes on */
		{ UNBOUND, 1, 0, 176, 176 },
		{ PENSTOCK_FIXTURE_A8R8G8B8, 0, 0, 184, 176 },
	};
	uint32_t length = penstock_fixture_valid(PENSTOCK_INSTRUCTION_CLEARTYPEBLEND, command);

	length += penstock_fixture_valid(PENSTOCK_INSTRUCTION_BITBLT, command + length);
	length += penstock_fixture_valid(PENSTOCK_INSTRUCTION_COLORFILL, command + length);
	fixture.args.caps.km = true;
	expect(length, PENSTOCK_STATUS_SUCCESS);
	expect_entries(entries, PENSTOCK_ARRAY_SIZE(entries));
}
END_TEST

START_TEST(A11_references_are_pre_patched_where_their_element_is_resident)
{
	uint32_t length = penstock_fixture_valid(PENSTOCK_INSTRUCTION_COPY_ROWS, command);

	expect(length, PENSTOCK_STATUS_SUCCESS);
	ck_assert_uint_eq(penstock_load64(fixture.dma + 8),
			  fixture.list[PENSTOCK_FIXTURE_READ_ONLY].address + 8);
	ck_assert_uint_eq(penstock_load64(fixture.dma + 16), 0x100); /* nothing to add to */
	ck_assert_uint_eq(fixture.args.patch_count, 2);
}
END_TEST

START_TEST(A11_a_patch_without_a_move_changes_no_byte)
{
	static uint8_t before[PENSTOCK_FIXTURE_DMA_BYTES];
	uint32_t length = penstock_fixture_all(&fixture, _i == 1, command);

	for (uint32_t i = 1; i < PENSTOCK_FIXTURE_COUNT; i++) {
		fixture.list[i].address = penstock_fixture_address(&fixture, i);
		fixture.list[i].segment_id = 2;
	}
	expect(length, PENSTOCK_STATUS_SUCCESS);
	memcpy(before, fixture.dma, fixture.args.dma_length);
	penstock_fixture_patch(&fixture);
	ck_assert_mem_eq(fixture.dma, before, fixture.args.dma_length);
}
END_TEST

/* ------------------------------------------------------------------ passes */

/* Renders in passes of such buffers; puts them behind each other, offsets too. Returns passes. */
static uint32_t in_passes(uint32_t length, uint32_t dma_capacity, uint32_t patch_capacity,
			  struct penstock_fixture *whole)
{
	enum penstock_status status;
	uint32_t passes = 0, dma_length = 0, patch_count = 0;

	do {
		fixture.args.dma_capacity = dma_capacity;
		fixture.args.patch_capacity = patch_capacity;
		status = penstock_fixture_render(&fixture, command, length);
		ck_assert(status == PENSTOCK_STATUS_SUCCESS ||
			  status == PENSTOCK_STATUS_GRAPHICS_INSUFFICIENT_DMA_BUFFER);
		ck_assert_uint_gt(fixture.args.dma_length, 0);
		ck_assert_uint_le(fixture.args.dma_length, dma_capacity);
		ck_assert_uint_le(fixture.args.patch_count, patch_capacity);
		memcpy(whole->dma + dma_length, fixture.dma, fixture.args.dma_length);
		for (uint32_t i = 0; i < fixture.args.patch_count; i++) {
			if (fixture.patches[i].allocation_index != UNBOUND) {
				whole->patches[patch_count] = fixture.patches[i];
				whole->patches[patch_count].patch_offset += dma_length;
				whole->patches[patch_count++].split_offset += dma_length;
			}
		}
		dma_length += fixture.args.dma_length;
		penstock_fixture_patch(&fixture);
		ck_assert_int_eq(penstock_fixture_check(&fixture), PENSTOCK_STATUS_SUCCESS);
		passes++;
	} while (status == PENSTOCK_STATUS_GRAPHICS_INSUFFICIENT_DMA_BUFFER);
	whole->args.dma_length = dma_length;
	whole->args.patch_count = patch_count;
	return passes;
}

START_TEST(A9_passes_make_the_same_instructions_as_one_buffer)
{
	static struct penstock_fixture passes, one;
	uint32_t length = penstock_fixture_all(&fixture, _i % 2 == 1, command), entries = 0;
	const bool km = _i % 2 == 1;
	uint32_t dma_capacity = _i >= 2 ? 4096 : km ? 192 : PENSTOCK_FIXTURE_GROUP_DMA_BYTES;
	uint32_t patch_capacity = _i < 2 ? 100 : km ? 4 : PENSTOCK_FIXTURE_GROUP_PATCHES;

	ck_assert_uint_gt(in_passes(length, dma_capacity, patch_capacity, &passes), 1);
	penstock_fixture_init(&one);
	one.args.caps = fixture.args.caps;
	ck_assert_int_eq(penstock_fixture_render(&one, command, length), PENSTOCK_STATUS_SUCCESS);
	ck_assert_uint_eq(one.args.dma_length, passes.args.dma_length);
	ck_assert_mem_eq(one.dma, passes.dma, one.args.dma_length);
	for (uint32_t i = 0; i < one.args.patch_count; i++) {
		if (one.patches[i].allocation_index != UNBOUND) {
			ck_assert_mem_eq(&one.patches[i], &passes.patches[entries++],
					 sizeof(one.patches[i]));
		}
	}
	ck_assert_uint_eq(entries, passes.args.patch_count);
}
END_TEST

START_TEST(A9_the_rest_is_validated_before_the_first_pass_counts)
{
	uint32_t length = penstock_fixture_all(&fixture, false, command);

	penstock_store32(command + length, penstock_instruction_header(0x80, 12));
	fixture.args.dma_capacity = PENSTOCK_FIXTURE_GROUP_DMA_BYTES;
	expect(length + 12, PENSTOCK_STATUS_PRIVILEGED_INSTRUCTION);
	ck_assert_uint_eq(fixture.args.multipass_offset, 0);
}
END_TEST

START_TEST(A9_what_fits_no_empty_buffer_is_refused_and_not_looped)
{
	uint32_t first = penstock_fixture_valid(PENSTOCK_INSTRUCTION_MARKER, command), length;

	length = first + penstock_fixture_valid(PENSTOCK_INSTRUCTION_COPY, command + first);
	fixture.args.dma_capacity = 31;
	expect(length, PENSTOCK_STATUS_INVALID_USER_BUFFER);
	ck_assert_uint_eq(fixture.refusal.byte_offset, first);
	fixture.args.dma_capacity = 32;
	expect(length, PENSTOCK_STATUS_GRAPHICS_INSUFFICIENT_DMA_BUFFER);
	ck_assert_uint_eq(fixture.args.multipass_offset, (uint64_t)first << 32);
	ck_assert_uint_eq(fixture.args.dma_length, 8);
	expect(length, PENSTOCK_STATUS_SUCCESS);
	ck_assert_uint_eq(fixture.args.dma_length, 32);
	fixture.args.multipass_offset = 0;
	fixture.args.patch_capacity = 1;
	expect(length, PENSTOCK_STATUS_INVALID_USER_BUFFER);
	fixture.args.patch_capacity = 2;
	fixture.args.dma_capacity = 0;
	expect(length, PENSTOCK_STATUS_INVALID_USER_BUFFER);
}
END_TEST

START_TEST(A9_a_progress_that_no_pass_left_is_refused)
{
	static const uint64_t progresses[] = { 1, UINT64_MAX, 2ull << 32, 4096ull << 32,
					       UINT64_C(0xFFFFFFFC) << 32 };
	uint32_t length = penstock_fixture_all(&fixture, false, command);

	for (uint32_t i = 0; i < PENSTOCK_ARRAY_SIZE(progresses); i++) {
		fixture.args.multipass_offset = progresses[i];
		expect(length, PENSTOCK_STATUS_INVALID_PARAMETER);
	}
}
END_TEST

/* What a guaranteed context plans with is enough, instruction for instruction. */
START_TEST(A8_costs_of_the_table_are_never_exceeded)
{
	uint64_t state = 88172645463325252ull;

	fixture.args.caps.pipelines = true;
	for (uint32_t round = 0; round < 200; round++) {
		uint32_t length = 0, dma_bytes = 0, patches = 0;
		bool km = round % 2 == 1;

		(void)penstock_fixture_all(&fixture, km, command);
		for (uint32_t i = 0; i < 12; i++) {
			uint32_t dma_cost, patch_cost, bytes;
			int id = (int)penstock_random_below(&state, PENSTOCK_INSTRUCTION_COUNT);
			struct penstock_decoded decoded;

			if (!is_valid_sort(id) ||
			    (instruction_of(id)->stream == PENSTOCK_STREAM_KM) != km) {
				continue;
			}
			bytes = penstock_fixture_alone((enum penstock_instruction_id)id,
						       command + length);
			for (uint32_t end = length + bytes; length < end;
			     length += decoded.length) {
				ck_assert_int_eq(penstock_instruction_decode(
							 command + length, end - length, &decoded),
						 PENSTOCK_STATUS_SUCCESS);
				penstock_instruction_cost(decoded.instruction, decoded.elements,
							  &dma_cost, &patch_cost);
				dma_bytes += dma_cost;
				patches += patch_cost;
			}
		}
		expect(length, PENSTOCK_STATUS_SUCCESS);
		ck_assert_uint_le(fixture.args.dma_length, dma_bytes);
		ck_assert_uint_le(fixture.args.patch_count, patches);
		ck_assert_uint_le(fixture.args.dma_length, penstock_render_dma_bound(length));
		ck_assert_uint_le(fixture.args.patch_count, penstock_render_patch_bound(length));
	}
	ck_assert_uint_ge(penstock_render_dma_bound(UINT32_MAX), UINT32_MAX);
}
END_TEST

/* ------------------------------------------------------------------ the client's list */

static struct penstock_patch_location client[6];

/* copy, marker, fill: three references. */
static uint32_t with_client_list(void)
{
	uint32_t length = penstock_fixture_valid(PENSTOCK_INSTRUCTION_COPY, command);
	uint32_t fill;

	fill = length + penstock_fixture_valid(PENSTOCK_INSTRUCTION_MARKER, command + length);
	length = fill + penstock_fixture_valid(PENSTOCK_INSTRUCTION_FILL, command + fill);
	client[0] =
		(struct penstock_patch_location){ 0x10, PENSTOCK_FIXTURE_READ_ONLY, 0, 0, 8, 0 };
	client[1] = (struct penstock_patch_location){ 0x20, PENSTOCK_FIXTURE_BUFFER, 1, 0, 16, 0 };
	client[2] =
		(struct penstock_patch_location){ 0x100, PENSTOCK_FIXTURE_BUFFER, 0, 0, fill + 8,
						  fill };
	fixture.args.patches_in = client;
	fixture.args.patch_in_count = 3;
	return length;
}

START_TEST(A4_a_client_patch_list_that_agrees_is_accepted)
{
	uint32_t length = with_client_list();

	expect(length, PENSTOCK_STATUS_SUCCESS);
	client[1] = client[2];
	fixture.args.patch_in_count = 2; /* one left out */
	expect(length, PENSTOCK_STATUS_SUCCESS);
	fixture.args.patch_in_count = 0;
	expect(length, PENSTOCK_STATUS_SUCCESS);
}
END_TEST

/* The entries of one instruction, as proto/wire/frame.h says them. */
static uint32_t list_references(uint32_t at, struct penstock_patch_location *ret_patches)
{
	const struct penstock_layout *layout =
		&penstock_instruction_by_opcode(penstock_load16(command + at))->layout;
	uint32_t count = 0;

	for (uint32_t i = 0; i < layout->operand_count; i++) {
		const struct penstock_operand *operand = &layout->operands[i];
		bool offset = i + 1 < layout->operand_count &&
			      layout->operands[i + 1].type == PENSTOCK_OPERAND_OFFSET;

		if (operand->slot < 0) {
			continue;
		}
		ret_patches[count++] = (struct penstock_patch_location){
			.allocation_index = penstock_load16(command + at + operand->offset),
			.allocation_offset =
				offset ? penstock_load64(command + at + operand[1].offset) : 0,
			.slot_id = (uint32_t)operand->slot & PENSTOCK_SLOT_ID_MAX,
			.patch_offset = at + (offset ? operand[1].offset : operand->offset),
			.split_offset = at,
		};
	}
	return count;
}

START_TEST(A4_a_client_may_list_every_reference)
{
	static struct penstock_patch_location all[256];
	uint32_t length = penstock_fixture_all(&fixture, _i == 1, command), count = 0;

	for (uint32_t at = 0; at < length;
	     at += penstock_header_length(penstock_load32(command + at))) {
		count += list_references(at, all + count);
	}
	ck_assert_uint_gt(count, 10);
	fixture.args.patches_in = all;
	fixture.args.patch_in_count = count;
	expect(length, PENSTOCK_STATUS_SUCCESS);
	for (uint32_t i = 0; i < count; i++) {
		all[i].allocation_offset++;
		expect(length, PENSTOCK_STATUS_INVALID_PARAMETER);
		all[i].allocation_offset--;
	}
}
END_TEST

START_TEST(A4_a_client_patch_list_of_gdi_stands_on_the_indices)
{
	uint32_t length = penstock_fixture_valid(PENSTOCK_INSTRUCTION_BITBLT, command);

	client[0] = (struct penstock_patch_location){ 0, PENSTOCK_FIXTURE_X8R8G8B8, 0, 0, 4, 0 };
	client[1] = (struct penstock_patch_location){ 0, PENSTOCK_FIXTURE_A8R8G8B8, 1, 0, 6, 0 };
	fixture.args.patches_in = client;
	fixture.args.patch_in_count = 2;
	fixture.args.caps.km = true;
	expect(length, PENSTOCK_STATUS_SUCCESS);
	client[1].patch_offset = 8;
	expect(length, PENSTOCK_STATUS_INVALID_PARAMETER);
	client[1].patch_offset = 6;
	client[1].allocation_offset = 4;
	expect(length, PENSTOCK_STATUS_INVALID_PARAMETER);
}
END_TEST

/* Each is one lie: what the last entry says instead. `add` is added to what is true. */
static const struct {
	const char *field;
	uint64_t value;
	bool add;
} lies[] = {
	{ "allocation_index", PENSTOCK_FIXTURE_COUNT, false },
	{ "allocation_index", PENSTOCK_FIXTURE_BUFFER_ALIAS, false },
	{ "allocation_index", UINT32_MAX, false },
	{ "allocation_offset", 1, true },
	{ "allocation_offset", UINT64_MAX, false },
	{ "patch_offset", 4, true }, /* half on the address, half behind it */
	{ "patch_offset", UINT32_MAX, false },
	{ "patch_offset", 0, false },
	{ "split_offset", 4, true },
	{ "split_offset", UINT32_MAX, false },
	{ "split_offset", 0, false },
	{ "slot_id", 1, false },
	{ "slot_id", PENSTOCK_SLOT_ID_MAX, false },
	{ "driver_id", 1, false },
};

static void lie(int which, struct penstock_patch_location *patch)
{
	const char *field = lies[which].field;
	uint64_t value = lies[which].value;
	bool add = lies[which].add;

	if (strcmp(field, "allocation_index") == 0) {
		patch->allocation_index = (uint32_t)value;
	} else if (strcmp(field, "allocation_offset") == 0) {
		patch->allocation_offset = value + (add ? patch->allocation_offset : 0);
	} else if (strcmp(field, "patch_offset") == 0) {
		patch->patch_offset = (uint32_t)value + (add ? patch->patch_offset : 0);
	} else if (strcmp(field, "split_offset") == 0) {
		patch->split_offset = (uint32_t)value + (add ? patch->split_offset : 0);
	} else if (strcmp(field, "slot_id") == 0) {
		patch->slot_id = value & PENSTOCK_SLOT_ID_MAX;
	} else {
		patch->driver_id = value & 0xFF;
	}
}

START_TEST(A4_a_client_patch_list_that_lies_is_an_invalid_parameter)
{
	uint32_t length = with_client_list();

	lie(_i, &client[2]);
	expect(length, PENSTOCK_STATUS_INVALID_PARAMETER);
	ck_assert(!fixture.refusal.at_instruction);
	length = with_client_list();
	expect(length, PENSTOCK_STATUS_SUCCESS);
}
END_TEST

START_TEST(A4_client_patch_locations_neither_overlap_nor_go_back)
{
	uint32_t length = with_client_list();

	client[3] = client[2];
	fixture.args.patch_in_count = 4;
	expect(length, PENSTOCK_STATUS_INVALID_PARAMETER);
	client[3] = client[0];
	expect(length, PENSTOCK_STATUS_INVALID_PARAMETER);
	client[3] = client[2];
	client[3].split_offset = length;
	expect(length, PENSTOCK_STATUS_INVALID_PARAMETER);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("render_lists");
	TCase *tcase = tcase_create("lists");

	tcase_add_checked_fixture(tcase, setup, NULL);
	tcase_add_test(tcase, D1_the_work_of_a_dma_buffer_is_what_its_engine_writes);
	tcase_add_test(tcase, D1_the_work_of_a_record_is_its_pixels);
	tcase_add_test(tcase, D1_a_spin_is_work_that_nobody_can_tell);
	tcase_add_test(tcase, D1_work_is_counted_for_each_pass);
	tcase_add_test(tcase, A10_every_reference_is_listed_even_if_pre_patched);
	tcase_add_test(tcase, A12_a_slot_that_goes_out_of_use_leaves_a_NULL_entry);
	tcase_add_test(tcase, A11_references_are_pre_patched_where_their_element_is_resident);
	tcase_add_loop_test(tcase, A11_a_patch_without_a_move_changes_no_byte, 0, 2);
	tcase_add_loop_test(tcase, A9_passes_make_the_same_instructions_as_one_buffer, 0, 4);
	tcase_add_test(tcase, A9_the_rest_is_validated_before_the_first_pass_counts);
	tcase_add_test(tcase, A9_what_fits_no_empty_buffer_is_refused_and_not_looped);
	tcase_add_test(tcase, A9_a_progress_that_no_pass_left_is_refused);
	tcase_add_test(tcase, A8_costs_of_the_table_are_never_exceeded);
	tcase_add_test(tcase, A4_a_client_patch_list_that_agrees_is_accepted);
	tcase_add_loop_test(tcase, A4_a_client_may_list_every_reference, 0, 2);
	tcase_add_test(tcase, A4_a_client_patch_list_of_gdi_stands_on_the_indices);
	tcase_add_loop_test(tcase, A4_a_client_patch_list_that_lies_is_an_invalid_parameter, 0,
			    (int)PENSTOCK_ARRAY_SIZE(lies));
	tcase_add_test(tcase, A4_client_patch_locations_neither_overlap_nor_go_back);
	suite_add_tcase(suite, tcase);
	return penstock_test_main(suite);
}
