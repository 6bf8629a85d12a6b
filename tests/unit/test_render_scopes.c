/* SPDX-License-Identifier: MIT */
/* Render scopes: what stands in one, in which order, and what a draw needs. */
#include "daemon/render/crumbs.h"
#include "gpu-backend/dma.h"
#include "gpu-backend/pipeline.h"
#include "proto/wire/limits.h"
#include "tests/harness.h"
#include "tests/support/render_rules.h"

#include <stdio.h>
#include <string.h>

static struct penstock_fixture fixture;
static struct penstock_graphics_state state;
static struct penstock_render_pipeline pipeline;
static uint8_t command[1u << 20];

/* Allocations of the fixture: 1 and 3 may be written, 2 not; 15 is for images. */
_Static_assert(PENSTOCK_FIXTURE_BUFFER == 1 && PENSTOCK_FIXTURE_READ_ONLY == 2 &&
		       PENSTOCK_FIXTURE_PIPELINE == 13 && PENSTOCK_FIXTURE_GRAPHICS == 14 &&
		       PENSTOCK_FIXTURE_IMAGES == 15,
	       "the text says so");

#define IMAGE(slot)                                                                                \
	"image_write allocation=15 slot=" #slot " type=1 format=37 width=64 height=64 depth=1 "    \
	"levels=1 layers=1 samples=1\n"
#define SCOPE_BEGIN "begin_rendering area=(0,0,64,64) layers=1\n" IMAGE(0) "color_target image=0\n"
#define DRAW        "draw vertices=3 instances=1\n"
#define PIPELINE    "bind_pipeline pipeline=14\n"
#define SCOPE_END   "end_rendering\n"
#define SCOPE       SCOPE_BEGIN PIPELINE DRAW SCOPE_END

static void setup(void)
{
	penstock_fixture_init(&fixture);
	fixture.args.caps.pipelines = true;
	memset(&state, 0, sizeof(state));
	state.topology = 3;
	state.viewport_count = 1;
	state.samples = 1;
	state.color_count = 1;
	state.color_formats[0] = PENSTOCK_VK_R8G8B8A8_UNORM;
	pipeline = (struct penstock_render_pipeline){
		.kind = PENSTOCK_PIPELINE_GRAPHICS,
		.bytes = 0x100,
		.graphics = &state,
		.topology_class = PENSTOCK_TOPOLOGY_TRIANGLES,
	};
	fixture.list[PENSTOCK_FIXTURE_GRAPHICS].pipeline = &pipeline;
}

/* ------------------------------------------------------------------ what stands where */

static const struct penstock_rule places[] = {
	{ SCOPE, SCOPE, DRAW, "draw", "", "in a render scope only", NULL },
	{ SCOPE, SCOPE, "color_target image=0\n", "color_target", "", "in a render scope only",
	  NULL },
	{ SCOPE, SCOPE, "end_rendering\n", "end_rendering", "", "no render scope has begun", NULL },
	{ SCOPE, SCOPE, IMAGE(0) "end_rendering\n", "end_rendering", "",
	  "no render scope has begun", NULL },
	{ SCOPE_END, SCOPE_END, "", "begin_rendering", "", "has no end", NULL },
	{ SCOPE_END, SCOPE_END, "clear_image image=0 levels=1 layers=1\nend_rendering\n",
	  "clear_image", "", "inside the render scope that begins at byte 0x0", NULL },
	{ SCOPE_END, SCOPE_END, "dispatch groups_x=1 groups_y=1 groups_z=1\nend_rendering\n",
	  "dispatch", "", "inside the render scope", NULL },
	{ SCOPE_END, SCOPE_END, "marker value=1\nend_rendering\n", "marker", "", "inside the group",
	  NULL },
	{ PIPELINE, PIPELINE, "begin_rendering area=(0,0,64,64) layers=1\n" PIPELINE,
	  "begin_rendering", "", "inside the group", NULL },
	{ SCOPE_BEGIN, SCOPE_BEGIN, IMAGE(0) SCOPE_BEGIN, "begin_rendering", "", "inside the group",
	  NULL },
	{ DRAW, "color_target index=1 image=0\nclear_target aspects=1 rect=(0,0,1,1) layers=1\n",
	  "clear_target aspects=1 rect=(0,0,1,1) layers=1\ncolor_target index=1 image=0\n",
	  "color_target", "", "before what is drawn", NULL },
	{ DRAW, DRAW, DRAW "depth_stencil_target image=0\n", "depth_stencil_target", "",
	  "before what is drawn", NULL },
	{ "color_target image=0\n", "color_target image=0\n",
	  "color_target image=0\ncolor_target image=0\n", "color_target", "index",
	  "the scope has that target", NULL },
	{ DRAW, DRAW IMAGE(0) DRAW, IMAGE(1) "bind_pipeline pipeline=1\n" DRAW, "bind_pipeline",
	  "pipeline", "is no pipeline", NULL },
	{ PIPELINE, PIPELINE, "", "draw", "pipeline", "no pipeline is bound", NULL },
	{ PIPELINE, PIPELINE PIPELINE, "bind_pipeline pipeline=13\n", "bind_pipeline", "pipeline",
	  "of another kind", NULL },
};

START_TEST(A6_a_scope_has_its_instructions_where_they_belong)
{
	penstock_rules_hold(&fixture, SCOPE, &places[_i]);
}
END_TEST

