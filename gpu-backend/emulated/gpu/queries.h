/* SPDX-License-Identifier: MIT */
/*
 * Queries of a render scope. Vulkan's end with a part, so one is begun again in the next, and what
 * each counted is added to the words that the client reads.
 */
#ifndef PENSTOCK_QUERIES_H
#define PENSTOCK_QUERIES_H

#include "gpu-backend/emulated/gpu/group.h"
#include "gpu-backend/emulated/gpu/objects.h"

enum { PENSTOCK_QUERY_OCCLUSION, PENSTOCK_QUERY_STATISTICS, PENSTOCK_QUERY_TYPES };

/* As many as VkQueryPipelineStatisticFlagBits of Vulkan 1.0. */
#define PENSTOCK_QUERY_WORDS 11u

struct penstock_query {
	bool active;
	uint64_t address;
	uint32_t statistics;
	bool precise;
	VkQueryPool pool; /* of the part that is recorded */
};

/* One that ended, in the part that is recorded. */
struct penstock_query_part {
	VkQueryPool pool;
	uint64_t address;
	uint32_t words;
};

struct penstock_queries {
	struct penstock_query types[PENSTOCK_QUERY_TYPES];
	/* Begun in this order: the last one ends first. */
	uint32_t last;                     /* of PENSTOCK_QUERY_TYPES */
	struct penstock_query_part *parts; /* owned */
	uint32_t part_count, part_capacity;
};

struct penstock_scope;

/* None is active; keeps what it owns. */
void penstock_queries_forget(struct penstock_queries *queries);
void penstock_queries_fini(struct penstock_queries *queries);

enum penstock_outcome penstock_queries_begin(struct penstock_scope *scope,
					     const struct penstock_member *member);
enum penstock_outcome penstock_queries_end(struct penstock_scope *scope,
					   const struct penstock_member *member);

/* Records the begin, or the end, of those that are active. */
PENSTOCK_MUST_CHECK
bool penstock_queries_begin_part(struct penstock_scope *scope);
PENSTOCK_MUST_CHECK
bool penstock_queries_end_part(struct penstock_scope *scope);

/* Adds what the part counted to the client's words, in the guard. COMPLETED, ILLEGAL. */
PENSTOCK_MUST_CHECK
enum penstock_outcome penstock_queries_collect(struct penstock_scope *scope);

#endif
