/* SPDX-License-Identifier: MIT */
/* Any bytes as a script: parsed or refused with one line, and nothing is kept. */
#include "client/penstock/script.h"
#include "tests/fuzz/fuzz.h"

#include <string.h>

/* Indices of a parsed script lead somewhere. */
static void check_script(const struct penstock_script *script)
{
	for (size_t i = 0; i < script->step_count; i++) {
		const struct penstock_step *step = &script->steps[i];

		PENSTOCK_REQUIRE(step->subject == PENSTOCK_SCRIPT_NONE ||
				 step->subject < script->object_count);
		PENSTOCK_REQUIRE(step->request == PENSTOCK_SCRIPT_NONE || step->request < i);
		PENSTOCK_REQUIRE(step->expected_by == PENSTOCK_SCRIPT_NONE ||
				 (step->expected_by > i && step->expected_by < script->step_count));
		PENSTOCK_REQUIRE((step->submission != NULL) ==
				 (step->kind == PENSTOCK_STEP_SUBMIT));
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct penstock_script *script = NULL;
	struct penstock_errbuf fault;

	if (penstock_script_parse("fuzz", (const char *)data, size, &script, &fault) ==
	    PENSTOCK_STATUS_SUCCESS) {
		check_script(script);
		penstock_script_free(script);
		return 0;
	}
	PENSTOCK_REQUIRE(strncmp(fault.text, "fuzz:", 5) == 0);
	PENSTOCK_REQUIRE(strchr(fault.text, '\n') == NULL);
	return 0;
}