START_TEST(A6_an_ordinary_group_holds_only_what_its_end_can_use)
{
#define COPY_GROUP(member) member IMAGE(0) "clear_image image=0 levels=1 layers=1\n"
	static const struct penstock_rule rules[] = {
		{ COPY_GROUP(""), NULL, COPY_GROUP("push_constants data=[1]\n"), "push_constants",
		  "", "the clear_image at byte 0x48, which ends its group, does not use it", NULL },
		{ COPY_GROUP(""), NULL, COPY_GROUP(PIPELINE), "bind_pipeline", "",
		  "does not use it", NULL },
		{ COPY_GROUP(""), NULL, COPY_GROUP("viewport width=1 height=1\n"), "viewport", "",
		  "in a render scope only", NULL },
		{ COPY_GROUP(""), NULL, COPY_GROUP(IMAGE(0)), "image_write", "slot",
		  "a second one in one group", NULL },
		{ COPY_GROUP(""), NULL, COPY_GROUP("indirect_buffer allocation=1 size=16\n"),
		  "indirect_buffer", "", "does not use it", NULL },
	};

	for (uint32_t i = 0; i < PENSTOCK_ARRAY_SIZE(rules); i++) {
		penstock_rules_hold(&fixture, COPY_GROUP(""), &rules[i]);
	}
}
END_TEST

/* ------------------------------------------------------------------ area, layers, views */

static void two_views(void)
{
	state.view_mask = 3;
}

static const struct penstock_rule areas[] = {
	{ "(0,0,64,64)", "(63,63,64,64)", "(0,0,65,64)", "color_target", "image",
	  "inside of 64 x 64 texels", NULL },
	{ "(0,0,64,64)", "(0,63,64,64)", "(0,0,64,65)", "color_target", "image",
	  "inside of 64 x 64 texels", NULL },
	{ "(0,0,64,64)", NULL, "(-1,0,64,64)", "begin_rendering", "area", "inside of", NULL },
	{ "(0,0,64,64)", NULL, "(0,-1,64,64)", "begin_rendering", "area", "inside of", NULL },
	{ "(0,0,64,64)", NULL, "(5,0,5,64)", "begin_rendering", "area", "something at least",
	  NULL },
	{ "(0,0,64,64)", NULL, "(0,6,64,5)", "begin_rendering", "area", "something at least",
	  NULL },
	{ SCOPE, "begin_rendering area=(0,0,16384,16384) layers=2048\nend_rendering\n",
	  "begin_rendering area=(0,0,16385,1) layers=1\nend_rendering\n", "begin_rendering", "area",
	  "16384 x 16384", NULL },
	{ SCOPE, "begin_rendering area=(0,0,1,1) layers=1\nend_rendering\n",
	  "begin_rendering area=(0,0,1,1) layers=0\nend_rendering\n", "begin_rendering", "layers",
	  "from 1 to 2048", NULL },
	{ SCOPE, "begin_rendering area=(0,0,1,1) layers=1\nend_rendering\n",
	  "begin_rendering area=(0,0,1,1) layers=2049\nend_rendering\n", "begin_rendering",
	  "layers", "from 1 to 2048", NULL },
	{ SCOPE, "begin_rendering area=(0,0,1,1) layers=6 view_mask=0x20\nend_rendering\n",
	  "begin_rendering area=(0,0,1,1) layers=5 view_mask=0x20\nend_rendering\n",
	  "begin_rendering", "layers", "5 layers for views 0x20", NULL },
	{ SCOPE, "begin_rendering area=(0,0,1,1) layers=64 view_mask=0x20\nend_rendering\n",
	  "begin_rendering area=(0,0,1,1) layers=64 view_mask=0x40\nend_rendering\n",
	  "begin_rendering", "view_mask", "from 0 to 63", NULL },
	{ "layers=1\n" IMAGE(0),
	  "layers=2 view_mask=3\nimage_write allocation=15 slot=0 type=1 format=37 width=64 "
	  "height=64 depth=1 levels=1 layers=2 samples=1\n",
	  "layers=2 view_mask=2\nimage_write allocation=15 slot=0 type=1 format=37 width=64 "
	  "height=64 depth=1 levels=1 layers=2 samples=1\n",
	  "draw", "", "draws views 0x3, and the scope has 0x2", two_views },
};

START_TEST(A6_the_area_of_a_scope_is_in_all_that_it_draws_to)
{
	penstock_rules_hold(&fixture, SCOPE, &areas[_i]);
}
END_TEST

/* ------------------------------------------------------------------ a draw and its pipeline */

static void no_color(void)
{
	state.color_count = 0;
}

static void second_color(void)
{
	state.color_count = 2;
	state.color_formats[1] = PENSTOCK_VK_R8G8B8A8_UNORM;
}

static void depth_only(void)
{
	state.color_count = 0;
	state.depth_format = PENSTOCK_VK_D32_SFLOAT_S8_UINT;
}

static void four_samples(void)
{
	state.samples = 4;
}

static void vertex_bindings(void)
{
	pipeline.vertex_bindings = 0x8001;
}

#define VERTICES(binding) "vertex_buffer allocation=2 size=1 binding=" #binding "\n"
#define DEPTH_SCOPE(aspects)                                                                       \
	"begin_rendering area=(0,0,64,64) layers=1\n"                                              \
	"image_write allocation=15 slot=0 type=1 format=130 width=64 height=64 depth=1 "           \
	"levels=1 layers=1 samples=1\ndepth_stencil_target image=0 aspects=" #aspects              \
	"\n" PIPELINE DRAW SCOPE_END

