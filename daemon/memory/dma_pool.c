/* SPDX-License-Identifier: MIT */
#include "daemon/memory/dma_pool.h"

#include "daemon/memory/internal.h"
#include "gpu-backend/dma.h"

#include <stdlib.h>

#define SMALLEST_BLOCK (256u << 10)

/* One row a size. `share` is in sixteenths of the window. */
static const struct {
	uint32_t slot_bytes;
	uint32_t block_bytes;
	uint32_t share;
} shapes[PENSTOCK_DMA_POOL_CLASSES] = {
	{ 4u << 10, SMALLEST_BLOCK, 1 },
	{ 64u << 10, SMALLEST_BLOCK, 3 },
	{ 1u << 20, 1u << 20, 4 },
	{ PENSTOCK_LIMIT_DMA_BUFFER_BYTES, PENSTOCK_LIMIT_DMA_BUFFER_BYTES, 8 },
};

_Static_assert(PENSTOCK_DMA_POOL_WINDOW_BYTES / 16 / 4096 +
			       PENSTOCK_DMA_POOL_WINDOW_BYTES / 16 * 3 / 65536 + 64 <
		       PENSTOCK_DMA_POOL_SLOTS,
	       "a slot's number has room");

uint64_t penstock_dma_pool_window_bytes(uint64_t aperture_bytes)
{
	uint64_t window = aperture_bytes / 4 / PENSTOCK_GRANULE_BYTES * PENSTOCK_GRANULE_BYTES;

	window = window < SMALLEST_BLOCK ? SMALLEST_BLOCK : window;
	return window < PENSTOCK_DMA_POOL_WINDOW_BYTES ? window : PENSTOCK_DMA_POOL_WINDOW_BYTES;
}

static void block_changed(struct penstock_mapping *mapping)
{
	penstock_vidmm_wake(mapping->process->vidmm);
}

/* The pages are there, or could not be had. */
static void block_reserved(struct penstock_dma_block *block, enum penstock_status status)
{
	struct penstock_dma_size *class = block->class;
	struct penstock_vidmm_process *process = block->pool->process;
	uint32_t slots = class->block_bytes / class->slot_bytes;
	uint32_t first = (uint32_t)(block - class->blocks) * slots;

	class->refused = status != PENSTOCK_STATUS_SUCCESS;
	if (class->refused) {
		block->state = PENSTOCK_DMA_BLOCK_EMPTY;
		return;
	}
	block->state = PENSTOCK_DMA_BLOCK_READY;
	penstock_mapping_init(&block->mapping, process, &process->system, block->request.offset,
			      block->address, class->block_bytes, PENSTOCK_MAP_READ_ONLY,
			      block_changed);
	for (uint32_t i = slots; i-- > 0;) {
		class->idle[class->idle_count++] = (uint16_t)(first + i);
	}
}

static void block_pages_done(struct penstock_pages_request *request, enum penstock_status status)
{
	struct penstock_dma_block *block =
		penstock_container_of(request, struct penstock_dma_block, request);
	struct penstock_vidmm *vidmm = block->pool->process->vidmm;

	block_reserved(block, status);
	penstock_vidmm_wake(vidmm);
}

static void begin_block(struct penstock_dma_size *class)
{
	struct penstock_dma_block *block = NULL;
	enum penstock_status status;

	for (uint32_t i = 0; i < class->block_count; i++) {
		if (class->blocks[i].state == PENSTOCK_DMA_BLOCK_RESERVING) {
			return;
		}
		if (block == NULL && class->blocks[i].state == PENSTOCK_DMA_BLOCK_EMPTY) {
			block = &class->blocks[i];
		}
	}
	if (block == NULL) {
		return;
	}
	block->state = PENSTOCK_DMA_BLOCK_RESERVING;
	block->request = (struct penstock_pages_request){ .size_bytes = class->block_bytes,
							  .done = block_pages_done };
	status = penstock_pages_take(&block->pool->process->pages, &block->request);
	if (status != PENSTOCK_STATUS_PENDING) {
		block_reserved(block, status);
	}
}

