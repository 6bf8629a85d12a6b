/* SPDX-License-Identifier: MIT */
#include "gpu-backend/faulty/faulty.h"

#include "proto/base/list.h"

#include <stdlib.h>
#include <string.h>
#include <uv.h>

struct faulty_packet {
	struct penstock_submit_args args;
	struct penstock_fault fault;
	uint8_t paging[PENSTOCK_PAGING_BUFFER_BYTES];
};

struct faulty_node {
	struct faulty_packet packets[PENSTOCK_RING_PACKETS];
	uint32_t first;
	uint32_t count;
	uint32_t completed; /* fence id */
	uint32_t preemption_fence_id;
	bool unreported; /* `completed` was not told */
	bool preempting;
	bool stuck; /* halted by a fault, or hanging: until reset_engine */
};

struct faulty_process {
	struct penstock_backend_process base;
	struct penstock_list link; /* faulty_backend.processes, in the order of their turns */
	void *owner;
	bool dead;
	struct faulty_node nodes[PENSTOCK_NODE_COUNT];
};

struct faulty_backend {
	struct penstock_backend base;
	struct penstock_backend_callbacks callbacks;
	struct penstock_faulty_config config;
	struct penstock_list processes; /* faulty_process.link */
	uint64_t packets;               /* submitted so far */
	struct faulty_process *acting;  /* whose callbacks run; NULL: it was destroyed */
	uv_loop_t *loop;                /* or NULL */
	uv_idle_t idle;
	void (*stopped)(void *argument);
	void *stopped_argument;
};

static struct faulty_backend *backend_of(const struct penstock_backend_process *process)
{
	return (struct faulty_backend *)process->backend;
}

static struct faulty_process *process_of(struct penstock_backend_process *process)
{
	return (struct faulty_process *)process;
}

/* ---------------------------------------------------------------- telling */

static void tell(struct faulty_process *process, const struct penstock_interrupt *interrupt)
{
	struct faulty_backend *backend = backend_of(&process->base);

	backend->callbacks.notify_interrupt(backend->callbacks.owner, process->owner, interrupt);
}

static void tell_completed(struct faulty_process *process, uint32_t ordinal, uint32_t fence_id)
{
	struct penstock_interrupt interrupt = {
		.type = PENSTOCK_INTERRUPT_DMA_COMPLETED,
		.node_ordinal = ordinal,
		.fence_id = fence_id,
		.last_completed_fence_id = fence_id,
	};

	process->nodes[ordinal].unreported = false;
	tell(process, &interrupt);
}

static void tell_preempted(struct faulty_process *process, uint32_t ordinal)
{
	struct faulty_node *node = &process->nodes[ordinal];
	struct penstock_interrupt interrupt = {
		.type = PENSTOCK_INTERRUPT_DMA_PREEMPTED,
		.node_ordinal = ordinal,
		.fence_id = node->preemption_fence_id,
		.last_completed_fence_id = node->completed,
	};

	if (node->count > 0) {
		interrupt.resume_offset = node->packets[node->first].args.submission_start_offset;
		interrupt.resume_position = node->packets[node->first].args.resume_position;
	}
	node->preempting = false;
	node->unreported = false;
	node->count = 0;
	tell(process, &interrupt);
}

static void tell_fault(struct faulty_process *process, uint32_t ordinal,
		       const struct faulty_packet *packet, enum penstock_interrupt_type type)
{
	struct faulty_node *node = &process->nodes[ordinal];
	struct penstock_interrupt interrupt = {
		.type = type,
		.node_ordinal = ordinal,
		.fence_id = packet->args.submission_fence_id,
		.last_completed_fence_id = node->completed,
		.fault_dma_offset = packet->fault.argument,
	};

	node->stuck = true;
	tell(process, &interrupt);
}

/* ---------------------------------------------------------------- executing */

