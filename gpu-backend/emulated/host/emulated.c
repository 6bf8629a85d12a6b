/* SPDX-License-Identifier: MIT */
/*
 * The emulated GPU's table of calls. A process object lives as long as the daemon wants; the
 * penstock-gpu process behind it starts with the first packet and is replaced by reset_engine:
 *
 *   NONE --submit--> RUNNING --it ends by itself--> DEAD (process_died; packets go nowhere)
 *    ^                  |                             |
 *    +---reset_engine---+------------reset_engine-----+
 *
 * Loop thread only. Callbacks come from the loop: an interrupt's eventfd, a child's end, or the
 * idle handle for what a call of the table found out.
 */
#include "gpu-backend/emulated/host/emulated.h"

#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* SIGKILL to the end of a process with gigabytes mapped: milliseconds. Beyond this it is stuck. */
#define RESET_WAIT_MS 2000

static struct penstock_emulated *emulated_of(const struct penstock_backend_process *process)
{
	return (struct penstock_emulated *)process->backend;
}

static struct penstock_emulated_process *process_of(struct penstock_backend_process *process)
{
	return (struct penstock_emulated_process *)process;
}

/* ---------------------------------------------------------------- processes */

static enum penstock_status create_process(struct penstock_backend *backend, bool system,
					   void *process_owner,
					   struct penstock_backend_process **ret_process)
{
	struct penstock_emulated *emulated = (struct penstock_emulated *)backend;
	struct penstock_emulated_process *process = calloc(1, sizeof(*process));

	(void)system; /* what it may address is what is attached to it */
	if (process == NULL) {
		return PENSTOCK_STATUS_NO_MEMORY;
	}
	process->base.backend = backend;
	process->owner = process_owner;
	for (uint32_t i = 0; i < PENSTOCK_NODE_COUNT; i++) {
		penstock_hw_queue_init(&process->queues[i], i);
	}
	penstock_list_init(&process->busy_link);
	penstock_list_append(&emulated->processes, &process->link);
	*ret_process = &process->base;
	return PENSTOCK_STATUS_SUCCESS;
}

static void destroy_process(struct penstock_backend_process *base)
{
	struct penstock_emulated_process *process = process_of(base);
	struct penstock_emulated *emulated = emulated_of(base);

	penstock_emulated_process_detach(process);
	penstock_telling_forget(emulated->telling, process);
	for (size_t i = 0; i < process->file_count; i++) {
		close(process->files[i].descriptor);
	}
	free(process->files);
	penstock_list_remove(&process->busy_link);
	penstock_list_remove(&process->link);
	free(process);
}

static enum penstock_status reset_engine(struct penstock_backend_process *base)
{
	struct penstock_emulated_process *process = process_of(base);

	if (process->child != NULL) {
		/* Whoever is stuck in the kernel may still write: what it says is not asked for. */
		if (!penstock_child_end(process->child, RESET_WAIT_MS)) {
			return PENSTOCK_STATUS_UNSUCCESSFUL;
		}
		if (!penstock_emulated_finish(process)) {
			return PENSTOCK_STATUS_SUCCESS;
		}
	}
	penstock_emulated_process_detach(process);
	process->dead = false;
	process->tell_death = false;
	return PENSTOCK_STATUS_SUCCESS;
}

static bool need_pipelines(struct penstock_backend_process *base)
{
	struct penstock_emulated_process *process = process_of(base);
	struct penstock_emulated *emulated = emulated_of(base);

	process->pipelines = true;
	if (!emulated->pipelines) {
		emulated->pipelines = true;
		penstock_emulated_want_standby(emulated);
	}
	return process->child == NULL || process->child->config.pipelines;
}

static uint32_t running_fence(const struct penstock_backend_process *base, uint32_t node_ordinal,
			      uint32_t *ret_dma_offset)
{
	const struct penstock_emulated_process *process =
		(const struct penstock_emulated_process *)base;
	const struct penstock_ring_node *ring = process->queues[node_ordinal].ring;

	*ret_dma_offset = ring == NULL ? 0 : penstock_ring_load32(&ring->dma_offset);
	return ring == NULL ? 0 : penstock_ring_load32(&ring->running_fence_id);
}

static int64_t process_id(const struct penstock_backend_process *base)
{
	const struct penstock_emulated_process *process =
		(const struct penstock_emulated_process *)base;

	return process->child == NULL ? 0 : process->child->pid;
}

/* ---------------------------------------------------------------- packets */

