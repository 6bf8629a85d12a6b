/* SPDX-License-Identifier: MIT */
/* Pipelines: made of shaders that somebody else has checked, and what waits for them. */
#include "daemon/objects/composition.h"
#include "daemon/objects/session.h"
#include "gpu-backend/pipeline.h"
#include "proto/isa/instruction.h"
#include "proto/wire/limits.h"
#include "tests/unit/objects_fixture.h"

#define GOOD(call)         ck_assert_int_eq(call, PENSTOCK_STATUS_SUCCESS)
#define REFUSED(call, why) ck_assert_int_eq(call, PENSTOCK_STATUS_##why)

#define COMPUTE PENSTOCK_SHADER_COMPUTE

static struct fixture fixture;
static struct client client;
static struct penstock_shader_reflection reflection;

static void set_up(void)
{
	fixture_start(&fixture, false);
	GOOD(client_connect(&fixture, &client, "uid:1", 0));
	client_set_up(&client, 1); /* allocation 3 */
	/* A storage buffer that is written, of 16 bytes at least, and push constants. */
	reflection = (struct penstock_shader_reflection){
		.stage = COMPUTE,
		.entry_point = "main",
		.workgroup_size = { 1, 1, 1 },
		.push_offset = 4,
		.push_bytes = 5,
		.binding_count = 1,
		.bindings = { { .set = 2,
				.binding = 7,
				.kind = PENSTOCK_BINDING_STORAGE_BUFFER,
				.count = 1,
				.flags = PENSTOCK_BINDING_READ | PENSTOCK_BINDING_WRITTEN,
				.minimum_bytes = 16 } },
	};
}

static void tear_down(void)
{
	fixture_stop(&fixture);
}

static void make(uint64_t name)
{
	struct answered answered;

	REFUSED(client_pipeline(&client, name, NAME(1), COMPUTE, 0x100, &answered), PENDING);
	fixture_answer(&fixture, &reflection);
	turn(&fixture);
	ck_assert_uint_eq(answered.times, 1);
	GOOD(answered.status);
}

/* A dispatch with the pipeline 4 that writes `bytes` bytes of the allocation 3. */
static enum penstock_status dispatch(uint64_t pipeline, uint64_t bytes)
{
	const struct penstock_wire_allocation list[] = {
		{ .name = pipeline },
		{ .name = NAME(3), .flags = PENSTOCK_ALLOCATION_WRITE_OPERATION },
	};
	uint8_t command[PENSTOCK_BYTES_BIND_PIPELINE + PENSTOCK_BYTES_BIND_BUFFER_WRITE +
			PENSTOCK_BYTES_DISPATCH] = { 0 };
	uint8_t *bind = command + PENSTOCK_BYTES_BIND_PIPELINE;
	uint8_t *draw = bind + PENSTOCK_BYTES_BIND_BUFFER_WRITE;
	struct answered answered;
	struct submit submit = {
		.context = NAME(2),
		.list = list,
		.list_count = 2,
		.command = command,
		.command_bytes = sizeof(command),
	};

	penstock_store32(command, penstock_instruction_header(PENSTOCK_OPCODE_BIND_PIPELINE,
							      PENSTOCK_BYTES_BIND_PIPELINE));
	penstock_store32(bind, penstock_instruction_header(PENSTOCK_OPCODE_BIND_BUFFER_WRITE,
							   PENSTOCK_BYTES_BIND_BUFFER_WRITE));
	penstock_store16(bind + PENSTOCK_OPERAND_BIND_BUFFER_WRITE_allocation, 1);
	penstock_store64(bind + PENSTOCK_OPERAND_BIND_BUFFER_WRITE_size, bytes);
	penstock_store32(bind + PENSTOCK_OPERAND_BIND_BUFFER_WRITE_set, 2);
	penstock_store32(bind + PENSTOCK_OPERAND_BIND_BUFFER_WRITE_binding, 7);
	penstock_store32(draw, penstock_instruction_header(PENSTOCK_OPCODE_DISPATCH,
							   PENSTOCK_BYTES_DISPATCH));
	return client_submit(&client, &submit, &answered);
}

