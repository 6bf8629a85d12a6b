/* SPDX-License-Identifier: MIT */
/* The checker: what it must not let pass, starting from buffers that render made. */
#include "tests/harness.h"
#include "tests/support/render_rules.h"

#include "daemon/check/extents.h"

#include <string.h>

static struct penstock_fixture fixture;
static uint8_t command[PENSTOCK_FIXTURE_ALL_BYTES];

/* Every valid instruction of a stream, rendered and patched. */
static void make(bool km)
{
	penstock_fixture_init(&fixture);
	ck_assert_int_eq(penstock_fixture_render(&fixture, command,
						 penstock_fixture_all(&fixture, km, command)),
			 PENSTOCK_STATUS_SUCCESS);
	penstock_fixture_patch(&fixture);
}

static void expect_fault(const char *word)
{
	ck_assert_int_eq(penstock_fixture_check(&fixture),
			 PENSTOCK_STATUS_GRAPHICS_GPU_EXCEPTION_ON_DEVICE);
	ck_assert_msg(strstr(fixture.fault.text, word) != NULL, "'%s' says nothing of '%s'",
		      fixture.fault.text, word);
}

static void expect_good(void)
{
	ck_assert_msg(penstock_fixture_check(&fixture) == PENSTOCK_STATUS_SUCCESS, "%s",
		      fixture.fault.text);
}

START_TEST(A10_a_patch_location_that_is_dropped_is_flagged)
{
	make(_i == 1);
	expect_good();
	for (uint32_t dropped = 0; dropped < fixture.args.patch_count; dropped++) {
		make(_i == 1);
		fixture.args.patch_count--;
		memmove(&fixture.patches[dropped], &fixture.patches[dropped + 1],
			(fixture.args.patch_count - dropped) * sizeof(fixture.patches[0]));
		expect_fault("at DMA byte");
	}
}
END_TEST

START_TEST(A10_a_patch_location_too_many_is_flagged)
{
	make(_i == 1);
	for (uint32_t twice = 0; twice < fixture.args.patch_count; twice++) {
		make(_i == 1);
		memmove(&fixture.patches[twice + 1], &fixture.patches[twice],
			(fixture.args.patch_count - twice) * sizeof(fixture.patches[0]));
		fixture.args.patch_count++;
		expect_fault("at DMA byte");
	}
}
END_TEST

START_TEST(A10_patch_locations_out_of_place_are_flagged)
{
	make(_i == 1);
	for (uint32_t i = 0; i < fixture.args.patch_count; i++) {
		struct penstock_patch_location *patch = &fixture.patches[i];
		const struct penstock_patch_location good = *patch;

		patch->patch_offset += 4;
		expect_fault("at DMA byte");
		*patch = good;
		patch->slot_id ^= 1;
		expect_fault("at DMA byte");
		*patch = good;
		patch->split_offset += 4;
		expect_fault("at DMA byte");
		*patch = good;
		patch->driver_id = 1;
		expect_fault("at DMA byte");
		*patch = good;
		patch->allocation_index = PENSTOCK_FIXTURE_COUNT;
		expect_fault("at DMA byte");
		*patch = good;
		patch->allocation_offset += 1;
		expect_fault("at DMA byte");
		*patch = good;
	}
	expect_good();
}
END_TEST

START_TEST(A11_an_address_that_was_not_patched_is_flagged)
{
	make(_i == 1);
	for (uint32_t i = 0; i < fixture.args.patch_count; i++) {
		uint8_t *site = fixture.dma + fixture.patches[i].patch_offset;
		uint64_t good = penstock_load64(site);

		if (fixture.patches[i].allocation_index == PENSTOCK_PATCH_NULL_INDEX) {
			continue;
		}
		penstock_store64(site, good + 0x7000000);
		expect_fault("not allocation");
		penstock_store64(site, good - 1);
		expect_fault("at DMA byte");
		penstock_store64(site, good);
	}
	expect_good();
}
END_TEST

