/* SPDX-License-Identifier: MIT */
/* Copies, blits, resolves and clears of images, and the timestamp. */
#include "gpu-backend/dma.h"
#include "tests/harness.h"
#include "tests/support/render_rules.h"

#include <string.h>

static struct penstock_fixture fixture;

static void setup(void)
{
	penstock_fixture_init(&fixture);
	fixture.args.caps.pipelines = true;
}

#define IMAGE_OF(word, slot, type, format, width, height, depth, levels, layers, samples, rest)    \
	word " allocation=15 slot=" #slot " type=" #type " format=" #format " width=" #width       \
	     " height=" #height " depth=" #depth " levels=" #levels " layers=" #layers             \
	     " samples=" #samples " " rest "\n"

/* Slot 0 is read, slot 1 written; both RGBA8 of 64 x 64 with 7 levels and 3 layers. */
#define SOURCE      IMAGE_OF("image", 0, 1, 37, 64, 64, 1, 7, 3, 1, "")
#define DESTINATION IMAGE_OF("image_write", 1, 1, 37, 64, 64, 1, 7, 3, 1, "offset=0x40000")

/* Room for images of which a layer is more than one submission may do. */
static void have_large_images(void)
{
	fixture.list[PENSTOCK_FIXTURE_IMAGES].size_bytes = 1ull << 32;
}

/* ------------------------------------------------------------------ buffers and images */

#define UPLOAD(image, rest) image "copy_buffer_to_image source=2 image=1 " rest "\n"
#define REGION              "width=16 height=8 depth=1 layers=1 "
#define BASIC               UPLOAD(DESTINATION, REGION)
#define VOLUME              IMAGE_OF("image_write", 1, 2, 37, 16, 16, 16, 2, 1, 1, "")
#define LINE                IMAGE_OF("image_write", 1, 0, 37, 64, 1, 1, 1, 2, 1, "")
#define BLOCKS              IMAGE_OF("image_write", 1, 1, 131, 64, 64, 1, 7, 1, 1, "")
#define DEPTH               IMAGE_OF("image_write", 1, 1, 130, 64, 64, 1, 1, 1, 1, "")
#define SHORT_DEPTH         IMAGE_OF("image_write", 1, 1, 124, 64, 64, 1, 1, 1, 1, "")
#define WIDE                IMAGE_OF("image_write", 1, 1, 109, 64, 64, 1, 1, 1, 1, "")
#define NARROW              IMAGE_OF("image_write", 1, 1, 9, 64, 64, 1, 1, 1, 1, "")
#define SAMPLES             IMAGE_OF("image_write", 1, 1, 37, 64, 64, 1, 1, 1, 4, "")
#define ONE                 "depth=1 layers=1 "

