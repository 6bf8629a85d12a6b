/* SPDX-License-Identifier: MIT */
/*
 * The owner of memory manager and scheduler: what daemon/objects/adapter.c and turn.c are in the
 * daemon, and its worker.
 */
#include "tests/harness.h"
#include "tests/sim/sim.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---------------------------------------------------------------- memory files */

/* Linked in the place of fallocate (--wrap): files are sparse, and the disk is full at times. */
int __wrap_fallocate(int descriptor, int mode, off_t offset, off_t length);
int __real_fallocate(int descriptor, int mode, off_t offset, off_t length);

int __wrap_fallocate(int descriptor, int mode, off_t offset, off_t length)
{
	struct sim *sim = sim_current;

	if (mode != FALLOC_FL_KEEP_SIZE) {
		return __real_fallocate(descriptor, mode, offset, length);
	}
	if (sim != NULL && sim_chance(&sim->random, sim->habits.no_space)) {
		sim->seen.no_space++;
		errno = ENOSPC;
		return -1;
	}
	return 0;
}

/* ---------------------------------------------------------------- the worker */

struct worker_job {
	struct sim *sim;
	void (*work)(void *argument);
	void (*done)(void *argument);
	void *argument;
};

static void job_done(void *owner, const uint64_t arguments[3])
{
	struct worker_job *job = owner;
	struct sim *sim = job->sim;

	(void)arguments;
	SIM_TRACE(sim, "worker", 0);
	sim->worker_jobs--;
	job->done(job->argument);
	free(job);
	sim_turn(sim);
}

static void job_works(void *owner, const uint64_t arguments[3])
{
	struct worker_job *job = owner;

	job->work(job->argument);
	sim_clock_after(&job->sim->clock, sim_spread(&job->sim->random, 1000, 1000000), job_done,
			job, arguments);
}

static enum penstock_status run_job(void *owner, void (*work)(void *argument),
				    void (*done)(void *argument), void *argument)
{
	struct sim *sim = owner;
	struct worker_job *job;

	if (sim_chance(&sim->random, sim->habits.refusals)) {
		sim->seen.refusals++;
		return PENSTOCK_STATUS_NO_MEMORY;
	}
	job = malloc(sizeof(*job));
	PENSTOCK_REQUIRE(job != NULL);
	*job = (struct worker_job){ sim, work, done, argument };
	sim->worker_jobs++;
	sim_clock_after(&sim->clock, sim_spread(&sim->random, 1000, 3000000), job_works, job, NULL);
	return PENSTOCK_STATUS_SUCCESS;
}

/* ---------------------------------------------------------------- turns */

static void halt(struct sim *sim)
{
	sim->stopped = true;
	penstock_scheduler_stopped(sim->scheduler, PENSTOCK_STATUS_DEVICE_REMOVED);
	penstock_vidmm_stopped(sim->vidmm);
	sim->progress = true;
	sim_gpu_stop(&sim->gpu);
}

static void reset(struct sim *sim)
{
	SIM_TRACE(sim, "adapter_reset", 0);
	sim->seen.adapter_resets++;
	sim_things_before_reset(sim);
	sim->resetting = true;
	SIM_CHECK(sim, penstock_scheduler_reset_adapter(sim->scheduler), "the reset failed");
	sim->resetting = false;
	sim_things_after_reset(sim);
}

static void turn(void *owner, const uint64_t arguments[3])
{
	struct sim *sim = owner;

	(void)arguments;
	sim->turn_asked = false;
	if (sim->halt) {
		sim->halt = false;
		halt(sim);
	}
	if (sim->reset && !sim->stopped) {
		reset(sim);
	}
	sim->reset = false;
	if (sim->bells) {
		sim->bells = false;
		penstock_scheduler_ring_doorbells(sim->scheduler);
	}
	if (sim->deliver) {
		sim->deliver = false;
		penstock_scheduler_deliver(sim->scheduler);
	}
	if (sim->progress) {
		sim->progress = false;
		penstock_scheduler_kick(sim->scheduler);
	}
	sim_turn(sim);
}

void sim_turn(struct sim *sim)
{
	if (!sim->turn_asked &&
	    (sim->halt || sim->reset || sim->bells || sim->deliver || sim->progress)) {
		sim->turn_asked = true;
		sim_clock_after(&sim->clock, sim_between(&sim->random, 0, 2000), turn, sim, NULL);
	} else if (!sim->turn_asked && !sim->stopped && sim->failure[0] == '\0') {
		sim_gpu_check_bells(&sim->gpu);
	}
}

