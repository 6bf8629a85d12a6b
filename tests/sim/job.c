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
#include "gpu-backend/dma.h"
#include "proto/wire/limits.h"

#include <string.h>

#define MICROSECOND UINT64_C(1000)
#define MILLISECOND UINT64_C(1000000)

/* Whoever waits this long is starved: some hangs, each TdrDelay and a few looks. */
#define PATIENCE_NS (90 * 1000 * MILLISECOND)

/* ---------------------------------------------------------------- on the hardware */

uint32_t sim_job_offset(const struct sim_job *job, uint32_t instruction)
{
	return instruction == job->count ? job->work.submission.args.dma_length
					 : job->instructions[instruction].dma_offset;
}

uint64_t sim_job_duration(const struct sim_job *job, uint32_t instruction)
{
	return instruction < job->count ? job->instructions[instruction].duration_ns : MICROSECOND;
}

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
	job->on_hardware = true;
	return job;
}

/* What a GPU that was given an offset makes of it. */
uint32_t sim_job_at(struct sim *sim, const struct sim_job *job, uint32_t offset)
{
	uint32_t at = 0;

	while (sim_job_offset(job, at) < offset) {
		at++;
	}
	SIM_CHECK(sim, sim_job_offset(job, at) == offset,
		  "job %u goes on at 0x%x, where it has no instruction", job->number, offset);
	return at;
}

/* What a process that was killed had executed of it may be executed again. */
void sim_job_begins(struct sim *sim, struct sim_job *job, const struct penstock_submit_args *args)
{
	uint32_t at = sim_job_at(sim, job, args->submission_start_offset);

	if ((args->flags & PENSTOCK_SUBMITCOMMAND_NULL_RENDERING) != 0) {
		job->executed = sim_job_at(sim, job, args->submission_end_offset);
		return;
	}
	SIM_CHECK(sim, at == job->executed || (at < job->executed && job->killed),
		  "job %u begins at instruction %u, and %u were executed", job->number, at,
		  job->executed);
	job->killed = false;
	job->executed = at;
	check_places(sim, job);
}

static void take_effect(const struct sim_job *job, const struct sim_instruction *instruction)
{
	struct sim_thing *to = job->things[instruction->to];
	const struct sim_thing *from = job->things[instruction->from];
	uint64_t at = instruction->to_offset;

	switch (instruction->effect) {
	case SIM_EFFECT_NONE:
	case SIM_EFFECT_FAULT:
		return;
	case SIM_EFFECT_FILL:
		for (uint64_t i = 0; i < instruction->size; i += 4) {
			memcpy(to->bytes + at + i, &instruction->value, 4);
		}
		return;
	case SIM_EFFECT_COPY:
		memmove(to->bytes + at, from->bytes + instruction->from_offset, instruction->size);
		return;
	case SIM_EFFECT_XOR:
		for (uint64_t i = 0; i < instruction->size; i++) {
			to->bytes[at + i] ^= (uint8_t)(instruction->value >> i % 4 * 8);
		}
		return;
	}
}

void sim_job_executed(struct sim *sim, struct sim_job *job, uint32_t instruction)
{
	SIM_TRACE(sim, "execute job,instruction,thing,offset,size", job->number, instruction,
		  job->thing_count > 0 ? job->things[job->instructions[instruction].to]->id : 0,
		  job->instructions[instruction].to_offset, job->instructions[instruction].size);
	SIM_CHECK(sim, instruction == job->executed, "job %u: instruction %u behind %u",
		  job->number, instruction, job->executed);
	SIM_CHECK(sim, job->instructions[instruction].effect != SIM_EFFECT_FAULT,
		  "job %u: instruction %u did not fault", job->number, instruction);
	check_places(sim, job);
	take_effect(job, &job->instructions[instruction]);
	job->executed++;
}

void sim_job_leaves(struct sim *sim, struct sim_job *job, uint32_t end)
{
	SIM_CHECK(sim, job->executed == end, "job %u completed at %u of %u", job->number,
		  job->executed, end);
	sim->seen.parts += end < job->count;
}

/* Some instruction of it names more than the segments that it may be in hold. */
void sim_job_too_large(struct sim *sim, struct sim_job *job)
{
	uint64_t most = 0;

	for (uint32_t i = 0; i < job->count; i++) {
		const struct sim_instruction *instruction = &job->instructions[i];

		if (instruction->effect == SIM_EFFECT_COPY) {
			uint64_t bytes = job->things[instruction->from]->size +
					 job->things[instruction->to]->size;

			most = bytes > most ? bytes : most;
		}
	}
	/* What renders nothing has no effects to go by. */
	if ((job->work.submission.flags & PENSTOCK_SUBMIT_NULL_RENDERING) != 0) {
		return;
	}
	/* Things are smaller than any segment, and whole granules are what fits. */
	SIM_CHECK(sim,
		  (most + 2 * PENSTOCK_GRANULE_BYTES > sim->local_bytes && job->executed == 0) ||
			  (job->executed > 0 && sim->habits.no_space + sim->habits.refusals > 0),
		  "job %u needs %" PRIu64 " bytes at once, and is too large", job->number, most);
}