START_TEST(a_pipeline_is_made_and_drawn_with)
{
	struct answered answered;

	REFUSED(client_pipeline(&client, NAME(4), NAME(1), COMPUTE, 0x100, &answered), PENDING);
	ck_assert_uint_eq(fixture.check_count, 1);
	ck_assert(penstock_session_makes_pipelines(client.session));
	turn(&fixture);
	ck_assert_uint_eq(answered.times, 0);
	fixture_answer(&fixture, &reflection);
	ck_assert(!penstock_session_makes_pipelines(client.session));
	turn(&fixture);
	ck_assert_uint_eq(answered.times, 1);
	GOOD(answered.status);
	ck_assert_uint_ge(client.resumes, 1);
	GOOD(dispatch(NAME(4), 16));
	REFUSED(dispatch(NAME(4), 15), INVALID_PARAMETER);
	ck_assert_ptr_nonnull(strstr(client.refusal.sentence, "needs 0x10 bytes"));
	REFUSED(dispatch(NAME(3), 16), INVALID_PARAMETER);
	ck_assert_ptr_nonnull(strstr(client.refusal.sentence, "is no pipeline"));
	(void)fake_core_retire(UINT_MAX);
	turn(&fixture);
	GOOD(client_destroy(&client, NAME(4)));
	turn(&fixture);
	ck_assert_uint_eq(fake.allocations, 1);
}
END_TEST

START_TEST(nothing_but_a_submission_uses_a_pipeline)
{
	const struct penstock_wire_allocation written[] = {
		{ .name = NAME(4), .flags = PENSTOCK_ALLOCATION_WRITE_OPERATION },
	};
	const uint64_t names[] = { NAME(4) };
	struct submit submit = { .context = NAME(2), .list = written, .list_count = 1 };
	struct answered answered;
	uint8_t *destination;

	make(NAME(4));
	REFUSED(client_upload_begin(&client, NAME(4), 0, 1, &answered, &destination),
		ACCESS_DENIED);
	REFUSED(client_read_back(&client, NAME(4), 0, 1, &answered),
		GRAPHICS_INVALID_ALLOCATION_USAGE);
	ck_assert_ptr_nonnull(strstr(client.refusal.sentence, "is a pipeline"));
	REFUSED(client_share(&client, NAME(4), &answered), GRAPHICS_INVALID_ALLOCATION_USAGE);
	REFUSED(penstock_offer_allocations(client.session, ++client.serial, names, 1,
					   PENSTOCK_OFFER_NORMAL, &client.refusal),
		ACCESS_DENIED);
	REFUSED(client_submit(&client, &submit, &answered), ACCESS_DENIED);
}
END_TEST

START_TEST(what_the_checker_says_is_the_refusal_and_frees_the_name)
{
	struct answered answered;

	REFUSED(client_pipeline(&client, NAME(4), NAME(1), COMPUTE, 0x100, &answered), PENDING);
	fixture_refuse(&fixture, PENSTOCK_STATUS_INVALID_PARAMETER, 17, "no such id");
	turn(&fixture);
	REFUSED(answered.status, INVALID_PARAMETER);
	ck_assert_str_eq(answered.request.refusal.sentence, "compute shader, word 17: no such id");
	REFUSED(dispatch(NAME(4), 16), INVALID_HANDLE);
	REFUSED(client_pipeline(&client, NAME(4), NAME(1), COMPUTE, 0x100, &answered), PENDING);
	fixture_refuse(&fixture, PENSTOCK_STATUS_TIMEOUT, PENSTOCK_SHADER_NO_WORD, "too long");
	turn(&fixture);
	REFUSED(answered.status, TIMEOUT);
	ck_assert_str_eq(answered.request.refusal.sentence, "compute shader: too long");
	make(NAME(4));
	GOOD(dispatch(NAME(4), 16));
	(void)fake_core_retire(UINT_MAX);
	turn(&fixture);
}
END_TEST

/* Beyond what an adapter has, though the shader is a good one. */
START_TEST(a_shader_that_needs_too_much_is_refused)
{
	struct answered answered;

	reflection.bindings[0].count = 33;
	REFUSED(client_pipeline(&client, NAME(4), NAME(1), COMPUTE, 0x100, &answered), PENDING);
	fixture_answer(&fixture, &reflection);
	turn(&fixture);
	REFUSED(answered.status, INVALID_PARAMETER);
	ck_assert_ptr_nonnull(strstr(answered.request.refusal.sentence, "33 storage buffers"));
	reflection.binding_count = 2;
	reflection.bindings[0].count = 1;
	reflection.bindings[1] = reflection.bindings[0];
	reflection.bindings[1].kind = PENSTOCK_BINDING_UNIFORM_BUFFER;
	REFUSED(client_pipeline(&client, NAME(4), NAME(1), COMPUTE, 0x100, &answered), PENDING);
	fixture_answer(&fixture, &reflection);
	turn(&fixture);
	REFUSED(answered.status, INVALID_PARAMETER);
	ck_assert_ptr_nonnull(strstr(answered.request.refusal.sentence, "two types"));
	ck_assert_uint_eq(fake.allocations, 1);
}
END_TEST

