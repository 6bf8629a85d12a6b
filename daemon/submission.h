/* SPDX-License-Identifier: MIT */
/*
 * A submission: what makes the whole trip through the daemon. Each stage owns it while it is
 * there; `state` says which stage that is.
 *
 *   RECEIVED --> RENDERING --> QUEUED --> PREPARING --> ON_HARDWARE --> RETIRED
 *   objects      render        schedule   memory        backend         back to objects
 *       |            |            |  ^        |             |
 *       +------------+--> REFUSED |  +--------+-------------+ (preempted, or engine reset:
 *                                 |  |                      |  queued again)
 *                                 |  +----------------------' (the next part)
 *                                 +--> CANCELLED (its device was lost or destroyed)
 *
 * Where its allocations do not fit their segments at once it is split: it goes from QUEUED to
 * ON_HARDWARE once for each part, a packet of its own with the patch range and the allocations of
 * that part, and is RETIRED with the last. Between two parts it may be cancelled like any other
 * that is QUEUED. For the client it is one submission with one fence.
 *
 * Where one DMA buffer does not hold it, each of its passes (multipass) makes the trip as one of
 * these, with lists that they share; objects make one submission of them again.
 *
 * A Wait or a Signal of a synchronisation object is one of these without a DMA buffer; it goes from
 * QUEUED to RETIRED (daemon/schedule/sync.h).
 *
 * Everything here is touched on the loop thread only, but for the fields of `args`, which the
 * thread that renders owns while the state is RENDERING.
 */
#ifndef PENSTOCK_SUBMISSION_H
#define PENSTOCK_SUBMISSION_H

#include "daemon/memory/split.h"
#include "daemon/render/render.h"
#include "proto/base/list.h"
#include "proto/base/states.h"

struct penstock_vidmm_allocation;
struct penstock_vidmm_process;
struct penstock_queue;
struct penstock_sync;

enum penstock_submission_state {
	PENSTOCK_SUBMISSION_RECEIVED,
	PENSTOCK_SUBMISSION_RENDERING,
	PENSTOCK_SUBMISSION_QUEUED,
	PENSTOCK_SUBMISSION_PREPARING,
	PENSTOCK_SUBMISSION_ON_HARDWARE,
	PENSTOCK_SUBMISSION_RETIRED,
	PENSTOCK_SUBMISSION_REFUSED,
	PENSTOCK_SUBMISSION_CANCELLED,
	PENSTOCK_SUBMISSION_STATE_MAX
};

#define PENSTOCK_SUBMISSION_BIT(state) (1u << PENSTOCK_SUBMISSION_##state)

/* One element of the converted allocation list; index i of render's list is element i here. */
struct penstock_reference {
	struct penstock_vidmm_allocation *allocation; /* NULL element: NULL; counted while held */
	void *opening;                                /* objects' own */
	bool write_operation;
};

struct penstock_submission {
	struct penstock_list queue_link;   /* penstock_queue.waiting, or a node's hardware list */
	struct penstock_list context_link; /* objects: penstock_context.held */
	enum penstock_submission_state state;
	struct penstock_queue *queue;           /* the context's software queue; borrowed */
	struct penstock_vidmm_process *process; /* the principal's memory; borrowed */
	void *context;                          /* objects' own */
	void *held;                             /* objects' own */
	uint64_t serial;                        /* the client fence */
	uint32_t flags;                         /* PENSTOCK_SUBMIT_ */
	uint32_t input_bytes;                   /* what it counts for against credits */

	/* objects fill, render reads; one heap block with the submission */
	struct penstock_render_allocation *list; /* [reference_count] */
	struct penstock_reference *references;   /* [reference_count] */
	uint32_t reference_count;
	struct penstock_render_args args;
	struct penstock_refusal refusal; /* where state is REFUSED */

	/*
	 * The private DMA buffer and patch list are args.dma_buffer and args.patches_out. They are
	 * the only copy that the daemon believes in; the GPU executes a copy of them.
	 */

	/* A packet without a DMA buffer: the object that it signals or waits for; NULL: none. */
	struct penstock_sync *sync; /* borrowed: it outlives the packet */
	uint64_t sync_value;
	bool sync_signals;

	/* schedule and memory */
	unsigned blocked; /* objects: transfers that must end first; 0: may be scheduled */
	/* objects: not SUCCESS: when it is picked it completes with this and does not run */
	enum penstock_status cancelled;
	/*
	 * Of a pass, NULL otherwise: what all passes of the chain share. The scheduler writes there
	 * why one is dropped, and drops those that have not run yet where it is not SUCCESS.
	 */
	enum penstock_status *chain;
	uint32_t pass; /* its number in the chain, from 0; only the first may fail to find memory */
	uint32_t level; /* schedule: of its queue's priority, 0 is the highest */
	uint32_t submission_fence_id;
	uint64_t charged_ns;  /* of its process's share, while ON_HARDWARE */
	bool promoted;        /* it may be there though higher priorities wait */
	uint64_t dma_address; /* GPU address of the copy, while PREPARING or ON_HARDWARE */
	uint32_t dma_slot;    /* of the principal's DMA pool */
	/*
	 * What of it is the next packet, or the one that is ON_HARDWARE; all of it unless it is
	 * split. start == end and it is split: the next part is still to be made.
	 */
	struct penstock_part part;
	uint32_t part_points;     /* split points of that part */
	uint32_t parts;           /* that are done, of those that it is split into */
	bool split;               /* what it needs is what the entries of `part` name */
	uint32_t resume_offset;   /* where it goes on after a preemption; the part's start */
	uint64_t resume_position; /* and in that instruction; the GPU's own */
	uint32_t patched;         /* sites whose bytes the last patch changed, of all its parts */
	enum penstock_status result; /* schedule: what a completion that was put off will say */