static const struct penstock_rule draws[] = {
	{ "color_target image=0\n", "", "color_target image=0\n", "draw", "",
	  "colour target 0 of the pipeline has format 0, that of the scope 37", no_color },
	{ "color_target image=0\n", "color_target image=0\ncolor_target index=1 image=0\n",
	  "color_target image=0\n", "draw", "", "colour target 1 of the pipeline has format 37",
	  second_color },
	{ "color_target image=0\n", NULL, "color_target index=1 image=0\n", "draw", "",
	  "colour target 0 of the pipeline has format 37", NULL },
	{ SCOPE, DEPTH_SCOPE(2), DEPTH_SCOPE(6), "draw", "", "stencil target 0", depth_only },
	{ SCOPE, DEPTH_SCOPE(2), DEPTH_SCOPE(4), "draw", "", "depth target 0", depth_only },
	{ "samples=1", "samples=4", "samples=1", "draw", "", "draws 4 samples, and targets have 1",
	  four_samples },
	{ PIPELINE, PIPELINE VERTICES(15) VERTICES(0), PIPELINE VERTICES(0), "draw", "",
	  "vertex binding 15 of the pipeline is not bound", vertex_bindings },
	{ DRAW, "draw vertices=0xffffffff instances=0xffffffff first_vertex=1 first_instance=1\n",
	  "draw vertices=0xffffffff first_vertex=2\n", "draw", "vertices", "beyond 32 bits", NULL },
	{ DRAW, DRAW, "draw instances=0xffffffff first_instance=2\n", "draw", "instances",
	  "beyond 32 bits", NULL },
	{ DRAW, "index_buffer allocation=1 size=10\ndraw_indexed indices=5\n",
	  "draw_indexed indices=0\n", "draw_indexed", "", "no index buffer is bound", NULL },
	{ DRAW, "index_buffer allocation=1 size=11\ndraw_indexed indices=4 first_index=1\n",
	  "index_buffer allocation=1 size=11\ndraw_indexed indices=5 first_index=1\n",
	  "draw_indexed", "indices", "5 indices from 1 on: the index buffer has 5", NULL },
	{ DRAW, "index_buffer allocation=1 size=40 type=1\ndraw_indexed indices=10\n",
	  "index_buffer allocation=1 size=40 type=1\ndraw_indexed indices=11\n", "draw_indexed",
	  "indices", "the index buffer has 10", NULL },
	{ DRAW, "index_buffer allocation=1 size=4 type=1000265000\ndraw_indexed indices=4\n",
	  "index_buffer allocation=1 size=4 type=2\ndraw_indexed indices=4\n", "index_buffer",
	  "type", "no type of an index", NULL },
	{ DRAW, "index_buffer allocation=1 offset=2 size=4\n",
	  "index_buffer allocation=1 offset=1 size=4\n", "index_buffer", "offset",
	  "no multiple of 2", NULL },
	{ DRAW, "index_buffer allocation=1 offset=0x1ffe size=2\n",
	  "index_buffer allocation=1 offset=0x1ffe size=3\n", "index_buffer", "size",
	  "inside allocation 1", NULL },
	{ DRAW, VERTICES(15), VERTICES(16), "vertex_buffer", "binding", "from 0 to 15", NULL },
	{ DRAW, "vertex_buffer allocation=2 offset=0x1fff size=1 stride=2048\n",
	  "vertex_buffer allocation=2 offset=0x1fff size=1 stride=2049\n", "vertex_buffer",
	  "stride", "from 0 to 2048", NULL },
	{ DRAW, VERTICES(0), "vertex_buffer allocation=2 offset=0x2000 size=1\n", "vertex_buffer",
	  "size", "inside allocation 2", NULL },
	{ DRAW, VERTICES(0), "vertex_buffer allocation=2 size=0\n", "vertex_buffer", "size",
	  "at least one", NULL },
	{ DRAW, VERTICES(0), "vertex_buffer allocation=0 size=1\n", "vertex_buffer", "allocation",
	  "NULL element", NULL },
};

START_TEST(A6_a_draw_is_held_against_its_pipeline)
{
	penstock_rules_hold(&fixture, SCOPE, &draws[_i]);
}
END_TEST

/* ------------------------------------------------------------------ indirect */

#define INDIRECT(size, rest) "indirect_buffer allocation=2 size=" #size "\n" rest
#define COUNT                "count_buffer allocation=2 offset=0x1ffc\n"

static const struct penstock_rule indirects[] = {
	{ DRAW, INDIRECT(48, "draw_indirect draws=3 stride=16\n"),
	  INDIRECT(47, "draw_indirect draws=3 stride=16\n"), "draw_indirect", "draws",
	  "reads 0x30 bytes: the indirect buffer has 0x2f", NULL },
	{ DRAW, INDIRECT(36, "draw_indirect draws=2 stride=20\n"),
	  INDIRECT(36, "draw_indirect draws=2 stride=24\n"), "draw_indirect", "draws",
	  "reads 0x28 bytes", NULL },
	{ DRAW, INDIRECT(16, "draw_indirect draws=1\n"), "draw_indirect draws=1\n", "draw_indirect",
	  "draws", "the indirect buffer has 0x0", NULL },
	{ DRAW, INDIRECT(64, "draw_indirect draws=2 stride=16\n"),
	  INDIRECT(64, "draw_indirect draws=2 stride=12\n"), "draw_indirect", "stride",
	  "at least 16", NULL },
	{ DRAW, INDIRECT(64, "draw_indirect draws=1 stride=4\n"),
	  INDIRECT(64, "draw_indirect draws=1 stride=2\n"), "draw_indirect", "stride",
	  "a multiple of 4", NULL },
	{ DRAW, INDIRECT(64, "draw_indirect draws=0\n"),
	  INDIRECT(64, "draw_indirect draws=65536 stride=16\n"), "draw_indirect", "draws",
	  "from 0 to 65535", NULL },
	{ DRAW, INDIRECT(64, "draw_indirect draws=0\n"),
	  INDIRECT(64, "draw_indirect draws=65535 stride=0xfffffffc\n"), "draw_indirect", "draws",
	  "reads 0xfffdfffc0018 bytes", NULL },
	{ DRAW, INDIRECT(64, COUNT "draw_indirect draws=1 flags=1\n"),
	  INDIRECT(64, "draw_indirect draws=1 flags=1\n"), "draw_indirect", "flags",
	  "no count buffer", NULL },
	{ DRAW, INDIRECT(64, "draw_indirect draws=1 flags=0\n"),
	  INDIRECT(64, COUNT "draw_indirect draws=1 flags=2\n"), "draw_indirect", "flags",
	  "from 0 to 1", NULL },
	{ DRAW,
	  INDIRECT(40, "index_buffer allocation=1 size=2\n"
		       "draw_indexed_indirect draws=2 stride=20\n"),
	  INDIRECT(39, "index_buffer allocation=1 size=2\n"
		       "draw_indexed_indirect draws=2 stride=20\n"),
	  "draw_indexed_indirect", "draws", "reads 0x28 bytes", NULL },
	{ DRAW, INDIRECT(40, "draw_indirect draws=2 stride=16\n"),
	  INDIRECT(40, "draw_indexed_indirect draws=2 stride=20\n"), "draw_indexed_indirect", "",
	  "no index buffer", NULL },
	{ DRAW, INDIRECT(40, "draw_indirect draws=2 stride=16\n"),
	  INDIRECT(40, "draw_indexed_indirect draws=2 stride=16\n"), "draw_indexed_indirect",
	  "stride", "at least 20", NULL },
	{ DRAW, COUNT, "count_buffer allocation=2 offset=0x2000\n", "count_buffer", "size",
	  "inside allocation", NULL },
	{ DRAW, COUNT, "count_buffer allocation=2 offset=0x1002\n", "count_buffer", "offset",
	  "no multiple of 4", NULL },
	{ DRAW, "indirect_buffer allocation=2 offset=4 size=4\n",
	  "indirect_buffer allocation=2 offset=2 size=4\n", "indirect_buffer", "offset",
	  "no multiple of 4", NULL },
	{ DRAW, INDIRECT(0x2000, ""), INDIRECT(0x2001, ""), "indirect_buffer", "size",
	  "inside allocation", NULL },
};

