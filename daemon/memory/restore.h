/* SPDX-License-Identifier: MIT */
/*
 * What an earlier daemon left: the records of the location table by principal. A principal's
 * records are claimed, with their pages and places, when its process is made, so that nothing new
 * can be put in their way; those that no allocation of the store asks for are freed at the end.
 * Loop thread, at the start.
 */
#ifndef PENSTOCK_RESTORE_H
#define PENSTOCK_RESTORE_H

#include "daemon/memory/location.h"

struct penstock_vidmm;
struct penstock_vidmm_process;

struct penstock_restore_entry {
	struct penstock_location location;
	uint64_t record;
	bool claimed;  /* its pages and its place are taken */
	bool restored; /* an allocation has it */
};

struct penstock_restore {
	bool open;
	struct penstock_restore_entry *entries; /* by principal, then record; owned */
	uint64_t count;
};

/* Reads the table. SUCCESS or NO_MEMORY. */
PENSTOCK_MUST_CHECK
enum penstock_status penstock_restore_begin(struct penstock_vidmm *vidmm);

/* Claims what the principal's records name; those that collide or cannot be had are dropped. */
void penstock_restore_claim(struct penstock_vidmm_process *process);

/* The claimed entry of the principal with that record, or NULL. */
struct penstock_restore_entry *penstock_restore_find(struct penstock_vidmm_process *process,
						     uint64_t record);

/* Gives back what an entry claimed. */
void penstock_restore_drop(struct penstock_vidmm_process *process,
			   struct penstock_restore_entry *entry);

/* Frees what was not restored, and removes files that nobody has; `all`: whatever there is. */
void penstock_restore_remove_files(struct penstock_vidmm *vidmm, bool all);

#endif