static const struct penstock_rule uploads[] = {
	{ DESTINATION, DESTINATION, "", "copy_buffer_to_image", "", "its group has no image",
	  NULL },
	{ DESTINATION, DESTINATION, SOURCE, "copy_buffer_to_image", "image", "slot 1 is no image",
	  NULL },
	{ BASIC, BASIC, UPLOAD(IMAGE_OF("image", 1, 1, 37, 64, 64, 1, 1, 1, 1, ""), REGION),
	  "copy_buffer_to_image", "image", "needs image_write", NULL },
	/* inside the level */
	{ BASIC, UPLOAD(DESTINATION, "x=48 y=56 " REGION), UPLOAD(DESTINATION, "x=49 y=56 " REGION),
	  "copy_buffer_to_image", "x", "width 16 from 49 on: at least one, and the level has 64",
	  NULL },
	{ BASIC, BASIC, UPLOAD(DESTINATION, "x=0 y=57 " REGION), "copy_buffer_to_image", "y",
	  "height 8 from 57 on", NULL },
	{ BASIC, BASIC, UPLOAD(DESTINATION, "x=-1 " REGION), "copy_buffer_to_image", "x",
	  "from -1 on", NULL },
	{ BASIC, BASIC, UPLOAD(DESTINATION, "z=1 " REGION), "copy_buffer_to_image", "z",
	  "the level has 1", NULL },
	{ BASIC, BASIC, UPLOAD(DESTINATION, "width=16 height=8 depth=2 layers=1"),
	  "copy_buffer_to_image", "z", "depth 2 from 0 on", NULL },
	{ BASIC, BASIC, UPLOAD(DESTINATION, "width=0 height=8 " ONE), "copy_buffer_to_image", "x",
	  "at least one", NULL },
	{ BASIC, BASIC, UPLOAD(DESTINATION, "width=0xffffffff height=8 x=1 " ONE),
	  "copy_buffer_to_image", "x", "width 4294967295", NULL },
	{ BASIC, UPLOAD(DESTINATION, "level=3 width=8 height=8 " ONE),
	  UPLOAD(DESTINATION, "level=3 width=9 height=8 " ONE), "copy_buffer_to_image", "x",
	  "the level has 8", NULL },
	{ BASIC, UPLOAD(DESTINATION, "level=6 width=1 height=1 " ONE),
	  UPLOAD(DESTINATION, "level=7 width=1 height=1 " ONE), "copy_buffer_to_image", "level",
	  "1 levels from 7 on", NULL },
	{ BASIC, UPLOAD(DESTINATION, "first_layer=1 layers=2 width=4 height=4 depth=1"),
	  UPLOAD(DESTINATION, "first_layer=2 layers=2 width=4 height=4 depth=1"),
	  "copy_buffer_to_image", "layers", "2 layers from 2 on", NULL },
	{ BASIC, BASIC, UPLOAD(DESTINATION, "width=4 height=4 depth=1"), "copy_buffer_to_image",
	  "layers", "at least one", NULL },
	{ BASIC, UPLOAD(VOLUME, "level=1 z=7 width=8 height=8 " ONE),
	  UPLOAD(VOLUME, "level=1 z=8 width=8 height=8 " ONE), "copy_buffer_to_image", "z",
	  "the level has 8", NULL },
	{ BASIC, UPLOAD(VOLUME, "width=8 height=8 depth=16 layers=1"),
	  UPLOAD(VOLUME, "width=8 height=8 depth=1 layers=2"), "copy_buffer_to_image", "layers",
	  "there are 1", NULL },
	{ BASIC, UPLOAD(LINE, "width=64 height=1 depth=1 layers=2"),
	  UPLOAD(LINE, "width=64 height=2 depth=1 layers=2"), "copy_buffer_to_image", "y",
	  "the level has 1", NULL },
	/* blocks */
	{ BASIC, UPLOAD(BLOCKS, "x=4 width=4 height=64 " ONE),
	  UPLOAD(BLOCKS, "x=2 width=4 height=64 " ONE), "copy_buffer_to_image", "x",
	  "2 is no multiple of a block of 4", NULL },
	{ BASIC, UPLOAD(BLOCKS, "level=4 width=4 height=4 " ONE),
	  UPLOAD(BLOCKS, "level=4 width=3 height=4 " ONE), "copy_buffer_to_image", "width",
	  "does not end at the edge", NULL },
	{ BASIC, UPLOAD(BLOCKS, "level=5 width=2 height=2 " ONE),
	  UPLOAD(BLOCKS, "level=5 width=1 height=2 " ONE), "copy_buffer_to_image", "width",
	  "does not end at the edge (2)", NULL },
	{ BASIC, UPLOAD(BLOCKS, "level=5 width=2 height=2 " ONE),
	  UPLOAD(BLOCKS, "level=5 width=4 height=2 " ONE), "copy_buffer_to_image", "x",
	  "width 4 from 0 on: at least one, and the level has 2", NULL },
	{ BASIC, UPLOAD(BLOCKS, "row_length=8 image_height=4 width=8 height=4 " ONE),
	  UPLOAD(BLOCKS, "row_length=10 width=8 height=4 " ONE), "copy_buffer_to_image",
	  "row_length", "a multiple of 4", NULL },
	/* pitches */
	{ BASIC, UPLOAD(DESTINATION, "row_length=16 " REGION),
	  UPLOAD(DESTINATION, "row_length=15 " REGION), "copy_buffer_to_image", "row_length",
	  "0, or from 16", NULL },
	{ BASIC, UPLOAD(DESTINATION, "image_height=8 " REGION),
	  UPLOAD(DESTINATION, "image_height=7 " REGION), "copy_buffer_to_image", "image_height",
	  "0, or from 8", NULL },
	/* one aspect */
	{ BASIC, UPLOAD(DEPTH, "aspects=2 " REGION), UPLOAD(DEPTH, REGION), "copy_buffer_to_image",
	  "aspects", "a copy is of one aspect", NULL },
	{ BASIC, UPLOAD(DESTINATION, "aspects=1 " REGION), UPLOAD(DESTINATION, "aspects=2 " REGION),
	  "copy_buffer_to_image", "aspects", "not 0x2", NULL },
	/* in the buffer, 0x2000 bytes */
	{ BASIC, UPLOAD(DESTINATION, "source_offset=0x1e00 " REGION),
	  UPLOAD(DESTINATION, "source_offset=0x1e04 " REGION), "copy_buffer_to_image", "size",
	  "0x200 bytes at 0x1e04", NULL },
	{ BASIC, UPLOAD(DESTINATION, "row_length=0x124 width=1 height=8 " ONE),
	  UPLOAD(DESTINATION, "row_length=0x125 width=1 height=8 " ONE), "copy_buffer_to_image",
	  "size", "inside allocation 2", NULL },
	{ BASIC, BASIC,
	  UPLOAD(DESTINATION, "row_length=65532 image_height=65535 width=4 height=4 "
			      "depth=1 layers=3"),
	  "copy_buffer_to_image", "size", "inside allocation 2", NULL },
	{ BASIC, UPLOAD(DESTINATION, "source_offset=4 " REGION),
	  UPLOAD(DESTINATION, "source_offset=2 " REGION), "copy_buffer_to_image", "source_offset",
	  "no multiple of 4", NULL },
	{ BASIC, UPLOAD(WIDE, "source_offset=16 width=4 height=4 " ONE),
	  UPLOAD(WIDE, "source_offset=4 width=4 height=4 " ONE), "copy_buffer_to_image",
	  "source_offset", "no multiple of 16", NULL },
	{ BASIC, UPLOAD(NARROW, "source_offset=4 width=3 height=4 " ONE),
	  UPLOAD(NARROW, "source_offset=3 width=3 height=4 " ONE), "copy_buffer_to_image",
	  "source_offset", "no multiple of 4", NULL },
	{ BASIC, BASIC, UPLOAD(SAMPLES, REGION), "copy_buffer_to_image", "image",
	  "a buffer has no samples", NULL },
	{ BASIC, BASIC, DESTINATION "copy_buffer_to_image source=0 image=1 " REGION "\n",
	  "copy_buffer_to_image", "source", "NULL element", NULL },
	{ BASIC, SOURCE "copy_image_to_buffer destination=1 image=0 " REGION "\n",
	  SOURCE "copy_image_to_buffer destination=2 image=0 " REGION "\n", "copy_image_to_buffer",
	  "destination", "without WriteOperation", NULL },
	{ BASIC, SOURCE "copy_image_to_buffer destination=1 image=0 " REGION "\n",
	  SOURCE "copy_image_to_buffer destination=1 destination_offset=0x1e04 image=0 " REGION
		 "\n",
	  "copy_image_to_buffer", "size", "inside allocation 1", NULL },
	{ BASIC, SOURCE "copy_image_to_buffer destination=1 image=0 " REGION "\n",
	  SOURCE "copy_image_to_buffer destination=1 destination_offset=2 image=0 " REGION "\n",
	  "copy_image_to_buffer", "destination_offset", "no multiple of 4", NULL },
};

