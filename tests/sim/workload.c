/* SPDX-License-Identifier: MIT */
/*
 * What clients and operators do, drawn from the seed: a row an action, with its share.
 */
#include "tests/sim/sim.h"

#include <string.h>

#define MIB         (1024u * 1024u)
#define MICROSECOND UINT64_C(1000)
#define MILLISECOND UINT64_C(1000000)

/* Virtual time in which everything that was begun must have ended. */
#define DRAIN_NS (120 * 1000 * MILLISECOND)

/* ---------------------------------------------------------------- principals and contexts */

static void begin_principal(struct sim *sim, struct sim_principal *principal)
{
	static const uint32_t weights[] = { 100, 100, 50, 300 };
	enum penstock_status status;

	*principal = (struct sim_principal){ .id = ++sim->next_id };
	penstock_scheduler_process_init(&principal->scheduling,
					weights[sim_below(&sim->random, 4)]);
	status =
		penstock_vidmm_process_new(sim->vidmm, principal->id, 6 * MIB, &principal->process);
	SIM_CHECK(sim, status == PENSTOCK_STATUS_SUCCESS, "no principal: %s",
		  penstock_status_text(status));
	sim->seen.principals++;
}

static bool context_is_idle(const struct sim_context *context)
{
	return context->jobs == 0;
}

/* The device and its contexts are made anew. */
static void begin_device(struct sim *sim, struct sim_device *device)
{
	device->lost = false;
	device->destroyed = false;
	for (uint32_t i = 0; i < SIM_CONTEXTS; i++) {
		struct sim_context *context = &sim->contexts[i];
		uint32_t node;
		int priority;

		if (context->device != device) {
			continue;
		}
		context->submitted = context->completed = 0;
		context->cancelled = UINT64_MAX;
		context->outcome = SIM_OUTCOME_RAN;
		node = sim_below(&sim->random, PENSTOCK_NODE_COUNT);
		priority = sim_chance(&sim->random, 500)
				   ? 0
				   : (int)sim_below(&sim->random, 15) - PENSTOCK_PRIORITY_MOST;
		penstock_queue_init(&context->queue, sim->scheduler,
				    &context->principal->scheduling, node, priority, context);
	}
}

static struct sim_principal *principal_of(struct sim *sim, const struct sim_device *device)
{
	return &sim->principals[(size_t)(device - sim->devices) % SIM_PRINCIPALS];
}

static bool device_is_idle(const struct sim *sim, const struct sim_device *device)
{
	for (uint32_t i = 0; i < SIM_CONTEXTS; i++) {
		if (sim->contexts[i].device == device && !context_is_idle(&sim->contexts[i])) {
			return false;
		}
	}
	return true;
}

/* What is lost or destroyed, and has nothing under way any more, is made anew. */
static void renew(struct sim *sim)
{
	for (uint32_t i = 0; i < SIM_DEVICES; i++) {
		struct sim_device *device = &sim->devices[i];

		if ((device->lost || device->destroyed) && !sim->reset &&
		    device_is_idle(sim, device) && !principal_of(sim, device)->ending) {
			SIM_TRACE(sim, "renew device", i);
			begin_device(sim, device);
		}
	}
}

static void destroy_device(struct sim *sim, struct sim_device *device)
{
	if (device->lost || device->destroyed) {
		return;
	}
	SIM_TRACE(sim, "destroy device", (uint64_t)(device - sim->devices));
	device->destroyed = true;
	for (uint32_t i = 0; i < SIM_CONTEXTS; i++) {
		if (sim->contexts[i].device == device) {
			penstock_scheduler_cancel(&sim->contexts[i].queue,
						  PENSTOCK_STATUS_CANCELLED);
		}
	}
}

static void release_things(struct sim *sim, const struct sim_principal *principal)
{
	for (uint32_t i = 0; i < SIM_THINGS; i++) {
		struct sim_thing *thing = &sim->things[i];

		if (thing->allocation != NULL && !thing->released &&
		    (principal == NULL || thing->principal == principal)) {
			sim_thing_release(sim, thing);
		}
	}
}

