/* SPDX-License-Identifier: MIT */
/* What a connection hands on of pipelines, and what waits for them. */
#include "tests/harness.h"
#include "tests/unit/fake_objects.h"
#include "tests/unit/net_peer.h"

#include "proto/wire/limits.h"
#include "proto/wire/penstock.pb-c.h"

#include <string.h>

static struct net_peer *peer;
static Penstock__Wire__CreatePipeline pipeline;
static Penstock__Wire__ShaderStage stages[PENSTOCK_LIMIT_PIPELINE_STAGES + 1];
static Penstock__Wire__ShaderStage *stage_pointers[PENSTOCK_ARRAY_SIZE(stages)];
static Penstock__Wire__SpecializationConstant constant;
static Penstock__Wire__SpecializationConstant *constants[PENSTOCK_LIMIT_SHADER_CONSTANTS + 1];

static void set_up(void)
{
	net_setup();
	peer = net_peer_open();
	penstock__wire__create_pipeline__init(&pipeline);
	penstock__wire__specialization_constant__init(&constant);
	for (size_t i = 0; i < PENSTOCK_ARRAY_SIZE(stages); i++) {
		penstock__wire__shader_stage__init(&stages[i]);
		stage_pointers[i] = &stages[i];
	}
	for (size_t i = 0; i < PENSTOCK_ARRAY_SIZE(constants); i++) {
		constants[i] = &constant;
	}
	pipeline.stages = stage_pointers;
	pipeline.n_stages = 2;
	stages[0].spirv_bytes = 8;
	stages[1].spirv_bytes = 4;
}

static void tear_down(void)
{
	net_peer_close(peer);
	net_teardown();
}

static void send_pipeline(const char *payload)
{
	net_peer_frame(peer, PENSTOCK_FRAME_CREATE_PIPELINE, peer->serial++, &pipeline.base,
		       payload, strlen(payload));
}

static uint32_t sum(const char *text)
{
	uint32_t result = 0;

	for (; *text != 0; text++) {
		result = result * 31 + (uint8_t)*text;
	}
	return result;
}

START_TEST(the_payload_is_divided_between_the_stages)
{
	stages[1].constants = constants;
	stages[1].n_constants = PENSTOCK_LIMIT_SHADER_CONSTANTS;
	send_pipeline("abcdefghijkl");
	net_peer_expect(peer, PENSTOCK_FRAME_ACK, 1);
	ck_assert_uint_eq(fake.spirv_bytes, 12);
	ck_assert_uint_eq(fake.spirv_sum, sum("abcdefghijkl"));
	ck_assert_uint_eq(fake.constants, PENSTOCK_LIMIT_SHADER_CONSTANTS);
}
END_TEST

START_TEST(sizes_that_do_not_add_up_are_refused)
{
	send_pipeline("abcdefghijklm");
	net_peer_expect_refusal(peer, 1, PENSTOCK_STATUS_INVALID_PARAMETER);
	send_pipeline("abcdefghijk");
	net_peer_expect_refusal(peer, 2, PENSTOCK_STATUS_INVALID_PARAMETER);
	stages[1].spirv_bytes = UINT32_MAX - 3;
	send_pipeline("abcdefghijkl");
	net_peer_expect_refusal(peer, 3, PENSTOCK_STATUS_INVALID_PARAMETER);
	ck_assert_uint_eq(fake.pipelines, 0);
}
END_TEST

