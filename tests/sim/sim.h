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
 * The model knows nothing of segments but their sizes, and nothing of paging and rings. It says
 * what bytes an allocation holds after each instruction, or piece of one, that the GPU executed;
 * that those of a submission are executed once and in order, unless a process was killed over it;
 * how each submission may end; and it looks at where everything is while a packet is on the
 * hardware.
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
#define SIM_JOB_THINGS   8u
#define SIM_INSTRUCTIONS 8u
#define SIM_SYNCS        5u

/* Passes of a chain that are under way at once. */
#define SIM_CHAIN_BUFFERS 3u

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
	uint32_t lengthy;  /* of an instruction: it may be preempted inside */
	uint32_t large;    /* of a thing: its local segment holds few of them; and of long lists */
};

/*
 * What happens in a run, each with the runs of a hundred that meet it at least: a workload that
 * meets it no longer is a failure (test_sim.c).
 */
#define SIM_SEEN(X)                                                                                \
	X(jobs, 90)                                                                                \
	X(succeeded, 90)                                                                           \
	X(removed, 25)                                                                             \
	X(cancelled, 40)                                                                           \
	X(exceptions, 20)                                                                          \
	X(too_large, 3)                                                                            \
	X(splits, 20)                                                                              \
	X(splits_for_room, 10)                                                                     \
	X(parts, 30)                                                                               \
	X(chains, 60)                                                                              \
	X(chains_cut, 6)                                                                           \
	X(broadcast, 30)                                                                           \
	X(after_predecessor, 50)                                                                   \
	X(predecessor_failed, 20)                                                                  \
	X(waits, 60)                                                                               \
	X(signals, 60)                                                                             \
	X(preemptions, 40)                                                                         \
	X(resumed, 35)                                                                             \
	X(stopped_inside, 5)                                                                       \
	X(resumed_inside, 5)                                                                       \
	X(resets, 25)                                                                              \
	X(adapter_resets, 1)                                                                       \
	X(hangs, 6)                                                                                \
	X(deaths, 2)                                                                               \
	X(late, 12)                                                                                \
	X(lost, 12)                                                                                \
	X(repeated, 12)                                                                            \
	X(lies, 1)                                                                                 \
	X(paging, 60)                                                                              \
	X(evicted, 30)                                                                             \
	X(evictions_asked, 30)                                                                     \
	X(renamed, 25)                                                                             \
	X(shared, 12)                                                                              \
	X(reclaimed, 8)                                                                            \
	X(contents_lost, 1)                                                                        \
	X(principals, 100)                                                                         \
	X(refusals, 10)                                                                            \
	X(no_space, 8)

