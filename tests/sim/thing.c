/* SPDX-License-Identifier: MIT */
/*
 * Allocations, what each must hold, and what their clients do with them.
 *
 *	none --make--> pending --pages--> there --release, and no job lists it--> none
 */
#include "tests/sim/sim.h"

#include "proto/wire/limits.h"

#include <stdlib.h>
#include <string.h>

static struct sim_thing *free_place(struct sim *sim)
{
	for (uint32_t i = 0; i < SIM_THINGS; i++) {
		if (sim->things[i].allocation == NULL) {
			return &sim->things[i];
		}
	}
	return NULL;
}

/* The arguments are thing's id and the status: whoever is told may be gone. */
static struct sim_thing *thing_of(struct sim *sim, uint64_t id)
{
	for (uint32_t i = 0; i < SIM_THINGS; i++) {
		if (sim->things[i].allocation != NULL && sim->things[i].id == id) {
			return &sim->things[i];
		}
	}
	return NULL;
}

static void reserved(void *argument, enum penstock_status status)
{
	struct sim_thing *thing = argument;
	struct sim *sim = sim_current;

	SIM_TRACE(sim, "reserved thing,status", thing->id, status);
	SIM_CHECK(sim, thing->pending, "thing %" PRIu64 " has its pages twice", thing->id);
	SIM_CHECK(sim,
		  status == PENSTOCK_STATUS_SUCCESS ||
			  (status == PENSTOCK_STATUS_NO_MEMORY && sim->habits.no_space > 0),
		  "pages of thing %" PRIu64 ": %s", thing->id, penstock_status_text(status));
	thing->pending = false;
	if (status != PENSTOCK_STATUS_SUCCESS) {
		sim_thing_release(sim, thing);
	}
}

/* NULL: there are enough, or it cannot be had. */
static struct sim_thing *make(struct sim *sim, struct sim_principal *principal, uint64_t size,
			      uint32_t segment_set)
{
	struct sim_thing *thing = free_place(sim);
	struct penstock_allocation_info info;
	enum penstock_status status;

	if (thing == NULL) {
		return NULL;
	}
	*thing = (struct sim_thing){
		.principal = principal,
		.id = ++sim->next_id,
		.size = size,
		.segment_set = segment_set,
	};
	info = (struct penstock_allocation_info){
		.id = thing->id,
		.size_bytes = thing->size,
		.segment_set = thing->segment_set,
		.preferred_segment = sim_below(&sim->random, 3),
	};
	thing->pending = true;
	SIM_TRACE(sim, "make thing,size,set", thing->id, thing->size, thing->segment_set);
	status = penstock_vidmm_allocation_new(principal->process, &info, reserved, thing,
					       &thing->allocation);
	thing->pending = status == PENSTOCK_STATUS_PENDING;
	if (status != PENSTOCK_STATUS_SUCCESS && status != PENSTOCK_STATUS_PENDING) {
		SIM_CHECK(sim,
			  status == PENSTOCK_STATUS_QUOTA_EXCEEDED ||
				  (status == PENSTOCK_STATUS_NO_MEMORY && sim->habits.no_space > 0),
			  "a new allocation: %s", penstock_status_text(status));
		thing->allocation = NULL;
		return NULL;
	}
	thing->bytes = calloc(1, thing->size);
	PENSTOCK_REQUIRE(thing->bytes != NULL);
	principal->things++;
	return thing;
}

struct sim_thing *sim_thing_make(struct sim *sim, struct sim_principal *principal)
{
	uint64_t size = sim_spread(&sim->random, 4096, 650000);
	uint32_t segment_set = sim_below(&sim->random, 4);

	if (sim_chance(&sim->random, sim->habits.large)) {
		size = sim_between(&sim->random, 150000, 400000);
		segment_set = sim_chance(&sim->random, 700) ? 1 : segment_set;
	}
	return make(sim, principal, size, segment_set);
}

