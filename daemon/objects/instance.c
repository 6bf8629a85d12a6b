/* SPDX-License-Identifier: MIT */
#include "daemon/objects/instance.h"

#include "daemon/objects/condemned.h"
#include "daemon/objects/transfer.h"
#include "proto/wire/limits.h"

#include <stdlib.h>

bool penstock_instance_is_spare(const struct penstock_allocation *allocation,
				const struct penstock_instance *instance)
{
	return !instance->reserving && instance->lane.active == 0 &&
	       penstock_list_empty(&instance->lane.transfers) &&
	       instance->sequence <= allocation->adapter->machine->committed_sequence;
}

static void append(struct penstock_allocation *allocation, struct penstock_instance *instance)
{
	penstock_list_append(&allocation->instances, &instance->link);
	if (penstock_list_empty(&allocation->renamed_link)) {
		penstock_list_append(&allocation->principal->renamed, &allocation->renamed_link);
	}
}

static void drop(struct penstock_allocation *allocation, struct penstock_instance *instance)
{
	struct penstock_machine *machine = allocation->adapter->machine;

	PENSTOCK_REQUIRE(instance->lane.active == 0 &&
			 penstock_list_empty(&instance->lane.transfers));
	penstock_list_remove(&instance->link);
	allocation->instance_count--;
	/* A row that names it may still be on disk. */
	penstock_condemn_memory(
		machine, !machine->keeping && instance->sequence > machine->committed_sequence,
		instance->sequence, allocation->principal, instance->memory);
	free(instance);
}

/* ---------------------------------------------------------------- making */

/* Its memory is not freed before vidmm has answered, or it is, and no answer comes. */
static void reserved(void *argument, enum penstock_status status)
{
	struct penstock_instance *instance = argument;

	instance->reserving = false;
	if (status != PENSTOCK_STATUS_SUCCESS) {
		drop(instance->lane.allocation, instance);
	}
}

static enum penstock_status new_memory(struct penstock_allocation *allocation,
				       struct penstock_instance *instance)
{
	const struct penstock_principal *payer = allocation->principal;
	const struct penstock_allocation_info info = penstock_allocation_memory_info(allocation);
	enum penstock_status status = penstock_principal_check_quota(payer, info.size_bytes);

	return status != PENSTOCK_STATUS_SUCCESS
		       ? status
		       : penstock_vidmm_allocation_new(
				 payer->tenants[allocation->adapter->index].process, &info,
				 reserved, instance, &instance->memory);
}

/* NULL: not to be had, or not yet. */
static struct penstock_instance *make(struct penstock_allocation *allocation)
{
	struct penstock_instance *instance = calloc(1, sizeof(*instance));
	enum penstock_status status;

	if (instance == NULL) {
		return NULL;
	}
	instance->lane.allocation = allocation;
	penstock_list_init(&instance->link);
	penstock_list_init(&instance->lane.transfers);
	penstock_list_init(&instance->lane.link);
	status = new_memory(allocation, instance);
	if (status == PENSTOCK_STATUS_PENDING) {
		instance->reserving = true;
		allocation->instance_count++;
		append(allocation, instance);
		return NULL;
	}
	if (status != PENSTOCK_STATUS_SUCCESS) {
		free(instance);
		return NULL;
	}
	allocation->instance_count++;
	return instance;
}

struct penstock_instance *penstock_instance_take(struct penstock_opening *opening)
{
	struct penstock_allocation *allocation = opening->allocation;

	if (allocation->sharing || penstock_allocation_shared(allocation)) {
		return NULL;
	}
	penstock_list_for_each (link, &allocation->instances) {
		struct penstock_instance *instance =
			penstock_list_entry(link, struct penstock_instance, link);

		if (penstock_instance_is_spare(allocation, instance)) {
			penstock_list_remove(link);
			return instance;
		}
	}
	/* the current one is one of them */
	return allocation->instance_count + 1u < PENSTOCK_LIMIT_RENAMING_LIST ? make(allocation)
									      : NULL;
}

void penstock_instance_return(struct penstock_allocation *allocation,
			      struct penstock_instance *instance)
{
	append(allocation, instance);
}

/* ---------------------------------------------------------------- renaming */

/* What stands in the lane so far stands in `past` from here on, in the same order. */
static void leave(struct penstock_lane *lane, struct penstock_lane *past,
		  struct penstock_transfer *newest)
{
	PENSTOCK_REQUIRE(!lane->advancing);
	past->session = lane->session;
	past->active = lane->active;
	past->active_writes = lane->active_writes;
	lane->active = 0;
	lane->active_writes = 0;
	while (penstock_list_first(&lane->transfers) != &newest->lane_link) {
		struct penstock_list *link = penstock_list_pop(&lane->transfers);

		PENSTOCK_REQUIRE(link != NULL);
		penstock_list_entry(link, struct penstock_transfer, lane_link)->lane = past;
		penstock_list_append(&past->transfers, link);
	}
}

void penstock_instance_rename(struct penstock_opening *opening, struct penstock_instance *instance,
			      struct penstock_transfer *newest, uint64_t serial)
{
	struct penstock_allocation *allocation = opening->allocation;
	struct penstock_vidmm_allocation *left = allocation->memory;

	leave(opening->lane, &instance->lane, newest);
	allocation->memory = instance->memory;
	instance->memory = left;
	instance->lane.instance = instance;
	instance->sequence = 0;
	append(allocation, instance);
	if (allocation->stored) {
		uint64_t sequence = penstock_allocation_store(allocation);

		instance->sequence = sequence == 0 ? UINT64_MAX : sequence;
		penstock_session_wrote(opening->device->session, serial, sequence);
	}
}

struct penstock_lane *penstock_instance_lane(struct penstock_allocation *allocation,
					     const struct penstock_vidmm_allocation *memory)
{
	struct penstock_instance *found = NULL;

	penstock_list_for_each (link, &allocation->instances) {
		struct penstock_instance *instance =
			penstock_list_entry(link, struct penstock_instance, link);

		if (instance->memory == memory) {
			found = instance;
			break;
		}
	}
	PENSTOCK_REQUIRE(found != NULL); /* what is in use is an instance of its allocation */
	return &found->lane;
}

/* ---------------------------------------------------------------- giving back */

static void trim(struct penstock_allocation *allocation, bool all)
{
	penstock_list_for_each_safe (link, &allocation->instances) {
		struct penstock_instance *instance =
			penstock_list_entry(link, struct penstock_instance, link);

		if (all || penstock_instance_is_spare(allocation, instance)) {
			drop(allocation, instance);
		}
	}
	if (penstock_list_empty(&allocation->instances)) {
		penstock_list_remove(&allocation->renamed_link);
	}
}

void penstock_instances_trim(struct penstock_principal *principal)
{
	penstock_list_for_each_safe (link, &principal->renamed) {
		trim(penstock_list_entry(link, struct penstock_allocation, renamed_link), false);
	}
}

void penstock_instances_drop(struct penstock_allocation *allocation)
{
	trim(allocation, true);
}
