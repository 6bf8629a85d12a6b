/* SPDX-License-Identifier: MIT */
#include "daemon/memory/paging.h"

#include "daemon/memory/internal.h"
#include "gpu-backend/dma.h"
#include "proto/isa/instruction.h"

#include <string.h>

/* Of one packet, for one operation: four sub-transfers. */
#define TURN_BYTES (4u * PENSTOCK_DMA_BYTES_PAGE_COPY)

/* ---------------------------------------------------------------- building */

static void put_header(uint8_t *bytes, uint16_t opcode, uint32_t size)
{
	memset(bytes, 0, size);
	penstock_store32(bytes, penstock_instruction_header(opcode, size));
}

/* Where an end of a transfer goes on. */
static uint64_t end_offset(const struct penstock_build_paging_buffer *args,
			   const struct penstock_paging_end *end)
{
	uint64_t part = end->segment_id != 0 ? args->transfer_offset
					     : (uint64_t)args->mdl_offset * PENSTOCK_PAGE_BYTES;

	return end->file_offset + part + args->multipass_offset;
}

static void put_copy(uint8_t *bytes, const struct penstock_build_paging_buffer *args, uint64_t size)
{
	put_header(bytes, PENSTOCK_DMA_OPCODE_PAGE_COPY, PENSTOCK_DMA_BYTES_PAGE_COPY);
	penstock_store32(bytes + PENSTOCK_DMA_PAGE_COPY_source_file, args->source.file_id);
	penstock_store32(bytes + PENSTOCK_DMA_PAGE_COPY_destination_file,
			 args->destination.file_id);
	penstock_store64(bytes + PENSTOCK_DMA_PAGE_COPY_source_offset,
			 end_offset(args, &args->source));
	penstock_store64(bytes + PENSTOCK_DMA_PAGE_COPY_destination_offset,
			 end_offset(args, &args->destination));
	penstock_store64(bytes + PENSTOCK_DMA_PAGE_COPY_size, size);
}

static void put_fill(uint8_t *bytes, const struct penstock_build_paging_buffer *args, uint64_t size)
{
	put_header(bytes, PENSTOCK_DMA_OPCODE_PAGE_FILL, PENSTOCK_DMA_BYTES_PAGE_FILL);
	penstock_store32(bytes + PENSTOCK_DMA_PAGE_FILL_pattern, args->fill_pattern);
	penstock_store32(bytes + PENSTOCK_DMA_PAGE_FILL_file, args->destination.file_id);
	penstock_store64(bytes + PENSTOCK_DMA_PAGE_FILL_offset,
			 args->destination.file_offset + args->multipass_offset);
	penstock_store64(bytes + PENSTOCK_DMA_PAGE_FILL_size, size);
}

static void put_map(uint8_t *bytes, const struct penstock_build_paging_buffer *args, uint64_t size)
{
	put_header(bytes, PENSTOCK_DMA_OPCODE_MAP_PAGES, PENSTOCK_DMA_BYTES_MAP_PAGES);
	penstock_store32(bytes + PENSTOCK_DMA_MAP_PAGES_file, args->source.file_id);
	penstock_store32(bytes + PENSTOCK_DMA_MAP_PAGES_flags, args->map_flags);
	penstock_store64(bytes + PENSTOCK_DMA_MAP_PAGES_address, args->address);
	penstock_store64(bytes + PENSTOCK_DMA_MAP_PAGES_offset, args->source.file_offset);
	penstock_store64(bytes + PENSTOCK_DMA_MAP_PAGES_size, size);
}

static void put_unmap(uint8_t *bytes, const struct penstock_build_paging_buffer *args,
		      uint64_t size)
{
	put_header(bytes, PENSTOCK_DMA_OPCODE_UNMAP_PAGES, PENSTOCK_DMA_BYTES_UNMAP_PAGES);
	penstock_store64(bytes + PENSTOCK_DMA_UNMAP_PAGES_address, args->address);
	penstock_store64(bytes + PENSTOCK_DMA_UNMAP_PAGES_size, size);
}

