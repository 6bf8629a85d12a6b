/* SPDX-License-Identifier: MIT */
/*
 * The store: what of the objects is kept in sqlite. Rows are queued on the loop thread, written in
 * groups by the store thread, one transaction for all that is queued; `committed` tells how far.
 * What is queued during one turn of the loop is never split over two transactions, so that an
 * object and what hangs on it are there together or not at all.
 *
 *   owner: put --> pending --(end of the turn)--> queued --> store thread: BEGIN ... COMMIT
 *            ^                                                                     |
 *            +-------- committed(sequence), or failed(status), on the loop <-------+
 *
 * Documents: docs/store.md, migrations/.
 */
#ifndef PENSTOCK_STORE_H
#define PENSTOCK_STORE_H

#include "proto/base/base.h"
#include "proto/graphics.h"
#include "proto/wire/status.h"

struct penstock_store;

/* How often the disk is asked to mean it. The product has one answer, the first. */
enum penstock_store_synchronous {
	PENSTOCK_STORE_EXTRA, /* what is acknowledged survives the loss of power */
	PENSTOCK_STORE_FULL,
	PENSTOCK_STORE_NORMAL,
	PENSTOCK_STORE_OFF,
};

struct penstock_store_config {
	const char *path; /* of the database; its folder exists */
	void *loop;       /* uv_loop_t: where `committed` is called */
	void *owner;
	/* Every row with a sequence <= `sequence` is on disk. */
	void (*committed)(void *owner, uint64_t sequence);
	/* The disk refused (DISK_FULL, IO_DEVICE_ERROR, DATA_ERROR): nothing after the last
	 * committed sequence will be; the owner stops acknowledging. Called once at most. */
	void (*failed)(void *owner, enum penstock_status status, const char *text);
	/* For tests, which show with it that they can tell; zeroed otherwise. */
	struct {
		const char *vfs; /* name of a registered sqlite VFS; NULL: the system's */
		enum penstock_store_synchronous synchronous;
		uint32_t checkpoint_frames; /* 0: the store's own choice */
	} test;
};

/*
 * Opens, checks and migrates (a backup beside it before the first migration), prepares every
 * statement, starts the thread. SUCCESS; REVISION_MISMATCH (written by a newer Penstock, or a
 * migration's hash differs); DATA_ERROR (damaged, or no Penstock database); IO_DEVICE_ERROR;
 * DISK_FULL; NO_MEMORY. The text names the file and the fault.
 */
PENSTOCK_MUST_CHECK
enum penstock_status penstock_store_open(const struct penstock_store_config *config,
					 struct penstock_store **ret_store,
					 struct penstock_errbuf *reterr_text);

/*
 * Commits what is queued (`committed` and `failed` may still be called), stops the thread, calls
 * `closed` on a later turn of the loop; the store is freed then.
 */
void penstock_store_close(struct penstock_store *store, void (*closed)(void *argument),
			  void *argument);

/* ---------------------------------------------------------------- rows */

struct penstock_principal_row {
	uint64_t id; /* > 0, never used again */
	char name[128];
};

struct penstock_session_row {
	uint64_t id;      /* the daemon's number, > 0 */
	uint64_t id_high; /* what the client knows */
	uint64_t id_low;
	uint64_t principal;
	uint32_t lease_s;
	uint64_t progress_record; /* memory/progress.h */
	uint64_t row_serial; /* see penstock_store_put_row_serial; a put keeps what is stored */
	char client[64];
	uint64_t forgotten_serial; /* see penstock_store_forget_answers; likewise */
};

struct penstock_device_row {
	uint64_t id;
	uint64_t session;
	uint64_t name;
	uint32_t flags;
	uint32_t execution_state;
	uint32_t adapter; /* below PENSTOCK_LIMIT_ADAPTERS */
};

struct penstock_context_row {
	uint64_t id;
	uint64_t device;
	uint64_t name;
	uint32_t node_ordinal;
	uint32_t flags;
	uint32_t dma_buffer_bytes;
	uint32_t allocation_list;
	uint32_t patch_location_list;
	int32_t priority;
	uint64_t progress_record; /* memory/progress.h */
};

struct penstock_allocation_row {
	uint64_t id;
	uint64_t principal;
	uint64_t size_bytes;
	uint64_t record; /* memory/location.h */
	uint32_t segment_set;
	uint32_t preferred_segment;
	uint32_t flags;
	uint32_t priority;
	uint32_t width;
	uint32_t height;
	uint32_t format;
	uint32_t surface_type;
	uint32_t pitch_bytes;
	uint64_t token_high; /* 0/0: not shared */
	uint64_t token_low;
	uint32_t adapter; /* below PENSTOCK_LIMIT_ADAPTERS */
};

