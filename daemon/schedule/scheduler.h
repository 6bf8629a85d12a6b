/* SPDX-License-Identifier: MIT */
/*
 * The GPU scheduler of one adapter: a software queue per context, a short hardware queue per node
 * (HwQueuePacketCap packets over all processes). Who is next is said by priority, by the shares of
 * the processes, and then by turns (daemon/schedule/share.h). Loop thread only (WDDM's Level One),
 * checked by an owner-thread assertion at every entry.
 */
#ifndef PENSTOCK_SCHEDULER_H
#define PENSTOCK_SCHEDULER_H

#include "daemon/memory/vidmm.h"
#include "daemon/schedule/share.h"
#include "daemon/schedule/sync.h"
#include "daemon/schedule/trace.h"
#include "daemon/submission.h"
#include "gpu-backend/backend.h"

struct penstock_scheduler;

/* What a process has to do with a node. */
struct penstock_process_node {
	struct penstock_share shares[PENSTOCK_PRIORITY_LEVELS];
	uint32_t on_hardware; /* packets */
	uint64_t begun_ns;    /* when the first of these could begin: what was before it is done */
	uint64_t gpu_ns;      /* time that its packets took */
	uint64_t preemptions; /* answers that stopped a packet of it, or kept it from beginning */
};

#define PENSTOCK_WEIGHT_NORMAL  100u
#define PENSTOCK_WEIGHT_MAXIMUM 10000u

/* A process, as the scheduler knows it: a principal on the adapter; embedded in that. */
struct penstock_scheduler_process {
	uint32_t weight; /* 1 to PENSTOCK_WEIGHT_MAXIMUM */
	struct penstock_process_node nodes[PENSTOCK_NODE_COUNT];
};

void penstock_scheduler_process_init(struct penstock_scheduler_process *process, uint32_t weight);

#define PENSTOCK_PRIORITY_MOST 7 /* of a context, and least its negative */

/* A context's software queue; embedded in the context. Empty queues cost nothing. */
struct penstock_queue {
	struct penstock_list waiting;         /* penstock_submission.queue_link, in order */
	struct penstock_list ready_link;      /* its process's queues with work, or a node's */
	struct penstock_scheduler *scheduler; /* borrowed */
	struct penstock_scheduler_process *process; /* borrowed */
	struct penstock_share *share;               /* of it, for our node and priority */
	uint32_t node_ordinal;
	uint64_t id;          /* the context's, for traces; set by objects */
	uint32_t level;       /* of its priority, 0 for the highest */
	uint32_t depth;       /* submissions waiting or on the hardware */
	uint32_t on_hardware; /* of these */
	bool ready;           /* may have something for the node: penstock_ready has it */
	/* A part of it is on the hardware, and others follow: none behind it is submitted. */
	struct penstock_submission *splitting;
	uint64_t splits;                /* submissions that were split */
	uint64_t parts;                 /* packets of those that ran */
	uint64_t gpu_ns;                /* time that its packets took */
	uint64_t preemptions;           /* of packets that were first on the node */
	struct penstock_sync_wait wait; /* of a head that waits for an object */
	void *context;                  /* objects' own */
};

/*
 * Why the first of the queue's submissions is not on the hardware, and which that is; NOTHING, and
 * NULL, where none waits. NOTHING of one that is going to be looked at.
 */
enum penstock_trace_wait penstock_queue_waits_for(const struct penstock_queue *queue,
						  struct penstock_submission **ret_head);

/* penstock_interrupt.fault_dma_offset of device_fault: nobody knows where it was. */
#define PENSTOCK_DMA_OFFSET_UNKNOWN UINT32_MAX