/* One row an operation: its instruction, and what holds for it. */
struct operation {
	bool known;
	bool cut;           /* may be several instructions */
	bool memory_only;   /* not of an aperture */
	uint32_t idle_flag; /* what says that the allocation is not in use; 0: it may be */
	uint32_t bytes;     /* of one instruction; 0: takes none */
	void (*put)(uint8_t *bytes, const struct penstock_build_paging_buffer *args, uint64_t size);
};

static const struct operation operations[] = {
	[PENSTOCK_OPERATION_TRANSFER] = { .known = true,
					  .cut = true,
					  .idle_flag = PENSTOCK_TRANSFER_ALLOCATION_IS_IDLE,
					  .bytes = PENSTOCK_DMA_BYTES_PAGE_COPY,
					  .put = put_copy },
	[PENSTOCK_OPERATION_FILL] = { .known = true,
				      .cut = true,
				      .memory_only = true,
				      .bytes = PENSTOCK_DMA_BYTES_PAGE_FILL,
				      .put = put_fill },
	[PENSTOCK_OPERATION_DISCARD_CONTENT] = { .known = true,
						 .memory_only = true,
						 .idle_flag = PENSTOCK_DISCARD_ALLOCATION_IS_IDLE },
	[PENSTOCK_OPERATION_MAP_APERTURE_SEGMENT] = { .known = true,
						      .bytes = PENSTOCK_DMA_BYTES_MAP_PAGES,
						      .put = put_map },
	[PENSTOCK_OPERATION_UNMAP_APERTURE_SEGMENT] = { .known = true,
							.bytes = PENSTOCK_DMA_BYTES_UNMAP_PAGES,
							.put = put_unmap },
	[PENSTOCK_OPERATION_NOTIFY_RESIDENCY] = { .known = true },
};

/* The content is to leave a segment. */
static bool leaves(const struct penstock_build_paging_buffer *args)
{
	return args->operation != PENSTOCK_OPERATION_TRANSFER || args->source.segment_id != 0;
}

static enum penstock_status judge(const struct penstock_build_paging_buffer *args)
{
	const struct operation *operation;
	bool notice = args->operation == PENSTOCK_OPERATION_TRANSFER;

	if ((unsigned)args->operation >= PENSTOCK_ARRAY_SIZE(operations)) {
		return PENSTOCK_STATUS_INVALID_PARAMETER;
	}
	operation = &operations[args->operation];
	if (!operation->known || (args->size_bytes == 0 && !notice) ||
	    args->size_bytes % PENSTOCK_PAGE_BYTES != 0 ||
	    args->transfer_offset % PENSTOCK_PAGE_BYTES != 0 ||
	    args->multipass_offset > args->size_bytes ||
	    (operation->memory_only && args->segment_id != PENSTOCK_SEGMENT_LOCAL)) {
		return PENSTOCK_STATUS_INVALID_PARAMETER;
	}
	if (operation->idle_flag != 0 && leaves(args) && args->references > 0 &&
	    (args->flags & operation->idle_flag) == 0) {
		return PENSTOCK_STATUS_GRAPHICS_ALLOCATION_BUSY;
	}
	return PENSTOCK_STATUS_SUCCESS;
}

enum penstock_status penstock_build_paging_buffer(struct penstock_build_paging_buffer *args)
{
	enum penstock_status status = judge(args);
	const struct operation *operation;

