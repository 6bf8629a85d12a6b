/* SPDX-License-Identifier: MIT */
/* Which descriptions are an image, where its levels lie, and what an adapter says of it. */
#include "proto/image/image.h"
#include "proto/wire/limits.h"
#include "tests/harness.h"

#include <stdlib.h>
#include <string.h>

#define RGBA8 37u
#define D16   124u
#define S8    127u
#define BC1   131u

static const struct penstock_image plain = { .type = 1,
					     .format = RGBA8,
					     .width = 64,
					     .height = 32,
					     .depth = 1,
					     .levels = 1,
					     .layers = 1,
					     .samples = 1 };

static struct penstock_image_layout layout;
static struct penstock_errbuf error;

static void good(const struct penstock_image *image)
{
	error.text[0] = '\0';
	ck_assert_msg(penstock_image_lay_out(image, &layout, &error) == PENSTOCK_STATUS_SUCCESS,
		      "%s", error.text);
}

static void bad(const struct penstock_image *image, const char *why)
{
	ck_assert_uint_eq(penstock_image_lay_out(image, &layout, &error),
			  PENSTOCK_STATUS_INVALID_PARAMETER);
	ck_assert_msg(strstr(error.text, why) != NULL, "'%s', not '%s'", error.text, why);
	ck_assert_uint_eq(penstock_image_lay_out(image, &layout, NULL),
			  PENSTOCK_STATUS_INVALID_PARAMETER);
}

/* ---------------------------------------------------------------- what is refused */

START_TEST(a_format_that_is_none_is_refused)
{
	static const uint32_t none[] = { 0, 128, 157, 184, 1000156000, 1000340002, UINT32_MAX };

	for (size_t i = 0; i < PENSTOCK_ARRAY_SIZE(none); i++) {
		struct penstock_image image = plain;

		image.format = none[i];
		bad(&image, "a format that no image has");
	}
}
END_TEST

#define MOST_2D PENSTOCK_LIMIT_IMAGE_EXTENT
#define MOST_3D PENSTOCK_LIMIT_IMAGE_EXTENT_3D

/* Words that are set in the plain image, and what the sentence says of it. */
static const struct {
	uint32_t words[sizeof(struct penstock_image) / sizeof(uint32_t)];
	const char *why;
} refused[] = {
	/* flags, type, format, width, height, depth, levels, layers, samples, tiling */
	{ { 0x01, 1, RGBA8, 64, 32, 1, 1, 1, 1, 0 }, "unknown type, tiling or flag" },
	{ { 0, 3, RGBA8, 64, 32, 1, 1, 1, 1, 0 }, "unknown type, tiling or flag" },
	{ { 0, 1, RGBA8, 64, 32, 1, 1, 1, 1, 2 }, "unknown type, tiling or flag" },
	{ { 0, 1, RGBA8, 64, 32, 1, 1, 1, 0, 0 }, "samples: 1, or 4" },
	{ { 0, 1, RGBA8, 64, 32, 1, 1, 1, 2, 0 }, "samples: 1, or 4" },
	{ { 0, 1, RGBA8, 64, 32, 1, 1, 1, 8, 0 }, "samples: 1, or 4" },
	{ { 0, 1, RGBA8, 64, 32, 1, 2, 1, 4, 0 }, "samples: 1, or 4" },
	{ { 0, 1, RGBA8, 64, 32, 1, 1, 1, 4, 1 }, "samples: 1, or 4" },
	{ { 0, 2, RGBA8, 64, 32, 1, 1, 1, 4, 0 }, "samples: 1, or 4" },
	{ { 0x10, 1, RGBA8, 32, 32, 1, 1, 6, 4, 0 }, "samples: 1, or 4" },
	{ { 0x10, 1, RGBA8, 64, 32, 1, 1, 6, 1, 0 }, "a cube is" },
	{ { 0x10, 1, RGBA8, 32, 32, 1, 1, 5, 1, 0 }, "a cube is" },
	{ { 0x10, 2, RGBA8, 32, 32, 1, 1, 1, 1, 0 }, "a cube is" },
	{ { 0x20, 1, RGBA8, 64, 32, 1, 1, 1, 1, 0 }, "2D arrays can be made of a 3D image only" },
	{ { 0, 1, RGBA8, 0, 32, 1, 1, 1, 1, 0 }, "width 0" },
	{ { 0, 1, RGBA8, 64, 0, 1, 1, 1, 1, 0 }, "height 0" },
	{ { 0, 1, RGBA8, 64, 32, 0, 1, 1, 1, 0 }, "depth 0" },
	{ { 0, 1, RGBA8, 64, 32, 2, 1, 1, 1, 0 }, "depth 2: at most 1" },
	{ { 0, 0, RGBA8, 64, 2, 1, 1, 1, 1, 0 }, "height 2: at most 1" },
	{ { 0, 1, RGBA8, MOST_2D + 1, 32, 1, 1, 1, 1, 0 }, "width 16385: at most 16384" },
	{ { 0, 1, RGBA8, 64, UINT32_MAX, 1, 1, 1, 1, 0 }, "height 4294967295: at most 16384" },
	{ { 0, 2, RGBA8, MOST_3D + 1, 32, 1, 1, 1, 1, 0 }, "width 2049: at most 2048" },
	{ { 0, 2, RGBA8, 64, 32, MOST_3D + 1, 1, 1, 1, 0 }, "depth 2049: at most 2048" },
	{ { 0, 1, RGBA8, 64, 32, 1, 0, 1, 1, 0 }, "levels 0: at most 7" },
	{ { 0, 1, RGBA8, 64, 32, 1, 8, 1, 1, 0 }, "levels 8: at most 7" },
	{ { 0, 1, RGBA8, 64, 32, 1, UINT32_MAX, 1, 1, 0 }, "at most 7" },
	{ { 0, 1, RGBA8, 64, 32, 1, 1, 0, 1, 0 }, "layers 0" },
	{ { 0, 1, RGBA8, 64, 32, 1, 1, PENSTOCK_LIMIT_IMAGE_LAYERS + 1, 1, 0 }, "layers 2049" },
	{ { 0, 2, RGBA8, 64, 32, 2, 1, 2, 1, 0 }, "layers 2: at most 1" },
};

