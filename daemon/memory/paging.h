/* SPDX-License-Identifier: MIT */
/*
 * Paging buffers: DxgkDdiBuildPagingBuffer, and the packets that carry them. Transfers and fills
 * run in the system process, which addresses files; maps and unmaps run in the principal's
 * process, whose address space they change. Documents: DXGKDDI_BUILDPAGINGBUFFER,
 * DXGKARG_BUILDPAGINGBUFFER. Loop thread.
 *
 *	operation   WAITING --build--> in the packet --fence--> done(executed)
 *	               ^------- more to move -------'
 *
 * A process has one packet on the hardware at most; what an operation may put into one is bounded,
 * so that a large transfer does not keep small ones waiting. Every paging instruction may be
 * executed twice.
 */
#ifndef PENSTOCK_PAGING_H
#define PENSTOCK_PAGING_H

#include "gpu-backend/backend.h"
#include "proto/base/list.h"

struct penstock_vidmm;
struct penstock_vidmm_process;

/* DXGK_BUILDPAGINGBUFFER_OPERATION */
enum penstock_paging_operation_type {
	PENSTOCK_OPERATION_TRANSFER = 0,
	PENSTOCK_OPERATION_FILL = 1,
	PENSTOCK_OPERATION_DISCARD_CONTENT = 2,
	PENSTOCK_OPERATION_MAP_APERTURE_SEGMENT = 5,
	PENSTOCK_OPERATION_UNMAP_APERTURE_SEGMENT = 6,
	PENSTOCK_OPERATION_NOTIFY_RESIDENCY = 15,
};

/*
 * One end of a transfer. segment_id 0: system memory, the file range is its MDL. Otherwise
 * segment_address says where in the segment; file and offset are what it resolves to
 * (memory/allocation.c does that in one place).
 */
struct penstock_paging_end {
	uint32_t segment_id;
	uint64_t segment_address;
	uint32_t file_id;
	uint64_t file_offset;
};

/* DXGK_TRANSFERFLAGS */
#define PENSTOCK_TRANSFER_ALLOCATION_IS_IDLE 0x4u
#define PENSTOCK_TRANSFER_START              0x8u  /* the first sub-transfer of an allocation */
#define PENSTOCK_TRANSFER_END                0x10u /* and the last */

/* DXGK_DISCARDCONTENTFLAGS */
#define PENSTOCK_DISCARD_ALLOCATION_IS_IDLE 0x1u

/* A single instruction moves at most this. */
#define PENSTOCK_SUB_TRANSFER_BYTES (16u << 20)

/* DXGKARG_BUILDPAGINGBUFFER */
struct penstock_build_paging_buffer {
	enum penstock_paging_operation_type operation;
	uint64_t allocation_id;    /* hAllocation, 0: none */
	uint8_t *dma_buffer;       /* in: where to write; out: one past the last byte */
	uint32_t dma_size;         /* in: bytes there are; out: bytes left */
	uint64_t multipass_offset; /* 0 at first; bytes done where INSUFFICIENT was returned */
	uint32_t references;       /* packets on the hardware that use the allocation */
	uint32_t flags;            /* PENSTOCK_TRANSFER_, PENSTOCK_DISCARD_ */
	uint64_t size_bytes;       /* whole pages; TRANSFER: 0 is an eviction notice */
	uint64_t address;          /* GPU address, but of a TRANSFER */
	uint32_t segment_id;       /* of that address */
	uint64_t transfer_offset;  /* TRANSFER: into the ends in a segment, whole pages */
	uint32_t mdl_offset;       /* TRANSFER: into the ends in system memory, in pages */
	uint32_t fill_pattern;
	uint32_t map_flags;                     /* PENSTOCK_MAP_ */
	struct penstock_paging_end source;      /* TRANSFER; MAP: the pages */
	struct penstock_paging_end destination; /* TRANSFER; FILL: what `address` resolves to */
};

/*
 * An allocation is moved by one TRANSFER, or by several of parts of it (sub-transfers), in any
 * order between the first, which carries START, and the last, which carries END. DISCARD_CONTENT,
 * NOTIFY_RESIDENCY and a TRANSFER of no bytes tell the driver something and take no instruction.
 * NOTIFY_RESIDENCY says where an allocation is that was flagged for it; segment and address 0: it
 * is about to leave.
 *
 * SUCCESS; GRAPHICS_INSUFFICIENT_DMA_BUFFER: what fits was written, multipass_offset says where
 * to go on; GRAPHICS_ALLOCATION_BUSY: the content is to leave a segment while packets use it, and
 * ALLOCATION_IS_IDLE was not said; INVALID_PARAMETER: a FILL or DISCARD_CONTENT outside of a memory
 * segment, a MAP or UNMAP or a size that cannot be; nothing was written.
 */
PENSTOCK_MUST_CHECK
enum penstock_status penstock_build_paging_buffer(struct penstock_build_paging_buffer *args);

/* Embedded in what waits for it. */
struct penstock_paging_operation {
	struct penstock_list link; /* penstock_paging.waiting, or a packet's operations */
	struct penstock_build_paging_buffer build;
	bool finished; /* all of it is in the packet */
	/* `executed` false: the backend is gone, nothing happened. */
	void (*done)(struct penstock_paging_operation *operation, bool executed);
};

/* What the scheduler gets; it fills the second part. */
struct penstock_paging_packet {
	struct penstock_vidmm_process *process;
	uint32_t length;
	uint8_t bytes[PENSTOCK_PAGING_BUFFER_BYTES];
	struct penstock_list operations; /* penstock_paging_operation.link */

	struct penstock_list link; /* schedule's own while on the hardware */
	uint32_t node_ordinal;
	uint32_t submission_fence_id;
	uint32_t attempts;        /* schedule: how often its process ended over it */
	uint64_t place;           /* schedule: where its process was at the last look */
	uint64_t stands_since_ns; /* schedule: when it got there */
};

/* Of one process. */
struct penstock_paging {
	struct penstock_list waiting;    /* penstock_paging_operation.link */
	struct penstock_list dirty_link; /* penstock_vidmm.paging_dirty */
	struct penstock_paging_packet packet;
	bool on_hardware;
};

void penstock_paging_init(struct penstock_paging *paging, struct penstock_vidmm_process *process);

/* Takes the operation until `done`; it is submitted by the next flush. */
void penstock_paging_add(struct penstock_vidmm_process *process,
			 struct penstock_paging_operation *operation);

/* An operation that takes no instruction: is done at once. */
void penstock_paging_tell(struct penstock_vidmm *vidmm,
			  const struct penstock_build_paging_buffer *build);

/* Submits what was added, to every process that has no packet on the hardware. */
void penstock_paging_flush(struct penstock_vidmm *vidmm);

bool penstock_paging_idle(const struct penstock_paging *paging);

/* The backend is gone, or this process of it: everything is done without being executed. */
void penstock_paging_abandon(struct penstock_vidmm_process *process);

#endif
