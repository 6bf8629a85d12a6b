/* SPDX-License-Identifier: MIT */
/*
 * Requests about allocations, several at once: OfferAllocations, ReclaimAllocations, and
 * SetAllocationPriority. Each looks at all of its names before it does anything.
 *
 *	 USED --offer--> OFFERED, not in effect --the lane is empty--> OFFERED, in effect
 *	   ^                    |                                          |
 *	   '------reclaim: kept-+--------------reclaim: kept, or lost------'
 *
 * From the offer on nobody can use it, so that its lane holds nothing but what was ahead of it. A
 * restart reclaims: an offer says what may be dropped, and what was dropped is in the allocation's
 * record, so that a reclaim behind the restart gives the same answer.
 */
#include "daemon/objects/instance.h"
#include "daemon/objects/transfer.h"
#include "proto/wire/limits.h"

#include <inttypes.h>
#include <stdlib.h>

/* Whether the session may say what becomes of the content. */
static enum penstock_status check_owner(const struct penstock_opening *opening,
					struct penstock_refusal *ret_refusal)
{
	const struct penstock_allocation *allocation = opening->allocation;

	if (penstock_allocation_shared(allocation) &&
	    allocation->principal != opening->device->session->principal) {
		return penstock_refuse(ret_refusal, PENSTOCK_STATUS_ACCESS_DENIED,
				       "0x%" PRIx64 " is shared: only its creator may do this",
				       opening->name);
	}
	return PENSTOCK_STATUS_SUCCESS;
}

static enum penstock_status find(struct penstock_session *session, uint64_t name,
				 struct penstock_opening **ret_opening,
				 struct penstock_refusal *ret_refusal)
{
	enum penstock_status status =
		penstock_opening_find(session, name, ret_opening, ret_refusal);

	return status == PENSTOCK_STATUS_SUCCESS ? check_owner(*ret_opening, ret_refusal) : status;
}

static enum penstock_status check_all(struct penstock_session *session, const uint64_t *names,
				      size_t count, struct penstock_refusal *ret_refusal)
{
	enum penstock_status status = PENSTOCK_STATUS_SUCCESS;
	struct penstock_opening *opening;

	if (count > PENSTOCK_LIMIT_REQUEST_ALLOCATIONS) {
		return penstock_refuse(ret_refusal, PENSTOCK_STATUS_LIMIT_EXCEEDED,
				       "%zu allocations; at most %u", count,
				       PENSTOCK_LIMIT_REQUEST_ALLOCATIONS);
	}
	for (size_t i = 0; i < count && status == PENSTOCK_STATUS_SUCCESS; i++) {
		status = find(session, names[i], &opening, ret_refusal);
	}
	return status;
}

/* It was checked. */
static struct penstock_opening *opening_of(struct penstock_session *session, uint64_t name)
{
	struct penstock_opening *opening = NULL;

	PENSTOCK_REQUIRE(penstock_opening_find(session, name, &opening, NULL) ==
			 PENSTOCK_STATUS_SUCCESS);
	return opening;
}

/* ---------------------------------------------------------------- offer */

static enum penstock_status check_offers(struct penstock_session *session, const uint64_t *names,
					 size_t count, uint32_t priority,
					 struct penstock_refusal *ret_refusal)
{
	enum penstock_status status = check_all(session, names, count, ret_refusal);

	if (status != PENSTOCK_STATUS_SUCCESS) {
		return status;
	}
	if (priority < PENSTOCK_OFFER_LOW || priority > PENSTOCK_OFFER_AUTO) {
		return penstock_refuse(ret_refusal, PENSTOCK_STATUS_INVALID_PARAMETER,
				       "offer priority %u: 1 low, 2 normal, 3 high or 4 auto",
				       priority);
	}
	for (size_t i = 0; i < count; i++) {
		if (opening_of(session, names[i])->read_only) {
			return penstock_refuse(ret_refusal, PENSTOCK_STATUS_ACCESS_DENIED,
					       "0x%" PRIx64 " was opened read-only", names[i]);
		}
	}
	return PENSTOCK_STATUS_SUCCESS;
}

/* What is offered already is offered with another priority. */
static void offer_one(struct penstock_opening *opening, struct penstock_transfer *transfer,
		      uint32_t priority)
{
	struct penstock_allocation *allocation = opening->allocation;
	const bool before = allocation->offered != 0;

	allocation->offered = priority;
	if (before) {
		free(transfer);
		if (allocation->offer == NULL) {
			penstock_vidmm_allocation_offer(allocation->memory,
							(enum penstock_offer_priority)priority);
		}
		return;
	}
	penstock_transfer_begin_offer(transfer, opening);
}

static enum penstock_status offer(struct penstock_session *session, const uint64_t *names,
				  size_t count, uint32_t priority,
				  struct penstock_refusal *ret_refusal)
{
	enum penstock_status status = check_offers(session, names, count, priority, ret_refusal);
	struct penstock_transfer **transfers;
	size_t made = 0;