/* Whether the instruction of a patch location writes through it. */
static bool is_written(const struct penstock_patch_location *patch)
{
	const struct penstock_layout *layout;
	uint32_t at = patch->split_offset;

	/* Of a group it is the one that the address stands in. */
	while (at + penstock_header_length(penstock_load32(fixture.dma + at)) <=
	       patch->patch_offset) {
		at += penstock_header_length(penstock_load32(fixture.dma + at));
	}
	layout = &penstock_dma_by_opcode(penstock_load16(fixture.dma + at))->layout;

	for (uint32_t i = 0; i < layout->operand_count; i++) {
		if (layout->operands[i].offset == patch->patch_offset - at) {
			return layout->operands[i].type != PENSTOCK_OPERAND_READ_ADDRESS;
		}
	}
	return false;
}

START_TEST(a_write_to_a_range_that_is_not_writable_is_flagged)
{
	make(_i == 1);
	for (uint32_t i = 1; i < PENSTOCK_FIXTURE_COUNT; i++) {
		bool writable = fixture.list[i].write_operation, written = false;

		fixture.list[i].write_operation = false;
		for (uint32_t k = 0; k < fixture.args.patch_count; k++) {
			written |= fixture.patches[k].allocation_index == i &&
				   is_written(&fixture.patches[k]);
		}
		if (written) {
			expect_fault("without WriteOperation");
		} else {
			expect_good();
		}
		fixture.list[i].write_operation = writable;
	}
}
END_TEST

START_TEST(a_range_that_is_a_byte_too_small_is_flagged)
{
	uint8_t bytes[PENSTOCK_FIXTURE_INSTRUCTION_BYTES];
	uint32_t length = penstock_fixture_valid(PENSTOCK_INSTRUCTION_COPY, bytes);

	penstock_fixture_init(&fixture);
	ck_assert_int_eq(penstock_fixture_render(&fixture, bytes, length), PENSTOCK_STATUS_SUCCESS);
	penstock_fixture_patch(&fixture);
	fixture.list[PENSTOCK_FIXTURE_BUFFER].size_bytes = 0x51;
	fixture.list[PENSTOCK_FIXTURE_READ_ONLY].size_bytes = 0x41;
	expect_good();
	fixture.list[PENSTOCK_FIXTURE_BUFFER].size_bytes = 0x50;
	expect_fault("destination touches");
	fixture.list[PENSTOCK_FIXTURE_BUFFER].size_bytes = 0x10;
	expect_fault("destination touches");
	fixture.list[PENSTOCK_FIXTURE_BUFFER].size_bytes = 0x51;
	fixture.list[PENSTOCK_FIXTURE_READ_ONLY].size_bytes = 0x40;
	expect_fault("source touches");
}
END_TEST

/* What begins a group stands where nothing else has to say where it is split. */
START_TEST(groups_that_are_none_are_flagged)
{
	uint32_t length, binds;

	penstock_fixture_init(&fixture);
	fixture.args.caps.pipelines = true;
	length = penstock_fixture_alone(PENSTOCK_INSTRUCTION_DISPATCH, command);
	ck_assert_int_eq(penstock_fixture_render(&fixture, command, length),
			 PENSTOCK_STATUS_SUCCESS);
	penstock_fixture_patch(&fixture);
	expect_good();
	binds = fixture.args.dma_length - PENSTOCK_DMA_BYTES_DISPATCH;
	penstock_store32(fixture.dma + binds, penstock_layout_header(PENSTOCK_DMA_OPCODE_NOP, 4));
	expect_fault("inside the group at DMA byte 0x0");
	fixture.args.dma_length = binds;
	expect_fault("a group without its end");
	memset(fixture.dma, 0, PENSTOCK_DMA_BYTES_DISPATCH);
	penstock_store32(fixture.dma, penstock_layout_header(PENSTOCK_DMA_OPCODE_DISPATCH,
							     PENSTOCK_DMA_BYTES_DISPATCH));
	fixture.args.dma_length = PENSTOCK_DMA_BYTES_DISPATCH;
	fixture.args.patch_count = 0;
	expect_fault("nothing is bound for it");
}
END_TEST

#define IMAGE(slot, offset)                                                                        \
	"image_write allocation=15 slot=" #slot " offset=" #offset " type=1 format=37 width=64 "   \
	"height=64 depth=1 levels=1 layers=1 samples=1\n"
#define SCOPE(member) "begin_rendering area=(0,0,1,1) layers=1\n" member "end_rendering\n"

