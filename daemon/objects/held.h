/* SPDX-License-Identifier: MIT */
/*
 * A held submission: objects' part of a submission from admission until it retired, in one heap
 * block with its lists, its DMA buffer and its patch list. Small blocks come from free lists by
 * size class, so that a flood of small submissions asks malloc for nothing. Loop thread only, but
 * for the thread that renders a large one, which has `submission.args` until it is done.
 */
#ifndef PENSTOCK_HELD_H
#define PENSTOCK_HELD_H

#include "daemon/objects/context.h"
#include "daemon/objects/rendering.h"
#include "daemon/objects/transfer.h"

struct penstock_held {
	struct penstock_submission submission; /* first */
	struct penstock_context *context;      /* counted */
	struct penstock_list order_link;       /* penstock_context.unordered */
	struct penstock_list gate_link;        /* penstock_session.gated */
	struct penstock_pending pending;       /* while a worker renders it */
	struct penstock_passes *passes;        /* owned; NULL: one DMA buffer holds it */
	struct penstock_wait *waits;           /* [reference_count]; set up where has_waits */
	uint64_t *before;                      /* [patch_count]: patch sites as render left them */
	struct penstock_held
		*sibling; /* of a broadcast, until it is rendered: the next context's */
	struct penstock_held *next_free;
	uint64_t block_bytes;    /* of heap, its passes included */
	uint32_t private_bytes;  /* that the block has for private data, guard bytes included */
	uint64_t refused_behind; /* the first that was refused right behind it, while gated; or 0 */
	uint64_t promised_bytes; /* not 0: the block is what its context was promised */
	uint32_t size_class;     /* PENSTOCK_HELD_CLASSES: malloc's own */
	struct penstock_sync_object *sync_object; /* counted; of a packet, NULL otherwise */
	const char *defect; /* of the translator, found after a render; NULL: none */
	struct penstock_rendering rendering;
	enum penstock_status status;
	bool has_waits;
	bool signal_counted; /* penstock_sync_object.counted */
	bool rendered;
	bool handed_over;       /* the scheduler has it */
	bool retired;           /* completed with `status` */
	bool ran;               /* reached the hardware */
	bool after_predecessor; /* blocked until the one before it ran */
};

/* What a block has to hold. */
struct penstock_held_size {
	uint32_t references;
	uint32_t dma_bytes;
	uint32_t private_bytes;
	uint32_t patches;
	uint32_t patches_in;    /* copied */
	uint32_t command_bytes; /* copied */
};

/* What the block of such a submission takes. */
uint64_t penstock_held_bytes(const struct penstock_held_size *size);

/*
 * A new block, and with it a DMA buffer: its private data, for `private_bytes` of it at most, is at
 * one place of the block for good, and zero now.
 */
void penstock_held_create(struct penstock_held *block, uint32_t private_bytes);

/* Whether a block of `bytes` that was created has room for all of it. */
bool penstock_held_fits(const struct penstock_held *block, const struct penstock_held_size *size,
			uint64_t bytes);

/* A block that has room becomes one: everything that `size` names, not set up. */
void penstock_held_lay_out(struct penstock_held *block, const struct penstock_held_size *size,
			   uint8_t **ret_command, struct penstock_patch_location **ret_patches_in);

/* NULL where memory runs out. Everything that `size` names is there, not set up. */
struct penstock_held *penstock_held_new(struct penstock_machine *machine,
					const struct penstock_held_size *size,
					uint8_t **ret_command,
					struct penstock_patch_location **ret_patches_in);
void penstock_held_free(struct penstock_machine *machine, struct penstock_held *held);
void penstock_held_pool_fini(struct penstock_held_pool *pool);

/* Converts the client's list (list.c): checks all of it and takes nothing. */
PENSTOCK_MUST_CHECK
enum penstock_status penstock_held_convert_list(struct penstock_held *held,
						struct penstock_device *device,
						const uint8_t *allocation_list, uint32_t count,
						struct penstock_refusal *ret_refusal);

/* Counts the references of a converted list, and takes their places in their lanes. */
void penstock_held_take_list(struct penstock_held *held, uint32_t count);

/* Gives back what take_list took. */
void penstock_held_release_list(struct penstock_held *held);

/* The submission before it ran, or did not. */
void penstock_held_predecessor(struct penstock_held *held, bool ran);

/* Everything before it in its session is settled: its context's record says so. */
void penstock_held_accepted(struct penstock_held *held);

/* Its turn came: it may run. */
void penstock_held_ungate(struct penstock_held *held);

/* What stands at a patch site; 0 where the entry only says that a slot went out of use. */
static inline uint64_t penstock_patch_value(const struct penstock_patch_location *patch,
					    const uint8_t *dma_buffer)
{
	return patch->allocation_index == PENSTOCK_PATCH_NULL_INDEX
		       ? 0
		       : penstock_load64(dma_buffer + patch->patch_offset);
}

/* To the scheduler, counted. */
void penstock_held_hand_over(struct penstock_held *held);

/* One more DMA buffer of the context is handed over. */
void penstock_context_count_pass(struct penstock_context *context,
				 const struct penstock_submission *pass);

/* All of it is over; penstock_submission.completed of what is no chain. */
void penstock_held_completed(struct penstock_submission *submission, enum penstock_status status);

/* The worker rendered it, or it is behind one that did: hands over what may be, in order. */
void penstock_context_drain(struct penstock_context *context);

/* After it retired or was refused: gives back everything and frees it. */
void penstock_held_end(struct penstock_held *held);

/* penstock_scheduler_config.submitted */
void penstock_held_submitted(struct penstock_submission *submission);

static inline struct penstock_held *penstock_held_from(struct penstock_submission *submission)
{
	return penstock_container_of(submission, struct penstock_held, submission);
}

#endif
