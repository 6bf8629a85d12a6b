/* SPDX-License-Identifier: MIT */
/*
 * A context: one thread of execution on one node, in order. Its submissions are on `held` from
 * admission until they retired; those that are being rendered, and those behind them, are on
 * `unordered` too and reach the scheduler in order. Loop thread only.
 */
#ifndef PENSTOCK_CONTEXT_H
#define PENSTOCK_CONTEXT_H

#include "daemon/objects/device.h"

/*
 * What a context gets. An instruction that no empty DMA buffer of it holds is refused; nothing is
 * reserved for an idle multipass context, sizes are what one pass of render may use.
 */
#define PENSTOCK_CONTEXT_MIN_DMA_BYTES      PENSTOCK_PAGE_BYTES
#define PENSTOCK_CONTEXT_DEFAULT_DMA_BYTES  (4u << 20)
#define PENSTOCK_CONTEXT_MIN_LIST           64u
#define PENSTOCK_CONTEXT_DEFAULT_LIST       4096u
#define PENSTOCK_CONTEXT_MIN_PATCH_LIST     64u
#define PENSTOCK_CONTEXT_DEFAULT_PATCH_LIST (256u << 10)

/*
 * DmaBufferPrivateDataSize of a multipass context, in DMA bytes for each of its bytes: a command
 * buffer that needs more, of nops that stand between others, is a chain earlier.
 */
#define PENSTOCK_CONTEXT_PRIVATE_SHARE 16u

struct penstock_held;
struct penstock_snapshot;
struct penstock_sync_object;

/* What became of the latest submission, refused ones included: IF_PREDECESSOR_RAN asks. */
enum penstock_outcome {
	PENSTOCK_OUTCOME_RAN, /* or there was none */
	PENSTOCK_OUTCOME_UNKNOWN,
	PENSTOCK_OUTCOME_FAILED,
};

struct penstock_context_statistics {
	uint64_t submitted;
	uint64_t dma_buffers; /* of those: a submission may be several */
	uint64_t refused;
	uint64_t command_bytes;
	uint64_t dma_bytes;
	uint64_t patch_locations;
	uint64_t patched;
};

struct penstock_context {
	struct penstock_device *device; /* counted */
	struct penstock_queue queue;
	struct penstock_list link;       /* penstock_device.contexts; alone once destroyed */
	struct penstock_list held;       /* penstock_submission.context_link, in order */
	struct penstock_list unordered;  /* penstock_held.order_link, in order */
	struct penstock_list turn_link;  /* penstock_turn.contexts */
	struct penstock_list dirty_link; /* penstock_machine.dirty_lists */
	struct penstock_snapshot *last;  /* owned: the last accepted submission once it retired */
	struct penstock_held *promise;   /* promise.h: owned; NULL: used, or not guaranteed */
	uint64_t promise_bytes;
	uint32_t promise_slot_bytes;
	struct penstock_context_info info;
	uint64_t id;
	uint64_t progress_record; /* leased sessions */
	uint64_t last_serial;     /* of the last submission accepted */
	uint64_t named_serial;    /* of the last submission that named it */
	uint64_t completed_fence;
	uint64_t failed_fence;  /* the latest that did not run */
	uint64_t unknown_fence; /* whether the latest up to it ran is not known any more */
	uint32_t references;
	uint32_t held_count;
	enum penstock_outcome outcome;
	bool full; /* reached PENSTOCK_LIMIT_CONTEXT_SUBMISSIONS and has not sunk enough since */
	bool destroyed;
	bool cancelled; /* its device was destroyed */
	bool restored;
	struct penstock_context_statistics statistics;
};

void penstock_context_ref(struct penstock_context *context);
void penstock_context_put(struct penstock_context *context);

/* A resize or a wish at creation, as the adapter grants it: 0 is the default. */
uint32_t penstock_context_grant_dma(uint32_t wish);
uint32_t penstock_context_grant_list(uint32_t wish, uint32_t flags);
uint32_t penstock_context_grant_patch_list(uint32_t wish);

/* What is queued completes with `status`. */
void penstock_context_cancel(struct penstock_context *context, enum penstock_status status);

/*
 * DmaBufferPrivateDataSize: the driver's own bytes of each DMA buffer. In a guaranteed context they
 * hold whatever a command buffer of it needs, since its client cannot count them.
 */
uint32_t penstock_context_private_bytes(const struct penstock_context_info *info);

/*
 * Frees name and row at once; what is queued runs, unless its device goes too (`cancel`), and the
 * object is freed when the last of it retired.
 */
void penstock_context_destroy(struct penstock_context *context, bool keep, bool cancel);

/* The turn's part: retires in order what completed, tells fences, one event a run of statuses. */
void penstock_context_retire(struct penstock_context *context);

/* A resize was granted: its row says so. */
void penstock_context_resized(struct penstock_context *context);

/* A submission is held from now on, or not any more. */
void penstock_context_hold(struct penstock_context *context, struct penstock_held *held);
void penstock_context_unhold(struct penstock_context *context, struct penstock_held *held);

/*
 * A submission to it was refused: the next does not run if it asks, after a restart too. `refused`:
 * itself, where it is held already; NULL otherwise.
 */
void penstock_context_refused(struct penstock_context *context, const struct penstock_held *refused,
			      uint64_t serial);

/* A request to it was refused: counted, and as penstock_context_refused. */
void penstock_context_count_refused(struct penstock_context *context, uint64_t serial);

/*
 * Signal or Wait in its stream: held like a submission, with the serial taken last. SUCCESS,
 * DEVICE_REMOVED, LIMIT_EXCEEDED, NO_MEMORY.
 */
PENSTOCK_MUST_CHECK
enum penstock_status penstock_context_queue_packet(struct penstock_context *context,
						   struct penstock_sync_object *object,
						   uint64_t value, bool signals,
						   struct penstock_refusal *ret_refusal);

/* SUCCESS; CANCELLED, DEVICE_REMOVED: what is not with the scheduler yet does not run. */
enum penstock_status penstock_context_ending(const struct penstock_context *context);

/* The context has something to tell or to free: penstock_context_retire on a later turn. */
void penstock_context_defer(struct penstock_context *context);

/* The list changed; it goes to the store before long, if its session is leased. */
void penstock_context_list_changed(struct penstock_context *context);

/* Stores the allocation tables that changed. */
void penstock_context_store_lists(struct penstock_machine *machine);

/*
 * At start: a row of the store. SUCCESS; what a guaranteed context promises may not be there, which
 * its device does not survive then. DATA_ERROR, NO_MEMORY.
 */
PENSTOCK_MUST_CHECK
enum penstock_status penstock_context_restore(struct penstock_device *device,
					      const struct penstock_context_row *row,
					      bool *ret_promised,
					      struct penstock_context **ret_context);

#endif
