/* SPDX-License-Identifier: MIT */
/*
 * What backends have in common that run in this process: their processes are blocks of heap, what
 * they have to say they say from turns of the loop, and they end at once. Loop thread only.
 */
#ifndef PENSTOCK_PLAIN_H
#define PENSTOCK_PLAIN_H

#include "gpu-backend/backend.h"
#include "gpu-backend/plain/telling.h"
#include "proto/base/list.h"

#include <uv.h>

/* First member of such a backend, which is one block of heap and freed as one. */
struct penstock_plain {
	struct penstock_backend base;
	struct penstock_backend_callbacks callbacks;
	struct penstock_list processes; /* penstock_plain_process.link */
	struct penstock_telling *telling;
	uv_loop_t *loop; /* or NULL */
	uv_idle_t idle;  /* its data is the backend */
	void (*stopped)(void *argument);
	void *stopped_argument;
};

/* First member of its processes. */
struct penstock_plain_process {
	struct penstock_backend_process base;
	struct penstock_list link; /* penstock_plain.processes */
	void *owner;
};

/* With config->loop NULL there are no turns, and `stopped` is called from inside stop. */
void penstock_plain_init(struct penstock_plain *plain, const struct penstock_backend_ops *ops,
			 const struct penstock_backend_config *config);

/* `turn` is called in every turn of the loop, until it stops the idle handle. */
void penstock_plain_wake(struct penstock_plain *plain, uv_idle_cb turn);

void penstock_plain_process_init(struct penstock_plain_process *process,
				 struct penstock_backend *backend, void *owner);

/* Callbacks about it that are under way learn of it. */
void penstock_plain_process_fini(struct penstock_plain_process *process);

static inline struct penstock_plain *
penstock_plain_of(const struct penstock_backend_process *process)
{
	return (struct penstock_plain *)process->backend;
}

/* Callbacks. False: the process was destroyed from inside. */
bool penstock_plain_tell(struct penstock_plain_process *process,
			 const struct penstock_interrupt *interrupt);
bool penstock_plain_die(struct penstock_plain_process *process, int wait_status);
bool penstock_plain_fail(struct penstock_plain_process *process, const char *reason);

/* Of the table: the end of such a backend, and what means nothing to one that touches no memory. */
void penstock_plain_stop(struct penstock_backend *backend, void (*stopped)(void *argument),
			 void *argument);
enum penstock_status penstock_plain_attach_file(struct penstock_backend_process *process,
						const struct penstock_backend_file *file,
						enum penstock_file_role role);
void penstock_plain_detach_file(struct penstock_backend_process *process, uint32_t file_id);
size_t penstock_plain_collect_dbg_info(struct penstock_backend_process *process, char *ret_text,
				       size_t text_bytes);
int64_t penstock_plain_process_id(const struct penstock_backend_process *process);

#endif
