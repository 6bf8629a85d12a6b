/* SPDX-License-Identifier: MIT */
#include "daemon/objects/directory.h"

#include "daemon/objects/allocation.h"
#include "daemon/objects/principal.h"
#include "daemon/objects/session.h"

#include <string.h>

/* uthash asks for a hash where it is used; `directory` is in scope there. */
#undef HASH_FUNCTION
#define HASH_FUNCTION(keyptr, keylen, hashv)                                                       \
	((hashv) = penstock_directory_hash(directory->key, (keyptr), (keylen)))

static uint64_t rotate(uint64_t value, unsigned bits)
{
	return value << bits | value >> (64u - bits);
}

static void sip_round(uint64_t v[4])
{
	v[0] += v[1];
	v[2] += v[3];
	v[1] = rotate(v[1], 13) ^ v[0];
	v[3] = rotate(v[3], 16) ^ v[2];
	v[0] = rotate(v[0], 32);
	v[2] += v[1];
	v[0] += v[3];
	v[1] = rotate(v[1], 17) ^ v[2];
	v[3] = rotate(v[3], 21) ^ v[0];
	v[2] = rotate(v[2], 32);
}

static void sip_word(uint64_t v[4], uint64_t word)
{
	v[3] ^= word;
	sip_round(v);
	sip_round(v);
	v[0] ^= word;
}

uint32_t penstock_directory_hash(const uint8_t key[16], const void *bytes, size_t size)
{
	const uint8_t *at = bytes;
	uint64_t k0 = penstock_load64(key);
	uint64_t k1 = penstock_load64(key + 8);
	uint64_t v[4] = { k0 ^ 0x736f6d6570736575ull, k1 ^ 0x646f72616e646f6dull,
			  k0 ^ 0x6c7967656e657261ull, k1 ^ 0x7465646279746573ull };
	uint64_t last = (uint64_t)size << 56;
	size_t whole = size / 8u;

	for (size_t i = 0; i < whole; i++) {
		sip_word(v, penstock_load64(at + i * 8u));
	}
	for (size_t i = whole * 8u; i < size; i++) {
		last |= (uint64_t)at[i] << (i % 8u * 8u);
	}
	sip_word(v, last);
	v[2] ^= 0xff;
	for (unsigned i = 0; i < 4; i++) {
		sip_round(v);
	}
	last = v[0] ^ v[1] ^ v[2] ^ v[3];
	return (uint32_t)(last ^ last >> 32);
}

void penstock_directory_init(struct penstock_directory *directory, const uint8_t key[16])
{
	*directory = (struct penstock_directory){ .principals = NULL };
	memcpy(directory->key, key, sizeof(directory->key));
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
