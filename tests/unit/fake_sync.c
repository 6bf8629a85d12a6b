/* SPDX-License-Identifier: MIT */
/*
 * Synchronisation objects of the fake scheduler: callers that wait are on a list of the heap's
 * nodes, looked through in full.
 */
#include "tests/unit/fake_core.h"

void penstock_sync_init(struct penstock_sync *sync, struct penstock_scheduler *scheduler,
			uint64_t value)
{
	*sync = (struct penstock_sync){ .scheduler = scheduler, .value = value };
	penstock_list_init(&sync->reached_link);
}

void penstock_sync_fini(struct penstock_sync *sync)
{
	ck_assert_ptr_null(sync->waits.first);
}

static void tell(struct penstock_sync *sync)
{
	struct penstock_heap_node *node = sync->waits.first;

	while (node != NULL) {
		struct penstock_sync_wait *wait =
			penstock_container_of(node, struct penstock_sync_wait, node);

		node = node->next;
		if (wait->node.key <= sync->value) {
			penstock_sync_wait_end(wait);
			wait->reached(wait);
		}
	}
}

void penstock_sync_signal(struct penstock_sync *sync, uint64_t value)
{
	if (value > sync->value) {
		sync->value = value;
		tell(sync);
		penstock_scheduler_kick(sync->scheduler);
	}
}

void penstock_sync_wait_begin(struct penstock_sync *sync, struct penstock_sync_wait *wait,
			      uint64_t value)
{
	ck_assert_ptr_null(wait->sync);
	ck_assert_uint_lt(sync->value, value);
	wait->sync = sync;
	wait->node = (struct penstock_heap_node){ .key = value, .next = sync->waits.first };
	sync->waits.first = &wait->node;
}

void penstock_sync_wait_end(struct penstock_sync_wait *wait)
{
	struct penstock_heap_node **link;

	if (wait->sync == NULL) {
		return;
	}
	link = &wait->sync->waits.first;
	while (*link != &wait->node) {
		ck_assert_ptr_nonnull(*link);
		link = &(*link)->next;
	}
	*link = wait->node.next;
	wait->sync = NULL;
}

bool fake_sync_may_run(const struct penstock_submission *packet)
{
	if (packet->cancelled != PENSTOCK_STATUS_SUCCESS) {
		return true;
	}
	if (!packet->sync_signals) {
		return packet->sync->value >= packet->sync_value;
	}
	penstock_list_for_each (link, &fake.hardware) {
		if (penstock_list_entry(link, struct penstock_submission, queue_link)->queue ==
		    packet->queue) {
			return false;
		}
	}
	return true;
}
