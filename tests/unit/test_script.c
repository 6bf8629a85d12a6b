/* SPDX-License-Identifier: MIT */
/*
 * The script language: what a script becomes, and what is said of a faulty one.
 */
#include "client/penstock/script.h"
#include "proto/isa/instruction.h"
#include "tests/harness.h"

#include <string.h>

static struct penstock_errbuf fault;

static struct penstock_script *parse(const char *text)
{
	struct penstock_script *script = NULL;

	fault.text[0] = '\0';
	if (penstock_script_parse("s.pasm", text, strlen(text), &script, &fault) !=
	    PENSTOCK_STATUS_SUCCESS) {
		return NULL;
	}
	return script;
}

static struct penstock_script *parse_good(const char *text)
{
	struct penstock_script *script = parse(text);

	ck_assert_msg(script != NULL, "%s", fault.text);
	return script;
}

START_TEST(objects_are_made_with_their_numbers)
{
	struct penstock_script *script =
		parse_good("device gpu adapter=1 flags=2\n"
			   "context draw gdi node=1 affinity=1 dma_buffer=65536 priority=-7 "
			   "allocation_list=256 patch_list=0x10\n"
			   "allocation picture width=64 height=32 format=A8B8G8R8 type=STAGING "
			   "pitch=512 segments=3 preferred=1 flags=1 priority=5\n"
			   "handle ghost value=0x100000007\n");
	const struct penstock_step *steps = script->steps;

	ck_assert_uint_eq(script->step_count, 4);
	ck_assert_uint_eq(steps[0].adapter, 1);
	ck_assert_uint_eq(steps[0].flags, 2);
	ck_assert_uint_eq(steps[1].device, steps[0].subject);
	ck_assert_uint_eq(steps[1].flags, 2);
	ck_assert_uint_eq(steps[1].node, 1);
	ck_assert_uint_eq(steps[1].affinity, 1);
	ck_assert_uint_eq(steps[1].dma_buffer, 65536);
	ck_assert_uint_eq(steps[1].allocation_list, 256);
	ck_assert_uint_eq(steps[1].patch_list, 16);
	ck_assert_int_eq(steps[1].priority, -7);
	ck_assert_uint_eq(steps[2].width, 64);
	ck_assert_uint_eq(steps[2].height, 32);
	ck_assert_uint_eq(steps[2].format, PENSTOCK_FORMAT_A8B8G8R8);
	ck_assert_uint_eq(steps[2].type, PENSTOCK_SURFACE_STAGING);
	ck_assert_uint_eq(steps[2].pitch, 512);
	ck_assert_uint_eq(steps[2].segments, 3);
	ck_assert_uint_eq(steps[2].preferred, 1);
	ck_assert_uint_eq(steps[2].allocation_priority, 5);
	ck_assert_uint_eq(steps[3].value, 0x100000007ull);
	ck_assert_str_eq(script->objects[steps[2].subject].name, "picture");
	penstock_script_free(script);
}
END_TEST

START_TEST(content_comes_from_hex_a_file_or_a_png)
{
	struct penstock_script *script =
		parse_good("device gpu\n"
			   "allocation a size=8 hex=[00 ff\n 1234 # two\n]\n"
			   "allocation b file=\"raw file.bin\"\n"
			   "allocation c png=\"x.png\"\n"
			   "upload a offset=0x4 hex=aaBB discard donot_wait flags=0x10\n");

	ck_assert_uint_eq(script->steps[1].hex.length, 4);
	ck_assert_mem_eq(script->steps[1].hex.bytes, "\x00\xff\x12\x34", 4);
	ck_assert_str_eq(script->steps[2].file, "raw file.bin");
	ck_assert_str_eq(script->steps[3].png, "x.png");
	ck_assert_uint_eq(script->steps[4].offset, 4);
	ck_assert_uint_eq(script->steps[4].flags,
			  PENSTOCK_LOCK_DISCARD | PENSTOCK_LOCK_DONOT_WAIT | 0x10u);
	ck_assert_mem_eq(script->steps[4].hex.bytes, "\xaa\xbb", 2);
	penstock_script_free(script);
}
END_TEST

