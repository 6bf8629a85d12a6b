/* SPDX-License-Identifier: MIT */
/*
 * A principal's DMA pool: slots of fixed sizes in its system-memory file, mapped read-only into
 * its GPU process's aperture. The window at the end of the aperture is the same in every process
 * and divided once between four sizes, so that no size can starve another, nor one principal
 * another. Slots come in blocks; a block's pages are reserved and mapped when a slot is first
 * needed, and stay so while the pool is used. Loop thread.
 *
 *	block  EMPTY --pages--> RESERVING --> READY   (its mapping comes and goes with the process)
 *	         ^------------- trim -----------'
 */
#ifndef PENSTOCK_DMA_POOL_H
#define PENSTOCK_DMA_POOL_H

#include "daemon/memory/mapping.h"
#include "daemon/memory/pages.h"

#define PENSTOCK_DMA_POOL_WINDOW_BYTES PENSTOCK_LIMIT_DMA_POOL_BYTES
#define PENSTOCK_DMA_POOL_CLASSES      4u
#define PENSTOCK_DMA_POOL_SLOTS        2048u /* more than any window has */

/* The whole aperture's part that is the window: a quarter, at most the above, whole granules. */
uint64_t penstock_dma_pool_window_bytes(uint64_t aperture_bytes);

enum penstock_dma_block_state {
	PENSTOCK_DMA_BLOCK_EMPTY,
	PENSTOCK_DMA_BLOCK_RESERVING,
	PENSTOCK_DMA_BLOCK_READY,
};

struct penstock_dma_block {
	struct penstock_dma_pool *pool;
	struct penstock_dma_size *class;
	enum penstock_dma_block_state state;
	struct penstock_pages_request request;
	struct penstock_mapping mapping;
	uint64_t address;
	uint32_t slots_used;
};

struct penstock_dma_size {
	uint32_t slot_bytes;
	uint32_t block_bytes;
	uint32_t block_count;
	uint32_t slot_count;
	uint32_t first_slot;               /* number of the class's first slot */
	struct penstock_dma_block *blocks; /* [block_count]; owned */
	uint16_t *idle;                    /* stack of slots, from 0 in the class; owned */
	uint32_t idle_count;
	uint32_t promised; /* a block at least stays as long as this is not 0 */
	bool refused;      /* no pages could be had for the last block */
};

struct penstock_dma_pool {
	struct penstock_vidmm_process *process;
	struct penstock_dma_size classes[PENSTOCK_DMA_POOL_CLASSES];
	uint32_t slots_used;
};

/* SUCCESS or NO_MEMORY. Nothing is reserved yet. */
PENSTOCK_MUST_CHECK
enum penstock_status penstock_dma_pool_init(struct penstock_dma_pool *pool,
					    struct penstock_vidmm_process *process,
					    uint64_t aperture_bytes);
/* No slot is in use and no block is being made. */
void penstock_dma_pool_fini(struct penstock_dma_pool *pool);

/*
 * A slot of at least `size_bytes`. SUCCESS; PENDING: one is being made, or all are in use and one
 * will come back; GRAPHICS_NO_VIDEO_MEMORY: the window has no such slot, or memory is short and
 * no slot is in use that could come back.
 */
PENSTOCK_MUST_CHECK
enum penstock_status penstock_dma_pool_take(struct penstock_dma_pool *pool, uint32_t size_bytes,
					    uint32_t *ret_slot, uint64_t *ret_address);
/* The same, but the slot is not taken. */
PENSTOCK_MUST_CHECK
enum penstock_status penstock_dma_pool_ready(struct penstock_dma_pool *pool, uint32_t size_bytes);

/*
 * A slot of at least `size_bytes` will be had whenever one is needed, if not at once: the first
 * block of its size is made here and `now`, and stays. SUCCESS or NO_MEMORY.
 */
PENSTOCK_MUST_CHECK
enum penstock_status penstock_dma_pool_promise(struct penstock_dma_pool *pool, uint32_t size_bytes,
					       bool now);
void penstock_dma_pool_unpromise(struct penstock_dma_pool *pool, uint32_t size_bytes);

void penstock_dma_pool_give(struct penstock_dma_pool *pool, uint32_t slot);

/* Whether the window has slots for so many bytes at all. */
bool penstock_dma_pool_offers(const struct penstock_dma_pool *pool, uint32_t size_bytes);

/* Pages that it holds or is about to: never more than the window. Nobody's quota is charged. */
uint64_t penstock_dma_pool_reserved_bytes(const struct penstock_dma_pool *pool);

/* Where the slot is in the daemon. */
uint8_t *penstock_dma_pool_bytes(const struct penstock_dma_pool *pool, uint32_t slot);

/*
 * Puts guard bytes behind the first `used_bytes` of a slot, where it has room for them; whether
 * they still stand there.
 */
void penstock_dma_pool_guard(const struct penstock_dma_pool *pool, uint32_t slot,
			     uint32_t used_bytes);
bool penstock_dma_pool_guarded(const struct penstock_dma_pool *pool, uint32_t slot,
			       uint32_t used_bytes);

/* Gives back the pages of blocks without a slot in use; the process has nothing mapped. */
void penstock_dma_pool_trim(struct penstock_dma_pool *pool);

#endif
