/* SPDX-License-Identifier: MIT */
#include "daemon/schedule/share.h"

#include "daemon/schedule/scheduler.h"

/* A packet costs something, whatever the clock says: who has had one goes behind who has not. */
#define LEAST_NS 1000u
/* How fast packet_ns follows. */
#define SMOOTHING 8

/* Nanoseconds as the process's weight has them count. */
static uint64_t weighted(const struct penstock_queue *queue, uint64_t ns)
{
	uint32_t weight = queue->process->weight;

	return PENSTOCK_LIKELY(weight == PENSTOCK_WEIGHT_NORMAL)
		       ? ns
		       : ns * PENSTOCK_WEIGHT_NORMAL / weight;
}

void penstock_share_init(struct penstock_share *share)
{
	*share = (struct penstock_share){ .packet_ns = LEAST_NS };
	penstock_list_init(&share->queues);
	penstock_list_init(&share->link);
}

void penstock_ready_init(struct penstock_ready *ready)
{
	*ready = (struct penstock_ready){ .count = 0 };
	for (uint32_t i = 0; i < PENSTOCK_PRIORITY_LEVELS; i++) {
		penstock_list_init(&ready->levels[i].shares);
	}
}

/* Behind those that have spent no more; who comes is mostly the last. */
static void insert(struct penstock_level *level, struct penstock_share *share)
{
	struct penstock_list *behind = level->shares.previous;

	while (behind != &level->shares &&
	       penstock_list_entry(behind, struct penstock_share, link)->spent > share->spent) {
		behind = behind->previous;
	}
	penstock_list_prepend(behind, &share->link);
}

void penstock_ready_append(struct penstock_ready *ready, struct penstock_queue *queue)
{
	struct penstock_level *level = &ready->levels[queue->level];
	struct penstock_share *share = queue->share;

	penstock_list_append(&share->queues, &queue->ready_link);
	queue->ready = true;
	ready->count++;
	if (!penstock_list_empty(&share->link)) {
		return;
	}
	if (share->spent < level->floor) {
		share->spent = level->floor;
	}
	if (penstock_list_empty(&level->shares)) {
		level->passed = 0;
		ready->occupied |= 1u << queue->level;
	}
	insert(level, share);
}

void penstock_ready_remove(struct penstock_ready *ready, struct penstock_queue *queue)
{
	struct penstock_level *level = &ready->levels[queue->level];
	struct penstock_share *share = queue->share;

	penstock_list_remove(&queue->ready_link);
	queue->ready = false;
	ready->count--;
	if (!penstock_list_empty(&share->queues)) {
		return;
	}
	penstock_list_remove(&share->link);
	if (penstock_list_empty(&level->shares)) {
		ready->occupied &= ~(1u << queue->level);
	}
}

struct penstock_queue *penstock_ready_first(const struct penstock_ready *ready)
{
	uint32_t first, others;
	const struct penstock_share *share;

	if (ready->occupied == 0) {
		return NULL;
	}
	first = (uint32_t)__builtin_ctz(ready->occupied);
	for (others = ready->occupied & (ready->occupied - 1); others != 0; others &= others - 1) {
		uint32_t level = (uint32_t)__builtin_ctz(others);

		if (ready->levels[level].passed >= PENSTOCK_PRIORITY_PATIENCE) {
			first = level;
			break;
		}
	}
	share = penstock_list_entry(penstock_list_first(&ready->levels[first].shares),
				    struct penstock_share, link);
	return penstock_list_entry(penstock_list_first(&share->queues), struct penstock_queue,
				   ready_link);
}

void penstock_ready_rotate(struct penstock_queue *queue)
{
	penstock_list_remove(&queue->ready_link);
	penstock_list_append(&queue->share->queues, &queue->ready_link);
}

/* What it has spent changed: it may have another place among the others. */
static void spend(struct penstock_level *level, struct penstock_share *share, uint64_t spent)
{
	share->spent = spent;
	if (!penstock_list_empty(&share->link)) {
		penstock_list_remove(&share->link);
		insert(level, share);
	}
}

uint64_t penstock_ready_served(struct penstock_ready *ready, struct penstock_queue *queue,
			       bool *ret_promoted)
{
	struct penstock_level *level = &ready->levels[queue->level];
	struct penstock_share *share = queue->share;
	uint64_t charged_ns = share->packet_ns;
	uint32_t lower = ready->occupied & ~((2u << queue->level) - 1);

	if (level->floor < share->spent) {
		level->floor = share->spent;
	}
	*ret_promoted = level->passed >= PENSTOCK_PRIORITY_PATIENCE;
	level->passed = 0;
	for (; PENSTOCK_UNLIKELY(lower != 0); lower &= lower - 1) {
		ready->levels[__builtin_ctz(lower)].passed++;
	}
	spend(level, share, share->spent + weighted(queue, charged_ns));
	return charged_ns;
}

void penstock_ready_settle(struct penstock_ready *ready, struct penstock_queue *queue,
			   uint64_t charged_ns, bool ran, uint64_t gpu_ns)
{
	struct penstock_share *share = queue->share;
	uint64_t spent = share->spent - weighted(queue, charged_ns);

	if (ran) {
		gpu_ns = gpu_ns < LEAST_NS ? LEAST_NS : gpu_ns;
		spent += weighted(queue, gpu_ns);
		share->packet_ns += ((int64_t)gpu_ns - (int64_t)share->packet_ns) / SMOOTHING;
	}
	spend(&ready->levels[queue->level], share, spent);
}
