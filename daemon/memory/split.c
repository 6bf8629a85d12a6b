/* SPDX-License-Identifier: MIT */
#include "daemon/memory/split.h"

#define ADDRESS_BYTES 8u

/* How far a part has come. */
struct walk {
	const struct penstock_split_list *list;
	struct penstock_slot_table table;
	uint32_t next;  /* entry */
	uint32_t least; /* no later entry has a smaller SplitOffset */
	uint32_t sites; /* behind the last address that is patched */
};

/*
 * An entry of a slot that there is, of an element that there is, that goes forwards, and patches an
 * address behind its split point.
 */
static bool entry_stands(const struct walk *walk, const struct penstock_patch_location *entry)
{
	const struct penstock_split_list *list = walk->list;

	return entry->slot_id < PENSTOCK_SPLIT_SLOTS && entry->split_offset >= walk->least &&
	       entry->split_offset < list->dma_length &&
	       entry->patch_offset >= entry->split_offset &&
	       (entry->allocation_index == PENSTOCK_PATCH_NULL_INDEX ||
		(entry->allocation_index < list->element_count &&
		 penstock_range_fits(entry->patch_offset, ADDRESS_BYTES, list->dma_length)));
}

static void take_row(struct penstock_slot_table *table, uint32_t slot, uint32_t index)
{
	table->bound |= 1u << slot;
	table->rows[slot] = index;
}

static enum penstock_split_verdict take_entry(struct walk *walk,
					      const struct penstock_patch_location *entry)
{
	const struct penstock_split_list *list = walk->list;
	enum penstock_split_fit fit = PENSTOCK_SPLIT_NULL;

	if (!entry_stands(walk, entry)) {
		return PENSTOCK_SPLIT_INVALID;
	}
	walk->least = entry->split_offset;
	if (entry->allocation_index != PENSTOCK_PATCH_NULL_INDEX) {
		fit = list->fits(list->owner, entry->allocation_index);
		if (walk->sites < entry->patch_offset + ADDRESS_BYTES) {
			walk->sites = entry->patch_offset + ADDRESS_BYTES;
		}
	}
	if (fit == PENSTOCK_SPLIT_FITS) {
		take_row(&walk->table, entry->slot_id, entry->allocation_index);
	} else {
		walk->table.bound &= ~(1u << entry->slot_id);
	}
	return fit == PENSTOCK_SPLIT_FULL ? PENSTOCK_SPLIT_TOO_LARGE : PENSTOCK_SPLIT_DONE;
}

/* All entries of one split point. */
static enum penstock_split_verdict take_point(struct walk *walk)
{
	const struct penstock_patch_location *entries = walk->list->patches;
	uint32_t split_offset = entries[walk->next].split_offset;
	enum penstock_split_verdict verdict = PENSTOCK_SPLIT_DONE;

	while (verdict == PENSTOCK_SPLIT_DONE && walk->next < walk->list->patch_count &&
	       entries[walk->next].split_offset == split_offset) {
		verdict = take_entry(walk, &entries[walk->next]);
		walk->next++;
	}
	return verdict;
}

/* What rows are kept from the part before is needed from its start on. */
static bool kept_fits(const struct penstock_split_list *list,
		      const struct penstock_slot_table *table)
{
	for (uint32_t bound = table->bound; bound != 0; bound &= bound - 1) {
		uint32_t index = table->rows[__builtin_ctz(bound)];

		if (list->fits(list->owner, index) == PENSTOCK_SPLIT_FULL) {
			return false;
		}
	}
	return true;
}

/* Of the slots in `bound`, those that the split point of the entry does not speak of. */
static uint32_t kept_at(const struct penstock_split_list *list, uint32_t entry, uint32_t bound)
{
	uint32_t split_offset;

	if (entry == list->patch_count) {
		return 0;
	}
	split_offset = list->patches[entry].split_offset;
	for (; entry < list->patch_count && list->patches[entry].split_offset == split_offset;
	     entry++) {
		bound &= ~(1u << list->patches[entry].slot_id % PENSTOCK_SPLIT_SLOTS);
	}
	return bound;
}

enum penstock_split_verdict penstock_split_next(const struct penstock_split_list *list,
						struct penstock_slot_table *table, uint32_t start,
						uint32_t first_patch, uint32_t most,
						struct penstock_split *ret_split)
{
	struct walk walk = { .list = list, .table = *table, .next = first_patch, .least = start };
	struct walk before = walk;
	enum penstock_split_verdict verdict = PENSTOCK_SPLIT_DONE;
	uint32_t end = list->dma_length, points = 0;
	bool last;

	*ret_split = (struct penstock_split){ .too_much = start };
	if (!kept_fits(list, table)) {
		return PENSTOCK_SPLIT_TOO_LARGE;
	}
	while (verdict == PENSTOCK_SPLIT_DONE && walk.next < list->patch_count && points < most) {
		before = walk;
		verdict = take_point(&walk);
		points += verdict == PENSTOCK_SPLIT_DONE;
	}
	if (verdict == PENSTOCK_SPLIT_TOO_LARGE) {
		walk = before;
	}
	last = walk.next == list->patch_count;
	if (!last) {
		end = ret_split->too_much = list->patches[walk.next].split_offset;
	}
	/* A site behind its part would be patched for another, and not for its own. */
	if (verdict == PENSTOCK_SPLIT_INVALID || end < walk.least || walk.sites > end ||
	    (!last && end >= list->dma_length)) {
		return PENSTOCK_SPLIT_INVALID;
	}
	if (end == start && !last) {
		return PENSTOCK_SPLIT_TOO_LARGE;
	}
	ret_split->part = (struct penstock_part){
		.start = start,
		.end = end,
		.first_patch = first_patch,
		.patch_count = walk.next - first_patch,
	};
	ret_split->points = points;
	ret_split->kept = kept_at(list, walk.next, walk.table.bound);
	walk.table.bound = ret_split->kept;
	*table = walk.table;
	return PENSTOCK_SPLIT_DONE;
}
