/* SPDX-License-Identifier: MIT */
/*
 * The video memory manager of one adapter: where the bytes of every allocation are, and how they
 * get where the GPU needs them. Loop thread only (WDDM's Level One).
 *
 * Memory is files in the memory directory. Each principal has its own: a system-memory file
 * (backing pages, DMA pool) and a local-memory file as large as segment 1, sparse; an allocation
 * that was shared has a file of its own. An allocation owns backing pages from its creation
 * (reserved with fallocate) and is *placed* in a segment when a submission first needs it.
 */
#ifndef PENSTOCK_VIDMM_H
#define PENSTOCK_VIDMM_H

#include "daemon/submission.h"
#include "gpu-backend/backend.h"
#include "proto/base/list.h"
#include "proto/wire/status.h"

struct penstock_vidmm;
struct penstock_vidmm_process;
struct penstock_vidmm_allocation;
struct penstock_paging_packet;

/* Work off the loop thread: `work` runs elsewhere, then `done` on the loop. Owner: server.c. */
struct penstock_worker {
	void *owner;
	enum penstock_status (*run)(void *owner, void (*work)(void *argument),
				    void (*done)(void *argument), void *argument);
};

/* A paging operation that the memory manager asks for: one that is told, or is going to run. */
struct penstock_paging_event {
	uint32_t operation; /* DXGK_BUILDPAGINGBUFFER_OPERATION */
	uint32_t flags;     /* of a TRANSFER or DISCARD_CONTENT: DXGK_TRANSFERFLAGS and the like */
	uint64_t allocation_id; /* 0: of no allocation, a DMA pool's pages */
	uint32_t segment_id;    /* where the allocation comes to or leaves from */
	uint64_t address;
	uint64_t size_bytes; /* TRANSFER: 0 is an eviction notice */
	bool out;            /* TRANSFER: it leaves */
};

struct penstock_vidmm_config {
	const char *memory_dir;               /* exists, locked by the caller */
	uint64_t local_bytes;                 /* segment 1, multiple of a granule */
	uint64_t aperture_bytes;              /* segment 2, likewise */
	uint64_t aperture_commit_limit_bytes; /* <= aperture_bytes */
	struct penstock_backend *backend;     /* borrowed, outlives us */
	struct penstock_worker worker;
	void *owner;
	/* CLOCK_MONOTONIC or the like, for what is idle; NULL: nothing ever is. */
	uint64_t (*now_ns)(void *owner);
	/* To watch paging, NULL: nobody does. Nothing of the memory manager may be called. */
	void (*paging)(void *owner, const struct penstock_paging_event *event);
	/* Something that was in the way is not any more: the scheduler looks again. */
	void (*progress)(void *owner);
	/* A defect of ours, or a GPU that cannot be believed: the adapter stops. */
	void (*failed)(void *owner, const char *reason);
};

/*
 * Opens the memory directory, creates or maps the location table (memory/location.h), starts the
 * system process's object. SUCCESS, NO_MEMORY, IO_DEVICE_ERROR, INVALID_PARAMETER (sizes).
 * ret_fresh: no contents survive from before (new directory or another generation). Otherwise the
 * owner now makes the processes and restores the allocations of its store, then calls
 * penstock_vidmm_restore_end.
 *
 * The `process_owner` in the backend's callbacks is always a struct penstock_vidmm_process (the
 * system process has one too): penstock_scheduler_notify_interrupt takes it as it comes.
 */
PENSTOCK_MUST_CHECK
enum penstock_status penstock_vidmm_new(const struct penstock_vidmm_config *config,
					struct penstock_vidmm **ret_vidmm, bool *ret_fresh,
					struct penstock_errbuf *reterr_text);

/*
 * The store has nothing more: what was not restored is freed, the files of principals and
 * allocations that are unknown are removed. Called by the first allocation_new or prepare at the
 * latest. Idempotent.
 */
void penstock_vidmm_restore_end(struct penstock_vidmm *vidmm);

/*
 * From now on freeing a process or an allocation frees the daemon's side only: records, pages and
 * files stay for the next daemon. For an orderly end with leased sessions.
 */
