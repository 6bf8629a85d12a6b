/* SPDX-License-Identifier: MIT */
/*
 * A GPU in virtual time. It executes what it is given with the command processor, the engines and
 * the MMU of penstock-gpu, instruction by instruction, each of which takes time; and it misbehaves
 * as the run's habits say: it hangs, faults, dies, is late, loses, repeats or makes up what it
 * says.
 *
 *	of a node   IDLE --doorbell--> EXECUTING --last packet--> IDLE
 *	              any --preempt_command--> the next boundary, or a band inside of an instruction
 *	                                       that is long: ring empty, answer on its way
 *	              EXECUTING --hang, fault--> STUCK; any --death--> DEAD; reset_engine ends both
 */
#ifndef PENSTOCK_SIM_GPU_H
#define PENSTOCK_SIM_GPU_H

#include "gpu-backend/emulated/gpu/processor.h"
#include "tests/support/gpu_memory.h"

#define SIM_PROCESSES 16u

struct sim;
struct sim_job;

struct sim_packet {
	struct penstock_submit_args args;
	struct sim_job *job; /* NULL: a paging packet */
	uint32_t at;         /* instructions of it that are executed */
	uint32_t end;        /* where it ends, behind the last one of its part */
	uint64_t position;   /* how much of the next one is done; the engine's own unit */
	bool begun;
};

struct sim_node {
	struct penstock_engine engine;
	struct sim_packet packets[PENSTOCK_RING_PACKETS]; /* [count], the first is next */
	uint32_t count;
	uint32_t completed; /* fence id */
	bool unreported;    /* `completed` was not told */
	bool executing;
	uint64_t instructions; /* that began: the end of an earlier one is void */
	bool stuck;            /* hangs, or halted by a fault */
	uint32_t running;
	uint32_t running_offset;
	bool preempting;  /* the answer was not told */
	bool answered;    /* it is on its way */
	uint32_t dropped; /* packets that it took off the ring, which are still there */
	bool faulted;     /* this, too */
	struct penstock_interrupt answer;
	struct penstock_interrupt fault;
};

struct sim_process {
	struct gpu_process gpu; /* first; it is in nobody's list */
	bool used;
	bool system;
	bool dead;      /* it ended, and the daemon has not heard of it; or is being killed */
	bool idle;      /* nothing ran when it ended: whatever comes first may be the cause */
	uint32_t index; /* of it in the GPU */
	uint32_t paging_deaths; /* with a paging packet on a ring */
	uint64_t life;          /* events of a former one are void */
	struct sim_node nodes[PENSTOCK_NODE_COUNT];
	uint8_t paging[PENSTOCK_PAGING_BUFFER_BYTES];
};

struct sim_gpu {
	struct penstock_backend backend; /* first */
	struct sim *sim;
	struct sim_process processes[SIM_PROCESSES];
	uint64_t lives;
};

void sim_gpu_init(struct sim_gpu *gpu, struct sim *sim);

/* Ends every process; nothing is told any more. */
void sim_gpu_stop(struct sim_gpu *gpu);

/* The process ends by itself; the daemon hears of it a little later. */
void sim_gpu_kill(struct sim_process *process);

/* No node that has packets sleeps: a doorbell was rung for each. Holds between two turns. */
void sim_gpu_check_bells(const struct sim_gpu *gpu);

/* Something is on a ring of it. */
bool sim_process_busy(const struct sim_process *process);

#endif