START_TEST(B13_an_offer_has_a_priority_and_a_reclaim_an_expectation)
{
	static const uint64_t priorities[] = { PENSTOCK_OFFER_NORMAL, PENSTOCK_OFFER_LOW,
					       PENSTOCK_OFFER_AUTO, 9 };
	static const uint32_t given[] = { 0, PENSTOCK_GIVEN_KEPT, PENSTOCK_GIVEN_LOST };
	struct penstock_script *script = parse_good("device gpu\n"
						    "allocation a size=8\n"
						    "offer a\n"
						    "offer a priority=low\n"
						    "offer a priority=auto\n"
						    "offer a priority=9\n"
						    "reclaim a\n"
						    "reclaim a kept\n"
						    "reclaim a lost\n"
						    "expect SUCCESS\n");

	for (unsigned i = 0; i < PENSTOCK_ARRAY_SIZE(priorities); i++) {
		ck_assert_int_eq(script->steps[2 + i].kind, PENSTOCK_STEP_OFFER);
		ck_assert_uint_eq(script->steps[2 + i].offered, priorities[i]);
	}
	for (unsigned i = 0; i < PENSTOCK_ARRAY_SIZE(given); i++) {
		ck_assert_int_eq(script->steps[6 + i].kind, PENSTOCK_STEP_RECLAIM);
		ck_assert_uint_eq(script->steps[6 + i].given, given[i]);
	}
	ck_assert_uint_eq(script->steps[9].request, 8);
	penstock_script_free(script);
}
END_TEST

static const char submission_text[] =
	"device gpu\n"
	"context draw\n"
	"allocation a size=64\n"
	"allocation b size=64\n"
	"submit draw km null_rendering if_predecessor_ran flags=0x40000000 "
	"resize_patch_list=9 command_offset=4 command_length=8 {\n"
	"\tlist null a\n"
	"\tlist b:w\n"
	"\tbroadcast draw draw\n"
	"\tpatch allocation=@b slot=1 driver=2 offset=3 at=16 split=4\n"
	"\n"
	"\tnop # first\n"
	"\tcopy source=@a destination=@b\n"
	"\t\tsize=8\n"
	"}\n"
	"expect ILLEGAL_INSTRUCTION at 0x4\n";

START_TEST(a_submission_has_lists_and_instructions)
{
	char text[sizeof(submission_text)];
	const struct penstock_script_submission *submission;
	const struct penstock_step *step;
	struct penstock_script *script;

	memcpy(text, submission_text, sizeof(text));
	memcpy(strstr(text, "\n\t\tsize=8"), "   ", 3);
	script = parse_good(text);
	step = &script->steps[4];
	submission = step->submission;
	ck_assert_uint_eq(step->flags, PENSTOCK_SUBMIT_RENDER_KM | PENSTOCK_SUBMIT_NULL_RENDERING |
					       PENSTOCK_SUBMIT_IF_PREDECESSOR_RAN |
					       PENSTOCK_SUBMIT_RESIZE_PATCH_LOCATION_LIST |
					       0x40000000u);
	ck_assert_uint_eq(step->new_patch_list, 9);
	ck_assert_uint_eq(step->command_offset, 4);
	ck_assert_uint_eq(step->command_length, 8);
	ck_assert_uint_eq(submission->element_count, 3);
	ck_assert_uint_eq(submission->elements[0].object, PENSTOCK_SCRIPT_NONE);
	ck_assert_uint_eq(submission->elements[1].flags, 0);
	ck_assert_uint_eq(submission->elements[2].flags, PENSTOCK_ALLOCATION_WRITE_OPERATION);
	ck_assert_uint_eq(submission->patch_count, 1);
	ck_assert_uint_eq(submission->patches[0].allocation_index, 2);
	ck_assert_uint_eq(submission->patches[0].slot_id, 1);
	ck_assert_uint_eq(submission->patches[0].driver_id, 2);
	ck_assert_uint_eq(submission->patches[0].allocation_offset, 3);
	ck_assert_uint_eq(submission->patches[0].patch_offset, 16);
	ck_assert_uint_eq(submission->patches[0].split_offset, 4);
	ck_assert_uint_eq(submission->broadcast_count, 2);
	ck_assert_uint_eq(submission->broadcast[1], step->subject);
	ck_assert_uint_eq(submission->command_bytes, 36);
	ck_assert_uint_eq(penstock_load16(submission->command + 4 + PENSTOCK_OPERAND_COPY_source),
			  1);
	ck_assert_uint_eq(
		penstock_load16(submission->command + 4 + PENSTOCK_OPERAND_COPY_destination), 2);
	ck_assert_uint_eq(penstock_script_line_of(submission, 0), 11);
	ck_assert_uint_eq(penstock_script_line_of(submission, 4), 12);
	ck_assert_uint_eq(penstock_script_line_of(submission, 35), 12);
	ck_assert_uint_eq(penstock_script_line_of(submission, 36), 0);
	penstock_script_free(script);
}
END_TEST