void sim_thing_rename(struct sim *sim, struct sim_thing *thing)
{
	struct sim_thing *next;
	uint8_t *bytes;

	if (thing->jobs == 0 || thing->shared || thing->principal->ending) {
		return;
	}
	next = make(sim, thing->principal, thing->size, thing->segment_set);
	if (next == NULL || next->pending) {
		return; /* it waits for the one that there is, which is no renaming */
	}
	SIM_TRACE(sim, "rename thing,next,jobs", thing->id, next->id, thing->jobs);
	bytes = penstock_vidmm_access_begin(next->allocation, 0, PENSTOCK_ACCESS_WRITE);
	SIM_CHECK(sim, bytes != NULL, "a new instance moves");
	for (uint64_t i = 0; i < next->size; i++) {
		bytes[i] = next->bytes[i] = (uint8_t)(next->id + i);
	}
	penstock_vidmm_access_end(next->allocation);
	sim->seen.renamed++;
	sim_thing_release(sim, thing);
}

void sim_thing_take(struct sim_thing *thing)
{
	penstock_vidmm_allocation_ref(thing->allocation);
	thing->jobs++;
}

void sim_thing_give(struct sim *sim, struct sim_thing *thing)
{
	penstock_vidmm_allocation_unref(thing->allocation);
	thing->jobs--;
	sim_thing_settle(sim, thing);
}

void sim_thing_release(struct sim *sim, struct sim_thing *thing)
{
	SIM_TRACE(sim, "release thing,jobs", thing->id, thing->jobs);
	thing->released = true;
	thing->pending = false;
	penstock_vidmm_allocation_unref(thing->allocation);
	sim_thing_settle(sim, thing);
}

void sim_thing_settle(struct sim *sim, struct sim_thing *thing)
{
	(void)sim;
	if (thing->released && thing->jobs == 0 && !thing->sharing && thing->accesses == 0) {
		thing->principal->things--;
		free(thing->bytes);
		*thing = (struct sim_thing){ .allocation = NULL };
	}
}

static void is_shared(void *argument, enum penstock_status status)
{
	struct sim_thing *thing = argument;
	struct sim *sim = sim_current;

	SIM_TRACE(sim, "shared thing,status", thing->id, status);
	SIM_CHECK(sim,
		  status == PENSTOCK_STATUS_SUCCESS ||
			  (status == PENSTOCK_STATUS_NO_MEMORY && sim->habits.no_space > 0) ||
			  (status == PENSTOCK_STATUS_CANCELLED && (sim->stopped || sim->resetting)),
		  "sharing thing %" PRIu64 ": %s", thing->id, penstock_status_text(status));
	thing->sharing = false;
	thing->shared = status == PENSTOCK_STATUS_SUCCESS;
	sim->seen.shared += thing->shared;
	sim_thing_settle(sim, thing);
}

/* Idle is required: no submission lists it. */
void sim_thing_share(struct sim *sim, struct sim_thing *thing)
{
	enum penstock_status status;

	if (thing->jobs > 0 || thing->sharing || thing->pending || thing->released) {
		return;
	}
	SIM_TRACE(sim, "share thing", thing->id);
	thing->sharing = true;
	status = penstock_vidmm_allocation_share(thing->allocation, is_shared, thing);
	if (status != PENSTOCK_STATUS_PENDING) {
		is_shared(thing, status);
	}
}

void sim_thing_evict(struct sim *sim, struct sim_thing *thing)
{
	enum penstock_status status = penstock_vidmm_allocation_evict(thing->allocation);

	SIM_TRACE(sim, "evict thing,status", thing->id, status);
	SIM_CHECK(sim,
		  status == PENSTOCK_STATUS_SUCCESS || status == PENSTOCK_STATUS_PENDING ||
			  (status == PENSTOCK_STATUS_GRAPHICS_ALLOCATION_BUSY &&
			   (thing->jobs > 0 || thing->accesses > 0)),
		  "evicting thing %" PRIu64 ": %s", thing->id, penstock_status_text(status));
	sim->seen.evictions_asked += status == PENSTOCK_STATUS_PENDING;
}

