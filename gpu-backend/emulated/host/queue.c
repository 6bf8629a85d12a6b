/* SPDX-License-Identifier: MIT */
#include "gpu-backend/emulated/host/queue.h"

#include <string.h>

void penstock_hw_queue_init(struct penstock_hw_queue *queue, uint32_t node_ordinal)
{
	*queue = (struct penstock_hw_queue){ .node_ordinal = node_ordinal };
}

void penstock_hw_queue_reset(struct penstock_hw_queue *queue, struct penstock_ring_node *ring)
{
	uint32_t completed = queue->completed;

	*queue = (struct penstock_hw_queue){ .ring = ring,
					     .node_ordinal = queue->node_ordinal,
					     .completed = completed };
}

bool penstock_hw_queue_outstanding(const struct penstock_hw_queue *queue)
{
	return !queue->faulted &&
	       (queue->produced != queue->retired || queue->preempting || queue->preempt_direct);
}

void penstock_hw_queue_put(struct penstock_hw_queue *queue, const struct penstock_submit_args *args,
			   uint64_t messages)
{
	uint32_t slot = penstock_ring_slot(queue->produced);
	bool paging = (args->flags & PENSTOCK_SUBMITCOMMAND_PAGING) != 0;
	struct penstock_ring_packet packet = {
		.dma_buffer_address = args->dma_buffer_address,
		.resume_position = args->resume_position,
		.messages = messages,
		.submission_start_offset = args->submission_start_offset,
		.submission_end_offset = args->submission_end_offset,
		.submission_fence_id = args->submission_fence_id,
		.flags = args->flags,
		.paging_buffer_bytes = paging ? args->paging_buffer_bytes : 0,
	};

	PENSTOCK_REQUIRE(queue->ring != NULL);
	PENSTOCK_REQUIRE(queue->produced - queue->retired < PENSTOCK_RING_PACKETS);
	PENSTOCK_REQUIRE(!paging || args->paging_buffer_bytes <= PENSTOCK_PAGING_BUFFER_BYTES);
	PENSTOCK_REQUIRE(args->submission_start_offset <= args->submission_end_offset);
	queue->packets[slot] = (struct penstock_hw_packet){
		.fence_id = args->submission_fence_id,
		.start_offset = paging ? 0 : args->submission_start_offset,
		.end_offset = paging ? args->paging_buffer_bytes : args->submission_end_offset,
	};
	queue->ring->packets[slot] = packet;
	if (packet.paging_buffer_bytes > 0) {
		memcpy(queue->ring->paging[slot], args->paging_buffer, packet.paging_buffer_bytes);
	}
	queue->produced++;
	/* Release: the packet, and the DMA buffer it names, are there before it can be seen. */
	__atomic_store_n(&queue->ring->producer, queue->produced, __ATOMIC_RELEASE);
}

void penstock_hw_queue_preempt(struct penstock_hw_queue *queue, uint32_t preemption_fence_id)
{
	PENSTOCK_REQUIRE(!queue->preempting && !queue->preempt_direct);
	queue->preempt_fence_id = preemption_fence_id;
	if (queue->ring == NULL || queue->produced == queue->retired) {
		queue->preempt_direct = true;
		return;
	}
	queue->preempting = true;
	queue->preempt_producer = queue->produced;
	queue->preempt_number++;
	__atomic_store_n(&queue->ring->preempt_request,
			 (uint64_t)queue->preempt_producer << 32 | queue->preempt_number,
			 __ATOMIC_RELEASE);
}

/* Everything up to `count` has completed. False: that cannot be. */
static bool complete_to(struct penstock_hw_queue *queue, uint32_t count, uint32_t limit,
			struct penstock_interrupt *ret_interrupt)
{
	if (count == queue->retired || count - queue->retired > limit - queue->retired) {
		return false;
	}
	queue->retired = count;
	queue->completed = queue->packets[penstock_ring_slot(count - 1)].fence_id;
	queue->last_fence_word = penstock_ring_fence(count, queue->completed);
	*ret_interrupt = (struct penstock_interrupt){
		.type = PENSTOCK_INTERRUPT_DMA_COMPLETED,
		.node_ordinal = queue->node_ordinal,
		.fence_id = queue->completed,
		.last_completed_fence_id = queue->completed,
	};
	return true;
}

static struct penstock_interrupt preempted_interrupt(const struct penstock_hw_queue *queue)
{
	return (struct penstock_interrupt){
		.type = PENSTOCK_INTERRUPT_DMA_PREEMPTED,
		.node_ordinal = queue->node_ordinal,
		.fence_id = queue->preempt_fence_id,
		.last_completed_fence_id = queue->completed,
	};
}

