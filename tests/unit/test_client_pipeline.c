/* SPDX-License-Identifier: MIT */
/* Pipelines of the client library. */
#include "proto/wire/limits.h"
#include "tests/harness.h"
#include "tests/unit/fake_daemon.h"

#include <stdlib.h>
#include <string.h>

static struct fake_daemon fake;
static struct penstock_connection *connection;

static const struct penstock_specialization_constant constants[] = { { 3, 4, 64 }, { 9, 1, 0xff } };
static const uint8_t spirv[] = "\x03\x02\x23\x07\x00\x06\x01";
static const struct penstock_shader_stage_info stage = {
	.stage = PENSTOCK_EXECUTION_MODEL_COMPUTE,
	.spirv = spirv,
	.spirv_bytes = sizeof(spirv),
	.constants = constants,
	.constant_count = 2,
};

static void start(void)
{
	fake_daemon_init(&fake);
	connection = fake_daemon_connect(&fake, NULL);
}

static void stop(void)
{
	penstock_connection_close(connection);
	connection = NULL;
	fake_daemon_fini(&fake);
}

static const struct penstock_graphics_state *graphics; /* of the next pipeline */

static enum penstock_status create(const struct penstock_shader_stage_info *stages, uint32_t count,
				   uint64_t *ret_pipeline)
{
	const struct penstock_pipeline_create_info info = {
		.device = 7,
		.stages = stages,
		.stage_count = count,
		.graphics = graphics,
	};

	return penstock_pipeline_create(connection, &info, ret_pipeline);
}

#define GOOD(call) ck_assert_int_eq(call, PENSTOCK_STATUS_SUCCESS)

/* Written by hand from penstock.proto. */
static const uint8_t golden_message[] = {
	0x09, 0x01, 0,    0,    0,    0x01, 0,    0,    0, /* name: 1, generation 1 */
	0x11, 0x07, 0,    0,    0,    0,    0,    0,    0, /* device 7 */
	0x1a, 0x28,                                        /* a stage, 40 bytes */
	0x08, 0x05,                                        /* GLCompute */
	0x12, 0x04, 'm',  'a',  'i',  'n',                 /* entry point */
	0x18, 0x08,                                        /* bytes of SPIR-V */
	0x22, 0x0d, 0x08, 0x03, 0x10, 0x04, 0x19, 64,   0, 0, 0, 0, 0, 0, 0, /* constant 3 */
	0x22, 0x0d, 0x08, 0x09, 0x10, 0x01, 0x19, 0xff, 0, 0, 0, 0, 0, 0, 0,
};

START_TEST(a_pipeline_travels_as_its_golden_bytes)
{
	uint64_t pipeline = 0;
	struct fake_frame frame;

	GOOD(create(&stage, 1, &pipeline));
	ck_assert_uint_eq(pipeline, (1ull << 32) | 1);
	ck_assert_uint_eq(penstock_request_last(connection), 1);
	ck_assert(!fake_has_input(fake.descriptor)); /* it is not waited for */
	GOOD(penstock_connection_flush(connection));
	frame = fake_receive(fake.descriptor, PENSTOCK_FRAME_CREATE_PIPELINE);
	ck_assert_uint_eq(frame.frame.serial, 1);
	ck_assert_uint_eq(frame.frame.message_bytes, sizeof(golden_message));
	ck_assert_mem_eq(frame.message, golden_message, sizeof(golden_message));
	ck_assert_uint_eq(frame.frame.payload_bytes, sizeof(spirv));
	ck_assert_mem_eq(frame.payload, spirv, sizeof(spirv));
	fake_frame_free(&frame);
}
END_TEST