static bool class_init(struct penstock_dma_pool *pool, unsigned index, uint64_t window,
		       uint64_t *offset)
{
	struct penstock_dma_size *class = &pool->classes[index];
	uint64_t blocks = window / 16 * shapes[index].share / shapes[index].block_bytes;

	blocks = blocks == 0 && index == 0 ? 1 : blocks;
	if (!penstock_range_fits(*offset, blocks * shapes[index].block_bytes, window)) {
		blocks = 0;
	}
	class->slot_bytes = shapes[index].slot_bytes;
	class->block_bytes = shapes[index].block_bytes;
	class->block_count = (uint32_t)blocks;
	class->slot_count = class->block_count * (class->block_bytes / class->slot_bytes);
	class->first_slot = index == 0 ? 0 : class[-1].first_slot + class[-1].slot_count;
	if (blocks == 0) {
		return true;
	}
	class->blocks = calloc(class->block_count, sizeof(*class->blocks));
	class->idle = calloc(class->slot_count, sizeof(*class->idle));
	if (class->blocks == NULL || class->idle == NULL) {
		return false;
	}
	for (uint32_t i = 0; i < class->block_count; i++) {
		class->blocks[i].pool = pool;
		class->blocks[i].class = class;
		class->blocks[i].address = pool->process->vidmm->window_address + *offset;
		*offset += class->block_bytes;
	}
	return true;
}

enum penstock_status penstock_dma_pool_init(struct penstock_dma_pool *pool,
					    struct penstock_vidmm_process *process,
					    uint64_t aperture_bytes)
{
	uint64_t offset = 0, window = penstock_dma_pool_window_bytes(aperture_bytes);

	*pool = (struct penstock_dma_pool){ .process = process };
	for (unsigned i = 0; i < PENSTOCK_DMA_POOL_CLASSES; i++) {
		if (!class_init(pool, i, window, &offset)) {
			penstock_dma_pool_fini(pool);
			return PENSTOCK_STATUS_NO_MEMORY;
		}
	}
	return PENSTOCK_STATUS_SUCCESS;
}

void penstock_dma_pool_fini(struct penstock_dma_pool *pool)
{
	PENSTOCK_REQUIRE(pool->slots_used == 0);
	for (unsigned i = 0; i < PENSTOCK_DMA_POOL_CLASSES; i++) {
		struct penstock_dma_size *class = &pool->classes[i];

		for (uint32_t j = 0; class->blocks != NULL && j < class->block_count; j++) {
			if (class->blocks[j].state == PENSTOCK_DMA_BLOCK_READY) {
				penstock_mapping_fini(&class->blocks[j].mapping);
			}
		}
		free(class->blocks);
		free(class->idle);
		*class = (struct penstock_dma_size){ 0 };
	}
}

static struct penstock_dma_block *block_of(const struct penstock_dma_size *class, uint32_t slot)
{
	return &class->blocks[slot / (class->block_bytes / class->slot_bytes)];
}

static uint32_t used_in(const struct penstock_dma_size *class)
{
	uint32_t used = 0;

	for (uint32_t i = 0; i < class->block_count; i++) {
		used += class->blocks[i].slots_used;
	}
	return used;
}

/* No slot at hand: begins a block where there is one left. */
static enum penstock_status make_slot(struct penstock_dma_size *class)
{
	begin_block(class);
	if (!class->refused || class->idle_count > 0 || used_in(class) > 0) {
		return PENSTOCK_STATUS_PENDING;
	}
	class->refused = false;
	return PENSTOCK_STATUS_GRAPHICS_NO_VIDEO_MEMORY;
}

/* The smallest size that the window has and holds so much; PENSTOCK_DMA_POOL_CLASSES: none. */
static unsigned index_for(const struct penstock_dma_pool *pool, uint32_t size_bytes)
{
	unsigned i = 0;

	while (i < PENSTOCK_DMA_POOL_CLASSES &&
	       (pool->classes[i].slot_bytes < size_bytes || pool->classes[i].slot_count == 0)) {
		i++;
	}
	return i;
}

static struct penstock_dma_size *class_for(struct penstock_dma_pool *pool, uint32_t size_bytes)
{
	unsigned index = index_for(pool, size_bytes);

	return index == PENSTOCK_DMA_POOL_CLASSES ? NULL : &pool->classes[index];
}

