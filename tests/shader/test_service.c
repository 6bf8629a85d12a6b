/* SPDX-License-Identifier: MIT */
/* Modules through penstock-shader, and what the daemon does about a program that misbehaves. */
#include "config.h"

#include "tests/harness.h"
#include "tests/shader/host.h"

#include <string.h>

/* ---------------------------------------------------------------- the real one */

START_TEST(service_hardens_and_reflects_a_module)
{
	struct module module = module_load("add.comp");
	struct outcome outcome;
	struct host host;

	host_start(&host, "penstock-shader", 0, 0);
	host_ask(&host, &module, "main", &outcome);
	host_await(&host, &outcome);
	ck_assert_msg(outcome.status == PENSTOCK_STATUS_SUCCESS, "%s", outcome.sentence);
	ck_assert_uint_gt(outcome.module.word_count, module.word_count);
	ck_assert_uint_eq(outcome.reflection.workgroup_size[0], 64);
	ck_assert_uint_eq(outcome.reflection.binding_count, 3);
	module_finish(&outcome.module);
	host_finish(&host);
	module_finish(&module);
}
END_TEST

START_TEST(service_hands_on_constants_of_a_request)
{
	static const struct penstock_shader_constant constants[] = { { 1, 4, 16 } };
	struct module module = module_load("shared.comp");
	struct penstock_shader_request request = {
		.words = module.words,
		.word_count = module.word_count,
		.stage = PENSTOCK_SHADER_COMPUTE,
		.entry_point = "main",
		.constants = constants,
		.constant_count = 1,
	};
	struct outcome outcome = { .is_there = false };
	struct penstock_shader_check *check;
	struct host host;

	host_start(&host, "penstock-shader", 0, 0);
	ck_assert_int_eq(
		penstock_shader_check(host.service, &request, host_answered, &outcome, &check),
		PENSTOCK_STATUS_SUCCESS);
	host_await(&host, &outcome);
	ck_assert_msg(outcome.status == PENSTOCK_STATUS_SUCCESS, "%s", outcome.sentence);
	ck_assert_uint_eq(outcome.reflection.workgroup_size[0], 16);
	module_finish(&outcome.module);
	host_finish(&host);
	module_finish(&module);
}
END_TEST

START_TEST(service_refuses_an_address_with_the_word_of_it)
{
	struct module module = module_assemble("OpCapability Shader\n"
					       "OpCapability PhysicalStorageBufferAddresses\n"
					       "OpMemoryModel PhysicalStorageBuffer64 GLSL450\n");
	struct outcome outcome;
	struct host host;

	host_start(&host, "penstock-shader", 0, 0);
	host_ask(&host, &module, "main", &outcome);
	host_await(&host, &outcome);
	ck_assert_int_eq(outcome.status, PENSTOCK_STATUS_INVALID_PARAMETER);
	ck_assert_uint_eq(outcome.word_offset, 7);
	ck_assert_msg(strstr(outcome.sentence, "PhysicalStorageBufferAddresses") != NULL, "%s",
		      outcome.sentence);
	host_finish(&host);
	module_finish(&module);
}
END_TEST

/* More than may work at once; each has an answer of its own. */
START_TEST(service_has_many_wait_and_answers_all)
{
	static struct outcome outcomes[24];
	struct module module = module_load("add.comp"), none = { NULL, 0 };
	struct host host;

	host_start(&host, "penstock-shader", 2, 0);
	for (size_t i = 0; i < PENSTOCK_ARRAY_SIZE(outcomes); i++) {
		host_ask(&host, i % 3 == 0 ? &none : &module, "main", &outcomes[i]);
	}
	for (size_t i = 0; i < PENSTOCK_ARRAY_SIZE(outcomes); i++) {
		host_await(&host, &outcomes[i]);
		ck_assert_int_eq(outcomes[i].status, i % 3 == 0 ? PENSTOCK_STATUS_INVALID_PARAMETER
								: PENSTOCK_STATUS_SUCCESS);
		module_finish(&outcomes[i].module);
	}
	host_finish(&host);
	module_finish(&module);
}
END_TEST

/* ---------------------------------------------------------------- limits of a request */

static void on_unexpected(void *owner, const struct penstock_shader_answer *answer)
{
	(void)owner;
	ck_abort_msg("answered: %s", answer->sentence);
}