struct penstock_scheduler_config {
	struct penstock_vidmm *vidmm;     /* borrowed */
	struct penstock_backend *backend; /* borrowed */
	uint32_t hw_queue_packet_cap;     /* 1 .. PENSTOCK_RING_PACKETS */
	uint32_t first_fence_id;          /* tests start near the wrap */
	uint64_t tdr_delay_ns;            /* TdrDelay, for an answer to a preemption; 0: any time */
	bool paranoid;                    /* the checker reads every patched buffer */
	struct penstock_trace *trace;     /* borrowed; NULL: nobody traces */
	uint32_t adapter;                 /* its index, for traces */
	/*
	 * 0: a submission is split where it does not fit. Otherwise each one is, into parts of so
	 * many split points at most: for tests.
	 */
	uint32_t split_points;
	void *owner;
	/* Nanoseconds, monotonic: what GPU time is measured with. NULL: it stands still. */
	uint64_t (*now_ns)(void *owner);
	/*
	 * A fault of the GPU in a submission: its device is lost. `text` says what and where. The
	 * interrupt is of type DMA_PREEMPTED where that is what never came: it hung; of type NONE
	 * where it had begun and was reset with another node of its process.
	 */
	void (*device_fault)(void *owner, struct penstock_submission *submission,
			     const struct penstock_interrupt *interrupt, const char *text);
	/*
	 * Not even the smallest part of the submission, which begins at `dma_offset`, fits the
	 * segments that its allocations may be in, or some of it is done and the host has no memory
	 * for the rest: it ends, and its device is lost. `text` says what it needs.
	 */
	void (*out_of_memory)(void *owner, struct penstock_submission *submission,
			      uint32_t dma_offset, const char *text);
	/* A defect or an unbelievable GPU: the adapter stops. */
	void (*failed)(void *owner, const char *reason);
	/*
	 * A failure of the GPU that no engine reset repairs. Nothing is submitted from here on; the
	 * owner loses every device of the adapter (their queues are cancelled), and on a later turn
	 * calls penstock_scheduler_reset_adapter. NULL: it stops.
	 */
	void (*reset_adapter)(void *owner, const char *reason);
	/* After patch, before submit: for penstockctl dump. May be NULL. */
	void (*submitted)(void *owner, struct penstock_submission *submission);
	/*
	 * Completions wait that may not be called from inside this call: the owner calls
	 * penstock_scheduler_deliver on a later turn of the loop. Asked once until then.
	 */
	void (*defer)(void *owner);
	/*
	 * Doorbells wait, so that one serves all submissions of a turn: the owner calls
	 * penstock_scheduler_ring_doorbells when the turn's events are over. Asked once until then.
	 * NULL: each submission rings.
	 */
	void (*bells)(void *owner);
	/*
	 * Packets are on the hardware: the owner calls penstock_scheduler_watch once it has had
	 * patience with them (PENSTOCK_FENCE_PATIENCE_MS). Asked once until then. NULL: nobody
	 * looks for fences whose notification was lost.
	 */
	void (*watch)(void *owner);
	/*
	 * Somebody waits for a node that others have: the owner calls penstock_scheduler_slice
	 * after PENSTOCK_SLICE_NS. Asked once until then. NULL: nobody's time is ever over.
	 */
	void (*slice)(void *owner);
};

/* How long a process has a node while another of its priority waits. */
#define PENSTOCK_SLICE_NS 10000000u

/* What `slice` asked for: whose time is over is preempted. */
void penstock_scheduler_slice(struct penstock_scheduler *scheduler);

/* How long a fence may be out before it is asked for. Far longer than a notification takes. */
#define PENSTOCK_FENCE_PATIENCE_MS 500u

#define PENSTOCK_TDR_DELAY_MS 2000u

/*
 * What `watch` asked for: DxgkDdiQueryCurrentFence of every process that has a packet which was on
 * the hardware at the last call already. It never waits. What is out all the same is preempted, and
 * what leaves that unanswered for TdrDelay is reset; nothing changes where the GPU is only slow.
 * Asks to be called again while something is out.
 */
void penstock_scheduler_watch(struct penstock_scheduler *scheduler);

#define PENSTOCK_DBG_INFO_BYTES 1024u

/*
 * For device_fault: what DxgkDdiCollectDbgInfo said of the process before it was reset, "" where
 * there is nothing. Borrowed for that call.
 */
const char *penstock_scheduler_dbg_info(const struct penstock_scheduler *scheduler);

/* The doorbells that wait, if any. */
void penstock_scheduler_ring_doorbells(struct penstock_scheduler *scheduler);

