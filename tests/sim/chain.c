/* SPDX-License-Identifier: MIT */
/*
 * Chains (multipass), as daemon/objects/passes.c has them: each pass is a submission, and all list
 * the same things, which the chain holds from its first pass to the end of its last.
 *
 *	pass   made --enqueue--> the scheduler's --> SUCCESS, or why not: it is `failed`
 *
 * Two later passes at most are under way beside the first. The first that does not run ends the
 * chain: none behind it is made any more, and those that are made do not run. What comes behind a
 * chain in its context is made when all of it has ended.
 */
#include "tests/sim/sim.h"

#define MICROSECOND UINT64_C(1000)

static void make_passes(struct sim *sim, struct sim_chain *chain);

static void fail(struct sim_chain *chain, uint32_t pass, enum penstock_status status)
{
	if (pass < chain->failed) {
		chain->failed = pass;
		chain->verdict = status;
	}
}

static bool is_made(const struct sim_chain *chain)
{
	return chain->verdict != PENSTOCK_STATUS_SUCCESS || chain->next == chain->count;
}

static void look_for_end(struct sim *sim, struct sim_chain *chain)
{
	struct sim_context *context = chain->context;

	if (!chain->used || !is_made(chain) || chain->outstanding > 0) {
		return;
	}
	SIM_TRACE(sim, "chain_ends context,passes,status", (uint64_t)(context - sim->contexts),
		  chain->next, chain->verdict);
	SIM_CHECK(sim,
		  chain->verdict != PENSTOCK_STATUS_SUCCESS || chain->succeeded == chain->count,
		  "a chain of %u passes succeeded with %u", chain->count, chain->succeeded);
	sim->seen.chains += chain->verdict == PENSTOCK_STATUS_SUCCESS;
	sim->seen.chains_cut += chain->succeeded > 0 && chain->succeeded < chain->count;
	for (uint32_t i = 0; i < chain->thing_count; i++) {
		sim_thing_give(sim, chain->things[i]);
	}
	chain->used = false;
	context->jobs--;
	context->principal->jobs--;
	sim->outstanding--;
}

static void on_turn(void *owner, const uint64_t arguments[3])
{
	struct sim *sim = owner;
	struct sim_chain *chain = &sim->contexts[arguments[0]].chain;

	if (chain->used && chain->number == arguments[1]) {
		make_passes(sim, chain);
	}
}

/* A pass is rendered some time after there is a buffer for it. */
static void go_on_later(struct sim *sim, const struct sim_chain *chain)
{
	const uint64_t arguments[3] = { (uint64_t)(chain->context - sim->contexts), chain->number };

	sim_clock_after(&sim->clock, sim_spread(&sim->random, MICROSECOND, 1000 * MICROSECOND),
			on_turn, sim, arguments);
}

/* False: no job is left. */
static bool make_pass(struct sim *sim, struct sim_chain *chain)
{
	struct sim_job *job = sim_job_begin(sim, chain->context);

	if (job == NULL) {
		return false;
	}
	job->chain = chain;
	job->work.submission.chain = &chain->verdict;
	job->work.submission.pass = chain->next++;
	for (uint32_t i = 0; i < chain->thing_count; i++) {
		sim_job_list(sim, job, chain->things[i], chain->writes[i]);
	}
	sim_instructions_add(sim, job);
	if (job->work.submission.pass == 0 && sim_chance(&sim->random, 300)) {
		sim_job_if_predecessor_ran(sim, job);
	}
	chain->outstanding++;
	sim_job_enqueue(sim, job);
	return true;
}

static void make_passes(struct sim *sim, struct sim_chain *chain)
{
	const struct sim_device *device = chain->context->device;

	while (!is_made(chain) && chain->outstanding < SIM_CHAIN_BUFFERS) {
		if (device->lost || device->destroyed) {
			fail(chain, chain->next, PENSTOCK_STATUS_CANCELLED);
		} else if (!make_pass(sim, chain)) {
			go_on_later(sim, chain);
			return;
		}
	}
	look_for_end(sim, chain);
}

void sim_chain_ended(struct sim *sim, struct sim_chain *chain, uint32_t pass,
		     enum penstock_status status)
{
	chain->outstanding--;
	chain->succeeded += status == PENSTOCK_STATUS_SUCCESS;
	SIM_CHECK(sim, status != PENSTOCK_STATUS_SUCCESS || pass < chain->failed,
		  "pass %u ran behind pass %u, which did not", pass, chain->failed);
	if (status != PENSTOCK_STATUS_SUCCESS) {
		fail(chain, pass, status);
	}
	go_on_later(sim, chain);
}

static void list_things(struct sim *sim, struct sim_chain *chain)
{
	for (uint32_t i = sim_below(&sim->random, SIM_JOB_THINGS); i > 0; i--) {
		struct sim_thing *thing = &sim->things[sim_below(&sim->random, SIM_THINGS)];
		bool known = !sim_thing_usable(thing, chain->context->principal);

		for (uint32_t j = 0; j < chain->thing_count; j++) {
			known |= chain->things[j] == thing;
		}
		if (!known) {
			chain->writes[chain->thing_count] = sim_chance(&sim->random, 700);
			chain->things[chain->thing_count++] = thing;
			sim_thing_take(thing);
		}
	}
}

void sim_chain_make(struct sim *sim, struct sim_context *context)
{
	struct sim_chain *chain = &context->chain;

	if (context->outcome == SIM_OUTCOME_FAILED) {
		return; /* it might ask for its predecessor */
	}
	*chain = (struct sim_chain){
		.used = true,
		.context = context,
		.number = ++sim->next_chain,
		.count = 2 + sim_below(&sim->random, 4),
		.verdict = PENSTOCK_STATUS_SUCCESS,
		.failed = UINT32_MAX,
	};
	context->jobs++;
	context->principal->jobs++;
	sim->outstanding++;
	list_things(sim, chain);
	SIM_TRACE(sim, "chain context,passes,things", (uint64_t)(context - sim->contexts),
		  chain->count, chain->thing_count);
	make_passes(sim, chain);
}