START_TEST(a_graphics_state_has_its_size)
{
	static struct penstock_graphics_state state[2];

	send_pipeline("abcdefghijkl");
	net_peer_expect(peer, PENSTOCK_FRAME_ACK, 1);
	ck_assert_uint_eq(fake.view_mask, UINT32_MAX);
	state[0].view_mask = 5;
	pipeline.graphics.data = (uint8_t *)state;
	pipeline.graphics.len = sizeof(state[0]);
	send_pipeline("abcdefghijkl");
	net_peer_expect(peer, PENSTOCK_FRAME_ACK, 2);
	ck_assert_uint_eq(fake.view_mask, 5);
	pipeline.graphics.len--;
	send_pipeline("abcdefghijkl");
	net_peer_expect_refusal(peer, 3, PENSTOCK_STATUS_INVALID_PARAMETER);
	pipeline.graphics.len += 2;
	send_pipeline("abcdefghijkl");
	net_peer_expect_refusal(peer, 4, PENSTOCK_STATUS_INVALID_PARAMETER);
	pipeline.graphics.len = 1;
	send_pipeline("abcdefghijkl");
	net_peer_expect_refusal(peer, 5, PENSTOCK_STATUS_INVALID_PARAMETER);
	ck_assert_uint_eq(fake.pipelines, 2);
}
END_TEST

START_TEST(more_stages_and_constants_than_there_can_be_are_refused)
{
	pipeline.n_stages = PENSTOCK_ARRAY_SIZE(stages);
	send_pipeline("abcdefghijkl");
	net_peer_expect_refusal(peer, 1, PENSTOCK_STATUS_INVALID_PARAMETER);
	pipeline.n_stages = 2;
	stages[1].constants = constants;
	stages[1].n_constants = PENSTOCK_ARRAY_SIZE(constants);
	send_pipeline("abcdefghijkl");
	net_peer_expect_refusal(peer, 2, PENSTOCK_STATUS_INVALID_PARAMETER);
	ck_assert_uint_eq(fake.pipelines, 0);
}
END_TEST

/* Whatever else a session asks for goes on. */
START_TEST(submissions_and_destroys_wait_for_pipelines_that_are_being_made)
{
	Penstock__Wire__Destroy destroy = PENSTOCK__WIRE__DESTROY__INIT;

	destroy.name = 3;
	fake.makes_pipelines = true;
	net_peer_request(peer, PENSTOCK_FRAME_SYNC, NULL);
	if (_i == 0) {
		net_peer_submit(peer, 5, 2, 0);
	} else {
		net_peer_request(peer, PENSTOCK_FRAME_DESTROY, &destroy.base);
	}
	net_peer_request(peer, PENSTOCK_FRAME_SYNC, NULL);
	net_turns();
	ck_assert_uint_eq(fake.calls, 1);
	fake.makes_pipelines = false;
	fake.events.resume(fake.events.owner);
	net_turns();
	ck_assert_uint_eq(fake.calls, _i == 0 ? 4 : 3);
}
END_TEST

START_TEST(one_pipeline_more_waits_where_many_are_being_made)
{
	fake.makes_pipelines = fake.makes_many_pipelines = true;
	send_pipeline("abcdefghijkl");
	net_peer_request(peer, PENSTOCK_FRAME_SYNC, NULL);
	net_turns();
	ck_assert_uint_eq(fake.calls, 0);
	fake.makes_many_pipelines = false;
	fake.events.resume(fake.events.owner);
	net_turns();
	ck_assert_uint_eq(fake.pipelines, 1);
	ck_assert_uint_eq(fake.calls, 2);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("connection_pipelines");
	TCase *tcase = tcase_create("connection_pipelines");

	tcase_add_checked_fixture(tcase, set_up, tear_down);
	tcase_add_test(tcase, the_payload_is_divided_between_the_stages);
	tcase_add_test(tcase, sizes_that_do_not_add_up_are_refused);
	tcase_add_test(tcase, a_graphics_state_has_its_size);
	tcase_add_test(tcase, more_stages_and_constants_than_there_can_be_are_refused);
	tcase_add_loop_test(tcase, submissions_and_destroys_wait_for_pipelines_that_are_being_made,
			    0, 2);
	tcase_add_test(tcase, one_pipeline_more_waits_where_many_are_being_made);
	suite_add_tcase(suite, tcase);
	return penstock_test_main(suite);
}
