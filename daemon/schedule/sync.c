/* SPDX-License-Identifier: MIT */
#include "daemon/schedule/sync.h"

#include "daemon/schedule/internal.h"

/* ---------------------------------------------------------------- objects */

void penstock_sync_init(struct penstock_sync *sync, struct penstock_scheduler *scheduler,
			uint64_t value)
{
	*sync = (struct penstock_sync){ .scheduler = scheduler, .value = value };
	penstock_list_init(&sync->reached_link);
}

void penstock_sync_fini(struct penstock_sync *sync)
{
	PENSTOCK_REQUIRE(sync->waits.first == NULL);
	penstock_list_remove(&sync->reached_link);
}

static void raise_value(struct penstock_scheduler *scheduler, struct penstock_sync *sync,
			uint64_t value)
{
	if (value <= sync->value) {
		return;
	}
	sync->value = value;
	if (sync->waits.first != NULL && sync->waits.first->key <= value &&
	    penstock_list_empty(&sync->reached_link)) {
		penstock_list_append(&scheduler->reached, &sync->reached_link);
	}
}

void penstock_sync_signal(struct penstock_sync *sync, uint64_t value)
{
	struct penstock_scheduler *scheduler = sync->scheduler;
	bool outermost = penstock_scheduler_enter(scheduler);

	raise_value(scheduler, sync, value);
	penstock_scheduler_leave(scheduler, outermost);
}

void penstock_sync_wait_begin(struct penstock_sync *sync, struct penstock_sync_wait *wait,
			      uint64_t value)
{
	PENSTOCK_REQUIRE(wait->sync == NULL && sync->value < value);
	wait->sync = sync;
	wait->node.key = value;
	penstock_heap_add(&sync->waits, &wait->node);
}

void penstock_sync_wait_end(struct penstock_sync_wait *wait)
{
	if (wait->sync != NULL) {
		penstock_heap_remove(&wait->sync->waits, &wait->node);
		wait->sync = NULL;
	}
}

/* ---------------------------------------------------------------- packets */

static void sleep_on(struct penstock_node *node, struct penstock_queue *queue)
{
	penstock_list_append(&node->asleep, &queue->ready_link);
}

static void queue_reached(struct penstock_sync_wait *wait)
{
	struct penstock_queue *queue = penstock_container_of(wait, struct penstock_queue, wait);

	penstock_queue_wake(queue, &queue->scheduler->nodes[queue->node_ordinal]);
}

/* False: the queue sleeps until something before it is done, or its value is reached. */
static bool may_retire(struct penstock_queue *queue, const struct penstock_submission *packet)
{
	bool idle = queue->on_hardware == 0;

	if (packet->cancelled != PENSTOCK_STATUS_SUCCESS || packet->sync_signals) {
		return idle;
	}
	if (packet->sync->value >= packet->sync_value) {
		return true;
	}
	if (idle) {
		queue->wait.reached = queue_reached;
		penstock_sync_wait_begin(packet->sync, &queue->wait, packet->sync_value);
	}
	return false;
}

/* The head of the queue, which is on no list, is a packet. */
static void run_packet(struct penstock_scheduler *scheduler, struct penstock_queue *queue)
{
	struct penstock_node *node = &scheduler->nodes[queue->node_ordinal];
	struct penstock_submission *packet =
		penstock_submission_of(penstock_list_first(&queue->waiting));

	if (packet->blocked > 0) {
		penstock_list_append(&node->parked, &queue->ready_link);
		return;
	}
	if (!may_retire(queue, packet)) {
		penstock_scheduler_tell(scheduler, PENSTOCK_TRACE_WAITS, packet,
					queue->wait.sync != NULL ? PENSTOCK_TRACE_WAIT_OBJECT
								 : PENSTOCK_TRACE_WAIT_ORDER,
					0);
		sleep_on(node, queue);
		return;
	}
	penstock_list_remove(&packet->queue_link);
	node->waiting--;
	if (packet->cancelled != PENSTOCK_STATUS_SUCCESS) {
		penstock_scheduler_move(packet, PENSTOCK_SUBMISSION_CANCELLED);
	} else {
		penstock_scheduler_move(packet, PENSTOCK_SUBMISSION_RETIRED);
		if (packet->sync_signals) {
			raise_value(scheduler, packet->sync, packet->sync_value);
		}
	}
	penstock_scheduler_defer(scheduler, packet, packet->cancelled);
	if (!penstock_list_empty(&queue->waiting)) {
		penstock_queue_offer(queue, node);
	}
}

/* One of those whose value was reached. */
static void tell_one(struct penstock_sync *sync)
{
	struct penstock_sync_wait *wait;

	if (sync->waits.first == NULL || sync->waits.first->key > sync->value) {
		penstock_list_remove(&sync->reached_link);
		return;
	}
	wait = penstock_container_of(sync->waits.first, struct penstock_sync_wait, node);
	penstock_sync_wait_end(wait);
	wait->reached(wait);
}

bool penstock_scheduler_run_packets(struct penstock_scheduler *scheduler)
{
	bool any = false;

	while (scheduler->sync_left > 0 && penstock_scheduler_runs(scheduler)) {
		struct penstock_list *link = penstock_list_pop(&scheduler->packets);

		if (link != NULL) {
			run_packet(scheduler,
				   penstock_list_entry(link, struct penstock_queue, ready_link));
		} else if ((link = penstock_list_first(&scheduler->reached)) != NULL) {
			tell_one(penstock_list_entry(link, struct penstock_sync, reached_link));
		} else {
			return any;
		}
		any = true;
		scheduler->sync_left--;
	}
	if (penstock_scheduler_runs(scheduler)) {
		/* The rest of it when others had their turn. */
		penstock_scheduler_ask_later(scheduler);
	}
	return any;
}