	if (status != PENSTOCK_STATUS_SUCCESS) {
		return status;
	}
	transfers = calloc(count + 1, sizeof(struct penstock_transfer *));
	while (transfers != NULL && made < count &&
	       (transfers[made] = penstock_transfer_new()) != NULL) {
		made++;
	}
	for (size_t i = 0; i < made; i++) {
		if (made == count) {
			offer_one(opening_of(session, names[i]), transfers[i], priority);
		} else {
			free(transfers[i]);
		}
	}
	if (transfers == NULL || made < count) {
		status = penstock_refuse(ret_refusal, PENSTOCK_STATUS_NO_MEMORY,
					 "no memory for an offer of %zu allocations", count);
	}
	free(transfers);
	return status;
}

enum penstock_status penstock_offer_allocations(struct penstock_session *session, uint64_t serial,
						const uint64_t *names, size_t count,
						uint32_t priority,
						struct penstock_refusal *ret_refusal)
{
	enum penstock_status status = penstock_session_take_serial(session, serial, ret_refusal);

	if (status != PENSTOCK_STATUS_SUCCESS) {
		return status;
	}
	return penstock_session_executed(
		session, offer(session, names, count, priority, ret_refusal), ret_refusal);
}

/* ---------------------------------------------------------------- reclaim */

/* True: its content was lost. */
static bool reclaim_one(struct penstock_allocation *allocation)
{
	allocation->offered = 0;
	if (allocation->offer != NULL) {
		penstock_transfer_cancel_offer(allocation->offer);
	}
	/* What has no pages yet has not been offered. */
	return allocation->memory != NULL && !penstock_vidmm_allocation_reclaim(allocation->memory);
}

enum penstock_status penstock_reclaim_allocations(struct penstock_session *session, uint64_t serial,
						  const uint64_t *names, size_t count,
						  bool *ret_discarded,
						  struct penstock_refusal *ret_refusal)
{
	enum penstock_status status = penstock_session_take_serial(session, serial, ret_refusal);

	if (status != PENSTOCK_STATUS_SUCCESS) {
		return status;
	}
	status = check_all(session, names, count, ret_refusal);
	for (size_t i = 0; i < count && status == PENSTOCK_STATUS_SUCCESS; i++) {
		ret_discarded[i] = reclaim_one(opening_of(session, names[i])->allocation);
	}
	return penstock_session_executed(session, status, ret_refusal);
}

/* ---------------------------------------------------------------- priorities */

/* It was checked. */
static void set_memory_priority(struct penstock_vidmm_allocation *memory, uint32_t priority)
{
	PENSTOCK_REQUIRE(penstock_vidmm_allocation_set_priority(memory, priority) ==
			 PENSTOCK_STATUS_SUCCESS);
}

static void set_priority(struct penstock_opening *opening, uint32_t priority)
{
	struct penstock_allocation *allocation = opening->allocation;
	struct penstock_session *session = opening->device->session;

	if (allocation->memory != NULL) {
		set_memory_priority(allocation->memory, priority);
	}
	penstock_list_for_each (link, &allocation->instances) {
		set_memory_priority(
			penstock_list_entry(link, struct penstock_instance, link)->memory,
			priority);
	}
	allocation->info.priority = priority;
	if (allocation->stored) {
		penstock_session_wrote(session, session->last_serial,
				       penstock_allocation_store(allocation));
	}
}

enum penstock_status penstock_set_allocation_priority(struct penstock_session *session,
						      uint64_t serial, const uint64_t *names,
						      size_t count, uint32_t priority,
						      struct penstock_refusal *ret_refusal)
{
	enum penstock_status status = penstock_session_take_serial(session, serial, ret_refusal);

	if (status != PENSTOCK_STATUS_SUCCESS) {
		return status;
	}
	status = check_all(session, names, count, ret_refusal);
	if (status == PENSTOCK_STATUS_SUCCESS &&
	    (priority < PENSTOCK_ALLOCATION_PRIORITY_MINIMUM ||
	     priority > PENSTOCK_ALLOCATION_PRIORITY_MAXIMUM)) {
		status = penstock_refuse(ret_refusal, PENSTOCK_STATUS_INVALID_PARAMETER,
					 "allocation priority 0x%x: 0x%x to 0x%x", priority,
					 PENSTOCK_ALLOCATION_PRIORITY_MINIMUM,
					 PENSTOCK_ALLOCATION_PRIORITY_MAXIMUM);
	}
	for (size_t i = 0; i < count && status == PENSTOCK_STATUS_SUCCESS; i++) {
		set_priority(opening_of(session, names[i]), priority);
	}
	return penstock_session_executed(session, status, ret_refusal);
}
