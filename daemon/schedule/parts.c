/* SPDX-License-Identifier: MIT */
/*
 * Submissions that are split (daemon/memory/split.h): each part makes the way of a submission from
 * the front of its queue to its fence, with what it needs in its segments and nothing else.
 *
 *	QUEUED --part made, prepared, patched--> ON_HARDWARE --its fence--> RETIRED, the last one
 *	   ^                                          |
 *	   '---- penstock_vidmm_part_done ------------'  in front of its queue
 *
 * While a part is out that others follow, its queue has nothing for the node
 * (penstock_queue.splitting): what is behind runs after the last one. Other contexts do run
 * between. A part that is preempted or reset goes on from its own resume_offset; one that faults or
 * hangs is its submission's.
 */
#include "daemon/schedule/internal.h"

/* Its next part, as far as memory says; most of them fit as they are made. */
static enum penstock_status prepare_part(struct penstock_scheduler *scheduler,
					 struct penstock_submission *submission,
					 penstock_prepare *prepare)
{
	uint32_t most = scheduler->config.split_points;
	enum penstock_status status;

	do {
		bool first = !submission->split;

		status = penstock_vidmm_split(submission, most == 0 ? UINT32_MAX : most);
		if (status != PENSTOCK_STATUS_SUCCESS) {
			return status;
		}
		submission->queue->splits += first;
		status = prepare(submission);
	} while (status == PENSTOCK_STATUS_GRAPHICS_NO_VIDEO_MEMORY);
	return status;
}

enum penstock_status penstock_scheduler_prepare(struct penstock_scheduler *scheduler,
						struct penstock_submission *submission,
						penstock_prepare *prepare)
{
	const struct penstock_part *part = &submission->part;
	bool to_be_made =
		submission->split ? part->start == part->end : scheduler->config.split_points > 0;
	enum penstock_status status = PENSTOCK_STATUS_GRAPHICS_NO_VIDEO_MEMORY;

	if (PENSTOCK_LIKELY(!to_be_made || submission->args.dma_length == 0)) {
		status = prepare(submission);
	}
	return PENSTOCK_LIKELY(status != PENSTOCK_STATUS_GRAPHICS_NO_VIDEO_MEMORY)
		       ? status
		       : prepare_part(scheduler, submission, prepare);
}

void penstock_scheduler_look_for_too_much(struct penstock_scheduler *scheduler,
					  struct penstock_submission *submission)
{
	struct penstock_errbuf text;
	uint32_t dma_offset = submission->part.start;

	if (penstock_vidmm_can_fit(submission, &dma_offset, &text)) {
		if (!penstock_vidmm_has_begun(submission)) {
			return;
		}
		penstock_errbuf_set(&text, "out of video memory: the host has none for the rest");
	}
	scheduler->config.out_of_memory(scheduler->config.owner, submission, dma_offset, text.text);
}