START_TEST(an_expectation_is_of_the_request_before_it)
{
	struct penstock_script *script = parse_good("device gpu\n"
						    "expect ACCESS_DENIED\n"
						    "context draw\n"
						    "print \"hello\"\n"
						    "expect INVALID_HANDLE\n"
						    "submit draw {\n}\n"
						    "expect SUCCESS at 7\n");

	ck_assert_uint_eq(script->steps[0].expected_by, 1);
	ck_assert_int_eq(script->steps[1].status, PENSTOCK_STATUS_ACCESS_DENIED);
	ck_assert_uint_eq(script->steps[1].given & PENSTOCK_GIVEN_AT, 0);
	ck_assert_uint_eq(script->steps[2].expected_by, 4);
	ck_assert_uint_eq(script->steps[4].request, 2);
	ck_assert_uint_eq(script->steps[5].expected_by, 6);
	ck_assert_uint_eq(script->steps[6].given & PENSTOCK_GIVEN_AT, PENSTOCK_GIVEN_AT);
	ck_assert_uint_eq(script->steps[6].at, 7);
	penstock_script_free(script);
}
END_TEST

START_TEST(everything_else_that_a_script_can_say)
{
	struct penstock_script *script =
		parse_good("device gpu\ndevice other\n"
			   "allocation a device=gpu size=64\n"
			   "share a token=t\n"
			   "open b token=t read_only\n"
			   "open c token=0123456789abcdefFEDCBA9876543210 device=gpu\n"
			   "expect bytes a offset=4 hex=00\n"
			   "expect pixels a x=1 y=2 color=0xff00ff00 tolerance=2\n"
			   "expect pixels a rect=(0,0,4,4) color=0\n"
			   "expect pixels a png=\"golden.png\"\n"
			   "expect hash a offset=1 size=2 is=00112233445566778899aabbccddeeff\n"
			   "read a offset=3 size=4 file=\"out.bin\"\n"
			   "read a png=\"out.png\"\n"
			   "print hex a offset=1 size=2\nprint hash a\nprint token t\nsync\n"
			   "destroy a\ndestroy gpu");
	const struct penstock_step *steps = script->steps;

	ck_assert_uint_eq(script->step_count, 19);
	ck_assert_uint_eq(steps[4].device, steps[1].subject);
	ck_assert_uint_eq(steps[4].flags, 1);
	ck_assert_uint_eq(steps[4].token, steps[3].token);
	ck_assert_uint_eq(steps[5].device, steps[0].subject);
	ck_assert_uint_eq(steps[5].token, PENSTOCK_SCRIPT_NONE);
	ck_assert_uint_eq(steps[5].token_high, 0x0123456789abcdefull);
	ck_assert_uint_eq(steps[5].token_low, 0xfedcba9876543210ull);
	ck_assert_int_eq(steps[7].kind, PENSTOCK_STEP_EXPECT_PIXELS);
	ck_assert_uint_eq(steps[7].tolerance, 2);
	ck_assert_int_eq(steps[8].rect.right, 4);
	ck_assert_uint_eq(steps[10].hex.bytes[15], 0xff);
	ck_assert_uint_eq(steps[11].size, 4);
	ck_assert_int_eq(steps[16].kind, PENSTOCK_STEP_SYNC);
	ck_assert_uint_eq(steps[17].subject, steps[2].subject);
	penstock_script_free(script);
}
END_TEST

