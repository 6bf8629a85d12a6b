/* SPDX-License-Identifier: MIT */
/*
 * Submissions: what each does, what has been executed of it, how it may end.
 *
 *	made --enqueue--> waits --submitted--> on the hardware --fence--> SUCCESS
 *	                    ^                       |
 *	                    '-- preempted, killed --'   anything but SUCCESS: one of its causes
 */
#include "tests/sim/sim.h"

#include "daemon/schedule/internal.h"
#include "proto/wire/limits.h"

#include <string.h>

#define MICROSECOND UINT64_C(1000)
#define MILLISECOND UINT64_C(1000000)

/* Whoever waits this long is starved: some hangs, each TdrDelay and a few looks. */
#define PATIENCE_NS (90 * 1000 * MILLISECOND)

/* ---------------------------------------------------------------- on the hardware */

bool sim_job_hangs(struct sim_job *job, uint32_t instruction)
{
	job->reached |= job->hangs_at == instruction;
	return job->hangs_at == instruction;
}

bool sim_job_may_fault(struct sim_job *job)
{
	job->reached |= job->may_fault;
	return job->may_fault;
}

void sim_job_suspect(struct sim_job *job)
{
	job->suspect = true;
}

void sim_job_killed(struct sim_job *job, bool begun)
{
	job->on_hardware = false;
	job->killed |= begun;
}

/* Its packet needs the thing: of a part only what its instructions name. */
static bool needs(const struct sim_job *job, uint32_t element)
{
	const struct penstock_submission *submission = &job->work.submission;

	for (uint32_t i = 0; i < penstock_needed_count(submission); i++) {
		if (penstock_needed(submission, i) == &submission->references[element]) {
			return true;
		}
	}
	return false;
}

/* Everything that it needs is where it may be. */
static void check_places(struct sim *sim, const struct sim_job *job)
{
	for (uint32_t i = 0; i < job->thing_count; i++) {
		struct penstock_vidmm_location location;

		if (!needs(job, i)) {
			continue;
		}
		penstock_vidmm_allocation_location(job->things[i]->allocation, &location);
		SIM_CHECK(sim,
			  location.segment_id != 0 &&
				  location.segment_id == job->places[i].segment_id &&
				  location.address == job->places[i].address,
			  "job %u runs, and thing %" PRIu64 " is at 0x%" PRIx64
			  " and was at 0x%" PRIx64,
			  job->number, job->things[i]->id, location.address,
			  job->places[i].address);
	}
}

/* HwQueuePacketCap, beyond which all that a node has is short. */
static void check_cap(struct sim *sim, uint32_t ordinal, const struct sim_job *job)
{
	sim->on_hardware[ordinal]++;
	sim->work_bytes[ordinal] += job->work.submission.args.work_bytes;
	SIM_CHECK(sim,
		  sim->on_hardware[ordinal] <= sim->cap ||
			  (sim->on_hardware[ordinal] <= PENSTOCK_SHORT_PACKETS &&
			   sim->work_bytes[ordinal] <= PENSTOCK_SHORT_WORK_BYTES),
		  "node %u has %u packets", ordinal, sim->on_hardware[ordinal]);
}

static void count_hardware(struct sim *sim, uint32_t ordinal)
{
	sim->on_hardware[ordinal] = 0;
	sim->work_bytes[ordinal] = 0;
	for (uint32_t i = 0; i < SIM_JOBS; i++) {
		const struct sim_job *job = &sim->jobs[i];

		if (job->used && job->context->queue.node_ordinal == ordinal &&
		    job->work.submission.state == PENSTOCK_SUBMISSION_ON_HARDWARE &&
		    job != sim->submitting) {
			sim->on_hardware[ordinal]++;
			sim->work_bytes[ordinal] += job->work.submission.args.work_bytes;
		}
	}
}

struct sim_job *sim_job_submitted(struct sim *sim, const struct penstock_submit_args *args)
{
	struct sim_job *job = sim->submitting;

