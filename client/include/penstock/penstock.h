/* SPDX-License-Identifier: MIT */
/*
 * libpenstock: submit render and compute work to a Penstock daemon.
 *
 * A program connects, creates a device, a context and allocations, and submits command buffers.
 * Requests are pipelined: a call that creates, opens, destroys, submits or starts a transfer puts
 * the request in the connection's send buffer and returns; nothing is waited for. What is created
 * can be used at once. The few calls that wait say so.
 *
 * Handles. Devices, contexts and opened allocations are 64-bit handles which mean something in
 * one session only; 0 is none. Connections and command buffers are opaque pointers.
 *
 * Serials. Each request has a serial: 1 for the first of a session, then one more each. The fence
 * of a submission is its serial. Fences of a context are reached in order.
 *
 * Errors. Every call that can fail returns an enum penstock_status. Status is about the call;
 * what the daemon says about a request later is a *failure* with the request's serial. Failures
 * go to the failure callback, or, where there is none, are kept until they are asked for
 * (penstock_failure_next); none is lost. No call aborts the caller, raises a signal or writes to a
 * standard stream. Values come back through ret_ parameters, which are left alone on failure.
 *
 * Waiting. Calls that wait run the connection meanwhile: they send, receive and call back. A
 * program with an event loop uses penstock_connection_descriptor, _events and _dispatch instead,
 * and penstock_connection_set_blocking(false).
 *
 * Threads. A connection and everything made from it is used by one thread at a time; different
 * connections, and command buffers, are independent. There are no globals.
 *
 * Callbacks run from inside penstock_connection_dispatch or a call that waits. They may make
 * requests; a call that would have to wait, dispatch or close there returns NOT_SUPPORTED.
 *
 * Lost connections. The connection of a session with a lease is made again when it breaks, unless
 * options.reconnect says no: the calls that wait, and dispatch and flush, do it on the way, never
 * longer than they wait otherwise, and what was under way goes on as if nothing had happened:
 * requests that were not executed are sent again, everything is executed once, refusals and fences
 * that were missed are told. A daemon that is killed and started again is such a loss; submissions
 * that were running then end with DEVICE_REMOVED. Meanwhile requests are gathered, the descriptor
 * is -1 or another one, and penstock_connection_timeout says when to dispatch. It ends with
 * NOT_FOUND when the lease has run out; a connection that the daemon closed because of what it was
 * sent, or because another connection resumed the session, is not made again.
 *
 * One thing cannot be told again: bytes of a read-back that was executed, if the program has
 * requested since that its allocation be written (as named by that handle). Such a transfer ends
 * with CONNECTION_DISCONNECTED. Names of servers are resolved anew, which waits for the resolver.
 *
 * Statuses that every call with a connection may return, besides those that it names:
 * CONNECTION_DISCONNECTED or the reason why the connection ended (penstock_connection_status
 * tells the sentence); NO_MEMORY; and INVALID_PARAMETER for a NULL where none is allowed.
 */
#ifndef PENSTOCK_PENSTOCK_H
#define PENSTOCK_PENSTOCK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "penstock/graphics.h"
#include "penstock/status.h"
#include "penstock/values.h"

#define PENSTOCK_API __attribute__((visibility("default")))

