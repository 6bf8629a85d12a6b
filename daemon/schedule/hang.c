/* SPDX-License-Identifier: MIT */
/*
 * Timeout detection and recovery. Who has had a packet out for two looks is asked to make room,
 * whether somebody waits or not; a GPU that works answers within milliseconds, and goes on. What
 * leaves the request unanswered for TdrDelay hangs.
 *
 *	of a process on a node   RUNNING --out at two looks--> PREEMPTING --the answer--> RUNNING
 *	   PREEMPTING --TdrDelay--> its process is STOPPING (reset.c)
 *
 * Documents: "Timeout detection and recovery", "TDR changes in Windows 8".
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

void penstock_scheduler_look_for_hangs(struct penstock_scheduler *scheduler)
{
	uint64_t now_ns = penstock_scheduler_now_ns(scheduler);

	for (uint32_t i = 0; scheduler->config.tdr_delay_ns != 0 && i < PENSTOCK_NODE_COUNT; i++) {
		find_hung(scheduler, &scheduler->nodes[i], now_ns);
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
