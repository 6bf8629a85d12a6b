/* SPDX-License-Identifier: MIT */
#include "tests/memory/work.h"

#include "gpu-backend/dma.h"
#include "proto/wire/limits.h"
#include "tests/harness.h"

#include <string.h>

uint32_t work_completions;

static void work_done(struct penstock_submission *submission, enum penstock_status status)
{
	struct work *work = penstock_container_of(submission, struct work, submission);

	ck_assert(!work->done);
	work->done = true;
	work->status = status;
	work->order = ++work_completions;
}

void work_init(struct work *work, struct penstock_vidmm_process *process)
{
	memset(work, 0, sizeof(*work));
	work->submission.process = process;
	work->submission.references = work->references;
	work->submission.args.dma_buffer = work->dma;
	work->submission.args.dma_capacity = sizeof(work->dma);
	work->submission.args.patches_out = work->patches;
	work->submission.args.patch_capacity = PENSTOCK_ARRAY_SIZE(work->patches);
	work->submission.args.work_bytes = PENSTOCK_WORK_UNKNOWN;
	work->submission.completed = work_done;
	penstock_list_init(&work->submission.queue_link);
	penstock_list_init(&work->submission.context_link);
}

void work_again(struct work *work)
{
	work->done = false;
	work->submission.state = PENSTOCK_SUBMISSION_RECEIVED;
}

enum penstock_status work_prepare(struct work *work)
{
	penstock_submission_whole(&work->submission);
	return penstock_vidmm_prepare(&work->submission);
}

uint32_t work_reference(struct work *work, struct penstock_vidmm_allocation *allocation)
{
	uint32_t index = work->submission.reference_count++;

	PENSTOCK_REQUIRE(index < PENSTOCK_ARRAY_SIZE(work->references));
	work->references[index] =
		(struct penstock_reference){ .allocation = allocation, .write_operation = true };
	return index;
}

static uint8_t *emit(struct work *work, uint16_t opcode, uint32_t size)
{
	uint8_t *bytes = work->dma + work->submission.args.dma_length;

	PENSTOCK_REQUIRE(work->submission.args.dma_length + size <= sizeof(work->dma));
	memset(bytes, 0, size);
	penstock_store32(bytes, penstock_instruction_header(opcode, size));
	work->submission.args.dma_length += size;
	return bytes;
}

static void entry(struct work *work, const struct penstock_patch_location *location)
{
	uint32_t at = work->submission.args.patch_count++;

	PENSTOCK_REQUIRE(at < PENSTOCK_ARRAY_SIZE(work->patches));
	work->patches[at] = *location;
}

/* The instruction at `bytes` uses so many slots, from 0. */
static void bind(struct work *work, const uint8_t *bytes, uint32_t slots)
{
	uint32_t start = (uint32_t)(bytes - work->dma);

	for (uint32_t slot = slots; slot < 32; slot++) {
		if ((work->bound >> slot & 1) != 0) {
			entry(work, &(struct penstock_patch_location){
					    .allocation_index = PENSTOCK_PATCH_NULL_INDEX,
					    .slot_id = slot & PENSTOCK_SLOT_ID_MAX,
					    .patch_offset = start,
					    .split_offset = start,
				    });
		}
	}
	work->bound = (1u << slots) - 1;
}

static void patch(struct work *work, uint32_t slot, uint32_t index, uint64_t offset,
		  const uint8_t *bytes, uint32_t field)
{
	uint32_t start = (uint32_t)(bytes - work->dma);

	entry(work, &(struct penstock_patch_location){
			    .allocation_index = index,
			    .slot_id = slot & PENSTOCK_SLOT_ID_MAX,
			    .allocation_offset = offset,
			    .patch_offset = start + field,
			    .split_offset = start,
		    });
}

void work_nop(struct work *work)
{
	emit(work, PENSTOCK_DMA_OPCODE_NOP, PENSTOCK_DMA_BYTES_NOP);
}

