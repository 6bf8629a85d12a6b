/* SPDX-License-Identifier: MIT */
#include "config.h"

#include "tests/shader/examined.h"

#include "gpu-backend/shader/program/examine.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

void examine(struct examined *examined, struct module module, enum penstock_shader_stage stage,
	     const struct penstock_shader_constant *constants, uint32_t constant_count)
{
	struct penstock_shader_request_header request = {
		.magic = PENSTOCK_SHADER_MAGIC,
		.stage = stage,
		.constant_count = constant_count,
		.word_count = module.word_count,
		.entry_point = "main",
	};

	penstock_shader_examine(&(struct penstock_shader_examination){ .request = &request,
								       .constants = constants,
								       .words = module.words },
				&examined->answer, &examined->words);
	module_finish(&module);
}

const struct penstock_shader_reflection *examined_taken(const struct examined *examined)
{
	ck_assert_msg(examined->answer.status == penstock_status_to_wire(PENSTOCK_STATUS_SUCCESS),
		      "0x%08x: %s", examined->answer.status, examined->answer.sentence);
	ck_assert(penstock_reflection_valid(&examined->answer.reflection));
	return &examined->answer.reflection;
}

void examined_refused(const struct examined *examined, const char *text)
{
	ck_assert_uint_eq(examined->answer.status,
			  penstock_status_to_wire(PENSTOCK_STATUS_INVALID_PARAMETER));
	ck_assert_msg(strstr(examined->answer.sentence, text) != NULL, "'%s' is not in '%s'", text,
		      examined->answer.sentence);
	ck_assert(examined->words == NULL && examined->answer.word_count == 0);
}

void examined_finish(struct examined *examined)
{
	free(examined->words);
}