	SIM_CHECK(sim, job != NULL, "a packet of no submission");
	SIM_CHECK(sim, job->work.submission.blocked == 0, "job %u was blocked", job->number);
	count_hardware(sim, args->node_ordinal);
	check_cap(sim, args->node_ordinal, job);
	sim->submitting = NULL;
	for (uint32_t i = 0; i < job->thing_count; i++) {
		penstock_vidmm_allocation_location(job->things[i]->allocation, &job->places[i]);
	}
	check_places(sim, job);
	sim_things_check(sim);
	SIM_CHECK(sim, job->predecessor == 0 && !job->predecessor_failed,
		  "job %u runs, and what was before it did not", job->number);
	job->on_hardware = true;
	return job;
}

/* What a process that was killed had executed of it may be executed again. */
void sim_job_begins(struct sim *sim, struct sim_job *job, const struct penstock_submit_args *args)
{
	uint32_t at = sim_job_at(sim, job, args->submission_start_offset);
	uint64_t position = args->resume_position;
	bool again = at < job->executed || (at == job->executed && position < job->position);

	SIM_CHECK(sim, job->chain == NULL || job->work.submission.pass <= job->chain->failed,
		  "job %u: pass %u begins, and pass %u of its chain did not run", job->number,
		  job->work.submission.pass, job->chain->failed);
	if ((args->flags & PENSTOCK_SUBMITCOMMAND_NULL_RENDERING) != 0) {
		job->executed = sim_job_at(sim, job, args->submission_end_offset);
		return;
	}
	SIM_CHECK(sim, (at == job->executed && position == job->position) || (again && job->killed),
		  "job %u begins at instruction %u, position 0x%" PRIx64
		  ", and %u were executed, and 0x%" PRIx64,
		  job->number, at, position, job->executed, job->position);
	sim->seen.resumed_inside += position > 0;
	job->killed = false;
	job->executed = at;
	job->position = position;
	check_places(sim, job);
}

void sim_job_executed(struct sim *sim, struct sim_job *job, uint32_t instruction, uint64_t position)
{
	SIM_TRACE(sim, "execute job,instruction,thing,offset,position", job->number, instruction,
		  job->thing_count > 0 ? job->things[job->instructions[instruction].to]->id : 0,
		  job->instructions[instruction].to_offset, position);
	SIM_CHECK(sim, instruction == job->executed, "job %u: instruction %u behind %u",
		  job->number, instruction, job->executed);
	SIM_CHECK(sim, job->instructions[instruction].effect != SIM_EFFECT_FAULT,
		  "job %u: instruction %u did not fault", job->number, instruction);
	check_places(sim, job);
	sim_instruction_effect(job, instruction, job->position, position);
	job->executed += position == SIM_POSITION_END;
	job->position = position == SIM_POSITION_END ? 0 : position;
}

void sim_job_leaves(struct sim *sim, struct sim_job *job, uint32_t end)
{
	SIM_CHECK(sim, job->executed == end, "job %u completed at %u of %u", job->number,
		  job->executed, end);
}

/* Some instruction of it names more at once than empty segments hold. */
static bool never_fits(const struct sim *sim, const struct sim_job *job)
{
	for (uint32_t i = 0; i < job->count; i++) {
		const struct sim_thing *things[2];
		uint32_t count = sim_instruction_things(job, i, things);

		if (!sim_things_fit(sim, things, count)) {
			return true;
		}
	}
	return false;
}

/* What can never be finished is not begun. What had begun loses its device for want of pages too.
 */
void sim_job_too_large(struct sim *sim, struct sim_job *job)
{
	job->too_large = true;
	sim->seen.too_large += job->executed == 0;
	SIM_CHECK(sim, job->executed == 0 ? never_fits(sim, job) : sim->habits.no_space > 0,
		  "job %u is too large at %u of %u, and fits", job->number, job->executed,
		  job->count);
}

/* ---------------------------------------------------------------- its end */

static void count_parts(struct sim *sim, const struct sim_job *job)
{
	bool split = job->work.submission.parts > 1;

	sim->seen.parts += job->work.submission.parts;
	sim->seen.splits += split;
	/* Not because a test wants it. */
	sim->seen.splits_for_room += split && sim->split_points == 0;
}

