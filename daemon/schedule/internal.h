/* SPDX-License-Identifier: MIT */
/*
 * What the files of the scheduler share: its own structures.
 */
#ifndef PENSTOCK_SCHEDULE_INTERNAL_H
#define PENSTOCK_SCHEDULE_INTERNAL_H

#include "daemon/memory/paging.h"
#include "daemon/schedule/culprit.h"
#include "daemon/schedule/fences.h"
#include "daemon/schedule/scheduler.h"
#include "proto/base/states.h"

#include <pthread.h>

/* One doorbell for each process that got something in this turn. */
#define PENSTOCK_BELLS 64u

/*
 * Beyond its cap a node takes packets that are short all together: a few microseconds of work,
 * which cost less than one more change between the GPU and the daemon, and than anybody notices who
 * waits behind them.
 */
#define PENSTOCK_SHORT_PACKETS    16u
#define PENSTOCK_SHORT_WORK_BYTES (64u << 10)

/* A paging packet over which its process ended this often is not tried again. */
#define PENSTOCK_PAGING_ATTEMPTS 3u

struct penstock_check_range;

/* A process's ring was asked to come empty. */
struct penstock_preemption {
	struct penstock_vidmm_process *process;
	uint32_t fence_id;
	uint64_t asked_ns;
};

struct penstock_node {
	struct penstock_ready ready;
	struct penstock_list parked;   /* penstock_queue.ready_link: the head waits for something */
	struct penstock_list crowded;  /* penstock_queue.ready_link: enough heads are PREPARING */
	struct penstock_list asleep;   /* penstock_queue.ready_link: nobody needs to look */
	struct penstock_list hardware; /* penstock_submission.queue_link, in order of fences */
	struct penstock_list paging;   /* penstock_paging_packet.link: on the hardware */
	struct penstock_fences fences;
	uint32_t ordinal;
	uint32_t on_hardware;
	uint64_t work_bytes;  /* of these */
	uint32_t limit;       /* of packets on the hardware */
	uint32_t short_limit; /* of packets on the hardware, where they are short */
	uint32_t preparing;   /* heads that memory works for */
	uint32_t waiting;     /* submissions in software queues */
	uint32_t watched;     /* the next fence at the last look for overdue ones */
	uint64_t packets;
	uint64_t paging_packets;
	uint64_t resets;
	uint64_t preempted; /* answers */
	uint64_t gpu_ns;    /* of all processes */
	struct penstock_preemption preemptions[PENSTOCK_RING_PACKETS];
	uint32_t preemption_count;  /* of these, under way */
	uint32_t preemptions_asked; /* the fence id of the last one */
};

/* Of a process, reset.c draws them. */
enum penstock_engine_state {
	PENSTOCK_ENGINE_RUNNING,
	PENSTOCK_ENGINE_STOPPING,
	PENSTOCK_ENGINE_RESETTING,
	PENSTOCK_ENGINE_STATE_MAX
};

/* A process that is not RUNNING. */
struct penstock_reset {
	struct penstock_vidmm_process *process; /* held */
	enum penstock_engine_state state;
	struct penstock_cause causes[PENSTOCK_NODE_COUNT]; /* one at least */
};

/* adapter_reset.c draws them. */
enum penstock_scheduler_state {
	PENSTOCK_SCHEDULER_RUNNING,
	PENSTOCK_SCHEDULER_RESET_ASKED, /* config.reset_adapter was called */
	PENSTOCK_SCHEDULER_RESETTING,
	PENSTOCK_SCHEDULER_STOPPED,
	PENSTOCK_SCHEDULER_STATE_MAX
};

struct penstock_scheduler {
	struct penstock_scheduler_config config;
	enum penstock_scheduler_state state;
	struct penstock_node nodes[PENSTOCK_NODE_COUNT];
	struct penstock_trace *trace;   /* borrowed: config.trace, or `untraced` */
	struct penstock_trace untraced; /* always off */
	struct penstock_list deferred;  /* penstock_submission.queue_link: completions put off */
	struct penstock_list packets;   /* penstock_queue.ready_link: the head has no DMA buffer */
	struct penstock_list reached;   /* penstock_sync.reached_link: somebody is to be told */
	uint32_t sync_left;             /* of these two, until the next turn */
	pthread_t thread;
	/* Each has a packet on some node. */
	struct penstock_reset resets[PENSTOCK_NODE_COUNT * PENSTOCK_RING_PACKETS];
	uint32_t reset_count;
	bool settling; /* resets: what calls back meanwhile does not */
	/* Is just being enqueued: whatever becomes of it is told on a later turn. */
	struct penstock_submission *enqueuing;
	bool defer_asked;
	bool running; /* inside: whoever calls is called by us */
	bool again;
	struct penstock_backend_process *bells[PENSTOCK_BELLS];
	uint32_t bell_count;
	bool watch_asked;                       /* config.watch was called */
	bool bells_asked;                       /* config.bells was called */
	char dbg_info[PENSTOCK_DBG_INFO_BYTES]; /* of the last process that was reset */
	bool slice_asked;                       /* config.slice was called */
	struct penstock_check_range *ranges;    /* [range_capacity], for --paranoid; owned */
	uint32_t range_capacity;
};

