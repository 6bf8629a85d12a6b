/* SPDX-License-Identifier: MIT */
/*
 * An sqlite VFS whose disk lives in memory and forgets: each file has what was written and what
 * was synced, and a power loss leaves the latter, with any part of the rest or none. Killing a
 * process cannot show that, since the kernel keeps what it had written.
 *
 * One disk a process; any thread. No locks between connections: one at a time.
 */
#ifndef PENSTOCK_VFS_FORGET_H
#define PENSTOCK_VFS_FORGET_H

#include "proto/base/base.h"

#define PENSTOCK_FORGET_VFS "forget"

/* Registers the VFS, once; empties the disk and takes all faults back. */
void penstock_forget_reset(void);

/* Writes, truncations, syncs and deletions since the reset. */
uint64_t penstock_forget_operations(void);

/* The power goes at the operation with that number, from 1; from then on all fail. 0: never. */
void penstock_forget_cut_at(uint64_t operation);

/* That operation fails once, with SQLITE_IOERR; later ones do not. 0: none. */
void penstock_forget_fail_at(uint64_t operation);

/* Writes since the reset. */
uint64_t penstock_forget_writes(void);

/* From the write with that number on, from 1, the disk is full: SQLITE_FULL. 0: it has room. */
void penstock_forget_full_at(uint64_t write);

/* A disk of that many bytes; SQLITE_FULL beyond. 0: as large as it takes. */
void penstock_forget_capacity(uint64_t bytes);

enum penstock_forget_how {
	PENSTOCK_FORGET_ALL,  /* nothing of what was not synced is there */
	PENSTOCK_FORGET_SOME, /* sectors of it, as the seed says */
};

/* The machine comes back: files are what was synced. Connections must be closed. */
void penstock_forget_power_loss(enum penstock_forget_how how, uint64_t seed);

/*
 * What a program asks of the same disk without sqlite: for __wrap_ functions. A new name is on disk
 * once the folder was synced; until then the old one is (FORGET_SOME: either).
 */
struct penstock_forget_calls {
	int (*open)(const char *path, int flags);
	int (*fsync)(int descriptor);
	int (*close)(int descriptor);
	int (*rename)(const char *from, const char *to);
	int (*access)(const char *path);
	int (*unlink)(const char *path);
};

extern const struct penstock_forget_calls penstock_forget_calls;

/* Whether that is a descriptor of `open`; no kernel gives these. */
bool penstock_forget_owns(int descriptor);

/* A file as if written and synced; for tests of damage. */
void penstock_forget_put(const char *name, const uint8_t *bytes, size_t size);

/* Copies what the file holds now; the caller frees. NULL: there is no such file. */
uint8_t *penstock_forget_get(const char *name, size_t *ret_size);

#endif
