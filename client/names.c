/* SPDX-License-Identifier: MIT */
#include "client/names.h"

#include "proto/wire/limits.h"

#include <stdlib.h>

void penstock_names_fini(struct penstock_names *names)
{
	free(names->entries);
	free(names->free);
	*names = (struct penstock_names){ .count = 0 };
}

static enum penstock_status grow(struct penstock_names *names, uint32_t wanted)
{
	uint32_t capacity = names->capacity == 0 ? 64 : names->capacity;
	struct penstock_name_entry *entries;
	uint32_t *free_indices;

	if (wanted > PENSTOCK_LIMIT_NAMES) {
		return PENSTOCK_STATUS_LIMIT_EXCEEDED;
	}
	while (capacity < wanted) {
		capacity *= 2;
	}
	if (capacity == names->capacity) {
		return PENSTOCK_STATUS_SUCCESS;
	}
	entries = realloc(names->entries, capacity * sizeof(*entries));
	if (entries == NULL) {
		return PENSTOCK_STATUS_NO_MEMORY;
	}
	names->entries = entries;
	free_indices = realloc(names->free, capacity * sizeof(*free_indices));
	if (free_indices == NULL) {
		return PENSTOCK_STATUS_NO_MEMORY;
	}
	names->free = free_indices;
	names->capacity = capacity;
	return PENSTOCK_STATUS_SUCCESS;
}

enum penstock_status penstock_names_skip(struct penstock_names *names, uint32_t count)
{
	enum penstock_status status = grow(names, count);

	if (status != PENSTOCK_STATUS_SUCCESS) {
		return status;
	}
	for (uint32_t i = names->count; i < count; i++) {
		names->entries[i] = (struct penstock_name_entry){ .used = false };
	}
	names->count = count > names->count ? count : names->count;
	return PENSTOCK_STATUS_SUCCESS;
}

/* ---------------------------------------------------------------- the heap of free indices */

static void push_free(struct penstock_names *names, uint32_t index)
{
	uint32_t at = names->free_count++;

	while (at > 0 && names->free[(at - 1) / 2] > index) {
		names->free[at] = names->free[(at - 1) / 2];
		at = (at - 1) / 2;
	}
	names->free[at] = index;
}

static uint32_t pop_free(struct penstock_names *names)
{
	uint32_t lowest = names->free[0];
	uint32_t moved = names->free[--names->free_count];
	uint32_t at = 0;

	for (;;) {
		uint32_t child = 2 * at + 1;

		if (child >= names->free_count) {
			break;
		}
		if (child + 1 < names->free_count && names->free[child + 1] < names->free[child]) {
			child++;
		}
		if (names->free[child] >= moved) {
			break;
		}
		names->free[at] = names->free[child];
		at = child;
	}
	names->free[at] = moved;
	return lowest;
}

/* ---------------------------------------------------------------- names */

enum penstock_status penstock_names_take(struct penstock_names *names, uint64_t device,
					 uint64_t *ret_name)
{
	struct penstock_name_entry *entry;
	uint32_t index;

	if (names->free_count > 0) {
		index = pop_free(names);
	} else {
		enum penstock_status status = grow(names, names->count + 1);

		if (status != PENSTOCK_STATUS_SUCCESS) {
			return status;
		}
		index = ++names->count;
		names->entries[index - 1].generation = 0;
	}
	entry = &names->entries[index - 1];
	entry->generation++;
	entry->device = (uint32_t)device;
	entry->used = true;
	*ret_name = (uint64_t)entry->generation << 32 | index;
	return PENSTOCK_STATUS_SUCCESS;
}

static void give_back_index(struct penstock_names *names, uint32_t index)
{
	struct penstock_name_entry *entry = &names->entries[index - 1];

	entry->used = false;
	if (entry->generation < UINT32_MAX) { /* then the index is worn out */
		push_free(names, index);
	}
}

bool penstock_names_used(const struct penstock_names *names, uint64_t name)
{
	uint32_t index = (uint32_t)name;

	return index != 0 && index <= names->count && names->entries[index - 1].used &&
	       names->entries[index - 1].generation == name >> 32;
}

bool penstock_names_is_device(const struct penstock_names *names, uint64_t name)
{
	return penstock_names_used(names, name) && names->entries[(uint32_t)name - 1].device == 0;
}

void penstock_names_give_back(struct penstock_names *names, uint64_t name)
{
	uint32_t index = (uint32_t)name;
	bool is_device = penstock_names_is_device(names, name);

	if (!penstock_names_used(names, name)) {
		return;
	}
	give_back_index(names, index);
	if (!is_device) {
		return;
	}
	for (uint32_t i = 1; i <= names->count; i++) {
		if (names->entries[i - 1].used && names->entries[i - 1].device == index) {
			give_back_index(names, i);
		}
	}
}
