/* SPDX-License-Identifier: MIT */
/*
 * Software queues: one a context, in order. A node's queues with work are `ready`; those whose head
 * waits (a transfer before it, memory, its own predecessors) are parked until something changed,
 * those that were one too many for memory to work for until there is room. A head without a DMA
 * buffer is the scheduler's to execute (packets), or sleeps.
 */
#include "daemon/schedule/internal.h"

void penstock_scheduler_process_init(struct penstock_scheduler_process *process, uint32_t weight)
{
	*process = (struct penstock_scheduler_process){ .weight = weight };
	for (uint32_t i = 0; i < PENSTOCK_NODE_COUNT; i++) {
		for (uint32_t j = 0; j < PENSTOCK_PRIORITY_LEVELS; j++) {
			penstock_share_init(&process->nodes[i].shares[j]);
		}
	}
}

void penstock_queue_init(struct penstock_queue *queue, struct penstock_scheduler *scheduler,
			 struct penstock_scheduler_process *process, uint32_t node_ordinal,
			 int priority, void *context)
{
	PENSTOCK_REQUIRE(node_ordinal < PENSTOCK_NODE_COUNT);
	PENSTOCK_REQUIRE(priority >= -PENSTOCK_PRIORITY_MOST && priority <= PENSTOCK_PRIORITY_MOST);
	*queue = (struct penstock_queue){
		.scheduler = scheduler,
		.process = process,
		.node_ordinal = node_ordinal,
		.level = (uint32_t)(PENSTOCK_PRIORITY_MOST - priority),
		.context = context,
	};
	queue->share = &process->nodes[node_ordinal].shares[queue->level];
	penstock_list_init(&queue->waiting);
	penstock_list_init(&queue->ready_link);
}

void penstock_queue_offer(struct penstock_queue *queue, struct penstock_node *node)
{
	struct penstock_list *head = penstock_list_first(&queue->waiting);

	if (PENSTOCK_UNLIKELY(penstock_submission_of(head)->sync != NULL)) {
		penstock_list_append(&queue->scheduler->packets, &queue->ready_link);
	} else {
		penstock_ready_append(&node->ready, queue);
	}
}

void penstock_node_look_again(struct penstock_node *node, struct penstock_list *queues)
{
	struct penstock_list *link;

	while ((link = penstock_list_pop(queues)) != NULL) {
		penstock_queue_offer(penstock_list_entry(link, struct penstock_queue, ready_link),
				     node);
	}
}

/* Off the list that it is on, or none; its head waits for no object any more. */
static void unlink_queue(struct penstock_queue *queue, struct penstock_node *node)
{
	if (queue->ready) {
		penstock_ready_remove(&node->ready, queue);
	} else {
		penstock_list_remove(&queue->ready_link);
		penstock_sync_wait_end(&queue->wait);
	}
}

/* Away from the path that every submission takes: its text would be paid for on each move. */
static __attribute__((noinline, cold)) void
refuse_move(const struct penstock_submission *submission, enum penstock_submission_state to)
{
	struct penstock_errbuf text;

	penstock_states_refuse(penstock_submission_states(), "", submission->state, to, &text);
	penstock_scheduler_fail(submission->queue->scheduler, "%s", text.text);
}

void penstock_scheduler_move(struct penstock_submission *submission,
			     enum penstock_submission_state to)
{
	if (PENSTOCK_UNLIKELY(!penstock_submission_move(submission, to))) {
		refuse_move(submission, to);
	}
}

void penstock_node_prepared(struct penstock_node *node, struct penstock_submission *submission)
{
	if (submission->state == PENSTOCK_SUBMISSION_PREPARING) {
		penstock_scheduler_move(submission, PENSTOCK_SUBMISSION_QUEUED);
		node->preparing--;
		penstock_vidmm_withdraw(submission);
		penstock_node_look_again(node, &node->crowded);
	}
}

void penstock_queue_wake(struct penstock_queue *queue, struct penstock_node *node)
{
	if (!queue->ready && !penstock_list_empty(&queue->waiting) && queue->splitting == NULL) {
		unlink_queue(queue, node);
		penstock_queue_offer(queue, node);
	}
}

void penstock_scheduler_enqueue(struct penstock_queue *queue,
				struct penstock_submission *submission)
{
	struct penstock_scheduler *scheduler = queue->scheduler;
	struct penstock_node *node = &scheduler->nodes[queue->node_ordinal];
	bool outermost = penstock_scheduler_enter(scheduler);

	submission->queue = queue;
	submission->level = queue->level;
	penstock_scheduler_move(submission, PENSTOCK_SUBMISSION_QUEUED);
	penstock_submission_whole(submission);
	penstock_list_append(&queue->waiting, &submission->queue_link);
	penstock_scheduler_tell(scheduler, PENSTOCK_TRACE_QUEUED, submission,
				submission->args.dma_length, 0);
	queue->depth++;
	node->waiting++;
	/* A parked queue stays so: its head waits, not this one; so does one between two parts. */
	if (penstock_list_empty(&queue->ready_link) && PENSTOCK_LIKELY(queue->splitting == NULL)) {
		penstock_queue_offer(queue, node);
	}
	penstock_scheduler_leave_enqueued(scheduler, outermost, node, submission);
}

