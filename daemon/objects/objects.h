/* SPDX-License-Identifier: MIT */
/*
 * What the objects stage offers to net: requests of a session as plain calls, protobuf left
 * behind. Loop thread only.
 *
 * A *machine* has *adapters*, and *principals* (who pays), a principal has *sessions* (WDDM's
 * process), a session names *devices*, each of one adapter, *contexts* and *openings* of
 * allocations in one table. An allocation is its adapter's and lives as long as somebody has it
 * open or a submission lists it.
 *
 * Requests of a session are executed in serial order. A call answers at once, or returns PENDING
 * and answers later through its penstock_request; the connection keeps the order of replies.
 */
#ifndef PENSTOCK_OBJECTS_H
#define PENSTOCK_OBJECTS_H

#include "daemon/memory/vidmm.h"
#include "daemon/render/render.h"
#include "daemon/schedule/scheduler.h"
#include "daemon/store/store.h"
#include "gpu-backend/shader/host/service.h"
#include "proto/wire/frame.h"

struct penstock_machine;
struct penstock_principal;
struct penstock_session;

/* ---------------------------------------------------------------- the machine */

/* How often what is bad may be: TdrLimitCount in TdrLimitTime. */
struct penstock_tdr_limits {
	uint32_t count; /* resets that the adapter survives, 1 to PENSTOCK_TDR_LIMIT_COUNT_MOST */
	uint64_t window_ms;
	uint64_t block_ms; /* a principal whose work hung it as often is blocked for so long */
};

#define PENSTOCK_TDR_LIMIT_COUNT      5u
#define PENSTOCK_TDR_LIMIT_COUNT_MOST 63u
#define PENSTOCK_TDR_LIMIT_TIME_MS    60000u
#define PENSTOCK_TDR_BLOCK_TIME_MS    300000u

struct penstock_adapter_config {
	const char *memory_dir; /* its own: exists, locked; borrowed for the call */
	uint64_t local_bytes;
	uint64_t aperture_bytes;
	uint32_t hw_queue_packet_cap;
	uint32_t first_fence_id;               /* of every node */
	uint32_t tdr_delay_ms;                 /* TdrDelay; 0: PENSTOCK_TDR_DELAY_MS */
	struct penstock_tdr_limits tdr_limits; /* count 0: what the documents say */
	bool test_instructions;
	bool pipelines;
	/* What its driver does with each format, [PENSTOCK_TEXEL_FORMATS]; NULL: not known. */
	const struct penstock_format_features *formats;
	bool paranoid;
	uint32_t split_points; /* penstock_scheduler_config; 0 but in tests */
	/* NULL: penstock_render. Tests put a broken one here. */
	enum penstock_status (*translate)(struct penstock_render_args *args,
					  struct penstock_refusal *ret_refusal);
};

/* From here on waking a worker costs less than what it takes over. */
#define PENSTOCK_WORKER_BYTES (64u << 10)

/* What a principal may have of the GPU. */
struct penstock_principal_rule {
	const char *name;     /* NULL: everybody else */
	uint32_t weight;      /* 1 to PENSTOCK_WEIGHT_MAXIMUM */
	int32_t max_priority; /* of its contexts */
};

/* Who checks the shaders of pipelines (gpu-backend/shader/host/service.h). */
struct penstock_shader_checker {
	struct penstock_shader_service *service; /* borrowed, outlives the machine */
	enum penstock_status (*check)(struct penstock_shader_service *service,
				      const struct penstock_shader_request *request,
				      penstock_shader_answered *answered, void *owner,
				      struct penstock_shader_check **ret_check);
	void (*cancel)(struct penstock_shader_check *check);
};

