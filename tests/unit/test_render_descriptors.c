/* SPDX-License-Identifier: MIT */
/* Descriptors of a render scope: what was bound stays, and each draw has what its pipeline uses. */
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
static struct penstock_render_pipeline other;
static uint8_t command[1u << 20];

#define SCOPE_BEGIN "begin_rendering area=(0,0,64,64) layers=1\n"
#define DRAW        "draw vertices=3 instances=1\n"
#define PIPELINE    "bind_pipeline pipeline=14\n"
#define SCOPE_END   "end_rendering\n"
#define SCOPE       SCOPE_BEGIN PIPELINE DRAW SCOPE_END

/* A pipeline without targets. */
static void setup(void)
{
	penstock_fixture_init(&fixture);
	fixture.args.caps.pipelines = true;
	memset(&state, 0, sizeof(state));
	state.topology = 3;
	state.viewport_count = 1;
	state.samples = 1;
	pipeline = (struct penstock_render_pipeline){
		.kind = PENSTOCK_PIPELINE_GRAPHICS,
		.bytes = 0x100,
		.graphics = &state,
		.topology_class = PENSTOCK_TOPOLOGY_TRIANGLES,
	};
	fixture.list[PENSTOCK_FIXTURE_GRAPHICS].pipeline = &pipeline;
}

/* ------------------------------------------------------------------ what stays */

/* Two pipelines with one descriptor each, of different kinds in the same place. */
static struct penstock_render_binding uniform, storage;

static void with_descriptors(void)
{
	uniform = (struct penstock_render_binding){
		.type = PENSTOCK_DESCRIPTOR_UNIFORM_BUFFER,
		.count = 1,
		.least_bytes = 16,
	};
	storage = uniform;
	storage.type = PENSTOCK_DESCRIPTOR_STORAGE_BUFFER;
	storage.written = true;
	pipeline.binding_count = 1;
	pipeline.descriptor_count = 1;
	pipeline.bindings = &uniform;
	other = pipeline;
	other.bindings = &storage;
	fixture.list[PENSTOCK_FIXTURE_PIPELINE].pipeline = &other;
}

#define OTHER       "bind_pipeline pipeline=13\n"
#define READ(size)  "bind_buffer allocation=2 size=" #size "\n"
#define WRITE(size) "bind_buffer_write allocation=1 size=" #size "\n"

static void with_smaller_storage(void)
{
	with_descriptors();
	storage.least_bytes = 8;
}

static const struct penstock_rule bound[] = {
	/* what suited one pipeline is looked at again after it changed under another */
	{ DRAW, READ(16) DRAW OTHER WRITE(16) DRAW PIPELINE DRAW,
	  READ(16) DRAW OTHER WRITE(8) DRAW PIPELINE DRAW, "bind_buffer_write", "size",
	  "needs 0x10 bytes, not 0x8", with_smaller_storage },
	/* what is bound stays, over draws and pipelines */
	{ DRAW, READ(16) DRAW DRAW, DRAW READ(16), "draw", "",
	  "set 0, binding 0, element 0 of the pipeline is not bound", with_descriptors },
	{ DRAW, WRITE(16) DRAW OTHER DRAW PIPELINE DRAW, READ(16) DRAW OTHER DRAW, "bind_buffer",
	  "allocation", "is written, and needs bind_buffer_write", with_descriptors },
	/* another one is looked at before the next draw */
	{ DRAW, READ(16) DRAW READ(17) DRAW, READ(16) DRAW READ(15) DRAW, "bind_buffer", "size",
	  "needs 0x10 bytes, not 0xf", with_descriptors },
	{ DRAW, READ(16) DRAW READ(15) READ(16) DRAW, READ(16) DRAW READ(16) READ(15) DRAW,
	  "bind_buffer", "size", "needs 0x10 bytes", with_descriptors },
	/* and not where none follows, or no pipeline has it */
	{ DRAW, READ(16) DRAW READ(15), READ(16) DRAW READ(15) PIPELINE DRAW, "bind_buffer", "size",
	  "needs 0x10 bytes", with_descriptors },
	{ DRAW, READ(16) "bind_buffer allocation=2 size=1 set=4294967295\n" DRAW,
	  "bind_buffer allocation=2 size=16 set=1\n" DRAW, "draw", "", "is not bound",
	  with_descriptors },
	/* nothing outlasts the scope */
	{ DRAW SCOPE_END, READ(16) DRAW SCOPE_END,
	  READ(16) DRAW SCOPE_END SCOPE_BEGIN PIPELINE DRAW SCOPE_END, "draw", "", "is not bound",
	  with_descriptors },
	{ DRAW SCOPE_END, READ(16) DRAW SCOPE_END,
	  READ(16) DRAW SCOPE_END SCOPE_BEGIN READ(16) DRAW SCOPE_END, "draw", "pipeline",
	  "no pipeline is bound", with_descriptors },
};

START_TEST(A6_what_is_bound_in_a_scope_stays_until_it_is_bound_again)
{
	penstock_rules_hold(&fixture, SCOPE, &bound[_i]);
}
END_TEST

