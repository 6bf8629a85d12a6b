/* SPDX-License-Identifier: MIT */
/*
 * Appends to the patch-location list that leaves render: an entry for every address in the DMA
 * buffer, and a NULL entry where a slot goes out of use (proto/wire/frame.h says exactly when).
 */
#ifndef PENSTOCK_PATCH_LIST_H
#define PENSTOCK_PATCH_LIST_H

#include "proto/base/base.h"
#include "proto/isa/layout.h"
#include "proto/wire/frame.h"

struct penstock_patch_list {
	struct penstock_patch_location *base; /* borrowed; the caller's */
	struct penstock_patch_location *next;
	struct penstock_patch_location *end;
	uint32_t bound; /* a bit for each slot that is in use */
};

static inline void penstock_patch_list_init(struct penstock_patch_list *list,
					    struct penstock_patch_location *base, uint32_t capacity)
{
	*list = (struct penstock_patch_list){ base, base, base + capacity, 0 };
}

static inline uint32_t penstock_patch_list_count(const struct penstock_patch_list *list)
{
	return (uint32_t)(list->next - list->base);
}

/* Room for the entries of an instruction that uses `slots`, and for the slots it unbinds. */
static inline bool penstock_patch_list_has(const struct penstock_patch_list *list, uint32_t entries,
					   uint32_t slots)
{
	uint32_t unbound = list->bound & ~slots;

	if (PENSTOCK_UNLIKELY(unbound != 0)) {
		entries += (uint32_t)__builtin_popcount(unbound);
	}
	return (size_t)(list->end - list->next) >= entries;
}

/* NULL entries for the slots in `unbound`; there is room. */
void penstock_patch_list_unbind(struct penstock_patch_list *list, uint32_t unbound,
				uint32_t split_offset);

/* The instruction at `split_offset` uses `slots`, and no others. There is room. */
static inline void penstock_patch_list_bind(struct penstock_patch_list *list, uint32_t slots,
					    uint32_t split_offset)
{
	uint32_t unbound = list->bound & ~slots;

	if (PENSTOCK_UNLIKELY(unbound != 0)) {
		penstock_patch_list_unbind(list, unbound, split_offset);
	}
	list->bound = slots;
}

/*
 * Fills one entry, in three stores. `field_offset` of the address in the instruction at
 * `split_offset`.
 */
static inline void penstock_patch_put(struct penstock_patch_location *patch, uint32_t slot,
				      uint32_t allocation_index, uint64_t allocation_offset,
				      uint32_t split_offset, uint32_t field_offset)
{
	uint8_t *bytes = (uint8_t *)patch;

	penstock_store64(bytes, allocation_offset);
	penstock_store64(bytes + 8, allocation_index | (uint64_t)slot << 32); /* driver_id is 0 */
	penstock_store64(bytes + 16, (split_offset + field_offset) | (uint64_t)split_offset << 32);
}

/* There is room. */
static inline void penstock_patch_list_put(struct penstock_patch_list *list, uint32_t slot,
					   uint32_t allocation_index, uint64_t allocation_offset,
					   uint32_t split_offset, uint32_t field_offset)
{
	penstock_patch_put(list->next++, slot, allocation_index, allocation_offset, split_offset,
			   field_offset);
}

#endif