void work_fill(struct work *work, uint32_t index, uint64_t offset, uint64_t size, uint32_t pattern)
{
	uint8_t *bytes = emit(work, PENSTOCK_DMA_OPCODE_FILL, PENSTOCK_DMA_BYTES_FILL);

	penstock_store32(bytes + PENSTOCK_DMA_FILL_pattern, pattern);
	penstock_store64(bytes + PENSTOCK_DMA_FILL_size, size);
	bind(work, bytes, 1);
	patch(work, 0, index, offset, bytes, PENSTOCK_DMA_FILL_address);
}

void work_copy(struct work *work, uint32_t from, uint64_t from_offset, uint32_t to,
	       uint64_t to_offset, uint64_t size)
{
	uint8_t *bytes = emit(work, PENSTOCK_DMA_OPCODE_COPY, PENSTOCK_DMA_BYTES_COPY);

	penstock_store64(bytes + PENSTOCK_DMA_COPY_size, size);
	bind(work, bytes, 2);
	patch(work, 0, from, from_offset, bytes, PENSTOCK_DMA_COPY_source);
	patch(work, 1, to, to_offset, bytes, PENSTOCK_DMA_COPY_destination);
}

void work_invert(struct work *work, uint32_t index, uint64_t offset, uint32_t width, uint32_t rows,
		 uint32_t color)
{
	const struct penstock_rect rect = { .right = (int32_t)width, .bottom = (int32_t)rows };
	uint8_t *bytes = emit(work, PENSTOCK_DMA_OPCODE_COLORFILL,
			      PENSTOCK_DMA_BYTES_COLORFILL + sizeof(rect));

	penstock_store32(bytes + PENSTOCK_DMA_COLORFILL_formats, PENSTOCK_FORMAT_A8R8G8B8);
	penstock_store32(bytes + PENSTOCK_DMA_COLORFILL_destination_pitch, 4 * width);
	penstock_store32(bytes + PENSTOCK_DMA_COLORFILL_rop3, 0x5a); /* PATINVERT */
	penstock_store32(bytes + PENSTOCK_DMA_COLORFILL_color, color);
	memcpy(bytes + PENSTOCK_DMA_COLORFILL_sub_rects, &rect, sizeof(rect));
	bind(work, bytes, 1);
	patch(work, 0, index, offset, bytes, PENSTOCK_DMA_COLORFILL_destination);
}

void work_stray_fill(struct work *work, uint64_t address, uint64_t size, uint32_t pattern)
{
	uint8_t *bytes = emit(work, PENSTOCK_DMA_OPCODE_FILL, PENSTOCK_DMA_BYTES_FILL);

	penstock_store32(bytes + PENSTOCK_DMA_FILL_pattern, pattern);
	penstock_store64(bytes + PENSTOCK_DMA_FILL_address, address);
	penstock_store64(bytes + PENSTOCK_DMA_FILL_size, size);
}

void work_stray_copy(struct work *work, uint64_t from, uint64_t to, uint64_t size)
{
	uint8_t *bytes = emit(work, PENSTOCK_DMA_OPCODE_COPY, PENSTOCK_DMA_BYTES_COPY);

	penstock_store64(bytes + PENSTOCK_DMA_COPY_source, from);
	penstock_store64(bytes + PENSTOCK_DMA_COPY_destination, to);
	penstock_store64(bytes + PENSTOCK_DMA_COPY_size, size);
}

void work_illegal(struct work *work)
{
	emit(work, 0x7777, 8);
}

void work_wait(struct work *work, struct penstock_sync *sync, uint64_t value)
{
	memset(work, 0, sizeof(*work));
	work->submission.completed = work_done;
	work->submission.sync = sync;
	work->submission.sync_value = value;
	penstock_list_init(&work->submission.queue_link);
	penstock_list_init(&work->submission.context_link);
}

void work_signal(struct work *work, struct penstock_sync *sync, uint64_t value)
{
	work_wait(work, sync, value);
	work->submission.sync_signals = true;
}
