/* SPDX-License-Identifier: MIT */
/* Which penstock-gpu process works for whom, and the files that it is given. */
#include "gpu-backend/emulated/host/emulated.h"

#include "proto/wire/limits.h"

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

/* Out of the way of the submission that took the standby. */
#define STANDBY_DELAY_MS 5

/* What a shell says of a program that could not be executed. */
#define EXIT_NOT_STARTED (127 << 8)

static struct penstock_emulated *emulated_of(const struct penstock_emulated_process *process)
{
	return (struct penstock_emulated *)process->base.backend;
}

/* ---------------------------------------------------------------- children */

static void on_child_closed(struct penstock_child *child)
{
	struct penstock_emulated *emulated = child->config.owner;

	/* One that a reset did not wait for any longer has ended after all. */
	penstock_list_for_each (link, &emulated->processes) {
		struct penstock_emulated_process *process =
			penstock_list_entry(link, struct penstock_emulated_process, link);

		if (process->child == child) {
			penstock_emulated_process_detach(process);
		}
	}
	penstock_list_remove(&child->link);
	penstock_emulated_maybe_stopped(emulated);
}

static struct penstock_child *start_child(struct penstock_emulated *emulated, bool pipelines)
{
	struct penstock_child_config config = {
		.loop = emulated->loop,
		.program = emulated->program,
		.memory_lock = emulated->config.memory_lock,
		.local_bytes = emulated->config.local_bytes,
		.aperture_bytes = emulated->config.aperture_bytes,
		.pipelines = pipelines,
		.owner = emulated,
		.interrupt = penstock_emulated_on_interrupt,
		.ended = penstock_emulated_on_ended,
		.closed = on_child_closed,
	};
	struct penstock_child *child;

	if (penstock_child_start(&config, &child) != PENSTOCK_STATUS_SUCCESS) {
		return NULL;
	}
	penstock_list_append(&emulated->children, &child->link);
	return child;
}

static void on_standby_timer(uv_timer_t *timer)
{
	struct penstock_emulated *emulated = timer->data;

	/* Without one, the next process is started when it is needed. */
	for (unsigned i = 0; i <= emulated->pipelines; i++) {
		if (emulated->standby[i] == NULL && emulated->stopped == NULL) {
			emulated->standby[i] = start_child(emulated, i != 0);
		}
	}
}

void penstock_emulated_want_standby(struct penstock_emulated *emulated)
{
	uv_timer_start(&emulated->standby_timer, on_standby_timer, STANDBY_DELAY_MS, 0);
}

/*
 * Each message that waits may hold a descriptor of a file that is gone. A process that starts, or
 * is given many files at once, may well be behind by as many as it has.
 */
static enum penstock_status send_message(struct penstock_emulated_process *process,
					 const struct penstock_channel_message *message,
					 int descriptor)
{
	return penstock_child_send(process->child, message, descriptor,
				   process->file_count + PENSTOCK_LIMIT_CHANNEL_MESSAGES);
}

static enum penstock_status send_file(struct penstock_emulated_process *process,
				      const struct penstock_emulated_file *file)
{
	struct penstock_channel_message message = {
		.kind = PENSTOCK_CHANNEL_ATTACH,
		.file_id = file->id,
		.size_bytes = file->size_bytes,
		.role = file->role,
	};

	return send_message(process, &message, file->descriptor);
}

static bool send_files(struct penstock_emulated_process *process)
{
	for (size_t i = 0; i < process->file_count; i++) {
		if (send_file(process, &process->files[i]) != PENSTOCK_STATUS_SUCCESS) {
			return false;
		}
	}
	return true;
}

/* The process cannot be started: it is as if it had died at once. */
static void owe_death(struct penstock_emulated_process *process)
{
	process->dead = true;
	process->tell_death = true;
	process->death_status = EXIT_NOT_STARTED;
	penstock_emulated_look(process);
}