START_TEST(what_no_image_is_like_is_refused_and_said)
{
	struct penstock_image image;

	memcpy(&image, refused[_i].words, sizeof(image));
	bad(&image, refused[_i].why);
}
END_TEST

/* Whatever stands in the words, a layout that is made adds up. */
START_TEST(any_words_are_refused_or_lie_in_their_bytes)
{
	uint32_t seed = 1;

	for (uint32_t round = 0; round < 200000; round++) {
		struct penstock_image image = plain;
		uint32_t *words = (uint32_t *)&image;

		for (uint32_t i = 0; i < 3; i++) {
			seed = seed * 1664525 + 1013904223;
			words[seed >> 16 & 7] = seed >> 8 & 1 ? seed >> 20 : 1u << (seed >> 27);
		}
		if (penstock_image_lay_out(&image, &layout, NULL) != PENSTOCK_STATUS_SUCCESS) {
			continue;
		}
		for (uint32_t level = 0; level < image.levels; level++) {
			const struct penstock_image_level *at = &layout.levels[level];

			ck_assert_uint_le(at->offset + at->bytes, layout.sample_bytes);
			ck_assert_uint_ge(at->bytes, at->layer_bytes);
			ck_assert_uint_ge(at->layer_bytes, at->row_bytes);
		}
		ck_assert_uint_eq(layout.bytes, layout.sample_bytes * image.samples);
	}
}
END_TEST

/* ---------------------------------------------------------------- where it lies */

START_TEST(rows_and_levels_begin_at_multiples_of_64_bytes)
{
	struct penstock_image image = plain;

	image.width = 33;
	image.height = 17;
	image.levels = 6;
	image.layers = 3;
	good(&image);
	ck_assert_uint_eq(layout.levels[0].row_bytes, 192); /* 36 texels, rounded up */
	ck_assert_uint_eq(layout.levels[0].layer_bytes, 192 * 20);
	ck_assert_uint_eq(layout.levels[0].bytes, 192 * 20 * 3);
	ck_assert_uint_eq(layout.levels[1].offset, 192 * 20 * 3);
	ck_assert_uint_eq(layout.levels[1].row_bytes, 64);
	ck_assert_uint_eq(layout.levels[5].width, 1);
	ck_assert_uint_eq(layout.levels[5].height, 1);
	for (uint32_t level = 0; level < image.levels; level++) {
		ck_assert_uint_eq(layout.levels[level].offset % PENSTOCK_IMAGE_ALIGNMENT, 0);
	}
}
END_TEST

START_TEST(an_image_of_one_dimension_has_rows_of_one_texel)
{
	struct penstock_image image = plain;

	image.type = 0;
	image.height = 1;
	good(&image);
	ck_assert_uint_eq(layout.bytes, 256);
}
END_TEST

START_TEST(a_compressed_image_has_tight_rows_of_blocks)
{
	struct penstock_image image = plain;

	image.format = BC1;
	image.width = 9;
	image.height = 5;
	good(&image);
	ck_assert_uint_eq(layout.levels[0].row_bytes, 3 * 8);
	ck_assert_uint_eq(layout.levels[0].bytes, 2 * 3 * 8);
	ck_assert_uint_eq(layout.bytes, 64);
}
END_TEST

