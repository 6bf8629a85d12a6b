/* SPDX-License-Identifier: MIT */
#include "gpu-backend/emulated/gpu/queries.h"

#include "gpu-backend/emulated/gpu/drawing.h"

#include <stdlib.h>

#define FIRST_CAPACITY 16u

#define STATISTICS_KNOWN ((1u << PENSTOCK_QUERY_WORDS) - 1)
#define FLAG_PRECISE     0x1u

void penstock_queries_forget(struct penstock_queries *queries)
{
	queries->part_count = 0;
	for (uint32_t i = 0; i < PENSTOCK_QUERY_TYPES; i++) {
		queries->types[i] = (struct penstock_query){ .active = false };
	}
}

void penstock_queries_fini(struct penstock_queries *queries)
{
	free(queries->parts);
	queries->parts = NULL;
}

static uint32_t words_of(const struct penstock_scope *scope, uint32_t type)
{
	return type == PENSTOCK_QUERY_OCCLUSION
		       ? 1
		       : (uint32_t)__builtin_popcount(scope->queries.types[type].statistics);
}

/* ---------------------------------------------------------------- of Vulkan */

static bool begin_one(struct penstock_scope *scope, uint32_t type)
{
	const struct penstock_vulkan_device *device = scope->device;
	struct penstock_query *query = &scope->queries.types[type];
	const VkQueryPoolCreateInfo info = {
		.sType = VK_STRUCTURE_TYPE_QUERY_POOL_CREATE_INFO,
		.queryType = type == PENSTOCK_QUERY_OCCLUSION ? VK_QUERY_TYPE_OCCLUSION
							      : VK_QUERY_TYPE_PIPELINE_STATISTICS,
		.queryCount = 1,
		.pipelineStatistics = query->statistics,
	};
	VkResult result;

	query->pool = VK_NULL_HANDLE;
	result = device->calls.CreateQueryPool(device->device, &info, NULL, &query->pool);
	if (penstock_objects_add(&scope->vulkan->objects, PENSTOCK_OBJECT_QUERIES, query->pool,
				 result) != VK_SUCCESS) {
		return false;
	}
	device->calls.ResetQueryPool(device->device, query->pool, 0, 1);
	device->calls.CmdBeginQuery(device->commands, query->pool, 0,
				    query->precise ? VK_QUERY_CONTROL_PRECISE_BIT : 0);
	return true;
}

static bool end_one(struct penstock_scope *scope, uint32_t type)
{
	struct penstock_queries *queries = &scope->queries;
	struct penstock_query *query = &queries->types[type];

	scope->device->calls.CmdEndQuery(scope->device->commands, query->pool, 0);
	if (queries->part_count == queries->part_capacity) {
		uint32_t capacity =
			queries->part_capacity == 0 ? FIRST_CAPACITY : queries->part_capacity * 2;
		struct penstock_query_part *larger =
			realloc(queries->parts, capacity * sizeof(*larger));

		if (larger == NULL) {
			return false;
		}
		queries->parts = larger;
		queries->part_capacity = capacity;
	}
	queries->parts[queries->part_count++] =
		(struct penstock_query_part){ query->pool, query->address, words_of(scope, type) };
	return true;
}

bool penstock_queries_begin_part(struct penstock_scope *scope)
{
	bool good = true;

	for (uint32_t i = 0; i < PENSTOCK_QUERY_TYPES && good; i++) {
		good = !scope->queries.types[i].active || begin_one(scope, i);
	}
	return good;
}

bool penstock_queries_end_part(struct penstock_scope *scope)
{
	bool good = true;

	for (uint32_t i = 0; i < PENSTOCK_QUERY_TYPES && good; i++) {
		good = !scope->queries.types[i].active || end_one(scope, i);
	}
	return good;
}

/* ---------------------------------------------------------------- of the scope */