static void submit_command(struct penstock_backend_process *base,
			   const struct penstock_submit_args *args)
{
	struct penstock_emulated_process *process = process_of(base);

	PENSTOCK_REQUIRE(args->node_ordinal < PENSTOCK_NODE_COUNT);
	if (!penstock_emulated_process_ensure(process)) {
		return;
	}
	if (PENSTOCK_UNLIKELY(penstock_hw_queue_full(&process->queues[args->node_ordinal]))) {
		penstock_emulated_fail(emulated_of(base), "0x119/2: a packet too many for a ring");
	} else {
		penstock_hw_queue_put(&process->queues[args->node_ordinal], args,
				      process->child->messages);
	}
}

static void ring_doorbell(struct penstock_backend_process *base)
{
	struct penstock_emulated_process *process = process_of(base);

	if (process->child == NULL) {
		return;
	}
	penstock_emulated_disarm(process);
	for (uint32_t i = 0; i < PENSTOCK_NODE_COUNT; i++) {
		if (penstock_hw_queue_outstanding(&process->queues[i])) {
			penstock_child_ring_doorbell(process->child, i);
		}
	}
	/*
	 * Behind the doorbell: on one processor the GPU often runs inside that call, and what it
	 * has done then needs no interrupt.
	 */
	penstock_emulated_expect(process);
}

static void query_current_fence(struct penstock_backend_process *base, uint32_t node_ordinal)
{
	PENSTOCK_REQUIRE(node_ordinal < PENSTOCK_NODE_COUNT);
	penstock_emulated_collect(process_of(base), node_ordinal, false);
}

static void preempt_command(struct penstock_backend_process *base, uint32_t node_ordinal,
			    uint32_t preemption_fence_id)
{
	struct penstock_emulated_process *process = process_of(base);

	PENSTOCK_REQUIRE(node_ordinal < PENSTOCK_NODE_COUNT);
	penstock_hw_queue_preempt(&process->queues[node_ordinal], preemption_fence_id);
	if (process->queues[node_ordinal].preempt_direct) {
		penstock_emulated_look(process);
		return;
	}
	ring_doorbell(base);
}

/* ---------------------------------------------------------------- to look at */

static size_t append(char *text, size_t bytes, size_t used, const char *format, ...)
	PENSTOCK_PRINTF(4, 5);

static size_t append(char *text, size_t bytes, size_t used, const char *format, ...)
{
	va_list arguments;
	int length;

	va_start(arguments, format);
	length = vsnprintf(text + used, bytes - used, format, arguments);
	va_end(arguments);
	if (length < 0) {
		return used;
	}
	return (size_t)length < bytes - used ? used + (size_t)length : bytes - 1;
}

static size_t collect_dbg_info(struct penstock_backend_process *base, char *ret_text,
			       size_t text_bytes)
{
	const struct penstock_emulated_process *process = process_of(base);
	size_t used = 0;

	if (text_bytes == 0) {
		return 0;
	}
	used = append(ret_text, text_bytes, used, "process=%lld\n", (long long)process_id(base));
	for (uint32_t i = 0; i < PENSTOCK_NODE_COUNT; i++) {
		const struct penstock_hw_queue *queue = &process->queues[i];
		const struct penstock_ring_node *ring = queue->ring;

		used = append(ret_text, text_bytes, used,
			      "node=%u outstanding=%u last_completed=0x%x preempting=%d faulted=%d",
			      i, queue->produced - queue->retired, queue->completed,
			      queue->preempting, queue->faulted);
		if (ring != NULL) {
			used = append(ret_text, text_bytes, used,
				      " running=0x%x dma_offset=0x%x progress=0x%x",
				      penstock_ring_load32(&ring->running_fence_id),
				      penstock_ring_load32(&ring->dma_offset),
				      penstock_ring_load32(&ring->progress));
		}
		used = append(ret_text, text_bytes, used, "\n");
	}
	return used;
}

/* ---------------------------------------------------------------- start and stop */

static void on_handle_closed(uv_handle_t *handle)
{
	struct penstock_emulated *emulated = handle->data;
	void (*stopped)(void *argument) = emulated->stopped;
	void *argument = emulated->stopped_argument;

	if (--emulated->open_handles > 0) {
		return;
	}
	if (emulated->config.memory_lock >= 0) {
		close(emulated->config.memory_lock);
	}
	free(emulated->program);
	free(emulated);
	if (stopped != NULL) {
		stopped(argument);
	}
}

