/* SPDX-License-Identifier: MIT */
/*
 * What a GPU is to the daemon: one table of calls with WDDM's names, and the calls back. All of it
 * is "Level One": one thread, the loop's. Implementations: emulated (a process per principal),
 * null (retires fences at once), faulty (for tests).
 *
 * Memory is files. The daemon registers each with the backend under a 32-bit file id; the system
 * process may address every file, a principal's process only those that were attached to it.
 * Addresses are the adapter's 64-bit GPU addresses.
 */
#ifndef PENSTOCK_BACKEND_H
#define PENSTOCK_BACKEND_H

#include "proto/base/base.h"
#include "proto/wire/status.h"

#define PENSTOCK_NODE_COUNT          2u /* 0 renders and computes, 1 copies */
#define PENSTOCK_NODE_RENDER_ORDINAL 0u
#define PENSTOCK_NODE_COPY_ORDINAL   1u

#define PENSTOCK_SEGMENT_LOCAL    1u
#define PENSTOCK_SEGMENT_APERTURE 2u

/* Segment bases: far apart, so that an address names its segment. */
#define PENSTOCK_LOCAL_BASE    0x0000000100000000ull
#define PENSTOCK_APERTURE_BASE 0x0000010000000000ull

/* A registered file. Ids are the daemon's, dense, never used again in one run. */
struct penstock_backend_file {
	uint32_t id;
	int descriptor;      /* borrowed for the call; O_RDONLY: can be mapped READ_ONLY only */
	uint64_t size_bytes; /* of the sparse file, multiple of a page; it never shrinks */
};

/* What a file is to the process that it is attached to. One LOCAL and one DUMMY at most. */
enum penstock_file_role {
	PENSTOCK_FILE_PAGES = 0, /* map_pages, page_fill and page_copy name it */
	/*
	 * Also the whole of segment 1: mapped once, at PENSTOCK_LOCAL_BASE. unmap_pages at an
	 * address of segment 1 brings it back.
	 */
	PENSTOCK_FILE_LOCAL = 1,
	/* Also what unmap_pages redirects the aperture to, at the same offset in the file. */
	PENSTOCK_FILE_DUMMY = 2,
};

struct penstock_backend;

/* The GPU's side of one principal, or the system process; first member of each backend's own. */
struct penstock_backend_process {
	struct penstock_backend *backend;
};

/* DXGKARG_SUBMITCOMMAND */
struct penstock_submit_args {
	uint32_t node_ordinal;
	uint32_t submission_fence_id;
	uint64_t dma_buffer_address; /* GPU address of the whole buffer */
	uint32_t submission_start_offset;
	uint32_t submission_end_offset;
	uint32_t flags;               /* PENSTOCK_SUBMITCOMMAND_ */
	uint64_t resume_position;     /* of the first instruction, from DMA_PREEMPTED; else 0 */
	const uint8_t *paging_buffer; /* PAGING: the instructions; copied before return */
	uint32_t paging_buffer_bytes; /* <= PENSTOCK_PAGING_BUFFER_BYTES */
};

#define PENSTOCK_SUBMITCOMMAND_PAGING         0x1u
#define PENSTOCK_SUBMITCOMMAND_NULL_RENDERING 0x8u
#define PENSTOCK_PAGING_BUFFER_BYTES          4096u

/* DXGKARGCB_NOTIFY_INTERRUPT_DATA */
enum penstock_interrupt_type {
	PENSTOCK_INTERRUPT_NONE =
		0, /* none: what is reported of a reset that none of them caused */
	PENSTOCK_INTERRUPT_DMA_COMPLETED = 1,
	PENSTOCK_INTERRUPT_DMA_PREEMPTED = 2,
	PENSTOCK_INTERRUPT_DMA_FAULTED = 4, /* illegal instruction in the DMA stream */
	PENSTOCK_INTERRUPT_DMA_PAGE_FAULTED = 9,
};

struct penstock_interrupt {
	enum penstock_interrupt_type type;
	uint32_t node_ordinal;
	/* COMPLETED: the latest, earlier ones are implied. FAULTED: the culprit. PREEMPTED: the
	 * request's. */
	uint32_t fence_id;
	uint32_t last_completed_fence_id;
	uint64_t fault_address;    /* PAGE_FAULTED: GPU address, 0 where it is in no segment */
	uint32_t fault_dma_offset; /* of the instruction, from the start of the buffer */
	bool fault_write;
	/*
	 * PREEMPTED: how far the first packet that did not complete got. Where it had begun
	 * (resume_offset not its start, or resume_position not 0), submitting it again with
	 * these as submission_start_offset and resume_position goes on from there.
	 */
	uint32_t resume_offset;
	uint64_t resume_position;
};

/* Calls back; borrowed, outlive the backend. Never made from inside a call of the table. */
struct penstock_backend_callbacks {
	void *owner;
	/* `process_owner` is what create_process was given. */
	void (*notify_interrupt)(void *owner, void *process_owner,
				 const struct penstock_interrupt *interrupt);
	/* The process ended by itself or was killed by a fault; reset_engine starts another. */
	void (*process_died)(void *owner, void *process_owner, int wait_status);
	/* What the GPU said cannot be: this adapter stops. */
	void (*adapter_failed)(void *owner, const char *reason);
};

