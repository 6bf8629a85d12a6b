/* SPDX-License-Identifier: MIT */
/* Images, views, samplers, texel buffers and targets: by themselves, and as descriptors. */
#include "gpu-backend/pipeline.h"
#include "gpu-backend/shader/reflection.h"
#include "proto/image/image.h"
#include "proto/wire/limits.h"
#include "tests/harness.h"
#include "tests/support/render_rules.h"

#include <string.h>

_Static_assert(PENSTOCK_RENDER_ARRAYED == PENSTOCK_BINDING_ARRAYED &&
		       PENSTOCK_RENDER_MULTI == PENSTOCK_BINDING_MULTI &&
		       (int)PENSTOCK_TEXEL_FLOAT == (int)PENSTOCK_NUMBER_FLOAT &&
		       (int)PENSTOCK_TEXEL_SIGNED == (int)PENSTOCK_NUMBER_SIGNED &&
		       (int)PENSTOCK_TEXEL_UNSIGNED == (int)PENSTOCK_NUMBER_UNSIGNED,
	       "render reads what a reflection says");

/* SpvDim */
enum { DIM_1D, DIM_2D, DIM_3D, DIM_CUBE, DIM_BUFFER = 5, DIM_SUBPASS = 6 };

static struct penstock_fixture fixture;
static struct penstock_graphics_state state;
static struct penstock_render_binding binding;
static struct penstock_render_pipeline pipeline;

/* One descriptor, and a scope with a colour target that draws with it. */
static void setup(void)
{
	penstock_fixture_init(&fixture);
	fixture.args.caps.pipelines = true;
	memset(&state, 0, sizeof(state));
	state.topology = 3;
	state.viewport_count = 1;
	state.samples = 1;
	binding = (struct penstock_render_binding){
		.type = PENSTOCK_DESCRIPTOR_SAMPLED_IMAGE,
		.count = 1,
		.dimension = DIM_2D,
		.number = PENSTOCK_NUMBER_FLOAT,
	};
	pipeline = (struct penstock_render_pipeline){
		.kind = PENSTOCK_PIPELINE_GRAPHICS,
		.bytes = 0x100,
		.descriptor_count = 1,
		.binding_count = 1,
		.bindings = &binding,
		.graphics = &state,
		.topology_class = PENSTOCK_TOPOLOGY_TRIANGLES,
	};
	fixture.list[PENSTOCK_FIXTURE_GRAPHICS].pipeline = &pipeline;
}

/* ------------------------------------------------------------------ images by themselves */

#define IMAGE_OF(word, type, format, width, height, depth, levels, layers, samples, rest)          \
	word " allocation=15 slot=0 type=" #type " format=" #format " width=" #width               \
	     " height=" #height " depth=" #depth " levels=" #levels " layers=" #layers             \
	     " samples=" #samples " " rest "\n"
#define IMAGE  IMAGE_OF("image", 1, 37, 64, 64, 1, 7, 1, 1, "")
#define TARGET IMAGE_OF("image_write", 1, 37, 64, 64, 1, 1, 1, 1, "")
#define ALONE  "begin_rendering area=(0,0,1,1) layers=1\n" IMAGE "end_rendering\n"

static void read_only(void)
{
	fixture.list[PENSTOCK_FIXTURE_IMAGES].write_operation = false;
}

static void small_allocation(void)
{
	fixture.list[PENSTOCK_FIXTURE_IMAGES].size_bytes = 64 * 64 * 4;
}

static const struct penstock_rule images[] = {
	{ "slot=0", "slot=63", "slot=64", "image", "slot", "from 0 to 63", NULL },
	{ "format=37", "format=126", "format=0", "image", "", "a format that no image has", NULL },
	{ "format=37", "format=44", "format=23", "image", "", "the adapter has no optimal image",
	  NULL },
	{ "samples=1", "samples=1", "samples=1 tiling=2", "image", "", "unknown type, tiling",
	  NULL },
	{ "levels=7", "levels=7", "levels=8", "image", "", "levels 8: at most 7", NULL },
	{ "width=64", "width=65", "width=0", "image", "", "width 0", NULL },
	{ "samples=1", "samples=1", "samples=2", "image", "", "samples: 1, or 4", NULL },
	{ IMAGE, IMAGE_OF("image", 1, 126, 8, 8, 1, 1, 1, 1, ""),
	  IMAGE_OF("image", 1, 126, 8, 8, 1, 1, 1, 1, "tiling=1"), "image", "",
	  "the adapter has no linear image of format D32_SFLOAT", NULL },
	{ IMAGE, IMAGE_OF("image", 1, 37, 64, 64, 1, 1, 1, 1, "offset=0"),
	  IMAGE_OF("image", 1, 37, 64, 64, 1, 1, 1, 1, "offset=64"), "image", "size",
	  "0x4000 bytes at 0x40: at least one, inside allocation 15", small_allocation },
	{ IMAGE, IMAGE_OF("image", 1, 37, 64, 64, 1, 1, 1, 1, "offset=64"),
	  IMAGE_OF("image", 1, 37, 64, 64, 1, 1, 1, 1, "offset=32"), "image", "offset",
	  "no multiple of 64", NULL },
	{ IMAGE, IMAGE_OF("image", 1, 37, 8, 8, 1, 1, 1, 1, ""),
	  IMAGE_OF("image", 1, 37, 8, 8, 1, 1, 1, 1, "offset=0xffffffffffffffc0"), "image", "size",
	  "inside allocation", NULL },
	{ IMAGE, IMAGE, TARGET, "image_write", "allocation", "without WriteOperation", read_only },
	{ "allocation=15", "allocation=1 offset=0 ", "allocation=0", "image", "allocation",
	  "NULL element", NULL },
	{ "allocation=15", "allocation=15", "allocation=999", "image", "allocation",
	  "index 999 of an allocation list", NULL },
};