/* ---------------------------------------------------------------- clients */

/* NULL: it moves; the client asks again later, which it does not do here. */
static uint8_t *begin_access(const struct sim_thing *thing, uint32_t access)
{
	return thing->pending || thing->released
		       ? NULL
		       : penstock_vidmm_access_begin(thing->allocation, 0, access);
}

static void compare(struct sim *sim, const struct sim_thing *thing, const uint8_t *bytes)
{
	uint64_t at = 0;

	if (memcmp(bytes, thing->bytes, thing->size) == 0) {
		return;
	}
	while (bytes[at] == thing->bytes[at]) {
		at++;
	}
	sim_fail(sim, __FILE__, __LINE__,
		 "thing %" PRIu64 " (%" PRIu64 " bytes) holds 0x%02x at 0x%" PRIx64
		 ", and must hold 0x%02x",
		 thing->id, thing->size, bytes[at], at, thing->bytes[at]);
}

void sim_thing_read(struct sim *sim, struct sim_thing *thing)
{
	const uint8_t *bytes = begin_access(thing, PENSTOCK_ACCESS_READ);

	SIM_TRACE(sim, "read thing,there", thing->id, bytes != NULL);
	if (bytes != NULL) {
		compare(sim, thing, bytes);
		penstock_vidmm_access_end(thing->allocation);
	}
}

static void write_some(struct sim *sim, struct sim_thing *thing, uint8_t *bytes)
{
	uint64_t offset = sim_between(&sim->random, 0, thing->size - 1);
	uint64_t size = thing->size - offset;
	uint8_t value = (uint8_t)sim_next(&sim->random);

	size = size > 8192 ? 8192 : size;
	for (uint64_t i = 0; i < size; i++) {
		bytes[offset + i] = thing->bytes[offset + i] = (uint8_t)(value + i);
	}
}

void sim_thing_write(struct sim *sim, struct sim_thing *thing)
{
	uint8_t *bytes = begin_access(thing, PENSTOCK_ACCESS_WRITE);

	SIM_TRACE(sim, "write thing,there", thing->id, bytes != NULL);
	if (bytes != NULL) {
		write_some(sim, thing, bytes);
		penstock_vidmm_access_end(thing->allocation);
	}
}

void sim_thing_prefer(struct sim *sim, struct sim_thing *thing)
{
	uint32_t priority =
		sim_chance(&sim->random, 300)
			? PENSTOCK_ALLOCATION_PRIORITY_MAXIMUM
			: (uint32_t)sim_between(&sim->random, PENSTOCK_ALLOCATION_PRIORITY_MINIMUM,
						PENSTOCK_ALLOCATION_PRIORITY_MAXIMUM);

	SIM_TRACE(sim, "prefer thing,priority", thing->id, priority);
	SIM_CHECK(sim,
		  penstock_vidmm_allocation_set_priority(thing->allocation, priority) ==
			  PENSTOCK_STATUS_SUCCESS,
		  "priority 0x%x was refused", priority);
}

/* What uses it is done before. */
void sim_thing_offer(struct sim *sim, struct sim_thing *thing)
{
	if (thing->jobs > 0 || thing->accesses > 0 || thing->pending || thing->shared) {
		return;
	}
	SIM_TRACE(sim, "offer thing", thing->id);
	thing->offered = true;
	penstock_vidmm_allocation_offer(thing->allocation,
					PENSTOCK_OFFER_PRIORITY_LOW + sim_below(&sim->random, 4));
}

/* Kept, or zeros. */
void sim_thing_reclaim(struct sim *sim, struct sim_thing *thing)
{
	struct penstock_vidmm_location location;
	bool kept = penstock_vidmm_allocation_reclaim(thing->allocation);

	SIM_TRACE(sim, "reclaim thing,kept", thing->id, kept);
	penstock_vidmm_allocation_location(thing->allocation, &location);
	SIM_CHECK(sim, location.content_lost != kept, "thing %" PRIu64 " was %s, and says not",
		  thing->id, kept ? "kept" : "lost");
	thing->offered = false;
	sim->seen.reclaimed += kept;
	sim->seen.contents_lost += !kept;
	if (!kept) {
		memset(thing->bytes, 0, thing->size);
	}
}

