/* SPDX-License-Identifier: MIT */
/*
 * The names of a session's objects, as the client gives them out: index in the low 32 bits, dense
 * from 1; generation in the high 32 bits, which grows each time an index is used again. The lowest
 * free index goes first, so that the table stays dense for the daemon even where it refused a
 * create in the middle of a pipeline.
 */
#ifndef PENSTOCK_CLIENT_NAMES_H
#define PENSTOCK_CLIENT_NAMES_H

#include "proto/base/base.h"
#include "proto/wire/status.h"

struct penstock_name_entry {
	uint32_t generation;
	uint32_t device; /* index of the device that it goes with; 0: it is one */
	bool used;
};

struct penstock_names {
	struct penstock_name_entry *entries; /* [capacity]; index i is element i - 1 */
	uint32_t *free;                      /* [capacity]: a heap, the lowest index first */
	uint32_t count;                      /* indices used so far */
	uint32_t capacity;
	uint32_t free_count;
};

/* All zero is a table without names. */
void penstock_names_fini(struct penstock_names *names);

/* The first `count` indices belong to an earlier life of the session. SUCCESS, NO_MEMORY. */
enum penstock_status penstock_names_skip(struct penstock_names *names, uint32_t count);

/* A new name of an object of `device` (a name; 0: of a device). SUCCESS, NO_MEMORY, LIMIT_EXCEEDED.
 */
enum penstock_status penstock_names_take(struct penstock_names *names, uint64_t device,
					 uint64_t *ret_name);

/*
 * The name is over: destroyed, or never came to be. Names of a device's objects go with it. A name
 * that is over already, or none of ours, is left alone.
 */
void penstock_names_give_back(struct penstock_names *names, uint64_t name);

/* Taken, and not given back. */
bool penstock_names_used(const struct penstock_names *names, uint64_t name);

/* Taken for a device. */
bool penstock_names_is_device(const struct penstock_names *names, uint64_t name);

#endif