/* Everything that it has goes; then another comes in its place. */
static void end_principal(struct sim *sim, struct sim_principal *principal)
{
	SIM_TRACE(sim, "end principal", principal->id);
	principal->ending = true;
	for (uint32_t i = 0; i < SIM_DEVICES; i++) {
		if (principal_of(sim, &sim->devices[i]) == principal) {
			destroy_device(sim, &sim->devices[i]);
		}
	}
	release_things(sim, principal);
}

static void settle_principals(struct sim *sim, bool again)
{
	for (uint32_t i = 0; i < SIM_PRINCIPALS; i++) {
		struct sim_principal *principal = &sim->principals[i];

		if (!principal->ending || principal->jobs > 0 || principal->things > 0 ||
		    principal->process == NULL) {
			continue;
		}
		SIM_TRACE(sim, "forget principal", principal->id);
		penstock_vidmm_process_free(principal->process);
		principal->process = NULL;
		if (again) {
			begin_principal(sim, principal);
		}
	}
}

/* ---------------------------------------------------------------- actions */

static struct sim_thing *some_thing(struct sim *sim)
{
	struct sim_thing *thing = &sim->things[sim_below(&sim->random, SIM_THINGS)];

	return thing->allocation == NULL || thing->released || thing->sharing || thing->offered
		       ? NULL
		       : thing;
}

/* What comes behind a chain waits for its last pass. */
static bool takes_work(const struct sim_context *context)
{
	return !context->device->lost && !context->device->destroyed && !context->chain.used;
}

static void in_context(struct sim *sim, void (*make)(struct sim *sim, struct sim_context *context),
		       uint32_t most)
{
	struct sim_context *context = &sim->contexts[sim_below(&sim->random, SIM_CONTEXTS)];
	uint32_t count = 1 + sim_below(&sim->random, most);

	for (; count > 0 && takes_work(context); count--) {
		make(sim, context);
	}
}

static void submit(struct sim *sim)
{
	in_context(sim, sim_job_make, 4);
}

static void submit_if(struct sim *sim)
{
	in_context(sim, sim_job_make_if_predecessor_ran, 3);
}

static void submit_chain(struct sim *sim)
{
	in_context(sim, sim_chain_make, 1);
}

static void synchronise(struct sim *sim)
{
	in_context(sim, sim_job_make_packet, 1);
}

/* To the contexts of a device that are of one node. */
static void broadcast(struct sim *sim)
{
	const struct sim_context *first = &sim->contexts[sim_below(&sim->random, SIM_CONTEXTS)];
	struct sim_context *contexts[SIM_CONTEXTS];
	uint32_t count = 0;

	for (uint32_t i = 0; i < SIM_CONTEXTS; i++) {
		struct sim_context *context = &sim->contexts[i];

		if (takes_work(context) && context->device == first->device &&
		    context->queue.node_ordinal == first->queue.node_ordinal) {
			contexts[count++] = context;
		}
	}
	if (count > 1) {
		sim_job_broadcast(sim, contexts, count);
	}
}

/* By a client, not in a stream. */
static void signal_one(struct sim *sim)
{
	struct sim_sync *sync = &sim->syncs[sim_below(&sim->random, SIM_SYNCS)];

	sim_sync_signal(sim, sync, sync->asked);
}

static void make(struct sim *sim)
{
	struct sim_principal *principal = &sim->principals[sim_below(&sim->random, SIM_PRINCIPALS)];

	if (!principal->ending) {
		sim_thing_make(sim, principal);
	}
}

static void on_thing(struct sim *sim, void (*act)(struct sim *sim, struct sim_thing *thing))
{
	struct sim_thing *thing = some_thing(sim);

	if (thing != NULL) {
		act(sim, thing);
	}
}

static void release(struct sim *sim)
{
	on_thing(sim, sim_thing_release);
}

/* Also what is offered, which may lose its content then. */
static void evict(struct sim *sim)
{
	struct sim_thing *thing = &sim->things[sim_below(&sim->random, SIM_THINGS)];

	if (thing->allocation != NULL && !thing->released && !thing->sharing) {
		sim_thing_evict(sim, thing);
	}
}

static void share(struct sim *sim)
{
	on_thing(sim, sim_thing_share);
}