START_TEST(A6_an_image_lies_inside_its_allocation)
{
	if (strstr(images[_i].good, "allocation=1 ") != NULL) {
		fixture.list[PENSTOCK_FIXTURE_BUFFER].size_bytes = 0x10000;
	}
	penstock_rules_hold(&fixture, ALONE, &images[_i]);
}
END_TEST

START_TEST(A6_an_adapter_without_formats_has_no_images)
{
	static const struct penstock_rule rule = { "", "", "", "image", "", "has no images", NULL };

	fixture.args.caps.formats = NULL;
	penstock_rules_refuse(&fixture, ALONE, &rule);
}
END_TEST

/* ------------------------------------------------------------------ views as descriptors */

#define BIND    "bind_image image=0 view_type=1 levels=1 layers=1\n"
#define SAMPLER "bind_sampler\n"
#define DRAWN(image, binds)                                                                        \
	"begin_rendering area=(0,0,1,1) layers=1\n" image "bind_pipeline pipeline=14\n" binds      \
	"draw vertices=3 instances=1\nend_rendering\n"
#define VIEWED DRAWN(IMAGE, BIND)

static void dimension_1d(void)
{
	binding.dimension = DIM_1D;
}

static void dimension_3d(void)
{
	binding.dimension = DIM_3D;
}

static void cube(void)
{
	binding.dimension = DIM_CUBE;
}

static void cube_array(void)
{
	binding.dimension = DIM_CUBE;
	binding.flags = PENSTOCK_BINDING_ARRAYED;
}

static void arrayed(void)
{
	binding.flags = PENSTOCK_BINDING_ARRAYED;
}

static void multisampled(void)
{
	binding.flags = PENSTOCK_BINDING_MULTI;
}

static void unsigned_numbers(void)
{
	binding.number = PENSTOCK_NUMBER_UNSIGNED;
}

static void signed_numbers(void)
{
	binding.number = PENSTOCK_NUMBER_SIGNED;
}

static void storage(void)
{
	binding.type = PENSTOCK_DESCRIPTOR_STORAGE_IMAGE;
	binding.format = 4; /* SpvImageFormatRgba8 */
}

static void storage_written(void)
{
	storage();
	binding.written = true;
}

static void combined(void)
{
	binding.type = PENSTOCK_DESCRIPTOR_COMBINED_IMAGE_SAMPLER;
}

static void attachment(void)
{
	binding.type = PENSTOCK_DESCRIPTOR_INPUT_ATTACHMENT;
	binding.dimension = DIM_SUBPASS;
}

#define VIEW(type, levels, layers, rest)                                                           \
	"bind_image image=0 view_type=" #type " levels=" #levels " layers=" #layers " " rest "\n"
#define ONE_D   IMAGE_OF("image", 0, 37, 64, 1, 1, 1, 3, 1, "")
#define THREE_D IMAGE_OF("image", 2, 37, 8, 8, 8, 1, 1, 1, "flags=0x20")
#define CUBES   IMAGE_OF("image", 1, 37, 8, 8, 1, 1, 12, 1, "flags=0x10")
#define LAYERS  IMAGE_OF("image", 1, 37, 8, 8, 1, 1, 12, 1, "")
#define SAMPLES IMAGE_OF("image", 1, 37, 8, 8, 1, 1, 1, 4, "")
#define DEPTH   IMAGE_OF("image", 1, 130, 8, 8, 1, 1, 1, 1, "")
#define UINTS   IMAGE_OF("image", 1, 41, 8, 8, 1, 1, 1, 1, "")
#define SINTS   IMAGE_OF("image", 1, 42, 8, 8, 1, 1, 1, 1, "")
#define MUTABLE IMAGE_OF("image", 1, 37, 8, 8, 1, 1, 1, 1, "flags=8")
#define BLOCKS  IMAGE_OF("image", 1, 131, 8, 8, 1, 1, 1, 1, "flags=8")
#define HALVES  IMAGE_OF("image_write", 1, 97, 8, 8, 1, 1, 1, 1, "")

