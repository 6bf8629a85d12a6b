/* SPDX-License-Identifier: MIT */
/*
 * The hash is libcrypto's SipHash-2-4, made for just this: short keys from people who would like
 * them to collide. It takes some 150 ns, and is asked for a hello, a share and an open, never for a
 * submission. Hashes without a key would let a peer time its guesses of ids and tokens bucket by
 * bucket; those of checksum libraries (XXH3) take a seed, but do not promise to keep it.
 */
#include "daemon/objects/directory.h"

#include "daemon/objects/allocation.h"
#include "daemon/objects/principal.h"
#include "daemon/objects/session.h"
#include "daemon/objects/sync_object.h"

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <string.h>

#define HASH_BYTES 8u

/* uthash asks for a hash where it is used; `directory` is in scope there. */
#undef HASH_FUNCTION
#define HASH_FUNCTION(keyptr, keylen, hashv)                                                       \
	((hashv) = penstock_directory_hash(directory, (keyptr), (keylen)))

enum penstock_status penstock_directory_init(struct penstock_directory *directory,
					     const uint8_t key[16])
{
	size_t size = HASH_BYTES;
	const OSSL_PARAM parameters[] = {
		OSSL_PARAM_construct_size_t(OSSL_MAC_PARAM_SIZE, &size),
		OSSL_PARAM_construct_end(),
	};
	EVP_MAC *mac = EVP_MAC_fetch(NULL, OSSL_MAC_NAME_SIPHASH, NULL);

	*directory =
		(struct penstock_directory){ .mac = mac == NULL ? NULL : EVP_MAC_CTX_new(mac) };
	EVP_MAC_free(mac);
	memcpy(directory->key, key, sizeof(directory->key));
	if (directory->mac == NULL ||
	    EVP_MAC_init(directory->mac, key, sizeof(directory->key), parameters) != 1) {
		penstock_directory_fini(directory);
		return PENSTOCK_STATUS_NO_MEMORY;
	}
	return PENSTOCK_STATUS_SUCCESS;
}

void penstock_directory_fini(struct penstock_directory *directory)
{
	EVP_MAC_CTX_free(directory->mac);
	directory->mac = NULL;
}

uint32_t penstock_directory_hash(const struct penstock_directory *directory, const void *bytes,
				 size_t size)
{
	uint8_t hash[HASH_BYTES];
	size_t hash_bytes = 0;
	uint64_t value;

	/* nothing in these allocates: the context is there, and its sizes are set */
	PENSTOCK_REQUIRE(
		EVP_MAC_init(directory->mac, directory->key, sizeof(directory->key), NULL) == 1 &&
		EVP_MAC_update(directory->mac, bytes, size) == 1 &&
		EVP_MAC_final(directory->mac, hash, &hash_bytes, sizeof(hash)) == 1 &&
		hash_bytes == sizeof(hash));
	value = penstock_load64(hash);
	return (uint32_t)(value ^ value >> 32);
}

/* uthash leaves hh.tbl NULL where it could not add. */
static enum penstock_status added(const UT_hash_handle *hh)
{
	return hh->tbl == NULL ? PENSTOCK_STATUS_NO_MEMORY : PENSTOCK_STATUS_SUCCESS;
}

enum penstock_status penstock_directory_add_principal(struct penstock_directory *directory,
						      struct penstock_principal *principal)
{
	HASH_ADD_KEYPTR(hh, directory->principals, principal->name, strlen(principal->name),
			principal);
	return added(&principal->hh);
}

struct penstock_principal *
penstock_directory_find_principal(const struct penstock_directory *directory, const char *name)
{
	struct penstock_principal *principal;

	HASH_FIND(hh, directory->principals, name, strlen(name), principal);
	return principal;
}

void penstock_directory_remove_principal(struct penstock_directory *directory,
					 struct penstock_principal *principal)
{
	HASH_DEL(directory->principals, principal);
}

enum penstock_status penstock_directory_add_session(struct penstock_directory *directory,
						    struct penstock_session *session)
{
	HASH_ADD_KEYPTR(hh, directory->sessions, &session->id, sizeof(session->id), session);
	return added(&session->hh);
}

struct penstock_session *penstock_directory_find_session(const struct penstock_directory *directory,
							 struct penstock_session_id id)
{
	struct penstock_session *session;

	HASH_FIND(hh, directory->sessions, &id, sizeof(id), session);
	return session;
}

void penstock_directory_remove_session(struct penstock_directory *directory,
				       struct penstock_session *session)
{
	HASH_DEL(directory->sessions, session);
}

enum penstock_status penstock_directory_add_token(struct penstock_directory *directory,
						  struct penstock_allocation *allocation)
{
	HASH_ADD_KEYPTR(hh, directory->tokens, &allocation->token, sizeof(allocation->token),
			allocation);
	return added(&allocation->hh);
}

struct penstock_allocation *
penstock_directory_find_token(const struct penstock_directory *directory,
			      struct penstock_session_id token)
{
	struct penstock_allocation *allocation;

	HASH_FIND(hh, directory->tokens, &token, sizeof(token), allocation);
	return allocation;
}

void penstock_directory_remove_token(struct penstock_directory *directory,
				     struct penstock_allocation *allocation)
{
	HASH_DEL(directory->tokens, allocation);
}

enum penstock_status penstock_directory_add_sync(struct penstock_directory *directory,
						 struct penstock_sync_object *object)
{
	HASH_ADD_KEYPTR(hh, directory->syncs, &object->token, sizeof(object->token), object);
	return added(&object->hh);
}

struct penstock_sync_object *
penstock_directory_find_sync(const struct penstock_directory *directory,
			     struct penstock_session_id token)
{
	struct penstock_sync_object *object;

	HASH_FIND(hh, directory->syncs, &token, sizeof(token), object);
	return object;
}

void penstock_directory_remove_sync(struct penstock_directory *directory,
				    struct penstock_sync_object *object)
{
	HASH_DEL(directory->syncs, object);
}