/* How often. */
struct sim_seen {
#define SIM_SEEN_COUNT(name, runs) uint32_t name;
	SIM_SEEN(SIM_SEEN_COUNT)
#undef SIM_SEEN_COUNT
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

/* A submission in passes. */
struct sim_chain {
	bool used;
	struct sim_context *context;
	uint64_t number; /* in the run */
	struct sim_thing *things[SIM_JOB_THINGS];
	bool writes[SIM_JOB_THINGS];
	uint32_t thing_count;
	uint32_t count;               /* of passes */
	uint32_t next;                /* pass */
	uint32_t outstanding;         /* passes */
	uint32_t succeeded;           /* of them */
	uint32_t failed;              /* the first that did not run; UINT32_MAX: none */
	enum penstock_status verdict; /* the scheduler writes it too */
};

/* What became of a context's latest submission. */
enum sim_outcome {
	SIM_OUTCOME_RAN,
	SIM_OUTCOME_FAILED,
	SIM_OUTCOME_UNKNOWN,
};

struct sim_context {
	struct penstock_queue queue;
	struct sim_principal *principal;
	struct sim_device *device;
	uint32_t jobs;    /* that did not complete, and the chain */
	uint32_t packets; /* of these: of synchronisation objects */
	uint32_t latest;  /* number of the job that was enqueued last */
	enum sim_outcome outcome;
	struct sim_chain chain;
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
	uint64_t row_bytes; /* of a XOR, which is done by the row */
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
	uint64_t position; /* how much of the next one is done, in the GPU's own unit */
	uint32_t hangs_at; /* UINT32_MAX: nowhere */
	uint32_t
		predecessor; /* number of the job that it waits for, to run if that does; 0: none */
	bool predecessor_failed;
	bool known; /* whether it ran, to what waits for it */
	bool broadcast;
	struct sim_chain *chain; /* NULL: it is no pass */
	bool too_large;
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
	SIM_SABOTAGE_BYTE,     /* one byte of an allocation changes at the end */
	SIM_SABOTAGE_RESUME,   /* a packet goes on before where it stopped */
	SIM_SABOTAGE_SKIP,     /* a packet completes before its last instruction */
	SIM_SABOTAGE_POSITION, /* an instruction that was stopped inside begins anew */
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
	uint32_t split_points; /* 0: what is split is too much for its segments */
	bool paranoid;
	struct sim_principal principals[SIM_PRINCIPALS];
	struct sim_device devices[SIM_DEVICES];
	struct sim_context contexts[SIM_CONTEXTS];
	struct sim_thing things[SIM_THINGS];
	struct sim_job jobs[SIM_JOBS];
	struct sim_sync syncs[SIM_SYNCS];
	uint64_t next_id;
	uint32_t next_job;
	uint64_t next_chain;
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

/* A job lists it, or does not any more. */
void sim_thing_take(struct sim_thing *thing);
void sim_thing_give(struct sim *sim, struct sim_thing *thing);

/* An upload that discards what is in use: a new one takes its place for what comes later. */
void sim_thing_rename(struct sim *sim, struct sim_thing *thing);
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

/* Empty segments hold these at once; no thing is among them twice. */
bool sim_things_fit(const struct sim *sim, const struct sim_thing *const *things, uint32_t count);

/* No two are in one place, and no segment holds more than it has. */
void sim_things_check(struct sim *sim);

/* instruction.c */

/* Some instructions, each in the DMA buffer and in the model. */
void sim_instructions_add(struct sim *sim, struct sim_job *job);

uint32_t sim_job_offset(const struct sim_job *job, uint32_t instruction);
uint32_t sim_job_at(struct sim *sim, const struct sim_job *job, uint32_t offset);
uint64_t sim_job_duration(const struct sim_job *job, uint32_t instruction);

/*
 * Where in GPU memory a word is that the instruction, which is at `position`, will have written
 * when it is somewhere between its bands: a flag for the engine to stop there. False: it is not
 * long enough to be stopped.
 */
bool sim_job_flag(struct sim *sim, const struct sim_job *job, uint32_t instruction,
		  uint64_t position, uint64_t *ret_address);

#define SIM_POSITION_END UINT64_MAX

/* What it does to the bytes of the model, from one position to another. */
void sim_instruction_effect(const struct sim_job *job, uint32_t instruction, uint64_t position,
			    uint64_t end);

/* What it needs at once; returns how many. */
uint32_t sim_instruction_things(const struct sim_job *job, uint32_t instruction,
				const struct sim_thing *ret_things[2]);

/* job.c */

void sim_job_make(struct sim *sim, struct sim_context *context);
void sim_job_make_if_predecessor_ran(struct sim *sim, struct sim_context *context);

/* Contexts of one device and one node. */
void sim_job_broadcast(struct sim *sim, struct sim_context *const *contexts, uint32_t count);

/* A packet that waits for a synchronisation object, or signals it. */
void sim_job_make_packet(struct sim *sim, struct sim_context *context);
void sim_sync_signal(struct sim *sim, struct sim_sync *sync, uint64_t value);

/* In steps: one that does nothing yet, or NULL: there are enough; what it lists; its queue. */
struct sim_job *sim_job_begin(struct sim *sim, struct sim_context *context);
void sim_job_list(struct sim *sim, struct sim_job *job, struct sim_thing *thing, bool write);
void sim_job_enqueue(struct sim *sim, struct sim_job *job);

/* It runs only if the latest of its context does; before it is enqueued. */
void sim_job_if_predecessor_ran(struct sim *sim, struct sim_job *job);

/* It reached the hardware, or never will: what waits for it to run is told, once. */
void sim_job_ran(struct sim *sim, struct sim_job *job, bool ran);

bool sim_job_hangs(struct sim_job *job, uint32_t instruction);
bool sim_job_may_fault(struct sim_job *job);

/* What becomes of it on the hardware, in this order. */
struct sim_job *sim_job_submitted(struct sim *sim, const struct penstock_submit_args *args);
void sim_job_begins(struct sim *sim, struct sim_job *job, const struct penstock_submit_args *args);
/* Up to a position inside of it, or all of it: SIM_POSITION_END. */
void sim_job_executed(struct sim *sim, struct sim_job *job, uint32_t instruction,
		      uint64_t position);
/* Its packet is done, which ends before instruction `end`. */
void sim_job_leaves(struct sim *sim, struct sim_job *job, uint32_t end);
/* The scheduler says that not even its smallest part can fit. */
void sim_job_too_large(struct sim *sim, struct sim_job *job);
void sim_job_killed(struct sim_job *job, bool begun);
void sim_job_suspect(struct sim_job *job);

/* chain.c */

void sim_chain_make(struct sim *sim, struct sim_context *context);
void sim_chain_ended(struct sim *sim, struct sim_chain *chain, uint32_t pass,
		     enum penstock_status status);

/* workload.c */

void sim_workload_start(struct sim *sim);

/* Until nothing is under way, within bounds. */
void sim_workload_drain(struct sim *sim);
void sim_workload_end(struct sim *sim);

#endif