static void take_packet(struct faulty_process *process, struct faulty_node *node)
{
	struct faulty_backend *backend = backend_of(&process->base);
	const struct penstock_submit_args *args = &node->packets[node->first].args;

	if (backend->config.execute != NULL &&
	    (args->flags & PENSTOCK_SUBMITCOMMAND_NULL_RENDERING) == 0) {
		backend->config.execute(backend->config.owner, process->owner, args);
	}
	node->completed = args->submission_fence_id;
	node->unreported = true;
	node->first = (node->first + 1) % PENSTOCK_RING_PACKETS;
	node->count--;
}

/* The packet completes; `times` interrupts say so. */
static void complete(struct faulty_process *process, uint32_t ordinal, unsigned times)
{
	struct faulty_backend *backend = backend_of(&process->base);
	struct faulty_node *node = &process->nodes[ordinal];
	uint32_t fence_id = node->packets[node->first].args.submission_fence_id;

	take_packet(process, node);
	while (times-- > 0 && backend->acting == process) {
		tell_completed(process, ordinal, fence_id);
	}
}

static void die(struct faulty_process *process, uint32_t wait_status)
{
	struct faulty_backend *backend = backend_of(&process->base);

	process->dead = true;
	for (size_t i = 0; i < PENSTOCK_NODE_COUNT; i++) {
		process->nodes[i].count = 0;
		process->nodes[i].preempting = false;
	}
	backend->callbacks.process_died(backend->callbacks.owner, process->owner, (int)wait_status);
}

static void execute(struct faulty_process *process, uint32_t ordinal)
{
	struct faulty_backend *backend = backend_of(&process->base);
	struct faulty_node *node = &process->nodes[ordinal];
	struct faulty_packet *packet = &node->packets[node->first];
	struct penstock_fault fault = packet->fault;

	switch (fault.kind) {
	case PENSTOCK_FAULT_LATE:
		if (fault.argument > 0) {
			packet->fault.argument--;
			return;
		}
		complete(process, ordinal, 1);
		return;
	case PENSTOCK_FAULT_NONE:
		complete(process, ordinal, 1);
		return;
	case PENSTOCK_FAULT_LOST:
		complete(process, ordinal, 0);
		return;
	case PENSTOCK_FAULT_REPEATED:
		complete(process, ordinal, 2);
		return;
	case PENSTOCK_FAULT_INVENTED:
		packet->fault.kind = PENSTOCK_FAULT_NONE;
		tell_completed(process, ordinal, packet->args.submission_fence_id + fault.argument);
		return;
	case PENSTOCK_FAULT_MISPLACED:
		packet->fault.kind = PENSTOCK_FAULT_NONE;
		tell_completed(process, 1 - ordinal, packet->args.submission_fence_id);
		return;
	case PENSTOCK_FAULT_ILLEGAL:
		tell_fault(process, ordinal, packet, PENSTOCK_INTERRUPT_DMA_FAULTED);
		return;
	case PENSTOCK_FAULT_PAGE_FAULT:
		tell_fault(process, ordinal, packet, PENSTOCK_INTERRUPT_DMA_PAGE_FAULTED);
		return;
	case PENSTOCK_FAULT_HANG:
		node->stuck = true;
		return;
	case PENSTOCK_FAULT_DEATH:
		die(process, fault.argument);
		return;
	case PENSTOCK_FAULT_ADAPTER:
		node->stuck = true;
		backend->callbacks.adapter_failed(backend->callbacks.owner, "on order");
		return;
	}
}

static bool act(struct faulty_process *process, uint32_t ordinal)
{
	struct faulty_node *node = &process->nodes[ordinal];

	if (process->dead || node->stuck || (node->count == 0 && !node->preempting)) {
		return false;
	}
	if (node->preempting) {
		tell_preempted(process, ordinal);
	} else {
		execute(process, ordinal);
	}
	return true;
}

bool penstock_faulty_step(struct penstock_backend *base)
{
	struct faulty_backend *backend = (struct faulty_backend *)base;

	penstock_list_for_each_safe (link, &backend->processes) {
		struct faulty_process *process =
			penstock_list_entry(link, struct faulty_process, link);
		bool acted = false;

		backend->acting = process;
		for (uint32_t i = 0; i < PENSTOCK_NODE_COUNT && !acted; i++) {
			acted = act(process, i);
		}
		if (acted && backend->acting == process) {
			/* Its next turn is after the others'. */
			penstock_list_remove(link);
			penstock_list_append(&backend->processes, link);
		}
		backend->acting = NULL;
		if (acted) {
			return true;
		}
	}
	return false;
}