/* E9: the scheduler is Level One, one thread. */
static inline void penstock_scheduler_own_thread(const struct penstock_scheduler *scheduler)
{
	PENSTOCK_REQUIRE(pthread_equal(scheduler->thread, pthread_self()));
}

/* Something is submitted, and what a GPU says is heard. */
static inline bool penstock_scheduler_runs(const struct penstock_scheduler *scheduler)
{
	return PENSTOCK_LIKELY(scheduler->state == PENSTOCK_SCHEDULER_RUNNING);
}

static inline struct penstock_submission *penstock_submission_of(struct penstock_list *link)
{
	return penstock_list_entry(link, struct penstock_submission, queue_link);
}

/* The oldest submission that the process has on the node; NULL: none. */
struct penstock_submission *penstock_node_first_of(const struct penstock_node *node,
						   const struct penstock_vidmm_process *process);

/* True: whoever called is the outermost, and calls leave. */
bool penstock_scheduler_enter(struct penstock_scheduler *scheduler);
void penstock_scheduler_leave(struct penstock_scheduler *scheduler, bool outermost);

/* The same after one more submission for the node; its doorbell may wait for the turn's end. */
void penstock_scheduler_leave_enqueued(struct penstock_scheduler *scheduler, bool outermost,
				       const struct penstock_node *node,
				       struct penstock_submission *submission);

/*
 * What cannot be: the adapter stops; nothing is submitted and nothing is believed any more. The
 * reason begins with the invariant's code (docs/invariants.md), where it has one.
 */
void penstock_scheduler_fail(struct penstock_scheduler *scheduler, const char *format, ...)
	PENSTOCK_PRINTF(2, 3);

/* Along an arrow of the drawing in adapter_reset.c. False: there is none, and the adapter stops. */
bool penstock_scheduler_become(struct penstock_scheduler *scheduler,
			       enum penstock_scheduler_state to);

/*
 * What an engine reset does not repair: nothing is submitted and nothing is believed until the
 * adapter was reset (adapter_reset.c).
 */
void penstock_scheduler_promote(struct penstock_scheduler *scheduler, const char *format, ...)
	PENSTOCK_PRINTF(2, 3);

/* No process runs: what was on the hardware ends with `status`, and no packet is there. */
void penstock_scheduler_clear(struct penstock_scheduler *scheduler, enum penstock_status status);

/* A packet is on the hardware: it may have to be asked for. */
void penstock_scheduler_expect(struct penstock_scheduler *scheduler);

void penstock_scheduler_ring(struct penstock_scheduler *scheduler,
			     struct penstock_backend_process *process);

static inline uint64_t penstock_scheduler_now_ns(const struct penstock_scheduler *scheduler)
{
	return scheduler->config.now_ns == NULL ? 0
						: scheduler->config.now_ns(scheduler->config.owner);
}

/* What became of a submission, and what a process was asked on a node, for who traces. */
void penstock_scheduler_trace_submission(struct penstock_scheduler *scheduler,
					 enum penstock_trace_kind kind,
					 const struct penstock_submission *submission,
					 uint64_t value, uint64_t other);
void penstock_scheduler_trace_process(struct penstock_scheduler *scheduler,
				      enum penstock_trace_kind kind, uint32_t node_ordinal,
				      const struct penstock_vidmm_process *process,
				      uint32_t fence_id, uint64_t value, uint64_t other);

static inline void penstock_scheduler_tell(struct penstock_scheduler *scheduler,
					   enum penstock_trace_kind kind,
					   const struct penstock_submission *submission,
					   uint64_t value, uint64_t other)
{
	if (penstock_trace_on(scheduler->trace)) {
		penstock_scheduler_trace_submission(scheduler, kind, submission, value, other);
	}
}

static inline void
penstock_scheduler_tell_process(struct penstock_scheduler *scheduler, enum penstock_trace_kind kind,
				uint32_t node_ordinal, const struct penstock_vidmm_process *process,
				uint32_t fence_id, uint64_t value, uint64_t other)
{
	if (penstock_trace_on(scheduler->trace)) {
		penstock_scheduler_trace_process(scheduler, kind, node_ordinal, process, fence_id,
						 value, other);
	}
}

