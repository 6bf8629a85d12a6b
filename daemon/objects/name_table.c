/* SPDX-License-Identifier: MIT */
#include "daemon/objects/name_table.h"

#include "proto/wire/limits.h"

#include <inttypes.h>
#include <stdlib.h>

#define FIRST_CAPACITY 8u

void penstock_name_table_init(struct penstock_name_table *table)
{
	*table = (struct penstock_name_table){ .entries = NULL };
}

void penstock_name_table_fini(struct penstock_name_table *table)
{
	free(table->entries);
	penstock_name_table_init(table);
}

/* Grows by half, so that memory follows the entries really made. */
static enum penstock_status reserve(struct penstock_name_table *table, uint32_t count)
{
	uint32_t capacity = table->capacity + table->capacity / 2u;
	struct penstock_name_entry *entries;

	if (count <= table->capacity) {
		return PENSTOCK_STATUS_SUCCESS;
	}
	capacity = capacity < FIRST_CAPACITY ? FIRST_CAPACITY : capacity;
	capacity = capacity < count ? count : capacity;
	capacity = capacity > PENSTOCK_LIMIT_NAMES ? PENSTOCK_LIMIT_NAMES : capacity;
	entries = realloc(table->entries, (size_t)capacity * sizeof(*entries));
	if (entries == NULL) {
		return PENSTOCK_STATUS_NO_MEMORY;
	}
	table->entries = entries;
	table->capacity = capacity;
	return PENSTOCK_STATUS_SUCCESS;
}

enum penstock_status penstock_name_table_check(struct penstock_name_table *table, uint64_t name,
					       struct penstock_errbuf *reterr_text)
{
	uint32_t index = penstock_name_index(name);
	const struct penstock_name_entry *entry;

	if (index == 0 || index - 1u > table->count) {
		penstock_errbuf_set(reterr_text,
				    "name 0x%" PRIx64 ": index %u is not in 1..%u, the entries so "
				    "far and one more",
				    name, index, table->count + 1u);
		return PENSTOCK_STATUS_INVALID_PARAMETER;
	}
	if (index > PENSTOCK_LIMIT_NAMES) {
		penstock_errbuf_set(reterr_text, "the session has its %u names",
				    PENSTOCK_LIMIT_NAMES);
		return PENSTOCK_STATUS_LIMIT_EXCEEDED;
	}
	if (index == table->count + 1u) {
		if (reserve(table, index) != PENSTOCK_STATUS_SUCCESS) {
			penstock_errbuf_set(reterr_text, "no memory for another name");
			return PENSTOCK_STATUS_NO_MEMORY;
		}
		return PENSTOCK_STATUS_SUCCESS;
	}
	entry = &table->entries[index - 1u];
	if (entry->kind == PENSTOCK_NAME_UNUSED) {
		return PENSTOCK_STATUS_SUCCESS;
	}
	if (entry->kind != PENSTOCK_NAME_FREE) {
		penstock_errbuf_set(reterr_text, "name 0x%" PRIx64 ": index %u is in use", name,
				    index);
		return PENSTOCK_STATUS_INVALID_PARAMETER;
	}
	if (penstock_name_generation(name) <= entry->generation) {
		penstock_errbuf_set(reterr_text,
				    "name 0x%" PRIx64 ": generation %u of index %u is not above %u",
				    name, penstock_name_generation(name), index, entry->generation);
		return PENSTOCK_STATUS_INVALID_PARAMETER;
	}
	return PENSTOCK_STATUS_SUCCESS;
}

enum penstock_status penstock_name_table_insert(struct penstock_name_table *table, uint64_t name,
						enum penstock_name_kind kind, void *object,
						struct penstock_errbuf *reterr_text)
{
	enum penstock_status status = penstock_name_table_check(table, name, reterr_text);
	uint32_t index = penstock_name_index(name);