START_TEST(A6_a_copy_between_buffer_and_image_stays_in_both)
{
	penstock_rules_hold(&fixture, BASIC, &uploads[_i]);
}
END_TEST

/* The exact number of bytes, from the first texel to the last. */
START_TEST(A6_the_size_of_a_copy_is_what_it_spans_in_its_buffer)
{
	static const struct {
		const char *text;
		uint64_t size;
	} cases[] = {
		{ UPLOAD(DESTINATION, "width=16 height=8 depth=1 layers=1"), 16 * 8 * 4 },
		{ UPLOAD(DESTINATION, "row_length=20 width=16 height=8 depth=1 layers=1"),
		  (20 * 7 + 16) * 4 },
		{ UPLOAD(DESTINATION, "row_length=8 image_height=9 width=5 height=3 depth=1 "
				      "layers=3"),
		  (8 * (9 * 2 + 2) + 5) * 4 },
		{ UPLOAD(VOLUME, "image_height=6 width=2 height=2 depth=4 layers=1"),
		  (2 * (6 * 3 + 1) + 2) * 4 },
		{ UPLOAD(BLOCKS, "level=1 row_length=16 width=8 height=32 depth=1 layers=1"),
		  (4 * 7 + 2) * 8 },
		{ UPLOAD(BLOCKS, "level=5 width=2 height=2 depth=1 layers=1"), 8 },
		{ UPLOAD(DEPTH, "aspects=2 width=16 height=8 depth=1 layers=1"), 16 * 8 * 4 },
		{ UPLOAD(DEPTH, "aspects=4 width=16 height=8 depth=1 layers=1"), 16 * 8 },
		{ UPLOAD(SHORT_DEPTH, "width=16 height=8 depth=1 layers=1"), 16 * 8 * 2 },
	};

	for (uint32_t i = 0; i < PENSTOCK_ARRAY_SIZE(cases); i++) {
		penstock_rules_accept(&fixture, cases[i].text);
		ck_assert_uint_eq(penstock_load64(fixture.dma + PENSTOCK_DMA_BYTES_IMAGE +
						  PENSTOCK_DMA_COPY_BUFFER_TO_IMAGE_size),
				  cases[i].size);
	}
}
END_TEST

/* ------------------------------------------------------------------ images and images */

#define COPIED(source, destination, rest)                                                          \
	source destination "copy_image source=0 destination=1 " rest "\n"
#define COPY            COPIED(SOURCE, DESTINATION, REGION)
#define SELF            IMAGE_OF("image_write", 1, 1, 37, 64, 64, 1, 7, 3, 1, "")
#define SELF_COPY(rest) SELF "copy_image source=1 destination=1 " REGION rest "\n"
#define FROM(type, format, width, height, depth, layers, samples)                                  \
	IMAGE_OF("image", 0, type, format, width, height, depth, 1, layers, samples, "")
#define TO(type, format, width, height, depth, layers, samples)                                    \
	IMAGE_OF("image_write", 1, type, format, width, height, depth, 1, layers, samples,         \
		 "offset=0x40000")