/* ------------------------------------------------------------------ by chance */

#define CHANCE_PIPELINES 80u /* more than are remembered */
#define CHANCE_BINDINGS  6u
#define CHANCE_STEPS     400u

static struct penstock_render_pipeline chance_pipelines[CHANCE_PIPELINES];
static struct penstock_render_binding chance_bindings[CHANCE_PIPELINES][CHANCE_BINDINGS];
static struct penstock_render_allocation chance_list[CHANCE_PIPELINES + 16];

/* Pipelines that use other bindings each, and want other sizes. */
static void make_chance_pipelines(uint64_t *random)
{
	memcpy(chance_list, fixture.list, sizeof(fixture.list));
	for (uint32_t i = 0; i < CHANCE_PIPELINES; i++) {
		uint32_t count = 0;

		for (uint32_t j = 0; j < CHANCE_BINDINGS; j++) {
			if (penstock_random_below(random, 2) == 0) {
				chance_bindings[i][count] = (struct penstock_render_binding){
					.binding = j,
					.first = count,
					.type = PENSTOCK_DESCRIPTOR_STORAGE_BUFFER,
					.count = 1,
					.least_bytes = penstock_random_below(random, 3),
				};
				count++;
			}
		}
		chance_pipelines[i] = pipeline;
		chance_pipelines[i].bindings = chance_bindings[i];
		chance_pipelines[i].binding_count = count;
		chance_list[16 + i] = fixture.list[PENSTOCK_FIXTURE_GRAPHICS];
		chance_list[16 + i].pipeline = &chance_pipelines[i];
	}
	fixture.args.allocations = chance_list;
	fixture.args.allocation_count = CHANCE_PIPELINES + 16;
}

/* Whether every binding of the pipeline has something of its size, looked at one by one. */
static bool suits(const struct penstock_render_pipeline *with, const uint64_t *sizes)
{
	for (uint32_t i = 0; i < with->binding_count; i++) {
		uint64_t size = sizes[with->bindings[i].binding];

		if (size == 0 || size < with->bindings[i].least_bytes) {
			return false;
		}
	}
	return true;
}

/* Binds, pipelines and draws by chance; draws that would be refused are left out but for the last.
 */
START_TEST(A6_draws_by_chance_are_judged_as_one_by_one)
{
	uint64_t random = 0x2545F4914F6CDD1Dull + (uint64_t)_i;
	uint64_t sizes[CHANCE_BINDINGS] = { 0 };
	uint32_t length, current = 0, drawn = 0;
	bool good = true;

	make_chance_pipelines(&random);
	length = penstock_rules_assemble(SCOPE_BEGIN "bind_pipeline pipeline=16\n", command,
					 sizeof(command));
	for (uint32_t step = 0; step < CHANCE_STEPS || good; step++) {
		uint8_t *bytes = command + length;
		uint32_t which = penstock_random_below(&random, 3);

		if (which == 0) {
			uint32_t at = penstock_random_below(&random, CHANCE_BINDINGS);

			sizes[at] = 1 + penstock_random_below(&random, 2);
			length += penstock_fixture_valid(PENSTOCK_INSTRUCTION_BIND_BUFFER, bytes);
			penstock_store32(bytes + PENSTOCK_OPERAND_BIND_BUFFER_binding, at);
			penstock_store64(bytes + PENSTOCK_OPERAND_BIND_BUFFER_size, sizes[at]);
		} else if (which == 1) {
			/* A few of them mostly. */
			current = penstock_random_below(
				&random,
				penstock_random_below(&random, 4) == 0 ? CHANCE_PIPELINES : 3);
			length += penstock_fixture_valid(PENSTOCK_INSTRUCTION_BIND_PIPELINE, bytes);
			penstock_store16(bytes + PENSTOCK_OPERAND_BIND_PIPELINE_pipeline,
					 (uint16_t)(16 + current));
		} else if (suits(&chance_pipelines[current], sizes) || step >= CHANCE_STEPS) {
			good = suits(&chance_pipelines[current], sizes);
			drawn += good;
			length += penstock_fixture_valid(PENSTOCK_INSTRUCTION_DRAW, bytes);
		}
		ck_assert_uint_lt(step, 20 * CHANCE_STEPS);
		if (step == CHANCE_STEPS - 1) {
			uint32_t whole =
				length + penstock_rules_assemble(SCOPE_END, command + length, 4);

			ck_assert_msg(penstock_fixture_render(&fixture, command, whole) ==
					      PENSTOCK_STATUS_SUCCESS,
				      "%s", fixture.refusal.sentence);
		}
	}
	length += penstock_rules_assemble(SCOPE_END, command + length, 4);
	ck_assert_int_eq(penstock_fixture_render(&fixture, command, length),
			 PENSTOCK_STATUS_INVALID_PARAMETER);
	ck_assert_uint_gt(drawn, CHANCE_STEPS / 20);
}
END_TEST