START_TEST(A6_indirect_draws_read_inside_their_buffers)
{
	penstock_rules_hold(&fixture, SCOPE, &indirects[_i]);
}
END_TEST

#define COMPUTE_BINDS                                                                              \
	"bind_pipeline pipeline=13\nbind_buffer allocation=2 size=64\n"                            \
	"bind_buffer_write allocation=1 size=256 set=1 binding=2\n"                                \
	"bind_buffer_write allocation=1 size=256 set=1 binding=2 element=1\n"

START_TEST(A6_an_indirect_dispatch_reads_three_words)
{
	static const char text[] =
		COMPUTE_BINDS "indirect_buffer allocation=2 size=12\ndispatch_indirect\n";
	static const struct penstock_rule rules[] = {
		{ "size=12", NULL, "size=11", "indirect_buffer", "size", "reads 12 bytes", NULL },
		{ "indirect_buffer allocation=2 size=12\n", NULL, "", "dispatch_indirect", "",
		  "has no indirect buffer", NULL },
		{ "indirect_buffer", NULL, "indirect_buffer allocation=2 size=16\nindirect_buffer",
		  "indirect_buffer", "allocation", "a second one", NULL },
		{ "dispatch_indirect", NULL, "dispatch groups_x=1", "indirect_buffer", "",
		  "does not use it", NULL },
		{ COMPUTE_BINDS, NULL, "", "dispatch_indirect", "pipeline", "has no pipeline",
		  NULL },
		{ COMPUTE_BINDS, NULL, "bind_pipeline pipeline=13\n", "dispatch_indirect", "",
		  "is not bound", NULL },
	};

	for (uint32_t i = 0; i < PENSTOCK_ARRAY_SIZE(rules); i++) {
		penstock_rules_hold(&fixture, text, &rules[i]);
	}
}
END_TEST

/* ------------------------------------------------------------------ dynamic state */

/* Floats as their bits, for the assembler takes them too. */
static const struct penstock_rule states[] = {
	{ DRAW, "viewport index=15 x=-32768 y=-16384 width=16384 height=-16384 max_depth=1\n",
	  "viewport index=15 width=16384 height=16384 x=-32769\n", "viewport", "x",
	  "from -32768 to 32768", NULL },
	{ DRAW, "viewport x=16384 width=16384 height=1\n",
	  "viewport x=16385 width=16384 height=1\n", "viewport", "width", "ends beyond 32768",
	  NULL },
	{ DRAW, "viewport y=16384 width=1 height=16384\n",
	  "viewport y=16385 width=1 height=16384\n", "viewport", "height", "ends beyond 32768",
	  NULL },
	{ DRAW, "viewport y=-32767 width=1 height=-1\n", "viewport y=-32767 width=1 height=-2\n",
	  "viewport", "height", "ends beyond 32768", NULL },
	{ DRAW, "viewport width=0.5 height=1\n", "viewport width=0 height=1\n", "viewport", "width",
	  "an empty viewport", NULL },
	{ DRAW, "viewport width=1 height=-1\n", "viewport width=1 height=0\n", "viewport", "height",
	  "an empty viewport", NULL },
	{ DRAW, "viewport width=1 height=1\n", "viewport width=-1 height=1\n", "viewport", "width",
	  "from 0 to 16384", NULL },
	{ DRAW, "viewport width=1 height=16384\n", "viewport width=1 height=16385\n", "viewport",
	  "height", "from -16384 to 16384", NULL },
	{ DRAW, "viewport width=1 height=1 min_depth=1\n",
	  "viewport width=1 height=1 min_depth=1.5\n", "viewport", "min_depth", "from 0 to 1",
	  NULL },
	{ DRAW, "viewport width=1 height=1\n", "viewport width=1 height=1 max_depth=-0.25\n",
	  "viewport", "max_depth", "from 0 to 1", NULL },
	{ DRAW, "viewport width=1 height=1\n", "viewport index=16 width=1 height=1\n", "viewport",
	  "index", "from 0 to 15", NULL },
	{ DRAW, "scissor index=15 rect=(0,0,2147483647,0)\n", "scissor rect=(-1,0,1,1)\n",
	  "scissor", "rect", "from 0,0 on", NULL },
	{ DRAW, "scissor rect=(5,5,5,5)\n", "scissor rect=(5,5,4,5)\n", "scissor", "rect",
	  "not before left", NULL },
	{ DRAW, "scissor rect=(5,5,5,5)\n", "scissor index=16 rect=(5,5,5,5)\n", "scissor", "index",
	  "from 0 to 15", NULL },
	{ DRAW, "state state=2 value=0x3f800000\n", "state state=2 value=0x40000000\n", "state",
	  "value", "lines are 1 wide", NULL },
	{ DRAW, "state state=9 value=3\n", "state state=9 value=4\n", "state", "value", "at most 3",
	  NULL },
	{ DRAW, "state state=10 value=1\n", "state state=10 value=2\n", "state", "value",
	  "at most 1", NULL },
	{ DRAW, "state state=11 value=10\n", "state state=11 value=11\n", "state", "value",
	  "at most 10", NULL },
	{ DRAW, "state state=15 value=7\n", "state state=15 value=8\n", "state", "value",
	  "at most 7", NULL },
	{ DRAW, "state state=21 value=1\n", "state state=21 value=2\n", "state", "value",
	  "at most 1", NULL },
	{ DRAW, "state state=16\n", "state state=16 value=1\n", "state", "value",
	  "no depth bounds test", NULL },
	{ DRAW, "state state=21\n", "state state=22\n", "state", "state", "no dynamic state 22",
	  NULL },
	{ DRAW, "state state=13\n", "state state=12\n", "state", "state", "no dynamic state 12",
	  NULL },
	{ DRAW, "state state=13\n", "state state=0xffffffff\n", "state", "state",
	  "no dynamic state 4294967295", NULL },
	{ DRAW, "depth_bounds min=1 max=0\n", "depth_bounds min=1 max=1.5\n", "depth_bounds", "max",
	  "from 0 to 1", NULL },
	{ DRAW, "stencil faces=1 fail_op=7\n", "stencil faces=1 fail_op=8\n", "stencil", "fail_op",
	  "from 0 to 7", NULL },
	{ DRAW, "stencil faces=3 compare_op=7\n", "stencil faces=0\n", "stencil", "faces",
	  "from 1 to 3", NULL },
};

