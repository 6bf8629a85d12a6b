/* SPDX-License-Identifier: MIT */
#include "daemon/config.h"

#include "daemon/config_keys.h"
#include "proto/wire/limits.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void free_text(struct penstock_config *config, const struct penstock_config_key *key)
{
	free(*penstock_config_text(config, key));
	*penstock_config_text(config, key) = NULL;
}

void penstock_config_fini(struct penstock_config *config)
{
	for (size_t i = 0; i < penstock_config_key_count; i++) {
		const struct penstock_config_key *key = &penstock_config_keys[i];

		if (!penstock_config_is_text(key)) {
			continue;
		}
		free_text(config, key);
		for (uint32_t n = 1;
		     n < PENSTOCK_LIMIT_ADAPTERS && penstock_config_is_adapters(key); n++) {
			const struct penstock_config_key moved = penstock_config_key_of(key, n);

			free_text(config, &moved);
		}
	}
}

void penstock_options_fini(struct penstock_options *options)
{
	free(options->config_file);
	options->config_file = NULL;
}

/* ---------------------------------------------------------------- the command line */

/* "--name=value" or "--name value"; the value is NULL where there is none. Moves *at. */
struct option {
	char name[64];
	const char *value;
	bool attached;
};

static bool split_option(const char *argument, struct option *ret_option)
{
	const char *equals = strchr(argument, '=');
	size_t length = equals != NULL ? (size_t)(equals - argument) : strlen(argument);

	if (strncmp(argument, "--", 2) != 0 || length - 2 >= sizeof(ret_option->name) ||
	    length == 2) {
		return false;
	}
	memcpy(ret_option->name, argument + 2, length - 2);
	ret_option->name[length - 2] = '\0';
	ret_option->value = equals != NULL ? equals + 1 : NULL;
	ret_option->attached = equals != NULL;
	return true;
}

static bool plain_option(struct penstock_options *options, const struct option *option)
{
	const struct {
		const char *name;
		bool *field;
	} flags[] = {
		{ "check-config", &options->check_config },
		{ "version", &options->version },
		{ "help", &options->help },
	};

	for (size_t i = 0; i < PENSTOCK_ARRAY_SIZE(flags); i++) {
		if (strcmp(flags[i].name, option->name) == 0 && !option->attached) {
			*flags[i].field = true;
			return true;
		}
	}
	return false;
}

static enum penstock_status take_option(struct penstock_config *config,
					struct penstock_options *options,
					const struct option *option,
					struct penstock_errbuf *reterr_text)
{
	const struct penstock_config_key *key = penstock_config_key(NULL, option->name);
	struct penstock_errbuf fault;
	enum penstock_status status;

	if (strcmp(option->name, "config") == 0) {
		free(options->config_file);
		options->config_file = strdup(option->value);
		return options->config_file != NULL ? PENSTOCK_STATUS_SUCCESS
						    : PENSTOCK_STATUS_NO_MEMORY;
	}
	status = penstock_config_set(config, key, option->value, &fault);
	if (status != PENSTOCK_STATUS_SUCCESS) {
		penstock_errbuf_set(reterr_text, "--%.200s", fault.text);
		return status;
	}
	config->given |= penstock_config_bit(key);
	return PENSTOCK_STATUS_SUCCESS;
}

/* Whether the option takes a value, or -1 where there is no such option. */
static int takes_value(const struct option *option)
{
	const struct penstock_config_key *key = penstock_config_key(NULL, option->name);

	if (strcmp(option->name, "config") == 0) {
		return 1;
	}
	return key == NULL ? -1 : key->type != PENSTOCK_CONFIG_SWITCH;
}

enum penstock_status penstock_config_options(int argument_count, char **arguments,
					     struct penstock_config *config,
					     struct penstock_options *ret_options,
					     struct penstock_errbuf *reterr_text)
{
	*ret_options = (struct penstock_options){ .config_file = NULL };
	for (int at = 1; at < argument_count; at++) {
		struct option option;
		enum penstock_status status;
		int value;

		if (!split_option(arguments[at], &option)) {
			penstock_errbuf_set(reterr_text, "'%.100s' is no option", arguments[at]);
			return PENSTOCK_STATUS_INVALID_PARAMETER;
		}
		if (plain_option(ret_options, &option)) {
			continue;
		}
		value = takes_value(&option);
		if (value < 0) {
			penstock_errbuf_set(reterr_text, "there is no option '--%s'", option.name);
			return PENSTOCK_STATUS_INVALID_PARAMETER;
		}
		if (value == 0 && !option.attached) {
			option.value = "yes";
		} else if (value == 1 && !option.attached) {
			option.value = at + 1 < argument_count ? arguments[++at] : NULL;
		}
		if (option.value == NULL) {
			penstock_errbuf_set(reterr_text, "--%s wants a value", option.name);
			return PENSTOCK_STATUS_INVALID_PARAMETER;
		}
		status = take_option(config, ret_options, &option, reterr_text);
		if (status != PENSTOCK_STATUS_SUCCESS) {
			return status;
		}
	}
	return PENSTOCK_STATUS_SUCCESS;
}