static const struct {
	uint32_t stage;
	enum penstock_status status;
	uint64_t name;
	uint64_t device;
} wrongs[] = {
	{ PENSTOCK_SHADER_VERTEX, PENSTOCK_STATUS_INVALID_PARAMETER, NAME(4), NAME(1) },
	{ UINT32_MAX, PENSTOCK_STATUS_INVALID_PARAMETER, NAME(4), NAME(1) },
	{ COMPUTE, PENSTOCK_STATUS_INVALID_HANDLE, NAME(4), NAME(2) },
	{ COMPUTE, PENSTOCK_STATUS_INVALID_PARAMETER, NAME(3), NAME(1) },
};

START_TEST(what_is_asked_for_is_judged_before_a_shader_is)
{
	struct answered answered;

	ck_assert_int_eq(client_pipeline(&client, wrongs[_i].name, wrongs[_i].device,
					 wrongs[_i].stage, 0x100, &answered),
			 wrongs[_i].status);
	ck_assert_uint_eq(fixture.checked, 0);
	ck_assert(!penstock_session_makes_pipelines(client.session));
}
END_TEST

START_TEST(a_checker_that_takes_no_more_refuses_it)
{
	struct answered answered;

	fixture.no_checks = true;
	REFUSED(client_pipeline(&client, NAME(4), NAME(1), COMPUTE, 0x100, &answered), PENDING);
	turn(&fixture);
	REFUSED(answered.status, QUOTA_EXCEEDED);
	fixture.no_checks = false;
	make(NAME(4));
}
END_TEST

START_TEST(an_adapter_without_pipelines_says_so)
{
	struct penstock_errbuf text;
	struct answered answered;

	fixture_stop(&fixture);
	fixture_start(&fixture, false);
	fixture_stop(&fixture);
	ck_assert_int_eq(uv_loop_init(&fixture.loop), 0);
	fixture.adapters[0].pipelines = false;
	GOOD(fixture_start_again(&fixture, &text));
	GOOD(client_connect(&fixture, &client, "uid:1", 0));
	client_set_up(&client, 0);
	REFUSED(client_pipeline(&client, NAME(3), NAME(1), COMPUTE, 0x100, &answered),
		NOT_IMPLEMENTED);
	REFUSED(dispatch(NAME(3), 16), INVALID_HANDLE);
}
END_TEST

/* Two at a time of one principal; and others have their own two. */
START_TEST(a_principal_has_a_few_checked_at_once)
{
	struct answered mine[4], others;
	struct client other;

	GOOD(client_connect(&fixture, &other, "uid:2", 0));
	GOOD(client_device(&other, NAME(1)));
	for (unsigned i = 0; i < PENSTOCK_ARRAY_SIZE(mine); i++) {
		REFUSED(client_pipeline(&client, NAME(4 + i), NAME(1), COMPUTE, i, &mine[i]),
			PENDING);
	}
	ck_assert_uint_eq(fixture.check_count, PENSTOCK_LIMIT_PIPELINES_AT_ONCE);
	REFUSED(client_pipeline(&other, NAME(2), NAME(1), COMPUTE, 9, &others), PENDING);
	ck_assert_uint_eq(fixture.check_count, PENSTOCK_LIMIT_PIPELINES_AT_ONCE + 1);
	while (fixture.check_count > 0) {
		fixture_answer(&fixture, &reflection);
	}
	turn(&fixture);
	for (unsigned i = 0; i < PENSTOCK_ARRAY_SIZE(mine); i++) {
		ck_assert_uint_eq(mine[i].times, 1);
		GOOD(mine[i].status);
	}
	GOOD(others.status);
	client_disconnect(&other);
	turn(&fixture);
}
END_TEST