static const struct penstock_rule views[] = {
	{ BIND, BIND, "", "draw", "", "set 0, binding 0, element 0 of the pipeline is not bound",
	  NULL },
	{ BIND, BIND, SAMPLER, "draw", "", "is not bound", NULL },
	{ "image=0 view", NULL, "image=1 view", "bind_image", "image", "slot 1 is no image", NULL },
	{ "image=0 view", NULL, "image=64 view", "bind_image", "image", "from 0 to 63", NULL },
	{ BIND, VIEW(1, 7, 1, ""), VIEW(1, 8, 1, ""), "bind_image", "levels", "there are 7", NULL },
	{ BIND, VIEW(1, 1, 1, "first_level=6"), VIEW(1, 1, 1, "first_level=7"), "bind_image",
	  "levels", "1 levels from 7 on", NULL },
	{ BIND, VIEW(1, 1, 1, ""), VIEW(1, 0, 1, ""), "bind_image", "levels", "at least one",
	  NULL },
	{ BIND, VIEW(1, 1, 1, ""), VIEW(1, 0xffffffff, 1, "first_level=1"), "bind_image", "levels",
	  "there are 7", NULL },
	{ BIND, VIEW(1, 1, 1, ""), VIEW(1, 1, 1, "first_layer=1"), "bind_image", "layers",
	  "there are 1", NULL },
	{ BIND, VIEW(1, 1, 1, ""), VIEW(1, 1, 2, ""), "bind_image", "layers",
	  "not what a view of this type has", NULL },
	{ BIND, VIEW(1, 1, 1, ""), VIEW(7, 1, 1, ""), "bind_image", "view_type", "from 0 to 6",
	  NULL },
	{ BIND, VIEW(1, 1, 1, ""), VIEW(0, 1, 1, ""), "bind_image", "view_type",
	  "cannot be looked at so", NULL },
	{ BIND, VIEW(1, 1, 1, ""), VIEW(3, 1, 6, ""), "bind_image", "view_type",
	  "cannot be looked at so", NULL },
	{ BIND, VIEW(1, 1, 1, "components=0x06050403"), VIEW(1, 1, 1, "components=0x07000000"),
	  "bind_image", "components", "component 3 is 7", NULL },
	{ BIND, VIEW(1, 1, 1, "aspects=1"), VIEW(1, 1, 1, "aspects=2"), "bind_image", "aspects",
	  "has aspects 0x1, not 0x2", NULL },
	{ BIND, VIEW(1, 1, 1, "format=37"), VIEW(1, 1, 1, "format=44"), "bind_image", "format",
	  "is not looked at as format 44", NULL },
	{ VIEWED, DRAWN(MUTABLE, VIEW(1, 1, 1, "format=44")),
	  DRAWN(MUTABLE, VIEW(1, 1, 1, "format=97")), "bind_image", "format",
	  "is not looked at as format 97", NULL },
	{ VIEWED, DRAWN(MUTABLE, VIEW(1, 1, 1, "format=100")),
	  DRAWN(MUTABLE, VIEW(1, 1, 1, "format=126")), "bind_image", "format", "not looked at",
	  NULL },
	{ VIEWED, DRAWN(BLOCKS, VIEW(1, 1, 1, "")), DRAWN(BLOCKS, VIEW(1, 1, 1, "format=132")),
	  "bind_image", "format", "not looked at", NULL },
	{ VIEWED, DRAWN(MUTABLE, VIEW(1, 1, 1, "")), DRAWN(MUTABLE, VIEW(1, 1, 1, "format=98")),
	  "bind_image", "format", "another sort of numbers", NULL },
	{ VIEWED, DRAWN(DEPTH, VIEW(1, 1, 1, "aspects=2")), DRAWN(DEPTH, VIEW(1, 1, 1, "")),
	  "bind_image", "aspects", "shaders see one aspect", NULL },
	{ VIEWED, DRAWN(DEPTH, VIEW(1, 1, 1, "aspects=4")),
	  DRAWN(DEPTH, VIEW(1, 1, 1, "aspects=2")), "bind_image", "format", "another sort",
	  unsigned_numbers },
	{ VIEWED, DRAWN(UINTS, BIND), DRAWN(SINTS, BIND), "bind_image", "format", "another sort",
	  unsigned_numbers },
	{ VIEWED, DRAWN(SINTS, BIND), DRAWN(IMAGE, BIND), "bind_image", "format", "another sort",
	  signed_numbers },
	/* shape */
	{ VIEWED, DRAWN(ONE_D, VIEW(0, 1, 1, "first_layer=2")), VIEWED, "bind_image", "view_type",
	  "is of another dimension", dimension_1d },
	{ VIEWED, DRAWN(ONE_D, VIEW(0, 1, 1, "")), DRAWN(ONE_D, VIEW(4, 1, 3, "")), "bind_image",
	  "view_type", "is no array of images", dimension_1d },
	{ VIEWED, DRAWN(THREE_D, VIEW(2, 1, 1, "")), DRAWN(THREE_D, VIEW(5, 1, 8, "")),
	  "bind_image", "view_type", "cannot be looked at so", dimension_3d },
	{ VIEWED, DRAWN(CUBES, VIEW(3, 1, 6, "first_layer=6")), DRAWN(CUBES, VIEW(3, 1, 12, "")),
	  "bind_image", "layers", "not what a view", cube },
	{ VIEWED, DRAWN(CUBES, VIEW(3, 1, 6, "")), DRAWN(LAYERS, VIEW(3, 1, 6, "")), "bind_image",
	  "view_type", "cannot be looked at so", cube },
	{ VIEWED, DRAWN(CUBES, VIEW(6, 1, 12, "")), DRAWN(CUBES, VIEW(6, 1, 9, "")), "bind_image",
	  "layers", "not what a view", cube_array },
	{ VIEWED, DRAWN(CUBES, VIEW(6, 1, 6, "")), DRAWN(CUBES, VIEW(3, 1, 6, "")), "bind_image",
	  "view_type", "is an array of images", cube_array },
	{ VIEWED, DRAWN(LAYERS, VIEW(5, 1, 12, "")), DRAWN(LAYERS, VIEW(1, 1, 1, "")), "bind_image",
	  "view_type", "is an array of images", arrayed },
	{ VIEWED, DRAWN(LAYERS, VIEW(5, 1, 12, "")), DRAWN(LAYERS, VIEW(5, 1, 13, "")),
	  "bind_image", "layers", "there are 12", arrayed },
	{ VIEWED, DRAWN(SAMPLES, BIND), VIEWED, "bind_image", "image", "is multisampled",
	  multisampled },
	{ VIEWED, VIEWED, DRAWN(SAMPLES, BIND), "bind_image", "image", "is not multisampled",
	  NULL },
	/* kinds */
	{ BIND, BIND, "bind_buffer allocation=2 size=16\n", "bind_buffer", "allocation",
	  "is no uniform and no storage buffer", NULL },
	{ BIND, BIND, "bind_texel_buffer allocation=2 size=16 format=37\n", "bind_texel_buffer",
	  "allocation", "is no texel buffer", NULL },
	{ VIEWED, DRAWN(TARGET, BIND), DRAWN(HALVES, BIND), "bind_image", "format",
	  "has a format with texels of another size", storage },
	{ VIEWED, DRAWN(IMAGE, VIEW(1, 1, 1, "components=3")),
	  DRAWN(IMAGE, VIEW(1, 1, 1, "components=4")), "bind_image", "components",
	  "takes components as they are", storage },
	{ VIEWED, DRAWN(TARGET, BIND), DRAWN(IMAGE, BIND), "bind_image", "image",
	  "is written, and needs image_write", storage_written },
	{ VIEWED, DRAWN(TARGET, BIND), DRAWN(IMAGE_OF("image", 1, 131, 8, 8, 1, 1, 1, 1, ""), BIND),
	  "bind_image", "format", "the adapter does not have this format", attachment },
	/* samplers */
	{ BIND, BIND SAMPLER, BIND, "draw", "", "has no sampler", combined },
	{ VIEWED, DRAWN(IMAGE, BIND "bind_sampler mag_filter=1\n"),
	  DRAWN(DEPTH, VIEW(1, 1, 1, "aspects=2") "bind_sampler mipmap_mode=1\n"), "bind_sampler",
	  "mag_filter", "does not filter linearly", combined },
	{ VIEWED, DRAWN(DEPTH, VIEW(1, 1, 1, "aspects=2") "bind_sampler mag_filter=1 flags=1\n"),
	  DRAWN(IMAGE, BIND "bind_sampler flags=1\n"), "bind_sampler", "flags", "does not compare",
	  combined },
	{ VIEWED,
	  DRAWN(DEPTH, VIEW(1, 1, 1, "aspects=2") "bind_sampler min_filter=1 reduction_mode=1\n"),
	  DRAWN(DEPTH, VIEW(1, 1, 1, "aspects=2") "bind_sampler min_filter=1\n"), "bind_sampler",
	  "mag_filter", "does not filter linearly", combined },
	{ BIND, BIND "bind_sampler flags=2 address_u=2 address_v=3\n",
	  VIEW(1, 2, 1, "") "bind_sampler flags=2 address_u=2 address_v=3\n", "bind_sampler",
	  "flags", "takes no unnormalized coordinates", combined },
};

