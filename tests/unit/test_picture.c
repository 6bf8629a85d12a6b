/* SPDX-License-Identifier: MIT */
/* The tool's pictures: PNG files, and the pixel formats of surfaces. */
#include "client/penstock/file.h"
#include "client/penstock/picture.h"
#include "proto/isa/instruction.h"
#include "tests/harness.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* 2 x 2: red, half a green; blue, nothing */
static const uint8_t pixels[16] = { 255, 0, 0, 255, 0, 255, 0, 128, 0, 0, 255, 255, 1, 2, 3, 0 };

static struct penstock_errbuf fault;

static void fill(struct penstock_picture *image)
{
	ck_assert_int_eq(penstock_picture_init(image, 2, 2, &fault), PENSTOCK_STATUS_SUCCESS);
	memcpy(image->pixels, pixels, sizeof(pixels));
	image->alpha = true;
}

START_TEST(a_png_comes_back_as_it_was)
{
	char *directory = penstock_test_directory();
	struct penstock_picture image, back;
	uint8_t *bytes;
	size_t length;
	char path[300];

	snprintf(path, sizeof(path), "%s/x.png", directory);
	for (int alpha = 0; alpha < 2; alpha++) {
		fill(&image);
		image.alpha = alpha != 0;
		ck_assert_int_eq(penstock_picture_save(&image, path, &fault),
				 PENSTOCK_STATUS_SUCCESS);
		ck_assert_int_eq(penstock_file_read(path, 1 << 20, &bytes, &length, &fault),
				 PENSTOCK_STATUS_SUCCESS);
		ck_assert_int_eq(penstock_picture_decode(bytes, length, path, &back, &fault),
				 PENSTOCK_STATUS_SUCCESS);
		ck_assert_uint_eq(back.width, 2);
		ck_assert_uint_eq(back.height, 2);
		ck_assert_int_eq(back.alpha, alpha != 0);
		for (unsigned i = 0; i < sizeof(pixels); i++) {
			ck_assert_uint_eq(back.pixels[i],
					  alpha == 0 && i % 4 == 3 ? 255 : pixels[i]);
		}
		/* whatever is cut off, there is an answer */
		for (size_t cut = 0; cut < length; cut++) {
			struct penstock_picture damaged = { 0 };

			if (penstock_picture_decode(bytes, cut, path, &damaged, &fault) ==
			    PENSTOCK_STATUS_SUCCESS) {
				ck_assert_uint_eq(damaged.width, 2);
			}
			penstock_picture_fini(&damaged);
		}
		free(bytes);
		penstock_picture_fini(&image);
		penstock_picture_fini(&back);
	}
	penstock_test_directory_remove(directory);
}
END_TEST

START_TEST(a_picture_larger_than_any_surface_is_refused)
{
	char *directory = penstock_test_directory();
	struct penstock_picture image;
	uint8_t *bytes;
	size_t length;
	char path[300];

	snprintf(path, sizeof(path), "%s/x.png", directory);
	for (uint32_t width = 16384; width <= 16385; width++) {
		ck_assert_int_eq(penstock_picture_init(&image, width, 1, &fault),
				 PENSTOCK_STATUS_SUCCESS);
		ck_assert_int_eq(penstock_picture_save(&image, path, &fault),
				 PENSTOCK_STATUS_SUCCESS);
		penstock_picture_fini(&image);
		ck_assert_int_eq(penstock_file_read(path, 1 << 20, &bytes, &length, &fault),
				 PENSTOCK_STATUS_SUCCESS);
		ck_assert_int_eq(penstock_picture_decode(bytes, length, "x.png", &image, &fault),
				 width == 16384 ? PENSTOCK_STATUS_SUCCESS
						: PENSTOCK_STATUS_LIMIT_EXCEEDED);
		penstock_picture_fini(&image);
		free(bytes);
	}
	ck_assert_str_eq(fault.text, "x.png: 16385x1 pixels; a surface has at most 16384x16384");
	penstock_test_directory_remove(directory);
}
END_TEST

START_TEST(formats_have_their_bytes_in_order)
{
	uint8_t surface[2 * 64];
	struct penstock_picture image, back;

	fill(&image);
	memset(surface, 0xEE, sizeof(surface));
	penstock_picture_to_surface(&image, PENSTOCK_FORMAT_A8R8G8B8, surface, 64);
	ck_assert_mem_eq(surface, "\x00\x00\xff\xff\x00\xff\x00\x80\xee", 9);
	ck_assert_mem_eq(surface + 64, "\xff\x00\x00\xff\x03\x02\x01\x00\xee", 9);
	penstock_picture_to_surface(&image, PENSTOCK_FORMAT_A8B8G8R8, surface, 64);
	ck_assert_mem_eq(surface, pixels, 8);
	penstock_picture_to_surface(&image, PENSTOCK_FORMAT_X8B8G8R8, surface, 64);
	ck_assert_uint_eq(surface[7], 0xff);
	penstock_picture_to_surface(&image, PENSTOCK_FORMAT_A8, surface, 64);
	ck_assert_mem_eq(surface, "\xff\x80", 2);
	image.alpha = false;
	penstock_picture_to_surface(&image, PENSTOCK_FORMAT_A8, surface, 64);
	ck_assert_mem_eq(surface, "\x4c\x95", 2);
	ck_assert_int_eq(penstock_picture_init(&back, 2, 2, &fault), PENSTOCK_STATUS_SUCCESS);
	for (uint32_t format = PENSTOCK_FORMAT_A8R8G8B8; format <= PENSTOCK_FORMAT_A8B8G8R8;
	     format += 2) {
		penstock_picture_to_surface(&image, format, surface, 64);
		penstock_picture_from_surface(&back, format, surface, 64);
		ck_assert(back.alpha);
		ck_assert_mem_eq(back.pixels, pixels, sizeof(pixels));
	}
	penstock_picture_fini(&image);
	penstock_picture_fini(&back);
}
END_TEST

START_TEST(a_pixel_is_a_colour)
{
	static const uint8_t bytes[4] = { 0x11, 0x22, 0x33, 0x44 };

	ck_assert_uint_eq(penstock_surface_pixel(bytes, PENSTOCK_FORMAT_A8R8G8B8), 0x44332211);
	ck_assert_uint_eq(penstock_surface_pixel(bytes, PENSTOCK_FORMAT_X8R8G8B8), 0xFF332211);
	ck_assert_uint_eq(penstock_surface_pixel(bytes, PENSTOCK_FORMAT_A8B8G8R8), 0x44112233);
	ck_assert_uint_eq(penstock_surface_pixel(bytes, PENSTOCK_FORMAT_X8B8G8R8), 0xFF112233);
	ck_assert_uint_eq(penstock_surface_pixel(bytes, PENSTOCK_FORMAT_A8), 0x11000000);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("image");
	TCase *tcase = tcase_create("image");

	tcase_add_test(tcase, a_png_comes_back_as_it_was);
	tcase_add_test(tcase, a_picture_larger_than_any_surface_is_refused);
	tcase_add_test(tcase, formats_have_their_bytes_in_order);
	tcase_add_test(tcase, a_pixel_is_a_colour);
	suite_add_tcase(suite, tcase);
	return penstock_test_main(suite);
}