	/*
	 * Called once, on the loop thread, never from inside the call that handed the submission
	 * over: SUCCESS when its fence was reached, otherwise why it did not run
	 * (GRAPHICS_NO_VIDEO_MEMORY, DEVICE_REMOVED, CANCELLED, GRAPHICS_GPU_EXCEPTION_ON_DEVICE).
	 */
	void (*completed)(struct penstock_submission *submission, enum penstock_status status);
};

/* The drawing. */
static inline const struct penstock_states *penstock_submission_states(void)
{
	static const struct penstock_state states[PENSTOCK_SUBMISSION_STATE_MAX] = {
		[PENSTOCK_SUBMISSION_RECEIVED] = { "RECEIVED",
						   PENSTOCK_SUBMISSION_BIT(RENDERING) |
							   PENSTOCK_SUBMISSION_BIT(QUEUED) },
		[PENSTOCK_SUBMISSION_RENDERING] = { "RENDERING",
						    PENSTOCK_SUBMISSION_BIT(QUEUED) |
							    PENSTOCK_SUBMISSION_BIT(REFUSED) },
		[PENSTOCK_SUBMISSION_QUEUED] = { "QUEUED",
						 PENSTOCK_SUBMISSION_BIT(PREPARING) |
							 PENSTOCK_SUBMISSION_BIT(ON_HARDWARE) |
							 PENSTOCK_SUBMISSION_BIT(RETIRED) |
							 PENSTOCK_SUBMISSION_BIT(CANCELLED) },
		[PENSTOCK_SUBMISSION_PREPARING] = { "PREPARING", PENSTOCK_SUBMISSION_BIT(QUEUED) },
		[PENSTOCK_SUBMISSION_ON_HARDWARE] = { "ON_HARDWARE",
						      PENSTOCK_SUBMISSION_BIT(RETIRED) |
							      PENSTOCK_SUBMISSION_BIT(QUEUED) |
							      PENSTOCK_SUBMISSION_BIT(CANCELLED) },
		[PENSTOCK_SUBMISSION_RETIRED] = { "RETIRED", 0 },
		[PENSTOCK_SUBMISSION_REFUSED] = { "REFUSED", 0 },
		[PENSTOCK_SUBMISSION_CANCELLED] = { "CANCELLED", 0 },
	};
	static const struct penstock_states drawing = { "a submission",
							PENSTOCK_SUBMISSION_STATE_MAX, states };

	return &drawing;
}

/*
 * Along an arrow of the drawing. False: there is none, and nothing happened: a defect of ours, for
 * which the caller stops the adapter (penstock_states_refuse has the sentence).
 */
PENSTOCK_MUST_CHECK
static inline bool penstock_submission_move(struct penstock_submission *submission,
					    enum penstock_submission_state to)
{
	bool drawn = penstock_states_drawn(penstock_submission_states(), submission->state, to);

	if (PENSTOCK_LIKELY(drawn)) {
		submission->state = to;
	}
	return drawn;
}

/* It is not split, and begins at its start. */
static inline void penstock_submission_whole(struct penstock_submission *submission)
{
	submission->part = (struct penstock_part){
		.end = submission->args.dma_length,
		.patch_count = submission->args.patch_count,
	};
	submission->split = false;
	submission->parts = 0;
	submission->resume_offset = 0;
	submission->resume_position = 0;
}

/*
 * What a packet needs in its segments: the elements of its submission's list; of a split one those
 * that the entries of its part name, some more than once. NULL elements are among them.
 */
static inline uint32_t penstock_needed_count(const struct penstock_submission *submission)
{
	return PENSTOCK_LIKELY(!submission->split) ? submission->reference_count
						   : submission->part.patch_count;
}

/* `n` is below that. */
static inline const struct penstock_reference *
penstock_needed(const struct penstock_submission *submission, uint32_t n)
{
	static const struct penstock_reference null_element = { .allocation = NULL };
	uint32_t index = n;

	if (PENSTOCK_UNLIKELY(submission->split)) {
		index = submission->args.patches_out[submission->part.first_patch + n]
				.allocation_index;
	}
	return PENSTOCK_LIKELY(index < submission->reference_count) ? &submission->references[index]
								    : &null_element;
}

#endif