static const struct penstock_rule copies[] = {
	{ "source=0", NULL, "source=2", "copy_image", "source", "slot 2 is no image", NULL },
	{ "destination=1", NULL, "destination=0", "copy_image", "destination", "needs image_write",
	  NULL },
	{ COPY, COPIED(SOURCE, DESTINATION, "source_x=48 source_y=56 " REGION),
	  COPIED(SOURCE, DESTINATION, "source_x=48 source_y=57 " REGION), "copy_image", "source_y",
	  "the level has 64", NULL },
	{ COPY, COPIED(SOURCE, DESTINATION, "destination_x=48 " REGION),
	  COPIED(SOURCE, DESTINATION, "destination_x=49 " REGION), "copy_image", "destination_x",
	  "the level has 64", NULL },
	{ COPY, COPIED(SOURCE, DESTINATION, "source_level=2 " REGION),
	  COPIED(SOURCE, DESTINATION, "source_level=3 " REGION), "copy_image", "source_x",
	  "the level has 8", NULL },
	{ COPY, COPY, COPIED(SOURCE, DESTINATION, "source_level=7 " REGION), "copy_image",
	  "source_level", "from 7 on", NULL },
	{ COPY, COPY, COPIED(SOURCE, DESTINATION, "destination_level=7 " REGION), "copy_image",
	  "destination_level", "from 7 on", NULL },
	{ COPY, COPIED(SOURCE, DESTINATION, "source_first_layer=2 " REGION),
	  COPIED(SOURCE, DESTINATION, "source_first_layer=3 " REGION), "copy_image",
	  "source_first_layer", "1 layers from 3 on", NULL },
	{ COPY, COPY, COPIED(SOURCE, DESTINATION, "destination_first_layer=3 " REGION),
	  "copy_image", "destination_first_layer", "1 layers from 3 on", NULL },
	{ COPY, COPY, COPIED(SOURCE, DESTINATION, "destination_z=-1 " REGION), "copy_image",
	  "destination_z", "from -1 on", NULL },
	/* formats */
	{ COPY, COPIED(SOURCE, TO(1, 100, 64, 64, 1, 1, 1), REGION),
	  COPIED(SOURCE, TO(1, 97, 64, 64, 1, 1, 1), REGION), "copy_image", "destination",
	  "texels of one size", NULL },
	{ COPY, COPIED(FROM(1, 130, 64, 64, 1, 1, 1), TO(1, 130, 64, 64, 1, 1, 1), REGION),
	  COPIED(FROM(1, 126, 64, 64, 1, 1, 1), TO(1, 125, 64, 64, 1, 1, 1), REGION), "copy_image",
	  "destination", "the same format", NULL },
	{ COPY, COPY, COPIED(FROM(1, 126, 64, 64, 1, 1, 1), TO(1, 100, 64, 64, 1, 1, 1), REGION),
	  "copy_image", "destination_aspects", "other aspects", NULL },
	{ COPY, COPIED(SOURCE, DESTINATION, "source_aspects=1 " REGION),
	  COPIED(SOURCE, DESTINATION, "source_aspects=4 " REGION), "copy_image", "source_aspects",
	  "not 0x4", NULL },
	{ COPY, COPIED(FROM(1, 37, 64, 64, 1, 1, 4), TO(1, 37, 64, 64, 1, 1, 4), REGION),
	  COPIED(FROM(1, 37, 64, 64, 1, 1, 4), TO(1, 37, 64, 64, 1, 1, 1), REGION), "copy_image",
	  "destination", "numbers of samples", NULL },
	/* blocks: 2 x 2 of them are 2 x 2 texels, or the other way round */
	{ COPY,
	  COPIED(FROM(1, 131, 8, 8, 1, 1, 1), TO(1, 101, 2, 2, 1, 1, 1),
		 "width=8 height=8 depth=1 layers=1"),
	  COPIED(FROM(1, 131, 8, 8, 1, 1, 1), TO(1, 101, 2, 2, 1, 1, 1),
		 "width=8 height=8 destination_x=1 depth=1 layers=1"),
	  "copy_image", "destination_x", "width 2 from 1 on", NULL },
	{ COPY,
	  COPIED(FROM(1, 101, 2, 2, 1, 1, 1), TO(1, 131, 7, 7, 1, 1, 1),
		 "width=2 height=2 depth=1 layers=1"),
	  COPIED(FROM(1, 101, 3, 3, 1, 1, 1), TO(1, 131, 7, 7, 1, 1, 1),
		 "width=3 height=2 depth=1 layers=1"),
	  "copy_image", "destination_x", "width 12 from 0 on", NULL },
	{ COPY,
	  COPIED(FROM(1, 131, 8, 8, 1, 1, 1), TO(1, 131, 8, 8, 1, 1, 1),
		 "width=4 height=4 source_x=4 depth=1 layers=1"),
	  COPIED(FROM(1, 131, 8, 8, 1, 1, 1), TO(1, 131, 8, 8, 1, 1, 1),
		 "width=4 height=4 destination_y=2 depth=1 layers=1"),
	  "copy_image", "destination_y", "no multiple of a block", NULL },
	{ COPY,
	  COPIED(FROM(1, 131, 2, 2, 1, 1, 1), TO(1, 131, 2, 2, 1, 1, 1),
		 "width=2 height=2 depth=1 layers=1"),
	  COPIED(FROM(1, 131, 2, 2, 1, 1, 1), TO(1, 131, 8, 8, 1, 1, 1),
		 "width=2 height=2 depth=1 layers=1"),
	  "copy_image", "width", "does not end at the edge (8)", NULL },
	/* slices and layers */
	{ COPY,
	  COPIED(FROM(2, 37, 8, 8, 8, 1, 1), TO(1, 37, 8, 8, 1, 4, 1),
		 "width=8 height=8 depth=4 layers=1 source_z=4"),
	  COPIED(FROM(2, 37, 8, 8, 8, 1, 1), TO(1, 37, 8, 8, 1, 4, 1),
		 "width=8 height=8 depth=5 layers=1"),
	  "copy_image", "destination_first_layer", "5 layers from 0 on", NULL },
	{ COPY,
	  COPIED(FROM(2, 37, 8, 8, 8, 1, 1), TO(1, 37, 8, 8, 1, 4, 1),
		 "width=8 height=8 depth=4 layers=1"),
	  COPIED(FROM(2, 37, 8, 8, 8, 1, 1), TO(1, 37, 8, 8, 1, 4, 1),
		 "width=8 height=8 depth=4 layers=4"),
	  "copy_image", "source_first_layer", "there are 1", NULL },
	{ COPY,
	  COPIED(FROM(1, 37, 8, 8, 1, 8, 1), TO(2, 37, 8, 8, 8, 1, 1),
		 "width=8 height=8 depth=1 layers=8"),
	  COPIED(FROM(1, 37, 8, 8, 1, 8, 1), TO(2, 37, 8, 8, 8, 1, 1),
		 "width=8 height=8 depth=1 layers=8 destination_z=1"),
	  "copy_image", "destination_z", "depth 8 from 1 on", NULL },
	{ COPY,
	  COPIED(FROM(2, 37, 8, 8, 8, 1, 1), TO(2, 37, 8, 8, 8, 1, 1),
		 "width=8 height=8 depth=8 layers=1"),
	  COPIED(FROM(2, 37, 8, 8, 8, 1, 1), TO(2, 37, 8, 8, 8, 1, 1),
		 "width=8 height=8 depth=8 layers=2"),
	  "copy_image", "source_first_layer", "there are 1", NULL },
	{ COPY,
	  COPIED(FROM(0, 37, 8, 1, 1, 1, 1), TO(0, 37, 8, 1, 1, 1, 1),
		 "width=8 height=1 depth=1 layers=1"),
	  COPIED(FROM(0, 37, 8, 1, 1, 1, 1), TO(1, 37, 8, 1, 1, 1, 1),
		 "width=8 height=1 depth=1 layers=1"),
	  "copy_image", "destination", "1D image", NULL },
	/* one image */
	{ COPY, SELF_COPY("destination_x=16"), SELF_COPY("destination_x=15"), "copy_image",
	  "destination", "overlap", NULL },
	{ COPY, SELF_COPY("destination_y=8"), SELF_COPY("destination_y=7"), "copy_image",
	  "destination", "overlap", NULL },
	{ COPY, SELF_COPY("destination_level=1"), SELF_COPY(""), "copy_image", "destination",
	  "overlap", NULL },
	{ COPY, SELF_COPY("destination_first_layer=1"), SELF_COPY("destination_x=1"), "copy_image",
	  "destination", "overlap", NULL },
};