START_TEST(A6_a_view_suits_its_image_and_its_descriptor)
{
	penstock_rules_hold(&fixture, VIEWED, &views[_i]);
}
END_TEST

/* Every feature that a descriptor asks for, taken away. */
START_TEST(A6_features_of_formats_are_needed)
{
	static const struct {
		void (*prepare)(void);
		uint64_t features;
		const char *text;
		const char *instruction;
		const char *operand;
	} cases[] = {
		{ setup, 0x1, VIEWED, "bind_image", "format" },
		{ combined, 0x1, DRAWN(IMAGE, BIND SAMPLER), "bind_image", "format" },
		{ combined, 0x1000, DRAWN(IMAGE, BIND "bind_sampler min_filter=1\n"),
		  "bind_sampler", "mag_filter" },
		{ combined, 0x10000,
		  DRAWN(IMAGE, BIND "bind_sampler min_filter=1 reduction_mode=2\n"), "bind_sampler",
		  "reduction_mode" },
		{ storage, 0x2, VIEWED, "bind_image", "format" },
		{ attachment, 0x80, VIEWED, "bind_image", "format" },
	};
	uint64_t *features = &fixture.formats[PENSTOCK_TEXEL_R8G8B8A8_UNORM].optimal;

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
		cases[i].prepare();
		penstock_rules_accept(&fixture, cases[i].text);
		*features &= ~cases[i].features;
		penstock_rules_refuse(&fixture, cases[i].text, &rule);
	}
}
END_TEST

/* The usages of an image are those of its own format, whatever it is looked at as. */
START_TEST(A6_a_view_does_no_more_than_its_image)
{
	static const struct penstock_rule rule = {
		"", "", "", "bind_image", "format", "the adapter does not", NULL,
	};
	static const char text[] = DRAWN(IMAGE_OF("image", 1, 43, 8, 8, 1, 1, 1, 1, "flags=8"),
					 VIEW(1, 1, 1, "format=37"));

	storage();
	penstock_rules_accept(&fixture, text);
	fixture.formats[PENSTOCK_TEXEL_R8G8B8A8_SRGB].optimal &= ~UINT64_C(2);
	penstock_rules_refuse(&fixture, text, &rule);
}
END_TEST

/* What a slot was when it was bound. */
START_TEST(A6_a_slot_that_is_defined_again_changes_nothing_that_was_bound)
{
	static const struct penstock_rule rule = {
		"", "", "", "bind_image", "image", "is not multisampled", NULL,
	};

	penstock_rules_accept(&fixture, DRAWN(IMAGE, BIND SAMPLES));
	penstock_rules_refuse(&fixture, DRAWN(IMAGE, BIND SAMPLES BIND), &rule);
}
END_TEST

/* ------------------------------------------------------------------ samplers by themselves */

#define BORDERS "address_u=3 address_v=2 "

