/* SPDX-License-Identifier: MIT */
/*
 * Fences that are overdue. A notification may be lost; then DxgkDdiQueryCurrentFence finds what
 * completed. Documents: DXGKDDI_QUERYCURRENTFENCE. Whoever has a packet that was out at the last
 * look already is asked, node by node; an answer may change every list, so that they are read anew
 * behind the fence that was asked for last.
 */
#include "daemon/schedule/internal.h"

/* A process to ask, and from where to go on. */
struct overdue {
	struct penstock_vidmm_process *process; /* NULL: none */
	uint32_t fence_id;
};

static bool is_overdue(const struct penstock_node *node, uint32_t fence_id, uint32_t behind)
{
	return penstock_fence_before(behind, fence_id) &&
	       penstock_fence_before(fence_id, node->watched);
}

static struct overdue next_submission(const struct penstock_node *node, uint32_t behind)
{
	penstock_list_for_each (link, &node->hardware) {
		const struct penstock_submission *submission = penstock_submission_of(link);

		if (is_overdue(node, submission->submission_fence_id, behind)) {
			return (struct overdue){ submission->process,
						 submission->submission_fence_id };
		}
	}
	return (struct overdue){ .process = NULL };
}

static struct overdue next_paging(const struct penstock_node *node, uint32_t behind)
{
	penstock_list_for_each (link, &node->paging) {
		const struct penstock_paging_packet *packet =
			penstock_list_entry(link, struct penstock_paging_packet, link);

		if (is_overdue(node, packet->submission_fence_id, behind)) {
			return (struct overdue){ packet->process, packet->submission_fence_id };
		}
	}
	return (struct overdue){ .process = NULL };
}

static void ask(struct penstock_scheduler *scheduler, const struct penstock_node *node,
		struct overdue (*next)(const struct penstock_node *node, uint32_t behind))
{
	const struct penstock_backend_ops *ops = scheduler->config.backend->ops;
	uint32_t behind = node->watched - PENSTOCK_FENCES_OUT;
	struct overdue overdue;

	while (penstock_scheduler_runs(scheduler) &&
	       (overdue = next(node, behind)).process != NULL) {
		behind = overdue.fence_id;
		ops->query_current_fence(penstock_vidmm_process_backend(overdue.process),
					 node->ordinal);
	}
}

static bool anything_out(const struct penstock_scheduler *scheduler)
{
	for (uint32_t i = 0; i < PENSTOCK_NODE_COUNT; i++) {
		if (!penstock_list_empty(&scheduler->nodes[i].hardware) ||
		    !penstock_list_empty(&scheduler->nodes[i].paging) ||
		    scheduler->nodes[i].preemption_count > 0) {
			return true;
		}
	}
	return false;
}

void penstock_scheduler_watch(struct penstock_scheduler *scheduler)
{
	bool outermost = penstock_scheduler_enter(scheduler);

	scheduler->watch_asked = false;
	for (uint32_t i = 0; i < PENSTOCK_NODE_COUNT; i++) {
		struct penstock_node *node = &scheduler->nodes[i];

		ask(scheduler, node, next_submission);
		ask(scheduler, node, next_paging);
		penstock_node_probe(scheduler, node);
		node->watched = node->fences.next;
	}
	penstock_scheduler_look_for_hangs(scheduler);
	penstock_scheduler_leave(scheduler, outermost);
	if (penstock_scheduler_runs(scheduler) && anything_out(scheduler)) {
		penstock_scheduler_expect(scheduler);
	}
}
