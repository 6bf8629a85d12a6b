/* SPDX-License-Identifier: MIT */
/*
 * What the files of the scheduler share: its own structures.
 */
#ifndef PENSTOCK_SCHEDULE_INTERNAL_H
#define PENSTOCK_SCHEDULE_INTERNAL_H

#include "daemon/memory/paging.h"
#include "daemon/schedule/fences.h"
#include "daemon/schedule/scheduler.h"

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

struct penstock_node {
	struct penstock_list ready;    /* penstock_queue.ready_link: round robin */
	struct penstock_list parked;   /* penstock_queue.ready_link: the head waits for something */
	struct penstock_list crowded;  /* penstock_queue.ready_link: enough heads are PREPARING */
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
};

struct penstock_scheduler {
	struct penstock_scheduler_config config;
	struct penstock_node nodes[PENSTOCK_NODE_COUNT];
	struct penstock_list deferred; /* penstock_submission.queue_link: completions put off */
	pthread_t thread;
	/* Its GPU process is being killed: paging packets for it wait for the next one. */
	struct penstock_vidmm_process *resetting;
	bool defer_asked;
	bool running; /* inside: whoever calls is called by us */
	bool again;
	bool stopped;
	struct penstock_backend_process *bells[PENSTOCK_BELLS];
	uint32_t bell_count;
	bool watch_asked;                    /* config.watch was called */
	bool bells_asked;                    /* config.bells was called */
	struct penstock_check_range *ranges; /* [range_capacity], for --paranoid; owned */
	uint32_t range_capacity;
};

/* E9: the scheduler is Level One, one thread. */
static inline void penstock_scheduler_own_thread(const struct penstock_scheduler *scheduler)
{
	PENSTOCK_REQUIRE(pthread_equal(scheduler->thread, pthread_self()));
}

static inline struct penstock_submission *penstock_submission_of(struct penstock_list *link)
{
	return penstock_list_entry(link, struct penstock_submission, queue_link);
}

/* True: whoever called is the outermost, and calls leave. */
bool penstock_scheduler_enter(struct penstock_scheduler *scheduler);
void penstock_scheduler_leave(struct penstock_scheduler *scheduler, bool outermost);

/* The same after one more submission for the node; its doorbell may wait for the turn's end. */
void penstock_scheduler_leave_enqueued(struct penstock_scheduler *scheduler, bool outermost,
				       const struct penstock_node *node);

/*
 * What cannot be: the adapter stops; nothing is submitted and nothing is believed any more. The
 * reason begins with the invariant's code (docs/invariants.md), where it has one.
 */
void penstock_scheduler_fail(struct penstock_scheduler *scheduler, const char *format, ...)
	PENSTOCK_PRINTF(2, 3);

/* A packet is on the hardware: it may have to be asked for. */
void penstock_scheduler_expect(struct penstock_scheduler *scheduler);

void penstock_scheduler_ring(struct penstock_scheduler *scheduler,
			     struct penstock_backend_process *process);

/* Appends all of one list to another. */
void penstock_queue_splice(struct penstock_list *to, struct penstock_list *from);

/* Hands a paging packet, with the fence id that it has, to its process. */
void penstock_scheduler_submit_paging(struct penstock_scheduler *scheduler,
				      struct penstock_paging_packet *packet);

/* queue.c: the software queues */

/* The head is PREPARING no more: another one may be. */
void penstock_node_prepared(struct penstock_node *node, struct penstock_submission *submission);

/* The head of the queue may be worth another look. */
void penstock_queue_wake(struct penstock_queue *queue, struct penstock_node *node);

/* Takes the submission, which is in no list, to be completed on a later turn. */
void penstock_scheduler_defer(struct penstock_scheduler *scheduler,
			      struct penstock_submission *submission, enum penstock_status status);

/* The same turn is a later one already: an interrupt, for one. The owner is still going to ask. */
void penstock_scheduler_deliver_now(struct penstock_scheduler *scheduler);

/* Takes the submission off the hardware: slot and pins are given back. */
void penstock_node_remove(struct penstock_node *node, struct penstock_submission *submission);

/* reset.c: faults, deaths and what is done about them */

void penstock_scheduler_fault(struct penstock_scheduler *scheduler, struct penstock_node *node,
			      struct penstock_vidmm_process *process,
			      const struct penstock_interrupt *interrupt);

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