/* ---------------------------------------------------------------- its end */

/* Empty segments would hold what it lists, all that may be in both of them in one. */
static bool fits(const struct sim *sim, const struct sim_job *job)
{
	uint64_t local = 0, aperture = 0, either = 0;

	for (uint32_t i = 0; i < job->thing_count; i++) {
		const struct sim_thing *thing = job->things[i];
		uint64_t size = penstock_align_up(thing->size, PENSTOCK_GRANULE_BYTES);

		local += thing->segment_set == 1 ? size : 0;
		aperture += thing->segment_set == 2 ? size : 0;
		either += thing->segment_set == 0 || thing->segment_set == 3 ? size : 0;
	}
	/* A quarter of the aperture is the window of the DMA pools. */
	return local <= sim->local_bytes && aperture <= sim->aperture_bytes / 4 * 3 &&
	       (local + either <= sim->local_bytes ||
		aperture + either <= sim->aperture_bytes / 4 * 3);
}

static void check_status(struct sim *sim, const struct sim_job *job, enum penstock_status status)
{
	bool lost = job->context->device->lost;

	switch (status) {
	case PENSTOCK_STATUS_SUCCESS:
		SIM_CHECK(sim, job->executed == job->count, "job %u succeeded at %u of %u",
			  job->number, job->executed, job->count);
		sim->seen.succeeded++;
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
		SIM_CHECK(sim, !fits(sim, job) || sim->habits.no_space > 0,
			  "job %u fits, and was refused memory", job->number);
		return;
	case PENSTOCK_STATUS_GRAPHICS_GPU_EXCEPTION_ON_DEVICE:
		SIM_CHECK(sim,
			  lost && (job->reached || job->suspect ||
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
	context->jobs--;
	context->packets -= job->sync != NULL;
	job->principal->jobs--;
	sim->outstanding--;
	for (uint32_t i = 0; i < job->thing_count; i++) {
		struct sim_thing *thing = job->things[i];

		penstock_vidmm_allocation_unref(thing->allocation);
		thing->jobs--;
		sim_thing_settle(sim, thing);
	}
	job->used = false;
}

/* ---------------------------------------------------------------- its beginning */

/*
 * What several contexts do with a thing has no order that the model could know: one may write it,
 * or all read it.
 */
static bool in_use_elsewhere(const struct sim *sim, const struct sim_thing *thing,
			     const struct sim_context *context, bool write)
{
	for (uint32_t i = 0; i < SIM_JOBS; i++) {
		const struct sim_job *job = &sim->jobs[i];

		if (!job->used || job->context == context) {
			continue;
		}
		for (uint32_t j = 0; j < job->thing_count; j++) {
			if (job->things[j] == thing &&
			    (write || job->work.references[j].write_operation)) {
				return true;
			}
		}
	}
	return false;
}

static bool listed(const struct sim_job *job, const struct sim_thing *thing)
{
	for (uint32_t i = 0; i < job->thing_count; i++) {
		if (job->things[i] == thing) {
			return true;
		}
	}
	return false;
}

static void list_things(struct sim *sim, struct sim_job *job)
{
	uint32_t wanted = sim_below(&sim->random, SIM_JOB_THINGS + 1);

	for (uint32_t i = 0; i < 3 * SIM_JOB_THINGS && job->thing_count < wanted; i++) {
		struct sim_thing *thing = &sim->things[sim_below(&sim->random, SIM_THINGS)];
		bool write = sim_below(&sim->random, 3) > 0;

		if (!sim_thing_usable(thing, job->principal) || listed(job, thing) ||
		    in_use_elsewhere(sim, thing, job->context, write)) {
			continue;
		}
		job->things[job->thing_count++] = thing;
		thing->jobs++;
		penstock_vidmm_allocation_ref(thing->allocation);
		job->work.references[work_reference(&job->work, thing->allocation)]
			.write_operation = write;
		SIM_TRACE(sim, "list job,thing,write", job->number, thing->id, write);
	}
}

/* An element that may be written; false: there is none. */
static bool pick_target(struct sim *sim, const struct sim_job *job, uint32_t *ret_element)
{
	if (job->thing_count == 0) {
		return false;
	}
	*ret_element = sim_below(&sim->random, job->thing_count);
	return job->work.references[*ret_element].write_operation;
}

static uint64_t pick_range(struct sim *sim, const struct sim_thing *thing, uint64_t *ret_offset)
{
	uint64_t size;

	*ret_offset = sim_between(&sim->random, 0, (thing->size - 4) / 4) * 4;
	size = (thing->size - *ret_offset) / 4 * 4;
	return size < 16384 ? size : sim_spread(&sim->random, 4, 16384) / 4 * 4;
}

static void add_instruction(struct sim *sim, struct sim_job *job)
{
	struct sim_instruction *instruction = &job->instructions[job->count++];
	struct work *work = &job->work;
	uint64_t size;

	*instruction = (struct sim_instruction){ .dma_offset = work->submission.args.dma_length };
	instruction->duration_ns = sim_spread(&sim->random, MICROSECOND, 60 * MICROSECOND);
	instruction->value = (uint32_t)sim_next(&sim->random);
	if (!pick_target(sim, job, &instruction->to)) {
		work_nop(work);
		return;
	}
	size = pick_range(sim, job->things[instruction->to], &instruction->to_offset);
	instruction->size = size;
	switch (sim_below(&sim->random, 3)) {
	case 0:
		instruction->effect = SIM_EFFECT_FILL;
		work_fill(work, instruction->to, instruction->to_offset, size, instruction->value);
		return;
	case 1:
		if (job->context->queue.node_ordinal == PENSTOCK_NODE_RENDER_ORDINAL) {
			instruction->effect = SIM_EFFECT_XOR;
			work_invert(work, instruction->to, instruction->to_offset,
				    (uint32_t)(size / 4), instruction->value);
			return;
		}
		break;
	default:
		break;
	}
	instruction->from = sim_below(&sim->random, job->thing_count);
	size = pick_range(sim, job->things[instruction->from], &instruction->from_offset);
	instruction->size = size < instruction->size ? size : instruction->size;
	if (instruction->from == instruction->to) {
		work_nop(work); /* they might overlap */
		return;
	}
	instruction->effect = SIM_EFFECT_COPY;
	work_copy(work, instruction->from, instruction->from_offset, instruction->to,
		  instruction->to_offset, instruction->size);
}

/* Its device will be lost, where it comes so far. */
static void add_fault(struct sim *sim, struct sim_job *job)
{
	struct sim_instruction *instruction = &job->instructions[job->count++];

	*instruction = (struct sim_instruction){
		.effect = SIM_EFFECT_FAULT,
		.dma_offset = job->work.submission.args.dma_length,
		.duration_ns = sim_spread(&sim->random, MICROSECOND, 60 * MICROSECOND),
	};
	job->may_fault = true;
	if (sim_chance(&sim->random, 500)) {
		work_stray_fill(&job->work,
				PENSTOCK_APERTURE_BASE + sim->aperture_bytes + 4 * job->number, 4,
				1);
	} else {
		work_illegal(&job->work);
	}
}

static void add_instructions(struct sim *sim, struct sim_job *job)
{
	struct penstock_render_args *args = &job->work.submission.args;
	uint32_t count = sim_below(&sim->random, SIM_INSTRUCTIONS);
	bool slow = sim_chance(&sim->random, sim->habits.slow);

	for (uint32_t i = 0; i < count; i++) {
		add_instruction(sim, job);
	}
	args->work_bytes = sim_chance(&sim->random, 500) ? sim_below(&sim->random, 40000)
							 : PENSTOCK_WORK_UNKNOWN;
	if (slow) {
		args->work_bytes = PENSTOCK_WORK_UNKNOWN;
		for (uint32_t i = 0; i < count; i++) {
			job->instructions[i].duration_ns =
				sim_spread(&sim->random, MILLISECOND, 40 * MILLISECOND);
		}
	}
	if (sim_chance(&sim->random, sim->habits.hang) && job->count > 0) {
		job->hangs_at = sim_below(&sim->random, job->count);
	} else if (!sim->paranoid &&
		   sim_chance(&sim->random, sim->habits.stray + sim->habits.illegal)) {
		add_fault(sim, job);
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

	job->work.submission.blocked = 1;
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

/* One of the context that does nothing yet; NULL: there are enough. */
static struct sim_job *begin(struct sim *sim, struct sim_context *context)
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

static void enqueue(struct sim *sim, struct sim_job *job)
{
	if (sim_chance(&sim->random, 50)) {
		block(sim, job);
	}
	job->enqueuing = true;
	penstock_scheduler_enqueue(&job->context->queue, &job->work.submission);
	job->enqueuing = false;
	sim_turn(sim);
}

void sim_job_make(struct sim *sim, struct sim_context *context)
{
	struct sim_job *job = begin(sim, context);

	if (job == NULL) {
		return;
	}
	list_things(sim, job);
	add_instructions(sim, job);
	if (job->hangs_at == UINT32_MAX && !job->may_fault && sim_chance(&sim->random, 30)) {
		job->work.submission.flags = PENSTOCK_SUBMIT_NULL_RENDERING;
		for (uint32_t i = 0; i < job->count; i++) {
			job->instructions[i].effect = SIM_EFFECT_NONE;
		}
	}
	sim->seen.jobs++;
	SIM_TRACE(sim, "enqueue job,context,things,instructions", job->number,
		  (uint64_t)(context - sim->contexts), job->thing_count, job->count);
	enqueue(sim, job);
}

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
	struct sim_job *job = begin(sim, context);
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
	enqueue(sim, job);
}