void penstock_vidmm_keep(struct penstock_vidmm *vidmm);

/*
 * The backend was stopped or is about to be freed: no call is made to it any more, paging under
 * way is forgotten (contents are where their records say). Nothing is prepared after this.
 */
void penstock_vidmm_stopped(struct penstock_vidmm *vidmm);

/*
 * Every process and allocation was freed before; the backend's processes end here, or are gone with
 * a backend that was stopped. Work that a worker still does is waited for: the memory is freed by
 * its `done`. Accepts NULL.
 */
void penstock_vidmm_free(struct penstock_vidmm *vidmm);

/* A memory directory that no adapter has any more: what a memory manager left there is removed. */
void penstock_vidmm_remove(const char *memory_dir);

/* The generation id of the memory directory: what sqlite must know too for contents to count. */
void penstock_vidmm_generation(const struct penstock_vidmm *vidmm, uint8_t ret_id[16]);

/* ---------------------------------------------------------------- a principal's memory */

/*
 * `id` is the principal's number (sqlite's, > 0): it names the files. SUCCESS, NO_MEMORY,
 * IO_DEVICE_ERROR.
 */
PENSTOCK_MUST_CHECK
enum penstock_status penstock_vidmm_process_new(struct penstock_vidmm *vidmm, uint64_t id,
						uint64_t quota_bytes,
						struct penstock_vidmm_process **ret_process);

/*
 * The principal has no allocation (unref was called on each) and no submission left. Its files are
 * removed. Accepts NULL.
 */
void penstock_vidmm_process_free(struct penstock_vidmm_process *process);

struct penstock_backend_process *
penstock_vidmm_process_backend(const struct penstock_vidmm_process *process);
/* The principal's number; 0: the system process. */
uint64_t penstock_vidmm_process_id(const struct penstock_vidmm_process *process);
uint64_t penstock_vidmm_process_used_bytes(const struct penstock_vidmm_process *process);

/*
 * A slot of the DMA pool for so many bytes is promised: its pages are there and stay (after a
 * restart: from the first use on). SUCCESS or NO_MEMORY. May reserve pages on the loop.
 */
PENSTOCK_MUST_CHECK
enum penstock_status penstock_vidmm_promise_slot(struct penstock_vidmm_process *process,
						 uint32_t size_bytes);
void penstock_vidmm_unpromise_slot(struct penstock_vidmm_process *process, uint32_t size_bytes);

/* Pages of its DMA pool: beside the quota, at most PENSTOCK_LIMIT_DMA_POOL_BYTES. */
uint64_t penstock_vidmm_process_pool_bytes(const struct penstock_vidmm_process *process);

/* The one that pages for everybody; borrowed. */
const struct penstock_vidmm_process *penstock_vidmm_system(const struct penstock_vidmm *vidmm);

bool penstock_vidmm_process_is_system(const struct penstock_vidmm_process *process);

/*
 * The GPU process was reset: what it had mapped is mapped again before the next submission that
 * needs it. Paging packets under way are the scheduler's to submit again. Called by schedule.
 */
void penstock_vidmm_process_was_reset(struct penstock_vidmm_process *process);

/*
 * While it is held the process is not gone, whatever ends meanwhile that it waited for. Counted.
 * Called by schedule.
 */
void penstock_vidmm_process_hold(struct penstock_vidmm_process *process);
void penstock_vidmm_process_release(struct penstock_vidmm_process *process);

/*
 * The GPU process ends whenever it is to change its page table: it is given up. What was under way
 * for it is forgotten, and every prepare answers GRAPHICS_GPU_EXCEPTION_ON_DEVICE from here on.
 * Called by schedule.
 */
void penstock_vidmm_process_lost(struct penstock_vidmm_process *process);

/* Every process, the system process first, whatever the others answer; whether all did true. */
bool penstock_vidmm_each_process(struct penstock_vidmm *vidmm,
				 bool (*visit)(void *owner, struct penstock_vidmm_process *process),
				 void *owner);

