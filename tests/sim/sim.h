/* SPDX-License-Identifier: MIT */
/*
 * A run of the simulator: the real memory manager and scheduler of an adapter under a virtual
 * clock, over a GPU and a worker that misbehave as the seed says, with a workload that the seed
 * draws and a model beside it. The same seed gives the same run. No threads, no time.
 *
 *	workload --> jobs --> scheduler, memory manager --> GPU --> memory files
 *	                 \                                   |
 *	                  '--> model: bytes, order, places <-'  (what was executed, when)
 *
 * The model knows nothing of segments, paging and rings. It says what bytes an allocation holds
 * after each instruction that the GPU executed; that those of a submission are executed once and in
 * order, unless a process was killed over it; how each submission may end; and it looks at where
 * everything is while a packet is on the hardware.
 */
#ifndef PENSTOCK_SIM_H
#define PENSTOCK_SIM_H

#include "daemon/memory/vidmm.h"
#include "daemon/schedule/scheduler.h"
#include "daemon/schedule/sync.h"
#include "tests/memory/work.h"
#include "tests/sim/clock.h"
#include "tests/sim/gpu.h"
#include "tests/sim/random.h"
#include "tests/sim/trace.h"

#include <inttypes.h>

#define SIM_PRINCIPALS   3u
#define SIM_DEVICES      6u
#define SIM_CONTEXTS     12u
#define SIM_THINGS       20u
#define SIM_JOBS         48u
#define SIM_JOB_THINGS   4u
#define SIM_INSTRUCTIONS 8u
#define SIM_SYNCS        5u

/* What goes wrong in a run, in thousandths of the occasions for it. */
struct sim_habits {
	uint32_t hang;  /* of a submission */
	uint32_t stray; /* of a submission: an address that nobody has */
	uint32_t illegal;
	uint32_t late; /* of an interrupt */
	uint32_t lost;
	uint32_t repeated;
	uint32_t deaths;   /* of an action */
	uint32_t refusals; /* of a job for the worker */
	uint32_t no_space; /* of an fallocate */
	uint32_t lies;     /* of an action */
	uint32_t stubborn; /* of a reset of a process: it cannot be ended */
	uint32_t slow;     /* of a submission: milliseconds an instruction */
};

/* How often what happened, for a test that says that it does. */
struct sim_seen {
	uint32_t jobs, succeeded, removed, cancelled, exceptions;
	uint32_t paging, preemptions, resumed, resets;
	uint32_t hangs, deaths, late, lost, repeated, lies;
	uint32_t evictions, shared, principals, refusals, no_space;
	uint32_t waits, signals, reclaimed, contents_lost;
	uint32_t adapter_resets;
	uint32_t parts;
};

struct sim_principal {
	struct penstock_vidmm_process *process; /* NULL: there is none now */
	struct penstock_scheduler_process scheduling;
	uint64_t id;
	uint32_t jobs;   /* that did not complete */
	uint32_t things; /* that it pays for */
	bool ending;
};

static inline struct sim_process *sim_process_of(const struct sim_principal *principal)
{
	return (struct sim_process *)penstock_vidmm_process_backend(principal->process);
}

/* The unit of loss: some contexts of one principal. */
struct sim_device {
	bool lost;
	bool destroyed; /* cancelled by who has it, until it is made anew */
};

struct sim_context {
	struct penstock_queue queue;
	struct sim_principal *principal;
	struct sim_device *device;
	uint32_t jobs;      /* that did not complete */
	uint32_t packets;   /* of these: of synchronisation objects */
	uint64_t submitted; /* serials */
	uint64_t completed; /* of what was not cancelled, in order */
	uint64_t cancelled; /* the first that was; UINT64_MAX: none */
};

/* An allocation, and what it must hold. */
struct sim_thing {
	struct penstock_vidmm_allocation *allocation; /* NULL: there is none */
	struct sim_principal *principal;
	uint64_t id;
	uint64_t size;
	uint32_t segment_set;
	uint8_t *bytes;    /* [size], owned */
	uint32_t jobs;     /* that list it and did not complete */
	uint32_t accesses; /* of a client */
	bool pending;      /* its pages are not there yet */
	bool released;     /* its creator's reference was given back */
	bool sharing;
	bool shared;
	bool offered;                          /* nobody uses it until it is reclaimed */
	struct penstock_vidmm_location before; /* an adapter reset */
};

