/* SPDX-License-Identifier: MIT */
/*
 * What the scheduler tells who traces (daemon/schedule/trace.h).
 */
#include "daemon/schedule/internal.h"

void penstock_scheduler_trace_submission(struct penstock_scheduler *scheduler,
					 enum penstock_trace_kind kind,
					 const struct penstock_submission *submission,
					 uint64_t value, uint64_t other)
{
	const struct penstock_trace_event event = {
		.time_ns = penstock_scheduler_now_ns(scheduler),
		.kind = (uint8_t)kind,
		.adapter = (uint16_t)scheduler->config.adapter,
		.node = (uint8_t)submission->queue->node_ordinal,
		.process = penstock_vidmm_process_id(submission->process),
		.context = submission->queue->id,
		.serial = submission->serial,
		.pass = submission->pass,
		.fence_id = submission->submission_fence_id,
		.value = value,
		.other = other,
	};

	penstock_trace_add(scheduler->trace, &event);
}

void penstock_scheduler_trace_process(struct penstock_scheduler *scheduler,
				      enum penstock_trace_kind kind, uint32_t node_ordinal,
				      const struct penstock_vidmm_process *process,
				      uint32_t fence_id, uint64_t value, uint64_t other)
{
	const struct penstock_trace_event event = {
		.time_ns = penstock_scheduler_now_ns(scheduler),
		.kind = (uint8_t)kind,
		.adapter = (uint16_t)scheduler->config.adapter,
		.node = (uint8_t)node_ordinal,
		.process = process == NULL ? 0 : penstock_vidmm_process_id(process),
		.fence_id = fence_id,
		.value = value,
		.other = other,
	};

	penstock_trace_add(scheduler->trace, &event);
}