/*
 * Ends the GPU process of a principal that has nothing on the hardware; it starts again when
 * needed, also one that was lost. ret: false where something is under way, and nothing happened.
 */
bool penstock_vidmm_process_idle(struct penstock_vidmm_process *process);

/*
 * From now on its submissions may hold draws and dispatches, however often it is said. A GPU
 * process that was started without them ends once nothing of it is under way, and what its
 * principal submits meanwhile waits for that; nobody else does.
 */
void penstock_vidmm_process_need_pipelines(struct penstock_vidmm_process *process);

/* ---------------------------------------------------------------- allocations */

struct penstock_allocation_info {
	uint64_t id;                /* adapter-wide, > 0, never used again */
	uint64_t size_bytes;        /* > 0, <= PENSTOCK_LIMIT_ALLOCATION_BYTES */
	uint32_t segment_set;       /* bit n: segment n+1; 0: every segment */
	uint32_t preferred_segment; /* 0: local, then aperture */
	uint32_t flags;             /* DXGK_ALLOCATIONINFOFLAGS */
	uint32_t priority;
};

/* DXGK_ALLOCATIONINFOFLAGS: the driver is told where it is, by NOTIFY_RESIDENCY. */
#define PENSTOCK_ALLOCATION_EXPLICIT_RESIDENCY_NOTIFICATION 0x10000u

/*
 * Reserves zeroed backing pages and charges the principal. `reserved` is called exactly once, from
 * a later turn of the loop or, where pages are at hand, not at all: the return value says which.
 * SUCCESS: done. PENDING: `reserved` tells (SUCCESS, NO_MEMORY); until then the allocation may be
 * named but not used. QUOTA_EXCEEDED, NO_MEMORY: nothing was made.
 */
PENSTOCK_MUST_CHECK
enum penstock_status
penstock_vidmm_allocation_new(struct penstock_vidmm_process *process,
			      const struct penstock_allocation_info *info,
			      void (*reserved)(void *argument, enum penstock_status status),
			      void *argument, struct penstock_vidmm_allocation **ret_allocation);

/*
 * After a restart: an allocation of the store whose record in the location table still stands.
 * SUCCESS, or GRAPHICS_ALLOCATION_CONTENT_LOST: made, with zeroed backing.
 */
PENSTOCK_MUST_CHECK
enum penstock_status
penstock_vidmm_allocation_restore(struct penstock_vidmm_process *process,
				  const struct penstock_allocation_info *info, uint64_t record,
				  struct penstock_vidmm_allocation **ret_allocation);

/* The index of its record in the location table: what the store keeps. */
uint64_t penstock_vidmm_allocation_record(const struct penstock_vidmm_allocation *allocation);

/*
 * References: one from creation (the adapter's object), one for each submission that lists it and
 * each transfer under way. The last one zeroes or punches the pages and frees it.
 */
void penstock_vidmm_allocation_ref(struct penstock_vidmm_allocation *allocation);
void penstock_vidmm_allocation_unref(struct penstock_vidmm_allocation *allocation);

/*
 * Moves the allocation into a file of its own, so that other principals' GPU processes can map
 * it. SUCCESS: done, or it has one already. PENDING: `shared` tells (SUCCESS, NO_MEMORY); callers
 * hold submissions back that would use it (penstock_submission.blocked). Idle is required: no
 * submission that lists it is past QUEUED.
 */
PENSTOCK_MUST_CHECK
enum penstock_status penstock_vidmm_allocation_share(struct penstock_vidmm_allocation *allocation,
						     void (*shared)(void *argument,
								    enum penstock_status status),
						     void *argument);

/*
 * The principal of that process has no opening of a shared allocation any more that needs what its
 * GPU process can address of it, and no submission under way that does: that is taken away. Where
 * openings are left, it is made anew for what they do (only reading, or writing too).
 */
void penstock_vidmm_allocation_closed(struct penstock_vidmm_allocation *allocation,
				      struct penstock_vidmm_process *process);

