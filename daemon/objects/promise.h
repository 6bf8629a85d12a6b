/* SPDX-License-Identifier: MIT */
/*
 * The promise of a guaranteed context (GuaranteedDmaBufferContract): a block of heap with a DMA
 * buffer, lists and command buffer of the context's sizes, and a slot in its principal's DMA pool,
 * reserved until the next translation is complete. A submission takes the block only where the
 * heap has nothing else; while it does, its connection is not read, so that the next one finds the
 * promise again. Loop thread only.
 *
 *	KEPT --(no heap for a submission)--> USED --(it ended)--> KEPT
 */
#ifndef PENSTOCK_PROMISE_H
#define PENSTOCK_PROMISE_H

#include "daemon/objects/held.h"

static inline bool penstock_context_guaranteed(const struct penstock_context *context)
{
	return (context->info.flags & PENSTOCK_CONTEXT_GUARANTEED) != 0;
}

/*
 * Reserves for these sizes, instead of what the context had reserved before, and charges its
 * principal. SUCCESS; NO_MEMORY: everything is as it was. Does nothing for other contexts.
 */
PENSTOCK_MUST_CHECK
enum penstock_status penstock_promise_make(struct penstock_context *context,
					   const struct penstock_context_info *info,
					   struct penstock_refusal *ret_refusal);

/* The context goes: nothing is promised any more, and no submission uses the block. */
void penstock_promise_drop(struct penstock_context *context);

/* The promised block, laid out; NULL: there is none, or a submission has it. */
struct penstock_held *penstock_promise_take(struct penstock_context *context,
					    const struct penstock_held_size *size,
					    uint8_t **ret_command,
					    struct penstock_patch_location **ret_patches_in);
void penstock_promise_give(struct penstock_context *context, struct penstock_held *held);

#endif