static void check_status(struct sim *sim, const struct sim_job *job, enum penstock_status status)
{
	bool lost = job->context->device->lost;
	bool follows_failed = job->chain != NULL && job->chain->verdict == status &&
			      job->work.submission.pass > job->chain->failed;

	switch (status) {
	case PENSTOCK_STATUS_SUCCESS:
		SIM_CHECK(sim, job->executed == job->count, "job %u succeeded at %u of %u",
			  job->number, job->executed, job->count);
		sim->seen.succeeded++;
		sim->seen.broadcast += job->broadcast;
		count_parts(sim, job);
		return;
	case PENSTOCK_STATUS_DEVICE_REMOVED:
		SIM_CHECK(sim, lost, "job %u: its device was not lost", job->number);
		sim->seen.removed++;
		return;
	case PENSTOCK_STATUS_CANCELLED:
		SIM_CHECK(sim, job->context->device->destroyed, "job %u: nobody cancelled it",
			  job->number);
		sim->seen.cancelled++;
		return;
	case PENSTOCK_STATUS_GRAPHICS_NO_VIDEO_MEMORY:
		/* A later pass waits for pages: it ends so with an earlier one, or can never fit.
		 */
		SIM_CHECK(sim,
			  job->too_large || follows_failed ||
				  (job->work.submission.pass == 0 && sim->habits.no_space > 0),
			  "job %u fits, and was refused memory", job->number);
		return;
	case PENSTOCK_STATUS_PREDECESSOR_FAILED:
		SIM_CHECK(sim, job->predecessor_failed || follows_failed,
			  "job %u: its predecessor ran", job->number);
		SIM_CHECK(sim, job->executed == 0, "job %u ran behind what did not", job->number);
		sim->seen.predecessor_failed += job->predecessor_failed;
		return;
	case PENSTOCK_STATUS_GRAPHICS_GPU_EXCEPTION_ON_DEVICE:
		SIM_CHECK(sim,
			  lost && (job->reached || job->suspect || follows_failed ||
				   sim_process_of(job->principal)->paging_deaths >=
					   PENSTOCK_PAGING_ATTEMPTS),
			  "job %u is sound and was called the culprit", job->number);
		sim->seen.exceptions++;
		return;
	default:
		sim_fail(sim, __FILE__, __LINE__, "job %u: %s", job->number,
			 penstock_status_text(status));
	}
}

/* What was signalled: by packets that ended, or are about to, since all before them has. */
static uint64_t signalled(const struct sim *sim, const struct sim_sync *sync)
{
	uint64_t value = sync->value;

	for (uint32_t i = 0; i < SIM_JOBS; i++) {
		const struct sim_job *job = &sim->jobs[i];
		const struct penstock_submission *packet = &job->work.submission;

		if (job->used && job->sync == sync && packet->sync_signals &&
		    packet->serial == job->context->completed + 1 && packet->sync_value > value) {
			value = packet->sync_value;
		}
	}
	return value;
}

static void end_packet(struct sim *sim, const struct sim_job *job)
{
	const struct penstock_submission *packet = &job->work.submission;
	uint64_t value = signalled(sim, job->sync);

	if (packet->sync_signals) {
		job->sync->value = packet->sync_value > job->sync->value ? packet->sync_value
									 : job->sync->value;
		return;
	}
	SIM_CHECK(sim, packet->sync_value <= value,
		  "job %u waited for %" PRIu64 ", and only %" PRIu64 " was signalled", job->number,
		  packet->sync_value, value);
}

/*
 * In order, but for what is cancelled: that does not wait for what is on the hardware. Behind what
 * was cancelled nothing runs.
 */
static void check_order(struct sim *sim, const struct sim_job *job, enum penstock_status status)
{
	struct sim_context *context = job->context;
	uint64_t serial = job->work.submission.serial;

	if (serial == 0) {
		return; /* a wait: over as soon as it is the head, whatever runs before it */
	}
	if (status == PENSTOCK_STATUS_CANCELLED || status == PENSTOCK_STATUS_DEVICE_REMOVED) {
		context->cancelled = serial < context->cancelled ? serial : context->cancelled;
		return;
	}
	SIM_CHECK(sim, serial == context->completed + 1 && serial < context->cancelled,
		  "job %u completes out of order: %" PRIu64 " behind %" PRIu64, job->number, serial,
		  context->completed);
	context->completed = serial;
}