static void close_handles(struct penstock_emulated *emulated)
{
	uv_close((uv_handle_t *)&emulated->idle, on_handle_closed);
	uv_close((uv_handle_t *)&emulated->standby_timer, on_handle_closed);
}

void penstock_emulated_maybe_stopped(struct penstock_emulated *emulated)
{
	if (emulated->stopped != NULL && penstock_list_empty(&emulated->children) &&
	    !uv_is_closing((uv_handle_t *)&emulated->idle)) {
		close_handles(emulated);
	}
}

static void stop(struct penstock_backend *backend, void (*stopped)(void *argument), void *argument)
{
	struct penstock_emulated *emulated = (struct penstock_emulated *)backend;

	PENSTOCK_REQUIRE(emulated->stopped == NULL && stopped != NULL);
	emulated->stopped = stopped;
	emulated->stopped_argument = argument;
	penstock_list_for_each_safe (link, &emulated->processes) {
		destroy_process(
			&penstock_list_entry(link, struct penstock_emulated_process, link)->base);
	}
	for (size_t i = 0; i < PENSTOCK_ARRAY_SIZE(emulated->standby); i++) {
		if (emulated->standby[i] != NULL) {
			penstock_child_end(emulated->standby[i], 0);
			emulated->standby[i] = NULL;
		}
	}
	uv_idle_stop(&emulated->idle);
	uv_timer_stop(&emulated->standby_timer);
	penstock_emulated_maybe_stopped(emulated);
}

static const struct penstock_backend_ops emulated_ops = {
	.name = "emulated",
	.stop = stop,
	.create_process = create_process,
	.destroy_process = destroy_process,
	.attach_file = penstock_emulated_attach_file,
	.detach_file = penstock_emulated_detach_file,
	.submit_command = submit_command,
	.ring_doorbell = ring_doorbell,
	.query_current_fence = query_current_fence,
	.preempt_command = preempt_command,
	.reset_engine = reset_engine,
	.need_pipelines = need_pipelines,
	.running_fence = running_fence,
	.collect_dbg_info = collect_dbg_info,
	.process_id = process_id,
};

static bool has_several_processors(void)
{
	cpu_set_t set;

	return sched_getaffinity(0, sizeof(set), &set) == 0 && CPU_COUNT(&set) > 1;
}

static enum penstock_status copy_config(struct penstock_emulated *emulated,
					const struct penstock_backend_config *config)
{
	emulated->config = *config;
	emulated->program = strdup(config->gpu_program);
	emulated->config.gpu_program = emulated->program;
	if (emulated->program == NULL) {
		return PENSTOCK_STATUS_NO_MEMORY;
	}
	if (config->memory_lock >= 0) {
		emulated->config.memory_lock = fcntl(config->memory_lock, F_DUPFD_CLOEXEC, 0);
	}
	return config->memory_lock >= 0 && emulated->config.memory_lock < 0
		       ? PENSTOCK_STATUS_NO_MEMORY
		       : PENSTOCK_STATUS_SUCCESS;
}

enum penstock_status penstock_emulated_start(const struct penstock_backend_config *config,
					     struct penstock_backend **ret_backend,
					     struct penstock_errbuf *reterr_text)
{
	struct penstock_emulated *emulated;
	enum penstock_status status;

	if (access(config->gpu_program, X_OK) != 0) {
		penstock_errbuf_set(reterr_text, "GPU program '%s' cannot be executed",
				    config->gpu_program);
		return PENSTOCK_STATUS_NOT_FOUND;
	}
	emulated = calloc(1, sizeof(*emulated));
	if (emulated == NULL) {
		return PENSTOCK_STATUS_NO_MEMORY;
	}
	status = copy_config(emulated, config);
	if (status != PENSTOCK_STATUS_SUCCESS) {
		free(emulated->program);
		free(emulated);
		return status;
	}
	emulated->base.ops = &emulated_ops;
	emulated->loop = config->loop;
	emulated->may_look = has_several_processors();
	penstock_list_init(&emulated->processes);
	penstock_list_init(&emulated->children);
	penstock_list_init(&emulated->busy);
	uv_idle_init(emulated->loop, &emulated->idle);
	uv_timer_init(emulated->loop, &emulated->standby_timer);
	emulated->idle.data = emulated->standby_timer.data = emulated;
	emulated->open_handles = 2;
	penstock_emulated_want_standby(emulated);
	*ret_backend = &emulated->base;
	return PENSTOCK_STATUS_SUCCESS;
}