void sim_thing_spoil(struct sim *sim, struct sim_thing *thing)
{
	uint8_t *bytes = begin_access(thing, PENSTOCK_ACCESS_WRITE);

	if (bytes != NULL) {
		bytes[sim_between(&sim->random, 0, thing->size - 1)] ^= 1;
		penstock_vidmm_access_end(thing->allocation);
	}
}

static void access_ends(void *owner, const uint64_t arguments[3])
{
	struct sim *sim = owner;
	struct sim_thing *thing = thing_of(sim, arguments[0] & UINT32_MAX);
	bool overtaken = arguments[0] >> 32 != sim->seen.adapter_resets;
	struct penstock_vidmm_location location;
	uint8_t *bytes;

	SIM_CHECK(sim, thing != NULL, "a thing that is accessed is gone");
	penstock_vidmm_allocation_location(thing->allocation, &location);
	/* What is mapped through the aperture may leave it: its bytes stay. */
	SIM_CHECK(sim,
		  overtaken || location.address == arguments[1] ||
			  arguments[1] >= PENSTOCK_APERTURE_BASE,
		  "thing %" PRIu64 " moved from 0x%" PRIx64 " to 0x%" PRIx64
		  " while a client accessed it",
		  thing->id, arguments[1], location.address);
	SIM_TRACE(sim, "access_end thing", thing->id);
	/* What it was given still is where the bytes are. */
	bytes = (uint8_t *)(uintptr_t)arguments[2];
	if (!overtaken) {
		compare(sim, thing, bytes);
		write_some(sim, thing, bytes);
	}
	penstock_vidmm_access_end(thing->allocation);
	penstock_vidmm_allocation_unref(thing->allocation);
	thing->accesses--;
	sim_thing_settle(sim, thing);
	sim_turn(sim);
}

void sim_thing_hold(struct sim *sim, struct sim_thing *thing)
{
	uint32_t held = sim_chance(&sim->random, 500) ? PENSTOCK_ACCESS_HELD : 0;
	const uint8_t *bytes = begin_access(thing, PENSTOCK_ACCESS_WRITE | held);
	struct penstock_vidmm_location location;
	uint64_t arguments[3] = { thing->id | (uint64_t)sim->seen.adapter_resets << 32 };

	SIM_TRACE(sim, "hold thing,there", thing->id, bytes != NULL);
	if (bytes == NULL) {
		return;
	}
	penstock_vidmm_allocation_ref(thing->allocation);
	penstock_vidmm_allocation_location(thing->allocation, &location);
	thing->accesses++;
	arguments[1] = location.address;
	arguments[2] = (uintptr_t)bytes;
	sim_clock_after(&sim->clock, sim_spread(&sim->random, 1000, 5000000), access_ends, sim,
			arguments);
}

bool sim_thing_usable(const struct sim_thing *thing, const struct sim_principal *principal)
{
	return thing->allocation != NULL && !thing->pending && !thing->released &&
	       !thing->sharing && !thing->offered &&
	       (thing->shared || thing->principal == principal);
}

/* ---------------------------------------------------------------- adapter reset */

void sim_things_before_reset(struct sim *sim)
{
	for (uint32_t i = 0; i < SIM_THINGS; i++) {
		struct sim_thing *thing = &sim->things[i];

		if (thing->allocation != NULL && !thing->released) {
			penstock_vidmm_allocation_location(thing->allocation, &thing->before);
		}
	}
}