static void completed(struct penstock_submission *submission, enum penstock_status status)
{
	struct sim_job *job = penstock_container_of(submission, struct sim_job, work.submission);
	struct sim_context *context = job->context;
	struct sim *sim = sim_current;

	SIM_TRACE(sim, "end job,status,executed", job->number, status, job->executed);
	SIM_CHECK(sim, job->used, "job %u completes twice", job->number);
	SIM_CHECK(sim, !job->enqueuing, "job %u completes inside of enqueue", job->number);
	check_order(sim, job, status);
	SIM_CHECK(sim, job->slept || sim->clock.now_ns - job->enqueued_ns <= PATIENCE_NS,
		  "job %u waited for %" PRIu64 " ms", job->number,
		  (sim->clock.now_ns - job->enqueued_ns) / MILLISECOND);
	check_status(sim, job, status);
	if (job->sync != NULL && status == PENSTOCK_STATUS_SUCCESS) {
		end_packet(sim, job);
	}
	sim_job_ran(sim, job, status == PENSTOCK_STATUS_SUCCESS);
	context->jobs--;
	context->packets -= job->sync != NULL;
	job->principal->jobs--;
	sim->outstanding--;
	for (uint32_t i = 0; i < job->thing_count; i++) {
		sim_thing_give(sim, job->things[i]);
	}
	job->used = false;
	if (job->chain != NULL) {
		sim_chain_ended(sim, job->chain, job->work.submission.pass, status);
	}
}

/* ---------------------------------------------------------------- its beginning */

static bool listed(const struct sim_job *job, const struct sim_thing *thing)
{
	for (uint32_t i = 0; i < job->thing_count; i++) {
		if (job->things[i] == thing) {
			return true;
		}
	}
	return false;
}

void sim_job_list(struct sim *sim, struct sim_job *job, struct sim_thing *thing, bool write)
{
	job->things[job->thing_count++] = thing;
	sim_thing_take(thing);
	job->work.references[work_reference(&job->work, thing->allocation)].write_operation = write;
	SIM_TRACE(sim, "list job,thing,write", job->number, thing->id, write);
}

static void list_things(struct sim *sim, struct sim_job *job)
{
	bool many = sim_chance(&sim->random, sim->habits.large);
	uint32_t wanted = many ? 3 + sim_below(&sim->random, SIM_JOB_THINGS - 2)
			       : sim_below(&sim->random, SIM_JOB_THINGS / 2 + 1);

	for (uint32_t i = 0; i < 3 * SIM_JOB_THINGS && job->thing_count < wanted; i++) {
		struct sim_thing *thing = &sim->things[sim_below(&sim->random, SIM_THINGS)];
		bool write = sim_below(&sim->random, 3) > 0;

		if (sim_thing_usable(thing, job->principal) && !listed(job, thing)) {
			sim_job_list(sim, job, thing, write);
		}
	}
}

static void unblock(void *owner, const uint64_t arguments[3])
{
	struct sim *sim = owner;

	for (uint32_t i = 0; i < SIM_JOBS; i++) {
		struct sim_job *job = &sim->jobs[i];

		if (job->used && job->number == arguments[0]) {
			SIM_TRACE(sim, "unblock job", job->number);
			job->work.submission.blocked--;
			job->enqueued_ns = sim->clock.now_ns;
			penstock_scheduler_kick(sim->scheduler);
			sim_turn(sim);
		}
	}
}

static void block(struct sim *sim, struct sim_job *job)
{
	const uint64_t arguments[3] = { job->number };

	job->work.submission.blocked++;
	sim_clock_after(&sim->clock, sim_spread(&sim->random, MICROSECOND, 20 * MILLISECOND),
			unblock, sim, arguments);
}

static struct sim_job *free_job(struct sim *sim)
{
	for (uint32_t i = 0; i < SIM_JOBS; i++) {
		if (!sim->jobs[i].used) {
			return &sim->jobs[i];
		}
	}
	return NULL;
}

struct sim_job *sim_job_begin(struct sim *sim, struct sim_context *context)
{
	struct sim_job *job = free_job(sim);
	struct penstock_submission *submission;