static const struct penstock_rule samplers[] = {
	{ SAMPLER, "bind_sampler flags=1 compare_op=7\n", "bind_sampler compare_op=7\n",
	  "bind_sampler", "compare_op", "does not compare", NULL },
	{ SAMPLER, "bind_sampler flags=1 compare_op=7\n", "bind_sampler flags=1 compare_op=8\n",
	  "bind_sampler", "compare_op", "from 0 to 7", NULL },
	{ SAMPLER, "bind_sampler flags=1\n", "bind_sampler flags=4\n", "bind_sampler", "flags",
	  "from 0 to 3", NULL },
	{ SAMPLER, "bind_sampler mag_filter=1\n", "bind_sampler mag_filter=2\n", "bind_sampler",
	  "mag_filter", "from 0 to 1", NULL },
	{ SAMPLER, "bind_sampler min_filter=1\n", "bind_sampler min_filter=1000015000\n",
	  "bind_sampler", "min_filter", "from 0 to 1", NULL },
	{ SAMPLER, "bind_sampler mipmap_mode=1\n", "bind_sampler mipmap_mode=2\n", "bind_sampler",
	  "mipmap_mode", "from 0 to 1", NULL },
	{ SAMPLER, "bind_sampler address_w=4\n", "bind_sampler address_w=5\n", "bind_sampler",
	  "address_w", "from 0 to 4", NULL },
	{ SAMPLER, "bind_sampler border_color=5\n", "bind_sampler border_color=6\n", "bind_sampler",
	  "border_color", "from 0 to 5", NULL },
	{ SAMPLER, "bind_sampler reduction_mode=2\n", "bind_sampler reduction_mode=3\n",
	  "bind_sampler", "reduction_mode", "from 0 to 2", NULL },
	{ SAMPLER, "bind_sampler reduction_mode=2\n", "bind_sampler flags=1 reduction_mode=2\n",
	  "bind_sampler", "reduction_mode", "takes the weighted average", NULL },
	{ SAMPLER, "bind_sampler lod_bias=-16\n", "bind_sampler lod_bias=-16.5\n", "bind_sampler",
	  "lod_bias", "from -16 to 16", NULL },
	{ SAMPLER, "bind_sampler anisotropy=16\n", "bind_sampler anisotropy=17\n", "bind_sampler",
	  "anisotropy", "from 0 to 16", NULL },
	{ SAMPLER, "bind_sampler anisotropy=1\n", "bind_sampler anisotropy=0.5\n", "bind_sampler",
	  "anisotropy", "or from 1 to 16", NULL },
	{ SAMPLER, "bind_sampler min_lod=2 max_lod=2\n", "bind_sampler min_lod=2 max_lod=1\n",
	  "bind_sampler", "max_lod", "less than min_lod", NULL },
	{ SAMPLER, "bind_sampler flags=2 " BORDERS "\n", "bind_sampler flags=2\n", "bind_sampler",
	  "flags", "are clamped", NULL },
	{ SAMPLER, "bind_sampler flags=2 " BORDERS "mag_filter=1 min_filter=1\n",
	  "bind_sampler flags=2 " BORDERS "mag_filter=1\n", "bind_sampler", "flags", "one filter",
	  NULL },
	{ SAMPLER, "bind_sampler flags=2 " BORDERS "\n",
	  "bind_sampler flags=2 " BORDERS "max_lod=1\n", "bind_sampler", "flags",
	  "no level of detail", NULL },
	{ SAMPLER, "bind_sampler flags=2 " BORDERS "\n", "bind_sampler flags=3 " BORDERS "\n",
	  "bind_sampler", "flags", "or compare", NULL },
};

START_TEST(A6_a_sampler_is_one_that_there_is)
{
	binding.type = PENSTOCK_DESCRIPTOR_SAMPLER;
	penstock_rules_hold(&fixture, DRAWN("", SAMPLER), &samplers[_i]);
}
END_TEST

/* ------------------------------------------------------------------ texel buffers */

static void uniform_texels(void)
{
	binding.type = PENSTOCK_DESCRIPTOR_UNIFORM_TEXEL_BUFFER;
	binding.dimension = DIM_BUFFER;
}

static void storage_texels(void)
{
	uniform_texels();
	binding.type = PENSTOCK_DESCRIPTOR_STORAGE_TEXEL_BUFFER;
	binding.written = true;
}

static void large_buffer(void)
{
	uniform_texels();
	fixture.list[PENSTOCK_FIXTURE_READ_ONLY].size_bytes = UINT64_C(1) << 32;
	fixture.stride_bytes = UINT64_C(1) << 33;
}

#define TEXELS "bind_texel_buffer allocation=2 size=16 format=37\n"

static const struct penstock_rule texels[] = {
	{ TEXELS, NULL, "bind_texel_buffer allocation=2 size=18 format=37\n", "bind_texel_buffer",
	  "size", "not whole texels of 4", uniform_texels },
	{ TEXELS, "bind_texel_buffer allocation=2 offset=0x1ff0 size=12 format=106\n",
	  "bind_texel_buffer allocation=2 offset=0x1ff0 size=24 format=106\n", "bind_texel_buffer",
	  "size", "inside allocation 2", uniform_texels },
	{ TEXELS, "bind_texel_buffer allocation=2 offset=16 size=4 format=37\n",
	  "bind_texel_buffer allocation=2 offset=8 size=4 format=37\n", "bind_texel_buffer",
	  "offset", "no multiple of 16", uniform_texels },
	{ TEXELS, NULL, "bind_texel_buffer allocation=2 size=16 format=131\n", "bind_texel_buffer",
	  "format", "no texel buffers of format 131", uniform_texels },
	{ TEXELS, NULL, "bind_texel_buffer allocation=2 size=16 format=128\n", "bind_texel_buffer",
	  "format", "no texel buffers of format 128", uniform_texels },
	{ TEXELS, NULL, "bind_texel_buffer allocation=2 size=16 format=41\n", "bind_texel_buffer",
	  "format", "another sort", uniform_texels },
	{ TEXELS, NULL, "bind_buffer allocation=2 size=16\n", "bind_buffer", "",
	  "is a texel buffer", uniform_texels },
	{ TEXELS, "bind_texel_buffer allocation=2 size=0x8000000 format=37\n",
	  "bind_texel_buffer allocation=2 size=0x8000004 format=37\n", "bind_texel_buffer", "size",
	  "0x8000000 bytes at most", large_buffer },
	{ TEXELS, "bind_texel_buffer_write allocation=1 size=16 format=37\n", TEXELS,
	  "bind_texel_buffer", "allocation", "needs bind_texel_buffer_write", storage_texels },
	{ TEXELS, "bind_texel_buffer_write allocation=1 size=16 format=37\n",
	  "bind_texel_buffer_write allocation=2 size=16 format=37\n", "bind_texel_buffer_write",
	  "allocation", "without WriteOperation", storage_texels },
};

