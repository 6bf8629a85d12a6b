/* SPDX-License-Identifier: MIT */
/*
 * GPU time so far, for those who look: what is charged when packets complete, and what the packet
 * that has the node now has taken of it, so that a long one is seen while it runs.
 */
#include "daemon/schedule/internal.h"

/* Whose packet of that process is first on the node, and so the one that runs; NULL: it has none.
 */
static const struct penstock_queue *running(const struct penstock_node *node,
					    const struct penstock_scheduler_process *process)
{
	penstock_list_for_each (link, &node->hardware) {
		const struct penstock_queue *queue = penstock_submission_of(link)->queue;

		if (queue->process == process) {
			return queue;
		}
	}
	return NULL;
}

static uint64_t since_begun_ns(const struct penstock_scheduler *scheduler,
			       const struct penstock_process_node *share)
{
	return penstock_scheduler_now_ns(scheduler) - share->begun_ns;
}

uint64_t penstock_queue_gpu_ns(const struct penstock_queue *queue)
{
	const struct penstock_scheduler *scheduler = queue->scheduler;

	if (queue->on_hardware == 0 ||
	    running(&scheduler->nodes[queue->node_ordinal], queue->process) != queue) {
		return queue->gpu_ns;
	}
	return queue->gpu_ns +
	       since_begun_ns(scheduler, &queue->process->nodes[queue->node_ordinal]);
}

uint64_t penstock_scheduler_process_gpu_ns(const struct penstock_scheduler *scheduler,
					   const struct penstock_scheduler_process *process,
					   uint32_t node_ordinal)
{
	const struct penstock_process_node *share = &process->nodes[node_ordinal];

	return share->gpu_ns + (share->on_hardware == 0 ? 0 : since_begun_ns(scheduler, share));
}