struct penstock_vidmm_location {
	uint32_t segment_id; /* 0: system memory */
	uint64_t address;    /* GPU address, 0 with segment 0 */
	uint64_t size_bytes; /* rounded up to pages */
	uint32_t references; /* by submissions that were handed to schedule */
	bool own_file;
	bool content_lost; /* by an adapter reset or while it was offered; until it is written */
};

void penstock_vidmm_allocation_location(const struct penstock_vidmm_allocation *allocation,
					struct penstock_vidmm_location *ret_location);

/*
 * Moves the content back to the backing pages, and the allocation out of its segment. SUCCESS: it
 * is in none. PENDING: under way; a submission that needs it waits. GRAPHICS_ALLOCATION_BUSY: in
 * use by a packet on the hardware or by an access; nothing happened.
 */
PENSTOCK_MUST_CHECK
enum penstock_status penstock_vidmm_allocation_evict(struct penstock_vidmm_allocation *allocation);

/* Any value between these is legal; 0 in penstock_allocation_info is NORMAL. */
#define PENSTOCK_ALLOCATION_PRIORITY_MINIMUM 0x28000000u
#define PENSTOCK_ALLOCATION_PRIORITY_LOW     0x50000000u
#define PENSTOCK_ALLOCATION_PRIORITY_NORMAL  0x78000000u
#define PENSTOCK_ALLOCATION_PRIORITY_HIGH    0xA0000000u
#define PENSTOCK_ALLOCATION_PRIORITY_MAXIMUM 0xC8000000u

/* At once, for the next choice of a victim. SUCCESS; INVALID_PARAMETER: no such priority. */
PENSTOCK_MUST_CHECK
enum penstock_status
penstock_vidmm_allocation_set_priority(struct penstock_vidmm_allocation *allocation,
				       uint32_t priority);

/* D3DDDI_OFFER_PRIORITY: which of the offered go first. */
enum penstock_offer_priority {
	PENSTOCK_OFFER_PRIORITY_NONE, /* not offered */
	PENSTOCK_OFFER_PRIORITY_LOW,
	PENSTOCK_OFFER_PRIORITY_NORMAL,
	PENSTOCK_OFFER_PRIORITY_HIGH,
	PENSTOCK_OFFER_PRIORITY_AUTO, /* as NORMAL */
};

/*
 * From now on the content may be dropped: under pressure it is the first to leave its segment, and
 * what the backing pages do not hold then is lost. The caller sees to it that what was submitted
 * or accessed before is done, and that nothing new is until reclaim. `priority` is not NONE.
 */
void penstock_vidmm_allocation_offer(struct penstock_vidmm_allocation *allocation,
				     enum penstock_offer_priority priority);

/*
 * It is not offered any more. True: the content is kept. False: it was lost, and is zeros from
 * here on (which may take a moment: whoever uses it waits as for paging).
 */
bool penstock_vidmm_allocation_reclaim(struct penstock_vidmm_allocation *allocation);

/* What an access is for, and by whom. */
#define PENSTOCK_ACCESS_READ  0x0u
#define PENSTOCK_ACCESS_WRITE 0x1u /* may write too */
/*
 * A peer decides how long it takes. It may hold what is its own, and no place in local memory that
 * others wait for: NULL where the bytes are there, however often it is asked.
 */
#define PENSTOCK_ACCESS_HELD 0x2u

/*
 * Client access: where the bytes are now, in the daemon's address space. While begun, they do not
 * move. begin returns NULL while the allocation is moving (paging), and as HELD says; then
 * `progress` tells when to ask again. `access`: PENSTOCK_ACCESS_; the pointer is to `offset`; the
 * caller has checked the range.
 */
uint8_t *penstock_vidmm_access_begin(struct penstock_vidmm_allocation *allocation, uint64_t offset,
				     uint32_t access);
void penstock_vidmm_access_end(struct penstock_vidmm_allocation *allocation);

/*
 * While it is locked an access that was begun goes on beside submissions that use the allocation.
 * One that needs a place for it then gets one in the aperture, where the bytes stay where they are;
 * where its segment set does not have that, prepare answers GRAPHICS_CANT_RENDER_LOCKED_ALLOCATION.
 * Unlocked before the access ends.
 */