START_TEST(the_payload_is_copied_and_holds_the_stages_one_behind_the_other)
{
	uint8_t first[4] = { 1, 2, 3, 4 }, second[8] = { 5, 6, 7, 8, 9, 10, 11, 12 };
	static const uint8_t wanted[12] = { 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12 };
	struct penstock_shader_stage_info stages[] = {
		{ .spirv = first, .spirv_bytes = sizeof(first), .entry_point = "vertex" },
		{ .stage = 4, .spirv = second, .spirv_bytes = sizeof(second) },
	};
	Penstock__Wire__CreatePipeline *message;
	struct fake_frame frame;
	uint64_t pipeline;

	GOOD(create(stages, 2, &pipeline));
	memset(first, 0, sizeof(first));
	memset(second, 0, sizeof(second));
	GOOD(penstock_connection_flush(connection));
	frame = fake_receive(fake.descriptor, PENSTOCK_FRAME_CREATE_PIPELINE);
	ck_assert_uint_eq(frame.frame.payload_bytes, sizeof(wanted));
	ck_assert_mem_eq(frame.payload, wanted, sizeof(wanted));
	message = penstock__wire__create_pipeline__unpack(NULL, frame.frame.message_bytes,
							  frame.message);
	ck_assert_uint_eq(message->n_stages, 2);
	ck_assert_str_eq(message->stages[0]->entry_point, "vertex");
	ck_assert_str_eq(message->stages[1]->entry_point, "main");
	ck_assert_uint_eq(message->stages[1]->stage, 4);
	ck_assert_uint_eq(message->stages[1]->spirv_bytes, 8);
	penstock__wire__create_pipeline__free_unpacked(message, NULL);
	fake_frame_free(&frame);
}
END_TEST

START_TEST(a_graphics_state_travels_as_its_words)
{
	struct penstock_graphics_state state, sent;
	struct fake_frame frame;
	Penstock__Wire__CreatePipeline *message;
	uint64_t pipeline;

	penstock_graphics_state_init(NULL);
	penstock_graphics_state_init(&state);
	state.view_mask = 0x3f;
	sent = state;
	graphics = &state;
	GOOD(create(&stage, 1, &pipeline));
	graphics = NULL;
	memset(&state, 0xff, sizeof(state));
	GOOD(penstock_connection_flush(connection));
	frame = fake_receive(fake.descriptor, PENSTOCK_FRAME_CREATE_PIPELINE);
	message = penstock__wire__create_pipeline__unpack(NULL, frame.frame.message_bytes,
							  frame.message);
	ck_assert_uint_eq(message->graphics.len, sizeof(sent));
	ck_assert_mem_eq(message->graphics.data, &sent, sizeof(sent));
	penstock__wire__create_pipeline__free_unpacked(message, NULL);
	fake_frame_free(&frame);
}
END_TEST

START_TEST(a_refused_pipeline_says_why_and_gives_its_name_back)
{
	struct penstock_failure failure;
	uint64_t first, second;

	GOOD(create(&stage, 1, &first));
	fake_send_refusal(fake.descriptor, 1, PENSTOCK_STATUS_INVALID_PARAMETER,
			  "compute shader, word 7: no");
	ck_assert_int_eq(penstock_request_wait(connection, 1, PENSTOCK_FOREVER, &failure),
			 PENSTOCK_STATUS_INVALID_PARAMETER);
	ck_assert_str_eq(failure.sentence, "compute shader, word 7: no");
	GOOD(create(&stage, 1, &second));
	ck_assert_uint_eq(second, (2ull << 32) | 1);
	GOOD(penstock_object_destroy(connection, second));
	GOOD(create(&stage, 1, &second));
	ck_assert_uint_eq(second, (3ull << 32) | 1);
}
END_TEST

START_TEST(what_is_no_pipeline_is_not_sent)
{
	static struct penstock_specialization_constant many[PENSTOCK_LIMIT_SHADER_CONSTANTS + 1u];
	struct penstock_shader_stage_info stages[PENSTOCK_LIMIT_PIPELINE_STAGES + 1u] = { stage };
	struct penstock_shader_stage_info bad = stage;
	char *long_name = calloc(1, PENSTOCK_LIMIT_MESSAGE_BYTES);
	uint64_t pipeline = 99;

	ck_assert_ptr_nonnull(long_name);
	memset(long_name, 'x', PENSTOCK_LIMIT_MESSAGE_BYTES - 1u);
	ck_assert_int_eq(create(stages, PENSTOCK_LIMIT_PIPELINE_STAGES + 1u, &pipeline),
			 PENSTOCK_STATUS_LIMIT_EXCEEDED);
	bad.spirv_bytes = PENSTOCK_LIMIT_SHADER_BYTES + 4u;
	ck_assert_int_eq(create(&bad, 1, &pipeline), PENSTOCK_STATUS_LIMIT_EXCEEDED);
	bad = stage;
	bad.constants = many;
	bad.constant_count = PENSTOCK_LIMIT_SHADER_CONSTANTS + 1u;
	ck_assert_int_eq(create(&bad, 1, &pipeline), PENSTOCK_STATUS_LIMIT_EXCEEDED);
	bad = stage;
	bad.entry_point = long_name;
	ck_assert_int_eq(create(&bad, 1, &pipeline), PENSTOCK_STATUS_LIMIT_EXCEEDED);
	bad = stage;
	bad.spirv = NULL;
	ck_assert_int_eq(create(&bad, 1, &pipeline), PENSTOCK_STATUS_INVALID_PARAMETER);
	bad = stage;
	bad.constants = NULL;
	ck_assert_int_eq(create(&bad, 1, &pipeline), PENSTOCK_STATUS_INVALID_PARAMETER);
	ck_assert_int_eq(create(NULL, 1, &pipeline), PENSTOCK_STATUS_INVALID_PARAMETER);
	ck_assert_int_eq(create(&stage, 1, NULL), PENSTOCK_STATUS_INVALID_PARAMETER);
	ck_assert_int_eq(penstock_pipeline_create(connection, NULL, &pipeline),
			 PENSTOCK_STATUS_INVALID_PARAMETER);
	ck_assert_int_eq(penstock_pipeline_create(NULL, NULL, &pipeline),
			 PENSTOCK_STATUS_INVALID_PARAMETER);
	ck_assert_uint_eq(pipeline, 99);
	ck_assert_uint_eq(penstock_request_last(connection), 0);
	/* No name was lost either. */
	GOOD(create(&stage, 1, &pipeline));
	ck_assert_uint_eq(pipeline, (1ull << 32) | 1);
	free(long_name);
}
END_TEST