START_TEST(A6_a_copy_of_an_image_stays_in_both)
{
	penstock_rules_hold(&fixture, COPY, &copies[_i]);
}
END_TEST

/* ------------------------------------------------------------------ blits */

#define BLITTED(source, destination, rest)                                                         \
	source destination "blit_image source=0 destination=1 layers=1 source_z1=1 "               \
			   "destination_z1=1 " rest "\n"
#define CORNERS "source_x1=64 source_y1=64 destination_x1=32 destination_y1=32 "
#define BLIT    BLITTED(SOURCE, DESTINATION, CORNERS)
#define SMALL   "source_x1=8 source_y1=8 destination_x1=8 destination_y1=8 "

static const struct penstock_rule blits[] = {
	{ BLIT, BLITTED(SOURCE, DESTINATION, CORNERS "source_x0=63"),
	  BLITTED(SOURCE, DESTINATION, CORNERS "source_x0=64"), "blit_image", "source_x0",
	  "from 64 to 64: something", NULL },
	{ BLIT, BLITTED(SOURCE, DESTINATION, CORNERS "destination_x0=64"),
	  BLITTED(SOURCE, DESTINATION, CORNERS "destination_x0=65"), "blit_image", "destination_x0",
	  "the level has 64", NULL },
	{ BLIT, BLIT, BLITTED(SOURCE, DESTINATION, CORNERS "source_y0=-1"), "blit_image",
	  "source_y0", "from -1", NULL },
	{ BLIT, BLIT, BLITTED(SOURCE, DESTINATION, CORNERS "source_y0=65"), "blit_image",
	  "source_y0", "the level has 64", NULL },
	{ BLIT, BLIT, BLITTED(SOURCE, DESTINATION, CORNERS "destination_z0=2"), "blit_image",
	  "destination_z0", "the level has 1", NULL },
	{ BLIT, BLITTED(SOURCE, DESTINATION, CORNERS "destination_level=1"),
	  BLITTED(SOURCE, DESTINATION, CORNERS "source_level=1"), "blit_image", "source_x0",
	  "the level has 32", NULL },
	{ BLIT, BLITTED(SOURCE, DESTINATION, CORNERS "source_first_layer=2"),
	  BLITTED(SOURCE, DESTINATION, CORNERS "source_first_layer=3"), "blit_image",
	  "source_first_layer", "from 3 on", NULL },
	{ BLIT, BLITTED(SOURCE, DESTINATION, CORNERS "filter=1"),
	  BLITTED(SOURCE, DESTINATION, CORNERS "filter=2"), "blit_image", "filter", "from 0 to 1",
	  NULL },
	{ BLIT, BLITTED(FROM(1, 41, 64, 64, 1, 1, 1), TO(1, 13, 64, 64, 1, 1, 1), CORNERS),
	  BLITTED(FROM(1, 41, 64, 64, 1, 1, 1), TO(1, 13, 64, 64, 1, 1, 1), CORNERS "filter=1"),
	  "blit_image", "filter", "does not filter format R8G8B8A8_UINT", NULL },
	{ BLIT, BLITTED(SOURCE, TO(1, 97, 64, 64, 1, 1, 1), CORNERS),
	  BLITTED(SOURCE, TO(1, 41, 64, 64, 1, 1, 1), CORNERS), "blit_image", "destination",
	  "one sort of numbers", NULL },
	{ BLIT, BLITTED(FROM(1, 126, 64, 64, 1, 1, 1), TO(1, 126, 64, 64, 1, 1, 1), CORNERS),
	  BLITTED(FROM(1, 126, 64, 64, 1, 1, 1), TO(1, 124, 64, 64, 1, 1, 1), CORNERS),
	  "blit_image", "destination", "depth and stencil in one format", NULL },
	{ BLIT, BLIT, BLITTED(SOURCE, TO(1, 126, 64, 64, 1, 1, 1), CORNERS), "blit_image",
	  "destination", "depth and stencil in one format", NULL },
	{ BLIT, BLIT, BLITTED(FROM(1, 37, 64, 64, 1, 1, 4), DESTINATION, CORNERS), "blit_image",
	  "source", "several samples are resolved", NULL },
	/* a compressed image is sampled: anywhere */
	{ BLIT, BLITTED(FROM(1, 131, 64, 64, 1, 1, 1), DESTINATION, CORNERS "source_x0=1"),
	  BLITTED(FROM(1, 131, 64, 64, 1, 1, 1), DESTINATION, CORNERS "source_x0=65"), "blit_image",
	  "source_x0", "the level has 64", NULL },
	{ BLIT,
	  FROM(2, 37, 8, 8, 8, 1, 1) TO(1, 37, 8, 8, 1, 2, 1) "blit_image source=0 destination=1 "
							      "layers=1 source_z1=8 "
							      "destination_z1=1 " SMALL "\n",
	  FROM(2, 37, 8, 8, 8, 1, 1) TO(1, 37, 8, 8, 1, 2, 1) "blit_image source=0 destination=1 "
							      "layers=2 source_z1=8 "
							      "destination_z1=1 " SMALL "\n",
	  "blit_image", "layers", "of a 3D image", NULL },
	{ BLIT,
	  SELF "blit_image source=1 destination=1 layers=1 source_x1=8 source_y1=8 source_z1=1 "
	       "destination_x0=8 destination_x1=16 destination_y1=8 destination_z1=1\n",
	  SELF "blit_image source=1 destination=1 layers=1 source_x1=8 source_y1=8 source_z1=1 "
	       "destination_x0=7 destination_x1=16 destination_y1=8 destination_z1=1\n",
	  "blit_image", "destination", "overlap", NULL },
};