START_TEST(A6_dynamic_state_is_in_its_range)
{
	penstock_rules_hold(&fixture, SCOPE, &states[_i]);
}
END_TEST

/* Each operand that is a single, as what is none. */
START_TEST(A6_no_single_is_not_a_number)
{
	static const uint32_t wrongs[] = { 0x7fc00000, 0x7f800000, 0xff800000, 0xffffffff };
	uint32_t length = penstock_fixture_scope(command), singles = 0;

	penstock_fixture_init(&fixture);
	fixture.args.caps.pipelines = true;
	for (uint32_t at = 0; at < length;
	     at += penstock_header_length(penstock_load32(command + at))) {
		const struct penstock_layout *layout =
			&penstock_instruction_by_opcode(penstock_load16(command + at))->layout;

		for (uint32_t i = 0; i < layout->operand_count; i++) {
			uint8_t *operand = command + at + layout->operands[i].offset;
			uint32_t good = penstock_load32(operand);

			if (layout->operands[i].type != PENSTOCK_OPERAND_F32) {
				continue;
			}
			for (uint32_t j = 0; j < PENSTOCK_ARRAY_SIZE(wrongs); j++) {
				penstock_store32(operand, wrongs[j]);
				ck_assert_int_eq(penstock_fixture_render(&fixture, command, length),
						 PENSTOCK_STATUS_INVALID_PARAMETER);
				ck_assert_str_eq(fixture.refusal.operand, layout->operands[i].name);
				ck_assert_uint_eq(fixture.refusal.byte_offset, at);
			}
			penstock_store32(operand, good);
			singles++;
		}
	}
	ck_assert_uint_eq(penstock_fixture_render(&fixture, command, length),
			  PENSTOCK_STATUS_SUCCESS);
	ck_assert_uint_eq(singles, 4 + 4 + 1 + 6 + 4 + 3 + 2);
}
END_TEST

/* What each dynamic state of a pipeline is given by. */
static const struct {
	uint32_t dynamic;
	const char *given;
	const char *says;
} givens[] = {
	{ PENSTOCK_DYNAMIC_VIEWPORT, "viewport width=1 height=1\n", "viewport" },
	{ PENSTOCK_DYNAMIC_SCISSOR, "scissor rect=(0,0,1,1)\n", "scissor" },
	{ PENSTOCK_DYNAMIC_LINE_WIDTH, "state state=2 value=0x3f800000\n", "line width" },
	{ PENSTOCK_DYNAMIC_DEPTH_BIAS, "depth_bias\n", "depth_bias" },
	{ PENSTOCK_DYNAMIC_BLEND_CONSTANTS, "blend_constants\n", "blend_constants" },
	{ PENSTOCK_DYNAMIC_DEPTH_BOUNDS, "depth_bounds\n", "depth_bounds" },
	{ PENSTOCK_DYNAMIC_STENCIL_COMPARE_MASK, "stencil faces=1\nstencil faces=2\n", "stencil" },
	{ PENSTOCK_DYNAMIC_STENCIL_WRITE_MASK, "stencil faces=3\n", "stencil" },
	{ PENSTOCK_DYNAMIC_STENCIL_REFERENCE, "stencil faces=3\n", "stencil" },
	{ PENSTOCK_DYNAMIC_CULL_MODE, "state state=9\n", "cull mode" },
	{ PENSTOCK_DYNAMIC_FRONT_FACE, "state state=10\n", "front face" },
	{ PENSTOCK_DYNAMIC_TOPOLOGY, "state state=11 value=9\n", "topology" },
	{ PENSTOCK_DYNAMIC_DEPTH_TEST, "state state=13\n", "depth test" },
	{ PENSTOCK_DYNAMIC_DEPTH_WRITE, "state state=14\n", "depth write" },
	{ PENSTOCK_DYNAMIC_DEPTH_COMPARE, "state state=15\n", "depth compare" },
	{ PENSTOCK_DYNAMIC_DEPTH_BOUNDS_TEST, "state state=16\n", "depth bounds test" },
	{ PENSTOCK_DYNAMIC_STENCIL_TEST, "state state=17\n", "stencil test" },
	{ PENSTOCK_DYNAMIC_STENCIL_OP, "stencil faces=3\n", "stencil" },
	{ PENSTOCK_DYNAMIC_RASTERIZER_DISCARD, "state state=19\n", "rasterizer discard" },
	{ PENSTOCK_DYNAMIC_DEPTH_BIAS_ENABLE, "state state=20\n", "depth bias enable" },
	{ PENSTOCK_DYNAMIC_PRIMITIVE_RESTART, "state state=21\n", "primitive restart" },
};