bool penstock_dma_pool_offers(const struct penstock_dma_pool *pool, uint32_t size_bytes)
{
	return index_for(pool, size_bytes) < PENSTOCK_DMA_POOL_CLASSES;
}

static bool has_block(const struct penstock_dma_size *class)
{
	for (uint32_t i = 0; i < class->block_count; i++) {
		if (class->blocks[i].state == PENSTOCK_DMA_BLOCK_READY) {
			return true;
		}
	}
	return false;
}

/* Pages at once, on the loop: once a size, a principal, and a while without work. */
static enum penstock_status make_block_now(struct penstock_dma_size *class)
{
	for (uint32_t i = 0; i < class->block_count; i++) {
		struct penstock_dma_block *block = &class->blocks[i];
		enum penstock_status status;

		if (block->state != PENSTOCK_DMA_BLOCK_EMPTY) {
			continue;
		}
		status = penstock_pages_take_now(&block->pool->process->pages, class->block_bytes,
						 &block->request.offset);
		if (status == PENSTOCK_STATUS_SUCCESS) {
			block_reserved(block, status);
		}
		return status;
	}
	return PENSTOCK_STATUS_NO_MEMORY;
}

enum penstock_status penstock_dma_pool_promise(struct penstock_dma_pool *pool, uint32_t size_bytes,
					       bool now)
{
	struct penstock_dma_size *class = class_for(pool, size_bytes);

	if (class == NULL ||
	    (now && !has_block(class) && make_block_now(class) != PENSTOCK_STATUS_SUCCESS)) {
		return PENSTOCK_STATUS_NO_MEMORY;
	}
	class->promised++;
	return PENSTOCK_STATUS_SUCCESS;
}

void penstock_dma_pool_unpromise(struct penstock_dma_pool *pool, uint32_t size_bytes)
{
	struct penstock_dma_size *class = class_for(pool, size_bytes);

	PENSTOCK_REQUIRE(class != NULL && class->promised > 0);
	class->promised--;
}

/* The slot that is given out next, and that the GPU can address; as take answers. */
static enum penstock_status find_slot(struct penstock_dma_size *class, uint32_t *ret_slot)
{
	if (class == NULL) {
		return PENSTOCK_STATUS_GRAPHICS_NO_VIDEO_MEMORY;
	}
	if (class->idle_count == 0) {
		enum penstock_status status = make_slot(class);

		if (class->idle_count == 0) {
			return status;
		}
	}
	*ret_slot = class->idle[class->idle_count - 1];
	return penstock_mapping_ensure(&block_of(class, *ret_slot)->mapping)
		       ? PENSTOCK_STATUS_SUCCESS
		       : PENSTOCK_STATUS_PENDING;
}

enum penstock_status penstock_dma_pool_ready(struct penstock_dma_pool *pool, uint32_t size_bytes)
{
	uint32_t slot;

	return find_slot(class_for(pool, size_bytes), &slot);
}

enum penstock_status penstock_dma_pool_take(struct penstock_dma_pool *pool, uint32_t size_bytes,
					    uint32_t *ret_slot, uint64_t *ret_address)
{
	struct penstock_dma_size *class = class_for(pool, size_bytes);
	struct penstock_dma_block *block;
	enum penstock_status status;
	uint32_t slot;

	status = find_slot(class, &slot);
	if (PENSTOCK_UNLIKELY(status != PENSTOCK_STATUS_SUCCESS)) {
		return status;
	}
	block = block_of(class, slot);
	class->idle_count--;
	block->slots_used++;
	pool->slots_used++;
	*ret_slot = class->first_slot + slot;
	*ret_address = block->address + (uint64_t)slot * class->slot_bytes -
		       (uint64_t)(block - class->blocks) * class->block_bytes;
	return PENSTOCK_STATUS_SUCCESS;
}

static struct penstock_dma_size *class_of(struct penstock_dma_pool *pool, uint32_t slot)
{
	struct penstock_dma_size *class = pool->classes;

	while (slot - class->first_slot >= class->slot_count) {
		class ++;
		PENSTOCK_REQUIRE(class < pool->classes + PENSTOCK_DMA_POOL_CLASSES);
	}
	return class;
}