void penstock_vidmm_lock(struct penstock_vidmm_allocation *allocation);
void penstock_vidmm_unlock(struct penstock_vidmm_allocation *allocation);

/* ---------------------------------------------------------------- adapter reset */

/*
 * The adapter is reset: what was in local memory is gone. Each allocation that has a place in a
 * segment gets its eviction notice (a TRANSFER of size 0) exactly once and loses its place; the
 * content is kept where the backing pages have it (the aperture; local memory that nobody wrote),
 * otherwise it is lost and reads as zeros, and location.content_lost says so. Mappings are made
 * anew when they are needed; paging that was under way is forgotten. The caller (schedule) has
 * reset every GPU process, the system process too, has called penstock_vidmm_finish for every
 * submission that was on the hardware, and holds no paging packet any more. Accesses that were
 * begun go on, on bytes that nobody reads any more. Returns how many contents were lost. From then
 * on submissions are prepared as ever; paging packets may be submitted from inside of the call.
 */
uint64_t penstock_vidmm_adapter_reset(struct penstock_vidmm *vidmm);

/* ---------------------------------------------------------------- what schedule asks for */

/*
 * Makes everything that the submission references resident (of a split one: its part), its process
 * able to address it, and takes a slot of the DMA pool. SUCCESS: ready to patch, everything is
 * pinned until `finish`. PENDING: under way or something is in the way; `progress` tells when to
 * ask again. Nothing is pinned meanwhile, but the submission may have a claim to room that others
 * leave (daemon/memory/claim.h): it is asked for again until it is prepared or refused, or
 * withdrawn. GRAPHICS_NO_VIDEO_MEMORY: its segments could not hold it if they were empty.
 * GRAPHICS_CANT_RENDER_LOCKED_ALLOCATION: see penstock_vidmm_lock.
 * GRAPHICS_GPU_EXCEPTION_ON_DEVICE: its process is lost, or one of its files was shortened.
 */
PENSTOCK_MUST_CHECK
enum penstock_status penstock_vidmm_prepare(struct penstock_submission *submission);

/*
 * The same, but nothing is pinned, taken or used: SUCCESS is what prepare would answer if it were
 * called now.
 */
PENSTOCK_MUST_CHECK
enum penstock_status penstock_vidmm_ready(struct penstock_submission *submission);

/* A submission for which prepare or ready answered PENDING is not asked for any more. */
void penstock_vidmm_withdraw(struct penstock_submission *submission);

/*
 * Splitting (daemon/memory/split.h): the submission's part becomes the largest that fits empty
 * segments, and has `most` split points at most; where that part was made already and has not been
 * prepared because it does not fit as it is, one of half its split points. What was executed of the
 * submission (resume_offset) is in no part any more, but for instructions that share a split point
 * with the one where it goes on. SUCCESS: prepare again.
 * GRAPHICS_NO_VIDEO_MEMORY: it cannot be smaller. PENDING: likewise, but an earlier pass of its
 * chain ran; `progress` tells when to ask again. DEVICE_REMOVED: its list cannot be cut there,
 * which is a defect of ours; `failed` was called.
 */
PENSTOCK_MUST_CHECK
enum penstock_status penstock_vidmm_split(struct penstock_submission *submission, uint32_t most);

/* The part's fence was reached, and finish was called: the next one is to be made. */
void penstock_vidmm_part_done(struct penstock_submission *submission);

/* Some of it is done, so that the rest cannot be refused as if it had never been sent. */
static inline bool penstock_vidmm_has_begun(const struct penstock_submission *submission)
{
	return submission->part.start > 0 || submission->resume_offset > 0;
}

/*
 * Whether each of the smallest parts fits its segments where they are empty. False: the first one
 * that does not begins at *ret_dma_offset, and *ret_text says what it needs.
 */
PENSTOCK_MUST_CHECK
bool penstock_vidmm_can_fit(const struct penstock_submission *submission, uint32_t *ret_dma_offset,
			    struct penstock_errbuf *ret_text);

