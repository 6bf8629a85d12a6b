/* SPDX-License-Identifier: MIT */
/* The service that has shaders checked, on a loop of its own. */
#ifndef PENSTOCK_TEST_SHADER_HOST_H
#define PENSTOCK_TEST_SHADER_HOST_H

#include "gpu-backend/shader/host/service.h"
#include "tests/shader/module.h"

/* What was answered to one request. */
struct outcome {
	bool is_there;
	enum penstock_status status;
	uint32_t word_offset;
	char sentence[PENSTOCK_SHADER_SENTENCE_BYTES];
	struct module module; /* hardened; nothing unless SUCCESS */
	struct penstock_shader_reflection reflection;
};

struct host {
	uv_loop_t loop;
	struct penstock_shader_service *service;
	bool closed;
};

/* A program of the build directory. */
void host_start(struct host *host, const char *program, uint32_t at_once, uint32_t wall_ms);

/* Fails the test unless everything is given back: the loop has nothing left. */
void host_finish(struct host *host);

/* A compute stage, without constants; the outcome is zeroed. */
struct penstock_shader_check *host_ask(struct host *host, const struct module *module,
				       const char *entry_point, struct outcome *outcome);

/* The callback of requests that a test makes itself; the outcome is their owner. */
void host_answered(void *owner, const struct penstock_shader_answer *answer);

void host_await(struct host *host, const struct outcome *outcome);

#endif