START_TEST(objects_are_signalled_and_waited_for_by_contexts_and_by_the_script)
{
	struct penstock_script *script =
		parse_good("device gpu\ncontext work\n"
			   "sync_object s value=0x8000000000000000\n"
			   "share s token=t\nopen_sync_object o token=t device=gpu\n"
			   "signal s value=3 context=work\nwait o value=4\n"
			   "expect SUCCESS\nexpect value s is=4\ndestroy s\n");
	const struct penstock_step *steps = script->steps;

	ck_assert_uint_eq(steps[2].value, 0x8000000000000000ull);
	ck_assert_uint_eq(steps[2].device, steps[0].subject);
	ck_assert_uint_eq(steps[4].token, steps[3].token);
	ck_assert_int_eq(steps[5].kind, PENSTOCK_STEP_SIGNAL);
	ck_assert_uint_eq(steps[5].subject, steps[2].subject);
	ck_assert_uint_eq(penstock_step_context(&steps[5]), steps[1].subject);
	ck_assert_uint_eq(steps[6].subject, steps[4].subject);
	ck_assert_uint_eq(penstock_step_context(&steps[6]), PENSTOCK_SCRIPT_NONE);
	ck_assert_uint_eq(steps[7].request, 6);
	ck_assert_uint_eq(steps[8].value, 4);
	penstock_script_free(script);
}
END_TEST

START_TEST(a_pipeline_has_a_shader_an_entry_point_and_constants)
{
	struct penstock_script *script =
		parse_good("device gpu\ncontext work\n"
			   "pipeline sum compute=\"sum.comp\" entry=\"go\" constants=[0:u32=64\n"
			   " 7:i8=-1, 8:f32=1.5 9:f64=-2 10:bool=true 11:u64=0xffffffffffffffff\n"
			   " 12:i16=0x7fff 13:i64=-9223372036854775808]\n"
			   "submit work {\n list null sum\n bind_pipeline pipeline=@sum\n}\n"
			   "destroy sum\n");
	const struct penstock_step *step = &script->steps[2];
	static const struct penstock_specialization_constant wanted[] = {
		{ 0, 4, 64 },         { 7, 1, 0xff },
		{ 8, 4, 0x3fc00000 }, { 9, 8, 0xc000000000000000 },
		{ 10, 4, 1 },         { 11, 8, UINT64_MAX },
		{ 12, 2, 0x7fff },    { 13, 8, 0x8000000000000000 },
	};

	ck_assert_int_eq(step->kind, PENSTOCK_STEP_PIPELINE);
	ck_assert_uint_eq(step->device, script->steps[0].subject);
	ck_assert_str_eq(step->shaders[PENSTOCK_EXECUTION_MODEL_COMPUTE], "sum.comp");
	ck_assert_ptr_null(step->graphics);
	ck_assert_str_eq(step->entry, "go");
	ck_assert_uint_eq(step->constant_count, PENSTOCK_ARRAY_SIZE(wanted));
	for (size_t i = 0; i < step->constant_count; i++) {
		ck_assert_uint_eq(step->constants[i].id, wanted[i].id);
		ck_assert_uint_eq(step->constants[i].size_bytes, wanted[i].size_bytes);
		ck_assert_uint_eq(step->constants[i].value, wanted[i].value);
	}
	ck_assert_uint_eq(script->steps[3].submission->elements[1].object, step->subject);
	ck_assert_uint_eq(script->steps[4].subject, step->subject);
	penstock_script_free(script);
}
END_TEST