/* A synchronisation object, and what it must be worth at least. */
struct sim_sync {
	struct penstock_sync sync;
	uint64_t value; /* of the signals that are done */
	uint64_t asked; /* the largest that somebody waits for, or signals */
};

enum sim_effect {
	SIM_EFFECT_NONE,
	SIM_EFFECT_FILL,
	SIM_EFFECT_COPY,
	SIM_EFFECT_XOR, /* done twice it is not the same */
	SIM_EFFECT_FAULT,
};

struct sim_instruction {
	enum sim_effect effect;
	uint32_t to, from; /* elements of the list */
	uint64_t to_offset, from_offset;
	uint64_t size;
	uint32_t value;
	uint32_t dma_offset;
	uint64_t duration_ns;
};

struct sim_job {
	struct work work;
	bool used;
	uint32_t number; /* in the run */
	struct sim_context *context;
	struct sim_principal *principal;
	struct sim_thing *things[SIM_JOB_THINGS];
	struct penstock_vidmm_location places[SIM_JOB_THINGS]; /* while it is on the hardware */
	uint32_t thing_count;
	struct sim_instruction instructions[SIM_INSTRUCTIONS];
	uint32_t count;
	uint32_t executed; /* instructions, each once */
	uint32_t hangs_at; /* UINT32_MAX: nowhere */
	bool may_fault;
	bool reached; /* what is wrong with it was met */
	bool suspect; /* it ran when its process died */
	bool killed;  /* so it may begin again */
	bool on_hardware;
	bool enqueuing;
	bool slept;            /* a packet that may wait for ever was before it */
	struct sim_sync *sync; /* it is a packet without a DMA buffer */
	uint64_t enqueued_ns;  /* or unblocked */
};

/* What is made wrong on purpose, so that a test sees that the model finds it. */
enum sim_sabotage {
	SIM_SABOTAGE_NONE,
	SIM_SABOTAGE_BYTE,   /* one byte of an allocation changes at the end */
	SIM_SABOTAGE_RESUME, /* a packet goes on before where it stopped */
	SIM_SABOTAGE_SKIP,   /* a packet completes before its last instruction */
};

#define SIM_FOUND 66 /* exit status of a run whose sabotage was found */

struct sim_options {
	uint64_t seed;
	FILE *whole; /* the run's whole trace goes there; NULL: nowhere */
	enum sim_sabotage sabotage;
};

struct sim {
	uint64_t seed;
	enum sim_sabotage sabotage;
	struct sim_random random;
	struct sim_clock clock;
	struct sim_trace trace;
	struct sim_habits habits;
	struct sim_seen seen;
	struct sim_gpu gpu;
	struct penstock_vidmm *vidmm;
	struct penstock_scheduler *scheduler;
	char *directory;
	uint64_t local_bytes;
	uint64_t aperture_bytes;
	uint64_t commit_limit_bytes;
	uint32_t cap;
	bool paranoid;
	struct sim_principal principals[SIM_PRINCIPALS];
	struct sim_device devices[SIM_DEVICES];
	struct sim_context contexts[SIM_CONTEXTS];
	struct sim_thing things[SIM_THINGS];
	struct sim_job jobs[SIM_JOBS];
	struct sim_sync syncs[SIM_SYNCS];
	uint64_t next_id;
	uint32_t next_job;
	uint32_t outstanding; /* jobs */
	uint32_t on_hardware[PENSTOCK_NODE_COUNT];
	uint64_t work_bytes[PENSTOCK_NODE_COUNT]; /* of these */
	struct sim_job *submitting;
	uint32_t worker_jobs;
	char failure[256]; /* "" while the adapter stands */
	bool lied;         /* so it may have failed */
	bool stopped;      /* and there is no GPU any more */
	/* what the scheduler and the memory manager asked for */
	bool turn_asked, halt, reset, bells, deliver, progress;
	bool resetting; /* inside of that */
	bool watch_asked, slice_asked;
};

void sim_run(struct sim *sim, const struct sim_options *options);

/* The run of now: what a crash prints. NULL: none. */
extern struct sim *sim_current;