START_TEST(A6_a_texel_buffer_is_whole_texels_of_its_format)
{
	penstock_rules_hold(&fixture, DRAWN("", TEXELS), &texels[_i]);
}
END_TEST

START_TEST(A6_features_of_formats_of_texel_buffers_are_needed)
{
	static const struct penstock_rule rules[] = {
		{ "", "", "", "bind_texel_buffer", "format", "the adapter does not have", NULL },
		{ "", "", "", "bind_texel_buffer_write", "format", "the adapter does not have",
		  NULL },
	};
	static const char *const texts[] = {
		DRAWN("", TEXELS),
		DRAWN("", "bind_texel_buffer_write allocation=1 size=16 format=37\n"),
	};
	uint64_t *features = &fixture.formats[PENSTOCK_TEXEL_R8G8B8A8_UNORM].buffer;

	for (uint32_t i = 0; i < 2; i++) {
		if (i == 0) {
			uniform_texels();
		} else {
			storage_texels();
		}
		*features = i == 0 ? 0x8 : 0x10;
		penstock_rules_accept(&fixture, texts[i]);
		*features = i == 0 ? 0x10 : 0x8;
		penstock_rules_refuse(&fixture, texts[i], &rules[i]);
	}
}
END_TEST

/* ------------------------------------------------------------------ in a dispatch */

START_TEST(A6_a_dispatch_takes_images_in_any_order)
{
	static const char text[] =
		BIND IMAGE "bind_pipeline pipeline=14\ndispatch groups_x=1 groups_y=1 groups_z=1\n";
	static const struct penstock_rule rules[] = {
		{ BIND, BIND, BIND BIND, "bind_image", "binding", "is bound twice", NULL },
		{ IMAGE, IMAGE, IMAGE IMAGE, "image", "slot", "a second one", NULL },
		{ IMAGE, IMAGE, "", "bind_image", "image", "slot 0 is no image", NULL },
		{ BIND, BIND, "", "dispatch", "", "is not bound", NULL },
		{ BIND, BIND SAMPLER, BIND SAMPLER SAMPLER, "bind_sampler", "binding",
		  "is bound twice", combined },
		{ BIND, BIND SAMPLER, BIND, "dispatch", "", "has no sampler", combined },
	};

	pipeline.kind = PENSTOCK_PIPELINE_COMPUTE;
	pipeline.graphics = NULL;
	for (uint32_t i = 0; i < PENSTOCK_ARRAY_SIZE(rules); i++) {
		penstock_rules_hold(&fixture, text, &rules[i]);
	}
}
END_TEST

/* ------------------------------------------------------------------ targets */

#define TARGETED(layers, image, target)                                                            \
	"begin_rendering area=(0,0,8,8) layers=" #layers "\n" image target "end_rendering\n"
#define BASIC TARGETED(1, TARGET, "color_target image=0\n")
#define MANY                                                                                       \
	IMAGE_OF("image_write", 1, 37, 8, 8, 1, 1, 1, 4, "")                                       \
	"image_write allocation=15 slot=1 type=1 format=37 width=8 height=8 depth=1 levels=1 "     \
	"layers=1 samples=1 flags=8\n"                                                             \
	"image_write allocation=15 slot=2 type=1 format=37 width=4 height=8 depth=1 levels=1 "     \
	"layers=1 samples=1\n"                                                                     \
	"image_write allocation=15 slot=3 type=1 format=44 width=8 height=8 depth=1 levels=1 "     \
	"layers=1 samples=1\n"                                                                     \
	"image allocation=15 slot=4 type=1 format=37 width=8 height=8 depth=1 levels=1 "           \
	"layers=1 samples=1\n"
#define MUTABLE_TARGET IMAGE_OF("image_write", 1, 37, 8, 8, 1, 1, 1, 1, "flags=8")
#define RESOLVED(rest) TARGETED(1, MANY, "color_target image=0 " rest "\n")
#define DEEP(samples)                                                                              \
	IMAGE_OF("image_write", 1, 130, 8, 8, 1, 1, 1, samples, "")                                \
	"image_write allocation=15 slot=1 type=1 format=130 width=8 height=8 depth=1 levels=1 "    \
	"layers=1 samples=1\n"
#define DEPTH_TARGET(rest)   TARGETED(1, DEEP(1), "depth_stencil_target image=0 " rest "\n")
#define DEPTH_RESOLVED(rest) TARGETED(1, DEEP(4), "depth_stencil_target image=0 " rest "\n")
#define INTEGERS                                                                                   \
	IMAGE_OF("image_write", 1, 41, 8, 8, 1, 1, 1, 4, "")                                       \
	"image_write allocation=15 slot=1 type=1 format=41 width=8 height=8 depth=1 levels=1 "     \
	"layers=1 samples=1\n"