struct penstock_machine_config {
	const char *memory_dir; /* of what is of no adapter; borrowed for the call */
	const char
		*reports_path; /* likewise: of the debug reports; NULL: they end with the daemon */
	const struct penstock_adapter_config *adapters; /* likewise */
	uint32_t adapter_count;                         /* 1 to PENSTOCK_LIMIT_ADAPTERS */
	uint64_t principal_quota_bytes;                 /* memory of one principal */
	/* The first is everybody's; borrowed, outlives the machine. */
	const struct penstock_principal_rule *principal_rules;
	uint32_t principal_rule_count; /* 0: weights are normal, and any priority is allowed */
	uint32_t max_sessions_per_principal;
	uint32_t max_lease_s;
	struct penstock_store *store; /* borrowed, open; NULL: nothing is kept */
	struct penstock_worker worker;
	struct penstock_shader_checker shaders; /* where an adapter has pipelines */
	/* What is rendered at once from here on goes to a worker; 0: PENSTOCK_WORKER_BYTES. */
	uint32_t worker_bytes;
	void *loop; /* uv_loop_t, for lease timers and deferred work */
	/* 16 random bytes for session ids and share tokens */
	void (*random)(void *owner, uint8_t ret_bytes[16]);
	/* starts the backend that is configured for an adapter, with that adapter's callbacks */
	enum penstock_status (*start_backend)(void *owner, uint32_t adapter_index,
					      const struct penstock_backend_callbacks *callbacks,
					      struct penstock_backend **ret_backend,
					      struct penstock_errbuf *reterr_text);
	void *owner;
	/* A line for the log; level as in syslog. Libraries do not log, the owner does. */
	void (*log)(void *owner, int level, const char *group, const char *text);
};

/* Starts backends, memory managers, schedulers; brings back what the store holds. */
PENSTOCK_MUST_CHECK
enum penstock_status penstock_machine_start(const struct penstock_machine_config *config,
					    struct penstock_machine **ret_machine,
					    struct penstock_errbuf *reterr_text);

/* Ends every session without a lease, keeps the others in the store; `stopped` when all is gone. */
void penstock_machine_stop(struct penstock_machine *machine, void (*stopped)(void *argument),
			   void *argument);

/* The store's `committed`: every row with a sequence <= `sequence` is on disk. */
void penstock_machine_committed(struct penstock_machine *machine, uint64_t sequence);

/* They count from now on, also what was before. */
void penstock_machine_set_tdr_limits(struct penstock_machine *machine, uint32_t adapter_index,
				     const struct penstock_tdr_limits *limits);

/*
 * Admits a principal again that was blocked for hanging adapters, with *ret_adapters of them.
 * SUCCESS, or NOT_FOUND: it is not blocked, or not there.
 */
PENSTOCK_MUST_CHECK
enum penstock_status penstock_unblock(struct penstock_machine *machine, const char *principal,
				      uint32_t *ret_adapters);

/* No submission is held any more (drain). */
bool penstock_machine_idle(const struct penstock_machine *machine);

/* ---------------------------------------------------------------- sessions */

struct penstock_session_id {
	uint64_t high;
	uint64_t low;
};

/* From the session to its connection; made on a later turn than the call that caused it. */
struct penstock_session_events {
	void *owner;
	/* `fence`: the latest retired serial of that context. SUCCESS, or why it did not run. */
	void (*fence)(void *owner, uint64_t context_name, uint64_t fence,
		      enum penstock_status status);
	/*
	 * What the client waits for itself: the object's value reached what it waited for, or
	 * DEVICE_REMOVED: the device is lost, and it is not waited for any more. Once a Wait.
	 */
	void (*sync_value)(void *owner, uint64_t object_name, uint64_t value,
			   enum penstock_status status);
	/* Credits came back: the connection may read again. */
	void (*resume)(void *owner);
	/* The store has committed everything up to `serial`: replies up to it may leave. */
	void (*durable)(void *owner, uint64_t serial);
	/*
	 * The session was ended by somebody else (administrator, adapter), or resumed by another
	 * connection: told from inside that connection's call.
	 */
	void (*ended)(void *owner, enum penstock_status status, const char *sentence);
};