void penstock_config_usage(FILE *stream)
{
	fprintf(stream, "usage: penstockd [option...]\n\n"
			"  --config FILE            read this file first\n"
			"  --check-config           read everything, say what is wrong, and exit\n"
			"  --version, --help\n");
	for (size_t i = 0; i < penstock_config_key_count; i++) {
		const struct penstock_config_key *key = &penstock_config_keys[i];
		char option[64];

		snprintf(option, sizeof(option), "--%s%s", key->name,
			 key->type == PENSTOCK_CONFIG_SWITCH ? "" : " VALUE");
		fprintf(stream, "  %-26s %s%s%s%s\n", option, key->help,
			key->initial != NULL && key->initial[0] != '\0' ? " (" : "",
			key->initial != NULL && key->initial[0] != '\0' ? key->initial : "",
			key->initial != NULL && key->initial[0] != '\0' ? ")" : "");
	}
}

/* ---------------------------------------------------------------- what nobody said */

/* The first of these places that there is; false: none. */
static bool place(char *ret_path, size_t path_bytes, const char *name, const char *systemd_variable,
		  const char *root_path, const char *user_name)
{
	const char *systemd = getenv(systemd_variable);
	const char *user = getenv("XDG_RUNTIME_DIR");

	if (systemd != NULL && systemd[0] == '/' && strchr(systemd, ':') == NULL) {
		snprintf(ret_path, path_bytes, "%s%s", systemd, name);
		return true;
	}
	if (geteuid() == 0) {
		snprintf(ret_path, path_bytes, "%s%s", root_path, name);
		return true;
	}
	if (user != NULL && user[0] == '/') {
		snprintf(ret_path, path_bytes, "%s/penstock%s", user, user_name);
		return true;
	}
	return false;
}

static enum penstock_status complete_place(struct penstock_config *config,
					   const struct penstock_config_key *key,
					   struct penstock_errbuf *reterr_text)
{
	const bool state = strcmp(key->name, "state-dir") == 0;
	const bool socket = strcmp(key->name, "socket") == 0;
	const char *name = state ? "" : socket ? "/penstock.sock" : "/memory";
	char path[4096];

	if (!place(path, sizeof(path), name, state ? "STATE_DIRECTORY" : "RUNTIME_DIRECTORY",
		   state ? "/var/lib/penstock" : "/run/penstock", state ? "/state" : name)) {
		penstock_errbuf_set(reterr_text,
				    "%s: there is no default without XDG_RUNTIME_DIR: say --%s",
				    key->name, key->name);
		return PENSTOCK_STATUS_INVALID_PARAMETER;
	}
	return penstock_config_set(config, key, path, reterr_text);
}

/* What the further section of a kind does not say is as in the first. */
static enum penstock_status inherit(struct penstock_config *config,
				    const struct penstock_config_key *key, uint32_t index,
				    struct penstock_errbuf *reterr_text)
{
	const struct penstock_config_key own = penstock_config_key_of(key, index);

	if (penstock_config_is_text(key)) {
		return penstock_config_set(config, &own, *penstock_config_text(config, key),
					   reterr_text);
	}
	if (key->type == PENSTOCK_CONFIG_SWITCH) {
		*penstock_config_switch(config, &own) = *penstock_config_switch(config, key);
	} else {
		*penstock_config_number(config, &own) = *penstock_config_number(config, key);
	}
	return PENSTOCK_STATUS_SUCCESS;
}

/* Of the section `index` of one kind, which says the keys of `given` itself. */
static enum penstock_status inherit_all(struct penstock_config *config,
					bool (*is_of_kind)(const struct penstock_config_key *key),
					uint32_t index, uint64_t given,
					struct penstock_errbuf *reterr_text)
{
	for (size_t i = 0; i < penstock_config_key_count && index > 0; i++) {
		const struct penstock_config_key *key = &penstock_config_keys[i];
		enum penstock_status status;

		if (!is_of_kind(key) || (given & penstock_config_bit(key)) != 0) {
			continue;
		}
		status = inherit(config, key, index, reterr_text);
		if (status != PENSTOCK_STATUS_SUCCESS) {
			return status;
		}
	}
	return PENSTOCK_STATUS_SUCCESS;
}

static enum penstock_status complete_adapter(struct penstock_config *config, uint32_t index,
					     struct penstock_errbuf *reterr_text)
{
	const struct penstock_config_adapter *adapter = &config->adapters[index];
	enum penstock_status status = inherit_all(config, penstock_config_is_adapters, index,
						  adapter->given, reterr_text);