	if (status != PENSTOCK_STATUS_SUCCESS) {
		return status;
	}
	operation = &operations[args->operation];
	while (operation->put != NULL && args->multipass_offset < args->size_bytes) {
		uint64_t size = args->size_bytes - args->multipass_offset;

		if (args->dma_size < operation->bytes) {
			return PENSTOCK_STATUS_GRAPHICS_INSUFFICIENT_DMA_BUFFER;
		}
		if (operation->cut && size > PENSTOCK_SUB_TRANSFER_BYTES) {
			size = PENSTOCK_SUB_TRANSFER_BYTES;
		}
		operation->put(args->dma_buffer, args, size);
		args->dma_buffer += operation->bytes;
		args->dma_size -= operation->bytes;
		args->multipass_offset += size;
	}
	return PENSTOCK_STATUS_SUCCESS;
}

static void observe(const struct penstock_vidmm *vidmm,
		    const struct penstock_build_paging_buffer *build)
{
	struct penstock_paging_event event = {
		.operation = (uint32_t)build->operation,
		.flags = build->flags,
		.allocation_id = build->allocation_id,
		.segment_id = build->segment_id,
		.address = build->address,
		.size_bytes = build->size_bytes,
	};

	if (PENSTOCK_LIKELY(vidmm->config.paging == NULL)) {
		return;
	}
	if (build->operation == PENSTOCK_OPERATION_TRANSFER) {
		event.out = build->source.segment_id != 0;
		event.segment_id =
			event.out ? build->source.segment_id : build->destination.segment_id;
		event.address = event.out ? build->source.segment_address
					  : build->destination.segment_address;
	}
	vidmm->config.paging(vidmm->config.owner, &event);
}

void penstock_paging_tell(struct penstock_vidmm *vidmm,
			  const struct penstock_build_paging_buffer *build)
{
	struct penstock_build_paging_buffer args = *build;

	observe(vidmm, build);
	/* Of an operation of ours on an allocation that is not in use. */
	(void)penstock_vidmm_holds(vidmm,
				   penstock_build_paging_buffer(&args) == PENSTOCK_STATUS_SUCCESS,
				   "0x10E/0xB: a paging operation that cannot be built");
}

/* ---------------------------------------------------------------- packets */

void penstock_paging_init(struct penstock_paging *paging, struct penstock_vidmm_process *process)
{
	penstock_list_init(&paging->waiting);
	penstock_list_init(&paging->dirty_link);
	penstock_list_init(&paging->packet.operations);
	penstock_list_init(&paging->packet.link);
	paging->packet.process = process;
	paging->on_hardware = false;
}

void penstock_paging_add(struct penstock_vidmm_process *process,
			 struct penstock_paging_operation *operation)
{
	struct penstock_paging *paging = &process->paging;

	observe(process->vidmm, &operation->build);
	operation->finished = false;
	operation->build.multipass_offset = 0;
	penstock_list_append(&paging->waiting, &operation->link);
	if (penstock_list_empty(&paging->dirty_link)) {
		penstock_list_append(&process->vidmm->paging_dirty, &paging->dirty_link);
	}
}

/* Puts one turn of the operation into the packet. False: the packet is full. */
static bool add_turn(struct penstock_paging_packet *packet,
		     struct penstock_paging_operation *operation)
{
	struct penstock_build_paging_buffer *build = &operation->build;
	uint32_t room = PENSTOCK_PAGING_BUFFER_BYTES - packet->length;
	uint32_t turn = room < TURN_BYTES ? room : TURN_BYTES;
	enum penstock_status status;

	build->dma_buffer = packet->bytes + packet->length;
	build->dma_size = turn;
	status = penstock_build_paging_buffer(build);
	operation->finished = status == PENSTOCK_STATUS_SUCCESS;
	/* What else it can say would be our own mistake: the operation was made here. */
	if (!penstock_vidmm_holds(packet->process->vidmm,
				  status != PENSTOCK_STATUS_GRAPHICS_ALLOCATION_BUSY,
				  "0x10E/0x20: an allocation that was idle is in use") ||
	    !penstock_vidmm_holds(packet->process->vidmm,
				  operation->finished ||
					  status ==
						  PENSTOCK_STATUS_GRAPHICS_INSUFFICIENT_DMA_BUFFER,
				  "0x10E/0xB: a paging operation that cannot be built")) {
		return false;
	}
	packet->length += turn - build->dma_size;
	return turn != build->dma_size;
}