/* 64 Mi texels of a layer. */
#define LARGE                                                                                      \
	"image_write allocation=15 slot=1 type=1 format=9 width=8192 height=8193 depth=1 "         \
	"levels=1 layers=2 samples=1 offset=0x40000\n"
#define LARGE_CORNERS "source_x1=64 source_y1=64 destination_x1=8192 "

#define DECODED(format) IMAGE_OF("image", 0, 1, format, 64, 64, 1, 1, 1, 1, "")
#define DECODED_CORNERS "source_x1=64 source_y1=64 destination_x1=8192 "

static const struct penstock_rule large_blits[] = {
	{ BLIT, BLITTED(SOURCE, LARGE, LARGE_CORNERS "destination_y1=8192"),
	  BLITTED(SOURCE, LARGE, LARGE_CORNERS "destination_y1=8193"), "blit_image", "destination",
	  "67117056 texels of a layer at once: at most 67108864", have_large_images },
	{ BLIT, BLITTED(SOURCE, LARGE, LARGE_CORNERS "destination_y0=1 destination_y1=8193"),
	  BLITTED(SOURCE, LARGE, LARGE_CORNERS "destination_y0=8193"), "blit_image", "destination",
	  "texels of a layer at once", have_large_images },
	/* What is decoded by the texel: 1 Mi of them. */
	{ BLIT, BLITTED(DECODED(145), LARGE, DECODED_CORNERS "destination_y1=128"),
	  BLITTED(DECODED(145), LARGE, DECODED_CORNERS "destination_y1=129"), "blit_image",
	  "destination", "1056768 texels of a layer at once: at most 1048576", have_large_images },
	{ BLIT, BLITTED(DECODED(141), LARGE, DECODED_CORNERS "destination_y1=129"),
	  BLITTED(DECODED(143), LARGE, DECODED_CORNERS "destination_y1=129"), "blit_image",
	  "destination", "at most 1048576", have_large_images },
};

START_TEST(A6_a_blit_is_no_longer_than_a_gpu_may_be_kept)
{
	penstock_rules_hold(&fixture, BLIT, &large_blits[_i]);
}
END_TEST

START_TEST(A6_a_blit_stays_in_both)
{
	penstock_rules_hold(&fixture, BLIT, &blits[_i]);
}
END_TEST

/* ------------------------------------------------------------------ resolves, clears */

#define RESOLVED(source, destination, rest)                                                        \
	source destination "resolve_image source=0 destination=1 layers=1 " rest "\n"
#define MANY    FROM(1, 37, 64, 64, 1, 2, 4)
#define RESOLVE RESOLVED(MANY, DESTINATION, "width=64 height=64")