struct penstock_backend_ops {
	const char *name;

	/*
	 * Ends every process and calls `stopped` once none is left (waited for). The backend is
	 * freed before the callback, and so are processes that were not destroyed.
	 */
	void (*stop)(struct penstock_backend *backend, void (*stopped)(void *argument),
		     void *argument);

	/*
	 * A principal's process, or with system = true the system process. Starts nothing yet: the
	 * first submit does. SUCCESS, NO_MEMORY.
	 */
	enum penstock_status (*create_process)(struct penstock_backend *backend, bool system,
					       void *process_owner,
					       struct penstock_backend_process **ret_process);

	/* The process ends, what it had queued is forgotten; no callback for it after this. */
	void (*destroy_process)(struct penstock_backend_process *process);

	/*
	 * Lets a process address a file from the next submit on. Remembered across reset_engine.
	 * The descriptor is duplicated. SUCCESS, NO_MEMORY, IO_DEVICE_ERROR.
	 */
	enum penstock_status (*attach_file)(struct penstock_backend_process *process,
					    const struct penstock_backend_file *file,
					    enum penstock_file_role role);
	/*
	 * Packets that name it have completed; what is mapped of it was unmapped (it stays
	 * addressable otherwise, until reset_engine). An id that is not attached: nothing happens.
	 */
	void (*detach_file)(struct penstock_backend_process *process, uint32_t file_id);

	/* DxgkDdiSubmitCommand: cannot fail. At most PENSTOCK_RING_PACKETS are on a ring at once.
	 */
	void (*submit_command)(struct penstock_backend_process *process,
			       const struct penstock_submit_args *args);

	/* Makes sure that what was submitted in this turn of the loop is seen: one doorbell. */
	void (*ring_doorbell)(struct penstock_backend_process *process);

	/*
	 * DxgkDdiQueryCurrentFence: before it returns, notify_interrupt has been called for any
	 * completed fence that was not reported yet. Never waits.
	 */
	void (*query_current_fence)(struct penstock_backend_process *process,
				    uint32_t node_ordinal);

	/*
	 * DxgkDdiPreemptCommand: asks; DMA_PREEMPTED answers, DMA_COMPLETED before it for what
	 * completed. Everything after its last_completed_fence_id that was submitted before this
	 * call is off the ring then. One request a node at a time.
	 */
	void (*preempt_command)(struct penstock_backend_process *process, uint32_t node_ordinal,
				uint32_t preemption_fence_id);

	/*
	 * DxgkDdiResetEngine: kills the process and waits for its end (it touches no memory
	 * after that). Then, and before it returns, notify_interrupt has been called for any
	 * completed fence that was not reported yet, so that what is not reported did not
	 * complete; packets that are submitted from inside of that go nowhere. Both rings are
	 * empty on return, nothing of before is reported any more, and the next submit starts
	 * another process, with its files attached and nothing mapped but LOCAL. Also the way to
	 * end an idle process. SUCCESS, or UNSUCCESSFUL: it did not end, and may still touch
	 * memory; nothing of it is reported, and it may be tried again.
	 */
	enum penstock_status (*reset_engine)(struct penstock_backend_process *process);

	/*
	 * Its packets may hold draws and dispatches from now on: remembered, the next process that
	 * is started for it can execute them. False: the process that is there cannot, and has to
	 * be replaced by reset_engine first. NULL: any can.
	 */
	bool (*need_pipelines)(struct penstock_backend_process *process);

	/*
	 * The fence of the packet that the node executed last, 0: none; and the
	 * offset of its instruction. What the GPU says: any numbers, good for choosing between
	 * packets of this one process and for a report, and for nothing else. NULL: never known.
	 */
	uint32_t (*running_fence)(const struct penstock_backend_process *process,
				  uint32_t node_ordinal, uint32_t *ret_dma_offset);

	/* DxgkDdiCollectDbgInfo: a bounded text without pointers; returns its length. */
	size_t (*collect_dbg_info)(struct penstock_backend_process *process, char *ret_text,
				   size_t text_bytes);

	/* The pid of the process, 0 where there is none. */
	int64_t (*process_id)(const struct penstock_backend_process *process);
};

/* First member of every backend. */
struct penstock_backend {
	const struct penstock_backend_ops *ops;
};

#define PENSTOCK_RING_PACKETS 64u /* of one node of one process */

/* map_pages.flags */
#define PENSTOCK_MAP_READ_ONLY 0x1u

/* What every backend is started with; borrowed for the call. */
struct penstock_backend_config {
	void *loop;              /* uv_loop_t of the daemon */
	const char *gpu_program; /* emulated: path of penstock-gpu */
	int memory_lock; /* emulated: locked descriptor that every process inherits, -1: none */
	uint64_t local_bytes;    /* size of segment 1 */
	uint64_t aperture_bytes; /* size of segment 2 */
	struct penstock_backend_callbacks callbacks;
};

enum penstock_status penstock_emulated_start(const struct penstock_backend_config *config,
					     struct penstock_backend **ret_backend,
					     struct penstock_errbuf *reterr_text);
enum penstock_status penstock_null_start(const struct penstock_backend_config *config,
					 struct penstock_backend **ret_backend,
					 struct penstock_errbuf *reterr_text);

#endif