/* What each address touches, to the byte. */
static const struct {
	const char *text;
	enum penstock_fixture_index allocation;
	uint64_t end; /* of what is touched in it */
} touched[] = {
	{ "timestamp destination=1 offset=0x100\n", PENSTOCK_FIXTURE_BUFFER, 0x108 },
	{ SCOPE(IMAGE(0, 0x40)), PENSTOCK_FIXTURE_IMAGES, 0x40 + 64 * 64 * 4 },
	{ SCOPE("bind_texel_buffer allocation=2 offset=16 size=20 format=37\n"),
	  PENSTOCK_FIXTURE_READ_ONLY, 36 },
	{ SCOPE("bind_texel_buffer_write allocation=1 offset=16 size=20 format=37\n"),
	  PENSTOCK_FIXTURE_BUFFER, 36 },
	{ SCOPE("vertex_buffer allocation=2 offset=3 size=5\n"), PENSTOCK_FIXTURE_READ_ONLY, 8 },
	{ SCOPE("index_buffer allocation=2 offset=2 size=5\n"), PENSTOCK_FIXTURE_READ_ONLY, 7 },
	{ SCOPE("indirect_buffer allocation=2 offset=4 size=17\n"), PENSTOCK_FIXTURE_READ_ONLY,
	  21 },
	{ SCOPE("count_buffer allocation=2 offset=4\n"), PENSTOCK_FIXTURE_READ_ONLY, 8 },
	{ SCOPE("begin_query allocation=1 offset=8\nend_query\n"), PENSTOCK_FIXTURE_BUFFER, 16 },
	{ SCOPE("begin_query allocation=1 offset=8 type=1 statistics=0x415\nend_query\n"),
	  PENSTOCK_FIXTURE_BUFFER, 40 },
	{ IMAGE(0, 0) "copy_buffer_to_image source=2 source_offset=4 image=0 row_length=9 "
		      "width=8 height=3 depth=1 layers=1\n",
	  PENSTOCK_FIXTURE_READ_ONLY, 4 + (2 * 9 + 8) * 4 },
	{ IMAGE(0, 0) "copy_image_to_buffer destination=1 destination_offset=4 image=0 "
		      "width=8 height=3 depth=1 layers=1\n",
	  PENSTOCK_FIXTURE_BUFFER, 4 + 8 * 3 * 4 },
};

START_TEST(graphics_that_touch_a_byte_too_many_are_flagged)
{
	penstock_fixture_init(&fixture);
	fixture.args.caps.pipelines = true;
	penstock_rules_accept(&fixture, touched[_i].text);
	fixture.list[touched[_i].allocation].size_bytes = touched[_i].end;
	expect_good();
	fixture.list[touched[_i].allocation].size_bytes = touched[_i].end - 1;
	expect_fault("touches");
}
END_TEST

/* A field of an instruction of a good buffer, as no engine can execute it. */
START_TEST(graphics_that_there_are_not_are_flagged)
{
	static const struct {
		const char *text;
		uint32_t at;
		uint32_t value;
		const char *says;
	} cases[] = {
		{ SCOPE(IMAGE(0, 0)), 28 + PENSTOCK_DMA_IMAGE_slot, 64, "a slot" },
		{ SCOPE(IMAGE(0, 0)), 28 + PENSTOCK_DMA_IMAGE_samples, 3, "an image" },
		{ SCOPE("vertex_buffer allocation=2 size=5\n"),
		  28 + PENSTOCK_DMA_VERTEX_BUFFER_binding, 16, "a vertex binding" },
		{ SCOPE("begin_query allocation=1\nend_query\n"),
		  28 + PENSTOCK_DMA_BEGIN_QUERY_type, 2, "a query" },
		{ SCOPE("begin_query allocation=1\nend_query\n"),
		  28 + PENSTOCK_DMA_BEGIN_QUERY_flags, 0, "a query" },
		{ SCOPE("begin_query allocation=1\nend_query\n"),
		  28 + PENSTOCK_DMA_BEGIN_QUERY_statistics, 0x800, "a query" },
		{ SCOPE("push_constants data=[1]\n"), 28 + 12, 0x00010031,
		  "ends a group of another sort at DMA byte 0x0" },
		{ SCOPE("stencil faces=1\n"), 28, 0x0007001a, "inside the group" },
	};

	for (uint32_t i = 0; i < PENSTOCK_ARRAY_SIZE(cases); i++) {
		penstock_fixture_init(&fixture);
		fixture.args.caps.pipelines = true;
		penstock_rules_accept(&fixture, cases[i].text);
		penstock_store32(fixture.dma + cases[i].at, cases[i].value);
		expect_fault(cases[i].says);
	}
}
END_TEST

