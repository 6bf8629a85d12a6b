/* SPDX-License-Identifier: MIT */
#include "tests/support/local_gpu.h"

#include "gpu-backend/emulated/gpu/processor.h"
#include "gpu-backend/plain/plain.h"
#include "tests/support/gpu_memory.h"

#include <stdlib.h>
#include <string.h>

struct packet {
	struct penstock_submit_args args;
	uint8_t paging[PENSTOCK_PAGING_BUFFER_BYTES];
};

struct node {
	struct penstock_engine engine;
	struct packet *packets; /* [PENSTOCK_RING_PACKETS], owned; the first is next */
	uint32_t count;
	uint32_t completed; /* fence id */
	uint32_t running;   /* fence id */
	uint32_t preemption_fence_id;
	bool preempting;
	bool halted; /* faulted, until it is reset */
};

struct local_process {
	struct gpu_process gpu; /* first */
	struct node nodes[PENSTOCK_NODE_COUNT];
};

struct local_gpu {
	struct penstock_plain plain;
	uint64_t local_bytes;
	uint64_t aperture_bytes;
};

static struct local_process *process_of(struct penstock_backend_process *process)
{
	return (struct local_process *)process;
}

/* ---------------------------------------------------------------- executing */

static enum penstock_outcome execute(struct node *node, const struct packet *packet)
{
	const struct penstock_submit_args *args = &packet->args;

	if ((args->flags & PENSTOCK_SUBMITCOMMAND_NULL_RENDERING) != 0) {
		return PENSTOCK_OUTCOME_COMPLETED;
	}
	if ((args->flags & PENSTOCK_SUBMITCOMMAND_PAGING) != 0) {
		return penstock_processor_run_paging(&node->engine, packet->paging,
						     args->paging_buffer_bytes);
	}
	return penstock_processor_run(&node->engine, args->dma_buffer_address,
				      args->submission_start_offset, args->submission_end_offset,
				      args->resume_position);
}

static void pop(struct node *node)
{
	node->count--;
	memmove(&node->packets[0], &node->packets[1], node->count * sizeof(node->packets[0]));
}

/* What one packet, or a request to preempt, comes to. False: there is neither. */
static bool step(struct node *node, uint32_t ordinal, struct penstock_interrupt *ret)
{
	const struct packet *packet = &node->packets[0];
	enum penstock_outcome outcome;

	*ret = (struct penstock_interrupt){ .node_ordinal = ordinal };
	if (node->halted || (node->count == 0 && !node->preempting)) {
		return false;
	}
	if (node->preempting) {
		node->preempting = false;
		ret->type = PENSTOCK_INTERRUPT_DMA_PREEMPTED;
		ret->fence_id = node->preemption_fence_id;
		ret->resume_offset = node->count > 0 ? packet->args.submission_start_offset : 0;
		ret->resume_position = node->count > 0 ? packet->args.resume_position : 0;
		node->count = 0;
	} else {
		ret->fence_id = node->running = packet->args.submission_fence_id;
		outcome = execute(node, packet);
		PENSTOCK_REQUIRE(outcome != PENSTOCK_OUTCOME_PREEMPTED); /* there is no flag */
		if (outcome == PENSTOCK_OUTCOME_COMPLETED) {
			ret->type = PENSTOCK_INTERRUPT_DMA_COMPLETED;
			node->completed = packet->args.submission_fence_id;
			pop(node);
		} else {
			node->halted = true;
			ret->type = outcome == PENSTOCK_OUTCOME_ILLEGAL
					    ? PENSTOCK_INTERRUPT_DMA_FAULTED
					    : PENSTOCK_INTERRUPT_DMA_PAGE_FAULTED;
			ret->fault_dma_offset = node->engine.dma_offset;
			if (outcome == PENSTOCK_OUTCOME_PAGE_FAULT) {
				ret->fault_address = node->engine.fault_address;
				ret->fault_write = node->engine.fault_write;
			}
		}
	}
	ret->last_completed_fence_id = node->completed;
	return true;
}

/* One packet of one node: the scheduler may change anything in between. */
static bool step_any(struct penstock_plain *plain)
{
	struct penstock_interrupt interrupt;

	penstock_list_for_each_safe (link, &plain->processes) {
		struct local_process *process =
			penstock_list_entry(link, struct local_process, gpu.plain.link);

		for (uint32_t i = 0; i < PENSTOCK_NODE_COUNT; i++) {
			if (step(&process->nodes[i], i, &interrupt)) {
				/* the next one is another's turn */
				penstock_list_remove(link);
				penstock_list_append(&plain->processes, link);
				(void)penstock_plain_tell(&process->gpu.plain, &interrupt);
				return true;
			}
		}
	}
	return false;
}

static void on_idle(uv_idle_t *handle)
{
	if (!step_any(handle->data)) {
		(void)uv_idle_stop(handle);
	}
}

/* ---------------------------------------------------------------- a process's life */