/*
 * A new session of the principal called `principal` ("uid:1000", "loopback"). `lease_s` as asked;
 * what is granted is in *ret_lease_s. SUCCESS, QUOTA_EXCEEDED, NO_MEMORY.
 */
PENSTOCK_MUST_CHECK
enum penstock_status penstock_session_new(struct penstock_machine *machine, const char *principal,
					  const char *client, uint32_t lease_s,
					  const struct penstock_session_events *events,
					  struct penstock_session **ret_session,
					  uint32_t *ret_lease_s);

/*
 * An earlier session of the same principal: NOT_FOUND for every other id, whoever has it. A
 * connection that still holds it is told `ended` first. *ret_last_serial: the highest executed.
 */
PENSTOCK_MUST_CHECK
enum penstock_status penstock_session_resume(struct penstock_machine *machine,
					     const char *principal, struct penstock_session_id id,
					     const struct penstock_session_events *events,
					     struct penstock_session **ret_session,
					     uint32_t *ret_lease_s, uint64_t *ret_last_serial);

/*
 * The connection is gone: with a lease the session waits, without one it ends. No event comes
 * after this call; requests that are PENDING are done with CANCELLED on a later turn, though what
 * they asked for may still happen. What was begun is still to be ended by who began it: an upload
 * with penstock_upload_end, a read-back whose bytes are out with penstock_read_back_end. The same
 * holds for penstock_session_end and after the event `ended`: the session is not the connection's
 * any more then, and it must not be named again.
 */
void penstock_session_disconnect(struct penstock_session *session);

/* Goodbye: ends at once, lease or not. */
void penstock_session_end(struct penstock_session *session);

struct penstock_session_id penstock_session_id(const struct penstock_session *session);

/*
 * The highest serial whose effects survive a crash; the reply gate. Equal to the highest executed
 * serial for a session without a lease.
 */
uint64_t penstock_session_durable_serial(const struct penstock_session *session);

/* It survives a crash itself, if it has a lease; told by `durable` where it does not yet. */
bool penstock_session_kept(const struct penstock_session *session);

/*
 * What a client is told again that lost its connection. It has received the answers of requests
 * and the ends of submissions up to `serial`: those are not kept any longer.
 */
void penstock_session_received(struct penstock_session *session, uint64_t serial);

/* How requests up to this serial were answered may not be known any more; 0: all of it is. */
uint64_t penstock_session_forgotten(const struct penstock_session *session);

/*
 * The refusals of requests behind `after`, up to `until`, in order; `tell` returns false to stop,
 * which is passed on. Complete once `until` is durable. The refusal is borrowed for the call.
 */
typedef bool penstock_refusal_fn(void *owner, uint64_t serial,
				 const struct penstock_refusal *refusal);
bool penstock_session_refusals(const struct penstock_session *session, uint64_t after,
			       uint64_t until, penstock_refusal_fn *tell, void *owner);

/*
 * Tells `fence`, at once, how all submissions from the serial `from` on ended that have, context by
 * context; where it is not known any more, CONNECTION_DISCONNECTED.
 */
void penstock_session_tell_fences(struct penstock_session *session, uint64_t from);

/* Over a credit limit: the connection stops reading until `resume`. */
bool penstock_session_over_credit(const struct penstock_session *session);

/*
 * Submissions wait until everything before them survives a crash; nothing is destroyed meanwhile.
 * `durable` or `fence` is called when it has changed. Never without a lease.
 */
bool penstock_session_gated(const struct penstock_session *session);

/* ---------------------------------------------------------------- requests */

/*
 * A request that answers later. The connection embeds one for each; `done` is called once, on a
 * later turn. Cancelled requests (session over) call done too, with CANCELLED.
 */
