/* SPDX-License-Identifier: MIT */
/* Modules through penstock-shader, and what the daemon does about a program that misbehaves. */
#include "config.h"

#include "gpu-backend/shader/host/service.h"
#include "tests/harness.h"
#include "tests/shader/module.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What was answered to one request. */
struct outcome {
	bool is_there;
	enum penstock_status status;
	uint32_t word_offset;
	char sentence[PENSTOCK_SHADER_SENTENCE_BYTES];
	uint32_t word_count;
	struct penstock_shader_reflection reflection;
};

struct host {
	uv_loop_t loop;
	struct penstock_shader_service *service;
	bool closed;
};

static void on_answered(void *owner, const struct penstock_shader_answer *answer)
{
	struct outcome *outcome = owner;

	ck_assert(!outcome->is_there);
	outcome->is_there = true;
	outcome->status = answer->status;
	outcome->word_offset = answer->word_offset;
	outcome->word_count = answer->word_count;
	snprintf(outcome->sentence, sizeof(outcome->sentence), "%s", answer->sentence);
	if (answer->reflection != NULL) {
		outcome->reflection = *answer->reflection;
	}
	ck_assert((answer->status == PENSTOCK_STATUS_SUCCESS) == (answer->words != NULL));
	ck_assert((answer->status == PENSTOCK_STATUS_SUCCESS) == (answer->sentence[0] == '\0'));
}

static void host_start(struct host *host, const char *program, uint32_t at_once, uint32_t wall_ms)
{
	const char *build = getenv("PENSTOCK_BUILDDIR");
	struct penstock_shader_service_config config = {
		.loop = &host->loop,
		.at_once = at_once,
		.wall_ms = wall_ms,
	};
	char path[512];

	(void)signal(SIGPIPE, SIG_IGN);
	*host = (struct host){ .closed = false };
	ck_assert_int_eq(uv_loop_init(&host->loop), 0);
	snprintf(path, sizeof(path), "%s/%s", build == NULL ? "." : build, program);
	config.program = path;
	ck_assert_int_eq(penstock_shader_service_create(&config, &host->service),
			 PENSTOCK_STATUS_SUCCESS);
}

static void on_closed(void *owner)
{
	struct host *host = owner;

	host->closed = true;
}

/* Everything is given back: the loop has nothing left. */
static void host_finish(struct host *host)
{
	penstock_shader_service_close(host->service, on_closed, host);
	ck_assert(!host->closed);
	uv_run(&host->loop, UV_RUN_DEFAULT);
	ck_assert(host->closed);
	ck_assert_int_eq(uv_loop_close(&host->loop), 0);
}

static struct penstock_shader_check *ask(struct host *host, const struct module *module,
					 const char *entry_point, struct outcome *outcome)
{
	struct penstock_shader_request request = {
		.words = module->words,
		.word_count = module->word_count,
		.stage = PENSTOCK_SHADER_COMPUTE,
		.entry_point = entry_point,
	};
	struct penstock_shader_check *check;

	memset(outcome, 0, sizeof(*outcome));
	ck_assert_int_eq(
		penstock_shader_check(host->service, &request, on_answered, outcome, &check),
		PENSTOCK_STATUS_SUCCESS);
	ck_assert(!outcome->is_there);
	return check;
}

static void await(struct host *host, const struct outcome *outcome)
{
	while (!outcome->is_there) {
		uv_run(&host->loop, UV_RUN_ONCE);
	}
}

/* ---------------------------------------------------------------- the real one */

START_TEST(service_hardens_and_reflects_a_module)
{
	struct module module = module_load("add.comp");
	struct outcome outcome;
	struct host host;

	host_start(&host, "penstock-shader", 0, 0);
	ask(&host, &module, "main", &outcome);
	await(&host, &outcome);
	ck_assert_msg(outcome.status == PENSTOCK_STATUS_SUCCESS, "%s", outcome.sentence);
	ck_assert_uint_gt(outcome.word_count, module.word_count);
	ck_assert_uint_eq(outcome.reflection.workgroup_size[0], 64);
	ck_assert_uint_eq(outcome.reflection.binding_count, 3);
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
		penstock_shader_check(host.service, &request, on_answered, &outcome, &check),
		PENSTOCK_STATUS_SUCCESS);
	await(&host, &outcome);
	ck_assert_msg(outcome.status == PENSTOCK_STATUS_SUCCESS, "%s", outcome.sentence);
	ck_assert_uint_eq(outcome.reflection.workgroup_size[0], 16);
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
	ask(&host, &module, "main", &outcome);
	await(&host, &outcome);
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
		ask(&host, i % 3 == 0 ? &none : &module, "main", &outcomes[i]);
	}
	for (size_t i = 0; i < PENSTOCK_ARRAY_SIZE(outcomes); i++) {
		await(&host, &outcomes[i]);
		ck_assert_int_eq(outcomes[i].status, i % 3 == 0 ? PENSTOCK_STATUS_INVALID_PARAMETER
								: PENSTOCK_STATUS_SUCCESS);
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
	ask(&host, &module, misdeeds[_i].act, &bad);
	ask(&host, &module, "main", &good);
	await(&host, &bad);
	await(&host, &good);
	ck_assert_msg(good.status == PENSTOCK_STATUS_SUCCESS, "%s", good.sentence);
	ck_assert_int_eq(bad.status, misdeeds[_i].status);
	ck_assert_msg(strstr(bad.sentence, misdeeds[_i].sentence) != NULL, "%s", bad.sentence);
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
	ask(&host, &module, "hang", &outcome);
	await(&host, &outcome);
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
		ask(&host, &module, "main", &outcomes[i]);
	}
	for (size_t i = 0; i < PENSTOCK_ARRAY_SIZE(outcomes); i++) {
		await(&host, &outcomes[i]);
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
	first = ask(&host, &module, "hang", &working);
	second = ask(&host, &module, "hang", &waiting);
	ask(&host, &module, "say_nothing", &last);
	uv_run(&host.loop, UV_RUN_ONCE);
	penstock_shader_cancel(first);
	penstock_shader_cancel(second);
	await(&host, &last);
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
	ask(&host, &module, "say_nothing", &first);
	await(&host, &first); /* from now on one stands by, or is about to */
	for (size_t i = 0; i < PENSTOCK_ARRAY_SIZE(outcomes); i++) {
		ask(&host, &module, "hang", &outcomes[i]);
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
	tcase_add_loop_test(tcase, a_program_that_misbehaves_costs_its_own_request_only, 0,
			    (int)PENSTOCK_ARRAY_SIZE(misdeeds));
	tcase_add_test(tcase, a_program_that_hangs_is_ended);
	tcase_add_test(tcase, a_program_that_is_not_there_refuses_each_request);
	tcase_add_test(tcase, a_check_that_is_cancelled_has_no_answer);
	tcase_add_test(tcase, a_service_that_is_closed_ends_what_works_waits_and_stands_by);
	suite_add_tcase(suite, tcase);
	return penstock_test_main(suite);
}
