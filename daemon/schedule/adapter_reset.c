/* SPDX-License-Identifier: MIT */
/*
 * Adapter reset: what an engine reset does not repair. Documents: "Timeout detection and recovery",
 * DxgkDdiResetFromTimeout, DxgkDdiRestartFromTimeout.
 *
 *	RUNNING --an engine reset failed, or the system process cannot page--> RESET_ASKED
 *	   |                                                   |      |
 *	   |(what cannot be, the machine stops)                |      '--(a later turn)--> RESETTING
 *	   '------> STOPPED <----------------------------------'                            |   |
 *	               ^----(a process cannot be ended: ResetFromTimeout failed)------------'   |
 *	            RUNNING <--(memory's eviction notices are made: RestartFromTimeout)---------'
 *
 * From the first arrow to the last nothing is submitted, and what a GPU says is not heard: no
 * process touches memory any more when its eviction notices are made. What was on the hardware ends
 * with DEVICE_REMOVED, as its device does; what waits is cancelled by whoever loses the devices.
 * Where a process cannot be ended even now, the adapter stays stopped.
 */
#include "daemon/schedule/internal.h"

#include <stdarg.h>
#include <stdio.h>

#define TO(state) (1u << PENSTOCK_SCHEDULER_##state)

static const struct penstock_state states[PENSTOCK_SCHEDULER_STATE_MAX] = {
	[PENSTOCK_SCHEDULER_RUNNING] = { "RUNNING", TO(RESET_ASKED) | TO(STOPPED) },
	[PENSTOCK_SCHEDULER_RESET_ASKED] = { "RESET_ASKED", TO(RESETTING) | TO(STOPPED) },
	[PENSTOCK_SCHEDULER_RESETTING] = { "RESETTING", TO(RUNNING) | TO(STOPPED) },
	[PENSTOCK_SCHEDULER_STOPPED] = { "STOPPED", 0 },
};

bool penstock_scheduler_become(struct penstock_scheduler *scheduler,
			       enum penstock_scheduler_state to)
{
	static const struct penstock_states drawing = { "a scheduler", PENSTOCK_SCHEDULER_STATE_MAX,
							states };
	struct penstock_errbuf text;

	if (!penstock_states_lead(&drawing, "", scheduler->state, to, &text)) {
		penstock_scheduler_fail(scheduler, "%s", text.text);
		return false;
	}
	scheduler->state = to;
	return true;
}

void penstock_scheduler_promote(struct penstock_scheduler *scheduler, const char *format, ...)
{
	char reason[160];
	va_list arguments;

	if (!penstock_scheduler_runs(scheduler)) {
		return;
	}
	va_start(arguments, format);
	(void)vsnprintf(reason, sizeof(reason), format, arguments);
	va_end(arguments);
	if (scheduler->config.reset_adapter == NULL) {
		penstock_scheduler_fail(scheduler, "%s", reason);
		return;
	}
	(void)penstock_scheduler_become(scheduler, PENSTOCK_SCHEDULER_RESET_ASKED);
	penstock_scheduler_tell_process(scheduler, PENSTOCK_TRACE_ADAPTER_RESET, 0, NULL, 0, 0, 0);
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

/* False: a process cannot be ended, or something of ours broke. */
static bool reset(struct penstock_scheduler *scheduler)
{
	if (!penstock_vidmm_each_process(scheduler->config.vidmm, end_process, scheduler)) {
		(void)penstock_scheduler_become(scheduler, PENSTOCK_SCHEDULER_STOPPED);
		return false;
	}
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
	if (scheduler->state == PENSTOCK_SCHEDULER_STOPPED ||
	    !penstock_scheduler_become(scheduler, PENSTOCK_SCHEDULER_RUNNING)) {
		return false;
	}
	penstock_scheduler_tell_process(scheduler, PENSTOCK_TRACE_ADAPTER_RESET, 0, NULL, 0, 1, 0);
	(void)penstock_vidmm_adapter_reset(scheduler->config.vidmm);
	return true;
}

bool penstock_scheduler_reset_adapter(struct penstock_scheduler *scheduler)
{
	bool outermost = penstock_scheduler_enter(scheduler);
	bool ended = false;

	if (penstock_scheduler_become(scheduler, PENSTOCK_SCHEDULER_RESETTING)) {
		ended = reset(scheduler);
	}
	penstock_scheduler_leave(scheduler, outermost);
	return ended;
}