START_TEST(all_that_fits_a_pipeline_fits_a_frame)
{
	static struct penstock_specialization_constant many[PENSTOCK_LIMIT_SHADER_CONSTANTS];
	struct penstock_shader_stage_info stages[PENSTOCK_LIMIT_PIPELINE_STAGES];
	struct fake_frame frame;
	uint64_t pipeline;

	static struct penstock_graphics_state state;

	penstock_graphics_state_init(&state);
	graphics = &state;
	for (uint32_t i = 0; i < PENSTOCK_LIMIT_SHADER_CONSTANTS; i++) {
		many[i] =
			(struct penstock_specialization_constant){ UINT32_MAX - i, 8, UINT64_MAX };
	}
	for (uint32_t i = 0; i < PENSTOCK_LIMIT_PIPELINE_STAGES; i++) {
		stages[i] = stage;
		stages[i].constants = many;
		stages[i].constant_count = PENSTOCK_LIMIT_SHADER_CONSTANTS;
	}
	GOOD(create(stages, PENSTOCK_LIMIT_PIPELINE_STAGES, &pipeline));
	graphics = NULL;
	GOOD(penstock_connection_flush(connection));
	frame = fake_receive(fake.descriptor, PENSTOCK_FRAME_CREATE_PIPELINE);
	ck_assert_uint_le(frame.frame.message_bytes, PENSTOCK_LIMIT_MESSAGE_BYTES);
	fake_frame_free(&frame);
}
END_TEST

START_TEST(an_adapter_tells_whether_it_has_pipelines)
{
	Penstock__Wire__Adapter with = PENSTOCK__WIRE__ADAPTER__INIT;
	Penstock__Wire__Adapter without = PENSTOCK__WIRE__ADAPTER__INIT;
	Penstock__Wire__Adapter *adapters[] = { &with, &without };
	struct penstock_adapter_info info;

	with.pipelines = 1;
	fake_daemon_init(&fake);
	fake.welcome.adapters = adapters;
	fake.welcome.n_adapters = 2;
	connection = fake_daemon_connect(&fake, NULL);
	GOOD(penstock_connection_adapter(connection, 0, &info));
	ck_assert(info.pipelines);
	GOOD(penstock_connection_adapter(connection, 1, &info));
	ck_assert(!info.pipelines);
	stop();
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("client_pipeline");
	TCase *open = tcase_create("open");
	TCase *hello = tcase_create("hello");

	tcase_add_checked_fixture(open, start, stop);
	tcase_add_test(open, a_pipeline_travels_as_its_golden_bytes);
	tcase_add_test(open, the_payload_is_copied_and_holds_the_stages_one_behind_the_other);
	tcase_add_test(open, a_graphics_state_travels_as_its_words);
	tcase_add_test(open, a_refused_pipeline_says_why_and_gives_its_name_back);
	tcase_add_test(open, what_is_no_pipeline_is_not_sent);
	tcase_add_test(open, all_that_fits_a_pipeline_fits_a_frame);
	suite_add_tcase(suite, open);
	tcase_add_test(hello, an_adapter_tells_whether_it_has_pipelines);
	suite_add_tcase(suite, hello);
	return penstock_test_main(suite);
}