START_TEST(paging_instructions_are_flagged)
{
	penstock_fixture_init(&fixture);
	for (int id = 0; id < PENSTOCK_DMA_COUNT; id++) {
		const struct penstock_dma_instruction *instruction =
			penstock_dma_get((enum penstock_dma_id)id);

		if (instruction->class != PENSTOCK_DMA_PAGING) {
			continue;
		}
		memset(fixture.dma, 0, instruction->layout.bytes);
		penstock_store32(fixture.dma, penstock_layout_header(instruction->layout.opcode,
								     instruction->layout.bytes));
		fixture.args.dma_length = instruction->layout.bytes;
		expect_fault("paging");
	}
}
END_TEST

START_TEST(a_buffer_that_ends_inside_an_instruction_is_flagged)
{
	uint32_t length;

	make(true);
	length = fixture.args.dma_length;
	fixture.args.dma_length = length - 4;
	expect_fault("at DMA byte");
	fixture.args.dma_length = length - 2;
	expect_fault("at DMA byte");
	penstock_store16(fixture.dma, 0x1234);
	fixture.args.dma_length = length;
	expect_fault("unknown instruction");
}
END_TEST

/* ------------------------------------------------------------------ mapping */

struct bounds {
	int64_t left, top, right, bottom; /* right and bottom inclusive */
};

static void widen(struct bounds *bounds, int64_t x, int64_t y)
{
	bounds->left = x < bounds->left ? x : bounds->left;
	bounds->top = y < bounds->top ? y : bounds->top;
	bounds->right = x > bounds->right ? x : bounds->right;
	bounds->bottom = y > bounds->bottom ? y : bounds->bottom;
}

/* Source offsets of one destination offset, as docs/gdi.md says: first..behind. */
static void axis(bool combined, int64_t d, int64_t from, int64_t to, int64_t *ret_first,
		 int64_t *ret_behind)
{
	*ret_first = (2 * d + 1) * from / (2 * to);
	*ret_behind = *ret_first + 1;
	if (combined && from > to) {
		*ret_first = d * from / to;
		*ret_behind = (d + 1) * from / to;
	}
}

/* Pixel by pixel. */
static struct bounds pixels_read(const struct penstock_rect *from, const struct penstock_rect *to,
				 const struct penstock_rect *sub, bool combined, uint32_t flags)
{
	struct bounds bounds = { INT64_MAX, INT64_MAX, INT64_MIN, INT64_MIN };
	int64_t width = from->right - from->left, height = from->bottom - from->top;

	for (int32_t y = sub->top; y < sub->bottom; y++) {
		for (int32_t x = sub->left; x < sub->right; x++) {
			int64_t x0, x1, y0, y1;

			axis(combined, x - to->left, width, to->right - to->left, &x0, &x1);
			axis(combined, y - to->top, height, to->bottom - to->top, &y0, &y1);
			if ((flags & PENSTOCK_STRETCH_MIRROR_X) != 0) {
				int64_t first = width - x1;

				x1 = width - x0;
				x0 = first;
			}
			if ((flags & PENSTOCK_STRETCH_MIRROR_Y) != 0) {
				int64_t first = height - y1;

				y1 = height - y0;
				y0 = first;
			}
			widen(&bounds, from->left + x0, from->top + y0);
			widen(&bounds, from->left + x1 - 1, from->top + y1 - 1);
		}
	}
	return bounds;
}

static struct penstock_rect random_rect(uint64_t *state, int32_t limit)
{
	struct penstock_rect rect;

	rect.left = (int32_t)penstock_random_below(state, (uint32_t)limit);
	rect.top = (int32_t)penstock_random_below(state, (uint32_t)limit);
	rect.right = rect.left + 1 + (int32_t)penstock_random_below(state, (uint32_t)limit);
	rect.bottom = rect.top + 1 + (int32_t)penstock_random_below(state, (uint32_t)limit);
	return rect;
}

