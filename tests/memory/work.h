/* SPDX-License-Identifier: MIT */
/*
 * A submission with a DMA buffer of its own, for tests of memory and schedule. Its patch list is
 * one that render could have left.
 */
#ifndef PENSTOCK_TEST_WORK_H
#define PENSTOCK_TEST_WORK_H

#include "daemon/memory/vidmm.h"
#include "daemon/schedule/sync.h"
#include "daemon/submission.h"

struct work {
	struct penstock_submission submission;
	struct penstock_reference references[16];
	struct penstock_patch_location patches[64];
	uint32_t bound; /* slots that the last instruction used */
	uint8_t dma[1024];
	bool done;
	enum penstock_status status;
	uint32_t order; /* the how-manieth completion it was, from 1 */
};

extern uint32_t work_completions;

void work_init(struct work *work, struct penstock_vidmm_process *process);

/* All of it, without a scheduler. */
enum penstock_status work_prepare(struct work *work);

/* It is done, and is another submission from here on. */
void work_again(struct work *work);
uint32_t work_reference(struct work *work, struct penstock_vidmm_allocation *allocation);
void work_nop(struct work *work);
void work_fill(struct work *work, uint32_t index, uint64_t offset, uint64_t size, uint32_t pattern);
void work_copy(struct work *work, uint32_t from, uint64_t from_offset, uint32_t to,
	       uint64_t to_offset, uint64_t size);
/* XORs pixels of 32 bits with a colour: done twice, nothing has changed. */
void work_invert(struct work *work, uint32_t index, uint64_t offset, uint32_t width, uint32_t rows,
		 uint32_t color);
/* A fill at an address that no patch entry covers: what a broken translator would leave. */
void work_stray_fill(struct work *work, uint64_t address, uint64_t size, uint32_t pattern);
void work_stray_copy(struct work *work, uint64_t from, uint64_t to, uint64_t size);
void work_illegal(struct work *work);
/* Packets without a DMA buffer. */
void work_signal(struct work *work, struct penstock_sync *sync, uint64_t value);
void work_wait(struct work *work, struct penstock_sync *sync, uint64_t value);

#endif