START_TEST(a_pipeline_of_graphics_has_stages_and_a_state)
{
	struct penstock_script *script = parse_good(
		"device gpu\n"
		"pipeline p vertex=\"a.vert\" fragment=\"b.frag\" control=\"c\" evaluation=\"d\" "
		"geometry=\"e\" {\n"
		"\n topology=line_strip cull_mode=back depth_compare_op=less depth_test=1 # a "
		"comment\n"
		" binding binding=2 stride=20 rate=instance\n"
		" attribute location=1 binding=2 format=R32G32_SFLOAT offset=12\n"
		" attribute location=3 format=37\n"
		" viewport width=64 height=-32.5\n"
		" scissor x=1 width=63 height=32\n"
		" scissor width=8 height=8\n"
		" target format=R8G8B8A8_UNORM\n"
		" target format=R16_SFLOAT blend=1 source_color=src_alpha "
		"destination_color=one_minus_src_alpha color_op=max write_mask=7\n"
		" front fail_op=invert compare_op=always compare_mask=0xff\n"
		" back pass_op=2\n"
		" blend_constants green=0.5 alpha=1\n"
		" depth_format=D32_SFLOAT line_width=0x3f800000\n"
		" dynamic cull_mode stencil_reference\n"
		"}\n"
		"pipeline q compute=\"f.comp\"\n"
		"pipeline r vertex=\"a.vert\" {\n}\n");
	const struct penstock_step *step = &script->steps[1];
	const struct penstock_graphics_state *state = step->graphics;

	ck_assert_str_eq(step->shaders[PENSTOCK_EXECUTION_MODEL_VERTEX], "a.vert");
	ck_assert_str_eq(step->shaders[PENSTOCK_EXECUTION_MODEL_TESSELLATION_CONTROL], "c");
	ck_assert_str_eq(step->shaders[PENSTOCK_EXECUTION_MODEL_TESSELLATION_EVALUATION], "d");
	ck_assert_str_eq(step->shaders[PENSTOCK_EXECUTION_MODEL_GEOMETRY], "e");
	ck_assert_str_eq(step->shaders[PENSTOCK_EXECUTION_MODEL_FRAGMENT], "b.frag");
	ck_assert_ptr_null(step->shaders[PENSTOCK_EXECUTION_MODEL_COMPUTE]);
	ck_assert_uint_eq(state->topology, 2);
	ck_assert_uint_eq(state->cull_mode, 2);
	ck_assert_uint_eq(state->depth_compare_op, 1);
	ck_assert_uint_eq(state->vertex_binding_count, 1);
	ck_assert_uint_eq(state->vertex_bindings[0].stride, 20);
	ck_assert_uint_eq(state->vertex_bindings[0].input_rate, 1);
	ck_assert_uint_eq(state->vertex_attribute_count, 2);
	ck_assert_uint_eq(state->vertex_attributes[0].format, 103);
	ck_assert_uint_eq(state->vertex_attributes[0].offset, 12);
	ck_assert_uint_eq(state->vertex_attributes[1].format, 37);
	ck_assert_uint_eq(state->viewport_count, 2);
	ck_assert(state->viewports[0].height == -32.5f && state->viewports[0].max_depth == 1);
	ck_assert_int_eq(state->scissors[0].x, 1);
	ck_assert_uint_eq(state->scissors[1].width, 8);
	ck_assert_uint_eq(state->color_count, 2);
	ck_assert_uint_eq(state->color_formats[1], 76);
	ck_assert_uint_eq(state->blends[0].write_mask, 15);
	ck_assert_uint_eq(state->blends[1].source_color, 6);
	ck_assert_uint_eq(state->blends[1].destination_color, 7);
	ck_assert_uint_eq(state->blends[1].color_op, 4);
	ck_assert_uint_eq(state->blends[1].write_mask, 7);
	ck_assert_uint_eq(state->front.fail_op, 5);
	ck_assert_uint_eq(state->front.compare_op, 7);
	ck_assert_uint_eq(state->back.pass_op, 2);
	ck_assert(state->blend_constants[1] == 0.5f && state->blend_constants[3] == 1);
	ck_assert_uint_eq(state->depth_format, 126);
	ck_assert(state->line_width == 1);
	ck_assert_uint_eq(state->dynamic,
			  PENSTOCK_DYNAMIC_CULL_MODE | PENSTOCK_DYNAMIC_STENCIL_REFERENCE);
	ck_assert_ptr_null(script->steps[2].graphics);
	/* Nothing said is a state too, with a viewport that comes later. */
	state = script->steps[3].graphics;
	ck_assert_uint_eq(state->topology, 3);
	ck_assert_uint_eq(state->samples, 1);
	ck_assert_uint_eq(state->dynamic, PENSTOCK_DYNAMIC_VIEWPORT | PENSTOCK_DYNAMIC_SCISSOR);
	penstock_script_free(script);
}
END_TEST

