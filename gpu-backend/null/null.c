/* SPDX-License-Identifier: MIT */
/*
 * The GPU that does nothing: every fence is reached at once, from the next turn of the loop. What
 * is left is the cost of the path in front of it. Memory is never touched, paging included, so
 * contents mean nothing.
 */
#include "gpu-backend/plain/plain.h"

#include <stdlib.h>

struct null_node {
	uint32_t outstanding;
	uint32_t submitted; /* fence id */
	uint32_t completed; /* fence id */
	uint32_t preemption_fence_id;
	bool preempting;
};

struct null_process {
	struct penstock_plain_process plain;
	struct penstock_list busy_link; /* null_backend.busy */
	bool resetting;                 /* what is submitted from a callback goes nowhere */
	struct null_node nodes[PENSTOCK_NODE_COUNT];
};

struct null_backend {
	struct penstock_plain plain;
	struct penstock_list busy; /* null_process.busy_link */
};

static struct null_process *process_of(struct penstock_backend_process *process)
{
	return (struct null_process *)process;
}

/* ---------------------------------------------------------------- fences */

/* Takes what a node has to say; false: nothing. */
static bool node_take(struct null_node *node, uint32_t ordinal,
		      struct penstock_interrupt *ret_interrupt)
{
	bool completes = node->outstanding > 0;

	if (!completes && !node->preempting) {
		return false;
	}
	if (completes) {
		node->outstanding = 0;
		node->completed = node->submitted;
	} else {
		node->preempting = false;
	}
	*ret_interrupt = (struct penstock_interrupt){
		.type = completes ? PENSTOCK_INTERRUPT_DMA_COMPLETED
				  : PENSTOCK_INTERRUPT_DMA_PREEMPTED,
		.node_ordinal = ordinal,
		.fence_id = completes ? node->submitted : node->preemption_fence_id,
		.last_completed_fence_id = node->completed,
	};
	return true;
}

/* False: the process is gone. */
static bool tell(struct null_process *process, uint32_t ordinal)
{
	struct penstock_interrupt interrupt;

	while (node_take(&process->nodes[ordinal], ordinal, &interrupt)) {
		if (!penstock_plain_tell(&process->plain, &interrupt)) {
			return false;
		}
	}
	return true;
}

static void on_idle(uv_idle_t *handle)
{
	struct null_backend *backend = handle->data;
	struct penstock_list *link = penstock_list_pop(&backend->busy);
	struct null_process *process;

	if (link == NULL) {
		(void)uv_idle_stop(handle);
		return;
	}
	process = penstock_list_entry(link, struct null_process, busy_link);
	for (uint32_t i = 0; i < PENSTOCK_NODE_COUNT; i++) {
		if (!tell(process, i)) {
			return;
		}
	}
}

static void wake(struct null_process *process)
{
	struct null_backend *backend = (struct null_backend *)process->plain.base.backend;

	if (penstock_list_empty(&process->busy_link)) {
		penstock_list_append(&backend->busy, &process->busy_link);
	}
	penstock_plain_wake(&backend->plain, on_idle);
}

/* ---------------------------------------------------------------- the table */

static enum penstock_status create_process(struct penstock_backend *base, bool system,
					   void *process_owner,
					   struct penstock_backend_process **ret_process)
{
	struct null_process *process = calloc(1, sizeof(*process));

	(void)system;
	if (process == NULL) {
		return PENSTOCK_STATUS_NO_MEMORY;
	}
	penstock_plain_process_init(&process->plain, base, process_owner);
	penstock_list_init(&process->busy_link);
	*ret_process = &process->plain.base;
	return PENSTOCK_STATUS_SUCCESS;
}

static void destroy_process(struct penstock_backend_process *base)
{
	struct null_process *process = process_of(base);

	penstock_plain_process_fini(&process->plain);
	penstock_list_remove(&process->busy_link);
	free(process);
}

static void submit_command(struct penstock_backend_process *base,
			   const struct penstock_submit_args *args)
{
	struct null_process *process = process_of(base);
	struct null_node *node;

	PENSTOCK_REQUIRE(args->node_ordinal < PENSTOCK_NODE_COUNT);
	if (process->resetting) {
		return;
	}
	node = &process->nodes[args->node_ordinal];
	PENSTOCK_REQUIRE(node->outstanding < PENSTOCK_RING_PACKETS);
	node->outstanding++;
	node->submitted = args->submission_fence_id;
}

static void ring_doorbell(struct penstock_backend_process *base)
{
	wake(process_of(base));
}

static void query_current_fence(struct penstock_backend_process *base, uint32_t node_ordinal)
{
	PENSTOCK_REQUIRE(node_ordinal < PENSTOCK_NODE_COUNT);
	(void)tell(process_of(base), node_ordinal);
}

static void preempt_command(struct penstock_backend_process *base, uint32_t node_ordinal,
			    uint32_t preemption_fence_id)
{
	struct null_node *node;

	PENSTOCK_REQUIRE(node_ordinal < PENSTOCK_NODE_COUNT);
	node = &process_of(base)->nodes[node_ordinal];
	PENSTOCK_REQUIRE(!node->preempting);
	node->preempting = true;
	node->preemption_fence_id = preemption_fence_id;
	wake(process_of(base));
}

/* Every packet is completed from when it was submitted: that is reported, and nothing else. */
static enum penstock_status reset_engine(struct penstock_backend_process *base)
{
	struct null_process *process = process_of(base);
	bool outer = process->resetting;

	process->resetting = true;
	for (uint32_t i = 0; i < PENSTOCK_NODE_COUNT; i++) {
		process->nodes[i].preempting = false;
		if (!tell(process, i)) {
			return PENSTOCK_STATUS_SUCCESS;
		}
	}
	process->resetting = outer;
	return PENSTOCK_STATUS_SUCCESS;
}

static const struct penstock_backend_ops null_ops = {
	.name = "null",
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

enum penstock_status penstock_null_start(const struct penstock_backend_config *config,
					 struct penstock_backend **ret_backend,
					 struct penstock_errbuf *reterr_text)
{
	struct null_backend *backend = calloc(1, sizeof(*backend));

	if (backend == NULL) {
		penstock_errbuf_set(reterr_text, "out of memory");
		return PENSTOCK_STATUS_NO_MEMORY;
	}
	penstock_plain_init(&backend->plain, &null_ops, config);
	penstock_list_init(&backend->busy);
	*ret_backend = &backend->plain.base;
	return PENSTOCK_STATUS_SUCCESS;
}