static const struct penstock_rule targets[] = {
	{ "image=0\n", NULL, "image=1\n", "color_target", "image", "slot 1 is no image", NULL },
	{ "image=0\n", NULL, "image=64\n", "color_target", "image", "from 0 to 63", NULL },
	{ "image_write", NULL, "image", "color_target", "image", "needs image_write", NULL },
	{ "color_target", "color_target index=7", "color_target index=8", "color_target", "index",
	  "from 0 to 7", NULL },
	{ "color_target", NULL, "color_target level=1", "color_target", "level",
	  "1 levels from 1 on", NULL },
	{ BASIC,
	  TARGETED(1, IMAGE_OF("image_write", 1, 37, 64, 64, 1, 7, 1, 1, ""),
		   "color_target image=0 level=3\n"),
	  TARGETED(1, IMAGE_OF("image_write", 1, 37, 64, 64, 1, 7, 1, 1, ""),
		   "color_target image=0 level=4\n"),
	  "color_target", "image", "inside of 4 x 4", NULL },
	{ BASIC,
	  TARGETED(3, IMAGE_OF("image_write", 1, 37, 8, 8, 1, 1, 4, 1, ""),
		   "color_target image=0 first_layer=1\n"),
	  TARGETED(3, IMAGE_OF("image_write", 1, 37, 8, 8, 1, 1, 4, 1, ""),
		   "color_target image=0 first_layer=2\n"),
	  "color_target", "first_layer", "3 layers from 2 on", NULL },
	{ BASIC,
	  TARGETED(4, IMAGE_OF("image_write", 2, 37, 16, 16, 8, 2, 1, 1, "flags=0x20"),
		   "color_target image=0 level=1\n"),
	  TARGETED(5, IMAGE_OF("image_write", 2, 37, 16, 16, 8, 2, 1, 1, "flags=0x20"),
		   "color_target image=0 level=1\n"),
	  "color_target", "first_layer", "there are 4", NULL },
	{ BASIC,
	  TARGETED(1, IMAGE_OF("image_write", 2, 37, 8, 8, 8, 1, 1, 1, "flags=0x20"),
		   "color_target image=0\n"),
	  TARGETED(1, IMAGE_OF("image_write", 2, 37, 8, 8, 8, 1, 1, 1, ""),
		   "color_target image=0\n"),
	  "color_target", "image", "no 2D arrays can be made", NULL },
	{ BASIC,
	  "begin_rendering area=(0,0,8,1) layers=2\n" IMAGE_OF(
		  "image_write", 0, 37, 8, 1, 1, 1, 2, 1,
		  "") "color_target image=0\nend_rendering\n",
	  TARGETED(2, IMAGE_OF("image_write", 0, 37, 8, 1, 1, 1, 2, 1, ""),
		   "color_target image=0\n"),
	  "color_target", "image", "inside of 8 x 1", NULL },
	{ "color_target", "color_target load_op=2", "color_target load_op=3", "color_target",
	  "load_op", "load, clear or don't care", NULL },
	{ "color_target", "color_target store_op=1000301000", "color_target store_op=2",
	  "color_target", "store_op", "store, don't care or none", NULL },
	{ BASIC, TARGETED(1, MUTABLE_TARGET, "color_target image=0 format=44\n"),
	  TARGETED(1, MUTABLE_TARGET, "color_target image=0 format=97\n"), "color_target", "format",
	  "not looked at", NULL },
	{ BASIC, BASIC,
	  TARGETED(1, IMAGE_OF("image_write", 1, 131, 8, 8, 1, 1, 1, 1, ""),
		   "color_target image=0\n"),
	  "color_target", "format", "does not draw colours", NULL },
	{ BASIC, TARGETED(1, MANY, "color_target image=1\ncolor_target index=1 image=3\n"),
	  TARGETED(1, MANY, "color_target image=1\ncolor_target index=1 image=0\n"), "color_target",
	  "image", "a target of 4 samples beside one of 1", NULL },
	/* resolves */
	{ BASIC, RESOLVED("resolve_mode=2 resolve_image=1"), RESOLVED("resolve_image=1"),
	  "color_target", "resolve_image", "without a resolve mode it is 0", NULL },
	{ BASIC, RESOLVED(""), RESOLVED("resolve_layer=1"), "color_target", "resolve_layer",
	  "without a resolve mode it is 0", NULL },
	{ BASIC, RESOLVED("resolve_mode=2 resolve_image=1"),
	  RESOLVED("resolve_mode=1 resolve_image=1"), "color_target", "resolve_mode",
	  "others the average", NULL },
	{ BASIC, RESOLVED("resolve_mode=2 resolve_image=1"),
	  RESOLVED("resolve_mode=4 resolve_image=1"), "color_target", "resolve_mode", "from 0 to 2",
	  NULL },
	{ BASIC, TARGETED(1, INTEGERS, "color_target image=0 resolve_mode=1 resolve_image=1\n"),
	  TARGETED(1, INTEGERS, "color_target image=0 resolve_mode=2 resolve_image=1\n"),
	  "color_target", "resolve_mode", "integers take the first", NULL },
	{ BASIC, RESOLVED("resolve_mode=2 resolve_image=1"),
	  RESOLVED("resolve_mode=2 resolve_image=2"), "color_target", "resolve_image",
	  "inside of 4 x 8", NULL },
	{ BASIC, RESOLVED("resolve_mode=2 resolve_image=1"),
	  RESOLVED("resolve_mode=2 resolve_image=3"), "color_target", "resolve_image",
	  "is not looked at as format 37", NULL },
	{ BASIC, RESOLVED("resolve_mode=2 resolve_image=1"),
	  RESOLVED("resolve_mode=2 resolve_image=4"), "color_target", "resolve_image",
	  "needs image_write", NULL },
	{ BASIC, RESOLVED("resolve_mode=2 resolve_image=1"),
	  RESOLVED("resolve_mode=2 resolve_image=0"), "color_target", "resolve_image",
	  "from several samples to one", NULL },
	{ BASIC, RESOLVED("resolve_mode=2 resolve_image=1"),
	  RESOLVED("resolve_mode=2 resolve_image=1 resolve_level=1"), "color_target",
	  "resolve_level", "1 levels from 1 on", NULL },
	{ BASIC, RESOLVED("resolve_mode=2 resolve_image=1"),
	  TARGETED(1, MANY, "color_target image=1 resolve_mode=2 resolve_image=3\n"),
	  "color_target", "resolve_image", "from several samples to one", NULL },
	/* depth and stencil */
	{ BASIC, DEPTH_TARGET("depth_load_op=1 clear_depth=1"),
	  DEPTH_TARGET("depth_load_op=1 clear_depth=1.5"), "depth_stencil_target", "clear_depth",
	  "from 0 to 1", NULL },
	{ BASIC, DEPTH_TARGET("aspects=6"), DEPTH_TARGET("aspects=1"), "depth_stencil_target",
	  "aspects", "not 0x1", NULL },
	{ BASIC, DEPTH_TARGET("aspects=2"), DEPTH_TARGET("aspects=2 stencil_load_op=1"),
	  "depth_stencil_target", "stencil_load_op", "an aspect that is not there", NULL },
	{ BASIC, DEPTH_TARGET("aspects=4 clear_stencil=7"),
	  DEPTH_TARGET("aspects=4 depth_store_op=1"), "depth_stencil_target", "depth_store_op",
	  "an aspect that is not there", NULL },
	{ BASIC, DEPTH_TARGET("stencil_load_op=2"), DEPTH_TARGET("stencil_load_op=3"),
	  "depth_stencil_target", "stencil_load_op", "load, clear", NULL },
	{ BASIC, DEPTH_TARGET("stencil_store_op=1000301000"), DEPTH_TARGET("depth_store_op=2"),
	  "depth_stencil_target", "depth_store_op", "store, don't", NULL },
	{ BASIC, DEPTH_TARGET(""), DEPTH_TARGET("\ndepth_stencil_target image=0"),
	  "depth_stencil_target", "", "the scope has such a target", NULL },
	{ BASIC, DEPTH_TARGET(""), TARGETED(1, TARGET, "depth_stencil_target image=0\n"),
	  "depth_stencil_target", "image", "does not test depth or stencil", NULL },
	{ BASIC, DEPTH_RESOLVED("depth_resolve_mode=1 stencil_resolve_mode=1 resolve_image=1"),
	  DEPTH_RESOLVED("depth_resolve_mode=2 stencil_resolve_mode=1 resolve_image=1"),
	  "depth_stencil_target", "stencil_resolve_mode", "are resolved alike", NULL },
	{ BASIC, DEPTH_RESOLVED("aspects=2 depth_resolve_mode=2 resolve_image=1"),
	  DEPTH_RESOLVED("aspects=2 stencil_resolve_mode=1 resolve_image=1"),
	  "depth_stencil_target", "stencil_resolve_mode", "an aspect that is not there", NULL },
	{ BASIC, DEPTH_RESOLVED(""), DEPTH_RESOLVED("resolve_image=1"), "depth_stencil_target",
	  "resolve_image", "without a resolve mode", NULL },
	{ BASIC, DEPTH_RESOLVED(""),
	  DEPTH_TARGET("depth_resolve_mode=1 stencil_resolve_mode=1 resolve_image=1"),
	  "depth_stencil_target", "resolve_image", "from several samples to one", NULL },
};