START_TEST(A6_dynamic_state_of_a_pipeline_is_given_in_the_scope)
{
	const struct penstock_rule rule = {
		PIPELINE DRAW, givens[_i].given, "", "draw", "", givens[_i].says, NULL,
	};
	char text[2048], with[1024];

	state.dynamic = givens[_i].dynamic | PENSTOCK_DYNAMIC_VERTEX_STRIDE;
	snprintf(with, sizeof(with), "%s%s", givens[_i].given, PIPELINE DRAW DRAW);
	snprintf(text, sizeof(text), "%s%s%s", SCOPE_BEGIN, with, SCOPE_END);
	penstock_rules_accept(&fixture, text);
	penstock_rules_refuse(&fixture, SCOPE, &rule);
	/* It does not outlast the scope. */
	snprintf(text, sizeof(text), "%s%s%s%s", SCOPE_BEGIN, with, SCOPE_END, SCOPE);
	penstock_rules_refuse(&fixture, text, &rule);
}
END_TEST

START_TEST(A6_every_viewport_and_both_faces_are_given)
{
	static const struct penstock_rule viewport = {
		PIPELINE,
		"viewport width=1 height=1\nviewport index=1 width=1 height=1\n" PIPELINE,
		"viewport width=1 height=1\n" PIPELINE,
		"draw",
		"",
		"viewport",
		NULL
	};
	static const struct penstock_rule stencil = { PIPELINE,
						      "stencil faces=3\n" PIPELINE,
						      "stencil faces=2\n" PIPELINE,
						      "draw",
						      "",
						      "stencil of both faces",
						      NULL };

	state.viewport_count = 2;
	state.dynamic = PENSTOCK_DYNAMIC_VIEWPORT;
	penstock_rules_hold(&fixture, SCOPE, &viewport);
	state.dynamic = PENSTOCK_DYNAMIC_STENCIL_OP;
	penstock_rules_hold(&fixture, SCOPE, &stencil);
}
END_TEST

START_TEST(A6_a_dynamic_topology_is_of_the_class_of_the_pipeline)
{
	static const uint8_t classes[] = { 0, 1, 1, 2, 2, 2, 1, 1, 2, 2, 3 };

	state.dynamic = PENSTOCK_DYNAMIC_TOPOLOGY;
	for (uint32_t class = 0; class < 4; class ++) {
		pipeline.topology_class = class;
		for (uint32_t topology = 0; topology < 11; topology++) {
			static const struct penstock_rule rule = {
				"", "", "", "draw", "", "of another class", NULL,
			};
			char text[1024];

			snprintf(text, sizeof(text), "%sstate state=11 value=%u\n%s", SCOPE_BEGIN,
				 topology, PIPELINE DRAW SCOPE_END);
			if (classes[topology] == class) {
				penstock_rules_accept(&fixture, text);
			} else {
				penstock_rules_refuse(&fixture, text, &rule);
			}
		}
	}
}
END_TEST

/* ------------------------------------------------------------------ queries */

#define OCCLUSION  "begin_query allocation=1 offset=0x1ff8\n"
#define STATISTICS "begin_query allocation=1 type=1 statistics=0x7ff offset=0x1fa8\n"

static const struct penstock_rule queries[] = {
	{ DRAW, OCCLUSION "end_query\n" OCCLUSION "end_query\n", OCCLUSION, "begin_query", "",
	  "does not end in its scope", NULL },
	{ DRAW, OCCLUSION STATISTICS "end_query\nend_query\n",
	  OCCLUSION OCCLUSION "end_query\nend_query\n", "begin_query", "type", "has not ended yet",
	  NULL },
	{ DRAW, OCCLUSION STATISTICS "end_query\n" STATISTICS "end_query\nend_query\n",
	  OCCLUSION STATISTICS "end_query\n" OCCLUSION, "begin_query", "type", "has not ended yet",
	  NULL },
	{ DRAW, OCCLUSION "end_query\n", "end_query\n", "end_query", "", "no query has begun",
	  NULL },
	{ DRAW, OCCLUSION "end_query\n", "begin_query allocation=1 offset=4\nend_query\n",
	  "begin_query", "offset", "no multiple of 8", NULL },
	{ DRAW, OCCLUSION "end_query\n", "begin_query allocation=1 offset=0x2000\nend_query\n",
	  "begin_query", "size", "inside allocation", NULL },
	{ DRAW, STATISTICS "end_query\n",
	  "begin_query allocation=1 type=1 statistics=0x7ff offset=0x1fb0\nend_query\n",
	  "begin_query", "size", "0x58 bytes", NULL },
	{ DRAW, STATISTICS "end_query\n",
	  "begin_query allocation=1 type=1 statistics=0x800\nend_query\n", "begin_query",
	  "statistics", "from 0 to 2047", NULL },
	{ DRAW, STATISTICS "end_query\n", "begin_query allocation=1 type=1\nend_query\n",
	  "begin_query", "statistics", "at least one", NULL },
	{ DRAW, STATISTICS "end_query\n", "begin_query allocation=1 statistics=1\nend_query\n",
	  "begin_query", "statistics", "those of a query of statistics", NULL },
	{ DRAW, STATISTICS "end_query\n", "begin_query allocation=1 type=2\nend_query\n",
	  "begin_query", "type", "from 0 to 1", NULL },
	{ DRAW, OCCLUSION "end_query\n", "begin_query allocation=2\nend_query\n", "begin_query",
	  "allocation", "without WriteOperation", NULL },
};

START_TEST(A6_queries_begin_and_end_in_a_scope)
{
	penstock_rules_hold(&fixture, SCOPE, &queries[_i]);
}
END_TEST