static void empty_nodes(struct local_process *process)
{
	for (uint32_t i = 0; i < PENSTOCK_NODE_COUNT; i++) {
		struct packet *packets = process->nodes[i].packets;

		process->nodes[i] = (struct node){ .packets = packets };
		penstock_engine_init(&process->nodes[i].engine, &process->gpu.memory.mmu, i);
	}
}

static void destroy_process(struct penstock_backend_process *base)
{
	struct local_process *process = process_of(base);

	penstock_plain_process_fini(&process->gpu.plain);
	gpu_memory_fini(&process->gpu.memory);
	for (uint32_t i = 0; i < PENSTOCK_NODE_COUNT; i++) {
		free(process->nodes[i].packets);
	}
	free(process);
}

static enum penstock_status create_process(struct penstock_backend *base, bool system,
					   void *process_owner,
					   struct penstock_backend_process **ret_process)
{
	struct local_process *process = calloc(1, sizeof(*process));
	const struct local_gpu *gpu = (const struct local_gpu *)base;

	(void)system;
	PENSTOCK_REQUIRE(process != NULL);
	penstock_plain_process_init(&process->gpu.plain, base, process_owner);
	for (uint32_t i = 0; i < PENSTOCK_NODE_COUNT; i++) {
		process->nodes[i].packets = calloc(PENSTOCK_RING_PACKETS, sizeof(struct packet));
		PENSTOCK_REQUIRE(process->nodes[i].packets != NULL);
	}
	gpu_memory_init(&process->gpu.memory, gpu->local_bytes, gpu->aperture_bytes);
	empty_nodes(process);
	*ret_process = &process->gpu.plain.base;
	return PENSTOCK_STATUS_SUCCESS;
}

static enum penstock_status reset_engine(struct penstock_backend_process *base)
{
	struct local_process *process = process_of(base);

	gpu_memory_reset(&process->gpu.memory);
	empty_nodes(process);
	return PENSTOCK_STATUS_SUCCESS;
}

/* ---------------------------------------------------------------- packets */

static void submit_command(struct penstock_backend_process *base,
			   const struct penstock_submit_args *args)
{
	struct node *node = &process_of(base)->nodes[args->node_ordinal];
	struct packet *packet = &node->packets[node->count];

	PENSTOCK_REQUIRE(node->count < PENSTOCK_RING_PACKETS);
	PENSTOCK_REQUIRE(args->paging_buffer_bytes <= sizeof(packet->paging));
	node->count++;
	packet->args = *args;
	packet->args.paging_buffer = NULL;
	if (args->paging_buffer_bytes > 0) {
		memcpy(packet->paging, args->paging_buffer, args->paging_buffer_bytes);
	}
}

static void ring_doorbell(struct penstock_backend_process *base)
{
	penstock_plain_wake(penstock_plain_of(base), on_idle);
}

/* What is executed is told at once: there is nothing that was not. */
static void query_current_fence(struct penstock_backend_process *base, uint32_t node_ordinal)
{
	(void)base;
	(void)node_ordinal;
}

static void preempt_command(struct penstock_backend_process *base, uint32_t node_ordinal,
			    uint32_t preemption_fence_id)
{
	struct node *node = &process_of(base)->nodes[node_ordinal];

	node->preempting = true;
	node->preemption_fence_id = preemption_fence_id;
	ring_doorbell(base);
}

static uint32_t running_fence(const struct penstock_backend_process *base, uint32_t node_ordinal,
			      uint32_t *ret_dma_offset)
{
	const struct node *node = &((const struct local_process *)base)->nodes[node_ordinal];

	*ret_dma_offset = node->engine.dma_offset;
	return node->running;
}

static const struct penstock_backend_ops local_ops = {
	.name = "local",
	.stop = penstock_plain_stop,
	.create_process = create_process,
	.destroy_process = destroy_process,
	.attach_file = gpu_process_attach_file,
	.detach_file = gpu_process_detach_file,
	.submit_command = submit_command,
	.ring_doorbell = ring_doorbell,
	.query_current_fence = query_current_fence,
	.preempt_command = preempt_command,
	.reset_engine = reset_engine,
	.running_fence = running_fence,
	.collect_dbg_info = penstock_plain_collect_dbg_info,
	.process_id = penstock_plain_process_id,
};

enum penstock_status penstock_local_gpu_start(const struct penstock_backend_config *config,
					      struct penstock_backend **ret_backend,
					      struct penstock_errbuf *reterr_text)
{
	struct local_gpu *gpu = calloc(1, sizeof(*gpu));
	int error = -penstock_guard_install();

	if (gpu == NULL || error != 0) {
		free(gpu);
		penstock_errbuf_set(reterr_text, "no guard against page faults, or no memory");
		return PENSTOCK_STATUS_NO_MEMORY;
	}
	penstock_plain_init(&gpu->plain, &local_ops, config);
	gpu->local_bytes = config->local_bytes;
	gpu->aperture_bytes = config->aperture_bytes;
	*ret_backend = &gpu->plain.base;
	return PENSTOCK_STATUS_SUCCESS;
}