/* An allocation that is a pipeline. */
struct penstock_pipeline_row {
	uint64_t allocation;
	uint32_t kind;          /* enum penstock_pipeline_kind */
	uint32_t binding_count; /* at most PENSTOCK_LIMIT_DESCRIPTORS */
	uint32_t targets_written;
	struct penstock_graphics_state graphics; /* all zero: it has none */
};

/* A descriptor binding that the shaders of a pipeline use. */
struct penstock_pipeline_binding_row {
	uint64_t allocation;
	uint32_t set;     /* below PENSTOCK_LIMIT_DESCRIPTOR_SETS */
	uint32_t binding; /* below PENSTOCK_LIMIT_BINDING_NUMBER */
	uint32_t type;    /* enum penstock_descriptor */
	uint32_t count;   /* 1 to PENSTOCK_LIMIT_DESCRIPTORS */
	uint32_t least_bytes;
	bool written;
	uint32_t flags;
	uint32_t dimension;
	uint32_t number;
	uint32_t format;
};

struct penstock_opening_row {
	uint64_t id;
	uint64_t device;
	uint64_t allocation;
	uint64_t name;
	bool read_only;
};

struct penstock_sync_object_row {
	uint64_t id;
	uint32_t adapter;    /* below PENSTOCK_LIMIT_ADAPTERS */
	uint64_t token_high; /* 0/0: not shared */
	uint64_t token_low;
	uint64_t progress_record; /* memory/progress.h */
};

struct penstock_sync_opening_row {
	uint64_t id;
	uint64_t device;
	uint64_t sync_object;
	uint64_t name;
};

/* An element of a context's allocation table: its last accepted list. */
struct penstock_list_row {
	uint64_t opening; /* 0: NULL element */
	uint32_t index;
	bool write_operation;
	uint32_t segment_id;
	uint64_t address;
};

/* What a leased session was told that is no success: a refusal, or how submissions ended. */
struct penstock_answer_row {
	uint64_t session;
	uint64_t serial;    /* > 0; of an ending: its fence */
	uint64_t context;   /* name; 0: a refusal; one row a serial and context */
	uint64_t ran_until; /* of an ending: that context's submissions up to this fence ran */
	uint32_t status;    /* enum penstock_status, on the wire */
	bool at_instruction;
	uint32_t byte_offset;
	char instruction[32];
	char operand[32];
	char sentence[192];
};

/*
 * Queue a row, copied; loop thread; return its sequence (> 0, growing). put replaces the row of
 * that id and leaves what hangs on it alone. A row's parents are put before it, in the same turn
 * or earlier; otherwise the store fails (DATA_ERROR). Text is cut to its field. Where memory runs
 * out `failed` is called (on a later turn) and 0 returned, as from then on. Deleting a row takes
 * what hangs on it along: a principal its sessions and allocations, a session its devices,
 * name floors and answers, a device its contexts and openings, an allocation its openings and what
 * makes it a pipeline, a synchronisation object its openings, a context its list. An opening that
 * goes leaves NULL elements in lists. Deleting what is not there is legal.
 */
uint64_t penstock_store_put_principal(struct penstock_store *store,
				      const struct penstock_principal_row *row);
uint64_t penstock_store_put_session(struct penstock_store *store,
				    const struct penstock_session_row *row);
uint64_t penstock_store_put_device(struct penstock_store *store,
				   const struct penstock_device_row *row);
uint64_t penstock_store_put_context(struct penstock_store *store,
				    const struct penstock_context_row *row);
uint64_t penstock_store_put_allocation(struct penstock_store *store,
				       const struct penstock_allocation_row *row);
/* Behind its allocation, and its binding_count bindings behind it, all in one turn. */
uint64_t penstock_store_put_pipeline(struct penstock_store *store,
				     const struct penstock_pipeline_row *row);
uint64_t penstock_store_put_pipeline_binding(struct penstock_store *store,
					     const struct penstock_pipeline_binding_row *row);
uint64_t penstock_store_put_opening(struct penstock_store *store,
				    const struct penstock_opening_row *row);
uint64_t penstock_store_put_sync_object(struct penstock_store *store,
					const struct penstock_sync_object_row *row);
uint64_t penstock_store_put_sync_opening(struct penstock_store *store,
					 const struct penstock_sync_opening_row *row);