	if (job == NULL) {
		return NULL;
	}
	*job = (struct sim_job){
		.used = true,
		.number = ++sim->next_job,
		.context = context,
		.principal = context->principal,
		.hangs_at = UINT32_MAX,
		.enqueued_ns = sim->clock.now_ns,
		.slept = context->packets > 0,
	};
	submission = &job->work.submission;
	work_init(&job->work, context->principal->process);
	submission->completed = completed;
	submission->context = context;
	submission->serial = ++context->submitted;
	context->jobs++;
	job->principal->jobs++;
	sim->outstanding++;
	return job;
}

void sim_job_enqueue(struct sim *sim, struct sim_job *job)
{
	struct sim_context *context = job->context;

	SIM_TRACE(sim, "enqueue job,context,things,instructions,pass", job->number,
		  (uint64_t)(context - sim->contexts), job->thing_count, job->count,
		  job->work.submission.pass);
	if (sim_chance(&sim->random, 50)) {
		block(sim, job);
	}
	context->latest = job->number;
	context->outcome = SIM_OUTCOME_UNKNOWN;
	job->enqueuing = true;
	penstock_scheduler_enqueue(&context->queue, &job->work.submission);
	job->enqueuing = false;
	sim_turn(sim);
}

/* ---------------------------------------------------------------- what is made */

static void render_nothing(struct sim *sim, struct sim_job *job)
{
	if (job->hangs_at == UINT32_MAX && !job->may_fault && sim_chance(&sim->random, 30)) {
		job->work.submission.flags |= PENSTOCK_SUBMIT_NULL_RENDERING;
	}
}

static struct sim_job *make(struct sim *sim, struct sim_context *context)
{
	struct sim_job *job = sim_job_begin(sim, context);

	if (job != NULL) {
		list_things(sim, job);
		sim_instructions_add(sim, job);
		render_nothing(sim, job);
		sim->seen.jobs++;
	}
	return job;
}

void sim_job_make(struct sim *sim, struct sim_context *context)
{
	struct sim_job *job = make(sim, context);

	if (job != NULL) {
		sim_job_enqueue(sim, job);
	}
}

/* The same once more, for another context of its device. */
static void copy_to(struct sim *sim, const struct sim_job *from, struct sim_job *to)
{
	struct penstock_render_args *args = &to->work.submission.args;

	for (uint32_t i = 0; i < from->thing_count; i++) {
		sim_job_list(sim, to, from->things[i], from->work.references[i].write_operation);
	}
	memcpy(to->work.dma, from->work.dma, sizeof(to->work.dma));
	memcpy(to->work.patches, from->work.patches, sizeof(to->work.patches));
	memcpy(to->instructions, from->instructions, sizeof(to->instructions));
	args->dma_length = from->work.submission.args.dma_length;
	args->patch_count = from->work.submission.args.patch_count;
	args->work_bytes = from->work.submission.args.work_bytes;
	to->work.submission.flags = from->work.submission.flags;
	to->count = from->count;
	to->hangs_at = from->hangs_at;
	to->may_fault = from->may_fault;
}

/* A15: one buffer for several contexts, all of them or none; each has its own fence. */
void sim_job_broadcast(struct sim *sim, struct sim_context *const *contexts, uint32_t count)
{
	struct sim_job *jobs[SIM_CONTEXTS];

	if (sim->outstanding + count > SIM_JOBS) {
		return;
	}
	for (uint32_t i = 0; i < count; i++) {
		jobs[i] = i == 0 ? make(sim, contexts[i]) : sim_job_begin(sim, contexts[i]);
		SIM_CHECK(sim, jobs[i] != NULL, "there was a job left");
		jobs[i]->broadcast = true;
		if (i > 0) {
			copy_to(sim, jobs[0], jobs[i]);
		}
	}
	/* What the first does may lose the device. */
	for (uint32_t i = 0; i < count; i++) {
		if (jobs[i]->context->device->lost) {
			completed(&jobs[i]->work.submission, PENSTOCK_STATUS_DEVICE_REMOVED);
		} else {
			sim_job_enqueue(sim, jobs[i]);
		}
	}
}

/* ---------------------------------------------------------------- IF_PREDECESSOR_RAN */