START_TEST(many_that_are_being_made_are_told)
{
	static struct answered answered[PENSTOCK_LIMIT_PIPELINES_MADE];

	for (unsigned i = 0; i < PENSTOCK_LIMIT_PIPELINES_MADE; i++) {
		ck_assert(!penstock_session_makes_many_pipelines(client.session));
		REFUSED(client_pipeline(&client, NAME(4 + i), NAME(1), COMPUTE, i, &answered[i]),
			PENDING);
	}
	ck_assert(penstock_session_makes_many_pipelines(client.session));
	while (fixture.check_count > 0) {
		fixture_answer(&fixture, &reflection);
	}
	turn(&fixture);
	ck_assert(!penstock_session_makes_many_pipelines(client.session));
}
END_TEST

/* Its client is gone: what was being made goes with it, checked or not. */
START_TEST(a_session_that_ends_leaves_nothing)
{
	struct answered answered[3];

	for (unsigned i = 0; i < 3; i++) {
		(void)client_pipeline(&client, NAME(4 + i), NAME(1), COMPUTE, i, &answered[i]);
	}
	client_disconnect(&client);
	turn(&fixture);
	while (fixture.check_count > 0) {
		fixture_answer(&fixture, &reflection);
	}
	turn(&fixture);
	ck_assert_uint_eq(fixture.checked, 2); /* the third was not begun any more */
	ck_assert_uint_eq(fake.allocations, 0);
}
END_TEST

START_TEST(a_daemon_that_ends_waits_for_no_shader)
{
	static struct answered answered[3]; /* tear_down stops it */

	for (unsigned i = 0; i < 3; i++) {
		(void)client_pipeline(&client, NAME(4 + i), NAME(1), COMPUTE, i, &answered[i]);
	}
}
END_TEST

START_TEST(pages_that_are_not_there_refuse_it)
{
	struct answered answered;

	REFUSED(client_pipeline(&client, NAME(4), NAME(1), COMPUTE, 1, &answered), PENDING);
	fake.no_more = true;
	fixture_answer(&fixture, &reflection);
	turn(&fixture);
	REFUSED(answered.status, NO_MEMORY);
	fake.no_more = false;
	fake.reserve_later = true;
	REFUSED(client_pipeline(&client, NAME(4), NAME(1), COMPUTE, 1, &answered), PENDING);
	fixture_answer(&fixture, &reflection);
	turn(&fixture);
	ck_assert_uint_eq(answered.times, 0);
	fake_core_reserved(PENSTOCK_STATUS_DISK_FULL);
	turn(&fixture);
	REFUSED(answered.status, DISK_FULL);
	REFUSED(client_pipeline(&client, NAME(4), NAME(1), COMPUTE, 1, &answered), PENDING);
	fixture_answer(&fixture, &reflection);
	fake_core_reserved(PENSTOCK_STATUS_SUCCESS);
	turn(&fixture);
	GOOD(answered.status);
	GOOD(dispatch(NAME(4), 16));
	(void)fake_core_retire(UINT_MAX);
	turn(&fixture);
}
END_TEST

/* ------------------------------------------------------------------ composition */

START_TEST(what_the_gpu_is_given_holds_all_of_it)
{
	static const uint32_t words[] = { 1, 2, 3 };
	const struct penstock_composition_stage stage = { &reflection, words, 3 };
	struct penstock_composition *composition;
	const struct penstock_pipeline_binding *bindings;
	const struct penstock_pipeline_stage *stages;
	const struct penstock_pipeline *pipeline;
	struct penstock_refusal refusal;
	uint8_t hash[PENSTOCK_PIPELINE_HASH_BYTES];

	/* A second variable of the same descriptor, and one before it. */
	reflection.binding_count = 3;
	reflection.bindings[1] = reflection.bindings[0];
	reflection.bindings[1].minimum_bytes = 48;
	reflection.bindings[2] = (struct penstock_shader_binding){
		.set = 0,
		.binding = 9,
		.kind = PENSTOCK_BINDING_UNIFORM_BUFFER,
		.count = 3,
		.flags = PENSTOCK_BINDING_READ,
		.minimum_bytes = 64,
	};
	GOOD(penstock_compose(&stage, 1, NULL, NULL, &composition, &refusal));
	ck_assert_uint_eq(composition->render.binding_count, 2);
	ck_assert_uint_eq(composition->render.descriptor_count, 4);
	ck_assert_uint_eq(composition->bindings[0].binding, 9);
	ck_assert_uint_eq(composition->bindings[1].first, 3);
	ck_assert_uint_eq(composition->bindings[1].least_bytes, 48);
	ck_assert(composition->bindings[1].written && !composition->bindings[0].written);
	ck_assert(penstock_pipeline_valid(composition->contents, composition->render.bytes));
	pipeline = (const void *)composition->contents;
	bindings = penstock_pipeline_bindings(pipeline);
	stages = penstock_pipeline_stages(pipeline);
	ck_assert_uint_eq(pipeline->push_constant_bytes, 12);
	ck_assert_uint_eq(pipeline->push_stages, PENSTOCK_STAGE_COMPUTE);
	ck_assert_uint_eq(bindings[0].type, PENSTOCK_DESCRIPTOR_UNIFORM_BUFFER);
	ck_assert_uint_eq(bindings[1].stages, PENSTOCK_STAGE_COMPUTE);
	ck_assert_uint_eq(stages[0].stage, PENSTOCK_STAGE_COMPUTE);
	ck_assert_mem_eq(composition->contents + stages[0].spirv_offset, words, sizeof(words));
	ck_assert_str_eq((const char *)composition->contents + stages[0].entry_offset, "main");
	/* Another shader is another pipeline, the same one the same. */
	memcpy(hash, pipeline->hash, sizeof(hash));
	penstock_composition_free(composition);
	GOOD(penstock_compose(&stage, 1, NULL, NULL, &composition, &refusal));
	ck_assert_mem_eq(
		((const struct penstock_pipeline *)(const void *)composition->contents)->hash, hash,
		sizeof(hash));
	penstock_composition_free(composition);
	reflection.bindings[2].count = 2;
	GOOD(penstock_compose(&stage, 1, NULL, NULL, &composition, &refusal));
	ck_assert_int_ne(
		memcmp(((const struct penstock_pipeline *)(const void *)composition->contents)
			       ->hash,
		       hash, sizeof(hash)),
		0);
	penstock_composition_free(composition);
}
END_TEST