/* Replaces the context's list; at most PENSTOCK_LIMIT_ALLOCATION_LIST rows of different index.
 * The context and openings may be gone by now: a list is written late. */
uint64_t penstock_store_put_list(struct penstock_store *store, uint64_t context,
				 const struct penstock_list_row *rows, uint32_t count);

enum penstock_store_kind {
	PENSTOCK_STORE_PRINCIPAL,
	PENSTOCK_STORE_SESSION,
	PENSTOCK_STORE_DEVICE,
	PENSTOCK_STORE_CONTEXT,
	PENSTOCK_STORE_ALLOCATION,
	PENSTOCK_STORE_OPENING,
	PENSTOCK_STORE_SYNC_OBJECT,
	PENSTOCK_STORE_SYNC_OPENING,
};

uint64_t penstock_store_put_answer(struct penstock_store *store,
				   const struct penstock_answer_row *row);

uint64_t penstock_store_delete(struct penstock_store *store, enum penstock_store_kind kind,
			       uint64_t id);

/* The session's answers up to `serial` go: its client has received them. */
uint64_t penstock_store_delete_answers(struct penstock_store *store, uint64_t session,
				       uint64_t serial);

/* They go though the client may not have received them, which the session's row remembers. */
uint64_t penstock_store_forget_answers(struct penstock_store *store, uint64_t session,
				       uint64_t serial);

/*
 * The request with that serial changed a row of the session, in this turn: it is written in the
 * same transaction. After a restart, requests up to the highest such serial may or may not have
 * been executed, those above changed nothing. A smaller serial than before is dropped.
 */
uint64_t penstock_store_put_row_serial(struct penstock_store *store, uint64_t session,
				       uint64_t serial);

/* An adapter, with the generation id of the memory directory whose contents its rows speak of. */
uint64_t penstock_store_put_adapter(struct penstock_store *store, uint32_t index,
				    const uint8_t memory_generation[16]);

/* A name's highest generation, so that a name of before is never valid again. */
uint64_t penstock_store_put_name_floor(struct penstock_store *store, uint64_t session,
				       uint32_t index, uint32_t generation);

/*
 * Rows queued and not committed yet. Beyond PENSTOCK_LIMIT_STORE_QUEUED the owner stops reading
 * whoever causes more: a slow disk must not cost memory without end.
 */
uint64_t penstock_store_queued(const struct penstock_store *store);

/* ---------------------------------------------------------------- at start */

/*
 * Called for every row, adapters first, parents before children, each table by growing id, a
 * pipeline's bindings by set and binding and before its openings; before any row is queued. Return
 * false to stop: the row contradicts what came before. A call may be NULL: rows of that table are
 * checked and dropped.
 */
struct penstock_store_loader {
	void *owner;
	void (*adapter)(void *owner, uint32_t index, const uint8_t memory_generation[16]);
	bool (*principal)(void *owner, const struct penstock_principal_row *row);
	bool (*session)(void *owner, const struct penstock_session_row *row);
	bool (*device)(void *owner, const struct penstock_device_row *row);
	bool (*context)(void *owner, const struct penstock_context_row *row);
	bool (*allocation)(void *owner, const struct penstock_allocation_row *row);
	bool (*pipeline)(void *owner, const struct penstock_pipeline_row *row);
	bool (*pipeline_binding)(void *owner, const struct penstock_pipeline_binding_row *row);
	bool (*opening)(void *owner, const struct penstock_opening_row *row);
	bool (*sync_object)(void *owner, const struct penstock_sync_object_row *row);
	bool (*sync_opening)(void *owner, const struct penstock_sync_opening_row *row);
	bool (*list)(void *owner, uint64_t context, const struct penstock_list_row *row);
	bool (*name_floor)(void *owner, uint64_t session, uint32_t index, uint32_t generation);
	bool (*answer)(void *owner, const struct penstock_answer_row *row);
};

/*
 * Types, ranges, lengths and references were checked before a row is delivered, whatever the file
 * holds; what the values mean (flags, formats, states) is the owner's to judge. SUCCESS;
 * DATA_ERROR with file, table, row, column and fault (or a row that the owner stopped at);
 * IO_DEVICE_ERROR; NO_MEMORY.
 */
PENSTOCK_MUST_CHECK
enum penstock_status penstock_store_load(struct penstock_store *store,
					 const struct penstock_store_loader *loader,
					 struct penstock_errbuf *reterr_text);

/* The highest id ever used of a kind, deleted rows included. */
uint64_t penstock_store_highest_id(const struct penstock_store *store,
				   enum penstock_store_kind kind);

#endif