static void predecessor_is_known(struct sim *sim, struct sim_job *job, bool ran)
{
	struct penstock_submission *submission = &job->work.submission;

	SIM_TRACE(sim, "predecessor_of job,ran", job->number, ran);
	job->predecessor = 0;
	if (!ran) {
		job->predecessor_failed = true;
		submission->cancelled = PENSTOCK_STATUS_PREDECESSOR_FAILED;
	}
	submission->blocked--;
	job->enqueued_ns = sim->clock.now_ns;
	penstock_scheduler_kick(sim->scheduler);
}

void sim_job_ran(struct sim *sim, struct sim_job *job, bool ran)
{
	if (job->known) {
		return;
	}
	job->known = true;
	if (job->context->latest == job->number) {
		job->context->outcome = ran ? SIM_OUTCOME_RAN : SIM_OUTCOME_FAILED;
	}
	for (uint32_t i = 0; i < SIM_JOBS; i++) {
		if (sim->jobs[i].used && sim->jobs[i].predecessor == job->number) {
			predecessor_is_known(sim, &sim->jobs[i], ran);
		}
	}
}

/* A worker renders what was before it, and refuses it. */
static void predecessor_is_refused(void *owner, const uint64_t arguments[3])
{
	struct sim *sim = owner;

	for (uint32_t i = 0; i < SIM_JOBS; i++) {
		struct sim_job *job = &sim->jobs[i];

		if (job->used && job->number == arguments[0]) {
			predecessor_is_known(sim, job, false);
			sim_turn(sim);
		}
	}
}

void sim_job_if_predecessor_ran(struct sim *sim, struct sim_job *job)
{
	const uint64_t arguments[3] = { job->number };

	if (sim_chance(&sim->random, 100)) {
		job->work.submission.blocked++;
		sim_clock_after(&sim->clock, sim_spread(&sim->random, MICROSECOND, MILLISECOND),
				predecessor_is_refused, sim, arguments);
	} else if (job->context->outcome == SIM_OUTCOME_UNKNOWN) {
		job->predecessor = job->context->latest;
		job->work.submission.blocked++;
		sim->seen.after_predecessor++;
	}
}

/* Behind what is known to have failed it is refused at once. */
void sim_job_make_if_predecessor_ran(struct sim *sim, struct sim_context *context)
{
	struct sim_job *job;

	if (context->outcome != SIM_OUTCOME_FAILED && (job = make(sim, context)) != NULL) {
		sim_job_if_predecessor_ran(sim, job);
		sim_job_enqueue(sim, job);
	}
}

/* ---------------------------------------------------------------- synchronisation objects */

void sim_sync_signal(struct sim *sim, struct sim_sync *sync, uint64_t value)
{
	SIM_TRACE(sim, "signal sync,value", (uint64_t)(sync - sim->syncs), value);
	sync->value = value > sync->value ? value : sync->value;
	penstock_sync_signal(&sync->sync, value);
	sim_turn(sim);
}

/* Somebody has signalled what is waited for, or will, or never does until the run ends. */
void sim_job_make_packet(struct sim *sim, struct sim_context *context)
{
	struct sim_sync *sync = &sim->syncs[sim_below(&sim->random, SIM_SYNCS)];
	bool signals = sim_chance(&sim->random, 550);
	struct sim_job *job = sim_job_begin(sim, context);
	struct penstock_submission *packet;

	if (job == NULL) {
		return;
	}
	packet = &job->work.submission;
	job->sync = sync;
	packet->sync = &sync->sync;
	packet->sync_signals = signals;
	packet->sync_value = sync->value + sim_below(&sim->random, 3);
	if (signals) {
		packet->sync_value = ++sync->asked;
		sim->seen.signals++;
	} else {
		packet->serial = 0;
		context->submitted--;
		sim->seen.waits++;
	}
	sync->asked = packet->sync_value > sync->asked ? packet->sync_value : sync->asked;
	context->packets++;
	SIM_TRACE(sim, "packet job,context,sync,signals,value", job->number,
		  (uint64_t)(context - sim->contexts), (uint64_t)(sync - sim->syncs), signals,
		  packet->sync_value);
	sim_job_enqueue(sim, job);
}
