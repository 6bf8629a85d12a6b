/* SPDX-License-Identifier: MIT */
/*
 * What the operator says: a file of [section] and key = value lines, and options of the same keys
 * on the command line, which win. [adapter] is adapter 0; [adapter 1] and so on are further ones,
 * which have from it what their own section does not say; [principal] is everybody, and [principal
 * NAME] somebody, likewise. One table (config.c) has every key with
 * its type, range and default; anything that is not in it is an error that names file, line and
 * fault.
 */
#ifndef PENSTOCK_CONFIG_H
#define PENSTOCK_CONFIG_H

#include "proto/base/base.h"
#include "proto/wire/limits.h"
#include "proto/wire/status.h"

#include <stdio.h>

#define PENSTOCK_CONFIG_PRINCIPALS    64u /* that have a section of their own */
#define PENSTOCK_CONFIG_SECTION_BYTES 50u /* of a section's name, its NUL included */

enum penstock_backend_kind {
	PENSTOCK_BACKEND_EMULATED,
	PENSTOCK_BACKEND_NULL,
	PENSTOCK_BACKEND_FAULTY, /* for tests */
	PENSTOCK_BACKEND_KIND_COUNT
};

/* [principal], [principal NAME]. */
struct penstock_config_principal {
	char name[PENSTOCK_CONFIG_SECTION_BYTES]; /* of the first: "", everybody else */
	uint64_t weight;
	uint64_t max_priority;
	uint64_t given; /* as in penstock_config; the rest is everybody's. Not used by the first. */
};

/* [adapter], [adapter N]. The strings are owned. */
struct penstock_config_adapter {
	uint64_t backend;      /* enum penstock_backend_kind */
	char *faults;          /* of the faulty backend, daemon/faults.h */
	uint64_t local_memory; /* bytes */
	uint64_t aperture_memory;
	uint64_t hw_queue_packet_cap;
	uint64_t first_fence;
	bool test_instructions;
	bool pipelines;
	uint64_t tdr_delay_ms;
	uint64_t tdr_limit_count;
	uint64_t tdr_limit_time_s;
	uint64_t tdr_block_time_s;
	bool paranoid;
	uint64_t given; /* as in penstock_config; the rest is adapter 0's. Not used by adapter 0. */
};

/* The strings are owned. */
struct penstock_config {
	/* [daemon] */
	char *socket; /* path of the Unix socket */
	uint64_t socket_mode;
	char *listen; /* loopback HOST:PORT, or "" */
	char *state_dir;
	char *memory_dir;
	char *gpu_program;
	char *shader_program;
	uint64_t log_level; /* as in syslog: 3 error ... 7 debug */
	uint64_t worker_bytes;
	struct penstock_config_adapter adapters[PENSTOCK_LIMIT_ADAPTERS];
	uint32_t more_adapters; /* beside adapter 0, which is always there */
	struct penstock_config_principal principals[1 + PENSTOCK_CONFIG_PRINCIPALS];
	uint32_t more_principals; /* beside everybody */
	/* [limits] */
	uint64_t principal_memory; /* bytes */
	uint64_t principal_sessions;
	uint64_t connections;
	uint64_t max_lease_s;
	uint64_t drain_s; /* how long SIGTERM lets work go on */

	uint64_t given; /* bit n: key n of the table was said; the rest are defaults */
};

/* What is said on the command line beside keys. */
struct penstock_options {
	char *config_file; /* owned; NULL: none was named */
	bool check_config;
	bool version;
	bool help;
};

void penstock_config_fini(struct penstock_config *config);
void penstock_options_fini(struct penstock_options *options);

/*
 * Command line into options and the keys that it says. SUCCESS, or INVALID_PARAMETER with one line
 * for the operator; NO_MEMORY. `config` is zeroed before, and to be freed in every case.
 */
PENSTOCK_MUST_CHECK
enum penstock_status penstock_config_options(int argument_count, char **arguments,
					     struct penstock_config *config,
					     struct penstock_options *ret_options,
					     struct penstock_errbuf *reterr_text);

/*
 * A file; what was said already (command line) stays. The text names file, line and fault.
 * INVALID_PARAMETER, NOT_FOUND and ACCESS_DENIED (the file), NO_MEMORY.
 */
PENSTOCK_MUST_CHECK
enum penstock_status penstock_config_file(struct penstock_config *config, const char *path,
					  struct penstock_errbuf *reterr_text);

/* The same for an open stream; `name` is what errors call it. */
PENSTOCK_MUST_CHECK
enum penstock_status penstock_config_stream(struct penstock_config *config, FILE *stream,
					    const char *name, struct penstock_errbuf *reterr_text);

/*
 * Fills in what nobody said, from the table and, for places, from the environment (systemd's
 * RUNTIME_DIRECTORY and STATE_DIRECTORY, /run and /var/lib for root, XDG_RUNTIME_DIR), and checks
 * what hangs together. INVALID_PARAMETER, NO_MEMORY.
 */
PENSTOCK_MUST_CHECK
enum penstock_status penstock_config_complete(struct penstock_config *config,
					      struct penstock_errbuf *reterr_text);

/* What of `next` may change while the daemon runs is taken over. Calls `fixed` with the name of
 * each other key that differs. */
void penstock_config_reload(struct penstock_config *config, const struct penstock_config *next,
			    void (*fixed)(void *owner, const char *key), void *owner);

/* What there is to say of a good one: its adapters. */
void penstock_config_describe(const struct penstock_config *config, FILE *stream);

/* The keys, for --help. */
void penstock_config_usage(FILE *stream);

const char *penstock_backend_kind_name(uint64_t kind);

#endif
