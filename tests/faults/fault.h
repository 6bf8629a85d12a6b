/* SPDX-License-Identifier: MIT */
/*
 * Calls that fail when a test says so: linked with `fault_ldflags`, a program's own calls of the
 * allocator and of the kernel pass here, and those that sqlite makes for it. The n-th from now
 * fails, once, as if memory, space or descriptors had run out just then; or it and all that need
 * space after it, as if the disk were full from then on.
 *
 * A program of its own (penstockd_faults) is told by a file that both map: PENSTOCK_FAULT_FILE.
 */
#ifndef PENSTOCK_FAULT_H
#define PENSTOCK_FAULT_H

#include "proto/base/base.h"

/* What the file holds; all words are read and written atomically. Little-endian, as written. */
struct penstock_fault_page {
	uint64_t countdown; /* the call that takes it to 0 fails; 0: none will */
	uint64_t calls;     /* that passed while something was armed */
	uint64_t failed;    /* calls that failed */
	uint64_t kinds;     /* bits of enum penstock_fault_kind that count; 0: all */
	char last[40];      /* the function that failed; the first of several */
	uint64_t named;     /* threads that wanted to say so */
};

enum penstock_fault_kind {
	PENSTOCK_FAULT_MEMORY = 1u << 0, /* malloc and its like, mmap */
	PENSTOCK_FAULT_FILE = 1u << 1,   /* files and descriptors of ours */
	PENSTOCK_FAULT_STORE = 1u << 2,  /* sqlite's memory, and its disk */
	PENSTOCK_FAULT_SPACE = 1u << 3,  /* what needs space for files of ours; they stay full */
	PENSTOCK_FAULT_DISK = 1u << 4,   /* what needs space for sqlite's; likewise */
};

/* In a program that links it. The n-th call of those kinds from now fails; 0: none. */
void penstock_fault_arm(uint64_t n, uint64_t kinds);

/* Takes it back; whether the call was reached and failed. */
bool penstock_fault_disarm(void);

/* The function that failed last. */
const char *penstock_fault_last(void);

#endif