START_TEST(slices_count_like_layers_and_get_fewer_with_each_level)
{
	struct penstock_image image = plain;

	image.type = 2;
	image.depth = 8;
	image.levels = 2;
	good(&image);
	ck_assert_uint_eq(layout.levels[0].bytes, 8 * layout.levels[0].layer_bytes);
	ck_assert_uint_eq(layout.levels[1].bytes, 4 * layout.levels[1].layer_bytes);
}
END_TEST

START_TEST(four_samples_are_four_times_as_much)
{
	struct penstock_image image = plain;

	good(&image);
	image.samples = 4;
	{
		const uint64_t one = layout.bytes;

		good(&image);
		ck_assert_uint_eq(layout.sample_bytes, one);
		ck_assert_uint_eq(layout.bytes, 4 * one);
	}
}
END_TEST

/* ---------------------------------------------------------------- what an adapter has */

static void expect_support(const struct penstock_image *image,
			   const struct penstock_format_features *features,
			   enum penstock_status expected)
{
	good(image);
	ck_assert_uint_eq(penstock_image_supported(image, &layout, features, &error), expected);
	ck_assert_uint_eq(penstock_image_supported(image, &layout, features, NULL), expected);
}

START_TEST(an_adapter_has_the_images_that_its_driver_has_features_for)
{
	static struct penstock_format_features features[PENSTOCK_TEXEL_FORMATS];
	struct penstock_image image = plain;
	const uint32_t id = penstock_texel_format_get(RGBA8)->id;

	expect_support(&image, features, PENSTOCK_STATUS_NOT_SUPPORTED);
	ck_assert_ptr_nonnull(strstr(error.text, "optimal image of format R8G8B8A8_UNORM"));
	features[id].optimal = 0xc00; /* blits only */
	expect_support(&image, features, PENSTOCK_STATUS_NOT_SUPPORTED);
	features[id].optimal = 1; /* sampled only */
	expect_support(&image, features, PENSTOCK_STATUS_SUCCESS);
	image.samples = 4;
	expect_support(&image, features, PENSTOCK_STATUS_NOT_SUPPORTED);
	features[id].optimal |= 0x80; /* a colour target */
	expect_support(&image, features, PENSTOCK_STATUS_SUCCESS);
	image.samples = 1;
	image.tiling = 1;
	expect_support(&image, features, PENSTOCK_STATUS_NOT_SUPPORTED);
	features[id].linear = 1;
	expect_support(&image, features, PENSTOCK_STATUS_SUCCESS);
}
END_TEST

/* ---------------------------------------------------------------- formats */

START_TEST(formats_are_found_by_number_and_by_name)
{
	for (uint32_t id = 0; id < PENSTOCK_TEXEL_FORMATS; id++) {
		const struct penstock_texel_format *format = penstock_texel_format_at(id);

		ck_assert_ptr_eq(penstock_texel_format_get(format->number), format);
		ck_assert_ptr_eq(penstock_texel_format_by_name(format->name), format);
		ck_assert_uint_eq(format->id, id);
		ck_assert_uint_gt(format->block_bytes, 0);
		ck_assert_uint_gt(format->components, 0);
	}
	ck_assert_ptr_null(penstock_texel_format_by_name("R8G8B8A8"));
	ck_assert_ptr_null(penstock_texel_format_by_name(""));
}
END_TEST

START_TEST(an_aspect_of_zero_is_all_that_a_format_has)
{
	ck_assert_uint_eq(penstock_aspects_of(penstock_texel_format_get(130), 0), 6);
	ck_assert_uint_eq(penstock_aspects_of(penstock_texel_format_get(130), 4), 4);
	ck_assert_uint_eq(penstock_aspects_of(penstock_texel_format_get(D16), 0), 2);
	ck_assert_uint_eq(penstock_aspects_of(penstock_texel_format_get(S8), 0), 4);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("texel image");
	TCase *tests = tcase_create("all");

	tcase_add_test(tests, a_format_that_is_none_is_refused);
	tcase_add_loop_test(tests, what_no_image_is_like_is_refused_and_said, 0,
			    PENSTOCK_ARRAY_SIZE(refused));
	tcase_add_test(tests, any_words_are_refused_or_lie_in_their_bytes);
	tcase_add_test(tests, rows_and_levels_begin_at_multiples_of_64_bytes);
	tcase_add_test(tests, an_image_of_one_dimension_has_rows_of_one_texel);
	tcase_add_test(tests, a_compressed_image_has_tight_rows_of_blocks);
	tcase_add_test(tests, slices_count_like_layers_and_get_fewer_with_each_level);
	tcase_add_test(tests, four_samples_are_four_times_as_much);
	tcase_add_test(tests, an_adapter_has_the_images_that_its_driver_has_features_for);
	tcase_add_test(tests, formats_are_found_by_number_and_by_name);
	tcase_add_test(tests, an_aspect_of_zero_is_all_that_a_format_has);
	suite_add_tcase(suite, tests);
	return penstock_test_main(suite);
}