/* Each field that points somewhere, and each count, in each way that is wrong. */
START_TEST(bytes_that_are_no_pipeline_are_told)
{
	static const uint32_t words[] = { 1, 2, 3 };
	const struct penstock_composition_stage stage = { &reflection, words, 3 };
	struct penstock_composition *composition;
	struct penstock_refusal refusal;
	uint32_t bytes, refused = 0;
	uint32_t *copy;

	GOOD(penstock_compose(&stage, 1, NULL, NULL, &composition, &refusal));
	bytes = composition->render.bytes;
	copy = malloc(bytes);
	for (uint32_t cut = 0; cut < bytes; cut++) {
		ck_assert(!penstock_pipeline_valid(composition->contents, cut));
	}
	for (uint32_t word = 0; word < bytes / 4; word++) {
		static const uint32_t values[] = { UINT32_MAX, 0x80000000, 0x7fffffff, 0xffff };

		for (uint32_t i = 0; i < PENSTOCK_ARRAY_SIZE(values); i++) {
			memcpy(copy, composition->contents, bytes);
			copy[word] = values[i];
			refused += !penstock_pipeline_valid(copy, bytes);
		}
	}
	ck_assert_uint_gt(refused, 40);
	free(copy);
	penstock_composition_free(composition);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("objects_pipeline");
	TCase *tcase = tcase_create("pipelines");

	tcase_add_checked_fixture(tcase, set_up, tear_down);
	tcase_add_test(tcase, a_pipeline_is_made_and_drawn_with);
	tcase_add_test(tcase, nothing_but_a_submission_uses_a_pipeline);
	tcase_add_test(tcase, what_the_checker_says_is_the_refusal_and_frees_the_name);
	tcase_add_test(tcase, a_shader_that_needs_too_much_is_refused);
	tcase_add_loop_test(tcase, what_is_asked_for_is_judged_before_a_shader_is, 0,
			    (int)PENSTOCK_ARRAY_SIZE(wrongs));
	tcase_add_test(tcase, a_checker_that_takes_no_more_refuses_it);
	tcase_add_test(tcase, an_adapter_without_pipelines_says_so);
	tcase_add_test(tcase, a_principal_has_a_few_checked_at_once);
	tcase_add_test(tcase, many_that_are_being_made_are_told);
	tcase_add_test(tcase, a_session_that_ends_leaves_nothing);
	tcase_add_test(tcase, a_daemon_that_ends_waits_for_no_shader);
	tcase_add_test(tcase, pages_that_are_not_there_refuse_it);
	tcase_add_test(tcase, what_the_gpu_is_given_holds_all_of_it);
	tcase_add_test(tcase, bytes_that_are_no_pipeline_are_told);
	suite_add_tcase(suite, tcase);
	return penstock_test_main(suite);
}