/* The request was answered: first what completed before, then the answer. */
static enum penstock_collected collect_preempted(struct penstock_hw_queue *queue,
						 struct penstock_interrupt *ret_interrupt)
{
	const struct penstock_ring_preempted *answer = &queue->ring->preempted;
	uint32_t completed = penstock_ring_load32(&answer->completed);
	uint32_t offset = penstock_ring_load32(&answer->resume_offset);
	const struct penstock_hw_packet *packet = &queue->packets[penstock_ring_slot(completed)];

	if (completed != queue->retired) {
		return complete_to(queue, completed, queue->preempt_producer, ret_interrupt)
			       ? PENSTOCK_COLLECTED_INTERRUPT
			       : PENSTOCK_COLLECTED_IMPOSSIBLE;
	}
	*ret_interrupt = preempted_interrupt(queue);
	if (completed != queue->preempt_producer) {
		if (offset < packet->start_offset || offset > packet->end_offset) {
			return PENSTOCK_COLLECTED_IMPOSSIBLE;
		}
		ret_interrupt->resume_offset = offset;
		ret_interrupt->resume_position = penstock_ring_load64(&answer->resume_position);
	}
	queue->preempting = false;
	queue->retired = queue->preempt_producer;
	return PENSTOCK_COLLECTED_INTERRUPT;
}

static enum penstock_collected collect_fault(struct penstock_hw_queue *queue, uint32_t type,
					     struct penstock_interrupt *ret_interrupt)
{
	const struct penstock_ring_fault *fault = &queue->ring->fault;
	const struct penstock_hw_packet *packet =
		&queue->packets[penstock_ring_slot(queue->retired)];
	uint32_t fence_id = penstock_ring_load32(&fault->fence_id);
	uint32_t offset = penstock_ring_load32(&fault->dma_offset);

	if ((type != PENSTOCK_INTERRUPT_DMA_FAULTED &&
	     type != PENSTOCK_INTERRUPT_DMA_PAGE_FAULTED) ||
	    queue->produced == queue->retired || fence_id != packet->fence_id ||
	    offset < packet->start_offset || offset > packet->end_offset) {
		return PENSTOCK_COLLECTED_IMPOSSIBLE;
	}
	queue->faulted = true;
	*ret_interrupt = (struct penstock_interrupt){
		.type = (enum penstock_interrupt_type)type,
		.node_ordinal = queue->node_ordinal,
		.fence_id = fence_id,
		.last_completed_fence_id = queue->completed,
		.fault_address = penstock_ring_load64(&fault->address),
		.fault_dma_offset = offset,
		.fault_write = penstock_ring_load32(&fault->write) != 0,
	};
	return PENSTOCK_COLLECTED_INTERRUPT;
}

bool penstock_hw_queue_has_news(const struct penstock_hw_queue *queue)
{
	const struct penstock_ring_node *ring = queue->ring;

	if (queue->preempt_direct || ring == NULL || queue->faulted) {
		return queue->preempt_direct;
	}
	return penstock_ring_load64(&ring->fence) != queue->last_fence_word ||
	       penstock_ring_load32(&ring->fault.type) != 0 ||
	       (queue->preempting &&
		penstock_ring_load32(&ring->preempted.request) == queue->preempt_number);
}

/*
 * The order of the loads: after a fault nothing else is written, so its word is read first; what
 * completes after a preemption is written after the answer, so the fence is read before that.
 */
enum penstock_collected penstock_hw_queue_collect(struct penstock_hw_queue *queue,
						  struct penstock_interrupt *ret_interrupt)
{
	uint32_t fault, answered, unanswered, count;
	uint64_t fence;

	if (queue->preempt_direct) {
		queue->preempt_direct = false;
		*ret_interrupt = preempted_interrupt(queue);
		return PENSTOCK_COLLECTED_INTERRUPT;
	}
	if (queue->ring == NULL || queue->faulted) {
		return PENSTOCK_COLLECTED_NOTHING;
	}
	fault = penstock_ring_load32(&queue->ring->fault.type);
	fence = penstock_ring_load64(&queue->ring->fence);
	answered = penstock_ring_load32(&queue->ring->preempted.request);
	unanswered = queue->preempting ? queue->preempt_number - 1 : queue->preempt_number;
	if (answered != unanswered) {
		return queue->preempting && answered == queue->preempt_number
			       ? collect_preempted(queue, ret_interrupt)
			       : PENSTOCK_COLLECTED_IMPOSSIBLE;
	}
	if (fence != queue->last_fence_word) {
		uint32_t limit = queue->preempting ? queue->preempt_producer : queue->produced;

		count = penstock_ring_fence_count(fence);
		return complete_to(queue, count, limit, ret_interrupt) &&
				       queue->last_fence_word == fence
			       ? PENSTOCK_COLLECTED_INTERRUPT
			       : PENSTOCK_COLLECTED_IMPOSSIBLE;
	}
	return fault == 0 ? PENSTOCK_COLLECTED_NOTHING : collect_fault(queue, fault, ret_interrupt);
}