	if (status != PENSTOCK_STATUS_SUCCESS) {
		return status;
	}
	if (adapter->local_memory % PENSTOCK_GRANULE_BYTES != 0 ||
	    adapter->aperture_memory % PENSTOCK_GRANULE_BYTES != 0) {
		penstock_errbuf_set(reterr_text,
				    "adapter %u: local-memory and aperture-memory are multiples of "
				    "%u bytes",
				    index, PENSTOCK_GRANULE_BYTES);
		return PENSTOCK_STATUS_INVALID_PARAMETER;
	}
	return PENSTOCK_STATUS_SUCCESS;
}

enum penstock_status penstock_config_complete(struct penstock_config *config,
					      struct penstock_errbuf *reterr_text)
{
	for (size_t i = 0; i < penstock_config_key_count; i++) {
		enum penstock_status status;

		if ((config->given & penstock_config_bit(&penstock_config_keys[i])) != 0) {
			continue;
		}
		status = penstock_config_keys[i].initial != NULL
				 ? penstock_config_set(config, &penstock_config_keys[i],
						       penstock_config_keys[i].initial, reterr_text)
				 : complete_place(config, &penstock_config_keys[i], reterr_text);
		if (status != PENSTOCK_STATUS_SUCCESS) {
			return status;
		}
	}
	for (uint32_t n = 1; n <= config->more_principals; n++) {
		enum penstock_status status = inherit_all(config, penstock_config_is_principals, n,
							  config->principals[n].given, reterr_text);

		if (status != PENSTOCK_STATUS_SUCCESS) {
			return status;
		}
	}
	for (uint32_t n = 0; n <= config->more_adapters; n++) {
		enum penstock_status status = complete_adapter(config, n, reterr_text);

		if (status != PENSTOCK_STATUS_SUCCESS) {
			return status;
		}
	}
	return PENSTOCK_STATUS_SUCCESS;
}

void penstock_config_describe(const struct penstock_config *config, FILE *stream)
{
	for (uint32_t n = 0; n <= config->more_adapters; n++) {
		const struct penstock_config_adapter *adapter = &config->adapters[n];

		fprintf(stream, "adapter %u: backend=%s local=%" PRIu64 " aperture=%" PRIu64 "\n",
			n, penstock_backend_kind_name(adapter->backend), adapter->local_memory,
			adapter->aperture_memory);
	}
}

static bool same(const struct penstock_config *a, const struct penstock_config *b,
		 const struct penstock_config_key *key)
{
	if (penstock_config_is_text(key)) {
		return strcmp(*penstock_config_text(a, key), *penstock_config_text(b, key)) == 0;
	}
	if (key->type == PENSTOCK_CONFIG_SWITCH) {
		return *penstock_config_switch(a, key) == *penstock_config_switch(b, key);
	}
	return *penstock_config_number(a, key) == *penstock_config_number(b, key);
}

/* What may change is taken over. */
static void reload_adapters(struct penstock_config *config, const struct penstock_config *next,
			    const struct penstock_config_key *key,
			    void (*fixed)(void *owner, const char *key), void *owner)
{
	for (uint32_t n = 1; n <= config->more_adapters && n <= next->more_adapters; n++) {
		const struct penstock_config_key own = penstock_config_key_of(key, n);
		char name[64];

		if (same(config, next, &own)) {
			continue;
		}
		if (key->reload) {
			*penstock_config_number(config, &own) = *penstock_config_number(next, &own);
		} else {
			snprintf(name, sizeof(name), "%s of adapter %u", key->name, n);
			fixed(owner, name);
		}
	}
}

/* Whether the sections of principals say the same. */
static bool same_principals(const struct penstock_config *a, const struct penstock_config *b)
{
	if (a->more_principals != b->more_principals) {
		return false;
	}
	for (uint32_t n = 1; n <= a->more_principals; n++) {
		const struct penstock_config_principal *one = &a->principals[n];
		const struct penstock_config_principal *other = &b->principals[n];

		if (strcmp(one->name, other->name) != 0 || one->weight != other->weight ||
		    one->max_priority != other->max_priority) {
			return false;
		}
	}
	return true;
}

void penstock_config_reload(struct penstock_config *config, const struct penstock_config *next,
			    void (*fixed)(void *owner, const char *key), void *owner)
{
	if (config->more_adapters != next->more_adapters) {
		fixed(owner, "adapter");
	}
	if (!same_principals(config, next)) {
		fixed(owner, "principal");
	}
	for (size_t i = 0; i < penstock_config_key_count; i++) {
		const struct penstock_config_key *key = &penstock_config_keys[i];

		if (penstock_config_is_adapters(key)) {
			reload_adapters(config, next, key, fixed, owner);
		}
		if (same(config, next, key)) {
			continue;
		}
		if (!key->reload) {
			fixed(owner, key->name);
			continue;
		}
		PENSTOCK_REQUIRE(!penstock_config_is_text(key) &&
				 key->type != PENSTOCK_CONFIG_SWITCH);
		*penstock_config_number(config, key) = *penstock_config_number(next, key);
	}
}