static void watch_is_over(void *owner, const uint64_t arguments[3])
{
	struct sim *sim = owner;

	(void)arguments;
	sim->watch_asked = false;
	if (sim->scheduler != NULL) {
		penstock_scheduler_watch(sim->scheduler);
		sim_turn(sim);
	}
}

static void slice_is_over(void *owner, const uint64_t arguments[3])
{
	struct sim *sim = owner;

	(void)arguments;
	sim->slice_asked = false;
	if (sim->scheduler != NULL) {
		penstock_scheduler_slice(sim->scheduler);
		sim_turn(sim);
	}
}

/* ---------------------------------------------------------------- callbacks */

static uint64_t now_ns(void *owner)
{
	return ((struct sim *)owner)->clock.now_ns;
}

static void progress(void *owner)
{
	struct sim *sim = owner;

	sim->progress = sim->scheduler != NULL;
}

static void defer(void *owner)
{
	struct sim *sim = owner;

	SIM_CHECK(sim, !sim->deliver, "asked for deliveries twice");
	sim->deliver = true;
}

static void bells(void *owner)
{
	struct sim *sim = owner;

	SIM_CHECK(sim, !sim->bells, "asked for doorbells twice");
	sim->bells = true;
}

static void watch(void *owner)
{
	struct sim *sim = owner;

	SIM_CHECK(sim, !sim->watch_asked, "asked for a look at fences twice");
	sim->watch_asked = true;
	sim_clock_after(&sim->clock, PENSTOCK_FENCE_PATIENCE_MS * 1000000ull, watch_is_over, sim,
			NULL);
}

static void slice(void *owner)
{
	struct sim *sim = owner;

	SIM_CHECK(sim, !sim->slice_asked, "asked for a slice twice");
	sim->slice_asked = true;
	sim_clock_after(&sim->clock, PENSTOCK_SLICE_NS, slice_is_over, sim, NULL);
}

static void lose(struct sim *sim, struct sim_device *device)
{
	device->lost = true;
	for (uint32_t i = 0; i < SIM_CONTEXTS; i++) {
		if (sim->contexts[i].device == device) {
			penstock_scheduler_cancel(&sim->contexts[i].queue,
						  PENSTOCK_STATUS_DEVICE_REMOVED);
		}
	}
}

static void failed(void *owner, const char *reason)
{
	struct sim *sim = owner;

	SIM_CHECK(sim, sim->lied, "the adapter failed: %s", reason);
	if (sim->failure[0] != '\0') {
		return;
	}
	(void)snprintf(sim->failure, sizeof(sim->failure), "%s", reason);
	SIM_TRACE(sim, "failed", 0);
	for (uint32_t i = 0; i < SIM_DEVICES; i++) {
		lose(sim, &sim->devices[i]);
	}
	sim->halt = true;
}

static void reset_adapter(void *owner, const char *reason)
{
	struct sim *sim = owner;

	SIM_TRACE(sim, "reset_asked", 0);
	SIM_CHECK(sim, !sim->reset && reason[0] != '\0', "a reset was asked for twice");
	for (uint32_t i = 0; i < SIM_DEVICES; i++) {
		lose(sim, &sim->devices[i]);
	}
	sim->reset = true;
}

static struct sim_job *job_of(struct penstock_submission *submission)
{
	return penstock_container_of(submission, struct sim_job, work.submission);
}

static void device_fault(void *owner, struct penstock_submission *submission,
			 const struct penstock_interrupt *interrupt, const char *text)
{
	struct sim *sim = owner;
	struct sim_job *job = job_of(submission);

	SIM_TRACE(sim, "device_fault job,type,node", job->number, interrupt->type,
		  interrupt->node_ordinal);
	SIM_CHECK(sim, submission->context == job->context && text[0] != '\0',
		  "a fault of nobody's: %s", text);
	lose(sim, job->context->device);
}

static void out_of_memory(void *owner, struct penstock_submission *submission, uint32_t dma_offset,
			  const char *text)
{
	struct sim *sim = owner;
	struct sim_job *job = job_of(submission);

	SIM_TRACE(sim, "out_of_memory job,offset", job->number, dma_offset);
	SIM_CHECK(sim, text[0] != '\0', "out of memory, and nothing is said");
	sim_job_too_large(sim, job);
	lose(sim, job->context->device);
}

static void submitted(void *owner, struct penstock_submission *submission)
{
	struct sim *sim = owner;

	SIM_CHECK(sim, sim->submitting == NULL, "two submissions for one packet");
	sim->submitting = job_of(submission);
	sim_job_ran(sim, sim->submitting, true);
}