START_TEST(A6_an_occlusion_query_is_precise)
{
	penstock_rules_accept(&fixture, SCOPE_BEGIN OCCLUSION "end_query\n" STATISTICS
							      "end_query\nend_rendering\n");
	for (uint32_t at = 0; at < fixture.args.dma_length;
	     at += penstock_header_length(penstock_load32(fixture.dma + at))) {
		if (penstock_load16(fixture.dma + at) == PENSTOCK_DMA_OPCODE_BEGIN_QUERY) {
			ck_assert_uint_eq(
				penstock_load32(fixture.dma + at + PENSTOCK_DMA_BEGIN_QUERY_flags),
				penstock_load32(fixture.dma + at + PENSTOCK_DMA_BEGIN_QUERY_type) ==
					0);
		}
	}
}
END_TEST

/* ------------------------------------------------------------------ clears */

static const struct penstock_rule clears[] = {
	{ DRAW, "clear_target aspects=1 rect=(63,63,64,64) layers=1\n",
	  "clear_target aspects=1 rect=(63,63,65,64) layers=1\n", "clear_target", "rect",
	  "inside of the area", NULL },
	{ DRAW, "clear_target aspects=1 rect=(0,0,64,64) layers=1\n",
	  "clear_target aspects=1 rect=(3,3,3,64) layers=1\n", "clear_target", "rect",
	  "something at least", NULL },
	{ DRAW, "clear_target aspects=1 rect=(0,0,1,1) layers=1\n",
	  "clear_target aspects=1 rect=(0,0,1,1)\n", "clear_target", "layers", "at least one",
	  NULL },
	{ DRAW, "clear_target aspects=1 rect=(0,0,1,1) layers=1\n",
	  "clear_target aspects=1 rect=(0,0,1,1) first_layer=1 layers=1\n", "clear_target",
	  "layers", "there are 1", NULL },
	{ DRAW, "clear_target aspects=1 rect=(0,0,1,1) layers=1\n",
	  "clear_target aspects=1 index=1 rect=(0,0,1,1) layers=1\n", "clear_target", "index",
	  "no target 1", NULL },
	{ DRAW, "clear_target aspects=1 rect=(0,0,1,1) layers=1\n",
	  "clear_target aspects=2 rect=(0,0,1,1) layers=1\n", "clear_target", "index",
	  "aspects 0x2", NULL },
	{ DRAW, "clear_target aspects=1 rect=(0,0,1,1) layers=1\n",
	  "clear_target aspects=3 rect=(0,0,1,1) layers=1\n", "clear_target", "aspects",
	  "colour, or depth", NULL },
	{ DRAW, "clear_target aspects=1 rect=(0,0,1,1) layers=1\n",
	  "clear_target rect=(0,0,1,1) layers=1\n", "clear_target", "aspects", "from 1 to 6",
	  NULL },
	{ SCOPE,
	  DEPTH_SCOPE(0) "begin_rendering area=(0,0,8,8) layers=1\nend_rendering\n" DEPTH_SCOPE(6),
	  "begin_rendering area=(0,0,64,64) layers=1\n"
	  "clear_target aspects=2 rect=(0,0,1,1) layers=1 clear_0=0x40000000\nend_rendering\n",
	  "clear_target", "clear_0", "from 0 to 1", NULL },
};

static void depth_and_stencil(void)
{
	depth_only();
	state.stencil_format = state.depth_format;
}

START_TEST(A6_clears_of_targets_stay_in_the_area)
{
	if (strstr(clears[_i].good, "format=130") != NULL) {
		depth_and_stencil();
	}
	penstock_rules_hold(&fixture, SCOPE, &clears[_i]);
}
END_TEST

/* ------------------------------------------------------------------ as it goes out */

START_TEST(A6_a_scope_is_one_split_point)
{
	uint32_t length = penstock_fixture_valid(PENSTOCK_INSTRUCTION_COPY, command);

	length += penstock_fixture_scope(command + length);
	penstock_fixture_init(&fixture);
	fixture.args.caps.pipelines = true;
	ck_assert_int_eq(penstock_fixture_render(&fixture, command, length),
			 PENSTOCK_STATUS_SUCCESS);
	ck_assert_uint_gt(fixture.args.patch_count, 10);
	for (uint32_t i = 2; i < fixture.args.patch_count; i++) {
		ck_assert_uint_eq(fixture.patches[i].split_offset, PENSTOCK_DMA_BYTES_COPY);
	}
	ck_assert_uint_eq(fixture.patches[2].allocation_index, PENSTOCK_PATCH_NULL_INDEX);
	ck_assert_uint_ge(fixture.args.work_bytes, PENSTOCK_WORK_UNKNOWN);
}
END_TEST

/* Nothing in it is in the patch list, not even what went out of use. */
START_TEST(A6_a_scope_without_references_has_no_entries)
{
	penstock_rules_accept(&fixture, "copy source=2 destination=1 size=4\n"
					"begin_rendering area=(0,0,1,1) layers=1\nend_rendering\n"
					"fill destination=1 size=4\n");
	ck_assert_uint_eq(fixture.args.patch_count, 4);
	ck_assert_uint_eq(fixture.patches[2].split_offset, 32 + 28 + 4);
}
END_TEST

START_TEST(A9_a_scope_is_of_one_pass)
{
	uint32_t first = penstock_fixture_valid(PENSTOCK_INSTRUCTION_COPY, command), whole;
	uint32_t length = first + penstock_fixture_scope(command + first);

	penstock_fixture_init(&fixture);
	fixture.args.caps.pipelines = true;
	ck_assert_int_eq(penstock_fixture_render(&fixture, command, length),
			 PENSTOCK_STATUS_SUCCESS);
	whole = fixture.args.dma_length - PENSTOCK_DMA_BYTES_COPY;
	fixture.args.dma_capacity = whole;
	ck_assert_int_eq(penstock_fixture_render(&fixture, command, length),
			 PENSTOCK_STATUS_GRAPHICS_INSUFFICIENT_DMA_BUFFER);
	ck_assert_uint_eq(fixture.args.multipass_offset, (uint64_t)first << 32);
	ck_assert_int_eq(penstock_fixture_render(&fixture, command, length),
			 PENSTOCK_STATUS_SUCCESS);
	ck_assert_uint_eq(fixture.args.dma_length, whole);
	fixture.args.multipass_offset = 0;
	fixture.args.dma_capacity = whole - 4;
	ck_assert_int_eq(penstock_fixture_render(&fixture, command, length),
			 PENSTOCK_STATUS_INVALID_USER_BUFFER);
	ck_assert_uint_eq(fixture.refusal.byte_offset, first);
}
END_TEST