static void on_idle(uv_idle_t *handle)
{
	struct faulty_backend *backend = handle->data;

	if (!penstock_faulty_step(&backend->base)) {
		uv_idle_stop(&backend->idle);
	}
}

static void wake(struct faulty_backend *backend)
{
	if (backend->loop != NULL) {
		uv_idle_start(&backend->idle, on_idle);
	}
}

/* ---------------------------------------------------------------- the table */

static enum penstock_status create_process(struct penstock_backend *base, bool system,
					   void *process_owner,
					   struct penstock_backend_process **ret_process)
{
	struct faulty_backend *backend = (struct faulty_backend *)base;
	struct faulty_process *process = calloc(1, sizeof(*process));

	(void)system;
	if (process == NULL) {
		return PENSTOCK_STATUS_NO_MEMORY;
	}
	process->base.backend = base;
	process->owner = process_owner;
	penstock_list_append(&backend->processes, &process->link);
	*ret_process = &process->base;
	return PENSTOCK_STATUS_SUCCESS;
}

static void destroy_process(struct penstock_backend_process *base)
{
	struct faulty_process *process = process_of(base);
	struct faulty_backend *backend = backend_of(base);

	if (backend->acting == process) {
		backend->acting = NULL;
	}
	penstock_list_remove(&process->link);
	free(process);
}

static enum penstock_status attach_file(struct penstock_backend_process *process,
					const struct penstock_backend_file *file,
					enum penstock_file_role role)
{
	(void)process;
	(void)file;
	(void)role;
	return PENSTOCK_STATUS_SUCCESS;
}

static void detach_file(struct penstock_backend_process *process, uint32_t file_id)
{
	(void)process;
	(void)file_id;
}

static struct penstock_fault fault_of(const struct faulty_backend *backend, uint64_t packet)
{
	for (size_t i = 0; i < backend->config.script_count; i++) {
		if (backend->config.script[i].packet == packet) {
			return backend->config.script[i];
		}
	}
	return (struct penstock_fault){ .kind = PENSTOCK_FAULT_NONE };
}

static void submit_command(struct penstock_backend_process *base,
			   const struct penstock_submit_args *args)
{
	struct faulty_process *process = process_of(base);
	struct faulty_backend *backend = backend_of(base);
	uint64_t number = backend->packets++;
	struct faulty_packet *packet;
	struct faulty_node *node;

	PENSTOCK_REQUIRE(args->node_ordinal < PENSTOCK_NODE_COUNT);
	node = &process->nodes[args->node_ordinal];
	if (process->dead) {
		return;
	}
	PENSTOCK_REQUIRE(node->count < PENSTOCK_RING_PACKETS);
	packet = &node->packets[(node->first + node->count) % PENSTOCK_RING_PACKETS];
	packet->args = *args;
	packet->fault = fault_of(backend, number);
	if ((args->flags & PENSTOCK_SUBMITCOMMAND_PAGING) != 0) {
		PENSTOCK_REQUIRE(args->paging_buffer_bytes <= PENSTOCK_PAGING_BUFFER_BYTES);
		memcpy(packet->paging, args->paging_buffer, args->paging_buffer_bytes);
		packet->args.paging_buffer = packet->paging;
	}
	node->count++;
}

static void ring_doorbell(struct penstock_backend_process *base)
{
	wake(backend_of(base));
}

static void query_current_fence(struct penstock_backend_process *base, uint32_t node_ordinal)
{
	struct faulty_process *process = process_of(base);

	PENSTOCK_REQUIRE(node_ordinal < PENSTOCK_NODE_COUNT);
	if (process->nodes[node_ordinal].unreported) {
		tell_completed(process, node_ordinal, process->nodes[node_ordinal].completed);
	}
}