/* More are bound between two draws than are remembered one by one. */
START_TEST(A6_many_descriptors_that_change_are_all_looked_at)
{
	static struct penstock_render_binding bindings[40];
	static const struct penstock_rule rule = {
		"",   "", "", "bind_buffer", "size", "binding 0, element 0 of the pipeline needs",
		NULL,
	};
	static char text[16384];
	size_t used = 0;

	for (uint32_t i = 0; i < 40; i++) {
		bindings[i] = (struct penstock_render_binding){
			.binding = i,
			.first = i,
			.type = PENSTOCK_DESCRIPTOR_STORAGE_BUFFER,
			.count = 1,
			.least_bytes = 16,
		};
	}
	pipeline.bindings = bindings;
	pipeline.binding_count = 40;
	used = (size_t)snprintf(text, sizeof(text), "%s", SCOPE_BEGIN PIPELINE);
	for (uint32_t round = 0; round < 2; round++) {
		for (uint32_t i = 40; i-- > 0;) {
			used += (size_t)snprintf(text + used, sizeof(text) - used,
						 "bind_buffer allocation=2 size=%u binding=%u\n",
						 round == 1 && i == 0 ? 15 : 16, i);
		}
		used += (size_t)snprintf(text + used, sizeof(text) - used, DRAW);
		if (round == 0) {
			static char good[16384 + 16];

			snprintf(good, sizeof(good), "%s" SCOPE_END, text);
			penstock_rules_accept(&fixture, good);
		}
	}
	snprintf(text + used, sizeof(text) - used, SCOPE_END);
	penstock_rules_refuse(&fixture, text, &rule);
}
END_TEST

START_TEST(A6_descriptors_that_are_bound_are_limited)
{
	uint32_t length = penstock_rules_assemble(SCOPE_BEGIN, command, sizeof(command));
	enum penstock_status status;

	for (uint32_t i = 0; i <= PENSTOCK_LIMIT_DESCRIPTORS; i++) {
		uint8_t *bytes = command + length;

		length += penstock_fixture_valid(PENSTOCK_INSTRUCTION_BIND_BUFFER, bytes);
		penstock_store32(bytes + PENSTOCK_OPERAND_BIND_BUFFER_binding,
				 PENSTOCK_LIMIT_BINDING_NUMBER - 1 - i * 2);
	}
	length += penstock_rules_assemble(SCOPE_END, command + length, 4);
	status = penstock_fixture_render(&fixture, command, length);
	ck_assert_int_eq(status, PENSTOCK_STATUS_LIMIT_EXCEEDED);
	ck_assert_ptr_nonnull(strstr(fixture.refusal.sentence, "more than 1024 descriptors"));
	/* One less, and the last of them again. */
	penstock_store32(command + length - 4 - PENSTOCK_BYTES_BIND_BUFFER +
				 PENSTOCK_OPERAND_BIND_BUFFER_binding,
			 PENSTOCK_LIMIT_BINDING_NUMBER - 1);
	ck_assert_int_eq(penstock_fixture_render(&fixture, command, length),
			 PENSTOCK_STATUS_SUCCESS);
}
END_TEST

START_TEST(A6_a_range_that_is_a_uniform_buffer_once_is_rounded_down)
{
	with_descriptors();
	uniform.least_bytes = 1;
	storage.least_bytes = 1;
	storage.written = false;
	penstock_rules_accept(&fixture,
			      SCOPE_BEGIN OTHER READ(19) DRAW PIPELINE READ(18) DRAW SCOPE_END);
	{
		uint64_t sizes[2];
		uint32_t count = 0;

		for (uint32_t at = 0; at < fixture.args.dma_length;
		     at += penstock_header_length(penstock_load32(fixture.dma + at))) {
			if (penstock_load16(fixture.dma + at) == PENSTOCK_DMA_OPCODE_BIND_BUFFER) {
				sizes[count++] = penstock_load64(fixture.dma + at +
								 PENSTOCK_DMA_BIND_BUFFER_size);
			}
		}
		ck_assert_uint_eq(count, 2);
		ck_assert_uint_eq(sizes[0], 19); /* storage */
		ck_assert_uint_eq(sizes[1], 16); /* uniform */
	}
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("render_descriptors");
	TCase *tcase = tcase_create("descriptors");

	tcase_add_checked_fixture(tcase, setup, NULL);
	tcase_add_loop_test(tcase, A6_what_is_bound_in_a_scope_stays_until_it_is_bound_again, 0,
			    (int)PENSTOCK_ARRAY_SIZE(bound));
	tcase_add_loop_test(tcase, A6_draws_by_chance_are_judged_as_one_by_one, 0, 200);
	tcase_add_test(tcase, A6_many_descriptors_that_change_are_all_looked_at);
	tcase_add_test(tcase, A6_descriptors_that_are_bound_are_limited);
	tcase_add_test(tcase, A6_a_range_that_is_a_uniform_buffer_once_is_rounded_down);
	suite_add_tcase(suite, tcase);
	return penstock_test_main(suite);
}