/* Prints the seed and the last events, and fails the test; where it was sabotaged it exits. */
_Noreturn void sim_fail(struct sim *sim, const char *file, int line, const char *format, ...)
	PENSTOCK_PRINTF(4, 5);
void sim_print(const struct sim *sim);

#define SIM_CHECK(sim, condition, ...)                                                             \
	do {                                                                                       \
		if (PENSTOCK_UNLIKELY(!(condition))) {                                             \
			sim_fail(sim, __FILE__, __LINE__, __VA_ARGS__);                            \
		}                                                                                  \
	} while (0)

/* adapter.c: who owns memory manager and scheduler, and their worker */

void sim_adapter_start(struct sim *sim);
void sim_adapter_stop(struct sim *sim);

/* What was asked for is done on the next turn of the loop. */
void sim_turn(struct sim *sim);

/* The GPU says something that cannot be. */
void sim_adapter_lie(struct sim *sim);

/* thing.c */

struct sim_thing *sim_thing_make(struct sim *sim, struct sim_principal *principal);
void sim_thing_release(struct sim *sim, struct sim_thing *thing);
void sim_thing_settle(struct sim *sim, struct sim_thing *thing);
void sim_thing_share(struct sim *sim, struct sim_thing *thing);
void sim_thing_evict(struct sim *sim, struct sim_thing *thing);

/* A client reads all of it and compares, or writes part of it; some access lasts. */
void sim_thing_read(struct sim *sim, struct sim_thing *thing);
void sim_thing_write(struct sim *sim, struct sim_thing *thing);
void sim_thing_hold(struct sim *sim, struct sim_thing *thing);

/* Its priority changes; it is offered, or reclaimed. */
void sim_thing_prefer(struct sim *sim, struct sim_thing *thing);
void sim_thing_offer(struct sim *sim, struct sim_thing *thing);
void sim_thing_reclaim(struct sim *sim, struct sim_thing *thing);
void sim_thing_spoil(struct sim *sim, struct sim_thing *thing);

/* Whether a submission of the principal may list it now. */
bool sim_thing_usable(const struct sim_thing *thing, const struct sim_principal *principal);

/* Around an adapter reset: what was in local memory may be lost, and says so. */
void sim_things_before_reset(struct sim *sim);
void sim_things_after_reset(struct sim *sim);

/* No two are in one place, and no segment holds more than it has. */
void sim_things_check(struct sim *sim);

/* job.c */

void sim_job_make(struct sim *sim, struct sim_context *context);

/* A packet that waits for a synchronisation object, or signals it. */
void sim_job_make_packet(struct sim *sim, struct sim_context *context);
void sim_sync_signal(struct sim *sim, struct sim_sync *sync, uint64_t value);
void sim_job_check_ends(struct sim *sim);
void sim_context_reset(struct sim *sim, struct sim_context *context);

uint32_t sim_job_offset(const struct sim_job *job, uint32_t instruction);
uint32_t sim_job_at(struct sim *sim, const struct sim_job *job, uint32_t offset);
uint64_t sim_job_duration(const struct sim_job *job, uint32_t instruction);
bool sim_job_hangs(struct sim_job *job, uint32_t instruction);
bool sim_job_may_fault(struct sim_job *job);

/* What becomes of it on the hardware, in this order. */
struct sim_job *sim_job_submitted(struct sim *sim, const struct penstock_submit_args *args);
void sim_job_begins(struct sim *sim, struct sim_job *job, const struct penstock_submit_args *args);
void sim_job_executed(struct sim *sim, struct sim_job *job, uint32_t instruction);
/* Its packet is done, which ends before instruction `end`. */
void sim_job_leaves(struct sim *sim, struct sim_job *job, uint32_t end);
/* The scheduler says that not even its smallest part can fit. */
void sim_job_too_large(struct sim *sim, struct sim_job *job);
void sim_job_killed(struct sim_job *job, bool begun);
void sim_job_suspect(struct sim_job *job);

/* workload.c */

void sim_workload_start(struct sim *sim);

/* Until nothing is under way, within bounds. */
void sim_workload_drain(struct sim *sim);
void sim_workload_end(struct sim *sim);

#endif
