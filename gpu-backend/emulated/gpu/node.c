/* SPDX-License-Identifier: MIT */
#include "gpu-backend/emulated/gpu/node.h"

#include "gpu-backend/emulated/doorbell.h"

#include <unistd.h>

/* Looks at the ring between two looks at the clock. */
#define SPIN_LOOKS 64u

static void relax(void)
{
#if defined(__x86_64__)
	__builtin_ia32_pause();
#endif
}

void penstock_node_init(struct penstock_node *node, const struct penstock_node_config *config)
{
	*node = (struct penstock_node){ .config = *config };
	penstock_engine_init(&node->engine, config->mmu, config->node_ordinal);
	node->engine.vulkan = config->vulkan;
	node->engine.preempt_flag = &config->ring->preempt_request;
	node->engine.debug_offset = &config->ring->dma_offset;
	node->engine.debug_progress = &config->ring->progress;
}

/* After something was stored that the host wants to know. */
static void ring_interrupt(struct penstock_node *node)
{
	const uint64_t one = 1;

	if (penstock_ring_must_wake(&node->config.ring->host_sleeps) &&
	    node->config.interrupt >= 0) {
		/* Nonblocking; a full counter wakes the host just as well. */
		ssize_t ignored = write(node->config.interrupt, &one, sizeof(one));

		(void)ignored;
	}
}

static void retire(struct penstock_node *node, uint32_t fence_id)
{
	node->retired++;
	node->completed = fence_id;
	/* Release: what the packet wrote is visible to whoever sees its fence. */
	__atomic_store_n(&node->config.ring->fence, penstock_ring_fence(node->retired, fence_id),
			 __ATOMIC_RELEASE);
	ring_interrupt(node);
}

static void halt(struct penstock_node *node, const struct penstock_ring_packet *packet,
		 enum penstock_interrupt_type type)
{
	struct penstock_ring_fault *fault = &node->config.ring->fault;

	node->halted = true;
	fault->fence_id = packet->submission_fence_id;
	fault->dma_offset = node->engine.dma_offset;
	fault->address =
		type == PENSTOCK_INTERRUPT_DMA_PAGE_FAULTED ? node->engine.fault_address : 0;
	fault->write = type == PENSTOCK_INTERRUPT_DMA_PAGE_FAULTED ? node->engine.fault_write : 0;
	__atomic_store_n(&fault->type, (uint32_t)type, __ATOMIC_RELEASE);
	ring_interrupt(node);
}

/*
 * Answers the request that is there. What was put before it and did not retire is dropped: the
 * count moves on, the last fence stays.
 */
static void answer_preemption(struct penstock_node *node, uint64_t request, uint32_t offset,
			      uint64_t position)
{
	struct penstock_ring_preempted *preempted = &node->config.ring->preempted;
	uint32_t producer = (uint32_t)(request >> 32);

	node->engine.preempt_seen = request;
	preempted->completed = node->retired;
	preempted->resume_offset = offset;
	preempted->resume_position = position;
	if (producer - node->retired <= PENSTOCK_RING_PACKETS) {
		node->retired = producer;
	}
	__atomic_store_n(&preempted->request, (uint32_t)request, __ATOMIC_RELEASE);
	ring_interrupt(node);
}

static enum penstock_outcome execute(struct penstock_node *node,
				     const struct penstock_ring_packet *packet, uint32_t slot)
{
	struct penstock_engine *engine = &node->engine;

	if ((packet->flags & PENSTOCK_SUBMITCOMMAND_NULL_RENDERING) != 0) {
		return PENSTOCK_OUTCOME_COMPLETED;
	}
	if (node->config.await_messages != NULL) {
		node->config.await_messages(node->config.owner, packet->messages);
	}
	if ((packet->flags & PENSTOCK_SUBMITCOMMAND_PAGING) == 0) {
		return penstock_processor_run(
			engine, packet->dma_buffer_address, packet->submission_start_offset,
			packet->submission_end_offset, packet->resume_position);
	}
	if (packet->paging_buffer_bytes > PENSTOCK_PAGING_BUFFER_BYTES) {
		engine->dma_offset = 0;
		return PENSTOCK_OUTCOME_ILLEGAL;
	}
	return penstock_processor_run_paging(engine, node->config.ring->paging[slot],
					     packet->paging_buffer_bytes);
}

static void run_packet(struct penstock_node *node)
{
	uint32_t slot = penstock_ring_slot(node->retired);
	struct penstock_ring_packet packet = node->config.ring->packets[slot];

	__atomic_store_n(&node->config.ring->running_fence_id, packet.submission_fence_id,
			 __ATOMIC_RELAXED);
	switch (execute(node, &packet, slot)) {
	case PENSTOCK_OUTCOME_COMPLETED:
		retire(node, packet.submission_fence_id);
		return;
	case PENSTOCK_OUTCOME_PREEMPTED:
		answer_preemption(node, penstock_ring_load64(&node->config.ring->preempt_request),
				  node->engine.dma_offset, node->engine.position);
		return;
	case PENSTOCK_OUTCOME_ILLEGAL:
		halt(node, &packet, PENSTOCK_INTERRUPT_DMA_FAULTED);
		return;
	case PENSTOCK_OUTCOME_PAGE_FAULT:
		halt(node, &packet, PENSTOCK_INTERRUPT_DMA_PAGE_FAULTED);
		return;
	}
}

static bool has_work(const struct penstock_node *node)
{
	const struct penstock_ring_node *ring = node->config.ring;

	return !node->halted && (penstock_ring_load32(&ring->producer) != node->retired ||
				 penstock_engine_must_stop(&node->engine));
}

/* A packet that had not begun is resumed from where it would have started. */
static void preempt_idle(struct penstock_node *node, uint64_t request)
{
	uint32_t slot = penstock_ring_slot(node->retired);
	const struct penstock_ring_packet *packet = &node->config.ring->packets[slot];

	if ((uint32_t)(request >> 32) == node->retired) {
		answer_preemption(node, request, 0, 0);
		return;
	}
	answer_preemption(node, request, packet->submission_start_offset, packet->resume_position);
}

bool penstock_node_step(struct penstock_node *node)
{
	if (!has_work(node)) {
		return false;
	}
	if (penstock_engine_must_stop(&node->engine)) {
		preempt_idle(node, penstock_ring_load64(&node->config.ring->preempt_request));
	} else {
		run_packet(node);
	}
	node->worked = true;
	return true;
}

/* After work, looks for more as long as patience allows. True: there is some. */
static bool look(struct penstock_node *node)
{
	uint64_t start = penstock_patience_now_ns(), now = start;

	if (!node->worked || !penstock_patience_allows(&node->patience, now)) {
		return false;
	}
	node->worked = false;
	while (now - start < PENSTOCK_PATIENCE_LOOK_NS) {
		for (unsigned i = 0; i < SPIN_LOOKS; i++) {
			if (has_work(node)) {
				penstock_patience_paid(&node->patience, now, now - start);
				return true;
			}
			relax();
		}
		now = penstock_patience_now_ns();
	}
	penstock_patience_failed(&node->patience, now);
	return has_work(node);
}

void penstock_node_wait(struct penstock_node *node)
{
	struct penstock_ring_node *ring = node->config.ring;

	if (node->config.may_spin && look(node)) {
		return;
	}
	penstock_ring_sleeping(&ring->gpu_sleeps);
	if (!has_work(node)) {
		penstock_doorbell_wait(&ring->gpu_sleeps);
	}
	penstock_ring_awake(&ring->gpu_sleeps);
}
