/* SPDX-License-Identifier: MIT */
/*
 * What the files of the memory manager share: its own structures. Loop thread.
 */
#ifndef PENSTOCK_MEMORY_INTERNAL_H
#define PENSTOCK_MEMORY_INTERNAL_H

#include "daemon/memory/allocation.h"
#include "daemon/memory/claim.h"
#include "daemon/memory/dma_pool.h"
#include "daemon/memory/hole.h"
#include "daemon/memory/location.h"
#include "daemon/memory/pages.h"
#include "daemon/memory/restore.h"
#include "daemon/memory/segment.h"
#include "daemon/memory/spare.h"
#include "daemon/memory/vidmm.h"

#include <pthread.h>

struct penstock_vidmm {
	struct penstock_vidmm_config config;
	pthread_t thread;
	struct penstock_paging_port port;
	int directory; /* owned */
	struct penstock_segment segments[PENSTOCK_SEGMENT_COUNT];
	uint64_t reserved_bytes[PENSTOCK_SEGMENT_COUNT]; /* of DMA pools: no allocation's */
	struct penstock_spare spare;                     /* of segment 1 */
	struct penstock_hole_map maps[PENSTOCK_SEGMENT_COUNT];
	struct penstock_list holes;  /* penstock_vidmm_allocation.hole_link */
	struct penstock_list claims; /* penstock_claim.link */
	uint64_t tickets;            /* of claims */
	struct penstock_list placed[PENSTOCK_SEGMENT_COUNT]; /* allocation.place_link */
	struct penstock_paging_count counts[PENSTOCK_SEGMENT_COUNT];
	uint64_t uses; /* submissions that were prepared */
	struct penstock_sharer window_sharer;
	uint64_t window_address; /* of the DMA pools, in the aperture */
	struct penstock_location_table locations;
	struct penstock_restore restore;
	struct penstock_list processes;        /* penstock_vidmm_process.link */
	struct penstock_vidmm_process *system; /* owned */
	struct penstock_list paging_dirty;     /* penstock_paging.dirty_link */
	uint32_t next_file_id;
	uint64_t part_stamp; /* parts that were made: penstock_vidmm_allocation.part_stamp */
	unsigned jobs;       /* with a worker */
	bool somebody_waits;
	bool keep;
	bool resetting;               /* inside of an adapter reset: no allocation takes a step */
	struct penstock_list held_up; /* allocation.place_link: steps of then, of those NOWHERE */
	bool stopped;                 /* nothing is paged any more */
	bool backend_gone;            /* and there is no backend to call */
	bool freed;                   /* gone as soon as the last job is done */
};

struct penstock_vidmm_process {
	struct penstock_list link;
	struct penstock_vidmm *vidmm;
	uint64_t id; /* 0: the system process */
	uint64_t quota_bytes;
	uint64_t used_bytes;
	struct penstock_backend_process *backend;
	struct penstock_paging paging;
	struct penstock_paging_count count;
	struct penstock_claim claim;
	uint64_t placed_bytes[PENSTOCK_SEGMENT_COUNT];
	uint32_t spare_granules;                 /* penstock_spare.owners that are this one */
	bool over_share[PENSTOCK_SEGMENT_COUNT]; /* memory/room.c, for one choice */
	bool active;                             /* likewise */
	uint64_t last_use;                       /* penstock_vidmm.uses, at its last submission */
	uint64_t seen_use;                       /* what last_use was at active_ns */
	uint64_t active_ns;
	struct penstock_list mappings; /* penstock_mapping.process_link */
	uint32_t mapping_count;
	uint32_t prepared;    /* submissions between prepare and finish */
	uint32_t allocations; /* that it pays for, dying ones too */
	bool freed;           /* gone as soon as nothing is under way */
	uint32_t holds;       /* not even then, unless this is 0 */
	bool lost;            /* its GPU process cannot be kept running */
	bool pipelines;       /* it was said that it needs them */
	bool replace;         /* and the one that runs has none: another one first */
	/* the system process has none of these */
	struct penstock_memory_file system;
	struct penstock_memory_file local;
	struct penstock_memory_file dummy;
	struct penstock_pages pages;
	struct penstock_sharer sharers[PENSTOCK_SEGMENT_COUNT];
	struct penstock_dma_pool pool;
};

/* E9: the memory manager is Level One, one thread. */
static inline void penstock_vidmm_own_thread(const struct penstock_vidmm *vidmm)
{
	PENSTOCK_REQUIRE(pthread_equal(vidmm->thread, pthread_self()));
}

/*
 * An invariant of ours, whose code `reason` begins with (docs/invariants.md). False: it does not
 * hold, the adapter stops, and the caller leaves things as they are.
 */
static inline bool penstock_vidmm_holds(struct penstock_vidmm *vidmm, bool condition,
					const char *reason)
{
	if (PENSTOCK_UNLIKELY(!condition)) {
		vidmm->config.failed(vidmm->config.owner, reason);
	}
	return condition;
}

static inline struct penstock_segment *penstock_vidmm_segment(struct penstock_vidmm *vidmm,
							      uint32_t segment_id)
{
	return &vidmm->segments[segment_id - 1];
}

/* What allocations can have of the segment where it is empty. */
static inline uint64_t penstock_vidmm_capacity(const struct penstock_vidmm *vidmm,
					       uint32_t segment_id)
{
	return vidmm->segments[segment_id - 1].descriptor.commit_limit_bytes -
	       vidmm->reserved_bytes[segment_id - 1];
}

/* Counts in the segment and for who pays. */
#define PENSTOCK_COUNT(allocation, segment_id, what, amount)                                       \
	do {                                                                                       \
		(allocation)->process->vidmm->counts[(segment_id)-1].what += (amount);             \
		(allocation)->process->count.what += (amount);                                     \
	} while (0)

/* Where `replace` is set: whether a submission may be prepared. False: `progress` tells. */
bool penstock_vidmm_process_replace(struct penstock_vidmm_process *process);

/* Somebody was told PENDING: something may have changed for him. */
void penstock_vidmm_wake(struct penstock_vidmm *vidmm);

/* A job that was with a worker is done. */
void penstock_vidmm_job_ended(struct penstock_vidmm *vidmm);

/* A job of these pages ended: a process that waits to be gone may be. */
void penstock_vidmm_pages_idle(struct penstock_pages *pages);

/* What is next of the submission has one split point, or none: it cannot be split. */
bool penstock_part_is_smallest(const struct penstock_submission *submission);

/* Nothing may be under way any more: frees what was freed by its owner. */
void penstock_vidmm_process_settle(struct penstock_vidmm_process *process);
void penstock_vidmm_settle(struct penstock_vidmm *vidmm);

/* Paging under way is not waited for; nothing is mapped. Does not settle. */
void penstock_vidmm_process_abandon(struct penstock_vidmm_process *process);

#endif