/* It is longer than what breadcrumbs are laid by. */
START_TEST(A13_a_long_scope_is_told_from_its_start)
{
	uint32_t length = penstock_fixture_valid(PENSTOCK_INSTRUCTION_COPY, command), at = 0;
	uint32_t in_dma = 0, next = 0;

	length += penstock_rules_assemble(SCOPE_BEGIN PIPELINE, command + length, 4096);
	while (length < 200u << 10) {
		length += penstock_fixture_valid(PENSTOCK_INSTRUCTION_DRAW, command + length);
	}
	length += penstock_rules_assemble(SCOPE_END, command + length, 4);
	ck_assert_msg(penstock_fixture_render(&fixture, command, length) == PENSTOCK_STATUS_SUCCESS,
		      "%s", fixture.refusal.sentence);
	while (in_dma < fixture.args.dma_length) {
		struct penstock_crumb crumb;

		if (in_dma >= next) {
			ck_assert(penstock_crumbs_find(&fixture.args, in_dma, &crumb));
			ck_assert_uint_eq(crumb.command_offset, at);
			next += 1024;
		}
		at += penstock_header_length(penstock_load32(command + at));
		in_dma += penstock_header_length(penstock_load32(fixture.dma + in_dma));
	}
	ck_assert_uint_eq(at, length);
}
END_TEST

/* What has no reference is copied: both encodings say the same at the same places. */
START_TEST(A6_members_without_references_are_the_same_in_both_tables)
{
	uint32_t same = 0;

	for (uint16_t opcode = 0x14; opcode < 0x40; opcode++) {
		const struct penstock_instruction *from = penstock_instruction_by_opcode(opcode);
		const struct penstock_dma_instruction *to = penstock_dma_by_opcode(opcode);

		if (from == NULL || from->patches != 0) {
			continue;
		}
		ck_assert_uint_eq(from->layout.bytes, to->layout.bytes);
		ck_assert_uint_eq(from->dma_bytes, to->layout.bytes);
		ck_assert_uint_eq(from->layout.operand_count, to->layout.operand_count);
		for (uint32_t i = 0; i < from->layout.operand_count; i++) {
			ck_assert_str_eq(from->layout.operands[i].name,
					 to->layout.operands[i].name);
			ck_assert_uint_eq(from->layout.operands[i].offset,
					  to->layout.operands[i].offset);
			ck_assert_uint_eq(from->layout.operands[i].width,
					  to->layout.operands[i].width);
		}
		same++;
	}
	ck_assert_uint_eq(same, 25);
}
END_TEST

static void add_rules(Suite *suite)
{
	TCase *tcase = tcase_create("rules");

	tcase_add_checked_fixture(tcase, setup, NULL);
	tcase_add_loop_test(tcase, A6_a_scope_has_its_instructions_where_they_belong, 0,
			    (int)PENSTOCK_ARRAY_SIZE(places));
	tcase_add_test(tcase, A6_an_ordinary_group_holds_only_what_its_end_can_use);
	tcase_add_loop_test(tcase, A6_the_area_of_a_scope_is_in_all_that_it_draws_to, 0,
			    (int)PENSTOCK_ARRAY_SIZE(areas));
	tcase_add_loop_test(tcase, A6_a_draw_is_held_against_its_pipeline, 0,
			    (int)PENSTOCK_ARRAY_SIZE(draws));
	tcase_add_loop_test(tcase, A6_indirect_draws_read_inside_their_buffers, 0,
			    (int)PENSTOCK_ARRAY_SIZE(indirects));
	tcase_add_test(tcase, A6_an_indirect_dispatch_reads_three_words);
	tcase_add_loop_test(tcase, A6_dynamic_state_is_in_its_range, 0,
			    (int)PENSTOCK_ARRAY_SIZE(states));
	tcase_add_test(tcase, A6_no_single_is_not_a_number);
	tcase_add_loop_test(tcase, A6_dynamic_state_of_a_pipeline_is_given_in_the_scope, 0,
			    (int)PENSTOCK_ARRAY_SIZE(givens));
	tcase_add_test(tcase, A6_every_viewport_and_both_faces_are_given);
	tcase_add_test(tcase, A6_a_dynamic_topology_is_of_the_class_of_the_pipeline);
	tcase_add_loop_test(tcase, A6_queries_begin_and_end_in_a_scope, 0,
			    (int)PENSTOCK_ARRAY_SIZE(queries));
	tcase_add_test(tcase, A6_an_occlusion_query_is_precise);
	tcase_add_loop_test(tcase, A6_clears_of_targets_stay_in_the_area, 0,
			    (int)PENSTOCK_ARRAY_SIZE(clears));
	suite_add_tcase(suite, tcase);
}

int main(void)
{
	Suite *suite = suite_create("render_scopes");
	TCase *tcase = tcase_create("scopes");

	add_rules(suite);
	tcase_add_checked_fixture(tcase, setup, NULL);
	tcase_add_test(tcase, A6_a_scope_is_one_split_point);
	tcase_add_test(tcase, A6_a_scope_without_references_has_no_entries);
	tcase_add_test(tcase, A9_a_scope_is_of_one_pass);
	tcase_add_test(tcase, A13_a_long_scope_is_told_from_its_start);
	tcase_add_test(tcase, A6_members_without_references_are_the_same_in_both_tables);
	suite_add_tcase(suite, tcase);
	return penstock_test_main(suite);
}