bool penstock_emulated_process_ensure(struct penstock_emulated_process *process)
{
	struct penstock_emulated *emulated = emulated_of(process);

	if (PENSTOCK_LIKELY(process->child != NULL)) {
		return true;
	}
	if (process->dead) {
		return false;
	}
	process->child = emulated->standby[process->pipelines];
	emulated->standby[process->pipelines] = NULL;
	if (process->child == NULL) {
		process->child = start_child(emulated, process->pipelines);
	}
	penstock_emulated_want_standby(emulated);
	if (process->child == NULL) {
		owe_death(process);
		return false;
	}
	process->child->process = process;
	for (uint32_t i = 0; i < PENSTOCK_NODE_COUNT; i++) {
		penstock_hw_queue_reset(&process->queues[i], &process->child->ring->nodes[i]);
	}
	if (!send_files(process)) {
		penstock_emulated_process_detach(process);
		owe_death(process);
		return false;
	}
	return true;
}

bool penstock_emulated_finish(struct penstock_emulated_process *process)
{
	for (uint32_t i = 0; i < PENSTOCK_NODE_COUNT; i++) {
		if (!penstock_emulated_collect(process, i, true)) {
			return false;
		}
	}
	return true;
}

void penstock_emulated_process_detach(struct penstock_emulated_process *process)
{
	struct penstock_child *child = process->child;

	process->child = NULL;
	for (uint32_t i = 0; i < PENSTOCK_NODE_COUNT; i++) {
		penstock_hw_queue_reset(&process->queues[i], NULL);
	}
	if (child != NULL) {
		child->process = NULL;
		(void)penstock_child_end(child, 0);
	}
}

/* ---------------------------------------------------------------- files */

static enum penstock_status make_room(struct penstock_emulated_process *process)
{
	size_t capacity = process->file_capacity == 0 ? 4 : process->file_capacity * 2;
	struct penstock_emulated_file *files;

	if (process->file_count < process->file_capacity) {
		return PENSTOCK_STATUS_SUCCESS;
	}
	files = reallocarray(process->files, capacity, sizeof(*files));
	if (files == NULL) {
		return PENSTOCK_STATUS_NO_MEMORY;
	}
	process->files = files;
	process->file_capacity = capacity;
	return PENSTOCK_STATUS_SUCCESS;
}

enum penstock_status penstock_emulated_attach_file(struct penstock_backend_process *base,
						   const struct penstock_backend_file *file,
						   enum penstock_file_role role)
{
	struct penstock_emulated_process *process = (struct penstock_emulated_process *)base;
	struct penstock_emulated_file attached = { .id = file->id,
						   .size_bytes = file->size_bytes,
						   .role = role };
	enum penstock_status status = make_room(process);

	if (status != PENSTOCK_STATUS_SUCCESS) {
		return status;
	}
	attached.descriptor = fcntl(file->descriptor, F_DUPFD_CLOEXEC, 0);
	if (attached.descriptor < 0) {
		return PENSTOCK_STATUS_IO_DEVICE_ERROR;
	}
	if (process->child != NULL) {
		status = send_file(process, &attached);
		if (status != PENSTOCK_STATUS_SUCCESS) {
			close(attached.descriptor);
			return status;
		}
	}
	process->files[process->file_count++] = attached;
	return PENSTOCK_STATUS_SUCCESS;
}

void penstock_emulated_detach_file(struct penstock_backend_process *base, uint32_t file_id)
{
	struct penstock_emulated_process *process = (struct penstock_emulated_process *)base;
	struct penstock_channel_message message = { .kind = PENSTOCK_CHANNEL_DETACH,
						    .file_id = file_id };

	for (size_t i = 0; i < process->file_count; i++) {
		if (process->files[i].id != file_id) {
			continue;
		}
		close(process->files[i].descriptor);
		process->files[i] = process->files[--process->file_count];
		/* Not sent for want of memory: that process keeps a descriptor until it ends. */
		if (process->child != NULL &&
		    send_message(process, &message, -1) != PENSTOCK_STATUS_SUCCESS) {
			return;
		}
		return;
	}
}