static void read_back(struct sim *sim)
{
	on_thing(sim, sim_thing_read);
}

static void upload(struct sim *sim)
{
	on_thing(sim, sim_thing_write);
}

static void discard(struct sim *sim)
{
	on_thing(sim, sim_thing_rename);
}

static void hold(struct sim *sim)
{
	on_thing(sim, sim_thing_hold);
}

static void prefer(struct sim *sim)
{
	on_thing(sim, sim_thing_prefer);
}

static void offer(struct sim *sim)
{
	on_thing(sim, sim_thing_offer);
}

static void reclaim(struct sim *sim)
{
	struct sim_thing *thing = &sim->things[sim_below(&sim->random, SIM_THINGS)];

	if (thing->allocation != NULL && thing->offered && !thing->released) {
		sim_thing_reclaim(sim, thing);
	}
}

static void cancel(struct sim *sim)
{
	destroy_device(sim, &sim->devices[sim_below(&sim->random, SIM_DEVICES)]);
}

static void leave(struct sim *sim)
{
	struct sim_principal *principal = &sim->principals[sim_below(&sim->random, SIM_PRINCIPALS)];

	if (!principal->ending) {
		end_principal(sim, principal);
	}
}

/* A principal that has been idle: its GPU process ends. */
static void idle(struct sim *sim)
{
	struct sim_principal *principal = &sim->principals[sim_below(&sim->random, SIM_PRINCIPALS)];
	bool asleep;

	if (principal->jobs > 0) {
		return;
	}
	asleep = penstock_vidmm_process_idle(principal->process);
	SIM_TRACE(sim, "idle principal,asleep", principal->id, asleep);
	if (asleep) {
		sim_process_of(principal)->paging_deaths = 0;
	}
}

/* Nobody but its creator has it open any more. */
static void close_opening(struct sim *sim)
{
	struct sim_principal *principal = &sim->principals[sim_below(&sim->random, SIM_PRINCIPALS)];
	struct sim_thing *thing = some_thing(sim);

	if (thing != NULL && thing->shared && thing->principal != principal && thing->jobs == 0) {
		SIM_TRACE(sim, "close thing,principal", thing->id, principal->id);
		penstock_vidmm_allocation_closed(thing->allocation, principal->process);
	}
}

static void maybe_kill(struct sim *sim)
{
	struct sim_process *process = &sim->gpu.processes[sim_below(&sim->random, SIM_PROCESSES)];

	if (process->used && !process->dead && sim_chance(&sim->random, sim->habits.deaths)) {
		sim_gpu_kill(process);
	}
}

static void maybe_lie(struct sim *sim)
{
	if (sim_chance(&sim->random, sim->habits.lies)) {
		sim_adapter_lie(sim);
	}
}

static const struct {
	uint32_t share;
	void (*act)(struct sim *sim);
} actions[] = {
	{ 100, submit },      { 12, submit_if }, { 10, submit_chain }, { 8, broadcast },
	{ 24, synchronise },  { 8, signal_one }, { 30, make },         { 14, release },
	{ 12, evict },        { 4, share },      { 12, read_back },    { 12, upload },
	{ 8, discard },       { 5, hold },       { 6, prefer },        { 10, offer },
	{ 14, reclaim },      { 2, cancel },     { 1, leave },         { 3, idle },
	{ 3, close_opening }, { 8, maybe_kill }, { 8, maybe_lie },
};

static void act(struct sim *sim)
{
	uint32_t all = 0, chosen;
	size_t at = 0;

	for (size_t i = 0; i < PENSTOCK_ARRAY_SIZE(actions); i++) {
		all += actions[i].share;
	}
	for (chosen = sim_below(&sim->random, all); chosen >= actions[at].share; at++) {
		chosen -= actions[at].share;
	}
	actions[at].act(sim);
}

/* Nobody waits for ever. */
static void signal_all(struct sim *sim)
{
	for (uint32_t i = 0; i < SIM_SYNCS; i++) {
		sim_sync_signal(sim, &sim->syncs[i], UINT64_MAX);
	}
}