/* Words of the client's: set to 0, or added to. False: they are in no segment. */
static bool write_words(struct penstock_scope *scope, uint64_t address, const uint64_t *added,
			uint32_t count)
{
	struct penstock_engine *engine = scope->engine;
	uint8_t *words = penstock_engine_range(engine, address, count * sizeof(uint64_t), true);

	if (words == NULL) {
		return false;
	}
	penstock_guard_enter(&engine->guard, engine->mmu);
	for (uint32_t i = 0; i < count; i++) {
		uint8_t *word = words + i * sizeof(uint64_t);

		penstock_store64(word, added == NULL ? 0 : penstock_load64(word) + added[i]);
	}
	penstock_guard_leave();
	return true;
}

enum penstock_outcome penstock_queries_begin(struct penstock_scope *scope,
					     const struct penstock_member *member)
{
	uint32_t type = penstock_load32(member->fields + PENSTOCK_DMA_BEGIN_QUERY_type);
	uint64_t address = penstock_load64(member->fields + PENSTOCK_DMA_BEGIN_QUERY_address);
	uint32_t statistics = penstock_load32(member->fields + PENSTOCK_DMA_BEGIN_QUERY_statistics);
	uint32_t flags = penstock_load32(member->fields + PENSTOCK_DMA_BEGIN_QUERY_flags);
	struct penstock_query *query;

	if (type >= PENSTOCK_QUERY_TYPES || scope->queries.types[type].active ||
	    address % sizeof(uint64_t) != 0 || (statistics & ~STATISTICS_KNOWN) != 0 ||
	    (type == PENSTOCK_QUERY_STATISTICS) != (statistics != 0)) {
		return PENSTOCK_OUTCOME_ILLEGAL;
	}
	query = &scope->queries.types[type];
	*query = (struct penstock_query){ .active = true,
					  .address = address,
					  .statistics = statistics,
					  .precise = type == PENSTOCK_QUERY_OCCLUSION &&
						     (flags & FLAG_PRECISE) != 0 };
	scope->queries.last = type;
	/* One that counted already goes on from there. */
	if (scope->met >= scope->engine->position &&
	    !write_words(scope, address, NULL, words_of(scope, type))) {
		return PENSTOCK_OUTCOME_PAGE_FAULT;
	}
	return !scope->recording || begin_one(scope, type) ? PENSTOCK_OUTCOME_COMPLETED
							   : PENSTOCK_OUTCOME_ILLEGAL;
}

enum penstock_outcome penstock_queries_end(struct penstock_scope *scope,
					   const struct penstock_member *member)
{
	struct penstock_queries *queries = &scope->queries;
	uint32_t type = queries->last;
	bool good;

	(void)member;
	if (!queries->types[type].active) {
		return PENSTOCK_OUTCOME_ILLEGAL;
	}
	good = !scope->recording || end_one(scope, type);
	queries->types[type].active = false;
	queries->last = type == 0 ? PENSTOCK_QUERY_TYPES - 1 : type - 1;
	return good ? PENSTOCK_OUTCOME_COMPLETED : PENSTOCK_OUTCOME_ILLEGAL;
}

enum penstock_outcome penstock_queries_collect(struct penstock_scope *scope)
{
	const struct penstock_vulkan_device *device = scope->device;
	struct penstock_queries *queries = &scope->queries;

	for (uint32_t i = 0; i < queries->part_count; i++) {
		const struct penstock_query_part *part = &queries->parts[i];
		uint64_t counted[PENSTOCK_QUERY_WORDS] = { 0 };

		if (device->calls.GetQueryPoolResults(
			    device->device, part->pool, 0, 1, part->words * sizeof(uint64_t),
			    counted, sizeof(counted),
			    VK_QUERY_RESULT_64_BIT | VK_QUERY_RESULT_WAIT_BIT) != VK_SUCCESS) {
			return PENSTOCK_OUTCOME_ILLEGAL;
		}
		if (!write_words(scope, part->address, counted, part->words)) {
			return PENSTOCK_OUTCOME_PAGE_FAULT;
		}
	}
	queries->part_count = 0;
	return PENSTOCK_OUTCOME_COMPLETED;
}
