/* SPDX-License-Identifier: MIT */
/*
 * The names of a session: what a client chose to call its devices, contexts and openings.
 *
 * A name is 64 bits: index in the low 32 (from 1, dense: at most one more than the entries so
 * far), generation in the high 32. An index may be used again with a higher generation only, so
 * that a name never means two things. Looking up is one bounds check and one comparison; a name of
 * the wrong kind, of another generation, out of range or 0 is not found, whatever stands there.
 *
 * The table belongs to its session; it owns no object. Loop thread only.
 */
#ifndef PENSTOCK_NAME_TABLE_H
#define PENSTOCK_NAME_TABLE_H

#include "proto/base/base.h"
#include "proto/wire/status.h"

enum penstock_name_kind {
	PENSTOCK_NAME_FREE,
	PENSTOCK_NAME_DEVICE,
	PENSTOCK_NAME_CONTEXT,
	PENSTOCK_NAME_OPENING,
	PENSTOCK_NAME_SYNC,   /* an opening of a synchronisation object */
	PENSTOCK_NAME_UNUSED, /* below others, and the store knows nothing of it */
};

struct penstock_name_entry {
	void *object; /* borrowed; where FREE: not NULL if the store says that it was freed */
	uint32_t generation; /* of the object, or of the last one */
	uint32_t kind;       /* enum penstock_name_kind */
};

struct penstock_name_table {
	struct penstock_name_entry *entries; /* of index 1, 2, ... */
	uint32_t count;                      /* entries so far, free ones included */
	uint32_t capacity;
};

static inline uint32_t penstock_name_index(uint64_t name)
{
	return (uint32_t)name;
}

static inline uint32_t penstock_name_generation(uint64_t name)
{
	return (uint32_t)(name >> 32);
}

void penstock_name_table_init(struct penstock_name_table *table);
void penstock_name_table_fini(struct penstock_name_table *table);

/*
 * Takes a new name. SUCCESS; INVALID_PARAMETER: index 0, more than one past the entries so far, in
 * use, or its generation did not grow; LIMIT_EXCEEDED: more than PENSTOCK_LIMIT_NAMES entries;
 * NO_MEMORY. The text is one sentence for the client.
 */
PENSTOCK_MUST_CHECK
enum penstock_status penstock_name_table_insert(struct penstock_name_table *table, uint64_t name,
						enum penstock_name_kind kind, void *object,
						struct penstock_errbuf *reterr_text);

/* Frees a name that is in use: at once, its generation stays behind. */
void penstock_name_table_remove(struct penstock_name_table *table, uint64_t name);

/* What stands at an index that insert would take, for penstock_name_table_withdraw. */
struct penstock_name_entry penstock_name_table_before(const struct penstock_name_table *table,
						      uint64_t name);

/* Frees a name whose object came to nothing: all is as `before` it was taken. */
void penstock_name_table_withdraw(struct penstock_name_table *table, uint64_t name,
				  struct penstock_name_entry before);

/* As insert, when it would succeed; takes nothing but memory for the entry. */
PENSTOCK_MUST_CHECK
enum penstock_status penstock_name_table_check(struct penstock_name_table *table, uint64_t name,
					       struct penstock_errbuf *reterr_text);

/*
 * At start: a name of the store, in any order. kind FREE and object NULL: the index was used up to
 * this generation. SUCCESS; DATA_ERROR: index 0, over the limit, or two objects on one index;
 * NO_MEMORY.
 */
PENSTOCK_MUST_CHECK
enum penstock_status penstock_name_table_restore(struct penstock_name_table *table, uint64_t name,
						 enum penstock_name_kind kind, void *object);

/* The object of that name and kind, or NULL. */
static inline void *penstock_name_table_find(const struct penstock_name_table *table, uint64_t name,
					     enum penstock_name_kind kind)
{
	uint32_t position = penstock_name_index(name) - 1u; /* index 0 wraps past every count */
	const struct penstock_name_entry *entry;

	if (PENSTOCK_UNLIKELY(position >= table->count)) {
		return NULL;
	}
	entry = &table->entries[position];
	if (PENSTOCK_UNLIKELY(entry->kind != (uint32_t)kind ||
			      entry->generation != penstock_name_generation(name))) {
		return NULL;
	}
	return entry->object;
}

/*
 * Whether what the store knew is behind this name: its index was used with a later generation, or
 * the store says that this very name was freed.
 */
bool penstock_name_table_superseded(const struct penstock_name_table *table, uint64_t name);

#endif