START_TEST(faults_name_file_line_column_and_what_is_wrong)
{
	static const struct {
		const char *text;
		const char *fault;
	} cases[] = {
		{ "frob x", "s.pasm:1:1: there is no statement 'frob'" },
		{ "= x", "s.pasm:1:1: '=' where a statement should be" },
		{ "device", "s.pasm:1:7: the end where a name should be" },
		{ "device 1a", "s.pasm:1:8: '1a' where a name should be" },
		{ "device null", "s.pasm:1:8: 'null' where a name should be" },
		{ "device a\ndevice a", "s.pasm:2:8: the name 'a' is taken since line 1" },
		{ "context c", "s.pasm:1:9: no device was made before it" },
		{ "device d\ncontext c frob=1",
		  "s.pasm:2:11: 'frob' is nothing that 'context' takes" },
		{ "device d\ncontext c node=1 node=2",
		  "s.pasm:2:18: 'node' is given a second time" },
		{ "device d\ncontext c device=c", "s.pasm:2:18: 'c' is not a device" },
		{ "device d\ncontext c device=e",
		  "s.pasm:2:18: 'e' is not a device that was made before" },
		{ "device d\ncontext c priority=99999999999",
		  "s.pasm:2:20: '99999999999' is not within 32 bits" },
		{ "device d extra", "s.pasm:1:10: 'extra' is nothing that 'device' takes" },
		{ "device d\npipeline p", "s.pasm:2:1: 'pipeline' needs compute= or vertex=" },
		{ "device d\npipeline p vertex=\"x\" {\n frob=1",
		  "s.pasm:3:2: 'frob' is nothing that a graphics state has" },
		{ "device d\npipeline p vertex=\"x\" {\n samples=1 samples=4\n}",
		  "s.pasm:3:12: 'samples' is given a second time" },
		{ "device d\npipeline p vertex=\"x\" {\n topology=squares\n}",
		  "s.pasm:3:11: 'squares' where a word like point_list, or its number, should "
		  "be" },
		{ "device d\npipeline p vertex=\"x\" {\n target format=R8\n}",
		  "s.pasm:3:16: 'R8' where a format (R8G8B8A8_UNORM, ...) should be" },
		{ "device d\npipeline p vertex=\"x\" {\n target frob=1\n}",
		  "s.pasm:3:9: 'frob' is nothing that a target has" },
		{ "device d\npipeline p vertex=\"x\" {\n dynamic viewport frob\n}",
		  "s.pasm:3:19: 'frob' where a word like viewport, or its number, should be" },
		{ "device d\npipeline p vertex=\"x\" {\n samples 4\n}",
		  "s.pasm:3:10: '4' where '=' should be" },
		{ "device d\npipeline p vertex=\"x\" {\n viewport x=nan\n}",
		  "s.pasm:3:13: 'nan' where a number should be" },
		{ "device d\npipeline p vertex=\"x\" {\n target\n target\n target\n target\n"
		  " target\n target\n target\n target\n target\n}",
		  "s.pasm:11:2: more than 8 lines of it" },
		{ "device d\npipeline p vertex=\"x\" {\n",
		  "s.pasm:3:1: the end where '}' should be" },
		{ "device d\npipeline p compute=x",
		  "s.pasm:2:20: 'x' where a path in double quotes "
		  "should be" },
		{ "device d\npipeline p constants=1",
		  "s.pasm:2:22: '1' where '[' before the constants should be" },
		{ "device d\npipeline p constants=[1=2]",
		  "s.pasm:2:23: '1' where a constant like 0:u32=64 should be" },
		{ "device d\npipeline p constants=[1:u33=2]",
		  "s.pasm:2:25: 'u33' where a type (u32, i32, f32, bool, ...) should be" },
		{ "device d\npipeline p constants=[1:u32 2]",
		  "s.pasm:2:29: '2' where '=' should be" },
		{ "device d\npipeline p constants=[1:bool=1]",
		  "s.pasm:2:30: '1' where true or false should be" },
		{ "device d\npipeline p constants=[1:f32=half]",
		  "s.pasm:2:29: 'half' where a number like 1.5 should be" },
		{ "device d\npipeline p compute=\"x\"\nexpect bytes p hex=00",
		  "s.pasm:3:14: 'p' is not an allocation" },
		{ "device d\nallocation a",
		  "s.pasm:2:1: 'allocation' needs size=, or width= height= format=, or hex=, file= "
		  "or png=" },
		{ "device d\nallocation a size=1 hex=00 png=\"x\"",
		  "s.pasm:2:1: only one of hex=, file= and png= can be given" },
		{ "device d\nallocation a size=1 hex=0",
		  "s.pasm:2:25: '0' where pairs of hexadecimal digits should be" },
		{ "device d\nallocation a hex=[00 0g]",
		  "s.pasm:2:22: '0g' where pairs of hexadecimal digits should be" },
		{ "device d\nallocation a hex=[00",
		  "s.pasm:2:21: the end where pairs of hexadecimal digits should be" },
		{ "device d\nallocation a file=x",
		  "s.pasm:2:19: 'x' where a path in double quotes should be" },
		{ "device d\nallocation a png=\"x",
		  "s.pasm:2:18: a string without end where a path in double quotes should be" },
		{ "device d\nallocation a width=1 format=RGB",
		  "s.pasm:2:29: 'RGB' where a format (A8R8G8B8, X8R8G8B8, A8B8G8R8, X8B8G8R8, A8) "
		  "should be" },
		{ "expect SUCCESS", "s.pasm:1:8: there is no request before it" },
		{ "device d\nexpect NO_SUCH",
		  "s.pasm:2:8: 'NO_SUCH' where a status, 'bytes', 'pixels' or 'hash' should be" },
		{ "device d\nexpect SUCCESS\nexpect SUCCESS",
		  "s.pasm:3:8: the request in line 1 has its expectation already" },
		{ "device d\nexpect SUCCESS at", "s.pasm:2:18: the end where a number should be" },
		{ "device d\nexpect SUCCESS now",
		  "s.pasm:2:16: 'now' is nothing that 'expect' takes" },
		{ "device d\nallocation a size=1\nexpect pixels a color=1",
		  "s.pasm:3:1: 'pixels' needs x= and y=, or rect=" },
		{ "device d\nallocation a size=1\nexpect pixels a x=1 y=1",
		  "s.pasm:3:1: 'pixels' needs color= or png=" },
		{ "device d\nallocation a size=1\nexpect hash a is=00",
		  "s.pasm:3:1: a hash has 32 hexadecimal digits" },
		{ "device d\nallocation a size=1\nexpect bytes a",
		  "s.pasm:3:1: 'bytes' needs hex= or file=" },
		{ "device d\nallocation a size=1\nread a",
		  "s.pasm:3:1: 'read' needs file= or png=" },
		{ "device d\nallocation a size=1\nshare a", "s.pasm:3:1: 'share' needs token=" },
		{ "device d\nopen a", "s.pasm:2:1: 'open' needs token=" },
		{ "device d\nsync_object s\nsignal s", "s.pasm:3:1: 'signal' needs value=" },
		{ "device d\nsync_object s\nwait s value=1 context=d",
		  "s.pasm:3:24: 'd' is not a context" },
		{ "device d\nwait d value=1", "s.pasm:2:6: 'd' is not a synchronisation object" },
		{ "device d\nsync_object s\nexpect value s", "s.pasm:3:1: 'value' needs is=" },
		{ "device d\nopen a token=d", "s.pasm:2:14: 'd' is not a share token" },
		{ "print x",
		  "s.pasm:1:7: 'x' where a text in double quotes, 'hex', 'hash' or 'token' should "
		  "be" },
		{ "device d\nsubmit d {\n}", "s.pasm:2:8: 'd' is not a context" },
		{ "device d\ncontext c\nsubmit c", "s.pasm:3:9: the end where '{' should be" },
		{ "device d\ncontext c\nsubmit c { nop }",
		  "s.pasm:3:12: 'nop' where the end of the line should be" },
		{ "device d\ncontext c\nsubmit c {\nnop\n", "s.pasm:3:10: this '{' has no '}'" },
		{ "device d\ncontext c\nsubmit c {\nnop\n} nop",
		  "s.pasm:5:3: 'nop' where the end of the line should be" },
		{ "device d\ncontext c\nsubmit c {\n list d:w\n}",
		  "s.pasm:4:7: 'd' is not an allocation or pipeline" },
		{ "device d\ncontext c\nsubmit c {\n list null\n copy source=@a size=1\n}",
		  "s.pasm:5:14: '@a' is not in the allocation list" },
		{ "device d\ncontext c\nsubmit c {\n\n\n  frob\n}",
		  "s.pasm:6:3: there is no instruction 'frob'" },
		{ "device d\ncontext c\nsubmit c {\n broadcast c d\n}",
		  "s.pasm:4:14: 'd' is not a context" },
		{ "device d\ncontext c\nsubmit c {\n patch slut=1\n}",
		  "s.pasm:4:8: 'slut' is nothing that 'patch' takes" },
		{ "device d\ncontext c\nsubmit c {\n patch slot=16777216\n}",
		  "s.pasm:4:13: '16777216' is more than 16777215" },
		{ "device d\ncontext c\nsubmit c {\n patch allocation=@x\n}",
		  "s.pasm:4:19: '@x' is not in the allocation list" },
	};

	for (unsigned i = 0; i < PENSTOCK_ARRAY_SIZE(cases); i++) {
		ck_assert_ptr_null(parse(cases[i].text));
		ck_assert_str_eq(fault.text, cases[i].fault);
	}
	ck_assert_ptr_null(parse(submission_text));
	ck_assert_str_eq(fault.text, "s.pasm:12:2: copy needs its operand 'size'");
}
END_TEST

