/* SPDX-License-Identifier: MIT */
/*
 * Preemption: what a process has on a node comes off it, to make room for somebody else. Documents:
 * DXGKDDI_PREEMPTCOMMAND, DXGK_INTERRUPT_DMA_PREEMPTED.
 *
 *	of a process on a node   RUNNING --preempt_command--> PREEMPTING --the answer--> RUNNING
 *	                                                          '---- engine reset ----'
 *
 * While PREEMPTING nothing new is submitted to that ring. The answer takes everything off it that
 * did not complete: paging packets go on it again first, with the fence ids that they have;
 * submissions go back to the front of their queues, are patched again when they are picked, and
 * get new ids. The first of them goes on where it stopped.
 */
#include "daemon/schedule/internal.h"

#include "gpu-backend/dma.h"

#include <inttypes.h>

struct penstock_preemption *
penstock_node_preemption_of(struct penstock_node *node,
			    const struct penstock_vidmm_process *process)
{
	for (uint32_t i = 0; i < node->preemption_count; i++) {
		if (node->preemptions[i].process == process) {
			return &node->preemptions[i];
		}
	}
	return NULL;
}

bool penstock_node_preempting(struct penstock_node *node,
			      const struct penstock_vidmm_process *process)
{
	return PENSTOCK_UNLIKELY(node->preemption_count > 0) &&
	       penstock_node_preemption_of(node, process) != NULL;
}

void penstock_node_preempt(struct penstock_scheduler *scheduler, struct penstock_node *node,
			   struct penstock_vidmm_process *process)
{
	struct penstock_preemption *preemption = &node->preemptions[node->preemption_count];

	/* one for each process that has a packet here, which are no more than a ring takes */
	PENSTOCK_REQUIRE(node->preemption_count < PENSTOCK_ARRAY_SIZE(node->preemptions));
	*preemption = (struct penstock_preemption){
		.process = process,
		.fence_id = ++node->preemptions_asked,
		.asked_ns = penstock_scheduler_now_ns(scheduler),
	};
	node->preemption_count++;
	penstock_scheduler_tell_process(scheduler, PENSTOCK_TRACE_PREEMPT, node->ordinal, process,
					preemption->fence_id, 0, 0);
	scheduler->config.backend->ops->preempt_command(penstock_vidmm_process_backend(process),
							node->ordinal, preemption->fence_id);
	penstock_scheduler_expect(scheduler);
}

void penstock_node_forget_preemption(struct penstock_node *node,
				     const struct penstock_vidmm_process *process)
{
	struct penstock_preemption *preemption = penstock_node_preemption_of(node, process);

	if (preemption != NULL) {
		*preemption = node->preemptions[--node->preemption_count];
	}
}

void penstock_scheduler_forget_preemptions(struct penstock_scheduler *scheduler,
					   const struct penstock_vidmm_process *process)
{
	for (uint32_t i = 0; i < PENSTOCK_NODE_COUNT; i++) {
		penstock_node_forget_preemption(&scheduler->nodes[i], process);
	}
}

/* ---------------------------------------------------------------- who has to go */

/* The packets of the queue's process had the node for a time slice. */
static bool had_its_slice(const struct penstock_node *node, const struct penstock_queue *queue,
			  uint64_t now_ns)
{
	return now_ns - queue->process->nodes[node->ordinal].begun_ns >= PENSTOCK_SLICE_NS;
}

/* Of the lowest priority below that of `next`, and there at its pleasure; of those the last. */
static struct penstock_submission *lower(const struct penstock_node *node,
					 const struct penstock_queue *next)
{
	struct penstock_submission *lowest = NULL;

	penstock_list_for_each (link, &node->hardware) {
		struct penstock_submission *submission = penstock_submission_of(link);

		if (submission->queue->level > next->level && !submission->promoted &&
		    (lowest == NULL || submission->queue->level >= lowest->queue->level)) {
			lowest = submission;
		}
	}
	return lowest;
}

/* The oldest, of the priority of `next` or a lower one, that had its slice. */
static struct penstock_submission *long_enough(const struct penstock_node *node,
					       const struct penstock_queue *next, uint64_t now_ns)
{
	penstock_list_for_each (link, &node->hardware) {
		struct penstock_submission *submission = penstock_submission_of(link);

		if (submission->queue->level >= next->level && submission->queue != next &&
		    had_its_slice(node, submission->queue, now_ns)) {
			return submission;
		}
	}
	return NULL;
}

/* Whose packets make room now, NULL: nobody's yet. */
static struct penstock_submission *who_goes(const struct penstock_scheduler *scheduler,
					    struct penstock_node *node)
{
	struct penstock_queue *next = penstock_ready_first(&node->ready);
	struct penstock_submission *submission = lower(node, next);
	uint64_t now_ns;

	if (submission != NULL) {
		return submission;
	}
	now_ns = penstock_scheduler_now_ns(scheduler);
	if (next->on_hardware > 0 && had_its_slice(node, next, now_ns)) {
		/* It had its time: after it comes another context of its process. */
		penstock_ready_rotate(next);
		next = penstock_ready_first(&node->ready);
	}
	return long_enough(node, next, now_ns);
}