/* Of a packet that is the head: the value of its object, or what its context has out. */
static enum penstock_trace_wait packet_waits_for(const struct penstock_queue *queue,
						 const struct penstock_submission *packet)
{
	if (packet->cancelled == PENSTOCK_STATUS_SUCCESS && !packet->sync_signals &&
	    packet->sync->value < packet->sync_value) {
		return PENSTOCK_TRACE_WAIT_OBJECT;
	}
	return queue->on_hardware > 0 ? PENSTOCK_TRACE_WAIT_PREDECESSOR
				      : PENSTOCK_TRACE_WAIT_NOTHING;
}

enum penstock_trace_wait penstock_queue_waits_for(const struct penstock_queue *queue,
						  struct penstock_submission **ret_head)
{
	struct penstock_list *link = penstock_list_first(&queue->waiting);
	struct penstock_submission *head = link == NULL ? NULL : penstock_submission_of(link);
	struct penstock_node *node = &queue->scheduler->nodes[queue->node_ordinal];

	*ret_head = head;
	if (head == NULL) {
		return PENSTOCK_TRACE_WAIT_NOTHING;
	}
	if (queue->splitting != NULL) {
		return PENSTOCK_TRACE_WAIT_PREDECESSOR;
	}
	if (head->blocked > 0) {
		return PENSTOCK_TRACE_WAIT_ORDER;
	}
	if (head->sync != NULL || head->cancelled != PENSTOCK_STATUS_SUCCESS) {
		return packet_waits_for(queue, head);
	}
	if (penstock_node_preempting(node, head->process) ||
	    penstock_scheduler_is_stopping(queue->scheduler, head->process)) {
		return PENSTOCK_TRACE_WAIT_PREEMPTION;
	}
	if (head->state == PENSTOCK_SUBMISSION_PREPARING) {
		return PENSTOCK_TRACE_WAIT_MEMORY;
	}
	/* One that is on no list of those whose turn may be next is one too many for memory. */
	return queue->ready ? PENSTOCK_TRACE_WAIT_NODE : PENSTOCK_TRACE_WAIT_CROWD;
}

void penstock_scheduler_ask_later(struct penstock_scheduler *scheduler)
{
	if (!scheduler->defer_asked) {
		scheduler->defer_asked = true;
		scheduler->config.defer(scheduler->config.owner);
	}
}

static void put_off(struct penstock_scheduler *scheduler, struct penstock_submission *submission,
		    enum penstock_status status)
{
	submission->result = status;
	penstock_list_append(&scheduler->deferred, &submission->queue_link);
	penstock_scheduler_ask_later(scheduler);
}

void penstock_scheduler_defer(struct penstock_scheduler *scheduler,
			      struct penstock_submission *submission, enum penstock_status status)
{
	if (status == PENSTOCK_STATUS_SUCCESS) {
		penstock_scheduler_tell(scheduler, PENSTOCK_TRACE_SYNCHRONIZED, submission,
					submission->sync_value, submission->sync_signals);
	} else {
		penstock_scheduler_tell(scheduler, PENSTOCK_TRACE_DROPPED, submission,
					penstock_status_to_wire(status), 0);
	}
	submission->queue->depth--;
	put_off(scheduler, submission, status);
}

void penstock_scheduler_complete(struct penstock_scheduler *scheduler,
				 struct penstock_submission *submission,
				 enum penstock_status status)
{
	if (PENSTOCK_UNLIKELY(submission == scheduler->enqueuing)) {
		put_off(scheduler, submission, status);
	} else {
		submission->completed(submission, status);
	}
}

void penstock_scheduler_cancel(struct penstock_queue *queue, enum penstock_status status)
{
	struct penstock_scheduler *scheduler = queue->scheduler;
	struct penstock_node *node = &scheduler->nodes[queue->node_ordinal];
	struct penstock_list *link;
	bool outermost = penstock_scheduler_enter(scheduler);

	unlink_queue(queue, node);
	/* What of it is on the hardware retires; the parts behind that do not run. */
	if (queue->splitting != NULL && queue->splitting->cancelled == PENSTOCK_STATUS_SUCCESS) {
		queue->splitting->cancelled = status;
	}
	while ((link = penstock_list_pop(&queue->waiting)) != NULL) {
		struct penstock_submission *submission = penstock_submission_of(link);

		/* A prepare that did not succeed holds nothing. */
		penstock_node_prepared(node, submission);
		node->waiting--;
		penstock_scheduler_move(submission, PENSTOCK_SUBMISSION_CANCELLED);
		penstock_scheduler_defer(scheduler, submission, status);
	}
	penstock_scheduler_leave(scheduler, outermost);
}

void penstock_scheduler_deliver_now(struct penstock_scheduler *scheduler)
{
	struct penstock_submission *enqueuing = NULL;
	struct penstock_list *link;

	while ((link = penstock_list_pop(&scheduler->deferred)) != NULL) {
		struct penstock_submission *submission = penstock_submission_of(link);

		if (submission == scheduler->enqueuing) {
			enqueuing = submission;
		} else {
			submission->completed(submission, submission->result);
		}
	}
	if (enqueuing != NULL) {
		penstock_list_append(&scheduler->deferred, &enqueuing->queue_link);
	}
}

void penstock_scheduler_deliver(struct penstock_scheduler *scheduler)
{
	bool outermost = penstock_scheduler_enter(scheduler);

	scheduler->defer_asked = false;
	scheduler->sync_left = PENSTOCK_SYNC_A_TURN;
	penstock_scheduler_deliver_now(scheduler);
	penstock_scheduler_leave(scheduler, outermost);
}
