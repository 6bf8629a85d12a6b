/* SPDX-License-Identifier: MIT */
/*
 * A chain: a submission whose command buffer did not translate into one DMA buffer of its context
 * (multipass, DXGKARG_RENDER.MultipassOffset). Its passes are DMA buffers of their own, each with a
 * patch list and a submission fence; for the client they are one submission with one fence.
 *
 *	pass   IDLE --render--> RENDERED --in order--> the scheduler's --fence, or why not--> IDLE
 *
 * All of the command buffer was validated before pass 0 is handed over, so a later pass can only
 * wait. Pass 0 is the held submission itself; two buffers serve all later ones by turns: one is
 * rendered while the GPU executes the other. Later submissions of the context wait on
 * `unordered` behind the chain until its last pass is handed over. The first pass that does not
 * run ends the chain: none behind it runs. Loop thread only, but for a pass that a worker renders.
 */
#ifndef PENSTOCK_PASSES_H
#define PENSTOCK_PASSES_H

#include "daemon/objects/held.h"

#define PENSTOCK_PASS_BUFFERS 2u

struct penstock_pass {
	struct penstock_submission submission; /* first */
	uint64_t *before;                      /* [patch capacity]: as penstock_held.before */
	bool busy;                             /* being rendered, or the scheduler's */
};

struct penstock_passes {
	struct penstock_held *held; /* borrowed: it owns us */
	struct penstock_pass buffers[PENSTOCK_PASS_BUFFERS];
	uint32_t buffer_count;         /* that there is memory for: 1 where two passes do */
	struct penstock_pass *latest;  /* the last one handed over; NULL: pass 0 */
	struct penstock_pass *working; /* a worker renders it */
	uint64_t multipass_offset;     /* where the next pass goes on */
	uint64_t block_bytes;          /* of heap */
	uint32_t next;                 /* number of the pass to render next */
	uint32_t last;                 /* number of the last one; UINT32_MAX: not known yet */
	uint32_t outstanding;          /* passes that the scheduler has */
	/* What the scheduler looks at (penstock_submission.chain): SUCCESS, or no more passes run.
	 */
	enum penstock_status verdict;
	uint32_t failed;               /* number of the first pass that did not run */
	enum penstock_status rendered; /* what render said of the last one */
};

/*
 * Pass 0 is rendered and INSUFFICIENT: sets up the passes behind it, with a copy of the command
 * bytes where they are borrowed. SUCCESS or NO_MEMORY; held->block_bytes has grown.
 */
PENSTOCK_MUST_CHECK
enum penstock_status penstock_passes_begin(struct penstock_held *held, bool copy_command);

/*
 * Renders and hands over what may be, pass 0 with the first call. True: nothing of it is to be
 * handed over any more; its submissions may still be on their way.
 */
bool penstock_passes_advance(struct penstock_passes *passes);

/* What was handed over last, and its patch sites as render left them. */
const struct penstock_submission *penstock_held_latest(const struct penstock_held *held,
						       const uint64_t **ret_before);

#endif
