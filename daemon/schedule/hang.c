/* SPDX-License-Identifier: MIT */
/*
 * Timeout detection and recovery. Who has had a packet out for two looks is asked to make room,
 * whether somebody waits or not; a GPU that works answers within milliseconds, and goes on. What
 * leaves the request unanswered for TdrDelay hangs.
 *
 *	of a process on a node   RUNNING --out at two looks--> PREEMPTING --the answer--> RUNNING
 *	   PREEMPTING --TdrDelay--> its other nodes are asked too --answered, or 500 ms--> reset
 *
 * Its other nodes do not hang: what they had begun goes on from where it stopped. Documents:
 * "Timeout detection and recovery", "TDR changes in Windows 8".
 */
#include "daemon/schedule/internal.h"

/* How long the other nodes of a process that hangs may take (dependent engines). */
#define DEPENDENT_NS 500000000u

/* False: what it has begun elsewhere has not stopped yet. */
static bool others_are_quiet(struct penstock_scheduler *scheduler, const struct penstock_node *hung,
			     struct penstock_vidmm_process *process, uint64_t now_ns)
{
	bool quiet = true;

	for (uint32_t i = 0; i < PENSTOCK_NODE_COUNT; i++) {
		struct penstock_node *node = &scheduler->nodes[i];
		const struct penstock_preemption *preemption;

		if (node == hung || penstock_node_first_of(node, process) == NULL) {
			continue;
		}
		preemption = penstock_node_preemption_of(node, process);
		if (preemption == NULL) {
			penstock_node_preempt(scheduler, node, process);
			quiet = false;
		} else {
			quiet &= now_ns - preemption->asked_ns >= DEPENDENT_NS;
		}
	}
	return quiet;
}

/* Resets one process of the node that hangs. False: there is none to be reset now. */
static bool reset_one(struct penstock_scheduler *scheduler, struct penstock_node *node,
		      uint64_t now_ns)
{
	for (uint32_t i = 0; i < node->preemption_count; i++) {
		struct penstock_vidmm_process *process = node->preemptions[i].process;
		uint64_t waited_ns = now_ns - node->preemptions[i].asked_ns;

		if (waited_ns >= scheduler->config.tdr_delay_ns &&
		    others_are_quiet(scheduler, node, process, now_ns)) {
			penstock_scheduler_hung(scheduler, node, process, waited_ns);
			return true;
		}
	}
	return false;
}

void penstock_scheduler_look_for_hangs(struct penstock_scheduler *scheduler)
{
	uint64_t now_ns = penstock_scheduler_now_ns(scheduler);

	if (scheduler->config.tdr_delay_ns == 0) {
		return;
	}
	for (uint32_t i = 0; i < PENSTOCK_NODE_COUNT; i++) {
		/* A reset calls back, and changes every list. */
		while (!scheduler->stopped && reset_one(scheduler, &scheduler->nodes[i], now_ns)) {
		}
	}
}

void penstock_node_probe(struct penstock_scheduler *scheduler, struct penstock_node *node)
{
	penstock_list_for_each (link, &node->hardware) {
		const struct penstock_submission *submission = penstock_submission_of(link);

		if (penstock_fence_before(submission->submission_fence_id, node->watched) &&
		    !penstock_node_preempting(node, submission->process)) {
			penstock_node_preempt(scheduler, node, submission->process);
		}
	}
}