void penstock_dma_pool_give(struct penstock_dma_pool *pool, uint32_t slot)
{
	struct penstock_dma_size *class = class_of(pool, slot);
	struct penstock_dma_block *block = block_of(class, slot - class->first_slot);

	if (!penstock_vidmm_holds(pool->process->vidmm,
				  block->slots_used > 0 && class->idle_count < class->slot_count,
				  "0x10E/0x29: a DMA buffer was given back that nobody has")) {
		return;
	}
	block->slots_used--;
	pool->slots_used--;
	class->idle[class->idle_count++] = (uint16_t)(slot - class->first_slot);
}

uint64_t penstock_dma_pool_reserved_bytes(const struct penstock_dma_pool *pool)
{
	uint64_t reserved = 0;

	for (unsigned i = 0; i < PENSTOCK_DMA_POOL_CLASSES; i++) {
		const struct penstock_dma_size *class = &pool->classes[i];

		for (uint32_t j = 0; j < class->block_count; j++) {
			reserved += class->blocks[j].state != PENSTOCK_DMA_BLOCK_EMPTY
					    ? class->block_bytes
					    : 0;
		}
	}
	return reserved;
}

static const struct penstock_dma_size *const_class_of(const struct penstock_dma_pool *pool,
						      uint32_t slot)
{
	return class_of((struct penstock_dma_pool *)(uintptr_t)pool, slot);
}

uint8_t *penstock_dma_pool_bytes(const struct penstock_dma_pool *pool, uint32_t slot)
{
	const struct penstock_dma_size *class = const_class_of(pool, slot);
	const struct penstock_dma_block *block = block_of(class, slot - class->first_slot);
	uint64_t in_class = (uint64_t)(slot - class->first_slot) * class->slot_bytes;

	return pool->process->system.map + block->request.offset +
	       (in_class - (uint64_t)(block - class->blocks) * class->block_bytes);
}

/* Where they stand; NULL: there is no room, what follows is the next slot. */
static uint8_t *guard_of(const struct penstock_dma_pool *pool, uint32_t slot, uint32_t used_bytes)
{
	return penstock_range_fits(used_bytes, sizeof(uint64_t),
				   const_class_of(pool, slot)->slot_bytes)
		       ? penstock_dma_pool_bytes(pool, slot) + used_bytes
		       : NULL;
}

void penstock_dma_pool_guard(const struct penstock_dma_pool *pool, uint32_t slot,
			     uint32_t used_bytes)
{
	uint8_t *guard = guard_of(pool, slot, used_bytes);

	if (guard != NULL) {
		penstock_store64(guard, PENSTOCK_DMA_GUARD);
	}
}

bool penstock_dma_pool_guarded(const struct penstock_dma_pool *pool, uint32_t slot,
			       uint32_t used_bytes)
{
	const uint8_t *guard = guard_of(pool, slot, used_bytes);

	return guard == NULL || penstock_load64(guard) == PENSTOCK_DMA_GUARD;
}

static void forget_slots(struct penstock_dma_size *class, const struct penstock_dma_block *block)
{
	uint32_t kept = 0;

	for (uint32_t i = 0; i < class->idle_count; i++) {
		if (block_of(class, class->idle[i]) != block) {
			class->idle[kept++] = class->idle[i];
		}
	}
	class->idle_count = kept;
}

void penstock_dma_pool_trim(struct penstock_dma_pool *pool)
{
	for (unsigned i = 0; i < PENSTOCK_DMA_POOL_CLASSES; i++) {
		struct penstock_dma_size *class = &pool->classes[i];

		for (uint32_t j = 0; j < class->block_count; j++) {
			struct penstock_dma_block *block = &class->blocks[j];

			if (block->state != PENSTOCK_DMA_BLOCK_READY || block->slots_used > 0 ||
			    block->mapping.state != PENSTOCK_MAPPING_IDLE || class->promised > 0) {
				continue;
			}
			forget_slots(class, block);
			penstock_mapping_fini(&block->mapping);
			block->state = PENSTOCK_DMA_BLOCK_EMPTY;
			penstock_pages_give(&pool->process->pages, block->request.offset,
					    class->block_bytes);
		}
	}
}
