/* SPDX-License-Identifier: MIT */
/*
 * Adapter reset: what an engine reset does not repair. Documents: "Timeout detection and recovery",
 * DxgkDdiResetFromTimeout, DxgkDdiRestartFromTimeout.
 *
 *	RUNNING --an engine reset failed, or the system process cannot page--> stopped, reset asked
 *	   --every GPU process ended (ResetFromTimeout)--> memory's eviction notices --> RUNNING
 *
 * From the first arrow to the last nothing is submitted, and what a GPU says is not heard: no
 * process touches memory any more when its eviction notices are made. What was on the hardware ends
 * with DEVICE_REMOVED, as its device does; what waits is cancelled by whoever loses the devices.
 * Where a process cannot be ended even now, the adapter stays stopped.
 */
#include "daemon/schedule/internal.h"

#include <stdarg.h>
#include <stdio.h>

void penstock_scheduler_promote(struct penstock_scheduler *scheduler, const char *format, ...)
{
	char reason[160];
	va_list arguments;

	if (scheduler->stopped) {
		return;
	}
	va_start(arguments, format);
	(void)vsnprintf(reason, sizeof(reason), format, arguments);
	va_end(arguments);
	scheduler->stopped = true;
	if (scheduler->config.reset_adapter == NULL) {
		scheduler->config.failed(scheduler->config.owner, reason);
		return;
	}
	scheduler->reset_asked = true;
	scheduler->config.reset_adapter(scheduler->config.owner, reason);
}

void penstock_scheduler_clear(struct penstock_scheduler *scheduler, enum penstock_status status)
{
	struct penstock_list *link;

	penstock_scheduler_drop_resets(scheduler);
	for (uint32_t i = 0; i < PENSTOCK_NODE_COUNT; i++) {
		struct penstock_node *node = &scheduler->nodes[i];

		while (penstock_list_pop(&node->paging) != NULL) {
		}
		while ((link = penstock_list_first(&node->hardware)) != NULL) {
			struct penstock_submission *submission = penstock_submission_of(link);

			penstock_node_remove(node, submission, false, 0);
			penstock_scheduler_move(submission, PENSTOCK_SUBMISSION_CANCELLED);
			penstock_scheduler_defer(scheduler, submission, status);
		}
	}
	scheduler->bell_count = 0;
}

static bool end_process(void *owner, struct penstock_vidmm_process *process)
{
	struct penstock_scheduler *scheduler = owner;

	return scheduler->config.backend->ops->reset_engine(
		       penstock_vidmm_process_backend(process)) == PENSTOCK_STATUS_SUCCESS;
}

bool penstock_scheduler_reset_adapter(struct penstock_scheduler *scheduler)
{
	bool outermost = penstock_scheduler_enter(scheduler);
	bool ended;

	PENSTOCK_REQUIRE(scheduler->stopped && scheduler->reset_asked);
	scheduler->reset_asked = false;
	ended = penstock_vidmm_each_process(scheduler->config.vidmm, end_process, scheduler);
	if (ended) {
		penstock_scheduler_clear(scheduler, PENSTOCK_STATUS_DEVICE_REMOVED);
		for (uint32_t i = 0; i < PENSTOCK_NODE_COUNT; i++) {
			struct penstock_node *node = &scheduler->nodes[i];

			/* All nodes to the last submitted. */
			penstock_fences_complete(&node->fences, node->fences.last_submitted);
			node->watched = node->fences.next;
			node->preemption_count = 0;
			node->resets++;
			penstock_node_look_again(node, &node->parked);
		}
		scheduler->stopped = false;
		(void)penstock_vidmm_adapter_reset(scheduler->config.vidmm);
	}
	penstock_scheduler_leave(scheduler, outermost);
	return ended;
}