struct penstock_request {
	uint64_t serial;
	void (*done)(struct penstock_request *request, enum penstock_status status);
	struct penstock_list link;   /* objects' own while under way */
	void *state;                 /* likewise */
	enum penstock_status status; /* likewise, until done */
	/* filled when done is told a failure of a submission */
	struct penstock_refusal refusal;
	/* share */
	uint64_t token_high;
	uint64_t token_low;
	/* read-back: valid from done until penstock_read_back_end */
	const uint8_t *bytes;
	uint32_t size_bytes;
};

/*
 * Each call first checks that `serial` is the next of the session (WRONG_SERIAL otherwise: a
 * defect of the client, its connection is closed). A refused request is executed in that its
 * serial is used up. `ret_refusal->sentence` is filled on every failure.
 */
enum penstock_status penstock_create_device(struct penstock_session *session, uint64_t serial,
					    uint64_t name, uint32_t adapter_index, uint32_t flags,
					    struct penstock_refusal *ret_refusal);

struct penstock_context_info {
	uint64_t name;
	uint64_t device;
	uint32_t node_ordinal;
	uint32_t engine_affinity;
	uint32_t flags; /* PENSTOCK_CONTEXT_ */
	uint32_t dma_buffer_bytes;
	uint32_t allocation_list;
	uint32_t patch_location_list;
	int32_t priority;
};

#define PENSTOCK_CONTEXT_SYSTEM             0x1u /* refused */
#define PENSTOCK_CONTEXT_GDI                0x2u
#define PENSTOCK_CONTEXT_VIRTUAL_ADDRESSING 0x4u /* refused */
/* GuaranteedDmaBufferContract: a command buffer is one DMA buffer, whose sizes are reserved */
#define PENSTOCK_CONTEXT_GUARANTEED 0x10000u

enum penstock_status penstock_create_context(struct penstock_session *session, uint64_t serial,
					     const struct penstock_context_info *info,
					     struct penstock_refusal *ret_refusal);

struct penstock_create_allocation_info {
	uint64_t name;
	uint64_t device;
	uint64_t size_bytes;
	uint32_t width;
	uint32_t height;
	uint32_t format;
	uint32_t surface_type;
	uint32_t pitch_bytes;
	uint32_t segment_set;
	uint32_t preferred_segment;
	uint32_t flags;
	uint32_t priority;
};

/* PENDING while pages are reserved: the name is taken at once; uses of it wait. */
enum penstock_status penstock_create_allocation(struct penstock_session *session,
						const struct penstock_create_allocation_info *info,
						struct penstock_request *request,
						struct penstock_refusal *ret_refusal);

/* A stage of a pipeline: SPIR-V as the client sent it. */
struct penstock_pipeline_stage_info {
	uint32_t stage; /* enum penstock_shader_stage */
	const char *entry_point;
	const uint8_t *spirv; /* at any alignment; copied */
	uint32_t spirv_bytes;
	const struct penstock_shader_constant *constants;
	uint32_t constant_count;
};

struct penstock_create_pipeline_info {
	uint64_t name;
	uint64_t device;
	const struct penstock_pipeline_stage_info *stages;
	uint32_t stage_count;
	const struct penstock_graphics_state *graphics; /* copied; NULL: it is compute */
};

/*
 * PENDING while its shaders are checked and pages reserved: the name is taken at once, but what
 * uses it cannot be judged yet (penstock_session_makes_pipelines).
 */
enum penstock_status penstock_create_pipeline(struct penstock_session *session,
					      const struct penstock_create_pipeline_info *info,
					      struct penstock_request *request,
					      struct penstock_refusal *ret_refusal);

/* Whether submissions, and what takes names away, must wait for pipelines that are being made. */
bool penstock_session_makes_pipelines(const struct penstock_session *session);

/* Whether so many are being made that no more are taken on now. */
bool penstock_session_makes_many_pipelines(const struct penstock_session *session);

enum penstock_status penstock_share_allocation(struct penstock_session *session, uint64_t name,
					       struct penstock_request *request,
					       struct penstock_refusal *ret_refusal);