START_TEST(a_nul_in_a_string_is_a_fault)
{
	static const char text[] = "print \"a\0b\"\n";
	struct penstock_script *script;

	ck_assert_int_eq(penstock_script_parse("s", text, sizeof(text) - 1, &script, &fault),
			 PENSTOCK_STATUS_INVALID_PARAMETER);
	ck_assert_str_eq(fault.text, "s:1:7: a NUL inside a string");
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("script");
	TCase *tcase = tcase_create("script");

	tcase_add_test(tcase, objects_are_made_with_their_numbers);
	tcase_add_test(tcase, content_comes_from_hex_a_file_or_a_png);
	tcase_add_test(tcase, B13_an_offer_has_a_priority_and_a_reclaim_an_expectation);
	tcase_add_test(tcase, a_submission_has_lists_and_instructions);
	tcase_add_test(tcase, an_expectation_is_of_the_request_before_it);
	tcase_add_test(tcase, everything_else_that_a_script_can_say);
	tcase_add_test(tcase, objects_are_signalled_and_waited_for_by_contexts_and_by_the_script);
	tcase_add_test(tcase, a_pipeline_has_a_shader_an_entry_point_and_constants);
	tcase_add_test(tcase, a_pipeline_of_graphics_has_stages_and_a_state);
	tcase_add_test(tcase, faults_name_file_line_column_and_what_is_wrong);
	tcase_add_test(tcase, a_nul_in_a_string_is_a_fault);
	suite_add_tcase(suite, tcase);
	return penstock_test_main(suite);
}
