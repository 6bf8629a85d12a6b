/* SPDX-License-Identifier: MIT */
/*
 * The penstock tool: a table of commands in main.c, a file a command. A command gets its own
 * arguments (argv[0] is its name), reads them with getopt_long after setting optind to 0, says
 * what went wrong in one line on standard error, and returns an exit code.
 */
#ifndef PENSTOCK_TOOL_H
#define PENSTOCK_TOOL_H

#include <penstock/penstock.h>

enum penstock_exit {
	PENSTOCK_EXIT_SUCCESS = 0,
	PENSTOCK_EXIT_FAILURE = 1, /* refused, an expectation that failed, no connection */
	PENSTOCK_EXIT_USAGE = 2,   /* a bad option, script or file */
};

struct penstock_tool {
	const char *server; /* of --server; NULL: as the environment says */
};

struct penstock_tool_command {
	const char *name;
	const char *arguments; /* as --help shows them */
	const char *summary;
	int (*run)(const struct penstock_tool *tool, int argc, char **argv);
};

/*
 * Connects; where that fails, says so and returns the exit code: USAGE where the server's address
 * has no known form, FAILURE otherwise. `options` may be NULL.
 */
int penstock_tool_connect(const struct penstock_tool *tool, const struct penstock_options *options,
			  struct penstock_connection **ret_connection);

/* "penstock: SENTENCE" on standard error. */
void penstock_tool_complain(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* For any one wait, unless --timeout says otherwise. */
#define PENSTOCK_TOOL_TIMEOUT_MS 60000

/* Of --timeout: seconds, 0 is PENSTOCK_FOREVER. False: `text` is none, which is said. */
bool penstock_tool_timeout(const char *text, int32_t *ret_timeout_ms);

/* --lease: seconds for which a lost connection is made again. False: a complaint was printed. */
bool penstock_tool_lease(const char *text, uint32_t *ret_lease_s);

/* --adapter: its index, as `penstock info` shows it. False: a complaint was printed. */
bool penstock_tool_adapter(const char *text, uint32_t *ret_adapter);

int penstock_tool_run(const struct penstock_tool *tool, int argc, char **argv);
int penstock_tool_replay(const struct penstock_tool *tool, int argc, char **argv);
int penstock_tool_asm(const struct penstock_tool *tool, int argc, char **argv);
int penstock_tool_disasm(const struct penstock_tool *tool, int argc, char **argv);
int penstock_tool_info(const struct penstock_tool *tool, int argc, char **argv);
int penstock_tool_bench(const struct penstock_tool *tool, int argc, char **argv);

#endif
