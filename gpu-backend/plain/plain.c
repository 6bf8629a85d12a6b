/* SPDX-License-Identifier: MIT */
#include "gpu-backend/plain/plain.h"

#include <stdlib.h>

/* ---------------------------------------------------------------- its life */

void penstock_plain_init(struct penstock_plain *plain, const struct penstock_backend_ops *ops,
			 const struct penstock_backend_config *config)
{
	plain->base.ops = ops;
	plain->callbacks = config->callbacks;
	plain->loop = config->loop;
	penstock_list_init(&plain->processes);
	if (plain->loop != NULL) {
		(void)uv_idle_init(plain->loop, &plain->idle);
		plain->idle.data = plain;
	}
}

void penstock_plain_wake(struct penstock_plain *plain, uv_idle_cb turn)
{
	if (plain->loop != NULL) {
		(void)uv_idle_start(&plain->idle, turn);
	}
}

static void finish(struct penstock_plain *plain)
{
	void (*stopped)(void *argument) = plain->stopped;
	void *argument = plain->stopped_argument;

	free(plain);
	stopped(argument);
}

static void on_closed(uv_handle_t *handle)
{
	finish(handle->data);
}

void penstock_plain_stop(struct penstock_backend *backend, void (*stopped)(void *argument),
			 void *argument)
{
	struct penstock_plain *plain = (struct penstock_plain *)backend;

	PENSTOCK_REQUIRE(plain->stopped == NULL && stopped != NULL);
	plain->stopped = stopped;
	plain->stopped_argument = argument;
	penstock_list_for_each_safe (link, &plain->processes) {
		backend->ops->destroy_process(
			&penstock_list_entry(link, struct penstock_plain_process, link)->base);
	}
	if (plain->loop == NULL) {
		finish(plain);
	} else {
		uv_close((uv_handle_t *)&plain->idle, on_closed);
	}
}

/* ---------------------------------------------------------------- processes */

void penstock_plain_process_init(struct penstock_plain_process *process,
				 struct penstock_backend *backend, void *owner)
{
	struct penstock_plain *plain = (struct penstock_plain *)backend;

	process->base.backend = backend;
	process->owner = owner;
	penstock_list_append(&plain->processes, &process->link);
}

void penstock_plain_process_fini(struct penstock_plain_process *process)
{
	penstock_telling_forget(penstock_plain_of(&process->base)->telling, process);
	penstock_list_remove(&process->link);
}

bool penstock_plain_tell(struct penstock_plain_process *process,
			 const struct penstock_interrupt *interrupt)
{
	struct penstock_plain *plain = penstock_plain_of(&process->base);
	struct penstock_telling telling;

	penstock_telling_begin(&plain->telling, &telling, process);
	plain->callbacks.notify_interrupt(plain->callbacks.owner, process->owner, interrupt);
	return penstock_telling_end(&plain->telling, &telling);
}

bool penstock_plain_die(struct penstock_plain_process *process, int wait_status)
{
	struct penstock_plain *plain = penstock_plain_of(&process->base);
	struct penstock_telling telling;

	penstock_telling_begin(&plain->telling, &telling, process);
	plain->callbacks.process_died(plain->callbacks.owner, process->owner, wait_status);
	return penstock_telling_end(&plain->telling, &telling);
}

bool penstock_plain_fail(struct penstock_plain_process *process, const char *reason)
{
	struct penstock_plain *plain = penstock_plain_of(&process->base);
	struct penstock_telling telling;

	penstock_telling_begin(&plain->telling, &telling, process);
	plain->callbacks.adapter_failed(plain->callbacks.owner, reason);
	return penstock_telling_end(&plain->telling, &telling);
}

/* ---------------------------------------------------------------- of the table */

enum penstock_status penstock_plain_attach_file(struct penstock_backend_process *process,
						const struct penstock_backend_file *file,
						enum penstock_file_role role)
{
	(void)process;
	(void)file;
	(void)role;
	return PENSTOCK_STATUS_SUCCESS;
}

void penstock_plain_detach_file(struct penstock_backend_process *process, uint32_t file_id)
{
	(void)process;
	(void)file_id;
}

size_t penstock_plain_collect_dbg_info(struct penstock_backend_process *process, char *ret_text,
				       size_t text_bytes)
{
	(void)process;
	if (text_bytes > 0) {
		ret_text[0] = '\0';
	}
	return 0;
}

int64_t penstock_plain_process_id(const struct penstock_backend_process *process)
{
	(void)process;
	return 0;
}