START_TEST(A6_a_target_is_a_part_of_its_image)
{
	penstock_rules_hold(&fixture, BASIC, &targets[_i]);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("render_images");
	TCase *tcase = tcase_create("images");

	tcase_add_checked_fixture(tcase, setup, NULL);
	tcase_add_loop_test(tcase, A6_an_image_lies_inside_its_allocation, 0,
			    (int)PENSTOCK_ARRAY_SIZE(images));
	tcase_add_test(tcase, A6_an_adapter_without_formats_has_no_images);
	tcase_add_loop_test(tcase, A6_a_view_suits_its_image_and_its_descriptor, 0,
			    (int)PENSTOCK_ARRAY_SIZE(views));
	tcase_add_test(tcase, A6_features_of_formats_are_needed);
	tcase_add_test(tcase, A6_a_view_does_no_more_than_its_image);
	tcase_add_test(tcase, A6_a_slot_that_is_defined_again_changes_nothing_that_was_bound);
	tcase_add_loop_test(tcase, A6_a_sampler_is_one_that_there_is, 0,
			    (int)PENSTOCK_ARRAY_SIZE(samplers));
	tcase_add_loop_test(tcase, A6_a_texel_buffer_is_whole_texels_of_its_format, 0,
			    (int)PENSTOCK_ARRAY_SIZE(texels));
	tcase_add_test(tcase, A6_features_of_formats_of_texel_buffers_are_needed);
	tcase_add_test(tcase, A6_a_dispatch_takes_images_in_any_order);
	tcase_add_loop_test(tcase, A6_a_target_is_a_part_of_its_image, 0,
			    (int)PENSTOCK_ARRAY_SIZE(targets));
	suite_add_tcase(suite, tcase);
	return penstock_test_main(suite);
}