static void next_action(void *owner, const uint64_t arguments[3])
{
	struct sim *sim = owner;
	const uint64_t left[3] = { arguments[0] - 1 };

	if (sim->failure[0] != '\0') {
		return;
	}
	renew(sim);
	settle_principals(sim, true);
	act(sim);
	sim_turn(sim);
	if (left[0] == 0) {
		signal_all(sim);
	} else {
		sim_clock_after(&sim->clock,
				sim_spread(&sim->random, MICROSECOND, 400 * MICROSECOND),
				next_action, sim, left);
	}
}

void sim_workload_start(struct sim *sim)
{
	const uint64_t arguments[3] = { sim_between(&sim->random, 100, 400) };

	for (uint32_t i = 0; i < SIM_PRINCIPALS; i++) {
		begin_principal(sim, &sim->principals[i]);
	}
	for (uint32_t i = 0; i < SIM_CONTEXTS; i++) {
		struct sim_context *context = &sim->contexts[i];

		context->device = &sim->devices[i % SIM_DEVICES];
		context->principal = principal_of(sim, context->device);
	}
	for (uint32_t i = 0; i < SIM_DEVICES; i++) {
		begin_device(sim, &sim->devices[i]);
	}
	for (uint32_t i = 0; i < SIM_SYNCS; i++) {
		penstock_sync_init(&sim->syncs[i].sync, sim->scheduler, 0);
	}
	for (uint32_t i = 0; i < SIM_THINGS / 2; i++) {
		make(sim);
	}
	sim_clock_after(&sim->clock, 0, next_action, sim, arguments);
}

/* ---------------------------------------------------------------- the end */

static bool quiet(const struct sim *sim)
{
	return sim->outstanding == 0 && sim->clock.count == 0;
}

void sim_workload_drain(struct sim *sim)
{
	uint64_t deadline_ns = 0;

	while (!quiet(sim) && sim_clock_step(&sim->clock)) {
		/* As long as there are actions it may last. */
		deadline_ns = sim->outstanding == 0 || deadline_ns == 0
				      ? sim->clock.now_ns + DRAIN_NS
				      : deadline_ns;
		SIM_CHECK(sim, sim->clock.now_ns <= deadline_ns, "%u jobs are left",
			  sim->outstanding);
	}
	SIM_CHECK(sim, sim->outstanding == 0, "%u jobs are left, and nothing happens any more",
		  sim->outstanding);
}

/* After a failure nobody renews anything; contents are where they are. */
void sim_workload_end(struct sim *sim)
{
	struct penstock_segment_state segments[PENSTOCK_SEGMENT_COUNT];

	for (uint32_t i = 0; i < SIM_THINGS && !sim->stopped; i++) {
		if (sim->things[i].allocation != NULL && !sim->things[i].released &&
		    !sim->things[i].offered) {
			if (sim->sabotage == SIM_SABOTAGE_BYTE) {
				sim_thing_spoil(sim, &sim->things[i]);
			}
			sim_thing_read(sim, &sim->things[i]);
		}
	}
	for (uint32_t i = 0; i < SIM_PRINCIPALS; i++) {
		sim->principals[i].ending = true;
	}
	for (uint32_t i = 0; i < SIM_SYNCS; i++) {
		penstock_sync_fini(&sim->syncs[i].sync);
	}
	release_things(sim, NULL);
	sim_workload_drain(sim);
	settle_principals(sim, false);
	sim_workload_drain(sim);
	penstock_vidmm_query_segments(sim->vidmm, segments);
	for (uint32_t i = 0; i < PENSTOCK_SEGMENT_COUNT; i++) {
		sim->seen.evicted += (uint32_t)segments[i].paging.evicted;
	}
	SIM_CHECK(sim, segments[0].used_bytes == 0 && segments[0].allocations == 0,
		  "segment 1 holds %" PRIu64 " bytes at the end", segments[0].used_bytes);
	/* The window of the DMA pools stays. */
	SIM_CHECK(sim, segments[1].allocations == 1, "segment 2 holds %u allocations at the end",
		  segments[1].allocations - 1);
	for (uint32_t i = 0; i < SIM_PRINCIPALS; i++) {
		SIM_CHECK(sim, sim->principals[i].process == NULL, "principal %u is left", i);
	}
}
