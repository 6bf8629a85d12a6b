/* SPDX-License-Identifier: MIT */
/*
 * A machine for tests of memory and schedule: the real memory manager and scheduler over a GPU
 * that the test steps by hand, and workers that work when they are told to. The GPU has a page
 * table for each process and executes page_fill, page_copy, map_pages, unmap_pages, nop, fill and
 * copy on the memory files; everything else is an illegal instruction. No threads, no time.
 */
#ifndef PENSTOCK_TEST_MACHINE_H
#define PENSTOCK_TEST_MACHINE_H

#include "daemon/memory/vidmm.h"
#include "daemon/schedule/scheduler.h"

#define MACHINE_FILES     64u
#define MACHINE_MAPPINGS  1024u
#define MACHINE_PROCESSES 8u

struct machine_file {
	uint32_t id;
	int descriptor;
	enum penstock_file_role role;
};

struct machine_mapping {
	uint64_t address;
	uint64_t size;
	int descriptor; /* -1: nothing is there any more */
	uint64_t offset;
	bool dummy;
	bool read_only;
};

struct machine_packet {
	struct penstock_submit_args args;
	uint8_t paging[PENSTOCK_PAGING_BUFFER_BYTES];
	bool executed;
};

struct machine_ring {
	struct machine_packet packets[PENSTOCK_RING_PACKETS];
	uint32_t count;
	uint32_t last_executed; /* fence */
	bool faulted;           /* stands until it is reset */
	bool preempting;        /* the next report answers */
	uint32_t preempt_fence_id;
	uint32_t resume_offset; /* where the packet of resume_fence stopped */
	uint32_t resume_fence;
	uint32_t late;    /* packets that it executes when it is told to end, before it does */
	uint32_t running; /* what running_fence says */
	uint32_t running_offset;
};

struct machine_process {
	struct penstock_backend_process base; /* first */
	bool used;
	bool system;
	void *owner;
	struct machine_file files[MACHINE_FILES];
	uint32_t file_count;
	struct machine_mapping mappings[MACHINE_MAPPINGS];
	uint32_t mapping_count;
	struct machine_ring rings[PENSTOCK_NODE_COUNT];
	uint32_t resets;
	bool runs;            /* it was given something since its start, or its last reset */
	bool needs_pipelines; /* as it was told */
	bool has_pipelines;   /* the one that runs */
	uint32_t unending;    /* so many calls of reset_engine fail */
	uint32_t doorbells;
	uint32_t dummy_touches; /* accesses of the dummy file */
};

struct machine_job {
	void (*work)(void *argument);
	void (*done)(void *argument);
	void *argument;
};

struct machine {
	struct penstock_backend backend; /* first */
	struct machine_process processes[MACHINE_PROCESSES];
	struct penstock_vidmm *vidmm;
	struct penstock_scheduler *scheduler;
	char *directory;
	bool fresh;
	/* knobs, before machine_start */
	uint64_t local_bytes;
	uint64_t aperture_bytes;
	uint32_t cap;
	uint32_t first_fence;
	bool paranoid;
	uint32_t split_points; /* penstock_scheduler_config */
	/* of queues whose share does not matter */
	struct penstock_scheduler_process sharing;
	uint64_t now_ns;        /* stands still until somebody changes it */
	bool eager;             /* what is rung for is executed before the bell returns */
	uint32_t preempt_after; /* instructions that are executed before a request is seen */
	const struct machine_process *deaf; /* answers no request and executes nothing behind it */
	/* any time; NULL: nothing */
	void (*on_paging)(const struct penstock_paging_event *event);
	void (*on_submit)(struct penstock_backend_process *process,
			  const struct penstock_submit_args *args);
	void (*on_reset)(struct machine_process *process, uint32_t node_ordinal);
	/* what happened */
	char failed[256];       /* "" while the adapter stands */
	char reset_reason[256]; /* why the adapter is to be reset, "": it is not */
	uint32_t progress_calls;
	uint32_t faults;
	uint32_t out_of_memory;   /* submissions that can never fit */
	uint32_t too_much_offset; /* of the last of these */
	char out_of_memory_text[256];
	void *fault_context;             /* of the last device_fault */
	struct penstock_interrupt fault; /* what it was told with */
	char fault_text[512];
	char dbg_info[PENSTOCK_DBG_INFO_BYTES]; /* what was collected before its reset */
	bool deliver_asked;
	bool bells_asked;
	bool watch_asked;
	bool slice_asked;
	uint32_t queries;                       /* of query_current_fence */
	uint32_t on_rings[PENSTOCK_NODE_COUNT]; /* submissions, without paging */
	uint32_t most_on_rings;
	uint32_t transfers; /* page_copy and page_fill executed */
	uint32_t fills;
	uint32_t maps;
	uint32_t instructions; /* of submissions, executed */
	struct machine_job jobs[256];
	uint32_t job_count;
};

/* Zeroed, with sizes that suit most tests, and a directory of its own. */
void machine_init(struct machine *machine);
void machine_start(struct machine *machine);

/* An orderly end; files stay where `keep`. */
void machine_stop(struct machine *machine, bool keep);

/* kill -9: what is in memory is forgotten, files stay. */
void machine_crash(struct machine *machine);

void machine_fini(struct machine *machine);

/* One turn of the loop without the GPU: workers' jobs, completions that were put off. */
void machine_turn(struct machine *machine);

/* The next packet of a ring, executed, not reported. False: none, or it faulted. */
bool machine_execute(struct machine_process *process, uint32_t node_ordinal);

/* Reports the latest executed packet, or the fault. False: there was nothing to report. */
bool machine_report(struct machine *machine, struct machine_process *process,
		    uint32_t node_ordinal);

/* Executes and reports one packet of every ring, and a turn. True: something happened. */
bool machine_step(struct machine *machine);

/* Steps until nothing happens any more. */
void machine_settle(struct machine *machine);

/* The scheduler has had patience with what is on the hardware. */
void machine_watch(struct machine *machine);

/* The slice that the scheduler asked for is over. */
void machine_slice(struct machine *machine);

/* The process ends by itself. */
void machine_kill(struct machine *machine, struct machine_process *process);

/* What is on the ring is gone from it, executed or not, and nothing is said. */
void machine_empty_ring(struct machine *machine, struct machine_process *process,
			uint32_t node_ordinal);

struct machine_process *machine_process_of(const struct penstock_vidmm_process *process);

/* What a process reads or writes at a GPU address; false: a page fault. */
bool machine_access(struct machine_process *process, uint64_t address, void *bytes, uint64_t size,
		    bool write);

/* ---------------------------------------------------------------- shortcuts */

struct penstock_vidmm_process *machine_principal(struct machine *machine, uint64_t id,
						 uint64_t quota_bytes);

/* An allocation whose pages are there. */
struct penstock_vidmm_allocation *machine_allocation(struct machine *machine,
						     struct penstock_vidmm_process *process,
						     uint64_t id, uint64_t size_bytes,
						     uint32_t segment_set);

/* The daemon's view of its bytes, settled where it moves. */
void machine_write(struct machine *machine, struct penstock_vidmm_allocation *allocation,
		   uint64_t offset, const void *bytes, size_t size);
void machine_read(struct machine *machine, struct penstock_vidmm_allocation *allocation,
		  uint64_t offset, void *ret_bytes, size_t size);

#endif