/* ---------------------------------------------------------------- lies */

/* A fence that no process was given, or another's; a kind that does not exist. */
void sim_adapter_lie(struct sim *sim)
{
	struct sim_process *process = &sim->gpu.processes[sim_below(&sim->random, SIM_PROCESSES)];
	uint32_t ordinal = sim_below(&sim->random, PENSTOCK_NODE_COUNT);
	struct penstock_node_state states[PENSTOCK_NODE_COUNT];
	struct penstock_interrupt interrupt = { .type = PENSTOCK_INTERRUPT_DMA_COMPLETED,
						.node_ordinal = ordinal };

	if (!process->used || process->dead) {
		return;
	}
	penstock_scheduler_query_nodes(sim->scheduler, states);
	interrupt.fence_id = states[ordinal].last_fence_submitted +
			     (uint32_t)sim_spread(&sim->random, 1, 1u << 30);
	switch (sim_below(&sim->random, 5)) {
	case 0:
		interrupt.type = PENSTOCK_INTERRUPT_DMA_FAULTED;
		break;
	case 1:
		interrupt.type = (enum penstock_interrupt_type)3;
		break;
	case 2:
		interrupt.node_ordinal = PENSTOCK_NODE_COUNT;
		break;
	case 3:
		interrupt.type = PENSTOCK_INTERRUPT_DMA_PREEMPTED;
		break;
	default:
		break;
	}
	sim->lied = true;
	sim->seen.lies++;
	SIM_TRACE(sim, "lie process,node,type,fence", process->index, interrupt.node_ordinal,
		  interrupt.type, interrupt.fence_id);
	penstock_scheduler_notify_interrupt(sim->scheduler, process->gpu.plain.owner, &interrupt);
	SIM_CHECK(sim, sim->failure[0] != '\0', "fence %u of node %u was believed",
		  interrupt.fence_id, ordinal);
	sim_turn(sim);
}

/* ---------------------------------------------------------------- start, end */

void sim_adapter_start(struct sim *sim)
{
	const struct penstock_vidmm_config vidmm = {
		.memory_dir = sim->directory,
		.local_bytes = sim->local_bytes,
		.aperture_bytes = sim->aperture_bytes,
		.aperture_commit_limit_bytes = sim->commit_limit_bytes,
		.backend = &sim->gpu.backend,
		.worker = { .owner = sim, .run = run_job },
		.owner = sim,
		.progress = progress,
		.failed = failed,
	};
	struct penstock_errbuf text = { "" };
	enum penstock_status status;
	bool fresh;

	sim_gpu_init(&sim->gpu, sim);
	status = penstock_vidmm_new(&vidmm, &sim->vidmm, &fresh, &text);
	SIM_CHECK(sim, status == PENSTOCK_STATUS_SUCCESS && fresh, "%s", text.text);
	const struct penstock_scheduler_config scheduler = {
		.vidmm = sim->vidmm,
		.backend = &sim->gpu.backend,
		.hw_queue_packet_cap = sim->cap,
		.first_fence_id = sim_below(&sim->random, 2) == 0 ? 1 : 0xffffffc0u,
		.paranoid = sim->paranoid,
		.split_points = sim->split_points,
		.owner = sim,
		.now_ns = now_ns,
		.device_fault = device_fault,
		.out_of_memory = out_of_memory,
		.failed = failed,
		.reset_adapter = reset_adapter,
		.submitted = submitted,
		.defer = defer,
		.bells = bells,
		.watch = watch,
		.slice = slice,
		.tdr_delay_ns = PENSTOCK_TDR_DELAY_MS * 1000000ull,
	};
	status = penstock_scheduler_new(&scheduler, &sim->scheduler);
	SIM_CHECK(sim, status == PENSTOCK_STATUS_SUCCESS, "no scheduler");
}

void sim_adapter_stop(struct sim *sim)
{
	struct penstock_scheduler *scheduler = sim->scheduler;

	sim->scheduler = NULL;
	penstock_scheduler_free(scheduler);
	penstock_vidmm_free(sim->vidmm);
	while (sim->worker_jobs > 0) {
		SIM_CHECK(sim, sim_clock_step(&sim->clock), "a job of the worker is lost");
	}
	for (uint32_t i = 0; i < SIM_PROCESSES; i++) {
		SIM_CHECK(sim, !sim->gpu.processes[i].used, "process %u is left", i);
	}
}