START_TEST(A14_extents_are_those_of_every_pixel)
{
	uint64_t state = 2463534242ull + (uint64_t)_i;
	uint8_t dma[PENSTOCK_DMA_BYTES_STRETCHBLT + 16] = { 0 };
	struct penstock_check_extent extents[PENSTOCK_CHECK_ADDRESSES];
	struct penstock_dma_decoded decoded;
	const uint32_t pitch = 4096;

	for (uint32_t round = 0; round < 300; round++) {
		struct penstock_rect from = random_rect(&state, 30);
		struct penstock_rect to = random_rect(&state, 30), sub = to;
		uint32_t mode = 1 + penstock_random_below(&state, 3);
		uint32_t flags = penstock_random_below(&state, 4);
		struct bounds read;

		sub.left += (int32_t)penstock_random_below(&state, (uint32_t)(to.right - to.left));
		sub.bottom -=
			(int32_t)penstock_random_below(&state, (uint32_t)(to.bottom - to.top));
		penstock_store32(
			dma, penstock_layout_header(PENSTOCK_DMA_OPCODE_STRETCHBLT, sizeof(dma)));
		penstock_store32(dma + PENSTOCK_DMA_STRETCHBLT_formats, 0x0101);
		penstock_store32(dma + PENSTOCK_DMA_STRETCHBLT_source_pitch, pitch);
		penstock_store32(dma + PENSTOCK_DMA_STRETCHBLT_destination_pitch, pitch);
		memcpy(dma + PENSTOCK_DMA_STRETCHBLT_source_rect, &from, 16);
		memcpy(dma + PENSTOCK_DMA_STRETCHBLT_destination_rect, &to, 16);
		penstock_store32(dma + PENSTOCK_DMA_STRETCHBLT_mode, mode);
		penstock_store32(dma + PENSTOCK_DMA_STRETCHBLT_flags, flags);
		memcpy(dma + PENSTOCK_DMA_STRETCHBLT_sub_rects, &sub, 16);
		ck_assert_int_eq(penstock_dma_decode(dma, sizeof(dma), &decoded),
				 PENSTOCK_STATUS_SUCCESS);
		ck_assert_ptr_null(penstock_check_extents(&decoded, extents));
		read = pixels_read(&from, &to, &sub, mode != PENSTOCK_STRETCH_COLORONCOLOR, flags);
		ck_assert_uint_eq(extents[0].first,
				  (uint64_t)read.top * pitch + (uint64_t)read.left * 4);
		ck_assert_uint_eq(extents[0].behind,
				  (uint64_t)read.bottom * pitch + (uint64_t)read.right * 4 + 4);
		ck_assert_int_ge(read.left, from.left);
		ck_assert_int_lt(read.right, from.right);
		ck_assert_int_ge(read.top, from.top);
		ck_assert_int_lt(read.bottom, from.bottom);
	}
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("check");
	TCase *tcase = tcase_create("check");

	tcase_add_loop_test(tcase, A10_a_patch_location_that_is_dropped_is_flagged, 0, 2);
	tcase_add_loop_test(tcase, A10_a_patch_location_too_many_is_flagged, 0, 2);
	tcase_add_loop_test(tcase, A10_patch_locations_out_of_place_are_flagged, 0, 2);
	tcase_add_loop_test(tcase, A11_an_address_that_was_not_patched_is_flagged, 0, 2);
	tcase_add_loop_test(tcase, a_write_to_a_range_that_is_not_writable_is_flagged, 0, 2);
	tcase_add_test(tcase, a_range_that_is_a_byte_too_small_is_flagged);
	tcase_add_test(tcase, groups_that_are_none_are_flagged);
	tcase_add_loop_test(tcase, graphics_that_touch_a_byte_too_many_are_flagged, 0,
			    (int)PENSTOCK_ARRAY_SIZE(touched));
	tcase_add_test(tcase, graphics_that_there_are_not_are_flagged);
	tcase_add_test(tcase, paging_instructions_are_flagged);
	tcase_add_test(tcase, a_buffer_that_ends_inside_an_instruction_is_flagged);
	tcase_add_loop_test(tcase, A14_extents_are_those_of_every_pixel, 0, 4);
	suite_add_tcase(suite, tcase);
	return penstock_test_main(suite);
}
