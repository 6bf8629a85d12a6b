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
 * Any other SIGSEGV, and one of a thread outside a guard, is a defect and ends the process. The
 * thread's current guard is the only global of the library.
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

/* Installs the signal handlers, process-wide, once is enough. 0, or -errno. */
PENSTOCK_MUST_CHECK
int penstock_guard_install(void);

/* Of the calling thread. */
void penstock_guard_enter(struct penstock_guard *guard, const struct penstock_mmu *mmu);
void penstock_guard_leave(void);

#endif
