/* SPDX-License-Identifier: MIT */
/*
 * Any bytes as a DMA buffer or a paging buffer of the emulated GPU. It completes, or stops at an
 * instruction: nothing is touched but what the MMU shows. Where it is preempted it goes on from
 * where it stopped, and comes to the same end.
 *
 *	byte 0   bit 0 node 1, 1 a paging buffer, 2 preempted at the first chance
 *	then     the buffer
 */
#include "gpu-backend/dma.h"
#include "gpu-backend/emulated/gpu/processor.h"
#include "tests/fuzz/fuzz.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* Longer ones are looked at, not waited for. */
#define SPIN_MAX_US 100u

enum { SYSTEM_FILE = 1, LOCAL_FILE = 2, DUMMY_FILE = 3, READ_ONLY_FILE = 4 };

#define WINDOW_BYTES  (1u << 20)
#define STREAM_OFFSET (WINDOW_BYTES - PENSTOCK_PAGING_BUFFER_BYTES)

static struct penstock_mmu mmu;
static uint8_t *local; /* the LOCAL file; NULL: not started */

/* Attaches a file of its own; the descriptor stays open for us too. */
static int attach(uint32_t id, enum penstock_file_role role, int flags)
{
	int descriptor = memfd_create("penstock-fuzz", MFD_CLOEXEC);
	char path[64];
	int attached;

	PENSTOCK_REQUIRE(descriptor >= 0 && ftruncate(descriptor, WINDOW_BYTES) == 0);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", descriptor);
	attached = open(path, flags | O_CLOEXEC);
	PENSTOCK_REQUIRE(attached >= 0);
	PENSTOCK_REQUIRE(penstock_mmu_attach(&mmu, id, attached, WINDOW_BYTES, role) ==
			 PENSTOCK_STATUS_SUCCESS);
	return descriptor;
}

static void start(void)
{
	PENSTOCK_REQUIRE(penstock_guard_install() == 0);
	PENSTOCK_REQUIRE(penstock_mmu_init(&mmu, WINDOW_BYTES, WINDOW_BYTES) ==
			 PENSTOCK_STATUS_SUCCESS);
	(void)attach(SYSTEM_FILE, PENSTOCK_FILE_PAGES, O_RDWR);
	(void)attach(READ_ONLY_FILE, PENSTOCK_FILE_PAGES, O_RDONLY);
	(void)attach(DUMMY_FILE, PENSTOCK_FILE_DUMMY, O_RDWR);
	local = mmap(NULL, WINDOW_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED,
		     attach(LOCAL_FILE, PENSTOCK_FILE_LOCAL, O_RDWR), 0);
	PENSTOCK_REQUIRE(local != MAP_FAILED);
}

/* Execution is in order, so that looking ahead finds every spin that would be reached. */
static bool spins_long(const uint8_t *bytes, uint32_t length)
{
	struct penstock_dma_decoded decoded;
	uint32_t at = 0;

	while (at < length &&
	       penstock_dma_decode(bytes + at, length - at, &decoded) == PENSTOCK_STATUS_SUCCESS) {
		if (decoded.instruction->id == PENSTOCK_DMA_SPIN &&
		    penstock_load32(bytes + at + PENSTOCK_DMA_SPIN_microseconds) > SPIN_MAX_US) {
			return true;
		}
		at += decoded.length;
	}
	return false;
}

static enum penstock_outcome run(struct penstock_engine *engine, const uint8_t *bytes,
				 uint32_t length, bool paging)
{
	enum penstock_outcome outcome;

	if (paging) {
		return penstock_processor_run_paging(engine, bytes, length);
	}
	outcome = penstock_processor_run(engine, PENSTOCK_LOCAL_BASE + STREAM_OFFSET, 0, length, 0);
	if (outcome == PENSTOCK_OUTCOME_PREEMPTED) {
		engine->preempt_seen = 1;
		outcome = penstock_processor_run(engine, PENSTOCK_LOCAL_BASE + STREAM_OFFSET,
						 engine->dma_offset, length, engine->position);
	}
	return outcome;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const uint64_t request = 1;
	struct penstock_engine engine;
	uint32_t length = (uint32_t)size - 1;
	bool paging;

	if (size < 1 || size > PENSTOCK_PAGING_BUFFER_BYTES || spins_long(data + 1, length)) {
		return 0;
	}
	if (local == NULL) {
		start();
	}
	paging = (data[0] & 2) != 0;
	penstock_engine_init(&engine, &mmu, data[0] & 1);
	if ((data[0] & 4) != 0 && !paging) {
		engine.preempt_flag = &request;
	}
	memcpy(local + STREAM_OFFSET, data + 1, length);
	if (run(&engine, data + 1, length, paging) != PENSTOCK_OUTCOME_COMPLETED) {
		PENSTOCK_REQUIRE(engine.dma_offset <= length);
	}
	/* what was mapped over the windows is not there for the next one */
	PENSTOCK_REQUIRE(penstock_mmu_unmap(&mmu, PENSTOCK_LOCAL_BASE, WINDOW_BYTES) ==
			 PENSTOCK_STATUS_SUCCESS);
	return 0;
}