/* Hands a paging packet, with the fence id that it has, to its process. */
void penstock_scheduler_submit_paging(struct penstock_scheduler *scheduler,
				      struct penstock_paging_packet *packet);

/*
 * Who is next on the node could run there if it had a place: memory has what its head needs.
 * False: it waits for something, or has ended, and is not next any more.
 */
bool penstock_node_next_could_run(struct penstock_scheduler *scheduler, struct penstock_node *node);

/* queue.c: the software queues */

/* Along an arrow of its drawing (daemon/submission.h); where there is none, the adapter stops. */
void penstock_scheduler_move(struct penstock_submission *submission,
			     enum penstock_submission_state to);

/* The head is PREPARING no more: another one may be. */
void penstock_node_prepared(struct penstock_node *node, struct penstock_submission *submission);

/* The queues of a list, parked or crowded, are worth another look. */
void penstock_node_look_again(struct penstock_node *node, struct penstock_list *queues);

/* The queue, which has a head and is on no list, is worth a look. */
void penstock_queue_offer(struct penstock_queue *queue, struct penstock_node *node);

/* The head of the queue may be worth another look. */
void penstock_queue_wake(struct penstock_queue *queue, struct penstock_node *node);

/* The owner is to call penstock_scheduler_deliver on a later turn. */
void penstock_scheduler_ask_later(struct penstock_scheduler *scheduler);

/* Takes the submission, which is in no list, to be completed on a later turn. */
void penstock_scheduler_defer(struct penstock_scheduler *scheduler,
			      struct penstock_submission *submission, enum penstock_status status);

/* Its last callback, on a later turn where it is just being enqueued. */
void penstock_scheduler_complete(struct penstock_scheduler *scheduler,
				 struct penstock_submission *submission,
				 enum penstock_status status);

/* The same turn is a later one already: an interrupt, for one. The owner is still going to ask. */
void penstock_scheduler_deliver_now(struct penstock_scheduler *scheduler);

/*
 * Takes the submission off the hardware: slot and pins are given back. `ran`: what it took of the
 * node is `gpu_ns`; otherwise it was not executed, or is again.
 */
void penstock_node_remove(struct penstock_node *node, struct penstock_submission *submission,
			  bool ran, uint64_t gpu_ns);

/* sync.c: packets without a DMA buffer, as many as a turn has left. False: there was none. */
bool penstock_scheduler_run_packets(struct penstock_scheduler *scheduler);

/* parts.c: submissions that are split */

/* penstock_vidmm_prepare or penstock_vidmm_ready. */
typedef enum penstock_status penstock_prepare(struct penstock_submission *submission);

/* That, of all of it or, where that does not fit, of the part that is next. */
PENSTOCK_MUST_CHECK
enum penstock_status penstock_scheduler_prepare(struct penstock_scheduler *scheduler,
						struct penstock_submission *submission,
						penstock_prepare *prepare);

/* It found no memory, and ends: where it never can, or has begun, its owner is told. */
void penstock_scheduler_look_for_too_much(struct penstock_scheduler *scheduler,
					  struct penstock_submission *submission);

/* It goes on with another part behind the one that is next or on the hardware. */
static inline bool penstock_part_is_followed(const struct penstock_submission *submission)
{
	return submission->part.end < submission->args.dma_length;
}

/* preempt.c */

/* What the process's ring of this node was asked; NULL: nothing. */
struct penstock_preemption *
penstock_node_preemption_of(struct penstock_node *node,
			    const struct penstock_vidmm_process *process);

/* The process's ring of this node is asked to come empty. */
bool penstock_node_preempting(struct penstock_node *node,
			      const struct penstock_vidmm_process *process);

/* Asks; it has packets there and was not asked already. */
void penstock_node_preempt(struct penstock_scheduler *scheduler, struct penstock_node *node,
			   struct penstock_vidmm_process *process);

/* It was answered. */
void penstock_node_forget_preemption(struct penstock_node *node,
				     const struct penstock_vidmm_process *process);

/* No answer comes any more: the process ended, or began anew. */
void penstock_scheduler_forget_preemptions(struct penstock_scheduler *scheduler,
					   const struct penstock_vidmm_process *process);

/* Who is next finds no place: asks somebody to go, now or when he had his time. */
void penstock_node_make_room(struct penstock_scheduler *scheduler, struct penstock_node *node);

void penstock_scheduler_preempted(struct penstock_scheduler *scheduler, struct penstock_node *node,
				  struct penstock_vidmm_process *process,
				  const struct penstock_interrupt *interrupt);