/* For somebody who could run: a place is no good to who waits for memory as well. */
static void make_room_now(struct penstock_scheduler *scheduler, struct penstock_node *node)
{
	const struct penstock_submission *submission;

	while (penstock_ready_first(&node->ready) != NULL &&
	       (submission = who_goes(scheduler, node)) != NULL &&
	       !penstock_scheduler_is_stopping(scheduler, submission->process)) {
		if (penstock_node_next_could_run(scheduler, node)) {
			penstock_node_preempt(scheduler, node, submission->process);
			return;
		}
	}
}

void penstock_node_make_room(struct penstock_scheduler *scheduler, struct penstock_node *node)
{
	/* What is short leaves sooner than anything that could be done about it. */
	if (node->work_bytes <= PENSTOCK_SHORT_WORK_BYTES) {
		return;
	}
	if (node->preemption_count == 0) {
		make_room_now(scheduler, node);
	}
	if (!scheduler->slice_asked && scheduler->config.slice != NULL) {
		scheduler->slice_asked = true;
		scheduler->config.slice(scheduler->config.owner);
	}
}

void penstock_scheduler_slice(struct penstock_scheduler *scheduler)
{
	bool outermost = penstock_scheduler_enter(scheduler);

	scheduler->slice_asked = false;
	penstock_scheduler_leave(scheduler, outermost);
}

/* ---------------------------------------------------------------- the answer */

/* Where a GPU says that it stopped, it has executed whole instructions, from where it began. */
static bool is_boundary(const struct penstock_submission *submission, uint32_t offset)
{
	return penstock_dma_is_boundary(submission->args.dma_buffer, submission->part.end,
					submission->resume_offset, offset);
}

/* The first packet that did not complete: nothing but a paging packet may be before it. */
static bool resume_first(struct penstock_node *node, const struct penstock_vidmm_process *process,
			 const struct penstock_interrupt *interrupt)
{
	struct penstock_submission *submission = penstock_node_first_of(node, process);
	const struct penstock_paging_packet *packet = penstock_node_paging_of(node, process);

	if (submission == NULL ||
	    (packet != NULL &&
	     penstock_fence_before(packet->submission_fence_id, submission->submission_fence_id))) {
		return true;
	}
	if (!is_boundary(submission, interrupt->resume_offset)) {
		return false;
	}
	submission->resume_offset = interrupt->resume_offset;
	submission->resume_position = interrupt->resume_position;
	return true;
}

void penstock_scheduler_preempted(struct penstock_scheduler *scheduler, struct penstock_node *node,
				  struct penstock_vidmm_process *process,
				  const struct penstock_interrupt *interrupt)
{
	const struct penstock_preemption *preemption = penstock_node_preemption_of(node, process);
	const struct penstock_submission *first;
	uint64_t gpu_ns;

	if (preemption == NULL || preemption->fence_id != interrupt->fence_id) {
		penstock_scheduler_fail(scheduler,
					"0x119/1: a preemption that was not asked for, fence "
					"0x%" PRIx32 ", node %" PRIu32,
					interrupt->fence_id, node->ordinal);
		return;
	}
	if (penstock_node_has_faulted(scheduler, node, process)) {
		penstock_node_forget_preemption(node, process);
		return; /* what is on it waits for the reset */
	}
	/* Mostly it was told before; whatever else stands there is no news. */
	if (penstock_node_judge(node, process, interrupt->last_completed_fence_id) ==
	    PENSTOCK_FENCE_OUTSTANDING) {
		penstock_node_complete(scheduler, node, process,
				       interrupt->last_completed_fence_id);
	}
	if (!resume_first(node, process, interrupt)) {
		penstock_scheduler_fail(scheduler,
					"0x119/1: preempted at DMA offset 0x%" PRIx32
					", node %" PRIu32 ", where no instruction begins",
					interrupt->resume_offset, node->ordinal);
		return;
	}
	penstock_node_forget_preemption(node, process);
	penstock_scheduler_tell_process(scheduler, PENSTOCK_TRACE_PREEMPTED, node->ordinal, process,
					interrupt->fence_id, 0, 0);
	node->preempted++;
	first = penstock_node_first_of(node, process);
	gpu_ns = first == NULL ? 0 : penstock_node_elapsed_ns(scheduler, node, first->queue);
	if (first != NULL) {
		first->queue->preemptions++;
		first->queue->process->nodes[node->ordinal].preemptions++;
	}
	/* First what was on its rings: what is put back lets go of memory, which may be paged. */
	if (penstock_scheduler_is_stopping(scheduler, process)) {
		penstock_scheduler_forgive(scheduler, node, process);
	} else {
		penstock_node_page_again(scheduler, node, process);
	}
	penstock_node_put_back(node, process, gpu_ns);
	penstock_node_look_again(node, &node->parked);
}
