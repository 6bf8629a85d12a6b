/* SPDX-License-Identifier: MIT */
#include "gpu-backend/faulty/faulty.h"

#include "gpu-backend/plain/plain.h"

#include <stdlib.h>
#include <string.h>

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

/* In the list of processes in the order of their turns. */
struct faulty_process {
	struct penstock_plain_process plain;
	bool dead;
	uint32_t unending; /* so many times it cannot be reset */
	struct faulty_node nodes[PENSTOCK_NODE_COUNT];
};

struct faulty_backend {
	struct penstock_plain plain;
	struct penstock_faulty_config config;
	uint64_t packets; /* submitted so far */
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

/* Whatever is told: false where that destroyed the process. */
static bool tell_completed(struct faulty_process *process, uint32_t ordinal, uint32_t fence_id)
{
	const struct penstock_interrupt interrupt = {
		.type = PENSTOCK_INTERRUPT_DMA_COMPLETED,
		.node_ordinal = ordinal,
		.fence_id = fence_id,
		.last_completed_fence_id = fence_id,
	};

	process->nodes[ordinal].unreported = false;
	return penstock_plain_tell(&process->plain, &interrupt);
}

static bool tell_preempted(struct faulty_process *process, uint32_t ordinal)
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
	return penstock_plain_tell(&process->plain, &interrupt);
}

static bool tell_fault(struct faulty_process *process, uint32_t ordinal,
		       const struct faulty_packet *packet, enum penstock_interrupt_type type)
{
	struct faulty_node *node = &process->nodes[ordinal];
	const struct penstock_interrupt interrupt = {
		.type = type,
		.node_ordinal = ordinal,
		.fence_id = packet->args.submission_fence_id,
		.last_completed_fence_id = node->completed,
		.fault_dma_offset = packet->fault.argument,
	};

	node->stuck = true;
	return penstock_plain_tell(&process->plain, &interrupt);
}

/* ---------------------------------------------------------------- executing */

static void take_packet(struct faulty_process *process, struct faulty_node *node)
{
	const struct penstock_faulty_config *config = &backend_of(&process->plain.base)->config;
	const struct penstock_submit_args *args = &node->packets[node->first].args;

	if (config->execute != NULL && (args->flags & PENSTOCK_SUBMITCOMMAND_NULL_RENDERING) == 0) {
		config->execute(config->owner, process->plain.owner, args);
	}
	node->completed = args->submission_fence_id;
	node->unreported = true;
	node->first = (node->first + 1) % PENSTOCK_RING_PACKETS;
	node->count--;
}

/* The packet completes; `times` interrupts say so. */
static bool complete(struct faulty_process *process, uint32_t ordinal, unsigned times)
{
	struct faulty_node *node = &process->nodes[ordinal];
	uint32_t fence_id = node->packets[node->first].args.submission_fence_id;

	take_packet(process, node);
	while (times-- > 0) {
		if (!tell_completed(process, ordinal, fence_id)) {
			return false;
		}
	}
	return true;
}

static void forget_all(struct faulty_process *process)
{
	for (size_t i = 0; i < PENSTOCK_NODE_COUNT; i++) {
		process->nodes[i].count = 0;
		process->nodes[i].preempting = false;
	}
}

static bool die(struct faulty_process *process, uint32_t wait_status)
{
	process->dead = true;
	forget_all(process);
	return penstock_plain_die(&process->plain, (int)wait_status);
}

/* What becomes of the first packet. False: the process was destroyed. */
static bool execute(struct faulty_process *process, uint32_t ordinal)
{
	struct faulty_node *node = &process->nodes[ordinal];
	struct faulty_packet *packet = &node->packets[node->first];
	struct penstock_fault fault = packet->fault;

	switch (fault.kind) {
	case PENSTOCK_FAULT_LATE:
		if (fault.argument > 0) {
			packet->fault.argument--;
			return true;
		}
		return complete(process, ordinal, 1);
	case PENSTOCK_FAULT_NONE:
		return complete(process, ordinal, 1);
	case PENSTOCK_FAULT_LOST:
		return complete(process, ordinal, 0);
	case PENSTOCK_FAULT_REPEATED:
		return complete(process, ordinal, 2);
	case PENSTOCK_FAULT_INVENTED:
		packet->fault.kind = PENSTOCK_FAULT_NONE;
		return tell_completed(process, ordinal,
				      packet->args.submission_fence_id + fault.argument);
	case PENSTOCK_FAULT_MISPLACED:
		packet->fault.kind = PENSTOCK_FAULT_NONE;
		return tell_completed(process, 1 - ordinal, packet->args.submission_fence_id);
	case PENSTOCK_FAULT_ILLEGAL:
		return tell_fault(process, ordinal, packet, PENSTOCK_INTERRUPT_DMA_FAULTED);
	case PENSTOCK_FAULT_PAGE_FAULT:
		return tell_fault(process, ordinal, packet, PENSTOCK_INTERRUPT_DMA_PAGE_FAULTED);
	case PENSTOCK_FAULT_HANG:
		node->stuck = true;
		return true;
	case PENSTOCK_FAULT_STUCK:
		node->stuck = true;
		process->unending = fault.argument;
		return true;
	case PENSTOCK_FAULT_DEATH:
		return die(process, fault.argument);
	case PENSTOCK_FAULT_ADAPTER:
		node->stuck = true;
		return penstock_plain_fail(&process->plain, "on order");
	}
	return true;
}