START_TEST(service_refuses_what_is_over_a_limit)
{
	char name[PENSTOCK_LIMIT_SHADER_NAME_BYTES + 1];
	struct penstock_shader_request good = { .stage = PENSTOCK_SHADER_COMPUTE,
						.entry_point = "main" };
	struct penstock_shader_request bad[] = { good, good, good, good };
	struct penstock_shader_check *check;
	struct host host;

	memset(name, 'a', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	bad[0].word_count = PENSTOCK_LIMIT_SHADER_BYTES / 4 + 1;
	bad[1].constant_count = PENSTOCK_LIMIT_SHADER_CONSTANTS + 1;
	bad[2].stage = PENSTOCK_SHADER_STAGES;
	bad[3].entry_point = name;
	host_start(&host, "penstock-shader", 0, 0);
	for (size_t i = 0; i < PENSTOCK_ARRAY_SIZE(bad); i++) {
		ck_assert_int_eq(
			penstock_shader_check(host.service, &bad[i], on_unexpected, NULL, &check),
			PENSTOCK_STATUS_LIMIT_EXCEEDED);
	}
	for (size_t i = 0; i < PENSTOCK_LIMIT_SHADER_QUEUED; i++) {
		ck_assert_int_eq(
			penstock_shader_check(host.service, &good, on_unexpected, NULL, &check),
			PENSTOCK_STATUS_SUCCESS);
	}
	ck_assert_int_eq(penstock_shader_check(host.service, &good, on_unexpected, NULL, &check),
			 PENSTOCK_STATUS_QUOTA_EXCEEDED);
	host_finish(&host);
}
END_TEST

START_TEST(service_bounds_the_bytes_that_wait)
{
	static uint32_t words[PENSTOCK_LIMIT_SHADER_BYTES / 4];
	struct penstock_shader_request large = { .words = words,
						 .word_count = PENSTOCK_ARRAY_SIZE(words),
						 .stage = PENSTOCK_SHADER_COMPUTE,
						 .entry_point = "main" };
	struct penstock_shader_check
		*checks[PENSTOCK_LIMIT_SHADER_QUEUED_BYTES / PENSTOCK_LIMIT_SHADER_BYTES];
	enum penstock_status status = PENSTOCK_STATUS_SUCCESS;
	struct host host;
	size_t count = 0;

	host_start(&host, "penstock-shader", 0, 0);
	while (status == PENSTOCK_STATUS_SUCCESS) {
		ck_assert_uint_lt(count, PENSTOCK_ARRAY_SIZE(checks));
		status = penstock_shader_check(host.service, &large, on_unexpected, NULL,
					       &checks[count]);
		count += status == PENSTOCK_STATUS_SUCCESS;
	}
	ck_assert_int_eq(status, PENSTOCK_STATUS_QUOTA_EXCEEDED);
	ck_assert_uint_ge(count, PENSTOCK_ARRAY_SIZE(checks) - 1);
	/* What does not wait any more leaves room. */
	penstock_shader_cancel(checks[0]);
	ck_assert_int_eq(
		penstock_shader_check(host.service, &large, on_unexpected, NULL, &checks[0]),
		PENSTOCK_STATUS_SUCCESS);
	host_finish(&host);
}
END_TEST

/* ---------------------------------------------------------------- a program that misbehaves */

static const struct {
	const char *act;
	enum penstock_status status;
	const char *sentence;
} misdeeds[] = {
	{ "crash", PENSTOCK_STATUS_UNSUCCESSFUL, "ended with signal 11" },
	{ "use_up_time", PENSTOCK_STATUS_TIMEOUT, "more than 10 s of processor time" },
	{ "fail", PENSTOCK_STATUS_UNSUCCESSFUL, "ended with status 3" },
	{ "flood", PENSTOCK_STATUS_UNSUCCESSFUL, "said too much" },
	{ "say_nothing", PENSTOCK_STATUS_UNSUCCESSFUL, "an answer that cannot be" },
	{ "say_half", PENSTOCK_STATUS_UNSUCCESSFUL, "an answer that cannot be" },
	{ "say_more", PENSTOCK_STATUS_UNSUCCESSFUL, "an answer that cannot be" },
	{ "lie_about_magic", PENSTOCK_STATUS_UNSUCCESSFUL, "an answer that cannot be" },
	{ "lie_about_status", PENSTOCK_STATUS_UNSUCCESSFUL, "an answer that cannot be" },
	{ "lie_about_count", PENSTOCK_STATUS_UNSUCCESSFUL, "an answer that cannot be" },
	{ "lie_about_stage", PENSTOCK_STATUS_UNSUCCESSFUL, "an answer that cannot be" },
	{ "lie_about_bindings", PENSTOCK_STATUS_UNSUCCESSFUL, "an answer that cannot be" },
	{ "lie_about_words", PENSTOCK_STATUS_UNSUCCESSFUL, "an answer that cannot be" },
	{ "refuse_without_reason", PENSTOCK_STATUS_UNSUCCESSFUL, "an answer that cannot be" },
	{ "refuse_with_word_outside", PENSTOCK_STATUS_UNSUCCESSFUL, "an answer that cannot be" },
	{ "refuse_without_end", PENSTOCK_STATUS_UNSUCCESSFUL, "an answer that cannot be" },
	{ "refuse_with_controls", PENSTOCK_STATUS_UNSUCCESSFUL, "an answer that cannot be" },
};

/* The request beside it is answered as if nothing had been. */
START_TEST(a_program_that_misbehaves_costs_its_own_request_only)
{
	struct module module = module_assemble("OpCapability Shader\n"
					       "OpMemoryModel Logical GLSL450\n");
	struct outcome bad, good;
	struct host host;

	host_start(&host, "tests/shader/liar", 2, 0);
	host_ask(&host, &module, misdeeds[_i].act, &bad);
	host_ask(&host, &module, "main", &good);
	host_await(&host, &bad);
	host_await(&host, &good);
	ck_assert_msg(good.status == PENSTOCK_STATUS_SUCCESS, "%s", good.sentence);
	ck_assert_int_eq(bad.status, misdeeds[_i].status);
	ck_assert_msg(strstr(bad.sentence, misdeeds[_i].sentence) != NULL, "%s", bad.sentence);
	module_finish(&good.module);
	host_finish(&host);
	module_finish(&module);
}
END_TEST

START_TEST(a_program_that_hangs_is_ended)
{
	struct module module = { NULL, 0 };
	struct outcome outcome;
	struct host host;

	host_start(&host, "tests/shader/liar", 1, 50);
	host_ask(&host, &module, "hang", &outcome);
	host_await(&host, &outcome);
	ck_assert_int_eq(outcome.status, PENSTOCK_STATUS_TIMEOUT);
	ck_assert_str_eq(outcome.sentence, "the shader takes too long to check");
	host_finish(&host);
}
END_TEST

START_TEST(a_program_that_is_not_there_refuses_each_request)
{
	struct module module = { NULL, 0 };
	struct outcome outcomes[3];
	struct host host;

	host_start(&host, "tests/shader/nobody", 2, 0);
	for (size_t i = 0; i < PENSTOCK_ARRAY_SIZE(outcomes); i++) {
		host_ask(&host, &module, "main", &outcomes[i]);
	}
	for (size_t i = 0; i < PENSTOCK_ARRAY_SIZE(outcomes); i++) {
		host_await(&host, &outcomes[i]);
		ck_assert_int_eq(outcomes[i].status, PENSTOCK_STATUS_IO_DEVICE_ERROR);
	}
	host_finish(&host);
}
END_TEST

/* ---------------------------------------------------------------- ending early */

START_TEST(a_check_that_is_cancelled_has_no_answer)
{
	struct module module = { NULL, 0 };
	struct outcome working, waiting, last;
	struct penstock_shader_check *first, *second;
	struct host host;

	host_start(&host, "tests/shader/liar", 1, 0);
	first = host_ask(&host, &module, "hang", &working);
	second = host_ask(&host, &module, "hang", &waiting);
	host_ask(&host, &module, "say_nothing", &last);
	uv_run(&host.loop, UV_RUN_ONCE);
	penstock_shader_cancel(first);
	penstock_shader_cancel(second);
	host_await(&host, &last);
	ck_assert(!working.is_there && !waiting.is_there);
	host_finish(&host);
}
END_TEST

START_TEST(a_service_that_is_closed_ends_what_works_waits_and_stands_by)
{
	struct module module = { NULL, 0 };
	struct outcome outcomes[6], first;
	struct host host;

	host_start(&host, "tests/shader/liar", 2, 0);
	host_ask(&host, &module, "say_nothing", &first);
	host_await(&host, &first); /* from now on one stands by, or is about to */
	for (size_t i = 0; i < PENSTOCK_ARRAY_SIZE(outcomes); i++) {
		host_ask(&host, &module, "hang", &outcomes[i]);
	}
	uv_run(&host.loop, UV_RUN_ONCE);
	host_finish(&host);
	for (size_t i = 0; i < PENSTOCK_ARRAY_SIZE(outcomes); i++) {
		ck_assert(!outcomes[i].is_there);
	}
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("shader_service");
	TCase *tcase = tcase_create("shader_service");

	tcase_set_timeout(tcase, 120);
	tcase_add_test(tcase, service_hardens_and_reflects_a_module);
	tcase_add_test(tcase, service_hands_on_constants_of_a_request);
	tcase_add_test(tcase, service_refuses_an_address_with_the_word_of_it);
	tcase_add_test(tcase, service_has_many_wait_and_answers_all);
	tcase_add_test(tcase, service_refuses_what_is_over_a_limit);
	tcase_add_test(tcase, service_bounds_the_bytes_that_wait);
	tcase_add_loop_test(tcase, a_program_that_misbehaves_costs_its_own_request_only, 0,
			    (int)PENSTOCK_ARRAY_SIZE(misdeeds));
	tcase_add_test(tcase, a_program_that_hangs_is_ended);
	tcase_add_test(tcase, a_program_that_is_not_there_refuses_each_request);
	tcase_add_test(tcase, a_check_that_is_cancelled_has_no_answer);
	tcase_add_test(tcase, a_service_that_is_closed_ends_what_works_waits_and_stands_by);
	suite_add_tcase(suite, tcase);
	return penstock_test_main(suite);
}
