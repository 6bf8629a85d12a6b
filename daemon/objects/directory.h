/* SPDX-License-Identifier: MIT */
/*
 * What a machine finds by a key that a peer may choose: principals by name, sessions by id, shared
 * allocations and synchronisation objects by token. The hash is keyed with random bytes of this
 * run, so that nobody can aim at one bucket; where memory runs out nothing is added. Loop thread
 * only.
 */
#ifndef PENSTOCK_DIRECTORY_H
#define PENSTOCK_DIRECTORY_H

#include "daemon/objects/objects.h"

struct penstock_principal;
struct penstock_allocation;
struct penstock_sync_object;

struct penstock_directory {
	struct evp_mac_ctx_st *mac; /* owned: libcrypto's */
	uint8_t key[16];
	struct penstock_principal *principals; /* by name */
	struct penstock_session *sessions;     /* by id */
	struct penstock_allocation *tokens;    /* by token */
	struct penstock_sync_object *syncs;    /* likewise */
};

/* SUCCESS; NO_MEMORY, also where libcrypto does not offer the hash: nothing to fini then. */
PENSTOCK_MUST_CHECK
enum penstock_status penstock_directory_init(struct penstock_directory *directory,
					     const uint8_t key[16]);
void penstock_directory_fini(struct penstock_directory *directory);

/* SipHash-2-4 of `bytes`, folded to 32 bits. */
uint32_t penstock_directory_hash(const struct penstock_directory *directory, const void *bytes,
				 size_t size);

/* add: SUCCESS or NO_MEMORY. find: NULL where there is none. remove: of one that was added. */
PENSTOCK_MUST_CHECK
enum penstock_status penstock_directory_add_principal(struct penstock_directory *directory,
						      struct penstock_principal *principal);
struct penstock_principal *
penstock_directory_find_principal(const struct penstock_directory *directory, const char *name);
void penstock_directory_remove_principal(struct penstock_directory *directory,
					 struct penstock_principal *principal);

PENSTOCK_MUST_CHECK
enum penstock_status penstock_directory_add_session(struct penstock_directory *directory,
						    struct penstock_session *session);
struct penstock_session *penstock_directory_find_session(const struct penstock_directory *directory,
							 struct penstock_session_id id);
void penstock_directory_remove_session(struct penstock_directory *directory,
				       struct penstock_session *session);

PENSTOCK_MUST_CHECK
enum penstock_status penstock_directory_add_token(struct penstock_directory *directory,
						  struct penstock_allocation *allocation);
struct penstock_allocation *
penstock_directory_find_token(const struct penstock_directory *directory,
			      struct penstock_session_id token);
void penstock_directory_remove_token(struct penstock_directory *directory,
				     struct penstock_allocation *allocation);

PENSTOCK_MUST_CHECK
enum penstock_status penstock_directory_add_sync(struct penstock_directory *directory,
						 struct penstock_sync_object *object);
struct penstock_sync_object *
penstock_directory_find_sync(const struct penstock_directory *directory,
			     struct penstock_session_id token);
void penstock_directory_remove_sync(struct penstock_directory *directory,
				    struct penstock_sync_object *object);

#endif