static const struct penstock_rule resolves[] = {
	{ RESOLVE, RESOLVED(MANY, DESTINATION, "source_x=1 destination_y=1 width=63 height=63"),
	  RESOLVED(MANY, DESTINATION, "source_x=1 width=64 height=64"), "resolve_image", "source_x",
	  "the level has 64", NULL },
	{ RESOLVE, RESOLVE, RESOLVED(MANY, DESTINATION, "destination_y=1 width=64 height=64"),
	  "resolve_image", "destination_y", "the level has 64", NULL },
	{ RESOLVE, RESOLVED(MANY, DESTINATION, "destination_level=1 width=32 height=32"),
	  RESOLVED(MANY, DESTINATION, "destination_level=1 width=33 height=32"), "resolve_image",
	  "destination_x", "the level has 32", NULL },
	{ RESOLVE, RESOLVED(MANY, DESTINATION, "source_first_layer=1 width=1 height=1"),
	  RESOLVED(MANY, DESTINATION, "source_first_layer=2 width=1 height=1"), "resolve_image",
	  "source_first_layer", "from 2 on", NULL },
	{ RESOLVE, RESOLVE, RESOLVED(SOURCE, DESTINATION, "width=64 height=64"), "resolve_image",
	  "source", "from several samples to one", NULL },
	{ RESOLVE, RESOLVE, RESOLVED(MANY, TO(1, 37, 64, 64, 1, 1, 4), "width=64 height=64"),
	  "resolve_image", "source", "from several samples to one", NULL },
	{ RESOLVE, RESOLVE, RESOLVED(MANY, TO(1, 44, 64, 64, 1, 1, 1), "width=64 height=64"),
	  "resolve_image", "destination", "colours of one format", NULL },
	{ RESOLVE, RESOLVE,
	  RESOLVED(FROM(1, 126, 64, 64, 1, 1, 4), TO(1, 126, 64, 64, 1, 1, 1), "width=1 height=1"),
	  "resolve_image", "source", "the adapter does not", NULL },
	{ RESOLVE, RESOLVE, RESOLVED(MANY, TO(2, 37, 64, 64, 1, 1, 1), "width=1 height=1"),
	  "resolve_image", "destination", "a 2D image is resolved to", NULL },
};

START_TEST(A6_a_resolve_stays_in_both)
{
	penstock_rules_hold(&fixture, RESOLVE, &resolves[_i]);
}
END_TEST

#define CLEARED(image, rest) image "clear_image image=1 " rest "\n"
#define CLEAR                CLEARED(DESTINATION, "levels=7 layers=3")

static const struct penstock_rule clears[] = {
	{ CLEAR, CLEARED(DESTINATION, "levels=1 first_level=6 layers=1 first_layer=2"),
	  CLEARED(DESTINATION, "levels=1 first_level=7 layers=1"), "clear_image", "levels",
	  "from 7 on", NULL },
	{ CLEAR, CLEAR, CLEARED(DESTINATION, "levels=8 layers=1"), "clear_image", "levels",
	  "there are 7", NULL },
	{ CLEAR, CLEAR, CLEARED(DESTINATION, "levels=1 layers=4"), "clear_image", "layers",
	  "there are 3", NULL },
	{ CLEAR, CLEAR, CLEARED(DESTINATION, "levels=1"), "clear_image", "layers", "at least one",
	  NULL },
	{ CLEAR, CLEAR, CLEARED(DESTINATION, "aspects=2 levels=1 layers=1"), "clear_image",
	  "aspects", "not 0x2", NULL },
	{ CLEAR, CLEARED(DEPTH, "levels=1 layers=1 clear_0=0x3f800000 clear_1=0xff"),
	  CLEARED(DEPTH, "levels=1 layers=1 clear_0=0x3f800001"), "clear_image", "clear_0",
	  "from 0 to 1", NULL },
	{ CLEAR, CLEARED(DEPTH, "aspects=4 levels=1 layers=1 clear_0=0xffffffff"),
	  CLEARED(DEPTH, "aspects=2 levels=1 layers=1 clear_0=0xffffffff"), "clear_image",
	  "clear_0", "from 0 to 1", NULL },
	{ CLEAR, CLEAR, CLEARED(BLOCKS, "levels=1 layers=1"), "clear_image", "image",
	  "no value fills a compressed image", NULL },
	{ CLEAR, CLEARED(SAMPLES, "levels=1 layers=1"), SOURCE "clear_image levels=1 layers=1\n",
	  "clear_image", "image", "needs image_write", NULL },
};

START_TEST(A6_a_clear_stays_in_its_image)
{
	penstock_rules_hold(&fixture, CLEAR, &clears[_i]);
}
END_TEST

#define VOLUME_OF(depth)                                                                           \
	"image_write allocation=15 slot=1 type=2 format=9 width=1024 height=1024 depth=" #depth    \
	" levels=2 layers=1 samples=1\n"
#define NO_TARGET(height)                                                                          \
	"image_write allocation=15 slot=1 type=1 format=123 width=8192 height=" #height            \
	" depth=1 levels=2 layers=2 samples=1\n"

/* Slices of a level are cleared at once, and what is no target. */
static const struct penstock_rule large_clears[] = {
	{ CLEAR, CLEARED(VOLUME_OF(64), "levels=2 layers=1"),
	  CLEARED(VOLUME_OF(65), "levels=2 layers=1"), "clear_image", "image",
	  "68157440 texels of a layer at once: at most 67108864", have_large_images },
	{ CLEAR, CLEARED(VOLUME_OF(65), "first_level=1 levels=1 layers=1"),
	  CLEARED(VOLUME_OF(65), "levels=1 layers=1"), "clear_image", "image", "at once",
	  have_large_images },
	{ CLEAR, CLEARED(NO_TARGET(8192), "levels=1 layers=2"),
	  CLEARED(NO_TARGET(8193), "levels=1 layers=2"), "clear_image", "image", "at once",
	  have_large_images },
	{ CLEAR, CLEARED(LARGE, "levels=1 layers=2"), CLEARED(NO_TARGET(8193), "levels=1 layers=1"),
	  "clear_image", "image", "at once", have_large_images },
};

START_TEST(A6_a_clear_is_no_longer_than_a_gpu_may_be_kept)
{
	fixture.formats[PENSTOCK_TEXEL_E5B9G9R9_UFLOAT_PACK32].optimal &= ~0x80ull;
	penstock_rules_hold(&fixture, CLEAR, &large_clears[_i]);
}
END_TEST