void sim_things_after_reset(struct sim *sim)
{
	for (uint32_t i = 0; i < SIM_THINGS; i++) {
		struct sim_thing *thing = &sim->things[i];
		struct penstock_vidmm_location location;

		if (thing->allocation == NULL || thing->released) {
			continue;
		}
		penstock_vidmm_allocation_location(thing->allocation, &location);
		if (!location.content_lost || thing->before.content_lost) {
			continue;
		}
		/* What leaves segment 1 is in none already. */
		SIM_CHECK(sim, thing->before.segment_id != PENSTOCK_SEGMENT_APERTURE,
			  "thing %" PRIu64 " was lost and was in the aperture", thing->id);
		SIM_TRACE(sim, "lost thing", thing->id);
		sim->seen.contents_lost++;
		memset(thing->bytes, 0, thing->size);
	}
}

/* ---------------------------------------------------------------- places */

/* Bytes of segment 2 that are for things: its last quarter is the window of the DMA pools. */
static uint64_t aperture_room(const struct sim *sim)
{
	return sim->aperture_bytes / 4 * 3;
}

/* In granules; what is smaller shares them. */
static uint64_t granules(const struct sim_thing *const *things, uint32_t count, uint32_t set)
{
	uint64_t bytes = 0, small = 0;

	for (uint32_t i = 0; i < count; i++) {
		uint32_t own = things[i]->segment_set == 0 ? 3 : things[i]->segment_set;

		if ((own & ~set) != 0) {
			continue;
		}
		if (things[i]->size < PENSTOCK_GRANULE_BYTES) {
			small += things[i]->size;
		} else {
			bytes += penstock_align_up(things[i]->size, PENSTOCK_GRANULE_BYTES);
		}
	}
	return bytes + penstock_align_up(small, PENSTOCK_GRANULE_BYTES);
}

bool sim_things_fit(const struct sim *sim, const struct sim_thing *const *things, uint32_t count)
{
	return granules(things, count, 1) <= sim->local_bytes &&
	       granules(things, count, 2) <= aperture_room(sim) &&
	       granules(things, count, 3) <= sim->local_bytes + aperture_room(sim);
}

static uint64_t held(const struct penstock_vidmm_location *location)
{
	return penstock_align_up(location->size_bytes, PENSTOCK_PAGE_BYTES);
}

void sim_things_check(struct sim *sim)
{
	static const uint64_t bases[] = { PENSTOCK_LOCAL_BASE, PENSTOCK_APERTURE_BASE };
	const uint64_t ends[] = { PENSTOCK_LOCAL_BASE + sim->local_bytes,
				  PENSTOCK_APERTURE_BASE + aperture_room(sim) };
	struct penstock_vidmm_location locations[SIM_THINGS];
	struct penstock_segment_state segments[PENSTOCK_SEGMENT_COUNT];
	uint32_t count = 0;

	for (uint32_t i = 0; i < SIM_THINGS; i++) {
		struct penstock_vidmm_location *at = &locations[count];

		if (sim->things[i].allocation == NULL || sim->things[i].pending) {
			continue;
		}
		penstock_vidmm_allocation_location(sim->things[i].allocation, at);
		if (at->segment_id == 0) {
			continue;
		}
		SIM_CHECK(sim,
			  at->address >= bases[at->segment_id - 1] &&
				  at->address + held(at) <= ends[at->segment_id - 1],
			  "thing %" PRIu64 " is outside of segment %u", sim->things[i].id,
			  at->segment_id);
		SIM_CHECK(sim,
			  sim->things[i].segment_set == 0 ||
				  (sim->things[i].segment_set >> (at->segment_id - 1) & 1) != 0,
			  "thing %" PRIu64 " is in segment %u", sim->things[i].id, at->segment_id);
		for (uint32_t j = 0; j < count; j++) {
			SIM_CHECK(sim,
				  locations[j].address + held(&locations[j]) <= at->address ||
					  at->address + held(at) <= locations[j].address,
				  "two things at 0x%" PRIx64, at->address);
		}
		count++;
	}
	penstock_vidmm_query_segments(sim->vidmm, segments);
	for (uint32_t i = 0; i < PENSTOCK_SEGMENT_COUNT; i++) {
		SIM_CHECK(sim, segments[i].used_bytes <= segments[i].commit_limit_bytes,
			  "segment %u holds too much", i + 1);
	}
}