static bool has_work(const struct faulty_process *process, uint32_t ordinal)
{
	const struct faulty_node *node = &process->nodes[ordinal];

	return !process->dead && !node->stuck && (node->count > 0 || node->preempting);
}

/* Its next turn is after the others'. */
static void act(struct faulty_process *process, uint32_t ordinal)
{
	struct penstock_list *processes = &penstock_plain_of(&process->plain.base)->processes;

	if (process->nodes[ordinal].preempting ? tell_preempted(process, ordinal)
					       : execute(process, ordinal)) {
		penstock_list_remove(&process->plain.link);
		penstock_list_append(processes, &process->plain.link);
	}
}

bool penstock_faulty_step(struct penstock_backend *base)
{
	struct penstock_plain *plain = (struct penstock_plain *)base;

	penstock_list_for_each_safe (link, &plain->processes) {
		struct faulty_process *process =
			penstock_list_entry(link, struct faulty_process, plain.link);

		for (uint32_t i = 0; i < PENSTOCK_NODE_COUNT; i++) {
			if (has_work(process, i)) {
				act(process, i);
				return true;
			}
		}
	}
	return false;
}

static void on_idle(uv_idle_t *handle)
{
	if (!penstock_faulty_step(handle->data)) {
		(void)uv_idle_stop(handle);
	}
}

/* ---------------------------------------------------------------- the table */

static enum penstock_status create_process(struct penstock_backend *base, bool system,
					   void *process_owner,
					   struct penstock_backend_process **ret_process)
{
	struct faulty_process *process = calloc(1, sizeof(*process));

	(void)system;
	if (process == NULL) {
		return PENSTOCK_STATUS_NO_MEMORY;
	}
	penstock_plain_process_init(&process->plain, base, process_owner);
	*ret_process = &process->plain.base;
	return PENSTOCK_STATUS_SUCCESS;
}

static void destroy_process(struct penstock_backend_process *base)
{
	struct faulty_process *process = process_of(base);

	penstock_plain_process_fini(&process->plain);
	free(process);
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
	penstock_plain_wake(penstock_plain_of(base), on_idle);
}

static void query_current_fence(struct penstock_backend_process *base, uint32_t node_ordinal)
{
	struct faulty_process *process = process_of(base);

	PENSTOCK_REQUIRE(node_ordinal < PENSTOCK_NODE_COUNT);
	if (process->nodes[node_ordinal].unreported) {
		(void)tell_completed(process, node_ordinal, process->nodes[node_ordinal].completed);
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
	penstock_plain_wake(penstock_plain_of(base), on_idle);
}

/* The completed fences that were not told. False: the callbacks destroyed the process. */
static bool tell_last(struct faulty_process *process)
{
	for (uint32_t i = 0; i < PENSTOCK_NODE_COUNT; i++) {
		if (process->nodes[i].unreported &&
		    !tell_completed(process, i, process->nodes[i].completed)) {
			return false;
		}
	}
	return true;
}

static enum penstock_status reset_engine(struct penstock_backend_process *base)
{
	struct faulty_process *process = process_of(base);

	if (process->unending > 0) {
		process->unending--;
		return PENSTOCK_STATUS_UNSUCCESSFUL;
	}
	/* Killed: it takes no packet. What had completed is reported, and nothing else. */
	process->dead = true;
	if (!tell_last(process)) {
		return PENSTOCK_STATUS_SUCCESS;
	}
	process->dead = false;
	forget_all(process);
	for (size_t i = 0; i < PENSTOCK_NODE_COUNT; i++) {
		process->nodes[i].unreported = false;
		process->nodes[i].stuck = false;
	}
	return PENSTOCK_STATUS_SUCCESS;
}

static const struct penstock_backend_ops faulty_ops = {
	.name = "faulty",
	.stop = penstock_plain_stop,
	.create_process = create_process,
	.destroy_process = destroy_process,
	.attach_file = penstock_plain_attach_file,
	.detach_file = penstock_plain_detach_file,
	.submit_command = submit_command,
	.ring_doorbell = ring_doorbell,
	.query_current_fence = query_current_fence,
	.preempt_command = preempt_command,
	.reset_engine = reset_engine,
	.collect_dbg_info = penstock_plain_collect_dbg_info,
	.process_id = penstock_plain_process_id,
};

enum penstock_status penstock_faulty_start(const struct penstock_backend_config *config,
					   const struct penstock_faulty_config *faulty,
					   struct penstock_backend **ret_backend)
{
	struct faulty_backend *backend = calloc(1, sizeof(*backend));

	if (backend == NULL) {
		return PENSTOCK_STATUS_NO_MEMORY;
	}
	penstock_plain_init(&backend->plain, &faulty_ops, config);
	backend->config = *faulty;
	*ret_backend = &backend->plain.base;
	return PENSTOCK_STATUS_SUCCESS;
}