/* ------------------------------------------------------------------ features */

START_TEST(A6_features_of_formats_are_needed_for_transfers)
{
	static const struct {
		const char *text;
		const char *instruction;
		const char *operand;
		uint64_t features;
		enum penstock_texel_format_id format;
	} cases[] = {
		{ BASIC, "copy_buffer_to_image", "image", 0x8000, PENSTOCK_TEXEL_R8G8B8A8_UNORM },
		{ SOURCE "copy_image_to_buffer destination=1 image=0 " REGION "\n",
		  "copy_image_to_buffer", "image", 0x4000, PENSTOCK_TEXEL_R8G8B8A8_UNORM },
		{ COPIED(SOURCE, TO(1, 100, 64, 64, 1, 1, 1), REGION), "copy_image", "source",
		  0x4000, PENSTOCK_TEXEL_R8G8B8A8_UNORM },
		{ COPIED(SOURCE, TO(1, 100, 64, 64, 1, 1, 1), REGION), "copy_image", "destination",
		  0x8000, PENSTOCK_TEXEL_R32_SFLOAT },
		{ BLITTED(SOURCE, TO(1, 100, 64, 64, 1, 1, 1), CORNERS), "blit_image", "source",
		  0x0400, PENSTOCK_TEXEL_R8G8B8A8_UNORM },
		{ BLITTED(SOURCE, TO(1, 100, 64, 64, 1, 1, 1), CORNERS), "blit_image",
		  "destination", 0x0800, PENSTOCK_TEXEL_R32_SFLOAT },
		{ BLITTED(SOURCE, TO(1, 100, 64, 64, 1, 1, 1), CORNERS "filter=1"), "blit_image",
		  "filter", 0x1000, PENSTOCK_TEXEL_R8G8B8A8_UNORM },
		{ CLEAR, "clear_image", "image", 0x8000, PENSTOCK_TEXEL_R8G8B8A8_UNORM },
	};

	for (uint32_t i = 0; i < PENSTOCK_ARRAY_SIZE(cases); i++) {
		const struct penstock_rule rule = {
			"",
			"",
			"",
			cases[i].instruction,
			cases[i].operand,
			"the adapter does not",
			NULL,
		};

		setup();
		penstock_rules_accept(&fixture, cases[i].text);
		fixture.formats[cases[i].format].optimal &= ~cases[i].features;
		penstock_rules_refuse(&fixture, cases[i].text, &rule);
	}
}
END_TEST

/* ------------------------------------------------------------------ timestamp */

#define TIMESTAMP "timestamp destination=1 offset=0x1ff8\n"

static const struct penstock_rule timestamps[] = {
	{ TIMESTAMP, NULL, "timestamp destination=1 offset=0x2000\n", "timestamp", "offset",
	  "ends past allocation 1", NULL },
	{ TIMESTAMP, NULL, "timestamp destination=1 offset=4\n", "timestamp", "offset",
	  "no multiple of 8", NULL },
	{ TIMESTAMP, NULL, "timestamp destination=2\n", "timestamp", "destination",
	  "without WriteOperation", NULL },
	{ TIMESTAMP, NULL, "timestamp destination=0\n", "timestamp", "destination", "NULL element",
	  NULL },
	{ TIMESTAMP, NULL, "timestamp destination=1 offset=0xfffffffffffffff8\n", "timestamp",
	  "offset", "ends past allocation 1", NULL },
};

START_TEST(A6_a_timestamp_is_inside_its_allocation)
{
	fixture.args.caps.pipelines = false;
	fixture.args.caps.node_ordinal = 1;
	penstock_rules_hold(&fixture, TIMESTAMP, &timestamps[_i]);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("render_transfers");
	TCase *tcase = tcase_create("transfers");

	tcase_add_checked_fixture(tcase, setup, NULL);
	tcase_add_loop_test(tcase, A6_a_copy_between_buffer_and_image_stays_in_both, 0,
			    (int)PENSTOCK_ARRAY_SIZE(uploads));
	tcase_add_test(tcase, A6_the_size_of_a_copy_is_what_it_spans_in_its_buffer);
	tcase_add_loop_test(tcase, A6_a_copy_of_an_image_stays_in_both, 0,
			    (int)PENSTOCK_ARRAY_SIZE(copies));
	tcase_add_loop_test(tcase, A6_a_blit_stays_in_both, 0, (int)PENSTOCK_ARRAY_SIZE(blits));
	tcase_add_loop_test(tcase, A6_a_resolve_stays_in_both, 0,
			    (int)PENSTOCK_ARRAY_SIZE(resolves));
	tcase_add_loop_test(tcase, A6_a_clear_stays_in_its_image, 0,
			    (int)PENSTOCK_ARRAY_SIZE(clears));
	tcase_add_loop_test(tcase, A6_a_blit_is_no_longer_than_a_gpu_may_be_kept, 0,
			    (int)PENSTOCK_ARRAY_SIZE(large_blits));
	tcase_add_loop_test(tcase, A6_a_clear_is_no_longer_than_a_gpu_may_be_kept, 0,
			    (int)PENSTOCK_ARRAY_SIZE(large_clears));
	tcase_add_test(tcase, A6_features_of_formats_are_needed_for_transfers);
	tcase_add_loop_test(tcase, A6_a_timestamp_is_inside_its_allocation, 0,
			    (int)PENSTOCK_ARRAY_SIZE(timestamps));
	suite_add_tcase(suite, tcase);
	return penstock_test_main(suite);
}
