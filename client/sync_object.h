/* SPDX-License-Identifier: MIT */
/*
 * What a client knows of the synchronisation objects that it waited for itself: the value that was
 * told last, and what is still waited for, which is asked for again where the connection was lost.
 */
#ifndef PENSTOCK_CLIENT_SYNC_OBJECT_H
#define PENSTOCK_CLIENT_SYNC_OBJECT_H

#include "proto/wire/status.h"

#include <stddef.h>
#include <stdint.h>

struct penstock_connection;

struct penstock_sync_state {
	uint64_t name;
	uint64_t value;              /* known to be reached */
	uint64_t wanted;             /* by the latest Wait; 0: nothing is waited for */
	enum penstock_status status; /* not SUCCESS: why it is not waited for any more */
};

struct penstock_sync_states {
	struct penstock_sync_state *states; /* [capacity], by name; owned */
	size_t count;
	size_t capacity;
};

/* All zero is an empty table. */
void penstock_sync_states_fini(struct penstock_sync_states *table);

/* The object of that name, or NULL: it was not waited for. */
struct penstock_sync_state *penstock_sync_states_find(const struct penstock_sync_states *table,
						      uint64_t name);

/* The daemon told its value; a status other than SUCCESS, or a refusal: it will not. */
void penstock_sync_told(struct penstock_connection *connection, uint64_t name, uint64_t value,
			enum penstock_status status);

/* The session goes on: the daemon has forgotten what was waited for. SUCCESS, or it has ended. */
enum penstock_status penstock_sync_wait_again(struct penstock_connection *connection);

/* Forgets those whose names are over. */
void penstock_sync_states_sweep(struct penstock_connection *connection);

#endif
