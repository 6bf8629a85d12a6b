/* SPDX-License-Identifier: MIT */
/* What the client library says of images, without a daemon. */
#include "client/include/penstock/penstock.h"
#include "proto/isa/instruction.h"
#include "tests/harness.h"

#include <string.h>

#define GOOD(call)  ck_assert_int_eq(call, PENSTOCK_STATUS_SUCCESS)
#define WRONG(call) ck_assert_int_eq(call, PENSTOCK_STATUS_INVALID_PARAMETER)

#define R8G8B8A8_UNORM 37u /* VkFormat */

static const struct penstock_image chain = {
	.type = 1,
	.format = R8G8B8A8_UNORM,
	.width = 64,
	.height = 32,
	.depth = 1,
	.levels = 3,
	.layers = 2,
	.samples = 1,
};
static const struct penstock_image solid = {
	.type = 2,
	.format = R8G8B8A8_UNORM,
	.width = 16,
	.height = 16,
	.depth = 8,
	.levels = 1,
	.layers = 1,
	.samples = 1,
};

START_TEST(an_image_is_measured)
{
	struct penstock_image none = chain;
	uint64_t bytes = 9;

	GOOD(penstock_image_measure(&chain, &bytes));
	ck_assert_uint_ge(bytes, 2u * 4u * (64u * 32u + 32u * 16u + 16u * 8u));
	none.width = 0;
	bytes = 9;
	WRONG(penstock_image_measure(&none, &bytes));
	WRONG(penstock_image_measure(NULL, &bytes));
	WRONG(penstock_image_measure(&chain, NULL));
	ck_assert_uint_eq(bytes, 9);
}
END_TEST

START_TEST(subresources_lie_one_behind_the_other_inside_of_the_image)
{
	struct penstock_subresource place;
	uint64_t bytes, end = 0;

	GOOD(penstock_image_measure(&chain, &bytes));
	for (uint32_t level = 0; level < chain.levels; level++) {
		for (uint32_t layer = 0; layer < chain.layers; layer++) {
			GOOD(penstock_image_subresource(&chain, level, layer, &place));
			ck_assert_uint_ge(place.offset_bytes, end);
			ck_assert_uint_ge(place.row_bytes, (64u >> level) * 4u);
			ck_assert_uint_ge(place.size_bytes, place.row_bytes * (32u >> level));
			end = place.offset_bytes + place.size_bytes;
			ck_assert_uint_le(end, bytes);
		}
	}
	memset(&place, 0x5a, sizeof(place));
	WRONG(penstock_image_subresource(&chain, chain.levels, 0, &place));
	WRONG(penstock_image_subresource(&chain, 0, chain.layers, &place));
	WRONG(penstock_image_subresource(&chain, 0, UINT32_MAX, &place));
	WRONG(penstock_image_subresource(NULL, 0, 0, &place));
	WRONG(penstock_image_subresource(&chain, 0, 0, NULL));
	ck_assert_uint_eq(place.offset_bytes, 0x5a5a5a5a5a5a5a5a);
}
END_TEST

START_TEST(slices_of_a_3d_image_are_one_subresource)
{
	struct penstock_subresource place;

	GOOD(penstock_image_subresource(&solid, 0, 0, &place));
	ck_assert_uint_eq(place.size_bytes, 8 * place.layer_bytes);
	WRONG(penstock_image_subresource(&solid, 0, 1, &place));
}
END_TEST

START_TEST(an_image_is_emitted_as_its_fields)
{
	struct penstock_command_buffer *buffers[2];
	const struct penstock_wire_allocation *list;
	const void *bytes[2];
	uint32_t sizes[2], count;

	for (uint32_t i = 0; i < 2; i++) {
		GOOD(penstock_command_buffer_new(&buffers[i]));
	}
	GOOD(penstock_emit_image_of(buffers[0], 3, 64, 7, &chain));
	GOOD(penstock_emit_image_write_of(buffers[0], 4, 128, 8, &solid));
	GOOD(penstock_emit_image(buffers[1], 3, 64, 7, 0, 1, R8G8B8A8_UNORM, 64, 32, 1, 3, 2, 1,
				 0));
	GOOD(penstock_emit_image_write(buffers[1], 4, 128, 8, 0, 2, R8G8B8A8_UNORM, 16, 16, 8, 1, 1,
				       1, 0));
	for (uint32_t i = 0; i < 2; i++) {
		GOOD(penstock_command_buffer_contents(buffers[i], &bytes[i], &sizes[i], &list,
						      &count));
	}
	ck_assert_uint_eq(sizes[0], PENSTOCK_BYTES_IMAGE + PENSTOCK_BYTES_IMAGE_WRITE);
	ck_assert_uint_eq(sizes[0], sizes[1]);
	ck_assert_mem_eq(bytes[0], bytes[1], sizes[0]);
	WRONG(penstock_emit_image_of(buffers[0], 3, 64, 7, NULL));
	WRONG(penstock_emit_image_write_of(buffers[0], 3, 64, 7, NULL));
	WRONG(penstock_emit_image_of(NULL, 3, 64, 7, &chain));
	for (uint32_t i = 0; i < 2; i++) {
		penstock_command_buffer_free(buffers[i]);
	}
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("client_graphics");
	TCase *tcase = tcase_create("images");

	tcase_add_test(tcase, an_image_is_measured);
	tcase_add_test(tcase, subresources_lie_one_behind_the_other_inside_of_the_image);
	tcase_add_test(tcase, slices_of_a_3d_image_are_one_subresource);
	tcase_add_test(tcase, an_image_is_emitted_as_its_fields);
	suite_add_tcase(suite, tcase);
	return penstock_test_main(suite);
}