static void preempt_command(struct penstock_backend_process *base, uint32_t node_ordinal,
			    uint32_t preemption_fence_id)
{
	struct faulty_node *node;

	PENSTOCK_REQUIRE(node_ordinal < PENSTOCK_NODE_COUNT);
	node = &process_of(base)->nodes[node_ordinal];
	PENSTOCK_REQUIRE(!node->preempting);
	node->preempting = true;
	node->preemption_fence_id = preemption_fence_id;
	wake(backend_of(base));
}

/* The completed fences that were not told. False: the callbacks destroyed the process. */
static bool tell_last(struct faulty_process *process)
{
	struct faulty_backend *backend = backend_of(&process->base);
	struct faulty_process *outer = backend->acting;
	bool alive;

	backend->acting = process;
	for (uint32_t i = 0; i < PENSTOCK_NODE_COUNT && backend->acting == process; i++) {
		if (process->nodes[i].unreported) {
			tell_completed(process, i, process->nodes[i].completed);
		}
	}
	alive = backend->acting == process;
	backend->acting = alive || outer != process ? outer : NULL;
	return alive;
}

static void reset_engine(struct penstock_backend_process *base)
{
	struct faulty_process *process = process_of(base);

	/* Killed: it takes no packet. What had completed is reported, and nothing else. */
	process->dead = true;
	if (!tell_last(process)) {
		return;
	}
	process->dead = false;
	for (size_t i = 0; i < PENSTOCK_NODE_COUNT; i++) {
		process->nodes[i].count = 0;
		process->nodes[i].preempting = false;
		process->nodes[i].unreported = false;
		process->nodes[i].stuck = false;
	}
}

static size_t collect_dbg_info(struct penstock_backend_process *base, char *ret_text,
			       size_t text_bytes)
{
	(void)base;
	if (text_bytes > 0) {
		ret_text[0] = '\0';
	}
	return 0;
}

static int64_t process_id(const struct penstock_backend_process *base)
{
	(void)base;
	return 0;
}

static void finish(struct faulty_backend *backend)
{
	void (*stopped)(void *argument) = backend->stopped;
	void *argument = backend->stopped_argument;

	free(backend);
	stopped(argument);
}

static void on_closed(uv_handle_t *handle)
{
	finish(handle->data);
}

static void stop(struct penstock_backend *base, void (*stopped)(void *argument), void *argument)
{
	struct faulty_backend *backend = (struct faulty_backend *)base;

	PENSTOCK_REQUIRE(backend->stopped == NULL && stopped != NULL);
	backend->stopped = stopped;
	backend->stopped_argument = argument;
	penstock_list_for_each_safe (link, &backend->processes) {
		destroy_process(&penstock_list_entry(link, struct faulty_process, link)->base);
	}
	if (backend->loop == NULL) {
		finish(backend);
	} else {
		uv_close((uv_handle_t *)&backend->idle, on_closed);
	}
}

static const struct penstock_backend_ops faulty_ops = {
	.name = "faulty",
	.stop = stop,
	.create_process = create_process,
	.destroy_process = destroy_process,
	.attach_file = attach_file,
	.detach_file = detach_file,
	.submit_command = submit_command,
	.ring_doorbell = ring_doorbell,
	.query_current_fence = query_current_fence,
	.preempt_command = preempt_command,
	.reset_engine = reset_engine,
	.collect_dbg_info = collect_dbg_info,
	.process_id = process_id,
};

enum penstock_status penstock_faulty_start(const struct penstock_backend_config *config,
					   const struct penstock_faulty_config *faulty,
					   struct penstock_backend **ret_backend)
{
	struct faulty_backend *backend = calloc(1, sizeof(*backend));

	if (backend == NULL) {
		return PENSTOCK_STATUS_NO_MEMORY;
	}
	backend->base.ops = &faulty_ops;
	backend->callbacks = config->callbacks;
	backend->config = *faulty;
	backend->loop = config->loop;
	penstock_list_init(&backend->processes);
	if (backend->loop != NULL) {
		uv_idle_init(backend->loop, &backend->idle);
		backend->idle.data = backend;
	}
	*ret_backend = &backend->base;
	return PENSTOCK_STATUS_SUCCESS;
}