	PENSTOCK_REQUIRE(kind != PENSTOCK_NAME_FREE && object != NULL);
	if (status != PENSTOCK_STATUS_SUCCESS) {
		return status;
	}
	if (index > table->count) {
		table->count = index;
	}
	table->entries[index - 1u] = (struct penstock_name_entry){
		.object = object,
		.generation = penstock_name_generation(name),
		.kind = kind,
	};
	return PENSTOCK_STATUS_SUCCESS;
}

void penstock_name_table_remove(struct penstock_name_table *table, uint64_t name)
{
	struct penstock_name_entry *entry;

	PENSTOCK_REQUIRE(penstock_name_index(name) - 1u < table->count);
	entry = &table->entries[penstock_name_index(name) - 1u];
	PENSTOCK_REQUIRE(entry->kind != PENSTOCK_NAME_FREE &&
			 entry->generation == penstock_name_generation(name));
	entry->kind = PENSTOCK_NAME_FREE;
	entry->object = NULL;
}

struct penstock_name_entry penstock_name_table_before(const struct penstock_name_table *table,
						      uint64_t name)
{
	uint32_t position = penstock_name_index(name) - 1u;

	if (position >= table->count) {
		return (struct penstock_name_entry){ .kind = PENSTOCK_NAME_UNUSED };
	}
	return table->entries[position];
}

void penstock_name_table_withdraw(struct penstock_name_table *table, uint64_t name,
				  struct penstock_name_entry before)
{
	PENSTOCK_REQUIRE(before.kind == PENSTOCK_NAME_FREE || before.kind == PENSTOCK_NAME_UNUSED);
	penstock_name_table_remove(table, name);
	table->entries[penstock_name_index(name) - 1u] = before;
}

enum penstock_status penstock_name_table_restore(struct penstock_name_table *table, uint64_t name,
						 enum penstock_name_kind kind, void *object)
{
	uint32_t index = penstock_name_index(name);
	struct penstock_name_entry *entry;

	if (index == 0 || index > PENSTOCK_LIMIT_NAMES) {
		return PENSTOCK_STATUS_DATA_ERROR;
	}
	if (reserve(table, index) != PENSTOCK_STATUS_SUCCESS) {
		return PENSTOCK_STATUS_NO_MEMORY;
	}
	while (table->count < index) {
		table->entries[table->count++] =
			(struct penstock_name_entry){ .kind = PENSTOCK_NAME_UNUSED };
	}
	entry = &table->entries[index - 1u];
	if (entry->kind == PENSTOCK_NAME_UNUSED) {
		entry->kind = PENSTOCK_NAME_FREE;
	}
	if (kind == PENSTOCK_NAME_FREE) {
		if (entry->kind == PENSTOCK_NAME_FREE &&
		    entry->generation <= penstock_name_generation(name)) {
			entry->generation = penstock_name_generation(name);
			entry->object = table; /* a mark: nothing is found by it */
		}
		return PENSTOCK_STATUS_SUCCESS;
	}
	if (entry->kind != PENSTOCK_NAME_FREE) {
		return PENSTOCK_STATUS_DATA_ERROR;
	}
	*entry = (struct penstock_name_entry){
		.object = object,
		.generation = penstock_name_generation(name),
		.kind = kind,
	};
	return PENSTOCK_STATUS_SUCCESS;
}

bool penstock_name_table_superseded(const struct penstock_name_table *table, uint64_t name)
{
	uint32_t position = penstock_name_index(name) - 1u;
	const struct penstock_name_entry *entry;

	if (position >= table->count) {
		return false;
	}
	entry = &table->entries[position];
	if (entry->kind == PENSTOCK_NAME_UNUSED) {
		return false;
	}
	if (entry->kind == PENSTOCK_NAME_FREE && entry->object != NULL &&
	    entry->generation == penstock_name_generation(name)) {
		return true;
	}
	return entry->generation > penstock_name_generation(name);
}
