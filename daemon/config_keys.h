/* SPDX-License-Identifier: MIT */
/*
 * The key table of the configuration. For config.c and config_file.c; nobody else includes this.
 */
#ifndef PENSTOCK_CONFIG_KEYS_H
#define PENSTOCK_CONFIG_KEYS_H

#include "daemon/config.h"

#include <string.h>

enum penstock_config_type {
	PENSTOCK_CONFIG_PATH,    /* absolute */
	PENSTOCK_CONFIG_FAULTS,  /* as in daemon/faults.h, or nothing */
	PENSTOCK_CONFIG_ADDRESS, /* loopback HOST:PORT, or nothing */
	PENSTOCK_CONFIG_NUMBER,
	PENSTOCK_CONFIG_BYTES,  /* with K, M or G behind it */
	PENSTOCK_CONFIG_MODE,   /* octal */
	PENSTOCK_CONFIG_SWITCH, /* yes, no; as an option: no value */
	PENSTOCK_CONFIG_CHOICE,
};

struct penstock_config_choice {
	const char *name;
	uint64_t value;
};

struct penstock_config_key {
	const char *section;
	const char *name;
	const char *initial; /* NULL: from the environment */
	const char *help;
	const struct penstock_config_choice *choices;
	size_t field;
	uint64_t minimum;
	uint64_t maximum; /* of a text: bytes; 0: any length */
	enum penstock_config_type type;
	bool reload;
};

extern const struct penstock_config_key penstock_config_keys[];
extern const size_t penstock_config_key_count;

/* NULL: there is no such key. `section` NULL: any. */
const struct penstock_config_key *penstock_config_key(const char *section, const char *name);

static inline bool penstock_config_is_text(const struct penstock_config_key *key)
{
	return key->type == PENSTOCK_CONFIG_PATH || key->type == PENSTOCK_CONFIG_ADDRESS ||
	       key->type == PENSTOCK_CONFIG_FAULTS;
}

static inline char **penstock_config_text(const struct penstock_config *config,
					  const struct penstock_config_key *key)
{
	return (char **)(void *)((char *)config + key->field);
}

static inline uint64_t *penstock_config_number(const struct penstock_config *config,
					       const struct penstock_config_key *key)
{
	return (uint64_t *)(void *)((char *)config + key->field);
}

static inline bool *penstock_config_switch(const struct penstock_config *config,
					   const struct penstock_config_key *key)
{
	return (bool *)((char *)config + key->field);
}

/* The key's bit in penstock_config.given. */
static inline uint64_t penstock_config_bit(const struct penstock_config_key *key)
{
	return 1ull << (key - penstock_config_keys);
}

static inline bool penstock_config_is_adapters(const struct penstock_config_key *key)
{
	return strcmp(key->section, "adapter") == 0;
}

static inline bool penstock_config_is_principals(const struct penstock_config_key *key)
{
	return strcmp(key->section, "principal") == 0;
}

/* A key of [adapter] as one of the section `index` of that kind: the same but for its place. */
static inline struct penstock_config_key
penstock_config_key_of(const struct penstock_config_key *key, uint32_t index)
{
	struct penstock_config_key moved = *key;

	moved.field += index * (penstock_config_is_adapters(key)
					? sizeof(struct penstock_config_adapter)
					: sizeof(struct penstock_config_principal));
	return moved;
}

/* Parses, checks and sets. INVALID_PARAMETER, NO_MEMORY with a text that names the key. */
PENSTOCK_MUST_CHECK
enum penstock_status penstock_config_set(struct penstock_config *config,
					 const struct penstock_config_key *key, const char *value,
					 struct penstock_errbuf *reterr_text);

#endif