/* Gives back slot and pins of a prepare that succeeded: after it retired, or before it goes back
 * to its queue. */
void penstock_vidmm_finish(struct penstock_submission *submission);

/*
 * DxgkDdiPatch: writes final addresses into the private DMA buffer, in place, idempotent. Then
 * copies it into its slot. Sets submission->patched. False: a patch location cannot be, which is a
 * defect of ours; `failed` was called, nothing may be submitted.
 */
PENSTOCK_MUST_CHECK
bool penstock_vidmm_patch(struct penstock_submission *submission);

/*
 * Who submits paging packets (daemon/memory/paging.h): the scheduler, which gives them fence ids
 * of the node that they share with submissions. `submit` does not call back before it returned. A
 * process has one packet on the hardware at most.
 */
struct penstock_paging_port {
	void *owner;
	void (*submit)(void *owner, struct penstock_paging_packet *packet);
	/* The GPU process ended, or began anew: nothing that it was asked is answered any more. */
	void (*ended)(void *owner, const struct penstock_vidmm_process *process);
};

void penstock_vidmm_set_paging_port(struct penstock_vidmm *vidmm,
				    const struct penstock_paging_port *port);

/* The packet's fence was reached; may submit the next one, and calls `progress`. */
void penstock_vidmm_paging_completed(struct penstock_paging_packet *packet);

/* ---------------------------------------------------------------- to look at */

/* What paging did, since the start, in a segment or for a process's allocations in all. */
struct penstock_paging_count {
	uint64_t placed;    /* allocations that came */
	uint64_t left;      /* and left, whatever for; those that were destroyed too */
	uint64_t evicted;   /* of these: because others wanted the place */
	uint64_t discarded; /* of these: without their content being moved */
	uint64_t lost;      /* contents that were dropped: offered, or an adapter reset */
	uint64_t in_bytes;  /* transferred and filled */
	uint64_t out_bytes; /* transferred back */
	uint64_t notices;   /* eviction notices of adapter resets */
};

struct penstock_segment_state {
	uint32_t id;
	uint32_t flags; /* DXGK_SEGMENTFLAGS: Aperture 0x1, CpuVisible 0x4 */
	uint64_t base_address;
	uint64_t size_bytes;
	uint64_t commit_limit_bytes;
	uint64_t used_bytes;
	uint64_t largest_free_bytes;
	uint32_t allocations;
	struct penstock_paging_count paging;
};

#define PENSTOCK_SEGMENT_COUNT 2u

/* DXGK_QUERYSEGMENT: segment 1 and 2. */
void penstock_vidmm_query_segments(const struct penstock_vidmm *vidmm,
				   struct penstock_segment_state ret[PENSTOCK_SEGMENT_COUNT]);

/* Of its allocations that have a place in a segment, or are on their way from or to it. */
uint64_t penstock_vidmm_process_resident_bytes(const struct penstock_vidmm_process *process);

void penstock_vidmm_query_process(const struct penstock_vidmm_process *process,
				  struct penstock_paging_count *ret_count);

/* An allocation that has a place in a segment, or is on its way from or to it. */
struct penstock_resident_view {
	uint64_t id;
	uint64_t process_id; /* who pays: penstock_vidmm_process_new's */
	uint32_t segment_id;
	uint64_t address; /* GPU's */
	uint64_t size_bytes;
	uint32_t priority;
	enum penstock_offer_priority offered;
	uint64_t age;  /* submissions that were prepared since it was last used */
	bool in_use;   /* by a packet on the hardware or an access */
	bool moving;   /* on its way from or to the segment */
	bool dirty;    /* its backing pages do not have its content */
	uint32_t pins; /* by packets on the hardware */
};

/* Every one of the segment, in no order. `visit` changes nothing. */
void penstock_vidmm_visit_segment(const struct penstock_vidmm *vidmm, uint32_t segment_id,
				  void (*visit)(void *owner,
						const struct penstock_resident_view *view),
				  void *owner);

#endif
