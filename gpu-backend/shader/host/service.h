/* SPDX-License-Identifier: MIT */
/*
 * Has modules of SPIR-V checked, hardened and reflected by penstock-shader, a process for each,
 * confined, with limits on time and memory. Level One: one thread, the loop's.
 *
 *                 +-- at most PENSTOCK_LIMIT_SHADER_QUEUED --+
 *   check() ----> | waiting                                  | ----> working ----> answered
 *                 +------------------------------------------+       (one process each,
 *                                                                     one more stands by)
 *
 * A process that crashes, hangs, says nothing or nonsense refuses its own request only.
 */
#ifndef PENSTOCK_SHADER_SERVICE_H
#define PENSTOCK_SHADER_SERVICE_H

#include "gpu-backend/shader/exchange.h"

#include <uv.h>

struct penstock_shader_service;
struct penstock_shader_check;

struct penstock_shader_service_config {
	uv_loop_t *loop;
	const char *program; /* path of penstock-shader; copied */
	uint32_t at_once;    /* processes at work; 0: PENSTOCK_LIMIT_SHADER_AT_ONCE */
	uint32_t wall_ms;    /* that one may take; 0: PENSTOCK_LIMIT_SHADER_WALL_MS */
};

/* One stage. Everything is copied before the call returns. */
struct penstock_shader_request {
	const uint32_t *words; /* word_count * 4 <= PENSTOCK_LIMIT_SHADER_BYTES */
	uint32_t word_count;
	enum penstock_shader_stage stage;
	const char *entry_point; /* shorter than PENSTOCK_LIMIT_SHADER_NAME_BYTES */
	const struct penstock_shader_constant *constants;
	uint32_t constant_count; /* <= PENSTOCK_LIMIT_SHADER_CONSTANTS */
};

/* Borrowed for the callback. */
struct penstock_shader_answer {
	/*
	 * SUCCESS: words and reflection are there, and both were checked.
	 * INVALID_PARAMETER: the module is not valid, or says what is not permitted; word_offset
	 *	is the word of the request's module, or PENSTOCK_SHADER_NO_WORD.
	 * TIMEOUT: it took too long. NO_MEMORY: it needs too much, or there is too little.
	 * UNSUCCESSFUL: the process ended, or gave an answer that cannot be.
	 * IO_DEVICE_ERROR: the program cannot be started.
	 */
	enum penstock_status status;
	uint32_t word_offset;
	const char *sentence;  /* "" for SUCCESS */
	const uint32_t *words; /* hardened: nothing can be specialised any more */
	uint32_t word_count;   /* <= PENSTOCK_LIMIT_SHADER_HARDENED_BYTES / 4 */
	const struct penstock_shader_reflection *reflection;
};

/* Never called from within penstock_shader_check; the check is gone when it returns. */
typedef void penstock_shader_answered(void *owner, const struct penstock_shader_answer *answer);

/* SUCCESS, NO_MEMORY. No process is started before the first check. */
PENSTOCK_MUST_CHECK
enum penstock_status
penstock_shader_service_create(const struct penstock_shader_service_config *config,
			       struct penstock_shader_service **ret_service);

/*
 * Checks are cancelled without a callback, processes killed; `closed` is called once, when all are
 * gone, not from within this call, and the service does not exist any more then. NULL: nothing.
 */
void penstock_shader_service_close(struct penstock_shader_service *service,
				   void (*closed)(void *owner), void *owner);

/*
 * The answer comes through `answered`, once. SUCCESS; LIMIT_EXCEEDED: the request is over a limit
 * of its fields; QUOTA_EXCEEDED: so many wait already; NO_MEMORY.
 */
PENSTOCK_MUST_CHECK
enum penstock_status penstock_shader_check(struct penstock_shader_service *service,
					   const struct penstock_shader_request *request,
					   penstock_shader_answered *answered, void *owner,
					   struct penstock_shader_check **ret_check);

/* Before its answer: there will be none, and its process is killed. */
void penstock_shader_cancel(struct penstock_shader_check *check);

#endif
