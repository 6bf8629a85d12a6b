/* SPDX-License-Identifier: MIT */
/*
 * A good module with something wrong anywhere: what is taken all the same is valid and hardened,
 * and nothing that other people's code does about the rest reaches the daemon.
 */
#include "config.h"

#include "gpu-backend/shader/program/validate.h"
#include "tests/harness.h"
#include "tests/shader/examined.h"
#include "tests/shader/host.h"

#include <stdlib.h>
#include <string.h>

#ifdef PENSTOCK_SANITIZERS
#define FLIPS_STEP 7 /* a process takes ten times as long to start */
#else
#define FLIPS_STEP 1
#endif

START_TEST(a_module_cut_at_any_word_is_refused)
{
	struct module module = module_load("shared.comp");

	for (uint32_t i = 0; i < module.word_count; i++) {
		struct examined examined;

		examine(&examined, module_copy(module.words, i), PENSTOCK_SHADER_COMPUTE, NULL, 0);
		ck_assert_uint_eq(examined.answer.status,
				  penstock_status_to_wire(PENSTOCK_STATUS_INVALID_PARAMETER));
		ck_assert(examined.answer.sentence[0] != '\0');
		ck_assert(examined.answer.word_offset <= i ||
			  examined.answer.word_offset == PENSTOCK_SHADER_NO_WORD);
		examined_finish(&examined);
	}
	module_finish(&module);
}
END_TEST

static void judge(const struct outcome *outcome)
{
	struct penstock_spirv_fault fault = { 0, "" };

	if (outcome->status == PENSTOCK_STATUS_SUCCESS) {
		ck_assert_msg(penstock_shader_validate(outcome->module.words,
						       outcome->module.word_count,
						       &fault) == PENSTOCK_STATUS_SUCCESS,
			      "%s", fault.sentence);
		ck_assert(penstock_reflection_valid(&outcome->reflection));
	} else {
		ck_assert(outcome->sentence[0] != '\0');
	}
}

START_TEST(a_flipped_bit_in_any_word_harms_nobody)
{
	struct module module = module_load("shared.comp");
	struct outcome *outcomes = calloc(module.word_count, sizeof(*outcomes));
	struct host host;

	ck_assert(outcomes != NULL);
	host_start(&host, "penstock-shader", 0, 0);
	for (uint32_t i = 0; i < module.word_count; i += FLIPS_STEP) {
		uint32_t word = module.words[i];

		module.words[i] ^= 1u << i * 7 % 32;
		host_ask(&host, &module, "main", &outcomes[i]);
		module.words[i] = word;
	}
	for (uint32_t i = 0; i < module.word_count; i += FLIPS_STEP) {
		host_await(&host, &outcomes[i]);
		judge(&outcomes[i]);
		module_finish(&outcomes[i].module);
	}
	host_finish(&host);
	free(outcomes);
	module_finish(&module);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("shader_damage");
	TCase *tcase = tcase_create("shader_damage");

	tcase_set_timeout(tcase, 600);
	tcase_add_test(tcase, a_module_cut_at_any_word_is_refused);
	tcase_add_test(tcase, a_flipped_bit_in_any_word_harms_nobody);
	suite_add_tcase(suite, tcase);
	return penstock_test_main(suite);
}
