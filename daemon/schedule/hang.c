/* SPDX-License-Identifier: MIT */
/*
 * Timeout detection and recovery. Who has had a packet out for two looks is asked to make room,
 * whether somebody waits or not; a GPU that works answers within milliseconds, and goes on. What
 * leaves the request unanswered for TdrDelay hangs.
 *
 *	of a process on a node   RUNNING --out at two looks--> PREEMPTING --the answer--> RUNNING
 *	   PREEMPTING --TdrDelay--> its process is STOPPING (reset.c)
 *
 * A paging packet is judged by its progress alone. Documents: "Timeout detection and recovery",
 *"TDR changes in Windows 8".
 */
#include "daemon/schedule/internal.h"

/* Whoever left a preemption of the node unanswered for TdrDelay. */
static void find_hung(struct penstock_scheduler *scheduler, const struct penstock_node *node,
		      uint64_t now_ns)
{
	for (uint32_t i = 0; i < node->preemption_count; i++) {
		uint64_t waited_ns = now_ns - node->preemptions[i].asked_ns;

		if (waited_ns >= scheduler->config.tdr_delay_ns) {
			penstock_scheduler_hung(scheduler, node, node->preemptions[i].process,
						waited_ns);
		}
	}
}

/*
 * A paging packet may move much, and is not preempted for taking long: it hangs where its process
 * stands at one instruction, which moves PENSTOCK_SUB_TRANSFER_BYTES at most, for TdrDelay.
 */
static bool stands_still(const struct penstock_scheduler *scheduler, struct penstock_node *node,
			 struct penstock_paging_packet *packet, uint64_t now_ns)
{
	const struct penstock_backend_ops *ops = scheduler->config.backend->ops;
	const struct penstock_submission *first = penstock_node_first_of(node, packet->process);
	uint32_t fence_id = 0, dma_offset = 0;
	uint64_t place;

	if (ops->running_fence != NULL) {
		fence_id = ops->running_fence(penstock_vidmm_process_backend(packet->process),
					      node->ordinal, &dma_offset);
	}
	place = (uint64_t)fence_id << 32 | dma_offset;
	if (place != packet->place || penstock_node_preempting(node, packet->process) ||
	    (first != NULL &&
	     penstock_fence_before(first->submission_fence_id, packet->submission_fence_id))) {
		packet->place = place;
		packet->stands_since_ns = now_ns;
	}
	return now_ns - packet->stands_since_ns >= scheduler->config.tdr_delay_ns;
}

static void find_hung_paging(struct penstock_scheduler *scheduler, struct penstock_node *node,
			     uint64_t now_ns)
{
	penstock_list_for_each (link, &node->paging) {
		struct penstock_paging_packet *packet =
			penstock_list_entry(link, struct penstock_paging_packet, link);

		if (!penstock_scheduler_is_stopping(scheduler, packet->process) &&
		    stands_still(scheduler, node, packet, now_ns)) {
			penstock_scheduler_hung(scheduler, node, packet->process,
						now_ns - packet->stands_since_ns);
		}
	}
}

void penstock_scheduler_look_for_hangs(struct penstock_scheduler *scheduler)
{
	uint64_t now_ns = penstock_scheduler_now_ns(scheduler);

	for (uint32_t i = 0; scheduler->config.tdr_delay_ns != 0 && i < PENSTOCK_NODE_COUNT; i++) {
		find_hung(scheduler, &scheduler->nodes[i], now_ns);
		find_hung_paging(scheduler, &scheduler->nodes[i], now_ns);
	}
	penstock_scheduler_settle_resets(scheduler);
}

void penstock_node_probe(struct penstock_scheduler *scheduler, struct penstock_node *node)
{
	penstock_list_for_each (link, &node->hardware) {
		const struct penstock_submission *submission = penstock_submission_of(link);

		if (penstock_fence_before(submission->submission_fence_id, node->watched) &&
		    !penstock_node_preempting(node, submission->process) &&
		    !penstock_scheduler_is_stopping(scheduler, submission->process)) {
			penstock_node_preempt(scheduler, node, submission->process);
		}
	}
}