PENSTOCK_MUST_CHECK
enum penstock_status penstock_scheduler_new(const struct penstock_scheduler_config *config,
					    struct penstock_scheduler **ret_scheduler);

/*
 * Nothing is queued, on the hardware or waits to be delivered: every queue was cancelled, and the
 * backend was stopped (penstock_scheduler_stopped). Accepts NULL.
 */
void penstock_scheduler_free(struct penstock_scheduler *scheduler);

/*
 * The backend was stopped, or the adapter failed: what was on the hardware will not retire any
 * more. Everything there completes with `status`, by penstock_scheduler_deliver; nothing is
 * submitted from here on.
 */
void penstock_scheduler_stopped(struct penstock_scheduler *scheduler, enum penstock_status status);

/* `priority` is -PENSTOCK_PRIORITY_MOST to PENSTOCK_PRIORITY_MOST. */
void penstock_queue_init(struct penstock_queue *queue, struct penstock_scheduler *scheduler,
			 struct penstock_scheduler_process *process, uint32_t node_ordinal,
			 int priority, void *context);

/*
 * Takes the submission and looks for work; `completed` gives it back. Its state is RENDERING or
 * RECEIVED before. args.dma_buffer, dma_length, patches_out, patch_count, references,
 * reference_count and process are what is read of it; of a packet without a DMA buffer sync,
 * sync_value and sync_signals.
 */
void penstock_scheduler_enqueue(struct penstock_queue *queue,
				struct penstock_submission *submission);

/*
 * submission->blocked became 0, memory made progress: looks for work, submits what it may. Calls
 * no `completed`, so it may be called from anywhere, its own callbacks included.
 */
void penstock_scheduler_kick(struct penstock_scheduler *scheduler);

/* What `defer` asked for: calls the completions that were put off. */
void penstock_scheduler_deliver(struct penstock_scheduler *scheduler);

/*
 * DxgkDdiCancelCommand, of all packets of a queue: its device is lost or destroyed. What never
 * reached the hardware, or came back from it, is not submitted (again); it completes with `status`,
 * from this call's next turn, which is where its buffers, its private data and its list are the
 * owner's again. Whatever memory had prepared for it is given back before. What is on the hardware
 * is left alone, and retires by its fence. Cannot fail.
 */
void penstock_scheduler_cancel(struct penstock_queue *queue, enum penstock_status status);

/* penstock_backend_callbacks.notify_interrupt and process_died are handed on to here. */
void penstock_scheduler_notify_interrupt(struct penstock_scheduler *scheduler,
					 struct penstock_vidmm_process *process,
					 const struct penstock_interrupt *interrupt);
void penstock_scheduler_process_died(struct penstock_scheduler *scheduler,
				     struct penstock_vidmm_process *process, int wait_status);

/*
 * What `reset_adapter` asked for: every GPU process is ended, what was on the hardware completes
 * with DEVICE_REMOVED, local memory is lost, and everything is as at the beginning. False: a
 * process could not be ended; the adapter is to stop.
 */
PENSTOCK_MUST_CHECK
bool penstock_scheduler_reset_adapter(struct penstock_scheduler *scheduler);

struct penstock_node_state {
	uint32_t node_ordinal;
	uint32_t on_hardware;
	uint32_t contexts_waiting;
	uint32_t submissions_waiting;
	uint32_t last_fence_submitted;
	uint32_t last_fence_completed;
	uint64_t packets;
	uint64_t paging_packets;
	uint64_t resets;      /* engine resets after a fault or a death */
	uint64_t preemptions; /* answers */
	uint64_t gpu_ns;      /* of all submissions that were done */
};

/*
 * GPU time of a context, and of a process on a node, so far: what is running now has its part in
 * it. Nanoseconds of now_ns.
 */
uint64_t penstock_queue_gpu_ns(const struct penstock_queue *queue);
uint64_t penstock_scheduler_process_gpu_ns(const struct penstock_scheduler *scheduler,
					   const struct penstock_scheduler_process *process,
					   uint32_t node_ordinal);

void penstock_scheduler_query_nodes(const struct penstock_scheduler *scheduler,
				    struct penstock_node_state ret[PENSTOCK_NODE_COUNT]);

#endif
