/* SPDX-License-Identifier: MIT */
/*
 * One penstock-shader process, seen from the daemon.
 *
 *   standing by --give--> working --answered and ended, or killed--> left --> closed
 *        |                                                             ^
 *        +--------------------- ended by itself, or killed ------------+
 */
#ifndef PENSTOCK_SHADER_PROCESS_H
#define PENSTOCK_SHADER_PROCESS_H

#include "gpu-backend/shader/host/answer.h"

struct penstock_shader_process;

struct penstock_shader_process_config {
	uv_loop_t *loop;
	const char *program;
	uint32_t wall_ms; /* from `give` on */
	void *owner;
	/* It has ended; once, not from within a call. The bytes are borrowed for the callback. */
	void (*left)(struct penstock_shader_process *process,
		     const struct penstock_shader_leaving *leaving);
	/* After `left`: it does not exist any more. */
	void (*closed)(struct penstock_shader_process *process);
};

/* SUCCESS; NO_MEMORY; IO_DEVICE_ERROR: the program cannot be started. */
PENSTOCK_MUST_CHECK
enum penstock_status
penstock_shader_process_start(const struct penstock_shader_process_config *config,
			      struct penstock_shader_process **ret_process);

void *penstock_shader_process_owner(const struct penstock_shader_process *process);

/* One that stands by begins to work. The bytes stay as they are until `left`. */
void penstock_shader_process_give(struct penstock_shader_process *process, const void *bytes,
				  size_t byte_count);

/* At any time: it will be left soon. */
void penstock_shader_process_kill(struct penstock_shader_process *process);

#endif