enum penstock_status penstock_open_allocation(struct penstock_session *session, uint64_t serial,
					      uint64_t name, uint64_t device, uint64_t token_high,
					      uint64_t token_low, bool read_only,
					      struct penstock_refusal *ret_refusal);

/*
 * Synchronisation objects: as allocations are made, shared and opened, but at once.
 */
enum penstock_status penstock_create_sync_object(struct penstock_session *session, uint64_t serial,
						 uint64_t name, uint64_t device, uint64_t value,
						 struct penstock_refusal *ret_refusal);

/* SUCCESS: the token is in the request. */
enum penstock_status penstock_share_sync_object(struct penstock_session *session, uint64_t name,
						struct penstock_request *request,
						struct penstock_refusal *ret_refusal);

enum penstock_status penstock_open_sync_object(struct penstock_session *session, uint64_t serial,
					       uint64_t name, uint64_t device, uint64_t token_high,
					       uint64_t token_low,
					       struct penstock_refusal *ret_refusal);

enum penstock_status penstock_query_sync_object(struct penstock_session *session, uint64_t serial,
						uint64_t name, uint64_t *ret_value,
						struct penstock_refusal *ret_refusal);

struct penstock_sync_info {
	uint64_t context; /* in its stream, as a submission of it; 0: the client itself, now */
	uint64_t object;
	uint64_t value;
};

/*
 * Of a context SUCCESS: admitted (its fence event will come), or a refusal. Of the client itself:
 * signalled; waited for, until `sync_value` tells. One Wait of the client for each object: a later
 * one takes the place of the one before.
 */
enum penstock_status penstock_signal(struct penstock_session *session, uint64_t serial,
				     const struct penstock_sync_info *info,
				     struct penstock_refusal *ret_refusal);
enum penstock_status penstock_wait(struct penstock_session *session, uint64_t serial,
				   const struct penstock_sync_info *info,
				   struct penstock_refusal *ret_refusal);

enum penstock_status penstock_destroy(struct penstock_session *session, uint64_t serial,
				      uint64_t name, struct penstock_refusal *ret_refusal);

/* Takes its place in the order of replies and does nothing else. */
enum penstock_status penstock_sync(struct penstock_session *session, uint64_t serial);

/*
 * A request that net refuses itself, with refusal->status, which is returned; or WRONG_SERIAL.
 */
enum penstock_status penstock_refuse_request(struct penstock_session *session, uint64_t serial,
					     const struct penstock_refusal *refusal);

/*
 * One submission, received whole: record, lists and command bytes, all borrowed for the call. It is
 * the submission of every context that it names, of one device and one node: each runs it and has
 * its own fence event; a refusal is of all of them.
 * SUCCESS: admitted (its fence event will come). A refusal (render's statuses, INVALID_HANDLE,
 * GRAPHICS_WRONG_ALLOCATION_DEVICE: an opening of another device; ACCESS_DENIED: WriteOperation on
 * a read-only opening; PREDECESSOR_FAILED, DEVICE_REMOVED, LIMIT_EXCEEDED, NO_MEMORY) is complete
 * when the call returns, except for large command buffers that are rendered on a worker: then
 * PENDING, and request->done tells.
 * `request` is only kept when PENDING is returned.
 */
enum penstock_status penstock_submit(struct penstock_session *session, uint64_t serial,
				     const struct penstock_submission_view *view,
				     struct penstock_request *request,
				     struct penstock_refusal *ret_refusal);

/*
 * An upload stands in session order. begin gives the place where the bytes are to be received:
 * the allocation itself where the range is idle, otherwise staging memory that is filled in when
 * it is. end: all bytes are there (request->done tells when they are in place: SUCCESS means
 * acknowledgeable) — or `torn`, and the request is forgotten. SUCCESS without a place (NULL): it
 * is sent again after a restart and what it wrote to is gone since; the bytes are dropped, no end.
 * `flags`: PENSTOCK_LOCK_. GRAPHICS_ALLOCATION_BUSY: DonotWait, and it would wait.
 */
