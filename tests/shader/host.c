/* SPDX-License-Identifier: MIT */
#include "config.h"

#include "tests/shader/host.h"

#include <check.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void host_answered(void *owner, const struct penstock_shader_answer *answer)
{
	struct outcome *outcome = owner;

	ck_assert(!outcome->is_there);
	outcome->is_there = true;
	outcome->status = answer->status;
	outcome->word_offset = answer->word_offset;
	snprintf(outcome->sentence, sizeof(outcome->sentence), "%s", answer->sentence);
	if (answer->status == PENSTOCK_STATUS_SUCCESS) {
		outcome->reflection = *answer->reflection;
		outcome->module = module_copy(answer->words, answer->word_count);
	}
	ck_assert((answer->status == PENSTOCK_STATUS_SUCCESS) == (answer->words != NULL));
	ck_assert((answer->status == PENSTOCK_STATUS_SUCCESS) == (answer->sentence[0] == '\0'));
}

void host_start(struct host *host, const char *program, uint32_t at_once, uint32_t wall_ms)
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

void host_finish(struct host *host)
{
	penstock_shader_service_close(host->service, on_closed, host);
	ck_assert(!host->closed);
	uv_run(&host->loop, UV_RUN_DEFAULT);
	ck_assert(host->closed);
	ck_assert_int_eq(uv_loop_close(&host->loop), 0);
}

struct penstock_shader_check *host_ask(struct host *host, const struct module *module,
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
		penstock_shader_check(host->service, &request, host_answered, outcome, &check),
		PENSTOCK_STATUS_SUCCESS);
	ck_assert(!outcome->is_there);
	return check;
}

void host_await(struct host *host, const struct outcome *outcome)
{
	while (!outcome->is_there) {
		uv_run(&host->loop, UV_RUN_ONCE);
	}
}