#ifdef __cplusplus
extern "C" {
#endif

struct penstock_connection;
struct penstock_command_buffer;

/* A `timeout_ms` of this waits as long as it takes. */
#define PENSTOCK_FOREVER (-1)

/* Enough for any sentence, its terminating NUL included. */
#define PENSTOCK_SENTENCE_BYTES 256

/* Where a program and its environment (PENSTOCK_SERVER) name no server. */
#define PENSTOCK_DEFAULT_SERVER "unix:/run/penstock/penstock.sock"

/* "INVALID_PARAMETER", "invalid parameter"; static storage, never NULL. */
PENSTOCK_API const char *penstock_status_name(enum penstock_status status);
PENSTOCK_API const char *penstock_status_text(enum penstock_status status);

/* "0.1.0" */
PENSTOCK_API const char *penstock_version(void);

/* ---------------------------------------------------------------- failures */

/* Why the request `serial` was refused, or why an accepted submission did not run. */
struct penstock_failure {
	uint64_t serial;
	uint64_t context; /* of a submission; 0 for other requests */
	enum penstock_status status;
	bool accepted;        /* a submission was accepted, and then did not run */
	bool at_instruction;  /* the next three mean something */
	uint32_t byte_offset; /* in the command buffer */
	char instruction[32]; /* mnemonic */
	char operand[32];
	char sentence[PENSTOCK_SENTENCE_BYTES];
};

/* ---------------------------------------------------------------- connecting */

struct penstock_callbacks {
	void *owner;
	/* Submissions of `context` up to `fence` are done: they ran, or `status` says why not. */
	void (*fence)(void *owner, uint64_t context, uint64_t fence, enum penstock_status status);
	/* A request failed. `failure` is borrowed for the call. */
	void (*failure)(void *owner, const struct penstock_failure *failure);
	/* The connection ended; the last callback. `sentence` is borrowed for the call. */
	void (*closed)(void *owner, enum penstock_status status, const char *sentence);
	/* It was lost, and is being made again. */
	void (*lost)(void *owner, enum penstock_status status, const char *sentence);
	/* That succeeded; what had not been executed is on its way again. */
	void (*resumed)(void *owner);
};

/*
 * Sees every byte of the connection, hello and welcome included, in the order in which they were
 * sent (`sent`) or received; for recordings. `bytes` is borrowed for the call, size_bytes > 0. A
 * resumed connection begins anew, wherever the one before it ended: then `bytes` is NULL and
 * size_bytes 0. It may call nothing of this library.
 */
struct penstock_tap {
	void *owner;
	void (*bytes)(void *owner, bool sent, const void *bytes, size_t size_bytes);
};

/*
 * How to connect. Start from PENSTOCK_OPTIONS_INIT. Strings are borrowed for the call.
 */
struct penstock_options {
	size_t struct_bytes; /* sizeof(struct penstock_options), for later versions */
	/*
	 * unix:PATH, or penstock://HOST:PORT. NULL: the environment's PENSTOCK_SERVER, and without
	 * that PENSTOCK_DEFAULT_SERVER.
	 */
	const char *server;
	const char *client;      /* for the operator, at most 64 bytes; NULL: the library's name */
	uint32_t lease_s;        /* how long the session outlives its connection; 0: not at all */
	int32_t timeout_ms;      /* for connect and hello together; PENSTOCK_FOREVER: no limit */
	uint64_t session_high;   /* an earlier session to resume; both 0: a new one */
	uint64_t session_low;    /* */
	uint32_t resume_handles; /* with an id: penstock_session_info.handles of that session */
	bool no_session;         /* only to look: no object can be made */
	bool reconnect;          /* with a lease: a lost connection is made again by itself */
	struct penstock_callbacks callbacks;
	struct penstock_tap tap; /* .bytes NULL: none */
};

#define PENSTOCK_OPTIONS_INIT                                                                      \
	{                                                                                          \
		sizeof(struct penstock_options), NULL, NULL, 0, 10000, 0, 0, 0, false, true,       \
			{ NULL, NULL, NULL, NULL, NULL, NULL },                                    \
		{                                                                                  \
			NULL, NULL                                                                 \
		}                                                                                  \
	}

/*
 * Connects and says hello; waits. `options` may be NULL. On success the caller owns
 * *ret_connection and ends it with penstock_connection_close. On failure, where `reterr_text` is
 * not NULL, it receives a sentence of at most `text_bytes` bytes.
 *
 * SUCCESS; INVALID_PARAMETER: the server's address has no known form; NOT_FOUND: no such host or
 * path, or no such session; CONNECTION_REFUSED, ACCESS_DENIED, TIMEOUT, IO_DEVICE_ERROR from the
 * system; GRAPHICS_DRIVER_MISMATCH: other protocol or instruction set; MALFORMED_FRAME,
 * MALFORMED_MESSAGE: what answers is no Penstock daemon; and what the daemon refuses with.
 */
PENSTOCK_API enum penstock_status penstock_connect(const struct penstock_options *options,
						   struct penstock_connection **ret_connection,
						   char *reterr_text, size_t text_bytes);

/*
 * The same over a connected stream socket, which the library takes over: it is closed on failure
 * too. options->server is not looked at.
 */
PENSTOCK_API enum penstock_status
penstock_connect_descriptor(int descriptor, const struct penstock_options *options,
			    struct penstock_connection **ret_connection, char *reterr_text,
			    size_t text_bytes);

/*
 * Ends the connection and frees it; NULL is accepted. What was not flushed is not sent; transfers
 * under way call back with CANCELLED. A session with a lease waits for its resumption, any
 * other ends. Not from inside a callback.
 */
PENSTOCK_API void penstock_connection_close(struct penstock_connection *connection);

/*
 * Ends the session at once, lease or not: sends all there is, waits for the answer; the connection
 * is over after that and is still to be closed. SUCCESS; TIMEOUT.
 */
PENSTOCK_API enum penstock_status
penstock_connection_goodbye(struct penstock_connection *connection, int32_t timeout_ms);

/*
 * Waits, at most `timeout_ms`, until a lost connection is made again. One that is not made again by
 * itself (options.reconnect) is by this: it connects to the same server and sends again what the
 * daemon has not executed; everything is executed once, refusals and fences that were missed are
 * told. Transfers and calls that waited have returned with the loss there and are not made again.
 * The descriptor changes. NOT_SUPPORTED: no lease, the connection is not lost, or it was made from
 * a descriptor; otherwise as penstock_connect: NOT_FOUND says that the lease has run out.
 */
PENSTOCK_API enum penstock_status penstock_connection_resume(struct penstock_connection *connection,
							     int32_t timeout_ms);

/* ---------------------------------------------------------------- running a connection */

/* For poll(): the socket, owned by the connection; -1 while it is lost. It may be another each
 * time. */
PENSTOCK_API int penstock_connection_descriptor(const struct penstock_connection *connection);

/* For poll(): POLLIN, and POLLOUT while there is something to send. */
PENSTOCK_API short penstock_connection_events(const struct penstock_connection *connection);

/*
 * For poll(): milliseconds until the connection is to be dispatched though nothing happens, because
 * it is being made again; PENSTOCK_FOREVER: there is no such time.
 */
PENSTOCK_API int32_t penstock_connection_timeout(const struct penstock_connection *connection);

/* Sends and receives what can be without waiting, and calls back. */
PENSTOCK_API enum penstock_status
penstock_connection_dispatch(struct penstock_connection *connection);

/*
 * Sends all there is. Blocking (the default): waits until the socket has taken it, receiving
 * meanwhile. Non-blocking: PENDING where something is left; poll for POLLOUT and dispatch.
 */
PENSTOCK_API enum penstock_status penstock_connection_flush(struct penstock_connection *connection);

/* Flushes, waits for something to happen, at most `timeout_ms`, and dispatches. TIMEOUT. */
PENSTOCK_API enum penstock_status penstock_connection_wait(struct penstock_connection *connection,
							   int32_t timeout_ms);

/*
 * Non-blocking: requests that would wait for credit or for the socket return
 * GRAPHICS_TRY_AGAIN_LATER and are not made. Calls that wait for an answer wait as before.
 */
PENSTOCK_API void penstock_connection_set_blocking(struct penstock_connection *connection,
						   bool blocking);

/* Replaces the callbacks. Failures that were kept stay where they are. */
PENSTOCK_API void penstock_connection_set_callbacks(struct penstock_connection *connection,
						    const struct penstock_callbacks *callbacks);

/*
 * SUCCESS while the connection lives, otherwise why it ended. *ret_sentence (may be NULL) is
 * borrowed until the connection is resumed or closed.
 */
PENSTOCK_API enum penstock_status
penstock_connection_status(const struct penstock_connection *connection, const char **ret_sentence);

/* Waits until everything before it has been answered, failures included. TIMEOUT. */
PENSTOCK_API enum penstock_status penstock_connection_sync(struct penstock_connection *connection,
							   int32_t timeout_ms);

/* ---------------------------------------------------------------- what the daemon offers */

struct penstock_session_info {
	uint64_t session_high;
	uint64_t session_low;
	const char *server;    /* name and version; borrowed from the connection */
	const char *principal; /* as the daemon knows the caller; borrowed likewise */
	uint64_t last_serial;  /* of the latest request made */
	uint64_t answered;     /* every request up to it was answered */
	uint32_t lease_s;      /* granted */
	bool resumed;
	uint32_t handles; /* used so far; for penstock_options.resume_handles */
	uint32_t protocol_major;
	uint32_t protocol_minor;
	uint32_t isa_version;
	uint32_t adapter_count;
	uint32_t max_payload_bytes; /* of one frame; transfers are cut to it */
	uint32_t held_submissions;  /* credit: accepted and not retired */
	uint64_t held_bytes;        /* credit: of commands and lists */
	uint32_t pitch_alignment;   /* bytes */
};

PENSTOCK_API enum penstock_status
penstock_connection_info(const struct penstock_connection *connection,
			 struct penstock_session_info *ret_info);

struct penstock_adapter_info {
	uint32_t index;          /* for penstock_device_info.adapter */
	const char *description; /* borrowed from the connection */
	uint32_t node_count;     /* node 0 renders and computes, node 1 copies */
	uint32_t segment_count;
	uint32_t presentation_caps;   /* DXGK_PRESENTATIONCAPS */
	uint32_t graphics_preemption; /* PENSTOCK_PREEMPTION_ */
	uint32_t compute_preemption;
	uint32_t hw_queue_packet_cap;
	bool test_instructions;
	bool pipelines; /* penstock_pipeline_create, dispatches */
};

/* `index` below adapter_count; NOT_FOUND. */
PENSTOCK_API enum penstock_status
penstock_connection_adapter(const struct penstock_connection *connection, uint32_t index,
			    struct penstock_adapter_info *ret_info);

struct penstock_segment_info {
	uint32_t id; /* 1 local memory, 2 aperture */
	uint32_t flags;
	uint64_t base_address;
	uint64_t size_bytes;
	uint64_t commit_limit_bytes;
};

/* `index` below that adapter's segment_count; NOT_FOUND. */
PENSTOCK_API enum penstock_status
penstock_connection_segment(const struct penstock_connection *connection, uint32_t adapter,
			    uint32_t index, struct penstock_segment_info *ret_info);

/*
 * What the Vulkan driver of an adapter with pipelines can do, in Vulkan's own words and less what
 * Penstock does not carry: docs/graphics.md, "Adapter".
 */
struct penstock_adapter_report;

/*
 * Asks; waits. The caller owns *ret_report. NOT_FOUND: there is no such adapter;
 * NOT_SUPPORTED: it has no pipelines.
 */
PENSTOCK_API enum penstock_status
penstock_adapter_query(struct penstock_connection *connection, uint32_t adapter,
		       struct penstock_adapter_report **ret_report);

/* What was borrowed from the report goes with it. NULL is accepted. */
PENSTOCK_API void penstock_adapter_report_free(struct penstock_adapter_report *report);

/* Borrowed from the report. */
struct penstock_adapter_names {
	const char *device;
	const char *driver;
	const char *driver_info;
};

PENSTOCK_API void penstock_adapter_report_names(const struct penstock_adapter_report *report,
						struct penstock_adapter_names *ret_names);

/* A field of a structure of Vulkan's. Name and values are borrowed from the report. */
struct penstock_adapter_fact {
	const char *name; /* "limits.maxImageDimension2D" */
	uint32_t kind;    /* enum penstock_fact_kind */
	uint32_t count;   /* of the values */
	const uint64_t *values;
};

/* From 0 on; NOT_FOUND: there are no more. */
PENSTOCK_API enum penstock_status
penstock_adapter_report_fact(const struct penstock_adapter_report *report, uint32_t index,
			     struct penstock_adapter_fact *ret_fact);

/* The value of that name, of an array the first; 0 where there is none, as a driver's would be. */
PENSTOCK_API uint64_t penstock_adapter_report_value(const struct penstock_adapter_report *report,
						    const char *name);

/* VkFormatProperties3 */
struct penstock_adapter_format {
	uint32_t format;  /* VkFormat */
	const char *name; /* "R8G8B8A8_UNORM"; static, "" where this library does not know it */
	uint64_t linear;  /* VkFormatFeatureFlags2 */
	uint64_t optimal;
	uint64_t buffer;
};

/* Likewise; formats of which there is any feature. */
PENSTOCK_API enum penstock_status
penstock_adapter_report_format(const struct penstock_adapter_report *report, uint32_t index,
			       struct penstock_adapter_format *ret_format);

/* VkMemoryType, of the memory that its GPU has beside the segments */
struct penstock_adapter_memory_type {
	uint32_t flags; /* VkMemoryPropertyFlags */
	uint32_t heap;
	uint64_t heap_bytes;
};

PENSTOCK_API enum penstock_status
penstock_adapter_report_memory_type(const struct penstock_adapter_report *report, uint32_t index,
				    struct penstock_adapter_memory_type *ret_type);

/* ---------------------------------------------------------------- requests and failures */

/* The serial of the latest request on this session; 0: none yet. */
PENSTOCK_API uint64_t penstock_request_last(const struct penstock_connection *connection);

/*
 * SUCCESS: executed (a submission: accepted); PENDING: not answered yet; otherwise the status of
 * its kept failure, and *ret_failure (may be NULL) is filled. The failure stays kept. One that was
 * delivered (to the callback, by a wait or by penstock_failure_next) is not known any more:
 * SUCCESS. INVALID_PARAMETER: no such request.
 */
PENSTOCK_API enum penstock_status
penstock_request_status(const struct penstock_connection *connection, uint64_t serial,
			struct penstock_failure *ret_failure);

/*
 * Flushes and waits until that is no longer PENDING; then the same, or TIMEOUT. A failure that it
 * returns is delivered by that, and no longer kept.
 */
PENSTOCK_API enum penstock_status penstock_request_wait(struct penstock_connection *connection,
							uint64_t serial, int32_t timeout_ms,
							struct penstock_failure *ret_failure);

/* Takes the oldest kept failure out. NOT_FOUND: there is none. Does not wait. */
PENSTOCK_API enum penstock_status penstock_failure_next(struct penstock_connection *connection,
							struct penstock_failure *ret_failure);

/*
 * What the daemon refused the latest call with that waits for its own answer (share, query, upload,
 * read back): those return the status, this tells the rest. NOT_FOUND: it was not refused.
 */
PENSTOCK_API enum penstock_status
penstock_failure_of_call(const struct penstock_connection *connection,
			 struct penstock_failure *ret_failure);

/* ---------------------------------------------------------------- objects */

struct penstock_device_info {
	uint32_t adapter; /* penstock_adapter_info.index */
	uint32_t flags;   /* DXGK_CREATEDEVICEFLAGS */
};

/* `info` may be NULL: the first adapter, no flags. */
PENSTOCK_API enum penstock_status penstock_device_create(struct penstock_connection *connection,
							 const struct penstock_device_info *info,
							 uint64_t *ret_device);

/* DXGK_CREATECONTEXTFLAGS that a client may set */
#define PENSTOCK_CONTEXT_GDI 0x2u
/*
 * GuaranteedDmaBufferContract: each command buffer becomes exactly one DMA
 * buffer and patch list, of the sizes that penstock_context_query reports, which are reserved until
 * the next translation is complete. What does not fit is INVALID_USER_BUFFER;
 * penstock_command_buffer_cost says what a buffer may need. Without it a command buffer may become
 * several.
 */
#define PENSTOCK_CONTEXT_GUARANTEED 0x10000u

struct penstock_context_create_info {
	uint64_t device;
	uint32_t node_ordinal;
	uint32_t engine_affinity; /* one bit; 0: engine 0 */
	uint32_t flags;           /* PENSTOCK_CONTEXT_ */
	uint32_t dma_buffer_bytes;
	uint32_t allocation_list;     /* elements; these three: 0 for the adapter's default */
	uint32_t patch_location_list; /* elements */
	int32_t priority;             /* -7..7 */
};

PENSTOCK_API enum penstock_status
penstock_context_create(struct penstock_connection *connection,
			const struct penstock_context_create_info *info, uint64_t *ret_context);

struct penstock_allocation_create_info {
	uint64_t device;
	uint64_t size_bytes; /* of a surface 0: height * pitch */
	uint32_t width;      /* pixels; of no surface all 0 */
	uint32_t height;
	uint32_t format;            /* enum penstock_format */
	uint32_t surface_type;      /* enum penstock_surface_type */
	uint32_t pitch_bytes;       /* 0: the row, rounded up to pitch_alignment */
	uint32_t segment_set;       /* bit n: segment n + 1 may hold it; 0: any */
	uint32_t preferred_segment; /* 0: the adapter's choice */
	uint32_t flags;             /* DXGK_ALLOCATIONINFOFLAGS */
	uint32_t priority;          /* D3DDDI_ALLOCATIONPRIORITY; 0: normal */
};

/* Creates an allocation and opens it on the device: *ret_allocation is that opening. */
PENSTOCK_API enum penstock_status
penstock_allocation_create(struct penstock_connection *connection,
			   const struct penstock_allocation_create_info *info,
			   uint64_t *ret_allocation);

struct penstock_shader_stage_info {
	uint32_t stage;          /* PENSTOCK_EXECUTION_MODEL_ */
	const char *entry_point; /* NULL: "main" */
	const void *spirv;
	uint32_t spirv_bytes; /* a multiple of 4, at most 1 MiB */
	const struct penstock_specialization_constant *constants;
	uint32_t constant_count; /* at most 256 */
};

struct penstock_pipeline_create_info {
	uint64_t device;
	const struct penstock_shader_stage_info *stages;
	uint32_t stage_count; /* a compute pipeline has one; at most 5 */
	/* Of a pipeline of graphics, which has a vertex stage; NULL: it is a compute pipeline. */
	const struct penstock_graphics_state *graphics;
};

/*
 * A state to begin with: triangles, one sample of which all are drawn, no vertex attributes, tests
 * or targets, one viewport and scissor, which are dynamic. What else there is to say is in
 * penstock/graphics.h; of a new target the write mask is 0.
 */
PENSTOCK_API void penstock_graphics_state_init(struct penstock_graphics_state *state);

/*
 * Creates a pipeline and opens it on the device: *ret_pipeline is that opening. Everything is
 * copied before the call returns. In an allocation list it stands like an allocation that is only
 * read; penstock_emit_bind_pipeline names it there. Nothing else can be done with it than that, and
 * penstock_object_destroy.
 *
 * It can be used at once: submissions wait in the daemon until the shaders are checked. What is
 * wrong with them is told later as a failure, with the checker's words.
 *
 * SUCCESS: it is on its way; LIMIT_EXCEEDED: more, or larger, than a pipeline can have.
 * The daemon may refuse it with NOT_IMPLEMENTED: the adapter has no pipelines
 * (penstock_adapter_info.pipelines).
 */
PENSTOCK_API enum penstock_status
penstock_pipeline_create(struct penstock_connection *connection,
			 const struct penstock_pipeline_create_info *info, uint64_t *ret_pipeline);

/*
 * How many bytes an image takes, from an offset of an allocation on that is a multiple of
 * PENSTOCK_IMAGE_ALIGNMENT. No connection is asked. INVALID_PARAMETER: no image is so.
 */
PENSTOCK_API enum penstock_status penstock_image_measure(const struct penstock_image *image,
							 uint64_t *ret_bytes);

/* Where texels of one level of one layer are, for uploads and read-backs without a copy. */
struct penstock_subresource {
	uint64_t offset_bytes; /* from where the image begins */
	uint64_t size_bytes;   /* of a 3D image: of all slices */
	uint64_t row_bytes;    /* from a row, of a compressed format of blocks, to the next */
	uint64_t layer_bytes;  /* from a layer, or a slice of a 3D image, to the next */
};

/*
 * Of a multisampled image where its first sample is. INVALID_PARAMETER: no image is so, or it has
 * no such level or layer.
 */
PENSTOCK_API enum penstock_status
penstock_image_subresource(const struct penstock_image *image, uint32_t level, uint32_t layer,
			   struct penstock_subresource *ret_subresource);

/* Whoever has it may open the allocation, in any session. */
struct penstock_share_token {
	uint64_t high;
	uint64_t low;
};

/* Waits for the token. INVALID_HANDLE and what else the daemon refuses with. */
PENSTOCK_API enum penstock_status penstock_allocation_share(struct penstock_connection *connection,
							    uint64_t allocation,
							    struct penstock_share_token *ret_token);

PENSTOCK_API enum penstock_status penstock_allocation_open(struct penstock_connection *connection,
							   uint64_t device,
							   const struct penstock_share_token *token,
							   bool read_only,
							   uint64_t *ret_allocation);

/*
 * Synchronisation objects: a 64-bit value that only grows, opened by a device as allocations are.
 * A context signals one in its stream when everything before that has retired, or waits for it
 * there, without costing the GPU anything; so does the client itself, at once. A signal of a value
 * that is not larger changes nothing.
 *
 * Where a signal will not come, the value becomes PENSTOCK_SYNC_END and whoever waits goes on: a
 * signal was accepted and did not run (its device was lost, or ended), or nobody has the object
 * open any more.
 */
#define PENSTOCK_SYNC_END UINT64_MAX

/* `value`: to begin with. */
PENSTOCK_API enum penstock_status
penstock_sync_object_create(struct penstock_connection *connection, uint64_t device, uint64_t value,
			    uint64_t *ret_object);

/* Waits for the token. INVALID_HANDLE and what else the daemon refuses with. */
PENSTOCK_API enum penstock_status
penstock_sync_object_share(struct penstock_connection *connection, uint64_t object,
			   struct penstock_share_token *ret_token);

PENSTOCK_API enum penstock_status
penstock_sync_object_open(struct penstock_connection *connection, uint64_t device,
			  const struct penstock_share_token *token, uint64_t *ret_object);

/* Signals it now: behind every earlier request, but not behind what contexts have still to do. */
PENSTOCK_API enum penstock_status
penstock_sync_object_signal(struct penstock_connection *connection, uint64_t object,
			    uint64_t value);

/*
 * Flushes and waits until the value is reached. TIMEOUT; DEVICE_REMOVED: its device is lost;
 * INVALID_HANDLE. A connection that is made again meanwhile goes on waiting.
 */
PENSTOCK_API enum penstock_status penstock_sync_object_wait(struct penstock_connection *connection,
							    uint64_t object, uint64_t value,
							    int32_t timeout_ms);

/*
 * The same without waiting: penstock_sync_object_reached tells once the connection was dispatched.
 * One value at a time is expected of each object, the latest.
 */
PENSTOCK_API enum penstock_status
penstock_sync_object_expect(struct penstock_connection *connection, uint64_t object,
			    uint64_t value);

/* The value that this connection knows to be reached, of what was waited for; 0: none. */
PENSTOCK_API uint64_t penstock_sync_object_reached(const struct penstock_connection *connection,
						   uint64_t object);

/* Asks for the value now; waits for the answer. INVALID_HANDLE. */
PENSTOCK_API enum penstock_status penstock_sync_object_value(struct penstock_connection *connection,
							     uint64_t object, uint64_t *ret_value);

/*
 * A device (with its contexts and openings), a context, or an opening. The handle is over at once;
 * the object goes when the last submission that uses it has retired.
 */
PENSTOCK_API enum penstock_status penstock_object_destroy(struct penstock_connection *connection,
							  uint64_t handle);

struct penstock_device_report {
	uint32_t execution_state; /* D3DKMT_DEVICEEXECUTION_STATE: 1 active */
	/* where it is a fault */
	uint32_t fault_node;
	uint64_t fault_address;        /* GPU address; 0: none */
	uint32_t fault_dma_offset;     /* bytes, in the DMA buffer */
	uint64_t fault_fence;          /* the submission: its fence; 0: it is no fault */
	uint32_t fault_command_offset; /* bytes, in that submission's command buffer */
	char fault_instruction[32];    /* the mnemonic of what is there; "": not known */
	char reason[256];
};

/* Waits. INVALID_HANDLE. */
PENSTOCK_API enum penstock_status penstock_device_query(struct penstock_connection *connection,
							uint64_t device,
							struct penstock_device_report *ret_report);

struct penstock_context_report {
	uint32_t dma_buffer_bytes;
	uint32_t allocation_list;
	uint32_t patch_location_list;
	uint32_t queued_buffer_count;
	uint64_t completed_fence;
};

/* Waits. INVALID_HANDLE. */
PENSTOCK_API enum penstock_status
penstock_context_query(struct penstock_connection *connection, uint64_t context,
		       struct penstock_context_report *ret_report);

/* ---------------------------------------------------------------- submitting */

/* D3DKMT_RENDER. Everything is copied before the call returns. */
struct penstock_submit_info {
	uint64_t context;
	const void *command;
	uint32_t command_offset; /* bytes: of the first instruction */
	uint32_t command_length; /* bytes, counted from `command` */
	const struct penstock_wire_allocation *allocations;
	uint32_t allocation_count;
	const struct penstock_patch_location *patch_locations; /* in command offsets; may be none */
	uint32_t patch_location_count;
	uint32_t flags;               /* PENSTOCK_SUBMIT_ */
	uint32_t new_command_bytes;   /* with RESIZE_COMMAND_BUFFER */
	uint32_t new_allocation_list; /* with RESIZE_ALLOCATION_LIST, elements */
	uint32_t new_patch_list;      /* with RESIZE_PATCH_LOCATION_LIST, elements */
	/*
	 * Further contexts of the same device and node, at most 64: each of them runs it too, and
	 * has this submission's fence as its own. A refusal is of all of them; resizes are the
	 * first context's. NULL and 0: none.
	 */
	const uint64_t *broadcast;
	uint32_t broadcast_count;
};

/*
 * Submits. *ret_fence (may be NULL) is the submission's serial and its fence. Small
 * submissions are gathered and sent together: at penstock_connection_flush, at a call that waits,
 * or when enough have come together. Waits for credit, see penstock_connection_set_blocking.
 *
 * SUCCESS: it is on its way; LIMIT_EXCEEDED: larger than a submission can be;
 * GRAPHICS_TRY_AGAIN_LATER. A broadcast counts against the credit once for each of its contexts.
 */
PENSTOCK_API enum penstock_status penstock_context_submit(struct penstock_connection *connection,
							  const struct penstock_submit_info *info,
							  uint64_t *ret_fence);

/*
 * Flushes and waits until the submission `fence` of `context` is done. SUCCESS: it ran. Otherwise
 * why it was refused or did not run, and *ret_failure (may be NULL) is filled: the failure is
 * delivered by that, and no longer kept. TIMEOUT; INVALID_PARAMETER: no such request;
 * INVALID_HANDLE: the context was destroyed before the fence was known; NOT_FOUND: it failed, and
 * the failure was delivered before (of the last 1024 that were; an older one may answer SUCCESS).
 */
PENSTOCK_API enum penstock_status penstock_context_wait(struct penstock_connection *connection,
							uint64_t context, uint64_t fence,
							int32_t timeout_ms,
							struct penstock_failure *ret_failure);

/* The latest fence of `context` that this connection knows to be reached; 0: none. */
PENSTOCK_API uint64_t penstock_context_fence(const struct penstock_connection *connection,
					     uint64_t context);

/*
 * In the stream of a context: the object, which its device has open, is signalled when everything
 * before this in the context has retired; or what is behind this does not run before the value is
 * reached. Each counts as a submission: *ret_fence (may be NULL) is its fence, and it waits for
 * credit likewise. Where more stands behind a wait than the credit holds, the daemon reads nothing
 * more of this connection until the wait is over.
 */
PENSTOCK_API enum penstock_status penstock_context_signal(struct penstock_connection *connection,
							  uint64_t context, uint64_t object,
							  uint64_t value, uint64_t *ret_fence);
PENSTOCK_API enum penstock_status penstock_context_wait_for(struct penstock_connection *connection,
							    uint64_t context, uint64_t object,
							    uint64_t value, uint64_t *ret_fence);

/* ---------------------------------------------------------------- transfers */

/*
 * Transfers stand in session order: after every earlier request that uses the allocation, before
 * every later one. Large ones are cut into several requests.
 */

/* Sends and waits until it is in place; `bytes` is not copied meanwhile. */
PENSTOCK_API enum penstock_status penstock_allocation_upload(struct penstock_connection *connection,
							     uint64_t allocation, uint64_t offset,
							     const void *bytes,
							     uint64_t size_bytes);

/* Waits until all of it has come. */
PENSTOCK_API enum penstock_status
penstock_allocation_read_back(struct penstock_connection *connection, uint64_t allocation,
			      uint64_t offset, void *ret_bytes, uint64_t size_bytes);

/*
 * The end of a transfer that was started: SUCCESS, what it was refused with, or CANCELLED. Called
 * once. The memory is the caller's again.
 */
typedef void penstock_transfer_done(void *owner, enum penstock_status status);

/*
 * Start a transfer; `bytes` stays the connection's until `done` (not NULL) is called. Where these
 * return anything but SUCCESS, `done` is not called. The failure is handed to `done` only.
 */
PENSTOCK_API enum penstock_status
penstock_allocation_upload_start(struct penstock_connection *connection, uint64_t allocation,
				 uint64_t offset, const void *bytes, uint64_t size_bytes,
				 penstock_transfer_done *done, void *owner);
PENSTOCK_API enum penstock_status
penstock_allocation_read_back_start(struct penstock_connection *connection, uint64_t allocation,
				    uint64_t offset, void *bytes, uint64_t size_bytes,
				    penstock_transfer_done *done, void *owner);

/*
 * The same with lock flags (PENSTOCK_LOCK_) for an allocation that the GPU is using. With `done`
 * they start the transfer, without (NULL) they wait. Where it is cut into several requests, Discard
 * is of the first of them: the rest goes to the same instance.
 *
 * DonotWait: GRAPHICS_ALLOCATION_BUSY instead of waiting for the GPU; LIMIT_EXCEEDED: more than one
 * request, of which the first might be taken and the second not (8 MiB always are one).
 * Discard, of uploads: what the allocation held is not wanted. Submissions made so far keep it,
 * those behind get a new instance at once, with these bytes; what is not uploaded is undefined.
 * IgnoreSync, of uploads: the GPU does not use this range; nothing is waited for.
 * IgnoreReadSync: only submissions that list the allocation with WriteOperation are waited for.
 * INVALID_PARAMETER: flags that contradict each other. ACCESS_DENIED: any but DonotWait, for an
 * allocation that another principal shares.
 */
PENSTOCK_API enum penstock_status
penstock_allocation_upload_with(struct penstock_connection *connection, uint64_t allocation,
				uint64_t offset, const void *bytes, uint64_t size_bytes,
				uint32_t flags, penstock_transfer_done *done, void *owner);
PENSTOCK_API enum penstock_status
penstock_allocation_read_back_with(struct penstock_connection *connection, uint64_t allocation,
				   uint64_t offset, void *bytes, uint64_t size_bytes,
				   uint32_t flags, penstock_transfer_done *done, void *owner);

/* ---------------------------------------------------------------- offer and reclaim */

/*
 * What these allocations hold is not needed for now and may be dropped where memory is wanted, from
 * the end of the submissions made so far on. Until they are reclaimed nothing can be done with
 * them: GRAPHICS_INVALID_ALLOCATION_USAGE. All of them or none. `priority` is PENSTOCK_OFFER_. At
 * most 4096 allocations in one call (LIMIT_EXCEEDED), as in the next two.
 */
PENSTOCK_API enum penstock_status penstock_allocations_offer(struct penstock_connection *connection,
							     const uint64_t *allocations,
							     uint32_t count, uint32_t priority);

/*
 * They can be used again. Waits. ret_discarded[i] says whether the content of allocations[i] was
 * lost: it reads as zeros then.
 */
PENSTOCK_API enum penstock_status
penstock_allocations_reclaim(struct penstock_connection *connection, const uint64_t *allocations,
			     uint32_t count, bool *ret_discarded);

/* D3DDDI_ALLOCATIONPRIORITY, 0x28000000 to 0xC8000000: who stays in local memory; at once. */
PENSTOCK_API enum penstock_status
penstock_allocations_set_priority(struct penstock_connection *connection,
				  const uint64_t *allocations, uint32_t count, uint32_t priority);

/* ---------------------------------------------------------------- building command buffers */

/*
 * A growing command buffer with its allocation list. It belongs to no connection and can be
 * submitted many times. The first call that fails makes the buffer bad: it and every later call,
 * submit included, return that status until the buffer is reset.
 */
PENSTOCK_API enum penstock_status
penstock_command_buffer_new(struct penstock_command_buffer **ret_buffer);

/* NULL is accepted. */
PENSTOCK_API void penstock_command_buffer_free(struct penstock_command_buffer *buffer);

/* Empties it; memory is kept. */
PENSTOCK_API void penstock_command_buffer_reset(struct penstock_command_buffer *buffer);

/*
 * The index of an allocation in the buffer's list, which is what instructions name; 0 is the NULL
 * element. An allocation that is there already keeps its index, and its flags are joined.
 * `flags` is PENSTOCK_ALLOCATION_. LIMIT_EXCEEDED: 65536 are there already.
 */
PENSTOCK_API enum penstock_status
penstock_command_buffer_list(struct penstock_command_buffer *buffer, uint64_t allocation,
			     uint32_t flags, uint16_t *ret_index);

/* Appends encoded instructions as they are; a multiple of 4 bytes is usual and not required. */
PENSTOCK_API enum penstock_status
penstock_command_buffer_append(struct penstock_command_buffer *buffer, const void *bytes,
			       uint32_t size_bytes);

/* What is in it; borrowed until the next call that changes the buffer. Each may be NULL. */
PENSTOCK_API enum penstock_status
penstock_command_buffer_contents(const struct penstock_command_buffer *buffer,
				 const void **ret_command, uint32_t *ret_command_bytes,
				 const struct penstock_wire_allocation **ret_list,
				 uint32_t *ret_list_count);

/*
 * What the emitted instructions may cost at most once translated: bytes of DMA buffer and entries
 * of patch list. Appended bytes are not counted.
 */
PENSTOCK_API enum penstock_status
penstock_command_buffer_cost(const struct penstock_command_buffer *buffer, uint64_t *ret_dma_bytes,
			     uint64_t *ret_patches);

/* penstock_context_submit of its contents; `flags` is PENSTOCK_SUBMIT_. The buffer is kept. */
PENSTOCK_API enum penstock_status
penstock_command_buffer_submit(struct penstock_command_buffer *buffer,
			       struct penstock_connection *connection, uint64_t context,
			       uint32_t flags, uint64_t *ret_fence);

/*
 * The functions that emit an instruction, penstock_emit_NAME, one for each row of the instruction
 * table, with its operands in order: a 16-bit index of the allocation list for an allocation,
 * bytes for offsets and sizes, `data` with its length or `sub_rects` with their count for what
 * trails. Nothing is validated: the daemon does that. LIMIT_EXCEEDED: the buffer, or one
 * instruction, would be larger than it can be; INVALID_PARAMETER: trailing bytes that are no
 * multiple of 4.
 */
#include "penstock/instructions.h"

/*
 * penstock_emit_image and penstock_emit_image_write of an image that is described by a struct:
 * `slot` of the group is the image that lies from `offset` on in the allocation.
 */
PENSTOCK_API enum penstock_status penstock_emit_image_of(struct penstock_command_buffer *buffer,
							 uint16_t allocation, uint64_t offset,
							 uint32_t slot,
							 const struct penstock_image *image);
PENSTOCK_API enum penstock_status
penstock_emit_image_write_of(struct penstock_command_buffer *buffer, uint16_t allocation,
			     uint64_t offset, uint32_t slot, const struct penstock_image *image);

/*
 * The worst case of one instruction with `elements` in its trailing array (dwords of data or
 * rectangles): what a context with guaranteed sizes is planned with. INVALID_PARAMETER: no such
 * instruction.
 */
PENSTOCK_API enum penstock_status penstock_instruction_worst_case(enum penstock_instruction_id id,
								  uint32_t elements,
								  uint32_t *ret_dma_bytes,
								  uint32_t *ret_patches);

#ifdef __cplusplus
}
#endif

#endif
