/* SPDX-License-Identifier: MIT */
/*
 * A touch of a page that a window does not show is a page fault of the GPU, not the end of the
 * process: the guard turns SIGSEGV (PROT_NONE, a write to read-only pages) and SIGBUS (a memory
 * file that has no page to give) of the thread that executes into a return value.
 *
 *	if (sigsetjmp(guard.escape, 0) == 0) {
 *		penstock_guard_enter(&guard, mmu);
 *		...
 *		penstock_guard_leave();
 *	} else {
 *		... guard.fault_address, guard.fault_write; the guard is left already
 *	}
 *
 * A thread that was never in a guard is a library's that works for the engine: it cannot be brought
 * out of there. Where a watch is set, its touch is recorded and it stands still for ever.
 *
 * Any other SIGSEGV is a defect and ends the process. The thread's current guard and the watch are
 * the only globals of the library.
 */
#ifndef PENSTOCK_GUARD_H
#define PENSTOCK_GUARD_H

#include "gpu-backend/emulated/gpu/mmu.h"

#include <setjmp.h>

struct penstock_guard {
	sigjmp_buf escape;
	const struct penstock_mmu *mmu; /* borrowed */
	uint64_t fault_address;         /* GPU address; 0: in a file that page_* touched */
	bool fault_write;
};

struct penstock_guard_watch {
	const struct penstock_mmu *mmu; /* borrowed */
	uint32_t touches;               /* by how many threads; the first one's is recorded */
	uint32_t recorded;              /* written last (release) */
	uint64_t address;               /* GPU address */
	bool write;
};

/* Installs the signal handlers, process-wide, once is enough. 0, or -errno. */
PENSTOCK_MUST_CHECK
int penstock_guard_install(void);

/* Of the calling thread. */
void penstock_guard_enter(struct penstock_guard *guard, const struct penstock_mmu *mmu);
void penstock_guard_leave(void);

/* The process's watch, borrowed until it is replaced; NULL: none. Zero but for `mmu`. */
void penstock_guard_set_watch(struct penstock_guard_watch *watch);

/* Whether a thread touched what it must not; address and write are then there to be read. */
static inline bool penstock_guard_watch_touched(const struct penstock_guard_watch *watch)
{
	return __atomic_load_n(&watch->recorded, __ATOMIC_ACQUIRE) != 0;
}

#endif