enum penstock_status penstock_upload_begin(struct penstock_session *session, uint64_t name,
					   uint64_t offset, uint32_t size_bytes, uint32_t flags,
					   struct penstock_request *request,
					   uint8_t **ret_destination,
					   struct penstock_refusal *ret_refusal);
enum penstock_status penstock_upload_end(struct penstock_request *request, bool torn);

/*
 * A read-back stands in session order. SUCCESS: request->bytes are there now; PENDING: done tells.
 * They are the allocation's own bytes: later requests of the session that write it wait until
 * penstock_read_back_end. `flags` likewise.
 */
enum penstock_status penstock_read_back(struct penstock_session *session, uint64_t name,
					uint64_t offset, uint32_t size_bytes, uint32_t flags,
					struct penstock_request *request,
					struct penstock_refusal *ret_refusal);
void penstock_read_back_end(struct penstock_request *request);

/*
 * For all of the openings or none: what they name may be dropped once the submissions and transfers
 * so far have ended (`priority` is PENSTOCK_OFFER_), and cannot be used until it is reclaimed.
 * Reclaim says at once which contents are lost; asked again, it says the same until they are
 * written. Priorities count from now on. Only for whoever pays where the allocation is shared.
 * SUCCESS, INVALID_HANDLE, INVALID_PARAMETER (priority), LIMIT_EXCEEDED (count), ACCESS_DENIED,
 * NO_MEMORY.
 */
enum penstock_status penstock_offer_allocations(struct penstock_session *session, uint64_t serial,
						const uint64_t *names, size_t count,
						uint32_t priority,
						struct penstock_refusal *ret_refusal);
enum penstock_status penstock_reclaim_allocations(struct penstock_session *session, uint64_t serial,
						  const uint64_t *names, size_t count,
						  bool *ret_discarded,
						  struct penstock_refusal *ret_refusal);
enum penstock_status penstock_set_allocation_priority(struct penstock_session *session,
						      uint64_t serial, const uint64_t *names,
						      size_t count, uint32_t priority,
						      struct penstock_refusal *ret_refusal);

/* D3DKMT_DEVICEEXECUTION_STATE */
enum penstock_device_execution {
	PENSTOCK_DEVICE_ACTIVE = 1,
	PENSTOCK_DEVICE_RESET = 2, /* a restart or a reset lost its work or its contents */
	PENSTOCK_DEVICE_HUNG = 3,
	PENSTOCK_DEVICE_STOPPED = 4, /* its adapter stopped */
	PENSTOCK_DEVICE_ERROR_OUTOFMEMORY = 5,
	PENSTOCK_DEVICE_ERROR_DMAFAULT = 6,
	PENSTOCK_DEVICE_ERROR_DMAPAGEFAULT = 7,
};

struct penstock_device_state {
	uint32_t execution_state; /* D3DKMT_DEVICEEXECUTION_STATE */
	uint32_t fault_node;
	uint64_t fault_address;
	uint32_t fault_dma_offset;
	uint64_t fault_fence;          /* client fence of the submission; 0: no fault */
	const char *fault_instruction; /* its mnemonic, static; NULL or "": not known */
	uint32_t fault_command_offset; /* of that, in the submission's command buffer */
	char reason[256];
};

enum penstock_status penstock_query_device(struct penstock_session *session, uint64_t serial,
					   uint64_t name, struct penstock_device_state *ret_state,
					   struct penstock_refusal *ret_refusal);

struct penstock_context_state {
	uint32_t dma_buffer_bytes;
	uint32_t allocation_list;
	uint32_t patch_location_list;
	uint32_t queued_buffer_count;
	uint64_t completed_fence;
};

enum penstock_status penstock_query_context(struct penstock_session *session, uint64_t serial,
					    uint64_t name, struct penstock_context_state *ret_state,
					    struct penstock_refusal *ret_refusal);

#endif