static void submit(struct penstock_paging *paging)
{
	struct penstock_paging_packet *packet = &paging->packet;
	struct penstock_vidmm *vidmm = packet->process->vidmm;

	if (paging->on_hardware || penstock_list_empty(&paging->waiting)) {
		return;
	}
	if (!penstock_vidmm_holds(vidmm, penstock_list_empty(&packet->operations),
				  "0x10E/0x21: a paging buffer with operations of before")) {
		return;
	}
	packet->length = 0;
	packet->attempts = 0;
	penstock_list_for_each_safe (link, &paging->waiting) {
		struct penstock_paging_operation *operation =
			penstock_list_entry(link, struct penstock_paging_operation, link);

		if (!add_turn(packet, operation)) {
			break;
		}
		penstock_list_remove(link);
		penstock_list_append(&packet->operations, link);
	}
	if (penstock_list_empty(&packet->operations)) {
		return; /* what cannot be built: the adapter stops */
	}
	paging->on_hardware = true;
	packet->node_ordinal = PENSTOCK_NODE_COPY_ORDINAL;
	vidmm->port.submit(vidmm->port.owner, packet);
}

void penstock_paging_flush(struct penstock_vidmm *vidmm)
{
	struct penstock_list *link;

	if (vidmm->stopped) {
		return;
	}
	while ((link = penstock_list_pop(&vidmm->paging_dirty)) != NULL) {
		submit(penstock_list_entry(link, struct penstock_paging, dirty_link));
	}
}

bool penstock_paging_idle(const struct penstock_paging *paging)
{
	return !paging->on_hardware && penstock_list_empty(&paging->waiting);
}

void penstock_vidmm_paging_completed(struct penstock_paging_packet *packet)
{
	struct penstock_vidmm_process *process = packet->process;
	struct penstock_paging *paging = &process->paging;
	struct penstock_vidmm *vidmm = process->vidmm;
	struct penstock_list *link;

	penstock_vidmm_own_thread(vidmm);
	if (!penstock_vidmm_holds(vidmm, paging->on_hardware,
				  "0x10E/0x1D: a paging buffer completed that was not submitted")) {
		return;
	}
	/*
	 * What an operation ends may be the last thing that the process waits for; and may have
	 * others flushed, which are not of this packet.
	 */
	process->holds++;
	while ((link = penstock_list_pop(&packet->operations)) != NULL) {
		struct penstock_paging_operation *operation =
			penstock_list_entry(link, struct penstock_paging_operation, link);

		if (operation->finished) {
			operation->done(operation, true);
		} else {
			penstock_list_append(&paging->waiting, link);
		}
	}
	process->holds--;
	paging->on_hardware = false;
	if (!penstock_list_empty(&paging->waiting) && penstock_list_empty(&paging->dirty_link)) {
		penstock_list_append(&vidmm->paging_dirty, &paging->dirty_link);
	}
	penstock_paging_flush(vidmm);
	penstock_vidmm_process_settle(process);
	penstock_vidmm_wake(vidmm);
}

void penstock_paging_abandon(struct penstock_vidmm_process *process)
{
	struct penstock_paging *paging = &process->paging;
	struct penstock_list *link;

	paging->on_hardware = false;
	penstock_list_remove(&paging->packet.link);
	penstock_list_remove(&paging->dirty_link);
	while ((link = penstock_list_pop(&paging->packet.operations)) != NULL ||
	       (link = penstock_list_pop(&paging->waiting)) != NULL) {
		struct penstock_paging_operation *operation =
			penstock_list_entry(link, struct penstock_paging_operation, link);

		operation->done(operation, false);
	}
	penstock_list_remove(&paging->dirty_link);
}
