/* SPDX-License-Identifier: MIT */
/*
 * The memory that the daemon shares with one GPU process: for each node a ring of packets, a fence
 * page, and what the GPU says about itself. A memfd of PENSTOCK_RING_BYTES, sealed against
 * shrinking, mapped by both.
 *
 *   host                                    GPU (one thread a node)
 *   writes packet[producer % 64]
 *   producer + 1            (release) ---->  (acquire) takes the packet, executes
 *   fence, count            (acquire) <----  (release) one 64-bit word: retired count, fence id
 *
 * A slot is free again when the count has passed it, so the fence word is also the consumer.
 *
 * Sleep and wake. A side is woken only when it sleeps, the GPU by the futex of its `sleeps` word,
 * the daemon by an eventfd: who is about to sleep stores 1 in its `sleeps` word and looks once
 * more; who has news stores them and exchanges the word with 0, and wakes the other if it was 1.
 * Both are sequentially consistent, so that one of the two always sees the other's store. Under
 * load nobody sleeps, and one wake-up serves many packets.
 *
 * Trust. The daemon believes nothing here: it reads a word that the GPU can write once,
 * atomically, checks its range against what it keeps privately, and never reads back its own
 * words. The GPU process checks lengths although the daemon is trusted.
 *
 * Words belong to whoever the comment names; a cache line has one writer, but for `sleeps`.
 */
#ifndef PENSTOCK_RING_H
#define PENSTOCK_RING_H

#include "gpu-backend/backend.h"

#define PENSTOCK_RING_MAGIC      0x474e5250u /* "PRNG" */
#define PENSTOCK_RING_VERSION    3u
#define PENSTOCK_RING_LINE_BYTES 64u

#define PENSTOCK_RING_ALIGNED __attribute__((aligned(PENSTOCK_RING_LINE_BYTES)))

/* Written by the host before `producer` covers it, then left alone until it has retired. */
struct penstock_ring_packet {
	uint64_t dma_buffer_address;
	uint64_t resume_position;
	uint64_t messages; /* of the channel, that must have been received before */
	uint32_t submission_start_offset;
	uint32_t submission_end_offset;
	uint32_t submission_fence_id;
	uint32_t flags;               /* PENSTOCK_SUBMITCOMMAND_ */
	uint32_t paging_buffer_bytes; /* PAGING: in the node's paging area of this slot */
	uint32_t reserved[5];
} PENSTOCK_RING_ALIGNED;

/* Why a node stopped for good; written by the GPU once, `type` last (release). */
struct penstock_ring_fault {
	uint32_t type; /* enum penstock_interrupt_type; 0: none */
	uint32_t fence_id;
	uint32_t dma_offset;
	uint32_t write;
	uint64_t address;
} PENSTOCK_RING_ALIGNED;

/* The answer to a preemption request; written by the GPU, `request` last (release). */
struct penstock_ring_preempted {
	uint32_t request; /* of penstock_ring_node.preempt_request that is answered; 0: none yet */
	uint32_t completed; /* count of packets that had retired; the rest up to the request's
			       producer is dropped */
	uint32_t resume_offset;
	uint64_t resume_position;
} PENSTOCK_RING_ALIGNED;

struct penstock_ring_node {
	/* host */
	uint32_t producer PENSTOCK_RING_ALIGNED; /* packets ever put, modulo 2^32 */
	uint64_t preempt_request; /* low: number of the request, 0 none; high: producer then */

	/* both: see "Sleep and wake" */
	uint32_t gpu_sleeps PENSTOCK_RING_ALIGNED;
	uint32_t host_sleeps PENSTOCK_RING_ALIGNED;

	/* GPU: the fence page. High: packets ever retired or dropped; low: last fence retired */
	uint64_t fence PENSTOCK_RING_ALIGNED;

	/* GPU, for CollectDbgInfo: written relaxed while it works */
	uint32_t running_fence_id PENSTOCK_RING_ALIGNED;
	uint32_t dma_offset; /* of the instruction that is executed */
	uint32_t progress;   /* of the last marker instruction */

	struct penstock_ring_fault fault;
	struct penstock_ring_preempted preempted;
	struct penstock_ring_packet packets[PENSTOCK_RING_PACKETS];

	/* host: one paging buffer a slot */
	uint8_t paging[PENSTOCK_RING_PACKETS][PENSTOCK_PAGING_BUFFER_BYTES]
		__attribute__((aligned(4096)));
};

/* What the GPU process is told once; written by the host before it starts. */
struct penstock_ring_header {
	uint32_t magic;
	uint32_t version;
	uint64_t bytes; /* sizeof(struct penstock_ring) */
	uint64_t local_bytes;
	uint64_t aperture_bytes;
	uint32_t flags; /* PENSTOCK_RING_ */
};

/* penstock_ring_header.flags */
#define PENSTOCK_RING_PIPELINES 0x1u /* opens Vulkan: node 0 executes groups */

struct penstock_ring {
	struct penstock_ring_header header __attribute__((aligned(4096)));
	struct penstock_ring_node nodes[PENSTOCK_NODE_COUNT] __attribute__((aligned(4096)));
};

#define PENSTOCK_RING_BYTES sizeof(struct penstock_ring)

_Static_assert(sizeof(struct penstock_ring_packet) == 64, "a packet is a cache line");
_Static_assert((PENSTOCK_RING_PACKETS & (PENSTOCK_RING_PACKETS - 1)) == 0, "slots by mask");
_Static_assert(sizeof(struct penstock_ring) % 4096 == 0, "whole pages");

/* ------------------------------------------------------------------ both sides */

static inline uint32_t penstock_ring_slot(uint32_t count)
{
	return count & (PENSTOCK_RING_PACKETS - 1);
}

static inline uint64_t penstock_ring_fence(uint32_t count, uint32_t fence_id)
{
	return (uint64_t)count << 32 | fence_id;
}

static inline uint32_t penstock_ring_fence_count(uint64_t fence)
{
	return (uint32_t)(fence >> 32);
}

/* Reads a word of the other side, once. */
static inline uint32_t penstock_ring_load32(const uint32_t *word)
{
	return __atomic_load_n(word, __ATOMIC_ACQUIRE);
}

static inline uint64_t penstock_ring_load64(const uint64_t *word)
{
	return __atomic_load_n(word, __ATOMIC_ACQUIRE);
}

/* About to sleep: afterwards look once more, and call _awake when awake again or staying so. */
static inline void penstock_ring_sleeping(uint32_t *sleeps)
{
	__atomic_store_n(sleeps, 1, __ATOMIC_SEQ_CST);
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
}

static inline void penstock_ring_awake(uint32_t *sleeps)
{
	__atomic_store_n(sleeps, 0, __ATOMIC_RELAXED);
}

/* After news were stored: whether the other side has to be woken. Takes the question away. */
static inline bool penstock_ring_must_wake(uint32_t *sleeps)
{
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	return __atomic_load_n(sleeps, __ATOMIC_SEQ_CST) != 0 &&
	       __atomic_exchange_n(sleeps, 0, __ATOMIC_SEQ_CST) != 0;
}

/* ------------------------------------------------------------------ the GPU's side */

/* Whether the header is one that this program understands, in `bytes` of memory. */
static inline bool penstock_ring_valid(const struct penstock_ring *ring, uint64_t bytes)
{
	return bytes >= PENSTOCK_RING_BYTES && ring->header.magic == PENSTOCK_RING_MAGIC &&
	       ring->header.version == PENSTOCK_RING_VERSION &&
	       ring->header.bytes == PENSTOCK_RING_BYTES;
}

#endif