/* hang.c */

/* Who has a packet that was out at the last look is asked to make room. */
void penstock_node_probe(struct penstock_scheduler *scheduler, struct penstock_node *node);

/* What has not answered for TdrDelay is reset. */
void penstock_scheduler_look_for_hangs(struct penstock_scheduler *scheduler);

/* reset.c: faults, deaths and what is done about them */

/* The packet that pages for the process, on the hardware; NULL: none. */
struct penstock_paging_packet *
penstock_node_paging_of(const struct penstock_node *node,
			const struct penstock_vidmm_process *process);

/*
 * In front of the others of its queue; a head that memory works for is a head no more, and asks
 * again later.
 */
void penstock_node_put_in_front(struct penstock_node *node, struct penstock_submission *submission);

/*
 * What the process has on the node goes back to the front of its queues, in order. The first took
 * `gpu_ns` of it; 0: none did.
 */
void penstock_node_put_back(struct penstock_node *node,
			    const struct penstock_vidmm_process *process, uint64_t gpu_ns);

/* Its ring is empty: its paging packet is on it again, with the fence id that it has. */
void penstock_node_page_again(struct penstock_scheduler *scheduler, struct penstock_node *node,
			      struct penstock_vidmm_process *process);

/* The reset that the process is STOPPING for, or RESETTING; NULL: it is RUNNING. */
struct penstock_reset *penstock_scheduler_reset_of(struct penstock_scheduler *scheduler,
						   const struct penstock_vidmm_process *process);

static inline enum penstock_engine_state
penstock_scheduler_engine_state(struct penstock_scheduler *scheduler,
				const struct penstock_vidmm_process *process)
{
	const struct penstock_reset *reset =
		PENSTOCK_LIKELY(scheduler->reset_count == 0)
			? NULL
			: penstock_scheduler_reset_of(scheduler, process);

	return reset == NULL ? PENSTOCK_ENGINE_RUNNING : reset->state;
}

/* Along an arrow of the drawing in reset.c. False: there is none, and the adapter stops. */
bool penstock_scheduler_engine_move(struct penstock_scheduler *scheduler,
				    struct penstock_vidmm_process *process,
				    enum penstock_engine_state to);

/* Nothing is submitted to any of its rings: it is reset, or going to be. */
static inline bool penstock_scheduler_is_stopping(struct penstock_scheduler *scheduler,
						  const struct penstock_vidmm_process *process)
{
	return penstock_scheduler_engine_state(scheduler, process) != PENSTOCK_ENGINE_RUNNING;
}

/* Its node met a fault, and stands. */
bool penstock_node_has_faulted(struct penstock_scheduler *scheduler,
			       const struct penstock_node *node,
			       const struct penstock_vidmm_process *process);

/* Something of a process that is STOPPING may have stopped, or had its time. */
void penstock_scheduler_settle_resets(struct penstock_scheduler *scheduler);

/* The scheduler has stopped: none is made any more. */
void penstock_scheduler_drop_resets(struct penstock_scheduler *scheduler);

/* The node answered after all: where nothing else is wrong with its process, it goes on. */
void penstock_scheduler_forgive(struct penstock_scheduler *scheduler,
				const struct penstock_node *node,
				struct penstock_vidmm_process *process);

void penstock_scheduler_fault(struct penstock_scheduler *scheduler, struct penstock_node *node,
			      struct penstock_vidmm_process *process,
			      const struct penstock_interrupt *interrupt);

/*
 * Nanoseconds since the packets of the queue's process that are first on the node could begin, who
 * may go on from here.
 */
uint64_t penstock_node_elapsed_ns(const struct penstock_scheduler *scheduler,
				  struct penstock_node *node, const struct penstock_queue *queue);

/* A preemption of the process was unanswered for so long: it is STOPPING. */
void penstock_scheduler_hung(struct penstock_scheduler *scheduler, const struct penstock_node *node,
			     struct penstock_vidmm_process *process, uint64_t waited_ns);

/* Everything of the process up to `fence_id` is done. */
void penstock_node_complete(struct penstock_scheduler *scheduler, struct penstock_node *node,
			    struct penstock_vidmm_process *process, uint32_t fence_id);

enum penstock_fence_verdict {
	PENSTOCK_FENCE_OUTSTANDING,
	PENSTOCK_FENCE_REPEATED,
	PENSTOCK_FENCE_IMPOSSIBLE,
};

/* What a fence id that a process reports can be. */
enum penstock_fence_verdict penstock_node_judge(const struct penstock_node *node,
						const struct penstock_vidmm_process *process,
						uint32_t fence_id);

#endif
