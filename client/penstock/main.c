/* SPDX-License-Identifier: MIT */
/* penstock: the client's tool. Its commands are files beside this one. */
#include "client/penstock/tool.h"
#include "proto/base/base.h"
#include "proto/wire/limits.h"

#include <errno.h>
#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct penstock_tool_command commands[] = {
	{ "run", "[--adapter N] [--check] [--lease S] [--record FILE] [--timeout S] SCRIPT",
	  "run a script of Penstock assembly", penstock_tool_run },
	{ "replay", "[--timeout S] RECORDING",
	  "make a recording's requests again and compare the answers", penstock_tool_replay },
	{ "asm", "[-o FILE] [FILE]", "assemble instructions", penstock_tool_asm },
	{ "disasm", "[--offsets] [-o FILE] [FILE]", "disassemble a command buffer",
	  penstock_tool_disasm },
	{ "info", "[--json]", "what the server offers: adapters, segments, limits, formats",
	  penstock_tool_info },
	{ "bench", "[--adapter N] [--json] [--lease S] [--seconds N]",
	  "how fast the server is, from here", penstock_tool_bench },
};

void penstock_tool_complain(const char *format, ...)
{
	va_list arguments;

	fputs("penstock: ", stderr);
	va_start(arguments, format);
	vfprintf(stderr, format, arguments);
	va_end(arguments);
	fputc('\n', stderr);
}

int penstock_tool_connect(const struct penstock_tool *tool, const struct penstock_options *options,
			  struct penstock_connection **ret_connection)
{
	struct penstock_options mine = PENSTOCK_OPTIONS_INIT;
	char why[PENSTOCK_SENTENCE_BYTES] = "";
	enum penstock_status status;

	if (options != NULL) {
		mine = *options;
	}
	if (mine.client == NULL) {
		mine.client = "penstock";
	}
	mine.server = tool->server;
	status = penstock_connect(&mine, ret_connection, why, sizeof(why));
	if (status == PENSTOCK_STATUS_SUCCESS) {
		return PENSTOCK_EXIT_SUCCESS;
	}
	penstock_tool_complain("%s (%s)", why, penstock_status_name(status));
	return status == PENSTOCK_STATUS_INVALID_PARAMETER ? PENSTOCK_EXIT_USAGE
							   : PENSTOCK_EXIT_FAILURE;
}

static bool take_number(const char *text, const char *what, unsigned long most,
			unsigned long *ret_number)
{
	char *end;

	errno = 0;
	*ret_number = strtoul(text, &end, 10);
	if (errno != 0 || text[0] < '0' || text[0] > '9' || *end != '\0' || *ret_number > most) {
		penstock_tool_complain("'%s' is no number of %s", text, what);
		return false;
	}
	return true;
}

bool penstock_tool_adapter(const char *text, uint32_t *ret_adapter)
{
	unsigned long number;

	if (!take_number(text, "an adapter", UINT32_MAX, &number)) {
		return false;
	}
	*ret_adapter = (uint32_t)number;
	return true;
}

bool penstock_tool_lease(const char *text, uint32_t *ret_lease_s)
{
	unsigned long seconds;

	if (!take_number(text, "seconds", PENSTOCK_LIMIT_LEASE_S, &seconds)) {
		return false;
	}
	*ret_lease_s = (uint32_t)seconds;
	return true;
}

bool penstock_tool_timeout(const char *text, int32_t *ret_timeout_ms)
{
	unsigned long seconds;

	if (!take_number(text, "seconds", 1000000, &seconds)) {
		return false;
	}
	*ret_timeout_ms = seconds == 0 ? PENSTOCK_FOREVER : (int32_t)seconds * 1000;
	return true;
}

static void help(void)
{
	printf("usage: penstock [--server URI] COMMAND [ARGUMENTS]\n\n");
	for (size_t i = 0; i < PENSTOCK_ARRAY_SIZE(commands); i++) {
		printf("  %-8s%-46s %s\n", commands[i].name, commands[i].arguments,
		       commands[i].summary);
	}
	printf("\n  --server URI  unix:PATH or penstock://HOST:PORT; default PENSTOCK_SERVER, "
	       "then\n"
	       "                %s\n"
	       "  --help, --version\n",
	       PENSTOCK_DEFAULT_SERVER);
}

static int run_command(const struct penstock_tool *tool, int argc, char **argv)
{
	for (size_t i = 0; i < PENSTOCK_ARRAY_SIZE(commands); i++) {
		if (strcmp(commands[i].name, argv[0]) == 0) {
			return commands[i].run(tool, argc, argv);
		}
	}
	penstock_tool_complain("no command '%s' (see penstock --help)", argv[0]);
	return PENSTOCK_EXIT_USAGE;
}

int main(int argc, char **argv)
{
	static const struct option long_options[] = {
		{ "server", required_argument, NULL, 's' },
		{ "help", no_argument, NULL, 'h' },
		{ "version", no_argument, NULL, 'v' },
		{ NULL, 0, NULL, 0 },
	};
	struct penstock_tool tool = { .server = NULL };
	int option;

	while ((option = getopt_long(argc, argv, "+", long_options, NULL)) != -1) {
		switch (option) {
		case 's':
			tool.server = optarg;
			break;
		case 'h':
			help();
			return PENSTOCK_EXIT_SUCCESS;
		case 'v':
			printf("penstock %s\n", penstock_version());
			return PENSTOCK_EXIT_SUCCESS;
		default:
			return PENSTOCK_EXIT_USAGE;
		}
	}
	if (optind == argc) {
		penstock_tool_complain("which command? (see penstock --help)");
		return PENSTOCK_EXIT_USAGE;
	}
	return run_command(&tool, argc - optind, argv + optind);
}
