/* SPDX-License-Identifier: MIT */
/*
 * The doorbell of a node: its word `gpu_sleeps` in the ring is the futex on which the GPU's thread
 * sleeps. Of the ways to wake it this takes the fewest system calls: one to sleep, which the
 * filter of penstock-gpu need not look at, and one to wake. It cannot block the daemon, whatever
 * the GPU process does to the word; a descriptor that both sides have could.
 */
#ifndef PENSTOCK_DOORBELL_H
#define PENSTOCK_DOORBELL_H

#include "proto/base/base.h"

#include <linux/futex.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <unistd.h>

/*
 * The GPU's thread, after penstock_ring_sleeping and a last look: sleeps until the daemon takes the
 * question away. Returns early where it already did, or at a signal: look again, whichever it was.
 */
static inline void penstock_doorbell_wait(uint32_t *sleeps)
{
	/* Between processes: not FUTEX_PRIVATE_FLAG. */
	(void)syscall(SYS_futex, sleeps, FUTEX_WAIT, 1, NULL, NULL, 0);
}

/* The daemon, where penstock_ring_must_wake said so. */
static inline void penstock_doorbell_ring(uint32_t *sleeps)
{
	(void)syscall(SYS_futex, sleeps, FUTEX_WAKE, 1, NULL, NULL, 0);
}

#endif
